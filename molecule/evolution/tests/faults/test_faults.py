# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

SPREAD = True
PLAY = "../molecule/evolution/converge"


def test_a_state_that_is_missing_is_not_open(assistant):
    run = assistant.playbook(PLAY)
    assert run.code != 0
    assert "the instance is absent 2 s after" in run.text


@pytest.mark.parametrize(
    ("fault", "variables", "sentence"),
    [
        ({"state": "close"}, {"gateway_state": "restarted"}, "with error: true"),
        ({"state": "connecting"}, {}, "the instance is connecting 2 s after"),
        ({"unlicensed": True}, {}, "the Evolution API has no licence"),
        ({"hang": 60}, {}, "the Evolution API gives no answer"),
        ({}, {"runbook_evolution_api_key": "wrong-key-0123456789"}, "the API key is refused (401)"),
        ({}, {"gateway_instance": "kumon_assistant "}, "does not exist"),
        ({}, {"runbook_evolution_url": "http://127.0.0.1:8000/docs"}, "nothing was done"),
        ({"state": "open"}, {"gateway_webhook": "http://127.0.0.1:8000/hook"}, "No webhook is set"),
    ],
)
def test_what_cannot_deliver_is_named_and_fails(sound, fault, variables, sentence):
    sound.gateway(**fault)
    run = sound.playbook(PLAY, **variables)
    assert run.code != 0
    assert sentence in run.text
    assert "wrong-key" not in run.text
