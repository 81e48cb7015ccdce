# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test fails on every fault of assistant and gateway, by its cause, and refuses what it cannot do."""

from __future__ import annotations

import shlex

import pytest

SPREAD = True

LOG = "/var/log/kumon-assistant/app.log"
PHONE = "5511977770021"
HTML = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html>")
http.server.HTTPServer(("127.0.0.1", 8099), Page).serve_forever()
"""


def smoke_test(assistant, **variables):
    given = {"smoke_test_phone": PHONE, "smoke_test_wait_seconds": 3, "runbook_locale": "en", **variables}
    return assistant.playbook("smoke_test", **given)


@pytest.mark.parametrize(
    ("faults", "gateway", "headline"),
    [
        ({"lost_handoff": True}, {}, "what was planned was empty when delivery read it"),
        ({"lost_handoff": True, "guard": True}, {}, "an OUTBOX_GUARD stopped the message"),
        ({"state_mismatch": True}, {}, "the state differs between planner and delivery"),
        ({"no_delivery": True}, {}, "the planned message was not read"),
        ({"invalid_instance": "thread_123"}, {}, "wrong instance"),
        ({"invalid_instance": "default", "invalid_instance_sent": True}, {}, "wrong instance"),
        ({"hang_send": 6}, {}, "the send had no result in time"),
        ({}, {"fail": 500}, "the delivery failed"),
        ({}, {"state": "close"}, "the delivery failed"),
        ({}, {"hang": 6}, "the send had no result in time"),
    ],
)
def test_each_fault_fails_the_test_by_its_cause(sound, faults, gateway, headline):
    assert smoke_test(sound).code == 0
    sound.fault(**faults)
    sound.gateway(**gateway)
    run = smoke_test(sound)
    assert run.code != 0
    assert f"SMOKE TEST FAILED, {headline}" in run.text
    assert "status: failed" in run.text


def test_health_that_hangs_has_no_say(sound):
    sound.fault(health="hang")
    assert smoke_test(sound).code == 0


def test_rotation_meanwhile_does_not_matter(sound):
    sound.fault(hang_send=6)
    # Once the message is on its way, whenever that is.
    rotate = f"while ! grep -q {PHONE} {LOG}; do sleep 0.1; done; mv {LOG} {LOG}.1"
    sound.sh(f"systemd-run --property=RuntimeMaxSec=60 -- sh -c '{rotate}'")
    try:
        run = smoke_test(sound, smoke_test_wait_seconds=15)
        assert run.code == 0
    finally:
        sound.sh(f"for n in $(seq 50); do test -e {LOG}.1 && break; sleep 0.1; done; mv {LOG}.1 {LOG}")


def refused(assistant, sentence, **variables):
    given = {"smoke_test_phone": PHONE, "runbook_locale": "en", **variables}
    assistant.assert_refuses("smoke_test", sentence, **given)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"smoke_test_phone": ""}, "smoke_test_phone is not set: give with -e smoke_test_phone=5511999999999"),
        ({"smoke_test_phone": "+55 11 97777"}, "smoke_test_phone is no phone number: give 10 to 15 digits"),
        ({"smoke_test_phone": [1]}, "smoke_test_phone"),
        ({"smoke_test_mode": "half"}, "must be one of: auto, full, processed_only, got: half"),
        ({"smoke_test_mode": "processed_only"}, "the process does not have the kill-switch and the message would go"),
        ({"smoke_test_wait_seconds": "soon"}, "smoke_test_wait_seconds"),
        ({"smoke_test_wait_seconds": 0}, "wait must be between 1 and 600 seconds, not 0"),
        ({"smoke_test_text": ""}, "the text of the message is empty: set smoke_test_text"),
        ({"smoke_test_webhook_headers": {"a": "b\nc"}}, "a header of the webhook is malformed"),
        ({"runbook_webhook_url": "127.0.0.1:8000"}, "runbook_webhook_url (127.0.0.1:8000) is not an http URL"),
        ({"runbook_health_url": ""}, "runbook_webhook_url is empty and there is no runbook_health_url"),
        ({"runbook_webhook_url": "http://127.0.0.1:8000/hook"}, "answers HTTP 404, there is no webhook"),
        ({"runbook_webhook_url": "http://127.0.0.1:9/hook"}, "nothing listens at http://127.0.0.1:9/hook: start"),
        ({"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
        ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
        ({"runbook_become": False}, "become: true"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(assistant, variables, sentence):
    refused(assistant, sentence, **variables)


def test_a_page_is_no_webhook(assistant):
    assistant.sh(f"systemd-run --unit=page -- python3 -c {shlex.quote(HTML)}")
    try:
        assistant.sh("for n in $(seq 50); do ss -ltnH 'sport = :8099' | grep -q . && exit 0; sleep 0.1; done; exit 1")
        refused(
            assistant, "answers HTML, it is not the assistant's webhook", runbook_webhook_url="http://127.0.0.1:8099/"
        )
    finally:
        assistant.sh("systemctl stop page; systemctl reset-failed page 2>/dev/null || true")


def test_a_service_that_does_not_run_is_said(sound):
    sound.sh("systemctl stop kumon-assistant")
    refused(sound, "the service is not running: start it")


def test_a_host_that_is_not_reached_fails_the_run_by_its_name(assistant):
    run = smoke_test(assistant, ansible_user="stranger")
    assert run.code != 0
    assert "status: unreachable" in run.text
