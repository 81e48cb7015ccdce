# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils import _result


def incident_news(outcomes, result, waiting=(), actor="?"):
    """What a run is to those who are told of incidents; see incident_news.yml."""
    try:
        return wrap_var(_result.incident_news(outcomes, result, waiting, actor))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"incident_news: {type(error).__name__}: {error}") from error


class FilterModule:
    """The filter kumon.runbook.incident_news."""

    def filters(self):
        return {"incident_news": incident_news}
