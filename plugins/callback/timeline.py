# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = """
name: timeline
type: aggregate
short_description: Show how long each phase of a procedure took, against its budget
version_added: 0.1.0
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
import importlib
import json
import os
import tempfile
import time

from ansible.plugins.callback import CallbackBase
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._core_types import number

COLLECTION = "kumon.runbook."


def _harmless(method):
    """Whatever goes wrong in telling the time must not change what a play does."""

    @functools.wraps(method)
    def guarded(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # whatever it is, the play goes on
            self._display.warning(f"The timeline is incomplete ({type(error).__name__}: {error}).")
        return None

    return guarded


def phase_of(name: str) -> str:
    """Return the phase in a task's name: what stands before `` | ``, without the role."""
    own = name.rpartition(" : ")[2]
    return own.partition(" | ")[0].strip() if " | " in own else ""


class CallbackModule(CallbackBase):
    """The callback kumon.runbook.timeline."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kumon.runbook.timeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._clock, self._wall = time.monotonic, time.time
        self._begun = self._since = self._clock()
        self._phase = None
        self._phases = {}

    @_harmless
    def v2_playbook_on_start(self, playbook):
        self._begun = self._since = self._clock()
        # Each task's worker is a fork of this process: what is imported here is not imported again by all of them.
        for topic in ("running", "measuring", "judging", "telling"):
            importlib.import_module(f"ansible_collections.kumon.runbook.plugins.filter.{topic}")

    @_harmless
    def v2_playbook_on_task_start(self, task, is_conditional):
        self._enter(task)

    @_harmless
    def v2_playbook_on_handler_task_start(self, task):
        self._enter(task)

    @_harmless
    def v2_playbook_on_stats(self, stats):
        self._leave()
        if not self._phases:
            return
        found = self._timeline((getattr(stats, "custom", None) or {}).get("_run", {}).get("runbook_result") or {})
        self._show(found)
        path = self.get_option("json_file")
        if path:
            _write(os.path.expanduser(path), found)

    def _enter(self, task):
        self._leave()
        role = getattr(task, "_role", None)
        ours = role is not None and role.get_name().startswith(COLLECTION)
        self._phase = phase_of(task.get_name()) if ours else None
        if self._phase:
            self._phases.setdefault(self._phase, [0.0, 0])[1] += 1

    def _leave(self):
        now = self._clock()
        if self._phase:
            self._phases[self._phase][0] += now - self._since
        self._since = now

    def _timeline(self, result):
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
            "seconds": round(seconds, 2),
            "observed_seconds": None if observed is None else round(observed, 2),
            "budget_seconds": number(result.get("budget_seconds")),
            "next_step": redact(" ".join(str(result.get("next_step") or "").split())),
            "phases": [
                {"phase": name, "seconds": round(seconds, 2), "tasks": tasks}
                for name, (seconds, tasks) in self._phases.items()
            ],
        }

    def _show(self, found):
        self._display.banner("TIMELINE")
        for row in found["phases"]:
            tasks = f"{row['tasks']} task{'s' if row['tasks'] != 1 else ''}"
            self._display.display(f"{row['phase']:<24} {row['seconds']:>8.1f} s  {tasks}")
        if found["procedure"]:
            observed = found["seconds"] if found["observed_seconds"] is None else found["observed_seconds"]
            budget = f" of {found['budget_seconds']:g} s" if found["budget_seconds"] else ""
            over = " OVER BUDGET" if found["budget_seconds"] and observed > found["budget_seconds"] else ""
            self._display.display(f"{found['procedure']:<24} {observed:>8.1f} s{budget}{over}  {found['status']}")
        self._display.display(f"{'in all':<24} {found['seconds']:>8.1f} s")
        if found["next_step"]:
            self._display.display(f"→ {found['next_step']}")


def _write(path, found):
    """Put a whole file in place of the one that is there."""
    directory = os.path.dirname(path) or "."
    handle, draft = tempfile.mkstemp(prefix=".timeline-", dir=directory)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(found, out, indent=2, sort_keys=True)
            out.write("\n")
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
