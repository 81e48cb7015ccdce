# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever somebody has set for Ansible, and however hosts are called: a result for each, exit 0 where all are good.

One fork, another strategy and `any_errors_fatal` at once. Both runs are health checks of the demo's scene; between them
its journal is cut.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _journal

from tests.unit.assistant.support import scene_module

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 180
# No inventory file takes each of them; the program of a dynamic one may say whatever it likes.
ODD = ["{{ 7*7 }}", "a b", "-v"]
SETTINGS = {"ANSIBLE_FORKS": "1", "ANSIBLE_STRATEGY": "free", "ANSIBLE_ANY_ERRORS_FATAL": "true"}
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
# Nobody listens there.
AWAY = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


class Run(NamedTuple):
    """What a run came to."""

    code: int
    result: dict[str, Any]
    output: str

    def each(self, name: str) -> dict[str, Any]:
        return {host: outcome[name] for host, outcome in self.result["hosts"].items()}


def play(directory: Path, hosts: dict[str, dict[str, Any]], procedure: str = "health_check", **variables: Any) -> Run:
    """A procedure on the scene under each of these names, in their order."""
    demo = yaml.safe_load((ROOT / "inventory" / "demo" / "hosts.yml").read_text(encoding="utf-8"))["assistant"]["vars"]
    listing = {"assistant": {"hosts": list(hosts), "vars": demo}, "_meta": {"hostvars": hosts}}
    program, kept = directory / "inventory", directory / "result.json"
    (directory / "inventory.json").write_text(json.dumps(listing), encoding="utf-8")
    program.write_text(f"#!/bin/sh\ncat '{directory}/inventory.json'\n", encoding="utf-8")
    program.chmod(0o755)
    kept.unlink(missing_ok=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", str(program)),
            *("-e", json.dumps(variables), f"{procedure}.yml"),
        ],
        cwd=ROOT / "playbooks",
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "matrix" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "keep_result",
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
            "KEEP_RESULT": str(kept),
            "RUNBOOK_DEMO_DIR": str(directory),
            **SETTINGS,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    output = done.stdout + done.stderr
    assert kept.exists(), output
    return Run(done.returncode, json.loads(kept.read_text(encoding="utf-8"))["runbook_result"], output)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Run, dict[str, Run]]]:
    directory = tmp_path_factory.mktemp("settings")
    path = directory / "state" / "journal.jsonl"
    said = {"run_id": "r", "actor": "a", "procedure": "p", "act": "x", "phase": "note"}
    for _entry in range(2):
        _journal.append(str(path), **said, before=None, after=None, ok=True, msg="")
    with scene_module.Scene(directory) as scene:
        scene.traffic(rate=20, seconds=600)
        well = play(directory, dict.fromkeys(ODD, HERE))
        path.write_text(path.read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8")
        cut = play(directory, {"away": AWAY, **dict.fromkeys(ODD[:2], HERE)})
        sent = {"smoke_test_phone": "5511987650000"}
        others = {name: play(directory, {"a b": HERE}, name, **sent) for name in ("decide", "smoke_test", "unanswered")}
        yield well, cut, others


def test_each_host_has_a_result_and_all_are_good(runs: tuple[Run, Run, dict[str, Run]]) -> None:
    run = runs[0]
    assert (run.each("status"), run.code) == (dict.fromkeys(ODD, "ok"), 0), run.output


def test_a_first_host_that_is_away_keeps_no_other_from_its_result(runs: tuple[Run, Run, dict[str, Run]]) -> None:
    run = runs[1]
    assert run.each("status") == {"away": "unreachable", **dict.fromkeys(ODD[:2], "ok")}, run.output
    assert (run.code != 0, run.result["status"]) == (True, "unreachable")


def test_who_looks_is_told_that_a_journal_was_cut_since(runs: tuple[Run, Run, dict[str, Run]]) -> None:
    before, after = (run.result["hosts"]["a b"]["journal"] for run in runs[:2])
    assert (before["seq"], before["ok"], before["as_seen"]) == (2, True, None)
    assert (after["seq"], after["ok"], after["as_seen"]) == (1, True, False)
    assert "journal_heads" in runs[1].output
    assert "journal_heads" not in runs[0].output


def test_who_writes_nothing_down_has_the_journals_head_in_its_result_too(runs: tuple[Run, Run, dict[str, Run]]) -> None:
    heads = {name: run.each("journal").get("a b") for name, run in runs[2].items()}
    assert {name: head["seq"] for name, head in heads.items()} == dict.fromkeys(heads, 1)
