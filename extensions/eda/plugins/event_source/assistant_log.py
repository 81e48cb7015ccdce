# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assistant's log as a source of events for ansible-rulebook, read by the same parser as everywhere else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
short_description: Follow the assistant's log
description:
  - Runs where the log can be read. Only what is appended is read between two looks at the window.
  - What is older than the window is no event, however often it is put in again, and what has been in the window at the
    look before is none once more. So a rotated or replayed log and ten thousand lines of one guard are no new events.
  - Text that a customer wrote never counts, whatever it quotes.
  - An event has C(type) and C(host), and nothing in it is a template.
  - C(guard), when a guard of a kind comes into the window, with C(family), C(guard), C(lines) and C(incidents).
  - C(verdict), when status, cause or level have changed, with C(status), C(level), C(cause), C(reasons), C(delivery),
    C(evidence) and C(before), the status before.
  - C(call), once when the verdict is C(rollback), and again when a higher level is due or when it goes on for O(again),
    with C(calls), how often it has called.
  - C(minute), each minute, with the C(counts) of its stages and the verdict.
options:
  source:
    description: Where the log is.
    type: str
    choices: [file, journal]
    default: file
  paths:
    description: Log files for O(source=file); names and globs, so that rotated files are read as well.
    type: list
    elements: str
    default: []
  unit:
    description: The systemd unit whose journal is read, for O(source=journal).
    type: str
  host:
    description: The host's name in the inventory. What a rule starts is limited to it.
    type: str
    default: ""
  window:
    description: How far back the log is judged, an age.
    type: str
    default: 15m
  every:
    description: Seconds between two readings of what is appended, 0.1 to 30.
    type: float
    default: 1
  again:
    description: After how long a state that goes on calls once more, an age; no shorter than O(window).
    type: str
    default: 30m
  expected_instance:
    description: The WhatsApp instance that the assistant is meant to use.
    type: str
  expected_hours:
    description: When messages are to be expected, as C(health_expected_hours). Outside of them silence is no news.
    type: str
  time_zone:
    description: The time zone of O(expected_hours).
    type: str
    default: America/Sao_Paulo
  messages_expected:
    description: Whether messages are to be expected at all. If so, a log that is silent for long is C(blind).
    type: bool
    default: true
  heartbeat_conversation:
    description: The conversation whose messages say only that messages come in.
    type: str
  locale:
    description: Language of the reasons.
    type: str
    choices: [pt_BR, en]
    default: pt_BR
"""

EXAMPLES = r"""
- kumon.runbook.assistant_log:
    paths: [/var/log/kumon-assistant/app.log*]
    host: assistant-1
    expected_hours: mon-fri 08:00-20:00
"""

OPTIONS: dict[str, Any] = {
    "source": "file",
    "paths": [],
    "unit": None,
    "host": "",
    "window": "15m",
    "every": 1.0,
    "again": "30m",
    "expected_instance": None,
    "expected_hours": None,
    "time_zone": "America/Sao_Paulo",
    "messages_expected": True,
    "heartbeat_conversation": None,
    "locale": "pt_BR",
}
# The window is read again after so many times what that takes, and within these numbers of seconds.
SHARE, SHORTEST, LONGEST = 10.0, 10.0, 60.0
# Seconds after its end at which a minute is told.
TOLD = 2.5


def find_collection() -> None:
    """Let this file's own collection be imported: ansible-rulebook runs it by its path, and nothing of it is found."""
    collection = Path(os.path.abspath(__file__)).parents[4]
    installed = collection.parents[1].name == "ansible_collections"
    # A checkout has a link to itself.
    sys.path.insert(0, str(collection.parents[2] if installed else collection / "playbooks" / "collections"))


def asked(args: dict[str, Any]) -> dict[str, Any]:
    """The options with their defaults. Raises ValueError with one sentence."""
    from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when

    unknown = sorted(set(args) - set(OPTIONS) - {"eda_feedback_queue"})
    if unknown:
        raise ValueError(f"{unknown[0]} is no option of assistant_log; known are {', '.join(OPTIONS)}")
    given = {**OPTIONS, **{name: args[name] for name in OPTIONS if args.get(name) not in (None, "")}}
    if isinstance(given["paths"], str):
        given["paths"] = [path.strip() for path in given["paths"].split(",") if path.strip()]
    if given["source"] not in ("file", "journal"):
        raise ValueError(f"source must be file or journal, not {given['source']!r}")
    needed = "paths" if given["source"] == "file" else "unit"
    if not given[needed]:
        raise ValueError(f"{needed} is empty: name it for source {given['source']}")
    for name in ("window", "again"):
        given[name] = -parse_when(str(given[name]), 0.0)
    try:
        given["every"] = float(given["every"])
    except (TypeError, ValueError):
        given["every"] = 0.0
    if not 0.1 <= given["every"] <= 30 or given["window"] <= 0:
        raise ValueError("every must be 0.1 to 30 seconds, and window an age such as 15m")
    given["again"] = max(given["again"], given["window"])
    if isinstance(given["messages_expected"], str):
        given["messages_expected"] = given["messages_expected"].strip().lower() not in ("false", "no", "off", "0")
    return given


class Follower:
    """Looks at the log again and again. Raises ValueError or SourceError where the first look fails."""

    def __init__(self, options: dict[str, Any], tell: Callable[[list[dict[str, Any]]], object]) -> None:
        from ansible_collections.kumon.runbook.plugins.module_utils.log import files, measure
        from ansible_collections.kumon.runbook.plugins.plugin_utils import _events, _verdict

        self._options, self._tell = options, tell
        self._measure, self._verdict, self._errors = measure, _verdict.verdict, (files.SourceError, OSError)
        self._events = _events.Events(str(options["host"]), options["again"])
        self._known, self._hold, self._looks = "", 0.0, 0

    def look(self) -> None:
        """Wait for something grave, or for the end of the minute, and tell what has come of it."""
        traces, now = None, time.time()
        try:
            traces = self._measured(now)
        except self._errors:
            if not self._looks:
                raise
            time.sleep(self._options["every"])
        self._looks += 1
        names = ("messages_expected", "expected_hours", "time_zone", "locale")
        # Its options come by name, and what was measured is a plain mapping: the types of both are known there.
        judged = self._verdict(traces, **{name: self._options[name] for name in names})  # type: ignore[arg-type]
        self._tell(self._events.take(traces, judged, time.time()))  # type: ignore[arg-type]

    def _measured(self, now: float) -> dict[str, Any]:
        names = ("source", "paths", "unit", "expected_instance", "heartbeat_conversation")
        begun = time.monotonic()
        traces: dict[str, Any] = self._measure.measure(
            {
                **self._measure.DEFAULTS,
                **{name: self._options[name] for name in names},
                "since": f"{self._options['window']:f}s",
                "max_samples": 0,
                "max_unanswered": 0,
                # A minute is told soon after its end.
                "watch": max(0.1, min(self._hold, 60.0 - (now - TOLD) % 60.0)),
                "watch_every": self._options["every"],
                "watch_known": self._known,
            },
            now,
        )
        watched = traces["watched"]
        self._known = watched["known"]
        self._hold = min(LONGEST, max(SHORTEST, SHARE * (time.monotonic() - begun - watched["seconds"])))
        return traces

    def follow(self, ended: threading.Event) -> None:
        """Look until it has ended. While guards pour in, the window is not read again without a pause."""
        while not ended.is_set():
            begun = time.monotonic()
            self.look()
            ended.wait(max(0.0, self._options["every"] - (time.monotonic() - begun)))


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Put the events into the queue, until it is cancelled or the log cannot be read at the beginning."""
    find_collection()
    options = asked(args)
    loop = asyncio.get_running_loop()
    found: asyncio.Queue[dict[str, Any] | Exception] = asyncio.Queue()
    ended = threading.Event()

    def put(event: dict[str, Any] | Exception) -> None:
        # At the end nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(found.put_nowait, event)

    def follow() -> None:
        try:
            Follower(options, lambda events: [*map(put, events)]).follow(ended)
        except Exception as error:  # it is raised where it is waited for
            put(error)

    # A thread that nobody waits for, so that a look which lasts holds up no end.
    threading.Thread(target=follow, daemon=True).start()
    try:
        while True:
            event = await found.get()
            if isinstance(event, Exception):
                raise event
            await queue.put(event)
    finally:
        ended.set()
