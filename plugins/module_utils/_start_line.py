# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line by which a release says at its start which flags it has, for which the procedures search its log.

It is a witness and no proof: some releases print what they then ignore. What counts stands in the log between the
restart and the proof, before the first message of the new process, and where no customer's text can be.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _envfile, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._details import Proof, detail
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host

MOST_FILES, MOST_BYTES, LOOK_BACK = 8, 1 << 20, 1 << 16
LONGEST = 400
# The assistant quotes so many characters of what a customer wrote, line breaks included (see log/reader.py).
QUOTED = 50
_QUOTES = re.compile(rb"(?:Processing message for|sent successfully to) [^:]*: ")
_REQUEST = re.compile(rb"\"POST /\S*webhook")
_VALUE = r" ?[=:] ?[\"']?(true|false|1|0|yes|no|on|off)[\"']?(?![\w.])"
# Up to three words and a colon, and other flags, may stand before it; a sentence may not.
_BEFORE = (
    r"(?:[^\w\"'`]{0,6}(?:[^\W\d_][\w-]{0,24} ?){0,3}(?::|\||->|-) ?)?[^\w\"'`]{0,4}"
    r"(?:[A-Z][A-Z0-9_]{1,60} ?[=:] ?[\w.%/-]{0,60}[,;|]? ){0,20}"
)


class Mark(NamedTuple):
    """Where the logs ended at one moment."""

    at: float
    ends: dict[str, tuple[int, int]]  # inode and size by path


class StartLine:
    """What the processes say at their start; `begin` before the restart, `over` when the old processes are."""

    def __init__(self, params: Mapping[str, Any], host: Host):
        self._host = host
        self._paths: list[str] = list(params["paths"] or []) if params["source"] == "file" else []
        self._unit: str | None = params["unit"] if params["source"] == "journal" else None
        self._begun = self._over = Mark(0.0, {})

    def begin(self) -> None:
        self._begun = self._over = self._mark()

    def over(self) -> None:
        self._over = self._mark()

    def _mark(self) -> Mark:
        ends = {}
        for path in self._files():
            with contextlib.suppress(OSError):
                status = os.stat(path)
                ends[path] = (status.st_ino, status.st_size)
        return Mark(time.time(), ends)

    def _files(self) -> list[str]:
        paths = (path for pattern in self._paths for path in sorted(glob.glob(pattern)) or [pattern])
        return list(dict.fromkeys(paths))[:MOST_FILES]

    def proofs(self, flags: Mapping[str, str | None], pids: Sequence[int]) -> list[Proof]:
        """The witness, where there is one."""
        agree: dict[str, None] = {}
        deny: dict[str, None] = {}
        for name, value in self._said(flags, pids):
            right = _envfile.truthy(value) == _envfile.truthy(flags[name])
            (agree if right else deny)[f"{name}={value.lower()}"] = None
        # Of several processes the one that contradicts counts.
        if deny:
            return [{"proof": "said", "had": False, "detail": detail("denies_at_start", said=list(deny))}]
        return [{"proof": "said", "had": True, "detail": detail("says_at_start", said=list(agree))}] if agree else []

    def _said(self, flags: Iterable[str], pids: Sequence[int]) -> Iterator[tuple[str, str]]:
        names = sorted(map(re.escape, flags), key=len, reverse=True)
        pattern = re.compile(f"{_BEFORE}({'|'.join(names)})(?i:{_VALUE})")
        if self._unit:
            yield from _in(self._journal(pids), 0, b"", pattern)
        for path in self._files():
            with contextlib.suppress(OSError):
                yield from self._in_file(path, pattern)

    def _in_file(self, path: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
        with os.fdopen(_trust.opened_log(path), "rb") as file:
            status = os.fstat(file.fileno())
            begun, over = (
                size if inode == status.st_ino and size <= status.st_size else 0
                for inode, size in (mark.ends.get(path, (0, 0)) for mark in (self._begun, self._over))
            )
            file.seek(max(0, begun - LOOK_BACK))
            # Where it does not begin with the file its first line is cut off.
            cut = file.tell() > 0
            before = file.read(begun - file.tell())
            before = before.partition(b"\n")[2] if cut else before
            yield from _in(file.read(MOST_BYTES), over - begun, before, pattern)

    def _journal(self, pids: Sequence[int]) -> bytes:
        """What the new processes have written to the journal, which knows whose a record is."""
        since = f"--since=@{int(self._begun.at)}"
        argv = ["journalctl", "--no-pager", "-o", "json", "--output-fields=MESSAGE,_PID", f"--unit={self._unit}", since]
        kept = []
        for line in self._host.run(argv, timeout=5).out[:MOST_BYTES].splitlines():
            with contextlib.suppress(ValueError, AttributeError):
                if int(json.loads(line).get("_PID") or 0) in pids:
                    kept.append(line.encode())
        return b"\n".join(kept)


def _in(text: bytes, over: int, before: bytes, pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """What is said in a text; up to `over` the old process may have written it, and of `before` it surely has."""
    # To compile all that reads a log takes longer than an act: not before it is done.
    from ansible_collections.kumon.runbook.plugins.module_utils.log import envelopes, reader, records

    lines, at = text.split(b"\n"), 0
    earlier = before.split(b"\n")[:-1]
    envelope = envelopes.of_file([*earlier[-200:], *lines[:200]])
    clock, grammars = records.Clock(), [grammar() for grammar in reader.GRAMMARS]
    quoted: dict[str, int] = {}  # how much of a customer's text can still come, by stream

    said: list[tuple[str, str]] = []
    of_messages: set[str] = set()  # what the old process says of each message, whatever its numbers

    def read(line: bytes) -> tuple[str, str, records.Record] | None:
        unwrapped = envelopes.unwrap(line[: 1 << 16], envelope)
        if unwrapped is None:
            return None
        return unwrapped.stream, unwrapped.text.decode("utf-8", "replace"), records.read_record(unwrapped.text, clock)

    known = [one for one in map(read, [*earlier[-500:], *lines[:500]]) if one]
    headed = {stream for stream, _text, record in known if record.has_head}
    past = len(earlier[-QUOTED:])
    for number, line in enumerate([*earlier[-QUOTED:], *lines]):
        old, new = number < past, number >= past and at >= over
        at += 0 if old else len(line) + 1
        parts = read(line)
        if parts is None:
            continue
        stream, whole, record = parts
        begun = _QUOTES.search(record.message)
        if begun or _REQUEST.search(record.message) or any(grammar.names(record) for grammar in grammars):
            if new:
                break
            # The old process was still at work, and says of each message why it keeps it.
            said.clear()
            text_of = record.message[begun.end() :].decode("utf-8", "replace") if begun else ""
            quoted[stream] = max(0, QUOTED - len(text_of)) if begun else quoted.get(stream, 0) - len(whole)
            continue
        # A head fits into what is quoted; when the old process is over, so is what it quotes.
        fits = not new and len(whole) <= quoted.get(stream, 0)
        quoted[stream] = quoted.get(stream, 0) - len(whole) - 1
        message = record.message.decode("utf-8", "replace")
        if fits or (stream in headed and not record.has_head) or message.endswith("..."):
            continue
        match = pattern.match(message[:LONGEST])
        shape = re.sub("[0-9]+", "#", message)
        if match and old:
            of_messages.add(shape)
        elif match and (new or shape not in of_messages):
            said.append((match[1], match[2]))
    return said
