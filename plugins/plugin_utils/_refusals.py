# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences with which modules refuse, fail and warn, in the operator's language. Modules speak English, as all
do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, Both
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.refusals import TEXTS

_FIELD = re.compile(r"\{(\w+)\}")
# A module's sentence is shorter; in a longer text patterns would take their time.
_LONGEST = 2000


def sentence(message: object, locale: str) -> str:
    """Return a module's sentence in `locale`; one that is not known, or has nothing to say, as it is.

    What is filled into a sentence can be one of these too: a path stays, the reason beside it is told in words.
    """
    text = " ".join(str(message or "").split())
    if locale == "en" or not text or len(text) > _LONGEST:
        return text
    return _in_locale(text, LOCALES.index(locale))


def warnings_of(result: Mapping[str, Any], locale: str) -> list[str]:
    """Return what a module of ours has warned of, and not what ansible-core warns of in its result."""
    texts = [" ".join(str(text).split()) for text in result.get("warnings") or []]
    ours = (
        text for text in texts if len(text) <= _LONGEST and any(known.fullmatch(text) for known, _row in _patterns())
    )
    return [sentence(text, locale) for text in ours]


def _in_locale(text: str, language: int) -> str:
    for pattern, row in _patterns():
        known = pattern.fullmatch(text)
        if known:
            fields = {name: _in_locale(value, language) if value else "" for name, value in known.groupdict().items()}
            return row[language].format(**fields)
    return text


@cache
def _patterns() -> list[tuple[re.Pattern[str], Both]]:
    """Each row with the pattern of its English sentence. The one with most words of its own is looked at first."""
    rows = sorted(TEXTS.values(), key=lambda row: -len(_FIELD.sub("", row.en)))
    return [(re.compile(_pattern(row.en)), row) for row in rows]


def _pattern(text: str) -> str:
    parts = _FIELD.split(text)  # text and name of a field, by turns
    return "".join(f"(?P<{part}>.*?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
