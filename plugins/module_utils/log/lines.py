# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log on their way from where they are read to who makes something of them."""

from __future__ import annotations

import re
from typing import Protocol

LONGEST_LINE = 1 << 16
Line = bytes

# What `journalctl -o short-iso` puts before a line.
SHORT_ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d) \S+ [^\s:\[]+(?:\[\d+\])?: ?")

# uvicorn's own word that a process begins, in the record shapes; in a customer's text it stands elsewhere.
SERVER_STARTED = re.compile(
    rb"\A(?:" + SHORT_ISO.pattern + rb"|\{.*\"(?:message|MESSAGE)\" ?: ?\")?"
    rb"(?:INFO:\s+|INFO:[^\s:|]+:|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)? - \S+ - INFO - |(?<=\"))"
    rb"Started (?:server|parent) process \[(\d+)\]"
)


class LineReader(Protocol):
    """What lines are fed to."""

    bytes: int  # how much was read; whoever feeds adds to it

    @property
    def past_window(self) -> bool:
        """Whether nothing that comes later is wanted."""

    def start_of_file(self) -> None:
        """Another file begins."""

    def start_inside_file(self) -> None:
        """Reading begins at a place in the file that was chosen by its time."""

    def feed(self, lines: list[Line]) -> None:
        """Take complete lines, without their line ends."""


class Lines:
    """Cuts blocks into complete lines; of a line longer than 64 KiB only the beginning is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, block: bytes) -> list[bytes]:
        """Return the lines that ``block`` completes."""
        if b"\0" in block:  # where a file was truncated under a writer that kept its offset, or a disk lost a page
            block = block.replace(b"\0", b"")
        lines = (self._rest + block).split(b"\n")
        lines[0] = lines[0][:LONGEST_LINE]
        self._rest = lines.pop()
        return lines
