# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the GO / NO-GO gate has to look at, from its settings and from how it was started."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.plugin_utils import _calendar
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import PLAYBOOKS, Typed, started
from ansible_collections.kumon.runbook.plugins.plugin_utils._gate import fingerprint, own_items, refusal
from ansible_collections.kumon.runbook.plugins.plugin_utils._gate_look import HOUR
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._schedule import Shell, asks, is_open
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, gate, prepare


def gate_plan(settings: Mapping[str, Any], locale: str = "en") -> dict[str, Any]:
    """Return what the gate does before it judges.

    :param settings: ``items``, ``confirm`` and ``by`` (who confirms), ``start``, ``time_zone``, ``hours``, ``rota``,
        ``rota_ical``, ``freeze``, ``contacts``, ``flags`` (a team's own values at go-live), ``level1_flags`` and
        ``level2_flags``
    :returns: ``problem`` (why it cannot be asked like this, in one sentence), ``confirmations`` to keep,
        ``rota_window`` (``begin`` and ``end`` of what a calendar is asked for), ``flags`` with their values at go-live,
        ``dry_run`` and ``syntax`` (arguments), ``commands`` (arguments by name), how many ``playbooks``, ``cwd``,
        ``environment``, and ``commands_problem``, why they cannot be started
    """
    words = Words(locale, gate.TEXTS, prepare.TEXTS)
    problem = refusal(settings, words)
    if problem:
        return {"problem": problem}
    # Also in a job of AWX, whose paths are there as long as it runs.
    run, shell = Typed(started(environment={})), Shell()
    names = sorted(path.stem for path in PLAYBOOKS.glob("*.yml"))
    own = own_items(settings.get("items"))
    off = {item for item, row in own.items() if row.get("observe") == "off"}
    of = {"contacts": fingerprint(settings.get("contacts"))}
    return {
        "problem": "",
        "confirmations": [
            {"item": item, **({"of": of[item]} if item in of else {})} for item in settings.get("confirm") or []
        ],
        "rota_window": _window(settings),
        "flags": settings.get("flags") or _at_go_live(settings),
        "dry_run": [] if "dry_run" in off else [*_together(list(LEVELS.values()), run, shell), "--check"],
        "syntax": [] if "procedures" in off else [*_together(names, run, shell), "--syntax-check"],
        "playbooks": len(names),
        "commands": {item: row["command"] for item, row in own.items() if row.get("command")},
        "cwd": shell.cwd,
        # It is shown at -vvv. What is left out, such as a proxy with its password, they inherit.
        "environment": {name: value for name, value in shell.environment.items() if is_open(name, value)},
        "commands_problem": asks(run[names[0]], words),
    }


def _together(names: Sequence[str], run: Mapping[str, str], shell: Shell) -> list[str]:
    """The arguments of one run of several procedures, each as it is typed: one start of Ansible instead of many."""
    first = shell.argv(run[names[0]])
    at = next(number for number, word in enumerate(first) if word.endswith((f"{names[0]}.yml", f".{names[0]}")))
    return [*first[:at], *(first[at].replace(names[0], name) for name in names), *first[at + 1 :]]


def _window(settings: Mapping[str, Any]) -> dict[str, float]:
    """The go-live, and an hour around it: who judges does so a little later, and by what is inside."""
    zone = _calendar.zone_of(str(settings["time_zone"]))
    begin = _calendar.moment(settings["start"], zone) if settings.get("start") else time.time()
    return {"begin": begin - HOUR, "end": begin + HOUR * (number(settings["hours"], "hours") + 1)}


def _at_go_live(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Neither the kill-switch nor the flags of V1: the opposite of what the rollbacks set."""
    rollbacks = {**(settings.get("level2_flags") or {}), **(settings.get("level1_flags") or {})}
    return {name: not truthy(value) for name, value in rollbacks.items()}
