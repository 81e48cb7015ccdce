# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import target_lease

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(tmp_path):
    return {"state_dir": str(tmp_path / "state"), "run_id": "r1", "actor": "ana", "procedure": "rollback_level3"}


def test_held_and_released(arguments, tmp_path):
    assert run_module(target_lease, arguments, check_mode=True)["changed"]
    assert tree(tmp_path) == {}
    result = run_module(target_lease, arguments)
    assert (result["changed"], result["lease"]["actor"], result["taken_over_from"]) == (True, "ana", None)
    other = {**arguments, "run_id": "r2", "actor": "bia"}
    refused = run_module(target_lease, other)
    assert (refused["failed"], refused["refused"], refused["lease"]["run_id"]) == (True, True, "r1")
    assert refused["msg"].startswith("this host is held by ana (rollback_level3, level 1, run r1) until ")
    taken = run_module(target_lease, {**other, "level": 2})
    assert taken["taken_over_from"]["run_id"] == "r1"
    released = {**other, "state": "released"}
    assert not run_module(target_lease, {**arguments, "state": "released"})["changed"]
    assert run_module(target_lease, released, check_mode=True)["changed"]
    result = run_module(target_lease, released)
    assert (result["changed"], result["lease"]) == (True, None)
    assert not run_module(target_lease, released)["changed"]


def test_everything_documented_is_returned_and_nothing_else(arguments):
    documented = yaml.safe_load(target_lease.RETURN)
    result = run_module(target_lease, arguments)
    assert {*set(result) - {"changed"}, "refused"} == set(documented)
    assert set(result["lease"]) == set(documented["lease"]["contains"])


def test_bad_input_is_one_sentence(arguments):
    result = run_module(target_lease, {**arguments, "seconds": 0})
    assert (result["failed"], result["msg"]) == (True, "a lease lasts between 1 and 3600 seconds, not 0")
