# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The V2 traces of the releases up to 5fe5119: ``OUTBOX_TRACE|phase=planner|conv=…|idem=…|…``.

Fields are read by their position in each trace's own grammar, because values may hold spaces, ``=`` and even ``|``.
They are cut off at both ends and never searched for by patterns that could be made to backtrack.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Optional

from ansible_collections.kumon.runbook.plugins.module_utils.log.events import (
    FAILED,
    GUARD,
    INSTANCE,
    PLANNED,
    READ,
    SENT,
    SETTLED,
    SUCCESS,
    UNTOLD,
    Event,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.records import Record

if TYPE_CHECKING:
    from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance

_CONV, _IDEM = b"|conv=", b"|idem="


class TraceGrammar:
    """Reads the trace lines; ``idem`` is often the word ``unknown``, so that a key can name several messages."""

    name = "trace"
    words: dict[bytes, tuple[bytes, ...]] = dict.fromkeys(
        (b"OUTBOX_TRACE", b"DELIVERY_TRACE", b"INSTANCE_TRACE", b"OUTBOX_GUARD", b"INSTANCE_GUARD"), (b"",)
    )
    phrases: tuple[bytes, ...] = ()
    bare = False

    def names(self, record: Record) -> bool:
        """Whether the record begins as a trace."""
        return record.message.partition(b"|")[0] in READERS

    def read(self, record: Record) -> list[Event] | None:
        """Return the event of a trace record."""
        head, _bar, rest = record.message.partition(b"|")
        return READERS[head](rest)


def _key(text: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Split ``…|conv=…|idem=…`` into what stands before, the whole key and the conversation."""
    before, sep, _idem = text.rpartition(_IDEM)
    at = before.rfind(_CONV) if sep else -1
    if at < 0:
        return (b"", text, before[5:]) if sep and before.startswith(_CONV[1:]) else None
    # The first "conv=" counts where a value holds another one.
    first = before.find(_CONV)
    return text[:first], text[first + 1 :], before[first + len(_CONV) :]


def _outbox(rest: bytes) -> list[Event] | None:
    stage, at = (PLANNED, 14) if rest.startswith(b"phase=planner|") else (READ, 15)
    if stage == READ and not rest.startswith(b"phase=delivery|"):
        return None
    ends = rest.rfind(b"|count=")
    number = rest[ends + 7 :]
    if ends < 0 or not (number.isdigit() and len(number) < 10):
        # Another logger's line of 5fe5119 ends in outbox_count; its key never meets a delivery trace.
        return [] if stage == PLANNED and b"|outbox_count=" in rest else None
    ids = rest.rfind(b"|state_id=", at, ends)
    idem = rest.rfind(_IDEM, at, ids)
    if ids < 0 or idem < 0 or not rest.startswith(b"conv=", at) or rest.find(b"|outbox_id=", ids, ends) < 0:
        return None
    return [Event(stage, rest[at:ids], rest[at + 5 : idem], "", int(number), None, b"", rest[ids + 10 : ends])]


def _delivery(rest: bytes) -> list[Event] | None:
    action, _bar, rest = rest.partition(b"|")
    parts = _key(rest)
    if parts is None:
        return None
    fields, key, conversation = parts
    if action == b"action=send":
        instance, sep, _phone = fields.rpartition(b"|phone=")
        if sep and instance.startswith(b"instance="):
            return [Event(SENT, key, conversation, instance=instance[9:])]
    elif action == b"action=result":
        status, _bar, fields = fields.partition(b"|")
        http, sep, instance = fields.partition(b"|instance=")
        outcome = {b"status=success": SUCCESS, b"status=failed": FAILED}.get(status, UNTOLD)
        if status.startswith(b"status=") and sep and http.startswith(b"http="):
            return [Event(SETTLED, key, conversation, outcome, http=http[5:], instance=instance)]
    return None


def _instance(rest: bytes) -> list[Event] | None:
    parts = _key(rest)
    if parts is None:
        return None
    source, sep, name = parts[0].partition(b"|instance=")
    if not sep or not source.startswith(b"source="):
        return None
    return [Event(INSTANCE, parts[1], parts[2], instance=name, kind=source[7:])]


def _guard(family: str, rest: bytes) -> list[Event] | None:
    parts = _key(rest)
    if parts is None:
        return None
    level, _bar, fields = parts[0].partition(b"|")
    kind, _bar, details = fields.partition(b"|")
    if not level.startswith(b"level=") or not kind.startswith(b"type="):
        return None
    value = details[6:] if details.startswith(b"value=") else None
    return [Event(GUARD, parts[1], parts[2], family=family, level=level[6:].upper(), kind=kind[5:], value=value)]


READERS: dict[bytes, Callable[[bytes], list[Event] | None]] = {
    b"OUTBOX_TRACE": _outbox,
    b"DELIVERY_TRACE": _delivery,
    b"INSTANCE_TRACE": _instance,
    b"OUTBOX_GUARD": lambda rest: _guard("outbox", rest),
    b"INSTANCE_GUARD": lambda rest: _guard("instance", rest),
}
"""Reads what stands behind the word of a trace and its bar."""

# The same traces as nearly all are: no value holds a bar, which alone can be read otherwise. In JSON no quote or
# backslash either, and the rest of the record stands behind it. Colours and carriage returns are for the reader to look
# for: what excludes one character alone is matched in less than half the time.
_VALUES = (rb"[^|]*", rb"[^|\"\\]*")
_ENDS = (rb"", rb"\".*\}")
_OUTBOX = rb"phase=(planner|delivery)\|(conv=V\|idem=V)\|state_id=(V\|outbox_id=V)\|count=([0-9]{1,9})"
_DELIVERY = (
    rb"action=(?:result\|status=(success|failed)\|http=(V)\|instance=(V)|send\|instance=(V)\|phone=V)\|(conv=V\|idem=V)"
)


def _take_outbox(match: re.Match[bytes], balance: Balance, moment: float | None, own: bool) -> None:
    phase, name, outbox, number = match.groups()
    if phase == b"planner":
        balance.begin(PLANNED, moment, "trace", own)
        balance.take_plan(name, outbox, int(number))
    else:
        balance.begin(READ, moment, "trace", own)
        balance.take_delivery(name, outbox, int(number))


def _take_delivery(match: re.Match[bytes], balance: Balance, moment: float | None, own: bool) -> None:
    status, http, instance, sent_by, name = match.groups()
    if status is None:
        balance.begin(SENT, moment, "trace", own)
        balance.take_sent(name, sent_by)
    else:
        balance.begin(SETTLED, moment, "trace", own)
        balance.take_result(name, FAILED if status == b"failed" else SUCCESS, http, instance)


Take = Callable[["re.Match[bytes]", "Balance", Optional[float], bool], None]

COMMON: dict[bytes, tuple[tuple[re.Pattern[bytes], ...], Take]] = {
    head: (tuple(re.compile(fields.replace(b"V", value) + end) for value, end in zip(_VALUES, _ENDS)), take)
    for head, fields, take in ((b"OUTBOX_TRACE", _OUTBOX, _take_outbox), (b"DELIVERY_TRACE", _DELIVERY, _take_delivery))
}
"""What tells the commonest traces by the fields behind their word, in plain lines and in JSON, and counts them as
``READERS`` would. Nearly all of a large log is read by this: one pattern a trace, and no event in between."""
