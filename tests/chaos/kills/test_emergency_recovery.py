# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The automatic recovery under a controller that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.scenario.host import ROOT, Assistant, environment

SECONDS = 500
AUTO = {"recovery_mode": "auto", "recovery_watch_seconds": 4, "recovery_watch_every": 2, "__assistant_lease_seconds": 6}


@pytest.mark.parametrize("written", [1, 2, 3, 4, 5])
def test_a_killed_run_is_finished_by_the_next(sound: Assistant, written: int) -> None:
    sound.fault(lost_handoff=True, v2_only=True)
    time.sleep(2)
    run = subprocess.Popen(
        sound.command("emergency_recovery", **AUTO),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(sound.journal()) < written:
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    finished = sound.playbook("emergency_recovery", **AUTO)
    assert (finished.code, finished.result["level"]) == (0, 2)
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert sound.environ("OUTBOX_V2_ENFORCED") == "false"
