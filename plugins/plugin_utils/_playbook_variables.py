# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables a playbook reads, and what they may be: its own, and those that its roles take by `settings`.

Read from the playbook, the roles' tasks and their argument specifications, so that nobody keeps a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.yaml import yaml_load
from jinja2 import Environment, TemplateError, nodes

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "kumon.runbook."
_INCLUDE_ROLE = ("ansible.builtin.include_role", "ansible.builtin.import_role")
_INCLUDE_TASKS = ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks")
SETTINGS = "kumon.runbook.settings"
_BLOCKS = ("block", "rescue", "always")

Specs = dict[str, Mapping[str, Any]]


def playbooks() -> list[str]:
    """The names of the collection's playbooks."""
    return sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


@cache
def variables(playbook: str) -> Specs:
    """Return each variable that `playbook` reads with its specification, empty where it has none of its own.

    A variable that the playbook hands on to a role, `depth` for `health_depth`, has that one's specification.
    """
    taken: Specs = {}
    own: Specs = {}
    for play in _load(ROOT / "playbooks" / f"{playbook}.yml"):
        for task in _tasks([play, *(play.get("tasks") or [])]):
            for role, file in _roles(task):
                _Role(role, taken).take(file, {})
        for name, text in _texts(play):
            for variable in _named(text):
                if not variable.startswith(("__", "ansible_", "inventory_")):
                    own.setdefault(variable, {})
                    if name in taken and _named(text) == {variable}:
                        own[variable] = taken[name]
    return {**own, **taken}


class _Role:
    """Gathers what the tasks files of a role take, and what the files and roles do that these include."""

    def __init__(self, name: str, taken: Specs, seen: set[tuple[str, ...]] | None = None) -> None:
        self._name, self._directory, self._taken = name, ROOT / "roles" / name, taken
        self._seen: set[tuple[str, ...]] = set() if seen is None else seen

    def take(self, file: str, given: Mapping[str, str]) -> None:
        """Go through a file. What a variable names that nobody has given may be any but the entry points.

        :param given: the variables of the tasks on the way here, as far as they are texts
        """
        named = _filled(file, given)
        every = sorted(path.name for path in (self._directory / "tasks").glob("*.yml"))
        inner = [name for name in every if name.removesuffix(".yml") not in _specs(self._name)]
        for name in inner if "{{" in named else [named]:
            visit = (self._name, name, *sorted(map(str, given.items())))
            if visit in self._seen or name not in every:
                continue
            self._seen.add(visit)
            for task in _tasks(_load(self._directory / "tasks" / name)):
                self._task(task, {**given, **_given(task)})

    def _task(self, task: Mapping[str, Any], given: Mapping[str, str]) -> None:
        if SETTINGS in task:
            self._taken.update(_specified(task[SETTINGS], given))
        # What `assistant` takes along for a role, in one task.
        for role, entries in ((task.get("vars") or {}).get("assistant_also") or {}).items():
            self._taken.update(_specified({"role": role, "entries": entries}, given))
        for role, file in _roles(task):
            _Role(role, self._taken, self._seen).take(file, given)
        for action in _INCLUDE_TASKS:
            if action in task:
                named = task[action]
                self.take(str(named["file"] if isinstance(named, dict) else named), given)


def _given(task: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in (task.get("vars") or {}).items() if isinstance(value, str)}


def _filled(text: str, given: Mapping[str, str]) -> str:
    return re.sub(r"\{\{ (\w+) \}\}", lambda name: given.get(name[1], name[0]), text)


def _specified(arguments: Mapping[str, Any], given: Mapping[str, str]) -> Specs:
    specs = _specs(arguments["role"])
    entries = [entry for entry in (_filled(entry, given) for entry in arguments["entries"]) if entry in specs]
    return {
        name: spec
        for entry in entries or specs  # an entry that a variable names may be any of them
        for name, spec in (specs[entry].get("options") or {}).items()
    }


def _specs(role: str) -> dict[str, Any]:
    specs: dict[str, Any] = _load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    return specs


def _roles(task: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for action in _INCLUDE_ROLE:
        named = task.get(action)
        if isinstance(named, dict) and str(named.get("name", "")).startswith(COLLECTION):
            file = str(named.get("tasks_from") or "main")
            yield named["name"][len(COLLECTION) :], file if file.endswith(".yml") else f"{file}.yml"


def _tasks(tasks: Any) -> Iterator[dict[str, Any]]:
    for task in tasks or []:
        yield task
        for part in _BLOCKS:
            yield from _tasks(task.get(part))


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a play, with the key that it belongs to."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str) and "{{" in value:
        yield name, value


def _named(text: str) -> set[str]:
    """The names that a template reads; its filters are Ansible's, which Jinja itself does not know."""
    try:
        return {name.name for name in Environment(autoescape=False).parse(text).find_all(nodes.Name)}
    except TemplateError:
        return set()


@cache
def _load(path: Path) -> Any:
    try:
        return yaml_load(path.read_text(encoding="utf-8")) or []
    except yaml.YAMLError:
        return []
