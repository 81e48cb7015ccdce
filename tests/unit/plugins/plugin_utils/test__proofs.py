# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._proofs import (
    kill_switch_proof,
    recovery_proof,
    service_proof,
)

from tests.unit.records import (
    NOON,
    WINDOW,
    counted,
    instance_guard,
    instance_trace,
    outbox,
    outbox_guard,
    send,
    turn,
    turns,
)


def proof(records, began=NOON - 2 * WINDOW, **options):
    options = {"service_running": True, "service_answering": True, "delivery_disabled": False, **options}
    traces = counted(records) if isinstance(records, list) else records
    return recovery_proof(traces, began=iso(began) if began else None, **options)


def statuses(found):
    return {criterion["criterion"]: criterion["status"] for criterion in found["criteria"]}


def criterion(found, name):
    return next(item for item in found["criteria"] if item["criterion"] == name)


MET = {"critical": "met", "delivered": "met", "lost": "met", "stable": "met"}


# -- the proof


def test_enough_and_quiet_is_proven():
    found = proof(turns(299))
    assert found == {
        "status": "proven",
        "safe_mode": False,
        "restarts_at": None,
        "wait_seconds": 0.0,
        "full_at": iso(NOON),
        "reasons": [
            "No critical event in the window.",
            "100.0 % of 299 delivered: at least 95.0 % is proven (at least 99.0 %).",
            "0 of 299 hand-offs lost: less than 1.0 % is proven (at most 1.0 %).",
            "Stable for 30 min (needed: 15 min).",
        ],
        "criteria": found["criteria"],
    }
    assert statuses(found) == MET
    assert criterion(found, "delivered")["needed"] == 59
    assert (criterion(found, "lost")["n"], criterion(found, "lost")["needed"]) == (299, 299)
    assert criterion(found, "lost")["age_seconds"] == 70
    assert (criterion(found, "stable")["value"], criterion(found, "stable")["needed"]) == (1800, 900)


@pytest.mark.parametrize(
    ("n", "failed", "status", "needed"),
    [(58, 0, "insufficient", 59), (59, 0, "met", 59), (92, 1, "insufficient", 93), (93, 1, "met", 93)],
)
def test_delivery_is_proven_by_59_results_without_failure_or_93_with_one(n, failed, status, needed):
    found = criterion(proof(turns(n, failed)), "delivered")
    assert (found["status"], found["n"], found["needed"]) == (status, n, needed)


@pytest.mark.parametrize(
    ("n", "lost", "status", "needed"),
    [(298, 0, "insufficient", 299), (299, 0, "met", 299), (471, 1, "insufficient", 473), (472, 1, "met", 473)],
)
def test_loss_is_proven_by_299_hand_offs_with_none_lost_or_473_with_one(n, lost, status, needed):
    found = criterion(proof(turns(n, lost=lost)), "lost")
    assert (found["status"], found["n"], found["needed"]) == (status, n + lost, needed)


def test_a_burst_in_one_conversation_is_one_outcome():
    many = [(270.0 + n / 100, message) for n in range(400) for message in turn("c", idem=f"i{n}")]
    found = proof(many)
    assert criterion(found, "delivered")["n"] == 1
    assert found["status"] == "insufficient"


@pytest.mark.parametrize(("failed", "status"), [(1, "insufficient"), (3, "insufficient"), (4, "unmet"), (20, "unmet")])
def test_failed_needs_a_proof_as_well(failed, status):
    found = proof(turns(20, failed))
    assert criterion(found, "delivered")["status"] == status
    assert found["status"] == ("failed" if status == "unmet" else "insufficient")


def test_too_much_loss_is_failed_and_said_first():
    found = proof(turns(100, lost=6, youngest=200))
    assert found["status"] == "failed"
    assert found["reasons"][0] == "6 of 106 hand-offs lost: 1.0 % or more is proven (at least 2.5 %)."


def test_planned_and_never_read_is_lost():
    found = proof([*turns(100), *[(200.0, outbox("planner", f"u{n}", 1)) for n in range(20)]])
    assert criterion(found, "lost")["n"] == 120
    assert found["status"] == "failed"


CRITICAL = {
    "outbox guard": [outbox_guard("x")],
    "instance guard": [instance_guard("x", "default")],
    "lost hand-off": [outbox("planner", "x", 1), outbox("delivery", "x", 0)],
    "state mismatch": [outbox("planner", "x", 1, state=1), outbox("delivery", "x", 1, state=2)],
    "invalid instance": [instance_trace("x", "thread_12")],
    "send by an invalid instance": [send("x", instance="default")],
}


@pytest.mark.parametrize("event", CRITICAL)
@pytest.mark.parametrize(
    ("age", "status", "critical", "wait"),
    [
        (30, "failed", "unmet", 870.0),  # it goes on
        (59, "failed", "unmet", 841.0),
        (60, "insufficient", "unmet", 840.0),
        (300, "insufficient", "unmet", 600.0),
        (899, "insufficient", "unmet", 1.0),
        (901, "proven", "met", 0.0),  # left the window
    ],
)
def test_the_window_begins_again_at_a_critical_event(event, age, status, critical, wait):
    records = [(age, message) for message in CRITICAL[event]]
    found = proof([*turns(600), *records])
    assert (found["status"], statuses(found)["critical"], found["wait_seconds"]) == (status, critical, wait)
    if age < 900:
        assert found["restarts_at"] == iso(NOON - age + 0.001)
        assert found["full_at"] == iso(NOON + wait)
        assert criterion(found, "critical")["age_seconds"] == age
        assert statuses(found)["stable"] == "insufficient"


def test_a_repeat_of_a_known_incident_goes_on_too():
    guard = outbox_guard("x")
    found = proof([*turns(600), (800.0, guard), (20.0, guard)])
    assert (criterion(found, "critical")["value"], found["status"]) == (1, "failed")


def test_what_came_before_the_event_does_not_count_in_a_second_look():
    event = [(300.0, message) for message in CRITICAL["lost hand-off"]]
    whole = [*turns(100, failed=50, youngest=400), *event, *turns(70, oldest=280, youngest=80)]
    first = proof(whole)
    assert first["status"] == "failed"
    since = NOON - 300 + 0.001
    assert first["restarts_at"] == iso(since)
    second = proof(counted(whole), restarted=counted(whole, since=since))
    assert second["status"] == "insufficient"
    assert (criterion(second, "delivered")["status"], criterion(second, "delivered")["n"]) == ("met", 70)
    assert criterion(second, "lost")["value"] == 0


@pytest.mark.parametrize(("window", "age", "status"), [(6, 0.3, "failed"), (6, 2, "insufficient"), (90, 5, "failed")])
def test_the_length_is_a_variable(window, age, status):
    assert proof([*turns(300, oldest=500), (age, outbox_guard("x"))], window=window)["status"] == status


@pytest.mark.parametrize(
    ("began", "wait", "status"),
    [
        (NOON - 900, 0.0, "proven"),
        (NOON - 899, 1.0, "insufficient"),
        (NOON - 10, 890.0, "insufficient"),
        (NOON + 30, 900.0, "insufficient"),  # clocks that differ prove nothing
        (None, 0.0, "proven"),  # unknown: the window as it was asked for
    ],
)
def test_the_present_state_has_to_be_as_old_as_the_window(began, wait, status):
    found = proof(turns(400), began=began)
    assert (found["status"], found["wait_seconds"]) == (status, wait)


def test_of_several_beginnings_the_latest_counts():
    began = [None, iso(NOON - 5000), "", iso(NOON - 100)]
    found = recovery_proof(counted(turns(300)), began=began, service_running=True)
    assert found["wait_seconds"] == 800


@pytest.mark.parametrize(
    ("facts", "status", "stable", "reason"),
    [
        ({"service_running": False}, "failed", "unmet", "The service is not running."),
        ({"service_running": None}, "insufficient", "insufficient", "It is not known whether the service runs."),
        (
            {"service_answering": False},
            *("insufficient", "unmet"),
            "The service runs, but its health gives no sound answer.",
        ),
        ({"service_answering": None}, "proven", "met", "Stable for 30 min (needed: 15 min)."),
    ],
)
def test_the_service_has_to_run_and_answer(facts, status, stable, reason):
    found = proof(turns(300), **facts)
    assert (found["status"], statuses(found)["stable"]) == (status, stable)
    assert found["reasons"].count(reason) == 1


@pytest.mark.parametrize(
    ("traces", "reason"),
    [
        (None, "There are no traces: the log or journal could not be read."),
        ({}, "There are no traces: the log or journal could not be read."),
        (counted([]), "There is no trace of any kind in the window although messages are expected."),
        (
            {**counted([(9.0, outbox("planner", "c", 1))]), "timestamps": "none"},
            "A window was asked for and the log has no times, so nothing can be placed in it.",
        ),
    ],
)
@pytest.mark.parametrize("disabled", [False, True])
def test_no_data_proves_nothing(traces, reason, disabled):
    found = proof(traces, delivery_disabled=disabled, now=iso(NOON))
    assert found["status"] == "insufficient"
    assert reason in found["reasons"]
    assert "met" not in statuses(found).values()


@pytest.mark.parametrize("missing", ["records", "delivery", "handoff", "guards", "instances", "minutes"])
def test_half_of_the_data_proves_nothing_either(missing):
    traces = counted(turns(400))
    del traces[missing]
    found = proof(traces)
    assert found["status"] == "insufficient"
    assert "met" not in statuses(found).values()


def test_a_critical_event_without_a_time_is_not_quiet():
    traces = counted([*turns(300), (100.0, outbox_guard("x"))])
    traces["critical"] = {"last": None}
    found = proof(traces)
    assert (found["status"], found["restarts_at"], found["wait_seconds"]) == ("insufficient", None, 900.0)


def planned_only(n, read=True):
    phases = ("planner", "delivery") if read else ("planner",)
    return [(800.0 - n, outbox(phase, f"c{n}", 1)) for n in range(n) for phase in phases]


def test_under_the_kill_switch_what_can_be_judged_is_judged():
    found = proof(planned_only(299), delivery_disabled=True)
    assert (found["status"], found["safe_mode"]) == ("proven", True)
    assert statuses(found) == {**MET, "delivered": "not_applicable"}
    assert found["reasons"][0].startswith("Safe mode: delivery is switched off")
    assert proof(planned_only(298), delivery_disabled=True)["status"] == "insufficient"


def test_under_the_kill_switch_delivery_may_read_nothing():
    found = proof(planned_only(20, read=False), delivery_disabled=True)
    assert statuses(found) == {**MET, "delivered": "not_applicable", "lost": "not_applicable"}
    assert found["status"] == "proven"
    assert proof(planned_only(20, read=False), delivery_disabled=False)["status"] == "failed"


@pytest.mark.parametrize(
    ("sent", "fenced", "status", "reason"),
    [
        ([send("s")], False, "failed", "Delivery is switched off, and all the same 1 message went out."),
        (turn("s"), False, "failed", "Delivery is switched off, and all the same 1 message went out."),
        (turn("s", status="failed"), True, "proven", None),
        (turn("s"), True, "failed", "The network fence stands, and all the same 1 message got through."),
    ],
)
def test_a_message_that_goes_out_in_safe_mode_is_a_failure(sent, fenced, status, reason):
    records = [*planned_only(300), *[(200.0, message) for message in sent]]
    found = proof(records, delivery_disabled=True, fenced=fenced)
    assert found["status"] == status
    assert reason is None or found["reasons"][0] == reason


def test_a_lost_hand_off_in_safe_mode_begins_the_window_again():
    event = [(300.0, message) for message in CRITICAL["lost hand-off"]]
    found = proof([*planned_only(600), *event], delivery_disabled=True)
    assert (found["status"], found["wait_seconds"]) == ("insufficient", 600)


def test_people_read_it_in_portuguese():
    found = proof(turns(10), began=NOON - 130, locale="pt_BR")
    assert found["reasons"][2] == "Estável por 2 min 10 s, são necessários 15 min: faltam 12 min 50 s."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "window must be more than 0 seconds, such as 900, not 0."),
        ({"window": "long"}, "window must be a number, not 'long'."),
        ({"service_running": "maybe"}, "service_running must be true or false, not 'maybe'."),
        ({"locale": "fr"}, "locale must be pt_BR or en, not 'fr'."),
        ({"now": "soon"}, "now: 'soon' is neither an age such as 15m or 2h nor an ISO 8601 time such as"),
        ({"error": 1}, "error must lie between 0 and 1, such as 0.05, not 1."),
    ],
)
def test_bad_facts_are_one_sentence(options, message):
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.")):
        proof(turns(1), **options)


# ---------------------------------------------------- the effect of an act


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
    counted = {"code": "log_planned", "fields": {"planned": 4, "sent": 0}}
    assert proofs["log"] == {"proof": "log", "had": True, "detail": counted}
    assert proofs["environment"]["had"] is True
    fenced = {item["proof"]: item for item in kill_switch_proof(flags(), traces(sent=2), FENCE)["proofs"]}
    assert fenced["fence"]["detail"] == {
        "code": "fence_stands",
        "fields": {"uid": 998, "addresses": ["192.0.2.1"], "port": 8080},
    }
    assert kill_switch_proof(flags(), None)["proofs"][-1] == {
        "proof": "log",
        "had": False,
        "detail": {"code": "log_unread", "fields": {}},
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
