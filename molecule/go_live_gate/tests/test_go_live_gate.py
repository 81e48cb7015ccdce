# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GO or NO-GO: from nothing prepared to GO, each item broken alone, and a freeze that hinders no rollback."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.desk import PEOPLE, now, stamp
from tests.scenario.host import Assistant, Run
from tests.scenario.releases import VARIABLES as RELEASES
from tests.scenario.releases import put_good_in_place

INSTALL = "releases"
VARIABLES = {**RELEASES, **PEOPLE}
MANUAL = "contacts,channels,monitoring"
FREEZE = [{"from": "2020-01-01", "to": "2099-12-31", "reason": "Black Friday"}]
# Each takes a controller's processes; they are looked at once.
UNTYPED = {"dry_run": {"observe": "off"}, "procedures": {"observe": "off"}}


TOKEN = "private-9f8e7d6c5b4a3928"


@contextlib.contextmanager
def calendar_feed() -> Iterator[str]:
    """The address of a calendar by which Bia is on call each day."""
    text = "\r\n".join([
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", "SUMMARY:Bia"),
        *("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY", "END:VEVENT", "END:VCALENDAR", ""),
    ])  # fmt: skip

    class Feed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if TOKEN in self.path else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Feed) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/ical/{TOKEN}/basic.ics"
        server.shutdown()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


def open_items(run: Run, host: str) -> set[str]:
    """What stands in the way of a GO."""
    return {one["item"] for one in run.result["hosts"][host]["items"] if one["status"] not in ("ok", "off")}


def test_without_drills_confirmations_and_a_watcher_it_is_no_go(assistant: Assistant, desk: Path) -> None:
    put_good_in_place(assistant)
    before = assistant.fingerprint()
    run = assistant.playbook("go_live_gate", runbook_desk_dir=str(desk), runbook_locale="en")
    assert (run.code != 0, run.status) == (True, "no_go")
    assert open_items(run, assistant.name) == {
        *(f"rehearsed_level{level}" for level in (1, 2, 3)),
        *("trained", "contacts", "channels", "monitoring", "scheduled_check", "watched"),
    }, run.text
    assert run.result["message"].startswith("NO-GO (9): Kill-switch rehearsed (MISSING), ")
    # What mends the first of them can be pasted.
    assert run.result["next_step"].startswith("ansible-playbook ") and "drill.yml" in run.result["next_step"]
    assert f"first: {run.result['next_step']}" in run.result["message"]
    assert run.result["hosts"][assistant.name]["journal"]["ok"]
    assert assistant.fingerprint() == before
    written = [desk / f"go-live-gate-{assistant.name}.{kind}" for kind in ("md", "json")]
    assert [file.stat().st_mode & 0o777 for file in written] == [0o600, 0o600]
    page = (desk / f"go-live-gate-{assistant.name}.md").read_text()
    assert page.startswith("# NO-GO (9)") and run.result["report"]["path"] == str(
        desk / f"go-live-gate-{assistant.name}.md"
    )


def test_what_cannot_be_confirmed_is_refused(assistant: Assistant, desk: Path) -> None:
    assistant.assert_refuses_each(
        "go_live_gate",
        [
            ({"confirm": "contacts"}, "runbook_actor=ana"),
            ({"confirm": "flags", "runbook_actor": "ana"}, "flags is observed"),
            ({"confirm": "prayer", "runbook_actor": "ana"}, "there is no item prayer"),
            ({"go_live_rota": [{"from": "soon", "to": "2099-01-01", "name": "Ana"}]}, "go_live_rota: row 1"),
        ],
        runbook_desk_dir=str(desk),
        runbook_locale="en",
    )
    assert not (desk / "confirmation.jsonl").exists()


def test_with_all_of_it_seen_and_confirmed_it_is_go(assistant: Assistant, desk: Path) -> None:
    drills: list[dict[str, Any]] = [
        {"what": "rehearsal", "procedure": f"rollback_level{level}", "status": "passed", "actor": "ana", "at": now()}
        for level in (1, 2, 3)
    ]
    (desk / "drill.jsonl").write_text("".join(json.dumps(one) + "\n" for one in drills))
    stamp(desk, assistant.name)
    before = assistant.fingerprint()
    # Who is on call is in a calendar whose address is a key, however much is shown of the run.
    with calendar_feed() as url:
        feed = {"go_live_rota": [], "go_live_rota_ical": url}
        given = {"runbook_desk_dir": str(desk), "confirm": MANUAL, "runbook_actor": "ana"}
        run = assistant.playbook("go_live_gate", "-vvv", **feed, **given)
    assert (run.code, run.status) == (0, "go"), run.text
    assert "Bia" in str(run.result["hosts"][assistant.name]["items"]) and TOKEN not in run.text
    assert run.result["message"].startswith("GO: ")
    assert assistant.fingerprint() == before
    kept = [json.loads(line) for line in (desk / "confirmation.jsonl").read_text().splitlines()]
    assert [(one["item"], one["actor"]) for one in kept] == [(item, "ana") for item in MANUAL.split(",")]
    assert json.loads((desk / f"go-live-gate-{assistant.name}.json").read_text())["status"] == "go"


BROKEN: dict[str, dict[str, Any]] = {
    # One that is not there counts for more than the rows beside it.
    "on_call": {"go_live_rota_ical": "/nowhere/rota.ics"},
    "freeze": {"go_live_freeze": FREEZE},
    "flags": {"go_live_flags": {"ROUTER_V2_SHADOW": True}},
    "gateway": {"go_live_webhook_url": "http://127.0.0.1:9/webhook"},
    "offline": {"rollback_wheelhouse": ""},
    "disk": {"go_live_free_mb": 100000000},
    "contacts": {
        "runbook_contacts": {
            "technical": [{"name": "Eva", "channels": [{"type": "slack", "url": "https://e.example/z"}]}]
        }
    },
    "legal": {"go_live_gate_items": {**UNTYPED, "legal": {"name": "Legal", "mend": "ask Eva"}}},
    "known_good": {"runbook_app_dir": "/opt/evolution", "runbook_venv_dir": ""},
}


def test_each_item_broken_alone_is_no_go_by_its_name(assistant: Assistant, desk: Path) -> None:
    stamp(desk, *(f"broken-{name}" for name in BROKEN))
    # None of them asks for what only a controller's processes could tell.
    hosts = assistant.inventory(
        {f"broken-{name}": {"go_live_gate_items": UNTYPED, **given} for name, given in BROKEN.items()}
    )
    names = ",".join(f"broken-{name}" for name in BROKEN)
    # Two at a time: they are one container, and a probe that waits for it says that it does not know.
    given = {"runbook_desk_dir": str(desk), "runbook_locale": "en"}
    run = assistant.playbook("go_live_gate", *hosts, f"--limit={names}", "--forks=2", **given)
    assert (run.code != 0, run.status) == (True, "no_go")
    for name in BROKEN:
        assert open_items(run, f"broken-{name}") == {name}, run.result["hosts"][f"broken-{name}"]
        assert run.result["hosts"][f"broken-{name}"]["message"].startswith("NO-GO (1): ")


def test_a_freeze_keeps_from_going_forward_and_never_from_going_back(assistant: Assistant, desk: Path) -> None:
    frozen: dict[str, Any] = {"go_live_freeze": FREEZE, "runbook_desk_dir": str(desk), "runbook_locale": "en"}
    run = assistant.playbook("rollback_level1", **frozen)
    assert (run.code, run.status) == (0, "proven")
    # Which is state debt from now on.
    gate = assistant.playbook("go_live_gate", go_live_gate_items=UNTYPED, **{**frozen, "go_live_freeze": []})
    assert {"state_debt", "flags", "verdict"} <= open_items(gate, assistant.name)
    refused = assistant.playbook("roll_forward", level=1, **frozen)
    assert (refused.code != 0, refused.status) == (True, "refused")
    assert "frozen until" in refused.text and "Black Friday" in refused.text
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    forced = assistant.playbook("roll_forward", level=1, roll_forward_force=True, **frozen)
    assert (forced.code, forced.status) == (0, "proven")
