# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller last saw of a journal: a host that cuts its own or writes it anew is told of."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _journal
from ansible_collections.kumon.runbook.plugins.plugin_utils._journal_seen import (
    journal_heads,
    path_of,
    remember,
    seen,
    with_journal,
)

HEAD = {"seq": 3, "hash": "ab" * 32}
SOUND = {"ok": True, "line": None, "reason": None, "head": HEAD, "as_seen": True, "unlike": None}
TOLD = {"status": "ok", "lines": ["one"]}


def test_the_newest_head_of_each_host_is_kept(tmp_path):
    path, other = path_of(str(tmp_path / "desk"), "../a"), path_of(str(tmp_path / "desk"), "b")
    remember(path, HEAD)
    remember(other, {"seq": 1, "hash": "cd" * 32})
    remember(path, {"seq": 2, "hash": "ef" * 32})  # a slower run that read earlier
    assert (seen(path), seen(other)) == (HEAD, {"seq": 1, "hash": "cd" * 32})
    assert os.path.dirname(path) == os.path.dirname(other) == str(tmp_path / "desk" / "journal_heads")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_the_heads_of_hosts_are_known_without_asking_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    remember(path_of(str(tmp_path / "desk"), "{{ 7*7 }}"), HEAD)
    assert journal_heads(["{{ 7*7 }}", "b"], "~/desk") == {"{{ 7*7 }}": HEAD}


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", "\x00", "{}", '{"seq": "x", "hash": ""}', "[" * 200_000, '{"seq": Infinity, "hash": ""}']
)
def test_what_cannot_be_read_is_nothing_known(tmp_path, kept):
    (tmp_path / "a.json").write_text(kept)
    assert seen(str(tmp_path / "a.json")) is None


def test_a_sound_journal_adds_its_head_and_no_line():
    assert with_journal(TOLD, SOUND) == {**TOLD, "journal": {**HEAD, "ok": True, "as_seen": True}}


@pytest.mark.parametrize(
    "wrong, part",
    [
        ({"ok": False, "line": 2, "reason": "it was changed"}, "at line 2 (it was changed)"),
        ({"as_seen": False, "unlike": "entry 3 is gone"}, "(entry 3 is gone)"),
    ],
)
def test_a_journal_that_does_not_hold_has_a_line(wrong, part):
    told = with_journal(TOLD, {**SOUND, **wrong})
    assert told["lines"][0] == "one"
    assert [part in line for line in told["lines"][1:]] == [True]


PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - kumon.runbook.journal_info: {{state_dir: "{state}", seen_dir: "{desk}"}}
    - copy: {{content: "{{{{ __assistant_journal | to_json }}}}", dest: "{state}/seen.json"}}
"""


def test_a_run_sees_what_was_cut_off_since_the_last_one(tmp_path):
    state = tmp_path / "state"
    path = str(state / "journal.jsonl")
    play = tmp_path / "play.yml"
    play.write_text(PLAY.format(state=state, desk=tmp_path / "desk"))

    def read():
        command = [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            str(play),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((state / "seen.json").read_text())

    def write():
        said = {"run_id": "r", "actor": "a", "procedure": "p", "act": "x", "phase": "note"}
        return _journal.append(path, **said, before=None, after=None, ok=True, msg="")

    first, second = write(), write()
    assert read()["as_seen"] is None
    assert seen(path_of(str(tmp_path / "desk"), "localhost"))["hash"] == second["hash"]
    write()
    assert read()["as_seen"] is True
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(json.dumps(first, sort_keys=True) + "\n")
    cut = read()
    assert (cut["ok"], cut["as_seen"]) == (True, False)
    # Said again, until a person has looked: what was cut off is not taken for what there is.
    assert read() == cut
