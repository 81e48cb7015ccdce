# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill whose controller is killed: the next one takes away what it left before it injects anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario.desk import ledger
from tests.scenario.host import Assistant
from tests.scenario.kills import LEASE

SECONDS = 190
VARIABLES = {"runbook_staging": True}


@pytest.mark.parametrize("task", ["Rehearse | Note when it was injected", "Rehearse | Note what it came to"])
def test_the_next_drill_restores_first(assistant: Assistant, tmp_path: Path, task: str) -> None:
    assistant.restore()
    assistant.wait_for_deliveries()
    assistant.sh("mkdir -p /etc/kumon-assistant && touch /etc/kumon-assistant/staging")
    given = {**LEASE, "runbook_desk_dir": str(tmp_path), "drill_faults": "network"}
    assert task in (assistant.kill_at(task, 0, "drill", **given) or "")
    # A fault is in force, and the second time a rollback as well; the ledger knows of an open drill.
    assert "kumon_drill" in assistant.sh("nft list tables")
    assert [one["what"] for one in ledger(tmp_path)] == ["begun"]
    run = assistant.playbook("drill", **given)
    assert (run.code, run.status) == (0, "proven"), run.text
    assert [one["what"] for one in ledger(tmp_path)] == ["begun", "begun", "rehearsal", "restored"]
    assert assistant.sh("nft list tables") == ""
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asks()
