# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import (
    effect_seen,
    kill_switch_proof,
    service_proof,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import said
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import details, rollback


def flags(environment=True, reported=None, health=None, **more):
    """What `service_flags` returned: what the process has, and what health says of it."""
    proofs = [{"proof": "environment", "had": environment, "detail": {}}]
    if reported is not None:
        proofs.append({"proof": "reported", "had": reported, "detail": {}})
    if health is not None:
        proofs.append({"proof": "health", "had": health, "detail": {}})
    return {"proofs": proofs, "reported": {} if reported is None else {"DELIVERY_DISABLE": reported}, **more}


def seen(planned=0, sent=0, success=0, failed=0, **more):
    """Traces of a span."""
    handoff = {"planned": planned, **more.pop("handoff", {})}
    delivery = {"sent": sent, "success": success, "failed": failed, **more.pop("delivery", {})}
    return {"records": planned + sent + success + failed, "handoff": handoff, "delivery": delivery, **more}


def came_to(proof):
    return proof["status"], proof["reason"]


FOREIGN = {"evidence": {"owned": {"ok": False}}}
STRANGE = {"evidence": {"understood": {"ok": False}}}
UNKNOWN = {"evidence": {"owned": {"ok": None}, "understood": None}}
FENCE = {"present": True, "uid": 998, "addresses": ["127.0.0.1"], "port": 8080}


# ------------------------------------------------------------------ the kill-switch


@pytest.mark.parametrize(
    ("had", "traces", "expected"),
    [
        # 28 planned, with time enough, none sent.
        (flags(), seen(28, handoff={"matured": 28}), ("proven", "observed")),
        (flags(), seen(28, handoff={"matured": 1}), ("proven", "observed")),
        (flags(), seen(28), ("proven", "observed")),
        (flags(), seen(28, **UNKNOWN), ("proven", "observed")),
        # Each takes four seconds from plan to send, and the watch was shorter.
        (flags(), seen(28, handoff={"matured": 0}), ("unproven", "too_soon")),
        (flags(), seen(), ("unproven", "no_message_seen")),
        (flags(), None, ("unproven", "no_message_seen")),
        # Somebody's word.
        (flags(reported=True), seen(), ("reported", "reported")),
        (flags(reported=True), None, ("reported", "reported")),
        (flags(reported=True), seen(5, handoff={"matured": 0}), ("reported", "reported")),
        (flags(reported=True), seen(5, handoff={"matured": 5}), ("proven", "observed")),
        # A log of others, or one that was not understood, proves nothing.
        (flags(), seen(28, **FOREIGN), ("unproven", "no_message_seen")),
        (flags(), seen(28, **STRANGE), ("unproven", "no_message_seen")),
        (flags(reported=True), seen(28, **FOREIGN), ("reported", "reported")),
        # Another service's sends are not this one's; those of a log that was half understood are.
        (flags(), seen(28, sent=3, **FOREIGN), ("unproven", "no_message_seen")),
        (flags(), seen(28, sent=3, **STRANGE), ("ignored", "still_sending")),
        (flags(), seen(28, sent=1, handoff={"matured": 27}), ("ignored", "still_sending")),
        # A result is a send, also where the log has no line of sends, and one that contradicts itself.
        (flags(), seen(28, success=1), ("ignored", "still_sending")),
        (flags(), seen(28, failed=1), ("ignored", "still_sending")),
        (flags(), seen(28, contradicting=1), ("ignored", "still_sending")),
        (flags(environment=False, reported=True), seen(28), ("unproven", "not_in_process")),
        (flags(reported=False), seen(28), ("ignored", "reports_false")),
    ],
)
def test_the_kill_switch_holds_by_what_was_kept_in(had, traces, expected):
    assert came_to(kill_switch_proof(had, traces)) == expected


@pytest.mark.parametrize(
    ("traces", "fence", "expected"),
    [
        (seen(9, sent=9, failed=9), FENCE, ("proven", "fenced")),
        (seen(), FENCE, ("proven", "fenced")),
        (seen(9, sent=9, success=1), FENCE, ("ignored", "fence_leaks")),
        (seen(), {**FENCE, "present": False}, ("ignored", "fence_leaks")),
    ],
)
def test_a_fence_that_stands_is_a_proof_unless_something_gets_through(traces, fence, expected):
    found = kill_switch_proof(flags(), traces, fence)
    assert came_to(found) == expected
    assert found["proofs"][-1]["had"] is fence["present"]


# ------------------------------------------------------------------ levels 2 and 3, and forward

KEPT = {"kept": {"DELIVERY_DISABLE": {"after": "true"}}}


@pytest.mark.parametrize(
    ("service", "traces", "expected"),
    [
        (flags(health=True), seen(150, 150, 150, handoff={"read": 150}), ("proven", "observed")),
        (flags(health=True), seen(10, 10, 9, 1), ("proven", "observed")),
        # What was read is not yet delivered.
        (flags(health=True), seen(58, handoff={"read": 58}), ("reported", "answering")),
        (flags(), seen(58, handoff={"read": 58}), ("unproven", "too_soon")),
        (flags(health=True), seen(), ("reported", "answering")),
        (flags(health=True), None, ("reported", "answering")),
        (flags(), seen(), ("unproven", "no_message_seen")),
        (flags(health=True), seen(9, 9, 9, **FOREIGN), ("reported", "answering")),
        (flags(), seen(9, 9, 9, **STRANGE), ("unproven", "no_message_seen")),
        (flags(environment=False, health=True), seen(9, 9, 9), ("unproven", "not_in_process")),
        # Most or all fail, or have no result.
        (flags(health=True), seen(58, 58, 0, 58), ("failed", "delivery_failing")),
        (flags(health=True), seen(58, 58, 29, 29), ("failed", "delivery_failing")),
        (flags(health=True), seen(58, 58, 3, delivery={"unconfirmed": 55}), ("failed", "delivery_failing")),
        # Another number answers the families.
        (flags(), seen(58, 58, 58, instances={"invalid": {"default": 58}}), ("ignored", "wrong_instance")),
        # Messages get lost, or stuck on their way.
        (flags(), seen(9, 9, 9, handoff={"lost": 1}), ("ignored", "still_failing")),
        (flags(), seen(9, 9, 9, handoff={"state_mismatches": 1}), ("ignored", "still_failing")),
        (flags(), seen(9, 9, 9, guards={"incidents": 1}), ("ignored", "still_failing")),
        (flags(), seen(9, 9, 9, handoff={"unread": 1}), ("ignored", "still_failing")),
        (flags(), seen(9, 9, 9, overdue={"planned": 1}), ("ignored", "still_failing")),
        (flags(), seen(9, 9, 9, overdue={"read": 1}), ("ignored", "still_failing")),
        (flags(), seen(9, 9, 9, minutes=[{"unsent": 0}, {"unsent": 2}]), ("ignored", "still_failing")),
        # With delivery kept off nothing may go out, and what stays in is as it has to be.
        (flags(**KEPT), seen(9, handoff={"matured": 9, "unread": 9}, overdue={"read": 9}), ("proven", "observed")),
        (flags(**KEPT), seen(9, handoff={"matured": 0}), ("unproven", "too_soon")),
        (flags(**KEPT), seen(9, sent=1), ("ignored", "still_sending")),
        (flags(health=True, **KEPT), seen(), ("reported", "answering")),
    ],
)
def test_a_service_works_by_what_it_delivered(service, traces, expected):
    assert came_to(service_proof(service, traces)) == expected


def test_whether_delivery_is_off_may_be_said():
    traces = seen(9, handoff={"matured": 9})
    assert came_to(service_proof(flags(), traces, delivery_off=True)) == ("proven", "observed")
    assert came_to(service_proof(flags(**KEPT), seen(9, 9, 9), delivery_off=False)) == ("proven", "observed")


# ------------------------------------------------------------------ beside what was before


@pytest.mark.parametrize(
    ("before", "after", "compared", "expected"),
    [
        # All was delivered, and now every fourth fails: that most still arrive is no success.
        (seen(60, 60, 60), seen(40, 40, 30, 10), "worse", ("worse", "worse_delivery")),
        (seen(60, 60, 60), seen(40, 40, 40), "same", ("proven", "observed")),
        (seen(60, 60, 0, 60), seen(40, 40, 40), "better", ("proven", "observed")),
        # It failed as much before: the act has cured nothing, and has not made it worse.
        (seen(60, 60, 0, 60), seen(40, 40, 0, 40), "same", ("failed", "delivery_failing")),
        (seen(60, 60, 60), seen(40, 40, 0, 40), "worse", ("worse", "worse_delivery")),
        # Too few to say so.
        (seen(60, 60, 60), seen(4, 4, 3, 1), "same", ("proven", "observed")),
        (seen(60, 60, 60), seen(60, 60, 59, 1), "same", ("proven", "observed")),
        # What gets lost or stuck counts as what fails does.
        (seen(60, 60, 60), seen(40, 20, 20, handoff={"lost": 20}), "worse", ("worse", "worse_delivery")),
        (seen(60, 60, 60), seen(40, 20, 20, overdue={"read": 20}), "worse", ("worse", "worse_delivery")),
        # Nothing went out before, and now each answer goes out eight times.
        (seen(20), seen(20, 160, 160), "worse", ("worse", "worse_sends")),
        (seen(20, 20, 20), seen(20, 160, 160), "worse", ("worse", "worse_sends")),
        # Two messages for an answer, as before.
        (seen(20, 40, 40), seen(20, 40, 40), "same", ("proven", "observed")),
        # Nothing is known of before.
        (seen(), seen(20, 20, 20), None, ("proven", "observed")),
        (None, seen(20, 20, 20), None, ("proven", "observed")),
        ({**seen(60, 60, 60), **FOREIGN}, seen(40, 40, 30, 10), None, ("proven", "observed")),
        # A log that was not understood is compared with nothing.
        (seen(60, 60, 60), {**seen(40, 40, 30, 10), **STRANGE}, None, ("unproven", "too_soon")),
    ],
)
def test_an_act_is_judged_beside_what_was_before_it(before, after, compared, expected):
    found = service_proof(flags(), after, before=before)
    assert found["compared"] == compared
    if expected[1] != "too_soon":
        assert came_to(found) == expected
    else:
        assert found["status"] == "unproven"


def test_a_kill_switch_is_better_when_it_keeps_in_what_went_out():
    found = kill_switch_proof(flags(), seen(20), before=seen(60, 60, 60))
    assert (came_to(found), found["compared"]) == (("proven", "observed"), "better")
    # A fence that fails each message is no worse delivery.
    assert kill_switch_proof(flags(), seen(9, 9, 0, 9), FENCE, seen(60, 60, 60))["status"] == "proven"


def test_a_kill_switch_after_which_more_is_sent_is_worse():
    found = kill_switch_proof(flags(), seen(20, 160, 160), before=seen(20, 20, 20))
    assert (came_to(found), found["compared"]) == (("worse", "worse_sends"), "worse")


def test_an_act_that_did_not_reach_the_process_made_nothing_worse():
    found = service_proof(flags(environment=False), seen(40, 40, 0, 40), before=seen(60, 60, 60))
    assert came_to(found) == ("unproven", "not_in_process")


def test_what_was_compared_is_told_in_numbers():
    proof = service_proof(flags(), seen(40, 40, 30, 10), before=seen(60, 60, 60))["proofs"][-1]
    assert (proof["proof"], proof["had"]) == ("before", False)
    assert said(proof["detail"], "en") == (
        "WORSE: 10 unanswered and 30 delivered, 40 sends for 40 messages; before 0 and 60, 60 for 60"
    )
    nothing = service_proof(flags(), seen(40, 40, 40), before=seen())["proofs"][-1]
    assert (nothing["had"], said(nothing["detail"], "en")) == (None, "nothing was seen before, nothing to compare")


# ------------------------------------------------------------------ a watch


@pytest.mark.parametrize(
    ("traces", "off", "fenced", "expected"),
    [
        (seen(9, 9, 9), False, False, True),
        (seen(9), False, False, None),
        (None, False, False, None),
        (seen(9, 9, 0, 9), False, False, False),
        (seen(9, 8, 8, overdue={"read": 1}), False, False, None),
        (seen(9, 9, 9, guards={"incidents": 1}), False, False, False),
        (seen(9, handoff={"matured": 9}), True, False, True),
        (seen(9, handoff={"matured": 0}), True, False, None),
        (seen(9, sent=1), True, False, False),
        (seen(9, sent=9, failed=9), True, True, True),
        (seen(9, sent=9, success=1), True, True, False),
        (seen(), True, True, None),
        (seen(9, **FOREIGN), True, False, None),
    ],
)
def test_a_watch_has_seen_the_effect_its_opposite_or_nothing(traces, off, fenced, expected):
    assert effect_seen(traces, delivery_off=off, fenced=fenced) is expected


# ------------------------------------------------------------------ words


def test_each_reason_and_each_observation_has_its_words():
    known = [
        kill_switch_proof(flags(), seen(3)),
        kill_switch_proof(flags(), seen(3), FENCE),
        kill_switch_proof(flags(reported=True), None),
        service_proof(flags(health=True), seen(3, 3, 3), before=seen(3, 3, 3)),
        service_proof(flags(), seen(3, **FOREIGN)),
    ]
    for proof in known:
        assert f"reasons_{proof['reason']}" in rollback.TEXTS
        for row in proof["proofs"]:
            assert f"proofs_{row['proof']}" in rollback.TEXTS
            assert not row["detail"] or row["detail"]["code"] in details.TEXTS
