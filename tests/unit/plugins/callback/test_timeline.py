# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.callback.timeline import CallbackModule, phase_of


class Told:
    """What a display was told."""

    verbosity = 0

    def __init__(self):
        self.lines, self.warnings = [], []

    def banner(self, text):
        self.lines.append(text)

    display = banner

    def warning(self, text):
        self.warnings.append(text)


def task(name, role="kumon.runbook.rollback"):
    owner = None if role is None else SimpleNamespace(get_name=lambda: role)
    return SimpleNamespace(get_name=lambda: f"{role} : {name}", _role=owner)


class Play:
    """A callback whose clock the test moves."""

    def __init__(self, json_file=""):
        self.now, self.told = 100.0, Told()
        self.callback = CallbackModule(display=self.told)
        self.callback._clock = self.callback._wall = lambda: self.now
        self.callback.get_option = {"json_file": str(json_file)}.get
        self.callback.v2_playbook_on_start(None)

    def task(self, seconds, *names):
        self.callback.v2_playbook_on_task_start(task(*names), False)
        self.now += seconds

    def end(self, result=None):
        custom = {"_run": {"runbook_result": result}} if result else {}
        self.callback.v2_playbook_on_stats(SimpleNamespace(custom=custom))
        return self.told


RESULT = {"procedure": "rollback_level1", "run_id": "r1", "status": "proven", "budget_seconds": 30}


def test_it_sums_the_seconds_of_each_phase():
    play = Play()
    play.task(1.0, "Act | Switch off")
    play.task(2.0, "Verify | Look")
    play.task(0.5, "Act | Look again")
    told = play.end(RESULT)
    assert [line.split() for line in told.lines] == [
        ["TIMELINE"],
        ["Act", "1.5", "s", "2", "tasks"],
        ["Verify", "2.0", "s", "1", "task"],
        ["rollback_level1", "3.5", "s", "of", "30", "s", "proven"],
        ["in", "all", "3.5", "s"],
    ]


def test_it_says_when_the_budget_was_not_kept():
    play = Play()
    play.task(31.0, "Act | Switch off")
    assert play.end(RESULT).lines[-2].endswith("31.0 s of 30 s OVER BUDGET  proven")


def test_what_comes_after_the_observed_effect_does_not_count_for_the_budget():
    play = Play()
    play.task(25.0, "Act | Switch off")
    play.task(20.0, "Send | Tell people")
    lines = play.end({**RESULT, "started": 101.0, "seconds": 24.0}).lines
    assert [line.split() for line in lines[-2:]] == [
        ["rollback_level1", "25.0", "s", "of", "30", "s", "proven"],
        ["in", "all", "45.0", "s"],
    ]


def test_numbers_may_be_text_as_ansible_core_2_18_makes_them():
    play = Play()
    play.task(25.0, "Act | Switch off")
    play.task(20.0, "Send | Tell people")
    told = play.end({**RESULT, "budget_seconds": "30", "started": "101.0", "seconds": "24.0"})
    assert told.lines[-2].split() == ["rollback_level1", "25.0", "s", "of", "30", "s", "proven"]
    assert told.warnings == []


def test_the_last_line_is_what_to_run_next():
    play = Play()
    play.task(1.0, "Probe | Ask")
    told = play.end({**RESULT, "next_step": "first\n\x1b[2J  then 5511988887777"})
    assert told.lines[-1].startswith("→ first")
    assert "\x1b" not in told.lines[-1]
    assert "5511988887777" not in told.lines[-1]


def test_of_other_playbooks_it_says_nothing():
    play = Play()
    play.task(1.0, "Act | Theirs", "somebody.else.role")
    play.task(1.0, "Act | Without role", None)
    assert play.end().lines == []


def test_time_of_foreign_tasks_belongs_to_no_phase():
    play = Play()
    play.task(1.0, "Act | Ours")
    play.task(5.0, "Act | Theirs", "somebody.else.role")
    told = play.end(RESULT)
    assert told.lines[1].split()[:2] == ["Act", "1.0"]


def test_a_run_that_ended_early_has_its_phases_too():
    play = Play()
    play.task(1.0, "Select | Refuse")
    assert play.end().lines[-1].split() == ["in", "all", "1.0", "s"]


def test_it_writes_json_when_asked(tmp_path):
    path = tmp_path / "timeline.json"
    path.write_text("old")
    play = Play(path)
    play.task(1.25, "Act | Switch off")
    play.end(RESULT)
    assert json.loads(path.read_text()) == {
        **RESULT,
        "next_step": "",
        "message": "",
        "seconds": 1.25,
        "observed_seconds": None,
        "hosts": {},
        "last_acts": {},
        "phases": [{"phase": "Act", "seconds": 1.25, "tasks": 1}],
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["timeline.json"]


def test_it_says_what_each_host_came_to(tmp_path):
    path = tmp_path / "timeline.json"
    play = Play(path)
    play.task(1.0, "Act | Switch off")
    worst = {"status": "unreachable", "message": None, "next_step": None}
    play.end({**RESULT, "hosts": {"a": worst, "b": {"status": "rollback", "message": "12\nlost", "next_step": "act"}}})
    assert json.loads(path.read_text())["hosts"] == {
        "a": {"status": "unreachable", "message": "", "next_step": ""},
        "b": {"status": "rollback", "message": "12 lost", "next_step": "act"},
    }


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path):
    play = Play(tmp_path / "missing" / "timeline.json")
    play.task(1.0, "Act | Switch off")
    told = play.end(RESULT)
    assert len(told.lines) == 4
    assert told.warnings[0].startswith("The timeline is incomplete (FileNotFoundError")


@pytest.mark.parametrize("broken", [SimpleNamespace(custom=7), SimpleNamespace(custom={"_run": 7})])
def test_it_never_breaks_a_play(broken):
    play = Play()
    play.task(1.0, "Act | Switch off")
    play.callback.v2_playbook_on_stats(broken)
    assert play.told.warnings


def test_a_phase_is_what_stands_before_the_bar():
    assert phase_of("kumon.runbook.health : Probe | Ask | twice") == "Probe"
    assert phase_of("kumon.runbook.health : Validating arguments against arg spec") == ""
