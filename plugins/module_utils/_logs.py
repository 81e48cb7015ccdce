# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where log lines come from: files (rotated, gzipped, truncated while being read) and the systemd journal.

Both sources read in blocks, so that neither a 10 GB file nor a 100 MB line needs memory, and feed complete lines to a
:class:`LineReader`. A last line without its line end is still being written: it is left for the next reading.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import os
import re
import stat
import subprocess
import threading
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Union, cast

from ansible_collections.kumon.runbook.plugins.module_utils._lines import (
    LONGEST_LINE,
    SERVER_STARTED,
    LineReader,
    Lines,
)
from ansible_collections.kumon.runbook.plugins.module_utils._when import StampReader

BLOCK = 1 << 18
_SEEK_ENOUGH = 1 << 16
LogFile = Union[IO[bytes], gzip.GzipFile]
_ROTATED = re.compile(r"\.(\d+)(?:\.gz)?\Z")


class SourceError(Exception):
    """A log that cannot be read; the text says which, why, and what to do."""


def find_files(paths: Sequence[str]) -> list[str]:
    """Return the log files that ``paths`` (names and globs) name, each once.

    While a log is being compressed both ``x.1`` and ``x.1.gz`` exist: the plain one is complete and is taken.
    """
    files: dict[tuple[int, int], str] = {}
    for pattern in paths:
        names = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
        if not names:
            raise SourceError(f"no file matches {pattern}; correct runbook_log_paths")
        for name in names:
            try:
                info = os.stat(name)
            except FileNotFoundError:
                raise SourceError(f"the log {name} does not exist; correct runbook_log_paths") from None
            except OSError as error:
                raise SourceError(f"cannot read the log {name}: {_reason(error)}") from error
            if not stat.S_ISREG(info.st_mode):
                raise SourceError(f"the log {name} is not a regular file; correct runbook_log_paths")
            files.setdefault((info.st_dev, info.st_ino), name)
    names = list(files.values())
    return [name for name in names if not (name.endswith(".gz") and name[:-3] in names)]


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied; run with become: true, or let the login user read it"
    return error.strerror or str(error)


def _open(name: str) -> LogFile:
    try:
        file = open(name, "rb")  # noqa: SIM115 - handed to the caller, who closes it
    except OSError as error:
        raise SourceError(f"cannot read the log {name}: {_reason(error)}") from error
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return gzip.open(name, "rb")
    file.seek(0)
    return file


def _blocks(file: LogFile, name: str) -> Iterator[bytes]:
    """Yield what ``file`` holds from its present position; what gzip says becomes a sentence."""
    while True:
        try:
            block = file.read(BLOCK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(f"the log {name} is not a complete gzip file: {error}") from error
        except OSError as error:
            raise SourceError(f"cannot read the log {name}: {_reason(error)}") from error
        if not block:
            return
        yield block


def first_stamp(file: LogFile, start: int, end: int, stamps: StampReader) -> tuple[int, float] | None:
    """Return (offset, time) of the first line that begins after ``start`` and before ``end`` and carries a time."""
    _seek_data(file, start)
    whole = start == 0 or _skip_line(file)
    while whole and file.tell() < end:
        offset = file.tell()
        line = file.readline(LONGEST_LINE)
        moment = stamps.read(line.replace(b"\0", b""))
        if moment is not None:
            return offset, moment
        whole = line.endswith(b"\n") or _skip_line(file)
    return None


def _seek_data(file: LogFile, offset: int) -> None:
    """Go to ``offset``, or behind the hole there that a writer with its own offset leaves of a truncated file."""
    try:
        file.seek(offset, os.SEEK_DATA)
    except (OSError, ValueError):  # no data behind it, or a file that knows no holes
        file.seek(offset)


def _skip_line(file: LogFile) -> bool:
    """Go behind the next line end; tell whether there was one."""
    while True:
        line = file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            if not line:
                return False
            continue
        return True


def seek_time(file: IO[bytes], size: int, moment: float, stamps: StampReader) -> int:
    """Return an offset from which on ``file`` holds everything logged at or after ``moment``, by bisection.

    It is 0, or the offset of a line that carries an earlier time.
    """
    low, high = 0, size
    while high - low > _SEEK_ENOUGH:
        middle = (low + high) // 2
        stamp = first_stamp(file, middle, high, stamps)
        if stamp is None or stamp[1] >= moment:
            high = middle
        else:
            low = stamp[0]
    return low


class FileSource:
    """Log files in time order, read into a :class:`LineReader`; what is appended later can be read as well.

    :param paths: names and globs; rotated and gzipped files are put in order by the times in them
    :param start: nothing logged before this time is needed (seconds since the epoch), or None
    :param now: the present
    """

    def __init__(self, paths: Sequence[str], start: float | None, now: float) -> None:
        self._start = start
        self._stamps = StampReader(now)
        self._offset: int | None = None  # where to begin in the last file, when that is known
        self._file: LogFile | None = None
        self._lines = Lines()
        self.truncated = False
        self._names = self._needed(self._in_time_order(find_files(paths)))

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def _in_time_order(self, names: list[str]) -> list[tuple[str, float | None]]:
        """Return names with the first time in each; files without times stand by rotation number and age."""
        dated = []
        for name in names:
            with _open(name) as file:
                try:
                    stamp = first_stamp(file, 0, LONGEST_LINE * 16, self._stamps)
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    raise SourceError(f"the log {name} is not a complete gzip file: {error}") from error
            rotation = _ROTATED.search(name)
            order = stamp[1] if stamp else os.stat(name).st_mtime
            dated.append((order, -int(rotation.group(1)) if rotation else 1, name, stamp[1] if stamp else None))
        return [(name, first) for _order, _rotation, name, first in sorted(dated)]

    def _needed(self, files: list[tuple[str, float | None]]) -> list[str]:
        """Leave out files that a later one's first time shows to be older than all that is needed."""
        for at in range(len(files) - 1, 0, -1):
            first = files[at][1]
            if self._start is not None and first is not None and first <= self._start:
                files = files[at:]
                break
        return [name for name, _first in files]

    def locate_process(self, pid: int) -> bool:
        """Let reading begin where uvicorn says that process ``pid`` started; tell whether that was found.

        This separates what a new process did from what the old one did even in a log without any times.
        """
        name = self._names[-1]
        with _open(name) as file:
            if isinstance(file, gzip.GzipFile):
                return False
            size = os.fstat(file.fileno()).st_size
            file.seek(seek_time(file, size, self._start, self._stamps) if self._start is not None else 0)
            offset = file.tell()
            for line in iter(lambda: file.readline(LONGEST_LINE), b""):
                started = b"Started " in line and SERVER_STARTED.match(line)
                if started and int(started.group(1)) == pid:
                    self._names, self._offset = [name], offset  # the last one: a process id may come again
                offset += len(line)
        return self._offset is not None

    def read(self, reader: LineReader) -> None:
        """Feed all there is now; called again, what has been appended since."""
        if self._file is not None:
            self._follow(reader)
            return
        for name in self._names:
            if self._file is not None:
                self._file.close()
            self._file = _open(name)
            self._lines = Lines()
            reader.start_of_file()
            if not isinstance(self._file, gzip.GzipFile):
                self._skip_to_window(self._file, reader)
            if self._feed(self._file, name, reader):
                return
        self._follow(reader)

    def _skip_to_window(self, file: IO[bytes], reader: LineReader) -> None:
        if self._offset is not None:
            _seek_data(file, self._offset)
        elif self._start is not None:
            offset = seek_time(file, os.fstat(file.fileno()).st_size, self._start, self._stamps)
            _seek_data(file, offset)
            if offset:
                reader.start_inside_file()
        else:
            _seek_data(file, 0)

    def _feed(self, file: LogFile, name: str, reader: LineReader) -> bool:
        """Feed what ``file`` holds from here on; tell whether the window's end was passed."""
        for block in _blocks(file, name):
            reader.bytes += len(block)
            reader.feed(self._lines.cut(block))
            if reader.past_window:
                return True
        return False

    def _follow(self, reader: LineReader) -> None:
        """Read what has come to the last file, also if it was truncated or renamed meanwhile."""
        name = self._names[-1]
        file = self._file
        if file is None or isinstance(file, gzip.GzipFile):
            return
        if os.fstat(file.fileno()).st_size < file.tell():
            self.truncated = True
            file.seek(0)
            self._lines = Lines()
        if self._feed(file, name, reader):
            return
        try:
            renamed = os.stat(name).st_ino != os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            return  # between the rename and the first line of the new file
        if renamed:
            self._file = _open(name)
            file.close()
            self._lines = Lines()
            self._feed(self._file, name, reader)


class Tail:
    """What is appended to log files from now on, whatever times it carries, and whatever rotates them meanwhile.

    Every plain file is followed, because one that was renamed is written on until its writer opens the new one. A new
    file counts where it takes the place of a log; a copy that rotation makes of one does not.

    :param paths: names and globs; raises :class:`SourceError` where nothing can be read
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.truncated = False
        self._known: set[tuple[int, int]] = set()
        self._followed: list[_Followed] = []
        for name in find_files(paths):
            file = _open(name)
            if isinstance(file, gzip.GzipFile):
                file.close()
                continue
            self._known.add(_identity(os.fstat(file.fileno())))
            self._followed.append(_Followed(name, file))
        if not self._followed:
            raise SourceError(f"{', '.join(paths)} names compressed logs only; add the one that is written to")

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *_error: object) -> None:
        for followed in self._followed:
            followed.file.close()

    def read(self, reader: LineReader) -> None:
        """Feed what has been appended since the last reading."""
        for followed in self._followed:
            self.truncated |= followed.read(reader)
        self._look_for_new()
        for followed in self._followed:
            if followed.is_new:
                followed.read(reader)

    def _look_for_new(self) -> None:
        for name in {followed.name for followed in self._followed if not _ROTATED.search(followed.name)}:
            # Between the rename and the new file's first line; or created and not yet given to its readers.
            with contextlib.suppress(OSError, SourceError):
                identity = _identity(os.stat(name))
                if identity in self._known:
                    continue
                file = _open(name)
                if isinstance(file, gzip.GzipFile):
                    file.close()
                    continue
                self._known.add(identity)
                self._followed.append(_Followed(name, file, is_new=True))


class _Followed:
    """One plain log file, read from its present end on (a new one from its beginning)."""

    def __init__(self, name: str, file: IO[bytes], is_new: bool = False) -> None:
        self.name, self.file, self.is_new = name, file, is_new
        self._lines = Lines()
        self._half = False  # the line that is being written began before
        if not is_new and file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            self._half = file.read(1) != b"\n"

    def read(self, reader: LineReader) -> bool:
        """Feed what was appended; tell whether the file was truncated."""
        self.is_new = False
        truncated = os.fstat(self.file.fileno()).st_size < self.file.tell()
        if truncated:
            self.file.seek(0)
            self._lines, self._half = Lines(), False
        _seek_data(self.file, self.file.tell())
        for block in _blocks(self.file, self.name):
            reader.bytes += len(block)
            lines = self._lines.cut(block)
            if lines and self._half:
                del lines[0]
                self._half = False
            reader.feed(lines)
        return truncated


def _identity(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino


class JournalSource:
    """The journal of one systemd unit, by ``journalctl -o json``."""

    def __init__(self, unit: str, start: float | None, journalctl: str = "journalctl") -> None:
        self._unit, self._start, self._journalctl = unit, start, journalctl
        self._cursor: str | None = None
        self.truncated = False

    def __enter__(self) -> JournalSource:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def locate_process(self, pid: int) -> bool:
        """Journal entries have times of their own; no place in a file is needed."""
        return False

    def skip_to_end(self) -> None:
        """Let reading begin behind the newest entry that there is."""
        self._run(["--lines=1"], None)

    def read(self, reader: LineReader) -> None:
        """Feed all there is now; called again, what has been logged since."""
        if self._cursor:
            self._run([f"--after-cursor={self._cursor}"], reader)
        else:
            self._run([f"--since=@{self._start:.6f}"] if self._start is not None else [], reader)

    def _run(self, options: list[str], reader: LineReader | None) -> None:
        """Run journalctl; feed what it prints, or only note the cursor at its end."""
        command = [self._journalctl, "--no-pager", "-o", "json", "--show-cursor", f"--unit={self._unit}"]
        command += ["--output-fields=MESSAGE", *options]
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            raise SourceError(f"cannot run {self._journalctl}: {_reason(error)}; use source: file") from error
        output, errors = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
        complaints: list[bytes] = []
        # Read beside the output: a full pipe would stop journalctl.
        drain = threading.Thread(target=lambda: complaints.append(errors.read()))
        drain.start()
        lines = Lines()
        passed = False
        with output:
            for block in _blocks(output, "journal"):
                complete = self._without_cursor(lines.cut(block))
                if reader is None:
                    continue
                reader.bytes += len(block)
                reader.feed(complete)
                if reader.past_window:
                    passed = True
                    process.kill()
                    break
        status = process.wait()
        drain.join()
        errors.close()
        complaint = b"".join(complaints).decode("utf-8", "replace").strip()
        if "not seeing messages from other users" in complaint:
            raise SourceError(
                f"this user may not read the journal of {self._unit}; run with become: true, "
                "or add the user to the group systemd-journal"
            )
        if status != 0 and not passed:
            raise SourceError(
                f"cannot read the journal of {self._unit}: {complaint or f'journalctl ended with {status}'}"
            )

    def _without_cursor(self, lines: list[bytes]) -> list[bytes]:
        if lines and lines[-1].startswith(b"-- cursor: "):
            self._cursor = lines.pop()[len(b"-- cursor: ") :].decode()
        return lines
