# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._calendar import (
    Span,
    gaps,
    moment,
    shown,
    spans,
    within,
    zone_of,
)

ZONE = zone_of("America/Sao_Paulo")


@pytest.mark.parametrize(("text", "at"), [
    ("2025-11-27 08:00", "2025-11-27 08:00"),
    ("2025-11-27T08:00:30", "2025-11-27 08:00"),
    ("2025-11-27T11:00Z", "2025-11-27 08:00"),
    ("2025-11-27 12:00+01:00", "2025-11-27 08:00"),
    ("2025-11-27", "2025-11-27 00:00"),
    # What YAML makes of it.
    (datetime(2025, 11, 27, 8), "2025-11-27 08:00"),
    (date(2025, 11, 27), "2025-11-27 00:00"),
])  # fmt: skip
def test_a_time_without_a_zone_is_on_the_teams_clocks(text, at):
    assert shown(moment(text, ZONE), ZONE) == at


def test_a_last_day_is_over_at_midnight():
    (span,) = spans([{"from": "2025-12-24", "to": "2025-12-26", "name": "x"}], ZONE, "name", "rota")
    assert (shown(span.begin, ZONE), shown(span.end, ZONE)) == ("2025-12-24 00:00", "2025-12-27 00:00")


@pytest.mark.parametrize("last", ["9999-12-31", "9999-12-31 23:59", "9999-12-31T23:59Z", date(9999, 12, 31)])
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Pacific/Kiritimati"])
def test_what_has_no_end_is_written_up_to_the_last_year_there_is(last, zone):
    there = ZoneInfo(zone)
    (span,) = spans([{"from": "2025-12-24", "to": last, "reason": "x"}], there, "reason", "freeze")
    assert shown(span.end, there).startswith("9999-12-30")


@pytest.mark.parametrize("text", ["15m", "now", "27/11/2025", ""])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        moment(text, ZONE)


@pytest.mark.parametrize(("rows", "free"), [
    ([], [(10, 20)]),
    ([(0, 30)], []),
    ([(0, 12), (12, 20)], []),
    ([(15, 30), (0, 12)], [(12, 15)]),
    ([(0, 5), (25, 30)], [(10, 20)]),
    ([(0, 18), (11, 12)], [(18, 20)]),
])  # fmt: skip
def test_gaps_are_where_nobody_is(rows, free):
    assert gaps([Span(*row, "x") for row in rows], 10, 20) == free


def test_within_is_any_part_of_it():
    rows = [Span(0, 10, "before"), Span(5, 11, "into"), Span(12, 13, "in"), Span(20, 30, "after")]
    assert [span.label for span in within(rows, 10, 20)] == ["into", "in"]
