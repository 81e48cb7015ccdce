# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subject and body of a message: the text that was rendered with the news, and what is known only when it is sent.

The controller renders the texts (the words lie in plugin_utils); a later run sends them again and again. What differs
each time stands in them as a mark.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._due import DueMessage
from ansible_collections.kumon.runbook.plugins.module_utils._incident_state import Incident
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when

MARK_ELAPSED, MARK_BY, MARK_TIER = "⟦elapsed⟧", "⟦by⟧", "⟦tier⟧"

_MARK_ETA = re.compile("⟦eta:([^|⟧]*)[|]([^⟧]*)⟧")
_SUBJECT_LENGTH = 200


class Text(NamedTuple):
    """What one message says."""

    subject: str
    body: str


def mark_eta(given_at: str, otherwise: str) -> str:
    """The mark of the ETA that a person gave, followed by `given_at` and when; `otherwise` when nobody gave one."""
    return f"⟦eta:{given_at}|{otherwise}⟧"


def fill_in(message: DueMessage, incident: Incident, locale: str, now: float) -> Text:
    """The text of a message as it is sent now; its first line is the subject.

    :param locale: the language where the tier names none
    """
    texts = incident["texts"].get(message["audience"], {}).get(message["locale"] or locale, {})
    text = texts.get(message["kind"]) or f"{incident['id']}: {message['kind']}"
    eta, acknowledged = incident["eta"], incident["acknowledged"]
    minutes = max(0, int((now - parse_when(incident["opened"], now)) // 60))
    text = text.replace(MARK_ELAPSED, f"{minutes} min")
    text = text.replace(MARK_BY, acknowledged["by"] if acknowledged else "-")
    text = text.replace(MARK_TIER, str(message["tier"]))
    text = _MARK_ETA.sub(lambda mark: f"{eta['text']} ({mark.group(1)} {eta['time']})" if eta else mark.group(2), text)
    subject, _line, body = redact(text).strip().partition("\n")
    return Text(" ".join(subject.split())[:_SUBJECT_LENGTH], body.strip())
