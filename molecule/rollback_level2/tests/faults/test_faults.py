# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Level 2 under each fault: proven by what the service does next, or a failure that names the next step."""

from __future__ import annotations

import re

import pytest

SPREAD = True


def level2(assistant, *options, **variables):
    run = assistant.playbook("rollback_level2", *options, runbook_locale="en", **variables)
    assert run.observed < 120
    return run


def test_a_fault_of_v2_is_cured(sound):
    sound.fault(lost_handoff=True, v2_only=True)
    assert sound.playbook("health_check").code != 0
    run = level2(sound)
    assert run.code == 0
    assert "V1 FLAGS ACTIVE in the process" in run.text
    assert "Kill-switch: off, as it was found" in run.text
    assert sound.playbook("health_check").code == 0


def test_a_fault_that_stays_is_a_failure_that_names_level_3(sound):
    sound.fault(lost_handoff=True)
    run = level2(sound)
    assert run.code != 0
    assert "The process has the flags and GOES ON LOSING messages" in run.text
    assert "next_step: rollback_level3.yml" in run.text
    assert sound.flags() == sound.V1


def test_the_kill_switch_stays_as_it_was_found(sound):
    assert sound.playbook("rollback_level1").code == 0
    run = level2(sound)
    assert run.code == 0
    assert "Kill-switch: active, as it was found; to lift it: roll_forward.yml -e level=1" in run.text
    assert (sound.flags(), sound.environ("DELIVERY_DISABLE")) == (sound.V1, "true")
    assert sound.asked_within(1) == 0
    assert sound.playbook("roll_forward", level=2).code == 0
    assert (sound.flags(), sound.environ("DELIVERY_DISABLE")) == (sound.V2, "true")
    assert sound.playbook("roll_forward", level=1).code == 0
    assert sound.environ("DELIVERY_DISABLE") is None


def test_sends_under_the_kill_switch_are_a_failure(sound):
    assert sound.playbook("rollback_level1").code == 0
    sound.fault(ignore_kill_switch=True)
    run = level2(sound)
    assert run.code != 0
    assert "next_step: rollback_level1.yml" in run.text


def test_a_health_that_hangs_is_a_failure_with_what_was_reached(sound):
    sound.fault(health="hang")
    run = level2(sound, rollback_level2_seconds=12)
    assert run.code != 0
    assert "gave no answer" in run.text
    assert sound.flags() == sound.V1


def test_a_service_that_does_not_come_back_is_finished_by_the_next_run(sound):
    sound.fault(crash_at_start=True)
    run = level2(sound, rollback_level2_seconds=8)
    assert run.code != 0
    assert "Next: rollback level 3" in run.text
    sound.fault()
    assert level2(sound).code == 0
    assert sound.flags() == sound.V1


@pytest.mark.parametrize("clock", ["-10m", "+10m"])
def test_a_controllers_clock_that_is_off_changes_nothing(sound, clock):
    sound.fault(lost_handoff=True, v2_only=True)
    run = level2(sound, clock=clock)
    assert run.code == 0
    assert "V1 FLAGS ACTIVE" in run.text
    assert sound.playbook("health_check", clock=clock).code == 0
    assert sound.playbook("roll_forward", level=2, clock=clock).code != 0  # the fault strikes again with V2
    assert sound.flags() == sound.V2


def test_a_controller_killed_at_any_task_is_followed_by_a_run_that_finishes(sound):
    # Short, because each second run waits out the lease of the one that was killed.
    lease = {"__assistant_lease_seconds": 2}
    names = re.findall(r"TASK \[(.+?)\] \*", level2(sound, **lease).text)
    writes = [task for task, name in enumerate(names) if re.search(r"Act \||Verify \||Write down", name)]
    assert len(writes) > 3
    # While it begins, and in the midst of it. Between those nothing on the host changes: every fourth will do.
    kills = [(task, seconds) for task in writes for seconds in (0, 0.4)]
    kills += [(task, 0.4) for task in range(0, len(names), 4) if task not in writes]
    for task, seconds in kills:
        sound.restore()
        name = sound.kill_at(task, seconds, "rollback_level2", **lease)
        assert name is not None and names[task] in name
        run = level2(sound, **lease)
        assert run.code == 0, name
        assert (sound.flags(), sound.health()["status"]) == (sound.V1, "healthy"), name
        assert sound.journal()[-1]["ok"] is True, name
        assert sound.proofs()[-1] == ("rollback_level2", "proven"), name


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"rollback_level2_flags": {}}, "no flag is given"),
        ({"rollback_level2_flags": {"outbox": "x"}}, "outbox"),
        ({"rollback_level2_flags": {"DELIVERY_DISABLE": "false"}}, "cannot both be set and be kept"),
        ({"rollback_level2_seconds": "long"}, "rollback_level2_seconds"),
        ({"runbook_become": False}, "run with become: true"),
    ],
)
def test_bad_input_is_refused_before_anything_changed(assistant, variables, sentence):
    assistant.assert_refuses("rollback_level2", sentence, runbook_locale="en", **variables)
