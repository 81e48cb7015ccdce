# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline grammar, releases 0c06d8c to 0581cfe: ``DEDUP|event=DEDUP|…``, ``DELIVERY|turn_based_start|…``.

Two loggers write it: plain lines of ``logging`` and JSON lines. Most stages are logged by both; one kind is counted.
A message is its ``message_id``. Lines with only ``phone={last 4}`` are matched with the latest open message of such a
number.
"""

from __future__ import annotations

import re

from ansible_collections.kumon.runbook.plugins.module_utils.log.events import (
    DROPPED,
    FAILED,
    IGNORED,
    PLANNED,
    READ,
    RECEIVED,
    SETTLED,
    SUCCESS,
    UNSENT,
    Event,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.records import JSON, Record

_STATUS = re.compile(rb"(?:Server|Client) error '(\d{3}) ")
_BREACH = b"SECURITY BREACH BLOCKED"
_AT_ONCE = 1.0  # the key is looked at within a millisecond of that
_JSON_WORDS = (b"TURNLOCK", b"WORKFLOW")  # stages that the JSON lines alone tell


class PipelineGrammar:
    """Reads the pipeline's records; each of them has a logger's head."""

    name = "pipeline"
    words: dict[bytes, tuple[bytes, ...]] = {
        b"DEDUP": (b"event=DEDUP|",),
        b"WEBHOOK": (b"event=WEBHOOK|",),
        b"PIPELINE": (b"event=plan_complete|",),
        b"DELIVERY": (b"turn_based_start|", b"sent|", b"send_failed|", b"exception|", b"dedup_hit|"),
        b"TURNLOCK": (b"duplicate|", b"acquired|"),
        b"WORKFLOW": (b"greeting_loop_prevented|",),
    }
    phrases: tuple[bytes, ...] = (_BREACH,)
    bare = False

    def __init__(self) -> None:
        self._in_work: tuple[bytes, float | None] = (b"", None)  # whose message was taken up last, and when

    def names(self, record: Record) -> bool:
        """Whether the record is one that tells of a message."""
        if not record.has_head:
            return False
        word, mark, rest = record.message.partition(b"|")
        if record.shape == JSON:
            return word in _JSON_WORDS and rest.startswith(self.words[word]) if mark else _BREACH in record.message[:60]
        return word in self.words and word not in _JSON_WORDS and rest.startswith(self.words[word])

    def read(self, record: Record) -> list[Event] | None:
        """Return the events of a record."""
        message = record.message
        if _BREACH in message[:60]:
            return [Event(DROPPED, b"", self._whose_breach(record.time))]
        field = _Fields(message)
        if message.startswith(b"DEDUP|"):
            if field[b"type"] != b"new_message":
                return []
            instance, _colon, rest = field[b"key"].partition(b":")
            phone, colon, message_id = rest.rpartition(b":")
            return [Event(RECEIVED, message_id, phone, instance=instance)] if colon and message_id else None
        if message.startswith(b"WEBHOOK|"):
            message_id = field[b"message_id"]
            if field[b"type"] != b"duplicate":
                return []
            return [Event(IGNORED, message_id, field[b"phone"])] if message_id else None
        if message.startswith(b"PIPELINE|"):
            count = field[b"outbox_count"]
            return [Event(PLANNED, b"", field[b"phone"], number=int(count))] if _number(count) else None
        if message.startswith(b"TURNLOCK|acquired|"):
            self._in_work = (field[b"conv"][5:], record.time)
            return []
        if message.startswith(b"TURNLOCK|"):
            return [Event(DROPPED, b"", field[b"conv"][5:])]
        if message.startswith(b"WORKFLOW|"):
            return [Event(DROPPED, b"", field[b"phone"])]
        return _delivery(message, field)

    def _whose_breach(self, time: float | None) -> bytes:
        """Whose message was refused for want of a key: the one that was taken up just before.

        Nobody's where that is not told: who can reach the webhook must not be able to have other people's messages
        taken for refused.
        """
        whose, taken_up = self._in_work
        return whose if time is not None and taken_up is not None and 0 <= time - taken_up <= _AT_ONCE else b""


def _delivery(message: bytes, field: _Fields) -> list[Event] | None:
    turn = field[b"turn"]
    if not turn:
        return None
    key = turn[7:] if turn.startswith(b"single_") else turn
    what = message[9:].partition(b"|")[0]
    if what == b"turn_based_start":
        return [Event(READ, key)]
    if what == b"sent":
        return [Event(SETTLED, key, outcome=SUCCESS, http=b"unknown")]
    if what == b"send_failed":
        status = _STATUS.search(message, 0, 2000)
        return [Event(SETTLED, key, outcome=FAILED, http=status.group(1) if status else b"unknown")]
    if what == b"exception":
        return [Event(SETTLED, key, outcome=UNSENT)]
    return []  # dedup_hit: it was sent before


class _Fields:
    """The fields of ``a|b=c|d=e``: the first of its name counts, for a customer's text may end the line."""

    def __init__(self, message: bytes) -> None:
        self._parts = message.split(b"|", 12)

    def __getitem__(self, name: bytes) -> bytes:
        start = name + b"="
        for part in self._parts:
            if part.startswith(start):
                return part[len(start) :]
        return b""


def _number(text: bytes) -> bool:
    return text.isdigit() and len(text) < 10
