# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of the assistant's log, for the tests: traces, and the shapes in which they can stand."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

from tests.unit.counting import Counter

LOGGER = "app.core.observability.structured_logging"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc).timestamp()


def outbox(phase, conv, count, idem="i1", state=1001, outbox_id=2001):
    return f"OUTBOX_TRACE|phase={phase}|conv={conv}|idem={idem}|state_id={state}|outbox_id={outbox_id}|count={count}"


def send(conv, idem="i1", instance="kumon_assistant"):
    return f"DELIVERY_TRACE|action=send|instance={instance}|phone=5511900000001|conv={conv}|idem={idem}"


def result(conv, status="success", idem="i1", http="unknown", instance="kumon_assistant"):
    return f"DELIVERY_TRACE|action=result|status={status}|http={http}|instance={instance}|conv={conv}|idem={idem}"


def instance_trace(conv, name="kumon_assistant", source="meta", idem="i1"):
    return f"INSTANCE_TRACE|source={source}|instance={name}|conv={conv}|idem={idem}"


def outbox_guard(conv, kind="handoff_violation", level="CRITICAL", idem="i1"):
    details = "planner_after=1|delivery_before=0|" if kind == "handoff_violation" else ""
    return f"OUTBOX_GUARD|level={level}|type={kind}|{details}conv={conv}|idem={idem}"


def instance_guard(conv, value, idem="i1"):
    return f"INSTANCE_GUARD|level=CRITICAL|type=invalid_pattern|value={value}|conv={conv}|idem={idem}"


def turn(conv, idem="i1", status="success"):
    """The traces of one whole turn."""
    return [
        outbox("planner", conv, 0, idem),
        outbox("planner", conv, 1, idem),
        outbox("delivery", conv, 1, idem),
        instance_trace(conv, idem=idem),
        send(conv, idem),
        result(conv, status, idem),
    ]


def basic(message, at=None, level="INFO", logger=LOGGER):
    return f"{level}:{logger}:{message}"


def asctime(message, at=NOON, level="INFO", logger=LOGGER):
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(at)))
    return f"{local},{int(at % 1 * 1000):03d} - {logger} - {level} - {message}"


def as_json(message, at=NOON, level="INFO", logger=LOGGER):
    stamp = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    record = {"timestamp": stamp, "level": level, "logger": logger, "message": message, "module": "m", "line": 46}
    return json.dumps(record)


def short_iso(message, at=NOON):
    stamp = datetime.fromtimestamp(at - 3 * 3600, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S-0300")
    return f"{stamp} host uvicorn[4127]: {basic(message)}"


def journal(message, at=NOON):
    return json.dumps(
        {"_PID": "4127", "MESSAGE": basic(message), "__REALTIME_TIMESTAMP": str(int(at * 1e6)), "PRIORITY": "6"}
    )


def bare(message, at=None):
    return message


SHAPES = {
    "basic": basic,
    "asctime": asctime,
    "json": as_json,
    "short_iso": short_iso,
    "journal": journal,
    "bare": bare,
}


WINDOW = 900


def counted(records, since=NOON - WINDOW, now=NOON):
    """The traces of `(seconds before now, message)`, as the module returns them."""
    counter = Counter(now=now, since=since)
    counter.feed([as_json(message, at=now - age).encode() for age, message in sorted(records, key=lambda r: -r[0])])
    traces = counter.result()
    traces["measured"] = iso(now)
    traces["window"] = {"since": iso(since), "until": None, "process": None}
    return traces


def turns(n, failed=0, lost=0, oldest=850.0, youngest=70.0):
    """So many turns, each of a conversation of its own, evenly over the window."""
    records = []
    for number in range(n + lost):
        age = oldest - (oldest - youngest) * number / max(1, n + lost - 1)
        conv = f"c{number}"
        if number < n:
            status = "failed" if number < failed else "success"
            records += [(age, message) for message in turn(conv, status=status)]
        else:
            records += [(age, outbox("planner", conv, 1)), (age, outbox("delivery", conv, 0))]
    return records
