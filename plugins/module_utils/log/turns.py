# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that are told apart by an id of their own, from their arrival to what became of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_KEPT = 50_000
_LOOK_BACK = 300


class Turn(NamedTuple):
    """A customer's message on its way. Times are seconds since the epoch, None where the log tells none."""

    conversation: bytes
    received: float | None
    read: float | None
    is_read: bool
    counted: bool  # it lies in the window


class Turns:
    """The open turns, by message id; the newest 50,000 are kept, an older one counts as never answered."""

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, Turn] = OrderedDict()
        self.given_up: list[Turn] = []

    def receive(self, key: bytes, conversation: bytes, moment: float | None, counted: bool) -> None:
        """A message came in."""
        if len(self._open) >= _KEPT and key not in self._open:
            self.given_up.append(self._open.popitem(last=False)[1])
        self._open[key] = Turn(conversation, moment, None, False, counted)

    def read(self, key: bytes, conversation: bytes, moment: float | None, counted: bool) -> Turn:
        """Delivery took the message up; it may have come in before the log begins."""
        known = self._open.get(key)
        if known is None:
            known = Turn(conversation, moment, None, False, counted)
        turn = self._open[key] = known._replace(read=moment, is_read=True, counted=known.counted or counted)
        return turn

    def end(self, key: bytes) -> Turn | None:
        """The message was settled, dropped or is a repeat; return what was known of it."""
        return self._open.pop(key, None)

    def drop(self, conversation: bytes) -> Turn | None:
        """End the latest unread message of a conversation, of which perhaps only the last digits are known. Nobody's
        conversation has none."""
        if not conversation:
            return None
        for key in islice(reversed(list(self._open)), _LOOK_BACK):
            turn = self._open[key]
            if not turn.is_read and turn.conversation.endswith(conversation):
                return self._open.pop(key)
        return None

    def conversation(self, key: bytes) -> bytes:
        """Return whose message it is, as far as that is known."""
        turn = self._open.get(key)
        return turn.conversation if turn else b""

    def waiting(self) -> Iterator[Turn]:
        """Yield what is open."""
        yield from self._open.values()
