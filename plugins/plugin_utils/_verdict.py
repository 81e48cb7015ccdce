# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From counts to a verdict: what is wrong with the assistant, and how far back to roll.

Pure: no host, no clock, no memory. Each rule adds findings; the worst finding is the verdict, all of them its reasons.
Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.evidence import SHORTEST_SILENCE
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import (
    AT_LEAST,
    CONTRADICTING,
    DROPPING,
    FEW,
    LITTLE,
    PLANNING,
    READING,
    RECIPIENTS,
    REQUIRED,
    RESULTS,
    SENDING,
    SHARE,
    STAGES,
    WITHOUT_SEND,
    Seen,
    Stage,
    count_of,
    often,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._hours import Hours
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
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

_COPIES = 3  # of one answer: whoever gets it four times blocks the number
_COVERED = 1800.0  # seconds of a longer window for which a log can be called well
_WHOLE = 0.95  # the share of a window that counts as all of it
_BROKEN = 0.10  # at most this share went well: wholly broken, as in the last alternative of the detector


def doubts(traces: Traces | None, locale: str = "en") -> list[str]:
    """Return why what was measured is no good evidence, a sentence each; nothing where it is."""
    seen, words = Seen(traces), Words(locale, _texts.TEXTS)
    nothing_known = _Service(None, None, None, False, {})
    findings = [
        *_evidence(seen, words, expected=_Expected(True, True)),
        *_blindness(seen, words, nothing_known, expected=True),
    ]
    return [sentence for _cause, sentence in findings]


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
    fence: dict[str, Any]  # {present, attempts, since}; empty without one
    ill: str = ""  # what it says of itself when it is not well


class _Expected(NamedTuple):
    """Whether a message should have come by now, and a trace by the process that runs."""

    message: bool
    trace: bool


_Finding = tuple[str, str]  # a cause, and the sentence for it


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
    limits = _Limits(number(target, "target"), number(watch, "watch"), number(rollback, "rollback"))
    if not 0 < limits.watch < limits.rollback:
        raise ValueError(f"watch ({limits.watch:g}) must be more than 0 and less than rollback ({limits.rollback:g}).")
    expected = flag(messages_expected, "messages_expected")
    if expected is None:
        raise ValueError("messages_expected must be true or false, not nothing.")
    words = Words(locale, _texts.TEXTS)
    hours = Hours(expected_hours, time_zone) if expected_hours else None
    service = _Service(
        flag(service_known, "service_known"),
        flag(service_running, "service_running"),
        flag(service_answering, "service_answering"),
        flag(delivery_disabled, "delivery_disabled") is True,
        _fence(fenced),
        redact(str(service_ill or ""))[:60],
    )
    more: list[_Finding] = []
    if flag(gateway_healthy, "gateway_healthy") is False:
        more.append(("gateway_down", words.say("gateway_down")))
    level2 = flag(level2_active, "level2_active") is True

    def judge(part: Traces | None) -> Verdict:
        seen, should = Seen(part), _Expected(expected is True, expected is True)
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
    service: _Service,
    *,
    limits: _Limits,
    expected: _Expected,
    more: list[_Finding],
    level2: bool,
) -> Verdict:
    """The verdict on one log."""
    seen = Seen(traces)

    def test(stage: Stage) -> Followed:
        return follow(seen.minutes, limits.target, limits.watch, limits.rollback, (stage.well, stage.wrong))

    results = test(RESULTS)
    tests = {RESULTS.name: results}
    findings = [
        *_evidence(seen, words, expected=expected),
        *_blindness(seen, words, service, expected=expected.message),
        *_incidents(seen, words),
        *_kill_switch(seen, words, service),
        *_oddities(seen, words),
        *more,
    ]
    for stage in (PLANNING, READING, SENDING):
        # With the kill-switch on it is no surprise that what was planned is neither read nor sent.
        if service.delivery_disabled and stage is not PLANNING:
            continue
        if seen.counts_stage(stage):
            tests[stage.name] = test(stage)
            findings += _stage(seen, words, stage, tests[stage.name], limits)
        else:
            findings += _totals(seen, words, stage)
    if not _held_by_fence(seen, service):
        findings += _delivery(seen, words, results, limits)
    tests[CONTRADICTING.name] = test(CONTRADICTING)
    findings += _contradictions(seen, words, tests[CONTRADICTING.name], limits)
    if seen.counts_stage(WITHOUT_SEND):
        tests[WITHOUT_SEND.name] = test(WITHOUT_SEND)
        findings += _without_send(seen, words, tests[WITHOUT_SEND.name], limits)
    # Whoever writes with the kill-switch on is not answered anyway.
    if not service.delivery_disabled:
        tests[DROPPING.name] = test(DROPPING)
        findings += _dropping(seen, words, tests[DROPPING.name], limits)
    if level2 and any(CAUSES[cause].next_level == 2 for cause, _reason in findings if _rolls_back(cause)):
        findings.append(("level2_not_stable", words.say("level2_not_stable")))

    severity = list(CAUSES)
    findings.sort(key=lambda finding: severity.index(finding[0]))
    causes = list(dict.fromkeys(cause for cause, _reason in findings))
    cause = causes[0] if causes else "none"
    reasons = [reason for _cause, reason in findings]
    if not {"delivery_degraded", "delivery_failing"} & set(causes):
        reasons.append(_no_alarm(seen, words, results.detector, limits=limits))
    # How old all this is stands on every screen; of what is well it is the first line.
    age = seen.age()
    if age is not None:
        reasons[-1] += " " + words.say("newest", age=words.duration(age))
    short = _covered_for(seen, words)
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


def _expected_by(hours: Hours, seen: Seen) -> _Expected:
    """What should have come by now: silence counts where it lies within the hours."""
    if not seen.measured:
        return _Expected(True, True)
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
    return _Expected(
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


def _evidence(seen: Seen, words: Words, *, expected: _Expected) -> Iterator[_Finding]:
    """Whether what was read is good enough to say anything by it. What was not asked hinders nothing."""
    owned, covered, fresh = seen.part("owned"), seen.part("covered"), seen.part("fresh")
    if owned.get("ok") is False:
        reason = redact(sentence(owned.get("reason") or "?", words.locale))[:120]
        yield "not_owned", words.say("not_owned", reason=reason)
    is_known = fresh.get("newest") is not None  # what came before the window was understood
    is_known = is_known or seen.undated > 0  # and so was what cannot be placed in it
    if seen.grammars is not None and not seen.grammars and not seen.records and seen.lines and not is_known:
        # Lines of other loggers alone name no trace; on a quiet night there are no others.
        if expected.message or seen.unparsed or seen.part("understood").get("candidates"):
            yield "not_understood", words.say("not_understood", n=seen.lines)
    elif seen.part("understood").get("ok") is False:
        share = words.percent(number(seen.part("understood").get("share") or 0, "share"))
        yield "partly_understood", words.say("partly_understood", share=share)
    if seen.unparsed_guards:
        yield "not_understood", words.say("unparsed_guards", n=seen.unparsed_guards)
    if seen.ambiguous:
        yield "ambiguous", words.say("ambiguous", n=seen.ambiguous)
    if covered.get("process_seen") is False:
        if expected.trace:
            yield "not_covered_process", words.say("not_covered_process")
        else:
            yield "quiet", words.say("quiet_restarted")
    if covered.get("incomplete"):
        yield "incomplete", words.say("incomplete", why=redact(str(covered["incomplete"]))[:120])
    yield from _gaps(seen, words, covered)
    if fresh.get("ok") is False:
        fields = {
            "age": words.duration(seen.age() or 0.0),
            "limit": words.duration(number(fresh.get("limit_seconds") or 0, "limit_seconds")),
            "rate": words.decimal(f"{number(fresh.get('rate_per_minute') or 0, 'rate_per_minute'):.3g}"),
        }
        yield ("stale", words.say("stale", **fields)) if expected.message else ("quiet", _quiet(seen, words, "quiet"))
        yield from _no_heartbeat(seen, words, "stale")
    elif not seen.records and not seen.missing:
        if not expected.message:
            yield "quiet", _quiet(seen, words, "quiet_nothing")
        yield from _no_heartbeat(seen, words, "no_data")


def _quiet(seen: Seen, words: Words, otherwise: str) -> str:
    """Why silence is no finding."""
    if seen.heartbeat.get("ok") is not True:
        return words.say(otherwise)
    age = number(seen.heartbeat.get("age_seconds") or 0, "heartbeat.age_seconds")
    return words.say("quiet_heartbeat", age=words.duration(age))


def _no_heartbeat(seen: Seen, words: Words, cause: str) -> Iterator[_Finding]:
    if seen.heartbeat.get("ok") is False:
        limit = number(seen.heartbeat.get("limit_seconds") or 0, "heartbeat.limit_seconds")
        yield cause, words.say("heartbeat_missing", limit=words.duration(limit))


def _gaps(seen: Seen, words: Words, covered: dict[str, Any]) -> Iterator[_Finding]:
    """What of the window is not in the log."""
    gaps = []
    unreadable = sequence(covered.get("unreadable") or [], "covered.unreadable")
    if unreadable:
        gaps.append(words.say("gap_unreadable", names=words.names({str(name): 1 for name in unreadable})))
    known = {name: count_of(covered, name) for name in ("suppressed", "undated_guards", "undated", "future")}
    if covered.get("ok") is False:  # undated and early ones are counted of a good log, too
        gaps += [words.say(f"gap_{name}", n=n) for name, n in known.items() if n]
    elif known["suppressed"]:
        gaps.append(words.say("gap_suppressed", n=known["suppressed"]))
    short = _covered_for(seen, words)
    # A trace by the process that runs is enough: a log that begins with the service is short and hides nothing.
    if short and not covered.get("process_seen") and number(covered["covered_seconds"], "covered_seconds") < _COVERED:
        gaps.append(short)
    told = covered.get("process_seen") is False or covered.get("incomplete")
    if covered.get("ok") is False and not gaps and not told:
        gaps.append(words.say("gap_unknown"))
    for gap in gaps:
        yield "not_covered", gap


def _covered_for(seen: Seen, words: Words) -> str:
    """For how long the log speaks, where that is less than was asked for; else nothing."""
    covered = seen.part("covered")
    if covered.get("covered_seconds") is None or covered.get("window_seconds") is None:
        return ""
    there = number(covered["covered_seconds"], "covered_seconds")
    window = number(covered["window_seconds"], "window_seconds")
    if there >= _WHOLE * window:
        return ""
    since = redact(str(covered.get("first") or "?"))[:40]
    return words.say("covered_for", covered=words.duration(there), window=words.duration(window), since=since)


def _blindness(seen: Seen, words: Words, service: _Service, *, expected: bool) -> Iterator[_Finding]:
    # A good log proves nothing of a service that could not be looked at: it may be another process's, of before.
    if service.known is False:
        yield "service_unknown", words.say("service_unknown")
    if service.running is False:
        yield "service_down", words.say("service_down")
    elif service.answering is False:
        yield "service_silent", words.say("service_silent")
    elif service.ill:
        yield "service_ill", words.say("service_ill", said=service.ill)
    if len(seen.missing) == len(REQUIRED):
        yield "log_unreadable", words.say("log_unreadable")
        return
    if seen.missing:
        yield "log_unreadable", words.say("log_incomplete", missing=", ".join(seen.missing))
    if seen.window_asked and seen.timestamps == "none" and (seen.undated or seen.records):
        yield "no_timestamps", words.say("no_timestamps")
    elif seen.window_asked and seen.undated > seen.records:
        yield "no_timestamps", words.say("mostly_undated", undated=seen.undated, records=seen.records)
    elif expected and "records" not in seen.missing:
        if not seen.records:
            yield "no_data", words.say("no_data")
        elif not (seen.planned or seen.read or seen.rate["n"] or seen.contradicting or seen.missing):
            yield "no_data", words.say("no_message")


def _incidents(seen: Seen, words: Words) -> Iterator[_Finding]:
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
    if seen.invalid:
        yield "invalid_instance", words.say("invalid_instance", names=words.names(seen.invalid))
    if seen.mismatches:
        yield "state_mismatch", words.say("state_mismatch", handoffs=words.many(seen.mismatches, "handoff"))
    if seen.unexpected:
        yield "unexpected_instance", words.say("unexpected_instance", names=words.names(seen.unexpected))


def _fence(fenced: Mapping[str, Any] | Truth) -> dict[str, Any]:
    """The fence as a mapping, empty where there is none."""
    if isinstance(fenced, Mapping):
        known = dict(fenced)
        return known if flag(known.get("present"), "fenced.present") else {}
    return {"present": True} if flag(fenced, "fenced") else {}


def _held_by_fence(seen: Seen, service: _Service) -> bool:
    """Whether all that the service tries to send stays in our own fence."""
    return bool(service.fence) and not seen.delivered


def _kill_switch(seen: Seen, words: Words, service: _Service) -> Iterator[_Finding]:
    attempts = max(count_of(service.fence, "attempts"), seen.sent) if service.fence else 0
    if _held_by_fence(seen, service) and attempts:
        since = redact(str(service.fence.get("since") or "?"))[:40]
        yield "held_by_fence", words.say("held_by_fence", since=since, attempts=attempts)
        if service.delivery_disabled:
            yield "kill_switch", words.say("kill_switch")
    elif service.delivery_disabled and (seen.sent or seen.delivered):
        # Results without a send are messages that went out as well: the sends are another worker's, or not traced.
        out = words.many(max(seen.sent, seen.delivered), "message")
        yield "kill_switch_ignored", words.say("kill_switch_ignored", messages=out)
    elif service.delivery_disabled:
        yield "kill_switch", words.say("kill_switch")


def _oddities(seen: Seen, words: Words) -> Iterator[_Finding]:
    """What is not as it should be, and no loss on the way from planner to gateway."""
    if often(seen.repeated, seen.answers):
        yield "repeated_sends", words.say("repeated_sends", n=seen.repeated, answers=seen.answers)
    elif seen.repeated_most >= _COPIES:
        yield "repeated_sends", words.say("repeated_to_one", n=seen.repeated_most + 1)
    if often(seen.in_part, seen.answers + seen.in_part):
        yield "sent_in_part", words.say("sent_in_part", n=seen.in_part, of=seen.answers + seen.in_part)
    if often(seen.late_read, seen.planned) or often(seen.late_settled, seen.answers):
        yield "delivery_late", words.say("delivery_late", read=seen.late_read, settled=seen.late_settled)


def _stage(seen: Seen, words: Words, stage: Stage, test: Followed, limits: _Limits) -> Iterator[_Finding]:
    """The sequential test of a stage before the results."""
    well, wrong = seen.of_stage(stage)
    evidence = test.detector.evidence
    fields = {"wrong": wrong, "n": well + wrong, "m": words.evidence(evidence)}
    rate = words.say(f"{stage.name}_wrong", **fields)
    few = seen.too_few_recipients(stage.wrong)
    if evidence >= limits.rollback and few is None:
        yield stage.rollback, words.say("evidence_rollback", rate=rate, limit=f"{limits.rollback:g}")
    elif evidence >= limits.rollback:
        yield stage.watch, words.say("few_recipients", rate=rate, limit=f"{limits.rollback:g}", n=few)
    elif test.watching:
        yield stage.watch, _watch_text(words, rate, evidence, limits)
    elif wrong and not well:
        yield stage.watch, words.say("none_went_well", rate=rate)
    elif few is None and seen.loses_many_of_few(stage):
        yield stage.watch, words.say("many_of_few", rate=rate)


def _watch_text(words: Words, rate: str, evidence: float, limits: _Limits) -> str:
    key = "evidence_watch" if evidence >= limits.watch else "evidence_lingers"
    return words.say(key, rate=rate, limit=f"{limits.watch:g}", leave=words.decimal(f"{LEAVE_BELOW:g}"))


def _totals(seen: Seen, words: Words, stage: Stage) -> Iterator[_Finding]:
    """What the totals of a window say of a stage that its minutes do not count."""
    if stage is READING and seen.unread:
        handoffs = words.many(seen.unread, "handoff")
        none = seen.unread >= FEW and not seen.read and not seen.lost
        if none and seen.too_few_recipients(stage.wrong) is None:
            yield "lost_handoff", words.say("never_read", handoffs=handoffs)
        else:
            yield stage.watch, words.say("unread_handoff", handoffs=handoffs)
    if stage is SENDING and seen.read >= FEW and not seen.sent:
        few = seen.too_few_recipients(stage.wrong)
        handoffs = words.many(seen.read, "handoff")
        yield "delivery_failing" if few is None else stage.watch, words.say("read_not_sent", handoffs=handoffs)
    elif stage is SENDING and seen.overdue_unsent:
        yield stage.watch, words.say("unsent_handoff", handoffs=words.many(seen.overdue_unsent, "handoff"))


def _delivery(seen: Seen, words: Words, test: Followed, limits: _Limits) -> Iterator[_Finding]:
    """The results of what was sent."""
    evidence, rate = test.detector.evidence, _rate_text(seen, words, test.detector)
    few = seen.too_few_recipients("failed")
    failing = evidence >= limits.rollback and few is None
    if failing:
        yield "delivery_failing", words.say("evidence_rollback", rate=rate, limit=f"{limits.rollback:g}")
    run = seen.run_failures >= FEW and seen.run_recipients >= RECIPIENTS
    if run:
        known = "" if failing else rate
        text = words.say("run", failures=seen.run_failures, recipients=seen.run_recipients, rate=known)
        yield "delivery_failing", text.rstrip()
    if evidence >= limits.rollback and few is not None:
        yield "delivery_degraded", words.say("few_recipients", rate=rate, limit=f"{limits.rollback:g}", n=few)
    elif evidence < limits.rollback and test.watching:
        yield "delivery_degraded", _watch_text(words, rate, evidence, limits)
    elif not seen.minutes and seen.rate["n"] and seen.rate["high"] < limits.target:
        yield "delivery_degraded", words.say("interval_below", rate=rate, target=words.percent(limits.target))
    elif not failing and not run and few is None and seen.loses_many_of_few(RESULTS):
        yield "delivery_degraded", words.say("many_of_few", rate=rate)
    elif not failing and not run and seen.rate["n"] and not seen.delivered:
        yield "few_failed", words.say("few_failed", failures=words.many(seen.rate["n"], "failure"))


def _contradictions(seen: Seen, words: Words, test: Followed, limits: _Limits) -> Iterator[_Finding]:
    """Success with an HTTP error. Nobody knows what became of those messages: no delivery is seen in them."""
    results = seen.rate["n"] + seen.contradicting
    rate = words.say("results_contradict", n=seen.contradicting, results=results)
    if test.detector.evidence >= limits.rollback and seen.too_few_recipients(CONTRADICTING.wrong) is None:
        yield CONTRADICTING.rollback, words.say("evidence_rollback", rate=rate, limit=f"{limits.rollback:g}")
    elif seen.contradicting >= AT_LEAST or (seen.contradicting and seen.contradicting >= SHARE * results):
        yield CONTRADICTING.watch, rate
    elif test.watching:
        yield CONTRADICTING.watch, _watch_text(words, rate, test.detector.evidence, limits)


def _without_send(seen: Seen, words: Words, test: Followed, limits: _Limits) -> Iterator[_Finding]:
    """Results of messages that were read and, by the log, never sent. What they say of the delivery counts as it is."""
    if test.watching:
        sent, without = seen.of_stage(WITHOUT_SEND)
        rate = words.say("results_without_send", n=without, results=sent + without)
        yield WITHOUT_SEND.watch, _watch_text(words, rate, test.detector.evidence, limits)


def _dropping(seen: Seen, words: Words, test: Followed, limits: _Limits) -> Iterator[_Finding]:
    """What the assistant says it dropped: too much of all that came in, or of what came in for a while."""
    rate = words.say("dropped", n=seen.dropped, of=seen.received)
    if test.watching:
        yield DROPPING.watch, _watch_text(words, rate, test.detector.evidence, limits)
    elif seen.drops_often:
        yield DROPPING.watch, rate


def _would_change(cause: str, seen: Seen, words: Words, *, tests: dict[str, Followed], limits: _Limits) -> str:
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
