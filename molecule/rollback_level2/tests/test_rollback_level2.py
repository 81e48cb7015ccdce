# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of V1 cure a fault of V2, and are undone when it is repaired."""

from __future__ import annotations

import time

from tests.scenario.host import ENV_FILE, Assistant


def test_a_check_run_shows_each_write_and_leaves_nothing_behind(assistant: Assistant) -> None:
    before = assistant.fingerprint()
    run = assistant.playbook("rollback_level2", "--check", "--diff")
    assert (run.code, run.status) == (0, "planned")
    assert "+OUTBOX_V2_ENFORCED=false" in run.text
    assert "+ROUTER_V2_SHADOW=true" in run.text
    assert "would restart kumon-assistant" in run.text
    assert assistant.fingerprint() == before
    assert assistant.untouched()
    assert assistant.flags() == assistant.V2


def test_bad_input_is_refused_before_anything_changed(assistant: Assistant) -> None:
    assistant.assert_refuses_each(
        "rollback_level2",
        [
            ({"runbook_profile": "one_turn"}, "this release has no flags of V1 to go back to"),
            (
                {"runbook_profile": "v3"},
                "runbook_profile must be one of procedures, app_main, one_turn, auto, not 'v3'",
            ),
            ({"rollback_level2_flags": {"outbox": "x"}}, "outbox"),
            ({"rollback_level2_flags": {"DELIVERY_DISABLE": "false"}}, "cannot both be set and be kept"),
            ({"rollback_level2_seconds": "long"}, "rollback_level2_seconds"),
            ({"runbook_become": False}, "run with become: true"),
        ],
        runbook_locale="en",
    )


def test_a_fault_of_v2_is_cured(assistant: Assistant) -> None:
    assistant.fault(lost_handoff=True, v2_only=True)
    time.sleep(2)
    assert assistant.lines("phase=delivery.*count=0") > 0
    run = assistant.playbook("rollback_level2")
    assert (run.code, run.status) == (0, "proven")
    assert run.observed < 120
    assert assistant.flags() == assistant.V1
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.playbook("health_check").status == "ok"
    assert assistant.asks()


def test_a_further_run_changes_nothing(assistant: Assistant) -> None:
    pid = assistant.pid()
    run = assistant.playbook("rollback_level2")
    assert (run.code, run.changed, assistant.pid()) == (0, 0, pid)
    entries = assistant.journal()
    assert [(entry["phase"], entry["procedure"], entry["ok"]) for entry in entries] == [
        ("begin", "rollback_level2", None),
        ("outcome", "rollback_level2", True),
    ]
    assert entries[0]["before"] == dict.fromkeys(assistant.V1)
    assert entries[1]["after"] == assistant.V1


def test_the_undone_rollback_leaves_no_trace_but_its_journal(assistant: Assistant) -> None:
    assistant.fault()
    run = assistant.playbook("roll_forward", level=2)
    assert (run.code, run.status) == (0, "proven")
    assert assistant.flags() == assistant.V2
    assert "OUTBOX" not in assistant.host.file(ENV_FILE).content_string
    assert assistant.asks()
    assert assistant.journal()[-1]["procedure"] == "roll_forward"


def test_a_fault_that_stays_is_a_failure_that_names_level_3(sound: Assistant) -> None:
    sound.fault(lost_handoff=True)
    run = sound.playbook("rollback_level2")
    assert run.code != 0
    assert run.status not in ("proven", "ok")
    assert "rollback_level3" in run.result["next_step"]
    assert sound.flags() == sound.V1
