# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of kumon.runbook.journal_info and journal_entry; see the modules for their documentation."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.kumon.runbook.plugins.plugin_utils._journal_seen import path_of, remember, seen

_KEPT = ("ok", "line", "reason", "head", "as_seen", "unlike")


class ActionModule(ActionBase):
    """Runs the module of its name, and compares the journal with what the controller has seen of it."""

    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returned, with its `journal` as the fact `__assistant_journal`."""
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        directory = os.path.expanduser(str(args.pop("seen_dir", None) or ""))
        host = str(task_vars.get("inventory_hostname"))
        path = path_of(directory, host)
        if directory:
            args["seen"] = seen(path)
        result.update(self._execute_module(module_args=args, task_vars=task_vars))
        journal = result.get("journal")
        if directory and journal:
            result["ansible_facts"] = {"__assistant_journal": {name: journal[name] for name in _KEPT}}
            # A head is forgotten by a person alone: the next run says the same again.
            if journal["ok"] and journal["as_seen"] is not False and not self._task.check_mode:
                try:
                    remember(path, journal["head"])
                except OSError as error:
                    self._display.warning(f"what was seen of the journal of {host} is not kept: {error.strerror}")
        return result
