# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether automation may act with nobody at the keyboard, from what is kept on the desk. Pure.

It has earned that when the watch was at work on so many days on the hosts that it is about, somebody has marked each
act that it would have done, one of them right, and none wrong since those days began. A person overrides it by name for
a time; the switch stops it for a time, and stands above both. What of the record cannot be read may be a stop, or a
decision that was wrong: then it has earned nothing, and where that is the newest word on the switch no override counts
either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._calendar import LONGEST, span
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import flag, mapping, number, sequence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import automation as _texts

DAY = 86400.0
WATCHED = DAY / 2  # so much of a day has to have been watched for the day to count
OVERRIDE = "24h"
KINDS = ("automation", "would_act", "mark", "look")
# A look that is lost is only time that was not earned.
_DECISIVE = ("automation", "would_act", "mark")
UNREAD = ("problem", "switch_unread", "unread")
"""Why automation does not act although nobody has decided so."""
_SHOWN = 5

Record = Mapping[str, Any]
Records = Mapping[str, Any]
"""By kind, oldest first; `unread`, by kind, the lines that are no records; `problem`, why nothing could be read."""


class Automation(TypedDict):
    """`allowed`, and why: `why` is a code, `reason` its sentence."""

    allowed: bool
    why: str
    reason: str
    days: int
    needed: float
    right: int
    wrong: int
    unmarked: list[str]


class Request(TypedDict):
    """What a person asks for: the record that keeps it, or the problem with it."""

    problem: str
    kind: str
    record: dict[str, Any]


def of_desk(given: Any) -> dict[str, Any]:
    """Return the records by kind, also where they are what the task that reads them registered."""
    desk = mapping(given, "records")
    if isinstance(desk.get("records"), list):
        return {"automation": desk["records"], **(desk.get("also") or {}), "unread": desk.get("unread") or {}}
    if desk.get("failed") or desk.get("unreachable"):
        return {"problem": _text(desk.get("msg"), 200)}
    return desk


def unread_lines(records: Records) -> str:
    """Name the lines that automation would have to know; empty where all of them can be read."""
    unread = mapping(records.get("unread") or {}, "unread")
    lines = [f"{kind}.jsonl:{line}" for kind in _DECISIVE for line in (unread.get(kind) or {}).get("lines") or []]
    return ", ".join(lines[:_SHOWN]) + (", …" if len(lines) > _SHOWN else "")


def not_read(given: Any, locale: str) -> str:
    """Why automation does not act although nobody has decided so; empty where all that it has to know can be read.

    :param given: what a task registered that has read the record, for whatever else
    """
    words, records = Words(locale, _texts.TEXTS), of_desk(given)
    if records.get("problem"):
        return words.say("problem", problem=records["problem"])
    lines = unread_lines(records)
    return words.say("switch_unread" if _newest_unread(records) else "unread", lines=lines) if lines else ""


def _newest_unread(records: Records) -> bool:
    return bool(((records.get("unread") or {}).get("automation") or {}).get("newest"))


def _kept(records: Records, kind: str) -> list[Record]:
    return [mapping(one, kind) for one in sequence(mapping(records, "records").get(kind) or [], kind)]


def _at(record: Record, name: str = "at") -> float | None:
    try:
        return parse_when(str(record.get(name)), 0.0)
    except ValueError:
        return None


def _newest(records: Records, what: str) -> Record | None:
    """The newest record of this switch: a later one replaces it."""
    return next((one for one in reversed(_kept(records, "automation")) if one.get("what") == what), None)


def _stopped(records: Records, now: float) -> Record | None:
    """The stop that stands. One whose end cannot be read stands as well."""
    stop = _newest(records, "stop")
    if stop is None or stop.get("until") is None:
        return None
    until = _at(stop, "until")
    return stop if until is None or until > now else None


def _override(records: Records, now: float) -> Record | None:
    override = _newest(records, "override")
    until = _at(override, "until") if override else None
    # One that lasts longer than any can was made by a clock that was ahead.
    return override if until is not None and now < until <= now + LONGEST else None


class _Judged(NamedTuple):
    """What people have said of the acts that automation would have done."""

    right: int
    wrong: int
    unmarked: list[Record]
    since: float
    """when the last one came that was wrong: days before that do not count"""


def _judged(records: Records) -> _Judged:
    marks = {str(mark.get("id")): mark.get("right") for mark in _kept(records, "mark")}
    acts = _kept(records, "would_act")
    marked = [(act, marks.get(str(act.get("id")))) for act in acts]
    wrong = [act for act, right in marked if right is False]
    # One that cannot be placed in time spoils all of it.
    since = max((float("inf") if (at := _at(act)) is None else at for act in wrong), default=float("-inf"))
    unmarked = [act for act, right in marked if right not in (True, False)]
    return _Judged(sum(right is True for _act, right in marked), len(wrong), unmarked, since)


def _of(looks: Iterable[Record], host: str) -> list[Record]:
    """The looks at a host; those of before hosts were kept are of each."""
    name = redact(host)
    return [look for look in looks if name in (look.get("hosts") or [name])]


def days_watched(looks: Iterable[Record], since: float = float("-inf")) -> int:
    """On how many days (UTC) the watch was at work for at least half of the day. What overlaps counts once.

    :param looks: each `{at, seconds}`, the seconds before `at` in which it has seen the service
    """
    spans = []
    for look in looks:
        end, seconds = _at(look), look.get("seconds")
        if end is not None and isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
            spans.append((max(since, end - max(0.0, min(float(seconds), DAY))), end))
    days: dict[int, float] = {}
    reached = float("-inf")
    for begin, end in sorted(spans):
        begin = max(begin, reached)
        reached = max(reached, end)
        while begin < end:
            day = int(begin // DAY)
            stop = min(end, (day + 1) * DAY)
            days[day] = days.get(day, 0.0) + stop - begin
            begin = stop
    return sum(seconds >= WATCHED for seconds in days.values())


def automation(
    records: Records,
    now: float,
    earned_days: float | str = 14,
    locale: str = "en",
    commands: Mapping[str, str] | None = None,
    hosts: Iterable[str] = (),
) -> Automation:
    """Say whether automation may act by itself.

    :param records: what `desk_record` returned, or by kind: `automation`, `would_act`, `mark`, `look`, oldest first,
        and `unread`
    :param now: seconds since the epoch
    :param hosts: on which it is to act; what was watched on others, such as those of staging, earns nothing there
    """
    words = Words(locale, _texts.TEXTS, run=commands)
    now, needed = number(now, "now"), number(earned_days, "earned_days")
    records = of_desk(records)
    judged = _judged(records)
    seen = _kept(records, "look")
    days = min(
        (days_watched(_of(seen, host), judged.since) for host in hosts), default=days_watched(seen, judged.since)
    )
    stop, override = _stopped(records, now), _override(records, now)
    fields: dict[str, Any] = {
        "days": days,
        "needed": f"{needed:g}",
        "right": judged.right,
        "unmarked": len(judged.unmarked),
    }
    if stop is not None:
        allowed, why = False, "stopped"
        fields.update(by=_text(stop.get("actor")), until=_text(stop.get("until")))
    elif records.get("problem"):
        allowed, why = False, "problem"
        fields["problem"] = records["problem"]
    elif _newest_unread(records):
        allowed, why = False, "switch_unread"
        fields["lines"] = unread_lines(records)
    elif override is not None:
        allowed, why = True, "overridden"
        fields.update({name: _text(override.get(name)) for name in ("name", "reason", "until")})
    elif unread_lines(records):
        allowed, why = False, "unread"
        fields["lines"] = unread_lines(records)
    elif judged.unmarked:
        allowed, why = False, "unmarked"
    elif days < needed:
        allowed, why = False, "days"
    elif not judged.right:
        allowed, why = False, "never_right"
    else:
        allowed, why = True, "earned"
    return {
        "allowed": allowed,
        "why": why,
        "reason": words.say(why, **fields),
        "days": days,
        "needed": needed,
        "right": judged.right,
        "wrong": judged.wrong,
        "unmarked": [str(act.get("id")) for act in judged.unmarked],
    }


def _text(value: object, length: int = 80) -> str:
    return redact(" ".join(str(value if value is not None else "?").split()))[:length]


# ------------------------------------------------------------------ what a person asks for


def automation_request(
    asked: Record, records: Records, now: float, locale: str = "en", commands: Mapping[str, str] | None = None
) -> Request:
    """Return the record that a person's wish becomes, or why it cannot.

    :param asked: `{stop, mark, right, override, reason, override_for}`, all texts, empty where not asked for
    """
    words = Words(locale, _texts.TEXTS, run=commands)
    records = of_desk(records)
    given = {name: str(value if value is not None else "").strip() for name, value in asked.items()}
    wishes = [name for name in ("stop", "mark", "override") if given.get(name)]
    if not wishes:
        alone = next((name for name in ("right", "reason") if given.get(name)), "")
        return _problem(words.say("alone", name=alone)) if alone else _problem("")
    if len(wishes) > 1:
        return _problem(words.say("one_at_a_time", one=wishes[0], other=wishes[1]))
    return {"stop": _stop, "mark": _mark, "override": _override_asked}[wishes[0]](given, records, now, words)


def _problem(sentence: str) -> Request:
    return {"problem": sentence, "kind": "", "record": {}}


def _asked(kind: str, **record: Any) -> Request:
    return {"problem": "", "kind": kind, "record": record}


def _stop(given: Mapping[str, str], records: Records, now: float, words: Words) -> Request:
    if given["stop"].lower() in ("false", "no", "off"):
        # Nothing is kept twice.
        return _asked("automation", what="stop", until=None) if _stopped(records, now) else _problem("")
    seconds = span(given["stop"])
    if seconds is None or not 0 < seconds <= LONGEST:
        return _problem(words.say("stop_wrong", value=repr(given["stop"][:40])))
    return _asked("automation", what="stop", until=iso(now + seconds, "seconds"))


def _mark(given: Mapping[str, str], records: Records, _now: float, words: Words) -> Request:
    known = [str(act.get("id")) for act in _kept(records, "would_act")]
    if given["mark"] not in known:
        return _problem(words.say("mark_unknown", id=repr(given["mark"][:40])))
    try:
        right = flag(given.get("right"), "right")
    except ValueError:
        right = None
    if right is None:
        return _problem(words.say("right_missing"))
    marks = {str(mark.get("id")): mark.get("right") for mark in _kept(records, "mark")}
    return _problem("") if marks.get(given["mark"]) is right else _asked("mark", id=given["mark"], right=right)


def _override_asked(given: Mapping[str, str], _records: Records, now: float, words: Words) -> Request:
    name, reason = given["override"], given.get("reason") or ""
    if name.lower() in ("true", "yes", "on", "1") or not any(map(str.isalpha, name)):
        return _problem(words.say("override_name", value=repr(name[:40])))
    if not reason:
        return _problem(words.say("override_reason"))
    asked_for = given.get("override_for") or OVERRIDE
    seconds = span(asked_for)
    if seconds is None or not 0 < seconds <= LONGEST:
        return _problem(words.say("override_wrong", value=repr(asked_for[:40])))
    return _asked("automation", what="override", name=name, reason=reason, until=iso(now + seconds, "seconds"))


# ------------------------------------------------------------------ what a run of automation.yml came to


def automation_outcome(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return the part of an outcome that is this procedure's own."""
    given = of_desk(facts["records"])
    records: dict[str, Any] = {kind: list(_kept(given, kind)) for kind in KINDS}
    records["unread"] = given.get("unread") or {}
    request, check = mapping(facts.get("request") or {}, "request"), bool(facts.get("check"))
    if request.get("kind") and facts.get("added"):
        records[request["kind"]].append(mapping(facts["added"], "added"))
        # What a person says now is the newest word.
        records["unread"] = {kind: {**one, "newest": False} for kind, one in records["unread"].items()}
    now, needed = number(facts["now"], "now"), number(facts["earned_days"], "earned_days")
    judged = automation(records, now, needed, words.locale, words.run)
    headline = words.say("allowed" if judged["allowed"] else "refused", reason=judged["reason"])
    unmarked = _judged(records).unmarked
    lines = [
        headline,
        words.say("record", days=judged["days"], right=judged["right"], wrong=judged["wrong"], unmarked=len(unmarked)),
        *[_would(act, words) for act in unmarked[-_SHOWN:]],
    ]
    if len(unmarked) > _SHOWN:
        lines.append(words.say("more", n=len(unmarked) - _SHOWN))
    if request.get("kind"):
        lines.insert(1, words.say("planned" if check else "kept"))
        # What nobody has kept yet stops or allows nothing.
        headline = lines[0] = words.say("would_be", told=headline) if check else headline
    if unread_lines(records):
        lines.append(words.say("torn", lines=unread_lines(records)))
    return {
        "ok": True,
        "status": "planned" if check else "ok",
        "next_step": words.say("next_mark", id=judged["unmarked"][-1]) if unmarked else "",
        "message": headline,
        "lines": lines,
        "automation": judged,
    }


def _would(act: Record, words: Words) -> str:
    fields = {name: _text(act.get(name)) for name in ("id", "at", "host", "cause", "level")}
    return words.say("would", **fields)
