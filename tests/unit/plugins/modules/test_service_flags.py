# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on a real service without a supervisor."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import service_flags

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(service):
    return service.arguments(flags={"DELIVERY_DISABLE": True})


def test_the_quartet(service, arguments, tmp_path):
    service.start()
    before = tree(tmp_path)
    check = run_module(service_flags, arguments, check_mode=True)
    assert (check["changed"], tree(tmp_path)) == (True, before)
    run = run_module(service_flags, arguments)
    assert (run["changed"], run["restarted"], run["effective"]) == (True, True, {"DELIVERY_DISABLE": "true"})
    before = tree(tmp_path)
    assert not run_module(service_flags, arguments, check_mode=True)["changed"]
    again = run_module(service_flags, arguments)
    assert (again["changed"], again["restarted"], tree(tmp_path)) == (False, False, before)


def test_everything_documented_is_returned_and_nothing_else(service, arguments):
    service.start()
    documented = set(yaml.safe_load(service_flags.RETURN))
    result = run_module(service_flags, arguments)
    assert set(result) - {"changed", "failed"} == documented


def test_the_diff_comes_with_diff_mode_only(service, arguments):
    pid = service.start()
    assert "diff" not in run_module(service_flags, arguments, check_mode=True)
    diff = run_module(service_flags, arguments, check_mode=True, diff=True)["diff"]
    assert diff[-1] == {"prepared": f"would restart kumon-assistant (process {pid})\n"}


def test_a_refusal_is_one_sentence(arguments):
    result = run_module(service_flags, {**arguments, "budget": 0})
    assert (result["failed"], result["msg"]) == (True, "budget must be between 1 and 600 seconds, not 0")


def test_a_late_failure_comes_with_what_was_reached(service, arguments):
    service.start()
    service.mode("crash")
    result = run_module(service_flags, arguments)
    assert result["failed"]
    assert result["msg"].startswith("kumon-assistant did not come back (its process ended at start with exit code 1).")
    assert (result["changed"], result["declared"], result["restarted"]) == (True, {"DELIVERY_DISABLE": "true"}, True)
    assert [proof["proof"] for proof in result["proofs"]] == ["declared", "environment", "health", "reported"]


@pytest.mark.parametrize(
    ("option", "value"), [("budget", "soon"), ("state", "maybe"), ("flags", "x"), ("manager", "docker"), ("port", "p")]
)
def test_wrong_types_fail(arguments, option, value):
    result = run_module(service_flags, {**arguments, option: value})
    assert result["failed"]
    assert option in result["msg"]
