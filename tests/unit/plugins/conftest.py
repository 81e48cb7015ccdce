# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers import Hooks, Mails
from tests.unit.plugins.notify_desk import Desk
from tests.unit.plugins.release_fakes import FakeUnit, RealRelease, Repository
from tests.unit.plugins.service_fakes import FakeSystemd, RealService


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Root has its services run as another user, who has to come to what is a test's."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="kumon-runbook-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    server = Hooks()
    yield server
    server.close()


@pytest.fixture
def mails() -> Iterator[Mails]:
    server = Mails()
    yield server
    server.close()


@pytest.fixture
def desk(tmp_path: Path, hooks: Hooks) -> Desk:
    return Desk(tmp_path, hooks)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RealService]:
    """A service of real processes, which is over with the test."""
    service = RealService(tmp_path)
    yield service
    service.close()


@pytest.fixture
def systemd(tmp_path: Path) -> FakeSystemd:
    """A systemd whose unit runs."""
    fake = FakeSystemd(tmp_path)
    fake.spawn()
    return fake


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "app")


@pytest.fixture
def unit(tmp_path: Path, repository: Repository) -> FakeUnit:
    """A unit that runs the release in place, on a systemd that needs no time."""
    unit = FakeUnit(tmp_path, repository)
    unit.spawn()
    return unit


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealRelease]:
    """A release that a real service runs from."""
    real = RealRelease(tmp_path)
    yield real
    real.service.close()
