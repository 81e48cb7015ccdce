# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines from the systemd journal, as ``sources`` has those from files."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO, cast

from ansible_collections.kumon.runbook.plugins.module_utils.log.files import BLOCK, SourceError, reason
from ansible_collections.kumon.runbook.plugins.module_utils.log.lines import LONGEST_LINE, Lines, LineTaker
from ansible_collections.kumon.runbook.plugins.module_utils.log.owner import owner_of_journal
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import Notes

_SUPPRESSED = re.compile(rb"Suppressed (\d+) messages from (\S+)")
_EXTRA_SECONDS, _JOURNALD_LINES = 5.0, 10_000


class JournalSource:
    """The journal of one systemd unit, by ``journalctl -o json``.

    :param deadline: how many seconds the reading may take; journalctl is killed then
    :param pids: the service's processes, to tell whether they write to the journal
    """

    def __init__(
        self,
        unit: str,
        start: float | None,
        journalctl: str = "journalctl",
        *,
        deadline: float | None = None,
        max_bytes: int | None = None,
        pids: Sequence[int] = (),
    ) -> None:
        self._unit, self._start, self._journalctl = unit, start, journalctl
        self._end = None if deadline is None else time.monotonic() + deadline
        self._max_bytes = max_bytes
        self._cursor: str | None = None
        self._was_read = False
        self.notes = Notes()
        if pids:
            self.notes.owned, self.notes.owner = owner_of_journal(pids)

    def __enter__(self) -> JournalSource:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def skip_to_end(self) -> None:
        """Let reading begin behind the newest entry that there is."""
        self._was_read = True
        self._run(["--lines=1"], None)

    def read(self, reader: LineTaker) -> None:
        """Feed all there is now; called again, what has been logged since."""
        is_first, self._was_read = not self._was_read, True
        if self._cursor:
            self._run([f"--after-cursor={self._cursor}"], reader)
        else:
            self._run(self._since(), reader)
        if is_first:
            self.notes.first = self._first_time()
            self.notes.suppressed = self._suppressed()

    def _since(self) -> list[str]:
        return [f"--since=@{self._start:.6f}"] if self._start is not None else []

    def _left(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def _run(self, options: list[str], reader: LineTaker | None) -> None:
        """Run journalctl; feed what it prints, or only note the cursor at its end."""
        command = ["-o", "json", "--show-cursor", f"--unit={self._unit}", "--output-fields=MESSAGE", *options]
        lines = Lines()
        got = 0
        with self._started(command, self._left()) as process:
            for block in iter(lambda: process.output.read1(BLOCK), b""):
                complete = self._without_cursor(lines.cut(block))
                if complete is None:
                    continue
                if reader is None:
                    continue
                got += len(block)
                reader.bytes += len(block)
                reader.feed(complete)
                if self._max_bytes is not None and got > self._max_bytes:
                    self.notes.incomplete = f"the journal was read up to {self._max_bytes} bytes, not to its end"
                    process.kill()
                elif reader.past_window:
                    process.kill()
        if process.ran_out:
            self.notes.incomplete = "the journal was not read to its end within the time"
            return
        if "not seeing messages from other users" in process.complaint:
            raise SourceError(
                f"this user may not read the journal of {self._unit}; run with become: true, "
                "or add the user to the group systemd-journal"
            )
        if process.status != 0 and not process.killed:
            raise SourceError(
                f"cannot read the journal of {self._unit}: "
                f"{process.complaint or f'journalctl ended with {process.status}'}"
            )

    def _started(self, options: list[str], seconds: float | None) -> _Command:
        try:
            return _Command([self._journalctl, "--no-pager", *options], seconds)
        except OSError as error:
            raise SourceError(f"cannot run {self._journalctl}: {reason(error)}; use source: file") from error

    def _without_cursor(self, block: bytes | None) -> bytes | None:
        before, end, last = (block or b"").rpartition(b"\n")
        if last.startswith(b"-- cursor: "):
            self._cursor = last[len(b"-- cursor: ") :].decode()
            return before if end else None
        return block

    def _first_time(self) -> float | None:
        """Return the time of the unit's first entry; journalctl prints the oldest first and is not heard out."""
        for line in self._few_lines(["-o", "json", f"--unit={self._unit}", "--output-fields=MESSAGE"], 1):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                return int(json.loads(line)["__REALTIME_TIMESTAMP"]) / 1e6
        return None

    def _suppressed(self) -> int:
        """Return how many messages of the unit journald says it has dropped in the window."""
        options = ["-o", "cat", *self._since(), "SYSLOG_IDENTIFIER=systemd-journald"]
        unit = self._unit if "." in self._unit else f"{self._unit}.service"
        dropped = 0
        for line in self._few_lines(options, _JOURNALD_LINES):
            suppressed = _SUPPRESSED.match(line)
            if suppressed and suppressed.group(2).rpartition(b"/")[2] == unit.encode():
                dropped += int(suppressed.group(1))
        return dropped

    def _few_lines(self, options: list[str], most: int) -> list[bytes]:
        """Return the first lines that journalctl prints; none where that fails, because they only add to the rest."""
        lines: list[bytes] = []
        left = self._left()
        with self._started(options, _EXTRA_SECONDS if left is None else min(left, _EXTRA_SECONDS)) as process:
            while len(lines) < most:
                line = process.output.readline(LONGEST_LINE)
                if not line:
                    break
                lines.append(line.rstrip(b"\n"))
            process.kill()
        return lines


class _Command:
    """A command whose output is read while it runs, and which is killed at its time limit."""

    def __init__(self, argv: list[str], seconds: float | None) -> None:
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = cast(io.BufferedReader, self._process.stdout)
        self._errors = cast(IO[bytes], self._process.stderr)
        self.killed = self.ran_out = False
        self.status = 0
        self.complaint = ""
        self._complaints: list[bytes] = []
        # Read beside the output: a full pipe would stop the command.
        self._drain = threading.Thread(target=lambda: self._complaints.append(self._errors.read()))
        self._drain.start()
        self._timer = threading.Timer(seconds, self._run_out) if seconds is not None else None
        if self._timer is not None:
            self._timer.start()

    def _run_out(self) -> None:
        self.ran_out = True
        self.kill()

    def kill(self) -> None:
        """End the command: its output is not wanted any more."""
        self.killed = True
        self._process.kill()

    def __enter__(self) -> _Command:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        if kind is not None:
            self.kill()
        # What is left in the pipe is not wanted; the timer ends a command that does not end by itself.
        self.output.close()
        self.status = self._process.wait()
        if self._timer is not None:
            self._timer.cancel()
        self._drain.join()
        self._errors.close()
        self.complaint = b"".join(self._complaints).decode("utf-8", "replace").strip()
