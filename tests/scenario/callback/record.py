# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down what a playbook's run came to, for the tests: as data, whatever is shown on the screen."""

from __future__ import annotations

DOCUMENTATION = """
name: record
type: aggregate
short_description: Write down what a playbook's run came to
description: Writes tasks, failures, numbers and custom stats of a run as JSON into the file KUMON_RUNBOOK_RECORD.
"""

import json
import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """One file for one run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[str] = []
        self.messages: dict[str, list[str]] = {}

    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        """Note the task."""
        self.tasks.append(task.get_name())

    def _note(self, result, *_args, **_kwargs) -> None:
        # In 2.19 these became attributes without the underscore.
        host = getattr(result, "host", None) or result._host
        found = getattr(result, "result", None) or result._result
        self.messages.setdefault(host.get_name(), []).append(str(found.get("msg", "")))

    v2_runner_on_failed = _note
    v2_runner_on_unreachable = _note

    def v2_playbook_on_stats(self, stats) -> None:
        """Write it all down."""
        record = {
            "tasks": self.tasks,
            "messages": self.messages,
            "hosts": {host: stats.summarize(host) for host in stats.processed},
            "stats": stats.custom.get("_run", {}),
        }
        text = json.dumps(record, default=str)
        Path(os.environ["KUMON_RUNBOOK_RECORD"]).write_text(text, encoding="utf-8")
