# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log: whatever stands between traces, they are counted."""

from __future__ import annotations

import json
import random

from tests.unit.counting import Counter
from tests.unit.records import NOON, as_json, asctime, basic, journal, outbox, result, send, short_iso

from .rounds import asking, odd_text, rounds

LINES = 600_000


def noise(pick: random.Random) -> bytes:
    """One line that is no trace, whatever else it is."""
    kind = pick.randrange(6)
    if kind == 0:
        return pick.randbytes(pick.randrange(200)).replace(b"\n", b" ").replace(b"TRACE", b"TRAC")
    if kind == 1:
        return odd_text(pick, 120).encode("utf-8", "surrogatepass").replace(b"\n", b" ")
    if kind == 2:
        return b'{"a":' * pick.randrange(1, 400)
    if kind == 3:
        return (pick.choice("x|=\\\"'[{") * pick.randrange(1, 9000)).encode()
    if kind == 4:
        return b"Traceback (most recent call last):"
    return b'INFO:     10.0.0.1:1234 - "POST /api/v1/evolution/webhook HTTP/1.1" 200 OK'


def fate(pick: random.Random, conv: str, counts: dict[str, int]) -> list[str]:
    """The traces of one message, and what has to be counted of it."""
    counts["planned"] += 1
    planned = outbox("planner", conv, 1)
    kind = pick.choice(("success", "success", "success", "failed", "lost", "unread"))
    if kind == "unread":
        return [planned]
    if kind == "lost":
        counts["lost"] += 1
        return [planned, outbox("delivery", conv, 0)]
    counts["read"] += 1
    counts[kind] += 1
    http = "unknown" if kind == "success" else pick.choice(("unknown", "400", "500", "503"))
    return [planned, outbox("delivery", conv, 1), send(conv), result(conv, kind, http=http)]


def a_log(pick: random.Random) -> int:
    shape = pick.choice((basic, asctime, as_json, short_iso, journal))
    counts = dict.fromkeys(("planned", "read", "lost", "success", "failed"), 0)
    log: list[bytes] = []
    at = NOON - 3000
    for number in range(pick.randrange(5, 60)):
        for trace in fate(pick, f"conv_5511{number:09d}_20261120_120000", counts):
            at += pick.random()
            log.append(shape(trace, at).encode())
            if pick.random() < 0.4:
                log += [noise(pick) for _n in range(pick.randrange(4))]
        if pick.random() < 0.2:
            # A customer's words, which quote a trace in the middle of a line.
            log.append(shape(f"Processing message for 5511900000001: {send('c')} {odd_text(pick, 30)!a}", at).encode())
        if pick.random() < 0.1:
            log[-1] += b"\r"
    counter = Counter(now=NOON)
    counter.start_of_file()
    rest = asking(log)[:]
    while rest:
        length = pick.randrange(1, 80)
        counter.feed(rest[:length])
        rest = rest[length:]
    traces = counter.result()
    handoff, delivery = traces["handoff"], traces["delivery"]
    found = {name: handoff[name] for name in ("planned", "read", "lost")}
    found |= {name: delivery[name] for name in ("success", "failed")}
    assert found == counts, shape.__name__
    assert traces["lines"] == len(log)
    json.dumps(traces)
    return len(log)


def test_a_log_is_counted_whatever_stands_between_its_traces() -> None:
    assert rounds(LINES, a_log) >= LINES
