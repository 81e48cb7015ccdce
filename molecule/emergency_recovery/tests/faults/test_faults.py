# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the automatic recovery does about each fault, and what it leaves alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SPREAD = True

ROOT = Path(__file__).resolve().parents[4]
AUTO = {"recovery_mode": "auto", "recovery_watch_seconds": 4, "recovery_watch_every": 2}
# What a dead run holds the host for; shorter than in reality, because each test waits it out.
LEASE = {"__assistant_lease_seconds": 6}
GUARD = (
    "ERROR:app.core.observability.structured_logging:OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|"
    "planner_after=1|delivery_before=0|conv=storm|idem=unknown"
)


def recover(assistant, *options, **variables):
    return assistant.playbook("emergency_recovery", *options, runbook_locale="en", **variables)


def lose_hand_offs(assistant, **more):
    assistant.fault(lost_handoff=True, **more)
    time.sleep(2)
    assistant.fault(**more)
    time.sleep(1)


def levels(assistant):
    """The levels that were decided, in their order."""
    return [
        entry["after"]["level"]
        for entry in assistant.journal()
        if (entry["act"], entry["phase"]) == ("decision", "begin")
    ]


def test_a_healthy_assistant_is_left_alone(sound):
    time.sleep(2)
    before = sound.fingerprint()
    run = recover(sound, **AUTO)
    assert run.code == 0
    assert "NOTHING TO DO" in run.text
    assert "changed=0" in run.text
    assert sound.pid() > 0 and sound.fingerprint().splitlines()[-1] == before.splitlines()[-1]


def test_a_storm_of_ten_thousand_guard_lines_is_one_rollback(sound):
    sound.sh(f"yes '{GUARD}' | head -n 10000 >> /var/log/kumon-assistant/app.log")
    run = recover(sound, **AUTO)
    assert run.code == 0
    assert "STABLE at level 1" in run.text
    assert "(1 incident of all guards)" in run.text
    assert levels(sound) == [1]
    assert sound.asked_within(1) == 0
    assert "changed=0" in recover(sound, **AUTO).text
    assert levels(sound) == [1]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "Mode recommend: nothing is done."),
        ({"recovery_approved": "1"}, "Mode recommend: nothing is done."),
        ({"recovery_mode": "approve"}, "Mode approve: level 1 is not approved."),
        (
            {"recovery_mode": "approve", "recovery_approved": "2"},
            "Mode approve: level 2 is approved, and level 1 is due.",
        ),
    ],
)
def test_nobody_acts_who_was_not_told_to(sound, variables, sentence):
    lose_hand_offs(sound)
    before = sound.pid()
    run = recover(sound, **variables)
    assert run.code != 0
    assert sentence in run.text
    assert "LEVEL 1 IS DUE, nothing was done" in run.text
    assert sound.pid() == before
    assert sound.environ("DELIVERY_DISABLE") is None
    assert levels(sound) == []


def test_what_a_person_has_approved_is_done(sound):
    lose_hand_offs(sound)
    run = recover(sound, **{**AUTO, "recovery_mode": "approve", "recovery_approved": "1"})
    assert run.code == 0
    assert "STABLE at level 1" in run.text
    assert sound.asked_within(1) == 0


def test_an_ignored_kill_switch_is_fenced_off_and_left_at_that(sound):
    sound.fault(ignore_kill_switch=True)
    lose_hand_offs(sound, ignore_kill_switch=True)
    run = recover(sound, **AUTO)
    assert run.code == 0
    assert "the network fence keeps it from sending" in run.text
    assert sound.asked_within(2) == 0
    assert levels(sound) == [1]
    again = recover(sound, **AUTO)
    assert again.code == 0
    assert "the network fence keeps its messages in" in again.text
    assert "changed=0" in again.text
    assert levels(sound) == [1]


def test_a_fault_that_level_2_cures_is_met_by_level_1_and_2(sound):
    sound.fault(lost_handoff=True, v2_only=True)
    time.sleep(2)
    run = recover(sound, **AUTO)
    assert run.code == 0
    assert "STABLE at level 2" in run.text
    assert levels(sound) == [1, 2]
    assert sound.environ("OUTBOX_V2_ENFORCED") == "false"
    assert sound.environ("DELIVERY_DISABLE") == "true"


def test_what_persists_calls_for_the_next_level(sound):
    sound.fault(lost_handoff=True)
    time.sleep(1)
    assert sound.playbook("rollback_level1").code == 0
    time.sleep(3)
    run = recover(sound)
    assert run.code != 0
    assert "Level 1 is in effect already, and lost_handoff is still seen." in run.text
    assert "LEVEL 2 IS DUE, nothing was done" in run.text


def test_a_failing_gateway_gets_the_kill_switch_once_and_then_a_person(sound):
    sound.gateway(fail=500)
    time.sleep(4)
    assert recover(sound, **AUTO).code == 0
    assert levels(sound) == [1]
    # Somebody lifts it too early, and it fails again.
    assert sound.playbook("roll_forward", level=1, roll_forward_force=True).code == 0
    time.sleep(5)
    run = recover(sound, **AUTO)
    assert run.code != 0
    assert "A PERSON DECIDES" in run.text
    assert "it is not repeated within 30 min" in run.text
    assert levels(sound) == [1]


def test_a_service_that_is_down_calls_for_level_3(sound):
    sound.sh("systemctl stop kumon-assistant")
    run = recover(sound)
    assert run.code != 0
    assert "LEVEL 3 IS DUE, nothing was done" in run.text


def test_a_restart_that_is_under_way_is_no_reason_for_level_3(sound):
    time.sleep(2)
    sound.sh("systemctl stop kumon-assistant; sh -c '(sleep 4; systemctl start kumon-assistant) >/dev/null 2>&1 &'")
    run = recover(sound, recovery_confirm_seconds=8)
    assert "service_down" not in run.text
    assert "NOTHING TO DO" in run.text


@pytest.mark.parametrize("written", [1, 2, 3])
def test_a_killed_run_is_finished_by_the_next(sound, written):
    sound.fault(lost_handoff=True, v2_only=True)
    time.sleep(2)
    run = subprocess.Popen(
        [
            "ansible-playbook",
            f"--inventory={ROOT}/molecule/inventory/hosts.yml",
            f"--limit={sound.name}",
            f"--extra-vars={json.dumps({**AUTO, **LEASE})}",
            str(ROOT / "playbooks/emergency_recovery.yml"),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(sound.journal()) < written:
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    run = recover(sound, **AUTO)
    assert run.code == 0
    assert "STABLE at level 2" in run.text
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert sound.environ("OUTBOX_V2_ENFORCED") == "false"


def test_what_cannot_be_seen_is_a_persons(sound):
    run = recover(sound, **AUTO, runbook_log_paths=["/var/log/none.log"])
    assert run.code != 0
    assert "the log /var/log/none.log does not exist" in run.text
    assert "status: blind" in run.text
    assert levels(sound) == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"recovery_mode": "now"}, "must be one of: recommend, approve, auto, got: now"),
        ({"recovery_approved": "4"}, "recovery_approved"),
        ({"recovery_lookback": "a while"}, "'a while' is neither an age such as 15m"),
        ({"recovery_watch_every": "often"}, "recovery_watch_every"),
        ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
        ({"runbook_hosts": "nobody"}, "No host to act on: nobody matches none of the selected hosts"),
    ],
)
def test_bad_input_is_refused_before_anything_changed(assistant, variables, sentence):
    assistant.assert_refuses("emergency_recovery", sentence, runbook_locale="en", **variables)


def test_a_host_that_cannot_be_reached_is_named(assistant):
    run = recover(assistant, ansible_host="127.0.0.1", ansible_port=9, ansible_ssh_common_args="-F none")
    assert run.code != 0
    assert "status: unreachable" in run.text
