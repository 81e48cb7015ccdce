# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the variables that a person typed are misspelt."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._playbook_variables import playbooks, variables
from ansible_collections.kumon.runbook.plugins.plugin_utils._typed import cut, misspelt, typed


def test_the_names_of_what_was_typed_and_not_of_what_stands_in_a_file():
    given = ["rollback_commit=v1 runbook_reason='two words'", '{"recovery_mode": "auto"}', "@site.yml", "[]", ""]
    given.append("runbook_reason=two words")  # the second of which has no name
    assert typed(given) == {"rollback_commit", "runbook_reason", "recovery_mode"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (["notify_event=test", "notify_eta=15 min"], "notify_eta"),
        (["level=1 runbook_reason=answers mixed up"], "runbook_reason"),
        (["runbook_reason='answers mixed up'", '{"a": "b c"}', "@my vars.yml", "a=b c=d", ""], ""),
    ],
)
def test_a_value_that_was_cut_at_a_blank_is_named(given, name):
    assert cut(given) == name


@pytest.mark.parametrize(
    ("playbook", "name", "near"),
    [
        ("rollback_level3", "rollback_comit", "rollback_commit"),
        ("emergency_recovery", "recovery_mod", "recovery_mode"),
        ("health_check", "runbook_hots", "runbook_hosts"),
        ("drill", "drill_fault", "drill_faults"),
        ("go_live_gate", "confrim", "confirm"),
        ("roll_forward", "levl", "level"),
    ],
)
def test_a_name_that_is_nearly_one_is_misspelt(playbook, name, near):
    wrong = {"name": name, "near": near}
    assert misspelt({name, near}, [f"playbooks/{playbook}.yml"]) == wrong
    assert misspelt({name}, [f"kumon.runbook.{playbook}"]) == wrong


@pytest.mark.parametrize("playbook", playbooks())
def test_no_variable_of_any_playbook_is_misspelt_for_another(playbook):
    # An AWX job or a person's alias hands the same variables to each.
    known = set().union(*(variables(name) for name in playbooks()))
    assert misspelt(known, [f"{playbook}.yml"]) == {}


@pytest.mark.parametrize("name", ["ansible_user", "stage", "site_name", "awx_job_id"])
def test_a_sites_own_variable_is_its_own(name):
    assert misspelt({name}, [f"{playbook}.yml" for playbook in playbooks()]) == {}


def test_a_playbook_that_is_not_ours_reads_what_it_likes():
    assert misspelt({"rollback_comit"}, ["site.yml"]) == {}
    assert misspelt({"rollback_comit"}, ["site.yml", "rollback_level3.yml"]) == {}
