# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._events import AGAIN, Events
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit.records import NOON, counted, instance_guard, outbox_guard, turns


def look(events, *records, at=NOON, well=20):
    """What a look at these records, of so many seconds before, tells of it."""
    traces = counted([*turns(well), *records], since=at - 900, now=at)
    return events.take(traces, verdict(traces), at)


def of(told, kind):
    return [event for event in told if event["type"] == kind]


def test_what_is_well_calls_for_nothing():
    told = look(Events())
    assert [(event["type"], event["status"], event["before"]) for event in told] == [("verdict", "ok", None)]


def test_a_guard_is_an_event_of_its_kind_and_one_call():
    told = look(Events("assistant-1"), (5, outbox_guard("c1")), (4, instance_guard("c2", "default")))
    guards = {(event["family"], event["guard"]): event for event in of(told, "guard")}
    assert set(guards) == {("outbox", "handoff_violation"), ("instance", "invalid_pattern")}
    assert all(event["host"] == "assistant-1" and event["meta"] == {"hosts": "assistant-1"} for event in told)
    (call,) = of(told, "call")
    assert (call["status"], call["level"], call["calls"]) == ("rollback", 1, 1)
    assert call["reasons"] != []


def test_ten_thousand_lines_are_one_event_with_their_number():
    lines = [(60 - n / 200, outbox_guard(f"c{n}")) for n in range(10_000)]
    events = Events()
    told = look(events, *lines)
    (guard,) = of(told, "guard")
    assert (guard["lines"], guard["incidents"], len(of(told, "call"))) == (10_000, 10_000, 1)
    assert look(events, *lines, (1, outbox_guard("another")), at=NOON + 1) == []


def test_what_is_older_than_the_window_is_no_event_when_it_is_read_again():
    events = Events()
    look(events)
    assert look(events, *[(86_400, outbox_guard(f"c{n}")) for n in range(50)], at=NOON + 1) == []


def test_a_guard_that_comes_after_all_was_well_is_new():
    events = Events()
    look(events, (5, outbox_guard("c1")))
    assert of(look(events, at=NOON + 1000), "call") == []
    told = look(events, (5, outbox_guard("c2")), at=NOON + 1010)
    assert (len(of(told, "guard")), [event["calls"] for event in of(told, "call")]) == (1, [1])


def judged(status="rollback", level=1, cause="outbox_guard"):
    row = dict.fromkeys(("reasons", "causes"), [])
    return {**row, "status": status, "level": level, "cause": cause, "evidence": 0, "delivery": {}}


def calls(events, at, **verdict):
    return [event["calls"] for event in of(events.take(None, judged(**verdict), at), "call")]


def test_another_cause_of_the_same_level_does_not_call_again_and_a_higher_level_does():
    events = Events()
    assert calls(events, NOON) == [1]
    assert calls(events, NOON + 1, cause="lost_handoff") == []
    assert calls(events, NOON + 2, level=3) == [2]
    assert calls(events, NOON + 3) == []


def test_what_goes_on_calls_again_when_automation_may_act_again():
    events = Events()
    assert calls(events, NOON) == [1]
    assert calls(events, NOON + AGAIN - 1) == []
    assert calls(events, NOON + AGAIN) == [2]


def test_what_cannot_be_seen_has_not_ended():
    events = Events()
    assert calls(events, NOON) == [1]
    assert calls(events, NOON + 1, status="blind", level=0, cause="log_unreadable") == []
    assert calls(events, NOON + 2) == []
    assert calls(events, NOON + 3, status="ok", level=0) == []
    assert calls(events, NOON + 4) == [1]


def test_each_minute_is_told_once_when_it_has_ended():
    events = Events()
    look(events, at=NOON + 30)
    assert of(look(events, at=NOON + 59), "minute") == []
    (minute,) = of(look(events, at=NOON + 62.5), "minute")
    assert (minute["minute"], minute["status"]) == ("2026-11-20T12:00Z", "ok")
    assert of(look(events, at=NOON + 63), "minute") == []
    assert len(of(look(events, at=NOON + 190), "minute")) == 2


def test_a_minute_has_the_counts_of_its_stages():
    events = Events()
    traces = counted(turns(20))
    events.take(traces, verdict(traces), NOON - 700)
    told = of(events.take(traces, verdict(traces), NOON), "minute")
    assert sum(event["counts"]["success"] for event in told) > 5
    assert set(told[0]["counts"]) >= {"planned", "read", "sent", "success", "failed", "lost", "guards"}


def test_after_a_pause_no_more_than_some_minutes_are_told():
    events = Events()
    look(events, at=NOON)
    assert len(of(look(events, at=NOON + 86_400), "minute")) == 15


def test_a_log_that_cannot_be_read_is_blind_and_ends_no_guard():
    events = Events()
    look(events, (5, outbox_guard("c1")))
    told = events.take(None, verdict(None), NOON + 1)
    assert [(event["type"], event["status"]) for event in told] == [("verdict", "blind")]
    assert of(look(events, (5, outbox_guard("c1")), at=NOON + 2), "guard") == []


@pytest.mark.parametrize("kind", ["{{ lookup('pipe', 'id') }}", "{%if 1%}", "{#x#}", "{{{{x"])
def test_nothing_in_an_event_is_a_template(kind):
    (guard,) = of(look(Events(), (5, outbox_guard("c1", kind=kind))), "guard")
    assert not any(mark in guard["guard"] for mark in ("{{", "{%", "{#"))


def test_phone_numbers_are_masked():
    (guard,) = of(look(Events(), (5, outbox_guard("c1", kind="5511987654321"))), "guard")
    assert "987654321" not in str(guard)
