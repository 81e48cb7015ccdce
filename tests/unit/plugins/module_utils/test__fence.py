# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network fence: put up in one transaction, proven by reading it back, and clear about what it needs."""

from __future__ import annotations

import pwd
import re
import socket
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _fence
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
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
def way(monkeypatch, nft):
    """What becomes of a connection as the fenced user: the fence turns it away, unless `answers` says otherwise."""
    found = {"answers": False, "meets": True}

    def connects(_rule):
        nft.count(probes=int(found["meets"]))
        return found["answers"]

    monkeypatch.setattr(_fence, "_connects", connects)
    return found


@pytest.fixture
def systemctl():
    return []


@pytest.fixture
def busy():
    """The exits of systemctl's next starts that fail."""
    return []


@pytest.fixture
def host(tmp_path, nft, systemctl, busy):
    """Without systemd until the test makes the directory `booted`."""

    def run(argv, **more):
        if argv[0] == "systemctl":
            systemctl.append(" ".join(argv[1:]))
            return Finished(busy.pop() if busy and argv[1] == "start" else 0, "", "")
        return nft.run(argv, **more)

    units, booted = str(tmp_path / "units"), str(tmp_path / "booted")
    return Host(run=run, uid=0, systemd_units=units, systemd_booted=booted)


@pytest.fixture
def ensure(tmp_path, host, names, way):
    def ensure(check_mode=False, **more):
        params = module_params(tmp_path, **{"state": "present", "url": URL, "user": "998", **more})
        return _fence.ensure(params, host, check_mode)

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
    since = result.pop("since")
    assert began <= since
    assert nft.scripts == [
        "add table inet kumon_runbook_kumon-assistant\n"
        "delete table inet kumon_runbook_kumon-assistant\n"
        "table inet kumon_runbook_kumon-assistant {\n"
        "  set gateway4 { type ipv4_addr; elements = { 192.0.2.10 }; }\n"
        "  set gateway6 { type ipv6_addr; elements = { 2001:db8::10 }; }\n"
        "  chain output {\n"
        "    type filter hook output priority -150; policy accept;\n"
        "    meta skuid 998 ip daddr @gateway4 tcp dport 8080 jump refuse\n"
        "    meta skuid 998 ip6 daddr @gateway6 tcp dport 8080 jump refuse\n"
        "  }\n"
        "  chain refuse {\n"
        '    meta l4proto tcp meta mark 0x6b756d6f counter reject with tcp reset comment "probe"\n'
        f'    meta l4proto tcp counter packets 0 bytes 0 reject with tcp reset comment "since {since} before 0"\n'
        "  }\n"
        "}\n"
    ]
    assert result == {
        "present": True,
        "addresses": ["192.0.2.10", "2001:db8::10"],
        "uid": 998,
        "uids": [998],
        "sources": [],
        "port": 8080,
        "packets": 0,
        "attempts": 0,
        "attempts_before": 0,
        "attempt": "refused",
        "proxied": None,
        "survives_reboot": False,
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
    assert nft.scripts[-1].splitlines() == [f"{verb} table inet {FakeNft.TABLE}" for verb in ("add", "delete")]


def test_packets_are_counted_apart_from_attempts_of_our_own(ensure, nft):
    ensure()
    nft.count(packets=5)
    result = ensure()
    assert (result["packets"], result["attempts"], result["changed"]) == (5, 5, False)


def test_what_the_next_processes_try_is_told_apart(ensure, nft, tmp_path, host):
    since = ensure()["since"]
    nft.count(packets=2)
    params = module_params(tmp_path, state="present", url=URL, user="998")
    _fence.settle(params, host)
    nft.count(packets=3)
    for fence in (ensure(), _fence.standing(params, host)):
        assert (fence["attempts"], fence["attempts_before"], fence["since"]) == (5, 2, since)
    assert not ensure()["changed"]


def test_what_was_counted_stays_when_addresses_are_added(ensure, nft, names, tmp_path, host):
    since = ensure()["since"]
    nft.count(packets=2)
    _fence.settle(module_params(tmp_path), host)
    nft.count(packets=5)
    names["evolution.example.com"].append("192.0.2.11")
    result = ensure()
    assert (result["changed"], result["since"]) == (True, since)
    assert (result["attempts"], result["attempts_before"]) == (7, 2)


def test_a_journal_that_hangs_does_not_hold_the_fence_up(ensure, nft, monkeypatch):
    stood = []
    monkeypatch.setattr(_fence._journal, "record", lambda *_more, **_entry: stood.append(bool(nft.tables)))
    ensure()
    assert stood == [True, True]


@pytest.mark.parametrize(
    ("answers", "meets", "said"),
    [(False, True, "refused"), (True, True, "passed"), (True, False, "passed"), (False, False, "unknown")],
)
def test_what_stands_is_tried(ensure, way, answers, meets, said):
    way.update(answers=answers, meets=meets)
    assert ensure()["attempt"] == said


def test_each_service_has_a_fence_of_its_own(ensure, nft):
    ensure()
    ensure(service="other@1.service")
    assert len(nft.tables) == 2
    ensure(service="other@1", state="absent")
    assert list(nft.tables) == [FakeNft.TABLE]
    assert ensure(service="kumon-assistant.service")["changed"] is False


def test_names_that_read_alike_have_different_tables():
    assert len({_fence.table_of(name) for name in ("a@b", "a:b", "a_b", "a@b.service", "é" * 300, "é" * 301)}) == 5
    assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.-]{1,120}", _fence.table_of(name)) for name in ("a b", "é" * 300))


def test_addresses_of_before_stay_fenced(ensure, names):
    ensure()
    names["evolution.example.com"] = ["192.0.2.11"]
    result = ensure()
    assert result["changed"]
    assert result["addresses"] == ["192.0.2.10", "192.0.2.11", "2001:db8::10"]
    assert not ensure()["changed"]


def test_an_ipv4_address_written_as_ipv6_is_fenced_as_ipv4(ensure, names):
    names["evolution.example.com"] = ["::ffff:192.0.2.10"]
    assert ensure()["addresses"] == ["192.0.2.10"]


def test_a_fence_of_another_user_is_replaced(ensure, nft):
    ensure(user="997")
    assert ensure()["changed"]
    assert {rule["expr"][0]["match"]["right"] for rule in nft.rules if rule["chain"] == "output"} == {998}


@pytest.mark.parametrize("damage", ["policy", "priority", "drop", "way", "refusal", "foreign"])
def test_a_damaged_fence_is_repaired(ensure, nft, damage):
    ensure()
    if damage == "policy":
        nft.policy = "drop"
    elif damage == "priority":
        nft.prio = 0
    elif damage == "drop":
        nft.rules[3]["expr"][2] = {"drop": None}
    elif damage == "way":
        nft.rules.pop(0)
    elif damage == "refusal":
        nft.rules.pop()
    else:
        nft.rules.append({"chain": "output", "expr": [{"accept": None}]})
    assert ensure(check_mode=True)["changed"]
    nft.policy, nft.prio = "accept", -150
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


def test_the_user_is_the_running_process(tmp_path, systemd, nft, names, way):
    host = systemd.host()
    keeps = ("start", "stop", "kill")

    def run(argv, **more):
        if argv[0] == "nft":
            return nft.run(argv, **more)
        return Finished(0, "", "") if argv[1] in keeps and "fence" in argv[-1] else systemd.run(argv, **more)

    host.run = run
    params = module_params(tmp_path, state="present", url=URL, user=None)
    assert _fence.ensure(params, host)["uid"] == 998
    systemd.proc.remove(systemd.pid)
    systemd.properties.update(ControlGroup="", MainPID="0", User=pwd.getpwuid(1).pw_name)
    assert _fence.ensure(params, host)["uid"] == 1
    systemd.properties["User"] = ""
    with pytest.raises(Refused) as caught:
        _fence.ensure(params, host)
    assert str(caught.value) == "kumon-assistant.service does not run and its unit names no user: set user"


@pytest.mark.parametrize(
    ("environ", "argv", "proxied"),
    [
        ({"HOME": "/"}, ["uvicorn"], False),
        ({"http_proxy": "http://192.0.2.9:3128"}, ["uvicorn"], True),
        ({"http_proxy": "http://192.0.2.9:3128", "no_proxy": ".example.com"}, ["uvicorn"], False),
        # What an engine fetches images by is not the assistant's.
        ({"http_proxy": "http://192.0.2.9:3128"}, ["/usr/bin/docker-proxy"], False),
    ],
)
def test_a_service_that_sends_through_a_proxy_is_told(tmp_path, nft, names, way, monkeypatch, environ, argv, proxied):
    systemd = FakeSystemd(tmp_path)
    systemd.spawn(environ)
    monkeypatch.setattr(systemd.proc, "argv", lambda _pid: argv)
    host = Host(run=nft.run, uid=0, proc=systemd.proc, systemd_booted=str(tmp_path / "none"))
    params = module_params(tmp_path, state="present", url=URL, user=None)
    whom = _fence.Senders([998], None, [systemd.pid])
    told = _fence.ensure(params, host, look=lambda: whom)
    assert (told["proxied"], told["attempt"]) == (proxied, "refused")
    told_of = ["the service has http_proxy and sends through that proxy, which the fence does not hold"]
    assert told["warnings"] == (told_of if proxied else [])


def test_of_a_user_alone_nobody_knows_how_it_sends(ensure):
    assert ensure()["proxied"] is None


def test_lifting_needs_no_service_and_no_url(ensure, nft):
    ensure()
    assert not ensure(state="absent", user=None, url=None, port=None)["present"]
    assert nft.rules is None


def test_a_host_without_nft_has_no_fence_to_lift(ensure, nft):
    nft.fails["list"] = Finished(127, "", "nft is not installed on this host")
    result = ensure(state="absent")
    assert (result["present"], result["changed"], result["warnings"]) == (False, False, [])


def test_a_fence_that_may_not_be_looked_at_is_warned_of_when_it_is_to_be_lifted(ensure, nft):
    nft.fails["list"] = Finished(1, "", "Operation not permitted (you must be root)\n")
    assert "not known" in ensure(state="absent")["warnings"][0]


@pytest.mark.parametrize("code", ["fence_container", "fence_rootless"])
def test_a_container_that_cannot_be_told_from_the_rest_has_no_fence(
    tmp_path, systemd, nft, names, way, monkeypatch, code
):
    host = systemd.host()
    host.run = lambda argv, **more: nft.run(argv, **more) if argv[0] == "nft" else systemd.run(argv, **more)
    if code == "fence_container":
        # The unit has nothing but the engine's client; what it started is elsewhere.
        monkeypatch.setattr(systemd.proc, "argv", lambda _pid: ["/usr/bin/docker", "run", "kumon"])
    else:
        monkeypatch.setattr(systemd.proc, "namespace", lambda pid, _kind: f"net:[{int(pid == systemd.pid)}]")
    with pytest.raises(_fence.NoFence) as caught:
        _fence.ensure(module_params(tmp_path, state="present", url=URL, user=None), host)
    assert caught.value.why["code"] == code
    assert nft.tables == {}


# -- what keeps it


@pytest.fixture
def keeper(tmp_path):
    """The paths of the unit and of what has it started at boot, on a host that systemd runs."""
    (tmp_path / "booted").mkdir()
    name = "kumon-runbook-fence-kumon-assistant.service"
    return tmp_path / "units" / name, tmp_path / "units" / "multi-user.target.wants" / name


def test_where_systemd_runs_a_unit_keeps_it_over_a_restart_of_the_host(ensure, nft, keeper, systemctl):
    unit, link = keeper
    assert ensure()["survives_reboot"] is True
    assert (link.readlink(), systemctl) == (unit, [f"start --no-block -- {unit.name}"])
    lines = [line.partition("=")[2] for line in unit.read_text().splitlines() if line.startswith("StandardInputText=")]
    # An empty line would take away those before it.
    assert all(lines)
    rules = nft.scripts[0].splitlines()[2:]
    assert lines[2 : 2 + len(rules)] == rules
    assert any("getent ahosts evolution.example.com " in line for line in lines)
    assert not ensure()["changed"]
    assert ensure(state="absent")["changed"]
    assert systemctl[-2:] == [f"stop --no-block -- {unit.name}", f"kill -- {unit.name}"]
    assert not unit.exists()
    assert not link.is_symlink()
    assert not ensure(state="absent")["changed"]


@pytest.mark.parametrize(("exits", "warnings"), [([1], 0), ([1, 1], 1)])
def test_it_is_started_once_more_where_systemd_was_busy(ensure, keeper, systemctl, busy, exits, warnings):
    busy.extend(exits)
    told = ensure()["warnings"]
    start = f"start --no-block -- {keeper[0].name}"
    assert (systemctl, len(told)) == ([start, "daemon-reload", start], warnings)


def test_a_unit_that_was_taken_away_is_written_again(ensure, nft, keeper):
    ensure()
    keeper[1].unlink()
    result = ensure()
    assert (result["changed"], result["survives_reboot"], len(nft.scripts)) == (True, True, 1)


def test_a_gateway_without_a_name_is_not_looked_up_again(ensure, keeper, names):
    names["192.0.2.10"] = ["192.0.2.10"]
    ensure(url="http://192.0.2.10:8080")
    assert "getent" not in keeper[0].read_text()


def test_a_fence_that_cannot_be_kept_stands_all_the_same(ensure, keeper, tmp_path):
    (tmp_path / "units").write_text("no directory")
    result = ensure()
    assert (result["present"], result["survives_reboot"]) == (True, False)
    assert "will not outlive a restart of the host" in result["warnings"][0]


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
