# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
import json
import random
import sys
from types import FunctionType, ModuleType

import pytest

from tests.unit.counting import Counter, outcomes
from tests.unit.records import (
    NOON,
    SHAPES,
    as_json,
    asctime,
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

NOW = NOON + 86400


def count(lines, **options):
    options.setdefault("now", NOW)
    options.setdefault("redacted", False)
    counter = Counter(**options)
    counter.feed(lines)
    return counter.result()


# ------------------------------------------------------------------- shapes


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_counts(shape):
    write = SHAPES[shape]
    messages = [
        *turn("a"),
        *turn("b", status="failed"),
        outbox("planner", "c", 1),
        outbox("delivery", "c", 0),
        outbox("planner", "d", 1),
        outbox("delivery", "d", 1, state=9),
        outbox("planner", "e", 1),
        outbox_guard("c"),
        instance_trace("f", "thread_77"),
        instance_guard("f", "thread_77"),
        instance_guard("f", "thread_77"),
    ]
    traces = count([write(message, at=NOON + n) for n, message in enumerate(messages)])
    assert traces["records"] == len(messages)
    assert traces["unparsed"] == 0
    delivery, handoff = traces["delivery"], traces["handoff"]
    assert (delivery["success"], delivery["failed"], delivery["sent"], delivery["unconfirmed"]) == (1, 1, 2, 0)
    assert delivery["success_rate"] == 0.5
    assert delivery["failed_by_http"] == {"unknown": 1}
    assert {k: handoff[k] for k in ("planned", "read", "lost", "unread", "state_mismatches", "unpaired")} == {
        "planned": 5,
        "read": 3,
        "lost": 1,
        "unread": 1,
        "state_mismatches": 1,
        "unpaired": 0,
    }
    assert handoff["lost_keys"] == [{"conv": "c", "idem": "i1", "planner": 1, "delivery": 0}]
    assert traces["guards"] == {
        "outbox": {"handoff_violation": 1},
        "instance": {"invalid_pattern": 2},
        "incidents": 2,
        "other_levels": {},
    }
    assert traces["instances"]["invalid"] == {"thread_77": 1}
    if shape in ("basic", "bare"):
        assert (traces["timestamps"], traces["first"], traces["minutes"]) == ("none", None, [])
        assert traces["undated"] == len(messages)
    else:
        assert traces["timestamps"] == "own"
        assert traces["first"] == "2026-11-20T12:00:00.000Z"
        assert traces["last"] == "2026-11-20T12:00:20.000Z"
        assert outcomes(traces) == [{"minute": "2026-11-20T12:00Z", "success": 1, "failed": 1, "lost": 1, "guards": 2}]


def test_shapes_mix_with_tracebacks_and_uvicorn_lines_between():
    lines = [
        "INFO:     Started server process [4127]",
        basic(outbox("planner", "a", 1)),
        "Traceback (most recent call last):",
        '  File "x.py", line 1, in <module>',
        "ValueError: OUTBOX_GUARD|level=CRITICAL|type=x|conv=a|idem=b",
        as_json(outbox("delivery", "a", 1), at=NOON),
        'INFO:     127.0.0.1:1 - "POST /a|b HTTP/1.1" 200 OK',
        send("a"),
        asctime(result("a"), at=NOON + 1),
        short_iso(outbox("planner", "b", 1), at=NOON + 2),
        journal(outbox("delivery", "b", 0), at=NOON + 3),
        b"\xff\xfe broken | utf-8",
        basic(result("b", "failed")),
    ]
    traces = count(lines)
    # Most of its traces have heads: the bare line is text.
    assert traces["records"] == 6
    assert traces["handoff"]["lost"] == 1
    assert (traces["delivery"]["success"], traces["delivery"]["failed"], traces["delivery"]["sent"]) == (1, 1, 0)
    assert traces["guards"]["incidents"] == 0
    assert traces["timestamps"] == "inherited"


def test_a_line_without_time_takes_the_last_one_above_it():
    lines = [
        basic(result("early")),
        as_json("Prompt manager initialized", at=NOON, logger="kumon_receptionist"),
        basic(result("a")),
        '{"no": "time in it"}',
        basic(result("b")),
        as_json("later", at=NOON + 60, logger="kumon_receptionist"),
        basic(result("c", "failed")),
    ]
    traces = count(lines)
    assert traces["undated"] == 1
    assert outcomes(traces) == [
        {"minute": "2026-11-20T12:00Z", "success": 2, "failed": 0, "lost": 0, "guards": 0},
        {"minute": "2026-11-20T12:01Z", "success": 0, "failed": 1, "lost": 0, "guards": 0},
    ]


@pytest.mark.parametrize(
    "record",
    [
        json.dumps({"message": result("a"), "timestamp": "2026-11-20T12:00:00+00:00"}),
        json.dumps({"timestamp": "2026-11-20T09:00:00-03:00", "message": result("a")}, separators=(",", ":")),
        as_json(result("a", instance='quo"ted')),
        as_json(result("a", instance="ü\u2028")),
        json.dumps({"MESSAGE": list(basic(result("a")).encode()), "__REALTIME_TIMESTAMP": f"{int(NOON * 1e6)}"}),
        json.dumps({"MESSAGE": as_json(result("a")), "__REALTIME_TIMESTAMP": f"{int(NOON * 1e6)}"}),
        json.dumps({"MESSAGE": result("a"), "__REALTIME_TIMESTAMP": f"{int(NOON * 1e6)}"}),
        "2026-11-20T09:00:00.000000-03:00 h python3[1]: " + asctime(result("a")),
        "2026-11-20T12:00:00Z h uvicorn[1]: " + result("a"),
        basic(result("a")) + "\r",
    ],
)
def test_unusual_writings_of_the_shapes_count_too(record):
    traces = count([record])
    assert (traces["records"], traces["delivery"]["success"], traces["unparsed"]) == (1, 1, 0)
    if not record.startswith("INFO"):
        assert traces["first"] == "2026-11-20T12:00:00.000Z"


# ----------------------------------------------------- what customers write

FORGED = [
    outbox_guard("x"),
    instance_guard("x", "default"),
    result("x", "failed"),
    outbox("delivery", "x", 0),
    send("x"),
]


@pytest.mark.parametrize("text", FORGED)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_customers_text_that_quotes_a_trace_counts_nothing(shape, text):
    write = SHAPES[shape]
    quotes = [
        f"Processing message for 5511900000001: {text[:50]}...",
        f"Processing message for 5511900000001: {text}",
        f"received {text}",
        f" {text}",
        f"'{text}'",
        f'", "message": "{text}',
        f"INFO:{text}",
        f"{basic(text)} and more: {basic(text)}"[5:],
    ]
    traces = count([basic(text) if text is None else write(quote, at=NOON) for quote in quotes])
    assert (traces["records"], traces["unparsed"]) == (0, 0)
    assert traces["guards"]["incidents"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "oi\nOUTBOX_GUARD|level=CRITICAL|type=x|conv=|idem=",
        "\nOUTBOX_GUARD|level=CRITICAL|type=x|conv=|idem=",
        "\n\n\nOUTBOX_GUARD|level=CRITICAL|type=|conv=|idem=",
        "...\nOUTBOX_GUARD|level=CRITICAL|type=|conv=|idem=\n",
        "é...\nOUTBOX_GUARD|level=CRITICAL|type=|conv=|idem=",
        "\n{\nOUTBOX_GUARD|level=CRITICAL|type=|conv=|idem=",
    ],
)
@pytest.mark.parametrize("cut", ["", "..."])
@pytest.mark.parametrize("envelope", ["", "2025-09-04T19:10:00-0300 host uvicorn[4127]: "])
def test_a_line_break_in_a_customers_text_makes_no_record(text, cut, envelope):
    assert len(text) <= 50
    logged = basic(f"Processing message for 5511900000001: {text}{cut}", logger="app.core.workflow")
    follow = basic("planner_outbox_count_before: 0", logger="app.core.router.response_planner")
    lines = [envelope + line for line in f"{logged}\n{follow}".split("\n")]
    assert count(lines)["guards"]["incidents"] == 0


def test_a_bare_guard_after_a_customers_complete_text_counts():
    lines = [basic("Processing message for 55: oi...", logger="app.core.workflow"), outbox_guard("a")]
    assert count(lines)["guards"]["incidents"] == 1


def test_a_bare_guard_among_records_of_json_is_told_as_one_that_cannot_be_told_apart():
    lines = [
        as_json(send("a"), at=NOON),
        as_json("Processing message for 5511900000001: oi...", at=NOON + 1),
        outbox_guard("a"),
    ]
    traces = count(lines)
    assert (traces["guards"]["incidents"], traces["ambiguous"]) == (0, 1)
    quoted = basic("Processing message for 55: oi", logger="app.core.workflow")
    assert count([basic(send("a")), quoted, "OUTBOX_GUARD|level=CRITICAL|type=x|conv=|idem="])["ambiguous"] == 0


def test_a_forged_line_break_is_seen_across_the_edge_of_two_blocks():
    counter = Counter(now=NOW)
    counter.feed([basic("Processing message for 55: oi", logger="app.core.workflow").encode()])
    counter.feed([b"OUTBOX_GUARD|level=CRITICAL|type=x|conv=|idem="])
    assert counter.result()["guards"]["incidents"] == 0


def test_a_nested_json_message_is_not_the_records_message():
    record = '{"extra": {"message": "OUTBOX_GUARD|level=CRITICAL|type=x|conv=a|idem=b"}, "message": "fine | so"}'
    assert count([record])["records"] == 0


# ------------------------------------------------------------------ grammar


def test_fields_are_read_by_position():
    lines = [
        result("a", instance="inst|status=failed"),
        result("b", instance="x|conv=no|idem=no"),
        send("a", instance="in st=ance"),
        instance_trace("a", "error: a|b=c", source="error"),
        instance_guard("c", "de|fault"),
    ]
    traces = count([basic(line) for line in lines])
    assert (traces["delivery"]["success"], traces["delivery"]["failed"], traces["unparsed"]) == (2, 0, 0)
    assert traces["instances"]["errors"] == 1
    assert traces["guards"]["instance"] == {"invalid_pattern": 1}


@pytest.mark.parametrize("line", [result("a")[:n] for n in range(15, len(result("a")) - 4, 7)])
def test_a_half_written_trace_is_unparsed_not_counted(line):
    traces = count([basic(line)])
    assert (traces["records"], traces["unparsed"]) == (0, 1)
    assert traces["delivery"]["success"] == 0


@pytest.mark.parametrize(
    ("name", "invalid"),
    [
        ("default", True),
        ("thread_1", True),
        ("thread_5511", True),
        ("", True),
        ("thread_abc", False),
        ("Default", False),
        ("my_thread_1", False),
        ("default2", False),
        ("thread_", False),
        ("thread_1\u0661", False),
        ("kumon_assistant", False),
    ],
)
def test_invalid_instances_are_exactly_those_of_the_log_facts(name, invalid):
    traces = count([basic(instance_trace("a", name))])
    assert traces["instances"]["seen"] == {name: 1}
    assert traces["instances"]["invalid"] == ({name: 1} if invalid else {})


def test_an_invalid_instance_that_only_a_send_or_a_guard_names_is_seen():
    traces = count([basic(send("a", instance="thread_9")), basic(instance_guard("b", "default"))])
    assert traces["instances"]["invalid"] == {"thread_9": 1, "default": 1}


def test_an_instance_that_only_results_name_is_told_where_it_is_not_the_expected_one():
    lines = [basic(result("a", instance="other")), basic(result("b")), basic(result("c", "failed", instance=""))]
    instances = count(lines, expected_instance="kumon_assistant")["instances"]
    assert (instances["unexpected"], instances["invalid"]) == ({"other": 1}, {})
    traced = [basic(instance_trace("a", "other")), *lines[:1]]
    assert count(traced, expected_instance="kumon_assistant")["instances"]["unexpected"] == {"other": 1}


def test_unexpected_instances_need_an_expected_one():
    lines = [basic(instance_trace("a", "other")), basic(instance_trace("b"))]
    assert count(lines)["instances"]["unexpected"] == {}
    assert count(lines, expected_instance="kumon_assistant")["instances"]["unexpected"] == {"other": 1}


# ------------------------------------------------------------------ hand-offs


def test_lost_without_any_guard_line_is_found_by_pairing():
    traces = count(
        [basic(outbox("planner", "a", 0)), basic(outbox("planner", "a", 1)), basic(outbox("delivery", "a", 0))]
    )
    assert (traces["handoff"]["lost"], traces["guards"]["incidents"]) == (1, 0)


def test_each_delivery_trace_is_held_against_the_latest_earlier_planner_trace():
    lines = [
        outbox("planner", "a", 1),
        outbox("delivery", "a", 0),
        outbox("delivery", "a", 0),
        outbox("planner", "a", 0),
        outbox("delivery", "a", 0),
        outbox("delivery", "b", 0),
    ]
    handoff = count([basic(line) for line in lines])["handoff"]
    assert (handoff["lost"], handoff["unpaired"]) == (2, 1)


def test_ids_are_compared_within_one_process_only():
    planned, read = (
        as_json(outbox("planner", "a", 1), at=NOON),
        as_json(outbox("delivery", "a", 1, state=7), at=NOON + 9),
    )
    assert count([planned, read])["handoff"]["state_mismatches"] == 1
    assert count([planned, read], starts=[NOON + 5])["handoff"]["state_mismatches"] == 0
    assert count([planned, read], starts=[NOON - 5, NOON + 20])["handoff"]["state_mismatches"] == 1


def test_a_start_that_only_the_log_tells_excuses_nothing_and_proves_nothing():
    planned, read = basic(outbox("planner", "a", 1)), basic(outbox("delivery", "a", 1, state=7))
    traces = count([planned, "INFO:     Started server process [9]", read])
    assert (traces["handoff"]["state_mismatches"], traces["ambiguous"]) == (0, 1)
    quoted = basic("Processing message for 55: INFO:     Started server process [9]...", logger="app.core.workflow")
    assert count([planned, quoted, read])["handoff"]["state_mismatches"] == 1


def test_a_start_that_the_kernel_denies_excuses_nothing():
    planned = as_json(outbox("planner", "a", 1), at=NOON)
    read = as_json(outbox("delivery", "a", 1, state=7), at=NOON + 9)
    lines = [planned, "INFO:     Started server process [9]", read]
    assert count(lines, starts=[NOON - 60])["handoff"]["state_mismatches"] == 1
    assert count(lines)["ambiguous"] == 1


def test_unread_and_unconfirmed_need_the_grace_period():
    lines = [as_json(outbox("planner", "a", 1), at=NOON), as_json(send("b"), at=NOON)]
    young, old = count(lines, now=NOON + 59), count(lines, now=NOON + 61)
    assert (young["handoff"]["unread"], young["delivery"]["unconfirmed"], young["minutes"][0]["failed"]) == (0, 0, 0)
    assert (old["handoff"]["unread"], old["delivery"]["unconfirmed"]) == (1, 1)
    assert old["delivery"]["success_rate"] == 0
    assert outcomes(old) == [{"minute": "2026-11-20T12:00Z", "success": 0, "failed": 1, "lost": 0, "guards": 0}]
    assert count(lines, now=NOON + 61, grace=90)["handoff"]["unread"] == 0


def test_the_planners_next_first_trace_does_not_make_an_unread_message_read():
    lines = [outbox("planner", "a", 1, "unknown"), outbox("planner", "a", 0, "unknown")]
    assert count([basic(line) for line in lines])["handoff"]["unread"] == 1
    lines.append(outbox("delivery", "a", 1, "unknown"))
    assert count([basic(line) for line in lines])["handoff"]["unread"] == 0


def test_turns_of_one_key_that_overlap_are_told_apart_by_their_ids():
    def unplanned(*traces):
        lines = [as_json(outbox("planner", "a", number, "unknown", state)) for state, number in traces]
        lines.append(as_json(outbox("planner", "later", 1), NOON + 300))
        return count(lines, now=NOON + 300)["recipients"]["unplanned"], count(lines)["stages"]["planned"] - 1

    assert unplanned((1, 0), (2, 0), (1, 1), (2, 1)) == (0, 2)
    assert unplanned((1, 0), (2, 0), (2, 1), (1, 1)) == (0, 2)
    # Where the planner works on a copy, its two traces have different ids.
    assert unplanned((1, 0), (2, 1), (3, 0), (4, 1)) == (0, 2)
    # The same twice is a turn without answer; so is one whose second trace never comes, whatever comes after it.
    assert unplanned((1, 0), (2, 0), (1, 0), (2, 1)) == (1, 1)
    assert unplanned((1, 0), (2, 0), (2, 1)) == (1, 1)


def test_turns_of_one_key_that_never_end_are_counted_in_bounded_memory():
    lines = [as_json(outbox("planner", "a", 0, "unknown", state), NOON + 60 * state) for state in range(40)]
    traces = count(lines)
    assert sum(row["unplanned"] for row in traces["minutes"]) == 40
    counter = Counter(now=NOW)
    counter.feed(lines)
    assert max(len(key.zeros) for key in counter.balance._keys.values()) <= 16


def test_every_send_of_a_repeated_key_needs_a_result_of_its_own():
    lines = [send("a", "unknown"), send("a", "unknown"), result("a", idem="unknown")]
    assert count([basic(line) for line in lines])["delivery"]["unconfirmed"] == 1


def test_the_most_copies_of_one_answer_are_told_beside_all_of_them():
    def turn(conv, sends):
        return [*(outbox("planner", conv, n) for n in (0, 1)), outbox("delivery", conv, 1), *sends * [send(conv)]]

    stages = count([basic(line) for line in turn("a", 1) + turn("b", 8) + turn("c", 2)])["stages"]
    assert (stages["sent"], stages["repeated"], stages["repeated_most"]) == (11, 8, 7)
    # A new plan is a new answer, also where all of a conversation's have one name.
    often = [line for _n in range(8) for line in turn("a", 1)]
    assert count([basic(line) for line in often])["stages"]["repeated_most"] == 0
    # What failed may be tried again.
    again = turn("a", 1) + 4 * [result("a", "failed"), send("a")]
    assert count([basic(line) for line in again])["stages"]["repeated_most"] == 0


def test_what_is_missing_of_an_answer_is_told_once_the_rest_of_it_had_its_time():
    def turn(conv, planned, read, sends, at=NOON):
        records = [outbox("planner", conv, planned), outbox("delivery", conv, read), *sends * [send(conv)]]
        return [as_json(record, at) for record in records]

    def missing(*turns, now=NOON + 300):
        return count([line for lines in turns for line in lines], now=now)["stages"]["missing"]

    assert missing(turn("a", 2, 2, 2), turn("b", 1, 1, 1), turn("c", 3, 3, 3)) == 0
    assert missing(turn("a", 2, 2, 1), turn("b", 3, 3, 1), turn("c", 2, 1, 1)) == 4
    # Nothing of it was sent: it is unsent, and not sent in part.
    assert missing(turn("a", 2, 2, 0)) == 0
    assert missing(turn("a", 2, 2, 1), now=NOON + 2) == 0
    # The next answer of a conversation whose keys are all the same.
    assert missing(turn("a", 2, 2, 1), turn("a", 2, 2, 2, NOON + 60)) == 1


# ------------------------------------------------------------- minutes, runs


def test_a_minute_has_one_outcome_per_conversation_and_a_failure_makes_it_a_failure():
    lines = [as_json(result("a", "failed", f"i{n}"), at=NOON + n) for n in range(10)]
    lines += [as_json(result("a", idem="late"), at=NOON + 30), as_json(result("b"), at=NOON + 31)]
    lines += [as_json(result("a"), at=NOON + 61)]
    traces = count(lines)
    assert traces["delivery"]["failed"] == 10
    assert [(m["success"], m["failed"]) for m in traces["minutes"]] == [(1, 1), (1, 0)]


def test_a_run_of_failures_ends_with_a_success_and_counts_hanging_sends():
    failures = [as_json(result(conv, "failed"), at=NOON + n) for n, conv in enumerate("abcd")]
    assert count(failures)["delivery"]["run"] == {"failures": 4, "recipients": 4}
    assert count([*failures, as_json(result("e"), at=NOON + 9)])["delivery"]["run"] == {"failures": 0, "recipients": 0}
    hanging = [as_json(send(conv), at=NOON + n) for n, conv in enumerate("abcd")]
    assert count(hanging)["delivery"]["run"] == {"failures": 4, "recipients": 4}
    assert count(hanging, now=NOON + 10)["delivery"]["run"] == {"failures": 0, "recipients": 0}


def test_guard_lines_are_not_incidents():
    lines = [as_json(instance_guard("a", "default"), at=NOON)] * 10_000 + [as_json(instance_guard("b", ""), at=NOON)]
    traces = count(lines)
    assert traces["guards"]["instance"] == {"invalid_pattern": 10_001}
    assert traces["guards"]["incidents"] == 2
    assert traces["minutes"][0]["guards"] == 2
    assert len(traces["samples"]["guards"]) == 2


def test_guards_of_another_level_are_told_apart():
    guards = count([basic(outbox_guard("a", level="WARNING"))])["guards"]
    assert (guards["outbox"], guards["incidents"], guards["other_levels"]) == ({}, 0, {"WARNING": 1})


# ------------------------------------------------------------------- windows


def test_a_window_counts_what_lies_in_it_and_pairs_with_what_lies_before():
    lines = [
        as_json(outbox("planner", "a", 1), at=NOON - 1),
        as_json(result("z", "failed"), at=NOON - 1),
        as_json(outbox("delivery", "a", 0), at=NOON),
        as_json(result("b"), at=NOON + 5),
        as_json(result("c", "failed"), at=NOON + 10),
    ]
    traces = count(lines, since=NOON, until=NOON + 10)
    assert (traces["records"], traces["handoff"]["lost"], traces["handoff"]["planned"]) == (2, 1, 0)
    assert (traces["delivery"]["success"], traces["delivery"]["failed"]) == (1, 0)


def test_what_was_sent_before_a_window_is_told_apart_from_what_is_sent_in_it():
    lines = [
        as_json(send("a"), at=NOON - 1),
        as_json(send("b"), at=NOON - 1),
        as_json(result("a"), at=NOON + 1),
        as_json(result("b", "failed"), at=NOON + 1),
        # Its send was not seen: when that was nobody knows.
        as_json(result("c"), at=NOON + 1),
        as_json(send("a"), at=NOON + 2),
        as_json(result("a"), at=NOON + 3),
    ]
    traces = count(lines, since=NOON)
    assert (traces["delivery"]["success"], traces["sent_before"]) == (3, 1)
    assert count(lines)["sent_before"] == 0


def test_without_any_time_a_window_counts_nothing_and_says_so():
    traces = count([basic(outbox_guard("a"))], since=NOON)
    assert (traces["records"], traces["undated"], traces["timestamps"]) == (0, 1, "none")


def test_a_time_from_the_future_does_not_hide_what_follows():
    lines = ["2099-01-01 00:00:00,000 - a - INFO - x", basic(outbox_guard("a"))]
    assert count([as_json("x", at=NOON), *lines], since=NOON - 1)["guards"]["incidents"] == 1


@pytest.mark.parametrize("conversation", ["conv_5511900000001_2026", "5511900000001"])
def test_one_conversation_can_be_asked_for(conversation):
    lines = [basic(line) for conv in ("conv_5511900000001_2026", "conv_5511900000002_2026") for line in turn(conv)]
    traces = count(lines, conversation=conversation)
    assert (traces["records"], traces["delivery"]["success"]) == (6, 1)
    assert count(lines, conversation="551190000000")["records"] == 0


# ------------------------------------------------------------------- privacy


def test_nothing_that_is_returned_shows_a_phone_number():
    conv = "conv_5511987654321_20261120"
    lines = [
        outbox("planner", conv, 1),
        outbox("delivery", conv, 0),
        result(conv, "failed", instance="thread_5511987654321"),
        send(conv, instance="thread_5511987654321"),
        instance_guard(conv, "thread_5511987654321"),
    ]
    traces = count([basic(line) for line in lines], redacted=True)
    assert "5511987654321" not in json.dumps(traces)
    assert "4321" in traces["handoff"]["lost_keys"][0]["conv"]
    assert "5511987654321" in json.dumps(count([basic(line) for line in lines]))


def test_samples_are_bounded_and_newest_first():
    lines = [basic(result(f"c{n}", "failed")) for n in range(30)] + [basic(result("x" * 9000, "failed"))]
    failures = count(lines, max_samples=3)["samples"]["failures"]
    assert [len(sample["line"]) for sample in failures][0] == 500
    assert "conv=c29|" in failures[1]["line"]
    assert len(failures) == 3
    assert count(lines, max_samples=0)["samples"]["failures"] == []


# -------------------------------------------------------------------- memory


def held(thing):
    """The bytes of everything that is reached from here; following references is far cheaper than tracing memory."""
    seen, rest, size = set(), [thing], 0
    while rest:
        one = rest.pop()
        if id(one) not in seen and not isinstance(one, (type, ModuleType, FunctionType)):
            seen.add(id(one))
            size += sys.getsizeof(one)
            rest += gc.get_referents(one)
    return size


def test_memory_is_bounded_for_any_number_of_conversations_sends_and_names():
    counter = Counter(now=NOW)
    for block in range(12):
        lines = []
        for n in range(block * 5000, block * 5000 + 5000):
            lines += [
                basic(outbox("planner", f"conv_{n}", 1)),
                basic(send(f"conv_{n}")),
                basic(instance_trace(f"conv_{n}", f"name_{n}")),
                basic(result(f"other_{n}", "failed", http=str(n))),
            ]
        counter.feed([line.encode() for line in lines])
    assert held(counter) < 36e6
    traces = counter.result()
    assert traces["handoff"]["unread"] == 60_000
    assert traces["delivery"]["unconfirmed"] == 60_000
    assert traces["instances"]["seen"]["(other)"] == 60_000 - 200
    assert sum(traces["delivery"]["failed_by_http"].values()) == 60_000


def test_random_traffic_is_counted_as_plain_lists_would():
    rng = random.Random(7)
    latest, waiting, lost, mismatches, messages = {}, {}, 0, 0, []
    for _n in range(5000):
        conv, value, ids = f"c{rng.randrange(40)}", rng.randrange(2), rng.randrange(2)
        if rng.random() < 0.5:
            opened = waiting.setdefault(conv, [])
            seen_again = value and opened and opened[-1] == ids and latest[conv][0]
            if value and not seen_again:
                opened.append(ids)
            latest[conv] = (value, ids)
            messages.append(outbox("planner", conv, value, state=ids))
        else:
            opened = waiting.get(conv, [])
            if conv in latest:
                lost += latest[conv][0] > 0 and value == 0
                if ids in opened:
                    opened.reverse()
                    opened.remove(ids)
                    opened.reverse()
                elif opened:
                    mismatches += 1
                    opened.pop()
                else:
                    mismatches += latest[conv][1] != ids
            messages.append(outbox("delivery", conv, value, state=ids))
    handoff = count([basic(message) for message in messages])["handoff"]
    assert handoff["lost"] == lost
    assert handoff["state_mismatches"] == pytest.approx(mismatches, rel=0.02)


@pytest.mark.parametrize(
    ("records", "last"),
    [
        ([outbox_guard("a"), outbox_guard("a")], 1),  # a repeat of a known incident goes on
        ([instance_guard("a", "default"), outbox("planner", "b", 1)], 0),
        ([outbox("planner", "a", 1), outbox("delivery", "a", 0), send("b")], 1),
        ([outbox("planner", "a", 1), outbox("delivery", "a", 1, state=9)], 1),
        ([send("b"), instance_trace("a", "thread_1")], 1),
        ([send("b", instance=""), send("c")], 0),
        ([outbox_guard("a", level="WARNING"), *turn("b")], None),
    ],
)
def test_the_time_of_the_last_critical_event(records, last):
    traces = count([as_json(record, at=NOON + n) for n, record in enumerate(records)])
    assert traces["critical"] == {"last": None if last is None else f"2026-11-20T12:00:0{last}.000Z"}
    assert count([basic(record) for record in records])["critical"] == {"last": None}
    outside = count([as_json(record, at=NOON) for record in records], since=NOON + 1)
    assert outside["critical"] == {"last": None}


@pytest.mark.parametrize(
    ("http", "contradicts"),
    [
        ("500", True), ("HTTP 503", True), ("HTTP/1.1 502 Bad Gateway", True), ("500 Internal Server Error", True),
        ("unknown", False), ("201", False), ("HTTP 200", False), ("201 Created", False),
        ("0", False), ("", False), ("5000", False),
    ],
)  # fmt: skip
def test_a_success_with_an_http_error_is_none_whatever_words_stand_around_its_code(http, contradicts):
    assert count([basic(result("a", http=http))])["contradicting"] == contradicts


@pytest.mark.parametrize("level", ["CRITICAL", "critical", "Critical"])
def test_a_critical_guard_is_one_however_its_level_is_written(level):
    traces = count([basic(outbox_guard("a", level=level))])
    assert (traces["guards"]["incidents"], traces["guards"]["other_levels"]) == (1, {})


def test_a_result_in_words_that_are_not_known_is_no_failure_for_want_of_one():
    lines = [as_json(message, at=NOON - 600) for n in range(20) for message in turn(f"c{n}", status="delivered")]
    traces = count(lines)
    delivery = traces["delivery"]
    assert (delivery["success"], delivery["failed"], delivery["unconfirmed"], delivery["sent"]) == (0, 0, 0, 20)
    assert traces["unparsed"] == 20


def test_results_that_contradict_themselves_are_told_with_whom_they_concern():
    lines = [result(conv, "success", http=http) for conv in ("a", "a", "b") for http in ("500", "200")]
    traces = count([basic(line) for line in lines])
    assert (traces["contradicting"], traces["delivery"]["success"]) == (3, 3)
    assert traces["recipients"]["contradicting"] == 2


# --------------------------------------------------------- who writes once more


@pytest.mark.parametrize("idem", ["unknown", "own"])
@pytest.mark.parametrize("messages", [1, 2])
@pytest.mark.parametrize("got_to", ["read", "sent"])
def test_what_was_lost_stays_so_when_its_customer_writes_again_and_is_answered(got_to, messages, idem):
    lines = []
    for again, at in enumerate((NOON, NOON + 1200)):
        name = {"conv": "conv_5511900000001", "idem": idem if idem == "unknown" else f"i{again}"}
        ids = {"state": 10 + again, "outbox_id": 20 + again}
        lines += [as_json(outbox("planner", count=messages, **name, **ids), at=at)]
        lines += [as_json(outbox("delivery", count=messages, **name, **ids), at=at + 0.5)]
        for part in range(messages):
            if again or got_to == "sent":
                lines.append(as_json(send(**name), at=at + 0.5 + part))
            if again:
                lines.append(as_json(result(**name), at=at + 1 + part))
    traces = count(lines)
    lost = {"planned": 0, "read": got_to == "read", "sent": messages * (got_to == "sent")}
    assert (traces["overdue"], traces["delivery"]["success"]) == (lost, messages)
    assert (traces["without_send"], traces["stages"]["repeated"], traces["stages"]["missing"]) == (0, 0, 0)
    # How long it takes is not learned from what was never answered.
    assert traces["late"] == {"read": 0, "settled": 0}
    assert max(traces["delays"].values()) <= 1


# ------------------------------------------------------ files that overlap in time


def test_what_stands_twice_in_one_file_was_written_twice_and_in_two_files_once():
    answer = [outbox("planner", "a", 2), outbox("delivery", "a", 2), send("a"), send("a"), result("a"), result("a")]
    first = [short_iso(message, at=NOON) for message in answer]  # all of it in one second
    second = [*first, *(short_iso(message, at=NOON + 1) for message in turn("b"))]
    counter = Counter(NOW, redacted=False)
    counter.reader.deduplicate = True
    for lines in (first, second):
        counter.start_of_file()
        counter.feed(lines)
    delivery = counter.result()["delivery"]
    assert (delivery["sent"], delivery["success"], delivery["unconfirmed"]) == (3, 3, 0)


def test_lines_of_one_time_may_stand_the_other_way_round():
    name = {"conv": "conv_5511900000001", "idem": "i1"}
    lines = [as_json(outbox("planner", count=1, **name), at=NOON), as_json(send(**name), at=NOON + 0.5)]
    lines += [as_json(outbox("delivery", count=1, **name), at=NOON + 0.5), as_json(result(**name), at=NOON + 1)]
    traces = count(lines)
    assert (traces["overdue"], traces["without_send"]) == ({"planned": 0, "read": 0, "sent": 0}, 0)
