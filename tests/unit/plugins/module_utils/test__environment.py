# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environments are built whole beside the one in use, from a wheelhouse or an index, and swapped at once."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _bounded, _environment, _owner, _release
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._environment import MARK, Environments, Wanted
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import owner_of

from tests.unit.plugins.release_fakes import (
    FakeUnit,
    RealRelease,
    Repository,
    ensure,
    fake_installer,
    release_params,
    wheel,
)
from tests.unit.plugins.service_fakes import SERVICE, free_port, journal, tree

BASE = os.path.realpath(sys.executable)


@pytest.fixture
def environments(tmp_path):
    (tmp_path / "app").mkdir(exist_ok=True)

    def environments(host=None, venv=None, python=BASE, system=None):
        directory = tmp_path / "app"
        return Environments(host or Host(), owner_of(str(directory)), str(venv or directory / ".venv"), python, system)

    return environments


@pytest.fixture
def quick(environments):
    """Environments that are made by nobody's pip."""
    return environments(Host(run_as=fake_installer))


def wanted(found, requirements):
    return found.wanted({"requirements.txt": requirements.encode()}.get, "requirements.txt", "the release")


def version(venv) -> str:
    done = subprocess.run(
        [f"{venv}/bin/python", "-c", "import kumonlib; print(kumonlib.VERSION)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


# -- real ones


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """An environment as venv makes it. That takes seconds, so all tests but one get a copy where they make one."""
    path = tmp_path_factory.mktemp("made") / "venv"
    subprocess.run([BASE, "-m", "venv", str(path)], check=True)
    return path


@pytest.fixture
def copying(made):
    """run_as, but an environment is a copy."""

    def copying(argv, owner, cwd, env, **more):
        if argv[1:-1] == ["-m", "venv"]:
            shutil.copytree(made, argv[-1], symlinks=True)
            return Finished(0, "", "")
        return _bounded.run_as(argv, owner, cwd, env, **more)

    return copying


@pytest.fixture
def scene(tmp_path, copying):
    """A unit whose release `broken` has an environment that somebody made by hand."""
    repository = Repository(
        tmp_path / "app",
        requirements={"first": "kumonlib==1.0\n", "second": "kumonlib==2.0\n", "broken": "kumonlib==2.0\nother\n"},
    )
    unit = FakeUnit(tmp_path, repository)
    unit.spawn()
    (repository.directory / ".venv" / "lib").mkdir(parents=True)

    def act(check_mode=False, run_as=copying, **more):
        given = {"venv": str(repository.directory / ".venv"), "python": BASE, **more}
        host = unit.host()
        host.run_as = run_as
        return ensure(release_params(tmp_path, repository, **given), host, check_mode)

    return repository, unit, act


def test_requirements_come_from_the_wheelhouse(scene, tmp_path, monkeypatch):
    repository, _unit, act = scene
    venv, wheels = repository.directory / ".venv", tmp_path / "wheels"
    wheel(wheels, "2.0")
    # Nothing else is asked.
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    result = act(run_as=_bounded.run_as, wheelhouse=str(wheels))
    assert version(venv) == "2.0"
    assert result["requirements"] == "wheelhouse"
    name = os.readlink(venv).split("/")[1]
    assert result["after"]["environment"] == name
    assert result["before"]["environment"] == "original"
    assert sorted(os.listdir(f"{venv}.d")) == sorted([name, "original"])
    # A release with the same requirements installs nothing and swaps nothing.
    repository.git("checkout", "--quiet", "-B", "other", repository.commits["second"])
    repository.write("other.txt", "x")
    other = repository.commit("release other")
    again = act(wheelhouse=None, commit=other, run_id="run-2")
    assert again["changed"] is True, "the process is older than the commit"
    assert again["requirements"] == "present"
    assert os.readlink(venv).split("/")[1] == name
    undone = act(state="undone", run_id="run-3")
    assert undone["after"]["environment"] == name


def test_what_the_wheelhouse_lacks_comes_from_the_index(scene, tmp_path, monkeypatch):
    _repository, _unit, act = scene
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    simple = tmp_path / "simple" / "kumonlib"
    simple.mkdir(parents=True)
    name = wheel(simple, "2.0").name
    (simple / "index.html").write_text(f'<!DOCTYPE html><html><body><a href="{name}">{name}</a></body></html>')
    monkeypatch.setenv("PIP_INDEX_URL", f"file://{tmp_path}/simple")
    assert act(check_mode=True, wheelhouse=str(wheels))["requirements"] == "index"
    assert act(wheelhouse=str(wheels))["requirements"] == "index"


@pytest.mark.skipif(os.geteuid() != 0, reason="what is root's only root can make")
@pytest.mark.parametrize("whose", ["directory", "wheel"])
def test_root_installs_nothing_that_somebody_else_can_change(scene, tmp_path, whose):
    repository, _unit, act = scene
    wheels = tmp_path / "wheels"
    made = wheel(wheels, "2.0")
    path = wheels if whose == "directory" else made
    os.chown(path, 65534, 65534)
    for check_mode in (True, False):
        with pytest.raises(Refused, match="nobody can change what lies in .*/wheels, and .*/.venv is root's"):
            act(check_mode=check_mode, wheelhouse=str(wheels))
    assert repository.head == repository.commits["broken"]
    os.chown(path, 0, 0)
    assert act(wheelhouse=str(wheels))["requirements"] == "wheelhouse"


def test_an_index_that_is_down_is_found_before_anything_is_changed(scene, tmp_path, monkeypatch):
    repository, unit, act = scene
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    began = time.monotonic()
    for check_mode in (True, False):
        with pytest.raises(Refused) as caught:
            act(check_mode=check_mode)
        assert str(caught.value).startswith("the requirements cannot be had (index: ")
        assert "No matching distribution found for kumonlib==2.0" in str(caught.value)
        assert "put their wheels into rollback_wheelhouse" in str(caught.value)
    assert time.monotonic() - began < 60
    assert repository.head == repository.commits["broken"]
    assert not (repository.directory / ".venv").is_symlink()
    assert os.listdir(repository.directory / ".venv.d") == []
    assert unit.calls == []
    assert journal(tmp_path)[-1]["ok"] is False


@pytest.mark.parametrize("exact", [False, True])
def test_archives_that_a_release_brings_itself_are_those_that_are_installed(scene, monkeypatch, exact):
    repository, _unit, act = scene
    vendor, venv = repository.directory / "vendor", repository.directory / ".venv"
    repository.write("service.py", SERVICE)
    for number in ("1", "2", "3"):
        shutil.rmtree(vendor, ignore_errors=True)
        wheel(vendor, number)
        pinned = f"=={number}" if exact else ""
        repository.write("requirements.txt", f"--no-index\n--find-links ./vendor\nkumonlib{pinned}\n")
        repository.commits[number] = repository.commit(f"release with {number}")
    for run, number in enumerate(("1", "2", "1")):
        repository.git("checkout", "--quiet", "-B", "live", repository.commits["3"])
        result = act(commit=repository.commits[number], run_id=f"run-{run}")
        assert (version(venv), os.listdir(vendor)) == (number, [f"kumonlib-{number}-py3-none-any.whl"])
    assert result["requirements"] == "present"


# -- limits and faults


def test_an_index_that_hangs_is_given_up_in_time(environments, tmp_path):
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nsleep 60 &\nsleep 60\n")
    hanging.chmod(0o755)

    def run_as(argv, owner, cwd, env, **more):
        if argv[1:3] == ["-m", "pip"]:
            return _bounded.run_as([str(hanging)], owner, cwd, env, **more)
        return fake_installer(argv, owner, cwd, env, **more)

    found = environments(Host(run_as=run_as))
    began = time.monotonic()
    with pytest.raises(Refused, match="index: not within 1 s"):
        found.build(wanted(found, "x"), "requirements.txt", None, 1.0)
    assert time.monotonic() - began < 5, "what pip has started holds its output open, and ends with it"
    assert os.listdir(found.directory) == []


def test_pip_failing_half_way_leaves_nothing(environments):
    def run_as(argv, owner, cwd, env, **more):
        done = fake_installer(argv, owner, cwd, env, **more)
        if argv[1:3] == ["-m", "pip"]:
            return Finished(1, "", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left\n")
        return done

    found = environments(Host(run_as=run_as))
    with pytest.raises(Refused, match="No space left"):
        found.build(wanted(found, "x"), "requirements.txt", None, 9.0)
    assert os.listdir(found.directory) == []
    assert found.current is None


def test_a_disk_that_is_full_for_the_mark_leaves_nothing(quick, monkeypatch):
    def full(*args, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_environment._files, "replace", full)
    with pytest.raises(Refused, match="No space left on device.: free space there"):
        quick.build(wanted(quick, "x"), "requirements.txt", None, 9.0)
    assert os.listdir(quick.directory) == []


def test_what_a_killed_run_left_half_is_never_used_and_goes_away(quick):
    half = Path(quick.directory) / wanted(quick, "x").key
    half.mkdir(parents=True)
    assert quick.find(half.name) is None
    quick.tidy()
    assert not half.exists()


def test_a_link_that_a_killed_run_did_not_get_into_place_is_put_there(quick):
    quick.build(wanted(quick, "x"), "requirements.txt", None, 9.0)
    (name,) = os.listdir(quick.directory)
    os.symlink(f".venv.d/{name}", quick.venv + _environment.NEW)
    assert quick.current == name
    quick.tidy()
    assert os.readlink(quick.venv) == f".venv.d/{name}"


def test_whoever_installs_by_hand_makes_it_another_environment(quick):
    first = wanted(quick, "x")
    name, _source = quick.build(first, "requirements.txt", None, 9.0)
    quick.use(name)
    assert quick.find(first.key) == name
    (Path(quick.path(name)) / "lib" / "python3" / "site-packages" / "more-1.dist-info").mkdir()
    assert quick.find(first.key) is None
    other, _source = quick.build(first, "requirements.txt", None, 9.0)
    assert other == f"{first.key}-2"
    quick.use(other)
    assert quick.current == other
    quick.tidy()
    assert sorted(os.listdir(quick.directory)) == sorted([name, other]), "what was in use is never deleted"


def test_the_swap_is_one_rename(quick, monkeypatch):
    name, _source = quick.build(wanted(quick, "x"), "requirements.txt", None, 9.0)
    other, _source = quick.build(wanted(quick, "y"), "requirements.txt", None, 9.0)
    quick.use(name)
    seen = []
    real = os.rename

    def rename(old, new):
        seen.append(os.readlink(quick.venv))
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    quick.use(other)
    assert seen == [f".venv.d/{name}"]
    assert os.readlink(quick.venv) == f".venv.d/{other}"
    quick.use(None)
    assert not os.path.lexists(quick.venv)


def test_the_key_tells_what_would_be_installed(quick, environments):
    keys = [wanted(quick, text).key for text in ("a", "b", "a==1")]
    assert len(set(keys)) == 3
    assert wanted(quick, "\ufeff# a comment\r\nA\r\n").key == keys[0]
    assert wanted(quick, "a").key == keys[0]
    assert wanted(environments(Host(run_as=fake_installer), system=True), "a").key != keys[0]


# -- requirements


def test_what_cannot_be_prepared_is_refused_only_where_it_has_to_be(scene, tmp_path):
    repository, _unit, act = scene
    repository.write("service.py", SERVICE)
    for name, number in (("third", "1"), ("fourth", "1"), ("fifth", "2")):
        repository.write("requirements.txt", "-e .\n")
        repository.write(
            "pyproject.toml", f'[project]\nname = "x"\nversion = "{name}"\ndependencies = ["a=={number}"]\n'
        )
        repository.commits[name] = repository.commit(name)
    repository.git("checkout", "--quiet", repository.commits["fourth"])
    before = tree(tmp_path)
    for check_mode in (True, False):
        with pytest.raises(
            Refused, match=r"installs from the tree itself \(-e \.\)|installs from the tree itself \(\.\)"
        ):
            act(check_mode, commit=repository.commits["fifth"])
    assert tree(tmp_path) == before
    assert act(commit=repository.commits["third"])["requirements"] == "present"


def test_requirements_behind_a_link_are_those_that_it_leads_to(scene, tmp_path):
    repository, _unit, act = scene
    repository.write("service.py", SERVICE)
    (repository.directory / "requirements.txt").unlink()
    (repository.directory / "requirements.txt").symlink_to("deploy/production.txt")
    (repository.directory / "deploy").symlink_to("lists")
    for name, number in (("third", "2.0"), ("fourth", "1.0"), ("fifth", "1.0")):
        repository.write("lists/production.txt", f"kumonlib=={number}  # {name}\n")
        repository.commits[name] = repository.commit(name)
    assert act(commit=repository.commits["fourth"])["requirements"] == "present"
    wheels = tmp_path / "wheels"
    wheel(wheels, "2.0")
    found = act(commit=repository.commits["third"], wheelhouse=str(wheels), run_id="run-2")
    assert found["requirements"] == "wheelhouse"
    assert version(repository.directory / ".venv") == "2.0"


@pytest.mark.parametrize("aim", ["none.txt", "/etc/hostname", "requirements.txt"])
def test_requirements_behind_a_link_that_leads_to_no_file_of_the_release(scene, aim):
    repository, _unit, act = scene
    (repository.directory / "requirements.txt").unlink()
    (repository.directory / "requirements.txt").symlink_to(aim)
    led_away = repository.commit("led away")
    repository.git("checkout", "--quiet", repository.commits["first"])
    with pytest.raises(Refused, match=f"commit {led_away[:12]} has no requirements.txt"):
        act(commit=led_away)


def test_a_project_without_a_requirements_file(scene, tmp_path):
    repository, _unit, act = scene
    repository.write("service.py", SERVICE)
    repository.git("rm", "--quiet", "requirements.txt")
    for name, number in (("third", "1.0"), ("fourth", "1.0"), ("fifth", "2.0")):
        repository.write(
            "pyproject.toml",
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "x"\nversion = "0"\n# {name}\ndependencies = ["kumonlib=={number}"]\n',
        )
        repository.write("backend.py", BACKEND.replace("NUMBER", number))
        repository.commits[name] = repository.commit(name)
    repository.git("checkout", "--quiet", repository.commits["fourth"])
    assert act(commit=repository.commits["third"])["requirements"] == "present"
    wheels = tmp_path / "wheels"
    wheel(wheels, "2.0")
    for check_mode in (True, False):
        found = act(check_mode, commit=repository.commits["fifth"], wheelhouse=str(wheels), run_id="run-2")
        assert found["requirements"] == "wheelhouse"
    assert version(repository.directory / ".venv") == "2.0"


def test_a_project_gets_the_versions_of_its_lock(scene, tmp_path):
    """What would fit the project too is not what this release was locked to."""
    repository, _unit, act = scene
    repository.write("service.py", SERVICE)
    repository.git("rm", "--quiet", "requirements.txt")
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    repository.write("pyproject.toml", f'{build}[project]\nname = "x"\nversion = "0"\ndependencies = ["kumonlib"]\n')
    repository.write("backend.py", BACKEND.replace("==NUMBER", ""))
    for name, number in (("third", "1.0"), ("fourth", "2.0"), ("fifth", "2.0")):
        repository.write("uv.lock", f'# {name}\n[[package]]\nname = "kumonlib"\nversion = "{number}"\n')
        repository.commits[name] = repository.commit(name)
    assert act(commit=repository.commits["fourth"])["requirements"] == "present"
    wheels = tmp_path / "wheels"
    for number in ("1.0", "2.0"):
        wheel(wheels, number)
    for check_mode in (True, False):
        found = act(check_mode, commit=repository.commits["third"], wheelhouse=str(wheels), run_id="run-2")
        assert found["requirements"] == "wheelhouse"
    assert version(repository.directory / ".venv") == "1.0"


# The smallest program that pip builds a project with.
BACKEND = """
import zipfile

META = "Metadata-Version: 2.1\\nName: x\\nVersion: 0\\nRequires-Dist: kumonlib==NUMBER\\n"


def build_wheel(directory, settings=None, metadata=None):
    with zipfile.ZipFile(f"{directory}/x-0-py3-none-any.whl", "w") as archive:
        archive.writestr("x-0.dist-info/METADATA", META)
        archive.writestr("x-0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr("x-0.dist-info/RECORD", "")
    return "x-0-py3-none-any.whl"
"""


def test_a_release_without_requirements_is_refused(scene, tmp_path):
    repository, _unit, act = scene
    repository.git("rm", "--quiet", "requirements.txt")
    bare = repository.commit("bare")
    repository.git("checkout", "--quiet", repository.commits["first"])
    before = tree(tmp_path)
    with pytest.raises(Refused, match=f"commit {bare[:12]} has no requirements.txt"):
        act(commit=bare)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "link", "none"])
def test_what_is_no_environment_is_refused(environments, tmp_path, kind):
    venv = tmp_path / "app" / ".venv"
    if kind == "file":
        venv.write_text("")
    elif kind == "link":
        (tmp_path / "else").mkdir()
        venv.symlink_to(tmp_path / "else")
    with pytest.raises(Refused, match="correct runbook_venv_dir|set runbook_venv_dir to that"):
        environments(venv=tmp_path / "none" / ".venv" if kind == "none" else venv)


def test_a_python_that_cannot_be_run(environments):
    with pytest.raises(Refused, match="/none/python cannot be run .*: set rollback_python"):
        environments(python="/none/python")


def test_without_venv_module_it_says_what_to_install(environments):
    def run_as(argv, owner, cwd, env, **more):
        if argv[1:3] == ["-m", "venv"]:
            return Finished(1, "ensurepip is not available\n", "")
        return fake_installer(argv, owner, cwd, env, **more)

    found = environments(Host(run_as=run_as))
    with pytest.raises(Refused, match="install python3-venv"):
        found.build(wanted(found, "x"), "requirements.txt", None, 9.0)


def test_an_environment_is_made_as_the_present_one_is(environments, tmp_path):
    venv = tmp_path / "app" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(BASE)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    found = environments(python=None)
    assert (found.python, found.system) == (BASE, True)
    assert environments(system=False).system is False


def test_the_way_back_leads_to_the_environment_of_before(scene, tmp_path):
    repository, unit, _act = scene
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["first"])
    host = unit.host()
    host.run_as = fake_installer
    venv = repository.directory / ".venv"
    (venv / "marker").write_text("by hand")
    given = release_params(tmp_path, repository, venv=str(venv), python=BASE, commit=repository.commits["broken"])
    with pytest.raises(Failed, match="Returned to commit .* which is up"):
        _release.ensure(given, host)
    assert (venv / "marker").read_text() == "by hand"
    assert os.readlink(venv) == ".venv.d/original"
    assert json.loads((venv / MARK).read_text())["key"]


def test_a_mark_of_an_older_version_says_nothing_of_what_is_meant(quick):
    name, _source = quick.build(Wanted({"requirements.txt": b"x"}, "k"), "requirements.txt", None, 9.0)
    mark = Path(quick.path(name)) / MARK
    assert quick.key(name) == "k"
    mark.write_text(
        json.dumps({name: value for name, value in json.loads(mark.read_text()).items() if name != "rules"})
    )
    assert quick.key(name) is None


def test_a_mark_that_somebody_broke_is_no_mark(quick):
    name, _source = quick.build(Wanted({"requirements.txt": b"x"}, "k"), "requirements.txt", None, 9.0)
    (Path(quick.path(name)) / MARK).write_text("{")
    assert quick.key(name) is None
    shutil.rmtree(quick.path(name))
    assert quick.key(name) is None


def test_a_plain_process_that_is_started_by_its_environments_python(tmp_path, made, copying):
    """Its command names the environment by its one path, so the process that is restarted has other packages."""
    wheels = tmp_path / "wheels"
    for number in ("1.0", "2.0"):
        wheel(wheels, number)
    real = RealRelease(tmp_path, requirements={"first": "kumonlib==1.0\n", "second": "kumonlib==2.0\n"})
    repository, venv = real.repository, real.repository.directory / ".venv"
    code = "import kumonlib\nprint('with', kumonlib.VERSION, flush=True)\n" + SERVICE
    for number in ("1.0", "2.0"):
        repository.write("requirements.txt", f"kumonlib=={number}\n")
        repository.write("service.py", code)
        repository.commits[number] = repository.commit(f"release with {number}")
    shutil.copytree(made, venv, symlinks=True)
    pip = [
        f"{venv}/bin/python",
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--find-links",
        str(wheels),
        "kumonlib==2.0",
    ]
    subprocess.run(pip, check=True)
    real.service.command[0] = f"{venv}/bin/python"
    real.service.reads_all = True
    try:
        # What its user's Python would write into root's environment would make that not root's alone.
        real.service.start(PYTHONDONTWRITEBYTECODE="1")
        given = real.params(commit=repository.commits["1.0"], venv=str(venv), wheelhouse=str(wheels))
        result = _release.ensure(given, Host(run_as=copying))
        assert result["restarted"]
        assert not [text for text in result["warnings"] if "has its packages from" in text]
        undone = _release.ensure(dict(given, state="undone", run_id="run-2"), Host(run_as=copying))
        assert undone["after"]["environment"] == "original"
    finally:
        real.service.close()
    said = [line for line in real.service.log.read_text().splitlines() if line.startswith("with")]
    assert said == ["with 2.0", "with 1.0", "with 2.0"]


def test_a_process_with_packages_from_elsewhere_is_told(tmp_path, made):
    """What is installed where nothing leads it to is not what it runs with."""
    real = RealRelease(tmp_path)
    venv = real.repository.directory / ".venv"
    shutil.copytree(made, venv, symlinks=True)
    try:
        pid = real.serve()
        result = _release.ensure(real.params(venv=str(venv)), Host())
        told = f"nothing shows that process {pid} has its packages from {venv}: see what it is started with"
        assert any(text.startswith(told) for text in result["warnings"])
    finally:
        real.service.close()


@pytest.mark.parametrize(
    ("words", "led"),
    [
        ([".venv/bin/uvicorn", "main:app"], True),
        (["python", "/usr/bin", "TOP/app/.venv/bin"], True),
        (["python", "TOP/current/.venv"], True),
        (["TOP/app/.venv.d/0123/bin/python", "-c", "x"], True),
        (["python", "/usr/bin", "TOP/app/.venv-other/bin", "TOP/app"], False),
    ],
)
def test_what_leads_a_process_to_its_environment(environments, tmp_path, words, led):
    app = tmp_path / "app"
    (app / ".venv" / "bin").mkdir(parents=True)
    # As in every environment, it leads to the host's.
    (app / ".venv" / "bin" / "uvicorn").symlink_to(BASE)
    (tmp_path / "current").symlink_to("app")
    assert environments().is_led_to([word.replace("TOP", str(tmp_path)) for word in words], str(app)) is led


def test_nobody_waits_for_a_pipe_in_the_place_of_a_file(environments, tmp_path):
    venv = tmp_path / "app" / ".venv"
    venv.mkdir(parents=True)
    os.mkfifo(venv / "pyvenv.cfg")
    os.mkfifo(venv / MARK)
    found = environments()
    assert found.key(found.current) is None
    os.mkfifo(tmp_path / "requirements.txt")
    wanted = found.wanted(
        {"requirements.txt": f"-r {tmp_path}/requirements.txt\n".encode()}.get, "requirements.txt", "x"
    )
    assert wanted.problem


def test_nothing_is_written_to_a_pipe_in_the_place_of_a_requirements_file(quick, tmp_path):
    pipe = tmp_path / _environment.FILES / "requirements.txt"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    with pytest.raises(OSError, match="it is not a regular file"):
        quick._prepare(str(tmp_path), wanted(quick, "x"), None)
    os.close(held)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_what_comes_in_the_place_of_the_new_directory_is_not_given_away(environments, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.touch()
    found = environments()
    monkeypatch.setattr(found, "keeper", _owner.owner_by_id(65534, 65534))
    monkeypatch.setattr(found, "owner", _owner.owner_by_id(1, 1))
    # As the keeper, who may not come into a directory of tests.
    monkeypatch.setattr(_environment, "acting_as", lambda _owner: contextlib.nullcontext())
    # It is the keeper's, who has another name of root's file there by then.
    with monkeypatch.context() as patch, pytest.raises(NotADirectoryError):
        patch.setattr(_environment.os, "mkdir", lambda path, _mode: os.link(secret, path))
        found._make_directory()
    assert secret.stat().st_uid == 0
    os.unlink(found.directory)
    keepers = tmp_path / "keepers"
    keepers.mkdir()
    os.chown(keepers, 65534, 65534)
    monkeypatch.setattr(_environment.os, "mkdir", lambda path, _mode: os.rename(keepers, path))
    found._make_directory()
    assert os.stat(found.directory).st_uid == 1
