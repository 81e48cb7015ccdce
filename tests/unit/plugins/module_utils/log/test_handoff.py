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
    table.plan(1, 7, packed)
    assert table.deliver(1, 7) == (7, packed)


@pytest.mark.parametrize("keys", [3, 10, 39])
def test_frozen_hand_offs_are_found_marked_and_counted_once(keys):
    table = HandoffTable(hot_keys=4, segments=10)
    for key in range(keys):
        table.plan(key, key + 100, planned())
    assert unread(table) == keys
    assert table.deliver(0, 100) == (100, planned())
    assert table.deliver(-1, 0) is None
    assert unread(table) == keys - 1
    table.plan(1, 7, planned(count=0, time=51.0, is_open=False))
    assert unread(table) == keys - 2
    assert time_of(table.deliver(1, 7)[1]) == 51


def test_a_read_is_matched_against_any_open_plan_of_its_key():
    table = HandoffTable()
    table.plan(1, 10, planned())
    table.plan(1, 20, planned(count=2, time=51.0), another=True)
    assert unread(table) == 2
    # What delivery should have found is what the latest trace of the key says.
    assert table.deliver(1, 10) == (10, planned(count=2))
    assert table.deliver(1, 20) == (20, planned(count=2, time=51.0))
    assert unread(table) == 0
    assert table.deliver(1, 10)[1] & OPEN == 0


def test_of_two_open_plans_one_read_leaves_one_unread():
    table = HandoffTable()
    for _message in range(2):
        table.plan(1, 10, planned(), another=True)
    table.deliver(1, 10)
    assert unread(table) == 1


def test_what_is_dropped_at_the_memorys_limit_still_counts_as_unread():
    table = HandoffTable(hot_keys=2, segments=2)
    for key in range(20):
        table.plan(key, 0, planned(time=None))
    assert unread(table) == 20
    assert table.deliver(0, 0) is None


def test_only_planned_messages_of_the_window_can_be_unread():
    table = HandoffTable()
    table.plan(1, 0, planned(time=5.0, counted=False))
    table.plan(2, 0, planned(count=0, time=5.0, is_open=False))
    assert unread(table) == 0
