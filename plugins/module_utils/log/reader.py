# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the records of messages in blocks of a log: envelope, record, grammar, event.

Most lines tell nothing of a message. They are not visited: what a line must contain to be looked at is searched for in
whole blocks, and only the lines around a find are taken apart.

In a stream whose trace records have heads a bare line is a customer's text. Where the traces themselves are bare, a
line counts unless it stands in the text that the assistant quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.kumon.runbook.plugins.module_utils.log import envelopes
from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance
from ansible_collections.kumon.runbook.plugins.module_utils.log.causes import FAILED_FOR, LINES, cause_of
from ansible_collections.kumon.runbook.plugins.module_utils.log.events import GUARD, Grammar
from ansible_collections.kumon.runbook.plugins.module_utils.log.grammar_one_turn import OneTurnGrammar
from ansible_collections.kumon.runbook.plugins.module_utils.log.grammar_pipeline import PipelineGrammar
from ansible_collections.kumon.runbook.plugins.module_utils.log.grammar_trace import COMMON, TraceGrammar
from ansible_collections.kumon.runbook.plugins.module_utils.log.lines import LONGEST_LINE
from ansible_collections.kumon.runbook.plugins.module_utils.log.records import (
    BARE,
    JSON,
    Record,
    has_unknown_head,
    read_record,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

GRAMMARS: tuple[type[Grammar], ...] = (TraceGrammar, PipelineGrammar, OneTurnGrammar)
"""Each way of tracing messages that a release has. A new one is a file and a row here."""

_WORDS: dict[bytes, tuple[bytes, ...]] = {}
for _grammar in GRAMMARS:
    for _word, _rest in _grammar.words.items():
        _WORDS[_word] = (*_WORDS.get(_word, ()), *_rest)
_LAST_WORD = re.compile(rb"[A-Z_]+\Z")
_TRACES = re.compile(rb"(?:" + b"|".join(TraceGrammar.words) + rb")\|")
_RECORDS = re.compile(
    b"|".join(word + rb"\|(?:" + b"|".join(map(re.escape, rest)) + b")" for word, rest in _WORDS.items())
)
_BASIC_HEAD = re.compile(rb"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[^\s:|\x1b]+:")
_NATIVE_HEAD = re.compile(rb'", "level": "[A-Z]+", "logger": "[^"\\|\r\x1b]+", "message": "')
_LINE_END = ord("\n")
_NATIVE_BEGINS = b'{"timestamp": "'
_STARTED = b"Started server process ["
_STARTED_LINE = re.compile(rb"(?:INFO:     )?Started (?:server|parent) process \[\d+\]")
# Free text is logged as "<what> <number>: <first 50 characters>..."; a line break in it makes a line that looks bare.
_FREE_TEXT = re.compile(rb"(?:Processing message for|WhatsApp message sent successfully to) [^:]*: ")
_FREE_TEXT_LINES, _FREE_TEXT_LENGTH = 20, 50
# So many bare traces with none that has a head between them are no customer's text but another way of logging.
_BARE_RUN = 6
_KEPT_BEFORE = 1 << 13
# What lines without a bar contain that are to be read; a record that is not UTF-8 is a list of numbers to journald.
_PHRASES = (*(p for grammar in GRAMMARS for p in grammar.phrases), _STARTED)
_OF_JOURNALD = (b'"MESSAGE":[', b'"MESSAGE": [')
_HEADS_KEPT = 500
_RECORDS_KNOWN = 500_000
_SKIP, _LOOK = 0, 1  # then the commonest traces: their patterns and what counts them, in plain lines and in JSON
_COMMON = [(patterns[own].fullmatch, take, own == 1) for patterns, take in COMMON.values() for own in (0, 1)]
_WORDS_OF_COMMON = tuple(COMMON)
_REPLICA = re.compile(r"[-_]\d+\Z")  # compose numbers the containers of one service
_STAMP_TRIES = 50
_CLOCK_JUMP = 300.0
_PART = 16_000  # of a line that is too long for its envelope, 16 KiB at a time


class _Stream:
    """What is known of one stream of records: which grammars it may hold, and whether its traces have heads."""

    def __init__(self) -> None:
        self.grammars: list[Grammar] = [grammar() for grammar in GRAMMARS]
        self.one_turn = next(grammar for grammar in self.grammars if isinstance(grammar, OneTurnGrammar))
        self.begin_file()

    def begin_file(self) -> None:
        """Another file begins. What it looks like shows anew; the turns that are open go on in it."""
        self.headed = False
        self.is_one_turn = False
        self.bare_run = 0
        self.one_turn.begin_file()


class TraceReader:
    """Reads blocks of complete lines and hands what they tell of messages to a :class:`Balance`.

    :param stamps: reads the times of lines
    :param now: the present; no record can be later
    """

    def __init__(self, balance: Balance, stamps: StampReader, now: float) -> None:
        self.balance, self._stamps, self._now = balance, stamps, now
        self.bytes = 0
        self.lines = 0
        self.undated_guards = 0  # at level CRITICAL
        self.deduplicate = False  # where two files overlap in time, a record can stand in both
        self._known: dict[int, int] = {}  # how often a record stands in one of the files
        self._live = False
        self._block, self._start = b"", 0  # where the record stands that is being taken
        self._has_dates = False  # whether lines of the block begin with one
        balance.cause_of, balance.line_taken = self._cause_of, self._line_taken
        self._streams: dict[str, _Stream] = {}
        self._plain = self._stream("")
        self.start_of_file()

    # ---------------------------------------------------------------- protocol

    @property
    def past_window(self) -> bool:
        """Whether records have been seen that lie well behind the window: reading on finds nothing more."""
        until = self.balance.until
        return until is not None and self._time is not None and self._time > until + 60

    def start_of_file(self, name: str = "", latest: float | None = None) -> None:
        """Another file begins: nothing in it is dated by the file before, or later than ``latest``."""
        self._latest = min(self._now, latest if latest is not None else self._now) + 120
        for stream in self._streams.values():
            stream.begin_file()
        self._known_here: dict[int, int] = {}
        self._heads: dict[bytes, int] = {}
        self._envelope: str | None = None
        self._service: str | None = None
        self._before = b""
        self._ended_in_a_long_line = False
        self._time: float | None = None
        self._needs_stamps = True

    def read_live(self, now: float) -> None:
        """What is read from now on was written just now, also where it says no time itself."""
        self._live, self._now = True, now
        self._latest = max(self._latest, now + 120)

    def start_inside_file(self) -> None:
        """Reading begins at a place before the window that was found by its time: what has no time yet is older."""
        # A moment before all that is measured; not one of which no minute could be told.
        self._time = 0.0

    def feed(self, block: bytes) -> None:
        """Take complete lines, without the last one's line end."""
        if not block:
            return
        if block[:3] == b"\xef\xbb\xbf":
            block = block[3:]
        self.lines += len(block) - len(block.replace(b"\n", b"")) + 1  # in less than half the time of a count
        if self._envelope is None:
            self._look_at_beginning(block)
        phrases = self._phrases(block)
        self._block = block
        has_dates = self._has_dates = block.startswith(b"2") or block.rfind(b"\n2") >= 0
        balance, plain = self.balance, self._plain
        quick = not (self._envelope or self.deduplicate or balance.is_filtered)
        # Colours and carriage returns are taken out of a line first; where there are any it is not of the commonest.
        is_clean = _is_clean(block)
        find, rfind, end = block.find, block.rfind, len(block)
        heads, at, done = self._heads, 0, 0  # up to `done` times have been looked for
        in_text = self._in_text()
        while at < end:
            if in_text:
                stop = find(b"\n", at)
                self._line(block[at : stop if stop >= 0 else end], block, at)
                at = stop + 1 if stop >= 0 else end
                in_text = self._in_text()
                continue
            mark = find(b"|", at)
            if phrases and not -1 < mark < phrases[-1]:
                mark, kind = phrases.pop(), _LOOK
                start = rfind(b"\n", at, mark) + 1 or at
            elif mark < 0:
                break
            else:
                start = rfind(b"\n", at, mark) + 1 or at
                head = block[start:mark]
                known = heads.get(head)
                kind = self._kind(head, block, mark) if known is None else known
            stop = find(b"\n", mark)
            if stop < 0:
                stop = end
            at = stop + 1
            while phrases and phrases[-1] < at:  # behind a bar of the same line
                phrases.pop()
                kind = _LOOK
            if kind == _SKIP:
                continue
            if self._needs_stamps:
                if has_dates or rfind(b"{", done, start) >= 0:
                    self._inherit(block, done, start)
                done = start + 1 if start else 0  # a line's own time is told with it
            if kind != _LOOK and quick and (is_clean or _is_clean(block[mark:stop])):
                match, take, own = _COMMON[kind - 2]
                trace = match(block, mark + 1, stop)
                moment = self._stamps.native(block, start, stop) if own else self._now if self._live else self._time
                if trace is not None and not (own and (moment is None or moment > self._latest)):
                    self._start = start
                    take(trace, balance, moment, own)
                    if own:
                        self._time = moment
                    self._needs_stamps = not own
                    plain.headed, plain.bare_run = True, 0
                    continue
            self._line(block[start:stop], block, start)
            in_text = self._in_text()
        if self._needs_stamps:
            self._inherit(block, done, end)
        self._before = block[-_KEPT_BEFORE:]
        self._ended_in_a_long_line = b"\n" not in self._before

    # -------------------------------------------------------------- what to read

    def _look_at_beginning(self, block: bytes) -> None:
        lines = block[: 1 << 16].split(b"\n", 200)[:200]
        self._envelope = self._stamps.envelope = envelopes.of_file(lines)
        if self._envelope == "compose":
            self._service = self._own_service(block)
        self._prefer_heads(block)

    def _own_service(self, block: bytes) -> str | None:
        """Several services print into one log: ours is the one with most traces."""
        counts: dict[str, int] = {}
        for start, end in self._candidates(block):
            unwrapped = envelopes.unwrap(block[start:end], "compose")
            if unwrapped:
                name = _REPLICA.sub("", unwrapped.stream)
                counts[name] = counts.get(name, 0) + 1
        return max(counts, key=lambda name: counts[name], default=None)

    def _prefer_heads(self, block: bytes) -> None:
        """A stream has heads where most of its first traces have."""
        counts: dict[str, list[int]] = {}
        for number, (start, end) in enumerate(self._candidates(block)):
            if number > 500:
                break
            unwrapped = envelopes.unwrap(block[start:end], self._envelope or "")
            if not unwrapped:
                continue
            record = read_record(unwrapped.text, self._stamps)
            grammar = next((g for g in self._stream(unwrapped.stream).grammars if g.names(record)), None)
            if grammar is not None:
                counts.setdefault(unwrapped.stream, [0, 0])[record.has_head] += 1
        for name, (bare, headed) in counts.items():
            self._streams[name].headed = headed >= bare

    def _stream(self, name: str) -> _Stream:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = _Stream()
        return stream

    def _candidates(self, block: bytes) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of the lines that may be records, in their order."""
        at = 0
        while (mark := block.find(b"|", at)) >= 0:
            start = block.rfind(b"\n", at, mark) + 1 or at
            end = block.find(b"\n", mark)
            end = len(block) if end < 0 else end
            if self._kind(block[start:mark], block, mark) != _SKIP:
                yield start, end
            at = end + 1

    def _phrases(self, block: bytes) -> list[int]:
        """Return where in the block phrases stand that make a line worth reading, the last first."""
        places = []
        phrases = (*_PHRASES, *_OF_JOURNALD) if b'"__REALTIME_TIMESTAMP"' in block[: 1 << 14] else _PHRASES
        for phrase in phrases:
            at = block.find(phrase)
            while at >= 0:
                places.append(at)
                at = block.find(phrase, at + 1)
        return sorted(places, reverse=True)

    def _kind(self, head: bytes, block: bytes, mark: int) -> int:
        """Tell what a line is by what stands before its first bar: nothing of interest, a line to look at, or a trace
        of a shape that is read at once (2 and up)."""
        if self._envelope == "compose":
            end = block.find(b"\n", mark)
            mark = block.find(b"|", mark + 1, end if end >= 0 else len(block))
            if mark < 0:
                return _SKIP
            # Of the block's first line there is no line end before.
            head = block[max(block.rfind(b"\n", 0, mark) + 1, mark - 100) : mark]
        native = head.startswith(_NATIVE_BEGINS)
        if native:
            known = self._heads.get(head[41:])
            if known is not None:
                return known
        last = _LAST_WORD.search(head)
        word = last.group() if last else b""
        begins = _WORDS.get(word)
        if begins is None:
            if head.endswith(b" ") and block.startswith(b" ", mark + 1):  # a formatter's head can have bars of its own
                end = block.find(b"\n", mark)
                return _LOOK if _TRACES.search(block, mark, end if end >= 0 else len(block)) else _SKIP
            kind = _SKIP
            cacheable = len(head) < 100
        elif begins == (b"",):
            kind, cacheable = _LOOK, True
            before = head[: -len(word)]
            in_json = native and _NATIVE_HEAD.fullmatch(before[41:]) is not None
            if word in COMMON and (in_json or _BASIC_HEAD.fullmatch(before)):
                kind = 2 + 2 * _WORDS_OF_COMMON.index(word) + in_json
        else:
            return _LOOK if block.startswith(begins, mark + 1) else _SKIP
        if cacheable and len(self._heads) < _HEADS_KEPT:
            self._heads[head[41:] if native else head] = kind
        return kind

    def _in_text(self) -> bool:
        return self._plain.one_turn.in_text or any(stream.one_turn.in_text for stream in self._streams.values())

    # -------------------------------------------------------------------- times

    def _inherit(self, block: bytes, start: int, end: int) -> None:
        """Take the time of the last line of ``block[start:end]`` that carries one, for lines that carry none."""
        at = block.rfind(b"{", start, end)
        if at >= 0 and self._envelope in envelopes.WITHOUT_TIME:
            self._inherit_behind_prefix(block, start, end)
            return
        if at < 0 and not self._has_dates:
            return
        # Nearly always that is a whole line of the application's own formatter.
        if at > 0 and block[at - 1] == _LINE_END and not (self._has_dates and block.rfind(b"\n2", at, end) >= 0):
            moment = self._stamps.native(block, at, block.find(b"\n", at, end))
            if moment is not None:
                self._take_time(moment)
                return
        for _try in range(_STAMP_TRIES):
            at = block.rfind(b"\n{", start, end)
            at = max(at, block.rfind(b"\n2", max(at, start), end))
            if at < 0:
                if start == 0 and end and block[:1] in (b"{", b"2"):
                    at = -1
                else:
                    return
            stop = block.find(b"\n", at + 1)
            line = block[at + 1 : stop if stop >= 0 else len(block)]
            moment = self._stamps.read(line)
            is_record = line[:1] == b"{" and len(line) > _FREE_TEXT_LENGTH  # which no customer's text has room for
            if moment is not None and (is_record or not self._is_quoted(block, at + 1)):
                self._take_time(moment)
                return
            if at <= start:
                return
            end = at

    def _inherit_behind_prefix(self, block: bytes, start: int, end: int) -> None:
        """Take that time where each line begins with the name of who wrote it, and only from JSON lines."""
        for _try in range(_STAMP_TRIES):
            at = block.rfind(b"{", start, end)
            if at < 0:
                return
            end = block.rfind(b"\n", 0, at) + 1
            stop = block.find(b"\n", at)
            line = block[end : stop if stop >= 0 else len(block)]
            unwrapped = envelopes.unwrap(line, self._envelope or "")
            if unwrapped is None or not self._is_ours(unwrapped.stream) or unwrapped.text[:1] != b"{":
                continue
            moment = self._stamps.read(line) if len(unwrapped.text) > _FREE_TEXT_LENGTH else None
            if moment is not None:
                self._take_time(moment)
                return

    def _is_ours(self, stream: str) -> bool:
        return self._service is None or _REPLICA.sub("", stream) == self._service

    def _take_time(self, moment: float) -> None:
        if self._live:
            return
        if moment > self._latest:
            self.balance.refused_future += 1
        elif self._time is not None and moment < self._time - _CLOCK_JUMP:
            self.balance.refused_backwards += 1
        else:
            self._time = moment

    # -------------------------------------------------------------------- lines

    def _line(self, line: bytes, block: bytes, start: int) -> None:
        if len(line) > LONGEST_LINE:
            line = line[:LONGEST_LINE]
        unwrapped = envelopes.unwrap(line, self._envelope or "")
        if unwrapped is None or not self._is_ours(unwrapped.stream):
            return
        stream = self._stream(unwrapped.stream)
        record = read_record(unwrapped.text, self._stamps, is_cut=unwrapped.partial or len(line) == LONGEST_LINE)
        if unwrapped.time is not None:
            record = record._replace(time=unwrapped.time)
        if stream.one_turn.in_text and not stream.one_turn.ends_text_by(record.time):
            # A platform may have put the line into a record of its own.
            stream.one_turn.text_line(record.message if unwrapped.text[:1] == b"{" else unwrapped.text)
            return
        if _STARTED_LINE.match(record.message):
            self.balance.claimed_start()
            return
        for grammar in stream.grammars:
            if grammar.names(record):
                if self._accepts(grammar, record, stream, block, start):
                    self._count(grammar, record, line, block, start)
                return
        self._unknown(record, stream, line, block, start)

    def _accepts(self, grammar: Grammar, record: Record, stream: _Stream, block: bytes, start: int) -> bool:
        """Tell whether a record is one, and no text that looks like one."""
        if record.has_head:
            # A head fits into a customer's fifty characters, a whole trace behind it does not; what is rare and grave
            # is looked at twice.
            if b"_GUARD|" in record.message[:20] and self._is_text(record, block, start):
                return False
            stream.headed, stream.bare_run = True, 0
            return not self._goes_on(block, start)
        if stream.is_one_turn and not grammar.bare:
            return False
        if stream.headed:
            stream.bare_run += 1
            if stream.bare_run <= _BARE_RUN:
                if b"_GUARD|" in record.message[:20] and not self._is_text(record, block, start):
                    self.balance.ambiguous += 1
                return False
            stream.headed = False
        # Where the traces are bare a customer's own words may end a line in dots, that which opens his text included.
        is_text = self._is_quoted(block, start) if grammar.bare else self._is_text(record, block, start)
        if is_text or self._goes_on(block, start):
            return False
        stream.is_one_turn |= grammar.bare
        return True

    def _count(self, grammar: Grammar, record: Record, line: bytes, block: bytes, start: int) -> None:
        own = record.time is not None
        if own:
            self._needs_stamps = False
            moment = record.time
            if moment is not None and moment > self._latest:
                if not self._live:
                    self.balance.future += 1
                    return
                moment = self._now
            self._time = moment
        else:
            self._needs_stamps = True
            moment = self._now if self._live else None if grammar.bare else self._time
        if own and self.deduplicate and self._seen_before(line):
            return
        ambiguous = getattr(grammar, "ambiguous", 0)
        events = grammar.read(record)
        if ambiguous != getattr(grammar, "ambiguous", 0):
            self.balance.ambiguous += 1
        if events is None:
            if self._is_text(record, block, start):
                return
            self.balance.unparsed_record(moment, line, guard=b"_GUARD|" in record.message[:20])
            return
        self._start = start
        for event in events:
            if moment is None and event.stage == GUARD and event.level == b"CRITICAL":
                self.undated_guards += 1
            self.balance.take(event, moment, grammar.name, own)

    def _seen_before(self, line: bytes) -> bool:
        """Tell whether a record is the copy of one in another file. What one file has twice was written twice: the
        results of an answer in two parts are equal where the time is told to the second."""
        known, times = hash(line), 1
        if known in self._known_here or len(self._known_here) < _RECORDS_KNOWN:
            times = self._known_here[known] = self._known_here.get(known, 0) + 1
        if times <= self._known.get(known, 0):
            return True
        if known in self._known or len(self._known) < _RECORDS_KNOWN:
            self._known[known] = times
        return False

    def _unknown(self, record: Record, stream: _Stream, line: bytes, block: bytes, start: int) -> None:
        """A trace that stands behind a head of an unknown kind is counted; one that is quoted is none."""
        if record.shape != BARE or stream.is_one_turn:
            return
        trace = _RECORDS.search(record.message)
        if trace and has_unknown_head(record.message[: trace.start()]):
            guard = b"_GUARD" in trace.group()
            if not (guard and self._is_text(record, block, start)):
                self.balance.unparsed_record(self._time, line, guard=guard)

    # -------------------------------------------------------------------- texts

    def _cause_of(self, person: bytes) -> str:
        """Return why the message to a person failed whose result is being taken."""
        block, start = self._block, self._start
        named = FAILED_FOR + person
        if block.rfind(named, max(0, start - _KEPT_BEFORE), start) < 0 and not (
            start < _KEPT_BEFORE and named in self._before
        ):
            return ""
        return cause_of(person, (read_record(text, self._stamps) for text in self._lines_before(block, start, LINES)))

    def _line_taken(self) -> bytes:
        """Return the line whose record is being taken."""
        stop = self._block.find(b"\n", self._start)
        return self._block[self._start : stop if stop >= 0 else len(self._block)]

    def _lines_before(self, block: bytes, start: int, most: int = _FREE_TEXT_LINES) -> Iterator[bytes]:
        """Yield what the service wrote in the lines before ``start``, the nearest first."""
        before = block[max(0, start - _KEPT_BEFORE) : max(0, start - 1)] if start else b""
        if start < _KEPT_BEFORE and self._before:
            before = self._before + b"\n" + before if before else self._before
        for line in reversed(before.split(b"\n")[-most:]):
            unwrapped = envelopes.unwrap(line, self._envelope or "")
            yield line if unwrapped is None else unwrapped.text

    def _is_text(self, record: Record, block: bytes, start: int) -> bool:
        """Tell whether what looks like a record is a customer's text, or the end of one."""
        return record.message.endswith(b"...") or (record.shape != JSON and self._is_quoted(block, start))

    def _is_quoted(self, block: bytes, start: int) -> bool:
        """Tell whether the line at ``start`` is the rest of a customer's text.

        The assistant logs the first 50 characters of what a customer wrote, line breaks included, and then ``...``. The
        customer can write these dots too; only what does not fit into 50 characters surely stands behind them.
        """
        length = _characters(self._text_at(block, start))
        ended = False
        for text in self._lines_before(block, start):
            if len(text) > _FREE_TEXT_LENGTH and text.startswith(b"{") and text.rstrip().endswith(b"}"):
                return False  # a whole record of JSON, in which a line break is written as one more character
            ended = ended or text.endswith(b"...")
            begun = _FREE_TEXT.search(text)
            length += 1 + _characters(text[begun.end() :] if begun else text)
            if ended and length > _FREE_TEXT_LENGTH:
                return False
            if begun:
                return True
            # What fits into the text may have been written by the customer, heads included.
            if length > _FREE_TEXT_LENGTH:
                record = read_record(text, self._stamps)
                if record.has_head or text.startswith((b"INFO:     ", b"{")) or _TRACES.match(text):
                    return False
        return False

    def _text_at(self, block: bytes, start: int) -> bytes:
        """Return what the service wrote in the line at ``start``."""
        end = block.find(b"\n", start)
        line = block[start : end if end >= 0 else len(block)]
        unwrapped = envelopes.unwrap(line[: 1 << 16], self._envelope or "")
        return line if unwrapped is None else unwrapped.text

    def _goes_on(self, block: bytes, start: int) -> bool:
        """Tell whether the line at ``start`` is the rest of one that was too long for its envelope."""
        if self._envelope != "cri" and block[start : start + 7] != b'{"log":':
            return False
        end, long_line = start - 1, False
        for _line in range(5):
            at = block.rfind(b"\n", 0, max(end, 0))
            long_line = long_line or end - at > _PART or (at < 0 and self._ended_in_a_long_line)
            end = at
        if long_line:
            unwrapped = envelopes.unwrap(block[start : start + (1 << 16)].partition(b"\n")[0], self._envelope or "")
            before = block[max(0, start - (1 << 16)) : max(0, start - 1)] if start else self._before
            for line in reversed(before.split(b"\n")[-_FREE_TEXT_LINES:]):
                other = envelopes.unwrap(line, self._envelope or "")
                if other and unwrapped and other.stream == unwrapped.stream:
                    return other.partial
        return False


def _is_clean(text: bytes) -> bool:
    return b"\r" not in text and b"\x1b" not in text


def _characters(text: bytes) -> int:
    return len(text.decode("utf-8", "replace"))
