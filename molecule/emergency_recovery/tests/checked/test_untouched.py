# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_a_check_run_leaves_everything_as_it_was(assistant):
    for path in (
        "/etc/kumon-assistant/runbook.env",
        "/etc/systemd/system/kumon-assistant.service.d",
        "/var/lib/kumon-runbook",
    ):
        assert not assistant.host.file(path).exists
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asked_within(1) > 0


def test_a_check_run_shows_the_decision_its_reasons_and_each_write(assistant):
    before = assistant.fingerprint()
    run = assistant.playbook("emergency_recovery", "--check", recovery_mode="auto")
    assert run.code == 0
    assert "SIMULAÇÃO: nada foi alterado; seria feito o nível 1" in run.text
    assert "lost_handoff pede o nível 1." in run.text
    assert "+DELIVERY_DISABLE=true" in run.text
    assert "would restart kumon-assistant" in run.text
    assert assistant.fingerprint() == before


def test_recommend_says_what_is_due_and_touches_nothing(assistant):
    before = assistant.fingerprint()
    run = assistant.playbook("emergency_recovery")
    assert run.code != 0
    assert "NÍVEL 1 NECESSÁRIO, nada foi feito" in run.text
    assert "ansible-playbook kumon.runbook.rollback_level1" in run.text
    assert assistant.fingerprint() == before
