# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service comes back with the rights that it had and no others, or its restart is refused while it runs."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _confinement, _flags
from ansible_collections.kumon.runbook.plugins.module_utils._confinement import Confined, Own, Start
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

from tests.unit.plugins.service_fakes import RealService, as_service_user, tree

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give and take capabilities")
USER = 12345
EVERY = (1 << 41) - 1


@pytest.fixture
def service():
    """One that every user can start."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    (directory / "state").mkdir()
    found = RealService(directory)
    found.command[0] = "/usr/bin/python3"
    yield found
    found.close()
    shutil.rmtree(directory)


def start_by(service, *words, **how):
    """Start it by a command that becomes it; Popen takes `how`."""
    service.mode("")
    with open(service.log, "ab") as log:
        service.child = subprocess.Popen(
            [*words, *service.command],
            cwd=service.directory,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **how,
        )
    end = time.monotonic() + 10
    while service.child.pid not in Proc().listeners(service.port):
        assert time.monotonic() < end, service.log.read_text()
        time.sleep(0.01)


def as_user(service, *words):
    os.chown(service.directory, USER, USER)
    for path in service.directory.iterdir():
        if path.name != "state":
            os.chown(path, USER, USER)
    service.log.touch()
    os.chown(service.log, USER, USER)
    start_by(service, "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *words)


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def act(service, **more):
    return _flags.ensure(service.params(**{"budget": 10.0, "stop_timeout": 3.0, **more}), Host())


def refused(service, **more):
    before = tree(service.directory)
    with pytest.raises(Refused) as caught:
        act(service, **more)
    assert tree(service.directory) == before
    assert service.child.pid in Proc().listeners(service.port), "it was not stopped"
    return str(caught.value)


def test_no_new_privileges_and_processors_come_back(service):
    processor = max(os.sched_getaffinity(0))
    start_by(service, "taskset", "-c", str(processor), "setpriv", "--no-new-privs", **as_service_user())
    result = act(service)
    assert (status(result["pid"])["NoNewPrivs"], result["warnings"]) == ("1", [])
    assert os.sched_getaffinity(result["pid"]) == {processor}


def test_what_ran_with_nothing_special_gets_nothing_special(service, monkeypatch):
    asked = {}
    popen = subprocess.Popen

    def start(argv, **more):
        asked.update(more)
        return popen(argv, **more)

    start_by(service, **as_service_user())
    monkeypatch.setattr(subprocess, "Popen", start)
    assert act(service)["effective"] == {"DELIVERY_DISABLE": "true"}
    assert "preexec_fn" not in asked


def low_port():
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port below 1024 is free")


@root_only
def test_an_ambient_capability_comes_back_and_no_other_does(service):
    service.port = low_port()
    service.command[2] = str(service.port)
    bound = ("--bounding-set=-all,+net_bind_service", "--inh-caps=+net_bind_service")
    as_user(service, *bound, "--ambient-caps=+net_bind_service")
    before = status(service.child.pid)
    result = act(service, process_user=str(USER))
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    after = status(result["pid"])
    names = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert int(after["CapAmb"], 16) == 1 << _confinement.CAP_NET_BIND_SERVICE


@root_only
def test_the_rights_of_this_process_stay_what_they_were(service):
    before = status(os.getpid())
    as_user(service, "--bounding-set=-all", "--no-new-privs")
    after = status(act(service, process_user=str(USER))["pid"])
    assert (int(after["CapBnd"], 16), after["NoNewPrivs"]) == (0, "1")
    names = ("Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
    own = status(os.getpid())
    assert {name: own[name] for name in names} == {name: before[name] for name in names}
    assert _confinement._libc.prctl(7, 0, 0, 0, 0) == 0, "PR_GET_KEEPCAPS"


@root_only
def test_root_brings_it_into_no_directory_that_is_closed_to_it(service):
    closed = service.directory / "closed"
    (closed / "within").mkdir(parents=True)
    (closed / "within" / "service.py").write_text(service.script.read_text())
    text = service.script.read_text().replace("mode = open", "import os; os.chdir('/')\nmode = open", 1)
    service.script.write_text(text)
    service.command[1] = "service.py"
    as_user(service, "env", f"PWD={closed}/within")
    os.chown(closed, 0, 0)
    closed.chmod(0o700)
    assert refused(service, process_user=str(USER)) == (
        "the command of kumon-assistant needs service.py, which is not in its working directory /: set "
        "runbook_process_chdir to the directory in which it is started"
    )
    closed.chmod(0o755)
    result = act(service, process_user=str(USER))
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert Proc().cwd(result["pid"]) == str(closed / "within")


def test_a_root_directory_of_its_own_is_refused_unless_its_command_is_known(service, monkeypatch):
    start_by(service, **as_service_user())
    monkeypatch.setattr(Proc, "root_of", lambda _self, _pid: "/srv/jail")
    message = (
        "kumon-assistant runs in the root directory /srv/jail, and a start from here would be outside of it: set "
        "runbook_process_command to what starts it there"
    )
    assert refused(service) == message
    assert refused(service, command=service.command) == message, "that is what runs there"
    result = act(service, command=["/usr/bin/env", *service.command])
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_capability_that_cannot_be_given_is_refused_unless_its_command_is_known(service, monkeypatch):
    start_by(service, **as_service_user())
    given = Confined(ambient=1 << _confinement.CAP_NET_BIND_SERVICE | 1 << 3)._asdict()
    monkeypatch.setattr(_confinement, "of", lambda _proc, _pid: given)
    monkeypatch.setattr(_confinement, "own", lambda _proc: Own(1 << 3, 0, False, False))
    # As a user's: root has its rights by being root.
    monkeypatch.setattr(Proc, "ids", lambda self, pid, ids=Proc.ids: ids(self, pid)._replace(uid=USER))
    monkeypatch.setattr(Proc, "users", lambda self, pid: {USER})
    start = Start(given, Own(1 << 3, 0, False, False), USER, "/usr/bin/python3")
    assert start.lost_names == "CAP_NET_BIND_SERVICE"
    before = tree(service.directory)
    with pytest.raises(Refused) as caught:
        _flags.ensure(service.params(process_user=None), Host(uid=USER))
    assert str(caught.value) == (
        "kumon-assistant runs with CAP_NET_BIND_SERVICE, which a start from here cannot give: run with become: true, "
        "or set runbook_process_command to what gives it"
    )
    assert tree(service.directory) == before
    assert service.child.pid in Proc().listeners(service.port)


def test_what_is_narrower_than_this_process_is_told(service, monkeypatch):
    start_by(service, **as_service_user())
    monkeypatch.setattr(_confinement, "own", lambda _proc: Own(0, EVERY, False, False))
    monkeypatch.setattr(_confinement, "of", lambda _proc, _pid: Confined(bounding=0)._asdict())
    assert act(service)["warnings"] == [
        "kumon-assistant ran with a limit to its capabilities that a start from here cannot give"
    ]


def test_what_a_program_gets_by_itself_is_left_to_it(tmp_path):
    program = tmp_path / "program"
    program.touch(0o755)
    wanted = Confined(bounding=0, no_new_privs=True)._asdict()
    plain = Start(wanted, Own(EVERY, EVERY, False, True), USER, str(program))
    assert (plain.no_new_privs, plain.can_drop) == (True, True)
    program.chmod(0o755 | stat.S_ISUID)
    own = Start(wanted, Own(EVERY, EVERY, False, True), USER, str(program))
    assert (own.no_new_privs, own.can_drop, own.widened) == (False, False, False)


def test_a_record_of_an_earlier_version_wants_nothing():
    start = Start({}, Own(EVERY, EVERY, False, True), USER, "/usr/bin/python3")
    with start.hook() as hook:
        assert hook is None
    assert (start.root, start.lost, start.widened) == ("/", [], False)
