# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment file: systemd's grammar, foreign bytes kept, replaced at once or not at all."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _envfile


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", {}),
        (b"A=1\nB=two words  \n", {"A": "1", "B": "two words"}),
        (b"  A = 1\n", {"A": "1"}),
        (b"# A=1\n; B=2\nC=3", {"C": "3"}),
        (b"A=\"x y\"'z'\n", {"A": "x yz"}),
        (b"A='it\nspans'\nB=2\n", {"A": "it\nspans", "B": "2"}),
        (b'A="a\\"b\\n"\n', {"A": 'a"b\\n'}),
        (b"A=one\\\ntwo\nB=2\n", {"A": "onetwo", "B": "2"}),
        (b"A=one \\\n\nB=\\\n 2 \n", {"A": "one ", "B": " 2"}),
        (b"A='1\nB=2", {"A": "1\nB=2"}),
        (b'B=2\nA="1\\', {"A": "1", "B": "2"}),
        (b"# comment \\\nA=1\nB=2\n", {"B": "2"}),
        (b"A=1\nA=2\n", {"A": "2"}),
        (b"A=1\r\nB=#2\r\n", {"A": "1", "B": "#2"}),
        (b"no assignment\nA=\n", {"A": ""}),
        (b"A=caf\xc3\xa9 \xff\n", {"A": "café \udcff"}),
    ],
)
def test_reads_what_systemd_reads(text, found):
    assert _envfile.parse(text) == found


def test_what_no_environment_can_hold_is_told_by_its_line():
    text = b"# one\nA=1\n==old==\nB=\0\nC='x\n'\nD=2"
    assert _envfile.parse(text) == {"A": "1", "C": "x\n", "D": "2"}
    assert _envfile.impossible(text) == [3, 4]
    assert _envfile.edit(b"FLAG=true\0\n", {"FLAG": "true"}) == b"FLAG=true\n"


def test_a_missing_file_declares_nothing():
    assert _envfile.parse(None) == {}


FOREIGN = b"# mine \xff\nSECRET='a b'\n\n  DELIVERY_DISABLE = no\t\nOTHER=1 \\\n 2\n"


def test_foreign_lines_stay_byte_for_byte():
    assert _envfile.edit(FOREIGN, {"DELIVERY_DISABLE": "true", "NEW": "x"}) == (
        b"# mine \xff\nSECRET='a b'\n\nDELIVERY_DISABLE=true\nOTHER=1 \\\n 2\nNEW=x\n"
    )
    assert _envfile.edit(FOREIGN, {"DELIVERY_DISABLE": None}) == b"# mine \xff\nSECRET='a b'\n\nOTHER=1 \\\n 2\n"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (FOREIGN, {"DELIVERY_DISABLE": "false"}),
        (b"A=1\n", {"A": "true"}),
        (b"A=1\n", {"B": None}),
        (None, {"A": None}),
    ],
)
def test_what_is_right_already_is_not_touched(text, flags):
    assert _envfile.edit(text, flags) is text


def test_of_two_assignments_one_is_left():
    assert _envfile.edit(b"A=x\nB=2\nA=y\n", {"A": "z"}) == b"B=2\nA=z\n"
    assert _envfile.edit(b"A=x\nB=2\nA=y\n", {"A": None}) == b"B=2\n"


@pytest.mark.parametrize("text", [b"X=1", b"X=1\\", b"# end", b"# end\\", b"# end\\\n", b"X=1\\\n"])
def test_nothing_before_it_swallows_a_new_line(text):
    edited = _envfile.edit(text, {"A": "true"})
    assert edited.startswith(text)
    assert _envfile.parse(edited)["A"] == "true"


@pytest.mark.parametrize("text", [b"X='open\n", b'X="open\n', b'X="open\\'])
def test_an_open_quote_is_refused(text):
    with pytest.raises(ValueError, match="^a quoted value has no end: close the quote$"):
        _envfile.edit(text, {"A": "true"})
    # Its own has taken in the lines after it.
    with pytest.raises(ValueError, match="close the quote"):
        _envfile.edit(text.replace(b"X", b"A"), {"A": "true"})


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (None, None), (3, "3"), (0.5, "0.5"), ("", ""), ("a b=c", "a b=c"), ("ç", "ç")],
)
def test_values_as_text(value, text):
    assert _envfile.render("FLAG_2", value) == text


@pytest.mark.parametrize("name", ["delivery", "2A", "A-B", "", "A B", "_A", "A\n", "É"])
def test_flag_names_are_checked(name):
    with pytest.raises(ValueError) as caught:
        _envfile.render(name, "x")
    assert str(caught.value) == (
        f"flag name {name!r} is not valid: use capital letters, digits and _, e.g. DELIVERY_DISABLE"
    )


@pytest.mark.parametrize("value", ["a\nB=1", "a\rb", "a\0b", "'a'", '"a"', "a\\", " a", "a ", "\x1b[1m", "\udcff"])
def test_values_that_would_be_read_differently_are_refused(value):
    with pytest.raises(ValueError) as caught:
        _envfile.render("A", value)
    assert str(caught.value) == (
        "the value of flag A is not valid: it must hold no line break, control character, quote or backslash, "
        "and no blank at its ends"
    )


def test_a_value_of_another_type_is_refused():
    with pytest.raises(ValueError, match="^the value of flag A must be text, a number or a boolean, not list$"):
        _envfile.render("A", ["x"])


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ("1", "true", True),
        ("YES", "true", True),
        (" true", "true", False),
        ("0", "false", True),
        ("", "false", True),
        (None, "false", False),
        (None, None, True),
        ("false", None, False),
        ("x", "X", False),
        ("on", "on", True),
    ],
)
def test_flags_are_compared_as_the_assistant_reads_them(found, wanted, same):
    assert _envfile.same(found, wanted) is same
