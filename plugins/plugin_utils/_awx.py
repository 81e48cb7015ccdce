# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of AWX as data: what is wrong with their description, and in which order they come into being. Pure.

AWX takes a survey question that no playbook reads, and a schedule whose answers fit no more, and says so only when a
job is started; by then it is an emergency. Here it is said before anything is applied.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import available_timezones

import yaml
from ansible_collections.kumon.runbook.plugins.module_utils._redact import shown
from ansible_collections.kumon.runbook.plugins.plugin_utils._playbook_variables import playbooks, variables
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.awx import TEXTS

ACKNOWLEDGE = "Kumon: acknowledge"
"""The template by which a person takes over an incident or says when it is expected to be over."""

OLDEST = (24, 0)
"""The oldest AWX that the modules of awx.awx 24 are made for."""


class Kind(NamedTuple):
    """A kind of object: the fields that are applied, and those that name other objects, with these objects' kind."""

    fields: tuple[str, ...]
    references: Mapping[str, str]


_NAMED = ("name", "description", "organization")
_NOTIFIED = {f"notification_templates_{event}": "controller_notifications" for event in ("started", "success", "error")}
_ASKS = ("inventory", "limit", "job_type", "credential", "variables", "diff_mode")

KINDS: dict[str, Kind] = {
    "controller_organizations": Kind(("name", "description"), {}),
    "controller_labels": Kind(("name", "organization"), {"organization": "controller_organizations"}),
    "controller_credential_types": Kind(("name", "description", "kind", "inputs", "injectors"), {}),
    "controller_execution_environments": Kind((*_NAMED, "image", "pull"), {"organization": "controller_organizations"}),
    "controller_credentials": Kind(
        (*_NAMED, "credential_type", "inputs", "state"),
        {"organization": "controller_organizations", "credential_type": "controller_credential_types"},
    ),
    "controller_projects": Kind(
        (*_NAMED, "scm_type", "scm_url", "scm_branch", "credential", "scm_update_on_launch", "scm_clean"),
        {"organization": "controller_organizations", "credential": "controller_credentials"},
    ),
    "controller_inventories": Kind((*_NAMED, "variables"), {"organization": "controller_organizations"}),
    "controller_hosts": Kind(
        ("name", "description", "inventory", "enabled", "variables"), {"inventory": "controller_inventories"}
    ),
    "controller_groups": Kind(
        ("name", "description", "inventory", "hosts", "variables"),
        {"inventory": "controller_inventories", "hosts": "controller_hosts"},
    ),
    "controller_notifications": Kind(
        (*_NAMED, "notification_type", "notification_configuration", "state"),
        {"organization": "controller_organizations"},
    ),
    "controller_templates": Kind(
        (
            *_NAMED,
            *("project", "playbook", "inventory", "execution_environment", "credentials", "job_type", "timeout"),
            *("allow_simultaneous", "job_slice_count", "labels", "extra_vars", "survey_enabled", "survey_spec"),
            *(f"ask_{what}_on_launch" for what in _ASKS),
            *_NOTIFIED,
        ),
        {
            "organization": "controller_organizations",
            "project": "controller_projects",
            "inventory": "controller_inventories",
            "execution_environment": "controller_execution_environments",
            "credentials": "controller_credentials",
            "labels": "controller_labels",
            **_NOTIFIED,
        },
    ),
    "controller_workflows": Kind(
        (
            *_NAMED,
            *("inventory", "allow_simultaneous", "labels", "survey_enabled", "survey_spec"),
            *("ask_inventory_on_launch", "ask_limit_on_launch", "simplified_workflow_nodes"),
            *_NOTIFIED,
            "notification_templates_approvals",
        ),
        {
            "organization": "controller_organizations",
            "inventory": "controller_inventories",
            "labels": "controller_labels",
            **_NOTIFIED,
            "notification_templates_approvals": "controller_notifications",
        },
    ),
    "controller_schedules": Kind(
        ("name", "description", "unified_job_template", "rrule", "extra_data", "inventory", "enabled"),
        {"unified_job_template": "controller_templates", "inventory": "controller_inventories"},
    ),
}
"""In the order in which they are applied: what is named comes before what names it."""

_GROWING = {
    "controller_inventories": "inventories",
    "controller_hosts": "hosts",
    "controller_groups": "groups",
    "controller_templates": "job_templates",
    "controller_workflows": "workflow_job_templates",
}
"""The kinds whose objects people add to, by the names that AWX's API has for them."""

_VARIABLES = ("variables", "extra_vars")
_LISTS = ("labels", "credentials", *_NOTIFIED, "notification_templates_approvals")
# As many as AWX tells at once.
_PAGE = 200
_NODE = ("identifier", "unified_job_template", "approval_node", "extra_data")
_LINKS = ("success_nodes", "failure_nodes", "always_nodes")
# The kinds of procedures that act on the service of customers.
_ACTING = ("rollback", "forward", "gateway", "decide")
# Of these AWX brings its own.
_OF_AWX = {"controller_credential_types": {"Machine", "Vault", "Source Control", "Container Registry"}}
_FREQUENCY = re.compile(r"[:;]FREQ=(MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)")
_QUESTION_TYPES = ("text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect")


# ------------------------------------------------------------------ what is wrong with a description


def problems(data: Mapping[str, Any], locale: str = "en") -> list[str]:
    """Return a sentence for everything that would be refused by AWX, or would not work once it is needed.

    :param data: lists of objects by their kind, in the layout of infra.aap_configuration
    """
    return list(dict.fromkeys(_Description(data, Words(locale, TEXTS)).problems()))


class _Description:
    def __init__(self, data: Mapping[str, Any], words: Words) -> None:
        self._say = words.say
        self._data = {kind: list(data.get(kind) or []) for kind in KINDS}
        self._names = {
            kind: {str(item.get("name")) for item in items} | _OF_AWX.get(kind, set())
            for kind, items in self._data.items()
        }
        self._templates = {str(item.get("name")): item for item in self._data["controller_templates"]}

    def problems(self) -> Iterator[str]:
        if not self._templates:
            yield self._say("nothing")
        for image in self._data["controller_execution_environments"]:
            if not image.get("image"):
                yield self._say("no_image", where=f"controller_execution_environments, {image.get('name') or '?'}")
        for kind, items in self._data.items():
            seen = set()
            for item in items:
                where = f"{kind}, {item.get('name') or '?'}"
                # A host or a group has its name within its inventory.
                identity = (item.get("name"), item.get("inventory") if kind[-6:] in ("_hosts", "groups") else None)
                if not item.get("name") or identity in seen:
                    yield self._say("twice" if item.get("name") else "no_name", where=where)
                seen.add(identity)
                yield from self._fields(kind, item, where)
        for template in self._data["controller_templates"]:
            yield from self._template(template, f"controller_templates, {template.get('name')}")
        for workflow in self._data["controller_workflows"]:
            yield from self._workflow(workflow, f"controller_workflows, {workflow.get('name')}")
        for schedule in self._data["controller_schedules"]:
            yield from self._schedule(schedule, f"controller_schedules, {schedule.get('name')}")

    def _fields(self, kind: str, item: Mapping[str, Any], where: str) -> Iterator[str]:
        for field in item:
            if field not in KINDS[kind].fields:
                yield self._say("unknown_field", where=where, field=field)
        for field, named in KINDS[kind].references.items():
            # A schedule starts a workflow as well.
            known = self._names[named] | (self._names["controller_workflows"] if named[-9:] == "templates" else set())
            for name in _listed(item.get(field)):
                if name not in known:
                    yield self._say("unknown_name", where=where, field=field, name=name)

    def _template(self, template: Mapping[str, Any], where: str) -> Iterator[str]:
        playbook = _playbook(template)
        if playbook not in playbooks():
            yield self._say("no_playbook", where=where, playbook=template.get("playbook") or "?")
            return
        if int(template.get("job_slice_count") or 1) > 1:
            yield self._say("sliced", where=where)
        read = variables(playbook)
        for variable in template.get("extra_vars") or {}:
            if variable not in read:
                yield self._say("not_read", where=where, variable=variable, playbook=playbook)
        for question in _questions(template):
            variable = str(question.get("variable"))
            if variable not in read:
                yield self._say("not_read", where=where, variable=variable, playbook=playbook)
            yield from self._question(question, read.get(variable) or {}, where)
        yield from self._asked_once(template, where)

    def _question(self, question: Mapping[str, Any], spec: Mapping[str, Any], where: str) -> Iterator[str]:
        variable, kind, choices = question.get("variable"), question.get("type"), _listed(question.get("choices"))
        if kind not in _QUESTION_TYPES or not isinstance(question.get("required"), bool):
            yield self._say("question", where=where, variable=variable, types=", ".join(_QUESTION_TYPES))
        if not question.get("question_name"):
            yield self._say("no_question", where=where, variable=variable)
        default = question.get("default")
        if choices and default not in (None, "", *choices):
            yield self._say("default", where=where, variable=variable, default=default)
        if kind in ("multiplechoice", "multiselect") and not choices:
            yield self._say("no_choices", where=where, variable=variable)
        # AWX takes one that is too long, and refuses it as an answer.
        if default not in (None, "") and not _fits(default, question):
            yield self._say("limits", where=where, variable=variable, value=default)
        allowed = [str(choice) for choice in spec.get("choices") or []]
        for choice in choices:
            if allowed and choice not in allowed:
                yield self._say("choice", where=where, variable=variable, choice=choice, allowed=", ".join(allowed))
        if spec.get("type") == "bool" and choices and set(choices) != {"false", "true"}:
            yield self._say("choice", where=where, variable=variable, choice=choices[0], allowed="false, true")

    def _asked_once(self, template: Mapping[str, Any], where: str) -> Iterator[str]:
        asked = [str(question.get("variable")) for question in _questions(template)]
        for variable in sorted({one for one in asked if asked.count(one) > 1}):
            yield self._say("asked_twice", where=where, variable=variable)

    def _workflow(self, workflow: Mapping[str, Any], where: str) -> Iterator[str]:
        nodes = list(workflow.get("simplified_workflow_nodes") or [])
        known = [str(node.get("identifier")) for node in nodes]
        asked = {str(question.get("variable")) for question in _questions(workflow)}
        for question in _questions(workflow):
            yield from self._question(question, {}, where)
        yield from self._asked_once(workflow, where)
        for variable in sorted(asked - self._asked_by_nodes(nodes)):
            yield self._say("not_taken", where=where, variable=variable)
        for node in nodes:
            place = f"{where}, {node.get('identifier') or '?'}"
            if not node.get("identifier") or known.count(str(node["identifier"])) > 1:
                yield self._say("twice" if node.get("identifier") else "no_name", where=place)
            for field in node:
                if field not in (*_NODE, *_LINKS):
                    yield self._say("unknown_field", where=place, field=field)
            for field in _LINKS:
                for name in _listed(node.get(field)):
                    if name not in known:
                        yield self._say("unknown_name", where=place, field=field, name=name)
            if node.get("approval_node"):
                approval = node["approval_node"]
                if not approval.get("name") or int(approval.get("timeout") or 0) <= 0:
                    yield self._say("approval", where=place)
            else:
                yield from self._started(node, place, asked)
        for name in self._unasked(nodes):
            yield self._say("unasked", where=f"{where}, {name}")

    def _acts(self, starter: Mapping[str, Any]) -> bool:
        """Whether what a node or a schedule starts acts on the service, as far as nothing says otherwise."""
        playbook = _playbook(self._templates.get(str(starter.get("unified_job_template"))) or {})
        if playbook not in PROCEDURES or PROCEDURES[playbook].kind not in _ACTING:
            return False
        return (starter.get("extra_data") or {}).get("recovery_mode") != "recommend"

    def _unasked(self, nodes: Sequence[Mapping[str, Any]]) -> list[str]:
        """The nodes that act although neither a person nor the record of automation was asked on the way to them.

        What was permitted is one act: from there on it is to be asked anew.
        """
        by_name = {str(node.get("identifier")): node for node in nodes}
        led_to = {name for node in nodes for field in _LINKS for name in _listed(node.get(field))}
        coming = [(name, False) for name in by_name if name not in led_to]
        reached: set[tuple[str, bool]] = set()
        while coming:
            name, permitted = coming.pop()
            if (name, permitted) in reached or name not in by_name:
                continue
            reached.add((name, permitted))
            node = by_name[name]
            asks = bool(node.get("approval_node") or (node.get("extra_data") or {}).get("decide_act"))
            for field in _LINKS:
                allowed = field == "success_nodes" if asks else permitted and not self._acts(node)
                coming += [(following, allowed) for following in _listed(node.get(field))]
        return [name for name, node in by_name.items() if (name, False) in reached and self._acts(node)]

    def _asked_by_nodes(self, nodes: Sequence[Mapping[str, Any]]) -> set[str]:
        templates = [self._templates.get(str(node.get("unified_job_template"))) or {} for node in nodes]
        return {str(question.get("variable")) for template in templates for question in _questions(template)}

    def _schedule(self, schedule: Mapping[str, Any], where: str) -> Iterator[str]:
        rule = str(schedule.get("rrule") or "")
        start = re.match(r"DTSTART(;TZID=([^:\s]+):\d{8}T\d{6}|:\d{8}T\d{6}Z) RRULE:(\S*;)?INTERVAL=\d", rule)
        if not start or not _FREQUENCY.search(rule) or rule.count("DTSTART") > 1:
            yield self._say("rrule", where=where)
        elif start[2] and start[2] not in (available_timezones() or {start[2]}):
            yield self._say("zone", where=where, zone=start[2])
        elif re.search(r"FREQ=MINUTELY;INTERVAL=1(?!\d)", rule):
            yield self._say("each_minute", where=where)
        if self._acts(schedule):
            yield self._say("scheduled_act", where=where)
        yield from self._started(schedule, where, set())

    def _started(self, starter: Mapping[str, Any], where: str, answered: set[str]) -> Iterator[str]:
        """What is wrong with the answers that a schedule or a node gives to the template that it starts."""
        name = str(starter.get("unified_job_template"))
        workflows = {str(item.get("name")): item for item in self._data["controller_workflows"]}
        template = self._templates.get(name) or workflows.get(name)
        if template is None:
            yield self._say("unknown_name", where=where, field="unified_job_template", name=name)
            return
        given = starter.get("extra_data") or {}
        questions = {str(question.get("variable")): question for question in _questions(template)}
        for variable, value in given.items():
            if variable not in questions:
                yield self._say("not_asked", where=where, variable=variable, template=name)
            elif _listed(questions[variable].get("choices")):
                if value not in _listed(questions[variable]["choices"]):
                    allowed = ", ".join(_listed(questions[variable]["choices"]))
                    yield self._say("choice", where=where, variable=variable, choice=value, allowed=allowed)
            elif not _fits(value, questions[variable]):
                yield self._say("limits", where=where, variable=variable, value=value)
        for variable, question in questions.items():
            # A default answers a person's form, and nothing else.
            if question.get("required") and variable not in given and variable not in answered:
                if starter.get("identifier") and question.get("default") not in (None, ""):
                    continue  # a node takes the default
                yield self._say("unanswered", where=where, variable=variable, template=name)


def _fits(value: Any, question: Mapping[str, Any]) -> bool:
    """Whether AWX takes this as the answer to a question of text; of a number only whether it is one."""
    kind, least, most = question.get("type"), question.get("min"), question.get("max")
    if kind in ("integer", "float"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    return not value or int(least or 0) <= len(value) <= int(most or 1024)


def _listed(value: Any) -> list[str]:
    if value in (None, ""):
        return []
    if isinstance(value, str):
        return value.splitlines()
    return [str(item) for item in value]


def _questions(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((template.get("survey_spec") or {}).get("spec") or []) if template.get("survey_enabled") else []


def _playbook(template: Mapping[str, Any]) -> str:
    """The name of the playbook; a project of one's own imports it by a file of the same name."""
    path = str(template.get("playbook") or "")
    return path.rpartition("/")[2][: -len(".yml")] if path.endswith(".yml") else ""


# ------------------------------------------------------------------ whether AWX can be asked at all


def access(facts: Mapping[str, Any], locale: str = "en") -> str:
    """Return why nothing can be applied there, in one sentence, empty where it can.

    :param facts: ``{host}``, and with ``answer`` what the task registered that asked for ``/api/v2/ping/``;
        ``directory`` is that of the description, ``example`` whether it is the collection's own, ``job`` whether this
        is a job of AWX, ``collection`` that of the modules
    """
    say, host = Words(locale, TEXTS).say, shown(str(facts.get("host") or ""))
    if not _installed(str(facts.get("collection") or "awx.awx")):
        return say("no_collection")
    if not host:
        return say("no_host")
    if facts.get("job") and facts.get("example"):
        return say("example")
    directory = str(facts.get("directory") or "")
    if directory and not os.path.isdir(directory):
        return say("no_directory", directory=shown(directory))
    if "answer" not in facts:
        return ""
    answer = facts["answer"]
    if answer.get("status") != 200:
        return say("no_answer", host=host, why=" ".join(str(answer.get("msg") or "?").split()))
    version = str((answer.get("json") or {}).get("version") or "")
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if not numbers:
        return say("not_awx", host=host)
    oldest = ".".join(map(str, OLDEST))
    return say("too_old", host=host, version=version, oldest=oldest) if numbers < OLDEST else ""


def _installed(collection: str) -> bool:
    try:
        return find_spec(f"ansible_collections.{collection}") is not None
    except ModuleNotFoundError:
        return False


def failure(result: Mapping[str, Any], locale: str = "en") -> dict[str, str]:
    """Return why a task failed as one sentence, also where it went through a list."""
    items = [one for one in result.get("results") or [] if one.get("failed")]
    first = items[0] if items else result
    sentence = " ".join(str(first.get("msg") or "?").split())
    if re.search(r"HTTP (Error )?401", sentence):
        sentence = Words(locale, TEXTS).say("no_access")
    elif items:
        item = first.get("item") or {}
        sentence = f"{item.get('name') or item.get('identifier')}: {sentence}"
    return {"msg": sentence}


# ------------------------------------------------------------------ what people have added to our objects


def page(text: str) -> Any:
    """Return what AWX answered: the objects of a list, or what is no list as it is."""
    answer = json.loads(text)
    if not isinstance(answer, Mapping):
        raise ValueError("What was read from AWX is no object.")
    if answer.get("next"):
        # What is not known would be taken away.
        raise ValueError(f"AWX has more than {_PAGE} of {str(answer['next']).partition('?')[0]}: take some away.")
    return answer.get("results", answer)


def asks(data: Mapping[str, Any], seen: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what to ask AWX for, to know what people have added: first for the objects, then for their lists.

    :param seen: what the task registered that asked the first questions and kept each answer as a fact
    """
    if seen is None:
        return [
            {"kind": kind, "index": index, "path": _named(api, item)}
            for kind, api in _GROWING.items()
            for index, item in enumerate(data.get(kind) or [])
            if any(field in item for field in (*_VARIABLES, *_LISTS, "survey_spec", "simplified_workflow_nodes"))
        ]
    return [
        {"kind": kind, "index": index, "field": field, "path": path}
        for (kind, index), existing in _existing(seen).items()
        for field, path in _listed_at(_GROWING[kind], existing["id"])
        if field in data[kind][index]
    ]


def _named(api: str, item: Mapping[str, Any]) -> str:
    within = {f"{field}__name": item[field] for field in ("organization", "inventory") if item.get(field)}
    # A template names its inventory, and is not within it.
    if api.endswith("templates"):
        within.pop("inventory__name", None)
    return f"/api/v2/{api}/?{urlencode({'name': item['name'], **within, 'page_size': _PAGE})}"


def _listed_at(api: str, number: int) -> list[tuple[str, str]]:
    nodes_at = f"/api/v2/workflow_job_template_nodes/?workflow_job_template={number}&page_size={_PAGE}"
    return [
        *((field, f"/api/v2/{api}/{number}/{field}/?page_size={_PAGE}") for field in _LISTS),
        ("survey_spec", f"/api/v2/{api}/{number}/survey_spec/"),
        ("simplified_workflow_nodes", nodes_at),
    ]


def _answers(registered: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Any]]:
    """Each question with its answer."""
    results = registered.get("results") or []
    return [(one["item"], next(iter(one["ansible_facts"].values()))) for one in results]


def _existing(seen: Mapping[str, Any]) -> dict[tuple[str, int], Mapping[str, Any]]:
    """The objects that are there already. Of what has its name twice the module says so."""
    return {
        (str(asked["kind"]), int(asked["index"])): answer[0] for asked, answer in _answers(seen) if len(answer) == 1
    }


def united(data: Mapping[str, Any], seen: Mapping[str, Any], listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description together with what people have added, and what that is.

    The modules make a list what they are given. What is described no more is not told from what somebody added: both
    stay.
    """
    data = {kind: copy.deepcopy(value) for kind, value in data.items()}
    kept: list[dict[str, Any]] = []

    def keep(item: Mapping[str, Any], field: str, names: Sequence[str]) -> None:
        if names:
            kept.append({"name": str(item["name"]), "field": field, "names": list(names)})

    credentials = data.get("controller_credentials") or []
    types = {str(credential["name"]): credential.get("credential_type") for credential in credentials}
    for (kind, index), existing in _existing(seen).items():
        item = data[kind][index]
        for field in _VARIABLES:
            if field in item:
                there = _variables(existing.get(field), str(item["name"]))
                keep(item, field, [name for name in there if name not in item[field]])
                wanted = {**there, **item.pop(field)}
                # Sent only where it differs: AWX has it as a text, with a person's order and comments.
                if wanted != there:
                    item[field] = wanted
    for question, answer in _answers(listed):
        item, field = data[question["kind"]][question["index"]], str(question["field"])
        if field == "survey_spec":
            asked = {entry["variable"] for entry in item[field]["spec"]}
            theirs = [entry for entry in answer.get("spec") or [] if entry["variable"] not in asked]
            item[field]["spec"] += theirs
            keep(item, field, [str(entry["variable"]) for entry in theirs])
        elif field == "simplified_workflow_nodes":
            keep(item, field, _with_links(item[field], answer))
        else:
            theirs = [entry for entry in answer if entry["name"] not in item[field]]
            if field == "credentials":
                item[field] = _beside(item[field], theirs, types)
            # By number: a name may be there in another organization too.
            item[field] = [*item[field], *(str(entry["id"]) for entry in theirs)]
            keep(item, field, [str(entry["name"]) for entry in theirs])
    return {"data": data, "kept": kept}


def _variables(there: Any, name: str) -> dict[str, Any]:
    """Variables as AWX has them: a text in JSON or YAML."""
    try:
        try:
            variables = json.loads(there or "{}")
        except ValueError:
            variables = yaml.safe_load(there)
    except yaml.YAMLError as error:
        raise ValueError(f"The variables that AWX has of {name} cannot be read.") from error
    return dict(variables) if isinstance(variables, Mapping) else {}


def _beside(ours: Sequence[str], theirs: Sequence[Mapping[str, Any]], types: Mapping[str, Any]) -> list[str]:
    """Those of our credentials that AWX takes beside theirs: it takes one of a type, but of a vault's."""
    taken = {other["summary_fields"]["credential_type"]["name"] for other in theirs} - {"Vault"}
    return [name for name in ours if types.get(name) not in taken]


def _with_links(ours: Sequence[dict[str, Any]], there: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keep the ways to nodes that somebody added, and return the names of these.

    A way between two of ours is as described: one that stayed could lead to an act unasked. One to a node of theirs
    stays, for without it that node would start with the workflow.
    """
    known = {str(node["identifier"]) for node in ours}
    names = {node["id"]: str(node["identifier"]) for node in there}
    by_name = {str(node["identifier"]): node for node in there}
    kept: list[str] = []
    for node in ours:
        for field in _LINKS:
            if field in node:
                led_to = [names[one] for one in by_name.get(str(node["identifier"]), {}).get(field) or []]
                theirs = [name for name in led_to if name not in known]
                node[field] = [*node[field], *theirs]
                kept += theirs
    return list(dict.fromkeys(kept))


# ------------------------------------------------------------------ the nodes of a workflow


def nodes(workflows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the nodes of all workflows, each with its workflow and organization, and whether it leads to others."""
    return [
        {
            **node,
            "workflow": workflow["name"],
            "organization": workflow.get("organization"),
            "linked": any(field in node for field in _LINKS),
        }
        for workflow in workflows
        for node in workflow.get("simplified_workflow_nodes") or []
    ]


# ------------------------------------------------------------------ what a dry run would make

_REFERENCES = sorted(
    {field for kind in KINDS.values() for field in kind.references} | {*_LINKS, "unified_job_template", "workflow"}
)


def coming(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of what a dry run would make, of the results of the tasks so far.

    In check mode a module tells no id of what it would make; and what names such an object was left out.
    """
    return [
        _name_of(ended["item"])
        for ended in _ended(results)
        if ended.get("skipped") or (ended.get("changed") and "id" not in ended)
    ]


def waits(item: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Return whether `item` names something that a dry run would only make."""
    return any(name in names for field in _REFERENCES for name in _listed(item.get(field)))


def changes(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many objects there are and the names of those that were, or would be, changed."""
    ended = _ended(results)
    # A node of a workflow is made, linked and given its template by a task each.
    nodes_ended = [result["item"] for result in ended if "identifier" in result["item"]]
    made = {(str(node.get("workflow")), str(node["identifier"])) for node in nodes_ended}
    changed = [_name_of(result["item"]) for result in ended if result.get("changed") or result.get("skipped")]
    return {"objects": len(ended) - len(nodes_ended) + len(made), "changed": list(dict.fromkeys(changed))}


def _ended(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The result of each object, of all tasks."""
    return [each for result in results for each in result.get("results") or []]


def _name_of(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or item.get("identifier"))
