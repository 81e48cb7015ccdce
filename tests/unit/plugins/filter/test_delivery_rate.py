# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.measuring import FilterModule

delivery_rate = FilterModule().filters()["delivery_rate"]


def test_rate_of_traces_and_of_minutes():
    rate = delivery_rate({"delivery": {"success": 92, "failed": 8, "unconfirmed": 0}})
    assert (rate["rate"], round(rate["low"], 3), round(rate["high"], 3), rate["n"]) == (0.92, 0.85, 0.959, 100)
    assert delivery_rate([{"minute": "2025-09-04T19:10Z", "success": 92, "failed": 8}]) == rate


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("traces", "The input of delivery_rate must be a list, not 'traces'."),
        (None, "The input of delivery_rate must be a list, not nothing."),
        ({"delivery": []}, "traces.delivery must be a mapping, not a list."),
        ({"delivery": {"success": "x"}}, "delivery.success must be a number, not 'x'."),
    ],
)
def test_bad_input_is_a_filter_error(data, message):
    with pytest.raises(AnsibleFilterError) as error:
        delivery_rate(data)
    assert str(error.value) == message
