# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commonest traces are read by one pattern each. Whatever stands in a log, that must count as the long way does."""

from __future__ import annotations

import random

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils.log import reader

from tests.unit import later_logs
from tests.unit.counting import Counter
from tests.unit.records import (
    NOON,
    as_json,
    asctime,
    bare,
    basic,
    instance_guard,
    instance_trace,
    journal,
    outbox,
    outbox_guard,
    result,
    send,
    short_iso,
    turn,
)

ODD = (
    "",
    "|",
    "x|OUTBOX_TRACE|phase=planner",
    "OUTBOX_TRACE|phase=planner|conv=a|idem=b",
    "DELIVERY_TRACE|action=result|status=success|http=200|instance=i|status=failed|conv=c1|idem=a|b",
    "DELIVERY_TRACE|action=result|status=maybe|http=200|instance=i|conv=c1|idem=a",
    "DELIVERY_TRACE|action=send|instance=a|phone=1|phone=2|conv=c|conv=d|idem=x|idem=y",
    'DELIVERY_TRACE|action=send|instance="q"|phone=1\\|conv=c2|idem=x',
    "OUTBOX_TRACE|phase=delivery|conv=c3|idem=i|state_id=1|outbox_id=MISSING|count=12345678901",
    "OUTBOX_TRACE|phase=planner|conv=c3|idem=i|state_id=1|outbox_id=1|count=1|outbox_count=1",
    "OUTBOX_TRACE|phase=planner|conv=|idem=|state_id=|outbox_id=|count=0",
    "Processing message for 5511900000001: oi",
    "Started server process [12]",
    "caf\u00e9 \U0001f600 | nada",
)


def traces_of(pick, conv, idem):
    state, found = pick.randrange(3), pick.choice((0, 1, 1, 2))
    status, http = pick.choice(("success", "success", "failed")), pick.choice(("unknown", "200", "400", "500"))
    return [
        outbox("planner", conv, 0, idem, state),
        outbox("planner", conv, pick.choice((0, 1, 1, 2)), idem, state),
        outbox("delivery", conv, found, idem, state, pick.choice((2001, "MISSING"))),
        instance_trace(conv, pick.choice(("kumon_assistant", "default", "thread_1")), idem=idem),
        send(conv, idem),
        result(conv, status, idem, http),
        result(conv, status, idem, http),
        outbox_guard(conv, idem=idem),
        instance_guard(conv, "default", idem),
    ]


def random_log(seed):
    """Lines of one or several grammars and shapes, customers' text, odd lines, with and without times."""
    pick = random.Random(seed)
    shapes = pick.choice(
        ([basic], [basic, as_json], [as_json], [bare], [asctime, basic], [short_iso], [journal], [basic, bare])
    )
    log, at = [], NOON - 3000
    for _n in range(pick.randrange(30, 100)):
        at += pick.choice((0, 0.4, 3, 61, -400 if pick.random() < 0.05 else 1, 9000 if pick.random() < 0.02 else 1))
        conv = f"conv_55119000000{pick.randrange(12):02d}_20261120_120000"
        traces = traces_of(pick, conv, pick.choice(("unknown", f"i{pick.randrange(9)}")))
        kind = pick.random()
        if kind < 0.7:
            begin = pick.randrange(len(traces) - 2)
            lines = traces[begin : begin + pick.randrange(1, 7)]
        elif kind < 0.85:
            lines = [pick.choice(ODD)]
        elif kind < 0.93:
            lines = [f"Processing message for 5511900000001: {pick.choice(traces)[:50]}...", pick.choice(traces)]
        else:
            write = pick.choice((later_logs.pipeline_turn, later_logs.one_turn))
            log += write(later_logs.Later(), at, pick.randrange(99)).lines()
            continue
        log += [pick.choice(shapes)(line, at) for line in lines]
        if pick.random() < 0.3:
            log.append(as_json("Sending text message", at, logger="kumon_receptionist"))
        if pick.random() < 0.05:
            log[-1] += pick.choice(("\r", "\x1b[0m", "}", '"'))
    return log


def count(log, seed, **options):
    """Count a log as two files, in blocks of any length."""
    pick, counter = random.Random(seed), Counter(now=NOON, **options)
    counter.reader.deduplicate = pick.random() < 0.2
    rotated = pick.randrange(len(log))
    for part in (log[:rotated], log[rotated:]):
        counter.start_of_file()
        while part:
            length = pick.randrange(1, 90)
            counter.feed(part[:length])
            part = part[length:]
    return counter.result()


@pytest.mark.parametrize("seed", range(30))
def test_a_common_trace_counts_as_the_long_way_counts_it(seed, monkeypatch):
    log = random_log(seed)
    options = [{}, {"since": NOON - 2000, "until": NOON - 500}, {"conversation": "5511900000003"}, {"redacted": False}]
    common = list(reader._COMMON)
    for option in options:
        monkeypatch.setattr(reader, "_COMMON", common)
        short = count(log, seed, **option)
        monkeypatch.setattr(reader, "_COMMON", [(lambda *_place: None, take, own) for _match, take, own in common])
        assert short == count(log, seed, **option)


def test_most_traces_of_an_ordinary_log_are_read_the_short_way(monkeypatch):
    taken = []
    common = [
        (lambda *place, match=match: taken.append(found := match(*place)) or found, take, own)
        for match, take, own in reader._COMMON
    ]
    monkeypatch.setattr(reader, "_COMMON", common)
    log = [basic(line) for n in range(50) for line in traces_of(random.Random(n), f"c{n}", "i")[:7]]
    assert count(log, 0)["records"] == 350
    assert len(taken) - taken.count(None) == 300  # all but the traces of instances


@pytest.mark.parametrize("head", ["INFO:app:", ""])
def test_what_follows_a_gap_and_says_no_time_is_older_than_the_window(head):
    """Reading goes on behind what was passed over, on a busy host in the midst of a window as well."""
    counter = Counter(NOON, since=NOON - 3600)
    counter.start_of_file()
    counter.start_inside_file()
    counter.feed([head + line for line in turn("c1")])
    told = counter.result()
    assert (told["delivery"]["success"], told["undated"], told["first"]) == (0, 0, None)


@pytest.mark.parametrize("odd", ["\x1b[0m", "\x1b[1;32m", "\r"])
@pytest.mark.parametrize("shape", [basic, as_json])
def test_colours_and_carriage_returns_are_no_part_of_a_value(odd, shape):
    lines = [shape(line, NOON) for line in traces_of(random.Random(1), "c1", "i")[:7]]
    coloured = [line.replace("instance=", f"instance={odd}").replace("idem=i", f"idem=i{odd}") for line in lines]
    assert coloured != lines
    plain, odd_ones = Counter(NOON), Counter(NOON)
    plain.feed(lines)
    odd_ones.feed(coloured)
    assert {**odd_ones.result(), "samples": None} == {**plain.result(), "samples": None}
