# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import wilson_interval as _wilson_interval


def wilson_interval(successes, n, confidence=0.95):
    """Between which rates the true one lies; see wilson_interval.yml."""
    try:
        return _wilson_interval(successes, n, confidence)
    except ValueError as error:
        raise AnsibleFilterError(f"wilson_interval: {error}") from error


class FilterModule:
    """The filter kumon.runbook.wilson_interval."""

    def filters(self):
        return {"wilson_interval": wilson_interval}
