# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.running import FilterModule
from ansible_collections.kumon.runbook.plugins.plugin_utils._result import run_result

incident_news = FilterModule().filters()["incident_news"]


def outcome(procedure, status, level=1, **more):
    return {
        "procedure": procedure,
        "status": status,
        "level": level,
        "verdict": None,
        "message": status.upper(),
        **more,
    }


def news(outcomes, hosts=(), waiting=()):
    result = run_result(outcomes, [*outcomes, *hosts], 0.0, 1.0, "r1")
    return incident_news(outcomes, result, waiting, "ana")


@pytest.mark.parametrize(
    ("procedure", "status", "level", "more", "event"),
    [
        ("rollback_level1", "proven", 1, {}, "open"),
        ("rollback_level3", "failed", 3, {}, "open"),
        ("rollback_level3", "unreachable", 3, {}, "update"),
        ("rollback_level2", "planned", 2, {}, ""),
        ("roll_forward", "proven", 1, {}, "update"),
        ("evolution_instance", "proven", 0, {"delivery": "off"}, "open"),
        ("evolution_instance", "proven", 0, {"delivery": "unknown"}, "update"),
        ("evolution_instance", "planned", 0, {"delivery": "unknown"}, ""),
        ("emergency_recovery", "proven", 2, {}, "open"),
        ("emergency_recovery", "rollback", None, {"to_person": True}, "open"),
        ("emergency_recovery", "ok", 0, {"to_person": True}, "open"),
        ("emergency_recovery", "failed", None, {}, "update"),
        ("emergency_recovery", "failed", 1, {}, "open"),
        ("emergency_recovery", "ok", 0, {"to_person": False}, ""),
        ("validate_recovery", "proven", 0, {"proof": {"safe_mode": False}}, "close"),
        ("validate_recovery", "proven", 0, {"proof": {"safe_mode": True}}, ""),
        ("validate_recovery", "failed", 0, {}, ""),
        ("health_check", "rollback", 1, {}, ""),
    ],
)
def test_what_a_run_is_to_those_who_are_told(procedure, status, level, more, event):
    assert news({"a": outcome(procedure, status, level, **more)})["event"] == event


def test_one_host_that_is_fine_does_not_end_the_incident_of_another():
    fine = outcome("validate_recovery", "proven", 0, proof={"safe_mode": False})
    assert news({"a": fine, "b": outcome("validate_recovery", "failed", 0)})["event"] == ""
    assert news({"a": fine}, hosts=["lost"])["event"] == ""
    assert news({"a": fine, "b": {**fine, "proof": {"safe_mode": True}}})["event"] == ""
    assert news({"a": fine, "b": fine})["event"] == "close"


def test_the_worst_host_is_the_headline_and_delivery_is_known_only_when_all_agree():
    a = outcome("rollback_level1", "proven", delivery="off")
    b = outcome("rollback_level1", "ignored", delivery="unknown", verdict={"reasons": ["still sending"]})
    facts = news({"a": a, "b": b})["facts"]
    assert (facts["status"], facts["headline"], facts["delivery"]) == ("ignored", "IGNORED", "unknown")
    assert facts["hosts"] == {"a": "proven", "b": "ignored"}
    assert facts["reasons"] == ["still sending"]
    assert news({"a": a, "b": a})["facts"]["delivery"] == "off"


def test_what_other_waves_wait_for_is_not_done_yet():
    facts = news({"a": outcome("rollback_level3", "proven", 3)}, waiting=["b", "c"])["facts"]
    assert facts["status"] == "begun"
    assert facts["hosts"] == {"a": "proven", "b": "waiting", "c": "waiting"}
    assert news({"a": outcome("rollback_level3", "failed", 3)}, waiting=["b"])["facts"]["status"] == "failed"


def test_a_proven_rollback_says_when_it_stopped_and_what_the_log_showed_first():
    def facts(procedure, status, waiting=(), **more):
        return news({"a": outcome(procedure, status, **more)}, waiting=waiting)["facts"]

    # By the run's end, a second after its begin.
    assert facts("rollback_level1", "proven")["stopped"] == "1970-01-01T00:00:01.000Z"
    assert facts("rollback_level1", "unproven")["stopped"] is None
    assert facts("rollback_level1", "proven", waiting=["b"])["stopped"] is None
    assert facts("roll_forward", "proven")["stopped"] is None
    a, b = ({"first_sign": f"2026-11-27T11:0{minute}Z", "reasons": []} for minute in (2, 1))
    both = {"a": outcome("rollback_level1", "proven", verdict=a), "b": outcome("rollback_level1", "proven", verdict=b)}
    assert news(both)["facts"]["first_sign"] == "2026-11-27T11:01Z"
    assert facts("rollback_level1", "proven")["first_sign"] is None


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^"):
        incident_news({}, {})
