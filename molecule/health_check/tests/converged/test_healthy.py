# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

SPREAD = True


def test_a_real_run_leaves_nothing_behind_either(assistant):
    for path in ("/etc/kumon-assistant/runbook.env", "/var/lib/kumon-runbook"):
        assert not assistant.host.file(path).exists


def test_what_customers_quote_is_no_incident(assistant):
    assert "OUTBOX_GUARD|level=CRITICAL" in assistant.sh("cat /var/log/kumon-assistant/app.log")
    run = assistant.playbook("health_check", runbook_locale="en")
    assert run.code == 0
    assert "Critical incidents: 0" in run.text
    assert "status: ok" in run.text


def test_the_report_shows_no_phone_number_and_no_secret(assistant):
    run = assistant.playbook("health_check", "-vvv")
    assert "planted-password" in assistant.sh("cat /var/log/kumon-assistant/app.log")
    assert "planted-password" not in run.text
    assert "55119000000" not in run.text


def test_the_metrics_are_written_when_asked(assistant):
    directory = assistant.sh("mktemp -d").strip()
    try:
        run = assistant.playbook("health_check", health_textfile=f"{directory}/kumon.prom")
        assert run.code == 0
        assert assistant.sh(f"stat -c '%n %a' {directory}/*").strip() == f"{directory}/kumon.prom 644"
        metrics = assistant.sh(f"cat {directory}/kumon.prom")
        assert f'kumon_assistant_verdict{{host="{assistant.name}",status="ok"}} 1.0' in metrics
        assert f'kumon_assistant_service_up{{host="{assistant.name}"}} 1.0' in metrics
        assert f'kumon_assistant_delivery_ratio{{host="{assistant.name}"}} 1.0' in metrics
    finally:
        assistant.sh(f"rm -r {directory}")
