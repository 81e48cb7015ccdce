# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process may do beside its user's rights, and what it may not: found before a stop, given back by the start.

Its root directory cannot be given back, and its capabilities only by who has them: who asks finds that out in time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Optional

from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_RESOURCE = 8, 10, 24
# Of prctl(2) and capset(2).
KEEPCAPS, CAPBSET_DROP, NO_NEW_PRIVS, CAP_AMBIENT, AMBIENT_RAISE, CAPABILITY_VERSION = 8, 24, 38, 47, 2, 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
# Run in the child, between fork and exec.
Hook = Optional[Callable[[], None]]


class Confined(NamedTuple):
    """Capabilities are sets of bits, as in /proc/PID/status."""

    root: str = "/"
    ambient: int = 0
    bounding: int = -1
    no_new_privs: bool = False


class Own(NamedTuple):
    """What this process can give."""

    permitted: int
    bounding: int
    no_new_privs: bool
    can_drop: bool

    @property
    def sets_limits(self) -> bool:
        """Whether it may set those of another user's process."""
        return bool(self.permitted >> CAP_SYS_RESOURCE & 1)


def of(proc: Proc, pid: int) -> dict[str, Any]:
    """The confinement of a process, fit for JSON."""
    status = _status(proc, pid)
    return Confined(
        proc.root_of(pid), status.get("CapAmb", 0), status.get("CapBnd", -1), bool(status.get("NoNewPrivs", 0))
    )._asdict()


def own(proc: Proc) -> Own:
    """What this process has itself."""
    status = _status(proc, os.getpid())
    can_drop = bool(status.get("CapEff", 0) >> CAP_SETPCAP & 1)
    return Own(status.get("CapPrm", 0), status.get("CapBnd", 0), bool(status.get("NoNewPrivs", 0)), can_drop)


def _status(proc: Proc, pid: int) -> dict[str, int]:
    lines = re.findall(r"^(Cap\w+|NoNewPrivs):\s*([0-9a-f]+)$", proc.text(pid, "status"), re.M)
    return {name: int(value, 16) for name, value in lines}


class Start:
    """How a start by this process brings the confinement back. `uid` is whom it starts as, `program` what."""

    def __init__(self, wanted: Mapping[str, Any], mine: Own, uid: int, program: str):
        confined = Confined(**wanted)
        self.root = confined.root
        # Root's programs get theirs by being root's.
        self.ambient = confined.ambient if uid != 0 else 0
        self.without = mine.bounding & ~confined.bounding
        # One that has privileges of its own had to get them before it gave up the way to more.
        self.no_new_privs = confined.no_new_privs and not mine.no_new_privs and not _is_privileged(program)
        self.lost = [number for number in _bits(self.ambient) if not mine.permitted >> number & 1]
        self.can_drop = mine.can_drop and not _is_privileged(program)
        self.widened = bool(self.without) and not self.can_drop and not confined.no_new_privs
        self._uid = uid

    @property
    def lost_names(self) -> str:
        names = {CAP_NET_BIND_SERVICE: "CAP_NET_BIND_SERVICE"}
        return ", ".join(names.get(number, f"capability {number}") for number in self.lost)

    @contextlib.contextmanager
    def hook(self) -> Iterator[Hook]:
        """What the child has to run when it has its user; None where there is nothing to do."""
        drop = self.without if self.can_drop else 0
        if not (self.ambient or drop or self.no_new_privs):
            yield None
            return
        keep = bool(self.ambient or drop)
        if keep:
            _libc.prctl(KEEPCAPS, 1, 0, 0, 0)
        try:
            yield lambda: self._confine(drop)
        finally:
            if keep:
                _libc.prctl(KEEPCAPS, 0, 0, 0, 0)

    def _confine(self, drop: int) -> None:
        # Whatever does not work out, a service that runs is better than none.
        with contextlib.suppress(Exception):
            if self.ambient or drop:
                permitted = _capabilities()[1]
                _set_capabilities(permitted, permitted, self.ambient)
                for number in _bits(drop):
                    _libc.prctl(CAPBSET_DROP, number, 0, 0, 0)
                if self._uid != 0:
                    _set_capabilities(self.ambient, self.ambient, self.ambient)
                for number in _bits(self.ambient):
                    _libc.prctl(CAP_AMBIENT, AMBIENT_RAISE, number, 0, 0)
        if self.no_new_privs:
            _libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)


def _bits(mask: int) -> list[int]:
    return [number for number in range(64) if mask >> number & 1]


def _is_privileged(program: str) -> bool:
    """Whether the file itself gives privileges to who runs it."""
    with contextlib.suppress(OSError):
        if os.stat(program).st_mode & (stat.S_ISUID | stat.S_ISGID):
            return True
        return bool(os.getxattr(program, "security.capability"))
    return False


_Words = ctypes.c_uint32 * 6  # effective, permitted and inheritable, the lower 32 bits and then the upper


def _capabilities() -> tuple[int, int, int]:
    words = _Words()
    _libc.capget(_header(), words)
    effective, permitted, inheritable = (words[place] | words[place + 3] << 32 for place in range(3))
    return effective, permitted, inheritable


def _set_capabilities(*masks: int) -> None:
    low, high = ([mask >> shift & 0xFFFFFFFF for mask in masks] for shift in (0, 32))
    _libc.capset(_header(), _Words(*low, *high))


def _header() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
