# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further faults under the kill-switch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.host import Assistant


@pytest.mark.parametrize(
    ("fault", "variables", "code", "status"),
    [
        ({"health": "missing_field"}, {}, 0, "proven"),
        ({"health": "error"}, {}, 0, "proven"),
        ({"health": "api_v1_only"}, {}, 0, "proven"),
        # Without a log there is health's word, and no more.
        ({}, {"runbook_log_paths": ["/var/log/none.log"]}, 2, "reported"),
        ({}, {"rollback_fence": "always"}, 0, "proven"),
        ({"hang_send": 60}, {}, 0, "proven"),
        ({"slow_start": 4}, {}, 0, "proven"),
        ({"ignore_kill_switch": True}, {"rollback_fence": "never"}, 2, "ignored"),
    ],
)
def test_it_holds_or_says_that_it_does_not(
    sound: Assistant, fault: dict[str, Any], variables: dict[str, Any], code: int, status: str
) -> None:
    sound.fault(**fault)
    run = sound.playbook("rollback_level1", **variables)
    assert (run.code, run.status) == (code, status)
    assert run.observed < 30
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert (sound.asked_within(1) == 0) == (status != "ignored")


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
