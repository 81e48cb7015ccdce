# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule

contacts_problems, contacts_warnings = (
    FilterModule().filters()[f"contacts_{kind}"] for kind in ("problems", "warnings")
)
TIER = {"name": "ana", "channels": [{"type": "webhook", "url": "https://hooks.example.com/x"}]}


def test_contacts_that_can_work_have_none():
    assert contacts_problems({"technical": [TIER], "business": [TIER]}) == []


def test_each_problem_is_one_sentence():
    found = contacts_problems({"technical": [TIER, {"name": "", "channels": []}]})
    assert len(found) == 2
    assert all(sentence.startswith("runbook_contacts") and "\n" not in sentence for sentence in found)


def test_an_audience_that_is_missing_is_a_warning():
    assert contacts_problems({"business": [TIER]}) == []
    assert contacts_warnings({"business": [TIER]}) == [
        "runbook_contacts.technical names nobody: only the business side is told"
    ]
