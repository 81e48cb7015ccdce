# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A procedure inside another program, by ansible-runner: what docs/runner.md says, on the demo's scene."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import ansible_runner
import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _journal

from tests.unit.assistant.support import scene_module

ROOT = Path(__file__).resolve().parents[2]
RUNNER = str(Path(sys.executable).with_name("ansible-runner"))
LIMIT = 180


def settings(directory):
    """What a run has in its environment: the demo's scene, and this checkout as the collection."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "RUNBOOK_DEMO_DIR": str(directory),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
    }


def documented():
    """The functions that the page shows, as whoever copies them has them."""
    code = re.findall(r"(?ms)^```python\n(.*?)^```$", (ROOT / "docs" / "runner.md").read_text(encoding="utf-8"))
    names = {}
    exec(compile(code[0], "docs/runner.md", "exec"), names)
    return names


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with scene_module.Scene(tmp_path_factory.mktemp("runner")) as scene:
        scene.traffic(rate=20, seconds=600)
        yield scene


@pytest.fixture
def job(scene, tmp_path):
    """A private data directory as AWX lays it out, for a thin project."""
    directory = tmp_path / "job-42"
    (directory / "inventory").mkdir(parents=True)
    shutil.copy(ROOT / "inventory" / "demo" / "hosts.yml", directory / "inventory" / "hosts.yml")
    (directory / "project").mkdir()
    for name in ("health_check", "rollback_level1"):
        text = f"---\n- name: Procedure\n  ansible.builtin.import_playbook: kumon.runbook.{name}\n"
        (directory / "project" / f"{name}.yml").write_text(text)
    (directory / "env").mkdir()
    (directory / "env" / "envvars").write_text(json.dumps(settings(scene.directory)))
    (directory / "env" / "extravars").write_text(json.dumps({"runbook_contacts": {}, "runbook_locale": "en"}))
    return directory


def results(directory):
    """The `runbook_result` of each run whose events lie there."""
    found = []
    for path in sorted(directory.glob("artifacts/*/job_events/*-*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        if event["event"] == "playbook_on_stats":
            found.append(event["event_data"]["artifact_data"]["runbook_result"])
    return found


def test_the_call_of_the_page_rolls_back_and_tells_the_result(scene, monkeypatch):
    for name, value in settings(scene.directory).items():
        monkeypatch.setenv(name, value)
    result = documented()["start"]("rollback_level1", ROOT / "inventory" / "demo" / "hosts.yml", runbook_contacts={})
    assert (result["procedure"], result["status"], result["level"]) == ("rollback_level1", "proven", 1)
    assert scene.health()["delivery_disabled"] is True


def test_a_run_without_a_result_is_told_as_none(scene, monkeypatch, tmp_path):
    for name, value in settings(scene.directory).items():
        monkeypatch.setenv(name, value)
    assert documented()["start"]("no_such_procedure", ROOT / "inventory" / "demo" / "hosts.yml") is None


def runner(*arguments, **streams):
    """Run the program; its exit."""
    streams.setdefault("stdout", subprocess.DEVNULL)
    return subprocess.run([RUNNER, *map(str, arguments)], check=False, timeout=LIMIT, **streams).returncode


def test_a_job_as_awx_lays_it_out_has_its_result_in_the_events(job):
    code = runner("run", job, "-p", "health_check.yml", "--ident", "42")
    (result,) = results(job)
    # Whether the kill-switch of the test before is on or not.
    assert result["procedure"] == "health_check"
    assert (code == 0) == (result["status"] == "ok")


def test_a_thin_project_works_with_the_collection_in_the_execution_environment(scene, job, tmp_path):
    """Installed from the tarball, and nothing of this checkout: as an image of execution-environment.yml has it."""
    galaxy = [str(Path(sys.executable).with_name("ansible-galaxy")), "collection"]
    installed = tmp_path / "collections"
    where = {**settings(scene.directory), "HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(installed)}
    options = {"env": where, "capture_output": True, "timeout": LIMIT}
    subprocess.run([*galaxy, "build", "--output-path", tmp_path, ROOT], check=True, **options)
    (tarball,) = tmp_path.glob("kumon-runbook-*.tar.gz")
    subprocess.run([*galaxy, "install", "--offline", "-p", installed, tarball], check=True, **options)
    (tmp_path / "ansible.cfg").write_text((ROOT / "ansible.cfg").read_text())
    (job / "env" / "envvars").write_text(json.dumps({**where, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")}))
    code = runner("run", job, "-p", "health_check.yml", "--ident", "41")
    (result,) = results(job)
    assert result["procedure"] == "health_check" and (code == 0) == (result["status"] == "ok")
    assert result["verdict"], "it has measured"
    events = [json.loads(path.read_text()) for path in job.glob("artifacts/41/job_events/*-*.json")]
    begun = [one["event_data"]["task_path"] for one in events if one["event"] == "playbook_on_task_start"]
    assert begun and all(path.startswith(f"{installed}/ansible_collections/kumon/runbook/") for path in begun)


def test_a_left_over_command_line_makes_a_rollback_a_dry_run(job):
    (job / "env" / "cmdline").write_text("--check")
    code = runner("run", job, "-p", "rollback_level1.yml", "--ident", "43")
    (result,) = results(job)
    assert (result["status"], code) == ("planned", 0)


def test_the_exit_of_process_lies_and_the_result_does_not(job, tmp_path):
    # A demo whose scene is not up is refused.
    (job / "env" / "envvars").write_text(json.dumps(settings(tmp_path)))
    transmitted, worked = tmp_path / "transmitted", tmp_path / "worked"
    with transmitted.open("wb") as out:
        assert runner("transmit", job, "-p", "health_check.yml", stdout=out) == 0
    with transmitted.open("rb") as given, worked.open("wb") as out:
        runner("worker", "--private-data-dir", tmp_path / "worker", stdin=given, stdout=out)
    with worked.open("rb") as given:
        processed = runner("process", tmp_path / "result", "--ident", "42", stdin=given)
    (result,) = results(tmp_path / "result")
    assert result["status"] == "refused"
    code = (tmp_path / "result" / "artifacts" / "42" / "rc").read_text()
    assert (processed, int(code)) == (0, 2)


def cancelled(job, number, task):
    """Begin a job of level 1, and cancel it as AWX does when this task begins; whether it was."""
    begun = threading.Event()

    def watch(event):
        if event["event"] == "playbook_on_task_start" and task in event["event_data"]["task"]:
            begun.set()

    run = ansible_runner.run(
        private_data_dir=str(job),
        playbook="rollback_level1.yml",
        ident=str(number),
        settings={"pexpect_timeout": 0.05},
        event_handler=watch,
        cancel_callback=begun.is_set,
        quiet=True,
    )
    return run.status == "canceled"


def test_a_job_that_is_cancelled_after_its_act_is_known_by_its_journal_and_finished_by_the_next(job, tmp_path):
    with scene_module.Scene(tmp_path / "scene") as scene:
        scene.traffic(rate=10, seconds=600)
        (job / "env" / "envvars").write_text(json.dumps(settings(scene.directory)))

        def given(number):
            # Short, because the next run waits out the lease of the one that was cancelled.
            more = {"runbook_contacts": {}, "awx_job_id": number, "__assistant_lease_seconds": 2}
            (job / "env" / "extravars").write_text(json.dumps(more))

        def last_act():
            """By which the scheduled check knows of an act that nobody was told of."""
            return _journal.last_act(str(scene.directory / "state" / "journal.jsonl"))

        given(60)
        assert cancelled(job, 60, "Perform | Judge it")
        assert results(job) == [], "who has no result tells nobody"
        last = last_act()
        assert (last["run_id"], last["procedure"], last["ended"]) == ("awx-60", "rollback_level1", True)
        given(61)
        assert runner("run", job, "-p", "rollback_level1.yml", "--ident", "61") == 0
        (result,) = results(job)
        assert (result["status"], scene.health()["delivery_disabled"]) == ("proven", True)
