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
import errno
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
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when

EVENTS = ("open", "update", "tick", "acknowledge", "close", "test")

# What a disk says that takes nothing more, whoever writes.
NO_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

_NAME = "incident.json"
# What every release has written of a message.
_OF_A_MESSAGE = {"id", "kind", "audience", "tier", "time", "ok"}
# Statuses of a host on which something was done, or may have been.
_ACTED = ("unreachable", "failed", "worse", "ignored", "unproven", "proven")
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
    # On which it was acted, and no recovery was proven since.
    hosts: list[str]
    # When the log first showed it, and when a rollback was first proven; None while nobody knows.
    first_sign: str | None
    stopped: str | None


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
        "hosts": [],
        "first_sign": None,
        "stopped": None,
    }


# ---------------------------------------------------------------- what an event makes of it


def apply(incident: Incident | None, news: News, now: float) -> tuple[Incident | None, bool]:
    """The incident after the event, and whether the event told nothing new. Pure."""
    event = news["event"]
    if event == "test":
        incident = new_incident(news["run_id"] or "test", now)
    elif event == "open" and (incident is None or incident["closed"]):
        name = news["run_id"] or f"incident-{int(now)}"
        # Who drops repeats by their id must not take the second incident of a run for the first one.
        incident = new_incident(f"{name}-{int(now)}" if incident and incident["id"] == name else name, now)
    elif incident is None or (incident["closed"] and event != "close"):
        return incident, False
    incident = cast(Incident, json.loads(json.dumps(incident)))
    earlier = incident["fingerprint"]
    if event in ("open", "update", "test"):
        # A new ETA alone is news as well, and leaves what is known as it is.
        if news["facts"] or not news["eta"]:
            _replace_facts(incident, news)
            incident["hosts"] = sorted({*incident["hosts"], *_acted_on(news["facts"])})
        _note_eta(incident, news["eta"], now)
        return incident, bool(incident["messages"]) and incident["fingerprint"] == earlier
    if event == "close":
        proven = news["facts"].get("hosts") or {}
        left = [host for host in incident["hosts"] if host not in proven] if proven else []
        # What is proven on other hosts says nothing of this incident, and on some of its own that it is over there.
        if not incident["closed"] and (not left or left != incident["hosts"]):
            incident["closed"], incident["hosts"] = None if left else iso(now), left
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
    for moment in ("first_sign", "stopped"):
        incident[moment] = incident[moment] or incident["facts"].get(moment)
    incident["fingerprint"] = _fingerprint(incident)


def _acted_on(facts: Facts) -> list[str]:
    """The hosts on which something was done."""
    hosts = facts.get("hosts")
    told = hosts.items() if isinstance(hosts, dict) else ()
    return [str(host) for host, status in told if status in _ACTED]


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
    passing = ("run_id", "started", "seconds", "reasons", "journal", "first_sign", "stopped")
    stable = {name: value for name, value in facts.items() if name not in passing}
    # A count that has grown since is no other news.
    stable["headline"] = re.sub(r"[0-9]+(?:[.,][0-9]+)*", "#", str(facts.get("headline") or ""))
    if incident["eta"]:
        stable["eta"] = incident["eta"]["text"]
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:16]


def times(incident: Incident) -> dict[str, Any]:
    """An incident that is over, as it is kept for the trend: when it was what."""
    taken_over = incident["acknowledged"]
    return {
        "id": incident["id"],
        "first_sign": incident["first_sign"],
        "opened": incident["opened"],
        "acknowledged": taken_over["time"] if taken_over else None,
        "stopped": incident["stopped"],
        "closed": incident["closed"],
    }


def claim(incident: Incident, message: Mapping[str, Any], now: float) -> SentMessage:
    """Note that a message is about to be sent; the same one again stays one entry."""
    for entry in incident["messages"]:
        if entry["id"] == message["id"] and not entry["ok"]:
            entry["ok"] = None
            # A first attempt in the future would hold up the next tier until then.
            if parse_when(entry["claimed"], now) > now:
                entry["claimed"] = str(iso(now))
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
    """`incident.json` in a directory, and beside it the earlier incidents.

    With `anyway` a disk that takes nothing keeps nobody from being told: the state then lasts as long as this run, and
    `unkept` says why.
    """

    def __init__(self, directory: str, anyway: bool = False) -> None:
        self._directory, self._anyway = directory, anyway
        self._path = os.path.join(directory, _NAME)
        self._in_memory: Incident | None = None
        self.unkept = ""

    def read(self) -> Incident | None:
        """The incident, None where there is none or it cannot be read. Changes nothing."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            return self._parse()
        return None

    def load(self, warnings: list[str]) -> Incident | None:
        """The incident, None without one. A file that cannot be read is kept aside, and said."""
        if self._in_memory is not None:
            return cast(Incident, json.loads(json.dumps(self._in_memory)))
        try:
            return self._parse()
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            # Digits alone would be told as a phone number.
            aside = f"{self._path}.broken-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
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
        messages = content["messages"]
        if not isinstance(messages, list) or not all(
            isinstance(message, dict) and set(message) >= _OF_A_MESSAGE for message in messages
        ):
            raise ValueError("its messages are none")
        for moment in (content["opened"], *(message["time"] for message in messages)):
            parse_when(str(moment), 0)
        # One that an earlier release has written lacks what came later.
        return cast(Incident, {**new_incident(content["id"], 0), **content})

    def save(self, incident: Incident) -> None:
        """Put the state in place whole."""
        with self._on_disk():
            _files.replace(self._path, json.dumps(incident, indent=1, sort_keys=True).encode(), 0o600)
            self._in_memory, self.unkept = None, ""
        if self.unkept:
            self._in_memory = incident

    def keep_earlier(self, incident: Incident) -> None:
        """Put an incident that is over aside under its own name."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", str(incident["id"]))[:80]
        with self._on_disk():
            os.replace(self._path, os.path.join(self._directory, f"incident-{name}.json"))

    def make(self) -> None:
        """Make the directory."""
        with self._on_disk():
            os.makedirs(self._directory, mode=0o700, exist_ok=True)

    @contextlib.contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self._anyway or error.errno not in NO_DISK:
                raise
            self.unkept = error.strerror or str(error)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One run at a time with the state, which takes a moment."""
        refusal = "another run has the state of the messages; nothing was noted"
        with self._locked(".lock", _LOCK_SECONDS, refusal):
            yield

    @contextlib.contextmanager
    def sending(self, seconds: float) -> Iterator[None]:
        """One run at a time that sends, so that nothing is sent twice."""
        refusal = "another run is sending its messages; this one's news is noted, and the next run tells it"
        with self._locked(".sending", seconds, refusal):
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, seconds: float, refusal: str) -> Iterator[None]:
        with contextlib.ExitStack() as lock:
            try:
                # Where not even an empty file can be made, nobody else can note anything either.
                with self._on_disk():
                    lock.enter_context(_files.locked(os.path.join(self._directory, name), seconds))
            except BlockingIOError:
                raise Refused(refusal) from None
            yield
