# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a message was not sent. The V2 traces say ``http=unknown``; the gateway's client has said it a few lines before.

==========================================================================  ===================================
``HTTP error in Evolution API request: 400 - {"status": 400, …}``           what the gateway answered
``send_message failed for 5511…: Client error '400 Bad Request' for url …``  whose message it was
==========================================================================  ===================================

What is found is shown and no more, but for one thing: a number that does not exist is no fault of the gateway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils.log.records import Record

FAILED_FOR = b"send_message failed for "
LINES = 60
"""so many lines before the result it is looked for"""
_ANSWERED = b"HTTP error in Evolution API request: "
_ANSWER_LINES = 8  # of which the answer stands before the failure
_LONGEST = 160
_NO_NUMBER = "exists: false"


def cause_of(person: bytes, records: Iterable[Record]) -> str:
    """Return why the last message to a phone number failed, by the records before its result, the nearest first;
    empty where none says it."""
    cause, left = "", LINES
    for record in records:
        message = record.message
        if not cause and record.has_head and message.startswith(FAILED_FOR + person + b": "):
            cause, left = _told(message[len(FAILED_FOR) + len(person) + 2 :]), _ANSWER_LINES
        elif cause and record.has_head and message.startswith(_ANSWERED + cause[:3].encode() + b" - "):
            answer = _answer(message[len(_ANSWERED) + 6 :])
            return f"{cause}: {answer}"[:_LONGEST] if answer else cause
        left -= 1
        if left <= 0:
            break
    return cause


def is_no_number(cause: str) -> bool:
    """Whether the gateway refused a number because nobody has it."""
    return cause.startswith("400 ") and cause.endswith(_NO_NUMBER)


def _told(text: bytes) -> str:
    """``400 Bad Request`` of what the client's library says, or its own words where nothing was answered."""
    first = text.partition(b"\n")[0].partition(b"\\n")[0].decode("utf-8", "replace").strip()
    for beginning in ("Client error '", "Server error '"):
        if first.startswith(beginning):
            first = first[len(beginning) :].partition("'")[0]
    return " ".join(first.split())[:_LONGEST]


def _answer(text: bytes) -> str:
    """What the gateway says of it: ``response.message``, a text, texts, or numbers that do not exist."""
    try:
        answer: Any = json.loads(text)
        message = answer["response"]["message"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    for part in message if isinstance(message, list) else [message]:
        if isinstance(part, dict) and part.get("exists") is False:
            return _NO_NUMBER
        if isinstance(part, str):
            return " ".join(part.split())
    return ""
