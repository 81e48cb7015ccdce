# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts in one run."""

from __future__ import annotations

import json

from tests.scenario.host import STATE, Assistant

FLEET = 2


def test_the_hosts_that_are_reached_finish_and_the_other_is_named(assistant: Assistant) -> None:
    hosts = (assistant, *assistant.others)
    fleet = assistant.inventory({host.name: {"ansible_host": host.name} for host in hosts})
    nowhere = assistant.inventory({"nowhere": {"ansible_port": 9, "ansible_control_path": "none"}})
    limit = f"--limit={','.join(host.name for host in hosts)}"
    assistant.playbook("prepare_go_live", *fleet, limit, go_live_check="none")
    run = assistant.playbook("rollback_level1", *fleet, *nowhere, f"{limit},nowhere", rollback_break_glass_from=4)
    assert run.code != 0
    told = {name: host["status"] for name, host in run.result["hosts"].items()}
    assert told == {**{host.name: "proven" for host in hosts}, "nowhere": "unreachable"}
    for host in hosts:
        assert host.environ("DELIVERY_DISABLE") == "true"
        assert host.asked_within(1) == 0
        # One raw command has stopped it, and the modules found nothing left to do.
        acts = [json.loads(line) for line in host.sh(f"cat {STATE}/journal.jsonl").splitlines()]
        assert {one["run_id"] for one in acts} == {run.result["run_id"]}
        assert f"changed: [{host.name}]" in run.of_task("Stop the host by the program that is installed on it")
        assert f"ok: [{host.name}]" in run.of_task("Make the flags effective in the running process")
        assert [one["ok"] for one in acts if one["act"] == "proof"] == [True]
