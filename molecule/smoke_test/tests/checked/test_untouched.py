# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

LOG = "/var/log/kumon-assistant/app.log"


def test_a_check_run_sends_nothing_and_leaves_nothing(assistant):
    for path in ("/etc/kumon-assistant/runbook.env", "/var/lib/kumon-runbook"):
        assert not assistant.host.file(path).exists
    assert assistant.host.run(f"grep -q 5511977770001 {LOG}").rc == 1


def test_a_check_run_says_what_it_would_send_where(assistant):
    run = assistant.playbook("smoke_test", "--check", smoke_test_phone="5511977770002")
    assert run.code == 0
    assert "SIMULAÇÃO: nenhuma mensagem foi enviada" in run.text
    assert "Modo: completo, a resposta tem de ser entregue" in run.text
    assert "Mensagem: http://127.0.0.1:8000/api/v1/evolution/webhook" in run.text
    assert assistant.host.run(f"grep -q 5511977770002 {LOG}").rc == 1
