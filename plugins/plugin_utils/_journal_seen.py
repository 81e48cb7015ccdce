# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this controller last saw of each host's journal.

A chain of hashes shows what was changed or taken out in the middle, and cannot show that its newest entries were cut
off or that all of it was written anew. Who has seen its head before can: so the controller keeps it, and messages,
results and reports name it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, outcome

NAME = "journal_heads.json"
_LOCK_SECONDS = 2.0


def heads(directory: str) -> dict[str, Any]:
    """The heads by host; none where nothing is kept, or nothing that can be read."""
    try:
        found = json.loads(_files.read(os.path.join(directory, NAME)) or b"{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(directory: str, host: str, head: Mapping[str, Any]) -> None:
    """Keep a host's head, unless a later one is kept. Raises OSError."""
    path = os.path.join(directory, NAME)
    with _files.locked(f"{path}.lock", _LOCK_SECONDS):
        known = heads(directory)
        if (known.get(host) or {}).get("seq", 0) < head["seq"]:
            known[host] = {"seq": head["seq"], "hash": head["hash"]}
            _files.replace(path, json.dumps(known, indent=1, sort_keys=True).encode(), mode=0o600)


def with_journal(told: Mapping[str, Any], journal: Mapping[str, Any], locale: str = "en") -> dict[str, Any]:
    """An outcome with its host's journal: `{seq, hash, ok, as_seen}`, and a line of its own where it does not hold.

    :param journal: what ``journal_info`` or ``journal_entry`` returned as ``journal``
    """
    head, words = journal["head"], Words(locale, outcome.TEXTS)
    lines = []
    if not journal["ok"]:
        lines.append(words.say("journal_broken", line=journal["line"], reason=journal["reason"]))
    if journal["as_seen"] is False:
        lines.append(words.say("journal_unlike", reason=journal["unlike"]))
    kept = {"seq": head["seq"], "hash": head["hash"], "ok": journal["ok"], "as_seen": journal["as_seen"]}
    return {**told, "journal": kept, "lines": [*told["lines"], *lines]}
