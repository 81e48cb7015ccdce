# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import hashlib
import json
import os
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _evidence, _journal
from ansible_collections.kumon.runbook.plugins.modules import evidence

from tests.unit.plugins.service_fakes import run_module, service_user

SECRETS = ("5511988887777", "PLANTED", "hunter22")
LINES = [
    "2026-11-22 10:00:00 INFO OUTBOX_TRACE|phase=planner|conv=conv_5511988887777|idem=1",
    "2026-11-22 10:00:01 ERROR postgres://kumon:PLANTED@db:5432/x apikey=hunter22 \x1b[2J {{ 7*7 }}",
]


class Target:
    """A log and a state directory, and the evidence that is asked for."""

    def __init__(self, directory):
        self.state, self.log = directory / "state", directory / "app.log"
        self.state.mkdir()
        self.log.write_text("\n".join(LINES) + "\n", encoding="utf-8")

    def collect(self, check_mode=False, **given):
        found = {
            "service": "kumon-assistant",
            "manager": "process",
            "process_user": str(service_user()),
            "pid_file": str(self.state / "pid"),
            "env_file": str(self.state / "runbook.env"),
            "state_dir": str(self.state),
            "run_id": "r1",
            "paths": [str(self.log)],
            "since": None,
            **given,
        }
        return run_module(evidence, found, check_mode)

    def files(self):
        return sorted(str(path.relative_to(self.state)) for path in self.state.rglob("*") if path.is_file())


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path)


def test_what_was_found_is_kept_with_its_hash_and_what_was_not_is_named(target):
    result = target.collect()
    kept = result["evidence"]
    assert result["changed"] is True
    (log,) = (entry for entry in kept["files"] if entry["name"] == "log.txt")
    data = (target.state / "evidence/r1/log.txt").read_bytes()
    assert (log["sha256"], log["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (log["lines"], log["truncated"]) == (2, False)
    assert {entry["source"]: entry["why"] for entry in kept["missing"]} == {
        "release_info": "app_dir is not set",
        "systemctl": "the service is no systemd unit",
        "journal": f"[Errno 2] No such file or directory: '{target.state}/journal.jsonl'",
    }
    assert json.loads((target.state / "evidence/r1/manifest.json").read_text())["files"] == kept["files"]


def test_nothing_secret_and_nothing_that_moves_the_cursor_is_kept(target):
    _journal.append(
        _journal.path_in(str(target.state)),
        run_id="r0",
        actor="ana",
        procedure="x",
        act="y",
        phase="note",
        msg=LINES[1],
    )
    shown = json.dumps(target.collect())
    kept = "".join((target.state / name).read_text() for name in target.files() if name.startswith("evidence"))
    assert "conv_***7777" in kept
    for secret in (*SECRETS, "\x1b"):
        assert secret not in kept + shown


def test_nobody_else_can_read_it(target):
    target.collect()
    home = target.state / "evidence"
    assert home.stat().st_mode & 0o007 == 0
    assert {path.stat().st_mode & 0o077 for path in home.rglob("*") if path.is_file()} == {0}
    assert (home / "r1").stat().st_mode & 0o077 == 0


def test_a_second_time_returns_what_is_there(target):
    first = target.collect()
    target.log.write_text("something else\n")
    again = target.collect()
    assert again["changed"] is False
    assert again["evidence"] == first["evidence"]


def test_after_a_run_that_did_nothing_none_is_kept_if_so_asked(target):
    def journal(run, **entry):
        _journal.append(_journal.path_in(str(target.state)), run_id=run, actor="ana", procedure="x", **entry)

    assert target.collect(after_act=True)["changed"] is False
    # What it has seen is no act.
    journal("r1", act="proof", phase="note")
    assert target.collect(after_act=True)["changed"] is False
    assert not (target.state / "evidence").exists()
    # An act by hand has no run of ours, and its evidence is kept by the first that comes after it.
    journal("by-hand", act="y", phase="begin")
    assert target.collect(after_act=True)["changed"] is True
    time.sleep(0.01)
    journal("r2", act="proof", phase="note")
    assert target.collect(after_act=True, run_id="r2")["changed"] is False
    journal("r2", act="y", phase="begin")
    assert target.collect(after_act=True, run_id="r2")["changed"] is True


def test_check_mode_leaves_nothing(target):
    before = target.files()
    assert target.collect(check_mode=True)["changed"] is True
    assert target.files() == before


def test_the_newest_of_a_large_log_is_kept_and_it_stays_within_its_size(target):
    target.log.write_text("".join(f"line {number} {'x' * 80}\n" for number in range(20000)))
    kept = target.collect(max_bytes=50000)["evidence"]
    (log,) = (entry for entry in kept["files"] if entry["name"] == "log.txt")
    text = (target.state / "evidence/r1/log.txt").read_text()
    assert log["truncated"] is True
    assert sum(entry["bytes"] for entry in kept["files"]) <= 50000
    assert text.startswith("line ")
    assert text.splitlines()[-1].startswith("line 19999 ")


def test_lines_that_were_left_out_are_told_also_when_masking_makes_room_for_them(target):
    target.log.write_text("".join(f"line {number} postgres://kumon:{'x' * 200}@db/kumon\n" for number in range(2000)))
    kept = target.collect(max_bytes=100000)["evidence"]
    (log,) = (entry for entry in kept["files"] if entry["name"] == "log.txt")
    assert log["lines"] < 2000
    assert log["truncated"] is True


def test_a_source_that_hangs_costs_its_time_and_is_said_to_be_missing(target):
    os.mkfifo(target.state / "pipe.log")
    begun = time.monotonic()
    kept = target.collect(source="file", paths=[str(target.state / "pipe.log")], seconds=1.0)["evidence"]
    assert time.monotonic() - begun < 5
    (missing,) = (entry for entry in kept["missing"] if entry["source"] == "file")
    # On a slow machine what is read before it has used up the second.
    assert any(words in missing["why"] for words in ("no answer", "pipe", "used up"))
    assert (target.state / "evidence/r1/manifest.json").exists()


def test_a_probe_that_never_returns_is_killed(target, monkeypatch):
    monkeypatch.setattr(_evidence._service, "inspect", lambda *_given: time.sleep(60))
    begun = time.monotonic()
    kept = target.collect(seconds=1.0)["evidence"]
    assert time.monotonic() - begun < 5
    assert kept["missing"][0] == {"source": "service_flags_info", "why": "no answer within 1.0 s"}
    assert kept["missing"][-1] == {"source": "file", "why": "the time for all of it was used up"}


def test_a_full_disk_leaves_nothing_half(target, monkeypatch):
    real = os.fsync

    def full(handle):
        if "manifest" in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(_evidence.os, "fsync", full)
    result = target.collect()
    assert result["failed"] is True
    assert "cannot be written (No space left on device): nothing was kept" in result["msg"]
    assert [name for name in target.files() if "evidence" in name] == []
    monkeypatch.undo()
    assert target.collect()["changed"] is True


def test_what_a_killed_collection_left_is_replaced(target):
    (target.state / "evidence/.draft-r1").mkdir(parents=True)
    (target.state / "evidence/.draft-r1/log.txt").write_text("half")
    target.collect()
    assert [name for name in target.files() if "draft" in name] == []


def test_evidence_without_a_manifest_is_kept_aside(target):
    (target.state / "evidence/r1").mkdir(parents=True)
    (target.state / "evidence/r1/log.txt").write_text("half")
    assert target.collect()["changed"] is True
    (aside,) = (target.state / "evidence").glob("r1.incomplete-*")
    assert (aside / "log.txt").read_text() == "half"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"run_id": "../x"}, "run_id is '../x'; it may have letters, digits, dots, dashes"),
        ({"run_id": ""}, "run_id is ''; it may have letters"),
        ({"max_bytes": 0}, "max_bytes is 0; it must be above 0"),
        ({"seconds": -1}, "seconds is -1.0; it must be above 0"),
    ],
)
def test_bad_input_is_one_sentence(target, given, sentence):
    result = target.collect(**given)
    assert result["failed"] is True
    assert sentence in result["msg"]
    assert not (target.state / "evidence").exists()


def test_a_wrong_age_is_named_as_missing_and_the_rest_is_kept(target):
    kept = target.collect(since="yesterday")["evidence"]
    assert "yesterday" in kept["missing"][-1]["why"]
    assert [entry["name"] for entry in kept["files"]] == ["flags.json"]
