# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident that people are told of: what an event makes of it, and the file that outlives the run.

A message is claimed in the file (`ok` null) before it is sent. A run that is killed in between leaves the claim, and
the next one sends it again under the same id, by which a receiver can drop it: at least once, never silently not at
all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict, cast

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

EVENTS = ("open", "update", "tick", "acknowledge", "close", "test")

_NAME = "incident.json"
_LOCK_SECONDS = 10
_ETA_LENGTH = 80
_ACTOR_LENGTH = 80

Facts = dict[str, Any]
# The text of each message, by audience, locale and kind.
Texts = dict[str, dict[str, dict[str, str]]]


class SentMessage(TypedDict):
    """A message as the state has it; `ok` is null while nobody knows whether it went out."""

    id: str
    kind: str
    audience: str
    tier: int
    claimed: str
    time: str
    channel: str | None
    ok: bool | None
    detail: str
    fingerprint: str


class Acknowledged(TypedDict):
    """Who has taken over, and when."""

    by: str
    time: str


class Eta(TypedDict):
    """When it is expected to be over, as a person said, and when that was."""

    text: str
    time: str


class Incident(TypedDict):
    """The content of the state file."""

    id: str
    opened: str
    closed: str | None
    facts: Facts
    texts: Texts
    fingerprint: str
    acknowledged: Acknowledged | None
    eta: Eta | None
    messages: list[SentMessage]


class News(TypedDict):
    """What an event has to tell."""

    event: str
    facts: Facts
    texts: Texts
    by: str
    eta: str
    run_id: str


def new_incident(run_id: str, now: float) -> Incident:
    """An incident of which nobody was told yet."""
    return {
        "id": run_id,
        "opened": str(iso(now)),
        "closed": None,
        "facts": {},
        "texts": {},
        "fingerprint": "",
        "acknowledged": None,
        "eta": None,
        "messages": [],
    }


# ---------------------------------------------------------------- what an event makes of it


def apply(incident: Incident | None, news: News, now: float) -> tuple[Incident | None, bool]:
    """The incident after the event, and whether the event told nothing new. Pure."""
    event = news["event"]
    if event == "test":
        incident = new_incident(news["run_id"] or "test", now)
    elif event == "open" and (incident is None or incident["closed"]):
        incident = new_incident(news["run_id"] or f"incident-{int(now)}", now)
    elif incident is None or (incident["closed"] and event != "close"):
        return incident, False
    incident = cast(Incident, json.loads(json.dumps(incident)))
    earlier = incident["fingerprint"]
    if event in ("open", "update", "test"):
        # A new ETA alone is news as well, and leaves what is known as it is.
        if news["facts"] or not news["eta"]:
            _replace_facts(incident, news)
        _note_eta(incident, news["eta"], now)
        return incident, bool(incident["messages"]) and incident["fingerprint"] == earlier
    if event == "close":
        if not incident["closed"]:
            incident["closed"] = iso(now)
            if news["facts"]:
                _replace_facts(incident, news)
        return incident, False
    if event == "acknowledge" and not incident["acknowledged"]:
        incident["acknowledged"] = {"by": redact(news["by"])[:_ACTOR_LENGTH], "time": str(iso(now))}
    _note_eta(incident, news["eta"], now)
    return incident, False


def _replace_facts(incident: Incident, news: News) -> None:
    incident["facts"] = redact_data(news["facts"])
    incident["texts"] = redact_data(news["texts"])
    incident["fingerprint"] = _fingerprint(incident)


def _note_eta(incident: Incident, eta: str, now: float) -> None:
    """Keep a person's estimate until another one is given; the same one again keeps the time when it was given."""
    text = " ".join(redact(eta).split())[:_ETA_LENGTH]
    known = incident["eta"]
    if text and not (known and known["text"] == text):
        incident["eta"] = {"text": text, "time": str(iso(now, "minutes"))}
        incident["fingerprint"] = _fingerprint(incident)


def _fingerprint(incident: Incident) -> str:
    """The same for the same news, whichever run tells them."""
    facts = incident["facts"]
    # What differs from run to run. The journal grows by looking at the host.
    passing = ("run_id", "started", "seconds", "reasons", "journal")
    stable = {name: value for name, value in facts.items() if name not in passing}
    # A count that has grown since is no other news.
    stable["headline"] = re.sub(r"[0-9]+(?:[.,][0-9]+)*", "#", str(facts.get("headline") or ""))
    if incident["eta"]:
        stable["eta"] = incident["eta"]["text"]
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:16]


def claim(incident: Incident, message: Mapping[str, Any], now: float) -> SentMessage:
    """Note that a message is about to be sent; the same one again stays one entry."""
    for entry in incident["messages"]:
        if entry["id"] == message["id"] and not entry["ok"]:
            entry["ok"] = None
            return entry
    entry = {
        "id": message["id"],
        "kind": message["kind"],
        "audience": message["audience"],
        "tier": message["tier"],
        "claimed": str(iso(now)),
        "time": str(iso(now)),
        "channel": None,
        "ok": None,
        "detail": "",
        "fingerprint": incident["fingerprint"],
    }
    incident["messages"].append(entry)
    return entry


# ---------------------------------------------------------------- the file


class StateFile:
    """`incident.json` in a directory, and beside it the earlier incidents."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = os.path.join(directory, _NAME)

    def read(self) -> Incident | None:
        """The incident, None where there is none or it cannot be read. Changes nothing."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            return self._parse()
        return None

    def load(self, warnings: list[str]) -> Incident | None:
        """The incident, None without one. A file that cannot be read is kept aside, and said."""
        try:
            return self._parse()
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            aside = f"{self._path}.broken-{int(time.time())}"
            os.replace(self._path, aside)
            warnings.append(
                f"{self._path} could not be read ({error}); it was kept as {aside}, and the incident begins anew"
            )
            return None

    def _parse(self) -> Incident:
        with open(self._path, encoding="utf-8") as handle:
            content = json.load(handle)
        if not isinstance(content, dict) or not {"id", "opened", "messages", "facts"} <= set(content):
            raise ValueError("it is no incident")
        # One that an earlier release has written lacks what came later.
        return cast(Incident, {**new_incident(content["id"], 0), **content})

    def save(self, incident: Incident) -> None:
        """Put the state in place whole."""
        _files.replace(self._path, json.dumps(incident, indent=1, sort_keys=True).encode(), 0o600)

    def keep_earlier(self, incident: Incident) -> None:
        """Put an incident that is over aside under its own name."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", str(incident["id"]))[:80]
        os.replace(self._path, os.path.join(self._directory, f"incident-{name}.json"))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One run at a time with the state, which takes a moment."""
        refusal = "another run has the state of the messages; nothing was noted"
        with _locked(os.path.join(self._directory, ".lock"), _LOCK_SECONDS, refusal):
            yield

    @contextlib.contextmanager
    def sending(self, seconds: float) -> Iterator[None]:
        """One run at a time that sends, so that nothing is sent twice."""
        refusal = "another run is sending its messages; this one's news is noted, and the next run tells it"
        with _locked(os.path.join(self._directory, ".sending"), seconds, refusal):
            yield


@contextlib.contextmanager
def _locked(path: str, seconds: float, refusal: str) -> Iterator[None]:
    with contextlib.ExitStack() as lock:
        try:
            lock.enter_context(_files.locked(path, seconds))
        except BlockingIOError:
            raise Refused(refusal) from None
        yield
