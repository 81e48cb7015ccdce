# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and other programs are told. Each filter is documented in the file of its name."""

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
                "contacts_problems": Late("module_utils._contacts.contacts_problems"),
                "contacts_warnings": Late("module_utils._contacts.contacts_warnings"),
                "diagnosis": as_typed(Late("plugin_utils._diagnosis.diagnosis")),
                "emergency_checklist": Late("plugin_utils._checklist.checklist"),
                "incident_files": Late("plugin_utils._report_page.incident_files"),
                "incident_report": Late("plugin_utils._report_page.incident_report"),
                "incident_texts": as_typed(Late("plugin_utils._messages.messages"), anybody=True),
                "incident_window": Late("plugin_utils._incident.incident_window"),
                "notify_summary": Late("plugin_utils._outcome_notify.notify_summary"),
                "prometheus": Late("plugin_utils._prometheus.prometheus"),
                "redact": Late("module_utils._redact.redact_data"),
                "report_host": Late("plugin_utils._report.report_host"),
                "unanswered_list": Late("plugin_utils._unanswered.unanswered_list"),
            }
        )
