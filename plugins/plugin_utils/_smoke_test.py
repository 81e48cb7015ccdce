# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a smoke test's message, step by step. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Optional

from ansible_collections.kumon.runbook.plugins.module_utils._details import detail
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Traces

MODES = ("full", "processed_only")
STEPS = ("accepted", "planned", "read", "instance", "sent", "result")


def judge(sent: Mapping[str, Any], mode: str, expected_instance: str) -> dict[str, Any]:
    """Judge what became of the message. Pure.

    :param sent: what :func:`send` returned
    :param mode: `full` (it has to be delivered) or `processed_only` (it has to be read, and nothing may go out)
    :returns: ``{status: passed|failed|unproven, reason, mode, steps: [{step, had, detail}]}``; ``detail`` is
        ``{code, fields}``, several of them, or
        what the webhook said; ``had`` is None for a
        step that this mode does not ask for or that the one before it makes void.

    ``reason`` is `delivered` or `not_sent` where it passed. Where it failed it is the first thing that was wrong:
    `not_accepted`, `not_planned`, `no_key` (not planned, and sent without a key), `lost_handoff`, `guard`, `not_read`,
    `state_mismatch`, `wrong_instance`,
    `no_instance`, `nothing_sent`, `sent_under_kill_switch`, `delivery_failed`, `no_result`. It is unproven with
    `log_silent` (the log did not move at all) or `too_short` (nothing went out yet, and it might have).
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; it must be {' or '.join(MODES)}")
    message, traces = sent["message"], sent["traces"]
    if traces is None:
        raise ValueError("nothing was sent, so there is nothing to judge")
    test = _Test(message, traces, sent, mode, expected_instance)
    steps, reasons = [], []
    for name in STEPS:
        passed, seen, reason = _JUDGES[name](test)
        steps.append({"step": name, "had": passed, "detail": seen})
        reasons.append(reason)
    first = next((reason for reason in reasons if reason), None)
    if first is None and mode == "processed_only" and not sent["settled"]:
        first = "too_short"
    if first is None:
        status, first = "passed", "delivered" if mode == "full" else "not_sent"
    else:
        status = "unproven" if first in ("log_silent", "too_short") else "failed"
    return {"status": status, "reason": first, "mode": mode, "steps": steps}


class _Test(NamedTuple):
    """One message, what was seen of it, and how it was meant to go."""

    message: Mapping[str, Any]
    traces: Traces
    sent: Mapping[str, Any]
    mode: str
    instance: str


# Whether it was had (None for what is not asked), what was seen, and what is wrong.
Judged = tuple[Optional[bool], Any, Optional[str]]


def _judge_accepted(test: _Test) -> Judged:
    # One that answers late, or never, has taken what is planned all the same.
    unanswered = test.message.get("http", 0) is None
    accepted = test.message["accepted"] is True or (unanswered and test.traces["handoff"]["planned"] > 0)
    return accepted, test.message["detail"], None if accepted else "not_accepted"


def _judge_planned(test: _Test) -> Judged:
    planned = test.traces["handoff"]["planned"]
    not_planned = "no_key" if test.message.get("keyed") is False else "not_planned"
    wrong = not_planned if test.traces["lines"] else "log_silent"
    return planned > 0, detail("planned", n=planned, lines=test.traces["lines"]), None if planned else wrong


def _judge_read(test: _Test) -> Judged:
    handoff, guards = test.traces["handoff"], test.traces["guards"]["outbox"]
    seen = [detail("read", n=handoff["read"], planned=handoff["planned"], lost=handoff["lost"])]
    if handoff["state_mismatches"]:
        seen.append(detail("mismatches", n=handoff["state_mismatches"]))
    if guards:
        seen.append(detail("guards", name="OUTBOX_GUARD", types=sorted(guards)))
    if guards:
        reason = "guard"
    elif handoff["lost"]:
        reason = "lost_handoff"
    elif handoff["state_mismatches"]:
        reason = "state_mismatch"
    elif not handoff["planned"] or handoff["read"] < handoff["planned"]:
        reason = "not_read"
    else:
        reason = None
    return reason is None, seen, reason


def _judge_instance(test: _Test) -> Judged:
    instances, guards = test.traces["instances"], test.traces["guards"]["instance"]
    names = sorted(instances["seen"])
    seen = [detail("instances", names=[name or "''" for name in names]) if names else detail("instance_not_traced")]
    if guards:
        seen.append(detail("guards", name="INSTANCE_GUARD", types=sorted(guards)))
    if instances["errors"]:
        seen.append(detail("instance_errors", n=instances["errors"]))
    # A guard names an instance that nothing else names, or none at all.
    if guards or instances["errors"] or (names and names != [redact(test.instance)]):
        return False, seen, "wrong_instance"
    if names:
        return True, seen, None
    # Under the kill-switch the assistant resolves none.
    return (False, seen, "no_instance") if test.mode == "full" else (None, seen, None)


def _judge_sent(test: _Test) -> Judged:
    delivery, handoff = test.traces["delivery"], test.traces["handoff"]
    went_out = max(delivery["sent"], delivery["success"] + delivery["failed"])
    if test.mode == "processed_only":
        went_out += test.sent["strays"]
        seen = detail("sent_and_quiet", n=went_out, seconds=round(float(test.sent["quiet_seconds"]), 1))
        return went_out == 0, seen, "sent_under_kill_switch" if went_out else None
    if went_out and not handoff["read"]:
        # What the assistant sends after a lost hand-off is its emergency text, not what was planned.
        return False, detail("sent_something_else", n=went_out), "nothing_sent"
    enough = went_out >= max(1, handoff["read"])
    return enough, detail("sent", n=went_out), None if enough else "nothing_sent"


def _judge_result(test: _Test) -> Judged:
    if test.mode == "processed_only":
        return None, detail("not_asked_for"), None
    delivery = test.traces["delivery"]
    if not test.traces["handoff"]["read"]:
        return None, detail("result_of_something_else", success=delivery["success"]), None
    seen = [detail("result", success=delivery["success"], failed=delivery["failed"])]
    if delivery["failed_by_http"]:
        codes = [f"{code}: {count}" for code, count in sorted(delivery["failed_by_http"].items())]
        seen.append(detail("failed_by_http", codes=codes))
    if delivery["failed"]:
        return False, seen, "delivery_failed"
    if not delivery["success"] or delivery["success"] < delivery["sent"]:
        return False, [*seen, detail("without_result", n=delivery["sent"] - delivery["success"])], "no_result"
    return True, seen, None


_JUDGES: dict[str, Callable[[_Test], Judged]] = {
    "accepted": _judge_accepted,
    "planned": _judge_planned,
    "read": _judge_read,
    "instance": _judge_instance,
    "sent": _judge_sent,
    "result": _judge_result,
}
