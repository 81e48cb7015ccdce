# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that died holds the host no longer than its lease."""

from __future__ import annotations

from tests.scenario.host import STATE, Assistant


def test_a_dead_run_is_waited_out(assistant: Assistant) -> None:
    assistant.hold("bia", seconds=4)
    run = assistant.playbook("rollback_level1")
    assert (run.code, run.status) == (0, "proven")
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert not assistant.host.file(f"{STATE}/lease.json").exists
