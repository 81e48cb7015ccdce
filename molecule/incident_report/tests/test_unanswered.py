# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of those who got no answer: on the desk for the people who call back, and nowhere else."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path

from tests.scenario.host import LOG, Assistant

NUMBER = re.compile(r"(?<!\d)55\d{10,11}(?!\d)")


def files(desk: Path) -> list[Path]:
    return sorted(desk.glob("unanswered/*.csv"))


def test_nobody_waits_while_everybody_is_answered_and_an_unread_log_says_nothing_of_anybody(
    assistant: Assistant, tmp_path: Path
) -> None:
    assistant.wait_for_deliveries()
    hosts = assistant.inventory({"read": {}, "unread": {"runbook_log_paths": [f"{LOG}.gone"]}})
    variables = {"runbook_locale": "en", "runbook_desk_dir": str(tmp_path)}
    run = assistant.playbook("unanswered", *hosts, "--limit=read,unread", **variables)
    assert run.code != 0
    assert {name: host["status"] for name, host in run.result["hosts"].items()} == {"read": "ok", "unread": "blind"}
    assert "Nobody is without an answer since" in run.text
    assert "does not exist" in run.text
    assert files(tmp_path) == []


def test_who_was_not_answered_stands_in_the_list_and_in_nothing_else(assistant: Assistant, tmp_path: Path) -> None:
    assistant.fault(no_delivery=True)
    time.sleep(10)
    tried = assistant.playbook("unanswered", "--check", runbook_locale="en", runbook_desk_dir=str(tmp_path))
    assert (tried.code, tried.status, files(tmp_path)) == (0, "planned", [])

    run = assistant.playbook("unanswered", "-vvv", runbook_locale="en", runbook_desk_dir=str(tmp_path))
    assert (run.code, run.status) == (0, "ok"), run.text
    (path,) = files(tmp_path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    told = run.result["hosts"][assistant.name]["unanswered"]
    assert len(rows) == told["n"] > 0
    waits = [int(row["wait_minutes"]) for row in rows]
    assert waits == sorted(waits, reverse=True)
    for row in rows:
        (number,) = NUMBER.findall(row["conversation"])
        assert re.sub(r"\D", "", row["phone"]) == number
        assert assistant.lines(f"phase=planner.*{row['conversation']}") > 0
        assert number not in run.text
        assert row["phone"] not in run.text
    assert NUMBER.findall(json.dumps(run.result)) == []
