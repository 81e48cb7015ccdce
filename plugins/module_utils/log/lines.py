# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log on their way from where they are read to who makes something of them."""

from __future__ import annotations

import re
from typing import Protocol

LONGEST_LINE = 1 << 16
Block = bytes

# What `journalctl -o short-iso` puts before a line.
SHORT_ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d) \S+ [^\s:\[]+(?:\[\d+\])?: ?")


class LineTaker(Protocol):
    """What lines are fed to, wherever they come from."""

    bytes: int  # how much was read; whoever feeds adds to it

    @property
    def past_window(self) -> bool:
        """Whether nothing that comes later is wanted."""

    def feed(self, block: Block) -> None:
        """Take complete lines, without the line end of the last one."""


class LineReader(LineTaker, Protocol):
    """What the lines of files are fed to."""

    def start_of_file(self, name: str = "", latest: float | None = None) -> None:
        """Another file begins; no record in it can be later than ``latest``."""

    def start_inside_file(self) -> None:
        """Reading begins at a place in the file that was chosen by its time."""


class Lines:
    """Cuts blocks into complete lines; of a line longer than 64 KiB only the beginning is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, block: bytes) -> bytes | None:
        """Return the lines that ``block`` completes, without the line end of the last one; None where it ends none."""
        if b"\0" in block:  # where a file was truncated under a writer that kept its offset, or a disk lost a page
            block = block.replace(b"\0", b"")
        end = block.rfind(b"\n")
        if end < 0:
            self._rest = (self._rest + block)[:LONGEST_LINE]
            return None
        first = block.find(b"\n")
        complete = (self._rest + block[:first])[:LONGEST_LINE] + block[first:end]
        self._rest = block[end + 1 :][:LONGEST_LINE]
        return complete
