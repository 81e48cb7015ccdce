# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import math
import random
from collections import deque
from statistics import mean, median

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils import _stats
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    ALTERNATIVES,
    LEAVE_BELOW,
    Detector,
    delivery_rate,
    exact_bounds,
    follow,
    merge_minutes,
    merge_traces,
    sample_needed,
    wilson_interval,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

WATCH, ROLLBACK = 300, 10_000
MONTH = 30 * 24 * 60  # minutes


# -- intervals and rates ---------------------------------------------------------------------------------------------


def tail(a, n, rate):
    """The chance of a or more successes, by the definition."""
    return sum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(a, n + 1))


@pytest.mark.parametrize("n", [1, 2, 7, 59, 300])
@pytest.mark.parametrize("error", [0.01, 0.05, 0.3])
def test_exact_bounds_are_where_the_tail_of_the_binomial_has_the_error(n, error):
    for successes in range(0, n + 1, max(1, n // 9)):
        bounds = exact_bounds(successes, n, error)
        assert 0 <= bounds["low"] <= successes / n <= bounds["high"] <= 1
        assert successes == 0 or tail(successes, n, bounds["low"]) == pytest.approx(error, rel=1e-9)
        assert successes == n or 1 - tail(successes + 1, n, bounds["high"]) == pytest.approx(error, rel=1e-9)


def test_exact_bounds_without_and_with_very_many_results():
    assert exact_bounds(0, 0) == {"low": 0.0, "high": 1.0}
    assert exact_bounds(20, 20)["high"] == 1.0
    # by then the normal approximation is good to the fourth digit
    assert exact_bounds(950_000, 1_000_000)["low"] == pytest.approx(0.95 - 1.6449 * math.sqrt(0.0475 / 1e6), abs=5e-6)


@pytest.mark.parametrize(
    ("failures", "tolerated", "needed"),
    [(0, 0.05, 59), (1, 0.05, 93), (2, 0.05, 124), (0, 0.01, 299), (1, 0.01, 473), (0, 0.5, 5), (3, 0.95, 5)],
)
def test_the_sample_that_is_needed_is_the_smallest_that_proves(failures, tolerated, needed):
    assert sample_needed(failures, tolerated) == needed
    for n, proven in ((needed - 1, False), (needed, True)):
        assert (exact_bounds(failures, n)["high"] <= tolerated) is proven
        assert (1 - tail(failures + 1, n, tolerated) <= 0.05) is proven


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_bounds(3, 2), "successes (3) cannot be more than n (2)."),
        (lambda: exact_bounds(1, 2, 0), "error must lie between 0 and 1, such as 0.05, not 0."),
        (lambda: sample_needed(-1, 0.05), "failures must be a whole number of 0 or more, not '-1'."),
        (lambda: sample_needed(0, 1), "tolerated must lie between 0 and 1, such as 0.05, not 1."),
    ],
)
def test_bounds_refuse_what_makes_no_sense(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # from the formula by hand; 81 of 263 is the worked example in Newcombe, Statistics in Medicine 17 (1998) 857-872
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_of_published_examples(successes, n, low, high):
    interval = wilson_interval(successes, n)
    assert (round(interval["low"], 4), round(interval["high"], 4)) == (low, high)


def test_wilson_interval_at_the_ends():
    assert wilson_interval(0, 0) == {"low": 0.0, "high": 1.0}
    for n in range(1, 200):
        assert wilson_interval(0, n)["low"] == 0.0
        assert wilson_interval(n, n)["high"] == 1.0
    assert wilson_interval("92", "100", "0.95") == wilson_interval(92, 100)
    assert wilson_interval(92, 100, 0.99)["low"] < wilson_interval(92, 100, 0.95)["low"]


def test_wilson_interval_covers_the_true_rate_as_often_as_it_says():
    for rate in (0.5, 0.95, 0.985):
        n, covered = 100, 0.0
        for k in range(n + 1):
            interval = wilson_interval(k, n)
            if interval["low"] <= rate <= interval["high"]:
                covered += math.comb(n, k) * rate**k * (1 - rate) ** (n - k)
        assert 0.93 < covered < 0.99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 1), "successes (2) cannot be more than n (1)."),
        ((-1, 1), "successes must be a whole number of 0 or more, not '-1'."),
        ((0.5, 1), "successes must be a whole number of 0 or more, not '0.5'."),
        (("many", 1), "successes must be a number, not 'many'."),
        ((True, 1), "successes must be a number, not 'True'."),
        ((None, 1), "successes must be a number, not nothing."),
        (([], 1), "successes must be a number, not a list."),
        ((1, float("inf")), "n must be a number, not 'inf'."),
        ((1, 2, 95), "confidence must lie between 0 and 1, such as 0.95, not 95."),
    ],
)
def test_wilson_interval_refuses(arguments, message):
    with pytest.raises(ValueError) as error:
        wilson_interval(*arguments)
    assert str(error.value) == message


def test_delivery_rate_of_traces_counts_unconfirmed_as_failed():
    rate = delivery_rate({"delivery": {"success": 90, "failed": 8, "unconfirmed": 2}})
    assert (rate["rate"], rate["n"]) == (0.9, 100)
    assert {key: rate[key] for key in ("low", "high")} == wilson_interval(90, 100)


def test_delivery_rate_of_minutes():
    rate = delivery_rate([row(0, 3, 1), row(1, 0, 0), row(2, 5, 1)])
    assert (rate["rate"], rate["n"]) == (0.8, 10)


@pytest.mark.parametrize("nothing", [{}, [], {"delivery": {"success": 0, "failed": 0}}])
def test_delivery_rate_of_nothing_is_unknown(nothing):
    assert delivery_rate(nothing) == {"rate": None, "low": 0.0, "high": 1.0, "n": 0}


# -- the detector ----------------------------------------------------------------------------------------------------


def test_detector_is_the_formula():
    detector = Detector()
    levels = [0.0] * 4
    for s, f in [(2, 0), (0, 2), (0, 0), (1, 1), (30, 0), (0, 3)]:
        evidence = detector.minute(s, f)
        if s + f:
            levels = [(x + 1) * (q / 0.95) ** s * ((1 - q) / 0.05) ** f for x, q in zip(levels, (0.92, 0.85, 0.6, 0.1))]
        assert evidence == pytest.approx(sum(levels) / 4, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("target", [0.95, 0.9, 0.99])
def test_evidence_grows_by_one_a_minute_on_average_at_the_target(n, target):
    """What the guarantee rests on, exactly: at the target rate the mean of M after a minute is M + 1."""
    assert expected_growth(Detector, n, target) == pytest.approx(1, rel=1e-9)


def expected_growth(make, n, target):
    state = make(target, math.inf)
    for s, f in [(5, 0), (1, 1), (3, 1)]:
        before = state.minute(s, f)
    after = 0.0
    for s in range(n + 1):
        ahead = copy.copy(state)
        after += math.comb(n, s) * target**s * (1 - target) ** (n - s) * ahead.minute(s, n - s)
    return after - before


def test_detector_survives_any_count():
    detector = Detector()
    detector.minute(0, 10**6)
    assert detector.evidence == 4 * ROLLBACK
    detector.minute(10**6, 0)
    assert 0 <= detector.evidence < 1e-3


def test_the_cap_only_makes_the_evidence_smaller_and_an_alarm_over_sooner():
    capped, free = Detector(), Detector(rollback=math.inf)
    for s, f in [(2, 0)] * 60 + [(0, 2)] * 10:
        assert capped.minute(s, f) <= free.minute(s, f)
    ended = {}
    for name, detector in (("capped", capped), ("free", free)):
        ended[name] = 0
        while detector.evidence >= ROLLBACK:
            detector.minute(2, 0)
            ended[name] += 1
    assert ended["capped"] <= 6 < 50 < ended["free"]  # minutes at two messages a minute, after an outage of ten


def test_held_counts_looks_without_a_break_and_no_empty_minutes():
    fine, bad = [row(m, 2) for m in range(30)], [row(30, 0, 2), row(31, 0, 2), row(32), row(33, 0, 2)]
    found = follow([*fine, *bad], 0.95, WATCH)
    assert (found.held, found.held_share, found.failing_now) == (2, 0.0, True)
    over = follow([*fine, *bad, row(34, 20)], 0.95, WATCH)
    assert (over.held, over.failing_now) == (0, False)


def test_any_two_counts_of_a_minute_can_be_followed():
    rows = [row(m, 2, unread=2, read=0) for m in range(3)]
    assert follow(rows, 0.95, WATCH, ROLLBACK, ("read", "unread")).held == 2
    assert follow(rows, 0.95, WATCH).held == 0


def test_alternatives_that_are_no_worse_than_the_target_are_left_out():
    assert len(Detector(0.9).levels) == 3
    assert Detector(0.9).minute(100, 0) < 1  # a rate of 1 is no evidence against 0.9


@pytest.mark.parametrize("target", [0.1, 0.0, 1.0, 95])
def test_detector_refuses_a_target_that_is_none(target):
    with pytest.raises(ValueError, match=r"^target must lie between 0.1 and 1, such as 0.95, not "):
        Detector(target)


# -- years of traffic ------------------------------------------------------------------------------------------------


def minutes_to_alarm(make, rng, rate, threshold, messages, limit=30_000):
    """Minutes with traffic until M reaches the threshold, or the limit; `messages` draws how many a minute brings."""
    detector, minutes = make(), 0
    while minutes < limit:
        n = messages(rng)
        if n:
            minutes += 1
            s = sum(rng.random() < rate for _n in range(n))
            if detector.minute(s, n - s) >= threshold:
                break
    return minutes


def two(_rng):
    return 2


def bursts(rng):
    return rng.choice((0, 0, 1, 1, 2, 3, 8))


def mean_time_to_false_watch(make, messages=two):
    rng = random.Random(1)
    return mean(minutes_to_alarm(make, rng, 0.95, WATCH, messages) for _n in range(400))


@pytest.mark.parametrize("messages", [two, bursts, lambda _rng: 1])
def test_false_watch_at_exactly_the_target_is_rarer_than_the_threshold(messages):
    assert mean_time_to_false_watch(Detector, messages) >= WATCH  # measured: 470 to 680


def test_false_rollback_at_exactly_the_target_is_rarer_than_the_threshold():
    """Each run is cut at 30,000 minutes, which can only shorten the mean. Measured: 14,000; 2 years in all."""
    rng = random.Random(2)
    runs = [minutes_to_alarm(Detector, rng, 0.95, ROLLBACK, two) for _n in range(80)]
    assert mean(runs) >= ROLLBACK


def healthy_alarms(rng, rate, years):
    """False alarms (watch, rollback) in years at two messages a minute.

    The minutes between two failures all succeed; then each L_q follows L <- (L + 1) r, and k of them are one step:
    L r^k + r (1 - r^k) / (1 - r). Meanwhile M falls, or rises to at most 10.25, so alarms begin at failures only.
    """
    detector = Detector()
    ratios = [(q / 0.95) ** 2 for q in ALTERNATIVES]
    any_failure = 1 - rate**2
    both_fail = (1 - rate) ** 2 / any_failure
    minutes = watches = rollbacks = 0
    watching = rolling = False
    while minutes < years * 12 * MONTH:
        k = int(math.log(1 - rng.random()) / math.log(1 - any_failure))
        minutes += k + 1
        detector.levels = quiet(detector.levels, ratios, k)
        if sum(detector.levels) / 4 < LEAVE_BELOW:
            watching = rolling = False
        evidence = detector.minute(0, 2) if rng.random() < both_fail else detector.minute(1, 1)
        watches += evidence >= WATCH and not watching
        rollbacks += evidence >= ROLLBACK and not rolling
        watching = watching or evidence >= WATCH
        rolling = rolling or evidence >= ROLLBACK
    return watches, rollbacks


def quiet(levels, ratios, k):
    return [level * r**k + r * (1 - r**k) / (1 - r) for level, r in zip(levels, ratios)]


def test_the_jump_over_quiet_minutes_is_what_the_detector_does():
    detector = Detector()
    detector.minute(0, 2)
    jumped = quiet(detector.levels, [(q / 0.95) ** 2 for q in ALTERNATIVES], 50)
    for _n in range(50):
        detector.minute(2, 0)
    assert detector.levels == pytest.approx(jumped, rel=1e-9)


def test_no_false_rollback_in_years_of_healthy_traffic():
    years = 50
    watches, rollbacks = healthy_alarms(random.Random(3), 0.985, years)
    # measured over 100 years at 98.5 %: 820 times watch (each 6 weeks), 2 times rollback
    assert rollbacks <= years / 10
    assert watches <= years * 12


def test_the_naive_rule_cries_wolf_hundreds_of_times_a_month():
    rng = random.Random(4)
    last = deque(maxlen=5)
    alarms, was_below = 0, False
    for _n in range(3 * MONTH):
        last.append(sum(rng.random() < 0.985 for _n in range(2)))
        below = sum(last) / (2 * len(last)) < 0.95
        alarms += below and not was_below
        was_below = below
    assert alarms / 3 > 500  # measured: 1,100


def minutes_to_detect(make, loss, threshold=ROLLBACK):
    """Detection times at two messages a minute, after an hour of healthy traffic."""
    rng = random.Random(5)
    times = []
    for _n in range(500):
        detector = make()
        for _n in range(60):
            s = sum(rng.random() < 0.985 for _n in range(2))
            detector.minute(s, 2 - s)
        minutes = 0
        while detector.evidence < threshold or not minutes:
            s = sum(rng.random() >= loss for _n in range(2))
            detector.minute(s, 2 - s)
            minutes += 1
            if minutes == 1000:
                break
        times.append(minutes)
    return times


@pytest.mark.parametrize(("loss", "shortest", "longest"), [(1.0, 2, 2), (0.5, 5, 7), (0.2, 24, 32)])
def test_outages_are_called_in_time(loss, shortest, longest):
    """Measured medians (means): 2 (2), 6 (6.5), 28 (30) minutes."""
    times = minutes_to_detect(Detector, loss)
    assert shortest <= median(times) <= longest
    assert shortest <= mean(times) <= longest


class Forgetful(Detector):
    """Without the + 1: a sequential likelihood ratio, that a healthy past makes blind."""

    def minute(self, success, failed):
        self.levels = [level - 1.0 if any(self.levels) else 0.0 for level in self.levels]
        return super().minute(success, failed)


class Hasty(Detector):
    """The largest instead of the mean: four chances of a false alarm."""

    def minute(self, success, failed):
        super().minute(success, failed)
        self.evidence = max(self.levels)
        return self.evidence


def test_a_wrong_detector_would_be_noticed():
    assert expected_growth(Forgetful, 2, 0.95) == pytest.approx(0, abs=1e-9)
    assert median(minutes_to_detect(Forgetful, 0.2)) > 32
    assert expected_growth(Hasty, 2, 0.95) != pytest.approx(1, rel=1e-3)
    assert mean_time_to_false_watch(Hasty) < WATCH


# -- watch has a memory ----------------------------------------------------------------------------------------------


def row(minute, success=0, failed=0, **more):
    stamp = f"2025-09-{4 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}Z"
    return {"minute": stamp, "success": success, "failed": failed, "lost": 0, "guards": 0, **more}


def watching(rows):
    return follow(rows, 0.95, WATCH)[1]


def test_watch_is_left_after_15_minutes_on_the_clock_below_the_level():
    rows = [row(m, 2) for m in range(30)] + [row(30, 0, 2), row(31, 1, 1)]
    assert watching(rows)
    minute = 32
    while follow(rows, 0.95, WATCH)[0].evidence >= LEAVE_BELOW:
        rows.append(row(minute, 2))
        assert watching(rows)
        minute += 1
        assert minute < 200
    low_since = minute - 1
    for minute in range(low_since + 1, low_since + 15):
        rows.append(row(minute, 2))
        assert watching(rows), minute - low_since
    rows.append(row(low_since + 15, 2))
    assert not watching(rows)


def test_a_gap_in_the_traffic_counts_by_the_clock_once_traffic_is_back():
    rows = [row(0, 0, 3), *(row(m, 5) for m in range(1, 60))]
    low = next(n for n in range(1, 60) if follow(rows[:n], 0.95, WATCH)[0].evidence < LEAVE_BELOW)
    assert watching(rows[:low])  # the end of the data is now: silence is no recovery
    assert not watching([*rows[:low], row(low + 20, 5)])


def test_a_new_failure_starts_the_quiet_minutes_again():
    rows = [row(0, 0, 3), *(row(m, 5) for m in range(1, 60))]
    low = next(n for n in range(1, 60) if follow(rows[:n], 0.95, WATCH)[0].evidence < LEAVE_BELOW)
    again = [*rows[: low + 10], row(low + 10, 0, 1)]
    assert follow(again, 0.95, WATCH)[0].evidence >= LEAVE_BELOW
    assert watching([*again, *(row(m, 5) for m in range(low + 11, low + 20))])


def test_watch_can_be_left_with_a_single_message_a_minute():
    """While all succeed M falls to 10.25 there, and no lower: with a round 10 watch would last for ever."""
    rows = [row(0, 0, 3), *(row(m, 1) for m in range(1, 500))]
    assert follow(rows, 0.95, WATCH)[0].evidence > 10
    assert not watching(rows)


# -- several hosts ---------------------------------------------------------------------------------------------------


def test_minutes_are_summed_by_minute_and_sorted():
    a = [row(0, 5, 1, lost=1), row(2, 1, 0)]
    b = [row(2, 3, 4, guards=2), row(1, 1, 1)]
    before = copy.deepcopy((a, b))
    assert merge_minutes([a, b]) == [row(0, 5, 1, lost=1), row(1, 1, 1), row(2, 4, 4, guards=2)]
    assert (a, b) == before
    assert merge_minutes([]) == []


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        (["x"], "The minutes of host 1 must be a list, not 'x'."),
        ([[], [1]], "Each of the minutes of host 2 must be a mapping, not '1'."),
        ([[{"success": 1}]], "A minute must look like 2025-09-04T19:10Z, not nothing."),
        ([[row(0, -1)]], "success of minute 2025-09-04T00:00Z must be a whole number of 0 or more, not '-1'."),
    ],
)
def test_minutes_that_are_none_are_refused(hosts, message):
    with pytest.raises(ValueError) as error:
        merge_minutes(hosts)
    assert str(error.value) == message


def host(success, failed, **more):
    return {
        "lines": 10,
        "bytes": 1000,
        "records": 8,
        "first": None,
        "last": None,
        "timestamps": "own",
        "window": {"since": None, "until": None},
        "delivery": {
            "success": success,
            "failed": failed,
            "sent": success + failed,
            "success_rate": 0.123,
            "failed_by_http": {"500": failed},
            "unconfirmed": 0,
            "run": {"failures": 0, "recipients": 0},
        },
        "handoff": {"planned": 1, "read": 1, "lost": 0, "unread": 0, "lost_keys": [], "state_mismatches": 0},
        "guards": {"outbox": {}, "instance": {}, "incidents": 0},
        "instances": {"seen": {"kumon": 1}, "invalid": {}, "unexpected": {}},
        "minutes": [row(0, success, failed)],
        "samples": {"failures": [], "guards": [], "lost": []},
        **more,
    }


def sample(minute, line="x"):
    return {"time": None if minute is None else f"2025-09-04T19:{minute:02}:00.000Z", "line": line}


def test_traces_are_merged_by_sums_and_never_by_averaging_rates():
    a = host(
        1,
        1,
        first="2025-09-04T19:00:00Z",
        last="2025-09-04T19:30:00Z",
        timestamps="inherited",
        window={"since": "2025-09-04T19:00:00Z", "until": None},
        guards={"outbox": {"handoff_violation": 2}, "instance": {}, "incidents": 1, "other_levels": {"info": 1}},
        samples={"failures": [sample(9), sample(2), sample(None)], "guards": [], "lost": []},
    )
    a["delivery"]["run"] = {"failures": 3, "recipients": 2}
    a["handoff"]["lost_keys"] = [{"conv": "a", "idem": "1", "planner": 1, "delivery": 0}]
    b = host(
        998,
        0,
        first="2025-09-04T18:00:00Z",
        last="2025-09-04T19:10:00Z",
        guards={"outbox": {"handoff_violation": 1, "empty_outbox": 4}, "instance": {}, "incidents": 2},
        samples={"failures": [sample(5)], "guards": [sample(1)], "lost": []},
    )
    b["delivery"]["run"] = {"failures": 1, "recipients": 1}
    b["delivery"]["failed_by_http"] = {"500": 0, "unknown": 2}
    b["handoff"]["lost_keys"] = [{"conv": "b", "idem": "2", "planner": 1, "delivery": 0}]
    before = copy.deepcopy((a, b))
    merged = merge_traces([a, b])
    assert (a, b) == before
    assert (merged["lines"], merged["bytes"], merged["records"]) == (20, 2000, 16)
    assert (merged["first"], merged["last"]) == ("2025-09-04T18:00:00Z", "2025-09-04T19:30:00Z")
    assert merged["timestamps"] == "inherited"
    assert merged["window"] == {"since": "2025-09-04T19:00:00Z", "until": None}
    assert merged["delivery"] == {
        "success": 999,
        "failed": 1,
        "sent": 1000,
        "success_rate": 0.999,  # the mean of the two rates would be 0.75
        "failed_by_http": {"500": 1, "unknown": 2},
        "unconfirmed": 0,
        "run": {"failures": 3, "recipients": 2},
    }
    assert merged["guards"] == {
        "outbox": {"handoff_violation": 3, "empty_outbox": 4},
        "instance": {},
        "incidents": 3,
        "other_levels": {"info": 1},
    }
    assert merged["instances"]["seen"] == {"kumon": 2}
    assert merged["minutes"] == [row(0, 999, 1)]
    assert [key["conv"] for key in merged["handoff"]["lost_keys"]] == ["a", "b"]
    assert merged["samples"]["failures"] == [sample(9), sample(5), sample(2), sample(None)]


def test_the_most_copies_of_an_answer_are_those_of_one_host():
    stages = [{"sent": 9, "repeated": 3, "repeated_most": most} for most in (3, 2)]
    merged = merge_traces([host(0, 0, stages=one) for one in stages])
    assert merged["stages"] == {"sent": 18, "repeated": 6, "repeated_most": 3}


def test_whom_a_fleet_has_not_reached_is_at_least_whom_one_host_has_not():
    names = ("success", "failed", "contradicting", "unplanned", "unread", "unsent")
    hosts = [host(9, 8, recipients=dict.fromkeys(names, people)) for people in (1, 2, 1)]
    assert merge_traces(hosts)["recipients"] == dict.fromkeys(names, 2)


def test_one_customers_phone_is_no_outage_of_a_fleet():
    hosts = [host(2, 8, recipients={"success": 2, "failed": 1}) for _host in range(3)]
    for one in hosts:
        one["minutes"] = [row(minute, 0, 1) for minute in range(8)] + [row(9, 2, 0)]
    assert verdict(hosts[0])["status"] == verdict(merge_traces(hosts))["status"] == "watch"


def test_one_host_merged_is_itself():
    one = host(3, 1)
    one["delivery"]["success_rate"] = 0.75
    assert merge_traces([one]) == one


def test_worst_timestamps_and_no_results():
    merged = merge_traces([host(0, 0), host(0, 0, timestamps="none"), host(0, 0, timestamps="inherited")])
    assert merged["timestamps"] == "none"
    # A host that wrote nothing in the window lacks no time; one whose records have none does.
    silent = host(0, 0, records=0, timestamps="none")
    assert merge_traces([host(0, 0), silent])["timestamps"] == "own"
    assert merge_traces([silent, silent])["timestamps"] == "none"
    assert merge_traces([host(0, 0), {**silent, "undated": 3}])["timestamps"] == "none"
    assert merged["delivery"]["success_rate"] is None


def test_a_stage_that_a_grammar_lacks_is_not_counted():
    assert "read" not in merge_minutes([[row(0, 1, read=None)]])[0]
    assert merge_minutes([[row(0, 1, read=None)], [row(0, 1, read=2)]])[0]["read"] == 2


def test_a_fleet_keeps_what_each_host_logged():
    hosts = [host(3, 1), host(5, 0), host(1, 1)]
    merged = merge_traces([merge_traces(hosts[:2]), hosts[2]])
    assert merged["parts"] == hosts
    assert (merged["delivery"]["success"], merged["delivery"]["failed"]) == (9, 2)


def test_the_evidence_of_a_fleet_is_that_of_the_worst_host():
    def evidence(ok, age):
        return {"evidence": {"fresh": {"ok": ok, "age_seconds": age}, "owned": None}, "last_event": {"read": f"T{age}"}}

    merged = merge_traces([host(1, 0, **evidence(True, 90)), host(1, 0, **evidence(False, 5)), host(1, 0)])
    assert merged["evidence"] == {"fresh": {"ok": False, "age_seconds": 5}, "owned": None}
    assert merged["last_event"] == {"read": "T90"}


def test_samples_are_bounded():
    many = host(1, 0, samples={"failures": [sample(m) for m in range(40, 20, -1)], "guards": [], "lost": []})
    merged = merge_traces([many, many])
    assert len(merged["samples"]["failures"]) == _stats._SAMPLES == 20
    assert merged["samples"]["failures"][0] == sample(40)


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        (
            [host(1, 1), {}],
            "Host 2 has no traces; judge it by itself (it is blind) and merge only hosts that were read.",
        ),
        ([None], "The traces of host 1 must be a mapping, not nothing."),
        (
            [host(1, 1), host(1, 1, lines="x")],
            "traces.lines has a different type on different hosts; lines cannot be merged.",
        ),
        ([host(1, 1, timestamps="good")], "traces.timestamps must be one of own, inherited, none, not 'good'."),
    ],
)
def test_a_host_that_cannot_be_merged_is_an_error(hosts, message):
    with pytest.raises(ValueError) as error:
        merge_traces(hosts)
    assert str(error.value) == message


def test_of_a_fleet_the_last_critical_event_and_the_first_look_count():
    def host(last, measured):
        return {"delivery": {"success": 1}, "critical": {"last": last}, "measured": measured}

    hosts = [host("2025-09-04T19:10:00.000Z", "2025-09-04T19:12:01.000Z"), host(None, "2025-09-04T19:12:00.000Z")]
    merged = merge_traces([*hosts, host("2025-09-04T19:11:00.000Z", "2025-09-04T19:12:02.000Z")])
    assert merged["critical"] == {"last": "2025-09-04T19:11:00.000Z"}
    assert merged["measured"] == "2025-09-04T19:12:00.000Z"
    assert merge_traces([host(None, "x")])["critical"] == {"last": None}


def rows(*counts):
    """Minutes from 12:00 on, each (minutes after it, success, failed)."""
    return [
        {"minute": f"2026-11-20T{12 + after // 60:02d}:{after % 60:02d}Z", "success": success, "failed": failed}
        for after, success, failed in counts
    ]


NOON = 1795176000.0


def test_a_sudden_rise_is_told_from_chance_by_fishers_exact_test():
    rise = _stats.failure_rise(rows((10, 90, 10), (70, 50, 50)), NOON + 75 * 60)
    assert rise["recent"] == {"failed": 50, "n": 100}
    assert rise["before"] == {"failed": 10, "n": 100}
    assert rise["sudden"] is True
    # R: fisher.test(matrix(c(3, 7, 1, 9), 2), alternative = "greater")
    few = _stats.failure_rise(rows((10, 9, 1), (70, 7, 3)), NOON + 75 * 60)
    assert few["p"] == pytest.approx(0.2910217, abs=1e-6)
    assert few["sudden"] is False


def test_a_rise_needs_something_to_be_compared_with():
    assert _stats.failure_rise(rows((70, 0, 50)), NOON + 75 * 60)["sudden"] is None
    assert _stats.failure_rise([], NOON)["p"] is None


def test_a_rise_looks_at_no_more_than_its_75_minutes():
    rise = _stats.failure_rise(rows((1, 0, 7), (2, 5, 0), (62, 4, 1), (77, 0, 9)), NOON + 76 * 60)
    assert rise["before"] == {"failed": 0, "n": 5}
    assert rise["recent"] == {"failed": 1, "n": 5}
