# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flags a release of the assistant has, as data: what makes level 1 and 2, and where health tells of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH

_WORD = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*)?")
KEYS = ("level1_flags", "level2_flags", "health_fields")
# Beside these, what such releases are started as: the word of their command that differs.
ENTRY = "entry"
AUTO = "auto"

_KILL_SWITCH = {KILL_SWITCH: True}

PROFILES: dict[str, dict[str, Any]] = {
    # The names that the emergency procedures use.
    "procedures": {
        "level1_flags": _KILL_SWITCH,
        "level2_flags": {
            "OUTBOX_V2_ENFORCED": False,
            "TEMPLATE_VARIABLE_POLICY_V2": False,
            "STRICT_ENUM_STAGESTEP": False,
            "ROUTER_V2_SHADOW": True,
        },
        "health_fields": {"DELIVERY_DISABLE": "delivery_disabled"},
    },
    # The releases that start as app.main:app. Each of the two switches V2 on for live traffic; no file of theirs reads
    # a kill-switch, so that the network fence is what stops them, and health tells of no flag.
    "app_main": {
        "level1_flags": _KILL_SWITCH,
        "level2_flags": {"ROUTER_V2_SHADOW": False, "WORKFLOW_V2_ENABLED": False},
        "health_fields": {},
        ENTRY: "app.main:app",
    },
    # The release that starts as main:app has one way only: there is no V1 to go back to.
    "one_turn": {"level1_flags": _KILL_SWITCH, "level2_flags": {}, "health_fields": {}, ENTRY: "main:app"},
}


# The words by which the code of each is known, the surest first. That a release names the procedures' flags of level 2
# is no mark: some parse them, and nothing asks for them. None of the real ones names the kill-switch.
MARKS = {
    "procedures": ("DELIVERY_DISABLE",),
    "one_turn": ("ONE_TURN",),
    "app_main": ("ROUTER_V2_SHADOW", "WORKFLOW_V2_ENABLED"),
}


def profile(name: str, own: Mapping[str, Any] | None = None) -> tuple[dict[str, dict[str, Any]], str]:
    """Return the profile of that name, and what is wrong with it in one sentence.

    ``auto`` is what all of them have, until the release was looked at: the kill-switch and its field are the same for
    each, and of level 2 all flags that any has. `choices` has the profiles then, and `marks` how their code is known.

    :param own: further profiles by their names; one of a shipped name takes its place
    """
    known = {**PROFILES, **(own or {})}
    if name == AUTO and AUTO not in known:
        return _any_of(own or {})
    if name not in known:
        return {}, f"runbook_profile must be one of {', '.join([*known, AUTO])}, not {name!r}"
    chosen = known[name]
    wrong = (
        f"runbook_profiles.{name} must be a mapping of {', '.join(KEYS)}, each a mapping by the flag's name, "
        f"and of {ENTRY}, a word of the start command such as main:app"
    )
    if isinstance(chosen, Mapping) and not _WORD.fullmatch(str(chosen.get(ENTRY) or "")):
        return {}, wrong
    if not isinstance(chosen, Mapping) or set(chosen) - {*KEYS, ENTRY}:
        return {}, wrong
    parts = {key: chosen.get(key) or {} for key in KEYS}
    return (parts, "") if all(isinstance(part, Mapping) for part in parts.values()) else ({}, wrong)


def _any_of(own: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], str]:
    choices: dict[str, dict[str, Any]] = {}
    for name in MARKS:
        choices[name], wrong = profile(name, own)
        if wrong:
            return {}, wrong
    every = {flag: value for each in choices.values() for flag, value in each["level2_flags"].items()}
    marks = {name: list(words) for name, words in MARKS.items()}
    return {**choices["procedures"], "level2_flags": every, "choices": choices, "marks": marks}, ""


def entries(own: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Return what each kind of release is started as, and how its code is known, the surest first."""
    known = {**PROFILES, **(own or {})}
    profiles = {name: known[name] if isinstance(known[name], Mapping) else {} for name in MARKS}
    return {name: {"marks": list(MARKS[name]), ENTRY: str(one.get(ENTRY) or "")} for name, one in profiles.items()}
