# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an act had its effect, by what the service did with messages since, and beside what it did before.

Good news has to be seen: a message that was kept in, or one that was delivered. Health's own word is told as such. A
log that could not be read, is another service's or was not understood shows nothing good. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._details import detail
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import often
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import delivery_off as kept_off
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import TARGET, wilson_interval
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import ActProof, Observation, Traces

FEW = 5
"""With fewer results or sends since the act it is not compared with what was before it."""

SURE = 0.01
"""The chance at which a difference to before the act is none: that of the sudden rise (`failure_rise`)."""

MATURE = 5.0
"""Seconds after which a planned message would have been sent, where the log does not show how long that takes."""

COPIES = 1.5
"""So many sends a message, and so many times those of before, are more than a message takes."""


class Shown:
    """What the log shows of the messages of a span, as whole numbers; what it has not counts as not seen.

    `blind` is why nothing good may be taken from it, a code of `words/details.py`. Of what is wrong a log that was not
    quite understood is believed; another service's log shows nothing at all. `doubt` is why the service may not be
    called well by it.
    """

    def __init__(self, traces: Traces | Mapping[str, Any] | None) -> None:
        given: dict[str, Any] = dict(traces or {})
        self.blind = "log_unread" if traces is None else unbelievable(given)
        if self.blind == "log_foreign":
            given = {}
        delivery, handoff = part(given, "delivery"), part(given, "handoff")
        overdue, instances = part(given, "overdue"), part(given, "instances")
        self.doubt = self.blind or ("log_guards_unread" if number_of(given, "unparsed_guards") else "")
        self.records = number_of(given, "records")
        self.planned, self.read = number_of(handoff, "planned"), number_of(handoff, "read")
        # Those that have waited for several times what a message takes to be sent. A newer one proves nothing yet, and
        # neither does one that is on its way.
        self.matured = self.planned if handoff.get("matured") is None else max(0, number_of(handoff, "matured"))
        self.success = number_of(delivery, "success")
        # Of messages sent in the span: one that was on its way by then says nothing of what is held back in it.
        self.let_out = max(0, self.success - number_of(given, "sent_before"))
        # Without any times a log does not tell what is stuck from what is on its way.
        timed = given.get("timestamps") != "none"
        # A success with an HTTP error is none, and was tried.
        failed = number_of(delivery, "failed") + number_of(given, "contradicting")
        self.failed = failed + (number_of(delivery, "unconfirmed") if timed else 0)
        self.sent = max(number_of(delivery, "sent"), self.let_out + failed)
        # In the unit of the verdict: one a conversation and minute, numbers that do not exist left out.
        self.outcomes = (by_minute(given, "success"), by_minute(given, "failed"))
        self.lost = number_of(handoff, "lost")
        self.incidents = (
            self.lost + number_of(handoff, "state_mismatches") + number_of(part(given, "guards"), "incidents")
        )
        # Who is answered from another company's number is not served either.
        wrong = [*part(instances, "invalid").values(), *part(instances, "unexpected").values()]
        self.invalid = sum(int(n or 0) for n in wrong)
        self.unread = max(number_of(handoff, "unread"), number_of(overdue, "planned")) if timed else 0
        self.unsent = unsent(given) if timed else 0
        stages = part(given, "stages")
        copies, unplanned = number_of(stages, "repeated"), by_minute(given, "unplanned") if timed else 0
        # A few are an accident, as in the verdict.
        in_part = number_of(stages, "missing") if timed else 0
        self.copies = copies if often(copies, self.sent) else 0
        self.in_part = in_part if often(in_part, self.sent + in_part) else 0
        self.unplanned = unplanned if often(unplanned, self.planned + unplanned) else 0
        received, dropped = number_of(stages, "received"), number_of(stages, "dropped")
        self.dropped = dropped if often(dropped, received) else 0
        self.messages = max(self.planned, received)
        # One that is old enough and has not matured is on its way: how long that takes nobody knows.
        self.wait = seconds_to_mature(given) or (0.0 if self.matured else MATURE) if self.planned else 0.0

    @property
    def unanswered(self) -> int:
        """Messages that got stuck on their way although there was time enough."""
        return self.unplanned + self.unread + self.unsent + self.in_part + self.dropped

    @property
    def failing(self) -> bool:
        """Whether half of the deliveries fail, or so many that the target is surely not reached."""
        success, failed = self.outcomes
        below = failed >= FEW and wilson_interval(success, success + failed)["high"] < TARGET
        return below or (self.failed > 0 and self.failed >= self.success)

    @property
    def missed(self) -> int:
        """Messages that were to be answered and were not."""
        return self.failed + self.lost + self.unanswered


def unbelievable(traces: Mapping[str, Any]) -> str:
    """Why nothing good may be taken from these traces, as a code; empty where nothing is known against them."""
    evidence = part(traces, "evidence")
    if part(evidence, "owned").get("ok") is False:
        return "log_foreign"
    understood = part(evidence, "understood")
    if understood.get("ok") is not False:
        return ""
    # Without a trace to understand, as after a start in a quiet hour, its grammar need not be another one.
    return "log_without_traces" if understood.get("candidates") == 0 else "log_not_understood"


def seconds_to_mature(traces: Mapping[str, Any]) -> float:
    """How long until the newest planned message has had three times what a message takes to be sent."""
    usual = part(traces, "delays").get("planned_sent")
    needed = MATURE if usual is None else 3 * max(1.0, float(usual))
    planned, measured = part(traces, "last_event").get("planned"), traces.get("measured")
    if planned and measured:
        needed -= max(0.0, parse_when(str(measured), 0.0) - parse_when(str(planned), 0.0))
    return round(max(0.0, needed), 1)


def unsent(traces: Mapping[str, Any]) -> int:
    """Messages that were read and not sent in time."""
    return max(number_of(part(traces, "overdue"), "read"), by_minute(traces, "unsent"))


def by_minute(traces: Mapping[str, Any], name: str) -> int:
    """The sum of a column over all minutes."""
    return sum(number_of(row, name) for row in traces.get("minutes") or [])


def part(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(data.get(name) or {})


def number_of(data: Mapping[str, Any], name: str) -> int:
    return int(data.get(name) or 0)


def effect_seen(traces: Traces | None, *, delivery_off: bool, fenced: bool = False) -> bool | None:
    """Whether the log shows the service as it has to be; false where it shows the opposite, None where neither.

    With delivery off that are messages that were planned and kept in, else messages that were delivered.
    """
    shown = Shown(traces)
    if delivery_off:
        if shown.let_out if fenced else shown.sent:
            return False
        good = shown.matured > 0 or (fenced and shown.sent > 0)
    else:
        if shown.failing or shown.incidents or shown.invalid:
            return False
        good = shown.success > 0 and not (shown.unanswered or shown.copies or shown.doubt)
    return True if good and not shown.blind else None


def kill_switch_proof(
    flags: Mapping[str, Any],
    traces: Traces | None = None,
    fence: Mapping[str, Any] | None = None,
    before: Traces | None = None,
) -> ActProof:
    """Judge whether the kill-switch holds, by what the restarted process has and does.

    :param flags: what ``service_flags`` returned
    :param traces: what the process did since its start (since the fence, if there is one), None when that is unknown
    :param fence: what ``network_fence`` returned, if one was engaged; by default what ``service_flags`` says of it
    :param before: what was before the act, if that was measured
    :returns: ``{status, reason, compared, wait_seconds, proofs: [{proof, had, detail: {code, fields}}, …]}``;
        ``wait_seconds`` is how soon another look may prove what this one does not

    ========  =====================================================================================================
    status    reason
    ========  =====================================================================================================
    proven    ``observed``: messages were planned, had time enough, and none was sent or tried; ``fenced``: the process
              tries, and the fence lets nothing out; ``fence_holds``: it lets nothing out, and what the process makes
              of the flag was not seen (an attempt of our own shows nothing of a process that sends through a proxy)
    reported  ``reported``: health says so, and nothing else does
    unproven  ``not_in_process``, ``no_message_seen``, ``too_soon`` (what was planned could still be sent),
              ``fence_unread`` (it stands, and the log was not read), ``fence_untried`` (it stands, and nothing ran into
              it)
    ignored   ``still_sending``, ``reports_false``, ``fence_leaks``
    worse     ``worse_sends``: more is sent for a message than before
    ========  =====================================================================================================
    """
    proofs: list[Observation] = list(flags.get("proofs") or [])
    holds = {proof["proof"]: proof["had"] for proof in proofs}
    engaged = part(flags, "fence")
    fence = fence or (engaged if engaged.get("present") else None)
    shown = Shown(traces)
    if shown.blind:
        proofs.append(_observation("log", False, shown.blind))
    elif fence:
        proofs.append(_observation("log", shown.let_out == 0, "log_tried", sent=shown.sent, succeeded=shown.let_out))
    else:
        kept_in = shown.matured > 0 and not shown.sent
        proofs.append(_observation("log", kept_in, "log_planned", planned=shown.planned, sent=shown.sent))

    if fence:
        proofs.append(_fence_proof(fence))
        if fence.get("proxied"):
            proofs.append(_observation("proxy", False, "fence_proxied"))
        # Of a restart that was not completed the log shows what both processes did.
        renewed = not flags.get("msg")
        # An environment that cannot be read shows neither: then the effect decides.
        in_process = holds.get("environment", False) is not False and renewed
        status, reason = _behind_fence(fence, shown, in_process=in_process, renewed=renewed)
        if reason == "fence_unread" and holds.get("reported"):
            status, reason = "reported", "reported"
        if reason != "observed":
            return {"status": status, "reason": reason, "compared": None, "wait_seconds": 0.0, "proofs": proofs}
        return _beside_before(status, reason, proofs, shown, before, delivery_off=True)
    if holds.get("environment", False) is False:
        status, reason = "unproven", "not_in_process"
    elif shown.sent:
        status, reason = "ignored", "still_sending"
    elif any(value is False for value in (flags.get("reported") or {}).values()):
        status, reason = "ignored", "reports_false"
    elif shown.matured and not shown.blind:
        status, reason = "proven", "observed"
    elif holds.get("reported"):
        status, reason = "reported", "reported"
    else:
        status, reason = "unproven", _nothing_seen(shown.planned, shown.blind)
    return _beside_before(status, reason, proofs, shown, before, delivery_off=True)


def _behind_fence(fence: Mapping[str, Any], shown: Shown, *, in_process: bool, renewed: bool) -> tuple[str, str]:
    """Status and reason of an act behind the fence. That it stands is no proof: something has to have run into it."""
    attempts = number_of(fence, "attempts")
    # What the processes of before have tried says nothing of those that have the flag.
    tried = max(0, attempts - number_of(fence, "attempts_before"))
    # What the log calls sent went elsewhere where a counter is known and nothing has run into it.
    # Through a proxy the service gets past what turns us away.
    ours = fence.get("attempt") == "refused" and not fence.get("proxied")
    refused = attempts > 0 or ours or (shown.sent > 0 and "attempts" not in fence)
    if not fence.get("present") or fence.get("attempt") == "passed" or shown.let_out:
        return "ignored", "fence_leaks"
    if shown.blind:
        return "unproven", "fence_unread"
    if shown.sent and renewed and refused:
        return "proven", "fenced"
    if in_process and shown.matured and not tried and not shown.sent:
        return "proven", "observed"
    return ("proven", "fence_holds") if refused else ("unproven", "fence_untried")


def _fence_proof(fence: Mapping[str, Any]) -> Observation:
    standing = bool(fence.get("present"))
    reach = {"uid": fence.get("uid"), "addresses": list(fence.get("addresses") or []), "port": fence.get("port")}
    if not fence.get("since"):
        return _observation("fence", standing, "fence_stands", **reach)
    counts = {"since": str(fence["since"]), "attempts": number_of(fence, "attempts")}
    if fence.get("sources"):
        reach = {**reach, "sources": list(fence["sources"])}
        return _observation("fence", standing, "fence_held_container", **counts, **reach)
    return _observation("fence", standing, "fence_held", **counts, **reach)


def service_proof(
    service: Mapping[str, Any],
    traces: Traces | None = None,
    delivery_off: bool | None = None,
    before: Traces | None = None,
) -> ActProof:
    """Judge whether an act on the service worked, by what its processes have and do next.

    :param service: what ``service_flags`` or ``release`` returned
    :param traces: what the process did since its start, None when that is unknown
    :param delivery_off: whether the kill-switch is effective, so that nothing may be sent; by default what the act kept
    :param before: what was before the act, if that was measured
    :returns: as `kill_switch_proof`

    ========  =====================================================================================================
    status    reason
    ========  =====================================================================================================
    proven    ``observed``: messages were delivered; with delivery off they were planned and kept in
    reported  ``answering``: health answers, and no message has proven more
    unproven  ``not_in_process``, ``no_message_seen``, ``too_soon``
    failed    ``delivery_failing``: half of the deliveries fail, or surely more than one in twenty; ``sends_copies``:
              more is sent than planned
    ignored   ``still_failing`` (messages get lost or stuck), ``wrong_instance``, ``still_sending``
    worse     ``worse_delivery``: significantly more messages fail than before; ``worse_sends``
    ========  =====================================================================================================
    """
    if delivery_off is None:
        delivery_off = kept_off(service)
    proofs: list[Observation] = list(service.get("proofs") or [])
    holds = {proof["proof"]: proof["had"] for proof in proofs}
    shown = Shown(traces)
    stuck = shown.unplanned if delivery_off else shown.unanswered
    bad = shown.incidents or shown.invalid or stuck
    works = shown.matured > 0 and not shown.sent if delivery_off else shown.success > 0 and not shown.failing
    if shown.doubt:
        proofs.append(_observation("log", False, shown.doubt))
    else:
        counts = {"planned": shown.planned, "read": shown.read, "sent": shown.sent, "success": shown.success}
        counts |= {"failed": shown.failed, "unanswered": stuck, "incidents": shown.incidents, "invalid": shown.invalid}
        proofs.append(_observation("log", works and not bad and not shown.copies, "log_service", **counts))

    if holds.get("environment", False) is False:
        status, reason = "unproven", "not_in_process"
    elif delivery_off and shown.sent:
        status, reason = "ignored", "still_sending"
    elif shown.invalid:
        status, reason = "ignored", "wrong_instance"
    elif bad:
        status, reason = "ignored", "still_failing"
    elif not delivery_off and shown.failing:
        status, reason = "failed", "delivery_failing"
    elif shown.copies:
        status, reason = "failed", "sends_copies"
    elif works and not shown.doubt:
        status, reason = "proven", "observed"
    elif holds.get("health"):
        status, reason = "reported", "answering"
    else:
        status, reason = "unproven", _nothing_seen(shown.planned, shown.doubt)
    return _beside_before(status, reason, proofs, shown, before, delivery_off=delivery_off)


def _nothing_seen(planned: int, blind: str) -> str:
    return "too_soon" if planned and not blind else "no_message_seen"


def _observation(proof: str, had: bool | None, code: str, **fields: Any) -> Observation:
    """One thing that was looked at; its detail is put into words where it is shown."""
    return {"proof": proof, "had": had, "detail": detail(code, **fields)}


# ------------------------------------------------------------------ beside what was before


def act_comparable(proof: Mapping[str, Any], switched: Mapping[str, Any] | None, traces: Traces | None = None) -> bool:
    """Whether an act can be put beside what was before it, so that measuring that is worth its time.

    Where nothing was restarted there is no before. Only a log that has times of its own tells before from after. Behind
    the fence all that is sent is turned away, and what was before says nothing of that.

    :param proof: how the act was judged by itself
    :param switched: what ``service_flags`` or ``release`` returned
    :param traces: what the process did since its start
    """
    return (
        bool((switched or {}).get("restarted"))
        and (traces or {}).get("timestamps") == "own"
        and not str(proof.get("reason")).startswith("fence")
    )


def _beside_before(
    status: str,
    reason: str,
    proofs: list[Observation],
    shown: Shown,
    before: Traces | None,
    *,
    delivery_off: bool,
) -> ActProof:
    """The proof of an act, with how it stands beside what was before it. What made it worse is no success."""
    open_yet = reason in ("reported", "answering", "too_soon") and not shown.blind
    wait = shown.wait if open_yet else 0.0
    proof: ActProof = {"status": status, "reason": reason, "compared": None, "wait_seconds": wait, "proofs": proofs}
    if before is None or shown.blind:
        return proof
    was = Shown(before)
    # Without times of its own what was before cannot be told from what came after.
    if was.blind or before.get("timestamps") == "none" or not (was.records or was.messages or was.sent):
        proofs.append(_observation("before", None, "compared_nothing"))
        return proof
    sends = _sends(shown, was)
    compared = sends if delivery_off or sends == "worse" else _delivery(shown, was)
    proof["compared"] = compared
    counts = {"missed": shown.missed, "success": shown.success, "sent": shown.sent, "messages": shown.messages}
    counts |= {f"{name}_before": getattr(was, name) for name in counts}
    had = {"better": True, "same": None, "worse": False}[compared]
    proofs.append(_observation("before", had, f"compared_{compared}", **counts))
    # An act that did not reach the process has not made anything worse.
    if compared == "worse" and reason != "not_in_process":
        proof["status"], proof["reason"] = "worse", "worse_sends" if sends == "worse" else "worse_delivery"
    return proof


def _sends(shown: Shown, was: Shown) -> str:
    """What is sent for a message, beside before: a release or flag that sends each answer eight times is worse."""
    each, each_before = shown.sent / max(1, shown.messages), was.sent / max(1, was.messages)
    if shown.sent >= FEW and each > COPIES and each > COPIES * each_before:
        return "worse"
    return "better" if was.sent and shown.matured and not shown.sent else "same"


def _delivery(shown: Shown, was: Shown) -> str:
    now, then = (shown.missed, shown.missed + shown.success), (was.missed, was.missed + was.success)
    if now[1] < FEW or not then[1]:
        return "same"
    if _chance(*now, *then) < SURE:
        return "worse"
    return "better" if _chance(*then, *now) < SURE else "same"


def _chance(failed: int, n: int, failed_then: int, n_then: int) -> float:
    """The chance of so many failures or more if both had the same rate: Fisher's exact test, one-sided."""
    failures, total = failed + failed_then, n + n_then
    ways = sum(comb(failures, k) * comb(total - failures, n - k) for k in range(failed, min(failures, n) + 1))
    return ways / comb(total, n)
