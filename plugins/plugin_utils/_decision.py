# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an automatic recovery does about a verdict.

Pure: no host, no clock, no memory. Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._counts import STAGES
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import flag, mapping, number, sequence
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import (
    Act,
    Decision,
    Numeric,
    Present,
    Spent,
    Truth,
    Verdict,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import decision as _texts
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import recovery as _levels

# What a process that ignores its kill-switch looks like behind the fence: it tries, and each try fails.
FENCED = ("kill_switch_ignored", "delivery_failing")
# Where these are total the kill-switch changes nothing for anybody.
HOPELESS = ("delivery_failing", "results_unbelieved")
MODES = ("recommend", "approve", "auto")
LOOKS = 5  # minutes with traffic for which a failure has to hold before automation acts on it: a hiccup is shorter
BUDGET = 1800.0  # seconds within which a level is done automatically once at most

STEPS: dict[str, tuple[int, ...]] = {
    # Messages are kept from going out first, whatever the cause: that is done in seconds and undone as fast.
    "level2_not_stable": (1, 3),
    "kill_switch_ignored": (1, 3),
    "lost_handoff": (1, 2, 3),
    "outbox_guard": (1, 2, 3),
    "instance_guard": (1, 2, 3),
    "invalid_instance": (1, 2, 3),
    "state_mismatch": (1, 2, 3),
    "planning_stopped": (1, 2, 3),
    "reading_stopped": (1, 2, 3),
    "sending_stopped": (1, 2, 3),
    "gateway_down": (1,),
    "delivery_failing": (1,),
    "results_unbelieved": (1,),
    # A service that is down sends nothing; the flags of level 1 and 2 would not make it start.
    "service_down": (3,),
    "log_unreadable": (),
    "not_understood": (),
    "no_timestamps": (),
    "not_owned": (),
    "not_covered_process": (),
    "incomplete": (),
    "stale": (),
    "no_data": (),
    "service_unknown": (),
    # Watched at first. Silence after an automatic act is a service that did not come back.
    "service_silent": (3,),
    # What its gateway or database lack no rollback brings back; what that does to messages the log shows.
    "service_ill": (),
    "kill_switch": (),
    "held_by_fence": (),
    "planning_degraded": (),
    "unread_handoff": (),
    "sending_degraded": (),
    "delivery_degraded": (),
    "few_failed": (),
    "results_contradict": (),
    "results_without_send": (),
    "unexpected_instance": (),
    "dropped": (),
    "repeated_sends": (),
    "sent_in_part": (),
    "delivery_late": (),
    # What may be a customer's text is told, and never acted upon.
    "ambiguous": (),
    "not_covered": (),
    "partly_understood": (),
    "quiet": (),
    "none": (),
}
"""The automatic steps for each cause of a verdict, in their order; after the last one a person decides."""


_TESTED = {stage.rollback: stage.name for stage in STAGES}


class _Decided(NamedTuple):
    """A level that was decided: how long ago, and by which run."""

    age: float
    run_id: str | None


class _History:
    """The automatic acts within the budget, by their level."""

    def __init__(self, acts: Sequence[Act] | None, budget: Numeric) -> None:
        self.budget = number(budget, "budget")
        self.spent: dict[int, _Decided] = {}
        self.unfinished: dict[int, _Decided] = {}
        newer = False
        for entry in sequence(acts or [], "acts"):
            act = mapping(entry, "Each of the acts")
            if act.get("procedure") != "emergency_recovery" or act.get("act") != "decision":
                continue
            age = number(act.get("age"), "age of a decision")
            level = _level(mapping(act.get("after") or {}, "after of a decision").get("level"))
            if age >= self.budget or level is None:
                continue
            known = _Decided(age, act.get("run_id"))
            if act.get("ok") is not None or newer:
                self.spent.setdefault(level, known)
            else:
                self.unfinished[level] = known
            newer = True


def recovery_decision(
    verdict: Verdict,
    present: Present | None = None,
    acts: Sequence[Act] | None = (),
    mode: str = "recommend",
    approved: int | str | None = None,
    release_available: Truth = None,
    budget: Numeric = BUDGET,
    locale: str = "en",
    commands: Mapping[str, str] | None = None,
) -> Decision:
    """Say what is to be done about `verdict`, as the filter of that name returns it. Return

        {level, title, act, unstable, cause, reasons: [sentence, ...], next, to_person,
         budget: [{level, in_effect, spent, age_seconds, run_id}, ...]}

    `level` 1 to 3 is due now, 0 is none because nothing is wrong that an act would mend, `None` is none because a
    person has to decide (`to_person`). `act` says whether the mode allows it: `auto` always, `approve` if `approved`
    names this very level, `recommend` never.

    `present` is `{kill_switch, v1_flags, fenced}`, each true where the running processes have it. `acts` are those of
    the journal, newest first, each `{run_id, procedure, act, age, ok, after}`; what counts are the decisions of
    automatic runs (`act` is `decision`, `after.level` the level, `ok` null until the level was done) younger than
    `budget` seconds.

    Each cause has its steps (`STEPS`). A level that is in effect already, or that was done automatically within the
    budget, is passed over for the next one, and so is one below what was done: steps only ever go up, and nothing is
    lifted. The highest level that any of the causes calls for is due.

    What a sequential test has found is acted upon by itself (`auto`) only after `LOOKS` looks, and only while it goes
    on: most failures of a provider are over by then, and a rollback would be the next outage. Where delivery has failed
    wholly the kill-switch gains nothing, so a person is called. Incidents are acted upon at once.

    A level that was decided and not finished, because the run was killed, is not spent but due again, also when its
    evidence has left the window meanwhile.

    `release_available` is whether level 3 has a known-good release to return to, if known. `commands` are the commands
    that `next` names, as this run was started.
    """
    words = Words(locale, _texts.TEXTS, _levels.TEXTS, run=commands)
    judged, effective = mapping(verdict, "verdict"), mapping(present or {}, "present")
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {redact(repr(mode))[:40]}.")
    approved_level, release = _level(approved), flag(release_available, "release_available")
    causes = sequence(judged.get("causes") or [], "verdict.causes")
    unknown = [cause for cause in causes if cause not in STEPS]
    if unknown:
        raise ValueError(f"verdict.causes holds the unknown cause {redact(repr(unknown[0]))[:40]}.")
    history = _History(acts, budget)
    ignored = "kill_switch_ignored" in causes
    # Behind the fence an assistant that ignores the kill-switch tries to send, and nothing gets through.
    held = "held_by_fence" in causes
    contained = held or (ignored and flag(effective.get("fenced"), "fenced") is True and not _rate(judged))
    in_effect = {
        1: flag(effective.get("kill_switch"), "kill_switch") is True and (not ignored or contained),
        2: flag(effective.get("v1_flags"), "v1_flags") is True,
        3: False,
    }

    patience = _Patience(judged)
    need = _need(judged, words, in_effect=in_effect, history=history, release=release, contained=contained)
    (due, due_cause), (at_once, certain) = need.due, need.at_once
    reasons = [*([words.say("decide_contained")] if contained else []), *need.reasons]

    # What is certain does not wait for what is not.
    waiting = mode == "auto" and due > 0 and not at_once
    if mode == "auto" and at_once:
        due, due_cause = at_once, certain
    act = due > 0 and not waiting and (mode == "auto" or (mode == "approve" and approved_level == due))
    blind = judged.get("status") == "blind"
    if waiting:
        reasons.append(patience.told(due_cause, words))
        then = words.say("decide_next_watch")
    elif due:
        reasons.append(_permission(mode, words, due=due, approved=approved_level))
        then = words.say(
            "decide_next_act" if act else f"decide_next_{mode}", level=due, command=_command(words, mode, due)
        )
    elif need.exhausted or need.hopeless or blind or contained:
        if blind and not need.exhausted:
            reasons.append(words.say("decide_blind", cause=due_cause))
        why = "any" if need.exhausted else "total" if need.hopeless else "contained" if contained else "blind"
        then = words.say("decide_next_person", what=words.say(f"decide_next_person_{why}"))
    else:
        safe = due_cause == "kill_switch"
        key = "decide_safe" if safe else "decide_nothing"
        reasons.append(words.say(key, status=judged.get("status"), cause=due_cause))
        status = judged.get("status")
        then = words.say(f"decide_next_{'validate' if safe else 'watch' if status != 'ok' else 'none'}")
    nobody = not due and (need.exhausted or need.hopeless or blind)
    level = None if nobody else due
    title = words.say(f"levels_{'none' if level is None else level}")
    return {
        "level": level,
        "title": f"{title} ({due_cause})",
        # What is wrong for sure, so that no watch goes on: every minute of it costs messages.
        "unstable": due > 0 or (nobody and judged.get("status") == "rollback"),
        "act": act,
        "cause": due_cause,
        "reasons": reasons,
        "next": then,
        "to_person": (due > 0 and not act and not waiting) or nobody or (contained and not due),
        "budget": [_spent(each, in_effect[each], history.spent.get(each)) for each in (1, 2, 3)],
    }


class _Need(NamedTuple):
    """What the causes of a verdict call for, and the levels that a killed run has not finished."""

    due: tuple[int, str]  # the highest level, 0 for none, and its cause
    at_once: tuple[int, str]  # the highest one that needs no waiting
    exhausted: bool  # whether a cause has no step left
    hopeless: bool  # whether no level mends a cause
    reasons: list[str]


def _need(
    judged: dict[str, Any],
    words: Words,
    *,
    in_effect: Mapping[int, bool],
    history: _History,
    release: bool | None,
    contained: bool,
) -> _Need:
    reasons: list[str] = []
    told: list[tuple[int, ...]] = []
    patience = _Patience(judged)
    due, due_cause, exhausted, hopeless = 0, judged.get("cause") or "none", False, False
    at_once, certain = 0, due_cause
    for cause in judged.get("causes") or []:
        # A single look that found no answer is watched; after an automatic act the service did not come back.
        persists = cause == "service_silent" and bool(history.spent)
        if (cause == "service_silent" and not persists) or (cause in FENCED and contained):
            continue
        if not STEPS[cause]:
            continue
        if cause in HOPELESS and patience.is_total(cause):
            reasons.append(words.say("decide_total", cause=cause))
            hopeless = True
            continue
        level, passed = _step(cause, words, in_effect=in_effect, history=history, release=release)
        if persists:
            passed.insert(0, words.say("decide_persists", cause=cause))
        if STEPS[cause] not in told:  # what has the same steps has the same story
            told.append(STEPS[cause])
            reasons += [reason for reason in passed if reason not in reasons]
        if level is None:
            exhausted = True
            continue
        if not patience.waits(cause) and level > at_once:
            at_once, certain = level, cause
        if level > due:
            due, due_cause = level, cause
    for level, known in history.unfinished.items():
        if not in_effect[level] and level > at_once:
            at_once, certain = level, "unfinished"
        if not in_effect[level] and level >= due:
            due, due_cause = level, "unfinished" if level > due else due_cause
            age = words.duration(known.age)
            reasons.append(words.say("decide_unfinished", level=level, age=age, run_id=redact(str(known.run_id))[:60]))
    return _Need((due, due_cause), (at_once, certain), exhausted, hopeless, reasons)


class _Patience:
    """For how long what a sequential test has found has held. A verdict that does not say hinders nothing."""

    def __init__(self, verdict: dict[str, Any]) -> None:
        self._tests = verdict.get("tests")

    def _test(self, cause: str) -> dict[str, Any] | None:
        """The test behind a cause; None for what is no matter of a test."""
        if self._tests is None or cause not in _TESTED:
            return None
        return mapping(mapping(self._tests, "verdict.tests").get(_TESTED[cause]) or {}, "a test of the verdict")

    def is_total(self, cause: str) -> bool:
        test = self._test(cause)
        return bool(test and test.get("total") and not self.waits(cause))

    def waits(self, cause: str) -> bool:
        test = self._test(cause)
        return test is not None and not (test.get("held", 0) >= LOOKS and test.get("failing_now"))

    def told(self, cause: str, words: Words) -> str:
        held = (self._test(cause) or {}).get("held", 0)
        if held >= LOOKS:
            return words.say("decide_ended", cause=cause)
        return words.say("decide_waits", cause=cause, held=held, looks=LOOKS, more=LOOKS - held)


def _spent(level: int, in_effect: bool, decided: _Decided | None) -> Spent:
    return {
        "level": level,
        "in_effect": in_effect,
        "spent": decided is not None,
        "age_seconds": decided.age if decided else None,
        "run_id": decided.run_id if decided else None,
    }


def _command(words: Words, mode: str, level: int) -> str:
    """What a person runs for a level that is due and was not done."""
    if mode == "approve":
        return words.run[f"emergency_recovery -e recovery_mode=approve -e recovery_approved={level}"]
    return words.run[f"rollback_level{level}"]


def _step(
    cause: str, words: Words, *, in_effect: Mapping[int, bool], history: _History, release: bool | None
) -> tuple[int | None, list[str]]:
    """Return the level that is due for `cause`, `None` when none is left, and what led there."""
    passed = [words.say("decide_level", cause=cause, level=STEPS[cause][0])]
    for level in STEPS[cause]:
        if in_effect[level]:
            passed.append(words.say("decide_in_effect", level=level, cause=cause))
        elif level in history.spent:
            age, limit = words.duration(history.spent[level].age), words.duration(history.budget)
            passed.append(words.say("decide_spent", level=level, age=age, limit=limit))
        elif level < max(history.spent, default=0):
            passed.append(words.say("decide_below", level=level))
        elif level == 3 and release is False:
            passed.append(words.say("decide_no_release"))
        else:
            if len(passed) > 1:
                passed.append(words.say("decide_then", level=level))
            return level, passed
    return None, [*passed, words.say("decide_exhausted", cause=cause)]


def _permission(mode: str, words: Words, *, due: int, approved: int | None) -> str:
    if mode == "approve" and approved != due:
        if approved is None:
            return words.say("decide_not_approved", level=due)
        return words.say("decide_other_approved", approved=approved, level=due)
    return words.say(
        {"auto": "decide_auto", "approve": "decide_approved", "recommend": "decide_recommend"}[mode], level=due
    )


def _rate(verdict: dict[str, Any]) -> float:
    """The share of deliveries that succeeded; 0 without any."""
    return mapping(verdict.get("delivery") or {}, "verdict.delivery").get("rate") or 0.0


def _level(value: Any) -> int | None:
    """Read a level, 1 to 3; nothing is `None`."""
    if value is None or value == "":
        return None
    if not isinstance(value, bool) and str(value).strip() in ("1", "2", "3"):
        return int(value)
    raise ValueError(f"a level must be 1, 2 or 3, not {redact(repr(value))[:40]}.")
