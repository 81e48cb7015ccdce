# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as data: the target says which of the known sentences is meant, the controller says it in words.

The sentences stand in `plugin_utils/words/details.py`, one for each code that is used here.
"""

from __future__ import annotations

from typing import TypedDict, Union

Field = Union[str, int, float, list[str]]


class Detail(TypedDict):
    """One sentence: its code, and what is filled into it."""

    code: str
    fields: dict[str, Field]


class Proof(TypedDict):
    """One thing that was looked at: whether it proves what is wanted, and what was seen."""

    proof: str
    had: bool | None  # None where it says neither
    detail: Detail


def detail(code: str, **fields: Field) -> Detail:
    """The sentence `code` with these fields; a literal code, so that a test can hold it against its words."""
    return {"code": code, "fields": fields}
