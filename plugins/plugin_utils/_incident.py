# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which acts of the journals belong to one incident, and the window in which its traces are. Pure."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import ROLLBACKS
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number, sequence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, report

GAP_SECONDS = 4 * 3600
"""Acts belong to one incident while less than this lies between one and the next."""

MARGIN_SECONDS = 900
"""What is looked at before the first act and after the last one."""

_Dated = tuple[float, float, dict[str, Any]]  # when an act began and ended, and the act

ACTING = (*ROLLBACKS, "emergency_recovery")


def incident_window(
    journals: Any, now: Any, run_id: str = "", since: str = "", until: str = "", locale: str = "en"
) -> dict[str, Any]:
    """Find the newest incident, or the one that a run belongs to.

    :param journals: by host what ``journal_info`` returned as ``journal``, None for a host whose journal is not known
    :param now: seconds since the epoch
    :param run_id: a run of the incident; without it the newest rollback's
    :param since: look at a window of one's own instead, an age or ISO 8601; then no act is needed
    :returns: ``{id, began, ended, since, until}``, times in ISO 8601; ``began`` and ``ended`` are those of the first
        and last act, null when there is none
    :raises ValueError: with a sentence when there is no such incident, or the window is empty
    """
    now, words = number(now, "now"), Words(locale, report.TEXTS)
    acts: list[_Dated] = []
    for host, journal in mapping(journals, "The journals").items():
        for act in sequence((journal or {}).get("acts") or [], f"The acts of {host}"):
            begins = parse_when(str(act.get("began")), now)
            # One during which the host's clock was set back did not end before it began.
            ends = max(begins, parse_when(str(act.get("ended") or act.get("began")), now))
            acts.append((begins, ends, act))
    acts.sort(key=lambda entry: (entry[0], entry[1]))
    end = parse_when(until, now) if until else now
    if since:
        begin = parse_when(since, now)
        inside = [entry for entry in acts if begin <= entry[0] <= end]
    else:
        inside = _newest(acts, run_id, words)
        begin = inside[0][0] - MARGIN_SECONDS
        end = min(end, max(entry[1] for entry in inside) + MARGIN_SECONDS)
    if begin >= end:
        raise ValueError(words.say("window_empty", since=iso(begin), until=iso(end)))
    rollbacks = [entry[2] for entry in inside if entry[2].get("procedure") in ACTING]
    first = (rollbacks or [entry[2] for entry in inside] or [{}])[0]
    return {
        # It becomes a file's name, and the journal is not ours alone.
        "id": _as_name(str(run_id or first.get("run_id") or (iso(begin, "seconds") or "").replace(":", ""))),
        "began": iso(inside[0][0]) if inside else None,
        "ended": iso(max(entry[1] for entry in inside)) if inside else None,
        "since": iso(begin),
        "until": iso(end),
    }


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip(".")[:80]


def _newest(acts: list[_Dated], run_id: str, words: Words) -> list[_Dated]:
    """The acts of the newest incident with a rollback in it, or of the one that the run belongs to."""
    incidents: list[list[_Dated]] = []
    last = None
    for entry in acts:
        if last is None or entry[0] - last > GAP_SECONDS:
            incidents.append([])
        incidents[-1].append(entry)
        last = max(last or 0.0, entry[1])
    for incident in reversed(incidents):
        if run_id and any(act.get("run_id") == run_id for _began, _ended, act in incident):
            return incident
        if not run_id and any(act.get("procedure") in ACTING for _began, _ended, act in incident):
            return incident
    raise ValueError(words.say("no_such_run", id=repr(run_id[:80])) if run_id else words.say("no_rollback"))
