# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks for the processes of a service without a supervisor: which are its own, and why one is refused."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _command, _container, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Process

# How long the look before a restart waits for a process that is ending already and still holds the port.
ENDING_WAIT, ENDING_POLL = 5.0, 0.05
# A pid file is written right after the process has started; one that started later only has the same number.
PID_FILE_GRAIN = 2.0
# What Python gives the workers that a server starts.
WORKER = "--multiprocessing-fork"
Keys = Sequence[tuple[int, int]]  # processes, each by its id and start


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


class Look:
    """Looks for one service's processes; `launched` are those that are its own without listening yet. Raises Refused
    where nothing tells them."""

    def __init__(
        self, service: str, env_file: str, host: Host, identity: Identity, command: list[str] | None, chdir: str | None
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
        self.warnings: list[str] = []
        self._passed_over: set[int] = set()  # what the pid file names and is none of the service's

    @property
    def where(self) -> str:
        """What it is found by."""
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
        return pid if started <= written + PID_FILE_GRAIN and self.is_ours(pid) else None

    def is_ours(self, pid: int) -> bool:
        """Whether a process is the service's user's, and its command the one that is known."""
        proc = self.host.proc
        return proc.users(pid) == {self.uid} and self._fits(pid)

    def _fits(self, pid: int) -> bool:
        """Whether the command that is configured has started it, or its parent: what does not become the service stays
        above it, and a worker has words of its own. A title hides the command."""
        if not self.command:
            return True
        stat = self.host.proc.stat(pid)
        argv, parent = self.argv(pid), stat.ppid if stat else 0
        if WORKER in argv and parent <= 1:
            return True  # what its server has left over
        home = self.chdir is not None and self._is_in(pid, self.chdir)
        if self._is_title(pid) or _command.fits(argv, self._spelled_out, not home):
            return True
        above = self.argv(parent) if parent > 1 else []
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

    def argv(self, pid: int) -> list[str]:
        """The words of its command."""
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

    def now(self, launched: Keys) -> Looked:
        """Every process that holds the port, and the pid file's; the one to start the others from first."""
        proc = self.host.proc
        holders = proc.listeners(self.port, self.at) if self.port is not None else []
        # Whoever started a container's proxy, what it passes on is not its own.
        pids = [pid for pid in holders if self.is_ours(pid) and not _container.is_proxy(proc, pid)]
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
        living = [pid for pid, start in launched if proc.is_alive(pid, start)]
        seen = []
        for pid in sorted({pid for pid in (*pids, *living, named) if pid}):
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

    def processes(self, launched: Keys) -> list[Process]:
        """The service's processes, for the look before a restart. Raises Refused where it cannot be told which."""
        proc, root = self.host.proc, self.host.uid == 0
        end, again = self.host.clock() + ENDING_WAIT, True
        while True:
            looked = self.now(launched)
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
            elif self._engine(pid):
                pids.append(pid)
        if not strangers:
            pids = _container.at(proc, self.at, self.port)
        with contextlib.suppress(PermissionError):
            return [process for process in map(proc.process, dict.fromkeys(pids)) if process is not None]
        return []

    def _held_by(self, pid: int) -> Refused:
        engine = self._engine(pid)
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
            f"{self.where} leads to process {pid}, {engine}: {self.label} runs in a container, and restarting it "
            "there is not done from here. Stop its messages by its engine, e.g. docker compose stop or podman stop, or "
            "take its instance offline at the gateway: evolution_instance.yml -e stop=true",
            inside,
        )

    def seen(self, launched: Keys) -> list[Process]:
        """The service's processes as far as they can be looked at now. From a stop on nothing else is asked: a process
        that is ending denies its own user much, and that is no reason to leave the service stopped."""
        looked = self.now(launched)
        return looked.processes or self._inside(looked.strangers)

    def mind(self, processes: list[Process]) -> None:
        """See that they are such as can be ended and started again from here. Raises Refused."""
        mine = set(self.host.proc.ancestors(os.getpid())) | {1}
        for process in processes:
            if process.pid in mine:
                raise Refused(
                    f"{self.where} leads to process {process.pid}, which this session itself runs under: correct it"
                )
            engine = self._engine(process.pid)
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
            is_units = os.path.basename((self.argv(main.ppid) or [""])[0]) == "systemd"
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
            if here and there and not here & there and self.argv(first.pid) != self.argv(other.pid):
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

    def _engine(self, pid: int) -> str:
        """What makes the process a container's, or its engine's; empty where nothing does."""
        proc = self.host.proc
        if _container.is_proxy(proc, pid):
            return "a proxy of the container engine"
        own, its = proc.namespace(os.getpid(), "pid"), proc.namespace(pid, "pid")
        # A start from here would be one in another network.
        inside = (own and its and own != its) or _container.is_apart(proc, pid)
        return "which is inside a container" if inside else ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
