# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils import _charts, _report, _report_page


def incident_report(facts, locale="en"):
    """An incident's report as Markdown and HTML; see incident_report.yml."""
    try:
        model = _report.model(facts, locale)
        pictures, problem = None, ""
        try:
            pictures = _charts.pictures(model)
        except ImportError:
            problem = _charts.NEEDED
        page = _report_page.html(model, pictures)
        # It quotes a log: never a template.
        return wrap_var({"markdown": _report_page.markdown(model), "html": page, "problem": problem})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"incident_report: {type(error).__name__}: {error}") from error


class FilterModule:
    """The filter kumon.runbook.incident_report."""

    def filters(self):
        return {"incident_report": incident_report}
