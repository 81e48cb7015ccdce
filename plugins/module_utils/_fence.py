# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network fence: an nftables table of our own, by which one user reaches one TCP service no more.

It outlives a restart of the service and does not outlive a restart of the host.
"""

from __future__ import annotations

import ipaddress
import json
import pwd
import socket
import time
from typing import Any, NamedTuple, Union
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import _http, _journal
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Finished, Host
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._service import iso, manager_from

TABLE = ["inet", "kumon_runbook"]
NEXT = "Next: rollback level 3."
# `list table` says this of a table that is not there.
ABSENT = "No such file or directory"

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Rule(NamedTuple):
    uid: int
    address: Address
    port: int


class State(NamedTuple):
    """What nftables holds: the rules, and how many packets they have turned away."""

    rules: frozenset[Rule]
    packets: int
    sound: bool  # a chain on the output hook that lets everything else pass, and no rule but ours
    exists: bool = True

    def is_fence(self, rules: frozenset[Rule]) -> bool:
        """Whether it is this fence and nothing else; without rules, whether there is no table at all."""
        return self.sound and self.rules == rules if rules else not self.exists


NOTHING = State(frozenset(), 0, False, exists=False)


def resolve(url: str) -> list[Address]:
    """Every address of the URL's host, as this machine sees it. Raises Refused."""
    wrong = _http.check_url(url)
    if wrong:
        raise Refused(f"url {url!r} is not valid ({wrong}): correct runbook_evolution_url")
    name = urlsplit(url).hostname or ""
    try:
        infos = socket.getaddrinfo(name, _http.port_of(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise Refused(f"{name} has no address on this host ({reason}): correct runbook_evolution_url") from exc
    addresses = {ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in infos}
    if not addresses:
        raise Refused(f"{name} has no address on this host: correct runbook_evolution_url")
    return sorted(addresses, key=lambda address: (address.version, address))


def uid_of(params: dict[str, Any], host: Host) -> int:
    """The user to fence in: the one that is named, the running process's, else the unit's. Raises Refused."""
    if params["user"]:
        try:
            return int(params["user"]) if params["user"].isdigit() else pwd.getpwnam(params["user"]).pw_uid
        except KeyError:
            raise Refused(f"user {params['user']!r} does not exist on this host: correct it") from None
    manager = manager_from(params, host)
    manager.preflight(change=False)
    processes = manager.processes()
    ids = host.proc.ids(processes[0].pid) if processes else None
    if ids is not None:
        return ids.uid
    user = manager.user()
    if not user:
        raise Refused(f"{manager.label} does not run and its unit names no user: set user")
    return uid_of(dict(params, user=user), host)


def script(rules: frozenset[Rule]) -> str:
    """One transaction: the table as it shall be, or none."""
    # `add` first, because `delete` fails where there is nothing.
    lines = ["add table inet kumon_runbook", "delete table inet kumon_runbook"]
    if rules:
        lines += [
            "table inet kumon_runbook {",
            "  chain output {",
            "    type filter hook output priority filter; policy accept;",
        ]
        for rule in sorted(rules, key=lambda rule: (rule.uid, rule.address.version, rule.address, rule.port)):
            # The reset ends connections that are open already as well.
            lines.append(
                f"    meta skuid {rule.uid} {_protocol(rule.address)} daddr {rule.address} tcp dport {rule.port} "
                "counter reject with tcp reset"
            )
        lines += ["  }", "}"]
    return "\n".join(lines) + "\n"


def _protocol(address: Address) -> str:
    return "ip" if address.version == 4 else "ip6"


def _rule(expressions: list[dict[str, Any]]) -> tuple[Rule, int] | None:
    """The rule and its packets, None for one that is not of our making."""
    parts: dict[str, Any] = {}
    for expression in expressions:
        if "match" in expression and expression["match"].get("op") == "==":
            left = expression["match"]["left"]
            key = left.get("meta", {}).get("key") or left.get("payload", {}).get("field")
            parts[key] = expression["match"]["right"]
        elif "counter" in expression:
            parts["packets"] = expression["counter"]["packets"]
        elif "reject" in expression:
            parts["reject"] = (expression["reject"] or {}).get("type")
    if set(parts) != {"skuid", "daddr", "dport", "packets", "reject"} or parts["reject"] != "tcp reset":
        return None
    try:
        uid = parts["skuid"] if isinstance(parts["skuid"], int) else pwd.getpwnam(parts["skuid"]).pw_uid
        return Rule(uid, ipaddress.ip_address(parts["daddr"]), parts["dport"]), parts["packets"]
    except (KeyError, ValueError):
        return None


def parse(listing: str) -> State:
    """The table as `nft -j list table` prints it."""
    rules, packets, hooked, foreign = set(), 0, False, False
    for item in json.loads(listing)["nftables"]:
        if "chain" in item:
            chain = item["chain"]
            hooked = hooked or (chain.get("hook"), chain.get("type"), chain.get("policy")) == (
                "output",
                "filter",
                "accept",
            )
        elif "rule" in item:
            read = _rule(item["rule"]["expr"])
            if read is None:
                foreign = True
            else:
                rules.add(read[0])
                packets += read[1]
    return State(frozenset(rules), packets, hooked and not foreign)


def _nft(host: Host, argv: list[str], stdin: str | None = None) -> Finished:
    done = host.run(["nft", *argv], stdin=stdin)
    if done.rc == 127:
        raise Refused(f"the network fence needs nft, which is not installed on this host: install nftables. {NEXT}")
    if done.rc != 0 and "not permitted" in done.err:
        raise Refused(f"the network fence needs CAP_NET_ADMIN on this host: run with become: true. {NEXT}")
    return done


def _reason(done: Finished) -> str:
    lines = (done.err.strip() or done.out.strip() or f"exit code {done.rc}").splitlines()
    return redact(lines[0])


def read(host: Host) -> State:
    """Raises Refused where the firewall cannot be read."""
    done = _nft(host, ["-j", "list", "table", *TABLE])
    if done.rc != 0 and ABSENT in done.err:
        return NOTHING
    try:
        if done.rc == 0:
            return parse(done.out)
        reason = _reason(done)
    except (ValueError, KeyError, TypeError):
        reason = "its answer cannot be read"
    raise Refused(f"the network fence cannot be read ({reason}). {NEXT}")


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Put the fence up or take it away, and prove it by reading it back.

    Returns a module's result (with `warnings`). Raises Refused before the first change, Failed after it.
    """
    wanted: frozenset[Rule] = frozenset()
    uid = port = None
    warnings: list[str] = []
    if params["state"] == "present":
        if not params["url"]:
            raise Refused("state present needs the Evolution API's url: set runbook_evolution_url")
        addresses, uid, port = resolve(params["url"]), uid_of(params, host), _http.port_of(params["url"])
        wanted = frozenset(Rule(uid, address, port) for address in addresses)
        if uid == 0:
            warnings.append(f"the service runs as root, so the fence keeps every root process from {params['url']}")
    before = read(host)
    # A fence that stands is never weakened: a name can resolve to other addresses each time.
    wanted |= {rule for rule in before.rules if (rule.uid, rule.port) == (uid, port)}
    changed = not before.is_fence(wanted)
    state = before
    if changed and not check_mode:
        state = _apply(params, host, before, wanted, warnings)
    shown = sorted({rule.address for rule in wanted}, key=lambda address: (address.version, address))
    return {
        "present": bool(state.rules) and state.sound,
        "addresses": [str(address) for address in shown],
        "uid": uid,
        "port": port,
        "packets": state.packets,
        "read_back": iso(time.time()),
        "changed": changed,
        "warnings": warnings,
        "diff": {"before": script(before.rules) if before.rules else "", "after": script(wanted) if wanted else ""},
    }


def _apply(params: dict[str, Any], host: Host, before: State, wanted: frozenset[Rule], warnings: list[str]) -> State:
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
        done = _nft(host, ["-f", "-"], stdin=script(wanted))
        if done.rc != 0:
            message = f"nft refused the network fence ({_reason(done)}). {NEXT}"
        else:
            state = read(host)
            if not state.is_fence(wanted):
                message = f"nft took the network fence, but it does not read back as {params['state']}. {NEXT}"
    except Refused as exc:
        message = str(exc)
    journal("outcome", not message, message)
    if message:
        raise Failed(
            message, {"present": bool(state.rules) and state.sound, "packets": state.packets, "warnings": warnings}
        )
    return state
