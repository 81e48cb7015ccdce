# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and other programs are told. Each filter is documented in the file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _contacts, _redact
from ansible_collections.kumon.runbook.plugins.plugin_utils import (
    _checklist,
    _diagnosis,
    _incident,
    _messages,
    _outcome_notify,
    _prometheus,
    _report,
    _report_page,
    _unanswered,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import as_typed
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters


class FilterModule:
    """The filters of this topic."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by their names."""
        return filters(
            {
                "contacts_problems": _contacts.contacts_problems,
                "contacts_warnings": _contacts.contacts_warnings,
                "diagnosis": as_typed(_diagnosis.diagnosis),
                "emergency_checklist": _checklist.checklist,
                "incident_files": _report_page.incident_files,
                "incident_report": _report_page.incident_report,
                "incident_texts": _messages.messages,
                "incident_window": _incident.incident_window,
                "notify_summary": _outcome_notify.notify_summary,
                "prometheus": _prometheus.prometheus,
                "redact": _redact.redact_data,
                "report_host": _report.report_host,
                "unanswered_list": _unanswered.unanswered_list,
            }
        )
