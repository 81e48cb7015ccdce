# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Against the stand-in gateway, which answers as the recorded servers did."""

from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.modules import evolution_instance

from tests.unit.assistant.support import gateway_process
from tests.unit.plugins.service_fakes import journal, run_module


@pytest.fixture(params=[1, 2], scope="module")
def server(request, tmp_path_factory):
    with gateway_process(tmp_path_factory.mktemp("gateway"), request.param, "kumon_assistant") as (url, control):
        yield url, lambda **fault: control.write_text(json.dumps(fault))


@pytest.fixture
def gateway(server):
    """The gateway without a fault."""
    server[-1]()
    return server


def act(url, directory, check_mode=False, **given):
    return run_module(
        evolution_instance,
        {
            "url": url,
            "instance": "kumon_assistant",
            "api_key": "test-global-key",
            "interval": 0.01,
            "wait": 10,
            "state_dir": str(directory / "state"),
            "run_id": "r1",
            "procedure": "diagnose",
            **given,
        },
        check_mode,
        True,
    )


def test_a_restart_is_seen_to_come_back_and_is_in_the_journal(gateway, tmp_path):
    result = act(gateway[0], tmp_path)
    assert (result["changed"], result["after"], result["samples"]) == (True, "open", ["open"] * 3)
    assert [(entry["act"], entry["phase"], entry.get("ok")) for entry in journal(tmp_path)] == [
        ("evolution_instance", "begin", None),
        ("evolution_instance", "outcome", True),
    ]


def test_an_instance_that_stays_closed_is_a_failure_that_says_what_to_do(gateway, tmp_path):
    gateway[1](state="close")
    result = act(gateway[0], tmp_path, wait=0.1)
    assert result["failed"] is True
    assert "new QR code" in result["msg"]
    assert journal(tmp_path)[-1]["ok"] is False


def test_check_mode_touches_nothing(gateway, tmp_path):
    result = act(gateway[0], tmp_path, check_mode=True)
    assert result["changed"] is True
    assert "/instance/restart/kumon_assistant" in result["planned"]
    assert not (tmp_path / "state").exists()


def test_connecting_an_open_instance_changes_nothing_twice(gateway, tmp_path):
    for _time in range(2):
        assert act(gateway[0], tmp_path, state="connected")["changed"] is False
    assert journal(tmp_path) == []


def test_a_wrong_key_is_refused_before_anything_is_done(gateway, tmp_path):
    result = act(gateway[0], tmp_path, api_key="wrong-key")
    assert result["msg"].startswith("nothing was done: the API key is refused (401)")
    assert "wrong-key" not in json.dumps(result)
    assert journal(tmp_path) == []


def test_a_stop_is_proven_by_the_gateway_and_changes_nothing_twice(gateway, tmp_path):
    for changed in (True, False):
        result = act(gateway[0], tmp_path, state="stopped")
        assert (result["changed"], result["after"], result["samples"]) == (changed, "close", ["close"] * 3)
    entries = journal(tmp_path)
    assert [(entry["phase"], entry["after"]) for entry in entries] == [
        ("begin", {"state": "close"}),
        ("outcome", {"state": "close"}),
    ]
    # Logged out, it comes back when somebody has read its QR code.
    result = act(gateway[0], tmp_path, state="connected", wait=0.1)
    assert result["failed"] is True
    assert "read it with the phone" in result["msg"]
    gateway[1](state="open")
    assert act(gateway[0], tmp_path, state="connected")["after"] == "open"
