# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the filters of every topic: their sidecars, and what ansible-core gives and gets."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILTERS = Path(__file__).resolve().parents[4] / "plugins" / "filter"
TOPICS = ("awx", "judging", "measuring", "running", "telling", "watching")
# As this run was typed: no part of the template.
_OURS = ("commands",)


def filters_of(topic: str) -> dict[str, Callable[..., Any]]:
    """The filters of a topic, by their names."""
    module = importlib.import_module(f"ansible_collections.kumon.runbook.plugins.filter.{topic}")
    found: dict[str, Callable[..., Any]] = module.FilterModule().filters()
    return found


@cache
def sidecar(name: str) -> dict[str, Any]:
    """What documents a filter."""
    found: dict[str, Any] = yaml.safe_load((FILTERS / f"{name}.yml").read_text(encoding="utf-8"))
    return found


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """What a filter takes, without what is filled in by the run."""
    return [one for one in inspect.signature(function).parameters.values() if one.name not in _OURS]


def documented_wrong(name: str, function: Callable[..., Any]) -> list[str]:
    """What does not fit between a filter and its sidecar, a sentence each."""
    documented = sidecar(name)
    if set(documented) != {"DOCUMENTATION", "EXAMPLES", "RETURN"}:
        return [f"{name}.yml has the sections {sorted(documented)}"]
    about = documented["DOCUMENTATION"]
    wrong = []
    if about["name"] != name:
        wrong.append(f"its name is {about['name']}")
    if f"kumon.runbook.{name}" not in documented["EXAMPLES"] or not yaml.safe_load(documented["EXAMPLES"]):
        wrong.append("its example does not use it")
    if "_value" not in documented["RETURN"]:
        wrong.append("what it returns is not documented")
    taken, options = parameters_of(function), about["options"]
    positional = [one.strip() for one in about.get("positional", "_input").split(",")]
    if positional[0] != "_input":
        wrong.append("the first that is positional must be _input")
    several = [one for one in taken if one.kind is one.VAR_KEYWORD]
    plain = [one for one in taken if one not in several]
    by_place = [one.name for one in plain if one.kind is not one.KEYWORD_ONLY]
    if positional[1:] != by_place[1 : len(positional)]:
        wrong.append(f"positional is {positional}, the function takes {by_place}")
    undocumented = {one.name for one in plain[1:]} - set(options)
    unknown = set(options) - {"_input"} - ({*options} if several else {one.name for one in plain[1:]})
    wrong += [f"{option} is not documented" for option in sorted(undocumented)]
    wrong += [f"{option} is no parameter" for option in sorted(unknown)]
    for one in plain:
        option = options.get("_input" if one is plain[0] else one.name, {})
        needed = one.default is one.empty
        if needed is not bool(option.get("required")):
            wrong.append(f"{one.name} is {'' if needed else 'not '}required by the function")
        if not needed and one.default not in (None, (), "") and option.get("default") != one.default:
            wrong.append(f"the default of {one.name} is {one.default!r}, documented is {option.get('default')!r}")
        if "default" in option and option["default"] not in (one.default, [] if one.default == () else one.default):
            wrong.append(f"the documented default of {one.name} is not {one.default!r}")
    return wrong


_TEMPLATE = """
import json, sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([sys.argv[1]])
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.unsafe_proxy import wrap_var
try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 every text is one
    trust_as_template = str

def trusted(value):
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value

def template(text, variables):
    return Templar(loader=DataLoader(), variables=variables).template(trusted(text))

given = json.load(sys.stdin)
found = template(given["text"], {**trusted(given["variables"]), "hostile": wrap_var(given["hostile"])})
again = template(given["again"], {"found": found}) if given["again"] else None
json.dump([found, again], sys.stdout, default=str)
"""

HOSTILE = "{{ 7*7 }}"
"""What a log, a server or a module may say; it is the variable `hostile` of each template."""


def templated(text: str, again: str = "", **variables: Any) -> tuple[Any, Any]:
    """What ansible-core makes of a template, and of another one of its result, `found`.

    In a process of its own: the loader of collections takes over the imports.
    """
    given = {"text": text, "again": again, "variables": variables, "hostile": HOSTILE}
    ended = subprocess.run(
        [sys.executable, "-c", _TEMPLATE, str(FILTERS.parents[1] / ".ansible" / "collections")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found, told = json.loads(ended.stdout)
    return found, told
