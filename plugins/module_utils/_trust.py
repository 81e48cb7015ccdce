# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the target that others than root may have put where they are.

A path of which nobody but root can change a component is root's to read and to write. What stands at any other path was
put there by somebody, who can as well put a link to root's secret there: it is opened with that user's rights, so that
the kernel decides. (sshd(8) looks at the path of authorized_keys in the same way: StrictModes in sshd_config(5).)
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner, acting_as, owner_by_id, owner_of

ROOT = 0
NOBODY = 65534
MOST_LINKS = 40  # as many as the kernel follows
MOST_BYTES = 1 << 20  # of an environment file or a pid file
MOST_OF_OURS = 1 << 28  # of what the runbook itself keeps: a journal of years
MOST_OF_A_PACKAGE = 1 << 30  # of what requirements name
# An access list as the kernel gives it: its version, then entries of a kind, what is allowed, and whom.
LIST_VERSION = 2
USER, ITS_GROUP, GROUP, MOST, OTHERS = 0x02, 0x04, 0x08, 0x10, 0x20
WRITE = 2
# What in a git directory says which programs git starts, or on what: who can change one of them leads git.
GIT = ("", "config", "config.worktree", "commondir", "hooks", "info", "objects")
# What else a configuration of git takes in; a `path` of another section does no harm among these.
INCLUDED = re.compile(
    rb"(?mi)^[ \t]*(?:\[[^\]\n]*\][ \t]*)?path[ \t]*=[ \t]*(?:\"((?:[^\"\\\n]|\\.)*)\"|([^\"#;\n]*[^\"#;\s]))"
)
# Where the Python lies that an environment was made with.
HOME = re.compile(rb"(?m)^home[ \t]*=[ \t]*(\S.*?)[ \t\r]*$")


class NoFile(OSError):
    """What is at a path is no regular file."""


class Writers(NamedTuple):
    """Who beside its owner may write to a file or directory, root and root's group left out."""

    users: list[int]
    groups: list[int]
    everybody: bool


def keeper(path: str) -> Owner | None:
    """Return who can change what stands at ``path``, None where that is root alone.

    In a directory of a user's it is that user, or the first one whom an access list lets write; where a group or
    everybody can write, somebody with the rights of that group and no others. In a sticky directory (as /tmp) it is the
    owner of what lies there. Raises OSError for a path of too many links.
    """
    return _kept(path)[0]


def _kept(path: str) -> tuple[Owner | None, str, bool]:
    """Who that is, the path without the links that are root's alone, and whether what can be changed is that one's own,
    and not only open to them."""
    # Not normalised: what .. after a link means is for the link to say.
    path = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    todo = [part for part in path.split("/") if part not in ("", ".")]
    at, links = "/", 0
    while todo:
        name = todo.pop(0)
        if name == "..":
            at = os.path.dirname(at)
            continue
        directory = os.stat(at)
        full = os.path.join(at, name)
        try:
            entry = os.lstat(full)
        except OSError:
            return _changer(at, directory, None), os.path.join(full, *todo), directory.st_uid != ROOT
        changer = _changer(at, directory, entry)
        if changer is not None:
            return changer, os.path.join(full, *todo), changer.uid in (directory.st_uid, entry.st_uid)
        if stat.S_ISLNK(entry.st_mode):
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(full)
            at = "/" if target.startswith("/") else at
            todo = [part for part in target.split("/") if part not in ("", ".")] + todo
        else:
            at = full
    return None, at, True


def _changer(path: str, directory: os.stat_result, entry: os.stat_result | None) -> Owner | None:
    """Return who can put something else in the place of an entry of the directory at ``path``, None for root alone."""
    if directory.st_uid != ROOT:
        return owner_by_id(directory.st_uid, directory.st_gid)
    may = _writers(path, directory)
    if not (may.users or may.groups or may.everybody):
        return None
    if entry is not None and directory.st_mode & stat.S_ISVTX:
        return None if entry.st_uid == ROOT else owner_by_id(entry.st_uid, entry.st_gid)
    if may.users and not may.everybody:
        return owner_by_id(may.users[0], NOBODY)
    group = NOBODY if may.everybody else may.groups[0]
    return Owner(NOBODY, group, [group], "nobody", "/")


def _writers(path: str, status: os.stat_result) -> Writers:
    access_list = None
    # Where there is a list, the mode's bits of the group are the most that anybody in it has: none have more.
    if status.st_mode & stat.S_IWGRP:
        try:
            access_list = os.getxattr(path, _files.ACL)
        except OSError as exc:
            if exc.errno not in (errno.ENODATA, errno.ENOTSUP):
                raise
    if access_list is not None:
        return writers(access_list, status.st_gid)
    group = [status.st_gid] if status.st_mode & stat.S_IWGRP and status.st_gid != ROOT else []
    return Writers([], group, bool(status.st_mode & stat.S_IWOTH))


def writers(access_list: bytes, gid: int) -> Writers:
    """Read who may write by an access list of a file of group ``gid``. Raises OSError for what is no such list."""
    if len(access_list) % 8 != 4 or int.from_bytes(access_list[:4], "little") != LIST_VERSION:
        raise OSError(errno.EINVAL, "its access list cannot be read")
    entries = list(struct.iter_unpack("<HHI", access_list[4:]))
    # What is more than the most has no effect, except for the owner and for all others.
    most = all(rights & WRITE for kind, rights, _whom in entries if kind == MOST)
    may_write = Writers([], [], any(kind == OTHERS and rights & WRITE for kind, rights, _whom in entries))
    for kind, rights, whom in entries if most else []:
        whom = gid if kind == ITS_GROUP else whom
        if rights & WRITE and whom != ROOT and kind in (USER, GROUP, ITS_GROUP):
            (may_write.users if kind == USER else may_write.groups).append(whom)
    return may_write


def changer(path: str) -> Owner | None:
    """Return who can put something else at ``path``, or change what is there, None where that is root alone.

    Raises OSError.
    """
    who = keeper(path)
    if who is None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            who = _changer(path, os.stat(path), None)
    return who


def first_changer(paths: Iterable[str]) -> Owner | None:
    """Return who can change one of these, the first one's; what comes after it is not looked for. Raises OSError."""
    return next(filter(None, map(changer, paths)), None)


def runs_as(directory: str) -> Owner:
    """Return as whom the programs of a directory may be run: its owner, unless that is root and somebody else can put
    something else there or into it, or into its git repository. Raises OSError."""
    owner = owner_of(directory)
    if owner.uid != ROOT or os.geteuid() != ROOT:
        return owner
    return first_changer(_leading(directory)) or owner


def _leading(directory: str) -> Iterator[str]:
    """Yield the paths that decide what is run in a directory. What a file of git's names is read when that file has
    been looked at, and was found to be root's alone."""
    yield directory
    git = os.path.join(directory, ".git")
    yield git
    if os.path.isfile(git):
        # As in a submodule, or in a work tree that was added to another.
        git = os.path.join(directory, _said_in(git, "gitdir: "))
    yield from _leading_git(git)
    common = os.path.join(git, "commondir")
    if os.path.isfile(common):
        yield from _leading_git(os.path.join(git, _said_in(common)))


def _leading_git(git: str) -> Iterator[str]:
    for name in GIT:
        yield os.path.join(git, name)
    todo, known = [os.path.join(git, name) for name in GIT if name.startswith("config")], set()
    while todo:
        config = todo.pop()
        if config in known or not os.path.isfile(config):
            continue
        known.add(config)
        for quoted, bare in INCLUDED.findall(read(config) or b""):
            path = os.fsdecode(bare or re.sub(rb"\\(.)", rb"\1", quoted))
            if path.startswith("~/"):
                path = owner_by_id(ROOT, ROOT).home + path[1:]
            path = os.path.join(os.path.dirname(config), path)
            yield path
            todo.append(path)


def _said_in(path: str, before: str = "") -> str:
    text = os.fsdecode(read(path) or b"").rstrip("\r\n")
    return text[len(before) :] if text.startswith(before) else text


def leading_python(environment: str) -> Iterator[str]:
    """Yield the paths that decide what the Python of a virtual environment runs. What one of them names, or has in it,
    is looked for when it has been looked at, and was found to be root's alone."""
    config = os.path.join(environment, "pyvenv.cfg")
    yield environment
    yield config
    # Where pip takes packages from, and whether it asks who they are from.
    yield os.path.join(environment, "pip.conf")
    home = HOME.search(read(config) or b"") if os.path.isfile(config) else None
    if home:
        yield os.fsdecode(home[1])
    yield os.path.join(environment, "bin")
    yield os.path.join(environment, "bin", "python")
    # One of them may be a link to the other.
    for library in dict.fromkeys(os.path.realpath(os.path.join(environment, name)) for name in ("lib", "lib64")):
        yield library
        for python in _names_in(library):
            yield os.path.join(library, python)
            yield from _leading_packages(os.path.join(library, python, "site-packages"))


def _leading_packages(site: str) -> Iterator[str]:
    yield site
    for here, directories, files in os.walk(site):
        for name in [*directories, *files]:
            path = os.path.join(here, name)
            status = os.lstat(path)
            # There are thousands, and of nearly all this says enough; a link has every right.
            if status.st_uid != ROOT or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                yield path
    for name in _names_in(site):
        if name.endswith(".pth"):
            # Where else packages are: a sitecustomize there is run at each start.
            for line in (read(os.path.join(site, name)) or b"").splitlines():
                if line.strip() and not line.startswith((b"#", b"import ", b"import\t")):
                    yield os.path.join(site, os.fsdecode(line.rstrip()))


def _names_in(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextlib.contextmanager
def as_keeper(path: str) -> Iterator[Owner | None]:
    """File operations at ``path`` with the rights of who keeps it; gives them, None for this process's own."""
    owner = keeper(path) if os.geteuid() == ROOT else None
    if owner is None:
        yield None
        return
    with acting_as(owner):
        yield owner


def opened(path: str, flags: int = os.O_RDONLY, mode: int = 0o640) -> int:
    """Open a regular file, with the rights of its keeper, and return its descriptor.

    Raises OSError, also for what is no regular file: nothing waits for a pipe.
    """
    with as_keeper(path) as who:
        try:
            return _opened_here(path, flags, mode)
        except PermissionError as exc:
            if who is None:
                raise
            raise PermissionError(exc.errno, f"{who.name}, who can change its path, may not open it", path) from exc


def opened_log(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a log as :func:`opened` does, and return its descriptor. Where a directory of root's is open to a group, as
    /var/log of Ubuntu to that of syslog, or by an access list, those may have no right to the log: then root opens it,
    through no link of theirs, and only a file without another name. Raises OSError."""
    try:
        return opened(path, flags)
    except PermissionError:
        _who, plain, own = _kept(path)
        if os.geteuid() != ROOT or own:
            raise
        directory = _files.open_directory(os.path.dirname(plain))
        try:
            return opened_alone(f"/proc/self/fd/{directory}/{os.path.basename(plain)}", flags)
        finally:
            os.close(directory)


def opened_alone(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file that has no other name, with the rights of this process, and return its descriptor. For a
    directory that nobody but root can replace, and in which others can put anything: neither a link there nor another
    name of root's secret leads to that. Raises OSError."""
    handle = _opened_here(path, flags | os.O_NOFOLLOW)
    if os.fstat(handle).st_nlink > 1:
        os.close(handle)
        raise NoFile(errno.EMLINK, "it has other names too", path)
    return handle


def opened_as_ours(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a file that the runbook itself keeps, and return its descriptor. Where somebody else can put something in
    its place, root goes through no link there, nor to a file with other names. Raises OSError."""
    return opened_alone(path, flags) if _may_be_put(path) else _opened_here(path, flags)


def _may_be_put(path: str) -> bool:
    """Whether what is there may be what somebody else has put there for root."""
    return os.geteuid() == ROOT and keeper(path) is not None


def read_ours(path: str) -> bytes | None:
    """Return the bytes of a file that the runbook itself keeps, None when there is none. Raises OSError."""
    try:
        handle = opened_as_ours(path)
    except FileNotFoundError:
        return None
    return _content(handle, path, MOST_OF_OURS)


def replace_ours(path: str, content: bytes, mode: int = 0o640) -> None:
    """Replace a file that the runbook itself keeps. Where somebody else can put something in its place, a link leads
    nowhere, and the new file is root's whoever had the one before. Raises OSError."""
    _files.replace(path, content, mode, anew=_may_be_put(path))


def _opened_here(path: str, flags: int, mode: int = 0o640) -> int:
    handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoFile(errno.EINVAL, "it is not a regular file", path)
    return handle


def read(path: str, most: int = MOST_BYTES) -> bytes | None:
    """Return the bytes of a file, None when there is none. Raises OSError, also where it is larger than ``most``."""
    try:
        handle = opened(path)
    except FileNotFoundError:
        return None
    return _content(handle, path, most)


def _content(handle: int, path: str, most: int) -> bytes:
    with os.fdopen(handle, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes", path)
    return content


def replace(path: str, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Replace a file as :func:`_files.replace` does, with the rights of its keeper; one that is there keeps its mode.

    Raises OSError.
    """
    whose = None
    with as_keeper(path) as who:
        with contextlib.suppress(FileNotFoundError):
            present = os.stat(path)
            mode, whose = stat.S_IMODE(present.st_mode), present.st_uid
        if who is None or whose in (None, who.uid):
            _files.replace(path, content, mode, owner if who is None else None)
            return
    # The keeper cannot give a file to whom this one belongs, as to root where a group can write to the directory. Root
    # can, and does where the keeper could have put any other; what lies there may be a set-uid program's second name.
    _files.replace(path, content, mode & 0o777, look=lambda directory: _refuse_unless_open_to(who, directory))


def _refuse_unless_open_to(who: Owner, directory: int) -> None:
    with acting_as(who):
        free = os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=True)
    if not free:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def writable(path: str) -> bool:
    """Whether the file could be replaced by its keeper."""
    with as_keeper(path):
        return _files.writable(path)
