# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's measurement in the text format of Prometheus, for the textfile collector of node_exporter. Pure.

Every metric is a gauge of the window that was measured: a log that rotates away would make a counter go back. What is
not known has no sample, so that a graph shows a gap and never a zero.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import delivery_rate, mapping, nothing_dated, number

_Sample = tuple[str, dict[str, str], float]  # a metric, its labels beside the host, and the value

PREFIX = "kumon_assistant_"
STATUSES = ("ok", "watch", "rollback", "blind")

METRICS = {
    "check_timestamp_seconds": "When the check was made, in seconds since the epoch",
    "verdict": "The verdict: 1 for the status that it is, 0 for the others",
    "rollback_level": "The rollback level that the verdict calls for, 0 for none",
    "cause": "1, with the cause of the verdict",
    "delivery_ratio": "Share of the sends that succeeded, of those with a result or long without one",
    "delivery_ratio_low": "Lower end of its 95 % interval",
    "delivery_ratio_high": "Upper end of its 95 % interval",
    "deliveries": "Sends in the window, by result",
    "handoffs": "Messages between planner and delivery in the window, by what became of them",
    "state_mismatches": "Hand-offs in the window whose state differs between planner and delivery",
    "guard_incidents": "Guard incidents at level CRITICAL in the window",
    "last_record_timestamp_seconds": "Time of the last trace in the window, in seconds since the epoch",
    "service_up": "Whether the service runs",
    "kill_switch": "Whether the running process has delivery switched off",
    "fence": "Whether the network fence stands around the service",
    "fence_attempts": "Packets to the gateway that the fence has turned away since it stands",
}


def prometheus(seen: Any, host: str, now: float) -> str:
    """Render what `health_check` knows of a host.

    :param seen: ``{verdict, traces, service}``, the last two None where they are not known
    :param host: value of the label ``host``
    :param now: when it was measured, in seconds since the epoch
    :raises ValueError: for another shape
    """
    seen = mapping(seen, "The measurement")
    samples = [("check_timestamp_seconds", {}, number(now, "now")), *_of_verdict(mapping(seen["verdict"], "verdict"))]
    if seen.get("traces") is not None and not nothing_dated(mapping(seen["traces"], "traces")):
        samples += _of_traces(seen["traces"])
    # A service that could not be looked at is neither up nor down.
    if seen.get("service") is not None and "running" in mapping(seen["service"], "service"):
        samples += _of_service(seen["service"])
    lines = []
    for name, help_text in METRICS.items():
        rows = [(labels, value) for sample, labels, value in samples if sample == name]
        if rows:
            lines += [f"# HELP {PREFIX}{name} {help_text}.", f"# TYPE {PREFIX}{name} gauge"]
        for labels, value in rows:
            shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in {"host": host, **labels}.items())
            lines.append(f"{PREFIX}{name}{{{shown}}} {float(value)!r}")
    return "\n".join(lines) + "\n"


def _of_verdict(verdict: dict[str, Any]) -> list[_Sample]:
    status = verdict.get("status")
    if status not in STATUSES:
        raise ValueError(f"verdict.status must be one of {', '.join(STATUSES)}.")
    return [
        *[("verdict", {"status": name}, name == status) for name in STATUSES],
        ("rollback_level", {}, verdict.get("level") or 0),
        ("cause", {"cause": str(verdict.get("cause") or ("none" if status == "ok" else status))}, 1),
    ]


def _of_traces(traces: dict[str, Any]) -> list[_Sample]:
    rate = delivery_rate(traces)
    samples = [
        *[("deliveries", {"result": name}, traces["delivery"][name]) for name in ("success", "failed", "unconfirmed")],
        *[("handoffs", {"outcome": name}, traces["handoff"][name]) for name in ("planned", "read", "lost", "unread")],
        ("state_mismatches", {}, traces["handoff"]["state_mismatches"]),
        ("guard_incidents", {}, traces["guards"]["incidents"]),
    ]
    if rate["n"]:
        samples += [
            ("delivery_ratio", {}, rate["rate"]),
            ("delivery_ratio_low", {}, rate["low"]),
            ("delivery_ratio_high", {}, rate["high"]),
        ]
    if traces.get("last"):
        samples.append(("last_record_timestamp_seconds", {}, parse_when(str(traces["last"]), 0)))
    return samples


def _of_service(service: dict[str, Any]) -> list[_Sample]:
    samples: list[_Sample] = [("service_up", {}, bool(service.get("running")))]
    # An environment that shows nothing shows no switch that is off: then it is what health says of it, if anything.
    flags = service.get("reported" if service.get("readable") is False else "effective") or {}
    known = KILL_SWITCH in flags and (service.get("readable") is not False or flags[KILL_SWITCH] is not None)
    if service.get("running") and known:
        samples.append(("kill_switch", {}, truthy(flags[KILL_SWITCH])))
    fence = service.get("fence")
    # Where it could not be looked at it is neither there nor not.
    if fence:
        samples.append(("fence", {}, bool(fence.get("present"))))
        if fence.get("present"):
            samples.append(("fence_attempts", {}, int(fence.get("attempts") or 0)))
    return samples


def _escaped(text: str) -> str:
    return redact(str(text)).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
