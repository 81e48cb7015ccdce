#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trace_log_info
short_description: Count what became of the assistant's messages, by its log, and how good that evidence is
version_added: 1.0.0
description:
  - Reads the traces of messages in a log or in the systemd journal on the target and returns counts. No log text but a few
    redacted samples leaves the target.
  - Three grammars are known, each found by itself, also where one file changes from one to another. C(trace) are the V2
    traces, C(pipeline) and C(one-turn) those of the later releases.
  - What stands around a record is taken off (logging's default, asctime, JSON lines, C(journalctl -o short-iso) and
    C(-o json), docker's C(json-file), C(docker logs -t), compose, CRI, kubectl, Railway; colours, carriage returns).
  - A trace counts only where it starts the message of a log record. Text that a customer wrote never counts, whatever it
    quotes. In a stream whose trace records have heads a bare line is text.
  - A window of time is found by bisection, so that 15 minutes of a 10 GB file take no longer than those of a small one.
  - Memory is bounded whatever the size of the log. Hand-offs are paired over at least the newest half million keys.
options:
  source:
    description: Where the log is.
    type: str
    choices: [file, journal]
    default: file
  paths:
    description:
      - Log files for O(source=file); names and globs, so that rotated and gzipped files are read as well. They are put in
        order by the times in them.
    type: list
    elements: str
    default: []
  unit:
    description: The systemd unit whose journal is read, for O(source=journal).
    type: str
  since:
    description:
      - Count what happened at or after this time. An age such as V(15m) or V(2h), or ISO 8601 (UTC where no zone is given).
    type: str
  until:
    description: Count what happened before this time, written as O(since).
    type: str
  not_before:
    description:
      - Count nothing that happened before this time even if O(since) reaches further back, for instance what the last
        rollback has answered already. Written as O(since).
    type: str
  since_pid:
    description:
      - Count nothing that happened before this process began, by the kernel. What the log says of a start is not believed,
        because a customer can write it as well.
    type: int
  pids:
    description:
      - The processes of the service. They tell whether this is the log that they write (C(evidence.owned)), and whether the
        process that runs has left a trace in it (C(evidence.covered.process_seen)).
    type: list
    elements: int
    default: []
  starts:
    description: When processes of the service are known to have begun, ISO 8601. Object ids mean something only within one.
    type: list
    elements: str
    default: []
  observe:
    description:
      - Keep reading for up to this many seconds until the log shows what became of a planned message, that is until
        something was sent, or a planned message was read and half a second later none was sent.
    type: float
    default: 0
  watch:
    description:
      - Keep reading what is appended for up to this many seconds, until it shows something grave that O(watch_known) does not hold (a
        guard, a lost message, a failure, an invalid instance), or one of the O(pids) has ended. Rotated files are followed.
    type: float
    default: 0
  watch_every:
    description: Seconds between two such readings.
    type: float
    default: 3
  watch_known:
    description:
      - C(traces.watched.known) of the reading before, so that nothing is missed between the two. Without it O(watch) returns at once.
    type: str
  conversation:
    description: Count only this conversation, given by its id or by the phone number in it.
    type: str
  heartbeat_conversation:
    description:
      - The conversation that a heartbeat message comes in by, given by its id or by the phone number in it, as the log writes it
        (C(****1234) where it shows four digits only). Its messages count in nothing else.
    type: str
  heartbeat_minutes:
    description: Within how many minutes the newest heartbeat has to have come. It has to be sent more often than that.
    type: float
    default: 15
  grace:
    description:
      - Seconds within which a planned message is read and sent, and a sent one gets its result. Younger ones count as nothing yet.
      - Where it is not given, it is learned from the log for each stage, twice what 95 % took, between 5 and 60 seconds.
    type: float
  expected_instance:
    description: The WhatsApp instance that should be used. Others that are seen are returned as C(instances.unexpected).
    type: str
  max_samples:
    description: How many samples of each kind are returned, newest first.
    type: int
    default: 5
  max_unanswered:
    description: How many conversations without an answer are returned, the longest wait first.
    type: int
    default: 20
  seconds:
    description: How long reading may take. The oldest is left out where that is not enough, and the evidence says so.
    type: float
    default: 20
  max_bytes:
    description: How much may be read, unpacked. The oldest is left out where there is more, and the evidence says so.
    type: int
    default: 4294967296
  redact:
    description: Mask phone numbers and secrets in everything that is returned.
    type: bool
    default: true
attributes:
  check_mode:
    description: Reads in check mode as it does otherwise; it never changes anything.
    support: full
  diff_mode:
    description: There is nothing to show; it never changes anything.
    support: none
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Measure the last two hours, rotated files included
  kumon.runbook.trace_log_info:
    paths: [/var/log/kumon-assistant/app.log*]
    since: 2h
  register: measured

- name: Form a verdict
  ansible.builtin.debug:
    msg: "{{ measured.traces | kumon.runbook.verdict }}"

- name: See what a restarted process does with the next message
  kumon.runbook.trace_log_info:
    paths: [/var/log/kumon-assistant/app.log]
    since_pid: 4127
    observe: 8
"""

RETURN = r"""
traces:
  description: The counts, by the window that was asked for.
  returned: success
  type: dict
  contains:
    lines: {description: Lines read., type: int, returned: always}
    bytes: {description: Bytes read (of compressed files those inside)., type: int, returned: always}
    records: {description: Trace records counted., type: int, returned: always}
    unparsed: {description: Records that name a trace and fit no grammar., type: int, returned: always}
    unparsed_guards: {description: Those of them that begin as a guard., type: int, returned: always}
    ambiguous: {description: What could be a record or a customer's text; nothing is counted by it., type: int, returned: always}
    undated: {description: Trace records whose time is unknown., type: int, returned: always}
    future: {description: Records that carry a time of the future., type: int, returned: always}
    grammars: {description: Records counted by grammar., type: dict, returned: always}
    watched:
      description:
        - For O(watch), why it ended (C(woke) is C(grave), C(process) or C(time)), C(looks), C(seconds), and C(known) for the next one.
          Null without it.
      type: dict
      returned: always
    truncated: {description: Whether the log was truncated while it was read., type: bool, returned: always}
    first: {description: Time of the first record counted (ISO 8601 in UTC)., type: str, returned: always}
    last: {description: Time of the last record counted., type: str, returned: always}
    timestamps:
      description: V(own) when the records carry their times, V(inherited) when some take it from a line above, V(none).
      type: str
      returned: always
    window:
      description: The window, C(since) and C(until) as times or null, C(process) when it begins with a process.
      type: dict
      returned: always
    measured: {description: When the log was read by the host's own clock (ISO 8601 in UTC)., type: str, returned: always}
    delivery:
      description:
        - >-
          C(success), C(failed) and C(sent) are lines. C(failed_by_http) are the failures by HTTP code,
          C(failed_by_conversation) those of the ten conversations with most of them, C(failed_by_cause) those of which the record
          beside them says why (V(500 Internal Server Error: Error: Connection Closed)).
        - C(unconfirmed) are sends with no result after the grace period.
        - C(success_rate) is success / (success + failed + unconfirmed), null when there is none.
        - C(run) is the present run of failures with no success since, and over how many recipients.
      type: dict
      returned: always
    stages:
      description:
        - Messages by stage, C(received), C(planned), C(read), C(sent), C(success), C(failed); null where the grammar has no such stage.
        - C(repeated) are sends beyond what was planned for the key, or further answers to one message, C(repeated_most)
          the most of them for one key, C(missing) messages of answers of which only others were sent, C(dropped) messages
          that the assistant says it dropped and for which nobody got an answer within a minute.
      type: dict
      returned: always
    turns:
      description:
        - Customers' messages by what became of them. C(success), C(failed), C(unconfirmed) (asked, no end in time), C(unsent) (never
          asked), C(dropped) (by the assistant's own word), C(lost), C(ignored) (repeats).
      type: dict
      returned: always
    last_event: {description: Time of the last event of each stage and of the last guard, type: dict, returned: always}
    overdue:
      description: C(planned) and not read, C(read) and not sent, C(sent) and without result, each past its grace period.
      type: dict
      returned: always
    late: {description: Messages that were C(read) or C(settled) after more than 60 seconds, type: dict, returned: always}
    contradicting: {description: Results that say success and an HTTP error code; neither is counted., type: int, returned: always}
    without_send:
      description:
        - Results of messages that were read and not sent, by the log, or of which nothing was seen before; those of its first
          minute excepted.
      type: int
      returned: always
    sent_before:
      description:
        - Successes of messages that were sent before the window begins; they were on their way then. Only where the log has each
          send and its result by themselves.
      type: int
      returned: always
    delays: {description: Seconds that 95 % took for each stage, type: dict, returned: always}
    grace: {description: Seconds after which a stage is overdue, type: dict, returned: always}
    recipients: {description: Distinct conversations by outcome, type: dict, returned: always}
    unanswered:
      description: Conversations that wait for an answer, C(n), C(longest_wait_seconds) and C(keys), the longest wait first.
      type: dict
      returned: always
    evidence:
      description:
        - What the measurement is worth. Each part has C(ok), null where it was not asked or cannot be known.
        - C(fresh), whether the silence since the newest message is no longer than max(10 minutes, 16 / rate of the hour before it).
          Where the window has none, that is the newest one before it that was read, unless O(not_before) or O(since_pid) cut it off.
        - C(covered), whether the window is in the logs, which have no hole between two files from C(first) on, and the process
          that runs has left a trace; with C(unreadable) files, C(suppressed) and C(undated) records, C(undated_guards) of level
          CRITICAL, and C(incomplete) reading.
        - C(owned), whether the service's processes write this log. C(understood), the share of the lines naming a trace that were.
      type: dict
      returned: always
    handoff:
      description:
        - C(matured) are planned messages older than three times what messages usually take to be sent, without those on their way.
        - C(planned) messages, how many of them delivery C(read), and C(lost), where delivery read 0 of what was planned.
        - C(unread) are planned and past the grace period without any delivery trace. C(unpaired) are delivery traces without planner trace.
        - C(lost_keys) are the newest 1000 lost ones. C(state_mismatches) are reads of another state or outbox than planned.
      type: dict
      returned: always
    guards:
      description: Guard lines of level CRITICAL by type, C(incidents) among them (one per conversation, key and value), C(other_levels).
      type: dict
      returned: always
    critical:
      description:
        - C(last), the time of the last critical guard, lost hand-off, differing state or use of an invalid instance,
          repeats of a known incident included; null when there is none, or none with a time.
      type: dict
      returned: always
    instances:
      description: Turns by WhatsApp instance, C(seen), C(invalid) and C(unexpected); C(errors) while resolving it.
      type: dict
      returned: always
    minutes:
      description:
        - By minute (C(2026-11-22T10:12Z)) C(success) and C(failed), one outcome per conversation, C(lost) hand-offs and C(guards) incidents.
        - C(received), C(planned), C(read) and C(sent) messages, results that are C(contradicting) or C(without_send); C(unplanned),
          C(unread) and C(unsent) are conversations of that minute whose message did not get further, C(dropped) customers
          whose message was dropped, and who got no answer.
      type: list
      elements: dict
      returned: always
    heartbeat:
      description:
        - C(ok) whether the newest heartbeat came within O(heartbeat_minutes), null where too little was read to say that none came;
          C(records), C(last), C(age_seconds), C(limit_seconds). Null without O(heartbeat_conversation).
      type: dict
      returned: always
    samples:
      description: The newest C(failures), C(guards) (one an incident) and C(lost) hand-offs, each with C(time) and C(line).
        A failure has its C(reason) where the record beside it tells one.
      type: dict
      returned: always
"""

import gc
import os
import time
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, run
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import OPTIONS, measure


def look(call: Call) -> dict[str, Any]:
    """Measure what was asked for, after what is measured."""
    params = call.params
    if params["source"] == "file" and not params["paths"]:
        raise Refused("no log is named; set paths (runbook_log_paths), or source: journal with unit")
    for name in ("grace", "observe", "watch", "max_samples", "max_unanswered"):
        if params[name] is not None and params[name] < 0:
            raise Refused(f"{name} is {params[name]}; it must not be negative")
    for name in ("seconds", "max_bytes", "heartbeat_minutes", "watch_every"):
        if params[name] <= 0:
            raise Refused(f"{name} is {params[name]}; it must be more than 0")
    os.nice(5)
    try:
        return {"changed": False, "traces": measure(params, time.time())}
    except (SourceError, ValueError) as error:
        raise Refused(str(error)) from error


def main() -> None:
    """Run the module."""
    gc.disable()  # counting makes no cycles; looking for them takes a fifth of the time
    run(OPTIONS, look, required_if=[("source", "journal", ["unit"])])


if __name__ == "__main__":
    main()
