# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, iso_minute, parse_when

NOON = 1763640000.0  # 2025-11-20T12:00:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("15m", NOON - 900),
        ("2h", NOON - 7200),
        ("1.5h", NOON - 5400),
        ("90s", NOON - 90),
        ("1d", NOON - 86400),
        ("2025-11-20T12:00:00Z", NOON),
        ("2025-11-20 12:00", NOON),
        ("2025-11-20T09:00:00-0300", NOON),
        ("2025-11-20T09:00:00.5-03:00", NOON + 0.5),
        ("2025-11-20", NOON - 43200),
    ],
)
def test_people_name_a_moment_by_age_or_iso_8601(text, moment):
    assert parse_when(text, NOON) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "15", "15 minutes", "-5m", "2025-13-01", "20/11/2025", "{{ x }}"])
def test_anything_else_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="is neither an age|is no valid time"):
        parse_when(text, NOON)


@pytest.mark.parametrize(
    "text", ["99999999d", "9" * 400 + "d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_of_which_no_calendar_knows_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="calendar knows"):
        parse_when(text, NOON)


def test_the_first_and_the_last_time_there_is_can_be_written():
    for text in ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z"):
        assert iso(parse_when(text, NOON)) == text


def test_times_are_written_in_utc():
    assert iso(NOON + 0.25) == "2025-11-20T12:00:00.250Z"
    assert iso(None) is None
    assert iso_minute(int(NOON // 60)) == "2025-11-20T12:00Z"
