# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._gate import ITEMS, items, refusal
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._problems import problem
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, gate

from tests.unit.gate_facts import (
    CONTACTS,
    NOW,
    STAMPS,
    ago,
    confirmation,
    confirmed_contacts,
    facts,
    rehearsal,
    service,
    slurped,
    stamps,
    traces,
)

DAY = 86400


def told(**more):
    ended = outcome("go_live_gate", facts(**more))
    return ended, {item["item"]: item for item in ended["items"]}


def seen(**more):
    return {"service": service(), "state": {"known": True}, "traces": {"traces": traces()}, **more}


def test_all_of_it_was_seen_or_confirmed():
    ended, by_name = told()
    assert {one["status"] for one in by_name.values()} == {"ok"}
    assert (ended["ok"], ended["status"], ended["next_step"]) == (True, "go", "")
    # The shortest of what was seen: it is worth nothing after that.
    assert (
        ended["message"] == f"GO: all of it seen or confirmed, until {min(one['expires'] for one in by_name.values())}"
    )
    assert set(by_name) == set(ITEMS)
    assert all(one["evidence"] and one["expires"] and one["mend"] == "" for one in by_name.values())


DISK = f"{NOW} {NOW} 0\n/dev/a 9 1 9000000 9% /"
PLAYED = """PLAY [Rollback level 1] ***
PLAY [Rollback level 2] ***
fatal: [prod1]: FAILED! => {"msg": "no unit"}
"""
BROKEN = [
    ("rehearsed_level1", {"drills": [rehearsal(2), rehearsal(3)]}, "missing", "drill --limit staging"),
    ("rehearsed_level2", {"drills": [rehearsal(1), rehearsal(2, 31 * DAY), rehearsal(3)]}, "expired", "drill"),
    # The newest counts, however good an older one was.
    (
        "rehearsed_level3",
        {"drills": [rehearsal(1), rehearsal(2), rehearsal(3, 99), rehearsal(3, status="failed", why="not restored")]},
        "failed",
        "drill",
    ),
    # A drill that was not restored has failed, whatever went well in it.
    (
        "rehearsed_level3",
        {
            "drills": [
                rehearsal(1),
                rehearsal(2),
                {"what": "begun", "host": "staging1", "run_id": "r", "at": ago(9)},
                rehearsal(3, run_id="r"),
                {"what": "begun", "host": "staging1", "run_id": "s", "at": ago(8)},
                {"what": "restored", "host": "staging1", "run_id": "s", "at": ago(7)},
            ]
        },
        "failed",
        "drill",
    ),
    ("trained", {"drills": [rehearsal(level, status="failed") for level in (1, 2, 3)]}, "missing", "drill"),
    (
        "dry_run",
        {"dry_run": {"rc": 2, "stdout": PLAYED}},
        "failed",
        "rollback_level2 --check",
    ),
    ("dry_run", {"dry_run": {}}, "missing", "rollback_level1 --check"),
    ("dry_run", {"commands_problem": "nobody answers --ask-pass"}, "missing", "confirm=dry_run"),
    ("procedures", {"syntax": {"rc": 4, "stderr": "ERROR! no collection"}}, "failed", "--syntax-check"),
    ("procedures", {"syntax": {}}, "missing", ""),
    ("contacts", {"contacts": {}}, "failed", ""),
    (
        "contacts",
        {"confirmations": [confirmation("channels"), confirmation("monitoring")]},
        "missing",
        "confirm=contacts",
    ),
    (
        "contacts",
        {"confirmations": [confirmed_contacts(31 * DAY), confirmation("channels"), confirmation("monitoring")]},
        "expired",
        "confirm=contacts",
    ),
    (
        "channels",
        {"confirmations": [confirmed_contacts(), confirmation("channels", 5 * 3600), confirmation("monitoring")]},
        "expired",
        "confirm=channels",
    ),
    (
        "channels",
        {"confirmations": [confirmed_contacts(), confirmation("monitoring")]},
        "missing",
        "notify_event=test",
    ),
    ("on_call", {"rota": []}, "missing", "go_live_rota"),
    (
        "on_call",
        {"rota": [{"from": "2025-11-27 07:00", "to": "2025-11-27 12:00", "name": "Ana"}]},
        "failed",
        "go_live_rota",
    ),
    # Who was on call in an earlier go-live is not so now.
    (
        "on_call",
        {"start": "2025-11-26 08:00", "rota": [{"from": "2025-11-26", "to": "2025-11-26", "name": "Ana"}]},
        "failed",
        "go_live_from",
    ),
    # A calendar that was not read is no calendar, whoever else is on call.
    (
        "on_call",
        {"rota_ical": "/rota.ics", "calendar": {"failed": True, "msg": "it is no calendar"}},
        "missing",
        "go_live_rota_ical",
    ),
    ("on_call", {"rota_ical": "/rota.ics", "calendar": {"skipped": True}}, "missing", "go_live_rota_ical"),
    ("on_call", {"rota_ical": "/rota.ics", "rota": [], "calendar": {"rows": []}}, "failed", "calendar"),
    ("known_good", {"release": {"release": {"chosen": None}}}, "failed", "health_mark_release=true"),
    ("known_good", {"release": {"failed": True, "msg": "no work tree"}}, "missing", "diagnose"),
    # What is seen of the service is another release's.
    ("known_good", {"in_place": {"reason": {"code": "started_before", "fields": {}}}}, "failed", "restart"),
    ("offline", {"wheelhouse": ""}, "failed", "rollback_wheelhouse"),
    ("offline", {"wheels": {"changed": True, "offline": None}}, "failed", "prepare_go_live"),
    ("offline", {"wheels": {"failed": True, "msg": "no pip"}}, "failed", "prepare_go_live"),
    ("offline", {"wheels": {"changed": False, "offline": None}}, "missing", "prepare_go_live"),
    (
        "monitoring",
        {"confirmations": [confirmed_contacts(), confirmation("channels")]},
        "missing",
        "confirm=monitoring",
    ),
    (
        "monitoring",
        {"confirmations": [confirmed_contacts(), confirmation("channels"), confirmation("monitoring", 8 * DAY)]},
        "expired",
        "confirm=monitoring",
    ),
    (
        "scheduled_check",
        {"desk": stamps(**{**STAMPS, "health_check": {"at": ago(700), "every_seconds": 300}})},
        "failed",
        "",
    ),
    (
        "scheduled_check",
        {"desk": stamps(**{**STAMPS, "health_check": {"at": ago(9), "every_seconds": 300, "hosts": ["staging1"]}})},
        "failed",
        "prepare_go_live",
    ),
    ("scheduled_check", {"check": "none"}, "missing", "confirm=scheduled_check"),
    ("watched", {"watch_stamp": slurped("watch", None)}, "missing", "prepare_go_live"),
    (
        "watched",
        {"watch_stamp": slurped("watch", {"at": ago(181), "every_seconds": 2})},
        "failed",
        "prepare_go_live",
    ),
    # One that comes and sees nothing is none.
    ("watched", {"watch_stamp": slurped("watch", {"at": ago(5), "every_seconds": 2, "status": "blind"})}, "failed", ""),
    (
        "scheduled_check",
        {"desk": stamps(**{**STAMPS, "health_check": {"at": ago(9), "every_seconds": 300, "exit": 40}})},
        "failed",
        "diagnose",
    ),
    # A clock that is ahead is no sign of life.
    ("watched", {"watch_stamp": slurped("watch", {"at": ago(-900), "every_seconds": 2})}, "failed", ""),
    (
        "gateway",
        {"gateway": {"evolution": {"healthy": False, "findings": [{"check": "state", "message": "it is close"}]}}},
        "failed",
        "depth=full",
    ),
    ("gateway", {"gateway": {"skipped": True}}, "missing", "confirm=gateway"),
    ("gateway", {"gateway": {"evolution": {"healthy": None, "findings": [], "unknown": ["webhook"]}}}, "missing", ""),
    (
        "flags",
        {"seen": seen(service=service(effective={"OUTBOX_V2_ENFORCED": "false"}))},
        "failed",
        "roll_forward -e level=2",
    ),
    (
        "flags",
        {"seen": seen(service=service(effective={"DELIVERY_DISABLE": "true", "OUTBOX_V2_ENFORCED": "true"}))},
        "failed",
        "roll_forward -e level=1",
    ),
    # A value that is no switch, and a service that does not take what its environment says.
    (
        "flags",
        {
            "flags": {"PLANNER": "v2", "TIMEOUT": 30},
            "seen": seen(service=service(effective={"PLANNER": "v1", "TIMEOUT": "30"})),
        },
        "failed",
        "roll_forward",
    ),
    (
        "flags",
        {"seen": seen(service=service(reported={"DELIVERY_DISABLE": True}))},
        "failed",
        "roll_forward -e level=1",
    ),
    ("flags", {"seen": seen(service=service(running=False))}, "missing", "diagnose"),
    ("flags", {"seen": seen(service=service(readable=False))}, "missing", "diagnose"),
    ("log", {"seen": seen(traces={"traces": traces(records=0)})}, "failed", "diagnose"),
    ("log", {"seen": seen(traces={"traces": traces(timestamps="none")})}, "failed", "diagnose"),
    ("log", {"seen": seen(traces={"failed": True, "msg": "no such file"})}, "missing", "diagnose"),
    (
        "verdict",
        {"verdict": {"status": "rollback", "cause": "lost_handoff", "level": 1, "reasons": []}},
        "failed",
        "level1",
    ),
    # Quiet is called ok, and says nothing of whether it works.
    ("verdict", {"verdict": {"status": "ok", "cause": "quiet", "level": 0, "reasons": []}}, "failed", "diagnose"),
    ("disk", {"host_told": {"stdout": f"{NOW} {NOW} 0\n/dev/a 9 1 102400 9% /"}}, "failed", "make room"),
    ("disk", {"host_told": {"stdout": f"{NOW} {NOW} 0"}}, "missing", ""),
    # Of one nothing is known; one has nothing left even for root; one cannot be written; one has no room for a file.
    ("disk", {"host_told": {"stdout": f"{DISK}\nunknown /opt/a"}}, "missing", "diagnose"),
    ("disk", {"host_told": {"stdout": f"{DISK}\n/dev/b c 9 9 -8 100% /srv/my data"}}, "failed", "make room"),
    ("disk", {"host_told": {"stdout": f"{DISK}\nread-only /opt"}}, "failed", "make room"),
    ("disk", {"host_told": {"stdout": f"{DISK}\nfiles /var/log"}}, "failed", "make room"),
    ("clock", {"host_told": {"stdout": f"{NOW} {NOW + 60} 0\n/dev/a 9 1 9000000 9% /"}}, "failed", "timedatectl"),
    (
        "privileges",
        {"host_told": {"stdout": f"{NOW} {NOW} 1000\n/dev/a 9 1 9000000 9% /"}},
        "failed",
        "runbook_become",
    ),
    (
        "state_debt",
        {"seen": seen(service=service(declared={"DELIVERY_DISABLE": "true"}))},
        "failed",
        "roll_forward -e level=1",
    ),
    (
        "state_debt",
        {"seen": seen(service=service(fence={"present": True, "since": "x"}))},
        "failed",
        "roll_forward -e level=1",
    ),
    (
        "state_debt",
        {"seen": seen(service=service(declared={"OUTBOX_V2_ENFORCED": "false", "ROUTER_V2_SHADOW": "true"}))},
        "failed",
        "roll_forward -e level=2",
    ),
    (
        "state_debt",
        {"desk": stamps(**{**STAMPS, "incident": {"id": "i", "closed": None}})},
        "failed",
        "notify_event=close",
    ),
    # Neither nothing nor all that is left can be told by what cannot be read.
    (
        "state_debt",
        {"desk": {"results": [*stamps(**STAMPS)["results"][:1], {"item": "incident", "content": "e3sh"}]}},
        "failed",
        "notify_event=close",
    ),
    (
        "state_debt",
        {"desk": {"results": [{"item": "incident", "failed": True, "msg": "file is not readable: /d/incident.json"}]}},
        "failed",
        "notify_event=close",
    ),
    (
        "state_debt",
        {"unread": {"drill": {"lines": [4], "newest": True}}},
        "failed",
        "drill --limit staging",
    ),
    (
        "state_debt",
        {"unread": {"mark": {"lines": [4], "newest": False}}},
        "failed",
        "kumon.runbook.automation",
    ),
    (
        "state_debt",
        {"drills": [*facts()["drills"], {"what": "begun", "host": "s", "at": ago(9)}]},
        "failed",
        "drill --limit staging",
    ),
    (
        "state_debt",
        {"automation": [{"what": "stop", "until": ago(-900), "actor": "", "at": ago(60)}]},
        "failed",
        "automation",
    ),
    (
        "freeze",
        {"freeze": [{"from": "2025-11-27", "to": "2025-11-27", "reason": "Black Friday"}]},
        "failed",
        "go_live_freeze",
    ),
    # Not now, but before the go-live is over.
    (
        "freeze",
        {"freeze": [{"from": "2025-11-27 15:00", "to": "2025-11-28", "reason": "x"}]},
        "failed",
        "go_live_freeze",
    ),
]


@pytest.mark.parametrize(("item", "changes", "status", "mend"), BROKEN)
def test_each_item_broken_alone_is_no_go_by_its_name(item, changes, status, mend):
    ended, by_name = told(**changes)
    assert by_name[item]["status"] == status
    assert mend in by_name[item]["mend"]
    assert (ended["ok"], ended["status"]) == (False, "no_go")
    assert ended["lines"][0].startswith("NO-GO (")
    assert f"{by_name[item]['name']} (" in ended["lines"][0]
    bad = next(one for one in ended["items"] if one["status"] != "ok")
    assert ended["next_step"] == (bad["mend"] or bad["evidence"])
    assert ended["lines"][0].endswith(ended["next_step"])


def test_every_item_is_broken_once():
    assert {item for item, *_rest in BROKEN} == set(ITEMS)


@pytest.mark.parametrize("part", ["fresh", "covered", "owned", "understood"])
def test_weak_evidence_is_no_evidence(part):
    evidence = {**traces()["evidence"], part: {"ok": False}}
    assert told(seen=seen(traces={"traces": traces(evidence=evidence)}))[1]["log"]["status"] == "failed"
    unknown = {**traces()["evidence"], part: {"ok": None}}
    assert told(seen=seen(traces={"traces": traces(evidence=unknown)}))[1]["log"]["status"] == "ok"


def test_nobodys_word_stands_against_what_was_seen():
    word = [
        *facts()["confirmations"],
        confirmation("gateway", 1),
        confirmation("verdict", 1),
        confirmation("dry_run", 1),
    ]
    bad = {"evolution": {"healthy": False, "findings": [{"check": "state", "message": "it is close"}]}}
    _ended, by_name = told(
        confirmations=word, gateway=bad, verdict={"status": "watch", "cause": "x", "level": 0, "reasons": []}
    )
    assert (by_name["gateway"]["status"], by_name["verdict"]["status"]) == ("failed", "failed")
    # Where nothing could be seen it does, and says whose it is.
    _ended, by_name = told(confirmations=word, gateway={}, commands_problem="nobody answers")
    assert (by_name["gateway"]["status"], by_name["gateway"]["evidence"]) == ("ok", "confirmed by ana")
    assert by_name["dry_run"]["status"] == "ok"


@pytest.mark.parametrize("at", [None, "yesterday?", ago(-3600)])
def test_what_has_no_time_or_one_that_is_to_come_holds_for_nobody(at):
    drills = [{**one, "at": at} for one in facts()["drills"]]
    confirmations = [{**one, "at": at} for one in facts()["confirmations"]]
    ended, by_name = told(drills=drills, confirmations=confirmations)
    assert ended["status"] == "no_go"
    names = ("rehearsed_level1", "rehearsed_level2", "rehearsed_level3", "trained", "contacts", "monitoring")
    assert {name: by_name[name]["status"] for name in names} == dict.fromkeys(names, "missing")


def test_what_was_confirmed_of_another_host_is_not_of_this_one():
    own = {"items": {"backup": {}}, "gateway": {"skipped": True}}
    for hosts, status in ((["prod1", "prod2"], "ok"), (["prod2"], "missing")):
        word = [
            confirmed_contacts(),
            *(confirmation(item, hosts=hosts) for item in ("channels", "monitoring", "gateway", "backup")),
        ]
        _ended, by_name = told(confirmations=word, **own)
        assert (by_name["gateway"]["status"], by_name["backup"]["status"]) == (status, status)
        assert by_name["channels"]["status"] == by_name["monitoring"]["status"] == "ok"


@pytest.mark.parametrize("told_of", ["file not found: /desk/incident.json", "File not found: /desk/incident.json"])
def test_what_is_not_on_the_desk_is_no_debt(told_of):
    """Each in the words of an ansible-core."""
    missing = {"item": "incident", "failed": True, "msg": told_of}
    results = [*stamps(**STAMPS)["results"][:1], missing]
    changes = {"desk": {"results": results}, "unread": {"drill": {"lines": [1], "newest": False}}}
    assert told(**changes)[0]["status"] == "go"


def test_a_drill_that_was_restored_counts():
    run = {"host": "staging1", "run_id": "r", "at": ago(9)}
    held = [rehearsal(level, run_id="r") for level in (1, 2, 3)]
    assert told(drills=[{**run, "what": "begun"}, *held, {**run, "what": "restored"}])[0]["status"] == "go"


def test_a_process_that_has_what_is_wanted_is_as_it_is_to_be():
    service_ = service(effective={"PLANNER": "v2", "TIMEOUT": "30", "SHADOW": None}, reported={"PLANNER": None})
    wanted = {"PLANNER": "v2", "TIMEOUT": 30, "SHADOW": "no"}
    assert told(flags=wanted, seen=seen(service=service_))[1]["flags"]["status"] == "ok"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"hours": 0}, "go_live_hours is 0"),
        ({"hours": -3}, "go_live_hours is -3"),
        ({"rota": [{"from": "2025-11-27", "to": "2025-11-27", "name": None}]}, "go_live_rota: row 1 names nobody"),
    ],
)
def test_what_nobody_can_have_meant_is_refused(wrong, sentence):
    assert sentence in refusal(facts(**wrong), Words("en", gate.TEXTS))


def test_other_contacts_are_confirmed_anew():
    other = {"technical": [{"name": "Eva", "channels": CONTACTS["technical"][0]["channels"]}]}
    assert told(contacts=other)[1]["contacts"]["status"] == "missing"


def test_an_incident_that_somebody_took_over_shows_that_channels_are_open():
    incident = {"id": "i", "closed": ago(50), "acknowledged": {"by": "bia", "time": ago(60)}}
    changes = {
        "confirmations": [confirmed_contacts(), confirmation("monitoring")],
        "desk": stamps(**{**STAMPS, "incident": incident}),
    }
    assert told(**changes)[1]["channels"]["status"] == "ok"
    incident["acknowledged"]["time"] = ago(5 * 3600)
    changes["desk"] = stamps(**{**STAMPS, "incident": incident})
    assert told(**changes)[1]["channels"]["status"] == "expired"


def test_a_go_names_what_was_not_asked_for():
    ended, by_name = told(items={"watched": {"observe": "off"}})
    assert (ended["status"], by_name["watched"]["status"]) == ("go", "off")
    name = by_name["watched"]["name"]
    assert ended["message"].startswith(f"GO: seen or confirmed is what was asked for, without {name}; until ")


def test_a_team_has_items_of_its_own():
    own = {
        "legal": {"name": "Jurídico", "max_age": "7d", "mend": "ask Eva"},
        "queue": {"observe": "command", "command": ["queue-empty"]},
        "watched": {"observe": "off"},
        "monitoring": {"max_age": "5m"},
    }
    ended, by_name = told(items=own, desk=stamps(), commands={"queue": {"rc": 1, "stdout": "3 left"}})
    assert (by_name["legal"]["status"], by_name["legal"]["mend"]) == ("missing", "ask Eva")
    assert (by_name["queue"]["status"], by_name["queue"]["evidence"]) == ("failed", "3 left")
    # What was not asked for is shown as that.
    assert by_name["watched"]["status"] == "off"
    assert by_name["monitoring"]["status"] == "expired"
    assert list(by_name)[: len(ITEMS)] == list(ITEMS)
    word = [*facts()["confirmations"], confirmation("legal", 6 * DAY)]
    assert told(items=own, confirmations=word)[1]["legal"]["status"] == "ok"
    assert told(items=own, commands={"queue": {"rc": 0, "stdout": ""}})[1]["queue"]["status"] == "ok"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"confirm": ["contacts"], "by": ""}, "name who confirms it"),
    ({"confirm": ["contcats"], "by": "ana"}, "there is no item contcats"),
    # Of those that can be confirmed each is named once.
    (
        {"items": {"legal": {}, "contacts": {"max_age": "9d"}}, "confirm": ["contatos"], "by": "ana"},
        "dry_run, procedures, contacts, channels, offline, monitoring, scheduled_check, gateway, legal",
    ),
    ({"confirm": ["flags"], "by": "ana"}, "flags is observed"),
    ({"items": {"queue": {"observe": "command", "command": ["x"]}}, "confirm": ["queue"], "by": "ana"}, "is observed"),
    ({"items": {"A b": {}}}, "is no name"),
    ({"items": {"a": {"text": "x"}}}, "known are name, observe"),
    ({"items": {"a": {"observe": "prayer"}}}, "must be one of confirmation, command, off"),
    ({"items": {"a": {"command": ["x"]}}}, "belong together"),
    ({"items": {"a": {"max_age": "soon"}}}, "write it as 4h or 30d"),
    ({"rota": [{"from": "2025-11-27", "name": "Ana"}]}, "go_live_rota: row 1 has to have from, to and name"),
    ({"rota": [{"from": "2025-11-28", "to": "2025-11-26", "name": "Ana"}]}, "ends before it begins"),
    ({"rota_ical": "ftp://example.com/9f8e7d6c5b4a3928"}, "go_live_rota_ical is no usable URL: it does not start with"),
    ({"freeze": [{"from": "today", "to": "2025-11-26", "reason": "x"}]}, "go_live_freeze: row 1"),
    ({"time_zone": "Brazil/Nowhere"}, "knows no such zone"),
    ({"start": "soon"}, "neither an age"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_one_sentence(changes, sentence):
    assert sentence in refusal(facts(**changes), Words("en", gate.TEXTS))


def test_what_is_confirmed_by_name_is_taken():
    asked = facts(items={"legal": {}}, confirm=["contacts", "legal", "gateway"], by="ana")
    assert refusal(asked, Words("en", gate.TEXTS)) == ""


def shift(begin, end, name):
    return {"from": f"2025-11-27T{begin}:00Z", "to": f"2025-11-27T{end}:00Z", "name": name}


def test_a_calendar_stands_beside_the_rows_and_its_gaps_are_named():
    """The go-live is from 11:00 to 19:00 UTC, three hours less on the team's clocks."""
    rota = [{"from": "2025-11-27 07:00", "to": "2025-11-27 10:00", "name": "Ana"}]
    feed = {"rota": rota, "rota_ical": "https://example.com/9f8e7d6c5b4a3928/basic.ics"}
    rows = [shift("13:00", "16:00", "Bia"), shift("15:00", "19:00", "Caio")]
    ended, by_name = told(**feed, calendar={"rows": rows})
    assert by_name["on_call"]["status"] == "ok" and by_name["on_call"]["evidence"].startswith("Ana, Bia, Caio, ")
    assert "9f8e7d6c5b4a3928" not in str(ended)
    _ended, by_name = told(**feed, calendar={"rows": [rows[0], shift("17:00", "18:00", "Caio")]})
    assert by_name["on_call"]["evidence"] == (
        "nobody in 2025-11-27 13:00 - 2025-11-27 14:00, 2025-11-27 15:00 - 2025-11-27 16:00"
    )
    # Only where there is a calendar in the settings.
    _ended, by_name = told(rota=rota, calendar={"rows": rows})
    assert by_name["on_call"]["status"] == "failed"


def test_a_look_that_is_lost_is_no_debt_and_a_switch_is_by_its_line():
    lost = {"lines": [4], "newest": True}
    assert told(unread={"look": lost})[0]["status"] == "go"
    ended, by_name = told(unread={"automation": lost})
    assert ended["status"] == "no_go"
    assert by_name["state_debt"]["evidence"] == "lines of automation's record cannot be read (automation.jsonl:4)"


def test_a_calendar_that_was_not_read_says_why():
    _ended, by_name = told(rota_ical="/x.ics", calendar={"failed": True, "msg": "it is no calendar"})
    assert by_name["on_call"]["evidence"] == "calendar of go_live_rota_ical not read: it is no calendar"


def test_what_a_module_could_not_see_is_told_in_the_language_of_people():
    unseen = facts(host_told={"failed": True, "msg": "/x cannot be read (Permission denied): run with become: true"})
    items = {item["item"]: item for item in outcome("go_live_gate", unseen, "pt_BR")["items"]}
    assert items["clock"]["evidence"] == "/x não pode ser lido (permissão negada): rode com become: true"


def test_a_freeze_is_said_until_when():
    def frozen(at, **more):
        return problem("freeze", {"now": at, "time_zone": "America/Sao_Paulo", "freeze": rows, **more})

    rows = [{"from": "2025-11-27 08:00", "to": "2025-11-27 18:00", "reason": "Black Friday"}]
    assert "frozen until 2025-11-27 18:00 (Black Friday)" in frozen(NOW)
    assert (frozen(NOW - 60), frozen(NOW + 10 * 3600)) == ("", "")


def test_the_page_cannot_be_broken_by_what_it_quotes():
    bad = {"evolution": {"healthy": False, "findings": [{"check": "state", "message": "a | b <script> 5511987654321"}]}}
    ended, _by_name = told(gateway=bad)
    page = ended["report"]["markdown"]
    assert "<script>" not in page and "a \\| b" in page and "987654321" not in page
    assert ended["report"]["files"] == ["/desk/go-live-gate-prod1.md", "/desk/go-live-gate-prod1.json"]
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(ITEMS)


def test_what_is_wrong_with_the_gateway_is_told_in_the_language_of_people():
    finding = {"check": "webhook", "message": "No webhook", "reason": {"code": "webhook_unset", "fields": {}}}
    bad = facts(gateway={"evolution": {"healthy": False, "findings": [finding]}})
    told_in = {
        locale: next(
            item["evidence"] for item in outcome("go_live_gate", bad, locale)["items"] if item["item"] == "gateway"
        )
        for locale in ("pt_BR", "en")
    }
    assert told_in["pt_BR"].startswith("Nenhum webhook está definido")
    assert told_in["en"].startswith("No webhook is set")


def test_automation_that_somebody_has_stopped_for_a_time_is_no_debt():
    stop = {"what": "stop", "until": ago(-900), "actor": "ana", "at": ago(60)}
    for records, status in (
        ([stop], "ok"),
        ([{**stop, "until": ago(1), "actor": ""}], "ok"),
        ([{**stop, "until": "soon"}], "failed"),
        ([{**stop, "actor": ""}, {**stop, "until": None}], "ok"),
        ([{**stop, "actor": ""}, {"what": "override", "until": ago(-900)}], "failed"),
    ):
        assert told(automation=records)[1]["state_debt"]["status"] == status, records


def test_both_languages_tell_each_item():
    for locale in ("pt_BR", "en"):
        for one in items(facts(), Words(locale, gate.TEXTS)):
            assert one["name"] != one["item"] and one["evidence"]
