# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that is full: the directory of the env file on this host holds 64 kB."""

from __future__ import annotations

testinfra_hosts = ["ssh://assistant2"]


def test_a_full_disk_is_said_and_nothing_is_changed(sound):
    sound.host.run("dd if=/dev/zero of=/etc/kumon-assistant/filler bs=1k 2>/dev/null")
    before = sound.pid()
    run = sound.playbook("rollback_level1")
    assert run.code != 0
    assert (
        "/etc/kumon-assistant/runbook.env cannot be written (No space left on device), nothing was changed" in run.text
    )
    assert sound.pid() == before
    assert sound.sh("ls -A /etc/kumon-assistant").split() == ["filler"]
    assert not sound.host.file("/etc/systemd/system/kumon-assistant.service.d/90-runbook.conf").exists
    # With the space back, the same command does it.
    sound.sh("rm /etc/kumon-assistant/filler")
    assert sound.playbook("rollback_level1").code == 0
    assert sound.asked_within(1) == 0
