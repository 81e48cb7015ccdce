# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.scenario.host import CONTAINERS, DROP_INS, STATE, Assistant


def in_mounts_of(assistant: Assistant, *command: str) -> None:
    """Run a command of this machine's root among the host's mounts: the host itself may not mount."""
    settings = {"CONTAINERS_CONF": str(CONTAINERS.with_suffix(".conf")), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    name = subprocess.run([str(CONTAINERS), "name", assistant.name], capture_output=True, text=True, check=True)
    inspect = ["podman", "inspect", "--format", "{{.State.Pid}}", name.stdout.strip()]
    pid = subprocess.run(inspect, env=settings, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["nsenter", f"--target={pid}", "--mount", *command], check=True)


@pytest.fixture(params=["/etc/kumon-assistant", STATE])
def full(request: pytest.FixtureRequest, assistant: Assistant) -> Iterator[str]:
    """A directory that holds 64 kB, all of it in use."""
    assistant.restore()
    assistant.sh(f"mkdir -p {request.param}")
    in_mounts_of(assistant, "mount", "-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", request.param)
    assistant.host.run(f"dd if=/dev/zero of={request.param}/filler bs=1k 2>/dev/null")
    yield request.param
    in_mounts_of(assistant, "umount", request.param)


def test_a_full_disk_is_said_and_with_the_space_back_the_same_command_does_it(assistant: Assistant, full: str) -> None:
    before = assistant.pid()
    run = assistant.playbook("rollback_level1", runbook_locale="en")
    if full == STATE:
        # Without a journal there is still a kill-switch, or nothing was done.
        assert (assistant.environ("DELIVERY_DISABLE") == "true") == (run.status == "proven")
    else:
        # The fence needs no space there: messages are stopped, and that the flag is not set is said.
        assert run.status == "proven"
        assert "No space left on device" in run.text
        assert "skuid" in assistant.fence()
        assert assistant.pid() == before
        assert assistant.sh("ls -A /etc/kumon-assistant").split() == ["filler"]
        assert assistant.sh(f"ls {DROP_INS} 2>/dev/null | grep runbook || true") == ""
    assistant.sh(f"rm {full}/filler")
    assert assistant.playbook("rollback_level1").status == "proven"
    assert assistant.asked_within(1) == 0
