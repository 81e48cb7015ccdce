# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = """
name: timeline
type: aggregate
short_description: Show how long each phase of a procedure took, against its budget
version_added: 1.0.0
description:
  - At the end of a playbook that used roles of this collection, a short table of phases, with seconds and tasks, and
    the time to the observed effect against the procedure's budget, with its status; messages and evidence come after
    that. The last line is what to run next, if anything. Of other playbooks it says nothing.
  - A phase is what stands before C( | ) in the names of the collection's tasks.
  - It never breaks a play. What goes wrong in it is one warning.
options:
  json_file:
    description: Write the same as JSON into this file, whole or not at all. Empty means none.
    type: path
    ini:
      - section: kumon_runbook_timeline
        key: json_file
    env:
      - name: KUMON_RUNBOOK_TIMELINE_JSON
requirements:
  - Enabled in C(callbacks_enabled), as the C(ansible.cfg) of this project does.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypedDict

from ansible.plugins.callback import CallbackBase
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._core_types import number

COLLECTION = "kumon.runbook."


def _harmless(method: Callable[..., None]) -> Callable[..., None]:
    """Whatever goes wrong in telling the time must not change what a play does."""

    @functools.wraps(method)
    def guarded(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # whatever it is, the play goes on
            self._display.warning(f"The timeline is incomplete ({type(error).__name__}: {error}).")

    return guarded


def phase_of(name: str) -> str:
    """Return the phase in a task's name: what stands before `` | ``, without the role."""
    own = name.rpartition(" : ")[2]
    return own.partition(" | ")[0].strip() if " | " in own else ""


class PhaseRow(TypedDict):
    """One phase, as the table shows it."""

    phase: str
    seconds: float
    tasks: int


class Timeline(TypedDict):
    """What is shown and written."""

    procedure: str | None
    run_id: str | None
    status: str | None
    message: str
    seconds: float
    observed_seconds: float | None
    budget_seconds: float | None
    next_step: str
    hosts: dict[str, dict[str, Any]]
    last_acts: dict[str, dict[str, Any]]
    phases: list[PhaseRow]


class _Spent:
    """What a phase took so far."""

    def __init__(self) -> None:
        self.seconds, self.tasks = 0.0, 0


class CallbackModule(CallbackBase):
    """The callback kumon.runbook.timeline."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kumon.runbook.timeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clock, self._wall = time.monotonic, time.time
        self._begun = self._since = self._clock()
        self._phase: str | None = None
        self._phases: dict[str, _Spent] = {}

    @_harmless
    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._begun = self._since = self._clock()
        # Each task's worker is a fork of this process: what is imported here is not imported again by all of them. It
        # is what a rollback needs, for all that it does not need it would wait.
        needed = ("_act_proofs", "_command", "_outcome", "_outcome_act", "_problems", "_result", "_service_state")
        for module in needed:
            importlib.import_module(f"ansible_collections.kumon.runbook.plugins.plugin_utils.{module}")
        # All of it lives as long as this process. Workers that look through it for garbage cost a tenth of a run.
        gc.freeze()

    @_harmless
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._enter(task)

    @_harmless
    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._enter(task)

    @_harmless
    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._leave()
        if not self._phases:
            return
        timeline = self._timeline((getattr(stats, "custom", None) or {}).get("_run", {}).get("runbook_result") or {})
        self._show(timeline)
        path = self.get_option("json_file")
        if path:
            _write(os.path.expanduser(path), timeline)

    def _enter(self, task: Any) -> None:
        self._leave()
        role = getattr(task, "_role", None)
        ours = role is not None and role.get_name().startswith(COLLECTION)
        self._phase = phase_of(task.get_name()) if ours else None
        if self._phase:
            self._phases.setdefault(self._phase, _Spent()).tasks += 1

    def _leave(self) -> None:
        now = self._clock()
        if self._phase:
            self._phases[self._phase].seconds += now - self._since
        self._since = now

    def _timeline(self, result: dict[str, Any]) -> Timeline:
        seconds = self._clock() - self._begun
        observed = None
        started, effect = number(result.get("started")), number(result.get("seconds"))
        if started is not None and effect is not None:
            # What came after the effect was observed does not count for the budget.
            observed = max(0.0, seconds - max(0.0, self._wall() - started - effect))
        return {
            "procedure": result.get("procedure"),
            "run_id": result.get("run_id"),
            "status": result.get("status"),
            "message": _line(result.get("message")),
            "seconds": round(seconds, 2),
            "observed_seconds": None if observed is None else round(observed, 2),
            "budget_seconds": number(result.get("budget_seconds")),
            "next_step": _line(result.get("next_step")),
            "hosts": {
                host: {name: _line(one.get(name)) for name in ("status", "message", "next_step")}
                for host, one in (result.get("hosts") or {}).items()
                if isinstance(one, dict)
            },
            "last_acts": {
                host: dict(one["last_act"])
                for host, one in (result.get("hosts") or {}).items()
                if isinstance(one, dict) and one.get("last_act")
            },
            "phases": [
                {"phase": name, "seconds": round(spent.seconds, 2), "tasks": spent.tasks}
                for name, spent in self._phases.items()
            ],
        }

    def _show(self, timeline: Timeline) -> None:
        self._display.banner("TIMELINE")
        for row in timeline["phases"]:
            tasks = f"{row['tasks']} task{'s' if row['tasks'] != 1 else ''}"
            self._display.display(f"{row['phase']:<24} {row['seconds']:>8.1f} s  {tasks}")
        if timeline["procedure"]:
            observed = timeline["seconds"] if timeline["observed_seconds"] is None else timeline["observed_seconds"]
            budget = f" of {timeline['budget_seconds']:g} s" if timeline["budget_seconds"] else ""
            over = " OVER BUDGET" if timeline["budget_seconds"] and observed > timeline["budget_seconds"] else ""
            self._display.display(f"{timeline['procedure']:<24} {observed:>8.1f} s{budget}{over}  {timeline['status']}")
        self._display.display(f"{'in all':<24} {timeline['seconds']:>8.1f} s")
        if timeline["next_step"]:
            self._display.display(f"→ {timeline['next_step']}")


def _line(text: object) -> str:
    return redact(" ".join(str(text or "").split()))


def _write(path: str, timeline: Timeline) -> None:
    """Put a whole file in place of the one that is there."""
    directory = os.path.dirname(path) or "."
    handle, draft = tempfile.mkstemp(prefix=".timeline-", dir=directory)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(timeline, out, indent=2, sort_keys=True)
            out.write("\n")
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
