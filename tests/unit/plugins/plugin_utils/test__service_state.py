# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import delivery_off, service_state

STARTED, ACTED, ENDED = "2025-09-04T19:00:00Z", "2025-09-04T19:10:00Z", "2025-09-04T19:20:00Z"
LEVEL2 = {"OUTBOX_V2_ENFORCED": False, "ROUTER_V2_SHADOW": True}


def info(**more):
    return {
        "running": True,
        "pid": 4127,
        "started": STARTED,
        "declared": {"DELIVERY_DISABLE": None},
        "effective": {"DELIVERY_DISABLE": None},
        "health": {"status": "ok"},
        "pids": [4127, 4130],
        "last_change": ACTED,
        **more,
    }


def off(**more):
    return info(effective={"DELIVERY_DISABLE": "true"}, **more)


@pytest.mark.parametrize("value", ["true", "1", "yes", "on", "TRUE", "On", True, 1])
def test_what_the_assistant_takes_for_true(value):
    assert truthy(value) is True


@pytest.mark.parametrize("value", ["false", "0", "no", "off", "", None, False, "truely", "y", " true", "true\r"])
def test_anything_else_is_false(value):
    assert truthy(value) is False


@pytest.mark.parametrize(
    ("given", "unreachable"),
    [
        (None, False),
        ({}, False),
        ("timed out", False),
        ({"failed": True, "msg": "no such unit"}, False),
        ({**info(), "failed": True}, False),
        ({"unreachable": True, "msg": "ssh"}, True),
        ({**info(), "unreachable": True}, True),
    ],
)
def test_what_could_not_be_looked_at_is_unknown_and_never_false(given, unreachable):
    state = service_state(given, [{"act": "service_flags", "ended": ENDED}], LEVEL2, {"present": True})
    assert (state["known"], state["unreachable"]) == (False, unreachable)
    for name in ("running", "answering", "delivery_disabled", "v1_flags", "since_pid", "answered", "present_since"):
        assert state[name] is None, name
    assert (state["fenced"], state["began"]) == (False, [])


def test_a_running_service_is_judged_by_what_its_processes_have():
    state = service_state(info(declared={"DELIVERY_DISABLE": "true"}))
    assert (state["known"], state["running"], state["delivery_disabled"]) == (True, True, False)
    assert service_state(off())["delivery_disabled"] is True


def test_a_service_that_is_down_is_judged_by_what_it_will_start_with():
    down = info(running=False, pid=None, declared={"DELIVERY_DISABLE": "true"}, effective={"DELIVERY_DISABLE": None})
    state = service_state(down)
    assert (state["running"], state["delivery_disabled"], state["since_pid"]) == (False, True, None)


@pytest.mark.parametrize(
    ("said", "delivery", "sound"), [("", "false", True), ("unhealthy", "false", False), ("degraded", "true", True)]
)
def test_a_service_that_calls_itself_ill_answers_and_is_not_sound(said, delivery, sound):
    health = {"status": "ill" if said else "ok", "said": said}
    state = service_state(info(health=health, effective={"DELIVERY_DISABLE": delivery}))
    assert (state["answering"], state["sound"], state["ill"]) == (True, sound, said)


@pytest.mark.parametrize(
    ("health", "answering"),
    [
        ({"status": "ok"}, True),
        ({"status": "ill", "said": "unhealthy"}, True),
        ({"status": "error"}, False),
        ({"status": "refused"}, False),
        ({"status": "no_answer"}, False),
        ({"status": "not_set"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_url_that_is_not_set_says_nothing_of_the_service(health, answering):
    assert service_state(info(health=health))["answering"] is answering


@pytest.mark.parametrize(
    ("effective", "wanted", "active"),
    [
        ({"OUTBOX_V2_ENFORCED": "false", "ROUTER_V2_SHADOW": "true"}, LEVEL2, True),
        ({"OUTBOX_V2_ENFORCED": "0", "ROUTER_V2_SHADOW": "On"}, LEVEL2, True),
        ({"OUTBOX_V2_ENFORCED": "true", "ROUTER_V2_SHADOW": "true"}, LEVEL2, False),
        # Not set is not false: the assistant's own default counts then.
        ({"ROUTER_V2_SHADOW": "true"}, LEVEL2, False),
        ({"OUTBOX_V2_ENFORCED": None, "ROUTER_V2_SHADOW": "true"}, LEVEL2, False),
        ({"OUTBOX_V2_ENFORCED": "false"}, {}, None),
        ({"OUTBOX_V2_ENFORCED": "false"}, None, None),
    ],
)
def test_level_2_is_in_effect_when_each_of_its_flags_is(effective, wanted, active):
    assert service_state(info(effective=effective), level2_flags=wanted)["v1_flags"] is active


@pytest.mark.parametrize(
    ("given", "fence", "fenced"),
    [
        (off(), {"present": True}, True),
        (off(), {"present": False}, False),
        (off(), {}, False),
        (off(), None, False),
        # It comes before the kill-switch, and holds without it.
        (info(), {"present": True}, True),
        # As the service's own look tells it.
        (off(fence={"present": True}), None, True),
        (off(fence={"present": False}), None, False),
        (off(fence=None), None, False),
    ],
)
def test_a_fence_that_stands_holds(given, fence, fenced):
    state = service_state(given, fence=fence)
    assert (state["fenced"], bool(state["fence"])) == (fenced, fenced)


@pytest.mark.parametrize(("said", "disabled"), [(True, True), (False, False), (None, False)])
def test_of_a_process_that_hides_its_environment_health_says_it(said, disabled):
    given = info(readable=False, effective={"DELIVERY_DISABLE": None}, reported={"DELIVERY_DISABLE": said})
    assert service_state(given)["delivery_disabled"] is disabled


def test_what_the_old_processes_tried_is_not_held_against_those_that_run():
    stands = {"present": True, "since": "2026-11-22T10:12:27Z", "attempts": 5, "attempts_before": 2}
    expected = {"present": True, "since": "2026-11-22T10:12:27Z", "attempts": 3}
    assert service_state(off(fence=stands))["fence"] == expected


def test_the_process_that_has_the_kill_switch_is_named():
    assert service_state(off())["since_pid"] == 4127
    assert service_state(info())["since_pid"] is None


def act(ended, name="service_flags", **more):
    return {"act": name, "ended": ended, "ok": True, "before": {"X": "a"}, "after": {"X": "b"}, **more}


def test_the_present_state_began_with_the_last_act_that_changed_something_and_succeeded():
    acts = [
        act("2025-09-04T19:50:00Z", "decision"),
        act("2025-09-04T19:40:00Z", "proof"),
        act(None, ok=None),
        act("2025-09-04T19:30:00Z", ok=False),
        act("2025-09-04T19:30:00Z", after={"X": "a"}),
        act(ENDED),
        act(ACTED, "release", before=None),
    ]
    assert service_state(info(), acts)["present_since"] == ENDED
    assert service_state(info(), acts[:5])["present_since"] is None
    assert service_state(info(), acts[6:])["present_since"] == ACTED
    assert service_state(info())["present_since"] is None
    assert service_state(info(), acts)["starts"] == [STARTED, ENDED, ACTED]


def test_under_the_kill_switch_the_process_that_has_it_counts_too():
    assert service_state(off())["present_since"] == STARTED
    assert service_state(off(), [act(ACTED)])["present_since"] == ACTED
    older = [act("2025-09-04T18:00:00Z")]
    assert service_state(off(), older)["present_since"] == STARTED
    assert service_state(info(), older)["present_since"] == "2025-09-04T18:00:00Z"


def test_the_times_for_a_proof_are_those_that_are_known():
    state = service_state(info())
    assert (state["began"], state["answered"], state["pids"]) == ([STARTED, ACTED], ACTED, [4127, 4130])
    state = service_state(info(started=None, last_change=None))
    assert (state["began"], state["answered"]) == ([], None)


@pytest.mark.parametrize(
    ("evolution", "healthy"),
    [
        ({"healthy": True, "findings": []}, True),
        ({"healthy": False, "findings": []}, False),
        ({"healthy": None}, None),
        ({"healthy": False, "findings": [{"check": "reachable"}, {"check": "webhook"}]}, False),
        ({"healthy": False, "findings": [{"check": "licence"}]}, False),
        ({"healthy": False, "findings": [{"check": "instance"}]}, False),
        ({"healthy": False, "findings": [{"check": "state"}]}, False),
        # A key or webhook that is wrong is no gateway that is down.
        ({"healthy": False, "findings": [{"check": "key"}]}, None),
        ({"healthy": False, "findings": [{"check": "webhook"}, {"check": "state"}]}, None),
    ],
)
def test_a_gateway_is_down_when_it_or_its_instance_is(evolution, healthy):
    assert service_state(info(), gateway={"evolution": evolution})["gateway_healthy"] is healthy


def test_a_gateway_that_was_not_asked_is_unknown():
    for registered in (None, {}, {"failed": True, "msg": "x"}, {"skipped": True}):
        assert service_state(info(), gateway=registered)["gateway_healthy"] is None
    # It is known also where the service is not.
    assert service_state(None, gateway={"evolution": {"healthy": True}})["gateway_healthy"] is True


@pytest.mark.parametrize(
    ("kept", "off_now"),
    [
        ({"DELIVERY_DISABLE": {"before": "true", "after": "true"}}, True),
        ({"DELIVERY_DISABLE": {"before": "true", "after": None}}, False),
        ({"DELIVERY_DISABLE": {"after": "false"}, "OTHER": {"after": "on"}}, True),
        ({"DELIVERY_DISABLE": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_delivery_is_off_by_what_an_act_kept(kept, off_now):
    assert delivery_off({"kept": kept}) is off_now
    assert delivery_off({}) is False
