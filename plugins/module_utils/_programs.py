# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling other programs what a run came to: each once, all at a time, and nothing else depends on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _channels, _contacts, _message_text
from ansible_collections.kumon.runbook.plugins.module_utils._due import DueMessage
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused


def run(programs: Any, event: Mapping[str, Any], seconds: float, check: bool, warnings: list[str]) -> dict[str, Any]:
    """Send an event: `{changed, told}`, of each program whether it has taken it. Raises Refused."""
    problems = _contacts.programs_problems(programs)
    if problems:
        raise Refused(problems[0])
    if not event or check:
        return {"changed": False, "told": []}
    outcomes = _channels.deliver([_letter(program, event) for program in programs], seconds)
    told = [
        {"type": program["type"], "ok": outcome["ok"], "detail": outcome["detail"]}
        for program, outcome in zip(programs, outcomes)
    ]
    warnings += [f"runbook_programs: not told, {program['detail']}" for program in told if not program["ok"]]
    return {"changed": any(program["ok"] for program in told), "told": told}


def _letter(program: dict[str, Any], event: Mapping[str, Any]) -> _channels.Letter:
    """The event as what channels take. It is to one program: another one is no substitute."""
    channels: Sequence[dict[str, Any]] = [program]
    message: DueMessage = {
        "id": str(event["id"]),
        "kind": str(event["kind"]),
        "audience": "",
        "tier": 1,
        "name": "",
        "channels": list(channels),
        "locale": None,
    }
    text = _message_text.Text(str(event["summary"]), "")
    return _channels.Letter(message, text, "", event, {})
