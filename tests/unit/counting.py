# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log counted as trace_log_info counts them."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader


class Counter:
    """A balance that is fed lists of lines."""

    def __init__(self, now, **options):
        self.balance = Balance(now=now, **options)
        self.reader = TraceReader(self.balance, StampReader(now), now)

    def feed(self, lines):
        """Take lines as one block."""
        self.reader.feed(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))

    def result(self):
        """Return the traces so far."""
        return {**self.balance.result(), "lines": self.reader.lines, "bytes": self.reader.bytes}


OUTCOMES = ("minute", "success", "failed", "lost", "guards")


def outcomes(traces):
    """The minutes of traces, with the columns that tell outcomes."""
    return [{name: row[name] for name in OUTCOMES} for row in traces["minutes"]]
