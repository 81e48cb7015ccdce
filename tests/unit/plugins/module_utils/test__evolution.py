# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each answer that a server can give, scripted; the whole of real versions is tried by the modules' tests."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _evolution, _evolution_act
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._http import Answer
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import finding_in_words

TOKEN = "PLANTED-TOKEN-0123"
URL = "http://gateway.example:8080"


def error(status, message, name="Not Found"):
    return Answer(
        "", "not_found" if status == 404 else "error", status, {"error": name, "response": {"message": message}}, ""
    )


def ok(body):
    return Answer("", "ok", 200, body, "HTTP 200")


def listed(name="kumon_assistant", status="open", major=2, **more):
    if major == 1:
        return ok([{"instance": {"instanceName": name, "status": status, "apikey": TOKEN}}])
    return ok([{"name": name, "connectionStatus": status, "token": TOKEN, **more}])


class Server:
    """Answers by path; a list is answered one after the other, its last for ever. An unplanned call fails the test."""

    def __init__(self, **answers):
        self.now, self.calls, self.slow = 0.0, [], 0.0
        self.answers = {"": ok({"version": "2.3.7"}), "fetchInstances": listed(), "connectionState": self.state("open")}
        self.answers.update(answers)
        self.host = Host(clock=lambda: self.now, sleep=self.sleep)

    @staticmethod
    def state(*states):
        bodies = [{"state": state} if state else {} for state in states]
        return [ok({"instance": body}) for body in bodies]

    def sleep(self, seconds):
        self.now += seconds

    def __call__(self, method, url, timeout, data=None, headers=None):
        path = url[len(URL) :].strip("/")
        self.calls.append((method, path, data, headers, timeout))
        self.now += min(self.slow, timeout)
        name = next((part for part in path.split("/") if part in self.answers), path)
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer


def params(**given):
    return {
        "url": URL, "instance": "kumon_assistant", "api_key": "k", "samples": 3, "interval": 0.5, "timeout": 10.0,
        "webhook_url": None, "probe_phone": None, "state": "restarted", "wait": 5.0, **given,
    }  # fmt: skip


def inspect(server, **given):
    found = _evolution.inspect(params(**given), server.host, server)
    # Who reads Portuguese is told the same.
    for finding in found["findings"]:
        assert finding_in_words(finding, "en") == finding["message"] != finding_in_words(finding, "pt_BR")
    return found


def first(found):
    return found["findings"][0]["check"], found["findings"][0]["message"]


@pytest.mark.parametrize("major", [1, 2])
def test_a_healthy_gateway_has_passed_every_check(major):
    server = Server(**{"": ok({"version": f"{major}.3.7"}), "fetchInstances": listed(major=major)})
    found = inspect(server)
    assert (found["healthy"], found["state"], found["major"]) == (True, "open", major)
    assert found["samples"] == ["open"] * 3
    assert found["findings"] == found["unknown"] == []


def test_samples_that_could_not_be_taken_say_nothing_of_the_instance():
    found = inspect(Server(connectionState=[*Server.state("open"), GONE]))
    assert (found["healthy"], found["findings"]) == (None, [])
    assert "state" in found["unknown"]


GONE = Answer("", "no_answer", None, {}, "no answer within 3.0 s")
HTML = Answer("", "not_json", 200, {}, "HTML")
DENIED = error(401, "Unauthorized")


@pytest.mark.parametrize(
    ("answers", "check", "says", "behind"),
    [
        ({"": GONE, "fetchInstances": GONE}, "reachable", "gives no answer", 6),
        ({"fetchInstances": HTML}, "api", "is not the Evolution API", 5),
        ({"fetchInstances": error(404, ["Cannot GET /instance"])}, "api", "Cannot GET /instance", 5),
        ({"fetchInstances": error(502, "Bad Gateway")}, "reachable", "HTTP 502", 6),
        ({"fetchInstances": Answer("", "error", 503, {"code": "LICENSE_REQUIRED"}, "")}, "licence", "no licence", 4),
        ({"fetchInstances": error(401, "Unauthorized"), "connectionState": [DENIED]}, "key", "key is refused (401)", 3),
        ({"fetchInstances": error(403, "Forbidden"), "connectionState": [DENIED]}, "key", "key is refused (403)", 3),
        ({"fetchInstances": ok([])}, "instance", "the server has no similar one", 2),
        ({"fetchInstances": listed("kumon_assistant ")}, "instance", "nearest that exists is 'kumon_assistant '", 2),
        ({"fetchInstances": listed("Kumon_Assistant")}, "instance", "nearest that exists is 'Kumon_Assistant'", 2),
        ({"fetchInstances": listed("kumon_asistant")}, "instance", "nearest that exists is 'kumon_asistant'", 2),
        ({"connectionState": Server.state("close")}, "state", "closed (3 of 3 samples)", 0),
        ({"connectionState": Server.state("connecting")}, "state", "stuck in connecting (3 of 3 samples)", 0),
        ({"connectionState": Server.state("open", "connecting", "open")}, "state", "is flapping", 1),
        (
            {"connectionState": [Answer("", "error", 500, {}, "HTTP 500"), *Server.state("connecting")]},
            "state",
            "stuck in connecting (2 of 3 samples)",
            0,
        ),
        ({"connectionState": Server.state(None)}, "state", "The state is missing", 0),
        ({"fetchInstances": listed(status="close")}, "agreement", "connectionState says open", 0),
        (
            {
                "fetchInstances": listed(status="close", disconnectionReasonCode=401),
                "connectionState": Server.state("close"),
            },
            "state",
            "needs a new QR code",
            1,
        ),
    ],
)
def test_the_first_check_that_fails_is_named_and_those_behind_it_are_unknown(answers, check, says, behind):
    found = inspect(Server(**{name: list(a) if isinstance(a, list) else a for name, a in answers.items()}))
    assert found["healthy"] is False
    assert first(found)[0] == check
    assert says in first(found)[1]
    assert len(found["unknown"]) == behind


def test_open_in_the_list_of_an_instance_that_is_not_is_told_too():
    found = inspect(Server(connectionState=Server.state("close")))
    assert [finding["check"] for finding in found["findings"]] == ["state", "agreement"]


def test_an_unknown_instance_with_a_wrong_key_is_a_wrong_key():
    server = Server(fetchInstances=error(401, "Unauthorized"), connectionState=[error(404, ["does not exist"])])
    assert first(inspect(server))[0] == "key"


def test_without_a_key_that_is_what_is_said():
    server = Server(fetchInstances=error(401, "Unauthorized"))
    assert first(inspect(server, api_key=""))[1].startswith("No API key is given")
    assert all(not call[3] for call in server.calls)


def test_a_slow_root_only_leaves_the_version_unknown():
    found = inspect(Server(**{"": GONE}))
    assert (found["healthy"], found["version"], found["major"]) == (True, None, 2)
    assert inspect(Server(**{"": GONE, "fetchInstances": listed(major=1)}))["major"] == 1


def test_it_ends_in_time_whatever_hangs():
    server = Server(**{"": GONE, "fetchInstances": GONE, "connectionState": GONE})
    server.slow = 100.0
    found = inspect(server)
    assert server.now <= 10.0
    assert found["healthy"] is False
    assert found["state"] == "unknown"


def test_the_address_is_told_also_when_nothing_was_asked_of_it_for_want_of_time():
    server = Server(**{"": GONE})
    server.slow = 100.0
    told = first(inspect(server, timeout=2.0))[1]
    assert told.startswith("The Evolution API at gateway.example:8080 gives no answer")
    assert told.endswith("; if it is up, check runbook_evolution_url.")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ok(None), "No webhook is set"),
        (ok({}), "No webhook is set"),
        (ok({"url": "http://app/hook", "enabled": False}), "switched off"),
        (ok({"url": "http://other/hook", "enabled": True}), "points at http://other/hook, not at http://app/hook"),
        (ok({"webhook": {"url": "http://app/hook/", "enabled": True}}), None),
    ],
)
def test_the_webhook_has_to_point_at_the_assistant(answer, says):
    found = inspect(Server(find=answer), webhook_url="http://app/hook")
    assert found["healthy"] is (says is None)
    if says:
        assert first(found) == ("webhook", first(found)[1])
        assert says in first(found)[1]


def test_a_webhook_that_cannot_be_read_is_unknown_and_not_healthy():
    found = inspect(Server(find=GONE), webhook_url="http://app/hook")
    assert (found["healthy"], found["unknown"]) == (None, ["webhook"])


@pytest.mark.parametrize(
    ("major", "body"), [(1, {"textMessage": {"text": _evolution._PROBE_TEXT}}), (2, {"text": _evolution._PROBE_TEXT})]
)
def test_the_probe_speaks_each_version(major, body):
    accepted = Answer("", "ok", 201, {"status": "PENDING", "key": {"id": TOKEN}}, "HTTP 201")
    server = Server(**{"": ok({"version": f"{major}.0"}), "sendText": accepted})
    found = inspect(server, probe_phone="5511988887777")
    assert found["probe"] == {"accepted": True, "status": "PENDING"}
    assert server.calls[-1][2] == {"number": "5511988887777", **body}


def test_a_refused_probe_is_a_finding_and_check_mode_sends_none():
    server = Server(sendText=error(500, "Connection Closed", "Internal Server Error"))
    assert first(inspect(server, probe_phone="5511988887777")) == (
        "probe",
        "The test message was refused: Connection Closed.",
    )
    found = inspect(Server(), probe_phone="5511988887777", check=True)
    assert (found["healthy"], found["unknown"]) == (None, ["probe"])


def test_a_probe_to_a_number_without_whatsapp_is_told_in_words():
    unknown = [{"jid": "5511988887777@s.whatsapp.net", "exists": False, "number": "5511988887777"}]
    server = Server(sendText=error(400, unknown, "Bad Request"))
    assert first(inspect(server, probe_phone="5511988887777")) == (
        "probe",
        "The test message was refused: the number is not on WhatsApp.",
    )


def test_neither_token_nor_key_nor_phone_nor_control_character_is_told():
    evil = "kumon\x1b[2J postgres://u:PLANTED@db 5511988887777"
    answers = [
        {"fetchInstances": listed(evil, disconnectionObject=TOKEN)},
        {"fetchInstances": listed(disconnectionReasonCode=401, disconnectionObject=TOKEN + "device_removed")},
        {"fetchInstances": error(500, [[evil]], evil)},
        {"": ok({"version": "2" + evil})},
    ]
    for answer in answers:
        text = json.dumps(inspect(Server(**answer), api_key="sk-secretsecretsecret"))
        for planted in (TOKEN, "sk-secret", "PLANTED", "\\u001b", "5511988887777"):
            assert planted not in text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": "ftp://x"}, "url cannot be used: it does not start with http:// or https://"),
        ({"instance": ""}, "instance is empty: name the WhatsApp instance"),
        ({"samples": 0}, "samples is 0; it must be 1 or more"),
        ({"timeout": -1.0}, "timeout is -1; it must not be negative"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(given, sentence):
    server = Server()
    with pytest.raises(Refused, match=sentence.replace("(", r"\(")):
        inspect(server, **given)
    assert server.calls == []


# ---------------------------------------------------------------- acting


def bring(server, check=False, **given):
    entries = []
    result = _evolution_act.bring(
        params(**given), server.host, check, lambda phase, **more: entries.append(phase), server
    )
    return result, entries


def acted(server):
    return [
        (method, path) for method, path, *_more in server.calls if re.search("restart|logout|instance/connect/", path)
    ]


@pytest.mark.parametrize(("version", "verb"), [("1.8.2", "PUT"), ("2.3.7", "POST")])
def test_each_version_is_restarted_by_its_own_verb(version, verb):
    server = Server(**{"": ok({"version": version}), "restart": ok({"instance": {"state": "open"}})})
    result, entries = bring(server)
    assert acted(server) == [(verb, "instance/restart/kumon_assistant")]
    assert (result["changed"], result["after"], entries) == (True, "open", ["begin", "outcome"])


def test_a_200_with_error_true_is_a_failure():
    server = Server(restart=ok({"error": True, "message": "[object Object]"}), connectionState=Server.state("close"))
    with pytest.raises(Failed, match="HTTP 200 with error: true .*new QR code"):
        bring(server)


def test_a_restart_counts_only_when_the_instance_is_open_again():
    server = Server(restart=ok({"count": 0}), connectionState=Server.state("connecting"))
    with pytest.raises(Failed, match="the instance is connecting 5 s after POST /instance/restart/kumon_assistant"):
        bring(server)
    flapping = Server(restart=ok({}))
    flapping.answers["connectionState"] = Server.state("close", "close", "open", "close", "open", "open", "open")
    assert bring(flapping)[0]["samples"] == ["open", "close", "open", "open", "open"]


def test_an_open_instance_needs_no_connecting():
    server = Server()
    assert bring(server, state="connected")[0]["changed"] is False
    assert acted(server) == []


def test_a_check_says_what_would_be_called_and_calls_nothing():
    server = Server()
    result, entries = bring(server, check=True)
    assert (result["planned"], result["changed"], entries) == ("POST /instance/restart/kumon_assistant", True, [])
    assert acted(server) == []


def test_the_version_is_told_by_the_list_where_the_root_is_silent():
    server = Server(**{"": GONE, "fetchInstances": listed(major=1), "restart": ok({})})
    assert bring(server)[0]["verb"] == "PUT"


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"connectionState": [GONE]}, "gives no answer"),
        ({"connectionState": [error(401, "Unauthorized")]}, "key is refused"),
        ({"connectionState": [HTML]}, "is not the Evolution API"),
        ({"connectionState": [error(404, ['The "x" instance does not exist'])]}, "does not exist"),
        ({"": GONE, "fetchInstances": GONE}, "tells the version"),
    ],
)
def test_it_is_refused_before_anything_was_done(answers, says):
    server = Server(**answers)
    with pytest.raises(Refused, match=f"nothing was done: .*{says}"):
        bring(server)
    assert acted(server) == []


def test_the_name_is_escaped_in_the_path():
    server = Server(connectionState=Server.state("open"), restart=ok({}))
    bring(server, instance="a b/../c")
    assert ("POST", "instance/restart/a%20b%2F..%2Fc") in acted(server)
    assert all("/../" not in path for path in itertools.chain.from_iterable(acted(server)))


def stoppable(*states, **answers):
    gone = ok({"status": "SUCCESS", "error": False})
    return Server(**{"connectionState": Server.state(*states), "logout": gone, "find": hook(), **answers})


def test_a_stop_logs_the_instance_out_and_is_believed_when_the_gateway_says_so():
    server = stoppable("open", "open", "close")
    result, entries = bring(server, state="stopped")
    assert acted(server) == [("DELETE", "instance/logout/kumon_assistant")]
    assert (result["changed"], result["samples"], entries) == (True, ["close"] * 3, ["begin", "outcome"])
    assert (result["before"], result["after"], result["webhook_kept"]) == ("open", "close", True)


def test_a_stop_that_is_acknowledged_and_not_done_is_a_failure():
    with pytest.raises(Failed, match="the instance is open 5 s after DELETE .*messages may still go out"):
        bring(stoppable("open"), state="stopped")
    # Neither is a state that nobody could read, nor one that comes and goes.
    with pytest.raises(Failed, match="the instance is unknown 5 s after DELETE"):
        bring(
            stoppable("open", "open", "unknown", connectionState=[*Server.state("open", "open"), GONE]), state="stopped"
        )
    with pytest.raises(Failed, match="the instance is (open|close, but not steadily) 5 s after DELETE"):
        bring(stoppable("open", *["open", "close"] * 20), state="stopped")
    with pytest.raises(Failed, match="5 s after DELETE .*messages may still go out"):
        bring(stoppable(*["open", "close"] * 20), state="stopped")


def test_a_stop_of_what_is_closed_calls_nothing():
    server = stoppable("close")
    result, entries = bring(server, state="stopped")
    assert (result["changed"], result["planned"], result["samples"], entries) == (False, None, ["close"] * 3, [])
    assert acted(server) == []


@pytest.mark.parametrize("then", ["connecting", "open"])
def test_what_is_closed_for_a_moment_is_logged_out_all_the_same(then):
    server = stoppable("close", "close", then, "close")
    result, entries = bring(server, state="stopped")
    assert acted(server) == [("DELETE", "instance/logout/kumon_assistant")]
    assert (result["changed"], result["samples"], entries) == (True, ["close"] * 3, ["begin", "outcome"])


def test_of_two_that_stop_it_the_second_one_has_done_it_as_well():
    refused = error(400, ['The "kumon_assistant" instance is not connected'], "Bad Request")
    assert bring(stoppable("open", "open", "close", logout=refused), state="stopped")[0]["after"] == "close"
    with pytest.raises(Failed, match="is not connected; messages may still go out"):
        bring(stoppable("open", logout=refused), state="stopped")


def test_a_check_of_a_stop_asks_and_calls_nothing():
    server = stoppable("open")
    result, entries = bring(server, check=True, state="stopped")
    assert (result["planned"], result["changed"], entries) == ("DELETE /instance/logout/kumon_assistant", True, [])
    assert bring(stoppable("close"), check=True, state="stopped")[0]["changed"] is False
    assert acted(server) == []


def test_a_webhook_that_is_lost_on_the_way_is_a_failure_that_names_it():
    server = stoppable("open", "open", "close", find=[hook(url="http://a/hook?key=planted-secret-1"), ok(None)])
    with pytest.raises(Failed, match="no longer the webhook that it had .*http://a/hook") as caught:
        bring(server, state="stopped")
    assert "planted-secret-1" not in str(caught.value)
    assert caught.value.result["webhook_kept"] is False
    for found in (ok(None), ok({}), GONE):
        assert bring(stoppable("open", "open", "close", find=found), state="stopped")[0]["webhook_kept"] is None


def test_what_waits_for_its_qr_code_is_not_back():
    server = Server(connect=ok({"count": 0, "code": "planted-qr"}), find=hook())
    server.answers["connectionState"] = Server.state("close", "close", "connecting")
    with pytest.raises(
        Failed, match="the instance is connecting 5 s after GET .*QR code: read it with the phone"
    ) as caught:
        bring(server, state="connected")
    assert "planted-qr" not in json.dumps([str(caught.value), caught.value.result])
    server.answers["connectionState"] = Server.state("close", "close", "connecting", "open")
    assert bring(server, state="connected")[0]["after"] == "open"


def test_a_webhook_whose_events_are_told_in_another_order_is_kept():
    there, back = hook(events=["MESSAGES_UPSERT", "A"]), hook(events=["A", "MESSAGES_UPSERT"])
    assert bring(stoppable("open", "open", "close", find=[there, back]), state="stopped")[0]["webhook_kept"] is True


def test_an_error_with_a_good_status_is_no_webhook_that_is_gone():
    answers = [hook(), ok({"error": True, "message": "busy"})]
    assert bring(stoppable("open", "open", "close", find=answers), state="stopped")[0]["webhook_kept"] is None


HOOK = "http://assistant.example/webhook"


def hook(**given):
    return ok({"enabled": True, "url": HOOK, "events": ["MESSAGES_UPSERT"], "webhookByEvents": False, **given})


@pytest.mark.parametrize("events", [["CONNECTION_UPDATE", "QRCODE_UPDATED"], []])
def test_a_webhook_without_the_message_event_tells_the_assistant_nothing(events):
    found = inspect(Server(find=hook(events=events)), webhook_url=HOOK)
    assert (found["healthy"], first(found)[0]) == (False, "webhook")
    assert "lack MESSAGES_UPSERT" in first(found)[1]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"events": ["messages.upsert"]},
        {"events": None},
        {"webhookByEvents": True},
        {"webhookByEvents": True, "url": HOOK.removesuffix("/messages-upsert")},
    ],
)
def test_a_webhook_with_the_message_event_is_well(given):
    assert inspect(Server(find=hook(**given)), webhook_url=HOOK)["healthy"] is True


def test_a_webhook_by_events_has_a_path_for_each():
    server = Server(find=hook(webhookByEvents=True))
    assert inspect(server, webhook_url=f"{HOOK}/messages-upsert")["healthy"] is True
    assert inspect(Server(find=hook()), webhook_url=f"{HOOK}/messages-upsert")["healthy"] is False


def test_a_token_in_the_webhooks_url_is_not_told():
    server = Server(find=hook(url=f"{HOOK}?token={TOKEN}"))
    found = inspect(server, webhook_url=f"http://other.example/webhook?token={TOKEN}")
    assert first(found)[1] == f"The webhook points at {HOOK}?***, not at http://other.example/webhook?***."
    assert TOKEN not in str(found)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer("", "ok", 201, {"key": {"id": "X"}, "status": "ERROR"}, "HTTP 201"), "status: ERROR"),
        (Answer("", "ok", 201, {"error": True, "message": "Connection Closed"}, "HTTP 201"), "Connection Closed"),
        (Answer("", "ok", 201, {"key": {"id": "X"}, "status": 0}, "HTTP 201"), "status: 0"),
        (Answer("", "ok", 200, {"status": 400, "response": {"message": ["no"]}}, "HTTP 200"), "status: 400"),
    ],
)
def test_a_probe_whose_body_says_no_is_refused(answer, says):
    found = inspect(Server(sendText=answer), probe_phone="5511999990000")
    assert (found["healthy"], found["probe"]["accepted"], first(found)[0]) == (False, False, "probe")
    assert says in first(found)[1]


@pytest.mark.parametrize("status", [200, 201])
def test_a_probe_that_is_pending_is_no_fault(status):
    answer = Answer("", "ok", status, {"key": {"id": "X"}, "status": "PENDING"}, f"HTTP {status}")
    found = inspect(Server(sendText=answer), probe_phone="5511999990000")
    assert (found["healthy"], found["probe"]) == (True, {"accepted": True, "status": "PENDING"})


@pytest.mark.parametrize(
    ("state", "says"), [("refused", "refuses the instance"), ("banned", "'banned' (3 of 3 samples), not open")]
)
def test_a_state_that_is_named_and_not_open_is_a_finding(state, says):
    found = inspect(Server(connectionState=Server.state(state), fetchInstances=listed(status=state)))
    assert (found["healthy"], found["state"], first(found)[0]) == (False, state, "state")
    assert says in first(found)[1]


def test_a_list_too_long_for_one_answer_is_asked_for_the_one_that_counts():
    long = Answer("", "not_json", 200, {}, "more than 8 MiB")
    server = Server(fetchInstances=long, **{"fetchInstances?instanceName=kumon_assistant": listed()})
    assert inspect(server)["healthy"] is True


@pytest.mark.parametrize("answer", [ok([]), error(404, ["The instance does not exist"])])
def test_an_instance_that_is_not_there_is_told_of_a_list_too_long(answer):
    long = Answer("", "not_json", 200, {}, "more than 8 MiB")
    found = inspect(Server(fetchInstances=long, **{"fetchInstances?instanceName=kumon_assistant": answer}))
    assert (found["exists"], first(found)[0]) == (False, "instance")
    assert "too many to look for a similar one" in first(found)[1]


def test_a_gateway_that_wants_a_pause_gets_it_and_is_not_down():
    busy = Answer("", "error", 429, {}, "HTTP 429, again after 2 s", 2.0)
    server = Server(fetchInstances=[busy, listed()])
    assert (inspect(server)["healthy"], server.now >= 2) == (True, True)
    found = inspect(Server(fetchInstances=busy._replace(retry_after=60.0)))
    assert (found["reachable"], found["healthy"], first(found)[0]) == (True, False, "api")
    assert "no more questions for now" in first(found)[1]


@pytest.mark.parametrize(
    "body",
    [
        {"error": True, "message": "Connection to the database is lost"},
        {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}},
        {},
        [None],
        ["kumon_assistant"],
        [{"id": "1", "name": None}],
    ],
)
def test_what_is_no_list_of_instances_does_not_say_that_one_is_missing(body):
    found = inspect(Server(fetchInstances=ok(body)))
    assert (found["healthy"], found["exists"], first(found)[0]) == (False, None, "api")


@pytest.mark.parametrize("name", ["instances", "data", "response"])
def test_a_list_that_stands_in_an_object_is_read(name):
    rows = [None, {"name": "kumon_assistant_2", "connectionStatus": "close"}, *listed().json]
    assert inspect(Server(fetchInstances=ok({name: rows})))["healthy"] is True


def test_the_key_of_another_instance_lists_that_one_and_says_nothing_of_ours():
    found = inspect(Server(fetchInstances=listed("other"), connectionState=[error(401, "Unauthorized")]))
    assert (found["key_valid"], found["exists"], first(found)[0]) == (False, None, "key")


@pytest.mark.parametrize(("version", "healthy", "unknown"), [("1.8.2", True, []), ("2.3.7", None, ["agreement"])])
@pytest.mark.parametrize("status", [401, 403])
def test_an_instances_own_key_that_may_list_nothing_is_a_key_all_the_same(version, healthy, unknown, status):
    server = Server(**{"": ok({"version": version}), "fetchInstances": error(status, "Missing global api key")})
    found = inspect(server)
    assert (found["key_valid"], found["exists"], found["state"]) == (True, True, "open")
    assert (found["healthy"], found["unknown"], found["findings"]) == (healthy, unknown, [])


def test_an_instances_own_key_tells_that_the_instance_is_closed():
    found = inspect(Server(fetchInstances=DENIED, connectionState=Server.state("close")))
    assert (found["healthy"], first(found)[0]) == (False, "state")


@pytest.mark.parametrize(
    "body",
    [
        {"other": {"connectionStatus": "close"}, "kumon_assistant": {"connectionStatus": "open"}},
        {"status": 200, "data": {"instances": [{"name": "kumon_assistant", "connectionStatus": "open"}]}},
    ],
)
def test_instances_are_found_in_a_mapping_by_their_names_and_deep_in_an_answer(body):
    assert inspect(Server(fetchInstances=ok(body)))["healthy"] is True


def test_an_error_in_the_place_of_the_instances_is_none_of_them():
    found = inspect(Server(fetchInstances=ok({"error": {"status": "failed"}})))
    assert (found["exists"], first(found)[0]) == (None, "api")


@pytest.mark.parametrize(
    ("url", "wanted", "healthy"),
    [
        ("http://app/hook?apikey=PLANTED", "http://app/hook", True),
        ("http://app/hook/?apikey=PLANTED", "http://app/hook", True),
        ("http://localhost:8000/hook", "http://127.0.0.1:8000/hook", True),
        ("http://app/hook?apikey=old", "http://app/hook?apikey=new", False),
        ("http://app/hook", "http://app/hook?apikey=new", False),
        ("http://app/other?apikey=PLANTED", "http://app/hook", False),
    ],
)
def test_a_webhook_points_there_also_with_a_key_behind_it(url, wanted, healthy):
    found = inspect(Server(find=ok({"url": url, "enabled": True})), webhook_url=wanted)
    assert found["healthy"] is healthy
    assert "PLANTED" not in str(found)


def test_the_state_of_another_instance_is_not_ours():
    other = ok({"instance": {"instanceName": "kumon_assistant_2", "state": "close"}})
    found = inspect(Server(connectionState=other))
    assert (found["healthy"], found["state"], found["findings"]) == (None, "unknown", [])


def test_a_list_too_long_and_an_answer_of_another_shape_are_no_crash():
    long = Answer("", "not_json", 200, {}, "more than 8 MiB")
    gone = Answer("", "not_found", 404, ["Not Found"], "HTTP 404")
    found = inspect(Server(fetchInstances=long, **{"fetchInstances?instanceName=kumon_assistant": gone}))
    assert (found["healthy"], first(found)[0]) == (False, "api")


@pytest.mark.parametrize("key", ["k\n", "k\r\nx: y", "chave-€"])
def test_a_key_that_no_header_can_have_is_refused_and_no_gateway_that_is_down(key):
    server = Server()
    with pytest.raises(Refused, match="api_key cannot be sent: a value has a line break"):
        inspect(server, api_key=key)
    assert server.calls == []


def test_a_certificate_that_this_host_does_not_trust_is_no_gateway_that_is_down():
    untrusted = Answer(URL, "no_answer", None, {}, "its certificate is not trusted here")
    found = inspect(Server(**{"": untrusted, "fetchInstances": untrusted}))
    assert (found["reachable"], first(found)[0]) == (None, "api")
    assert "gateway.example:8080 cannot be trusted" in first(found)[1]


@pytest.mark.parametrize(
    "body", [{"error": True, "message": "busy"}, {"status": 503}, [{}, {}], "on", {"url": HOOK, "enabled": None}]
)
def test_an_answer_that_tells_no_webhook_leaves_it_unknown(body):
    found = inspect(Server(find=ok(body)), webhook_url=HOOK)
    assert (found["healthy"], found["findings"], found["unknown"]) == (None, [], ["webhook"])


@pytest.mark.parametrize(
    "body",
    [
        [{"url": HOOK, "enabled": True, "events": ["MESSAGES_UPSERT"]}],
        {"webhook": {"url": "HTTP://Assistant.Example:80/webhook/", "enabled": "true"}},
    ],
)
def test_a_webhook_is_the_same_in_each_way_to_tell_it(body):
    assert inspect(Server(find=ok(body)), webhook_url=HOOK)["healthy"] is True


def test_a_webhook_that_is_off_in_words_is_off():
    found = inspect(Server(find=hook(enabled="false")), webhook_url=HOOK)
    assert "switched off" in first(found)[1]


@pytest.mark.parametrize(
    "answer",
    [
        *(GONE, ok(None), ok([]), ok({})),
        Answer("", "not_json", 204, {}, "nothing but an empty body"),
        Answer("", "not_json", 200, {}, "HTML"),
        Answer("", "not_json", 504, {}, "HTML"),
    ],
)
def test_a_test_message_that_nobody_speaks_of_is_neither_accepted_nor_refused(answer):
    found = inspect(Server(sendText=answer), probe_phone="5511999990000")
    assert (found["healthy"], found["probe"]["accepted"]) == (False, None)
    assert "is not known" in first(found)[1]


def test_without_time_to_hear_of_it_no_test_message_is_sent():
    server = Server()
    server.slow = 1.9
    found = inspect(server, probe_phone="5511999990000")
    assert (found["findings"], found["unknown"]) == ([], ["probe"])
    assert not any("sendText" in call[1] for call in server.calls)
