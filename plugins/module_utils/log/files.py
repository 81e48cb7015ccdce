# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single log files, plain or packed: found, opened once, compared, and searched by time without being read whole."""

from __future__ import annotations

import calendar
import contextlib
import errno
import glob
import gzip
import os
import re
import stat
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, cast

from ansible_collections.kumon.runbook.plugins.module_utils import _trust
from ansible_collections.kumon.runbook.plugins.module_utils.log.envelopes import of_file
from ansible_collections.kumon.runbook.plugins.module_utils.log.lines import LONGEST_LINE
from ansible_collections.kumon.runbook.plugins.module_utils.log.owner import Identity
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

# A Python that somebody built himself may lack them.
try:
    import bz2
except ImportError:
    bz2 = None  # type: ignore[assignment]
try:
    import lzma
except ImportError:
    lzma = None  # type: ignore[assignment]

BLOCK = 1 << 18
SLACK = 120.0  # how much later than its file's last change a record may be dated
_SEEK_ENOUGH = 1 << 16
# A probe looks for so many lines with a time, in so much at most; empty lines alone would be millions.
_PROBE_LINES, _PROBE_BYTES, _PROBE_TRIES = 8, 1 << 22, 1 << 15
_HEAD = 1 << 12
_FIRST_STAMP_WITHIN = LONGEST_LINE * 16
_TAIL = 1 << 16
# How much of two files is compared whole; of larger ones that many blocks.
_COMPARED_WHOLE, _COMPARED_BLOCKS, _UNPACKED_TO_COMPARE = 1 << 20, 16, 1 << 26
_TRIES, _TRY_AFTER = 5, 0.02

_MAGIC = (
    (b"\x1f\x8b", "gz"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x1f\x9d", "Z"),
    (b"\x89LZO\0", "lzo"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"LZIP", "lz"),
)
_BZ2 = re.compile(rb"BZh[1-9]")
_ENDING = re.compile(r"\.(gz|xz|lzma|bz2|zst|lz4|br|Z|lzo|zip|7z|lz)\Z")
_TEXT = re.compile(rb"[\t\r\n\x1b\x20-\xff]+\Z")
# `app.log.1`, or a date with or without dashes and perhaps an hour: `app.log-20261124`, `app.log.2026-11-24`.
_ROTATED = re.compile(r"[.-]((?:\d{4}-\d\d-\d\d|\d{8})[-_T]\d[\d:_-]*|\d{4}-\d\d-\d\d|\d+)\Z")
_DATE = 1000  # a rotation number from here on is a date
# An asctime record: local time of the service, which says no zone. Around it may stand compose's prefix and colours.
_LOCAL = re.compile(
    rb"(?:[^\s|{]+\s*\| )?(?:\x1b\[[0-9;]*m)*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)? - [^\s]+ - [A-Z]+ - "
)
_ZONE_STEP, _ZONE_MIN, _ZONE_MAX, _ZONE_OFF = 900, 1800, 14 * 3600, 60
_ZONE_QUIET = 1800
_CONTINUED, _RECORD = 100, re.compile(rb"[A-Z]+:")  # a traceback's lines; those of other loggers are none


class SourceError(Exception):
    """A log that cannot be read; the text says which, why, and what to do."""


def reason(error: OSError) -> str:
    """Return in words why something cannot be read."""
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        return "permission denied; run with become: true, or let the login user read it"
    return error.strerror or str(error)


def find_files(paths: Sequence[str], patient: bool = True) -> dict[Identity, str]:
    """Return the regular files that ``paths`` (names and globs) name, each once.

    What else a glob matches (a directory, a link to nothing) is passed over. There has to be a file by each of them,
    though the patient wait for one that is being rotated.
    """
    files: dict[Identity, str] = {}
    for pattern in paths:
        if not glob.has_magic(pattern):
            info = _stat(pattern, _TRIES if patient else 1)
            files.setdefault((info.st_dev, info.st_ino), pattern)
            continue
        for left in reversed(range(_TRIES if patient else 1)):
            matched = _matching(pattern)
            if matched or not left:
                break
            time.sleep(_TRY_AFTER)
        if not matched:
            raise SourceError(f"no file matches {pattern}; correct runbook_log_paths")
        for identity, name in matched.items():
            files.setdefault(identity, name)
    return files


def _matching(pattern: str) -> dict[Identity, str]:
    matched: dict[Identity, str] = {}
    for name in sorted(glob.glob(pattern)):
        with contextlib.suppress(OSError):
            info = os.stat(name)
            if stat.S_ISREG(info.st_mode):
                matched.setdefault((info.st_dev, info.st_ino), name)
    return matched


def _stat(name: str, tries: int) -> os.stat_result:
    for left in reversed(range(tries)):
        try:
            info = os.stat(name)
        except FileNotFoundError:
            if not left:
                raise SourceError(f"the log {name} does not exist; correct runbook_log_paths") from None
            time.sleep(_TRY_AFTER)
            continue
        except OSError as error:
            raise SourceError(f"cannot read the log {name}: {reason(error)}") from error
        if not stat.S_ISREG(info.st_mode):
            raise SourceError(f"the log {name} is not a regular file; correct runbook_log_paths")
        break
    return info


def rotation(name: str) -> tuple[str, int]:
    """Return the log that ``name`` was rotated from, and a number, higher the older it is (0: the log itself)."""
    stem = _ENDING.sub("", name)
    number = _ROTATED.search(stem)
    if not number:
        return stem, 0
    age = int(re.sub(r"\D", "", number.group(1)))
    return stem[: number.start()], age if age < _DATE else 10**15 - age


def _open(name: str) -> IO[bytes]:
    return os.fdopen(_trust.opened_log(name), "rb")


class LogFile:
    """One log file, held open, so that no rotation can put another one in its place. Raises OSError.

    ``packed`` is how it is packed, or empty; ``broken`` says why it cannot be read to its end, or is empty.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.first: float | None = None  # the first time in it
        self.last: float | None = None  # the last one, where that is known
        self._raw = _open(name)
        try:
            self.look()
        except BaseException:
            self._raw.close()
            raise

    def look(self) -> None:
        """Look at what it is and how it begins, as on opening."""
        info = os.fstat(self._raw.fileno())
        self.identity: Identity = (info.st_dev, info.st_ino)
        self.size, self.mtime = info.st_size, info.st_mtime
        self._raw.seek(0)
        self.packed = _packed(self.name, self._raw.read(64))
        self.broken = ""
        self.file = self._unpacked() if self.packed else self._raw
        self.rewind()
        self._head = self._read_head()
        self.envelope = of_file(self._head.split(b"\n")[:200])

    def close(self) -> None:
        """Give the file back."""
        self.file.close()
        self._raw.close()

    @property
    def head(self) -> bytes:
        """The beginning of what is in it, to know copies by."""
        return self._head[:_HEAD]

    def _unpacked(self) -> IO[bytes]:
        self._raw.seek(0)
        if self.packed == "gz":
            return cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw, mode="rb"))
        if self.packed == "bz2" and bz2 is not None:
            return cast("IO[bytes]", bz2.BZ2File(self._raw))
        if self.packed in ("xz", "lzma") and lzma is not None:
            return cast("IO[bytes]", lzma.LZMAFile(self._raw))
        self.broken = f"{self.packed} cannot be unpacked here"
        return self._raw

    @property
    def readable(self) -> bool:
        """Whether anything can be read of it."""
        return not self.packed or self.file is not self._raw

    def rewind(self) -> None:
        """Go to the first of what is in it."""
        if self.packed and self.readable:
            self.file.seek(0)
        elif not self.packed:
            seek_data(self._raw, 0)

    def read(self, most: int = BLOCK) -> bytes:
        """Return what comes next, at most ``most`` bytes; nothing at the end, and where a packed file is broken.

        A hole, which a writer with its own offset leaves of a truncated file, is passed over.
        """
        if not self.readable:
            return b""
        if not self.packed:
            block = self._raw.read(most)
            if block and not block.strip(b"\0"):
                seek_data(self._raw, self._raw.tell())
            return block
        try:
            # read1 gives what stands before a break; read would lose it.
            return cast("gzip.GzipFile", self.file).read1(most)
        except (EOFError, ValueError, zlib.error, OSError) as error:
            self.broken = f"the archive is not whole: {error}"
        except Exception as error:
            if lzma is None or not isinstance(error, lzma.LZMAError):
                raise
            self.broken = f"the archive is not whole: {error}"
        return b""

    def _read_head(self) -> bytes:
        head = b""
        while len(head) < _TAIL:
            block = self.read(_TAIL)
            if not block:
                break
            head += block
        return head

    def find_times(self, stamps: StampReader) -> None:
        """Find the first time in the file, and in a plain one the last."""
        stamps.envelope = self.envelope
        rest = self._head
        read = 0
        while self.first is None and rest and read < _FIRST_STAMP_WITHIN:
            read += len(rest)
            lines = rest.split(b"\n")
            self.first = next(
                (moment for line in lines[:-1] if line and (moment := stamps.read(_clean(line))) is not None), None
            )
            rest = b""
            if self.first is None:
                block = self.read()
                rest = lines[-1][:LONGEST_LINE] + block if block else b""
        if not self.packed:
            self.last = next((moment for _line, moment in _stamps_in(self._tail_lines(), stamps)), None)
        self._head = self.head

    def find_last(self, newest: bytes, stamps: StampReader) -> None:
        """Find the last time in a packed file in the lines that were read of it last."""
        stamps.envelope = self.envelope
        lines = newest[-_TAIL:].split(b"\n")[::-1]
        self.last = next((moment for _line, moment in _stamps_in(lines, stamps)), None)

    def _tail_lines(self) -> list[bytes]:
        """The last complete lines, the last one first."""
        block = os.pread(self._raw.fileno(), _TAIL, max(0, self.size - _TAIL))
        lines = block.split(b"\n")[:-1]
        return lines[1 if self.size > _TAIL else 0 :][::-1]

    def local_shift(self, stamps: StampReader) -> float | None:
        """Return what has to be added to local times in it, told by its last record and its last change.

        None where it has no record to tell that by. A time in a customer's text must not move all others: what comes
        before has to fit.
        """
        stamps.envelope = self.envelope
        # Read once: it may be written to in between.
        lines = self._tail_lines()
        stamped = list(zip(range(_PROBE_LINES), _stamps_in(lines, stamps)))
        if not stamped:
            return None
        last, moment = stamped[0][1]
        behind = lines[: lines.index(last)]
        if not _LOCAL.match(_clean(last)) or len(behind) > _CONTINUED or any(map(_RECORD.match, behind)):
            return 0.0
        off = self.mtime - moment
        shift = round(off / _ZONE_STEP) * _ZONE_STEP
        if not _ZONE_MIN <= abs(shift) <= _ZONE_MAX or abs(off - shift) > _ZONE_OFF:
            return 0.0
        # In the hour that comes twice a clock of this very zone can seem to be an hour off.
        if abs(_by_the_clock(self.mtime) - _by_the_clock(moment)) <= _ZONE_OFF:
            return 0.0
        before = [moment for _n, (line, moment) in stamped[1:] if _LOCAL.match(_clean(line))]
        if any(other + shift > self.mtime + _ZONE_OFF for other in before):
            return 0.0
        if shift < 0 and before and before[0] < moment - _ZONE_QUIET:
            return 0.0
        return float(shift)

    # -------------------------------------------------------------- comparing

    def begins_as(self, other: LogFile) -> bool:
        """Tell whether it begins as ``other`` did when that was opened, and not by chance.

        What has no times and is short may be the same by chance: two processes that began alike.
        """
        length = min(len(self.head), len(other.head))
        if self.first is None and length < _HEAD:
            return False
        return length > 0 and self.head[:length] == other.head[:length]

    def is_prefix_of(self, other: LogFile) -> bool:
        """Tell whether all that is in it stands at the beginning of ``other`` as well.

        What large files have between is only sampled. The whole of two equal ones stands in each other.
        """
        if not self.begins_as(other):
            return False
        if self.packed or other.packed:
            return self._is_unpacked_prefix_of(other)
        if self.size > other.size:
            return False
        if self.size <= _COMPARED_WHOLE:
            return self._same_at(other, 0, self.size)
        step = (self.size - _HEAD) // _COMPARED_BLOCKS
        places = [at * step for at in range(_COMPARED_BLOCKS)] + [self.size - _HEAD]
        return all(self._same_at(other, place, _HEAD) for place in places)

    def _same_at(self, other: LogFile, offset: int, length: int) -> bool:
        return os.pread(self._raw.fileno(), length, offset) == os.pread(other._raw.fileno(), length, offset)

    def _is_unpacked_prefix_of(self, other: LogFile) -> bool:
        self.rewind()
        other.rewind()
        mine = theirs = b""
        compared = 0
        while compared < _UNPACKED_TO_COMPARE:
            mine = mine or self.read()
            if not mine:
                return True
            theirs = theirs or other.read()
            length = min(len(mine), len(theirs))
            if not theirs or mine[:length] != theirs[:length]:
                return False
            mine, theirs = mine[length:], theirs[length:]
            compared += length
        return False


def _by_the_clock(moment: float) -> float:
    """What the clock on the wall shows then, in seconds."""
    return float(calendar.timegm(time.localtime(moment)))


def _clean(line: bytes) -> bytes:
    return (line.replace(b"\0", b"") if b"\0" in line else line)[:LONGEST_LINE]


def _stamps_in(lines: Iterable[bytes], stamps: StampReader) -> Iterator[tuple[bytes, float]]:
    """The lines that say when, each with its moment."""
    for line in lines:
        moment = stamps.read(_clean(line))
        if moment is not None:
            yield line, moment


def _packed(name: str, start: bytes) -> str:
    """Return how a file is packed, by how it begins; by its name where it does not begin as text."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if _BZ2.match(start):
        return "bz2"
    ending = _ENDING.search(name)
    return ending.group(1) if ending and not _TEXT.match(start) else ""


def is_packed_twin(name: str, names: set[str]) -> bool:
    """Whether ``name`` is being packed: the plain file it is made of is still there, and complete."""
    return bool(_ENDING.search(name)) and _ENDING.sub("", name) in names


# ------------------------------------------------------------------ searching


def seek_data(file: IO[bytes], offset: int) -> int:
    """Go to ``offset``, or behind the hole there; return where that is."""
    size = os.fstat(file.fileno()).st_size
    try:
        return file.seek(offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole up to the end
            return file.seek(max(offset, size))
    except ValueError:  # a system that knows no holes
        pass
    return file.seek(offset)


def _skip_line(file: IO[bytes], end: int) -> bool:
    """Go behind the next line end before ``end``; tell whether there was one."""
    while file.tell() < end:
        line = file.readline(LONGEST_LINE)
        if line.endswith(b"\n"):
            return True
        if not line:
            return False
    return False


def _probe(file: IO[bytes], start: int, end: int, stamps: StampReader) -> tuple[int, float] | None:
    """Return the offset of the first line with a time that begins after ``start``, and the latest time in the next few.

    The latest, because a customer's text may begin with an old time, and all before it would be passed over.
    """
    end = min(end, start + _PROBE_BYTES)
    if seek_data(file, start) >= end:
        return None
    dated: tuple[int, float] | None = None
    whole = start == 0 or _skip_line(file, end)
    lines = tries = 0
    while whole and lines < _PROBE_LINES and tries < _PROBE_TRIES and file.tell() < end:
        tries += 1
        offset = file.tell()
        line = file.readline(LONGEST_LINE)
        moment = stamps.read(_clean(line))
        if moment is not None:
            dated = (offset, moment) if dated is None else (dated[0], max(dated[1], moment))
        lines += dated is not None
        whole = line.endswith(b"\n") or _skip_line(file, end)
    return dated


def seek_time(file: IO[bytes], size: int, moment: float, stamps: StampReader) -> int:
    """Return an offset from which on ``file`` holds everything logged at or after ``moment``, by bisection.

    It is 0, or the offset of a line that carries an earlier time.
    """
    low, high = 0, size
    while high - low > _SEEK_ENOUGH:
        middle = (low + high) // 2
        stamp = _probe(file, middle, high, stamps)
        if stamp is None or stamp[1] >= moment:
            high = middle
        else:
            low = stamp[0]
    return low
