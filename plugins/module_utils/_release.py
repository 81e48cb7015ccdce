# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of the managed service: looking makes a plan, an act puts it in place and proves it, or goes back."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import (
    _code,
    _entry,
    _files,
    _flags,
    _git,
    _journal,
    _lease,
    _ledger,
    _trial,
    _trust,
)
from ansible_collections.kumon.runbook.plugins.module_utils import _release_history as _history
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, Proof, detail
from ansible_collections.kumon.runbook.plugins.module_utils._environment import NEW, Environments, Wanted
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._git import Content, Git, GitFailed, Head, Status, Submodule
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Host, acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._release_history import ACT, Entry
from ansible_collections.kumon.runbook.plugins.module_utils._requirements import ARCHIVE
from ansible_collections.kumon.runbook.plugins.module_utils._rescue import Rescue
from ansible_collections.kumon.runbook.plugins.module_utils._service import Flags, Service
from ansible_collections.kumon.runbook.plugins.module_utils._start import NotTried, start_of

MEGABYTE = 1024 * 1024
# What git, the swap and the journal may take of the budget beside installing and two restarts.
OVERHEAD = 20
# How long what a killed run has started is waited for: pip goes on for a moment.
LOCK_WAIT = 60.0
FILES_SHOWN = 200
# How many names of a kind are told.
NAMED = 5
# One message is sent once, and once more where its sending failed.
MOST_SENDS = 2
# Changes, each as a text and as the sentence that the controller has for it.
Steps = list[tuple[str, Detail]]
PHASES = ("preflight", "environment", "trial", "checkout", "restart", "verify")


def _leave(params: dict[str, Any]) -> list[str]:
    """Paths that belong to no release, wherever they lie."""
    paths = [params.get(name) for name in ("state_dir", "env_file", "pid_file", "log_file", "wheelhouse")]
    if params.get("app_dir"):
        # What the service rewrites while it runs.
        paths += [os.path.join(params["app_dir"], path) for path in params.get("ignore") or []]
    if params.get("venv"):
        venv = params["venv"].rstrip("/")
        paths += [venv, venv + ".d", venv + NEW]
    return [_files.named_here(path) for path in paths if path]


def some(text: str, names: list[str]) -> list[str]:
    """A warning that names the first of what was found, none where nothing was."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"{text}: {', '.join(names[:NAMED])}{more}".encode("utf-8", "replace").decode()] if names else []


def _absolute(params: dict[str, Any]) -> None:
    for name in ("app_dir", "venv", "wheelhouse", "state_dir"):
        if params.get(name) and not os.path.isabs(params[name]):
            raise Refused(f"{name} must be an absolute path, not {params[name]!r}")
    for path in params.get("ignore") or []:
        if os.path.isabs(path) or ".." in path.split("/") or not path.strip("./*"):
            raise Refused(
                f"ignore has {path!r}, which names nothing below the work tree: correct runbook_release_ignore"
            )


def inspect(params: dict[str, Any], host: Host) -> dict[str, Any]:
    """What `release_info` returns. Raises Refused."""
    _absolute(params)
    try:
        git = Git(host, params["app_dir"])
        head, history = git.head(), _history.read(params["state_dir"], params.get("service"))
        status = git.status(_leave(params))
        ledger = _ledger.read(params["state_dir"], params.get("service"))
        choice = _history.choose(git, head, ledger, history, params["commit"] or "")
        return {
            "head": head.commit,
            "branch": head.branch,
            "detached": head.branch is None,
            "dirty": bool(status.changed),
            "untracked": len(status.untracked),
            "hidden": status.hidden,
            "shallow": git.shallow,
            "commits": _history.candidates(git, head, ledger, history),
            "ledger": ledger,
            "chosen": choice.chosen,
            "reason": choice.reason or {},
            "previous": _history.previous(history, head.commit),
        }
    except GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc


# -- looking


@dataclass(frozen=True)
class Place:
    """A release as it is in place: its commit, its branch, its environment, and what is kept of local changes."""

    commit: str
    branch: str | None = None
    environment: str | None = None
    rescue: str | None = None
    entry: str | None = None  # what it is started as, where that is one of the words that differ by release

    @classmethod
    def of(cls, state: dict[str, Any]) -> Place:
        """One that the journal tells of."""
        return cls(
            state["commit"], state.get("branch"), state.get("environment"), state.get("rescue"), state.get("entry")
        )

    @property
    def head(self) -> Head:
        return Head(self.commit, self.branch)

    def noted(self) -> dict[str, Any]:
        """As the journal has it."""
        return {**self.shown(), "rescue": self.rescue, **({"entry": self.entry} if self.entry else {})}

    def shown(self) -> dict[str, Any]:
        return {"commit": self.commit, "branch": self.branch, "environment": self.environment}


@dataclass(frozen=True)
class EnvironmentChoice:
    """Which environment the release gets."""

    name: str | None = None  # one that is there
    wanted: Wanted | None = None  # what one is built from where there is none
    adopt: str | None = None  # the key that the one in use gets before, because it is not of our making

    @property
    def must_build(self) -> bool:
        return self.name is None and self.wanted is not None


@dataclass(frozen=True)
class Plan:
    """What was seen of the release, and what is to be done."""

    seen: Place
    status: Status
    leave: list[str]
    locks: list[str]  # left by a killed git
    target: Place
    content: Content
    paths: list[str]  # files that are to be written or taken away
    files: set[str]  # which files there are then, as far as they are among those
    modules: list[Submodule]  # submodules that are to be moved, as they are now
    undo: bool
    choice: EnvironmentChoice
    origin: Place  # where the way back leads
    rescue: str  # the reference that what is there now is kept under; empty where nothing is done
    restart: _flags.Plan
    in_place: bool
    warnings: list[str]

    @property
    def short(self) -> str:
        return self.target.commit[:12]

    @property
    def local(self) -> list[str]:
        return [*self.status.changed, *self.status.hidden, *self.status.untracked]

    @property
    def kept_under(self) -> str:
        return self.origin.rescue or self.rescue


def _in_use(environments: Environments | None) -> str | None:
    return environments.current if environments else None


class Look:
    """Reads everything for one plan, and refuses what cannot work."""

    def __init__(self, params: dict[str, Any], host: Host, held: tuple[int, ...] = ()):
        self.params = params
        self.host = host
        self.undo = params["state"] == "undone"
        self.service = Service(params, host)
        self.limits = _flags.Limits(params["restart_timeout"], params["stop_timeout"])
        self.restart = _flags.plan_restart(self.service, params["keep"])
        self.git = Git(host, params["app_dir"], held)
        self.git.reason = f"runbook {params['run_id'] or ''}".strip()
        self.history = _history.read(params["state_dir"], params["service"])
        self.head = self.git.head()
        # A file that a process of the service writes to stays where that process has it.
        written = {path for process in self.restart.seen.processes for path in host.proc.written(process.pid)}
        self.leave = [*_leave(params), *sorted(path for path in written if self.git.inside(path))]
        self.rescue = Rescue(self.git, self.git.left(self.leave))
        self.status = self.git.status(self.leave)
        self.linked: set[str] = set()  # files of the release that lie below a link of the host's own
        self.killed = self._killed()
        self.locks = self.git.refuse_what_is_under_way(self._killed_at())
        self.environments: Environments | None = None
        if params["venv"]:
            self.environments = Environments(
                host, self.git.owner, params["venv"], params["python"], params["system_site_packages"], held
            )
        self.entries: dict[str, Any] = params.get("entries") or {}
        self.words = _entry.words_of(self.entries)
        entry = self.service.manager.started_as(self.words) if self.words else None
        self.seen = Place(self.head.commit, self.head.branch, _in_use(self.environments), entry=entry)

    def plan(self) -> Plan:
        goal = self._goal()
        warnings: list[str] = []
        # Without anything to undo the goal is what is there.
        target = goal or Place(self.seen.commit)
        content = self.git.content(target.commit)
        origin = self._origin(warnings)
        target = replace(target, entry=self._entry(target, content))
        paths, files, modules = self._touched(target, content, origin) if goal else ([], content.files, [])
        if paths:
            self.git.refuse_what_cannot_be_written(paths)
        if goal and not self._kept(target):
            limit = self.params["install_seconds"]
            pointers = self.git.try_filters(target.commit, [path for path in paths if path in files], limit)
            warnings += [f"only a pointer to the content of {path} is there" for path in pointers[:NAMED]]
        choice = self._choose_environment(target) if goal else EnvironmentChoice(self.seen.environment)
        self._refuse_full_disk(content.size, paths, files, choice.must_build)
        in_place = goal is None or self._is_in_place(target, choice)
        if not in_place:
            self._tell_of_the_tree(target, paths, files, warnings)
        return Plan(
            seen=self.seen,
            status=self.status,
            leave=self.leave,
            locks=self.locks,
            target=replace(target, environment=choice.name),
            content=content,
            paths=paths,
            files=files,
            modules=modules,
            undo=self.undo,
            choice=choice,
            origin=origin,
            rescue="" if in_place else self.git.free_reference(run_of(self.params)),
            restart=self.restart,
            in_place=in_place,
            # A name may be in any encoding.
            warnings=[_files.for_people(text) for text in warnings],
        )

    def _entry(self, target: Place, content: Content) -> str | None:
        """What the release is started as."""
        if not self.seen.entry or self.undo:
            return target.entry or self.seen.entry
        marks = {name: list(one.get("marks") or []) for name, one in self.entries.items()}
        named = self.git.names(target.commit, {word for words in marks.values() for word in words})
        return _entry.of_release(_code.kind_of(named, marks), self.entries, content.files) or self.seen.entry

    def _kept(self, target: Place) -> Any:
        """The state of the tree that is to come back, None where a release is to be put in place. Raises Refused."""
        commit = self.git.exists(target.rescue) if target.rescue else None
        if target.rescue and not commit:
            raise Refused(
                f"{target.rescue} is gone from {self.git.directory}, and with it the local changes that were kept "
                f"there: fetch it from a copy, or put {target.commit[:12]} in place without them "
                f"(-e rollback_commit={target.commit[:12]})"
            )
        state = self.rescue.read(target.rescue) if commit and target.rescue else None
        if commit and state is None and commit != target.commit:
            raise Refused(
                f"{target.rescue} was kept by an older version, which cannot be undone by this one: "
                f"put it in place by hand (git checkout {target.rescue})"
            )
        return state

    def _touched(self, target: Place, content: Content, origin: Place) -> tuple[list[str], set[str], list[Submodule]]:
        """Files to write or take away, which of them are there afterwards, and submodules to move."""
        name, kept = f"commit {target.commit[:12]}", self._kept(target)
        left = self.git.left(self.leave)
        if kept is None:
            differing, self.linked = self.git.differing(target.commit, content, self.status, self.leave)
            # A run that was killed may have taken them out of the index and not out of the tree.
            begun = (self.rescue.read(origin.rescue) if origin.rescue else None) or {"paths": []}
            links = self.git.links(also=begun["paths"])
            differing |= {path for path in begun["paths"] if not left(path) and not links(path)}
            return (
                sorted(differing),
                content.files,
                self.git.submodules_to_move(content.submodules, name, content.files),
            )
        wanted = {path: state[0] for path, state in kept["submodules"].items()}
        modules = self.git.submodules_to_move(wanted, name, set())
        others = [path for path in self.status.changed if path not in kept["submodules"]]
        links = self.git.links(also=kept["paths"])
        self.linked = {path for path in kept["paths"] if links(path)}
        paths = sorted(path for path in {*kept["paths"], *others} if not left(path) and path not in self.linked)
        return paths, {path for path in paths if kept["paths"].get(path, {}).get("kind") in ("file", "link")}, modules

    def _tell_of_the_tree(self, target: Place, paths: list[str], files: set[str], warnings: list[str]) -> None:
        """What people should know of before it is done."""
        status, touched = self.status, set(paths)
        # Ignored ones too: a file that was taken out of git, and has the host's own secrets since, is one of them.
        replaced = self.rescue.unknown(paths, files)
        below = [path for path in replaced if path.startswith(tuple(f"{path}/" for path in paths))]
        for path in status.hidden:
            what = "the release has another one, the edit is kept" if path in touched else "it stays"
            warnings.append(f"{path} was edited here and hidden from git: {what}")
        for text, names in (
            ("local changes are kept, and the release's files take their place", [] if self.undo else status.changed),
            ("untracked files stay where they are", sorted({*status.untracked} - touched - {*replaced})),
            ("untracked files are kept, and the release's take their place", sorted({*replaced} - {*below})),
            ("untracked files are kept, and the release has a file in the place of their directory", below),
            ("files below a link of this host are left out", sorted(self.linked)),
            (f"files of somebody else will belong to {self.git.owner.name}", self._of_others(paths)),
            (
                "changes of the database lie between the two releases, and the older code may not fit the newer data",
                [] if self.undo else self.git.migrations(self.head.commit, target.commit),
            ),
        ):
            warnings += some(text, names)
        warnings += self._unused()

    def _unused(self) -> list[str]:
        """A warning where nothing leads what runs to the environment: then its packages come from elsewhere."""
        proc, processes = self.host.proc, self.restart.seen.processes
        words = []
        for process in processes:
            argv = proc.argv(process.pid)
            # A title that it has given itself hides what it was started with.
            if not process.readable or "" in argv or " " in argv[0]:
                return []
            paths = [process.environ.get(name, "") for name in ("VIRTUAL_ENV", "PATH", "PYTHONPATH")]
            words += [*argv, *filter(None, ":".join(paths).split(":"))]
        if not words or not self.environments:
            return []
        pid = processes[0].pid
        if self.environments.is_led_to(words, proc.cwd(pid) or "/"):
            return []
        return [
            f"nothing shows that process {pid} has its packages from {self.environments.venv}: see what it is started "
            "with, and correct runbook_venv_dir"
        ]

    def _of_others(self, paths: list[str]) -> list[str]:
        others = []
        for path in paths:
            if self.git.below_link(path):
                continue
            with contextlib.suppress(OSError):
                if os.lstat(os.path.join(self.git.directory, path)).st_uid != self.git.owner.uid:
                    others.append(path)
        return others

    def _killed(self) -> Entry | None:
        """The begin of an act that was killed, or could not go back, and that this one goes on from."""
        killed = _history.unfinished(self.history)
        if killed is None:
            return None
        before, after = killed["before"], killed["after"]
        return killed if self.head.commit in (before.get("commit"), after.get("commit")) else None

    def _killed_at(self) -> float | None:
        if self.killed is None:
            return None
        try:
            at = datetime.strptime(self.killed["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        except ValueError:
            return None
        return at.replace(tzinfo=timezone.utc).timestamp()

    def _goal(self) -> Place | None:
        """What is to be put in place, None when there is nothing to undo."""
        if not self.undo:
            return Place(self.git.find(self.params["commit"]))
        state = self._undo_goal()
        return replace(Place.of(state), commit=self.git.find(state["commit"])) if state else None

    def _undo_goal(self) -> dict[str, Any] | None:
        """Commit, branch, environment and local changes to go back to."""
        if self.killed is None:
            return _history.previous(self.history, self.head.commit)
        if self.killed["after"].get("undo"):
            after: dict[str, Any] = self.killed["after"]
            return after
        before: dict[str, Any] = self.killed["before"]
        return before if self.git.exists(before.get("rescue") or _git.RESCUE) else None

    def _origin(self, warnings: list[str]) -> Place:
        """Where the way back leads: what is there now, or what was before an act that was killed."""
        if self.killed and bool(self.killed["after"].get("undo")) == self.undo:
            before = self.killed["before"]
            # Kept before the first file was changed; without it, none was.
            if self.git.exists(before.get("rescue") or _git.RESCUE):
                how = "was killed" if self.history[-1][1] is None else "could not go back"
                warnings.append(
                    f"run {self.killed.get('run_id')} {how} on its way to {self.killed['after']['commit'][:12]}; "
                    "this one goes on from what was before it"
                )
                return Place.of(before)
        return self.seen

    def _choose_environment(self, target: Place) -> EnvironmentChoice:
        environments = self.environments
        if environments is None:
            return EnvironmentChoice()
        if target.environment and environments.has(target.environment):
            return EnvironmentChoice(target.environment)
        requirements, current, adopt = self.params["requirements"], environments.current, None
        wanted = environments.wanted(
            lambda path: self.git.file(target.commit, path),
            requirements,
            f"commit {target.commit[:12]}",
            lambda path: self.git.below(target.commit, path),
        )
        key = environments.key(current)
        if current and key is None and (self.killed is None or self.head.commit != target.commit):
            # Not of our making, or changed by hand: it is taken for what the requirements of this tree say.
            with contextlib.suppress(Refused):
                adopt = key = environments.wanted(self._in_tree, requirements, "the work tree", self._below_in_tree).key
        choice = EnvironmentChoice(current if key == wanted.key else environments.find(wanted.key), wanted, adopt)
        if choice.must_build and wanted.problem:
            raise Refused(wanted.problem)
        if choice.must_build:
            environments.refuse_what_cannot_be_moved()
        return choice

    def _in_tree(self, path: str) -> bytes | None:
        try:
            with acting_as(self.git.owner):
                return _trust.read(os.path.join(self.git.directory, path), _trust.MOST_OF_A_PACKAGE)
        except OSError:
            return None

    def _below_in_tree(self, path: str) -> dict[str, str]:
        """Archives in a directory of the tree, by name, with git's name of the content."""
        names = []
        place = os.path.join(self.git.directory, path)
        with acting_as(self.git.owner), contextlib.suppress(OSError), os.scandir(place) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(ARCHIVE) and entry.is_file()]
        marks = self.git.call("hash-object", "--", *(os.path.join(path, name) for name in names)) if names else None
        return dict(zip(names, marks.out.split())) if marks else {}

    def _refuse_full_disk(self, size: int, paths: list[str], files: set[str], must_build: bool) -> None:
        spare = self.params["min_free_mb"]
        kept = self.rescue.size(paths, files, self.status.untracked)
        needed = {self.git.directory: size + kept, self.git.git_dir: kept, self.params["state_dir"]: 0}
        if must_build:
            needed[os.path.dirname(self.params["venv"].rstrip("/"))] = 0
        for path, more in needed.items():
            while not os.path.isdir(path):
                path = os.path.dirname(path)
            disk = os.statvfs(path)
            free = disk.f_bavail * disk.f_frsize
            if free < spare * MEGABYTE + more:
                raise Refused(
                    f"only {free // MEGABYTE} MB are free in {path} and {spare + -(-more // MEGABYTE)} MB are needed: "
                    "free space there, or lower rollback_min_free_mb"
                )

    def _is_in_place(self, target: Place, choice: EnvironmentChoice) -> bool:
        if self.head.commit != target.commit or self.status.changed or self.killed or self.undo:
            return False
        moved = self.git.head_moved()
        if self.environments:
            if choice.name is None or choice.name != self.environments.current:
                return False
            with contextlib.suppress(OSError):
                venv = os.lstat(self.environments.venv)
                # The link's own time is when it was last moved; a directory's changes with what is in it.
                moved = max(moved, venv.st_mtime if os.path.islink(self.environments.venv) else 0.0)
        seen, urls = self.restart.seen, self.service.health.urls
        sound = bool(seen.processes) and self.service.manager.is_up() and (seen.answered or not urls)
        return sound and _ledger.loaded_after(seen.processes, moved)

    # -- the same in words

    def steps(self, plan: Plan, source: str | None) -> Steps:
        """Each change, in order: for who calls the module, and as data for the controller's words."""
        if plan.in_place:
            return []
        changed, untracked = len(plan.status.changed) + len(plan.status.hidden), len(plan.status.untracked)
        steps: Steps = []
        if plan.choice.must_build and self.environments:
            files, directory = self.params["requirements"], self.environments.directory
            if source:
                of = detail("step_install_from", files=files, directory=directory, source=source)
                steps.append((f"install {files} into {directory} from the {source}", of))
            else:
                of = detail("step_install", files=files, directory=directory)
                steps.append((f"install {files} into {directory}", of))
        if self.why_untried(plan) is None:
            tried = f"try {plan.short} apart from the network and the files of this host, and stop it again"
            steps.append((tried, detail("step_try", commit=plan.short)))
        if plan.seen.commit != plan.target.commit or changed or untracked:
            commit, rescue = plan.seen.commit[:12], plan.rescue
            kept = f"keep {commit}, {changed} local changes and {untracked} untracked files under {rescue}"
            of = detail("step_keep", commit=commit, changed=changed, untracked=untracked, rescue=rescue)
            steps.append((kept, of))
            steps.append((f"check out {plan.target.commit}", detail("step_check_out", commit=plan.target.commit)))
        for module in plan.modules:
            steps.append((f"move submodule {module.path}", detail("step_submodule", path=module.path)))
        if plan.target.rescue:
            text = f"put back the local changes of {plan.target.rescue}"
            steps.append((text, detail("step_put_back", rescue=plan.target.rescue)))
        if self.environments and (plan.choice.must_build or plan.choice.name != self.environments.current):
            venv, name = self.params["venv"], plan.choice.name
            of = detail("step_point", venv=venv, name=name) if name else detail("step_point_to_it", venv=venv)
            steps.append((f"point {venv} to {name or 'it'}", of))
        if plan.target.entry != plan.seen.entry:
            entry, was = str(plan.target.entry), str(plan.seen.entry)
            steps.append((f"start it as {entry} in place of {was}", detail("step_entry", entry=entry, was=was)))
        service, pids = self.service.label, list(map(str, plan.restart.ends))
        of = detail("step_restart_of", service=service, pids=pids) if pids else detail("step_restart", service=service)
        steps.append((f"restart {service}{plan.restart.which}", of))
        return steps

    def why_untried(self, plan: Plan) -> Detail | None:
        """Why the release is not tried before it is put in place, as far as that is known before; None where it is."""
        if self.params.get("trial", "never") != "auto":
            return detail("trial_not_wanted")
        if plan.undo:
            return detail("trial_of_an_undo")
        # A link into the work tree: the present one's command is not the release's.
        if {self.git.inside(os.path.realpath(path)) for path in self.service.manager.files if path} & set(plan.paths):
            return detail("trial_other_unit")
        # What was begun has to be finished, whatever there is to say of it; nothing was before the tree was kept.
        begun = self.killed is not None and self.git.exists(self.killed["before"].get("rescue") or _git.RESCUE)
        return detail("trial_resumed") if begun else None

    def diff(self, plan: Plan, planned: list[str]) -> list[dict[str, str]]:
        if plan.in_place:
            return []
        files = self.git.changes(plan.seen.commit, plan.target.commit) + [f"local {path}" for path in plan.local]
        more = [f"… and {len(files) - FILES_SHOWN} more"] if len(files) > FILES_SHOWN else []
        branch = f" (branch {plan.seen.branch})" if plan.seen.branch else ""
        shown = "\n".join([*map(_files.for_people, files[:FILES_SHOWN]), *more])
        return [
            {
                "before_header": "HEAD",
                "after_header": "HEAD",
                "before": f"{plan.seen.commit}{branch}\n",
                "after": f"{plan.target.commit}\n",
            },
            {"prepared": f"{shown}\n" if shown else ""},
            {"prepared": "\n".join(planned) + "\n"},
        ]

    def available(self, plan: Plan) -> str | None:
        """Where the requirements would come from, without installing them; None when this is not known."""
        if plan.in_place or not plan.choice.must_build or self.environments is None or plan.choice.wanted is None:
            return None
        given = self.params
        return self.environments.available(
            plan.choice.wanted,
            given["requirements"],
            given["wheelhouse"],
            given["install_seconds"],
            lambda directory: self.git.export(plan.target.commit, directory),
        )


# -- performing


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
        return Place(head.commit, head.branch, _in_use(self.environments))

    def _changed_files(self) -> tuple[list[str], list[str]]:
        """Files that are not what the commit says: those that had to become it, and the same in both releases."""
        release = {*self.plan.paths, *self.plan.content.submodules, *(module.path for module in self.plan.modules)}
        changed = self.git.status(self.plan.leave).changed
        others = [path for path in changed if path not in release and self.touched]
        return [path for path in changed if path not in others and not self.plan.target.rescue], others

    def _tell_of_meanwhile(self) -> None:
        """What somebody has written since the look to files that are not touched: data of the service, for one."""
        told = some("files that were written to meanwhile stay as they are", self._changed_files()[1])
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


# -- the module


def run_of(params: dict[str, Any]) -> str:
    """The run's name, made up where it has none."""
    return params["run_id"] or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _check(params: dict[str, Any]) -> None:
    """Refuse input that cannot work."""
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
