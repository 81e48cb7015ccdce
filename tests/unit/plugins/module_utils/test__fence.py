# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network fence: put up in one transaction, proven by reading it back, and clear about what it needs."""

from __future__ import annotations

import pwd
import socket
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _fence
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Finished, Host
from ansible_collections.kumon.runbook.plugins.module_utils._service import iso

from tests.unit.plugins.service_fakes import FakeNft, FakeSystemd, journal, module_params, tree

URL = "http://evolution.example.com:8080"


@pytest.fixture
def nft():
    return FakeNft()


@pytest.fixture
def names(monkeypatch):
    """Addresses by name; every other name has none."""
    found = {"evolution.example.com": ["192.0.2.10", "2001:db8::10"]}

    def resolve(name, port, **_more):
        if name not in found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in item else socket.AF_INET, socket.SOCK_STREAM, 6, "", (item, port))
            for item in found[name]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return found


@pytest.fixture
def ensure(tmp_path, nft, names):
    def ensure(check_mode=False, **more):
        params = module_params(tmp_path, **{"state": "present", "url": URL, "user": "998", **more})
        return _fence.ensure(params, Host(run=nft.run, uid=0), check_mode)

    return ensure


@pytest.fixture
def refused(ensure, tmp_path, nft):
    def refused(**more):
        before, rules = tree(tmp_path), nft.rules
        with pytest.raises(Refused) as caught:
            ensure(**more)
        assert (tree(tmp_path), nft.rules, nft.scripts) == (before, rules, [])
        return str(caught.value)

    return refused


def test_every_address_is_fenced_in_one_transaction(ensure, nft, tmp_path):
    began = iso(time.time())
    result = ensure()
    assert began <= result.pop("read_back") <= iso(time.time())
    assert nft.scripts == [
        "add table inet kumon_runbook\n"
        "delete table inet kumon_runbook\n"
        "table inet kumon_runbook {\n"
        "  chain output {\n"
        "    type filter hook output priority filter; policy accept;\n"
        "    meta skuid 998 ip daddr 192.0.2.10 tcp dport 8080 counter reject with tcp reset\n"
        "    meta skuid 998 ip6 daddr 2001:db8::10 tcp dport 8080 counter reject with tcp reset\n"
        "  }\n"
        "}\n"
    ]
    assert result == {
        "present": True,
        "addresses": ["192.0.2.10", "2001:db8::10"],
        "uid": 998,
        "port": 8080,
        "packets": 0,
        "changed": True,
        "warnings": [],
        "diff": {"before": "", "after": nft.scripts[0]},
    }
    begin, outcome = journal(tmp_path)
    assert (begin["act"], begin["phase"], outcome["phase"], outcome["ok"]) == (
        "network_fence",
        "begin",
        "outcome",
        True,
    )
    assert (begin["before"], begin["after"]) == ({"network_fence": "absent"}, {"network_fence": "present"})


def test_the_quartet(ensure, nft, tmp_path):
    for state, present in (("present", True), ("absent", False)):
        before = tree(tmp_path), nft.rules, len(nft.scripts)
        assert ensure(check_mode=True, state=state)["changed"]
        assert (tree(tmp_path), nft.rules, len(nft.scripts)) == before
        result = ensure(state=state)
        assert (result["changed"], result["present"]) == (True, present)
        before = tree(tmp_path), nft.rules, len(nft.scripts)
        assert not ensure(check_mode=True, state=state)["changed"]
        assert not ensure(state=state)["changed"]
        assert (tree(tmp_path), nft.rules, len(nft.scripts)) == before
    assert nft.scripts[-1] == "add table inet kumon_runbook\ndelete table inet kumon_runbook\n"


def test_packets_are_counted(ensure, nft):
    ensure()
    nft.rules[0]["expr"][3]["counter"]["packets"] = 3
    nft.rules[1]["expr"][3]["counter"]["packets"] = 2
    result = ensure()
    assert (result["packets"], result["changed"]) == (5, False)


def test_addresses_of_before_stay_fenced(ensure, names):
    ensure()
    names["evolution.example.com"] = ["192.0.2.11"]
    result = ensure()
    assert result["changed"]
    assert result["addresses"] == ["192.0.2.10", "192.0.2.11", "2001:db8::10"]
    assert not ensure()["changed"]


def test_a_fence_of_another_user_is_replaced(ensure, nft):
    ensure(user="997")
    assert ensure()["changed"]
    assert {rule["expr"][0]["match"]["right"] for rule in nft.rules} == {998}


@pytest.mark.parametrize("damage", ["policy", "drop", "rule", "foreign"])
def test_a_damaged_fence_is_repaired(ensure, nft, damage):
    ensure()
    if damage == "policy":
        nft.policy = "drop"
    elif damage == "drop":
        nft.rules[0]["expr"][4] = {"drop": None}
    elif damage == "rule":
        nft.rules.pop()
    else:
        nft.rules.append({"expr": [{"accept": None}]})
    assert ensure(check_mode=True)["changed"]
    nft.policy = "accept"
    assert ensure()["present"]


def test_a_user_that_nft_shows_by_name_is_known(ensure, nft):
    root = pwd.getpwuid(0).pw_name
    ensure(user=root)
    nft.rules[0]["expr"][0]["match"]["right"] = root
    assert not ensure(user=root)["changed"]


def test_the_port_is_the_schemes_when_none_is_given(ensure):
    assert ensure(url="https://evolution.example.com/base")["port"] == 443


def test_fencing_root_is_warned_of(ensure):
    assert ensure(user="0")["warnings"] == [
        f"the service runs as root, so the fence keeps every root process from {URL}"
    ]


# -- whose traffic


def test_the_user_is_the_running_process(tmp_path, nft, names):
    systemd = FakeSystemd(tmp_path)
    systemd.spawn()
    host = systemd.host()
    host.run = lambda argv, **more: (nft.run if argv[0] == "nft" else systemd.run)(argv, **more)
    params = module_params(tmp_path, state="present", url=URL, user=None)
    assert _fence.ensure(params, host)["uid"] == 998
    systemd.proc.remove(systemd.pid)
    systemd.properties.update(ControlGroup="", MainPID="0", User=pwd.getpwuid(1).pw_name)
    assert _fence.ensure(params, host)["uid"] == 1
    systemd.properties["User"] = ""
    with pytest.raises(Refused) as caught:
        _fence.ensure(params, host)
    assert str(caught.value) == "kumon-assistant.service does not run and its unit names no user: set user"


def test_lifting_needs_no_service_and_no_url(ensure, nft):
    ensure()
    assert not ensure(state="absent", user=None, url=None, service="gone")["present"]
    assert nft.rules is None


# -- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": None}, "state present needs the Evolution API's url: set runbook_evolution_url"),
        (
            {"url": "evolution:8080"},
            "url 'evolution:8080' is not valid (it does not start with http:// or https://): "
            "correct runbook_evolution_url",
        ),
        (
            {"url": "http://nowhere.example.com"},
            "nowhere.example.com has no address on this host (Name or service not known): "
            "correct runbook_evolution_url",
        ),
        ({"user": "no-such-user"}, "user 'no-such-user' does not exist on this host: correct it"),
    ],
)
def test_input_that_does_not_fit(refused, options, message):
    assert refused(**options) == message


def test_a_fence_around_nothing_is_refused(refused, names):
    names["evolution.example.com"] = []
    assert refused() == "evolution.example.com has no address on this host: correct runbook_evolution_url"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            Finished(127, "", "nft is not installed on this host"),
            "the network fence needs nft, which is not installed on this host: install nftables. "
            "Next: rollback level 3.",
        ),
        (
            Finished(
                1, "", "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: …\n"
            ),
            "the network fence needs CAP_NET_ADMIN on this host: run with become: true. Next: rollback level 3.",
        ),
        (
            Finished(1, "", "netlink: Error: cache initialization failed: Protocol not supported\n"),
            "the network fence cannot be read (netlink: Error: cache initialization failed: Protocol not supported). "
            "Next: rollback level 3.",
        ),
        (
            Finished(0, "not json", ""),
            "the network fence cannot be read (its answer cannot be read). Next: rollback level 3.",
        ),
    ],
)
def test_a_host_that_cannot_have_a_fence(refused, nft, answer, message):
    nft.fails["list"] = answer
    assert refused() == message


# -- late failures


def test_rules_that_nft_refuses(ensure, nft, tmp_path):
    nft.fails["load"] = Finished(1, "", "/dev/stdin:6:5-9: Error: Could not process rule: Not supported\n more\n")
    with pytest.raises(Failed) as caught:
        ensure()
    assert str(caught.value) == (
        "nft refused the network fence (/dev/stdin:6:5-9: Error: Could not process rule: Not supported). "
        "Next: rollback level 3."
    )
    assert caught.value.result == {"present": False, "packets": 0, "warnings": []}
    assert journal(tmp_path)[-1]["ok"] is False


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_fence_that_does_not_read_back_is_a_failure(ensure, nft, state):
    if state == "absent":
        ensure()
    nft.deaf = True
    with pytest.raises(Failed) as caught:
        ensure(state=state)
    assert str(caught.value) == (
        f"nft took the network fence, but it does not read back as {state}. Next: rollback level 3."
    )
