# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_process_has_the_kill_switch_and_nothing_goes_out(assistant):
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True
    assert assistant.asked_within(2) == 0


def test_it_was_started_as_it_was_before(assistant):
    pid = assistant.pid()
    process = assistant.sh(f"ps -o user=,ppid=,args= -p {pid}").split()
    assert process[:2] == ["kumon", "1"]
    assert process[2:] == ["python3", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", "8000"]
    assert assistant.sh(f"readlink /proc/{pid}/cwd").strip() == "/opt/kumon-assistant"
    assert assistant.sh("cat /opt/kumon-assistant/assistant.pid").strip() == str(pid)
    assert assistant.sh(f"readlink /proc/{pid}/fd/1").strip() == "/var/log/kumon-assistant/app.log"
    # What the operator's shell had given it is still there, and stands nowhere else.
    assert "planted-password" in assistant.environ("DATABASE_URL")
    assert assistant.host.run("grep -r planted-password /var/lib/kumon-runbook /etc/kumon-assistant").stdout == ""


def test_the_log_was_appended_to(assistant):
    log = assistant.sh("cat /var/log/kumon-assistant/app.log")
    assert log.count("Started server process") == 2


def test_no_second_assistant_runs(assistant):
    assert assistant.sh("pgrep -u kumon -fc 'uvicorn main:app'").strip() == "1"
