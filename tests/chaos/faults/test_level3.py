# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further states of a work tree that level 3 meets."""

from __future__ import annotations

import pytest

from tests.scenario.host import Assistant
from tests.scenario.releases import APP, VARIABLES

INSTALL = "releases"
__all__ = ["VARIABLES"]


@pytest.fixture
def broken(sound: Assistant) -> Assistant:
    """Release 3 as at first."""
    sound.sh("/srv/host/releases")
    return sound


def test_a_detached_head_is_fine_and_the_kill_switch_stays_as_it_was_found(broken: Assistant) -> None:
    broken.git("checkout", "--quiet", "--detach")
    assert broken.playbook("rollback_level1").code == 0
    run = broken.playbook("rollback_level3")
    assert run.code == 0
    assert broken.release() == ("Release 2", None)
    assert broken.environ("DELIVERY_DISABLE") == "true"
    assert broken.asked_within(1) == 0


def test_another_release_can_be_asked_for(broken: Assistant) -> None:
    assert broken.playbook("rollback_level3", rollback_commit=broken.commit("Release 1")[:10]).code == 0
    assert broken.release() == ("Release 1", None)
    assert broken.health()["version"] == "1.0"
    # Not further back by itself, and nothing to do.
    again = broken.playbook("rollback_level3")
    assert (again.code, again.changed) == (0, 0)


def test_a_git_operation_that_was_left_half_is_said(broken: Assistant) -> None:
    broken.sh(f"touch {APP}/.git/index.lock")
    before = broken.tree()
    broken.assert_refuses("rollback_level3", "index.lock")
    assert broken.tree() == before
