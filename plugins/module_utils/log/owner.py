# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a log is the one that the service's processes write, as /proc tells, and where they write instead."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Sequence
from typing import NamedTuple, Optional

Identity = tuple[int, int]  # device and inode
Owned = tuple[Optional[bool], str]
UNSEEN: Owned = (None, "")
JOURNAL = "the journal"
UNREAD_PIPE = "a pipe nobody reads"
# Further than this no output is followed: service → container's shim → container daemon → its log.
_HOPS = 4
# These write logs of what comes through a socket, which shows no sender.
_LOG_DAEMONS = {"rsyslogd", "syslog-ng", "syslogd", "metalog", "systemd-journal", "fluent-bit", "fluentd", "vector"}


class Opened(NamedTuple):
    """One file descriptor of a process."""

    number: int
    identity: Identity
    mode: int  # as in st_mode
    flags: int  # as in open(2)
    path: str

    @property
    def writes(self) -> bool:
        return self.flags & os.O_ACCMODE != os.O_RDONLY

    @property
    def reads(self) -> bool:
        return self.flags & os.O_ACCMODE != os.O_WRONLY

    @property
    def is_log(self) -> bool:
        """Whether it may be a log: standard output, or a file that is only appended to. Databases are not."""
        return stat.S_ISREG(self.mode) and self.writes and (self.number in (1, 2) or bool(self.flags & os.O_APPEND))


def opened(pid: int) -> list[Opened]:
    """Return what process ``pid`` has open. Raises OSError where that cannot be seen or the process is gone."""
    files = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            info = os.stat(f"/proc/{pid}/fd/{number}")
            path = os.readlink(f"/proc/{pid}/fd/{number}")
            with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii", errors="replace") as file:
                flags = next((int(line.split()[1], 8) for line in file if line.startswith("flags:")), 0)
        except FileNotFoundError:  # closed meanwhile
            continue
        files.append(Opened(int(number), (info.st_dev, info.st_ino), info.st_mode, flags, path))
    return sorted(files)


def owner_of_log(pids: Sequence[int], logs: Collection[Identity]) -> Owned:
    """Tell whether one of ``pids`` writes one of ``logs``, itself or through pipes.

    :returns: True; or False and where they write instead; or None where that cannot be seen
    """
    mine, hidden = _of_service(pids)
    if any(file.identity in logs and file.writes for file in mine):
        return True, ""
    if hidden or not mine:
        return UNSEEN
    out = [file for file in mine if file.number in (1, 2)]
    pipes = {file.identity for file in mine if stat.S_ISFIFO(file.mode) and file.writes}
    others = _Others(set(pids), logs)
    readers = others.behind(pipes)
    if readers & others.holders:
        return True, ""
    elsewhere = next((file.path for file in mine if file.is_log), None)
    if elsewhere is not None:
        return False, elsewhere
    if any(stat.S_ISSOCK(file.mode) for file in mine) and any(
        others.name(pid) in _LOG_DAEMONS for pid in others.holders
    ):
        return UNSEEN
    if _is_journal(pids, out):
        return False, JOURNAL
    if not any(stat.S_ISFIFO(file.mode) and file.writes for file in out):
        return UNSEEN
    for pid in sorted(readers):
        try:
            files = [file for file in opened(pid) if stat.S_ISREG(file.mode) and file.writes]
        except OSError:
            return UNSEEN
        if files:
            # What it opened itself before its standard output and error, which whoever started it chose.
            return False, min(files, key=lambda file: file.number in (1, 2)).path
    return UNSEEN if readers or others.hidden else (False, UNREAD_PIPE)


def owner_of_journal(pids: Sequence[int]) -> Owned:
    """Tell whether ``pids`` write to the journal; or False and the file that their output goes to instead."""
    mine, hidden = _of_service(pids)
    out = [file for file in mine if file.number in (1, 2)]
    if _is_journal(pids, out):
        return True, ""
    if hidden or not out or not all(stat.S_ISREG(file.mode) for file in out):
        return UNSEEN
    return False, out[0].path


def _of_service(pids: Sequence[int]) -> tuple[list[Opened], bool]:
    """What the service's processes have open, and whether some of that cannot be seen."""
    mine: list[Opened] = []
    hidden = False
    for pid in pids:
        try:
            mine += opened(pid)
        except PermissionError:
            hidden = True
        except OSError:  # it has ended
            continue
    return mine, hidden


def _is_journal(pids: Sequence[int], out: list[Opened]) -> bool:
    """Whether standard output or error is the stream that systemd connected to the journal for this process."""
    streams = {f"JOURNAL_STREAM={file.identity[0]}:{file.identity[1]}".encode() for file in out}
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if not streams.isdisjoint(file.read().split(b"\0")):
                return True
    return False


class _Others:
    """All processes but the service's: who has which pipe, and who has one of the logs open."""

    def __init__(self, mine: set[int], logs: Collection[Identity]) -> None:
        self._pipes: dict[Identity, set[int]] = {}
        self.holders: set[int] = set()  # processes that write one of the logs
        self.hidden = False  # whether some process cannot be looked into
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) in mine:
                continue
            try:
                for number in os.listdir(f"/proc/{name}/fd"):
                    self._note(int(name), f"/proc/{name}/fd/{number}", logs)
            except PermissionError:
                # What is hidden from root is the kernel's or the container host's, and reads no pipe of ours.
                self.hidden = self.hidden or os.geteuid() != 0
            except OSError:  # it has ended
                continue

    def _note(self, pid: int, path: str, logs: Collection[Identity]) -> None:
        try:
            info = os.stat(path)
        except FileNotFoundError:  # closed meanwhile
            return
        identity = (info.st_dev, info.st_ino)
        if stat.S_ISFIFO(info.st_mode):
            self._pipes.setdefault(identity, set()).add(pid)
        elif identity in logs and any(file.identity == identity and file.writes for file in opened(pid)):
            self.holders.add(pid)

    def behind(self, pipes: set[Identity]) -> set[int]:
        """Return the processes that read ``pipes``, and those that read what these write."""
        readers: set[int] = set()
        for _hop in range(_HOPS):
            more: set[int] = set()
            written: set[Identity] = set()
            for pid in {pid for pipe in pipes for pid in self._pipes.get(pipe, ())} - readers:
                try:
                    files = [file for file in opened(pid) if stat.S_ISFIFO(file.mode)]
                except OSError:
                    self.hidden = True
                    continue
                if any(file.identity in pipes and file.reads for file in files):
                    more.add(pid)
                    written |= {file.identity for file in files if file.writes}
            readers |= more
            pipes = written
        return readers

    def name(self, pid: int) -> str:
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                return file.read().strip()
        except OSError:
            return ""
