# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs what the planner put into the outbox with what delivery read from it, in bounded memory.

A million conversations in a dictionary of tuples cost 300 MB. Here the newest hand-offs are a dictionary, and older
ones are frozen into sorted arrays of 24 bytes each, searched by bisection: the few late deliveries find them there.
Keys are 64-bit hashes; with a million keys the chance of any collision is one in forty million.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

HOT_KEYS = 50_000
FROZEN_SEGMENTS = 20
_MORE_KEPT = 50_000

# A planner trace is two integers: a hash of its state_id and outbox_id, and a word of what else must be known of it.
OPEN = 1  # a message was planned and no delivery trace came since
COUNTED = 2  # it lies inside the window that was asked for
_COUNT_SHIFT, _PROCESS_SHIFT, _TIME_SHIFT, _CONVERSATION_SHIFT = 2, 10, 18, 52
_COUNT = 0xFF << _COUNT_SHIFT
CONVERSATIONS = 1 << 11  # classes of conversations that are told apart: enough to say whether several are concerned


def word(process: int, time: float | None, counted: bool, count: int, conversation: int) -> int:
    """Pack a planner trace that is open: number of the process modulo 256, time in whole seconds, whether it lies in
    the window, count (capped at 255) and the class of its conversation."""
    return (
        (COUNTED | OPEN if counted else OPEN)
        | (count if count < 0xFF else 0xFF) << _COUNT_SHIFT
        | (process & 0xFF) << _PROCESS_SHIFT
        | (0 if time is None or time < 1 else int(time)) << _TIME_SHIFT
        | conversation % CONVERSATIONS << _CONVERSATION_SHIFT
    )


def count_of(packed: int) -> int:
    """Return how many messages were planned, at most 255."""
    return packed >> _COUNT_SHIFT & 0xFF


def process_of(packed: int) -> int:
    """Return the number of the process that planned, modulo 256."""
    return packed >> _PROCESS_SHIFT & 0xFF


def time_of(packed: int) -> int:
    """Return the time in seconds since the epoch, 0 for none."""
    return packed >> _TIME_SHIFT & ((1 << _CONVERSATION_SHIFT - _TIME_SHIFT) - 1)


def conversation_of(packed: int) -> int:
    """Return the class of the conversation."""
    return packed >> _CONVERSATION_SHIFT


class HandoffTable:
    """The latest planner trace of each ``conv|idem``, and earlier ones of the same key that are still open.

    The newest million keys are kept (about 25 MB); one that is dropped counts as unread if it still was.
    """

    def __init__(self, hot_keys: int = HOT_KEYS, segments: int = FROZEN_SEGMENTS) -> None:
        self.hot: dict[int, tuple[int, int]] = {}
        self._more: dict[int, list[tuple[int, int]]] = {}
        self._more_size = 0
        self._hot_keys = hot_keys
        self._max_segments = segments
        self._frozen: list[tuple[array[int], array[int], array[int]]] = []
        self.dropped_unread = 0

    def plan(self, key: int, ids: int, packed: int, another: bool = False) -> None:
        """Make this the latest planner trace of ``key``; ``another`` means that one which is open waits on."""
        hot = self.hot
        if len(hot) >= self._hot_keys and key not in hot:
            self._freeze()
            hot = self.hot
        before = hot.get(key)
        if another and before is not None and before[1] & OPEN:
            if self._more_size < _MORE_KEPT:
                self._more.setdefault(key, []).append(before)
                self._more_size += 1
            else:
                self.dropped_unread += before[1] & COUNTED != 0
        hot[key] = (ids, packed)

    def deliver(self, key: int, ids: int) -> tuple[int, int] | None:
        """Return the planner trace that a delivery with these ids belongs to and mark it as read.

        That is an open one with the same ids, else the latest one that is open, else the latest; None without any. It
        is returned as it was before, as its ids and its word, but with the count of the latest trace of the key: what
        delivery should have found.
        """
        entry = self.hot.get(key)
        more = self._more.get(key) if self._more else None
        if more and not (entry is not None and entry[1] & OPEN and entry[0] == ids):
            at = next((at for at, known in enumerate(more) if known[0] == ids), None)
            if at is not None or entry is None or not entry[1] & OPEN:
                found = more.pop(at or 0)
                self._more_size -= 1
                if not more:
                    del self._more[key]
                return found if entry is None else (found[0], found[1] & ~_COUNT | entry[1] & _COUNT)
        if entry is not None:
            if entry[1] & OPEN:
                self.hot[key] = (entry[0], entry[1] & ~OPEN)
            return entry
        for keys, known_ids, words in reversed(self._frozen):
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                packed = words[at]
                words[at] = packed & ~OPEN
                return known_ids[at], packed
        return None

    def unread(self) -> Iterator[int]:
        """Yield the packed words of planned messages in the window that no delivery trace came for."""
        for _ids, packed in self.hot.values():
            if packed & OPEN and packed & COUNTED:
                yield packed
        for waiting in self._more.values():
            for _ids, packed in waiting:
                if packed & COUNTED:
                    yield packed
        for number, (keys, _ids_of, words) in enumerate(self._frozen):
            for key, packed in zip(keys, words):
                if packed & OPEN and packed & COUNTED and not self._known_later(key, number):
                    yield packed

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
            self.dropped_unread += sum(
                packed & OPEN != 0 and packed & COUNTED != 0 and not self._known_later(key, 0)
                for key, packed in zip(keys, words)
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
