# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.measuring import FilterModule

wilson_interval = FilterModule().filters()["wilson_interval"]


def test_interval_positional_and_as_text():
    interval = wilson_interval(57, 60)
    assert (round(interval["low"], 3), round(interval["high"], 3)) == (0.863, 0.983)
    assert wilson_interval("57", "60", confidence="0.95") == interval


def test_bad_input_is_a_filter_error():
    with pytest.raises(AnsibleFilterError, match=r"successes \(2\) cannot be more than n \(1\)\."):
        wilson_interval(2, 1)
