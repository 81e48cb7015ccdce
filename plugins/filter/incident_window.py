# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _incident


def incident_window(journals, now, run_id="", since="", until=""):
    """The newest incident of the hosts' journals; see incident_window.yml."""
    try:
        return _incident.incident_window(journals, now, run_id or "", since or "", until or "")
    except (TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter kumon.runbook.incident_window."""

    def filters(self):
        return {"incident_window": incident_window}
