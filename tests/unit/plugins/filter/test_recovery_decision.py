# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.judging import FilterModule

recovery_decision = FilterModule().filters()["recovery_decision"]

VERDICT = {"status": "rollback", "cause": "lost_handoff", "causes": ["lost_handoff"]}


def test_contract():
    found = recovery_decision(VERDICT, {"kill_switch": "false"}, [], "approve", "1")
    assert set(found) == {"level", "title", "act", "unstable", "cause", "reasons", "next", "to_person", "budget"}
    assert (found["level"], found["act"], found["cause"]) == (1, True, "lost_handoff")
    assert [set(item) for item in found["budget"]] == [{"level", "in_effect", "spent", "age_seconds", "run_id"}] * 3


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("x", {}, "verdict must be a mapping, not 'x'."),
        (VERDICT, {"approved": 0}, "a level must be 1, 2 or 3, not 0."),
        (
            VERDICT,
            {"mod": 1},
            "recovery_decision: TypeError: recovery_decision() got an unexpected keyword argument 'mod'",
        ),
    ],
)
def test_bad_input_is_a_filter_error(data, options, message):
    with pytest.raises(AnsibleFilterError) as error:
        recovery_decision(data, **options)
    assert str(error.value) == message
