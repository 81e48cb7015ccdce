# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A past log, decided upon minute by minute: what automation would have done, and what that would have cost. Pure.

After an act counts what came after it, as it does for a live service. The log goes on as if nothing had been done, so
there is one act until the verdict is well again; what a second one would have found is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso_minute
from ansible_collections.kumon.runbook.plugins.plugin_utils._decision import LOOKS, recovery_decision
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import BUDGETS, LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

_ACT_MINUTES = {level: -(-int(BUDGETS[name]) // 60) for level, name in LEVELS.items()}
"""Minutes in which nothing goes out while a level is done; with level 1 nothing does until it is undone."""
_WRONG = ("failed", "lost", "unread", "unsent", "contradicting")
_ROWS = 3  # what became of a message is known some minutes after it came


class Minute(TypedDict):
    """`level` is what automation does in this minute, `in_force` what it has done; `held` and `spared` are what of the
    minute's messages that would have kept from going out well and from going wrong."""

    minute: str
    status: str
    cause: str
    reason: str
    level: int | None
    in_force: int | None
    held: int
    spared: int


class _Row(TypedDict):
    well: int
    wrong: int


def replay(
    moments: Iterable[float],
    look: Callable[[float, float | None], Traces],
    locale: str = "en",
    judge: Mapping[str, Any] | None = None,
) -> list[Minute]:
    """Decide at each moment, the end of a minute.

    :param look: the `traces` as they were at a moment, counted from another one on where that is given
    :param judge: options of `verdict`
    """
    minutes: list[Minute] = []
    rows: dict[str, _Row] = {}
    acted: tuple[float, int] | None = None
    answered: float | None = None  # what came before an act is answered by it
    for at in moments:
        traces = look(at, answered)
        judged = verdict(traces, locale=locale, **(judge or {}))
        for row in (traces.get("minutes") or [])[-_ROWS:]:
            # mypy takes no loop's names for keys of a TypedDict.
            wrong = sum(int(row.get(name) or 0) for name in _WRONG)  # type: ignore[call-overload]
            rows[row["minute"]] = {"well": int(row["success"]), "wrong": wrong}
        if acted and judged["status"] == "ok" and at - acted[0] >= 60 * LOOKS:
            acted = None
        level = None
        if acted is None:
            decision = recovery_decision(judged, {}, (), "auto", locale=locale)
            level = decision["level"] if decision["act"] else None
        minutes.append(
            {
                "minute": iso_minute(int(at // 60) - 1),
                "status": judged["status"],
                "cause": judged["cause"],
                "reason": next(iter(judged["reasons"]), ""),
                "level": level,
                "in_force": acted[1] if acted else None,
                "held": 0,
                "spared": 0,
            }
        )
        if level:
            acted, answered = (at, level), at
    _count_cost(minutes, rows)
    return minutes


def _count_cost(minutes: list[Minute], rows: Mapping[str, _Row]) -> None:
    """What each minute after an act would have cost and gained, once it is known what became of its messages."""
    since = 0
    for minute in minutes:
        since = since + 1 if minute["in_force"] else 0
        if minute["in_force"]:
            row = rows.get(minute["minute"], {"well": 0, "wrong": 0})
            still = minute["in_force"] == 1 or since <= _ACT_MINUTES[minute["in_force"]]
            minute["held"], minute["spared"] = row["well"] if still else 0, row["wrong"]


def replay_outcome(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return the part of an outcome that is this procedure's words: a line a minute, and the sum."""
    replayed = mapping(facts["replayed"], "replayed")
    minutes: list[Minute] = replayed["minutes"]
    acts = [minute for minute in minutes if minute["level"]]
    headline = words.say(
        "sum",
        minutes=len(minutes),
        acts=words.many(len(acts), "time"),
        held=words.many(sum(minute["held"] for minute in minutes), "message"),
        spared=words.many(sum(minute["spared"] for minute in minutes), "message"),
    )
    incomplete = [words.say("incomplete")] if replayed.get("incomplete") else []
    blind = sum(minute["status"] == "blind" for minute in minutes)
    # That nothing would have been done there says nothing of whether anything was wrong.
    incomplete += [words.say("unjudged", minutes=blind, all=len(minutes))] if blind else []
    return {
        "ok": True,
        "status": "ok",
        "message": headline,
        "lines": [headline, *incomplete, *[_line(minute, words) for minute in minutes]],
    }


def _line(minute: Minute, words: Words) -> str:
    cause = f" ({minute['cause']})" if minute["cause"] != "none" else ""
    line = f"{minute['minute']} {minute['status']}{cause}"
    if minute["level"]:
        line += f" {words.say('acts', level=minute['level'])}: {minute['reason']}"
    if minute["in_force"]:
        line += f" {words.say('in_force', level=minute['in_force'], held=minute['held'], spared=minute['spared'])}"
    return line
