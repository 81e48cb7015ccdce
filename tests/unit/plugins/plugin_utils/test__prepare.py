# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._problems import problem

from tests.unit.prepare_facts import DID, FAILED, OK, prepared


def told(**more):
    """The outcome, and each item's state and detail."""
    ended = outcome("prepare_go_live", prepared(**more))
    return ended, {item["item"]: (item["state"], item["detail"]) for item in ended["items"]}


def test_all_of_it_is_there():
    ended, items = told()
    assert (ended["ok"], ended["status"], ended["message"]) == (
        True,
        "ok",
        "PREPARED: what an emergency needs is there",
    )
    assert {state for state, _detail in items.values()} == {"present"}
    # The newest of the known-good ones.
    assert items["known_good"] == ("present", "bbbbbbbbbbbb new")
    assert len(ended["lines"]) == 1 + len(items)


@pytest.mark.parametrize(
    ("staging", "state", "told_as", "ok"),
    [(False, "present", "missing", False), (True, "present", "foreign", True), (False, "absent", "foreign", True)],
)
def test_a_check_of_other_hosts_is_left_to_them(staging, state, told_as, ok):
    schedule = {"asked": "auto", "way": "cron", "minutes": 5, "others": ["kumon-2"], "staging": staging, "path": "/d/x"}
    ended, items = told(state=state, check_schedule=schedule, results={"health_check": [], "watch": []})
    assert (items["health_check"][0], items["watch"][0], ended["ok"]) == (told_as, told_as, ok)
    assert "looks at kumon-2" in items["health_check"][1] and "/d/x" in items["health_check"][1]


@pytest.mark.parametrize(
    ("check", "state", "wanted"),
    [
        (False, "present", "installed"),
        (True, "present", "planned"),
        (False, "absent", "removed"),
        (True, "absent", "planned"),
    ],
)
def test_what_changed_is_told_as_what_it_was(check, state, wanted):
    ended, items = told(check=check, state=state, results={"break_glass": [OK, DID]})
    assert items["break_glass"][0] == wanted
    assert (ended["ok"], ended["status"]) == (True, "planned" if check else "ok")


@pytest.mark.parametrize(("item", "changes", "sentence"), [
    ("state_dir", {"results": {"state_dir": [FAILED]}}, "no space left"),
    ("flags", {"root": False}, "it needs root"),
    ("flags", {"results": {"flags": [DID, FAILED]}}, "no space left"),
    ("known_good", {"release": {"failed": True, "msg": "no work tree"}}, "no work tree"),
    ("known_good", {"release": {"release": {"ledger": {"good": []}}}}, "health_mark_release=true"),
    ("wheelhouse", {"wheelhouse": ""}, "name the directory"),
    ("wheelhouse", {"release": {"release": {"ledger": {"good": []}}}}, "without a known-good commit"),
    ("wheelhouse", {"results": {"wheelhouse": [FAILED]}}, "no space left"),
    ("log_rotation", {"tools": ["awk", "flock", "nft", "sha256sum", "visudo"]}, "logrotate is not installed"),
    ("log_rotation", {"truncated_by": ["/etc/logrotate.d/a"]}, "/etc/logrotate.d/a cuts the file off"),
    ("log_rotation", {"log_paths": ["/var/log/*/app.log"]}, "rotate by hand"),
    ("break_glass", {"tools": ["awk", "logrotate", "nft", "sha256sum", "visudo"]}, "flock is not installed"),
    ("break_glass", {"fence": {"failed": True, "msg": "x has no address on this host"}}, "x has no address"),
    ("break_glass", {"tools": ["awk", "flock", "logrotate", "sha256sum", "visudo"]}, "nftables is not installed"),
    ("user", {"results": {"user": [OK, FAILED]}}, "no space left"),
    ("wheelhouse", {"wheels": {"offline": None}}, "not proven"),
    ("break_glass", {"results": {"break_glass": [{}, {"skipped": True}]}}, "nothing was done or seen"),
    ("health_check", {"check_schedule": {"asked": "auto", "way": ""}}, "neither systemd"),
    ("health_check", {"check_schedule": {"asked": "cron", "way": ""}}, "no crontab"),
    ("health_check", {"results": {"health_check": [FAILED]}}, "no space left"),
    ("people", {"tools": ["awk", "flock", "logrotate", "nft", "sha256sum"]}, "sudo is not installed"),
    ("watch", {"results": {"watch": [FAILED]}}, "no space left"),
    ("watch", {"watch_schedule": {"asked": "systemd", "way": ""}}, "no systemd"),
])  # fmt: skip
def test_what_is_missing_is_named_with_what_mends_it(item, changes, sentence):
    ended, items = told(**changes)
    state, detail = items[item]
    assert (state, sentence in detail) == ("missing", True)
    assert (ended["ok"], ended["status"], ended["next_step"] != "") == (False, "insufficient", True)
    assert ended["message"].startswith("NOT fully prepared, missing: ")


@pytest.mark.parametrize(("item", "changes", "state", "sentence"), [
    ("flags", {"manager": "process"}, "said", "set -a; . /etc/kumon-assistant/runbook.env"),
    ("break_glass", {"manager": "process"}, "present", "the restart stays with whoever starts"),
    ("break_glass", {"break_glass": False}, "off", ""),
    ("break_glass", {"break_glass": False, "state": "absent"}, "off", ""),
    ("health_check", {"check_schedule": {"asked": "none", "way": "none"}}, "off", ""),
    ("watch", {"watch_schedule": {"asked": "none", "way": ""}}, "off", ""),
    ("watch", {"watch_schedule": {"asked": "auto", "way": ""}}, "off", "kumon.runbook.watch_go_live running"),
    ("watch", {"watch_schedule": {"asked": "auto", "way": "systemd", "mode": "recover"}}, "present", "mode recover"),
    ("flags", {"state": "absent", "in_force": True}, "foreign", "a rollback is in force"),
    ("wheelhouse", {"venv_dir": ""}, "off", "runbook_venv_dir is empty"),
    ("log_rotation", {"rotate": False}, "off", ""),
    ("log_rotation", {"log_source": "journal"}, "present", "journald"),
    ("log_rotation", {"rotated_by": ["/etc/logrotate.d/a"]}, "foreign", "/etc/logrotate.d/a"),
    ("log_rotation", {"log_paths": ["/var/log/app.log"]}, "present", "write /var/log/app.log*"),
    ("log_rotation", {}, "present", "until its next start"),
    ("log_times", {"timestamps": "none"}, "said", "switch times or JSON lines on"),
    ("log_times", {"timestamps": None}, "said", "could not be read"),
    ("user", {"own_account": False}, "foreign", "was there before"),
    ("user", {"user": ""}, "off", ""),
    ("people", {"user": "", "people": []}, "off", ""),
    ("state_dir", {"state": "absent"}, "foreign", ""),
    ("known_good", {"state": "absent"}, "foreign", ""),
])  # fmt: skip
def test_what_is_nobodys_fault_is_said(item, changes, state, sentence):
    ended, items = told(**changes)
    assert (items[item][0], sentence in items[item][1], ended["ok"]) == (state, True, True)


def test_only_names_are_taken_for_sudo():
    def wrong(people=(), user=""):
        return problem("people", {"people": list(people), "user": user})

    assert (wrong(["ana", "%ops", "a-b_1"], "runbook"), wrong()) == ("", "")
    for name in ("ana ALL", "ALL", "%", "ana,bia", "ana\n", "#0", "!ana"):
        assert wrong([name]).endswith("is no user's name and no %group")
        assert "no user's name" in wrong(user=name)
