# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emergency checklist of the written procedures, filled in from what was measured and done. Pure.

An item is ticked by an observation and by nothing else: what was not seen is `unknown`, what was seen not to be done is
`open`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES, ROLLBACKS
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, sequence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import checklist as _texts

STABLE_SECONDS = 180
"""How long nothing critical was seen when a system counts as stabilised; the procedures watch for 3 minutes."""

# Items in the procedures' own order: (name, phase).
ITEMS = (
    ("identify", "crisis"),
    ("decide", "crisis"),
    ("roll_back", "crisis"),
    ("stabilise", "crisis"),
    ("tell_technical", "crisis"),
    ("tell_business", "crisis"),
    ("analyse", "crisis"),
    ("confirm_stable", "after"),
    ("smoke_test", "after"),
    ("document", "after"),
)
TICKS = {"done": "[x]", "failed": "[!]", "open": "[ ]", "unknown": "[?]", "not_needed": "[-]"}
"""How the status of an item is drawn."""


class _Answer(NamedTuple):
    status: str
    value: str
    source: str | None = None
    at: str | None = None


def checklist(facts: Any, now: float, locale: str = "en") -> list[dict[str, Any]]:
    """Fill in the checklist for one host.

    :param facts: ``{verdict, traces, service, journal, smoke_test, notifications, report}``, each None where it is not
        known: what the filter ``verdict`` and the modules ``trace_log_info``, ``service_flags_info`` and
        ``journal_info`` returned, a smoke test's ``{status, at}``, an incident's ``{messages, closed}``, ``{path, at}``
    :param now: seconds since the epoch by which ages are told
    :returns: ``[{item, phase, title, status: done|failed|open|unknown|not_needed, value, source, age}, …]``; ``age`` in
        seconds or None
    :raises ValueError: for facts of another shape, or an unknown locale
    """
    words = Words(locale, _texts.TEXTS)
    known = _Facts(mapping(facts, "The facts"), now, words)
    rows = []
    for item, phase in ITEMS:
        answer = getattr(known, item)()
        rows.append(
            {
                "item": item,
                "phase": phase,
                "title": words.say(item),
                "status": answer.status,
                "value": redact(answer.value),
                "source": answer.source,
                "age": None if answer.at is None else round(max(0.0, now - parse_when(answer.at, now)), 1),
            }
        )
    return rows


def judgement(act: Mapping[str, Any], acts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What was judged of an act on the service by what that did next, None where nobody judged it.

    That is the run's note `proof`, or the end of the decision of `emergency_recovery` that called for the level.

    :param acts: the acts of the act's own journal
    """
    procedure = str(act.get("procedure"))
    level = PROCEDURES[procedure].level if procedure in ROLLBACKS else None
    for other in acts:
        if str(other.get("ended") or "") < str(act.get("ended") or ""):
            continue
        if other.get("act") == "proof" and other.get("procedure") == act.get("procedure"):
            return other
        decided = (other.get("after") or {}).get("level")
        same_run = other.get("act") == "decision" and other.get("run_id") == act.get("run_id")
        if level and same_run and decided == level and other.get("ok") is not None:
            return other
    return None


class _Facts:
    """What is known, and each item's answer by it."""

    def __init__(self, facts: dict[str, Any], now: float, words: Words) -> None:
        self._now, self._words, self._say = now, words, words.say
        self.verdict, self.traces, self.service, self.journal, self.test, self.messages, self.written = (
            mapping(facts[name], name) if facts.get(name) is not None else None
            for name in ("verdict", "traces", "service", "journal", "smoke_test", "notifications", "report")
        )
        # What an earlier run left says nothing without the very thing it was left for.
        self.test = self.test if (self.test or {}).get("status") else None
        self.messages = self.messages if "messages" in (self.messages or {}) else None
        self.written = self.written if (self.written or {}).get("path") else None
        # A chain that is broken proves nothing.
        if self.journal is not None and not self.journal.get("ok", True):
            self.journal = None
        acts = sequence((self.journal or {}).get("acts") or [], "journal.acts")
        acting = (*ROLLBACKS, "emergency_recovery")
        done = [act for act in acts if act.get("act") not in ("decision", "proof")]
        self._levels = [act for act in done if act.get("procedure") in acting]
        self._acts = acts
        self._decisions = [act for act in acts if act.get("act") == "decision"]
        self._forward = [act for act in acts if act.get("procedure") == "roll_forward" and act.get("ok")]

    def _measured(self) -> str | None:
        return (self.traces or {}).get("measured")

    def _blind(self) -> bool:
        return self.verdict is None or self.verdict.get("status") == "blind"

    def _proven_ok(self) -> bool:
        """Whether the verdict is a good one; a quiet log is called ok and proves nothing."""
        verdict = self.verdict or {}
        return verdict.get("status") == "ok" and verdict.get("cause") != "quiet"

    def _judged(self) -> str:
        verdict = self.verdict or {}
        if verdict.get("cause") == "quiet":
            return self._say("quiet_unproven")
        return self._say("critical", status=verdict.get("status"), cause=verdict.get("cause"))

    def _entry(self, act: Mapping[str, Any]) -> str:
        return f"journal#{act.get('outcome_seq') or act.get('seq') or '?'}"

    def _since_forward(self, acts: list[Any]) -> list[Any]:
        """Acts of the incident that is not over: none that a later way forward has undone."""
        if not self._forward:
            return acts
        return [act for act in acts if str(act.get("began")) > str(self._forward[0].get("began"))]

    def identify(self) -> _Answer:
        if self._blind():
            return _Answer("unknown", self._say("not_measured"), "trace_log_info", self._measured())
        return _Answer("done", self._judged(), "trace_log_info", self._measured())

    def decide(self) -> _Answer:
        for act in self._since_forward(self._decisions):
            level = (act.get("after") or {}).get("level") or (act.get("before") or {}).get("level")
            if level:
                value = self._say("decided_by", level=level, actor=act.get("actor"))
                return _Answer("done", value, self._entry(act), act.get("began"))
        for act in self._since_forward(self._levels):
            if act["procedure"] in ROLLBACKS:
                value = self._say("decided_by", level=PROCEDURES[act["procedure"]].level, actor=act.get("actor"))
                return _Answer("done", value, self._entry(act), act.get("began"))
        if self._blind():
            return _Answer("unknown", self._say("not_measured"))
        verdict = self.verdict or {}
        level = verdict.get("level")
        value = self._say("level", level=level) if level else self._say("no_level", cause=verdict.get("cause"))
        return _Answer("open" if level else "not_needed", value, "verdict", self._measured())

    def roll_back(self) -> _Answer:
        if self.journal is None:
            return _Answer("unknown", self._say("no_journal"))
        for act in self._since_forward(self._levels):
            procedure = act.get("procedure")
            if act.get("ended") is None:
                return _Answer("failed", self._say("killed", procedure=procedure), self._entry(act), act.get("began"))
            judged = judgement(act, self._acts) if act.get("ok") else act
            if judged is None:
                return _Answer(
                    "unknown", self._say("unjudged", procedure=procedure), self._entry(act), act.get("ended")
                )
            if judged.get("ok"):
                return _Answer("done", self._say("done", procedure=procedure), self._entry(judged), judged.get("ended"))
            value = self._say("failed", procedure=procedure, why=sentence(judged.get("msg"), self._words.locale)[:120])
            return _Answer("failed", value, self._entry(judged), judged.get("ended"))
        if self._blind():
            return _Answer("unknown", self._say("not_measured"))
        level = (self.verdict or {}).get("level")
        if level:
            return _Answer("open", self._say("due", level=level), "verdict", self._measured())
        return _Answer("not_needed", self._say("not_needed"), "verdict", self._measured())

    def _quiet(self) -> float | None:
        """Seconds without anything critical, also since the last act and the process's start; None if not known."""
        if self.traces is None or self.service is None or not self.service.get("started"):
            return None
        marks = [
            (self.traces.get("critical") or {}).get("last"),
            (self.service.get("last_act") or {}).get("time"),
            self.service["started"],
        ]
        return max(0.0, self._now - max(parse_when(str(mark), self._now) for mark in marks if mark))

    def stabilise(self) -> _Answer:
        if self._blind() or self._quiet() is None:
            return _Answer("unknown", self._say("not_measured"), "trace_log_info", self._measured())
        verdict, quiet = self.verdict or {}, self._quiet() or 0.0
        if verdict.get("level"):
            return _Answer("failed", self._judged(), "trace_log_info", self._measured())
        age, needed = self._words.duration(quiet), self._words.duration(STABLE_SECONDS)
        if quiet < STABLE_SECONDS:
            value = self._say("quiet_short", age=age, needed=needed)
            return _Answer("open", value, "trace_log_info", self._measured())
        if not self._proven_ok():
            return _Answer("open", self._judged(), "trace_log_info", self._measured())
        return _Answer("done", self._say("quiet", age=age), "trace_log_info", self._measured())

    def _before_last_act(self, moment: Any) -> bool:
        acts = self._since_forward(self._levels)
        return bool(acts) and parse_when(str(moment), self._now) < parse_when(str(acts[0].get("began")), self._now)

    def _told(self, audience: str) -> _Answer:
        if self.messages is None:
            return _Answer("unknown", self._say("no_messages"))
        closed, acts = self.messages.get("closed"), self._since_forward(self._levels)
        if closed and not (acts and parse_when(str(acts[-1].get("began")), self._now) <= parse_when(closed, self._now)):
            # Those messages were of an incident before this one, if there is one.
            due = acts or self._blind() or (self.verdict or {}).get("level")
            return _Answer("open" if due else "not_needed", self._say("not_told" if due else "no_incident"), "notify")
        taken = [
            message
            for message in sequence(self.messages.get("messages") or [], "notifications.messages")
            if message.get("audience") == audience and message.get("ok")
        ]
        if not taken:
            return _Answer("open", self._say("not_told"), "notify")
        if self.messages.get("drill"):
            # A drill writes its messages to files; nobody has read them.
            return _Answer("open", self._say("drill", count=len(taken)), "notify")
        newest = max(str(message.get("time")) for message in taken)
        return _Answer("done", self._say("told", count=len(taken)), "notify", newest)

    def tell_technical(self) -> _Answer:
        return self._told("technical")

    def tell_business(self) -> _Answer:
        return self._told("business")

    def analyse(self) -> _Answer:
        # Only people can say that they have understood it.
        return _Answer("unknown", self._say("not_asked"))

    def confirm_stable(self) -> _Answer:
        if self._blind():
            return _Answer("unknown", self._say("not_measured"), "verdict", self._measured())
        verdict = self.verdict or {}
        if self._proven_ok():
            return _Answer("done", self._judged(), "verdict", self._measured())
        if verdict.get("cause") == "kill_switch":
            return _Answer("open", self._say("safe"), "verdict", self._measured())
        return _Answer("failed" if verdict.get("level") else "open", self._judged(), "verdict", self._measured())

    def smoke_test(self) -> _Answer:
        if self.test is None:
            return _Answer("unknown", self._say("not_asked"))
        status, at = str(self.test.get("status")), self.test.get("at")
        if self._before_last_act(at):
            return _Answer("open", self._say("test_old"), "smoke_test", at)
        return _Answer("done" if status == "passed" else "failed", status, "smoke_test", at)

    def document(self) -> _Answer:
        if self.written is None:
            return _Answer("unknown", self._say("not_asked"))
        path, at = str(self.written.get("path")), self.written.get("at")
        if self._before_last_act(at):
            return _Answer("open", self._say("no_report", path=path), "incident_report", at)
        return _Answer("done", path, "incident_report", at)
