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
    time_of,
    word,
)


def unread(table):
    return len(list(table.unread())) + table.dropped_unread


def test_a_word_gives_back_what_was_packed():
    packed = word(3, 300, 1763640000.9, True, False, 2049)
    assert (time_of(packed), conversation_of(packed), packed & COUNTED, packed & OPEN) == (1763640000, 1, COUNTED, 0)
    assert time_of(word(1, 0, None, False, False)) == 0
    table = HandoffTable()
    table.plan(1, 7, packed | OPEN)
    plan = table.deliver(1, 7)
    assert (plan.number, plan.process, plan.time, plan.was_open, plan.same_ids) == (
        3,
        300 % 256,
        1763640000,
        True,
        True,
    )
    table.plan(1, 7, word(70_000, 0, None, False, True))
    assert table.deliver(1, 7).number == 255


@pytest.mark.parametrize("keys", [3, 10, 39])
def test_frozen_hand_offs_are_found_marked_and_counted_once(keys):
    table = HandoffTable(hot_keys=4, segments=10)
    for key in range(keys):
        table.plan(key, key + 100, word(1, 0, 50.0, True, True))
    assert unread(table) == keys
    assert table.deliver(0, 100).same_ids
    assert table.deliver(-1, 0) is None
    assert unread(table) == keys - 1
    table.plan(1, 7, word(0, 0, 51.0, True, False))
    assert unread(table) == keys - 2
    assert table.deliver(1, 7).time == 51


def test_a_read_is_matched_against_any_open_plan_of_its_key():
    table = HandoffTable()
    table.plan(1, 10, word(1, 0, 50.0, True, True))
    table.plan(1, 20, word(1, 0, 51.0, True, True), another=True)
    assert unread(table) == 2
    assert [table.deliver(1, ids).same_ids for ids in (10, 20)] == [True, True]
    assert unread(table) == 0
    assert not table.deliver(1, 10).was_open


def test_of_two_open_plans_one_read_leaves_one_unread():
    table = HandoffTable()
    for _message in range(2):
        table.plan(1, 10, word(1, 0, 50.0, True, True), another=True)
    table.deliver(1, 10)
    assert unread(table) == 1


def test_what_is_dropped_at_the_memorys_limit_still_counts_as_unread():
    table = HandoffTable(hot_keys=2, segments=2)
    for key in range(20):
        table.plan(key, 0, word(1, 0, None, True, True))
    assert unread(table) == 20
    assert table.deliver(0, 0) is None


def test_only_planned_messages_of_the_window_can_be_unread():
    table = HandoffTable()
    table.plan(1, 0, word(1, 0, 5.0, False, True))
    table.plan(2, 0, word(0, 0, 5.0, True, False))
    assert unread(table) == 0
