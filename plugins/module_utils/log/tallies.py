# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts in bounded memory: by name, by minute and conversation, how long things take, and who waits."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Callable

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

_INVALID_INSTANCE = re.compile(r"(?:default|thread_[0-9]+|)\Z")
_NUMBER = re.compile(rb"(?<![0-9A-Za-z-])[0-9]{10,15}(?![0-9A-Za-z-])")
_OUTCOMES_KEPT, _MINUTES_KEPT = 100_000, 5
_RECIPIENTS_KEPT = 100_000
# Refused numbers are numbers that do not exist so long as they are rare; so many in a row, or of the latest outcomes,
# are a gateway that refuses.
_NUMBERS_IN_A_ROW = 4
_LATEST, _RARE, _PEOPLE = 100, 0.05, 3
_UNANSWERED_KEPT = 20_000
_NEARLY_ALL = 0.95
_DELAYS_KEPT, _DELAYS_NEEDED = 2000, 1


def is_invalid_instance(name: str) -> bool:
    """Whether the assistant itself calls the name of a WhatsApp instance invalid."""
    return _INVALID_INSTANCE.match(name) is not None


class Tally(dict[str, int]):
    """Counts by name. A log full of different names must not fill the memory: past ``limit``, ``(other)`` counts."""

    def __init__(self, limit: int = 200) -> None:
        super().__init__()
        self._limit = limit

    def add(self, name: str, count: int = 1) -> None:
        """Count ``name``."""
        if name not in self and len(self) >= self._limit:
            name = "(other)"
        self[name] = self.get(name, 0) + count

    def largest(self, number: int) -> dict[str, int]:
        """Return the ``number`` largest counts, the largest first."""
        return dict(sorted(self.items(), key=lambda item: (-item[1], item[0]))[:number])


class Delays:
    """How long something took, the newest 2000 times, and how often it was late."""

    def __init__(self, longest: float) -> None:
        self._seconds: deque[float] = deque(maxlen=_DELAYS_KEPT)
        self._longest = longest
        self.late = 0

    def add(self, seconds: float, counted: bool) -> None:
        """Note how long it took once; a clock that was set back counts as no time."""
        self._seconds.append(seconds if seconds > 0.0 else 0.0)
        if seconds > self._longest and counted:
            self.late += 1

    def usual(self) -> float | None:
        """Return what 95 % took at most, in seconds; None when it was never seen."""
        if len(self._seconds) < _DELAYS_NEEDED:
            return None
        order = sorted(self._seconds)
        return order[min(len(order) - 1, int(len(order) * _NEARLY_ALL))]


class _Refused:
    """A message that was not sent for its number was refused."""

    __slots__ = ("counted", "minute", "who")

    def __init__(self, minute: int | None, who: int) -> None:
        self.minute, self.who, self.counted = minute, who, False


class Outcomes:
    """One outcome a conversation and minute: any failure makes it a failure.

    A conversation that failed in the minute before and fails again is the same failure. Numbers that the gateway
    refuses one by one (HTTP 400) are the customers' affair. Four or more in a row are the gateway's, and so are more
    than one in twenty of the latest outcomes, where three people or more are concerned.
    """

    def __init__(self) -> None:
        self._minutes: dict[int, dict[int, bool]] = {}
        self._size = 0
        self._counted: dict[int, tuple[int, int]] = {}
        self._failing_since: dict[int, int] = {}  # the last minute in which a conversation failed, of settled minutes
        self._latest: deque[_Refused | None] = deque(maxlen=_LATEST)  # None where no number was refused
        self._in_a_row: list[_Refused] = []
        self._reached: dict[bool, set[int]] = {True: set(), False: set()}

    def add(self, minute: int | None, who: int, failed: bool, is_number: bool = False) -> None:
        """Note an outcome of a conversation (its hash); without a time only who it concerned."""
        if failed and is_number:
            for refused in self._told_from_numbers(_Refused(minute, who)):
                self._note(refused.minute, refused.who, True)
            return
        self._latest.append(None)
        if not failed and self._in_a_row:
            self._in_a_row = []
        self._note(minute, who, failed)

    def _told_from_numbers(self, refused: _Refused) -> Iterator[_Refused]:
        """Yield what of the refused numbers, this one and earlier ones, shows to be a failure of the gateway."""
        self._latest.append(refused)
        self._in_a_row = [*self._in_a_row[1 - _NUMBERS_IN_A_ROW :], refused]
        known = [other for other in self._latest if other is not None]
        if len(known) <= _RARE * len(self._latest) or len({other.who for other in known}) < _PEOPLE:
            known = self._in_a_row if len(self._in_a_row) == _NUMBERS_IN_A_ROW else []
        for other in known:
            if not other.counted:
                other.counted = True
                yield other

    def _note(self, minute: int | None, who: int, failed: bool) -> None:
        reached = self._reached[failed]
        if len(reached) < _RECIPIENTS_KEPT:
            reached.add(who)
        if minute is None:
            return
        outcomes = self._minutes.get(minute)
        if outcomes is None:
            outcomes = self._minutes[minute] = {}
        known = outcomes.get(who)
        if known is None:
            self._size += 1
            if self._size > _OUTCOMES_KEPT:
                self._settle_old_minutes()
                outcomes = self._minutes.setdefault(minute, {})
        if not known:
            outcomes[who] = failed

    def _settle_old_minutes(self) -> None:
        """Turn all but the newest minutes' conversations into mere counts, to keep the memory bounded."""
        for minute in sorted(self._minutes)[:-_MINUTES_KEPT]:
            outcomes = self._minutes.pop(minute)
            success, failed = _count(minute, outcomes, self._failing_since)
            before = self._counted.get(minute, (0, 0))
            self._counted[minute] = (before[0] + success, before[1] + failed)
            oldest = minute - 1
            self._failing_since = {who: last for who, last in self._failing_since.items() if last >= oldest}
        self._size = sum(map(len, self._minutes.values()))

    def by_minute(self, more_failures: list[tuple[int | None, bytes]]) -> dict[int, tuple[int, int]]:
        """Return (success, failed) by minute, with failures that came out only now, such as sends without result."""
        minutes = {minute: dict(outcomes) for minute, outcomes in self._minutes.items()}
        for minute, conversation in more_failures:
            if minute is not None:
                minutes.setdefault(minute, {})[hash(conversation)] = True
        counted = dict(self._counted)
        failing = dict(self._failing_since)
        for minute in sorted(minutes):
            success, failed = _count(minute, minutes[minute], failing)
            before = counted.get(minute, (0, 0))
            counted[minute] = (before[0] + success, before[1] + failed)
        return counted

    def recipients(self, more_failures: list[tuple[int | None, bytes]]) -> dict[str, int]:
        """Return how many conversations were reached and how many were not, at least once."""
        failed = self._reached[True] | {hash(conversation) for _minute, conversation in more_failures}
        return {"success": len(self._reached[False]), "failed": len(failed)}


def _count(minute: int, outcomes: dict[int, bool], failing: dict[int, int]) -> tuple[int, int]:
    success = failed = 0
    for who, is_failure in outcomes.items():
        if not is_failure:
            success += 1
            continue
        failed += failing.get(who) != minute - 1
        failing[who] = minute
    return success, failed


def person_of(conversation: bytes) -> bytes:
    """Whose conversation it is: the phone number in its id, where it has one."""
    parts = conversation.split(b"_", 2)  # conv_{number}_{since when}, nearly always
    if parts[0] == b"conv" and len(parts) > 1 and parts[1].isdigit() and 10 <= len(parts[1]) <= 15:
        return parts[1]
    number = _NUMBER.search(conversation)
    return number.group() if number else conversation


class Drops:
    """Messages that the assistant says it dropped: which of their customers got no answer around that time.

    Who writes twice in a row is often answered once: the second message meets the first one in work. Who wrote what
    was dropped is perhaps nobody's knowledge; then nobody was answered.

    :param around: so many seconds before or after it was dropped an answer counts
    """

    def __init__(self, around: float) -> None:
        self._around = around
        self._dropped: OrderedDict[bytes, list[float | None]] = OrderedDict()
        self._answered: OrderedDict[bytes, float | None] = OrderedDict()
        # Those of which this is certain, and of how many people by the minute: one who writes on and on is one.
        self._lost = 0
        self._people: dict[int, int] = {}

    def drop(self, person: bytes, moment: float | None) -> None:
        """A message of somebody was dropped."""
        if not person:
            self._lose([moment])
        elif not (person in self._answered and self._is_around(self._answered[person], moment)):
            if person not in self._dropped and len(self._dropped) >= _UNANSWERED_KEPT:
                self._lose(self._dropped.popitem(last=False)[1])
            self._dropped.setdefault(person, []).append(moment)

    def answer(self, person: bytes, moment: float | None) -> None:
        """Somebody got an answer."""
        self._answered.pop(person, None)
        if len(self._answered) >= _UNANSWERED_KEPT:
            self._answered.popitem(last=False)
        self._answered[person] = moment
        self._lose([dropped for dropped in self._dropped.pop(person, ()) if not self._is_around(dropped, moment)])

    def _lose(self, moments: list[float | None]) -> None:
        self._lost += len(moments)
        _count_minutes(self._people, moments)

    def _is_around(self, one: float | None, other: float | None) -> bool:
        return one is None or other is None or abs(one - other) <= self._around

    def unanswered(self, present: float) -> tuple[int, dict[int, int]]:
        """Return how many were dropped and their customers not answered, and how many customers that are by the minute;
        what has just been dropped has time yet."""
        lost, people = self._lost, dict(self._people)
        for moments in self._dropped.values():
            over = [moment for moment in moments if moment is None or present - moment > self._around]
            lost += len(over)
            _count_minutes(people, over)
        return lost, people


def _count_minutes(people: dict[int, int], moments: list[float | None]) -> None:
    """Count one person in each minute of these moments."""
    for minute in {int(moment // 60) for moment in moments if moment is not None}:
        people[minute] = people.get(minute, 0) + 1


class Unanswered:
    """Conversations that wait for an answer: since when, and how often they wrote meanwhile.

    A restart gives the same person another conversation; who was answered there is not waiting in the old one. The
    workers of a service may each write a log of their own, which are read one after the other: an answer is one to what
    was asked before it by the clock, wherever that stands. What says no time is taken as it comes.
    """

    def __init__(self) -> None:
        # When somebody wrote first, how often since, in which conversation, and when last.
        self._waiting: dict[bytes, tuple[float | None, int, bytes, float | None]] = {}
        # A plain dictionary of which the oldest are dropped looks for its first behind all that were.
        self._answered: OrderedDict[bytes, float] = OrderedDict()
        self._dropped = 0

    def ask(self, conversation: bytes, moment: float | None, person: bytes) -> None:
        """A message of the conversation came in, or was planned."""
        if _is_earlier(moment, self._answered.get(person)):
            return
        known = self._waiting.get(person)
        if known is not None:
            first, messages, known_by, last = known
            first = moment if _is_earlier(moment, first) else first
            self._waiting[person] = (first, messages + 1, known_by, last if _is_earlier(moment, last) else moment)
        elif len(self._waiting) < _UNANSWERED_KEPT:
            self._waiting[person] = (moment, 1, conversation, moment)
        else:
            self._dropped += 1

    def answer(self, person: bytes, moment: float | None) -> None:
        """An answer was delivered."""
        if moment is not None and not _is_earlier(moment, self._answered.get(person)):
            self._answered.pop(person, None)
            if len(self._answered) >= _UNANSWERED_KEPT:
                self._answered.popitem(last=False)
            self._answered[person] = moment
        known = self._waiting.get(person)
        if known is None or _is_earlier(moment, known[0]):
            return
        del self._waiting[person]
        _first, _messages, conversation, last = known
        if _is_earlier(moment, last):
            self._waiting[person] = (last, 1, conversation, last)

    def told(self, present: float, grace: float, limit: int, clean: Callable[[str], str]) -> dict[str, Any]:
        """Return ``{n, longest_wait_seconds, keys}``; the longest wait comes first."""
        waiting = [
            (since, messages, conversation)
            for since, messages, conversation, _last in self._waiting.values()
            if since is None or present - since >= grace
        ]
        waiting.sort(key=lambda entry: (entry[0] is None, entry[0] or 0.0))
        longest = max((present - since for since, _messages, _who in waiting if since is not None), default=None)
        return {
            "n": len(waiting) + self._dropped,
            "longest_wait_seconds": None if longest is None else round(longest, 3),
            "keys": [
                {
                    "conversation": clean(conversation.decode("utf-8", "replace")),
                    "since": iso(since),
                    "wait_seconds": None if since is None else round(present - since, 3),
                    "messages": messages,
                }
                for since, messages, conversation in waiting[:limit]
            ],
        }


def _is_earlier(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other
