# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on call by a calendar, read by the libraries that read it in production."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._ical import source_problem
from ansible_collections.kumon.runbook.plugins.modules import rota_info

from tests.unit.plugins.service_fakes import run_module

TOKEN = "private-9f8e7d6c5b4a39281706f5e4d3c2b1a0"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


# 08:00 to 20:00 in São Paulo.
WINDOW = {"begin": at("2026-12-01 11:00"), "end": at("2026-12-01 23:00"), "time_zone": "America/Sao_Paulo"}


def entry(*lines, uid=1, name="Ana"):
    title = [f"SUMMARY:{name}"] if name else []
    return ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", *title, *lines, "END:VEVENT"]


def calendar(*entries, head=()):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *head]
    return "\r\n".join([*lines, *(line for one in entries for line in one), "END:VCALENDAR", ""])


@pytest.fixture
def read(tmp_path):
    """The rota by a file with this content."""

    def look(text, **more):
        file = tmp_path / "rota.ics"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run_module(rota_info, {"source": str(file), **WINDOW, **more})

    return look


def shifts(result):
    return [(row["name"], row["from"][5:16], row["to"][5:16]) for row in result["rows"]]


@contextlib.contextmanager
def feed(answer):
    """A server that has `answer(handler)` answer each request; by its URL, and the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def says(text, status=200, kind="text/calendar; charset=utf-8", **headers):
    def answer(handler):
        body = text.encode()
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


SHIFT = entry("DTSTART:20261201T110000Z", "DTEND:20261201T230000Z")
NEW_YORK = ["X-WR-TIMEZONE:America/New_York"]
OWN_ZONE = [
    "BEGIN:VTIMEZONE",
    "TZID:The team's",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:-0500",
    "TZOFFSETTO:-0500",
    "END:STANDARD",
    "END:VTIMEZONE",
]


@pytest.mark.parametrize(("text", "expected"), [
    (calendar(SHIFT), [("Ana", "12-01T11:00", "12-01T23:00")]),
    # Each week since before, and each day but for one that somebody else has, which is an entry of the same series.
    (
        calendar(
            entry("DTSTART;TZID=America/Sao_Paulo:20261103T080000", "DURATION:PT4H", "RRULE:FREQ=WEEKLY"),
            entry("DTSTART:20261201T150000Z", "DTEND:20261201T230000Z", "RRULE:FREQ=DAILY", uid=2, name="Bia"),
            entry(
                "RECURRENCE-ID:20261201T150000Z",
                "DTSTART:20261201T150000Z",
                "DTEND:20261201T200000Z",
                uid=2,
                name="Eva",
            ),
        ),
        [("Ana", "12-01T11:00", "12-01T15:00"), ("Eva", "12-01T15:00", "12-01T20:00")],
    ),
    # One that is taken out of a series, and one that is called off.
    (
        calendar(
            entry("DTSTART:20261124T110000Z", "DURATION:PT4H", "RRULE:FREQ=WEEKLY", "EXDATE:20261201T110000Z"),
            entry("DTSTART:20261201T110000Z", "DTEND:20261201T230000Z", "STATUS:CANCELLED", uid=2, name="Bia"),
        ),
        [],
    ),
    # A series that is over.
    (calendar(entry("DTSTART:20261101T110000Z", "DURATION:PT4H", "RRULE:FREQ=DAILY;UNTIL=20261130T110000Z")), []),
    # All day is the day of the team's clocks, the evening included, or of the calendar's own.
    (calendar(entry("DTSTART;VALUE=DATE:20261201")), [("Ana", "12-01T03:00", "12-02T03:00")]),
    (
        calendar(entry("DTSTART;VALUE=DATE:20261130", "DTEND;VALUE=DATE:20261202")),
        [("Ana", "11-30T03:00", "12-02T03:00")],
    ),
    (calendar(entry("DTSTART;VALUE=DATE:20261201"), head=NEW_YORK), [("Ana", "12-01T05:00", "12-02T05:00")]),
    (calendar(entry("DTSTART;VALUE=DATE:20261202")), []),
    # Times of no zone are the team's, or the calendar's.
    (calendar(entry("DTSTART:20261201T190000", "DTEND:20261201T230000")), [("Ana", "12-01T22:00", "12-02T02:00")]),
    (
        calendar(entry("DTSTART:20261201T080000", "DTEND:20261201T100000"), head=NEW_YORK),
        [("Ana", "12-01T13:00", "12-01T15:00")],
    ),
    # A zone that the calendar itself explains, and one by the name that Windows has for it.
    (
        calendar(entry("DTSTART;TZID=The team's:20261201T080000", "DURATION:PT1H"), head=OWN_ZONE),
        [("Ana", "12-01T13:00", "12-01T14:00")],
    ),
    (
        calendar(entry("DTSTART;TZID=E. South America Standard Time:20261201T080000", "DURATION:PT1H")),
        [("Ana", "12-01T11:00", "12-01T12:00")],
    ),
    # Two at once; what touches the span from outside is not in it.
    (
        calendar(
            SHIFT,
            entry("DTSTART:20261201T120000Z", "DURATION:PT1H", uid=2, name="Bia"),
            entry("DTSTART:20261201T230000Z", "DURATION:PT1H", uid=3, name="after"),
            entry("DTSTART:20261201T100000Z", "DURATION:PT1H", uid=4, name="before"),
        ),
        [("Ana", "12-01T11:00", "12-01T23:00"), ("Bia", "12-01T12:00", "12-01T13:00")],
    ),
    # By who is invited where it has no title; nobody is on call by an entry that names nobody, nor for no time.
    (
        calendar(entry("DTSTART:20261201T120000Z", "DURATION:PT1H", "ATTENDEE;CN=Bia:mailto:bia@example.com", name="")),
        [("Bia", "12-01T12:00", "12-01T13:00")],
    ),
    (calendar(entry("DTSTART:20261201T120000Z", "DURATION:PT1H", name="")), []),
    (calendar(), []),
    ("\ufeff" + calendar(SHIFT), [("Ana", "12-01T11:00", "12-01T23:00")]),
])  # fmt: skip
def test_who_is_on_call_when(read, text, expected):
    result = read(text)
    assert (shifts(result), result["changed"]) == (expected, False)


def test_nobody_is_on_call_for_no_time(read):
    assert read(calendar(entry("DTSTART:20261201T120000Z"))) == {"changed": False, "rows": [], "entries": 1}


@pytest.mark.parametrize(("text", "why"), [
    ("", "does not begin with BEGIN:VCALENDAR"),
    ("<html>log in</html>", "does not begin with BEGIN:VCALENDAR"),
    (calendar(SHIFT)[:-40], "cannot be read (ValueError)"),
    (calendar(SHIFT) + calendar(SHIFT), "cannot be read (ValueError)"),
    (calendar(entry()), "an entry without a begin"),
    (calendar(entry("DTSTART:soon")), "cannot be read (BrokenCalendarProperty)"),
    (calendar(entry("DTSTART:20261201T200000Z", "DTEND:20261201T110000Z")), "ends before it begins"),
    (calendar(entry("DTSTART;TZID=Nowhere/X:20261201T200000", "DURATION:PT1H")), "nobody knows: 'Nowhere/X'"),
    (calendar(entry("DTSTART:20261101T110000Z", "RRULE:FREQ=SOMETIMES")), "cannot be read (BadRuleStringFormat)"),
    # What it excludes is not known: somebody who is away would count.
    (
        calendar(entry("DTSTART:20261101T110000Z", "RRULE:FREQ=DAILY", "EXDATE:x")),
        "cannot be read (BrokenCalendarProperty)",
    ),
    (
        calendar(entry("DTSTART:20261101T110000Z", "RRULE:FREQ=DAILY", "EXDATE;TZID=Nowhere/X:20261201T110000")),
        "nobody knows",
    ),
    (b"BEGIN:VCALENDAR" + b"\0" * 9_000_000, "more than 8 MiB"),
])  # fmt: skip
def test_what_cannot_be_read_wholly_is_no_rota(read, text, why):
    result = read(text)
    assert result["failed"] and result["refused"] and why in result["msg"]
    assert "\n" not in result["msg"] and "rows" not in result


def test_a_rule_without_an_end_in_sight_has_its_time(read):
    began = time.monotonic()
    result = read(calendar(entry("DTSTART:19000101T000000Z", "RRULE:FREQ=SECONDLY")), seconds=0.5)
    assert result["failed"] and result["msg"] == "the calendar could not be read within 0.5 s"
    assert time.monotonic() - began < 5


def test_a_missing_file_is_said(tmp_path):
    result = run_module(rota_info, {"source": str(tmp_path / "none.ics"), **WINDOW})
    assert result["msg"] == "the calendar's file cannot be read (No such file or directory)"


def test_a_feed_is_fetched_by_its_whole_address():
    with feed(says(calendar(SHIFT))) as (url, asked):
        result = run_module(rota_info, {"source": f"{url}/ical/{TOKEN}/basic.ics?key={TOKEN}", **WINDOW})
    assert shifts(result) == [("Ana", "12-01T11:00", "12-01T23:00")]
    assert asked == [f"/ical/{TOKEN}/basic.ics?key={TOKEN}"]


def test_a_feed_that_names_its_own_address_tells_it_nobody():
    with feed(says(calendar(entry("DTSTART:20261201T110000Z", "DURATION:PT1H", name=f"Ana {TOKEN}")))) as (url, _asked):
        result = run_module(rota_info, {"source": f"{url}/{TOKEN}", **WINDOW})
    assert result["rows"] and TOKEN not in str(result)


def slow(handler):
    handler.send_response(200)
    handler.end_headers()
    for _one in range(50):
        handler.wfile.write(b" ")
        time.sleep(0.1)


@pytest.mark.parametrize(("answer", "why"), [
    (says("no", 404), "could not be fetched: HTTP 404"),
    (says("no", 500), "could not be fetched: HTTP 500"),
    (says("<html>log in</html>", kind="text/html"), "what is no calendar: HTTP 200 with HTML"),
    (says("", 302, Location=f"/{TOKEN}/there"), "HTTP 302"),
    (says("{}", kind="application/json"), "does not begin with BEGIN:VCALENDAR"),
    (says(calendar(SHIFT)[:60]), "cannot be read (ValueError)"),
    (slow, "within 1"),
])  # fmt: skip
def test_a_feed_that_cannot_be_read_is_said_without_its_address(answer, why):
    with feed(answer) as (url, _asked):
        result = run_module(
            rota_info, {"source": f"{url}/{TOKEN}/x.ics?{TOKEN}", **WINDOW, "seconds": 1 if answer is slow else 20}
        )
    assert result["failed"] and why in result["msg"], result
    assert TOKEN not in str(result) and url.partition("://")[2] not in str(result)


def test_a_server_that_is_not_there_is_said_without_its_address():
    with feed(slow) as (url, _asked):
        pass
    result = run_module(rota_info, {"source": f"{url}/{TOKEN}", **WINDOW})
    assert result["msg"] == "the calendar could not be fetched: connection refused" and TOKEN not in str(result)


@pytest.mark.parametrize("missing", ["icalendar", "recurring_ical_events"])
def test_without_its_libraries_it_is_said_what_to_install(read, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    told = read(calendar(SHIFT))["msg"]
    assert missing in told and told.endswith("pip install icalendar recurring-ical-events there")


@pytest.mark.parametrize(("source", "why"), [
    ("", ""),
    ("/etc/rota.ics", ""),
    ("~/rota.ics", ""),
    ("https://calendar.example.com/x", ""),
    ("webcal://x.pagerduty.com/private/y/feed", ""),
    ("rota.ics", "is neither an http(s) URL nor an absolute path"),
    (f"ftp://example.com/{TOKEN}", "is no usable URL: it does not start with http:// or https://"),
    (f"https:///{TOKEN}", "is no usable URL: it names no host"),
    (f"https://a b/{TOKEN}", "is no usable URL: it names no host"),
])  # fmt: skip
def test_a_place_that_is_none_is_refused_without_being_shown(source, why):
    assert source_problem(source) == why
