# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX, a survey or `-e` delivers as text is what it means, for every public variable of every role."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.action.settings import settle

HERE = Path(__file__).resolve().parents[4]


def every_variable() -> list[Any]:
    found = []
    for path in sorted(HERE.glob("roles/*/meta/argument_specs.yml")):
        for entry, specs in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items():
            for name, spec in (specs.get("options") or {}).items():
                found.append(pytest.param(path.parts[-3], name, spec, id=f"{entry}-{name}"))
    return found


VARIABLES = every_variable()
OPTIONAL = [one for one in VARIABLES if not one.values[2].get("required")]
PREFIXES = {"assistant": "runbook_"}


def prefix_of(role: str, name: str) -> str:
    return next(prefix for prefix in (PREFIXES.get(role, f"{role}_"), f"{role}_") if name.startswith(prefix))


def settled(role: str, name: str, spec: dict[str, Any], value: Any) -> tuple[Any, str]:
    """The setting that comes of a value, and what is wrong with it."""
    prefix = prefix_of(role, name)
    settings, problem = settle({name: spec}, {name: value}, prefix)
    return settings.get(name[len(prefix) :]), problem


def test_all_roles_are_here():
    roles = {one.values[0] for one in VARIABLES}
    assert roles == {path.parts[-3] for path in HERE.glob("roles/*/meta/argument_specs.yml")}
    assert len(VARIABLES) > 100


@pytest.mark.parametrize(("role", "name", "spec"), OPTIONAL)
def test_an_empty_text_is_a_variable_that_is_not_set(role, name, spec):
    kinds = {"bool": bool, "float": float, "int": int, "list": list, "dict": dict}
    default = copy.deepcopy(spec.get("default"))
    for empty in ("", "  ", "\t\n", None):
        value, problem = settled(role, name, spec, empty)
        assert (value, problem) == (default, "")
        assert default is None or isinstance(value, kinds.get(spec["type"], str))
    assert settled(role, name, spec, "")[0] == settle({name: spec}, {}, prefix_of(role, name))[0].popitem()[1]


def texts(spec: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Texts that fit, and what they mean."""
    kind = spec["type"]
    if spec.get("choices"):
        if kind == "list":
            one, other = spec["choices"][:2]
            return [(f" {one} ", [one]), (f"{one},{other}", [one, other]), ([one], [one])]
        return [(f"  {choice} ", choice) for choice in spec["choices"] if choice] + [
            (choice, choice) for choice in spec["choices"] if choice
        ]
    if spec.get("elements") == "dict":
        rows = [{"a": 1}, {"b": "c"}]
        return [(json.dumps(rows), rows), ("[]", []), (rows, rows), ([], [])]
    return {
        "bool": [("true", True), ("no", False), (" Yes ", True), ("0", False), (True, True), (False, False)],
        "float": [("7.5", 7.5), (" 7 ", 7.0), ("0", 0.0), (0, 0.0), (7, 7.0)],
        "int": [("3", 3), (" 3\n", 3), ("0", 0), (0, 0)],
        "list": [
            ('["a", "b"]', ["a", "b"]),
            ("a,b", ["a", "b"]),
            (" a , b, ", ["a", "b"]),
            # As a survey's text area delivers it.
            ("a\nb\n", ["a", "b"]),
            ("- a\n- b", ["a", "b"]),
            ("a", ["a"]),
            ("[]", []),
            (["a", "b"], ["a", "b"]),
            ([], []),
        ],
        "dict": [
            ('{"a": 1}', {"a": 1}),
            ("{a: 1}", {"a": 1}),
            ("a:\n  b: 1", {"a": {"b": 1}}),
            ("a=b", {"a": "b"}),
            ("{}", {}),
            ({"a": 1}, {"a": 1}),
            ({}, {}),
        ],
        "str": [(" 7.5 ", "7.5"), ("true", "true"), ("~/a b ", "~/a b"), (15, "15")],
        "path": [(" /a/b ", "/a/b"), ("~/a", "~/a")],
    }[kind]


@pytest.mark.parametrize(("role", "name", "spec"), VARIABLES)
def test_a_text_of_its_type_comes_out_with_its_type(role, name, spec):
    for given, meant in texts(spec):
        value, problem = settled(role, name, spec, given)
        assert problem == ""
        assert (value, type(value)) == (meant, type(meant)), given


def wrong(spec: dict[str, Any]) -> list[Any]:
    if spec.get("choices"):
        return ["nonsense"]
    return {
        "bool": ["perhaps", [True]],
        "float": ["many", "7,5", [7.5], "nan", "inf", float("-inf")],
        "int": ["many", "3.5", {}],
        "list": ["[a", '["a", "b"', {"a": 1}],
        "dict": ["nothing", "[1]", '{"a": 1', ["a"]],
        "str": [],
        "path": [],
    }[spec["type"]]


@pytest.mark.parametrize(("role", "name", "spec"), VARIABLES)
def test_what_does_not_fit_is_one_sentence_that_names_the_variable(role, name, spec):
    for given in wrong(spec):
        settings, problem = settle({name: spec}, {name: given}, prefix_of(role, name))
        assert settings == {}
        assert name in problem and "\n" not in problem, given


@pytest.mark.parametrize(("role", "name", "spec"), [one for one in VARIABLES if one.values[2].get("required")])
def test_a_variable_that_is_needed_and_empty_is_named(role, name, spec):
    for empty in ("", " ", None):
        assert settled(role, name, spec, empty) == (None, f"missing required arguments: {name}")


@pytest.mark.parametrize(
    ("spec", "given", "told"),
    [
        ({"type": "str", "choices": ["a", "b"]}, "c", ("x_y tem que ser um de: a, b; veio: c", "got: c")),
        ({"type": "str", "choices": ["a", "b"]}, ["a"], ("x_y tem que ser um de: a, b; veio: ['a']", "got: ['a']")),
        (
            {"type": "list", "elements": "str", "choices": ["a", "b"]},
            "a,c",
            ("x_y tem que ser um de: a, b; veio: c", "got: c"),
        ),
        (
            {"type": "float"},
            "7,5",
            ("x_y tem que ser um número, como 7.5; veio: 7,5", "a number, such as 7.5, got: 7,5"),
        ),
        ({"type": "int"}, "3.5", ("x_y tem que ser um número inteiro; veio: 3.5", "a whole number, got: 3.5")),
        ({"type": "dict"}, "SECRET", ("x_y tem que ser um mapeamento", "x_y has to be a mapping")),
        (
            {"type": "list", "elements": "dict"},
            ["SECRET"],
            ("cada item de x_y tem que ser um mapeamento", "each item of x_y has to be a mapping"),
        ),
        (
            {"type": "list"},
            "[a",
            ('x_y não é uma lista: escreva ["a", "b"] ou a,b', 'x_y is not a list: write ["a", "b"]'),
        ),
        ({"type": "str", "required": True}, " ", ("falta informar x_y", "missing required arguments: x_y")),
    ],
)
def test_what_does_not_fit_is_told_in_the_operators_language(spec, given, told):
    portuguese, english = (settle({"x_y": spec}, {"x_y": given}, "x_", locale)[1] for locale in ("pt_BR", "en"))
    assert portuguese == told[0] and told[1] in english and "SECRET" not in portuguese + english


@pytest.mark.parametrize(
    ("spec", "given", "told"),
    [
        ({"type": "str", "required": True, "choices": ["1", "2"]}, "", "falta informar y: -e y=1, -e y=2"),
        ({"type": "bool", "required": True}, "", "falta informar y: -e y=true, -e y=false"),
        ({"type": "str", "choices": ["1", "2"]}, "4", "y tem que ser um de: 1, 2; veio: 4"),
        ({"type": "list"}, "[a", 'y não é uma lista: escreva ["a", "b"] ou a,b'),
    ],
)
def test_what_a_playbook_hands_on_is_named_as_people_type_it(spec, given, told):
    assert settle({"x_y": spec}, {"x_y": given}, "x_", "pt_BR", {"x_y": "y"})[1] == told


def test_a_default_is_not_shared_between_hosts():
    spec = {"x_contacts": {"type": "dict", "default": {"a": []}}}
    settle(spec, {}, "x_")[0]["contacts"]["a"].append(1)
    assert settle(spec, {}, "x_")[0] == {"contacts": {"a": []}}


def test_a_default_that_is_a_mapping_keeps_its_types():
    flags = {"x_flags": {"type": "dict", "default": {"DELIVERY_DISABLE": True}}}
    assert settle(flags, {"x_flags": " "}, "x_")[0] == {"flags": {"DELIVERY_DISABLE": True}}


@pytest.mark.parametrize("given", ['{"password": "hunter2"', "hunter2", ["hunter2"]])
def test_what_is_wrong_with_a_secret_does_not_show_it(given):
    problem = settled("assistant", "runbook_smtp", {"type": "dict", "default": {}}, given)[1]
    assert "runbook_smtp" in problem and "hunter2" not in problem


# ------------------------------------------------------------------ the action as a role uses it

SPECS = {
    "main": {
        "options": {
            "demo_on": {"type": "bool", "default": True},
            "demo_seconds": {"type": "float", "default": 7.5},
            "demo_key": {"type": "str", "default": "", "no_log": True},
            "demo_mode": {"type": "str", "choices": ["a", "b"], "default": "a"},
        }
    },
    "other": {"options": {"demo_paths": {"type": "list", "elements": "str", "default": []}}},
}
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: demo
        rolespec_validate: false
    - ansible.builtin.copy:
        content: "{{ __demo | to_json }}"
        dest: "{{ to }}"
      no_log: true
"""
TASKS = """
- kumon.runbook.settings:
    role: demo
    entries: [main]
- kumon.runbook.settings:
    role: demo
    entries: [other]
"""


@pytest.fixture
def play(tmp_path):
    role = tmp_path / "roles" / "demo"
    for name, text in (
        ("meta/argument_specs.yml", yaml.safe_dump({"argument_specs": SPECS})),
        ("tasks/main.yml", TASKS),
        ("defaults/main.yml", "demo_mode: b\n"),
        ("../../ansible.cfg", ""),
    ):
        (role / name).parent.mkdir(parents=True, exist_ok=True)
        (role / name).write_text(text, encoding="utf-8")

    def run(playbook: str = "play", *typed: str, **given: Any) -> tuple[str, Any]:
        to = tmp_path / "facts.json"
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-vvv", "-i", "localhost,", "-c", "local"]
        command += ["-e", f"to={to}", "-e", f"ansible_python_interpreter={sys.executable}"]
        for text in [*typed, *(json.dumps({name: value}) for name, value in given.items())]:
            command += ["-e", text]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(HERE / ".ansible" / "collections"),
            "ANSIBLE_ROLES_PATH": str(tmp_path / "roles"),
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(tmp_path / "tmp"),
            "HOME": str(tmp_path),
        }
        file = tmp_path / f"{playbook}.yml"
        file.write_text(PLAY, encoding="utf-8")
        ended = subprocess.run(
            [*command, str(file)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=120,
            check=False,
        )
        shown = ended.stdout + ended.stderr
        assert (ended.returncode == 0) is to.exists(), shown
        print(shown)
        return shown, json.loads(to.read_text(encoding="utf-8")) if to.exists() else None

    return run


def test_a_role_finds_its_settings_and_no_secret_is_shown(play):
    shown, facts = play(demo_on="", demo_seconds=" 3 ", demo_key="PLANTEDKEY", demo_mode="  ", demo_paths='["x", "y"]')
    assert facts == {"on": True, "seconds": 3.0, "key": "PLANTEDKEY", "mode": "a", "paths": ["x", "y"]}
    # The command line is the user's own; what the tasks show is ours.
    assert "PLANTEDKEY" not in shown
    assert "the output has been hidden" in shown


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "demo_on tem que ser true ou false; veio: perhaps"),
        ({"runbook_locale": " en "}, "demo_on has to be true or false, got: perhaps"),
        # By the name that was typed, where a playbook hands it on.
        ({"demo_on": "{{ on | default('') }}", "on": "perhaps"}, ": on tem que ser true ou false; veio: perhaps"),
        # The locale itself may be what is wrong.
        ({"runbook_locale": "fr"}, "demo_on tem que ser true ou false; veio: perhaps"),
    ],
)
def test_a_variable_that_does_not_fit_fails_with_its_sentence(play, given, sentence):
    shown, facts = play(**{"demo_on": "perhaps", "demo_key": "PLANTEDKEY", **given})
    assert facts is None
    assert sentence in shown and "PLANTEDKEY" not in shown and "Traceback" not in shown


def test_a_misspelt_variable_is_refused_and_the_one_that_is_meant_named(play):
    shown, facts = play("rollback_level3", demo_key="PLANTEDKEY", rollback_comit="v1")
    assert facts is None
    assert "nenhum procedimento lê rollback_comit: corrija para rollback_commit" in shown


def test_a_value_that_was_cut_at_a_blank_is_warned_of(play):
    shown, facts = play("play", "demo_mode=a b", demo_key="PLANTEDKEY")
    assert facts["mode"] == "a"
    assert "[WARNING]: de -e demo_mode=… só vale o que vem antes do espaço" in shown


def test_a_playbook_that_is_not_ours_may_have_variables_like_ours(play):
    _shown, facts = play("site", demo_key="PLANTEDKEY", rollback_comit="v1")
    assert facts is not None


DESCRIBED = """
- kumon.runbook.settings:
    role: assistant
    entries: [main]
    also: {demo: [main]}
    describe: true
    tells: true
- ansible.builtin.set_fact:
    __demo: "{{ {'target': __assistant_target.service, 'python': __assistant_desk_python, 'demo': __demo,
                'awx': __assistant_in_awx, 'desk': __assistant_desk_problem} }}"
  no_log: true
"""


def test_one_task_does_for_all_and_says_now_that_nobody_is_told(play, tmp_path):
    roles = tmp_path / "roles"
    (roles / "demo" / "tasks" / "main.yml").write_text(DESCRIBED, encoding="utf-8")
    (roles / "assistant").symlink_to(HERE / "roles" / "assistant")
    paths = {"runbook_log_paths": ["/var/log/a.log"], "runbook_desk_host": "localhost"}
    shown, facts = play(
        demo_key="PLANTEDKEY", runbook_health_url="http://127.0.0.1:8000/health?key=PLANTEDKEY", **paths
    )
    assert (facts["target"]["port"], facts["demo"]["key"]) == (8000, "PLANTEDKEY")
    assert facts["python"]
    assert (facts["awx"], facts["desk"]) == (False, "")
    assert "PLANTEDKEY" not in shown
    assert "[WARNING]: runbook_contacts está vazio: informe a quem avisar" in shown
    (tmp_path / "facts.json").unlink()
    _shown, facts = play(awx_job_id=7, demo_key="x", **paths)
    assert facts["awx"] is True and "job 7 do AWX" in facts["desk"]
    (tmp_path / "facts.json").unlink()
    shown, facts = play(**{**paths, "runbook_desk_host": "mesa1"})
    assert facts is None and "runbook_desk_host é mesa1, que não está no inventário" in shown
    shown, facts = play(runbook_health_url="planted", **paths)
    assert facts is None and "runbook_health_url (planted) não é uma URL http: corrija-a" in shown
