# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import StampReader, iso, iso_minute, parse_when

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


def test_times_are_written_in_utc():
    assert iso(NOON + 0.25) == "2025-11-20T12:00:00.250Z"
    assert iso(None) is None
    assert iso_minute(int(NOON // 60)) == "2025-11-20T12:00Z"


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        (b'{"timestamp": "2025-11-20T12:00:01.250000", "level"', NOON + 1.25),
        (b'{"timestamp": "2025-11-20T09:00:01-03:00", "level"', NOON + 1),
        (b'{"level": "INFO", "timestamp":"2025-11-20T12:00:01Z"}', NOON + 1),
        (b'{"__REALTIME_TIMESTAMP" : "1763640001250000", "MESSAGE"', NOON + 1.25),
        (b"2025-11-20T09:00:01-0300 host uvicorn[1]: x", NOON + 1),
        (b"2025-11-20T09:00:01.250000-03:00 host uvicorn[1]: x", NOON + 1.25),
        (b"2025-11-20 12:00:01,250 - app - INFO - x", NOON + 1.25),
        (b"2025-11-20 12:00:01 is when I come", None),
        (b"2025-11-20T12:00:01 x", None),
        (b"2099-11-20 12:00:01,250 - app - INFO - x", None),
        (b"2025-99-20 12:00:01,250 - app - INFO - x", None),
        (b'{"timestamp": "nonsense"}', None),
        (b"INFO:app:2025-11-20 12:00:01,250 - app - INFO - x", None),
        (b"", None),
    ],
)
def test_only_a_record_that_begins_with_its_time_carries_one(line, moment):
    assert StampReader(NOON + 3600).read(line) == moment


def test_asctime_is_the_hosts_local_time(monkeypatch):
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    try:
        assert StampReader(NOON + 3600).read(b"2025-11-20 09:00:00,000 - app - INFO - x") == NOON
        assert StampReader(NOON + 3600).read(b'{"timestamp": "2025-11-20T12:00:00.000000"}') == NOON
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "America/Sao_Paulo"
