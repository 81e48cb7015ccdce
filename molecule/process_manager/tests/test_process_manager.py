# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill-switch of an assistant that an operator started as a plain process, without a unit."""

from __future__ import annotations

from tests.scenario.host import LOG, Assistant

INSTALL = "process"
PID_FILE = "/opt/kumon-assistant/assistant.pid"
VARIABLES = {
    "runbook_service_manager": "process",
    "runbook_process_user": "kumon",
    "runbook_process_pid_file": PID_FILE,
}


def test_a_check_run_shows_each_write_and_leaves_nothing_behind(assistant: Assistant) -> None:
    before = assistant.fingerprint()
    run = assistant.playbook("rollback_level1", "--check", "--diff")
    assert (run.code, run.status) == (0, "planned")
    assert "+DELIVERY_DISABLE=true" in run.text
    assert "would restart kumon-assistant" in run.text
    assert assistant.fingerprint() == before
    assert assistant.untouched()
    assert assistant.asks()


def test_health_check_measures_it(assistant: Assistant) -> None:
    assistant.wait_for_deliveries()
    run = assistant.playbook("health_check")
    assert (run.code, run.status) == (0, "ok")


def test_a_wrong_port_is_refused_before_anything_changed(assistant: Assistant) -> None:
    wrong = {"runbook_health_url": "http://127.0.0.1:9/health", "runbook_process_pid_file": ""}
    assistant.assert_refuses("rollback_level1", "9", **wrong)


def test_the_process_has_the_kill_switch_and_its_neighbours_live(assistant: Assistant) -> None:
    # One whose command line looks the same, and one that the pid file of an earlier start still names.
    assistant.sh(
        "cd /opt/kumon-assistant && "
        "nohup setsid python3 -c 'import time; time.sleep(600)' -m uvicorn main:app >/dev/null 2>&1 &"
    )
    assistant.sh(f"sleep 600 >/dev/null 2>&1 & echo $! > {PID_FILE}; touch -d '1 hour ago' {PID_FILE}")
    neighbours = [
        assistant.sh("pgrep -f '^python3 -c import time'").split()[0],
        assistant.sh(f"cat {PID_FILE}").strip(),
    ]
    run = assistant.playbook("rollback_level1")
    assert (run.code, run.status) == (0, "proven")
    assert run.observed < 30
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True
    assert assistant.asked_within(2) == 0
    for pid in neighbours:
        assert assistant.host.file(f"/proc/{pid}").exists
        assistant.sh(f"kill {pid}")


def test_it_was_started_as_it_was_before(assistant: Assistant) -> None:
    pid = assistant.pid()
    process = assistant.sh(f"ps -o user=,ppid=,args= -p {pid}").split()
    assert process[:2] == ["kumon", "1"]
    assert process[2:] == ["python3", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", "8000"]
    assert assistant.sh(f"readlink /proc/{pid}/cwd").strip() == "/opt/kumon-assistant"
    assert assistant.sh(f"cat {PID_FILE}").strip() == str(pid)
    assert assistant.sh(f"readlink /proc/{pid}/fd/1").strip() == LOG
    # What the operator's shell had given it is still there, and stands nowhere else.
    assert "planted-password" in (assistant.environ("DATABASE_URL") or "")
    assert assistant.host.run("grep -r planted-password /var/lib/kumon-runbook /etc/kumon-assistant").stdout == ""
    # The log was appended to, and no second assistant runs.
    assert assistant.lines("Started server process") == 2
    assert assistant.sh("pgrep -u kumon -fc 'uvicorn main:app'").strip() == "1"


def test_the_undone_rollback_leaves_no_trace_but_its_journal(assistant: Assistant) -> None:
    run = assistant.playbook("roll_forward", level=1)
    assert (run.code, run.status) == (0, "proven")
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert "DELIVERY_DISABLE" not in assistant.host.file("/etc/kumon-assistant/runbook.env").content_string
    assert assistant.asks()
    assert assistant.journal()[-1]["procedure"] == "roll_forward"
