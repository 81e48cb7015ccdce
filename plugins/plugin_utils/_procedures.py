# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of procedures: what each is, how long it may take, and what it proves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Procedure(NamedTuple):
    """One playbook.

    `kind` is `look` (measures, changes nothing), `rollback` and `forward` (acts on the service, judged by what it does
    next), `gateway` (acts on the Evolution API), `decide` (looks, and may do rollbacks), `prove`, `tell`, `prepare`,
    `gate` (judges what was prepared), `drill` (rehearses on staging), or `configure` (touches no host of the
    assistant). `budget` is in seconds from the command's start to the observed effect; `None` where the run's own
    variables say it.
    """

    kind: str
    level: int
    budget: float | None
    proves: str


PROCEDURES = {
    "health_check": Procedure("look", 0, 30, "what was measured, with its age"),
    "diagnose": Procedure("look", 0, None, "what was measured, with its age"),
    "decide": Procedure("look", 0, 30, "whether the verdict asks for what a workflow does next"),
    "rollback_level1": Procedure("rollback", 1, 30, "messages are planned, and none of them is sent"),
    "rollback_level2": Procedure(
        "rollback", 2, 120, "the flags of V1 are in the running process, and messages are delivered"
    ),
    "rollback_level3": Procedure("rollback", 3, 300, "the known-good release is in place, and messages are delivered"),
    "roll_forward": Procedure("forward", 0, None, "what a rollback changed is back, and messages are delivered"),
    "evolution_instance": Procedure("gateway", 0, 60, "the gateway says that its instance is offline, or open again"),
    "emergency_recovery": Procedure("decide", 0, None, "the service was seen to be stable at some level"),
    "validate_recovery": Procedure("prove", 0, None, "the success criteria of the procedures"),
    "smoke_test": Procedure("prove", 0, 60, "a message of our own went as it should"),
    "unanswered": Procedure("tell", 0, 60, "who waits for an answer, as a list for those who call back"),
    "incident_report": Procedure("tell", 0, 120, "the report is written"),
    "prepare_go_live": Procedure("prepare", 0, None, "what an emergency needs is there, item by item"),
    "watch_go_live": Procedure("look", 0, None, "nothing called for a rollback while it was watched"),
    "replay": Procedure("look", 0, None, "what automation would have done, by a past log"),
    "automation": Procedure("tell", 0, 60, "whether automation may act by itself, and why"),
    "go_live_gate": Procedure("gate", 0, 120, "each item of the preparation list, by what was seen of it"),
    "drill": Procedure("drill", 0, None, "each rollback works in its time on staging, and all is as before"),
    "notify": Procedure("tell", 0, 120, "each channel's answer"),
    "configure_awx": Procedure("configure", 0, None, "AWX has what is described, by its own answers"),
}

ROLLBACKS = tuple(name for name, row in PROCEDURES.items() if row.kind == "rollback")

JUDGED = tuple(name for name, row in PROCEDURES.items() if row.kind in ("rollback", "forward"))
"""Procedures whose acts count by what the service did next, not by their own outcome."""

BUDGETS = {name: row.budget for name, row in PROCEDURES.items() if row.kind == "rollback" and row.budget is not None}
"""Seconds of each rollback."""

LEVELS = {row.level: name for name, row in PROCEDURES.items() if row.kind == "rollback"}
"""The procedure of each level."""


def due(verdict: Mapping[str, Any]) -> str:
    """The procedure that a verdict calls for, empty where it calls for none.

    Where level 1 is in force already, once more would change nothing: then it is what comes behind that, and where
    nothing does, the procedure that says why.
    """
    level = verdict.get("level")
    if level == 1 and "kill_switch" in (verdict.get("causes") or ()):
        return LEVELS.get(verdict.get("next_level") or 0, "emergency_recovery")
    return LEVELS.get(level or 0, "")


DEPTHS = {"quick": 30.0, "full": 60.0}
"""Seconds of a diagnosis, by its depth."""
