# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault has its verdict, and no fault is ever called healthy."""

from __future__ import annotations

import time

import pytest

SPREAD = True


def health_check(assistant, **variables):
    return assistant.playbook("health_check", runbook_locale="en", **variables)


def test_lost_hand_offs_without_any_guard_line_call_for_level_1(assistant):
    assert "OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|planner_after" not in assistant.sh(
        "grep '^ERROR:app.core.observability' /var/log/kumon-assistant/app.log || true"
    )
    run = health_check(assistant)
    assert run.code != 0
    assert "ROLLBACK needed (lost_handoff)" in run.text
    assert "next_step: ansible-playbook kumon.runbook.rollback_level1" in run.text


@pytest.mark.parametrize(
    ("faults", "gateway", "headline"),
    [
        ({"invalid_instance": "thread_5511900000001"}, {}, "ROLLBACK needed (instance_guard)"),
        ({"invalid_instance": "default", "invalid_instance_sent": True}, {}, "ROLLBACK needed (instance_guard)"),
        ({"lost_handoff": True, "guard": True}, {}, "ROLLBACK needed (lost_handoff)"),
        ({"state_mismatch": True}, {}, "ROLLBACK needed (state_mismatch)"),
        ({}, {"fail": 500}, "ROLLBACK needed (delivery_failing)"),
        ({}, {"state": "close"}, "ROLLBACK needed (delivery_failing)"),
    ],
)
def test_each_fault_of_assistant_and_gateway_is_called_by_its_cause(sound, faults, gateway, headline):
    assert health_check(sound).code == 0
    sound.fault(**faults)
    sound.gateway(**gateway)
    time.sleep(4)
    run = health_check(sound)
    assert run.code != 0
    assert headline in run.text


def test_messages_that_are_never_read_are_lost(sound):
    sound.fault(no_delivery=True)
    time.sleep(4)
    run = health_check(sound, health_grace=1)
    assert run.code != 0
    assert "unread_handoff" in run.text


def test_a_stopped_service_is_blind_and_calls_for_level_3(sound):
    sound.sh("systemctl stop kumon-assistant")
    run = health_check(sound)
    assert run.code != 0
    assert "BLIND, nothing proves that the system works (service_down)" in run.text
    assert "kumon.runbook.rollback_level3" in run.text


@pytest.mark.parametrize(
    ("prepare", "variables", "sentence"),
    [
        ("true", {"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
        (
            ": > /tmp/empty.log",
            {"runbook_log_paths": ["/tmp/empty.log"]},
            "BLIND, nothing proves that the system works",
        ),
        (
            "grep -ah '^INFO:app.core.observability' /var/log/kumon-assistant/app.log > /tmp/undated.log",
            {"runbook_log_paths": ["/tmp/undated.log"]},
            "no_timestamps",
        ),
        ("true", {"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
        ("true", {"runbook_health_url": "ftp://x"}, "is not an http URL"),
        ("true", {"runbook_service_manager": "upstart"}, "must be one of: systemd, process, got: upstart"),
        ("true", {"health_window": "a while"}, "'a while' is neither an age such as 15m"),
        ("true", {"health_grace": "long"}, "health_grace"),
        ("true", {"runbook_log_paths": []}, "runbook_log_paths is empty"),
        ("chmod 600 /var/log/kumon-assistant/app.log", {"runbook_become": False}, "run with become: true"),
        ("true", {"runbook_hosts": "nobody"}, "No host to act on: nobody matches none of the selected hosts"),
    ],
)
def test_what_cannot_be_measured_is_said_and_never_healthy(assistant, prepare, variables, sentence):
    assistant.sh(prepare)
    assistant.assert_refuses("health_check", sentence, runbook_locale="en", **variables)


def test_the_metrics_of_what_is_not_known_are_left_out(sound):
    sound.sh("systemctl stop kumon-assistant")
    run = health_check(sound, health_textfile="/tmp/kumon.prom", runbook_log_paths=["/var/log/none.log"])
    assert run.code != 0
    metrics = sound.sh("cat /tmp/kumon.prom; rm /tmp/kumon.prom")
    assert f'kumon_assistant_verdict{{host="{sound.name}",status="blind"}} 1.0' in metrics
    assert f'kumon_assistant_service_up{{host="{sound.name}"}} 0.0' in metrics
    assert "deliver" not in metrics


def test_metrics_that_cannot_be_written_change_no_verdict(sound):
    run = health_check(sound, health_textfile="/nonexistent/kumon.prom")
    assert run.code == 0
    assert "The metrics were not written (/nonexistent/kumon.prom): " in run.text


@pytest.mark.parametrize("health", ["hang", "html", "error"])
def test_health_that_gives_no_sound_answer_is_not_healthy(sound, health):
    sound.fault(health=health)
    run = health_check(sound)
    assert run.code != 0
    assert "HEALTHY" not in run.text


def test_a_host_that_cannot_be_reached_is_named(assistant):
    run = health_check(assistant, ansible_host="127.0.0.1", ansible_port=9, ansible_ssh_common_args="-F none")
    assert run.code != 0
    assert "status: unreachable" in run.text


def test_a_host_that_nobody_knows_is_refused(assistant):
    run = assistant.playbook("health_check", "--limit=nobody")
    assert run.code != 0
    assert "nobody" in run.text
