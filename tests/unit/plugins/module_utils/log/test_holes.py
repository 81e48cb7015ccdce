# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a window the files of a log show: from where on nothing is missing between them."""

from __future__ import annotations

import gzip

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import DEFAULTS, measure

from tests.unit.records import NOON, as_json, result

MINUTE, HOUR = 60, 3600


def covered(folder, files, hours=4.0):
    """What is covered of a window that ends at noon; of each file: begin and end in minutes before, and its rate."""
    for name, (begin, end, per_minute) in files.items():
        count = max(2, int((begin - end) * per_minute))
        step = (begin - end) * MINUTE / (count - 1)
        at = [NOON - begin * MINUTE + n * step for n in range(count)]
        lines = "".join(as_json(result(f"{name}{n}"), at=moment) + "\n" for n, moment in enumerate(at)).encode()
        (folder / name).write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
    since = iso(NOON - hours * HOUR)
    traces = measure({**DEFAULTS, "paths": [str(folder / "app.log*")], "since": since}, NOON)
    told = traces["evidence"]["covered"]
    assert told["ok"] is True
    return round(told["covered_seconds"] / MINUTE), told["first"]


@pytest.mark.parametrize("archive", ["app.log.1", "app.log.1.gz"])
@pytest.mark.parametrize("until", [1500, 30])
def test_what_is_missing_between_two_files_is_not_covered(tmp_path, archive, until):
    begin = iso(NOON - 4 * MINUTE)
    assert covered(tmp_path, {archive: (1560, until, 20), "app.log": (4, 0, 100)}) == (4, begin)


def test_a_file_that_is_missing_in_a_row_is_a_hole_and_the_rest_of_the_row_is_none(tmp_path):
    files = {
        "app.log": (20, 0, 20),
        "app.log.1": (40, 21, 20),
        "app.log.2.gz": (60, 41, 20),
        "app.log.4.gz": (300, 80, 20),
    }
    assert covered(tmp_path, files) == (60, iso(NOON - HOUR))
    (tmp_path / "app.log.3.gz").write_bytes(b"")
    files["app.log.3.gz"] = (79, 61, 20)
    assert covered(tmp_path, files)[0] == 240


@pytest.mark.parametrize(
    "files",
    [
        # Three an hour, as by night; 50 minutes between two of them are no hole.
        {"app.log.1": (500, 120, 0.05), "app.log": (70, 0, 0.05)},
        # A day that ends, and one that begins: as quiet as the quieter side was.
        {"app.log.1": (500, 120, 3), "app.log": (80, 0, 0.1)},
        {"app.log.1.gz": (500, 120, 0.1), "app.log": (80, 0, 3)},
        # Some minutes of a busy log, while it is rotated and its service starts again.
        {"app.log.1.gz": (500, 19, 60), "app.log": (10, 0, 60)},
        # Another worker's log goes on while this one's is missing.
        {"app.log.1": (2000, 1500, 20), "app.log": (30, 0, 20), "app.log.worker": (1000, 1, 20)},
    ],
)
def test_silence_is_no_hole(tmp_path, files):
    assert covered(tmp_path, files)[0] == 240


def test_within_a_file_nothing_can_be_missing(tmp_path):
    files = {"app.log": (30, 0, 20)}
    covered(tmp_path, files)
    late = (tmp_path / "app.log").read_bytes()
    covered(tmp_path, {"app.log": (300, 120, 20)})
    with open(tmp_path / "app.log", "ab") as log:
        log.write(late)
    traces = measure({**DEFAULTS, "paths": [str(tmp_path / "app.log")], "since": iso(NOON - 4 * HOUR)}, NOON)
    assert round(traces["evidence"]["covered"]["covered_seconds"] / MINUTE) == 240
