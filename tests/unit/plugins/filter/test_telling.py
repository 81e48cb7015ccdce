# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.unit.plugins.filter import topics

FILTERS = topics.filters_of("telling")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_as_it_is_documented(name):
    assert topics.documented_wrong(name, FILTERS[name]) == []


def test_lazy_containers_are_looked_into_and_nothing_comes_back_as_a_template():
    found, told = topics.templated(
        "{{ told | kumon.runbook.notify_summary(locale='en') }}",
        again="{{ found.lines | join }}",
        told={"failed": "{{ failed }}", "msg": "{{ hostile }}"},
        failed=True,
    )
    assert (int(found["unsent"]), told) == (1, topics.HOSTILE)


def test_what_is_secret_is_taken_out_of_what_is_templated():
    found, _told = topics.templated(
        "{{ facts | kumon.runbook.redact }}", facts={"apikey": "{{ key }}"}, key="PLANTEDKEY"
    )
    assert "PLANTEDKEY" not in str(found)
