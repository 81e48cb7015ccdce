# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Portuguese operator reads no English where a module refuses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.refusals import TEXTS
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.refusals.service import SYSTEM

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
# What does not fit in the settings is found before any module runs.
SETTINGS = [
    *(PLUGINS / "module_utils" / name for name in ("_contacts.py", "_when.py")),
    *(PLUGINS / "plugin_utils" / f"_{name}.py" for name in ("calendar", "description", "gate", "hours", "profiles")),
]
SOURCES = sorted({*(PLUGINS / "modules").glob("*.py"), *(PLUGINS / "module_utils").rglob("*.py"), *SETTINGS})
TREES = {source: ast.parse(source.read_text(encoding="utf-8")) for source in SOURCES}
RAISED = ("Refused", "Failed", "Stopped", "SourceError", "GitFailed", "InContainer", "Held")


def written(node: ast.expr) -> str | None:
    """A text as it stands in the code, with a word of its own for each of its fields."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"<{number}>"
            for number, part in enumerate(node.values)
        )
    return None


def raised() -> Iterator[tuple[str, str]]:
    for source, tree in TREES.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and call.args:
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                text = written(call.args[0]) if name in RAISED else None
                # Where all words are somebody else's there is nothing to tell in another language.
                if text and len(re.findall(r"[a-z]{2,}", re.sub(r"<\d+>", "", text))) > 1:
                    yield f"{source.stem}:{call.lineno}", text


def test_no_two_rows_say_the_same():
    english = [re.sub(r"\{\w+\}", "{}", row.en) for row in TEXTS.values()]
    assert sorted(english) == sorted(set(english))


def test_each_sentence_that_a_module_raises_is_there_in_portuguese():
    known = list(raised())
    assert len(known) > 200
    assert [where for where, text in known if sentence(text, "pt_BR") == " ".join(text.split())] == []


def test_each_sentence_on_the_settings_is_there_in_portuguese():
    told = []
    for source in SETTINGS:
        nodes = list(ast.walk(TREES[source]))
        inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        inside |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # what documents the code
        texts = (written(node) for node in nodes if isinstance(node, ast.expr) and id(node) not in inside)
        told += [text for text in texts if text and len(re.findall(r"(?<![\w<])[a-z]{2,}[ ,;:]", text)) > 2]
    assert len(told) > 40
    assert [text for text in told if sentence(text, "pt_BR") == text] == []


def test_no_row_has_outlived_its_sentence():
    texts = [
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    said = "\n".join(texts)
    parts = {
        part.strip()
        for row in set(TEXTS.values()) - set(SYSTEM)
        for part in re.split(r"\{\w+\}|(?<=\.) ", row.en)
        if len(part.strip()) > 3
    }
    assert len(parts) > 300
    assert sorted(part for part in parts if part not in said) == []


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        (
            "unit kumon does not exist on this host (near matches: kumon-x.service): correct runbook_service_name",
            "a unit kumon não existe neste host (parecidas: kumon-x.service): corrija runbook_service_name",
        ),
        (
            "/var/log/a.log cannot be read (Permission denied): run with become: true",
            "/var/log/a.log não pode ser lido (permissão negada): rode com become: true",
        ),
        (
            "cannot read the log /a: permission denied; run with become: true, or let the login user read it",
            "o log /a não pode ser lido: permissão negada; rode com become: true, ou deixe o usuário de login lê-lo",
        ),
        (
            "commit 0123456789ab is not in place: kumon.service did not come back (unit kumon.service is failed "
            "(failed), result exit-code) Returned to commit ba9876543210 (branch main), which is up. What was there "
            "before is kept under refs/runbook/rescue/7.",
            "o commit 0123456789ab não está no lugar: kumon.service não voltou (a unit kumon.service está failed "
            "(failed), resultado exit-code) De volta a commit ba9876543210 (branch main), que está no ar. O que havia "
            "antes está guardado em refs/runbook/rescue/7.",
        ),
        (
            "the calendar could not be fetched: no answer within 5.0 s",
            "o calendário não pôde ser buscado: sem resposta em 5.0 s",
        ),
        (
            "kumon did not come back (gone) The network fence stands: no message leaves.",
            "kumon não voltou (gone) A cerca de rede está de pé: nenhuma mensagem sai.",
        ),
        (
            "runbook_contacts.technical, tier 2, channel 1: timeout is 'x'; it must be above 0 and at most 60 seconds",
            "runbook_contacts.technical, nível 2, canal 1: timeout é 'x'; tem que ser maior que 0 e no máximo 60 "
            "segundos",
        ),
        (
            "runbook_health_url (localhost:8000) is not an http URL: correct it, or set it to none to prove without "
            "health",
            "runbook_health_url (localhost:8000) não é uma URL http: corrija-a, ou defina-a como none para provar sem "
            "o health",
        ),
    ],
)
def test_a_sentence_is_told_with_what_is_filled_into_it(english, portuguese):
    assert sentence(english, "pt_BR") == portuguese
    assert sentence(english, "en") == english


@pytest.mark.parametrize("text", ["Failed to do {what}", "{0}", "", "x" * 3000, "o que já é português: veja o log"])
def test_what_is_not_known_stays_as_it_is(text):
    assert sentence(text, "pt_BR") == text


def texts_in(node: ast.AST) -> Iterator[str]:
    text = written(node) if isinstance(node, ast.expr) else None
    if text is not None:
        yield text
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts_in(child)


def names_warnings(node: ast.expr) -> bool:
    return str(getattr(node, "attr", getattr(node, "id", ""))).endswith(("warning", "warnings"))


def warned() -> Iterator[tuple[str, str]]:
    for source in SOURCES:
        for node in ast.walk(TREES[source]):
            told: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and names_warnings(node.func.value):
                told = node.args
            elif isinstance(node, (ast.Assign, ast.AugAssign)):
                goals = node.targets if isinstance(node, ast.Assign) else [node.target]
                told = [node.value] if any(map(names_warnings, goals)) else []
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "some":
                told = node.args[:1]
            elif isinstance(node, ast.For) and "some(" in ast.unparse(node):
                told = [row.elts[0] for row in getattr(node.iter, "elts", []) if isinstance(row, ast.Tuple)]
            for text in (text for one in told for text in texts_in(one)):
                if len(re.findall(r"[a-z]{2,}", re.sub(r"<\d+>", "", text))) > 1:
                    yield f"{source.stem}: {text}", text


def test_each_warning_is_there_in_portuguese():
    known = list(warned())
    assert len(known) > 45
    # Those of the release name at their end what they are about.
    ways = {where: (text, f"{text} a, b and 2 more") for where, text in known}
    assert [where for where, texts in ways.items() if all(sentence(text, "pt_BR") == text for text in texts)] == []
