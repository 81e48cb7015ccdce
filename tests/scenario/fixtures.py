# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that the scenarios' tests work on: containers, one for each process of pytest, and those of a fleet.

A module gets a fresh host, so its tests may tell a story, each going on where the one before has ended. It may say

    INSTALL = "process"         how the assistant is installed (molecule/resources/host/install), else "systemd"
    VARIABLES = {…}             what the inventory says of the host, beyond what it says of all
    FLEET = 2                   how many hosts it needs besides; they are its `others`
    SECONDS = 300               about how long it takes, where that is long: the longest begin first
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import ModuleType

import pytest
import testinfra

from tests.scenario.host import CONNECTIONS, CONTAINERS, ROOT, Assistant

NAMES = ("assistant1", "assistant2", "assistant3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first."""
    items.sort(key=lambda item: -getattr(getattr(item, "module", None), "SECONDS", 0))


def _containers(*command: str) -> None:
    settings = {**os.environ, "CONTAINERS_CONF": str(ROOT / "molecule/resources/containers.conf")}
    done = subprocess.run([str(CONTAINERS), *command], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def remove(*names: str) -> None:
    """Take these hosts away, as if they had gone down."""
    _containers("gone", *names)


def _fresh(module: ModuleType, name: str) -> Assistant:
    _containers("fresh", name, getattr(module, "INSTALL", "systemd"))
    connection = testinfra.get_host(f"ssh://{name}", ssh_config=str(CONNECTIONS / "ssh_config"), sudo=True)
    host = Assistant(connection, getattr(module, "VARIABLES", None))
    host.forget()
    return host


@contextmanager
def _fleet(module: ModuleType) -> Iterator[tuple[Assistant, ...]]:
    """The further hosts of a module, one fleet at a time."""
    names = [f"fleet{number}" for number in range(1, getattr(module, "FLEET", 0) + 1)]
    if not names:
        yield ()
        return
    with open(ROOT / ".ansible/fleet.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with ThreadPoolExecutor(2) as pool:
                yield tuple(pool.map(lambda name: _fresh(module, name), names))
        finally:
            remove(*names)


def _with_evidence(hosts: tuple[Assistant, ...], request: pytest.FixtureRequest, failed: int) -> None:
    """Show what a person wants to see of the hosts of a module that failed."""
    if request.session.testsfailed > failed:
        for one in hosts:
            # A test may have taken it away.
            with suppress(RuntimeError):
                print(f"\n######## {one.name}\n{one.host.run('/srv/host/evidence').stdout}")


@pytest.fixture(scope="module")
def assistant(request: pytest.FixtureRequest) -> Iterator[Assistant]:
    """The assistant on this process's host, fresh at the module's beginning."""
    name = NAMES[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(NAMES)]
    failed = request.session.testsfailed
    with _fleet(request.module) as others:
        own = _fresh(request.module, name)
        own.others = others
        yield own
        _with_evidence((own, *others), request, failed)


@pytest.fixture
def sound(assistant: Assistant) -> Assistant:
    """The assistant without a kill-switch, fence or fault, whatever a test before did to it."""
    assistant.restore()
    return assistant
