# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run knows of its host, and what it came to. Each filter is documented in the file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.plugin_utils import (
    _description,
    _drill,
    _gate_plan,
    _journal_seen,
    _kept,
    _outcome,
    _problems,
    _result,
    _schedule,
    _service_state,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import as_typed
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters


class FilterModule:
    """The filters of this topic."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by their names."""
        return filters(
            {
                "assistant_description": _description.assistant_description,
                "drill_plan": _drill.drill_plan,
                "drill_state": _drill.drill_state,
                "gate_plan": _gate_plan.gate_plan,
                "incident_news": _result.incident_news,
                "kept": _kept.kept,
                "outcome": as_typed(_outcome.outcome),
                "problem": as_typed(_problems.problem),
                "refusal": _result.refusal,
                "rehearsal": _drill.rehearsal,
                "run_result": _result.run_result,
                "scheduled_check": as_typed(_schedule.scheduled_check),
                "service_state": _service_state.service_state,
                "with_journal": _journal_seen.with_journal,
            }
        )
