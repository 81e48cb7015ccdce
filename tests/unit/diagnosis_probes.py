# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis's probes return, for the tests."""

from __future__ import annotations

import copy

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit import records
from tests.unit.counting import Counter

NOW = records.NOON + 3600


def traces(lines, measured=NOW):
    """What trace_log_info returns of these lines, logged five minutes ago."""
    counter = Counter(now=NOW, since=NOW - 4 * 3600, grace=60)
    for line in lines:
        counter.feed([records.as_json(line, NOW - 300).encode()])
    return {**counter.result(), "measured": iso(measured), "truncated": False, "window": {"since": iso(NOW - 14400)}}


def healthy(turns=100):
    return traces([line for number in range(turns) for line in records.turn(f"conv{number}")])


def losing():
    lines = [line for number in range(20) for line in records.turn(f"conv{number}")]
    for number in range(9):
        lines += [records.outbox("planner", f"lost{number}", 1), records.outbox("delivery", f"lost{number}", 0)]
    return traces(lines)


SERVICE = {
    "running": True,
    "pid": 4127,
    "started": iso(NOW - 7200),
    "declared": {"DELIVERY_DISABLE": "true"},
    "effective": {"DELIVERY_DISABLE": None},
    "reported": {"DELIVERY_DISABLE": False},
    "health": {"status": "ok", "detail": "HTTP 200"},
    "last_act": None,
}


def act(procedure, ended_ago, ok=True, name="service_flags", **more):
    return {
        "run_id": "r1",
        "actor": "ana",
        "procedure": procedure,
        "act": name,
        "seq": 3,
        "outcome_seq": None if ended_ago is None else 4,
        "began": iso(NOW - (ended_ago or 0) - 3),
        "ended": None if ended_ago is None else iso(NOW - ended_ago),
        "ok": None if ended_ago is None else ok,
        "msg": "",
        **more,
    }


def probes(seen=None, acts=(), **more):
    """What the tasks of diagnose.yml register."""
    found = {
        "service": copy.deepcopy(SERVICE),
        "traces": {"traces": seen or healthy(), "failed": False},
        "journal": {"journal": {"ok": True, "acts": list(acts)}},
        "gateway": {"evolution": {"version": "2.3.7", "state": "open", "healthy": True, "findings": []}},
    }
    return {**found, **more}


def judge(found):
    return verdict((found.get("traces") or {}).get("traces"))
