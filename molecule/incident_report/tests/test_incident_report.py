# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of an incident that a host has really had, from its first sign to its proof."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.receivers import Hooks, Mails
from tests.scenario.host import LOG, STATE, Assistant, Run
from tests.unit.incident_facts import HOSTILE, SECRETS


class Desk:
    """Where reports are written, and real receivers of messages on this machine."""

    def __init__(self, directory: Path) -> None:
        self.hooks, self.mails, self.directory = Hooks(), Mails(), directory
        self.variables: dict[str, Any] = {
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

    def report(self, assistant: Assistant, *options: str, **more: Any) -> Run:
        return assistant.playbook("incident_report", *options, **{**self.variables, **more})

    def file(self, ending: str) -> Path:
        (path,) = (self.directory / "reports").glob(f"*.{ending}")
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.hooks.close()
    made.mails.close()


def test_a_report_without_any_act_says_what_is_not_known_and_touches_no_target(
    assistant: Assistant, desk: Desk
) -> None:
    assert desk.report(assistant, "--check", report_since="1h").code == 0
    assert not (desk.directory / "reports").exists()
    assert desk.report(assistant, report_since="1h").code == 0
    assert len(list((desk.directory / "reports").iterdir())) == 5
    text = desk.file("en.md").read_text()
    assert "No act in the window." in text
    assert "Who was told is not known" in text
    assert assistant.untouched()


def test_bad_input_is_one_sentence_and_nothing_is_written(assistant: Assistant, desk: Desk) -> None:
    run = desk.report(assistant, report_run_id="nobody")
    assert run.code != 0
    assert "No act of the run 'nobody' is in the journals." in run.text
    assert not (desk.directory / "reports").exists()


# What is planted where customers and components write, and a key that is none.
PLANTED = (*SECRETS, "PLANTEDENV")
LINES = (
    f"CRITICAL:app.core:OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|conv={HOSTILE}|idem=1",
    f"CRITICAL:app.core:INSTANCE_GUARD|level=CRITICAL|type=invalid_pattern|value={HOSTILE}|conv=c|idem=2",
    f"ERROR:app.core:could not connect to postgresql://kumon:{PLANTED[2]}@db:5432/kumon for 5511988887777",
)


@dataclass
class Incident:
    """An incident from its diagnosis to its report, and what each run came to."""

    desk: Desk
    report: Run
    runs: list[Run]


@pytest.fixture(scope="module")
def incident(assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    """Hand-offs get lost, customers write what they like, delivery is switched off, people are told."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    for line in LINES:
        assistant.sh(f"printf '%s\\n' {shlex.quote(line)} >> {LOG}")
    assistant.fault(lost_handoff=True)
    time.sleep(2)
    hostile = {"runbook_evolution_api_key": f"{PLANTED[-1]}-0123456789", "ansible_no_target_syslog": True}
    facts = {"headline": {"__ansible_unsafe": HOSTILE}}  # what -e gives is a template, unless it is said not to be
    runs = [
        assistant.playbook("diagnose", "-v", depth="full", **desk.variables, **hostile),
        assistant.playbook("diagnose", depth="full", output="json", **desk.variables, **hostile),
        assistant.playbook("health_check", "-v", **desk.variables),
        assistant.playbook("rollback_level1", "-v", **desk.variables),
        assistant.playbook("notify", "-v", notify_event="close", notify_facts=facts, **desk.variables),
        desk.report(assistant, "-v"),
    ]
    assert [run.code for run in runs][3:] == [0, 0, 0]
    yield Incident(desk, runs[-1], runs)
    desk.hooks.close()
    desk.mails.close()


def test_the_report_tells_the_incident_from_its_first_sign_to_its_proof(
    assistant: Assistant, incident: Incident
) -> None:
    desk, run = incident.desk, incident.report
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


def test_evidence_was_kept_once_the_kill_switch_held(assistant: Assistant, incident: Incident) -> None:
    (home,) = assistant.sh(f"ls -d {STATE}/evidence/*").split()
    manifest = json.loads(assistant.sh(f"cat {home}/manifest.json"))
    assert {entry["name"] for entry in manifest["files"]} >= {"flags.json", "unit.txt", "journal.jsonl", "log.txt"}
    for entry in manifest["files"]:
        assert assistant.sh(f"sha256sum {home}/{entry['name']}").split()[0] == entry["sha256"]
    outcome = [entry for entry in assistant.journal() if entry["phase"] == "outcome"][0]
    assert manifest["collected"] > outcome["time"]


def test_the_pages_open_in_a_browser(incident: Incident) -> None:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for locale in ("pt_BR", "en"):
            for width, height in ((1280, 900), (390, 844)):
                page = chromium.new_page(viewport={"width": width, "height": height})
                assert_opens(page, f"file://{incident.desk.file(f'{locale}.html')}", width)
                page.close()
        chromium.close()


def assert_opens(page: Page, url: str, width: int) -> None:
    """The page is whole, as wide as its screen, runs nothing, and asks nobody for anything."""
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    shown = page.evaluate("""({
        wide: document.documentElement.scrollWidth,
        scripts: document.scripts.length,
        images: [...document.images].map(
            one => [one.complete, one.naturalWidth > 0, one.clientWidth > 200, one.alt !== ""])
    })""")
    assert said == []
    assert [one for one in asked if one != url and not one.startswith("data:image/svg+xml")] == []
    assert shown["wide"] <= width
    assert shown["scripts"] == 0
    assert shown["images"] == [[True] * 4] * 3


def test_planted_secrets_are_in_no_output_message_journal_evidence_or_report(
    assistant: Assistant, incident: Incident
) -> None:
    """Everything that leaves a run is searched for what was planted."""
    desk = incident.desk
    kept = {
        "outputs": "".join(run.text for run in incident.runs),
        "messages": json.dumps(desk.hooks.got) + "".join(str(mail) for mail in desk.mails.mails),
        "journal": assistant.sh(f"cat {STATE}/journal.jsonl"),
        "evidence": assistant.sh(f"cat {STATE}/evidence/*/*"),
        "desk": "".join(path.read_text() for path in desk.directory.rglob("*") if path.is_file()),
    }
    assert all(len(text) > 100 for text in kept.values())
    assert "conv_***7777" in kept["desk"] + kept["evidence"]
    for where, text in kept.items():
        for secret in PLANTED:
            assert secret not in text, f"{secret} is in the {where}"
        for mark in ("\x1b[2J", "\u202e"):
            assert mark not in text, f"{mark!r} is in the {where}"
