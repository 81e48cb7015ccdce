# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs what the planner put into the outbox with what delivery read from it, in bounded memory.

A million conversations in a dictionary of tuples cost 300 MB. Here the newest hand-offs are a dictionary, and older
ones are frozen into sorted arrays of 24 bytes each, searched by bisection: the few late deliveries find them there.
Keys are 64-bit hashes; with two million keys the chance of any collision is one in ten million.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

HOT_KEYS = 50_000
FROZEN_SEGMENTS = 40

# A planner trace is two integers: a hash of its state_id and outbox_id, and a word of what else must be known of it.
OPEN = 1  # a message was planned and no delivery trace came since
COUNTED = 2  # it lies inside the window that was asked for
_COUNT_SHIFT, _PROCESS_SHIFT, _TIME_SHIFT = 2, 10, 18


def word(count: int, process: int, time: float | None, counted: bool, is_open: bool) -> int:
    """Pack a planner trace: count (capped at 255), number of the process modulo 256, time in whole seconds."""
    seconds = 0 if time is None or time < 1 else int(time)
    return (
        seconds << _TIME_SHIFT
        | (process & 0xFF) << _PROCESS_SHIFT
        | (count if count < 0xFF else 0xFF) << _COUNT_SHIFT
        | (COUNTED if counted else 0)
        | (OPEN if is_open else 0)
    )


def count_of(packed: int) -> int:
    """Return the planner's count (at most 255)."""
    return packed >> _COUNT_SHIFT & 0xFF


def process_of(packed: int) -> int:
    """Return the number of the process that planned, modulo 256: ids mean something only within one process."""
    return packed >> _PROCESS_SHIFT & 0xFF


class HandoffTable:
    """The latest planner trace of each ``conv|idem``.

    The newest two million keys are kept (about 50 MB); one that is dropped counts as unread if it still was.
    """

    def __init__(self, hot_keys: int = HOT_KEYS, segments: int = FROZEN_SEGMENTS) -> None:
        self.hot: dict[int, tuple[int, int]] = {}
        self._hot_keys = hot_keys
        self._max_segments = segments
        self._frozen: list[tuple[array[int], array[int], array[int]]] = []
        self._dropped_unread = 0

    def plan(self, key: int, ids: int, packed: int) -> None:
        """Make this the latest planner trace of ``key``."""
        hot = self.hot
        if len(hot) >= self._hot_keys and key not in hot:
            self._freeze()
            hot = self.hot
        hot[key] = (ids, packed)

    def deliver(self, key: int) -> tuple[int, int] | None:
        """Return the latest planner trace of ``key`` and mark it as read; None when none is known."""
        entry = self.hot.get(key)
        if entry is not None:
            if entry[1] & OPEN:
                self.hot[key] = (entry[0], entry[1] & ~OPEN)
            return entry
        for keys, ids, words in reversed(self._frozen):
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                packed = words[at]
                words[at] = packed & ~OPEN
                return ids[at], packed
        return None

    def unread(self, matured_before: float) -> int:
        """Count planned keys with no delivery trace whose planner trace is older than ``matured_before``.

        One without any time counts: there is no clock by which it could still be on its way.
        """
        count = self._dropped_unread
        count += sum(_is_unread(packed, matured_before) for _ids, packed in self.hot.values())
        for number, (keys, _ids, words) in enumerate(self._frozen):
            for key, packed in zip(keys, words):
                if packed & OPEN and _is_unread(packed, matured_before):
                    count += not self._known_later(key, number)
        return count

    def _known_later(self, key: int, segment: int) -> bool:
        """Tell whether a newer planner trace of ``key`` than the one in ``segment`` is known."""
        if key in self.hot:
            return True
        for keys, _ids, _words in self._frozen[segment + 1 :]:
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                return True
        return False

    def _freeze(self) -> None:
        if len(self._frozen) == self._max_segments:
            keys, _ids, words = self._frozen[0]
            self._dropped_unread += sum(
                _is_unread(packed, float("inf")) and not self._known_later(key, 0) for key, packed in zip(keys, words)
            )
            del self._frozen[0]
        order = sorted(self.hot)
        entries = [self.hot[key] for key in order]
        self._frozen.append(
            (
                array("q", order),
                array("q", [ids for ids, _packed in entries]),
                array("q", [packed for _ids, packed in entries]),
            )
        )
        self.hot = {}


def _is_unread(packed: int, matured_before: float) -> bool:
    return packed & OPEN != 0 and packed & COUNTED != 0 and packed >> _TIME_SHIFT <= matured_before
