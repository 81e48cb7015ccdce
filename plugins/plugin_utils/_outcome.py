# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run came to on one host: the one place where status, headline, lines, next step and exit come from. Pure.

Each procedure leaves the facts that its modules returned; `outcome` makes of them what people and programs are told. A
failure before the act is a refusal, one after it a failure, and its sentence stands as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, shown
from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import effect_seen
from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import branch
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import health_in_words, in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._later import named
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import DEPTHS, LEVELS, PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import delivery_off
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Outcome, Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import newest_event
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import (
    Words,
    awx,
    decide,
    evolution,
    health,
    ledger,
    recovery,
    report,
    rollback,
    smoke_test,
    status,
    unanswered,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import outcome as endings

TICKS = {True: "[x]", False: "[ ]", None: "[-]"}
_CRITERIA = {"met": "[x]", "unmet": "[ ]", "insufficient": "[?]", "not_applicable": "[-]"}


def outcome(procedure: str, facts: Any, locale: str = "en", commands: Mapping[str, str] | None = None) -> Outcome:
    """Return what `procedure` came to on one host.

    :param procedure: a name of ``PROCEDURES``
    :param facts: what its modules and filters returned; which ones, see ``outcome.yml``
    :param commands: the command for a procedure and its options, as this run was started
    :returns: ``{procedure, ok, status, level, verdict, budget_seconds, next_step, message, lines}`` and what the
        procedure has beside these
    :raises ValueError: for an unknown procedure or locale, or facts of another shape
    """
    if procedure not in PROCEDURES:
        raise ValueError(f"procedure must be one of {', '.join(PROCEDURES)}, not {str(procedure)[:40]!r}.")
    facts = mapping(facts, "facts")
    run = _Run(procedure, facts, locale, commands)
    judge = _begun if facts.get("begun") else _KINDS[procedure]
    told = run.failed() if facts.get("failure") else judge(run)
    row = PROCEDURES[procedure]
    ending: dict[str, Any] = {
        "procedure": procedure,
        "level": row.level,
        "verdict": None,
        "budget_seconds": row.budget,
        "next_step": "",
        **told,
    }
    if facts.get("marked"):
        ending["lines"] = [*ending["lines"], run.ledger_line()]
    # What a server or a system said may have several lines; one line here is one line of the screen.
    ending.update(message=_one_line(ending["message"]), lines=[_one_line(line) for line in ending["lines"]])
    return cast(Outcome, ending)


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


class _Run:
    """One run's facts, and the words to tell them in."""

    def __init__(self, procedure: str, facts: dict[str, Any], locale: str, commands: Mapping[str, str] | None) -> None:
        self.procedure, self.facts, self.locale = procedure, facts, locale
        self.commands = Words(locale, run=commands).run
        self.check = bool(facts.get("check"))

    def words(self, *topics: Mapping[str, Any]) -> Words:
        return Words(self.locale, *topics, run=self.commands)

    def budget(self) -> float | None:
        row = PROCEDURES[self.procedure]
        if row.budget is not None:
            return row.budget
        if self.procedure == "diagnose":
            return DEPTHS.get(str(self.facts.get("depth")), DEPTHS["quick"])
        if self.procedure == "roll_forward":
            return PROCEDURES[LEVELS[self.level()]].budget if self.level() in LEVELS else None
        return None if self.facts.get("seconds") is None else number(self.facts["seconds"], "seconds")

    def level(self) -> int:
        return int(self.facts.get("level") or PROCEDURES[self.procedure].level)

    def failed(self) -> dict[str, Any]:
        """What was refused, could not be reached or went wrong. A module's sentence is told in the run's language."""
        failure = mapping(self.facts["failure"], "facts.failure")
        why = sentence(failure.get("msg") or "?", self.locale)
        if failure.get("module_stderr"):
            # The module did not run at all, of which ansible-core's sentence says nothing; the shell's does.
            why += f" ({redact(' '.join(str(failure['module_stderr']).split())[:200])})"
        acted = [int(level) for level in self.facts.get("acted") or []]
        # What was to be looked at and could not be read leaves the run blind, whoever says so.
        looked = self.procedure in ("health_check", "decide", "watch_go_live") or self.facts.get("measured") is False
        if self.facts.get("unreachable") or failure.get("unreachable"):
            came_to = "unreachable"
        elif acted:
            came_to = "failed"
        elif self.facts.get("action") in OWN_CHECKS:
            came_to = "refused"
        elif looked:
            came_to = "blind"
        else:
            came_to = "refused" if failure.get("refused") else "failed"
        words = self.words(status.TEXTS, endings.TEXTS)
        title = words.say("not_written" if self.procedure == "incident_report" else came_to)
        return {
            "ok": False,
            "status": came_to,
            # What was done before it failed is to be told.
            "level": max(acted, default=self.level()),
            "verdict": self.facts.get("verdict"),
            "budget_seconds": self.budget(),
            "next_step": why,
            "message": f"{title}: {why}",
            "lines": [title, why],
        }

    def ledger_line(self) -> str:
        """What the ledger of releases has now, or why it has not."""
        words, marked = self.words(ledger.TEXTS), mapping(self.facts["marked"], "facts.marked")
        if "good" not in marked:
            return f"{words.say('failed')}: {sentence(marked.get('msg') or '?', self.locale)}"
        reason = f": {in_words(marked['reason'], self.locale)}" if marked.get("reason") else ""
        return f"{words.say('true' if marked['good'] else 'false')} ({str(marked.get('commit'))[:12]}){reason}"

    def ticked(self, rows: Sequence[Mapping[str, Any]], words: Words, prefix: str, key: str) -> list[str]:
        """One line for each thing that was looked at."""
        return [
            f"{TICKS[row['had']]} {words.say(f'{prefix}{row[key]}')}: {in_words(row['detail'], self.locale)}"
            for row in rows
        ]


def _known(words: Words, key: str) -> str:
    """The text of `key`, nothing where there is none: not every outcome has a next step."""
    return words.say(key) if key in words else ""


# The tasks by which the roles check their input.
OWN_CHECKS = ("ansible.builtin.fail", "fail", "kumon.runbook.settings")


# ------------------------------------------------------------------ what was measured


def _verdict_message(words: Words, verdict: Mapping[str, Any]) -> str:
    reason = next(iter(verdict["reasons"]), "")
    # Its reason begins with the same words.
    return (
        reason if verdict["cause"] == "quiet" and reason else f"{words.say(verdict['status'])}: {reason}".rstrip(": ")
    )


def _next_of_verdict(run: _Run, verdict: Mapping[str, Any]) -> str:
    if verdict["status"] == "ok":
        return ""
    level = verdict.get("level")
    return run.commands[LEVELS[level]] if level in LEVELS else ""


def _health_check(run: _Run) -> dict[str, Any]:
    verdict, traces = mapping(run.facts["verdict"], "verdict"), mapping(run.facts["traces"], "traces")
    service = mapping(run.facts["service"], "service")
    words = run.words(health.TEXTS, status.TEXTS)
    cause = f" ({verdict['cause']})" if verdict["cause"] != "none" else ""
    handoff, delivery, window = traces["handoff"], traces["delivery"], traces["window"]
    since = window.get("since") or f"{words.say('process')} {window.get('process')}"
    running = f"pid {service['pid']}" if service["running"] else words.say("stopped")
    flags = [
        f"{words.say(column)} {_value((service.get(column) or {}).get(KILL_SWITCH), column)}"
        for column in ("declared", "effective", "reported")
    ]
    lines = [
        words.say("quiet") if verdict["cause"] == "quiet" else words.say(verdict["status"]) + cause,
        *[f"- {reason}" for reason in verdict["reasons"]],
        f"{words.say('window')}: {since}",
        f"{words.say('newest')}: {newest_event(cast(Traces, traces), words)}",
        f"{words.say('handoff')}: {_counts(handoff, 'planned', 'read', 'lost', 'unread')}",
        f"{words.say('delivery')}: {_counts(delivery, 'sent', 'success', 'failed', 'unconfirmed')}",
        *([f"{words.say('causes')}: {words.names(causes)}"] if (causes := delivery.get("failed_by_cause")) else []),
        f"{words.say('guards')}: {traces['guards']['incidents']}",
        f"{KILL_SWITCH}: {', '.join(flags)}",
        f"{words.say('service')}: {running}, health {service['health']['status']} "
        f"({health_in_words(service['health'], run.locale)})",
        *_standing_fence(words, service),
        f"{words.say('would_change')}: {verdict['would_change']}",
    ]
    return {
        "ok": verdict["status"] == "ok",
        "status": verdict["status"],
        "level": verdict["level"],
        "verdict": verdict,
        "next_step": _next_of_verdict(run, verdict),
        "message": _verdict_message(words, verdict),
        "lines": lines,
        # By which the scheduled check knows of an act that nobody was told of.
        **({"last_act": service["last_act"]} if service.get("last_act") else {}),
    }


def _standing_fence(words: Words, service: Mapping[str, Any]) -> list[str]:
    fence = service.get("fence") or {}
    if not fence.get("present"):
        return []
    return [words.say("fence", since=fence.get("since") or "?", attempts=fence.get("attempts") or 0)]


def _counts(section: Mapping[str, Any], *names: str) -> str:
    return " / ".join(str(section.get(name)) for name in names)


def _value(value: Any, column: str) -> str:
    if column == "reported":
        return json.dumps(value)
    return "-" if value is None or value == "" else str(value)


def _decide(run: _Run) -> dict[str, Any]:
    """One host's part in the decision of the whole run: all hosts exit as one, for a workflow knows no hosts."""
    hosts, asked = mapping(run.facts["hosts"], "hosts"), mapping(run.facts["asked"], "asked")
    by_host = {host: _judged(run, mapping(one, f"hosts.{host}")) for host, one in hosts.items()}
    # Where the input was refused nothing was looked at.
    decided = branch({host: one["verdict"] for host, one in by_host.items() if one["status"] != "refused"}, **asked)
    words, own = run.words(decide.TEXTS), by_host[run.facts["host"]]
    status, cause, level, host = decided["status"], decided["cause"], decided["level"], decided["host"]
    gravest = words.say("verdict", status=status, cause=cause, level=level, host=host)
    headline = words.say("taken" if decided["taken"] else "not_taken", found=gravest, asked=_asked(asked, words))
    permit: Mapping[str, Any] = {}
    told: list[str] = []
    if run.facts.get("act") and decided["taken"]:
        # An act follows at once, which needs more than a verdict.
        permit = run.facts.get("permit") or {"permitted": False, "why": "unknown", "reason": words.say("not_measured")}
        if permit["permitted"]:
            told = [words.say("permitted", level=run.facts["act"], reason=permit["reason"])]
        else:
            headline = words.say("not_permitted", found=gravest, reason=permit["reason"])
    return {
        "ok": decided["taken"] and permit.get("permitted") is not False,
        "status": own["status"],
        "level": own["level"],
        "verdict": own["verdict"],
        "next_step": own["next_step"],
        "message": headline if decided["host"] else own["message"],
        "lines": [headline, *told, *own["lines"]] if decided["host"] else own["lines"],
        "decided": {**decided, **({"permitted": permit["permitted"], "why": permit["why"]} if permit else {})},
    }


def _judged(run: _Run, known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of one host, and why it was not measured where it was not."""
    if "verdict" not in known:
        return _Run(run.procedure, dict(known), run.locale, run.commands).failed()
    verdict = mapping(known["verdict"], "verdict")
    return {
        "status": verdict["status"],
        "level": verdict["level"],
        "verdict": verdict,
        "next_step": _next_of_verdict(run, verdict),
        "lines": [f"- {reason}" for reason in verdict["reasons"]],
    }


def _asked(asked: Mapping[str, Any], words: Words) -> str:
    parts = [", ".join(asked["statuses"])]
    parts += [words.say("of_cause", causes=", ".join(asked["causes"]))] if asked["causes"] else []
    parts += [words.say("of_level", level=asked["level"])] if asked["level"] else []
    return "; ".join(parts)


def _diagnose(run: _Run) -> dict[str, Any]:
    verdict, diagnosis = mapping(run.facts["verdict"], "verdict"), mapping(run.facts["diagnosis"], "diagnosis")
    words = run.words(health.TEXTS, status.TEXTS)
    as_data = json.dumps(diagnosis, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return {
        **({"text": as_data} if run.facts.get("output") == "json" else {}),
        "ok": verdict["status"] == "ok",
        "status": "unreachable" if run.facts.get("unreachable") else verdict["status"],
        "level": verdict["level"],
        "verdict": verdict,
        "budget_seconds": run.budget(),
        "next_step": diagnosis.get("next_step") or "",
        "message": _verdict_message(words, verdict),
        "lines": str(diagnosis["screen"]).splitlines(),
    }


# ------------------------------------------------------------------ acts and their undoing

_HEADLINES = {
    ("rollback_level2", 2): "level2",
    ("rollback_level3", 3): "level3",
    ("roll_forward", 1): "lifted",
    ("roll_forward", 2): "level2_undone",
    ("roll_forward", 3): "level3_undone",
}
"""The headline of a proven act; of the kill-switch it is the proof's own reason."""


def _begun(run: _Run) -> dict[str, Any]:
    """An act that takes minutes has begun; people are told before it ends."""
    message = run.words(rollback.TEXTS).say(f"level{run.level()}_begun")
    return {"ok": True, "status": "begun", "budget_seconds": run.budget(), "message": message, "lines": [message]}


def _act(run: _Run) -> dict[str, Any]:
    """A rollback, or the way forward again."""
    words, level, forward = run.words(rollback.TEXTS), run.level(), run.procedure == "roll_forward"
    switched = mapping(run.facts["switched"], "switched")
    disabled = delivery_off(switched)
    if run.check:
        reason, fine = "", False
        headline = words.say("undo_planned" if forward else "planned")
    else:
        proof = mapping(run.facts["proof"], "proof")
        reason = "not_lifted" if forward and level == 1 and not _lifted(run.facts) else proof["reason"]
        fine = proof["status"] == "proven" and reason == proof["reason"]
        key = _HEADLINES.get((run.procedure, level)) if fine else None
        # The kill-switch is one flag, the others are several.
        lacking = reason == "not_in_process" and level > 1
        headline = words.say(key or f"reasons_{'flags_' if lacking else ''}{reason}")
    headline = _without_fence(run, words, switched) + headline
    return {
        "ok": run.check or fine,
        "status": "planned" if run.check else proof["status"] if reason == proof["reason"] else "unproven",
        "level": level,
        "budget_seconds": run.budget(),
        "next_step": "" if run.check or fine else _next_of_act(run, words, reason),
        "message": headline,
        "lines": [
            headline,
            *_fence_lines(run, words, switched),
            *(_release_lines(run, words) if level == 3 else _flag_lines(run, words, switched)),
        ],
        "delivery": _delivery(run, disabled=disabled, fine=fine, forward=forward),
        "effect_seconds": switched.get("seconds"),
        # Whether what the service did next was judged, which the journal is to know.
        "judged": not run.check,
    }


def _without_fence(run: _Run, words: Words, switched: Mapping[str, Any]) -> str:
    """Where the fence was to come first and could not, the headline begins with that."""
    why = (switched.get("fence") or {}).get("why")
    return words.say("no_fence", why=in_words(why, run.locale)) + "; " if why else ""


def _fence_lines(run: _Run, words: Words, switched: Mapping[str, Any]) -> list[str]:
    """The fence that stands since the act, and what the restart behind it came to."""
    fence = switched.get("fence") or {}
    if run.check or not fence.get("present"):
        return []
    lines = [words.say("fence_since", since=fence.get("since"))]
    if not fence.get("survives_reboot"):
        lines.append(words.say("fence_until_reboot"))
    if switched.get("msg"):
        lines.append(f"{words.say('not_restarted')}: {sentence(switched['msg'], run.locale)}")
    return lines


def _next_of_act(run: _Run, words: Words, reason: str) -> str:
    """What to do about an act that is not proven."""
    level, forward = run.level(), run.procedure == "roll_forward"
    if reason.startswith("worse_"):
        undo = LEVELS[level] if forward else f"roll_forward -e level={level}"
        return words.say("next_worse", undo=run.commands[undo])
    unfenced = f"next_unfenced_{reason}"
    if level == 1 and (run.facts["switched"].get("fence") or {}).get("sources") and reason == "fence_leaks":
        # What is in a container is not put back to another release from here.
        return words.say("next_contained_fence_leaks")
    if level == 1 and not forward and (run.facts["switched"].get("fence") or {}).get("why") and unfenced in words:
        # Where there can be no fence it is no next step.
        return words.say(unfenced)
    return _known(words, f"next_roll_forward_{reason}" if forward else f"next_{level}_{reason}")


def _lifted(facts: Mapping[str, Any]) -> bool:
    """Whether no process has a kill-switch in effect any more, and health does not report one."""
    switched, names = facts["switched"], facts.get("level1_flags") or {}
    effective = [value for name, value in (switched.get("effective") or {}).items() if name in names]
    return not any(map(truthy, effective)) and not any((switched.get("reported") or {}).values())


def _delivery(run: _Run, *, disabled: bool, fine: bool, forward: bool) -> str:
    level1 = run.level() == 1 and not forward
    if run.check:
        return "unknown"
    if disabled or (level1 and fine):
        return "off"
    return "on" if fine and not level1 else "unknown"


def _proof_lines(run: _Run, words: Words) -> list[str]:
    return [] if run.check else run.ticked(run.facts["proof"]["proofs"], words, "proofs_", "proof")


def _kept_line(words: Words, switched: Mapping[str, Any]) -> str:
    return words.say("kept_on" if delivery_off(switched) else "kept_off")


def _flag_lines(run: _Run, words: Words, switched: Mapping[str, Any]) -> list[str]:
    columns = (("declared", "declared"), ("effective", "effective"), ("before", "previous_effective"))
    told = [f"{words.say(title)} {json.dumps(switched.get(column), sort_keys=True)}" for title, column in columns]
    kept = [_kept_line(words, switched)] if switched.get("kept") else []
    unread = [words.say("unread", flags=", ".join(switched["unread"]))] if switched.get("unread") else []
    return [*_proof_lines(run, words), ", ".join(told), *unread, *kept]


def _release_lines(run: _Run, words: Words) -> list[str]:
    switched = run.facts["switched"]
    lines = _proof_lines(run, words)
    if run.check:
        lines = [f"- {in_words(step, run.locale)}" for step in switched.get("steps") or [words.say("nothing_to_do")]]
    before, after = switched["before"], switched["after"]
    branch = f" ({before['branch']})" if before.get("branch") else ""
    release, was = words.say("release"), words.say("before")
    lines.append(f"{release} {str(after['commit'])[:12]}, {was} {str(before['commit'])[:12]}{branch}")
    chosen = run.facts.get("chosen")
    if chosen:
        why = words.say(f"why_{chosen['why']}")
        lines.append(f"{words.say('chosen')} {str(chosen['commit'])[:12]}: {why}")
    lines += _trial_lines(run, words, switched)
    if switched.get("rescue"):
        lines.append(f"{words.say('rescue')} {switched['rescue']}")
    return lines if run.check else [*lines, _kept_line(words, switched)]


def _trial_lines(run: _Run, words: Words, switched: Mapping[str, Any]) -> list[str]:
    """What the release did where it was tried first, or why it was not."""
    trial = switched.get("trial") or {}
    why = in_words(trial.get("why"), run.locale)
    if not trial or run.check or run.procedure != "rollback_level3" or not switched.get("changed"):
        return []
    if not trial["tried"]:
        return [words.say("not_tried", why=why)]
    if why:
        return [words.say("tried", what=why)]
    sends = "" if trial.get("sends") is None else words.say("trial_sends", sends=trial["sends"])
    return [words.say("tried", what=words.say("trial_passed", planned=trial["planned"]) + sends)]


# ------------------------------------------------------------------ the gateway's instance


def _evolution_instance(run: _Run) -> dict[str, Any]:
    """The instance was taken offline, or is back; what did not come to that is a failure."""
    words, told, stop = run.words(evolution.TEXTS), mapping(run.facts["told"], "told"), bool(run.facts["stop"])
    headline = words.say("stopped" if stop else "connected")
    lines = [words.say("states", after=told["after"], before=told["before"], samples=", ".join(told["samples"]))]
    if run.check:
        headline = words.say("planned", call=told["planned"]) if told["planned"] else words.say("nothing_to_do")
        lines = [words.say("state", before=told["before"])]
    elif told["changed"]:
        lines.append(words.say("webhook_kept" if told["webhook_kept"] else "webhook_untold"))
    if stop:
        lines.append(words.say("way_back"))
    return {
        "ok": True,
        "status": "planned" if run.check else "proven",
        "message": headline,
        "lines": [headline, *lines],
        # The kill-switch is another thing: what is back may still be kept from sending.
        "delivery": "off" if stop and not run.check else "unknown",
    }


# ------------------------------------------------------------------ the automatic recovery

_RECOVERED = {
    "planned": "planned",
    "stable": "proven",
    "unproven": "unproven",
    "unstable": "failed",
    "safe": "ok",
    "nothing": "ok",
    "due": "rollback",
    "blind": "blind",
    "watch": "watch",
    "person": "rollback",
}
"""What a recovery came to, and its status."""


def _watched(run: _Run, act: Mapping[str, Any]) -> str:
    """What the watch after the last act has seen, where nothing in it was wrong: that is not yet something good."""
    state = mapping(run.facts.get("state") or {}, "state")
    off, fenced = bool(state.get("delivery_disabled")), bool(state.get("fenced"))
    traces = mapping(run.facts.get("traces") or {}, "traces")
    seen = effect_seen(cast(Traces, traces) if traces else None, delivery_off=off, fenced=fenced)
    if seen is False:
        return "unstable"
    # Too little for a proof when the act ended may have become one since; what was bad then is not made good by time.
    good = act["ok"] or act.get("status") in ("reported", "unproven")
    return "stable" if seen and good else "unproven"


def _recovered(run: _Run, decision: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """What the recovery came to."""
    done, level = run.facts.get("done") or [], decision["level"]
    due = level in (1, 2, 3)
    # The process ignores the kill-switch and the fence lets nothing through: no further act, but a person has to know.
    contained = level == 0 and decision["to_person"]
    quiet = level == 0 and (verdict["status"] == "ok" or verdict["cause"] == "kill_switch" or contained)
    if run.check and due:
        return "planned"
    if done:
        return _watched(run, done[-1]["outcome"]) if quiet else "unstable"
    if quiet:
        return "nothing" if verdict["status"] == "ok" else "safe"
    if due:
        return "due"
    if verdict["status"] == "blind":
        return "blind"
    return "watch" if level == 0 else "person"


def _emergency_recovery(run: _Run) -> dict[str, Any]:
    words = run.words(recovery.TEXTS, status.TEXTS)
    decision, verdict = mapping(run.facts["decision"], "decision"), mapping(run.facts["verdict"], "verdict")
    done, decisions = run.facts.get("done") or [], run.facts.get("decisions") or []
    state = mapping(run.facts.get("state") or {}, "state")
    came_to = _recovered(run, decision, verdict)
    level = decision["level"] or max((act["level"] for act in done), default=0)
    headline = words.say(f"results_{came_to}", level=level)
    lines = [headline]
    for number_, one in enumerate(decisions, 1):
        lines.append(f"{words.say('decision')} {number_}: {one['title']}")
        lines += [f"- {reason}" for reason in [*one["evidence"], *one["reasons"]]]
        if len(done) >= number_:
            lines.append(f"{words.say('act')} {number_}: {done[number_ - 1]['outcome']['message']}")
    lines.append(f"{words.say('verdict')}: {verdict['status']} ({verdict['cause']})")
    lines.append(f"{words.say('next_step')}: {decision['next'] or '-'}")
    ignored = "kill_switch_ignored" in verdict["causes"] and not state.get("fenced")
    return {
        "ok": came_to in ("nothing", "safe", "stable", "planned"),
        "status": _RECOVERED[came_to],
        "level": level,
        "verdict": verdict,
        "budget_seconds": run.budget(),
        "next_step": decision["next"],
        "message": f"{headline}: {next(iter(verdict['reasons']), '')}".rstrip(": "),
        "lines": lines,
        # A process that ignores its kill-switch sends, unless the fence holds.
        "delivery": "unknown" if ignored else "off" if state.get("delivery_disabled") else "on",
        "to_person": decision["to_person"],
        "decisions": decisions,
    }


def _validate_recovery(run: _Run) -> dict[str, Any]:
    words, proof = run.words(recovery.TEXTS, status.TEXTS), mapping(run.facts["proof"], "proof")
    traces = mapping(run.facts.get("traces") or {}, "traces")
    key = "safe_mode" if proof["status"] == "proven" and proof["safe_mode"] else proof["status"]
    headline = words.say(f"proof_{key}")
    since = (traces.get("window") or {}).get("since") or "?"
    span = f"{words.say('window')} {words.duration(run.budget() or 0)}; {words.say('since')} {since}"
    return {
        "ok": proof["status"] == "proven",
        "status": proof["status"],
        "budget_seconds": run.budget(),
        "next_step": _known(words, f"next_{key}"),
        "message": f"{headline}: {next(iter(proof['reasons']), '')}".rstrip(": "),
        "lines": [
            headline,
            *[_criterion(item, words) for item in proof["criteria"]],
            *[f"- {reason}" for reason in proof["reasons"]],
            f"{span}; {words.say('measured')} {traces.get('measured') or '?'}",
            f"{words.say('newest')}: {newest_event(cast(Traces, traces), words)}",
        ],
        "proof": proof,
    }


def _criterion(item: Mapping[str, Any], words: Words) -> str:
    line = f"{_CRITERIA[item['status']]} {words.say('criteria_' + item['criterion'])}: "
    line += words.say("status_" + item["status"])
    if item["status"] == "not_applicable":
        return line
    age = "-" if item["age_seconds"] is None else words.duration(item["age_seconds"])
    sample = "" if item["n"] is None else f", {words.say('sample')} {item['n']}"
    value, needed = _measure(item, "value", words), _measure(item, "needed", words)
    return f"{line}, {words.say('value')} {value}{sample}, {words.say('needed')} {needed}, {words.say('age')} {age}"


def _measure(item: Mapping[str, Any], name: str, words: Words) -> str:
    """A criterion's value or what it needs, in its own unit."""
    value = item[name]
    if value is None:
        return "-"
    if item["criterion"] == "stable":
        return words.duration(value)
    if item["criterion"] in ("delivered", "lost") and name == "value":
        return words.percent(value)
    return words.decimal(f"{value:g}")


# ------------------------------------------------------------------ smoke test, report, messages

_SMOKE = {"passed": "proven", "failed": "failed", "unproven": "unproven", "planned": "planned"}
"""What a smoke test's status is as a run's."""


def _smoke_test(run: _Run) -> dict[str, Any]:
    words = run.words(smoke_test.TEXTS)
    judged: Mapping[str, Any] = (
        {"status": "planned", "reason": "planned", "steps": []} if run.check else run.facts["judged"]
    )
    sent = mapping(run.facts["sent"], "sent")
    headline, mode = words.say(f"reasons_{judged['reason']}"), run.facts["mode"]
    message, what = sent["message"], [shown(str(run.facts.get("webhook_url")))]
    if message["sent"]:
        what += [message["id"], message["phone"], message["sent_at"], f"{words.decimal(str(sent['seconds']))} s"]
    return {
        "ok": judged["status"] in ("passed", "planned"),
        "status": _SMOKE[judged["status"]],
        "next_step": _known(words, f"next_{judged['reason']}"),
        "message": headline,
        "lines": [
            headline,
            *run.ticked(judged["steps"], words, "steps_", "step"),
            f"{words.say('mode')}: {words.say(f'modes_{mode}')}",
            f"{words.say('message')}: {', '.join(what)}",
        ],
    }


def _unanswered(run: _Run) -> dict[str, Any]:
    """Who waits for an answer: counts. The list alone has the numbers."""
    words, told = run.words(unanswered.TEXTS), mapping(run.facts["told"], "told")
    n, doubted, path = int(told["n"]), list(told["doubts"]), str(run.facts["path"])
    conversations, problem = words.many(n, "conversation"), " ".join(str(run.facts.get("problem") or "").split())
    lines, listed = [words.say("since", since=told["since"] or "?")], False
    if n:
        age = "?" if told["longest_wait_seconds"] is None else words.duration(told["longest_wait_seconds"])
        lines += [words.say("longest", age=age, again=told["wrote_again"]), words.say("person")]
        listed = not run.check and not problem
        lines += [words.say("list", path=path)] if listed else []
        lines += [words.say("unlisted", n=told["unlisted"])] if told["unlisted"] else []
        key, came_to = ("at_least", "insufficient") if doubted or told["unlisted"] else ("waiting", "ok")
        if run.check or problem:
            key, came_to = ("planned", "planned") if run.check else ("not_listed", "failed")
    else:
        key, came_to = ("unknown", "blind") if doubted else ("none", "ok")
    headline = words.say(key, conversations=conversations, since=told["since"] or "?")
    why = problem or next(iter(doubted), "")
    following = words.say("next_list", path=path) if listed else problem
    if came_to == "blind":
        following = words.say("next_unknown")
    return {
        "ok": came_to in ("ok", "planned"),
        "status": came_to,
        "next_step": following,
        "message": f"{headline}: {why}" if why else headline,
        "lines": [headline, *([problem] if problem else []), *lines, *[f"- {doubt}" for doubt in doubted]],
        "unanswered": {name: told[name] for name in ("n", "longest_wait_seconds", "wrote_again")},
    }


def _incident_report(run: _Run) -> dict[str, Any]:
    words, problem = run.words(report.TEXTS), str(run.facts.get("problem") or "")
    headline = words.say("would_be_written" if run.check else "written")
    told = f"{headline}: {run.facts['path']}"
    return {
        "ok": not problem,
        "status": "planned" if run.check else "insufficient" if problem else "ok",
        "verdict": run.facts.get("verdict"),
        "next_step": problem,
        "message": f"{told}; {problem}" if problem else told,
        "lines": [headline, *run.facts["files"], *([problem] if problem else [])],
        # For programs that show it elsewhere; the file stays on the desk.
        "report": {"path": run.facts["path"], "files": run.facts["files"], "markdown": run.facts.get("markdown") or ""},
    }


def _notify(run: _Run) -> dict[str, Any]:
    told = mapping(run.facts.get("told") or {}, "told")
    options = {name: bool(run.facts.get(name)) for name in ("detached", "dry_run")}
    judge = named("plugin_utils._outcome_notify.notify_outcome")
    return dict(judge(told, check=run.check, locale=run.locale, commands=run.commands, **options))


def _configure_awx(run: _Run) -> dict[str, Any]:
    words, applied = run.words(awx.TEXTS), named("plugin_utils._awx.changes")(run.facts["results"])
    headline = words.say("planned" if run.check else "applied", objects=applied["objects"], n=len(applied["changed"]))
    kept = [
        words.say("kept", name=one["name"], field=one["field"], names=", ".join(one["names"]))
        for one in run.facts.get("kept") or []
    ]
    return {
        "ok": True,
        "status": "planned" if run.check else "ok",
        "message": headline,
        "lines": [headline, *[f"- {name}" for name in applied["changed"]], *kept],
    }


_ELSEWHERE = {
    "automation": ("_automation.automation_outcome", "automation"),
    "drill": ("_drill.drilled", "drill"),
    "go_live_gate": ("_gate.judged", "gate"),
    "prepare_go_live": ("_prepare.prepared", "prepare"),
    "replay": ("_replay.replay_outcome", "replay"),
    "watch_go_live": ("_watch.watch_outcome", "watch"),
}
"""The procedures that have a file of their own: the function in it, and the topic of its words."""


def _elsewhere(run: _Run) -> dict[str, Any]:
    function, topic = _ELSEWHERE[run.procedure]
    words = run.words(status.TEXTS, named(f"plugin_utils.words.{topic}.TEXTS"))
    return dict(named(f"plugin_utils.{function}")(run.facts, words))


_KINDS: dict[str, Callable[[_Run], dict[str, Any]]] = {
    "health_check": _health_check,
    "diagnose": _diagnose,
    "decide": _decide,
    "rollback_level1": _act,
    "rollback_level2": _act,
    "rollback_level3": _act,
    "roll_forward": _act,
    "evolution_instance": _evolution_instance,
    "emergency_recovery": _emergency_recovery,
    "validate_recovery": _validate_recovery,
    "smoke_test": _smoke_test,
    "unanswered": _unanswered,
    "incident_report": _incident_report,
    "notify": _notify,
    "configure_awx": _configure_awx,
    **dict.fromkeys(_ELSEWHERE, _elsewhere),
}
