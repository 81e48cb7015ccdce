# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release is tried where nothing leaves and nothing stays, and one that would not do is refused before a change."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _release_info, _room, _trial
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import WorkTree

from tests.unit.plugins.release_fakes import CRASH, Killed, RealRelease, ensure
from tests.unit.plugins.service_fakes import journal, tree

# An assistant as small as can be: health, webhook, one planner trace, one send. What it does by heart stands in FAULT.
ASSISTANT = """
import http.server, json, os, socket, sys, urllib.request
FAULT = {fault!r}
print("starting", flush=True)
def reach(port, kind=socket.SOCK_STREAM):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False
if "database" in FAULT and not reach({database}):
    sys.exit("no database")
if "socket" in FAULT:
    socket.socket(socket.AF_UNIX).connect("data/database.sock")
class Assistant(http.server.BaseHTTPRequestHandler):
    def log_message(self, *about):
        pass
    def say(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say(200, {{"status": "healthy"}})
    def do_POST(self):
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        open("data/conversations.db", "a").write("row")
        open("/tmp/" + os.path.basename(os.getcwd()) + "-was-here", "w").write("x")
        if "mute" in FAULT:
            return self.say(200, {{"status": "accepted"}})
        if "needs" in FAULT and not reach({database}):
            print("ERROR:app:no database", flush=True)
            return self.say(200, {{"status": "accepted"}})
        phone = data["data"]["key"]["remoteJid"].partition("@")[0]
        trace = f"OUTBOX_TRACE|phase=planner|conv=conv_{{phone}}|idem=i1|state_id=1|outbox_id=2|count=1"
        print("INFO:app.core.observability.structured_logging:" + trace, flush=True)
        for _n in range(FAULT.get("sends", 1)):
            request = urllib.request.Request("http://127.0.0.1:{gateway}/message/sendText/x", b"{{}}", method="POST")
            urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(request, timeout=2).read()
        self.say(200, {{"status": "accepted"}})
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Assistant).serve_forever()
"""


class Scene:
    """The first release runs and plans; the others are candidates. A gateway and a database that count who comes."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.real = RealRelease(directory)
        self.gateway, self.database = Counted(), Counted()
        self.repository = self.real.repository
        self.commits = {
            name: self.release(name, fault)
            for name, fault in (
                ("mute", {"mute": True}),
                ("eager", {"sends": 8}),
                ("unable", {"database": True, "needs": True}),
                ("sound", {}),
                ("present", {}),
            )
        }
        self.repository.write("service.py", CRASH)
        self.commits["broken"] = self.repository.commit("release broken again")
        self.repository.git("checkout", "--quiet", "-B", "stable", self.commits["present"])
        # Its own, where it is another user's than the work tree.
        data = self.repository.directory / "data"
        data.mkdir()
        data.chmod(0o777)
        self.real.service.start()

    def release(self, name, fault):
        code = ASSISTANT.format(fault=fault, database=self.database.port, gateway=self.gateway.port)
        self.repository.write("service.py", code + f"# {name}\n")
        return self.repository.commit(f"release {name}")

    def put(self, name, check_mode=False, **more):
        base = self.real.service.url.rpartition("/")[0]
        given = {
            "commit": self.commits[name],
            "trial": "auto",
            "webhook_url": f"{base}/api/v1/evolution/webhook",
            "gateway_url": f"http://127.0.0.1:{self.gateway.port}",
            "log_paths": [str(self.real.service.log)],
            **more,
        }
        return ensure(self.real.params(**given), Host(), check_mode)

    def close(self):
        self.real.service.close()
        self.gateway.close()
        self.database.close()


class Counted:
    """A listener that closes each connection, and counts them."""

    def __init__(self):
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _peer = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self):
        self.socket.close()


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.setattr(_trial, "PLAN_WAIT", 2.0)
    found = Scene(tmp_path)
    yield found
    found.close()


def whole(scene):
    """All of the work tree, and what the trial could leave beside it."""
    return tree(scene.directory), os.path.exists(_room.place_of(str(scene.repository.directory)))


def without_journal(found):
    files, room = found
    return {path: content for path, content in files.items() if "/state/" not in path}, room


def test_a_release_that_does_its_work_is_tried_and_taken(scene):
    result = scene.put("sound")
    assert result["trial"] == {"tried": True, "passed": True, "why": {}, "planned": 1, "sends": 1}
    assert (result["after"]["commit"], result["returned"]) == (scene.commits["sound"], False)
    assert result["phases"]["trial"] > 0
    assert scene.gateway.connections == 0, "nothing leaves the room"
    assert scene.real.service.log.read_text().count("PLANNER_TRACE") == 0
    assert not (scene.repository.directory / "data" / "conversations.db").exists()
    assert not Path("/tmp/app-was-here").exists()
    assert not whole(scene)[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mute", "it started, answered, and planned nothing"),
        ("broken", "its process ended at start with code 1 (last log lines: RuntimeError: no database"),
    ],
)
def test_one_that_would_not_do_is_refused_before_a_change(scene, name, says):
    before, pid = without_journal(whole(scene)), scene.real.service.child.pid
    with pytest.raises(Refused) as caught:
        scene.put(name)
    message = str(caught.value)
    assert says in message
    assert "hunter2secret" not in message
    assert "Nothing was changed; the next candidate is " in message
    assert "-e rollback_trial=never" in message
    assert without_journal(whole(scene)) == before
    assert scene.real.service.child.poll() is None
    assert Proc().listeners(scene.real.service.port) == [pid]
    assert scene.gateway.connections == 0
    assert [(entry["phase"], entry["ok"]) for entry in journal(scene.directory)] == [
        ("begin", None),
        ("outcome", False),
    ]
    # The next one that is named is none that was refused.
    short = scene.repository.git("rev-parse", "--short", scene.commits[name])
    assert f"rollback_commit={short}" not in message


def test_what_was_seen_of_a_release_is_known_to_whoever_chooses(scene):
    with pytest.raises(Refused):
        scene.put("mute")
    scene.put("sound", run_id="run-2")
    good = {"good": [{"commit": scene.commits["eager"], "proven": "2026-11-20T10:00:30Z"}], "candidate": None}
    (scene.directory / "state" / "releases.json").write_text(json.dumps(good))
    with pytest.raises(Refused) as caught:
        scene.put("broken", run_id="run-3")
    short = scene.repository.git("rev-parse", "--short", scene.commits["eager"])
    assert f"the next candidate is {short} (release eager), -e rollback_commit={short};" in str(caught.value)
    scene.repository.git("checkout", "--quiet", "stable")
    known = {
        entry["subject"]: [(one["code"], *one["fields"].values())[:2] for one in entry["known"]]
        for entry in _release_info.inspect(dict(scene.real.params(), commit=None), Host())["commits"]
    }
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert known["release present"] == [("known_in_place",)]
    assert [(code, at[:10]) for code, at in known["release mute"]] == [("known_failed", today)]
    assert known["release eager"] == [("known_good", "2026-11-20 10:00")]
    assert known["release sound"] == []


def test_what_lacks_its_database_there_is_measured_by_the_one_in_place(scene):
    """It ends without its database; the one in place does not, so that this is the release's own fault."""
    with pytest.raises(
        Refused, match="its process ended at start with code 1 \\(last log lines: starting / no database"
    ):
        scene.put("unable")
    assert scene.database.connections == 0


def test_where_the_one_in_place_needs_the_same_the_trial_says_nothing(scene):
    scene.repository.git("checkout", "--quiet", "-B", "other", scene.commits["unable"])
    scene.real.service.close()
    scene.real.service.start()
    other = scene.release("unable as well", {"database": True})
    scene.commits["other"] = other
    scene.repository.git("checkout", "--quiet", "other~1")
    result = scene.put("other")
    assert (result["trial"]["passed"], result["trial"]["why"]["code"]) == (None, "trial_unclear")
    assert result["after"]["commit"] == other
    assert any("that proves nothing" in text for text in result["warnings"])


def test_what_has_its_database_at_a_socket_is_measured_by_the_one_in_place(scene):
    """That of the host is not in the room, and to ask for it is no attempt to reach another host."""
    with socket.socket(socket.AF_UNIX) as database:
        path = scene.repository.directory / "data" / "database.sock"
        database.bind(str(path))
        path.chmod(0o777)
        database.listen()
        scene.commits["local"] = scene.release("local", {"socket": True})
        scene.repository.git("checkout", "--quiet", scene.commits["present"])
        # The one in place needs none: this is the release's own fault.
        with pytest.raises(Refused, match="its process ended at start with code 1"):
            scene.put("local")
        scene.real.service.close()
        scene.repository.git("checkout", "--quiet", "-B", "other", scene.commits["local"])
        scene.real.service.start()
        scene.commits["other"] = scene.release("local as well", {"socket": True})
        scene.repository.git("checkout", "--quiet", "other~1")
        result = scene.put("other", run_id="run-2")
        assert (result["trial"]["passed"], result["trial"]["why"]["code"]) == (None, "trial_unclear")
        assert result["after"]["commit"] == scene.commits["other"]


def test_one_that_sends_many_times_for_one_message_is_told(scene):
    result = scene.put("eager")
    assert result["trial"]["sends"] == 8
    assert any("asked the gateway 8 times for one message" in text for text in result["warnings"])


def test_check_mode_tries_nothing_and_says_so(scene):
    before = whole(scene)
    result = scene.put("mute", check_mode=True)
    assert f"would try {scene.commits['mute'][:12]} apart from" in "\n".join(result["planned"])
    assert whole(scene) == before


def test_never_is_never(scene):
    result = scene.put("mute", trial="never")
    assert (result["trial"]["tried"], result["trial"]["why"]["code"]) == (False, "trial_not_wanted")
    assert result["after"]["commit"] == scene.commits["mute"]


def test_without_a_webhook_it_has_to_start_and_answer(scene):
    assert scene.put("mute", webhook_url=None)["trial"]["why"]["code"] == "trial_unasked"
    with pytest.raises(Refused, match="ended at start"):
        scene.put("broken", webhook_url=None, run_id="run-2")


def test_a_health_url_of_a_proxy_is_asked_of_the_service_itself(scene):
    with Served(scene.real.service.port) as port:
        result = scene.put("sound", health_urls=[f"http://127.0.0.1:{port}/health"])
    assert result["trial"]["passed"]


class Served:
    """A proxy before the service."""

    def __init__(self, port):
        code = (
            "import http.server, sys, urllib.request\n"
            "class P(http.server.BaseHTTPRequestHandler):\n"
            "    def log_message(self, *about): pass\n"
            "    def do_GET(self):\n"
            f"        body = urllib.request.urlopen('http://127.0.0.1:{port}' + self.path).read()\n"
            "        self.send_response(200)\n"
            "        self.send_header('Content-Type', 'application/json')\n"
            "        self.end_headers()\n"
            "        self.wfile.write(body)\n"
            "server = http.server.HTTPServer(('127.0.0.1', 0), P)\n"
            "print(server.server_port, flush=True)\n"
            "server.serve_forever()\n"
        )
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return int(self.process.stdout.readline())

    def __exit__(self, *_about):
        self.process.kill()
        self.process.wait()


def test_an_undo_and_what_was_begun_are_not_tried(scene):
    scene.put("sound")
    undone = scene.put("sound", state="undone", run_id="run-2")
    assert undone["trial"]["why"]["code"] == "trial_of_an_undo"
    assert undone["after"]["commit"] == scene.commits["present"]


def test_a_run_that_was_killed_while_it_tried_tries_again(scene, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_trial, "within", killed)
        with pytest.raises(Killed):
            scene.put("mute")
    with pytest.raises(Refused, match="planned nothing"):
        scene.put("mute", run_id="run-2")
    with monkeypatch.context() as patch:
        patch.setattr(WorkTree, "write", killed)
        with pytest.raises(Killed):
            scene.put("sound", run_id="run-3")
    result = scene.put("sound", run_id="run-4")
    assert result["trial"]["why"]["code"] == "trial_resumed", "what is half in place has to be finished"
    assert result["after"]["commit"] == scene.commits["sound"]


def killed(*_given):
    raise Killed


# -- the room


def inside(work, seconds=20.0, needed=()):
    return _room.within(work, _room.place_of(f"test {os.getpid()}"), list(needed), seconds)


def test_files_processes_and_sockets_of_the_host_stay_out(tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("as it was")
    kept.chmod(0o640)
    (tmp_path / "gone").mkdir()
    path = str(tmp_path / "listens.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.create_server(("127.0.0.1", 0)) as server:
        listener.bind(path)
        listener.listen()

        def work(room):
            seen = {"there": kept.read_text(), "pids": Proc().pids(), "reached": []}
            kept.write_text("changed")
            (tmp_path / "gone").rmdir()
            (tmp_path / "new").write_text("new")
            for family, address in ((socket.AF_UNIX, path), (socket.AF_INET, server.getsockname())):
                with socket.socket(family) as client:
                    seen["reached"].append(client.connect_ex(address))
            return seen

        seen = inside(work, needed=[str(tmp_path)])
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert seen["there"] == "as it was"
    assert len(seen["pids"]) == 1
    assert all(seen["reached"])
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == ("as it was", 0o640)
    assert (tmp_path / "gone").is_dir()
    assert not (tmp_path / "new").exists()


def test_the_name_of_a_socket_takes_no_file_out_of_the_room(tmp_path, monkeypatch):
    """It may have a line's end in it, and what looks as the next socket after that."""
    kept = tmp_path / "kept.txt"
    kept.touch()
    forged = f"x\n0: 0 0 0 0 0 0 {kept}"
    (tmp_path / forged).parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(forged)
        assert str(kept) in _room._sockets()
        assert inside(lambda room: kept.exists(), needed=[str(tmp_path)])


def test_a_large_log_is_not_copied(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("old\n" * 1000)
    log.chmod(0o640)

    def work(room):
        room.empty(str(log))
        return [log.read_text(), stat.S_IMODE(log.stat().st_mode)]

    assert inside(work, needed=[str(tmp_path)]) == ["", 0o640]
    assert log.read_text() == "old\n" * 1000


def test_what_is_started_there_has_no_rights(tmp_path):
    def work(room):
        room.give_up_rights()
        shown = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
        left = subprocess.run(["mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True, check=False)
        return [line.split()[1] for line in shown.splitlines() if line.startswith(("CapEff", "CapBnd"))] + [
            left.returncode
        ]

    assert inside(work) == ["0" * 16, "0" * 16, pytest.approx(32, abs=31)]


def alive(mark):
    return [pid for pid in Proc().pids() if mark in Proc().argv(pid)]


def test_its_time_is_over_for_all_that_runs_there():
    mark = f"{os.getpid()}-late"

    def work(room):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", mark])
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(_room.NoRoom) as caught:
        inside(work, seconds=1.0)
    assert caught.value.why["code"] == "room_ended"
    assert time.monotonic() - began < 15
    assert alive(mark) == []


def test_a_killed_run_leaves_nothing():
    mark, place = f"{os.getpid()}-killed", _room.place_of(f"killed {os.getpid()}")
    script = (
        "import subprocess, sys, time\n"
        "from ansible_collections.kumon.runbook.plugins.module_utils import _room\n"
        "def work(room):\n"
        f"    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}])\n"
        "    time.sleep(60)\n"
        f"_room.within(work, {place!r}, [], 60)\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen([sys.executable, "-c", script], env=environ)
    until(lambda: alive(mark))
    run.kill()
    run.wait()
    until(lambda: not alive(mark))
    assert _room.within(lambda room: "again", place, [], 20) == "again"
    assert not os.path.exists(place)


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_a_network_of_its_own_nothing_is_done(monkeypatch):
    """What comes next would change the host's."""
    monkeypatch.setattr(_room, "APART", _room.APART & ~0x40000000)
    monkeypatch.setattr(_room, "_furnish", forbidden)
    monkeypatch.setattr(_room, "_connect", forbidden)
    with pytest.raises(_room.NoRoom) as caught:
        inside(lambda room: "done")
    assert caught.value.why["fields"]["reason"] == "it is not apart"


def forbidden(*_given):
    raise AssertionError


def test_a_place_that_is_needed_and_not_to_be_had_is_said():
    with pytest.raises(_room.NoRoom) as caught:
        inside(lambda room: 1 / 0)
    assert "ZeroDivisionError" in caught.value.why["fields"]["reason"]
