# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.unit.plugins.filter import topics

FILTERS = topics.filters_of("judging")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_as_it_is_documented(name):
    assert topics.documented_wrong(name, FILTERS[name]) == []


def test_lazy_containers_are_looked_into_and_nothing_comes_back_as_a_template():
    decided = {"procedure": "emergency_recovery", "act": "{{ 'decision' }}", "age": 5, "ok": None}
    found, told = topics.templated(
        "{{ verdict | kumon.runbook.recovery_decision(present, acts, mode='approve', approved='1') }}",
        again="{{ found.reasons | join(' ') }}",
        verdict={"status": "{{ 'rollback' }}", "cause": "lost_handoff", "causes": ["{{ 'lost_handoff' }}"]},
        present={"kill_switch": "{{ unwanted }}"},
        acts=[{**decided, "run_id": "{{ hostile }}", "after": {"level": 1}}],
        unwanted=False,
    )
    assert (int(found["level"]), found["act"]) == (1, True)
    assert f"by run {topics.HOSTILE} and not finished" in told


def test_a_proof_is_read_from_what_modules_returned():
    found, _told = topics.templated(
        "{{ flags | kumon.runbook.kill_switch_proof(traces) }}",
        flags={"proofs": [{"proof": "environment", "had": "{{ had }}", "detail": "{{ hostile }}"}], "reported": {}},
        traces={"handoff": {"planned": "{{ n }}"}, "delivery": {"sent": 0}},
        had=True,
        n=3,
    )
    assert (found["status"], found["reason"], found["proofs"][0]["detail"]) == ("proven", "observed", topics.HOSTILE)
