# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils.log.handoff import (
    COUNTED,
    OPEN,
    HandoffTable,
    conversation_of,
    count_of,
    process_of,
    time_of,
    word,
)


def key_of(table, number):
    name = f"conv=c{number}|idem=i".encode()
    return table.hot.get(hash(name)) or table.add(name)


def plan(table, number, ids, packed):
    key = key_of(table, number)
    key.ids, key.plan = ids, packed


def plan_another(table, number, ids, packed):
    table.wait(key_of(table, number))
    plan(table, number, ids, packed)


def deliver(table, number, ids):
    return table.deliver(key_of(table, number), ids)


def unread(table):
    return len(list(table.unread())) + table.dropped_unread


def planned(count=1, time=50.0, counted=True, is_open=True):
    packed = word(0, time, counted, count, 0)
    return packed if is_open else packed & ~OPEN


def test_a_word_gives_back_what_was_packed():
    packed = word(300, 1763640000.9, True, 3, 2049)
    assert (time_of(packed), conversation_of(packed), packed & COUNTED, packed & OPEN) == (
        1763640000,
        1,
        COUNTED,
        OPEN,
    )
    assert (count_of(packed), process_of(packed)) == (3, 300 % 256)
    assert time_of(planned(time=None)) == 0
    assert planned(counted=False) & COUNTED == 0
    assert count_of(planned(count=70_000)) == 255
    table = HandoffTable()
    plan(table, 1, 7, packed)
    assert deliver(table, 1, 7) == (7, packed)


def test_a_key_says_whose_it_is():
    key = HandoffTable().add(b"conv=conv_5511900000001_20261120|idem=a")
    assert (key.conversation, key.person) == (b"conv_5511900000001_20261120", b"5511900000001")


@pytest.mark.parametrize("keys", [3, 10, 39])
def test_frozen_hand_offs_are_found_marked_and_counted_once(keys):
    table = HandoffTable(hot_keys=4)
    for key in range(keys):
        plan(table, key, key + 100, planned())
    assert unread(table) == keys
    assert deliver(table, 0, 100) == (100, planned())
    assert deliver(table, -1, 0) is None
    assert unread(table) == keys - 1
    plan(table, 1, 7, planned(count=0, time=51.0, is_open=False))
    assert unread(table) == keys - 2
    assert time_of(deliver(table, 1, 7)[1]) == 51


def test_a_read_is_matched_against_any_open_plan_of_its_key():
    table = HandoffTable()
    plan(table, 1, 10, planned())
    plan_another(table, 1, 20, planned(count=2, time=51.0))
    assert unread(table) == 2
    # What delivery should have found is what the latest trace of the key says.
    assert deliver(table, 1, 10) == (10, planned(count=2))
    assert deliver(table, 1, 20) == (20, planned(count=2, time=51.0))
    assert unread(table) == 0
    assert deliver(table, 1, 10)[1] & OPEN == 0


def test_of_two_open_plans_one_read_leaves_one_unread():
    table = HandoffTable()
    plan(table, 1, 10, planned())
    plan_another(table, 1, 10, planned())
    deliver(table, 1, 10)
    assert unread(table) == 1


def test_what_is_dropped_at_the_memorys_limit_still_counts_as_unread():
    table = HandoffTable(hot_keys=2, frozen_keys=4)
    for key in range(20):
        plan(table, key, 0, planned(time=None))
    assert unread(table) == 20
    assert deliver(table, 0, 0) is None


def test_what_is_on_its_way_is_not_frozen_and_of_too_much_the_oldest_is_given_up():
    given_up = []
    table = HandoffTable(given_up.append, hot_keys=10)
    for number in range(30):
        plan(table, number, 0, planned())
        if number % 8 == 0:
            key_of(table, number).sends = ((None, number),)
    assert not given_up
    assert {key.sends[0][1] for key in table.hot.values() if key.sends} == {0, 8, 16, 24}
    for number in range(30, 60):
        plan(table, number, 0, planned())
        key_of(table, number).sends = ((None, number),)
    assert len(table.hot) <= 10
    assert given_up == sorted(given_up, key=lambda key: int(key.conversation[1:]))
    assert unread(table) == 60


def test_only_planned_messages_of_the_window_can_be_unread():
    table = HandoffTable()
    plan(table, 1, 0, planned(time=5.0, counted=False))
    plan(table, 2, 0, planned(count=0, time=5.0, is_open=False))
    assert unread(table) == 0


def test_what_was_sent_is_booked_against_what_was_planned():
    key = HandoffTable().add(b"conv=c|idem=i")
    assert not key.spend()  # planned before the log begins
    key.expect(2)
    assert [key.spend() for _send in range(3)] == [False, False, True]
    key.expect(1)
    assert [key.spend() for _send in range(2)] == [False, True]
