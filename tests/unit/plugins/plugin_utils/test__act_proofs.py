# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import (
    act_comparable,
    effect_seen,
    kill_switch_proof,
    service_proof,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES


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


def traces(planned=0, sent=0, success=0, **more):
    return {
        "records": planned + sent,
        "handoff": {"planned": planned, **more.pop("handoff", {})},
        "delivery": {"sent": sent, "success": success, **more.pop("delivery", {})},
        **more,
    }


FENCE = {"present": True, "uid": 998, "addresses": ["192.0.2.1"], "port": 8080}
FOREIGN = {"evidence": {"owned": {"ok": False}}}
UNKNOWN = {"evidence": {"understood": {"ok": False}}}


def young(planned, matured=0, **more):
    return traces(planned=planned, handoff={"matured": matured}, **more)


TRIED = dict(FENCE, attempt="refused", since="2026-11-22T10:12:27.170000Z", attempts=0)


@pytest.mark.parametrize(
    ("given", "seen", "fence", "status", "reason"),
    [
        (flags(reported=True), traces(planned=3), None, "proven", "observed"),
        (flags(), traces(planned=1), None, "proven", "observed"),
        (flags(health=False), traces(planned=28), None, "proven", "observed"),
        (flags(), young(planned=4, matured=1), None, "proven", "observed"),
        # Health's own word is a word.
        (flags(reported=True), traces(), None, "reported", "reported"),
        (flags(reported=True), None, None, "reported", "reported"),
        # A success with an HTTP error was tried; a guard that was not understood says nothing of what stays in.
        (flags(), traces(planned=3, contradicting=3), None, "ignored", "still_sending"),
        (flags(), traces(planned=3, unparsed_guards=1), None, "proven", "observed"),
        # What was planned a moment ago may still be sent.
        (flags(), young(planned=4), None, "unproven", "too_soon"),
        (flags(), young(planned=1, matured=-1), None, "unproven", "too_soon"),
        (flags(reported=True), young(planned=4), None, "reported", "reported"),
        # A log that is another service's, or that nobody understands, shows nothing good.
        (flags(), traces(planned=9, **FOREIGN), None, "unproven", "no_message_seen"),
        (flags(), traces(planned=9, **UNKNOWN), None, "unproven", "no_message_seen"),
        (flags(reported=True), traces(planned=9, **FOREIGN), None, "reported", "reported"),
        (flags(), traces(planned=9, sent=9, **FOREIGN), None, "unproven", "no_message_seen"),
        (flags(), traces(planned=9, sent=9, **UNKNOWN), None, "ignored", "still_sending"),
        # A released version ignores the flag: whatever is declared and reported, it goes on sending.
        (flags(reported=True), traces(planned=3, sent=1), None, "ignored", "still_sending"),
        (flags(), traces(planned=6, sent=6, success=6), None, "ignored", "still_sending"),
        (flags(), traces(success=1), None, "ignored", "still_sending"),
        # A result says that it was tried, also in a log without sends.
        (flags(), traces(planned=5, delivery={"failed": 1}), None, "ignored", "still_sending"),
        (flags(reported=False), traces(planned=3), None, "ignored", "reports_false"),
        # Nothing seen is nothing proven.
        (flags(), traces(), None, "unproven", "no_message_seen"),
        (flags(), None, None, "unproven", "no_message_seen"),
        (flags(environment=False, reported=True), traces(planned=3), None, "unproven", "not_in_process"),
        ({}, traces(planned=3), None, "unproven", "not_in_process"),
        (flags(), traces(planned=3, sent=3), FENCE, "proven", "fenced"),
        (flags(), traces(planned=3, sent=3, success=1), FENCE, "ignored", "fence_leaks"),
        # What was on its way when the fence was put up is no leak, and no attempt.
        (flags(), traces(planned=3, sent=3, success=1, sent_before=1), FENCE, "proven", "fenced"),
        (flags(), traces(success=1, sent_before=1), dict(FENCE, attempts=0), "unproven", "fence_untried"),
        (flags(), traces(planned=3, sent=3, success=2, sent_before=1), FENCE, "ignored", "fence_leaks"),
        (flags(reported=True), traces(), dict(FENCE, present=False), "ignored", "fence_leaks"),
        # That it stands is no proof, and what got past it in an unread log nobody knows.
        (flags(), traces(), FENCE, "unproven", "fence_untried"),
        # What is called sent while the fence's counter stands at none went another way.
        (flags(), traces(planned=3, sent=3), dict(FENCE, attempts=0), "unproven", "fence_untried"),
        (flags(), None, TRIED, "unproven", "fence_unread"),
        (flags(reported=True), None, TRIED, "reported", "reported"),
        (flags(), traces(planned=9, **FOREIGN), TRIED, "unproven", "fence_unread"),
        (flags(), traces(), dict(TRIED, attempt="passed"), "ignored", "fence_leaks"),
        # An attempt of our own, or of the service.
        (flags(), traces(), TRIED, "proven", "fence_holds"),
        (flags(), traces(), dict(FENCE, attempts=3), "proven", "fence_holds"),
        # Through a proxy the service gets past what turns us away; what it ran into by itself is turned away.
        (flags(), traces(), dict(TRIED, proxied=True), "unproven", "fence_untried"),
        (flags(environment=False), traces(planned=3), dict(TRIED, proxied=True), "unproven", "fence_untried"),
        (flags(), traces(planned=3, sent=3), dict(TRIED, proxied=True), "unproven", "fence_untried"),
        (flags(), traces(), dict(TRIED, proxied=True, attempts=3), "proven", "fence_holds"),
        (flags(), traces(planned=3), dict(TRIED, proxied=True), "proven", "observed"),
        # It obeys: messages were planned, none was tried, and what ran into the fence was the process of before.
        (flags(), traces(planned=3), TRIED, "proven", "observed"),
        (flags(), traces(planned=3), dict(TRIED, attempts=3, attempts_before=3), "proven", "observed"),
        (flags(), traces(planned=3), dict(TRIED, attempts=4, attempts_before=3), "proven", "fence_holds"),
        (flags(), young(planned=4), TRIED, "proven", "fence_holds"),
        (flags(environment=False), traces(planned=3), TRIED, "proven", "fence_holds"),
        # The fence that the act itself has put up.
        (dict(flags(), fence=TRIED), traces(planned=3, sent=3), None, "proven", "fenced"),
        (dict(flags(), fence={"present": False, "why": {}}), traces(planned=3), None, "proven", "observed"),
        # A restart that was not completed: who tried is not told from the log.
        (dict(flags(), fence=TRIED, msg="x"), traces(planned=3, sent=3), None, "proven", "fence_holds"),
    ],
)
def test_the_kill_switch_is_believed_by_what_the_process_has_and_does(given, seen, fence, status, reason):
    proof = kill_switch_proof(given, seen, fence)
    assert (proof["status"], proof["reason"]) == (status, reason)


@pytest.mark.parametrize("had", [True, False])
@pytest.mark.parametrize("seen", [traces(), traces(planned=3), traces(sent=2), None])
def test_what_a_release_says_at_its_start_is_told_and_proves_nothing(seen, had):
    witness = {"proof": "said", "had": had, "detail": {"code": "says_at_start", "fields": {"said": ["X=true"]}}}
    for judge in (kill_switch_proof, service_proof):
        without = judge(flags(), seen)
        beside = judge(dict(flags(), proofs=[*flags()["proofs"], witness]), seen)
        assert (beside["status"], beside["reason"]) == (without["status"], without["reason"])
        assert witness in beside["proofs"]


def log_of(proof):
    return next(item for item in proof["proofs"] if item["proof"] == "log")


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
    told = {item["proof"]: item for item in kill_switch_proof(flags(), traces(), dict(TRIED, attempts=2))["proofs"]}
    assert told["fence"]["detail"] == {
        "code": "fence_held",
        "fields": {"since": TRIED["since"], "attempts": 2, "uid": 998, "addresses": ["192.0.2.1"], "port": 8080},
    }
    around = dict(TRIED, attempts=2, sources=["172.18.0.2"], uid=None)
    told = {item["proof"]: item for item in kill_switch_proof(flags(), traces(), around)["proofs"]}
    assert told["fence"]["detail"]["code"] == "fence_held_container"
    assert told["fence"]["detail"]["fields"]["sources"] == ["172.18.0.2"]
    assert "proxy" not in told
    through = {
        item["proof"]: item for item in kill_switch_proof(flags(), traces(), dict(TRIED, proxied=True))["proofs"]
    }
    assert through["proxy"] == {"proof": "proxy", "had": False, "detail": {"code": "fence_proxied", "fields": {}}}
    assert log_of(kill_switch_proof(flags(), young(planned=4)))["had"] is False
    started = {"evidence": {"understood": {"ok": False, "parsed": 0, "candidates": 0}}}
    for seen, code in (
        (None, "log_unread"),
        (traces(planned=4, **FOREIGN), "log_foreign"),
        (traces(planned=4, **UNKNOWN), "log_not_understood"),
        # Lines of a start, and no message yet.
        (traces(**started), "log_without_traces"),
    ):
        for proof in (kill_switch_proof(flags(), seen), service_proof(flags(), seen)):
            assert log_of(proof) == {"proof": "log", "had": False, "detail": {"code": code, "fields": {}}}


def seen(planned=0, read=0, success=0, failed=0, **more):
    handoff = {"planned": planned, "read": read, "lost": 0, "unread": 0, "state_mismatches": 0}
    sent = more.pop("sent", success + failed)
    return {
        "records": planned,
        "handoff": handoff | more.pop("handoff", {}),
        "guards": {"incidents": more.pop("incidents", 0)},
        "delivery": {"sent": sent, "success": success, "failed": failed, **more.pop("delivery", {})},
        **more,
    }


def one_of_five_fails(failed):
    """So many of these failures in the unit of the verdict."""
    minute = {"minute": "2026-11-22T10:12Z", "success": 134, "failed": failed}
    return seen(planned=168, read=168, success=134, failed=34, minutes=[minute])


@pytest.mark.parametrize(
    ("given", "looked", "delivery_off", "status", "reason"),
    [
        (flags(), seen(planned=150, read=150, success=150), False, "proven", "observed"),
        (flags(health=False), seen(planned=2, read=2, success=1), False, "proven", "observed"),
        (flags(), seen(planned=10, read=10, success=9, failed=1), False, "proven", "observed"),
        # Reads and sends are no deliveries.
        (flags(), seen(planned=2, read=2), False, "reported", "answering"),
        (flags(), seen(planned=2, read=2, sent=2), False, "reported", "answering"),
        (flags(health=False), seen(planned=2, read=2, sent=2), False, "unproven", "too_soon"),
        (flags(health=False), seen(planned=1), False, "unproven", "too_soon"),
        # Health's own word, or nothing at all.
        (flags(), seen(), False, "reported", "answering"),
        (flags(), None, False, "reported", "answering"),
        (flags(health=False), seen(), False, "unproven", "no_message_seen"),
        (flags(health=False), None, False, "unproven", "no_message_seen"),
        (flags(), seen(planned=9, read=9, success=9, **FOREIGN), False, "reported", "answering"),
        (flags(), seen(planned=9, read=9, success=9, **UNKNOWN), False, "reported", "answering"),
        # It sends, and it fails.
        (flags(), seen(planned=16, read=16, failed=16), False, "failed", "delivery_failing"),
        (flags(), seen(planned=2, read=2, success=1, failed=1), False, "failed", "delivery_failing"),
        (flags(), seen(planned=2, read=2, sent=2, delivery={"unconfirmed": 2}), False, "failed", "delivery_failing"),
        # A success with an HTTP error is none.
        (flags(), seen(planned=9, read=9, success=3, contradicting=6), False, "failed", "delivery_failing"),
        (flags(), seen(planned=9, read=9, success=8, contradicting=1), False, "proven", "observed"),
        # Each answer several times; one in twenty is an accident.
        (flags(), seen(planned=9, read=72, success=72, stages={"repeated": 63}), False, "failed", "sends_copies"),
        (flags(), one_of_five_fails(failed=34), False, "failed", "delivery_failing"),
        # As many, and all but a few to numbers that do not exist.
        (flags(), one_of_five_fails(failed=5), False, "proven", "observed"),
        # Half of each answer stays behind; one message of many is an accident.
        (flags(), seen(planned=9, read=9, success=9, stages={"missing": 9}), False, "ignored", "still_failing"),
        (flags(), seen(planned=90, read=90, success=90, stages={"missing": 1}), False, "proven", "observed"),
        # Half of what came in is dropped, and nobody is answered.
        (flags(), seen(planned=9, success=9, stages={"received": 18, "dropped": 9}), False, "ignored", "still_failing"),
        (flags(), seen(planned=99, success=99, stages={"received": 99, "dropped": 1}), False, "proven", "observed"),
        (flags(), seen(planned=99, read=99, success=99, stages={"repeated": 4}), False, "proven", "observed"),
        # What looks like a guard may be one: that the service is well is not seen. That messages stay in, is.
        (flags(), seen(planned=9, success=9, unparsed_guards=1), False, "reported", "answering"),
        (flags(health=False), seen(planned=9, success=9, unparsed_guards=1), False, "unproven", "no_message_seen"),
        # A service that answers and goes on losing messages was not cured, however many it delivers.
        (flags(), seen(planned=9, read=8, success=8, handoff={"lost": 1}), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=9, handoff={"state_mismatches": 1}), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=9, incidents=1), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=8, handoff={"unread": 1}), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=8, overdue={"planned": 1}), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=8, overdue={"read": 1}), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=8, minutes=[{"unsent": 1}]), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=9, minutes=[{"unplanned": 4}]), False, "ignored", "still_failing"),
        (flags(), seen(planned=9, success=9, minutes=[{"unplanned": 2}]), False, "proven", "observed"),
        (flags(), seen(planned=9, minutes=[{"unplanned": 4}]), True, "ignored", "still_failing"),
        (
            *(flags(), seen(planned=58, read=58, success=58, instances={"invalid": {"default": 58}})),
            *(False, "ignored", "wrong_instance"),
        ),
        (
            *(flags(), seen(planned=58, read=58, success=58, instances={"unexpected": {"other_company": 58}})),
            *(False, "ignored", "wrong_instance"),
        ),
        # With the kill-switch kept on, what proves it is what proves the kill-switch.
        (flags(health=False), seen(planned=1), True, "proven", "observed"),
        (flags(health=False), seen(planned=1, handoff={"matured": 0}), True, "unproven", "too_soon"),
        (flags(), seen(), True, "reported", "answering"),
        (flags(), seen(planned=3, read=3, sent=1), True, "ignored", "still_sending"),
        (flags(), seen(planned=3, handoff={"unread": 3}, overdue={"read": 3}), True, "proven", "observed"),
        (flags(environment=False), seen(planned=3, success=3), False, "unproven", "not_in_process"),
        ({}, seen(planned=3, success=3), False, "unproven", "not_in_process"),
    ],
)
def test_an_act_is_believed_by_what_the_service_does_next(given, looked, delivery_off, status, reason):
    proof = service_proof(given, looked, delivery_off)
    assert (proof["status"], proof["reason"]) == (status, reason)
    assert status != "proven" or log_of(proof)["had"] is True


@pytest.mark.parametrize("missing", [{"delivery": {"unconfirmed": 1}}, {"handoff": {"unread": 1}}])
@pytest.mark.parametrize(("timestamps", "status"), [("own", None), ("inherited", None), ("none", "proven")])
def test_without_times_what_is_on_its_way_is_not_taken_for_stuck(missing, timestamps, status):
    proof = service_proof(flags(), seen(planned=2, read=2, success=1, timestamps=timestamps, **missing), False)
    assert (proof["status"] == "proven") is (status == "proven")


# ------------------------------------------------------------------ beside what was before


@pytest.mark.parametrize(
    ("after", "before", "compared", "status"),
    [
        (seen(planned=60, success=60), seen(planned=60, success=60), "same", "proven"),
        (seen(planned=60, success=60), seen(planned=60, success=20, failed=40), "better", "proven"),
        # Not delivered is not only failed.
        (seen(planned=60, success=60), seen(planned=60, success=20, overdue={"read": 40}), "better", "proven"),
        (seen(planned=60, success=60), seen(planned=60, success=20, handoff={"lost": 40}), "better", "proven"),
        (seen(planned=60, success=50, failed=10), seen(planned=99, success=99), "worse", "worse"),
        (seen(planned=9, failed=9), seen(planned=99, success=99), "worse", "worse"),
        (seen(planned=9, failed=9), seen(planned=99, failed=99), "same", "failed"),
        # A failure more is chance, and so are all of very few.
        (seen(planned=60, success=59, failed=1), seen(planned=60, success=60), "same", "proven"),
        (seen(planned=4, failed=4), seen(planned=99, success=99), "same", "failed"),
        # Eight sends a message where there was none, or one.
        (seen(planned=5, success=5, sent=40), seen(planned=50), "worse", "worse"),
        (seen(planned=1, success=1, sent=8), seen(planned=50, success=50), "worse", "worse"),
        (seen(planned=0, success=1, sent=8, stages={"received": 1}), seen(planned=50, success=50), "worse", "worse"),
        (seen(planned=30, success=30), seen(planned=50), "same", "proven"),
        # Two messages a turn, now as before.
        (seen(planned=30, success=60), seen(planned=50, success=100), "same", "proven"),
        # Nothing to compare with.
        (seen(planned=30, success=30), seen(), None, "proven"),
        (seen(planned=30, success=30), seen(planned=30, failed=30, **FOREIGN), None, "proven"),
        (seen(planned=30, success=30), None, None, "proven"),
        (None, seen(planned=30, success=30), None, "reported"),
    ],
)
def test_an_act_is_better_the_same_or_worse_than_what_was_before_it(after, before, compared, status):
    proof = service_proof(flags(), after, False, before)
    assert (proof["compared"], proof["status"]) == (compared, status)
    if status == "worse":
        assert proof["reason"] == (
            "worse_sends" if after["delivery"]["sent"] > 1.5 * after["handoff"]["planned"] else ("worse_delivery")
        )


def test_a_kill_switch_is_compared_by_what_is_sent():
    busy = traces(planned=50, sent=50, success=50)
    held = kill_switch_proof(flags(), traces(planned=20), before=busy)
    assert (held["status"], held["compared"]) == ("proven", "better")
    shadow = traces(planned=50)
    assert kill_switch_proof(flags(), traces(planned=20), before=shadow)["compared"] == "same"
    woken = kill_switch_proof(flags(), traces(planned=2, sent=16), before=shadow)
    assert (woken["status"], woken["reason"]) == ("worse", "worse_sends")
    # Behind the fence it tries, and an act that did not reach the process has done nothing.
    assert kill_switch_proof(flags(), traces(planned=2, sent=16), FENCE, shadow)["status"] == "proven"
    missed = kill_switch_proof(flags(environment=False), traces(planned=2, sent=16), before=shadow)
    assert (missed["status"], missed["reason"]) == ("unproven", "not_in_process")


def test_the_comparison_is_told_with_its_numbers():
    proof = service_proof(flags(), seen(planned=9, failed=9), False, seen(planned=99, success=99))
    assert proof["proofs"][-1]["had"] is False
    assert [in_words(proof["proofs"][-1]["detail"], locale) for locale in LOCALES] == [
        "PIOR: 9 não respondidas e 0 entregues, 9 envios de 9 mensagens; antes 0 e 99, 99 de 99",
        "WORSE: 9 unanswered and 0 delivered, 9 sends for 9 messages; before 0 and 99, 99 for 99",
    ]
    nothing = service_proof(flags(), seen(planned=9, success=9), False, seen())["proofs"][-1]
    assert (nothing["had"], in_words(nothing["detail"], "en")) == (None, "nothing was seen before, nothing to compare")


@pytest.mark.parametrize(
    ("switched", "looked", "reason", "comparable"),
    [
        ({"restarted": True}, {"timestamps": "own"}, "observed", True),
        # An act that does not look good yet is what the comparison is for.
        ({"restarted": True}, {"timestamps": "own"}, "still_failing", True),
        # Nothing was restarted: there is no before.
        ({"restarted": False}, {"timestamps": "own"}, "observed", False),
        ({}, {"timestamps": "own"}, "observed", False),
        (None, None, "observed", False),
        # Without times of its own a log does not tell before from after.
        ({"restarted": True}, {"timestamps": "inherited"}, "observed", False),
        ({"restarted": True}, {"timestamps": "none"}, "observed", False),
        ({"restarted": True}, None, "no_message_seen", False),
        # Behind the fence everything is turned away.
        ({"restarted": True}, {"timestamps": "own"}, "fenced", False),
        ({"restarted": True}, {"timestamps": "own"}, "fence_leaks", False),
    ],
)
def test_an_act_is_put_beside_what_was_before_where_that_can_be_told(switched, looked, reason, comparable):
    assert act_comparable({"reason": reason}, switched, looked) is comparable


# ------------------------------------------------------------------ the effect


@pytest.mark.parametrize(
    ("looked", "off", "fenced", "effect"),
    [
        (seen(planned=9, success=9), False, False, True),
        (seen(planned=9), False, False, None),
        (None, False, False, None),
        (seen(planned=9, success=9, **FOREIGN), False, False, None),
        (seen(planned=9, success=8, overdue={"read": 1}), False, False, None),
        (seen(planned=9, success=9, unparsed_guards=1), False, False, None),
        (seen(planned=9, success=9, stages={"repeated": 8}), False, False, None),
        (seen(planned=9, success=9, minutes=[{"unplanned": 4}]), False, False, None),
        (seen(planned=9, success=3, contradicting=6), False, False, False),
        (seen(planned=9, failed=9), False, False, False),
        (seen(planned=9, success=9, handoff={"lost": 1}), False, False, False),
        (seen(planned=9, success=9, instances={"invalid": {"": 9}}), False, False, False),
        (seen(planned=9), True, False, True),
        (seen(), True, False, None),
        (None, True, False, None),
        (seen(planned=9, handoff={"matured": 0}), True, False, None),
        (seen(planned=9, sent=1), True, False, False),
        (seen(planned=9, sent=9, failed=9), True, True, True),
        (seen(planned=9, success=1), True, True, False),
    ],
)
def test_an_effect_is_seen_its_opposite_or_neither(looked, off, fenced, effect):
    assert effect_seen(looked, delivery_off=off, fenced=fenced) is effect


@pytest.mark.parametrize(
    ("had", "more", "wait"),
    [
        (flags(), {}, 5.0),
        (flags(reported=True), {}, 5.0),
        (flags(), {"delays": {"planned_sent": 4.0}}, 12.0),
        # Messages that take milliseconds are waited for as if they took a second.
        (flags(), {"delays": {"planned_sent": 0.01}}, 3.0),
        (
            flags(),
            {"measured": "2026-11-24T12:00:02Z", "last_event": {"planned": "2026-11-24T12:00:00.5Z"}},
            3.5,
        ),
        # Old enough, and on its way.
        (
            flags(),
            {"measured": "2026-11-24T12:00:20Z", "last_event": {"planned": "2026-11-24T12:00:00Z"}},
            5.0,
        ),
        (flags(environment=False), {}, 0.0),
        (flags(), {**FOREIGN}, 0.0),
    ],
)
def test_it_says_how_soon_another_look_may_prove_it(had, more, wait):
    assert kill_switch_proof(had, seen(3, handoff={"matured": 0}, **more))["wait_seconds"] == wait


def test_what_is_proven_or_has_no_message_needs_no_other_look():
    assert kill_switch_proof(flags(), seen(3))["wait_seconds"] == 0
    assert kill_switch_proof(flags(), seen())["wait_seconds"] == 0
    assert kill_switch_proof(flags(), seen(3), FENCE)["wait_seconds"] == 0
    assert service_proof(flags(health=True), seen(3))["wait_seconds"] == 5
