# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._unanswered import (
    cell,
    phone_of,
    unanswered,
    unanswered_list,
)

from tests.unit import records
from tests.unit.counting import Counter

NOW = records.NOON
ONE, TWO, THREE = "conv_5511988880001_a", "conv_5511988880002_a", "conv_5511988880003_a"
GOOD = {
    "fresh": {"ok": True, "age_seconds": 5.0},
    "covered": {"ok": True, "process_seen": True, "first": iso(NOW - 3600)},
    "owned": {"ok": True},
    "understood": {"ok": True},
}


def measured(lines, evidence=None, **more):
    """What trace_log_info returns without redaction of ``(seconds ago, line)``."""
    counter = Counter(now=NOW, since=NOW - 3600, redacted=False, max_unanswered=more.pop("kept", 100))
    counter.feed([records.as_json(line, NOW - ago).encode() for ago, line in lines])
    window = {"since": iso(NOW - 3600), "until": None, "process": None}
    return {**counter.result(), "evidence": evidence or GOOD, "measured": iso(NOW), "window": window, **more}


def planned(conv, ago):
    return [(ago, records.outbox("planner", conv, 0)), (ago, records.outbox("planner", conv, 1))]


def answered(conv, ago):
    return [(ago, line) for line in records.turn(conv)]


def rows(text, delimiter=","):
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def test_who_was_planned_and_not_delivered_waits_and_the_longest_wait_comes_first():
    lines = [*planned(TWO, 1900), *planned(ONE, 900), *answered(THREE, 800), *planned(TWO, 700)]
    found = unanswered(measured(lines))
    assert found["told"] == {
        "n": 2,
        "longest_wait_seconds": 1900.0,
        "wrote_again": 1,
        "unlisted": 0,
        "since": iso(NOW - 3600),
        "doubts": [],
    }
    assert [(row["conversation"], row["messages"]) for row in found["rows"]] == [(TWO, 2), (ONE, 1)]


def test_a_turn_that_plans_nothing_leaves_somebody_waiting():
    # The planner looked twice and planned nothing, or did not come to an end.
    lines = [(900, records.outbox("planner", ONE, 0)), (899, records.outbox("planner", ONE, 0))]
    lines += [(800, records.outbox("planner", TWO, 0))]
    found = unanswered(measured(lines))
    assert [(row["conversation"], row["messages"]) for row in found["rows"]] == [(ONE, 1), (TWO, 1)]


def test_who_was_answered_in_a_later_conversation_does_not_wait_in_the_old_one():
    later = ONE.replace("_a", "_b")
    assert unanswered(measured([*planned(ONE, 900), *answered(later, 100)]))["told"]["n"] == 0
    failing = [(100, line) for line in records.turn(later, status="failed")]
    (row,) = unanswered(measured([*planned(ONE, 900), *failing]))["rows"]
    assert (row["conversation"], row["messages"], row["wait_seconds"]) == (ONE, 2, 900.0)


def test_a_failed_delivery_is_no_answer():
    lines = [(900, line) for line in records.turn(ONE, status="failed")]
    assert unanswered(measured(lines))["told"]["n"] == 1


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        (
            {"fresh": {"ok": False, "age_seconds": 3000, "limit_seconds": 600, "rate_per_minute": 2}},
            "newest event is 50 min",
        ),
        ({"covered": {"ok": False, "process_seen": False}}, "The present process"),
        ({"covered": {"ok": False, "unreadable": ["app.log.1"], "process_seen": True}}, "app.log.1"),
        ({"owned": {"ok": False, "reason": "a copy"}}, "a copy"),
        ({"understood": {"ok": False, "share": 0.5}}, "50.0 %"),
    ],
)
def test_evidence_that_is_not_good_is_said(change, doubt):
    (said,) = unanswered(measured(answered(ONE, 100), {**GOOD, **change}))["told"]["doubts"]
    assert doubt in said


def test_a_log_in_which_nothing_was_seen_is_doubted():
    assert unanswered(measured([], {}))["told"]["doubts"] != []
    assert unanswered(measured(answered(ONE, 100)))["told"]["doubts"] == []


def test_what_did_not_fit_is_counted():
    lines = [line for number in range(5) for line in planned(f"conv_551198888000{number}_a", 900 - number)]
    told = unanswered(measured(lines, kept=3))["told"]
    assert (told["n"], told["unlisted"]) == (5, 2)


def test_one_list_of_all_hosts():
    first = unanswered(measured([*planned(ONE, 900), *planned(ONE, 850)]))
    second = unanswered(measured(planned(TWO, 1900)))
    table = rows(unanswered_list({"kumon-1": first, "kumon-2": second}))
    assert table == [
        {
            "host": "kumon-2",
            "conversation": TWO,
            "phone": "55 11 98888-0002",
            "waiting_since": iso(NOW - 1900),
            "wait_minutes": "31",
            "messages": "1",
            "wrote_again": "no",
            "person_answered": "not known",
        },
        {
            "host": "kumon-1",
            "conversation": ONE,
            "phone": "55 11 98888-0001",
            "waiting_since": iso(NOW - 900),
            "wait_minutes": "15",
            "messages": "2",
            "wrote_again": "yes",
            "person_answered": "not known",
        },
    ]
    portuguese = rows(unanswered_list({"kumon-1": first}, "pt_BR"), ";")
    assert (portuguese[0]["telefone"], portuguese[0]["escreveu_de_novo"]) == ("55 11 98888-0001", "sim")
    assert unanswered_list({"kumon-1": unanswered(measured(answered(ONE, 100)))}) == ""


@pytest.mark.parametrize(
    ("conversation", "phone"),
    [
        ("conv_5511910324679_20250904_190335", "55 11 91032-4679"),
        ("551130182137", "55 11 3018-2137"),
        ("351912345678@s.whatsapp.net", "3519 1234 5678"),
        # Four digits are all that some releases log.
        ("****0201", ""),
        ("550e8400-e29b-41d4-a716-446655440000", ""),
        ("unknown", ""),
        ("5511910324679:12@s.whatsapp.net", "55 11 91032-4679"),
        ("14155552671", "141 5555 2671"),
        ("11910324679", "119 1032 4679"),
        ("1130182137", "11 3018 2137"),
        # Who hides his number has an id, a group has one, and so have times.
        ("123456789012345@lid", ""),
        ("98765432101234:7@lid", ""),
        ("1203630212345@g.us", ""),
        ("conv_20250904190335", ""),
        ("conv_20250904190335_5511910324679", "55 11 91032-4679"),
        ("conv_1795176000000_x", ""),
    ],
)
def test_the_number_stands_by_itself_where_the_log_has_it(conversation, phone):
    assert phone_of(conversation) == phone


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n@", "＝"])
def test_no_cell_is_a_formula(start):
    text = unanswered_list(
        {"h": {"rows": [{"conversation": f'{start}HYPERLINK("http://x","y")', "messages": 1, "wait_seconds": 1.0}]}}
    )
    (row,) = rows(text)
    assert row["conversation"].lstrip()[0] in "'?"
    assert "HYPERLINK" in row["conversation"]


def test_a_cell_shows_what_it_holds():
    assert cell("a\x1b[2Jb\u202ec\n=d") == "a?[2Jb?c?=d"
    assert cell(7) == 7
    assert cell("****0201") == "****0201"


@pytest.mark.parametrize("traces", [None, [], {"unanswered": {"keys": ["x"]}}, {"unanswered": {"n": -1}}])
def test_traces_of_another_shape_are_one_sentence(traces):
    with pytest.raises(ValueError, match=r"\.$"):
        unanswered(traces)
