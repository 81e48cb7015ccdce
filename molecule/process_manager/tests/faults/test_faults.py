# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of a service without a supervisor."""

from __future__ import annotations

import time

import pytest

SPREAD = True


def level1(assistant, **variables):
    run = assistant.playbook("rollback_level1", runbook_locale="en", **variables)
    assert run.observed < 30
    return run


@pytest.mark.parametrize("faults", [{"ignore_term": True}, {"hang_send": 60}])
def test_a_process_that_does_not_end_by_itself_is_killed_in_time(sound, faults):
    sound.fault(**faults)
    time.sleep(1)
    old = sound.pid()
    run = level1(sound)
    assert run.code == 0
    assert sound.pid() != old
    assert not sound.host.file(f"/proc/{old}").exists
    assert sound.asked_within(1) == 0


def test_an_assistant_that_ignores_the_flag_is_fenced_off(sound):
    sound.fault(ignore_kill_switch=True)
    assert level1(sound).code == 0
    assert sound.asked_within(2) == 0


def test_another_process_with_such_a_name_is_left_alone(sound):
    sound.sh(
        "cd /opt/kumon-assistant && "
        "nohup setsid python3 -c 'import time; time.sleep(600)' -m uvicorn main:app >/dev/null 2>&1 &"
    )
    bystander = sound.sh("pgrep -f 'time.sleep.600'").split()[0]
    assert level1(sound).code == 0
    assert sound.host.file(f"/proc/{bystander}").exists
    sound.sh(f"kill {bystander}")


def test_a_pid_file_of_a_process_that_is_gone_is_not_believed(sound):
    sound.sh("sleep 600 >/dev/null 2>&1 & echo $! > /tmp/bystander")
    bystander = sound.sh("cat /tmp/bystander").strip()
    sound.sh(
        "cat /tmp/bystander > /opt/kumon-assistant/assistant.pid; "
        "touch -d '1 hour ago' /opt/kumon-assistant/assistant.pid"
    )
    assert level1(sound).code == 0
    assert sound.host.file(f"/proc/{bystander}").exists
    assert sound.environ("DELIVERY_DISABLE") == "true"
    sound.sh(f"kill {bystander}")


def test_a_service_that_does_not_come_back_is_brought_back_by_the_next_run(sound):
    sound.fault(crash_at_start=True)
    run = level1(sound, rollback_restart_seconds=6)
    assert run.code != 0
    assert "Next: rollback level 3" in run.text
    sound.fault()
    assert level1(sound).code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert "planted-password" in sound.environ("DATABASE_URL")
    assert sound.health()["delivery_disabled"] is True


def test_health_check_measures_it(sound):
    time.sleep(2)
    run = sound.playbook("health_check", runbook_locale="en")
    assert run.code == 0
    assert "HEALTHY" in run.text


def test_a_wrong_port_is_refused_before_anything_changed(assistant):
    assistant.assert_refuses(
        "rollback_level1", "9", runbook_health_url="http://127.0.0.1:9/health", runbook_process_pid_file=""
    )


def test_level_2_cures_a_fault_of_v2_and_is_undone(sound):
    sound.fault(lost_handoff=True, v2_only=True)
    run = sound.playbook("rollback_level2", runbook_locale="en")
    assert run.code == 0
    assert "V1 FLAGS ACTIVE in the process" in run.text
    assert sound.flags() == sound.V1
    sound.fault()
    assert sound.playbook("roll_forward", level=2).code == 0
    assert sound.flags() == sound.V2
