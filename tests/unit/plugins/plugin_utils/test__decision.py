# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import time

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._decision import (
    STEPS,
    recovery_decision,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES, verdict

from tests.unit.counting import Counter
from tests.unit.records import NOON, WINDOW, as_json, counted, outbox, outbox_guard, turns

LEVELS = (1, 2, 3)


def judged(*causes, rate=None):
    """A verdict of these causes, the most severe first."""
    causes = sorted(causes, key=list(CAUSES).index)
    cause = causes[0] if causes else "none"
    return {
        "status": CAUSES[cause].status,
        "level": CAUSES[cause].level,
        "next_level": CAUSES[cause].next_level,
        "cause": cause,
        "causes": causes,
        "delivery": {"rate": rate, "n": 0 if rate is None else 10},
    }


def decided(level, age=300.0, ok=True, run_id="r1"):
    """A decision of an automatic run in the journal."""
    return {
        "run_id": run_id,
        "procedure": "emergency_recovery",
        "act": "decision",
        "age": age,
        "ok": ok,
        "after": {"level": level},
    }


def test_every_cause_has_its_steps():
    assert sorted(STEPS) == sorted(CAUSES)
    for steps in STEPS.values():
        assert list(steps) == sorted(set(steps))


# Which level is due when the cause stands alone, by what is in effect and what was done within the budget.
# Columns: nothing; the kill-switch; kill-switch and V1 flags; 1 spent; 1 and 2 spent; all spent.
LADDER = {
    "lost_handoff": (1, 2, 3, 2, 3, None),
    "outbox_guard": (1, 2, 3, 2, 3, None),
    "instance_guard": (1, 2, 3, 2, 3, None),
    "invalid_instance": (1, 2, 3, 2, 3, None),
    "state_mismatch": (1, 2, 3, 2, 3, None),
    "level2_not_stable": (1, 3, 3, 3, 3, None),
    "kill_switch_ignored": (1, 1, 1, 3, 3, None),
    "planning_stopped": (1, 2, 3, 2, 3, None),
    "reading_stopped": (1, 2, 3, 2, 3, None),
    "sending_stopped": (1, 2, 3, 2, 3, None),
    "gateway_down": (1, None, None, None, None, None),
    "delivery_failing": (1, None, None, None, None, None),
    "results_unbelieved": (1, None, None, None, None, None),
    "service_down": (3, 3, 3, 3, 3, None),
    "service_silent": (0, 0, 0, 3, 3, None),
    "log_unreadable": (None,) * 6,
    "not_understood": (None,) * 6,
    "no_timestamps": (None,) * 6,
    "not_owned": (None,) * 6,
    "not_covered_process": (None,) * 6,
    "incomplete": (None,) * 6,
    "stale": (None,) * 6,
    "no_data": (None,) * 6,
    "service_unknown": (None,) * 6,
    "service_ill": (0,) * 6,
    "kill_switch": (0,) * 6,
    "held_by_fence": (0,) * 6,
    "planning_degraded": (0,) * 6,
    "unread_handoff": (0,) * 6,
    "sending_degraded": (0,) * 6,
    "few_failed": (0,) * 6,
    "results_contradict": (0,) * 6,
    "results_without_send": (0,) * 6,
    "dropped": (0,) * 6,
    "repeated_sends": (0,) * 6,
    "sent_in_part": (0,) * 6,
    "delivery_late": (0,) * 6,
    "ambiguous": (0,) * 6,
    "not_covered": (0,) * 6,
    "partly_understood": (0,) * 6,
    "quiet": (0,) * 6,
    "delivery_degraded": (0,) * 6,
    "unexpected_instance": (0,) * 6,
    "none": (0,) * 6,
}
STATES = (
    ({}, ()),
    ({"kill_switch": True}, ()),
    ({"kill_switch": True, "v1_flags": True}, ()),
    ({}, (1,)),
    ({}, (1, 2)),
    ({}, (1, 2, 3)),
)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("state", range(len(STATES)))
def test_level_by_cause_state_and_history(cause, state):
    present, spent = STATES[state]
    causes = [] if cause == "none" else [cause]
    found = recovery_decision(judged(*causes), present, [decided(level) for level in reversed(spent)], mode="auto")
    level = LADDER[cause][state]
    assert found["level"] == level
    assert found["act"] is (level in LEVELS)
    # Behind the fence nothing is due, and somebody has to see to the process that ignores its kill-switch.
    assert found["to_person"] is (level is None or cause == "held_by_fence")


def every_state():
    bools = (False, True)
    for cause, kill, v1, fenced, through in itertools.product(CAUSES, bools, bools, bools, bools):
        for spent in itertools.chain.from_iterable(itertools.combinations(LEVELS, n) for n in range(4)):
            yield cause, {"kill_switch": kill, "v1_flags": v1, "fenced": fenced}, spent, 0.5 if through else None


def test_no_state_breaks_a_rule():
    seen = set()
    for cause, present, spent, rate in every_state():
        finding = judged(*([] if cause == "none" else [cause]), rate=rate)
        acts = [decided(level) for level in spent]
        found = recovery_decision(finding, present, acts, mode="auto")
        level = found["level"]
        where = (cause, present, spent, rate)
        seen.add(level)
        assert level in (None, 0, *STEPS[cause]), where
        assert level not in spent, where  # once within the budget
        assert not level or level > max(spent, default=0), where  # never down again
        assert found["act"] is bool(level), where
        if level:
            passed = [step for step in STEPS[cause] if step < level]
            in_effect = [item["level"] for item in found["budget"] if item["in_effect"]]
            done = max(spent, default=0)
            assert all(step <= done or step in in_effect for step in passed), where  # no step is left out
            assert level not in in_effect, where
        if CAUSES[cause].status in ("ok", "watch") and not spent:
            assert level == 0, where
        if CAUSES[cause].status == "rollback" and level is None:
            assert found["to_person"], where  # nobody is left alone with it
        # The mode changes whether it is done, never what.
        for mode, approved in [("recommend", None), ("recommend", level), ("approve", None), ("approve", level)]:
            other = recovery_decision(finding, present, acts, mode=mode, approved=approved or None)
            assert (other["level"], other["cause"]) == (level, found["cause"]), where
            assert other["act"] is (mode == "approve" and bool(level) and approved == level), where
            assert other["to_person"] is (found["to_person"] or (bool(level) and not other["act"])), where
    assert seen == {None, 0, 1, 2, 3}


def test_of_several_causes_the_highest_level_counts():
    found = recovery_decision(judged("lost_handoff", "service_down", "delivery_failing"), mode="auto")
    assert (found["level"], found["cause"]) == (3, "service_down")
    found = recovery_decision(judged("gateway_down", "lost_handoff"), {"kill_switch": True}, mode="auto")
    assert (found["level"], found["cause"]) == (2, "lost_handoff")


def test_an_ignored_kill_switch_is_not_in_effect_until_it_is_fenced():
    finding = judged("kill_switch_ignored", "lost_handoff", rate=1.0)
    assert recovery_decision(finding, {"kill_switch": True})["level"] == 1
    # The fence is up: nothing gets through, but hand-offs are still lost.
    contained = judged("kill_switch_ignored", "lost_handoff", rate=0.0)
    assert recovery_decision(contained, {"kill_switch": True, "fenced": True})["level"] == 2
    # A fence that leaks contains nothing.
    leaking = judged("kill_switch_ignored", rate=0.2)
    found = recovery_decision(leaking, {"kill_switch": True, "fenced": True}, [decided(1)], mode="auto")
    assert (found["level"], found["act"]) == (3, True)


@pytest.mark.parametrize("more", [(), ("delivery_failing",), ("delivery_degraded", "unread_handoff")])
def test_what_the_fence_keeps_in_needs_no_act_but_a_person(more):
    found = recovery_decision(
        judged("kill_switch_ignored", *more, rate=0.0), {"kill_switch": True, "fenced": True}, mode="auto"
    )
    assert (found["level"], found["act"], found["to_person"]) == (0, False, True)
    assert found["reasons"][0] == "The process ignores the kill-switch, and the network fence keeps its messages in."


def test_a_level_is_done_once_in_thirty_minutes():
    finding = judged("delivery_failing")
    assert recovery_decision(finding, acts=[decided(1, age=1799.0)])["level"] is None
    assert recovery_decision(finding, acts=[decided(1, age=1800.0)])["level"] == 1
    # What a person did by hand is no automatic act.
    for other in ({"procedure": "rollback_level1", "act": "service_flags"}, {"procedure": "notify"}, {"act": "watch"}):
        assert recovery_decision(finding, acts=[{**decided(1), **other}])["level"] == 1
    budget = recovery_decision(finding, acts=[decided(1, age=60.0)])["budget"]
    assert budget[0] == {"level": 1, "in_effect": False, "spent": True, "age_seconds": 60.0, "run_id": "r1"}
    assert [item["spent"] for item in budget] == [True, False, False]


def test_a_failed_act_is_spent_too():
    assert recovery_decision(judged("lost_handoff"), acts=[decided(1, ok=False)])["level"] == 2


@pytest.mark.parametrize("causes", [(), ("lost_handoff",), ("kill_switch",), ("log_unreadable",)])
def test_what_a_killed_run_has_decided_and_not_done_is_done_first(causes):
    acts = [decided(2, ok=None, run_id="r9"), decided(1, age=400.0)]
    found = recovery_decision(judged(*causes), {"kill_switch": True}, acts, mode="auto")
    assert (found["level"], found["act"]) == (2, True)
    assert any("was decided 5 min ago by run r9 and not finished" in reason for reason in found["reasons"])


def test_what_was_not_finished_is_left_alone_when_it_holds_or_something_newer_was_decided():
    acts = [decided(1, ok=None)]
    assert recovery_decision(judged("kill_switch"), {"kill_switch": True}, acts, mode="auto")["level"] == 0
    acts = [decided(2), decided(1, ok=None, age=500.0)]
    found = recovery_decision(judged("delivery_failing"), {}, acts, mode="auto")
    assert found["level"] is None  # level 1 counts as spent


def test_an_unfinished_level_does_not_hold_up_a_higher_one():
    found = recovery_decision(judged("service_down"), {}, [decided(1, ok=None)], mode="auto")
    assert (found["level"], found["cause"]) == (3, "service_down")


@pytest.mark.parametrize(("available", "level"), [(None, 3), (True, 3), (False, None)])
def test_level_3_needs_a_release_to_return_to(available, level):
    found = recovery_decision(judged("service_down"), mode="auto", release_available=available)
    assert found["level"] == level
    assert ("Level 3 is due, and there is no known-good release to return to." in found["reasons"]) is (level is None)


@pytest.mark.parametrize(
    ("mode", "approved", "act", "reason", "following"),
    [
        (
            "recommend",
            None,
            False,
            "Mode recommend: nothing is done.",
            "ansible-playbook kumon.runbook.rollback_level1",
        ),
        ("recommend", 1, False, "Mode recommend: nothing is done.", "ansible-playbook kumon.runbook.rollback_level1"),
        (
            *("approve", None, False, "Mode approve: level 1 is not approved."),
            "ansible-playbook kumon.runbook.emergency_recovery -e recovery_mode=approve -e recovery_approved=1",
        ),
        (
            *("approve", "2", False, "Mode approve: level 2 is approved, and level 1 is due."),
            "ansible-playbook kumon.runbook.emergency_recovery -e recovery_mode=approve -e recovery_approved=1",
        ),
        ("approve", "1", True, "Mode approve: level 1 is approved.", "level 1 is done, then watched"),
        ("auto", "", True, "Mode auto: level 1 is done now.", "level 1 is done, then watched"),
    ],
)
def test_the_mode_says_who_acts(mode, approved, act, reason, following):
    found = recovery_decision(judged("lost_handoff"), mode=mode, approved=approved)
    assert (found["act"], found["reasons"][-1], found["next"]) == (act, reason, following)


def test_safe_mode_is_where_a_recovery_ends():
    found = recovery_decision(judged("kill_switch", "unread_handoff"), {"kill_switch": True}, [decided(1)], mode="auto")
    assert (found["level"], found["act"], found["to_person"]) == (0, False, False)
    assert found["reasons"] == ["Nothing to do: the kill-switch holds and nothing else is wrong."]
    assert found["next"] == "ansible-playbook kumon.runbook.validate_recovery"


def test_the_reasons_tell_how_it_came_about():
    found = recovery_decision(
        judged("lost_handoff"), {"kill_switch": True}, [decided(2, age=90.0), decided(1)], mode="auto"
    )
    assert found["reasons"] == [
        "lost_handoff calls for level 1.",
        "Level 1 is in effect already, and lost_handoff is still seen.",
        "Level 2 was done automatically 1 min 30 s ago; it is not repeated within 30 min.",
        "So level 3 is due.",
        "Mode auto: level 3 is done now.",
    ]
    portuguese = recovery_decision(judged("lost_handoff"), locale="pt_BR")
    assert portuguese["reasons"] == ["lost_handoff pede o nível 1.", "Modo recommend: nada é feito."]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "now"}, "mode must be one of recommend, approve, auto, not 'now'."),
        ({"approved": "4"}, "a level must be 1, 2 or 3, not '4'."),
        ({"approved": True}, "a level must be 1, 2 or 3, not True."),
        ({"acts": "x"}, "acts must be a list, not 'x'."),
        ({"acts": [{**decided(1), "age": "old"}]}, "age of a decision must be a number, not 'old'."),
        ({"present": {"kill_switch": "maybe"}}, "kill_switch must be true or false, not 'maybe'."),
        ({"locale": "fr"}, "locale must be pt_BR or en, not 'fr'."),
    ],
)
def test_bad_input_is_one_sentence(options, message):
    with pytest.raises(ValueError) as error:
        recovery_decision(judged("lost_handoff"), **options)
    assert str(error.value) == message


def test_a_cause_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="^verdict.causes holds the unknown cause 'new'.$"):
        recovery_decision({"status": "rollback", "cause": "new", "causes": ["new"]})


# -- patience


def with_tests(cause="delivery_failing", held=5, total=False, failing_now=True, more=()):
    stage = {"delivery_failing": "results", "reading_stopped": "reading", "results_unbelieved": "contradicting"}[cause]
    test = {"evidence": 20_000.0, "held": held, "total": total, "failing_now": failing_now}
    return {**judged(cause, *more), "held": held, "tests": {stage: test}}


@pytest.mark.parametrize("cause", ["delivery_failing", "reading_stopped"])
def test_automation_waits_until_a_failure_has_held_five_looks(cause):
    found = recovery_decision(with_tests(cause, held=3), mode="auto")
    assert (found["level"], found["act"], found["to_person"], found["unstable"]) == (1, False, False, True)
    assert "has held 3 of 5 looks (minutes with traffic); nothing is done by itself for 2 more" in found["reasons"][-1]
    assert recovery_decision(with_tests(cause, held=5), mode="auto")["act"] is True


def test_a_person_need_not_wait():
    assert recovery_decision(with_tests(held=0), mode="approve", approved=1)["act"] is True
    assert recovery_decision(with_tests(held=0))["to_person"] is True


def test_nothing_is_done_by_itself_when_the_newest_look_is_well():
    found = recovery_decision(with_tests(held=9, failing_now=False, total=True), mode="auto")
    assert (found["act"], found["to_person"]) == (False, False)
    assert "in the newest look nothing failed" in found["reasons"][-1]


def test_an_incident_waits_for_nothing():
    found = recovery_decision(with_tests(held=0, more=["lost_handoff"]), mode="auto")
    assert (found["level"], found["act"], found["cause"]) == (1, True, "lost_handoff")


def test_a_higher_level_that_has_to_wait_holds_up_no_incident():
    verdict_ = with_tests("reading_stopped", held=0, more=["gateway_down"])
    found = recovery_decision(verdict_, {"kill_switch": False}, mode="auto")
    assert (found["level"], found["act"], found["cause"]) == (1, True, "gateway_down")


@pytest.mark.parametrize("cause", ["delivery_failing", "results_unbelieved"])
def test_a_total_failure_of_delivery_is_a_persons(cause):
    found = recovery_decision(with_tests(cause, held=8, total=True), mode="auto")
    assert (found["level"], found["act"], found["to_person"], found["unstable"]) == (None, False, True, True)
    assert "the kill-switch gains nothing" in found["reasons"][0]
    # Unless partial sends do harm.
    assert recovery_decision(with_tests(held=8, total=True, more=["lost_handoff"]), mode="auto")["act"] is True


def test_what_may_be_text_is_never_acted_upon():
    for cause in ("ambiguous", "not_understood"):
        assert recovery_decision(judged(cause), mode="auto")["act"] is False


# -- the storm


def test_ten_thousand_guard_lines_are_decided_within_a_second():
    storm = [as_json(outbox_guard("x", idem="unknown"), at=NOON - 300).encode()] * 10_000
    begun = time.process_time()  # of this process alone, however busy the machine is
    counter = Counter(now=NOON, since=NOON - WINDOW)
    counter.feed(storm)
    finding = verdict(counter.result(), service_running=True)
    found = recovery_decision(finding, {}, mode="auto")
    assert time.process_time() - begun < 1
    assert (found["level"], len(found["reasons"])) == (1, 2)  # one cause, one act, one sentence each


def test_ten_thousand_guard_lines_are_one_act():
    storm = [(300.0, outbox_guard("x")) for _n in range(10_000)]
    traces = counted([*turns(60), *storm])
    finding = verdict(traces, service_running=True, delivery_disabled=False)
    assert (finding["cause"], traces["guards"]["incidents"]) == ("outbox_guard", 1)
    first = recovery_decision(finding, {}, mode="auto")
    assert (first["level"], first["act"]) == (1, True)
    # Measured since the act: nothing is left of it.
    after = verdict(counted([(10.0, outbox("planner", "c", 1))]), service_running=True, delivery_disabled=True)
    second = recovery_decision(after, {"kill_switch": True}, [decided(1, age=20.0)], mode="auto")
    assert (second["level"], second["act"]) == (0, False)
