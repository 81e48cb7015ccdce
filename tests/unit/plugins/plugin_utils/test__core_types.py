# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils import _guard
from ansible_collections.kumon.runbook.plugins.plugin_utils._core_types import number, retyped


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2", -2),
        ("30.5", 30.5),
        ("", None),
        (" ", None),
        ("soon", "soon"),
        (3, 3),
        (None, None),
        (True, True),
    ],
)
def test_a_number_that_became_text_is_a_number_again(text, value):
    assert number(text) == value
    assert type(number(text)) is type(value)


def test_a_none_that_became_text_is_none_again_where_a_structure_has_to_be():
    facts = {"hosts": {"a": {"level": "1", "verdict": "", "message": ""}}, "notifications": "", "actor": ""}
    assert retyped(facts) == {
        "hosts": {"a": {"level": 1, "verdict": None, "message": ""}},
        "notifications": None,
        "actor": "",
    }


@pytest.mark.parametrize("whole", [{"level": 2, "traces": {"lines": 0}, "report": None}, ["1"], "1", ""])
def test_what_kept_its_types_stays_as_it_is(whole):
    assert retyped(whole) == whole


@pytest.mark.parametrize(("keeps", "seen"), [(False, ({"level": 1}, None)), (True, ({"level": "1"}, ""))])
def test_a_filter_is_given_it_only_where_ansible_core_loses_types(monkeypatch, keeps, seen):
    monkeypatch.setattr(_guard, "KEEPS_TYPES", keeps)
    assert tuple(_guard.guarded("x", lambda facts, report: [facts, report])({"level": "1"}, report="")) == seen
