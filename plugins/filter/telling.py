# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and other programs are told. Each filter is documented in the file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _notify, _redact
from ansible_collections.kumon.runbook.plugins.plugin_utils import (
    _checklist,
    _diagnosis,
    _incident,
    _prometheus,
    _report_page,
    _result,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters


class FilterModule:
    """The filters of this topic."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by their names."""
        return filters(
            {
                "contacts_problems": _notify.contacts_problems,
                "diagnosis": _diagnosis.diagnosis,
                "emergency_checklist": _checklist.checklist,
                "incident_news": _result.incident_news,
                "incident_report": _report_page.incident_report,
                "incident_window": _incident.incident_window,
                "prometheus": _prometheus.prometheus,
                "redact": _redact.redact_data,
                "run_result": _result.run_result,
            }
        )
