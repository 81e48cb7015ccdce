# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch: what each look shows, what of it calls for something, and what comes of that. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypedDict, cast

from ansible_collections.kumon.runbook.plugins.module_utils._names import NO_ACTS
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._automation import (
    UNREAD,
    Records,
    automation,
    not_read,
    of_desk,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import newest_event
from ansible_collections.kumon.runbook.plugins.plugin_utils._decision import recovery_decision
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import TARGET, mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Decision, Traces, Verdict
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, status
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import watch as _texts

MODES = ("page", "propose", "recover")
DOWN = 10.0  # seconds for which the service may be down: a restart is no outage
QUIET = 60.0  # seconds after which a look is shown although nothing changed
SAME = 4 * 3600.0  # for so long an outage is seen, so the same decision within it is no other one
UNSEEN = 120.0  # seconds: the procedures want an answer to a critical line within two minutes
_STAGES = ("received", "planned", "read", "sent", "success", "failed")
_ACTS = 2


class Look(TypedDict):
    """One look at one host."""

    host: str
    at: float
    verdict: Verdict
    traces: Traces
    state: dict[str, Any]
    acts: list[dict[str, Any]]
    decision: Decision | None  # what automation would do, where something is wrong
    proposal: str  # what a person would run


class Case(TypedDict):
    """What calls for something: told once, until another one does."""

    status: str
    cause: str
    level: int | None
    act: bool


class Response(TypedDict):
    """`does` is page, propose, recover or none; `would` are the records of what automation would have done."""

    does: str
    lines: list[str]
    facts: dict[str, Any]
    would: list[dict[str, Any]]
    allowed: bool


def decided(
    verdict: Verdict, state: Mapping[str, Any], acts: Sequence[Mapping[str, Any]], locale: str, commands: Any = None
) -> tuple[Decision | None, str]:
    """What automation would do about a verdict, and what a person would run; None where nothing is wrong."""
    if verdict["status"] in ("ok", "watch") and verdict["cause"] != "service_silent":
        return None, ""
    present = {
        "kill_switch": state.get("delivery_disabled"),
        "v1_flags": state.get("v1_flags"),
        "fenced": state.get("fenced"),
    }
    auto, recommended = (
        recovery_decision(verdict, cast(Any, present), cast(Any, acts), mode, locale=locale, commands=commands)
        for mode in ("auto", "recommend")
    )
    return auto, recommended["next"]


def case(look: Look, down_for: float) -> Case | None:
    """What in a look calls for something; None where nothing does, or where a restart may still be under way."""
    decision, verdict = look["decision"], look["verdict"]
    if look["state"].get("running") is False and down_for < DOWN:
        return None
    calls = verdict["status"] == "rollback" or (decision is not None and bool(decision["level"]))
    if not calls:
        return None
    level, act = (decision["level"], decision["act"]) if decision else (verdict["level"], False)
    return {"status": verdict["status"], "cause": verdict["cause"], "level": level, "act": act}


# ------------------------------------------------------------------ what is shown


def key(look: Look) -> tuple[Any, ...]:
    """What a look is shown for at once when it changes. Messages that go well change it not."""
    traces, state = look["traces"], look["state"]
    newest = _acts(look)[:1]
    return (
        # mypy takes no loop's names for keys of a TypedDict.
        *(look["verdict"][name] for name in ("status", "cause", "level")),  # type: ignore[literal-required]
        (traces.get("guards") or {}).get("incidents"),
        *((traces.get("handoff") or {}).get(name) for name in ("lost", "state_mismatches")),
        (traces.get("delivery") or {}).get("failed"),
        *(state.get(name) for name in ("running", "answering", "delivery_disabled", "fenced")),
        tuple(state.get("pids") or ()),
        newest[0].get("seq") if newest else None,
    )


def view(look: Look, locale: str = "en") -> list[str]:
    """The lines of a look."""
    words = Words(locale, status.TEXTS, _texts.TEXTS)
    verdict, traces = look["verdict"], look["traces"]
    cause = f" ({verdict['cause']})" if verdict["cause"] != "none" else ""
    quiet = verdict["cause"] == "quiet"
    reason = "" if quiet else next(iter(verdict["reasons"]), "")
    title = words.say("quiet" if quiet else verdict["status"]) + cause
    stages = traces.get("stages") or {}
    known = [f"{words.say('stage_' + name)} {stages[name]}" for name in _STAGES if stages.get(name) is not None]
    handoff, guards = traces.get("handoff") or {}, traces.get("guards") or {}
    lines = [
        f"{_clock(look['at'])} {look['host']} {title}: {reason}".rstrip(": "),
        f"  {words.say('stages')}: {', '.join(known) or '-'}",
        f"  {words.say('rate')}: {_rate(verdict, words)}; {words.say('budget')}: {budget_left(verdict, words)}",
        f"  {words.say('newest')}: {newest_event(traces, words)}; {words.say('guards')}: {guards.get('incidents') or 0}"
        f"; {words.say('lost')}: {handoff.get('lost') or 0}",
    ]
    acts = [_act(act, words) for act in _acts(look)[:_ACTS]]
    if acts:
        lines.append(f"  {words.say('acts')}: {'; '.join(acts)}")
    return lines


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%SZ")


def _acts(look: Look) -> list[dict[str, Any]]:
    return [act for act in look["acts"] if act.get("act") not in NO_ACTS]


def _act(act: Mapping[str, Any], words: Words) -> str:
    ended = words.say({True: "act_done", False: "act_failed"}.get(cast(bool, act.get("ok")), "act_open"))
    began = parse_when(str(act["began"]), 0.0)
    return f"{_clock(began)} {redact(str(act.get('procedure')))[:40]}, {ended}"


def _rate(verdict: Verdict, words: Words) -> str:
    rate = verdict["delivery"]
    if rate["rate"] is None:
        return words.say("no_rate")
    share, low, high = (words.percent(value) for value in (rate["rate"], rate["low"], rate["high"]))
    return words.say("rate_of", rate=share, low=low, high=high, n=rate["n"])


def budget_left(verdict: Verdict, words: Words) -> str:
    """How many of the failures that the target leaves room for are left in this window."""
    rate = verdict["delivery"]
    if rate["rate"] is None:
        return "-"
    allowed = (1 - TARGET) * rate["n"]
    failed = round(rate["n"] * (1 - rate["rate"]))
    share = max(0.0, 1 - failed / allowed)
    return words.say("budget_left", share=words.percent(share), failed=failed, allowed=int(allowed + 1e-9))


# ------------------------------------------------------------------ what comes of it


def watch_response(
    watched: Mapping[str, Any],
    records: Records,
    mode: str,
    now: float,
    earned_days: float | str = 14,
    run_id: str = "",
    check: bool | str = False,
    locale: str = "en",
    commands: Mapping[str, str] | None = None,
) -> Response:
    """Say what is to be done about what the hosts' watches have ended with.

    :param watched: for each host what the action `service_watch` returned: `woke`, `case`, `verdict`, `proposal`
    :param records: what the desk has of automation, by kind
    :param mode: page, propose or recover
    """
    if mode not in MODES:
        raise ValueError(f"watch_mode must be one of {', '.join(MODES)}, not {redact(repr(mode))[:40]}.")
    words = Words(locale, _texts.TEXTS, run=commands)
    now = number(now, "now")
    called = {
        host: mapping(watch, "watched") for host, watch in watched.items() if mapping(watch, "watched").get("case")
    }
    new = {host: watch for host, watch in called.items() if watch.get("woke") == "case"}
    records = of_desk(records)
    acting = {host: watch for host, watch in new.items() if watch["case"]["act"]}
    judged = automation(records, now, earned_days, locale, commands, acting or new)
    none = Response(does="none", lines=[], facts={}, would=[], allowed=judged["allowed"])
    if not new:
        return none
    would = [would_act(host, watch, run_id, now) for host, watch in acting.items()]
    would = [act for act in would if not seen_before(act, records, now)]
    lines = [_told(host, watch, words) for host, watch in new.items()]
    does = mode
    if mode == "recover" and not acting:
        # What automation waits for, or leaves to a person, is a person's to hear of.
        does = "page"
        lines.append(words.say("waits"))
    elif mode == "recover" and not judged["allowed"]:
        does = "page"
        lines.append(words.say("not_allowed", reason=judged["reason"]))
    elif mode == "recover":
        lines.append(words.say("recovers", reason=judged["reason"]))
    worst = max(new.values(), key=lambda watch: (watch["case"]["status"] == "rollback", watch["case"]["level"] or 0))
    proposal = str(worst.get("proposal") or "")
    if judged["why"] in UNREAD and mode != "recover":
        # Also where it would not act now: nobody else tells it before it is needed.
        lines.append(words.say("not_read", reason=judged["reason"]))
    if does != "recover" and proposal:
        lines.append(words.say("proposal", command=proposal))
    for act in would:
        act["acted"] = does == "recover" and not check
        lines.append(
            words.say("would", id=act["id"], command=words.run[f"automation -e mark={act['id']} -e right=true"])
        )
    reasons = list(worst["verdict"]["reasons"])
    return {
        "does": does,
        "lines": lines,
        "facts": {
            "procedure": "watch_go_live",
            "status": worst["case"]["status"],
            "hosts": {host: watch["case"]["status"] for host, watch in called.items()},
            "headline": lines[0],
            "reasons": reasons,
            "next_step": proposal,
            "actor": "watch_go_live",
            "run_id": run_id,
            "first_sign": min(
                filter(None, (watch["verdict"].get("first_sign") for watch in new.values())), default=None
            ),
        },
        "would": would,
        "allowed": judged["allowed"],
    }


def _told(host: str, watch: Mapping[str, Any], words: Words) -> str:
    verdict = watch["verdict"]
    return words.say(
        "calls", host=host, status=verdict["status"], cause=verdict["cause"], reason=next(iter(verdict["reasons"]), "")
    ).rstrip(": ")


def would_act(host: str, watch: Mapping[str, Any], run_id: str, now: float) -> dict[str, Any]:
    """The record of what automation would have done; its name is short, for a person types it."""
    named = hashlib.sha256(f"{run_id} {host} {now:.3f}".encode()).hexdigest()[:6]
    return {
        "id": named,
        "host": host,
        "cause": watch["case"]["cause"],
        "level": watch["case"]["level"],
        "reason": redact(str(next(iter(watch["verdict"]["reasons"]), "")))[:300],
    }


def seen_before(would: Mapping[str, Any], records: Records, now: float) -> bool:
    """Whether the desk has this one already: the same outage, seen again."""
    for record in mapping(records, "records").get("would_act") or []:
        same = all(record.get(name) == would[name] for name in ("host", "cause", "level"))
        if same and now - SAME <= parse_when(str(record["at"]), now):
            return True
    return False


def watch_outcome(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """What a watch came to on one host, as the part of an outcome that is its own: sound only if nothing has called."""
    last = mapping(facts["watched"], "watched")
    events = [str(event) for event in facts.get("events") or []]
    seconds = number(facts["seconds"], "seconds")
    verdict = last["verdict"]
    called = bool(events) or bool(last.get("case"))
    # What was well when it was last seen is not known to be so now.
    unseen = str(last.get("unseen") or "")
    gap = number(facts.get("unseen_seconds") or 0.0, "unseen_seconds")
    came_to = "rollback" if called else "blind" if unseen else verdict["status"]
    headline = words.say("ended_called" if called else "ended", span=words.duration(seconds), looks=facts["looks"])
    if gap > UNSEEN:
        # Well before and after says nothing of the time between.
        came_to = "watch" if came_to == "ok" else came_to
        headline += words.say("ended_gap", span=words.duration(gap))
    unread = not_read(facts.get("noted") or {}, words.locale)
    lost = [words.say("not_read", reason=unread)] if unread else []
    now = words.say("unseen_now", reason=unseen) if unseen else f"{words.say(verdict['status'])} ({verdict['cause']})"
    reasons = [] if unseen else [f"- {text}" for text in verdict["reasons"]]
    return {
        "ok": came_to == "ok",
        "status": came_to,
        "level": verdict["level"],
        "verdict": verdict,
        "next_step": str(last.get("proposal") or "") or (words.say("next_called") if called or unseen else ""),
        "message": f"{headline}: {now}",
        "lines": [
            headline,
            *events,
            *(line for line in lost if line not in events),
            f"{words.say('last_look')}: {now}",
            *reasons,
        ],
    }


def stamp(look: Look, mode: str, run_id: str, every: float) -> dict[str, Any]:
    """What the watchdog reads: when the watch has last seen the service."""
    return {
        "at": iso(look["at"]),
        "host": look["host"],
        "status": look["verdict"]["status"],
        "mode": mode,
        "run_id": run_id,
        "every_seconds": every,
    }
