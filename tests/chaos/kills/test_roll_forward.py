# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way forward under a controller that is killed."""

from __future__ import annotations

from tests.scenario.host import Assistant
from tests.scenario.kills import assert_finished_after_any_kill

SECONDS = 550


def test_a_controller_killed_at_any_task_is_followed_by_a_run_that_finishes(assistant: Assistant) -> None:
    def rolled_back() -> None:
        assistant.restore()
        assert assistant.playbook("rollback_level2").code == 0

    assert_finished_after_any_kill(
        assistant, "roll_forward", rolled_back, lambda: assistant.flags() == assistant.V2, level=2
    )
