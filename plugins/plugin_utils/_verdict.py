# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From counts to a verdict: what is wrong with the assistant, and how far back to roll.

Pure: no host, no clock, no memory. Each rule adds findings; the worst finding is the verdict, all of them its reasons.
Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    LEAVE_BELOW,
    Detector,
    count,
    delivery_rate,
    follow,
    mapping,
    merge_minutes,
    number,
    sequence,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import (
    Minute,
    Numeric,
    Rate,
    Traces,
    Truth,
    Verdict,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import verdict as _texts


class Rule(NamedTuple):
    """What a cause leads to. `next_level` is for a cause that persists; `None` means that a person decides."""

    status: str
    level: int
    next_level: int | None


CAUSES = {
    "level2_not_stable": Rule("rollback", 3, None),
    "kill_switch_ignored": Rule("rollback", 1, 3),
    "lost_handoff": Rule("rollback", 1, 2),
    "outbox_guard": Rule("rollback", 1, 2),
    "instance_guard": Rule("rollback", 1, 2),
    "invalid_instance": Rule("rollback", 1, 2),
    "state_mismatch": Rule("rollback", 1, 2),
    "gateway_down": Rule("rollback", 1, None),
    "delivery_failing": Rule("rollback", 1, None),
    "service_down": Rule("blind", 3, None),
    "log_unreadable": Rule("blind", 0, None),
    "no_timestamps": Rule("blind", 0, None),
    "no_data": Rule("blind", 0, None),
    "service_unknown": Rule("blind", 0, None),
    "service_silent": Rule("watch", 0, 3),
    "kill_switch": Rule("watch", 0, None),
    "unread_handoff": Rule("watch", 0, 1),
    "delivery_degraded": Rule("watch", 0, 1),
    "unexpected_instance": Rule("watch", 0, 1),
    "none": Rule("ok", 0, None),
}
"""Level by cause, the most severe first: this order decides which of several findings is the cause.

`rollback` stands above `blind`: what was seen stays true whatever could not be seen.
"""

_REQUIRED = ("records", "timestamps", "delivery", "handoff", "guards", "instances", "minutes")
_FEW = 4  # so many failures, or planned and unread, or read and unsent messages are no accident any more
_RECIPIENTS = 3


class Seen:
    """The counts of `traces` that rules need, checked; what is not there counts as nothing seen."""

    missing: list[str]
    records: int
    undated: int
    timestamps: str | None
    window_asked: bool
    minutes: list[Minute]
    rate: Rate
    delivered: int
    sent: int
    run_failures: int
    run_recipients: int
    read: int
    lost: int
    unread: int
    mismatches: int
    outbox_guards: dict[str, int]
    instance_guards: dict[str, int]
    incidents: int
    invalid: dict[str, int]
    unexpected: dict[str, int]

    def __init__(self, traces: Traces | None) -> None:
        checked = mapping({} if traces is None else traces, "traces")
        self.missing = [name for name in _REQUIRED if checked.get(name) is None]
        self.records = _count(checked, "records")
        self.undated = _count(checked, "undated")
        self.timestamps = checked.get("timestamps")
        window = _section(checked, "window")
        self.window_asked = any(window.get(end) is not None for end in ("since", "until"))
        self.minutes = merge_minutes([sequence(checked.get("minutes") or [], "traces.minutes")])
        delivery = _section(checked, "delivery")
        self.rate = delivery_rate(delivery)
        self.delivered = _count(delivery, "success")
        self.sent = self.rate["n"] if delivery.get("sent") is None else _count(delivery, "sent")
        run = _section(delivery, "run")
        self.run_failures, self.run_recipients = _count(run, "failures"), _count(run, "recipients")
        handoff = _section(checked, "handoff")
        self.read, self.lost = _count(handoff, "read"), _count(handoff, "lost")
        self.unread, self.mismatches = _count(handoff, "unread"), _count(handoff, "state_mismatches")
        guards = _section(checked, "guards")
        self.outbox_guards, self.instance_guards = _counts(guards, "outbox"), _counts(guards, "instance")
        lines = sum(self.outbox_guards.values()) + sum(self.instance_guards.values())
        self.incidents = lines if guards.get("incidents") is None else _count(guards, "incidents")
        instances = _section(checked, "instances")
        self.invalid, self.unexpected = _counts(instances, "invalid"), _counts(instances, "unexpected")


class _Limits(NamedTuple):
    """The success rate that is wanted, and how much evidence against it calls for what."""

    target: float
    watch: float
    rollback: float


class _Service(NamedTuple):
    """What is known of the service beside its log; `None` is not known."""

    known: bool | None
    running: bool | None
    answering: bool | None
    delivery_disabled: bool


_Finding = tuple[str, str]  # a cause, and the sentence for it


def verdict(
    traces: Traces | None,
    target: Numeric = 0.95,
    watch: Numeric = 300,
    rollback: Numeric = 10000,
    messages_expected: Truth = True,
    service_running: Truth = None,
    service_answering: Truth = None,
    delivery_disabled: Truth = None,
    gateway_healthy: Truth = None,
    level2_active: Truth = None,
    service_known: Truth = None,
    locale: str = "en",
) -> Verdict:
    """Judge `traces` as `trace_log_info` returns them (or `None`, where it failed) and return
    `{status, level, next_level, cause, causes, reasons, delivery: {rate, low, high, n}, evidence, would_change}`.

    `evidence` is M of the e-detector (see `Detector`) over the minutes in the data, 0 without minutes.

    A log without times has totals and no minutes. How old its failures are is unknown, and the sequential test needs
    their order, so totals alone never call for a rollback: they say `watch` when the whole Wilson interval lies below
    the target. Guards, lost hand-offs and a run of failures need no times.

    `locale` (`en` or `pt_BR`) is the language of `reasons` and `would_change`.
    """
    limits = _Limits(number(target, "target"), number(watch, "watch"), number(rollback, "rollback"))
    if not 0 < limits.watch < limits.rollback:
        raise ValueError(f"watch ({limits.watch:g}) must be more than 0 and less than rollback ({limits.rollback:g}).")
    expected = flag(messages_expected, "messages_expected")
    if expected is None:
        raise ValueError("messages_expected must be true or false, not nothing.")
    words = Words(locale, _texts.TEXTS)
    running = flag(service_running, "service_running")
    answering = flag(service_answering, "service_answering")
    disabled = flag(delivery_disabled, "delivery_disabled") is True
    gateway_healthy = flag(gateway_healthy, "gateway_healthy")
    level2_active = flag(level2_active, "level2_active")
    service = _Service(flag(service_known, "service_known"), running, answering, disabled)
    seen = Seen(traces)
    detector, watching = follow(seen.minutes, limits.target, limits.watch)

    findings = [
        *_blindness(seen, words, service, expected=expected),
        *_incidents(seen, words, service),
        *_kill_switch(seen, words, service),
        *_delivery(seen, words, detector, watching=watching, limits=limits, delivery_disabled=disabled),
    ]
    if gateway_healthy is False:
        findings.append(("gateway_down", words.say("gateway_down")))
    if level2_active and any(CAUSES[cause].next_level == 2 for cause, _reason in findings):
        findings.append(("level2_not_stable", words.say("level2_not_stable")))

    severity = list(CAUSES)
    findings.sort(key=lambda finding: severity.index(finding[0]))
    causes = list(dict.fromkeys(cause for cause, _reason in findings))
    cause = causes[0] if causes else "none"
    reasons = [reason for _cause, reason in findings]
    if not seen.records and not findings:
        reasons.append(words.say("nothing_measured"))
    elif not {"delivery_degraded", "delivery_failing"} & set(causes):
        reasons.append(_no_alarm(seen, words, detector, limits=limits))
    rule = CAUSES[cause]
    return {
        "status": rule.status,
        "level": rule.level,
        "next_level": rule.next_level,
        "cause": cause,
        "causes": causes,
        "reasons": reasons,
        "delivery": seen.rate,
        "evidence": detector.evidence,
        "would_change": _would_change(cause, seen, words, detector=detector, limits=limits, expected=expected),
    }


def _blindness(seen: Seen, words: Words, service: _Service, *, expected: bool) -> Iterator[_Finding]:
    # A good log proves nothing of a service that could not be looked at: it may be another process's, of before.
    if service.known is False:
        yield "service_unknown", words.say("service_unknown")
    if service.running is False:
        yield "service_down", words.say("service_down")
    elif service.answering is False:
        yield "service_silent", words.say("service_silent")
    if len(seen.missing) == len(_REQUIRED):
        yield "log_unreadable", words.say("log_unreadable")
        return
    if seen.missing:
        yield "log_unreadable", words.say("log_incomplete", missing=", ".join(seen.missing))
    if seen.window_asked and seen.timestamps == "none" and (seen.undated or seen.records):
        yield "no_timestamps", words.say("no_timestamps")
    elif not seen.records and expected and "records" not in seen.missing:
        yield "no_data", words.say("no_data")


def _incidents(seen: Seen, words: Words, service: _Service) -> Iterator[_Finding]:
    if seen.incidents:
        incidents = words.many(seen.incidents, "incident")
        if seen.outbox_guards or not seen.instance_guards:
            types = words.names(seen.outbox_guards)
            yield "outbox_guard", words.say("guard", guard="OUTBOX_GUARD", types=types, incidents=incidents)
        if seen.instance_guards:
            types = words.names(seen.instance_guards)
            yield "instance_guard", words.say("guard", guard="INSTANCE_GUARD", types=types, incidents=incidents)
    if seen.lost:
        yield "lost_handoff", words.say("lost_handoff", handoffs=words.many(seen.lost, "handoff"))
    # With the kill-switch on it is no surprise that the delivery reads nothing.
    if seen.unread >= _FEW and not seen.read and not seen.lost and not service.delivery_disabled:
        yield "lost_handoff", words.say("never_read", handoffs=words.many(seen.unread, "handoff"))
    elif seen.unread:
        yield "unread_handoff", words.say("unread_handoff", handoffs=words.many(seen.unread, "handoff"))
    if seen.invalid:
        yield "invalid_instance", words.say("invalid_instance", names=words.names(seen.invalid))
    if seen.mismatches:
        yield "state_mismatch", words.say("state_mismatch", handoffs=words.many(seen.mismatches, "handoff"))
    if seen.unexpected:
        yield "unexpected_instance", words.say("unexpected_instance", names=words.names(seen.unexpected))


def _kill_switch(seen: Seen, words: Words, service: _Service) -> Iterator[_Finding]:
    if service.delivery_disabled and seen.sent:
        yield "kill_switch_ignored", words.say("kill_switch_ignored", messages=words.many(seen.sent, "message"))
    elif service.delivery_disabled:
        yield "kill_switch", words.say("kill_switch")


def _delivery(
    seen: Seen, words: Words, detector: Detector, *, watching: bool, limits: _Limits, delivery_disabled: bool
) -> Iterator[_Finding]:
    evidence, rate = detector.evidence, _rate_text(seen, words, detector)
    if evidence >= limits.rollback:
        yield "delivery_failing", words.say("evidence_rollback", rate=rate, limit=f"{limits.rollback:g}")
    if seen.run_failures >= _FEW and seen.run_recipients >= _RECIPIENTS:
        known = "" if evidence >= limits.rollback else rate
        text = words.say("run", failures=seen.run_failures, recipients=seen.run_recipients, rate=known)
        yield "delivery_failing", text.rstrip()
    if seen.read >= _FEW and not seen.sent and not delivery_disabled:
        yield "delivery_failing", words.say("read_not_sent", handoffs=words.many(seen.read, "handoff"))
    if evidence < limits.rollback and watching:
        key = "evidence_watch" if evidence >= limits.watch else "evidence_lingers"
        yield "delivery_degraded", words.say(key, rate=rate, limit=f"{limits.watch:g}", leave=f"{LEAVE_BELOW:g}")
    if not seen.minutes and seen.rate["n"] and seen.rate["high"] < limits.target:
        yield "delivery_degraded", words.say("interval_below", rate=rate, target=words.percent(limits.target))


def _would_change(cause: str, seen: Seen, words: Words, *, detector: Detector, limits: _Limits, expected: bool) -> str:
    leave = f"{LEAVE_BELOW:g}"
    if cause == "none":
        if not seen.records and not expected:
            return words.say("until_any_trace")
        failures = _minutes_until(detector, lambda level: level >= limits.watch, failed=1)
        return words.say("until_incident", failures=words.many(failures, "failure"))
    if cause == "delivery_failing":
        if detector.evidence >= limits.rollback:
            successes = _minutes_until(detector, lambda level: level < limits.rollback, success=1)
            return words.say("until_rollback_ends", deliveries=words.many(successes, "delivery"))
        return words.say("until_success")
    if cause == "delivery_degraded":
        if not seen.minutes:
            return words.say("until_times")
        if detector.evidence < LEAVE_BELOW:
            return words.say("until_quiet", leave=leave)
        successes = _minutes_until(detector, lambda level: level < LEAVE_BELOW, success=1)
        return words.say("until_watch_ends", deliveries=words.many(successes, "delivery"), leave=leave)
    return words.say(f"until_{cause}" if f"until_{cause}" in words else "until_after_incident")


def _minutes_until(detector: Detector, reached: Callable[[float], bool], *, success: int = 0, failed: int = 0) -> int:
    """How many more minutes with one such outcome each it takes."""
    ahead = copy.copy(detector)
    minutes = 0
    while not reached(ahead.evidence) and minutes < 99_999:
        ahead.minute(success, failed)
        minutes += 1
    return minutes


def _section(data: dict[str, Any], name: str) -> dict[str, Any]:
    return mapping({} if data.get(name) is None else data[name], name)


def _count(data: dict[str, Any], name: str) -> int:
    return 0 if data.get(name) is None else count(data[name], name)


def _counts(data: dict[str, Any], name: str) -> dict[str, int]:
    """Counts by name, without those that are 0."""
    counts = {key: count(value, f"{name} of {redact(str(key))[:40]}") for key, value in _section(data, name).items()}
    return {key: value for key, value in counts.items() if value}


def flag(value: object, name: str) -> bool | None:
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("true", "yes", "on", "1"):
            return True
        if text in ("false", "no", "off", "0"):
            return False
        if text in ("", "null", "none"):
            return None
    elif value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{name} must be true or false, not {redact(repr(value))[:40]}.")


def _no_alarm(seen: Seen, words: Words, detector: Detector, *, limits: _Limits) -> str:
    """What there is to say of the rate when it is no finding."""
    share = seen.rate["rate"]
    if share is None:
        return words.say("no_result")
    rate = _rate_text(seen, words, detector)
    if share >= limits.target:
        return rate
    return words.say("below_by_chance", rate=rate, target=words.percent(limits.target), limit=f"{limits.watch:g}")


def _rate_text(seen: Seen, words: Words, detector: Detector) -> str:
    evidence = f", {words.evidence(detector.evidence)}" if seen.minutes else ""
    rate = seen.rate
    if rate["rate"] is None:
        return words.say("no_rate", evidence=evidence)
    share, low, high = (words.percent(value) for value in (rate["rate"], rate["low"], rate["high"]))
    return words.say("rate", n=rate["n"], evidence=evidence, rate=share, low=low, high=high)
