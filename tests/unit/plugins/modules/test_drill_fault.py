# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults of a drill, on real files and an nft and a systemd that are a script."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _drill_fault, _fence
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._details import detail
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import Systemd
from ansible_collections.kumon.runbook.plugins.modules import drill_fault

from tests.unit.plugins.service_fakes import run_module


class Unit(Systemd):
    """A unit with one real process."""

    def __init__(self):
        self.label = "kumon-assistant.service"
        self.child = subprocess.Popen(["sleep", "60"])
        self._unit = {"LoadState": "loaded", "ActiveState": "active"}
        self.other_before = 0  # how much earlier a process with this number was started

    def preflight(self, change):
        pass

    def processes(self):
        found = Proc().process(self.child.pid) if self.child.poll() is None else None
        return [found._replace(start=found.start - self.other_before)] if found else []


class Target:
    """What the module asks of the host."""

    def __init__(self, drop_ins):
        self.table, self.calls = "", []
        self.unit = Unit()
        self.drop_ins, self.read = drop_ins, ""
        self.proc = Proc()

    def run(self, argv, timeout=20, stdin=None):
        self.calls.append(" ".join(argv))
        if argv[:3] == ["nft", "-f", "-"]:
            self.table = "" if stdin.startswith("delete") else stdin
        elif argv[:2] == ["systemctl", "show"]:
            return Finished(0, f"DropInPaths={self.read}", "")
        elif argv[:2] == ["systemctl", "daemon-reload"]:
            self.read = " ".join(map(str, self.drop_ins.glob("*/*.conf")))
        elif argv[:3] == ["nft", "list", "table"]:
            return Finished(0 if self.table else 1, "", "No such file or directory")
        return Finished(0, "", "")


@pytest.fixture
def target(monkeypatch, tmp_path):
    fake = Target(tmp_path / "systemd")
    fake.unit.host = fake
    monkeypatch.setattr(drill_fault, "Host", lambda: fake)
    monkeypatch.setattr(_drill_fault, "manager_from", lambda _params, _host: fake.unit)
    monkeypatch.setattr(_drill_fault, "DROP_INS", str(tmp_path / "systemd"))
    monkeypatch.setattr(_fence, "read", lambda _host, _table: _fence.NOTHING)
    monkeypatch.setattr(_fence, "users_of", lambda *_given: [998])
    yield fake
    fake.unit.child.kill()
    fake.unit.child.wait()


@pytest.fixture
def arguments(tmp_path):
    (tmp_path / "staging").touch()
    (tmp_path / "assistant.json").write_text("{}")
    (tmp_path / "assistant.json").chmod(0o640)
    return {
        "service": "kumon-assistant",
        "mark": str(tmp_path / "staging"),
        "url": "http://127.0.0.1:8080",
        "path": str(tmp_path / "assistant.json"),
        "content": '{"lost_handoff": true}',
    }


def inject(arguments, fault, check=False, **more):
    return run_module(drill_fault, {**arguments, "fault": fault, **more}, check_mode=check)


def restore(arguments, check=False):
    return run_module(drill_fault, {**arguments, "state": "absent"}, check_mode=check)


def test_nothing_is_injected_without_the_mark(target, arguments, tmp_path):
    (tmp_path / "staging").unlink()
    result = inject(arguments, "configuration")
    assert result["failed"] and "on a host of staging only" in result["msg"]
    assert (tmp_path / "assistant.json").read_text() == "{}"


@pytest.mark.parametrize("fault", ["configuration", "network", "process"])
def test_nothing_is_injected_where_no_restart_would_bring_the_service_back(target, arguments, tmp_path, fault):
    target.unit._unit["LoadState"] = "masked"
    result = inject(arguments, fault)
    assert result["failed"] and "is masked" in result["msg"]
    assert (target.table, target.unit.child.poll()) == ("", None)
    assert (tmp_path / "assistant.json").read_text() == "{}"


@pytest.mark.parametrize("fault", ["configuration", "gateway", "network", "process"])
def test_a_check_run_injects_nothing_and_takes_nothing_away(target, arguments, tmp_path, fault):
    result = inject(arguments, fault, check=True)
    assert (result["changed"], result["allowed"]) == (True, True)
    assert (target.table, target.unit.child.poll()) == ("", None)
    assert (tmp_path / "assistant.json").read_text() == "{}"
    inject(arguments, fault)
    found = restore(arguments, check=True)["restored"]
    assert len(found) == 1 and restore(arguments)["restored"] == found
    assert restore(arguments) == {**restore(arguments), "changed": False, "restored": []}


def test_the_configuration_is_put_back_as_it_was(target, arguments, tmp_path):
    file = tmp_path / "assistant.json"
    inject(arguments, "configuration")
    assert file.read_text() == '{"lost_handoff": true}'
    # A second drill after one that was killed keeps what was there at first.
    inject(arguments, "configuration", content="x")
    restore(arguments)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("{}", 0o640)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["assistant.json", "staging"]


def test_a_link_stays_one_and_its_target_is_put_back(target, arguments, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (tmp_path / "assistant.json").rename(shared / "real.json")
    (tmp_path / "assistant.json").symlink_to("shared/real.json")
    inject(arguments, "configuration")
    assert (shared / "real.json").read_text() == '{"lost_handoff": true}'
    assert restore(arguments)["restored"] == ["configuration"]
    assert ((shared / "real.json").read_text(), os.readlink(tmp_path / "assistant.json")) == ("{}", "shared/real.json")
    assert [path.name for path in shared.iterdir()] == ["real.json"]


def test_what_is_kept_of_a_file_with_an_access_list_is_not_open_to_its_group(target, arguments, tmp_path):
    file = tmp_path / "assistant.json"
    # Its owner, and user 998 who may read; the group may not, though the mode says so.
    entries = [(1, 6, 2**32 - 1), (2, 4, 998), (4, 0, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)]
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(file, "system.posix_acl_access", listed)
    except OSError:
        pytest.skip("this file system has no access lists")
    assert file.stat().st_mode & 0o777 == 0o640
    inject(arguments, "configuration")
    assert (tmp_path / "assistant.json.before-drill").stat().st_mode & 0o777 == 0o600
    restore(arguments)
    assert (file.read_text(), os.getxattr(file, "system.posix_acl_access")) == ("{}", listed)


def test_the_rules_are_for_the_services_user_only(target, arguments):
    inject(arguments, "gateway")
    assert "meta skuid 998 ip daddr 127.0.0.1 tcp dport 8080 reject with tcp reset" in target.table
    inject(arguments, "network")
    # What customers have begun is still answered.
    assert "meta skuid 998 ct direction original drop" in target.table
    assert target.table.count("skuid") == 1


def test_a_killed_service_stays_dead_until_it_is_restored(target, arguments, tmp_path):
    drop_in = tmp_path / "systemd/kumon-assistant.service.d/zz-kumon-drill.conf"
    inject(arguments, "process")
    assert target.unit.child.wait(5) == -signal.SIGKILL
    assert drop_in.read_text() == "[Service]\nRestart=no\n"
    restore(arguments)
    assert not drop_in.parent.exists()
    assert [call for call in target.calls if "systemctl" in call and "show" not in call][-3:] == [
        "systemctl reset-failed kumon-assistant.service",
        "systemctl start kumon-assistant.service",
        "systemctl daemon-reload",
    ]


def test_a_process_that_has_the_number_of_one_that_ended_is_left_alone(target, arguments):
    target.unit.other_before = 1
    inject(arguments, "process")
    with pytest.raises(subprocess.TimeoutExpired):
        target.unit.child.wait(0.2)


@pytest.mark.parametrize("verb", ["reset-failed", "start", "daemon-reload"])
def test_a_restoration_that_is_killed_is_finished_by_the_next(target, arguments, monkeypatch, verb):
    inject(arguments, "process")
    target.unit.child.wait(5)
    run = target.run

    def killed(argv, **given):
        if argv[:2] == ["systemctl", verb]:
            raise KeyboardInterrupt
        return run(argv, **given)

    monkeypatch.setattr(target, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        restore(arguments)
    monkeypatch.setattr(target, "run", run)
    target.calls.clear()
    assert restore(arguments)["restored"] == ["process"]
    assert "systemctl start kumon-assistant.service" in target.calls
    assert target.calls[-3:-1] == ["systemctl daemon-reload", "nft list table inet kumon_drill"]
    assert restore(arguments)["restored"] == []


def test_a_large_disk_is_never_filled(target, arguments, tmp_path, monkeypatch):
    result = inject(arguments, "disk", directory=str(tmp_path), max_mb=0)
    assert (result["changed"], result["allowed"], result["why"]["code"]) == (False, False, "drill_disk_large")
    assert not (tmp_path / ".kumon-drill-filler").exists()


def test_a_small_disk_is_filled_and_emptied(target, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(_drill_fault.os, "statvfs", lambda _path: SimpleNamespace(f_bfree=1, f_frsize=4096))
    left = [3000]

    def write(_handle, data):
        if len(data) > left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= len(data)
        return len(data)

    monkeypatch.setattr(_drill_fault.os, "write", write)
    assert inject(arguments, "disk", directory=str(tmp_path))["allowed"]
    monkeypatch.undo()
    # All but what no file could use.
    assert left[0] < 512
    os.stat(tmp_path / ".kumon-drill-filler")


def test_a_pipe_in_the_place_of_what_fills_the_disk_is_not_waited_for(target, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(_drill_fault.os, "statvfs", lambda _path: SimpleNamespace(f_bfree=1, f_frsize=4096))
    os.mkfifo(tmp_path / ".kumon-drill-filler")
    # With a reader there it could be opened, and filled for ever.
    reader = os.open(tmp_path / ".kumon-drill-filler", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert "not a regular file" in inject(arguments, "disk", directory=str(tmp_path))["msg"]
    finally:
        os.close(reader)


@pytest.mark.parametrize(("fault", "changes", "code"), [
    ("configuration", {"path": None}, "drill_no_configuration"),
    ("configuration", {"path": "/nonexistent/x"}, "drill_no_file"),
    ("disk", {"directory": "/nonexistent/x"}, "drill_no_directory"),
])  # fmt: skip
def test_what_the_host_does_not_allow_is_said(target, arguments, fault, changes, code):
    given = {name: value for name, value in {**arguments, **changes}.items() if value is not None}
    result = inject(given, fault)
    assert (result["changed"], result["allowed"], result["why"]["code"]) == (False, False, code)


def test_what_the_firewall_does_not_allow_is_said(target, arguments, monkeypatch):
    def refuse(_host, _table):
        raise _fence.NoFence("no nft", detail("fence_no_nft"))

    monkeypatch.setattr(_fence, "read", refuse)
    assert inject(arguments, "gateway")["why"]["code"] == "fence_no_nft"
    monkeypatch.setattr(_fence, "read", lambda _host, _table: _fence.NOTHING)
    monkeypatch.setattr(_fence, "users_of", lambda *_given: [0])
    assert inject(arguments, "network")["why"]["code"] == "drill_root"
    assert target.table == ""


def test_a_fault_that_stays_is_a_failure(target, arguments, monkeypatch):
    inject(arguments, "gateway")
    monkeypatch.setattr(_drill_fault, "_nft", lambda _host, _text: None)
    result = restore(arguments)
    assert result["failed"] and "network could not be taken away" in result["msg"]


def test_everything_documented_is_returned(target, arguments):
    assert set(inject(arguments, "gateway")) - {"changed", "failed"} == set(yaml.safe_load(drill_fault.RETURN))
