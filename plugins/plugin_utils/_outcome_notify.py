# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sending of messages came to, from what `incident_notification` returned. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.notify import TEXTS

Told = Mapping[str, Any]


class NotifyOutcome(TypedDict):
    """The part of a run's outcome that is notify's own."""

    ok: bool
    status: str
    message: str
    lines: list[str]
    next_step: str


class NotifySummary(TypedDict):
    """What an act says of the messages that it has caused."""

    sent: int
    unsent: int
    lines: list[str]


def notify_outcome(
    told: Told, *, detached: bool, dry_run: bool, check: bool, locale: str, commands: Mapping[str, str] | None = None
) -> NotifyOutcome:
    """Judge the run of notify.

    :param told: what the module returned, also when it failed or its host was not reached
    :param detached: the messages go out in the background, so that what becomes of them is not known yet
    :param check: whether this is check mode
    """
    words = Words(locale, TEXTS, run=commands)
    message = _headline(told, words, detached=detached, dry_run=dry_run, check=check)
    status = _status(told, detached=detached, check=check)
    next_steps = {"failed": "next", "unproven": "next_detached"}
    return {
        "ok": status in ("ok", "planned"),
        "status": status,
        "message": message,
        "lines": [message, *_report(told, words, dry_run=dry_run)],
        "next_step": words.say(next_steps[status]) if status in next_steps else "",
    }


def notify_summary(
    told: Told, *, detached: bool = False, dry_run: bool = False, locale: str = "pt_BR", warning: str = ""
) -> NotifySummary:
    """Say what became of the messages of an act: how many went out, and a few lines, the warning among them."""
    words = Words(locale, TEXTS)
    lines = [_headline(told, words, detached=detached, dry_run=dry_run), *_report(told, words, dry_run=dry_run)]
    lines += [warning] if warning else []
    # Where the sending came to nothing, nobody was told.
    unsent = 0 if _is_going_out(told, detached) else 1
    return {"sent": int(told.get("sent", 0)), "unsent": int(told.get("unsent", unsent)), "lines": lines}


def _is_going_out(told: Told, detached: bool) -> bool:
    return detached and "ansible_job_id" in told


def _status(told: Told, *, detached: bool, check: bool) -> str:
    if _is_going_out(told, detached):
        return "unproven"
    if told.get("refused"):
        return "refused"
    if "messages" not in told or told["unsent"]:
        return "failed"
    return "planned" if check else "ok"


def _headline(told: Told, words: Words, *, detached: bool, dry_run: bool, check: bool = False) -> str:
    if _is_going_out(told, detached):
        return words.say("detached")
    if "messages" not in told:
        return sentence(told.get("msg"), words.locale) or words.say("unreachable")
    messages = told["messages"]
    if told["unsent"]:
        details = [message["detail"] for message in messages if message["ok"] is False]
        return f"{words.say('failed')}: {details[0]}"
    if messages:
        return words.say("planned" if check else "dry_run" if dry_run else "sent")
    incident = told.get("incident")
    return words.say("nothing_due" if incident and not incident["closed"] else "nothing_open")


def _report(told: Told, words: Words, *, dry_run: bool) -> list[str]:
    lines = []
    incident = told.get("incident")
    if incident:
        lines.append(_incident(incident, words))
    for message in told.get("messages") or []:
        lines.append(_message(message, words))
        # In check mode there is none yet.
        if dry_run and "subject" in message:
            lines += [message["subject"], *(f"  {line}" for line in message["text"].splitlines())]
    return lines


def _incident(incident: Mapping[str, Any], words: Words) -> str:
    parts = [f"{words.say('incident')} {incident['id']}", f"{words.say('since')} {incident['opened']}"]
    if incident.get("acknowledged"):
        parts.append(f"{words.say('by')} {incident['acknowledged']['by']}")
    if incident.get("closed"):
        parts.append(f"{words.say('closed')} {incident['closed']}")
    return ", ".join(parts)


def _message(message: Mapping[str, Any], words: Words) -> str:
    audience, kind = words.say(f"audiences_{message['audience']}"), words.say(f"kinds_{message['kind']}")
    parts = [f"[{'x' if message['ok'] else ' '}] {audience} {message['tier']} ({message['name']}): {kind}"]
    if message.get("channel") == "dry_run":
        return ", ".join([*parts, words.say("not_sent")])
    return ", ".join([*parts, *(message[name] for name in ("channel", "detail") if message.get(name))])
