# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._checklist import ITEMS, checklist

from tests.unit import diagnosis_probes as given

NOW = given.NOW


def fill(seen=None, acts=(), locale="en", **more):
    found = given.probes(seen, acts)
    facts = {
        "verdict": given.judge(found),
        "traces": found["traces"]["traces"],
        "service": found["service"],
        "journal": found["journal"]["journal"],
        **more,
    }
    return {row["item"]: row for row in checklist(facts, NOW, locale)}


def statuses(rows):
    return {item: row["status"] for item, row in rows.items()}


def test_without_facts_nothing_is_ticked():
    rows = checklist({}, NOW, "en")
    assert [(row["item"], row["phase"]) for row in rows] == list(ITEMS)
    assert {row["status"] for row in rows} == {"unknown"}


def test_a_healthy_system_needs_no_rollback():
    found = statuses(fill())
    assert found["identify"] == found["stabilise"] == found["confirm_stable"] == "done"
    assert found["decide"] == found["roll_back"] == "not_needed"


def test_what_is_due_and_not_done_is_open():
    rows = fill(given.losing())
    assert rows["identify"]["value"] == "rollback (lost_handoff)"
    assert rows["decide"]["value"] == "level 1"
    assert rows["roll_back"]["status"] == "open"
    assert rows["roll_back"]["value"] == "level 1 is due and was not done"
    assert rows["stabilise"]["status"] == rows["confirm_stable"]["status"] == "failed"


@pytest.mark.parametrize(
    ("act", "status", "value"),
    [
        (given.act("rollback_level2", 60), "unknown", "rollback_level2 done, its effect was not judged"),
        (given.act("rollback_level2", 60, False, msg="no disk"), "failed", "rollback_level2: no disk"),
        (given.act("rollback_level2", None), "failed", "rollback_level2 began and did not end"),
    ],
)
def test_a_rollback_is_ticked_by_its_outcome_in_the_journal(act, status, value):
    row = fill(given.losing(), [act])["roll_back"]
    assert (row["status"], row["value"]) == (status, value)
    assert row["source"] == ("journal#3" if act["ended"] is None else "journal#4")


@pytest.mark.parametrize(("ok", "status"), [(True, "done"), (False, "failed")])
@pytest.mark.parametrize("by", ["proof", "decision"])
def test_an_act_is_ticked_by_what_the_service_did_next(by, ok, status):
    act = given.act("rollback_level2", 60)
    if by == "proof":
        judged = given.act("rollback_level2", 50, ok, name="proof", msg="still losing", after={"status": "?"})
    else:
        judged = given.act("emergency_recovery", 50, ok, name="decision", msg="still losing", after={"level": 2})
    row = fill(given.losing(), [judged, act])["roll_back"]
    assert row["status"] == status
    assert ("still losing" in row["value"]) == (not ok)


def test_what_was_judged_before_an_act_says_nothing_of_it():
    judged = given.act("rollback_level2", 600, name="proof", after={"status": "proven"})
    assert fill(given.losing(), [given.act("rollback_level2", 60), judged])["roll_back"]["status"] == "unknown"


def test_who_decided_what_is_named():
    row = fill(acts=[given.act("rollback_level1", 60)])["decide"]
    assert (row["status"], row["value"], row["age"]) == ("done", "level 1, by ana", 63.0)
    decided = given.act("emergency_recovery", 30, name="decision", after={"level": 2})
    assert fill(acts=[decided])["decide"]["value"] == "level 2, by ana"


def test_what_was_undone_belongs_to_another_incident():
    acts = [given.act("roll_forward", 10), given.act("rollback_level1", 600)]
    assert fill(given.losing(), acts)["roll_back"]["status"] == "open"


def test_a_broken_journal_proves_nothing():
    rows = fill(journal={"ok": False, "acts": [given.act("rollback_level1", 60)]})
    assert rows["roll_back"]["status"] == "unknown"


@pytest.mark.parametrize(("ago", "status"), [(170, "open"), (190, "done")])
def test_stable_is_three_minutes_after_the_last_critical_event_act_or_start(ago, status):
    service = {**given.SERVICE, "last_act": {"time": iso(NOW - ago)}}
    assert fill(service=service)["stabilise"]["status"] == status
    assert fill(service={**given.SERVICE, "started": iso(NOW - ago)})["stabilise"]["status"] == status


def test_the_kill_switch_alone_is_no_stable_system():
    rows = fill(verdict={"status": "watch", "cause": "kill_switch", "level": 0})
    assert rows["confirm_stable"]["status"] == "open"


@pytest.mark.parametrize(
    ("status", "cause", "value"),
    [
        ("watch", "delivery_degraded", "watch (delivery_degraded)"),
        ("watch", "kill_switch", "watch (kill_switch)"),
        # Silence is called ok and proves nothing.
        ("ok", "quiet", "quiet, not proven"),
    ],
)
def test_nothing_but_a_good_verdict_is_stable(status, cause, value):
    rows = fill(verdict={"status": status, "cause": cause, "level": 0})
    assert (rows["stabilise"]["status"], rows["stabilise"]["value"]) == ("open", value)
    assert rows["confirm_stable"]["status"] == "open"


def test_only_an_accepted_message_was_told():
    messages = [
        {"audience": "technical", "ok": True, "time": iso(NOW - 40)},
        {"audience": "business", "ok": False, "time": iso(NOW - 30)},
    ]
    rows = fill(notifications={"messages": messages})
    assert (rows["tell_technical"]["status"], rows["tell_technical"]["age"]) == ("done", 40.0)
    assert rows["tell_business"]["status"] == "open"


@pytest.mark.parametrize("name", ["smoke_test", "notifications", "report"])
def test_a_file_of_an_earlier_run_that_says_nothing_is_unknown(name):
    rows = fill(**{name: {}})
    item = {"smoke_test": "smoke_test", "notifications": "tell_technical", "report": "document"}[name]
    assert rows[item]["status"] == "unknown"


def test_messages_of_an_incident_that_was_over_before_tell_nobody_of_this_one():
    told = [{"audience": "technical", "ok": True, "time": iso(NOW - 4000)}]
    over = {"messages": told, "closed": iso(NOW - 3000)}
    assert fill(notifications=over)["tell_technical"]["status"] == "not_needed"
    assert fill(given.losing(), notifications=over)["tell_technical"]["status"] == "open"
    later = fill(acts=[given.act("rollback_level1", 600)], notifications=over)["tell_technical"]
    assert (later["status"], later["value"]) == ("open", "no message accepted")
    closed_since = {**over, "closed": iso(NOW - 60)}
    same = fill(acts=[given.act("rollback_level1", 600)], notifications=closed_since)
    assert same["tell_technical"]["status"] == "done"


@pytest.mark.parametrize(("item", "given_"), [("smoke_test", {"status": "passed"}), ("document", {"path": "x.md"})])
def test_what_was_before_the_last_rollback_proves_nothing_of_it(item, given_):
    acts = [given.act("rollback_level2", 60), given.act("rollback_level1", 600)]
    for ago, status in ((300, "open"), (30, "done")):
        row = fill(acts=acts, **{"report" if item == "document" else item: {**given_, "at": iso(NOW - ago)}})[item]
        assert (row["status"], row["age"]) == (status, ago)


@pytest.mark.parametrize(("outcome", "status"), [("passed", "done"), ("unproven", "failed")])
def test_the_smoke_test_is_ticked_only_when_it_passed(outcome, status):
    assert fill(smoke_test={"status": outcome, "at": iso(NOW - 5)})["smoke_test"]["status"] == status


def test_the_report_is_named():
    row = fill(report={"path": "/reports/x.md", "at": iso(NOW - 5)})["document"]
    assert (row["status"], row["value"], row["age"]) == ("done", "/reports/x.md", 5.0)


def test_it_speaks_portuguese_and_no_other_language_by_accident():
    assert fill(locale="pt_BR")["identify"]["title"] == "Identificar o problema"
    with pytest.raises(ValueError, match="locale must be"):
        checklist({}, NOW, "fr")
