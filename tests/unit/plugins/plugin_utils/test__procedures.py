# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import (
    BUDGETS,
    DEPTHS,
    JUDGED,
    LEVELS,
    PROCEDURES,
    ROLLBACKS,
    due,
)

PLAYBOOKS = Path(__file__).resolve().parents[4] / "playbooks"

# What the written procedures promise: level, and seconds from the command's start to the observed effect.
PROMISED = {
    "health_check": (0, 30),
    "diagnose": (0, None),
    "decide": (0, 30),
    "rollback_level1": (1, 30),
    "rollback_level2": (2, 120),
    "rollback_level3": (3, 300),
    "roll_forward": (0, None),
    "evolution_instance": (0, 60),
    "emergency_recovery": (0, None),
    "validate_recovery": (0, None),
    "smoke_test": (0, 60),
    "unanswered": (0, 60),
    "incident_report": (0, 120),
    "prepare_go_live": (0, None),
    "watch_go_live": (0, None),
    "replay": (0, None),
    "automation": (0, 60),
    "go_live_gate": (0, 120),
    "drill": (0, None),
    "notify": (0, 120),
    "configure_awx": (0, None),
}


def test_levels_and_budgets_are_those_that_were_promised():
    assert {name: (row.level, row.budget) for name, row in PROCEDURES.items()} == PROMISED
    assert DEPTHS == {"quick": 30, "full": 60}


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_procedure_is_a_playbook_that_says_what_it_proves(name):
    assert (PLAYBOOKS / f"{name}.yml").is_file()
    kinds = "look rollback forward gateway decide prove tell prepare gate drill configure"
    assert PROCEDURES[name].kind in kinds.split()
    assert PROCEDURES[name].proves


def test_what_is_derived_from_the_table():
    assert list(ROLLBACKS) == ["rollback_level1", "rollback_level2", "rollback_level3"]
    assert list(JUDGED) == [*ROLLBACKS, "roll_forward"]
    assert BUDGETS == {"rollback_level1": 30, "rollback_level2": 120, "rollback_level3": 300}
    assert LEVELS == {1: "rollback_level1", 2: "rollback_level2", 3: "rollback_level3"}


@pytest.mark.parametrize(
    ("verdict", "procedure"),
    [
        ({"level": 1, "next_level": 2, "causes": ["lost_handoff"]}, "rollback_level1"),
        # Level 1 is in force: once more it would change nothing.
        ({"level": 1, "next_level": 2, "causes": ["lost_handoff", "kill_switch"]}, "rollback_level2"),
        ({"level": 1, "next_level": None, "causes": ["gateway_down", "kill_switch"]}, "emergency_recovery"),
        ({"level": 3, "next_level": None, "causes": ["service_down", "kill_switch"]}, "rollback_level3"),
        ({"level": 0, "next_level": None, "causes": ["kill_switch"]}, ""),
        ({"level": None}, ""),
    ],
)
def test_what_a_verdict_calls_for_is_not_what_is_there_already(verdict, procedure):
    assert due(verdict) == procedure
