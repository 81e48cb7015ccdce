# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling people of an incident: note the event, claim what is due, send it, note what became of it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils import (
    _channels,
    _contacts,
    _desk_records,
    _due,
    _journal,
    _message_text,
)
from ansible_collections.kumon.runbook.plugins.module_utils._due import DueMessage
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._incident_state import (
    Facts,
    Incident,
    News,
    SentMessage,
    StateFile,
    Texts,
    apply,
    claim,
    times,
)
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso


class Params(TypedDict):
    """The options of the module."""

    event: str
    contacts: Mapping[str, Any]
    smtp: Mapping[str, Any]
    facts: Facts | None
    texts: Texts | None
    locale: str
    by: str | None
    eta: str | None
    every: float
    seconds: float
    state_dir: str
    run_id: str | None
    dry_run: bool


class _Noted(NamedTuple):
    """What the state has after the event."""

    incident: Incident | None
    held_back: bool
    changed: bool


class _Claimed(NamedTuple):
    """What is due, with the claim on each."""

    incident: Incident | None
    messages: Sequence[DueMessage]
    claims: Sequence[SentMessage]


def run(params: Params, check: bool, warnings: list[str], wall: Callable[[], float] = time.time) -> dict[str, Any]:
    """Do what an event asks for: `{changed, incident, messages, sent, unsent, held_back}`. Raises Refused."""
    problems = _contacts.contacts_problems(params["contacts"], params["smtp"])
    if problems:
        raise Refused(problems[0])
    if params["event"] == "acknowledge" and not (params["by"] or "").strip():
        raise Refused("notify_by is empty: name who acknowledges, e.g. -e notify_by=ana")
    warnings += _contacts.contacts_warnings(params["contacts"])
    directory = params["state_dir"]
    if params["dry_run"]:
        # A drill must not look like news that was told: the real incident after it would be held back.
        directory = os.path.join(directory, "dry_run")
    # Who looks every few minutes has nothing new to tell, and without a state would tell it each time.
    state = StateFile(directory, anyway=params["event"] != "tick" and not params["dry_run"])
    if check:
        incident, held_back = apply(state.read(), _news(params), wall())
        messages = [{**_public(message), "ok": None} for message in _due_now(incident, params, wall())]
        return _result(incident, messages, held_back, False)
    try:
        state.make()
        result = _tell(state, directory, params, warnings, wall)
    except OSError as exc:
        where = exc.filename or directory
        raise Refused(f"{where} cannot be written ({exc.strerror}): set runbook_desk_dir") from exc
    if state.unkept:
        warnings.append(
            f"{directory} cannot be written ({state.unkept}): who was told of what is not kept, so the next run may "
            "tell it again, and none comes by itself"
        )
    return result


def _tell(
    state: StateFile, directory: str, params: Params, warnings: list[str], wall: Callable[[], float]
) -> dict[str, Any]:
    noted = _note(state, directory, params, warnings, wall())
    test = params["event"] == "test"
    # Another run may be sending for as long as this one may.
    with state.sending(params["seconds"] + 5):
        incident, messages, claims = _claim_due(state, params, noted, wall())
        if incident is None:
            return _result(None, [], noted.held_back, False)
        outcomes = _send(messages, incident, params, wall())
        for entry, outcome in zip(claims, outcomes):
            entry["ok"], entry["channel"], entry["detail"] = outcome["ok"], outcome["channel"], outcome["detail"]
            entry["time"] = str(iso(wall()))
        if claims and not test:
            incident = _note_outcomes(state, claims) or incident
    told = []
    for message, entry in zip(messages, claims):
        text = _message_text.fill_in(message, incident, params["locale"], wall())
        told.append({**_public(message), **entry, "subject": text.subject, "text": text.body})
    if params["dry_run"]:
        _write_outbox(directory, told)
    return _result(None if test else incident, told, noted.held_back, noted.changed or bool(claims))


def _news(params: Params) -> News:
    return {
        "event": params["event"],
        "facts": params["facts"] or {},
        "texts": params["texts"] or {},
        "by": params["by"] or "",
        "eta": params["eta"] or "",
        "run_id": params["run_id"] or "",
    }


def _note(state: StateFile, directory: str, params: Params, warnings: list[str], now: float) -> _Noted:
    """Put the event into the state, whoever is sending meanwhile."""
    with state.alone():
        earlier = state.load(warnings)
        incident, held_back = apply(earlier, _news(params), now)
        if params["event"] == "close" and incident and not incident["closed"]:
            hosts = ", ".join(incident["hosts"])
            warnings.append(
                f"the incident {incident['id']} stays open: on {hosts} something was done and no recovery was proven "
                "since; run validate_recovery there, or notify with -e notify_event=close"
            )
        # A test is no news, and leaves the incident that is open as it is.
        if incident is None or params["event"] == "test" or incident == earlier:
            return _Noted(incident, held_back, False)
        if earlier is not None and earlier["id"] != incident["id"]:
            state.keep_earlier(earlier)
        state.save(incident)
        if incident["closed"] and not params["dry_run"] and not (earlier and earlier["closed"]):
            _keep_times(directory, incident, params, warnings)
        return _Noted(incident, held_back, True)


def _keep_times(directory: str, incident: Incident, params: Params, warnings: list[str]) -> None:
    """What the trend counts. That it cannot be kept is no reason not to tell people that the incident is over."""
    path = _desk_records.path_in(directory, "incident")
    try:
        _desk_records.add(path, _desk_records.stamped(times(incident), _journal.who(), params["run_id"]))
    except OSError as exc:
        warnings.append(f"{path} cannot be written ({exc.strerror}): the trend lacks the incident {incident['id']}")


def _due_now(incident: Incident | None, params: Params, now: float) -> list[DueMessage]:
    if incident is None:
        return []
    if params["event"] == "test":
        return _due.channel_test(incident["id"], params["contacts"])
    return _due.due(incident, params["contacts"], params["every"], now)


def _claim_due(state: StateFile, params: Params, noted: _Noted, now: float) -> _Claimed:
    test = params["event"] == "test"
    with state.alone():
        incident = noted.incident if test else state.load([])
        if incident is None:
            return _Claimed(None, [], [])
        messages = _due_now(incident, params, now)
        claims = [claim(incident, message, now) for message in messages]
        if claims and not test:
            state.save(incident)
    return _Claimed(incident, messages, claims)


def _send(
    messages: Sequence[DueMessage], incident: Incident, params: Params, now: float
) -> Sequence[_channels.Outcome]:
    if params["dry_run"]:
        return [{"ok": True, "channel": "dry_run", "detail": "not sent"} for _message in messages]
    letters = [
        _channels.Letter(
            message,
            _message_text.fill_in(message, incident, params["locale"], now),
            incident["id"],
            incident["facts"],
            params["smtp"],
        )
        for message in messages
    ]
    return _channels.deliver(letters, params["seconds"])


def _note_outcomes(state: StateFile, claims: Sequence[SentMessage]) -> Incident | None:
    """Put what became of the messages into the state, which another event may have changed since."""
    with state.alone():
        incident = state.load([])
        if incident is None:
            return None
        ended = {entry["id"]: entry for entry in claims}
        incident["messages"] = [ended.get(entry["id"], entry) for entry in incident["messages"]]
        state.save(incident)
        return incident


def _public(message: DueMessage) -> dict[str, Any]:
    return {
        "id": message["id"],
        "kind": message["kind"],
        "audience": message["audience"],
        "tier": message["tier"],
        "name": redact_data(message["name"]),
    }


def _result(
    incident: Incident | None, messages: Sequence[Mapping[str, Any]], held_back: bool, changed: bool
) -> dict[str, Any]:
    shown = None
    if incident is not None:
        shown = {name: value for name, value in incident.items() if name not in ("texts", "fingerprint")}
    return {
        "changed": changed,
        "incident": shown,
        "messages": messages,
        "sent": sum(1 for message in messages if message["ok"]),
        "unsent": sum(1 for message in messages if message["ok"] is False),
        "held_back": held_back and not messages,
    }


def _write_outbox(directory: str, told: Sequence[Mapping[str, Any]]) -> None:
    """What would have gone out, each as a file."""
    outbox = os.path.join(directory, "outbox")
    os.makedirs(outbox, mode=0o700, exist_ok=True)
    for message in told:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", message["id"])[:150]
        with open(os.path.join(outbox, f"{name}.txt"), "w", encoding="utf-8") as out:
            out.write(f"{message['subject']}\n\n{message['text']}\n")
