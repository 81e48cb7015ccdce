# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.judging import FilterModule

recovery_proof = FilterModule().filters()["recovery_proof"]


def test_contract():
    found = recovery_proof(None, window="60", service_running="true", delivery_disabled="no", locale="pt_BR")
    assert set(found) == {"status", "safe_mode", "criteria", "restarts_at", "wait_seconds", "full_at", "reasons"}
    assert (found["status"], found["safe_mode"], found["wait_seconds"]) == ("insufficient", False, 60)
    assert [item["criterion"] for item in found["criteria"]] == ["critical", "delivered", "lost", "stable"]
    names = {"criterion", "status", "value", "low", "high", "n", "needed", "age_seconds"}
    assert all(set(item) == names for item in found["criteria"])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("x", {}, "traces must be a mapping, not 'x'."),
        (None, {"window": "x"}, "window must be a number, not 'x'."),
        (None, {"windw": 9}, "recovery_proof: TypeError: recovery_proof() got an unexpected keyword argument 'windw'"),
    ],
)
def test_bad_input_is_a_filter_error(data, options, message):
    with pytest.raises(AnsibleFilterError) as error:
        recovery_proof(data, **options)
    assert str(error.value) == message
