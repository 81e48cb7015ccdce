# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _result


def kill_switch_proof(flags, traces=None, fence=None):
    """Whether the kill-switch holds; see kill_switch_proof.yml."""
    try:
        return _result.kill_switch_proof(flags, traces, fence)
    except (TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"kill_switch_proof: {error}") from error


class FilterModule:
    """The filter kumon.runbook.kill_switch_proof."""

    def filters(self):
        return {"kill_switch_proof": kill_switch_proof}
