# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hang whoever opens them, as on a dead mount: unknown in time, and nothing else is held up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenario.host import STATE, Assistant

DEPTHS = pytest.mark.parametrize(("depth", "budget"), [("quick", 30), ("full", 60)])


def give_way(assistant: Assistant, file: str) -> None:
    """Whoever still waits gets an end, and the file goes."""
    assistant.sh(f"(timeout 1 sh -c ': > {file}' || true); rm -f {file}")


@pytest.fixture
def hanging_log(sound: Assistant) -> Iterator[str]:
    """A log that nobody can read to its end."""
    fifo = "/tmp/hanging.log"
    sound.sh(f"rm -f {fifo}; mkfifo {fifo}; chmod 644 {fifo}")
    yield fifo
    give_way(sound, fifo)


@pytest.fixture
def hanging_state(sound: Assistant) -> Iterator[None]:
    """A journal and a file of the smoke test that hang whoever reads them."""
    files = [f"{STATE}/{name}" for name in ("journal.jsonl", "smoke_test.json")]
    sound.sh(f"mkdir -p {STATE}; mkfifo {' '.join(files)}")
    yield
    for file in files:
        give_way(sound, file)


@DEPTHS
def test_the_budget_holds_when_half_of_the_probes_hang(
    sound: Assistant, hanging_log: str, depth: str, budget: int
) -> None:
    sound.fault(health="hang")
    run = sound.playbook("diagnose", depth=depth, runbook_log_paths=[hanging_log], runbook_locale="en")
    assert (run.code == 0, run.status) == (False, "blind")
    assert run.seconds < budget
    assert "Service pid" in run.text
    assert "Delivery unknown: " in run.text


@DEPTHS
@pytest.mark.usefixtures("hanging_state")
def test_probes_that_reach_their_limit_are_unknown_and_the_screen_is_shown(
    sound: Assistant, depth: str, budget: int
) -> None:
    run = sound.playbook("diagnose", depth=depth, runbook_locale="en")
    assert (run.code == 0, run.status) == (False, "blind")
    assert run.seconds < budget
    assert run.result["verdict"]["cause"] == "service_unknown"
    assert "Delivery 1" in run.text
