# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.running import FilterModule

run_result = FilterModule().filters()["run_result"]


def test_times_may_come_as_text():
    outcome = {"procedure": "p", "status": "ok", "level": 0, "verdict": None, "budget_seconds": 30, "next_step": ""}
    assert run_result({"a": outcome}, ["a"], "10.5", "12.0", "r")["seconds"] == 1.5


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^a run without hosts has no result$"):
        run_result({}, [], 0, 1, "r")
