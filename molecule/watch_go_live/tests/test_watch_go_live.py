# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch: over a restart and a customer who quotes a guard, to a rollback by itself, and one that was stopped."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.host import LOG, ROOT, Assistant, environment

# By renaming, as prepare_go_live.yml has it rotated.
VARIABLES = {"runbook_log_paths": [f"{LOG}*"]}
RECOVERY = {"recovery_watch_seconds": 4, "recovery_watch_every": 2}
DECISION = 5.0
"""Seconds from a guard line to the decision, as promised of a machine that does nothing else; here others work too."""
BESIDE_OTHERS = 2
PAGE = 60.0
"""Seconds from a guard line to the page."""


class Watch:
    """A watch that runs, and when it said what."""

    def __init__(self, command: list[str]) -> None:
        self.lines: list[tuple[float, str]] = []
        self._run = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._run.stdout
        for line in self._run.stdout:
            self.lines.append((time.time(), line))

    def saw(self, pattern: str, seconds: float = 60) -> float:
        """When it first said so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for at, line in list(self.lines):
                if re.search(pattern, line):
                    return at
            time.sleep(0.05)
        raise AssertionError(f"{pattern} was not said:\n{self.text}")

    @property
    def text(self) -> str:
        return "".join(line for _at, line in self.lines)

    def end(self) -> int:
        """Wait until it is over; its exit."""
        code = self._run.wait(timeout=180)
        self._reader.join()
        print(self.text)
        return code


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "desk"


@pytest.fixture
def start(assistant: Assistant, desk: Path) -> Iterator[Any]:
    """Start a watch in English that may act by itself."""
    watches = []

    def started(seconds: int, mode: str = "recover", **more: Any) -> Watch:
        wanted = {"watch_for": f"{seconds}s", "watch_mode": mode, "runbook_desk_dir": str(desk), "runbook_locale": "en"}
        watches.append(Watch(assistant.command("watch_go_live", **wanted, **RECOVERY, **more)))
        return watches[-1]

    yield started
    for watch in watches:
        watch.end()


def kept(desk: Path, kind: str) -> list[dict[str, Any]]:
    path = desk / f"{kind}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def message(assistant: Assistant, text: str) -> None:
    """A customer writes."""
    url = "http://127.0.0.1:8000/api/v1/evolution/webhook"
    key = {"remoteJid": "5511966660001@s.whatsapp.net", "id": "quoted", "fromMe": False}
    data = {"key": key, "message": {"conversation": text}, "pushName": "x", "messageType": "conversation"}
    body = json.dumps({"event": "messages.upsert", "instance": "kumon_assistant", "data": data})
    answer = assistant.sh("curl -sS -m 5 -H 'Content-Type: application/json' -d %s %s", body, url)
    assert "error" not in answer.lower(), answer


def guard(assistant: Assistant) -> float:
    """Have the assistant refuse to lose a message; when its log first said so, by the clock that both have."""
    assistant.fault(lost_handoff=True, guard=True)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = assistant.host.run(f"""grep -am1 '"message": "OUTBOX_GUARD|' {LOG}""").stdout
        if found:
            return datetime.fromisoformat(f"{json.loads(found)['timestamp']}+00:00").timestamp()
        time.sleep(0.2)
    raise AssertionError("no guard was logged")


def test_bad_input_is_refused(assistant: Assistant) -> None:
    assistant.assert_refuses_each(
        "watch_go_live",
        [
            ({"watch_for": "a while"}, "'a while'"),
            ({"watch_mode": "act"}, "page, propose, recover"),
            ({"watch_every": 0}, "watch_every"),
            ({"runbook_log_paths": ["/var/log/none.log"]}, "/var/log/none.log does not exist"),
        ],
        runbook_locale="en",
    )


def test_a_person_lets_automation_act_by_name(assistant: Assistant, desk: Path) -> None:
    asked = {"runbook_desk_dir": str(desk), "runbook_locale": "en"}
    run = assistant.playbook("automation", override="Maria", reason="go-live", **asked)
    assert (run.code, run.status) == (0, "ok") and "let loose by Maria" in run.result["message"]
    assert [record["name"] for record in kept(desk, "automation")] == ["Maria"]
    assert assistant.untouched()


def test_a_restart_a_rotation_and_a_quoted_guard_lead_to_nothing(assistant: Assistant, desk: Path, start: Any) -> None:
    assistant.wait_for_deliveries()
    watch = start(30)
    watch.saw("HEALTHY")
    message(assistant, "oi\nOUTBOX_GUARD|level=CRITICAL|type=x|conv=a|idem=b")
    message(
        assistant, "CRITICAL:app.core.observability.handoff_guards:OUTBOX_GUARD|level=CRITICAL|type=x|conv=a|idem=b"
    )
    assistant.sh(f"mv {LOG} {LOG}-20261127 && systemctl restart kumon-assistant")
    code = watch.end()
    assert assistant.lines("action=result.*status=success") > 0, "nothing came after the rotation"
    assert code == 0, watch.text
    assert (kept(desk, "would_act"), assistant.environ("DELIVERY_DISABLE")) == ([], None)
    (look,) = kept(desk, "look")
    assert look["seconds"] > 10
    assert (desk / "journal_heads" / f"{assistant.name}.json").exists()


def test_a_guard_leads_to_a_rollback_within_seconds(sound: Assistant, desk: Path, start: Any) -> None:
    # Each line says when.
    sound.sh(f"rm -f {LOG}-* && sed -i s/^LOG_FORMAT=.*/LOG_FORMAT=json/ /opt/kumon-assistant/.env")
    sound.restore()
    watch = start(20)
    watch.saw("HEALTHY")
    written = guard(sound)
    decided = watch.saw("ROLLBACK needed")
    sound.fault()
    print(f"from a guard line to the decision: {decided - written:.2f} s")
    assert decided - written <= BESIDE_OTHERS * DECISION
    assert "let loose by Maria" in watch.text or watch.saw("let loose by Maria")
    assert watch.end() != 0
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert [entry["procedure"] for entry in sound.journal() if entry["act"] == "decision"] == ["emergency_recovery"] * 2
    (would,) = kept(desk, "would_act")
    assert (would["level"], would["acted"]) == (1, True)


def test_the_switch_stops_it_and_people_are_told_instead(sound: Assistant, desk: Path, start: Any) -> None:
    asked = {"runbook_desk_dir": str(desk), "runbook_locale": "en"}
    assert sound.playbook("automation", stop="2h", **asked).code == 0
    contacts = {"technical": [{"name": "Dev", "channels": [{"type": "slack", "url": "https://x.example"}]}]}
    watch = start(15, runbook_contacts=contacts, notify_dry_run=True)
    written = guard(sound)
    watch.saw("does not act by itself: stopped by")
    assert watch.end() != 0
    assert (sound.environ("DELIVERY_DISABLE"), sound.journal()) == (None, [])
    (told, *_more) = sorted((desk / "dry_run/outbox").iterdir(), key=lambda path: path.stat().st_mtime)
    assert told.stat().st_mtime - written <= PAGE
