# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents say is what the code has."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


def load(*parts):
    return yaml.safe_load(ROOT.joinpath(*parts).read_text(encoding="utf-8"))


def described(role):
    """Each variable of a role's argument specification, with its default; entry points have to agree."""
    variables = {}
    for name, entry in load("roles", role, "meta", "argument_specs.yml")["argument_specs"].items():
        for variable, spec in (entry.get("options") or {}).items():
            if spec.get("required"):
                continue
            assert variables.setdefault(variable, spec["default"]) == spec["default"], f"{role} {name} {variable}"
    return variables


def defaults(role):
    """Each variable that people set for a role, with its default.

    What procedures share is runbook_x in people's inventories and assistant_x in the role.
    """
    found = {}
    for name, value in load("roles", role, "defaults", "main.yml").items():
        shared = re.fullmatch(r"{{ (runbook_(\w+)) \| default\((.*)\) }}", str(value))
        if shared:
            assert name == f"{role}_{shared[2]}"
            found[shared[1]] = {"true": True}.get(shared[3]) or ast.literal_eval(shared[3])
        else:
            found[name] = value
    return found


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specification_are_the_same(role):
    assert described(role) == defaults(role)


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_is_specified(role):
    tasks = {path.stem for path in (ROOT / "roles" / role / "tasks").glob("*.yml")}
    specified = set(load("roles", role, "meta", "argument_specs.yml")["argument_specs"])
    assert specified <= tasks
    named = set()
    for playbook in (ROOT / "playbooks").glob("*.yml"):
        text = playbook.read_text(encoding="utf-8")
        named |= set(re.findall(rf"name: kumon\.runbook\.{role}\n\s+tasks_from: (\w+)", text))
    assert named <= specified


@pytest.mark.parametrize("role", ROLES)
def test_a_variable_begins_with_its_roles_name(role):
    prefix = "runbook_" if role == "assistant" else f"{role}_"
    assert [name for name in described(role) if not name.startswith(prefix)] == []


def test_shared_variables_are_named_in_the_defaults_of_one_role_only():
    for role in ROLES:
        names = [name for name in defaults(role) if name.startswith("runbook_")]
        assert bool(names) == (role == "assistant")
        for path in [*(ROOT / "roles" / role).glob("tasks/*.yml"), *(ROOT / "roles" / role).glob("vars/*.yml")]:
            code = re.sub(r"'[^']*'|\"[^{]*?\"", "", path.read_text(encoding="utf-8"))
            assert not re.search(r"{{[^}]*\brunbook_", code), path


def test_role_readmes_are_generated_from_the_specifications():
    script = ROOT / "scripts" / "role_docs.py"
    run = subprocess.run([sys.executable, str(script), "--check"], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_readme_names_every_playbook_and_only_those(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(\w+)\.yml\b", text)) & set(re.findall(r"`(\w+)`|(\w+)\.yml", text) and PLAYBOOKS)
    assert named == set(PLAYBOOKS)


def test_both_readmes_have_the_same_parts():
    english, portuguese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md"))
    for pattern in (r"(?m)^#+ ", r"(?m)^```\w*$", r"(?m)^\|"):
        assert len(re.findall(pattern, english)) == len(re.findall(pattern, portuguese)), pattern


def test_every_module_of_the_collection_is_in_its_action_group():
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    assert sorted(load("meta", "runtime.yml")["action_groups"]["runbook"]) == modules


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("assistant", "notify")])
def test_people_can_read_everything_in_both_languages(role):
    texts = load("roles", role, "vars", "main.yml")[f"__{role}_texts"]

    def shape(value):
        return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else None

    assert shape(texts["pt_BR"]) == shape(texts["en"])


def test_what_a_user_reads_names_no_place_that_exists_nowhere():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
