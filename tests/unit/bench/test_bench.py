# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks end by themselves, and what cannot be measured does not keep the rest from its figures."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

# The programs import each other by bare name.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import levels  # noqa: E402
from results import BenchError, Limits  # noqa: E402


def test_a_part_that_fails_breaks_the_run_and_the_next_one_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    limits = Limits()
    with limits.part("level 3"):
        raise BenchError("the reset has not ended after 120 s")
    with limits.part("fleet"):
        limits.show("the whole command", 1, 2)
    assert limits.broken
    out = capsys.readouterr().out
    assert "BROKEN: level 3: the reset has not ended after 120 s" in out
    assert "the whole command" in out


def test_what_hangs_does_not_keep_the_others_from_their_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def level(_limits: Limits, _directory: Path, number: int, *_rest: object) -> None:
        measured.append(number)
        if number in (1, 3):
            raise BenchError("the bare script has not ended after 120 s")

    class Hosts:
        def __enter__(self) -> Path:
            return Path("directory")

        def __exit__(self, *_details: object) -> None: ...

    monkeypatch.setattr(levels, "hosts", Hosts)
    monkeypatch.setattr(levels, "level", level)
    monkeypatch.setattr(levels, "on_host", lambda *_arguments: 1.0)
    monkeypatch.setattr(levels, "run", lambda *_arguments, **_options: None)
    monkeypatch.setattr(levels, "install_break_glass", lambda: None)
    monkeypatch.setattr(levels, "fleet_of", lambda _limits, _directory, number: measured.append(number))
    limits = Limits()
    levels.bench(limits)
    assert measured == [1, 2, *levels.FLEETS, 3]
    assert limits.broken


def test_a_command_that_hangs_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(BenchError, match=r"sleeper has not ended after 0\.2 s"):
        levels.run("sleeper", ["sleep", "60"], 0.2)
    assert time.monotonic() - begun < 10


def test_a_command_that_fails_says_what_it_printed() -> None:
    with pytest.raises(BenchError, match="script failed with exit 3:\nno such thing"):
        levels.run("script", ["sh"], 10, "echo no such thing; exit 3")


def test_the_reset_leaves_how_the_host_starts_its_release() -> None:
    # Without 10-environment.conf a release that needs its own environment never answers again.
    assert "rm -rf $dropin/zz-runbook.conf $dropin/90-runbook.conf" in levels.RESET
    assert ".service.d /" not in levels.RESET
