# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of an act, as one sentence before anything is done; nothing when nothing does. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._calendar import LONGEST, frozen, span
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._hours import Hours
from ansible_collections.kumon.runbook.plugins.plugin_utils._later import named
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import (
    LOCALES,
    Words,
    decide,
    drill,
    gate,
    prepare,
    replay,
    rollback,
    smoke_test,
    watch,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import outcome as endings

_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_WAVE = re.compile(r"['\"]?[0-9]+%?['\"]?")  # a number of hosts or a share of them
_PHONE = re.compile(r"[0-9]{10,15}")


def problem(kind: str, facts: Any, locale: str = "en", commands: Mapping[str, str] | None = None) -> str:
    """Return the sentence.

    :param kind: the ``desk`` of a job, the ``gate`` of the way forward, a ``freeze`` of it, a ``drill``, expected
        ``hours``, the ``causes`` that are asked for, the ``incident`` of a report, the ``release`` to go back to,
        ``flags`` to set, the ``profile`` that has them, ``people`` for sudo, the ``selection`` of hosts, a
        ``smoke_test``, or a ``watch``
    :param facts: ``{job, desk, connection}``; ``{smoke_test, verdict}``; ``{now, time_zone, freeze}``;
        ``{level, verdict}``; ``{expected_hours, time_zone, window}``; ``{decide_cause}``;
        ``{journals, now, run_id, since, until}``; ``{release}``; ``{unread}``;
        ``{auto, recognised, flags}``; ``{people, user}``; ``{selected, pattern, limit, left_out_by, waves, locales}``;
        ``{phone, webhook_url, service, state, mode}``; ``{watch_for, watch_every}``
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, not {str(kind)[:40]!r}.")
    topics = (endings.TEXTS, decide.TEXTS, rollback.TEXTS, smoke_test.TEXTS, prepare.TEXTS, watch.TEXTS)
    words = Words(locale, *topics, run=commands)
    return _KINDS[kind](mapping(facts, "facts"), words)


def _gate(facts: dict[str, Any], words: Words) -> str:
    """Nothing goes forward on hope: a message of our own has to pass, and the verdict has to be ok."""
    test, verdict = facts["smoke_test"], facts.get("verdict")
    if not test["ok"]:
        return f"{words.say('gate_smoke_test')}: {test['message']}"
    # Under the kill-switch a sound assistant is watched for no other cause.
    if not verdict or verdict["status"] == "ok" or (verdict["status"], verdict["cause"]) == ("watch", "kill_switch"):
        return ""
    return f"{words.say('gate_verdict')}: {verdict['status']}, {next(iter(verdict['reasons']), '')}"


def _hours(facts: dict[str, Any], words: Words) -> str:
    """Also for how long: a window that is none would be found when all is to be measured, and leave the run blind."""
    window = str(facts.get("window") or "")
    try:
        parse_when(window or "0s", 0.0)
    except ValueError:
        return Words(words.locale, replay.TEXTS).say("window_wrong", value=redact(window)[:40])
    try:
        if facts.get("expected_hours"):
            Hours(str(facts["expected_hours"]), str(facts.get("time_zone") or ""))
    except ValueError as wrong:
        return str(wrong)
    return ""


def _incident(facts: dict[str, Any], words: Words) -> str:
    try:
        named("plugin_utils._incident.incident_window")(**facts, locale=words.locale)
    except ValueError as wrong:
        return str(wrong)
    return ""


def _desk(facts: dict[str, Any], words: Words) -> str:
    """A job of AWX runs in a container: what it keeps beside itself is gone with it, and nobody is told any more."""
    job, desk, connection = (str(facts.get(name) or "") for name in ("job", "desk", "connection"))
    beside = desk in ("localhost", "127.0.0.1", "::1") or connection.rpartition(".")[2] == "local"
    return words.say("desk_ends", job=job, desk=desk) if job and beside else ""


def _causes(facts: dict[str, Any], words: Words) -> str:
    """A cause that there is not would never be met, and nobody would know why."""
    unknown = [str(cause) for cause in facts.get("decide_cause") or [] if cause not in CAUSES]
    return words.say("unknown_cause", cause=unknown[0][:60]) if unknown else ""


def _release(facts: dict[str, Any], words: Words) -> str:
    release = mapping(facts["release"], "release")
    if release.get("chosen"):
        return ""
    reason = release.get("reason") or "?"
    if isinstance(reason, Mapping) and release.get("commits"):
        # With what is known of each, for whoever has to choose one.
        commits = [_candidate(entry, words.locale) for entry in release["commits"]]
        reason = {**reason, "fields": {**(reason.get("fields") or {}), "commits": commits}}
    return f"{words.say('no_release')}: {in_words(reason, words.locale)}"


def _candidate(entry: Mapping[str, Any], locale: str) -> str:
    known = [in_words(fact, locale) for fact in entry.get("known") or []]
    when = str(entry.get("time") or "")[:16].replace("T", " ")
    return f"{entry.get('short')} ({'; '.join(filter(None, [when, str(entry.get('subject')), *known]))})"


def _smoke_test(facts: dict[str, Any], words: Words) -> str:
    service, state = facts.get("service") or {}, facts.get("state") or {}
    phone, disabled = str(facts.get("phone") or ""), bool(state.get("delivery_disabled"))
    if not _PHONE.fullmatch(phone):
        return words.say("phone_malformed" if phone else "phone_missing")
    if not facts.get("webhook_url"):
        return words.say("webhook_missing")
    if not state.get("known"):
        return sentence(service.get("msg"), words.locale) or words.say("unreachable")
    if not state.get("running"):
        return words.say("not_running")
    # Before anything is sent: without the kill-switch the message would go out, with it none can.
    if facts["mode"] != "auto" and (facts["mode"] == "processed_only") != disabled:
        return words.say("kill_switch_on" if disabled else "kill_switch_off")
    return ""


def _freeze(facts: dict[str, Any], words: Words) -> str:
    """A calendar of the team's keeps everybody from going forward; going back it never hinders."""
    return frozen(facts, Words(words.locale, gate.TEXTS, run=words.run))


def _drill(facts: dict[str, Any], words: Words) -> str:
    """A drill begins on a sound host of staging, and undoes nothing that it has not done itself."""
    words = Words(words.locale, drill.TEXTS, run=words.run)
    if facts.get("level"):
        return words.say("in_force", level=facts["level"], undo=words.run[f"roll_forward -e level={facts['level']}"])
    verdict = mapping(facts.get("verdict") or {}, "verdict")
    if verdict.get("status") == "ok":
        return ""
    return words.say("not_ready", told=f"{verdict.get('status')}: {next(iter(verdict.get('reasons') or []), '')}")


def _flags(facts: dict[str, Any], words: Words) -> str:
    """What was not looked for everywhere is not said to be missing."""
    return words.say("unread", flags=", ".join(facts["unread"])) if facts.get("unread") else ""


def _profile(facts: dict[str, Any], words: Words) -> str:
    """Level 2 needs flags: those that were recognised from the code, or named."""
    if facts.get("flags") and (facts.get("recognised") or not facts.get("auto")):
        return ""
    return words.say("no_profile" if facts.get("auto") and not facts.get("recognised") else "no_v1")


def _people(facts: dict[str, Any], words: Words) -> str:
    """What sudo would take as something else than a user's or a group's name."""
    user, people = str(facts.get("user") or ""), [str(name) for name in facts.get("people") or []]
    wrong = [name for name in people if not _ACCOUNT.fullmatch(name[1:] if name.startswith("%") else name)]
    if wrong:
        return words.say("people_wrong", name=repr(wrong[0][:40]))
    return "" if not user or _ACCOUNT.fullmatch(user) else words.say("user_wrong", name=repr(user[:40]))


def _selection(facts: dict[str, Any], words: Words) -> str:
    """Asked for before any variable is taken as it is meant, so the hosts' own locales say which language it is."""
    tags, waves = facts.get("left_out_by"), str(facts.get("waves") or "")
    wrong_waves = any(wave and not _WAVE.fullmatch(wave) for wave in re.split(r"[,\s]+", waves.strip("[] \t\n")))
    if facts.get("selected") and not tags and not wrong_waves:
        return ""
    given = (str(locale).strip() for locale in facts.get("locales") or [])
    words = Words(next((locale for locale in given if locale in LOCALES), LOCALES[0]), endings.TEXTS, run=words.run)
    if tags:
        return words.say("tags", tags=",".join(map(str, tags)))
    if wrong_waves:
        return words.say("waves", given=repr(waves[:40]))
    return words.say("no_host", pattern=facts["pattern"], limit=facts.get("limit") or words.say("no_limit"))


def _watch(facts: dict[str, Any], words: Words) -> str:
    """For how long and how often a watch can look."""
    seconds, every = span(str(facts["watch_for"])), float(facts["watch_every"])
    if seconds is None or not 0 < seconds <= LONGEST:
        return words.say("for_wrong", value=repr(str(facts["watch_for"])[:40]))
    return "" if 0.5 <= every <= 30 else words.say("every_wrong", value=f"{every:g}")


_KINDS: dict[str, Callable[[dict[str, Any], Words], str]] = {
    "causes": _causes,
    "desk": _desk,
    "drill": _drill,
    "flags": _flags,
    "freeze": _freeze,
    "gate": _gate,
    "hours": _hours,
    "incident": _incident,
    "people": _people,
    "profile": _profile,
    "release": _release,
    "selection": _selection,
    "smoke_test": _smoke_test,
    "watch": _watch,
}
