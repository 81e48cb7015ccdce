# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _result


def service_proof(service, traces=None, delivery_off=False):
    """Whether an act on the service worked; see service_proof.yml."""
    try:
        return _result.service_proof(service, traces, delivery_off)
    except (TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"service_proof: {error}") from error


class FilterModule:
    """The filter kumon.runbook.service_proof."""

    def filters(self):
        return {"service_proof": service_proof}
