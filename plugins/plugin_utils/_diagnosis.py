# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis knows of one host, as data and as one screen to be read at 3 a.m. Pure.

A probe that failed, hung or did not run leaves its part unknown, and the screen says so and why.
"""

from __future__ import annotations

import json
import textwrap
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._checklist import TICKS, checklist
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import newest_event
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import finding_in_words, health_in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import JUDGED, due
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    delivery_rate,
    failure_rise,
    mapping,
    nothing_dated,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, health, status
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import diagnosis as _texts

WIDTH = 100
"""Columns of the screen; its lines are 24 at depth quick and 44 at depth full, at most."""

_LABEL = 14
_REASONS, _EVENTS, _NAMES = 3, 3, 4

# Where each probe's answer stands in what its module returned, by depth.
PROBES = {
    "quick": {"service": None, "traces": "traces", "journal": "journal"},
    "full": {"service": None, "traces": "traces", "journal": "journal", "gateway": "evolution"},
}


def diagnosis(
    probes: Any, verdict: Any, now: float, depth: str = "quick", locale: str = "en", **more: Any
) -> dict[str, Any]:
    """Put the answers of a host's probes together.

    :param probes: ``{service, traces, journal, gateway}``: what the tasks of these names registered
    :param verdict: what the filter ``verdict`` made of them
    :param now: seconds since the epoch by which ages are told
    :param depth: ``quick`` or ``full``
    :param more: ``host``, ``commands`` (as this run was started), ``next_step``, ``notifications``, ``smoke_test``,
        ``report`` where they are known
    :returns: ``{host, depth, verdict, measured, known: {probe: answer}, rise, checklist, unknown: [{probe, why}],
        next_step, screen}``; everything redacted, ``screen`` as text
    :raises ValueError: for an unknown depth or locale, or probes of another shape
    """
    if depth not in PROBES:
        raise ValueError(f"depth is {redact(str(depth))[:20]!r}; it must be {' or '.join(PROBES)}")
    words = Words(locale, health.TEXTS, status.TEXTS, _texts.TEXTS, run=more.get("commands"))
    registered = mapping(probes, "The probes")
    known: dict[str, Any] = {}
    unknown = []
    answer: Any
    for probe, key in PROBES[depth].items():
        answer, why = _answer(registered.get(probe), key, words)
        if probe == "traces" and answer is not None and nothing_dated(answer):
            answer, why = None, words.say("undated", n=answer["undated"])
        known[probe] = answer
        if why is not None:
            unknown.append({"probe": probe, "why": why})
    traces = known["traces"]
    facts = {name: more.get(name) for name in ("notifications", "smoke_test", "report")}
    facts.update(verdict=verdict, **{name: known[name] for name in ("service", "traces", "journal")})
    measured = str((traces or {}).get("measured") or iso(now))
    told = {
        "host": more.get("host"),
        "depth": depth,
        "verdict": verdict,
        "measured": measured,
        "known": known,
        # By the clock that dated the minutes, which is the target's.
        "rise": (
            failure_rise(traces.get("minutes") or [], parse_when(measured, now)) if traces and depth == "full" else None
        ),
        "checklist": checklist(facts, now, locale) if depth == "full" else None,
        "unknown": unknown,
        "next_step": more.get("next_step") or _next_step(mapping(verdict, "verdict"), depth, words),
    }
    shown: dict[str, Any] = redact_data(told)
    shown["screen"] = "\n".join(_Screen(shown, now, words).lines())
    return shown


def _next_step(verdict: dict[str, Any], depth: str, words: Words) -> str:
    """What to do next: the level that is due, a closer look, or a person."""
    if verdict.get("level"):
        return words.run[due(verdict)]
    if verdict.get("status") in ("watch", "blind"):
        return words.say("next_full" if depth == "quick" else "next_person")
    return ""


def _answer(registered: Any, key: str | None, words: Words) -> tuple[Any, str | None]:
    """What a task's result says, or why it says nothing."""
    if not isinstance(registered, dict) or registered.get("skipped"):
        return None, words.say("not_asked")
    answer = registered.get(key) if key else registered if "running" in registered else None
    # Not by `failed` alone: `failed_when: false` takes that away from a module that could not answer.
    if isinstance(answer, dict) and not registered.get("failed") and not registered.get("unreachable"):
        return answer, None
    if not registered.get("msg"):
        return None, words.say("not_asked")
    why = " ".join(str(registered["msg"]).strip().splitlines()[0].split())
    # The words of ansible-core for a task that took longer than its `timeout`.
    late = "timedout" in registered or "Timed out" in why or "expected time frame" in why
    return None, words.say("timed_out") if late else redact(sentence(why, words.locale))[:200]


def _one_line(text: str) -> str:
    """A text from outside is one line, whatever it holds."""
    return "".join(" " if char in "\n\t" else char for char in text)


class _Screen:
    """The lines of a screen: the verdict first, what to run next last."""

    def __init__(self, host: dict[str, Any], now: float, words: Words) -> None:
        self._host, self._now, self._words, self._say = host, now, words, words.say
        self._known = host["known"]
        self._why = {entry["probe"]: entry["why"] for entry in host["unknown"]}

    def lines(self) -> list[str]:
        parts = [self._headline(), *self._reasons()]
        parts += self._part("newest", "traces", lambda traces: [newest_event(traces, self._words)])
        parts += self._part("delivery", "traces", self._delivery)
        parts += self._part("critical", "traces", self._critical)
        parts += self._part("service", "service", self._service)
        parts += self._part("flags", "service", self._flags)
        parts += self._part("last_act", "journal", self._last_act)
        if self._host["depth"] == "full":
            parts += self._part("handoff", "traces", self._handoff)
            parts += self._part("state", "traces", self._state)
            parts += self._part("instances", "traces", self._instances)
            parts += self._part("failures", "traces", self._failures)
            parts += self._part("rise", "traces", self._rise)
            parts += self._part("gateway", "gateway", self._gateway)
            parts += self._labelled("checklist", [self._tick(row) for row in self._host["checklist"]])
        # Whole, however long: it is pasted.
        following = _one_line(self._host["next_step"] or self._say("nothing"))
        return [*map(_cut, parts), f"{self._say('next'):<{_LABEL}}{following}"]

    def _part(self, label: str, probe: str, tell: Any) -> list[str]:
        if self._known.get(probe) is None:
            return self._labelled(label, [f"{self._say('unknown')}: {self._why.get(probe, '')}"])
        return self._labelled(label, tell(self._known[probe]))

    def _labelled(self, label: str, texts: list[str]) -> list[str]:
        rows = []
        for text in texts:
            rows += textwrap.wrap(
                _one_line(text), WIDTH - _LABEL, max_lines=2, placeholder=" …", drop_whitespace=False
            ) or [""]
        labels = [self._say(label)] + [""] * len(rows)
        return [f"{label_:<{_LABEL}}{row}".rstrip() for label_, row in zip(labels, rows)]

    def _age(self, moment: str | None) -> str:
        if not moment:
            return "?"
        return self._words.duration(max(0.0, self._now - parse_when(str(moment), self._now)))

    def _headline(self) -> str:
        verdict = self._host["verdict"]
        cause = f" ({verdict['cause']})" if verdict["cause"] != "none" else ""
        host = f"{self._host['host']}: " if self._host["host"] else ""
        measured = self._say("measured", age=self._age(self._host["measured"]))
        if verdict["cause"] == "quiet":
            return f"{host}{self._say('quiet')}, {measured}"
        return f"{host}{self._say(verdict['status'])}{cause}, {measured}"

    def _reasons(self) -> list[str]:
        reasons = self._host["verdict"]["reasons"]
        # A name out of the log may hold a line feed, and must not become a line of its own.
        shown = [f"  - {' '.join(str(reason).split())}" for reason in reasons[:_REASONS]]
        if len(reasons) > _REASONS:
            shown.append(f"  - {self._say('more', n=len(reasons) - _REASONS)}")
        return shown

    def _delivery(self, traces: dict[str, Any]) -> list[str]:
        rate = delivery_rate(traces)
        if rate["rate"] is None:
            return [self._say("no_delivery")]
        share, low, high = (self._words.percent(value) for value in (rate["rate"], rate["low"], rate["high"]))
        unconfirmed = traces["delivery"]["unconfirmed"]
        return [self._say("delivered", n=rate["n"], unconfirmed=unconfirmed, rate=share, low=low, high=high)]

    def _critical(self, traces: dict[str, Any]) -> list[str]:
        samples = traces["samples"]["guards"] + traces["samples"]["lost"]
        newest = sorted(samples, key=lambda sample: str(sample.get("time") or ""), reverse=True)[:_EVENTS]
        texts = [f"{sample.get('time') or '?'} {message_of(sample['line'])}" for sample in newest]
        total = traces["guards"]["incidents"] + traces["handoff"]["lost"]
        if total > len(texts):
            texts.append(self._say("more", n=total - len(texts)))
        if traces["handoff"]["state_mismatches"]:
            texts.append(self._say("mismatches", n=traces["handoff"]["state_mismatches"]))
        if traces["instances"]["invalid"]:
            texts.append(self._say("invalid_instances", names=self._names(traces["instances"]["invalid"])))
        return [text[: WIDTH - _LABEL] for text in texts] or [self._say("no_critical")]

    def _service(self, service: dict[str, Any]) -> list[str]:
        health = service["health"]
        fields = {"health": health["status"], "detail": health_in_words(health, self._words.locale)}
        if not service["running"]:
            return [self._say("stopped", **fields)]
        return [self._say("running", pid=service["pid"], started=service["started"], **fields)]

    def _flags(self, service: dict[str, Any]) -> list[str]:
        columns = ("declared", "effective", "reported")
        names = sorted({name for column in columns for name in service[column]})
        width = min(40, max([len(name) for name in names], default=0)) + 2
        rows = [" " * width + "".join(f"{self._say(column):<13}" for column in columns).rstrip()]
        for name in names:
            values = "".join(f"{_shown(service[column].get(name))[:12]:<13}" for column in columns)
            rows.append(f"{name[:40]:<{width}}{values}".rstrip())
        return rows

    def _last_act(self, journal: dict[str, Any]) -> list[str]:
        if not journal.get("ok", True):
            return [self._say("journal_broken", reason=sentence(journal.get("reason"), self._words.locale))]
        if not journal.get("acts"):
            return [self._say("no_act")]
        act = journal["acts"][0]
        if act.get("ended") is None:
            ended = "act_open"
        elif not act.get("ok"):
            ended = "act_failed"
        elif act.get("act") in ("proof", "decision"):
            ended = "act_ok"
        else:
            ended = "act_unjudged" if act.get("procedure") in JUDGED else "act_done"
        ago = self._say("ago", age=self._age(act.get("ended") or act.get("began")))
        return [f"{act.get('procedure')} ({act.get('act')}), {act.get('actor')}: {self._say(ended)}, {ago}"]

    def _handoff(self, traces: dict[str, Any]) -> list[str]:
        return [
            self._say("handoffs", **{name: traces["handoff"][name] for name in ("planned", "read", "lost", "unread")})
        ]

    def _state(self, traces: dict[str, Any]) -> list[str]:
        return [self._say("mismatches", n=traces["handoff"]["state_mismatches"])]

    def _names(self, counts: dict[str, Any], longest: int = 40) -> str:
        by_count = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
        shown = [f"{str(name)[:longest] or repr('')} {count}" for name, count in by_count[:_NAMES]]
        return ", ".join(shown) + (f", {self._say('more', n=len(by_count) - _NAMES)}" if len(by_count) > _NAMES else "")

    def _instances(self, traces: dict[str, Any]) -> list[str]:
        instances = traces["instances"]
        wrong = [
            self._say(kind, names=self._names(instances[kind])) for kind in ("invalid", "unexpected") if instances[kind]
        ]
        return (
            ["; ".join([self._names(instances["seen"]), *wrong])] if instances["seen"] else [self._say("no_instance")]
        )

    def _failures(self, traces: dict[str, Any]) -> list[str]:
        delivery = traces["delivery"]
        if not delivery["failed"]:
            return [self._say("no_failures")]
        causes = delivery.get("failed_by_cause")
        return [
            self._say("by_http", names=self._names(delivery["failed_by_http"])),
            *([self._say("by_cause", names=self._names(causes, 80))] if causes else []),
            self._say("by_conversation", names=self._names(delivery.get("failed_by_conversation") or {})),
        ]

    def _rise(self, _traces: dict[str, Any]) -> list[str]:
        rise = self._host["rise"]
        judged = {None: "not_comparable", True: "sudden", False: "not_sudden"}[rise["sudden"]]
        return [
            self._say(
                "rises",
                failed=rise["recent"]["failed"],
                n=rise["recent"]["n"],
                before_failed=rise["before"]["failed"],
                before_n=rise["before"]["n"],
                judged=self._say(judged),
            )
        ]

    def _gateway(self, gateway: dict[str, Any]) -> list[str]:
        known = gateway.get("healthy")
        healthy = "unknown" if known is None else "healthy" if known else "unhealthy"
        told = {name: gateway.get(name) for name in ("version", "state")}
        shown = {
            name: self._say("not_told") if value in (None, "", "unknown") else value for name, value in told.items()
        }
        first = self._say("gateway_is", healthy=self._say(healthy), **shown)
        findings = (gateway.get("findings") or [])[:2]
        return [first, *[finding_in_words(finding, self._words.locale) for finding in findings]]

    def _tick(self, row: dict[str, Any]) -> str:
        age = f", {self._say('ago', age=self._words.duration(row['age']))}" if row["age"] is not None else ""
        source = f" ({row['source']}{age})" if row["source"] else ""
        return f"{TICKS[row['status']]} {row['title']}: {row['value']}{source}"[: WIDTH - _LABEL]


def message_of(line: str) -> str:
    """The trace itself out of a log line, whatever stands before it."""
    for name in ("OUTBOX_GUARD|", "INSTANCE_GUARD|", "OUTBOX_TRACE|"):
        at = line.find(name)
        if at >= 0:
            return line[at:].partition('"')[0]
    return line


def _shown(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
