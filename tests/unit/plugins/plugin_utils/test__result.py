# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._result import (
    STATUSES,
    refusal,
    run_result,
)


def outcome(status, **more):
    return {"procedure": "health_check", "status": status, "level": 0, "verdict": None, "budget_seconds": 30, **more}


@pytest.mark.parametrize("worse", STATUSES[1:])
@pytest.mark.parametrize("better", STATUSES[1:])
def test_a_run_is_as_good_as_its_worst_host(worse, better):
    if STATUSES.index(worse) > STATUSES.index(better):
        worse, better = better, worse
    result = run_result({"a": outcome(better), "b": outcome(worse)}, ["a", "b"], 10.0, 12.5, "r1")
    assert result["status"] == worse
    assert (result["seconds"], result["run_id"], result["procedure"]) == (2.5, "r1", "health_check")


def test_a_host_without_outcome_was_not_reached():
    result = run_result({"a": outcome("ok")}, ["a", "b"], 10.0, 11.0, "r1")
    assert (result["status"], result["next_step"]) == ("unreachable", "reach b again")
    assert result["hosts"]["a"]["status"] == "ok"


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="a has the unknown status 'fine'"):
        run_result({"a": outcome("fine")}, ["a"], 0.0, 1.0, "r")
    with pytest.raises(ValueError, match="a run without hosts has no result"):
        run_result({}, [], 0.0, 1.0, "r")


def test_the_message_of_the_worst_host_is_that_of_the_run():
    outcomes = {"a": outcome("ok", message="HEALTHY"), "b": outcome("watch", message="WATCH closely", next_step="look")}
    result = run_result(outcomes, ["a", "b", "c"], 10.0, 11.0, "r1")
    assert (result["message"], result["hosts"]["c"]["message"]) == (None, None)
    result = run_result(outcomes, ["a", "b"], 10.0, 11.0, "r1")
    assert (result["message"], result["next_step"]) == ("WATCH closely", "look")
    shown = {"status": "ok", "level": 0, "verdict": None, "next_step": None, "message": "HEALTHY"}
    assert result["hosts"]["a"] == shown


def test_a_run_that_was_refused_before_it_had_a_host_has_a_result_too():
    found = refusal("rollback_level2", "No host to act on")
    result = found["runbook_result"]
    assert found == {"runbook_result": result, "runbook_result_rollback_level2": result}
    assert (result["procedure"], result["status"]) == ("rollback_level2", "refused")
    assert (result["message"], result["next_step"], result["hosts"]) == ("No host to act on", "No host to act on", {})
    whole = run_result({"a": outcome("ok")}, ["a"], 10.0, 11.0, "r1")
    assert set(result) == set(whole)
