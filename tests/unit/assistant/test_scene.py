# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene: starts everything, ends everything that is its own, and nothing else."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import scene as scene_module

from tests.unit.assistant.support import PROGRAMS, wait_until


@pytest.fixture
def scene(tmp_path):
    one = scene_module.Scene(tmp_path / "scene")
    yield one
    one.down()


def test_up_describes_what_runs_and_down_ends_it(scene, monkeypatch):
    # What a person's shell has set must not reach the scene.
    monkeypatch.setenv("DELIVERY_DISABLE", "true")
    scene.up()
    data = json.loads(scene.file.read_text(encoding="utf-8"))
    assert data == scene.data
    assert scene.health()["delivery_disabled"] is False
    (pid,) = scene.assistant_pids()
    with open(data["assistant"]["pid_file"], encoding="ascii") as pid_file:
        assert int(pid_file.read()) == pid == data["assistant"]["pid"]
    # Detached: nobody's child here, and a session of its own.
    assert scene_module.stat_fields(pid)[1] != str(os.getpid())
    assert os.getsid(pid) != os.getsid(0)
    # By its real, effective and saved id it is the user's who is told, and that is never root.
    ids = re.search(r"^Uid:\t(\d+)\t(\d+)\t(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M).groups()
    assert {pwd.getpwuid(int(one)).pw_name for one in ids} == {data["assistant"]["user"]} != {"root"}
    gateway = data["gateway"]["pid"]
    scene.down()
    assert scene_module.start_ticks(pid) is None
    assert scene_module.start_ticks(gateway) is None
    assert not scene.file.exists()
    scene.down()


def test_down_ends_an_assistant_that_a_runbook_started_and_one_that_hangs(scene, tmp_path, monkeypatch):
    monkeypatch.setattr(scene_module, "STOP_SECONDS", 0.5)
    scene.up()
    (hanging,) = scene.assistant_pids()
    scene.fault(ignore_term=True)
    os.kill(hanging, signal.SIGTERM)
    wait_until(lambda: "Waiting for application shutdown" in Path(scene.data["assistant"]["log"]).read_text())
    neighbour = scene_module.Scene(tmp_path / "neighbour").up()
    try:
        command = ["sh", "-c", '"$@" > /dev/null 2>&1 & echo $!', "sh", *scene.data["assistant"]["command"]]
        run = subprocess.run(command, cwd=PROGRAMS, capture_output=True, text=True, check=True)
        anew = int(run.stdout)
        wait_until(lambda: sorted(scene.assistant_pids()) == sorted([hanging, anew]))
        scene_module.Scene(scene.directory).down()
        assert scene_module.start_ticks(hanging) is None
        assert scene_module.start_ticks(anew) is None
        assert neighbour.health()["status"] == "healthy"
    finally:
        neighbour.down()


def test_a_reused_pid_is_not_signalled():
    with subprocess.Popen(["sleep", "60"]) as bystander:
        ticks = scene_module.start_ticks(bystander.pid)
        scene_module.signal_process(bystander.pid, ticks - 1, signal.SIGKILL)
        with pytest.raises(subprocess.TimeoutExpired):
            bystander.wait(0.2)
        scene_module.signal_process(bystander.pid, ticks, signal.SIGKILL)
        assert bystander.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_program_leaves_no_process(tmp_path, number):
    code = (
        "import scene, sys, time\n"
        "with scene.Scene(sys.argv[1]) as one:\n"
        "    one.traffic(seconds=60)\n"
        "    print(one.data['assistant']['pid'], one.data['gateway']['pid'], one.data['traffic'][0][0], flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "scene")]
    with subprocess.Popen(
        command, cwd=PROGRAMS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert all(scene_module.start_ticks(pid) for pid in pids) and len(pids) == 3
        program.send_signal(number)
        assert program.wait(10) != 0
    assert [pid for pid in pids if scene_module.start_ticks(pid)] == []


def test_a_failed_up_says_why_and_leaves_nothing(tmp_path):
    scene = scene_module.Scene(tmp_path / "scene", env={"LOG_FORMAT": "nonsense"})
    with pytest.raises(scene_module.SceneError, match="assistant ended at its start(.|\n)*KeyError: 'nonsense'"):
        scene.up()
    assert not scene.file.exists()


def command_line(*arguments):
    return subprocess.run(
        [sys.executable, str(PROGRAMS / "scene.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_line(tmp_path):
    directory = tmp_path / "scene"
    up = command_line("up", directory, "--log-format", "json", "--version", "1")
    try:
        assert (up.returncode, up.stderr) == (0, "")
        assert command_line("fault", directory, "health=api_v1_only", "fail=500", "invalid_instance=").returncode == 0
        data = json.loads((directory / "scene.json").read_text(encoding="utf-8"))
        faults = [json.loads(Path(data[part]["control_file"]).read_text()) for part in ("assistant", "gateway")]
        assert (faults[0]["health"], faults[0]["invalid_instance"], faults[1]["fail"]) == ("api_v1_only", "", 500)
        assert command_line("fault", directory, "clear", "fail=503").returncode == 0
        faults = [json.loads(Path(data[part]["control_file"]).read_text()) for part in ("assistant", "gateway")]
        assert (faults[0]["health"], faults[0]["invalid_instance"], faults[1]["fail"]) == ("normal", None, 503)
        assert json.loads(command_line("counters", directory).stdout)["asked"] == 0
        wrong = command_line("fault", directory, "helth=error")
        assert wrong.returncode == 1 and wrong.stderr.startswith("unknown fault 'helth'; known are ")
    finally:
        down = command_line("down", directory)
    assert down.returncode == 0
    assert scene_module.start_ticks(data["assistant"]["pid"]) is None
    nothing = command_line("counters", directory)
    assert nothing.returncode == 2 and "there is no scene in" in nothing.stderr


def test_a_release_of_its_own_has_faults_of_its_own_until_it_is_taken_back(tmp_path):
    with scene_module.Scene(tmp_path / "scene", releases=True) as scene:
        app = tmp_path / "scene" / "app"
        good = scene_module.git(app, "rev-parse", "HEAD")
        bad = scene.release("Release 2", health="missing_field")
        assert scene_module.git(app, "log", "--format=%s").splitlines() == ["Release 2", "Release 1"]
        assert "delivery_disabled" in scene.health()  # not restarted yet
        before = scene.assistant_pids()
        scene.restart_assistant()
        assert "delivery_disabled" not in scene.health()
        assert scene.assistant_pids() != before and len(scene.assistant_pids()) == 1
        scene_module.git(app, "checkout", "-q", good)
        scene.restart_assistant()
        assert "delivery_disabled" in scene.health()
        pids = scene.assistant_pids()
    assert bad != good
    assert not any(scene_module.start_ticks(pid) for pid in pids)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_no_bytecode_changes_the_release(tmp_path, monkeypatch, elsewhere):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    if elsewhere:
        monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "bytecode"))
    else:
        monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    with scene_module.Scene(tmp_path / "scene", releases=True) as scene:
        app = Path(scene.data["assistant"]["app_dir"])
        assert scene_module.git(app, "status", "--porcelain") == ""
    assert bool(list(tmp_path.glob("bytecode/**/fastapi/*.pyc"))) is elsewhere
