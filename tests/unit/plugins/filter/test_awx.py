# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.unit.plugins.filter import topics

FILTERS = topics.filters_of("awx")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_as_it_is_documented(name):
    assert topics.documented_wrong(name, FILTERS[name]) == []


def test_a_dry_run_leaves_out_what_is_not_there_yet():
    (coming, waits), _told = topics.templated(
        "{{ [coming, item | kumon.runbook.awx_waits(coming)] }}",
        coming="{{ results | kumon.runbook.awx_coming }}",
        results=[{"results": [{"item": {"name": "{{ hostile }}"}, "changed": True}]}],
        item={"organization": "{{ hostile }}"},
    )
    assert (list(coming), waits) == ([topics.HOSTILE], True)
