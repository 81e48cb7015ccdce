# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in gateway answers as the recorded servers did; every fault of it can be seen."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
import yaml

from tests.unit.assistant.support import ask, gateway_process

TABLE = yaml.safe_load((Path(__file__).parent / "evolution_api.yml").read_text(encoding="utf-8"))
VERSIONS = {"1.8.2": 1, "2.3.7": 2}
KEY = {"apikey": "test-global-key"}
KEYS = {
    "global": KEY,
    "wrong": {"apikey": "wrong"},
    "none": {},
    "bearer": {"Authorization": "Bearer test-global-key"},
}
TYPES = {
    "<id>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<token>": r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}",
    "<cuid>": r"c[0-9a-z]{24}",
    "<date>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<text>": r".+",
    "<manager url>": r"http://127\.0\.0\.1:\d+/manager",
}


def typed(wanted, got):
    """`got`, with the type's name wherever `wanted` has one and the value is of that type."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return {name: typed(wanted.get(name), value) for name, value in got.items()}
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [typed(one, other) for one, other in zip(wanted, got)]
    if isinstance(wanted, str) and isinstance(got, str) and re.fullmatch(TYPES.get(wanted, "(?!)"), got):
        return wanted
    return got


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """The answers to the whole table, asked in its order of one gateway for each version."""
    answers = {}
    for version, major in VERSIONS.items():
        with gateway_process(tmp_path_factory.mktemp("gateway"), major) as (url, _control):
            for row in TABLE[version]:
                method, path = row["request"].split(" ")
                answers[version, row["case"]] = ask(method, url + path, row.get("send"), KEYS[row["key"]])
    return answers


ROWS = [pytest.param(version, row, id=f"{version}-{row['case']}") for version in VERSIONS for row in TABLE[version]]


@pytest.mark.parametrize(("version", "row"), ROWS)
def test_answers_as_recorded(replayed, version, row):
    status, body = replayed[version, row["case"]]
    assert (status, typed(row["body"], body)) == (row["status"], row["body"])


@pytest.fixture(params=VERSIONS.values(), ids=VERSIONS.keys(), scope="module")
def gateway(request, tmp_path_factory):
    with gateway_process(tmp_path_factory.mktemp("gateway"), request.param, "kumon_assistant") as (url, control_file):
        yield Gateway(request.param, url, control_file)


class Gateway:
    def __init__(self, version, url, control_file):
        self.version, self.url, self.control_file = version, url, control_file

    def fault(self, **faults):
        self.control_file.write_text(json.dumps(faults), encoding="utf-8")

    def get(self, path, headers=None):
        return ask("GET", self.url + path, headers=headers or KEY)

    def send(self, number="5511900000001", instance="kumon_assistant"):
        body = {"number": number, **({"textMessage": {"text": "a"}} if self.version == 1 else {"text": "a"})}
        return ask("POST", f"{self.url}/message/sendText/{instance}", body, KEY)

    def counters(self):
        return self.get("/__stand_in/counters")[1]


@pytest.fixture(autouse=True)
def no_fault(request):
    if "gateway" in request.fixturenames:
        request.getfixturevalue("gateway").fault()


def test_counts_what_it_was_asked_to_send(gateway):
    before = gateway.counters()
    status, body = gateway.send("5511900000007")
    assert (status, body["status"], body["key"]["remoteJid"]) == (201, "PENDING", "5511900000007@s.whatsapp.net")
    assert gateway.send(instance="nope")[0] == 404
    after = gateway.counters()
    assert [after[name] - before[name] for name in ("asked", "accepted", "refused")] == [2, 1, 1]
    assert after["by_instance"]["nope"] == 1 + before["by_instance"].get("nope", 0)
    assert after["numbers"][-2:] == ["5511900000007", "5511900000001"]


def test_fail_rate_is_a_share_of_the_sends(gateway):
    gateway.fault(fail=503, fail_rate=0.2)
    answers = [gateway.send() for _unused in range(20)]
    assert sorted(status for status, _body in answers) == [201] * 16 + [503] * 4
    refusal = next(body for status, body in answers if status == 503)
    assert refusal == {"status": 503, "error": "Service Unavailable", "response": {"message": "Connection Closed"}}


@pytest.mark.parametrize("state", ["open", "connecting", "close", "absent"])
def test_state_decides_what_is_sent(gateway, state):
    gateway.fault(state=state)
    shown = {"instanceName": "kumon_assistant", "state": state}
    if state == "absent":
        del shown["state"]
    assert gateway.get("/instance/connectionState/kumon_assistant") == (200, {"instance": shown})
    assert gateway.send()[0] == (201 if state == "open" else 500)


def test_unlicensed_refuses_before_the_key_but_not_the_root(gateway):
    gateway.fault(unlicensed=True)
    assert gateway.get("/instance/fetchInstances", {"apikey": "wrong"}) == (503, {"code": "LICENSE_REQUIRED"})
    assert gateway.send()[0] == 503
    assert gateway.get("/")[0] == 200


def test_hang_delays_every_answer_but_the_counters(gateway):
    gateway.fault(hang=1.0)
    start = time.monotonic()
    assert gateway.get("/instance/connectionState/kumon_assistant")[0] == 200
    assert time.monotonic() - start >= 1
    start = time.monotonic()
    gateway.counters()
    assert time.monotonic() - start < 1


def test_an_instance_token_opens_its_own_instance_only(gateway):
    listed = gateway.get("/instance/fetchInstances")[1][0]
    token = listed["instance"]["apikey"] if gateway.version == 1 else listed["token"]
    assert gateway.get("/instance/connectionState/kumon_assistant", {"apikey": token})[0] == 200
    assert gateway.get("/instance/fetchInstances", {"apikey": token})[0] == 401


def test_a_misspelt_fault_is_an_error(gateway):
    gateway.fault(stat="close")
    assert gateway.get("/instance/connectionState/kumon_assistant")[0] == 500
