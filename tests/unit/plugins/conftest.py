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
