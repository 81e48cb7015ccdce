# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import shlex

import pytest
from playwright.sync_api import sync_playwright

from tests.receivers import Hooks, Mails
from tests.unit.incident_facts import HOSTILE, SECRETS

SPREAD = True

LOG = "/var/log/kumon-assistant/app.log"


class Desk:
    """Where reports are written, and real receivers of messages on this machine."""

    def __init__(self, directory):
        self.hooks, self.mails, self.directory = Hooks(), Mails(), directory
        self.variables = {
            "runbook_locale": "en",
            "runbook_desk_dir": str(directory),
            "runbook_smtp": {
                "host": "127.0.0.1", "port": self.mails.port, "sender": "runbook@example.com", "security": "none",
            },
            "runbook_contacts": {
                "technical": [{"name": "Dev", "channels": [{"type": "webhook", "url": f"{self.hooks.url}/hook"}]}],
                "business": [{"name": "Product", "channels": [{"type": "email", "to": "pm@example.com"}]}],
            },
        }  # fmt: skip

    def report(self, assistant, *options, **more):
        return assistant.playbook("incident_report", *options, **{**self.variables, **more})

    def file(self, ending):
        (path,) = (self.directory / "reports").glob(f"*.{ending}")
        return path


@pytest.fixture
def desk(tmp_path):
    found = Desk(tmp_path)
    yield found
    found.hooks.close()
    found.mails.close()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def test_the_report_tells_the_incident_from_its_first_sign_to_its_proof(assistant, desk):
    run = desk.report(assistant)
    assert run.code == 0
    assert run.seconds < 120
    text = desk.file("en.md").read_text()
    for sentence in (
        "First sign in the minute",
        "rollback_level1 started by",
        "DELIVERY_DISABLE - → true; done in",
        "the effect of act 1 (rollback_level1) is proven by what the service did next.",
        f"{assistant.name}: flags in the environment of the process: DELIVERY_DISABLE=true",
        rf"\[journal {assistant.name}#1-2\]",
        "log.txt",
        "[x\\] Carry out the rollback",
    ):
        assert sentence in text
    assert "O que aconteceu" in desk.file("pt_BR.md").read_text()
    assert json.loads(desk.file("json").read_text())["incident"]["id"] in run.text


def test_evidence_was_kept_once_the_kill_switch_held(assistant):
    home = assistant.sh("ls -d /var/lib/kumon-runbook/evidence/*").split()
    assert len(home) == 1
    manifest = json.loads(assistant.sh(f"cat {home[0]}/manifest.json"))
    assert {entry["name"] for entry in manifest["files"]} >= {"flags.json", "unit.txt", "journal.jsonl", "log.txt"}
    for entry in manifest["files"]:
        assert assistant.sh(f"sha256sum {home[0]}/{entry['name']}").split()[0] == entry["sha256"]
    outcome = [entry for entry in assistant.journal() if entry["phase"] == "outcome"][0]
    assert manifest["collected"] > outcome["time"]


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
@pytest.mark.parametrize("locale", ["pt_BR", "en"])
def test_the_page_opens_in_a_browser(assistant, desk, browser, width, height, locale):
    line = f"CRITICAL:x:OUTBOX_GUARD|level=CRITICAL|type=y|conv={HOSTILE}|idem=1"
    assistant.sh(f"printf '%s\\n' {shlex.quote(line)} >> {LOG}")
    assert desk.report(assistant).code == 0
    page = browser.new_page(viewport={"width": width, "height": height})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    url = f"file://{desk.file(f'{locale}.html')}"
    page.goto(url)
    shown = page.evaluate("""({
        wide: document.documentElement.scrollWidth,
        scripts: document.scripts.length,
        images: [...document.images].map(
            one => [one.complete, one.naturalWidth > 0, one.clientWidth > 200, one.alt !== ""])
    })""")
    page.close()
    assert said == []
    assert [one for one in asked if one != url and not one.startswith("data:image/svg+xml")] == []
    assert shown["wide"] <= width
    assert shown["scripts"] == 0
    assert shown["images"] == [[True] * 4] * 3


def test_planted_secrets_are_in_no_output_message_journal_evidence_or_report(sound, desk):
    """Everything that leaves a run is searched for what was planted where customers and components write."""
    secrets = (*SECRETS, "PLANTEDENV")
    lines = [
        f"CRITICAL:app.core:OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|conv={HOSTILE}|idem=1",
        f"CRITICAL:app.core:INSTANCE_GUARD|level=CRITICAL|type=invalid_pattern|value={HOSTILE}|conv=c|idem=2",
        f"ERROR:app.core:could not connect to postgresql://kumon:{secrets[2]}@db:5432/kumon for 5511988887777",
    ]
    for line in lines:
        sound.sh(f"printf '%s\\n' {shlex.quote(line)} >> {LOG}")
    sound.fault(lost_handoff=True)
    hostile = {"runbook_evolution_api_key": "PLANTEDENV-0123456789", "ansible_no_target_syslog": True}
    facts = {"headline": {"__ansible_unsafe": HOSTILE}}  # what -e gives is a template, unless it is said not to be
    runs = [
        sound.playbook("diagnose", "-v", depth="full", **desk.variables, **hostile),
        sound.playbook("diagnose", depth="full", output="json", **desk.variables, **hostile),
        sound.playbook("health_check", "-v", **desk.variables),
        sound.playbook("rollback_level1", "-v", **desk.variables),
        sound.playbook("notify", "-v", notify_event="close", notify_facts=facts, **desk.variables),
        desk.report(sound, "-v"),
    ]
    assert [run.code for run in runs][3:] == [0, 0, 0]
    kept = {
        "outputs": "".join(run.text for run in runs),
        "messages": json.dumps(desk.hooks.got) + "".join(str(mail) for mail in desk.mails.mails),
        "journal": sound.sh("cat /var/lib/kumon-runbook/journal.jsonl"),
        "evidence": sound.sh("cat /var/lib/kumon-runbook/evidence/*/*"),
        "desk": "".join(path.read_text() for path in desk.directory.rglob("*") if path.is_file()),
    }
    assert all(len(text) > 100 for text in kept.values())
    assert "conv_***7777" in kept["desk"] + kept["evidence"]
    for where, text in kept.items():
        for secret in secrets:
            assert secret not in text, f"{secret} is in the {where}"
        for mark in ("\x1b[2J", "\u202e"):
            assert mark not in text, f"{mark!r} is in the {where}"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"report_run_id": "nobody"}, "No act of the run 'nobody' is in the journals."),
        ({"report_since": "yesterday"}, "yesterday"),
        ({"report_since": "1h", "report_until": "2h"}, "The window is empty"),
        ({"runbook_locale": "fr"}, "value of runbook_locale must be one of: pt_BR, en, got: fr"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(assistant, desk, given, sentence):
    run = desk.report(assistant, **given)
    assert run.code != 0
    assert sentence in re.sub(r"\s+", " ", run.text)
    assert not (desk.directory / "reports").exists()
