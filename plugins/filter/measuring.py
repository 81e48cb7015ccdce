# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured: rates, a fleet as one, who waits, and the verdict. Each filter is documented in its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.plugin_utils import _stats, _unanswered, _verdict
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters


class FilterModule:
    """The filters of this topic."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by their names."""
        return filters(
            {
                "delivery_rate": _stats.delivery_rate,
                "merge_minutes": _stats.merge_hosts,
                "unanswered": _unanswered.unanswered,
                "verdict": _verdict.verdict,
                "wilson_interval": _stats.wilson_interval,
            }
        )
