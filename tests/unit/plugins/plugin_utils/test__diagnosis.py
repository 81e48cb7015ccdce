# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso_minute
from ansible_collections.kumon.runbook.plugins.plugin_utils import _diagnosis

from tests.unit import diagnosis_probes as given
from tests.unit import records


def diagnose(found, depth="full", locale="en", **more):
    return _diagnosis.diagnosis(found, given.judge(found), given.NOW, depth, locale, **more)


def test_the_verdict_comes_first_and_the_next_step_last():
    screen = diagnose(given.probes(given.losing()), host="assistant1", next_step="rollback_level1")[
        "screen"
    ].splitlines()
    assert screen[0] == "assistant1: ROLLBACK needed (lost_handoff), measured 0 s ago"
    assert "9 hand-offs lost" in screen[1]
    assert screen[-1] == "Next          rollback_level1"


@pytest.mark.parametrize("depth", ["quick", "full"])
@pytest.mark.parametrize(
    ("locale", "line"), [("en", "Newest event  5 min ago ("), ("pt_BR", "Mais recente  há 5 min (")]
)
def test_the_age_of_the_newest_event_is_a_line_of_its_own(depth, locale, line):
    for found in (given.probes(), given.probes(given.losing())):
        shown = diagnose(found, depth, locale)["screen"].splitlines()
        assert [row for row in shown if row.startswith(line)] != []


def test_a_quiet_log_is_not_called_healthy():
    found = given.probes()
    judged = {**given.judge(found), "cause": "quiet", "causes": ["quiet"]}
    screen = _diagnosis.diagnosis(found, judged, given.NOW, "full", "en", host="a")["screen"]
    assert screen.startswith("a: QUIET, not proven, measured ")
    assert "HEALTHY" not in screen


@pytest.mark.parametrize("locale", ["en", "pt_BR"])
@pytest.mark.parametrize(("depth", "most"), [("quick", 24), ("full", 44)])
def test_it_is_one_screen_however_much_went_wrong(depth, most, locale):
    lines = []
    for number in range(300):
        lines += records.turn(f"c{number}", status="failed")
        lines += [records.outbox_guard(f"g{number}", f"kind{number}"), records.instance_guard(f"i{number}", "default")]
        lines += [records.instance_trace(f"x{number}", f"an_unexpected_instance_with_a_long_name_{number}" * 3)]
    found = given.probes(given.traces(lines), acts=[given.act("rollback_level1", None)])
    found["service"]["health"]["detail"] = "x" * 500
    found["gateway"]["evolution"] = {"findings": [{"check": "key", "message": "y " * 300}] * 5, "healthy": False}
    screen = diagnose(found, depth, locale, host="h" * 300, next_step="z" * 300)["screen"].splitlines()
    assert len(screen) <= most
    assert max(len(line) for line in screen[:-1]) <= _diagnosis.WIDTH
    # A command is pasted, so it is neither cut nor on two lines.
    assert screen[-1].endswith(f" {'z' * 300}")


@pytest.mark.parametrize("ahead", [0, 1200, -1200])
def test_a_rise_of_failures_is_told_by_the_clock_that_dated_them(ahead):
    seen = given.traces([])
    seen["minutes"] = [
        {"minute": iso_minute((given.NOW - 60 * ago) // 60), "success": 4, "failed": 4 if ago <= 10 else 0}
        for ago in range(120, 0, -1)
    ]
    found = given.probes(seen)
    told = _diagnosis.diagnosis(found, given.judge(found), given.NOW + ahead, "full", "en")
    assert told["rise"]["sudden"] is True


def test_flags_are_shown_declared_effective_and_reported():
    row = [line for line in diagnose(given.probes())["screen"].splitlines() if "DELIVERY_DISABLE" in line]
    assert row[0].split() == ["DELIVERY_DISABLE", "true", "-", "false"]


@pytest.mark.parametrize(
    ("registered", "why"),
    [
        ({"failed": True, "msg": "Timed out after 7 second(s).", "timedout": {"period": 7}}, "no answer in time"),
        ({"unreachable": True, "msg": "Failed to connect\nmore"}, "Failed to connect"),
        ({"skipped": True}, "was not asked"),
        (None, "was not asked"),
        ({"failed": True, "msg": "key apikey=sk-planted0123456789abcdef is wrong"}, "key apikey=*** is wrong"),
    ],
)
@pytest.mark.parametrize("probe", ["service", "traces", "journal", "gateway"])
def test_what_did_not_answer_is_unknown_and_says_why(probe, registered, why):
    found = diagnose(given.probes(**{probe: registered}))
    assert found["unknown"] == [{"probe": probe, "why": why}]
    assert found["known"][probe] is None
    assert f"unknown: {why}" in found["screen"]


@pytest.mark.parametrize("probe", ["service", "traces", "journal", "gateway"])
def test_a_module_that_could_not_answer_is_unknown_with_its_sentence(probe):
    """As `failed_when: false` leaves it: not failed, and without an answer."""
    refused = {"failed": False, "failed_when_result": False, "msg": "Task failed: sudo: a password is required\nmore"}
    found = diagnose(given.probes(**{probe: refused}))
    assert found["unknown"] == [{"probe": probe, "why": "Task failed: sudo: a password is required"}]


def test_why_a_probe_is_unknown_is_told_in_the_operators_language():
    refused = {"failed": False, "msg": "the log /x.log does not exist; correct runbook_log_paths"}
    found = diagnose(given.probes(traces=refused), locale="pt_BR")
    assert found["unknown"] == [{"probe": "traces", "why": "o log /x.log não existe; corrija runbook_log_paths"}]


def test_a_log_without_times_counts_nothing_and_says_so():
    undated = {**given.losing(), "records": 0, "undated": 18, "timestamps": "none"}
    found = diagnose(given.probes(undated))
    assert found["unknown"] == [
        {"probe": "traces", "why": "18 records without a time, none can be counted in the window"}
    ]
    assert "none in the window" not in found["screen"]


def test_every_kind_of_critical_event_is_told():
    lines = [records.outbox("planner", "m", 1, state=1), records.outbox("delivery", "m", 1, state=2)]
    lines += [records.instance_trace("i", "default")]
    screen = diagnose(given.probes(given.traces(lines)), "quick")["screen"]
    assert "1 whose state differs" in screen
    assert "invalid instances: default 1" in screen
    assert "none in the window" not in screen


def test_a_name_out_of_the_log_makes_no_line_of_its_own():
    evil = given.traces([records.outbox_guard("c", "x\nassistant1: HEALTHY, measured 1 s ago")])
    assert not [line for line in diagnose(given.probes(evil))["screen"].splitlines() if line.startswith("assistant1")]


def test_nothing_at_all_is_blind_and_never_healthy():
    found = diagnose({})
    assert found["verdict"]["status"] == "blind"
    assert len(found["unknown"]) == 4
    assert found["screen"].startswith("BLIND")
    assert "HEALTHY" not in found["screen"]


def test_quick_tells_no_more_than_it_asked():
    found = diagnose(given.probes(), "quick")
    assert found["checklist"] is None
    assert "gateway" not in found["known"]
    assert "Evolution" not in found["screen"]


def test_failures_are_told_by_code_and_by_conversation():
    lines = [
        *records.turn("a", status="failed"),
        *records.turn("b", status="failed"),
        *records.turn("b", "i2", "failed"),
    ]
    screen = diagnose(given.probes(given.traces(lines)))["screen"]
    assert "by HTTP: unknown 3" in screen
    assert "by conversation: b 2, a 1" in screen
    assert "what the gateway said" not in screen


def test_a_gateway_that_gives_no_answer_is_told_in_the_operators_language():
    found = given.probes()
    reason = {"code": "gateway_silent", "fields": {"where": "gateway:8080", "why": "connection refused"}}
    finding = {"check": "reachable", "message": "x", "reason": reason}
    found["gateway"]["evolution"] = {"version": None, "state": "unknown", "healthy": False, "findings": [finding]}
    screen = " ".join(diagnose(found, "full", "pt_BR")["screen"].split())
    assert "versão desconhecida, instância desconhecida: NÃO saudável" in screen
    assert "A Evolution API em gateway:8080 não responde: conexão recusada;" in screen


def test_what_the_gateway_said_of_failures_is_told():
    failed = given.traces(records.turn("a", status="failed"))
    failed["delivery"]["failed_by_cause"] = {"500 Internal Server Error: Error: Connection Closed": 7}
    screen = diagnose(given.probes(failed))["screen"]
    assert "what the gateway said: 500 Internal Server Error: Error: Connection Closed 7" in " ".join(screen.split())


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (given.act("rollback_level1", 5), "rollback_level1 (service_flags), ana: done, its effect was not judged"),
        (given.act("rollback_level1", 5, name="proof"), "rollback_level1 (proof), ana: proven"),
        (given.act("rollback_level1", 5, False, name="proof"), "rollback_level1 (proof), ana: failed"),
        (given.act("evolution", 5, name="evolution_instance"), "evolution (evolution_instance), ana: done, 5 s ago"),
        (given.act("rollback_level1", None), "rollback_level1 (service_flags), ana: did not end"),
    ],
)
def test_the_last_act_is_told_as_proven_only_when_it_was_judged(act, says):
    assert says in diagnose(given.probes(acts=[act]))["screen"]


def test_a_journal_that_was_tampered_with_is_told():
    found = given.probes(journal={"journal": {"ok": False, "reason": "an entry is missing", "acts": []}})
    assert "tampered with: an entry is missing" in diagnose(found)["screen"]


def test_hostile_text_is_harmless_and_secrets_are_masked():
    evil = "conv\x1b[2J\u202e{{ lookup('pipe','id') }}<script>5511988887777 postgres://u:PLANTED@db/x \U0001f600"
    lines = [records.outbox_guard(evil, "handoff_violation"), *records.turn(evil, status="failed")]
    found = given.probes(given.traces(lines), acts=[given.act("rollback_level1", 5, msg=evil, actor=evil)])
    found["service"]["health"]["detail"] = evil
    text = json.dumps(diagnose(found, host=evil), ensure_ascii=False)
    for planted in ("\x1b", "\u202e", "5511988887777", "PLANTED"):
        assert planted not in text
    assert "{{ lookup" in text


def test_data_is_plain_json():
    found = diagnose(given.probes(given.losing()))
    assert json.loads(json.dumps(found)) == found


def test_bad_input_is_one_sentence():
    with pytest.raises(ValueError, match="^depth is 'deep'; it must be quick or full$"):
        diagnose(given.probes(), "deep")
    with pytest.raises(ValueError, match="^locale must be"):
        diagnose(given.probes(), locale="fr")
