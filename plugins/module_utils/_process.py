# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that runs as plain processes: found by its port or pid file, stopped, and started again as it was."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import pwd
import re
import resource
import shutil
import signal
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import (
    _command,
    _confinement,
    _container,
    _entry,
    _envfile,
    _files,
    _names,
    _trust,
)
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner, acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Hold, Process

# What it was called before there was one for each service.
OLD_RECORD = "process.json"
CONFINED = "confined"  # of a launch's surroundings
# How long the look before a restart waits for a process that is ending already and still holds the port.
ENDING_WAIT, ENDING_POLL = 5.0, 0.05
# A start that fails by these is tried again: the old process's memory may just not be free yet.
TRANSIENT = (errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.EMFILE, errno.ETXTBSY)
# A pid file is written right after the process has started; one that started later only has the same number.
PID_FILE_GRAIN = 2.0
TAIL_BYTES = 8192
# Bytes of one variable, its name and end included, that the kernel takes no more (MAX_ARG_STRLEN).
TOO_LONG = 32 * 4096
# What stays when a process ends that it has started, or taken over, and starts none again.
NO_KEEPERS = ("systemd", "init", "sshd", "login", "tmux", "screen", "cron", "crond", "atd")
# What Python gives the workers that a server starts.
WORKER = "--multiprocessing-fork"
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


@dataclass(frozen=True)
class Identity:
    """What makes a process the service's: the address and port where it listens, or the pid file that names it; and
    whose it is. Without addresses any will do; without a user they are the one's who runs this, which root is never.
    `unknown` is a host of which the address cannot be told."""

    port: int | None
    addresses: Sequence[str] = ()
    pid_file: str | None = None
    user: str | None = None
    unknown: str = ""

    def uid(self, host: Host) -> int:
        """The user's id. Raises Refused."""
        if self.user is None:
            if host.uid == 0:
                raise Refused(
                    "runbook_process_user is not set, and as root nothing else tells whose processes are the "
                    "service's: name the service's own user (never root), or run as that user without become"
                )
            return host.uid
        try:
            uid = int(self.user) if self.user.isdigit() else pwd.getpwnam(self.user).pw_uid
        except KeyError:
            raise Refused(f"user {self.user} is not known on the host: correct runbook_process_user") from None
        if uid == 0:
            raise Refused("runbook_process_user is root; no service's process is root's: name the service's own user")
        if host.uid not in (0, uid):
            raise Refused(
                f"runbook_process_user is {self.user} and this runs as {_name(host.uid)}: run as its user or with "
                "become: true"
            )
        return uid


class Looked(NamedTuple):
    """What could be seen of the service, and why not all of it could."""

    processes: list[Process]
    strangers: list[int]  # processes that hold address and port and are not the service's
    denied: str  # why a process, or the pid file, may not be looked at; else empty
    unseen: bool  # whether the port is held, and by none of the processes


class PlainProcess:
    """One service without a supervisor. Raises Refused where it cannot be managed."""

    name = "process"

    def __init__(
        self,
        service: str,
        env_file: str,
        host: Host,
        state_dir: str,
        identity: Identity,
        command: list[str] | None,
        chdir: str | None,
        log_file: str | None,
    ):
        port, pid_file = identity.port, identity.pid_file
        if port is None and not pid_file:
            raise Refused("the process manager finds the service by its port or pid file: set runbook_service_port")
        if port is not None and not 1 <= port <= 65535:
            raise Refused(f"port {port} is not between 1 and 65535: correct it")
        self.label = service
        self.host = host
        self.env_file = env_file
        self.port = port
        self.at = identity.addresses
        self.unknown = identity.unknown
        self.pid_file = pid_file
        self.uid = identity.uid(host)
        self.command = command
        self.chdir = chdir
        self.log_file = log_file
        self.record = os.path.join(state_dir, f"process-{_names.plain(service)}.json")
        self.old_record = os.path.join(state_dir, OLD_RECORD)
        self.warnings: list[str] = []
        self._passed_over: set[int] = set()  # what the pid file names and is none of the service's
        self._old: list[Hold] = []
        self._above: list[tuple[int, int]] = []  # what had started the processes from before
        self._launch: Launch  # found by prepare()
        self._as: tuple[Sequence[str], str] | None = None  # words of releases, and the one to start
        self._flags: dict[str, str | None] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._trouble = ""  # what went wrong on the way of a restart, and did not end it
        self._log_from = 0
        self._cleared = False
        self._known_directory = False  # whether it was in its working directory, or that is configured

    # -- reading

    @property
    def _where(self) -> str:
        parts = [f"port {self.port}"] if self.port is not None else []
        return " and ".join(parts + ([f"pid file {self.pid_file}"] if self.pid_file else []))

    def _from_pid_file(self, listeners: list[int]) -> int | None:
        """The pid file's process, None when the file is old and its number belongs to another process by now.

        Raises OSError when the file may not be read.
        """
        if not self.pid_file:
            return None
        try:
            pid = int((_trust.read(self.pid_file) or b"").strip())
            written = os.stat(self.pid_file).st_mtime
        except (FileNotFoundError, ValueError):
            return None
        status = self.host.proc.stat(pid) if pid > 1 else None
        if status is None:
            return None
        if pid in listeners:
            return pid
        started = self.host.proc.started(status.start)
        return pid if started <= written + PID_FILE_GRAIN and self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        """Whether a process is the service's user's, and its command the one that is known."""
        proc = self.host.proc
        return proc.users(pid) == {self.uid} and self._fits(pid)

    def _fits(self, pid: int) -> bool:
        """Whether the command that is configured has started it, or its parent: what does not become the service stays
        above it, and a worker has words of its own. A title hides the command."""
        if not self.command:
            return True
        stat = self.host.proc.stat(pid)
        argv, parent = self._argv(pid), stat.ppid if stat else 0
        if WORKER in argv and parent <= 1:
            return True  # what its server has left over
        home = self.chdir is not None and self._is_in(pid, self.chdir)
        if self._is_title(pid) or _command.fits(argv, self._spelled_out, not home):
            return True
        above = self._argv(parent) if parent > 1 else []
        return (WORKER in argv and self._is_title(parent)) or _command.fits(above, self._spelled_out, not home)

    @functools.cached_property
    def _spelled_out(self) -> list[str]:
        """The command, and what stands in the shell script that it runs: that becomes the service by `exec`."""
        words = list(self.command or [])
        for name in _command.scripts_in(words):
            with contextlib.suppress(OSError):
                text = (_trust.read(os.path.join(self.chdir or "/", name)) or b"").decode("utf-8", "replace")
                words += [text] if _command.is_shell(text, words) else []
        return words

    def _argv(self, pid: int) -> list[str]:
        # A title that is shorter than the command it was written over is filled up with zeros.
        return [word for word in self.host.proc.argv(pid) if word]

    def _is_title(self, pid: int) -> bool:
        """Whether a process has given itself a name in place of its command: that is a single word, and it has blanks
        in it, or zeros behind it where the command was longer."""
        raw = self.host.proc.argv(pid) if pid > 1 else []
        words = [word for word in raw if word]
        return len(words) == 1 and (" " in words[0] or len(raw) > 1)

    def _is_in(self, pid: int, directory: str) -> bool:
        """Whether it runs in a directory; where it was started for another release it has another word for the code."""
        with contextlib.suppress(OSError):
            return self.host.proc.cwd(pid) == os.path.realpath(directory)
        return False

    def _has(self, pid: int, directory: str) -> bool:
        """Whether its working directory is that very one: among mounts of its own another one can have that name."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self.host.proc.path(pid, "cwd")), os.stat(directory))
        return False

    def _look(self) -> Looked:
        """Every process that holds the port, and the pid file's; the one to start the others from first."""
        proc = self.host.proc
        holders = proc.listeners(self.port, self.at) if self.port is not None else []
        # Whoever started a container's proxy, what it passes on is not its own.
        pids = [pid for pid in holders if self._is_ours(pid) and not _container.is_proxy(proc, pid)]
        named, denied = None, ""
        try:
            named = self._from_pid_file(pids)
        except OSError as exc:
            denied = f"pid file {self.pid_file} cannot be read ({exc.strerror})"
        if named and _container.is_proxy(proc, named):
            holders, named = [named, *holders], None
        if named and pids and not any(named in proc.ancestors(pid) or pid in proc.ancestors(named) for pid in pids):
            # What listens has nothing to do with it, and has not either when it is stopped.
            self._passed_over.add(named)
        named = None if named in self._passed_over else named
        child = self._child.pid if self._child and self._child.poll() is None else None
        seen = []
        for pid in sorted(set(pids) | {pid for pid in (named, child, self._launched()) if pid}):
            try:
                process = proc.process(pid)
            except PermissionError:
                denied = f"the environment of {self.label}'s processes may not be read"
                continue
            if process is not None:
                seen.append(process)
        unseen = not seen and self.port is not None and proc.is_listening(self.port, self.at)
        # A server is the parent of its workers; of two without a parent here the later start is the one that serves,
        # the other one was left over.
        ids = {process.pid for process in seen}
        seen.sort(key=lambda process: (process.pid != named, process.ppid in ids, -process.start))
        return Looked(seen, [pid for pid in holders if pid not in pids], denied, unseen)

    def processes(self) -> list[Process]:
        """The service's processes, for the look before a restart. Raises Refused where it cannot be told which."""
        proc, root = self.host.proc, self.host.uid == 0
        end, again = self.host.clock() + ENDING_WAIT, True
        while True:
            looked = self._look()
            if looked.denied:
                need = "CAP_SYS_PTRACE is missing here" if root else "run as its user or with become: true"
                raise Refused(f"{looked.denied}: {need}")
            inside = [] if looked.processes else self._inside(looked.strangers)
            if inside:
                raise self._in_a_container(inside[0].pid, "which is inside a container", inside)
            if looked.strangers and not looked.processes:
                raise self._held_by(looked.strangers[0])
            if self.unknown and not looked.processes and self.port is not None and proc.is_listening(self.port):
                raise Refused(
                    f"the name {self.unknown} in runbook_health_url does not resolve on this host, so that whether it "
                    f"leads to what listens on port {self.port} cannot be told: put the address there"
                )
            if not looked.unseen or self.port is None:
                return looked.processes
            if self.host.clock() < end and proc.exiting(None if root else self.host.uid):
                self.host.sleep(ENDING_POLL)
            elif root:
                return []
            elif again and proc.listeners(self.port, self.at):
                again = False  # it may have begun to listen just now
            else:
                raise Refused(
                    f"port {self.port} is held by another user's process: run as its user or with become: true"
                )

    def _inside(self, strangers: Sequence[int]) -> list[Process]:
        """The processes of the container to which address and port lead, to look at and for no more than that."""
        proc, pids = self.host.proc, []
        if self.host.uid != 0:
            return []
        for pid in strangers:
            if _container.is_proxy(proc, pid):
                pids += _container.led_to(proc, pid)
            elif self.engine(pid):
                pids.append(pid)
        if not strangers:
            pids = _container.at(proc, self.at, self.port)
        with contextlib.suppress(PermissionError):
            return [process for process in map(proc.process, dict.fromkeys(pids)) if process is not None]
        return []

    def _held_by(self, pid: int) -> Refused:
        engine = self.engine(pid)
        if engine:
            return self._in_a_container(pid, engine)
        users = sorted(self.host.proc.users(pid))
        if self.host.uid != 0 and users != [self.uid]:
            return self._of_another_user(pid)
        names = ", ".join(_name(uid) for uid in users) or "a user who is not known"
        program = os.path.basename((self.host.proc.argv(pid) or [""])[0])
        if users == [self.uid]:
            wanted = f"was not started by runbook_process_command ({self.command[0] if self.command else ''})"
        else:
            wanted = f"is not {_name(self.uid)}'s (runbook_process_user)"
        return Refused(
            f"port {self.port} is held by process {pid} ({program}) of {names}, which {wanted}: "
            "correct what names the service, or stop that process"
        )

    def _of_another_user(self, pid: int) -> Refused:
        return Refused(f"process {pid} of {self.label} belongs to another user: run as its user or with become: true")

    def _in_a_container(self, pid: int, engine: str, inside: Sequence[Process] = ()) -> Refused:
        return _container.InContainer(
            f"{self._where} leads to process {pid}, {engine}: {self.label} runs in a container, and restarting it "
            "there is not done from here. Stop its messages by its engine, e.g. docker compose stop or podman stop, or "
            "take its instance offline at the gateway: evolution_instance.yml -e stop=true",
            inside,
        )

    def seen(self) -> list[Process]:
        """The service's processes as far as they can be looked at now. From a stop on nothing else is asked: a process
        that is ending denies its own user much, and that is no reason to leave the service stopped."""
        looked = self._look()
        return looked.processes or self._inside(looked.strangers)

    def _launched(self) -> int | None:
        """What a run that was killed has started, and what does not listen yet."""
        # An old record may be another service's.
        left = self._recorded(self.record)
        return left.pid if left and self.host.proc.is_alive(left.pid, left.start) else None

    def preflight(self, change: bool) -> None:
        if not change:
            return
        mine = set(self.host.proc.ancestors(os.getpid())) | {1}
        processes = self.processes()
        for process in processes:
            if process.pid in mine:
                raise Refused(
                    f"{self._where} leads to process {process.pid}, which this session itself runs under: correct it"
                )
            engine = self.engine(process.pid)
            if engine:
                raise self._in_a_container(process.pid, engine, processes)
            ids = self.host.proc.ids(process.pid)
            if self.host.uid != 0 and ids and ids.uid != self.host.uid:
                raise self._of_another_user(process.pid)
        self._mind_several(processes)
        self._mind_unit(processes)

    def _mind_unit(self, processes: Sequence[Process]) -> None:
        """Say it where the process is a unit's own: systemd starts that again by itself, and knows nothing of our env
        file."""
        if not processes or not os.path.isdir(self.host.systemd_booted):
            return
        main = processes[0]
        group = self.host.proc.text(main.pid, "cgroup")
        unit = re.search(r"(/user@\d+\.service(?:/.*)?)?/([^/\n]+\.service)$", group, re.M)
        if unit is None:
            return
        if unit[1]:
            # A user's own systemd, which root cannot ask: what it has started itself is its unit's.
            is_units = os.path.basename((self._argv(main.ppid) or [""])[0]) == "systemd"
            advice = "declare the flags in that unit too, or make it one of the host's"
        else:
            done = self.host.run(["systemctl", "show", "-p", "MainPID", "--", unit[2]], timeout=5)
            is_units = done.out.strip() == f"MainPID={main.pid}"
            advice = "set runbook_service_manager to systemd"
        warning = (
            f"process {main.pid} is that of {unit[2]}, which systemd starts without what {self.env_file} declares: "
            f"{advice}"
        )
        if is_units and warning not in self.warnings:
            self.warnings.append(warning)

    def _mind_several(self, processes: Sequence[Process]) -> None:
        """See that processes of which none has started another are one service: a name such as localhost stands for two
        addresses, and at each may be a program of its own. Raises Refused."""
        ids = {process.pid for process in processes}
        begun = [process for process in processes if process.ppid not in ids]
        if len(begun) < 2:
            return
        first, *others = begun
        port, proc = self.port or 0, self.host.proc
        here = proc.addresses(first.pid, port)
        for other in others:
            there = proc.addresses(other.pid, port)
            if here and there and not here & there and self._argv(first.pid) != self._argv(other.pid):
                each = [(one.pid, "".join(sorted(at)[:1])) for one, at in ((first, here), (other, there))]
                both = " and ".join(f"process {pid} at {address}" for pid, address in each)
                raise Refused(
                    f"{both} listen on port {port}, and which of them is {self.label} cannot be told: put the address "
                    "into runbook_health_url, or set runbook_process_command"
                )
        pids = ", ".join(str(process.pid) for process in begun)
        warning = (
            f"processes {pids} of {self.label} run beside each other, and none has started another: a restart ends "
            f"them all and starts one, as process {first.pid} was started"
        )
        if warning not in self.warnings:
            self.warnings.append(warning)

    def engine(self, pid: int) -> str:
        """What makes the process a container's, or its engine's; empty where nothing does."""
        proc = self.host.proc
        if _container.is_proxy(proc, pid):
            return "a proxy of the container engine"
        own, its = proc.namespace(os.getpid(), "pid"), proc.namespace(pid, "pid")
        # A start from here would be one in another network.
        inside = (own and its and own != its) or _container.is_apart(proc, pid)
        return "which is inside a container" if inside else ""

    def user(self) -> str | None:
        return None

    def group(self) -> str:
        """A plain process has no control group that is its alone."""
        return ""

    def describe(self) -> str:
        trouble = f", {self._trouble}" if self._trouble else ""
        if self._child is not None or self.has_stopped():
            keepers = self._keepers()
            trouble += f", and {keepers}" if keepers else ""
        looked = self._look()
        if looked.unseen:
            trouble = f", port {self.port} is held by a process that may not be looked at{trouble}"
        if self._child is not None and self._child.poll() is not None:
            code = self._child.returncode
            return f"its process ended at start with {'signal' if code < 0 else 'exit code'} {abs(code)}{trouble}"
        ending = [str(held.pid) for held in self._old if not held.is_over()]
        if ending:
            return f"process {', '.join(ending)} has not ended yet{trouble}"
        if not looked.processes:
            return f"no process is found by {self._where}{trouble}"
        if self.port is not None and not self.host.proc.is_listening(self.port, self.at):
            return f"its process does not listen on port {self.port} yet{trouble}"
        return f"its process runs{trouble}"

    def log_tail(self) -> list[str]:
        """The last lines that the new process has written."""
        if self._child is None:
            return []
        try:
            # Its path is the user's, who can have put a link there to what he may not read.
            with os.fdopen(_trust.opened_log(self._launch.error_log), "rb") as handle:
                handle.seek(max(self._log_from, os.fstat(handle.fileno()).st_size - TAIL_BYTES))
                return handle.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()[-5:]
        except OSError:
            return []

    # -- declaring: the env file is ours alone to read

    def declarations(self, flags: dict[str, str | None]) -> dict[str, bytes]:
        return {}

    def obsolete(self, flags: dict[str, str | None]) -> list[str]:
        return []

    def must_reload(self, flags: dict[str, str | None], restart: bool) -> bool:
        return False

    def reload(self, timeout: float) -> None:
        """Nothing reads the env file but our own start."""

    @property
    def files(self) -> list[str]:
        """What says how it is started: no file does."""
        return []

    def reread(self) -> None:
        """There is nothing to be read."""

    def lacks(self, process: Process, flags: dict[str, str | None], fresh: bool = False) -> list[str]:
        if not process.readable:
            return []
        return [flag for flag, wanted in flags.items() if not _envfile.same(process.environ.get(flag), wanted)]

    # -- restarting

    def prepare(self, processes: list[Process], other_release: bool = False) -> None:
        """Find out how to start the service again; a later start fails here, while the old one still runs.

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
                f"{self.label} does not run (nothing is found by {self._where}) and how to start it is not known: "
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
            with acting_as(_owner(launch)):
                launch.cwd = _command.began_in(launch.argv, launch.cwd, others)
        if self.log_file:
            launch.log = launch.error_log = self.log_file
        if not os.path.isdir(launch.cwd):
            raise Refused(f"the working directory {launch.cwd} of {self.label} does not exist: set chdir")
        self._known_directory = bool(self.chdir) or not processes or self._has(processes[0].pid, launch.cwd)
        try:
            os.close(self._directory(launch))
        except OSError as exc:
            raise Refused(
                f"the working directory {launch.cwd} of {self.label} cannot be entered by its user ({exc.strerror}): "
                "set chdir"
            ) from exc
        program = self._program(launch) or ""
        self._mind_confinement(launch, was, program)
        if not program:
            raise Refused(f"the command of {self.label}, {launch.argv[0]!r}, cannot be found: set command")
        with acting_as(_owner(launch)):
            missing = _command.missing_in(launch.argv, launch.cwd)
        for word in missing:
            if not other_release or not _command.may_come(word, launch.cwd):
                raise Refused(self._without(word, launch.cwd))
        for log in (launch.log, launch.error_log):
            if not (os.access(log, os.W_OK) if os.path.exists(log) else _files.writable(log)):
                raise Refused(f"the log {log} of {self.label} cannot be written: set log_file")
        if not _files.writable(self.record):
            raise Refused(f"{self.record} cannot be written: set runbook_state_dir to a directory of yours")
        self._launch = launch
        if self._as:
            self.start_as(*self._as)

    def _directory(self, launch: Launch) -> int:
        """Open its working directory, as who it runs as: the path is the process's word, and root goes there before it
        gives its rights up. Raises OSError."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            with acting_as(_owner(launch)):
                return os.open(launch.cwd, flags)
        except PermissionError:
            # Somebody else has brought it there, and may do so again.
            who = _trust.keeper(launch.cwd) if self.host.uid == 0 else None
            if not self._known_directory or (who is not None and who.uid == launch.uid):
                raise
            return os.open(launch.cwd, flags)

    @staticmethod
    def _program(launch: Launch) -> str | None:
        name = launch.argv[0]
        path = launch.environ.get("PATH", os.defpath)
        if "/" in name:
            return shutil.which(os.path.join(launch.cwd, name), path=path)
        # `exec -a` gives any word for a name.
        return shutil.which(name, path=path) or (shutil.which(launch.program) if launch.program else None)

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
        start = self._confinement_of(launch, program)
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

    def _confinement_of(self, launch: Launch, program: str) -> _confinement.Start:
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

    @property
    def launch(self) -> Launch:
        """How it is started again, once that is prepared."""
        return self._launch

    @property
    def argv(self) -> list[str]:
        """Its command once that is prepared, with the program itself for a name that leads to none."""
        program, argv = self._program(self._launch), self._launch.argv
        by_name = program and program == self._launch.program and "/" not in argv[0]
        return [program, *argv[1:]] if program and by_name else argv

    def started_as(self, words: Sequence[str]) -> str | None:
        """Which of the words its next start has, once that is prepared."""
        return _entry.in_command(self._launch.argv, words)

    def start_as(self, words: Sequence[str], entry: str) -> None:
        """Have it started with another word than before, now and by each further restart of this act."""
        self._as = (words, entry)
        if hasattr(self, "_launch"):
            self._launch.argv = _entry.swapped(self._launch.argv, words, entry)

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

    def restart(self, processes: list[Process], flags: dict[str, str | None]) -> None:
        """Begin the stop. Raises Stopped before it; from here on there is only waiting, and then starting."""
        try:
            content = _trust.read(self.env_file)
        except OSError as exc:
            raise Stopped(f"{self.env_file} cannot be read ({exc.strerror}), so it was not restarted") from exc
        overlay = _envfile.parse(content)
        long = [name for name, value in overlay.items() if len(os.fsencode(f"{name}={value}")) >= TOO_LONG]
        if long:
            raise Stopped(
                f"no process can be given a value as long as that of {long[0]} in {self.env_file}, so it was not "
                "restarted"
            )
        self.warnings += [
            f"line {number} of {self.env_file} is nothing that an environment can hold: {self.label} starts without it"
            for number in _envfile.impossible(content)
        ]
        self._old = [self.host.proc.hold(*each) for each in self._tree(processes)]
        self._above = self._parents(processes)
        environ = {**self._launch.environ, **overlay}
        for flag, wanted in flags.items():
            if wanted is None and flag not in overlay:
                environ.pop(flag, None)
        self._launch.environ = environ
        self._flags = flags
        self._keep_record()
        self._signal(self._old, signal.SIGTERM)

    def _tree(self, processes: Sequence[Process]) -> list[tuple[int, int]]:
        """They and what they have started: that holds no port, and would go on sending with the flags of before."""
        proc = self.host.proc
        keys = [process.key for process in processes]
        begun = proc.tree([process.pid for process in processes])
        return keys + [each for each in begun if each not in keys and proc.users(each[0]) == {self.uid}]

    def _parents(self, processes: Sequence[Process]) -> list[tuple[int, int]]:
        """What has started them: nothing of this session, and no shell in which a person may have done it."""
        proc, ids = self.host.proc, {process.pid for process in processes}
        ours, parents = {0, 1, *proc.ancestors(os.getpid())}, []
        for pid in {process.ppid for process in processes} - ids - ours:
            stat, words = proc.stat(pid), " ".join(self._argv(pid)).split()
            name = os.path.basename(words[0].lstrip("-").rstrip(":")) if words else ""
            by_hand = name.lower() in NO_KEEPERS or (name in _command.PEOPLES and all(w[:1] == "-" for w in words[1:]))
            if stat is not None and name and not by_hand:
                parents.append((pid, stat.start))
        return parents

    def _keepers(self) -> str:
        """What may start the service again, for it runs on after the process that it had started; empty where nothing
        does."""
        left = [pid for pid, start in self._above if self.host.proc.is_alive(pid, start)]
        if not left:
            return ""
        named = ", ".join(f"{pid} ({os.path.basename((self._argv(pid) or ['?'])[0])})" for pid in left)
        return f"process {named}, which had started {self.label}, still runs"

    def ends(self, processes: Sequence[Process]) -> list[int]:
        """The processes that a restart would end."""
        return [pid for pid, _start in self._tree(processes)]

    def _signal(self, processes: list[Hold], number: int) -> None:
        for process in processes:
            try:
                self.host.proc.kill(process.pid, process.start, number)
            except OSError as exc:
                self._trouble = f"process {process.pid} cannot be ended ({exc.strerror})"

    def has_stopped(self) -> bool:
        """Whether every process from before is over."""
        return all(held.is_over() for held in self._old)

    def _keep_record(self) -> None:
        try:
            _trust.replace_ours(self.record, json.dumps(asdict(self._launch)).encode(), mode=0o600)
        except OSError as exc:
            # Only a run that is killed between stop and start misses it; stopping messages does not wait for that.
            warning = f"{self.record} could not be written ({exc.strerror})"
            if warning not in self.warnings:
                self.warnings.append(warning)

    def advance(self, elapsed: float, stop_timeout: float, last: bool = False) -> None:
        """The next step of a restart; the `last` one starts the service whatever can be seen.

        Raises Stopped when it cannot end well any more.
        """
        if self._child is not None:
            self.check()
        elif self.has_stopped() or last:
            self._clear_port(elapsed, stop_timeout, last)
        elif elapsed >= stop_timeout:
            self._signal([held for held in self._old if not held.is_over()], signal.SIGKILL)

    def _clear_port(self, elapsed: float, stop_timeout: float, last: bool) -> None:
        """Start the service, once nothing holds its port any more."""
        looked = self._look()
        if looked.processes:
            if elapsed < stop_timeout and not last:
                return
            if self._cleared:
                raise self._taken(looked.processes[0])
            # Workers that the old server has still started while it was stopped.
            self._old = [self.host.proc.hold(process.pid, process.start) for process in looked.processes]
            self._cleared = True
        elif looked.unseen and elapsed < stop_timeout + ENDING_WAIT and not last:
            # Whose it is cannot be told: such a worker that is ending, or another user's, which the start will meet.
            return
        else:
            try:
                self._start()
            except Stopped as exc:
                if last or getattr(exc.__cause__, "errno", None) not in TRANSIENT:
                    raise

    def _taken(self, process: Process) -> Stopped:
        return Stopped(
            f"process {process.pid} took {self._where} when {self.label} was stopped: something else starts it; "
            "stop that, or manage the service there"
        )

    def _start(self) -> None:
        launch = self._launch
        identity: dict[str, Any] = {"umask": launch.umask}
        if self.host.uid == 0:
            identity.update(user=launch.uid, group=launch.gid, extra_groups=launch.groups)
        try:
            with contextlib.ExitStack() as stack:
                out = stack.enter_context(self._open_log(launch.log))
                err = stack.enter_context(self._open_log(launch.error_log))
                self._log_from = os.fstat(err.fileno()).st_size
                program = self._program(launch) or ""
                confine = stack.enter_context(self._confinement_of(launch, program).hook())
                before = self._before_the_program(confine)
                if before is not None:
                    identity["preexec_fn"] = before
                if program and program == launch.program:
                    identity["executable"] = program
                directory = self._directory(launch)
                stack.callback(os.close, directory)
                self._child = subprocess.Popen(
                    launch.argv,
                    cwd=f"/proc/self/fd/{directory}",
                    env=launch.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    **identity,
                )
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            raise Stopped(f"{launch.argv[0]} cannot be started: {exc}") from exc
        lost = self.host.proc.surround(self._child.pid, launch.surroundings)
        if lost:
            self.warnings.append(
                f"{self.label} was started without what it had of {', '.join(lost)}: a start from here may not give it"
            )
        started = self.host.proc.stat(self._child.pid)
        launch.pid, launch.start = self._child.pid, started.start if started else 0
        self._keep_record()
        if self.pid_file:
            try:
                _trust.replace(self.pid_file, f"{self._child.pid}\n".encode(), 0o644, (launch.uid, launch.gid))
            except OSError as exc:
                self.warnings.append(f"pid file {self.pid_file} could not be written ({exc.strerror})")

    def _before_the_program(self, confine: _confinement.Hook) -> _confinement.Hook:
        """What the child has to run, for it cannot be given to it from here; None where there is nothing."""
        wanted, limits = self._launch.surroundings, []
        hangup = signal.SIG_IGN if wanted.get("ignores_hangup") else signal.SIG_DFL
        as_here = "ignores_hangup" not in wanted or hangup == signal.getsignal(signal.SIGHUP)
        if self.host.uid == 0 and self._launch.uid != 0 and not _confinement.own(self.host.proc).sets_limits:
            # Root without that right may not do it for another user; everybody may lower their own.
            known = wanted.get("limits", {}).items()
            named = [(getattr(resource, name), tuple(each)) for name, each in known if hasattr(resource, name)]
            limits = [(number, each) for number, each in named if resource.getrlimit(number) != each]
        if confine is None and as_here and not limits:
            return None

        def before() -> None:
            if confine is not None:
                confine()
            if not as_here:
                # Without what `nohup` gave it, it would end by the signal of the next rotation of its log.
                signal.signal(signal.SIGHUP, hangup)
            for number, each in limits:
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(number, each)

        return before

    def _open_log(self, path: str) -> IO[bytes]:
        if path == os.devnull:
            return open(path, "ab")  # where it wrote before: nothing is lost by it
        try:
            new = not os.path.exists(path)
            with _trust.as_keeper(path) as who:
                os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
            handle = os.fdopen(_trust.opened_log(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")
            # Who keeps the path may have put another one's file there meanwhile: that stays whose it is.
            made = new and os.fstat(handle.fileno()).st_uid == (who.uid if who else _trust.ROOT)
            if made and self.host.uid == 0:
                os.fchown(handle.fileno(), self._launch.uid, self._launch.gid)
        except OSError as exc:
            # A service without a log is better than none.
            warning = f"{path} could not be opened ({exc.strerror}): what {self.label} writes there is lost"
            if warning not in self.warnings:
                self.warnings.append(warning)
            return open(os.devnull, "ab")
        return handle

    def check(self) -> None:
        if self._child is None or self._child.poll() is None:
            return
        left = self.seen()
        if not left:
            raise Stopped(f"{self.label} did not come back ({self.describe()})")
        # One that has the flags was started by a run that was killed right after it.
        if self._child.returncode != 0 and any(self.lacks(process, self._flags) for process in left):
            raise self._taken(left[0])

    def loops(self) -> bool:
        """Nobody starts it again by itself."""
        return False

    def is_up(self) -> bool:
        """Whether the service listens; without a port, whether it runs."""
        if self.port is not None:
            at = () if self.unknown else self.at
            return any(map(self._is_ours, self.host.proc.listeners(self.port, at)))
        return bool(self.seen())

    def finished(self) -> None:
        """The service has started: the record, with the secrets in it, goes away."""
        keepers = self._keepers()
        if keepers:
            self.warnings.append(
                f"{keepers}: where it starts it again, that is without what is declared in {self.env_file}; end it, or "
                "declare the flags there too"
            )
        for held in self._old:
            held.close()
        for path in (self.record, self.old_record):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _owner(launch: Launch) -> Owner:
    return Owner(launch.uid, launch.gid, launch.groups, "", "/")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
