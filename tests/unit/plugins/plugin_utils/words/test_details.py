# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every sentence that a module can mean has its words in both languages, with the same fields."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, details

MODULE_UTILS = Path(__file__).parents[5] / "plugins" / "module_utils"


def fields_of(text):
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}


def used():
    """`(file:line, code, fields)` of each call of `detail`; code None where it is no literal."""
    for path in sorted(MODULE_UTILS.glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", getattr(node.func, "attr", "")) != "detail":
                continue
            literal = len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
            yield (
                f"{path.name}:{node.lineno}",
                node.args[0].value if literal else None,
                {keyword.arg for keyword in node.keywords},
            )


def test_calls_are_seen():
    assert {"declared", "processes", "head", "needs_longer", "no_good_release"} <= {
        code for _at, code, _fields in used()
    }


@pytest.mark.parametrize(("at", "code", "fields"), [pytest.param(*call, id=call[0]) for call in used()])
def test_what_a_module_means_has_words_with_its_fields(at, code, fields):
    assert code in details.TEXTS, f"{at}: give detail() a literal code that words/details.py has"
    assert fields == fields_of(details.TEXTS[code].en), at


@pytest.mark.parametrize("code", details.TEXTS)
def test_both_languages_have_the_same_fields(code):
    portuguese, english = details.TEXTS[code]
    assert fields_of(portuguese) == fields_of(english)


def test_a_detail_is_told_in_words():
    detail = {"code": "processes_lack", "fields": {"pids": ["12", "13"], "flags": ["DELIVERY_DISABLE"]}}
    assert [in_words(detail, locale) for locale in LOCALES] == [
        "processo 12, 13 não tem DELIVERY_DISABLE",
        "process 12, 13 lacks DELIVERY_DISABLE",
    ]
    assert in_words({}, "en") == ""


def test_nobodys_words_are_left_over():
    """Those of the controller's own proofs are used in plugin_utils."""
    own = {
        code
        for code in details.TEXTS
        if code.startswith(("log_", "compared_", "fence_stands", "fence_held", "fence_proxied"))
    }
    assert set(details.TEXTS) - own == {code for _at, code, _fields in used()}
