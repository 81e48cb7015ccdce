# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that the scenarios' tests work on: two containers, one for each process of pytest.

A module gets a fresh host, so its tests may tell a story, each going on where the one before has ended. It may say

    INSTALL = "process"         how the assistant is installed (molecule/resources/host/install), else "systemd"
    VARIABLES = {…}             what the inventory says of the host, beyond what it says of all
    BOTH = True                 that it needs both hosts; it is alone then
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
import testinfra

from tests.scenario.host import CONNECTIONS, CONTAINERS, ROOT, Assistant

NAMES = ("assistant1", "assistant2")


@contextmanager
def _beside_others(alone: bool) -> Iterator[None]:
    """What needs both hosts is alone; the rest runs side by side."""
    with open(ROOT / ".ansible/hosts.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def _fresh(module: ModuleType, name: str) -> Assistant:
    settings = {**os.environ, "CONTAINERS_CONF": str(ROOT / "molecule/resources/containers.conf")}
    command = [str(CONTAINERS), "fresh", name, getattr(module, "INSTALL", "systemd")]
    made = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    connection = testinfra.get_host(f"ssh://{name}", ssh_config=str(CONNECTIONS / "ssh_config"), sudo=True)
    host = Assistant(connection, getattr(module, "VARIABLES", None))
    host.forget()
    return host


def _with_evidence(hosts: tuple[Assistant, ...], request: pytest.FixtureRequest, failed: int) -> None:
    """Show what a person wants to see of the hosts of a module that failed."""
    if request.session.testsfailed > failed:
        for one in hosts:
            print(f"\n######## {one.name}\n{one.host.run('/srv/host/evidence').stdout}")


@pytest.fixture(scope="module")
def assistant(request: pytest.FixtureRequest) -> Iterator[Assistant]:
    """The assistant on this process's host, fresh at the module's beginning."""
    alone = getattr(request.module, "BOTH", False)
    name = NAMES[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(NAMES)]
    failed = request.session.testsfailed
    with _beside_others(alone):
        hosts = tuple(_fresh(request.module, name) for name in (NAMES if alone else (name,)))
        hosts[0].others = hosts[1:]
        yield hosts[0]
        _with_evidence(hosts, request, failed)


@pytest.fixture
def sound(assistant: Assistant) -> Assistant:
    """The assistant without a kill-switch, fence or fault, whatever a test before did to it."""
    assistant.restore()
    return assistant
