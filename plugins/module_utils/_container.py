# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An assistant in a container, seen from its host: which processes are inside, and what they send from.

Its traffic is forwarded, so it has no user here but a source address. Nothing is asked of an engine: what counts is in
/proc, for every engine alike.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import ipaddress
import os
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable, Union

from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc, Process

# What a container engine puts in front of a container's port, by the name of the program.
PROXIES = ("docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "passt", "conmon", "netavark")
# What a unit runs that starts a container; with the proxies, what sends nothing of the assistant's.
CLIENTS = (*PROXIES, "docker", "docker-compose", "podman", "podman-compose", "nerdctl", "containerd-shim-runc-v2")
# An engine's control group of one container: it stays that container's over a restart.
GROUP = re.compile(
    r"(?:/[A-Za-z0-9_.@:-]+)*/(?:(?:docker|libpod|libpod-payload|crio|cri-containerd)-)?[0-9a-f]{64}(?:\.scope)?"
)
NS_GET_OWNER_UID = 0xB704  # of ioctl_ns(2)
LINK_LOCAL = 0x20
CLONE_NEWNET = 0x40000000

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class InContainer(Refused):
    """What runs there is not changed from here; `inside` are its processes to look at, as far as they can be told."""

    def __init__(self, message: str, inside: Sequence[Process] = ()):
        super().__init__(message)
        self.inside = list(inside)


@dataclass(frozen=True)
class Container:
    """Where a container's traffic comes from, and how its processes are found again once it was started anew."""

    pids: Sequence[int]
    sources: frozenset[Address]
    groups: Sequence[str]  # control groups that are its alone


def is_proxy(proc: Proc, pid: int) -> bool:
    """Whether the process is an engine's, that only passes on."""
    argv = proc.argv(pid)
    names = {os.path.basename(word) for word in argv[:2]}
    return bool(names & set(PROXIES) or {"-container-port", "-container-ip"} & set(argv))


def is_client(proc: Proc, pid: int) -> bool:
    """Whether the process is an engine's, whatever it does."""
    return is_proxy(proc, pid) or bool({os.path.basename(word) for word in proc.argv(pid)[:2]} & set(CLIENTS))


def is_apart(proc: Proc, pid: int) -> bool:
    """Whether the process has another network than this one."""
    own, its = proc.namespace(os.getpid(), "net"), proc.namespace(pid, "net")
    return bool(own and its and own != its)


def led_to(proc: Proc, proxy: int) -> list[int]:
    """The processes inside to which an engine's proxy leads, the main one first; none where that cannot be told."""
    argv = proc.argv(proxy)
    apart = [pid for pid in proc.pids() if is_apart(proc, pid)]
    named = {network for word in argv if word.startswith("/") for network in [_network_at(word)] if network}
    options = dict(zip(argv, argv[1:]))
    destinations: set[Address] = set()
    # What a process says of itself may be anything.
    with contextlib.suppress(KeyError, ValueError):
        destinations.add(ipaddress.ip_address(options["-container-ip"]))
    port = int(options["-container-port"]) if options.get("-container-port", "").isdigit() else None
    serve: set[int] = set()
    networks: dict[str, list[int]] = {}
    for pid in apart:
        networks.setdefault(proc.namespace(pid, "net") or "", []).append(pid)
    contained: list[int] = []
    for network, pids in networks.items():
        parents = {stat.ppid for stat in map(proc.stat, pids) if stat is not None}
        if proxy in parents or network in named or destinations & sources(proc, pids[0]):
            contained += [pid for pid in pids if not is_client(proc, pid)]
            serve |= set(proc.listeners(port, of=pids[0]) if port else ())
    starts = {pid: stat.start for pid, stat in zip(contained, map(proc.stat, contained)) if stat is not None}
    # Who serves comes first: what an engine begins a container with may only hold it.
    return sorted(starts, key=lambda pid: (pid not in serve, starts[pid], pid))


def at(proc: Proc, addresses: Iterable[str], port: int | None) -> list[int]:
    """The processes that hold the port in another network than this one, at one of these addresses; the first one
    first."""
    wanted = {ipaddress.ip_address(address) for address in addresses}
    wanted = {address for address in wanted if not address.is_loopback and not address.is_unspecified}
    serving: list[int] = []
    networks: dict[str, list[int]] = {}
    if wanted and port is not None:
        for pid in proc.pids():
            if is_apart(proc, pid):
                networks.setdefault(proc.namespace(pid, "net") or "", []).append(pid)
    for pids in networks.values():
        if wanted & sources(proc, pids[0]):
            holders = proc.listeners(port or 0, of=pids[0])
            serving += [pid for pid in pids if pid in holders]
    return serving


def _network_at(path: str) -> str | None:
    """The network that a file stands for, as /proc writes it."""
    with contextlib.suppress(OSError):
        return f"net:[{os.stat(path).st_ino}]"
    return None


def sources(proc: Proc, pid: int) -> frozenset[Address]:
    """The addresses that the process can send from: those of its network, but for the loopback's."""
    addresses: set[Address] = set()
    last = ""
    for line in proc.text(pid, "net", "fib_trie").splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            last = words[1]
        elif words[-2:] == ["host", "LOCAL"]:
            addresses.add(ipaddress.ip_address(last))
    for line in proc.text(pid, "net", "if_inet6").splitlines():
        words = line.split()
        if int(words[3], 16) != LINK_LOCAL:
            addresses.add(ipaddress.ip_address(bytes.fromhex(words[0])))
    return frozenset(address for address in addresses if not address.is_loopback)


def owner(proc: Proc, pid: int) -> int | None:
    """Whose container it is: the user who made its user namespace, root where it has none of its own; None where that
    cannot be seen."""
    own, its = proc.namespace(os.getpid(), "user"), proc.namespace(pid, "user")
    if own is None or its is None:
        return None
    if own == its:
        return 0
    with contextlib.suppress(OSError):
        handle = os.open(proc.path(pid, "ns", "user"), os.O_RDONLY)
        try:
            return int(struct.unpack("I", fcntl.ioctl(handle, NS_GET_OWNER_UID, bytes(4)))[0])
        finally:
            os.close(handle)
    return None


def container_of(proc: Proc, pids: Sequence[int], unit_group: str = "") -> Container:
    """The container of these processes, of which each is apart."""
    addresses = frozenset(address for pid in pids for address in sources(proc, pid))
    return Container(list(pids), addresses, sorted(_groups(proc, pids, unit_group)))


def _groups(proc: Proc, pids: Iterable[int], unit_group: str) -> set[str]:
    if unit_group:
        return {unit_group.rstrip("/")}
    groups = set()
    for pid in pids:
        for line in proc.text(pid, "cgroup").splitlines():
            hierarchy, controllers, group = line.split(":", 2)
            match = GROUP.match(group) if hierarchy == "0" or controllers == "name=systemd" else None
            groups |= {match[0]} if match else set()
    return groups


def within(proc: Proc, pid: int, work: Callable[[], bool]) -> bool:
    """What the work says, done in the network of that process; false where that cannot be done."""
    try:
        network = os.open(proc.path(pid, "ns", "net"), os.O_RDONLY)
    except OSError:
        return False
    child = os.fork()
    if child == 0:
        status = 1
        # Nothing of what it meets may come back into the caller's code, of which this is a copy.
        with contextlib.suppress(BaseException):
            if ctypes.CDLL(None, use_errno=True).setns(network, CLONE_NEWNET) == 0 and work():
                status = 0
        os._exit(status)
    os.close(network)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
