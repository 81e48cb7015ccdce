# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_process_has_the_flags_of_v1_and_delivers(assistant):
    assert assistant.flags() == assistant.V1
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asked_within(2) > 0


def test_one_write_and_one_restart(assistant):
    entries = assistant.journal()
    assert [(entry["phase"], entry["procedure"], entry["ok"]) for entry in entries] == [
        ("begin", "rollback_level2", None),
        ("outcome", "rollback_level2", True),
    ]
    assert entries[0]["before"] == dict.fromkeys(assistant.V1)
    assert entries[1]["after"] == assistant.V1
