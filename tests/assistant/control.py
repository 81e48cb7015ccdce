# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control files which inject faults into the stand-in assistant and the stand-in gateway.

A control file is one JSON object. It is read again at every request and every turn, so a fault takes effect at once.
What the faults do stands in the docstrings of `main.py` and `gateway.py`. A name that nobody knows is an error: a
misspelt fault would otherwise let a test pass that should have failed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ASSISTANT_FAULTS = {
    "lost_handoff": False,
    "guard": False,
    "state_mismatch": False,
    "v2_only": False,
    "no_delivery": False,
    "invalid_instance": None,
    "invalid_instance_sent": False,
    "ignore_kill_switch": False,
    "hang_send": 0,
    "health": "normal",
    "crash_at_start": False,
    "slow_start": 0,
    "ignore_term": False,
}

GATEWAY_FAULTS = {
    "state": None,
    "fail": None,
    "fail_rate": 1.0,
    "hang": 0,
    "unlicensed": False,
}

CHOICES = {
    "health": ("normal", "missing_field", "api_v1_only", "hang", "html", "error"),
    "state": (None, "open", "connecting", "close", "absent"),
}


def check(faults: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Returns `faults`; raises ValueError for a name or a choice that does not exist."""
    for name, value in faults.items():
        if name not in known:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(sorted(known))}")
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(map(str, CHOICES[name]))}")
    return faults


def read(path: str | None, known: dict[str, Any]) -> dict[str, Any]:
    """All faults with their present values; a missing file injects nothing."""
    if not path or not os.path.exists(path):
        return dict(known)
    text = Path(path).read_text(encoding="utf-8")
    return {**known, **check(json.loads(text), known)}


def write(path: str | Path, faults: dict[str, Any], known: dict[str, Any]) -> None:
    """Replaces the control file in one step: its reader sees the old faults or the new ones, never half a file."""
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(check(faults, known)) + "\n", encoding="utf-8")
    temporary.replace(path)
