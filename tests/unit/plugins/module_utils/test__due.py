# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told what and when."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils._due import due
from ansible_collections.kumon.runbook.plugins.module_utils._incident_state import new_incident

from tests.unit.plugins.notify_desk import FACTS, NOON


def test_the_first_message_goes_to_the_first_tier_of_each_audience_at_once(desk, hooks):
    result = desk.run("open")
    assert [(message["name"], message["kind"]) for message in result["messages"]] == [
        ("dev", "first"),
        ("product", "first"),
    ]
    assert (result["sent"], result["unsent"]) == (2, 0)
    assert [where for where, _body, _headers in hooks.got] == ["/dev", "/product"] or len(hooks.got) == 2


def test_nothing_is_sent_twice_within_the_period(desk):
    desk.run("open")
    assert desk.after(0) == desk.after(1) == desk.after(3) == []


def test_every_fifteen_minutes_also_when_nothing_changed(desk):
    desk.run("open")
    desk.run("acknowledge", by="ana")
    assert desk.after(14.4) == []
    assert desk.after(0.6) == [("dev", "update"), ("product", "update")]
    assert desk.after(14.4) == []
    # Half a minute early counts, or a run each minute would find it a minute late.
    assert desk.after(0.2) == [("dev", "update"), ("product", "update")]


def test_the_next_tier_joins_when_nobody_acknowledges(desk):
    desk.run("open")
    assert desk.after(4.9) == []
    assert desk.after(0.2) == [("architect", "escalation")]
    assert desk.after(4.8) == []
    assert desk.after(0.3) == [("ops", "escalation")]
    assert ("dev", "update") in desk.after(5)


def test_a_tier_that_cannot_be_told_does_not_hold_up_the_next(desk, hooks):
    hooks.answers["/dev"] = (500, "text/plain", b"no_service", 0)
    desk.run("open")
    told = [desk.after(1) for _minute in range(6)]
    assert ("architect", "escalation") in told[4]
    assert all(("architect", "escalation") not in minute for minute in told[:4])


def test_news_that_could_not_be_told_gives_way_to_newer_news(desk, hooks):
    hooks.answers["/dev"] = (500, "text/plain", b"no_service", 0)
    first = desk.run("open")["messages"][0]
    hooks.answers.clear()
    second = desk.run("open", facts={**FACTS, "level": 2})["messages"][0]
    assert second["id"] != first["id"]
    assert desk.after(1) == [], "the newest news was told"


def test_acknowledging_is_told_and_stops_the_escalation(desk, hooks):
    desk.run("open")
    assert desk.after(1, "acknowledge", by="Ana") == [("dev", "acknowledged"), ("product", "acknowledged")]
    assert "by Ana" in hooks.texts("/dev")[-1]
    assert desk.after(10) == []
    assert desk.after(5) == [("dev", "update"), ("product", "update")]


def test_one_message_at_the_end_to_all_who_were_told_and_then_silence(desk):
    desk.run("open")
    desk.after(6)
    assert desk.after(1, "close") == [("dev", "end"), ("architect", "end"), ("product", "end")]
    assert desk.after(1, "close") == desk.after(60) == []
    assert desk.run("open", run_id="r9")["incident"]["id"] == "r9"


def test_without_an_incident_nothing_is_due(desk, hooks):
    for event in ("tick", "close"):
        result = desk.run(event)
        assert (result["incident"], result["messages"], result["changed"]) == (None, [], False)
    assert hooks.got == []


def test_a_tier_that_nobody_could_reach_is_tried_again_at_the_next_tick(desk, hooks):
    hooks.answers["/dev"] = (503, "text/plain", b"", 0)
    assert desk.run("open")["unsent"] == 1
    hooks.answers.clear()
    assert desk.after(1) == [("dev", "first")]


def test_it_is_pure(desk):
    incident = new_incident("r1", NOON)
    first = due(incident, desk.contacts, 900, NOON)
    assert first == due(incident, desk.contacts, 900, NOON)
    assert incident == new_incident("r1", NOON)


def test_an_audience_that_nobody_stands_for_is_due_nothing(desk):
    for nobody in ([], None):
        desk.contacts["business"] = nobody
        assert {message["audience"] for message in due(new_incident("r1", NOON), desk.contacts, 900, NOON)} == {
            "technical"
        }
    del desk.contacts["business"]
    assert desk.after(0, "open") == [("dev", "first")]
    assert desk.warnings == ["runbook_contacts.business names nobody: only the technical side is told"]
    assert desk.after(0, "test") == [("dev", "test"), ("architect", "test"), ("ops", "test")]
    assert desk.after(1, "close") == [("dev", "end")]


def test_a_clock_that_is_set_back_silences_nobody(desk):
    desk.run("open")
    desk.now -= 6 * 3600
    assert desk.after(1) == [("dev", "update"), ("product", "update")]
    assert desk.after(1) == []
    # The next tier joins its minutes after that, and not hours later.
    assert ("architect", "escalation") in desk.after(5)


def test_a_clock_that_is_set_back_holds_up_no_tier_behind_one_that_cannot_be_told(desk, hooks):
    hooks.answers["/dev"] = (500, "text/plain", b"no", 0)
    desk.run("open")
    desk.now -= 6 * 3600
    desk.after(1)
    assert ("architect", "escalation") in desk.after(5.1)


def test_the_second_incident_of_a_run_is_told_under_ids_of_its_own(desk):
    first = [message["id"] for message in desk.run("open")["messages"]]
    desk.run("close")
    desk.now += 60
    again = desk.run("open")
    second = [message["id"] for message in again["messages"]]
    assert len(second) == 2
    assert not set(first) & set(second)
    assert again["incident"]["id"] != "r1"
    assert (desk.directory / "incident-r1.json").exists(), "the first one is kept"


def test_who_may_have_been_told_is_told_that_it_is_over(desk):
    """A run that is killed while it sends leaves messages of which nobody knows whether they went out."""
    incident = desk.run("open")["incident"]
    incident = {**incident, "fingerprint": "", "messages": [{**one, "ok": None} for one in incident["messages"]]}
    over = {**incident, "closed": incident["opened"]}
    ends = due(over, desk.contacts, 900, NOON)
    assert [(one["name"], one["kind"]) for one in ends] == [("dev", "end"), ("product", "end")]
    # The end itself is told again until that is known.
    over["messages"] = [*over["messages"], *({**over["messages"][0], **one, "ok": None} for one in ends)]
    assert [one["kind"] for one in due(over, desk.contacts, 900, NOON)] == ["end", "end"]
    over["messages"] = [{**one, "ok": True} if one["kind"] == "end" else one for one in over["messages"]]
    assert due(over, desk.contacts, 900, NOON) == []
    # What surely went nowhere is no beginning.
    over["messages"] = [{**one, "ok": False} for one in incident["messages"]]
    assert due(over, desk.contacts, 900, NOON) == []
