# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A room apart on this host, in which work is done that reaches and changes nothing outside of it.

Its network has nothing but itself, its processes see no others, and its files are this host's: what is written to them
lands in memory and is gone with the room. When it ends, or whoever opened it is killed, the kernel ends all that runs
in it.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import select
import shutil
import signal
import stat
import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import run
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail

PARENT = "/run"
NAME = "kumon-runbook-room-"
# Namespaces: mounts, IPC, processes, network.
APART = 0x00020000 | 0x08000000 | 0x20000000 | 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
MOST_CAPABILITIES = 64
# What the kernel shows of itself, and is no file to be copied.
KERNELS = ("/proc", "/sys", "/dev")
SMALL = 1 << 20
# Of the memory that is free, how much may be written in a room.
SHARE = 4
# How much longer than its time the work may take, which ends by itself; and until the kernel has ended what runs.
GRACE, ENDING = 2.0, 10.0

_libc = ctypes.CDLL(None, use_errno=True)


class NoRoom(Exception):
    """There can be none here; `why` says it as data."""

    def __init__(self, why: Detail):
        super().__init__(why["code"])
        self.why = why


class Room:
    """The room as the work in it sees it."""

    def __init__(self, memory: int):
        self._memory = memory  # the file system that what is written lands in

    @property
    def is_full(self) -> bool:
        """Whether there is no space left for what is written."""
        disk = os.fstatvfs(self._memory)
        return disk.f_bavail < 16 or disk.f_favail < 16

    @staticmethod
    def empty(path: str) -> None:
        """Have an empty file in the place of one that would be copied as a whole when it is written on."""
        with contextlib.suppress(OSError):
            about = os.stat(path)
            if not stat.S_ISREG(about.st_mode):
                return
            path = os.path.realpath(path)
            os.unlink(path)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            os.fchown(handle, about.st_uid, about.st_gid)
            os.fchmod(handle, stat.S_IMODE(about.st_mode))
            os.close(handle)

    @staticmethod
    def give_up_rights() -> None:
        """What is started from now on, root's programs too, gets no right by which the room could be left."""
        for number in range(MOST_CAPABILITIES):
            _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Where memory runs short, this goes and not the service.
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as handle:
            handle.write("1000")


def place_of(directory: str) -> str:
    """Where the room for a directory's releases is; what a killed run has left of it is the next one's."""
    return os.path.join(PARENT, NAME + hashlib.sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:16])


def within(work: Callable[[Room], Any], base: str, needed: Sequence[str], seconds: float) -> Any:
    """What the work returns, as JSON has it; it is done in a process of its own that lives in the room.

    base: its place, one room at a time. needed: directories that have to be there. Raises NoRoom where there can be
    none or its work has not ended after these seconds.
    """
    if os.geteuid() != 0:
        raise NoRoom(detail("room_no_rights"))
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(base, 0o700)
        out, result = os.pipe()
        told, tell = os.pipe()
        keeper = os.fork()
    except OSError as exc:
        raise NoRoom(detail("room_fails", reason=str(exc.strerror))) from exc
    if keeper == 0:
        try:
            os.close(out)
            os.close(told)
            _keep(work, base, needed, seconds, result, tell)
        finally:
            os._exit(0)
    os.close(result)
    os.close(tell)
    end = time.monotonic() + seconds + GRACE
    try:
        answer = json.loads(_read(out, end) or b"{}")
    except ValueError:
        answer = {}
    finally:
        in_time = time.monotonic() < end
        _end(told, keeper)
        os.close(out)
        with contextlib.suppress(OSError):
            os.rmdir(base)
    if "value" in answer:
        return answer["value"]
    if in_time:
        raise NoRoom(answer.get("why") or detail("room_fails", reason="it ended without an answer"))
    raise NoRoom(detail("room_ended", seconds=round(seconds)))


def _read(handle: int, end: float) -> bytes:
    content = b""
    while time.monotonic() < end:
        if select.select([handle], [], [], max(0.0, min(1.0, end - time.monotonic())))[0]:
            more = os.read(handle, 1 << 16)
            if not more:
                break
            content += more
    return content


def _end(told: int, keeper: int) -> None:
    """End whatever still runs in the room, and wait until it has."""
    with contextlib.suppress(OSError, ValueError):
        first = int(os.read(told, 32) or b"0") if select.select([told], [], [], ENDING)[0] else 0
        if first:
            os.kill(first, signal.SIGKILL)
    os.close(told)
    end = time.monotonic() + ENDING
    while os.waitpid(keeper, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(keeper, signal.SIGKILL)
            os.waitpid(keeper, 0)
            return
        time.sleep(0.005)


def _keep(
    work: Callable[[Room], Any], base: str, needed: Sequence[str], seconds: float, result: int, tell: int
) -> None:
    """The process between: it waits for the room's first one, with which all that runs there ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    sockets = sorted(set(_sockets()))
    outside = _spaces()
    if _libc.unshare(APART) != 0:
        _answer(result, {"why": _why(ctypes.get_errno())})
        return
    # All that follows would change the host itself, were it not apart.
    if outside & _spaces():
        _answer(result, {"why": detail("room_fails", reason="it is not apart")})
        return
    first = os.fork()
    if first == 0:
        try:
            os.close(tell)
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            # Only a signal that is handled reaches the first process of a room from inside of it.
            signal.signal(signal.SIGALRM, lambda *_about: os._exit(0))
            signal.alarm(int(seconds + GRACE) + 2)
            _answer(result, _done(work, base, needed, sockets))
        finally:
            os._exit(0)
    os.close(result)
    os.write(tell, str(first).encode())
    os.waitpid(first, 0)


def _spaces() -> set[str]:
    """The namespaces that this process is in."""
    return {os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "ipc", "net")}


def _answer(result: int, answer: dict[str, Any]) -> None:
    content = json.dumps(answer).encode()
    while content:
        content = content[os.write(result, content) :]


def _done(work: Callable[[Room], Any], base: str, needed: Sequence[str], sockets: Sequence[str]) -> dict[str, Any]:
    try:
        memory = _furnish(base, needed)
        _connect()
        for path in sockets:
            _shut(path)
        return {"value": work(Room(memory))}
    except NoRoom as exc:
        return {"why": exc.why}
    except OSError as exc:
        return {"why": _why(exc.errno or 0)}
    except Exception as exc:
        return {"why": detail("room_fails", reason=f"{type(exc).__name__}: {exc}"[:200])}


def _why(number: int) -> Detail:
    return detail("room_no_rights") if number == 1 else detail("room_fails", reason=os.strerror(number))


def _sockets() -> list[str]:
    """The paths of sockets that somebody has; those without a path stay in the network that they are of."""
    paths = []
    with contextlib.suppress(OSError), open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as handle:
        for line in handle.read().splitlines()[1:]:
            fields = line.split(None, 7)
            if len(fields) == 8 and fields[7].startswith("/"):
                paths.append(fields[7])
    return paths


def _shut(path: str) -> None:
    """Whoever listens at this socket is outside of the room."""
    path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    with contextlib.suppress(OSError):
        # Whoever makes a socket gives it its name, which may be that of a file, or end a line and begin one of his own.
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        if _below(path, KERNELS):
            # These are no copies: they are covered, and not taken away.
            _mount("/dev/null", path, None, MS_BIND)
        else:
            os.unlink(path)


# -- files


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    given = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if _libc.mount(*given, ctypes.c_ulong(flags), os.fsencode(options)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def _below(path: str, directories: Sequence[str]) -> bool:
    return any(path == above or path.startswith(above.rstrip("/") + "/") for above in directories)


def _furnish(base: str, needed: Sequence[str]) -> int:
    """Make this host's files the room's, and go in. Gives a handle of the memory that is written to."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    mounted = [entry for entry in _files.mounted() if entry[0] == "/" or not _below(entry[0], [*KERNELS, base])]
    _mount("kumon-runbook", base, "tmpfs", 0, f"mode=0700,size={_spare()}")
    memory = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    root = os.path.join(base, "root")
    os.mkdir(root)
    for number, (path, kind) in enumerate(mounted):
        target = root + (path if path != "/" else "")
        try:
            if os.path.isdir(path):
                if kind != "autofs" and (path == "/" or os.path.isdir(target)):
                    _lay_over(path, target, os.path.join(base, str(number)))
            elif os.path.isfile(path) and os.path.getsize(path) <= SMALL and os.path.lexists(target):
                shutil.copy2(path, target)
        except OSError:
            # It is empty there, which nobody may need.
            if any(_below(os.path.realpath(one), [path]) for one in needed):
                raise
    os.chdir(root)
    _kernels(root)
    os.chroot(root)
    os.chdir("/")
    return memory


def _spare() -> int:
    with open("/proc/meminfo", encoding="ascii") as handle:
        available = re.search(r"MemAvailable:\s*(\d+) kB", handle.read())
    return max(32 << 20, (int(available[1]) << 10) // SHARE if available else 0)


def _lay_over(path: str, target: str, layers: str) -> None:
    """Show a directory's files where what is written to them goes into the layers."""
    about = os.stat(path)
    upper, work = os.path.join(layers, "upper"), os.path.join(layers, "work")
    os.makedirs(upper)
    os.mkdir(work)
    os.chown(upper, about.st_uid, about.st_gid)
    os.chmod(upper, stat.S_IMODE(about.st_mode))
    # Its name may have what separates options.
    os.chdir(path)
    _mount("overlay", target, "overlay", 0, f"lowerdir=.,upperdir={upper},workdir={work},redirect_dir=on")


def _kernels(root: str) -> None:
    _mount("proc", root + "/proc", "proc", 0)
    for path in ("/sys", "/dev"):
        _mount(path, root + path, None, MS_BIND)
    with contextlib.suppress(OSError):
        _mount("none", root + "/sys", None, MS_BIND | MS_REMOUNT | MS_RDONLY)
    with contextlib.suppress(OSError):
        _mount("/dev/pts", root + "/dev/pts", None, MS_BIND)
    with contextlib.suppress(OSError):
        _mount("memory", root + "/dev/shm", "tmpfs", 0, "mode=1777")


# -- network


def _connect() -> None:
    """Every address is the room itself: what listens at one of the host's is found there, and nothing else is."""
    for argv in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "route", "add", "local", "default", "dev", "lo"],
        ["ip", "-6", "route", "add", "local", "default", "dev", "lo"],
    ):
        done = run(argv)
        if done.rc == 127:
            raise NoRoom(detail("room_no_ip"))
        if done.rc != 0 and "-6" not in argv:
            raise NoRoom(detail("room_fails", reason=(done.err.strip().splitlines() or ["ip"])[0][:200]))
    for setting, value in (
        ("ipv4/ip_unprivileged_port_start", "0"),
        ("ipv4/ip_nonlocal_bind", "1"),
        ("ipv6/ip_nonlocal_bind", "1"),
    ):
        with contextlib.suppress(OSError), open(f"/proc/sys/net/{setting}", "w", encoding="ascii") as handle:
            handle.write(value)
