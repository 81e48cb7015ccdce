# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A million odd inputs for what reads from outside, each with an answer that is known before it is asked.

An input is made from what it means, so what has to come of it is known without reading it. Nothing may crash, hang, or
count wrong. Each kind has a file of its own, so that several processes share them; all together take a few minutes of a
processor. KUMON_FUZZ_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

SEED = os.environ.get("KUMON_FUZZ_SEED", "20261127")
SECONDS = 280
"""For all inputs of a file: of four files no process has more than two, which makes less than ten minutes."""
DEADLINE = 30.0
"""For one round, which takes milliseconds: a machine under load has it too, and what hangs does not."""

PRINTABLE = "".join(map(chr, range(32, 127)))
ODD = (
    "\x00\x01\x07\x08\x0b\x0c\x1b[31m\x7f\x85\xa0\xad\u200b\u200e\u2028\u2029\ufeff\U0001f600\u00e9\u0301|=\\\"'{}[]:\t"
)

_asked: list[Any] = []


class Hangs(BaseException):
    """A round that does not end; no `except Exception` of what is tried takes it."""


def asking(value: Any) -> Any:
    """Note the input that is asked now, and return it: a round that fails says it."""
    _asked[:] = [value]
    return value


def rounds(inputs: int, play: Callable[[random.Random], int], deadline: float = DEADLINE) -> int:
    """Play until so many inputs were asked, and return how many were; one that fails or hangs is told with its seed."""

    def late(*_signal: Any) -> None:
        raise Hangs(f"no end within {deadline:g} s")

    asked, number, begun = 0, 0, time.monotonic()
    before = signal.signal(signal.SIGALRM, late)
    try:
        while asked < inputs:
            seed = f"{SEED}-{number}"
            _asked.clear()
            signal.setitimer(signal.ITIMER_REAL, deadline)
            try:
                asked += play(random.Random(seed))
            except (Exception, Hangs) as error:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raise AssertionError(f"seed {seed}: {error!r}; asked was {_asked!r:.4000}") from error
            number += 1
            assert time.monotonic() - begun < SECONDS, f"{asked} inputs in {SECONDS} s: something takes too long"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return asked


def odd_text(pick: random.Random, most: int) -> str:
    alphabet = pick.choice((PRINTABLE, ODD, PRINTABLE + ODD))
    return "".join(pick.choices(alphabet, k=pick.randrange(most)))
