# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept for the team on the desk: JSON lines, one file a kind, append-only, for nobody else to read."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Callable, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when

KINDS = ("automation", "confirmation", "drill", "incident", "look", "mark", "would_act")
STAMPED = ("at", "actor", "run_id")
LOCK_SECONDS = 10.0

Record = dict[str, Any]


def path_in(directory: str, kind: str) -> str:
    return os.path.join(directory, f"{kind}.jsonl")


def stamped(fields: Record, actor: str, run_id: str | None, clock: Callable[[], float] = time.time) -> Record:
    """The record as it is kept: when it was made by the desk's own clock, by whom, and in which run."""
    return {**fields, "at": iso(clock()), "actor": actor, "run_id": run_id}


def add(path: str, record: Record) -> None:
    """Add one record for good. Raises OSError; what was there is then as it was."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _files.lock(handle, LOCK_SECONDS)
        _files.append_line(handle, json.dumps(record, sort_keys=True).encode(), path)
    finally:
        os.close(handle)


class Unread(TypedDict):
    """The numbers of the lines of a file that are no records, and whether its newest line is one of them."""

    lines: list[int]
    newest: bool


def read(path: str) -> tuple[list[Record], Unread]:
    """The records, oldest first, and the lines that are none: one that a killed run has left half.

    Nothing is made where there is no file. Raises OSError.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return [], {"lines": [], "newest": False}
    with os.fdopen(handle, "rb") as stream:
        # Whoever is adding one holds it: no line is seen while it is being written.
        _files.lock(stream.fileno(), LOCK_SECONDS)
        content = stream.read()
    records: list[Record] = []
    unread = Unread(lines=[], newest=False)
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        record = _parsed(line)
        unread["newest"] = record is None
        if record is None:
            unread["lines"].append(number)
        else:
            records.append(record)
    return records, unread


def _parsed(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
        parse_when(record["at"], 0.0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def since(records: list[Record], moment: float) -> list[Record]:
    """Those made at this moment or later."""
    return [record for record in records if parse_when(record["at"], 0.0) >= moment]
