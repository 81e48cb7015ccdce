# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import email
import email.policy
import time
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _http
from ansible_collections.kumon.runbook.plugins.module_utils._http import Answer

from tests.receivers import Mails
from tests.unit.plugins.notify_desk import FACTS


def test_a_channel_that_fails_is_reported_and_the_next_is_used(desk, hooks):
    hooks.answers["/broken"] = (500, "text/plain", b"no_service", 0)
    broken = {"type": "slack", "url": f"{hooks.url}/broken"}
    desk.contacts["technical"][0]["channels"].insert(0, broken)
    message = desk.run("open")["messages"][0]
    assert (message["ok"], message["channel"], message["detail"]) == (True, "slack", "slack: HTTP 500 no_service")


def test_a_hanging_channel_delays_no_other_and_ends_in_time(desk, hooks):
    hooks.answers["/dev"] = (200, "text/plain", b"ok", 30)
    begun = time.monotonic()
    result = desk.run("open", seconds=1.0)
    assert time.monotonic() - begun < 15
    assert [message["ok"] for message in result["messages"]] == [False, True]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, "text/html", b"<html>log in</html>", 0), "HTTP 200 with HTML"),
        ((200, "text/plain", b"invalid_token", 0), "HTTP 200, but it says invalid_token"),
        ((200, "application/json", b'{"ok": false}', 0), "but it says"),
        ((403, "text/plain", b"invalid_token", 0), "HTTP 403 invalid_token"),
        ((302, "text/plain", b"", 0), "HTTP 302"),
    ],
)
def test_slack_has_taken_it_only_when_it_says_ok(desk, hooks, answer, says):
    hooks.answers["/dev"] = answer
    message = desk.run("open")["messages"][0]
    assert message["ok"] is False
    assert says in message["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"ok " * 1024 * 1024, "HTTP 200 with more than 1 MiB"),
        (b'{"ok":' * 100_000, "HTTP 200 with JSON that nests deeper than can be read"),
    ],
)
def test_a_webhook_whose_answer_cannot_be_read_whole_has_told_nothing(desk, hooks, body, says):
    hooks.answers["/hook"] = (200, "application/json", body, 0)
    desk.contacts["technical"][0]["channels"] = [{"type": "webhook", "url": f"{hooks.url}/hook"}]
    message = desk.run("open")["messages"][0]
    assert (message["ok"], message["detail"]) == (False, f"webhook: {says}")


def test_a_long_refusal_costs_no_more_time_than_what_is_told_of_it(desk, hooks):
    hooks.answers["/dev"] = (500, "text/plain", b"x" * 1_000_000, 0)
    begun = time.process_time()
    assert desk.run("open")["messages"][0]["detail"] == f"slack: HTTP 500 {'x' * 100}"
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"ok"),
        (202, "text/plain", b""),
        (200, "text/plain", b"\xef\xbb\xbfok"),
        (202, "text/plain", b"Accepted"),
        (200, "application/json", b"1"),
    ],
)
def test_what_takes_slacks_messages_for_others_has_taken_them(desk, hooks, status, kind, body):
    hooks.answers["/dev"] = (status, kind, body, 0)
    message = desk.run("open")["messages"][0]
    assert (message["ok"], message["detail"]) == (True, "")


def test_nobody_at_the_other_end_is_said(desk):
    desk.contacts["technical"][0]["channels"] = [{"type": "webhook", "url": "http://127.0.0.1:9/x"}]
    assert desk.run("open")["messages"][0]["detail"] == "webhook: connection refused"


def test_a_webhook_gets_facts_and_an_id_to_tell_repeats_by(desk, hooks):
    desk.contacts["technical"][0]["channels"] = [
        {"type": "webhook", "url": f"{hooks.url}/hook", "headers": {"X-Key": "h"}}
    ]
    message = desk.run("open")["messages"][0]
    _where, body, headers = next(entry for entry in hooks.got if entry[0] == "/hook")
    assert (body["id"], headers["Idempotency-Key"], headers["X-Key"]) == (message["id"], message["id"], "h")
    assert body["facts"] == FACTS


def test_pagerduty_is_triggered_acknowledged_and_resolved_under_one_key(desk, hooks):
    desk.contacts["technical"][0]["channels"] = [
        {"type": "pagerduty", "routing_key": "R", "url": f"{hooks.url}/pagerduty"}
    ]
    for event in ("open", "acknowledge", "close"):
        assert desk.run(event, by="ana")["messages"][0]["ok"] is True
    events = [body for where, body, _headers in hooks.got if where == "/pagerduty"]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {"kumon-runbook-r1"}
    hooks.answers["/pagerduty"] = (400, "application/json", b'{"status": "invalid event"}', 0)
    assert desk.run("test")["messages"][0]["detail"].startswith("pagerduty: HTTP 400")


def test_mail_is_plain_text_with_an_id_of_its_own(desk, mails):
    message = desk.mail(mails).run("open")["messages"][1]
    recipients, text = mails.mails[0]
    mail = email.message_from_string(text, policy=email.policy.default)
    assert (message["ok"], message["channel"]) == (True, "email")
    assert recipients == ["pm@example.com", "kumon@example.com"]
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("first 0 min by -", "auto-generated")
    assert mail["Message-ID"] == f"<{message['id']}@kumon.runbook>"
    assert mail.get_content().strip() == "body no ETA"


def test_a_mail_server_that_is_slow_at_each_step_has_no_more_time_than_its_channel(desk, hooks, mails):
    mails.seconds = 0.7
    tier = desk.mail(mails).contacts["business"][0]
    tier["channels"] = [{**tier["channels"][0], "timeout": 1}, {"type": "slack", "url": f"{hooks.url}/product"}]
    message = desk.run("open", seconds=10.0)["messages"][1]
    assert (message["ok"], message["channel"], message["detail"]) == (True, "slack", "email: no answer within 1.0 s")


def test_two_channels_that_hang_leave_the_third_its_time(desk, hooks):
    for path in ("/one", "/two"):
        hooks.answers[path] = (200, "text/plain", b"ok", 30)
    desk.contacts["business"][0]["channels"] = [
        {"type": "slack", "url": f"{hooks.url}{path}"} for path in ("/one", "/two", "/three")
    ]
    message = desk.run("open", seconds=3.0)["messages"][1]
    assert message["ok"] is True
    assert hooks.texts("/three") != []


def test_one_refused_recipient_is_said_and_does_not_flood_the_others(desk, mails):
    mails.refuses_only = "kumon@example.com"
    message = desk.mail(mails).run("open")["messages"][1]
    assert (message["ok"], message["detail"]) == (True, "email: refused for 1 of 2 recipients")
    assert desk.after(1) == []


def test_an_address_that_the_server_has_no_letters_for_keeps_nobody_else_from_being_told(desk):
    mails = Mails(letters=False)
    try:
        (channel,) = desk.mail(mails).contacts["business"][0]["channels"]
        channel["to"] = ["joão@example.com", "kumon@example.com"]
        message = desk.run("open")["messages"][1]
        assert (message["ok"], message["detail"]) == (True, "email: refused for 1 of 2 recipients")
        recipients, text = mails.mails[0]
        assert (recipients, email.message_from_string(text)["To"]) == (["kumon@example.com"], "kumon@example.com")
        channel["to"] = "joão@example.com"
        message = desk.run("open", facts={**FACTS, "level": 2})["messages"][1]
        assert (message["ok"], "SMTPUTF8" in message["detail"], len(mails.mails)) == (False, True, 1)
    finally:
        mails.close()


def test_a_mail_has_nothing_that_a_server_may_spoil(desk, mails):
    texts = {"business": {"pt_BR": {"first": "Serviço parado\n\nAção já começou"}}}
    desk.mail(mails).run("open", texts=texts)
    _recipients, text = mails.mails[0]
    mail = email.message_from_string(text, policy=email.policy.default)
    assert (text.isascii(), mail["Subject"], mail.get_content().strip()) == (True, "Serviço parado", "Ação já começou")


def test_a_mail_server_that_refuses_is_said(desk, mails):
    mails.refuses = "550 no such user"
    assert desk.mail(mails).run("open")["messages"][1]["detail"] == (
        "email: the recipient is refused: 550 no such user"
    )


@pytest.mark.parametrize(
    ("smtp", "says"),
    [
        ({"security": "starttls"}, "cannot be used"),
        ({"username": "u", "password": "PLANTED"}, "cannot be used"),
        ({"port": 9}, "Connection refused"),
        ({"security": "tls"}, "cannot be used"),
    ],
)
def test_mail_is_not_sent_in_a_way_that_was_not_asked_for(desk, mails, smtp, says):
    message = desk.mail(mails, **smtp).run("open")["messages"][1]
    assert message["ok"] is False
    assert says in message["detail"]
    assert "PLANTED" not in message["detail"]
    assert mails.mails == []


@pytest.mark.parametrize("kind", ["slack", "webhook", "pagerduty"])
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"ok": false, "error": "channel_not_found"}', "channel_not_found"),
        (b'{"errcode": 310000, "errmsg": "keywords not in content"}', "keywords not in content"),
        (b"Webhook message delivery failed with error: endpoint returned HTTP error 429", "delivery failed"),
        (b'"invalid_token"', "invalid_token"),
        (b"false", "alse"),
    ],
)
def test_a_good_status_with_a_body_that_says_no_is_not_taken(desk, hooks, kind, body, says):
    hooks.answers["/hook"] = (202 if kind == "pagerduty" else 200, "application/json", body, 0)
    channel = {"type": kind, "url": f"{hooks.url}/hook", "routing_key": "R"}
    desk.contacts["technical"][0]["channels"] = [channel, {"type": "slack", "url": f"{hooks.url}/next"}]
    message = desk.run("open")["messages"][0]
    assert (message["ok"], message["channel"], len(hooks.texts("/next"))) == (True, "slack", 1)
    assert says in message["detail"]


@pytest.mark.parametrize("body", [b"ok", b"", b"1", b"accepted", b'{"ok": true}', b'{"errcode": 0}', b'{"id": "1"}'])
def test_a_webhook_that_says_nothing_bad_has_taken_it(desk, hooks, body):
    hooks.answers["/hook"] = (200, "text/plain", body, 0)
    desk.contacts["technical"][0]["channels"] = [{"type": "webhook", "url": f"{hooks.url}/hook"}]
    message = desk.run("open")["messages"][0]
    assert (message["ok"], message["detail"]) == (True, "")


class _Busy:
    """Answers 429 with a pause until it was asked often enough."""

    def __init__(self, times, pause):
        self.times, self.pause, self.asked = times, pause, []

    def __call__(self, url, _data, _seconds, _headers):
        self.asked.append(time.monotonic())
        if len(self.asked) <= self.times:
            return Answer(url, "error", 429, "slow down", f"HTTP 429, again after {self.pause:g} s", self.pause)
        return Answer(url, "ok", 200, "ok", "HTTP 200")


def test_the_pause_that_a_server_asks_for_is_kept_while_there_is_time(desk, monkeypatch):
    busy = _Busy(1, 0.6)
    monkeypatch.setattr(_http, "post_hook", busy)
    desk.contacts = {"technical": [{"name": "dev", "channels": [{"type": "webhook", "url": "http://h/x"}]}]}
    message = desk.run("open", seconds=5.0)["messages"][0]
    assert (message["ok"], len(busy.asked)) == (True, 2)
    assert busy.asked[1] - busy.asked[0] >= 0.6


def test_a_pause_longer_than_the_time_that_is_left_is_told_and_not_waited_for(desk, monkeypatch):
    busy = _Busy(9, 30.0)
    monkeypatch.setattr(_http, "post_hook", busy)
    desk.contacts = {"technical": [{"name": "dev", "channels": [{"type": "webhook", "url": "http://h/x"}]}]}
    message = desk.run("open", seconds=3.0)["messages"][0]
    assert (message["ok"], message["detail"]) == (False, "webhook: HTTP 429, again after 30 s slow down")
    assert len(busy.asked) == 1


def test_mail_has_the_date_of_its_sending(desk, mails):
    desk.mail(mails).run("open")
    mail = email.message_from_string(mails.mails[0][1], policy=email.policy.default)
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 60


# The library is imported in a process of its own, which on a busy machine takes seconds.
FOR_AN_IMPORT = 60.0


def by_apprise(hooks, path, **options):
    """A channel of apprise, by the service of it that posts JSON."""
    return {"type": "apprise", "url": f"{hooks.url.replace('http', 'json')}{path}", **options}


def test_apprise_sends_what_people_read(desk, hooks):
    desk.contacts["technical"][0]["channels"] = [by_apprise(hooks, "/apprise")]
    message = desk.run("open", seconds=FOR_AN_IMPORT)["messages"][0]
    assert (message["ok"], message["channel"], message["detail"]) == (True, "apprise", "")
    (body,) = [body for where, body, _headers in hooks.got if where == "/apprise"]
    assert (body["title"], body["message"], body["type"]) == (message["subject"], message["text"], "failure")


def test_a_service_of_apprise_that_does_not_take_it_is_said_without_its_keys(desk, hooks):
    hooks.answers["/T0KEN-OF-MINE"] = (403, "text/plain", b"no", 0)
    channel = {"type": "slack", "url": f"{hooks.url}/next"}
    desk.contacts["technical"][0]["channels"] = [by_apprise(hooks, "/T0KEN-OF-MINE"), channel]
    message = desk.run("open", seconds=FOR_AN_IMPORT)["messages"][0]
    assert (message["ok"], message["channel"], len(hooks.texts("/next"))) == (True, "slack", 1)
    assert message["detail"].startswith("apprise: the service did not take it (")
    assert "error=403" in message["detail"]
    assert "T0KEN" not in message["detail"]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


def test_apprise_has_no_more_time_than_its_channel(desk, hooks, monkeypatch, tmp_path):
    mark = str(tmp_path).encode()
    monkeypatch.setenv("KUMON_RUNBOOK_TEST", str(tmp_path))
    hooks.answers["/slow"] = (200, "text/plain", b"ok", 30)
    channels = [by_apprise(hooks, "/slow?rto=20"), {"type": "slack", "url": f"{hooks.url}/next"}]
    desk.contacts = {"technical": [{"name": "dev", "channels": channels}]}
    begun = time.monotonic()
    message = desk.run("open")["messages"][0]
    assert time.monotonic() - begun < 10
    assert (message["channel"], message["detail"]) == ("slack", "apprise: no answer within 1.5 s")
    # Nothing of it is left that would send after all.
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if mark in read(path)]


def test_an_address_that_apprise_does_not_know_is_said(desk, hooks):
    desk.contacts["technical"][0]["channels"] = [{"type": "apprise", "url": "nosuchthing://T0KEN/x"}]
    message = desk.run("open", seconds=FOR_AN_IMPORT)["messages"][0]
    assert message["ok"] is False
    assert message["detail"].startswith("apprise: apprise knows no service of this address")
    assert "T0KEN" not in message["detail"]


def test_without_the_library_the_next_channel_is_used(desk, hooks, monkeypatch, tmp_path):
    (tmp_path / "apprise.py").write_text("raise ImportError('No module named apprise')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    channel = {"type": "slack", "url": f"{hooks.url}/next"}
    desk.contacts["technical"][0]["channels"] = [by_apprise(hooks, "/apprise"), channel]
    message = desk.run("open", seconds=FOR_AN_IMPORT)["messages"][0]
    assert (message["ok"], message["channel"]) == (True, "slack")
    assert "pip install apprise" in message["detail"]
    assert "/apprise" not in {where for where, _body, _headers in hooks.got}


@pytest.mark.parametrize("farewell", ["421 too busy", "hangs"])
def test_mail_that_was_taken_stays_taken_whatever_the_server_answers_to_the_farewell(
    desk, hooks, mails, monkeypatch, farewell
):
    async def handle_quit(*_given):
        if farewell == "hangs":
            await asyncio.sleep(1.5)
        return farewell if farewell != "hangs" else "221 Bye"

    monkeypatch.setattr(mails, "handle_QUIT", handle_quit, raising=False)
    desk.mail(mails).contacts["business"][0]["channels"].append({"type": "slack", "url": f"{hooks.url}/second"})
    result = desk.run("open", seconds=1.0)
    told = next(message for message in result["messages"] if message["audience"] == "business")
    assert (told["ok"], told["channel"], told["detail"]) == (True, "email", "")
    assert "/second" not in [where for where, _body, _headers in hooks.got]
    assert len(mails.mails) == 1
