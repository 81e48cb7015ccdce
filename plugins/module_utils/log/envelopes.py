# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around a record: containers, journald and platforms each put something before or around a line.

====================  ==============================================================================
docker ``json-file``  ``{"log":"…\\n","stream":"stderr","time":"…Z"}``
``docker logs -t``    ``2026-11-26T01:58:15.003023899Z …``
docker compose        ``kumon_assistant  | …``, with ``-t`` a stamp behind it
CRI (Kubernetes)      ``2026-11-26T01:58:15.003023899Z stderr F …``
kubectl ``--prefix``  ``[pod/name/container] …``
Railway               ``{"message":"…","timestamp":"…","level":"…", …}``, in any order
``-o short-iso``      ``2025-09-04T19:10:00-0300 host uvicorn[4127]: …``
``-o json``           ``{"MESSAGE":"…","__REALTIME_TIMESTAMP":"…"}``
====================  ==============================================================================

The line-wise ones (docker logs, compose, CRI, kubectl) are a property of the whole file: what customers write cannot
look like one where the file has none, and a line without one in a file that has them is the rest of some text.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.lines import SHORT_ISO

_ANSI = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
_RFC3339 = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_DOCKER_T = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7,9}Z) ")  # to the nanosecond, as journalctl never writes
_CRI = re.compile(rb"(" + _RFC3339 + rb") (stdout|stderr) ([FP]) ")
_COMPOSE = re.compile(rb"([\w.-]+) +\| ?")
_KUBECTL = re.compile(rb"\[pod/([^\]\s]+)\] ")
WITHOUT_TIME = ("compose", "kubectl")  # which may tell who wrote a line, and not when
_ENOUGH = 0.8  # the share of a file's first lines that have an envelope where the file has it


class Unwrapped(NamedTuple):
    """What the service wrote, and what its envelope told of it."""

    text: bytes
    time: float | None
    """by the envelope's own clock, which is the line's best time"""
    stream: str
    """lines of different streams can change places, and one of another service is none of ours"""
    partial: bool
    """whether the next line of the stream goes on with it"""


def uncoloured(line: bytes) -> bytes:
    """Return ``line`` without terminal colours and carriage returns."""
    if b"\x1b" in line:
        line = _ANSI.sub(b"", line)
    return line.replace(b"\r", b"") if b"\r" in line else line


def of_file(lines: list[bytes]) -> str:
    """Return which line-wise envelope a file has, by some of its lines: ``cri``, ``docker``, ``compose``, ``kubectl``
    or ``""``."""
    known = [line for line in map(uncoloured, lines) if line.strip()]
    for name, pattern in (("cri", _CRI), ("docker", _DOCKER_T), ("compose", _COMPOSE), ("kubectl", _KUBECTL)):
        fitting = [line for line in known if pattern.match(line)]
        if known and len(fitting) >= _ENOUGH * len(known):
            return name
    return ""


def unwrap(line: bytes, envelope: str) -> Unwrapped | None:
    """Return what stands in ``line`` of a file with this line-wise envelope; None where the line has none."""
    line = uncoloured(line)
    stream = ""
    if envelope in WITHOUT_TIME:
        prefix = (_COMPOSE if envelope == "compose" else _KUBECTL).match(line)
        if not prefix:
            return None
        stream, line = prefix.group(1).decode("utf-8", "replace"), line[prefix.end() :]
        stamp = _DOCKER_T.match(line)
        if stamp:
            return Unwrapped(line[stamp.end() :], _moment(stamp.group(1)), stream, False)
        return _by_line(line, stream)
    if envelope == "cri":
        head = _CRI.match(line)
        if not head:
            return None
        return Unwrapped(line[head.end() :], _moment(head.group(1)), head.group(2).decode(), head.group(3) == b"P")
    if envelope == "docker":
        stamp = _DOCKER_T.match(line)
        return Unwrapped(line[stamp.end() :], _moment(stamp.group(1)), "", False) if stamp else None
    return _by_line(line, "")


def _by_line(line: bytes, stream: str) -> Unwrapped:
    """The envelopes that each line shows by itself."""
    first = line[:1]
    if first == b"{" and (b'"log":' in line or b'"MESSAGE"' in line):
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            return Unwrapped(line, None, stream, False)
        if "log" in fields and "time" in fields:
            text = _bytes(fields["log"])
            partial = not text.endswith(b"\n")
            text = uncoloured(text[:-1] if not partial else text)
            return Unwrapped(text, _moment(fields["time"]), str(fields.get("stream", "")), partial)
        if "MESSAGE" in fields:
            # journald writes what is not UTF-8 as a list of byte values, and what is too long as null.
            message = fields["MESSAGE"]
            try:
                text = bytes(message) if isinstance(message, list) else _bytes(message)
            except (ValueError, TypeError):
                text = b""
            return Unwrapped(uncoloured(text), _microseconds(fields.get("__REALTIME_TIMESTAMP")), stream, False)
        return Unwrapped(line, None, stream, False)
    if first == b"2":
        head = SHORT_ISO.match(line)
        if head:
            return Unwrapped(line[head.end() :], _moment(line.partition(b" ")[0]), stream, False)
    return Unwrapped(line, None, stream, False)


def _moment(stamp: object) -> float | None:
    text = stamp.decode("ascii", "replace") if isinstance(stamp, bytes) else stamp
    try:
        return parse_when(text, 0.0) if isinstance(text, str) and len(text) >= 16 else None
    except ValueError:
        return None


def _microseconds(value: object) -> float | None:
    try:
        return int(str(value)) / 1e6
    except ValueError:
        return None


def _bytes(value: object) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else b""
