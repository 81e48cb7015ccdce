# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.unit.plugins.filter import topics

FILTERS = topics.filters_of("running")


def test_every_sidecar_has_its_filter_and_every_filter_one_topic():
    by_topic = [name for topic in topics.TOPICS for name in topics.filters_of(topic)]
    assert sorted(by_topic) == sorted(path.stem for path in topics.FILTERS.glob("*.yml"))
    assert sorted(path.stem for path in topics.FILTERS.glob("*.py") if path.stem != "__init__") == sorted(topics.TOPICS)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_as_it_is_documented(name):
    assert topics.documented_wrong(name, FILTERS[name]) == []


def test_what_comes_back_is_never_a_template():
    found, told = topics.templated(
        "{{ procedure | kumon.runbook.outcome(facts, 'en') }}",
        again="{{ found.lines[1] }} {{ found.message }}",
        procedure="{{ 'smoke_test' }}",
        facts={"failure": "{{ failure }}", "action": "{{ 'fail' }}"},
        failure={"msg": "{{ hostile }}"},
    )
    assert (found["status"], found["lines"][1]) == ("refused", topics.HOSTILE)
    assert told == f"{topics.HOSTILE} NOT DONE, nothing was changed: {topics.HOSTILE}"


def test_lazy_containers_are_looked_into():
    found, told = topics.templated(
        "{{ service | kumon.runbook.service_state(acts, flags) }}",
        again="{{ found.answered }}",
        service={
            "running": "{{ wanted }}",
            "pid": "{{ pid }}",
            "effective": {"DELIVERY_DISABLE": "{{ 'tr' ~ 'ue' }}"},
            "last_change": "{{ hostile }}",
        },
        acts=[{"act": "{{ 'service_flags' }}", "ended": "{{ ended }}", "ok": "{{ wanted }}"}],
        flags={"DELIVERY_DISABLE": "{{ wanted }}"},
        wanted=True,
        pid=12,
        ended="2025-09-04T19:00:00Z",
    )
    assert (found["running"], found["delivery_disabled"], found["v1_flags"]) == (True, True, True)
    assert (int(found["since_pid"]), found["present_since"]) == (12, "2025-09-04T19:00:00Z")
    assert told == topics.HOSTILE


def test_positional_arguments_are_those_that_playbooks_give():
    found, _told = topics.templated("{{ 'health_check' | kumon.runbook.refusal('no host') }}")
    assert found["runbook_result_health_check"]["message"] == "no host"
    found, _told = topics.templated(
        "{{ outcomes | kumon.runbook.run_result(['a'], 1, '3.5', 'r1') }}",
        outcomes={"a": {"procedure": "notify", "status": "{{ 'ok' }}"}},
    )
    assert (found["status"], found["seconds"]) == ("ok", 2.5)
