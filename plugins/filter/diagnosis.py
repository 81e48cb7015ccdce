# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils import _diagnosis


def diagnosis(probes, verdict, now, depth="quick", locale="en", **more):
    """What a diagnosis knows of one host; see diagnosis.yml."""
    try:
        return _diagnosis.diagnosis(probes, verdict, float(now), depth, locale, **more)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"diagnosis: {error}") from error


class FilterModule:
    """The filter kumon.runbook.diagnosis."""

    def filters(self):
        return {"diagnosis": diagnosis}
