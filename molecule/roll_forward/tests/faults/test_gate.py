# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing goes forward on hope."""

from __future__ import annotations

import time

import pytest

SPREAD = True


@pytest.fixture
def switched_off(sound):
    """The sound assistant after rollback level 1."""
    assert sound.playbook("rollback_level1").code == 0
    return sound


@pytest.mark.parametrize("faults", [{"lost_handoff": True}, {"state_mismatch": True}, {"no_delivery": True}])
def test_a_message_that_gets_lost_keeps_everything_as_it_is(switched_off, faults):
    switched_off.fault(**faults)
    switched_off.assert_refuses(
        "roll_forward",
        "The smoke test did not pass, nothing was undone",
        runbook_locale="en",
        level=1,
        smoke_test_wait_seconds=6,
    )
    assert switched_off.asked_within(1) == 0


def test_what_went_wrong_lately_keeps_everything_as_it_is(switched_off):
    switched_off.fault(lost_handoff=True)
    time.sleep(1)
    switched_off.fault()
    sentence = "The verdict is not ok, nothing was undone"
    switched_off.assert_refuses("roll_forward", sentence, runbook_locale="en", level=1)
    # The repaired assistant is judged by what it has done since it was started.
    switched_off.sh("systemctl restart kumon-assistant")
    assert switched_off.playbook("roll_forward", level=1).code == 0
    assert switched_off.environ("DELIVERY_DISABLE") is None


def test_force_asks_nobody(switched_off):
    switched_off.fault(lost_handoff=True)
    run = switched_off.playbook("roll_forward", level=1, roll_forward_force="true", runbook_locale="en")
    # Done as told; that the assistant is broken is said all the same.
    assert switched_off.environ("DELIVERY_DISABLE") is None
    assert run.code != 0
    assert "GOES ON LOSING messages" in run.text
    assert "next_step: rollback_level1.yml" in run.text


def test_the_values_of_before_come_back_whatever_they_were(sound):
    sound.sh("mkdir -p /etc/kumon-assistant && echo STRICT_ENUM_STAGESTEP=yes > /etc/kumon-assistant/runbook.env")
    assert sound.playbook("rollback_level2").code == 0
    assert sound.flags() == sound.V1
    assert sound.playbook("roll_forward", level=2).code == 0
    assert sound.sh("cat /etc/kumon-assistant/runbook.env") == "STRICT_ENUM_STAGESTEP=yes\n"
    assert sound.flags() == {**sound.V2, "STRICT_ENUM_STAGESTEP": "yes"}


@pytest.mark.parametrize("level", ["0", "4", "one", ""])
def test_a_level_that_does_not_exist_cannot_be_undone(assistant, level):
    assistant.assert_refuses("roll_forward", "roll_forward.yml undoes level 1, 2 or 3, e.g. -e level=1", level=level)


def test_without_a_phone_there_is_no_smoke_test_and_no_way_forward(assistant):
    assistant.assert_refuses("roll_forward", "smoke_test_phone", level=1, smoke_test_phone="")
