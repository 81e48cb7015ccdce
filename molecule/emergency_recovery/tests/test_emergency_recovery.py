# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The automatic recovery leaves alone what is sound, acts as it was told to, and escalates."""

from __future__ import annotations

import time

from tests.scenario.host import Assistant

AUTO = {"recovery_mode": "auto", "recovery_watch_seconds": 4, "recovery_watch_every": 2}


def levels(assistant: Assistant) -> list[int]:
    """The levels that were decided, in their order."""
    return [
        entry["after"]["level"]
        for entry in assistant.journal()
        if (entry["act"], entry["phase"]) == ("decision", "begin")
    ]


def test_a_healthy_assistant_is_left_alone(assistant: Assistant) -> None:
    assistant.wait_for_deliveries()
    pid = assistant.pid()
    run = assistant.playbook("emergency_recovery", **AUTO)
    assert (run.code, run.changed, assistant.pid(), levels(assistant)) == (0, 0, pid, [])


def test_bad_input_is_refused_before_anything_changed(assistant: Assistant) -> None:
    assistant.assert_refuses_each(
        "emergency_recovery",
        [
            ({"recovery_mode": "now"}, "must be one of: recommend, approve, auto, got: now"),
            ({"recovery_approved": "4"}, "recovery_approved"),
            ({"recovery_lookback": "a while"}, "'a while' is neither an age such as 15m"),
            ({"recovery_watch_every": "often"}, "recovery_watch_every"),
            ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
            # What cannot be seen is a person's.
            ({"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
            ({"ansible_port": 9, "ansible_control_path": "none"}, "unreachable"),
        ],
        runbook_locale="en",
        recovery_watch_seconds=4,
    )


def test_a_check_run_shows_the_decision_its_reasons_and_each_write(assistant: Assistant) -> None:
    assistant.lose_hand_offs()
    before = assistant.fingerprint()
    run = assistant.playbook("emergency_recovery", "--check", "--diff", recovery_mode="auto")
    assert (run.code, run.result["level"]) == (0, 1)
    assert "lost_handoff" in run.text
    assert "+DELIVERY_DISABLE=true" in run.text
    assert "would restart kumon-assistant" in run.text
    assert assistant.fingerprint() == before


def test_nobody_acts_who_was_not_told_to(assistant: Assistant) -> None:
    pid = assistant.pid()
    modes = {
        "recommend": {},
        "recommend-approved": {"recovery_approved": "1"},
        "approve": {"recovery_mode": "approve"},
        "approve-other": {"recovery_mode": "approve", "recovery_approved": "2"},
    }
    run = assistant.playbook("emergency_recovery", *assistant.inventory(modes), f"--limit={','.join(modes)}")
    assert run.code != 0
    for name in modes:
        assert run.result["hosts"][name]["level"] == 1, name
    assert (assistant.pid(), assistant.environ("DELIVERY_DISABLE"), levels(assistant)) == (pid, None, [])


def test_what_a_person_has_approved_is_done_and_written_down(assistant: Assistant) -> None:
    approved = {**AUTO, "recovery_mode": "approve", "recovery_approved": "1"}
    run = assistant.playbook("emergency_recovery", **approved)
    assert (run.code, run.result["level"]) == (0, 1)
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True
    assert assistant.asked_within(2) == 0
    assert [(entry["act"], entry["phase"], entry["ok"]) for entry in assistant.journal()] == [
        ("decision", "begin", None),
        ("network_fence", "begin", None),
        ("network_fence", "outcome", True),
        ("service_flags", "begin", None),
        ("service_flags", "outcome", True),
        ("decision", "outcome", True),
    ]
    decision = assistant.journal()[0]
    assert decision["procedure"] == "emergency_recovery"
    assert decision["after"] == {"level": 1, "cause": "lost_handoff", "mode": "approve"}


def test_a_further_run_says_safe_mode_and_does_nothing(assistant: Assistant) -> None:
    pid, entries = assistant.pid(), assistant.journal()
    run = assistant.playbook("emergency_recovery", **AUTO)
    assert (run.code, run.changed) == (0, 0)
    assert (assistant.pid(), assistant.journal()) == (pid, entries)


def test_a_fault_that_level_2_cures_is_met_by_level_1_and_2(sound: Assistant) -> None:
    sound.fault(lost_handoff=True, v2_only=True)
    time.sleep(2)
    run = sound.playbook("emergency_recovery", **AUTO)
    assert (run.code, run.result["level"]) == (0, 2)
    assert levels(sound) == [1, 2]
    assert sound.environ("OUTBOX_V2_ENFORCED") == "false"
    assert sound.environ("DELIVERY_DISABLE") == "true"


def test_a_service_that_is_down_calls_for_level_3(sound: Assistant) -> None:
    sound.sh("systemctl stop kumon-assistant")
    run = sound.playbook("emergency_recovery", recovery_confirm_seconds=2)
    assert run.code != 0
    assert run.result["level"] == 3
    assert levels(sound) == []
