# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule

from tests.unit import diagnosis_probes as given

diagnosis = FilterModule().filters()["diagnosis"]


def test_it_shows_what_is_known():
    found = given.probes()
    assert diagnosis(found, given.judge(found), given.NOW, host="a")["screen"].startswith(
        "a: HEALTHY, measured 0 s ago"
    )


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^depth is 'x'; it must be quick or full$"):
        diagnosis({}, {}, 0, "x")
