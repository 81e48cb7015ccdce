# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsals on staging: faults that are seen, answered and taken away, what is refused, and the gate after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.desk import PEOPLE, ledger, stamp
from tests.scenario.host import Assistant, Run
from tests.scenario.releases import VARIABLES as RELEASES
from tests.scenario.releases import put_good_in_place

INSTALL = "releases"
MARK = "/etc/kumon-assistant/staging"
VARIABLES = {
    **RELEASES,
    **PEOPLE,
    "runbook_staging": True,
    "go_live_drill_configuration": {
        "path": "/run/kumon-control/assistant.json",
        # What level 2 mends.
        "content": json.dumps({"lost_handoff": True, "v2_only": True}),
    },
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


def rehearsals(assistant: Assistant, run: Run) -> dict[str, dict[str, Any]]:
    return {one["fault"]: one for one in run.result["hosts"][assistant.name]["rehearsals"]}


def left(assistant: Assistant) -> str:
    """What a drill could leave: a rollback, a fault, another release."""
    return assistant.sh(
        "nft list tables; ls /run/systemd/system/kumon-assistant.service.d /run/kumon-control 2>/dev/null; "
        "cat /run/kumon-control/assistant.json; runuser -u kumon -- git -C /opt/kumon-assistant rev-parse HEAD"
    ) + str(assistant.flags() | {"DELIVERY_DISABLE": assistant.environ("DELIVERY_DISABLE")})


def test_only_what_both_marks_call_staging_is_touched(assistant: Assistant, desk: Path) -> None:
    before = assistant.fingerprint()
    hosts = assistant.inventory({"unmarked": {}, "production": {"runbook_staging": False}})
    run = assistant.playbook("drill", *hosts, "--limit=unmarked,production", runbook_desk_dir=str(desk))
    assert (run.code != 0, run.status) == (True, "refused")
    assert MARK in run.result["hosts"]["unmarked"]["message"]
    assert "runbook_staging" in run.result["hosts"]["production"]["message"]
    assert (assistant.fingerprint(), ledger(desk)) == (before, [])


def test_every_fault_is_answered_within_its_budget_and_the_gate_turns_go(assistant: Assistant, desk: Path) -> None:
    put_good_in_place(assistant)
    assistant.fault()
    assistant.sh(f"mkdir -p {MARK.rpartition('/')[0]} && touch {MARK}")
    before = left(assistant)
    faults = "configuration,gateway,process,disk"
    run = assistant.playbook("drill", runbook_desk_dir=str(desk), runbook_actor="ana", drill_faults=faults)
    assert (run.code, run.status) == (0, "proven"), run.text
    done = rehearsals(assistant, run)
    assert {fault: one["status"] for fault, one in done.items()} == {
        "configuration": "passed",
        "gateway": "passed",
        "process": "passed",
        # The container's disk is this machine's.
        "disk": "not_allowed",
    }
    for one in done.values():
        if one["counts"]:
            assert 0 < one["detect_seconds"] <= 120 and 0 < one["act_seconds"] <= one["budget_seconds"]
            assert one["restored"] and one["recover_seconds"] > one["stop_seconds"]
    assert {one["procedure"] for one in done.values()} == {f"rollback_level{level}" for level in (1, 2, 3)}
    assert left(assistant) == before
    assert assistant.asks()
    kept = ledger(desk)
    assert [one["what"] for one in kept] == ["begun", *["rehearsal"] * 4, "restored"]
    assert {one["actor"] for one in kept} == {"ana"}
    trend = run.result["hosts"][assistant.name]["trend"]
    assert [trend[name]["n"] for name in ("detect", "stop", "recover")] == [3, 3, 3]
    stamp(desk, assistant.name)
    gate = assistant.playbook(
        "go_live_gate", runbook_desk_dir=str(desk), runbook_actor="ana", confirm="contacts,channels,monitoring"
    )
    assert (gate.code, gate.status) == (0, "go"), gate.text
