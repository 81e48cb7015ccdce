# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is due to be told what. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils._contacts import AUDIENCES
from ansible_collections.kumon.runbook.plugins.module_utils._incident_state import Incident, SentMessage
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when

KINDS = ("first", "update", "escalation", "acknowledged", "end", "test")

_EARLY_SECONDS = 30

Contacts = Mapping[str, Any]


class DueMessage(TypedDict):
    """A message that is due to one tier."""

    id: str
    kind: str
    audience: str
    tier: int
    name: str
    channels: list[dict[str, Any]]
    locale: str | None


def due(incident: Incident, contacts: Contacts, every: float, now: float) -> list[DueMessage]:
    """Who is due to be told what.

    :param every: seconds after which those who were told are told again, also when nothing has changed
    :param now: seconds since the epoch
    """
    messages = []
    for audience in AUDIENCES:
        tiers = contacts.get(audience) or []
        for index in range(_active_tiers(incident, audience, tiers, now)):
            kind = _kind_due(incident, audience, index, every, now)
            if kind:
                message_id = _claimed_id(incident, audience, index, kind) or _new_id(incident, audience, index, kind)
                messages.append(_message(message_id, kind, audience, index, tiers[index]))
    return messages


def channel_test(incident_id: str, contacts: Contacts) -> list[DueMessage]:
    """A labelled test over every channel of every tier."""
    messages = []
    for audience in AUDIENCES:
        for index, tier in enumerate(contacts.get(audience) or []):
            for position, channel in enumerate(tier["channels"], 1):
                message_id = f"{incident_id}-test-{audience}-{index + 1}-{position}"
                messages.append(_message(message_id, "test", audience, index, {**tier, "channels": [channel]}))
    return messages


def _message(message_id: str, kind: str, audience: str, index: int, tier: Mapping[str, Any]) -> DueMessage:
    return {
        "id": message_id,
        "kind": kind,
        "audience": audience,
        "tier": index + 1,
        "name": tier["name"],
        "channels": tier["channels"],
        "locale": tier.get("locale"),
    }


def _told(incident: Incident, audience: str, index: int) -> list[SentMessage]:
    """What a tier was told, oldest first.

    When it is over, also what nobody knows of because its run was killed: who may have been told that it began is told
    that it is over.
    """
    return [
        message
        for message in incident["messages"]
        if message["audience"] == audience
        and message["tier"] == index + 1
        and (message["ok"] or (incident["closed"] and message["ok"] is None))
    ]


def _active_tiers(incident: Incident, audience: str, tiers: Sequence[Mapping[str, Any]], now: float) -> int:
    """How many tiers of an audience are told: the next joins when the last did not acknowledge in its time."""
    active = 1 if tiers else 0
    while active < len(tiers):
        if _told(incident, audience, active):
            active += 1
            continue
        if incident["acknowledged"] or incident["closed"]:
            break
        # From the first attempt on: a tier that cannot be told does not hold up the next one for longer.
        attempts = [
            parse_when(message.get("claimed") or message["time"], now)
            for message in incident["messages"]
            if message["audience"] == audience and message["tier"] == active
        ]
        # One in the future was made before the clock was set back, and nobody knows how long ago that is.
        begun = next((attempt for attempt in attempts if attempt <= now + _EARLY_SECONDS), None)
        minutes = float(tiers[active - 1].get("acknowledge_minutes", 15))
        if begun is None or now - begun < minutes * 60:
            break
        active += 1
    return active


def _kind_due(incident: Incident, audience: str, index: int, every: float, now: float) -> str | None:
    messages = _told(incident, audience, index)
    kinds = {message["kind"] for message in messages if message["ok"]}
    if incident["closed"]:
        # Whoever was not told that it began is not told that it is over.
        return "end" if messages and "end" not in kinds else None
    if not messages:
        return "first" if index == 0 else "escalation"
    if incident["acknowledged"] and "acknowledged" not in kinds:
        return "acknowledged"
    if messages[-1].get("fingerprint") != incident["fingerprint"]:
        return "update"
    # Who looks each minute must not find it a second too early, or every period would be a minute longer.
    passed = now - parse_when(messages[-1]["time"], now)
    # Where the clock was set back they are told once too often rather than not for as long.
    return "update" if passed >= every - min(_EARLY_SECONDS, every / 10) or passed < -_EARLY_SECONDS else None


def _claimed_id(incident: Incident, audience: str, index: int, kind: str) -> str | None:
    """The id of a message that went nowhere, or of which that is not known; other news is another message."""
    for message in reversed(incident["messages"]):
        if (message["audience"], message["tier"]) == (audience, index + 1):
            same = message["kind"] == kind and message.get("fingerprint") == incident["fingerprint"]
            return message["id"] if same and not message["ok"] else None
    return None


def _new_id(incident: Incident, audience: str, index: int, kind: str) -> str:
    count = sum(1 for message in incident["messages"] if message["audience"] == audience)
    return f"{incident['id']}-{audience}-{index + 1}-{kind}-{count}"
