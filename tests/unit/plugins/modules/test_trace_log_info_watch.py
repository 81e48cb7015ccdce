# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reading that waits for something grave, as a watch makes it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils.log import measure
from ansible_collections.kumon.runbook.plugins.modules import trace_log_info

from tests.unit.plugins.service_fakes import run_module
from tests.unit.records import as_json, outbox_guard, turn

LONG = 20.0


class Log:
    def __init__(self, path):
        self.path = path
        path.write_text("".join(line + "\n" for line in self.healthy()))

    def healthy(self):
        return [as_json(line, time.time() - 30) for line in turn("a")]

    def add(self, *messages):
        with open(self.path, "a", encoding="utf-8") as out:
            out.writelines(as_json(message, time.time()) + "\n" for message in messages)

    def look(self, known=None, seconds=LONG, **more):
        asked = {"paths": [f"{self.path}*"], "since": "4h", "watch": seconds, "watch_every": 0.05, "watch_known": known}
        return run_module(trace_log_info, {**asked, **more})["traces"]


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "app.log")


def later(function, *arguments):
    timer = threading.Timer(0.4, function, arguments)
    timer.start()
    return timer


def test_the_first_reading_returns_at_once_and_the_next_waits_its_time(log):
    begun = time.monotonic()
    first = log.look()["watched"]
    assert (first["woke"], first["looks"]) == ("grave", 0)
    assert time.monotonic() - begun < LONG / 2
    second = log.look(first["known"], seconds=0.3)["watched"]
    assert second["woke"] == "time" and second["looks"] >= 1


def test_a_guard_wakes_it_within_one_reading(log):
    known = log.look()["watched"]["known"]
    timer = later(log.add, outbox_guard("c9"))
    traces = log.look(known)
    timer.join()
    assert traces["watched"]["woke"] == "grave" and traces["watched"]["seconds"] < LONG / 2
    assert traces["guards"]["incidents"] == 1


def test_nothing_is_missed_between_two_readings(log):
    known = log.look()["watched"]["known"]
    log.add(outbox_guard("c9"))
    traces = log.look(known)
    assert (traces["watched"]["woke"], traces["watched"]["looks"]) == ("grave", 0)


def test_a_guard_in_the_file_after_a_rotation_wakes_it(log):
    known = log.look()["watched"]["known"]

    def rotate():
        log.path.rename(log.path.with_name("app.log.1"))
        log.add(*turn("b"), outbox_guard("c9"))

    timer = later(rotate)
    traces = log.look(known)
    timer.join()
    assert traces["watched"]["woke"] == "grave" and traces["guards"]["incidents"] == 1


def test_the_end_of_a_process_wakes_it(log):
    known = log.look()["watched"]["known"]
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:

        def end():
            process.kill()
            process.wait()

        timer = later(end)
        watched = log.look(known, pids=[process.pid])["watched"]
        timer.join()
    assert watched["woke"] == "process" and watched["seconds"] < LONG / 2


def test_a_process_that_ends_during_the_first_reading_wakes_it(log, monkeypatch):
    known = log.look()["watched"]["known"]
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:

        def ends(*_arguments):
            process.kill()
            process.wait()

        monkeypatch.setattr(measure, "observe", ends)
        watched = log.look(known, pids=[process.pid])["watched"]
    assert watched["woke"] == "process" and watched["seconds"] < LONG / 2


def test_what_a_customer_quotes_wakes_nothing(log):
    known = log.look()["watched"]["known"]
    quoted = f"Processing message for 5511900000001: {outbox_guard('c9')}"
    timer = later(log.add, quoted[:90] + "...", f"oi {outbox_guard('c9')}")
    traces = log.look(known, seconds=1.0)
    timer.join()
    assert traces["watched"]["woke"] == "time" and traces["guards"]["incidents"] == 0


def test_messages_that_go_well_wake_nothing(log):
    known = log.look()["watched"]["known"]
    timer = later(log.add, *turn("b"))
    traces = log.look(known, seconds=1.0)
    timer.join()
    assert traces["watched"]["woke"] == "time" and traces["delivery"]["success"] == 2


@pytest.mark.parametrize("wrong", [{"watch": -1}, {"watch_every": 0}])
def test_times_that_cannot_be_are_refused(log, wrong):
    result = run_module(trace_log_info, {"paths": [str(log.path)], **wrong})
    assert result["failed"] and next(iter(wrong)) in result["msg"]
