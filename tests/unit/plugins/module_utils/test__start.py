# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a unit that does not run would be started, as systemd tells it."""

from __future__ import annotations

import grp
import json
import pwd
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Ids, Process
from ansible_collections.kumon.runbook.plugins.module_utils._start import NotTried, start_of

ME = pwd.getpwuid(0)


def unit(tmp_path, **more):
    (tmp_path / "app.env").write_text("PORT=8001\nOPTIONS=--workers 2\nSECRET=s3cret\n")
    values = {
        "ExecStart": [["/opt/app/.venv/bin/uvicorn", ["uvicorn", "main:app", "--port", "${PORT}", "$OPTIONS"], False]],
        "Environment": ["PORT=8000", "MODE=a=b"],
        "EnvironmentFiles": [[str(tmp_path / "none.env"), True], [str(tmp_path / "app.env"), False]],
        "User": ME.pw_name,
        "Group": "",
        "UMask": 0o027,
        "WorkingDirectory": "/opt/app",
        **more,
    }
    return {name: {"type": "x", "data": value} for name, value in values.items()}


def service(answer, processes=()):
    asked = []

    def run(argv, timeout=20, stdin=None):
        asked.append(argv)
        return answer if isinstance(answer, Finished) else Finished(0, json.dumps({"type": "a", "data": [answer]}), "")

    manager = SimpleNamespace(label="kumon-assistant@a.service", user=lambda: "kumon")
    return SimpleNamespace(manager=manager, host=Host(run=run)), asked


def test_a_unit_that_does_not_run(tmp_path):
    found, asked = service(unit(tmp_path))
    start = start_of(found, [])
    assert "/org/freedesktop/systemd1/unit/kumon_2dassistant_40a_2eservice" in asked[0]
    assert start.argv == ["/opt/app/.venv/bin/uvicorn", "main:app", "--port", "8001", "--workers", "2"]
    assert (start.cwd, start.uid, start.gid, start.umask) == ("/opt/app", ME.pw_uid, ME.pw_gid, 0o027)
    assert {name: start.environ[name] for name in ("PORT", "MODE", "SECRET", "HOME")} == {
        "PORT": "8001",
        "MODE": "a=b",
        "SECRET": "s3cret",
        "HOME": ME.pw_dir,
    }


def test_the_environment_of_a_unit_is_read_as_systemd_does(tmp_path):
    """What a pattern names comes in the order of the names, and what is unset is so whatever had set it."""
    for number, name in enumerate(("20-b.env", "10-a.env")):
        (tmp_path / name).write_text(f"WHICH={name}\nONE{number}=1\nTOKEN=t\nOPTIONS='--title \"a b\"'\n")
    files = [[str(tmp_path / "app.env"), False], [str(tmp_path / "[0-9]*.env"), False]]
    more = {"EnvironmentFiles": files, "UnsetEnvironment": ["TOKEN", "PORT=1", "MODE=a=b"]}
    start = start_of(service(unit(tmp_path, **more, RuntimeDirectory=[], RootDirectory=""))[0], [])
    wanted = {"WHICH": "20-b.env", "ONE0": "1", "ONE1": "1", "PORT": "8001", "SECRET": "s3cret"}
    assert {name: start.environ.get(name) for name in wanted} == wanted
    assert not {"TOKEN", "MODE"} & start.environ.keys()
    assert start.argv[-2:] == ["--title", "a b"]


def test_a_unit_that_does_not_run_has_its_further_groups(tmp_path):
    group = grp.getgrall()[-1]
    assert group.gr_gid in start_of(service(unit(tmp_path, SupplementaryGroups=[group.gr_name]))[0], []).groups


@pytest.mark.parametrize(
    "more",
    [
        {"User": "nobody-of-that-name"},
        {"ExecStart": []},
        {"ExecStart": [["/bin/a", ["a"]], ["/bin/b", ["b"]]]},
        # What is there for the unit's process alone, for as long as it runs.
        {"RuntimeDirectory": ["kumon"]},
        {"RootDirectory": "/srv/root"},
        {"BindPaths": [["/srv/data", "/data", False, 16384]]},
        {"PassEnvironment": ["EVOLUTION_API_KEY"]},
    ],
)
def test_one_of_which_that_is_not_to_be_told(tmp_path, more):
    with pytest.raises(NotTried) as caught:
        start_of(service(unit(tmp_path, **more))[0], [])
    assert caught.value.why["code"] == "trial_not_running"


def test_a_host_without_busctl():
    with pytest.raises(NotTried):
        start_of(service(Finished(127, "", ""))[0], [])


@pytest.mark.parametrize(
    ("environ", "readable", "code"),
    [({"LISTEN_FDS": "1"}, True, "trial_socket"), ({}, False, "trial_unreadable")],
)
def test_a_process_that_cannot_be_started_a_second_time(environ, readable, code):
    found, _asked = service(Finished(1, "", ""))
    found.host.proc = SimpleNamespace(
        ids=lambda pid: Ids(9, 9, [9], 0o022),
        users=lambda pid: {9},
        cwd=lambda pid: "/",
        argv=lambda pid: ["/bin/app"],
    )
    with pytest.raises(NotTried) as caught:
        start_of(found, [Process(7, 1, 1.0, 1, environ, readable)])
    assert caught.value.why["code"] == code


def test_what_systemd_gives_one_process_alone_is_not_given_to_another():
    found, _asked = service(Finished(1, "", ""))
    found.host.proc = SimpleNamespace(
        ids=lambda pid: Ids(9, 9, [9], 0o022),
        users=lambda pid: {9},
        cwd=lambda pid: "/srv",
        argv=lambda pid: ["/bin/app", "x"],
    )
    start = start_of(found, [Process(7, 1, 1.0, 1, {"NOTIFY_SOCKET": "/run/systemd/notify", "A": "b"})])
    assert (start.environ, start.cwd, start.argv) == ({"A": "b"}, "/srv", ["/bin/app", "x"])


@pytest.mark.parametrize("users", [{9, 0}, {0}])
def test_the_words_of_a_set_uid_program_are_not_started_as_its_owner(users):
    """They are of the user's choice, its name too; such a program may have become root whole."""
    found, _asked = service(Finished(1, "", ""))
    found.host.proc = SimpleNamespace(
        ids=lambda pid: Ids(0, 9, [9], 0o022),
        users=lambda pid: users,
        cwd=lambda pid: "/",
        argv=lambda pid: ["/home/kumon/any"],
    )
    with pytest.raises(NotTried) as caught:
        start_of(found, [Process(7, 1, 1.0, 1, {})])
    assert caught.value.why["code"] == "trial_set_id"
    if users == {0}:
        # A service of root's.
        found.manager.user = lambda: None
        assert start_of(found, [Process(7, 1, 1.0, 1, {})]).uid == 0
