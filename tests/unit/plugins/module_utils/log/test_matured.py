# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which planned messages have been kept in: neither young ones nor those that are on their way."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import kill_switch_proof
from ansible_collections.kumon.runbook.plugins.plugin_utils._proofs import recovery_proof

from tests.unit.counting import Counter
from tests.unit.later_logs import NOON, Later, one_turn, pipeline_turn


def handoff(write, *ages, unread=False):
    """What is counted of turns that began so long ago and have no end yet, or were not even read."""
    log = Later()
    for number, age in enumerate(ages):
        write(log, NOON - age, number, "hanging" if write is pipeline_turn else "open")
    if unread:
        log.rows = [row for row in log.rows if "turn_based_start" not in row[2]]
    counter = Counter(now=NOON, since=NOON - 600)
    counter.feed(log.lines("docker-json"))
    return counter.result()["handoff"]


@pytest.mark.parametrize("age", [0.5, 4.0, 9.0, 20.0, 50.0])
@pytest.mark.parametrize("write", [pipeline_turn, one_turn])
def test_what_delivery_has_taken_up_is_on_its_way_until_it_is_settled(write, age):
    found = handoff(write, age)
    assert (found["planned"], found["read"], found["matured"]) == (1, 1, 0)


@pytest.mark.parametrize(("ages", "matured"), [((0.5,), 0), ((20.0,), 1), ((20.0, 0.5), 1)])
def test_what_was_planned_and_left_alone_is_kept_in_after_a_while(ages, matured):
    found = handoff(pipeline_turn, *ages, unread=True)
    assert (found["planned"], found["read"], found["matured"]) == (len(ages), 0, matured)


@pytest.mark.parametrize("grammar", ["pipeline", "one-turn"])
def test_what_came_in_and_got_no_further_was_perhaps_never_planned(grammar):
    log = Later()
    for number in range(9):
        if grammar == "pipeline":
            pipeline_turn(log, NOON - 300 + number, number, "unread")
        else:
            log.add(NOON - 300 + number, f"WEBHOOK|received|message_id=3EB0{number:08X}|phone=****{number:04d}")
    counter = Counter(now=NOON, since=NOON - 600)
    counter.feed(log.lines("docker-json"))
    traces = counter.result()
    assert (traces["handoff"]["planned"], traces["handoff"]["unread"], traces["handoff"]["matured"]) == (9, 9, 0)
    assert kill_switch_proof({"proofs": []}, traces)["status"] == "unproven"
    safe = recovery_proof(traces, service_running=True, delivery_disabled=True)
    assert [one["status"] for one in safe["criteria"] if one["criterion"] == "lost"] == ["insufficient"]


@pytest.mark.parametrize("write", [pipeline_turn, one_turn])
def test_one_that_is_on_its_way_takes_nothing_from_one_that_has_ended(write):
    log = Later()
    write(log, NOON - 60, 1, "exception" if write is pipeline_turn else "error")
    write(log, NOON - 4, 2, "hanging" if write is pipeline_turn else "open")
    counter = Counter(now=NOON, since=NOON - 600, grace=30)
    counter.feed(log.lines("docker-json"))
    found = counter.result()["handoff"]
    assert (found["planned"], found["matured"]) == (2, 1)
