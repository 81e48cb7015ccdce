# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _journal
from ansible_collections.kumon.runbook.plugins.modules import journal_info

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.jsonl"


def write(path, act, phase, run_id="r1", **more):
    fields = {"actor": "ana", "procedure": "p", "before": {}, "after": {}, "ok": None, "msg": ""}
    return _journal.append(str(path), **{**fields, "act": act, "phase": phase, "run_id": run_id, **more})


def read(path, **more):
    return run_module(journal_info, {"state_dir": str(path.parent), **more})


def test_no_journal_is_sound_and_empty(path):
    journal = read(path)["journal"]
    assert (journal["exists"], journal["ok"], journal["entries"], journal["acts"]) == (False, True, 0, [])


def test_begin_and_outcome_are_one_act(path):
    begin = write(path, "decision", "begin", after={"level": 1})
    write(path, "service_flags", "begin")
    write(path, "service_flags", "outcome", ok=False, msg="no")
    outcome = write(path, "decision", "outcome", ok=True, after={"level": 1, "done": True})
    write(path, "look", "note", run_id="r2", msg="seen")
    write(path, "release", "begin", run_id="r3")
    before = tree(path.parent)
    journal = read(path)["journal"]
    assert tree(path.parent) == before
    assert [(act["run_id"], act["act"], act["ok"], act["ended"] is None) for act in journal["acts"]] == [
        ("r3", "release", None, True),
        ("r2", "look", None, False),
        ("r1", "service_flags", False, False),
        ("r1", "decision", True, False),
    ]
    decision = journal["acts"][-1]
    assert (decision["began"], decision["ended"]) == (begin["time"], outcome["time"])
    assert decision["after"] == {"level": 1, "done": True}
    assert 0 <= decision["age"] < 60
    assert (journal["ok"], journal["entries"]) == (True, 6)


def test_the_same_act_twice_in_a_run_is_two_acts(path):
    for ok in (False, True):
        write(path, "decision", "begin")
        write(path, "decision", "outcome", ok=ok)
    write(path, "decision", "begin")
    assert [act["ok"] for act in read(path)["journal"]["acts"]] == [None, True, False]


def test_acts_can_be_chosen(path, monkeypatch):
    monkeypatch.setattr(_journal, "now", lambda: "2020-01-01T00:00:00.000000Z")
    write(path, "old", "note")
    monkeypatch.undo()
    write(path, "new", "note", run_id="r2")
    assert [act["act"] for act in read(path)["journal"]["acts"]] == ["new", "old"]
    assert [act["act"] for act in read(path, max_age=60)["journal"]["acts"]] == ["new"]
    assert [act["act"] for act in read(path, run_id="r1")["journal"]["acts"]] == ["old"]
    assert [act["act"] for act in read(path, max_entries=1)["journal"]["acts"]] == ["new"]


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_broken_chain_names_its_line(path, harm):
    for number in range(4):
        write(path, f"act{number}", "note")
    lines = path.read_text().splitlines(keepends=True)
    if harm == "changed":
        entry = json.loads(lines[2])
        lines[2] = json.dumps({**entry, "actor": "bia"}) + "\n"
    else:
        del lines[2]
    path.write_text("".join(lines))
    result = read(path)
    assert result["failed"]
    assert f"{path} is broken at line 3 (" in result["msg"]
    assert result["journal"]["line"] == 3
    told = read(path, fail_on_broken=False)
    assert ("failed" in told, told["journal"]["ok"], told["journal"]["entries"]) == (False, False, 2)


def test_a_half_written_line_is_told_and_breaks_nothing(path):
    write(path, "one", "note")
    with open(path, "a", encoding="utf-8") as handle:
        handle.write('{"act": "tw')
    write(path, "three", "note")
    journal = read(path)["journal"]
    assert (journal["ok"], journal["torn"], [act["act"] for act in journal["acts"]]) == (True, [2], ["three", "one"])


def test_everything_documented_is_returned_and_nothing_else(path):
    write(path, "one", "note")
    documented = yaml.safe_load(journal_info.RETURN)["journal"]["contains"]
    journal = read(path)["journal"]
    assert set(journal) == set(documented)
    assert set(journal["acts"][0]) == set(documented["acts"]["sample"][0])


def test_a_journal_that_cannot_be_read_is_one_sentence(path):
    path.mkdir(parents=True)
    result = read(path)
    assert result["failed"]
    assert result["msg"].endswith("run with become: true")
