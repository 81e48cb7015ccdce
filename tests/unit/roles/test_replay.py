# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replay as a playbook, which needs no host, so that no scenario has one for it."""

from __future__ import annotations

from tests.unit.records import NOON, as_json, turn
from tests.unit.roles.playbook_run import run_playbook


def test_a_past_log_is_replayed_to_its_end(tmp_path):
    log = tmp_path / "app.log"
    lines = [as_json(line, NOON + 60 * minute) for minute in range(5) for line in turn(f"c{minute}")]
    log.write_text("".join(f"{line}\n" for line in lines))
    before = sorted(path.name for path in tmp_path.iterdir())
    code, result = run_playbook(tmp_path, "replay", log=str(log), runbook_locale="en")
    assert (code, result["procedure"], result["status"]) == (0, "replay", "ok")
    assert result["message"].startswith("5 minutes replayed: ")
    assert sorted({path.name for path in tmp_path.iterdir()} - {"hosts.yml", "result.json"}) == before


def test_a_log_that_is_not_there_is_named(tmp_path):
    code, result = run_playbook(tmp_path, "replay", log=str(tmp_path / "none.log"), runbook_locale="en")
    assert (code != 0, result["status"]) == (True, "refused")
    assert f"there is no log at {tmp_path}/none.log" in result["message"]
