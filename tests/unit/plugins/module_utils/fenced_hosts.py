# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fence by the kernel's own packets: a host in namespaces of its own, on it a bridge with the assistant's
container, and the gateway on the bridge, on another network and behind destination NAT.

Started by `test__fence_packets.py`, which makes the namespaces.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import (
    _container,
    _fence,
    _fence_keeper,
    _flags,
    _service,
)
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished, run
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

from tests.unit.plugins.service_fakes import FakeSystemd, journal, module_params, service_user

USER = 33
NUMBERS = itertools.count()
GATEWAYS = ("10.77.0.2", "10.88.0.3", "10.99.0.1", "fd00:77::2")
SERVER = "import http.server, socket; C = http.server.ThreadingHTTPServer; C.address_family = socket.AF_INET6; "
SERVER += "C(('::', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()"
# A process that listens on 8000 in its network, and says nothing.
LISTENS = "import socket, time; s = socket.create_server(('', 8000)); time.sleep(600)"
PUBLISHED = """
table ip engine {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 10.99.0.1 tcp dport 8080 dnat to 10.77.0.2
  }
  chain output {
    type nat hook output priority -100;
    ip daddr 10.99.0.1 tcp dport 8080 dnat to 10.77.0.2
  }
}
"""


def sh(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def wait(until) -> None:
    deadline = time.monotonic() + 15
    while not until():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def asks(address: str, user: int, *enter: str) -> bool:
    """Whether a connection as that user is answered."""
    host = f"[{address}]" if ":" in address else address
    ask = ["curl", "-s", "-m", "2", "-o", "/dev/null", "--noproxy", "*", f"http://{host}:8080/"]
    return subprocess.run([*enter, "setpriv", f"--reuid={user}", "--clear-groups", *ask], check=False).returncode == 0


class Network:
    """A network of its own, held by a process."""

    def __init__(self, *argv: str, apart: bool = False):
        # As engines do it: in a process namespace of its own too, and nothing else in its network.
        flags = ["unshare", "--pid", "--fork", "--kill-child", "--"] if apart else []
        argv = (*flags, "unshare", "--net", "--", *(argv or ("sleep", "600")))
        self.child = subprocess.Popen(argv, start_new_session=True)
        wait(lambda: not apart or self.children())
        self.pid = self.children()[0] if apart else self.child.pid
        comm = Path(f"/proc/{self.pid}/comm")
        wait(lambda: _container.is_apart(Proc(), self.pid) and comm.read_text() != "unshare\n")
        self.run("ip", "link", "set", "lo", "up")

    def children(self) -> list[int]:
        pid = self.child.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def run(self, *argv: str) -> str:
        return sh("nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *argv)

    def join(self, address: str, gateway: str, bridge: str = "", v6: str = "", gateway6: str = "") -> None:
        name = f"veth{next(NUMBERS)}"
        # By address: the neighbours of the next one of it would look for the other for a while.
        mac = "02:00:{:02x}:{:02x}:{:02x}:{:02x}".format(*map(int, address.split(".")))
        sh("ip", "link", "add", name, "type", "veth", "peer", "eth0", "address", mac, "netns", str(self.pid))
        sh("ip", "link", "set", name, "up", *(["master", bridge] if bridge else []))
        if not bridge:
            sh("ip", "address", "add", f"{gateway}/24", "dev", name)
            sh("ip", "address", "add", f"{gateway6}/64", "dev", name, "nodad")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.run("ip", "route", "add", "default", "via", gateway)
        self.run("ip", "address", "add", f"{v6}/64", "dev", "eth0", "nodad")
        self.run("ip", "route", "add", "default", "via", gateway6)

    def asks(self, address: str, user: int = USER) -> bool:
        """Whether a connection from inside, as that user, is answered."""
        return asks(address, user, "nsenter", f"--net=/proc/{self.pid}/ns/net", "--")

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


def only(container: Network):
    """Whom to fence in, where a container is all there is."""
    return lambda: _fence.Senders((), _container.container_of(Proc(), [container.pid]))


class Container(Network):
    def __init__(self, address: str = "10.88.0.2"):
        super().__init__(sys.executable, "-c", LISTENS, apart=True)
        self.join(address, "10.88.0.1", "br0", f"fd00:88::{address[-1]}", "fd00:88::1")


@pytest.fixture(scope="module", autouse=True)
def network():
    sh("ip", "link", "set", "lo", "up")
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        Path(f"/proc/sys/net/{name}").write_text("1")
    # Its own address, as engines give it one: else it has that of a port, and another one when that is gone.
    sh("ip", "link", "add", "br0", "address", "02:00:00:00:00:01", "type", "bridge")
    sh("ip", "address", "add", "10.88.0.1/24", "dev", "br0")
    sh("ip", "address", "add", "fd00:88::1/64", "dev", "br0", "nodad")
    sh("ip", "link", "set", "br0", "up")
    near, far = (Network(sys.executable, "-c", SERVER) for _n in range(2))
    near.join("10.88.0.3", "10.88.0.1", "br0", "fd00:88::3", "fd00:88::1")
    far.join("10.77.0.2", "10.77.0.1", "", "fd00:77::2", "fd00:77::1")
    # As an engine publishes a port.
    subprocess.run(["nft", "-f", "-"], input=PUBLISHED, text=True, check=True)
    sh("ip", "route", "add", "10.99.0.1/32", "via", "10.77.0.2")
    yield
    near.end()
    far.end()


@pytest.fixture
def container():
    found = Container()
    wait(lambda: all(map(found.asks, GATEWAYS)))
    yield found
    found.end()


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Level 1 on the container's port, which an engine's proxy holds; the gateway is known by all its addresses."""
    monkeypatch.setattr(_fence, "resolve", lambda _url: list(map(ipaddress.ip_address, GATEWAYS)))
    yield lambda **more: module_params(
        tmp_path,
        **{"manager": "process", "port": 8000, "state": "present", "url": "http://gateway:8080", "user": None, **more},
    )
    for family in ("inet", "bridge"):
        with contextlib.suppress(subprocess.CalledProcessError):
            sh("nft", "delete", "table", family, _fence.table_of("kumon-assistant"))


@pytest.fixture
def proxy(container, monkeypatch):
    """What docker has on the host's port."""
    argv = [sys.executable, "-c", LISTENS, "-container-ip", "10.88.0.2", "-container-port", "8000"]
    child = subprocess.Popen(argv)
    wait(lambda: child.pid in Proc().listeners(8000))
    yield child.pid
    child.kill()
    child.wait()


def test_two_services_have_a_fence_each_and_lifting_one_leaves_the_other(params):
    one, other = (params(service=name, user=str(user)) for name, user in (("kumon-assistant", USER), ("other@1", 34)))
    wait(lambda: all(asks(address, user) for address in GATEWAYS for user in (USER, 34)))
    for asked in (one, other):
        assert (_fence.ensure(asked, Host())["attempt"]) == "refused"
    # By IPv4 and IPv6, directly and behind destination NAT; nobody else's.
    assert not any(asks(address, user) for address in GATEWAYS for user in (USER, 34))
    assert all(asks(address, 35) for address in GATEWAYS)
    assert not _fence.ensure({**one, "state": "absent"}, Host())["present"]
    assert all(asks(address, USER) for address in GATEWAYS)
    assert not any(asks(address, 34) for address in GATEWAYS)
    found = _fence.standing(other, Host())
    assert (found["present"], found["attempts"]) == (True, 2 * len(GATEWAYS))
    _fence.ensure({**other, "state": "absent"}, Host())


@pytest.mark.usefixtures("proxy")
def test_a_container_is_fenced_in_by_its_address(container, params):
    other = Container("10.88.0.4")
    try:
        result = _fence.ensure(params(), Host())
        assert (result["present"], result["attempt"], result["attempts"]) == (True, "refused", 0)
        assert (result["uids"], result["sources"]) == ([], ["10.88.0.2", "fd00:88::2"])
        # On the bridge, forwarded, behind destination NAT and by IPv6; by no user.
        for address in GATEWAYS:
            assert not container.asks(address)
            assert not container.asks(address, user=0)
            assert other.asks(address)
        again = _fence.ensure(params(), Host())
        assert (again["changed"], again["attempt"], again["since"]) == (False, "refused", result["since"])
        assert again["attempts"] == 2 * len(GATEWAYS)
    finally:
        other.end()
    assert not _fence.ensure(params(state="absent"), Host())["present"]
    assert all(map(container.asks, GATEWAYS))


@pytest.mark.usefixtures("proxy")
def test_what_never_leaves_the_bridge_is_turned_away_too(container, params, monkeypatch):
    filters = [Path(f"/proc/sys/net/bridge/bridge-nf-call-{name}") for name in ("iptables", "ip6tables")]
    before = [one.read_text() for one in filters]
    for one in filters:
        one.write_text("0")
    try:
        result = _fence.ensure(params(), Host())
        assert (result["attempt"], result["warnings"]) == ("refused", [])
        assert not any(map(container.asks, GATEWAYS))
        counted = _fence.standing(params(), Host())["attempts"]
        assert counted >= len(GATEWAYS)
        assert not _fence.ensure(params(), Host())["changed"]
        # What is counted there stays counted, and its table goes with the fence.
        _fence.settle(params(), Host())
        assert _fence.standing(params(), Host())["attempts"] >= counted
        assert not container.asks("10.88.0.3")
        sh("nft", "delete", "table", "bridge", _fence.table_of("kumon-assistant"))
        assert container.asks("10.88.0.3")
        assert _fence.ensure(params(), Host())["changed"]
        assert not container.asks("10.88.0.3")
        _fence.ensure(params(state="absent"), Host())
        assert "kumon_runbook" not in sh("nft", "list", "ruleset")
        assert container.asks("10.88.0.3")
    finally:
        for one, text in zip(filters, before):
            one.write_text(text)


@pytest.mark.usefixtures("proxy")
def test_an_attempt_from_inside_that_is_answered_is_told(container, params, monkeypatch):
    # It sends from another address than is seen.
    seen = frozenset({ipaddress.ip_address("10.88.0.9"), ipaddress.ip_address("10.88.0.2")})
    monkeypatch.setattr(_container, "sources", lambda _proc, _pid: seen)
    container.run("ip", "address", "delete", "10.88.0.2/24", "dev", "eth0")
    container.run("ip", "address", "add", "10.88.0.7/24", "dev", "eth0")
    container.run("ip", "route", "add", "default", "via", "10.88.0.1")
    assert _fence.ensure(params(), Host())["attempt"] == "passed"


def test_the_counts_and_addresses_stand_when_the_flags_call_settles_them(container, params):
    host, asked = Host(), params()
    _fence.ensure(asked, host, look=only(container))
    container.asks("10.77.0.2")
    _fence.settle(asked, host)
    container.asks("10.77.0.2")
    found = _fence.standing(asked, host)
    assert (found["attempts"], found["attempts_before"], found["sources"]) == (2, 1, ["10.88.0.2", "fd00:88::2"])


def test_a_start_with_another_address_is_followed(container, params):
    host, asked = Host(), params()
    _fence.ensure(asked, host, look=only(container))
    later = Container("10.88.0.5")
    try:
        assert later.asks("10.77.0.2")
        assert _fence.follow(asked, host, [later.pid])
        assert not _fence.follow(asked, host, [later.pid])
        assert not later.asks("10.77.0.2")
        assert not container.asks("10.77.0.2")
        # Looked at as a whole, the fence is that of what runs now.
        _fence.ensure(asked, host, look=only(later))
        assert container.asks("10.77.0.2")
    finally:
        later.end()
    # Nothing runs: what stands is left.
    stands = _fence.ensure(asked, host)
    assert (stands["present"], stands["changed"], stands["sources"]) == (True, False, ["10.88.0.5", "fd00:88::5"])
    assert "the fence is left" in stands["warnings"][0]


def test_a_unit_whose_container_comes_back_with_another_address_stays_fenced_in(params, tmp_path, monkeypatch):
    systemd = FakeSystemd(tmp_path)
    first = systemd.spawn()
    host = systemd.host()
    host.run = lambda argv, **more: (
        run(argv, **more)
        if argv[0] == "nft"
        else Finished(0, "", "")
        if "fence" in argv[-1]
        else systemd.run(argv, **more)
    )
    monkeypatch.setattr(_container, "is_apart", lambda _proc, _pid: True)
    monkeypatch.setattr(_container, "owner", lambda _proc, _pid: 0)
    monkeypatch.setattr(_fence, "_connects_from", lambda _rule, _pid, _host: False)
    at = {True: ipaddress.ip_address("10.88.0.2"), False: ipaddress.ip_address("10.88.0.5")}
    monkeypatch.setattr(_container, "sources", lambda _proc, pid: frozenset({at[pid == first]}))
    seen = []
    follow = _fence.follow

    def followed(*given):
        moved = follow(*given)
        seen.append(_fence.standing(asked, host)["sources"])
        return moved

    monkeypatch.setattr(_fence, "follow", followed)
    asked = params(manager="systemd", port=None, fence_url="http://gateway:8080", state="effective")
    result = _flags.ensure(asked, host)
    # At its first sight, and without the old one once the act is over; also in what keeps the fence.
    assert seen[-1] == ["10.88.0.2", "10.88.0.5"]
    assert (result["fence"]["sources"], _fence.standing(asked, host)["sources"]) == (["10.88.0.5"], ["10.88.0.5"])
    (unit,) = (tmp_path / "systemd").glob("kumon-runbook-fence-*")
    assert "10.88.0.5" in unit.read_text() and "10.88.0.2" not in unit.read_text()
    assert not _flags.ensure(asked, host)["changed"]


@pytest.mark.usefixtures("proxy")
def test_level_1_fences_a_container_in_and_refuses_its_restart_by_name(container, params, tmp_path):
    asked = params(state="effective", fence_url="http://gateway:8080", observe=None)
    with pytest.raises(Failed) as caught:
        _flags.ensure(asked, Host())
    said, result = str(caught.value), caught.value.result
    assert "runs in a container, and restarting it there is not done from here" in said
    assert "docker compose stop" in said
    assert "evolution_instance.yml -e stop=true" in said
    assert (result["fence"]["present"], result["fence"]["attempt"], result["running"]) == (True, "refused", True)
    assert (result["pids"], result["restarted"]) == ([container.pid], False)
    assert result["declared"] == {"DELIVERY_DISABLE": None}
    assert {entry["act"] for entry in journal(tmp_path)} == {"network_fence"}
    assert not container.asks("10.77.0.2")
    assert container.child.poll() is None
    # The way back: the fence goes, and there is no flag to take away and nothing to restart.
    assert not _fence.ensure(params(state="absent"), Host())["present"]
    lifted = _flags.ensure(params(state="effective", flags={"DELIVERY_DISABLE": None}), Host())
    assert (lifted["changed"], lifted["restarted"], lifted["effective"]) == (False, False, {"DELIVERY_DISABLE": None})


@pytest.mark.usefixtures("proxy")
def test_without_a_fence_a_container_is_refused_by_name(params, monkeypatch, tmp_path):
    monkeypatch.setattr(_fence, "resolve", lambda _url: [ipaddress.ip_address("127.0.0.1")])
    with pytest.raises(_fence.NoFence) as caught:
        _fence.ensure(params(), Host())
    assert caught.value.why["code"] == "fence_loopback"
    with pytest.raises(Refused, match=r"evolution_instance\.yml -e stop=true"):
        _flags.ensure(params(state="effective", fence_url="http://localhost:8080"), Host())
    assert journal(tmp_path) == []
    assert _fence.read(Host(), _fence.table_of("kumon-assistant")) == _fence.NOTHING


@pytest.mark.usefixtures("proxy")
def test_what_runs_in_a_container_is_looked_at(container, params):
    seen = _service.inspect(params(), Host())
    assert (seen["running"], seen["pids"], seen["effective"]) == (True, [container.pid], {"DELIVERY_DISABLE": None})
    # Whoever wants more than a look at it is refused.
    service = _service.Service(params(), Host())
    for wanted in (lambda: service.processes(change=False), lambda: _flags.plan_restart(service, [])):
        with pytest.raises(_container.InContainer):
            wanted()


@pytest.mark.usefixtures("proxy")
def test_of_what_shares_a_network_who_serves_is_the_main_one(container, params):
    container.end()
    holder = Network(apart=True)
    holder.join("10.88.0.2", "10.88.0.1", "br0", "fd00:88::2", "fd00:88::1")
    server = subprocess.Popen(["nsenter", f"--net=/proc/{holder.pid}/ns/net", "--", sys.executable, "-c", LISTENS])
    try:
        wait(lambda: server.pid in Proc().listeners(8000, of=holder.pid))
        assert _service.inspect(params(), Host())["pids"] == [server.pid, holder.pid]
    finally:
        server.kill()
        server.wait()
        holder.end()


def test_a_container_is_found_by_the_address_of_its_health(container, params):
    at = params(health_urls=["http://10.88.0.2:8000/health"], health_timeout=0.2)
    assert _service.inspect(at, Host())["pids"] == [container.pid]
    other = params(health_urls=["http://10.88.0.9:8000/health"], health_timeout=0.2)
    assert _service.inspect(other, Host())["running"] is False


def test_a_process_in_another_network_is_not_started_in_this_one(params, tmp_path):
    apart = Network("setpriv", f"--reuid={service_user()}", "--clear-groups", "sleep", "600")
    try:
        (tmp_path / "app.pid").write_text(str(apart.pid))
        asked = params(state="effective", port=None, pid_file=str(tmp_path / "app.pid"))
        with pytest.raises(Refused, match="which is inside a container"):
            _flags.ensure(asked, Host(uid=0))
        assert apart.child.poll() is None
    finally:
        apart.end()


def test_a_container_of_a_users_own_has_no_address_to_fence_by(container, params, monkeypatch):
    manager = _service.manager_from(params(), Host())
    # Whatever it sends leaves as that user's; another one's process inside does too.
    monkeypatch.setattr(_container, "owner", lambda _proc, _pid: 1000)
    monkeypatch.setattr(Proc, "ids", lambda _self, _pid: None)
    assert _fence.senders_of(manager, Host(), [container.pid]) == _fence.Senders([1000], None, [container.pid])
    monkeypatch.undo()
    monkeypatch.setattr(_container, "owner", lambda _proc, _pid: 1000)
    with pytest.raises(_fence.NoFence) as caught:
        _fence.senders_of(manager, Host(), [container.pid])
    assert caught.value.why["code"] == "fence_rootless"


def test_whose_a_user_namespace_is(container):
    assert _container.owner(Proc(), container.pid) == 0
    alone = ["unshare", "--user", "--map-root-user", "--net", "sleep", "60"]
    child = subprocess.Popen(["setpriv", f"--reuid={USER}", "--clear-groups", *alone])
    try:
        wait(lambda: _container.is_apart(Proc(), child.pid))
        assert _container.owner(Proc(), child.pid) == USER
    finally:
        child.kill()
        child.wait()


def test_the_keeper_puts_the_fence_up_again_and_follows_the_container(container, params, tmp_path):
    """What the unit's shell runs, on a host whose systemd is not asked."""
    booted, units = tmp_path / "booted", tmp_path / "units"
    booted.mkdir()
    calls = []

    def systemctl(argv, **more):
        calls.append(argv)
        return Finished(0, "", "") if argv[0] == "systemctl" else run(argv, **more)

    host = Host(run=systemctl, systemd_booted=str(booted), systemd_units=str(units))
    # Whatever control group this process is in: those outside of it in other networks are its containers'.
    group = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].strip()
    found = _container.container_of(host.proc, [container.pid], group)
    asked = params()
    result = _fence.ensure(asked, host, look=lambda: _fence.Senders((), found))
    assert result["survives_reboot"]
    (unit,) = units.glob("*.service")
    lines = [line.partition("=")[2] for line in unit.read_text().splitlines() if line.startswith("StandardInputText=")]
    assert all(lines)
    text = "\n".join(lines).replace("%%", "%").replace("\\\\", "\\") + "\n"
    sh("nft", "delete", "table", "inet", _fence.table_of("kumon-assistant"))
    subprocess.run(["sh", "-s", "once"], input=text, text=True, check=True)
    assert _fence.standing(asked, host)["sources"] == ["10.88.0.2", "fd00:88::2"]
    with open(tmp_path / "script", "w+", encoding="utf-8") as script:
        script.write(text)
        script.seek(0)
        keeper = subprocess.Popen(["sh", "-s"], stdin=script, start_new_session=True)
    later = Container("10.88.0.6")
    try:
        container.end()
        wait(lambda: not later.asks("10.77.0.2"))
        wait(lambda: "10.88.0.2" not in _fence.standing(asked, host)["sources"])
        stands = _fence.standing(asked, host)
        assert (stands["present"], {"10.88.0.6", "fd00:88::6"} <= set(stands["sources"])) == (True, True)
        # A firewall that was flushed.
        sh("nft", "delete", "table", "inet", _fence.table_of("kumon-assistant"))
        wait(lambda: not later.asks("10.77.0.2"))
    finally:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()
        later.end()


def test_a_container_with_more_than_one_network_has_all_its_addresses(container):
    sh("ip", "link", "add", "v2", "type", "veth", "peer", "name", "eth1", "netns", str(container.pid))
    container.run("ip", "address", "add", "192.0.2.7/31", "dev", "eth1")
    container.run("ip", "link", "set", "eth1", "up")
    assert {str(one) for one in _container.sources(Proc(), container.pid)} == {"10.88.0.2", "192.0.2.7", "fd00:88::2"}
    assert _container.sources(Proc(), 0) == frozenset()


def test_an_engines_control_group_is_its_containers():
    name = "0123456789abcdef" * 4
    for group in (f"/system.slice/docker-{name}.scope", f"/machine.slice/libpod-{name}.scope", f"/docker/{name}"):
        assert _container.GROUP.match(f"{group}/init.scope")[0] == group
    assert _container.GROUP.match("/user.slice/user-0.slice/session-1.scope") is None
    assert _fence_keeper.OFTEN == 1
