# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an act, a smoke test or a recovery has proven, and what is to be done. Each filter is documented in its file."""

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
                "act_comparable": Late("plugin_utils._act_proofs.act_comparable"),
                "kill_switch_proof": Late("plugin_utils._act_proofs.kill_switch_proof"),
                "recovery_decision": as_typed(Late("plugin_utils._decision.recovery_decision")),
                "recovery_proof": Late("plugin_utils._proofs.recovery_proof"),
                "service_proof": Late("plugin_utils._act_proofs.service_proof"),
                "smoke_test_result": Late("plugin_utils._smoke_test.judge"),
            }
        )
