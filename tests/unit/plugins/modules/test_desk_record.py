# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _desk_records, _files
from ansible_collections.kumon.runbook.plugins.modules import desk_record

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(tmp_path):
    return {"dir": str(tmp_path / "desk"), "kind": "drill", "actor": "maria", "run_id": "r1"}


def kept(arguments):
    return os.path.join(arguments["dir"], f"{arguments['kind']}.jsonl")


def test_a_record_is_kept_with_its_stamp_for_nobody_else_to_read_and_not_in_check_mode(arguments, tmp_path):
    would = run_module(desk_record, {**arguments, "add": {"fault": "gateway"}}, check_mode=True)
    assert would["changed"] and would["records"] == [] and would["added"]["fault"] == "gateway"
    assert tree(tmp_path) == {}
    done = run_module(desk_record, {**arguments, "add": {"fault": "gateway"}})
    assert done["changed"] and done["records"] == [done["added"]]
    assert {**done["added"], "at": ""} == {"fault": "gateway", "at": "", "actor": "maria", "run_id": "r1"}
    assert [os.stat(path).st_mode & 0o777 for path in (arguments["dir"], kept(arguments))] == [0o700, 0o600]
    read = run_module(desk_record, arguments)
    assert not read["changed"] and read["records"] == done["records"] and read["added"] is None


def test_reading_makes_nothing(arguments, tmp_path):
    assert run_module(desk_record, arguments)["records"] == []
    assert not (tmp_path / "desk").exists()


def test_a_line_left_half_is_told_and_what_comes_after_it_is_not_lost(arguments):
    run_module(desk_record, {**arguments, "add": {"n": 1}})
    with open(kept(arguments), "ab") as out:
        out.write(b'{"at": "2026-11-2')
    read = run_module(desk_record, arguments)
    assert [record["n"] for record in read["records"]] == [1] and read["torn"] == [2]
    assert read["unread"] == {"drill": {"lines": [2], "newest": True}}
    run_module(desk_record, {**arguments, "add": {"n": 2}})
    read = run_module(desk_record, arguments)
    assert [record["n"] for record in read["records"]] == [1, 2] and read["torn"] == [2]
    assert read["unread"] == {"drill": {"lines": [2], "newest": False}}
    assert run_module(desk_record, {**arguments, "kind": "mark"})["unread"] == {}


@pytest.mark.parametrize(
    "line", [b"[]", b'"at"', b"1", b"{}", b'{"at": 5}', b'{"at": "soon"}', b"\xff", b"[" * 200_000]
)
def test_what_is_no_record_is_told_and_is_none(arguments, line):
    os.makedirs(arguments["dir"])
    with open(kept(arguments), "wb") as out:
        out.write(line + b"\n")
    read = run_module(desk_record, arguments)
    assert (read["records"], read["torn"]) == ([], [1])


def test_what_many_add_at_once_is_all_there(arguments):
    path = kept(arguments)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: _desk_records.add(path, _desk_records.stamped({"n": n}, "a", None)), range(60)))
    records, torn = _desk_records.read(path)
    assert sorted(record["n"] for record in records) == list(range(60)) and torn["lines"] == []


def test_a_full_disk_leaves_what_was_there(arguments, monkeypatch):
    run_module(desk_record, {**arguments, "add": {"n": 1}})
    with open(kept(arguments), "rb") as whole:
        before = whole.read()

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr(os, "fsync", full)
    result = run_module(desk_record, {**arguments, "add": {"n": 2}})
    assert result["failed"] and "No space left" in result["msg"]
    with open(kept(arguments), "rb") as whole:
        assert whole.read() == before


def test_who_holds_it_for_too_long_is_told_in_a_sentence(arguments, monkeypatch):
    monkeypatch.setattr(_desk_records, "LOCK_SECONDS", 0.0)
    run_module(desk_record, {**arguments, "add": {"n": 1}})
    with _files.locked(kept(arguments), 0.0):
        result = run_module(desk_record, {**arguments, "add": {"n": 2}})
    assert result["failed"] and result["refused"] and "another run" in result["msg"]


def test_the_newest_are_returned_and_the_rest_is_counted(arguments):
    os.makedirs(arguments["dir"])
    with open(kept(arguments), "w", encoding="utf-8") as out:
        for day in (1, 2, 3):
            out.write(json.dumps({"at": f"2026-11-0{day}T00:00:00Z", "day": day}) + "\n")
    read = run_module(desk_record, {**arguments, "max_records": 2})
    assert [record["day"] for record in read["records"]] == [2, 3] and read["left_out"] == 1
    read = run_module(desk_record, {**arguments, "since": "2026-11-03T00:00:00Z"})
    assert [record["day"] for record in read["records"]] == [3] and read["left_out"] == 0


@pytest.mark.parametrize(
    "wrong, named",
    [
        ({"dir": "desk"}, "desk"),
        ({"since": "yesterday"}, "since"),
        ({"max_records": 0}, "max_records"),
        ({"add": {"at": "2020-01-01"}}, "at"),
    ],
)
def test_input_that_does_not_fit_is_refused_and_nothing_is_kept(arguments, tmp_path, wrong, named):
    result = run_module(desk_record, {**arguments, "add": {"n": 1}, **wrong})
    assert result["failed"] and result["refused"] and named in result["msg"]
    assert tree(tmp_path) == {}


def test_no_phone_number_is_kept(arguments):
    run_module(desk_record, {**arguments, "add": {"note": "call +55 11 91234-5678"}})
    with open(kept(arguments), encoding="utf-8") as whole:
        assert "91234" not in whole.read()


def test_everything_documented_is_returned(arguments):
    documented = {name for name, value in yaml.safe_load(desk_record.RETURN).items() if value["returned"] == "success"}
    assert documented <= set(run_module(desk_record, arguments))


def test_several_kinds_are_read_in_one_call(arguments):
    run_module(desk_record, {**arguments, "add": {"n": 1}})
    run_module(desk_record, {**arguments, "kind": "mark", "add": {"n": 2}})
    read = run_module(desk_record, {**arguments, "also": ["mark", "look"]})
    assert [record["n"] for record in read["records"]] == [1]
    assert {kind: [record["n"] for record in those] for kind, those in read["also"].items()} == {
        "mark": [2],
        "look": [],
    }
    with open(kept({**arguments, "kind": "mark"}), "ab") as out:
        out.write(b"{")
    assert run_module(desk_record, {**arguments, "also": ["mark"]})["torn"] == [2]
