# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network fence: an nftables table of one service's own, by which its user reaches the gateway no more.

What a container sends is forwarded and has no user here: it is known by the address that it comes from, and turned away
where it comes in. The fence outlives a restart of the service; where systemd runs a unit of its own keeps it over a
restart of the host too.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import pwd
import re
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any, Callable, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import (
    _container,
    _fence_bridge,
    _fence_keeper,
    _http,
    _journal,
    _names,
)
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._container import Address, Container
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner, acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, shown
from ansible_collections.kumon.runbook.plugins.module_utils._service import Manager, iso, manager_from

NEXT = "Next: rollback level 3."
# `list table` says this of a table that is not there.
ABSENT = "No such file or directory"
# Before destination NAT (-100): behind it the gateway's address is already another one. After connection tracking.
PRIORITY = -150
# On packets of our own attempts, which are refused like the service's and counted apart from them.
MARK = 0x6B756D6F
# A mark does not leave a network: an attempt from inside a container is known by its port, below those that are given
# out to whoever asks for none.
PROBE_PORT = 27501
PROBE, SINCE = "probe", re.compile(r"since (\S+) before (\d+)")
# Seconds for the name of the gateway: a resolver that hangs must not hold the kill-switch up.
RESOLVE_WAIT, ATTEMPT_WAIT = 2.0, 1.0


class NoFence(Refused):
    """There can be no fence here; `why` says it as data."""

    def __init__(self, message: str, why: Detail):
        super().__init__(message)
        self.why = why


class Rule(NamedTuple):
    """From whom, and to what. Without a user it is whatever comes from the fence's source addresses."""

    uid: int | None
    address: Address
    port: int


class State(NamedTuple):
    """What nftables holds: the rules, and how many packets they have turned away."""

    rules: frozenset[Rule]
    packets: int  # of the service, since `before` was noted
    sound: bool  # a chain on the output hook before destination NAT, that lets all else pass, and no rule but ours
    exists: bool = True
    before: int = 0  # what had been turned away when the processes of before an act were over
    probes: int = 0  # of our own attempts
    since: str | None = None
    sources: frozenset[Address] = frozenset()  # what a container sends from
    bridged: bool = True  # and whether what stays on its bridge is turned away too

    @property
    def stands(self) -> bool:
        return bool(self.rules) and self.sound

    @property
    def uids(self) -> list[int]:
        return sorted({rule.uid for rule in self.rules if rule.uid is not None})

    def is_fence(self, rules: frozenset[Rule], sources: frozenset[Address] = frozenset()) -> bool:
        """Whether it is this fence and nothing else; without rules, whether there is no table at all."""
        return self.sound and (self.rules, self.sources) == (rules, sources) if rules else not self.exists


NOTHING = State(frozenset(), 0, False, exists=False)


def table_of(service: str) -> str:
    """The table's name: one a service, so that two assistants on a host do not undo each other's."""
    return f"kumon_runbook_{_names.plain(service)}"


# -- whom, and from what


def resolve(url: str) -> list[Address]:
    """Every address of the URL's host, as this machine sees it. Raises Refused."""
    wrong = _http.check_url(url)
    if wrong:
        raise Refused(f"url {url!r} is not valid ({wrong}): correct runbook_evolution_url")
    name = urlsplit(url).hostname or ""
    try:
        infos = _http.within(
            RESOLVE_WAIT, lambda: socket.getaddrinfo(name, _http.port_of(url), type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise NoFence(
            f"{name} has no address on this host ({reason}): correct runbook_evolution_url",
            detail("fence_unresolved", name=name),
        ) from exc
    resolved = {ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in infos}
    # Packets to an IPv4 address that is written as one of IPv6 are IPv4.
    addresses = {getattr(address, "ipv4_mapped", None) or address for address in resolved}
    if not addresses:
        raise NoFence(
            f"{name} has no address on this host: correct runbook_evolution_url",
            detail("fence_unresolved", name=name),
        )
    return _in_order(addresses)


def _in_order(addresses: Iterable[Address]) -> list[Address]:
    return sorted(addresses, key=lambda address: (address.version, address))


def named_user(name: str) -> int:
    """A user's number. Raises Refused."""
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Refused(f"user {name!r} does not exist on this host: correct it") from None


class Senders(NamedTuple):
    """Whose packets are turned away: users of this host, and a container."""

    uids: Sequence[int] = ()
    container: Container | None = None
    pids: Sequence[int] = ()  # the processes by which that is known

    @property
    def sources(self) -> frozenset[Address]:
        return self.container.sources if self.container else frozenset()


def users_of(manager: Manager, host: Host, pids: Sequence[int]) -> list[int]:
    """The users of a service that is in no container. Raises Refused."""
    senders = senders_of(manager, host, pids)
    if senders.container:
        raise _no_user(manager, senders.container.pids[0])
    return list(senders.uids)


def _no_user(manager: Manager, pid: int) -> NoFence:
    return NoFence(
        f"process {pid} leads to a container: what {manager.label} sends from there has no user here",
        detail("fence_container"),
    )


def senders_of(manager: Manager, host: Host, pids: Sequence[int]) -> Senders:
    """Whom to fence in: the users of the running processes, else the unit's, and the container. Raises Refused."""
    proc = host.proc
    apart = [pid for pid in pids if _container.is_apart(proc, pid)]
    # What an engine runs beside its container sends nothing of the assistant's.
    beside = [pid for pid in pids if pid not in apart and not _container.is_client(proc, pid)]
    if pids and not apart and not beside:
        raise _no_user(manager, pids[0])
    uids = {ids.uid for ids in map(proc.ids, beside) if ids is not None}
    container = None
    for pid in apart:
        owner = _container.owner(proc, pid)
        ids = proc.ids(pid)
        if owner is None or (owner and ids is not None and ids.uid != owner):
            raise NoFence(
                f"process {pid} of {manager.label} is in a container of a user's own: what it sends goes out as that "
                "user's, together with all else of theirs",
                detail("fence_rootless"),
            )
        if owner:
            # It leaves this host by a program of that user's, who is the process's own.
            uids.add(owner)
    if apart and not any(_container.owner(proc, pid) for pid in apart):
        container = _container.container_of(proc, apart, manager.group())
        if not container.sources:
            raise NoFence(f"the container of {manager.label} has no address", detail("fence_no_source"))
    if uids or container:
        return Senders(sorted(uids), container, pids)
    user = manager.user()
    if not user:
        raise NoFence(f"{manager.label} does not run and its unit names no user: set user", detail("fence_nobody"))
    try:
        return Senders([named_user(user)])
    except Refused as exc:
        # With DynamicUser= there is one for as long as the unit runs.
        raise NoFence(f"{manager.label} does not run, nor is its user {user} there", detail("fence_nobody")) from exc


def _senders(params: dict[str, Any], host: Host) -> Senders:
    if params["user"]:
        return Senders([named_user(params["user"])])
    manager = manager_from(params, host)
    manager.preflight(change=False)
    try:
        processes = manager.processes()
    except _container.InContainer as exc:
        if not exc.inside:
            raise
        processes = exc.inside
    return senders_of(manager, host, [process.pid for process in processes])


def proxied(url: str, host: Host, pids: Sequence[int]) -> str | None:
    """The variable by which one of the processes asks a proxy for the gateway, None where none is seen to.

    What goes through a proxy is sent by its user: it does not run into the fence, and an attempt of our own does.
    """
    for pid in pids:
        # An engine's own programs have proxies to fetch images by.
        if _container.is_client(host.proc, pid):
            continue
        with contextlib.suppress(PermissionError):
            process = host.proc.process(pid)
            name = _http.proxy_of(url, process.environ) if process else None
            if name:
                return name
    return None


# -- nftables


def script(
    table: str,
    rules: frozenset[Rule],
    since: str,
    packets: int = 0,
    before: int = 0,
    sources: frozenset[Address] = frozenset(),
) -> str:
    """One transaction: the table as it shall be, or none."""
    if not rules:
        return gone(table)
    forwarded = sorted({rule.port for rule in rules if rule.uid is None})
    lines = [f"table inet {table} {{", *_fence_bridge.sets("gateway", {rule.address for rule in rules})]
    lines += _fence_bridge.sets("source", sources) if forwarded else []
    lines += ["  chain output {", f"    type filter hook output priority {PRIORITY}; policy accept;"]
    for uid, port in sorted({(rule.uid, rule.port) for rule in rules if rule.uid is not None}):
        for protocol, gateway in (("ip", "gateway4"), ("ip6", "gateway6")):
            lines.append(f"    meta skuid {uid} {protocol} daddr @{gateway} tcp dport {port} jump refuse")
    probes = [f"meta mark 0x{MARK:08x}"]
    if forwarded:
        probes.append(f"tcp sport {PROBE_PORT}")
        lines += ["  }", "  chain prerouting {"]
        lines.append(f"    type filter hook prerouting priority {PRIORITY}; policy accept;")
    lines += _fence_bridge.ways(forwarded)
    lines += [
        "  }",
        "  chain refuse {",
        # The reset ends connections that are open already as well.
        *(f'    meta l4proto tcp {probe} counter reject with tcp reset comment "{PROBE}"' for probe in probes),
        f"    meta l4proto tcp counter packets {packets} bytes 0 reject with tcp reset "
        f'comment "since {since} before {before}"',
        "  }",
        "}",
    ]
    return gone(table) + "\n".join(lines) + "\n"


def gone(table: str, family: str = "inet") -> str:
    """What takes the table away: `add` first, because `delete` fails where there is nothing."""
    return f"add table {family} {table}\ndelete table {family} {table}\n"


def _parts(expressions: list[dict[str, Any]]) -> dict[str, Any]:
    """What a rule matches and does, by short names."""
    parts: dict[str, Any] = {}
    for expression in expressions:
        if "match" in expression and expression["match"].get("op") == "==":
            left = expression["match"]["left"]
            parts[left.get("meta", {}).get("key") or left["payload"]["field"]] = expression["match"]["right"]
        elif "counter" in expression:
            parts["packets"] = expression["counter"]["packets"]
        elif "reject" in expression:
            parts["reject"] = (expression["reject"] or {}).get("type")
        elif "jump" in expression:
            parts["jump"] = expression["jump"].get("target")
        else:
            parts[next(iter(expression))] = None
    return parts


def parse(listing: str) -> State:
    """The table as `nft -j list table` prints it."""
    sets: dict[str, list[Address]] = {}
    ways: set[tuple[int | None, str, int]] = set()
    hooks: list[str] = []
    foreign, comment = False, ""
    probes: dict[str, int] = {}
    packets = None
    for item in json.loads(listing)["nftables"]:
        if "set" in item:
            elements = [
                element["elem"]["val"] if isinstance(element, dict) else element
                for element in item["set"].get("elem", [])
            ]
            sets[item["set"]["name"]] = [ipaddress.ip_address(element) for element in elements]
        elif "chain" in item and "hook" in item["chain"]:
            chain = item["chain"]
            spec = (chain.get("type"), chain.get("policy"), chain.get("prio"))
            hooks.append(chain["hook"] if spec == ("filter", "accept", PRIORITY) else "foreign")
        elif "rule" in item:
            rule = item["rule"]
            parts = _parts(rule["expr"])
            known = set(parts) - {"l4proto"}
            refuses = parts.get("reject") == "tcp reset"
            gateway = str(parts.get("daddr")).lstrip("@")
            if rule["chain"] == "output" and known == {"skuid", "daddr", "dport", "jump"}:
                uid = parts["skuid"] if isinstance(parts["skuid"], int) else pwd.getpwnam(parts["skuid"]).pw_uid
                ways.add((uid, gateway, parts["dport"]))
            elif (
                rule["chain"] == "prerouting"
                and known == {"saddr", "daddr", "dport", "jump"}
                and parts["saddr"] == f"@source{gateway[-1:]}"
            ):
                ways.add((None, gateway, parts["dport"]))
            elif rule["chain"] == "refuse" and refuses and known - {"mark", "sport"} == {"packets", "reject"}:
                if known == {"packets", "reject"}:
                    packets, comment = parts["packets"], str(rule.get("comment") or "")
                else:
                    probes["mark" if "mark" in known else "sport"] = parts["packets"]
            else:
                foreign = True
    rules = {Rule(uid, address, port) for uid, gateway, port in ways for address in sets.get(gateway, [])}
    both = {(uid, gateway, port) for uid, _set, port in ways for gateway in ("gateway4", "gateway6")}
    forwarded = any(uid is None for uid, _set, _port in ways)
    wanted = (["output", "prerouting"], {"mark", "sport"}) if forwarded else (["output"], {"mark"})
    noted = SINCE.fullmatch(comment)
    sound = (sorted(hooks), set(probes)) == wanted and not foreign and ways == both
    return State(
        frozenset(rules),
        packets or 0,
        sound and noted is not None and packets is not None,
        before=int(noted[2]) if noted else 0,
        probes=sum(probes.values()),
        since=noted[1] if noted else None,
        sources=frozenset(sets.get("source4", []) + sets.get("source6", [])),
    )


def _nft(host: Host, argv: list[str], stdin: str | None = None) -> Finished:
    done = host.run(["nft", *argv], stdin=stdin)
    if done.rc == 127:
        raise NoFence(
            f"the network fence needs nft, which is not installed on this host: install nftables. {NEXT}",
            detail("fence_no_nft"),
        )
    if done.rc != 0 and "not permitted" in done.err:
        raise NoFence(
            f"the network fence needs CAP_NET_ADMIN on this host: run with become: true. {NEXT}",
            detail("fence_no_rights"),
        )
    return done


def _reason(done: Finished) -> str:
    lines = (done.err.strip() or done.out.strip() or f"exit code {done.rc}").splitlines()
    return redact(lines[0])


def read(host: Host, table: str) -> State:
    """Raises Refused where the firewall cannot be read."""
    done = _nft(host, ["-j", "list", "table", "inet", table])
    if done.rc != 0 and ABSENT in done.err:
        return NOTHING
    try:
        if done.rc == 0:
            return _with_bridge(parse(done.out), host, table)
        reason = _reason(done)
    except (ValueError, KeyError, TypeError):
        reason = "its answer cannot be read"
    raise NoFence(f"the network fence cannot be read ({reason}). {NEXT}", detail("fence_fails", reason=reason))


def _with_bridge(state: State, host: Host, table: str) -> State:
    """The fence with the part of it that stands on the container's bridge."""
    if not state.sources:
        return state
    bridge = _fence_bridge.read(host, table)
    if bridge is None:
        return state._replace(bridged=False)
    ours = (_forwarded(state.rules), state.sources, frozenset({rule.port for rule in state.rules if rule.uid is None}))
    return state._replace(
        packets=state.packets + bridge.packets,
        probes=state.probes + bridge.probes,
        bridged=(bridge.gateways, bridge.sources, bridge.ports) == ours,
    )


def _forwarded(rules: Iterable[Rule]) -> frozenset[Address]:
    return frozenset(rule.address for rule in rules if rule.uid is None)


def _bridge(table: str, rules: frozenset[Rule], sources: frozenset[Address]) -> str:
    ports = {rule.port for rule in rules if rule.uid is None}
    return _fence_bridge.table(table, list(_forwarded(rules)), sources, ports, PROBE_PORT)


def _load(
    host: Host,
    table: str,
    rules: frozenset[Rule],
    since: str,
    packets: int = 0,
    before: int = 0,
    sources: frozenset[Address] = frozenset(),
) -> Finished:
    """Have nftables hold this fence. The bridge's part comes by itself: a kernel may have none for bridges."""
    done = _nft(host, ["-f", "-"], stdin=script(table, rules, since, packets, before, sources))
    if done.rc == 0 and sources:
        _nft(host, ["-f", "-"], stdin=gone(table, "bridge") + _bridge(table, rules, sources))
    return done


# -- an attempt of our own


def attempt(state: State, host: Host, table: str, inside: Sequence[int] = ()) -> str:
    """Whether those who are fenced in can reach the gateway, by trying it: `refused` by the fence, `passed`, or
    `unknown`. `inside` are processes of the container."""
    passed = False
    for rule in sorted(state.rules, key=lambda rule: (rule.uid or 0, rule.address.version, rule.address)):
        kind = [source for source in state.sources if source.version == rule.address.version]
        if rule.uid is not None:
            passed = _connects(rule) or passed
        elif inside and kind:
            passed = _connects_from(rule, inside[0], host) or passed
    if passed:
        return "passed"
    return "refused" if read(host, table).probes > state.probes else "unknown"


def _family(rule: Rule) -> socket.AddressFamily:
    return socket.AF_INET if rule.address.version == 4 else socket.AF_INET6


def _connects(rule: Rule) -> bool:
    """Whether a connection as that user is answered. What the kernel asks for is whose socket it is, so only the
    making of it is done as the user."""
    try:
        with acting_as(Owner(rule.uid or 0, os.getegid(), os.getgroups(), str(rule.uid), "/")):
            connection = socket.socket(_family(rule), socket.SOCK_STREAM)
        with connection:
            # Without the mark it would count as one of the service's own.
            connection.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_MARK", 36), MARK)
            connection.settimeout(ATTEMPT_WAIT)
            return connection.connect_ex((str(rule.address), rule.port)) == 0
    except OSError:
        return False


def _connects_from(rule: Rule, pid: int, host: Host) -> bool:
    """Whether a connection out of the network of that process, as its user, is answered."""
    ids = host.proc.ids(pid)
    if ids is None:
        return False

    def tries() -> bool:
        os.setresgid(ids.gid, ids.gid, ids.gid)
        os.setresuid(ids.uid, ids.uid, ids.uid)
        with socket.socket(_family(rule), socket.SOCK_STREAM) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(("", PROBE_PORT))
            connection.settimeout(ATTEMPT_WAIT)
            return connection.connect_ex((str(rule.address), rule.port)) == 0

    return _container.within(host.proc, pid, tries)


# -- the module, and the call that stops the service


def told(state: State, uids: Iterable[int], port: int | None, attempted: str = "none") -> dict[str, Any]:
    """The fence as modules return it."""
    users = sorted(uids)
    return {
        "present": state.stands,
        "addresses": [str(address) for address in _in_order({rule.address for rule in state.rules})],
        "uid": users[0] if users else None,
        "uids": users,
        "sources": [str(address) for address in _in_order(state.sources)],
        "port": port,
        "packets": state.before + state.packets,
        "attempts": state.before + state.packets,
        "attempts_before": state.before,
        "attempt": attempted,
        "since": state.since if state.stands else None,
        "read_back": iso(time.time()),
    }


def standing(params: dict[str, Any], host: Host) -> dict[str, Any] | None:
    """The service's fence as it stands, None where that cannot be seen. Changes and refuses nothing."""
    try:
        state = read(host, table_of(params["service"]))
    except Refused:
        return None
    ports = sorted({rule.port for rule in state.rules})
    return told(state, state.uids, ports[0] if ports else None)


def settle(params: dict[str, Any], host: Host) -> None:
    """Note what a standing fence has turned away by now: the rest is tried by the processes that come."""
    table = table_of(params["service"])
    with contextlib.suppress(Refused):
        state = read(host, table)
        if state.stands and state.since:
            _load(host, table, state.rules, state.since, 0, state.before + state.packets, state.sources)


def follow(params: dict[str, Any], host: Host, pids: Sequence[int]) -> bool:
    """Have a standing fence know what the container sends from now, which may be another address at each start; whether
    that was new."""
    table = table_of(params["service"])
    sources: frozenset[Address] = frozenset()
    for pid in pids:
        sources |= _container.sources(host.proc, pid) if _container.is_apart(host.proc, pid) else frozenset()
    with contextlib.suppress(Refused):
        state = read(host, table) if sources else NOTHING
        if state.stands and state.since and not sources <= state.sources:
            # Those of before stay until the act is over: a process of before may still be there.
            both = sources | state.sources
            return _load(host, table, state.rules, state.since, state.packets, state.before, both).rc == 0
    return False


def ensure(
    params: dict[str, Any], host: Host, check_mode: bool = False, look: Callable[[], Senders] | None = None
) -> dict[str, Any]:
    """Put the fence up or take it away, and prove it by reading it back.

    `look` says whom to fence in, where the caller has looked at the service already. Returns a module's result (with
    `warnings`). Raises Refused before the first change, Failed after it.
    """
    table, url = table_of(params["service"]), params["url"]
    keeper = _fence_keeper.Keeper(host, table, params["service"])
    wanted: frozenset[Rule] = frozenset()
    whom = Senders()
    port = None
    warnings: list[str] = []
    if params["state"] == "present":
        if not url:
            raise NoFence(
                "state present needs the Evolution API's url: set runbook_evolution_url", detail("fence_no_url")
            )
        addresses, port = resolve(url), _http.port_of(url)
        try:
            whom = look() if look else _senders(params, host)
        except NoFence as exc:
            # What a container that is down had sent from is still fenced in; the keeper finds it when it starts.
            stands = standing(params, host)
            if not stands or not stands["present"] or not stands["sources"]:
                raise
            extra = {
                "proxied": None,
                "survives_reboot": keeper.exists,
                "changed": False,
                "warnings": [f"the fence is left: {exc}"],
            }
            return {**stands, **extra, "diff": {"before": "", "after": ""}}
        wanted = frozenset(Rule(uid, address, port) for uid in whom.uids for address in addresses)
        if whom.container:
            wanted |= frozenset(Rule(None, address, port) for address in _from_inside(addresses, url))
        if 0 in whom.uids:
            warnings.append(f"the service runs as root, so the fence keeps every root process from {url}")
    try:
        before = read(host, table)
    except NoFence as exc:
        if wanted:
            raise
        # What cannot be put up here cannot stand either; without the right to look it is not known.
        warnings += [] if exc.why["code"] == "fence_no_nft" else [f"whether a network fence stands is not known: {exc}"]
        before = NOTHING
    # A fence that stands is never weakened: a name can resolve to other addresses each time.
    wanted |= {rule for rule in before.rules if (rule.uid, rule.port) in {(one.uid, one.port) for one in wanted}}
    since = before.since if before.stands and before.since else iso(time.time())
    text = script(table, wanted, since, sources=whom.sources).removeprefix(gone(table))
    kept_as = keeper.unit(text, url, whom.container, _bridge(table, wanted, whom.sources)) if wanted else None
    must_write = not before.is_fence(wanted, whom.sources) or not before.bridged
    changed = must_write or keeper.differs(kept_as)
    state = before
    if changed and not check_mode:
        goal = Goal(wanted, whom.sources, since, kept_as)
        state = _apply(params, host, table, before, goal, keeper, warnings, must_write)
    attempted = "none"
    if wanted and state.stands and not check_mode:
        attempted = attempt(state, host, table, whom.container.pids if whom.container else ())
    # After the fence, which does not depend on it.
    proxy = proxied(url, host, whom.pids) if url and wanted else None
    if proxy:
        warnings.append(f"the service has {proxy} and sends through that proxy, which the fence does not hold")
    return {
        **told(state._replace(rules=wanted, sources=whom.sources), whom.uids, port, attempted),
        "present": state.stands,
        "proxied": bool(proxy) if whom.pids else None,
        "survives_reboot": keeper.stands(kept_as) if wanted and not check_mode else False,
        "changed": changed,
        "warnings": warnings,
        "diff": {
            "before": script(table, before.rules, before.since or "", sources=before.sources) if before.rules else "",
            "after": script(table, wanted, since, sources=whom.sources) if wanted else "",
        },
    }


def _from_inside(addresses: Sequence[Address], url: str) -> list[Address]:
    """The gateway's addresses as far as they mean the same from a container. Raises NoFence where none does."""
    beyond_loopback = [address for address in addresses if not address.is_loopback]
    if not beyond_loopback:
        target = shown(url)
        raise NoFence(
            f"from inside its container {target} is the container itself: set runbook_evolution_url to what the "
            "assistant sends to",
            detail("fence_loopback", url=target),
        )
    return beyond_loopback


class Goal(NamedTuple):
    """The fence as it shall be; without rules none."""

    rules: frozenset[Rule]
    sources: frozenset[Address]
    since: str
    kept_as: str | None


def _apply(
    params: dict[str, Any],
    host: Host,
    table: str,
    before: State,
    goal: Goal,
    keeper: _fence_keeper.Keeper,
    warnings: list[str],
    must_write: bool,
) -> State:
    def journal(phase: str, ok: bool | None, message: str) -> None:
        _journal.record(
            params,
            warnings,
            act="network_fence",
            phase=phase,
            before={"network_fence": "present" if before.rules else "absent"},
            after={"network_fence": params["state"]},
            ok=ok,
            msg=message,
        )

    message = ""
    state = before
    try:
        if not goal.rules:
            journal("begin", None, "")
            # First, because it would put the table back.
            keeper.end(warnings)
        done = Finished(0, "", "")
        if must_write:
            done = _load(host, table, goal.rules, goal.since, before.packets, before.before, goal.sources)
            if before.sources and not goal.sources:
                _nft(host, ["delete", "table", "bridge", table])
        if goal.rules:
            # A journal that hangs or is full must not hold the fence up; what stands says so itself.
            journal("begin", None, "")
        if done.rc != 0:
            message = f"nft refused the network fence ({_reason(done)}). {NEXT}"
        else:
            state = read(host, table)
            if not state.is_fence(goal.rules, goal.sources):
                message = f"nft took the network fence, but it does not read back as {params['state']}. {NEXT}"
            elif goal.kept_as is not None:
                keeper.begin(goal.kept_as, warnings)
            if not state.bridged:
                warnings.append("what stays on the container's bridge is not turned away: nft has no tables of bridges")
    except Refused as exc:
        message = str(exc)
    journal("outcome", not message, message)
    if message:
        raise Failed(message, {"present": state.stands, "packets": state.before + state.packets, "warnings": warnings})
    return state
