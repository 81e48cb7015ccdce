# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release is started as what its code is, and the one before it as what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _entry
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import Systemd
from ansible_collections.kumon.runbook.plugins.plugin_utils import _profiles

from tests.unit.plugins.release_fakes import RealRelease, ensure
from tests.unit.plugins.service_fakes import SERVICE, journal

ENTRIES = _profiles.entries()
WORDS = ["app.main:app", "main:app"]
# The little service of these tests reads the procedures' flag, which would be the surest mark.
OTHERS = {name: one for name, one in ENTRIES.items() if name != "procedures"}
# Runs what a word names, as uvicorn does.
SERVER = """
import runpy, sys
entry = sys.argv[1]
sys.argv = sys.argv[1:]
runpy.run_path(entry.partition(":")[0].replace(".", "/") + ".py", run_name="__main__")
"""


def test_each_shipped_release_has_its_word():
    assert sorted(_entry.words_of(ENTRIES)) == WORDS
    assert ENTRIES["procedures"]["entry"] == ""


@pytest.mark.parametrize(
    ("kind", "files", "entry"),
    [
        ("app_main", {"app/main.py"}, "app.main:app"),
        ("app_main", {"app/main/__init__.py"}, "app.main:app"),
        ("app_main", {"main.py"}, None),
        ("one_turn", {"main.py"}, "main:app"),
        ("procedures", {"main.py"}, None),
        (None, {"main.py"}, None),
    ],
)
def test_a_word_whose_file_the_release_lacks_is_none(kind, files, entry):
    assert _entry.of_release(kind, ENTRIES, files) == entry


# -- a plain process


class Scene:
    def __init__(self, directory: Path):
        self.real = RealRelease(directory)
        self.repository, self.service = self.real.repository, self.real.service
        server = directory / "uvicorn.py"
        server.write_text(SERVER)
        self.commits = {}
        self.repository.git("rm", "-q", "service.py")
        for name, path, marks in (
            ("old", "app/main.py", "ROUTER_V2_SHADOW WORKFLOW_V2_ENABLED"),
            ("new", "main.py", "ONE_TURN"),
        ):
            self.repository.write(path, f"{SERVICE}# {marks}\n")
            self.commits[name] = self.repository.commit(f"release {name}")
        self.service.script = server
        self.service.command[1:2] = [str(server), "main:app"]
        self.service.start()

    def put(self, check_mode=False, **more):
        given = {"commit": self.commits["old"], "entries": OTHERS, **more}
        return ensure(self.real.params(**given), Host(), check_mode)

    def started_as(self):
        return [Proc().argv(pid)[2] for pid in Proc().listeners(self.service.port)]


@pytest.fixture
def scene(tmp_path):
    found = Scene(tmp_path)
    yield found
    found.service.close()


@pytest.mark.parametrize("trial", ["never", "auto"])
def test_the_word_changes_with_the_release_and_back(scene, trial):
    assert "would start it as app.main:app in place of main:app" in scene.put(check_mode=True)["planned"]
    put = scene.put(trial=trial)
    assert (put["trial"]["passed"], scene.started_as()) == (True if trial == "auto" else None, ["app.main:app"])
    assert journal(scene.real.directory)[0]["before"]["entry"] == "main:app"
    assert not scene.put(run_id="run-2")["changed"]
    scene.put(state="undone", run_id="run-3")
    assert (scene.started_as(), scene.repository.head) == (["main:app"], scene.commits["new"])


def test_a_release_that_does_not_come_up_returns_to_the_word_of_before(scene):
    scene.repository.git("checkout", "--quiet", "--detach", scene.commits["old"])
    scene.repository.write("app/main.py", "raise SystemExit(1)  # ROUTER_V2_SHADOW WORKFLOW_V2_ENABLED\n")
    broken = scene.repository.commit("release broken")
    scene.repository.git("checkout", "--quiet", "main")
    with pytest.raises(Failed, match="which is up"):
        scene.put(commit=broken)
    assert scene.started_as() == ["main:app"]


def test_a_command_without_such_a_word_stays_as_it_is(scene):
    entries = {**OTHERS, "one_turn": {"marks": ["ONE_TURN"], "entry": "other:app"}}
    with pytest.raises(Failed):
        scene.put(entries=entries)
    assert scene.started_as() == ["main:app"]


# -- a unit

UNIT = """# /etc/systemd/system/kumon-assistant.service
[Service]
User=kumon
ExecStart=/usr/bin/old
# /etc/systemd/system/kumon-assistant.service.d/10-environment.conf
[Service]
ExecStart=
# what people write
ExecStart=-/opt/app/.venv/bin/uvicorn "main:app" \\
  --host 127.0.0.1 --port ${PORT} --log-config /srv/main:app.json
"""


class Unit:
    """A unit whose files systemctl shows."""

    def __init__(self, directory: Path, shown: str = UNIT):
        self.directory, self.shown, self.reloads = directory, shown, 0
        self.systemd = Systemd("kumon-assistant", "/etc/x.env", Host(run=self.run, systemd_units=str(directory)))
        self.file = directory / "kumon-assistant.service.d" / "zz-runbook-start.conf"

    def run(self, argv, timeout=20, stdin=None):
        if argv[:2] == ["systemctl", "daemon-reload"]:
            self.reloads += 1
            return Finished(0, "", "")
        assert argv == ["systemctl", "cat", "--no-pager", "--", "kumon-assistant.service"]
        own = f"# {self.file}\n{self.file.read_text()}" if self.file.exists() else ""
        return Finished(0, self.shown + own, "")


def test_a_unit_is_started_as_another_word_by_a_file_beside_it(tmp_path):
    unit = Unit(tmp_path)
    assert unit.systemd.started_as(WORDS) == "main:app"
    unit.systemd.start_as(WORDS, "app.main:app")
    assert unit.file.read_text() == (
        '[Service]\nExecStart=\nExecStart=-/opt/app/.venv/bin/uvicorn "app.main:app"    '
        "--host 127.0.0.1 --port ${PORT} --log-config /srv/main:app.json\n"
    )
    assert (unit.systemd.started_as(WORDS), unit.reloads) == ("app.main:app", 1)
    unit.systemd.start_as(WORDS, "main:app")
    assert (unit.file.exists(), unit.systemd.started_as(WORDS), unit.reloads) == (False, "main:app", 2)
    unit.systemd.start_as(WORDS, "main:app")
    assert unit.reloads == 2


def test_a_unit_of_several_commands_is_left_alone(tmp_path):
    unit = Unit(tmp_path, UNIT + "ExecStart=/bin/second\n")
    assert unit.systemd.started_as(WORDS) is None
    with pytest.raises(Stopped, match="no single command"):
        unit.systemd.start_as(WORDS, "app.main:app")
    assert not unit.file.exists()
