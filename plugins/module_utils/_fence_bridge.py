# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a container's fence for what never leaves its bridge, as between services of one compose file.

Only where br_netfilter is at work do such packets meet the rules of `inet`. A table of the bridge's own sees them all;
those that were refused there already do not come here, and the rest can only be dropped.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._container import Address
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host

PRIORITY = -200


class Bridge(NamedTuple):
    """What the bridge's table holds."""

    gateways: frozenset[Address]
    sources: frozenset[Address]
    ports: frozenset[int]
    packets: int
    probes: int


def sets(name: str, addresses: Iterable[Address]) -> list[str]:
    """Both kinds, because there can be addresses of the other one tomorrow."""
    lines = []
    for version in (4, 6):
        known = ", ".join(map(str, sorted({address for address in addresses if address.version == version})))
        elements = f" elements = {{ {known} }};" if known else ""
        lines.append(f"  set {name}{version} {{ type ipv{version}_addr;{elements} }}")
    return lines


def ways(ports: Iterable[int]) -> list[str]:
    """From a container's addresses to the gateway's."""
    return [
        f"    {protocol} saddr @source{version} {protocol} daddr @gateway{version} tcp dport {port} jump refuse"
        for port in sorted(ports)
        for protocol, version in (("ip", 4), ("ip6", 6))
    ]


def table(
    name: str, gateways: Sequence[Address], sources: Iterable[Address], ports: Iterable[int], probe_port: int
) -> str:
    """The table's text, empty where no container is fenced in."""
    sources = list(sources)
    if not sources:
        return ""
    lines = [
        f"table bridge {name} {{",
        *sets("gateway", gateways),
        *sets("source", sources),
        "  chain forward {",
        f"    type filter hook forward priority {PRIORITY}; policy accept;",
        *ways(ports),
        "  }",
        "  chain refuse {",
        f"    tcp sport {probe_port} counter drop",
        "    counter drop",
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def read(host: Host, name: str) -> Bridge | None:
    """The table, None where there is none or it is not ours."""
    done = host.run(["nft", "-j", "list", "table", "bridge", name])
    if done.rc != 0:
        return None
    try:
        return _parse(json.loads(done.out)["nftables"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _parse(listing: list[dict[str, Any]]) -> Bridge | None:
    sets: dict[str, list[Address]] = {}
    ports: list[int] = []
    counts: dict[str, int] = {}
    hooked = False
    for item in listing:
        if "set" in item:
            sets[item["set"]["name"]] = [ipaddress.ip_address(element) for element in item["set"].get("elem", [])]
        elif "hook" in item.get("chain", {}):
            chain = item["chain"]
            hooked = (chain["hook"], chain["policy"], chain["prio"]) == ("forward", "accept", PRIORITY)
        elif "rule" in item:
            parts = [next(iter(part)) for part in item["rule"]["expr"]]
            if item["rule"]["chain"] == "forward" and parts == ["match", "match", "match", "jump"]:
                ports.append(item["rule"]["expr"][2]["match"]["right"])
            elif item["rule"]["chain"] == "refuse" and parts[-2:] == ["counter", "drop"]:
                kind = "probes" if len(parts) == 3 else "packets"
                counts[kind] = item["rule"]["expr"][-2]["counter"]["packets"]
            else:
                return None
    if not hooked or set(counts) != {"probes", "packets"} or sorted(ports) != sorted([*set(ports)] * 2):
        return None
    return Bridge(
        frozenset(sets["gateway4"] + sets["gateway6"]),
        frozenset(sets["source4"] + sets["source6"]),
        frozenset(ports),
        counts["packets"],
        counts["probes"],
    )
