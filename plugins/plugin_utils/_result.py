# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a procedure has proven, and what a run over several hosts comes to. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import ROLLBACKS
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import outcome as endings

# From worst to best. A run is as good as its worst host.
STATUSES = (
    "unreachable",
    "failed",
    "refused",
    "worse",
    "ignored",
    "rollback",
    "blind",
    "unproven",
    "no_go",
    "insufficient",
    "reported",
    "watch",
    "planned",
    "ok",
    "go",
    "proven",
)

# What some procedures have of a host: how many wait for an answer, counts and never who; items; how a drill went.
_MORE = ("unanswered", "items", "journal", "last_act", "rehearsals", "trend", "incidents_trend")


def run_result(
    outcomes: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    started: float,
    now: float,
    run_id: str,
    locale: str = "en",
) -> dict[str, Any]:
    """Put the outcomes of a run's hosts together into ``runbook_result``.

    :param outcomes: for each host that ended ``{procedure, status, level, verdict, budget_seconds, next_step}``
    :param hosts: all hosts of the run; one without outcome counts as ``unreachable``
    :param started: when the run began, and ``now``, in seconds since the epoch
    """
    started, now = number(started, "started"), number(now, "now")
    by_host = {
        host: {
            **{key: outcome.get(key) for key in ("status", "level", "verdict", "next_step", "message")},
            **{key: outcome[key] for key in _MORE if key in outcome},
        }
        for host in hosts
        for outcome in [outcomes.get(host, {"status": "unreachable"})]
    }
    for host, outcome in by_host.items():
        if outcome["status"] not in STATUSES:
            raise ValueError(f"{host} has the unknown status {outcome['status']!r}; known are {', '.join(STATUSES)}")
    if not by_host:
        raise ValueError("a run without hosts has no result")
    worst_host = min(by_host, key=lambda host: STATUSES.index(by_host[host]["status"]))
    worst = by_host[worst_host]
    reach = Words(locale, endings.TEXTS).say("reach_again", host=worst_host)
    any_outcome = next(iter(outcomes.values()), {})
    return {
        "procedure": any_outcome.get("procedure"),
        "status": worst["status"],
        "message": worst["message"],
        "level": worst["level"],
        "verdict": worst["verdict"],
        "started": started,
        "seconds": round(now - started, 2),
        "budget_seconds": any_outcome.get("budget_seconds"),
        "run_id": run_id,
        "next_step": worst["next_step"] or (reach if worst["status"] == "unreachable" else None),
        "hosts": by_host,
        # What the run as a whole has beside this: the decision, or the report. Each host says the same.
        **{key: outcome[key] for outcome in outcomes.values() for key in ("decided", "report") if key in outcome},
    }


_BAD = STATUSES[: STATUSES.index("watch")]


def refusal(procedure: str, message: str) -> dict[str, Any]:
    """Return the custom stats of a run that was refused before it had a host."""
    refused: dict[str, Any] = {
        "procedure": procedure,
        "status": "refused",
        "message": message,
        "level": None,
        "verdict": None,
        "started": None,
        "seconds": 0.0,
        "budget_seconds": None,
        "run_id": None,
        "next_step": message,
        "hosts": {},
    }
    return {"runbook_result": refused, f"runbook_result_{procedure}": refused}


def incident_news(
    outcomes: Mapping[str, Mapping[str, Any]], result: Mapping[str, Any], waiting: Sequence[str] = (), actor: str = "?"
) -> dict[str, Any]:
    """What a run is to those who are told of incidents: `{event, facts}`, the event empty when it is nothing to them.

    An act of a rollback opens the incident or is news of it, and so is what needs a person; going forward is news of
    one that is open. A recovery that was proven on every host with delivery on ends it.

    :param outcomes: as for `run_result`, with `message`, `delivery` (off, on, unknown) and `to_person` where there are
    :param result: what `run_result` made of them
    :param waiting: hosts of later waves, on which nothing was done yet
    """
    procedure, status, ended = result.get("procedure"), result["status"], list(outcomes.values())
    acted = [outcome for outcome in ended if outcome.get("status") not in ("unreachable", "refused", "planned")]
    event = ""
    if procedure in ROLLBACKS:
        event = "open" if acted else "update"
    elif procedure == "evolution_instance":
        event = "open" if any(outcome.get("delivery") == "off" for outcome in acted) else "update"
    elif procedure == "roll_forward":
        event = "update"
    elif procedure == "emergency_recovery":
        due = any(int(outcome.get("level") or 0) > 0 or outcome.get("to_person") for outcome in acted)
        event = "open" if due else "update" if status in _BAD else ""
    elif procedure == "validate_recovery" and status == "proven":
        event = "" if any((outcome.get("proof") or {}).get("safe_mode") for outcome in ended) else "close"
    if ended and all(outcome.get("status") == "planned" for outcome in ended):
        event = ""
    # A run over several hosts is told by the one that counts for its result.
    worst = next((outcome for outcome in ended if outcome.get("status") == status), {})
    deliveries = {outcome.get("delivery") or "unknown" for outcome in ended}
    return {
        "event": event,
        "facts": {
            "run_id": result["run_id"],
            "procedure": procedure,
            # What is done on some hosts is not done yet.
            "status": "begun" if waiting and status not in _BAD else status,
            "level": max((int(outcome.get("level") or 0) for outcome in ended), default=0) or None,
            "hosts": {
                **{host: outcome["status"] for host, outcome in result["hosts"].items()},
                **dict.fromkeys(waiting, "waiting"),
            },
            "headline": worst.get("message") or status,
            "reasons": list((worst.get("verdict") or {}).get("reasons") or []),
            "delivery": deliveries.pop() if len(deliveries) == 1 else "unknown",
            "next_step": result.get("next_step") or "",
            "actor": actor,
            "journal": {host: outcome["journal"] for host, outcome in outcomes.items() if outcome.get("journal")},
            "budget_seconds": result.get("budget_seconds"),
            # For the trend: when the log first showed it, and when what stops it was seen to have taken effect.
            "first_sign": min(
                filter(None, ((outcome.get("verdict") or {}).get("first_sign") for outcome in ended)), default=None
            ),
            "stopped": _ended(result) if procedure in ROLLBACKS and status == "proven" and not waiting else None,
        },
    }


def _ended(result: Mapping[str, Any]) -> str | None:
    return iso(number(result.get("started") or 0.0, "started") + number(result.get("seconds") or 0.0, "seconds"))
