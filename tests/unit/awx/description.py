# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's description of AWX's objects, as the playbook reads it."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
DIRECTORY = ROOT / "awx"
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
