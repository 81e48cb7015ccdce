# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One pass over a log, from its options to its `traces`."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._module import Spec
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance
from ansible_collections.kumon.runbook.plugins.module_utils.log.evidence import (
    MESSAGES_MISSED,
    SHORTEST_SILENCE,
    Facts,
    evidence,
    heartbeat,
)
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.journald import JournalSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import FileSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

# The options of the module that measures.
OPTIONS: Spec = {
    "source": {"type": "str", "choices": ["file", "journal"], "default": "file"},
    "paths": {"type": "list", "elements": "str", "default": []},
    "unit": {"type": "str"},
    "since": {"type": "str"},
    "until": {"type": "str"},
    "not_before": {"type": "str"},
    "since_pid": {"type": "int"},
    "pids": {"type": "list", "elements": "int", "default": []},
    "starts": {"type": "list", "elements": "str", "default": []},
    "observe": {"type": "float", "default": 0},
    "watch": {"type": "float", "default": 0},
    "watch_every": {"type": "float", "default": 3},
    "watch_known": {"type": "str"},
    "conversation": {"type": "str"},
    "heartbeat_conversation": {"type": "str"},
    "heartbeat_minutes": {"type": "float", "default": 15},
    "grace": {"type": "float"},
    "expected_instance": {"type": "str"},
    "max_samples": {"type": "int", "default": 5},
    "max_unanswered": {"type": "int", "default": 20},
    "seconds": {"type": "float", "default": 20},
    "max_bytes": {"type": "int", "default": 4294967296},
    "redact": {"type": "bool", "default": True},
}
DEFAULTS = {name: option.get("default") for name, option in OPTIONS.items()}

POLL_SECONDS = 0.1
SETTLE_SECONDS = 0.5  # a message that was read is sent within milliseconds or not at all; its result comes soon
PLANNED_SECONDS = 1.5  # a planned message that is not even read by then says something too
_OF_AN_ACT = ("observe", "source", "paths", "unit", "heartbeat_conversation", "heartbeat_minutes")
LOOK_BACK_SECONDS = 86400.0  # so far before a window without a message the newest one is looked for
LEAD_SECONDS = 300.0  # read before the window: what was planned there is read inside, and how long that takes is seen


def observe(balance: Balance, reader: TraceReader, source: FileSource | JournalSource, seconds: float) -> None:
    """Read on until it is seen what became of a planned message, for at most ``seconds``."""
    begun = time.monotonic()
    first_seen: dict[str, float] = {}
    while True:
        now = time.monotonic()
        for name, number in balance.observed.items():
            if number:
                first_seen.setdefault(name, now)
        settled = min(
            first_seen.get("planned", now) + PLANNED_SECONDS,
            first_seen.get("read", now) + SETTLE_SECONDS,
            first_seen.get("sent", now) + SETTLE_SECONDS,
            begun + seconds,
        )
        if now >= settled or "settled" in first_seen:
            return
        time.sleep(min(POLL_SECONDS, settled - now))
        reader.read_live(time.time())
        source.read(reader)


def watch(
    balance: Balance,
    reader: TraceReader,
    source: FileSource | JournalSource,
    params: dict[str, Any],
    running: list[int],
) -> dict[str, Any]:
    """Read on until something grave is there that is not known yet, a process has ended, or the time is over.

    What was grave is told as one text, `known`; given to the next reading, nothing is missed between the two.
    running: the processes that ran when the reading began.
    """
    proc, begun = Proc(), time.monotonic()
    known, looks, woke = params["watch_known"], 0, ""
    while not woke:
        seconds = time.monotonic() - begun
        if known != _told(balance):
            woke = "grave"
        elif any(proc.stat(pid) is None for pid in running):
            woke = "process"
        elif seconds >= params["watch"]:
            woke = "time"
        else:
            time.sleep(min(params["watch_every"], params["watch"] - seconds))
            reader.read_live(time.time())
            source.read(reader)
            looks += 1
    seconds = time.monotonic() - begun
    return {"woke": woke, "looks": looks, "seconds": round(seconds, 3), "known": _told(balance)}


def _told(balance: Balance) -> str:
    return ",".join(map(str, balance.grave))


def started(pids: list[int]) -> float | None:
    """Return when the oldest of these processes began, by the kernel; None when none runs."""
    proc = Proc()
    starts = [proc.started(stat.start) for stat in map(proc.stat, pids) if stat is not None]
    return min(starts, default=None)


def moment(text: str | None, now: float) -> float | None:
    """Return the time that an option names, or None."""
    return parse_when(text, now) if text else None


def _source(params: dict[str, Any], start: float | None, stamps: StampReader) -> FileSource | JournalSource:
    limits: dict[str, Any] = {"deadline": params["seconds"], "max_bytes": params["max_bytes"]}
    if params["source"] == "file":
        return FileSource(params["paths"], start, stamps, pids=params["pids"], **limits)
    # Its time is that of all its readings.
    limits["deadline"] += params["watch"]
    return JournalSource(params["unit"], start, pids=params["pids"], **limits)


def _before(params: dict[str, Any], since: float, now: float, taken: float) -> tuple[float, dict[int, int]] | None:
    """What came before a window without a message, as :attr:`Balance.before_window` tells it.

    Between the last message and the window may lie hours of other lines: a log whose webhook is dead still has the
    probes of health.

    :param taken: of the seconds that the reading may take
    """
    stamps = StampReader(now)
    left = {**params, "seconds": max(1.0, params["seconds"] - taken), "watch": 0}
    whose = {"conversation": params["conversation"], "heartbeat": params["heartbeat_conversation"]}
    balance = Balance(now=now, since=since, until=since, **whose)
    try:
        with _source(left, since - LOOK_BACK_SECONDS, stamps) as source:
            reader = TraceReader(balance, stamps, now)
            reader.deduplicate = source.notes.overlapping
            source.read(reader)
    except SourceError:
        return None  # one sign less, and no reason to give up
    # Of a part nobody knows whether the newest message is in it.
    return None if source.notes.incomplete else balance.before_window


def measure(params: dict[str, Any], now: float) -> dict[str, Any]:
    """Read the source that ``params`` names and return its ``traces``."""
    begun = time.monotonic()
    since, until = moment(params["since"], now), moment(params["until"], now)
    not_before = moment(params["not_before"], now)
    running = [pid for pid in params["pids"] if Proc().stat(pid) is not None]
    present_process = started(running)
    # What uvicorn writes of its start is not believed: a customer can write it as well.
    restarted = started([params["since_pid"]]) if params["since_pid"] is not None else None
    not_before = max((m for m in (not_before, restarted) if m is not None), default=None)
    # What a rollback or a restart has answered is not counted again, silence included.
    is_cut = not_before is not None and (since is None or not_before > since)
    if not_before is not None:
        since = max(not_before, since or not_before)
    if since is not None and until is not None and since >= until:
        raise ValueError(f"the window is empty: since ({params['since']}) is not before until ({params['until']})")
    start = since - max(LEAD_SECONDS, params["grace"] or 0) if since is not None else None
    stamps = StampReader(now)
    with _source(params, start, stamps) as source:
        balance = Balance(
            now=now,
            since=since,
            until=until,
            grace=params["grace"],
            conversation=params["conversation"],
            expected_instance=params["expected_instance"],
            max_samples=params["max_samples"],
            max_unanswered=params["max_unanswered"],
            redacted=params["redact"],
            heartbeat=params["heartbeat_conversation"],
            starts=[
                begin
                for begin in (present_process, restarted, *(moment(t, now) for t in params["starts"]))
                if begin is not None
            ],
        )
        reader = TraceReader(balance, stamps, now)
        reader.deduplicate = source.notes.overlapping
        source.read(reader)
        observe(balance, reader, source, params["observe"])
        watched = watch(balance, reader, source, params, running) if params["watch"] else None
        notes = source.notes
    ended = now + time.monotonic() - begun
    balance.look_again_at(ended)
    before = None if is_cut else balance.before_window
    is_silent = until is None and not is_cut and balance.newest_message is None
    tells_a_rate = before is not None and sum(before[1].values()) >= MESSAGES_MISSED
    if is_silent and not tells_a_rate and since is not None and ended - since >= SHORTEST_SILENCE:
        before = _before(params, since, now, time.monotonic() - begun) or before
    traces = balance.result()
    traces["lines"], traces["bytes"] = reader.lines, reader.bytes
    traces["truncated"] = notes.truncated
    traces["watched"] = watched
    traces["measured"] = iso(ended)
    traces["window"] = {"since": iso(since), "until": iso(until), "process": params["since_pid"]}
    facts = Facts(
        present=ended if until is None else min(ended, until),
        since=since,
        first=notes.first,
        read_from=start,
        newest=balance.newest,
        process_started=present_process,
        unreadable=notes.unreadable,
        copies=notes.copies,
        suppressed=notes.suppressed,
        incomplete=notes.incomplete,
        backwards=balance.refused_backwards,
        undated_guards=0 if params["conversation"] else reader.undated_guards,
        owned=notes.owned,
        owner=notes.owner,
        path=", ".join(params["paths"]) if params["source"] == "file" else "",
        lines=reader.lines,
        any_event=balance.newest is not None or traces["records"] > 0 or before is not None,
        spans=notes.spans,
        before=before,
    )
    traces["evidence"] = evidence(traces, balance.newest_message, facts)
    traces["heartbeat"] = None
    if params["heartbeat_conversation"]:
        minutes = params["heartbeat_minutes"]
        traces["heartbeat"] = heartbeat(balance.heartbeats, balance.last_heartbeat, minutes, facts)
    return traces


def after_an_act(params: dict[str, Any], act: dict[str, Any]) -> dict[str, Any] | None:
    """What the processes of an act do next, None where the log does not tell.

    Told from the start of the process; where it was not restarted, or not as planned, from the fence on: what it sent
    before that went out.

    :param params: of the module that acted: `observe`, which log it is, and whose messages are a heartbeat
    :param act: its result
    """
    fence = act.get("fence") or {}
    stayed = fence.get("present") and act.get("running") and (act.get("msg") or not act.get("restarted"))
    asked = {
        **DEFAULTS,
        **{name: params[name] for name in _OF_AN_ACT},
        "since": fence["read_back"] if stayed else act.get("started"),
        "since_pid": None if stayed else act.get("pid"),
        "pids": act.get("pids") or [],
    }
    try:
        return measure(asked, time.time())
    except (SourceError, ValueError, OSError):
        # One proof less, and no reason to give up.
        return None
