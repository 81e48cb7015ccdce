# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text that an incident may need, from what is known when its news is told. Pure.

All of them at once, since a later run that sends them knows the facts only from the state. What is known only then
(elapsed time, tier, who has taken over, a person's ETA) stands in a text as a mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._contacts import LOCALES
from ansible_collections.kumon.runbook.plugins.module_utils._due import KINDS
from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.module_utils._message_text import (
    MARK_BY,
    MARK_ELAPSED,
    MARK_TIER,
    mark_eta,
)
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.plugin_utils._awx import ACKNOWLEDGE
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number, sequence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.messages import TEXTS

Facts = Mapping[str, Any]


class _Told(NamedTuple):
    """How the telling goes on: after how many minutes, from jobs of AWX, and whether anything is left to go on from."""

    minutes: int
    awx: bool
    lasting: bool


def messages(
    facts: Facts,
    every_minutes: Any = 15,
    awx: bool = False,
    lasting: bool = True,
    commands: Mapping[str, str] | None = None,
) -> dict[str, dict[str, dict[str, str]]]:
    """The texts by audience, locale and kind; the first line of each is its subject.

    :param facts: `procedure`, `status`, `level`, `hosts`, `headline`, `reasons`, `next_step`, `budget_seconds`,
        `delivery`, `actor`, `run_id` and `journal`, as far as they are known
    :param every_minutes: after how many minutes the next message comes
    :param awx: whether people start what they do from AWX, so that its template is named
    :param lasting: whether the incident's state outlives the run; where it does not nothing more is promised
    :param commands: the command for a procedure and its options, as the run with the news was started
    """
    given = redact_data(mapping(facts, "The facts"))
    # Text that is empty is what is not known, and so is null.
    known = {name: value for name, value in given.items() if value not in (None, "")}
    told = _Told(int(number(every_minutes, "every_minutes")), truthy(awx), truthy(lasting))
    return {
        audience: {
            locale: {kind: "\n".join(lines(known, kind, Words(locale, TEXTS, run=commands), told)) for kind in KINDS}
            for locale in LOCALES
        }
        for audience, lines in (("technical", _technical), ("business", _business))
    }


def _title(audience: str, kind: str, words: Words) -> str:
    return words.say(f"{audience}_{kind}", tier=MARK_TIER, by=MARK_BY)


# ---------------------------------------------------------------- the technical side


def _technical(facts: Facts, kind: str, words: Words, told: _Told) -> list[str]:
    headline = facts.get("headline") or words.say("headline_test" if kind == "test" else "headline_open")
    lines = [words.say("technical_subject", title=_title("technical", kind, words), headline=headline), ""]
    if kind == "test":
        return [*lines, words.say("test_body_technical"), *_journals(facts, words)]
    lines.append(_state(facts, words))
    lines += [f"- {host}: {status}" for host, status in mapping(facts.get("hosts") or {}, "The hosts").items()]
    reasons = facts.get("reasons") or []
    if reasons:
        lines.append(words.say("why"))
        lines += [
            f"- {reason}" for reason in ([reasons] if isinstance(reasons, str) else sequence(reasons, "The reasons"))
        ]
    lines.append(
        words.say("open_for", elapsed=MARK_ELAPSED, actor=facts.get("actor", "?"), run_id=facts.get("run_id", "?"))
    )
    lines += _journals(facts, words)
    if kind == "end":
        return lines
    lines.append(words.say("eta", eta=mark_eta(words.say("eta_given_at"), _eta(facts, words, told))))
    lines.append(words.say("next_step", next_step=facts.get("next_step") or words.say(_next_step(facts))))
    if not told.lasting:
        return [*lines, words.say("no_next_message")]
    if kind in ("first", "escalation", "update"):
        lines.append(words.say("acknowledge_awx" if told.awx else "acknowledge", template=ACKNOWLEDGE))
    return [*lines, words.say("next_message", minutes=told.minutes)]


def _journals(facts: Facts, words: Words) -> list[str]:
    """The head of each journal, kept outside of its host, so that a journal that was cut or written anew is seen."""
    lines = []
    for host, head in mapping(facts.get("journal") or {}, "The journals").items():
        line = words.say("journal", host=host, seq=head["seq"], hash=str(head["hash"])[:16])
        if head.get("ok") is False:
            line += f"; {words.say('journal_broken')}"
        if head.get("as_seen") is False:
            line += f"; {words.say('journal_unlike')}"
        lines.append(line)
    return lines


def _state(facts: Facts, words: Words) -> str:
    status, procedure, level = facts.get("status", "?"), facts.get("procedure", "?"), facts.get("level")
    if not level or level == "0":
        return words.say("state", status=status, procedure=procedure)
    return words.say("state_level", status=status, procedure=procedure, level=level)


def _eta(facts: Facts, words: Words, told: _Told) -> str:
    """What stands there until a person gives an ETA: what the step in progress may take at most."""
    if facts.get("status") == "begun" and facts.get("budget_seconds"):
        return words.say("eta_step", budget=words.duration(number(facts["budget_seconds"], "budget_seconds")))
    if not told.lasting:
        return words.say("eta_none")
    return f"{words.say('eta_none')}; {words.say('eta_awx' if told.awx else 'eta_how', template=ACKNOWLEDGE)}"


def _next_step(facts: Facts) -> str:
    """The key of what follows where the run that acted has named nothing."""
    if facts.get("status") == "begun":
        return "next_begun"
    if facts.get("status") == "proven":
        if facts.get("procedure") == "roll_forward":
            return "next_proven"
        if _level(facts):
            return "next_proven_level1" if _level(facts) == 1 else "next_proven"
    return "next_person"


def _level(facts: Facts) -> int:
    """The level, 0 where none is known."""
    text = str(facts.get("level", ""))
    return int(text) if text in ("1", "2", "3") else 0


# ---------------------------------------------------------------- the business side


def _business(facts: Facts, kind: str, words: Words, told: _Told) -> list[str]:
    lines = [words.say("business_subject", title=_title("business", kind, words)), ""]
    if kind == "test":
        return [*lines, words.say("test_body_business")]
    if kind == "end":
        lines.append(words.say("over", elapsed=MARK_ELAPSED))
        if facts.get("procedure") == "validate_recovery" and facts.get("status") == "proven":
            lines.append(words.say("over_measured"))
        return [*lines, words.say("over_report")]
    lines.append(words.say("impact", impact=words.say(_impact(facts))))
    if _level(facts):
        lines.append(words.say("measure", measure=words.say(_measure(facts)), result=words.say(_result(facts))))
    elif "headline" in facts:
        lines.append(words.say("known", headline=facts["headline"]))
    lines.append(words.say("since", elapsed=MARK_ELAPSED))
    if not told.lasting:
        return [*lines, words.say("no_next_message_business")]
    return [*lines, words.say("next_message", minutes=told.minutes)]


def _impact(facts: Facts) -> str:
    delivery = facts.get("delivery")
    if delivery == "on" and facts.get("status") not in ("proven", "ok"):
        return "impact_failing"
    return f"impact_{delivery}" if delivery in ("on", "off") else "impact_unknown"


def _measure(facts: Facts) -> str:
    return "measure_forward" if facts.get("procedure") == "roll_forward" else f"measure_{_level(facts)}"


def _result(facts: Facts) -> str:
    status = facts.get("status")
    return f"result_{status}" if status in ("proven", "begun", "rollback") else "result_other"
