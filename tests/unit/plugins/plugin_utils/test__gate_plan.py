# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils import _gate_plan
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import PLAYBOOKS, Started
from ansible_collections.kumon.runbook.plugins.plugin_utils._gate_plan import gate_plan

from tests.unit.gate_facts import CONTACTS, LEVEL1, LEVEL2, facts


def plan(**more):
    return gate_plan({**facts(flags={}), "confirm": [], "by": "ana", **more})


@pytest.fixture
def typed(monkeypatch):
    """How the gate was started."""

    def start(**how):
        monkeypatch.setattr(_gate_plan, "started", lambda **_given: Started(**how))

    start(
        playbook_dir_style="playbooks",
        inventory_sources=["hosts.yml"],
        limit="prod",
        extra_vars=["confirm=contacts", "x=1"],
    )
    return start


def test_the_rollbacks_are_tried_in_one_run_as_this_one_was_started(typed):
    program, *arguments = plan()["dry_run"]
    assert os.path.basename(program) == "ansible-playbook"
    rollbacks = [f"playbooks/rollback_level{level}.yml" for level in (1, 2, 3)]
    # What was confirmed for this run is not confirmed again by it.
    assert arguments == ["-i", "hosts.yml", *rollbacks, "--limit", "prod", "-e", "x=1", "--check"]


def test_every_procedure_is_read_by_its_name_in_the_collection_as_well(typed):
    typed()
    found = plan()
    names = sorted(path.stem for path in PLAYBOOKS.glob("*.yml"))
    assert found["syntax"][1:] == [*(f"kumon.runbook.{name}" for name in names), "--syntax-check"]
    assert found["playbooks"] == len(names) > 15


def test_what_is_not_asked_for_is_not_run(typed):
    found = plan(items={"dry_run": {"observe": "off"}, "procedures": {"observe": "off"}})
    assert (found["dry_run"], found["syntax"]) == ([], [])


def test_a_run_that_asks_for_a_password_is_not_tried(typed):
    typed(switches=["--ask-become-pass"])
    assert "--ask-become-pass" in plan()["commands_problem"]


def test_flags_at_go_live_are_the_opposite_of_the_rollbacks(typed):
    assert plan()["flags"] == {"OUTBOX_V2_ENFORCED": True, "ROUTER_V2_SHADOW": False, "DELIVERY_DISABLE": False}
    assert plan(flags={"X": "1"})["flags"] == {"X": "1"}
    assert set(plan()["flags"]) == {*LEVEL1, *LEVEL2}


def test_contacts_are_confirmed_with_what_they_are(typed):
    kept = plan(confirm=["contacts", "channels"])["confirmations"]
    assert kept[1] == {"item": "channels"}
    assert kept[0]["of"] and CONTACTS["technical"][0]["channels"][0]["url"] not in str(kept)


def test_what_cannot_be_asked_is_only_refused(typed):
    assert set(plan(confirm=["prayer"])) == {"problem"}


def test_a_calendar_is_asked_for_the_go_live_and_an_hour_around_it(typed, monkeypatch):
    window = plan(start="2025-12-01 09:00", hours=8)["rota_window"]
    assert window == {"begin": 1764586800.0, "end": 1764586800.0 + 10 * 3600}  # 11:00 UTC, 08:00 in São Paulo
    monkeypatch.setattr(_gate_plan.time, "time", lambda: 7200.0)
    assert plan(start="", hours=1)["rota_window"] == {"begin": 3600.0, "end": 3600.0 + 3 * 3600}


def test_what_the_tried_commands_are_given_is_no_secret(typed, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://user:planted@proxy.example.com:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    environment = plan()["environment"]
    assert environment["http_proxy"] == "http://proxy.example.com:3128"
    assert "planted" not in str(environment)
