# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on a real repository and a real service without a supervisor."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import release

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(real, tmp_path):
    return real.service.arguments(
        env_file=str(tmp_path / "etc" / "runbook.env"),
        state_dir=str(tmp_path / "state"),
        app_dir=str(real.repository.directory),
        commit=real.repository.commits["second"][:10],
        min_free_mb=1,
        keep=["DELIVERY_DISABLE"],
    )


def test_the_quartet(real, arguments, tmp_path):
    real.serve(DELIVERY_DISABLE="true")
    before = tree(tmp_path)
    check = run_module(release, arguments, check_mode=True)
    assert (check["changed"], check["restarted"], tree(tmp_path)) == (True, False, before)
    run = run_module(release, arguments)
    assert (run["changed"], run["after"]["commit"]) == (True, real.repository.commits["second"])
    assert run["kept"] == {"DELIVERY_DISABLE": {"before": "true", "after": "true"}}
    before = tree(tmp_path)
    assert not run_module(release, arguments, check_mode=True)["changed"]
    again = run_module(release, arguments)
    assert (again["changed"], again["restarted"], tree(tmp_path)) == (False, False, before)


def test_everything_documented_is_returned_and_nothing_else(real, arguments):
    real.serve()
    result = run_module(release, arguments)
    assert set(result) - {"changed", "failed", "warnings"} == set(yaml.safe_load(release.RETURN))


def test_the_diff_comes_with_diff_mode_only(real, arguments):
    pid = real.serve()
    assert "diff" not in run_module(release, arguments, check_mode=True)
    diff = run_module(release, arguments, check_mode=True, diff=True)["diff"]
    assert diff[-1]["prepared"].endswith(f"would restart kumon-assistant (process {pid})\n")


def test_a_refusal_is_one_sentence(real, arguments):
    real.serve()
    result = run_module(release, {**arguments, "commit": "none"})
    assert (result["failed"], result["msg"]) == (
        True,
        "'none' is no commit, tag or branch of the repository: give one, or 4 to 40 hexadecimal digits of a commit id "
        "(git log)",
    )


def test_a_late_failure_comes_with_what_was_reached(real, arguments):
    repository = real.repository
    repository.git("checkout", "--quiet", repository.commits["first"])
    real.service.start()
    result = run_module(release, {**arguments, "commit": repository.commits["broken"], "trial": "never"})
    assert result["failed"]
    assert (result["changed"], result["returned"], result["restarted"]) == (True, True, True)
    assert result["after"]["commit"] == repository.commits["first"]
    assert result["rescue"].startswith("refs/runbook/rescue/")


def test_undoing_needs_no_commit(real, arguments):
    real.serve()
    arguments.pop("commit")
    result = run_module(release, {**arguments, "state": "undone"})
    assert (result["changed"], result["planned"]) == (False, [])


@pytest.mark.parametrize(
    ("option", "value"), [("budget", "soon"), ("state", "maybe"), ("min_free_mb", "x"), ("commit", None)]
)
def test_wrong_types_fail(arguments, option, value):
    result = run_module(release, {**arguments, option: value})
    assert result["failed"]
    assert option in result["msg"]
