# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that a log becomes, look by look: ten thousand lines of one thing are one event of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso_minute
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Traces, Verdict

Event = dict[str, Any]

AGAIN = 1800.0  # seconds after which a state that goes on calls once more: by then an automatic act may be done again
SETTLED = 2.0  # seconds after its end for which a minute may still get lines
_MINUTES = 15  # as many are told at most of those that have gone by since the last look
_COUNTS = ("received", "planned", "read", "sent", "success", "failed", "lost", "guards")
_TEMPLATE = re.compile(r"(?<=\{)(?=[{%#])")


class Events:
    """What of a log was told already. What is counted is the window, so that what is older is no event, however often
    it is read; and what was in the window at the look before is none once more."""

    def __init__(self, host: str = "", again: float = AGAIN) -> None:
        self._host, self._again = host, again
        self._guards: set[tuple[str, str]] = set()
        self._verdict: tuple[Any, ...] | None = None
        self._called: tuple[float, int] | None = None  # when, and for which level
        self._calls = 0
        self._minute: int | None = None

    def take(self, traces: Traces | None, judged: Verdict, now: float) -> list[Event]:
        """Return the events of one look.

        :param traces: what the log has of the window, None where it cannot be read
        :param judged: the verdict of it
        :param now: seconds since the epoch
        """
        events = [
            *self._of_guards(traces),
            *self._of_verdict(judged),
            *self._of_calls(traces, judged, now),
            *self._of_minutes(traces, judged, now),
        ]
        return [self._told(event) for event in events]

    def _told(self, event: Event) -> Event:
        # Ansible gets an event as a variable, and no text of a log is ever a template.
        event = redact_data(_inert({**event, "host": self._host}))
        # Whom ansible-rulebook limits what it starts to.
        return {**event, "meta": {"hosts": self._host}} if self._host else event

    def _of_guards(self, traces: Traces | None) -> list[Event]:
        if traces is None:
            return []
        families = {"outbox": traces["guards"]["outbox"], "instance": traces["guards"]["instance"]}
        here = {(family, kind): lines for family, kinds in families.items() for kind, lines in kinds.items()}
        new = [key for key in here if key not in self._guards]
        self._guards = set(here)
        return [
            {"type": "guard", "family": family, "guard": kind, "lines": here[family, kind], **_incidents(traces)}
            for family, kind in new
        ]

    def _of_verdict(self, judged: Verdict) -> list[Event]:
        present, before = (judged["status"], judged["cause"], judged["level"]), self._verdict
        self._verdict = present
        if present == before:
            return []
        return [{"type": "verdict", **_short(judged), "before": before[0] if before else None}]

    def _of_calls(self, traces: Traces | None, judged: Verdict, now: float) -> list[Event]:
        """A rollback is called for once, and again where a higher level is due or the state goes on."""
        if judged["status"] != "rollback":
            # What cannot be seen has not ended.
            if judged["status"] != "blind":
                self._called, self._calls = None, 0
            return []
        at, level = self._called or (float("-inf"), 0)
        if judged["level"] <= level and now - at < self._again:
            return []
        self._called, self._calls = (now, max(level, judged["level"])), self._calls + 1
        return [{"type": "call", **_short(judged), **_incidents(traces), "calls": self._calls}]

    def _of_minutes(self, traces: Traces | None, judged: Verdict, now: float) -> list[Event]:
        ended = int((now - SETTLED) // 60) - 1
        if self._minute is None:
            self._minute = ended
        rows = {row["minute"]: row for row in (traces or {}).get("minutes") or []}
        events = []
        for minute in range(max(self._minute, ended - _MINUTES) + 1, ended + 1):
            row: Mapping[str, Any] = rows.get(iso_minute(minute)) or {}
            counts = {name: row.get(name) or 0 for name in _COUNTS} if traces is not None else {}
            events.append({"type": "minute", "minute": iso_minute(minute), "counts": counts, **_short(judged)})
        self._minute = max(self._minute, ended)
        return events


def _incidents(traces: Traces | None) -> Event:
    return {} if traces is None else {"incidents": traces["guards"]["incidents"]}


def _short(judged: Verdict) -> Event:
    return {
        "status": judged["status"],
        "level": judged["level"],
        "cause": judged["cause"],
        "reasons": list(judged["reasons"]),
        "evidence": judged["evidence"],
        "delivery": dict(judged["delivery"]),
    }


def _inert(data: Any) -> Any:
    if isinstance(data, str):
        return _TEMPLATE.sub(" ", data)
    if isinstance(data, Mapping):
        return {_inert(key): _inert(value) for key, value in data.items()}
    return [_inert(item) for item in data] if isinstance(data, (list, tuple)) else data
