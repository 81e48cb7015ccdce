# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import Started, Typed
from ansible_collections.kumon.runbook.plugins.plugin_utils._schedule import scheduled_check

WANTED = {"minutes": 5, "textfile": "", "dead_man_url": "https://example.com/secret", "notifies": True}


def test_the_commands_are_those_of_this_run():
    run = Typed(
        Started(
            playbook_dir_style="playbooks",
            inventory_sources=["my hosts.yml"],
            limit="kumon-1",
            extra_vars=["prepare_state=present", "runbook_locale=en"],
        )
    )
    made = scheduled_check(WANTED, "/desk", commands=run)
    assert made["problem"] == ""
    check = made["settings"]["commands"]["health_check"]
    assert os.path.isabs(check[0])
    assert check[1:] == [
        *("-i", "my hosts.yml", "playbooks/health_check.yml"),
        *("--limit", "kumon-1", "-e", "runbook_locale=en"),
    ]
    assert made["settings"]["commands"]["notify"][3] == "playbooks/notify.yml"
    assert made["settings"]["cwd"] == os.getcwd()


@pytest.mark.parametrize(
    ("there", "others"),
    [
        (None, []),
        ({"hosts": ["kumon-1"]}, []),
        ({"hosts": ["kumon-1", "kumon-2", "kumon-3"]}, ["kumon-2", "kumon-3"]),
        # Of before hosts were kept.
        ({"watch": {"stamps": {"kumon-2": "/desk/watch/kumon-2.json"}}}, ["kumon-2"]),
        ({"watch": {}}, []),
        # Production's takes the place of staging's.
        ({"hosts": ["staging-1"], "staging": True}, []),
        ([], []),
    ],
)
def test_hosts_that_would_no_longer_be_looked_at_are_known(tmp_path, there, others):
    if there is not None:
        (tmp_path / "health-check.conf").write_text(json.dumps(there))
    made = scheduled_check({**WANTED, "hosts": ["kumon-1"]}, str(tmp_path))
    assert (made["others"], made["settings"]["hosts"]) == (others, ["kumon-1"])


@pytest.mark.parametrize("minutes", [1, 5, 59])
def test_check_and_messages_are_over_before_the_next(minutes):
    settings = scheduled_check({**WANTED, "minutes": minutes}, "/desk")["settings"]
    assert settings["every_seconds"] == 60 * minutes
    assert 0 < settings["seconds"] + settings["notify_seconds"] < settings["every_seconds"]
    assert (settings["stamp"], settings["lock"]) == ("/desk/health-check.json", "/desk/health-check.lock")


@pytest.mark.parametrize("minutes", [0, 60, 2.5])
def test_an_interval_that_cron_cannot_have_is_refused(minutes):
    made = scheduled_check({**WANTED, "minutes": minutes}, "/desk")
    assert made["problem"] == "go_live_check_minutes must be a whole number from 1 to 59"


def test_a_run_that_asks_cannot_be_scheduled():
    made = scheduled_check(WANTED, "/desk", commands=Typed(Started(switches=["--ask-become-pass"])))
    assert "cannot answer --ask-become-pass" in made["problem"]
    # No part of it looks like a password that is to be masked.
    assert redact(made["problem"]) == made["problem"]


@pytest.mark.parametrize("setting", ["DEFAULT_ASK_PASS", "DEFAULT_BECOME_ASK_PASS", "DEFAULT_ASK_VAULT_PASS"])
def test_nor_can_one_that_asks_by_its_configuration(setting, monkeypatch):
    assert scheduled_check(WANTED, "/desk")["problem"] == ""
    monkeypatch.setattr(f"ansible.constants.{setting}", True)
    assert "cannot answer --ask-" in scheduled_check(WANTED, "/desk")["problem"]


def test_what_leads_ansible_elsewhere_travels_and_nothing_else(monkeypatch):
    travels = {
        "ANSIBLE_HOME": "/work/.ansible",
        # It is no option of the command that was typed.
        "ANSIBLE_INVENTORY": "hosts.yml",
        "ANSIBLE_SSH_ARGS": "-F ./ssh_config",
        "ANSIBLE_VAULT_PASSWORD_FILE": "/etc/vault",
        "LC_ALL": "C.UTF-8",
        "https_proxy": "http://proxy.example.com:3128",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/etc/ssl/ours.pem",
    }
    stays = {"VAULT_TOKEN": "secret", "ANSIBLE_HASHI_VAULT_TOKEN": "secret", "SSH_AUTH_SOCK": "/tmp/a", "PATHS": "/a"}
    for name, value in {**travels, **stays}.items():
        monkeypatch.setenv(name, value)
    environment = scheduled_check(WANTED, "/desk")["settings"]["environment"]
    assert {name: environment.get(name) for name in travels} == travels
    assert not set(stays) & set(environment)


def test_the_watch_is_started_each_hour_as_this_run_was_and_looked_after():
    run = Typed(Started(playbook_dir_style="playbooks", extra_vars=["watch_mode=page watch_for=2h runbook_locale=en"]))
    watch = {"mode": "recover", "hosts": ["kumon-1"]}
    settings = scheduled_check({**WANTED, "watch": watch}, "/desk", commands=run)["settings"]
    assert settings["commands"]["watch_go_live"][1:] == [
        "playbooks/watch_go_live.yml",
        *("-e", "runbook_locale=en", "-e", "watch_for=1h", "-e", "watch_mode=recover"),
    ]
    assert settings["watch"]["stamps"] == {"kumon-1": "/desk/watch/kumon-1.json"}
    assert settings["watch"]["limit_seconds"] > 60
    # What a person wanted of one watch is not what the check does.
    assert "watch_mode" not in " ".join(settings["commands"]["health_check"])
    assert scheduled_check(WANTED, "/desk", commands=run)["settings"]["watch"] == {}


def test_the_incident_is_looked_at_where_the_desk_is_the_controller():
    assert scheduled_check(WANTED, "/desk")["settings"]["incident"] == ""
    assert scheduled_check({**WANTED, "desk_here": True}, "/desk")["settings"]["incident"] == "/desk/incident.json"
