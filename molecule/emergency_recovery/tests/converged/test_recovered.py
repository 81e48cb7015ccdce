# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_kill_switch_is_on_and_nothing_goes_out(assistant):
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True
    assert assistant.asked_within(2) == 0


def test_the_journal_has_the_decision_before_the_act_and_one_act_for_two_runs(assistant):
    entries = [(entry["act"], entry["phase"], entry["ok"]) for entry in assistant.journal()]
    assert entries == [
        ("decision", "begin", None),
        ("service_flags", "begin", None),
        ("service_flags", "outcome", True),
        ("decision", "outcome", True),
    ]
    decision = assistant.journal()[0]
    assert decision["procedure"] == "emergency_recovery"
    assert decision["after"] == {"level": 1, "cause": "lost_handoff", "mode": "auto"}


def test_a_further_run_says_safe_mode_and_does_nothing(assistant):
    before = assistant.fingerprint()
    run = assistant.playbook("emergency_recovery", recovery_mode="auto", runbook_locale="en")
    assert run.code == 0
    assert "SAFE MODE, nothing to do" in run.text
    assert "changed=0" in run.text
    assert assistant.fingerprint() == before
