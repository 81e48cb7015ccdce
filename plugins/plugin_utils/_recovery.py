# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a recovery is proven, and what an automatic recovery does about a verdict.

Pure: no host, no clock, no memory. Bad input raises `ValueError` with one sentence that a person can act on.
"""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    exact_bounds,
    mapping,
    number,
    sample_needed,
    sequence,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import Seen, flag
from ansible_collections.kumon.runbook.plugins.plugin_utils._words import Words

WINDOW = 900.0  # seconds without critical event, by the procedures
GOING_ON = 1 / 15  # the share of the window, a minute of the fifteen, within which an event means that it still happens

# ------------------------------------------------------------------ the proof


class _Proof:
    """The facts that the criteria need, checked."""

    def __init__(self, traces, restarted, window, began, now, target, loss, error, disabled, fenced, locale):
        self.words = Words(locale)
        self.seen = Seen(traces)
        # What came before a critical event says nothing of what came after it.
        self.sample = self.seen if restarted is None else Seen(restarted)
        self.window = number(window, "window")
        if self.window <= 0:
            raise ValueError(f"window must be more than 0 seconds, such as {WINDOW:g}, not {self.window:g}.")
        self.target, self.loss, self.error = number(target, "target"), number(loss, "loss"), number(error, "error")
        self.safe_mode = disabled is True
        self.fenced = fenced is True
        traces = traces or {}
        self.now = _moment(now if now is not None else traces.get("measured"), "now")
        first = _moment((traces.get("window") or {}).get("since") or traces.get("first"), "traces.window.since")
        moments = [_moment(item, "began") for item in (began if isinstance(began, (list, tuple)) else [began])]
        self.began = max((moment for moment in moments if moment is not None), default=first)
        self.last = _moment(traces.get("last"), "traces.last")
        self.critical_at = _moment((traces.get("critical") or {}).get("last"), "traces.critical.last")
        seen = self.seen
        self.events = {
            "guard": seen.incidents,
            "lost": seen.lost,
            "mismatch": seen.mismatches,
            "instance": sum(seen.invalid.values()),
        }
        # One bad turn leaves several of these signs: the largest count is how many there were at least.
        self.critical = max(self.events.values())
        undated = seen.window_asked and seen.timestamps == "none" and bool(seen.undated or seen.records)
        self.blind = "log_unreadable" if seen.missing else "no_timestamps" if undated else ""
        if not self.blind and not seen.records:
            self.blind = "no_data"

    def age(self, moment):
        """Seconds since `moment`; `None` when either time is unknown. Never negative: clocks may differ a little."""
        return None if moment is None or self.now is None else round(max(0.0, self.now - moment), 3)

    @property
    def quiet(self):
        """Seconds without critical event in the present state; `None` when unknown."""
        if self.critical and self.critical_at is None:
            return None
        if self.began is None:
            return None
        return self.age(max(self.began, self.critical_at or self.began))


def recovery_proof(
    traces,
    restarted=None,
    window=WINDOW,
    began=None,
    now=None,
    service_running=None,
    service_answering=None,
    delivery_disabled=None,
    fenced=None,
    target=0.95,
    loss=0.01,
    error=0.05,
    locale="en",
) -> dict:
    """Judge the success criteria by `traces` of the window that ends now (or `None`, where reading failed). Return

        {status, safe_mode, restarts_at, wait_seconds, full_at, reasons: [sentence, ...],
         criteria: [{criterion, status, value, low, high, n, needed, age_seconds}, ...]}

    `criterion` is `critical`, `delivered`, `lost` or `stable`; its `status` is `met`, `unmet`, `insufficient` (not
    enough seen to say) or `not_applicable`. `low` and `high` are exact one-sided bounds, each wrong with a chance of
    at most `error`; `needed` is the sample that would prove it with as many failures as there are now.

    critical    `value` events, at least; `age_seconds` since the last
    delivered   share of the outcomes, one a conversation and minute as in the verdict; `age_seconds` of the last record
    lost        share of the hand-offs; `age_seconds` of the last record
    stable      `value` seconds since the present state began or since the last critical event; `needed` is the window

    `proven` needs each criterion that applies to be met, and the service known to run. `failed` is what time alone
    does not mend: less than the target is proven to be delivered, or as much as is not tolerated to be lost; the
    service is down; messages go out in spite of the kill-switch; or a critical event is younger than a fifteenth of
    the window (a minute of the fifteen), so that it must be taken to go on. An older event makes the answer
    `insufficient`: the window begins again at it (`restarts_at`), and `wait_seconds` says how long it has to stay
    quiet yet, `full_at` until when. Everything else that is not proven is `insufficient` too; no data proves nothing.

    `restarted` are the traces since `restarts_at`, for a second look when there was a critical event: `delivered` and
    `lost` are then judged by what came after it. Without them by the whole window.

    `began` is when the present state began, as ISO 8601 or a list of such times (last act, start of the process), of
    which the latest counts. `now` is the host's own time, `traces.measured` where it is not given.

    With the kill-switch on (`delivery_disabled`) nothing is delivered: `safe_mode` is true, `delivered` does not
    apply, and neither does `lost` if delivery reads nothing then. Sending at all is `failed`; behind the network
    fence (`fenced`) only what got through is.
    """
    service_running = flag(service_running, "service_running")
    service_answering = flag(service_answering, "service_answering")
    disabled, fenced = flag(delivery_disabled, "delivery_disabled"), flag(fenced, "fenced")
    proof = _Proof(traces, restarted, window, began, now, target, loss, error, disabled, fenced, locale)
    criteria, sentences = [], []
    for judge in (_critical, _delivered, _lost):
        criterion, sentence = judge(proof)
        criteria.append(criterion)
        sentences.append(sentence)
    stable, sentence = _stable(proof, service_running, service_answering)
    criteria.append(stable)
    sentences.append(sentence)

    failures = list(_failures(proof, criteria, sentences, service_running))
    statuses = {criterion["status"] for criterion in criteria}
    status = "failed" if failures else "proven" if statuses <= {"met", "not_applicable"} else "insufficient"
    reasons = list(failures)
    if proof.safe_mode:
        reasons.append(proof.words.say("proof_safe_mode"))
    if proof.blind:
        reasons.append(proof.words.say(proof.blind))
    # What is missing comes before what is there.
    order = ("unmet", "insufficient", "met", "not_applicable")
    told = sorted(zip(criteria, sentences), key=lambda pair: order.index(pair[0]["status"]))
    wait = 0.0 if status == "proven" else round(max(0.0, proof.window - (proof.quiet or 0.0)), 3)
    return {
        "status": status,
        "safe_mode": proof.safe_mode,
        # Times are cut to milliseconds: the next one is the first after the event.
        "restarts_at": iso(proof.critical_at + 0.001) if proof.critical and proof.critical_at is not None else None,
        "wait_seconds": wait,
        "full_at": None if proof.now is None else iso(proof.now + wait),
        "reasons": reasons + [sentence for _item, sentence in told if sentence and sentence not in failures],
        "criteria": criteria,
    }


def _criterion(name, status, value=None, low=None, high=None, n=None, needed=None, age_seconds=None) -> dict:
    return {
        "criterion": name,
        "status": status,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "needed": needed,
        "age_seconds": age_seconds,
    }


def _critical(proof):
    words, age = proof.words, proof.age(proof.critical_at)
    if not proof.critical:
        status = "insufficient" if proof.blind else "met"
        return _criterion("critical", status, 0, needed=0), "" if proof.blind else words.say("proof_none_critical")
    quiet = proof.quiet
    met = quiet is not None and quiet >= proof.window and not proof.blind
    events = ", ".join(f"{name} {n}" for name, n in proof.events.items() if n)
    if age is None:
        sentence = words.say("proof_critical_undated", events=events)
    else:
        sentence = words.say("proof_critical", events=events, age=words.duration(age))
    status = "met" if met else "unmet"
    return _criterion("critical", status, proof.critical, needed=0, age_seconds=age), sentence


def _delivered(proof):
    """At least `target` delivered, in the unit of the verdict: one outcome for each conversation and minute."""
    if proof.safe_mode:
        return _criterion("delivered", "not_applicable"), ""
    success = sum(row["success"] for row in proof.sample.minutes)
    failed = sum(row["failed"] for row in proof.sample.minutes)
    n, needed = success + failed, sample_needed(failed, 1 - proof.target, proof.error)
    bounds = exact_bounds(success, n, proof.error)
    if proof.blind or not n:
        status = "insufficient"
    elif bounds["low"] >= proof.target:
        status = "met"
    else:
        status = "unmet" if bounds["high"] < proof.target else "insufficient"
    words = proof.words
    sentence = words.say(
        f"proof_delivered_{status if n else 'none'}",
        rate=words.percent(success / n) if n else "",
        n=n,
        needed=needed,
        target=words.percent(proof.target),
        low=words.percent(bounds["low"]),
        high=words.percent(bounds["high"]),
    )
    value = success / n if n else None
    return _criterion(
        "delivered", status, value, n=n, needed=needed, age_seconds=proof.age(proof.last), **bounds
    ), sentence


def _lost(proof):
    """Less than `loss` of the hand-offs lost. Planned and never read is lost too, unless the kill-switch explains "
    "it."""
    seen = proof.sample
    lost = seen.lost + (0 if proof.safe_mode else seen.unread)
    n = seen.read + lost
    if proof.safe_mode and not n:
        return _criterion("lost", "not_applicable"), ""
    needed, bounds = sample_needed(lost, proof.loss, proof.error), exact_bounds(lost, n, proof.error)
    if proof.blind or not n:
        status = "insufficient"
    elif bounds["high"] < proof.loss:
        status = "met"
    else:
        status = "unmet" if bounds["low"] >= proof.loss else "insufficient"
    words = proof.words
    sentence = words.say(
        f"proof_lost_{status if n else 'none'}",
        lost=lost,
        n=n,
        needed=needed,
        target=words.percent(proof.loss),
        low=words.percent(bounds["low"]),
        high=words.percent(bounds["high"]),
    )
    value = lost / n if n else None
    return _criterion("lost", status, value, n=n, needed=needed, age_seconds=proof.age(proof.last), **bounds), sentence


def _stable(proof, running, answering):
    words, quiet = proof.words, proof.quiet
    spans = {
        "quiet": words.duration(quiet or 0),
        "window": words.duration(proof.window),
        "wait": words.duration(max(0.0, proof.window - (quiet or 0.0)) + 0.999),
    }
    if running is False:
        status, sentence = "unmet", words.say("proof_service_down")
    elif running is None:
        status, sentence = "insufficient", words.say("proof_service_unknown")
    elif answering is False:
        status, sentence = "unmet", words.say("proof_service_silent")
    elif quiet is not None and quiet >= proof.window and not proof.blind:
        status, sentence = "met", words.say("proof_stable_met", **spans)
    else:
        status, sentence = "insufficient", words.say("proof_stable_insufficient", **spans)
    return _criterion("stable", status, quiet, needed=proof.window, age_seconds=quiet), sentence


def _failures(proof, criteria, sentences, running):
    """What time alone does not mend, a sentence each."""
    words = proof.words
    if running is False:
        yield words.say("proof_service_down")
    if proof.safe_mode:
        through = proof.seen.delivered if proof.fenced else max(proof.seen.sent, proof.seen.delivered)
        if through:
            yield words.say("proof_leaks" if proof.fenced else "proof_sent", messages=words.many(through, "message"))
    age = proof.age(proof.critical_at)
    if proof.critical and age is not None and age < proof.window * GOING_ON:
        yield words.say("proof_going_on", age=words.duration(age))
    for criterion, sentence in zip(criteria, sentences):
        if criterion["criterion"] in ("delivered", "lost") and criterion["status"] == "unmet":
            yield sentence


def _moment(value, name: str):
    """Read a time: seconds since the epoch, or ISO 8601; `None` and nothing are `None`."""
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value, name)
    try:
        return parse_when(str(value), 0.0)
    except ValueError as error:
        raise ValueError(f"{name}: {error}.") from None


# --------------------------------------------------------------- the decision

# What a process that ignores its kill-switch looks like behind the fence: it tries, and each try fails.
FENCED = ("kill_switch_ignored", "delivery_failing")
MODES = ("recommend", "approve", "auto")
BUDGET = 1800.0  # seconds within which a level is done automatically once at most

STEPS = {
    # Messages are kept from going out first, whatever the cause: that is done in seconds and undone as fast.
    "level2_not_stable": (1, 3),
    "kill_switch_ignored": (1, 3),
    "lost_handoff": (1, 2, 3),
    "outbox_guard": (1, 2, 3),
    "instance_guard": (1, 2, 3),
    "invalid_instance": (1, 2, 3),
    "state_mismatch": (1, 2, 3),
    "gateway_down": (1,),
    "delivery_failing": (1,),
    # A service that is down sends nothing; the flags of level 1 and 2 would not make it start.
    "service_down": (3,),
    "log_unreadable": (),
    "no_timestamps": (),
    "no_data": (),
    # Watched at first. Silence after an automatic act is a service that did not come back.
    "service_silent": (3,),
    "kill_switch": (),
    "unread_handoff": (),
    "delivery_degraded": (),
    "unexpected_instance": (),
    "none": (),
}
"""The automatic steps for each cause of a verdict, in their order; after the last one a person decides."""


class _History:
    """The automatic acts within the budget."""

    def __init__(self, acts, budget):
        self.budget = number(budget, "budget")
        self.spent: dict = {}
        self.unfinished: dict = {}
        newer = False
        for act in sequence(acts or [], "acts"):
            act = mapping(act, "Each of the acts")
            if act.get("procedure") != "emergency_recovery" or act.get("act") != "decision":
                continue
            age = number(act.get("age"), "age of a decision")
            level = _level(mapping(act.get("after") or {}, "after of a decision").get("level"))
            if age >= self.budget or level is None:
                continue
            known = {"age": age, "run_id": act.get("run_id")}
            if act.get("ok") is not None or newer:
                self.spent.setdefault(level, known)
            else:
                self.unfinished[level] = known
            newer = True


def recovery_decision(
    verdict, present=None, acts=(), mode="recommend", approved=None, release_available=None, budget=BUDGET, locale="en"
) -> dict:
    """Say what is to be done about `verdict`, as the filter of that name returns it. Return

        {level, act, cause, reasons: [sentence, ...], next, to_person,
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
    lifted. The highest level that any of the causes calls for is due. A level that was decided and not finished,
    because the run was killed, is not spent but due again, also when its evidence has left the window meanwhile.

    `release_available` is whether level 3 has a known-good release to return to, if known.
    """
    words = Words(locale)
    verdict, present = mapping(verdict, "verdict"), mapping(present or {}, "present")
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {redact(repr(mode))[:40]}.")
    approved, release = _level(approved), flag(release_available, "release_available")
    causes = sequence(verdict.get("causes") or [], "verdict.causes")
    unknown = [cause for cause in causes if cause not in STEPS]
    if unknown:
        raise ValueError(f"verdict.causes holds the unknown cause {redact(repr(unknown[0]))[:40]}.")
    history = _History(acts, budget)
    ignored = "kill_switch_ignored" in causes
    # Behind the fence an assistant that ignores the kill-switch tries to send, and nothing gets through.
    contained = ignored and flag(present.get("fenced"), "fenced") is True and not _rate(verdict)
    in_effect = {
        1: flag(present.get("kill_switch"), "kill_switch") is True and (not ignored or contained),
        2: flag(present.get("v1_flags"), "v1_flags") is True,
        3: False,
    }

    reasons = [words.say("decide_contained")] if contained else []
    told: list = []
    due, due_cause, exhausted = 0, verdict.get("cause") or "none", False
    for cause in causes:
        # A single look that found no answer is watched; after an automatic act the service did not come back.
        persists = cause == "service_silent" and bool(history.spent)
        if (cause == "service_silent" and not persists) or (cause in FENCED and contained):
            continue
        if not STEPS[cause]:
            continue
        level, passed = _step(cause, in_effect, history, release, words)
        if persists:
            passed.insert(0, words.say("decide_persists", cause=cause))
        if STEPS[cause] not in told:  # what has the same steps has the same story
            told.append(STEPS[cause])
            reasons += [reason for reason in passed if reason not in reasons]
        if level is None:
            exhausted = True
        elif level > due:
            due, due_cause = level, cause
    for level, known in history.unfinished.items():
        if not in_effect[level] and level >= due:
            due, due_cause = level, "unfinished" if level > due else due_cause
            age = words.duration(known["age"])
            reasons.append(
                words.say("decide_unfinished", level=level, age=age, run_id=redact(str(known["run_id"]))[:60])
            )

    act = due > 0 and (mode == "auto" or (mode == "approve" and approved == due))
    blind = verdict.get("status") == "blind"
    if due:
        reasons.append(_permission(mode, approved, due, words))
        then = words.say("decide_next_act" if act else f"decide_next_{mode}", level=due)
    elif exhausted or blind or contained:
        if blind and not exhausted:
            reasons.append(words.say("decide_blind", cause=due_cause))
        what = "any" if exhausted else "contained" if contained else "blind"
        then = words.say("decide_next_person", what=words.say(f"decide_next_person_{what}"))
    else:
        safe = due_cause == "kill_switch"
        key = "decide_safe" if safe else "decide_nothing"
        reasons.append(words.say(key, status=verdict.get("status"), cause=due_cause))
        status = verdict.get("status")
        then = words.say(f"decide_next_{'validate' if safe else 'watch' if status != 'ok' else 'none'}")
    nobody = not due and (exhausted or blind)
    return {
        "level": None if nobody else due,
        "act": act,
        "cause": due_cause,
        "reasons": reasons,
        "next": then,
        "to_person": (due > 0 and not act) or nobody or (contained and not due),
        "budget": [
            {
                "level": level,
                "in_effect": in_effect[level],
                "spent": level in history.spent,
                "age_seconds": history.spent.get(level, {}).get("age"),
                "run_id": history.spent.get(level, {}).get("run_id"),
            }
            for level in (1, 2, 3)
        ],
    }


def _step(cause, in_effect, history, release, words):
    """Return the level that is due for `cause`, `None` when none is left, and what led there."""
    said = [words.say("decide_level", cause=cause, level=STEPS[cause][0])]
    for level in STEPS[cause]:
        if in_effect[level]:
            said.append(words.say("decide_in_effect", level=level, cause=cause))
        elif level in history.spent:
            age, limit = words.duration(history.spent[level]["age"]), words.duration(history.budget)
            said.append(words.say("decide_spent", level=level, age=age, limit=limit))
        elif level < max(history.spent, default=0):
            said.append(words.say("decide_below", level=level))
        elif level == 3 and release is False:
            said.append(words.say("decide_no_release"))
        else:
            if len(said) > 1:
                said.append(words.say("decide_then", level=level))
            return level, said
    return None, [*said, words.say("decide_exhausted", cause=cause)]


def _permission(mode, approved, level, words) -> str:
    if mode == "approve" and approved != level:
        if approved is None:
            return words.say("decide_not_approved", level=level)
        return words.say("decide_other_approved", approved=approved, level=level)
    return words.say(
        {"auto": "decide_auto", "approve": "decide_approved", "recommend": "decide_recommend"}[mode], level=level
    )


def _rate(verdict) -> float:
    """The share of deliveries that succeeded; 0 without any."""
    return mapping(verdict.get("delivery") or {}, "verdict.delivery").get("rate") or 0.0


def _level(value):
    """Read a level, 1 to 3; nothing is `None`."""
    if value is None or value == "":
        return None
    if not isinstance(value, bool) and str(value).strip() in ("1", "2", "3"):
        return int(value)
    raise ValueError(f"a level must be 1, 2 or 3, not {redact(repr(value))[:40]}.")
