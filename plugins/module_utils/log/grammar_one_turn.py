# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-turn grammar, releases 810e8ec to 979d74d: bare lines such as ``PIPELINE|turn_end|message_id=…``.

A customer's text is printed raw, line breaks included, two or three times a turn, so that its second line can look like
any record. No rule on single lines is safe; what holds is this:

- ``DEBUG|before_langgraph|text='…`` is followed by a line with the id of that very turn, which its customer does not
  know. All that stands between is text, or of no interest.
- The later copies of a text have as many lines as the first one had.
- A text is printed at once: by the times that an envelope gives, what comes later is none of it. Where reading begins
  within a turn nothing else ends its text.
- A turn counts if its id came in a ``WEBHOOK|received`` outside of all that.
"""

from __future__ import annotations

import re
from collections import deque

from ansible_collections.kumon.runbook.plugins.module_utils.log.events import (
    DROPPED,
    FAILED,
    IGNORED,
    READ,
    RECEIVED,
    SETTLED,
    SUCCESS,
    UNSENT,
    Event,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.records import Record

_FIRST_COPY, _RESPONSE = b"DEBUG|before_langgraph|text='", b"DEBUG|after_langgraph|response='"
_NAMES_ITS_TURN = (b"DEBUG|run_flow_called|message_id=", b"PIPELINE|flow_start|message_id=")
_ENDS_A_COPY = re.compile(rb"'\|(?:enabled=\w+|context_keys=\[[^\]]*\])\Z")
_TRY = re.compile(rb"(?:http_error\|status=(\d{3})|(timeout|connection_error|unexpected_error))\|")
_LONGEST_TEXT, _LONGEST_PRINT = 500, 5.0  # lines, and seconds from its first line to its last
_REPEAT_SECONDS = 60.0  # the same id again within this is ignored by the assistant
_KEPT = 20_000


class OneTurnGrammar:
    """Reads one stream of a one-turn release; it remembers its open turns and what is a customer's text."""

    name = "one-turn"
    words: dict[bytes, tuple[bytes, ...]] = {
        b"WEBHOOK": (b"received|", b"error|"),
        b"PIPELINE": (b"turn_", b"flow_"),
        b"DELIVERY": (b"http_error|", b"timeout|", b"connection_error|", b"unexpected_error|", b"error|"),
        b"DEBUG": (
            b"before_langgraph|text='",
            b"gemini_classifier|classify_called|text='",
            b"ANTES_BUILD_PROMPT|text='",
            b"after_langgraph|response='",
        ),
    }
    phrases: tuple[bytes, ...] = ()
    bare = True

    def __init__(self) -> None:
        self.ambiguous = 0
        self.begin_file()
        self._until: bytes | None = None  # the text is the first copy, or a response that ends so
        self._begun: float | None = None  # when the text was printed
        self._lines = 0  # of the text, so far
        self._length = 0  # up to the last line that may be its end
        self._copy_left = 0
        self._first_line = b""
        self._texts: deque[tuple[bytes, int]] = deque(maxlen=100)
        self._received: dict[bytes, bytes] = {}
        self._open: dict[bytes, float | None] = {}
        self._started: dict[bytes, float | None] = {}
        self._forged: set[bytes] = set()
        self._replied: set[bytes] = set()
        self._replies_are_told = False
        self._flow = b""
        self._status = b"unknown"

    def begin_file(self) -> None:
        """Another file begins: no text of the one before goes on in it, but its turns do."""
        self.in_text = False
        self._has_received = False

    def names(self, record: Record) -> bool:
        """Whether the record is a line of this grammar."""
        word, _bar, rest = record.message.partition(b"|")
        if record.has_head or word not in self.words or not rest.startswith(self.words[word]):
            return False
        # What every program could say makes no stream one of this grammar.
        return word != b"WEBHOOK" or rest.startswith(b"received|") or bool(self._received)

    # ------------------------------------------------------------------- texts

    def ends_text_by(self, time: float | None) -> bool:
        """Tell whether a text that is open is over, because a line of the stream is of a later ``time``."""
        begun = self._begun
        if time is None or begun is None or time - begun <= _LONGEST_PRINT:
            return False
        # A slow turn still has copies of its text to come; of a turn not seen to start other lines were taken for text.
        if self._first_line and any(start and begun - start <= _LONGEST_PRINT for start in self._open.values()):
            self._texts.append((self._first_line, self._length))
        self.in_text = False
        return True

    def text_line(self, line: bytes) -> None:
        """Take a line of the stream while a customer's text is open."""
        self._lines += 1
        if self._copy_left:
            self._copy_left -= 1
            self.in_text = self._copy_left > 0
        elif self._until is not None:
            self.in_text = not line.startswith(self._until)
        elif self._first_line:
            if line.endswith(b"'"):
                self._length = self._lines
            if line.startswith(_NAMES_ITS_TURN) and line.partition(b"message_id=")[2] in self._open:
                self._texts.append((self._first_line, self._length))
                self.in_text = False
        else:
            self.in_text = not _ENDS_A_COPY.search(line)
        if self.in_text and self._lines > _LONGEST_TEXT:
            self.ambiguous += 1
            self.in_text = False

    def _open_text(self, message: bytes, time: float | None) -> None:
        self._begun = time
        self._lines, self._length, self._copy_left, self._until, self._first_line = 1, 1, 0, None, b""
        text = message.partition(b"='")[2]
        if message.startswith(_RESPONSE):
            self._until = b"DEBUG|after_langgraph|sent="
            self.in_text = True
        elif message.startswith(_FIRST_COPY):
            self._first_line, self.in_text = text, True
        else:
            end = _ENDS_A_COPY.search(message)
            # The first copy of a text of one line ends in its quote.
            begins = (text, text[: end.start() + 1 - len(message) + len(text)]) if end else (text,)
            length = max((lines for first, lines in self._texts if first in begins), default=1 if end else 0)
            self._copy_left = max(0, length - 1)
            self.in_text = length == 0 or self._copy_left > 0

    # ------------------------------------------------------------------- turns

    def read(self, record: Record) -> list[Event] | None:
        """Return the events of a line outside of texts."""
        message = record.message
        if b"='" in message and message.startswith(b"DEBUG|"):
            self._open_text(message, record.time)
            return []
        first, second, rest = (message.split(b"|", 2) + [b"", b""])[:3]
        if first == b"WEBHOOK" and second == b"error":
            return [Event(DROPPED)]  # its handler raised, and nobody knows for whose message
        if first == b"WEBHOOK":
            key, _bar, phone = rest.partition(b"|")
            if not key.startswith(b"message_id="):
                return None
            return self._received_again(key[11:], phone.partition(b"=")[2])
        if first == b"DELIVERY":
            tried = _TRY.match(message, 9)
            if tried:
                self._status = tried.group(1) or tried.group(2)
            elif second == b"error":
                self._status = rest.partition(b"|")[0]
            return []
        if second in (b"flow_complete", b"flow_error"):
            self._flow = rest.partition(b"|")[0] if second == b"flow_complete" else b"error"
            return []
        if not rest.startswith(b"message_id="):
            return [] if second.startswith(b"flow_") else None
        key = rest[11:].partition(b"|")[0]
        if key not in self._received or key in self._forged:
            # Where reading begins in the middle, the first turn's arrival lies before.
            self.ambiguous += second == b"turn_start" and self._has_received
            return []
        return self._turn(second, key, record.time)

    def _received_again(self, key: bytes, phone: bytes) -> list[Event]:
        self._has_received = True
        if key in self._received:
            return []  # what it is shows when its turn starts, or is called a duplicate
        if len(self._received) >= _KEPT:
            for old in list(self._received)[: _KEPT // 2]:
                del self._received[old]
                self._started.pop(old, None)
        self._received[key] = phone
        return [Event(RECEIVED, key, phone)]

    def _turn(self, what: bytes, key: bytes, time: float | None) -> list[Event]:
        phone = self._received[key]
        if what == b"turn_duplicate":
            return [Event(IGNORED, key, phone)]
        if what == b"turn_start":
            before = self._started.get(key, -1.0)
            again = key in self._started
            if again and (
                key in self._open or (time is not None and before is not None and time - before < _REPEAT_SECONDS)
            ):
                self._forged.add(key)
                self._open.pop(key, None)
                self.ambiguous += 1
                return []
            self._started[key] = self._open[key] = time
            return [*([Event(RECEIVED, key, phone)] if again else []), Event(READ, key, phone)]
        if what == b"turn_replied":
            self._replies_are_told = True
            if key in self._open:
                self._replied.add(key)
            return []
        if what != b"turn_end" or key not in self._open:
            return []
        del self._open[key]
        flow, self._flow = self._flow, b""
        replied = key in self._replied or (not self._replies_are_told and flow == b"sent=true")
        self._replied.discard(key)
        if replied:
            return [Event(SETTLED, key, phone, SUCCESS, http=b"unknown")]
        if flow == b"error":
            return [Event(SETTLED, key, phone, UNSENT)]
        # Only where turns do not overlap a try is surely this turn's.
        http = b"unknown" if self._open else self._status
        self._status = b"unknown"
        return [Event(SETTLED, key, phone, FAILED, http=http)]
