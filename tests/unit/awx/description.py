# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's description of AWX's objects, as the playbook reads it."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.awx.schema import ASSOCIATED
from tests.awx.schema import KINDS as SCHEMA

ROOT = Path(__file__).resolve().parents[3]
DIRECTORY = ROOT / "awx"
API = {
    "controller_notifications": "notification_templates",
    "controller_templates": "job_templates",
    "controller_workflows": "workflow_job_templates",
}
# What the role's variables say.
FILLED = {
    "awx_scm_url": "https://git.example.com/kumon.git",
    "awx_scm_branch": "1.0.0",
    "awx_ee_image": "registry.example.com/kumon-ee:1",
}


class _Loader(yaml.SafeLoader):
    """YAML as Ansible reads it."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(DIRECTORY.glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        for name, value in FILLED.items():
            text = text.replace("{{ " + name + " }}", value)
        found.update(yaml.load(text, _Loader))
    return found


def description() -> dict[str, Any]:
    """A copy of it, to be changed at will."""
    return copy.deepcopy(_read())


def templates() -> dict[str, dict[str, Any]]:
    """The job templates by their names."""
    return {template["name"]: template for template in description()["controller_templates"]}


def posted(awx, kind, item):
    """Post an object as the modules do: names become ids, lists of names and surveys requests of their own."""
    api = API.get(kind, kind.removeprefix("controller_"))
    schema, body, after = SCHEMA[api], {}, []
    for field, value in item.items():
        if field in ("state", "simplified_workflow_nodes"):
            continue
        if field == "survey_spec":
            after.append(("survey_spec", value))
        elif field in schema.associations:
            other = ASSOCIATED.get(field, field)
            after += [(field, {"id": awx.named(other, name)["id"]}) for name in value if field != "hosts"]
        elif isinstance(schema.fields[field].type, str) and field != "unified_job_template":
            body[field] = awx.named(schema.fields[field].type, value)["id"]
        elif field == "unified_job_template":
            body[field] = next(one["id"] for one in awx._unified() if one["name"] == value)
        else:
            body[field] = json.dumps(value) if field in ("variables", "extra_vars") else value
    status, made = awx.answer("POST", f"/api/v2/{api}/", {}, body)
    assert status == 201
    for what, data in after:
        assert awx.answer("POST", f"/api/v2/{api}/{made['id']}/{what}/", {}, data)[0] in (200, 204)
    return made
