# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of one run on one host, and the words to tell them in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import DEPTHS, LEVELS, PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence, warnings_of
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, ledger, status
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import outcome as endings

TICKS = {True: "[x]", False: "[ ]", None: "[-]"}
# The tasks by which the roles check their input.
OWN_CHECKS = ("ansible.builtin.fail", "fail", "kumon.runbook.settings")


class Run:
    """One run's facts, and the words to tell them in."""

    def __init__(self, procedure: str, facts: dict[str, Any], locale: str, commands: Mapping[str, str] | None) -> None:
        self.procedure, self.facts, self.locale = procedure, facts, locale
        self.commands = Words(locale, run=commands).run
        self.check = bool(facts.get("check"))

    def words(self, *topics: Mapping[str, Any]) -> Words:
        return Words(self.locale, *topics, run=self.commands)

    def budget(self) -> float | None:
        row = PROCEDURES[self.procedure]
        if row.budget is not None:
            return row.budget
        if self.procedure == "diagnose":
            return DEPTHS.get(str(self.facts.get("depth")), DEPTHS["quick"])
        if self.procedure == "roll_forward":
            return PROCEDURES[LEVELS[self.level()]].budget if self.level() in LEVELS else None
        return None if self.facts.get("seconds") is None else number(self.facts["seconds"], "seconds")

    def level(self) -> int:
        return int(self.facts.get("level") or PROCEDURES[self.procedure].level)

    def failed(self) -> dict[str, Any]:
        """What was refused, could not be reached or went wrong. A module's sentence is told in the run's language."""
        failure = mapping(self.facts["failure"], "facts.failure")
        why = sentence(failure.get("msg") or "?", self.locale)
        if failure.get("module_stderr"):
            # The module did not run at all, of which ansible-core's sentence says nothing; the shell's does.
            why += f" ({redact(' '.join(str(failure['module_stderr']).split())[:200])})"
        acted = [int(level) for level in self.facts.get("acted") or []]
        # What was to be looked at and could not be read leaves the run blind, whoever says so.
        looked = self.procedure in ("health_check", "decide", "watch_go_live") or self.facts.get("measured") is False
        if self.facts.get("unreachable") or failure.get("unreachable"):
            came_to = "unreachable"
        elif acted:
            came_to = "failed"
        elif self.facts.get("action") in OWN_CHECKS:
            came_to = "refused"
        elif looked:
            came_to = "blind"
        else:
            came_to = "refused" if failure.get("refused") else "failed"
        words = self.words(status.TEXTS, endings.TEXTS)
        title = words.say("not_written" if self.procedure == "incident_report" else came_to)
        return {
            "ok": False,
            "status": came_to,
            # What was done before it failed is to be told.
            "level": max(acted, default=self.level()),
            "verdict": self.facts.get("verdict"),
            "budget_seconds": self.budget(),
            "next_step": why,
            "message": f"{title}: {why}",
            "lines": [title, why, *self.warned(failure)],
        }

    def warned(self, result: Mapping[str, Any]) -> list[str]:
        """One line for each thing that the module warned of."""
        words = self.words(endings.TEXTS)
        return [words.say("warned", what=text) for text in warnings_of(result, self.locale)]

    def ledger_line(self) -> str:
        """What the ledger of releases has now, or why it has not."""
        words, marked = self.words(ledger.TEXTS), mapping(self.facts["marked"], "facts.marked")
        if "good" not in marked:
            return f"{words.say('failed')}: {sentence(marked.get('msg') or '?', self.locale)}"
        reason = f": {in_words(marked['reason'], self.locale)}" if marked.get("reason") else ""
        return f"{words.say('true' if marked['good'] else 'false')} ({str(marked.get('commit'))[:12]}){reason}"

    def ticked(self, rows: Sequence[Mapping[str, Any]], words: Words, prefix: str, key: str) -> list[str]:
        """One line for each thing that was looked at."""
        return [
            f"{TICKS[row['had']]} {words.say(f'{prefix}{row[key]}')}: {in_words(row['detail'], self.locale)}"
            for row in rows
        ]
