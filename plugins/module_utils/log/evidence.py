# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a measurement is worth: whether it is of now, of the whole window, of this service, and understood.

A part that was not asked, or cannot be known, has ``ok: null`` and hinders nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

SHORTEST_SILENCE = 600.0
"""seconds for which nothing may be heard, whatever the traffic"""
MESSAGES_MISSED = 16.0
"""so many messages that should have come and did not are no chance: e^-16"""
HOUR = 3600.0
_SHARE, _NUMBER = 0.05, 10  # so much of the records, and so many, that are not placed in time lower the evidence
_LINES_OF_A_LOG = 50
_SECONDS_OF_SLACK = 1.0


class Facts(NamedTuple):
    """What is known beside the balance. Times are seconds since the epoch."""

    present: float
    since: float | None
    first: float | None
    """the earliest time found in the logs, also before the window"""
    read_from: float | None
    newest: float | None
    """the newest record of a message, also outside of the window"""
    process_started: float | None
    unreadable: list[str]
    copies: list[str]
    suppressed: int
    incomplete: str | None
    backwards: int
    owned: bool | None
    owner: str
    path: str
    lines: int
    any_event: bool
    undated_guards: int = 0
    spans: Sequence[tuple[float, float]] = ()
    """the first and the last time of each file of the log, also before the window"""
    before: tuple[float, dict[int, int]] | None = None
    """the newest message before the window, and how many came by the minute, as far as that was read and counts"""


def evidence(traces: dict[str, Any], newest: float | None, facts: Facts) -> dict[str, Any]:
    """Return ``{fresh, covered, owned, understood}`` of ``traces``; ``newest`` is the newest message in the window."""
    facts = facts._replace(first=_first(traces, facts))
    fresh = _fresh(traces, newest, facts)
    return {
        "fresh": fresh,
        "covered": _covered(traces, facts, is_now=fresh["ok"] is not False),
        "owned": {"ok": facts.owned, "reason": facts.owner or None, "path": facts.path or None},
        "understood": _understood(traces, facts),
    }


def heartbeat(records: int, last: float | None, minutes: float, facts: Facts) -> dict[str, Any]:
    """Return whether a heartbeat message came within the last ``minutes``; ``ok`` is None where that cannot be said,
    because too little was read or its records carry no time."""
    age = None if last is None else max(0.0, facts.present - last)
    limit = minutes * 60
    begins = facts.present - limit if facts.read_from is None else facts.read_from
    ok: bool | None = None
    if age is not None:
        ok = age <= limit
    elif not records and begins <= facts.present - limit:
        ok = False
    return {
        "ok": ok,
        "records": records,
        "last": iso(last),
        "age_seconds": None if age is None else round(age, 3),
        "limit_seconds": round(limit, 1),
    }


def _fresh(traces: dict[str, Any], newest: float | None, facts: Facts) -> dict[str, Any]:
    """Silence longer than max(10 minutes, 16 / rate of the hour before the newest message) is no chance."""
    span = HOUR
    if newest is not None:
        begins = [moment for moment in (facts.since, facts.first) if moment is not None]
        if begins:
            span = min(HOUR, max(60.0, newest - max(begins)))
        messages = _messages(traces, newest - span, facts.present)
    elif facts.before is not None:
        newest, came = facts.before
        hour = {minute: n for minute, n in came.items() if minute * 60 > newest - HOUR}
        messages = sum(hour.values())
        # Perhaps only the end of that hour was read; a few messages in a row are one customer, and no rate.
        if messages >= MESSAGES_MISSED:
            span = max(60.0, newest - min(hour) * 60)
    else:
        return {"ok": None, "newest": None, "age_seconds": None, "rate_per_minute": None, "limit_seconds": None}
    rate = max(messages, 1) / (span / 60)
    age = max(0.0, facts.present - newest)
    limit = _longest_silence(messages, span)
    return {
        "ok": age <= limit,
        "newest": iso(newest),
        "age_seconds": round(age, 3),
        "rate_per_minute": round(rate, 4),
        "limit_seconds": round(limit, 1),
    }


def _messages(traces: dict[str, Any], begin: float, end: float) -> int:
    """How many messages the minutes from ``begin`` to ``end`` have."""
    earliest, latest = (iso(begin) or "")[:16], (iso(end) or "")[:16]
    stages = ("received", "planned", "read", "sent")
    return sum(
        max(*(row[name] for name in stages), row["success"] + row["failed"])
        for row in traces["minutes"]
        if earliest <= row["minute"] <= latest
    )


def _longest_silence(messages: int, seconds: float) -> float:
    """For how long nothing may be heard where so many messages came in so many seconds."""
    return max(SHORTEST_SILENCE, MESSAGES_MISSED * seconds / max(messages, 1))


def _first(traces: dict[str, Any], facts: Facts) -> float | None:
    """The time from which on the files of the log leave no hole.

    One file goes on where another one ended. Where nothing is for longer than the silence of a rotation can last, what
    was between them is missing: deleted, truncated, or never packed. Within a file nothing can be missing.
    """
    if facts.since is None or not facts.spans:
        return facts.first
    begin = max(facts.spans, key=lambda span: span[1])[0]
    while begin > facts.since:
        joined = [first for first, last in facts.spans if first < begin and _goes_on(traces, facts, last, begin)]
        if not joined:
            break
        begin = min(joined)
    return begin


def _goes_on(traces: dict[str, Any], facts: Facts, last: float, first: float) -> bool:
    """Whether a file that begins at ``first`` goes on with one that ended at ``last``.

    Traffic is not the same before and after; the silence is measured against the lower rate, as far as either is known.
    """
    if first - last <= SHORTEST_SILENCE:
        return True
    ends = min(first + HOUR, facts.present)
    around = [(first, max(ends, first + SHORTEST_SILENCE))]
    if facts.since is not None and last - SHORTEST_SILENCE > facts.since:
        around.append((max(last - HOUR, facts.since), last))
    return any(first - last <= _longest_silence(_messages(traces, *part), part[1] - part[0]) for part in around)


def _covered(traces: dict[str, Any], facts: Facts, *, is_now: bool) -> dict[str, Any]:
    """The window's start is in the logs, and the present process has left a trace."""
    seconds = covered = None
    if facts.since is not None:
        seconds = max(0.0, facts.present - facts.since)
        covered = seconds if facts.first is None else max(0.0, facts.present - max(facts.since, facts.first))
    seen = _process_seen(facts)
    records, undated, future = traces["records"], traces["undated"], traces["future"]
    # A few records without a time hide little; one of them that is an emergency hides it.
    unplaced = facts.since is not None and (facts.undated_guards or _is_much(undated, records))
    displaced = _is_much(future + facts.backwards, records) or (future > 0 and not is_now)
    lowered = seen is False or facts.unreadable or facts.incomplete or facts.suppressed or unplaced or displaced
    return {
        "ok": not lowered,
        "since": iso(facts.since),
        "first": iso(facts.first),
        "window_seconds": None if seconds is None else round(seconds, 3),
        "covered_seconds": None if covered is None else round(covered, 3),
        "process_started": iso(facts.process_started),
        "process_seen": seen,
        "undated": undated,
        "undated_guards": facts.undated_guards,
        "unparsed": traces["unparsed"],
        "future": future,
        "backwards": facts.backwards,
        "unreadable": facts.unreadable,
        "copies": facts.copies,
        "suppressed": facts.suppressed,
        "incomplete": facts.incomplete,
    }


def _process_seen(facts: Facts) -> bool | None:
    started = facts.process_started
    if started is None:
        return None
    if facts.newest is not None and facts.newest >= started - _SECONDS_OF_SLACK:
        return True
    # A process that is older than what was read may have left its traces before.
    return False if facts.read_from is None or started >= facts.read_from else None


def _is_much(number: int, records: int) -> bool:
    return number >= _NUMBER and number > _SHARE * (number + records)


def _understood(traces: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """The share of the lines that name a trace which a grammar took."""
    parsed, candidates = traces["records"], traces["records"] + traces["unparsed"]
    ok: bool | None = None
    if candidates:
        ok = parsed >= (1 - _SHARE) * candidates
    elif not facts.any_event and facts.lines >= _LINES_OF_A_LOG:
        ok = False
    return {
        "ok": ok,
        "share": round(parsed / candidates, 4) if candidates else None,
        "parsed": parsed,
        "candidates": candidates,
    }
