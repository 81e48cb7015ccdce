# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where log lines come from: files (rotated, packed, truncated while being read); ``journald`` has the other source.

Both read in blocks, so that neither a 10 GB file nor a 100 MB line needs memory, and feed complete lines to a
:class:`LineReader`. A last line without its line end is still being written: it is left for the next reading. What
limits the worth of what was read stands in ``notes``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.kumon.runbook.plugins.module_utils.log.files import (
    BLOCK,
    SLACK,
    LogFile,
    SourceError,
    find_files,
    is_packed_twin,
    reason,
    rotation,
    seek_data,
    seek_time,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.lines import LineReader, Lines, LineTaker
from ansible_collections.kumon.runbook.plugins.module_utils.log.owner import Identity, owner_of_log
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

__all__ = ["FileSource", "Notes", "SourceError", "Tail"]

_LISTINGS = 5  # how often files are listed again that are renamed meanwhile
# Packed files, which are older, may use this share of the time; how much longer they are unpacked, to plan by.
_PACKED_SHARE, _PACKED_RATIO = 0.5, 12
# From here on it is known how fast reading goes; of the time that is left that share is planned with.
_PACE_BYTES, _PACE_SHARE = 4 * BLOCK, 0.8


@dataclass
class Notes:
    """What limits the worth of what was read; complete after the reading.

    ``first`` is the earliest time in any of the files, also before the window, and ``spans`` are the first and the last
    one of each, as far as they are known. ``incomplete`` says in one clause what
    was not read for lack of time or room. ``owned`` tells whether the service's processes write this log (None: that
    cannot be seen), ``owner`` where they write instead. ``overlapping``: two different files tell of the same time.
    """

    first: float | None = None
    spans: list[tuple[float, float]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    incomplete: str | None = None
    truncated: bool = False
    suppressed: int = 0
    owned: bool | None = None
    owner: str = ""
    overlapping: bool = False


class _Reading:
    """One file on its way into a reader."""

    def __init__(self, log: LogFile) -> None:
        self.log = log
        self.lines = Lines()
        self.newest = b""  # the lines that were read last
        self.offset = 0  # where to begin in a plain file
        self.inside = False  # that is a place inside the file, chosen by its time
        self.cut = False  # that is in the middle of a line
        self.latest = 0.0  # what the reader was told
        self.over = False  # nothing that comes later is wanted
        self.truncated_at: tuple[int, Lines, bool] | None = None  # offset, lines and cut before its truncation

    @property
    def size(self) -> int:
        """How much there is to be read of a plain file; holes do not count."""
        return min(self.log.size - self.offset, os.fstat(self.log.file.fileno()).st_blocks * 512)

    def begin(self, reader: LineReader) -> None:
        """Tell the reader that this file begins, or goes on with something newer than it was told to expect."""
        self.latest = os.fstat(self.log.file.fileno()).st_mtime + SLACK
        reader.start_of_file(self.log.name, self.latest)

    def feed(self, block: bytes, reader: LineTaker) -> None:
        reader.bytes += len(block)
        complete = self.lines.cut(block)
        if complete is not None and self.cut:
            self.cut = False
            _half, end, complete = complete.partition(b"\n")
            complete = complete if end else None
        if complete is not None:
            self.newest = complete
            reader.feed(complete)
        self.over = reader.past_window

    def go_to(self, offset: int) -> None:
        """Go on at ``offset``, wherever in a line that is."""
        seek_data(self.log.file, offset)
        self.lines, self.cut = Lines(), offset > 0


def _allow_many_files() -> None:
    """Let this program have as many files open as it may: by default a log that is rotated each hour has more of them
    after six weeks."""
    with contextlib.suppress(OSError, ValueError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class FileSource:
    """Log files in time order, read into a :class:`LineReader`; what is appended later can be read as well.

    :param paths: names and globs; rotated and packed files are put in order by the times in them
    :param start: nothing logged before this time is needed (seconds since the epoch), or None
    :param stamps: what reads a line's time; it learns here how far the log's local times are off
    :param deadline: how many seconds the reading may take; the oldest is left out first
    :param max_bytes: how much may be read, unpacked; the oldest is left out first
    :param pids: the service's processes, to tell whether this is what they write
    """

    def __init__(
        self,
        paths: Sequence[str],
        start: float | None,
        stamps: StampReader,
        *,
        deadline: float | None = None,
        max_bytes: int | None = None,
        pids: Sequence[int] = (),
    ) -> None:
        self._began = time.monotonic()
        self._deadline, self._max_bytes = deadline, max_bytes
        self._paths, self._start, self._stamps = paths, start, stamps
        self.notes = Notes()
        self._read_bytes = 0
        self._began_reading = False
        self._last_fed: _Reading | None = None
        self._known: set[Identity] = set()
        self._copies: list[LogFile] = []  # left out because another one holds as much; open until that is sure
        self._plain: list[_Reading] = []
        self._packed: list[_Reading] = []
        self._logs = self._open_all()
        try:
            self._prepare(self._logs, pids)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_error: object) -> None:
        for log in [*self._logs, *self._copies]:
            log.close()

    # ---------------------------------------------------------------- choosing

    def _open_all(self) -> list[LogFile]:
        """Open every file once, by its inode: while they are listed and opened, names move from one to another."""
        logs: list[LogFile] = []
        failed: dict[str, OSError] = {}
        _allow_many_files()
        for _listing in range(_LISTINGS):
            new = [name for identity, name in find_files(self._paths).items() if identity not in self._known]
            # A listing takes its time too: it is whole when the next one finds nothing more.
            if failed.keys() >= set(new):
                break
            failed.clear()
            for name in new:
                try:
                    log = LogFile(name)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno == errno.EMFILE:
                        for log in logs:
                            log.close()
                        raise SourceError(
                            f"{len(logs)} files and more match {', '.join(self._paths)}: this host lets no program "
                            "open so many; name fewer in runbook_log_paths"
                        ) from error
                    failed[name] = error
                    continue
                if log.identity in self._known:
                    log.close()
                    continue
                self._known.add(log.identity)
                logs.append(log)
        for name, failure in failed.items():
            if not logs or name in self._paths:
                for log in logs:
                    log.close()
                raise SourceError(f"cannot read the log {name}: {reason(failure)}") from failure
            with contextlib.suppress(OSError):
                if self._start is None or os.stat(name).st_mtime >= self._start:
                    self.notes.unreadable.append(name)
        if not logs:
            raise SourceError(f"no file of {', '.join(self._paths)} stays; it is renamed faster than it can be read")
        return logs

    def _prepare(self, logs: list[LogFile], pids: Sequence[int]) -> None:
        """Choose what is to be read, and its order."""
        self._stamps.local_shift = 0.0
        plain = sorted((log for log in logs if not log.packed), key=lambda log: -log.mtime)
        for log in plain:
            shift = log.local_shift(self._stamps)
            if shift is not None:
                self._stamps.local_shift = shift
                break
        for log in logs:
            log.find_times(self._stamps)
        self.notes.first = min((log.first for log in logs if log.first is not None), default=None)
        originals = self._without_copies(logs)
        if pids:
            written = {log.identity for log in originals if not log.packed}
            self.notes.owned, self.notes.owner = owner_of_log(pids, written)
        # Where a log fell silent before it was rotated the newest file is empty, and the one before tells how it ended.
        by_age = sorted((log for log in originals if not log.packed), key=lambda log: log.mtime)
        newest = [*by_age[-1:], *[log for log in by_age if log.size][-1:]]
        needed = []
        for log in originals:
            if self._is_needed(log, originals) or log in newest:
                needed.append(log)
            else:
                # It ended before the window, or another one that goes on with it begins there.
                if log.last is None and self._start is not None:
                    log.last = min(log.mtime, self._start)
                log.close()
        self._logs, self._originals = needed, originals
        self.notes.overlapping = any(
            log.first is not None
            and other.first is not None
            and other.last is not None
            and log is not other
            and other.first < log.first < other.last
            for log in needed
            for other in needed
        )
        for log in sorted(needed, key=_order):
            if not log.readable:
                self.notes.unreadable.append(log.name)
            elif log.packed:
                self._packed.append(_Reading(log))
            else:
                self._plain.append(_Reading(log))

    def _without_copies(self, logs: list[LogFile]) -> list[LogFile]:
        """Leave out what another file holds as well; of two equal ones stays what rotation would have named so."""
        names = {log.name for log in logs}
        # By their first time, which copies share where both have one: of a log by the hour there are thousands.
        kept: dict[float | None, list[LogFile]] = {None: []}
        # The longest names last: of equal files `app.log` stays, not `app.log.incident`.
        in_order = sorted(logs, key=lambda log: (bool(log.packed), len(log.name), log.name))
        for log in in_order:
            own = kept.setdefault(log.first, [])
            alike = list(kept.values()) if log.first is None else [own, kept[None]]
            twin = bool(log.packed) and is_packed_twin(log.name, names)
            if twin or any(log.is_prefix_of(other) for group in alike for other in group):
                self._copies.append(log)
                continue
            for group in alike:
                copies = [other for other in group if other.is_prefix_of(log)]
                self._copies += copies
                group[:] = [other for other in group if other not in copies]
            own.append(log)
        self.notes.copies += [log.name for log in self._copies]
        return [log for log in in_order if log in kept[log.first]]

    def _is_needed(self, log: LogFile, logs: list[LogFile]) -> bool:
        """Whether ``log`` may hold something of the window: it was changed since, and no newer one goes so far back."""
        if self._start is None:
            return True
        if log.mtime + (0.0 if log.broken else SLACK) < self._start:
            return False
        stem, age = rotation(log.name)
        return not log.packed or not any(
            # How names tell the order is up to whoever rotates: the times in the files say it, where there are any.
            (rotation(other.name)[1] < age if log.first is None else log.first < other.first)
            for other in logs
            if other.first is not None and other.first <= self._start and rotation(other.name)[0] == stem
        )

    # ----------------------------------------------------------------- reading

    def read(self, reader: LineReader) -> None:
        """Feed all there is now; called again, what has been appended since."""
        try:
            if not self._began_reading:
                self._began_reading = True
                for reading in self._plain:
                    self._find_window(reading)
                self._keep_to_budget()
                # In time order: packed files may stand between plain ones.
                for reading in sorted(self._packed + self._plain, key=lambda reading: _order(reading.log)):
                    self._read(reading, reader)
                self.notes.spans = [
                    (log.first, log.mtime if log.last is None else log.last)
                    for log in self._originals
                    if log.first is not None
                ]
            self._follow(reader)
        except OSError as error:
            raise SourceError(f"cannot read the logs {', '.join(self._paths)}: {reason(error)}") from error

    def _find_window(self, reading: _Reading) -> None:
        file = reading.log.file
        if self._start is not None:
            self._stamps.envelope = reading.log.envelope
            reading.offset = seek_time(file, reading.log.size, self._start, self._stamps)
            reading.inside = reading.offset > 0
        reading.offset = seek_data(file, reading.offset)
        if os.fstat(file.fileno()).st_size < reading.log.size:  # it was truncated meanwhile: a place of what was there
            reading.offset, reading.inside = 0, False

    def _keep_to_budget(self) -> None:
        """Leave out the oldest where there is more than may be read."""
        if self._max_bytes is None:
            return
        left = self._max_bytes
        for reading in reversed(self._plain):
            if reading.size > left:
                self._leave_out(f"only the newest {self._max_bytes} bytes were read")
                reading.offset = reading.log.size - left
                reading.inside = reading.cut = True
            left -= min(left, reading.size)
        kept: list[_Reading] = []
        for reading in reversed(self._packed):
            if left > 0:
                kept.insert(0, reading)
                left -= reading.log.size * _PACKED_RATIO
            else:
                self._leave_out(f"{reading.log.name} was not read: more than {self._max_bytes} bytes")
        self._packed = kept

    def _leave_out(self, what: str) -> None:
        self.notes.incomplete = self.notes.incomplete or what

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _read(self, reading: _Reading, reader: LineReader) -> None:
        self._last_fed = reading
        reading.begin(reader)
        if not reading.log.packed:
            self._read_plain(reading, reader)
        elif reading.log.size:  # it was empty: what is being packed was open before
            self._read_packed(reading, reader)

    def _read_packed(self, reading: _Reading, reader: LineReader) -> None:
        log = reading.log
        log.rewind()
        room = None if self._max_bytes is None else self._max_bytes - sum(plain.size for plain in self._plain)
        while not reading.over:
            if self._deadline is not None and self._elapsed > self._deadline * _PACKED_SHARE:
                self._leave_out(f"{log.name} was not read to its end within the time")
                break
            if room is not None and self._read_bytes >= room:
                self._leave_out(f"{log.name} was not read to its end: more than {self._max_bytes} bytes")
                break
            block = log.read()
            if not block:
                break
            self._read_bytes += len(block)
            reading.feed(block, reader)
        log.find_last(reading.newest, self._stamps)
        if log.broken:
            self.notes.unreadable.append(log.name)

    def _read_plain(self, reading: _Reading, reader: LineReader) -> None:
        file, end = reading.log.file, reading.log.size
        file.seek(reading.offset)
        if reading.inside:
            reader.start_inside_file()
        began, done = time.monotonic(), 0
        while not reading.over and file.tell() < end:
            if self._deadline is not None and done >= _PACE_BYTES:
                left = (self._deadline - self._elapsed) * _PACE_SHARE
                pace = done / max(time.monotonic() - began, 1e-6)
                self._catch_up(reading, int(pace * max(left, 0.0)), reader)
            block = self._block_of(reading, end, reader)
            if not block:
                break
            done += len(block)
            reading.feed(block, reader)

    def _catch_up(self, reading: _Reading, room: int, reader: LineReader) -> None:
        """Pass over the oldest of what is still to be read where more is left than the time has ``room`` for."""
        file = reading.log.file
        later = self._plain[self._plain.index(reading) + 1 :]
        left = reading.log.size - file.tell() + sum(other.size for other in later)
        room = max(room, BLOCK)  # also when the time is over: what came last is what the verdict stands on
        if left * _PACE_SHARE <= room:  # a little late is made good by the share that is kept back
            return
        self._leave_out(f"of {left} bytes the oldest were passed over for lack of time")
        reading.go_to(min(reading.log.size, file.tell() + left - room))
        reader.start_inside_file()

    # --------------------------------------------------------------- following

    def _follow(self, reader: LineReader) -> None:
        """Read what has come since, also if files were truncated or renamed meanwhile."""
        for _listing in range(_LISTINGS):
            for reading in list(self._plain):
                if not reading.over:
                    self._read_appended(reading, reader)
            if any(reading.over for reading in self._plain) or not self._look_for_new(reader):
                break

    def _read_appended(self, reading: _Reading, reader: LineReader) -> None:
        file = reading.log.file
        self._begin_anew_if_truncated(reading, file.tell(), reader)
        info = os.fstat(file.fileno())
        if info.st_size <= file.tell():
            return
        if not reading.log.size and not file.tell() and reading.truncated_at is None:
            # It was empty when it was opened: only now is seen whether it is a copy.
            reading.log.look()
            if not self._place(reading):
                self._plain.remove(reading)
                self._logs.remove(reading.log)
                self._copies.append(reading.log)
                return
        reading.log.size = info.st_size
        if self._last_fed is not reading or info.st_mtime + SLACK > reading.latest:
            self._last_fed = reading
            reading.begin(reader)
        while not reading.over and file.tell() < info.st_size:
            block = self._block_of(reading, info.st_size, reader)
            if not block:
                break
            reading.feed(block, reader)

    def _block_of(self, reading: _Reading, end: int, reader: LineReader) -> bytes:
        """Read on, up to ``end``; nothing where the file was truncated meanwhile: that may be of what came after."""
        at = reading.log.file.tell()
        block = reading.log.read(min(BLOCK, end - at))
        return b"" if self._begin_anew_if_truncated(reading, at, reader) else block

    def _begin_anew_if_truncated(self, reading: _Reading, at: int, reader: LineReader) -> bool:
        """Tell whether a file has become shorter than it was.

        If so, what was not read of it by then, from ``at`` on, is read from the copy that was made of it; the file is
        to be read from its beginning.
        """
        if os.fstat(reading.log.file.fileno()).st_size >= reading.log.size:
            return False
        self.notes.truncated = True
        reading.truncated_at = (at, reading.lines, reading.cut)
        reading.log.size = 0
        reading.go_to(0)
        copies = [log for log in self._copies if not log.packed]
        self._copies = [log for log in self._copies if log.packed]
        for copy in copies:
            copy.look()
        for copy in sorted(copies, key=lambda log: -log.size):
            self._take(copy, reader)
        self._look_for_new(reader)
        return True

    def _look_for_new(self, reader: LineReader) -> bool:
        """Read files that have come since they were listed; tell whether there were any."""
        try:
            files = find_files(self._paths, patient=False)
        except SourceError:  # between a rename and the first line of the new file
            return False
        new = [name for identity, name in files.items() if identity not in self._known]
        for name in new:
            try:
                log = LogFile(name)
            except OSError:
                continue
            # What is packed now was open before.
            if log.identity in self._known or log.packed:
                self._known.add(log.identity)
                log.close()
                continue
            self._known.add(log.identity)
            self._take(log, reader)
        return bool(new)

    def _take(self, log: LogFile, reader: LineReader) -> None:
        """Read a file that was not read so far, unless it is a copy."""
        reading = _Reading(log)
        if not self._place(reading):
            self._copies.append(log)
            return
        self._logs.append(log)
        self._plain.append(reading)
        self._read_appended(reading, reader)

    def _place(self, reading: _Reading) -> bool:
        """Go to where a file that is new has to be read from; tell whether it has to be read at all."""
        log = reading.log
        log.find_times(self._stamps)
        original = next((other for other in self._plain if other is not reading and log.begins_as(other.log)), None)
        if original is None:
            self._find_window(reading)
            reading.go_to(reading.offset)
            reading.cut = False
        elif original.truncated_at is not None:
            # It was copied to be truncated: what had not been read by then stands in the copy alone.
            at, lines, cut = original.truncated_at
            reading.go_to(at)
            reading.lines, reading.cut = lines, cut
            original.truncated_at = None
        else:
            if log.name not in self.notes.copies:
                self.notes.copies.append(log.name)
            return False
        return True


def _order(log: LogFile) -> tuple[float, int, str]:
    """Where ``log`` stands in time: by the first time in it; files without stand by age and rotation number."""
    return (log.mtime if log.first is None else log.first, -rotation(log.name)[1], log.name)


class Tail:
    """What is appended to log files from now on, whatever times it carries, and whatever rotates them meanwhile.

    Every plain file is followed, because one that was renamed is written on until its writer opens the new one. A new
    file counts where it takes the place of a log; a copy that rotation makes of one does not.

    :param paths: names and globs; raises :class:`SourceError` where nothing can be read
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.notes = Notes()
        self._known: set[Identity] = set()
        self._readings: list[_Reading] = []
        _allow_many_files()
        for _listing in range(_LISTINGS):
            files = find_files(paths)
            for name in [name for identity, name in files.items() if identity not in self._known]:
                try:
                    self._add(name, from_end=True)
                except FileNotFoundError:  # renamed meanwhile
                    continue
                except OSError as error:
                    self.__exit__()
                    raise SourceError(f"cannot read the log {name}: {reason(error)}") from error
            if self._known.issuperset(files):
                break
        if not self._readings:
            raise SourceError(f"{', '.join(paths)} names compressed logs only; add the one that is written to")

    def _add(self, name: str, from_end: bool) -> None:
        """Follow ``name`` unless it is known or packed."""
        log = LogFile(name)
        if log.identity in self._known or log.packed:
            self._known.add(log.identity)
            log.close()
            return
        self._known.add(log.identity)
        reading = _Reading(log)
        reading.go_to(0)
        if from_end and log.file.seek(0, os.SEEK_END):
            log.file.seek(-1, os.SEEK_END)
            reading.cut = log.file.read(1) != b"\n"  # the line that is being written began before
        self._readings.append(reading)

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *_error: object) -> None:
        for reading in self._readings:
            reading.log.close()

    def read(self, reader: LineTaker) -> None:
        """Feed what has been appended since the last reading."""
        try:
            for reading in self._readings:
                self._read(reading, reader)
            for reading in self._look_for_new():
                self._read(reading, reader)
        except OSError as error:
            raise SourceError(f"cannot read the log: {reason(error)}") from error

    def _read(self, reading: _Reading, reader: LineTaker) -> None:
        file = reading.log.file
        size = os.fstat(file.fileno()).st_size
        if size < file.tell():
            self.notes.truncated = True
            reading.go_to(0)
        while file.tell() < size:
            block = reading.log.read(min(BLOCK, size - file.tell()))
            if not block:
                break
            reading.feed(block, reader)

    def _look_for_new(self) -> list[_Reading]:
        before = len(self._readings)
        for name in {reading.log.name for reading in self._readings if not rotation(reading.log.name)[1]}:
            # Between the rename and the new file's first line; or created and not yet given to its readers.
            with contextlib.suppress(OSError):
                info = os.stat(name)
                if (info.st_dev, info.st_ino) not in self._known:
                    self._add(name, from_end=False)
        return self._readings[before:]
