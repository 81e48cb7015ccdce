# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of an incident: what the log, the processes, the release and the unit were, redacted, bounded, hashed.

It is put together in a directory of another name and renamed when it is whole, so there is either all of it, with its
manifest, or nothing.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import glob
import hashlib
import json
import math
import os
import re
import select
import shutil
import signal
import time
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from ansible_collections.kumon.runbook.plugins.module_utils import _journal, _release_info, _service, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.journald import JournalSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import FileSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

MANIFEST = "manifest.json"
_UNIT_PROPERTIES = (
    "Id,ActiveState,SubState,Result,MainPID,ExecMainStartTimestamp,ExecMainStatus,NRestarts,FragmentPath,DropInPaths"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


class _Piece(NamedTuple):
    """One file of the evidence: where it is from, how large it may be, and which end of it is worth more."""

    name: str
    source: str
    read: Callable[[], str]
    limit: int
    newest: bool = False


class _Cut(str):
    """Text of which the beginning was left out."""


class _Excerpt:
    """The newest lines of a log, at most so many bytes of them; a LineReader."""

    def __init__(self, limit: int) -> None:
        self.bytes = 0
        self.past_window = False
        self.dropped = False
        self.lines: collections.deque[bytes] = collections.deque()
        self._kept, self._limit = 0, limit

    def start_of_file(self, name: str = "", latest: float | None = None) -> None:
        """Nothing to do: a line needs nothing of the one before."""

    def start_inside_file(self) -> None:
        """Nothing to do."""

    def feed(self, block: bytes) -> None:
        """Take complete lines, without the last one's line end."""
        for line in block.split(b"\n"):
            self.lines.append(line)
            self._kept += len(line) + 1
            # One line more than there is room for, so that it shows that something was left out.
            while self._kept - len(self.lines[0]) > self._limit:
                self._kept -= len(self.lines.popleft()) + 1
                self.dropped = True


def collect(params: dict[str, Any], host: Host, wall: float, check: bool) -> tuple[bool, dict[str, Any]]:
    """Whether anything was written, and the manifest. Raises Refused.

    The manifest is `{run_id, collected, files: [{name, bytes, sha256, lines, truncated, source}], missing: [{source,
    why}], seconds, path}`.
    """
    if not _NAME.fullmatch(params["run_id"]):
        raise Refused(f"run_id is {redact(params['run_id'])[:40]!r}; it may have letters, digits, dots, dashes")
    for name in ("max_bytes", "seconds"):
        if params[name] <= 0:
            raise Refused(f"{name} is {params[name]}; it must be above 0")
    home = os.path.join(params["state_dir"], "evidence")
    path = os.path.join(home, params["run_id"])
    with contextlib.suppress(OSError, ValueError), open(os.path.join(path, MANIFEST), encoding="utf-8") as handle:
        return False, dict(json.load(handle), path=path)
    if params["after_act"] and not _act_without(home, params, wall):
        return False, {"run_id": params["run_id"], "files": [], "missing": [], "path": None}
    if check:
        return True, {"run_id": params["run_id"], "files": [], "missing": [], "path": path}
    draft = os.path.join(home, f".draft-{params['run_id']}")
    try:
        os.makedirs(home, mode=0o750, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)  # a killed collection's
        os.mkdir(draft, 0o700)
        manifest = _fill(draft, params, host, wall)
        if os.path.isdir(path):  # without a manifest: what a run of another release may have left
            os.rename(path, f"{path}.incomplete-{int(wall)}")
        os.rename(draft, path)
    except OSError as exc:
        raise Refused(f"{home} cannot be written ({exc.strerror}): nothing was kept; run with become: true") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True, dict(manifest, path=path)


def _act_without(home: str, params: dict[str, Any], wall: float) -> bool:
    """Whether the journal has an act that is newer than all evidence, by whatever program it was done."""
    try:
        journal = list(_journal.entries(_journal.path_in(params["state_dir"])))
    except OSError:
        return False
    # A note says what was seen; nothing was done for it.
    acted = [parse_when(entry["time"], wall) for entry in journal if entry.get("phase") != "note"]
    kept = []
    for manifest in glob.glob(os.path.join(glob.escape(home), "*", MANIFEST)):
        with contextlib.suppress(OSError, ValueError, KeyError), open(manifest, encoding="utf-8") as handle:
            kept.append(parse_when(json.load(handle)["collected"], wall))
    return max(acted, default=-math.inf) > max(kept, default=-math.inf)


def _fill(draft: str, params: dict[str, Any], host: Host, wall: float) -> dict[str, Any]:
    begun = host.clock()
    end = begun + params["seconds"]
    files: list[dict[str, Any]] = []
    missing: list[dict[str, str]] = []
    for piece in _pieces(params, host, wall):
        data, truncated, why = _within(piece, end - host.clock())
        if why is not None:
            missing.append({"source": piece.source, "why": redact(why)[:300]})
            continue
        _write(os.path.join(draft, piece.name), data)
        files.append(
            {
                "name": piece.name,
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "lines": data.count(b"\n"),
                "truncated": truncated,
                "source": piece.source,
            }
        )
    manifest = {"run_id": params["run_id"], "collected": iso(wall), "files": files, "missing": missing}
    manifest["seconds"] = round(host.clock() - begun, 3)
    _write(os.path.join(draft, MANIFEST), json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest


def _pieces(params: dict[str, Any], host: Host, wall: float) -> list[_Piece]:
    small = params["max_bytes"] // 10
    rest = params["max_bytes"] - 4 * small
    return [
        _Piece("flags.json", "service_flags_info", lambda: _json(_service.inspect(_flags(params), host)), small),
        _Piece("release.json", "release_info", lambda: _json(_release_info.inspect(_of_release(params), host)), small),
        _Piece("unit.txt", "systemctl", lambda: _unit(params, host), small),
        _Piece("journal.jsonl", "journal", lambda: _acts(params), small, newest=True),
        _Piece("log.txt", params["source"], lambda: _log(params, wall, rest), rest, newest=True),
    ]


def _write(path: str, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _within(piece: _Piece, seconds: float) -> tuple[bytes, bool, str | None]:
    """What a piece holds, redacted; whether something was cut off; or why there is nothing.

    It is read by a process of its own, because one that hangs (a dead network mount, a gateway that never answers) can
    be killed with all that it has started, and a thread cannot.
    """
    if seconds <= 0:
        return b"", False, "the time for all of it was used up"
    end = time.monotonic() + seconds
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _read_and_leave(piece, writer)
    os.close(writer)
    got = bytearray()
    try:
        while True:
            ready, _w, _x = select.select([reader], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return b"", False, f"no answer within {seconds:.1f} s"
            block = os.read(reader, 1 << 16)
            if not block:
                break
            got += block
    finally:
        os.close(reader)
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        # What hangs in the kernel does not even end by that, and is not waited for.
        os.waitpid(child, 0 if got else os.WNOHANG)
    kind, data = bytes(got[:1]), bytes(got[1:])
    if kind == b"!" or not kind:
        return b"", False, data.decode("utf-8", "replace") or "it ended without an answer"
    return data, kind == b"c", None


def _read_and_leave(piece: _Piece, writer: int) -> NoReturn:
    """The child's part: one letter (w whole, c cut, ! nothing) and the data or the reason."""
    try:
        os.setsid()
        text = piece.read()
        data = redact(text).encode("utf-8", "replace")
        over = len(data) > piece.limit
        if over and piece.newest:
            data = data[-piece.limit :].partition(b"\n")[2]
        # What is masked is shorter, so that what is left may fit although lines were left out.
        answer = (b"c" if over or isinstance(text, _Cut) else b"w") + data[: piece.limit]
    except (Refused, SourceError, OSError, ValueError) as exc:
        answer = b"!" + str(exc).encode("utf-8", "replace")
    except BaseException as exc:
        answer = b"!" + f"{type(exc).__name__}: {exc}".encode("utf-8", "replace")
    with contextlib.suppress(OSError), open(writer, "wb") as out:
        out.write(answer)
    os._exit(0)


def _json(data: dict[str, Any]) -> str:
    return json.dumps(redact_data(data), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _flags(params: dict[str, Any]) -> dict[str, Any]:
    defaults = {name: spec.get("default") for name, spec in _service.HEALTH_SPEC.items()}
    given = {name: params[name] for name in _service.SERVICE_SPEC}
    health = {name: params[name] for name in ("health_urls", "health_fields")}
    return {**defaults, **given, **health, "flags": params["flags"]}


def _of_release(params: dict[str, Any]) -> dict[str, Any]:
    if not params["app_dir"]:
        raise Refused("app_dir is not set")
    given = {name: params[name] for name in ("app_dir", "state_dir", "service")}
    return {**given, "commit": None, "venv": None}


def _unit(params: dict[str, Any], host: Host) -> str:
    if params["manager"] != "systemd":
        raise Refused("the service is no systemd unit")
    unit = params["service"]
    shown = host.run(["systemctl", "show", unit, f"--property={_UNIT_PROPERTIES}"], 5)
    status = host.run(["systemctl", "status", unit, "--no-pager", "--lines=20"], 5)
    return f"{shown.out or shown.err}\n{status.out or status.err}\n"


def _acts(params: dict[str, Any]) -> str:
    path = _journal.path_in(params["state_dir"])
    content = _trust.read_ours(path)
    if content is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return content.decode("utf-8", "replace")


def _log(params: dict[str, Any], wall: float, limit: int) -> str:
    since = parse_when(params["since"], wall) if params["since"] else None
    source: FileSource | JournalSource
    if params["source"] == "file":
        if not params["paths"]:
            raise Refused("paths is empty")
        source = FileSource(params["paths"], since, StampReader(wall))
    else:
        source = JournalSource(params["service"], since)
    excerpt = _Excerpt(limit)
    with source:
        source.read(excerpt)
    text = "".join(line.decode("utf-8", "replace") + "\n" for line in excerpt.lines)
    return _Cut(text) if excerpt.dropped else text
