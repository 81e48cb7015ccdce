# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.action.settings import settle
from ansible_collections.kumon.runbook.plugins.plugin_utils._description import assistant_description

ROOT = Path(__file__).resolve().parents[4]
SPECS = yaml.safe_load((ROOT / "roles/assistant/meta/argument_specs.yml").read_text(encoding="utf-8"))
OPTIONS = SPECS["argument_specs"]["main"]["options"]
CONTACTS = {
    audience: [{"name": "dev", "channels": [{"type": "webhook", "url": "http://127.0.0.1/hook"}]}]
    for audience in ("technical", "business")
}


def described(**given):
    settings, problem = settle(OPTIONS, {f"runbook_{name}": value for name, value in given.items()}, "runbook_")
    assert problem == ""
    return assistant_description(settings)


def test_the_defaults_describe_a_service_of_systemd():
    found = described()
    assert found["service"] == {
        "service": "kumon-assistant",
        "manager": "systemd",
        "env_file": "/etc/kumon-assistant/runbook.env",
        "state_dir": "/var/lib/kumon-runbook",
        "port": 8000,
    }
    assert found["health"] == {
        "health_urls": ["http://127.0.0.1:8000/health", "http://127.0.0.1:8000/api/v1/health"],
        "health_fields": {"DELIVERY_DISABLE": "delivery_disabled"},
    }
    assert (found["profile"]["level1_flags"], len(found["profile"]["level2_flags"])) == ({"DELIVERY_DISABLE": True}, 4)
    assert found["log"] == {
        "source": "file",
        "paths": ["/var/log/kumon-assistant/app.log*"],
        "unit": "kumon-assistant",
    }
    assert found["heartbeat"] == {}
    assert found["state"] == {"state_dir": "/var/lib/kumon-runbook"}
    assert found["webhook_url"] == "http://127.0.0.1:8000/api/v1/evolution/webhook"
    assert found["problems"] == []
    assert len(found["contacts"]) == 1 and found["contacts"][0].startswith("runbook_contacts is empty: ")


def test_a_process_has_a_pid_file_and_a_command():
    found = described(
        service_manager="process",
        process_pid_file="/run/a.pid",
        process_command=["python", "-m", "a"],
        process_chdir="/opt/a",
        process_log_file="/var/log/a.log",
    )
    service = {"manager": "process", "pid_file": "/run/a.pid", "command": ["python", "-m", "a"], "chdir": "/opt/a"}
    assert found["service"] == {**found["service"], **service, "log_file": "/var/log/a.log"}


@pytest.mark.parametrize(
    ("url", "urls", "port"),
    [
        ("http://h/health", ["http://h/health", "http://h/api/v1/health"], 80),
        ("https://h/health", ["https://h/health", "https://h/api/v1/health"], 443),
        ("https://h:8443/x?y#z", ["https://h:8443/x?y#z", "https://h:8443/api/v1/health"], 8443),
        ("http://[::1]:9/health", ["http://[::1]:9/health", "http://[::1]:9/api/v1/health"], 9),
        # The same one is asked once.
        ("http://h/api/v1/health", ["http://h/api/v1/health"], 80),
        # What is wrong with a port is said by the module that asks.
        ("http://h:99999/health", ["http://h:99999/health", "http://h:99999/api/v1/health"], None),
    ],
)
def test_where_health_is_asked(url, urls, port):
    found = described(health_url=url)
    assert found["health"]["health_urls"] == urls
    assert found["service"].get("port") == port
    assert found["problems"] == []


def test_without_health_nothing_is_derived_from_it():
    found = described(health_url="none")
    assert (found["health"]["health_urls"], found["webhook_url"]) == ([], "")
    assert "port" not in found["service"] and found["problems"] == []
    assert described(health_url="none", webhook_url="http://a/hook")["webhook_url"] == "http://a/hook"


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"health_url": "127.0.0.1:8000"}, "runbook_health_url (127.0.0.1:8000) is not an http URL: correct it, or "),
        ({"webhook_url": "ftp://a"}, "runbook_webhook_url (ftp://a) is not an http URL: correct it"),
        ({"evolution_url": "http:///x"}, "runbook_evolution_url (http:///x) is not an http URL: correct it"),
        ({"log_paths": []}, "runbook_log_paths is empty: name the log files of the assistant"),
        (
            {"log_source": "journal", "service_manager": "process"},
            "runbook_log_source journal needs runbook_service_manager systemd",
        ),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(given, start):
    problems = described(**given)["problems"]
    assert len(problems) == 1 and problems[0].startswith(start)


def test_all_that_is_wrong_is_told_and_what_is_fine_is_not():
    found = described(log_paths=[], webhook_url="x", evolution_url="y")["problems"]
    assert [one.split(" ", maxsplit=1)[0] for one in found] == [
        "runbook_log_paths",
        "runbook_webhook_url",
        "runbook_evolution_url",
    ]
    assert described(log_source="journal", log_paths=[])["problems"] == []
    assert described(evolution_url="")["problems"] == []


def test_what_is_wrong_with_the_contacts_is_told_before_what_they_leave_out():
    assert described(contacts={"technical": "x"})["contacts"] != []
    one = described(contacts={"technical": CONTACTS["technical"]})["contacts"]
    assert one == ["runbook_contacts.business names nobody: only the technical side is told"]
    assert described(contacts=CONTACTS)["contacts"] == []


# -- the flags of a release


def test_contacts_that_would_be_told_by_the_gateway_itself_are_wrong():
    channel = {"type": "apprise", "url": "jsons://evolution.example.com/message"}
    contacts = {**CONTACTS, "business": [{"name": "ana", "channels": [channel]}]}
    (problem,) = described(contacts=contacts, evolution_url="https://evolution.example.com")["contacts"]
    assert "the assistant's Evolution API" in problem
    assert described(contacts=contacts, evolution_url="https://evolution.example.org")["contacts"] == []


def test_a_profile_is_chosen_by_its_name():
    found = described(profile="app_main")
    assert found["profile"]["level2_flags"] == {"ROUTER_V2_SHADOW": False, "WORKFLOW_V2_ENABLED": False}
    assert found["health"]["health_fields"] == {}
    assert described(profile="one_turn")["profile"]["level2_flags"] == {}


def test_until_a_release_was_looked_at_an_automatic_profile_has_what_all_have():
    found = described(profile="auto")["profile"]
    assert found["level1_flags"] == {"DELIVERY_DISABLE": True}
    assert set(found["level2_flags"]) == {
        *described(profile="procedures")["profile"]["level2_flags"],
        *described(profile="app_main")["profile"]["level2_flags"],
    }
    assert set(found["choices"]) == set(found["marks"]) == {"procedures", "app_main", "one_turn"}
    assert all(found["marks"].values())
    assert described(profile="auto", profiles={"app_main": []})["problems"][0].startswith(
        "runbook_profiles.app_main must"
    )


def test_profiles_of_ones_own_come_beside_and_before_the_shipped_ones():
    own = {"next": {"level1_flags": {"SEND_OFF": 1}, "health_fields": {"SEND_OFF": "send_off"}}, "one_turn": {}}
    found = described(profile="next", profiles=own)
    assert found["profile"] == {
        "level1_flags": {"SEND_OFF": 1},
        "level2_flags": {},
        "health_fields": {"SEND_OFF": "send_off"},
    }
    assert found["health"]["health_fields"] == {"SEND_OFF": "send_off"}
    fields = {"ROUTER_V2_SHADOW": "shadow"}
    assert described(profile="next", profiles=own, health_fields=fields)["health"]["health_fields"] == fields
    assert described(profile="one_turn", profiles=own)["profile"]["level1_flags"] == {}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"profile": "v3"}, "runbook_profile must be one of procedures, app_main, one_turn, auto, not 'v3'"),
        ({"profile": "x", "profiles": {"x": []}}, "runbook_profiles.x must be a mapping of level1_flags, "),
        ({"profile": "x", "profiles": {"x": {"level4": {}}}}, "runbook_profiles.x must be a mapping of level1_flags, "),
        ({"profile": "x", "profiles": {"x": {"level1_flags": "A=1"}}}, "runbook_profiles.x must be a mapping of "),
    ],
)
def test_a_profile_that_is_none_is_named(given, problem):
    assert described(**given)["problems"][0].startswith(problem)


def test_a_heartbeat_goes_to_what_counts_traces_and_to_nothing_else():
    found = described(heartbeat_conversation="5511900000009", heartbeat_minutes=20)
    assert found["heartbeat"] == {"heartbeat_conversation": "5511900000009", "heartbeat_minutes": 20}
    assert "heartbeat_conversation" not in found["log"] and found["problems"] == []
    assert described(heartbeat_conversation="", heartbeat_minutes=0)["problems"] == []
    assert "runbook_heartbeat_minutes is 0" in described(heartbeat_conversation="x", heartbeat_minutes=0)["problems"][0]
