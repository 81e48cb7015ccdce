# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of kumon.runbook.settings; see the module of that name for its documentation."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import yaml
from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase
from ansible_collections.kumon.runbook.plugins.plugin_utils._description import assistant_description
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import plain
from ansible_collections.kumon.runbook.plugins.plugin_utils._problems import problem
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._typed import cut, misspelt, typed
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.settings import TEXTS

# What an option's specification has beside its description.
_KEYS = ("type", "elements", "choices", "required", "options")
# What Ansible takes for the controller where no inventory names it.
_HERE = ("localhost", "127.0.0.1", "::1")
# How a playbook hands on what is typed by a shorter name: `level` for `rollback_forward_level`.
_HANDED_ON = re.compile(r"\{\{ (\w+) \| default\(''\) \}\}")


class _Wrong(Exception):
    """What is wrong with the settings, in one sentence."""


class ActionModule(ActionBase):
    """Takes a role's variables as they are meant, by its argument specification."""

    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings as facts `__<role>`, or fail with one sentence."""
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        facts: dict[str, Any] = {}
        try:
            asked = {args.get("role"): args.get("entries"), **(args.get("also") or {})}
            roles = os.path.dirname(self._role_path())
            options = {role: _options(os.path.join(roles, role), entries) for role, entries in asked.items()}
            self._refuse_misspelt(set().union(*options.values()), task_vars)
            for role in asked:
                facts[f"__{role}"] = self._settled(role, options[role], task_vars)
            if args.get("describe"):
                facts.update(self._described(facts["__assistant"], task_vars, bool(args.get("tells"))))
        except _Wrong as wrong:
            return {**result, "failed": True, "msg": str(wrong)}
        except (AnsibleError, OSError, KeyError) as error:
            sentence = " ".join(str(getattr(error, "message", error)).split())
            return {**result, "failed": True, "msg": sentence}
        # Keys and passwords are among them, in addresses too: they become facts, and no callback shows them.
        return {**result, "ansible_facts": facts, "_ansible_no_log": True}

    def _settled(self, role: str, options: dict[str, dict[str, Any]], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The settings of one role beside those of its that are known. Raises _Wrong."""
        given = {name: self._given(name, task_vars) for name in options if name in task_vars}
        prefix = "runbook_" if role == "assistant" else f"{role}_"
        handed_on = {name: _HANDED_ON.fullmatch(str(task_vars.get(name))) for name in options}
        typed_as = {name: match[1] for name, match in handed_on.items() if match}
        settings, wrong = settle(options, given, prefix, self._locale(task_vars), typed_as)
        if wrong:
            raise _Wrong(wrong)
        return {**plain(task_vars.get(f"__{role}") or {}), **settings}

    def _described(self, settings: dict[str, Any], task_vars: dict[str, Any], tells: bool) -> dict[str, Any]:
        """What modules need of the service, and what is known of the desk. Raises _Wrong where settings do not fit."""
        target = assistant_description(settings)
        if target["problems"]:
            raise _Wrong(sentence(target["problems"][0], settings["locale"]))
        # Said now, while there is still nothing to tell; but stopping messages matters more than the telling.
        for wrong in [*(target["contacts"] if settings["contacts"] or tells else []), *target["programs"]]:
            self._display.warning(sentence(wrong, settings["locale"]))
        desk = settings["desk_host"]
        python, connection = task_vars.get("ansible_playbook_python"), ""
        if desk not in (*_HERE, *task_vars["groups"]["all"]):
            raise _Wrong(Words(settings["locale"], TEXTS).say("no_desk", desk=desk))
        if desk != "localhost":
            variables = task_vars["hostvars"][desk]
            python = variables.get("ansible_python_interpreter", "auto_silent")
            connection = variables.get("ansible_connection", "")
        job = str(task_vars.get("awx_job_id") or (os.environ.get("JOB_ID", "") if "AWX_HOST" in os.environ else ""))
        facts = {"job": job, "desk": desk, "connection": connection}
        return {
            "__assistant_target": target,
            "__assistant_desk_python": python,
            "__assistant_in_awx": bool(job),
            "__assistant_desk_problem": problem("desk", facts, settings["locale"]),
        }

    def _refuse_misspelt(self, known: set[str], task_vars: dict[str, Any]) -> None:
        """A misspelt `rollback_commit` would go back to another release. Raises _Wrong."""
        given = context.CLIARGS
        # To read what else the playbooks take needs time, which a kill-switch has only for names that are not known.
        extra_vars = given.get("extra_vars") or ()
        name = cut(extra_vars)
        if name:
            self._display.warning(Words(self._locale(task_vars), TEXTS).say("cut", name=name))
        wrong = misspelt(typed(extra_vars) - known, given.get("args") or ())
        if wrong:
            raise _Wrong(Words(self._locale(task_vars), TEXTS).say("misspelt", **wrong))

    def _role_path(self) -> str:
        role = self._task._role
        if role is None:
            raise AnsibleError("kumon.runbook.settings belongs into a role")
        return str(role._role_path)

    def _locale(self, task_vars: dict[str, Any]) -> str:
        """The language of what is wrong, also where that is the locale itself."""
        locale = str(self._given("runbook_locale", task_vars)).strip() if "runbook_locale" in task_vars else ""
        return locale if locale in LOCALES else LOCALES[0]

    def _given(self, name: str, task_vars: dict[str, Any]) -> Any:
        return plain(self._templar.template(task_vars[name]))


def _options(directory: str, entries: list[str]) -> dict[str, dict[str, Any]]:
    """The options of a role's entry points."""
    with open(os.path.join(directory, "meta", "argument_specs.yml"), encoding="utf-8") as handle:
        specs = yaml_load(handle)["argument_specs"]
    return {name: spec for entry in entries for name, spec in (specs[entry].get("options") or {}).items()}


def settle(
    options: dict[str, dict[str, Any]],
    given: dict[str, Any],
    prefix: str,
    locale: str = "en",
    typed_as: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], str]:
    """Return the settings by their names without the prefix, and what is wrong with the first that does not fit.

    :param typed_as: the names by which people type those that a playbook hands on
    AWX and `-e` deliver text: blanks around it do not count, and an empty one means that the variable is not set.
    """
    wanted: dict[str, Any] = {}
    words = Words(locale, TEXTS)
    for name, spec in options.items():
        value = given.get(name)
        value = value.strip() if isinstance(value, str) else value
        if value is None or value == "":
            # What is required and not set stays away, so that it is named as missing.
            if not spec.get("required"):
                wanted[name] = spec.get("default")
            continue
        try:
            wanted[name] = _read(value, spec.get("type")) if isinstance(value, str) else value
        except yaml.YAMLError:
            return {}, words.say("list_text", name=(typed_as or {}).get(name, name))
    specs = {name: {key: spec[key] for key in _KEYS if key in spec} for name, spec in options.items()}
    for spec in specs.values():
        # A path is one on the host that it is for: the home directory of the user there, not of this one.
        spec["type"] = "str" if spec.get("type") == "path" else spec.get("type", "str")
    checked = ArgumentSpecValidator(specs).validate(wanted)
    if checked.error_messages or any(_endless(specs[name], value) for name, value in wanted.items()):
        return {}, _sentence(specs, wanted, words, typed_as or {}) or " ".join(checked.error_messages[0].split())
    return {name[len(prefix) :]: checked.validated_parameters[name] for name in options}, ""


def _sentence(
    specs: dict[str, dict[str, Any]], wanted: dict[str, Any], words: Words, typed_as: Mapping[str, str]
) -> str:
    """What is wrong with the first that does not fit. ansible-core has English alone for it."""
    for option, spec in specs.items():
        value, name = wanted.get(option), typed_as.get(option, option)
        if value is None:
            if spec.get("required"):
                values = spec.get("choices") or (["true", "false"] if spec["type"] == "bool" else [])
                typing = ": " + ", ".join(f"-e {name}={one}" for one in values) if values and name != option else ""
                return words.say("required", name=name) + typing
        elif ArgumentSpecValidator({option: spec}).validate({option: value}).error_messages or _endless(spec, value):
            choices = spec.get("choices")
            if choices:
                wrong = [one for one in (value if isinstance(value, list) else []) if one not in choices] or [value]
                return words.say("choice", name=name, choices=", ".join(map(str, choices)), given=str(wrong[0])[:60])
            if spec["type"] == "list" and isinstance(value, list):
                return words.say("item", name=name, kind=words.say(f"kind_{spec.get('elements', 'str')}"))
            # What has to be a mapping or a list may be a secret.
            shown = "scalar" if spec["type"] in ("bool", "int", "float") else "kind"
            return words.say(shown, name=name, kind=words.say(f"kind_{spec['type']}"), given=str(value)[:60])
    return ""


def _endless(spec: dict[str, Any], value: Any) -> bool:
    """Whether it is a number that none can be compared with, or that is never reached: nan, inf."""
    try:
        return spec["type"] == "float" and value is not None and not math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _read(text: str, kind: str | None) -> Any:
    """What came as text: a list as JSON, YAML or items between commas or line ends, a mapping as JSON or YAML."""
    if kind == "list":
        if text.startswith(("[", "- ")):
            return list(yaml.safe_load(text))
        return [item.strip() for item in re.split(r"[,\n]", text) if item.strip()]
    if kind == "dict":
        with contextlib.suppress(ValueError):
            return json.loads(text)
        with contextlib.suppress(yaml.YAMLError):
            mapping = yaml.safe_load(text)
            # NAME=VALUE is one too, for ansible-core.
            return mapping if isinstance(mapping, dict) else text
    return text
