# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An input that fails or hangs is told with its seed."""

from __future__ import annotations

import random
import re
import signal

import pytest

from .rounds import SEED, asking, rounds


def hangs(pick: random.Random) -> int:
    re.match(r"(a+)+$", asking("a" * 64 + "b"))
    return 1


def fails(pick: random.Random) -> int:
    return int(asking("no number"))


@pytest.mark.parametrize(("play", "said"), [(hangs, "Hangs(.*'a{64}b'"), (fails, "ValueError(.*'no number'")])
def test_a_round_that_fails_or_hangs_names_its_seed_and_its_input(play, said) -> None:
    with pytest.raises(
        AssertionError, match=f"seed {SEED}-0: {said}".replace("Error(", r"Error\(").replace("s(", r"s\(")
    ):
        rounds(1, play, deadline=0.5)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
