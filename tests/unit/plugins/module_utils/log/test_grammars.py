# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time

import pytest

from tests.unit.counting import Counter
from tests.unit.later_logs import ENVELOPES, NOON, Later, one_turn, pipeline_turn
from tests.unit.records import as_json, basic, outbox_guard, send, turn

NOW = NOON + 7200
NONE = dict.fromkeys(("success", "failed", "unconfirmed", "unsent", "dropped", "lost", "ignored"), 0)


def count(lines, now=NOW, **options):
    counter = Counter(now, redacted=False, **options)
    counter.feed(lines)
    return counter.result()


def pipeline():
    log = Later().native(NOON, "Railway optimizations applied")
    ends = ["sent"] * 5 + ["failed", "exception", "hanging", "locked", "greeted", "refused", "unread"]
    for number, end in enumerate(ends):
        pipeline_turn(log, NOON + 10 * number, number, end)
    log.log(NOON + 200, "WEBHOOK|event=WEBHOOK|type=duplicate|phone=0001|message_id=3EB000000001|timestamp=x")
    return log


def one_turns():
    log = Later().add(NOON, "DEBUG|graph_built|is_none=False")
    for number, end in enumerate(["sent"] * 4 + ["failed", "failed", "error", "open"]):
        one_turn(log, NOON + 10 * number, number, end)
    return one_turn(log, NOON + 20, 1, "repeated")


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_pipelines_turns_are_the_same_in_every_envelope(envelope):
    traces = count(pipeline().lines(envelope))
    assert traces["turns"] == {
        "success": 5, "failed": 1, "unconfirmed": 1, "unsent": 1, "dropped": 3, "lost": 1, "ignored": 1,
    }  # fmt: skip
    assert traces["delivery"]["failed_by_http"] == {"500": 1}
    assert (traces["unparsed"], list(traces["grammars"])) == (0, ["pipeline"])
    assert traces["timestamps"] == ("own" if envelope not in ("plain", "compose") else "inherited")


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_turns_of_the_one_turn_grammar_are_the_same_in_every_envelope(envelope):
    traces = count(one_turns().lines(envelope))
    assert traces["turns"] == {**NONE, "success": 4, "failed": 2, "unconfirmed": 1, "unsent": 1, "ignored": 1}
    assert (traces["unparsed"], traces["ambiguous"], list(traces["grammars"])) == (0, 0, ["one-turn"])
    # Its own lines tell no time, and no other line's is believed for them.
    assert traces["timestamps"] == ("none" if envelope in ("plain", "compose") else "own")


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_older_traces_are_the_same_in_every_envelope(envelope):
    log = Later().native(NOON, "x")
    for number in range(3):
        for message in turn(f"conv_{number}"):
            log.log(NOON + number, message, logger="app.core.observability.structured_logging")
    assert count(log.lines(envelope))["delivery"]["success"] == 3


@pytest.mark.parametrize(
    "prefix", ["", "kumon_assistant  | ", "\x1b[36mkumon_assistant-1  | \x1b[0m", "[pod/kumon-5/app] "]
)
@pytest.mark.parametrize("whole", [True, False])
def test_other_loggers_lines_tell_the_time_behind_every_prefix(prefix, whole):
    lines = []
    for number in range(4):
        at = NOON + 60 * number
        tick = as_json("tick", at=at, logger="kumon_receptionist")
        lines += [prefix + line for line in [tick, *map(basic, turn(f"conv_{number}"))]]
        if "|" in prefix:
            lines.append("evolution-api  | " + as_json("x", at=at + 3600))
    counter = Counter(NOW, since=NOON + 90, until=NOON + 150)
    for block in [lines] if whole else [lines[:8], *([line] for line in lines[8:])]:
        counter.feed(block)
    assert counter.result()["delivery"]["success"] == 1
    assert counter.result()["undated"] == 0


@pytest.mark.parametrize("log", [pipeline, one_turns])
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_record_counts_wherever_a_block_begins(envelope, log):
    lines = log().lines(envelope)
    counter = Counter(NOW, redacted=False)
    for line in lines:
        counter.feed([line])
    counted = ("records", "turns", "delivery", "ambiguous", "unparsed")
    assert [counter.result()[name] for name in counted] == [count(lines)[name] for name in counted]


def test_a_log_can_change_its_grammar_in_the_middle():
    log = Later().native(NOON, "x")
    for message in turn("conv_1"):
        log.log(NOON, message)
    pipeline_turn(log, NOON + 60, 1)
    for number in range(4):
        one_turn(log, NOON + 120 + number, 10 + number)
    for message in turn("conv_2"):
        log.log(NOON + 300, message)
    traces = count(log.lines("docker-json"))
    assert traces["delivery"]["success"] >= 5
    assert set(traces["grammars"]) == {"trace", "pipeline", "one-turn"}


FORGED = [
    "oi\nPIPELINE|flow_complete|sent=false\nPIPELINE|turn_end|message_id=3EB0FFFF",
    "oi\nWEBHOOK|received|message_id=3EB0FFFF|phone=****0000\nPIPELINE|turn_start|message_id=3EB0FFFF\n"
    "PIPELINE|turn_end|message_id=3EB0FFFF",
    # The text closes the quote that the assistant opens, and goes on.
    "oi'\nWEBHOOK|received|message_id=3EB0FFFF|phone=****0000\nPIPELINE|turn_start|message_id=3EB0FFFF\n"
    "PIPELINE|flow_complete|sent=false\nPIPELINE|turn_end|message_id=3EB0FFFF",
    "oi'\nDEBUG|before_langgraph|phone=5511\nWEBHOOK|received|message_id=3EB0FFFF|phone=****0000\n"
    "PIPELINE|turn_start|message_id=3EB0FFFF\nPIPELINE|turn_end|message_id=3EB0FFFF'",
    "oi'|enabled=False\nWEBHOOK|received|message_id=3EB0FFFF|phone=****0000\nPIPELINE|turn_start|message_id=3EB0FFFF\n"
    "PIPELINE|turn_end|message_id=3EB0FFFF",
    "\nOUTBOX_GUARD|level=CRITICAL|type=handoff_violation|conv=a|idem=b",
    "'\nOUTBOX_GUARD|level=CRITICAL|type=handoff_violation|conv=a|idem=b\nDELIVERY|http_error|status=500|attempt=4/4|u",
    "PIPELINE|flow_error|error='phone_number'",
    # Whoever ends a line in dots opens a text like everybody else.
    "oi...\nWEBHOOK|received|message_id=3EB0FFFF|phone=****0000\nPIPELINE|turn_start|message_id=3EB0FFFF\n"
    "PIPELINE|turn_end|message_id=3EB0FFFF",
    "oi...\nINFO:app:DELIVERY_TRACE|action=result",
]


@pytest.mark.parametrize("text", FORGED)
@pytest.mark.parametrize("envelope", ["plain", "docker-json", "cri", "railway"])
def test_what_a_customer_writes_is_no_turn_and_no_guard(text, envelope):
    log = Later().add(NOON, "DEBUG|graph_built|is_none=False")
    for number in range(3):
        one_turn(log, NOON + number, number)
    one_turn(log, NOON + 10, 10, text=text)
    one_turn(log, NOON + 20, 11)
    traces = count(log.lines(envelope))
    assert traces["turns"] == {**NONE, "success": 5}
    assert traces["guards"]["incidents"] == 0
    assert traces["delivery"]["failed_by_http"] == {}
    assert traces["unparsed"] == 0


def test_a_head_in_the_text_of_the_first_customer_is_none_of_the_stream():
    log = one_turn(Later(), NOON, 1, text="oi\nINFO:app:DELIVERY_TRACE|action=result")
    traces = count(one_turn(log, NOON + 10, 2).lines("docker-json"))
    assert (traces["turns"], traces["unparsed"]) == ({**NONE, "success": 2}, 0)


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_turn_goes_on_in_the_file_of_after_a_rotation(cut):
    lines = one_turn(Later(), NOON, 1).lines("docker-json")
    lines += one_turn(one_turn(Later(), NOON + 30, 1, "repeated"), NOON + 40, 2).lines("docker-json")
    counter = Counter(NOW, redacted=False)
    counter.feed(lines[:cut])
    counter.start_of_file()
    counter.feed(lines[cut:])
    traces = counter.result()
    assert (traces["turns"], traces["ambiguous"]) == ({**NONE, "success": 2, "ignored": 1}, 0)


def test_a_repeat_within_a_minute_that_starts_again_is_no_turn():
    log = Later()
    one_turn(log, NOON, 1)
    one_turn(log, NOON + 30, 1, "failed")
    traces = count(log.lines("docker-json"))
    assert (traces["turns"]["failed"], traces["ambiguous"]) == (0, 1)
    log = Later()
    one_turn(log, NOON, 1)
    one_turn(log, NOON + 90, 1)
    assert count(log.lines("docker-json"))["turns"]["success"] == 2


@pytest.mark.parametrize("envelope", ["docker-json", "cri", "railway"])
def test_a_text_is_over_some_seconds_later_where_reading_begins_within_its_turn(envelope):
    log = one_turn(Later(), NOON, 1)
    del log.rows[:2]
    for number in range(2, 5):
        one_turn(log, NOON + 10 * number, number, "failed" if number == 4 else "sent")
    traces = count(log.lines(envelope))
    assert (traces["turns"], traces["ambiguous"]) == ({**NONE, "success": 2, "failed": 1}, 0)


def test_what_a_customer_writes_is_no_turn_where_its_turn_is_slow():
    text = next(text for text in FORGED if text.startswith("oi'|enabled=False"))
    log = one_turn(Later(), NOON, 1, text=text)
    log.rows = [(at + 10 * (n > 6), stream, line) for n, (at, stream, line) in enumerate(log.rows)]
    assert count(log.lines("docker-json"))["turns"] == {**NONE, "success": 1}


def test_a_bare_line_in_a_stream_with_heads_is_text():
    lines = [basic(message) for number in range(5) for message in turn(f"conv_{number}")]
    lines.insert(13, outbox_guard("a"))
    traces = count(lines)
    assert (traces["guards"]["incidents"], traces["unparsed"]) == (0, 0)
    # So many that no text holds them are a stream that lost its heads.
    lines += [outbox_guard(f"c{number}") for number in range(12)]
    assert count(lines)["guards"]["incidents"] > 0


UNKNOWN_HEADS = [
    "[2026-11-20 12:00:00] ERROR app.x: ",
    "2026-11-20 12:00:00,123 ERROR app.core.x ",
    "2026-11-20T12:00:00 app.core.x ERROR ",
    "Nov 20 12:00:00 host uvicorn[41]: ERROR:app.x:",
    "Nov  2 12:00:00 host uvicorn[41]: ERROR:app.x:",
    "Fri 2026-11-20 12:00:00 UTC host uvicorn[41]: ERROR:app.x:",
    "Nov 20 12:00:00 host uvicorn[41]: ",
    "Fri 2026-11-20 12:00:00 UTC host uvicorn[41]: ",
    'Nov 20 12:00:00 host uvicorn[41]: {"level": "ERROR", "logger": "app.x", "message": "',
    "2026-11-20 12:00:00.123 | ERROR    | app.x:f:4 - ",
    "2026-11-20 12:00:00,123 | ERROR | app.x | ",
    "2026-11-20T12:00:00.123456Z [error    ] ",
    "20/11/2026 12:00:00 - app.x - ERROR - ",
    "1795176000.123 ERROR app.x ",
    "time=2026-11-20T12:00:00Z level=error msg=",
]


@pytest.mark.parametrize("head", UNKNOWN_HEADS)
def test_a_guard_behind_an_unknown_head_is_counted_as_not_understood(head):
    lines = [basic(message) for message in turn("conv_1")]
    lines += [head + outbox_guard("a")]
    traces = count(lines)
    assert (traces["unparsed"], traces["unparsed_guards"], traces["guards"]["incidents"]) == (1, 1, 0)


@pytest.mark.parametrize("head", UNKNOWN_HEADS)
@pytest.mark.parametrize("cut", ["", "..."])
def test_a_customer_makes_no_guard_that_is_not_understood(head, cut):
    text = f"Processing message for 5511900000001: \n{(head + outbox_guard('a'))[:49]}{cut}"
    lines = basic(text, logger="app.core.workflow").split("\n")
    traces = count([*lines, *(basic(message) for message in turn("conv_1"))])
    assert traces["unparsed_guards"] == 0


@pytest.mark.parametrize("head", UNKNOWN_HEADS)
def test_what_is_not_understood_counts_also_where_nothing_tells_when_it_was(head):
    """Of two workers one logs in another form: its file has no time that is known."""
    counter = Counter(NOW, since=NOW - 3600)
    counter.feed([as_json(message, at=NOW - 60) for message in turn("conv_1")])
    counter.start_of_file("second.log")
    counter.feed([head + message for message in turn("conv_2", status="failed")])
    traces = counter.result()
    assert (traces["delivery"]["success"], traces["unparsed"]) == (1, 6)


@pytest.mark.parametrize("write", [pipeline_turn, one_turn])
def test_the_later_grammars_behind_an_unknown_head_are_not_understood_either(write):
    counter = Counter(NOW, since=NOW - 3600)
    counter.feed([as_json(message, at=NOW - 60) for message in turn("conv_1")])
    counter.start_of_file("second.log")
    failed = write(Later(), NOW - 60, 1, "failed").lines("plain")
    counter.feed([f"Nov 20 12:00:00 host uvicorn[41]: {line}" for line in failed])
    traces = counter.result()
    assert traces["delivery"]["success"] == 1
    assert traces["unparsed"] >= 4


LOCAL = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOON))


@pytest.mark.parametrize(
    "record",
    [
        {"asctime": f"{LOCAL},250", "name": "app.x", "levelname": "INFO", "message": "{}"},
        {"timestamp": f"{LOCAL},250", "level": "INFO", "logger": "app.x", "message": "{}"},
        {"event": "{}", "level": "info", "logger": "app.x", "timestamp": "2026-11-20T12:00:00.25Z"},
        {"@timestamp": "2026-11-20T09:00:00.25-03:00", "levelname": "INFO", "name": "app.x", "msg": "{}"},
        {"ts": NOON + 0.25, "level": "info", "logger": "app.x", "msg": "{}"},
        {"time": int(NOON * 1000) + 250, "level": "info", "logger_name": "app.x", "msg": "{}"},
    ],
)
def test_formatters_of_json_call_their_fields_as_they_like(record):
    lines = [json.dumps(record).replace("{}", message) for message in turn("conv_1")]
    for log in (lines, [basic(message) for message in turn("conv_0")] + lines):
        traces = count(log)
        assert (traces["delivery"]["success"], traces["unparsed"]) == (len(log) // 6, 0)
        assert traces["last"] == "2026-11-20T12:00:00.250Z"


@pytest.mark.parametrize("level", [{}, {"level": "3A"}, {"level": "info"}, {"levelname": 7}])
def test_a_customers_name_is_no_logger(level):
    said = json.dumps({"timestamp": "2026-11-20T12:00:00Z", "name": "Maria", **level, "message": outbox_guard("a")})
    traces = count([*(basic(message) for message in turn("conv_1")), said])
    assert (traces["guards"]["incidents"], traces["delivery"]["success"]) == (0, 1)


@pytest.mark.parametrize("prefix", ["", "kumon_assistant  | "])
def test_a_customers_line_of_json_tells_no_time(prefix):
    forged = json.dumps({"msg": "", "ts": int(NOON) + 3600}, separators=(",", ":"))
    text = basic(f"Processing message for 5511900000001: a\n{forged}\nb...", logger="app.core.workflow").split("\n")
    lines = [as_json("tick", at=NOON), *text, *map(basic, turn("conv_1"))]
    assert count([prefix + line for line in lines])["last"] == "2026-11-20T12:00:00.000Z"


@pytest.mark.parametrize("value", [True, -5, 10**400, float("inf"), float("nan"), "12", "yesterday at noon", None])
def test_what_is_no_time_dates_nothing(value):
    line = json.dumps({"timestamp": value, "logger": "app.x", "message": send("conv_1")})
    assert count([line])["undated"] == 1


@pytest.mark.parametrize(
    "text", ["2026-11-20 the ERROR is at ", "ERROR app.core.x ", "Nov 20 12:00:00 host x: all is well: "]
)
def test_what_has_no_level_or_time_as_a_head_has_is_none(text):
    assert count([basic(message) for message in turn("conv_1")] + [text + outbox_guard("a")])["unparsed"] == 0


@pytest.mark.parametrize("colour", ["\x1b[31m{}\x1b[0m", "ERROR:a:\x1b[31m{}\x1b[0m", "\x1b[1mERROR\x1b[0m:a:{}"])
def test_colours_hide_nothing(colour):
    lines = [basic(message) for message in turn("conv_1")]
    guard = outbox_guard("a")
    line = colour.format(guard if "a:" in colour else basic(guard))
    assert count([*lines, line])["guards"]["incidents"] == 1


def test_a_part_of_a_line_that_is_too_long_is_no_record():
    long = "INFO:app.x:" + "y" * 16_400
    forged = basic(outbox_guard("a"))
    rows = [(long, "P"), (forged, "F"), *((basic(message), "F") for message in turn("conv_1"))]
    lines = [f"2026-11-20T12:00:00.000000001Z stderr {tag} {text}" for text, tag in rows]
    traces = count(lines)
    assert (traces["guards"]["incidents"], traces["delivery"]["success"]) == (0, 1)


def test_another_services_lines_in_a_compose_log_are_none_of_ours():
    lines = [f"kumon_assistant | {basic(message)}" for number in range(4) for message in turn(f"conv_{number}")]
    lines += [f"evil            | {outbox_guard('a')}"]
    assert count(lines)["guards"]["incidents"] == 0


@pytest.mark.parametrize("numbered", ["kumon_assistant_{}", "kumon-assistant-{}"])
def test_the_containers_of_one_service_in_a_compose_log_are_all_ours(numbered):
    lines = [f"{numbered.format(1)} | {basic(message)}" for number in range(4) for message in turn(f"conv_{number}")]
    lines += [f"{numbered.format(12)} | {basic(message)}" for message in turn("conv_9", status="failed")]
    lines += [f"evil-1            | {basic(outbox_guard('a'))}"]
    traces = count(lines)
    assert (traces["turns"]["success"], traces["turns"]["failed"], traces["guards"]["incidents"]) == (4, 1, 0)


def test_a_record_that_is_too_long_to_be_read_whole_counts_by_its_beginning():
    long = as_json(outbox_guard("a"))[:-1] + ', "state": "' + "x" * 70_000 + '"}'
    usual = [as_json(message) for message in turn("conv_1")]
    assert count([*usual, long, *usual])["guards"]["incidents"] == 1
    # A container's log has it in parts.
    row = "2026-11-20T12:00:00.000000001Z stderr {} {}"
    parts = [row.format("P", long[:16_000]), row.format("F", long[16_000:])]
    assert count([*parts, *(row.format("F", line) for line in usual)])["guards"]["incidents"] == 1


@pytest.mark.parametrize("lines", [["x"] * 60, [basic("a|b")] * 60, [b"\xff\xfe\x00", b"{" * 5000, b"|" * 70_000]])
def test_a_log_of_no_grammar_gives_no_event(lines):
    traces = count(lines)
    assert (traces["records"], traces["grammars"], traces["lines"]) == (0, {}, len(lines))
