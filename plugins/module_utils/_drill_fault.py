# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of a drill on a staging host, and their taking away.

Each leaves something of a fixed name behind, by which it is found and taken away again, whoever injected it: a table of
nftables, a drop-in of systemd's until the next boot, a file that fills the disk, a copy of what was replaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _fence, _files, _http, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._service import Manager, manager_from
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import Systemd

FAULTS = ("configuration", "gateway", "network", "process", "disk")
TABLE = "kumon_drill"
# After the service's fence, whose counter tells what the process tries.
PRIORITY = _fence.PRIORITY + 1
KEPT = ".before-drill"
FILLER = ".kumon-drill-filler"
DROP_INS = "/run/systemd/system"
DROP_IN = "zz-kumon-drill.conf"
MB = 1 << 20


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Inject a fault, or take all away; a module's result.

    What the host does not allow is a result with `allowed` false. Raises Refused before the first change, Failed after.
    """
    if params["state"] == "absent":
        return _restore(params, host, check_mode)
    if not os.path.isfile(params["mark"]):
        raise Refused(f"{params['mark']} does not exist: a fault is injected on a host of staging only")
    manager = manager_from(params, host)
    manager.preflight(change=False)
    if isinstance(manager, Systemd):
        # What is rehearsed ends with the service started again.
        manager.prepare([], {})
    why = _hindrance(params, host, manager)
    result: dict[str, Any] = {"changed": why is None, "allowed": why is None, "why": why or {}, "restored": []}
    if why is None and not check_mode:
        try:
            _inject(params, host, manager)
        except OSError as exc:
            raise Failed(f"{params['fault']}: {exc.filename or ''} {exc.strerror}", dict(result)) from exc
    return result


# -- what the host allows


def _hindrance(params: dict[str, Any], host: Host, manager: Manager) -> Detail | None:
    """Why the fault cannot be injected here, None when it can."""
    fault = params["fault"]
    if fault in ("gateway", "network"):
        try:
            _fence.read(host, TABLE)
            _fence.users_of(manager, host, [process.pid for process in manager.processes()])
        except _fence.NoFence as exc:
            return exc.why
        if 0 in _fence.users_of(manager, host, [process.pid for process in manager.processes()]):
            return detail("drill_root")
    if fault == "process" and not isinstance(manager, Systemd):
        return detail("drill_no_manager")
    if fault == "configuration":
        return _file_hindrance(params)
    if fault == "disk":
        return _disk_hindrance(params)
    return None


def _file_hindrance(params: dict[str, Any]) -> Detail | None:
    path = params["path"]
    if not path:
        return detail("drill_no_configuration")
    try:
        return None if _trust.read(path) is not None else detail("drill_no_file", path=path)
    except OSError as exc:
        return detail("drill_file", path=path, reason=str(exc.strerror))


def _disk_hindrance(params: dict[str, Any]) -> Detail | None:
    """Only a small disk is filled: on a large one it takes long, and others work there."""
    if not params["directory"] or not os.path.isdir(params["directory"]):
        return detail("drill_no_directory", path=params["directory"] or "-")
    disk = os.statvfs(params["directory"])
    free = disk.f_bfree * disk.f_frsize // MB
    if free > params["max_mb"]:
        return detail("drill_disk_large", path=params["directory"], free=free, most=params["max_mb"])
    return None


# -- doing it


def _inject(params: dict[str, Any], host: Host, manager: Manager) -> None:
    fault = params["fault"]
    if fault in ("gateway", "network"):
        uids = _fence.users_of(manager, host, [process.pid for process in manager.processes()])
        _nft(host, script(fault, uids, params["url"]))
    elif fault == "process":
        _kill(host, manager)
    elif fault == "disk":
        _fill(os.path.join(params["directory"], FILLER))
    else:
        _exchange(params["path"], params["content"])


def script(fault: str, uids: list[int], url: str | None) -> str:
    """The rules: the gateway refuses, or nothing that the service's user begins gets out."""
    lines = [f"add table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{", "  chain output {"]
    lines.append(f"    type filter hook output priority {PRIORITY}; policy accept;")
    for uid in uids:
        if fault == "network":
            # What others have begun is answered: the customers' messages still come in.
            lines.append(f"    meta skuid {uid} ct direction original drop")
            continue
        for address in _fence.resolve(url or ""):
            kind = "ip" if address.version == 4 else "ip6"
            port = _http.port_of(url or "")
            lines.append(f"    meta skuid {uid} {kind} daddr {address} tcp dport {port} reject with tcp reset")
    return "\n".join([*lines, "  }", "}", ""])


def _nft(host: Host, text: str) -> None:
    done = host.run(["nft", "-f", "-"], stdin=text)
    if done.rc != 0:
        raise Failed(f"nft: {(done.err or done.out).strip().splitlines()[:1]}", {"changed": False})


def _kill(host: Host, manager: Manager) -> None:
    """Kill the service, and keep systemd from starting it again."""
    directory = os.path.join(DROP_INS, f"{manager.label}.d")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, DROP_IN), "w", encoding="ascii") as out:
        out.write("[Service]\nRestart=no\n")
    host.run(["systemctl", "daemon-reload"])
    for process in manager.processes():
        # That very one: its number may be another's by now.
        host.proc.kill(process.pid, process.start, signal.SIGKILL)


def _fill(path: str) -> None:
    """Take all that is free; never more than was allowed, for more is not there."""
    with _trust.as_keeper(path):
        # Where others can write, a pipe may be in its place: none is waited for.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise _trust.NoFile(errno.EINVAL, "it is not a regular file", path)
            size = MB
            while size >= 512:
                try:
                    os.write(handle, b"\0" * size)
                except OSError as exc:
                    if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                        raise
                    size //= 2
        finally:
            os.close(handle)


def _exchange(path: str, content: str) -> None:
    """Put another content into a file that the assistant reads; what was there is kept beside it."""
    kept = path + KEPT
    before = os.stat(path)
    if not os.path.lexists(kept):
        was, mode = _trust.read(path) or b"", stat.S_IMODE(before.st_mode)
        if _files.ACL in _files.attributes(os.path.realpath(path)):
            mode &= ~0o070  # not the group's rights, but the most that anybody in the list has
        _trust.replace(kept, was, mode, (before.st_uid, before.st_gid))
    _trust.replace(path, content.encode(), stat.S_IMODE(before.st_mode), (before.st_uid, before.st_gid))


# -- taking it away


def _restore(params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """Take away whatever a drill has left here."""
    manager = manager_from(params, host)
    manager.preflight(change=False)
    left = _left(params, host, manager)
    result: dict[str, Any] = {"changed": bool(left), "allowed": True, "why": {}, "restored": left}
    if check_mode:
        return result
    try:
        if "network" in left:
            _nft(host, f"delete table inet {TABLE}\n")
        if "disk" in left:
            os.unlink(os.path.join(params["directory"], FILLER))
        if "configuration" in left:
            _put_back(params["path"])
        if "process" in left:
            _let_live(host, manager, result)
    except OSError as exc:
        raise Failed(f"{exc.filename or ''}: {exc.strerror}; take it away by hand", result) from exc
    left = _left(params, host, manager)
    if left:
        raise Failed(f"{', '.join(left)} could not be taken away", result)
    return result


def _put_back(path: str) -> None:
    """The content that was there, into the same file: where the path is a link, it was its target that was replaced."""
    kept = path + KEPT
    before, was = os.stat(kept), _trust.read(kept)
    _trust.replace(path, was or b"", stat.S_IMODE(before.st_mode), (before.st_uid, before.st_gid))
    with _trust.as_keeper(kept):
        os.unlink(kept)


def _let_live(host: Host, manager: Manager, result: dict[str, Any]) -> None:
    """Start the service, and only then take away by what it is known that this is to be done."""
    host.run(["systemctl", "reset-failed", manager.label])
    if not manager.processes():
        done = host.run(["systemctl", "start", manager.label])
        if done.rc != 0:
            raise Failed(f"{manager.label} was not started again: {done.err.strip()}", result)
    directory = os.path.join(DROP_INS, f"{manager.label}.d")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, DROP_IN))
    with contextlib.suppress(OSError):
        os.rmdir(directory)  # where another drop-in of this boot is in it, it stays
    host.run(["systemctl", "daemon-reload"])


def _left(params: dict[str, Any], host: Host, manager: Manager) -> list[str]:
    """Which faults are in place; of the table that it is there is all that counts."""
    left = []
    if host.run(["nft", "list", "table", "inet", TABLE]).rc == 0:
        left.append("network")
    if params["directory"] and os.path.lexists(os.path.join(params["directory"], FILLER)):
        left.append("disk")
    if params["path"] and os.path.lexists(params["path"] + KEPT):
        left.append("configuration")
    drop_in = os.path.join(DROP_INS, f"{manager.label}.d", DROP_IN)
    # systemd goes by what it has read until it is told to read anew.
    asked = ["systemctl", "show", "--property=DropInPaths", manager.label]
    if os.path.lexists(drop_in) or (isinstance(manager, Systemd) and drop_in in host.run(asked).out):
        left.append("process")
    return left
