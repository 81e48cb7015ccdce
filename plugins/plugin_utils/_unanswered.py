# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for an answer: the counts that everybody may see, and the list for the people who call back. Pure.

The rows hold phone numbers. They go into the file on the desk and nowhere else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, TypedDict, cast

from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import count, mapping, number, sequence
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import doubts
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import unanswered as _texts

COLUMNS = ("host", "conversation", "phone", "since", "minutes", "messages", "again", "person")
# What a spreadsheet takes for the beginning of a formula, also in its wide form.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001
# What WhatsApp calls who hides his number, a group or a channel is nobody's number.
_PHONE = re.compile(
    r"(?<![0-9A-Za-z-])[0-9]{10,15}(?![0-9A-Za-z-])(?!(?::[0-9]{1,4})?@(?:lid|g\.us|newsletter|broadcast)\b)"
)
# Neither is a time: a date with its clock, or milliseconds, which begin as North America's numbers do and are longer.
_NO_PHONE = re.compile(
    r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]\Z"
    r"|1[0-9]{11,14}\Z"
)
_BRAZILIAN = re.compile(r"(55)([1-9][0-9])([0-9]{4,5})([0-9]{4})\Z")


class Told(TypedDict):
    """What may be shown: counts."""

    n: int
    longest_wait_seconds: float | None
    wrote_again: int
    unlisted: int
    since: str | None
    doubts: list[str]


class Waiting(TypedDict):
    told: Told
    rows: list[dict[str, Any]]


def unanswered(traces: Any, locale: str = "en") -> Waiting:
    """Return who waits for an answer by one host's `traces`, which have to be measured without redaction.

    :returns: ``{told, rows}``. ``told`` is ``{n, longest_wait_seconds, wrote_again, unlisted, since, doubts}``: counts,
        when the measurement begins, and why more may wait than it shows. ``rows`` are
        ``{conversation, since, wait_seconds, messages}``
    :raises ValueError: for traces of another shape
    """
    known = mapping(traces, "traces")
    waiting = mapping(known.get("unanswered") or {}, "traces.unanswered")
    rows = [mapping(row, "Each of traces.unanswered.keys") for row in sequence(waiting.get("keys") or [], "keys")]
    n = count(waiting.get("n") or 0, "traces.unanswered.n")
    covered = ((known.get("evidence") or {}).get("covered")) or {}
    begins = [str(moment) for moment in ((known.get("window") or {}).get("since"), covered.get("first")) if moment]
    longest = waiting.get("longest_wait_seconds")
    return {
        "told": {
            "n": n,
            "longest_wait_seconds": None if longest is None else number(longest, "longest_wait_seconds"),
            "wrote_again": sum(_messages(row) > 1 for row in rows),
            "unlisted": max(0, n - len(rows)),
            "since": max(begins, default=None),
            "doubts": doubts(cast(Traces, known), locale),
        },
        "rows": rows,
    }


def unanswered_list(hosts: Any, locale: str = "en") -> str:
    """Return the rows of all hosts as CSV, the longest wait first; empty when there is none.

    :param hosts: what :func:`unanswered` returned, by host
    """
    words = Words(locale, _texts.TEXTS)
    by_host = [(str(host), row) for host, waiting in mapping(hosts, "hosts").items() for row in waiting["rows"]]
    if not by_host:
        return ""
    by_host.sort(key=lambda entry: -(entry[1].get("wait_seconds") or 0.0))
    # Where the comma is the decimal sign a spreadsheet expects semicolons.
    text = io.StringIO()
    writer = csv.writer(text, delimiter=words.say("separator"), quoting=csv.QUOTE_ALL)
    writer.writerow([words.say(f"column_{name}") for name in COLUMNS])
    for host, row in by_host:
        writer.writerow([cell(value) for value in _cells(host, row, words)])
    return text.getvalue()


def _cells(host: str, row: Mapping[str, Any], words: Words) -> list[Any]:
    conversation, seconds = str(row.get("conversation") or ""), row.get("wait_seconds")
    return [
        host,
        conversation,
        phone_of(conversation),
        row.get("since") or "",
        "" if seconds is None else int(seconds // 60),
        _messages(row),
        words.say("yes" if _messages(row) > 1 else "no"),
        # No grammar says of a message of our own to whom it went, so an answer by a person is not seen.
        words.say("not_known"),
    ]


def _messages(row: Mapping[str, Any]) -> int:
    return count(row.get("messages") or 0, "messages")


def phone_of(conversation: str) -> str:
    """The phone number in a conversation's id, spaced so that a spreadsheet takes it for text; empty without one."""
    digits = next((number for number in _PHONE.findall(conversation) if not _NO_PHONE.match(number)), "")
    if not digits:
        return ""
    brazilian = _BRAZILIAN.match(digits)
    if brazilian:
        country, area, first, last = brazilian.groups()
        return f"{country} {area} {first}-{last}"
    return f"{digits[:-8]} {digits[-8:-4]} {digits[-4:]}"


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet takes for a formula, and that hides nothing."""
    if not isinstance(value, str):
        return value
    text = "".join(char if char.isprintable() else "?" for char in value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
