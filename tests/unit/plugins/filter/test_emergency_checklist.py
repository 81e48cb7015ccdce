# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule

emergency_checklist = FilterModule().filters()["emergency_checklist"]


def test_it_fills_in_what_is_known():
    rows = emergency_checklist({"report": {"path": "x.md", "at": "2026-11-20T12:00:00Z"}}, 1795176010)
    assert [row["status"] for row in rows if row["item"] == "document"] == ["done"]


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^"):
        emergency_checklist([], 0)
