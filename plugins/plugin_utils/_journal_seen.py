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
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, outcome


def path_of(directory: str, host: str) -> str:
    """Where a host's head is kept; its name may have any characters."""
    return os.path.join(directory, "journal_heads", f"{quote(host, safe='')}.json")


def seen(path: str) -> dict[str, Any] | None:
    """The head that is kept there; None where nothing is, or nothing that can be read."""
    try:
        head = json.loads(_files.read(path) or b"null")
        return {"seq": int(head["seq"]), "hash": str(head["hash"])}
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def remember(path: str, head: Mapping[str, Any]) -> None:
    """Keep a head, unless a later one is kept. Raises OSError."""
    known = seen(path)
    if known is None or known["seq"] < head["seq"]:
        _files.replace(path, json.dumps({"seq": head["seq"], "hash": head["hash"]}).encode(), mode=0o600)


def journal_heads(hosts: Iterable[str], directory: str) -> dict[str, dict[str, Any]]:
    """The head that the controller has seen last of each host, for what is told without a host being asked."""
    known = {host: seen(path_of(os.path.expanduser(directory), host)) for host in hosts}
    return {host: head for host, head in known.items() if head}


def with_journal(told: Mapping[str, Any], journal: Mapping[str, Any], locale: str = "en") -> dict[str, Any]:
    """An outcome with its host's journal: `{seq, hash, ok, as_seen}`, and a line of its own where it does not hold.

    :param journal: what ``journal_info`` or ``journal_entry`` returned as ``journal``
    """
    head, words = journal["head"], Words(locale, outcome.TEXTS)
    lines = []
    if not journal["ok"]:
        lines.append(words.say("journal_broken", line=journal["line"], reason=sentence(journal["reason"], locale)))
    if journal["as_seen"] is False:
        lines.append(words.say("journal_unlike", reason=sentence(journal["unlike"], locale)))
    kept = {"seq": head["seq"], "hash": head["hash"], "ok": journal["ok"], "as_seen": journal["as_seen"]}
    return {**told, "journal": kept, "lines": [*told["lines"], *lines]}
