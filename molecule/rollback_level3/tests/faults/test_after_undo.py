# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_release_of_before_is_back_with_its_branch_and_environment(assistant):
    assert assistant.release() == ("Release 3", "main")
    assert assistant.health()["version"] == "3.0"
    assert assistant.sh("readlink /opt/kumon-assistant/.venv").strip() == ".venv.d/original"
    assert assistant.asked_within(2) > 0
    assert [entry["procedure"] for entry in assistant.journal()][-1] == "roll_forward"


def test_undoing_twice_changes_nothing(assistant):
    before = assistant.fingerprint(), assistant.tree()
    run = assistant.playbook("roll_forward", level=3)
    assert (run.code, "changed=0" in run.text) == (0, True)
    assert (assistant.fingerprint(), assistant.tree()) == before
