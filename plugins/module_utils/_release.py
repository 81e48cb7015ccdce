# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts a release in place by a plan and proves it, or goes back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import (
    _entry,
    _flags,
    _journal,
    _lease,
    _ledger,
    _trial,
    _trust,
)
from ansible_collections.kumon.runbook.plugins.module_utils import _release_history as _history
from ansible_collections.kumon.runbook.plugins.module_utils._details import Proof, detail
from ansible_collections.kumon.runbook.plugins.module_utils._environment import Environments
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._git import GitFailed
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._release_history import ACT
from ansible_collections.kumon.runbook.plugins.module_utils._release_info import refuse_odd_paths
from ansible_collections.kumon.runbook.plugins.module_utils._release_look import (
    Look,
    Place,
    Plan,
    Steps,
    in_use,
    run_of,
    some,
)
from ansible_collections.kumon.runbook.plugins.module_utils._service import Flags, Service
from ansible_collections.kumon.runbook.plugins.module_utils._start import NotTried, start_of
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import Submodule

# What git, the swap and the journal may take of the budget beside installing and two restarts.
OVERHEAD = 20
# How long what a killed run has started is waited for: pip goes on for a moment.
LOCK_WAIT = 60.0
# One message is sent once, and once more where its sending failed.
MOST_SENDS = 2
PHASES = ("preflight", "environment", "trial", "checkout", "restart", "verify")


class Stopwatch:
    """How long each phase takes."""

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.began = self._mark = clock()
        self.phases = dict.fromkeys(PHASES, 0.0)

    def end(self, phase: str, at: float | None = None) -> None:
        """The time since the last phase was this one's."""
        now = self.clock() if at is None else at
        self.phases[phase] += now - self._mark
        self._mark = now

    @property
    def seconds(self) -> float:
        return self.clock() - self.began


class Act:
    """Performs one plan."""

    def __init__(self, look: Look, plan: Plan, watch: Stopwatch):
        self.params = look.params
        self.git = look.git
        self.rescue = look.rescue
        self.environments = look.environments
        self.service = look.service
        self.limits = look.limits
        self.plan = plan
        self.watch = watch
        self.warnings = list(plan.warnings)
        self.environment = plan.choice.name
        self.source: str | None = None  # where the requirements came from
        self.restart = _flags.Act(look.service, plan.restart, look.limits)
        self.placed: list[Proof] = []
        self.touched = self.restarted = self.returned = False
        self.unfinished = False  # whether the tree may be neither what it was nor what it was to be
        self.look = look
        why = look.why_untried(plan)
        self.trial: dict[str, Any] = {"tried": False, "passed": None, "why": why or {}, "planned": None, "sends": None}

    def perform(self) -> str | None:
        """Do it. Returns what went wrong after the first change; raises Refused when nothing was changed."""
        plan = self.plan
        goal = dict(plan.target.noted(), undo=plan.undo, files=len(plan.paths))
        self._journal("begin", goal, None, "")
        try:
            self._prepare()
        except (Refused, GitFailed, OSError) as exc:
            reason = f"{exc.strerror}: {exc.filename}" if isinstance(exc, OSError) else str(exc)
            message = reason if isinstance(exc, Refused) else f"{reason}, nothing was changed: see that and run again"
            # What this one went on from is still half done.
            self.unfinished = self.look.killed is not None
            self._journal_end(False, message)
            raise Refused(message) from exc
        wrong = self._put()
        if wrong is None:
            self._journal_end(True, "")
            return None
        message = f"commit {plan.short} is not in place: {wrong}"
        if self._can_return():
            message += f" {self._return()}"
        else:
            message += " It is what was there before, so there is nothing to return to: choose another release."
        message += f" What was there before is kept under {plan.kept_under}."
        self._journal_end(False, message, returned=self.returned)
        return message

    def _journal_end(self, ok: bool, message: str, **more: bool) -> None:
        after = dict(self.place().shown(), **more, **({"unfinished": True} if self.unfinished else {}))
        self._journal("outcome", after, ok, message)

    def _journal(self, phase: str, after: dict[str, Any], ok: bool | None, message: str) -> None:
        before = dict(self.plan.origin.noted(), rescue=self.plan.kept_under)
        _journal.record(
            self.params, self.warnings, act=ACT, phase=phase, before=before, after=after, ok=ok, msg=message
        )

    def _prepare(self) -> None:
        """Everything that can fail without a change to what runs: the environment, and what is kept of the tree."""
        plan = self.plan
        for lock in plan.locks:
            # As whoever could have put something else in the place of its directory since.
            with contextlib.suppress(FileNotFoundError), _trust.as_keeper(lock):
                os.unlink(lock)
        if self.environments:
            self._prepare_environment(self.environments)
        self.watch.end("environment")
        if not self.trial["why"]:
            try:
                self._try()
            except NotTried as exc:
                self.trial["why"] = exc.why
        self.watch.end("trial")
        # What a killed run has left is worth keeping too, beside what was before it.
        note = f"before {'undoing' if plan.undo else 'putting in place'} {plan.short}, run {run_of(self.params)}"
        beside = [*plan.status.untracked, *plan.status.hidden]
        self.rescue.keep(plan.rescue, plan.seen.head, plan.paths, plan.files, beside, plan.modules, note)
        if plan.origin.rescue:
            self.rescue.extend(plan.origin.rescue, plan.paths, plan.files, plan.modules)

    def _prepare_environment(self, environments: Environments) -> None:
        choice, given = self.plan.choice, self.params
        environments.tidy()
        current = environments.current
        if choice.adopt and current:
            # Who can change where it lies may not be who may write into it: then it is taken for the same each time.
            with contextlib.suppress(PermissionError):
                environments.mark(current, choice.adopt)
        if choice.wanted is not None and choice.must_build:
            limit = min(given["install_seconds"], given["budget"] - self.watch.seconds)
            self.environment, self.source = environments.build(
                choice.wanted,
                given["requirements"],
                given["wheelhouse"],
                limit,
                lambda directory: self.git.export(self.plan.target.commit, directory),
            )

    def _try(self) -> None:
        """Have the release run where it changes nothing. Raises Refused where it cannot do its work, and NotTried."""
        plan, params, service = self.plan, self.params, self.service
        processes = plan.restart.seen.processes
        start = start_of(service, processes)
        other = start
        if plan.target.entry and self.look.words:
            other = start._replace(argv=_entry.swapped(start.argv, self.look.words, plan.target.entry))
        trial = _trial.Trial(params, service.host, service, [process.pid for process in processes], start)
        target = replace(plan.target, environment=self.environment)
        seen = trial.run(lambda: self._move(target), self._time_to_try(), other)
        why = _trial.falls_short(seen, bool(trial.webhook_url))
        self.trial.update(tried=True, passed=why is None, planned=seen["planned"], sends=seen["sends"])
        self.trial["why"] = detail("trial_unasked") if why is None and not trial.webhook_url else {}
        if (seen["sends"] or 0) > MOST_SENDS:
            self.warnings.append(f"commit {plan.short} asked the gateway {seen['sends']} times for one message")
        if why is None:
            return
        in_time = seen["answered"] or seen["ended"] is not None or seen["seconds"] >= params["restart_timeout"]
        if in_time and self._is_at_fault(trial, seen):
            self.trial["why"] = why
            raise Refused(self._unfit(_trial.sentence(why, seen)))
        self.trial.update(passed=None, why=detail("trial_unclear"))
        self.warnings.append(
            f"commit {plan.short} was tried apart, and {_trial.sentence(why, seen)}; that proves nothing, for what it "
            "needs beside itself is not to be reached there"
        )

    def _time_to_try(self) -> float:
        left = self.params["budget"] - self.watch.seconds - 2 * self.params["restart_timeout"] - OVERHEAD
        return float(min(left, self.params["restart_timeout"] + _trial.PLAN_WAIT))

    def _is_at_fault(self, trial: _trial.Trial, seen: dict[str, Any]) -> bool:
        """Whether it is the release that falls short, and not what it needs beside itself and has not there: by the
        measure of the one in place."""
        if not seen["reached"] and (seen["answered"] or not self.plan.restart.seen.answered):
            return True
        try:
            here = trial.run(lambda: None, self._time_to_try())
        except NotTried:
            return not seen["reached"]
        # Without any other host it may have missed a socket, or what its unit alone is shown: then the one that answers
        # outside does not there either.
        return _trial.falls_short(here, bool(trial.webhook_url and seen["reached"])) is None

    def _unfit(self, why: str) -> str:
        if self.environments and self.environment and self.plan.choice.must_build:
            self.environments.discard(self.environment)
        ledger = _ledger.read(self.params["state_dir"], self.params["service"])
        following = _history.following(
            self.git, self.plan.seen.head, ledger, self.look.history, self.plan.target.commit
        )
        advice = (
            "there is no other one to name"
            if following is None
            else (
                f"the next candidate is {following['short']} ({following['subject']}), "
                f"-e rollback_commit={following['short']}"
            )
        )
        return (
            f"commit {self.plan.short} was tried first and would not do: {why}. Nothing was changed; "
            f"{advice}; -e rollback_trial=never puts this one in place all the same"
        )

    def _put(self) -> str | None:
        self.touched = True
        target = replace(self.plan.target, environment=self.environment)
        try:
            self._move(target)
            self._start_as(self.service, target)
            self.service.manager.reread()
            self.placed = self._own_proofs()
            self._tell_of_meanwhile()
        except (GitFailed, Stopped, OSError) as exc:
            self.watch.end("checkout")
            return f"{exc}."
        self.watch.end("checkout")
        return self._misplaced() or self._prove(self.restart)

    def _move(self, place: Place) -> None:
        """The tree, with the local changes that are kept of it, then the environment."""
        if place.rescue and self.rescue.read(place.rescue):
            warning = self.rescue.restore(place.head, place.rescue, self.plan.paths)
            self.warnings += [warning] if warning else []
        else:
            self.git.move(place.commit, self.plan.content, self.plan.paths)
            for module in self.plan.modules:
                self.git.move_submodule(Submodule(module.path, self.plan.content.submodules[module.path]))
        if self.environments:
            self.environments.use(place.environment)

    def _start_as(self, service: Service, place: Place) -> None:
        if place.entry and len({self.plan.seen.entry, self.plan.origin.entry, self.plan.target.entry}) > 1:
            service.manager.start_as(self.look.words, place.entry)

    def _prove(self, restart: _flags.Act) -> str | None:
        """Restart: every process is a new one with the flags, and health answers. Returns what went wrong."""
        self.restart = restart
        wrong = restart.perform()
        self.restarted = self.restarted or restart.restarted
        self.watch.end("restart", restart.came_back)
        if restart.came_back is not None:
            self.watch.end("verify")
        return wrong.strip() if wrong else None

    def _can_return(self) -> bool:
        here, there = self.plan.target, self.plan.origin
        elsewhere = (here.commit, self.environment) != (there.commit, there.environment)
        return elsewhere or bool(self.plan.local or self.plan.paths)

    def _return(self) -> str:
        """Go back to where it came from, and say how that ended."""
        origin = self.plan.origin
        name = f"commit {origin.commit[:12]}" + (f" (branch {origin.branch})" if origin.branch else "")
        self.returned = True
        try:
            # What was written since is kept nowhere: it stays unless it is in the way.
            self._move(replace(origin, rescue=self.plan.kept_under))
            self._tell_of_meanwhile()
            self.watch.end("checkout")
            service = Service(self.params, self.service.host)
            self._start_as(service, origin)
            flags: Flags = dict(self.plan.restart.order.flags)
            again = _flags.plan_restart(service, self.params["keep"], flags)
            wrong = self._prove(_flags.Act(service, again, self.limits))
        except (Refused, Stopped, GitFailed, OSError) as exc:
            self.returned, self.unfinished = False, True
            return f"The way back to {name} failed as well ({exc}): mend that and undo, or put it in place by hand."
        if wrong:
            return f"Returned to {name}, which does not come up either: {wrong}"
        return f"Returned to {name}, which is up."

    # -- telling

    def place(self) -> Place:
        """The release that is there now."""
        try:
            head = self.git.head()
        except GitFailed:
            head = self.plan.seen.head
        return Place(head.commit, head.branch, in_use(self.environments))

    def _changed_files(self) -> tuple[list[str], list[str]]:
        """Files that are not what the commit says: those that had to become it, and the same in both releases."""
        release = {*self.plan.paths, *self.plan.content.submodules, *(module.path for module in self.plan.modules)}
        changed = self.git.status(self.plan.leave).changed
        others = [path for path in changed if path not in release and self.touched]
        return [path for path in changed if path not in others and not self.plan.target.rescue], others

    def _tell_of_meanwhile(self) -> None:
        """What somebody has written since the look to files that are not touched: data of the service, for one."""
        told = some("files that were written to meanwhile stay as they are:", self._changed_files()[1])
        self.warnings += [text for text in told if text not in self.warnings]

    def _own_proofs(self) -> list[Proof]:
        """That the tree is the commit and its environment the one in use."""
        place, (wrong, others) = self.place(), self._changed_files()
        told = detail("head", commit=place.commit[:12])
        if wrong or others:
            told = detail("head_changed", commit=place.commit[:12], files=len(wrong) + len(others))
        right = place.commit == self.plan.target.commit and not wrong
        proofs: list[Proof] = [{"proof": "commit", "had": right, "detail": told}]
        if self.environments:
            if place.environment is None:
                told = detail("no_environment")
            elif self.source:
                told = detail("environment_from", name=place.environment, source=self.source)
            else:
                told = detail("environment", name=place.environment)
            proofs.append({"proof": "requirements", "had": place.environment == self.environment, "detail": told})
        return proofs

    def _misplaced(self) -> str | None:
        """What of the release is not there, for a message."""
        lacking = [proof["proof"] for proof in self.placed if not proof["had"]]
        if not lacking:
            return None
        place = self.place()
        if lacking[0] == "commit":
            changed = len(self._changed_files()[0])
            return f"HEAD is {place.commit[:12]}" + (f" with {changed} files changed." if changed else ".")
        return f"environment {place.environment or 'none'}."

    def _proofs(self) -> list[Proof]:
        proofs = list(self.placed if self.placed and not self.returned else self._own_proofs())
        for proof in self.restart.service_result()["proofs"]:
            # No flag is wanted here; one that was in force is looked for in the processes.
            if proof["proof"] != "declared" and proof["detail"]["code"] != "not_reported":
                proofs.append(proof)
        return proofs

    def result(
        self, planned: list[str], steps: Steps, diff: list[dict[str, str]], *, check_mode: bool
    ) -> dict[str, Any]:
        service, plan = self.restart.service_result(), self.plan
        present = "present" if self.environments and not plan.choice.must_build else None
        restart_warnings = [text for text in self.restart.manager.warnings if text not in self.warnings]
        return {
            "changed": bool(planned) if check_mode else self.touched,
            "before": plan.seen.shown(),
            "after": self.place().shown(),
            "target": plan.target.commit,
            "rescue": plan.rescue if self.touched else None,
            "requirements": self.source or present,
            "planned": planned,
            "steps": [step for _text, step in steps],
            "restarted": self.restarted,
            "returned": self.returned,
            "trial": self.trial,
            "proofs": self._proofs(),
            "phases": {name: round(seconds, 3) for name, seconds in self.watch.phases.items()},
            "seconds": round(self.watch.seconds, 3),
            "kept": self.restart.kept(),
            **{name: service[name] for name in ("service", "manager", "pid", "pids", "started")},
            "warnings": self.warnings + restart_warnings,
            "diff": diff,
        }


def _check(params: dict[str, Any]) -> None:
    """Refuse input that cannot work."""
    refuse_odd_paths(params)
    for name, most in (("budget", 3600), ("install_seconds", 3000), ("restart_timeout", 600)):
        if not 1 <= params[name] <= most:
            raise Refused(f"{name} must be between 1 and {most} seconds, not {params[name]:g}")
    needed = params["install_seconds"] + 2 * params["restart_timeout"] + OVERHEAD
    if needed > params["budget"]:
        raise Refused(
            f"budget is {params['budget']:g} s, but installing, a restart and the way back may take {needed:g} s: "
            "raise it, or lower install_seconds or restart_timeout"
        )
    if params["min_free_mb"] < 0:
        raise Refused(f"min_free_mb must not be below 0, not {params['min_free_mb']}")
    if params["state"] != "undone" and not params["commit"]:
        raise Refused("state present needs a commit: set commit")


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Put a release in place and prove it, or undo the last act that did.

    Returns a module's result (with `diff` and `warnings`). Raises Refused before the first change, Failed after it.
    """
    if params.get("app_dir") and not os.path.isdir(params["app_dir"]):
        raise Refused(f"{params['app_dir']} does not exist on this host: correct runbook_app_dir")
    _check(params)
    if check_mode:
        return _ensure(params, host, check_mode=True)
    with _ledger.locked(params["state_dir"], params["app_dir"], host, LOCK_WAIT) as handle:
        return _ensure(params, host, held=(handle,))


def _ensure(
    params: dict[str, Any], host: Host, *, check_mode: bool = False, held: tuple[int, ...] = ()
) -> dict[str, Any]:
    watch = Stopwatch(host.clock)
    try:
        look = Look(params, host, held)
        plan = look.plan()
        source = look.available(plan) if check_mode else None
        steps = look.steps(plan, source)
        planned = [f"{'would ' if check_mode else ''}{text}" for text, _step in steps]
        act = Act(look, plan, watch)
        act.source = source
        watch.end("preflight")
    except GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc

    def result() -> dict[str, Any]:
        return act.result(planned, steps, look.diff(plan, planned), check_mode=check_mode)

    claim = _lease.claim_from(params, params["budget"])
    if check_mode:
        _lease.forewarn(claim, host, act.warnings)
    if plan.in_place or check_mode:
        return result()
    with _lease.held(claim, host, act.warnings) as waited:
        if waited:
            # The run that was waited for may have done just this.
            return _ensure(dict(params, lease_seconds=0), host, held=held)
        wrong = act.perform()
        if wrong:
            raise Failed(wrong, result())
    return result()
