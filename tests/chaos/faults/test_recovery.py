# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further faults under the automatic recovery, the gate and the proof of a recovery."""

from __future__ import annotations

import time

import pytest

from tests.scenario.host import LOG, Assistant

AUTO = {"recovery_mode": "auto", "recovery_watch_seconds": 4, "recovery_watch_every": 2}
GUARD = (
    "ERROR:app.core.observability.structured_logging:OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|"
    "planner_after=1|delivery_before=0|conv=storm|idem=unknown"
)


def levels(assistant: Assistant) -> list[int]:
    """The levels that were decided, in their order."""
    return [
        entry["after"]["level"]
        for entry in assistant.journal()
        if (entry["act"], entry["phase"]) == ("decision", "begin")
    ]


def test_a_storm_of_ten_thousand_guard_lines_is_one_rollback(sound: Assistant) -> None:
    sound.sh(f"yes '{GUARD}' | head -n 10000 >> {LOG}")
    run = sound.playbook("emergency_recovery", **AUTO)
    assert (run.code, levels(sound)) == (0, [1])
    assert sound.asked_within(1) == 0
    again = sound.playbook("emergency_recovery", **AUTO)
    assert (again.changed, levels(sound)) == (0, [1])
    assert sound.playbook("roll_forward", level=1, roll_forward_force=True).code == 0
    assert sound.environ("DELIVERY_DISABLE") is None
    assert sound.asks()


def test_an_ignored_kill_switch_is_fenced_off_and_left_at_that(sound: Assistant) -> None:
    sound.fault(ignore_kill_switch=True)
    sound.lose_hand_offs(ignore_kill_switch=True)
    assert sound.playbook("emergency_recovery", **AUTO).code == 0
    assert (sound.asked_within(2), levels(sound)) == (0, [1])
    again = sound.playbook("emergency_recovery", **AUTO)
    assert (again.code, again.changed, levels(sound)) == (0, 0, [1])


def test_a_gateway_that_fails_wholly_is_left_to_a_person(sound: Assistant) -> None:
    sound.gateway(fail=500)
    time.sleep(4)
    pid = sound.pid()
    run = sound.playbook("emergency_recovery", **AUTO)
    assert (run.code == 0, run.status, run.result["level"], run.changed) == (False, "rollback", 1, 0)
    assert (levels(sound), sound.pid()) == ([], pid)
    assert sound.playbook("rollback_level1").code == 0
    # Somebody lifts it too early, and it fails again, which is no success.
    lifted = sound.playbook("roll_forward", level=1, roll_forward_force=True)
    assert (lifted.code == 0, lifted.status) == (False, "failed")


def test_a_restart_that_is_under_way_is_no_reason_for_level_3(sound: Assistant) -> None:
    time.sleep(2)
    sound.sh("systemctl stop kumon-assistant; sh -c '(sleep 4; systemctl start kumon-assistant) >/dev/null 2>&1 &'")
    run = sound.playbook("emergency_recovery", recovery_confirm_seconds=15)
    assert run.result["level"] != 3
    assert levels(sound) == []


@pytest.mark.parametrize("fault", ["state_mismatch", "no_delivery"])
def test_a_message_that_gets_lost_keeps_the_kill_switch(sound: Assistant, fault: str) -> None:
    assert sound.playbook("rollback_level1").code == 0
    sound.fault(**{fault: True})
    before = sound.fingerprint()
    run = sound.playbook("roll_forward", level=1, smoke_test_wait_seconds=6)
    assert (run.code == 0, sound.fingerprint() == before, sound.asked_within(1)) == (False, True, 0)


@pytest.mark.parametrize("fault", ["hang", "error"])
def test_a_service_that_does_not_answer_is_not_stable(sound: Assistant, fault: str) -> None:
    sound.fault(health=fault)
    run = sound.playbook("validate_recovery", recovery_window=5, recovery_grace=2)
    assert (run.code == 0, run.status == "proven") == (False, False)


def test_no_traffic_proves_nothing(sound: Assistant) -> None:
    sound.sh("systemctl stop kumon-traffic")
    time.sleep(6)
    run = sound.playbook("validate_recovery", recovery_window=5, recovery_grace=2)
    assert (run.code == 0, run.status == "proven") == (False, False)


def test_a_gateway_that_refuses_is_a_failure(sound: Assistant) -> None:
    sound.gateway(fail=500)
    sound.flood(4)
    run = sound.playbook("validate_recovery", recovery_window=30, recovery_grace=2)
    assert (run.code == 0, run.status) == (False, "failed")


def test_safe_mode_is_proven_by_what_can_be_judged(sound: Assistant) -> None:
    assert sound.playbook("rollback_level1").code == 0
    sound.flood()
    window = {"recovery_window": 40, "recovery_grace": 2, "recovery_wait": True, "recovery_wait_every": 1}
    run = sound.playbook("validate_recovery", runbook_locale="en", **window)
    assert (run.code, run.status) == (0, "proven")
    assert "[-] at least 95 % delivered" in run.text


@pytest.mark.parametrize("gateway", [{"fail": 500}, {"hang": 6}])
def test_a_smoke_test_that_the_gateway_fails(sound: Assistant, gateway: dict[str, int]) -> None:
    sound.gateway(**gateway)
    run = sound.playbook("smoke_test", smoke_test_wait_seconds=3)
    assert (run.code == 0, run.status) == (False, "failed")


@pytest.mark.parametrize("gateway", [{"unlicensed": True}, {"hang": 30}])
def test_a_gateway_that_cannot_deliver_is_told_in_time(sound: Assistant, gateway: dict[str, object]) -> None:
    sound.gateway(**gateway)
    run = sound.playbook("diagnose", depth="full")
    assert (run.code == 0, run.result["verdict"]["cause"]) == (False, "gateway_down")
    assert run.seconds < 60
