# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller whose clock is off: every time that counts is the host's own."""

from __future__ import annotations

import pytest

from tests.scenario.host import Assistant


@pytest.mark.parametrize("clock", ["-10m", "+10m"])
def test_a_controllers_clock_that_is_off_changes_nothing(sound: Assistant, clock: str) -> None:
    sound.fault(lost_handoff=True, v2_only=True)
    run = sound.playbook("rollback_level2", clock=clock)
    assert (run.code, run.status) == (0, "proven")
    assert sound.playbook("health_check", clock=clock).status == "ok"
    sound.fault()
    assert sound.playbook("roll_forward", level=2, clock=clock).status == "proven"
    assert sound.flags() == sound.V2
    assert sound.playbook("rollback_level1", clock=clock).status == "proven"
    assert sound.asked_within(1) == 0
