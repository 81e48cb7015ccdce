# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real channels during an incident: from its first message to its last, and never in the way of a rollback."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.receivers import Hooks, Mails
from tests.scenario.host import Assistant, Run

Desk = tuple[Hooks, Mails, dict[str, Any]]

# The fence stands first; whether the process obeys as well shows only where messages are planned.
STOPPED = "KILL-SWITCH ACTIVE|SENDS HELD by the network fence"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
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


def notify(assistant: Assistant, variables: dict[str, Any], event: str = "tick", **more: Any) -> Run:
    return assistant.playbook("notify", notify_event=event, **{**variables, **more})


def test_no_target_is_touched_and_every_channel_can_be_tested(assistant: Assistant, desk: Desk) -> None:
    hooks, mails, variables = desk
    assert notify(assistant, variables, "test").code == 0
    assert (len(hooks.got), len(mails.mails)) == (3, 1)
    assert assistant.untouched()


def test_bad_input_is_one_sentence_and_nothing_is_sent(assistant: Assistant, desk: Desk) -> None:
    hooks, mails, variables = desk
    run = notify(assistant, {**variables, "runbook_smtp": {}})
    assert run.code != 0
    assert "e-mail needs runbook_smtp with host and sender" in run.text
    assert not Path(variables["runbook_desk_dir"]).exists()
    assert (hooks.got, mails.mails) == ([], [])


def test_an_incident_is_told_from_its_first_message_to_its_last(assistant: Assistant, desk: Desk) -> None:
    hooks, mails, variables = desk
    hooks.answers["/broken"] = (500, "text/plain", b"no_service", 0)
    run = assistant.playbook("rollback_level1", **variables)
    assert (run.code, run.status) == (0, "proven")
    assert run.seconds < 60
    assert "HTTP 500 no_service" in run.text
    assert re.search(STOPPED, hooks.texts("/slack")[0])
    assert mails.mails[0][0] == ["pm@example.com"]

    again = assistant.playbook("rollback_level1", **variables)
    assert (again.code, len(hooks.texts("/slack")), len(mails.mails)) == (0, 1, 1)

    time.sleep(1)
    assert notify(assistant, variables).code == 0
    events = [body["event_action"] for where, body, _headers in hooks.got if where == "/pagerduty"]
    assert events == ["trigger"], "nobody has acknowledged, so operations are called"

    assert notify(assistant, variables, "acknowledge", notify_by="Ana").code == 0
    assert "Acknowledged by Ana" in hooks.texts("/slack")[-1]
    count = len(hooks.got)

    # The period, shortened: a message also when nothing has changed, by a controller that was restarted.
    assert notify(assistant, variables, notify_every_minutes=0.01).code == 0
    assert len(hooks.got) > count

    assert notify(assistant, variables, "close").code == 0
    assert "Closed" in hooks.texts("/slack")[-1]
    count = len(hooks.got)
    assert notify(assistant, variables, notify_every_minutes=0.01).code == 0
    assert len(hooks.got) == count


def test_channels_that_fail_or_hang_neither_stop_nor_delay_a_rollback(sound: Assistant, desk: Desk) -> None:
    hooks, mails, variables = desk
    mails.refuses = "550 no"
    for path in ("/broken", "/slack"):
        hooks.answers[path] = (200, "text/plain", b"ok", 60)
    run = sound.playbook("rollback_level1", notify_seconds=3, **variables)
    assert (run.code, run.status) == (0, "proven")
    # It was shown and proven before the first message, and the messages took their own time and no more.
    assert re.search(f"({STOPPED}).*Send [|] Send what is due", run.text)
    assert float(re.search(r" Send ([0-9.]+) s", run.text)[1]) < 3 + 6
    assert sound.proofs() == [("rollback_level1", "proven")]
    assert sound.health()["delivery_disabled"] is True


def test_contacts_and_times_that_cannot_work_stop_no_rollback(assistant: Assistant, desk: Desk) -> None:
    wrong = {"runbook_contacts": {"technical": [{"name": "x", "channels": [{"type": "sms"}]}]}, "notify_seconds": "20s"}
    run = assistant.playbook("rollback_level1", **{**desk[2], **wrong})
    assert (run.code, run.status) == (0, "proven")
    assert "is unknown; known are slack" in re.split(STOPPED, run.text)[0]
    assert assistant.health()["delivery_disabled"] is True
    assert desk[0].got == []


def test_neither_key_nor_address_nor_planted_secret_is_shown(assistant: Assistant, desk: Desk, tmp_path: Path) -> None:
    hooks, _mails, variables = desk
    facts = {"headline": "5511988887777 postgres://u:PLANTED@db/x \x1b[2J {{ 7*7 }}", "level": 1}
    run = assistant.playbook("notify", "-vvv", notify_event="open", notify_facts=facts, **variables)
    assert run.code == 0
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    # What was given by -e is repeated by -vvv before the play; from there on nothing of it is seen.
    shown = run.text.partition("TASK [kumon.runbook.notify : Send")[2]
    assert shown
    for secret in ("R0UTINGKEY", "PLANTED", "5511988887777"):
        assert secret not in shown
    for secret in ("PLANTED", "5511988887777"):
        assert secret not in json.dumps(hooks.got[0][1])
        assert secret not in kept


def test_a_job_of_awx_whose_desk_ends_with_it_refuses_or_promises_nothing(sound: Assistant, desk: Desk) -> None:
    hooks, _mails, variables = desk
    job = {**variables, "awx_job_id": 7, "awx_user_name": "ana"}
    sentence = "this is job 7 of AWX, and what is kept on localhost ends with it"
    for procedure in ("notify", "incident_report", "unanswered"):
        run = sound.playbook(procedure, **job)
        assert (run.code != 0, run.status, sentence in run.text) == (True, "refused", True), procedure
    assert (hooks.got, Path(variables["runbook_desk_dir"]).exists()) == ([], False)
    # Stopping messages matters more than the telling, and people are told all the same.
    run = sound.playbook("rollback_level1", runbook_reason="the gateway is down", **job)
    assert (run.code, run.status, sentence in run.text) == (0, "proven", True)
    (first,) = hooks.texts("/broken")  # which is not broken here
    assert "No other message comes by itself" in first
    assert "Next message" not in first and "To acknowledge" not in first
    assert "ana (the gateway is down)" in first
    assert {entry["actor"] for entry in sound.journal()} == {"ana (the gateway is down)"}
