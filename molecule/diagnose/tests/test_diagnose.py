# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One screen in its time, whatever does not answer."""

from __future__ import annotations

import json

from tests.scenario.host import STATE, Assistant


def test_a_healthy_assistant_is_one_screen(assistant: Assistant) -> None:
    assistant.wait_for_deliveries()
    run = assistant.playbook("diagnose", "-vvv", depth="full")
    assert (run.code, run.status, f"{assistant.name}: SAUDÁVEL" in run.text) == (0, "ok", True)
    assert (run.result["budget_seconds"], run.seconds < 60) == (60, True)
    assert "planted-password" in assistant.sh("cat /var/log/kumon-assistant/app.log")
    for secret in ("planted-password", "55119000000"):
        assert secret not in run.text


def test_the_same_is_had_as_data(assistant: Assistant) -> None:
    run = assistant.playbook("diagnose", output="json", depth="full", runbook_locale="en")
    assert (run.code, run.result["budget_seconds"], run.seconds < 60) == (0, 60, True)
    told, _end = json.JSONDecoder().raw_decode(run.text.partition("msg: |- ")[2])
    assert told["verdict"]["status"] == "ok"
    assert told["known"]["service"]["effective"]["DELIVERY_DISABLE"] is None
    assert [row["status"] for row in told["checklist"] if row["item"] == "identify"] == ["done"]
    assert assistant.untouched()


def test_a_host_on_which_no_probe_answers_in_time_is_told_as_that(assistant: Assistant) -> None:
    assistant.sh("printf '#!/bin/sh\\nsleep 20\\n' > /opt/slow-python && chmod 755 /opt/slow-python")
    limits = dict.fromkeys(("service", "traces", "journal", "gateway", "kept"), 2)
    run = assistant.playbook(
        "diagnose", ansible_python_interpreter="/opt/slow-python", __health_limits=limits, runbook_locale="en"
    )
    assert (run.code != 0, run.status, "no answer in time" in run.text) == (True, "blind", True)
    assert "[DEPRECATION" not in run.text, "ansible-core's own words, which help nobody at 3 a.m."


def test_bad_input_is_one_sentence(assistant: Assistant) -> None:
    assistant.assert_refuses_each(
        "diagnose",
        [
            ({"depth": "deep"}, "must be one of: quick, full, got: deep"),
            ({"output": "xml"}, "must be one of: text, json, got: xml"),
            ({"runbook_health_url": "ftp://x"}, "is not an http URL"),
            ({"ansible_port": 9, "ansible_control_path": "none"}, "unreachable"),
        ],
        runbook_locale="en",
    )


def test_lost_hand_offs_are_the_headline_and_level_1_comes_next(assistant: Assistant) -> None:
    assistant.lose_hand_offs()
    run = assistant.playbook("diagnose", depth="full", runbook_locale="en")
    assert run.code != 0
    assert (run.status, run.result["verdict"]["cause"]) == ("rollback", "lost_handoff")
    assert "rollback_level1" in run.result["next_step"]
    assert "OUTBOX_TRACE|phase=delivery|conv=" in run.text


def test_a_gateway_that_cannot_deliver_and_a_spoilt_file_of_an_earlier_run(sound: Assistant) -> None:
    sound.sh(f"mkdir -p {STATE}; printf '{{\"status\":\\377' > {STATE}/smoke_test.json")
    sound.gateway(state="connecting")
    run = sound.playbook("diagnose", depth="full", runbook_locale="en")
    assert run.code != 0
    assert run.seconds < 60
    assert run.result["verdict"]["cause"] == "gateway_down"
    assert "stuck in connecting" in run.text
    assert "[?] Test the basic function" in run.text
