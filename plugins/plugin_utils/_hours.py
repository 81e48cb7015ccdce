# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hours in which messages are expected, as people write them: ``08:00-19:00 mon-fri; 08:00-12:00 sat``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

EXAMPLE = '"08:00-19:00 mon-fri; 08:00-12:00 sat"'
_ENTRY = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})(?:\s+(\S.*))?\Z")
_NAMES = (
    ("mon", "seg"), ("tue", "ter"), ("wed", "qua"), ("thu", "qui"), ("fri", "sex"), ("sat", "sab", "sáb"),
    ("sun", "dom"),
)  # fmt: skip
_DAYS = {name: day for day, names in enumerate(_NAMES) for name in names}
_LONGEST = timedelta(days=31)


class _Entry(NamedTuple):
    begin: int  # minutes since midnight
    end: int
    days: frozenset[int]


class Hours:
    """Weekly hours in a time zone.

    :param text: entries ``HH:MM-HH:MM DAYS`` with semicolons between them; without days it is each day
    :param zone: a name such as ``America/Sao_Paulo``
    :raises ValueError: with one sentence, for anything else
    """

    def __init__(self, text: str, zone: str) -> None:
        self._entries = [_entry(part.strip()) for part in text.split(";") if part.strip()]
        if not self._entries:
            raise ValueError(f"health_expected_hours names no hours; write it as {EXAMPLE}.")
        try:
            self._zone = ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            shown = redact(repr(zone))[:60]
            raise ValueError(
                f"health_time_zone is {shown}, and this controller knows no such zone; write it as America/Sao_Paulo, "
                "and see that tzdata is installed."
            ) from error

    def seconds(self, begin: float, end: float) -> float:
        """How much of the time between two moments (seconds since the epoch) lies within the hours; a month at most."""
        last = datetime.fromtimestamp(end, timezone.utc).astimezone(self._zone)
        first = max(datetime.fromtimestamp(begin, timezone.utc).astimezone(self._zone), last - _LONGEST)
        within, done = 0.0, first.timestamp()
        day = first.date()
        while day <= last.date():
            for opens, closes in self._on(day):
                opens, closes = max(opens, done), min(closes, end)
                if closes > opens:
                    within += closes - opens
                    done = closes  # entries may overlap
            day += timedelta(days=1)
        return within

    def _on(self, day: date) -> Iterator[tuple[float, float]]:
        for entry in sorted(self._entries):
            if day.weekday() in entry.days:
                yield self._moment(day, entry.begin), self._moment(day, entry.end)

    def _moment(self, day: date, minutes: int) -> float:
        whole, clock = divmod(minutes, 24 * 60)
        at = datetime.combine(day + timedelta(days=whole), time(clock // 60, clock % 60), self._zone)
        return at.timestamp()


def _entry(text: str) -> _Entry:
    entry = _ENTRY.match(text)
    shown = redact(repr(text))[:60]
    if not entry:
        raise ValueError(f"health_expected_hours has {shown}, which is no hours; write it as {EXAMPLE}.")
    numbers = [int(number) for number in entry.groups()[:4]]
    begin, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if numbers[1] > 59 or numbers[3] > 59 or end > 24 * 60:
        raise ValueError(f"health_expected_hours has {shown}, which is no time of a day; write it as {EXAMPLE}.")
    if begin >= end:
        raise ValueError(
            f"health_expected_hours has {shown}, which ends before it begins; write what goes past midnight as two "
            "entries."
        )
    return _Entry(begin, end, frozenset(_days(entry.group(5) or "mon-sun", shown)))


def _days(text: str, shown: str) -> Iterator[int]:
    for part in re.split(r"[\s,]+", re.sub(r"\s*-\s*", "-", text.strip().lower())):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(
                f"health_expected_hours has {shown}, in which {redact(repr(part))[:20]} is no day; "
                "days are mon tue wed thu fri sat sun, or seg ter qua qui sex sab dom."
            )
        span = (_DAYS[last or first] - _DAYS[first]) % 7
        yield from ((_DAYS[first] + n) % 7 for n in range(span + 1))
