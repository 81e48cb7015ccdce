# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health check that is scheduled on the controller, against a sound assistant and one that is down."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.host import Assistant, Run, run_command


def state(assistant: Assistant, run: Run) -> str:
    items = {item["item"]: item["state"] for item in run.result["hosts"][assistant.name]["items"]}
    return items["health_check"]


CRONTAB = """#!/bin/sh
[ "$1" = -l ] || exec cp "$1" {table}
[ ! -e {table} ] || exec cat {table}
exit 1
"""


def test_the_check_is_scheduled_on_the_controller_and_pages(
    assistant: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant.restore()
    assistant.wait_for_deliveries()
    desk, table = tmp_path / "desk", tmp_path / "table"
    (tmp_path / "crontab").write_text(CRONTAB.format(table=table))
    (tmp_path / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    variables: dict[str, Any] = {
        "go_live_check": "cron",
        "runbook_desk_dir": str(desk),
        "notify_dry_run": True,
        "runbook_contacts": {
            "technical": [{"name": "Dev", "channels": [{"type": "slack", "url": "https://x.example"}]}]
        },
    }
    # What it is given is the command of this run, so the second one is the same to the letter.
    command = assistant.command("prepare_go_live", **variables)
    assert state(assistant, run_command(command)) == "installed"
    assert run_command(command).changed == 0
    (line,) = [line for line in table.read_text().splitlines() if not line.startswith("#")]
    assert line.startswith("*/5 * * * * ")
    job = line.split(" ", 5)[5]

    def tick() -> tuple[int, list[str]]:
        # As cron starts it.
        done = subprocess.run(
            ["/bin/sh", "-c", job],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": "/root"},
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).splitlines()

    code, lines = tick()
    assert (code, lines) == (0, []), "\n".join(lines)
    assert json.loads((desk / "health-check.json").read_text())["status"] == "ok"
    assert list(desk.glob("dry_run/outbox/*")) == []
    assistant.sh("systemctl stop kumon-assistant")
    code, lines = tick()
    assert code in (20, 30)
    assert 0 < len(lines) <= 10
    assert list((desk / "dry_run/outbox").iterdir())
    run = assistant.playbook("prepare_go_live", prepare_state="absent", **variables)
    assert state(assistant, run) == "removed"
    assert "runbook" not in table.read_text()
    assert not (desk / "runbook-health-tick").exists()
