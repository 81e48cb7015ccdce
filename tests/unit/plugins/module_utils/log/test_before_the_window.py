# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a log that fell silent before its window tells: when that was, and by its rate whether it is too long."""

from __future__ import annotations

import os

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import DEFAULTS, measure
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict

from tests.unit.records import NOON, as_json, turn

HOUR = 3600
MIDNIGHT = NOON - 9 * HOUR  # of a Friday, in Sao Paulo
SCHOOL = {"expected_hours": "08:00-19:00 mon-fri; 08:00-12:00 sat", "time_zone": "America/Sao_Paulo"}


def day(path, end, per_hour=120, begin=8):
    """A day of answered messages up to this hour of it."""
    lines = []
    for n in range(round((end - begin) * per_hour)):
        at = MIDNIGHT + (begin + (n + 1) / per_hour) * HOUR
        lines += [as_json(message, at=at) for message in turn(f"c{n}")]
    path.write_text("".join(line + "\n" for line in lines))
    os.utime(path, (MIDNIGHT + end * HOUR,) * 2)


def measured(path, hour, **options):
    now = MIDNIGHT + hour * HOUR
    return measure({**DEFAULTS, "paths": [str(path)], "since": iso(now - 4 * HOUR), **options}, now)


@pytest.mark.parametrize(
    ("end", "per_hour", "hour", "cause"),
    [
        # The webhook died in the afternoon: that is so at eight, in the night and in the morning.
        (15, 120, 20, "stale"),
        (15, 120, 23.5, "stale"),
        (15, 120, 31.5, "stale"),
        # The last customers of a day came before it ended, and the first of the next one have time.
        (18.9, 120, 23.5, "quiet"),
        (18.9, 120, 32.1, "quiet"),
        (18.9, 120, 32.5, "stale"),
        # Where one message an hour comes none for four hours is no chance to speak of.
        (15, 1, 23.5, "quiet"),
    ],
)
def test_what_fell_silent_in_the_hours_before_the_window_is_no_night(tmp_path, end, per_hour, hour, cause):
    log = tmp_path / "app.log"
    day(log, end, per_hour)
    result = verdict(measured(log, hour), **SCHOOL)
    assert (result["cause"], result["status"]) == (cause, {"stale": "blind", "quiet": "ok"}[cause])


def test_a_log_that_was_understood_before_the_window_is_no_unknown_grammar(tmp_path):
    log = tmp_path / "app.log"
    day(log, 9)
    traces = measured(log, 14)
    fresh = traces["evidence"]["fresh"]
    assert (traces["records"], fresh["newest"], fresh["ok"]) == (0, iso(MIDNIGHT + 9 * HOUR), False)
    result = verdict(traces)
    assert "not_understood" not in result["causes"]
    assert "5 h old" in result["reasons"][0]


def test_how_a_log_fell_silent_is_read_though_it_was_rotated_since(tmp_path):
    day(tmp_path / "app.log.1", 15)
    (tmp_path / "app.log").touch()
    os.utime(tmp_path / "app.log", (MIDNIGHT + 24 * HOUR,) * 2)
    result = verdict(measured(tmp_path / "app.log*", 24.5), **SCHOOL)
    assert (result["status"], result["cause"]) == ("blind", "stale")


@pytest.mark.parametrize(("end", "cause"), [(15, "stale"), (18.9, "quiet")])
def test_how_messages_fell_silent_is_found_behind_hours_of_other_lines(tmp_path, end, cause):
    log = tmp_path / "app.log"
    day(log, end)
    with open(log, "a") as file:
        for n in range(round((23.5 - end) * 360)):
            at = MIDNIGHT + end * HOUR + (n + 1) * 10
            file.write(as_json('127.0.0.1:56734 - "GET /health HTTP/1.1" 200', at=at) + "\n")
    traces = measured(log, 23.5)
    fresh = traces["evidence"]["fresh"]
    assert (traces["records"], fresh["newest"], fresh["limit_seconds"]) == (0, iso(MIDNIGHT + end * HOUR), 600)
    assert verdict(traces, **SCHOOL)["cause"] == cause
    # More than a day back is no matter of this window, and what could be read in part tells nothing.
    assert measured(log, 23.5 + 24)["evidence"]["fresh"]["newest"] is None
    assert measured(log, 23.5, max_bytes=1 << 19)["evidence"]["fresh"]["newest"] is None


def test_a_customer_who_wrote_five_times_in_a_minute_is_no_rate(tmp_path):
    log = tmp_path / "app.log"
    day(log, 16, per_hour=60, begin=16 - 5 / 60)
    assert verdict(measured(log, 23.5), **SCHOOL)["cause"] == "quiet"


def test_what_came_before_an_act_is_no_silence_after_it(tmp_path):
    log = tmp_path / "app.log"
    day(log, 15)
    traces = measured(log, 20, not_before=iso(MIDNIGHT + 19.5 * HOUR))
    assert traces["evidence"]["fresh"]["newest"] is None
    assert verdict(traces, **SCHOOL)["cause"] == "quiet"
