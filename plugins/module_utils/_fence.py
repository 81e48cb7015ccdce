# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network fence: an nftables table of one service's own, by which its user reaches the gateway no more.

It outlives a restart of the service; where systemd runs a unit of its own keeps it over a restart of the host too.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import pwd
import re
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Union
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import _fence_keeper, _http, _journal
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Finished, Host, Owner, acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._service import Manager, iso, manager_from

NEXT = "Next: rollback level 3."
# `list table` says this of a table that is not there.
ABSENT = "No such file or directory"
# Before destination NAT (-100): behind it the gateway's address is already another one. After connection tracking.
PRIORITY = -150
# On packets of our own attempts, which are refused like the service's and counted apart from them.
MARK = 0x6B756D6F
PROBE, SINCE = "probe", re.compile(r"since (\S+) before (\d+)")
# Seconds for the name of the gateway: a resolver that hangs must not hold the kill-switch up.
RESOLVE_WAIT, ATTEMPT_WAIT = 2.0, 1.0

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class NoFence(Refused):
    """There can be no fence here; `why` says it as data."""

    def __init__(self, message: str, why: Detail):
        super().__init__(message)
        self.why = why


class Rule(NamedTuple):
    uid: int
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

    @property
    def stands(self) -> bool:
        return bool(self.rules) and self.sound

    def is_fence(self, rules: frozenset[Rule]) -> bool:
        """Whether it is this fence and nothing else; without rules, whether there is no table at all."""
        return self.sound and self.rules == rules if rules else not self.exists


NOTHING = State(frozenset(), 0, False, exists=False)


def table_of(service: str) -> str:
    """The table's name: one a service, so that two assistants on a host do not undo each other's."""
    name = service[: -len(".service")] if service.endswith(".service") else service
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
    mark = "" if plain == name else "_" + hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"kumon_runbook_{plain}{mark}"


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
    addresses = {ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in infos}
    if not addresses:
        raise NoFence(
            f"{name} has no address on this host: correct runbook_evolution_url",
            detail("fence_unresolved", name=name),
        )
    return sorted(addresses, key=lambda address: (address.version, address))


def named_user(name: str) -> int:
    """A user's number. Raises Refused."""
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Refused(f"user {name!r} does not exist on this host: correct it") from None


def users_of(manager: Manager, host: Host, pids: Sequence[int]) -> list[int]:
    """The users to fence in: those of the running processes, else the unit's. Raises Refused."""
    own = host.proc.namespace(os.getpid(), "net")
    for pid in pids:
        if manager.engine(pid) or (own and host.proc.namespace(pid, "net") not in (None, own)):
            raise NoFence(
                f"process {pid} leads to a container: what {manager.label} sends from there has no user here",
                detail("fence_container"),
            )
    found = {ids.uid for ids in map(host.proc.ids, pids) if ids is not None}
    if found:
        return sorted(found)
    user = manager.user()
    if not user:
        raise NoFence(f"{manager.label} does not run and its unit names no user: set user", detail("fence_nobody"))
    return [named_user(user)]


def _users(params: dict[str, Any], host: Host) -> list[int]:
    if params["user"]:
        return [named_user(params["user"])]
    manager = manager_from(params, host)
    manager.preflight(change=False)
    return users_of(manager, host, [process.pid for process in manager.processes()])


# -- nftables


def script(table: str, rules: frozenset[Rule], since: str, packets: int = 0, before: int = 0) -> str:
    """One transaction: the table as it shall be, or none."""
    # `add` first, because `delete` fails where there is nothing.
    gone = f"add table inet {table}\ndelete table inet {table}\n"
    return gone + (_table(table, rules, since, packets, before) if rules else "")


def _table(table: str, rules: frozenset[Rule], since: str, packets: int = 0, before: int = 0) -> str:
    lines = [f"table inet {table} {{"]
    versions = sorted({rule.address.version for rule in rules})
    for version in (4, 6):
        # Both sets are there, because a name can have addresses of the other kind tomorrow.
        known = ", ".join(map(str, sorted({rule.address for rule in rules if rule.address.version == version})))
        elements = f" elements = {{ {known} }};" if version in versions else ""
        lines.append(f"  set gateway{version} {{ type ipv{version}_addr;{elements} }}")
    lines += ["  chain output {", f"    type filter hook output priority {PRIORITY}; policy accept;"]
    for uid, port in sorted({(rule.uid, rule.port) for rule in rules}):
        for protocol, gateway in (("ip", "gateway4"), ("ip6", "gateway6")):
            lines.append(f"    meta skuid {uid} {protocol} daddr @{gateway} tcp dport {port} jump refuse")
    lines += [
        "  }",
        "  chain refuse {",
        # The reset ends connections that are open already as well.
        f'    meta l4proto tcp meta mark 0x{MARK:08x} counter reject with tcp reset comment "{PROBE}"',
        f"    meta l4proto tcp counter packets {packets} bytes 0 reject with tcp reset "
        f'comment "since {since} before {before}"',
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


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
    ways: set[tuple[int, str, int]] = set()
    hooked, foreign, comment = False, False, ""
    probes = packets = None
    for item in json.loads(listing)["nftables"]:
        if "set" in item:
            elements = [
                element["elem"]["val"] if isinstance(element, dict) else element
                for element in item["set"].get("elem", [])
            ]
            sets[item["set"]["name"]] = [ipaddress.ip_address(element) for element in elements]
        elif "chain" in item and "hook" in item["chain"]:
            chain = item["chain"]
            found = (chain.get("hook"), chain.get("type"), chain.get("policy"), chain.get("prio"))
            hooked = hooked or found == ("output", "filter", "accept", PRIORITY)
        elif "rule" in item:
            rule = item["rule"]
            parts = _parts(rule["expr"])
            known = set(parts) - {"l4proto"}
            refuses = parts.get("reject") == "tcp reset"
            if rule["chain"] == "output" and known == {"skuid", "daddr", "dport", "jump"}:
                uid = parts["skuid"] if isinstance(parts["skuid"], int) else pwd.getpwnam(parts["skuid"]).pw_uid
                ways.add((uid, str(parts["daddr"]).lstrip("@"), parts["dport"]))
            elif rule["chain"] == "refuse" and refuses and known == {"mark", "packets", "reject"}:
                probes = parts["packets"]
            elif rule["chain"] == "refuse" and refuses and known == {"packets", "reject"}:
                packets, comment = parts["packets"], str(rule.get("comment") or "")
            else:
                foreign = True
    rules = {Rule(uid, address, port) for uid, gateway, port in ways for address in sets.get(gateway, [])}
    both = {(uid, gateway, port) for uid, _set, port in ways for gateway in ("gateway4", "gateway6")}
    noted = SINCE.fullmatch(comment)
    sound = hooked and not foreign and ways == both and noted is not None and None not in (probes, packets)
    return State(
        frozenset(rules),
        packets or 0,
        sound,
        before=int(noted[2]) if noted else 0,
        probes=probes or 0,
        since=noted[1] if noted else None,
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
            return parse(done.out)
        reason = _reason(done)
    except (ValueError, KeyError, TypeError):
        reason = "its answer cannot be read"
    raise NoFence(f"the network fence cannot be read ({reason}). {NEXT}", detail("fence_fails", reason=reason))


# -- an attempt of our own


def attempt(state: State, host: Host, table: str) -> str:
    """Whether the fenced user can reach the gateway, by trying it: `refused` by the fence, `passed`, or `unknown`."""
    passed = False
    for rule in sorted(state.rules, key=lambda rule: (rule.uid, rule.address.version, rule.address)):
        passed = _connects(rule) or passed
    if passed:
        return "passed"
    return "refused" if read(host, table).probes > state.probes else "unknown"


def _connects(rule: Rule) -> bool:
    """Whether a connection as that user is answered. What the kernel asks for is whose socket it is, so only the
    making of it is done as the user."""
    family = socket.AF_INET if rule.address.version == 4 else socket.AF_INET6
    try:
        with acting_as(Owner(rule.uid, os.getegid(), os.getgroups(), str(rule.uid), "/")):
            connection = socket.socket(family, socket.SOCK_STREAM)
        with connection:
            # Without the mark it would count as one of the service's own.
            connection.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_MARK", 36), MARK)
            connection.settimeout(ATTEMPT_WAIT)
            return connection.connect_ex((str(rule.address), rule.port)) == 0
    except OSError:
        return False


# -- the module, and the call that stops the service


def told(state: State, uids: Iterable[int], port: int | None, attempted: str = "none") -> dict[str, Any]:
    """The fence as modules return it."""
    ordered = sorted({rule.address for rule in state.rules}, key=lambda address: (address.version, address))
    users = sorted(uids)
    return {
        "present": state.stands,
        "addresses": [str(address) for address in ordered],
        "uid": users[0] if users else None,
        "uids": users,
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
    return told(state, {rule.uid for rule in state.rules}, ports[0] if ports else None)


def settle(params: dict[str, Any], host: Host) -> None:
    """Note what a standing fence has turned away by now: the rest is tried by the processes that come."""
    table = table_of(params["service"])
    with contextlib.suppress(Refused):
        state = read(host, table)
        if state.stands and state.since:
            _nft(host, ["-f", "-"], stdin=script(table, state.rules, state.since, 0, state.before + state.packets))


def ensure(
    params: dict[str, Any], host: Host, check_mode: bool = False, uids: Sequence[int] | None = None
) -> dict[str, Any]:
    """Put the fence up or take it away, and prove it by reading it back.

    `uids` are the users to fence in, where the caller has looked already. Returns a module's result (with `warnings`).
    Raises Refused before the first change, Failed after it.
    """
    table, url = table_of(params["service"]), params["url"]
    wanted: frozenset[Rule] = frozenset()
    users: list[int] = []
    port = None
    warnings: list[str] = []
    if params["state"] == "present":
        if not url:
            raise NoFence(
                "state present needs the Evolution API's url: set runbook_evolution_url", detail("fence_no_url")
            )
        addresses, port = resolve(url), _http.port_of(url)
        users = list(uids) if uids is not None else _users(params, host)
        wanted = frozenset(Rule(uid, address, port) for uid in users for address in addresses)
        if 0 in users:
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
    kept = {rule.address for rule in before.rules if rule.uid in users and rule.port == port}
    wanted |= {Rule(uid, address, port) for uid in users for address in kept if port is not None}
    since = before.since if before.stands and before.since else iso(time.time())
    keeper = _fence_keeper.Keeper(host, table, params["service"])
    kept_as = keeper.unit(_table(table, wanted, since), url) if wanted else None
    must_write = not before.is_fence(wanted)
    changed = must_write or keeper.differs(kept_as)
    state = before
    if changed and not check_mode:
        state = _apply(params, host, table, before, wanted, since, keeper, kept_as, warnings, must_write)
    attempted = "none"
    if wanted and state.stands and not check_mode:
        attempted = attempt(state, host, table)
    return {
        **told(state._replace(rules=wanted), users, port, attempted),
        "present": state.stands,
        "survives_reboot": keeper.stands(kept_as) if wanted and not check_mode else False,
        "changed": changed,
        "warnings": warnings,
        "diff": {
            "before": script(table, before.rules, before.since or "") if before.rules else "",
            "after": script(table, wanted, since) if wanted else "",
        },
    }


def _apply(
    params: dict[str, Any],
    host: Host,
    table: str,
    before: State,
    wanted: frozenset[Rule],
    since: str,
    keeper: _fence_keeper.Keeper,
    kept_as: str | None,
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

    journal("begin", None, "")
    message = ""
    state = before
    try:
        if not wanted:
            # First, because it would put the table back.
            keeper.end(warnings)
        done = (
            _nft(host, ["-f", "-"], stdin=script(table, wanted, since, before.packets))
            if must_write
            else Finished(0, "", "")
        )
        if done.rc != 0:
            message = f"nft refused the network fence ({_reason(done)}). {NEXT}"
        else:
            state = read(host, table)
            if not state.is_fence(wanted):
                message = f"nft took the network fence, but it does not read back as {params['state']}. {NEXT}"
            elif kept_as is not None:
                keeper.begin(kept_as, warnings)
    except Refused as exc:
        message = str(exc)
    journal("outcome", not message, message)
    if message:
        raise Failed(message, {"present": state.stands, "packets": state.before + state.packets, "warnings": warnings})
    return state
