# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the assistant's trace lines: what was planned, read, sent, delivered, lost and guarded.

A trace counts only where it *starts the message of a log record*. Customers' text is logged raw, so whoever searches
for ``OUTBOX_GUARD`` anywhere in a line lets any customer trigger a rollback. The six shapes in which a record's
message can stand are told apart by what precedes it, up to the first ``|``:

====================  ==============================================================================
``logging`` default   ``INFO:app.core.observability.structured_logging:DELIVERY_TRACE|…``
asctime               ``2026-11-22 10:12:27,174 - app.core… - INFO - DELIVERY_TRACE|…`` (local time)
JSON lines            ``{"timestamp": "2026-11-22T10:12:10.816667", …, "message": "DELIVERY_TRACE|…"}`` (UTC)
``-o short-iso``      ``2025-09-04T19:10:00-0300 host uvicorn[4127]: `` and then any of the shapes above
``-o json``           ``{"MESSAGE": "…", "__REALTIME_TIMESTAMP": "…"}``, the message in any of the shapes above
nothing               ``DELIVERY_TRACE|…`` at column 0
====================  ==============================================================================

Fields are read by their position in each trace's own grammar, because values may hold spaces, ``=`` and even ``|``.
Five million lines go through :meth:`TraceCounter.feed`; it is written for that.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any, Callable

from ansible_collections.kumon.runbook.plugins.module_utils._handoff import (
    COUNTED,
    OPEN,
    HandoffTable,
    count_of,
    process_of,
    word,
)
from ansible_collections.kumon.runbook.plugins.module_utils._lines import SERVER_STARTED, SHORT_ISO
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import StampReader, iso, iso_minute

KINDS = (b"OUTBOX_TRACE", b"INSTANCE_TRACE", b"DELIVERY_TRACE", b"OUTBOX_GUARD", b"INSTANCE_GUARD")
INVALID_INSTANCE = re.compile(r"(?:default|thread_[0-9]+|)\Z")

_KIND = rb"(OUTBOX_TRACE|INSTANCE_TRACE|DELIVERY_TRACE|OUTBOX_GUARD|INSTANCE_GUARD)"
_LEVEL = rb"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
# What may stand between the beginning of a record and its trace, once a time of its own has been cut off.
_BASIC_HEAD = re.compile(_LEVEL + rb":[^\s:|]+:" + _KIND + rb"\Z")
_ASCTIME_HEAD = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)? - \S+ - " + _LEVEL + rb" - " + _KIND + rb"\Z"
)
_JSON_HEAD = re.compile(
    rb'\{"timestamp": "[^"\\]*", "level": "[A-Z]+", "logger": "[^"\\]*", "message": "' + _KIND + rb"\Z"
)
_RECORD_HEAD = re.compile(_LEVEL + rb":[^\s:|]+:|\{\"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|INFO: {5}")

# Free text is logged as "<what> <number>: <first 50 characters>..."; a line break in it makes a line that looks bare.
_FREE_TEXT = re.compile(rb"(?:Processing message for|WhatsApp message sent successfully to) [^:]*: ")
_FREE_TEXT_LINES = 20

# The grammar of each trace. The ``_ANY`` patterns serve values that contain "|".
_END = rb"(conv=([^|]*)\|idem=([^|]*))\Z"
_END_ANY = rb"(conv=(.*)\|idem=(.*))\Z"
_OUTBOX = re.compile(
    rb"phase=(planner|delivery)\|(conv=[^|]*\|idem=[^|]*)\|(state_id=[^|]*\|outbox_id=[^|]*)\|count=(\d{1,9})\Z"
)
_OUTBOX_ANY = re.compile(
    rb"phase=(planner|delivery)\|(conv=.*\|idem=.*)\|(state_id=.*\|outbox_id=.*)\|count=(\d{1,9})\Z"
)
_RESULT = re.compile(rb"action=result\|status=(success|failed)\|http=([^|]*)\|instance=([^|]*)\|" + _END)
_RESULT_ANY = re.compile(rb"action=result\|status=(success|failed)\|http=([^|]*)\|instance=(.*)\|" + _END_ANY)
_SEND = re.compile(rb"action=send\|instance=([^|]*)\|phone=([^|]*)\|" + _END)
_SEND_ANY = re.compile(rb"action=send\|instance=(.*)\|phone=(.*)\|" + _END_ANY)
_INSTANCE = re.compile(rb"source=([^|]*)\|instance=([^|]*)\|" + _END)
_INSTANCE_ANY = re.compile(rb"source=([^|]*)\|instance=(.*)\|" + _END_ANY)
_GUARD = re.compile(rb"level=([^|]*)\|type=([^|]*)(?:\|(.*?))??\|" + _END_ANY)
_SAMPLE_BYTES = 500
_LOST_KEYS = 1000
_CONVERSATIONS_NAMED = 10
# What bounds the memory. Beyond them counts stay right, but for what the places of use say.
_OUTCOMES_KEPT, _MINUTES_KEPT = 100_000, 5
_SENDS_KEPT = 50_000
_INCIDENTS_KEPT = 200_000
_RUN_KEPT = 1000
_SHAPES_KEPT = 64


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


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


class TraceCounter:
    """Counts the traces of a window in lines that are fed in the order in which they were logged.

    :param since: count what happened at or after this time (seconds since the epoch), or None
    :param until: count what happened before this time, or None
    :param now: the present; a hand-off or send younger than ``grace`` at ``until`` or now is still on its way
    :param conversation: count only this conversation (its id, or the phone number in it), or None
    """

    def __init__(
        self,
        *,
        now: float,
        since: float | None = None,
        until: float | None = None,
        grace: float = 60.0,
        conversation: str | None = None,
        expected_instance: str | None = None,
        max_samples: int = 10,
        redacted: bool = True,
    ) -> None:
        self._now, self._since, self._until, self._grace = now, since, until, grace
        self._conversation = conversation.encode() if conversation else None
        self._expected = expected_instance
        self._clean: Callable[[str], str] = redact if redacted else str
        self._stamps = StampReader(now)
        self._handlers: dict[bytes, Callable[[bytes], bool]] = dict(
            zip(KINDS, (self._outbox, self._instance, self._delivery, self._outbox_guard, self._instance_guard))
        )
        self._shapes: dict[bytes, Callable[[bytes], bool]] = {}
        self._stamped: deque[bytes] = deque(maxlen=50)  # lines seen that may begin with a time, not yet looked at
        self._recent: list[bytes] = []  # the end of the previous block, to look back across its edge
        self._line = b""  # the record being counted, for samples
        self._process = 0
        self._time: float | None = None  # of the record being counted
        self._newly_dated = False  # that time was read since the last record
        self._inside = since is None and until is None  # that time lies in the window
        self._sequence = 0

        self.lines = self.bytes = self.records = self.unparsed = self.undated = 0
        self._own_stamps = self._inherited_stamps = False
        self._first: float | None = None
        self._last: float | None = None
        self._success = self._failed = self._sent = 0
        self._failed_by_http = Tally()
        self._failed_by_conversation = Tally()
        self._last_success = 0
        self._run: dict[tuple[bytes, int | None], int] = {}
        self._sends: dict[bytes, tuple[tuple[float | None, int], ...]] = {}
        self._unconfirmed = 0
        self._planned = self._read = self._lost = self._unpaired = self._mismatches = 0
        self._handoffs = HandoffTable()
        self._lost_keys: deque[tuple[bytes, int, int]] = deque(maxlen=_LOST_KEYS)
        self._guards = {"outbox": Tally(), "instance": Tally()}
        self._other_levels = Tally()
        self._incidents: set[int] = set()
        self._critical_last: float | None = None
        self._seen, self._sent_by, self._guarded, self._instance_errors = Tally(), Tally(), Tally(), 0
        self._outcomes: dict[int, dict[int, bool]] = {}
        self._outcomes_size = 0
        self._minutes: dict[int, list[int]] = {}
        self._samples: dict[str, deque[tuple[float | None, bytes]]] = {
            name: deque(maxlen=max_samples) for name in ("failures", "guards", "lost")
        }

    # ---------------------------------------------------------------- reading

    @property
    def past_window(self) -> bool:
        """Whether lines have been seen that lie well behind ``until``: reading on finds nothing more."""
        if self._until is None:
            return False
        if self._stamped:
            self._inherit()
        return self._time is not None and self._time > self._until + 60

    @property
    def observed(self) -> dict[str, int]:
        """How many messages were planned, read, sent and settled (with a result) so far, for a reader that waits."""
        return {
            "planned": self._planned,
            "read": self._read,
            "sent": self._sent,
            "settled": self._success + self._failed,
        }

    def start_of_file(self) -> None:
        """A new file begins: nothing of it is dated by the file before."""
        self._stamped.clear()
        self._time = None
        self._inside = self._since is None and self._until is None

    def start_inside_file(self) -> None:
        """Reading begins at a place before the window that was found by its time: what has no time yet is older."""
        self._stamped.clear()
        self._time, self._inside = float("-inf"), False

    def feed(self, lines: list[bytes]) -> None:
        """Count complete lines, without their line ends."""
        self.lines += len(lines)
        shapes = self._shapes
        for at, line in enumerate(lines):
            head, separator, rest = line.partition(b"|")
            handler = shapes.get(head) if separator else None
            if handler is not None:
                # The commonest shape by far, that of logging's default: no time, so the last one above it holds.
                if self._stamped:
                    self._inherit()
                self._count(handler, rest, line)
                continue
            begins = head[:1]
            if begins == b"{" or begins == b"2":
                self._stamped.append(line)
            if separator or (begins == b"{" and b'"MESSAGE"' in head):
                self._open_record(line, lines, at)
            if b"Started " in head and SERVER_STARTED.match(head):
                self._process += 1
        self._recent = lines[-_FREE_TEXT_LINES:]

    def _open_record(self, line: bytes, lines: list[bytes], at: int) -> None:
        """Count ``line`` if the message of its record starts with a trace."""
        text = self._without_journal(line)
        message = self._message(text)
        head, _bar, rest = message.partition(b"|")
        handler = self._handlers.get(head)
        if handler is None or (message is text and self._is_free_text(message, lines, at)):
            return
        self._count(handler, rest, line, own=bool(self._stamped) and self._inherit() is line)

    def _without_journal(self, line: bytes) -> bytes:
        """Return what the service wrote, without what journalctl puts before or around it."""
        envelope = SHORT_ISO.match(line)
        if envelope:
            return line[envelope.end() :]
        if line[:1] != b"{" or b'"MESSAGE"' not in line:
            return line
        try:
            message = json.loads(line).get("MESSAGE")
            # journald writes what is not UTF-8 as a list of byte values, and what is too long as null.
            return bytes(message) if isinstance(message, list) else _bytes(message)
        except (ValueError, TypeError, AttributeError):
            return b""

    def _message(self, text: bytes) -> bytes:
        """Return the message of the log record that starts in ``text``; ``text`` itself if it is bare."""
        first = text[:1]
        if first == b"{":
            return self._json_message(text)
        head = text.partition(b"|")[0]
        if first == b"2":
            head_match = _ASCTIME_HEAD.match(head)
        else:
            head_match = _BASIC_HEAD.match(head)
            if head_match and len(self._shapes) < _SHAPES_KEPT:
                self._shapes[head] = self._handlers[head_match.group(1)]
        return text[head_match.start(1) :] if head_match else text

    def _json_message(self, text: bytes) -> bytes:
        if not any(kind in text for kind in KINDS):
            return b""
        head, _bar, rest = text.partition(b"|")
        head_match = _JSON_HEAD.match(head)
        if head_match:
            message = rest[: max(rest.find(b'"'), 0)]
            if message and b"\\" not in message:
                return head[head_match.start(1) :] + b"|" + message
        try:
            return _bytes(json.loads(text).get("message"))
        except (ValueError, AttributeError):
            return b""

    def _is_free_text(self, message: bytes, lines: list[bytes], at: int) -> bool:
        """Tell whether the bare line ``lines[at]`` is the rest of a customer's text rather than a record.

        The assistant logs the first 50 characters of what a customer wrote, line breaks included, and then ``...``.
        """
        if message.endswith(b"..."):
            return True
        before = self._recent + lines[:at] if at < _FREE_TEXT_LINES else lines[at - _FREE_TEXT_LINES : at]
        for line in reversed(before):
            text = self._without_journal(line)
            if text.endswith(b"..."):
                return False
            if _FREE_TEXT.search(text):
                return True
            if _RECORD_HEAD.match(text) or text.partition(b"|")[0] in self._handlers:
                return False
        return False

    def _inherit(self) -> bytes | None:
        """Take the time of the last line that began with one; return that line."""
        while self._stamped:
            line = self._stamped.pop()
            moment = self._stamps.read(line)
            if moment is not None:
                self._stamped.clear()
                self._newly_dated = True
                self._time = moment
                self._inside = (self._since is None or moment >= self._since) and (
                    self._until is None or moment < self._until
                )
                return line
        return None

    # --------------------------------------------------------------- counting

    def _count(self, handler: Callable[[bytes], bool], rest: bytes, line: bytes, own: bool = False) -> None:
        if self._conversation is not None and not self._concerns(rest):
            return
        self._line = line
        if not handler(rest) and not (rest.endswith(b"\r") and handler(rest[:-1])):
            self.unparsed += 1
        elif self._inside:
            self.records += 1
            if self._newly_dated or own or not self._inherited_stamps:
                self._note_time(own)
        elif self._time is None:
            self.undated += 1

    def _note_time(self, own: bool) -> None:
        self._newly_dated = False
        moment = self._time
        if moment is None:
            self.undated += 1
            return
        if own:
            self._own_stamps = True
        else:
            self._inherited_stamps = True
        if self._first is None or moment < self._first:
            self._first = moment
        if self._last is None or moment > self._last:
            self._last = moment

    def _concerns(self, rest: bytes) -> bool:
        ends = re.search(rb"\|conv=(.*)\|(?:idem)=", rest)
        conv = ends.group(1) if ends else b""
        return conv == self._conversation or self._conversation in conv.split(b"_")

    def _minute(self) -> int | None:
        return None if self._time is None else int(self._time // 60)

    def _minute_row(self) -> list[int]:
        minute = self._minute()
        return [0, 0, 0, 0] if minute is None else self._minutes.setdefault(minute, [0, 0, 0, 0])

    def _sample(self, name: str) -> None:
        self._samples[name].append((self._time, self._line[:_SAMPLE_BYTES]))

    def _critical(self) -> None:
        """Note when the last critical event was, repeats of known incidents included: those are what goes on."""
        moment = self._time
        if moment is not None and (self._critical_last is None or moment > self._critical_last):
            self._critical_last = moment

    def _outbox(self, rest: bytes) -> bool:
        trace = _OUTBOX.match(rest) or _OUTBOX_ANY.match(rest)
        if not trace:
            return False
        phase, name, ids, digits = trace.groups()
        key, count = hash(name), int(digits)
        if phase == b"planner":
            before = self._handoffs.hot.get(key)
            if before is not None and before[1] & OPEN:
                # A message is still unread; another trace of the planner, also one that counts 0, does not change that.
                packed = word(count, self._process, self._time, before[1] & COUNTED != 0, True)
            else:
                packed = word(count, self._process, self._time, self._inside, count > 0)
                self._planned += count > 0 and self._inside
            self._handoffs.plan(key, hash(ids), packed)
            return True
        planned = self._handoffs.deliver(key)
        if not self._inside:
            return True
        if planned is None:
            self._unpaired += 1
        elif planned[0] != hash(ids) and process_of(planned[1]) == self._process & 0xFF:
            self._mismatches += 1
            self._critical()
        if count:
            self._read += 1
        elif planned is not None and count_of(planned[1]):
            self._lost += 1
            self._critical()
            self._lost_keys.append((name, count_of(planned[1]), count))
            self._minute_row()[2] += 1
            self._sample("lost")
        return True

    def _delivery(self, rest: bytes) -> bool:
        trace = _RESULT.match(rest) or _SEND.match(rest) or _RESULT_ANY.match(rest) or _SEND_ANY.match(rest)
        if not trace:
            return False
        if not self._inside:
            return True
        self._sequence += 1
        if rest.startswith(b"action=send"):
            instance, _phone, key = trace.group(1, 2, 3)
            self._sent += 1
            name = _text(instance)
            self._sent_by.add(name)
            if INVALID_INSTANCE.match(name):
                self._critical()
            if key not in self._sends and len(self._sends) >= _SENDS_KEPT:
                self._give_up_oldest_send()
            self._sends[key] = (*self._sends.get(key, ()), (self._time, self._sequence))
            return True
        status, http, _instance, key, conv = trace.group(1, 2, 3, 4, 5)
        waiting = self._sends.pop(key, ())
        if len(waiting) > 1:
            self._sends[key] = waiting[1:]
        failed = status == b"failed"
        if failed:
            self._failed += 1
            self._failed_by_http.add(_text(http))
            self._failed_by_conversation.add(_text(conv))
            if len(self._run) < _RUN_KEPT:
                self._run.setdefault((conv, self._minute()), self._sequence)
            self._sample("failures")
        else:
            self._success += 1
            self._last_success = self._sequence
            if self._run:
                self._run = {}
        minute = self._minute()
        if minute is not None:
            self._outcome(minute, conv, failed)
        return True

    def _outcome(self, minute: int, conv: bytes, failed: bool) -> None:
        """Note one outcome per conversation and minute; any failure makes it a failure."""
        outcomes = self._outcomes.setdefault(minute, {})
        key = hash(conv)
        known = outcomes.get(key)
        if known is None:
            self._outcomes_size += 1
            if self._outcomes_size > _OUTCOMES_KEPT:
                self._settle_old_minutes()
        if not known:
            outcomes[key] = failed

    def _settle_old_minutes(self) -> None:
        """Turn all but the newest minutes' conversations into mere counts, to keep the memory bounded."""
        for minute in sorted(self._outcomes)[:-_MINUTES_KEPT]:
            failures = self._outcomes.pop(minute).values()
            row = self._minutes.setdefault(minute, [0, 0, 0, 0])
            row[0] += len(failures) - sum(failures)
            row[1] += sum(failures)
        self._outcomes_size = sum(map(len, self._outcomes.values()))

    def _give_up_oldest_send(self) -> None:
        """Count a send that 50,000 later ones have passed as unconfirmed."""
        key = next(iter(self._sends))
        for moment, _sequence in self._sends.pop(key):
            self._unconfirmed += 1
            if moment is not None:
                self._outcome(int(moment // 60), _conversation(key), True)

    def _instance(self, rest: bytes) -> bool:
        trace = _INSTANCE.match(rest) or _INSTANCE_ANY.match(rest)
        if not trace:
            return False
        if self._inside:
            if trace.group(1) == b"error":  # its "instance" is the error's text
                self._instance_errors += 1
            else:
                name = _text(trace.group(2))
                self._seen.add(name)
                if INVALID_INSTANCE.match(name):
                    self._critical()
        return True

    def _outbox_guard(self, rest: bytes) -> bool:
        return self._guard("outbox", rest)

    def _instance_guard(self, rest: bytes) -> bool:
        return self._guard("instance", rest)

    def _guard(self, family: str, rest: bytes) -> bool:
        trace = _GUARD.match(rest)
        if not trace:
            return False
        if not self._inside:
            return True
        level, kind, details, key = trace.group(1, 2, 3, 4)
        if level != b"CRITICAL":
            self._other_levels.add(_text(level))
            return True
        self._guards[family].add(_text(kind))
        self._critical()
        value = details[6:] if details and details.startswith(b"value=") else None
        incident = hash((family, key, kind if value is None else value))
        if incident not in self._incidents and len(self._incidents) < _INCIDENTS_KEPT:
            self._incidents.add(incident)
            self._minute_row()[3] += 1
            self._sample("guards")
            if value is not None:
                self._guarded.add(_text(value))
        return True

    # ---------------------------------------------------------------- results

    def result(self) -> dict[str, Any]:
        """Return the ``traces`` of everything fed so far; feeding may go on afterwards."""
        present = self._now if self._until is None else min(self._now, self._until)
        matured_before = present - self._grace
        waiting = [
            (key, moment, sequence)
            for key, sends in self._sends.items()
            for moment, sequence in sends
            if moment is None or moment <= matured_before
        ]
        unconfirmed = self._unconfirmed + len(waiting)
        settled = self._success + self._failed + unconfirmed
        run = set(self._run)
        run.update(
            (_conversation(key), None if moment is None else int(moment // 60))
            for key, moment, sequence in waiting
            if sequence > self._last_success
        )
        seen, invalid, unexpected = self._instances()
        return {
            "lines": self.lines,
            "bytes": self.bytes,
            "records": self.records,
            "unparsed": self.unparsed,
            "undated": self.undated,
            "first": iso(self._first),
            "last": iso(self._last),
            "timestamps": "inherited" if self._inherited_stamps else "own" if self._own_stamps else "none",
            "delivery": {
                "success": self._success,
                "failed": self._failed,
                "sent": self._sent,
                "success_rate": round(self._success / settled, 6) if settled else None,
                "failed_by_http": self._named(self._failed_by_http),
                "failed_by_conversation": self._named(self._failed_by_conversation.largest(_CONVERSATIONS_NAMED)),
                "unconfirmed": unconfirmed,
                "run": {"failures": len(run), "recipients": len({conv for conv, _minute in run})},
            },
            "handoff": {
                "planned": self._planned,
                "read": self._read,
                "lost": self._lost,
                "unread": self._handoffs.unread(matured_before),
                "unpaired": self._unpaired,
                "lost_keys": [self._lost_key(*entry) for entry in self._lost_keys],
                "state_mismatches": self._mismatches,
            },
            "guards": {
                "outbox": self._named(self._guards["outbox"]),
                "instance": self._named(self._guards["instance"]),
                "incidents": len(self._incidents),
                "other_levels": self._named(self._other_levels),
            },
            "critical": {"last": iso(self._critical_last)},
            "instances": {
                "seen": self._named(seen),
                "invalid": self._named(invalid),
                "unexpected": self._named(unexpected),
                "errors": self._instance_errors,
            },
            "minutes": self._minute_list(waiting),
            "samples": {
                name: [
                    {"time": iso(moment), "line": self._clean(_text(line).replace("\r", ""))}
                    for moment, line in reversed(samples)
                ]
                for name, samples in self._samples.items()
            },
        }

    def _named(self, counts: dict[str, int]) -> dict[str, int]:
        named: dict[str, int] = {}
        for name, count in counts.items():
            name = self._clean(name)
            named[name] = named.get(name, 0) + count
        return named

    def _instances(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """Return turns by instance name (all, the invalid ones, those that are not the expected one).

        A turn names its instance in an INSTANCE_TRACE, in its sends and in its guards, but not always in all of them;
        the largest of the three counts is the best there is of how many turns used it.
        """
        seen = dict(self._seen)
        for other in (self._sent_by, self._guarded):
            for name, count in other.items():
                if name not in self._seen or INVALID_INSTANCE.match(name):
                    seen[name] = max(seen.get(name, 0), count)
        invalid = {name: count for name, count in seen.items() if INVALID_INSTANCE.match(name)}
        unexpected = {
            name: count
            for name, count in seen.items()
            if self._expected is not None and name != self._expected and name not in invalid
        }
        return seen, invalid, unexpected

    def _lost_key(self, name: bytes, planned: int, delivered: int) -> dict[str, Any]:
        conv, _sep, idem = _text(name)[len("conv=") :].rpartition("|idem=")
        return {"conv": self._clean(conv), "idem": self._clean(idem), "planner": planned, "delivery": delivered}

    def _minute_list(self, waiting: list[tuple[bytes, float | None, int]]) -> list[dict[str, Any]]:
        outcomes = {minute: dict(conversations) for minute, conversations in self._outcomes.items()}
        for key, moment, _sequence in waiting:
            if moment is not None:
                outcomes.setdefault(int(moment // 60), {})[hash(_conversation(key))] = True
        rows = {minute: list(row) for minute, row in self._minutes.items()}
        for minute, conversations in outcomes.items():
            failed = sum(conversations.values())
            row = rows.setdefault(minute, [0, 0, 0, 0])
            row[0] += len(conversations) - failed
            row[1] += failed
        return [
            {"minute": iso_minute(minute), "success": s, "failed": f, "lost": lost, "guards": guards}
            for minute, (s, f, lost, guards) in sorted(rows.items())
        ]


def _bytes(message: object) -> bytes:
    return message.encode("utf-8", "replace") if isinstance(message, str) else b""


def _conversation(key: bytes) -> bytes:
    """Return the conversation of a ``conv=…|idem=…`` key."""
    return key[len(b"conv=") :].rpartition(b"|idem=")[0]
