# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import delivery_rate as _delivery_rate


def delivery_rate(data):
    """The share of messages that were delivered, with its interval; see delivery_rate.yml."""
    try:
        return _delivery_rate(data)
    except ValueError as error:
        raise AnsibleFilterError(f"delivery_rate: {error}") from error


class FilterModule:
    """The filter kumon.runbook.delivery_rate."""

    def filters(self):
        return {"delivery_rate": delivery_rate}
