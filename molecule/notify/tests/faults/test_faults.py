# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import re
import time

import pytest

from tests.receivers import Hooks, Mails

SPREAD = True


@pytest.fixture
def desk(tmp_path):
    """Real receivers on this machine, and the variables that name them."""
    hooks, mails = Hooks(), Mails()
    yield hooks, mails, {
        "runbook_locale": "en",
        "runbook_desk_dir": str(tmp_path / "state"),
        "runbook_smtp": {"host": "127.0.0.1", "port": mails.port, "sender": "runbook@example.com", "security": "none"},
        "runbook_contacts": {
            "technical": [
                {
                    "name": "Developer",
                    "acknowledge_minutes": 0.05,
                    "channels": [
                        {"type": "slack", "url": f"{hooks.url}/broken", "timeout": 2},
                        {"type": "slack", "url": f"{hooks.url}/slack"},
                    ],
                },
                {
                    "name": "Operations",
                    "channels": [{"type": "pagerduty", "routing_key": "R0UTINGKEY", "url": f"{hooks.url}/pagerduty"}],
                },
            ],
            "business": [{"name": "Product manager", "channels": [{"type": "email", "to": "pm@example.com"}]}],
        },
    }  # fmt: skip
    hooks.close()
    mails.close()


def notify(assistant, variables, event="tick", **more):
    return assistant.playbook("notify", notify_event=event, **variables, **more)


def test_an_incident_is_told_from_its_first_message_to_its_last(sound, desk):
    hooks, mails, variables = desk
    hooks.answers["/broken"] = (500, "text/plain", b"no_service", 0)
    run = sound.playbook("rollback_level1", **variables)
    assert run.code == 0
    assert run.seconds < 60
    assert "first message, slack, slack: HTTP 500 no_service" in run.text
    assert "KILL-SWITCH ACTIVE" in hooks.texts("/slack")[0]
    assert mails.mails[0][0] == ["pm@example.com"]

    again = sound.playbook("rollback_level1", **variables)
    assert (again.code, len(hooks.texts("/slack")), len(mails.mails)) == (0, 1, 1)

    time.sleep(1)
    assert notify(sound, variables).code == 0
    events = [body["event_action"] for where, body, _headers in hooks.got if where == "/pagerduty"]
    assert events == ["trigger"], "nobody has acknowledged, so operations are called"

    assert notify(sound, variables, "acknowledge", notify_by="Ana").code == 0
    assert "Acknowledged by Ana" in hooks.texts("/slack")[-1]
    count = len(hooks.got)
    assert "Nothing is due now" in notify(sound, variables).text
    assert len(hooks.got) == count

    # The period, shortened: a message also when nothing has changed, by a controller that was restarted.
    assert notify(sound, variables, notify_every_minutes=0.01).code == 0
    assert len(hooks.got) > count

    assert notify(sound, variables, "close").code == 0
    assert "Closed" in hooks.texts("/slack")[-1]
    assert "No incident is open" in notify(sound, variables, notify_every_minutes=0.01).text
    sound.playbook("roll_forward", level=1, roll_forward_force=True)


def test_channels_that_fail_or_hang_neither_stop_nor_delay_a_rollback(sound, desk):
    hooks, mails, variables = desk
    mails.refuses = "550 no"
    for path in ("/broken", "/slack"):
        hooks.answers[path] = (200, "text/plain", b"ok", 60)
    run = sound.playbook("rollback_level1", notify_seconds=3, **variables)
    assert run.code == 0
    # It was shown and proven before the first message, and the messages took their own time and no more.
    assert re.search("Show what was observed.*KILL-SWITCH ACTIVE.*Send [|] Send what is due", run.text)
    assert float(re.search(r" Send ([0-9.]+) s", run.text)[1]) < 3 + 6
    assert sound.proofs() == [("rollback_level1", "proven")]
    assert sound.health()["delivery_disabled"] is True
    assert "Not all messages went out" in run.text
    sound.playbook("roll_forward", level=1, roll_forward_force=True)


def test_contacts_that_cannot_work_are_said_first_and_the_rollback_goes_on(sound, desk):
    variables = {**desk[2], "runbook_contacts": {"technical": [{"name": "x", "channels": [{"type": "sms"}]}]}}
    run = sound.playbook("rollback_level1", **variables)
    assert run.code == 0
    assert "is unknown; known are slack" in run.text.partition("Act | Make the flags effective")[0]
    sound.playbook("roll_forward", level=1, roll_forward_force=True)


def test_a_time_of_the_messages_that_is_no_number_stops_no_rollback(sound, desk):
    run = sound.playbook("rollback_level1", notify_seconds="20s", **desk[2])
    assert run.code == 0
    assert "notify_seconds (20s) and notify_every_minutes (15) must be numbers" in run.text
    assert sound.health()["delivery_disabled"] is True
    assert desk[0].got == []


def test_missing_contacts_are_said_first_by_a_run_that_would_tell(sound, desk):
    run = sound.playbook("rollback_level1", "--check", **{**desk[2], "runbook_contacts": {}})
    assert run.code == 0
    assert "runbook_contacts is empty" in run.text.partition("Act | Make the flags effective")[0]
    assert "runbook_contacts is empty" not in sound.playbook("health_check", **{**desk[2], "runbook_contacts": {}}).text


def test_every_channel_can_be_tested(sound, desk):
    hooks, mails, variables = desk
    run = notify(sound, variables, "test")
    assert run.code == 0
    assert (len(hooks.got), len(mails.mails)) == (3, 1)
    hooks.answers["/slack"] = (200, "text/html", b"<html>", 0)
    run = notify(sound, variables, "test")
    assert run.code != 0
    assert "HTTP 200 with HTML" in run.text


def test_neither_key_nor_address_nor_planted_secret_is_shown(sound, desk, tmp_path):
    hooks, _mails, variables = desk
    facts = {"headline": "5511988887777 postgres://u:PLANTED@db/x \x1b[2J {{ 7*7 }}", "level": 1}
    run = sound.playbook("notify", "-vvv", notify_event="open", notify_facts=facts, **variables)
    assert run.code == 0
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    # What was given by -e is repeated by -vvv before the play; from there on nothing of it is seen.
    shown = run.text.partition("TASK [kumon.runbook.notify : Send")[2]
    for secret in ("R0UTINGKEY", "PLANTED", "5511988887777"):
        assert secret not in shown
    for secret in ("PLANTED", "5511988887777"):
        assert secret not in json.dumps(hooks.got[0][1])
        assert secret not in kept


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"runbook_contacts": {}}, "runbook_contacts is empty"),
        ({"runbook_contacts": {"technical": []}}, "runbook_contacts.technical has no tiers"),
        ({"runbook_smtp": {}}, "e-mail needs runbook_smtp with host and sender"),
        ({"notify_event": "acknowledge"}, "notify_by is empty"),
        ({"notify_event": "shout"}, "must be one of: open, update, tick, acknowledge, close, test, got: shout"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_sent(sound, desk, given, sentence):
    hooks, mails, variables = desk
    run = sound.playbook("notify", **{**variables, **given})
    assert run.code != 0
    assert sentence in run.text
    assert not os.path.exists(variables["runbook_desk_dir"])
    assert (hooks.got, mails.mails) == ([], [])
