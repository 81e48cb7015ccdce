# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.module_utils.log import sources
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import BLOCK, LogFile, find_files, seek_time
from ansible_collections.kumon.runbook.plugins.module_utils.log.journald import JournalSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import (
    FileSource,
    SourceError,
    Tail,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

from tests.unit.counting import Counter
from tests.unit.records import NOON, as_json, asctime, basic, outbox, result

NOW = NOON + 86400


def read(paths, since=None, until=None, **options):
    counter = Counter(now=NOW, since=since, until=until)
    start = None if since is None else since - 60
    with FileSource([str(path) for path in paths], start, counter.stamps, **options) as source:
        source.read(counter)
    return dict(counter.result(), notes=source.notes)


def write(path, lines, opener=open):
    with opener(path, "wb") as file:
        file.write("".join(line + "\n" for line in lines).encode())
    return path


def successes(count, at=NOON, prefix="c"):
    return [as_json(result(f"{prefix}{n}"), at=at + n) for n in range(count)]


# ------------------------------------------------------------ naming files


def test_rotated_and_gzipped_files_are_read_in_the_order_of_their_times(tmp_path):
    write(tmp_path / "app.log", [as_json(outbox("delivery", "a", 0), at=NOON + 20)])
    write(tmp_path / "app.log.1", [as_json(outbox("planner", "a", 1), at=NOON + 10)])
    write(tmp_path / "app.log.10.gz", [as_json(outbox("planner", "a", 0), at=NOON)], gzip.open)
    traces = read([tmp_path / "app.log*"])
    assert (traces["records"], traces["handoff"]["lost"]) == (3, 1)


def test_rotation_numbers_order_files_without_times(tmp_path):
    for name, line in (
        ("", outbox("delivery", "a", 0)),
        (".1", outbox("planner", "a", 1)),
        (".2", outbox("planner", "a", 0)),
    ):
        os.utime(write(tmp_path / f"app.log{name}", [basic(line)]), (NOON, NOON))
    assert read([tmp_path / "app.log*"])["handoff"]["lost"] == 1


def test_a_file_is_read_once_however_often_it_is_named(tmp_path):
    log = write(tmp_path / "app.log", successes(3))
    os.link(log, tmp_path / "app.log.link")
    write(tmp_path / "app.log.1", successes(2, NOON - 60))
    with gzip.open(tmp_path / "app.log.1.gz", "wb") as half_compressed:
        half_compressed.write(b"not yet whole")
    assert read([log, tmp_path / "app.*"])["delivery"]["success"] == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "none.log", "does not exist; correct runbook_log_paths"),
        (lambda p: p / "none*.log", "no file matches"),
        (lambda p: p, "is not a regular file"),
    ],
)
def test_a_log_that_is_not_there_is_an_error(tmp_path, make, message):
    with pytest.raises(SourceError, match=message):
        find_files([str(make(tmp_path))])


def test_a_fifo_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "app.log")
    with pytest.raises(SourceError, match="not a regular file"):
        read([tmp_path / "app.log"])


def test_a_log_that_may_not_be_read_says_what_to_do(tmp_path, monkeypatch):
    log = write(tmp_path / "app.log", successes(1))

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SourceError, match="permission denied; run with become: true"):
        read([log])
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(SourceError, match="cannot read the log .*: Permission denied$"):
        read([log])


PACKERS = {"gz": gzip.open, "xz": lzma.open, "bz2": bz2.open}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_logs_are_read_and_a_cut_one_up_to_its_break(tmp_path, ending):
    write(tmp_path / "app.log", successes(2, NOON + 9_000))
    packed = write(tmp_path / f"app.log.1.{ending}", successes(5000), PACKERS[ending])
    assert read([tmp_path / "app.log*"])["records"] == 5002
    packed.write_bytes(packed.read_bytes()[:-20])
    traces = read([tmp_path / "app.log*"])
    assert traces["notes"].unreadable == [str(packed)]
    assert traces["records"] >= 2
    os.utime(packed, (NOON - 86400,) * 2)
    assert read([tmp_path / "app.log*"], since=NOON)["notes"].unreadable == []


@pytest.mark.parametrize(
    ("name", "start"), [("app.log.1.zst", b"\x28\xb5\x2f\xfd\0"), ("app.log.1.br", b"\x0b\x01\x80")]
)
def test_what_cannot_be_unpacked_is_named_if_it_may_belong_to_the_window(tmp_path, name, start):
    write(tmp_path / "app.log", successes(2))
    (tmp_path / name).write_bytes(start)
    assert read([tmp_path / "app.log*"])["notes"].unreadable == [str(tmp_path / name)]
    os.utime(tmp_path / name, (NOON - 86400,) * 2)
    assert read([tmp_path / "app.log*"], since=NOON - 60)["notes"].unreadable == []


def test_what_is_no_file_is_passed_over_where_a_glob_matches_it(tmp_path):
    write(tmp_path / "app.log", successes(2))
    (tmp_path / "app.log.d").mkdir()
    (tmp_path / "app.log.current").symlink_to(tmp_path / "none")
    os.mkfifo(tmp_path / "app.log.fifo")
    assert read([tmp_path / "app.log*"])["records"] == 2


def test_a_copy_beside_the_log_is_named_and_not_read(tmp_path):
    log = write(tmp_path / "app.log", successes(20))
    shutil.copy2(log, tmp_path / "app.log.incident")
    with open(log, "a") as file:
        file.write(as_json(result("new"), at=NOON + 30) + "\n")
    traces = read([tmp_path / "app.log*"])
    assert (traces["records"], traces["notes"].copies) == (21, [str(tmp_path / "app.log.incident")])
    assert traces["notes"].overlapping is False


def test_two_workers_logs_are_both_read(tmp_path):
    write(tmp_path / "w1.log", successes(20))
    write(tmp_path / "w2.log", successes(20, NOON + 5, "d"))
    traces = read([tmp_path / "w*.log"], since=NOON + 10)
    assert traces["notes"].overlapping is True
    assert traces["records"] == 10 + 15


def test_a_budget_leaves_out_the_oldest(tmp_path):
    log = write(tmp_path / "app.log", successes(5000))
    counter = Counter(now=NOW)
    with FileSource([str(log)], None, StampReader(NOW), max_bytes=100_000) as source:
        source.read(counter)
    assert counter.bytes <= 100_000
    assert 0 < counter.records < 5000 and "newest" in source.notes.incomplete
    assert counter.result()["last"] == iso(NOON + 4999)


def test_a_pack_that_grows_beyond_all_bounds_is_stopped(tmp_path):
    write(tmp_path / "app.log.1.gz", ["x" * (1 << 20)] * 200, gzip.open)
    write(tmp_path / "app.log", successes(2))
    counter = Counter(now=NOW)
    with FileSource([f"{tmp_path}/app.log*"], None, StampReader(NOW), max_bytes=1 << 22) as source:
        source.read(counter)
    assert counter.bytes < 1 << 23 and counter.records == 2 and source.notes.incomplete


@pytest.mark.parametrize("seconds_a_block", [0.05, 5.0])
def test_a_slow_reader_still_gets_the_newest_within_the_time(tmp_path, monkeypatch, seconds_a_block):
    log = write(tmp_path / "app.log", successes(60_000))
    passed = 0.0
    monkeypatch.setattr(sources, "time", SimpleNamespace(monotonic=lambda: passed))

    class Slow(Counter):
        def feed(self, lines):
            nonlocal passed
            passed += seconds_a_block
            super().feed(lines)

    counter = Slow(now=NOW)
    with FileSource([str(log)], None, StampReader(NOW), deadline=1.0) as source:
        source.read(counter)
    # What is read before its pace is known, and one block.
    assert passed <= max(1.0, 5 * seconds_a_block)
    assert "lack of time" in source.notes.incomplete
    assert counter.result()["last"] == iso(NOON + 59_999)


@pytest.mark.parametrize(("hours", "shift"), [(0, 0.0), (-3, 10800.0), (5.5, -19800.0), (0.2, 0.0)])
def test_the_zone_of_local_times_is_told_by_the_files_last_change(tmp_path, hours, shift):
    log = write(tmp_path / "app.log", [asctime(result(f"c{n}"), at=NOON + n + hours * 3600) for n in range(20)])
    os.utime(log, (NOON + 19, NOON + 19))
    stamps = StampReader(NOW)
    FileSource([str(log)], None, stamps).__exit__()
    assert stamps.local_shift == shift


def test_a_log_that_is_written_to_while_its_zone_is_told(tmp_path, monkeypatch):
    log = write(tmp_path / "app.log", [asctime(result(f"c{n}"), at=NOON + n) for n in range(20)])
    lines_of = LogFile._tail_lines

    def written_to(self):
        lines = lines_of(self)
        with open(log, "a", encoding="utf-8") as file:
            file.write(asctime(result("later"), at=NOON + 20) + "\n")
        os.utime(log, (NOON + 20, NOON + 20))
        return lines

    monkeypatch.setattr(LogFile, "_tail_lines", written_to)
    stamps = StampReader(NOW)
    FileSource([str(log)], None, stamps).__exit__()
    assert stamps.local_shift == 0.0


def test_one_forged_time_at_the_end_moves_nothing(tmp_path):
    lines = [asctime(result(f"c{n}"), at=NOON + n) for n in range(20)]
    for hours in (-3, 3):
        log = write(tmp_path / "app.log", [*lines, asctime("x", at=NOON + 20 + hours * 3600)])
        os.utime(log, (NOON + 20, NOON + 20))
        stamps = StampReader(NOW)
        FileSource([str(log)], None, stamps).__exit__()
        assert stamps.local_shift == 0.0


def test_the_process_that_writes_the_log_owns_it(tmp_path):
    log, other = write(tmp_path / "app.log", successes(2)), tmp_path / "other.log"
    for script, expected in (
        (f"exec sleep 60 >> {log}", (True, "")),
        (f"exec sleep 60 >> {other}", (False, str(other))),
        (f"exec sleep 60 < {log} >> {other}", (False, str(other))),
    ):
        process = subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.3)
            with FileSource([str(log)], None, StampReader(NOW), pids=[process.pid]) as source:
                assert (source.notes.owned, source.notes.owner) == expected
        finally:
            process.kill()
            process.wait()


def test_a_log_that_is_written_through_tee_is_owned(tmp_path):
    log, other = write(tmp_path / "app.log", successes(2)), write(tmp_path / "other.log", successes(3))
    tee = subprocess.Popen(["tee", "-a", str(log)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    service = subprocess.Popen(["sleep", "60"], stdout=tee.stdin, stderr=subprocess.DEVNULL)
    tee.stdin.close()
    time.sleep(0.5)  # until it has opened its file
    try:
        time.sleep(0.3)
        for path, expected in ((log, (True, "")), (other, (False, str(log)))):
            with FileSource([str(path)], None, StampReader(NOW), pids=[service.pid]) as source:
                assert (source.notes.owned, source.notes.owner) == expected
    finally:
        for process in (service, tee):
            process.kill()
            process.wait()


def test_a_log_that_is_rotated_without_end_is_measured(tmp_path):
    for n in range(4):
        write(tmp_path / (f"app.log.{n}" if n else "app.log"), successes(3, NOON - n * 100, f"f{n}-"))
    over = threading.Event()

    def rotate():
        while not over.wait(0.003):
            for n in (3, 2, 1):
                os.replace(tmp_path / f"app.log.{n}", tmp_path / f"app.log.{n + 1}")
            os.replace(tmp_path / "app.log", tmp_path / "app.log.1")
            write(tmp_path / "app.log", successes(1))

    thread = threading.Thread(target=rotate)
    thread.start()
    try:
        for _n in range(50):
            traces = read([tmp_path / "app.log*"])
            assert traces["delivery"]["success"] >= 1
            assert traces["notes"].unreadable == []
            assert read([tmp_path / "app.log"])["notes"].unreadable == []
    finally:
        over.set()
        thread.join()


# ---------------------------------------------------------------- contents


def test_a_half_written_last_line_waits_for_its_end(tmp_path):
    log = write(tmp_path / "app.log", successes(2))
    line = basic(result("z")).encode()
    with open(log, "ab") as file:
        file.write(line[:-3])
    counter = Counter(now=NOW)
    with FileSource([str(log)], None, StampReader(NOW)) as source:
        source.read(counter)
        assert (counter.result()["delivery"]["success"], counter.lines) == (2, 2)
        with open(log, "ab") as file:
            file.write(line[-3:] + b"\n")
        source.read(counter)
    assert (counter.result()["delivery"]["success"], counter.lines) == (3, 3)


def test_a_file_truncated_in_place_while_it_is_read_is_read_again_from_its_start(tmp_path):
    log = write(tmp_path / "app.log", successes(5))
    counter = Counter(now=NOW)
    with FileSource([str(log)], None, StampReader(NOW)) as source:
        source.read(counter)
        write(log, successes(2, NOON + 100, "new"))
        source.read(counter)
        assert source.notes.truncated
    assert counter.result()["delivery"]["success"] == 7


def test_a_file_renamed_while_it_is_read_is_followed_to_its_successor(tmp_path):
    log = write(tmp_path / "app.log", successes(5))
    counter = Counter(now=NOW)
    with FileSource([str(log)], None, StampReader(NOW)) as source:
        source.read(counter)
        with open(log, "ab") as file:
            file.write(as_json(result("last")).encode() + b"\n")
        os.rename(log, tmp_path / "app.log.1")
        source.read(counter)  # nothing has been logged to the new file yet
        write(log, successes(2, NOON + 100, "new"))
        source.read(counter)
        assert not source.notes.truncated
    assert counter.result()["delivery"]["success"] == 8


def test_nuls_of_a_hole_and_in_a_line_are_no_text(tmp_path):
    log = write(tmp_path / "app.log", [])
    with open(log, "r+b") as file:
        file.truncate(3 << 30)
        file.seek(0, os.SEEK_END)
        file.write("\n".join([*successes(2), "\0\0\0" + basic(result("x")), ""]).encode())
    traces = read([log])
    assert traces["delivery"]["success"] == 3
    assert traces["bytes"] < 1 << 20


def test_a_line_of_100_megabytes_needs_no_memory(tmp_path):
    log = tmp_path / "app.log"
    with open(log, "wb") as file:
        file.write(basic(result("a")).encode() + b"\nINFO:x:")
        for _n in range(100):
            file.write(b"|" * (1 << 20))
        file.write(b"\n" + basic(outbox("delivery", "b", 1)).encode() + b"\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    traces = read([log])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000
    assert (traces["lines"], traces["records"]) == (3, 2)


def test_gzip_files_are_known_by_their_contents(tmp_path):
    assert read([write(tmp_path / "app.log-20261120", successes(4), gzip.open)])["delivery"]["success"] == 4


# ------------------------------------------------------------------ windows


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """One record a second for a day, in basicConfig with a JSON line in between every ten seconds."""
    lines = []
    for second in range(86400):
        if second % 10 == 0:
            lines.append(as_json("filler", at=NOON - 86400 + second, logger="kumon_receptionist"))
        lines.append(basic(result(f"c{second % 50}")))
    return write(tmp_path_factory.mktemp("day") / "app.log", lines)


@pytest.mark.parametrize(("age", "length"), [(86400, 900), (43210, 900), (900, 900), (90000, 4500), (300, 3600)])
def test_a_window_counts_the_same_as_a_full_pass_and_reads_only_what_it_needs(day, age, length):
    since, until = NOON - age, NOON - age + length
    traces = read([day], since, until)
    size = day.stat().st_size
    expected = max(0, min(until, NOON) - max(since, NOON - 86400)) // 10 * 10
    assert traces["delivery"]["success"] == expected
    assert traces["bytes"] < size * (length + 120) / 86400 + 2 * BLOCK + 4 * (1 << 16)


def test_bisection_finds_the_last_line_before_a_time(day):
    size = day.stat().st_size
    stamps = StampReader(NOW)
    with open(day, "rb") as file:
        for moment in (NOON - 86400, NOON - 5000, NOON - 1, NOON + 5):
            offset = seek_time(file, size, moment, stamps)
            file.seek(offset)
            first = stamps.read(file.readline())
            assert offset == 0 or first < moment


def test_a_window_in_a_file_without_times_ends_and_dates_nothing(tmp_path):
    log = write(tmp_path / "app.log", [basic(result(f"c{n}")) for n in range(20_000)])
    traces = read([log], since=NOON)
    assert (traces["records"], traces["undated"], traces["timestamps"]) == (0, 20_000, "none")


def test_files_older_than_the_window_are_not_read(tmp_path):
    write(tmp_path / "app.log.2.gz", successes(50_000, NOON - 86400), gzip.open)
    os.utime(write(tmp_path / "app.log.1", successes(10, NOON - 7200)), (NOON - 3700,) * 2)
    write(tmp_path / "app.log", successes(10, NOON - 3600))
    traces = read([tmp_path / "app.log*"], since=NOON - 1800)
    assert traces["lines"] == 10
    traces = read([tmp_path / "app.log*"], since=NOON - 3600)
    assert (traces["lines"], traces["records"]) == (20, 10)


@pytest.mark.parametrize("date", [".%Y-%m-%d", "-%Y-%m-%d", "-%Y%m%d", "-%Y-%m-%d-%H", "-%Y%m%d-%H", "-%Y%m%d_%H%M"])
def test_of_archives_the_one_is_read_that_the_window_begins_in_however_it_is_dated(tmp_path, date):
    for hour in range(1, 25):
        at = NOON - hour * 3600
        day = at if "%H" in date else NOON - hour * 86400
        name = "app.log" + time.strftime(date, time.gmtime(day)) + ".gz"
        os.utime(write(tmp_path / name, successes(10, at), gzip.open), (NOON,) * 2)
    write(tmp_path / "app.log", successes(10, NOON))
    traces = read([tmp_path / "app.log*"], since=NOON - 7200 + 5)
    assert (traces["delivery"]["success"], traces["lines"]) == (25, 40)


def test_a_window_of_asctime_records_works_on_own_times(tmp_path):
    log = write(tmp_path / "app.log", [asctime(result(f"c{n}"), at=NOON + n) for n in range(10_000)])
    traces = read([log], since=NOON + 9000)
    assert (traces["records"], traces["timestamps"]) == (1000, "own")


# ------------------------------------------------------------------ journal

FAKE_JOURNALCTL = """#!{python}
import sys
open({calls!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
sys.stderr.write({errors!r})
sys.stdout.write(open({output!r}).read())
sys.exit({status})
"""


def journalctl(tmp_path, entries=(), errors="", status=0):
    output = tmp_path / "output"
    output.write_text("".join(entry + "\n" for entry in entries))
    script = tmp_path / "journalctl"
    script.write_text(
        FAKE_JOURNALCTL.format(
            python=sys.executable, calls=str(tmp_path / "calls"), errors=errors, output=str(output), status=status
        )
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def test_the_journal_is_asked_for_the_unit_and_the_window_and_then_for_what_is_new(tmp_path):
    from tests.unit.records import journal

    entries = [journal(result(f"c{n}"), at=NOON + n) for n in range(5)]
    command = journalctl(tmp_path, [*entries, "-- cursor: s=1;i=2"])
    counter = Counter(now=NOW, since=NOON)
    source = JournalSource("kumon-assistant", NOON - 60, command)
    source.read(counter)
    source.read(counter)
    assert counter.result()["delivery"]["success"] == 10
    first, oldest, dropped, second = (tmp_path / "calls").read_text().splitlines()
    assert "--since" not in oldest and source.notes.first == NOON
    assert "SYSLOG_IDENTIFIER=systemd-journald" in dropped
    assert "--unit=kumon-assistant" in first
    assert f"--since=@{NOON - 60:.6f}" in first
    assert "--after-cursor=s=1;i=2" in second
    assert re.search(r"-o json\b", first)


@pytest.mark.parametrize(
    ("errors", "status", "message"),
    [
        ("Hint: You are currently not seeing messages from other users and the system.", 0, "may not read the journal"),
        ("No journal files were found.", 1, "cannot read the journal of u: No journal files were found."),
        ("", 2, "journalctl ended with 2"),
    ],
)
def test_a_journal_that_cannot_be_read_is_an_error(tmp_path, errors, status, message):
    with pytest.raises(SourceError, match=message):
        JournalSource("u", None, journalctl(tmp_path, errors=errors, status=status)).read(Counter(now=NOW))


def test_what_journald_dropped_of_the_unit_is_counted(tmp_path):
    told = [
        f"Suppressed {n} messages from {unit}"
        for n, unit in ((5, "u.service"), (7, "/system.slice/u.service"), (9, "v.service"))
    ]
    source = JournalSource("u", NOON, journalctl(tmp_path, told))
    source.read(Counter(now=NOW))
    assert source.notes.suppressed == 12


def test_journalctl_is_ended_at_the_deadline(tmp_path):
    command = tmp_path / "hanging"
    command.write_text("#!/bin/sh\nexec sleep 60\n")
    command.chmod(0o755)
    source, began = JournalSource("u", None, str(command), deadline=0.3), time.monotonic()
    source.read(Counter(now=NOW))
    assert time.monotonic() - began < 5 and "within the time" in source.notes.incomplete


def test_without_journalctl_another_source_is_named(tmp_path):
    with pytest.raises(SourceError, match="use source: file"):
        JournalSource("u", None, str(tmp_path / "none")).read(Counter(now=NOW))


def test_the_journal_can_be_read_from_its_end_on(tmp_path):
    command = journalctl(tmp_path, [as_json(result("old"), at=NOON), "-- cursor: s=1;i=2"])
    source, counter = JournalSource("u", None, command), Counter(now=NOW)
    source.skip_to_end()
    assert (counter.records, counter.bytes) == (0, 0)
    source.read(counter)
    assert counter.records == 1
    first, second = (tmp_path / "calls").read_text().splitlines()
    assert "--lines=1" in first and "--after-cursor" not in first
    assert "--after-cursor=s=1;i=2" in second and "--lines" not in second


def test_the_reader_stops_behind_the_windows_end(tmp_path):
    command = tmp_path / "endless"
    record = as_json(result("c"), at=NOON)
    command.write_text(f"#!/bin/sh\nwhile :; do echo '{record}'; done\n")
    command.chmod(0o755)
    counter = Counter(now=NOW, until=NOON - 3600)
    JournalSource("u", None, str(command)).read(counter)
    assert counter.result()["records"] == 0
    assert subprocess.run(["pgrep", "-f", str(command)], check=False, stdout=subprocess.PIPE).stdout == b""


# ------------------------------------------------- what comes from now on


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "app.log", successes(3))


def append(path, *lines, end="\n"):
    with open(path, "a") as file:
        file.write("\n".join(lines) + end)


class Tailed:
    """A tail of some files and what it has counted so far."""

    def __init__(self, *paths):
        self.tail, self.counter = Tail([str(path) for path in paths]), Counter(now=NOW)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.tail.__exit__()

    def read(self):
        self.tail.read(self.counter)
        return self.counter.records


@pytest.mark.parametrize("shape", [basic, as_json, asctime])
def test_only_what_is_appended_is_read_whatever_times_it_carries(log, shape):
    with Tailed(log) as tailed:
        assert tailed.read() == 0
        append(log, shape(result("a"), at=NOON - 10_000))
        assert tailed.read() == 1
        append(log, shape(result("b"), at=NOON + 600), shape(result("c"), at=NOON + 601))
        assert tailed.read() == 3
        assert tailed.read() == 3
    assert tailed.tail.notes.truncated is False


def test_a_line_that_was_begun_before_is_not_read_as_a_bare_one(log):
    append(log, "INFO:app.core.workflow:Processing message for 55: ", end="")
    with Tailed(log) as tailed:
        append(log, result("forged"), basic(result("a")))
        assert tailed.read() == 1


def test_a_line_is_read_when_it_is_whole(log):
    line = basic(result("a"))
    with Tailed(log) as tailed:
        append(log, line[:40], end="")
        assert tailed.read() == 0
        append(log, line[40:])
        assert tailed.read() == 1


def test_a_log_that_is_truncated_is_read_from_its_new_beginning(log):
    with Tailed(log) as tailed:
        os.truncate(log, 0)
        append(log, basic(result("a")))
        assert (tailed.read(), tailed.tail.notes.truncated) == (1, True)


def test_what_was_half_written_before_a_truncation_is_forgotten(log):
    with Tailed(log) as tailed:
        append(log, basic(result("a"))[:40], end="")
        tailed.read()
        os.truncate(log, 0)
        append(log, basic(result("b")))
        assert tailed.read() == 1
    append(log, "INFO:", end="")
    with Tailed(log) as tailed:
        os.truncate(log, 0)
        append(log, basic(result("c")))
        assert tailed.read() == 1


def test_the_hole_before_a_writer_that_kept_its_offset_is_not_read(log):
    with Tailed(log) as tailed:
        with open(log, "r+b") as writer:
            writer.seek(1 << 30)
            os.truncate(log, 0)
            tailed.read()
            writer.write((basic(result("a")) + "\n").encode())
        assert (tailed.read(), tailed.counter.bytes < 1 << 20) == (1, True)


def test_a_renamed_log_is_read_on_and_so_is_the_one_in_its_place(log):
    with Tailed(f"{log}*") as tailed:
        os.rename(log, f"{log}.1")
        append(f"{log}.1", basic(result("a")))
        assert tailed.read() == 1
        write(log, [basic(result("b"))])
        assert tailed.read() == 2
        append(f"{log}.1", basic(result("c")))
        append(log, basic(result("d")))
        assert tailed.read() == 4


def test_a_process_that_still_writes_to_the_renamed_log_is_heard(log):
    os.rename(log, f"{log}.1")
    log.touch()
    with Tailed(f"{log}*") as tailed:
        append(f"{log}.1", basic(result("a")))
        assert tailed.read() == 1


def test_the_copy_that_rotation_makes_of_a_log_is_not_read_a_second_time(log):
    write(f"{log}.1", successes(2))
    with Tailed(f"{log}*") as tailed:
        append(log, basic(result("a")))
        assert tailed.read() == 1
        os.rename(f"{log}.1", f"{log}.2")
        write(f"{log}.1", log.read_text().splitlines())
        os.truncate(log, 0)
        append(log, basic(result("b")))
        assert tailed.read() == 2


def test_compressed_logs_are_passed_over(log, tmp_path):
    write(tmp_path / "app.log.2.gz", successes(2), gzip.open)
    with Tailed(f"{log}*") as tailed:
        append(log, basic(result("a")))
        assert tailed.read() == 1
    with pytest.raises(SourceError, match="names compressed logs only; add the one that is written to"):
        Tail([str(tmp_path / "app.log.2.gz")])


def test_a_tail_leaves_nothing_open(log):
    before = len(os.listdir("/proc/self/fd"))
    with Tailed(f"{log}*") as tailed:
        os.rename(log, f"{log}.1")
        write(log, [basic(result("b"))])
        assert tailed.read() == 1
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_log_behind_a_pipe_is_the_services(tmp_path):
    log = write(tmp_path / "app.log", successes(3))
    tee = subprocess.Popen(["tee", "-a", str(log)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(["sleep", "60"], stdout=tee.stdin, stderr=tee.stdin)
    tee.stdin.close()
    try:
        # It opens its file a moment after it was started.
        end = time.monotonic() + 10
        while read([log], pids=[process.pid])["notes"].owned is not True:
            assert time.monotonic() < end
            time.sleep(0.01)
        tee.kill()
        tee.wait()
        assert read([log], pids=[process.pid])["notes"].owned is False
    finally:
        process.kill()
        process.wait()


def test_a_log_that_only_probes_still_write_is_in_no_other_zone(tmp_path):
    lines = [asctime(result(f"c{n}"), at=NOON - 10_800 + n) for n in range(100)]
    log = write(tmp_path / "app.log", [*lines, *['INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200 OK'] * 200])
    os.utime(log, (NOON + 99.5,) * 2)
    with FileSource([str(log)], None, stamps := StampReader(NOW)):
        assert stamps.local_shift == 0


def test_an_archive_that_inflates_beyond_all_bounds_is_given_up(tmp_path):
    write(tmp_path / "app.log", successes(5))
    with gzip.open(tmp_path / "app.log.1.gz", "wb", compresslevel=9) as file:
        for _block in range(64):
            file.write(bytes(1 << 20))
    begun = time.monotonic()
    traces = read([tmp_path / "app.log*"], max_bytes=1 << 20)
    assert traces["delivery"]["success"] == 5
    assert "was not read" in traces["notes"].incomplete
    assert time.monotonic() - begun < 5


def test_the_window_is_found_beside_a_file_of_empty_lines(tmp_path):
    write(tmp_path / "app.log", successes(5))
    (tmp_path / "app.log.1").write_bytes(b"\n" * (16 << 20))
    os.utime(tmp_path / "app.log.1", (NOON, NOON))
    begun = time.process_time()
    assert read([tmp_path / "app.log*"], NOON - 60)["delivery"]["success"] == 5
    assert time.process_time() - begun < 5


@pytest.fixture
def few_files():
    """No more than 64 files may be open at once, unless that is raised."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_log_may_have_more_files_than_a_program_may_open_by_default(tmp_path, few_files):
    write(tmp_path / "app.log", successes(5))
    for hour in range(200):
        write(tmp_path / f"app.log.{hour:03d}", successes(5, NOON - 3600 * (hour + 1), f"{hour}-"))
        os.utime(tmp_path / f"app.log.{hour:03d}", (NOON - 3600 * hour,) * 2)
    with Tail([str(tmp_path / "app.log*")]) as tail:
        assert tail.notes == sources.Notes()
    assert read([tmp_path / "app.log*"], NOON - 60)["delivery"]["success"] == 5


def test_where_no_more_can_be_opened_that_is_said(tmp_path, monkeypatch):
    write(tmp_path / "app.log", successes(5))

    def refuse(_name):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(sources, "LogFile", refuse)
    with pytest.raises(SourceError, match="lets no program open so many"):
        read([tmp_path / "app.log*"])


def test_a_sparse_file_is_not_read_through_its_hole(tmp_path):
    log = write(tmp_path / "app.log", successes(3))
    with open(log, "r+b") as file:
        file.seek(20 << 30)
        file.write(("\n" + successes(1, NOON + 60, "z")[0] + "\n").encode())
    begun = time.monotonic()
    assert read([log])["delivery"]["success"] >= 1
    assert time.monotonic() - begun < 5


def test_what_two_workers_logged_at_the_same_time_is_read_and_an_identical_record_counts_once(tmp_path):
    lines = successes(100)
    write(tmp_path / "worker1.log", lines)
    write(tmp_path / "worker2.log", [*successes(50, NOON + 0.5, "w"), *lines[40:60]])
    with FileSource([str(tmp_path / "worker*")], None, StampReader(NOW)) as source:
        assert source.notes.overlapping
        counter = Counter(now=NOW)
        counter.reader.deduplicate = True
        source.read(counter)
    assert counter.result()["delivery"]["success"] == 150
