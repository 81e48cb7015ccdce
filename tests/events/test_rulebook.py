# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped rulebook in a real ansible-rulebook, on the demo's scene: what it starts, when, and how often."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _desk_records
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

from tests.receivers import Hooks
from tests.unit.assistant.support import scene_module, traffic
from tests.unit.records import as_json, outbox_guard

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".cache" / "eda" / "bin"
GUARDS = 10_000
# Only what hangs takes as long.
LIMIT = 600.0
# For so long nothing has to happen to be taken for nothing that comes of it.
QUIET = 3.0


def settings(scene):
    """The environment of a run: the demo's scene, and this checkout as the collection."""
    return {
        **{name: os.environ[name] for name in ("HOME", "LANG", "JAVA_HOME", "USER") if name in os.environ},
        "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
        "ANSIBLE_HOME": str(scene.directory / "home"),
        "RUNBOOK_DEMO_DIR": str(scene.directory),
        "PYTHONUNBUFFERED": "1",
    }


def soon():
    """Seconds from a line to the first task, on a machine of one's own; one that others use as well takes longer."""
    return 5.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Rulebook:
    """The rulebook while it runs; `lines` are what it has printed, each with its time."""

    def __init__(self, scene):
        self.scene, self.lines = scene, []
        given = {
            "runbook_host": "demo",
            "runbook_log_paths": [f"{scene.data['assistant']['log']}*"],
            "runbook_locale": "en",
        }
        variables = scene.directory / "events.yml"
        variables.write_text(yaml.safe_dump(given))
        command = [BIN / "ansible-rulebook", "--rulebook", "kumon.runbook.assistant", "--inventory", scene.inventory]
        self.process = subprocess.Popen(
            [*map(str, command), "--vars", str(variables), "--print-events"],
            cwd=scene.directory, env=settings(scene), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append((time.time(), line.rstrip()))

    def __enter__(self):
        try:
            # It looks at the log when it is up.
            self.seen("'type': 'verdict'")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_details):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def all(self, text, after=0.0):
        return [at for at, line in list(self.lines) if text in line and at >= after]

    def seen(self, text, after=0.0):
        """When it has printed that first."""
        until = time.monotonic() + LIMIT
        while not (found := self.all(text, after)):
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"{text} was not seen:\n" + "\n".join(line for _at, line in self.lines))
            time.sleep(0.05)
        return found[0]

    def runs(self):
        """The runs that were started; each looks, and leaves a record of that on the desk."""
        kept = self.scene.directory / "desk" / "look.jsonl"
        lines = kept.read_text().splitlines() if kept.exists() else []
        return len({json.loads(line)["run_id"] for line in lines})


def write(scene, *messages, age=0.0):
    with open(scene.data["assistant"]["log"], "a", encoding="utf-8") as log:
        log.writelines(as_json(message, time.time() - age) + "\n" for message in messages)


def outbox(scene):
    """The messages that people would have got."""
    return sorted(path.name for path in (scene.directory / "desk" / "dry_run" / "outbox").glob("*.txt"))


def told(programs, path="/events"):
    """What a program was told, and forgets."""
    bodies = [body for where, body, _headers in programs.got if where == path]
    programs.got[:] = [got for got in programs.got if got[0] != path]
    return bodies


def acts(scene):
    """What was done to the service, by its journal."""
    journal = scene.directory / "state" / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    return [(entry["procedure"], entry["act"]) for entry in entries if entry.get("phase") == "outcome"]


@pytest.fixture(scope="module")
def programs():
    """What other programs are told."""
    hooks = Hooks()
    yield hooks
    hooks.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory, programs):
    inventory = yaml.safe_load((ROOT / "inventory" / "demo" / "hosts.yml").read_text())
    inventory["assistant"]["vars"]["runbook_programs"] = [
        {"type": "cloudevents", "url": f"{programs.url}/events"},
        {"type": "pagerduty_change", "routing_key": "R", "url": f"{programs.url}/pagerduty"},
    ]
    with scene_module.Scene(tmp_path_factory.mktemp("events"), log_format="json") as scene:
        scene.inventory = scene.directory / "hosts.yml"
        scene.inventory.write_text(yaml.safe_dump(inventory))
        scene.traffic(rate=5, seconds=1200)
        time.sleep(2)
        yield scene


def test_a_storm_of_guards_is_one_page_and_nothing_else_is_any(scene, programs):
    with Rulebook(scene) as rulebook:
        # What a customer quotes.
        quoted = outbox_guard("c9")
        for number, text in enumerate((quoted, f"oi\n{quoted}", quoted[:50])):
            body = traffic.event(number, text, f"quoted-{number}")
            traffic.post(scene.data["assistant"]["webhook_url"], body)
        # A log of yesterday that is put in again, and one that is rotated.
        write(scene, *(outbox_guard(f"old{n}") for n in range(100)), age=86_400)
        log = Path(scene.data["assistant"]["log"])
        shutil.copy(log, log.with_name("app.log.1"))
        os.truncate(log, 0)
        time.sleep(QUIET)
        assert [rulebook.all(what) for what in ("PLAY [", "'type': 'guard'", "'type': 'call'")] == [[], [], []]

        begun = time.time()
        write(scene, *(outbox_guard(f"c{n}") for n in range(GUARDS)))
        assert rulebook.seen("TASK [", begun) - begun < soon()
        rulebook.seen("PLAY RECAP", begun)
        time.sleep(QUIET)
        assert (rulebook.runs(), len(rulebook.all("'type': 'guard'")), len(rulebook.all("'type': 'call'"))) == (1, 1, 1)
    # Nobody has let automation act: people are told, once, and nothing is done.
    assert [(name.split("-")[-4:-1]) for name in outbox(scene)] == [
        ["business", "1", "first"],
        ["technical", "1", "first"],
    ]
    assert acts(scene) == []
    assert scene.health()["delivery_disabled"] is False
    assert [(event["type"], event["subject"]) for event in told(programs)] == [
        ("kumon.runbook.verdict", "watch_go_live")
    ]


def test_where_automation_may_act_it_does_so_once(scene, programs):
    until = iso(time.time() + 3600)
    override = {"what": "override", "name": "Maria", "reason": "test", "until": until}
    desk = str(scene.directory / "desk")
    _desk_records.add(_desk_records.path_in(desk, "automation"), _desk_records.stamped(override, "maria", None))
    # What stands in the window when it begins is told as well: the guards of the test before.
    with Rulebook(scene) as rulebook:
        rulebook.seen("PLAY RECAP")
    assert acts(scene).count(("emergency_recovery", "decision")) == 1
    assert scene.health()["delivery_disabled"] is True
    assert ("kumon.runbook.act", "emergency_recovery") in [(one["type"], one["subject"]) for one in told(programs)]
    (change,) = told(programs, "/pagerduty")
    assert change["payload"]["custom_details"]["procedure"] == "emergency_recovery"
    # Still the same incident.
    assert len([name for name in outbox(scene) if "technical-1-first" in name]) == 1


def test_a_log_that_is_not_there_is_refused_in_one_sentence(tmp_path):
    source = {"kumon.runbook.assistant_log": {"paths": [str(tmp_path / "nowhere.log")]}}
    rules = [{"name": "none", "condition": True, "action": {"debug": None}}]
    rulebook = [{"name": "x", "hosts": "all", "sources": [source], "rules": rules}]
    (tmp_path / "rulebook.yml").write_text(yaml.safe_dump(rulebook))
    environment = {
        "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
        **{name: os.environ[name] for name in ("HOME", "JAVA_HOME") if name in os.environ},
    }
    run = subprocess.run(
        [str(BIN / "ansible-rulebook"), "--rulebook", "rulebook.yml"],
        cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert run.returncode != 0
    assert "nowhere.log" in run.stderr
