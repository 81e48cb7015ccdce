# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
import time
from itertools import product

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils.log.tallies import Drops, Outcomes, Unanswered
from ansible_collections.kumon.runbook.plugins.module_utils.log.turns import Turns


def failed(ends, people=1000):
    """How many failures are counted of outcomes, one a minute: s(uccess), r(efused number), f(ailed)."""
    outcomes = Outcomes()
    for minute, end in enumerate(ends):
        outcomes.add(2 * minute, minute % people, end != "s", is_number=end == "r")
    minutes = outcomes.by_minute([])
    assert outcomes.recipients([])["failed"] == min(people, sum(failures for _well, failures in minutes.values()))
    return sum(failures for _well, failures in minutes.values())


def test_refused_numbers_that_are_rare_are_the_customers_affair():
    assert failed((24 * "s" + "r") * 40) == 0
    assert failed(50 * "s" + "rr") == 0
    # One customer's number that nobody has, however often that customer writes.
    assert failed("rs" * 40, people=2) == 0


def test_refused_numbers_that_are_no_rarity_are_the_gateways_whatever_stands_between():
    assert failed(200 * "s" + "rrrs" * 40) == 120
    assert failed("rrs" * 40) == 80
    # A long time that was well does not make what is refused now a rarity.
    assert failed(3000 * "s" + "rss" * 40) == 40


def test_four_refused_numbers_in_a_row_are_failures_with_those_before_them():
    assert failed(200 * "s" + 3 * "r" + 100 * "s") == 0
    assert failed(200 * "s" + 4 * "r" + 100 * "s" + "r") == 4
    assert failed(200 * "s" + "rrfrrr" + 100 * "s") == 6


def waiting(events):
    """How many wait of one person's (moment, whether it is an answer), read in this order, and since when."""
    unanswered = Unanswered()
    for moment, is_answer in events:
        if is_answer:
            unanswered.answer(b"ana", moment)
        else:
            unanswered.ask(b"conv_ana", moment, b"ana")
    told = unanswered.told(1000.0, 5.0, 10, str)
    return told["n"], told["longest_wait_seconds"]


def test_who_waits_is_the_same_where_two_workers_write_a_log_each():
    for answers, second in product(product((False, True), repeat=4), product((False, True), repeat=4)):
        events = [(float(moment), is_answer) for moment, is_answer in enumerate(answers)]
        apart = sorted(events, key=lambda event: second[int(event[0])])  # the first file, then the second one
        assert waiting(apart)[0] == waiting(events)[0], (answers, second)
    # An answer that the other worker has given before it is none, and that after it is one.
    assert waiting([(10.0, False), (5.0, True)]) == (1, 990.0)
    assert waiting([(10.0, True), (5.0, False)]) == (0, None)
    assert waiting([(4.0, False), (10.0, False), (5.0, True)]) == (1, 990.0)


@pytest.mark.parametrize(
    ("kept", "counts", "take"),
    [
        (20_000, Unanswered(), lambda counts, person: counts.answer(person, 1.0)),
        (20_000, Drops(60.0), lambda counts, person: counts.answer(person, 1.0)),
        (20_000, Drops(60.0), lambda counts, person: counts.drop(person, 1.0)),
        (50_000, Turns(), lambda counts, person: counts.receive(person, b"", 1.0, False)),
    ],
)
def test_to_drop_the_oldest_takes_no_longer_where_there_are_many(kept, counts, take):
    """Of a plain dictionary the first is looked for behind all that were dropped: six times as long and more."""

    def seconds(first, last):
        people = [b"%d" % n for n in range(first, last)]
        gc.collect()
        gc.disable()  # a search of all that other tests have left would take longer
        try:
            begun = time.process_time()
            for person in people:
                take(counts, person)
            return time.process_time() - begun
        finally:
            gc.enable()

    filling, dropping = seconds(0, kept), seconds(kept, 3 * kept) / 2
    assert dropping < 4 * filling
