# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule

contacts_problems = FilterModule().filters()["contacts_problems"]
TIER = {"name": "ana", "channels": [{"type": "webhook", "url": "https://hooks.example.com/x"}]}


def test_contacts_that_can_work_have_none():
    assert contacts_problems({"technical": [TIER], "business": [TIER]}) == []


def test_each_problem_is_one_sentence():
    found = contacts_problems({"technical": [TIER, {"name": "", "channels": []}]})
    assert len(found) == 3
    assert all(sentence.startswith("runbook_contacts") and "\n" not in sentence for sentence in found)
