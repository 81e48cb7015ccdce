# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a release and what is to take its place, and makes a plan of it."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _code, _entry, _files, _flags, _ledger, _trust
from ansible_collections.kumon.runbook.plugins.module_utils import _release_history as _history
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._environment import Environments, Wanted
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Content, Head, Status
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._release_history import Entry
from ansible_collections.kumon.runbook.plugins.module_utils._release_info import leave
from ansible_collections.kumon.runbook.plugins.module_utils._requirements import ARCHIVE
from ansible_collections.kumon.runbook.plugins.module_utils._rescue import Rescue
from ansible_collections.kumon.runbook.plugins.module_utils._service import Service
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import RESCUE, Submodule, WorkTree

MEGABYTE = 1024 * 1024
FILES_SHOWN = 200
# How many names of a kind are told.
NAMED = 5
# Changes, each as a text and as the sentence that the controller has for it.
Steps = list[tuple[str, Detail]]


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


def in_use(environments: Environments | None) -> str | None:
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
        self.git = WorkTree(host, params["app_dir"], held)
        self.git.reason = f"runbook {params['run_id'] or ''}".strip()
        self.history = _history.read(params["state_dir"], params["service"])
        self.head = self.git.head()
        # A file that a process of the service writes to stays where that process has it.
        written = {path for process in self.restart.seen.processes for path in host.proc.written(process.pid)}
        self.leave = [*leave(params), *sorted(path for path in written if self.git.inside(path))]
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
        self.seen = Place(self.head.commit, self.head.branch, in_use(self.environments), entry=entry)

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
            self.git.refuse_what_cannot_be_written(paths, files)
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
            ("local changes are kept, and the release's files take their place:", [] if self.undo else status.changed),
            ("untracked files stay where they are:", sorted({*status.untracked} - touched - {*replaced})),
            ("untracked files are kept, and the release's take their place:", sorted({*replaced} - {*below})),
            ("untracked files are kept, and the release has a file in the place of their directory:", below),
            ("files below a link of this host are left out:", sorted(self.linked)),
            (f"files of somebody else will belong to {self.git.owner.name}:", self._of_others(paths)),
            (
                "changes of the database lie between the two releases, and the older code may not fit the newer data:",
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
        return before if self.git.exists(before.get("rescue") or RESCUE) else None

    def _origin(self, warnings: list[str]) -> Place:
        """Where the way back leads: what is there now, or what was before an act that was killed."""
        if self.killed and bool(self.killed["after"].get("undo")) == self.undo:
            before = self.killed["before"]
            # Kept before the first file was changed; without it, none was.
            if self.git.exists(before.get("rescue") or RESCUE):
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
        begun = self.killed is not None and self.git.exists(self.killed["before"].get("rescue") or RESCUE)
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


def some(text: str, names: list[str]) -> list[str]:
    """A warning that ends with the first names of what was found, none where nothing was."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"{text} {', '.join(names[:NAMED])}{more}".encode("utf-8", "replace").decode()] if names else []


def run_of(params: dict[str, Any]) -> str:
    """The run's name, made up where it has none."""
    return params["run_id"] or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
