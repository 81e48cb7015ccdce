# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs what the planner put into the outbox with what delivery read from it, in bounded memory.

A million conversations in a dictionary cost 400 MB. Here the newest keys are a dictionary, and older ones are frozen
into sorted arrays of 24 bytes each, searched by bisection: the few late deliveries find them there. Keys are 64-bit
hashes; with a million keys the chance of any collision is one in forty million.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Callable, Optional

from ansible_collections.kumon.runbook.plugins.module_utils.log.tallies import person_of

HOT_KEYS = 10_000
FROZEN_KEYS, FROZEN_SEGMENTS = 500_000, 100
_MORE_KEPT = 50_000
TURNS_KEPT = 16  # of one key that have begun

# A planner trace is two integers: a hash of its state_id and outbox_id, and a word of what else must be known of it.
OPEN = 1  # a message was planned and no delivery trace came since
COUNTED = 2  # it lies inside the window that was asked for
_COUNT_SHIFT, _PROCESS_SHIFT, _TIME_SHIFT, _CONVERSATION_SHIFT = 2, 10, 18, 52
_COUNT = 0xFF << _COUNT_SHIFT
CONVERSATIONS = 1 << 11  # classes of conversations that are told apart: enough to say whether several are concerned

Read = tuple[Optional[float], Optional[float]]  # when it was read, and when it was planned
Send = tuple[Optional[float], int]  # when it was sent, and its place in the log
Zero = tuple[int, Optional[float], bool]  # a turn's ids, when the planner began it, and if the window has that


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


class Key:
    """What is known of one ``conv=…|idem=…``: whose it is, its latest planner trace, and what of it is on its way."""

    __slots__ = (
        *(
            "budget",
            "conversation",
            "earlier",
            "further",
            "ids",
            "more",
            "number",
            "person",
            "plan",
            "reads",
            "sends",
            "who",
        ),
        "zeros",
    )

    def __init__(self, name: bytes, number: int) -> None:
        self.number = number  # the hash of its name
        self.conversation = name[len(b"conv=") : name.rindex(b"|idem=")]
        self.person = person_of(self.conversation)
        self.who = hash(self.conversation)
        self.plan: int | None = None  # the word of the latest planner trace
        self.ids = 0
        self.more: list[tuple[int, int]] | None = None  # earlier planner traces that are still open
        self.zeros: tuple[Zero, ...] = ()  # turns of which the planner has written the first trace and no second
        self.reads: tuple[Read, ...] = ()  # and not sent
        self.further: tuple[float | None, int] | None = None  # messages of the same answer that are still to be sent
        self.sends: tuple[Send, ...] = ()  # and without a result
        self.earlier = 0  # how many were sent before the window, and have no result yet
        self.budget: int | None = None  # how many more were sent than planned; None where no plan was seen

    def end_turn(self, ids: int, or_oldest: bool = False) -> Zero | None:
        """Take out the turn with these ids that has begun, else perhaps the one that began first."""
        zeros = self.zeros
        if not zeros:
            return None
        at = next((at for at, zero in enumerate(zeros) if zero[0] == ids), 0 if or_oldest else -1)
        if at < 0:
            return None
        self.zeros = (*zeros[:at], *zeros[at + 1 :])
        return zeros[at]

    def expect(self, messages: int) -> None:
        """So many messages may be sent for it from now on, and what was sent too often is forgotten."""
        budget = self.budget
        self.budget = (budget if budget is not None and budget < 0 else 0) - messages

    def spend(self) -> bool:
        """A message was sent for it; tell whether that is more than was planned."""
        if self.budget is None:
            return False  # planned before the log begins
        self.budget += 1
        return self.budget > 0

    @property
    def copies(self) -> int:
        """How many more were sent for it than planned."""
        return max(0, self.budget or 0)

    @property
    def missing(self) -> int:
        """How many messages of an answer are not sent while the first of it is."""
        return self.further[1] if self.further and not self.reads else 0


class HandoffTable:
    """The keys of the log: the newest, and those of which something is on its way, with all that is known of them; of
    half a million earlier ones (12 MB) the latest planner trace. One that is dropped counts as unread if it still was.

    :param give_up: told of what waits longest where too many wait
    """

    def __init__(
        self,
        give_up: Callable[[Key], None] = lambda _key: None,
        hot_keys: int = HOT_KEYS,
        frozen_keys: int = FROZEN_KEYS,
    ) -> None:
        self.hot: dict[int, Key] = {}
        self._give_up = give_up
        self._hot_keys, self._frozen_keys = hot_keys, frozen_keys
        self._frozen: list[tuple[array[int], array[int], array[int]]] = []
        self._more = 0  # of all keys
        self.dropped_unread = 0

    def add(self, name: bytes) -> Key:
        """Make room for a name that is not among the newest, and return it."""
        if len(self.hot) >= self._hot_keys:
            self._freeze()
        number = hash(name)
        key = self.hot[number] = Key(name, number)
        return key

    def wait(self, key: Key) -> None:
        """The latest planner trace of ``key`` is open, and another one comes: it waits on."""
        if key.plan is None:
            return
        if self._more < _MORE_KEPT:
            self._more += 1
            key.more = [*(key.more or ()), (key.ids, key.plan)]
        else:
            self.dropped_unread += key.plan & COUNTED != 0

    def deliver(self, key: Key, ids: int) -> tuple[int, int] | None:
        """Return the planner trace that a delivery with these ids belongs to and mark it as read.

        That is an open one with the same ids, else the latest one that is open, else the latest; None without any. It
        is returned as it was before, as its ids and its word, but with the count of the latest trace of the key: what
        delivery should have found.
        """
        plan, more = key.plan, key.more
        if more and not (plan is not None and plan & OPEN and key.ids == ids):
            at = next((at for at, known in enumerate(more) if known[0] == ids), None)
            if at is not None or plan is None or not plan & OPEN:
                trace = more.pop(at or 0)
                self._more -= 1
                return trace if plan is None else (trace[0], trace[1] & ~_COUNT | plan & _COUNT)
        if plan is not None:
            key.plan = plan & ~OPEN
            return key.ids, plan
        for numbers, known_ids, words in reversed(self._frozen):
            at = bisect_left(numbers, key.number)
            if at < len(numbers) and numbers[at] == key.number:
                packed = words[at]
                words[at] = packed & ~OPEN
                return known_ids[at], packed
        return None

    def unread(self) -> Iterator[int]:
        """Yield the packed words of planned messages in the window that no delivery trace came for."""
        for key in self.hot.values():
            if key.plan is not None and key.plan & OPEN and key.plan & COUNTED:
                yield key.plan
            for _ids, packed in key.more or ():
                if packed & COUNTED:
                    yield packed
        for segment in range(len(self._frozen)):
            yield from self._unread_in(segment)

    def _unread_in(self, segment: int) -> Iterator[int]:
        numbers, _ids, words = self._frozen[segment]
        for number, packed in zip(numbers, words):
            if packed & OPEN and packed & COUNTED and not self._known_later(number, segment):
                yield packed

    def _known_later(self, number: int, segment: int) -> bool:
        """Tell whether a newer planner trace of a key than the one in ``segment`` is known."""
        key = self.hot.get(number)
        if key is not None and key.plan is not None:
            return True
        for numbers, _ids, _words in self._frozen[segment + 1 :]:
            at = bisect_left(numbers, number)
            if at < len(numbers) and numbers[at] == number:
                return True
        return False

    def _freeze(self) -> None:
        """Make room: what waits stays, up to half of the keys, and of the rest only the planner traces are kept."""
        waiting: list[Key] = []
        rest: list[Key] = []
        for key in self.hot.values():
            (waiting if key.reads or key.sends or key.further or key.zeros or key.more else rest).append(key)
        surplus = max(0, len(waiting) - self._hot_keys // 2)
        for key in waiting[:surplus]:
            self.dropped_unread += sum(packed & COUNTED != 0 for _ids, packed in key.more or ())
            self._more -= len(key.more or ())
            self._give_up(key)
        rows = [(key.number, key.ids, key.plan) for key in rest + waiting[:surplus] if key.plan is not None]
        rows.sort(key=itemgetter(0))  # no two have one number; numbers alone are sorted in a third of the time
        while self._frozen and (
            len(self._frozen) >= FROZEN_SEGMENTS
            or sum(len(segment[0]) for segment in self._frozen) + len(rows) > self._frozen_keys
        ):
            self.dropped_unread += sum(1 for _packed in self._unread_in(0))
            del self._frozen[0]
        if rows:
            numbers, ids, words = zip(*rows)
            self._frozen.append((array("q", numbers), array("q", ids), array("q", words)))
        self.hot.clear()
        self.hot.update((key.number, key) for key in waiting[surplus:])
