# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic by chance: how likely a message is to be delivered, how many come in, and what the assistant logs of them."""

from __future__ import annotations

import bisect
import itertools
import json
import math
import random
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, iso_minute

HEALTHY = 0.985
MINUTES_A_YEAR = 365 * 24 * 60
WINDOW = 240  # minutes, as health_window
BEGIN = datetime(2026, 1, 5, tzinfo=timezone.utc).timestamp()  # a Monday
HICCUPS_A_WEEK, HICCUP_MINUTES, HICCUP_FAILING = 3, (1.0, 3.0), (0.5, 1.0)
RHO = 0.1  # the correlation of the beta-binomial outcomes of a minute


# -- how likely a message is to be delivered, minute by minute


def independent(rate: float) -> Iterator[float]:
    """Each message by itself."""
    return itertools.repeat(rate)


def hiccups(chance: random.Random) -> Iterator[float]:
    """98.5 %, but for a provider's hiccups: three a week, of one to three minutes, half to all messages failing."""
    while True:
        pause = chance.expovariate(HICCUPS_A_WEEK / (7 * 24 * 60))
        yield from itertools.repeat(HEALTHY, int(pause))
        begin = pause % 1.0
        end, failing = begin + chance.uniform(*HICCUP_MINUTES), chance.uniform(*HICCUP_FAILING)
        for minute in range(math.ceil(end)):
            inside = min(end, minute + 1) - max(begin, minute)
            yield HEALTHY * (1 - failing * inside)


def beta_binomial(chance: random.Random, rate: float) -> Iterator[float]:
    """This rate on average, in each minute another one: what fails, fails together."""
    weight = 1 / RHO - 1
    while True:
        yield chance.betavariate(rate * weight, (1 - rate) * weight)


def arrivals(chance: random.Random, per_minute: float) -> Iterator[int]:
    """How many messages come in, minute by minute (Poisson)."""
    term = total = math.exp(-per_minute)
    steps = [total]
    while total < 1 - 1e-12:
        term *= per_minute / len(steps)
        total += term
        steps.append(total)
    while True:
        yield bisect.bisect_left(steps, chance.random())


# -- the window that a look sees, where only results matter


class Window:
    """The minutes with traffic of the last four hours, each message of a conversation of its own."""

    def __init__(self) -> None:
        self._rows: deque[tuple[int, int, int]] = deque()
        self.run = 0

    def add(self, minute: int, outcomes: list[bool]) -> None:
        """Take in a minute's outcomes, in their order."""
        for well in outcomes:
            self.run = 0 if well else self.run + 1
        self._rows.append((minute, sum(outcomes), len(outcomes) - sum(outcomes)))
        while self._rows[0][0] <= minute - WINDOW:
            self._rows.popleft()

    def traces(self) -> dict[str, Any]:
        """What trace_log_info would return of it."""
        success, failed = (sum(row[column] for row in self._rows) for column in (1, 2))
        run = min(self.run, failed)
        return results(
            [(int(BEGIN // 60) + minute, well, wrong) for minute, well, wrong in self._rows],
            success=success,
            failed=failed,
            run=run,
        )


def results(rows: list[tuple[int, int, int]], *, success: int, failed: int, run: int) -> dict[str, Any]:
    """Traces of which only the results are of interest; all else went well."""
    n = success + failed
    return {
        "records": 5 * n,
        "timestamps": "own",
        "delivery": {"success": success, "failed": failed, "sent": n, "run": {"failures": run, "recipients": run}},
        "handoff": {"planned": n, "read": n, "lost": 0, "unread": 0},
        "guards": {"incidents": 0},
        "instances": {},
        "recipients": {"success": success, "failed": failed},
        "minutes": [
            {"minute": iso_minute(minute), "success": well, "failed": wrong, "lost": 0, "guards": 0}
            for minute, well, wrong in rows
        ],
    }


# -- what the assistant logs

KINDS = {
    "nothing is planned": None,
    "planned, not read": "read",
    "read, not sent": "sent",
    "sent, no result": "settled",
    "all fail": None,
    "success with an HTTP error": None,
    "nothing is received": None,
}
"""Kinds of total outage, and the stage whose time has to pass before a message can be missed."""


def turn(
    chance: random.Random, at: float, number: int, wrong: str = "", success: bool = True
) -> list[tuple[float, str]]:
    """The records of a message that comes in at this time, with an outage of this kind or without one."""
    if wrong == "nothing is received":
        return []
    key = f"conv=conv_55119{number % 400:08d}|idem=i{number}"
    ids = f"state_id={1000 + number}|outbox_id={900_000 + number}"
    planned = at + 0.2 + chance.random()
    planned_none = f"OUTBOX_TRACE|phase=planner|{key}|{ids}|count=0"
    rows = [(at, planned_none)]
    if wrong == "nothing is planned":
        return [*rows, (planned, planned_none)]
    rows.append((planned, f"OUTBOX_TRACE|phase=planner|{key}|{ids}|count=1"))
    if wrong == "planned, not read":
        return rows
    read = planned + chance.lognormvariate(math.log(0.2), 0.5)
    rows.append((read, f"OUTBOX_TRACE|phase=delivery|{key}|{ids}|count=1"))
    rows.append((read, f"INSTANCE_TRACE|source=meta|instance=kumon_assistant|{key}"))
    if wrong == "read, not sent":
        return rows
    rows.append((read, f"DELIVERY_TRACE|action=send|instance=kumon_assistant|phone=55119{number % 400:08d}|{key}"))
    if wrong == "sent, no result":
        return rows
    status, http = "success" if success and wrong != "all fail" else "failed", "unknown"
    if wrong == "success with an HTTP error":
        status, http = "success", "500"
    settled = read + chance.lognormvariate(math.log(0.8), 0.6)  # nearly all within three seconds
    return [
        *rows,
        (settled, f"DELIVERY_TRACE|action=result|status={status}|http={http}|instance=kumon_assistant|{key}"),
    ]


def line(at: float, message: str, logger: str = "app.core.observability.structured_logging") -> str:
    """A record as a JSON line."""
    return json.dumps({"timestamp": iso(at, "microseconds"), "level": "INFO", "logger": logger, "message": message})
