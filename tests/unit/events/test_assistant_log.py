# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source as ansible-rulebook runs it: by its path, in a Python that knows nothing of this collection."""

from __future__ import annotations

import asyncio
import gzip
import os
import runpy
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.unit.records import as_json, asctime, basic, journal, outbox_guard, turn

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "assistant_log.py"


class Log:
    """A log with healthy traffic in it."""

    def __init__(self, path, shape=as_json):
        self.path, self.shape = path, shape
        for age in range(1000, 0, -50):
            self.add(*turn(f"a{age}"), age=age)

    def add(self, *messages, shape=None, age=0.0, path=None):
        with open(path or self.path, "a", encoding="utf-8") as out:
            out.writelines((shape or self.shape)(message, time.time() - age) + "\n" for message in messages)


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "app.log")


class Looks:
    """Counts the looks of a source, so that a test waits for them and not for a time."""

    def __init__(self, follower):
        self.begun = self.ended = 0
        look = follower.look

        def counted(one):
            self.begun += 1
            look(one)
            self.ended += 1

        follower.look = counted

    async def another(self, task):
        """Wait until one that begins from now on has ended, or the source has."""
        wanted = self.begun + 1
        while self.ended < wanted and not task.done():
            await asyncio.sleep(0.02)
        # What it has told is on its way.
        await asyncio.sleep(0.05)


async def _followed(args, script):
    """What a source puts into the queue at first, and after each step of the script."""
    queue = asyncio.Queue()
    main = runpy.run_path(str(SOURCE))["main"]
    main.__globals__.update(SHORTEST=0.2, LONGEST=0.2)
    looks = Looks(main.__globals__["Follower"])
    task = asyncio.create_task(main(queue, args))
    try:
        for step in [lambda: None, *script]:
            await asyncio.to_thread(step)
            await looks.another(task)
            if task.done():
                task.result()
    finally:
        task.cancel()
    return [queue.get_nowait() for _event in range(queue.qsize())]


def follow(log, *script, **args):
    given = {"paths": [f"{log.path}*"], "every": 0.1, "host": "assistant-1", "locale": "en", **args}
    return [event for event in asyncio.run(_followed(given, script)) if event["type"] != "minute"]


def kinds(told):
    return [event["type"] for event in told]


def test_a_guard_is_told_soon_and_calls_once(log):
    told = follow(log, lambda: log.add(outbox_guard("c9")))
    assert kinds(told) == ["verdict", "guard", "verdict", "call"]
    assert [event["status"] for event in told if event["type"] == "verdict"] == ["ok", "rollback"]
    assert (told[1]["family"], told[1]["guard"], told[3]["level"]) == ("outbox", "handoff_violation", 1)
    assert {event["host"] for event in told} == {"assistant-1"}


@pytest.mark.parametrize("different", [False, True])
def test_ten_thousand_guard_lines_are_one_call(log, different):
    lines = [outbox_guard(f"c{n if different else 0}", idem=f"i{n if different else 0}") for n in range(10_000)]

    def storm():
        for begin in range(0, len(lines), 2000):
            log.add(*lines[begin : begin + 2000])
            time.sleep(0.15)

    told = follow(log, storm)
    assert sorted(kinds(told)) == ["call", "guard", "verdict", "verdict"]


@pytest.mark.parametrize("shape", [as_json, asctime])
def test_a_log_that_is_put_in_again_is_no_new_event(tmp_path, shape):
    log, old = Log(tmp_path / "app.log", shape), tmp_path / "kept"
    log.add(*(outbox_guard(f"c{n}") for n in range(50)), age=100_000, path=old)

    def replay():
        with open(log.path, "ab") as out:
            out.write(old.read_bytes())

    told = follow(log, replay, replay)
    assert kinds(told) == ["verdict"]


def test_a_guard_that_was_told_is_not_told_again_when_its_lines_are_put_in_again(log):
    def replay():
        text = log.path.read_bytes()
        with open(log.path, "ab") as out:
            out.write(text)

    told = follow(log, lambda: log.add(outbox_guard("c9")), replay)
    assert kinds(told).count("guard") == kinds(told).count("call") == 1


def rename(log):
    log.path.rename(log.path.with_name("app.log.1"))
    log.add(*turn("b"))


def truncate(log):
    shutil.copy(log.path, log.path.with_name("app.log.1"))
    os.truncate(log.path, 0)
    log.add(*turn("b"))


def pack(log):
    with gzip.open(log.path.with_name("app.log.1.gz"), "wb") as out:
        out.write(log.path.read_bytes())
    log.path.unlink()
    log.add(*turn("b"))


@pytest.mark.parametrize("rotate", [rename, truncate, pack])
@pytest.mark.parametrize("shape", [as_json, basic])
def test_a_rotated_log_is_no_new_event_and_goes_on(log, rotate, shape):
    def again():
        log.add(outbox_guard("c9"), shape=shape)

    def another():
        log.add(outbox_guard("c10", kind="another"))

    told = follow(log, again, lambda: rotate(log), again, another)
    assert [event["guard"] for event in told if event["type"] == "guard"] == ["handoff_violation", "another"]
    assert kinds(told).count("call") == 1


def test_what_a_customer_quotes_is_no_event(log):
    guard = outbox_guard("c9")

    def quote():
        log.add(f"Processing message for 5511900000001: {guard[:50]}...", f"oi {guard}", shape=basic)
        log.add(f"Processing message for 5511900000001: oi\n{guard[:47]}...", shape=basic)
        log.add(f"Processing message for 5511900000001: {guard}", f"oi\n{guard}")

    assert kinds(follow(log, quote)) == ["verdict"]


JOURNALCTL = """#!/bin/sh
after=0
for option; do case $option in --after-cursor=*) after=${option#--after-cursor=};; esac; done
tail -n "+$((after + 1))" "$JOURNAL"
echo "-- cursor: $(wc -l < "$JOURNAL")"
"""


def test_the_journal_is_followed_as_well(tmp_path, monkeypatch):
    log = Log(tmp_path / "journal", journal)
    command = tmp_path / "bin" / "journalctl"
    command.parent.mkdir()
    command.write_text(JOURNALCTL)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("JOURNAL", str(log.path))
    told = follow(log, lambda: log.add(outbox_guard("c9")), source="journal", unit="kumon-assistant", paths=None)
    assert (kinds(told).count("guard"), kinds(told).count("call")) == (1, 1)


def test_a_log_that_is_gone_for_a_moment_is_blind_and_then_seen_again(log):
    moved = log.path.with_name("moved")
    told = follow(log, lambda: log.path.rename(moved), lambda: moved.rename(log.path))
    assert [event["status"] for event in told if event["type"] == "verdict"] == ["ok", "blind", "ok"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"paths": ["/nowhere/app.log"]}, "/nowhere/app.log"),
        ({"paths": []}, "paths is empty"),
        ({"source": "journal"}, "unit is empty"),
        ({"source": "tcp"}, "source must be"),
        ({"every": "often"}, "every must be"),
        ({"every": 0.01}, "every must be"),
        ({"window": "soon"}, "neither an age"),
        ({"path": "app.log"}, "path is no option"),
        ({"expected_hours": "never"}, "never"),
    ],
)
def test_what_cannot_be_ends_it_with_one_sentence(log, args, says):
    with pytest.raises(Exception, match=says) as raised:
        follow(log, **args)
    assert "\n" not in str(raised.value)


PROBE = """
import asyncio, json, runpy, sys
main = runpy.run_path(sys.argv[1])["main"]
async def one():
    queue = asyncio.Queue()
    task = asyncio.create_task(main(queue, {"paths": sys.argv[2]}))
    getting = asyncio.create_task(queue.get())
    await asyncio.wait({task, getting}, timeout=30, return_when="FIRST_COMPLETED")
    print(getting.result()["type"] if getting.done() else task.result())
asyncio.run(one())
"""


@pytest.mark.parametrize("other", [False, True])
def test_the_collection_is_found_from_its_file_alone(log, tmp_path, other):
    """Also beside the package ansible, which has collections of its own, and beside another place of them."""
    place = tmp_path / "site"
    (place / "ansible_collections" / "community" / "general").mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(place) if other else ""}
    run = subprocess.run(
        [sys.executable, "-c", PROBE, str(SOURCE), str(log.path)],
        env=environment, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (run.stdout.strip(), run.returncode) == ("verdict", 0), run.stderr


def test_a_source_that_is_cancelled_looks_no_more(log):
    before = set(threading.enumerate())
    follow(log)
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(timeout=10)
    assert [thread for thread in left if thread.is_alive()] == []
