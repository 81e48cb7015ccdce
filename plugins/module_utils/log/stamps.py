# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the time that a line of a log carries itself, for finding a window and for lines that carry none."""

from __future__ import annotations

import re

from ansible_collections.kumon.runbook.plugins.module_utils.log import envelopes
from ansible_collections.kumon.runbook.plugins.module_utils.log.lines import SHORT_ISO
from ansible_collections.kumon.runbook.plugins.module_utils.log.records import BARE, Clock, read_record

_NATIVE = re.compile(rb'\{"timestamp": "(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d(?:\.\d{1,9})?)", "level": "[A-Z]+", "logger"')
_CLOSING = ord("}")
_FAR_AHEAD = 86_400.0


class StampReader(Clock):
    """Reads the time a line carries itself, and only from a whole record: a date in a customer's text is none.

    ``envelope`` is the line-wise envelope of the file that is read (see :func:`envelopes.of_file`).
    """

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self.envelope = ""
        # What lies days ahead can only be forged or a clock gone wrong; it must not hide what follows it.
        self._latest = now + _FAR_AHEAD

    def read(self, line: bytes) -> float | None:
        """Return the time that ``line`` itself carries, in seconds since the epoch, or None."""
        moment = self._read(line)
        return moment if moment is not None and moment <= self._latest else None

    def native(self, block: bytes, start: int, stop: int) -> float | None:
        """Return the time of ``block[start:stop]`` where that is a whole line of the application's own formatter."""
        match = _NATIVE.match(block, start, stop) if stop > start and block[stop - 1] == _CLOSING else None
        if match is None:
            return None
        moment = self.moment(match.group(1), match.group(2), False)
        return moment if moment is not None and moment <= self._latest else None

    def _read(self, line: bytes) -> float | None:
        first = line[:1]
        if not self.envelope:
            if first != b"{" and first != b"2":
                return None
            if first == b"{" and (moment := self.native(line, 0, len(line))) is not None:
                return moment
            if first == b"2" and line[10:11] != b" " and not SHORT_ISO.match(line) and line[10:11] != b"T":
                return None
        unwrapped = envelopes.unwrap(line, self.envelope)
        if unwrapped is None:
            return None
        if unwrapped.time is not None:
            return unwrapped.time
        record = read_record(unwrapped.text, self)
        return record.time if record.shape != BARE or first == b"{" else None
