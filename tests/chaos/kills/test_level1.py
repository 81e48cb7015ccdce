# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Level 1 under a controller that is killed."""

from __future__ import annotations

from tests.scenario.host import Assistant
from tests.scenario.kills import assert_finished_after_any_kill

SECONDS = 250


def test_a_controller_killed_at_any_task_is_followed_by_a_run_that_finishes(assistant: Assistant) -> None:
    assert_finished_after_any_kill(
        assistant,
        "rollback_level1",
        assistant.restore,
        lambda: assistant.environ("DELIVERY_DISABLE") == "true" and assistant.asked_within(1) == 0,
    )
    assert assistant.proofs()[-1] == ("rollback_level1", "proven")
