# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A past log, looked at as it was at some moment: what came later is not there yet."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance
from ansible_collections.kumon.runbook.plugins.module_utils.log.envelopes import of_file
from ansible_collections.kumon.runbook.plugins.module_utils.log.evidence import Facts, evidence
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import LEAD_SECONDS
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import FileSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

MOST_BYTES = 1 << 28
SLIDE = 600.0
"""Seconds by which a window may reach further back than was asked for, so that not each look reads all of it again."""


class _Collected:
    """The lines of each file, in its order."""

    def __init__(self) -> None:
        self.bytes = 0
        self.past_window = False
        self.files: list[list[bytes]] = []
        self._name: str | None = None

    def start_of_file(self, name: str = "", latest: float | None = None) -> None:
        if name != self._name:
            self._name = name
            self.files.append([])

    def start_inside_file(self) -> None:
        """Where it begins makes no difference here."""

    def feed(self, block: bytes) -> None:
        self.files[-1].extend(block.split(b"\n"))


class _Open:
    """A window that is read on: how far each of the files was read."""

    def __init__(self, since: float, balance: Balance, reader: TraceReader, read: list[int]) -> None:
        self.since, self.balance, self.reader, self.read = since, balance, reader, read
        self.at = 0.0
        self.file = -1


class Past:
    """A log of the past, in memory.

    :param paths: names and globs, rotated and packed files too
    :raises SourceError: where it cannot be read, or no line of it says when
    """

    def __init__(self, paths: Sequence[str], now: float, expected_instance: str | None = None) -> None:
        self._stamps, self._expected = StampReader(now), expected_instance
        collected = _Collected()
        with FileSource(paths, None, self._stamps, max_bytes=MOST_BYTES) as source:
            source.read(collected)
            self.incomplete = source.notes.incomplete
        self._files = [(lines, times) for lines in collected.files if (times := self._times(lines))]
        self.lines = sum(len(lines) for lines, _times in self._files)
        if not self._files:
            raise SourceError(f"no line of {', '.join(paths)} says when it was written; it cannot be replayed")
        self._open: _Open | None = None
        self.first = min(times[0] for _lines, times in self._files)
        self.last = max(times[-1] for _lines, times in self._files)

    def _times(self, lines: list[bytes]) -> list[float]:
        """When each line was written at the earliest; empty where none says it."""
        self._stamps.envelope = of_file(lines[:200])
        latest, times = -math.inf, []
        for line in lines:
            moment = self._stamps.read(line)
            if moment is not None and moment > latest:
                latest = moment
            times.append(latest)
        first = next((moment for moment in times if moment > -math.inf), None)
        return [] if first is None else [max(moment, first) for moment in times]

    def minutes(self, since: float | None = None, until: float | None = None) -> Iterator[float]:
        """The end of each minute of the log, or of that part of it."""
        begin = self.first if since is None else max(self.first, since)
        end = self.last if until is None else min(self.last, until)
        for minute in range(int(begin // 60), int(end // 60) + 1):
            yield 60.0 * (minute + 1)

    def _feed(self, opened: _Open, at: float) -> None:
        """Read on up to this moment, in the order of the files."""
        if opened.at:
            # What says no time itself was written just now; the end of a minute is not in it.
            opened.reader.read_live(at - 0.001)
        opened.at = at
        for number, (lines, times) in enumerate(self._files):
            begin, end = opened.read[number], bisect_left(times, at)
            if begin < end:
                if opened.file != number:
                    opened.file = number
                    opened.reader.start_of_file(latest=at)
                opened.reader.feed(b"\n".join(lines[begin:end]))
                opened.read[number] = end

    def look(self, at: float, window: float, not_before: float | None = None) -> dict[str, Any]:
        """The `traces` of the window up to this moment, as they were measured then."""
        # Before it begins there was nothing to be seen, and nothing is missing.
        since = max(at - window, self.first, not_before or 0.0)
        opened = self._open
        if (
            opened is None
            or not 0 <= since - opened.since <= SLIDE
            or since == not_before != opened.since
            or at < opened.at
        ):
            balance = Balance(now=at, since=since, expected_instance=self._expected, max_samples=0, max_unanswered=0)
            begins = [bisect_left(times, since - LEAD_SECONDS) for _lines, times in self._files]
            opened = self._open = _Open(since, balance, TraceReader(balance, self._stamps, at), begins)
        balance, reader, since = opened.balance, opened.reader, opened.since
        self._feed(opened, at)
        balance.look_again_at(at)
        traces = balance.result()
        traces.update(
            lines=reader.lines,
            bytes=reader.bytes,
            truncated=False,
            measured=iso(at),
            window={"since": iso(since), "until": None, "process": None},
            heartbeat=None,
        )
        facts = Facts(
            present=at,
            since=since,
            first=self.first,
            read_from=since - LEAD_SECONDS,
            newest=balance.newest,
            process_started=None,
            unreadable=[],
            copies=[],
            suppressed=0,
            incomplete=None,
            backwards=balance.refused_backwards,
            owned=None,
            owner="",
            path="",
            lines=reader.lines,
            any_event=balance.newest is not None or traces["records"] > 0,
        )
        traces["evidence"] = evidence(traces, balance.newest_message, facts)
        return traces
