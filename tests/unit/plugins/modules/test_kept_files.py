# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import kept_files

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(tmp_path):
    page = {"path": str(tmp_path / "reports" / "r1.md"), "content": '{"so": "é"}\n'}
    return {"files": [page, {"path": str(tmp_path / "report.json"), "content": "{{ no template }}\n"}]}


def test_the_files_are_written_once_and_not_in_check_mode(arguments, tmp_path):
    paths = [entry["path"] for entry in arguments["files"]]
    assert run_module(kept_files, arguments, check_mode=True) == {"changed": True, "written": paths}
    assert tree(tmp_path) == {} and not (tmp_path / "reports").exists()
    assert run_module(kept_files, arguments) == {"changed": True, "written": paths}
    assert tree(tmp_path) == {entry["path"]: entry["content"].encode() for entry in arguments["files"]}
    assert run_module(kept_files, arguments) == {"changed": False, "written": []}
    arguments["files"][1]["content"] = "other"
    assert run_module(kept_files, arguments) == {"changed": True, "written": paths[1:]}


@pytest.mark.parametrize(
    ("more", "modes"), [({}, [0o750, 0o640]), ({"mode": "0640"}, [0o750, 0o640]), ({"mode": "0600"}, [0o700, 0o600])]
)
def test_nobody_else_can_read_them(arguments, tmp_path, more, modes):
    run_module(kept_files, {**arguments, **more})
    found = [path.stat().st_mode & 0o777 for path in (tmp_path / "reports", tmp_path / "reports" / "r1.md")]
    assert found == modes


def test_a_file_that_cannot_be_written_is_one_sentence_and_those_after_it_are_not_written(arguments, tmp_path):
    (tmp_path / "reports").write_text("no directory")
    result = run_module(kept_files, arguments)
    assert result["failed"] and str(tmp_path / "reports") in result["msg"]
    assert not (tmp_path / "report.json").exists()


def test_a_path_that_is_not_absolute_is_refused_before_anything_is_written(arguments, tmp_path):
    arguments["files"].append({"path": "reports/r2.md", "content": ""})
    result = run_module(kept_files, arguments)
    assert result["failed"] and result["refused"] and "reports/r2.md" in result["msg"]
    assert tree(tmp_path) == {}


def test_everything_documented_is_returned(arguments):
    documented = {name for name, value in yaml.safe_load(kept_files.RETURN).items() if value["returned"] == "success"}
    assert documented <= set(run_module(kept_files, arguments))
