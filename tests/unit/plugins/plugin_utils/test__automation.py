# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._automation import (
    DAY,
    automation,
    automation_request,
    days_watched,
    span,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome

NOW = 20000 * DAY + 100.0


def looks(days, until=NOW, hours=24.0):
    """The watch was at work so many hours of each of the last days."""
    return [
        {"at": iso(until - day * DAY - hour * 3600), "seconds": 3600.0}
        for day in reversed(range(days))
        for hour in reversed(range(int(hours)))
    ]


def would(number, age=DAY):
    return {"id": f"w{number}", "at": iso(NOW - age), "host": "kumon-1", "cause": "outbox_guard", "level": 1}


def mark(number, right=True):
    return {"id": f"w{number}", "right": right, "at": iso(NOW - 60)}


def record(days=16, acts=(), marks=(), switches=()):
    return {"look": looks(days), "would_act": list(acts), "mark": list(marks), "automation": list(switches)}


def why(records, now=NOW, needed=14):
    judged = automation(records, now, needed)
    return judged["allowed"], judged["why"]


EARNED = record(acts=[would(1)], marks=[mark(1)])
STOP = {"what": "stop", "until": iso(NOW + 3600), "actor": "maria"}
OVERRIDE = {"what": "override", "name": "Maria", "reason": "go-live", "until": iso(NOW + 3600)}


def test_it_is_earned_by_watched_days_and_marks():
    assert why(EARNED) == (True, "earned")


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ({}, "days"),
        (record(acts=[would(1)]), "unmarked"),
        (record(acts=[would(1), would(2)], marks=[mark(1)]), "unmarked"),
        (record(13, acts=[would(1)], marks=[mark(1)]), "days"),
        (record(), "never_right"),
        # days before a wrong one do not count
        (record(acts=[would(1, 5 * DAY), would(2)], marks=[mark(1, False), mark(2)]), "days"),
        # a mark that is no truth is none
        (record(acts=[would(1)], marks=[{"id": "w1", "right": "maybe"}]), "unmarked"),
        # a mark of something else marks nothing
        (record(acts=[would(1)], marks=[mark(2)]), "unmarked"),
    ],
)
def test_what_is_lacking_refuses_it(records, told):
    assert why(records) == (False, told)


def test_days_after_a_wrong_one_count_again():
    acts = [would(1, 16 * DAY), would(2)]
    assert why(record(40, acts=acts, marks=[mark(1, False), mark(2)])) == (True, "earned")
    assert why(record(40, acts=acts, marks=[mark(1, False), mark(2)]), needed=20) == (False, "days")


def test_a_later_mark_replaces_an_earlier_one():
    marks = [mark(1, False), mark(1, True)]
    assert why(record(acts=[would(1)], marks=marks)) == (True, "earned")
    assert why(record(acts=[would(1)], marks=marks[::-1])) == (False, "days")


def test_the_switch_stands_above_all_and_ends_by_itself():
    stopped = {**EARNED, "automation": [OVERRIDE, STOP]}
    assert why(stopped) == (False, "stopped")
    assert why(stopped, NOW + 3601) == (True, "earned")
    assert why({**EARNED, "automation": [STOP, {"what": "stop", "until": None}]}) == (True, "earned")


def test_a_stop_whose_end_cannot_be_read_stands():
    assert why({**EARNED, "automation": [{"what": "stop", "until": "soon"}]}) == (False, "stopped")


def test_a_person_overrides_it_by_name_for_a_time():
    assert why({"automation": [OVERRIDE]}) == (True, "overridden")
    assert why({"automation": [OVERRIDE]}, NOW + 3601) == (False, "days")
    assert why({"automation": [{**OVERRIDE, "until": "always"}]}) == (False, "days")
    assert "Maria" in automation({"automation": [OVERRIDE]}, NOW)["reason"]


def test_an_override_of_a_clock_that_was_ahead_is_none():
    assert why({"automation": [{**OVERRIDE, "until": iso(NOW + 7 * DAY)}]}) == (True, "overridden")
    assert why({"automation": [{**OVERRIDE, "until": iso(NOW + 400 * DAY)}]}) == (False, "days")


def test_what_was_watched_elsewhere_earns_nothing_here():
    staging = {**EARNED, "look": [{**look, "hosts": ["staging-1"]} for look in EARNED["look"]]}
    assert automation(staging, NOW, 14, hosts=["staging-1"])["why"] == "earned"
    assert automation(staging, NOW, 14, hosts=["kumon-1"])["why"] == "days"
    assert automation(staging, NOW, 14, hosts=["staging-1", "kumon-1"])["days"] == 0
    # Of before it was kept which hosts they were of.
    assert automation(EARNED, NOW, 14, hosts=["kumon-1"])["why"] == "earned"


def test_half_a_day_has_to_be_watched_and_what_overlaps_counts_once():
    noon = 20000 * DAY
    assert days_watched([{"at": iso(noon + 43200), "seconds": 43200}]) == 1
    assert days_watched([{"at": iso(noon + 43200), "seconds": 43199}]) == 0
    twice = [{"at": iso(noon + hour * 3600), "seconds": 3600} for hour in range(1, 9)] * 2
    assert days_watched(twice) == 0
    assert days_watched([{"at": iso(noon + 1800), "seconds": 3600}, {"at": "x", "seconds": 9}, {"seconds": 1}]) == 0
    assert days_watched(looks(3, noon)) == 3


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200), ("90 s", 90), ("1d", 86400), ("2", None), ("2026-01-01", None), ("h", None)]
)
def test_a_span_is_read(text, seconds):
    assert span(text) == seconds


def asked(**given):
    names = ("stop", "mark", "right", "override", "reason", "override_for")
    return automation_request({**dict.fromkeys(names, ""), **given}, {"would_act": [would(1)]}, NOW)


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ({}, "", {}),
        ({"stop": "2h"}, "automation", {"what": "stop", "until": iso(NOW + 7200, "seconds")}),
        ({"mark": "w1", "right": "false"}, "mark", {"id": "w1", "right": False}),
        (
            {"override": "Maria", "reason": "go-live"},
            "automation",
            {"what": "override", "name": "Maria", "reason": "go-live", "until": iso(NOW + DAY, "seconds")},
        ),
    ],
)
def test_what_a_person_asks_for_becomes_a_record(given, kind, kept):
    assert asked(**given) == {"problem": "", "kind": kind, "record": kept}


def test_what_is_so_already_is_not_kept_again():
    stopped, marked = {"automation": [STOP]}, {"would_act": [would(1)], "mark": [mark(1)]}
    for ended in ("false", "False", "no"):
        assert automation_request({"stop": ended}, stopped, NOW)["record"] == {"what": "stop", "until": None}
        assert automation_request({"stop": ended}, {}, NOW) == {"problem": "", "kind": "", "record": {}}
    assert automation_request({"mark": "w1", "right": "true"}, marked, NOW)["kind"] == ""
    assert automation_request({"mark": "w1", "right": "false"}, marked, NOW)["kind"] == "mark"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"stop": "forever"}, "stop is a time"),
        ({"stop": "true"}, "stop is a time"),
        ({"stop": "8d"}, "stop is a time"),
        ({"stop": "0h"}, "stop is a time"),
        ({"mark": "w2", "right": "true"}, "'w2'"),
        ({"mark": "w1"}, "right=true"),
        ({"mark": "w1", "right": "perhaps"}, "right=true"),
        ({"override": "true", "reason": "x"}, "override is the name of who answers for it"),
        # Nobody's name has no letter in it.
        ({"override": "24", "reason": "x"}, "override is the name of who answers for it"),
        ({"override": "Maria"}, "reason"),
        ({"override": "Maria", "reason": "x", "override_for": "1y"}, "override_for"),
        ({"stop": "2h", "override": "Maria"}, "one at a time"),
        ({"right": "true"}, "right alone"),
        ({"reason": "x"}, "reason alone"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence(given, told):
    request = asked(**given)
    assert told in request["problem"] and request["kind"] == ""


def facts(**more):
    return {"records": EARNED, "request": {}, "now": NOW, "earned_days": 14, "check": False, **more}


def test_the_outcome_says_whether_it_may_and_what_waits_for_a_mark():
    ended = outcome("automation", facts())
    assert (ended["ok"], ended["status"], ended["automation"]["allowed"]) == (True, "ok", True)
    open_one = facts(records=record(acts=[would(7)]))
    ended = outcome("automation", open_one)
    assert not ended["automation"]["allowed"] and "w7" in " ".join(ended["lines"]) and "mark=w7" in ended["next_step"]


def test_the_newest_that_wait_for_a_mark_are_named_and_the_rest_counted():
    for number, more in ((5, []), (7, ["- and 2 more"])):
        ended = outcome("automation", facts(records=record(acts=[would(one) for one in range(number)])))
        named = [f"w{one}" for one in range(number)][-5:]
        listed = [line.partition(":")[0] for line in ended["lines"] if line.startswith("- w")]
        assert listed == [f"- {name}" for name in named]
        assert [line for line in ended["lines"] if line.startswith("- and")] == more


def test_only_what_was_asked_for_is_said_to_be_kept():
    assert not [line for line in outcome("automation", facts())["lines"] if "Kept" in line or "DRY RUN" in line]
    stop = {"kind": "automation", "record": {}, "problem": ""}
    assert outcome("automation", facts(request=stop, added=STOP))["lines"][1] == "Kept on the desk"
    assert outcome("automation", facts(request=stop, check=True))["lines"][1] == "DRY RUN: nothing was kept"
    assert not any("Cannot be read" in line for line in outcome("automation", facts())["lines"])


def test_what_was_just_asked_for_counts():
    stop = {"kind": "automation", "record": {}, "problem": ""}
    ended = outcome("automation", facts(request=stop, added=STOP))
    assert ended["automation"]["why"] == "stopped" and "maria" in ended["message"]
    planned = outcome("automation", facts(request=stop, added=STOP, check=True))
    assert planned["status"] == "planned"
    # In a dry run it stops or allows nothing.
    assert planned["message"] == planned["lines"][0] == f"DRY RUN, with this it would be: {ended['message']}"
    looked = outcome("automation", facts(check=True))
    assert looked["message"] == outcome("automation", facts())["message"]


def unread(kind, newest=False, lines=(3,)):
    return {kind: {"lines": list(lines), "newest": newest}}


@pytest.mark.parametrize(("kind", "told"), [
    ("automation", (False, "unread")),
    ("would_act", (False, "unread")),
    ("mark", (False, "unread")),
    # Only time that was not earned.
    ("look", (True, "earned")),
])  # fmt: skip
def test_what_was_lost_with_a_line_is_not_earned(kind, told):
    assert why({**EARNED, "unread": unread(kind)}) == told
    # A person's name stands for that, and what is decided stands above it.
    overridden = {**record(switches=[OVERRIDE]), "unread": unread(kind)}
    assert why(overridden) == (True, "overridden")
    assert why({**record(switches=[STOP]), "unread": unread(kind)}) == (False, "stopped")


def test_a_newest_line_that_may_be_a_stop_stands_above_an_override():
    records = {**record(switches=[OVERRIDE]), "unread": unread("automation", newest=True)}
    judged = automation(records, NOW)
    assert (judged["allowed"], judged["why"]) == (False, "switch_unread")
    assert judged["reason"].endswith("may be a stop (automation.jsonl:3)")
    # What a person says after it counts again.
    added = {"kind": "automation", "record": {}, "problem": ""}
    ended = outcome("automation", facts(records=records, request=added, added=OVERRIDE))
    assert ended["automation"]["why"] == "overridden" and "automation.jsonl:3" in ended["lines"][-1]


def test_a_desk_that_was_not_read_allows_nothing():
    for registered in ({"failed": True, "msg": "held by another run"}, {"unreachable": True, "msg": "no route"}):
        judged = automation(registered, NOW, 0)
        assert (judged["allowed"], judged["why"]) == (False, "problem") and registered["msg"] in judged["reason"]


def test_what_the_task_registered_is_as_good_as_by_kind():
    registered = {
        "failed": False,
        "records": [OVERRIDE],
        "also": {kind: EARNED[kind] for kind in ("would_act", "mark", "look")},
        "unread": unread("automation", newest=True),
    }
    assert why(registered) == (False, "switch_unread")
    assert why({**registered, "unread": {}}) == (True, "overridden")
    assert why({**registered, "records": [], "unread": {}}) == (True, "earned")


def test_lines_that_cannot_be_read_are_told():
    lost = facts(records={**EARNED, "unread": unread("mark", lines=(1, 2, 3, 4, 5, 9))})
    last = outcome("automation", lost)["lines"][-1]
    assert "mark.jsonl:1, mark.jsonl:2, mark.jsonl:3, mark.jsonl:4, mark.jsonl:5, …; a run died" in last
