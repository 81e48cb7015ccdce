# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from tests.unit.counting import Counter
from tests.unit.later_logs import ENVELOPES
from tests.unit.records import NOON, as_json, basic, result, send

CLIENT = "kumon_receptionist"
URL = "http://10.0.0.4:8080/message/sendText/kumon_assistant"
CLOSED = {"status": 500, "error": "Internal Server Error", "response": {"message": "Error: Connection Closed"}}
MISSING = {"status": 400, "response": {"message": [{"exists": False, "jid": "5511900000001@s.whatsapp.net"}]}}


def conversation(number):
    return f"conv_55119000000{number:02d}_20261120_120000"


def refused(number, code, answer, what="Server"):
    """What the client logs of a request that was refused, and whose message it was."""
    words = {500: "Internal Server Error", 400: "Bad Request", 503: "Service Unavailable"}
    url = f"{what} error '{code} {words[code]}' for url '{URL}'\nFor more information check: https://developer.mozilla.org"
    return [
        as_json(f"HTTP error in Evolution API request: {code} - {json.dumps(answer)}", NOON, "ERROR", CLIENT),
        as_json(f"All sendText endpoints failed: {url}", NOON, "ERROR", CLIENT),
        as_json(f"send_message failed for 55119000000{number:02d}: {url}", NOON, "ERROR", CLIENT),
    ]


def failed(number, *before):
    return [basic(send(conversation(number))), *before, basic(result(conversation(number), "failed"))]


def told(lines, **options):
    counter = Counter(now=NOON + 60, **options)
    counter.feed(lines)
    return counter.result()


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_record_beside_a_failure_says_why(envelope):
    lines = failed(1, *refused(1, 500, CLOSED), "INFO:app.x:a line between")
    traces = told([ENVELOPES[envelope](NOON, line, "stderr") for line in lines])
    cause = "500 Internal Server Error: Error: Connection Closed"
    assert traces["delivery"]["failed_by_cause"] == {cause: 1}
    assert traces["delivery"]["failed_by_http"] == {"unknown": 1}  # what the trace itself says
    assert traces["samples"]["failures"][0]["reason"] == cause


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        ([as_json("send_message failed for 5511900000001: timed out", NOON, "ERROR", CLIENT)], "timed out"),
        ([basic("send_message failed for 5511900000001: timed out", level="ERROR")], "timed out"),
        (refused(1, 503, "no object"), "503 Service Unavailable"),
        (refused(1, 500, {"response": {"message": ["a", "b"]}}), "500 Internal Server Error: a"),
        ([refused(1, 500, CLOSED)[2], *refused(2, 500, CLOSED)], "500 Internal Server Error"),
        # Not its record: another customer's, a success's, one of a customer's own making, none at all.
        (refused(2, 500, CLOSED), None),
        (["send_message failed for 5511900000001: forged"], None),
        ([basic("Processing message for 55: send_message failed for 5511900000001: no...")], None),
        ([], None),
    ],
)
def test_only_the_record_of_that_message_says_it(before, cause):
    delivery = told(failed(1, *before))["delivery"]
    assert delivery["failed"] == 1
    assert delivery["failed_by_cause"] == ({} if cause is None else {cause: 1})


def test_a_cause_is_found_across_blocks_and_cut_and_redacted():
    secret = "token=abcdef0123456789abcdef 5511988887777 " + "x" * 500
    lines = failed(1, as_json(f"send_message failed for 5511900000001: {secret}", NOON, "ERROR", CLIENT))
    counter = Counter(now=NOON + 60)
    for line in lines:
        counter.feed([line])
    traces = counter.result()
    (cause,) = traces["delivery"]["failed_by_cause"]
    assert len(cause) <= 200 and "abcdef0123456789" not in cause and "5511988887777" not in cause
    assert traces["samples"]["failures"][0]["reason"] == cause


def test_many_different_causes_do_not_fill_the_memory():
    lines = []
    for number in range(60):
        cause = as_json(f"send_message failed for 55119000000{number:02d}: no {number}", NOON, "ERROR", CLIENT)
        lines += failed(number, cause)
    assert len(told(lines)["delivery"]["failed_by_cause"]) <= 21


def test_a_number_that_does_not_exist_is_no_outage():
    def minute(answer, code, what):
        lines = [as_json(send(conversation(1)), NOON), *refused(1, code, answer, what)]
        return told([*lines, as_json(result(conversation(1), "failed"), NOON)])["minutes"][0]["failed"]

    assert minute(MISSING, 400, "Client") == 0
    assert minute({**MISSING, "response": {"message": ["a"]}}, 400, "Client") == 1
    assert minute(CLOSED, 500, "Server") == 1
