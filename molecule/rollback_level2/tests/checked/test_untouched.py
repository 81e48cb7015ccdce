# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_a_check_run_leaves_everything_as_it_was(assistant):
    assert not assistant.host.file("/etc/kumon-assistant/runbook.env").exists
    assert assistant.flags() == assistant.V2


def test_a_check_run_shows_each_write(assistant):
    before = assistant.fingerprint()
    run = assistant.playbook("rollback_level2", "--check", "--diff")
    assert run.code == 0
    assert "+OUTBOX_V2_ENFORCED=false" in run.text
    assert "+ROUTER_V2_SHADOW=true" in run.text
    assert "would restart kumon-assistant" in run.text
    assert "SIMULAÇÃO: nada foi alterado" in run.text
    assert assistant.fingerprint() == before
