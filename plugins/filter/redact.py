# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data


def redact(data):
    """Text or data without phone numbers, secrets and control characters; see redact.yml."""
    return wrap_var(redact_data(data))  # it quotes a log: never a template


class FilterModule:
    """The filter kumon.runbook.redact."""

    def filters(self):
        return {"redact": redact}
