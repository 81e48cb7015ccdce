# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as a person writes them: ``15m``, ISO 8601.

All times inside the collection are seconds since the epoch (float); what leaves it is ISO 8601 in UTC.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)$")
_AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# From the year 1 to 9999, in which alone there are dates.
_EARLIEST, _LATEST = -62135596800.0, 253402300799.999
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?$")


def parse_when(text: str, now: float) -> float:
    """Return the moment that ``text`` names, as seconds since the epoch.

    ``text`` is an age before ``now`` (``90s``, ``15m``, ``2h``, ``1d``) or ISO 8601; without a zone it is UTC, as
    all times that this collection prints. Raises :class:`ValueError` with a sentence for anything else.
    """
    text = text.strip()
    age = _AGE.match(text)
    if age:
        ago = now - float(age.group(1)) * _AGE_SECONDS[age.group(2)]
        if ago < _EARLIEST:
            raise ValueError(f"'{text[:40]}' is longer ago than any calendar knows")
        return ago
    if _ISO.match(text):
        # Python 3.9 and 3.10 read neither "Z", nor "+0300", nor fractions of other than 3 or 6 digits.
        iso = re.sub(r"Z$", "+00:00", text.replace(",", "."))
        iso = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", iso) if len(iso) > 10 else iso
        iso = re.sub(r"\.(\d+)", lambda m: "." + m.group(1)[:6].ljust(6, "0"), iso)
        try:
            moment = datetime.fromisoformat(iso)
        except ValueError as error:
            raise ValueError(f"'{text}' is no valid time: {error}") from error
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
        if not _EARLIEST <= seconds <= _LATEST:  # in UTC
            raise ValueError(f"'{text}' is beyond what any calendar knows")
        return seconds
    raise ValueError(f"'{text}' is neither an age such as 15m or 2h nor an ISO 8601 time such as 2026-11-22T10:12:00Z")


def iso(moment: float | None, timespec: str = "milliseconds") -> str | None:
    """Return ``moment`` as ISO 8601 in UTC (``2026-11-22T10:12:10.816Z``), or None for None."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec=timespec).replace("+00:00", "Z")


def iso_minute(minute: int) -> str:
    """Return minute number ``minute`` since the epoch as ``2026-11-22T10:12Z``."""
    return datetime.fromtimestamp(minute * 60, timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
