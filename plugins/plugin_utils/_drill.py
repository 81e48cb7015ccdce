# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill on staging comes to: how long each phase took, and whether all is as it was before. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import BUDGETS, LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import as_wanted
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, drill

FAULTS = {"configuration": 2, "gateway": 1, "process": 3, "disk": 1, "network": 1}
"""The level that each fault rehearses."""

UNSEEN = ("disk",)
"""What no health check looks at: the rollback has to work all the same, and nothing is said of seeing it."""

DETECT, DECIDE = 120.0, 60.0
"""Seconds that the procedures give to answer a critical alert, and to decide about the level."""

TIMES = ("detect", "stop", "recover")
OF_INCIDENTS = ("detect", "acknowledge", "stop", "recover")
_MOMENTS = ("first_sign", "opened", "acknowledged", "stopped", "closed")


def drill_plan(facts: Mapping[str, Any], locale: str = "en") -> dict[str, Any]:
    """Return `{problem, steps}`: why no drill is held here, in one sentence, or what is rehearsed.

    :param facts: ``staging`` (what the inventory says), ``marked`` (whether the file ``mark`` is there), ``faults``
    """
    words = Words(locale, drill.TEXTS)
    faults = [str(fault) for fault in facts.get("faults") or []]
    unknown = [fault for fault in faults if fault not in FAULTS]
    problem = ""
    if not facts.get("staging"):
        problem = words.say("not_staging")
    elif not facts.get("marked"):
        problem = words.say("not_marked", mark=facts.get("mark"))
    elif unknown:
        problem = words.say("unknown_fault", fault=unknown[0][:40], faults=", ".join(FAULTS))
    return {
        "problem": problem,
        "steps": [] if problem else [_step(fault) for fault in faults],
    }


def _step(fault: str) -> dict[str, Any]:
    return {"fault": fault, "level": FAULTS[fault], "procedure": LEVELS[FAULTS[fault]]}


def drill_state(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{levels, head, open, elsewhere}`: the rollbacks in force, highest first, the commit in place, and an open
    drill with the other places where it may have left a fault.

    :param facts: ``service`` and ``release`` as registered, ``records`` of the ledger, ``host``, ``level1_flags``,
        ``level2_flags``, ``head``, the commit that was in place before a drill, and ``place``, the ``path`` of a
        configuration and the ``directory`` of a disk where this drill puts a fault
    """
    service, release = facts.get("service") or {}, (facts.get("release") or {}).get("release") or {}
    own = [record for record in facts.get("records") or [] if record.get("host") == facts.get("host")]
    spans = [record for record in own if record.get("what") in ("begun", "restored")]
    begun = spans[-1] if spans and spans[-1]["what"] == "begun" else {}
    head, before = release.get("head"), facts.get("head") or begun.get("head")
    declared, flags1, flags2 = service.get("declared") or {}, facts["level1_flags"], facts["level2_flags"]
    levels = [3] if release.get("previous") and before and head != before else []
    if as_wanted(declared, flags2):
        levels.append(2)
    fenced = bool((service.get("fence") or {}).get("present"))
    if fenced or any(truthy(declared.get(name)) for name in flags1):
        levels.append(1)
    return {
        "levels": levels,
        "head": head,
        "before": before,
        "open": bool(begun),
        "elsewhere": _elsewhere(spans, mapping(facts.get("place") or {}, "place")),
    }


def _elsewhere(spans: Sequence[Mapping[str, Any]], place: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where drills that were not restored may have put a fault, and this one does not look."""
    places: list[dict[str, Any]] = []
    for span in spans:
        if span["what"] == "restored":
            places = []
            continue
        other = {name: span[name] for name in ("path", "directory") if span.get(name) and span[name] != place.get(name)}
        if other and other not in places:
            places.append(other)
    return places


def rehearsal(facts: Mapping[str, Any], locale: str = "en") -> dict[str, Any]:
    """Return how one fault went, as the ledger keeps it.

    :param facts: ``fault``, ``level``, ``host``, ``allowed`` and ``why``; the moments ``injected``, ``detected``,
        ``decided``, ``acted``, ``proven``, ``restored`` (seconds since the epoch, 0 for what did not come);
        ``cause``, ``decided_level``, ``effect_seconds``, and ``act`` and ``undo``, the outcomes of both
    """
    words = Words(locale, drill.TEXTS)
    fault, level = str(facts["fault"]), int(facts["level"])
    kept: dict[str, Any] = {
        "what": "rehearsal",
        "fault": fault,
        "host": facts.get("host"),
        "level": level,
        "procedure": LEVELS[level],
    }
    if not facts.get("allowed"):
        # A fault that the host does not allow was not rehearsed, and is nothing against the procedure either.
        return {**kept, "status": "not_allowed", "counts": False, "why": in_words(facts.get("why") or "?", locale)}
    act, undo = mapping(facts.get("act") or {}, "act"), mapping(facts.get("undo") or {}, "undo")
    times = {
        "detect_seconds": _between(facts.get("injected"), facts.get("detected")),
        "decide_seconds": _between(facts.get("detected"), facts.get("decided")),
        "act_seconds": _between(facts.get("acted"), facts.get("proven")),
        "restore_seconds": _between(facts.get("proven"), facts.get("restored")),
        "stop_seconds": _between(facts.get("injected"), facts.get("proven")),
        "recover_seconds": _between(facts.get("injected"), facts.get("restored")),
    }
    budget = BUDGETS[LEVELS[level]]
    wrong = []
    if fault not in UNSEEN:
        if times["detect_seconds"] is None:
            wrong.append(words.say("not_detected"))
        elif times["detect_seconds"] > DETECT:
            wrong.append(words.say("late_detected", seconds=_shown(times["detect_seconds"], words), budget=int(DETECT)))
        if (times["decide_seconds"] or 0) > DECIDE:
            wrong.append(words.say("late_decided", seconds=_shown(times["decide_seconds"], words), budget=int(DECIDE)))
    if act.get("status") != "proven":
        wrong.append(words.say("not_proven", told=act.get("message") or act.get("status") or "?"))
    elif (times["act_seconds"] or 0) > budget:
        wrong.append(words.say("late_acted", seconds=_shown(times["act_seconds"], words), budget=int(budget)))
    if any(seconds is not None and seconds < 0 for seconds in times.values()):
        # Nobody knows how long anything took.
        wrong.append(words.say("clock_set_back"))
    restored = undo.get("status") == "proven"
    if not restored:
        wrong.append(words.say("not_restored", told=undo.get("message") or undo.get("status") or "?"))
    return {
        **kept,
        **times,
        "injected": iso(number(facts["injected"], "injected")),
        "effect_seconds": facts.get("effect_seconds"),
        "budget_seconds": budget,
        "cause": facts.get("cause"),
        "decided_level": facts.get("decided_level"),
        "act_status": act.get("status"),
        "restored": restored,
        "counts": True,
        "status": "failed" if wrong else "passed",
        "why": " ".join("; ".join(wrong).split()),
    }


def _between(begin: Any, end: Any) -> float | None:
    return None if not begin or not end else round(number(end, "moment") - number(begin, "moment"), 2)


def trend(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for each time `{n, median, worst, last}` in seconds, over the rehearsals that have it."""
    held = _rehearsals(records)
    return {name: _summary([rehearsal.get(f"{name}_seconds") for rehearsal in held], name) for name in TIMES}


def _summary(known: Sequence[Any], name: str) -> dict[str, Any]:
    seconds = [number(value, name) for value in known if value is not None]
    return {
        "n": len(seconds),
        "median": round(statistics.median(seconds), 1) if seconds else None,
        "worst": max(seconds, default=None),
        "last": seconds[-1] if seconds else None,
    }


def incidents_trend(incidents: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the same for incidents that are over, by what the desk has kept of each; how many there are is not `n`.

    To see is from the first sign in the log, to the minute, until people were told; to acknowledge from then on. To
    stop and to recover are from the first sign, or from the telling where the log had none.
    """
    spans: dict[str, list[float | None]] = {name: [] for name in OF_INCIDENTS}
    for incident in incidents:
        moments = {name: _moment(incident.get(name)) for name in _MOMENTS}
        began = moments["first_sign"] or moments["opened"]
        for name, begin, end in (
            ("detect", moments["first_sign"], moments["opened"]),
            ("acknowledge", moments["opened"], moments["acknowledged"]),
            ("stop", began, moments["stopped"]),
            ("recover", began, moments["closed"]),
        ):
            seconds = _between(begin, end)
            # What ended before it began was told by clocks that do not agree.
            spans[name].append(seconds if seconds is not None and seconds >= 0 else None)
    return {name: _summary(known, name) for name, known in spans.items()}


def _moment(text: Any) -> float | None:
    try:
        return parse_when(str(text), 0.0) if text else None
    except ValueError:
        return None


def _rehearsals(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [record for record in records if record.get("what") == "rehearsal" and record.get("counts") is not False]


def drilled(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return what a drill comes to, as the part of an outcome that is its own.

    :param facts: ``check``, ``list``, ``rehearsals`` of this run, ``records`` of the ledger without them, ``planned``
        (what a dry run found of each fault), ``state`` (of `drill_state` at the end), ``left`` (faults that are still
        there), ``incidents`` (those that are over, as the desk keeps them), ``verdict`` at the end, ``cleared`` (what
        an earlier drill had left)
    """
    held = [mapping(rehearsal, "rehearsals") for rehearsal in facts.get("rehearsals") or []]
    records = [*(facts.get("records") or []), *held]
    incidents = [mapping(incident, "incidents") for incident in facts.get("incidents") or []]
    drills, real = trend(records), incidents_trend(incidents)
    lines: list[str] = []
    wrong = _not_restored(facts, words)
    failed = [rehearsal for rehearsal in held if rehearsal["status"] == "failed"]
    done = [rehearsal for rehearsal in held if rehearsal["counts"]]
    if facts.get("list"):
        status, headline = "ok", words.say("listed", n=len(_rehearsals(records)))
        lines += [_rehearsed(rehearsal, words) for rehearsal in _rehearsals(records)[-10:]]
    elif facts.get("check"):
        status, headline = "planned", words.say("planned")
        lines += [_planned(plan, words) for plan in facts.get("planned") or []]
    elif failed or wrong:
        status = "failed"
        headline = words.say(
            "failed", faults=", ".join(words.say(f"fault_{rehearsal['fault']}") for rehearsal in failed) or "-"
        )
        headline = f"{headline}: {wrong or failed[0]['why']}"
    elif not done:
        status, headline = "insufficient", words.say("nothing_rehearsed")
    else:
        names = dict.fromkeys(rehearsal["procedure"] for rehearsal in done)
        status, headline = "proven", words.say("passed", n=len(done), procedures=", ".join(names))
    if not facts.get("list") and not facts.get("check"):
        lines += [words.say("cleared", faults=", ".join(facts["cleared"]))] if facts.get("cleared") else []
        lines += [_rehearsed(rehearsal, words) for rehearsal in held]
        lines.append(f"{'[ ]' if wrong else '[x]'} {words.say('restoration')}: {wrong or words.say('as_before')}")
    lines += [_trend("drills", name, drills[name], words) for name in TIMES]
    lines += [_trend("incidents", name, real[name], words) for name in OF_INCIDENTS]
    following = {"failed": wrong or (failed[0]["why"] if failed else ""), "insufficient": words.say("next_nothing")}
    return {
        "ok": status in ("ok", "planned", "proven"),
        "status": status,
        "next_step": following.get(status, ""),
        "message": headline,
        "lines": [headline, *lines],
        "rehearsals": held,
        "trend": drills,
        "incidents_trend": real,
    }


def _not_restored(facts: Mapping[str, Any], words: Words) -> str:
    """What is not as it was before the drill; empty when all is."""
    if facts.get("list") or facts.get("check"):
        return ""
    if facts.get("left"):
        return words.say("fault_left", faults=", ".join(facts["left"]))
    state = mapping(facts.get("state") or {}, "state")
    if state.get("levels"):
        return words.say("level_left", level=state["levels"][0])
    if state.get("head") != state.get("before"):
        return words.say("other_commit", commit=str(state.get("head"))[:12], before=str(state.get("before"))[:12])
    verdict = mapping(facts.get("verdict") or {}, "verdict")
    if verdict.get("status") != "ok":
        reason = next(iter(verdict.get("reasons") or []), "")
        return words.say("not_sound", told=f"{verdict.get('status') or '?'}: {reason}")
    return ""


def _shown(seconds: Any, words: Words) -> str:
    return "-" if seconds is None else words.decimal(f"{number(seconds, 'seconds'):.1f}")


def _rehearsed(record: Mapping[str, Any], words: Words) -> str:
    name = words.say(f"fault_{record['fault']}")
    if record["status"] == "not_allowed":
        return f"[-] {name}: {words.say('not_allowed', why=record['why'])}"
    times = words.say(
        "times",
        detect=_shown(record.get("detect_seconds"), words),
        decide=_shown(record.get("decide_seconds"), words),
        act=_shown(record.get("act_seconds"), words),
        budget=int(record.get("budget_seconds") or 0),
        restore=_shown(record.get("restore_seconds"), words),
    )
    tick = "[x]" if record["status"] == "passed" else "[ ]"
    return f"{tick} {name}, {record['procedure']}: {times}" + (f"; {record['why']}" if record.get("why") else "")


def _planned(told: Mapping[str, Any], words: Words) -> str:
    plan = {**mapping(told.get("item") or {}, "item"), **told}
    name = words.say(f"fault_{plan['fault']}")
    if not plan.get("allowed"):
        return f"[-] {name}: {words.say('not_allowed', why=in_words(plan.get('why') or '?', words.locale))}"
    return f"[~] {name}: {words.say('would_inject', procedure=plan['procedure'])}"


def _trend(of: str, name: str, summary: Mapping[str, Any], words: Words) -> str:
    title = f"{words.say('trend_of_' + of)}, {words.say('trend_' + name)}"
    if not summary["n"]:
        return f"{title}: - (n = 0)"
    fields = {key: _shown(summary[key], words) for key in ("median", "worst", "last")}
    return f"{title}: {words.say('trend', n=summary['n'], **fields)}"
