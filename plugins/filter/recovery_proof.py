# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils import _recovery


def recovery_proof(traces, *args, **options):
    """Whether a recovery is proven; see recovery_proof.yml."""
    try:
        return wrap_var(_recovery.recovery_proof(traces, *args, **options))  # reasons quote a log or a journal
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"recovery_proof: {error}") from error


class FilterModule:
    """The filter kumon.runbook.recovery_proof."""

    def filters(self):
        return {"recovery_proof": recovery_proof}
