# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._problems import problem
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict
from ansible_collections.kumon.runbook.plugins.plugin_utils._watch import (
    Look,
    budget_left,
    case,
    decided,
    key,
    view,
    watch_response,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import watch as texts

from tests.unit.counting import Counter
from tests.unit.records import NOON, as_json, outbox_guard, turn

STATE = {"running": True, "answering": True, "delivery_disabled": False, "fenced": False, "pids": [7]}
OVERRIDE = {"what": "override", "name": "Maria", "reason": "go-live", "until": iso(NOON + 3600)}
STOP = {"what": "stop", "until": iso(NOON + 3600), "actor": "ana"}


def look(*messages, acts=(), at=NOON + 30, **state):
    """A look at a log with these messages."""
    counter = Counter(NOON + 30, since=NOON - 3600)
    counter.feed([as_json(message, NOON).encode() for message in messages])
    traces = {**counter.result(), "measured": iso(NOON + 30), "window": {"since": iso(NOON - 3600), "until": None}}
    state = {**STATE, **state}
    judged = verdict(traces, service_running=state["running"])
    decision, proposal = decided(judged, state, acts, "en")
    return Look(
        host="kumon-1",
        at=at,
        verdict=judged,
        traces=traces,
        state=state,
        acts=list(acts),
        decision=decision,
        proposal=proposal,
    )


HEALTHY = tuple(line for number in range(3) for line in turn(f"c{number}"))
GUARD = (*HEALTHY, outbox_guard("c9"))


def watched(seen, woke="case"):
    """What the action returns of a look."""
    names = ("verdict", "decision", "proposal")
    return {"woke": woke, "case": case(seen, 0.0) or {}, **{name: seen[name] for name in names}}


def response(seen, mode, records=None, woke="case", **more):
    return watch_response({"kumon-1": watched(seen, woke)}, records or {}, mode, NOON, run_id="r1", **more)


def test_a_healthy_look_calls_for_nothing():
    assert case(look(*HEALTHY), 0.0) is None
    assert look(*HEALTHY)["decision"] is None


def test_a_guard_calls_for_level_1_at_once():
    assert case(look(*GUARD), 0.0) == {"status": "rollback", "cause": "outbox_guard", "level": 1, "act": True}
    assert "rollback_level1" in look(*GUARD)["proposal"]


def test_a_restart_is_no_outage_and_a_service_that_stays_down_is_one():
    down = look(*HEALTHY, running=False, pids=[])
    assert case(down, 3.0) is None
    assert case(down, 11.0) == {"status": "blind", "cause": "service_down", "level": 3, "act": True}


def test_the_screen_has_what_a_person_needs_and_no_more():
    act = {"procedure": "rollback_level1", "act": "service_flags", "ok": True, "seq": 3, "began": iso(NOON)}
    lines = view(look(*GUARD, acts=[act, {**act, "act": "proof"}]), "en")
    assert len(lines) == 5
    assert "12:00:30Z kumon-1 ROLLBACK needed (outbox_guard)" in lines[0]
    assert "planned 3, read 3, sent 3, delivered 3, failed 0" in lines[1]
    assert "100.0 % (" in lines[2] and "n = 3" in lines[2] and "error budget left: 100.0 %" in lines[2]
    assert "30 s ago" in lines[3] and "guards: 1" in lines[3] and "lost: 0" in lines[3]
    assert lines[4] == "  Last acts: 12:00:00Z rollback_level1, done"
    # Without an act there is no line of them, and without a result no rate.
    nothing = view(look(), "en")
    assert len(nothing) == 4 and "no result in the window; error budget left: -" in nothing[2]


def test_messages_that_go_well_do_not_change_the_screen_and_what_is_wrong_does():
    assert key(look(*HEALTHY)) == key(look(*HEALTHY, *turn("d")))
    assert key(look(*HEALTHY)) != key(look(*GUARD))
    assert key(look(*HEALTHY)) != key(look(*HEALTHY, *turn("d", status="failed")))
    assert key(look(*HEALTHY)) != key(look(*HEALTHY, pids=[8]))
    assert key(look(*HEALTHY)) != key(look(*HEALTHY, acts=[{"act": "service_flags", "seq": 1, "began": iso(NOON)}]))


@pytest.mark.parametrize(
    ("n", "rate", "left"),
    [
        (100, 1.0, "100.0 % (0 of 5 failures)"),
        (100, 0.98, "60.0 % (2 of 5 failures)"),
        (100, 0.9, "0.0 % (10 of 5 failures)"),
        (0, None, "-"),
    ],
)
def test_the_error_budget_is_what_the_target_leaves_room_for(n, rate, left):
    assert budget_left({"delivery": {"n": n, "rate": rate}}, Words("en", texts.TEXTS)) == left


# ------------------------------------------------------------------ what comes of it


@pytest.mark.parametrize("mode", ["page", "propose"])
def test_people_are_told_and_what_automation_would_have_done_is_kept(mode):
    found = response(look(*GUARD), mode)
    assert found["does"] == mode
    (would,) = found["would"]
    assert (would["host"], would["cause"], would["level"], would["acted"]) == ("kumon-1", "outbox_guard", 1, False)
    assert "rollback_level1" in " ".join(found["lines"]) and would["id"] in found["lines"][-1]
    assert (found["facts"]["status"], found["facts"]["hosts"]) == ("rollback", {"kumon-1": "rollback"})
    assert found["facts"]["first_sign"] == iso(NOON)[:16] + "Z"
    # What was not done is not told as a measure.
    assert "level" not in found["facts"]


def test_automation_that_has_not_earned_it_tells_people_instead():
    found = response(look(*GUARD), "recover")
    assert (found["does"], found["allowed"]) == ("page", False)
    assert "does not act by itself" in " ".join(found["lines"])


def test_a_person_lets_it_act_by_name_and_the_switch_stops_it():
    found = response(look(*GUARD), "recover", {"automation": [OVERRIDE]})
    assert (found["does"], found["would"][0]["acted"]) == ("recover", True)
    assert "Maria" in " ".join(found["lines"])
    found = response(look(*GUARD), "recover", {"automation": [OVERRIDE, STOP]})
    assert found["does"] == "page" and "ana" in " ".join(found["lines"])


LOST = {"unread": {"mark": {"lines": [2], "newest": True}}}


@pytest.mark.parametrize("mode", ["page", "propose", "recover"])
def test_a_record_that_cannot_be_read_is_told_whatever_the_mode(mode):
    found = response(look(*GUARD), mode, LOST)
    assert (found["does"], found["allowed"]) == ("page" if mode == "recover" else mode, False)
    told = [line for line in found["lines"] if "cannot be read (mark.jsonl:2)" in line]
    assert len(told) == 1 and told[0].startswith("Automation does not act by itself: ")
    # Of a desk that said nothing, the reason that it gave.
    found = response(look(*GUARD), mode, {"failed": True, "msg": "held by another run"})
    assert found["allowed"] is False and sum("held by another run" in line for line in found["lines"]) == 1
    assert not any("mark.jsonl" in line for line in response(look(*GUARD), mode)["lines"])


def test_in_a_dry_run_nothing_was_done():
    assert response(look(*GUARD), "recover", {"automation": [OVERRIDE]}, check=True)["would"][0]["acted"] is False


def test_what_automation_would_wait_for_is_told_to_people():
    seen = look(*GUARD)
    seen["decision"]["act"] = False
    found = response(seen, "recover", {"automation": [OVERRIDE]})
    assert (found["does"], found["would"]) == ("page", [])


def test_the_same_outage_is_one_decision():
    known = {"host": "kumon-1", "cause": "outbox_guard", "level": 1, "at": iso(NOON - 3600)}
    assert response(look(*GUARD), "page", {"would_act": [known]})["would"] == []
    for other in ({"host": "kumon-2"}, {"level": 2}, {"cause": "lost_handoff"}, {"at": iso(NOON - 5 * 3600)}):
        assert len(response(look(*GUARD), "page", {"would_act": [{**known, **other}]})["would"]) == 1


def test_nothing_new_is_no_reason_to_do_anything():
    assert response(look(*GUARD), "recover", {"automation": [OVERRIDE]}, woke="hour")["does"] == "none"
    assert response(look(*HEALTHY), "recover", {"automation": [OVERRIDE]}, woke="over")["does"] == "none"


def test_a_mode_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="watch_mode must be one of page, propose, recover"):
        response(look(*GUARD), "act")


# ------------------------------------------------------------------ how it ends


def ended(seen, **more):
    return outcome("watch_go_live", {"watched": watched(seen), "looks": 4, "events": [], "seconds": 60, **more})


def test_only_a_watch_in_which_nothing_called_is_sound():
    assert (ended(look(*HEALTHY))["ok"], ended(look(*HEALTHY))["status"]) == (True, "ok")
    found = ended(look(*GUARD))
    assert (found["ok"], found["status"]) == (False, "rollback") and "rollback_level1" in found["next_step"]
    unseen = outcome(
        "watch_go_live", {"watched": {**watched(look(*HEALTHY)), "unseen": "gone"}, "looks": 4, "seconds": 60}
    )
    assert (unseen["ok"], unseen["status"]) == (False, "blind") and "gone" in unseen["message"]
    # Well before and after says nothing of the time between.
    assert ended(look(*HEALTHY), unseen_seconds=119)["status"] == "ok"
    assert ended(look(*HEALTHY), unseen_seconds=121)["status"] == "watch"
    blind = ended(look(*HEALTHY), unseen_seconds=300)
    assert (blind["ok"], blind["status"]) == (False, "watch") and "5 min" in blind["message"]
    # It was mended meanwhile, and yet it had called.
    assert ended(look(*HEALTHY), events=["kumon-1: rollback"])["status"] == "rollback"


def test_a_watch_in_which_nothing_called_says_what_automation_would_have_lacked():
    noted = {"records": [], "also": {}, **LOST}
    found = ended(look(*HEALTHY), noted=noted)
    assert (found["status"], found["lines"][1]) == (
        "ok",
        "Automation does not act by itself: lines of the record on the desk cannot be read (mark.jsonl:2); "
        "ansible-playbook kumon.runbook.automation says what to do",
    )
    # Once: what was told when something called stands already.
    again = ended(look(*HEALTHY), noted=noted, events=[found["lines"][1]])
    assert again["lines"].count(found["lines"][1]) == 1
    assert "no route" in ended(look(*HEALTHY), noted={"unreachable": True, "msg": "no route"})["lines"][1]
    for nothing in ({"records": [], "also": {}, "unread": {}}, {}, {"unread": {"look": LOST["unread"]["mark"]}}):
        assert not any("not act by itself" in line for line in ended(look(*HEALTHY), noted=nothing)["lines"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"watch_for": "2h", "watch_every": 3}, ""),
        ({"watch_for": "30s", "watch_every": 0.5}, ""),
        ({"watch_for": "forever", "watch_every": 3}, "'forever'"),
        ({"watch_for": "8d", "watch_every": 3}, "'8d'"),
        ({"watch_for": "2h", "watch_every": 0}, "watch_every"),
        ({"watch_for": "2h", "watch_every": 31}, "watch_every"),
    ],
)
def test_times_that_cannot_be_are_one_sentence(given, told):
    assert (told in problem("watch", given)) and bool(problem("watch", given)) is bool(told)
