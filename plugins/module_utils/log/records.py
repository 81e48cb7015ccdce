# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the service wrote to the message of a log record: its head says which logger wrote it, and when."""

from __future__ import annotations

import json
import re
import time as clock
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when

_LEVEL = rb"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_BASIC = re.compile(_LEVEL + rb":[^\s:|]+:")
_ASCTIME = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d):(\d\d(?:[.,]\d{1,9})?) - \S+ - " + _LEVEL + rb" - ")
_NATIVE = re.compile(
    rb'\{"timestamp": "(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d(?:\.\d{1,9})?)", "level": "[A-Z]+", '
    rb'"logger": "([^"\\]*)", "message": "([^"\\]*)"'
)
# What another formatter, syslog or `journalctl -o short-full` may put before a message: it begins with a time or a
# bracket, it has a level, and it ends like a head or in its level and its logger. Bars in it have blanks around them.
_ANY_LEVEL = rb"\b(?i:debug|info|warn(?:ing)?|error|critical|fatal)\b"
_HAS_LEVEL = re.compile(_ANY_LEVEL)
_SYSLOG_TIME = rb"(?:[A-Z][a-z]{2} )?(?:[A-Z][a-z]{2} [ \d]\d|\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d"
_HEAD_BEGINS = re.compile(
    rb"[\[(<]|\d{4}[-/]|\d\d[-/.]\d\d[-/.]\d{4} |\d{10}(?:\.\d+)? |(?:time|timestamp|ts)=|" + _SYSLOG_TIME
)
_SYSLOG_HEAD = re.compile(_SYSLOG_TIME + rb"(?: [A-Z]{3,4})? \S+ [^\s:\[]+\[\d+\]: \Z")  # which knows no level
_HEAD_ENDS = re.compile(rb"""(?:[:\])>-] *["']?|=["']?| \| |""" + _ANY_LEVEL + rb"(?:[\s:]+[A-Za-z_][\w.]*)?\s+)\Z")
_LONGEST_HEAD = 300

# How formatters of JSON call what they write, each name before the others that could stand for something else.
_MESSAGES = ("message", "msg", "event")
_LOGGERS = ("logger", "logger_name")
_TIMES = ("timestamp", "@timestamp", "asctime", "time", "ts")
# As `logging` writes a time: local, without a zone.
_LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d):(\d\d(?:[.,]\d{1,9})?)\Z")
# Since the epoch; what is more counts thousandths, or thousandths of these. Beyond nanoseconds it is no time.
_LATEST_SECONDS, _LATEST_NUMBER = 1e11, 1e20

JSON, BASIC, ASCTIME, BARE = "json", "basic", "asctime", "bare"


class Record(NamedTuple):
    """The message of a log record, how its head looks, and the time that the head tells (seconds since the epoch)."""

    message: bytes
    shape: str
    time: float | None
    logger: bytes = b""

    @property
    def has_head(self) -> bool:
        """Whether a logger's head stands before the message, so that it is no bare line."""
        return self.shape != BARE


class Clock:
    """Converts stamps, and remembers the minutes that it has converted, which makes it cheap.

    ``local_shift`` is what is added to times that are written without a zone in the service's local time: the
    service's zone may be another one than the host's.

    :param now: the present, before which all records were written
    """

    def __init__(self, now: float = float("inf")) -> None:
        self.local_shift = 0.0
        self._now = now
        self._local: dict[bytes, float] = {}
        self._utc: dict[bytes, float] = {}

    def moment(self, minute: bytes, seconds: bytes, local: bool) -> float | None:
        """Return the time of ``2026-11-22T10:12`` and ``10.816`` seconds, in UTC or in the host's local time."""
        known = self._local if local else self._utc
        start = known.get(minute)
        if start is None:
            if len(known) > 5000:
                known.clear()
            start = self._convert(minute.decode(), local)
            if start is None:
                return None
            known[minute] = start
        return start + float(seconds) + (self.local_shift if local else 0.0)

    def _convert(self, minute: str, local: bool) -> float | None:
        try:
            if local:
                wall = clock.strptime(minute, "%Y-%m-%dT%H:%M")
                # As summer time ends an hour comes twice. What would be of the future the second time was of the first.
                first, second = (clock.mktime((*wall[:8], summer)) for summer in (1, 0))
                if first != second and all(clock.localtime(one)[:5] == wall[:5] for one in (first, second)):
                    return first if second > self._now else second
                return clock.mktime(wall)
            return parse_when(minute + "Z", 0.0)
        except (ValueError, OverflowError):
            return None


def read_record(text: bytes, stamps: Clock, *, is_cut: bool = False) -> Record:
    """Return the record that stands in ``text``, one line that a service wrote, or the beginning of a longer one."""
    first = text[:1]
    if first == b"{":
        return _json_record(text, stamps, is_cut=is_cut)
    if first == b"2":
        head = _ASCTIME.match(text)
        if head:
            day, minute, seconds = head.groups()
            moment = stamps.moment(day + b"T" + minute, seconds.replace(b",", b"."), True)
            return Record(text[head.end() :], ASCTIME, moment)
    else:
        head = _BASIC.match(text)
        if head:
            return Record(text[head.end() :], BASIC, None)
    return Record(text, BARE, None)


def has_unknown_head(text: bytes) -> bool:
    """Whether what stands before the first trace of ``text`` looks like the head of a formatter that is not known."""
    if len(text) > _LONGEST_HEAD or not _HEAD_BEGINS.match(text) or b"|" in text.replace(b" | ", b""):
        return False
    return bool(_SYSLOG_HEAD.match(text) or (_HAS_LEVEL.search(text) and _HEAD_ENDS.search(text)))


def _json_record(text: bytes, stamps: Clock, *, is_cut: bool) -> Record:
    # The application's own formatter, as it writes nearly every line: no parser is needed for it.
    native = _NATIVE.match(text)
    if native and (is_cut or text.endswith(b"}")):
        minute, seconds, logger, message = native.groups()
        return Record(message, JSON, stamps.moment(minute, seconds, False), logger)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return Record(text, BARE, None)
    if not isinstance(fields, dict):
        return Record(b"", BARE, None)
    text_of = next((fields[name] for name in _MESSAGES if isinstance(fields.get(name), str)), None)
    if text_of is None:
        return Record(b"", BARE, None)
    message = text_of.encode("utf-8", "replace")
    moment = next((time for name in _TIMES if (time := _stamp(fields.get(name), stamps)) is not None), None)
    # Customers have a name too, and what they wrote may stand beside it: only beside a levelname it is a logger's.
    names = (*_LOGGERS, "name") if isinstance(fields.get("levelname"), str) else _LOGGERS
    logger = next((value for name in names if (value := _attribute(fields, name))), "")
    if logger:
        return Record(message, JSON, moment, logger.encode("utf-8", "replace"))
    # A platform took the line apart and knows no logger: what the service printed is the message, head included.
    inner = Record(message, BARE, None) if message[:1] == b"{" else read_record(message, stamps)
    return inner._replace(time=moment if moment is not None else inner.time)


def _attribute(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, str):
        return value
    for entry in fields.get("attributes") or ():
        if isinstance(entry, dict) and entry.get("key") == name:
            return str(entry.get("value") or "").strip('"')
    return ""


def _stamp(value: object, stamps: Clock) -> float | None:
    """Return the time that a formatter of JSON wrote: ISO 8601, as `logging` writes it, or a number since the epoch."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 < value < _LATEST_NUMBER:
            return None
        seconds = float(value)
        while seconds > _LATEST_SECONDS:
            seconds /= 1000
        return seconds
    if not isinstance(value, str) or len(value) < 16:
        return None
    local = _LOCAL_TIME.match(value)
    if local:
        day, minute, rest = (part.encode() for part in local.groups())
        return stamps.moment(day + b"T" + minute, rest.replace(b",", b"."), True)
    try:
        return parse_when(value, 0.0)
    except ValueError:
        return None
