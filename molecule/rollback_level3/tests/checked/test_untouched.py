# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_a_check_run_leaves_everything_as_it_was(assistant):
    assert assistant.release() == ("Release 3", "main")
    assert assistant.health()["version"] == "3.0"
    assert not assistant.host.file("/opt/kumon-assistant/.venv").is_symlink
    assert not assistant.host.file("/opt/kumon-assistant/.venv.d").exists
    assert assistant.journal() == []


def test_a_check_run_shows_each_change(assistant):
    before = assistant.fingerprint(), assistant.tree()
    run = assistant.playbook("rollback_level3", "--check", "--diff")
    assert run.code == 0
    assert "SIMULAÇÃO: nada foi alterado" in run.text
    assert "would install requirements.txt into /opt/kumon-assistant/.venv.d from the wheelhouse" in run.text
    assert f"would check out {assistant.commit('Release 2')}" in run.text
    assert "would restart kumon-assistant.service" in run.text
    assert "M defects.json" in run.text
    assert (assistant.fingerprint(), assistant.tree()) == before
