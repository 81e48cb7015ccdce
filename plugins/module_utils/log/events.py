# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a grammar makes of a record, and what all grammars have in common."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ansible_collections.kumon.runbook.plugins.module_utils.log.records import Record

RECEIVED, PLANNED, READ, SENT, SETTLED = "received", "planned", "read", "sent", "settled"
DROPPED, IGNORED, GUARD, INSTANCE = "dropped", "ignored", "guard", "instance"
SUCCESS, FAILED, UNSENT = "success", "failed", "unsent"
UNTOLD = "untold"  # there is a result, in words that are not known


class Event(NamedTuple):
    """One thing that happened to a message, as one record tells it.

    ``stage`` is ``received``, ``planned``, ``read``, ``sent``, ``settled``; or ``dropped`` (never to be answered, by
    the assistant's own word), ``ignored`` (a repeat of a message), ``guard`` or ``instance``. ``key`` tells messages
    apart, ``conversation`` those who wrote them. ``number`` is how many were planned, or what delivery found.
    """

    stage: str
    key: bytes = b""
    conversation: bytes = b""
    outcome: str = ""
    number: int = 1
    instance: bytes | None = None
    http: bytes = b""
    ids: bytes = b""
    kind: bytes = b""
    family: str = ""
    level: bytes = b"CRITICAL"
    value: bytes | None = None


class Grammar(Protocol):
    """One way in which releases of the assistant trace their messages."""

    name: str
    words: dict[bytes, tuple[bytes, ...]]
    """what stands before the first ``|`` of its records, and how what stands behind it can begin"""
    phrases: tuple[bytes, ...]
    """what its records without any ``|`` contain"""
    bare: bool
    """whether its records are lines without a head, among which a customer's text can stand"""

    def names(self, record: Record) -> bool:
        """Whether the record begins as one of this grammar."""

    def read(self, record: Record) -> list[Event] | None:
        """Return what the record says of messages, perhaps nothing; None where it fits this grammar only at its
        beginning."""
