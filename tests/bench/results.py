# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks came to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class BenchError(Exception):
    """A measurement could not be made."""


class Limits:
    """What was measured against what is allowed."""

    def __init__(self) -> None:
        self.broken = False

    def show(self, what: str, value: float, limit: float | None = None, unit: str = "") -> None:
        """Print a value, and whether it holds its limit."""
        verdict = "" if limit is None else f"(limit {limit:g}{unit}: {'held' if value <= limit else 'BROKEN'})"
        self.broken = self.broken or (limit is not None and value > limit)
        print(f"  {what:<58} {value:>9.2f}{unit} {verdict}", flush=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Take a part that could not be measured as a broken limit, and go on with the next one."""
        try:
            yield
        except BenchError as error:
            self.broken = True
            print(f"  BROKEN: {name}: {error}", flush=True)
