# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_a_real_run_leaves_nothing_behind_either(assistant):
    for path in ("/etc/kumon-assistant/runbook.env", "/var/lib/kumon-runbook"):
        assert not assistant.host.file(path).exists


def test_the_procedures_own_window_is_not_full_yet(assistant):
    run = assistant.playbook("validate_recovery")
    assert run.code != 0
    assert "INSUFICIENTE, a recuperação ainda não está provada" in run.text
    assert "status: insufficient" in run.text
    assert "necessário 900.0" in run.text
