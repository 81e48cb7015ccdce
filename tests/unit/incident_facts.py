# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident as the role report gathers it, for the tests: messages get lost from minute 10, level 1 is at 20."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._incident import incident_window
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit import records
from tests.unit.counting import Counter

BEGAN = records.NOON
ACT = BEGAN + 20 * 60 + 5
NOW = BEGAN + 40 * 60

# What whoever sends a message may write, in a log line.
HOSTILE = (
    "conv_5511988887777 \x1b[2J<script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} {% raw %} `x` $\\frac$ "
    '|a|b| [l](http://evil.example/) \u202egnp.exe 🚨 "><svg onload=alert(1)> apikey=PLANTEDKEY '
    "postgres://kumon:PLANTEDPW@db:5432/kumon"
)
SECRETS = ("5511988887777", "PLANTEDKEY", "PLANTEDPW")


def traces(hostile=False):
    """What trace_log_info returns of the incident's log."""
    counter = Counter(now=NOW, since=BEGAN - 900, until=NOW, grace=60)
    for minute in range(38):
        at = BEGAN + 60 * minute
        lines = []
        for number in range(20):
            conv = f"conv{minute}-{number}"
            if minute < 10 or minute > 21:
                lines += records.turn(conv)
            elif number % 2:
                lines += records.turn(conv, status="failed")
            else:
                lines += [records.outbox("planner", conv, 1), records.outbox("delivery", conv, 0)]
        if 10 <= minute <= 12:
            lines.append(records.outbox_guard(f"guard{minute}"))
        if hostile and minute == 11:
            lines.append(records.outbox_guard(HOSTILE))
            lines.append(records.instance_guard("evil", HOSTILE))
        for offset, line in enumerate(lines):
            # a json line as the application writes it
            counter.feed([records.as_json(line, at + offset % 50).encode("utf-8", "replace")])
    window = {"since": iso(BEGAN - 900), "until": iso(NOW), "process": None}
    return {**counter.result(), "measured": iso(NOW), "truncated": False, "window": window}


def act(seq=7, **more):
    return {
        "run_id": "r1",
        "actor": "ana",
        "host": "assistant1",
        "procedure": "rollback_level1",
        "act": "service_flags",
        "seq": seq,
        "outcome_seq": seq + 1,
        "hash": "5e0c0b3f0e5a1e6f6f2f0c9c1a1f2f64c8ad6f9a3b0bd2f4a93cbf2dc2f6a7d1",
        "began": iso(ACT),
        "ended": iso(ACT + 1.4),
        "age": NOW - ACT,
        "ok": True,
        "before": {"DELIVERY_DISABLE": None},
        "after": {"DELIVERY_DISABLE": "true"},
        "msg": "",
        **more,
    }


def proof(of, ok=True, msg="KILL-SWITCH ACTIVE"):
    """What was judged of an act three seconds after it."""
    at = iso(ACT + 4.4)
    after = {"status": "proven" if ok else "unproven", "level": 1}
    return {**of, "act": "proof", "seq": of["seq"] + 2, "outcome_seq": None, "began": at, "ended": at, "ok": ok} | {
        "before": None, "after": after, "msg": msg,
    }  # fmt: skip


def host(acts=None, seen=None, **more):
    """What is known of one host."""
    seen = traces() if seen is None else seen
    return {
        "journal": {"ok": True, "entries": 9, "acts": [proof(act()), act()] if acts is None else acts},
        "traces": seen,
        "verdict": verdict(seen),
        "service": {
            "running": True,
            "pid": 4127,
            "started": iso(ACT + 1),
            "effective": {"DELIVERY_DISABLE": "true"},
            "health": {"status": "ok", "detail": "HTTP 200"},
            "last_act": {"time": iso(ACT + 1.4)},
        },
        "release": {"head": "a29d7e1f99b965a60b9f50613d5676303cc4624a"},
        "evidence": {
            "path": "/var/lib/kumon-runbook/evidence/r1",
            "collected": iso(ACT + 4),
            "files": [
                {"name": "log.txt", "bytes": 9, "sha256": "ab" * 32, "lines": 1, "truncated": True, "source": "file"}
            ],
            "missing": [{"source": "systemctl", "why": "the service is no systemd unit"}],
        },
        "smoke_test": {"status": "passed", "at": iso(NOW - 60)},
        "unknown": [],
        **more,
    }


def message(**more):
    told = {"time": iso(ACT + 5), "kind": "first", "audience": "technical", "tier": 1, "channel": "slack"}
    return {**told, "ok": True, "detail": "", **more}


NOTIFICATIONS = {
    "id": "r1",
    "messages": [message(), message(audience="business", channel=None, ok=False, detail="HTTP 500")],
}


def facts(hosts=None, **more):
    """The facts that the filter incident_report takes."""
    hosts = hosts or {"assistant1": host()}
    incident = incident_window({name: known["journal"] for name, known in hosts.items()}, NOW)
    return {
        "incident": incident,
        "generated": iso(NOW),
        "runbook_version": "1.0.0",
        "hosts": hosts,
        "notifications": NOTIFICATIONS,
        **more,
    }
