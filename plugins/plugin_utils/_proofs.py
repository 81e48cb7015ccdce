# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an act or a recovery is proven, by what the service has and does next.

Pure: no host, no clock, no memory. Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union

from ansible_collections.kumon.runbook.plugins.module_utils._details import detail
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import delivery_off as kept_off
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    exact_bounds,
    number,
    sample_needed,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import (
    ActProof,
    Criterion,
    Numeric,
    Observation,
    RecoveryProof,
    Traces,
    Truth,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import Seen, flag
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import recovery_proof as _texts
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import verdict as _verdict_texts

WINDOW = 900.0  # seconds without critical event, by the procedures
GOING_ON = 1 / 15  # the share of the window, a minute of the fifteen, within which an event means that it still happens

_Moment = Union[str, float, None]  # ISO 8601, or seconds since the epoch
_Judged = tuple[Criterion, str]  # a criterion, and the sentence for it


class _Proof:
    """The facts that the criteria need, checked."""

    words: Words
    seen: Seen
    sample: Seen
    window: float
    target: float
    loss: float
    error: float
    safe_mode: bool
    fenced: bool
    now: float | None
    began: float | None
    last: float | None
    critical_at: float | None
    events: dict[str, int]
    critical: int
    blind: str

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
        self.target, self.loss, self.error = number(target, "target"), number(loss, "loss"), number(error, "error")
        self.safe_mode = disabled is True
        self.fenced = fenced is True
        traces = traces or Traces()
        self.now = _moment(now if now is not None else traces.get("measured"), "now")
        first = _moment((traces.get("window") or {}).get("since") or traces.get("first"), "traces.window.since")
        moments = [_moment(item, "began") for item in (began if isinstance(began, (list, tuple)) else [began])]
        self.began = max((moment for moment in moments if moment is not None), default=first)
        self.last = _moment(traces.get("last"), "traces.last")
        self.critical_at = _moment((traces.get("critical") or {}).get("last"), "traces.critical.last")
        seen = self.seen
        self.events = {
            "guard": seen.incidents,
            "lost": seen.lost,
            "mismatch": seen.mismatches,
            "instance": sum(seen.invalid.values()),
        }
        # One bad turn leaves several of these signs: the largest count is how many there were at least.
        self.critical = max(self.events.values())
        undated = seen.window_asked and seen.timestamps == "none" and bool(seen.undated or seen.records)
        self.blind = "log_unreadable" if seen.missing else "no_timestamps" if undated else ""
        if not self.blind and not seen.records:
            self.blind = "no_data"

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
    target: Numeric = 0.95,
    loss: Numeric = 0.01,
    error: Numeric = 0.05,
    locale: str = "en",
) -> RecoveryProof:
    """Judge the success criteria by `traces` of the window that ends now (or `None`, where reading failed). Return

        {status, safe_mode, restarts_at, wait_seconds, full_at, reasons: [sentence, ...],
         criteria: [{criterion, status, value, low, high, n, needed, age_seconds}, ...]}

    `criterion` is `critical`, `delivered`, `lost` or `stable`; its `status` is `met`, `unmet`, `insufficient` (not
    enough seen to say) or `not_applicable`. `low` and `high` are exact one-sided bounds, each wrong with a chance of
    at most `error`; `needed` is the sample that would prove it with as many failures as there are now.

    critical    `value` events, at least; `age_seconds` since the last
    delivered   share of the outcomes, one a conversation and minute as in the verdict; `age_seconds` of the last record
    lost        share of the hand-offs; `age_seconds` of the last record
    stable      `value` seconds since the present state began or since the last critical event; `needed` is the window

    `proven` needs each criterion that applies to be met, and the service known to run. `failed` is what time alone
    does not mend: less than the target is proven to be delivered, or as much as is not tolerated to be lost; the
    service is down; messages go out in spite of the kill-switch; or a critical event is younger than a fifteenth of
    the window (a minute of the fifteen), so that it must be taken to go on. An older event makes the answer
    `insufficient`: the window begins again at it (`restarts_at`), and `wait_seconds` says how long it has to stay
    quiet yet, `full_at` until when. Everything else that is not proven is `insufficient` too; no data proves nothing.

    `restarted` are the traces since `restarts_at`, for a second look when there was a critical event: `delivered` and
    `lost` are then judged by what came after it. Without them by the whole window.

    `began` is when the present state began, as ISO 8601 or a list of such times (last act, start of the process), of
    which the latest counts. `now` is the host's own time, `traces.measured` where it is not given.

    With the kill-switch on (`delivery_disabled`) nothing is delivered: `safe_mode` is true, `delivered` does not
    apply, and neither does `lost` if delivery reads nothing then. Sending at all is `failed`; behind the network
    fence (`fenced`) only what got through is.
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
    if proof.blind:
        reasons.append(proof.words.say(proof.blind))
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
        status, sentence = ("insufficient", "") if proof.blind else ("met", words.say("proof_none_critical"))
        return _criterion("critical", status, value=0, needed=0), sentence
    quiet = proof.quiet
    met = quiet is not None and quiet >= proof.window and not proof.blind
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
    success = sum(row["success"] for row in proof.sample.minutes)
    failed = sum(row["failed"] for row in proof.sample.minutes)
    n, needed = success + failed, sample_needed(failed, 1 - proof.target, proof.error)
    bounds = exact_bounds(success, n, proof.error)
    if proof.blind or not n:
        status = "insufficient"
    elif bounds["low"] >= proof.target:
        status = "met"
    else:
        status = "unmet" if bounds["high"] < proof.target else "insufficient"
    words = proof.words
    sentence = words.say(
        f"proof_delivered_{status if n else 'none'}",
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
    """Less than `loss` of the hand-offs lost. Planned and never read is lost too, unless the kill-switch explains
    it."""
    seen = proof.sample
    lost = seen.lost + (0 if proof.safe_mode else seen.unread)
    n = seen.read + lost
    if proof.safe_mode and not n:
        return _criterion("lost", "not_applicable"), ""
    needed, bounds = sample_needed(lost, proof.loss, proof.error), exact_bounds(lost, n, proof.error)
    if proof.blind or not n:
        status = "insufficient"
    elif bounds["high"] < proof.loss:
        status = "met"
    else:
        status = "unmet" if bounds["low"] >= proof.loss else "insufficient"
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
    elif quiet is not None and quiet >= proof.window and not proof.blind:
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


def _observation(proof: str, had: bool, code: str, **fields: Any) -> Observation:
    """One thing that was looked at; its detail is put into words where it is shown."""
    return {"proof": proof, "had": had, "detail": detail(code, **fields)}


def kill_switch_proof(
    flags: Mapping[str, Any], traces: Traces | None = None, fence: Mapping[str, Any] | None = None
) -> ActProof:
    """Judge whether the kill-switch holds, by what the restarted process has and does.

    :param flags: what ``service_flags`` returned
    :param traces: what the process did since its start (since the fence, if there is one), None when that is unknown
    :param fence: what ``network_fence`` returned, if one was engaged
    :returns: ``{status: proven|ignored|unproven, reason, proofs: [{proof, had, detail: {code, fields}}, …]}``

    ``reason`` is one of ``reported`` (health says so), ``observed`` (messages planned, none sent), ``fenced`` (the
    gateway cannot be reached), ``not_in_process``, ``still_sending``, ``reports_false``, ``fence_leaks``,
    ``no_message_seen``.
    """
    proofs = list(flags.get("proofs") or [])
    holds = {proof["proof"]: proof["had"] for proof in proofs}
    delivery, handoff = (traces or {}).get("delivery") or {}, (traces or {}).get("handoff") or {}
    sent = max(int(delivery.get("sent") or 0), int(delivery.get("success") or 0))
    succeeded = int(delivery.get("success") or 0)
    planned = int(handoff.get("planned") or 0)
    if traces is None:
        proofs.append(_observation("log", False, "log_unread"))
    elif fence:
        proofs.append(_observation("log", succeeded == 0, "log_tried", sent=sent, succeeded=succeeded))
    else:
        proofs.append(_observation("log", planned > 0 and sent == 0, "log_planned", planned=planned, sent=sent))

    if fence:
        standing = bool(fence.get("present"))
        reach = {"uid": fence.get("uid"), "addresses": list(fence.get("addresses") or []), "port": fence.get("port")}
        proofs.append(_observation("fence", standing, "fence_stands", **reach))
        status, reason = ("proven", "fenced") if standing and not succeeded else ("ignored", "fence_leaks")
    elif not holds.get("environment"):
        status, reason = "unproven", "not_in_process"
    elif sent:
        status, reason = "ignored", "still_sending"
    elif any(value is False for value in (flags.get("reported") or {}).values()):
        status, reason = "ignored", "reports_false"
    elif holds.get("reported"):
        status, reason = "proven", "reported"
    elif planned:
        status, reason = "proven", "observed"
    else:
        status, reason = "unproven", "no_message_seen"
    return {"status": status, "reason": reason, "proofs": proofs}


def service_proof(
    service: Mapping[str, Any], traces: Traces | None = None, delivery_off: bool | None = None
) -> ActProof:
    """Judge whether an act on the service worked, by what its processes have and do next.

    :param service: what ``service_flags`` or ``release`` returned
    :param traces: what the process did since its start, None when that is unknown
    :param delivery_off: whether the kill-switch is effective, so that nothing may be sent; by default what the act kept
    :returns: ``{status: proven|ignored|unproven, reason, proofs: [{proof, had, detail: {code, fields}}, …]}``

    ``reason`` is one of ``observed`` (messages were planned and read without an incident), ``answering`` (health
    answers, no message came yet), ``still_failing`` (a critical incident since the start), ``still_sending``,
    ``not_in_process``, ``no_message_seen`` (and health does not answer).
    """
    if delivery_off is None:
        delivery_off = kept_off(service)
    proofs = list(service.get("proofs") or [])
    holds = {proof["proof"]: proof["had"] for proof in proofs}
    seen = traces or {}
    delivery, handoff = seen.get("delivery") or {}, seen.get("handoff") or {}
    planned, read, lost = (int(n or 0) for n in (handoff.get("planned"), handoff.get("read"), handoff.get("lost")))
    sent = max(int(delivery.get("sent") or 0), int(delivery.get("success") or 0))
    incidents = lost + int(handoff.get("state_mismatches") or 0) + int((seen.get("guards") or {}).get("incidents") or 0)
    if traces is None:
        proofs.append(_observation("log", False, "log_unread"))
    else:
        fits = not incidents and not (delivery_off and sent)
        counts = {"planned": planned, "read": read, "sent": sent, "incidents": incidents}
        proofs.append(_observation("log", fits and planned > 0, "log_service", **counts))

    if not holds.get("environment"):
        status, reason = "unproven", "not_in_process"
    elif incidents:
        status, reason = "ignored", "still_failing"
    elif delivery_off and sent:
        status, reason = "ignored", "still_sending"
    elif read or (delivery_off and planned):
        status, reason = "proven", "observed"
    elif holds.get("health"):
        status, reason = "proven", "answering"
    else:
        status, reason = "unproven", "no_message_seen"
    return {"status": status, "reason": reason, "proofs": proofs}
