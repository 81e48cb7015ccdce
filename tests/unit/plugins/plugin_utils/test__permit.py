# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._permit import act_permit, launched_by
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit.counting import Counter
from tests.unit.plugins.plugin_utils.test__automation import EARNED, NOW, OVERRIDE, STOP, record, would
from tests.unit.records import NOON, as_json, outbox_guard, turn

ASKED = {"statuses": ["rollback"], "causes": [], "level": ""}
FIELDS = {"workflow": "", "job": "", "user": ""}


def judged(*messages):
    counter = Counter(NOON + 30, since=NOON - 3600)
    counter.feed([as_json(message, NOON).encode() for message in messages])
    return verdict(counter.result())


GUARD, HEALTHY = judged(*turn("c1"), outbox_guard("c9")), judged(*turn("c1"))


def permit(found=None, person="", records=None, **more):
    return act_permit(
        {"kumon-1": GUARD if found is None else found}, ASKED, 1, person, records or {}, NOW, run_id="awx-7", **more
    )


@pytest.mark.parametrize(
    ("launch", "person"),
    [
        # A workflow that ana launched, and one that a schedule and a webhook did.
        ({"workflow": "manual", "job": "workflow", "user": "ana"}, "ana"),
        ({"workflow": "relaunch", "job": "workflow", "user": "ana"}, "ana"),
        ({"workflow": "scheduled", "job": "workflow"}, ""),
        ({"workflow": "scheduled", "job": "workflow", "user": "ana"}, ""),
        ({"workflow": "webhook", "job": "workflow"}, ""),
        # A job beside any workflow.
        ({"job": "manual", "user": "ana"}, "ana"),
        ({"job": "scheduled"}, ""),
        ({"job": "callback"}, ""),
        # A program with a token, and a job that AWX says nothing of.
        ({"workflow": "manual", "job": "workflow", "user": "eda"}, ""),
        ({"job": "manual"}, ""),
        ({}, ""),
    ],
)
def test_a_person_is_who_pressed_the_button(launch, person):
    assert launched_by({**FIELDS, **launch}, ["eda"]) == person


def test_what_a_person_launched_may_follow_whatever_automation_may():
    for records in ({}, record(switches=[STOP])):
        found = permit(person="ana", records=records)
        assert found == {"permitted": True, "why": "person", "reason": "ana launched it", "would": []}


@pytest.mark.parametrize(
    ("records", "permitted", "why"),
    [
        (EARNED, True, "earned"),
        (record(days=0, switches=[OVERRIDE]), True, "overridden"),
        ({}, False, "days"),
        ({**EARNED, "automation": [STOP]}, False, "stopped"),
        ({**EARNED, "automation": [OVERRIDE, STOP]}, False, "stopped"),
        (record(acts=[would(1)]), False, "unmarked"),
    ],
)
def test_what_nobody_launched_may_follow_where_automation_may(records, permitted, why):
    found = permit(records=records)
    assert (found["permitted"], found["why"]) == (permitted, why)
    # People mark it either way.
    (kept,) = found["would"]
    assert (kept["host"], kept["cause"], kept["level"]) == ("kumon-1", "outbox_guard", 1)
    assert (kept["acted"], len(kept["id"])) == (permitted, 6)
    assert permit(records=records, check=True)["would"] == []


def test_the_same_outage_is_kept_once():
    (kept,) = permit(records=EARNED)["would"]
    again = {**EARNED, "would_act": [*EARNED["would_act"], {**kept, "at": "2024-10-04T00:00:00Z"}]}
    assert permit(records=again)["would"] == []
    # Also as the task that reads the desk's records has registered them.
    read = {"records": again["automation"], "also": {kind: again[kind] for kind in ("would_act", "mark", "look")}}
    assert permit(records=read) == permit(records=again)


def test_what_automation_waits_for_is_not_done_by_a_workflow_either():
    # A verdict calls for a rollback in a hiccup; to act by itself takes five looks.
    hiccup = {
        **HEALTHY,
        "status": "rollback",
        "level": 1,
        "cause": "delivery_failing",
        "causes": ["delivery_failing"],
        "tests": {"results": {"held": 2, "failing_now": True, "total": False}},
    }
    found = permit(hiccup, records=EARNED)
    assert (found["permitted"], found["why"], found["would"]) == (False, "waits", [])
    assert "2" in found["reason"]
    assert permit(hiccup, person="ana")["permitted"] is True


def test_a_desk_that_could_not_be_read_permits_nothing_but_what_a_person_launched():
    unread = {"unreachable": True, "msg": "Failed to connect\nto the host"}
    found = permit(records=unread)
    assert (found["permitted"], found["why"]) == (False, "problem")
    assert "Failed to connect to the host" in found["reason"]
    assert permit(person="ana", records=unread)["permitted"] is True


def test_a_verdict_that_asks_for_nothing_permits_nothing():
    for found in (permit(HEALTHY, records=EARNED), permit({}, records=EARNED)):
        assert (found["permitted"], found["why"], found["would"]) == (False, "not_taken", [])


def test_what_was_not_measured_is_no_reason_to_act():
    asked = {**ASKED, "statuses": ["blind"]}
    found = act_permit({"kumon-1": {}}, asked, 1, "", EARNED, NOW)
    assert (found["permitted"], found["reason"]) == (False, "what was not measured is no reason")


def decided(found, **facts):
    hosts = {"kumon-1": {"verdict": found}}
    return outcome("decide", {"host": "kumon-1", "hosts": hosts, "asked": ASKED, **facts}, "en")


def test_the_branch_is_taken_only_with_the_permission_where_an_act_follows():
    assert decided(GUARD)["ok"] is True
    allowed = decided(GUARD, act="1", permit=permit(person="ana"))
    assert (allowed["ok"], allowed["decided"]["why"]) == (True, "person")
    assert allowed["lines"][1] == "Level 1 may follow: ana launched it"
    refused = decided(GUARD, act="1", permit=permit(records={**EARNED, "automation": [STOP]}))
    assert (refused["ok"], refused["decided"]["taken"], refused["decided"]["permitted"]) == (False, True, False)
    assert refused["message"].startswith("NOT BY ITSELF, a person approves it: the verdict is rollback (outbox_guard")
    assert "stopped by maria until" in refused["message"]
    # Whoever did not ask was not permitted.
    assert decided(GUARD, act="1")["ok"] is False
    # A verdict that asks for nothing says so, and no more.
    other = decided(HEALTHY, act="1", permit=permit(HEALTHY, person="ana"))
    assert (other["ok"], other["message"][:3], "permitted" in other["decided"]) == (False, "NO,", False)
