# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
import threading
import time

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import started
from ansible_collections.kumon.runbook.plugins.modules import trace_log_info

from tests.unit.later_logs import Later, one_turn, pipeline_turn
from tests.unit.records import NOON, as_json, basic, instance_trace, outbox, outbox_guard, result, send, turn


def run(capsys, **arguments):
    """Run the module as Ansible would and return its result."""
    capsys.readouterr()
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        trace_log_info.main()
    answer = json.loads(capsys.readouterr().out)
    assert (ended.value.code != 0) == bool(answer.get("failed"))
    return answer


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("".join(as_json(result(f"c{n}"), at=NOON + n) + "\n" for n in range(120)))
    return path


def test_it_counts_and_changes_nothing(capsys, log):
    before = log.read_bytes(), log.stat()
    for check in (True, False):
        answer = run(capsys, paths=[str(log)], _ansible_check_mode=check)
        assert answer["changed"] is False
        assert answer["traces"]["delivery"]["success"] == 120
    assert (log.read_bytes(), log.stat().st_mtime_ns) == (before[0], before[1].st_mtime_ns)


def test_the_window_is_returned_in_utc(capsys, log):
    traces = run(capsys, paths=[str(log)], since=iso(NOON + 60), until=iso(NOON + 90))["traces"]
    assert traces["window"] == {"since": iso(NOON + 60), "until": iso(NOON + 90), "process": None}
    assert traces["delivery"]["success"] == 30


def test_what_an_act_has_answered_is_not_counted_again(capsys, log):
    def success(**window):
        return run(capsys, paths=[str(log)], **window)["traces"]["delivery"]["success"]

    assert success(since=iso(NOON), not_before=iso(NOON + 100)) == 20
    assert success(since=iso(NOON + 110), not_before=iso(NOON + 100)) == 10
    assert success(not_before=iso(NOON + 100)) == 20


def test_a_process_is_told_from_the_one_before_it_by_the_kernel_alone(capsys, tmp_path):
    process = subprocess.Popen(["sleep", "60"])
    try:
        began = started([process.pid])
        path = tmp_path / "app.log"
        lines = [as_json(send("a"), at=began - 5), f"INFO:     Started server process [{process.pid}]"]
        lines += [as_json(send("b"), at=began - 4), as_json(send("c"), at=began + 0.2), ""]
        path.write_text("\n".join(lines))
        time.sleep(0.3)
        options = {"paths": [str(path)], "since": iso(began - 600)}
        traces = run(capsys, since_pid=process.pid, **options)["traces"]
        assert (traces["delivery"]["sent"], traces["window"]["process"]) == (1, process.pid)
        assert traces["window"]["since"] == iso(began)
        covered = run(capsys, pids=[process.pid], **options)["traces"]["evidence"]["covered"]
        assert (covered["process_seen"], covered["process_started"]) == (True, iso(began))
        path.write_text(lines[0] + "\n")
        covered = run(capsys, pids=[process.pid], **options)["traces"]["evidence"]["covered"]
        assert (covered["process_seen"], covered["ok"]) == (False, False)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("level", "guards"), [("CRITICAL", 1), ("WARNING", 0)])
def test_a_grave_guard_without_a_time_is_told_however_many_records_have_one(capsys, log, tmp_path, level, guards):
    (tmp_path / "other.log").write_text(basic(outbox_guard("a", level=level)) + "\n")
    options = {"paths": [str(log), str(tmp_path / "other.log")]}
    covered = run(capsys, since=iso(NOON), **options)["traces"]["evidence"]["covered"]
    assert (covered["ok"], covered["undated_guards"], covered["undated"]) == (not guards, guards, 1)
    # Without a window there is nothing to place it in.
    assert run(capsys, **options)["traces"]["evidence"]["covered"]["ok"] is True
    of_one = run(capsys, since=iso(NOON), conversation="c1", **options)["traces"]["evidence"]["covered"]
    assert of_one["ok"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no log is named; set paths (runbook_log_paths), or source: journal with unit"),
        ({"paths": ["{missing}"]}, "the log {missing} does not exist; correct runbook_log_paths"),
        ({"paths": ["{log}"], "since": "soon"}, "'soon' is neither an age such as 15m or 2h nor an ISO 8601 time"),
        (
            {"paths": ["{log}"], "since": "1m", "until": "2m"},
            "the window is empty: since (1m) is not before until (2m)",
        ),
        ({"paths": ["{log}"], "grace": -1}, "grace is -1.0; it must not be negative"),
        ({"source": "journal"}, "source is journal but all of the following are missing: unit"),
        ({"paths": ["{log}"], "grace": "long"}, "argument 'grace' is of type"),
    ],
)
def test_bad_input_is_one_sentence(capsys, log, arguments, message):
    names = {"log": str(log), "missing": str(log) + ".none"}
    arguments = {
        key: [item.format(**names) for item in value] if isinstance(value, list) else value
        for key, value in arguments.items()
    }
    answer = run(capsys, **arguments)
    assert answer["failed"] is True
    assert message.format(**names) in answer["msg"]


def test_an_empty_log_is_no_failure_and_no_data(capsys, tmp_path):
    (tmp_path / "app.log").touch()
    traces = run(capsys, paths=[str(tmp_path / "app.log")])["traces"]
    assert (traces["records"], traces["delivery"]["success_rate"], traces["timestamps"]) == (0, None, "none")


def test_it_says_when_it_was_measured_by_the_hosts_clock(capsys, log):
    before = time.time()
    measured = parse_when(run(capsys, paths=[str(log)])["traces"]["measured"], 0)
    assert before - 0.001 <= measured <= time.time()


def appended(path, lines, pause):
    """Append ``lines`` one after the other, as a process does that goes on working."""

    def write():
        for line in lines:
            time.sleep(pause)
            with open(path, "a") as file:
                file.write(line + "\n")

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("lines", "counted", "at_least", "at_most"),
    [
        # read and not sent: half a second later that is sure
        ([outbox("planner", "n", 1), outbox("delivery", "n", 1)], (1, 0), 0.5, 3),
        # sent: nothing more to wait for, once there is a result
        ([outbox("planner", "n", 1), outbox("delivery", "n", 1), send("n"), result("n")], (1, 1), 0.1, 2),
        # planned and never read
        ([outbox("planner", "n", 1)], (1, 0), 1.5, 4),
        # nothing at all: the whole time
        ([], (0, 0), 5, 7),
    ],
)
def test_it_waits_until_it_is_seen_what_becomes_of_a_message(capsys, tmp_path, lines, counted, at_least, at_most):
    path = tmp_path / "app.log"
    path.write_text("")
    writer = appended(path, [basic(line) for line in lines], 0.05)
    begun = time.monotonic()
    traces = run(capsys, paths=[str(path)], observe=5)["traces"]
    assert at_least <= time.monotonic() - begun <= at_most
    assert (traces["handoff"]["planned"], traces["delivery"]["sent"]) == counted
    writer.join()


HEARTBEAT = "5511900000009"


def beat_by(grammar, log, at, number):
    if grammar == "trace":
        for line in turn(f"conv_{HEARTBEAT}_20261120_120000", f"b{number}", status="failed"):
            log.native(at, line)
    else:
        ends = {"pipeline": ("sent", "failed", "exception", "locked"), "one-turn": ("sent", "failed", "error", "open")}
        end = ends[grammar][number // 2]
        if grammar == "pipeline":
            pipeline_turn(log, at, 100 + number, end, phone=HEARTBEAT)
        else:
            one_turn(log, at, int(HEARTBEAT[5:]), end, message_id=f"BEAT{number}")


@pytest.mark.parametrize("grammar", ["trace", "pipeline", "one-turn"])
def test_a_heartbeat_counts_in_nothing_but_itself(capsys, tmp_path, grammar):
    now, path = time.time(), tmp_path / "app.log"
    with_beats, without = Later(), Later()
    for number in range(8):
        at = now - 2400 + 60 * number
        for log in (with_beats, without):
            if grammar == "trace":
                for line in turn(f"conv_551190000010{number}_20261120_120000"):
                    log.native(at, line)
            else:
                (pipeline_turn if grammar == "pipeline" else one_turn)(log, at, number)
            log.native(at + 2, "a line with a time")
        if number % 2:
            beat_by(grammar, with_beats, at + 30, number)
        for log in (with_beats, without):
            log.native(at + 32, "a line with a time")

    def measured(log, **options):
        envelope = "docker" if grammar == "one-turn" else "plain"
        path.write_text("".join(line + "\n" for line in log.lines(envelope)))
        return run(capsys, paths=[str(path)], since="2h", **options)["traces"]

    conversation = "****0009" if grammar == "one-turn" else HEARTBEAT
    beaten = measured(with_beats, heartbeat_conversation=conversation, heartbeat_minutes=60)
    plain, counted = measured(without), measured(with_beats)
    same = ("records", "turns", "stages", "delivery", "minutes", "unanswered", "handoff", "instances", "recipients")
    assert plain["heartbeat"] is None
    for traces in (beaten, plain):
        del traces["unanswered"]["longest_wait_seconds"]
    for name in same:
        assert beaten[name] == plain[name], name
    assert counted["turns"] != plain["turns"]
    heartbeat = beaten["heartbeat"]
    assert heartbeat["ok"] is True and heartbeat["limit_seconds"] == 3600.0
    assert heartbeat["records"] > 0
    assert 1900 < heartbeat["age_seconds"] < 2000
    late = measured(with_beats, heartbeat_conversation=conversation, heartbeat_minutes=30)
    assert late["heartbeat"]["ok"] is False


def test_too_short_a_look_does_not_miss_a_heartbeat(capsys, log):
    for since, ok in (("2h", False), ("10m", None)):
        found = run(capsys, paths=[str(log)], since=since, heartbeat_conversation=HEARTBEAT, heartbeat_minutes=30)
        assert found["traces"]["heartbeat"]["ok"] is ok


def test_a_guard_counts_whoever_wrote(capsys, tmp_path):
    path = tmp_path / "app.log"
    path.write_text(as_json(outbox_guard(f"conv_{HEARTBEAT}_1"), at=NOON) + "\n")
    assert run(capsys, paths=[str(path)], heartbeat_conversation=HEARTBEAT)["traces"]["guards"]["incidents"] == 1
    path.write_text(as_json(instance_trace(f"conv_{HEARTBEAT}_1", "default"), at=NOON) + "\n")
    traces = run(capsys, paths=[str(path)], heartbeat_conversation=HEARTBEAT)["traces"]
    assert traces["instances"]["invalid"] == {"default": 1}
