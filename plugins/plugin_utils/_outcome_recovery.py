# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the automatic recovery came to, and its validation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import effect_seen
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import newest_event
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome_run import Run
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, recovery, status

_CRITERIA = {"met": "[x]", "unmet": "[ ]", "insufficient": "[?]", "not_applicable": "[-]"}
_RECOVERED = {
    "planned": "planned",
    "stable": "proven",
    "unproven": "unproven",
    "unstable": "failed",
    "safe": "ok",
    "nothing": "ok",
    "due": "rollback",
    "blind": "blind",
    "watch": "watch",
    "person": "rollback",
}
"""What a recovery came to, and its status."""


def _watched(run: Run, act: Mapping[str, Any]) -> str:
    """What the watch after the last act has seen, where nothing in it was wrong: that is not yet something good."""
    state = mapping(run.facts.get("state") or {}, "state")
    off, fenced = bool(state.get("delivery_disabled")), bool(state.get("fenced"))
    traces = mapping(run.facts.get("traces") or {}, "traces")
    seen = effect_seen(cast(Traces, traces) if traces else None, delivery_off=off, fenced=fenced)
    if seen is False:
        return "unstable"
    # Too little for a proof when the act ended may have become one since; what was bad then is not made good by time.
    good = act["ok"] or act.get("status") in ("reported", "unproven")
    return "stable" if seen and good else "unproven"


def _recovered(run: Run, decision: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """What the recovery came to."""
    done, level = run.facts.get("done") or [], decision["level"]
    due = level in (1, 2, 3)
    # The process ignores the kill-switch and the fence lets nothing through: no further act, but a person has to know.
    contained = level == 0 and decision["to_person"]
    quiet = level == 0 and (verdict["status"] == "ok" or verdict["cause"] == "kill_switch" or contained)
    if run.check and due:
        return "planned"
    if done:
        return _watched(run, done[-1]["outcome"]) if quiet else "unstable"
    if quiet:
        return "nothing" if verdict["status"] == "ok" else "safe"
    if due:
        return "due"
    if verdict["status"] == "blind":
        return "blind"
    return "watch" if level == 0 else "person"


def emergency_recovery(run: Run) -> dict[str, Any]:
    words = run.words(recovery.TEXTS, status.TEXTS)
    decision, verdict = mapping(run.facts["decision"], "decision"), mapping(run.facts["verdict"], "verdict")
    done, decisions = run.facts.get("done") or [], run.facts.get("decisions") or []
    state = mapping(run.facts.get("state") or {}, "state")
    came_to = _recovered(run, decision, verdict)
    level = decision["level"] or max((act["level"] for act in done), default=0)
    headline = words.say(f"results_{came_to}", level=level)
    lines = [headline]
    for number_, one in enumerate(decisions, 1):
        lines.append(f"{words.say('decision')} {number_}: {one['title']}")
        lines += [f"- {reason}" for reason in [*one["evidence"], *one["reasons"]]]
        if len(done) >= number_:
            lines.append(f"{words.say('act')} {number_}: {done[number_ - 1]['outcome']['message']}")
    lines.append(f"{words.say('verdict')}: {verdict['status']} ({verdict['cause']})")
    lines.append(f"{words.say('next_step')}: {decision['next'] or '-'}")
    ignored = "kill_switch_ignored" in verdict["causes"] and not state.get("fenced")
    return {
        "ok": came_to in ("nothing", "safe", "stable", "planned"),
        "status": _RECOVERED[came_to],
        "level": level,
        "verdict": verdict,
        "budget_seconds": run.budget(),
        "next_step": decision["next"],
        "message": f"{headline}: {next(iter(verdict['reasons']), '')}".rstrip(": "),
        "lines": lines,
        # A process that ignores its kill-switch sends, unless the fence holds.
        "delivery": "unknown" if ignored else "off" if state.get("delivery_disabled") else "on",
        "to_person": decision["to_person"],
        "decisions": decisions,
    }


def validate_recovery(run: Run) -> dict[str, Any]:
    words, proof = run.words(recovery.TEXTS, status.TEXTS), mapping(run.facts["proof"], "proof")
    traces = mapping(run.facts.get("traces") or {}, "traces")
    key = "safe_mode" if proof["status"] == "proven" and proof["safe_mode"] else proof["status"]
    headline = words.say(f"proof_{key}")
    since = (traces.get("window") or {}).get("since") or "?"
    span = f"{words.say('window')} {words.duration(run.budget() or 0)}; {words.say('since')} {since}"
    return {
        "ok": proof["status"] == "proven",
        "status": proof["status"],
        "budget_seconds": run.budget(),
        "next_step": words.optional(f"next_{key}"),
        "message": f"{headline}: {next(iter(proof['reasons']), '')}".rstrip(": "),
        "lines": [
            headline,
            *[_criterion(item, words) for item in proof["criteria"]],
            *[f"- {reason}" for reason in proof["reasons"]],
            f"{span}; {words.say('measured')} {traces.get('measured') or '?'}",
            f"{words.say('newest')}: {newest_event(cast(Traces, traces), words)}",
        ],
        "proof": proof,
    }


def _criterion(item: Mapping[str, Any], words: Words) -> str:
    line = f"{_CRITERIA[item['status']]} {words.say('criteria_' + item['criterion'])}: "
    line += words.say("status_" + item["status"])
    if item["status"] == "not_applicable":
        return line
    age = "-" if item["age_seconds"] is None else words.duration(item["age_seconds"])
    sample = "" if item["n"] is None else f", {words.say('sample')} {item['n']}"
    value, needed = _measure(item, "value", words), _measure(item, "needed", words)
    return f"{line}, {words.say('value')} {value}{sample}, {words.say('needed')} {needed}, {words.say('age')} {age}"


def _measure(item: Mapping[str, Any], name: str, words: Words) -> str:
    """A criterion's value or what it needs, in its own unit."""
    value = item[name]
    if value is None:
        return "-"
    if item["criterion"] == "stable":
        return words.duration(value)
    if item["criterion"] in ("delivered", "lost") and name == "value":
        return words.percent(value)
    return words.decimal(f"{value:g}")
