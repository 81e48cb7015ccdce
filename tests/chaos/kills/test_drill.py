# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill whose controller is killed: the next one takes away what it left before it injects anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenario.desk import ledger
from tests.scenario.host import Assistant
from tests.scenario.kills import LEASE

VARIABLES = {"runbook_staging": True}


@pytest.mark.parametrize("task", ["Rehearse . Note when it was injected", "Undo . Undo the rollback"])
def test_the_next_drill_restores_first(assistant: Assistant, tmp_path: Path, task: str) -> None:
    assistant.restore()
    assistant.wait_for_deliveries()
    assistant.sh("mkdir -p /etc/kumon-assistant && touch /etc/kumon-assistant/staging")
    given = {**LEASE, "runbook_desk_dir": str(tmp_path), "drill_faults": "network"}
    whole = assistant.playbook("drill", **given)
    assert (whole.code, whole.status) == (0, "proven"), whole.text
    names = re.findall(r"TASK \[(.+?)\] \*", whole.text)
    number = next(number for number, name in enumerate(names) if re.search(task, name))
    assert re.search(task, assistant.kill_at(number, 0.5, "drill", **given) or "")
    # A fault or a rollback is in force, and the ledger knows of an open drill.
    assert "table" in assistant.sh("nft list tables")
    assert [one["what"] for one in ledger(tmp_path)][3] == "begun"
    run = assistant.playbook("drill", **given)
    assert (run.code, run.status) == (0, "proven"), run.text
    assert [one["what"] for one in ledger(tmp_path)][-3:] == ["begun", "rehearsal", "restored"]
    assert assistant.sh("nft list tables") == ""
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asked_within(1) > 0
