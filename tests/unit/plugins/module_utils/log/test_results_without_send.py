# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message that was read and settled, and by the log never sent; and what only looks so."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit.counting import Counter
from tests.unit.records import NOON, as_json, outbox, result, send, turn

STEP = 0.2  # seconds from line to line of a turn


def day(turns=60, without_send=(), idem="i{}"):
    """(time, line) of a turn each half a minute."""
    lines = []
    for n in range(turns):
        records = turn(f"conv_55119{n:08d}", idem.format(n))
        if n in without_send:
            records = [record for record in records if "action=send" not in record]
        lines += [
            (at := NOON - 60 * 60 + 30 * n + STEP * step, as_json(record, at)) for step, record in enumerate(records)
        ]
    return lines


def count(lines, **options):
    counter = Counter(now=NOON - 30 * 60, **options)
    counter.feed([line for _at, line in lines])
    return {**counter.result(), "measured": iso(NOON - 30 * 60)}


def test_results_without_a_send_are_counted_by_their_minute_and_called():
    traces = count(day(without_send=range(50, 60)))
    assert traces["without_send"] == sum(row["without_send"] for row in traces["minutes"]) == 10
    assert [row["without_send"] for row in traces["minutes"]][-6:] == [0, 2, 2, 2, 2, 2]
    assert traces["delivery"]["success"] == 60  # what the result says counts as it is
    found = verdict(traces)
    assert (found["status"], found["cause"], found["level"]) == ("watch", "results_without_send", 0)
    assert "10 of 60 results have no send" in found["reasons"][0]
    assert found["held"] == 0  # nothing of it is ever acted upon


def test_one_of_a_healthy_day_is_no_finding():
    traces = count(day(without_send=[30]))
    assert traces["without_send"] == 1
    assert verdict(traces)["status"] == "ok"


@pytest.mark.parametrize("idem", ["i{}", "unknown"])
def test_a_window_or_a_log_that_begins_in_a_turn_has_none(idem):
    lines = day(idem=idem)
    for first in range(120, 127):
        assert count(lines[first:])["without_send"] == 0
        begins = lines[first][0] - STEP / 2
        traces = count(lines, since=begins)
        assert (traces["without_send"], verdict(traces)["cause"]) == (0, "none")


def test_a_rotation_that_loses_lines_is_no_finding():
    lines = day()
    # Lost between the read and the result of two turns in an hour.
    for number in (30, 10):
        del lines[6 * number + 4]
    traces = count(lines)
    assert traces["without_send"] == 2
    assert verdict(traces)["status"] == "ok"


def test_a_log_without_any_send_is_called():
    traces = count(day(without_send=range(60)))
    assert traces["without_send"] == 60
    assert (verdict(traces)["status"], verdict(traces)["cause"]) == ("watch", "results_without_send")


def test_a_log_of_results_alone_is_called_but_for_those_at_its_begin():
    lines = [(at, line) for at, line in day() if "action=result" in line]
    traces = count(lines)
    # Of the first minute nobody knows what was sent before the log begins.
    assert traces["without_send"] == 57
    assert (verdict(traces)["status"], verdict(traces)["cause"]) == ("watch", "results_without_send")


def test_a_second_try_and_two_results_of_one_send_have_their_send():
    conv = "conv_5511900000001"
    tried = [
        outbox("planner", conv, 1),
        outbox("delivery", conv, 1),
        send(conv),
        result(conv, "failed"),
        send(conv),
        result(conv),
        result(conv),
    ]
    traces = count([(NOON, as_json(record, NOON - 1900 + n)) for n, record in enumerate(tried)])
    assert traces["without_send"] == 0


def test_two_messages_of_one_key_on_their_way_at_once_have_their_sends():
    conv = "conv_5511900000001"
    planned = [outbox("planner", conv, 1, "unknown", state) for state in (1, 2)]
    read = [outbox("delivery", conv, 1, "unknown", state) for state in (1, 2)]
    went = [send(conv, "unknown"), result(conv, idem="unknown")]
    both = [planned[0], read[0], went[0], planned[1], read[1], went[1], *went]
    traces = count([(NOON, as_json(record, NOON - 1900 + n)) for n, record in enumerate(both)])
    assert (traces["without_send"], traces["delivery"]["success"]) == (0, 2)
