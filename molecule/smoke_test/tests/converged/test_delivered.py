# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

LOG = "/var/log/kumon-assistant/app.log"


def test_two_runs_sent_two_messages_and_both_were_delivered(assistant):
    results = assistant.sh(f"grep -a 'action=result.*conv=conv_5511977770001_' {LOG}").splitlines()
    assert [("status=success" in line) for line in results] == [True, True]


def test_nothing_of_the_host_was_changed(assistant):
    for path in ("/etc/kumon-assistant/runbook.env", "/var/lib/kumon-runbook"):
        assert not assistant.host.file(path).exists


def test_it_passes_step_by_step_and_erases_no_log(assistant):
    inode, size = map(int, assistant.sh(f"stat -c '%i %s' {LOG}").split())
    kept = assistant.sh(f"head -c {size} {LOG} | sha256sum")
    run = assistant.playbook("smoke_test", "-vvv", smoke_test_phone="5511977770003", runbook_locale="en")
    assert run.code == 0
    assert "SMOKE TEST PASSED, the message was planned, read and delivered" in run.text
    for step in ("accepted by the webhook: HTTP 200", "planned: planned 1", "read by delivery: read 1 of 1, lost 0"):
        assert f"[x] {step}" in run.text
    assert "[x] instance: kumon_assistant" in run.text
    assert "[x] result: success 1, failed 0" in run.text
    assert run.seconds < 60
    after = assistant.sh(f"stat -c '%i %s' {LOG}").split()
    assert (int(after[0]), int(after[1]) > size) == (inode, True)
    assert assistant.sh(f"head -c {size} {LOG} | sha256sum") == kept


def test_no_output_holds_the_phone_or_the_webhooks_key(assistant):
    run = assistant.playbook(
        "smoke_test",
        "-vvv",
        smoke_test_phone="5511977770004",
        smoke_test_webhook_headers={"apikey": "planted-webhook-key"},
    )
    assert run.code == 0
    assert "***0004" in run.text
    assert "5511977770004" not in run.text
    assert "planted-webhook-key" not in run.text


def test_a_log_in_the_journal_serves_as_well(assistant):
    directory = "/run/systemd/system/kumon-assistant.service.d"
    settings = r"[Service]\nStandardOutput=journal\nStandardError=journal\n"
    restart = "systemctl daemon-reload; systemctl reset-failed kumon-assistant; systemctl restart kumon-assistant"
    answers = (
        "for n in $(seq 100); do curl -sf --max-time 1 http://127.0.0.1:8000/health && exit 0; sleep 0.1; done; exit 1"
    )
    assistant.sh(f"mkdir -p {directory}; printf '{settings}' > {directory}/journal.conf; {restart}")
    try:
        assistant.sh(answers)
        run = assistant.playbook("smoke_test", smoke_test_phone="5511977770005", runbook_log_source="journal")
        assert run.code == 0
        assert "TESTE DE FUMAÇA PASSOU" in run.text
        wrong = assistant.playbook("smoke_test", smoke_test_phone="5511977770006", smoke_test_wait_seconds=2)
        assert wrong.code != 0
        assert "NADA PROVADO, o log não recebeu nenhuma linha desde o envio" in wrong.text
    finally:
        assistant.sh(f"rm -r {directory}; {restart}")
        assistant.sh(answers)
