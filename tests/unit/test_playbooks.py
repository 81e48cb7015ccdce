# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every procedure says of its plays, so that it ends as it should under anybody's ansible.cfg."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
PROCEDURES = sorted(path.name for path in PLAYBOOKS.glob("*.yml"))


def plays(name: str) -> list[dict]:
    return [play for play in yaml.safe_load((PLAYBOOKS / name).read_text()) if "hosts" in play]


@pytest.mark.parametrize("name", PROCEDURES)
def test_one_host_that_is_down_ends_the_run_of_no_other(name):
    # `any_errors_fatal` of an ansible.cfg counts where a play does not say it; a host that was acted upon would be
    # ended in the middle, without a result.
    assert [play.get("any_errors_fatal") for play in plays(name)] == [False]


@pytest.mark.parametrize("name", [*PROCEDURES, "tasks/select.yml"])
def test_hosts_are_put_together_once_all_have_ended(name):
    # With another strategy of an ansible.cfg `run_once` means nothing, and a run ends while its hosts still act.
    assert [play.get("strategy") for play in plays(name)] == ["linear"]


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        *[({"runbook_hosts": empty}, "assistant") for empty in ("", "  ", "\t", None)],
        ({}, "assistant"),
        ({"runbook_hosts": "web:!old"}, "web:!old"),
        ({"runbook_hosts": ["one", "two"]}, ["one", "two"]),
    ],
)
def test_an_empty_text_for_the_hosts_is_one_that_is_not_set(given, hosts):
    # ansible-core ends a run whose `hosts` are blanks before its first task, with no result.
    patterns = [play["hosts"] for name in PROCEDURES for play in plays(name) if play["hosts"] != "localhost"]
    (select,) = plays("tasks/select.yml")
    patterns.append(select["tasks"][-1]["vars"]["assistant_pattern"])
    assert len(patterns) > 15
    assert [NativeEnvironment().from_string(pattern).render(given) for pattern in patterns] == [hosts] * len(patterns)


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_playbook_runs_where_it_was_copied_to(name):
    # ansible-rulebook copies it out of its collection.
    imported = [
        play["import_playbook"] for play in yaml.safe_load((PLAYBOOKS / name).read_text()) if "import_playbook" in play
    ]
    assert all(where.startswith("kumon.runbook.") for where in imported)


@pytest.mark.parametrize("name", [name for name in PROCEDURES if plays(name)[0]["hosts"] != "localhost"])
def test_a_playbook_that_acts_on_hosts_is_run_on_one(name):
    # The scenarios start playbooks by their names, and molecule's own configuration names none.
    started = re.compile(rf'\b(?:playbook|command)\(\s*"{name.removesuffix(".yml")}"')
    tests = [path.read_text(encoding="utf-8") for path in PLAYBOOKS.parent.glob("molecule/*/tests/test_*.py")]
    assert len(tests) > 15 and any(map(started.search, tests))


def test_no_default_is_none_where_jinja_takes_it_for_no_default():
    files = [*(PLAYBOOKS.parent / "roles").rglob("*.yml"), *PLAYBOOKS.rglob("tasks/*.yml")]
    assert len(files) > 20
    assert [file for file in files if re.search(r"map\(attribute=[^)]*default=none", file.read_text())] == []
