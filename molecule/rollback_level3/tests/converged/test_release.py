# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_newest_known_good_release_runs_with_its_requirements(assistant):
    assert assistant.release() == ("Release 2", None)
    assert assistant.health()["version"] == "2.0"
    assert assistant.host.file("/opt/kumon-assistant/.venv").is_symlink
    assert assistant.git("status", "--porcelain") == ""


def test_messages_are_read_as_they_were_planned(assistant):
    assert assistant.playbook("health_check").code == 0
    assert assistant.asked_within(2) > 0


def test_what_was_there_is_kept(assistant):
    (reference,) = assistant.git("for-each-ref", "--format=%(refname)", "refs/runbook/rescue").split()
    assert assistant.git("rev-parse", reference) == assistant.commit("Release 3")
    assert assistant.host.file("/opt/kumon-assistant/.venv.d/original/bin/python").exists


def test_files_belong_to_the_assistants_user(assistant):
    foreign = "find /opt/kumon-assistant ! -user kumon ! -path /opt/kumon-assistant/.env"
    assert assistant.sh(foreign) == ""


def test_the_journal_has_one_act_for_two_runs(assistant):
    entries = assistant.journal()
    assert [(entry["act"], entry["phase"], entry["ok"]) for entry in entries] == [
        ("release", "begin", None),
        ("release", "outcome", True),
    ]
    assert entries[0]["before"]["commit"] == assistant.commit("Release 3")
    assert "planted-password" not in str(entries)
