# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further faults under the kill-switch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.fences import assert_no_message_leaves_once_the_fence_stands
from tests.scenario.host import ENV_FILE, Assistant


@pytest.mark.parametrize(
    ("fault", "variables", "code", "status"),
    [
        ({"health": "missing_field"}, {}, 0, "proven"),
        ({"health": "error"}, {}, 0, "proven"),
        # The log proves it.
        ({"health": "hang"}, {}, 0, "proven"),
        ({"health": "api_v1_only"}, {}, 0, "proven"),
        # Without a log there is health's word, and no more.
        ({}, {"runbook_log_paths": ["/var/log/none.log"]}, 2, "reported"),
        ({}, {"rollback_fence": "always"}, 0, "proven"),
        ({"hang_send": 60}, {}, 0, "proven"),
        ({"slow_start": 4}, {}, 0, "proven"),
        ({"ignore_term": True}, {}, 0, "proven"),
        ({"ignore_kill_switch": True}, {"rollback_fence": "never"}, 2, "ignored"),
    ],
)
def test_it_holds_or_says_that_it_does_not(
    sound: Assistant, fault: dict[str, Any], variables: dict[str, Any], code: int, status: str
) -> None:
    sound.fault(**fault)
    old = sound.pid()
    run = sound.playbook("rollback_level1", runbook_locale="en", **variables)
    assert (run.code, run.status) == (code, status)
    assert not sound.host.file(f"/proc/{old}").exists
    assert ("[ ] reported by health" in run.text) or fault.get("health") != "hang"
    assert run.observed < 30
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert (sound.asked_within(1) == 0) == (status != "ignored")


@pytest.mark.parametrize("faults", [{"slow_start": 40}, {"ignore_kill_switch": True}])
def test_no_message_leaves_once_the_fence_stands(sound: Assistant, faults: dict[str, Any]) -> None:
    assert_no_message_leaves_once_the_fence_stands(sound, **faults)


def test_a_run_that_was_killed_between_writing_and_restarting_is_finished_by_the_next(sound: Assistant) -> None:
    sound.sh(f"mkdir -p /etc/kumon-assistant && echo DELIVERY_DISABLE=true > {ENV_FILE}")
    assert sound.environ("DELIVERY_DISABLE") is None
    assert sound.playbook("rollback_level1").code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"


def test_without_traffic_and_without_health_nothing_is_claimed(sound: Assistant) -> None:
    sound.sh("systemctl stop kumon-traffic")
    sound.fault(health="missing_field")
    run = sound.playbook("rollback_level1", rollback_observe_seconds=2, rollback_fence="never")
    assert run.code != 0
    assert run.status not in ("proven", "reported")
    # An attempt of our own, which the fence refuses, is something seen.
    run = sound.playbook("rollback_level1", rollback_observe_seconds=2)
    assert (run.code, run.status) == (0, "proven")


def test_a_health_url_that_answers_html_is_refused_before_anything_changed(sound: Assistant) -> None:
    sound.fault(health="html")
    sound.assert_refuses("rollback_level1", "HTML")


def test_a_masked_unit_that_runs_is_fenced_and_not_stopped(sound: Assistant) -> None:
    pid, unit = sound.pid(), sound.sh("systemctl show -p FragmentPath --value kumon-assistant").strip()
    sound.sh(f"mv {unit} /root/unit && ln -s /dev/null {unit} && systemctl daemon-reload")
    try:
        run = sound.playbook("rollback_level1")
        assert (run.code, run.status, sound.asked_within(2), sound.pid()) == (0, "proven", 0, pid)
    finally:
        sound.sh(f"mv /root/unit {unit} && systemctl daemon-reload")
