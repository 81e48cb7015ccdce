# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One runbook at a time on a host, and nobody is held up by the dead."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _files, _flags, _lease
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._lease import Claim, Held
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

from tests.unit.plugins.service_fakes import FakeSystemd, journal, module_params, tree


class Clock:
    """A host whose monotonic clock only sleeping moves, and whose boot has an id."""

    def __init__(self, directory, boot="one"):
        self.now = 1000.0
        self.naps = []
        self.root = directory / "proc"
        (self.root / "sys" / "kernel" / "random").mkdir(parents=True, exist_ok=True)
        self.boot(boot)
        self.host = Host(proc=Proc(str(self.root)), clock=lambda: self.now, sleep=self.sleep)

    def boot(self, boot):
        (self.root / "sys" / "kernel" / "random" / "boot_id").write_text(boot + "\n")

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def claim(tmp_path):
    def claim(run_id="r1", actor="ana", level=1, seconds=60, wait=0.0):
        return Claim(str(tmp_path / "state"), run_id, actor, f"rollback_level{level}", level, seconds, wait)

    return claim


def take(claim, clock, check_mode=False):
    return _lease.acquire(claim, clock.host, [], check_mode)


def holder(claim, clock):
    found = _lease.holder(claim.state_dir, clock.host, [])
    return found and found["run_id"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"run_id": ""}, "a lease needs the run that holds it: set run_id"),
        ({"seconds": 0}, "a lease lasts between 1 and 3600 seconds, not 0"),
        ({"seconds": 3601}, "a lease lasts between 1 and 3600 seconds, not 3601"),
        ({"wait": -1.0}, "the wait for a lease is between 0 and 600 seconds, not -1"),
        ({"wait": float("nan")}, "the wait for a lease is between 0 and 600 seconds, not nan"),
    ],
)
def test_bad_input_is_one_sentence(claim, options, sentence):
    with pytest.raises(Refused) as refused:
        claim(**options)
    assert str(refused.value) == sentence


def test_another_run_is_refused_with_the_owners_name_and_what_to_do(claim, clock):
    take(claim(), clock)
    with pytest.raises(Held) as held:
        take(claim("r2", "bia"), clock)
    assert str(held.value).startswith("this host is held by ana (rollback_level1, level 1, run r1) until ")
    assert str(held.value).endswith(
        "for another 60 s: wait, run a higher level, "
        "or end a dead run's lease with target_lease state=released run_id=r1"
    )
    assert (held.value.holder["actor"], held.value.holder["seconds_left"]) == ("ana", 60.0)
    assert holder(claim(), clock) == "r1"


def test_a_lease_that_is_given_back_is_had_by_who_waits(claim, clock):
    take(claim(), clock)

    def gives_back(seconds):
        clock.now += seconds
        if clock.now >= 1003:
            _lease.release(claim().state_dir, "r1", clock.host, [])

    clock.host.sleep = gives_back
    assert take(claim("r2", wait=10.0), clock).lease["run_id"] == "r2"
    assert 1003 <= clock.now < 1004


def test_who_waits_is_refused_when_the_wait_is_over(claim, clock):
    take(claim(), clock)
    with pytest.raises(Held):
        take(claim("r2", wait=5.0), clock)
    assert clock.now == 1005.0


def test_a_dead_controllers_lease_ends_by_itself(claim, clock):
    take(claim(seconds=60), clock)
    clock.now += 59.9
    assert holder(claim(), clock) == "r1"
    clock.now += 0.2
    assert holder(claim(), clock) is None
    assert take(claim("r2"), clock).taken_over_from is None


def test_a_restart_of_the_host_ends_it(claim, clock):
    take(claim(), clock)
    clock.boot("two")
    assert take(claim("r2"), clock).lease["run_id"] == "r2"


def test_what_no_clock_of_this_host_has_written_does_not_count(claim, clock, tmp_path):
    take(claim(), clock)
    for change in ({"since": clock.now + 1}, {"until": clock.now + 100_000}, {"until": clock.now - 1}):
        path = tmp_path / "state" / "lease.json"
        lease = path.read_text()
        path.write_text(json.dumps({**json.loads(lease), **change}))
        assert holder(claim(), clock) is None
        path.write_text(lease)
        assert holder(claim(), clock) == "r1"


def test_a_jump_of_the_wall_clock_changes_nothing(claim, clock, monkeypatch):
    take(claim(), clock)
    wall = _lease.time.time()
    monkeypatch.setattr(_lease.time, "time", lambda: wall + 600)
    with pytest.raises(Held):
        take(claim("r2"), clock)
    monkeypatch.setattr(_lease.time, "time", lambda: wall - 600)
    with pytest.raises(Held):
        take(claim("r2"), clock)


@pytest.mark.parametrize("first", [1, 2, 3])
@pytest.mark.parametrize("second", [1, 2, 3])
def test_only_a_higher_level_takes_over(claim, clock, first, second):
    take(claim(level=first), clock)
    if second > first:
        grant = take(claim("r2", level=second), clock)
        assert (grant.lease["run_id"], grant.taken_over_from["run_id"]) == ("r2", "r1")
        assert grant.note == f"took the lease over from ana (rollback_level{first}, level {first}, run r1)"
        # Who was overruled has no lease any more, and cannot give back the other's.
        assert not _lease.release(claim().state_dir, "r1", clock.host, [])
        assert holder(claim(), clock) == "r2"
    else:
        with pytest.raises(Held):
            take(claim("r2", level=second), clock)


def test_a_run_renews_its_own_and_keeps_its_level(claim, clock):
    first = take(claim(level=3, seconds=300), clock).lease
    clock.now += 10
    grant = take(claim(level=1, seconds=60), clock)
    assert (grant.renewed, grant.lease["level"], grant.lease["seconds_left"]) == (True, 3, 60.0)
    assert grant.lease["acquired"] == first["acquired"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run_id": "r1"}', b"\xff\xfe", b"[" * 200_000])
def test_a_damaged_lease_counts_as_none_and_warns(claim, clock, content):
    take(claim(), clock)
    with open(_lease.path_in(claim().state_dir), "wb") as handle:
        handle.write(content)
    warnings = []
    assert _lease.acquire(claim("r2"), clock.host, warnings).lease["run_id"] == "r2"
    assert "cannot be read (it is damaged): it was ignored" in warnings[0]


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_a_pipe_or_a_file_without_an_end_in_its_place_holds_nobody_up(claim, clock, put):
    os.makedirs(claim().state_dir)
    put(_lease.path_in(claim().state_dir))
    warnings = []
    assert _lease.holder(claim().state_dir, clock.host, warnings) is None
    assert "it was ignored" in warnings[0]


@pytest.mark.parametrize("name", [_lease.NAME, _lease.LOCK])
def test_a_directory_in_its_place_holds_nobody_up(claim, clock, name):
    os.makedirs(os.path.join(claim().state_dir, name))
    warnings = []
    assert _lease.acquire(claim(), clock.host, warnings).lease is None
    assert "see that nobody else works on it" in warnings[-1]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_holds_no_rollback_back(claim, clock, monkeypatch, number):
    def full(*_args, **_more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_files, "replace", full)
    warnings = []
    assert _lease.acquire(claim(), clock.host, warnings).lease is None
    assert warnings[0].startswith("the lease of this host could not be taken")


def test_a_directory_that_cannot_be_written_is_refused(claim, clock, monkeypatch):
    def denied(*_args, **_more):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(_lease.os, "makedirs", denied)
    with pytest.raises(Refused, match="cannot be written .Permission denied.: run with become: true"):
        take(claim(), clock)


def test_check_mode_neither_writes_nor_waits(claim, clock, tmp_path):
    assert take(claim(), clock, check_mode=True).lease["run_id"] == "r1"
    assert tree(tmp_path / "state") == {}
    take(claim(), clock)
    with pytest.raises(Held):
        take(claim("r2", wait=60.0), clock, check_mode=True)
    assert clock.naps == []
    assert _lease.release(claim().state_dir, "r1", clock.host, [], check_mode=True)
    assert holder(claim(), clock) == "r1"


def compete(state_dir, run_id, start, results):
    start.wait()
    try:
        _lease.acquire(Claim(state_dir, run_id, run_id, "p", 1, 60, 0), Host(), [])
        results.put(run_id)
    except Held:
        results.put(None)


def test_of_many_who_want_it_at_once_one_has_it(tmp_path):
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    runs = [
        context.Process(target=compete, args=(str(tmp_path / "state"), f"r{number}", start, results))
        for number in range(8)
    ]
    for run in runs:
        run.start()
    start.set()
    winners = [found for found in (results.get(timeout=20) for _run in runs) if found]
    for run in runs:
        run.join()
    assert len(winners) == 1
    assert _lease.holder(str(tmp_path / "state"), Host(), [])["run_id"] == winners[0]


# -- held by an act


def params(tmp_path, **more):
    return module_params(tmp_path, **{"lease_seconds": 60, "budget": 25.0, **more})


def test_an_act_holds_the_host_and_keeps_it_for_its_run(tmp_path, systemd):
    _flags.ensure(params(tmp_path), systemd.host())
    assert _lease.holder(str(tmp_path / "state"), systemd.host(), [])["run_id"] == "run-1"


def test_an_act_on_a_held_host_changes_nothing(tmp_path, systemd):
    other = Claim(str(tmp_path / "state"), "r0", "bia", "rollback_level2", 2, 60, 0)
    _lease.acquire(other, systemd.host(), [])
    before = tree(tmp_path)
    with pytest.raises(Held, match=r"held by bia \(rollback_level2, level 2, run r0\)"):
        _flags.ensure(params(tmp_path), systemd.host())
    assert tree(tmp_path) == before
    result = _flags.ensure(params(tmp_path), systemd.host(), check_mode=True)
    assert "as things are now this act would wait or be refused" in result["warnings"][-1]
    assert tree(tmp_path) == before


def test_an_act_that_changes_nothing_asks_nobody(tmp_path, systemd):
    _flags.ensure(params(tmp_path), systemd.host())
    _lease.release(str(tmp_path / "state"), "run-1", systemd.host(), [])
    other = Claim(str(tmp_path / "state"), "r0", "bia", "rollback_level2", 2, 60, 0)
    _lease.acquire(other, systemd.host(), [])
    assert not _flags.ensure(params(tmp_path, run_id="run-2"), systemd.host())["changed"]


def test_a_failed_act_gives_back_what_it_took_and_no_more(tmp_path):
    unit = FakeSystemd(tmp_path, starts=("crash",))
    unit.spawn()
    with pytest.raises(Failed):
        _flags.ensure(params(tmp_path), unit.host())
    assert _lease.holder(str(tmp_path / "state"), unit.host(), []) is None
    mine = Claim(str(tmp_path / "state"), "run-2", "ana", "emergency_recovery", 1, 300, 0)
    _lease.acquire(mine, unit.host(), [])
    with pytest.raises(Failed):
        _flags.ensure(params(tmp_path, run_id="run-2"), unit.host())
    assert _lease.holder(str(tmp_path / "state"), unit.host(), [])["run_id"] == "run-2"


def test_a_takeover_is_told(tmp_path, systemd):
    other = Claim(str(tmp_path / "state"), "r0", "bia", "rollback_level1", 1, 60, 0)
    _lease.acquire(other, systemd.host(), [])
    result = _flags.ensure(params(tmp_path, lease_level=2), systemd.host())
    assert "took the lease over from bia (rollback_level1, level 1, run r0)" in result["warnings"]
    assert journal(tmp_path)[-1]["ok"] is True


def test_a_lease_lasts_as_long_as_the_act_that_works_under_it_and_no_longer_than_its_process(tmp_path):
    worker = subprocess.Popen(["sleep", "60"])
    try:
        claim = Claim(str(tmp_path / "state"), "r1", "ana", "rollback_level3", 3, 30, 0, act=280)
        lease = _lease.acquire(claim, Host(), []).lease
        assert 300 < lease["seconds_left"] <= 310
        # As if another process had taken it.
        path = tmp_path / "state" / "lease.json"
        start = Proc().stat(worker.pid).start
        path.write_text(json.dumps({**json.loads(path.read_text()), "pid": worker.pid, "start": start}))
        assert _lease.holder(claim.state_dir, Host(), [])["run_id"] == "r1"
    finally:
        worker.kill()
        worker.wait()
    assert _lease.holder(claim.state_dir, Host(), []) is None


def test_after_the_act_the_lease_is_short_again(tmp_path, systemd):
    with _lease.held(Claim(str(tmp_path / "state"), "r1", "ana", "p", 1, 30, 0, act=280), systemd.host(), []):
        during = json.loads((tmp_path / "state" / "lease.json").read_text())
    after = json.loads((tmp_path / "state" / "lease.json").read_text())
    assert (during["until"] - during["since"], after["until"] - after["since"]) == (310, 30)
    assert after["pid"] == 0


def test_who_waited_looks_again_and_does_nothing_twice(tmp_path, systemd):
    other = Claim(str(tmp_path / "state"), "r0", "bia", "rollback_level1", 1, 60, 0)
    _lease.acquire(other, systemd.host(), [])
    host = systemd.host()

    def other_acts(seconds):
        systemd.sleep(seconds)
        if not journal(tmp_path):
            _flags.ensure(params(tmp_path, run_id="r0"), systemd.host())
            _lease.release(str(tmp_path / "state"), "r0", systemd.host(), [])

    host.sleep = other_acts
    result = _flags.ensure(params(tmp_path, lease_wait=10.0), host)
    assert (result["changed"], result["restarted"]) == (False, False)
    assert [entry["run_id"] for entry in journal(tmp_path)] == ["r0", "r0"]
