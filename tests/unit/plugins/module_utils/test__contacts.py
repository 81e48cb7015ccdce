# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _contacts
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused


@pytest.mark.parametrize(
    ("contacts", "smtp", "sentence"),
    [
        ({}, {}, "runbook_contacts is empty"),
        ("ana", {}, "runbook_contacts is empty"),
        ({"technical": [], "business": 1}, {}, "runbook_contacts.technical has no tiers"),
        ({"tech": []}, {}, "unknown audience 'tech'"),
        ({"technical": ["ana"]}, {}, "runbook_contacts.technical, tier 1 is no mapping"),
        ({"technical": [{"name": "a"}]}, {}, "tier 1 has no channels"),
        ({"technical": [{"channels": [{"type": "webhook", "url": "http://x"}]}]}, {}, "tier 1 has no name"),
        ({"technical": [{"name": "a", "acknowledge_minutes": -1, "channels": []}]}, {}, "acknowledge_minutes is '-1'"),
        (
            {"technical": [{"name": "a", "acknowledge_minutes": "nan", "channels": []}]},
            {},
            "acknowledge_minutes is 'nan'",
        ),
        (
            {"technical": [{"name": "a", "acknowledge_minutes": "inf", "channels": []}]},
            {},
            "acknowledge_minutes is 'inf'",
        ),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]},
            {"host": "h", "sender": "a@b.cd", "port": "587.5"},
            "runbook_smtp.port is '587.5'",
        ),
        ({"technical": [{"name": "a", "channels": [{"type": "sms"}]}]}, {}, "the type 'sms' is unknown"),
        ({"technical": [{"name": "a", "channels": [{"type": "slack"}]}]}, {}, "channel 1: url is empty"),
        ({"technical": [{"name": "a", "channels": [{"type": "slack", "url": "ftp://x"}]}]}, {}, "url cannot be used"),
        ({"technical": [{"name": "a", "channels": [{"type": "pagerduty"}]}]}, {}, "routing_key is empty"),
        ({"technical": [{"name": "a", "channels": [{"type": "pagerduty", "routing_key": 5}]}]}, {}, "no text"),
        (
            {"technical": [{"name": "a", "channels": [{"type": "slack", "url": "http://h", "headers": "nonsense"}]}]},
            {},
            "headers must be a mapping of texts",
        ),
        (
            {
                "technical": [
                    {"name": "a", "channels": [{"type": "webhook", "url": "http://h", "headers": {"A": "\n"}}]}
                ]
            },
            {},
            "headers cannot be sent: a value has a line break",
        ),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]},
            {"host": "h", "sender": "a@b.cd", "password": 123456},
            "password must be texts; a number needs quotes",
        ),
        ({"technical": [{"name": "a", "channels": [{"type": "email", "to": "nobody"}]}]}, {}, "is no e-mail address"),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.c\r\nBcc: x@y.z"}]}]},
            {},
            "is no e-mail address",
        ),
        ({"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]}, {}, "needs runbook_smtp"),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]},
            {"host": "h", "sender": "r@b.cd", "security": "ssl3"},
            "runbook_smtp.security is 'ssl3'",
        ),
        (
            {"technical": [{"name": "a", "channels": [{"type": "slack", "url": "http://x", "timeout": 0}]}]},
            {},
            "timeout is '0'",
        ),
    ],
)
def test_contacts_that_cannot_work_are_refused_before_anything_is_sent(desk, hooks, contacts, smtp, sentence):
    assert any(sentence in problem for problem in _contacts.contacts_problems(contacts, smtp))
    desk.contacts, desk.smtp = contacts, smtp
    with pytest.raises(Refused):
        desk.run("open")
    assert hooks.got == []
    assert not desk.directory.exists()


def test_what_nobody_may_read_back_is_known():
    contacts = {
        "technical": [{"channels": [{"url": "http://h/T0KEN", "headers": {"A": "Bearer x"}}, {"routing_key": "rk123"}]}]
    }
    assert _contacts.secrets_of(contacts, {"password": "pw12"}) == {"http://h/T0KEN", "Bearer x", "rk123", "pw12"}
    assert _contacts.secrets_of("x", None) == set()


TIER = {"name": "ana", "channels": [{"type": "webhook", "url": "https://hooks.example.com/x"}]}


@pytest.mark.parametrize(
    ("contacts", "warnings"),
    [
        ({"technical": [TIER], "business": [TIER]}, []),
        ({"technical": [TIER]}, ["runbook_contacts.business names nobody: only the technical side is told"]),
        ({"business": [TIER]}, ["runbook_contacts.technical names nobody: only the business side is told"]),
        (
            {"technical": [TIER], "business": []},
            ["runbook_contacts.business names nobody: only the technical side is told"],
        ),
        (
            {"technical": [TIER], "business": None},
            ["runbook_contacts.business names nobody: only the technical side is told"],
        ),
    ],
)
def test_one_audience_alone_can_be_told_and_the_other_is_named(contacts, warnings):
    assert _contacts.contacts_problems(contacts, {}) == []
    assert _contacts.contacts_warnings(contacts) == warnings


@pytest.mark.parametrize("contacts", [{}, None, "ana", {"technical": [], "business": []}, {"business": None}])
def test_nobody_at_all_is_a_problem_and_no_warning(contacts):
    assert _contacts.contacts_problems(contacts, {}) != []
    assert _contacts.contacts_warnings(contacts) == []


@pytest.mark.parametrize("business", ["ana", {"name": "ana"}, 1])
def test_an_audience_that_is_no_list_of_tiers_was_meant_to_be_told(business):
    (problem,) = _contacts.contacts_problems({"technical": [TIER], "business": business}, {})
    assert problem.startswith("runbook_contacts.business has no tiers")


def test_an_unknown_audience_stays_a_problem_beside_one_that_is_told():
    (problem,) = _contacts.contacts_problems({"technical": [TIER], "buisness": [TIER]}, {})
    assert problem.startswith("runbook_contacts has the unknown audience 'buisness'")


def by_apprise(url):
    return {"technical": [{"name": "ana", "channels": [{"type": "apprise", "url": url}]}]}


@pytest.mark.parametrize("url", ["tgram://T0KEN/123", "ntfys://ntfy.sh/topic", "json://127.0.0.1:9/x"])
def test_an_address_of_apprise_is_taken(url):
    assert _contacts.contacts_problems(by_apprise(url), {}, "https://evolution.example.com") == []


@pytest.mark.parametrize("url", ["", None, 5, "T0KEN", "tgram://", "tgram:///x", "tgram://a b"])
def test_what_is_no_address_of_apprise_is_refused(url):
    (problem,) = _contacts.contacts_problems(by_apprise(url), {})
    assert problem.endswith("url is no address of apprise, such as tgram://TOKEN/CHAT")


@pytest.mark.parametrize(
    ("url", "gateway"),
    [
        # Whichever its address: it may be the same one.
        ("evolution://key@other.example.com/kumon/5511999999999", ""),
        ("EVOLUTIONS://key@other.example.com/kumon/5511999999999", "http://127.0.0.1:8080"),
        ("jsons://user:pw@Evolution.example.com/message/sendText/kumon", "https://evolution.example.com/"),
        ("json://127.0.0.1:8080/message", "http://127.0.0.1:8080"),
    ],
)
def test_nobody_is_told_by_the_gateway_that_may_be_failing(url, gateway):
    (problem,) = _contacts.contacts_problems(by_apprise(url), {}, gateway)
    assert "Evolution API, which may be what fails: name another service" in problem
    assert "key" not in problem
    assert "pw" not in problem


@pytest.mark.parametrize(
    ("kind", "url", "gateway", "refused"),
    [
        ("webhook", "https://gw.example/message/sendText/kumon", "https://gw.example", True),
        ("slack", "https://GW.example:443/x", "https://gw.example/", True),
        ("webhook", "http://10.0.0.9:8080/message/sendText/kumon", "http://evolution:8080", True),
        ("webhook", "https://proxy.example/evolution/x", "https://proxy.example/evolution", True),
        ("webhook", "https://proxy.example/mattermost/hooks/x", "https://proxy.example/evolution", False),
        ("webhook", "https://proxy.example/evolution2/x", "https://proxy.example/evolution", False),
        ("webhook", "http://127.0.0.1:8080/alerts", "http://127.0.0.1:8080", False),
        ("slack", "https://hooks.example/x", "http://evolution:8080", False),
        ("slack", "https://hooks.example/x", "", False),
    ],
)
def test_nobody_is_told_by_the_gateway_that_may_be_what_fails(kind, url, gateway, refused):
    contacts = {"technical": [{"name": "a", "channels": [{"type": kind, "url": url}]}]}
    found = _contacts.contacts_problems(contacts, None, gateway)
    assert [("through the assistant's Evolution API" in sentence) for sentence in found] == ([True] if refused else [])
