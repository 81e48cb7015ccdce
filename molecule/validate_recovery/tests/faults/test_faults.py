# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing but proof is proof: each criterion that is not met, and each that cannot be judged, is said."""

from __future__ import annotations

import re
import time

import pytest

SPREAD = True

TRAFFIC = "python3 /opt/evolution/traffic.py --url http://127.0.0.1:8000/api/v1/evolution/webhook"


def validate(assistant, window=30, **variables):
    """The procedure, and that it changed nothing."""
    before = fingerprint(assistant)
    run = assistant.playbook(
        "validate_recovery", runbook_locale="en", recovery_window=window, recovery_grace=2, **variables
    )
    assert fingerprint(assistant) == before
    return run


def fingerprint(assistant):
    """All that the procedure could change; what a fence has counted meanwhile is not its doing."""
    return re.sub(r"packets \d+ bytes \d+", "", assistant.fingerprint())


def flood(assistant, seconds=9):
    """Enough messages for a proof, of many customers."""
    assistant.sh(f"{TRAFFIC} --rate 40 --seconds {seconds} --conversations 5000")


def test_what_goes_on_is_a_failure(assistant):
    run = validate(assistant)
    assert run.code != 0
    assert "THE RECOVERY FAILED" in run.text
    assert "Critical events go on" in run.text
    assert "next_step: ansible-playbook kumon.runbook.emergency_recovery" in run.text


def test_the_window_begins_again_at_a_critical_event(sound):
    sound.fault(lost_handoff=True)
    time.sleep(1.5)
    sound.fault()
    time.sleep(5)
    run = validate(sound, window=60)
    assert run.code != 0
    assert "INSUFFICIENT" in run.text
    assert "The window begins again there." in run.text
    # Nothing of what came before it counts: it would be a failure.
    assert "0 of" in run.text and "hand-offs lost" in run.text


def test_a_wait_ends_with_the_proof_or_at_once_with_the_event(sound):
    time.sleep(3)
    sound.sh(f"{TRAFFIC} --rate 40 --seconds 20 --conversations 5000 >/dev/null 2>&1 &")
    run = validate(sound, window=18, recovery_wait=True, recovery_wait_every=1)
    assert run.code == 0
    assert "RECOVERY PROVEN" in run.text
    assert "[x] stable" in run.text

    sound.sh(
        'sh -c \'(sleep 6; echo "{\\"lost_handoff\\": true}" > /run/kumon-control/assistant.json) >/dev/null 2>&1 &\''
    )
    run = validate(sound, window=120, recovery_wait=True, recovery_wait_every=1)
    assert run.code != 0
    assert "THE RECOVERY FAILED" in run.text
    assert run.seconds < 40


def test_few_messages_prove_nothing(sound):
    time.sleep(6)
    run = validate(sound, window=5)
    assert run.code != 0
    assert "299 hand-offs are needed to prove less than 1.0 %" in run.text
    assert "[?] at least 95 % delivered: insufficient" in run.text


def test_a_gateway_that_refuses_is_a_failure(sound):
    sound.gateway(fail=500)
    flood(sound, seconds=4)
    time.sleep(1)
    run = validate(sound, window=15)
    assert run.code != 0
    assert "THE RECOVERY FAILED" in run.text
    assert "less than 95.0 % is proven" in run.text


def test_safe_mode_is_said_and_proven_by_what_can_be_judged(sound):
    assert sound.playbook("rollback_level1").code == 0
    flood(sound)
    run = validate(sound, window=20, recovery_wait=True, recovery_wait_every=1)
    assert run.code == 0
    assert "SAFE MODE PROVEN, delivery stays switched off" in run.text
    assert "[-] at least 95 % delivered: does not apply" in run.text


def test_an_ignored_kill_switch_is_a_failure_and_a_fence_contains_it(sound):
    sound.fault(ignore_kill_switch=True)
    assert sound.playbook("rollback_level1", rollback_fence="never").code != 0
    run = validate(sound)
    assert run.code != 0
    assert "Delivery is switched off, and all the same" in run.text
    assert sound.playbook("rollback_level1").code == 0
    time.sleep(2)
    run = validate(sound)
    assert run.code != 0
    assert "INSUFFICIENT" in run.text  # nothing gets through: only time and messages are missing


def test_a_service_that_is_down_is_a_failure(sound):
    flood(sound, seconds=2)
    sound.sh("systemctl stop kumon-assistant")
    run = validate(sound)
    assert run.code != 0
    assert "THE RECOVERY FAILED: The service is not running." in run.text


@pytest.mark.parametrize("health", ["hang", "error"])
def test_a_service_that_does_not_answer_is_not_stable(sound, health):
    sound.fault(health=health)
    run = validate(sound, window=5)
    assert run.code != 0
    assert "[ ] stable: NOT met" in run.text


def test_no_traffic_proves_nothing(sound):
    sound.sh("systemctl stop kumon-traffic")
    time.sleep(6)
    run = validate(sound, window=5)
    assert run.code != 0
    assert "There is no trace of any kind in the window" in run.text
    assert "[x] at least" not in run.text


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
        ({"recovery_window": 0}, "window must be more than 0 seconds, such as 900, not 0."),
        ({"recovery_window": "long"}, "recovery_window"),
        ({"recovery_wait": "maybe"}, "recovery_wait"),
        ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
        ({"runbook_become": False}, "run with become: true"),
        ({"runbook_hosts": "nobody"}, "No host to act on: nobody matches none of the selected hosts"),
    ],
)
def test_bad_input_is_said(assistant, variables, sentence):
    assistant.assert_refuses("validate_recovery", sentence, runbook_locale="en", **variables)


def test_a_host_that_cannot_be_reached_is_named(assistant):
    run = assistant.playbook(
        "validate_recovery", ansible_host="127.0.0.1", ansible_port=9, ansible_ssh_common_args="-F none"
    )
    assert run.code != 0
    assert "status: unreachable" in run.text
