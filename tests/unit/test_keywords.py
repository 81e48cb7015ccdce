# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core makes of some keywords beside each other, and so what the roles' tasks have to avoid.

Below an include that a fact names, 2.18 imports nothing and ends the run, with no rescue. A task with `run_once` whose
unreachable host is to be ignored fails all hosts all the same, unless its errors are ignored too: no result, no rescue.
One that runs out of its `timeout` fails whatever its `failed_when` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
INCLUDE, IMPORT = "ansible.builtin.include_tasks", "ansible.builtin.import_tasks"
IMPORTS = (IMPORT, "ansible.builtin.import_role")


def tasks(path: Path) -> Iterator[dict[str, Any]]:
    """Each task with what it has of the block around it."""
    waiting = list(yaml.safe_load(path.read_text(encoding="utf-8")) or [])
    while waiting:
        task = waiting.pop()
        given = {name: task[name] for name in ("run_once", "ignore_errors") if name in task}
        waiting += [{**given, **inner} for part in ("block", "rescue", "always") for inner in task.get(part) or []]
        yield task


def imported_below(directory: Path) -> set[str]:
    """The files that a templated include may load, themselves or by their own includes, and that import tasks."""
    specified = yaml.safe_load((directory.parent / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    entries = {f"{name}.yml" for name in specified["argument_specs"]}
    every = {path.name: list(tasks(path)) for path in directory.glob("*.yml")}
    loads = [task[way] for found in every.values() for task in found for way in (INCLUDE, IMPORT) if way in task]
    by_name = {str(name) for name in loads if "{{" not in str(name)}
    below: set[str] = set()
    for template in (str(name) for name in loads if "{{" in str(name)):
        quoted = {f"{name}.yml" for name in re.findall(r"'(\w+)'", template)}
        below |= quoted or set(every) - entries - by_name
    while True:
        more = {str(task[INCLUDE]) for name in below & set(every) for task in every[name] if INCLUDE in task} - below
        if not more & set(every):
            return {name for name in below & set(every) if any(way in task for task in every[name] for way in IMPORTS)}
        below |= more


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_nothing_is_imported_below_an_include_that_a_fact_names(role: str) -> None:
    assert imported_below(ROLES / role / "tasks") == set()


def test_what_is_imported_there_is_seen(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "tasks").mkdir()
    (tmp_path / "meta" / "argument_specs.yml").write_text("argument_specs: {main: {}}")
    files = {
        "main": f"- {INCLUDE}: \"{{{{ 'one' if fact else 'two' }}}}.yml\"",
        "one": f"- {INCLUDE}: inner.yml",
        "two": "- ansible.builtin.debug:",
        "inner": f"- block: [{{{IMPORT}: two.yml}}]",
    }
    for name, text in files.items():
        (tmp_path / "tasks" / f"{name}.yml").write_text(text)
    assert imported_below(tmp_path / "tasks") == {"inner.yml"}


def stopped_by_the_desk(path: Path) -> list[str]:
    """The tasks whose unreachable host stops the whole run although they say otherwise."""
    return [
        task["name"]
        for task in tasks(path)
        if task.get("run_once") and task.get("ignore_unreachable") and task.get("ignore_errors") is not True
    ]


@pytest.mark.parametrize("path", sorted(ROLES.glob("*/tasks/*.yml")), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_desk_that_cannot_be_reached_stops_no_run(path: Path) -> None:
    assert stopped_by_the_desk(path) == []


def test_a_task_that_would_be_stopped_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "main.yml"
    file.write_text("- {run_once: true, block: [{name: One, ignore_unreachable: true}]}")
    assert stopped_by_the_desk(file) == ["One"]


@pytest.mark.parametrize("path", sorted(ROLES.glob("*/tasks/*.yml")), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_task_that_must_not_fail_may_run_out_of_its_time(path: Path) -> None:
    limited = [task for task in tasks(path) if "timeout" in task and task.get("failed_when") is False]
    assert [task["name"] for task in limited if task.get("ignore_errors") is not True] == []
