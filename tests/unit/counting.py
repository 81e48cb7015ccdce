# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log counted as trace_log_info counts them."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader


class Counter:
    """A balance that is fed lists of lines, or what a source reads."""

    def __init__(self, now, **options):
        self.balance = Balance(now=now, **options)
        self.stamps = StampReader(now)
        self.reader = TraceReader(self.balance, self.stamps, now)
        self.bytes = 0

    @property
    def records(self):
        """How many records were counted so far."""
        return self.result()["records"]

    def __getattr__(self, name):
        return getattr(self.reader, name)

    def feed(self, lines):
        """Take lines as one block, or a block."""
        if not isinstance(lines, bytes):
            lines = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
        self.reader.feed(lines)

    def result(self):
        """Return the traces so far."""
        return {**self.balance.result(), "lines": self.reader.lines, "bytes": self.bytes}


OUTCOMES = ("minute", "success", "failed", "lost", "guards")


def outcomes(traces):
    """The minutes of traces, with the columns that tell outcomes."""
    return [{name: row[name] for name in OUTCOMES} for row in traces["minutes"]]
