# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import email
import email.policy
import json
import threading

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _notify
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused

from tests.receivers import Hooks, Mails

NOON = 1795176000.0
FACTS = {
    "procedure": "rollback_level1",
    "status": "proven",
    "level": 1,
    "headline": "KILL-SWITCH ATIVO",
    "run_id": "r1",
}


@pytest.fixture
def hooks():
    server = Hooks()
    yield server
    server.close()


@pytest.fixture
def mails():
    server = Mails()
    yield server
    server.close()


class Desk:
    """A state directory, contacts, and a clock that the test moves."""

    def __init__(self, directory, hooks):
        self.directory, self.hooks, self.now = directory / "state", hooks, NOON
        self.contacts = {
            "technical": [self.tier("dev", 5), self.tier("architect", 5), self.tier("ops", 5)],
            "business": [self.tier("product")],
        }
        self.smtp: dict = {}
        self.warnings: list[str] = []

    def tier(self, name, minutes=15):
        return {
            "name": name,
            "acknowledge_minutes": minutes,
            "channels": [{"type": "slack", "url": f"{self.hooks.url}/{name}"}],
        }

    def run(self, event="tick", check=False, **given):
        kinds = {kind: f"{kind} {_notify.MARK_ELAPSED} by {_notify.MARK_BY}\n\nbody" for kind in _notify.KINDS}
        texts = {audience: dict.fromkeys(_notify.LOCALES, kinds) for audience in _notify.AUDIENCES}
        params = {
            "event": event, "contacts": self.contacts, "smtp": self.smtp, "facts": FACTS if event == "open" else {},
            "texts": texts if event in ("open", "test") else {}, "locale": "pt_BR", "by": None, "every": 900.0,
            "seconds": 3.0, "state_dir": str(self.directory), "run_id": "r1", "dry_run": False, **given,
        }  # fmt: skip
        return _notify.run(params, check, self.warnings, lambda: self.now)

    def after(self, minutes, event="tick", **given):
        self.now += minutes * 60
        return [(message["name"], message["kind"]) for message in self.run(event, **given)["messages"]]


@pytest.fixture
def desk(tmp_path, hooks):
    return Desk(tmp_path, hooks)


# ---------------------------------------------------------------- what is due


def test_the_first_message_goes_to_the_first_tier_of_each_audience_at_once(desk, hooks):
    result = desk.run("open")
    assert [(message["name"], message["kind"]) for message in result["messages"]] == [
        ("dev", "first"),
        ("product", "first"),
    ]
    assert (result["sent"], result["unsent"]) == (2, 0)
    assert [where for where, _body, _headers in hooks.got] == ["/dev", "/product"] or len(hooks.got) == 2


def test_nothing_is_sent_twice_within_the_period(desk):
    desk.run("open")
    assert desk.after(0) == desk.after(1) == desk.after(3) == []


def test_the_same_news_again_is_held_back_and_other_news_is_an_update(desk):
    desk.run("open")
    again = desk.run("open", run_id="r2", facts={**FACTS, "run_id": "r2", "reasons": ["another count"]})
    assert (again["held_back"], again["messages"]) == (True, [])
    desk.run("open", facts={**FACTS, "headline": "LEVEL 1 IS DUE: 115 messages lost, 94.1 %"})
    grown = desk.run("open", facts={**FACTS, "headline": "LEVEL 1 IS DUE: 1200 messages lost, 91 %"})
    assert grown["held_back"] is True
    assert desk.after(1, "open", facts={**FACTS, "level": 2}) == [("dev", "update"), ("product", "update")]


def test_an_update_is_news_of_an_open_incident_and_opens_none(desk):
    news = {"procedure": "roll_forward", "delivery": "on"}
    assert desk.run("update", facts=news)["incident"] is None
    desk.run("open")
    assert desk.after(1, "update", facts=news) == [("dev", "update"), ("product", "update")]
    assert desk.run("update", facts=news)["held_back"] is True
    desk.run("close")
    assert desk.after(1, "update", facts={**news, "delivery": "off"}) == []


def test_every_fifteen_minutes_also_when_nothing_changed(desk):
    desk.run("open")
    desk.run("acknowledge", by="ana")
    assert desk.after(14.4) == []
    assert desk.after(0.6) == [("dev", "update"), ("product", "update")]
    assert desk.after(14.4) == []
    # Half a minute early counts, or a run each minute would find it a minute late.
    assert desk.after(0.2) == [("dev", "update"), ("product", "update")]


def test_the_next_tier_joins_when_nobody_acknowledges(desk):
    desk.run("open")
    assert desk.after(4.9) == []
    assert desk.after(0.2) == [("architect", "escalation")]
    assert desk.after(4.8) == []
    assert desk.after(0.3) == [("ops", "escalation")]
    assert ("dev", "update") in desk.after(5)


def test_a_tier_that_cannot_be_told_does_not_hold_up_the_next(desk, hooks):
    hooks.answers["/dev"] = (500, "text/plain", b"no_service", 0)
    desk.run("open")
    told = [desk.after(1) for _minute in range(6)]
    assert ("architect", "escalation") in told[4]
    assert all(("architect", "escalation") not in minute for minute in told[:4])


def test_a_test_leaves_the_open_incident_as_it_is(desk):
    desk.run("open")
    before = (desk.directory / "incident.json").read_bytes()
    assert desk.run("test", run_id="r2")["sent"] == 4
    assert (desk.directory / "incident.json").read_bytes() == before
    assert desk.after(15) != []


def test_news_that_could_not_be_told_gives_way_to_newer_news(desk, hooks):
    hooks.answers["/dev"] = (500, "text/plain", b"no_service", 0)
    first = desk.run("open")["messages"][0]
    hooks.answers.clear()
    second = desk.run("open", facts={**FACTS, "level": 2})["messages"][0]
    assert second["id"] != first["id"]
    assert desk.after(1) == [], "the newest news was told"


def test_news_is_noted_while_another_run_is_sending(desk, hooks):
    desk.run("open")
    sending = _notify._alone(str(desk.directory), ".sending", 1)
    with sending, pytest.raises(Refused, match="the next run tells it"):
        desk.run("close", seconds=-4.9)
    assert desk.after(1) == [("dev", "end"), ("product", "end")]


def test_acknowledging_is_told_and_stops_the_escalation(desk, hooks):
    desk.run("open")
    assert desk.after(1, "acknowledge", by="Ana") == [("dev", "acknowledged"), ("product", "acknowledged")]
    assert "by Ana" in hooks.texts("/dev")[-1]
    assert desk.after(10) == []
    assert desk.after(5) == [("dev", "update"), ("product", "update")]


def test_one_message_at_the_end_to_all_who_were_told_and_then_silence(desk):
    desk.run("open")
    desk.after(6)
    assert desk.after(1, "close") == [("dev", "end"), ("architect", "end"), ("product", "end")]
    assert desk.after(1, "close") == desk.after(60) == []
    assert desk.run("open", run_id="r9")["incident"]["id"] == "r9"


def test_an_earlier_incident_is_kept(desk):
    desk.run("open")
    desk.run("close")
    desk.run("open", run_id="r2")
    kept = json.loads((desk.directory / "incident-r1.json").read_text())
    assert kept["closed"]


def test_without_an_incident_nothing_is_due(desk, hooks):
    for event in ("tick", "close"):
        result = desk.run(event)
        assert (result["incident"], result["messages"], result["changed"]) == (None, [], False)
    assert hooks.got == []


def test_the_state_survives_a_restart_and_holds_no_address(desk):
    desk.run("open")
    text = (desk.directory / "incident.json").read_text()
    assert desk.hooks.url not in text
    assert (desk.directory / "incident.json").stat().st_mode & 0o777 == 0o600
    assert desk.after(16)[0] == ("dev", "update")


# ---------------------------------------------------------------- being killed, and others


def test_a_run_killed_while_sending_is_made_good_under_the_same_id(desk, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_notify, "_deliver", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.run("open")
    claimed = [message["id"] for message in json.loads((desk.directory / "incident.json").read_text())["messages"]]
    again = desk.run()
    assert [message["id"] for message in again["messages"]] == claimed
    assert len(again["incident"]["messages"]) == 2
    assert desk.after(1) == []


def test_two_runs_at_once_do_not_send_twice(desk, hooks):
    hooks.answers["/dev"] = (200, "text/plain", b"ok", 0.3)
    threads = [threading.Thread(target=desk.run, args=("open",)) for _one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(where for where, _body, _headers in hooks.got) == ["/dev", "/product"]


@pytest.mark.parametrize("content", ["", "{half", "[]", '{"id": "x"}', "\x00"])
def test_a_state_that_cannot_be_read_is_kept_aside_and_said(desk, content):
    desk.directory.mkdir()
    (desk.directory / "incident.json").write_text(content)
    assert desk.run("open")["sent"] == 2
    assert [path.read_text() for path in desk.directory.glob("*.broken-*")] == [content]
    assert "could not be read" in desk.warnings[0]


def test_check_mode_says_what_is_due_and_touches_nothing(desk, hooks):
    result = desk.run("open", check=True)
    assert [message["name"] for message in result["messages"]] == ["dev", "product"]
    assert not desk.directory.exists()
    assert hooks.got == []


def test_a_dry_run_leaves_the_messages_as_files(desk, hooks):
    result = desk.run("open", dry_run=True)
    assert hooks.got == []
    files = sorted(path.read_text() for path in (desk.directory / "dry_run" / "outbox").iterdir())
    assert files == ["first 0 min by -\n\nbody\n"] * 2
    assert result["messages"][0]["text"] == "body"
    assert desk.after(1, "open", run_id="real") == [("dev", "first"), ("product", "first")]
    assert len(hooks.got) == 2, "a drill holds back nothing"


# ---------------------------------------------------------------- channels


def test_a_channel_that_fails_is_reported_and_the_next_is_used(desk, hooks):
    hooks.answers["/broken"] = (500, "text/plain", b"no_service", 0)
    broken = {"type": "slack", "url": f"{hooks.url}/broken"}
    desk.contacts["technical"][0]["channels"].insert(0, broken)
    message = desk.run("open")["messages"][0]
    assert (message["ok"], message["channel"], message["detail"]) == (True, "slack", "slack: HTTP 500 no_service")


def test_a_tier_that_nobody_could_reach_is_tried_again_at_the_next_tick(desk, hooks):
    hooks.answers["/dev"] = (503, "text/plain", b"", 0)
    assert desk.run("open")["unsent"] == 1
    hooks.answers.clear()
    assert desk.after(1) == [("dev", "first")]


def test_a_hanging_channel_delays_no_other_and_ends_in_time(desk, hooks):
    hooks.answers["/dev"] = (200, "text/plain", b"ok", 30)
    begun = _notify.time.monotonic()
    result = desk.run("open", seconds=1.0)
    assert _notify.time.monotonic() - begun < 2.5
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


def mail_desk(desk, mails, **smtp):
    desk.smtp = {
        "host": "127.0.0.1", "port": mails.port, "sender": "runbook@example.com", "security": "none", **smtp
    }  # fmt: skip
    desk.contacts["business"][0]["channels"] = [{"type": "email", "to": ["pm@example.com", "kumon@example.com"]}]
    return desk


def test_mail_is_plain_text_with_an_id_of_its_own(desk, mails):
    message = mail_desk(desk, mails).run("open")["messages"][1]
    recipients, text = mails.mails[0]
    mail = email.message_from_string(text, policy=email.policy.default)
    assert (message["ok"], message["channel"]) == (True, "email")
    assert recipients == ["pm@example.com", "kumon@example.com"]
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("first 0 min by -", "auto-generated")
    assert mail["Message-ID"] == f"<{message['id']}@kumon.runbook>"
    assert mail.get_content().strip() == "body"


def test_a_mail_server_that_is_slow_at_each_step_has_no_more_time_than_its_channel(desk, hooks, mails):
    mails.seconds = 0.7
    tier = mail_desk(desk, mails).contacts["business"][0]
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
    message = mail_desk(desk, mails).run("open")["messages"][1]
    assert (message["ok"], message["detail"]) == (True, "email: refused for 1 of 2 recipients")
    assert desk.after(1) == []


def test_a_mail_server_that_refuses_is_said(desk, mails):
    mails.refuses = "550 no such user"
    assert mail_desk(desk, mails).run("open")["messages"][1]["detail"] == (
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
    message = mail_desk(desk, mails, **smtp).run("open")["messages"][1]
    assert message["ok"] is False
    assert says in message["detail"]
    assert "PLANTED" not in message["detail"]
    assert mails.mails == []


def test_a_test_reaches_every_channel_of_every_tier_and_opens_nothing(desk, hooks, mails):
    mail_desk(desk, mails)
    desk.contacts["technical"][0]["channels"].append({"type": "webhook", "url": f"{hooks.url}/second"})
    result = desk.run("test")
    assert (result["sent"], len(result["messages"])) == (5, 5)
    assert {message["kind"] for message in result["messages"]} == {"test"}
    assert not (desk.directory / "incident.json").exists()
    assert desk.run()["incident"] is None


# ---------------------------------------------------------------- hostile input

EVIL = "\x1b[2J\u202e<!channel> <script> {{ 7*7 }} 5511988887777 postgres://u:PLANTED@db/x sk-planted0123456789abcdef"


def test_secrets_reach_neither_message_nor_state_nor_result(desk, hooks, mails):
    mail_desk(desk, mails)
    texts = {
        a: {loc: {"first": f"s {EVIL}\r\nBcc: x@y.z\n\n{EVIL}"} for loc in _notify.LOCALES} for a in _notify.AUDIENCES
    }
    result = desk.run("open", facts={"headline": EVIL, "reasons": [EVIL]}, texts=texts)
    state = "".join(path.read_text() for path in desk.directory.glob("*.json"))
    everything = json.dumps([result, state, hooks.got, mails.mails], ensure_ascii=False)
    assert result["sent"] == 2
    for planted in ("5511988887777", "PLANTED", "sk-planted", "\x1b", "\u202e"):
        assert planted not in everything
    assert "<!channel>" not in hooks.texts("/dev")[0]
    assert "{{ 7*7 }}" in hooks.texts("/dev")[0]
    assert email.message_from_string(mails.mails[0][1])["Bcc"] is None


@pytest.mark.parametrize(
    ("contacts", "smtp", "sentence"),
    [
        ({}, {}, "runbook_contacts is empty"),
        ("ana", {}, "runbook_contacts is empty"),
        ({"technical": [], "business": 1}, {}, "runbook_contacts.technical has no tiers"),
        ({"tech": []}, {}, "unknown audience 'tech'"),
        ({"technical": ["ana"]}, {}, "runbook_contacts.technical, tier 1 is no mapping"),
        ({"technical": [{"name": "a"}]}, {}, "tier 1 has no channels"),
        ({"technical": [{"channels": [{"type": "webhook", "url": "http://x"}]}]}, {}, "tier 1 has no name"),
        ({"technical": [{"name": "a", "acknowledge_minutes": -1, "channels": []}]}, {}, "acknowledge_minutes is '-1'"),
        ({"technical": [{"name": "a", "channels": [{"type": "sms"}]}]}, {}, "the type 'sms' is unknown"),
        ({"technical": [{"name": "a", "channels": [{"type": "slack"}]}]}, {}, "channel 1: url is empty"),
        ({"technical": [{"name": "a", "channels": [{"type": "slack", "url": "ftp://x"}]}]}, {}, "url cannot be used"),
        ({"technical": [{"name": "a", "channels": [{"type": "pagerduty"}]}]}, {}, "routing_key is empty"),
        ({"technical": [{"name": "a", "channels": [{"type": "pagerduty", "routing_key": 5}]}]}, {}, "no text"),
        (
            {"technical": [{"name": "a", "channels": [{"type": "slack", "url": "http://h", "headers": "nonsense"}]}]},
            {},
            "headers must be a mapping of texts",
        ),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]},
            {"host": "h", "sender": "a@b.cd", "password": 123456},
            "password must be texts; a number needs quotes",
        ),
        ({"technical": [{"name": "a", "channels": [{"type": "email", "to": "nobody"}]}]}, {}, "is no e-mail address"),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.c\r\nBcc: x@y.z"}]}]},
            {},
            "is no e-mail address",
        ),
        ({"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]}, {}, "needs runbook_smtp"),
        (
            {"technical": [{"name": "a", "channels": [{"type": "email", "to": "a@b.cd"}]}]},
            {"host": "h", "sender": "r@b.cd", "security": "ssl3"},
            "runbook_smtp.security is 'ssl3'",
        ),
        (
            {"technical": [{"name": "a", "channels": [{"type": "slack", "url": "http://x", "timeout": 0}]}]},
            {},
            "timeout is '0'",
        ),
    ],
)
def test_contacts_that_cannot_work_are_refused_before_anything_is_sent(desk, hooks, contacts, smtp, sentence):
    assert any(sentence in problem for problem in _notify.contacts_problems(contacts, smtp))
    desk.contacts, desk.smtp = contacts, smtp
    with pytest.raises(Refused):
        desk.run("open")
    assert hooks.got == []
    assert not desk.directory.exists()


def test_acknowledging_needs_a_name(desk):
    with pytest.raises(Refused, match="set notify_by"):
        desk.run("acknowledge", by=" ")


def test_a_state_directory_that_cannot_be_made_is_said(desk, tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(Refused, match="cannot be written .*set runbook_desk_dir"):
        desk.run("open")


def test_what_nobody_may_read_back_is_known():
    contacts = {
        "technical": [{"channels": [{"url": "http://h/T0KEN", "headers": {"A": "Bearer x"}}, {"routing_key": "rk123"}]}]
    }
    assert _notify.secrets_of(contacts, {"password": "pw12"}) == {"http://h/T0KEN", "Bearer x", "rk123", "pw12"}
    assert _notify.secrets_of("x", None) == set()
