# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flags of the managed service: looking makes a plan, an act performs one. A restart is a plan that writes nothing.

Only looking refuses. Once an act has begun to stop the service it waits and starts; what went wrong is said then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import (
    _code,
    _envfile,
    _fence,
    _http,
    _journal,
    _lease,
    _trust,
)
from ansible_collections.kumon.runbook.plugins.module_utils._details import detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Process
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._service import (
    Flags,
    Seen,
    Service,
    no_health,
    rendered,
    values,
)
from ansible_collections.kumon.runbook.plugins.module_utils._start_line import StartLine

POLL_FIRST, POLL_GROWTH, POLL_LAST = 0.05, 1.3, 0.25
# A process that keeps an environment without the flags this long after it was started will not get them any more:
# right after the fork it still shows its parent's environment, for milliseconds.
SETTLED = 3.0
# What health may take before the fence stands: only an answer that cannot be the assistant's is waited for.
GLANCE = 0.15
LOG_LINE_LIMIT = 200


@dataclass(frozen=True)
class Limits:
    """What an act may take. Raises Refused for bad input."""

    seconds: float  # the whole of it
    stop_timeout: float  # until old processes are killed
    health_wait: float | None = None  # for health, once the processes have the flags; None for all that is left
    health_required: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 600:
            raise Refused(f"budget must be between 1 and 600 seconds, not {self.seconds:g}")
        if not 0 <= self.stop_timeout < self.seconds:
            raise Refused(
                f"stop_timeout must be at least 0 and below the budget ({self.seconds:g} s), not {self.stop_timeout:g}"
            )
        if self.health_wait is not None and not 0 <= self.health_wait <= self.seconds:
            raise Refused(
                f"health_wait must be between 0 and the budget ({self.seconds:g} s), not {self.health_wait:g}"
            )


@dataclass(frozen=True)
class Order:
    """What is asked for."""

    flags: Flags
    keep: Sequence[str]  # flags that shall stay as the running process has them
    effective: bool  # in the running processes, not only for the next start


class Write(NamedTuple):
    """One file that is to be replaced."""

    path: str
    before: bytes | None
    after: bytes | None  # None takes it away


@dataclass(frozen=True)
class Plan:
    """What was seen, and what is to be done for the order."""

    order: Order
    seen: Seen
    previous: Flags  # what is declared
    undone: Flags  # what an undo has to bring back
    writes: Sequence[Write]
    must_reload: bool
    must_restart: bool
    if_it_fails: str  # what stands then, and what comes next
    ends: Sequence[int] = ()  # the processes that a restart ends

    @property
    def changed(self) -> bool:
        return bool(self.writes or self.must_reload or self.must_restart)

    def diff(self, label: str, *, check_mode: bool) -> list[dict[str, str]]:
        def text(content: bytes | None) -> str:
            return redact((content or b"").decode("utf-8", "replace"))

        changes = [
            {
                "before_header": write.path,
                "after_header": write.path,
                "before": text(write.before),
                "after": text(write.after),
            }
            for write in self.writes
        ]
        if self.must_restart:
            restart = "would restart" if check_mode else "restarted"
            changes.append({"prepared": f"{restart} {label}{self.which}\n"})
        return changes

    @property
    def which(self) -> str:
        """The processes that a restart ends, to stand behind the service's name."""
        pids = ", ".join(map(str, self.ends))
        return f" (process {pids})" if pids else ""


# -- looking: what cannot work is refused here


def plan_flags(service: Service, order: Order, look: Seen | None = None) -> Plan:
    """Read everything but what a `look` has seen already, and plan what makes the flags so. Raises Refused."""
    manager, flags = service.manager, order.flags
    processes = service.looked(change=True) if look is None else list(look.processes)
    content = service.read(service.env_file)
    previous = values(_envfile.parse(content), flags)
    writes = _writes(service, content, flags)
    # A removal will be newer than any process.
    removed = [flag for flag, wanted in flags.items() if wanted is None and previous[flag] is not None]
    seen = Seen(processes)
    if order.effective:
        known = look is not None and look.answered
        seen = look if look and known else Seen(processes, service.health.ask(service.health.timeout))
        service.refuse_wrong_health(seen)
    must_restart = order.effective and (
        not processes
        or bool(service.lacking(processes, flags))
        or any(flag in process.environ for flag in removed for process in processes)
        or (any(not process.readable for process in processes) and not service.reports(flags, seen))
    )
    referred = any(write.path != service.env_file for write in writes)
    must_reload = referred or manager.must_reload(flags, must_restart)
    if must_restart:
        service.may_restart()
        manager.prepare(processes, flags)
    # Below our declarations for a unit stand its own; a plain process has only what it was started with.
    started = seen.environ if manager.name == "process" else {}
    switched = _envfile.truthy(flags.get(KILL_SWITCH))
    return Plan(
        order=order,
        seen=seen,
        previous=previous,
        undone={
            flag: _envfile.restorable(value if value is not None else started.get(flag))
            for flag, value in previous.items()
        },
        writes=writes,
        must_reload=must_reload,
        must_restart=must_restart,
        if_it_fails=f"{'The kill-switch' if switched else 'What was declared'} stays declared. Next: rollback level 3.",
        ends=service.manager.ends(seen.processes),
    )


def _writes(service: Service, content: bytes | None, flags: Flags) -> list[Write]:
    try:
        edited = _envfile.edit(content, flags)
    except ValueError as exc:
        raise Refused(f"{service.env_file} cannot be added to, {exc}") from exc
    # What refers to the env file comes first: should the disk be full, it is easily taken away again.
    declarations = service.manager.declarations(flags).items()
    foreign = _envfile.foreign(edited) if declarations else []
    if foreign:
        raise Refused(
            f"line {foreign[0]} of {service.env_file} is no text in UTF-8, so that systemd reads nothing of it: "
            "correct it"
        )
    writes = [Write(path, service.read(path), wanted) for path, wanted in declarations]
    writes += [Write(path, service.read(path), None) for path in service.manager.obsolete(flags)]
    writes = [write for write in writes if write.before != write.after]
    if edited is not None and edited is not content:
        writes.append(Write(service.env_file, content, edited))
    for write in writes:
        if not _trust.writable(write.path):
            raise Refused(
                f"{write.path} cannot be written: run with become: true, or see whether its file system is read-only"
            )
    return writes


def plan_restart(service: Service, keep: Sequence[str], in_force: Flags | None = None) -> Plan:
    """Plan a restart with another release: what is declared and in force is so afterwards. Raises Refused.

    `in_force` are the flags to see again; by default those that are declared and that every process has.
    """
    processes = service.processes(change=True)
    if in_force is None:
        declared = _envfile.parse(service.read(service.env_file)) if processes else {}
        in_force = {
            name: value
            for name, value in declared.items()
            if all(_envfile.same(process.environ.get(name), value) for process in processes)
        }
    must_reload = service.manager.must_reload({}, True)
    service.manager.prepare(processes, dict(in_force), other_release=True)
    seen = Seen(processes, service.health.ask(service.health.timeout))
    # A release that is to be replaced may answer anything; that nobody listens where its process does is a mistake.
    if any(answer.kind == "refused" for answer in seen.answers):
        service.refuse_wrong_health(seen)
    return Plan(
        order=Order(in_force, keep, True),
        seen=seen,
        previous=in_force,
        undone={},
        writes=(),
        must_reload=must_reload,
        must_restart=True,
        if_it_fails="",
        ends=service.manager.ends(seen.processes),
    )


# -- performing


class Act:
    """Performs one plan; `seen` is the service as it was last seen."""

    def __init__(
        self,
        service: Service,
        plan: Plan,
        limits: Limits,
        on_stopped: Callable[[], None] | None = None,
        on_seen: Callable[[Sequence[Process]], None] | None = None,
    ):
        self._on_stopped = on_stopped  # called once the old processes are over
        self._on_seen = on_seen  # called with the processes at each look after a restart
        self.service = service
        self.host = service.host
        self.manager = service.manager
        self.plan = plan
        self.limits = limits
        self._end = 0.0  # when the time for it is over
        self.seen = plan.seen
        self.restarted = False
        self.came_back: float | None = None  # when every process was a new one

    @property
    def flags(self) -> Flags:
        return self.plan.order.flags

    def _left(self) -> float:
        return self._end - self.host.clock()

    def perform(self, began: float | None = None) -> str | None:
        """Do it, within the limits from `began` (or now) on.

        Returns what went wrong, None when the wanted state was reached; raises Refused when nothing was changed.
        """
        self._end = (self.host.clock() if began is None else began) + self.limits.seconds
        self._declare()
        try:
            if self.plan.must_reload:
                self.manager.reload(max(1.0, self._left()))
            if self.plan.must_restart:
                self._restart()
            return self._prove() if self.plan.order.effective else None
        except Stopped as exc:
            self._look_again()
            return f"{exc}.{self._tail()} {self.plan.if_it_fails}"

    def _prove(self) -> str | None:
        """See that health answers, and that what is kept was kept. Raises Stopped."""
        if self.manager.is_up():
            self.manager.finished()
        urls, required = self.service.health.urls, self.limits.health_required
        # A service that was not restarted has no start to wait for.
        if urls and (self.restarted or (required and not self.seen.answered)):
            self._await_health()
        if urls and required and not self.seen.answered:
            return (
                f"health of {self.manager.label} gave no answer ({no_health(self.seen.answers)}; "
                f"{self.manager.describe()}), though every process has the flags.{self._tail()} "
                f"{self.plan.if_it_fails}"
            )
        lost = [flag for flag, value in self.kept().items() if not _envfile.same(value["after"], value["before"])]
        # Where nothing ran before there is nothing to compare with.
        if lost and self.plan.seen.processes:
            return (
                f"{self.manager.label} runs with the flags, but {', '.join(lost)} did not stay what it was: "
                "something outside of the runbook sets it. Declare it with rollback level 1 or roll_forward."
            )
        return None

    def _declare(self) -> None:
        """Write the files. Raises Refused when one cannot be written; then none is changed."""
        written: list[Write] = []
        for write in self.plan.writes:
            try:
                if write.after is None:
                    os.unlink(write.path)
                else:
                    _trust.replace(write.path, write.after, 0o640 if write.path == self.service.env_file else 0o644)
            except OSError as exc:
                for other in written:
                    with contextlib.suppress(OSError):
                        if other.before is None:
                            os.unlink(other.path)
                        else:
                            _trust.replace(other.path, other.before, 0o644)
                raise Refused(
                    f"{write.path} cannot be written ({exc.strerror}), nothing was changed: "
                    f"{'free space there' if exc.errno in _journal.NO_SPACE else 'see its directory'} and run again, "
                    "or stop the messages by the network fence"
                ) from exc
            written.append(write)

    def _look_again(self) -> list[Process]:
        processes = self.manager.seen()
        self.seen = Seen(processes, self.seen.answers)
        return processes

    def _restart(self) -> None:
        """Restart and wait until every process has the flags. Raises Stopped, once the service is started again.

        Here only what cannot be refused is asked: seen() and not processes().
        """
        manager, begun, pause = self.manager, self.host.clock(), POLL_FIRST
        before = self.plan.seen.processes
        # What answered until now was the old process.
        self.seen = Seen(before)
        manager.restart(list(before), self.flags)
        self.restarted = True
        old = {process.key for process in before}
        since: dict[tuple[int, int], float] = {}
        while True:
            last = self._left() <= 0
            processes = self._look_again()
            if self._on_seen is not None:
                self._on_seen(processes)
            if self._on_stopped is not None and manager.has_stopped():
                self._on_stopped()
                self._on_stopped = None
            manager.advance(self.host.clock() - begun, self.limits.stop_timeout, last)
            fresh = [process for process in processes if process.key not in old]
            lacking = self.service.lacking(fresh, self.flags, fresh=True)
            renewed = bool(fresh) and len(fresh) == len(processes) and manager.has_stopped()
            now = self.host.clock()
            if renewed and not lacking and manager.is_up():
                self.came_back = now
                return
            for process, missing in lacking:
                if now - since.setdefault(process.key, now) >= SETTLED:
                    raise Stopped(
                        f"process {process.pid} of {manager.label} was started without the declared "
                        f"{', '.join(missing)}, something else sets it"
                    )
            if last:
                raise Stopped(
                    f"{manager.label} did not come back within {self.limits.seconds:g} s ({manager.describe()})"
                )
            self.host.sleep(max(0.01, min(pause, self._left())))
            pause = min(pause * POLL_GROWTH, POLL_LAST)

    def _await_health(self) -> None:
        """Ask until health answers or the time for it is over. Raises Stopped when the service ends meanwhile."""
        health, wait, pause = self.service.health, self.limits.health_wait, POLL_FIRST
        end = self.host.clock() + (self._left() if wait is None else min(wait, self._left()))
        while True:
            # Once at least, however little is left; the limit keeps it short then.
            answers = health.ask(max(0.2, min(end - self.host.clock(), health.longest)))
            self.seen = Seen(self.seen.processes, answers)
            # Routes are there from the first answer on: a 404 for each of them will stay one.
            routed = len(answers) == len(health.urls) and all(item.kind == "not_found" for item in answers)
            if self.seen.answered or routed:
                break
            if self.restarted:
                self._look_again()
                self.manager.check()
            if self.host.clock() >= end:
                break
            self.host.sleep(pause)
            pause = min(pause * POLL_GROWTH, POLL_LAST)
        processes = self._look_again()
        refused = [answer for answer in answers if answer.kind == "refused" and _http.is_local(answer.url)]
        if self.restarted and refused and len(refused) == len(answers):
            # Where nobody listens no message arrives either: that is no health that hangs.
            raise Stopped(
                f"{self.manager.label} did not come back, nobody listens at {answers[0].url} "
                f"({self.manager.describe()})"
            )
        if not processes or self.service.lacking(processes, self.flags, fresh=self.restarted):
            raise Stopped(f"{self.manager.label} did not stay up ({self.manager.describe()})")

    # -- telling

    def kept(self) -> dict[str, Flags]:
        """What each flag to be kept was in the process that ran before, and is now in the one that differs, if any."""
        before = self.plan.seen.environ
        return {flag: {"before": before.get(flag), "after": self._now(flag)} for flag in self.plan.order.keep}

    def _now(self, flag: str) -> str | None:
        was = self.plan.seen.environ.get(flag)
        now = [process.environ.get(flag) for process in self.seen.processes]
        changed = [value for value in now if not _envfile.same(value, was)]
        return (changed or now or [None])[0]

    def result(self, *, check_mode: bool = False) -> dict[str, Any]:
        """The module's result, as far as it has come."""
        plan = self.plan
        did = bool(self.restarted or plan.writes or plan.must_reload)
        return dict(
            self.service_result(),
            kept=self.kept(),
            running=bool(self.seen.processes) and not (self.restarted and self.manager.loops()),
            previous=plan.previous,
            previous_effective=values(plan.seen.environ, self.flags),
            restarted=self.restarted,
            changed=plan.changed if check_mode else did,
            diff=plan.diff(self.manager.label, check_mode=check_mode),
            warnings=self.manager.warnings,
        )

    def service_result(self) -> dict[str, Any]:
        return self.service.result(self.flags, self.seen, effective=self.plan.order.effective, fresh=self.restarted)

    def _tail(self) -> str:
        lines = [redact(line)[:LOG_LINE_LIMIT] for line in self.manager.log_tail() if line.strip()]
        return f" Last log lines: {' / '.join(lines).rstrip('.')}." if lines else ""


# -- the fence before everything else


class First:
    """The network fence, where one is asked for: engaged before the flags are looked at, and counted at the end.

    Where there can be none, `told` says why, and the flags are set all the same. Raises Refused before it is engaged.
    """

    def __init__(self, params: dict[str, Any], service: Service, check_mode: bool):
        self._params = dict(params, state="present", url=params["fence_url"], user=None)
        self._service = service
        self.told: dict[str, Any] | None = None
        self.look: Seen | None = None
        self.diff: list[dict[str, str]] = []
        self._moved = False  # whether a container has come back with another address
        if params["fence_url"] is not None:
            self._engage(check_mode)

    @property
    def stands(self) -> bool:
        return bool(self.told and self.told["present"])

    @property
    def contains(self) -> bool:
        """Whether a container is fenced in."""
        return bool(self.stands and self.told and self.told["sources"])

    def _engage(self, check_mode: bool) -> None:
        service = self._service
        # What was mistyped is refused while nothing is changed; what is slow to answer holds nothing up.
        self.look = Seen(service.looked(change=True), service.health.ask(GLANCE) if service.health.urls else ())
        if len(self.look.answers) == len(service.health.urls):
            service.refuse_wrong_health(self.look)
        try:
            fence = _fence.ensure(self._params, service.host, check_mode, self._whom(self.look.processes))
        except _fence.NoFence as exc:
            fence = {"present": False, "why": exc.why, "changed": False}
        except Failed as exc:
            fence = {"present": False, "why": detail("fence_fails", reason=str(exc)), "changed": False}
        service.manager.warnings.extend(fence.pop("warnings", []))
        texts = fence.pop("diff", {"before": "", "after": ""})
        if fence["changed"]:
            self.diff = [{"before_header": "nftables", "after_header": "nftables", **texts}]
        self.told = fence

    def _whom(self, processes: Sequence[Process]) -> Callable[[], _fence.Senders]:
        service, pids = self._service, [process.pid for process in processes]
        return lambda: _fence.senders_of(service.manager, service.host, pids)

    def follow(self, processes: Sequence[Process]) -> None:
        """The container is started anew, perhaps with another address: that is fenced in at once."""
        if self.told is not None and _fence.follow(self._params, self._service.host, [one.pid for one in processes]):
            self._moved = True

    def settle(self) -> None:
        """Have the fence, and what keeps it, be that of the container or the users who run now."""
        if self.told is None or not (self._moved or self._has_another_user()):
            return
        with contextlib.suppress(Refused, Failed):
            now = _fence.ensure(self._params, self._service.host, False, self._whom(self._service.manager.seen()))
            self.told.update({name: now[name] for name in ("sources", "uid", "uids", "attempt")})

    def _has_another_user(self) -> bool:
        """Whether it has come back as one whom the fence does not hold: its unit was changed, and not started since."""
        if not self.stands or self.contains or self.told is None:
            return False
        main = Seen(self._service.manager.seen()).main
        ids = self._service.host.proc.ids(main.pid) if main else None
        return ids is not None and ids.uid not in self.told["uids"]

    def note(self) -> None:
        """The old processes are over: what is turned away from here on is the new ones'."""
        _fence.settle(self._params, self._service.host)

    def _standing(self) -> dict[str, Any] | None:
        return _fence.standing(self._params, self._service.host) if self.stands else None

    def into(self, result: dict[str, Any]) -> dict[str, Any]:
        """A result of the act with what the fence has done by now."""
        standing = self._standing()
        if self.told and standing:
            self.told.update({name: standing[name] for name in ("present", "packets", "attempts", "attempts_before")})
            if result.get("pids"):
                # Of the processes that run now: those of before may have had another environment, or there were none.
                proxy = _fence.proxied(self._params["url"], self._service.host, result["pids"])
                self.told["proxied"] = proxy is not None
        changed = bool(result.get("changed") or (self.told or {}).get("changed"))
        return dict(result, fence=self.told, changed=changed, diff=[*self.diff, *result.get("diff", [])])


# -- the module


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Bring the flags to the wanted state.

    Returns a module's result (with `diff` and `warnings`). Raises Refused before the first change, Failed with what was
    reached after it.
    """
    service = Service(params, host)
    flags = rendered(params["flags"])
    limits = Limits(params["budget"], params["stop_timeout"], params["health_wait"], params["health_required"])
    both = sorted(set(params["keep"]) & set(flags))
    if both:
        raise Refused(f"{', '.join(both)} cannot both be set and be kept: take it out of flags or of keep")
    order = Order(flags, params["keep"], params["state"] == "effective")
    first = First(params, service, check_mode)
    start_line = StartLine(params, host)

    def told(result: dict[str, Any], message: str = "") -> dict[str, Any]:
        set_ones = [flag for flag, value in flags.items() if value is not None]
        unread = _code.unread(params["code_dir"], set_ones) if params["code_dir"] else None
        if not check_mode:
            first.settle()
        # What was tried in the meantime is counted last.
        act = dict(result, fence=first.told, msg=message)
        traces = None if check_mode or params["observe"] is None else _observed(params, act)
        if result["restarted"] and params["observe"] is not None:
            result["proofs"] = [*result["proofs"], *start_line.proofs(flags, result["pids"])]
        return dict(first.into(result), unread=unread, traces=traces)

    try:
        return told(_carry_out(params, service, order, limits, first, start_line, check_mode))
    except Failed as exc:
        stands = " The network fence stands: no message leaves." if first.stands else ""
        raise Failed(str(exc) + stands, told(exc.result, str(exc))) from exc
    except Refused as exc:
        if not first.stands or check_mode:
            raise
        # The flags are as they were, and the fence stands: that is no refusal any more.
        processes = service.manager.seen()
        reached = dict(service.result(flags, Seen(processes)), restarted=False, running=bool(processes), changed=False)
        raise Failed(str(exc), told(dict(reached, warnings=service.manager.warnings), str(exc))) from exc


def _observed(params: dict[str, Any], act: dict[str, Any]) -> dict[str, Any] | None:
    """What the processes do next. An act that failed, and behind no fence, is not watched."""
    if act["msg"] and not ((act["fence"] or {}).get("present") and act.get("running")):
        return None
    if act.get("started") and not act.get("restarted"):
        # What a process has done behind a fence that was lifted since was not its own doing.
        with contextlib.suppress(OSError):
            lifted = _journal.last_lift(_journal.path_in(params["state_dir"]), params["service"])
            act = dict(act, started=max(act["started"], lifted or ""))
    # To compile all that reads a log takes longer than the fence: not before the act is done.
    from ansible_collections.kumon.runbook.plugins.module_utils.log import measure

    return measure.after_an_act(params, act)


def _carry_out(
    params: dict[str, Any],
    service: Service,
    order: Order,
    limits: Limits,
    first: First,
    start_line: StartLine,
    check_mode: bool,
) -> dict[str, Any]:
    host, warnings = service.host, service.manager.warnings
    plan = plan_flags(service, order, first.look)
    claim = _lease.claim_from(params, limits.seconds)
    if check_mode:
        _lease.forewarn(claim, host, warnings)
        return Act(service, plan, limits).result(check_mode=True)
    # What changes nothing disturbs nobody, and needs nobody's leave.
    with _lease.held(claim if plan.changed else None, host, warnings) as waited:
        if waited:
            # The run that was waited for may have done just this.
            plan = plan_flags(service, order)
        start_line.begin()

        def over() -> None:
            start_line.over()
            if first.stands:
                first.note()

        return _perform(params, Act(service, plan, limits, over, first.follow if first.contains else None))


def _perform(params: dict[str, Any], act: Act) -> dict[str, Any]:
    plan = act.plan

    def journal(phase: str, after: Flags, ok: bool | None, message: str) -> None:
        if plan.changed:
            _journal.record(
                params,
                act.manager.warnings,
                act="service_flags",
                phase=phase,
                before=plan.undone,
                after=after,
                ok=ok,
                msg=message,
            )

    journal("begin", act.flags, None, "")
    try:
        wrong = act.perform(act.service.began)
    except Refused as exc:
        journal("outcome", plan.previous, False, str(exc))
        raise
    except BaseException as exc:
        # Interrupted, or a defect of ours: the journal says so, whatever comes next.
        journal("outcome", act.flags, False, f"ended by {type(exc).__name__}")
        raise
    result = act.result()
    journal("outcome", result["declared"], wrong is None, wrong or "")
    if wrong is not None:
        raise Failed(wrong, result)
    return result
