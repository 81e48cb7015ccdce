# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._result import run_result
from ansible_collections.kumon.runbook.plugins.plugin_utils._run_event import run_event

from tests.unit.records import NOON


def ran(procedure="rollback_level1", status="proven", **more):
    outcome = {"procedure": procedure, "status": status, "level": 1, "verdict": None, "message": "off", **more}
    return run_result({"a": outcome}, ["a"], NOON - 12, NOON, "r1")


def test_an_act_is_told_with_its_hosts():
    event = run_event(ran(), NOON, "ana")
    assert (event["kind"], event["subject"], event["time"]) == ("act", "rollback_level1", "2026-11-20T12:00:00.000Z")
    assert event["summary"] == "rollback_level1: off"
    data = event["data"]
    assert (data["status"], data["actor"], data["run_id"], data["seconds"]) == ("proven", "ana", "r1", 12.0)
    assert data["hosts"]["a"]["status"] == "proven"


def test_who_keeps_events_has_the_head_of_each_journal():
    head = {"seq": 7, "hash": "ab12" * 16, "ok": True, "as_seen": True}
    assert run_event(ran(journal=head), NOON)["data"]["hosts"]["a"]["journal"] == head
    assert run_event(ran(), NOON)["data"]["hosts"]["a"]["journal"] is None


def test_a_verdict_is_told_also_when_all_is_well():
    verdict = {"status": "ok", "level": 0, "cause": "none", "reasons": ["well"], "tests": {"much": "of it"}}
    event = run_event(ran("health_check", "ok", level=0, verdict=verdict), NOON)
    told = event["data"]["hosts"]["a"]["verdict"]
    assert (event["kind"], told["cause"], told["reasons"]) == ("verdict", "none", ["well"])
    assert "tests" not in told


@pytest.mark.parametrize(
    ("procedure", "status", "kind"),
    [
        ("emergency_recovery", "proven", "act"),
        ("emergency_recovery", "unproven", "act"),
        ("emergency_recovery", "watch", "verdict"),
        ("roll_forward", "failed", "act"),
        ("go_live_gate", "no_go", "verdict"),
        ("validate_recovery", "proven", "verdict"),
        ("evolution_instance", "proven", "act"),
        ("notify", "ok", ""),
        ("rollback_level1", "planned", ""),
        ("rollback_level1", "refused", ""),
        ("rollback_level1", "unreachable", "act"),
    ],
)
def test_what_a_run_is_to_other_programs(procedure, status, kind):
    assert run_event(ran(procedure, status), NOON).get("kind", "") == kind


def test_each_rollback_and_each_look_is_told():
    told = {name: run_event(ran(name, "failed"), NOON).get("kind") for name in PROCEDURES}
    wanted = {"look": "verdict", "rollback": "act", "forward": "act"}
    assert all(told[name] == wanted[row.kind] for name, row in PROCEDURES.items() if row.kind in wanted)


def test_two_acts_of_one_run_are_two_events():
    assert run_event(ran(), NOON)["id"] != run_event(ran(), NOON + 0.01)["id"]


def test_neither_numbers_nor_keys_get_out():
    text = json.dumps(run_event(ran(message="5511987654321 password=hunter22"), NOON, "call 5511987654322"))
    assert not any(secret in text for secret in ("987654321", "987654322", "hunter22"))


def test_a_run_without_a_procedure_is_nothing():
    assert run_event({"procedure": None, "status": "unreachable"}, NOON) == {}
