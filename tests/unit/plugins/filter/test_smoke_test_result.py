# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.judging import FilterModule

from tests.unit.counting import Counter
from tests.unit.records import basic, turn

smoke_test_result = FilterModule().filters()["smoke_test_result"]


def returned(*lines):
    counter = Counter(now=0)
    counter.feed([basic(line).encode() for line in lines])
    message = {"accepted": True, "detail": "HTTP 200"}
    return {"message": message, "traces": counter.result(), "strays": 0, "settled": True, "quiet_seconds": 5}


def test_it_judges_what_the_module_returned():
    assert smoke_test_result(returned(*turn("c")), "full", "kumon_assistant")["status"] == "passed"
    assert smoke_test_result(returned(*turn("c")[:3]), "processed_only", "kumon_assistant")["status"] == "passed"
    assert smoke_test_result(returned(*turn("c")[:3]), "full", "kumon_assistant")["status"] == "failed"


@pytest.mark.parametrize(
    ("given", "mode", "message"),
    [
        ("nothing", "full", ""),
        ({}, "full", "smoke_test_result: KeyError: 'message'"),
        (returned(), "auto", "mode is 'auto'; it must be full or processed_only"),
        ({**returned(), "traces": None}, "full", "nothing was sent"),
    ],
)
def test_bad_input_is_one_sentence(given, mode, message):
    with pytest.raises(AnsibleFilterError) as raised:
        smoke_test_result(given, mode, "kumon_assistant")
    assert str(raised.value).startswith(message)
