# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on call by a calendar: a file or a feed in iCalendar format, as rows of from, to and name.

The feed's address is a key: nothing that is said of it holds any of it. Nor does what the calendar holds beside names.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _http
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso

LIBRARIES = ("icalendar", "recurring-ical-events")
NAME_LENGTH = 60
# Where the times of an entry stand that has been read wrongly where one of them was.
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")

Row = dict[str, str]


def on_call(params: dict[str, Any]) -> dict[str, Any]:
    """Return the calendar's `rows` with a part of the time between `begin` and `end`, and how many `entries` it has.

    Raises Refused with one sentence where it cannot be read, or not within `seconds`.
    """
    seconds = params["seconds"]
    try:
        # A server can be slow, and a rule such that nobody comes to its end.
        calendar: dict[str, Any] = _http.within(seconds, lambda: _rows(_read(params["source"], seconds), params))
    except TimeoutError:
        raise Refused(f"the calendar could not be read within {seconds:g} s") from None
    return calendar


def _read(source: str, seconds: float) -> str:
    scheme, colon, rest = source.partition("://")
    if not colon:
        return _of_file(source)
    # What calendars call a feed that is fetched by https.
    answer = _http.get_text(f"https://{rest}" if scheme == "webcal" else source, seconds)
    if answer.kind == "not_json":
        raise Refused(f"the calendar's address answers with what is no calendar: {answer.detail}")
    if answer.kind != "ok":
        raise Refused(f"the calendar could not be fetched: {answer.detail}")
    return str(answer.json)


def _of_file(path: str) -> str:
    try:
        with open(os.path.expanduser(path), "rb") as stream:
            content = stream.read(_http.LIST_LIMIT + 1)
    except OSError as exc:
        raise Refused(f"the calendar's file cannot be read ({exc.strerror})") from exc
    if len(content) > _http.LIST_LIMIT:
        raise Refused(f"the calendar's file has more than {_http.LIST_LIMIT // _http.BODY_LIMIT} MiB")
    return content.decode("utf-8", "replace")


def _library(name: str) -> Any:
    # Late: only who has a calendar needs them.
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        wanted = " ".join(LIBRARIES)
        raise Refused(f"the controller lacks the library {exc.name or name}: pip install {wanted} there") from exc


def _rows(text: str, params: dict[str, Any]) -> dict[str, Any]:
    icalendar, recurring = _library("icalendar"), _library("recurring_ical_events")
    begin, end = (datetime.fromtimestamp(params[name], timezone.utc) for name in ("begin", "end"))
    if not text.lstrip("\ufeff \r\n").startswith("BEGIN:VCALENDAR"):
        raise Refused("it is no calendar: it does not begin with BEGIN:VCALENDAR")
    try:
        calendar = icalendar.Calendar.from_ical(text.lstrip("\ufeff"))
        entries = list(calendar.walk("VEVENT"))
        for entry in entries:
            _check(entry)
        zone = _zone(str(calendar.get("X-WR-TIMEZONE") or params["time_zone"]), params["time_zone"])
        # All days are those of the zone, and the library looks at times without one as if they were UTC's.
        day = timedelta(days=1)
        shifts = list(recurring.of(calendar).between(begin - day, end + day))
        rows = [_row(shift, zone) for shift in shifts if str(shift.get("STATUS", "")).upper() != "CANCELLED"]
    except Refused:
        raise
    except Exception as exc:  # each library has its own, and what they say is the calendar's text
        raise Refused(f"the calendar has an entry that cannot be read ({type(exc).__name__})") from exc
    first, last = iso(params["begin"], "seconds") or "", iso(params["end"], "seconds") or ""
    # Nobody is on call for no time at all, and nobody who is not named.
    real = [row for row in rows if row["name"] and row["from"] < row["to"]]
    inside = [row for row in real if row["from"] < last and row["to"] > first]
    return {"rows": sorted(inside, key=lambda row: (row["from"], row["to"], row["name"])), "entries": len(entries)}


def _check(entry: Any) -> None:
    """What the libraries would take in another way than it was meant."""
    if "DTSTART" not in entry:
        raise Refused("the calendar has an entry without a begin")
    for name in _TIMES:
        for value, moment in _moments(entry, name):
            if isinstance(moment, datetime) and moment.tzinfo is None and "TZID" in value.params:
                raise Refused(f"the calendar has a time zone that nobody knows: {str(value.params['TZID'])[:40]!r}")
    if "DTEND" in entry and _comparable(entry["DTEND"].dt) < _comparable(entry["DTSTART"].dt):
        raise Refused("the calendar has an entry that ends before it begins")


def _moments(entry: Any, name: str) -> Iterator[tuple[Any, Any]]:
    values = entry.get(name)
    for value in values if isinstance(values, list) else [] if values is None else [values]:
        for moment in value.dts if hasattr(value, "dts") else [value]:
            yield value, moment.dt


def _comparable(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _zone(name: str, other: str) -> tzinfo:
    zoneinfo = importlib.import_module("zoneinfo")
    for zone_name in (name, other):
        try:
            zone: tzinfo = zoneinfo.ZoneInfo(zone_name)
            return zone
        except (KeyError, ValueError, OSError):
            continue
    raise Refused(f"this controller knows no time zone {other[:40]!r}: see that tzdata is installed")


def _row(shift: Any, zone: tzinfo) -> Row:
    begin, end = (iso(_aware(moment, zone).timestamp(), "seconds") or "" for moment in (shift.start, shift.end))
    return {"from": begin, "to": end, "name": _name(shift)}


def _aware(moment: date, zone: tzinfo) -> datetime:
    """A day begins at the zone's midnight; a time without a zone is one of its clocks."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _name(shift: Any) -> str:
    """Its title, or who is invited; empty where neither says who it is."""
    invited = shift.get("ATTENDEE")
    first = invited[0] if isinstance(invited, list) and invited else invited
    name = str(shift.get("SUMMARY") or (first.params.get("CN") if first is not None else "") or "")
    return " ".join(name.split())[:NAME_LENGTH]


def source_problem(source: str) -> str:
    """Why this can be no calendar's place, in one sentence that holds none of it; empty when it can."""
    if "://" not in source:
        return (
            ""
            if not source or os.path.isabs(os.path.expanduser(source))
            else "is neither an http(s) URL nor an absolute path"
        )
    scheme, _colon, rest = source.partition("://")
    wrong = _http.check_url(f"https://{rest}" if scheme == "webcal" else source)
    return f"is no usable URL: {wrong}" if wrong else ""
