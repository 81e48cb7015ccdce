# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _checklist


def emergency_checklist(facts, now, locale="en"):
    """The emergency checklist, filled in; see emergency_checklist.yml."""
    try:
        return _checklist.checklist(facts, float(now), locale)
    except (TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"emergency_checklist: {error}") from error


class FilterModule:
    """The filter kumon.runbook.emergency_checklist."""

    def filters(self):
        return {"emergency_checklist": emergency_checklist}
