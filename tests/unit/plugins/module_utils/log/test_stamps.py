# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import LogFile
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

NOON = 1763640000.0  # 2025-11-20T12:00:00Z


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        (b'{"timestamp": "2025-11-20T12:00:01.250000", "level": "INFO", "logger": "a", "message": "x"}', NOON + 1.25),
        (b'{"timestamp": "2025-11-20T12:00:01.250000", "level": "INFO", "logger": "a", "mess', None),
        (b'{"timestamp": "2025-11-20T09:00:01-03:00", "message": "x"}', NOON + 1),
        (b'{"level": "INFO", "timestamp":"2025-11-20T12:00:01Z", "message": ""}', NOON + 1),
        (b'{"level": "INFO", "timestamp":"2025-11-20T12:00:01Z"}', None),
        (b'{"__REALTIME_TIMESTAMP" : "1763640001250000", "MESSAGE": "x"}', NOON + 1.25),
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
        assert StampReader(NOON + 3600).read(b'{"timestamp": "2025-11-20T12:00:00.000000", "message": "x"}') == NOON
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "America/Sao_Paulo"


# New York: at 06:00 UTC it is one o'clock for the second time.
BACK = 1762063200.0  # 2025-11-02T06:00:00Z


@pytest.fixture
def new_york(monkeypatch):
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
@pytest.mark.parametrize(
    ("now", "clock", "moment"),
    [
        (BACK - 1800, "01:29", BACK - 1860),
        (BACK + 1200, "01:19", BACK + 1140),
        (BACK + 1200, "01:40", BACK - 1200),
        (BACK + 9000, "01:40", BACK + 2400),
        (BACK + 9000, "00:40", BACK - 4800),
        (BACK + 9000, "02:40", BACK + 6000),
    ],
)
def test_in_the_hour_that_comes_twice_no_record_is_of_the_future(now, clock, moment, tmp_path):
    record = f"2025-11-02 {clock}:00,000 - app - INFO - x".encode()
    assert StampReader(now).read(record) == moment
    # Nor is the host's own clock taken for one of another zone.
    (tmp_path / "app.log").write_bytes(record + b"\n")
    os.utime(tmp_path / "app.log", (moment, moment))
    log = LogFile(str(tmp_path / "app.log"))
    try:
        assert log.local_shift(StampReader(now)) == 0.0
    finally:
        log.close()
