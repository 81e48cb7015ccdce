# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not answer is unknown, and holds up nothing else."""

from __future__ import annotations

import pytest

SPREAD = True
FIFO = "/tmp/hanging.log"


def diagnose(assistant, **variables):
    return assistant.playbook("diagnose", runbook_locale="en", **variables)


def test_lost_hand_offs_are_the_headline_and_level_1_comes_next(assistant):
    run = diagnose(assistant, depth="full")
    assert run.code != 0
    assert f"{assistant.name}: ROLLBACK needed (lost_handoff), measured" in run.text
    assert "Next ansible-playbook kumon.runbook.rollback_level1" in run.text
    assert "level 1 is due and was not done" in run.text
    assert "OUTBOX_TRACE|phase=delivery|conv=" in run.text


@pytest.fixture
def hanging_log(assistant):
    """A log that nobody can read to its end: opening it waits for a writer that never comes."""
    assistant.sh(f"rm -f {FIFO}; mkfifo {FIFO}; chmod 644 {FIFO}")
    yield {"runbook_log_paths": [FIFO]}
    assistant.sh(f"(timeout 1 sh -c ': > {FIFO}' || true); rm -f {FIFO}")


@pytest.mark.parametrize(("depth", "budget"), [("quick", 30), ("full", 60)])
def test_the_budget_holds_when_half_of_the_probes_hang(sound, hanging_log, depth, budget):
    sound.fault(health="hang")
    run = diagnose(sound, depth=depth, **hanging_log)
    assert run.code != 0
    assert run.seconds < budget
    assert "BLIND" in run.text
    assert "Service pid" in run.text
    assert "Delivery unknown: " in run.text


@pytest.fixture
def hanging_state(sound):
    """A journal and a file of the smoke test that hang whoever reads them, as on a dead mount."""
    files = [f"/var/lib/kumon-runbook/{name}" for name in ("journal.jsonl", "smoke_test.json")]
    sound.sh(f"mkdir -p /var/lib/kumon-runbook; mkfifo {' '.join(files)}")
    yield sound
    for file in files:
        # Whoever still waits gets an end, and the file goes.
        sound.sh(f"(timeout 1 sh -c ': > {file}' || true); rm -f {file}")


@pytest.mark.parametrize(("depth", "budget"), [("quick", 30), ("full", 60)])
def test_probes_that_reach_their_limit_are_unknown_and_the_screen_is_shown(hanging_state, depth, budget):
    run = diagnose(hanging_state, depth=depth)
    assert run.code != 0
    assert run.seconds < budget
    assert f"{hanging_state.name}: BLIND, nothing proves that the system works (service_unknown)" in run.text
    assert "Service unknown: no answer in time" in run.text
    assert "Last act unknown: no answer in time" in run.text
    assert "Delivery 1" in run.text


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"state": "connecting"}, "stuck in connecting (3 of 3 samples)"),
        ({"unlicensed": True}, "503 LICENSE_REQUIRED"),
        ({"hang": 30}, "gives no answer"),
    ],
)
def test_a_gateway_that_cannot_deliver_is_told_and_calls_for_level_1(sound, fault, says):
    sound.gateway(**fault)
    run = diagnose(sound, depth="full")
    assert run.code != 0
    assert run.seconds < 60
    assert "(gateway_down)" in run.text
    assert says in run.text


def test_a_wrong_key_says_nothing_of_the_gateway(sound):
    run = diagnose(sound, depth="full", runbook_evolution_api_key="wrong-key-0123456789")
    assert run.code == 0
    assert "The API key is refused (401)" in run.text
    assert "wrong-key" not in run.text


def test_a_stopped_service_is_told_with_what_is_still_known(sound):
    sound.sh("systemctl stop kumon-assistant")
    run = diagnose(sound)
    assert run.code != 0
    assert "BLIND, nothing proves that the system works (service_down)" in run.text
    assert "Service stopped" in run.text
    assert "Delivery 1" in run.text


@pytest.mark.parametrize("content", ['{"status":', "[]", "\\xff"])
def test_a_spoilt_file_of_an_earlier_run_is_unknown(sound, content):
    kept = "/var/lib/kumon-runbook/smoke_test.json"
    sound.sh(f"mkdir -p $(dirname {kept}); printf '{content}' > {kept}")
    try:
        run = diagnose(sound, depth="full")
    finally:
        sound.sh(f"rm {kept}")
    assert run.code == 0
    assert "[?] Test the basic function: not known" in run.text


def test_a_host_that_is_not_reached_is_unreachable(assistant):
    run = diagnose(assistant, ansible_host="127.0.0.1", ansible_port=9, ansible_ssh_common_args="-F none")
    assert run.code != 0
    assert "Service unknown: " in run.text
    assert "status: unreachable" in run.text


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"depth": "deep"}, "must be one of: quick, full, got: deep"),
        ({"output": "xml"}, "must be one of: text, json, got: xml"),
        ({"runbook_health_url": "ftp://x"}, "is not an http URL"),
        ({"runbook_hosts": "nobody"}, "No host to act on: nobody matches none of the selected hosts"),
    ],
)
def test_bad_input_is_one_sentence(assistant, variables, sentence):
    assistant.assert_refuses("diagnose", sentence, runbook_locale="en", **variables)
