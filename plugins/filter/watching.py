# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of a watch, and whether automation may act. Each filter is documented in the file of its name."""

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
                "act_permit": as_typed(Late("plugin_utils._permit.act_permit")),
                "automation_request": as_typed(Late("plugin_utils._automation.automation_request")),
                "launched_by": Late("plugin_utils._permit.launched_by"),
                "watch_response": as_typed(Late("plugin_utils._watch.watch_response")),
            }
        )
