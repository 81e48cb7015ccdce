# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance is asked and brought back, as an operator's own playbook would do it."""

from __future__ import annotations

import json
from typing import Any

from tests.scenario.host import STATE, Assistant, Run

GATEWAY = {"url": "http://127.0.0.1:8080", "instance": "kumon_assistant", "api_key": "stand-in-key"}


def bring(assistant: Assistant, state: str, *options: str, **more: Any) -> Run:
    given = {**GATEWAY, "state": state, "wait": 2, "run_id": "scenario", "procedure": "evolution", **more}
    return assistant.module("evolution_instance", *options, **given)


def test_an_instance_that_is_open_is_left_alone(assistant: Assistant) -> None:
    assert bring(assistant, "connected", "--check").code == 0
    assert bring(assistant, "connected").code == 0
    assert not assistant.host.file(STATE).exists
    assert assistant.asks()


def test_a_restart_is_proven_and_in_the_journal_and_shows_neither_key_nor_token(assistant: Assistant) -> None:
    run = bring(assistant, "restarted", "-vvv")
    assert run.code == 0
    assert [entry["phase"] for entry in assistant.journal()] == ["begin", "outcome"]
    assert assistant.journal()[-1]["ok"] is True
    token = assistant.sh("curl -sS -H 'apikey: stand-in-key' http://127.0.0.1:8080/instance/fetchInstances")
    token = token.partition('"token":"')[2].partition('"')[0]
    assert len(token) > 10
    assert token not in run.text
    assert "stand-in-key" not in run.text
    asked = assistant.module("evolution_instance_info", **GATEWAY)
    assert (asked.code, token in asked.text) == (0, False)


def test_what_cannot_deliver_is_named_and_fails(assistant: Assistant) -> None:
    for fault, state, sentence in (
        ({"state": "absent"}, "connected", "the instance is absent 2 s after"),
        ({"state": "close"}, "restarted", "with error: true"),
    ):
        assistant.gateway(**fault)
        run = bring(assistant, state)
        assert run.code != 0
        assert sentence in run.text


def test_a_stop_at_the_gateway_is_proven_without_root_on_the_host(assistant: Assistant) -> None:
    assistant.gateway()
    state = "/home/operator/state"
    run = assistant.playbook("evolution_instance", stop="true", runbook_become=False, runbook_state_dir=state)
    assert (run.code, run.status) == (0, "proven")
    told = run.result["hosts"][assistant.name]
    assert (told["status"], told["journal"]["seq"]) == ("proven", 2)
    url = f"{GATEWAY['url']}/instance/connectionState/kumon_assistant"
    assert '"state":"close"' in assistant.sh(f"curl -sS -H 'apikey: stand-in-key' {url}")
    counters = "curl -sS -m 3 http://127.0.0.1:8080/__stand_in/counters"
    first, second = assistant.sh(f"{counters}; echo; sleep 2; {counters}").splitlines()
    assert json.loads(second)["asked"] > json.loads(first)["asked"]
    assert json.loads(second)["accepted"] == json.loads(first)["accepted"]
    assert assistant.sh(f'grep -c \'"act": *"evolution_instance"\' {state}/journal.jsonl').strip() == "2"
    # Somebody reads the QR code.
    assistant.gateway(state="open")
    assert bring(assistant, "connected").code == 0
