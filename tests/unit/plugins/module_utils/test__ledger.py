# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release becomes known-good by being observed healthy long enough in one process, and by nothing else."""

from __future__ import annotations

import errno
import json
import os
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _files, _ledger
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words as tell

from tests.unit.plugins.service_fakes import journal, module_params, tree


class Clock:
    def __init__(self):
        self.now = 1000.0
        self.boot = "boot-1"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def observe(tmp_path, repository, unit, clock):
    def observe(healthy=True, check_mode=False, **more):
        given = {"app_dir": str(repository.directory), "healthy": healthy, "seconds": 900.0, "proven_seconds": None}
        params = module_params(tmp_path, **{**given, "procedure": "health_check", **more})
        clocks = {"clock": lambda: clock.now, "boot": lambda: clock.boot}
        return _ledger.observe(params, unit.host(), check_mode, **clocks)

    return observe


def good(tmp_path):
    return [entry["subject"] for entry in _ledger.read(str(tmp_path / "state"))["good"]]


def test_healthy_for_long_enough_is_good(observe, clock, tmp_path, repository):
    first = observe()
    assert (first["changed"], first["marked"], first["good"]) == (True, False, False)
    assert tell(first["reason"], "en") == "it has to stay healthy for another 900 s"
    clock.now += 899
    assert not observe()["marked"]
    clock.now += 1
    result = observe()
    assert (result["marked"], result["good"], result["reason"]) == (True, True, {})
    (entry,) = result["ledger"]["good"]
    assert {name: entry[name] for name in ("commit", "subject", "seconds", "by", "run_id")} == {
        "commit": repository.head,
        "subject": "release broken",
        "seconds": 900.0,
        "by": "ana",
        "run_id": "run-1",
    }
    assert result["ledger"]["candidate"] is None
    assert [(entry["act"], entry["phase"], entry["ok"]) for entry in journal(tmp_path)] == [
        ("release_ledger", "begin", None),
        ("release_ledger", "outcome", True),
    ]
    before = tree(tmp_path)
    again = observe()
    assert (again["changed"], again["good"], again["marked"]) == (False, True, False)
    assert tree(tmp_path) == before


def test_a_deployment_alone_is_never_good(observe, clock, repository, unit, tmp_path):
    observe()
    clock.now += 5000
    time.sleep(0.05)
    repository.commit("release new")
    result = observe()
    assert (
        tell(result["reason"], "en")
        == "the service was started before this commit was put in place or its code was written"
    )
    assert (good(tmp_path), result["ledger"]["candidate"]) == ([], None)


@pytest.mark.parametrize("event", ["unhealthy", "restart", "boot", "commit", "backwards"])
def test_the_time_begins_again(observe, clock, repository, unit, tmp_path, event):
    observe()
    clock.now += 800
    if event == "unhealthy":
        assert observe(healthy=False)["ledger"]["candidate"] is None
    elif event == "restart":
        unit.proc.remove(unit.pid)
        unit.spawn()
    elif event == "boot":
        clock.boot = "boot-2"
    elif event == "commit":
        repository.commit("release new")
        unit.proc.remove(unit.pid)
        time.sleep(0.03)
        unit.spawn()
    clock.now += 800 if event != "backwards" else -1600
    assert not observe()["marked"]
    assert good(tmp_path) == []


def test_an_unhealthy_observation_takes_nothing_from_what_is_good(observe, clock, tmp_path):
    observe()
    clock.now += 900
    observe()
    observe(healthy=False)
    assert good(tmp_path) == ["release broken"]


def test_a_proven_window_counts_as_far_as_the_process_has_lived_through_it(observe, unit, tmp_path):
    assert not observe(proven_seconds=1000.0)["marked"], "the process is younger than that"
    unit.births[unit.proc.stat(unit.pid).start] = time.time() - 950
    # Which is before the commit was put in place.
    assert not observe(proven_seconds=1000.0)["marked"]
    for name in (".git/HEAD", ".git/logs/HEAD", ".git/refs/heads/main", "service.py"):
        os.utime(tmp_path / "app" / name, (1, 1))
    assert observe(proven_seconds=1000.0)["marked"]


def test_code_that_was_put_back_is_not_what_runs(observe, clock, unit, repository):
    code = repository.read("service.py")
    repository.write("service.py", code + "# hot\n")
    unit.proc.remove(unit.pid)
    unit.spawn()
    time.sleep(0.05)
    repository.git("checkout", "--", "service.py")
    assert observe()["reason"]["code"] == "started_before"
    clock.now += 900
    assert not observe()["marked"]


def test_a_file_with_a_time_that_is_yet_to_come_says_nothing(observe, repository):
    os.utime(repository.directory / "service.py", (time.time() + 9000,) * 2)
    assert observe()["reason"]["code"] == "needs_longer"


def test_local_changes_prove_nothing(observe, clock, repository):
    observe()
    clock.now += 900
    repository.write("service.py", "changed")
    result = observe()
    assert (result["marked"], tell(result["reason"], "en")) == (
        False,
        "the work tree has local changes, so what runs is not this commit",
    )


def test_a_service_that_does_not_run_proves_nothing(observe, unit):
    unit.proc.remove(unit.pid)
    assert tell(observe()["reason"], "en") == "the service does not run"


def test_one_that_is_proven_again_is_the_newest(observe, clock, repository, unit, tmp_path):
    for name in ("first", "second", "first"):
        repository.git("checkout", "--quiet", repository.commits[name])
        unit.proc.remove(unit.pid)
        time.sleep(0.03)
        unit.spawn()
        observe()
        clock.now += 900
        assert observe()["marked"]
    assert good(tmp_path) == ["release second", "release first"]


def test_assistants_that_share_a_directory_have_their_own_releases_and_candidates(observe, clock, tmp_path):
    observe()
    clock.now += 450
    # The other one, of the same code: its time begins now, and takes none from the first.
    assert observe(service="other-assistant")["reason"]["fields"]["seconds"] == 900
    clock.now += 450
    assert observe()["marked"]
    state = str(tmp_path / "state")
    assert [_ledger.read(state, name)["good"] == [] for name in ("kumon-assistant", "other-assistant")] == [False, True]
    candidates = [_ledger.read(state, name)["candidate"] for name in ("kumon-assistant", "other-assistant.service")]
    assert [one and one["service"] for one in candidates] == [None, "other-assistant"]


def test_a_ledger_of_before_counts_for_all(observe, tmp_path, repository):
    (tmp_path / "state").mkdir()
    entry = {"commit": repository.head, "subject": "release broken"}
    (tmp_path / "state" / "releases.json").write_text(json.dumps({"good": [entry], "candidate": None}))
    assert observe()["reason"]["code"] == observe(service="other-assistant")["reason"]["code"] == "newest_good"


def test_check_mode_touches_nothing(observe, clock, tmp_path):
    before = tree(tmp_path)
    result = observe(check_mode=True)
    assert result["changed"]
    assert json.loads(result["diff"]["after"])["candidate"]["pid"]
    assert tree(tmp_path) == before


def test_a_full_disk_changes_nothing(observe, tmp_path, monkeypatch):
    def full(*args, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files, "replace", full)
    with pytest.raises(Refused, match="nothing was changed: free space there"):
        observe()
    assert not (tmp_path / "state" / "releases.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"good": [{}], "candidate": null}', '{"good": [], "candidate": {}}'])
def test_a_damaged_ledger_is_not_written_over(observe, tmp_path, content):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "releases.json").write_text(content)
    with pytest.raises(Refused, match="is damaged: move it away"):
        observe()
    assert (tmp_path / "state" / "releases.json").read_text() == content


def test_not_while_a_release_is_being_put_in_place(observe, repository, tmp_path):
    other = _ledger.locked(str(tmp_path / "state"), str(repository.directory), Host())
    with other, pytest.raises(Refused, match="is under way"):
        observe()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0}, "seconds must be above 0 and at most 86400, not 0"),
        ({"proven_seconds": -1}, "proven_seconds must not be below 0, not -1"),
        ({"app_dir": "/none"}, "/none does not exist on this host: correct runbook_app_dir"),
    ],
)
def test_input(observe, options, message):
    with pytest.raises(Refused) as caught:
        observe(**options)
    assert str(caught.value) == message
