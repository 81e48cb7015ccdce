# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Against the stand-in gateway, which answers as the recorded servers did."""

from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.modules import evolution_instance_info

from tests.unit.assistant.support import gateway_process
from tests.unit.plugins.service_fakes import run_module

KEY = "test-global-key"


@pytest.fixture(params=[1, 2], scope="module")
def server(request, tmp_path_factory):
    with gateway_process(tmp_path_factory.mktemp("gateway"), request.param, "kumon_assistant") as (url, control):
        yield request.param, url, lambda **fault: control.write_text(json.dumps(fault))


@pytest.fixture
def gateway(server):
    """The gateway without a fault."""
    server[-1]()
    return server


def ask(url, **given):
    return run_module(
        evolution_instance_info,
        {"url": url, "instance": "kumon_assistant", "api_key": KEY, "interval": 0.01, **given},
    )


def test_a_connected_instance_is_healthy_in_both_versions(gateway):
    major, url, _fault = gateway
    found = ask(url, probe_phone="5511988887777")
    assert found["changed"] is False
    assert (found["evolution"]["healthy"], found["evolution"]["major"]) == (True, major)
    assert found["evolution"]["version"] == {1: "1.8.2", 2: "2.3.7"}[major]
    assert found["evolution"]["probe"]["status"] == "PENDING"
    assert "5511988887777" not in json.dumps(found)


@pytest.mark.parametrize(
    ("fault", "given", "check"),
    [
        ({"state": "close"}, {}, "state"),
        ({"state": "connecting"}, {}, "state"),
        ({"state": "absent"}, {}, "state"),
        ({"unlicensed": True}, {}, "licence"),
        ({"hang": 5}, {"timeout": 1}, "reachable"),
        ({}, {"api_key": "wrong-key"}, "key"),
        ({}, {"instance": "kumon_assistant "}, "instance"),
        ({}, {"webhook_url": "http://127.0.0.1/hook"}, "webhook"),
        ({"fail": 500}, {"probe_phone": "5511988887777"}, "probe"),
    ],
)
def test_each_fault_is_named_and_is_no_failure_of_the_module(gateway, fault, given, check):
    _major, url, set_fault = gateway
    set_fault(**fault)
    found = ask(url, **given)
    assert "failed" not in found
    assert found["evolution"]["healthy"] is False
    assert found["evolution"]["findings"][0]["check"] == check
    assert KEY not in json.dumps(found)


def test_bad_input_is_one_sentence():
    assert ask("http://")["msg"] == "url cannot be used: it names no host"
