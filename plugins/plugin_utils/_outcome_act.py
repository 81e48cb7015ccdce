# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an act came to, or its undoing. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome_run import Run
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import delivery_off
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, evolution, rollback

_HEADLINES = {
    ("rollback_level2", 2): "level2",
    ("rollback_level3", 3): "level3",
    ("roll_forward", 1): "lifted",
    ("roll_forward", 2): "level2_undone",
    ("roll_forward", 3): "level3_undone",
}
"""The headline of a proven act; of the kill-switch it is the proof's own reason."""


def begun(run: Run) -> dict[str, Any]:
    """An act that takes minutes has begun; people are told before it ends."""
    message = run.words(rollback.TEXTS).say(f"level{run.level()}_begun")
    return {"ok": True, "status": "begun", "budget_seconds": run.budget(), "message": message, "lines": [message]}


def act(run: Run) -> dict[str, Any]:
    """A rollback, or the way forward again."""
    words, level, forward = run.words(rollback.TEXTS), run.level(), run.procedure == "roll_forward"
    switched = mapping(run.facts["switched"], "switched")
    disabled = delivery_off(switched)
    if run.check:
        reason, fine = "", False
        as_it_is = switched.get("changed") is False
        headline = words.say("nothing_planned" if as_it_is else "undo_planned" if forward else "planned")
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
            *run.warned(switched),
        ],
        "delivery": _delivery(run, disabled=disabled, fine=fine, forward=forward),
        "effect_seconds": switched.get("seconds"),
        # Whether what the service did next was judged, which the journal is to know.
        "judged": not run.check,
    }


def _without_fence(run: Run, words: Words, switched: Mapping[str, Any]) -> str:
    """Where the fence was to come first and could not, the headline begins with that."""
    why = (switched.get("fence") or {}).get("why")
    return words.say("no_fence", why=in_words(why, run.locale)) + "; " if why else ""


def _fence_lines(run: Run, words: Words, switched: Mapping[str, Any]) -> list[str]:
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


def _next_of_act(run: Run, words: Words, reason: str) -> str:
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
    return words.optional(f"next_roll_forward_{reason}" if forward else f"next_{level}_{reason}")


def _lifted(facts: Mapping[str, Any]) -> bool:
    """Whether no process has a kill-switch in effect any more, and health does not report one."""
    switched, names = facts["switched"], facts.get("level1_flags") or {}
    effective = [value for name, value in (switched.get("effective") or {}).items() if name in names]
    return not any(map(truthy, effective)) and not any((switched.get("reported") or {}).values())


def _delivery(run: Run, *, disabled: bool, fine: bool, forward: bool) -> str:
    level1 = run.level() == 1 and not forward
    if run.check:
        return "unknown"
    if disabled or (level1 and fine):
        return "off"
    return "on" if fine and not level1 else "unknown"


def _proof_lines(run: Run, words: Words) -> list[str]:
    return [] if run.check else run.ticked(run.facts["proof"]["proofs"], words, "proofs_", "proof")


def _kept_line(words: Words, switched: Mapping[str, Any]) -> str:
    return words.say("kept_on" if delivery_off(switched) else "kept_off")


def _flag_lines(run: Run, words: Words, switched: Mapping[str, Any]) -> list[str]:
    columns = (("declared", "declared"), ("effective", "effective"), ("before", "previous_effective"))
    told = [f"{words.say(title)} {json.dumps(switched.get(column), sort_keys=True)}" for title, column in columns]
    kept = [_kept_line(words, switched)] if switched.get("kept") else []
    unread = [words.say("unread", flags=", ".join(switched["unread"]))] if switched.get("unread") else []
    return [*_proof_lines(run, words), ", ".join(told), *unread, *kept]


def _release_lines(run: Run, words: Words) -> list[str]:
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


def _trial_lines(run: Run, words: Words, switched: Mapping[str, Any]) -> list[str]:
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


def evolution_instance(run: Run) -> dict[str, Any]:
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
