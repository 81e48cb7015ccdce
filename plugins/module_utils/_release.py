# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of the managed service: which one would be chosen, another one put in place and proven, and the way back."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _git, _journal, _lease, _ledger
from ansible_collections.kumon.runbook.plugins.module_utils._environment import NEW, Environments
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Git, GitFailed, Head
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Host
from ansible_collections.kumon.runbook.plugins.module_utils._service import Restart

ACT = "release"
MEGABYTE = 1024 * 1024
# What git, the swap and the journal may take of the budget beside installing and two restarts.
OVERHEAD = 20
# How long what a killed run has started is waited for: pip goes on for a moment.
LOCK_WAIT = 60.0
FILES_SHOWN = 200

Entry = dict[str, Any]


# -- what the journal says


def acts(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Entry | None]]:
    """Each act on the release as its begin and outcome, None when it was killed; oldest first."""
    pending = None
    for entry in entries:
        if entry.get("act") != ACT or not isinstance(entry.get("before"), dict):
            continue
        if entry.get("phase") == "begin":
            if pending:
                yield pending, None
            pending = entry
        elif pending:
            yield pending, entry
            pending = None
    if pending:
        yield pending, None


def unfinished(history: list[tuple[Entry, Entry | None]]) -> Entry | None:
    """The begin of the last act when that was killed."""
    return history[-1][0] if history and history[-1][1] is None else None


def stack(history: list[tuple[Entry, Entry | None]], head: str) -> tuple[list[Entry], bool]:
    """Begins that lead to HEAD and were not undone, oldest first, and whether the last act was an undo.

    Without any, somebody else has put HEAD in place.
    """
    taken: list[tuple[Entry, str]] = []
    undone = False
    for begin, outcome in history:
        came_from = begin["before"].get("commit")
        went_to = (outcome or begin)["after"].get("commit")
        if outcome is None and went_to != head:
            continue  # killed before it got there; the next act went on from where it began
        if went_to == came_from:
            continue
        if taken and taken[-1][1] != came_from:
            taken = []
        undone = bool(begin["after"].get("undo"))
        if undone:
            taken = taken[:-1]
        else:
            taken.append((begin, went_to))
    if not undone and taken and taken[-1][1] != head:
        taken = []
    return [begin for begin, _commit in taken], undone


def previous(history: list[tuple[Entry, Entry | None]], head: str) -> dict[str, Any] | None:
    """Where undoing would return to: `{commit, branch, environment, rescue, run_id}`; None when nothing is to undo."""
    taken, undone = stack(history, head)
    if undone or not taken:
        return None
    before = taken[-1]["before"]
    found = {name: before.get(name) for name in ("commit", "branch", "environment", "rescue")}
    return dict(found, run_id=taken[-1].get("run_id"))


def _history(state_dir: str) -> list[tuple[Entry, Entry | None]]:
    path = _journal.path_in(state_dir)
    try:
        return list(acts(_journal.entries(path)))
    except OSError as exc:
        raise Refused(f"{path} cannot be read ({exc.strerror}): run with become: true") from exc


# -- looking


def _leave(params: dict[str, Any]) -> list[str]:
    """Paths that belong to no release, wherever they lie."""
    found = [params.get(name) for name in ("state_dir", "env_file", "pid_file", "log_file", "wheelhouse")]
    if params.get("venv"):
        venv = params["venv"].rstrip("/")
        found += [venv, venv + ".d", venv + NEW]
    return [path for path in found if path]


def _absolute(params: dict[str, Any]) -> None:
    for name in ("app_dir", "venv", "wheelhouse", "state_dir"):
        if params.get(name) and not os.path.isabs(params[name]):
            raise Refused(f"{name} must be an absolute path, not {params[name]!r}")


def choose(
    git: Git, head: Head, ledger: dict[str, Any], history: list[tuple[Entry, Entry | None]], wish: str
) -> tuple[dict[str, str] | None, str]:
    """`{commit, why: asked|unfinished|in_place|ledger}` and "", or None and the reason. Raises Refused."""
    if wish:
        return {"commit": git.find(wish), "why": "asked"}, ""
    killed = unfinished(history)
    if (
        killed
        and not killed["after"].get("undo")
        and head.commit
        in (
            killed["before"]["commit"],
            killed["after"]["commit"],
        )
    ):
        return {"commit": killed["after"]["commit"], "why": "unfinished"}, ""
    taken, undone = stack(history, head.commit)
    if taken and not undone:
        # Rolled back already. Going back still further is a decision, and not what a second run does by itself.
        return {"commit": head.commit, "why": "in_place"}, ""
    others = [entry["commit"] for entry in reversed(ledger["good"]) if entry["commit"] != head.commit]
    for commit in others:
        if git.exists(commit):
            return {"commit": commit, "why": "ledger"}, ""
    last = ", ".join(f"{entry['short']} ({entry['subject']})" for entry in git.commits())
    known = (
        "none of the known-good releases is in the repository" if others else "no known-good release is in the ledger"
    )
    return None, f"{known} besides the current one: set rollback_commit; the last five commits are {last}"


def inspect(params: dict[str, Any], host: Host) -> dict[str, Any]:
    """What `release_info` returns. Raises Refused."""
    _absolute(params)
    try:
        git = Git(host, params["app_dir"])
        head, history = git.head(), _history(params["state_dir"])
        status = git.status(_leave(params))
        ledger = _ledger.read(params["state_dir"])
        chosen, reason = choose(git, head, ledger, history, params["commit"] or "")
        return {
            "head": head.commit,
            "branch": head.branch,
            "detached": head.branch is None,
            "dirty": bool(status.changed),
            "untracked": len(status.untracked),
            "shallow": git.shallow,
            "commits": git.commits(),
            "ledger": ledger,
            "chosen": chosen,
            "reason": reason,
            "previous": previous(history, head.commit),
        }
    except GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc


# -- acting


class _Change:
    """One call that puts a release in place."""

    def __init__(self, params: dict[str, Any], host: Host, check_mode: bool, held: tuple[int, ...] = ()):
        self.params = params
        self.host = host
        self.check_mode = check_mode
        self.held = held
        self.began = self.mark = host.clock()
        self.warnings: list[str] = []
        self.phases = dict.fromkeys(("preflight", "environment", "checkout", "restart", "verify"), 0.0)
        self.restarted = self.returned = self.touched = False
        self.placed: list[dict[str, Any]] = []
        self.rescue = ""  # the reference, once it is needed
        self.source: str | None = None
        self.undo = params["state"] == "undone"
        _absolute(params)
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
        if not self.undo and not params["commit"]:
            raise Refused("state present needs a commit: set commit")

    def _phase(self, name: str) -> None:
        now = self.host.clock()
        self.phases[name] += now - self.mark
        self.mark = now

    def _left(self) -> float:
        return self.params["budget"] - (self.host.clock() - self.began)

    # -- before the first change

    def look(self) -> None:
        """Read everything, and refuse what cannot work."""
        params = self.params
        self.restart = Restart(dict(params, budget=params["restart_timeout"], flags={}), self.host)
        self.restart.look()
        self.in_force = dict(self.restart.flags)
        self.git = git = Git(self.host, params["app_dir"], self.held)
        git.reason = f"runbook {params['run_id'] or ''}".strip()
        self.history = _history(params["state_dir"])
        self.head = git.head()
        self.leave = _leave(params)
        self.status = git.status(self.leave)
        self.killed = self._killed()
        self.locks = git.refuse_what_is_under_way(self._killed_at())
        goal = self._undo_goal() if self.undo else {"commit": git.find(params["commit"])}
        # Without anything to undo the goal is what is there.
        self.nothing = goal is None
        self.goal: dict[str, Any] = goal or {"commit": self.head.commit}
        self.target: str = git.find(self.goal["commit"]) if self.undo else self.goal["commit"]
        self.short = self.target[:12]
        size, submodules = git.size(self.target)
        if submodules:
            self.warnings.append(f"commit {self.short} has submodules, which are left as they are")
        self._look_at_environments()
        self._refuse_full_disk(size)
        self.origin = self._origin()
        self.in_place = self._is_in_place()
        current = self.environments.current if self.environments else None
        self.seen = {"commit": self.head.commit, "branch": self.head.branch, "environment": current}
        if not self.in_place:
            self.rescue = git.free_reference(self.run)
        self._phase("preflight")

    def _killed(self) -> Entry | None:
        """The begin of an act that was killed and that this one goes on from."""
        killed = unfinished(self.history)
        if killed is None:
            return None
        before, after = killed["before"], killed["after"]
        # HEAD passes through what is kept when that is put back.
        kept = [self.git.exists(state["rescue"]) for state in (before, after) if state.get("rescue")]
        return killed if self.head.commit in (before.get("commit"), after.get("commit"), *kept) else None

    def _undo_goal(self) -> dict[str, Any] | None:
        """Commit, branch, environment and local changes to go back to, None when there is nothing to undo."""
        if self.killed is None:
            return previous(self.history, self.head.commit)
        if self.killed["after"].get("undo"):
            return self.killed["after"]
        return self.killed["before"] if self.git.exists(self.killed["before"].get("rescue") or _git.RESCUE) else None

    def _killed_at(self) -> float | None:
        if self.killed is None:
            return None
        try:
            at = datetime.strptime(self.killed["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        except ValueError:
            return None
        return at.replace(tzinfo=timezone.utc).timestamp()

    def _origin(self) -> dict[str, Any]:
        """Where the way back leads: what is there now, or what was before an act that was killed."""
        if self.killed and bool(self.killed["after"].get("undo")) == self.undo:
            before = self.killed["before"]
            # Kept before the first file was changed; without it, none was.
            if self.git.exists(before.get("rescue") or _git.RESCUE):
                self.warnings.append(
                    f"run {self.killed.get('run_id')} was killed on its way to {self.killed['after']['commit'][:12]}; "
                    "this one goes on from what was before it"
                )
                return {name: before.get(name) for name in ("commit", "branch", "environment", "rescue")}
        current = self.environments.current if self.environments else None
        return {"commit": self.head.commit, "branch": self.head.branch, "environment": current, "rescue": None}

    def _look_at_environments(self) -> None:
        params = self.params
        self.environments: Environments | None = None
        self.environment: str | None = None
        self.must_build = False
        self.adopt: str | None = None
        if not params["venv"]:
            return
        self.environments = environments = Environments(
            self.host, self.git.owner, params["venv"], params["python"], params["system_site_packages"], self.held
        )
        current = environments.current
        if self.nothing:
            self.environment = current
            return
        recorded = self.goal.get("environment")
        if recorded and environments.has(recorded):
            self.environment = recorded
            return
        self.wanted = environments.wanted(
            lambda path: self.git.file(self.target, path), params["requirements"], f"commit {self.short}"
        )
        key = environments.key(current)
        if current and key is None and (self.killed is None or self.head.commit != self.target):
            # Not of our making, or changed by hand: it is taken for what the requirements of this tree say.
            with contextlib.suppress(Refused):
                self.adopt = key = environments.wanted(self._in_tree, params["requirements"], "the work tree").key
        self.environment = current if key == self.wanted.key else environments.find(self.wanted.key)
        self.must_build = self.environment is None

    def _in_tree(self, path: str) -> bytes | None:
        try:
            with open(os.path.join(self.git.directory, path), "rb") as handle:
                return handle.read()
        except OSError:
            return None

    def _refuse_full_disk(self, size: int) -> None:
        local = [os.path.join(self.git.directory, path) for path in (*self.status.changed, *self.status.untracked)]
        kept = 0
        for path in local:
            with contextlib.suppress(OSError):
                kept += os.lstat(path).st_size
        needed = {self.git.directory: size + kept, self.git.git_dir: kept, self.params["state_dir"]: 0}
        if self.must_build:
            needed[os.path.dirname(self.params["venv"].rstrip("/"))] = 0
        for path, more in needed.items():
            while not os.path.isdir(path):
                path = os.path.dirname(path)
            found = os.statvfs(path)
            free = found.f_bavail * found.f_frsize
            if free < self.params["min_free_mb"] * MEGABYTE + more:
                raise Refused(
                    f"only {free // MEGABYTE} MB are free in {path} and "
                    f"{self.params['min_free_mb'] + -(-more // MEGABYTE)} MB are needed: free space there, "
                    "or lower rollback_min_free_mb"
                )

    def _is_in_place(self) -> bool:
        if self.nothing:
            return True
        if self.head.commit != self.target or self.status.changed or self.killed or self.undo:
            return False
        moved = self.git.head_moved()
        if self.environments:
            if self.environment is None or self.environment != self.environments.current:
                return False
            with contextlib.suppress(OSError):
                found = os.lstat(self.environments.venv)
                # The link's own time is when it was last moved; a directory's changes with what is in it.
                moved = max(moved, found.st_mtime if os.path.islink(self.environments.venv) else 0.0)
        return self.restart.sound and _ledger.loaded_after(self.restart.processes, moved)

    # -- acting

    def _journal(self, phase: str, after: dict[str, Any], ok: bool | None, message: str) -> None:
        before = dict(self.origin, rescue=self.origin["rescue"] or self.rescue)
        _journal.record(
            self.params, self.warnings, act=ACT, phase=phase, before=before, after=after, ok=ok, msg=message
        )

    def perform(self) -> str | None:
        """Do it. Returns what went wrong after the first change; raises Refused when nothing was changed."""
        goal = {name: self.goal.get(name) for name in ("branch", "rescue")}
        after = dict(goal, commit=self.target, environment=self.environment, undo=self.undo)
        self._journal("begin", after, None, "")
        try:
            self._prepare()
        except (Refused, GitFailed, OSError) as exc:
            reason = f"{exc.strerror}: {exc.filename}" if isinstance(exc, OSError) else str(exc)
            message = reason if isinstance(exc, Refused) else f"{reason}, nothing was changed: see that and run again"
            self._journal("outcome", self._state(), False, message)
            raise Refused(message) from exc
        wrong = self._put()
        if wrong is None:
            self._journal("outcome", self._state(), True, "")
            return None
        message = f"commit {self.short} is not in place: {wrong}"
        if self._can_return():
            message += f" {self._return()}"
        else:
            message += " It is what was there before, so there is nothing to return to: choose another release."
        message += f" What was there before is kept under {self.kept_under}."
        self._journal("outcome", dict(self._state(), returned=self.returned), False, message)
        return message

    @property
    def kept_under(self) -> str:
        return self.origin["rescue"] or self.rescue

    def _prepare(self) -> None:
        """Everything that can fail without a change to what runs: the environment, and what is kept of the tree."""
        for lock in self.locks:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(lock)
        if self.environments:
            self.environments.tidy()
            current = self.environments.current
            if self.adopt and current:
                self.environments.mark(current, self.adopt)
            if self.must_build:
                limit = min(self.params["install_seconds"], self._left())
                self.environment, self.source = self.environments.build(
                    self.wanted, self.params["requirements"], self.params["wheelhouse"], limit
                )
        self._phase("environment")
        # What a killed run has left is worth keeping too, beside what was before it.
        also = set(self.git.in_the_way(self.target))
        if self.goal.get("rescue"):
            also |= set(self.git.in_the_way(self.goal["rescue"]))
        self.git.keep(
            self.rescue,
            self.head,
            self.leave,
            sorted(also),
            f"before {'undoing' if self.undo else 'putting in place'} {self.short}, run {self.run}",
        )

    def _put(self) -> str | None:
        self.touched = True
        try:
            self._move(Head(self.target, self.goal.get("branch")), self.goal.get("rescue"), self.environment)
            self.placed = self._own_proofs()
        except (GitFailed, OSError) as exc:
            self._phase("checkout")
            return f"{exc}."
        self._phase("checkout")
        lacking = [proof["detail"] for proof in self.placed if not proof["had"]]
        return f"{lacking[0]}." if lacking else self._prove(self.restart)

    def _move(self, head: Head, rescue: str | None, environment: str | None) -> None:
        """The tree, then the environment; `rescue` holds the local changes to put back as well."""
        if rescue and self.git.exists(rescue):
            warning = self.git.restore(head, rescue)
            self.warnings += [warning] if warning else []
        else:
            self.git.check_out(head.commit)
            # They are kept. One that a process of the service writes to stays where that process has it.
            used = {path for process in self.restart.before for path in self.host.proc.files(process.pid)}
            loose = [path for path in self.status.untracked if os.path.join(self.git.directory, path) not in used]
            self.git.remove(loose, head.commit)
        if self.environments:
            self.environments.use(environment)

    def _prove(self, restart: Restart) -> str | None:
        self.restart = restart
        wrong = restart.prove()
        self.restarted = self.restarted or restart.restarted
        now = self.host.clock()
        back = restart.came_back or now
        self.phases["restart"] += back - self.mark
        self.phases["verify"] += now - back
        self.mark = now
        return wrong

    def _can_return(self) -> bool:
        here = {"commit": self.target, "environment": self.environment}
        there = {"commit": self.origin["commit"], "environment": self.origin["environment"]}
        return here != there or bool(self.status.changed or self.status.untracked)

    def _return(self) -> str:
        """Go back to where it came from, and say how that ended."""
        name = f"commit {self.origin['commit'][:12]}"
        name += f" (branch {self.origin['branch']})" if self.origin["branch"] else ""
        self.returned = True
        try:
            # What the failed release has written since is kept nowhere: it stays unless it is in the way.
            self._move(Head(self.origin["commit"], self.origin["branch"]), self.kept_under, self.origin["environment"])
            self._phase("checkout")
            again = Restart(
                dict(self.params, budget=self.params["restart_timeout"], flags={}), self.host, dict(self.in_force)
            )
            again.look()
            wrong = self._prove(again)
        except (Refused, GitFailed, OSError) as exc:
            self.returned = False
            return f"The way back to {name} failed as well ({exc}): put it in place by hand."
        if wrong:
            return f"Returned to {name}, which does not come up either: {wrong}"
        return f"Returned to {name}, which is up."

    # -- telling

    def _state(self) -> dict[str, Any]:
        """The release that is there now."""
        try:
            head = self.git.head()
        except GitFailed:
            head = self.head
        current = self.environments.current if self.environments else None
        return {"commit": head.commit, "branch": head.branch, "environment": current}

    def _own_proofs(self) -> list[dict[str, Any]]:
        """That the tree is the commit and its environment the one in use."""
        state = self._state()
        changed: list[str] = []
        if not self.goal.get("rescue"):
            changed = self.git.status(self.leave).changed
        detail = f"HEAD is {state['commit'][:12]}"
        detail += f" with {len(changed)} files changed" if changed else ""
        found = [{"proof": "commit", "had": state["commit"] == self.target and not changed, "detail": detail}]
        if self.environments:
            right = state["environment"] == self.environment
            detail = f"environment {state['environment'] or 'none'}" + (
                f" from the {self.source}" if self.source else ""
            )
            found.append({"proof": "requirements", "had": right, "detail": detail})
        return found

    def _proofs(self) -> list[dict[str, Any]]:
        found = self.placed if self.placed and not self.returned else self._own_proofs()
        for proof in self.restart.result()["proofs"]:
            if proof["proof"] == "declared" or proof["detail"] == "not reported":
                continue  # no flag is wanted here; one that was in force is looked for in the processes
            found.append(proof)
        return found

    def planned(self) -> list[str]:
        """Each change, in order, for people."""
        if self.in_place:
            return []
        would = "would " if self.check_mode else ""
        changed, untracked = len(self.status.changed), len(self.status.untracked)
        lines = []
        if self.must_build:
            source = f" from the {self.source}" if self.source else ""
            lines.append(f"{would}install {self.params['requirements']} into {self.environments_directory}{source}")
        if self.head.commit != self.target or changed or untracked:
            lines.append(
                f"{would}keep {self.head.commit[:12]}, {changed} local changes and {untracked} untracked files "
                f"under {self.rescue}"
            )
            lines.append(f"{would}check out {self.target}")
        if self.goal.get("rescue"):
            lines.append(f"{would}put back the local changes of {self.goal['rescue']}")
        if self.environments and (self.must_build or self.environment != self.environments.current):
            lines.append(f"{would}point {self.params['venv']} to {self.environment or 'it'}")
        lines.append(f"{would}restart {self.restart.manager.label}")
        return lines

    @property
    def environments_directory(self) -> str:
        return self.environments.directory if self.environments else ""

    @property
    def run(self) -> str:
        return self.params["run_id"] or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    def diff(self, planned: list[str]) -> list[dict[str, str]]:
        if not planned:
            return []
        files = self.git.changes(self.head.commit, self.target)
        files += [f"local {path}" for path in (*self.status.changed, *self.status.untracked)]
        more = [f"… and {len(files) - FILES_SHOWN} more"] if len(files) > FILES_SHOWN else []
        branch = f" (branch {self.head.branch})" if self.head.branch else ""
        shown = "\n".join(files[:FILES_SHOWN] + more).encode("utf-8", "replace").decode()
        return [
            {
                "before_header": "HEAD",
                "after_header": "HEAD",
                "before": f"{self.head.commit}{branch}\n",
                "after": f"{self.target}\n",
            },
            {"prepared": f"{shown}\n" if shown else ""},
            {"prepared": "\n".join(planned) + "\n"},
        ]

    def result(self, planned: list[str]) -> dict[str, Any]:
        service = self.restart.result()
        changed = bool(planned) if self.check_mode else self.touched
        return {
            "changed": changed,
            "before": self.seen,
            "after": self._state(),
            "target": self.target,
            "rescue": self.rescue if self.touched else None,
            "requirements": self.source or ("present" if self.environments and not self.must_build else None),
            "planned": planned,
            "restarted": self.restarted,
            "returned": self.returned,
            "proofs": self._proofs(),
            "phases": {name: round(seconds, 3) for name, seconds in self.phases.items()},
            "seconds": round(self.host.clock() - self.began, 3),
            "kept": self.restart.kept(),
            **{name: service[name] for name in ("service", "manager", "pid", "started")},
            "warnings": self.warnings + [text for text in self.restart.warnings if text not in self.warnings],
            "diff": self.diff(planned),
        }


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Put a release in place and prove it, or undo the last act that did.

    Returns a module's result (with `diff` and `warnings`). Raises Refused before the first change, Failed after it.
    """
    if params.get("app_dir") and not os.path.isdir(params["app_dir"]):
        raise Refused(f"{params['app_dir']} does not exist on this host: correct runbook_app_dir")
    if check_mode:
        return _ensure(_Change(params, host, True))
    _absolute(params)
    with _ledger.locked(params["app_dir"], host, LOCK_WAIT) as handle:
        return _ensure(_Change(params, host, False, (handle,)))


def _ensure(change: _Change) -> dict[str, Any]:
    try:
        change.look()
        planned = change.planned()
        if change.check_mode and change.must_build and change.environments and not change.in_place:
            change.source = change.environments.available(
                change.wanted,
                change.params["requirements"],
                change.params["wheelhouse"],
                change.params["install_seconds"],
            )
            planned = change.planned()
    except GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc
    claim = _lease.claim_from(change.params, change.params["budget"])
    if change.check_mode:
        _lease.forewarn(claim, change.host, change.warnings)
    if change.in_place or change.check_mode:
        return change.result(planned)
    with _lease.held(claim, change.host, change.warnings) as waited:
        if waited:
            # The run that was waited for may have done just this.
            return _ensure(_Change(dict(change.params, lease_seconds=0), change.host, False, change.held))
        wrong = change.perform()
        result = change.result(planned)
        if wrong:
            raise Failed(wrong, result)
    return result
