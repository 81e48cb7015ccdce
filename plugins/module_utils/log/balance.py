# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The balance sheet of messages: what came in, was planned, read, sent and delivered, and what was lost on the way.

Everything is counted in bounded memory, one event after the other. What is still on its way is judged at the end: how
long a stage takes is learned from the log (what nearly all messages took), and what waits longer is overdue.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import OrderedDict, defaultdict, deque
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, TypeVar

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, iso_minute
from ansible_collections.kumon.runbook.plugins.module_utils.log.causes import is_no_number
from ansible_collections.kumon.runbook.plugins.module_utils.log.events import (
    DROPPED,
    FAILED,
    GUARD,
    IGNORED,
    INSTANCE,
    PLANNED,
    READ,
    RECEIVED,
    SENT,
    SETTLED,
    SUCCESS,
    UNSENT,
    UNTOLD,
    Event,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.handoff import (
    COUNTED,
    OPEN,
    TURNS_KEPT,
    HandoffTable,
    Key,
    conversation_of,
    count_of,
    process_of,
    time_of,
    word,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.tallies import (
    Delays,
    Drops,
    Outcomes,
    Tally,
    Unanswered,
    is_invalid_instance,
    person_of,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.turns import Turn, Turns

LONGEST_GRACE, SHORTEST_GRACE = 60.0, 5.0
_SAMPLE_BYTES = 500
_LOST_KEYS = 1000
_CONVERSATIONS_NAMED = 10
_CAUSES_NAMED = 20
# What bounds the memory. Beyond them counts stay right, but for what the places of use say.
_UNSENT_KEPT = 50_000
_INCIDENTS_KEPT = 200_000
_RUN_KEPT = 1000
_HEARTBEATS_KEPT = _INSTANCES_KEPT = 1000
_RECENT = 5000
_ANSWERS_KEPT = 20_000
# The columns of a minute; the last two are not told by the minute.
_LOST, _GUARDS, _RECEIVED, _PLANNED, _READ, _SENT, _CONTRADICTING, _WITHOUT_SEND, _SETTLED, _REPEATED = range(10)
_COLUMNS = ("lost", "guards", "received", "planned", "read", "sent", "contradicting", "without_send")
_WIDTH = 10
_HTTP_ERROR = re.compile(rb"\s*(?:[A-Za-z][\w/.]*[ :]+)?[4-9]\d\d\b")
_MESSAGE_STAGES = (RECEIVED, PLANNED, READ, SENT, SETTLED)


_Waiting = TypeVar("_Waiting", bound="tuple[float | None, Any]")  # a read or a send


def _without(waiting: tuple[_Waiting, ...], one: _Waiting) -> tuple[_Waiting, ...]:
    if len(waiting) == 1:
        return ()
    at = waiting.index(one)
    return (*waiting[:at], *waiting[at + 1 :])


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


class _Person(NamedTuple):
    """Who wrote a message; a :class:`Key` tells it too."""

    who: int
    conversation: bytes
    person: bytes


class Balance:
    """Counts the events of a window, handed over in the order in which they were logged.

    :param now: the present
    :param since: count what happened at or after this time (seconds since the epoch), or None
    :param until: count what happened before this time, or None
    :param grace: seconds after which what did not go on is overdue; None: learned from the log, 5 to 60
    :param conversation: count only this conversation (its id, or the phone number in it), or None
    :param starts: when processes of the service are known to have begun, by the kernel or a journal; ids mean
        something only within one process
    :param heartbeat: the conversation (or its phone number) whose messages say only that messages come in, or None
    """

    def __init__(
        self,
        *,
        now: float,
        since: float | None = None,
        until: float | None = None,
        grace: float | None = None,
        conversation: str | None = None,
        expected_instance: str | None = None,
        max_samples: int = 10,
        max_unanswered: int = 20,
        redacted: bool = True,
        starts: Sequence[float] = (),
        heartbeat: str | None = None,
    ) -> None:
        self.until = until
        self._now, self._since, self._grace = now, since, grace
        self._conversation = conversation.encode() if conversation else None
        self._heartbeat = heartbeat.encode() if heartbeat and heartbeat != conversation else None
        self._heartbeat_keys: OrderedDict[bytes, None] = OrderedDict()
        self.heartbeats = 0
        self.last_heartbeat: float | None = None  # also outside of the window
        self._expected = expected_instance
        self._expected_name = expected_instance.encode() if expected_instance else b""
        self._clean: Callable[[str], str] = redact if redacted else str
        self._starts = sorted(starts)
        self._max_unanswered = max_unanswered

        self.unparsed = self.unparsed_guards = self.ambiguous = self.future = 0
        self.refused_future = self.refused_backwards = 0
        self._undated = 0
        self._grammars: dict[str, int] = defaultdict(int)
        self._own_stamps = self._inherited_stamps = False
        self._first: float | None = None
        self._last: float | None = None
        self.newest: float | None = None  # of all records, also outside of the window
        self._earlier: dict[int, list[int]] = {}  # minutes before the window, as far as they were read
        self._newest_earlier: float | None = None
        self._last_event: dict[str, float] = defaultdict(float)
        self._sequence = 0
        self._claimed_starts = 0

        self._turn_counts = {"dropped": 0, "ignored": 0}
        self._traces_plans = False  # by id
        self._handoffs = HandoffTable(self._give_up)
        self._keys = self._handoffs.hot
        self._turns = Turns()
        self._unplanned: list[tuple[float | None, int]] = []
        self._unsent: list[tuple[float | None, int]] = []
        self._recent_plans: deque[float] = deque(maxlen=_RECENT)
        self._delays = {name: Delays(LONGEST_GRACE) for name in ("read", "sent", "settled", "planned_sent")}
        self._lost = self._unpaired = self._mismatches = 0
        self._lost_keys: deque[tuple[bytes, int, int]] = deque(maxlen=_LOST_KEYS)
        self._success = self._failed = self._contradicting = self._sent_before = 0
        self._repeated_most = 0  # copies of one answer
        self._missing = 0  # messages of answers that were sent in part
        self._contradicted: set[int] = set()
        self._failed_by_http = Tally()
        self._failed_by_cause = Tally(_CAUSES_NAMED)
        self.cause_of: Callable[[bytes], str] = lambda _person: ""
        """tells why the message to a person failed whose result is taken, by what stands before it in the log"""
        self.line_taken: Callable[[], bytes] = bytes
        """tells the line of the event that is taken, for samples"""
        self._failed_by_conversation = Tally()
        self._last_success = 0
        self._run: dict[tuple[bytes, int | None], int] = {}
        self._unconfirmed = 0
        self._outcomes = Outcomes()
        self._unanswered = Unanswered()
        self._drops = Drops(LONGEST_GRACE)
        self._answers: OrderedDict[bytes, int] = OrderedDict()  # how often a message was answered, by its id
        self._guards = {"outbox": Tally(), "instance": Tally()}
        self._other_levels = Tally()
        self._incidents: set[int] = set()
        self._critical_last: float | None = None
        self._seen, self._sent_by, self._guarded, self._instance_errors = Tally(), Tally(), Tally(), 0
        self._settled_by = Tally()  # where it is not the expected one
        self._instance_names: dict[bytes, tuple[str, bool]] = {}
        self._minutes: dict[int, list[int]] = {}
        self._samples: dict[str, deque[tuple[float | None, bytes, str]]] = {
            name: deque(maxlen=max_samples) for name in ("failures", "guards", "lost", "unparsed")
        }
        self._undated_row = [0] * _WIDTH
        self._row = (
            self._undated_row
        )  # of the minute of the event that is taken; one that nobody reads outside the window
        self._moment: float | None = None  # of the event that is taken
        self._inside = True
        self._minute: int | None = None
        self._is_bounded = since is not None or until is not None
        # The V2 traces know no message's id; what they tell has to be paired by key.
        by_any: dict[str, Callable[[Event], None]] = {
            RECEIVED: self._take_received,
            DROPPED: self._take_dropped,
            IGNORED: self._take_ignored,
            GUARD: self._take_guard,
            INSTANCE: self._take_instance,
        }
        self._by_key: dict[str, Callable[[Event], None]] = {
            **by_any,
            PLANNED: lambda event: self.take_plan(event.key, event.ids, event.number),
            READ: lambda event: self.take_delivery(event.key, event.ids, event.number),
            SENT: lambda event: self.take_sent(event.key, event.instance),
            SETTLED: lambda event: self.take_result(event.key, event.outcome, event.http, event.instance),
        }
        self._by_id = {
            **by_any,
            PLANNED: self._take_planned_turn,
            READ: self._take_read_turn,
            SETTLED: self._take_settled_turn,
        }
        self._turn_to(None)

    # ---------------------------------------------------------------- taking

    @property
    def observed(self) -> dict[str, int]:
        """How many messages were planned, read, sent and settled (with a result) so far, for a reader that waits."""
        columns = {PLANNED: _PLANNED, READ: _READ, SENT: _SENT, SETTLED: _SETTLED}
        return {name: self.total(column) for name, column in columns.items()}

    @property
    def grave(self) -> tuple[int, ...]:
        """What speaks against the service at once, whatever waits, for a reader that waits for it."""
        invalid = sum(map(is_invalid_instance, {*self._seen, *self._sent_by, *self._guarded}))
        return (len(self._incidents), self._lost, self._mismatches, invalid, self._failed, self._contradicting)

    def total(self, column: int) -> int:
        """Return the sum of a column over the window."""
        return self._undated_row[column] + sum(row[column] for row in self._minutes.values())

    def look_again_at(self, now: float) -> None:
        """The present is later now: what waited was waited for."""
        self._now = now

    def claimed_start(self) -> None:
        """A line says that a process began; that may be true, or a customer's words."""
        self._claimed_starts += 1

    def unparsed_record(self, moment: float | None, line: bytes, guard: bool) -> None:
        """Count a record that begins as a trace and fits no grammar."""
        # Where nothing tells when it was, it may be of now: it hides what a record without a time hides.
        if moment is not None and not self._lies_inside(moment):
            return
        self.unparsed += 1
        self.unparsed_guards += guard
        self._samples["unparsed"].append((moment, line[:_SAMPLE_BYTES], ""))

    @property
    def is_filtered(self) -> bool:
        """Whether some conversation is not counted, so that each event has to be asked whose it is."""
        return self._conversation is not None or self._heartbeat is not None

    @property
    def newest_message(self) -> float | None:
        """When the newest record of a message in the window was written, in seconds since the epoch."""
        return max(self._last_event[stage] for stage in _MESSAGE_STAGES) or None

    @property
    def before_window(self) -> tuple[float, dict[int, int]] | None:
        """When the newest message before the window was, and how many came by the minute, of what was read of them."""
        stages = (_RECEIVED, _PLANNED, _READ)
        came = {minute: n for minute, row in self._earlier.items() if (n := max(row[stage] for stage in stages))}
        return (self._newest_earlier, came) if self._newest_earlier is not None and came else None

    def take(self, event: Event, moment: float | None, grammar: str, own: bool) -> None:
        """Count one event; ``moment`` is when it happened, ``own`` whether its own record tells that."""
        by_id = grammar != "trace"
        if self._conversation is not None and not self._concerns(event, by_id):
            return
        if self._heartbeat is not None and self._is_heartbeat(event, moment):
            self._beat(event, moment)
            return
        self.begin(event.stage, moment, grammar, own)
        (self._by_id if by_id else self._by_key)[event.stage](event)

    def begin(self, stage: str, moment: float | None, grammar: str, own: bool) -> None:
        """An event of this stage and moment is to be counted next."""
        if moment != self._moment:
            self._turn_to(moment)
        if moment is None:
            self._undated += 1
        if not self._inside:
            if moment is not None and self._precedes(moment) and stage in _MESSAGE_STAGES:
                self._newest_earlier = max(moment, self._newest_earlier or moment)
            return
        self._grammars[grammar] += 1
        if moment is not None:
            if moment > self._last_event[stage]:
                self._last_event[stage] = moment
            if own:
                self._own_stamps = True
            else:
                self._inherited_stamps = True

    def _turn_to(self, moment: float | None) -> None:
        """The next events are of this moment."""
        self._moment = moment
        if moment is None:
            self._inside = self._lies_inside(None)
            self._row = self._undated_row if self._inside else [0] * _WIDTH
            self._minute = None
            return
        if self.newest is None or moment > self.newest:
            self.newest = moment
        minute = int(moment // 60)
        if minute != self._minute or self._is_bounded:
            self._minute, self._inside = minute, self._lies_inside(moment)
            if self._inside:
                self._row = self._row_of(self._minutes, minute)
            else:
                self._row = self._row_of(self._earlier, minute) if self._precedes(moment) else [0] * _WIDTH
        if self._inside:
            if self._first is None or moment < self._first:
                self._first = moment
            if self._last is None or moment > self._last:
                self._last = moment

    @staticmethod
    def _row_of(minutes: dict[int, list[int]], minute: int) -> list[int]:
        row = minutes.get(minute)
        if row is None:
            row = minutes[minute] = [0] * _WIDTH
        return row

    def _precedes(self, moment: float) -> bool:
        return self._since is not None and moment < self._since

    def _lies_inside(self, moment: float | None) -> bool:
        if moment is None:
            return self._since is None and self.until is None
        return (self._since is None or moment >= self._since) and (self.until is None or moment < self.until)

    def _concerns(self, event: Event, by_id: bool) -> bool:
        conversation = event.conversation or (self._turns.conversation(event.key) if by_id else b"")
        return conversation == self._conversation or self._conversation in conversation.split(b"_")

    def _is_heartbeat(self, event: Event, moment: float | None) -> bool:
        """Tell whether an event is of a heartbeat message. What is grave counts, whoever wrote."""
        if event.stage == GUARD:
            return False
        if event.stage == INSTANCE and event.instance is not None and is_invalid_instance(_text(event.instance)):
            return False
        beat, conversation = self._heartbeat or b"", event.conversation
        if conversation == beat or beat in conversation.split(b"_"):
            return True
        if event.key:
            return event.key in self._heartbeat_keys
        # Some lines tell four digits only: they belong to the heartbeat that has just come.
        soon = moment is None or self.last_heartbeat is None or moment - self.last_heartbeat <= LONGEST_GRACE
        return bool(self.heartbeats) and soon and len(conversation) == 4 and beat.endswith(conversation)

    def _beat(self, event: Event, moment: float | None) -> None:
        """A heartbeat proves that messages come in, and that this process writes this log; no more."""
        self.heartbeats += 1
        if event.key:
            if len(self._heartbeat_keys) >= _HEARTBEATS_KEPT:
                self._heartbeat_keys.popitem(last=False)
            self._heartbeat_keys[event.key] = None
        if moment is not None:
            self.newest = moment if self.newest is None else max(self.newest, moment)
            self.last_heartbeat = moment if self.last_heartbeat is None else max(self.last_heartbeat, moment)

    def _sample(self, name: str, cause: str = "") -> None:
        self._samples[name].append((self._moment, self.line_taken()[:_SAMPLE_BYTES], cause))

    def _critical(self) -> None:
        """Note when the last critical event was, repeats of known incidents included: those are what goes on."""
        moment = self._moment
        if moment is not None and (self._critical_last is None or moment > self._critical_last):
            self._critical_last = moment

    # -------------------------------------------------------------- the stages

    def _take_received(self, event: Event) -> None:
        self._row[_RECEIVED] += 1
        self._turns.receive(event.key, event.conversation, self._moment, self._inside)
        if self._inside:
            self._unanswered.ask(event.conversation, self._moment, person_of(event.conversation))
            if event.instance is not None:
                self._see_instance(self._seen, event.instance)

    def _take_planned_turn(self, event: Event) -> None:
        self._traces_plans = True
        if event.number:
            self._planned_messages()
        elif self._inside:
            self._unplanned.append((self._moment, hash(event.conversation)))

    def take_plan(self, name: bytes, outbox: bytes, number: int) -> None:
        """The planner has put ``number`` messages into an outbox (its ids) for ``name``, a ``conv=…|idem=…``."""
        key = self._keys.get(hash(name)) or self._handoffs.add(name)
        ids, moment, inside = hash(outbox), self._moment, self._inside
        before = key.plan
        packed = word(self._claimed_starts, moment, inside, number, key.who)
        if not number:
            # The planner writes two traces a turn with the same ids, before (usually 0) and after: two zeros are a turn
            # without answer. Another turn of the key may have begun meanwhile.
            if key.end_turn(ids) is None:
                self._begin_turn(key, ids)
            elif inside:
                self._unplanned.append((moment, key.who))
            # One that is still unread stays so, with its ids; but the outbox is empty now.
            if before is not None and before & OPEN:
                key.plan = packed & ~COUNTED | before & COUNTED
            else:
                key.ids, key.plan = ids, packed & ~OPEN
            return
        zero = key.end_turn(ids) if key.zeros else None
        if before is not None and before & OPEN:
            if key.ids == ids and zero is None:
                # What is still in the outbox is seen once more before the next turn: it stays one message.
                key.plan = packed & ~COUNTED | before & COUNTED
                return
            self._handoffs.wait(key)
        if zero is None and key.zeros:
            zero = key.end_turn(ids, or_oldest=True)  # where the planner works on a copy, its ids differ
        key.ids, key.plan = ids, packed
        key.expect(number)
        self._planned_messages()
        if inside and not (zero and zero[2]):
            self._unanswered.ask(key.conversation, moment, key.person)

    def _begin_turn(self, key: Key, ids: int) -> None:
        """The planner has begun a turn: somebody wrote."""
        if len(key.zeros) >= TURNS_KEPT:
            _ids, began, counted = key.zeros[0]
            key.zeros = key.zeros[1:]
            if counted:
                self._unplanned.append((began, key.who))
        key.zeros = (*key.zeros, (ids, self._moment, self._inside))
        if self._inside:
            self._unanswered.ask(key.conversation, self._moment, key.person)

    def _planned_messages(self) -> None:
        self._row[_PLANNED] += 1
        if self._inside and self._moment is not None:
            self._recent_plans.append(self._moment)

    def _take_read_turn(self, event: Event) -> None:
        moment = self._moment
        turn = self._turns.read(event.key, event.conversation, moment, self._inside)
        if turn.received is not None and moment is not None:
            self._delays["read"].add(moment - turn.received, self._inside)
        self._row[_READ] += 1
        # Where plans are told, it was counted as one already.
        if self._inside and moment is not None and not self._traces_plans:
            self._recent_plans.append(moment)

    def take_delivery(self, name: bytes, outbox: bytes, number: int) -> None:
        """Delivery has found ``number`` messages in an outbox (its ids) for ``name``."""
        key = self._keys.get(hash(name)) or self._handoffs.add(name)
        moment, ids = self._moment, hash(outbox)
        if key.ids == ids and key.plan is not None and not key.more:
            plan: tuple[int, int] | None = (ids, key.plan)
            key.plan &= ~OPEN
        else:
            plan = self._handoffs.deliver(key, ids)
        planned_at: float | None = None
        if plan is not None:
            planned_at = float(time_of(plan[1])) or None
            if plan[1] & OPEN and planned_at is not None and moment is not None:
                self._delays["read"].add(moment - planned_at, self._inside)
        if not self._inside:
            return
        if plan is None:
            self._unpaired += 1
        elif plan[0] != ids and self._same_process(planned_at, moment):
            if process_of(plan[1]) == self._claimed_starts & 0xFF or self._by_the_last_process(planned_at):
                self._mismatches += 1
                self._critical()
            else:
                self.ambiguous += 1
        if number:
            self._row[_READ] += 1
            planned = max(number, count_of(plan[1])) if plan is not None else number
            if planned > 1 or key.further:
                self._missing += key.missing
                key.further = (moment, planned - 1) if planned > 1 else None
            read = (moment, planned_at)
            key.reads = (*key.reads, read) if key.reads else (read,)
        elif plan is not None and count_of(plan[1]):
            self._lost += 1
            self._critical()
            self._lost_keys.append((name, count_of(plan[1]), number))
            self._row[_LOST] += 1
            self._sample("lost")

    def _same_process(self, one: float | None, other: float | None) -> bool:
        """Tell whether no process is known to have begun between two moments."""
        if not self._starts or one is None or other is None:
            return True
        # A plan is known to the second.
        return bisect_right(self._starts, one + 1.0) == bisect_right(self._starts, other)

    def _by_the_last_process(self, planned: float | None) -> bool:
        """Tell whether no process began since, whatever a line claims."""
        return bool(self._starts) and planned is not None and planned + 1.0 >= self._starts[-1]

    def take_sent(self, name: bytes, instance: bytes | None) -> None:
        """A message for ``name`` was handed to an instance of the gateway."""
        key = self._keys.get(hash(name)) or self._handoffs.add(name)
        if not key.further or (key.reads and not self._is_old(self._of_now(key.reads)[0])):
            self._leave_reads(key)
        else:
            moment, messages = key.further
            key.further = (moment, messages - 1) if messages > 1 else None
        repeated = key.spend()
        if not self._inside:
            key.earlier += self._since is not None and self._moment is not None and self._moment < self._since
            return
        self._sequence += 1
        self._row[_SENT] += 1
        if repeated:
            self._row[_REPEATED] += 1
            self._repeated_most = max(self._repeated_most, key.copies)
        if instance is not None:
            self._see_instance(self._sent_by, instance)
        key.sends = (*key.sends, (self._moment, self._sequence))

    def _of_now(self, waiting: tuple[_Waiting, ...]) -> _Waiting:
        """Return what an event of now belongs to, of what waits of its key: the first that is not old.

        Who gets no answer writes again, and where `idem` is unknown that has the same key: the answer is not one to
        what was lost an hour before.
        """
        for one in waiting:
            if not self._is_old(one[0]):
                return one
        return waiting[0]

    def _is_old(self, moment: float | None) -> bool:
        return moment is not None and self._moment is not None and self._moment - moment > LONGEST_GRACE

    def _leave_reads(self, key: Key) -> None:
        """What was read is sent now."""
        if not key.reads:
            return
        read_at, planned_at = read = self._of_now(key.reads)
        key.reads = _without(key.reads, read)
        if self._moment is not None:
            if read_at is not None:
                self._delays["sent"].add(self._moment - read_at, self._inside)
            if planned_at is not None:
                self._delays["planned_sent"].add(self._moment - planned_at, self._inside)

    def _take_settled_turn(self, event: Event) -> None:
        moment = self._moment
        turn = self._turns.end(event.key)
        conversation = event.conversation or (turn.conversation if turn else b"")
        sent_at = turn.read if turn else None
        if event.outcome == SUCCESS:
            self._take_answer(event.key, conversation, taken_up=turn is not None and turn.is_read)
        if event.outcome == UNSENT:
            if self._inside:
                self._unsent.append((moment if sent_at is None else sent_at, hash(conversation)))
            return
        if self._inside:
            self._sequence += 1
            self._row[_SENT] += 1
        if sent_at is not None and moment is not None:
            self._delays["planned_sent"].add(moment - sent_at, self._inside)
            self._delays["settled"].add(moment - sent_at, self._inside)
        if self._inside:
            person = _Person(hash(conversation), conversation, person_of(conversation))
            self._settle(event.outcome, event.http, person)

    def _take_answer(self, key: bytes, conversation: bytes, taken_up: bool) -> None:
        """A message was answered. One that was taken up once more gets a copy: a turn can have several sends."""
        before = self._answers.pop(key, None)
        if before is None and len(self._answers) >= _ANSWERS_KEPT:
            self._answers.popitem(last=False)
        self._answers[key] = copies = 0 if before is None else before + taken_up
        if copies and taken_up and self._inside:
            self._row[_REPEATED] += 1
            self._repeated_most = max(self._repeated_most, copies)
        self._drops.answer(person_of(conversation), self._moment)

    def take_result(self, name: bytes, outcome: str, http: bytes, instance: bytes | None) -> None:
        """What became of a message that was sent for ``name``."""
        key = self._keys.get(hash(name))
        if key is None:
            # Nothing of it was seen, and the log begins long before it.
            self._row[_WITHOUT_SEND] += self._first is not None and (self._moment or 0.0) - self._first > LONGEST_GRACE
            key = self._handoffs.add(name)
        elif key.reads and (not key.sends or self._of_now(key.reads)[0] == self._of_now(key.sends)[0]):
            # Its send leaves what was read; lines of one time may stand the other way round.
            self._row[_WITHOUT_SEND] += not key.sends
            self._leave_reads(key)
        if outcome == FAILED:
            key.expect(1)  # it may be tried again
        earlier = key.earlier > 0 and not key.sends
        key.earlier -= earlier
        if key.sends:
            sent_at, _sequence = sent = self._of_now(key.sends)
            key.sends = _without(key.sends, sent)
            if sent_at is not None and self._moment is not None:
                self._delays["settled"].add(self._moment - sent_at, self._inside)
        if outcome == UNTOLD:  # a send with a result was no failure for want of one
            self.unparsed_record(self._moment, self.line_taken(), guard=False)
        elif self._inside:
            # What is invalid was said where it was chosen; a result without an instance may have had none to name.
            if instance and instance != self._expected_name:
                text, is_invalid = self._instance_names.get(instance) or self._instance_name(instance)
                if not is_invalid:
                    self._settled_by.add(text)
            successes = self._success
            self._settle(outcome, http, key, self.cause_of(key.person) if outcome == FAILED else "")
            if earlier:
                self._sent_before += self._success - successes

    def _settle(self, outcome: str, http: bytes, known: Key | _Person, cause: str = "") -> None:
        self._sequence += 1
        self._row[_SETTLED] += 1
        failed = outcome == FAILED
        if not failed and _is_error(http):
            # Both cannot be true. It is believed to be neither.
            self._contradicting += 1
            if len(self._contradicted) < _RECENT:
                self._contradicted.add(known.who)
            self._row[_CONTRADICTING] += 1
            self._sample("failures")
            return
        if failed:
            self._failed += 1
            self._failed_by_http.add(_text(http))
            self._failed_by_conversation.add(_text(known.conversation))
            if cause:
                self._failed_by_cause.add(cause)
            if len(self._run) < _RUN_KEPT:
                self._run.setdefault((known.conversation, self._minute), self._sequence)
            self._sample("failures", cause)
        else:
            self._success += 1
            self._last_success = self._sequence
            self._unanswered.answer(known.person, self._moment)
            if self._run:
                self._run = {}
        is_number = failed and (http == b"400" or is_no_number(cause))
        self._outcomes.add(self._minute, known.who, failed, is_number)

    def _take_dropped(self, event: Event) -> None:
        turn = self._turns.drop(event.conversation)
        if self._inside:
            self._turn_counts["dropped"] += 1
            conversation = turn.conversation if turn else event.conversation
            self._drops.drop(person_of(conversation), self._moment)

    def _take_ignored(self, event: Event) -> None:
        if self._inside:
            self._turn_counts["ignored"] += 1

    def _give_up(self, key: Key) -> None:
        """What is on its way for a key has been passed by tens of thousands of others: nothing comes of it any more."""
        self._missing += key.missing
        for moment, _sequence in key.sends:
            self._unconfirmed += 1
            self._outcomes.add(None if moment is None else int(moment // 60), key.who, True)
        if len(self._unsent) < _UNSENT_KEPT:
            self._unsent += [(moment, key.who) for moment, _planned in key.reads]

    # ---------------------------------------------------- guards and instances

    def _take_instance(self, event: Event) -> None:
        if not self._inside:
            return
        if event.kind == b"error":  # its "instance" is the error's text
            self._instance_errors += 1
        elif event.instance is not None:
            self._see_instance(self._seen, event.instance)

    def _see_instance(self, tally: Tally, instance: bytes) -> None:
        name, is_invalid = self._instance_names.get(instance) or self._instance_name(instance)
        tally.add(name)
        if is_invalid:
            self._critical()

    def _instance_name(self, instance: bytes) -> tuple[str, bool]:
        """Return the name of an instance, and whether it is invalid; there are few, and each is named often."""
        if len(self._instance_names) >= _INSTANCES_KEPT:
            self._instance_names.clear()
        name = _text(instance)
        known = self._instance_names[instance] = (name, is_invalid_instance(name))
        return known

    def _take_guard(self, event: Event) -> None:
        if not self._inside:
            return
        if event.level != b"CRITICAL":
            self._other_levels.add(_text(event.level))
            return
        self._guards[event.family].add(_text(event.kind))
        self._critical()
        incident = hash((event.family, event.key, event.kind if event.value is None else event.value))
        if incident not in self._incidents and len(self._incidents) < _INCIDENTS_KEPT:
            self._incidents.add(incident)
            self._row[_GUARDS] += 1
            self._sample("guards")
            if event.value is not None:
                self._guarded.add(_text(event.value))

    # ---------------------------------------------------------------- results

    def graces(self) -> dict[str, float]:
        """Return after how many seconds a message that was not read, sent or settled is overdue, by the stage."""
        if self._grace is not None:
            return dict.fromkeys(("read", "sent", "settled"), self._grace)
        return {
            name: min(LONGEST_GRACE, max(SHORTEST_GRACE, 2 * usual)) if usual is not None else LONGEST_GRACE
            for name, usual in ((name, self._delays[name].usual()) for name in ("read", "sent", "settled"))
        }

    def result(self) -> dict[str, Any]:
        """Return the ``traces`` of all events so far; more may be taken afterwards."""
        return _Sheet(self).traces()


class _Sheet:
    """The balance at one moment: what is still on its way is judged by how long it has been."""

    def __init__(self, balance: Balance) -> None:
        self.b = balance
        self.present = balance._now if balance.until is None else min(balance._now, balance.until)
        self.grace = balance.graces()
        self.usual = {name: delays.usual() for name, delays in balance._delays.items()}
        self.losses: dict[str, list[tuple[float | None, int]]] = {
            "unplanned": list(balance._unplanned),
            "unread": [],
            "unsent": list(balance._unsent),
        }
        self.overdue_sends: list[tuple[bytes, float | None, int]] = []
        self.open_turns: list[Turn] = []
        self.lost_turns = 0
        self.missing = 0
        self.late = {name: balance._delays[name].late for name in ("read", "settled")}
        self.dropped, self.dropped_people = balance._drops.unanswered(self.present)
        self._find_waiting()

    def _is_over(self, stage: str, moment: float | None, late: str | None = None) -> bool:
        """Tell whether what waits since ``moment`` is overdue.

        What nearly all messages take longer than the longest grace is late, but no more lost than they were.
        """
        if moment is None:
            return True
        age = self.present - moment
        if age < self.grace[stage]:
            return False
        usual = self.usual[stage]
        if late and self.b._grace is None and usual is not None and usual > LONGEST_GRACE and age < 2 * usual:
            self.late[late] += 1
            return False
        return True

    def _find_waiting(self) -> None:
        b = self.b
        for key in b._keys.values():
            for _ids, began, counted in key.zeros:
                # Without the second trace of its turn the planner did not come to an end.
                if counted and (began is None or self.present - began > LONGEST_GRACE):
                    self.losses["unplanned"].append((began, key.who))
            for moment, _planned in key.reads:
                if self._is_over("sent", moment):
                    self.losses["unsent"].append((moment, key.who))
            if key.further and self._is_over("sent", key.further[0]):
                self.missing += key.missing
            for moment, sequence in key.sends:
                if self._is_over("settled", moment, "settled"):
                    self.overdue_sends.append((key.conversation, moment, sequence))
        for packed in b._handoffs.unread():
            moment = float(time_of(packed)) or None
            if self._is_over("read", moment, "read"):
                self.losses["unread"].append((moment, conversation_of(packed)))
        for turn in [*b._turns.given_up, *b._turns.waiting()]:
            if not turn.counted:
                continue
            if turn.is_read:
                if self._is_over("settled", turn.read):
                    self.open_turns.append(turn)
            elif self._is_over("read", turn.received):
                self.lost_turns += 1
                self.losses["unread"].append((turn.received, hash(turn.conversation)))

    def traces(self) -> dict[str, Any]:
        b = self.b
        unconfirmed = b._unconfirmed + len(self.overdue_sends) + len(self.open_turns)
        settled = b._success + b._failed + unconfirmed
        run = set(b._run)
        run.update(
            (conversation, None if moment is None else int(moment // 60))
            for conversation, moment, sequence in self._unconfirmed()
            if sequence > b._last_success
        )
        seen, invalid, unexpected = self._instances()
        # A turn that is open was asked for, but by its own grammar alone: others trace each send.
        seen_planned = b.total(_READ) if self._without_plans() else b.total(_PLANNED)
        planned = seen_planned + (self.lost_turns if self._without_plans() else 0)
        unread = len(self.losses["unread"]) + b._handoffs.dropped_unread
        return {
            "records": sum(b._grammars.values()),
            "unparsed": b.unparsed,
            "unparsed_guards": b.unparsed_guards,
            "ambiguous": b.ambiguous,
            "undated": b._undated,
            "future": b.future + b.refused_future,
            "first": iso(b._first),
            "last": iso(b._last),
            "timestamps": "inherited" if b._inherited_stamps else "own" if b._own_stamps else "none",
            "grammars": dict(b._grammars),
            "stages": self._stages(),
            "turns": {
                "success": b._success,
                "failed": b._failed,
                "unconfirmed": unconfirmed,
                "unsent": len(self.losses["unsent"]),
                "dropped": b._turn_counts["dropped"],
                "lost": b._lost + unread,
                "ignored": b._turn_counts["ignored"],
            },
            "last_event": {name: iso(b._last_event[name] or None) for name in (*_MESSAGE_STAGES, GUARD)},
            "overdue": {"planned": unread, "read": len(self.losses["unsent"]), "sent": unconfirmed},
            "late": self.late,
            "contradicting": b._contradicting,
            "without_send": b.total(_WITHOUT_SEND),
            "sent_before": b._sent_before,
            "delays": {name: _rounded(seconds) for name, seconds in self.usual.items()},
            "grace": {name: _rounded(seconds) for name, seconds in self.grace.items()},
            "unanswered": b._unanswered.told(self.present, self.grace["read"], b._max_unanswered, b._clean),
            "delivery": {
                "success": b._success,
                "failed": b._failed,
                "sent": b.total(_SENT) + len(self.open_turns),
                "success_rate": round(b._success / settled, 6) if settled else None,
                "failed_by_http": self._named(b._failed_by_http),
                "failed_by_cause": self._named(b._failed_by_cause),
                "failed_by_conversation": self._named(b._failed_by_conversation.largest(_CONVERSATIONS_NAMED)),
                "unconfirmed": unconfirmed,
                "run": {"failures": len(run), "recipients": len({conversation for conversation, _minute in run})},
            },
            "handoff": {
                "planned": planned,
                # What came in and got no further was perhaps never planned: it shows nothing of what is kept in.
                "matured": max(0, seen_planned - self._unripe()),
                "read": b.total(_READ),
                "lost": b._lost,
                "unread": unread,
                "unpaired": b._unpaired,
                "lost_keys": [self._lost_key(*entry) for entry in b._lost_keys],
                "state_mismatches": b._mismatches,
            },
            "guards": {
                "outbox": self._named(b._guards["outbox"]),
                "instance": self._named(b._guards["instance"]),
                "incidents": len(b._incidents),
                "other_levels": self._named(b._other_levels),
            },
            "critical": {"last": iso(b._critical_last)},
            "instances": {
                "seen": self._named(seen),
                "invalid": self._named(invalid),
                "unexpected": self._named(unexpected),
                "errors": b._instance_errors,
            },
            "recipients": {
                **b._outcomes.recipients(self._late_failures()),
                "contradicting": len(b._contradicted),
                **{name: len({who for _moment, who in losses}) for name, losses in self.losses.items()},
            },
            "minutes": self._minutes(),
            "samples": {
                name: [
                    {
                        "time": iso(moment),
                        "line": b._clean(_text(line).replace("\r", "")),
                        **({"reason": b._clean(cause)} if cause else {}),
                    }
                    for moment, line, cause in reversed(samples)
                ]
                for name, samples in b._samples.items()
            },
        }

    def _without_plans(self) -> bool:
        """Whether what was planned has to be told from what was read: the log has no trace of plans."""
        b = self.b
        return not b.total(_PLANNED) and not b._traces_plans

    def _stages(self) -> dict[str, int | None]:
        b = self.b
        by_id = any(name in b._grammars for name in ("pipeline", "one-turn"))
        traced = "trace" in b._grammars
        return {
            "received": b.total(_RECEIVED) if by_id else None,
            "planned": b.total(_PLANNED) if traced or b._traces_plans else None,
            "read": b.total(_READ),
            "sent": b.total(_SENT),
            "success": b._success,
            "failed": b._failed,
            "repeated": b.total(_REPEATED),
            "repeated_most": b._repeated_most,
            "missing": b._missing + self.missing,
            "dropped": self.dropped if by_id else None,
        }

    def _unripe(self) -> int:
        """How many planned messages may still be sent.

        Those younger than three times what nearly all took to be sent, and those that delivery has taken up and not
        settled: how long that takes, only its end tells.
        """
        usual = self.usual["planned_sent"]
        since = self.present - (3 * max(usual, 1.0) if usual is not None else SHORTEST_GRACE)
        young = sum(moment > since for moment in self.b._recent_plans)
        taken_up = [turn.read for turn in self.b._turns.waiting() if turn.counted and turn.is_read]
        lately = sum(moment is not None and moment > since for moment in taken_up)
        # What was taken up lately was planned just before.
        return max(young, lately) + len(taken_up) - lately

    def _unconfirmed(self) -> list[tuple[bytes, float | None, int]]:
        """(conversation, when it was sent, its place in the log) of what was sent and has no result in time."""
        return [
            *self.overdue_sends,
            *((turn.conversation, turn.read, self.b._sequence) for turn in self.open_turns),
        ]

    def _late_failures(self) -> list[tuple[int | None, bytes]]:
        return [
            (None if moment is None else int(moment // 60), conversation)
            for conversation, moment, _sequence in self._unconfirmed()
        ]

    def _minutes(self) -> list[dict[str, Any]]:
        b = self.b
        rows = {minute: list(row) for minute, row in b._minutes.items()}
        outcomes = b._outcomes.by_minute(self._late_failures())
        lost: dict[str, dict[int, set[int]]] = {}
        for name, losses in self.losses.items():
            minutes = lost.setdefault(name, {})
            for moment, who in losses:
                if moment is not None:
                    minutes.setdefault(int(moment // 60), set()).add(who)
        told = sorted(
            {*rows, *outcomes, *self.dropped_people, *(minute for minutes in lost.values() for minute in minutes)}
        )
        nothing = [0] * len(_COLUMNS)
        return [
            {
                "minute": iso_minute(minute),
                "success": outcomes.get(minute, (0, 0))[0],
                "failed": outcomes.get(minute, (0, 0))[1],
                **dict(zip(_COLUMNS, rows.get(minute, nothing))),
                **{name: len(minutes.get(minute, ())) for name, minutes in lost.items()},
                "dropped": self.dropped_people.get(minute, 0),
            }
            for minute in told
        ]

    def _instances(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """Return turns by instance name (all, the invalid ones, those that are not the expected one).

        A turn names its instance in an INSTANCE_TRACE, in its sends, results and guards, but not always in all of them;
        the largest of these counts is the best there is of how many turns used it.
        """
        b = self.b
        seen = dict(b._seen)
        for other in (b._sent_by, b._guarded, b._settled_by):
            for name, count in other.items():
                if name not in b._seen or is_invalid_instance(name):
                    seen[name] = max(seen.get(name, 0), count)
        invalid = {name: count for name, count in seen.items() if is_invalid_instance(name)}
        unexpected = {
            name: count
            for name, count in seen.items()
            if b._expected is not None and name != b._expected and name not in invalid
        }
        return seen, invalid, unexpected

    def _named(self, counts: dict[str, int]) -> dict[str, int]:
        named: dict[str, int] = {}
        for name, count in counts.items():
            name = self.b._clean(name)
            named[name] = named.get(name, 0) + count
        return named

    def _lost_key(self, name: bytes, planned: int, delivered: int) -> dict[str, Any]:
        clean = self.b._clean
        conv, _sep, idem = _text(name)[len("conv=") :].rpartition("|idem=")
        return {"conv": clean(conv), "idem": clean(idem), "planner": planned, "delivery": delivered}


def _is_error(http: bytes) -> bool:
    """Whether an HTTP code, perhaps with words (``HTTP 503``, ``500 Internal Server Error``), says that it failed."""
    return _HTTP_ERROR.match(http) is not None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
