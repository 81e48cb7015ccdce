# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans of time that a team writes down: who is on call, and when nothing goes forward. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
_SPAN = re.compile(r"\d+(?:\.\d+)?\s*[smhd]\Z")
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)\Z")
# What has no end is written up to the year 9999, which is over earlier in some zones than the calendar is.
_LAST = datetime(9999, 12, 30)


LONGEST = 7 * 86400.0
"""For how long something is watched, stopped or overridden in one go: nobody remembers it for longer."""


class Span(NamedTuple):
    """From one moment to another, in seconds since the epoch, and whose or why."""

    begin: float
    end: float
    label: str


def span(text: str) -> float | None:
    """Seconds of a span such as ``2h``; None for what is none."""
    try:
        return -parse_when(text, 0.0) if _SPAN.match(text.strip()) else None
    except ValueError:
        return math.inf  # longer than all that is allowed


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of that name. Raises ValueError with one sentence."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"go_live_time_zone is {name[:40]!r}, and this controller knows no such zone; write it as "
            "America/Sao_Paulo, and see that tzdata is installed"
        ) from error


def moment(value: object, zone: ZoneInfo, *, last: bool = False) -> float:
    """Return a time as people write it, in seconds since the epoch; without a zone of its own it is one of `zone`.

    A day without a time begins at midnight, and as the `last` one of a span is over at the next. YAML makes a time of
    what looks like one. Raises ValueError with one sentence.
    """
    text = str(value).strip()
    if _DAY.match(text):
        day = min(datetime.fromisoformat(text), _LAST - timedelta(days=1)) + timedelta(days=int(last))
        return day.replace(tzinfo=zone).timestamp()
    seconds = parse_when(text, float("nan"))
    if math.isnan(seconds):
        raise ValueError(f"{text[:40]!r} is no time: write 2026-11-22 10:12")
    if _ZONED.search(text):
        return min(seconds, _LAST.replace(tzinfo=zone).timestamp())
    # It was read as UTC, and is the same hour on the clocks of the zone.
    return min(datetime.fromisoformat(text.replace(",", ".")), _LAST).replace(tzinfo=zone).timestamp()


def spans(rows: Sequence[Any], zone: ZoneInfo, label: str, name: str) -> list[Span]:
    """Return the rows of the variable `name`, each `{from, to, LABEL}`. Raises ValueError with one sentence."""
    named = []
    for nth, row in enumerate(rows, 1):
        if not isinstance(row, Mapping) or not {"from", "to", label} <= set(row):
            raise ValueError(f"{name}: row {nth} has to have from, to and {label}")
        if label == "name" and not str(row[label] if row[label] is not None else "").strip():
            raise ValueError(f"{name}: row {nth} names nobody")
        try:
            one = Span(moment(row["from"], zone), moment(row["to"], zone, last=True), str(row[label]))
        except ValueError as error:
            raise ValueError(f"{name}: row {nth}: {error}") from error
        if one.end <= one.begin:
            raise ValueError(f"{name}: row {nth} ends before it begins")
        named.append(one)
    return sorted(named)


def gaps(rows: Sequence[Span], begin: float, end: float) -> list[tuple[float, float]]:
    """Return where nobody is, between two moments."""
    empty, until = [], begin
    for span in sorted(rows):
        if span.begin > until and until < end:
            empty.append((until, min(span.begin, end)))
        until = max(until, span.end)
    if until < end:
        empty.append((until, end))
    return empty


def within(rows: Sequence[Span], begin: float, end: float) -> list[Span]:
    """Return the spans that have a part of the time between two moments."""
    return [span for span in rows if span.begin < end and span.end > begin]


def shown(at: float, zone: ZoneInfo) -> str:
    """Return a moment as the clocks of the zone show it."""
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M")


def frozen(facts: Mapping[str, Any], words: Words) -> str:
    """Return what keeps everybody from going forward now, in one sentence; empty when nothing does."""
    zone, now = zone_of(str(facts["time_zone"])), number(facts["now"], "now")
    rows = spans(facts.get("freeze") or [], zone, "reason", "go_live_freeze")
    freezes = within(rows, now, now + 1)
    if not freezes:
        return ""
    return words.say("forward_frozen", reason=freezes[0].label, until=shown(freezes[0].end, zone))
