# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import journal_entry, target_lease

from tests.unit.plugins.service_fakes import journal, run_module, tree


@pytest.fixture
def arguments(tmp_path):
    return {"state_dir": str(tmp_path / "state"), "act": "decision", "run_id": "r1", "actor": "ana"}


def test_an_entry_is_written_and_not_in_check_mode(arguments, tmp_path):
    coming = run_module(journal_entry, arguments, check_mode=True)
    assert (coming["changed"], coming["entry"]) == (True, None)
    assert tree(tmp_path) == {}
    result = run_module(journal_entry, {**arguments, "after": {"level": 2}, "phase": "begin"})
    (entry,) = journal(tmp_path)
    assert (entry["act"], entry["phase"], entry["actor"], entry["after"]) == ("decision", "begin", "ana", {"level": 2})
    assert result["entry"] == {key: entry[key] for key in ("seq", "time", "hash")}


def test_a_note_that_says_nothing_new_is_not_repeated(arguments, tmp_path):
    note = {**arguments, "act": "proof", "procedure": "rollback_level1", "ok": True, "repeat": False}
    assert run_module(journal_entry, note)["changed"] is True
    again = run_module(journal_entry, {**note, "run_id": "r2"})
    assert (again["changed"], again["entry"], again["journal"]["entries"]) == (False, None, 1)
    assert run_module(journal_entry, {**note, "procedure": "rollback_level2"})["changed"] is True
    assert run_module(journal_entry, {**note, "ok": False})["changed"] is True
    run_module(journal_entry, {**arguments, "act": "service_flags", "procedure": "rollback_level1", "phase": "begin"})
    assert run_module(journal_entry, {**note, "ok": False})["changed"] is True, "it is of another act"
    assert len(journal(tmp_path)) == 5


def test_a_note_on_one_level_is_not_repeated_because_of_another_level(arguments, tmp_path):
    def undo(level, run, acts):
        shared = {**arguments, "procedure": "roll_forward", "run_id": run}
        for phase in ("begin", "outcome") if acts else ():
            run_module(journal_entry, {**shared, "act": "service_flags", "phase": phase})
        note = {"act": "proof", "after": {"level": level}, "ok": True, "repeat": False}
        return run_module(journal_entry, {**shared, **note})["changed"]

    assert [undo(1, "r1", True), undo(2, "r2", True)] == [True, True]
    assert [undo(1, "r3", False), undo(2, "r4", False), undo(1, "r5", False)] == [False, False, False]
    assert undo(1, "r6", True) is True


def test_phone_numbers_and_secrets_are_masked(arguments, tmp_path):
    told = {"phone": "5511987654321", "url": "postgresql://kumon:hunter2secret@db/kumon"}
    run_module(journal_entry, {**arguments, "msg": "5511987654321 wrote", "before": told, "after": told})
    text = str(journal(tmp_path))
    assert "98765" not in text and "hunter2secret" not in text and "4321 wrote" in text


def test_everything_documented_is_returned(arguments):
    documented = yaml.safe_load(journal_entry.RETURN)
    result = run_module(journal_entry, arguments)
    assert set(result) - {"changed"} == set(documented)
    assert set(result["entry"]) == set(documented["entry"]["contains"])


def test_a_journal_that_cannot_be_written_is_one_sentence(arguments, tmp_path):
    (tmp_path / "state").write_text("a file")
    result = run_module(journal_entry, arguments)
    assert result["failed"]
    assert result["msg"].endswith("run with become: true, or set runbook_state_dir")


@pytest.mark.parametrize("writable", [True, False])
def test_the_lease_of_the_run_is_given_back_whatever_becomes_of_the_entry(arguments, tmp_path, writable):
    def lease():
        path = tmp_path / "state" / "lease.json"
        return path.exists() and path.read_text()

    lent = {"state_dir": arguments["state_dir"], "run_id": "r1", "actor": "ana", "procedure": "rollback_level1"}
    run_module(target_lease, lent)
    if not writable:
        (tmp_path / "state" / "journal.jsonl").mkdir()
    asked = {**arguments, "release_lease": True}
    run_module(journal_entry, {**asked, "run_id": "r2"})
    run_module(journal_entry, arguments)
    run_module(journal_entry, asked, check_mode=True)
    assert '"r1"' in lease()
    result = run_module(journal_entry, asked)
    assert (lease(), bool(result.get("failed"))) == (False, not writable)
