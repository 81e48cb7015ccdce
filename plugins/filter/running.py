# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run knows of its host, and what it came to. Each filter is documented in the file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.plugin_utils._command import as_typed
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters
from ansible_collections.kumon.runbook.plugins.plugin_utils._later import Late


class FilterModule:
    """The filters of this topic."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by their names."""
        return filters(
            {
                "assistant_description": Late("plugin_utils._description.assistant_description"),
                "drill_plan": Late("plugin_utils._drill.drill_plan"),
                "drill_state": Late("plugin_utils._drill.drill_state"),
                "gate_plan": Late("plugin_utils._gate_plan.gate_plan"),
                "incident_news": Late("plugin_utils._result.incident_news"),
                "journal_heads": Late("plugin_utils._journal_seen.journal_heads"),
                "kept": Late("plugin_utils._kept.kept"),
                "outcome": as_typed(Late("plugin_utils._outcome.outcome")),
                "problem": as_typed(Late("plugin_utils._problems.problem")),
                "refusal": Late("plugin_utils._result.refusal"),
                "rehearsal": Late("plugin_utils._drill.rehearsal"),
                "run_event": Late("plugin_utils._run_event.run_event"),
                "run_result": Late("plugin_utils._result.run_result"),
                "scheduled_check": as_typed(Late("plugin_utils._schedule.scheduled_check")),
                "service_state": Late("plugin_utils._service_state.service_state"),
                "with_journal": Late("plugin_utils._journal_seen.with_journal"),
            }
        )
