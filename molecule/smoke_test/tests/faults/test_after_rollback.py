# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under the kill-switch, which rollback_level1.yml has switched on: processed, and nothing sent."""

from __future__ import annotations

import json

LOG = "/var/log/kumon-assistant/app.log"


def numbers(assistant):
    """Whom the gateway was last asked to send to, by its own record."""
    return json.loads(assistant.sh("curl -sS --max-time 3 http://127.0.0.1:8080/__stand_in/counters"))["numbers"]


def smoke_test(assistant, phone, **variables):
    return assistant.playbook("smoke_test", smoke_test_phone=phone, runbook_locale="en", **variables)


def test_the_message_is_processed_and_nothing_goes_out(assistant):
    asked = assistant.asked()
    run = smoke_test(assistant, "5511977770011")
    assert run.code == 0
    assert "SMOKE TEST PASSED, the message was planned and read, and nothing was sent" in run.text
    assert "[-] instance: not traced" in run.text
    assert "[x] send: 0 sent, 5" in run.text
    assert assistant.asked() == asked
    assert "phase=delivery|conv=conv_5511977770011_" in assistant.sh(f"cat {LOG}")


def test_a_full_test_is_refused_before_anything_is_sent(assistant):
    assistant.assert_refuses(
        "smoke_test",
        "the process has the kill-switch and nothing can go out: use smoke_test_mode=processed_only (or auto)",
        smoke_test_phone="5511977770012",
        smoke_test_mode="full",
        runbook_locale="en",
    )
    assert assistant.host.run(f"grep -q 5511977770012 {LOG}").rc == 1


def test_a_process_that_sends_all_the_same_fails_it(assistant):
    assistant.fault(ignore_kill_switch=True)
    try:
        run = smoke_test(assistant, "5511977770013")
        assert "5511977770013" in numbers(assistant)
    finally:
        assistant.fault()
    assert run.code != 0
    assert "SMOKE TEST FAILED, the process has the kill-switch and SENT the message" in run.text
    assert "next_step: ansible-playbook kumon.runbook.rollback_level1 -e rollback_fence=always" in run.text


def test_a_lost_hand_off_fails_it_under_the_kill_switch_too(assistant):
    assistant.fault(lost_handoff=True)
    try:
        run = smoke_test(assistant, "5511977770014", smoke_test_quiet_seconds=1)
    finally:
        assistant.fault()
    assert run.code != 0
    assert "what was planned was empty when delivery read it" in run.text


def test_the_test_is_no_act_and_leaves_no_entry_in_the_journal(assistant):
    assert {entry["procedure"] for entry in assistant.journal()} == {"rollback_level1"}
