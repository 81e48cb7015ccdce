# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict as _verdict


def verdict(traces, *args, **options):
    """What is wrong and how far to roll back; see verdict.yml."""
    try:
        return wrap_var(_verdict(traces, *args, **options))  # reasons quote a log: never a template
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"verdict: {error}") from error


class FilterModule:
    """The filter kumon.runbook.verdict."""

    def filters(self):
        return {"verdict": verdict}
