# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's guide says what the code has: each playbook, variable, value and quoted output in it exists."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.plugin_utils import words
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import DEPTHS, LEVELS, PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._profiles import PROFILES
from ansible_collections.kumon.runbook.plugins.plugin_utils._result import STATUSES
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
LOCALES = words.LOCALES
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
BREAK_GLASS = ROOT / "roles" / "go_live" / "files" / "runbook-break-glass"
PARTS = {
    "pt_BR": ["Quando", "Comando", "O que você verá", "Se falhar", "Desfazer"],
    "en": ["When", "Command", "What you will see", "If it fails", "Undo"],
}
PAGES = [(locale, path.stem) for locale in LOCALES for path in sorted((GUIDE / locale).glob("*.md"))]
each_page = pytest.mark.parametrize(("locale", "name"), PAGES, ids=[f"{name}-{locale}" for locale, name in PAGES])


def page(locale, name):
    return (GUIDE / locale / f"{name}.md").read_text(encoding="utf-8")


def blocks(text, language):
    """What stands between the fences of one language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def inline(text):
    """What is quoted within a line."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```$", "", text))


def commands(text):
    """The lines that a reader pastes."""
    return [line for block in blocks(text, "bash") for line in block.splitlines()]


def described():
    """Each variable that people set, with the values that it may have where these are named."""
    variables = {}
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            for name, spec in (entry.get("options") or {}).items():
                choices = [str(each) for each in spec.get("choices") or []]
                variables[name] = {"true", "false"} if spec["type"] == "bool" else set(choices)
    # Those that a playbook hands on under a shorter name.
    for path in ROOT.glob("playbooks/*.yml"):
        text = path.read_text(encoding="utf-8")
        for variable, short in re.findall(r"(?m)^\s+(\w+): \"{{ (\w+) \| default\(''\) }}\"$", text):
            variables[short] = variables[variable]
        for short in re.findall(r"(?:serial|hosts): \"{{ (\w+) ", text):
            variables.setdefault(short, set())
    return variables


VARIABLES = described()
TICKS = {
    mark
    for path in (ROOT / "plugins" / "plugin_utils").glob("*.py")
    for mark in re.findall(r'"(\[.\])', path.read_text(encoding="utf-8"))
}
MODULES = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}


def said(locale):
    """All that the collection may say in one language, as patterns: a field stands for anything."""
    patterns = []
    for module in pkgutil.iter_modules(words.__path__, f"{words.__name__}."):
        for text in getattr(importlib.import_module(module.name), "TEXTS", {}).values():
            patterns.append(getattr(text, locale))
    return patterns


FLAGS = {flag for row in PROFILES.values() for level in (1, 2) for flag in row[f"level{level}_flags"]}
SAID = {locale: said(locale) for locale in LOCALES}


def literal(text):
    """The parts of a text that stand in it as they are."""
    return [part for part in re.split(r"{[^{}]*}", text) if re.search(r"[^\W\d_]{2}", part)]


def is_said(locale, quoted):
    """Whether what is quoted is a part of what the collection says."""
    return any(quoted in re.sub(r"{[^{}]*}", "…", text) for text in SAID[locale])


def begins(locale, line):
    """Whether a line begins as a text of the collection does."""
    for text in SAID[locale]:
        pattern = ".*?".join(re.escape(part) for part in re.split(r"{[^{}]*}", text))
        if len("".join(literal(text))) >= 6 and re.match(pattern, line):
            return True
    return False


def knows(locale, line):
    """Whether a line holds words that the collection says, or a flag, beside marks, numbers, paths and names."""
    return any(flag in line.split() for flag in FLAGS) or any(
        all(part in line for part in parts) for text in SAID[locale] if (parts := literal(text))
    )


def test_every_playbook_has_a_page_in_each_language_and_each_page_is_of_one():
    for locale in LOCALES:
        assert sorted(name for of, name in PAGES if of == locale) == sorted([*PLAYBOOKS, "README", "break_glass"])


@each_page
def test_a_page_has_the_parts_of_a_page(locale, name):
    if name == "README":
        return
    text = page(locale, name)
    assert re.findall(r"(?m)^## (.+)$", text) == PARTS[locale]
    assert re.match(rf"# {name}: ", text)
    assert commands(text)
    assert "@@" not in text


def written(text):
    """A page without what was printed, and without its link to the other language."""
    text = re.sub(r"(?ms)^(```text)$.*?^(```)$", r"\1\n\2", text)
    return re.sub(r"\.\./(en|pt_BR)/", "", text)


@pytest.mark.parametrize("name", sorted({name for _locale, name in PAGES}))
def test_both_languages_have_the_same_headings_commands_and_rows(name):
    both = [page(locale, name) for locale in LOCALES]
    for pattern in (
        r"(?m)^(#+) ",
        r"(?m)^(```\w*)$",
        r"(?m)^([-|]|\d+\.)[ |-]",
        r"-e (\w+)[=`]",
        r"\]\(([\w/.]+\.md)\)",
    ):
        shapes = [re.findall(pattern, written(text)) for text in both]
        assert shapes[0] == shapes[1], pattern
    # What a reader puts in by hand is written in capitals, in the language of the page.
    named = [[re.sub(r"\b[A-Z_]{4,}\b", "…", line) for line in commands(text)] for text in both]
    assert named[0] == named[1]


def variables_of(text):
    """Each variable that is set on a command line, with its value; in the text a value may be left open."""
    return re.findall(r"-e (\w+)=('[^']*'|[^\s`;)]+)", text)


@each_page
def test_a_command_names_a_playbook_and_variables_that_there_are(locale, name):
    for line in commands(page(locale, name)):
        words_of = shlex.split(line)
        if words_of[0] == "sudo":
            assert words_of[1] == BREAK_GLASS.name
            assert f"1:{words_of[2]}" in BREAK_GLASS.read_text(encoding="utf-8")
            continue
        assert words_of[0] == "ansible-playbook", line
        at = 3 if words_of[1:3] == ["-i", "hosts.yml"] else 1
        assert re.sub(r"^kumon\.runbook\.", "", words_of[at]) in PLAYBOOKS, line
        options = [word for word in words_of[at + 1 :] if word.startswith("-")]
        assert set(options) <= {"-e", "--check", "--diff"}, line


@each_page
def test_a_variable_that_is_set_exists_and_takes_that_value(locale, name):
    for variable, value in variables_of(page(locale, name)):
        assert variable in VARIABLES, variable
        for one in value.rstrip(",").split(","):
            assert not VARIABLES[variable] or one in VARIABLES[variable] | {"…"}, f"{variable}={value}"


@each_page
def test_what_is_quoted_exists(locale, name):
    text = page(locale, name)
    own = BREAK_GLASS.read_text(encoding="utf-8") if name == "break_glass" else ""
    task = re.search(
        r"Conclude \| (Show .*)", (ROOT / "roles/assistant/tasks/conclude.yml").read_text(encoding="utf-8")
    )
    files = {task[1], "→", "…", "hosts.yml", ".html", "refs/runbook/rescue/", "sudo", "pip install matplotlib"}
    files.add("pip install icalendar recurring-ical-events")
    # The shell takes such quotes, and Ansible cuts the value at its first blank.
    assert not re.search(r"-e \w+='", text)
    for quoted in inline(text):
        if re.match(r"-e \"?\w+=|--(check|diff|limit)\b", quoted) or quoted in files | TICKS:
            continue
        if re.fullmatch(r"[a-z][a-z0-9_]*(=\w+)?", quoted):
            known = {*VARIABLES, *MODULES, *PLAYBOOKS, *STATUSES, *CAUSES}
            if quoted.partition("=")[0] in known:
                continue
        assert is_said(locale, quoted) or quoted in own, quoted


@each_page
def test_an_output_that_is_shown_is_made_of_words_of_the_collection(locale, name):
    own = BREAK_GLASS.read_text(encoding="utf-8") if name == "break_glass" else ""
    for block in blocks(page(locale, name), "text"):
        lines = block.splitlines()
        if own:
            own = own.replace("'\\''", "'")
            assert lines.pop(0).removeprefix("$ ") in commands(page(locale, name))
            # A line of both languages: one of its parts is without a value.
            known = [any(part in own for part in re.split(r" / |: ", line)) for line in lines]
            assert all(known), lines[known.index(False)]
            continue
        # One screen for several hosts begins with the host, and one of many looks with the time.
        assert begins(locale, re.sub(r"^(\S+Z )?demo:? ", "", lines[0])), lines[0]
        for line in lines:
            following = re.match(r"→ ansible-playbook -i hosts\.yml kumon\.runbook\.(\w+)", line)
            if following:
                assert following[1] in PLAYBOOKS, line
            else:
                # What was cut, a path, or a line of the assistant's own log.
                assert re.fullmatch(r"…|\S*/\S+|\s+\S+Z \w+\|\S+|", line) or knows(locale, line), line


@pytest.mark.parametrize("locale", LOCALES)
def test_the_index_names_each_page_with_the_budget_of_the_code(locale):
    text = page(locale, "README")
    rows = dict(re.findall(r"(?m)^\| \[(\w+)\]\(\1\.md\) \| ([^|]+) \|", text))
    assert sorted(rows) == sorted(name for of, name in PAGES if of == locale and name != "README")
    for name, row in PROCEDURES.items():
        if row.budget is not None:
            assert rows[name] == f"{row.budget:g} s", name
    assert rows["diagnose"] == ", ".join(f"{seconds:g} s" for seconds in DEPTHS.values())
    assert rows["roll_forward"] == ", ".join(f"{PROCEDURES[LEVELS[level]].budget:g} s" for level in sorted(LEVELS))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_decision_has_ten_lines(locale):
    assert re.findall(r"(?m)^(\d+)\. ", page(locale, "README")) == [str(n) for n in range(1, 11)]


@each_page
def test_a_link_leads_somewhere(locale, name):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page(locale, name)):
        assert (GUIDE / locale / target).exists(), target
