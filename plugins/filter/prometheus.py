# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _prometheus


def prometheus(seen, host, now):
    """A host's measurement in the text format of Prometheus; see prometheus.yml."""
    try:
        return _prometheus.prometheus(seen, host, now)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"prometheus: {error}") from error


class FilterModule:
    """The filter kumon.runbook.prometheus."""

    def filters(self):
        return {"prometheus": prometheus}
