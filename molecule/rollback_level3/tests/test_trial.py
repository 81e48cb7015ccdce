# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is tried where nothing leaves and nothing stays, before it is put in place."""

from __future__ import annotations

from tests.scenario.host import Assistant
from tests.scenario.releases import APP, VARIABLES

INSTALL = "releases"
__all__ = ["VARIABLES"]

# It starts, its health is fine, its webhook accepts, and that is all.
MUTE = """
git worktree add --quiet --detach /tmp/mute main~1
cd /tmp/mute
sed -i '/^async def turn(/a\\    return' main.py
git -c user.name=Kumon -c user.email=dev@kumon.invalid commit --quiet --all --message 'Release mute'
git branch mute
cd /
git -C /opt/kumon-assistant worktree remove --force /tmp/mute
"""


def test_a_release_that_plans_nothing_is_refused_before_anything_changed(assistant: Assistant) -> None:
    assistant.sh(f"cd {APP} && runuser -u kumon -- sh -eu <<'MUTE'\n{MUTE}MUTE")
    before = assistant.tree(), assistant.pid()
    run = assistant.playbook("rollback_level3", rollback_commit="mute", runbook_locale="en")
    assert (run.code != 0, run.status) == (True, "refused")
    assert "was tried first and would not do: it started, answered, and planned nothing" in run.text
    good = assistant.git("rev-parse", "--short", assistant.commit("Release 2")).strip()
    assert f"the next candidate is {good} (Release 2), -e rollback_commit={good}" in run.text
    assert (assistant.tree(), assistant.pid()) == before
    assert assistant.sh("ls /run | grep kumon-runbook-room || true") == ""
    assert assistant.sh("pgrep -u kumon -fc 'uvicorn main:app'").strip() == "1"


def test_one_that_does_not_start_is_refused_as_well(assistant: Assistant) -> None:
    before = assistant.tree(), assistant.pid()
    run = assistant.playbook("rollback_level3", rollback_commit="next", runbook_locale="en")
    assert (run.code != 0, run.status) == (True, "refused")
    assert "its process ended at start with code 3" in run.text
    assert "planted-password" not in run.text
    assert (assistant.tree(), assistant.pid()) == before


def test_a_good_one_is_tried_and_taken_where_the_service_is_down(assistant: Assistant) -> None:
    assistant.sh("systemctl stop kumon-assistant")
    run = assistant.playbook("rollback_level3", runbook_locale="en")
    assert (run.code, run.status) == (0, "proven")
    assert assistant.release() == ("Release 2", None)
    assert "Tried first, apart from the host: it started, answered, replies planned for one message: 1" in run.text
