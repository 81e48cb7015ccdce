# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_each_level_is_undone_by_itself(assistant):
    assert (assistant.flags(), assistant.environ("DELIVERY_DISABLE")) == (assistant.V1, "true")
    assert assistant.playbook("roll_forward", level=2).code == 0
    assert (assistant.flags(), assistant.environ("DELIVERY_DISABLE")) == (assistant.V2, "true")
    assert assistant.asked_within(1) == 0
    assert assistant.playbook("roll_forward", level=1).code == 0
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asked_within(2) > 0


def test_undoing_twice_changes_nothing(assistant):
    before = assistant.fingerprint()
    for level in (1, 2):
        run = assistant.playbook("roll_forward", level=level)
        assert (run.code, "changed=0" in run.text) == (0, True)
    assert assistant.fingerprint() == before
