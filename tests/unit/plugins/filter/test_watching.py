# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.unit.plugins.filter import topics

FILTERS = topics.filters_of("watching")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_as_it_is_documented(name):
    assert topics.documented_wrong(name, FILTERS[name]) == []


def test_what_a_log_said_comes_back_as_no_template():
    case = {"status": "rollback", "cause": "outbox_guard", "level": 1, "act": False}
    judged = {"status": "rollback", "cause": "outbox_guard", "reasons": ["{{ hostile }}"]}
    found, told = topics.templated(
        "{{ watched | kumon.runbook.watch_response({}, 'page', 1.0) }}",
        again="{{ found.facts.reasons | first }}",
        watched={"h": {"woke": "case", "case": case, "verdict": judged, "proposal": ""}},
    )
    assert (found["does"], told) == ("page", topics.HOSTILE)
