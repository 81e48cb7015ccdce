# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service without a supervisor: real processes on free ports are found, stopped, and started as they were."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pwd
import resource
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _files, _flags, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc
from ansible_collections.kumon.runbook.plugins.module_utils._process import PlainProcess
from ansible_collections.kumon.runbook.plugins.module_utils._process_launch import PATH
from ansible_collections.kumon.runbook.plugins.module_utils._process_look import Identity

from tests.unit.plugins.other_encoding import run_elsewhere
from tests.unit.plugins.service_fakes import PYTHON, FakeProc, RealService, as_service_user, journal, service_user, tree


@pytest.fixture
def act(service):
    def act(check_mode=False, host=None, **more):
        params = service.params(**{"budget": 10.0, "stop_timeout": 3.0, **more})
        return _flags.ensure(params, host or Host(), check_mode)

    return act


@pytest.fixture
def refused(act, tmp_path):
    def refused(**more):
        before = tree(tmp_path)
        with pytest.raises(Refused) as caught:
            act(**more)
        assert tree(tmp_path) == before
        return str(caught.value)

    return refused


def proofs(result):
    return {proof["proof"]: proof["had"] for proof in result["proofs"]}


def lives(pid):
    found = Proc().stat(pid)
    return found is not None and found.state not in "ZX"


def test_it_is_started_again_as_it_was_with_the_flag(act, service, tmp_path):
    old = service.start(OTHER="kept")
    before = Proc().ids(old)
    result = act()
    new = result["pid"]
    assert not lives(old)
    assert new != old
    proc = Proc()
    assert proc.listeners(service.port) == [new]
    assert proc.argv(new) == service.command
    assert proc.cwd(new) == str(tmp_path)
    assert proc.ids(new) == before._replace(umask=0o027)
    environ = proc.process(new).environ
    assert {name: environ[name] for name in ("SECRET", "OTHER", "DELIVERY_DISABLE")} == {
        "SECRET": "s3cret",
        "OTHER": "kept",
        "DELIVERY_DISABLE": "true",
    }
    assert (proc.stream(new, 0), proc.stream(new, 1), proc.stream(new, 2)) == (
        "/dev/null",
        str(service.log),
        str(service.log),
    )
    assert os.getsid(new) == new, "it must not end with the session that started it"
    assert service.log.read_text().count("starting") == 2, "the log is appended to"
    assert (result["changed"], result["restarted"], result["manager"]) == (True, True, "process")
    assert result["reported"] == {"DELIVERY_DISABLE": True}
    assert proofs(result) == {"declared": True, "environment": True, "health": True, "reported": True}
    assert not (tmp_path / "state" / "process-kumon-assistant.json").exists(), (
        "it holds secrets and has done its service"
    )
    assert "s3cret" not in str(result) + (tmp_path / "state" / "journal.jsonl").read_text()


def test_a_second_run_touches_nothing(act, service, tmp_path):
    service.start()
    pid = act()["pid"]
    before = tree(tmp_path)
    result = act()
    assert (result["changed"], result["restarted"], result["pid"]) == (False, False, pid)
    assert tree(tmp_path) == before


def test_check_mode_touches_nothing(act, service, tmp_path):
    pid = service.start()
    before = tree(tmp_path)
    result = act(check_mode=True)
    assert (result["changed"], result["restarted"], result["pid"]) == (True, False, pid)
    assert result["diff"][-1] == {"prepared": f"would restart kumon-assistant (process {pid})\n"}
    assert tree(tmp_path) == before
    assert lives(pid)


def test_null_takes_the_flag_out(act, service):
    service.start()
    act()
    result = act(flags={"DELIVERY_DISABLE": None})
    assert result["effective"] == {"DELIVERY_DISABLE": None}
    assert result["reported"] == {"DELIVERY_DISABLE": False}
    assert not act(flags={"DELIVERY_DISABLE": None})["changed"]


def test_the_whole_env_file_counts_as_with_systemd(act, service, tmp_path):
    service.start()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runbook.env").write_text("OTHER='by hand'\n")
    assert Proc().process(act()["pid"]).environ["OTHER"] == "by hand"


def test_what_ignores_term_is_killed(act, service):
    old = service.start("noterm")
    result = act(stop_timeout=0.5)
    assert not lives(old)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert result["seconds"] >= 0.5


def test_a_worker_that_outlives_its_parent_is_ended(act, service):
    service.start("worker")
    workers = set(Proc().listeners(service.port))
    assert len(workers) == 2
    service.mode("")
    result = act(stop_timeout=0.5)
    assert not any(lives(pid) for pid in workers)
    assert Proc().listeners(service.port) == [result["pid"]]


def test_what_the_service_has_started_ends_with_it(act, service, tmp_path):
    """It holds no port, has left the session, ignores the signal, and would go on sending with the flags of before."""
    text = service.script.read_text()
    start = """
import subprocess
if "sends" in mode:
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    sender = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, start_new_session=True)
    sender.stdout.readline()
    print("sender", sender.pid, flush=True)
"""
    service.script.write_text(text.replace("class Health", start + "class Health", 1))
    pid = service.start("sends")
    sender = int(service.log.read_text().split("sender ")[1].split()[0])
    try:
        service.mode("")
        planned = act(check_mode=True)["diff"][-1]
        assert planned == {"prepared": f"would restart kumon-assistant (process {pid}, {sender})\n"}
        assert lives(sender)
        result = act(stop_timeout=0.5)
        assert not lives(sender)
        assert Proc().listeners(service.port) == [result["pid"]]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(sender, signal.SIGKILL)


def test_a_worker_without_the_flag_is_enough_for_a_restart(act, service):
    # The parent was ended and an old worker still serves.
    service.start("worker")
    os.kill(service.child.pid, signal.SIGKILL)
    service.child.wait()
    (worker,) = Proc().listeners(service.port)
    result = act(stop_timeout=0.5)
    assert not lives(worker)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


# -- killed half-way


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it and nothing is put in order."""


def test_a_run_killed_between_stop_and_start_is_finished_by_the_next(act, service, tmp_path, monkeypatch):
    service.start(OTHER="kept")

    def killed(_self):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(PlainProcess, "_start", killed)
        with pytest.raises(Killed):
            act()
    record = tmp_path / "state" / "process-kumon-assistant.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert set(json.loads(record.read_text())) == {
        "argv",
        "cwd",
        "uid",
        "gid",
        "groups",
        "umask",
        "environ",
        "log",
        "error_log",
        "pid",
        "start",
        "surroundings",
        "program",
    }
    assert not Proc().is_listening(service.port)
    result = act()
    environ = Proc().process(result["pid"]).environ
    assert (environ["OTHER"], environ["DELIVERY_DISABLE"]) == ("kept", "true")
    assert Proc().argv(result["pid"]) == service.command
    assert not record.exists()


def test_a_run_killed_right_after_the_start_is_finished_without_a_second_start(act, service, tmp_path, monkeypatch):
    service.start()
    start = PlainProcess._start
    started = []

    def killed(manager):
        service.mode("slow")
        start(manager)
        started.append(manager._child.pid)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(PlainProcess, "_start", killed)
        with pytest.raises(Killed):
            act()
    result = act()
    assert [result["pid"]] == started == Proc().listeners(service.port)
    assert not result["restarted"]
    assert not act()["changed"]


def test_what_begins_to_listen_while_we_look_is_not_another_users(service, act, monkeypatch):
    pid = service.start()
    listeners = Proc.listeners
    seen = iter([[]])
    monkeypatch.setattr(Proc, "listeners", lambda self, port, at=(): next(seen, None) or listeners(self, port, at))
    manager = PlainProcess("x", "/e", Host(), "/s", Identity(service.port, user=str(service_user())), None, None, None)
    manager.host.uid = 12345
    assert [process.pid for process in manager.processes()] == [pid]


def test_another_users_record_is_not_believed(act, service, refused, tmp_path, monkeypatch):
    def killed(_self):
        raise Killed

    service.start()
    monkeypatch.setattr(PlainProcess, "_start", killed)
    with pytest.raises(Killed):
        act()
    other = Host(uid=service_user() + 1)
    assert "how to start it is not known" in refused(host=other, process_user=None)


@pytest.mark.parametrize("put", ["another user", "link", "pipe"])
def test_a_record_that_says_to_start_something_else_is_not_believed(act, service, refused, tmp_path, monkeypatch, put):
    """Where others can change the state directory, root's record of another service, or a file of /proc, is theirs to
    put there."""

    def killed(_self):
        raise Killed

    service.start()
    monkeypatch.setattr(PlainProcess, "_start", killed)
    with pytest.raises(Killed):
        act()
    record = tmp_path / "state" / "process-kumon-assistant.json"
    if put == "another user":
        record.write_text(json.dumps({**json.loads(record.read_text()), "uid": 0 if os.geteuid() else 12345}))
    else:
        record.rename(tmp_path / "kept.json")
        record.symlink_to(tmp_path / "kept.json") if put == "link" else os.mkfifo(record)
        monkeypatch.setattr(_trust, "ROOT", os.geteuid())
        monkeypatch.setattr(_trust, "keeper", lambda _path: Host())
    assert "how to start it is not known" in refused()


def test_a_record_that_was_left_goes_away(act, service, tmp_path):
    service.start(DELIVERY_DISABLE="true")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "process-kumon-assistant.json").write_text("{}")
    act()
    assert not (tmp_path / "state" / "process-kumon-assistant.json").exists()


def test_what_was_left_of_another_service_is_none_of_this_ones(act, service, tmp_path, monkeypatch):
    """Two assistants with one state directory: a run on the first is killed, then one on the second ends well."""
    (tmp_path / "other").mkdir()
    other = RealService(tmp_path / "other")
    with contextlib.closing(other):
        service.start()
        other.start()
        with monkeypatch.context() as patch:

            def killed(_self):
                raise Killed

            patch.setattr(PlainProcess, "finished", killed)
            with pytest.raises(Killed):
                act()
        (first,) = Proc().listeners(service.port)
        more = {"service": "other", "state_dir": str(tmp_path / "state"), "budget": 10.0}
        result = _flags.ensure(other.params(**more), Host())
        assert Proc().listeners(service.port) == [first]
        assert Proc().listeners(other.port) == result["pids"]
        assert [path.name for path in (tmp_path / "state").glob("process*")] == ["process-kumon-assistant.json"]


def test_what_an_older_version_has_left_is_started_from(act, service, tmp_path, monkeypatch):
    def killed(_self):
        raise Killed

    service.start(OTHER="kept")
    with monkeypatch.context() as patch:
        patch.setattr(PlainProcess, "_start", killed)
        with pytest.raises(Killed):
            act()
    state = tmp_path / "state"
    (state / "process-kumon-assistant.json").rename(state / "process.json")
    assert Proc().process(act()["pid"]).environ["OTHER"] == "kept"
    assert not list(state.glob("process*"))


def test_a_full_disk_for_the_record_does_not_hold_the_kill_switch_back(act, service, monkeypatch, tmp_path):
    service.start()
    replace = _files.replace

    def full(path, *args, **more):
        if path.endswith("process-kumon-assistant.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(path, *args, **more)

    monkeypatch.setattr(_files, "replace", full)
    result = act()
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert result["warnings"] == [
        f"{tmp_path}/state/process-kumon-assistant.json could not be written (No space left on device)"
    ]


# -- a process that ends slowly: the kernel denies what it was to its own user, while it still holds its port


class Ending(Proc):
    """Shows a process that was told to end as a kernel does that is clearing its memory away."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.ending = set()

    def kill(self, pid, start, number):
        self.ending.add(pid)
        super().kill(pid, start, number)

    def stat(self, pid):
        found = super().stat(pid)
        return found and found._replace(exiting=pid in self.ending)

    def _read(self, *parts):
        if parts[0] in self.ending and parts[1] == "environ":
            if self.how == "denied":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return b""
        return super()._read(*parts)

    def _inodes(self, pid):
        return set() if pid in self.ending and self.how == "denied" else super()._inodes(pid)


@pytest.mark.parametrize("pidfd", [True, False])
@pytest.mark.parametrize("how", ["denied", "empty"])
@pytest.mark.parametrize("found_by", ["port", "pid file"])
def test_a_process_that_cannot_be_looked_at_while_it_ends_is_waited_for(
    act, service, tmp_path, monkeypatch, pidfd, how, found_by
):
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    old = service.start("lingers", OTHER="kept")
    (tmp_path / "pid").write_text(str(old))
    service.mode("")
    result = act(
        host=Host(proc=Ending(how), uid=os.geteuid()),
        pid_file=str(tmp_path / "pid") if found_by == "pid file" else None,
    )
    assert not lives(old)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert Proc().process(result["pid"]).environ["OTHER"] == "kept"
    assert 1 < result["seconds"] < 5


def test_one_that_is_ending_already_is_waited_for_before_anything_is_decided(service, monkeypatch):
    """Its environment reads empty: started again from that, the service would have lost its own."""
    service.start("lingers")
    proc = Ending("empty")
    manager = PlainProcess(
        "x", "/e", Host(proc=proc), "/s", Identity(service.port, user=str(service_user())), None, None, None
    )
    assert manager.processes()
    proc.kill(service.child.pid, proc.stat(service.child.pid).start, signal.SIGTERM)
    assert Proc().is_listening(service.port)
    assert manager.processes() == []
    assert not Proc().is_listening(service.port)


def as_ordinary_user(work):
    """What `work` returns, done without root's rights where we are root."""
    if os.geteuid() != 0:
        return work()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            answer = work()
        except BaseException as exc:
            answer = f"{type(exc).__name__}: {exc}"
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return json.loads(answer)


@pytest.mark.skipif(not os.access("/usr/bin/python3", os.X_OK), reason="a service that every user can start")
def test_the_kernel_denies_it_and_the_service_is_started_again(monkeypatch):
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o777)
    service = RealService(directory)
    service.command[0] = "/usr/bin/python3"

    def work():
        service.start("hides")
        service.mode("")
        result = _flags.ensure(service.params(budget=15.0), Host())
        return [result["effective"], result["reported"], lives(result["pid"])]

    try:
        assert as_ordinary_user(work) == [{"DELIVERY_DISABLE": "true"}, {"DELIVERY_DISABLE": True}, True]
    finally:
        service.child = None
        service.close()
        shutil.rmtree(directory)


def test_a_worker_that_cannot_be_looked_at_is_waited_for_and_then_the_start_is_tried(service, tmp_path, monkeypatch):
    """No pidfd is held of it: only the port tells that something is there."""
    service.start()
    manager = PlainProcess(
        "x",
        str(tmp_path / "e"),
        Host(),
        str(tmp_path),
        Identity(service.port, user=str(service_user())),
        None,
        None,
        None,
    )
    manager.prepare(manager.processes(), {})
    monkeypatch.setattr(Proc, "_inodes", lambda _self, _pid: set())
    for elapsed, last in ((0.0, False), (4.0, False), (5.5, False)):
        manager.advance(elapsed, 1.0, last)
        assert manager._child is None
    assert manager.describe() == (
        f"no process is found by port {service.port}, "
        f"port {service.port} is held by a process that may not be looked at"
    )
    manager.advance(5.5, 1.0, True)
    assert manager._child is not None
    manager._child.wait()


def test_what_may_not_be_signalled_is_said_and_the_others_are(act, service, monkeypatch):
    service.start("noterm")

    def refuse(*_args):
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(Proc, "kill", refuse)
    with pytest.raises(Failed) as caught:
        act(budget=1.5, stop_timeout=0.5)
    assert f"process {service.child.pid} cannot be ended (not permitted)" in str(caught.value)


def test_a_start_that_lacks_memory_for_a_moment_is_tried_again(act, service, monkeypatch):
    service.start()
    popen, tries = subprocess.Popen, []

    def start(*args, **more):
        tries.append(args)
        if len(tries) == 1:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return popen(*args, **more)

    monkeypatch.setattr(subprocess, "Popen", start)
    assert act()["effective"] == {"DELIVERY_DISABLE": "true"}
    assert len(tries) == 2


def test_a_log_that_cannot_be_opened_does_not_leave_the_service_stopped(act, service, monkeypatch):
    service.start()
    signal_all = PlainProcess._signal

    def and_take_the_log_away(*args):
        service.log.unlink()
        service.log.mkdir()
        signal_all(*args)

    monkeypatch.setattr(PlainProcess, "_signal", and_take_the_log_away)
    result = act()
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert result["warnings"] == [
        f"{service.log} could not be opened (Is a directory): what kumon-assistant writes there is lost"
    ]


@pytest.mark.parametrize("text", [b"A=1\n==old value==\nB=2\n", b"A=1\nOLD=x\0y\nB=2\n"])
def test_what_no_environment_can_hold_does_not_leave_the_service_stopped(act, service, tmp_path, text):
    service.start()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runbook.env").write_bytes(text)
    result = act()
    environ = Proc().process(result["pid"]).environ
    assert (environ["A"], environ["B"], environ["DELIVERY_DISABLE"]) == ("1", "2", "true")
    assert result["warnings"] == [
        f"line 2 of {tmp_path}/etc/runbook.env is nothing that an environment can hold: "
        "kumon-assistant starts without it"
    ]
    assert not act()["changed"]


def test_the_env_file_counts_byte_for_byte_in_another_encoding_too(service, tmp_path):
    service.start()
    (tmp_path / "etc").mkdir()
    greeting = "Olá → bem-vindo".encode()
    (tmp_path / "etc" / "runbook.env").write_bytes(b"GREETING=" + greeting + b"\n")
    script = """
import json
from ansible_collections.kumon.runbook.plugins.module_utils import _flags
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
print(json.dumps(_flags.ensure(json.loads(sys.argv[1]), Host())["effective"]))
"""
    assert json.loads(run_elsewhere(script, json.dumps(service.params()))) == {"DELIVERY_DISABLE": "true"}
    (pid,) = Proc().listeners(service.port)
    assert b"GREETING=" + greeting in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def gone_elsewhere(service, tmp_path, **environ):
    """The service, started by a relative name, in a directory of its data by now."""
    (tmp_path / "data").mkdir()
    text = service.script.read_text()
    service.script.write_text(text.replace("mode = open", "import os; os.chdir('data')\nmode = open", 1))
    service.command = [PYTHON, service.script.name, str(service.port), str(service.mode_file)]
    return service.start(**environ)


def test_a_relative_command_is_started_where_it_was(act, service, tmp_path):
    gone_elsewhere(service, tmp_path, PWD=str(tmp_path))
    result = act()
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert Proc().cwd(result["pid"]) == str(tmp_path / "data"), "it went there again, from where it was started"


def test_a_relative_command_that_is_not_to_be_found_is_refused(act, refused, service, tmp_path):
    gone_elsewhere(service, tmp_path, PWD=str(tmp_path / "etc"))
    assert refused() == (
        f"the command of kumon-assistant needs service.py, which is not in its working directory {tmp_path}/data: set "
        "runbook_process_chdir to the directory in which it is started"
    )
    assert lives(service.child.pid)
    assert act(chdir=str(tmp_path))["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_run_that_failed_has_kept_where_it_started_it(act, service, tmp_path):
    gone_elsewhere(service, tmp_path)
    service.mode("slow")
    with pytest.raises(Failed):
        act(chdir=str(tmp_path), budget=1.0, stop_timeout=0.5)
    service.mode("")
    assert act(flags={"SAFE_MODE": True})["effective"] == {"SAFE_MODE": "true"}


def test_a_program_that_is_gone_is_missed_before_the_stop(refused, service):
    pid = service.start()
    service.script.rename(service.script.with_name("later.py"))
    assert refused() == (
        f"the command of kumon-assistant needs {service.script}, which does not exist: set runbook_process_command"
    )
    assert lives(pid)


def test_a_directory_that_was_made_anew_is_the_one_of_that_name(act, refused, service, tmp_path):
    service.directory = tmp_path / "current"
    service.directory.mkdir()
    service.start()
    service.directory.rmdir()
    assert refused() == (f"the working directory {tmp_path}/current of kumon-assistant does not exist: set chdir")
    service.directory.mkdir()
    assert Proc().cwd(act()["pid"]) == str(tmp_path / "current")


# -- what cannot be started


def test_a_service_that_crashes_at_start(act, service, tmp_path):
    service.start()
    service.mode("crash")
    with pytest.raises(Failed) as caught:
        act()
    message, result = str(caught.value), caught.value.result
    assert message == (
        "kumon-assistant did not come back (its process ended at start with exit code 1). "
        "Last log lines: starting crash / RuntimeError: no database, password=***. "
        "The kill-switch stays declared. Next: rollback level 3."
    )
    assert (result["restarted"], result["pid"]) == (True, None)
    assert result["declared"] == {"DELIVERY_DISABLE": "true"}
    assert result["effective"] == {"DELIVERY_DISABLE": None}
    assert journal(tmp_path)[-1]["ok"] is False
    # how to start it is still known
    service.mode("")
    assert act()["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_service_that_ends_while_its_health_is_asked(act, service):
    service.start()
    service.mode("dies")
    with pytest.raises(Failed) as caught:
        act()
    assert str(caught.value) == (
        "kumon-assistant did not come back (its process ended at start with exit code 4). "
        "Last log lines: starting dies. The kill-switch stays declared. Next: rollback level 3."
    )
    assert caught.value.result["pid"] is None
    assert caught.value.result["effective"] == {"DELIVERY_DISABLE": None}
    assert not proofs(caught.value.result)["environment"]


def test_a_service_that_does_not_listen_in_time(act, service):
    service.start()
    service.mode("slow")
    with pytest.raises(Failed) as caught:
        act(budget=1.0, stop_timeout=0.5)
    assert str(caught.value) == (
        f"kumon-assistant did not come back within 1 s (its process does not listen on port {service.port} yet). "
        "Last log lines: starting slow. The kill-switch stays declared. Next: rollback level 3."
    )
    assert caught.value.result["seconds"] < 3, "the budget is 1 s; the rest is a slow machine's"


@pytest.mark.parametrize("when", ["before we look", "while we start"])
def test_a_supervisor_that_starts_it_again_is_told(act, service, monkeypatch, when):
    def until_it_listens():
        end = time.monotonic() + 10
        while not Proc().listeners(service.port):
            assert time.monotonic() < end
            time.sleep(0.02)

    def sleep(seconds):
        time.sleep(seconds)
        if when == "before we look":
            until_it_listens()

    start = PlainProcess._start

    def late_start(manager):
        until_it_listens()
        start(manager)

    monkeypatch.setattr(PlainProcess, "_start", late_start)
    loop = f"while true; do {PYTHON} {service.script} {service.port} {service.mode_file}; done"
    supervisor = subprocess.Popen(["sh", "-c", loop], stdout=subprocess.DEVNULL, **as_service_user())
    try:
        until_it_listens()
        with pytest.raises(Failed) as caught:
            act(host=Host(sleep=sleep), stop_timeout=1.0)
        (taker,) = Proc().listeners(service.port)
        assert str(caught.value).startswith(
            f"process {taker} took port {service.port} when kumon-assistant was stopped: something else starts it; "
            "stop that, or manage the service there."
        )
    finally:
        supervisor.kill()
        supervisor.wait()


def test_nothing_runs_and_nothing_is_known(refused, service):
    assert refused() == (
        f"kumon-assistant does not run (nothing is found by port {service.port}) and how to start it is not known: "
        "start it once, or set command and chdir"
    )


def test_nothing_runs_and_the_command_is_given(act, service, tmp_path):
    result = act(command=service.command, chdir=str(tmp_path))
    assert result["restarted"]
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert "starting" in (tmp_path / "state" / "service.log").read_text()


def test_options_override_what_runs(act, service, tmp_path):
    service.start()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pid = act(command=[*service.command, "--new"], chdir=str(elsewhere), log_file=str(tmp_path / "new.log"))["pid"]
    proc = Proc()
    assert proc.argv(pid) == [*service.command, "--new"]
    assert proc.cwd(pid) == str(elsewhere)
    assert proc.stream(pid, 2) == str(tmp_path / "new.log")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chdir": "/no/such"}, "the working directory /no/such of kumon-assistant does not exist: set chdir"),
        ({"log_file": "/dev/null/x"}, "the log /dev/null/x of kumon-assistant cannot be written: set log_file"),
        ({"log_file": "x.log"}, "log_file must be an absolute path, not 'x.log'"),
        ({"port": 0}, "port 0 is not between 1 and 65535: correct it"),
        (
            {"port": None},
            "the process manager finds the service by its port or pid file: set runbook_service_port",
        ),
    ],
)
def test_what_cannot_work_is_refused_while_the_old_one_runs(refused, service, options, message):
    pid = service.start()
    assert refused(**options) == message
    assert lives(pid)


def test_a_command_that_cannot_be_found_is_refused_while_the_old_one_runs(refused, service):
    pid = service.start()
    assert refused(command=["/no/such", *service.command[1:]]) == (
        "the command of kumon-assistant, '/no/such', cannot be found: set command"
    )
    assert lives(pid)


def test_one_that_was_given_another_name_is_started_again(act, service):
    """By `exec -a`, which no path leads to."""
    command = service.command
    service.command = ["bash", "-c", 'exec -a kumon-assistant "$@"', "bash", *command]
    service.start()
    manager = PlainProcess(
        "x", "/e", Host(), "/tmp", Identity(service.port, user=str(service_user())), None, None, None
    )
    manager.prepare(manager.processes(), {})
    assert manager.argv == [os.path.realpath(PYTHON), *command[1:]], "what a trial has to start"
    result = act()
    assert Proc().argv(result["pid"]) == ["kumon-assistant", *command[1:]]
    assert Proc().program(result["pid"]) == os.path.realpath(PYTHON)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


@pytest.mark.parametrize(
    ("starts", "warns"),
    [
        ('while :; do "$@"; sleep 600; done', True),
        ('"$@"; exit', False),
    ],
)
def test_what_may_start_it_again_is_named(act, service, starts, warns):
    """It does so without the flags that are declared here, and the kill-switch is gone with the next crash."""
    # Away from us, as one that a test has started itself is part of its session.
    away = f'( setsid sh -c {shlex.quote(starts)} sh "$@" & )'
    service.command = ["sh", "-c", away, "sh", *service.command]
    service.start(wait=False)
    end = time.monotonic() + 10
    while not Proc().listeners(service.port):
        assert time.monotonic() < end
        time.sleep(0.01)
    (pid,) = Proc().listeners(service.port)
    above = Proc().stat(pid).ppid
    try:
        result = act()
        assert result["effective"] == {"DELIVERY_DISABLE": "true"}
        said = f"process {above} (sh), which had started kumon-assistant, still runs"
        assert any(said in text for text in result["warnings"]) is warns
        assert lives(above) is warns
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(above, signal.SIGKILL)


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (["/usr/bin/python3", "/usr/bin/supervisord"], True),
        (["/bin/sh", "/srv/run.sh"], True),
        (["-bash"], False),
        (["bash", "-l"], False),
        (["sshd: kumon@pts/0"], False),
        (["/lib/systemd/systemd", "--user"], False),
        (["SCREEN", "-dm", "sh"], False),
    ],
)
def test_what_people_have_started_it_from_starts_it_no_more(tmp_path, words, counts):
    proc = FakeProc(tmp_path / "proc")
    proc.add(9, ppid=1)
    proc.add(10, ppid=9)
    proc.argv = lambda pid: words
    manager = PlainProcess("x", "/e", Host(proc=proc, uid=998), "/s", Identity(1), None, None, None)
    assert bool(manager._parents([proc.process(10)])) is counts


@pytest.mark.parametrize(("main", "warns"), [(True, True), (False, False)])
def test_a_process_of_a_unit_is_named_as_such(act, service, tmp_path, monkeypatch, main, warns):
    """One that somebody started from a shell of ssh.service is none of that unit's."""
    pid = service.start()
    text = Proc.text

    def told(self, *parts):
        return "0::/system.slice/assistant.service\n" if parts == (pid, "cgroup") else text(self, *parts)

    def run(argv, timeout=20, stdin=None):
        assert argv == ["systemctl", "show", "-p", "MainPID", "--", "assistant.service"]
        return Finished(0, f"MainPID={pid if main else 1}\n", "")

    monkeypatch.setattr(Proc, "text", told)
    warnings = act(host=Host(run=run, systemd_booted=str(tmp_path)), check_mode=True)["warnings"]
    assert any("set runbook_service_manager to systemd" in text for text in warnings) is warns


@pytest.mark.parametrize(("parent", "warns"), [("/usr/lib/systemd/systemd", True), ("tmux: server", False)])
def test_a_process_of_a_users_own_unit_is_named_as_such(act, service, tmp_path, monkeypatch, parent, warns):
    """The host's systemd knows nothing of it; what was started within another program of that user's is no unit's."""
    pid = service.start()
    text, argv, group = Proc.text, Proc.argv, "/user.slice/user-9.slice/user@9.service/app.slice/assistant.service"

    def told(self, *parts):
        return f"0::{group}\n" if parts == (pid, "cgroup") else text(self, *parts)

    monkeypatch.setattr(Proc, "text", told)
    monkeypatch.setattr(Proc, "argv", lambda self, of: [parent, "--user"] if of == os.getpid() else argv(self, of))
    warnings = act(host=Host(systemd_booted=str(tmp_path)), check_mode=True)["warnings"]
    assert any("is that of assistant.service" in one and "in that unit too" in one for one in warnings) is warns


def test_a_pid_file_of_another_program_of_its_user_ends_nothing(act, service, tmp_path):
    """It was ended, and started again in the place of the service."""
    pid = service.start()
    with subprocess.Popen(["sleep", "60"], **as_service_user()) as other:
        try:
            (tmp_path / "other.pid").write_text(f"{other.pid}\n")
            result = act(pid_file=str(tmp_path / "other.pid"))
            assert other.poll() is None
            assert not lives(pid)
            assert Proc().argv(result["pid"]) == service.command
        finally:
            other.kill()


def test_for_a_value_that_no_process_can_have_it_is_not_stopped(act, service, tmp_path):
    pid = service.start()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runbook.env").write_text(f"BIG={'x' * (1 << 17)}\n")
    with pytest.raises(Failed, match=r"a value as long as that of BIG in .*, so it was not restarted"):
        act()
    assert lives(pid)


def test_an_unwritable_state_directory(refused, service, tmp_path):
    service.start()
    (tmp_path / "file").write_text("")
    assert refused(state_dir=str(tmp_path / "file")) == (
        f"{tmp_path}/file/process-kumon-assistant.json cannot be written: set runbook_state_dir to a directory of yours"
    )


def test_workers_alone_cannot_be_started_again(refused, service):
    service.command.append("--multiprocessing-fork")
    service.start()
    assert refused() == ("only workers of kumon-assistant are left, which cannot be started by themselves: set command")


def test_this_session_is_not_restarted(refused, monkeypatch):
    monkeypatch.setattr(Proc, "users", lambda _self, _pid: {service_user()})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert refused(port=port, health_urls=[]) == (
            f"port {port} leads to process {os.getpid()}, which this session itself runs under: correct it"
        )


def test_another_users_process_is_refused(refused, service):
    pid = service.start()
    assert refused(host=Host(uid=service_user() + 1), process_user=None) == (
        f"process {pid} of kumon-assistant belongs to another user: run as its user or with become: true"
    )


def test_a_port_whose_holder_cannot_be_seen(refused, service, monkeypatch):
    service.start()
    monkeypatch.setattr(Proc, "listeners", lambda _self, _port, _at=(): [])
    assert refused(host=Host(uid=12345), process_user=None) == (
        f"port {service.port} is held by another user's process: run as its user or with become: true"
    )


# -- the log


def test_two_logs_stay_two(act, service, tmp_path):
    with open(tmp_path / "out.log", "ab") as out, open(tmp_path / "err.log", "ab") as err:
        service.child = subprocess.Popen(service.command, cwd=tmp_path, stdout=out, stderr=err, **as_service_user())
    while not Proc().listeners(service.port):
        time.sleep(0.01)
    pid = act()["pid"]
    assert (Proc().stream(pid, 1), Proc().stream(pid, 2)) == (str(tmp_path / "out.log"), str(tmp_path / "err.log"))


def test_output_that_went_nowhere_still_does_and_nothing_is_called_lost(act, service, tmp_path):
    service.child = subprocess.Popen(
        service.command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_service_user()
    )
    while not Proc().listeners(service.port):
        time.sleep(0.01)
    result = act()
    assert (Proc().stream(result["pid"], 1), result.get("warnings", [])) == ("/dev/null", [])


def test_output_that_went_to_a_pipe_goes_to_a_file(act, service, tmp_path):
    service.child = subprocess.Popen(
        service.command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **as_service_user()
    )
    with service.child.stdout:
        while not Proc().listeners(service.port):
            time.sleep(0.01)
        result = act()
    log = tmp_path / "state" / "service.log"
    assert result["warnings"] == [f"the output of kumon-assistant went to no file; it goes to {log} from now on"]
    assert "starting" in log.read_text()


# -- pid files


@pytest.fixture
def pid_file(tmp_path):
    return tmp_path / "app.pid"


def test_a_service_is_found_by_its_pid_file_alone(act, service, pid_file):
    pid_file.write_text(f"{service.start()}\n")
    result = act(port=None, pid_file=str(pid_file))
    assert result["restarted"]
    assert pid_file.read_text() == f"{result['pid']}\n"
    assert not act(port=None, pid_file=str(pid_file))["changed"]


def test_a_pid_file_of_before_names_another_process_by_now(act, service, pid_file):
    pid = service.start()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text(str(bystander.pid))
        long_ago = time.time() - 3600
        os.utime(pid_file, (long_ago, long_ago))
        result = act(pid_file=str(pid_file))
        assert bystander.poll() is None
        assert not lives(pid)
        assert pid_file.read_text() == f"{result['pid']}\n"
    finally:
        bystander.kill()
        bystander.wait()


def test_an_old_pid_file_counts_when_its_process_listens(act, service, pid_file):
    pid_file.write_text(str(service.start()))
    os.utime(pid_file, (0, 0))
    assert act(pid_file=str(pid_file))["restarted"]


@pytest.mark.parametrize("text", ["", "x", "-1", "1", "999999999"])
def test_a_pid_file_that_names_nothing(act, service, pid_file, text):
    pid = service.start()
    pid_file.write_text(text)
    assert act(pid_file=str(pid_file), check_mode=True)["pid"] == pid


def test_a_service_that_hangs_before_it_listens_is_found_by_its_pid_file(act, service, pid_file):
    pid = service.start("slow", wait=False)
    pid_file.write_text(str(pid))
    service.mode("")
    time.sleep(0.3)
    service.mode("")
    result = act(pid_file=str(pid_file))
    assert not lives(pid)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


# -- identity


def test_root_starts_it_as_who_it_was(service, tmp_path, monkeypatch):
    """Without being root: what is asked of the kernel is looked at."""
    service.start()
    asked = {}
    popen = subprocess.Popen

    def start(argv, **more):
        asked.update({key: more.pop(key) for key in ("user", "group", "extra_groups")}, umask=more["umask"])
        return popen(argv, **more)

    manager = PlainProcess(
        "x",
        str(tmp_path / "e"),
        Host(uid=0),
        str(tmp_path),
        Identity(service.port, user=str(service_user())),
        None,
        None,
        None,
    )
    manager.prepare(manager.processes(), {})
    manager._launch.uid, manager._launch.gid, manager._launch.groups = 998, 997, [997, 27]
    monkeypatch.setattr(subprocess, "Popen", start)
    service.close()
    manager._start()
    with contextlib.suppress(ProcessLookupError):
        os.kill(manager._child.pid, signal.SIGKILL)
    manager._child.wait()
    assert asked == {"user": 998, "group": 997, "extra_groups": [997, 27], "umask": 0o027}


def test_root_starts_what_never_ran_as_the_services_user_and_not_as_itself(service, tmp_path, monkeypatch):
    def cold(user):
        identity = Identity(service.port, user=user)
        return PlainProcess(
            "x", str(tmp_path / "e"), Host(uid=0), str(tmp_path), identity, service.command, "/srv", None
        )._launches._from_options()

    owned = os.stat_result((0o040755, 0, 0, 0, 998, 997, 0, 0, 0, 0))
    look = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **more: owned if path == "/srv" else look(path, **more))
    launch = cold("54321")
    assert (launch.uid, launch.gid, launch.groups) == (54321, 997, [997])
    nobody = pwd.getpwnam("nobody")
    assert (cold("nobody").uid, cold("nobody").gid) == (nobody.pw_uid, nobody.pw_gid)


def test_what_never_ran_gets_nothing_of_this_runs_environment(act, service, tmp_path, monkeypatch):
    for name in ("SUDO_USER", "ANSIBLE_VAULT_PASSWORD_FILE", "API_TOKEN", "PYTHONPATH", "SHELL"):
        monkeypatch.setenv(name, "of this run")
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runbook.env").write_text("EVOLUTION_URL=http://gateway\n")
    result = act(command=service.command, chdir=str(tmp_path))
    environ = Proc().process(result["pid"]).environ
    me = pwd.getpwuid(service_user())
    assert environ.pop("LANG")
    assert environ == {
        "PATH": os.environ["PATH"] if os.geteuid() else PATH,
        "TZ": "America/Sao_Paulo",
        "HOME": me.pw_dir,
        "USER": me.pw_name,
        "LOGNAME": me.pw_name,
        "SHELL": me.pw_shell,
        "EVOLUTION_URL": "http://gateway",
        "DELIVERY_DISABLE": "true",
    }


def test_another_users_service_is_not_searched_for_on_roots_path(monkeypatch):
    monkeypatch.setenv("PATH", "/root/bin")
    manager = PlainProcess("x", "/e", Host(uid=0), "/s", Identity(1, user="nobody"), ["x"], "/", None)
    assert "/root" not in manager._launches._from_options().environ["PATH"]


def test_as_root_the_service_has_a_user_and_that_is_not_root(refused, service):
    pid = service.start()
    assert refused(process_user=None, host=Host(uid=0)) == (
        "runbook_process_user is not set, and as root nothing else tells whose processes are the service's: name the "
        "service's own user (never root), or run as that user without become"
    )
    assert refused(process_user=None, host=Host(uid=0), check_mode=True)
    assert lives(pid)


def test_without_root_it_is_the_runs_user_and_no_other(act, refused, service):
    pid = service.start()
    me = service_user()
    assert act(process_user=None, host=Host(uid=me), check_mode=True)["pid"] == pid
    assert act(process_user=str(me), host=Host(uid=me), check_mode=True)["pid"] == pid
    assert refused(process_user="54321", host=Host(uid=me)) == (
        f"runbook_process_user is 54321 and this runs as {pwd.getpwuid(me).pw_name}: run as its user or with "
        "become: true"
    )


# -- hosts as people have them


def test_output_that_went_through_tee_goes_to_its_file(act, service, tmp_path):
    service.mode("")
    log = tmp_path / "tee.log"
    log.touch()
    log.chmod(0o666)
    command = " ".join(service.command)
    tee = subprocess.Popen(
        ["sh", "-c", f"exec env -i PATH=$PATH {command} 2>&1 | tee -a {log} >/dev/null"],
        cwd=tmp_path,
        **as_service_user(),
    )
    try:
        end = time.monotonic() + 10
        while not Proc().listeners(service.port):
            assert time.monotonic() < end
            time.sleep(0.01)
        before = log.stat().st_size
        result = act()
        assert f"went through a pipe to {log}" in result["warnings"][0]
        assert log.stat().st_size > before
        tee.wait(5)
    finally:
        tee.kill()
        tee.wait()


def titled(service, monkeypatch, title=b"kumon: serving"):
    """The service has given itself a title, over its command and its environment."""
    pid = service.start()
    read = Proc._read

    def overwritten(self, *parts):
        return title + b"\0" * 41 if parts in ((pid, "environ"), (pid, "cmdline")) else read(self, *parts)

    monkeypatch.setattr(Proc, "_read", overwritten)
    return pid


def test_a_process_that_hides_its_environment_is_not_started_from_scraps(refused, service, monkeypatch):
    pid = titled(service, monkeypatch)
    assert refused() == (
        f"process {pid} of kumon-assistant has written over its environment and cannot be started again from what is "
        f"left: set runbook_process_command, and what it needs in {service.directory}/etc/runbook.env"
    )


def test_with_a_command_it_is_started_with_what_its_env_file_says(act, service, monkeypatch):
    titled(service, monkeypatch)
    env_file = service.directory / "etc" / "runbook.env"
    env_file.parent.mkdir()
    env_file.write_text("EVOLUTION_URL=http://gateway\n")
    result = act(command=service.command)
    environ = Proc().process(result["pid"]).environ
    assert (environ["EVOLUTION_URL"], environ["DELIVERY_DISABLE"]) == ("http://gateway", "true")
    assert "SECRET" not in environ


def test_limits_and_niceness_come_back(act, service, tmp_path):
    """As the service's user: where root lacks CAP_SYS_RESOURCE another user's limits are not its to set."""
    tmp_path.chmod(0o777)

    def work():
        pid = service.start()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (99, 99))
        os.setpriority(os.PRIO_PROCESS, pid, 5)
        new = act()["pid"]
        return [resource.prlimit(new, resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, new)]

    limits, nice = as_ordinary_user(work)
    assert (tuple(limits), nice) == ((99, 99), 5)


def test_what_it_was_started_with_comes_back(act, service):
    """Also its limits where root lacks CAP_SYS_RESOURCE, as that of a container: it may not even ask for those of other
    users' processes, and nothing was said of their loss."""
    code = (
        "import os, resource, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    service.command = [PYTHON, "-c", code, *service.command]
    service.start()
    result, proc = act(), Proc()
    found = proc.surroundings(result["pid"])
    assert (found["limits"]["RLIMIT_NOFILE"], found["scheduling"]) == ([99, 99], [os.SCHED_BATCH, 0])
    assert found["ignores_hangup"], "as nohup gives it"
    assert not result["warnings"]


def test_what_ignored_no_hangup_does_not_learn_it_from_us(act, service):
    # Whoever runs the tests may ignore it too, as nohup has it.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        service.start()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        new = act()["pid"]
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not Proc().surroundings(new)["ignores_hangup"]


def test_limits_that_a_start_from_here_may_not_give_are_named(act, service, monkeypatch):
    service.start()
    monkeypatch.setattr(Proc, "surround", lambda *_all: ["NOFILE", "nice"])
    assert any("was started without what it had of NOFILE, nice" in warning for warning in act()["warnings"])


@pytest.mark.parametrize(
    "argv", [["/usr/bin/docker-proxy", "-proto", "tcp"], ["python3", "proxy", "-container-port", "1"]]
)
def test_the_proxy_of_a_container_engine_is_left_alone(refused, service, monkeypatch, argv):
    pid = service.start()
    monkeypatch.setattr(Proc, "argv", lambda _self, _pid: argv)
    assert f"leads to process {pid}, a proxy of the container engine" in refused()
    assert Proc().listeners(service.port) == [pid]


def test_a_process_inside_a_container_is_left_alone(refused, service, monkeypatch):
    pid = service.start()
    monkeypatch.setattr(Proc, "namespace", lambda _self, asked, kind: f"{kind}:[{int(asked == pid)}]")
    assert "inside a container" in refused()


# -- whose process it is


def test_a_stranger_on_another_address_of_the_port_is_left_alone(act, service):
    pid = service.start()
    with socket.create_server(("127.0.0.2", service.port)):
        own = os.getpid()
        assert Proc().listeners(service.port) == sorted([own, pid])
        assert Proc().listeners(service.port, ["127.0.0.1"]) == [pid]
        assert act()["restarted"]
    assert not lives(pid)


@pytest.fixture
def by_name(service, monkeypatch):
    """The health URL by a name, which stands for these addresses; for none it does not resolve."""

    def by_name(*addresses):
        real = socket.getaddrinfo

        def resolve(name, port, *more, **kinds):
            if name != "assistant.example":
                return real(name, port, *more, **kinds)
            if not addresses:
                raise socket.gaierror(-3, "Temporary failure in name resolution")
            return [one for address in addresses for one in real(address, port, *more, **kinds)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return {"health_urls": [f"http://assistant.example:{service.port}/health"]}

    return by_name


def test_a_name_stands_for_its_addresses_and_for_no_others(act, service, by_name):
    pid = service.start()
    with socket.create_server(("127.0.0.2", service.port)):
        assert act(**by_name("127.0.0.1"))["restarted"]
    assert not lives(pid)


@pytest.fixture
def second(service, tmp_path):
    """Another process of the same user at the same port, by another address; or beside it at the same one."""
    (tmp_path / "second").mkdir()
    found = RealService(tmp_path / "second")

    def start(address, command=None):
        found.port, text = service.port, found.script.read_text()
        found.script = found.directory / "second.py"
        found.script.write_text(text.replace('("127.0.0.1", int', f'("{address}", int'))
        found.command = command or [PYTHON, str(found.script), str(found.port), found.command[3]]
        return found.start()

    yield start
    found.close()


def test_of_two_programs_at_the_addresses_of_a_name_none_is_ended(refused, act, service, second, by_name):
    """One user runs two: at which of them the name ends is chance, and the other one is no service of ours."""
    mine, other = service.start(), second("127.0.0.2")
    urls = by_name("127.0.0.1", "127.0.0.2")
    said = refused(**urls)
    assert f"process {mine} at 127.0.0.1" in said
    assert f"process {other} at 127.0.0.2" in said
    assert "which of them is kumon-assistant cannot be told" in said
    assert lives(mine)
    assert lives(other)
    assert act(command=service.command, **urls)["restarted"]
    assert lives(other)


def test_that_of_two_servers_one_is_started_again_is_said(act, service, second):
    """They share the port by SO_REUSEPORT; one that was left over from before looks just so."""
    share = """
import http.server, socket
class Sharing(http.server.ThreadingHTTPServer):
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()
http.server.ThreadingHTTPServer = Sharing
"""
    service.script.write_text(share + service.script.read_text())
    mine = service.start()
    other = second("127.0.0.1", service.command)
    result = act()
    assert not lives(mine)
    assert not lives(other)
    assert any(f"processes {other}, {mine} of kumon-assistant run beside" in text for text in result["warnings"])
    assert not act()["warnings"]


def test_a_name_that_does_not_resolve_stands_for_no_address(act, refused, service, by_name, pid_file):
    """No restart is refused that can be done all the same: a name service may be down in an incident."""
    pid = service.start()
    assert refused(**by_name()) == (
        "the name assistant.example in runbook_health_url does not resolve on this host, so that whether it leads to "
        f"what listens on port {service.port} cannot be told: put the address there"
    )
    assert lives(pid)
    pid_file.write_text(str(pid))
    result = act(**by_name(), pid_file=str(pid_file), health_required=False, health_wait=0.1)
    assert (result["restarted"], result["effective"]) == (True, {"DELIVERY_DISABLE": "true"})


def test_a_name_that_does_not_resolve_leads_to_what_listens_everywhere(act, service, by_name):
    service.script.write_text(service.script.read_text().replace('("127.0.0.1", int', '("", int'))
    service.start()
    result = act(**by_name(), health_required=False, health_wait=0.1)
    assert (result["restarted"], result["effective"]) == (True, {"DELIVERY_DISABLE": "true"})


def test_what_listens_on_every_address_holds_each_of_them():
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        assert Proc().listeners(port, ["127.0.0.1"]) == [os.getpid()]
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        assert Proc().listeners(port, ["127.0.0.1"]) == [os.getpid()]
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert Proc().listeners(port, ["127.0.0.1"]) == []
        assert Proc().listeners(port, ["127.0.0.1", "::1"]) == [os.getpid()]


def test_the_holder_of_the_port_who_is_not_the_services_user_is_refused_by_name(refused, service):
    pid = service.start()
    me = pwd.getpwuid(service_user()).pw_name
    said = refused(process_user="daemon", host=Host(uid=0))
    assert said.startswith(f"port {service.port} is held by process {pid} (python")
    assert f" of {me}, which is not daemon's (runbook_process_user): " in said
    assert lives(pid)


def test_a_process_with_a_users_id_in_part_is_not_that_users(service):
    service.start()

    class Mixed(Proc):
        def users(self, pid):
            return {0, 65534}

    manager = PlainProcess(
        "x", "/e", Host(proc=Mixed(), uid=0), "/s", Identity(service.port, user="65534"), None, None, None
    )
    with pytest.raises(Refused, match="is held by process .* of root, .*, which is not nobody's"):
        manager.processes()


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("root", "runbook_process_user is root; no service's process is root's: name the service's own user"),
        ("0", "runbook_process_user is root; no service's process is root's: name the service's own user"),
        ("nosuchuser", "user nosuchuser is not known on the host: correct runbook_process_user"),
    ],
)
def test_a_user_that_cannot_be_the_services_is_refused(refused, user, message):
    assert refused(process_user=user, host=Host(uid=0)) == message


def test_a_pid_file_that_names_another_users_process_is_not_believed(service, tmp_path):
    pid = service.start()
    (tmp_path / "app.pid").write_text(f"{pid}\n")
    identity = Identity(None, pid_file=str(tmp_path / "app.pid"), user="daemon")
    manager = PlainProcess("x", "/e", Host(uid=0), "/s", identity, None, None, None)
    assert manager.processes() == []
    identity = Identity(None, pid_file=str(tmp_path / "app.pid"), user=str(service_user()))
    manager = PlainProcess("x", "/e", Host(), "/s", identity, None, None, None)
    assert [process.pid for process in manager.processes()] == [pid]


def test_the_configured_command_has_to_fit(refused, act, service):
    pid = service.start()
    for user in (0, service_user()):
        said = refused(command=["/usr/bin/other", "other:app"], host=Host(uid=user))
        assert "which was not started by runbook_process_command (/usr/bin/other)" in said
    assert lives(pid)
    assert act(command=[PYTHON, "-u", *service.command[1:]], check_mode=True)["changed"]


def test_another_program_of_the_same_interpreter_does_not_fit(refused, service):
    pid = service.start()
    command = [PYTHON, str(service.directory / "other.py"), *service.command[2:]]
    assert f"process {pid} (" in refused(command=command)
    assert lives(pid)


def test_another_word_for_the_code_fits_in_the_directory_of_the_command(act, refused, service, tmp_path):
    pid = service.start()
    command = [*service.command[:2], "8000", str(service.mode_file)]
    assert f"process {pid} (" in refused(command=command)
    (tmp_path / "current").symlink_to(tmp_path)
    assert act(command=command, chdir=str(tmp_path / "current"), check_mode=True)["pid"] == pid


def test_a_script_that_becomes_the_service_fits(act, refused, service, tmp_path):
    pid = service.start()
    start, other = tmp_path / "start.sh", tmp_path / "other.sh"
    start.write_text(f"#!/bin/sh -e\n# it's how it starts\nexec {' '.join(service.command)}\n")
    other.write_text(f"#!/bin/sh\nexec {PYTHON} other.py\n")
    for script in (start, other):
        script.chmod(0o755)
    assert act(command=[str(start)], check_mode=True)["pid"] == pid
    assert act(command=["/bin/sh", "start.sh"], chdir=str(tmp_path), check_mode=True)["pid"] == pid
    assert f"process {pid} (" in refused(command=[str(other)])
    # The text of another program tells nothing.
    other.write_text(f"#!{PYTHON}\n# {' '.join(service.command)}\n")
    assert f"process {pid} (" in refused(command=[str(other)])


@pytest.mark.parametrize(
    ("words", "parents", "fits"),
    [
        (["python3", "-c", "spawn", "--multiprocessing-fork"], ["python3", "uvicorn", "main:app"], True),
        (["python3", "-c", "spawn", "--multiprocessing-fork"], ["kumon: serving"], True),
        (["python3", "-c", "spawn", "--multiprocessing-fork"], ["python3", "other.py"], False),
        (["python3", "-c", "spawn", "--multiprocessing-fork"], None, True),
        # A shell over it is somebody's who looks around, with a title or not.
        (["python3", "other.py"], ["sshd: kumon@pts/0"], False),
        (["python3", "other.py"], ["-bash"], False),
        (["python3", "main.py"], ["/bin/sh", "/srv/run.sh"], False),
    ],
)
def test_a_worker_is_known_by_its_server(tmp_path, words, parents, fits):
    proc = FakeProc(tmp_path / "proc")
    proc.add(10, ppid=1 if parents is None else 9)
    proc.argv = lambda pid: words if pid == 10 else parents
    manager = PlainProcess(
        "x", "/e", Host(proc=proc, uid=998), "/s", Identity(1), ["python3", "-m", "uvicorn", "main:app"], None, None
    )
    assert manager._look.is_ours(10) is fits


@pytest.mark.parametrize("title", [b"kumon: serving", b"kumon-assistant"])
def test_a_title_hides_the_command(act, service, monkeypatch, title):
    titled(service, monkeypatch, title)
    assert act(command=["/bin/sleep", "60"], check_mode=True)["changed"]


def test_what_the_service_may_only_read_is_no_log_of_its(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("root only\n")
    how = as_service_user()
    with open(secret, "rb") as given, subprocess.Popen(["sleep", "60"], stdout=given, stderr=given, **how) as child:
        try:
            (tmp_path / "app.pid").write_text(f"{child.pid}\n")
            identity = Identity(None, pid_file=str(tmp_path / "app.pid"), user=str(service_user()))
            state = str(tmp_path / "state")
            manager = PlainProcess("x", str(tmp_path / "e"), Host(), state, identity, None, None, None)
            manager.prepare(manager.processes(), {})
            assert (manager._launch.log, manager._launch.error_log) == (f"{state}/service.log",) * 2
        finally:
            child.kill()


@pytest.fixture(name="shared")
def _shared():
    """A directory of nobody's, in one to which only root can write."""
    with tempfile.TemporaryDirectory(dir="/var/lib", prefix="kumon-runbook-test-") as name:
        os.chmod(name, 0o755)
        home = Path(name) / "home"
        home.mkdir()
        os.chown(home, 65534, 65534)
        yield home


def logging_to(path):
    """A service of nobody's, started by us, whose log is ``path``."""
    manager = PlainProcess("x", "/e", Host(uid=0), "/s", Identity(1, user="65534"), None, None, None)
    manager._launch = SimpleNamespace(error_log=str(path), uid=65534, gid=65534)
    manager._child, manager._log_from = SimpleNamespace(), 0
    return manager


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the service's user")
def test_a_link_in_the_place_of_the_log_shows_nothing_of_roots(shared):
    secret = shared.parent / "secret"
    secret.write_text("PASSWORD=canary\n")
    secret.chmod(0o600)
    (shared / "app.log").symlink_to(secret)
    assert logging_to(shared / "app.log").log_tail() == []
    (shared / "own.log").write_text("Traceback\n")
    assert logging_to(shared / "own.log").log_tail() == ["Traceback"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the service's user")
def test_the_logs_directory_is_made_with_the_rights_of_who_keeps_the_place(shared):
    roots = shared.parent / "roots"
    roots.mkdir()
    (shared / "log").symlink_to(roots)
    manager = logging_to(shared)
    manager._open_log(str(shared / "log" / "new" / "app.log")).close()
    assert list(roots.iterdir()) == []
    manager._open_log(str(shared / "own" / "app.log")).close()
    assert (shared / "own" / "app.log").stat().st_uid == (shared / "own").stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the service's user")
def test_a_file_that_is_put_in_the_place_of_the_log_meanwhile_stays_whose_it_is(shared, monkeypatch):
    roots = shared.parent / "open-to-all"
    roots.touch()
    roots.chmod(0o666)
    look = os.path.exists

    def then_a_link_comes(path):
        found = look(path)
        if path == str(shared / "app.log"):
            (shared / "app.log").symlink_to(roots)
        return found

    monkeypatch.setattr(os.path, "exists", then_a_link_comes)
    logging_to(shared)._open_log(str(shared / "app.log")).close()
    assert roots.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a program to another group")
def test_the_group_of_a_set_gid_program_is_not_given_to_what_its_words_name(shared):
    """Its words are of the choice of whoever runs it, its name too."""
    program = shared.parent / "program"
    shutil.copy(shutil.which("sleep"), program)
    os.chown(program, 0, 1)
    program.chmod(0o2755)
    with subprocess.Popen(["/home/kumon/any", "60"], executable=program, **as_service_user()) as child:
        try:
            (shared.parent / "app.pid").write_text(f"{child.pid}\n")
            identity = Identity(None, pid_file=str(shared.parent / "app.pid"), user=str(service_user()))
            manager = PlainProcess("x", "/e", Host(), str(shared.parent / "state"), identity, None, None, None)
            launch = manager._launches._from_process(manager.processes()[0])
            assert (launch.argv[0], launch.gid) == ("/home/kumon/any", service_user())
        finally:
            child.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the service's user")
def test_root_brings_it_into_no_directory_that_it_was_not_in(shared):
    """Among mounts of its own it can have a directory by any name; and it can put a link in the place of its own."""
    closed, fits = shared.parent / "closed", service_user()
    (closed / "of-roots").mkdir(parents=True)
    closed.chmod(0o700)
    apart = f"mount --bind {shared} {closed}/of-roots && cd {closed}/of-roots && exec "
    drop = f"setpriv --reuid={fits} --regid={fits} --clear-groups sleep 60"
    for before, refuses in ((apart, True), (f"cd {closed}/of-roots && exec ", False)):
        with subprocess.Popen(["unshare", "-m", "sh", "-c", before + drop]) as child:
            try:
                end = time.monotonic() + 20
                while Proc().argv(child.pid)[0] != "sleep":
                    assert time.monotonic() < end
                    time.sleep(0.01)
                (shared.parent / "app.pid").write_text(f"{child.pid}\n")
                identity = Identity(None, pid_file=str(shared.parent / "app.pid"), user=str(fits))
                manager = PlainProcess("x", "/e", Host(), str(shared.parent / "state"), identity, None, None, None)
                assert Proc().cwd(child.pid) == f"{closed}/of-roots"
                with pytest.raises(Refused, match="cannot be entered") if refuses else contextlib.nullcontext():
                    manager.prepare(manager.processes(), {})
            finally:
                child.kill()
    # What was its own when it was looked at.
    shared.joinpath("app").symlink_to(closed / "of-roots")
    manager._launch.cwd = str(shared / "app")
    with pytest.raises(PermissionError):
        manager._launches.open_directory(manager._launch)
