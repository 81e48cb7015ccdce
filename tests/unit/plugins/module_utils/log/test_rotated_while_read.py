# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that is rotated at any line of the reading of it: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import gzip
import os
import shutil
import sys

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils.log import files, sources

from tests.unit.counting import Counter
from tests.unit.records import NOON, as_json, result

OLD = 40
STRIDE = 3  # every so many lines of the reading


def write(path, text):
    path.write_text(text, encoding="utf-8")


def begin_new(log):
    with open(log, "a", encoding="utf-8") as out:
        out.write(as_json(result("new"), at=NOON + OLD) + "\n")


def renamed(log):
    older = log.with_name("app.log.1")
    return [lambda: log.rename(older), log.touch, lambda: begin_new(log)]


def copied_and_truncated(log):
    older = log.with_name("app.log.1")
    return [
        older.touch,
        lambda: older.write_bytes(log.read_bytes()),
        lambda: os.truncate(log, 0),
        lambda: begin_new(log),
    ]


def copied_in_parts_and_truncated(log):
    older = log.with_name("app.log.1")
    return [
        lambda: older.write_bytes(log.read_bytes()[: log.stat().st_size // 2]),
        lambda: older.write_bytes(log.read_bytes()),
        lambda: os.truncate(log, 0) or begin_new(log),
    ]


def copied_truncated_and_packed(log):
    older = log.with_name("app.log.1")
    return [
        lambda: older.write_bytes(log.read_bytes()),
        lambda: os.truncate(log, 0) or begin_new(log),
        lambda: log.with_name("app.log.1.gz").write_bytes(gzip.compress(older.read_bytes())),
        older.unlink,
    ]


def packed(log):
    older = log.with_name("app.log.1.gz")
    return [
        older.touch,
        lambda: older.write_bytes(gzip.compress(log.read_bytes())),
        log.unlink,
        lambda: begin_new(log),
    ]


class AtLine:
    """Calls something at the n-th line that is run of the sources."""

    def __init__(self, number, act):
        self.number, self.act, self.lines = number, act, 0
        self._files = {sources.__file__, files.__file__}

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_error):
        sys.settrace(self._before)

    def _called(self, frame, _event, _arg):
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, _frame, event, _arg):
        self.lines += event == "line"
        if event == "line" and self.lines == self.number:
            self.act()
        return self._line


@pytest.mark.parametrize(
    ("rotate", "least"),  # so many of its steps were done at least before the reading began
    [
        (renamed, 0),
        (copied_and_truncated, 0),
        (copied_in_parts_and_truncated, 0),
        (copied_truncated_and_packed, 1),  # no reading lasts as long as all of it
        (packed, 0),
    ],
)
def test_a_rotation_at_any_line_of_the_reading_loses_nothing_and_doubles_nothing(tmp_path, rotate, least):
    text = "".join(as_json(result(f"c{n}"), at=NOON + n) + "\n" for n in range(OLD))
    wrong, looked = [], 0
    for before in range(least, len(rotate(tmp_path / "app.log"))):
        number = 1
        while True:
            directory = tmp_path / "logs"
            directory.mkdir()
            log = directory / "app.log"
            write(log, text)
            steps = rotate(log)
            for step in steps[:before]:
                step()
            counter = Counter(now=NOON + OLD + 60)
            rest = AtLine(number, lambda later=steps[before:]: [step() for step in later])
            with rest as at, sources.FileSource([f"{directory}/app.log*"], NOON - 60, counter.stamps) as source:
                source.read(counter)
                source.read(counter)
            seen = counter.result()["delivery"]["success"]
            shutil.rmtree(directory)
            if at.lines < number:
                break
            looked += 1
            if seen not in (OLD, OLD + 1):
                wrong.append((before, number, seen))
            number += STRIDE
    assert looked > 300
    assert wrong == []
