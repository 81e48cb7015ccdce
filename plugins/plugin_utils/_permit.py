# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what follows a branch of a workflow may happen: a person launched it, or automation may act by itself. Pure.

A workflow that nobody launched is automation, whatever started it: a schedule, a webhook, a program with a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._automation import Records, automation, of_desk
from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import branch
from ansible_collections.kumon.runbook.plugins.plugin_utils._decision import recovery_decision
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils._watch import seen_before, would_act
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, decide

# How AWX says that a person pressed the button. A schedule, a webhook and a host's callback are others.
_BY_HAND = ("manual", "relaunch")


class Permit(TypedDict):
    """`permitted`, and why: `why` is a code, `reason` its sentence; `would` are the records that the desk keeps."""

    permitted: bool
    why: str
    reason: str
    would: list[dict[str, Any]]


def launched_by(launch: Mapping[str, Any], programs: Sequence[str] = ()) -> str:
    """Return the person who launched the job, or the workflow that it belongs to; empty where nobody did.

    :param launch: what AWX tells a job: `workflow` and `job`, the ways in which they were launched, and `user`
    :param programs: the accounts under which programs launch, which are nobody
    """
    launch = mapping(launch, "launch")
    way = str(launch.get("workflow") or launch.get("job") or "")
    user = str(launch.get("user") or "").strip()
    return redact(user)[:80] if way in _BY_HAND and user and user not in programs else ""


def act_permit(
    verdicts: Mapping[str, Mapping[str, Any]],
    asked: Mapping[str, Any],
    level: int | str,
    person: str,
    records: Records,
    now: float,
    earned_days: float | str = 14,
    run_id: str = "",
    check: bool = False,
    locale: str = "en",
    commands: Mapping[str, str] | None = None,
) -> Permit:
    """Say whether the act to which a branch leads may follow at once.

    :param verdicts: of each host that was asked, the verdict, empty where it could not be measured
    :param asked: `{statuses, causes, level}`, for which the branch is taken
    :param level: of the act that follows
    :param person: who launched it, empty for nobody
    :param records: what `desk_record` returned, or what the desk has of automation by kind
    """
    words = Words(locale, decide.TEXTS, run=commands)
    now, records = number(now, "now"), of_desk(records)
    if person:
        return Permit(permitted=True, why="person", reason=words.say("person", name=person), would=[])
    asks = branch({host: verdict or None for host, verdict in mapping(verdicts, "verdicts").items()}, **asked)
    if not asks["taken"]:
        return Permit(permitted=False, why="not_taken", reason="", would=[])
    judged = automation(records, now, earned_days, locale, commands, verdicts)
    verdict = verdicts[asks["host"]]
    decided = recovery_decision(cast(Any, verdict), mode="auto", locale=locale, commands=commands) if verdict else None
    if decided is None or not decided["act"]:
        # What automation waits for, or leaves to a person.
        why = decided["reasons"][-1] if decided and decided["reasons"] else words.say("not_measured")
        return Permit(permitted=False, why="waits", reason=why, would=[])
    case = {"case": {"cause": asks["cause"], "level": int(level)}, "verdict": verdict}
    would = {**would_act(asks["host"], case, run_id, now), "acted": judged["allowed"]}
    return Permit(
        permitted=judged["allowed"],
        why=judged["why"],
        reason=judged["reason"],
        would=[] if check or seen_before(would, records, now) else [would],
    )
