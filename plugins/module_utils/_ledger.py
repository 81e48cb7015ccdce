# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of known-good releases: a release is good when it was proven healthy for a set time, never by deployment.

`releases.json` is `{good: [{commit, subject, proven, seconds, by, run_id, service}], candidates: [{commit, since, boot,
at, pid, start, service}]}`; good ones stand oldest first, `at` is seconds since boot, so that no clock that is set can
shorten it. Assistants of one host may share it: each has its own good ones and one candidate. Entries without a service
count for all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _git, _journal, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._names import bare
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Process
from ansible_collections.kumon.runbook.plugins.module_utils._service import manager_from
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import CLOCK_GRAIN

NAME = "releases.json"
LIMIT = 50
LOCK_WAIT = 5.0


def path_in(state_dir: str) -> str:
    return os.path.join(state_dir, NAME)


def read(state_dir: str, service: str | None = None) -> dict[str, Any]:
    """The service's `{good, candidate}`, of all services where none is named. Raises Refused."""
    good, candidates = ([one for one in part if _journal.counts(one, service)] for part in _entries(path_in(state_dir)))
    return {"good": good, "candidate": candidates[-1] if candidates else None}


def _entries(path: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The known-good releases and the candidates of all services, none where there is no ledger. Raises Refused."""
    try:
        content = _trust.read_ours(path)
    except OSError as exc:
        raise Refused(f"{path} cannot be read ({exc.strerror}): run with become: true") from exc
    if content is None:
        return [], []
    try:
        ledger = json.loads(content)
        # A ledger of 1.0.0 has one candidate or null.
        candidates = (
            ledger["candidates"]
            if "candidates" in ledger
            else [one for one in [ledger["candidate"]] if one is not None]
        )
        good = ledger["good"]
        if not all(isinstance(entry["commit"], str) for entry in [*good, *candidates]):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(f"{path} is damaged: move it away, and a new ledger begins") from None
    return good, candidates


def _keep(state_dir: str, service: str, mine: dict[str, Any], host: Host) -> None:
    """Put the service's `{good, candidate}` in the place of what it had. Raises OSError."""
    path = path_in(state_dir)
    with _files.locked(f"{path}.lock", LOCK_WAIT, host.clock, host.sleep):
        good, candidates = ([one for one in part if not _journal.counts(one, service)] for part in _entries(path))
        good += mine["good"]
        candidates += [mine["candidate"]] if mine["candidate"] else []
        _trust.replace_ours(path, _text({"good": good, "candidates": candidates}), 0o640)


@contextlib.contextmanager
def locked(state_dir: str, app_dir: str, host: Host, wait: float = 0.0) -> Iterator[int]:
    """Hold the lock by which one act on a work tree's releases runs at a time; gives its file descriptor.

    Commands that are given it hold the lock as long as they live, whatever becomes of us: what a killed run has started
    is waited for. Raises Refused after `wait` seconds.
    """
    # Not the work tree itself: whoever can look at a directory can hold a lock on it.
    tree = hashlib.sha256(os.fsencode(os.path.realpath(app_dir))).hexdigest()[:16]
    with contextlib.ExitStack() as stack:
        path = os.path.join(state_dir, f"releases-{tree}.lock")
        try:
            handle = stack.enter_context(_files.locked(path, wait, host.clock, host.sleep))
        except BlockingIOError:
            raise Refused(
                f"another act on the releases in {app_dir} is under way, or what it started still runs: "
                "wait until it has ended, and run again"
            ) from None
        except OSError as exc:
            raise Refused(f"{path} cannot be opened ({exc.strerror}): correct runbook_state_dir") from exc
        yield handle


def since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def loaded_after(processes: Sequence[Process], moved: float) -> bool:
    """Whether every process was started after the release was put in place."""
    return bool(processes) and all(process.started + CLOCK_GRAIN >= moved for process in processes)


class _Mark:
    def __init__(
        self,
        params: dict[str, Any],
        host: Host,
        clock: Callable[[], float] = since_boot,
        boot: Callable[[], str] | None = None,
    ):
        self.params = params
        self.host = host
        self.clock = clock
        self.boot = boot or host.proc.boot_id
        if not 0 < params["seconds"] <= 86400:
            raise Refused(f"seconds must be above 0 and at most 86400, not {params['seconds']:g}")
        if params["proven_seconds"] is not None and params["proven_seconds"] < 0:
            raise Refused(f"proven_seconds must not be below 0, not {params['proven_seconds']:g}")
        self.warnings: list[str] = []
        self.manager = manager_from(params, host)
        self.manager.preflight(change=False)
        self.git = _git.Git(host, params["app_dir"])
        self.ledger = read(params["state_dir"], params["service"])
        self.head = self.git.head()

    def weigh(self) -> tuple[dict[str, Any], bool, Detail | None]:
        """The ledger as it shall be, whether HEAD became good by that, and why not if it did not."""
        good, candidate = self.ledger["good"], self.ledger["candidate"]
        nothing = {"good": good, "candidate": None}
        if not self.params["healthy"]:
            return nothing, False, detail("not_healthy")
        if self.git.status(self._own()).changed:
            return nothing, False, detail("local_changes")
        processes = self.manager.processes()
        if not processes:
            return nothing, False, detail("not_running")
        if not loaded_after(processes, self.git.head_moved()):
            return nothing, False, detail("started_before")
        if good and good[-1]["commit"] == self.head.commit:
            return nothing, False, detail("newest_good")
        main, now = processes[0], self.clock()
        service = bare(self.params["service"])
        mine = {
            "commit": self.head.commit,
            "boot": self.boot(),
            "pid": main.pid,
            "start": main.start,
            "service": service,
        }
        if candidate is None or any(candidate.get(name) != value for name, value in mine.items()):
            candidate = dict(mine, since=_journal.now(), at=round(now, 2))
        watched = now - candidate["at"]
        # A window that was proven by itself counts as far as this process has lived through it.
        lived = time.time() - main.started
        proven = min(self.params["proven_seconds"] or 0.0, lived)
        seconds = max(watched, proven)
        if seconds < self.params["seconds"]:
            left = self.params["seconds"] - seconds
            return {"good": good, "candidate": candidate}, False, detail("needs_longer", seconds=round(left))
        entry = {
            "commit": self.head.commit,
            "subject": self.git.commits(count=1)[0]["subject"],
            "proven": _journal.now(),
            "seconds": round(seconds, 1),
            "by": self.params["actor"] or _journal.who(),
            "run_id": self.params["run_id"],
            "service": service,
        }
        others = [item for item in good if item["commit"] != self.head.commit]
        return {"good": [*others, entry][-LIMIT:], "candidate": None}, True, None

    def _own(self) -> list[str]:
        own = [self.params[name] for name in ("state_dir", "env_file") if self.params[name]]
        return own + [os.path.join(self.params["app_dir"], path) for path in self.params.get("ignore") or []]


def observe(params: dict[str, Any], host: Host, check_mode: bool = False, **clocks: Any) -> dict[str, Any]:
    """Take one observation of the running release into the ledger. Returns a module's result. Raises Refused."""
    try:
        if check_mode:
            return _observe(params, host, True, clocks)
        with locked(params["state_dir"], params["app_dir"], host):
            return _observe(params, host, False, clocks)
    except _git.GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc


def _observe(params: dict[str, Any], host: Host, check_mode: bool, clocks: dict[str, Any]) -> dict[str, Any]:
    mark = _Mark(params, host, **clocks)
    before = mark.ledger
    after, became_good, reason = mark.weigh()
    path = path_in(params["state_dir"])
    if after != before and not check_mode:
        journal = {"act": "release_ledger", "before": {"good": _newest(before)}, "after": {"good": _newest(after)}}
        if became_good:
            _journal.record(params, mark.warnings, phase="begin", ok=None, msg="", **journal)
        wrong = ""
        try:
            _keep(params["state_dir"], params["service"], after, host)
        except OSError as exc:
            advice = "free space there" if exc.errno in _journal.NO_SPACE else "run with become: true"
            wrong = f"{path} cannot be written ({exc.strerror}), nothing was changed: {advice}"
        if became_good:
            _journal.record(params, mark.warnings, phase="outcome", ok=not wrong, msg=wrong, **journal)
        if wrong:
            raise Refused(wrong)
    return {
        "changed": after != before,
        "commit": mark.head.commit,
        "good": any(entry["commit"] == mark.head.commit for entry in after["good"]),
        "marked": became_good,
        "reason": reason or {},
        "ledger": after,
        "warnings": mark.warnings,
        "diff": {
            "before_header": path,
            "after_header": path,
            "before": _text(before).decode(),
            "after": _text(after).decode(),
        },
    }


def _newest(ledger: dict[str, Any]) -> str | None:
    return ledger["good"][-1]["commit"] if ledger["good"] else None


def _text(ledger: dict[str, Any]) -> bytes:
    return json.dumps(ledger, indent=1, sort_keys=True).encode() + b"\n"
