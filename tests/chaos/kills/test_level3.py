# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Level 3 under a controller that is killed together with everything of the run on the host."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.scenario.host import ROOT, Assistant, environment
from tests.scenario.releases import APP, VARIABLES, make_dirty

INSTALL = "releases"
__all__ = ["VARIABLES"]


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 2, 4, 8])
def test_a_run_that_is_killed_is_finished_by_the_next(assistant: Assistant, seconds: float) -> None:
    assistant.restore()
    assistant.sh("/srv/host/releases")
    make_dirty(assistant)
    with subprocess.Popen(
        assistant.command("rollback_level3", __assistant_lease_seconds=2),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        deadline = time.monotonic() + 60
        while not any(entry["phase"] == "begin" for entry in assistant.journal()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(seconds)
        # The controller and everything of the run on the host, at once.
        assistant.sh("pkill -KILL -f '[p]ip install' || true; pkill -KILL -u root -f '[A]nsiballZ|[a]nsible' || true")
        os.killpg(run.pid, signal.SIGKILL)
    again = assistant.playbook("rollback_level3", __assistant_lease_seconds=2)
    assert (again.code, again.status) == (0, "proven")
    assert assistant.release() == ("Release 2", None)
    assert assistant.health()["version"] == "2.0"
    rescue = assistant.git("for-each-ref", "--format=%(refname)", "refs/runbook/rescue").split()
    assert "new" in [assistant.git("show", f"{reference}:notes/a.txt") for reference in rescue]
    assert assistant.host.file(f"{APP}/.env").exists
