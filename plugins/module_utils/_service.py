# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flags of the managed service: declare them, make them effective in its processes, prove it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Union

from ansible_collections.kumon.runbook.plugins.module_utils import _envfile, _files, _http, _journal, _lease
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Host, Process
from ansible_collections.kumon.runbook.plugins.module_utils._process import PlainProcess
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import Systemd

KILL_SWITCH = "DELIVERY_DISABLE"
POLL_FIRST, POLL_GROWTH, POLL_LAST = 0.05, 1.3, 0.25
# A process that keeps an environment without the flags this long after it was started will not get them any more:
# right after the fork it still shows its parent's environment, for milliseconds.
SETTLED = 3.0
LOG_LINE_LIMIT = 200

Manager = Union[Systemd, PlainProcess]

SERVICE_SPEC: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "required": True},
    "manager": {"type": "str", "choices": ["systemd", "process"], "default": "systemd"},
    "env_file": {"type": "path", "default": "/etc/kumon-assistant/runbook.env"},
    "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
    "port": {"type": "int"},
    "pid_file": {"type": "path"},
}
HEALTH_SPEC: dict[str, dict[str, Any]] = {
    "health_urls": {"type": "list", "elements": "str", "default": []},
    "health_timeout": {"type": "float", "default": 2.0},
    "health_fields": {"type": "dict", "default": {KILL_SWITCH: "delivery_disabled"}},
}
LAUNCH_SPEC: dict[str, dict[str, Any]] = {
    "command": {"type": "list", "elements": "str"},
    "chdir": {"type": "path"},
    "log_file": {"type": "path"},
}
JOURNAL_SPEC: dict[str, dict[str, Any]] = {
    "run_id": {"type": "str"},
    "actor": {"type": "str"},
    "procedure": {"type": "str"},
}


@dataclass
class Health:
    """Where the service tells about itself, and which of its fields stands for which flag."""

    urls: list[str] = field(default_factory=list)
    timeout: float = 2.0
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for url in self.urls:
            wrong = _http.check_url(url)
            if wrong:
                raise Refused(f"health URL {url!r} is not valid ({wrong}): correct runbook_health_url")
        if not 0 < self.timeout <= 60:
            raise Refused(f"health_timeout must be above 0 and at most 60 seconds, not {self.timeout:g}")

    @property
    def longest(self) -> float:
        """Seconds that asking every URL may take."""
        return self.timeout * len(self.urls)

    def ask(self, total: float) -> list[_http.Answer]:
        return _http.first_answer(self.urls, self.timeout, total)


def health_from(params: dict[str, Any]) -> Health:
    return Health(params["health_urls"], params["health_timeout"], params["health_fields"])


def manager_from(params: dict[str, Any], host: Host) -> Manager:
    """The service of a module's parameters. Raises Refused."""
    for name in ("env_file", "state_dir", "pid_file", "chdir", "log_file"):
        if params.get(name) and not os.path.isabs(params[name]):
            raise Refused(f"{name} must be an absolute path, not {params[name]!r}")
    if params["manager"] == "systemd":
        return Systemd(params["service"], params["env_file"], host)
    return PlainProcess(
        params["service"],
        params["env_file"],
        host,
        params["state_dir"],
        params["port"],
        params["pid_file"],
        params.get("command"),
        params.get("chdir"),
        params.get("log_file"),
    )


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _best(answers: list[_http.Answer]) -> _http.Answer | None:
    """The answer that says most: `ok` is always the last one, else one that spoke JSON, else the first."""
    if not answers:
        return None
    if answers[-1].kind == "ok":
        return answers[-1]
    spoke = [answer for answer in answers if answer.kind == "error"]
    return (spoke or answers)[0]


def _reason(answers: list[_http.Answer]) -> str:
    return "; ".join(f"{answer.url}: {answer.detail}" for answer in answers) or "it was not asked"


def _refuse_wrong_health(answers: list[_http.Answer], manager: Manager, processes: list[Process]) -> None:
    """A URL that cannot be the assistant's is a mistake in the variables, and found before anything is changed.

    Health that hangs, fails or does not listen yet is no reason to hold a kill-switch back.
    """
    if answers and all(answer.kind == "not_json" for answer in answers):
        raise Refused(
            f"{answers[0].url} answers {answers[0].detail}, not the assistant's health: correct runbook_health_url"
        )
    if not processes or not answers or any(answer.kind != "refused" for answer in answers):
        return
    ports = manager.host.proc.ports([process.pid for process in processes])
    asked = [answer.url for answer in answers if _http.port_of(answer.url) not in ports and _http.is_local(answer.url)]
    if ports and len(asked) == len(answers):
        raise Refused(
            f"nothing answers at {asked[0]}; the service listens on {', '.join(map(str, ports))}: "
            "correct runbook_health_url, or set it empty to prove without health"
        )


def _reported(answer: _http.Answer | None, fields: dict[str, str]) -> dict[str, Any]:
    """What health says of each flag that has a field there; None where it says nothing."""
    said = answer.json if answer is not None else {}
    return {flag: said.get(name) for flag, name in fields.items()}


def _values(environ: dict[str, str], flags) -> dict[str, str | None]:
    return {flag: environ.get(flag) for flag in flags}


class _View:
    """What is wanted of the service, what was found there, and what can be told of it."""

    def __init__(self, params: dict[str, Any], host: Host):
        self.host = host
        self.began = host.clock()
        self.params = params
        self.health = health_from(params)
        self.manager = manager_from(params, host)
        self.env_file = params["env_file"]
        self.flags: dict[str, str | None] = {}
        self.processes: list[Process] = []
        self.answers: list[_http.Answer] = []
        self.effective = True
        self.restarted = False

    @staticmethod
    def read(path: str) -> bytes | None:
        try:
            return _files.read(path)
        except OSError as exc:
            raise Refused(f"{path} cannot be read ({exc.strerror}): run with become: true") from exc

    def result(self) -> dict[str, Any]:
        declared = _values(_envfile.parse(self.read(self.env_file)), self.flags)
        main = self.processes[0] if self.processes else None
        lacking = self.lacking()
        # The value that is told is the one that stands in the way, should one process differ.
        effective = _values(main.environ if main else {}, self.flags)
        for process, missing in reversed(lacking):
            effective.update(_values(process.environ, missing))
        return {
            "service": self.manager.label,
            "manager": self.manager.name,
            "declared": declared,
            "effective": effective,
            "reported": _reported(_best(self.answers), self.health.fields),
            "pid": main.pid if main else None,
            # The kernel counts in hundredths of a second.
            "started": iso(int(main.started * 100) / 100) if main else None,
            "proofs": self._proofs(declared, lacking, effective),
            "seconds": round(self.host.clock() - self.began, 3),
        }

    def lacking(self) -> list[tuple[Process, list[str]]]:
        """Processes without a wanted flag, and which."""
        found = [(process, self.manager.lacks(process, self.flags, fresh=self.restarted)) for process in self.processes]
        return [(process, missing) for process, missing in found if missing]

    def _proofs(self, declared, lacking, effective) -> list[dict[str, Any]]:
        files = [path for path, wanted in self.manager.declarations(self.flags).items() if self.read(path) != wanted]
        undeclared = [flag for flag, wanted in self.flags.items() if not _envfile.same(declared[flag], wanted)] + files
        found = [
            {
                "proof": "declared",
                "had": not undeclared,
                "detail": f"missing: {', '.join(undeclared)}" if undeclared else self.env_file,
            }
        ]
        if not self.effective:
            return found
        if not self.processes:
            detail = "no process runs"
        elif lacking:
            detail = "; ".join(f"process {process.pid} lacks {', '.join(missing)}" for process, missing in lacking)
        else:
            detail = "process " + ", ".join(str(process.pid) for process in self.processes)
        found.append({"proof": "environment", "had": bool(self.processes) and not lacking, "detail": detail})
        best = _best(self.answers)
        answered = best is not None and best.kind == "ok"
        if not self.health.urls:
            detail = "no health URL is set"
        else:
            detail = best.url if best is not None and answered else f"no answer: {_reason(self.answers)}"
        found.append({"proof": "health", "had": answered, "detail": detail})
        found.append(self._proof_reported(best, effective))
        return found

    def _proof_reported(self, best: _http.Answer | None, effective) -> dict[str, Any]:
        reported = _reported(best, {flag: name for flag, name in self.health.fields.items() if flag in self.flags})
        said = {flag: str(value).lower() for flag, value in reported.items() if value is not None}
        if not said:
            return {"proof": "reported", "had": False, "detail": "not reported"}
        # Without a wanted value it should say what the process has; a flag that is not set is false to the assistant.
        wanted = {flag: self.flags[flag] if self.flags[flag] is not None else effective[flag] for flag in said}
        agrees = all(_envfile.truthy(text) == _envfile.truthy(wanted[flag] or "") for flag, text in said.items())
        lines = [f"reports {text}" if len(said) == 1 else f"{flag} reports {text}" for flag, text in said.items()]
        return {"proof": "reported", "had": agrees, "detail": ", ".join(lines)}


class _Act(_View):
    """One call that may change something."""

    def __init__(self, params: dict[str, Any], host: Host):
        super().__init__(params, host)
        self.flags = self.wanted()
        self.budget, self.stop_timeout = params["budget"], params["stop_timeout"]
        if not 1 <= self.budget <= 600:
            raise Refused(f"budget must be between 1 and 600 seconds, not {self.budget:g}")
        if not 0 <= self.stop_timeout < self.budget:
            raise Refused(
                f"stop_timeout must be at least 0 and below the budget ({self.budget:g} s), not {self.stop_timeout:g}"
            )
        wait = params["health_wait"]
        if wait is not None and not 0 <= wait <= self.budget:
            raise Refused(f"health_wait must be between 0 and the budget ({self.budget:g} s), not {wait:g}")
        self.effective = params["state"] == "effective"
        self.keep = params["keep"]
        both = sorted(set(self.keep) & set(self.flags))
        if both:
            raise Refused(f"{', '.join(both)} cannot both be set and be kept: take it out of flags or of keep")
        self.warnings = self.manager.warnings

    def wanted(self) -> dict[str, str | None]:
        return _rendered(self.params["flags"])

    # -- before the first change

    def look(self) -> None:
        """Read everything and refuse what cannot work."""
        self.manager.preflight(change=True)
        self.processes = self.before = self.manager.processes()
        self.content = self.read(self.env_file)
        self.previous = _values(_envfile.parse(self.content), self.flags)
        try:
            edited = _envfile.edit(self.content, self.flags)
        except ValueError as exc:
            raise Refused(f"{self.env_file} cannot be added to, {exc}") from exc
        # What an undo has to bring back. Below our declarations for a unit stand its own; a plain process has only what
        # it was started with.
        started = self.before[0].environ if self.before and self.manager.name == "process" else {}
        self.undone = {flag: value if value is not None else started.get(flag) for flag, value in self.previous.items()}
        self.writes: list[tuple[str, bytes | None, bytes]] = []
        # What refers to the env file comes first: should the disk be full, it is easily taken away again.
        for path, wanted in self.manager.declarations(self.flags).items():
            found = self.read(path)
            if found != wanted:
                self.writes.append((path, found, wanted))
        if edited is not None and edited is not self.content:
            self.writes.append((self.env_file, self.content, edited))
        for path, _found, _wanted in self.writes:
            if not _files.writable(path):
                raise Refused(
                    f"{path} cannot be written: run with become: true, or see whether its file system is read-only"
                )
        # A removal will be newer than any process.
        removed = [flag for flag, wanted in self.flags.items() if wanted is None and self.previous[flag] is not None]
        self.must_restart = self.effective and (
            not self.processes
            or bool(self.lacking())
            or any(flag in process.environ for flag in removed for process in self.processes)
        )
        referred = any(path != self.env_file for path, _found, _wanted in self.writes)
        self.must_reload = referred or self.manager.must_reload(self.flags, self.must_restart)
        if self.must_restart:
            self.manager.prepare(self.processes)
        if self.effective:
            self.answers = self.health.ask(self.health.timeout)
            _refuse_wrong_health(self.answers, self.manager, self.processes)

    @property
    def changed(self) -> bool:
        return bool(self.writes or self.must_reload or self.must_restart)

    def diff(self, check_mode: bool) -> list[dict[str, str]]:
        def text(content: bytes | None) -> str:
            return redact((content or b"").decode("utf-8", "replace"))

        found = [
            {"before_header": path, "after_header": path, "before": text(before), "after": text(after)}
            for path, before, after in self.writes
        ]
        if self.must_restart:
            found.append({"prepared": f"{'would restart' if check_mode else 'restarted'} {self.manager.label}\n"})
        return found

    # -- acting

    @property
    def answered(self) -> bool:
        return bool(self.answers) and self.answers[-1].kind == "ok"

    def journal(self, phase: str, after: dict[str, str | None], ok: bool | None, message: str) -> None:
        _journal.record(
            self.params,
            self.warnings,
            act="service_flags",
            phase=phase,
            before=self.undone,
            after=after,
            ok=ok,
            msg=message,
        )

    def declare(self) -> None:
        """Write the files. Raises Refused when one cannot be written; then none is changed."""
        written: list[tuple[str, bytes | None]] = []
        for path, before, after in self.writes:
            try:
                mode = 0o640 if path == self.env_file else 0o644
                _files.replace(path, after, mode)
            except OSError as exc:
                for other, content in written:
                    with contextlib.suppress(OSError):
                        if content is None:
                            os.unlink(other)
                        else:
                            _files.replace(other, content, 0o644)
                raise Refused(
                    f"{path} cannot be written ({exc.strerror}), nothing was changed: "
                    f"{'free space there' if exc.errno in _journal.NO_SPACE else 'see its directory'} and run again, "
                    "or stop the messages by the network fence"
                ) from exc
            written.append((path, before))

    def left(self) -> float:
        return self.budget - (self.host.clock() - self.began)

    def restart(self) -> None:
        """Restart and wait until every process has the flags. Raises Stopped."""
        manager, begun, pause = self.manager, self.host.clock(), POLL_FIRST
        # What answered until now was the old process.
        self.answers = []
        manager.restart(self.before, self.flags)
        self.restarted = True
        old = {process.key for process in self.before}
        since: dict[tuple[int, int], float] = {}
        while True:
            last = self.left() <= 0
            self.processes = manager.seen()
            manager.advance(self.host.clock() - begun, self.stop_timeout, last)
            fresh = [process for process in self.processes if process.key not in old]
            lacking = [process for process in fresh if manager.lacks(process, self.flags, fresh=True)]
            renewed = fresh and len(fresh) == len(self.processes) and manager.has_stopped()
            if renewed and not lacking and manager.is_up():
                return
            now = self.host.clock()
            for process in lacking:
                if now - since.setdefault(process.key, now) >= SETTLED:
                    missing = ", ".join(manager.lacks(process, self.flags, fresh=True))
                    raise Stopped(
                        f"process {process.pid} of {manager.label} was started without the declared {missing}, "
                        "something else sets it"
                    )
            if last:
                raise Stopped(f"{manager.label} did not come back within {self.budget:g} s ({manager.describe()})")
            self.host.sleep(max(0.01, min(pause, self.left())))
            pause = min(pause * POLL_GROWTH, POLL_LAST)

    def await_health(self) -> None:
        """Ask until health answers or the time for it is over. Raises Stopped when the service ends meanwhile."""
        wait = self.params["health_wait"]
        end = self.host.clock() + (self.left() if wait is None else min(wait, self.left()))
        pause = POLL_FIRST
        while True:
            # Once at least, however little is left; `total` keeps it short then.
            self.answers = self.health.ask(max(0.2, min(end - self.host.clock(), self.health.longest)))
            if self.answers and self.answers[-1].kind == "ok":
                break
            # Routes are there from the first answer on: a 404 for each of them will stay one.
            if len(self.answers) == len(self.health.urls) and all(item.kind == "not_found" for item in self.answers):
                break
            if self.restarted:
                self.manager.seen()
                self.manager.check()
            if self.host.clock() >= end:
                break
            self.host.sleep(pause)
            pause = min(pause * POLL_GROWTH, POLL_LAST)
        self.processes = self.manager.seen()
        refused = [answer for answer in self.answers if answer.kind == "refused" and _http.is_local(answer.url)]
        if self.restarted and refused and len(refused) == len(self.answers):
            # Where nobody listens no message arrives either: that is no health that hangs.
            raise Stopped(
                f"{self.manager.label} did not come back, nobody listens at {self.answers[0].url} "
                f"({self.manager.describe()})"
            )
        if not self.processes or self.lacking():
            raise Stopped(f"{self.manager.label} did not stay up ({self.manager.describe()})")

    def kept(self) -> dict[str, dict[str, str | None]]:
        """What each flag to be kept was in the process that ran before, and is now in the one that differs, if any."""
        found = {}
        for flag in self.keep:
            was = self.before[0].environ.get(flag) if self.before else None
            now = [process.environ.get(flag) for process in self.processes]
            changed = [value for value in now if not _envfile.same(value, was)]
            found[flag] = {"before": was, "after": (changed or now or [None])[0]}
        return found

    def outcome(self, check_mode: bool = False) -> dict[str, Any]:
        """The module's result, as far as it has come."""
        return dict(
            self.result(),
            kept=self.kept(),
            previous=self.previous,
            previous_effective=_values(self.before[0].environ if self.before else {}, self.flags),
            restarted=self.restarted,
            changed=self.changed if check_mode else bool(self.restarted or self.writes or self.must_reload),
            diff=self.diff(check_mode),
            warnings=self.warnings,
        )

    def reach(self) -> str | None:
        """Do it. Returns what went wrong, None when the wanted state was reached; Refused when nothing was changed."""
        self.declare()
        try:
            if self.must_reload:
                self.manager.reload(max(1.0, self.left()))
            if self.must_restart:
                self.restart()
            if not self.effective:
                return None
            if self.manager.is_up():
                self.manager.finished()
            required = self.params["health_required"]
            # A service that was not restarted has no start to wait for.
            if self.health.urls and (self.restarted or (required and not self.answered)):
                self.await_health()
            if required and self.health.urls and not self.answered:
                return (
                    f"health of {self.manager.label} gave no answer ({_reason(self.answers)}; "
                    f"{self.manager.describe()}), though every process has the flags.{self._tail()} {self._stays()}"
                )
            lost = [flag for flag, value in self.kept().items() if not _envfile.same(value["after"], value["before"])]
            # Where nothing ran before there is nothing to compare with.
            if lost and self.before:
                return (
                    f"{self.manager.label} runs with the flags, but {', '.join(lost)} did not stay what it was: "
                    "something outside of the runbook sets it. Declare it with rollback level 1 or roll_forward."
                )
        except Stopped as exc:
            self.processes = self.manager.seen()
            return f"{exc}.{self._tail()} {self._stays()}"
        return None

    def _tail(self) -> str:
        lines = [redact(line)[:LOG_LINE_LIMIT] for line in self.manager.log_tail() if line.strip()]
        return f" Last log lines: {' / '.join(lines).rstrip('.')}." if lines else ""

    def _stays(self) -> str:
        switched = _envfile.truthy(self.flags.get(KILL_SWITCH) or "")
        return f"{'The kill-switch' if switched else 'What was declared'} stays declared. Next: rollback level 3."


class Restart(_Act):
    """A restart that no flag asks for: what was declared and in force before is in force afterwards."""

    def __init__(self, params: dict[str, Any], host: Host, in_force: dict[str, str | None] | None = None):
        """`params` are a service module's, with `budget` for the restart alone; `in_force` are flags to find again."""
        super().__init__(dict(params, state="effective", health_wait=None, health_required=True), host)
        self.in_force = in_force
        self.came_back: float | None = None  # when every process was a new one

    def wanted(self) -> dict[str, str | None]:
        return {}

    def look(self) -> None:
        self.manager.preflight(change=True)
        self.processes = self.before = self.manager.processes()
        self.writes = []
        if self.in_force is not None:
            self.flags = self.in_force
        elif self.processes:
            declared = _envfile.parse(self.read(self.env_file))
            self.flags = {
                name: value
                for name, value in declared.items()
                if all(_envfile.same(process.environ.get(name), value) for process in self.processes)
            }
        self.previous = dict(self.flags)
        self.must_restart, self.must_reload = True, self.manager.must_reload({}, True)
        self.manager.prepare(self.processes)
        self.answers = self.health.ask(self.health.timeout)
        # A release that is to be replaced may answer anything; that nobody listens where its process does is a mistake.
        if any(answer.kind == "refused" for answer in self.answers):
            _refuse_wrong_health(self.answers, self.manager, self.processes)

    @property
    def sound(self) -> bool:
        """Whether the service runs and answers as it was found by look()."""
        return bool(self.processes) and self.manager.is_up() and (self.answered or not self.health.urls)

    def prove(self) -> str | None:
        """Restart: every process is a new one with the flags, and health answers. Returns what went wrong."""
        self.began = self.host.clock()
        wrong = self.reach()
        return wrong.strip() if wrong else None

    def restart(self) -> None:
        super().restart()
        self.came_back = self.host.clock()

    def _stays(self) -> str:
        return ""


def _rendered(flags: dict[str, Any]) -> dict[str, str | None]:
    if not flags:
        raise Refused("no flag is given: set flags, e.g. DELIVERY_DISABLE: true")
    try:
        return {name: _envfile.render(name, value) for name, value in flags.items()}
    except ValueError as exc:
        raise Refused(str(exc)) from exc


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Bring the flags to the wanted state.

    Returns a module's result (with `diff` and `warnings`). Raises Refused before the first change, Failed with what was
    reached after it.
    """
    act = _Act(params, host)
    act.look()
    claim = _lease.claim_from(params, act.budget)
    if check_mode:
        _lease.forewarn(claim, host, act.warnings)
        return act.outcome(check_mode=True)
    # What changes nothing disturbs nobody, and needs nobody's leave.
    with _lease.held(claim if act.changed else None, host, act.warnings) as waited:
        if waited:
            # The run that was waited for may have done just this.
            act.look()
        return _perform(act)


def _perform(act: _Act) -> dict[str, Any]:
    changed = act.changed
    if changed:
        act.journal("begin", act.flags, None, "")
    try:
        wrong = act.reach()
    except Refused as exc:
        act.journal("outcome", act.previous, False, str(exc))
        raise
    except BaseException as exc:
        # Interrupted, or a defect of ours: the journal says so, whatever comes next.
        act.journal("outcome", act.flags, False, f"ended by {type(exc).__name__}")
        raise
    result = act.outcome()
    if changed:
        act.journal("outcome", result["declared"], wrong is None, wrong or "")
    if wrong is not None:
        raise Failed(wrong, result)
    return result


def inspect(params: dict[str, Any], host: Host) -> dict[str, Any]:
    """What the service runs with, what is declared, and what lifting that would restore. Raises Refused."""
    view = _View(params, host)
    names = params["flags"] or list(view.health.fields)
    _rendered(dict.fromkeys(names))
    view.manager.preflight(change=False)
    view.processes = view.manager.processes()
    # What every process should have is what is declared.
    view.flags = _values(_envfile.parse(view.read(view.env_file)), names)
    view.answers = view.health.ask(view.health.longest)
    best = _best(view.answers)
    journal = _journal.path_in(params["state_dir"])
    try:
        undo, last = _journal.undo_values(journal, names, view.flags), _journal.last_act(journal)
    except OSError as exc:
        raise Refused(f"{journal} cannot be read ({exc.strerror}): run with become: true") from exc
    return dict(
        view.result(),
        running=bool(view.processes),
        health={
            "url": best.url if best else None,
            "status": best.kind if best else "not_set",
            "http": best.status if best else None,
            "detail": best.detail if best else "no health URL is set",
        },
        listening=host.proc.ports([process.pid for process in view.processes]),
        undo=undo,
        last_act=last,
    )
