# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._contacts import programs_problems
from ansible_collections.kumon.runbook.plugins.modules import run_event

from tests.unit.plugins.service_fakes import run_module

EVENT = {
    "id": "r1-rollback_level1-1",
    "kind": "act",
    "time": "2026-11-20T12:00:00.000Z",
    "subject": "rollback_level1",
    "summary": "rollback_level1: off",
    "data": {"procedure": "rollback_level1", "status": "proven"},
}


@pytest.fixture
def programs(hooks):
    return [
        {"type": "cloudevents", "url": f"{hooks.url}/T0KEN", "headers": {"X-Key": "hunter22"}},
        {"type": "pagerduty_change", "routing_key": "R0UTING", "url": f"{hooks.url}/pagerduty"},
    ]


def tell(programs, check_mode=False, event=None, **given):
    return run_module(
        run_event, {"programs": programs, "event": EVENT if event is None else event, **given}, check_mode
    )


def got(hooks, path):
    return [(body, headers) for where, body, headers in hooks.got if where == path]


def test_an_act_is_an_event_and_a_change(hooks, programs):
    result = tell(programs)
    assert (result["changed"], [one["ok"] for one in result["told"]]) == (True, [True, True])
    ((body, headers),) = got(hooks, "/T0KEN")
    # What CloudEvents 1.0 asks for.
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert headers["X-Key"] == "hunter22"
    assert (body["specversion"], body["id"], body["type"]) == ("1.0", EVENT["id"], "kumon.runbook.act")
    assert (body["source"], body["subject"]) == ("kumon.runbook", "rollback_level1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", body["time"])
    assert (body["datacontenttype"], body["data"]) == ("application/json", EVENT["data"])
    assert all(re.fullmatch(r"[a-z0-9]+", name) for name in body)
    ((change, _headers),) = got(hooks, "/pagerduty")
    assert change["routing_key"] == "R0UTING"
    assert change["payload"] == {
        "summary": "rollback_level1: off",
        "source": "kumon.runbook",
        "timestamp": EVENT["time"],
        "custom_details": EVENT["data"],
    }


def test_a_verdict_changes_nothing(hooks, programs):
    assert tell(programs, event={**EVENT, "kind": "verdict"})["told"][1]["ok"] is True
    ((body, _headers),) = got(hooks, "/T0KEN")
    assert body["type"] == "kumon.runbook.verdict"
    assert got(hooks, "/pagerduty") == []


def test_nothing_is_sent_of_nothing_and_in_check_mode(hooks, programs):
    assert tell(programs, event={})["told"] == []
    assert tell(programs, True)["told"] == []
    assert hooks.got == []


def test_who_does_not_take_it_is_warned_of_without_its_keys(hooks, programs):
    hooks.answers["/T0KEN"] = (403, "text/plain", b"bad key hunter22 at /T0KEN", 0)
    hooks.answers["/pagerduty"] = (400, "application/json", b'{"status": "invalid event R0UTING"}', 0)
    result = tell(programs)
    text = json.dumps(result)
    assert [one["ok"] for one in result["told"]] == [False, False]
    assert "cloudevents: HTTP 403" in text and "pagerduty_change: HTTP 400" in text
    assert not any(secret in text for secret in ("hunter22", "R0UTING", hooks.url, "module_args"))


def test_one_that_hangs_holds_up_no_other_and_ends_in_time(hooks, programs):
    hooks.answers["/T0KEN"] = (200, "text/plain", b"ok", 30)
    begun = time.monotonic()
    result = tell(programs, seconds=1)
    assert time.monotonic() - begun < 15
    assert [one["ok"] for one in result["told"]] == [False, True]


@pytest.mark.parametrize("body", [b'{"ok": false, "error": "no"}', b"<html>log in</html>"])
def test_a_good_status_with_a_body_that_says_no_is_not_taken(hooks, programs, body):
    hooks.answers["/T0KEN"] = (200, "application/json", body, 0)
    assert tell(programs[:1])["told"][0]["ok"] is False


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ({"type": "slack", "url": "http://h/x"}, "the type 'slack' is unknown; known are cloudevents"),
        ({"type": "cloudevents"}, "url is empty"),
        ({"type": "cloudevents", "url": "ftp://h/x"}, "url cannot be used"),
        ({"type": "cloudevents", "url": "http://h/x", "source": "a b"}, "source is 'a b'"),
        ({"type": "cloudevents", "url": "http://h/x", "headers": {"X": 1}}, "headers must be"),
        ({"type": "cloudevents", "url": "http://h/x", "timeout": 0}, "timeout is"),
        ({"type": "pagerduty_change"}, "routing_key is empty"),
    ],
)
def test_bad_input_is_one_sentence(program, says):
    result = tell([program])
    assert result["failed"] and result["msg"].startswith(f"runbook_programs, program 1: {says}")


def test_what_is_no_list_is_said():
    assert programs_problems({"type": "cloudevents"})[0].startswith("runbook_programs is no list")
    assert programs_problems([]) == []
