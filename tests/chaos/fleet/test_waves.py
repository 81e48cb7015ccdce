# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that does not start on the first host never reaches the second."""

from __future__ import annotations

from tests.scenario.host import Assistant
from tests.scenario.releases import VARIABLES

INSTALL = "releases"
FLEET = 1
__all__ = ["VARIABLES"]


def test_a_wave_that_fails_stops_the_others(assistant: Assistant) -> None:
    (other,) = assistant.others
    before = other.pid(), other.tree()
    run = assistant.playbook(
        "rollback_level3",
        *assistant.inventory({"first": {}, "second": {"ansible_host": other.name}}),
        "--limit=first,second",
        rollback_commit=assistant.commit("Release 4", "next"),
        rollback_level3_restart_seconds=20,
    )
    assert run.code != 0
    # Nothing was done there, and nothing is claimed of it.
    assert list(run.result["hosts"]) == ["first"]
    assert (other.pid(), other.tree()) == before
    assert assistant.release() == ("Release 3", "main")
