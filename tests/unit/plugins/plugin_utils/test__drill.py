# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._drill_fault import FAULTS as MODULE_FAULTS
from ansible_collections.kumon.runbook.plugins.plugin_utils._drill import (
    FAULTS,
    drill_plan,
    drill_state,
    rehearsal,
    trend,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._problems import problem

from tests.unit.drill_facts import NOW, drilled, held, state


def told(**more):
    return outcome("drill", drilled(**more))


def test_every_fault_of_the_module_rehearses_a_level():
    assert set(FAULTS) == set(MODULE_FAULTS)
    assert set(FAULTS.values()) == {1, 2, 3}


def test_a_drill_that_passed():
    ended = told()
    assert (ended["ok"], ended["status"]) == (True, "proven")
    assert ended["message"] == "DRILL PASSED: 2 faults, rollback_level1, rollback_level2"
    assert "seen after 2.0 s, decided in 0.1 s, act and proof 4.0 s of 30 s, restored in 5.0 s" in ended["lines"][1]
    assert ended["trend"]["detect"] == {"n": 2, "median": 2.0, "worst": 2.0, "last": 2.0}


@pytest.mark.parametrize(("changes", "why"), [
    ({"detected": 0, "decided": 0}, "it was not seen"),
    ({"detected": NOW + 121, "decided": NOW + 122, "acted": 0, "proven": 0}, "seen late: 121.0 s of 120 s"),
    ({"decided": NOW + 70, "acted": NOW + 70, "proven": NOW + 74}, "decided late: 68.0 s of 60 s"),
    ({"proven": NOW + 40}, "act over budget: 37.9 s of 30 s"),
    ({"proven": NOW - 3600, "restored": NOW - 3590}, "clock was set back"),
    ({"act": {"status": "unproven", "message": "nothing was seen"}}, "act not proven: nothing was seen"),
    ({"act": {"status": "reported", "message": "health says so"}}, "act not proven"),
    ({"undo": {"status": "failed", "message": "no journal"}}, "not restored: no journal"),
])  # fmt: skip
def test_a_rehearsal_fails_by_whatever_went_wrong(changes, why):
    one = rehearsal(held(**changes))
    assert (one["status"], why in one["why"], one["counts"]) == ("failed", True, True)
    ended = told(rehearsals=[one])
    assert (ended["ok"], ended["status"]) == (False, "failed")
    assert why in ended["message"] and why in ended["next_step"]


def test_a_drill_whose_restoration_failed_has_failed_however_good_the_acts_were():
    one = rehearsal(held(undo={"status": "unproven"}))
    assert one["act_status"] == "proven" and one["status"] == "failed"
    for wrong, sentence in (
        ({"left": ["network"]}, "the fault is still there: network"),
        ({"state": state(levels=[1])}, "rollback level 1 is still in force"),
        ({"state": state(head="b" * 40)}, "is in place, before it was"),
        ({"verdict": {"status": "watch", "reasons": ["slow"]}}, "it is not healthy: watch: slow"),
        ({"verdict": {}}, "it is not healthy"),
    ):
        ended = told(**wrong)
        assert (ended["ok"], ended["status"]) == (False, "failed")
        assert sentence in ended["message"] and sentence in ended["lines"][-8]


def test_what_the_host_does_not_allow_counts_for_nothing():
    one = rehearsal(held(allowed=False, why={"code": "drill_no_manager", "fields": {}}))
    assert (one["status"], one["counts"], one["why"]) == ("not_allowed", False, "nobody would start the process again")
    ended = told(rehearsals=[one, rehearsal(held())])
    assert ended["status"] == "proven" and ended["lines"][1].startswith("[-] ")
    assert ended["trend"]["detect"]["n"] == 1
    ended = told(rehearsals=[one])
    assert (ended["ok"], ended["status"], ended["next_step"] != "") == (False, "insufficient", True)


def test_a_full_disk_is_answered_and_not_seen():
    one = rehearsal(held(fault="disk", detected=0, decided=0))
    assert (one["status"], one["detect_seconds"]) == ("passed", None)


def test_a_dry_run_says_what_it_would_inject():
    planned = [
        {"item": {"fault": "gateway", "level": 1, "procedure": "rollback_level1"}, "allowed": True},
        {
            "item": {"fault": "disk", "level": 1, "procedure": "rollback_level1"},
            "allowed": False,
            "why": {"code": "drill_root"},
        },
    ]
    ended = told(check=True, rehearsals=[], planned=planned)
    assert (ended["ok"], ended["status"]) == (True, "planned")
    assert "would be injected" in ended["lines"][1] and "not rehearsed" in ended["lines"][2]


def test_the_ledger_is_shown_with_its_trend():
    records = [rehearsal(held(detected=NOW + after, decided=NOW + after + 1)) for after in (1, 2, 9)]
    ended = told(list=True, rehearsals=[], records=records)
    assert (ended["ok"], ended["message"]) == (True, "3 rehearsals in the ledger")
    assert trend(records)["detect"] == {"n": 3, "median": 2.0, "worst": 9.0, "last": 9.0}
    assert ended["lines"][-7] == "Drills, time to see: median 2.0 s, worst 9.0 s, last 9.0 s (n = 3)"
    assert ended["incidents_trend"]["detect"]["n"] == 0
    nothing = told(list=True, rehearsals=[], records=[])["lines"]
    assert (nothing[-5], nothing[-1]) == (
        "Drills, time to recover: - (n = 0)",
        "Real incidents, time to recover: - (n = 0)",
    )


def over(**more):
    """An incident as the desk keeps it."""
    return {
        "first_sign": "2025-11-27T11:00Z",
        "opened": "2025-11-27T11:01:00.500Z",
        "acknowledged": "2025-11-27T11:03:00.500Z",
        "stopped": "2025-11-27T11:05:00Z",
        "closed": "2025-11-27T11:30:00Z",
        **more,
    }


def test_real_incidents_have_a_trend_of_their_own():
    unseen = over(first_sign=None, acknowledged=None, stopped=None, closed="2025-11-27T11:11:00.500Z")
    ended = told(list=True, rehearsals=[], records=[rehearsal(held())], incidents=[over(), unseen])
    assert ended["incidents_trend"] == {
        "detect": {"n": 1, "median": 60.5, "worst": 60.5, "last": 60.5},
        "acknowledge": {"n": 1, "median": 120.0, "worst": 120.0, "last": 120.0},
        "stop": {"n": 1, "median": 300.0, "worst": 300.0, "last": 300.0},
        # Of one without a sign in the log it is known since when people were told.
        "recover": {"n": 2, "median": 1200.0, "worst": 1800.0, "last": 600.0},
    }
    # Neither counts for the other.
    assert [ended["trend"][name]["n"] for name in ("detect", "stop", "recover")] == [1, 1, 1]
    assert ended["lines"][-3] == (
        "Real incidents, time to acknowledge: median 120.0 s, worst 120.0 s, last 120.0 s (n = 1)"
    )


@pytest.mark.parametrize("changes", [
    {"first_sign": "2025-11-27T11:02Z"},
    {"first_sign": "soon"},
    {"first_sign": 5},
    {"opened": None},
])  # fmt: skip
def test_a_time_that_cannot_be_is_none(changes):
    ended = told(list=True, rehearsals=[], incidents=[over(**changes)])
    assert ended["incidents_trend"]["detect"] == {"n": 0, "median": None, "worst": None, "last": None}


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"staging": False}, "runbook_staging true"),
    ({"marked": False}, "/etc/x is missing"),
    ({"faults": ["fire"]}, "there is no fault fire"),
])  # fmt: skip
def test_what_is_not_staging_in_both_places_is_refused(changes, sentence):
    given = {"staging": True, "marked": True, "mark": "/etc/x", "faults": ["gateway", "process"]}
    plan = drill_plan({**given, **changes})
    assert (plan["steps"], sentence in plan["problem"]) == ([], True)
    assert [step["procedure"] for step in drill_plan(given)["steps"]] == ["rollback_level1", "rollback_level3"]


FLAGS = {"level1_flags": {"DELIVERY_DISABLE": True}, "level2_flags": {"A": False, "B": True}}


@pytest.mark.parametrize(("service", "release", "levels"), [
    ({}, {"head": "a"}, []),
    ({"declared": {"DELIVERY_DISABLE": "true"}}, {"head": "a"}, [1]),
    ({"fence": {"present": True}}, {"head": "a"}, [1]),
    ({"declared": {"A": "false", "B": "true"}}, {"head": "a"}, [2]),
    ({"declared": {"A": "false"}}, {"head": "a"}, []),
    ({}, {"head": "b", "previous": {"commit": "a"}}, [3]),
    # An older rollback's: the commit in place is the one of before.
    ({}, {"head": "a", "previous": {"commit": "c"}}, []),
    ({"declared": {"A": "false", "B": "true", "DELIVERY_DISABLE": "true"}}, {"head": "b", "previous": {}}, [2, 1]),
])  # fmt: skip
def test_what_is_in_force_is_undone_from_the_top(service, release, levels):
    records = [{"what": "begun", "host": "s", "head": "a"}, {"what": "restored", "host": "other"}]
    found = drill_state({"service": service, "release": {"release": release}, "records": records, "host": "s", **FLAGS})
    assert (found["levels"], found["open"]) == (levels, True)
    closed = [*records, {"what": "restored", "host": "s"}]
    assert not drill_state({"service": service, "release": {}, "records": closed, "host": "s", **FLAGS})["open"]


def test_what_drills_with_other_settings_may_have_left_is_known():
    def begun(**place):
        return {"what": "begun", "host": "s", "head": "x", **place}

    def elsewhere(*records):
        place = {"path": "/etc/a.json", "directory": ""}
        facts = {"service": {}, "release": {}, "records": list(records), "host": "s", "place": place, **FLAGS}
        return drill_state(facts)["elsewhere"]

    here, there = begun(path="/etc/a.json", directory=""), begun(path="/etc/b.json", directory="/srv/small")
    other = {"path": "/etc/b.json", "directory": "/srv/small"}
    assert elsewhere(there, here) == elsewhere(there, there) == [other]
    assert elsewhere(begun(path="/etc/a.json", directory="/srv/small")) == [{"directory": "/srv/small"}]
    assert elsewhere(there, {"what": "restored", "host": "s"}, here) == elsewhere(here, begun()) == []
    assert elsewhere({**there, "host": "other"}, here) == []


def test_a_drill_undoes_nothing_that_it_has_not_done():
    assert "level 2 is in force here" in problem("drill", {"level": 2})
    assert "staging is not healthy: watch: slow" in problem(
        "drill", {"verdict": {"status": "watch", "reasons": ["slow"]}}
    )
    assert problem("drill", {"verdict": {"status": "ok"}}) == ""
