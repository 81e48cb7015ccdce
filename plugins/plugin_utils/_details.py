# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen when something was looked at, `{code, fields}`, in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, details, health, smoke_test

_OF_A_SMOKE_TEST = {key[len("detail_") :]: text for key, text in smoke_test.TEXTS.items() if key.startswith("detail_")}


def in_words(seen: Any, locale: str) -> str:
    """Return a detail, or several, in words. A text, of a server or a system, stays as it is."""
    if isinstance(seen, (list, tuple)):
        return ", ".join(in_words(one, locale) for one in seen)
    if not isinstance(seen, Mapping):
        return str(seen)
    if not seen:
        return ""
    words = Words(locale, details.TEXTS, _OF_A_SMOKE_TEST)
    fields = {name: _shown(value, words) for name, value in (seen.get("fields") or {}).items()}
    if "why" in fields:
        # A module's own sentence.
        fields["why"] = sentence(fields["why"], locale)
    code = str(seen.get("code"))
    return words.say(code, **fields) if code in words else f"{code} {json.dumps(fields, sort_keys=True)}"


def health_in_words(answer: Mapping[str, Any], locale: str) -> str:
    """Return what the health endpoint answered, in words: the module has its own in English."""
    words, key = Words(locale, health.TEXTS), f"answer_{answer.get('status')}"
    fields = {"http": answer.get("http"), "said": answer.get("said")}
    return words.say(key, **fields) if locale != "en" and key in words else str(answer.get("detail"))


def finding_in_words(finding: Mapping[str, Any], locale: str) -> str:
    """Return what is wrong with the gateway, in words: the module has its own in English."""
    return in_words(finding["reason"], locale) if finding.get("reason") else str(finding.get("message"))


def _shown(value: Any, words: Words) -> Any:
    if isinstance(value, float):
        return words.decimal(f"{value:g}")
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
