# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the assistant says it dropped, and what it answers twice."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit.counting import Counter
from tests.unit.later_logs import NOON, Later, one_turn, pipeline_turn
from tests.unit.records import basic, turn

BREACH = "\U0001f6a8 SECURITY BREACH BLOCKED: Message processing terminated"
WRITER = "5511977770001"


def count(log, now=NOON + 3600, envelope="docker-json"):
    counter = Counter(now, redacted=False)
    counter.feed(log.lines(envelope))
    return counter.result()


def unanswered(log, **options):
    """How many messages were dropped, and how many of their customers got no answer."""
    traces = count(log, **options)
    return traces["turns"]["dropped"], traces["stages"]["dropped"]


@pytest.mark.parametrize("end", ["locked", "greeted"])
@pytest.mark.parametrize(
    ("answered", "after", "lost"), [(True, 0.2, 0), (True, 5, 0), (True, 200, 1), (False, 5, 1), (None, 5, 1)]
)
def test_who_writes_twice_and_is_answered_once_is_answered(end, answered, after, lost):
    log = Later()
    if answered is not None:
        pipeline_turn(log, NOON, 1, "sent" if answered else "failed", phone=WRITER)
    pipeline_turn(log, NOON + after, 2, end, phone=WRITER)
    log.rows.sort(key=lambda row: row[0])
    assert unanswered(log) == (1, lost)
    # Somebody else's answer is none.
    assert unanswered(pipeline_turn(log, NOON + after + 1, 3, "sent", phone="5511966660001")) == (1, lost)


def test_an_answer_may_come_within_a_minute_after_it():
    log = pipeline_turn(Later(), NOON, 1, "locked", phone=WRITER)
    assert unanswered(log, now=NOON + 59) == (1, 0)
    assert unanswered(log, now=NOON + 61) == (1, 1)
    assert unanswered(pipeline_turn(log, NOON + 30, 2, "sent", phone=WRITER)) == (1, 0)
    late = pipeline_turn(Later(), NOON, 1, "locked", phone=WRITER)
    assert unanswered(pipeline_turn(late, NOON + 120, 2, "sent", phone=WRITER)) == (1, 1)


def test_a_breach_takes_the_message_it_belongs_to_and_nobody_elses():
    log = pipeline_turn(Later(), NOON, 1, "unread")
    pipeline_turn(log, NOON + 1, 2, "refused")
    traces = count(log)
    assert (traces["turns"]["lost"], traces["stages"]["dropped"]) == (1, 1)
    # More of them, or one that names nobody, leave the lost message lost.
    log.native(NOON + 1.1, BREACH, "CRITICAL").native(NOON + 30, BREACH, "CRITICAL")
    traces = count(log)
    assert (traces["turns"]["lost"], traces["turns"]["dropped"], traces["stages"]["dropped"]) == (1, 3, 3)


@pytest.mark.parametrize("end", ["refused", "locked"])
def test_all_that_came_in_lately_and_was_dropped_is_seen_beside_hours_that_went_well(end):
    log = Later()
    for i in range(480):
        pipeline_turn(log, NOON + 30 * i, i, end if i >= 460 else "sent", phone=f"55119{i:08d}")
    traces = count(log, now=NOON + 30 * 480 + 60)
    assert traces["stages"]["dropped"] == sum(row["dropped"] for row in traces["minutes"]) == 20
    assert [row["dropped"] for row in traces["minutes"]][-11:] == [0] + [2] * 10
    found = verdict(traces)
    assert (found["status"], found["cause"], found["held"]) == ("watch", "dropped", 0)


def test_one_who_writes_on_and_on_is_one_dropped_customer_a_minute():
    log = Later()
    for i in range(60):
        pipeline_turn(log, NOON + 30 * i, i)
    for i in range(60, 66):
        pipeline_turn(log, NOON + 900 + i % 60, i, "locked", phone=WRITER)
    log.rows.sort(key=lambda row: row[0])
    traces = count(log)
    assert (traces["stages"]["dropped"], sum(row["dropped"] for row in traces["minutes"])) == (6, 1)


def test_a_handler_that_raises_drops_a_message_of_nobody_knows_whom():
    log = one_turn(Later(), NOON, 1)
    log.add(NOON + 5, "WEBHOOK|error|exception='NoneType' object has no attribute 'get'")
    traces = count(log)
    assert (traces["turns"]["dropped"], traces["stages"]["dropped"], traces["turns"]["success"]) == (1, 1, 1)


def test_an_error_that_any_program_may_print_does_not_hide_the_traces_below_it():
    log = Later().add(NOON, "WEBHOOK|error|exception=x")
    for message in turn("conv_1"):
        log.add(NOON + 1, message)
    traces = count(log)
    assert (traces["delivery"]["success"], traces["turns"]["dropped"]) == (1, 0)
    assert traces["stages"]["dropped"] is None
    assert count(Later().add(NOON, basic("x")))["records"] == 0


@pytest.mark.parametrize("write", [pipeline_turn, one_turn])
def test_a_message_that_is_answered_twice_is_a_copy(write):
    log = write(write(Later(), NOON, 1), NOON + 10, 2)
    assert count(log)["stages"]["repeated"] == 0
    for again in (90, 180):
        write(log, NOON + again, 1)
    stages = count(log)["stages"]
    assert (stages["sent"], stages["repeated"], stages["repeated_most"]) == (4, 2, 2)
    # What failed and is answered at the second go is none.
    assert count(write(write(Later(), NOON, 1, "failed"), NOON + 90, 1))["stages"]["repeated"] == 0


def test_an_answer_of_two_messages_is_no_copy():
    log, copies = Later(), []
    for again in (0, 90):
        pipeline_turn(log, NOON + again, 1)
        log.log(NOON + again + 1, "DELIVERY|sent|turn=single_3EB000000001|idem=x|provider_id=None|text_len=5")
        copies.append(count(log)["stages"]["repeated"])
    assert (count(log)["delivery"]["success"], copies) == (4, [0, 1])
