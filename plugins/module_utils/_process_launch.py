# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a service without a supervisor is started again, and what of that is known to fail before it is stopped."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _command, _confinement, _files, _names, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner, acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Process
from ansible_collections.kumon.runbook.plugins.module_utils._process_look import WORKER, Look

# What it was called before there was one for each service.
OLD_RECORD = "process.json"
CONFINED = "confined"  # of a launch's surroundings
# What systemd gives.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Launch:
    """How to start the service. It holds the environment, secrets included: it is stored for its owner alone."""

    argv: list[str]
    cwd: str
    uid: int
    gid: int
    groups: list[int]
    umask: int
    environ: dict[str, str]
    log: str
    error_log: str
    # The process that was started from it, once there is one.
    pid: int = 0
    start: int = 0
    surroundings: dict[str, Any] = field(default_factory=dict)
    # What ran, where the first word of the command is a name that it was given.
    program: str = ""

    @property
    def owner(self) -> Owner:
        """As whom it runs."""
        return Owner(self.uid, self.gid, self.groups, "", "/")

    def found(self) -> str | None:
        """The program that its command names, None where that leads to none."""
        name = self.argv[0]
        path = self.environ.get("PATH", os.defpath)
        if "/" in name:
            return shutil.which(os.path.join(self.cwd, name), path=path)
        # `exec -a` gives any word for a name.
        return shutil.which(name, path=path) or (shutil.which(self.program) if self.program else None)


class Launches:
    """Where a launch comes from: the process that runs, the record of a run that was killed, or the options."""

    def __init__(self, look: Look, state_dir: str, log_file: str | None):
        self.label = look.label
        self.where = look.where
        self.host = look.host
        self.env_file = look.env_file
        self.uid = look.uid
        self.command = look.command
        self.chdir = look.chdir
        self.log_file = log_file
        self.record = os.path.join(state_dir, f"process-{_names.plain(look.label)}.json")
        self.old_record = os.path.join(state_dir, OLD_RECORD)
        self.warnings = look.warnings
        self._known_directory = False  # whether it was in its working directory, or that is configured

    def prepared(self, processes: list[Process], other_release: bool) -> Launch:
        """How to start the service again; a later start fails here, while the old one still runs. Raises Refused.

        `other_release` may bring a file that is missing now.
        """
        if processes and processes[0].readable:
            launch: Launch | None = self._from_process(processes[0])
        elif processes:
            launch = self._from_title(processes[0])
        else:
            launch = self._from_record() or self._from_options()
        if launch is None:
            raise Refused(
                f"{self.label} does not run (nothing is found by {self.where}) and how to start it is not known: "
                "start it once, or set command and chdir"
            )
        was = launch.argv
        if self.command:
            launch.argv, launch.program = self.command, ""
        elif WORKER in launch.argv:
            raise Refused(f"only workers of {self.label} are left, which cannot be started by themselves: set command")
        if self.chdir:
            launch.cwd = self.chdir
        elif processes:
            others = self._other_directories(processes[0])
            # As whom it runs: it may name a directory that root must not bring it into.
            with acting_as(launch.owner):
                launch.cwd = _command.began_in(launch.argv, launch.cwd, others)
        if self.log_file:
            launch.log = launch.error_log = self.log_file
        if not os.path.isdir(launch.cwd):
            raise Refused(f"the working directory {launch.cwd} of {self.label} does not exist: set chdir")
        self._known_directory = bool(self.chdir) or not processes or self._has(processes[0].pid, launch.cwd)
        try:
            os.close(self.open_directory(launch))
        except OSError as exc:
            raise Refused(
                f"the working directory {launch.cwd} of {self.label} cannot be entered by its user ({exc.strerror}): "
                "set chdir"
            ) from exc
        program = launch.found() or ""
        self._mind_confinement(launch, was, program)
        if not program:
            raise Refused(f"the command of {self.label}, {launch.argv[0]!r}, cannot be found: set command")
        with acting_as(launch.owner):
            missing = _command.missing_in(launch.argv, launch.cwd)
        for word in missing:
            if not other_release or not _command.may_come(word, launch.cwd):
                raise Refused(self._without(word, launch.cwd))
        for log in (launch.log, launch.error_log):
            if not (os.access(log, os.W_OK) if os.path.exists(log) else _files.writable(log)):
                raise Refused(f"the log {log} of {self.label} cannot be written: set log_file")
        if not _files.writable(self.record):
            raise Refused(f"{self.record} cannot be written: set runbook_state_dir to a directory of yours")
        return launch

    def open_directory(self, launch: Launch) -> int:
        """Open its working directory, as who it runs as: the path is the process's word, and root goes there before it
        gives its rights up. Raises OSError."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            with acting_as(launch.owner):
                return os.open(launch.cwd, flags)
        except PermissionError:
            # Somebody else has brought it there, and may do so again.
            who = _trust.keeper(launch.cwd) if self.host.uid == 0 else None
            if not self._known_directory or (who is not None and who.uid == launch.uid):
                raise
            return os.open(launch.cwd, flags)

    def _has(self, pid: int, directory: str) -> bool:
        """Whether its working directory is that very one: among mounts of its own another one can have that name."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self.host.proc.path(pid, "cwd")), os.stat(directory))
        return False

    def _mind_confinement(self, launch: Launch, was: Sequence[str], program: str) -> None:
        """See that a start from here brings root directory and privileges back, or that its command does.

        Raises Refused.
        """
        # A title holds the command in a single word.
        names = {os.path.basename(part.rstrip(":")) for word in was for part in word.split()}
        if self.command and os.path.basename(self.command[0]) not in names:
            # That is another way in, with privileges that it may need and gives itself.
            launch.surroundings.pop(CONFINED, None)
            return
        start = self.confinement(launch, program)
        if start.root != "/":
            raise Refused(
                f"{self.label} runs in the root directory {start.root}, and a start from here would be outside of it: "
                "set runbook_process_command to what starts it there"
            )
        if start.lost:
            raise Refused(
                f"{self.label} runs with {start.lost_names}, which a start from here cannot give: "
                f"{'run with become: true, or ' if self.host.uid else ''}set runbook_process_command to what gives it"
            )
        warning = f"{self.label} ran with a limit to its capabilities that a start from here cannot give"
        if start.widened and warning not in self.warnings:
            self.warnings.append(warning)

    def confinement(self, launch: Launch, program: str) -> _confinement.Start:
        """What a start from here brings of what confined it."""
        wanted = launch.surroundings.get(CONFINED) or {}
        return _confinement.Start(wanted, _confinement.own(self.host.proc), launch.uid, program)

    def _other_directories(self, main: Process) -> list[str]:
        """Where a process may have been started that has gone to another directory since."""
        left = self._from_record()
        ours = [left.cwd] if left is not None and (left.pid, left.start) == main.key else []
        return [*ours, main.environ.get("PWD", "")]

    def _without(self, word: str, cwd: str) -> str:
        if os.path.isabs(word):
            return f"the command of {self.label} needs {word}, which does not exist: set runbook_process_command"
        return (
            f"the command of {self.label} needs {word}, which is not in its working directory {cwd}: set "
            "runbook_process_chdir to the directory in which it is started"
        )

    def _from_process(self, main: Process) -> Launch:
        proc = self.host.proc
        ids, cwd = proc.ids(main.pid), proc.cwd(main.pid)
        if ids is None or cwd is None:
            raise Refused(f"process {main.pid} of {self.label} has just ended: run again")
        streams = [
            stream for stream in (proc.writes_to(main.pid, 1), proc.writes_to(main.pid, 2)) if self._is_log(stream)
        ]
        if not streams:
            # Whoever has read its output from a pipe ends with it.
            ends = [path for number in (1, 2) for path in proc.ends(main.pid, number) if self._is_log(path)]
            if ends and not self.log_file:
                self.warnings.append(f"the output of {self.label} went through a pipe to {ends[0]}; now it goes there")
            streams += ends[:1]
        if not streams:
            streams = [os.path.join(os.path.dirname(self.record), "service.log")]
            if not self.log_file:
                self.warnings.append(f"the output of {self.label} went to no file; it goes to {streams[0]} from now on")
        log, error_log = str(streams[0]), str(streams[-1])
        return Launch(
            proc.argv(main.pid),
            cwd,
            ids.uid,
            ids.gid,
            ids.groups,
            ids.umask,
            main.environ,
            log,
            error_log,
            surroundings={**proc.surroundings(main.pid), CONFINED: _confinement.of(proc, main.pid)},
            program=proc.program(main.pid),
        )

    def _from_title(self, main: Process) -> Launch:
        """Of a process that has written over its environment: started by the command with what the env file says."""
        if not self.command:
            raise Refused(
                f"process {main.pid} of {self.label} has written over its environment and cannot be started again from "
                f"what is left: set runbook_process_command, and what it needs in {self.env_file}"
            )
        launch = self._from_process(main)
        launch.environ = self._environment_of(launch.uid)
        return launch

    def _environment_of(self, uid: int) -> dict[str, str]:
        """What a service of this user begins with where its own environment is not known: nothing of what this run was
        given, which may be root's or hold a key."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        if self.host.uid != uid:
            kept["PATH"] = PATH
        environ = {"PATH": PATH, "LANG": "C.UTF-8", **kept}
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(uid)
            environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name, SHELL=user.pw_shell or "/bin/sh")
        return environ

    @staticmethod
    def _is_log(path: str | None) -> bool:
        if not path or not path.startswith("/"):
            return False
        try:
            return path == os.devnull or stat.S_ISREG(os.stat(path).st_mode)
        except FileNotFoundError:
            return True  # rotated away, or removed
        except OSError:
            return False

    def _from_record(self) -> Launch | None:
        """What a run that was killed between stop and start has left."""
        return self._recorded(self.record) or self._recorded(self.old_record)

    def _recorded(self, path: str) -> Launch | None:
        """What decides what is started and as whom: only our own is believed, and only for the service's user."""
        try:
            with os.fdopen(_trust.opened_as_ours(path), encoding="utf-8", errors="surrogateescape") as handle:
                launch = Launch(**json.load(handle)) if os.fstat(handle.fileno()).st_uid == self.host.uid else None
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return launch if launch and launch.uid == self.uid else None

    def _from_options(self) -> Launch | None:
        if not self.command or not self.chdir:
            return None
        log = self.log_file or os.path.join(os.path.dirname(self.record), "service.log")
        try:
            owner = os.stat(self.chdir)
        except OSError:
            raise Refused(f"the working directory {self.chdir} of {self.label} does not exist: set chdir") from None
        gid, groups = os.getgid(), os.getgroups()
        if self.host.uid == 0:
            try:
                user = pwd.getpwuid(self.uid)
                gid, groups = user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid)
            except KeyError:
                gid, groups = owner.st_gid, [owner.st_gid]
        environ = self._environment_of(self.uid)
        return Launch(self.command, self.chdir, self.uid, gid, groups, 0o022, environ, log, log)

    def left(self) -> list[tuple[int, int]]:
        """What a run that was killed has started, and what does not listen yet."""
        # An old record may be another service's.
        left = self._recorded(self.record)
        return [(left.pid, left.start)] if left else []

    def keep(self, launch: Launch) -> None:
        """Write the record, for the run after one that is killed."""
        try:
            _trust.replace_ours(self.record, json.dumps(asdict(launch)).encode(), mode=0o600)
        except OSError as exc:
            # Only a run that is killed between stop and start misses it; stopping messages does not wait for that.
            warning = f"{self.record} could not be written ({exc.strerror})"
            if warning not in self.warnings:
                self.warnings.append(warning)

    def forget(self) -> None:
        """Take the record away, with the secrets in it."""
        for path in (self.record, self.old_record):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
