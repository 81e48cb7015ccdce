# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks, as ratios within one run: ``bench.py [parser] [decision] [levels] [--lines N]``; without a name, all.

Exits 1 when a limit is not held. Figures of time are noisy; each is the median of several runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import levels
from results import BenchError, Limits

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "bench"
# No command takes longer, not even five million lines on a slow machine.
COMMAND_SECONDS = 600

MEASURE = """
import gc, json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import DEFAULTS, measure
params = {**DEFAULTS, "source": "file", "paths": [sys.argv[2]], "seconds": 600}
params.update(json.loads(sys.argv[3]))
gc.disable()
begun = time.process_time()
traces = measure(params, time.time())
cpu = time.process_time() - begun
print(json.dumps({"cpu": cpu, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                  "records": traces["records"], "read": traces["bytes"]}))
"""


DECIDE = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.kumon.runbook.plugins.plugin_utils._decision import recovery_decision
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import DEFAULTS, measure
params = {**DEFAULTS, "source": "file", "paths": [sys.argv[2]], "seconds": 600}
begun = time.perf_counter()
traces = measure(params, time.time())
decision = recovery_decision(verdict(traces, service_running=True), {}, [], "auto")
seconds = time.perf_counter() - begun
print(json.dumps({"seconds": seconds, "level": decision["level"], "guards": sum(traces["guards"]["outbox"].values()),
                  "incidents": traces["guards"]["incidents"], "reasons": len(decision["reasons"])}))
"""
STORM = 10_000
GUARD = (
    "ERROR:app.core.observability.structured_logging:OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|"
    "planner_after=1|delivery_before=0|conv=conv_5511900000001_20261121_120000|idem=unknown"
)


def median_seconds(run: Callable[[], object], times: int) -> float:
    """Return the median wall time of ``run`` in seconds."""
    seconds = []
    for _n in range(times):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def cpu_seconds(command: list[str]) -> float:
    """Return the processor time of a command and of what it starts; what else runs on the machine hardly changes it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured_by(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured_by(command: list[str]) -> bytes:
    """Return what a measurement in a process of its own prints."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=COMMAND_SECONDS).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise BenchError(str(error)) from error


def measure(log: Path, **params: object) -> dict[str, float]:
    """Measure ``log`` by the module's own code in a process of its own."""
    command = [sys.executable, "-c", MEASURE, str(ROOT / ".ansible/collections"), str(log), json.dumps(params)]
    measured: dict[str, float] = json.loads(measured_by(command))
    return measured


def large_log(lines: int, fillers: int) -> Path:
    """Return a log of so many lines, made once; ``fillers`` are other lines behind each of a turn."""
    CACHE.mkdir(parents=True, exist_ok=True)
    log = CACHE / f"app-{lines}-{fillers}.log"
    if not log.exists():
        partial = log.with_suffix(".partial")
        measured_by([sys.executable, str(HERE / "make_log.py"), str(partial), str(lines), str(fillers)])
        partial.rename(log)
    return log


def parser(limits: Limits, lines: int) -> None:
    """One pass over a large log against the procedures' own pipelines, and a window of it.

    The pipelines are grep and awk and count lines; to pair messages in Python takes longer. The limits are what holds
    that it grows no slower, not what was wished for: as long as the pipelines, and 1.2 times as long.
    """
    for fillers, share, limit in (
        (0, "half of the lines traces", 3.8),
        (5, "a trace in twelve lines, as real logs have", 2.9),
    ):
        log = large_log(lines, fillers)
        print(f"parser: {lines:,} lines, {log.stat().st_size / 1e6:.0f} MB, {share}")
        pipelines = [cpu_seconds(["bash", str(HERE / "procedures.sh"), str(log)]) for _n in range(3)]
        passes = [measure(log) for _n in range(3)]
        best = min(run["cpu"] for run in passes)
        limits.show("the procedures' six pipelines, processor time", min(pipelines), None, " s")
        limits.show("one pass of trace_log_info, processor time", best, None, " s")
        limits.show("one pass / pipelines", best / min(pipelines), limit)
        limits.show("memory of one pass", max(run["megabytes"] for run in passes), 70, " MB")
        window = [measure(log, since="2026-11-21T12:00:00Z", until="2026-11-21T12:15:00Z") for _n in range(3)]
        limits.show("15 minutes of a day / one pass", 100 * min(run["cpu"] for run in window) / best, 1.1, " %")


def decision(limits: Limits) -> None:
    """From a storm of guard lines in the log to the one act that answers it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    log = CACHE / "storm.log"
    measured_by([sys.executable, str(HERE / "make_log.py"), str(log), "50000"])
    with log.open("a", encoding="utf-8") as lines:
        lines.write(f"{GUARD}\n" * STORM)
    print(f"decision: {STORM:,} guard lines behind 50,000 others")
    command = [sys.executable, "-c", DECIDE, str(ROOT / ".ansible/collections"), str(log)]
    runs = [json.loads(measured_by(command)) for _n in range(5)]
    found = runs[0]
    limits.show("guard lines to decision", statistics.median(run["seconds"] for run in runs), 1, " s")
    if (found["level"], found["guards"], found["incidents"]) != (1, STORM, 1):
        limits.broken = True
        print(f"  BROKEN: not one incident that calls for level 1: {found}")


def main() -> int:
    """Run the benchmarks that are named."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument(
        "names", nargs="*", choices=["parser", "decision", "levels", []], metavar="parser|decision|levels"
    )
    arguments.add_argument("--lines", type=int, default=5_000_000)
    given = arguments.parse_args()
    names = given.names or ["parser", "decision", "levels"]
    limits = Limits()
    if "parser" in names:
        with limits.part("parser"):
            parser(limits, given.lines)
    if "decision" in names:
        with limits.part("decision"):
            decision(limits)
    if "levels" in names:
        levels.bench(limits)
    return 1 if limits.broken else 0


if __name__ == "__main__":
    sys.exit(main())
