# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run came to on one host: the one place where status, headline, lines, next step and exit come from. Pure.

Each procedure leaves the facts that its modules returned; `outcome` makes of them what people and programs are told. A
failure before the act is a refusal, one after it a failure, and its sentence stands as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from ansible_collections.kumon.runbook.plugins.module_utils._redact import shown
from ansible_collections.kumon.runbook.plugins.plugin_utils._later import Late, named
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome_run import Run
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import LEVELS, PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import awx, report, smoke_test, status, unanswered


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
    run = Run(procedure, facts, locale, commands)
    judge = named("plugin_utils._outcome_act.begun") if facts.get("begun") else _KINDS[procedure]
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


_SMOKE = {"passed": "proven", "failed": "failed", "unproven": "unproven", "planned": "planned"}
"""What a smoke test's status is as a run's."""


def _smoke_test(run: Run) -> dict[str, Any]:
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
        "next_step": words.optional(f"next_{judged['reason']}"),
        "message": headline,
        "lines": [
            headline,
            *run.ticked(judged["steps"], words, "steps_", "step"),
            f"{words.say('mode')}: {words.say(f'modes_{mode}')}",
            f"{words.say('message')}: {', '.join(what)}",
        ],
    }


def _unanswered(run: Run) -> dict[str, Any]:
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


def _incident_report(run: Run) -> dict[str, Any]:
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


def _notify(run: Run) -> dict[str, Any]:
    told = mapping(run.facts.get("told") or {}, "told")
    options = {name: bool(run.facts.get(name)) for name in ("detached", "dry_run")}
    judge = named("plugin_utils._outcome_notify.notify_outcome")
    return dict(judge(told, check=run.check, locale=run.locale, commands=run.commands, **options))


def _configure_awx(run: Run) -> dict[str, Any]:
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


def _elsewhere(run: Run) -> dict[str, Any]:
    function, topic = _ELSEWHERE[run.procedure]
    words = run.words(status.TEXTS, named(f"plugin_utils.words.{topic}.TEXTS"))
    return dict(named(f"plugin_utils.{function}")(run.facts, words))


_KINDS: dict[str, Callable[[Run], dict[str, Any]]] = {
    "health_check": Late("plugin_utils._outcome_measured.health_check"),
    "diagnose": Late("plugin_utils._outcome_measured.diagnose"),
    "decide": Late("plugin_utils._outcome_measured.decide"),
    **dict.fromkeys((*LEVELS.values(), "roll_forward"), Late("plugin_utils._outcome_act.act")),
    "evolution_instance": Late("plugin_utils._outcome_act.evolution_instance"),
    "emergency_recovery": Late("plugin_utils._outcome_recovery.emergency_recovery"),
    "validate_recovery": Late("plugin_utils._outcome_recovery.validate_recovery"),
    "smoke_test": _smoke_test,
    "unanswered": _unanswered,
    "incident_report": _incident_report,
    "notify": _notify,
    "configure_awx": _configure_awx,
    **dict.fromkeys(_ELSEWHERE, _elsewhere),
}
