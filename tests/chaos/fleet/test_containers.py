# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of real hosts, of which one is down and one is slow."""

from __future__ import annotations

import json
import time

from tests.scenario.fixtures import remove
from tests.scenario.host import Assistant

SECONDS = 200
FLEET = 8
SLOW = 6
"""Seconds that the slow host takes for each command, before it begins; Ansible gives up after twelve."""


def last_asked(host: Assistant) -> float:
    """When the gateway of a host was asked to send for the last time, by its own clock."""
    return float(json.loads(host.sh("curl -sS -m 3 http://127.0.0.1:8080/__stand_in/counters"))["last"])


def slow_down(host: Assistant) -> None:
    """Let each command wait, from the next connection on, which is soon: those that are kept are cut off."""
    line = f'ForceCommand sleep {SLOW}; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    host.sh("echo %s > /etc/ssh/sshd_config.d/slow.conf && systemctl reload ssh", line)
    host.sh("systemd-run --on-active=1 --timer-property=AccuracySec=100ms pkill -u operator sshd")
    time.sleep(3)


def test_one_host_that_is_down_and_one_that_is_slow_hold_up_no_other(assistant: Assistant) -> None:
    *quick, slow, down = assistant.others
    hosts = (*quick, slow, down)
    fleet = assistant.inventory({host.name: {"ansible_host": host.name} for host in hosts})
    limit = f"--limit={','.join(host.name for host in hosts)}"
    assistant.playbook("prepare_go_live", *fleet, limit, go_live_check="none")
    remove(down.name)
    slow_down(slow)
    begun = time.time()
    run = assistant.playbook("rollback_level1", *fleet, limit, rollback_break_glass_from=2)
    told = {name: host["status"] for name, host in run.result["hosts"].items()}
    assert run.code != 0
    assert told == {**{host.name: "proven" for host in (*quick, slow)}, down.name: "unreachable"}
    # By the gateways' own clocks the quick ones had stopped before the slow one.
    assert max(last_asked(host) for host in quick) < last_asked(slow)
    assert last_asked(slow) - begun > SLOW

    # A second run leaves alone what is proven.
    before = {host.name: (host.pid(), len(host.journal())) for host in quick}
    assistant.playbook("rollback_level1", *fleet, limit, rollback_break_glass_from=2)
    assert {host.name: (host.pid(), len(host.journal())) for host in quick} == before
