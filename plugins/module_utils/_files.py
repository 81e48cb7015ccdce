# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that outlive a run: read, replaced whole, and changed by one run at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import struct
import sys
import time
from collections.abc import Iterator
from typing import Callable

LOCK_POLL = 0.02
# To write a file and its disk takes moments. Who takes longer is stuck, or wants others to be.
DRAFT_SECONDS = 2.0
ACL = "system.posix_acl_access"
NEW_ACL = "system.posix_acl_default"  # of a directory, for what is made in it
# FS_IOC_GETFLAGS of ioctl_iflags(2), as most machines number it; others say that they do not know it.
GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
FIXED = {0x10: "i", 0x20: "a"}


def named_here(name: str) -> str:
    """A name that was given in UTF-8, as this host's own calls give it: they may decode by another encoding."""
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def for_people(text: str) -> str:
    """A text with names as this host's calls give them, with what is UTF-8 as it reads."""
    with contextlib.suppress(UnicodeError):
        return os.fsencode(text).decode()
    return text.encode("utf-8", "replace").decode()


def read(path: str) -> bytes | None:
    """The file's bytes, None when there is none."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def writable(path: str) -> bool:
    """Whether the file could be replaced: its directory, or the nearest one above that exists, can be written to."""
    directory = os.path.dirname(os.path.realpath(path))
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK, effective_ids=True)


def sync_directory(directory: str) -> None:
    """Make renames in the directory outlast a power cut. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def attributes(path: str) -> dict[str, bytes]:
    """What says beside its mode who may read and write a file or directory, and what its users have noted of it."""
    values = {}
    with contextlib.suppress(OSError):  # not every file system has them
        for name in os.listxattr(path, follow_symlinks=False):
            if name in (ACL, NEW_ACL) or name.startswith("user."):
                values[name] = os.getxattr(path, name, follow_symlinks=False)
    return values


def allow(handle: int | str, mode: int, given: dict[str, bytes]) -> None:
    """Give a file or directory of one's own its attributes and its mode. Raises OSError."""
    for name, value in given.items():
        try:
            os.setxattr(handle, name, value)
        except OSError:
            if name == ACL:
                mode &= ~0o070  # not the group's rights, but the most that anybody in the list had
    for name in {ACL, NEW_ACL}.difference(given):
        with contextlib.suppress(OSError):
            os.removexattr(handle, name)  # from the directory
    os.chmod(handle, mode)


def fixed(path: str) -> str | None:
    """Which attribute of chattr(1) keeps a file or what is in a directory from being replaced, None without."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            flags = int.from_bytes(fcntl.ioctl(handle, GET_FLAGS, bytes(8))[:4], sys.byteorder)
        finally:
            os.close(handle)
        return next((letter for bit, letter in FIXED.items() if flags & bit), None)
    return None


def mounted() -> list[tuple[str, str]]:
    """Where something is mounted, and what kind of file system; what is above comes first. Raises OSError."""
    kinds = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as handle:
        for line in handle:
            before, _dash, after = line.partition(" - ")
            path = re.sub(r"\\([0-7]{3})", lambda digits: chr(int(digits[1], 8)), before.split()[4])
            kinds[path] = after.split()[0]
    return sorted(kinds.items(), key=lambda entry: (entry[0] != "/", entry[0].count("/"), entry[0]))


def open_directory(path: str) -> int:
    """Open a directory, made where there is none, and return its descriptor.

    ``path`` is a real one: a link anywhere on the way was put there meanwhile, and is not followed. Raises OSError.
    """
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    parts = [part for part in path.split("/") if part]
    # What lies above need not be readable; what is to be synchronised has to be.
    at = os.open("/", flags | (os.O_PATH if parts else os.O_RDONLY))
    for number, part in enumerate(parts, 1):
        how = flags | (os.O_PATH if number < len(parts) else os.O_RDONLY)
        try:
            try:
                below = os.open(part, how, dir_fd=at)
            except FileNotFoundError:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=at)
                below = os.open(part, how, dir_fd=at)
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, path) from exc
        finally:
            os.close(at)
        at = below
    return at


def replace(
    path: str,
    content: bytes,
    mode: int = 0o640,
    owner: tuple[int, int] | None = None,
    anew: bool = False,
    look: Callable[[int], None] | None = None,
) -> None:
    """Replace a file at once and for good; its owner and ACL are kept, a symbolic link's target is what is replaced.

    `owner` is whose a new file shall be. `anew` keeps nothing of what is there, and takes the place of a link itself.
    `look` is given the directory that was opened, and raises OSError where nothing is to be replaced in it.
    Raises OSError; then the old file is as it was and nothing is left beside it.
    """
    if anew:
        directory, name = os.path.realpath(os.path.dirname(path)), os.path.basename(path)
    else:
        directory, name = os.path.split(os.path.realpath(path))
    # Opened once, and all that follows is done in it: whoever moves it or puts a link in its place leads nothing away.
    at = open_directory(directory)
    try:
        if look:
            look(at)
        _replace_in(at, name, content, mode, owner, anew)
        os.fsync(at)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, path) from exc
    finally:
        os.close(at)


def _replace_in(at: int, name: str, content: bytes, mode: int, owner: tuple[int, int] | None, anew: bool) -> None:
    # One fixed name: what a killed run has left is taken away by the next.
    temporary = f".{name}.runbook-new"
    given = None
    if not anew:
        with contextlib.suppress(FileNotFoundError):
            present = os.stat(name, dir_fd=at, follow_symlinks=False)
            if stat.S_ISLNK(present.st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            owner, given = (present.st_uid, present.st_gid), attributes(f"/proc/self/fd/{at}/{name}")
    with os.fdopen(_draft(at, temporary), "wb") as stream:
        try:
            stream.write(content)
            stream.flush()
            if owner and owner != (os.geteuid(), os.getegid()):
                os.fchown(stream.fileno(), *owner)
            if given is None:
                os.fchmod(stream.fileno(), mode)
            else:
                allow(stream.fileno(), mode, given)
            os.fsync(stream.fileno())
            os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=at)
            raise


def _draft(at: int, temporary: str) -> int:
    """Make the file that is to take another one's place, and hold its lock until it does. Raises OSError.

    Of two who replace the same file at once the second waits: it would put the first one's in place half-written.
    Nobody keeps us here by making one again and again.
    """
    end = time.monotonic() + DRAFT_SECONDS
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            handle = os.open(temporary, flags, 0o600, dir_fd=at)
        except FileExistsError:
            if time.monotonic() > end + DRAFT_SECONDS:
                raise
            _take_away(at, temporary, end)
            continue
        with contextlib.suppress(OSError):  # not every file system has locks
            lock(handle, DRAFT_SECONDS)
        if _is_at(at, temporary, handle):
            return handle
        # Before it was locked somebody has taken it for left over.
        os.close(handle)
        if time.monotonic() > end + DRAFT_SECONDS:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), temporary)


def _take_away(at: int, temporary: str, end: float) -> None:
    """Take away what a killed run has left; of one that is at work wait a moment, until `end`. Raises OSError."""
    try:
        handle = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except FileNotFoundError:
        return
    except OSError:  # a link, or one that somebody else has put there
        os.unlink(temporary, dir_fd=at)
        return
    try:
        with contextlib.suppress(OSError):
            lock(handle, max(0.0, end - time.monotonic()))
        if _is_at(at, temporary, handle):
            os.unlink(temporary, dir_fd=at)
    finally:
        os.close(handle)


def _is_at(at: int, name: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(name, dir_fd=at, follow_symlinks=False), os.fstat(handle))
    except FileNotFoundError:
        return False


def append_line(handle: int, line: bytes, path: str) -> None:
    """Add a line to an open, locked file, for good. Raises OSError; the file is then as it was.

    A line that a killed run has left half stays as it is, and ours begins below it.
    """
    size = os.fstat(handle).st_size
    torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
    line = (b"\n" if torn else b"") + line + b"\n"
    try:
        if os.write(handle, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise


def lock(
    handle: int,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Lock an open file for its holder alone. Raises BlockingIOError where another one has it for all these seconds.

    The kernel lets go of the lock when the last copy of the handle is closed, so a dead run holds nobody up.
    """
    end = clock() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock() >= end:
                raise
            sleep(LOCK_POLL)


@contextlib.contextmanager
def locked(
    path: str,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Hold a file's lock, and give its descriptor; the file is made where there is none.

    Raises BlockingIOError where another one holds it for all these seconds, OSError where it cannot be opened.
    """
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    # No lock is a link: one would have a file made where it leads.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o640)
    try:
        lock(handle, seconds, clock, sleep)
        yield handle
    finally:
        os.close(handle)
