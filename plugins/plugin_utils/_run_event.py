# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other programs are told of a run: a verdict, or an act. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import GRAVITY
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number

# Nothing was looked at, and nothing done.
_NOTHING = ("refused", "planned")
_OF_A_HOST = ("status", "level", "message", "next_step")
_OF_A_JOURNAL = ("seq", "hash", "ok", "as_seen")
_OF_A_VERDICT = ("status", "level", "cause", "causes", "reasons", "delivery", "evidence")


def run_event(result: Mapping[str, Any], now: float, actor: str = "?") -> dict[str, Any]:
    """Return ``{id, kind, time, subject, summary, data}`` of a run, empty where it is neither a verdict nor an act.

    :param result: what ``run_result`` made of the run
    :param now: when it ended, in seconds since the epoch
    """
    result, now = mapping(result, "result"), number(now, "now")
    procedure, status = str(result.get("procedure") or ""), str(result.get("status") or "")
    kind = _kind(procedure, status)
    if not kind or status in _NOTHING:
        return {}
    data = redact_data(
        {
            **{name: result.get(name) for name in ("procedure", "run_id", *_OF_A_HOST)},
            "actor": actor,
            "began": iso(number(result["started"], "started")),
            "seconds": result.get("seconds"),
            "hosts": {host: _host(one) for host, one in mapping(result.get("hosts") or {}, "hosts").items()},
        }
    )
    return {
        # A watch has several acts in one run.
        "id": f"{data['run_id']}-{procedure}-{int(now * 1000)}",
        "kind": kind,
        "time": iso(now),
        "subject": procedure,
        "summary": f"{procedure}: {data['message'] or status}"[:1024],
        "data": data,
    }


def _kind(procedure: str, status: str) -> str:
    kind = PROCEDURES[procedure].kind if procedure in PROCEDURES else ""
    if kind in ("look", "prove", "gate") or (kind == "decide" and status in GRAVITY):
        return "verdict"
    return "act" if kind in ("rollback", "forward", "gateway", "decide") else ""


def _host(outcome: Any) -> dict[str, Any]:
    outcome = mapping(outcome, "The outcome of a host")
    verdict, journal = outcome.get("verdict"), outcome.get("journal")
    return {
        **{name: outcome.get(name) for name in _OF_A_HOST},
        "verdict": {name: verdict.get(name) for name in _OF_A_VERDICT} if isinstance(verdict, Mapping) else verdict,
        # Who keeps events has the journal's head outside of its host.
        "journal": {name: journal.get(name) for name in _OF_A_JOURNAL} if isinstance(journal, Mapping) else None,
    }
