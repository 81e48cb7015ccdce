# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_a_check_run_leaves_everything_as_it_was(assistant):
    before = assistant.fingerprint()
    sent = assistant.sends_to(assistant.PHONE)
    run = assistant.playbook("roll_forward", "--check", level=1)
    assert run.code == 0
    assert "SIMULAÇÃO: nada foi alterado" in run.text
    assert (assistant.fingerprint(), assistant.sends_to(assistant.PHONE)) == (before, sent)
