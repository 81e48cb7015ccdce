# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured: rates, a fleet as one, who waits, and the verdict. Each filter is documented in its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters
from ansible_collections.kumon.runbook.plugins.plugin_utils._later import Late


class FilterModule:
    """The filters of this topic."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by their names."""
        return filters(
            {
                "delivery_rate": Late("plugin_utils._stats.delivery_rate"),
                "merge_minutes": Late("plugin_utils._stats.merge_hosts"),
                "unanswered": Late("plugin_utils._unanswered.unanswered"),
                "verdict": Late("plugin_utils._verdict.verdict"),
                "wilson_interval": Late("plugin_utils._stats.wilson_interval"),
            }
        )
