# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing but proof is proof."""

from __future__ import annotations

import time
from typing import Any

from tests.scenario.host import Assistant, Run


def validate(assistant: Assistant, window: int, *options: str, **variables: Any) -> Run:
    """The procedure, and that it changed nothing."""
    before = assistant.fingerprint()
    run = assistant.playbook(
        "validate_recovery", *options, runbook_locale="en", recovery_window=window, recovery_grace=2, **variables
    )
    assert assistant.fingerprint() == before
    return run


def test_bad_input_is_said(assistant: Assistant) -> None:
    assistant.assert_refuses_each(
        "validate_recovery",
        [
            ({"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
            ({"ansible_port": 9, "ansible_control_path": "none"}, "unreachable"),
            ({"recovery_window": 0}, "window must be more than 0 seconds, such as 900, not 0."),
            ({"recovery_window": "long"}, "recovery_window"),
            ({"recovery_wait": "maybe"}, "recovery_wait"),
            ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
            ({"runbook_become": False}, "run with become: true"),
        ],
        runbook_locale="en",
    )


def test_a_window_with_enough_messages_is_a_proof_and_the_procedures_own_is_not_full_yet(assistant: Assistant) -> None:
    assistant.flood()
    run = validate(assistant, 40, recovery_wait=True, recovery_wait_every=1)
    assert (run.code, run.status) == (0, "proven")
    assert "[x] stable" in run.text
    run = assistant.playbook("validate_recovery", "--check")
    assert (run.code == 0, run.status) == (False, "insufficient")
    assert assistant.untouched()


def test_a_wait_ends_at_once_with_the_event(assistant: Assistant) -> None:
    assistant.sh(
        'sh -c \'(sleep 6; echo "{\\"lost_handoff\\": true}" > /run/kumon-control/assistant.json) >/dev/null 2>&1 &\''
    )
    run = validate(assistant, 170, recovery_wait=True, recovery_wait_every=1)
    assert (run.code == 0, run.status) == (False, "failed")
    assert "emergency_recovery" in run.result["next_step"]
    assert run.seconds < 100


def test_the_window_begins_again_at_a_critical_event(sound: Assistant) -> None:
    sound.lose_hand_offs()
    time.sleep(5)
    run = validate(sound, 60)
    # Nothing of what came before it counts: it would be a failure.
    assert (run.code == 0, run.status) == (False, "insufficient")


def test_a_service_that_is_down_is_a_failure(sound: Assistant) -> None:
    sound.sh("systemctl stop kumon-assistant")
    run = validate(sound, 30)
    assert (run.code == 0, run.status) == (False, "failed")
