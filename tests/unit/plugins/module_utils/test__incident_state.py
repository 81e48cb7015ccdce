# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

from tests.unit.plugins.notify_desk import FACTS


def test_the_same_news_again_is_held_back_and_other_news_is_an_update(desk):
    desk.run("open")
    again = desk.run(
        "open", run_id="r2", facts={**FACTS, "run_id": "r2", "reasons": ["another count"], "journal": {"h": {"seq": 9}}}
    )
    assert (again["held_back"], again["messages"]) == (True, [])
    desk.run("open", facts={**FACTS, "headline": "LEVEL 1 IS DUE: 115 messages lost, 94.1 %"})
    grown = desk.run("open", facts={**FACTS, "headline": "LEVEL 1 IS DUE: 1200 messages lost, 91 %"})
    assert grown["held_back"] is True
    assert desk.after(1, "open", facts={**FACTS, "level": 2}) == [("dev", "update"), ("product", "update")]


def test_an_update_is_news_of_an_open_incident_and_opens_none(desk):
    news = {"procedure": "roll_forward", "delivery": "on"}
    assert desk.run("update", facts=news)["incident"] is None
    desk.run("open")
    assert desk.after(1, "update", facts=news) == [("dev", "update"), ("product", "update")]
    assert desk.run("update", facts=news)["held_back"] is True
    desk.run("close")
    assert desk.after(1, "update", facts={**news, "delivery": "off"}) == []


def test_an_earlier_incident_is_kept(desk):
    desk.run("open")
    desk.run("close")
    desk.run("open", run_id="r2")
    kept = json.loads((desk.directory / "incident-r1.json").read_text())
    assert kept["closed"]


def test_the_state_survives_a_restart_and_holds_no_address(desk):
    desk.run("open")
    text = (desk.directory / "incident.json").read_text()
    assert desk.hooks.url not in text
    assert (desk.directory / "incident.json").stat().st_mode & 0o777 == 0o600
    assert desk.after(16)[0] == ("dev", "update")


HALF = '{"id": "x", "opened": %s, "facts": {}, "messages": %s}'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{half",
        "[]",
        '{"id": "x"}',
        "\x00",
        HALF % ("null", "[]"),
        HALF % ('"yesterday"', "[]"),
        HALF % ('"2026-11-22T10:12:00Z"', "null"),
        HALF % ('"2026-11-22T10:12:00Z"', '[{"id": "x-1"}]'),
    ],
)
def test_a_state_that_cannot_be_read_is_kept_aside_and_said(desk, content):
    desk.directory.mkdir()
    (desk.directory / "incident.json").write_text(content)
    assert desk.run("open")["sent"] == 2
    (aside,) = desk.directory.glob("*.broken-*")
    assert aside.read_text() == content
    assert aside.name in redact(desk.warnings[0])
    assert "could not be read" in desk.warnings[0]


# ---------------------------------------------------------------- what a person expects


def body(hooks):
    return hooks.texts("/dev")[-1].partition("\n")[2].strip()


def test_a_persons_eta_is_news_and_leaves_what_is_known_as_it_is(desk, hooks):
    desk.run("open")
    assert body(hooks) == "body no ETA"
    for minutes, event in ((1, "update"), (2, "tick")):
        assert desk.after(minutes, event, eta=f"{event} 15 min") == [("dev", "update"), ("product", "update")]
        assert body(hooks).startswith(f"body {event} 15 min (given at 2026-11-20T")
    assert desk.run()["incident"]["facts"] == FACTS


def test_who_takes_over_can_say_how_long_it_takes(desk, hooks):
    desk.run("open")
    assert desk.after(1, "acknowledge", by="ana", eta="15 min") == [
        ("dev", "acknowledged"),
        ("product", "acknowledged"),
    ]
    assert body(hooks) == "body 15 min (given at 2026-11-20T12:01Z)"
    assert desk.after(1) == []


def test_the_same_eta_again_is_no_news_and_keeps_its_time(desk, hooks):
    desk.run("open", eta="15 min")
    assert desk.after(3, eta=" 15  min\n") == []
    assert desk.run()["incident"]["eta"] == {"text": "15 min", "time": "2026-11-20T12:00Z"}
    assert desk.after(1, "open", facts={**FACTS, "level": 2}) == [("dev", "update"), ("product", "update")]
    assert body(hooks) == "body 15 min (given at 2026-11-20T12:00Z)", "other news keeps it"


def test_an_eta_ends_with_its_incident_and_opens_none(desk, hooks):
    assert desk.run("tick", eta="15 min")["incident"] is None
    desk.run("open", eta="15 min")
    desk.run("close")
    assert desk.after(1, eta="20 min") == []
    desk.run("open", run_id="r2")
    assert body(hooks) == "body no ETA"


def test_an_eta_is_one_line_redacted_and_bounded(desk):
    incident = desk.run("open", eta="call 5511988887777\nBcc: x " + "long " * 100)["incident"]
    assert "5511988887777" not in incident["eta"]["text"]
    assert "\n" not in incident["eta"]["text"]
    assert len(incident["eta"]["text"]) <= 80


def test_a_state_without_an_eta_is_read_as_an_earlier_release_wrote_it(desk):
    desk.run("open")
    path = desk.directory / "incident.json"
    state = json.loads(path.read_text())
    del state["eta"]
    path.write_text(json.dumps(state))
    assert desk.after(1) == []
    assert desk.after(15)[0] == ("dev", "update")


# ---------------------------------------------------------------- what the trend counts

KEPT = {
    "id": "r1",
    "first_sign": None,
    "opened": "2026-11-20T12:00:00.000Z",
    "acknowledged": "2026-11-20T12:02:00.000Z",
    "stopped": "2026-11-20T12:03:00Z",
    "closed": "2026-11-20T12:31:00.000Z",
}


def kept(directory):
    file = directory / "incident.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_the_times_of_an_incident_are_kept_once_it_is_over(desk):
    desk.run("open", facts={**FACTS, "status": "failed"})
    desk.after(2, "acknowledge", by="ana")
    desk.after(1, "open", facts={**FACTS, "stopped": "2026-11-20T12:03:00Z"})
    # The first time counts, and a later one is no news either.
    desk.after(1, "acknowledge", by="bia")
    assert desk.after(0, "open", facts={**FACTS, "stopped": "2026-11-20T12:09:00Z"}) == []
    assert kept(desk.directory) == []
    desk.run("close", check=True)
    assert kept(desk.directory) == []
    desk.after(27, "close")
    desk.after(1, "close")
    (one,) = kept(desk.directory)
    assert {name: one[name] for name in KEPT} == KEPT and one["run_id"] == "r1"


def test_the_first_sign_is_that_of_who_saw_it_first(desk):
    desk.run("open", facts={**FACTS, "first_sign": "2026-11-20T11:58Z"})
    desk.run("update", facts={**FACTS, "level": 2, "first_sign": "2026-11-20T12:10Z"})
    desk.run("close")
    assert kept(desk.directory)[0]["first_sign"] == "2026-11-20T11:58Z"
    assert kept(desk.directory)[0]["acknowledged"] is None


def test_a_drill_and_a_test_of_the_channels_are_no_incident(desk):
    for event in ("open", "close"):
        desk.run(event, dry_run=True)
    desk.run("test")
    assert kept(desk.directory) == [] and kept(desk.directory / "dry_run") == []


def test_people_are_told_of_the_end_where_its_times_cannot_be_kept(desk):
    desk.run("open")
    (desk.directory / "incident.jsonl").mkdir()
    assert desk.after(1, "close") == [("dev", "end"), ("product", "end")]
    assert "the trend lacks the incident r1" in desk.warnings[-1]


def news(**hosts):
    return {**FACTS, "hosts": hosts}


def test_an_incident_is_over_when_it_is_over_on_each_of_its_hosts(desk):
    desk.run("open", facts=news(a="proven", b="unreachable", c="refused"))
    # Going forward on one of them is news of it alone.
    desk.run("update", facts={**news(a="proven"), "headline": "forward"})
    assert desk.after(1, "close", facts=news(a="proven")) == [("dev", "update"), ("product", "update")]
    assert "stays open: on b something was done" in desk.warnings[-1]
    assert desk.after(1, "close", facts=news(b="proven")) == [("dev", "end"), ("product", "end")]


def test_what_is_proven_on_other_hosts_is_no_news_of_it(desk):
    desk.run("open", facts=news(a="proven"))
    assert desk.after(1, "close", facts=news(staging="proven")) == []
    assert "stays open: on a something was done" in desk.warnings[-1]
    # A person may close it, whatever is proven.
    assert desk.after(1, "close", facts={}) == [("dev", "end"), ("product", "end")]


@pytest.mark.parametrize("facts", [FACTS, news(a="proven"), news(a="proven", other="proven")])
def test_a_recovery_that_is_proven_everywhere_ends_it(desk, facts):
    desk.run("open", facts=news(a="proven") if "hosts" in facts else FACTS)
    assert desk.after(1, "close", facts=facts) == [("dev", "end"), ("product", "end")]
    assert desk.warnings == []
