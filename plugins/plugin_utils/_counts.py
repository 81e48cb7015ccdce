# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was counted of a log, checked, as the rules look at it. Pure; what it means is the verdict's to say.

Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    count,
    delivery_rate,
    mapping,
    merge_minutes,
    number,
    sequence,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Evidence, Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

REQUIRED = ("records", "timestamps", "delivery", "handoff", "guards", "instances", "minutes")
FEW = 4  # so many failures, or planned and unread, or read and unsent messages are no accident any more
RECIPIENTS = 3  # one customer's phone is no outage
LITTLE = 20  # of fewer messages the test of a stage reaches no bound, though each third is lost
SHARE = 0.05  # of which on copies, late answers and contradictions are no accident
AT_LEAST = 3


class Stage(NamedTuple):
    """A stage on a message's way, what of it the minutes count, and the causes when it goes wrong."""

    name: str
    well: str
    wrong: str
    watch: str
    rollback: str


RESULTS = Stage("results", "success", "failed", "delivery_degraded", "delivery_failing")
PLANNING = Stage("planning", "planned", "unplanned", "planning_degraded", "planning_stopped")
READING = Stage("reading", "read", "unread", "unread_handoff", "reading_stopped")
SENDING = Stage("sending", "sent", "unsent", "sending_degraded", "sending_stopped")
CONTRADICTING = Stage("contradicting", "success", "contradicting", "results_contradict", "results_unbelieved")
# A sign and no loss: the messages may have gone out.
WITHOUT_SEND = Stage("without_send", "sent", "without_send", "results_without_send", "results_without_send")
DROPPING = Stage("dropping", "read", "dropped", "dropped", "dropped")
STAGES = (PLANNING, READING, SENDING, RESULTS, CONTRADICTING, WITHOUT_SEND)


class Seen:
    """The counts of `traces` that rules need, checked; what is not there counts as nothing seen."""

    def __init__(self, traces: Traces | None) -> None:
        checked = mapping({} if traces is None else traces, "traces")
        self.missing = [name for name in REQUIRED if checked.get(name) is None]
        self.records = count_of(checked, "records")
        self.undated = count_of(checked, "undated")
        self.timestamps = checked.get("timestamps")
        window = _section(checked, "window")
        self.since = window.get("since")
        self.window_asked = any(window.get(end) is not None for end in ("since", "until"))
        self.minutes = merge_minutes([sequence(checked.get("minutes") or [], "traces.minutes")])
        delivery = _section(checked, "delivery")
        self.rate = delivery_rate(delivery)
        self.delivered = count_of(delivery, "success")
        self.sent = self.rate["n"] if delivery.get("sent") is None else count_of(delivery, "sent")
        run = _section(delivery, "run")
        self.run_failures, self.run_recipients = count_of(run, "failures"), count_of(run, "recipients")
        handoff = _section(checked, "handoff")
        self.read, self.lost = count_of(handoff, "read"), count_of(handoff, "lost")
        self.unread, self.mismatches = count_of(handoff, "unread"), count_of(handoff, "state_mismatches")
        guards = _section(checked, "guards")
        self.outbox_guards, self.instance_guards = _counts(guards, "outbox"), _counts(guards, "instance")
        lines = sum(self.outbox_guards.values()) + sum(self.instance_guards.values())
        self.incidents = lines if guards.get("incidents") is None else count_of(guards, "incidents")
        instances = _section(checked, "instances")
        self.invalid, self.unexpected = _counts(instances, "invalid"), _counts(instances, "unexpected")
        self.lines = count_of(checked, "lines")
        self.grammars = None if checked.get("grammars") is None else _counts(checked, "grammars")
        self.unparsed, self.unparsed_guards = count_of(checked, "unparsed"), count_of(checked, "unparsed_guards")
        self.ambiguous, self.contradicting = count_of(checked, "ambiguous"), count_of(checked, "contradicting")
        stages, late = _section(checked, "stages"), _section(checked, "late")
        self.planned = max(count_of(handoff, "planned"), count_of(stages, "planned"))
        self.answers = max(self.sent, count_of(stages, "sent"))
        self.received, self.dropped = count_of(stages, "received"), count_of(stages, "dropped")
        self.in_part = count_of(stages, "missing")
        self.repeated, self.repeated_most = count_of(stages, "repeated"), count_of(stages, "repeated_most")
        self.late_read, self.late_settled = count_of(late, "read"), count_of(late, "settled")
        self.overdue_unsent = count_of(_section(checked, "overdue"), "read")
        self.recipients = {
            name: count_of(_section(checked, "recipients"), name)
            for name, value in _section(checked, "recipients").items()
            if value is not None
        }
        self.evidence: Evidence | None = checked.get("evidence")
        self.heartbeat = _section(checked, "heartbeat")
        self.newest, self.measured = checked.get("last"), checked.get("measured")

    @property
    def drops_often(self) -> bool:
        """Whether the assistant says of more than a few messages that it dropped them, and nobody was answered."""
        return often(self.dropped, self.received)

    def part(self, name: str) -> dict[str, Any]:
        """One part of the evidence; empty where it was not asked."""
        return _section(_section({"evidence": self.evidence}, "evidence"), name)

    def counts_stage(self, stage: Stage) -> bool:
        """Whether the minutes count what of this stage went wrong."""
        return any(row.get(stage.wrong) is not None for row in self.minutes)

    def of_stage(self, stage: Stage) -> tuple[int, int]:
        """What of a stage went well and what did not, over all minutes."""
        well, wrong = (sum(cast(int, row.get(name) or 0) for row in self.minutes) for name in (stage.well, stage.wrong))
        return well, wrong

    def loses_many_of_few(self, stage: Stage) -> bool:
        """Whether so many went wrong at a stage, while so little was going on, that it is no chance, and it goes on.

        At the target of 95 % four of eleven have a chance of one in 600, and the test takes hours to say so at night.
        It is over when twice as many have gone well since as there were to each loss: losses that go on leave such a
        gap once in seven times (e⁻²).
        """
        well, wrong = self.of_stage(stage)
        if wrong < FEW or well + wrong >= LITTLE:
            return False
        since = 0
        for row in reversed(self.minutes):
            if row.get(stage.wrong):
                break
            since += cast(int, row.get(stage.well) or 0)
        return since < 2 * (well + wrong) / wrong

    def too_few_recipients(self, outcome: str) -> int | None:
        """How many recipients have such an outcome where they are too few to roll back for; None where they are not,
        or where nobody knows."""
        known = self.recipients.get(outcome)
        if known is None and outcome == "failed" and 0 < self.run_failures >= self.rate["n"] - self.delivered:
            known = self.run_recipients  # the failures of the present run are all that there are
        return known if known is not None and known < RECIPIENTS else None

    def age(self) -> float | None:
        """Seconds since the newest event, as far as it is known."""
        age = self.part("fresh").get("age_seconds")
        if age is not None:
            return number(age, "age_seconds")
        if not self.newest or not self.measured:
            return None
        measured = parse_when(str(self.measured), 0.0)
        return max(0.0, measured - parse_when(str(self.newest), measured))


def newest_event(traces: Traces | None, words: Words) -> str:
    """How long before the measurement the newest event was, for a line of its own; needs the words of `status`."""
    seen = Seen(traces)
    age = seen.age()
    if age is None:
        return words.say("newest_none")
    return words.say("newest_ago", age=words.duration(age), at=redact(str(seen.newest or "?"))[:40])


def often(n: int, of: int) -> bool:
    """Whether so many of so many are more than a few."""
    return n >= AT_LEAST and n > SHARE * of


def _section(data: dict[str, Any], name: str) -> dict[str, Any]:
    return mapping({} if data.get(name) is None else data[name], name)


def count_of(data: dict[str, Any], name: str) -> int:
    return 0 if data.get(name) is None else count(data[name], name)


def _counts(data: dict[str, Any], name: str) -> dict[str, int]:
    """Counts by name, without those that are 0."""
    counts = {key: count(value, f"{name} of {redact(str(key))[:40]}") for key, value in _section(data, name).items()}
    return {key: value for key, value in counts.items() if value}
