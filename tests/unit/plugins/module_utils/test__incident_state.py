# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

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


@pytest.mark.parametrize("content", ["", "{half", "[]", '{"id": "x"}', "\x00"])
def test_a_state_that_cannot_be_read_is_kept_aside_and_said(desk, content):
    desk.directory.mkdir()
    (desk.directory / "incident.json").write_text(content)
    assert desk.run("open")["sent"] == 2
    assert [path.read_text() for path in desk.directory.glob("*.broken-*")] == [content]
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
