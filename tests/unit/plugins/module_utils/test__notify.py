# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import email
import errno
import json
import os
import threading

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _channels, _files
from ansible_collections.kumon.runbook.plugins.module_utils._contacts import AUDIENCES, LOCALES
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._incident_state import StateFile

from tests.unit.plugins.notify_desk import FACTS

EVIL = "\x1b[2J\u202e<!channel> <script> {{ 7*7 }} 5511988887777 postgres://u:PLANTED@db/x sk-planted0123456789abcdef"


def test_a_test_leaves_the_open_incident_as_it_is(desk):
    desk.run("open")
    before = (desk.directory / "incident.json").read_bytes()
    assert desk.run("test", run_id="r2")["sent"] == 4
    assert (desk.directory / "incident.json").read_bytes() == before
    assert desk.after(15) != []


def test_a_test_reaches_every_channel_of_every_tier_and_opens_nothing(desk, hooks, mails):
    desk.mail(mails)
    desk.contacts["technical"][0]["channels"].append({"type": "webhook", "url": f"{hooks.url}/second"})
    result = desk.run("test")
    assert (result["sent"], len(result["messages"])) == (5, 5)
    assert {message["kind"] for message in result["messages"]} == {"test"}
    assert not (desk.directory / "incident.json").exists()
    assert desk.run()["incident"] is None


def test_news_is_noted_while_another_run_is_sending(desk, hooks):
    desk.run("open")
    sending = StateFile(str(desk.directory)).sending(1)
    with sending, pytest.raises(Refused, match="the next run tells it"):
        desk.run("close", seconds=-4.9)
    assert desk.after(1) == [("dev", "end"), ("product", "end")]


def test_a_run_killed_while_sending_is_made_good_under_the_same_id(desk, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_channels, "deliver", killed)
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


def test_check_mode_says_what_is_due_and_touches_nothing(desk, hooks):
    result = desk.run("open", check=True)
    assert [message["name"] for message in result["messages"]] == ["dev", "product"]
    assert not desk.directory.exists()
    assert hooks.got == []


def test_a_dry_run_leaves_the_messages_as_files(desk, hooks):
    result = desk.run("open", dry_run=True)
    assert hooks.got == []
    files = sorted(path.read_text() for path in (desk.directory / "dry_run" / "outbox").iterdir())
    assert files == ["first 0 min by -\n\nbody no ETA\n"] * 2
    assert result["messages"][0]["text"] == "body no ETA"
    assert desk.after(1, "open", run_id="real") == [("dev", "first"), ("product", "first")]
    assert len(hooks.got) == 2, "a drill holds back nothing"


def test_secrets_reach_neither_message_nor_state_nor_result(desk, hooks, mails):
    desk.mail(mails)
    texts = {a: {loc: {"first": f"s {EVIL}\r\nBcc: x@y.z\n\n{EVIL}"} for loc in LOCALES} for a in AUDIENCES}
    result = desk.run("open", facts={"headline": EVIL, "reasons": [EVIL]}, texts=texts)
    state = "".join(path.read_text() for path in desk.directory.glob("*.json"))
    everything = json.dumps([result, state, hooks.got, mails.mails], ensure_ascii=False)
    assert result["sent"] == 2
    for planted in ("5511988887777", "PLANTED", "sk-planted", "\x1b", "\u202e"):
        assert planted not in everything
    assert "<!channel>" not in hooks.texts("/dev")[0]
    assert "{{ 7*7 }}" in hooks.texts("/dev")[0]
    assert email.message_from_string(mails.mails[0][1])["Bcc"] is None


def test_acknowledging_needs_a_name(desk):
    with pytest.raises(Refused, match="^notify_by is empty: name who acknowledges"):
        desk.run("acknowledge", by=" ")


def test_a_state_directory_that_cannot_be_made_is_said(desk, tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(Refused, match="cannot be written .*set runbook_desk_dir"):
        desk.run("open")


def full(*_args, **_given):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "incident.json")


@pytest.mark.parametrize("known", [False, True])
def test_a_full_disk_keeps_nobody_from_being_told(desk, hooks, monkeypatch, known):
    if known:
        desk.run("open")
        hooks.got.clear()
    with monkeypatch.context() as patched:
        patched.setattr(_files, "replace", full)
        result = desk.run("open", facts={**FACTS, "headline": "news"})
    assert (result["sent"], result["unsent"]) == (2, 0)
    assert sorted(where for where, _body, _headers in hooks.got) == ["/dev", "/product"]
    assert "No space left on device" in desk.warnings[-1]
    # As soon as there is room again, all is as ever.
    desk.warnings.clear()
    assert desk.after(1, "open", facts={**FACTS, "headline": "news"}) != []
    assert desk.after(1) == desk.warnings == []


def test_a_directory_that_cannot_be_made_on_a_full_disk_keeps_nobody_from_being_told(desk, monkeypatch):
    monkeypatch.setattr(os, "mkdir", full)
    assert desk.run("open")["sent"] == 2
    assert not desk.directory.exists()


def test_on_a_full_disk_nobody_is_told_the_same_at_each_look(desk, hooks, monkeypatch):
    desk.run("open")
    hooks.got.clear()
    desk.now += 20 * 60
    monkeypatch.setattr(_files, "replace", full)
    with pytest.raises(Refused, match="cannot be written .No space left"):
        desk.run("tick")
    assert hooks.got == []


def test_a_disk_that_fills_up_while_messages_are_sent_takes_none_of_them_back(desk, hooks, monkeypatch):
    sent = _channels.deliver

    def deliver(*given):
        monkeypatch.setattr(_files, "replace", full)
        return sent(*given)

    monkeypatch.setattr(_channels, "deliver", deliver)
    result = desk.run("open")
    assert (result["sent"], [message["ok"] for message in result["incident"]["messages"]]) == (2, [True, True])
    assert len(hooks.got) == 2
    assert "the next run may tell it again" in desk.warnings[-1]
