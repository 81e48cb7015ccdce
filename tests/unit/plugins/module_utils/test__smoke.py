# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of one message, and what it proves; against the assistant itself in tests/unit/assistant."""

from __future__ import annotations

import copy
import json
import threading
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _http, _smoke
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._smoke import MessageBalance, is_over
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader
from ansible_collections.kumon.runbook.plugins.plugin_utils import _smoke_test
from ansible_collections.kumon.runbook.plugins.plugin_utils._smoke_test import judge

from tests.unit.records import (
    basic,
    instance_guard,
    instance_trace,
    outbox,
    outbox_guard,
    result,
    send,
    turn,
)

PHONE = "5511988887777"
CONV = f"conv_{PHONE}_20261122_101226"
OTHER = "conv_5511900000001_20261122_101226"


def counted(*messages, instance="kumon_assistant", lines=()):
    now = time.time()
    balance = MessageBalance(PHONE, instance, "RUNBOOK1", now)
    reader = TraceReader(balance, StampReader(now), now)
    reader.feed("\n".join([*map(basic, messages), *lines]).encode())
    balance.result = lambda result=balance.result: {**result(), "lines": reader.lines}
    return balance


def sent(*messages, accepted=True, settled=True):
    """What the module returns for a message of which the log says this."""
    counter = counted(*messages)
    return {
        "message": {"accepted": accepted, "detail": "HTTP 200"},
        "traces": counter.result(),
        "strays": counter.strays,
        "settled": settled,
        "quiet_seconds": 5.0,
    }


def told(judged):
    return {item["step"]: item["had"] for item in judged["steps"]}


# ------------------------------------------------------------ whose trace


def test_only_the_phones_own_traces_count():
    counter = counted(*turn(OTHER), *turn(CONV), *turn(OTHER, "i2"), *turn("conv_" + PHONE[:-1] + "_1_1"))
    assert counter.observed == {"planned": 1, "read": 1, "sent": 1, "settled": 1}


def test_what_comes_late_of_an_older_message_is_told_apart():
    counter = counted(send(CONV, "old"), outbox("planner", CONV, 1, "new"), result(CONV, idem="old"))
    assert counter.observed == {"planned": 1, "read": 0, "sent": 0, "settled": 0}
    assert counter.strays == 2


def test_an_older_messages_delivery_does_not_pass_for_this_one():
    late = [outbox("delivery", CONV, 1, "old"), instance_trace(CONV, idem="old"), send(CONV, "old")]
    assert judge(sent(outbox("planner", CONV, 1, "new"), *late), "full", "kumon_assistant")["reason"] == "not_read"


def test_values_with_bars_and_carriage_returns_are_read_as_elsewhere():
    odd = f"conv|{PHONE}_{PHONE}"
    counter = counted(*[message + "\r" for message in turn(odd)])
    assert counter.observed == {"planned": 1, "read": 1, "sent": 1, "settled": 1}


def test_text_that_a_customer_wrote_is_no_trace_of_the_message():
    text = f"INFO:app.core.workflow:Processing message for 55: {outbox('planner', CONV, 1)}..."
    assert counted(lines=[text]).observed["planned"] == 0


# ----------------------------------------------------------------- judging


def test_a_message_passes_where_every_step_was_seen():
    judged = judge(sent(*turn(CONV)), "full", "kumon_assistant")
    assert (judged["status"], judged["reason"], judged["mode"]) == ("passed", "delivered", "full")
    assert told(judged) == dict.fromkeys(_smoke_test.STEPS, True)


@pytest.mark.parametrize(
    ("headers", "lines", "reason"),
    [
        ({}, [result(OTHER)], "no_key"),
        ({"X-Other": "k"}, [result(OTHER)], "no_key"),
        ({"apikey": ""}, [result(OTHER)], "no_key"),
        ({"apikey": "k"}, [result(OTHER)], "not_planned"),
        ({"Authorization": "k"}, [result(OTHER)], "not_planned"),
        # Where nothing came to the log, the log is the first thing to look at; what was planned needed no key.
        ({}, [], "log_silent"),
        ({}, turn(CONV), "delivered"),
    ],
)
def test_a_message_without_key_that_is_not_planned_says_so(headers, lines, reason):
    told_by_module = sent(*lines)
    told_by_module["message"]["keyed"] = _smoke.keyed(headers)
    assert judge(told_by_module, "full", "kumon_assistant")["reason"] == reason


READ = [outbox("planner", CONV, 0), outbox("planner", CONV, 1), outbox("delivery", CONV, 1)]


@pytest.mark.parametrize(
    ("messages", "reason", "step"),
    [
        ([], "log_silent", "planned"),
        ([result(OTHER)], "not_planned", "planned"),
        ([outbox("planner", CONV, 0)], "not_planned", "planned"),
        (READ[:2], "not_read", "read"),
        # The emergency text goes out and is delivered, which makes nothing good.
        ([*READ[:2], outbox("delivery", CONV, 0, state=9), *turn(CONV)[3:]], "lost_handoff", "read"),
        ([*READ[:2], outbox("delivery", CONV, 0), outbox_guard(CONV)], "guard", "read"),
        ([*turn(CONV), outbox_guard(CONV, "other")], "guard", "read"),
        ([*READ[:2], outbox("delivery", CONV, 1, state=9), *turn(CONV)[3:]], "state_mismatch", "read"),
        ([*turn(CONV), outbox("planner", CONV, 1, "i2")], "not_read", "read"),
        ([*READ, instance_trace(CONV, "thread_1"), instance_guard(CONV, "thread_1")], "wrong_instance", "instance"),
        ([*READ, instance_trace(CONV, ""), send(CONV, instance=""), result(CONV)], "wrong_instance", "instance"),
        ([*READ, instance_trace(CONV, "another"), send(CONV), result(CONV)], "wrong_instance", "instance"),
        ([*READ, instance_trace(CONV), send(CONV, instance="another"), result(CONV)], "wrong_instance", "instance"),
        ([*READ, instance_trace(CONV, "no state", "error"), send(CONV), result(CONV)], "wrong_instance", "instance"),
        ([*turn(CONV), instance_guard(CONV, "default")], "wrong_instance", "instance"),
        ([*turn(CONV), instance_guard(CONV, "x").replace("|value=x", "")], "wrong_instance", "instance"),
        (READ, "no_instance", "instance"),
        ([*READ, instance_trace(CONV)], "nothing_sent", "sent"),
        ([*READ, instance_trace(CONV), send(CONV)], "no_result", "result"),
        ([*turn(CONV), send(CONV)], "no_result", "result"),
        (turn(CONV, status="failed"), "delivery_failed", "result"),
        ([*turn(CONV), *turn(CONV, "i2", "failed")], "delivery_failed", "result"),
    ],
)
def test_a_message_fails_by_the_first_thing_that_is_wrong(messages, reason, step):
    judged = judge(sent(*messages), "full", "kumon_assistant")
    assert (judged["status"], judged["reason"]) == ("unproven" if reason == "log_silent" else "failed", reason)
    assert told(judged)[step] is False


def test_the_emergency_text_counts_as_no_step_of_the_message():
    lost = [*READ[:2], outbox("delivery", CONV, 0), *turn(CONV)[3:]]
    had = told(judge(sent(*lost), "full", "kumon_assistant"))
    assert (had["read"], had["sent"], had["result"]) == (False, False, None)


def test_a_message_that_the_webhook_did_not_take_fails_whatever_the_log_says():
    judged = judge(sent(*turn(CONV), accepted=False), "full", "kumon_assistant")
    assert (judged["status"], judged["reason"]) == ("failed", "not_accepted")


def test_a_message_that_was_planned_was_taken_also_where_the_webhook_answers_never():
    given = sent(*turn(CONV), accepted=False)
    given["message"].update(http=None, detail="no answer within 20 s")
    judged = judge(given, "full", "kumon_assistant")
    assert (judged["status"], told(judged)["accepted"]) == ("passed", True)
    nothing = sent(accepted=False)
    nothing["message"].update(http=None, detail="no answer within 20 s")
    assert judge(nothing, "full", "kumon_assistant")["reason"] == "not_accepted"


def test_under_the_kill_switch_a_message_passes_where_it_was_read_and_nothing_sent():
    judged = judge(sent(*READ), "processed_only", "kumon_assistant")
    assert (judged["status"], judged["reason"]) == ("passed", "not_sent")
    assert told(judged) == {**dict.fromkeys(_smoke_test.STEPS, True), "instance": None, "result": None}
    traced = judge(sent(*READ, instance_trace(CONV)), "processed_only", "kumon_assistant")
    assert (traced["status"], told(traced)["instance"]) == ("passed", True)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (turn(CONV), "sent_under_kill_switch"),
        (turn(CONV, status="failed"), "sent_under_kill_switch"),
        ([*READ, send(CONV)], "sent_under_kill_switch"),
        ([*READ, result(CONV)], "sent_under_kill_switch"),
        ([send(CONV, "old"), *READ], "sent_under_kill_switch"),
        ([*READ[:2], outbox("delivery", CONV, 0)], "lost_handoff"),
        ([*READ, instance_trace(CONV, "default")], "wrong_instance"),
        (READ[:2], "not_read"),
        ([], "log_silent"),
    ],
)
def test_under_the_kill_switch_everything_else_fails(messages, reason):
    judged = judge(sent(*messages), "processed_only", "kumon_assistant")
    assert (judged["status"] != "passed", judged["reason"]) == (True, reason)


def test_that_nothing_went_out_is_not_claimed_before_it_is_known():
    judged = judge(sent(*READ, settled=False), "processed_only", "kumon_assistant")
    assert (judged["status"], judged["reason"]) == ("unproven", "too_short")


def test_an_expected_instance_that_looks_like_a_phone_is_found_again():
    number = "5511977776666"
    lines = [*READ, instance_trace(CONV, number), send(CONV, instance=number), result(CONV, instance=number)]
    given = {**sent(), "traces": counted(*lines, instance=number).result()}
    assert judge(given, "full", number)["status"] == "passed"


def test_judging_is_pure():
    given = sent(*turn(CONV))
    before = copy.deepcopy(given)
    assert judge(given, "full", "kumon_assistant") == judge(given, "full", "kumon_assistant")
    assert given == before


# ----------------------------------------------------------- when it is over


def progress(**known):
    return {**dict.fromkeys(("planned", "read", "lost", "guards", "sent", "settled", "strays"), 0), **known}


@pytest.mark.parametrize(
    ("known", "idle", "quiet", "over"),
    [
        ({}, 100, 1, False),
        ({"planned": 1}, 100, 1, False),
        ({"planned": 1, "read": 1}, 100, None, False),
        ({"planned": 1, "read": 1}, 4.9, 5, False),
        ({"planned": 1, "read": 1}, 5, 5, True),
        ({"planned": 1, "lost": 1}, 5, 5, True),
        ({"planned": 1, "read": 1, "sent": 1}, 100, 5, False),
        ({"planned": 1, "read": 1, "sent": 1, "settled": 1}, 0.4, None, False),
        ({"planned": 1, "read": 1, "sent": 1, "settled": 1}, 0.5, None, True),
        ({"planned": 2, "read": 1, "sent": 1, "settled": 1}, 100, None, False),
        ({"planned": 1, "lost": 1, "guards": 1}, 0.5, None, False),
        ({"planned": 1, "lost": 1, "guards": 1}, 1, None, True),
        ({"planned": 1, "read": 1, "guards": 1, "sent": 1}, 100, None, False),
    ],
)
def test_a_message_is_followed_until_nothing_more_can_come(known, idle, quiet, over):
    assert is_over(progress(**known), idle, quiet) is over


# ------------------------------------------------------------ what is refused

PARAMS = {
    "webhook_url": "http://127.0.0.1:9/hook",
    "headers": {},
    "phone": PHONE,
    "instance": "kumon_assistant",
    "text": "Teste {id}",
    "source": "file",
    "paths": [],
    "unit": None,
    "wait": 2.0,
    "quiet": None,
}


@pytest.fixture
def params(tmp_path):
    log = tmp_path / "app.log"
    log.write_text(basic(result(CONV)) + "\n")
    return {**PARAMS, "paths": [str(log)]}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"webhook_url": "127.0.0.1/x"}, "it does not start with http:// or https://): correct runbook_webhook_url"),
        ({"phone": ""}, "smoke_test_phone is no phone number"),
        ({"phone": "551198888"}, "smoke_test_phone is no phone number"),
        ({"phone": "+5511988887777"}, "smoke_test_phone is no phone number"),
        ({"phone": "1" * 16}, "smoke_test_phone is no phone number"),
        ({"phone": "5511988887777\n"}, "smoke_test_phone is no phone number"),
        ({"phone": "٥٥١١٩٨٨٨٨٧٧٧٧"}, "smoke_test_phone is no phone number"),
        ({"instance": "a b"}, "'a b' is no name of an instance: correct runbook_evolution_instance"),
        ({"instance": ""}, "'' is no name of an instance"),
        ({"text": " "}, "the text of the message is empty: set smoke_test_text"),
        ({"wait": 0.5}, "wait must be between 1 and 600 seconds, not 0.5"),
        ({"wait": float("nan")}, "wait must be between 1 and 600 seconds, not nan"),
        ({"quiet": 3.0}, "quiet must be above 0 and at most wait (2 s), not 3"),
        ({"quiet": 0.0}, "quiet must be above 0 and at most wait (2 s), not 0"),
        ({"headers": {"a b": "c"}}, "a header of the webhook is malformed: correct smoke_test_webhook_headers"),
        ({"headers": {"a": "c\r\nd: e"}}, "a header of the webhook is malformed"),
        ({"paths": ["/nowhere/app.log"]}, "the log /nowhere/app.log does not exist; correct runbook_log_paths"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_sent(params, monkeypatch, given, sentence):
    monkeypatch.setattr(_http, "post_json", lambda *_arguments: pytest.fail("it was sent"))
    with pytest.raises(Refused) as refused:
        _smoke.send({**params, **given}, Host())
    assert sentence in str(refused.value)
    assert PHONE not in str(refused.value)


def answer(kind="ok", status=200, said=None, detail="HTTP 200"):
    return _http.Answer(PARAMS["webhook_url"], kind, status, said or {}, detail)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (answer("refused", None, detail="connection refused"), "nothing listens at http://127.0.0.1:9/hook: start the"),
        (answer("not_json", 200, detail="HTML"), "answers HTML, it is not the assistant's webhook: correct runbook_"),
        (answer("not_found", 404), "answers HTTP 404, there is no webhook: correct runbook_webhook_url"),
        (answer("error", 405), "answers HTTP 405, there is no webhook: correct runbook_webhook_url"),
        (answer("not_json", 308, detail="nothing"), "redirects (HTTP 308): set runbook_webhook_url to where the web"),
        (answer("error", 401), "answers HTTP 401: give what it wants to see in smoke_test_webhook_headers"),
    ],
)
def test_what_cannot_be_the_webhook_is_refused_at_once(params, monkeypatch, given, sentence):
    monkeypatch.setattr(_http, "post_json", lambda *_arguments: given)
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        _smoke.send({**params, "wait": 30.0}, Host())
    assert sentence in str(refused.value)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("given", "took", "detail"),
    [
        (answer(said={"status": "accepted"}), True, "HTTP 200, accepted"),
        (answer("not_json", 200, detail="nothing but an empty body"), True, "HTTP 200"),
        (answer("not_json", 204, detail="nothing but an empty body"), True, "HTTP 204"),
        (answer("error", 500, {"status": "error"}), False, "HTTP 500, error"),
        (answer("error", 422), False, "HTTP 422"),
        (answer("not_json", 502, detail="HTML"), False, "HTTP 502"),
        (answer("no_answer", None, detail="no answer (RemoteDisconnected)"), False, "no answer (RemoteDisconnected)"),
    ],
)
def test_whether_the_webhook_took_it(params, monkeypatch, given, took, detail):
    monkeypatch.setattr(_http, "post_json", lambda *_arguments: given)
    result = _smoke.send({**params, "wait": 1.0}, Host())
    assert (result["message"]["accepted"], result["message"]["detail"]) == (took, detail)
    assert result["seconds"] < 0.5 or took


# ------------------------------------------------------------ send and follow


class Assistant:
    """A webhook that writes these lines to the log when it is posted to."""

    def __init__(self, params, *lines, monkeypatch, hang=0.0, end="\n"):
        self.log, self.lines, self.hang, self.end, self.posted = params["paths"][0], lines, hang, end, []
        monkeypatch.setattr(_http, "post_json", self.post)

    def post(self, url, data, timeout, headers):
        self.posted.append((url, data, headers))
        with open(self.log, "a") as file:
            file.write("".join(basic(line) + self.end for line in self.lines))
        if self.hang:
            threading.Event().wait(self.hang)
        return answer(said={"status": "accepted"})


def test_a_message_is_sent_as_the_gateway_sends_it_and_its_own_traces_come_back(params, monkeypatch):
    assistant = Assistant(params, *turn(CONV), monkeypatch=monkeypatch)
    result = _smoke.send({**params, "wait": 30.0, "headers": {"apikey": 5}}, Host())
    ((url, data, headers),) = assistant.posted
    key = data["data"]["key"]
    assert (url, headers, data["event"]) == (params["webhook_url"], {"apikey": "5"}, "messages.upsert")
    assert (key["remoteJid"], key["fromMe"]) == (f"{PHONE}@s.whatsapp.net", False)
    assert data["data"]["message"] == {"conversation": f"Teste {key['id']}"}
    assert result["message"]["id"] == key["id"]
    # What stood in the log before counts as nothing.
    assert result["traces"]["delivery"]["success"] == 1
    assert (result["settled"], result["seconds"] < 15) == (True, True)
    assert PHONE not in json.dumps(result)
    assert result["message"]["phone"] == "***7777"


def test_each_message_has_an_id_of_its_own(params, monkeypatch):
    Assistant(params, *turn(CONV), monkeypatch=monkeypatch)
    assert len({_smoke.send(params, Host())["message"]["id"] for _time in range(3)}) == 3


def test_a_webhook_that_answers_late_or_never_does_not_stop_the_following(params, monkeypatch):
    Assistant(params, *turn(CONV), monkeypatch=monkeypatch, hang=30)
    result = _smoke.send({**params, "wait": 1.0}, Host())
    assert (result["traces"]["delivery"]["success"], result["message"]["accepted"]) == (1, False)
    assert result["message"]["detail"] == "no answer within 1 s"
    assert result["seconds"] < 15


def test_a_check_run_sends_nothing_and_checks_the_rest(params, monkeypatch):
    monkeypatch.setattr(_http, "post_json", lambda *_arguments: pytest.fail("it was sent"))
    result = _smoke.send(params, Host(), check_mode=True)
    assert (result["message"]["sent"], result["traces"]) == (False, None)
    with pytest.raises(Refused, match="does not exist"):
        _smoke.send({**params, "paths": ["/nowhere"]}, Host(), check_mode=True)
    with pytest.raises(ValueError, match="nothing was sent"):
        judge(result, "full", "kumon_assistant")


@pytest.mark.parametrize("skew", [-600, 600])
def test_the_logs_clock_may_be_ten_minutes_off(params, monkeypatch, skew):
    from tests.unit.records import as_json

    assistant = Assistant(params, monkeypatch=monkeypatch)
    with open(assistant.log, "a") as file:
        file.write("\n")

    def post(*_arguments):
        with open(assistant.log, "a") as file:
            file.write("".join(as_json(line, at=time.time() + skew) + "\n" for line in turn(CONV)))
        return answer()

    monkeypatch.setattr(_http, "post_json", post)
    assert judge(_smoke.send(params, Host()), "full", "kumon_assistant")["status"] == "passed"


def test_a_log_that_cannot_be_read_any_more_is_said(params, monkeypatch):
    Assistant(params, monkeypatch=monkeypatch)

    def fail(*_arguments):
        raise _smoke.SourceError("cannot read the log x: Input/output error")

    monkeypatch.setattr(_smoke.Tail, "read", fail)
    with pytest.raises(Refused, match="the message was sent and cannot be followed any more: cannot read the log x"):
        _smoke.send(params, Host())
