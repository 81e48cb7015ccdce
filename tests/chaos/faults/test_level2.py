# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further faults under level 2."""

from __future__ import annotations

from tests.scenario.host import Assistant


def test_sends_under_the_kill_switch_are_a_failure(sound: Assistant) -> None:
    assert sound.playbook("rollback_level1").code == 0
    sound.fault(ignore_kill_switch=True)
    run = sound.playbook("rollback_level2")
    assert run.code != 0
    assert "rollback_level1" in run.result["next_step"]


def test_a_health_that_hangs_is_a_failure_with_what_was_reached(sound: Assistant) -> None:
    sound.fault(health="hang")
    run = sound.playbook("rollback_level2", rollback_level2_seconds=12)
    assert run.code != 0
    assert sound.flags() == sound.V1


def test_a_service_that_does_not_come_back_is_finished_by_the_next_run(sound: Assistant) -> None:
    sound.fault(crash_at_start=True)
    run = sound.playbook("rollback_level2", rollback_level2_seconds=8)
    assert run.code != 0
    sound.fault()
    assert sound.playbook("rollback_level2").status == "proven"
    assert sound.flags() == sound.V1
