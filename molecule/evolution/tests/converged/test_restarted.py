# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_an_instance_that_is_open_was_left_alone(assistant):
    assert not assistant.host.file("/var/lib/kumon-runbook/journal.jsonl").exists
    assert assistant.asked_within(1) > 0


def test_a_restart_is_proven_and_in_the_journal(assistant):
    run = assistant.playbook("../molecule/evolution/converge", gateway_state="restarted")
    assert (run.code, "state: open" in run.text) == (0, True)
    assert [entry["phase"] for entry in assistant.journal()] == ["begin", "outcome"]
    assert assistant.journal()[-1]["ok"] is True


def test_neither_key_nor_token_is_shown(assistant):
    run = assistant.playbook("../molecule/evolution/converge", "-vvv", gateway_state="restarted")
    assert run.code == 0
    token = assistant.sh("curl -sS -H 'apikey: stand-in-key' http://127.0.0.1:8080/instance/fetchInstances")
    token = token.partition('"token":"')[2].partition('"')[0]
    assert len(token) > 10
    assert token not in run.text
    assert "api_key: VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in run.text
