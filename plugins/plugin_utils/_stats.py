# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rates with their uncertainty, the sequential test on them, and the sum of several hosts' counts.

Everything here is pure. Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from statistics import NormalDist
from typing import Any, NamedTuple, cast

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Bounds, Minute, Numeric, Rate, Rise, Traces

TARGET = 0.95
"""The share of the messages that has to be delivered, where nothing else is asked for."""

ALTERNATIVES = (0.92, 0.85, 0.60, 0.10)
"""The bad success rates that the detector looks for: slightly, clearly, half and wholly broken."""

LEAVE_BELOW = 10.5
"""`watch` is left when M has stayed below this for `LEAVE_AFTER`.

A round 10 would be out of reach with a message a minute: while all succeed, each L_q falls towards q / (0.95 - q), and
the mean of the four towards 10.25.
"""

LEAVE_AFTER = timedelta(minutes=15)

RISE_RECENT, RISE_BEFORE = 15 * 60, 60 * 60
"""The seconds that a sudden rise is looked for in, and those before them that it is compared with."""

ROLLBACK = 10_000.0
"""The evidence from which to roll back, where nothing else is asked for."""

_CAP = 4
_SAMPLES = 20
_LOST_KEYS = 1000
_TIMESTAMPS = ("own", "inherited", "none")  # from best to worst


def number(value: Any, name: str) -> float:
    """Return `value` as a number; text is taken too, since extra variables and surveys deliver text."""
    try:
        if isinstance(value, bool):
            raise ValueError
        result = float(value)
        if not math.isfinite(result):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, not {_shown(value)}.") from None
    return result


def count(value: Any, name: str) -> int:
    """Return `value` as a whole number that is not negative."""
    result = number(value, name)
    if result < 0 or result != int(result):
        raise ValueError(f"{name} must be a whole number of 0 or more, not {_shown(value)}.")
    return int(result)


def mapping(value: object, name: str) -> dict[str, Any]:
    """Return `value`, which must be a mapping."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a mapping, not {_shown(value)}.")
    return value


def sequence(value: object, name: str) -> list[Any]:
    """Return `value`, which must be a list."""
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{name} must be a list, not {_shown(value)}.")
    return list(value)


def flag(value: object, name: str) -> bool | None:
    """Return `value` as true, false or, where it is nothing, `None`; text is taken too."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("true", "yes", "on", "1"):
            return True
        if text in ("false", "no", "off", "0"):
            return False
        if text in ("", "null", "none"):
            return None
    elif value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{name} must be true or false, not {redact(repr(value))[:40]}.")


def wilson_interval(successes: Numeric, n: Numeric, confidence: Numeric = 0.95) -> Bounds:
    """Return `{low, high}`, between which the true rate lies with the given confidence.

    The score interval of E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal
    of the American Statistical Association 22 (1927) 209-212. Unlike the textbook interval it stays inside 0 to 1, and
    stays honest with few results and with rates near 1. Without any result nothing is known: 0 to 1.
    """
    successes, n = count(successes, "successes"), count(n, "n")
    confidence = number(confidence, "confidence")
    if successes > n:
        raise ValueError(f"successes ({successes}) cannot be more than n ({n}).")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, not {confidence:g}.")
    if n == 0:
        return {"low": 0.0, "high": 1.0}
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    rate = successes / n
    middle = rate + z2 / (2 * n)
    spread = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n)))
    scale = 1 + z2 / n
    # rounding must not move the ends that are exact
    low = 0.0 if successes == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if successes == n else min(1.0, (middle + spread) / scale)
    return {"low": low, "high": high}


def exact_bounds(successes: int, n: int, error: float = 0.05) -> Bounds:
    """Return `{low, high}` of the true rate: each bound by itself is wrong with a chance of at most `error`.

    The exact one-sided bounds of C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated
    in the case of the binomial", Biometrika 26 (1934) 404-413. Unlike Wilson's interval they hold for every n and every
    rate, which is what a proof needs. Without any result nothing is known: 0 to 1.
    """
    successes, n, error = count(successes, "successes"), count(n, "n"), _error(error)
    if successes > n:
        raise ValueError(f"successes ({successes}) cannot be more than n ({n}).")
    return {
        "low": 0.0 if successes == 0 else _solve(lambda rate: _beta(rate, successes, n - successes + 1), error),
        "high": 1.0 if successes == n else _solve(lambda rate: _beta(rate, successes + 1, n - successes), 1 - error),
    }


def sample_needed(failures: int, tolerated: float, error: float = 0.05) -> int:
    """Return the smallest number of results that, with so many failures, proves a failure rate below `tolerated`."""
    failures, tolerated, error = count(failures, "failures"), number(tolerated, "tolerated"), _error(error)
    if not 0 < tolerated < 1:
        raise ValueError(f"tolerated must lie between 0 and 1, such as 0.05, not {tolerated:g}.")

    def proven(n: int) -> bool:
        # P(at most so many failures of n), were the failure rate as high as what is tolerated
        return _beta(1 - tolerated, n - failures, failures + 1) <= error

    enough = 2 * (failures + 1)
    while not proven(enough):
        enough *= 2
    few = failures
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if proven(middle) else (middle, enough)
    return enough


def _error(value: float) -> float:
    error = number(value, "error")
    if not 0 < error < 1:
        raise ValueError(f"error must lie between 0 and 1, such as 0.05, not {error:g}.")
    return error


def _solve(rising: Callable[[float], float], wanted: float) -> float:
    """Return where between 0 and 1 the function `rising` has the value `wanted`."""
    low, high = 0.0, 1.0
    for _step in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b): the chance of a or more successes in a + b - 1 trials.

    By its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22), evaluated by Lentz's method.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below
        return 1.0 - _beta(1.0 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    tiny = 1e-300
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 100_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1.0 + step * d, tiny)
            c = _away(1.0 + step / c, tiny)
            value *= c * d
        if abs(c * d - 1.0) < 1e-13:
            break
    return front * value / a


def _away(value: float, tiny: float) -> float:
    """Return `value`, moved away from 0."""
    return value if abs(value) > tiny else tiny


def delivery_rate(data: Any) -> Rate:
    """Return `{rate, low, high, n}` of whole `traces` or of a list of `minutes`. With no result the rate is `None`."""
    if isinstance(data, dict):
        delivery = mapping(data.get("delivery", data), "traces.delivery")
        success = count(delivery.get("success", 0), "delivery.success")
        failed = count(delivery.get("failed", 0), "delivery.failed")
        failed += count(delivery.get("unconfirmed", 0), "delivery.unconfirmed")
    else:
        rows = merge_minutes([sequence(data, "The input of delivery_rate")])
        success = sum(row["success"] for row in rows)
        failed = sum(row["failed"] for row in rows)
    n = success + failed
    return {"rate": success / n if n else None, **wilson_interval(success, n), "n": n}


class Detector:
    """A Shiryaev-Roberts e-detector: is the success rate below the target?

    For each minute with traffic (s successes, f failures) and each alternative q below the target rate p:

        L_q <- (L_q + 1) * (q / p)^s * ((1 - q) / (1 - p))^f        M = mean of the L_q

    While the true rate is p or better, M grows by at most one a minute on average, so the mean time until M reaches a
    threshold is at least the threshold, in minutes with traffic, however often it is looked at. (J. Shin, A. Ramdas,
    A. Rinaldo, "E-detectors", New England Journal of Statistics in Data Science 2023, doi 10.51387/23-NEJSDS51.)

    Each L_q stops at four times the rollback threshold. That makes no false alarm likelier, since M only gets smaller,
    and it keeps an outage that is over from calling for a rollback for hours: one capped L_q alone still reaches it.
    """

    def __init__(self, target: float = TARGET, rollback: float = ROLLBACK) -> None:
        rates = [q for q in ALTERNATIVES if q < target]
        if not rates or target >= 1:
            raise ValueError(f"target must lie between {ALTERNATIVES[-1]:g} and 1, such as 0.95, not {target:g}.")
        self._largest = _CAP * rollback
        self._weights = [(math.log(q / target), math.log((1 - q) / (1 - target))) for q in rates]
        self._factors: dict[tuple[int, int], list[float]] = {}
        self.levels = [0.0] * len(rates)
        self.evidence = 0.0

    def minute(self, success: int, failed: int) -> float:
        """Take in one minute's outcomes and return M. A minute without traffic says nothing and changes nothing."""
        if success or failed:
            factors = self._factors.get((success, failed))
            if factors is None:
                # logarithms, because 18 ** 300 is beyond a float
                factors = [math.exp(min(700.0, success * up + failed * down)) for up, down in self._weights]
                self._factors[success, failed] = factors
            self.levels = [min(self._largest, (old + 1.0) * factor) for old, factor in zip(self.levels, factors)]
            self.evidence = sum(self.levels) / len(self.levels)
        return self.evidence


class Followed(NamedTuple):
    """What a sequential test says after the last minute."""

    detector: Detector
    watching: bool  # `watch` was reached and not left
    held: int  # looks without a break, the newest included, in which M stood at `rollback` or above
    held_share: float  # what went well in those looks, of all in them
    failing_now: bool  # something went wrong in the newest look


def follow(
    minutes: list[Minute],
    target: float,
    watch: float,
    rollback: float = ROLLBACK,
    outcomes: tuple[str, str] = ("success", "failed"),
) -> Followed:
    """Run the detector over two counts of `minutes` (sorted, each once): what went well, and what did not.

    The threshold is crossed at a moment, but people look at intervals: without memory a lucky message just before a
    look would say `ok` in the middle of an outage. So `watch` holds until M has stayed low for 15 minutes on the clock.
    The last minute of the data is "now": no traffic at all is no proof of a recovery.

    A look is a minute in which there was something to count, however often somebody measures.
    """
    detector = Detector(target, rollback)
    leave_below = min(LEAVE_BELOW, watch)
    watching = failing_now = False
    quiet_since = None
    held = held_well = held_all = 0
    for row in minutes:
        well, wrong = (cast(int, row.get(name) or 0) for name in outcomes)
        now = minute_time(row["minute"])
        if quiet_since is not None and now - quiet_since >= LEAVE_AFTER:
            watching = False
        evidence = detector.minute(well, wrong)
        if evidence >= watch:
            watching = True
        if evidence >= leave_below:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = now
        if well or wrong:
            failing_now = wrong > 0
            held, held_well, held_all = (
                (held + 1, held_well + well, held_all + well + wrong) if evidence >= rollback else (0, 0, 0)
            )
    return Followed(detector, watching, held, held_well / held_all if held_all else 0.0, failing_now)


def failure_rise(minutes: Any, now: float) -> Rise:
    """Compare the failures of the last 15 minutes before `now` (seconds since the epoch) with those of the hour before.

    Returns `{recent: {failed, n}, before: {failed, n}, p, sudden}`. `p` is the chance of so many recent failures or
    more if both had the same rate: R. A. Fisher's exact test, one-sided, which holds for every n. `sudden` is p < 0.01.
    Both are None where one of the two has no outcome at all: then there is nothing to compare.
    """
    spans = {"recent": [0, 0], "before": [0, 0]}
    for row in merge_minutes([sequence(minutes, "minutes")]):
        age = now - minute_time(row["minute"]).replace(tzinfo=timezone.utc).timestamp()
        if 0 <= age < RISE_RECENT + RISE_BEFORE:
            span = spans["recent" if age < RISE_RECENT else "before"]
            span[0] += row["failed"]
            span[1] += row["failed"] + row["success"]
    (recent_failed, recent_n), (before_failed, before_n) = spans["recent"], spans["before"]
    p = None
    if recent_n and before_n:
        failed, n = recent_failed + before_failed, recent_n + before_n
        p = sum(
            math.exp(_log_choose(failed, k) + _log_choose(n - failed, recent_n - k) - _log_choose(n, recent_n))
            for k in range(recent_failed, min(failed, recent_n) + 1)
            if recent_n - k <= n - failed
        )
        p = min(1.0, p)
    return {
        "recent": {"failed": recent_failed, "n": recent_n},
        "before": {"failed": before_failed, "n": before_n},
        "p": p,
        "sudden": None if p is None else p < 0.01,
    }


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def minute_time(text: Any) -> datetime:
    """Read a minute stamp, `YYYY-MM-DDTHH:MMZ`."""
    try:
        return _parsed(text)
    except (TypeError, ValueError):
        raise ValueError(f"A minute must look like 2025-09-04T19:10Z, not {_shown(text)}.") from None


@lru_cache(maxsize=4096)  # each test of a verdict reads the same ones
def _parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%MZ")


def merge_minutes(hosts: list[Any]) -> list[Minute]:
    """Merge several hosts' `minutes` into one sorted list, each minute once, by sums."""
    merged: dict[str, dict[str, Any]] = {}
    for number_, minutes in enumerate(hosts, 1):
        for row in sequence(minutes, f"The minutes of host {number_}"):
            row = mapping(row, f"Each of the minutes of host {number_}")
            stamp: Any = row.get("minute")
            minute_time(stamp)
            total = merged.setdefault(stamp, {"minute": str(stamp), "success": 0, "failed": 0, "lost": 0, "guards": 0})
            for name, value in row.items():
                if name != "minute" and value is not None:  # none: this log's grammar has no such stage
                    total[name] = total.get(name, 0) + count(value, f"{name} of minute {stamp}")
    return [cast(Minute, merged[stamp]) for stamp in sorted(merged)]


def merge_hosts(hosts: Any) -> list[Minute] | Traces:
    """Merge a fleet: `traces` of hosts to `traces`, their `minutes` (one list a host, or all in one) to `minutes`."""
    hosts = sequence(hosts, "The input")
    if hosts and all(isinstance(row, dict) and "minute" in row for row in hosts):
        hosts = [hosts]
    whole = any(isinstance(host, dict) or host is None for host in hosts)
    return merge_traces(hosts) if whole else merge_minutes(hosts)


def merge_traces(hosts: list[Any]) -> Traces:
    """Merge several hosts' `traces` into one, as if one host had logged it all.

    Counts are summed and rates computed anew from the sums: a mean of rates would let a host with two messages outvote
    one with two thousand. The run of failures is the longest of any host, of recipients there are as many as the host
    with most of them has seen, the timestamps are those of the worst host, and so is each part of the evidence.

    `parts` keeps what each host logged: a busy host that is well must not hide a quiet one that is not, so a verdict on
    the whole is a verdict on each of them, too.
    """
    for number_, traces in enumerate(hosts, 1):
        if not mapping(traces, f"The traces of host {number_}").get("delivery"):
            raise ValueError(
                f"Host {number_} has no traces; judge it by itself (it is blind) and merge only hosts that were read."
            )
    counted = [{**host, "parts": None} for host in hosts]
    silent = [host for host in counted if not (host.get("records") or host.get("undated"))]
    if len(silent) < len(counted):
        for host in silent:  # no time is missing there
            host.pop("timestamps", None)
    merged: Traces = _sum(counted, "traces")
    delivery = merged["delivery"]
    rate = delivery_rate(merged)["rate"]
    delivery["success_rate"] = None if rate is None else round(rate, 6)
    del merged["parts"]
    if len(hosts) > 1:
        merged["parts"] = [part for host in hosts for part in host.get("parts") or [host]]
    return merged


def _sum(values: list[Any], path: str) -> Any:
    """Merge what stands at one place of several hosts' traces: numbers and nested counts by sums, the rest by what its
    name says."""
    values = [value for value in values if value is not None]
    name = path.rpartition(".")[2]
    if path in _SPECIAL:
        return _SPECIAL[path](values)
    if not values:
        return None
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(key for value in values for key in value)
        return {key: _sum([value[key] for value in values if key in value], f"{path}.{key}") for key in names}
    if all(isinstance(value, (list, tuple)) for value in values):
        return [item for value in values for item in value]
    if all(isinstance(value, bool) for value in values):
        return any(values)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return sum(values)
    if all(isinstance(value, str) for value in values):
        return ", ".join(dict.fromkeys(values))
    raise ValueError(f"{path} has a different type on different hosts; {name} cannot be merged.")


def _worst_timestamps(values: list[Any]) -> str:
    for value in values:
        if value not in _TIMESTAMPS:
            raise ValueError(f"traces.timestamps must be one of {', '.join(_TIMESTAMPS)}, not {_shown(value)}.")
    worst: str = max(values, key=_TIMESTAMPS.index)
    return worst


def _longest_run(values: list[Any]) -> dict[str, int]:
    runs = [
        {name: count(run.get(name, 0), f"delivery.run.{name}") for name in ("failures", "recipients")}
        for run in (mapping(value, "traces.delivery.run") for value in values)
    ]
    return max(runs, key=lambda run: (run["failures"], run["recipients"]), default={"failures": 0, "recipients": 0})


def _newest(values: list[Any]) -> list[Any]:
    samples = [item for value in values for item in sequence(value, "traces.samples")]
    samples.sort(key=lambda item: str(item.get("time") or "") if isinstance(item, dict) else "", reverse=True)
    return samples[:_SAMPLES]


def _worst_evidence(values: list[Any]) -> Any:
    """One part of the evidence, of the host where it is worst: not good, then oldest, then least covered."""

    def badness(part: dict[str, Any]) -> tuple[bool, float, float]:
        known = mapping(part, "traces.evidence")
        return (known.get("ok") is False, known.get("age_seconds") or 0.0, -(known.get("covered_seconds") or 0.0))

    return max(values, key=badness, default=None)


def _most(values: list[Any]) -> Any:
    return max(values, default=None)


def _earliest(values: list[Any]) -> Any:
    return min(values, key=str, default=None)


def _latest(values: list[Any]) -> Any:
    return max(values, key=str, default=None)


_SPECIAL: dict[str, Callable[[list[Any]], Any]] = {
    "traces.first": _earliest,
    "traces.last": _latest,
    "traces.window.since": _earliest,
    "traces.window.until": _latest,
    "traces.measured": _earliest,
    "traces.critical.last": _latest,
    "traces.timestamps": _worst_timestamps,
    "traces.minutes": merge_minutes,
    "traces.delivery.run": _longest_run,
    "traces.stages.repeated_most": _most,
    # Some write to several hosts, and nobody knows who: there are at least so many people as one host has seen.
    **{
        f"traces.recipients.{name}": _most
        for name in ("success", "failed", "contradicting", "unplanned", "unread", "unsent")
    },
    "traces.delivery.success_rate": lambda values: None,  # computed anew from the sums
    "traces.handoff.lost_keys": lambda values: [key for value in values for key in value][:_LOST_KEYS],
    "traces.samples.failures": _newest,
    "traces.samples.guards": _newest,
    "traces.samples.lost": _newest,
    **{f"traces.last_event.{name}": _latest for name in ("received", "planned", "read", "sent", "settled", "guard")},
    **{f"traces.evidence.{name}": _worst_evidence for name in ("fresh", "covered", "owned", "understood")},
    "traces.heartbeat": _worst_evidence,
    **{f"traces.grace.{name}": _most for name in ("read", "sent", "settled")},
    "traces.delays.planned_sent": _most,
    "traces.unanswered.longest_wait_seconds": _most,
}


def _shown(value: object) -> str:
    """A value as an error message shows it: short, and without what could be somebody's number or secret."""
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(str(value)[:40])


def nothing_dated(traces: Mapping[str, Any]) -> bool:
    """Whether a window was asked of a log without times: its zeros then say nothing."""
    return not traces.get("records") and bool(traces.get("undated"))
