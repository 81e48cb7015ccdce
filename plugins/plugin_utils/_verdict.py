# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From counts to a verdict: what is wrong with the assistant, and how far back to roll.

Pure: no host, no clock, no memory. The rules (`_findings`) add findings; the worst finding is the verdict, all of
them its reasons.
Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.evidence import SHORTEST_SILENCE
from ansible_collections.kumon.runbook.plugins.plugin_utils import _findings
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import (
    CONTRADICTING,
    DROPPING,
    LITTLE,
    PLANNING,
    READING,
    RESULTS,
    SENDING,
    STAGES,
    WITHOUT_SEND,
    Seen,
    Stage,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._findings import Expected, Finding, Limits, Service
from ansible_collections.kumon.runbook.plugins.plugin_utils._hours import Hours
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    LEAVE_BELOW,
    TARGET,
    Detector,
    Followed,
    flag,
    follow,
    mapping,
    number,
    sequence,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import (
    Numeric,
    Test,
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
    "planning_stopped": Rule("rollback", 1, 2),
    "reading_stopped": Rule("rollback", 1, 2),
    "sending_stopped": Rule("rollback", 1, 2),
    "gateway_down": Rule("rollback", 1, None),
    "delivery_failing": Rule("rollback", 1, None),
    "results_unbelieved": Rule("rollback", 1, None),
    "service_down": Rule("blind", 3, None),
    "log_unreadable": Rule("blind", 0, None),
    "not_understood": Rule("blind", 0, None),
    "no_timestamps": Rule("blind", 0, None),
    "not_owned": Rule("blind", 0, None),
    "not_covered_process": Rule("blind", 0, None),
    "incomplete": Rule("blind", 0, None),
    "stale": Rule("blind", 0, None),
    "no_data": Rule("blind", 0, None),
    "service_unknown": Rule("blind", 0, None),
    "service_silent": Rule("watch", 0, 3),
    "service_ill": Rule("watch", 0, None),
    "kill_switch": Rule("watch", 0, None),
    "held_by_fence": Rule("watch", 0, None),
    "planning_degraded": Rule("watch", 0, 1),
    "unread_handoff": Rule("watch", 0, 1),
    "sending_degraded": Rule("watch", 0, 1),
    "delivery_degraded": Rule("watch", 0, 1),
    "few_failed": Rule("watch", 0, 1),
    "results_contradict": Rule("watch", 0, None),
    "results_without_send": Rule("watch", 0, None),
    "unexpected_instance": Rule("watch", 0, 1),
    "dropped": Rule("watch", 0, None),
    "repeated_sends": Rule("watch", 0, 1),
    "sent_in_part": Rule("watch", 0, None),
    "delivery_late": Rule("watch", 0, None),
    "ambiguous": Rule("watch", 0, None),
    "not_covered": Rule("watch", 0, None),
    "partly_understood": Rule("watch", 0, None),
    "quiet": Rule("ok", 0, None),
    "none": Rule("ok", 0, None),
}
"""Level by cause, the most severe first: this order decides which of several findings is the cause.

`rollback` stands above `blind`: what was seen stays true whatever could not be seen.
"""

_BROKEN = 0.10  # at most this share went well: wholly broken, as in the last alternative of the detector


def doubts(traces: Traces | None, locale: str = "en") -> list[str]:
    """Return why what was measured is no good evidence, a sentence each; nothing where it is."""
    seen, words = Seen(traces), Words(locale, _texts.TEXTS)
    nothing_known = Service(None, None, None, False, {})
    findings = [
        *_findings.evidence(seen, words, expected=Expected(True, True)),
        *_findings.blindness(seen, words, nothing_known, expected=True),
    ]
    return [sentence for _cause, sentence in findings]


def verdict(
    traces: Traces | None,
    target: Numeric = TARGET,
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
    fenced: Mapping[str, Any] | Truth = None,
    expected_hours: str | None = None,
    time_zone: str = "America/Sao_Paulo",
    service_ill: str | None = None,
) -> Verdict:
    """Judge `traces` as `trace_log_info` returns them (or `None`, where it failed) and return
    `{status, level, next_level, cause, causes, reasons, delivery: {rate, low, high, n}, evidence, would_change,
    quality, held, tests}`.

    `evidence` is M of the e-detector (see `Detector`) over the results of the minutes in the data, 0 without minutes.
    The other stages of a message's way have the same test; `tests` has them all, by stage. `held` is the number of
    looks for which the longest of them has stood at `rollback`. `quality` is `traces.evidence`, how good it all is.

    A log without times has totals and no minutes. How old its failures are is unknown, and the sequential test needs
    their order, so totals alone never call for a rollback: they say `watch` when the whole Wilson interval lies below
    the target. Guards, lost hand-offs and a run of failures need no times.

    Of a fleet (`traces.parts`) each host is judged by itself as well, and the worst verdict is the fleet's.

    `fenced` is whether our own fence keeps messages in: `{present, attempts, since}`, or just true.
    With `expected_hours` (see `Hours`, in `time_zone`) silence counts only where it lies within them; what is silent
    for no other reason is `ok`, cause `quiet`, and proves nothing. Where `traces.heartbeat` was asked for, it decides
    that instead: silence with a fresh heartbeat is `quiet`, silence without one is `blind` at any hour.
    `service_ill` is what its health says of itself when it is not well.
    `locale` (`en` or `pt_BR`) is the language of `reasons` and `would_change`.
    """
    limits = Limits(number(target, "target"), number(watch, "watch"), number(rollback, "rollback"))
    if not 0 < limits.watch < limits.rollback:
        raise ValueError(f"watch ({limits.watch:g}) must be more than 0 and less than rollback ({limits.rollback:g}).")
    expected = flag(messages_expected, "messages_expected")
    if expected is None:
        raise ValueError("messages_expected must be true or false, not nothing.")
    words = Words(locale, _texts.TEXTS)
    hours = Hours(expected_hours, time_zone) if expected_hours else None
    service = Service(
        flag(service_known, "service_known"),
        flag(service_running, "service_running"),
        flag(service_answering, "service_answering"),
        flag(delivery_disabled, "delivery_disabled") is True,
        _findings.fence_of(fenced),
        redact(str(service_ill or ""))[:60],
    )
    more: list[Finding] = []
    if flag(gateway_healthy, "gateway_healthy") is False:
        more.append(("gateway_down", words.say("gateway_down")))
    level2 = flag(level2_active, "level2_active") is True

    def judge(part: Traces | None) -> Verdict:
        seen, should = Seen(part), Expected(expected is True, expected is True)
        if expected and hours:
            should = _expected_by(hours, seen)
        beats = flag(seen.heartbeat.get("ok"), "heartbeat.ok")
        if beats is not None:  # what comes in by itself says more than the hours
            should = should._replace(message=not beats)
        return _judge(part, words, service, limits=limits, expected=should, more=more, level2=level2)

    judged = judge(traces)
    parts = sequence((traces or {}).get("parts") or [], "traces.parts")
    for place, part in enumerate(parts, 1):
        name = redact(str(mapping(part, "Each of traces.parts").get("host") or place))[:60]
        judged = _worse(judged, judge(part), words, name)
    return judged


def _judge(
    traces: Traces | None,
    words: Words,
    service: Service,
    *,
    limits: Limits,
    expected: Expected,
    more: list[Finding],
    level2: bool,
) -> Verdict:
    """The verdict on one log."""
    seen = Seen(traces)

    def test(stage: Stage) -> Followed:
        return follow(seen.minutes, limits.target, limits.watch, limits.rollback, (stage.well, stage.wrong))

    results = test(RESULTS)
    tests = {RESULTS.name: results}
    findings = [
        *_findings.evidence(seen, words, expected=expected),
        *_findings.blindness(seen, words, service, expected=expected.message),
        *_findings.incidents(seen, words),
        *_findings.kill_switch(seen, words, service),
        *_findings.oddities(seen, words),
        *more,
    ]
    for stage in (PLANNING, READING, SENDING):
        # With the kill-switch on it is no surprise that what was planned is neither read nor sent.
        if service.delivery_disabled and stage is not PLANNING:
            continue
        if seen.counts_stage(stage):
            tests[stage.name] = test(stage)
            findings += _findings.stage_tested(seen, words, stage, tests[stage.name], limits)
        else:
            findings += _findings.totals(seen, words, stage)
    if not _findings.held_by_fence(seen, service):
        findings += _findings.delivery(seen, words, results, limits)
    tests[CONTRADICTING.name] = test(CONTRADICTING)
    findings += _findings.contradictions(seen, words, tests[CONTRADICTING.name], limits)
    if seen.counts_stage(WITHOUT_SEND):
        tests[WITHOUT_SEND.name] = test(WITHOUT_SEND)
        findings += _findings.without_send(seen, words, tests[WITHOUT_SEND.name], limits)
    # Whoever writes with the kill-switch on is not answered anyway.
    if not service.delivery_disabled:
        tests[DROPPING.name] = test(DROPPING)
        findings += _findings.dropping(seen, words, tests[DROPPING.name], limits)
    if level2 and any(CAUSES[cause].next_level == 2 for cause, _reason in findings if _rolls_back(cause)):
        findings.append(("level2_not_stable", words.say("level2_not_stable")))

    severity = list(CAUSES)
    findings.sort(key=lambda finding: severity.index(finding[0]))
    causes = list(dict.fromkeys(cause for cause, _reason in findings))
    cause = causes[0] if causes else "none"
    reasons = [reason for _cause, reason in findings]
    if not {"delivery_degraded", "delivery_failing"} & set(causes):
        reasons.append(_findings.no_alarm(seen, words, results.detector, limits=limits))
    # How old all this is stands on every screen; of what is well it is the first line.
    age = seen.age()
    if age is not None:
        reasons[-1] += " " + words.say("newest", age=words.duration(age))
    short = _findings.covered_for(seen, words)
    if short and "not_covered" not in causes:
        reasons.append(short)
    rule = CAUSES[cause]
    return {
        "status": rule.status,
        "level": rule.level,
        "next_level": rule.next_level,
        "cause": cause,
        "causes": causes,
        "reasons": reasons,
        "delivery": seen.rate,
        "evidence": results.detector.evidence,
        "would_change": _would_change(cause, seen, words, tests=tests, limits=limits),
        "quality": seen.evidence,
        "held": max(
            followed.held for name, followed in tests.items() if name not in (WITHOUT_SEND.name, DROPPING.name)
        ),
        "tests": {name: _test(followed) for name, followed in tests.items()},
        "first_sign": _first_sign(seen) if rule.status == "rollback" else None,
    }


def _first_sign(seen: Seen) -> str | None:
    """The first minute of the data in which anything went wrong: no later than what calls for a rollback began."""
    wrong = (row["minute"] for row in seen.minutes if row["failed"] or row["lost"] or row["guards"])
    return next(wrong, None)


def _expected_by(hours: Hours, seen: Seen) -> Expected:
    """What should have come by now: silence counts where it lies within the hours."""
    if not seen.measured:
        return Expected(True, True)
    now = parse_when(str(seen.measured), 0.0)

    def silent(since: Any, until: float = now) -> float:
        return hours.seconds(parse_when(str(since), now), until) if since else now

    fresh, covered = seen.part("fresh"), seen.part("covered")
    limit = number(fresh.get("limit_seconds") or SHORTEST_SILENCE, "limit_seconds")
    newest, since = fresh.get("newest"), covered.get("since") or seen.since
    begins = parse_when(str(since), now) if since else 0.0
    if newest and parse_when(str(newest), now) < begins:
        # What fell silent before the window has not come back in it; else a window without a message is one.
        too_long = silent(newest, begins) > limit or silent(since) > SHORTEST_SILENCE
    else:
        too_long = silent(newest or since) > limit
    return Expected(
        too_long,
        # Right after a restart within the hours nothing is known of the new process.
        silent(covered.get("process_started")) > 0,
    )


def _rolls_back(cause: str) -> bool:
    return CAUSES[cause].status == "rollback"


def _test(followed: Followed) -> Test:
    return {
        "evidence": followed.detector.evidence,
        "held": followed.held,
        "total": followed.held > 0 and followed.held_share <= _BROKEN,
        "failing_now": followed.failing_now,
    }


def _worse(whole: Verdict, part: Verdict, words: Words, host: str) -> Verdict:
    """Put what was found at one host of a fleet into the verdict on all of it."""
    severity = list(CAUSES)
    named = [words.say("part", host=host, reason=reason) for reason in part["reasons"]]
    if severity.index(part["cause"]) < severity.index(whole["cause"]):
        worst, reasons = part, [*named, *whole["reasons"]]
    else:
        worst, reasons = whole, [*whole["reasons"], *(named if part["causes"] else ())]
    tests = dict(whole["tests"])
    for name, test in part["tests"].items():
        if name not in tests or test["held"] > tests[name]["held"]:
            tests[name] = test
    return {
        **worst,
        "causes": sorted({*whole["causes"], *part["causes"]}, key=severity.index),
        "reasons": reasons,
        "delivery": whole["delivery"],
        "evidence": max(whole["evidence"], part["evidence"]),
        "quality": whole["quality"],
        "held": max(whole["held"], part["held"]),
        "tests": tests,
    }


def _would_change(cause: str, seen: Seen, words: Words, *, tests: dict[str, Followed], limits: Limits) -> str:
    leave = words.decimal(f"{LEAVE_BELOW:g}")
    detector = tests[RESULTS.name].detector
    if cause == "none":
        failures = _minutes_until(detector, lambda level: level >= limits.watch, failed=1)
        return words.say("until_incident", failures=words.many(failures, "failure"))
    for stage in STAGES:
        if cause not in (stage.watch, stage.rollback) or stage.name not in tests or not seen.minutes:
            continue
        ahead = tests[stage.name].detector
        if cause == stage.rollback and ahead.evidence >= limits.rollback:
            successes = _minutes_until(ahead, lambda level: level < limits.rollback, success=1)
            return words.say("until_rollback_ends", messages=words.many(successes, "message"))
        if cause == stage.watch and ahead.evidence < LEAVE_BELOW and tests[stage.name].watching:
            return words.say("until_low", leave=leave)
        if cause == stage.watch and tests[stage.name].watching:
            successes = _minutes_until(ahead, lambda level: level < LEAVE_BELOW, success=1)
            return words.say("until_watch_ends", messages=words.many(successes, "message"), leave=leave)
    if cause in (RESULTS.watch, READING.watch) and seen.minutes:
        return words.say("until_many_of_few", n=LITTLE)
    if cause == RESULTS.watch:
        return words.say("until_times")
    return words.say(f"until_{cause}" if f"until_{cause}" in words else "until_after_incident")


def _minutes_until(detector: Detector, reached: Callable[[float], bool], *, success: int = 0, failed: int = 0) -> int:
    """How many more minutes with one such outcome each it takes."""
    ahead = copy.copy(detector)
    minutes = 0
    while not reached(ahead.evidence) and minutes < 99_999:
        ahead.minute(success, failed)
        minutes += 1
    return minutes
