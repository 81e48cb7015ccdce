# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts in one run."""

from __future__ import annotations

from tests.scenario.host import Assistant

SECONDS = 270


def test_fifty_names_are_measured_in_one_run(assistant: Assistant) -> None:
    names = {f"host{number:02d}": {} for number in range(50)}
    # With more at a time on the two processors, which other tests have too, the measured messages are held up.
    run = assistant.playbook("health_check", *assistant.inventory(names), f"--limit={','.join(names)}", "--forks=4")
    assert (run.code, run.status) == (0, "ok")
    assert {host["status"] for host in run.result["hosts"].values()} == {"ok"}
    assert len(run.result["hosts"]) == 50


def test_the_kill_switch_holds_on_fifty_names(assistant: Assistant) -> None:
    # In force already, so that names that share a host do not fight for it.
    assert assistant.playbook("rollback_level1").code == 0
    pid = assistant.pid()
    names = {f"host{number:02d}": {} for number in range(50)}
    run = assistant.playbook(
        "rollback_level1", *assistant.inventory(names), f"--limit={','.join(names)}", rollback_lease_wait=120
    )
    assert (run.code, run.status, run.changed, assistant.pid()) == (0, "proven", 0, pid)
