# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents say is what the code has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES

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


# What procedures share has its defaults in the specification alone, which the module that takes the variables reads.
@pytest.mark.parametrize("role", [role for role in ROLES if role != "assistant"])
def test_defaults_and_argument_specification_are_the_same(role):
    assert described(role) == load("roles", role, "defaults", "main.yml")


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


def test_shared_variables_are_named_in_one_role_only():
    """What procedures share is `runbook_x` for people and `__assistant.x` for the roles."""
    assert not (ROOT / "roles" / "assistant" / "defaults").exists()
    for path in ROOT.glob("roles/*/[tv]a*/*.yml"):
        named = set(re.findall(r"(?<![.\w])runbook_\w+", re.sub(r"#.*", "", path.read_text(encoding="utf-8"))))
        # Who acts, on which hosts, and why not on these is asked for before anything else; the rest is the result.
        asked = {"runbook_actor", "runbook_hosts", "runbook_locale", "runbook_reason", "runbook_refuse"}
        assert named <= {"runbook_result", "runbook_result_", "runbook_diagnosis", *asked}, path


def test_roles_hold_no_words_and_no_judging():
    """What a run came to, and what is said of it, is made in plugin_utils."""
    for path in ROOT.glob("roles/*/[tv]a*/*.yml"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?m)^\s*(pt_BR|en):", text), path
        assert not re.search(r"{%", text), path
        assert not re.search(r"__assistant_outcome:\s*$", text, re.M), path


def test_the_roles_own_variables_are_few():
    """They were 861 lines, when they judged and spoke; simple look-ups are a third of that."""
    lines = [path.read_text(encoding="utf-8").count("\n") for path in ROOT.glob("roles/*/vars/main.yml")]
    assert sum(lines) < 861 / 3


def test_shared_variables_are_described_by_one_role_only():
    for role in ROLES:
        names = [name for name in described(role) if name.startswith("runbook_")]
        assert bool(names) == (role == "assistant"), (role, names)


def test_role_readmes_are_generated_from_the_specifications():
    script = ROOT / "scripts" / "role_docs.py"
    run = subprocess.run([sys.executable, str(script), "--check"], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def table_of_procedures(readme):
    """The playbooks that have a row, with the budget that it names."""
    rows = re.findall(r"(?m)^\| `(\w+)\.yml` \| ([^|]+) \|", (ROOT / readme).read_text(encoding="utf-8"))
    assert len(dict(rows)) == len(rows), "a playbook has two rows"
    return dict(rows)


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_readme_has_a_row_for_every_playbook_and_only_those(readme):
    assert sorted(table_of_procedures(readme)) == PLAYBOOKS


def test_the_docs_site_has_a_part_for_every_playbook_and_only_those():
    text = (ROOT / "docs" / "docsite" / "rst" / "playbooks.rst").read_text(encoding="utf-8")
    assert sorted(re.findall(r"(?m)^(\w+)\n-+$", text)) == PLAYBOOKS


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_a_row_names_the_budget_that_the_code_has(readme):
    rows = table_of_procedures(readme)
    wrong = {
        name: rows[name]
        for name, row in PROCEDURES.items()
        if row.budget is not None and name in rows and rows[name].split() != [f"{row.budget:g}", "s"]
    }
    assert wrong == {}


def test_an_example_of_a_command_names_a_playbook_that_there_is():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/docsite/rst/*.rst")]:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"ansible-playbook [^`\n]*?(?:kumon\.runbook\.|playbooks/)([a-z]\w+)", text)
        assert set(named) <= set(PLAYBOOKS), path.name


def test_both_readmes_have_the_same_parts():
    english, portuguese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md"))
    for pattern in (r"(?m)^#+ ", r"(?m)^```\w*$", r"(?m)^\|"):
        assert len(re.findall(pattern, english)) == len(re.findall(pattern, portuguese)), pattern


def test_every_module_of_the_collection_is_in_its_action_group():
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    assert sorted(load("meta", "runtime.yml")["action_groups"]["runbook"]) == modules


def test_what_a_user_reads_names_no_place_that_exists_nowhere():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_what_is_promised_of_security_names_the_tests_that_hold_it():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[^`]+)`", text)
    assert len(named) > 10
    for name in named:
        path = ROOT / name
        assert path.is_file() or list(path.glob("test_*.py")), name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_of_another_one_what_that_publishes(role):
    """Not what it keeps for itself, `__other_x`. The settings `__other` are for all."""
    others = "|".join(other for other in ROLES if other not in (role, "assistant"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob(f"roles/{role}/[tv]*/*"))
    assert re.findall(rf"\b__(?:{others})_\w+", text) == []


def test_every_variable_of_our_own_is_set_somewhere():
    """A name that nothing sets fails where it is read; in a rescue that is when something else has failed."""
    set_here = {f"__{role}" for role in ROLES}
    for path in ROOT.glob("plugins/action/*.py"):
        set_here |= set(re.findall(r'"(__\w+)"', path.read_text(encoding="utf-8")))
    read = {}
    for path in [*ROOT.glob("roles/*/[tv]*/*"), *ROOT.glob("playbooks/*.yml"), *ROOT.glob("playbooks/tasks/*.yml")]:
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        set_here |= set(re.findall(r"(?m)^\s*(?:- )?(__\w+):", text))
        set_here |= set(re.findall(r"(?m)(?:register|loop_var|^    name): (__\w+)", text))
        for name in re.findall(r"(?<![.\w'])__\w+", text):
            read.setdefault(name, str(path.relative_to(ROOT)))
    assert len(read) > 100
    assert {name: path for name, path in read.items() if name not in set_here} == {}
