# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduled health check, run as cron runs it, with a playbook that ends as the test says."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "roles" / "go_live" / "files" / "runbook-health-tick"

PLAYBOOK = """#!{python} -SE
import json, os, sys, time
name = sys.argv[1]
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
plan = json.load(open({plan!r})).get(name, {{}})
time.sleep(plan.get("sleep", 0))
if "result" in plan:
    result = {{"procedure": name, "run_id": "run-1", "next_step": "", "message": "", **plan["result"]}}
    json.dump(result, open(os.environ["KUMON_RUNBOOK_TIMELINE_JSON"], "w"))
print(plan.get("output", ""))
sys.exit(plan.get("code", 0))
"""


class Tick:
    def __init__(self, directory: Path):
        self.directory = directory
        self.calls_file, self.plan_file = directory / "calls", directory / "plan.json"
        program = directory / "ansible-playbook"
        names = {"python": sys.executable, "calls": str(self.calls_file), "plan": str(self.plan_file)}
        program.write_text(PLAYBOOK.format(**names))
        program.chmod(0o755)
        self.settings = {
            "commands": {name: [str(program), name] for name in ("health_check", "notify")},
            "cwd": str(directory),
            "environment": {},
            "seconds": 20,
            "notify_seconds": 20,
            "every_seconds": 300,
            "stamp": str(directory / "stamp.json"),
            "lock": str(directory / "lock"),
            "textfile": str(directory / "tick.prom"),
            "dead_man_url": "",
            "notifies": True,
        }
        self.ends("ok")

    def ends(self, status: str | None, notify: str = "ok", **more) -> None:
        """How the next playbooks end."""
        check = {"result": {"status": status, "message": f"it is {status}", "next_step": "do this"}} if status else {}
        self.plan_file.write_text(
            json.dumps({"health_check": {**check, **more}, "notify": {"result": {"status": notify}}})
        )
        self.calls_file.unlink(missing_ok=True)

    def run(self) -> tuple[int, list[str]]:
        conf = self.directory / "conf.json"
        conf.write_text(json.dumps(self.settings))
        command = [sys.executable, str(PROGRAM), str(conf)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert run.stderr == ""
        return run.returncode, run.stdout.splitlines()

    def calls(self) -> list[list[str]]:
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def told(self) -> dict:
        """What notify was called with."""
        (call,) = [call for call in self.calls() if call[0] == "notify"]
        return json.loads(call[2])

    def stamp(self) -> dict:
        return json.loads((self.directory / "stamp.json").read_text())


@pytest.fixture
def tick(tmp_path):
    return Tick(tmp_path)


def test_it_is_silent_when_all_is_well(tick):
    assert tick.run() == (0, [])
    assert tick.told() == {"notify_event": "tick"}
    assert (tick.stamp()["exit"], tick.stamp()["status"], tick.stamp()["every_seconds"]) == (0, "ok", 300)
    assert abs(time.time() - time.mktime(time.strptime(tick.stamp()["at"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60


@pytest.mark.parametrize(
    ("status", "code", "event"),
    [("watch", 10, "tick"), ("rollback", 20, "open"), ("blind", 30, "open"), ("unreachable", 30, "open")],
)
def test_each_status_has_its_exit_and_people_are_paged_from_rollback_on(tick, status, code, event):
    tick.ends(status)
    assert tick.run() == (code, [f"{status}: it is {status}", "→ do this"])
    told = tick.told()
    assert told["notify_event"] == event
    if event == "open":
        facts = told["notify_facts"]
        assert (facts["status"], facts["headline"], facts["next_step"]) == (status, f"it is {status}", "do this")
    # The next check finds the same: nobody is paged twice for it.
    tick.ends(status)
    assert tick.run()[0] == code
    assert tick.told() == {"notify_event": "tick"}
    tick.ends("ok")
    assert tick.run() == (0, [])
    tick.ends(status)
    tick.run()
    assert tick.told()["notify_event"] == event


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"status": None, "code": 1, "output": "a\nERROR! the playbook could not be found\nb"}, "could not be found"),
        ({"status": None, "code": 0}, "left no result"),
        ({"status": "refused"}, "health_check ended as refused, exit 0: it is refused"),
        ({"status": "proven"}, "health_check ended as proven"),
        ({"status": "ok", "code": 2}, "health_check ended as ok, exit 2"),
        ({"status": "ok", "sleep": 30}, "did not end within 1 s"),
    ],
)
def test_a_check_that_could_not_be_made_is_paged_too(tick, plan, sentence):
    if "sleep" in plan:
        tick.settings["seconds"] = 1
    tick.ends(**plan)
    code, lines = tick.run()
    assert (code, sentence in lines[0], len(lines) <= 10) == (40, True, True)
    assert tick.told()["notify_event"] == "open"
    assert tick.stamp()["exit"] == 40


@pytest.mark.parametrize("name", ["playbooks/health_check.yml", "kumon.runbook.health_check"])
def test_what_to_do_next_is_the_check_with_another_procedure(tick, name):
    tick.settings["commands"]["health_check"] = ["/nowhere/ansible-playbook", "-i", "the hosts", name]
    _code, lines = tick.run()
    other = name.replace("health_check", "diagnose")
    assert lines[1] == f"→ cd {tick.directory} && /nowhere/ansible-playbook -i 'the hosts' {other}"


def test_a_program_that_is_not_there_is_told(tick):
    tick.settings["commands"]["health_check"] = ["/nowhere/ansible-playbook"]
    code, lines = tick.run()
    assert (code, lines[0]) == (40, "failed: /nowhere/ansible-playbook cannot be run (No such file or directory)")


def test_a_disk_that_takes_nothing_has_its_exit(tick):
    """Neither a scratch directory nor a stamp can be written; the lock is there, or is not."""
    for where in (tick.settings["lock"], "/nowhere/lock"):
        tick.settings["lock"] = where
        conf = tick.directory / "conf.json"
        conf.write_text(json.dumps(tick.settings))
        limited = f"ulimit -f 0; exec {sys.executable} -B {PROGRAM} {conf}"
        run = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=60, check=False)
        assert (run.returncode, run.stderr, tick.calls()) == (40, "", [])
        assert "there is no room" in run.stdout or "/nowhere/lock cannot be used" in run.stdout


def test_one_at_a_time(tick):
    with open(tick.settings["lock"], "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, lines = tick.run()
    assert (code, len(lines), tick.calls()) == (40, 1, [])
    assert not (tick.directory / "stamp.json").exists()


def test_what_people_were_not_told_is_said(tick):
    tick.ends("ok", notify="failed")
    assert tick.run() == (0, ["notify ended as failed: ?"])
    tick.settings["notifies"] = False
    tick.ends("blind")
    tick.run()
    assert [call[0] for call in tick.calls()] == ["health_check"]


@pytest.mark.parametrize("notify", [{"result": {"status": "failed"}}, {"code": 1}])
def test_what_people_could_not_be_told_is_told_by_the_next_check(tick, notify):
    tick.ends("rollback")
    plan = json.loads(tick.plan_file.read_text())
    tick.plan_file.write_text(json.dumps({**plan, "notify": notify}))
    assert (tick.run()[0], tick.told()["notify_event"]) == (20, "open")
    tick.ends("rollback")
    assert (tick.run()[0], tick.told()["notify_event"]) == (20, "open")
    tick.ends("rollback")
    assert (tick.run()[0], tick.told()["notify_event"]) == (20, "tick")


def test_what_was_ended_while_it_told_people_is_told_by_the_next_check(tick):
    tick.ends("rollback")
    plan = json.loads(tick.plan_file.read_text())
    tick.plan_file.write_text(json.dumps({**plan, "notify": {"sleep": 5}}))
    (tick.directory / "conf.json").write_text(json.dumps(tick.settings))
    run = subprocess.Popen([sys.executable, str(PROGRAM), str(tick.directory / "conf.json")], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while len(tick.calls()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    run.kill()
    run.wait(20)
    tick.ends("rollback")
    assert (tick.run()[0], tick.told()["notify_event"]) == (20, "open")


def fleet(tick, status, **hosts):
    """The check of several hosts ends as the worst of them."""
    each = {host: {"status": one, "message": f"it is {one}", "next_step": "do this"} for host, one in hosts.items()}
    tick.ends("ok", code=2)
    plan = json.loads(tick.plan_file.read_text())
    plan["health_check"]["result"] = {"status": status, "message": f"it is {status}", "hosts": each}
    tick.plan_file.write_text(json.dumps(plan))
    tick.calls_file.unlink(missing_ok=True)


def test_one_host_that_is_not_reached_hides_not_that_another_needs_a_rollback(tick):
    fleet(tick, "unreachable", a="unreachable", b="ok")
    assert (tick.run()[0], tick.told()["notify_event"]) == (30, "open")
    fleet(tick, "unreachable", a="unreachable", b="rollback")
    code, lines = tick.run()
    facts = tick.told()["notify_facts"]
    assert (code, lines[0]) == (20, "rollback: b: it is rollback")
    assert (facts["status"], facts["hosts"]) == ("rollback", {"a": "unreachable", "b": "rollback"})


def test_people_hear_of_each_host_once(tick):
    fleet(tick, "rollback", a="rollback", b="ok", c="watch")
    tick.run()
    fleet(tick, "rollback", a="rollback", b="rollback", c="watch")
    tick.run()
    assert tick.told()["notify_facts"]["hosts"] == {"a": "rollback", "b": "rollback"}
    for after in ("rollback", "ok"):
        fleet(tick, "rollback", a="rollback", b=after, c="ok")
        tick.run()
        assert tick.told() == {"notify_event": "tick"}


def test_the_metric_says_when_it_last_ran(tick):
    tick.ends("blind")
    tick.run()
    text = (tick.directory / "tick.prom").read_text()
    values = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert abs(float(values["kumon_runbook_tick_timestamp_seconds"]) - time.time()) < 60
    assert float(values["kumon_runbook_tick_exit"]) == 30
    assert [path.name for path in tick.directory.iterdir() if path.name.startswith(".")] == []
    tick.settings["textfile"] = "/nowhere/tick.prom"
    assert any("cannot be written" in line for line in tick.run()[1])


def test_the_dead_man_is_called_only_when_a_check_was_made(tick):
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path == "/secret" else 404)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tick.settings["dead_man_url"] = f"http://127.0.0.1:{server.server_port}/secret"
    for status, calls in (("ok", 1), ("blind", 2), (None, 2)):
        tick.ends(status)
        tick.run()
        assert len(asked) == calls
    tick.settings["dead_man_url"] = f"http://127.0.0.1:{server.server_port}/secret-gone"
    tick.ends("ok")
    code, lines = tick.run()
    server.shutdown()
    server.server_close()
    assert (code, lines) == (0, ["the dead-man URL did not answer (HTTPError)"])


def test_the_dead_man_is_asked_by_the_proxy_of_the_shell_that_scheduled_the_check(tick, monkeypatch):
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv("no_proxy", raising=False)
    tick.settings["environment"] = {"http_proxy": f"http://127.0.0.1:{server.server_port}"}
    tick.settings["dead_man_url"] = "http://dead-man.invalid/check"
    assert tick.run() == (0, [])
    server.shutdown()
    server.server_close()
    assert asked == ["http://dead-man.invalid/check"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("OK", []),
        ("", []),
        ('{"ok": true, "error": null}', []),
        ("Got it, thanks!", []),
        ("OK (not found)", ["no yes"]),
        ("OK (rate limited)", ["no yes"]),
        ('{"ok": false, "msg": "Monitor is not active"}', ["no yes"]),
        ("<!doctype html><title>Log in</title>", ["no yes"]),
    ],
)
def test_a_dead_man_that_answers_200_and_means_no_is_told(tick, body, told):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tick.settings["dead_man_url"] = f"http://127.0.0.1:{server.server_port}/secret"
    code, lines = tick.run()
    server.shutdown()
    server.server_close()
    assert (code, len(lines)) == (0, len(told))
    assert all(one in line and "secret" not in line for one, line in zip(told, lines))


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, b"drips"])
def test_whatever_the_dead_man_answers_people_are_told(tick, answer):
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _address = server.accept()
        with client, contextlib.suppress(OSError):
            client.recv(65536)
            if answer != b"drips":
                client.sendall(answer)
                return
            client.sendall(b"HTTP/1.1 200 OK\r\n")
            for _second in range(60):
                client.sendall(b"X: y\r\n")
                time.sleep(0.5)

    threading.Thread(target=serve, daemon=True).start()
    tick.settings["dead_man_url"] = f"http://127.0.0.1:{server.getsockname()[1]}/secret"
    tick.ends("blind")
    began = time.monotonic()
    code, lines = tick.run()
    server.close()
    assert code == 30
    assert time.monotonic() - began < 20
    assert any(line.startswith("the dead-man URL did not answer") for line in lines)
    assert tick.told()["notify_event"] == "open"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_it_starts_ends_with_it(tick, number):
    tick.ends("ok", sleep=60)
    conf = tick.directory / "conf.json"
    conf.write_text(json.dumps(tick.settings))
    run = subprocess.Popen([sys.executable, str(PROGRAM), str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while not tick.calls() and time.monotonic() < end:
        time.sleep(0.05)
    run.send_signal(number)
    assert (run.communicate(timeout=20)[1], run.returncode) == (b"", 40)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tick.directory / "ansible-playbook") not in listed


def test_settings_that_are_not_there_are_told(tmp_path):
    command = [sys.executable, str(PROGRAM), str(tmp_path / "none")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, "prepare_go_live.yml" in run.stdout) == (40, True)


def test_the_rules_fire_after_two_intervals():
    rules = yaml.safe_load((ROOT / "docs/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    defaults = yaml.safe_load((ROOT / "roles/go_live/defaults/main.yml").read_text(encoding="utf-8"))
    minutes = 2 * defaults["go_live_check_minutes"]
    aged = {rule["alert"]: rule for rule in rules if "absent(" in rule["expr"]}
    assert set(aged) == {"KumonAssistantNotMeasured", "KumonRunbookTickMissed"}
    for rule in aged.values():
        assert re.findall(r"> (\d+)", rule["expr"]) == [str(60 * minutes)]
        assert rule["annotations"]["summary"].count(f"{minutes} min") == 2
    told = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    assert f"every {minutes // 2} minutes" in told
    assert f"after {minutes} minutes" in told


def watching(tick, age):
    """The watch of two hosts is wanted, and has seen one of them so many seconds ago."""
    stamps = {name: tick.directory / f"{name}.json" for name in ("kumon-1", "kumon-2")}
    for stamp in stamps.values():
        stamp.write_text("{}")
    os.utime(stamps["kumon-2"], (time.time() - age,) * 2)
    tick.settings["watch"] = {"stamps": {name: str(path) for name, path in stamps.items()}, "limit_seconds": 180}
    # The settings are as old as the watch.
    conf = tick.directory / "conf.json"
    conf.write_text(json.dumps(tick.settings))
    os.utime(conf, (time.time() - 10_000,) * 2)


def run_installed(tick):
    """The check, with settings that were installed long ago."""
    command = [sys.executable, str(PROGRAM), str(tick.directory / "conf.json")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stdout.splitlines()


def test_a_watch_that_has_seen_the_service_is_no_news(tick):
    watching(tick, age=100)
    assert run_installed(tick) == (0, [])
    assert tick.told() == {"notify_event": "tick"}
    assert "kumon_runbook_tick_watched 1.000" in (tick.directory / "tick.prom").read_text()


def test_people_are_paged_once_when_nobody_watches(tick):
    watching(tick, age=400)
    code, lines = run_installed(tick)
    assert (code, lines) == (10, [lines[0]]) and "nobody watches kumon-2" in lines[0]
    facts = tick.told()["notify_facts"]
    assert "nobody watches kumon-2" in facts["headline"] and "kumon-runbook-watch" in facts["next_step"]
    assert "kumon_runbook_tick_watched 0.000" in (tick.directory / "tick.prom").read_text()
    tick.ends("ok")
    assert run_installed(tick)[0] == 10
    assert tick.told() == {"notify_event": "tick"}
    watching(tick, age=0)
    tick.ends("ok")
    assert run_installed(tick) == (0, [])
    watching(tick, age=400)
    tick.ends("ok")
    run_installed(tick)
    assert tick.told()["notify_event"] == "open"


def test_a_stamp_of_the_future_is_no_sign_that_somebody_watches(tick):
    watching(tick, age=-7200)
    code, lines = run_installed(tick)
    assert code == 10 and "nobody watches kumon-2" in lines[0]


def test_settings_of_the_future_hide_no_watch_that_lives(tick):
    watching(tick, age=10)
    os.utime(tick.directory / "conf.json", (time.time() + 7200,) * 2)
    assert run_installed(tick) == (0, [])


def test_what_is_wrong_with_the_service_comes_before_that(tick):
    watching(tick, age=400)
    tick.ends("rollback")
    assert run_installed(tick)[0] == 20
    facts = tick.told()["notify_facts"]
    assert facts["headline"] == "it is rollback" and "nobody watches" in facts["reasons"][0]


def test_a_watch_that_was_just_installed_has_time_to_look(tick):
    watching(tick, age=400)
    os.utime(tick.directory / "conf.json")
    assert run_installed(tick) == (0, [])


def test_it_becomes_the_watch(tick):
    program = tick.settings["commands"]["notify"][0]
    tick.settings["commands"]["watch_go_live"] = [program, "watch_go_live", "-e", "watch_for=1h"]
    conf = tick.directory / "conf.json"
    conf.write_text(json.dumps(tick.settings))
    run = subprocess.run([sys.executable, str(PROGRAM), str(conf), "watch"], timeout=60, check=False)
    assert run.returncode == 0
    assert tick.calls() == [["watch_go_live", "-e", "watch_for=1h"]]


def ago(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def acted(tick, age=600, procedure="rollback_level1", incident=None, ended=True):
    """The journal of a host ends with this act, and the desk has this incident."""
    tick.settings["incident"] = str(tick.directory / "incident.json")
    if incident is not None:
        (tick.directory / "incident.json").write_text(json.dumps(incident))
    last = {"kumon-1": {"time": ago(age), "procedure": procedure, "run_id": "cancelled", "ended": ended}}
    tick.plan_file.write_text(
        json.dumps(
            {
                "health_check": {"result": {"status": "ok", "message": "it is ok", "last_acts": last}},
                "notify": {"result": {"status": "ok"}},
            }
        )
    )


def known(message=3600, closed=None, run_id="other"):
    """What the desk has of an incident."""
    told = [{"time": ago(message), "ok": True}, {"time": ago(0), "ok": False}]
    return {"id": "other", "facts": {"run_id": run_id}, "closed": closed and ago(closed), "messages": told}


# Each is made when its test begins, for it tells how long ago something was.
@pytest.mark.parametrize("incident", [lambda: None, known, lambda: known(closed=3000)])
def test_an_act_that_nobody_was_told_of_opens_its_incident(tick, incident):
    acted(tick, incident=incident())
    tick.run()
    facts = tick.told()["notify_facts"]
    assert tick.told()["notify_event"] == "open"
    assert (facts["procedure"], facts["run_id"], facts["hosts"]) == (
        "rollback_level1",
        "cancelled",
        {"kumon-1": "reported"},
    )
    assert "nobody was told" in facts["headline"]


def test_an_act_whose_run_was_ended_in_the_midst_of_it_is_told_as_that(tick):
    acted(tick, age=700, ended=False)
    tick.run()
    assert "rollback_level1 was begun, and ended half-way, on kumon-1" in tick.told()["notify_facts"]["headline"]


@pytest.mark.parametrize(
    ("more", "incident"),
    [
        # it may be under way
        ({"age": 400, "ended": False}, known),
        ({}, lambda: known(run_id="cancelled")),
        ({}, lambda: known(message=60)),
        ({}, lambda: known(closed=60)),
        # its run may still be telling people
        ({"age": 60}, known),
        ({"age": 100_000}, known),
        ({"procedure": "roll_forward"}, known),
        ({}, lambda: {"not": "an incident"}),
    ],
)
def test_what_people_know_of_or_need_not_is_not_told_again(tick, more, incident):
    acted(tick, incident=incident(), **more)
    tick.run()
    assert tick.told() == {"notify_event": "tick"}
