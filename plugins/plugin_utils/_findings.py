# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules: each finds causes in what was counted, with the sentence for them. Pure.

Which of several findings is the worst, and what follows from it, is the verdict's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import (
    AT_LEAST,
    CONTRADICTING,
    DROPPING,
    FEW,
    READING,
    RECIPIENTS,
    REQUIRED,
    RESULTS,
    SENDING,
    SHARE,
    WITHOUT_SEND,
    Seen,
    Stage,
    count_of,
    often,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    LEAVE_BELOW,
    Detector,
    Followed,
    flag,
    number,
    sequence,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Truth
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

_COPIES = 3  # of one answer: whoever gets it four times blocks the number
_COVERED = 1800.0  # seconds of a longer window for which a log can be called well
_WHOLE = 0.95  # the share of a window that counts as all of it


class Limits(NamedTuple):
    """The success rate that is wanted, and how much evidence against it calls for what."""

    target: float
    watch: float
    rollback: float


class Service(NamedTuple):
    """What is known of the service beside its log; `None` is not known."""

    known: bool | None
    running: bool | None
    answering: bool | None
    delivery_disabled: bool
    fence: dict[str, Any]  # {present, attempts, since}; empty without one
    ill: str = ""  # what it says of itself when it is not well


class Expected(NamedTuple):
    """Whether a message should have come by now, and a trace by the process that runs."""

    message: bool
    trace: bool


Finding = tuple[str, str]  # a cause, and the sentence for it


def evidence(seen: Seen, words: Words, *, expected: Expected) -> Iterator[Finding]:
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


def _no_heartbeat(seen: Seen, words: Words, cause: str) -> Iterator[Finding]:
    if seen.heartbeat.get("ok") is False:
        limit = number(seen.heartbeat.get("limit_seconds") or 0, "heartbeat.limit_seconds")
        yield cause, words.say("heartbeat_missing", limit=words.duration(limit))


def _gaps(seen: Seen, words: Words, covered: dict[str, Any]) -> Iterator[Finding]:
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
    short = covered_for(seen, words)
    # A trace by the process that runs is enough: a log that begins with the service is short and hides nothing.
    if short and not covered.get("process_seen") and number(covered["covered_seconds"], "covered_seconds") < _COVERED:
        gaps.append(short)
    told = covered.get("process_seen") is False or covered.get("incomplete")
    if covered.get("ok") is False and not gaps and not told:
        gaps.append(words.say("gap_unknown"))
    for gap in gaps:
        yield "not_covered", gap


def covered_for(seen: Seen, words: Words) -> str:
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


def blindness(seen: Seen, words: Words, service: Service, *, expected: bool) -> Iterator[Finding]:
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


def incidents(seen: Seen, words: Words) -> Iterator[Finding]:
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


def fence_of(fenced: Mapping[str, Any] | Truth) -> dict[str, Any]:
    """The fence as a mapping, empty where there is none."""
    if isinstance(fenced, Mapping):
        known = dict(fenced)
        return known if flag(known.get("present"), "fenced.present") else {}
    return {"present": True} if flag(fenced, "fenced") else {}


def held_by_fence(seen: Seen, service: Service) -> bool:
    """Whether all that the service tries to send stays in our own fence."""
    return bool(service.fence) and not seen.delivered


def kill_switch(seen: Seen, words: Words, service: Service) -> Iterator[Finding]:
    attempts = max(count_of(service.fence, "attempts"), seen.sent) if service.fence else 0
    if held_by_fence(seen, service) and attempts:
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


def oddities(seen: Seen, words: Words) -> Iterator[Finding]:
    """What is not as it should be, and no loss on the way from planner to gateway."""
    if often(seen.repeated, seen.answers):
        yield "repeated_sends", words.say("repeated_sends", n=seen.repeated, answers=seen.answers)
    elif seen.repeated_most >= _COPIES:
        yield "repeated_sends", words.say("repeated_to_one", n=seen.repeated_most + 1)
    if often(seen.in_part, seen.answers + seen.in_part):
        yield "sent_in_part", words.say("sent_in_part", n=seen.in_part, of=seen.answers + seen.in_part)
    if often(seen.late_read, seen.planned) or often(seen.late_settled, seen.answers):
        yield "delivery_late", words.say("delivery_late", read=seen.late_read, settled=seen.late_settled)


def stage_tested(seen: Seen, words: Words, stage: Stage, test: Followed, limits: Limits) -> Iterator[Finding]:
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


def _watch_text(words: Words, rate: str, evidence: float, limits: Limits) -> str:
    key = "evidence_watch" if evidence >= limits.watch else "evidence_lingers"
    return words.say(key, rate=rate, limit=f"{limits.watch:g}", leave=words.decimal(f"{LEAVE_BELOW:g}"))


def totals(seen: Seen, words: Words, stage: Stage) -> Iterator[Finding]:
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


def delivery(seen: Seen, words: Words, test: Followed, limits: Limits) -> Iterator[Finding]:
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


def contradictions(seen: Seen, words: Words, test: Followed, limits: Limits) -> Iterator[Finding]:
    """Success with an HTTP error. Nobody knows what became of those messages: no delivery is seen in them."""
    results = seen.rate["n"] + seen.contradicting
    rate = words.say("results_contradict", n=seen.contradicting, results=results)
    if test.detector.evidence >= limits.rollback and seen.too_few_recipients(CONTRADICTING.wrong) is None:
        yield CONTRADICTING.rollback, words.say("evidence_rollback", rate=rate, limit=f"{limits.rollback:g}")
    elif seen.contradicting >= AT_LEAST or (seen.contradicting and seen.contradicting >= SHARE * results):
        yield CONTRADICTING.watch, rate
    elif test.watching:
        yield CONTRADICTING.watch, _watch_text(words, rate, test.detector.evidence, limits)


def without_send(seen: Seen, words: Words, test: Followed, limits: Limits) -> Iterator[Finding]:
    """Results of messages that were read and, by the log, never sent. What they say of the delivery counts as it is."""
    if test.watching:
        sent, without = seen.of_stage(WITHOUT_SEND)
        rate = words.say("results_without_send", n=without, results=sent + without)
        yield WITHOUT_SEND.watch, _watch_text(words, rate, test.detector.evidence, limits)


def dropping(seen: Seen, words: Words, test: Followed, limits: Limits) -> Iterator[Finding]:
    """What the assistant says it dropped: too much of all that came in, or of what came in for a while."""
    rate = words.say("dropped", n=seen.dropped, of=seen.received)
    if test.watching:
        yield DROPPING.watch, _watch_text(words, rate, test.detector.evidence, limits)
    elif seen.drops_often:
        yield DROPPING.watch, rate


def no_alarm(seen: Seen, words: Words, detector: Detector, *, limits: Limits) -> str:
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
