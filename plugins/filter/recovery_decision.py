# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils import _recovery


def recovery_decision(verdict, *args, **options):
    """What is to be done about a verdict; see recovery_decision.yml."""
    try:
        return wrap_var(_recovery.recovery_decision(verdict, *args, **options))  # reasons quote a log or a journal
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"recovery_decision: {error}") from error


class FilterModule:
    """The filter kumon.runbook.recovery_decision."""

    def filters(self):
        return {"recovery_decision": recovery_decision}
