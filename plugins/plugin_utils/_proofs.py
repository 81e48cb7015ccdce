# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a recovery is proven, by the success criteria of the procedures.

Pure: no host, no clock, no memory. Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Union

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import (
    Shown,
    number_of,
    part,
    unbelievable,
    unsent,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import PLANNING, STAGES, Seen, often
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    TARGET,
    exact_bounds,
    flag,
    number,
    sample_needed,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import (
    Criterion,
    Numeric,
    RecoveryProof,
    Traces,
    Truth,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES, verdict
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import recovery_proof as _texts
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import verdict as _verdict_texts

WINDOW = 900.0  # seconds without critical event, by the procedures
GOING_ON = 1 / 15  # the share of the window, a minute of the fifteen, within which an event means that it still happens
RECIPIENTS = 3  # what reaches fewer phones is no sample of what reaches the families
COVERED = 0.95  # the share of the window that the log has to show; what is cut off by the time of a look is less
LOOKS = 8  # windows over which the error is spent; later ones have the share of the eighth

_Moment = Union[str, float, None]  # ISO 8601, or seconds since the epoch
_Judged = tuple[Criterion, str]  # a criterion, and the sentence for it


class _Proof:
    """The facts that the criteria need, checked."""

    def __init__(
        self,
        traces: Traces | None,
        restarted: Traces | None,
        *,
        window: Numeric,
        began: _Moment | Sequence[_Moment],
        now: _Moment,
        target: Numeric,
        loss: Numeric,
        error: Numeric,
        disabled: bool | None,
        fenced: bool | None,
        locale: str,
    ) -> None:
        self.words = Words(locale, _verdict_texts.TEXTS, _texts.TEXTS)
        self.seen = Seen(traces)
        # What came before a critical event says nothing of what came after it.
        self.sample = self.seen if restarted is None else Seen(restarted)
        self.window = number(window, "window")
        if self.window <= 0:
            raise ValueError(f"window must be more than 0 seconds, such as {WINDOW:g}, not {self.window:g}.")
        self.target, self.loss = number(target, "target"), number(loss, "loss")
        self.safe_mode = disabled is True
        self.fenced = fenced is True
        traces = traces or Traces()
        self.now = _moment(now if now is not None else traces.get("measured"), "now")
        first = _moment((traces.get("window") or {}).get("since") or traces.get("first"), "traces.window.since")
        moments = [_moment(item, "began") for item in (began if isinstance(began, (list, tuple)) else [began])]
        self.began = max((moment for moment in moments if moment is not None), default=first)
        self.error = spent(number(error, "error"), self.age(self.began), self.window)
        self.last = _moment(traces.get("last"), "traces.last")
        self.critical_at = _moment((traces.get("critical") or {}).get("last"), "traces.critical.last")
        seen = self.seen
        self.events = {
            "guard": seen.incidents,
            "lost": seen.lost,
            "mismatch": seen.mismatches,
            # Who is answered from another company's number is not served, whatever the gateway says of it.
            "instance": sum(seen.invalid.values()) + sum(seen.unexpected.values()),
        }
        # One bad turn leaves several of these signs: the largest count is how many there were at least.
        self.critical = max(self.events.values())
        if self.critical_at is None and seen.unexpected:
            self.critical_at = self.last
        counted = traces if restarted is None else restarted
        self.kept_in = Shown(counted).matured
        self.unread = max(self.sample.unread, number_of(part(counted, "overdue"), "planned"))
        self.unsent = unsent(counted)
        known = part(counted, "recipients").get("success")
        self.recipients = None if known is None else int(known)
        undated = seen.window_asked and seen.timestamps == "none" and bool(seen.undated or seen.records)
        self.blind = "log_unreadable" if seen.missing else "no_timestamps" if undated else ""
        if not self.blind and not seen.records:
            self.blind = "no_data"
        self.doubts = [] if self.blind else self._doubts(traces, counted)
        if "log_foreign" in self.doubts:
            self.blind = "log_foreign"

    def _doubts(self, traces: Traces, counted: Traces) -> list[str]:
        """Why nothing good may be said of the window, as codes: then nothing is met, and what is unmet stays so.

        The log does not show it whole, or what the verdict knows from the same traces speaks against it: the share of a
        window says little of its last minute.
        """
        causes = verdict(counted, target=self.target, delivery_disabled=self.safe_mode, fenced=self.fenced)["causes"]
        evidence = part(traces, "evidence")
        doubts = [code] if (code := unbelievable(traces)) else []
        if part(evidence, "fresh").get("ok") is False:
            doubts.append("proof_stale")
        if any(stage.rollback in causes and CAUSES[stage.rollback].status == "rollback" for stage in STAGES):
            doubts.append("proof_outage")
        doubts += [f"proof_{cause}" for cause in ("dropped", "sent_in_part") if cause in causes]
        covered = part(evidence, "covered")
        seconds = covered.get("covered_seconds")
        # What was before the present state is not asked for, so the log need not show it either.
        wanted = min(self.window, self.window if (age := self.age(self.began)) is None else age)
        if covered.get("ok") is False or (seconds is not None and float(seconds) < COVERED * wanted):
            doubts.append("proof_not_covered")
        if self.seen.unparsed_guards:
            doubts.append("proof_guards_unread")
        planned, unplanned = self.sample.of_stage(PLANNING)
        if often(unplanned, planned + unplanned):
            doubts.append("proof_unplanned")
        if not self.safe_mode and often(self.sample.repeated, self.sample.answers):
            doubts.append("proof_copies")
        return doubts

    @property
    def unclear(self) -> bool:
        """Whether nothing good may be said."""
        return bool(self.blind or self.doubts)

    def age(self, moment: float | None) -> float | None:
        """Seconds since `moment`; `None` when either time is unknown. Never negative: clocks may differ a little."""
        return None if moment is None or self.now is None else round(max(0.0, self.now - moment), 3)

    @property
    def quiet(self) -> float | None:
        """Seconds without critical event in the present state; `None` when unknown."""
        if self.critical and self.critical_at is None:
            return None
        if self.began is None:
            return None
        return self.age(max(self.began, self.critical_at or self.began))


def spent(error: float, elapsed: float | None, window: float) -> float:
    """Return the share of `error` that one look may spend.

    Who asks again and again is right with each look by itself, and wrong with all of them together: at 5 % a look, a
    true 94.9 % is "proven" in every second evening. So the k-th window since the present state began may spend
    error * 6 / (pi * k)^2, which sums up to `error` over all k: the union bound, with the sum of 1/k^2 = pi^2 / 6
    (L. Euler, "De summis serierum reciprocarum", 1740). Looks within one window share most of their sample, and the
    first window is full only as it ends: what it leaves over pays for them, as the simulation among the tests shows.
    From the eighth window on the share stays, so that 900 clean messages are a proof at any time.
    """
    if not 0 < error < 1:
        raise ValueError(f"error must lie between 0 and 1, such as 0.05, not {error:g}.")
    k = 1 if not elapsed else min(LOOKS, max(1, math.ceil(elapsed / window)))
    return error * 6 / (math.pi * k) ** 2


def recovery_proof(
    traces: Traces | None,
    restarted: Traces | None = None,
    window: Numeric = WINDOW,
    began: _Moment | Sequence[_Moment] = None,
    now: _Moment = None,
    service_running: Truth = None,
    service_answering: Truth = None,
    delivery_disabled: Truth = None,
    fenced: Truth = None,
    target: Numeric = TARGET,
    loss: Numeric = 0.01,
    error: Numeric = 0.05,
    locale: str = "en",
) -> RecoveryProof:
    """Judge the success criteria by `traces` of the window that ends now (or `None`, where reading failed). Return

        {status, safe_mode, restarts_at, wait_seconds, full_at, reasons: [sentence, ...],
         criteria: [{criterion, status, value, low, high, n, needed, age_seconds}, ...]}

    `criterion` is `critical`, `delivered`, `lost` or `stable`; its `status` is `met`, `unmet`, `insufficient` (not
    enough seen to say) or `not_applicable`. `low` and `high` are exact one-sided bounds, each wrong with a chance of
    at most the share of `error` that this look may spend (`spent`); `needed` is the sample that would prove it with as
    many failures as there are now.

    critical    `value` events, at least; `age_seconds` since the last
    delivered   share of the outcomes, one a conversation and minute as in the verdict; what contradicts itself, and who
                wrote and had nothing planned, was not delivered; `age_seconds` of the last record
    lost        share of the hand-offs that were lost, not read or read and not sent; `age_seconds` of the last record
    stable      `value` seconds since the present state began or since the last critical event; `needed` is the window

    `proven` needs each criterion that applies to be met, and the service known to run. `failed` is what time alone
    does not mend: less than the target is proven to be delivered, or as much as is not tolerated to be lost; the
    service is down; messages go out in spite of the kill-switch; or a critical event is younger than a fifteenth of
    the window (a minute of the fifteen), so that it must be taken to go on. An older event makes the answer
    `insufficient`: the window begins again at it (`restarts_at`), and `wait_seconds` says how long it has to stay
    quiet yet, `full_at` until when. Everything else that is not proven is `insufficient` too; no data proves nothing.

    `restarted` are the traces since `restarts_at`, for a second look when there was a critical event: `delivered` and
    `lost` are then judged by what came after it. Without them by the whole window.

    Nothing is met where the log is known not to show it: not the service's own or not understood, guards included,
    its newest event too old for this traffic, or a part of the window missing (`traces.evidence`); nor where the
    verdict on the same traces calls for a rollback by a stage, as in an outage that has just begun, or is `dropped`;
    nor where answers are sent in part or in copies, or more than one message in twenty has nothing planned for it. What
    is unmet stays so, but in a log of others. What was delivered to fewer than three recipients is `insufficient`. An
    instance that is not the expected one is a critical event.

    `began` is when the present state began, as ISO 8601 or a list of such times (last act, start of the process), of
    which the latest counts. `now` is the host's own time, `traces.measured` where it is not given.

    With the kill-switch on (`delivery_disabled`) nothing is delivered: `safe_mode` is true, `delivered` does not
    apply, and neither does `lost` if delivery reads nothing then, so long as a message was planned. Sending at all is
    `failed`; behind the network fence (`fenced`) only what got through is.
    """
    running = flag(service_running, "service_running")
    answering = flag(service_answering, "service_answering")
    proof = _Proof(
        traces,
        restarted,
        disabled=flag(delivery_disabled, "delivery_disabled"),
        fenced=flag(fenced, "fenced"),
        window=window,
        began=began,
        now=now,
        target=target,
        loss=loss,
        error=error,
        locale=locale,
    )
    judged = [_critical(proof), _delivered(proof), _lost(proof), _stable(proof, running, answering)]

    failures = list(_failures(proof, judged, running))
    statuses = {criterion["status"] for criterion, _sentence in judged}
    status = "failed" if failures else "proven" if statuses <= {"met", "not_applicable"} else "insufficient"
    reasons = list(failures)
    if proof.safe_mode:
        reasons.append(proof.words.say("proof_safe_mode"))
    reasons += [proof.words.say(code) for code in dict.fromkeys([proof.blind, *proof.doubts]) if code]
    if proof.unclear:  # what has been seen of it would do, and has its own sentence why it does not
        judged = [(item, "" if _has_enough(item) else sentence) for item, sentence in judged]
    # What is missing comes before what is there.
    order = ("unmet", "insufficient", "met", "not_applicable")
    told = sorted(judged, key=lambda pair: order.index(pair[0]["status"]))
    wait = 0.0 if status == "proven" else round(max(0.0, proof.window - (proof.quiet or 0.0)), 3)
    return {
        "status": status,
        "safe_mode": proof.safe_mode,
        # Times are cut to milliseconds: the next one is the first after the event.
        "restarts_at": iso(proof.critical_at + 0.001) if proof.critical and proof.critical_at is not None else None,
        "wait_seconds": wait,
        "full_at": None if proof.now is None else iso(proof.now + wait),
        "reasons": reasons + [sentence for _item, sentence in told if sentence and sentence not in failures],
        "criteria": [criterion for criterion, _sentence in judged],
    }


def _has_enough(item: Criterion) -> bool:
    """Whether neither a larger sample nor more time is called for."""
    seen = item["value"] if item["n"] is None else item["n"]
    return item["status"] == "insufficient" and seen is not None and seen >= (item["needed"] or 0)


def _criterion(
    name: str,
    status: str,
    *,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    needed: float | None = None,
    age_seconds: float | None = None,
) -> Criterion:
    return {
        "criterion": name,
        "status": status,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "needed": needed,
        "age_seconds": age_seconds,
    }


def _critical(proof: _Proof) -> _Judged:
    words, age = proof.words, proof.age(proof.critical_at)
    if not proof.critical:
        status, sentence = ("insufficient", "") if proof.unclear else ("met", words.say("proof_none_critical"))
        return _criterion("critical", status, value=0, needed=0), sentence
    quiet = proof.quiet
    met = quiet is not None and quiet >= proof.window and not proof.unclear
    events = ", ".join(f"{name} {n}" for name, n in proof.events.items() if n)
    if age is None:
        sentence = words.say("proof_critical_undated", events=events)
    else:
        sentence = words.say("proof_critical", events=events, age=words.duration(age))
    status = "met" if met else "unmet"
    return _criterion("critical", status, value=proof.critical, needed=0, age_seconds=age), sentence


def _delivered(proof: _Proof) -> _Judged:
    """At least `target` delivered, in the unit of the verdict: one outcome for each conversation and minute."""
    if proof.safe_mode:
        return _criterion("delivered", "not_applicable"), ""
    minutes, people = proof.sample.minutes, proof.sample.recipients.get("contradicting")
    success = sum(row["success"] for row in minutes)
    failed = sum(row["failed"] + (row.get("unplanned") or 0) for row in minutes)
    # These are told by the line: of a minute they are no more outcomes than there are people whom they concern.
    told_so = [row.get("contradicting") or 0 for row in minutes]
    failed += sum(told_so if people is None else (min(count, people) for count in told_so))
    n, needed = success + failed, sample_needed(failed, 1 - proof.target, proof.error)
    bounds = exact_bounds(success, n, proof.error)
    few = proof.recipients is not None and proof.recipients < RECIPIENTS
    told = ""
    if proof.blind or not n:
        status = "insufficient"
    elif bounds["high"] < proof.target:
        status = "unmet"
    elif bounds["low"] >= proof.target and not proof.doubts:
        status, told = ("insufficient", "recipients") if few else ("met", "")
    else:
        status = "insufficient"
    words = proof.words
    sentence = words.say(
        f"proof_delivered_{(told or status) if n else 'none'}",
        recipients=proof.recipients,
        rate=words.percent(success / n) if n else "",
        n=n,
        needed=needed,
        target=words.percent(proof.target),
        low=words.percent(bounds["low"]),
        high=words.percent(bounds["high"]),
    )
    value, age = success / n if n else None, proof.age(proof.last)
    return _criterion("delivered", status, value=value, n=n, needed=needed, age_seconds=age, **bounds), sentence


def _lost(proof: _Proof) -> _Judged:
    """Less than `loss` of the hand-offs lost. Planned and never read, or read and never sent, is lost too, unless the
    kill-switch explains it."""
    seen = proof.sample
    missing = seen.lost + (0 if proof.safe_mode else proof.unread)
    lost = missing + (0 if proof.safe_mode else proof.unsent)
    # What was not sent is among what was read.
    n = max(seen.read + missing, lost)
    if proof.safe_mode and not n:
        if proof.kept_in:
            return _criterion("lost", "not_applicable"), ""
        return _criterion("lost", "insufficient", n=0, needed=1), proof.words.say("proof_safe_unplanned")
    needed, bounds = sample_needed(lost, proof.loss, proof.error), exact_bounds(lost, n, proof.error)
    if proof.blind or not n:
        status = "insufficient"
    elif bounds["low"] >= proof.loss:
        status = "unmet"
    else:
        status = "met" if bounds["high"] < proof.loss and not proof.doubts else "insufficient"
    words = proof.words
    sentence = words.say(
        f"proof_lost_{status if n else 'none'}",
        lost=lost,
        n=n,
        needed=needed,
        target=words.percent(proof.loss),
        low=words.percent(bounds["low"]),
        high=words.percent(bounds["high"]),
    )
    value, age = lost / n if n else None, proof.age(proof.last)
    return _criterion("lost", status, value=value, n=n, needed=needed, age_seconds=age, **bounds), sentence


def _stable(proof: _Proof, running: bool | None, answering: bool | None) -> _Judged:
    words, quiet = proof.words, proof.quiet
    spans = {
        "quiet": words.duration(quiet or 0),
        "window": words.duration(proof.window),
        "wait": words.duration(max(0.0, proof.window - (quiet or 0.0)) + 0.999),
    }
    if running is False:
        status, sentence = "unmet", words.say("proof_service_down")
    elif running is None:
        status, sentence = "insufficient", words.say("proof_service_unknown")
    elif answering is False:
        status, sentence = "unmet", words.say("proof_service_silent")
    elif quiet is not None and quiet >= proof.window and not proof.unclear:
        status, sentence = "met", words.say("proof_stable_met", **spans)
    else:
        status, sentence = "insufficient", words.say("proof_stable_insufficient", **spans)
    return _criterion("stable", status, value=quiet, needed=proof.window, age_seconds=quiet), sentence


def _failures(proof: _Proof, judged: Sequence[_Judged], running: bool | None) -> Iterator[str]:
    """What time alone does not mend, a sentence each."""
    words = proof.words
    if running is False:
        yield words.say("proof_service_down")
    if proof.safe_mode:
        through = proof.seen.delivered if proof.fenced else max(proof.seen.sent, proof.seen.delivered)
        if through:
            yield words.say("proof_leaks" if proof.fenced else "proof_sent", messages=words.many(through, "message"))
    age = proof.age(proof.critical_at)
    if proof.critical and age is not None and age < proof.window * GOING_ON:
        yield words.say("proof_going_on", age=words.duration(age))
    for criterion, sentence in judged:
        if criterion["criterion"] in ("delivered", "lost") and criterion["status"] == "unmet":
            yield sentence


def _moment(value: object, name: str) -> float | None:
    """Read a time: seconds since the epoch, or ISO 8601; `None` and nothing are `None`."""
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value, name)
    try:
        return parse_when(str(value), 0.0)
    except ValueError as error:
        raise ValueError(f"{name}: {error}.") from None
