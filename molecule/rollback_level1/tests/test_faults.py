# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill-switch under the faults that only a real host has: it holds, or the run fails and says what next."""

from __future__ import annotations

from typing import Any

from tests.scenario.host import ENV_FILE, Assistant, Run


def level1(assistant: Assistant, *options: str, **variables: Any) -> Run:
    run = assistant.playbook("rollback_level1", *options, runbook_locale="en", **variables)
    assert run.observed < 30
    return run


def test_an_assistant_that_ignores_the_flag_is_fenced_off_and_the_fence_can_be_lifted(assistant: Assistant) -> None:
    assistant.fault(ignore_kill_switch=True)
    run = level1(assistant)
    assert (run.code, run.status) == (0, "proven")
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.asked_within(2) == 0
    assert "skuid" in assistant.sh("nft list table inet $(nft list tables | grep -o 'kumon_runbook.*')")
    # Others still reach the gateway: the fence is the service user's own.
    assert assistant.sh("curl -sS --max-time 3 http://127.0.0.1:8080/")
    again = level1(assistant)
    assert (again.code, again.changed) == (0, 0)

    # An assistant that ignores its kill-switch passes no smoke test under it.
    assert assistant.playbook("roll_forward", level=1, roll_forward_force=True).code == 0
    assert "kumon_runbook" not in assistant.sh("nft list ruleset")
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asked_within(2) > 0


def test_where_health_hangs_the_log_proves_it(sound: Assistant) -> None:
    sound.fault(health="hang")
    run = level1(sound)
    assert (run.code, run.status) == (0, "proven")
    assert "[ ] reported by health" in run.text
    assert sound.asked_within(1) == 0


def test_a_service_that_does_not_come_back_is_finished_by_the_next_run(sound: Assistant) -> None:
    sound.fault(crash_at_start=True)
    run = level1(sound, rollback_restart_seconds=6)
    assert (run.code == 0, run.status) == (False, "failed")
    assert "level 3" in run.result["next_step"] or "level3" in run.result["next_step"]
    assert "DELIVERY_DISABLE=true" in sound.host.file(ENV_FILE).content_string
    assert sound.journal()[-1]["ok"] is False
    # The fault is repaired: the same command finishes the job.
    sound.fault()
    assert level1(sound).status == "proven"
    assert sound.environ("DELIVERY_DISABLE") == "true"


def test_a_process_that_does_not_end_by_itself_is_killed_in_time(sound: Assistant) -> None:
    sound.fault(ignore_term=True)
    old = sound.pid()
    run = level1(sound)
    assert (run.code, run.status) == (0, "proven")
    assert not sound.host.file(f"/proc/{old}").exists
    assert sound.asked_within(1) == 0


def test_a_run_that_was_killed_between_writing_and_restarting_is_finished_by_the_next(sound: Assistant) -> None:
    sound.sh(f"mkdir -p /etc/kumon-assistant && echo DELIVERY_DISABLE=true > {ENV_FILE}")
    assert sound.environ("DELIVERY_DISABLE") is None
    assert level1(sound).code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"
