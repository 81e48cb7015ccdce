# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._result import (
    STATUSES,
    kill_switch_proof,
    run_result,
    service_proof,
)


def flags(environment=True, reported=None, health=True):
    return {
        "reported": {"DELIVERY_DISABLE": reported},
        "proofs": [
            {"proof": "declared", "had": True, "detail": "file"},
            {"proof": "environment", "had": environment, "detail": "process 1"},
            {"proof": "health", "had": health, "detail": "url"},
            {"proof": "reported", "had": reported is True, "detail": "x"},
        ],
    }


def traces(planned=0, sent=0, success=0):
    return {"handoff": {"planned": planned}, "delivery": {"sent": sent, "success": success}}


FENCE = {"present": True, "uid": 998, "addresses": ["192.0.2.1"], "port": 8080}


@pytest.mark.parametrize(
    ("given", "seen", "fence", "status", "reason"),
    [
        (flags(reported=True), traces(planned=3), None, "proven", "reported"),
        (flags(reported=True), traces(), None, "proven", "reported"),
        (flags(reported=True), None, None, "proven", "reported"),
        (flags(), traces(planned=1), None, "proven", "observed"),
        (flags(health=False), traces(planned=1), None, "proven", "observed"),
        # A released version ignores the flag: whatever is declared and reported, it goes on sending.
        (flags(reported=True), traces(planned=3, sent=1), None, "ignored", "still_sending"),
        (flags(), traces(planned=6, sent=6, success=6), None, "ignored", "still_sending"),
        (flags(), traces(success=1), None, "ignored", "still_sending"),
        (flags(reported=False), traces(planned=3), None, "ignored", "reports_false"),
        # Nothing seen is nothing proven.
        (flags(), traces(), None, "unproven", "no_message_seen"),
        (flags(), None, None, "unproven", "no_message_seen"),
        (flags(environment=False, reported=True), traces(planned=3), None, "unproven", "not_in_process"),
        ({}, traces(planned=3), None, "unproven", "not_in_process"),
        (flags(), traces(planned=3, sent=3), FENCE, "proven", "fenced"),
        (flags(), traces(planned=3, sent=3, success=1), FENCE, "ignored", "fence_leaks"),
        (flags(reported=True), traces(), dict(FENCE, present=False), "ignored", "fence_leaks"),
    ],
)
def test_the_kill_switch_is_believed_by_what_the_process_has_and_does(given, seen, fence, status, reason):
    proof = kill_switch_proof(given, seen, fence)
    assert (proof["status"], proof["reason"]) == (status, reason)


def test_the_proofs_say_what_was_looked_at():
    proofs = {item["proof"]: item for item in kill_switch_proof(flags(), traces(planned=4))["proofs"]}
    assert proofs["log"] == {"proof": "log", "had": True, "detail": "4 planned, 0 sent"}
    assert proofs["environment"]["had"] is True
    fenced = {item["proof"]: item for item in kill_switch_proof(flags(), traces(sent=2), FENCE)["proofs"]}
    assert fenced["fence"]["detail"] == "user 998 to 192.0.2.1 port 8080"
    assert kill_switch_proof(flags(), None)["proofs"][-1] == {
        "proof": "log",
        "had": False,
        "detail": "the log could not be read",
    }


def seen(planned=0, read=0, lost=0, mismatches=0, incidents=0, sent=0):
    return {
        "handoff": {"planned": planned, "read": read, "lost": lost, "state_mismatches": mismatches},
        "guards": {"incidents": incidents},
        "delivery": {"sent": sent, "success": 0},
    }


@pytest.mark.parametrize(
    ("given", "looked", "delivery_off", "status", "reason"),
    [
        (flags(), seen(planned=2, read=2, sent=2), False, "proven", "observed"),
        (flags(), seen(), False, "proven", "answering"),
        (flags(), None, False, "proven", "answering"),
        # Planned and not read yet says nothing, unless the kill-switch keeps delivery from reading.
        (flags(health=False), seen(planned=1), False, "unproven", "no_message_seen"),
        (flags(health=False), seen(planned=1), True, "proven", "observed"),
        (flags(health=False), None, False, "unproven", "no_message_seen"),
        # A service that answers and goes on losing messages was not cured.
        (flags(), seen(planned=3, read=2, lost=1), False, "ignored", "still_failing"),
        (flags(), seen(planned=3, read=3, mismatches=1), False, "ignored", "still_failing"),
        (flags(), seen(planned=3, incidents=1), False, "ignored", "still_failing"),
        (flags(), seen(planned=3, read=3, sent=1), True, "ignored", "still_sending"),
        (flags(environment=False), seen(planned=3, read=3), False, "unproven", "not_in_process"),
        ({}, seen(planned=3, read=3), False, "unproven", "not_in_process"),
    ],
)
def test_an_act_is_believed_by_what_the_service_does_next(given, looked, delivery_off, status, reason):
    proof = service_proof(given, looked, delivery_off)
    assert (proof["status"], proof["reason"]) == (status, reason)
    log = proof["proofs"][-1]
    assert log["had"] == (looked is not None and looked["handoff"]["planned"] > 0 and status != "ignored")


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
