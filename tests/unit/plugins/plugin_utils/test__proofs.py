# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._proofs import recovery_proof, spent
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit.records import (
    NOON,
    WINDOW,
    counted,
    instance_guard,
    instance_trace,
    outbox,
    outbox_guard,
    result,
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
    found = proof(turns(486))
    assert found == {
        "status": "proven",
        "safe_mode": False,
        "restarts_at": None,
        "wait_seconds": 0.0,
        "full_at": iso(NOON),
        "reasons": [
            "No critical event in the window.",
            "100.0 % of 486 delivered: at least 95.0 % is proven (at least 99.0 %).",
            "0 of 486 hand-offs lost: less than 1.0 % is proven (at most 1.0 %).",
            "Stable for 30 min (needed: 15 min).",
        ],
        "criteria": found["criteria"],
    }
    assert statuses(found) == MET
    assert criterion(found, "delivered")["needed"] == 96
    assert (criterion(found, "lost")["n"], criterion(found, "lost")["needed"]) == (486, 486)
    assert criterion(found, "lost")["age_seconds"] == 70
    assert (criterion(found, "stable")["value"], criterion(found, "stable")["needed"]) == (1800, 900)


def test_nothing_is_proven_where_more_than_a_few_messages_were_dropped_without_an_answer():
    traces = counted(turns(486))
    few, many = ({**traces["stages"], "received": 486, "dropped": dropped} for dropped in (20, 200))
    assert proof({**traces, "stages": few})["status"] == "proven"
    found = proof({**traces, "stages": many})
    assert (found["status"], set(statuses(found).values())) == ("insufficient", {"insufficient"})
    assert "The assistant dropped more than a few messages, and nobody got an answer." in found["reasons"]


def test_nothing_is_proven_where_answers_are_sent_in_part():
    traces = counted(turns(486))
    few, many = ({**traces["stages"], "missing": missing} for missing in (2, 200))
    assert proof({**traces, "stages": few})["status"] == "proven"
    found = proof({**traces, "stages": many})
    assert (found["status"], set(statuses(found).values())) == ("insufficient", {"insufficient"})
    assert found["reasons"][0].endswith("answers went out in part only.")


@pytest.mark.parametrize("http", ["unknown", "500", "400"])
def test_nothing_is_proven_in_an_outage_that_has_just_begun(http):
    # Of all these 97 % were delivered, and of the last twenty none.
    bad = [(20 - n, message) for n in range(20) for message in turn(f"b{n}", status="failed")]
    traces = counted(turns(780) + [(age, message.replace("http=unknown", f"http={http}")) for age, message in bad])
    assert verdict(traces)["cause"] == "delivery_failing"
    found = proof(traces)
    assert (found["status"], criterion(found, "delivered")["low"] > 0.95) == ("insufficient", True)
    # Neither a larger sample nor more time is called for.
    (reason,) = found["reasons"]
    assert reason.startswith("By the same log messages fail or get stuck at this moment")


# By the window in which it is asked, counted since the present state began.
FIRST, SECOND, LATER = NOON - WINDOW, NOON - 2 * WINDOW, NOON - 100 * WINDOW


@pytest.mark.parametrize(
    ("began", "failed", "needed"),
    [(FIRST, 0, 69), (FIRST, 1, 105), (SECOND, 0, 96), (SECOND, 1, 137), (LATER, 0, 150), (LATER, 1, 197)],
)
def test_delivery_is_proven_by_enough_results(began, failed, needed):
    for n, status in ((needed - 1, "insufficient"), (needed, "met")):
        found = criterion(proof(turns(n, failed), began=began), "delivered")
        assert (found["status"], found["n"], found["needed"]) == (status, n, needed)


@pytest.mark.parametrize(
    ("began", "lost", "needed"), [(FIRST, 0, 348), (FIRST, 1, 532), (SECOND, 0, 486), (SECOND, 1, 693), (LATER, 0, 762)]
)
def test_loss_is_proven_by_enough_hand_offs(began, lost, needed):
    for n, status in ((needed - 1, "insufficient"), (needed, "met")):
        found = criterion(proof(turns(n - lost, lost=lost), began=began), "lost")
        assert (found["status"], found["n"], found["needed"]) == (status, n, needed)


@pytest.mark.parametrize("windows", range(1, 13))
def test_a_clean_quarter_of_an_hour_of_900_messages_is_proven_at_any_time(windows):
    assert proof(turns(900), began=NOON - windows * WINDOW)["status"] == "proven"


def test_all_looks_together_spend_the_error_once():
    shares = [spent(0.05, window * WINDOW, WINDOW) for window in range(1, 9)]
    assert shares == sorted(shares, reverse=True) and sum(shares) < 0.05
    assert spent(0.05, 40 * WINDOW, WINDOW) == shares[-1]
    # Before the first window has ended, and where the beginning is not known, it is the first look.
    assert spent(0.05, None, WINDOW) == spent(0.05, 0.0, WINDOW) == spent(0.05, 1.0, WINDOW) == shares[0]


def test_a_burst_in_one_conversation_is_one_outcome():
    many = [(270.0 + n / 100, message) for n in range(400) for message in turn("c", idem=f"i{n}")]
    found = proof(many)
    assert criterion(found, "delivered")["n"] == 1
    assert found["status"] == "insufficient"


@pytest.mark.parametrize(("failed", "status"), [(1, "insufficient"), (4, "insufficient"), (5, "unmet"), (20, "unmet")])
def test_failed_needs_a_proof_as_well(failed, status):
    found = proof(turns(20, failed))
    assert criterion(found, "delivered")["status"] == status
    assert found["status"] == ("failed" if status == "unmet" else "insufficient")


def test_too_much_loss_is_failed_and_said_first():
    found = proof(turns(100, lost=7, youngest=200))
    assert found["status"] == "failed"
    assert found["reasons"][0] == "7 of 107 hand-offs lost: 1.0 % or more is proven (at least 2.1 %)."


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
    whole = [*turns(100, failed=50, youngest=400), *event, *turns(100, oldest=280, youngest=80)]
    first = proof(whole)
    assert first["status"] == "failed"
    since = NOON - 300 + 0.001
    assert first["restarts_at"] == iso(since)
    second = proof(counted(whole), restarted=counted(whole, since=since))
    assert second["status"] == "insufficient"
    assert (criterion(second, "delivered")["status"], criterion(second, "delivered")["n"]) == ("met", 100)
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
    found = proof(turns(500), **facts)
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
    found = proof(planned_only(486), delivery_disabled=True)
    assert (found["status"], found["safe_mode"]) == ("proven", True)
    assert statuses(found) == {**MET, "delivered": "not_applicable"}
    assert found["reasons"][0].startswith("Safe mode: delivery is switched off")
    assert proof(planned_only(485), delivery_disabled=True)["status"] == "insufficient"


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
    records = [*planned_only(500), *[(200.0, message) for message in sent]]
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


# ------------------------------------------- what the log does not show


def evidence(**parts):
    return {name: {"ok": True} for name in ("fresh", "covered", "owned", "understood")} | parts


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"fresh": {"ok": False}}, "The newest event of the log is too old for this traffic: silence proves nothing."),
        (
            {"covered": {"ok": False}},
            "The log does not show the whole window: of what is missing nothing is known.",
        ),
        (
            {"covered": {"ok": True, "covered_seconds": 240}},
            "The log does not show the whole window: of what is missing nothing is known.",
        ),
        (
            {"owned": {"ok": False}},
            "The log is not the one that this service's processes write: it proves nothing.",
        ),
        (
            {"understood": {"ok": False}},
            "The log was not understood as a whole: what it does not show proves nothing.",
        ),
    ],
)
def test_what_the_log_does_not_show_proves_nothing(parts, reason):
    found = proof({**counted(turns(900)), "evidence": evidence(**parts)})
    assert found["status"] == "insufficient"
    assert found["reasons"].count(reason) == 1
    assert set(statuses(found).values()) == {"insufficient"}


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"covered": {"ok": True, "covered_seconds": 860}},
        {"fresh": {"ok": None}, "covered": {"ok": None, "covered_seconds": None}, "owned": None, "understood": {}},
    ],
)
def test_evidence_that_is_good_or_was_not_asked_hinders_nothing(parts):
    assert proof({**counted(turns(900)), "evidence": evidence(**parts)})["status"] == "proven"


def test_a_young_process_need_not_have_covered_what_was_before_it():
    traces = {**counted(turns(900)), "evidence": evidence(covered={"ok": True, "covered_seconds": 500})}
    found = proof(traces, began=NOON - 500)
    assert "The log does not show the whole window" not in " ".join(found["reasons"])
    assert statuses(found)["stable"] == "insufficient"


def test_what_was_seen_to_be_bad_stays_so_but_in_a_log_of_others():
    traces = counted(turns(400, failed=200))
    stale = proof({**traces, "evidence": evidence(fresh={"ok": False})})
    assert (stale["status"], statuses(stale)["delivered"]) == ("failed", "unmet")
    foreign = proof({**traces, "evidence": evidence(owned={"ok": False})})
    assert (foreign["status"], statuses(foreign)["delivered"]) == ("insufficient", "insufficient")


def test_read_and_not_sent_is_lost():
    """Four of five are read and never sent, and each one that is sent succeeds."""
    records = [*turns(90), *[(700.0 - n, message) for n in range(358) for message in turn(f"r{n}")[:3]]]
    for more in ({"overdue": {"read": 358}}, {}):
        traces = {**counted(records), **more}
        if not more:
            traces["minutes"] = [
                {**row, "unsent": 358 if row is traces["minutes"][0] else 0} for row in traces["minutes"]
            ]
        found = proof(traces)
        assert (criterion(found, "lost")["value"], criterion(found, "lost")["n"]) == (358 / 448, 448)
        assert found["status"] == "failed"
    # The kill-switch is there to keep them from being sent.
    assert (
        criterion(proof({**counted(planned_only(600)), "overdue": {"read": 600}}, delivery_disabled=True), "lost")[
            "status"
        ]
        == "met"
    )


def test_planned_and_overdue_is_lost():
    found = proof({**counted(turns(900)), "overdue": {"planned": 300}})
    assert (criterion(found, "lost")["n"], found["status"]) == (1200, "failed")


def test_another_companys_number_is_a_critical_event():
    traces = counted(turns(900, youngest=10.0))
    traces["instances"] = {**traces["instances"], "unexpected": {"other_company": 900}}
    found = proof(traces)
    assert (found["status"], criterion(found, "critical")["value"]) == ("failed", 900)
    assert "Critical events go on: the last one 10 s ago." in found["reasons"]


@pytest.mark.parametrize(
    ("recipients", "status"), [(1, "insufficient"), (2, "insufficient"), (3, "met"), (None, "met")]
)
def test_what_reaches_one_phone_is_no_sample(recipients, status):
    found = proof({**counted(turns(900)), "recipients": {"success": recipients}})
    assert criterion(found, "delivered")["status"] == status
    assert found["status"] == ("proven" if status == "met" else "insufficient")


def test_failures_of_one_phone_are_failures():
    assert criterion(proof({**counted(turns(200, failed=150)), "recipients": {"success": 1}}), "delivered")[
        "status"
    ] == ("unmet")


def test_safe_mode_without_a_message_shows_nothing():
    records = [(100.0, instance_trace("c1"))]
    found = proof(records, delivery_disabled=True)
    assert (found["status"], criterion(found, "lost")["status"]) == ("insufficient", "insufficient")
    assert "No message was planned: nothing shows that none would go out." in " ".join(found["reasons"])
    assert proof([*records, *planned_only(1, read=False)], delivery_disabled=True)["status"] == "proven"


# -- what the verdict knows from the same traces


def contradicting(n, conv="x{}"):
    """Turns whose result is a success with an HTTP error, over the window."""
    return [
        (850 - 780 * k / n, message)
        for k in range(n)
        for message in [*turn(conv.format(k), idem=f"x{k}")[:-1], result(conv.format(k), idem=f"x{k}", http="500")]
    ]


def unanswered(n):
    """Turns for which nothing was planned."""
    return [(850 - 780 * k / n, outbox("planner", f"u{k}", 0)) for k in range(n) for _trace in range(2)]


def copies(n):
    """Turns whose answer goes out three times."""
    return [
        (850 - 780 * k / n, message)
        for k in range(n)
        for message in [*turn(f"y{k}"), *[send(f"y{k}"), result(f"y{k}")] * 2]
    ]


KNOWN = {
    "success with an HTTP error": (contradicting(200), "failed", "75.0 % of 800 delivered"),
    "nothing planned": (unanswered(200), "failed", "75.0 % of 800 delivered"),
    "copies": (copies(60), "insufficient", "More than one answer in twenty is a copy"),
    "guards that fit no grammar": (
        [(300.0, "OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|planner_after=1|delivery_before=0")],
        "insufficient",
        "There are lines that begin as a guard does",
    ),
}


@pytest.mark.parametrize("what", KNOWN)
def test_what_the_verdict_calls_from_the_same_traces_is_no_recovery(what):
    records, status, told = KNOWN[what]
    traces = counted([*turns(600), *records])
    assert verdict(traces)["status"] != "ok"
    found = proof(traces)
    assert found["status"] == status
    assert told in " ".join(found["reasons"])
    assert "met" not in {item["status"] for item in found["criteria"] if item["criterion"] == "delivered"}


@pytest.mark.parametrize("few", [contradicting(2), unanswered(2), copies(1)])
def test_a_few_of_them_leave_a_recovery_proven(few):
    assert proof([*turns(900), *few])["status"] == "proven"


def test_one_person_who_contradicts_is_one_outcome_a_minute():
    found = criterion(proof([*turns(600), *contradicting(200, "x")]), "delivered")
    assert (found["n"], found["status"]) == (600 + 14, "met")


@pytest.mark.parametrize(("unplanned", "status"), [(2, "proven"), (60, "insufficient")])
def test_in_safe_mode_what_is_not_even_planned_is_no_proof(unplanned, status):
    kept_in = [(age, message) for age, message in turns(400) if "phase=planner" in message]
    assert proof([*kept_in, *unanswered(unplanned)], delivery_disabled=True)["status"] == status


def test_what_came_before_the_event_raises_no_doubt_in_a_second_look():
    event = [(300.0, message) for message in CRITICAL["lost hand-off"]]
    records = [*copies(60), *event, *turns(100, oldest=280, youngest=80)]
    records = [(age, message) for age, message in records if "|conv=y" not in message or age > 310]
    second = proof(counted(records), restarted=counted(records, since=NOON - 300 + 0.001))
    assert criterion(second, "delivered")["status"] == "met"
