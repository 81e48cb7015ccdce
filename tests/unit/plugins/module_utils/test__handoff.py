# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._handoff import (
    COUNTED,
    OPEN,
    HandoffTable,
    count_of,
    process_of,
    word,
)


def test_a_word_gives_back_what_was_packed():
    packed = word(3, 300, 1763640000.9, True, False)
    assert (count_of(packed), process_of(packed), packed & COUNTED, packed & OPEN) == (3, 300 % 256, COUNTED, 0)
    assert count_of(word(70_000, 0, None, False, False)) == 255


@pytest.mark.parametrize("keys", [3, 10, 39])
def test_frozen_hand_offs_are_found_marked_and_counted_once(keys):
    table = HandoffTable(hot_keys=4, segments=10)
    for key in range(keys):
        table.plan(key, key + 100, word(1, 0, 50.0, True, True))
    assert table.unread(60.0) == keys
    assert table.unread(49.0) == 0
    assert table.deliver(0) == (100, word(1, 0, 50.0, True, True))
    assert table.deliver(-1) is None
    assert table.unread(60.0) == keys - 1
    table.plan(1, 7, word(0, 0, 51.0, True, False))
    assert table.unread(60.0) == keys - 2
    assert table.deliver(1) == (7, word(0, 0, 51.0, True, False))


def test_what_is_dropped_at_the_memorys_limit_still_counts_as_unread():
    table = HandoffTable(hot_keys=2, segments=2)
    for key in range(20):
        table.plan(key, 0, word(1, 0, None, True, True))
    assert table.unread(0.0) == 20
    assert table.deliver(0) is None


def test_only_planned_messages_of_the_window_can_be_unread():
    table = HandoffTable()
    table.plan(1, 0, word(1, 0, 5.0, False, True))
    table.plan(2, 0, word(0, 0, 5.0, True, False))
    assert table.unread(10.0) == 0
