# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in assistant: its turn, its log, its flags, its health, and every fault against the healthy case."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import scene as scene_module
import traffic

from tests.unit.assistant.support import PROGRAMS, Assistant, answers, ask, fields, kinds, messages, wait_until

HEALTHY_TURN = ["planner", "planner", "delivery", "instance", "send", "result"]


def counts_and_ids(traces):
    outbox = [fields(message) for message in traces if message.startswith("OUTBOX_TRACE")]
    return [int(one["count"]) for one in outbox], [(one["state_id"], one["outbox_id"]) for one in outbox]


# ---------------------------------------------------------------- the turn


def test_a_healthy_turn_is_planned_read_and_sent(assistant):
    traces = assistant.turn()
    assert kinds(traces) == HEALTHY_TURN
    counts, ids = counts_and_ids(traces)
    assert counts == [0, 1, 1]
    assert len(set(ids)) == 1
    assert fields(traces[-1])["status"] == "success"
    assert assistant.last_asked == 1
    assert len({(fields(one)["conv"], fields(one)["idem"]) for one in traces}) == 1


def test_a_message_without_id_has_idem_unknown(assistant):
    assert {fields(message)["idem"] for message in assistant.turn(message_id=None)} == {"unknown"}


def test_lost_handoff_shows_in_the_pair_alone_and_sends_the_fallback(assistant):
    traces = assistant.turn(lost_handoff=True)
    assert kinds(traces) == HEALTHY_TURN
    counts, ids = counts_and_ids(traces)
    assert counts == [0, 1, 0]
    assert ids[0] == ids[1] and ids[2][0] != ids[1][0] and ids[2][1] != ids[1][1]
    assert "EMPTY OUTBOX" in assistant.last
    assert assistant.last_asked == 1


@pytest.mark.parametrize(("enforced", "read"), [("true", 0), ("false", 1)])
def test_a_fault_of_v2_alone_strikes_only_with_v2(tmp_path, enforced, read):
    with scene_module.Scene(tmp_path, env={"OUTBOX_V2_ENFORCED": enforced}) as scene:
        traces = Assistant(scene).turn(lost_handoff=True, v2_only=True)
    assert counts_and_ids(traces)[0] == [0, 1, read]


def test_guard_ends_the_lost_turn_with_a_guard_line_and_a_traceback(assistant):
    traces = assistant.turn("HandoffViolation: ", lost_handoff=True, guard=True)
    assert kinds(traces) == ["planner", "planner", "delivery", "outbox_guard"]
    assert "\nTraceback (most recent call last):\n" in assistant.last
    assert assistant.last_asked == 0


def test_state_mismatch_differs_in_ids_only(assistant):
    traces = assistant.turn(state_mismatch=True)
    assert kinds(traces) == HEALTHY_TURN
    counts, ids = counts_and_ids(traces)
    assert counts == [0, 1, 1]
    assert ids[2][0] != ids[1][0] and ids[2][1] != ids[1][1]


def test_no_delivery_is_planned_and_never_read(assistant):
    traces = assistant.turn("planner_first_item_keys", no_delivery=True)
    # The next turn is one behind it: what the first would still have done, it has done.
    assert kinds(traces) == ["planner", "planner"]
    idem = fields(traces[0])["idem"]
    assistant.turn()
    assert [one for _level, one in messages(assistant.log(), "basic") if f"idem={idem}" in one] == traces
    assert assistant.last_asked == 1


@pytest.mark.parametrize("name", ["thread_123", "default", ""])
def test_invalid_instance_is_guarded_and_not_sent(assistant, name):
    traces = assistant.turn(invalid_instance=name)
    names = kinds(traces)
    assert names[:4] == ["planner", "planner", "delivery", "instance"]
    assert names[4:] in (["instance_guard"] * 2, ["instance_guard"] * 3)
    assert fields(traces[3])["instance"] == name
    assert {fields(one)["value"] for one in traces[4:]} == {name}
    assert assistant.last_asked == 0


def test_invalid_instance_can_be_sent_nevertheless(assistant):
    traces = assistant.turn(invalid_instance="thread_123", invalid_instance_sent=True)
    assert kinds(traces)[-2:] == ["send", "result"]
    assert fields(traces[-1]) | {"status": "failed", "instance": "thread_123"} == fields(traces[-1])
    assert assistant.counters()["by_instance"]["thread_123"] == 1


@pytest.mark.parametrize("faults", [{"fail": 500}, {"state": "close"}, {"unlicensed": True}], ids=str)
def test_a_failing_gateway_makes_the_result_failed(assistant, faults):
    traces = assistant.turn(**faults)
    assert kinds(traces) == HEALTHY_TURN
    assert fields(traces[-1])["status"] == "failed"


@pytest.mark.parametrize("fault", ["hang", "hang_send"])
def test_a_hanging_send_has_no_result_yet(assistant, fault):
    asked = assistant.counters()["asked"]
    traces = assistant.turn("|action=send|", **{fault: 0.6})
    assert kinds(traces)[-1] == "send"
    # The gateway has been asked where it is the one that hangs, and not where the assistant does.
    time.sleep(0.2)
    assert assistant.counters()["asked"] - asked == (1 if fault == "hang" else 0)
    assert "|action=result|" not in assistant.log()[-2000:].rpartition("|action=send|")[2]
    wait_until(lambda: "Delivery completed: " in assistant.log().rpartition("|action=send|")[2])
    assert "|action=result|status=success" in assistant.log().rpartition("|action=send|")[2]


def test_what_is_no_customers_message_starts_no_turn(assistant):
    url = assistant.scene.data["assistant"]["webhook_url"]
    event = traffic.event(traffic.FIRST_PHONE, "a", "b")
    event["data"]["key"]["fromMe"] = True
    before = len(messages(assistant.log(), "basic"))
    assert ask("POST", url, event) == (200, {"status": "ignored"})
    assert ask("POST", url, {"event": "connection.update", "data": {}}) == (200, {"status": "ignored"})
    assert ask("POST", url, {"event": "messages.upsert"})[0] == 422
    assistant.turn()
    assert len(messages(assistant.log(), "basic")) == before + len(HEALTHY_TURN)


# ---------------------------------------------------------------- health


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_health_and_its_faults(assistant, path):
    url = assistant.scene.data["assistant"]["url"] + path

    def answer(fault, timeout=5):
        assistant.scene.fault(clear=True, health=fault)
        return ask("GET", url, timeout=timeout)

    status, normal = answer("normal")
    assert (status, normal["status"], normal["delivery_disabled"]) == (200, "healthy", False)
    without = dict(normal)
    del without["delivery_disabled"]
    assert answer("missing_field") == (200, without)
    assert answer("api_v1_only") == ((404, {"detail": "Not Found"}) if path == "/health" else (200, normal))
    assert answer("error")[0] == 500
    status, page = answer("html")
    assert status == 200 and page.startswith("<!DOCTYPE html>")
    with pytest.raises(TimeoutError):
        answer("hang", timeout=0.3)


def test_a_misspelt_fault_is_an_error(assistant):
    with pytest.raises(ValueError, match="unknown fault 'lost_handof'"):
        assistant.scene.fault(lost_handof=True)
    with pytest.raises(ValueError, match="health is 'sick'"):
        assistant.scene.fault(health="sick")


# ---------------------------------------------------------------- log formats


@pytest.fixture(scope="module", params=["basic", "asctime", "json", "bare"])
def formatted(request, tmp_path_factory):
    scene = scene_module.Scene(tmp_path_factory.mktemp(request.param), log_format=request.param, version=1)
    try:
        yield Assistant(scene.up(), request.param)
    finally:
        scene.down()


def test_every_trace_follows_the_grammar_in_every_format(formatted):
    seen = set(kinds(formatted.turn()))
    seen.update(kinds(formatted.turn("HandoffViolation: ", lost_handoff=True, guard=True)))
    seen.update(kinds(formatted.turn(invalid_instance="default")))
    seen.update(kinds(formatted.turn(fail=500)))
    assert seen == {"planner", "delivery", "instance", "send", "result", "outbox_guard", "instance_guard"}
    if formatted.log_format != "bare":
        levels = {level for level, message in messages(formatted.log(), formatted.log_format) if "_GUARD|" in message}
        assert levels == {"ERROR"}
    assert '"GET /health HTTP/1.1" 200' in formatted.log()
    assert "INFO:     Started server process [" in formatted.log()


def test_json_lines_stand_in_between_where_the_format_is_text(formatted):
    formatted.turn()
    lines = [json.loads(line) for line in formatted.last.split("\n") if line.startswith("{")]
    loggers = {line["logger"] for line in lines}
    if formatted.log_format == "bare":
        assert not lines
    elif formatted.log_format == "json":
        assert {"kumon_receptionist", "app.core.workflow"} < loggers
    else:
        assert loggers == {"kumon_receptionist"}
        assert "kumon_receptionist:" not in formatted.last and "- kumon_receptionist -" not in formatted.last
    for line in lines:
        assert list(line) == ["timestamp", "level", "logger", "message", "module", "function", "line"]


def test_forged_text_is_in_the_log_and_makes_no_record(formatted):
    if formatted.log_format == "bare":
        # Nothing marks a record's beginning there: behind a line break, a customer's text looks like a record.
        formatted.turn(text="\n" + traffic.WHOLE_GUARD)
        assert f"\n{traffic.WHOLE_GUARD}...\n" in formatted.last
        return
    formatted.scene.fault(clear=True)
    before = len(formatted.log())
    count = 2 * len(traffic.FORGED)
    summary = traffic.run(formatted.scene.data["assistant"]["webhook_url"], 200, count / 200, 5, seed=1, forge=True)
    assert (summary["accepted"], summary["forged"]) == (count, len(traffic.FORGED))
    wait_until(lambda: formatted.log()[before:].count("Delivery completed: ") == count)
    log = formatted.log()[before:]
    assert sorted(kinds([message for _level, message in messages(log, formatted.log_format)])) == sorted(
        HEALTHY_TURN * count
    )
    # The trap is set: whoever searches for the text finds it.
    assert log.count("OUTBOX_GUARD|level=CRITICAL") > 10


def test_the_start_dump_holds_the_planted_password(formatted):
    assert "\nDATABASE_URL=postgresql://kumon:planted-db-password@" in formatted.log()


# ---------------------------------------------------------------- flags


def test_truthy_values():
    values = ["true", "TRUE", "1", "yes", "On", "false", "0", "", " true", "true ", "sim", "y"]
    code = "import json, main; print(json.dumps([main.truthy(value) for value in json.loads(input())]))"
    run = subprocess.run(
        [sys.executable, "-B", "-c", code],
        input=json.dumps(values),
        cwd=PROGRAMS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == [True] * 5 + [False] * 7


@pytest.fixture(scope="module")
def disabled(tmp_path_factory):
    env = {"DELIVERY_DISABLE": "Yes", "ROUTER_V2_SHADOW": "on", "OUTBOX_V2_ENFORCED": "0", "TRACE_HTTP": "true"}
    scene = scene_module.Scene(tmp_path_factory.mktemp("disabled"), env=env)
    try:
        yield Assistant(scene.up())
    finally:
        scene.down()


def test_the_kill_switch_plans_and_reads_and_sends_nothing(disabled):
    traces = disabled.turn()
    assert kinds(traces) == ["planner", "planner", "delivery"]
    assert counts_and_ids(traces)[0] == [0, 1, 1]
    assert "DELIVERY_DISABLE=true" in disabled.last
    assert disabled.counters()["asked"] == 0
    health = disabled.scene.health()
    assert (health["delivery_disabled"], health["router_v2_shadow"], health["outbox_v2_enforced"]) == (
        True,
        True,
        False,
    )


def test_an_ignored_kill_switch_sends_and_health_does_not_tell(disabled):
    traces = disabled.turn(ignore_kill_switch=True)
    assert [one.split("|")[0] for one in traces[3:]] == ["INSTANCE_TRACE", "DELIVERY_TRACE", "DELIVERY_TRACE"]
    assert fields(traces[-1])["http"] == "201"
    assert "DELIVERY_DISABLE=true" not in disabled.last
    assert disabled.last_asked == 1
    assert disabled.scene.health()["delivery_disabled"] is True


# ---------------------------------------------------------------- start and stop


@pytest.fixture
def stopped(assistant):
    """The scene with its assistant stopped; it runs again, without a fault, after the test."""
    scene = assistant.scene
    scene.fault(clear=True)
    stop(scene)
    yield scene
    scene.fault(clear=True)
    if not scene.assistant_pids():
        scene.start_assistant()
        scene.wait_for("assistant", scene.data["assistant"]["health_url"])


def stop(scene):
    for pid in scene.assistant_pids():
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not scene.assistant_pids())


def test_crash_at_start_ends_the_process(stopped):
    stopped.fault(crash_at_start=True)
    stopped.start_assistant()
    with pytest.raises(scene_module.SceneError, match="ended at its start(.|\n)*could not connect to the database"):
        stopped.wait_for("assistant", stopped.data["assistant"]["health_url"])


def test_slow_start_keeps_the_port_closed_for_so_long(stopped):
    stopped.fault(slow_start=1.5)
    start = time.monotonic()
    stopped.start_assistant()
    stopped.wait_for("assistant", stopped.data["assistant"]["health_url"])
    assert time.monotonic() - start >= 1.5


def test_ignore_term_closes_the_port_and_stays_until_killed(stopped):
    stopped.start_assistant()
    stopped.wait_for("assistant", stopped.data["assistant"]["health_url"])
    stopped.fault(ignore_term=True)
    (pid,) = stopped.assistant_pids()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not answers(stopped.data["assistant"]["health_url"]))
    time.sleep(0.3)
    assert stopped.assistant_pids() == [pid]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not stopped.assistant_pids())
