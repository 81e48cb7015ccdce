# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

SPREAD = True


@pytest.mark.parametrize(("depth", "budget"), [("quick", 30), ("full", 60)])
@pytest.mark.parametrize(("locale", "headline"), [("pt_BR", "SAUDÁVEL, medido há"), ("en", "HEALTHY, measured")])
def test_a_healthy_assistant_is_one_screen(assistant, depth, budget, locale, headline):
    run = assistant.playbook("diagnose", depth=depth, runbook_locale=locale)
    assert (run.code, f"{assistant.name}: {headline}" in run.text) == (0, True)
    assert ("Checklist [x]" in run.text) == (depth == "full")
    assert f"budget_seconds: {budget}" in run.text
    assert run.seconds < budget


def test_the_same_is_had_as_data(assistant):
    run = assistant.playbook("diagnose", output="json", depth="full", runbook_locale="en")
    assert run.code == 0
    text = run.text.partition("msg: |- ")[2]
    found, _end = json.JSONDecoder().raw_decode(text)
    assert found["verdict"]["status"] == "ok"
    assert found["known"]["service"]["effective"]["DELIVERY_DISABLE"] is None
    assert [row["status"] for row in found["checklist"] if row["item"] == "identify"] == ["done"]
    assert "runbook_diagnosis" in run.text


def test_neither_number_nor_secret_is_shown(assistant):
    run = assistant.playbook("diagnose", "-vvv", depth="full", output="json")
    assert "planted-password" in assistant.sh("cat /var/log/kumon-assistant/app.log")
    assert "planted-password" not in run.text
    assert "55119000000" not in run.text


def test_the_time_of_each_phase_is_told(assistant):
    run = assistant.playbook("diagnose")
    assert "TIMELINE" in run.text
    assert " s of 30 s" in run.text
