# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on a real repository."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import release_info

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(repository, tmp_path):
    return {"app_dir": str(repository.directory), "state_dir": str(tmp_path / "state")}


@pytest.mark.parametrize("check_mode", [False, True])
def test_it_reads_and_changes_nothing(repository, arguments, tmp_path, check_mode):
    before = tree(tmp_path)
    result = run_module(release_info, {**arguments, "commit": repository.commits["first"]}, check_mode=check_mode)
    assert result["changed"] is False
    assert result["release"]["chosen"] == {"commit": repository.commits["first"], "why": "asked"}
    assert tree(tmp_path) == before


def test_everything_documented_is_returned_and_nothing_else(arguments):
    result = run_module(release_info, arguments)
    documented = yaml.safe_load(release_info.RETURN)
    assert set(result) - {"changed", "failed"} == set(documented)
    assert set(result["release"]) == set(documented["release"]["contains"])
    assert set(result["release"]["commits"][0]) == set(documented["release"]["contains"]["commits"]["contains"])


def test_phone_numbers_in_subjects_are_not_shown(repository, arguments):
    repository.commit("answer 5511999998888")
    assert "5511999998888" not in str(run_module(release_info, arguments))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"app_dir": "/none"}, "/none does not exist on this host: correct runbook_app_dir"),
        ({"app_dir": "app"}, "app_dir must be an absolute path, not 'app'"),
        (
            {"commit": "x y"},
            "'x y' is no commit, tag or branch of the repository: give one, or 4 to 40 hexadecimal digits of a "
            "commit id (git log)",
        ),
    ],
)
def test_a_refusal_is_one_sentence(arguments, options, message):
    result = run_module(release_info, {**arguments, **options})
    assert (result["failed"], result["msg"]) == (True, message)
