# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller that dies at any task."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.scenario.host import Assistant

# Short, because each second run waits out the lease of the one that was killed.
LEASE: dict[str, Any] = {"__assistant_lease_seconds": 2}
# Where something is written on the host: it is killed as the task begins, and in the midst of it.
WRITES = re.compile(r"Act \||Verify \||Fence \||Write down|Undo|Give the host back")


def assert_finished_after_any_kill(
    assistant: Assistant, procedure: str, prepare: Callable[[], None], finished: Callable[[], object], **variables: Any
) -> None:
    """Kill the procedure at every task that writes and at every third other one; the next run finishes each time.

    ``prepare`` makes the host as it is before each; ``finished`` looks whether the effect is there.
    """
    prepare()
    run = assistant.playbook(procedure, **LEASE, **variables)
    assert run.code == 0
    names = re.findall(r"TASK \[(.+?)\] \*", run.text)
    writes = [task for task, name in enumerate(names) if WRITES.search(name)]
    assert len(writes) >= 2  # the act, and what was proven of it
    kills = [(task, seconds) for task in writes for seconds in (0, 0.4)]
    kills += [(task, 0.4) for task in range(0, len(names), 3) if task not in writes]
    for task, seconds in kills:
        prepare()
        name = assistant.kill_at(task, seconds, procedure, **LEASE, **variables)
        assert name is not None and names[task] in name
        run = assistant.playbook(procedure, **LEASE, **variables)
        assert (run.code, run.status) == (0, "proven"), name
        assert finished(), name
        assert assistant.journal()[-1]["ok"] is True, name
