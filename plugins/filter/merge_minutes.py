# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import merge_minutes as _merge_minutes
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import merge_traces, sequence


def merge_minutes(hosts):
    """A fleet's hosts as one; see merge_minutes.yml."""
    try:
        hosts = sequence(hosts, "The input")
        if hosts and all(isinstance(row, dict) and "minute" in row for row in hosts):
            hosts = [hosts]  # the hosts' minutes in one list already
        merge = merge_traces if any(isinstance(host, dict) or host is None for host in hosts) else _merge_minutes
        return wrap_var(merge(hosts))  # it quotes a log: never a template
    except ValueError as error:
        raise AnsibleFilterError(f"merge_minutes: {error}") from error


class FilterModule:
    """The filter kumon.runbook.merge_minutes."""

    def filters(self):
        return {"merge_minutes": merge_minutes}
