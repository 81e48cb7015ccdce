# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels are brought where they are missing, by real pip from an index of files, and proven without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _wheelhouse
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished, run_as
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import owner_of

from tests.unit.plugins.release_fakes import Repository, wheel
from tests.unit.plugins.service_fakes import tree

BASE = os.path.realpath(sys.executable)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "app", requirements={"first": "kumonlib==1.0\n", "second": "kumonlib==2.0\nother\n"})


@pytest.fixture
def index(tmp_path):
    """What pip finds beyond the wheelhouse."""
    return tmp_path / "index"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter with a pip of its own; the tests' environment may have none."""
    path = tmp_path_factory.mktemp("made") / "venv"
    subprocess.run([BASE, "-m", "venv", str(path)], check=True)
    return str(path / "bin" / "python")


@pytest.fixture
def ensure(tmp_path, repository, index, python):
    def with_index(argv, owner, cwd, env, **more):
        found = ["--find-links", str(index), "--no-index"] if "--retries" in argv else []
        at = argv.index("pip") + 2 if "pip" in argv else len(argv)
        return run_as([*argv[:at], *found, *argv[at:]], owner, cwd, env, **more)

    def ensure(check_mode=False, host=None, **more):
        params = {
            "app_dir": str(repository.directory),
            "wheelhouse": str(tmp_path / "wheels"),
            "state": "present",
            "commit": repository.commits["first"],
            "venv": str(repository.directory / ".venv"),
            "requirements": "requirements.txt",
            "python": python,
            "system_site_packages": None,
            "seconds": 60.0,
            **more,
        }
        return _wheelhouse.ensure(params, host or Host(run_as=with_index), check_mode)

    return ensure


def test_what_is_missing_is_fetched_once_and_taken_away_again(ensure, index, tmp_path, repository):
    wheel(index, "1.0")
    wheels = tmp_path / "wheels"
    assert ensure(check_mode=True)["changed"] is True
    assert not wheels.exists()
    name = "kumonlib-1.0-py3-none-any.whl"
    first = ensure()
    assert first == {"changed": True, "commit": repository.commits["first"], "fetched": [name], "offline": True}
    assert (wheels / name).stat().st_mode & 0o777 == 0o644
    before = tree(tmp_path)
    for check_mode in (True, False):
        assert ensure(check_mode=check_mode) == {**first, "changed": False, "fetched": []}
    assert tree(tmp_path) == before
    assert ensure(state="absent", check_mode=True)["changed"] is True
    assert tree(tmp_path) == before
    assert ensure(state="absent")["changed"] is True
    assert not wheels.exists()
    assert ensure(state="absent")["changed"] is False


def test_wheels_that_the_release_brings_itself_are_found_there(ensure, repository, tmp_path):
    wheel(repository.directory / "vendor", "3.0")
    repository.write("requirements.txt", "--find-links vendor\nkumonlib==3.0\n")
    commit = repository.commit("with its own wheel")
    (tmp_path / "wheels").mkdir()
    assert ensure(commit=commit) == {"changed": False, "commit": commit, "fetched": [], "offline": True}


def test_what_somebody_else_put_there_stays(ensure, index, tmp_path, repository):
    wheel(index, "2.0", "other")
    theirs = wheel(tmp_path / "wheels", "2.0")
    assert ensure(commit=repository.commits["second"])["fetched"] == ["other-2.0-py3-none-any.whl"]
    ensure(state="absent")
    assert os.listdir(tmp_path / "wheels") == [theirs.name]


def test_what_cannot_be_had_is_refused_with_nothing_written(ensure, tmp_path):
    before = tree(tmp_path)
    with pytest.raises(Refused, match="the requirements cannot be had .index: .*kumonlib"):
        ensure()
    assert tree(tmp_path) == before
    assert not (tmp_path / "wheels").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"wheelhouse": "wheels"}, "absolute path"),
        ({"commit": "nix"}, "no commit, tag or branch"),
        ({"requirements": "none.txt"}, "has no none.txt"),
        ({"app_dir": "/nowhere"}, "correct runbook_app_dir"),
    ],
)
def test_bad_input_is_refused(ensure, more, sentence):
    with pytest.raises(Refused, match=sentence):
        ensure(**more)


def test_a_link_among_what_pip_made_is_not_followed(ensure, tmp_path):
    (tmp_path / "secret").write_text("secret")

    def pip(argv, owner, cwd, env, **more):
        if "wheel" in argv:
            made = argv[argv.index("--wheel-dir") + 1]
            os.mkdir(made)
            os.symlink(tmp_path / "secret", f"{made}/a-1-py3-none-any.whl")
            return Finished(0, "", "")
        return Finished(1, "", "ERROR: no") if "install" in argv else run_as(argv, owner, cwd, env, **more)

    with pytest.raises(Failed):
        ensure(host=Host(run_as=pip))
    assert [path.name for path in (tmp_path / "wheels").iterdir()] == []


def test_a_wheel_without_an_end_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(_wheelhouse, "MOST_OF_A_WHEEL", 3 << 20)
    owner = SimpleNamespace(owner=owner_of(str(tmp_path)))
    source, target = tmp_path / "made.whl", tmp_path / "wheels" / "made.whl"
    target.parent.mkdir()
    source.touch()
    # A hole, which takes no room until it is copied.
    os.truncate(source, 3 << 20)
    assert _wheelhouse._bring(owner, str(source), str(target))
    assert target.stat().st_size == 3 << 20
    target.unlink()
    os.truncate(source, 1 << 40)
    with pytest.raises(OSError, match="larger than"):
        _wheelhouse._bring(owner, str(source), str(target))
    assert list(target.parent.iterdir()) == []


def test_only_wheels_by_their_name_are_taken_away(ensure, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (tmp_path / "a.whl").touch()
    (wheels / "notes").touch()
    (wheels / _wheelhouse.OURS).write_text(json.dumps(["../a.whl", "notes", 1]))
    ensure(state="absent")
    assert (tmp_path / "a.whl").exists()
    assert os.listdir(wheels) == ["notes"]
