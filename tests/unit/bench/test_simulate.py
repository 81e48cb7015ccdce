# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/verdict.md says that the simulations have shown still is so: shorter runs of the same program."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import exact_bounds

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import simulate  # noqa: E402
from simulated_traffic import KINDS, MINUTES_A_YEAR  # noqa: E402

DOCS = simulate.DOCS.read_text(encoding="utf-8")


def table(name: str) -> dict[str, list[str]]:
    """The rows of a table in the documentation, by their first cell."""
    lines = [line for line in simulate.section(DOCS, name).splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows[2:]}


def numbers(cell: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", cell)]


def serially(call: Any, jobs: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [call(*job) for job in jobs]


def test_the_tables_rest_on_what_the_code_has_today() -> None:
    """Whoever changes one of these has to simulate again: simulate.py --write."""
    assert simulate.section(DOCS, "settings") == simulate.settings()


@pytest.mark.parametrize("name", simulate.TABLES)
def test_the_tables_are_those_that_the_program_prints(name: str) -> None:
    """Head, caption and rows; of the numbers see below."""
    results = {"calls": simulate.Calls(1, 1, 0), "delays": (1.0, 2.0), "_lingers": 1, "_proven": True}
    said = simulate.Said(2, simulate.Counter({"none": 1, "quiet": 1}), simulate.Counter({"ok": 2}))
    printed = str(simulate.TABLES[name](lambda call, jobs: [results.get(call.__name__, said) for _job in jobs]))

    def without_numbers(text: str) -> list[str]:
        rows = [line.split("|")[1] if line.startswith("|") else line for line in text.splitlines()]
        return [row for row in rows if name != "days" or row.count("`") != 2 or "`ok`" in row]

    assert without_numbers(printed) == without_numbers(simulate.section(DOCS, name))


# -- a) false calls and acts


@pytest.mark.parametrize("model", simulate.MODELS)
def test_false_calls_and_acts_are_as_rare_as_documented(model: str) -> None:
    share = 0.1
    for rate, cell in zip(simulate.RATES, table("year")[model]):
        found = simulate.calls(model, rate, int(share * MINUTES_A_YEAR), 77)
        for a_year, seen in zip(numbers(cell), found):
            expected = share * a_year
            assert abs(seen - expected) <= 4 * math.sqrt(expected) + 1, (rate, cell, found)
        assert found.acts <= found.rollbacks <= found.watches + 1


def test_what_fails_by_chance_is_not_acted_upon() -> None:
    for model, cells in table("year").items():
        for cell in cells:
            watches, rollbacks, acts = numbers(cell)
            assert acts <= (4 if "hiccups" in model else 1 if model.endswith(" 95 %") else 0), model
            if model in ("each by itself, 98.5 %", "each by itself, 99.5 %"):
                assert watches < 12 and rollbacks < 0.5


def test_without_its_patience_the_automation_would_act_in_hiccups(monkeypatch: pytest.MonkeyPatch) -> None:
    def acts() -> int:
        return simulate.calls("98.5 % with hiccups", 10.0, MINUTES_A_YEAR // 5, 5).acts

    patient = acts()
    monkeypatch.setattr(simulate._decision, "LOOKS", 1)
    assert patient <= 4 < acts()


# -- b) delays


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "nothing is received"])
def test_every_kind_of_total_outage_is_called_in_time(kind: str) -> None:
    watch, rollback = (numbers(cell) for cell in table("delay")[kind])
    assert watch[0] <= 2 and rollback[0] <= 4
    found = [simulate.delays(kind, seed) for seed in range(1000, 1020)]
    for column, documented in zip(zip(*found), (watch, rollback)):
        assert abs(median(column) - documented[0]) <= 1, found
    assert median(time for _watch, time in found) <= 4


def test_silence_is_called_after_ten_minutes() -> None:
    watch, rollback = table("delay")["nothing is received"]
    assert rollback == "never"
    found = [simulate.delays("nothing is received", seed) for seed in range(1000, 1003)]
    assert all(abs(seen - numbers(watch)[0]) <= 2 for seen, _rollback in found)
    assert all(math.isinf(rollback) for _watch, rollback in found)


# -- c) proofs under repeated looks


@pytest.mark.parametrize("rate", [0.949, 0.985, 0.995])
def test_who_asks_until_it_says_proven_is_told_so_no_more_often_than_the_error_allows(rate: float) -> None:
    by_itself, spending = (numbers(cell)[0] / 100 for cell in table("proof")[f"{100 * rate:g} %"])
    evenings = 10
    for share, how in ((by_itself, False), (spending, True)):
        proven = sum(simulate.is_proven(rate, seed, spending=how) for seed in range(1000, 1000 + evenings))
        bounds = exact_bounds(proven, evenings, 0.01)
        assert bounds["low"] - 0.01 <= share <= bounds["high"] + 0.01, (proven, evenings)
    if rate < 0.95:
        assert spending <= 0.05 < 0.25 < by_itself
    else:
        assert spending > 0.9


# -- d) healthy days


def test_healthy_days_are_called_healthy() -> None:
    documented = table("days")
    ok = numbers(documented["`ok`"][0])[0]
    assert ok >= 99
    assert 5 < numbers(documented["of these quiet, not proven"][0])[0] < 40
    found = simulate.days(1, 99, 1800.0)
    assert found.looks == 48
    assert found.statuses["ok"] >= found.looks - 1 and found.causes["quiet"] > 0, found
    assert not found.statuses["rollback"]


def test_a_log_that_is_not_read_whole_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The days have rotations in them: without the rotated files the log does not cover the window."""
    monkeypatch.setattr(simulate, "ROTATED", "app.log")
    found = simulate.days(1, 99, 3600.0)
    assert found.statuses["ok"] < found.looks


# -- e) how long it goes on


@pytest.mark.parametrize("per_minute", simulate.RATES)
def test_an_outage_that_is_over_is_soon_no_rollback_any_more(per_minute: float) -> None:
    without, capped = (numbers(cell) for cell in table("linger")[f"{per_minute:g}"])
    assert capped[0] <= 8 and capped[0] <= without[0]
    found = [simulate.lingers(per_minute, seed) for seed in range(1000, 1030)]
    assert abs(median(found) - capped[0]) <= 3, found
    assert max(found) <= capped[1] + 30, found
