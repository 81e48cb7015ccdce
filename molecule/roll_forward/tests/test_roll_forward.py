# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing goes forward on hope, and each level is undone by itself."""

from __future__ import annotations

from tests.scenario.host import Assistant


def test_a_check_run_leaves_everything_as_it_was(assistant: Assistant) -> None:
    before = assistant.fingerprint()
    sent = assistant.sends_to(assistant.PHONE)
    run = assistant.playbook("roll_forward", "--check", level=1)
    assert (run.code, run.status) == (0, "planned")
    assert (assistant.fingerprint(), assistant.sends_to(assistant.PHONE)) == (before, sent)


def test_where_nothing_was_rolled_back_nothing_is_changed_and_a_message_passes(assistant: Assistant) -> None:
    run = assistant.playbook("roll_forward", level=1)
    assert (run.code, run.changed) == (0, 0)
    assert not assistant.host.file("/etc/kumon-assistant/runbook.env").exists
    assert assistant.journal() == []
    assert assistant.sends_to(assistant.PHONE) > 0


def test_without_a_phone_there_is_no_smoke_test_and_no_way_forward(assistant: Assistant) -> None:
    assistant.assert_refuses("roll_forward", "smoke_test_phone", level=1, smoke_test_phone="")


def test_what_goes_wrong_keeps_everything_as_it_is(assistant: Assistant) -> None:
    for level in (1, 2):
        assert assistant.playbook(f"rollback_level{level}").code == 0
    assert (assistant.flags(), assistant.environ("DELIVERY_DISABLE")) == (assistant.V1, "true")
    assistant.fault(lost_handoff=True)
    before = assistant.fingerprint()
    run = assistant.playbook("roll_forward", level=1, smoke_test_wait_seconds=6)
    assert (run.code == 0, assistant.fingerprint() == before, assistant.asked_within(1)) == (False, True, 0)
    # Nor does what went wrong lately; the repaired assistant is judged by what it has done since it was started.
    assistant.fault()
    run = assistant.playbook("roll_forward", level=1)
    assert (run.code == 0, assistant.fingerprint() == before) == (False, True)


def test_each_level_is_undone_by_itself(assistant: Assistant) -> None:
    assistant.sh("systemctl restart kumon-assistant")
    assert assistant.playbook("roll_forward", level=2).code == 0
    assert (assistant.flags(), assistant.environ("DELIVERY_DISABLE")) == (assistant.V2, "true")
    assert assistant.asked_within(1) == 0
    assert assistant.playbook("roll_forward", level=1).code == 0
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asks()


def test_undoing_twice_changes_nothing(assistant: Assistant) -> None:
    before = assistant.fingerprint()
    run = assistant.playbook("roll_forward", level=1)
    assert (run.code, run.changed) == (0, 0)
    assert assistant.fingerprint() == before


def test_force_asks_nobody_and_says_that_the_assistant_is_broken(sound: Assistant) -> None:
    assert sound.playbook("rollback_level1").code == 0
    sound.fault(lost_handoff=True)
    run = sound.playbook("roll_forward", level=1, roll_forward_force="true")
    assert sound.environ("DELIVERY_DISABLE") is None
    assert run.code != 0
    assert "rollback_level1" in run.result["next_step"]
