# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._hours import Hours

SCHOOL = "08:00-19:00 mon-fri; 08:00-12:00 sat"
SAO_PAULO = "America/Sao_Paulo"


def at(text: str, zone: str = SAO_PAULO) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


# 2026-11-27 is a Friday.
@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        ("2026-11-27T10:00", "2026-11-27T10:30", 0.5),
        ("2026-11-27T18:58", "2026-11-28T02:00", 2 / 60),
        # The night does not count, the five minutes since the doors opened do.
        ("2026-11-26T19:00", "2026-11-27T08:05", 5 / 60),
        ("2026-11-27T14:00", "2026-11-27T23:00", 5),
        ("2026-11-28T11:00", "2026-11-30T09:00", 2),
        ("2026-11-29T00:00", "2026-11-29T23:59", 0),
        ("2026-11-23T00:00", "2026-11-30T00:00", 59),
        ("2026-11-27T10:30", "2026-11-27T10:00", 0),
    ],
)
def test_only_time_within_the_hours_counts(begin, end, hours):
    assert Hours(SCHOOL, SAO_PAULO).seconds(at(begin), at(end)) == pytest.approx(hours * 3600)


def test_hours_are_those_of_the_zone():
    noon = at("2026-11-27T12:00")
    assert Hours("12:00-13:00", SAO_PAULO).seconds(noon, noon + 3600) == 3600
    assert Hours("12:00-13:00", "UTC").seconds(noon, noon + 3600) == 0
    assert Hours("15:00-16:00", "UTC").seconds(noon, noon + 3600) == 3600


def test_a_day_on_which_the_clock_changes_is_as_long_as_it_was():
    zone = "Europe/Lisbon"  # 2026-10-25 has 25 hours
    begin, end = at("2026-10-25T00:00", zone), at("2026-10-26T00:00", zone)
    assert Hours("00:00-24:00", zone).seconds(begin, end) == 25 * 3600


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("08:00-19:00 seg-sex; 08:00-12:00 sáb", SCHOOL),
        (" 8:00-19:00  MON - FRI ;08:00-12:00 Sat; ", SCHOOL),
        ("08:00-14:00 mon-fri; 12:00-19:00 mon-fri; 08:00-12:00 sat", SCHOOL),
        ("08:00-19:00 mon,tue,wed thu fri; 08:00-12:00 sat", SCHOOL),
        ("08:00-12:00 fri-mon", "08:00-12:00 fri,sat,sun,mon"),
        ("00:00-24:00", "00:00-12:00 mon-sun; 12:00-24:00 dom-sab"),
    ],
)
def test_hours_are_taken_as_people_write_them(text, same):
    begin, end = at("2026-11-20T05:00"), at("2026-11-28T09:30")
    assert Hours(text, SAO_PAULO).seconds(begin, end) == Hours(same, SAO_PAULO).seconds(begin, end) > 0


@pytest.mark.parametrize(
    ("text", "zone", "sentence"),
    [
        ("always", SAO_PAULO, "health_expected_hours has 'always', which is no hours; write it as"),
        (" ; ", SAO_PAULO, "health_expected_hours names no hours; write it as"),
        ("08:00-25:00", SAO_PAULO, "which is no time of a day"),
        ("08:75-09:00", SAO_PAULO, "which is no time of a day"),
        ("19:00-08:00 mon", SAO_PAULO, "which ends before it begins; write what goes past midnight as two entries."),
        ("08:00-09:00 mon-frj", SAO_PAULO, "in which 'mon-frj' is no day; days are mon tue"),
        ("08:00-09:00", "Brazil/Nowhere", "health_time_zone is 'Brazil/Nowhere', and this controller knows no"),
        ("08:00-09:00", "../../etc/passwd", "health_time_zone is"),
        ("08:00-09:00", "", "health_time_zone is ''"),
    ],
)
def test_what_is_no_hours_is_one_sentence(text, zone, sentence):
    with pytest.raises(ValueError, match=r"^health_[^\n]*\.$") as refused:
        Hours(text, zone)
    assert sentence in str(refused.value)


def test_a_silence_of_years_is_bounded():
    assert Hours("00:00-24:00", "UTC").seconds(0.0, at("2026-11-27T10:00")) == 31 * 86400
