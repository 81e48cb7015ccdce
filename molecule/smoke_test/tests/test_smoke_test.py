# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message of our own, followed through the log: delivered, processed under the kill-switch, or failed."""

from __future__ import annotations

import shlex
from typing import Any

from tests.scenario.host import LOG, STATE, Assistant, Run

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


def smoke_test(assistant: Assistant, phone: str, *options: str, **variables: Any) -> Run:
    return assistant.playbook("smoke_test", *options, smoke_test_phone=phone, runbook_locale="en", **variables)


def test_a_check_run_sends_nothing_and_leaves_nothing(assistant: Assistant) -> None:
    run = smoke_test(assistant, "5511977770002", "--check")
    assert (run.code, run.status) == (0, "planned")
    assert "http://127.0.0.1:8000/api/v1/evolution/webhook" in run.text
    assert assistant.untouched()
    assert assistant.lines("5511977770002") == 0


def test_bad_input_is_refused_with_one_sentence(assistant: Assistant) -> None:
    assistant.sh(f"systemd-run --unit=page -- python3 -c {shlex.quote(HTML)}")
    assistant.sh("for n in $(seq 50); do ss -ltnH 'sport = :8099' | grep -q . && exit 0; sleep 0.1; done; exit 1")
    assistant.assert_refuses_each(
        "smoke_test",
        [
            ({"smoke_test_phone": ""}, "smoke_test_phone is not set: give with -e smoke_test_phone=PHONE"),
            ({"smoke_test_phone": "+55 11 97777"}, "smoke_test_phone is no phone number: give 10 to 15 digits"),
            ({"smoke_test_phone": [1]}, "smoke_test_phone"),
            ({"smoke_test_mode": "half"}, "must be one of: auto, full, processed_only, got: half"),
            ({"smoke_test_mode": "processed_only"}, "the process does not have the kill-switch"),
            ({"smoke_test_wait_seconds": "soon"}, "smoke_test_wait_seconds"),
            ({"smoke_test_wait_seconds": 0}, "wait must be between 1 and 600 seconds, not 0"),
            ({"smoke_test_webhook_headers": {"a": "b\nc"}}, "a header of the webhook is malformed"),
            ({"runbook_webhook_url": "127.0.0.1:8000"}, "runbook_webhook_url (127.0.0.1:8000) is not an http URL"),
            ({"runbook_webhook_url": "http://127.0.0.1:8000/hook"}, "answers HTTP 404, there is no webhook"),
            ({"runbook_webhook_url": "http://127.0.0.1:9/hook"}, "nothing listens at http://127.0.0.1:9/hook: start"),
            ({"runbook_webhook_url": "http://127.0.0.1:8099/"}, "answers HTML, it is not the assistant's webhook"),
            ({"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
            ({"ansible_port": 9, "ansible_control_path": "none"}, "unreachable"),
            ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
            ({"runbook_become": False}, "become: true"),
        ],
        runbook_locale="en",
    )
    assistant.sh("systemctl stop page; systemctl reset-failed page 2>/dev/null || true")
    assert assistant.sends_to(assistant.PHONE) == 0


def test_it_passes_step_by_step_erases_no_log_and_shows_neither_phone_nor_key(assistant: Assistant) -> None:
    inode, size = map(int, assistant.sh(f"stat -c '%i %s' {LOG}").split())
    kept = assistant.sh(f"head -c {size} {LOG} | sha256sum")
    headers = {"apikey": "planted-webhook-key"}
    run = smoke_test(assistant, "5511977770003", "-vvv", smoke_test_webhook_headers=headers)
    assert (run.code, run.status) == (0, "ok") or (run.code, run.status) == (0, "proven")
    for step in ("accepted by the webhook", "planned", "read by delivery", "instance", "result"):
        assert f"[x] {step}" in run.text
    assert run.seconds < 60
    after = assistant.sh(f"stat -c '%i %s' {LOG}").split()
    assert (int(after[0]), int(after[1]) > size) == (inode, True)
    assert assistant.sh(f"head -c {size} {LOG} | sha256sum") == kept
    assert ("***0003" in run.text, "5511977770003" in run.text, "planted-webhook-key" in run.text) == (
        True,
        False,
        False,
    )
    results = assistant.sh(f"grep -a 'action=result.*conv=conv_5511977770003_' {LOG}").splitlines()
    assert ["status=success" in line for line in results] == [True]
    # Nothing but how the test has ended is kept, and that is no act.
    assert assistant.journal() == []
    assert assistant.sh(f"ls {STATE} 2>/dev/null || true").split() in ([], ["smoke_test.json"])


def test_rotation_meanwhile_does_not_matter(sound: Assistant) -> None:
    phone = "5511977770021"
    sound.fault(hang_send=4)
    # Once the message is on its way, whenever that is.
    rotate = f"while ! grep -q {phone} {LOG}; do sleep 0.1; done; mv {LOG} {LOG}.1"
    sound.sh(f"systemd-run --property=RuntimeMaxSec=60 -- sh -c '{rotate}'")
    try:
        assert smoke_test(sound, phone, smoke_test_wait_seconds=15).code == 0
    finally:
        sound.sh(f"for n in $(seq 50); do test -e {LOG}.1 && break; sleep 0.1; done; mv {LOG}.1 {LOG}")


def test_a_lost_hand_off_fails_it(sound: Assistant) -> None:
    sound.fault(lost_handoff=True)
    run = smoke_test(sound, "5511977770022", smoke_test_wait_seconds=4)
    assert (run.code == 0, run.status) == (False, "failed")


def test_under_the_kill_switch_the_message_is_processed_and_nothing_goes_out(sound: Assistant) -> None:
    assert sound.playbook("rollback_level1", rollback_fence="never").code == 0
    asked = sound.asked()
    hosts = sound.inventory(
        {
            "processed": {"smoke_test_phone": "5511977770011"},
            "full": {"smoke_test_phone": "5511977770012", "smoke_test_mode": "full"},
        }
    )
    run = sound.playbook("smoke_test", *hosts, "--limit=processed,full", runbook_locale="en")
    assert run.result["hosts"]["processed"]["status"] == "proven"
    assert "the process has the kill-switch and nothing can go out" in " ".join(run.messages["full"])
    assert sound.asked() == asked
    assert sound.lines("phase=delivery|conv=conv_5511977770011_") > 0
    assert sound.lines("5511977770012") == 0
    assert {entry["procedure"] for entry in sound.journal()} == {"rollback_level1"}
    # A process that sends all the same fails it.
    sound.fault(ignore_kill_switch=True)
    run = smoke_test(sound, "5511977770013")
    assert (run.code == 0, run.status) == (False, "failed")
    assert "rollback_fence=always" in run.result["next_step"]


def test_a_log_in_the_journal_serves_as_well(sound: Assistant) -> None:
    directory = "/run/systemd/system/kumon-assistant.service.d"
    sound.sh(
        f"mkdir -p {directory}; exec 3> {directory}/journal.conf;"
        "printf '[Service]\\nStandardOutput=journal\\nStandardError=journal\\n' >&3;"
        "systemctl daemon-reload; systemctl reset-failed kumon-assistant; systemctl restart kumon-assistant;"
        "for n in $(seq 100); do curl -sf -m 1 http://127.0.0.1:8000/health && exit 0; sleep 0.1; done; exit 1"
    )
    # And in the file there is nothing to see.
    hosts = sound.inventory(
        {
            "journal": {"runbook_log_source": "journal", "smoke_test_phone": "5511977770005"},
            "file": {"smoke_test_phone": "5511977770006", "smoke_test_wait_seconds": 2},
        }
    )
    run = sound.playbook("smoke_test", *hosts, "--limit=journal,file", runbook_locale="en")
    statuses = {name: host["status"] for name, host in run.result["hosts"].items()}
    assert (run.code == 0, statuses["journal"], statuses["file"] == "proven") == (False, "proven", False)
    sound.sh("systemctl stop kumon-assistant")
    sound.assert_refuses("smoke_test", "the service is not running", runbook_locale="en")
