# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of a watch, with modules that answer as the test says and a clock that it turns."""

from __future__ import annotations

import json
import types

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.kumon.runbook.plugins.action import service_watch
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

from tests.unit.counting import Counter
from tests.unit.records import as_json, outbox_guard, turn

LOST = "no route to host"
START = 1_800_000_000.0
SERVICE = {"running": True, "pid": 7, "pids": [7], "effective": {}, "declared": {}, "health": {"status": "ok"}}
HEALTHY = tuple(line for number in range(3) for line in turn(f"c{number}"))
GUARD = (*HEALTHY, outbox_guard("c9"))


class World:
    """A host whose state the test changes after so many looks, and the time that looks take."""

    def __init__(self, monkeypatch):
        self.now, self.looks, self.shown, self.asked = START, 0, [], []
        self.at: dict[int, object] = {}
        self.log, self.service, self.fails = HEALTHY, SERVICE, None
        self.woke = "time"
        # Seconds that it takes to read the whole window.
        self.takes = 0.2
        clock = types.SimpleNamespace(
            time=lambda: self.now, sleep=self.sleep, strftime=lambda *_: "c", gmtime=lambda: 0
        )
        monkeypatch.setattr(service_watch, "time", clock)

    def sleep(self, seconds):
        self.now += seconds

    def lose_connection(self):
        if self.fails == LOST:
            raise AnsibleConnectionFailure(LOST)

    def execute(self, module_name, module_args, **_more):
        self.asked.append((module_name.rpartition(".")[2], module_args))
        if module_name.endswith("service_flags_info"):
            self.looks += 1
            self.at.get(self.looks, lambda: None)()
            self.lose_connection()
            return self.service
        if module_name.endswith("journal_info"):
            return {"journal": {"acts": []}}
        if self.fails:
            return {"failed": True, "msg": self.fails}
        return {"traces": self.traces(module_args)}

    def traces(self, asked):
        waits = asked["watch"] if asked.get("watch_known") else 0.0
        self.now += waits + self.takes
        counter = Counter(self.now, since=START - 3600)
        counter.feed([as_json(message, self.now - 30).encode() for message in self.log])
        watched = {
            "woke": "grave" if waits == 0.0 or self.log is GUARD else self.woke,
            "looks": 4,
            "seconds": waits,
            "known": "k",
        }
        window = {"since": iso(START - 3600), "until": None}
        return {**counter.result(), "measured": iso(self.now), "window": window, "watched": watched}


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def watch(world, monkeypatch, check=False, **more):
    """Run the action."""
    args = {"began": START, "lasts": "60s", "every": 3, "service": {}, "log": {}, "journal": {}, "judge": {}, **more}
    action = object.__new__(service_watch.ActionModule)
    action._task = types.SimpleNamespace(args=args, check_mode=check)
    action._display = types.SimpleNamespace(display=world.shown.append, warning=world.shown.append)
    monkeypatch.setattr(action, "_execute_module", world.execute, raising=False)
    monkeypatch.setattr(ActionBase, "run", lambda *_args, **_more: {})
    return action.run(task_vars={"inventory_hostname": "kumon-1"})


def test_a_quiet_watch_is_shown_once_a_minute_and_ends_in_time(world, monkeypatch):
    found = watch(world, monkeypatch, lasts="50s")
    assert (found["woke"], found["case"], found["verdict"]["status"]) == ("over", {}, "ok")
    assert len(world.shown) == 1 and START + 50 <= world.now < START + 55
    assert found["seen_seconds"] > 45 and found["unseen"] == ""
    # Nothing is asked of the journal while nothing happens.
    assert [name for name, _args in world.asked].count("journal_info") == 1


def test_time_in_which_nothing_could_be_judged_earns_nothing(world, monkeypatch):
    world.log = []
    found = watch(world, monkeypatch, lasts="50s", judge={"messages_expected": True})
    assert (found["verdict"]["status"], found["seen_seconds"]) == ("blind", 0.0)
    assert found["unseen_seconds"] >= 50


def test_the_longest_stretch_without_a_judgement_is_kept(world, monkeypatch):
    found = watch(world, monkeypatch, lasts="60s", every=1)
    assert found["unseen_seconds"] < 1
    world.looks, world.at = 0, {2: lambda: setattr(world, "fails", "gone"), 12: lambda: setattr(world, "fails", None)}
    found = watch(world, monkeypatch, began=world.now, lasts="200s")
    assert (found["woke"], found["unseen"]) == ("over", "") and 25 <= found["unseen_seconds"] < 60


def test_the_time_in_which_the_controller_slept_was_not_seen(world, monkeypatch):
    world.at[3] = lambda: setattr(world, "now", world.now + 10 * 3600)
    found = watch(world, monkeypatch, lasts="11h")
    assert (found["woke"], found["seen_seconds"] < 120) == ("hour", True)
    assert 10 * 3600 <= found["unseen_seconds"] < 11 * 3600


def test_an_outage_is_told_although_the_clock_was_set_back(world, monkeypatch):
    def set_back():
        world.now -= 3600

    world.at = {2: lambda: setattr(world, "service", {**SERVICE, "running": False, "pids": []}), 3: set_back}
    found = watch(world, monkeypatch, lasts="120s")
    assert (found["woke"], found["case"]["cause"]) == ("case", "service_down")
    assert START - 3600 < world.now < START - 3500


def test_what_was_known_is_handed_to_the_next_reading(world, monkeypatch):
    watch(world, monkeypatch)
    readings = [args for name, args in world.asked if name == "trace_log_info"]
    assert [args.get("watch_known") for args in readings][:3] == [None, "k", "k"]
    assert all(0 < args["watch"] <= 60 for args in readings)


def test_it_returns_at_once_when_something_calls_and_only_once_for_it(world, monkeypatch):
    world.at[3] = lambda: setattr(world, "log", GUARD)
    found = watch(world, monkeypatch)
    assert (found["woke"], found["case"]["cause"], world.looks) == ("case", "outbox_guard", 3)
    # The journal is not asked on the way to the decision.
    assert [name for name, _args in world.asked][-2:] == ["service_flags_info", "trace_log_info"]
    assert "rollback_level1" in found["proposal"] and found["decision"]["act"] is True
    again = watch(world, monkeypatch, began=world.now, told=found["case"])
    assert (again["woke"], again["case"]) == ("over", found["case"])


def test_the_journal_is_read_anew_each_minute(world, monkeypatch):
    watch(world, monkeypatch, lasts="150s")
    assert [name for name, _args in world.asked].count("journal_info") == 3


FAILING = (*HEALTHY, *(line for number in range(9) for line in turn(f"f{number}", status="failed")))


@pytest.mark.parametrize("change", [("log", FAILING), ("woke", "process")])
def test_what_was_done_is_read_before_it_is_judged_what_is_bad_or_new(world, monkeypatch, tmp_path, change):
    monkeypatch.setattr(service_watch.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    world.at[3] = lambda: setattr(world, *change)
    watch(world, monkeypatch, lasts="30s", signal="watch-1")
    names = [name for name, _args in world.asked]
    third = [at for at, name in enumerate(names) if name == "service_flags_info"][2]
    assert names[third : third + 3] == ["service_flags_info", "trace_log_info", "journal_info"]
    assert names[:third].count("journal_info") == 1


@pytest.mark.parametrize(("takes", "signal", "waits"), [
    # Ten times what reading all of it takes, which costs a tenth of a processor; from half a minute to a minute.
    (0.2, "", 30),
    (4.0, "", 40),
    (20.0, "", 60),
    # Where others wait for it, sooner.
    (0.2, "watch-1", 12),
    (4.0, "watch-1", 40),
])  # fmt: skip
def test_the_whole_window_is_read_after_a_multiple_of_what_that_takes(
    world, monkeypatch, tmp_path, takes, signal, waits
):
    monkeypatch.setattr(service_watch.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    world.takes = takes
    watch(world, monkeypatch, lasts="300s", signal=signal)
    readings = [args["watch"] for name, args in world.asked if name == "trace_log_info"]
    assert readings[1:3] == [pytest.approx(waits)] * 2


def test_what_calls_again_after_it_was_well_is_told_again(world, monkeypatch):
    told = {"status": "rollback", "cause": "outbox_guard", "level": 1, "act": True}
    world.log = HEALTHY
    world.at[3] = lambda: setattr(world, "log", GUARD)
    assert watch(world, monkeypatch, told=told)["woke"] == "case"


def test_a_restart_is_no_outage_and_what_stays_down_is_one(world, monkeypatch):
    down = {**SERVICE, "running": False, "pids": [], "pid": 0}
    world.at.update({2: lambda: setattr(world, "service", down), 4: lambda: setattr(world, "service", SERVICE)})
    assert watch(world, monkeypatch)["woke"] == "over"
    # However long it had run before: each outage counts from its own begin.
    world.looks, world.at = (
        0,
        {5: lambda: setattr(world, "service", down), 7: lambda: setattr(world, "service", SERVICE)},
    )
    assert watch(world, monkeypatch, began=world.now, lasts="240s")["woke"] == "over"
    assert world.looks > 7
    world.looks, world.at = 0, {2: lambda: setattr(world, "service", down)}
    found = watch(world, monkeypatch, began=world.now)
    assert (found["woke"], found["case"]["cause"]) == ("case", "service_down")


def test_a_service_that_comes_up_is_looked_at_again_soon(world, monkeypatch):
    world.service = {**SERVICE, "health": {"status": "failed"}}
    world.at[3] = lambda: setattr(world, "service", SERVICE)
    found = watch(world, monkeypatch, lasts="60s")
    assert found["verdict"]["status"] == "ok"
    assert [args["watch"] for name, args in world.asked if name == "trace_log_info"][1:3] == [3, 30]


@pytest.mark.parametrize("why", ["no file matches", LOST])
def test_a_look_that_fails_is_told_and_made_again(world, monkeypatch, why):
    world.at.update({2: lambda: setattr(world, "fails", why), 4: lambda: setattr(world, "fails", None)})
    found = watch(world, monkeypatch)
    assert (found["woke"], found["verdict"]["status"]) == ("over", "ok")
    assert sum("could not be seen" in text for text in world.shown) == 2


def test_a_first_look_that_fails_is_one_sentence_unless_the_watch_goes_on(world, monkeypatch):
    world.fails = "the log x does not exist"
    found = watch(world, monkeypatch)
    assert found["failed"] and found["msg"] == "the log x does not exist"
    world.looks, world.at = 0, {3: lambda: setattr(world, "fails", None)}
    assert watch(world, monkeypatch, began=world.now, again=True)["woke"] == "over"
    world.fails = "the log x does not exist"
    found = watch(world, monkeypatch, began=world.now, again=True)
    assert (found["woke"], found["unseen"], "verdict" in found) == ("over", "the log x does not exist", False)


def test_what_was_well_when_it_was_last_seen_is_not_well_at_the_end(world, monkeypatch):
    world.at[3] = lambda: setattr(world, "fails", "gone")
    found = watch(world, monkeypatch)
    assert (found["woke"], found["verdict"]["status"], found["unseen"]) == ("over", "ok", "gone")


def test_it_comes_back_each_hour(world, monkeypatch):
    found = watch(world, monkeypatch, lasts="3h")
    assert found["woke"] == "hour" and START + 3600 <= world.now < START + 3700
    # What does not change is shown each minute all the same: who looks at the screen sees that it goes on.
    assert 55 <= len(world.shown) <= 62


def test_the_watches_of_one_run_end_together(world, monkeypatch, tmp_path):
    monkeypatch.setattr(service_watch.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    world.log = GUARD
    assert watch(world, monkeypatch, signal="../watch-1")["woke"] == "case"
    assert [path.name for path in tmp_path.iterdir()] == ["watch-1"]
    world.log = HEALTHY
    found = watch(world, monkeypatch, began=world.now, signal="watch-1")
    assert (found["woke"], found["case"]) == ("signal", {})


def test_it_leaves_a_stamp_and_none_in_a_dry_run(world, monkeypatch, tmp_path):
    stamp = tmp_path / "watch" / "kumon-1.json"
    watch(world, monkeypatch, check=True, stamp=str(stamp))
    assert not stamp.exists()
    watch(world, monkeypatch, began=world.now, stamp=str(stamp), mode="recover", run_id="r1")
    told = json.loads(stamp.read_text())
    assert (told["host"], told["status"], told["mode"], told["run_id"]) == ("kumon-1", "ok", "recover", "r1")
