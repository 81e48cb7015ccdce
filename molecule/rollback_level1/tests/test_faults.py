# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill-switch under the faults that only a real host has: it holds, or the run fails and says what next."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.fences import assert_no_message_leaves_once_the_fence_stands
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
    assert "skuid" in assistant.fence()
    # Others still reach the gateway: the fence is the service user's own.
    assert assistant.sh("curl -sS --max-time 3 http://127.0.0.1:8080/")
    again = level1(assistant)
    assert (again.code, again.changed) == (0, 0)

    # An assistant that ignores its kill-switch passes no smoke test under it.
    assert assistant.playbook("roll_forward", level=1, roll_forward_force=True).code == 0
    assert "kumon_runbook" not in assistant.sh("nft list ruleset")
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asks()


@pytest.mark.parametrize(
    "faults",
    [
        # It never comes up again, and does not end on TERM either.
        {"slow_start": 600, "ignore_term": True},
        {"ignore_kill_switch": True, "slow_start": 12},
    ],
)
def test_no_message_leaves_once_the_fence_stands(sound: Assistant, faults: dict[str, Any]) -> None:
    old = sound.pid()
    assert_no_message_leaves_once_the_fence_stands(sound, **faults)
    assert not sound.host.file(f"/proc/{old}").exists


def test_a_fence_outlives_the_firewalls_restart_and_the_hosts(sound: Assistant) -> None:
    sound.fault(ignore_kill_switch=True)
    assert level1(sound).status == "proven"
    unit = "kumon-runbook-fence-kumon-assistant.service"
    # What the next boot does: the table is gone, and the unit puts it up before the network is there.
    sound.sh(f"systemctl stop {unit}; nft flush ruleset; systemctl daemon-reload; systemctl start {unit}")
    assert "skuid" in sound.fence()
    assert sound.sh("systemctl list-dependencies --plain multi-user.target").count(unit) == 1
    assert sound.asked_within(2) == 0
    assert level1(sound).status == "proven"
    assert sound.playbook("roll_forward", level=1, roll_forward_force=True).code == 0
    assert (sound.fence(), sound.host.file(f"/etc/systemd/system/{unit}").exists) == ("", False)


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
