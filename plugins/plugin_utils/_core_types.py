# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo what ansible-core 2.18 makes of a variable that is a template by itself: a number its text, none an empty text.

A whole structure keeps its types there, and from 2.19 on so does everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.release import __version__ as core_version

KEEPS_TYPES = tuple(int(part) for part in core_version.split(".")[:2]) >= (2, 19)

# Under these names stands a structure or nothing, so that an empty text can only be a none.
STRUCTURES = frozenset(
    {
        "delivery",
        "evidence",
        "incident",
        "journal",
        "notifications",
        "present",
        "previous",
        "proof",
        "release",
        "report",
        "service",
        "smoke_test",
        "traces",
        "verdict",
    }
)
NUMBERS = frozenset({"budget_seconds", "level", "next_level", "now", "seconds", "started"})
# The facts of a host of a run stand no deeper; what lies below comes from modules, which return whole structures.
_DEPTH = 4


def number(value: Any) -> Any:
    """Return the number that a text is, none for an empty one, and anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        return value if value.strip() else None


def retyped(value: Any, name: str = "", depth: int = _DEPTH) -> Any:
    """Return `value` with its numbers and nones as they were before they became text."""
    if name in NUMBERS:
        return number(value)
    if name in STRUCTURES and isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, Mapping) and depth:
        return {key: retyped(item, str(key), depth - 1) for key, item in value.items()}
    return value
