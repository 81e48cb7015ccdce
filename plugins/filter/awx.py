# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of AWX's objects, and how far it is applied. Each filter is documented in the file of its name."""

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
                "awx_access": Late("plugin_utils._awx.access"),
                "awx_asks": Late("plugin_utils._awx.asks"),
                "awx_coming": Late("plugin_utils._awx.coming"),
                "awx_failure": Late("plugin_utils._awx.failure"),
                "awx_nodes": Late("plugin_utils._awx.nodes"),
                "awx_page": Late("plugin_utils._awx.page"),
                "awx_problems": Late("plugin_utils._awx.problems"),
                "awx_united": Late("plugin_utils._awx.united"),
                "awx_waits": Late("plugin_utils._awx.waits"),
            }
        )
