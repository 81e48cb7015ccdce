# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _result


def run_result(outcomes, hosts, started, now, run_id):
    """What a run over several hosts comes to; see run_result.yml."""
    try:
        return _result.run_result(outcomes, hosts, float(started), float(now), run_id)
    except (TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"run_result: {error}") from error


class FilterModule:
    """The filter kumon.runbook.run_result."""

    def filters(self):
        return {"run_result": run_result}
