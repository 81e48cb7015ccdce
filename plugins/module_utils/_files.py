# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that outlive a run: read, replaced whole, and changed by one run at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from typing import Callable

LOCK_POLL = 0.02


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


def replace(path: str, content: bytes, mode: int = 0o640, owner: tuple[int, int] | None = None) -> None:
    """Replace a file at once and for good; its owner is kept, a symbolic link's target is what is replaced.

    `owner` is whose a new file shall be. Raises OSError; then the old file is as it was and nothing is left beside it.
    """
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    # One fixed name: what a killed run has left is taken away by the next.
    temporary = os.path.join(directory, f".{name}.runbook-new")
    with contextlib.suppress(FileNotFoundError):
        present = os.stat(target)
        owner = (present.st_uid, present.st_gid)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if owner and owner != (os.geteuid(), os.getegid()):
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.rename(temporary, target)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_directory(directory)


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
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        lock(handle, seconds, clock, sleep)
        yield handle
    finally:
        os.close(handle)
