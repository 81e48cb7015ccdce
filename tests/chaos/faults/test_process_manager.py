# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further faults of a service without a supervisor."""

from __future__ import annotations

import time

from tests.scenario.host import Assistant

INSTALL = "process"
VARIABLES = {
    "runbook_service_manager": "process",
    "runbook_process_user": "kumon",
    "runbook_process_pid_file": "/opt/kumon-assistant/assistant.pid",
}


def test_a_process_that_hangs_in_a_send_is_ended(sound: Assistant) -> None:
    sound.fault(hang_send=60)
    time.sleep(1)
    old = sound.pid()
    assert sound.playbook("rollback_level1").status == "proven"
    assert not sound.host.file(f"/proc/{old}").exists
    assert sound.asked_within(1) == 0


def test_an_assistant_that_ignores_the_flag_is_fenced_off(sound: Assistant) -> None:
    sound.fault(ignore_kill_switch=True)
    assert sound.playbook("rollback_level1").code == 0
    assert sound.asked_within(2) == 0
    pid = sound.pid()
    again = sound.playbook("rollback_level1")
    assert (again.code, again.changed, sound.pid()) == (0, 0, pid)


def test_level_2_cures_a_fault_of_v2_and_is_undone(sound: Assistant) -> None:
    sound.fault(lost_handoff=True, v2_only=True)
    assert sound.playbook("rollback_level2").status == "proven"
    assert sound.flags() == sound.V1
    sound.fault()
    assert sound.playbook("roll_forward", level=2).code == 0
    assert sound.flags() == sound.V2


def test_a_service_that_does_not_come_back_is_brought_back_by_the_next_run(sound: Assistant) -> None:
    # Nor does it end by itself.
    sound.fault(crash_at_start=True, ignore_term=True)
    old = sound.pid()
    run = sound.playbook("rollback_level1", rollback_restart_seconds=8)
    assert (run.code == 0, run.status) == (False, "failed")
    assert not sound.host.file(f"/proc/{old}").exists
    sound.fault()
    assert sound.playbook("rollback_level1").status == "proven"
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert "planted-password" in (sound.environ("DATABASE_URL") or "")
