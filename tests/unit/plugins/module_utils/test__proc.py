# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What /proc tells, on a tree of files and on this very process."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

from tests.unit.plugins.service_fakes import FakeProc


@pytest.fixture
def fake(tmp_path):
    return FakeProc(tmp_path / "proc")


@pytest.fixture
def sleeper():
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
        env={"FLAG": "a=b", "EMPTY": "", "ODD": "\udcff"},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_process_is_read_with_its_environment(sleeper):
    found = Proc().process(sleeper.pid)
    assert found is not None
    assert (found.pid, found.ppid) == (sleeper.pid, os.getpid())
    assert {name: found.environ[name] for name in ("FLAG", "EMPTY", "ODD")} == {
        "FLAG": "a=b",
        "EMPTY": "",
        "ODD": "\udcff",
    }
    assert abs(found.started - time.time()) < 30


def test_the_start_is_exact_to_a_hundredth():
    before = time.time()
    child = subprocess.Popen(["sleep", "60"])
    try:
        found = Proc().process(child.pid)
        assert found is not None
        assert before - 0.03 <= found.started <= time.time() + 0.03
    finally:
        child.kill()
        child.wait()


def test_a_zombie_does_not_live(sleeper):
    stat = Proc().stat(sleeper.pid)
    sleeper.kill()
    end = time.monotonic() + 5
    while Proc().is_alive(sleeper.pid, stat.start):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert Proc().stat(sleeper.pid).state == "Z"
    assert Proc().process(sleeper.pid) is None


def test_what_a_new_start_needs_is_read(sleeper, tmp_path):
    with open(tmp_path / "log", "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)", "", "two words"],
            cwd=tmp_path,
            stdout=log,
            umask=0o027,
        )
    try:
        proc = Proc()
        while len(proc.argv(child.pid)) != 5:
            time.sleep(0.01)
        assert proc.argv(child.pid) == [sys.executable, "-c", "import time; time.sleep(60)", "", "two words"]
        assert proc.cwd(child.pid) == str(tmp_path)
        assert proc.stream(child.pid, 1) == str(tmp_path / "log")
        os.unlink(tmp_path / "log")
        assert proc.stream(child.pid, 1) == str(tmp_path / "log")
        assert proc.ids(child.pid) == (os.geteuid(), os.getegid(), sorted(os.getgroups()), 0o027)
    finally:
        child.kill()
        child.wait()


def test_listeners_are_found_by_the_socket_not_by_a_name():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert Proc().listeners(port) == [os.getpid()]
            assert Proc().is_listening(port)
            assert port in Proc().ports([os.getpid()])
    assert Proc().listeners(port) == []
    assert not Proc().is_listening(port)


def test_listeners_on_ipv6_count():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        assert Proc().listeners(listener.getsockname()[1]) == [os.getpid()]


@pytest.mark.parametrize("lines", ["1:name=systemd:{}\n0::/\n", "0::{}\n"])
def test_a_unit_is_its_control_group_and_those_below(fake, lines):
    for pid, group in ((10, "/a.slice/x.service"), (11, "/a.slice/x.service/sub"), (12, "/a.slice/x.service2")):
        fake.add(pid)
        (fake.base / str(pid) / "cgroup").write_text("5:cpu:/a.slice/x.service\n" + lines.format(group))
    fake.add(13)
    (fake.base / "13" / "cgroup").write_text("5:cpu:/a.slice/x.service\n")
    assert fake.in_cgroup("/a.slice/x.service") == [10, 11]


def test_ids_and_groups(fake):
    fake.add(10, uid=998)
    assert fake.ids(10) == (998, 9, [9, 27], 0o022)
    assert fake.ids(99) is None


def test_one_that_is_ending_has_ids_without_a_umask(fake):
    fake.add(5)
    status = fake.base / "5" / "status"
    status.write_text(status.read_text().replace("Umask:\t0022\n", ""))
    assert fake.ids(5) == (998, 9, [9, 27], 0o022)


def test_ancestors_end_at_the_first_process(fake):
    fake.add(1, ppid=0)
    fake.add(10, ppid=1)
    fake.add(20, ppid=10)
    assert fake.ancestors(20) == [20, 10, 1]
    assert os.getppid() in Proc().ancestors(os.getpid())


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_signal_reaches_only_the_process_that_was_meant(sleeper, monkeypatch, pidfd):
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    proc = Proc()
    start = proc.stat(sleeper.pid).start
    assert not proc.is_alive(sleeper.pid, start + 1)
    proc.kill(sleeper.pid, start + 1, signal.SIGKILL)
    with pytest.raises(subprocess.TimeoutExpired):
        sleeper.wait(0.2)
    proc.kill(sleeper.pid, start, signal.SIGKILL)
    assert sleeper.wait(5) == -signal.SIGKILL
    proc.kill(sleeper.pid, start, signal.SIGKILL)


# -- an environment that is not what it seems


@pytest.mark.parametrize(
    ("raw", "environ", "readable"),
    [
        # Of a name that is given twice the first counts for the process too.
        (b"FLAG=true\0FLAG=false\0", {"FLAG": "true"}, True),
        (b"", {}, True),
        (b"EMPTY=\0", {"EMPTY": ""}, True),
        # A title that a process gave itself: what is left of it, and nothing.
        (b"serving\0" + b"\0" * 40, {}, False),
        (b"\0" * 60, {}, False),
        (b"PATH=/usr/bin\0" + b"\0" * 40, {}, False),
    ],
)
def test_an_environment_is_read_as_the_process_has_it(fake, raw, environ, readable):
    fake.add(7)
    (fake.base / "7" / "environ").write_bytes(raw)
    found = fake.process(7)
    assert (found.environ, found.readable) == (environ, readable)


def test_output_is_followed_through_pipes_to_the_file(tmp_path):
    log, other = tmp_path / "app.log", tmp_path / "other"
    shell = f"(echo up; exec sleep 60) 2>&1 | cat | tee -a {log} > /dev/null"
    with open(other, "w") as held:
        child = subprocess.Popen(["sh", "-c", shell], stdin=held, start_new_session=True)
    try:
        end, proc, ours = time.monotonic() + 20, Proc(), []
        while not (ours and log.exists() and log.read_text()):
            assert time.monotonic() < end
            time.sleep(0.01)
            ours = [pid for pid in proc.pids() if proc.argv(pid) == ["sleep", "60"] and os.getsid(pid) == child.pid]
        assert proc.ends(ours[0], 1) == [str(log)]
        assert proc.ends(child.pid, 0) == [str(other)]
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the service's user")
def test_a_path_that_a_process_has_for_another_file_is_no_log_of_its(tmp_path):
    """The name of a file in memory leads anywhere; so does that of a file among mounts of one's own."""
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / "there").write_text("root's\n")
    (tmp_path / "its").mkdir()
    for name in ("there", "new"):
        (tmp_path / "its" / name).touch()
    among_its_mounts = f"mount --bind {tmp_path}/its {roots} && exec sleep 60 >>{roots}/"
    programs = [
        [
            sys.executable,
            "-c",
            f"import os; os.dup2(os.memfd_create('x/..{roots}/new'), 1); os.execlp('sleep', 'sleep', '60')",
        ],
        ["unshare", "-m", "sh", "-c", f"{among_its_mounts}there"],
        ["unshare", "-m", "sh", "-c", f"{among_its_mounts}new"],
    ]
    proc = Proc()
    for program in programs:
        with subprocess.Popen(program, stdout=subprocess.DEVNULL) as child:
            try:
                end = time.monotonic() + 20
                while proc.argv(child.pid) != ["sleep", "60"]:
                    assert time.monotonic() < end
                    time.sleep(0.01)
                # Somebody takes the file away: what was there is gone from there alone.
                (tmp_path / "its" / "new").unlink(missing_ok="memfd" not in str(program))
                assert str(proc.stream(child.pid, 1)).endswith(("/roots/there", "/roots/new"))
                assert (proc.writes_to(child.pid, 1), proc.ends(child.pid, 1)) == (None, [])
            finally:
                child.kill()


def test_a_log_that_was_removed_is_still_its_log_and_not_what_somebody_else_has_put_there(tmp_path):
    log = tmp_path / "app.log"
    with open(log, "w") as given, subprocess.Popen(["sleep", "60"], stdout=given) as child:
        try:
            log.unlink()
            assert Proc().writes_to(child.pid, 1) == str(log)
            log.touch()
            assert Proc().writes_to(child.pid, 1) == str(log)
            if os.geteuid() == 0:
                os.chown(log, 65534, 65534)
                assert Proc().writes_to(child.pid, 1) is None
        finally:
            child.kill()


def test_what_the_reader_of_a_pipe_may_only_read_is_no_log(tmp_path):
    """Whoever writes to a pipe can have a reader of his own there."""
    secret, log = tmp_path / "secret", tmp_path / "app.log"
    secret.touch()
    # `tee` by its name, with one file to read and one to write.
    named = f"import os; open('/proc/self/comm', 'w').write('tee'); os.open('{secret}', 0); os.open('{log}', 65); "
    held = "[os.set_inheritable(n, True) for n in (3, 4)]; print(flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", named + held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tee:
        its = subprocess.Popen(["sleep", "60"], stdout=tee.stdin)
        with open(secret) as only_read:
            other = subprocess.Popen(["sleep", "60"], stdin=tee.stdin, stdout=only_read)
        try:
            assert tee.stdout is not None
            tee.stdout.readline()
            assert Proc().ends(its.pid, 1) == [str(log)]
        finally:
            for each in (its, other, tee):
                each.kill()
                each.wait()


def test_surroundings_are_taken_over(sleeper):
    proc = Proc()
    limited = subprocess.Popen(["sh", "-c", "ulimit -n 77; exec nice -n 7 sleep 60"])
    try:
        end = time.monotonic() + 10
        while proc.argv(limited.pid)[0] != "sleep":
            assert time.monotonic() < end
            time.sleep(0.01)
        wanted = proc.surroundings(limited.pid)
        proc.surround(sleeper.pid, wanted)
        assert proc.surroundings(sleeper.pid) == wanted
        assert (wanted["limits"]["RLIMIT_NOFILE"], wanted["nice"]) == ([77, 77], os.nice(0) + 7)
    finally:
        limited.kill()
        limited.wait()


def test_what_may_not_be_given_is_named_and_all_else_is_given():
    beyond = [resource.getrlimit(resource.RLIMIT_NOFILE)[1] + 1] * 2
    surround = (
        "import json, subprocess, sys\n"
        "from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "try:\n"
        "    lost = Proc().surround(child.pid, json.loads(sys.argv[1]))\n"
        "    print(json.dumps([lost, Proc().surroundings(child.pid)['limits']['RLIMIT_CORE']]))\n"
        "finally:\n"
        "    child.kill()\n"
    )
    limits = {"RLIMIT_CORE": [0, 0], "RLIMIT_NOFILE": beyond, "RLIMIT_OF_ANOTHER_PYTHON": [1, 1]}
    wanted = {"limits": limits, "nice": os.nice(0) - 1}
    weak = ["setpriv", "--bounding-set=-sys_resource,-sys_nice"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*weak, sys.executable, "-c", surround, json.dumps(wanted)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [["NOFILE", "OF_ANOTHER_PYTHON", "nice"], [0, 0]]


def test_another_numbering_of_processes_tells_nothing_of_ours(fake):
    (fake.base / "self").symlink_to("1")
    assert not fake.is_own()
    assert Proc().is_own()


def test_a_tree_is_all_that_descends_and_lives(fake):
    for pid, parent in ((10, 1), (11, 10), (12, 11), (20, 1), (21, 20)):
        fake.add(pid, ppid=parent)
    assert [pid for pid, _start in fake.tree([10])] == [10, 11, 12]
    fake.remove(11)
    assert [pid for pid, _start in fake.tree([10, 20, 99])] == [10, 20, 21]
