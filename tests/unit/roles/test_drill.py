# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill makes of one that was killed before it, by the expressions of its tasks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when

HOLD = Path(__file__).parents[3] / "roles" / "go_live" / "tasks" / "drill_hold.yml"


@pytest.mark.parametrize("killed", [True, False])
def test_what_a_killed_drills_fault_has_left_in_the_log_keeps_the_next_from_nothing(killed):
    """No act has answered it, and for hours the assistant would not be sound."""
    tasks = yaml.safe_load(HOLD.read_text(encoding="utf-8"))
    names = [task["name"].partition(" | ")[2] for task in tasks]
    at = names.index("Look at what comes after it")
    taken_away = max(
        names.index("Take away what an earlier drill has left"), names.index("Take away what it has left elsewhere")
    )
    assert taken_away < at < names.index("Wait until the assistant is seen to be sound")
    variables = {"__health": {"window": "4h", "grace": 5}, "__go_live_state": {"open": killed}}
    templar = Templar(DataLoader(), variables=variables)
    assert templar.template(trust_as_template("{{ " + tasks[at]["when"] + " }}")) is killed
    settings = templar.template(trust_as_template(tasks[at]["ansible.builtin.set_fact"]["__health"]))
    assert (settings["grace"], abs(parse_when(settings["window"], time.time()) - time.time()) < 60) == (5, True)
