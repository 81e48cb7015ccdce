# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated years and days: ``simulate.py [TABLE …] [--write]``; the tables are those of docs/verdict.md.

How often the runbook calls and acts wrongly, how late it calls, how long it goes on, how often it proves what is not
so, and how often it says ok on healthy days. What decides is the collection's own code. ``--write`` puts the tables
into docs/verdict.md, where the unit tests compare them with shorter runs. All of it takes half an hour on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import math
import os
import random
import statistics
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".ansible" / "collections"), str(Path(__file__).resolve().parent)]

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso  # noqa: E402
from ansible_collections.kumon.runbook.plugins.module_utils.log import measure as measuring  # noqa: E402
from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance  # noqa: E402
from ansible_collections.kumon.runbook.plugins.module_utils.log.evidence import Facts, evidence  # noqa: E402
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader  # noqa: E402
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader  # noqa: E402
from ansible_collections.kumon.runbook.plugins.plugin_utils import _decision, _proofs, _stats, _verdict  # noqa: E402
from simulated_traffic import (  # noqa: E402
    BEGIN,
    HEALTHY,
    KINDS,
    MINUTES_A_YEAR,
    RHO,
    Window,
    arrivals,
    beta_binomial,
    hiccups,
    independent,
    line,
    results,
    turn,
)

DOCS = ROOT / "docs" / "verdict.md"
RATES = (0.5, 2.0, 10.0)
WATCH, ROLLBACK = 300.0, _stats.ROLLBACK
ONE_CALL = 30  # looks that call are one call, and acts one act, while they lie less than so many minutes apart
EVENING, PER_MINUTE = 120, 64
DAY = 86400.0
OPENS, CLOSES = 8, 20  # the hours in which messages are expected
BY_HOUR = (
    [0.002] * 6 + [0.02, 0.2] + [2.0, 2.5, 2.0, 1.5, 1.0, 1.0, 2.0, 2.5, 3.0, 2.5, 2.0, 1.5] + [0.2, 0.1, 0.05, 0.02]
)
ROTATED = "app.log*"
DOWN = 10.0  # seconds that a restart takes
LIMIT = 900.0  # seconds after which a look that calls is not waited for any longer


# -- a) false calls and false acts

MODELS: dict[str, Callable[[random.Random], Iterator[float]]] = {
    "each by itself, 95 %": lambda chance: independent(0.95),
    "each by itself, 98.5 %": lambda chance: independent(HEALTHY),
    "each by itself, 99.5 %": lambda chance: independent(0.995),
    "98.5 % with hiccups": hiccups,
    "together (beta-binomial), 98.5 %": lambda chance: beta_binomial(chance, HEALTHY),
    "together (beta-binomial), 99.5 %": lambda chance: beta_binomial(chance, 0.995),
}


class Calls(NamedTuple):
    """How often it came to it."""

    watches: int
    rollbacks: int
    acts: int


class _Episodes:
    """Counts what is less than half an hour apart as one."""

    def __init__(self) -> None:
        self.number, self._last = 0, -math.inf

    def note(self, minute: int) -> None:
        self.number += minute - self._last >= ONE_CALL
        self._last = minute


def calls(model: str, per_minute: float, minutes: int, seed: int) -> Calls:
    """Look each minute with traffic, with the automation on, and count what it says and does.

    A detector that has never begun anew shows at least the evidence of one that sees four hours, so the verdict can be
    asked for only where it may be a rollback.
    """
    chance = random.Random(f"{model} {per_minute} {seed}")
    rates, numbers = MODELS[model](chance), arrivals(chance, per_minute)
    detector, window = _stats.Detector(rollback=ROLLBACK), Window()
    watches, rollbacks, acts = _Episodes(), _Episodes(), _Episodes()
    for minute in range(minutes):
        rate, number = next(rates), next(numbers)
        if not number:
            continue
        outcomes = [chance.random() < rate for _message in range(number)]
        window.add(minute, outcomes)
        evidence = detector.minute(sum(outcomes), number - sum(outcomes))
        if evidence >= WATCH:
            watches.note(minute)
        if evidence < ROLLBACK and window.run < 4:
            continue
        judged = _verdict.verdict(window.traces(), service_running=True)
        if judged["status"] == "rollback":
            rollbacks.note(minute)
            if _decision.recovery_decision(judged, {}, mode="auto")["act"]:
                acts.note(minute)
    return Calls(watches.number, rollbacks.number, acts.number)


# -- b) delays


def delays(kind: str, seed: int, before: int = 60, per_minute: float = 2.0) -> tuple[float, float]:
    """Minutes from when the stage has matured to the first look that is not ok, and to the first that rolls back.

    Looks come each ten seconds, after an hour of healthy traffic; without such a look within a quarter: infinite.
    """
    chance = random.Random(f"{kind} {seed}")
    onset = BEGIN + 60 * before + chance.uniform(0, 60)
    rows, at, number = [], BEGIN, 0
    while at < onset + LIMIT:
        at += chance.expovariate(per_minute / 60)
        number += 1
        rows += turn(chance, at, number, kind if at >= onset else "", chance.random() < HEALTHY)
    rows.sort()
    balance, stamps = Balance(now=onset, since=BEGIN), StampReader(onset)
    reader = TraceReader(balance, stamps, onset)
    fed, watch = 0, math.inf
    matured = onset
    for step in range(int(LIMIT / 10)):
        now = onset + 10.0 * step
        upto = next((place for place in range(fed, len(rows)) if rows[place][0] > now), len(rows))
        if upto > fed:
            reader.read_live(now)
            reader.feed("\n".join(line(*row) for row in rows[fed:upto]).encode())
            fed = upto
        balance.look_again_at(now)
        traces: Any = balance.result()
        if not step and KINDS[kind]:
            matured += balance.graces()[str(KINDS[kind])]
        traces["evidence"] = evidence(traces, balance.newest_message, _facts(now))
        status = _verdict.verdict(traces, service_running=True)["status"]
        if now < matured:
            continue
        if status != "ok":
            watch = min(watch, (now - matured) / 60)
        if status == "rollback":
            return watch, (now - matured) / 60
    return watch, math.inf


def _facts(now: float) -> Facts:
    return Facts(
        present=now,
        since=BEGIN,
        first=BEGIN,
        read_from=BEGIN,
        newest=now,
        process_started=None,
        unreadable=[],
        copies=[],
        suppressed=0,
        incomplete=None,
        backwards=0,
        owned=True,
        owner="",
        path="app.log",
        lines=1000,
        any_event=True,
    )


# -- c) proofs under repeated looks


def is_proven(rate: float, seed: int, *, spending: bool = True) -> bool:
    """Whether a recovery is proven by a look of an evening: one a minute for two hours, 64 messages a minute."""
    chance = random.Random(f"{rate} {seed}")
    rows = [sum(chance.random() < rate for _message in range(PER_MINUTE)) for _minute in range(EVENING)]
    first = int(BEGIN // 60)
    with contextlib.nullcontext() if spending else mock.patch.object(_proofs, "spent", lambda error, *_of: error):
        for minute in range(15, EVENING + 1):
            counted = [(first + at, rows[at], PER_MINUTE - rows[at]) for at in range(minute - 15, minute)]
            success = sum(row[1] for row in counted)
            traces: Any = results(counted, success=success, failed=15 * PER_MINUTE - success, run=0)
            now = BEGIN + 60 * minute
            traces["last"] = iso(now)
            proof = _proofs.recovery_proof(
                traces,
                began=BEGIN,
                now=now,
                service_running=True,
                service_answering=True,
                delivery_disabled=False,
            )
            if proof["status"] == "proven":
                return True
    return False


# -- d) healthy days


class Days:
    """A service that writes its log into a directory, rotated each midnight and started anew once a day."""

    def __init__(self, at: Path, seed: int) -> None:
        self._at, self._chance = at, random.Random(f"days {seed}")
        self._path = at / "app.log"
        self._now = BEGIN - 6 * 3600
        self.process = self._now - DAY
        self._number = 0
        self._pending: list[tuple[float, str]] = []
        self._midnights, self._restart = 0, self._draw_restart(self._now)
        self._log = open(self._path, "ab")  # noqa: SIM115 - as a service holds its log open

    def _draw_restart(self, day: float) -> float:
        return day - day % DAY + DAY + self._chance.uniform(0, DAY)

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    def go_on_until(self, now: float) -> None:
        """Write what comes in until then."""
        while self._now < now:
            midnight = self._now - self._now % DAY + DAY
            upto = min(now, midnight, self._restart if self._restart > self._now else math.inf)
            self._serve(upto)
            self._now = upto
            if upto == midnight:
                self._rotate()
            if upto == self._restart:
                self._write([(upto, line(upto, "Shutting down", "uvicorn.error"))])
                self._now = self.process = upto + DOWN
                self._write([(self._now, line(self._now, "Application startup complete.", "uvicorn.error"))])
                self._restart = self._draw_restart(upto)

    def _serve(self, upto: float) -> None:
        at = self._now
        while True:
            at += self._chance.expovariate(BY_HOUR[int(at % DAY // 3600)] / 60)
            # The last seconds before a restart take nothing up: it lets what it has begun come to its end.
            if at >= upto - (DOWN if upto == self._restart else 0):
                break
            self._number += 1
            self._pending += turn(self._chance, at, self._number, "", self._chance.random() < HEALTHY)
        minutes = range(math.ceil(self._now / 60), math.ceil(upto / 60))
        self._pending += [(60.0 * at, line(60.0 * at, "GET /health 200", "uvicorn.access")) for at in minutes]
        self._pending.sort()
        ready = [row for row in self._pending if row[0] < upto]
        self._pending = self._pending[len(ready) :]
        self._write(ready)

    def _write(self, rows: Sequence[tuple[float, str]]) -> None:
        for at, text in rows:
            self._log.write((text if text.startswith("{") else line(at, text)).encode() + b"\n")
        self._log.flush()
        if rows:
            os.utime(self._path, (rows[-1][0], rows[-1][0]))

    def _rotate(self) -> None:
        """As logrotate does, one night by renaming and the next by copying and cutting; the day before is packed."""
        first, second = self._at / "app.log.1", self._at / "app.log.2.gz"
        if first.exists():
            changed = first.stat().st_mtime
            second.write_bytes(gzip.compress(first.read_bytes(), 1))
            os.utime(second, (changed, changed))
        changed = self._path.stat().st_mtime
        self._midnights += 1
        if self._midnights % 2:
            self._path.rename(first)
            self._log.close()
            self._log = open(self._path, "ab")  # noqa: SIM115
        else:
            first.write_bytes(self._path.read_bytes())
            os.truncate(self._path, 0)
        os.utime(first, (changed, changed))
        os.utime(self._path, (self._now, self._now))


class Said(NamedTuple):
    """How many looks of simulated days said what, by their cause."""

    looks: int
    causes: Counter[str]
    statuses: Counter[str]


def days(number: int, seed: int, every: float = 600.0) -> Said:
    """Look at the log of healthy days with the module that reads it and the filter that judges it."""
    params: dict[str, Any] = dict(measuring.DEFAULTS)
    params.update({"since": "4h", "pids": [os.getpid()], "expected_instance": "kumon_assistant"})
    causes: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        service = Days(Path(directory), seed)
        params["paths"] = [f"{directory}/{ROTATED}"]
        looks = int(number * DAY / every)
        for look in range(looks):
            now = BEGIN + every * look + 7.0
            service.go_on_until(now)
            now = max(now, service.process)
            with mock.patch.object(measuring, "started", lambda pids: service.process if pids else None):
                traces = measuring.measure(params, now)
            judged = _verdict.verdict(
                traces,  # type: ignore[arg-type]
                messages_expected=OPENS <= now % DAY / 3600 < CLOSES,
                service_known=True,
                service_running=True,
                service_answering=True,
                delivery_disabled=False,
            )
            causes[judged["cause"]] += 1
            statuses[judged["status"]] += 1
        service.close()
    return Said(looks, causes, statuses)


# -- e) how long it goes on


def lingers(per_minute: float, seed: int, *, capped: bool = True) -> int:
    """Minutes for which rollback is said after an outage of ten minutes in which all failed; looks come each minute."""
    chance = random.Random(f"lingers {per_minute} {seed}")
    numbers, window = arrivals(chance, per_minute), Window()
    with contextlib.nullcontext() if capped else mock.patch.object(_stats, "_CAP", math.inf):
        for minute in range(240 + 10 + 360):
            rate = 0.0 if 240 <= minute < 250 else HEALTHY
            outcomes = [chance.random() < rate for _message in range(next(numbers))]
            if outcomes:
                window.add(minute, outcomes)
            if minute >= 250 and _verdict.verdict(window.traces(), service_running=True)["status"] != "rollback":
                return minute - 250
    return 360


# -- the tables


class Table(NamedTuple):
    """A table as the documentation shows it."""

    name: str
    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def __str__(self) -> str:
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return f"{_filled(self.caption)}\n\n" + "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _filled(text: str) -> str:
    return textwrap.fill(text, 150, break_long_words=False, break_on_hyphens=False)


Map = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]


def year_table(run: Map, years: int = 3) -> Table:
    """False calls and acts a year."""
    cells = [(model, rate) for model in MODELS for rate in RATES]
    jobs = [(model, rate, MINUTES_A_YEAR, seed) for model, rate in cells for seed in range(years)]
    found: dict[tuple[str, float], list[Calls]] = {cell: [] for cell in cells}
    for job, result in zip(jobs, run(calls, jobs)):
        found[job[:2]].append(result)
    rows = []
    for model in MODELS:
        means = [[statistics.mean(column) for column in zip(*found[model, rate])] for rate in RATES]
        rows.append((model, *(" / ".join(map(_number, cell)) for cell in means)))
    caption = (
        "*Called and acted upon in a year of healthy traffic*: `watch` / `rollback` / automatic acts, the mean of "
        f"{years} years, a look a minute; looks less than {ONE_CALL} minutes apart are one. Hiccups: three a week, "
        "of 1 to 3 minutes, in which half to all messages fail. Together: in each minute another rate (correlation "
        f"{RHO:g})."
    )
    return Table("year", caption, ("failures", *(f"{rate:g} a minute" for rate in RATES)), rows)


def delay_table(run: Map, runs: int = 200) -> Table:
    """How late total outages are called."""
    jobs = [(kind, seed) for kind in KINDS for seed in range(runs)]
    found = run(delays, jobs)
    rows = []
    for kind in KINDS:
        columns = zip(*(result for job, result in zip(jobs, found) if job[0] == kind))
        rows.append((kind, *(_middle(list(column), "min") for column in columns)))
    caption = (
        "*From when a stage has matured until it is called*, total outage at two messages a minute: the median, and in "
        f"brackets what 95 % stay below, of {runs} simulations each, through the log reader, a look each ten seconds."
    )
    return Table("delay", caption, ("outage", "not `ok` any more", "`rollback`"), rows)


def proof_table(run: Map, evenings: int = 60) -> Table:
    """How often a recovery is proven by one of many looks."""
    cells = [(rate, spending) for rate in (0.949, HEALTHY, 0.995) for spending in (False, True)]
    jobs = [(rate, seed, spending) for rate, spending in cells for seed in range(evenings)]
    found: Counter[tuple[float, bool]] = Counter()
    for (rate, _seed, spending), proven in zip(jobs, run(_proven, jobs)):
        found[rate, spending] += proven
    rows = []
    for rate in (0.949, HEALTHY, 0.995):
        shares = (found[rate, spending] / evenings for spending in (False, True))
        rows.append((f"{100 * rate:g} %", *(f"{100 * share:.3g} %" for share in shares)))
    caption = (
        "*Evenings in which a recovery is called proven* by one of the looks of two hours, a look a minute, "
        f"{PER_MINUTE} messages a minute, {evenings} evenings each. In the first line each of them is false."
    )
    return Table("proof", caption, ("truly delivered", "each look by itself at 5 %", "5 % spent over the looks"), rows)


def _proven(rate: float, seed: int, spending: bool) -> bool:
    return is_proven(rate, seed, spending=spending)


def day_table(run: Map, stretches: int = 4, number: int = 5) -> Table:
    """What looks at healthy days say."""
    results_ = run(days, [(number, seed, 1200.0) for seed in range(stretches)])
    looks = sum(said.looks for said in results_)
    causes = sum((said.causes for said in results_), Counter[str]())
    ok = sum(said.statuses["ok"] for said in results_)
    rows: list[tuple[str, ...]] = [
        ("`ok`", _share(ok, looks)),
        ("of these quiet, not proven", _share(causes.pop("quiet", 0), looks)),
    ]
    causes.pop("none")
    rows += [(f"`{cause}`", _share(n, looks)) for cause, n in causes.most_common()]
    caption = (
        f"*What is said on healthy days*: {stretches * number} days at 98.5 %, a look each 20 minutes, through the log "
        "reader. Up to 3 messages a minute by day and next to none from midnight to six; expected from "
        f"{OPENS} to {CLOSES} h; the log is rotated each midnight, and the service starts anew once a day."
    )
    return Table("days", caption, ("verdict", f"share of {looks} looks"), rows)


def linger_table(run: Map, runs: int = 200) -> Table:
    """For how long an outage that is over is called."""
    jobs = [(rate, seed, capped) for rate in RATES for capped in (False, True) for seed in range(runs)]
    found = run(_lingers, jobs)
    rows = []
    for rate in RATES:
        cells = []
        for capped in (False, True):
            cells.append([result for job, result in zip(jobs, found) if (job[0], job[2]) == (rate, capped)])
        rows.append((f"{rate:g}", *(_middle(cell, "min") for cell in cells)))
    caption = (
        "*For how long `rollback` is said after an outage of ten minutes has ended*: the median, and in brackets what "
        f"95 % stay below, of {runs} simulations each, a look a minute, at most six hours."
    )
    return Table("linger", caption, ("messages a minute", "without the cap", "with it"), rows)


def _lingers(per_minute: float, seed: int, capped: bool) -> int:
    return lingers(per_minute, seed, capped=capped)


def _number(mean: float) -> str:
    return f"{mean:.0f}" if mean >= 10 or mean == int(mean) else f"{mean:.1f}"


def _share(n: int, looks: int) -> str:
    return f"{100 * n / looks:.2f} %"


def _middle(values: Sequence[float], unit: str) -> str:
    """Median and 95 %, or that it never came to it."""
    order = sorted(values)
    middle, most = order[len(order) // 2], order[min(len(order) - 1, math.ceil(0.95 * len(order)) - 1)]
    if math.isinf(middle):
        return "never"
    return f"{middle:.1f} {unit} ({'more' if math.isinf(most) else f'{most:.1f}'})"


TABLES: dict[str, Callable[[Map], Table]] = {
    "year": year_table,
    "delay": delay_table,
    "linger": linger_table,
    "proof": proof_table,
    "days": day_table,
}


def settings() -> str:
    """What all of the tables rest on; the documentation is out of date as soon as it differs."""
    alternatives = ", ".join(f"{rate:g}" for rate in _stats.ALTERNATIVES)
    return _filled(
        f"Printed by `tests/bench/simulate.py` with q in ({alternatives}), `watch` {WATCH:g}, `rollback` {ROLLBACK:g}, "
        f"a cap of {_stats._CAP} × `rollback`, {_decision.LOOKS} looks before an automatic act, and an error spent "
        f"over {_proofs.LOOKS} windows of {_proofs.WINDOW / 60:g} minutes."
    )


def mark(name: str) -> str:
    """What stands around a table in the documentation."""
    return f"<!-- simulated: {name} -->"


def section(text: str, name: str) -> str:
    """What stands between the marks of this name."""
    return text.split(mark(name))[1].strip("\n")


def write(name: str, content: str) -> None:
    """Put a table between its marks."""
    parts = DOCS.read_text(encoding="utf-8").split(mark(name))
    DOCS.write_text(mark(name).join([parts[0], f"\n\n{content}\n\n", parts[2]]), encoding="utf-8")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="all without one")
    parser.add_argument("--write", action="store_true", help="into docs/verdict.md as well")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    os.nice(10)
    with Pool(options.processes) as pool:
        for name in options.tables or TABLES:
            table = TABLES[name](lambda call, jobs: pool.starmap(call, jobs, chunksize=1))
            print(f"{table}\n", flush=True)
            if options.write:
                write(name, str(table))
    if options.write:
        write("settings", settings())


if __name__ == "__main__":
    main()
