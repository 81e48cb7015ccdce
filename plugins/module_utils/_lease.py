# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease on the target: one runbook at a time works on a host, and a dead controller holds nobody up for long.

`lease.json` holds `{run_id, actor, procedure, level, acquired, expires, host}` and, for the judgement, `{boot, since,
until, pid, start}`: the boot's id, seconds of the host's monotonic clock, and the process that works right now (0
between two calls). `acquired` and `expires` are for people. Neither the controller's clock nor a jump of the host's can
thus lengthen or shorten a lease; a restart of the host ends it, and so does the death of the process that works.

Leases are short and renewed by each call of the run, so that the next run waits out a dead one within seconds.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _journal, _trust, _when
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host

NAME = "lease.json"
LOCK = "lease.lock"
LONGEST = 3600
LONGEST_WAIT = 600
POLL = 0.25
# The lock is held for milliseconds. Who holds it longer is stuck, and no reason to let a kill-switch wait for ever.
LOCK_SECONDS = 2.0
SHOWN = ("run_id", "actor", "procedure", "level", "acquired", "expires", "host")
TYPES: dict[str, tuple[type, ...]] = {
    "run_id": (str,),
    "actor": (str,),
    "procedure": (str,),
    "level": (int,),
    "acquired": (str,),
    "expires": (str,),
    "host": (str,),
    "boot": (str,),
    "since": (int, float),
    "until": (int, float),
    "pid": (int,),
    "start": (int,),
}

LEASE_SPEC: dict[str, dict[str, Any]] = {
    "lease_seconds": {"type": "int", "default": 0},
    "lease_level": {"type": "int", "choices": [1, 2, 3], "default": 1},
    "lease_wait": {"type": "float", "default": 0},
}


class Held(Refused):
    """Another run holds the lease; `holder` is its lease as people see it."""

    def __init__(self, message: str, holder: dict[str, Any]):
        super().__init__(message)
        self.holder = holder


@dataclass(frozen=True)
class Claim:
    """Who wants the lease, for how long, and how long they would wait for it. Raises Refused for bad input."""

    state_dir: str
    run_id: str
    actor: str
    procedure: str
    level: int
    seconds: int
    wait: float
    act: float = 0  # seconds that the calling process works under it

    def __post_init__(self) -> None:
        if not self.run_id:
            raise Refused("a lease needs the run that holds it: set run_id")
        if not 1 <= self.seconds <= LONGEST:
            raise Refused(f"a lease lasts between 1 and {LONGEST} seconds, not {self.seconds}")
        if not 0 <= self.wait <= LONGEST_WAIT:
            raise Refused(f"the wait for a lease is between 0 and {LONGEST_WAIT} seconds, not {self.wait:g}")


class Grant(NamedTuple):
    """What a claim came to. `lease` is None when it could not be written, which only warns."""

    lease: dict[str, Any] | None
    renewed: bool = False
    waited: bool = False
    taken_over_from: dict[str, Any] | None = None

    @property
    def note(self) -> str:
        return f"took the lease over from {_owner(self.taken_over_from)}" if self.taken_over_from else ""


def claim_from(params: dict[str, Any], act_seconds: float) -> Claim | None:
    """The claim of an acting module's options, None when it shall take no lease. Raises Refused.

    act_seconds: how long the act may take. The lease lasts that much longer while it works.
    """
    if not params["lease_seconds"]:
        return None
    return Claim(
        params["state_dir"],
        params["run_id"] or "",
        params["actor"] or _journal.who(),
        params["procedure"] or "",
        params["lease_level"],
        params["lease_seconds"],
        params["lease_wait"],
        act_seconds,
    )


# -- reading


def path_in(state_dir: str) -> str:
    return os.path.join(state_dir, NAME)


def read(state_dir: str, warnings: list[str]) -> dict[str, Any] | None:
    """The lease as written, whether it still counts or not. One that cannot be read counts as none, with a warning."""
    path = path_in(state_dir)
    try:
        content = _trust.read_ours(path)
        if content is None:
            return None
        lease = json.loads(content)
    except (OSError, ValueError, RecursionError) as exc:
        warnings.append(f"{path} cannot be read ({getattr(exc, 'strerror', None) or 'it is damaged'}): it was ignored")
        return None
    if not isinstance(lease, dict) or not all(isinstance(lease.get(key), kind) for key, kind in TYPES.items()):
        warnings.append(f"{path} cannot be read (it is damaged): it was ignored")
        return None
    return lease


def seconds_left(lease: dict[str, Any] | None, host: Host) -> float:
    """How long the lease still counts; 0 when it is over."""
    if lease is None:
        return 0.0
    now = host.clock()  # seconds since boot, the same for every process of the host
    left = lease["until"] - now
    # What begins in the future or lasts longer than any lease was not written by this host's clock.
    counts = lease["boot"] == host.proc.boot_id() and lease["since"] <= now and 0 < left <= LONGEST
    if lease["pid"] and not host.proc.is_alive(lease["pid"], lease["start"]):
        return 0.0
    return left if counts else 0.0


def holder(state_dir: str, host: Host, warnings: list[str]) -> dict[str, Any] | None:
    """The lease that counts now, as people see it."""
    lease = read(state_dir, warnings)
    return _shown(lease, host) if lease and seconds_left(lease, host) else None


def _shown(lease: dict[str, Any], host: Host) -> dict[str, Any]:
    return dict({key: lease[key] for key in SHOWN}, seconds_left=round(seconds_left(lease, host), 1))


def _owner(lease: dict[str, Any]) -> str:
    procedure = lease["procedure"] or "a procedure without name"
    return f"{lease['actor']} ({procedure}, level {lease['level']}, run {lease['run_id']})"


# -- taking and giving back


def _locked(state_dir: str, host: Host) -> AbstractContextManager[int]:
    """One at a time. A file of its own, because the lease itself is replaced."""
    return _files.locked(os.path.join(state_dir, LOCK), LOCK_SECONDS, host.clock, host.sleep)


def acquire(claim: Claim, host: Host, warnings: list[str], check_mode: bool = False) -> Grant:
    """Take the lease, or renew it where the run has it already.

    Raises Held when another run has it and `claim.wait` is over. As with the journal, a full disk only warns, and so
    does what others have put in its place; raises Refused when the lease cannot be written for another reason. Check
    mode neither writes nor waits.
    """
    end, waited = host.clock() + claim.wait, False
    while True:
        try:
            with contextlib.nullcontext() if check_mode else _locked(claim.state_dir, host):
                lease = read(claim.state_dir, warnings)
                left = seconds_left(lease, host)
                if lease is None or not left or lease["run_id"] == claim.run_id or lease["level"] < claim.level:
                    return _take(claim, lease if left else None, host, check_mode)._replace(waited=waited)
        except OSError as exc:
            if exc.errno not in (*_journal.NO_SPACE, *_journal.IN_ITS_PLACE, errno.EAGAIN):
                raise Refused(
                    f"the lease in {claim.state_dir} cannot be written ({exc.strerror}): "
                    "run with become: true, or set runbook_state_dir"
                ) from exc
            warnings.append(
                f"the lease of this host could not be taken ({exc.strerror}): see that nobody else works on it"
            )
            return Grant(None)
        now = host.clock()
        if check_mode or now >= end:
            raise _held(lease, left, host)
        waited = True
        host.sleep(min(POLL, end - now))


def _take(claim: Claim, current: dict[str, Any] | None, host: Host, check_mode: bool) -> Grant:
    """Write the claim's lease over the current one, which may be the run's own. Raises OSError."""
    now, wall, seconds = host.clock(), time.time(), claim.seconds + claim.act
    stat = host.proc.stat(os.getpid()) if claim.act else None
    lease: dict[str, Any] = {
        "run_id": claim.run_id,
        "actor": claim.actor,
        "procedure": claim.procedure,
        "level": claim.level,
        "acquired": _when.iso(wall, "seconds"),
        "expires": _when.iso(wall + seconds, "seconds"),
        "host": socket.gethostname(),
        "boot": host.proc.boot_id(),
        "since": now,
        "until": now + seconds,
        "pid": os.getpid() if stat else 0,
        "start": stat.start if stat else 0,
    }
    renewed = current is not None and current["run_id"] == claim.run_id
    if current is not None and renewed:
        # An act of level 1 within a run of level 3 does not lower it.
        lease.update(acquired=current["acquired"], level=max(lease["level"], current["level"]))
    if not check_mode:
        _trust.replace_ours(path_in(claim.state_dir), json.dumps(lease, sort_keys=True).encode() + b"\n", 0o640)
    taken_over = _shown(current, host) if current is not None and not renewed else None
    return Grant(_shown(lease, host), renewed, taken_over_from=taken_over)


def _held(lease: dict[str, Any], left: float, host: Host) -> Held:
    higher = "run a higher level, " if lease["level"] < 3 else ""
    return Held(
        f"this host is held by {_owner(lease)} until {lease['expires']}, for another {left:.0f} s: "
        f"wait, {higher}or end a dead run's lease with target_lease state=released run_id={lease['run_id']}",
        _shown(lease, host),
    )


def release(state_dir: str, run_id: str, host: Host, warnings: list[str], check_mode: bool = False) -> bool:
    """Give the lease back; True when it was the run's own. One that cannot be given back warns."""

    def is_ours() -> bool:
        lease = read(state_dir, [])
        return lease is not None and lease["run_id"] == run_id

    if not is_ours():
        return False
    if check_mode:
        return True
    try:
        with _locked(state_dir, host):
            if not is_ours():
                return False
            # Taking it away needs no space, so it can be done on a full disk too.
            os.unlink(path_in(state_dir))
    except OSError as exc:
        warnings.append(f"the lease could not be given back ({exc.strerror}): it ends by itself")
        return False
    return True


@contextlib.contextmanager
def held(claim: Claim | None, host: Host, warnings: list[str]) -> Iterator[bool]:
    """Hold the lease during an act; tells whether it was waited for. Raises Refused before the act.

    While the act works, the lease ends with this process. After it, it is renewed and stays the run's. One that fails
    gives back what it has taken itself, so that the next level can be run at once; a lease that the run had before
    stays, because that run goes on.
    """
    if claim is None:
        yield False
        return
    grant = acquire(claim, host, warnings)
    if grant.note:
        warnings.append(grant.note)
    try:
        yield grant.waited
    except BaseException:
        if grant.lease is not None and not grant.renewed:
            release(claim.state_dir, claim.run_id, host, warnings)
        raise
    if grant.lease is not None:
        try:
            acquire(replace(claim, wait=0, act=0), host, warnings)
        except Refused as exc:
            # A higher level came in between. What this act has reached is reached.
            warnings.append(f"the lease was lost during this act: {exc}")


def forewarn(claim: Claim | None, host: Host, warnings: list[str]) -> None:
    """In check mode: say so when the lease could not be had now."""
    if claim is None:
        return
    try:
        acquire(claim, host, warnings, check_mode=True)
    except Held as exc:
        warnings.append(f"as things are now this act would wait or be refused: {exc}")
