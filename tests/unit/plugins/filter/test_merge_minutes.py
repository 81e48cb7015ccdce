# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.measuring import FilterModule

merge_minutes = FilterModule().filters()["merge_minutes"]

A = [{"minute": "2025-09-04T19:10Z", "success": 1, "failed": 1, "lost": 0, "guards": 0}]
B = [{"minute": "2025-09-04T19:09Z", "success": 9, "failed": 0, "lost": 0, "guards": 0}, *A]
MERGED = [
    {"minute": "2025-09-04T19:09Z", "success": 9, "failed": 0, "lost": 0, "guards": 0},
    {"minute": "2025-09-04T19:10Z", "success": 2, "failed": 2, "lost": 0, "guards": 0},
]


def test_lists_of_minutes_become_one():
    assert merge_minutes([A, B]) == MERGED
    assert merge_minutes(A + B) == MERGED
    assert merge_minutes([]) == []


def test_whole_traces_become_one():
    hosts = [
        {"delivery": {"success": 1, "failed": 1, "unconfirmed": 0, "success_rate": 0.5}, "minutes": A},
        {"delivery": {"success": 97, "failed": 0, "unconfirmed": 1, "success_rate": 0.99}, "minutes": B},
    ]
    before = copy.deepcopy(hosts)
    merged = merge_minutes(hosts)
    assert merged["delivery"] == {"success": 98, "failed": 1, "unconfirmed": 1, "success_rate": 0.98}
    assert merged["minutes"] == MERGED
    assert hosts == before


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        ("x", "The input must be a list, not 'x'."),
        ([A, 1], "The minutes of host 2 must be a list, not '1'."),
        ([None], "The traces of host 1 must be a mapping, not nothing."),
        (
            [{}],
            "Host 1 has no traces; judge it by itself (it is blind) and merge only hosts that were read.",
        ),
    ],
)
def test_bad_input_is_a_filter_error(hosts, message):
    with pytest.raises(AnsibleFilterError) as error:
        merge_minutes(hosts)
    assert str(error.value) == message
