# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a service came to: health check, decision, diagnosis. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH
from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import branch
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import newest_event
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import health_in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome_run import Run
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import due
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, health, status
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import decide as deciding


def _verdict_message(words: Words, verdict: Mapping[str, Any]) -> str:
    reason = next(iter(verdict["reasons"]), "")
    # Its reason begins with the same words.
    return (
        reason if verdict["cause"] == "quiet" and reason else f"{words.say(verdict['status'])}: {reason}".rstrip(": ")
    )


def _next_of_verdict(run: Run, verdict: Mapping[str, Any]) -> str:
    if verdict["status"] == "ok":
        return ""
    procedure = due(verdict)
    return run.commands[procedure] if procedure else ""


def health_check(run: Run) -> dict[str, Any]:
    verdict, traces = mapping(run.facts["verdict"], "verdict"), mapping(run.facts["traces"], "traces")
    service = mapping(run.facts["service"], "service")
    words = run.words(health.TEXTS, status.TEXTS)
    cause = f" ({verdict['cause']})" if verdict["cause"] != "none" else ""
    handoff, delivery, window = traces["handoff"], traces["delivery"], traces["window"]
    since = window.get("since") or f"{words.say('process')} {window.get('process')}"
    running = f"pid {service['pid']}" if service["running"] else words.say("stopped")
    flags = [
        f"{words.say(column)} {_value((service.get(column) or {}).get(KILL_SWITCH), column)}"
        for column in ("declared", "effective", "reported")
    ]
    lines = [
        words.say("quiet") if verdict["cause"] == "quiet" else words.say(verdict["status"]) + cause,
        *[f"- {reason}" for reason in verdict["reasons"]],
        f"{words.say('window')}: {since}",
        f"{words.say('newest')}: {newest_event(cast(Traces, traces), words)}",
        f"{words.say('handoff')}: {_counts(handoff, 'planned', 'read', 'lost', 'unread')}",
        f"{words.say('delivery')}: {_counts(delivery, 'sent', 'success', 'failed', 'unconfirmed')}",
        *([f"{words.say('causes')}: {words.names(causes)}"] if (causes := delivery.get("failed_by_cause")) else []),
        f"{words.say('guards')}: {traces['guards']['incidents']}",
        f"{KILL_SWITCH}: {', '.join(flags)}",
        f"{words.say('service')}: {running}, health {service['health']['status']} "
        f"({health_in_words(service['health'], run.locale)})",
        *_standing_fence(words, service),
        *run.warned(service),
        f"{words.say('would_change')}: {verdict['would_change']}",
    ]
    return {
        "ok": verdict["status"] == "ok",
        "status": verdict["status"],
        "level": verdict["level"],
        "verdict": verdict,
        "next_step": _next_of_verdict(run, verdict),
        "message": _verdict_message(words, verdict),
        "lines": lines,
        # By which the scheduled check knows of an act that nobody was told of.
        **({"last_act": service["last_act"]} if service.get("last_act") else {}),
    }


def _standing_fence(words: Words, service: Mapping[str, Any]) -> list[str]:
    fence = service.get("fence") or {}
    if not fence.get("present"):
        return []
    return [words.say("fence", since=fence.get("since") or "?", attempts=fence.get("attempts") or 0)]


def _counts(section: Mapping[str, Any], *names: str) -> str:
    return " / ".join(str(section.get(name)) for name in names)


def _value(value: Any, column: str) -> str:
    if column == "reported":
        return json.dumps(value)
    return "-" if value is None or value == "" else str(value)


def decide(run: Run) -> dict[str, Any]:
    """One host's part in the decision of the whole run: all hosts exit as one, for a workflow knows no hosts."""
    hosts, asked = mapping(run.facts["hosts"], "hosts"), mapping(run.facts["asked"], "asked")
    by_host = {host: _judged(run, mapping(one, f"hosts.{host}")) for host, one in hosts.items()}
    # Where the input was refused nothing was looked at.
    decided = branch({host: one["verdict"] for host, one in by_host.items() if one["status"] != "refused"}, **asked)
    words, own = run.words(deciding.TEXTS), by_host[run.facts["host"]]
    status, cause, level, host = decided["status"], decided["cause"], decided["level"], decided["host"]
    gravest = words.say("verdict", status=status, cause=cause, level=level, host=host)
    headline = words.say("taken" if decided["taken"] else "not_taken", found=gravest, asked=_asked(asked, words))
    permit: Mapping[str, Any] = {}
    told: list[str] = []
    if run.facts.get("act") and decided["taken"]:
        # An act follows at once, which needs more than a verdict.
        permit = run.facts.get("permit") or {"permitted": False, "why": "unknown", "reason": words.say("not_measured")}
        if permit["permitted"]:
            told = [words.say("permitted", level=run.facts["act"], reason=permit["reason"])]
        else:
            headline = words.say("not_permitted", found=gravest, reason=permit["reason"])
    return {
        "ok": decided["taken"] and permit.get("permitted") is not False,
        "status": own["status"],
        "level": own["level"],
        "verdict": own["verdict"],
        "next_step": own["next_step"],
        "message": headline if decided["host"] else own["message"],
        "lines": [headline, *told, *own["lines"]] if decided["host"] else own["lines"],
        "decided": {**decided, **({"permitted": permit["permitted"], "why": permit["why"]} if permit else {})},
    }


def _judged(run: Run, known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of one host, and why it was not measured where it was not."""
    if "verdict" not in known:
        return Run(run.procedure, dict(known), run.locale, run.commands).failed()
    verdict = mapping(known["verdict"], "verdict")
    return {
        "status": verdict["status"],
        "level": verdict["level"],
        "verdict": verdict,
        "next_step": _next_of_verdict(run, verdict),
        "lines": [f"- {reason}" for reason in verdict["reasons"]],
    }


def _asked(asked: Mapping[str, Any], words: Words) -> str:
    parts = [", ".join(asked["statuses"])]
    parts += [words.say("of_cause", causes=", ".join(asked["causes"]))] if asked["causes"] else []
    parts += [words.say("of_level", level=asked["level"])] if asked["level"] else []
    return "; ".join(parts)


def diagnose(run: Run) -> dict[str, Any]:
    verdict, diagnosis = mapping(run.facts["verdict"], "verdict"), mapping(run.facts["diagnosis"], "diagnosis")
    words = run.words(health.TEXTS, status.TEXTS)
    as_data = json.dumps(diagnosis, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return {
        **({"text": as_data} if run.facts.get("output") == "json" else {}),
        "ok": verdict["status"] == "ok",
        "status": "unreachable" if run.facts.get("unreachable") else verdict["status"],
        "level": verdict["level"],
        "verdict": verdict,
        "budget_seconds": run.budget(),
        "next_step": diagnosis.get("next_step") or "",
        "message": _verdict_message(words, verdict),
        "lines": str(diagnosis["screen"]).splitlines(),
    }
