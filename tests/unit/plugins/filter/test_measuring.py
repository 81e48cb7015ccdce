# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.unit.plugins.filter import topics
from tests.unit.records import counted, turns

FILTERS = topics.filters_of("measuring")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_as_it_is_documented(name):
    assert topics.documented_wrong(name, FILTERS[name]) == []


def test_lazy_containers_are_looked_into_and_nothing_comes_back_as_a_template():
    traces = counted(turns(60))
    traces["guards"] = {"outbox": "{{ {hostile: 1} }}", "instance": {}, "incidents": "{{ n }}"}
    found, told = topics.templated(
        "{{ traces | kumon.runbook.verdict(service_running=true, locale='en') }}",
        again="{{ found.reasons[0] }}",
        traces=traces,
        n=1,
    )
    assert (found["status"], found["cause"]) == ("rollback", "outbox_guard")
    assert f"'{topics.HOSTILE}' 1 time" in told


def test_a_rate_is_that_of_minutes_too():
    minutes = [{"minute": "2025-09-04T19:00Z", "success": "{{ n }}", "failed": 1, "lost": 0, "guards": 0}]
    found, _told = topics.templated("{{ minutes | kumon.runbook.delivery_rate }}", minutes=minutes, n=3)
    assert (found["rate"], found["n"]) == (0.75, 4)
