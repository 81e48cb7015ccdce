# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as /proc shows them, and signals that cannot hit a reused process id."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

TCP_LISTEN = "0A"
EVERY_ADDRESS = ("0.0.0.0", "::")
# What the kernel puts behind the name of what was removed.
DELETED = " (deleted)"
# A flag of the kernel in /proc/PID/stat: the process is ending, and gives its memory and files back.
PF_EXITING = 0x4
# What limits are called in /proc/PID/limits. To ask the kernel for another user's takes a right that root of a
# container often lacks; the file everybody may read.
LIMITS = {
    "Max cpu time": "RLIMIT_CPU",
    "Max file size": "RLIMIT_FSIZE",
    "Max data size": "RLIMIT_DATA",
    "Max stack size": "RLIMIT_STACK",
    "Max core file size": "RLIMIT_CORE",
    "Max resident set": "RLIMIT_RSS",
    "Max processes": "RLIMIT_NPROC",
    "Max open files": "RLIMIT_NOFILE",
    "Max locked memory": "RLIMIT_MEMLOCK",
    "Max address space": "RLIMIT_AS",
    "Max pending signals": "RLIMIT_SIGPENDING",
    "Max msgqueue size": "RLIMIT_MSGQUEUE",
    "Max nice priority": "RLIMIT_NICE",
    "Max realtime priority": "RLIMIT_RTPRIO",
}


class Stat(NamedTuple):
    state: str
    ppid: int
    start: int  # clock ticks since boot
    exiting: bool = False  # its environment is empty or denied by now, and its sockets may still be open


class Process(NamedTuple):
    """One process; `start` (clock ticks since boot) tells it from a later process with the same id."""

    pid: int
    start: int
    started: float  # seconds since the epoch
    ppid: int
    environ: dict[str, str]
    readable: bool = True  # whether that is its environment, and not what a process that names itself has left of it

    @property
    def key(self) -> tuple[int, int]:
        return (self.pid, self.start)


class Hold:
    """One process, held until it is over: its id may be another's by then, and /proc may tell nothing more of it."""

    def __init__(self, proc: Proc, pid: int, start: int):
        self.pid = pid
        self.start = start
        self._proc = proc
        # The handle first: what has this start now is what the handle is for.
        self._handle = proc.pidfd(pid)
        self._over = proc.is_over(pid, start)

    def is_over(self) -> bool:
        """Whether the process with all its threads has ended, its files closed; a zombie has."""
        if self._over:
            return True
        if self._handle is None:
            self._over = self._proc.is_over(self.pid, self.start)
        else:
            poll = select.poll()
            poll.register(self._handle, select.POLLIN)
            self._over = bool(poll.poll(0))
        return self._over

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Ids(NamedTuple):
    uid: int
    gid: int
    groups: list[int]
    umask: int


def _undeleted(target: str) -> str:
    return target[: -len(DELETED)] if target.endswith(DELETED) else target


def _told_of(path: str) -> dict[str, str]:
    """What the kernel says of a file descriptor, nothing where it is gone."""
    with (
        contextlib.suppress(FileNotFoundError, ProcessLookupError),
        open(path, encoding="ascii", errors="replace") as fdinfo,
    ):
        return {name: value.strip() for name, _colon, value in (line.partition(":") for line in fdinfo)}
    return {}


def _overwritten(raw: bytes) -> bool:
    """Whether a process has written over its environment, as those do that give themselves a title."""
    items = raw.rstrip(b"\0").split(b"\0") if raw else []
    return any(b"=" not in item for item in items) or (len(raw) > 1 and raw.endswith(b"\0\0"))


def _environment(raw: bytes) -> dict[str, str]:
    """The variables; of one that is given twice the first counts, as it does for the process."""
    variables: dict[str, str] = {}
    for item in os.fsdecode(raw).split("\0"):
        name, equals, value = item.partition("=")
        if equals:
            variables.setdefault(name, value)
    return variables


def _address(field: str) -> str:
    """An address as /proc/net/tcp writes it: 32-bit words in the host's byte order."""
    words = [bytes.fromhex(field[at : at + 8]) for at in range(0, len(field), 8)]
    address = ipaddress.ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


class Proc:
    """Reads one /proc tree. A process that ends while it is read counts as gone, never as an error."""

    def __init__(self, root: str = "/proc"):
        self.root = root
        self._ticks = os.sysconf("SC_CLK_TCK")

    def path(self, *parts: str | int) -> str:
        return os.path.join(self.root, *map(str, parts))

    def _read(self, *parts: str | int) -> bytes | None:
        """The file's content, None when the process (or file) is gone. Raises PermissionError."""
        try:
            with open(self.path(*parts), "rb") as handle:
                return handle.read()
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
            return None

    def _link(self, *parts: str | int) -> str | None:
        try:
            return os.readlink(self.path(*parts))
        except (FileNotFoundError, ProcessLookupError):
            return None

    def text(self, *parts: str | int) -> str:
        """A file of the kernel's, empty where it is gone or may not be read."""
        with contextlib.suppress(OSError):
            return os.fsdecode(self._read(*parts) or b"")
        return ""

    def boot_id(self) -> str:
        """What the kernel drew at its start, by which a boot is told from another one."""
        return self.text("sys", "kernel", "random", "boot_id").strip()

    def pids(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(self.root) if name.isdigit())

    def stat(self, pid: int) -> Stat | None:
        raw = self._read(pid, "stat")
        if not raw:
            return None
        # The name in parentheses may itself hold spaces and parentheses.
        fields = raw[raw.rindex(b")") + 2 :].split()
        return Stat(fields[0].decode(), int(fields[1]), int(fields[19]), bool(int(fields[6]) & PF_EXITING))

    def is_alive(self, pid: int, start: int) -> bool:
        """Whether that very process still runs; a zombie does not."""
        stat = self.stat(pid)
        return stat is not None and stat.start == start and stat.state not in "ZX"

    def is_over(self, pid: int, start: int) -> bool:
        """Whether that very process has ended with all its threads: the first one may be a zombie before the others."""
        stat = self.stat(pid)
        if stat is None or stat.start != start:
            return True
        if stat.state not in "ZX":
            return False
        try:
            return len(os.listdir(self.path(pid, "task"))) <= 1
        except OSError:
            return True

    def exiting(self, uid: int | None = None) -> list[int]:
        """Processes (of a user) that are ending and not over yet."""
        pids = []
        for pid in self.pids():
            stat = self.stat(pid)
            if stat is None or not stat.exiting or self.is_over(pid, stat.start):
                continue
            ids = self.ids(pid)
            if ids is not None and uid in (None, ids.uid):
                pids.append(pid)
        return pids

    def pidfd(self, pid: int) -> int | None:
        """A handle that stays that process's, None where it is gone or the kernel has no such handles."""
        if not hasattr(os, "pidfd_open"):
            return None
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None

    def hold(self, pid: int, start: int) -> Hold:
        return Hold(self, pid, start)

    def started(self, start: int) -> float:
        """Seconds since the epoch. From the boot clock, because btime in /proc/stat is cut to whole seconds."""
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return booted + start / self._ticks

    def process(self, pid: int) -> Process | None:
        """The living process, None when it is gone or ending. Raises PermissionError for another user's."""
        stat = self.stat(pid)
        if stat is None or stat.state in "ZX" or stat.exiting:
            return None
        try:
            environ = self._read(pid, "environ")
        except PermissionError:
            # While a process ends, the kernel denies its environment to its own user too.
            if self._runs(pid, stat.start):
                raise
            return None
        # Looked at again: what is read of a process that has begun to end meanwhile is empty.
        if environ is None or not self._runs(pid, stat.start):
            return None
        readable = not _overwritten(environ)
        variables = _environment(environ) if readable else {}
        return Process(pid, stat.start, self.started(stat.start), stat.ppid, variables, readable)

    def _runs(self, pid: int, start: int) -> bool:
        stat = self.stat(pid)
        return stat is not None and stat.start == start and stat.state not in "ZX" and not stat.exiting

    def argv(self, pid: int) -> list[str]:
        raw = os.fsdecode(self._read(pid, "cmdline") or b"")
        return raw[:-1].split("\0") if raw.endswith("\0") else raw.split("\0")

    def cwd(self, pid: int) -> str | None:
        """Its directory; one that was removed and made anew is that of the same name."""
        target = self._link(pid, "cwd")
        return target if target is None or os.path.isdir(target) else _undeleted(target)

    def program(self, pid: int) -> str:
        """The file that it runs, by the name at which a newer one may be by now; empty where that may not be seen."""
        with contextlib.suppress(PermissionError):
            return _undeleted(self._link(pid, "exe") or "")
        return ""

    def root_of(self, pid: int) -> str:
        """The directory that is / to a process, / where that may not be seen."""
        with contextlib.suppress(PermissionError):
            return self._link(pid, "root") or "/"
        return "/"

    def stream(self, pid: int, number: int) -> str | None:
        """Where a file descriptor points, without the kernel's mark of a file that was rotated away."""
        target = self._link(pid, "fd", number)
        return target and _undeleted(target)

    def ends(self, pid: int, number: int) -> list[str]:
        """The files in which a stream ends: its own, or those of the filters and `tee`s that read it from a pipe."""
        seen: set[str] = set()
        paths: list[str] = []
        todo = [(pid, number)]
        while todo:
            at = todo.pop()
            target = self.stream(*at) or ""
            if not target.startswith("pipe:"):
                path = self.writes_to(*at) or ""
                if path.startswith("/") and not path.startswith("/dev/") and path not in paths:
                    paths.append(path)
                continue
            if target in seen:
                continue
            seen.add(target)
            for reader in self.pids():
                with contextlib.suppress(PermissionError):
                    # Whoever reads it otherwise than as its input may do anything with it.
                    if self._link(reader, "fd", 0) == target:
                        todo += [(reader, out) for out in [1, *self._teed(reader)] if self.stream(reader, out)]
        return paths

    def _teed(self, pid: int) -> list[int]:
        """The descriptors of the files that a `tee` writes."""
        if (self._read(pid, "comm") or b"").strip() != b"tee":
            return []
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return [int(name) for name in os.listdir(self.path(pid, "fd")) if int(name) > 2]
        return []

    def surroundings(self, pid: int) -> dict[str, Any]:
        """Limits, niceness, scheduling, badness for the out-of-memory killer, processors and control groups, and
        whether a hang-up is ignored, as far as they can be seen."""
        surroundings: dict[str, Any] = {"limits": self.limits(pid), "groups": {}}
        with contextlib.suppress(OSError):
            surroundings["nice"] = os.getpriority(os.PRIO_PROCESS, pid)
        with contextlib.suppress(OSError):
            surroundings["scheduling"] = [os.sched_getscheduler(pid), os.sched_getparam(pid).sched_priority]
        ignored = re.search(r"^SigIgn:\s*([0-9a-f]+)$", self.text(pid, "status"), re.M)
        if ignored:
            surroundings["ignores_hangup"] = bool(int(ignored[1], 16) >> signal.SIGHUP - 1 & 1)
        with contextlib.suppress(OSError, ValueError):
            surroundings["oom"] = int(self._read(pid, "oom_score_adj") or b"0")
        with contextlib.suppress(OSError):
            surroundings["processors"] = sorted(os.sched_getaffinity(pid))
        for line in os.fsdecode(self._read(pid, "cgroup") or b"").splitlines():
            hierarchy, controllers, group = line.split(":", 2)
            mount = "/sys/fs/cgroup" + ("" if hierarchy == "0" else "/" + controllers.rpartition("=")[2])
            surroundings["groups"][os.path.normpath(f"{mount}/{group}")] = True
        return surroundings

    def limits(self, pid: int) -> dict[str, list[int]]:
        """Soft and hard limits of a process by the names that Python has for them."""
        lines = re.findall(r"^(Max [a-z ]+?)\s{2,}(\w+)\s+(\w+)", self.text(pid, "limits"), re.M)
        return {
            LIMITS[name]: [resource.RLIM_INFINITY if value == "unlimited" else int(value) for value in values]
            for name, *values in lines
            if name in LIMITS
        }

    def surround(self, pid: int, wanted: dict[str, Any]) -> list[str]:
        """Give a child such surroundings, as far as that is allowed: a service without them is better than none.

        Returns the names of what it has not got of limits, niceness and scheduling. Never raises: the service is down
        by now.
        """
        lost = []
        for name, limits in wanted.get("limits", {}).items():
            number = getattr(resource, name, None)
            if number is None:  # of a record that another Python has written
                lost.append(name.removeprefix("RLIMIT_"))
                continue
            try:
                resource.prlimit(pid, number, tuple(limits))
            except ProcessLookupError:
                return []
            except (OSError, ValueError):
                # It has ours then, or what it gave itself.
                if self.limits(pid).get(name) != list(limits):
                    lost.append(name.removeprefix("RLIMIT_"))
        nice = wanted.get("nice", 0)
        try:
            if os.getpriority(os.PRIO_PROCESS, pid) != nice:
                os.setpriority(os.PRIO_PROCESS, pid, nice)
        except ProcessLookupError:
            return []
        except OSError:
            lost += ["nice"] if "nice" in wanted else []
        policy, priority = wanted.get("scheduling", (None, 0))
        try:
            if policy is not None and os.sched_getscheduler(pid) != policy:
                os.sched_setscheduler(pid, policy, os.sched_param(priority))
        except ProcessLookupError:
            return []
        except OSError:
            lost.append("scheduling")
        paths = {self.path(pid, "oom_score_adj"): str(wanted.get("oom", 0))}
        paths.update({os.path.join(group, "cgroup.procs"): str(pid) for group in wanted.get("groups", {})})
        for path, text in paths.items():
            with contextlib.suppress(OSError), open(path, "r+", encoding="ascii") as handle:
                handle.write(text)
        # Last: a control group has processors of its own.
        processors = set(wanted.get("processors", ()))
        with contextlib.suppress(OSError):
            if processors and processors != os.sched_getaffinity(pid):
                os.sched_setaffinity(pid, processors)
        return lost

    def namespace(self, pid: int, kind: str) -> str | None:
        """The namespace that the process is in (`net`, `pid`), None where that may not be seen."""
        with contextlib.suppress(PermissionError):
            return self._link(pid, "ns", kind)
        return None

    def ids(self, pid: int) -> Ids | None:
        raw = self._read(pid, "status")
        if raw is None:
            return None
        values = dict(line.split(":", 1) for line in raw.decode(errors="replace").splitlines() if ":" in line)
        groups = [int(group) for group in values.get("Groups", "").split()]
        # One that is ending has no umask any more.
        umask = int(values.get("Umask", "0022"), 8)
        # Uid and Gid: real, effective, saved, file system.
        group, effective = map(int, values["Gid"].split()[:2])
        # A set-gid program has its file's, and its words from whoever runs it: they are started with that one's.
        return Ids(int(values["Uid"].split()[1]), group or effective, groups, umask)

    def users(self, pid: int) -> set[int]:
        """Its real, effective and saved user ids; none when it is gone."""
        line = re.search(rb"^Uid:\s*(\d+)\s+(\d+)\s+(\d+)", self._read(pid, "status") or b"", re.M)
        return set(map(int, line.groups())) if line else set()

    def writes_to(self, pid: int, number: int) -> str | None:
        """Where a file descriptor points, None when it is not open for writing, or when what is there is another file.

        The path is the process's word: in memory or among mounts of its own it can have a file by any name, and it can
        change the descriptor between two looks. Root opens what is found here.
        """
        target = self.stream(pid, number)
        if target is None or not target.startswith("/") or target == os.devnull:
            return target if self._is_written(self._opened(pid, number)) else None
        try:
            # Held, so that all that follows is about one file.
            handle = os.open(self.path(pid, "fd", number), os.O_PATH | os.O_CLOEXEC)
        except PermissionError:
            raise
        except OSError:
            return None
        try:
            own, its = _told_of(f"/proc/self/fdinfo/{handle}"), self._opened(pid, number)
            # Linux before 5.14 says no inode there.
            same = all(name not in its or name not in own or its[name] == own[name] for name in ("mnt_id", "ino"))
            return self._path_of(handle, own, self.users(pid)) if same and self._is_written(its) else None
        except OSError:
            return None
        finally:
            os.close(handle)

    @staticmethod
    def _path_of(handle: int, own: dict[str, str], users: set[int]) -> str | None:
        """The path of an open file, None where another one is there."""
        path, status = os.readlink(f"/proc/self/fd/{handle}"), os.fstat(handle)
        if not path.endswith(DELETED):
            return path if os.path.samestat(status, os.stat(path)) else None
        path = _undeleted(path)
        # That there was such a file can be told where its directory is on the same mount as it.
        directory = os.open(os.path.dirname(path), os.O_PATH | os.O_CLOEXEC)
        try:
            beside = _told_of(f"/proc/self/fdinfo/{directory}").get("mnt_id") == own.get("mnt_id")
        finally:
            os.close(directory)
        if not beside or status.st_nlink:
            return None
        # What has come to its place since is its log where it is the user's.
        return path if not os.path.lexists(path) or os.lstat(path).st_uid in users else None

    def _opened(self, pid: int, number: int) -> dict[str, str]:
        return _told_of(self.path(pid, "fdinfo", number))

    @staticmethod
    def _is_written(fdinfo: dict[str, str]) -> bool:
        return "flags" in fdinfo and int(fdinfo["flags"], 8) & os.O_ACCMODE != os.O_RDONLY

    def in_cgroup(self, path: str) -> list[int]:
        """Processes of a systemd control group and those below it, with cgroup v1 or v2."""
        # Asked of every process, because where the hierarchy is mounted differs between hosts and containers.
        pids = []
        wanted = path.rstrip("/")
        for pid in self.pids():
            for line in os.fsdecode(self._read(pid, "cgroup") or b"").splitlines():
                hierarchy, controllers, group = line.split(":", 2)
                if (hierarchy == "0" or controllers == "name=systemd") and (group + "/").startswith(wanted + "/"):
                    pids.append(pid)
                    break
        return pids

    def _listening(self, of: int | None = None) -> dict[str, tuple[str, int]]:
        """Inode of each listening TCP socket → its address and port; in the network of a process, or this one."""
        sockets = {}
        for name in ("tcp", "tcp6"):
            read = self._read("net", name) if of is None else self._read(of, "net", name)
            for line in (read or b"").decode().splitlines()[1:]:
                columns = line.split()
                if columns[3] == TCP_LISTEN:
                    address, port = columns[1].rsplit(":", 1)
                    sockets[columns[9]] = (_address(address), int(port, 16))
        return sockets

    def _answering(self, port: int, addresses: Sequence[str], of: int | None = None) -> set[str]:
        """Inodes of the sockets that a connection to the port, at one of the addresses if any are given, can reach."""
        return {
            inode
            for inode, (address, held) in self._listening(of).items()
            if held == port and (not addresses or address in addresses or address in EVERY_ADDRESS)
        }

    def is_listening(self, port: int, addresses: Sequence[str] = ()) -> bool:
        return bool(self._answering(port, addresses))

    def _inodes(self, pid: int) -> set[str]:
        try:
            names = os.listdir(self.path(pid, "fd"))
            targets = [self._link(pid, "fd", name) or "" for name in names]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return set()
        return {match[1] for match in map(re.compile(r"socket:\[(\d+)\]").fullmatch, targets) if match}

    def written(self, pid: int) -> set[str]:
        """Paths that the process holds open to write to."""
        paths = set()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            for name in os.listdir(self.path(pid, "fd")):
                flags = re.search(rb"^flags:\s*([0-7]+)", self._read(pid, "fdinfo", name) or b"", re.MULTILINE)
                if flags and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY:
                    paths.add(self.stream(pid, int(name)) or "")
        return paths - {""}

    def listeners(self, port: int, addresses: Sequence[str] = (), of: int | None = None) -> list[int]:
        """Every process that holds a listening socket of the port, at one of the addresses where there are any: a
        server, its workers, a worker left over. `of` is a process whose network is meant."""
        wanted = self._answering(port, addresses, of)
        return [pid for pid in self.pids() if wanted & self._inodes(pid)] if wanted else []

    def addresses(self, pid: int, port: int) -> set[str]:
        """Where the process listens on the port."""
        listening = self._listening()
        held = [listening[inode] for inode in self._inodes(pid) if inode in listening]
        return {address for address, number in held if number == port}

    def ports(self, pids: list[int]) -> list[int]:
        listening = self._listening()
        return sorted({listening[inode][1] for pid in pids for inode in self._inodes(pid) if inode in listening})

    def tree(self, roots: Iterable[int]) -> list[tuple[int, int]]:
        """The living processes (id and start) that descend from these, themselves included."""
        living = {pid: stat for pid in self.pids() for stat in [self.stat(pid)] if stat and stat.state not in "ZX"}
        family = more = set(roots)
        while more:
            more = {pid for pid, stat in living.items() if stat.ppid in more} - family
            family = family | more
        return [(pid, living[pid].start) for pid in sorted(family & living.keys())]

    def marked(self, mark: str) -> list[int]:
        """The processes with `mark` (NAME=value) in their environment, as far as that may be read."""
        return [pid for pid in self.pids() if mark in self.text(pid, "environ").split("\0")]

    def is_own(self) -> bool:
        """Whether processes are numbered here as we number them; in a new room they are not yet."""
        return self._link("self") == str(os.getpid())

    def ancestors(self, pid: int) -> list[int]:
        line: list[int] = []
        while pid and pid not in line:
            line.append(pid)
            stat = self.stat(pid)
            pid = stat.ppid if stat else 0
        return line

    def kill(self, pid: int, start: int, number: int) -> None:
        """Signal that very process; nothing happens when it is gone, also when another one has its id by now."""
        with contextlib.suppress(ProcessLookupError):
            handle = self.pidfd(pid)
            if handle is None:
                if self.is_alive(pid, start):
                    os.kill(pid, number)
                return
            try:
                # The handle is held, so the id cannot change its owner between this check and the signal.
                if self.is_alive(pid, start):
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)
