# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times: what a person writes (``15m``, ISO 8601) and what stands in front of a log line.

All times inside the collection are seconds since the epoch (float); what leaves it is ISO 8601 in UTC.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)$")
_AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?$")


def parse_when(text: str, now: float) -> float:
    """Return the moment that ``text`` names, as seconds since the epoch.

    ``text`` is an age before ``now`` (``90s``, ``15m``, ``2h``, ``1d``) or ISO 8601; without a zone it is UTC, as
    all times that this collection prints. Raises :class:`ValueError` with a sentence for anything else.
    """
    text = text.strip()
    age = _AGE.match(text)
    if age:
        return now - float(age.group(1)) * _AGE_SECONDS[age.group(2)]
    if _ISO.match(text):
        # Python 3.9 and 3.10 read neither "Z", nor "+0300", nor fractions of other than 3 or 6 digits.
        iso = re.sub(r"Z$", "+00:00", text.replace(",", "."))
        iso = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", iso) if len(iso) > 10 else iso
        iso = re.sub(r"\.(\d+)", lambda m: "." + m.group(1)[:6].ljust(6, "0"), iso)
        try:
            moment = datetime.fromisoformat(iso)
        except ValueError as error:
            raise ValueError(f"'{text}' is no valid time: {error}") from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    raise ValueError(f"'{text}' is neither an age such as 15m or 2h nor an ISO 8601 time such as 2026-11-22T10:12:00Z")


def iso(moment: float | None, timespec: str = "milliseconds") -> str | None:
    """Return ``moment`` as ISO 8601 in UTC (``2026-11-22T10:12:10.816Z``), or None for None."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec=timespec).replace("+00:00", "Z")


def iso_minute(minute: int) -> str:
    """Return minute number ``minute`` since the epoch as ``2026-11-22T10:12Z``."""
    return datetime.fromtimestamp(minute * 60, timezone.utc).strftime("%Y-%m-%dT%H:%MZ")


# The shapes that carry a time of their own. The application's JSON lines are UTC without saying so, its asctime
# lines are local time; journalctl writes the offset. Only a line that *begins* so is believed.
_STAMP = re.compile(
    rb'(?:\{"timestamp": ?")?(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?'
    rb'(?=["\s])'
)
_REALTIME = re.compile(rb'"__REALTIME_TIMESTAMP"\s*:\s*"?(\d{10,17})')
# An asctime stamp belongs to a record only when logger and level follow; a date in a customer's text does not.
_ASCTIME_REST = re.compile(rb" - [^\s]+ - (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) - ")
_SHORT_ISO_REST = re.compile(rb" \S+ [^\s:\[]+(?:\[\d+\])?: ?")


class StampReader:
    """Reads the time a log line carries itself; remembers the minutes it has converted, which makes it cheap."""

    def __init__(self, now: float) -> None:
        # A stamp from the future can only be forged or a clock gone wrong; it must not hide what follows it.
        self._latest = now + 86400
        self._minutes: dict[tuple[bytes, bytes, bytes | None, bool], float] = {}

    def read(self, line: bytes) -> float | None:
        """Return the time that ``line`` itself carries, in seconds since the epoch, or None."""
        match = _STAMP.match(line)
        if not match:
            if line[:1] != b"{":
                return None
            found = _REALTIME.search(line)
            moment = int(found.group(1)) / 1e6 if found else self._other_json(line)
            return moment if moment is not None and moment <= self._latest else None
        day, _sep, clock, second, fraction, zone = match.groups()
        is_json = line[:1] == b"{"
        if not is_json:
            # short-iso carries its zone, asctime a logger and a level; a bare date is somebody's text.
            rest = _SHORT_ISO_REST if zone else _ASCTIME_REST
            if not rest.match(line, match.end()):
                return None
        key = (day, clock, zone, is_json)
        start = self._minutes.get(key)
        if start is None:
            start = self._convert(day, clock, zone, is_json)
            if start is None:
                return None
            if len(self._minutes) > 5000:
                self._minutes.clear()
            self._minutes[key] = start
        moment = start + int(second) + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)
        return moment if moment <= self._latest else None

    def _convert(self, day: bytes, clock: bytes, zone: bytes | None, is_json: bool) -> float | None:
        text = f"{day.decode()}T{clock.decode()}"
        try:
            if zone or is_json:
                return parse_when(text + (zone.decode() if zone else "Z"), 0.0)
            return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M"))
        except (ValueError, OverflowError):
            return None

    def _other_json(self, line: bytes) -> float | None:
        """JSON with other spacing or key order than the application's own: look for its timestamp key."""
        found = re.search(rb'"timestamp"\s*:\s*"([^"\\]{16,40})"', line)
        try:
            return parse_when(found.group(1).decode(), 0.0) if found else None
        except ValueError:
            return None
