# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.measuring import FilterModule

verdict = FilterModule().filters()["verdict"]

TRACES = {
    "records": 8,
    "timestamps": "own",
    "delivery": {"success": 2, "failed": 0, "unconfirmed": 0},
    "handoff": {"planned": 2, "read": 2, "lost": 0, "unread": 0, "state_mismatches": 0},
    "guards": {"outbox": {}, "instance": {}, "incidents": 0},
    "instances": {"seen": {}, "invalid": {}},
    "minutes": [{"minute": "2025-09-04T19:10Z", "success": 2, "failed": 0}],
}


def test_contract():
    result = verdict(TRACES)
    assert set(result) >= {"status", "level", "cause", "reasons", "delivery", "evidence", "would_change"}
    assert (result["status"], result["level"], result["cause"]) == ("ok", 0, "none")
    assert set(result["delivery"]) == {"rate", "low", "high", "n"}


def test_options_by_place_and_by_name():
    assert verdict(TRACES, 0.95, 300, 10000, True, False)["cause"] == "service_down"
    assert verdict(None, service_running="false")["cause"] == "service_down"


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("x", {}, "traces must be a mapping, not 'x'."),
        (TRACES, {"target": "x"}, "target must be a number, not 'x'."),
        (TRACES, {"taget": 0.9}, "verdict: TypeError: verdict() got an unexpected keyword argument 'taget'"),
    ],
)
def test_bad_input_is_a_filter_error(data, options, message):
    with pytest.raises(AnsibleFilterError) as error:
        verdict(data, **options)
    assert str(error.value) == message
