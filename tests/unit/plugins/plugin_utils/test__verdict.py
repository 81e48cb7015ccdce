# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import itertools

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import merge_traces, wilson_interval
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES, verdict

WINDOW = {"since": "2025-09-04T19:00:00Z", "until": None}


def row(minute, success=0, failed=0):
    stamp = f"2025-09-04T{19 + minute // 60:02}:{minute % 60:02}Z"
    return {"minute": stamp, "success": success, "failed": failed, "lost": 0, "guards": 0}


def traces(minutes=None, **changes):
    """Healthy traces; `changes` are dotted: handoff__lost=1."""
    minutes = [row(m, 2) for m in range(30)] if minutes is None else minutes
    success, failed = sum(r["success"] for r in minutes), sum(r["failed"] for r in minutes)
    data = {
        "lines": 900,
        "bytes": 90_000,
        "records": 600,
        "first": "2025-09-04T19:00:01Z",
        "last": "2025-09-04T19:29:59Z",
        "timestamps": "own",
        "window": {"since": None, "until": None},
        "delivery": {
            "success": success,
            "failed": failed,
            "sent": success + failed,
            "success_rate": success / (success + failed) if success + failed else None,
            "failed_by_http": {},
            "unconfirmed": 0,
            "run": {"failures": 0, "recipients": 0},
        },
        "handoff": {
            "planned": success + failed,
            "read": success + failed,
            "lost": 0,
            "unread": 0,
            "unpaired": 0,
            "lost_keys": [],
            "state_mismatches": 0,
        },
        "guards": {"outbox": {}, "instance": {}, "incidents": 0},
        "instances": {"seen": {"kumon_assistant": 60}, "invalid": {}, "unexpected": {}},
        "minutes": minutes,
        "samples": {"failures": [], "guards": [], "lost": []},
    }
    for path, value in changes.items():
        *sections, name = path.split("__")
        section = data
        for key in sections:
            section = section[key]
        section[name] = value
    return data


def nothing_seen(**changes):
    return traces([], records=0, first=None, last=None, **changes)


def stage(wrong, well, losses=4):
    """Half an hour in which a stage goes well, then so many losses in two minutes; no result is missing."""
    fine = [{**row(m, 2), well: 2, wrong: 0} for m in range(30)]
    return [*fine, {**row(30), well: 0, wrong: 2}, {**row(31), well: 0, wrong: losses - 2}]


def covered(there, window, **more):
    return {"ok": True, "covered_seconds": there, "window_seconds": window, "first": "19:00", **more}


# Each cause by itself, with the least that brings it about: (traces, options, status, level, next level, the reason).
LEVEL_BY_CAUSE = {
    "none": (traces(), {}, "ok", 0, None, "100.0 % of 60 delivered (95 % interval 94.0 % to 100.0 %, M = 4.4)."),
    "lost_handoff": (
        traces(handoff__lost=6),
        {},
        *("rollback", 1, 2),
        "6 hand-offs lost: planned, and empty when the delivery read it.",
    ),
    "outbox_guard": (
        traces(guards={"outbox": {"handoff_violation": 10_000}, "instance": {}, "incidents": 1}),
        {},
        *("rollback", 1, 2),
        "OUTBOX_GUARD at level CRITICAL: 'handoff_violation' 10000 times (1 incident of all guards).",
    ),
    "instance_guard": (
        traces(guards={"outbox": {}, "instance": {"invalid_pattern": 3}, "incidents": 2}),
        {},
        *("rollback", 1, 2),
        "INSTANCE_GUARD at level CRITICAL: 'invalid_pattern' 3 times (2 incidents of all guards).",
    ),
    "invalid_instance": (
        traces(instances__invalid={"default": 2, "": 1, "thread_5511910182137": 1}),
        {},
        *("rollback", 1, 2),
        "Invalid instance in use: 'default' 2 times, '' 1 time, 'thread_***2137' 1 time.",
    ),
    "state_mismatch": (
        traces(handoff__state_mismatches=1),
        {},
        *("rollback", 1, 2),
        "1 hand-off whose state differs between planner and delivery.",
    ),
    "level2_not_stable": (
        traces(handoff__lost=1),
        {"level2_active": True},
        *("rollback", 3, None),
        "The flags of level 2 are in force and incidents are still seen.",
    ),
    "kill_switch_ignored": (
        traces(),
        {"delivery_disabled": True},
        *("rollback", 1, 3),
        "Delivery is switched off, and all the same 60 messages went out.",
    ),
    "gateway_down": (
        traces(),
        {"gateway_healthy": False},
        *("rollback", 1, None),
        "The Evolution API is down or its instance is not connected.",
    ),
    "delivery_failing": (
        traces([row(0, 0, 2), row(1, 0, 2)]),
        {},
        *("rollback", 1, None),
        "0.0 % of 4 delivered (95 % interval 0.0 % to 49.0 %, M = 11065). M has reached 10000 (rollback).",
    ),
    "service_down": (traces(), {"service_running": False}, "blind", 3, None, "The service is not running."),
    "service_silent": (
        traces(),
        {"service_running": True, "service_answering": False},
        *("watch", 0, 3),
        "The service runs, but its health gives no sound answer.",
    ),
    "service_ill": (
        traces(),
        {"service_running": True, "service_answering": True, "service_ill": "unhealthy"},
        *("watch", 0, None),
        "Health itself says that the service is not well: unhealthy.",
    ),
    "service_unknown": (
        traces(),
        {"service_known": False},
        *("blind", 0, None),
        "The service could not be measured; a good log proves nothing of it.",
    ),
    "log_unreadable": (
        None,
        {},
        *("blind", 0, None),
        "There are no traces: the log or journal could not be read.",
    ),
    "no_timestamps": (
        traces([], window=WINDOW, timestamps="none"),
        {},
        *("blind", 0, None),
        "A window was asked for and the log has no times, so nothing can be placed in it.",
    ),
    "no_data": (
        nothing_seen(),
        {},
        *("blind", 0, None),
        "There is no trace of any kind in the window although messages are expected.",
    ),
    "kill_switch": (
        traces([], handoff__planned=9, handoff__read=9),
        {"delivery_disabled": True},
        *("watch", 0, None),
        "Safe mode: delivery is switched off, so messages are planned and none is delivered.",
    ),
    "unread_handoff": (
        traces(handoff__unread=1),
        {},
        *("watch", 0, 1),
        "1 hand-off planned and not read by the delivery in time.",
    ),
    "delivery_degraded": (
        traces([*(row(m, 2) for m in range(30)), row(30, 0, 3)]),
        {},
        *("watch", 0, 1),
        "95.2 % of 63 delivered (95 % interval 86.9 % to 98.4 %, M = 1735). M has reached 300 (watch).",
    ),
    "unexpected_instance": (
        traces(instances__unexpected={"other": 2}),
        {},
        *("watch", 0, 1),
        "Another instance than the expected one in use: 'other' 2 times.",
    ),
    "planning_stopped": (
        traces(stage("unplanned", "planned")),
        {},
        *("rollback", 1, 2),
        "For 4 of 64 messages nothing was planned (M = 11847). M has reached 10000 (rollback).",
    ),
    "reading_stopped": (
        traces(stage("unread", "read")),
        {},
        *("rollback", 1, 2),
        "4 of 64 planned messages were not read by the delivery in time (M = 11847). M has reached 10000 (rollback).",
    ),
    "sending_stopped": (
        traces(stage("unsent", "sent")),
        {},
        *("rollback", 1, 2),
        "4 of 64 messages that were read were not sent in time (M = 11847). M has reached 10000 (rollback).",
    ),
    "not_understood": (
        nothing_seen(grammars={}),
        {},
        *("blind", 0, None),
        "The log has 900 lines and no event of a known grammar: its grammar is not recognised.",
    ),
    "not_owned": (
        traces(evidence={"owned": {"ok": False, "reason": "they write to the journal"}}),
        {},
        *("blind", 0, None),
        "The log is not the one that the processes of this service write: they write to the journal.",
    ),
    "not_covered_process": (
        traces(evidence={"covered": {"ok": False, "process_seen": False}}),
        {},
        *("blind", 0, None),
        "The present process has left no trace in the log.",
    ),
    "incomplete": (
        traces(evidence={"covered": {"ok": False, "incomplete": "stopped after 20 s"}}),
        {},
        *("blind", 0, None),
        "The measurement is incomplete: stopped after 20 s.",
    ),
    "stale": (
        traces(
            evidence={"fresh": {"ok": False, "age_seconds": 1800, "rate_per_minute": 2.0, "limit_seconds": 600}},
        ),
        {},
        *("blind", 0, None),
        "The newest event is 30 min old; after 2 a minute more than 10 min of silence is too long.",
    ),
    "held_by_fence": (
        traces([], delivery__sent=3, handoff__planned=3),
        {"fenced": {"present": True, "attempts": 12, "since": "19:10"}},
        *("watch", 0, None),
        "Held by the fence since 19:10: 12 attempts.",
    ),
    "planning_degraded": (
        traces(stage("unplanned", "planned", 3)),
        {},
        *("watch", 0, 1),
        "For 3 of 63 messages nothing was planned (M = 1743). M has reached 300 (watch).",
    ),
    "sending_degraded": (
        traces(stage("unsent", "sent", 3)),
        {},
        *("watch", 0, 1),
        "3 of 63 messages that were read were not sent in time (M = 1743). M has reached 300 (watch).",
    ),
    "few_failed": (
        traces([row(0, 0, 2)]),
        {},
        *("watch", 0, 1),
        "Nothing was delivered: 2 failed deliveries, too few to say more.",
    ),
    "results_contradict": (
        traces(contradicting=3),
        {},
        *("watch", 0, None),
        "3 of 63 results contradict themselves: success with an HTTP error. They count as neither.",
    ),
    "results_unbelieved": (
        traces(stage("contradicting", "success"), contradicting=4),
        {},
        *("rollback", 1, None),
        "4 of 64 results contradict themselves: success with an HTTP error. They count as neither. "
        "M has reached 10000 (rollback).",
    ),
    "results_without_send": (
        traces(stage("without_send", "sent", 3)),
        {},
        *("watch", 0, None),
        "3 of 63 results have no send: the message was read and settled, and the log shows no send. "
        "M has reached 300 (watch).",
    ),
    "dropped": (
        traces(stages={"received": 60, "dropped": 4}),
        {},
        *("watch", 0, None),
        "The assistant says that it dropped 4 messages for which nobody got an answer; 60 came in.",
    ),
    "repeated_sends": (
        traces(stages={"sent": 60, "repeated": 4}),
        {},
        *("watch", 0, 1),
        "4 of 60 answers are copies: sent more often than planned.",
    ),
    "sent_in_part": (
        traces(stages={"sent": 60, "missing": 4}),
        {},
        *("watch", 0, None),
        "4 of 64 messages were not sent, of answers that went out in part only.",
    ),
    "delivery_late": (
        traces(late={"read": 4, "settled": 0}),
        {},
        *("watch", 0, None),
        "Messages are late: 4 were read and 0 settled after more than 60 s.",
    ),
    "ambiguous": (
        traces(ambiguous=2),
        {},
        *("watch", 0, None),
        "2 records may be a customer's text; nobody acts on them.",
    ),
    "not_covered": (
        traces(evidence={"covered": covered(600, 14_400)}),
        {},
        *("watch", 0, None),
        "The log covers only 10 min of the 4 h asked for: it begins at 19:00.",
    ),
    "partly_understood": (
        traces(evidence={"understood": {"ok": False, "share": 0.4}}),
        {},
        *("watch", 0, None),
        "Only 40.0 % of the lines that name a trace were understood.",
    ),
    "quiet": (
        nothing_seen(),
        {"messages_expected": False},
        *("ok", 0, None),
        "Quiet, not proven: there is no trace in the window, and no messages were expected.",
    ),
}


def test_every_cause_of_the_table_has_its_case():
    assert set(LEVEL_BY_CAUSE) == set(CAUSES)


@pytest.mark.parametrize("cause", LEVEL_BY_CAUSE)
def test_level_by_cause(cause):
    data, options, status, level, next_level, reason = LEVEL_BY_CAUSE[cause]
    before = copy.deepcopy(data)
    result = verdict(data, **options)
    assert list(result) == [
        *("status", "level", "next_level", "cause", "causes", "reasons", "delivery", "evidence", "would_change"),
        *("quality", "held", "tests", "first_sign"),
    ]
    assert (result["status"], result["level"], result["next_level"]) == (status, level, next_level)
    assert result["cause"] == cause
    assert result["reasons"][0] == reason
    assert result["would_change"].endswith(".")
    portuguese = verdict(data, **options, locale="pt_BR")
    for text in ("reasons", "would_change"):
        assert portuguese.pop(text) != result[text]
    assert portuguese == {key: value for key, value in result.items() if key in portuguese}
    assert data == before
    assert verdict(data, **options) == result


@pytest.mark.parametrize("wrong", ["failed", "lost", "guards"])
def test_the_first_sign_is_the_first_minute_with_anything_wrong_where_it_came_to_a_rollback(wrong):
    minutes = [row(m, 2) for m in range(30)]
    for minute in (7, 25):
        minutes[minute][wrong] = 1
    assert verdict(traces(minutes, handoff__lost=6))["first_sign"] == minutes[7]["minute"]
    assert verdict(traces(minutes, handoff__unread=1))["first_sign"] is None
    assert verdict(traces(handoff__lost=6))["first_sign"] is None


def test_worst_status_wins_and_everything_found_is_told():
    data = traces(handoff__lost=1, handoff__unread=1, instances__unexpected={"x": 1})
    result = verdict(data, service_running=False)
    assert result["status"] == "rollback"
    assert result["causes"] == ["lost_handoff", "service_down", "unread_handoff", "unexpected_instance"]
    assert len(result["reasons"]) == 5  # and the rate


def test_any_two_findings_give_the_cause_and_level_of_the_worse():
    findings = {
        "lost_handoff": {"handoff__lost": 1},
        "invalid_instance": {"instances__invalid": {"default": 1}},
        "state_mismatch": {"handoff__state_mismatches": 1},
        "delivery_failing": {"delivery__run": {"failures": 4, "recipients": 3}},
        "no_data": {"records": 0},
        "unread_handoff": {"handoff__unread": 1},
        "unexpected_instance": {"instances__unexpected": {"x": 1}},
    }
    for worse, milder in itertools.combinations(sorted(findings, key=list(CAUSES).index), 2):
        result = verdict(traces(**findings[milder], **findings[worse]))
        assert result["causes"] == [worse, milder]
        assert (result["status"], result["level"], result["next_level"]) == CAUSES[worse]


def test_the_table_is_ordered_from_worst_to_best():
    statuses = [rule.status for rule in CAUSES.values()]
    assert statuses == sorted(statuses, key=("rollback", "blind", "watch", "ok").index)


# -- blind -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unread", [None, {}])
def test_traces_that_could_not_be_read_are_blind(unread):
    result = verdict(unread)
    assert (result["status"], result["cause"], result["delivery"]["rate"]) == ("blind", "log_unreadable", None)
    assert verdict(unread, messages_expected=False)["status"] == "blind"


def test_a_missing_part_is_blind_and_named_but_hides_no_incident():
    data = traces()
    del data["handoff"], data["records"]
    result = verdict(data)
    assert (result["status"], result["causes"]) == ("blind", ["log_unreadable"])
    assert result["reasons"][0] == "The traces are incomplete: records, handoff missing."
    data["instances"]["invalid"] = {"default": 1}
    assert verdict(data)["status"] == "rollback"


def test_keys_that_are_extra_may_be_missing():
    data = traces()
    del data["window"], data["delivery"]["sent"], data["delivery"]["run"], data["instances"]["unexpected"]
    del data["handoff"]["unpaired"], data["guards"]["incidents"]
    assert verdict(data)["status"] == "ok"
    data["guards"]["outbox"] = {"handoff_violation": 1}
    assert verdict(data)["status"] == "rollback"


def test_no_trace_is_blind_unless_no_message_is_expected():
    assert verdict(nothing_seen())["cause"] == "no_data"
    result = verdict(nothing_seen(), messages_expected=False)
    assert (result["status"], result["cause"]) == ("ok", "quiet")
    assert result["reasons"][0].startswith("Quiet, not proven: there is no trace in the window")
    assert result["would_change"] == "A message that the assistant handles."


def test_a_service_that_is_down_calls_for_level_3_whatever_else_is_missing():
    for data in (None, nothing_seen(), traces()):
        result = verdict(data, service_running=False)
        assert (result["status"], result["level"], result["cause"]) == ("blind", 3, "service_down")


def test_no_timestamps_matter_only_when_a_window_was_asked():
    assert verdict(traces([], timestamps="none", handoff__planned=1))["status"] == "ok"
    assert verdict(traces([], timestamps="none", window=WINDOW))["status"] == "blind"
    assert verdict(traces(timestamps="inherited", window=WINDOW))["status"] == "ok"


def test_records_without_a_time_are_of_a_known_grammar():
    seen = nothing_seen(grammars={}, undated=900, timestamps="none", window=WINDOW)
    found = verdict(seen)
    assert (found["status"], found["cause"]) == ("blind", "no_timestamps")
    assert "not_understood" not in found["causes"]


# -- hand-offs and guards --------------------------------------------------------------------------------------------


def test_guards_below_critical_are_no_incident():
    data = traces(guards={"outbox": {}, "instance": {}, "incidents": 0, "other_levels": {"warning": 9}})
    assert verdict(data)["status"] == "ok"


def test_none_of_four_planned_ever_read_is_a_lost_handoff():
    def planned(unread, read=0, **options):
        data = traces([], handoff__planned=unread + read, handoff__unread=unread, handoff__read=read)
        return verdict(data, **options)

    result = planned(4)
    assert (result["status"], result["cause"], result["level"]) == ("rollback", "lost_handoff", 1)
    assert result["reasons"][0] == "None of 4 hand-offs that were planned was ever read by the delivery."
    assert planned(3)["cause"] == "unread_handoff"
    assert planned(4, read=1)["cause"] == "unread_handoff"
    assert planned(4, delivery_disabled=True)["causes"] == ["kill_switch"]


def test_names_from_the_log_are_redacted_cut_and_few():
    result = verdict(traces(instances__invalid={f"thread_{n}": n for n in range(1, 8)}))
    assert result["reasons"][0].endswith("'thread_3' 3 times, 2 more.")
    result = verdict(traces(instances__unexpected={"\x1b[2J" + "x" * 500: 1}))
    assert result["reasons"][0].count("x") < 70
    assert "\x1b" not in result["reasons"][0]


def test_level_2_is_not_stable_only_for_what_it_should_have_ended():
    assert verdict(traces(instances__invalid={"default": 1}), level2_active=True)["level"] == 3
    assert verdict(traces([row(0, 0, 9)]), level2_active=True)["cause"] == "delivery_failing"
    assert verdict(traces(), level2_active=True)["status"] == "ok"


# -- kill-switch -----------------------------------------------------------------------------------------------------


def read_but_not_sent(read=4):
    return traces([], handoff__planned=read, handoff__read=read)


def test_read_and_not_sent_is_failing_delivery_unless_it_is_switched_off():
    for unknown in (None, False):
        result = verdict(read_but_not_sent(), delivery_disabled=unknown)
        assert (result["status"], result["cause"], result["level"]) == ("rollback", "delivery_failing", 1)
        assert result["reasons"][0] == "The delivery read 4 hand-offs and sent none."
    assert verdict(read_but_not_sent(3))["status"] == "ok"
    result = verdict(read_but_not_sent(), delivery_disabled=True)
    assert (result["status"], result["cause"]) == ("watch", "kill_switch")
    assert "roll_forward.yml" in result["would_change"]


def test_something_worse_than_the_kill_switch_wins():
    result = verdict(traces([], handoff__read=4, handoff__lost=1), delivery_disabled=True)
    assert result["causes"] == ["lost_handoff", "kill_switch"]
    assert verdict(nothing_seen(), delivery_disabled=True)["cause"] == "no_data"


# -- delivery --------------------------------------------------------------------------------------------------------


def test_evidence_is_the_formula_over_the_minutes():
    minutes = [row(0, 3, 0), row(1, 0, 1), row(2), row(5, 1, 1)]
    levels = [0.0] * 4
    for s, f in [(3, 0), (0, 1), (1, 1)]:
        levels = [(x + 1) * (q / 0.95) ** s * ((1 - q) / 0.05) ** f for x, q in zip(levels, (0.92, 0.85, 0.6, 0.1))]
    assert verdict(traces(minutes))["evidence"] == pytest.approx(sum(levels) / 4)
    assert verdict(traces(list(reversed(minutes)))) == verdict(traces(minutes))


def test_thresholds_and_target_are_options_and_may_be_text():
    data = traces([row(0, 0, 2)])  # M = 99.9
    assert verdict(data)["cause"] == "few_failed"
    assert verdict(data, watch="99")["status"] == "watch"
    assert verdict(data, watch=10, rollback="99")["status"] == "rollback"
    assert verdict(data, target="0.99")["status"] == "watch"


@pytest.mark.parametrize(("failures", "recipients", "called"), [(4, 3, True), (3, 3, False), (4, 2, False)])
def test_four_failures_in_a_row_over_three_recipients(failures, recipients, called):
    run = {"failures": failures, "recipients": recipients}
    result = verdict(traces(delivery__run=run))
    assert (result["cause"] == "delivery_failing") == called
    if called:
        assert result["reasons"][0].startswith("The last 4 deliveries all failed, over 3 recipients. 100.0 % of 60")
        assert result["would_change"] == "A delivery that succeeds."


def test_watch_lasts_until_15_quiet_minutes_have_passed():
    minutes = [row(0, 0, 3)]
    while (result := verdict(traces(minutes)))["evidence"] >= 10:
        minutes.append(row(len(minutes), 5))
        assert len(minutes) < 200
    assert (result["status"], result["cause"]) == ("watch", "delivery_degraded")
    assert result["reasons"][0].endswith("M has reached 300 (watch) and not stayed below 10.5 for 15 minutes since.")
    assert result["would_change"] == "M staying below 10.5 for 15 minutes."
    assert "abaixo de 10,5" in verdict(traces(minutes), locale="pt_BR")["would_change"]
    n = len(minutes)
    assert verdict(traces([*minutes, *(row(m, 5) for m in range(n, n + 14))]))["status"] == "watch"
    assert verdict(traces([*minutes, *(row(m, 5) for m in range(n, n + 15))]))["status"] == "ok"


def test_would_change_comes_true():
    failing = [row(m, 0, 2) for m in range(3)]
    result = verdict(traces(failing))
    n = int(result["would_change"].split()[0])
    assert (
        result["would_change"]
        == f"{n} message{'s' * (n != 1)} without failure, or a window that begins after the repair."
    )
    assert verdict(traces([*failing, *(row(3 + m, 1) for m in range(n - 1))]))["status"] == "rollback"
    result = verdict(traces([*failing, *(row(3 + m, 1) for m in range(n))]))
    assert result["status"] == "watch"
    more = int(result["would_change"].split()[0])
    quiet = [*failing, *(row(3 + m, 1) for m in range(n + more))]
    assert verdict(traces(quiet))["evidence"] < 10.5
    later = row(3 + n + more + 15, 1)
    assert verdict(traces(quiet))["status"] == "watch"
    assert verdict(traces([*quiet, later]))["status"] == "ok"

    result = verdict(traces())
    assert result["would_change"] == "Any critical incident, or 3 failed deliveries in a row."
    assert verdict(traces([*(row(m, 2) for m in range(30)), *(row(30 + m, 0, 1) for m in range(2))]))["status"] == "ok"
    assert (
        verdict(traces([*(row(m, 2) for m in range(30)), *(row(30 + m, 0, 1) for m in range(3))]))["status"] == "watch"
    )


def test_totals_without_times_never_call_for_more_than_watch():
    def totals(success, failed):
        data = traces([], timestamps="none")
        data["delivery"].update(success=success, failed=failed, sent=success + failed)
        return verdict(data)

    assert totals(92, 8)["status"] == "ok"  # the interval reaches 95.9 %
    result = totals(80, 20)
    assert (result["status"], result["cause"], result["evidence"]) == ("watch", "delivery_degraded", 0.0)
    assert result["reasons"] == [
        "80.0 % of 100 delivered (95 % interval 71.1 % to 86.7 %). "
        "The whole interval is below the target of 95.0 %; times are missing to say more."
    ]
    assert totals(0, 500)["status"] == "watch"


def test_delivery_is_the_rate_of_the_totals():
    data = traces()
    data["delivery"].update(success=92, failed=5, unconfirmed=3)
    assert verdict(data)["delivery"] == {"rate": 0.92, **wilson_interval(92, 100), "n": 100}


# -- stages and recipients -------------------------------------------------------------------------------------------

PAIRS = {"unplanned": "planned", "unread": "read", "unsent": "sent", "failed": "success"}


@pytest.mark.parametrize("wrong", PAIRS)
@pytest.mark.parametrize(("recipients", "status"), [(2, "watch"), (3, "rollback")])
def test_a_rollback_takes_three_recipients(wrong, recipients, status):
    minutes = [*(row(m, 2) for m in range(30)), row(30, 0, 2), row(31, 0, 2)]
    minutes = minutes if wrong == "failed" else stage(wrong, PAIRS[wrong])
    result = verdict(traces(minutes, recipients={wrong: recipients}))
    assert result["status"] == status
    assert ("too few recipients (2)" in result["reasons"][0]) is (status == "watch")


@pytest.mark.parametrize("cause", ["lost_handoff", "delivery_failing"])
def test_totals_need_three_recipients_as_well(cause):
    wrong, data = ("unread", {"unread": 9}) if cause == "lost_handoff" else ("unsent", {"read": 9})
    for recipients, called in ((2, False), (3, True)):
        seen = traces([], handoff={"planned": 9, "read": 0, **data}, recipients={wrong: recipients})
        assert (verdict(seen)["cause"] == cause) is called
        assert verdict(seen)["status"] == ("rollback" if called else "watch")


def test_one_customers_phone_is_no_outage():
    run = {"failures": 6, "recipients": 1}
    assert verdict(traces([row(m, 0, 1) for m in range(6)], delivery__run=run))["status"] == "watch"


@pytest.mark.parametrize("wrong", ["unplanned", "unread", "unsent"])
def test_a_stage_of_which_nothing_went_on_is_watched_however_few(wrong):
    assert verdict(traces([{**row(0), wrong: 1, PAIRS[wrong]: 0}], handoff__planned=1))["status"] == "watch"


@pytest.mark.parametrize("wrong", PAIRS)
@pytest.mark.parametrize(
    ("lost", "went_on", "recipients", "status"),
    [(4, 7, 4, "watch"), (4, 7, 2, "ok"), (3, 8, 3, "ok"), (4, 15, 4, "watch"), (4, 16, 4, "ok")],
)
def test_a_stage_that_loses_many_of_few_messages_is_watched(wrong, lost, went_on, recipients, status):
    n = lost + went_on
    bad = [m % -(-n // lost) == 0 for m in range(n)]
    minutes = [{**row(10 * m), PAIRS[wrong]: int(not bad[m]), wrong: int(bad[m])} for m in range(n)]
    seen = traces(minutes, recipients={wrong: recipients}, handoff__planned=n, handoff__read=n, delivery__sent=n)
    result = verdict(seen)
    assert result["status"] == status
    assert ("Of so few" in result["reasons"][0]) is (status == "watch")


@pytest.mark.parametrize("wrong", PAIRS)
def test_what_few_messages_lost_and_has_worked_since_is_over(wrong):
    # Lost ones lie apart, so that they are no row of four; by now it has worked twice as long as it took to lose one.
    bad = [m in (0, 3, 5, 8) for m in range(19)]
    for n, status in ((11, "watch"), (19, "ok")):
        minutes = [{**row(10 * m), PAIRS[wrong]: int(not bad[m]), wrong: int(bad[m])} for m in range(n)]
        seen = traces(minutes, recipients={wrong: 4}, handoff__planned=n, handoff__read=n, delivery__sent=n)
        assert verdict(seen)["status"] == status


def test_the_kill_switch_explains_what_is_neither_read_nor_sent():
    for wrong in ("unread", "unsent"):
        minutes = [{**minute, "success": 0} for minute in stage(wrong, PAIRS[wrong])]
        result = verdict(traces(minutes, handoff__planned=64), delivery_disabled=True)
        assert result["causes"] == ["kill_switch"]


def test_what_is_over_is_over():
    outage = [*(row(m, 20) for m in range(60)), *(row(m, 0, 20) for m in range(60, 70))]
    result = verdict(traces(outage))
    assert (result["cause"], result["held"], result["tests"]["results"]["total"]) == ("delivery_failing", 10, True)
    assert verdict(traces([*outage, row(70, 20)]))["status"] == "watch"
    since = [*outage, *(row(m, 20) for m in range(70, 190))]
    assert verdict(traces(since))["status"] == "ok"


@pytest.mark.parametrize("status", ["few", "many"])
def test_a_few_copies_late_answers_and_contradictions_are_no_finding(status):
    few = {"contradicting": 1, "stages": {"sent": 60, "repeated": 2}, "late": {"read": 2, "settled": 2}}
    many = {"contradicting": 3, "stages": {"sent": 60, "repeated": 4}, "late": {"read": 0, "settled": 4}}
    found = verdict(traces(**(few if status == "few" else many)))
    assert found["causes"] == ([] if status == "few" else ["results_contradict", "repeated_sends", "delivery_late"])


def test_what_is_dropped_for_a_while_is_watched_although_it_is_little_of_the_whole_window():
    seen = traces(stage("dropped", "read", 3), stages={"received": 600, "dropped": 6})
    found = verdict(seen)
    assert (found["status"], found["cause"], found["held"]) == ("watch", "dropped", 0)
    assert found["reasons"][0].endswith("600 came in. M has reached 300 (watch).")
    assert "dropped" not in verdict(seen, delivery_disabled=True)["causes"]


def test_a_few_dropped_messages_are_no_finding_and_with_the_kill_switch_none_are():
    assert verdict(traces(stages={"received": 60, "dropped": 3}))["causes"] == []
    assert verdict(traces(stages={"received": 2, "dropped": 2}))["causes"] == []
    safe = traces([{**row(0), "success": 0}], handoff__planned=60, stages={"received": 60, "dropped": 20})
    assert verdict(safe, delivery_disabled=True)["causes"] == ["kill_switch"]


@pytest.mark.parametrize(("copies", "causes"), [(2, []), (3, ["repeated_sends"]), (7, ["repeated_sends"])])
def test_one_customer_who_gets_an_answer_again_and_again_is_a_finding(copies, causes):
    found = verdict(traces(stages={"sent": 600, "repeated": copies, "repeated_most": copies}))
    assert found["causes"] == causes
    assert not causes or f"{copies + 1} times to one family" in found["reasons"][0]


# -- evidence --------------------------------------------------------------------------------------------------------


def test_what_was_not_asked_hinders_nothing():
    nothing = dict.fromkeys(("fresh", "covered", "owned", "understood"))
    for evidence in (None, {}, nothing, {name: {"ok": None} for name in nothing}):
        assert verdict(traces(evidence=evidence))["cause"] == "none"
    assert verdict(traces(evidence=nothing))["quality"] == nothing


def test_the_age_of_the_newest_event_is_told():
    result = verdict(traces(evidence={"fresh": {"ok": True, "age_seconds": 75}}))
    assert result["reasons"][0].endswith("M = 4.4). Newest event 1 min 15 s ago.")
    measured = traces(measured="2025-09-04T19:32:59Z")
    assert verdict(measured)["reasons"][0].endswith("Newest event 3 min ago.")
    assert "Newest event 3 min ago." in verdict({**measured, "ambiguous": 1})["reasons"][-1]


def test_a_silent_log_is_quiet_only_where_no_message_is_expected():
    stale = {"fresh": {"ok": False, "age_seconds": 9000, "rate_per_minute": 2, "limit_seconds": 600}}
    assert verdict(traces(evidence=stale))["status"] == "blind"
    result = verdict(traces(evidence=stale), messages_expected=False)
    assert (result["status"], result["cause"]) == ("ok", "quiet")
    assert result["reasons"][0].startswith("Quiet, not proven")
    # Silence hides nothing that was seen.
    assert verdict(traces(evidence=stale, handoff__lost=1), messages_expected=False)["status"] == "rollback"


STALE = {"fresh": {"ok": False, "age_seconds": 9000, "rate_per_minute": 2, "limit_seconds": 600}}


@pytest.mark.parametrize(
    ("beats", "silent", "found"),
    [
        (True, {"evidence": STALE}, ("ok", "quiet")),
        (False, {"evidence": STALE}, ("blind", "stale")),
        (None, {"evidence": STALE}, ("blind", "stale")),
        (True, {"records": 0}, ("ok", "quiet")),
        (False, {"records": 0}, ("blind", "no_data")),
        (False, {}, ("ok", "none")),  # messages come in, whatever became of the heartbeat
    ],
)
def test_in_silence_a_heartbeat_tells_quiet_from_dead(beats, silent, found):
    heartbeat = {"ok": beats, "records": 3, "age_seconds": 120.0, "limit_seconds": 900.0}
    seen = nothing_seen(heartbeat=heartbeat) if "records" in silent else traces(heartbeat=heartbeat, **silent)
    result = verdict(seen)
    assert (result["status"], result["cause"]) == found
    if beats and silent:
        assert result["reasons"][0].startswith("Quiet, not proven") and "heartbeat of 2 min" in result["reasons"][0]
    assert any("No heartbeat" in reason for reason in result["reasons"]) == (beats is False and bool(silent))
    # Without one it is no quiet night either; with one it hides nothing that was seen.
    if silent:
        at_night = verdict(seen, messages_expected=False)
        assert at_night["status"] == ("blind" if beats is False else "ok")
    assert verdict({**traces(handoff__lost=1), "heartbeat": heartbeat})["status"] == "rollback"


def test_of_a_fleet_the_host_without_a_heartbeat_is_told():
    deaf = traces(evidence=STALE, heartbeat={"ok": False, "limit_seconds": 900.0})
    heard = traces(evidence=STALE, heartbeat={"ok": True, "age_seconds": 5.0, "limit_seconds": 900.0})
    for hosts in ([deaf, heard], [heard, deaf]):
        merged = merge_traces(hosts)
        assert merged["heartbeat"]["ok"] is False
        assert verdict(merged)["status"] == "blind"
    assert verdict(merge_traces([heard, heard]))["status"] == "ok"


@pytest.mark.parametrize(("expected", "found"), [(True, ("blind", "not_covered_process")), (False, ("ok", "quiet"))])
def test_a_process_that_nobody_has_written_to_yet_is_quiet_only_where_no_message_is_expected(expected, found):
    young = traces(evidence={"covered": {"ok": False, "process_seen": False}})
    result = verdict(young, messages_expected=expected)
    assert (result["status"], result["cause"]) == found
    failing = verdict(LEVEL_BY_CAUSE["delivery_failing"][0], messages_expected=expected)
    assert failing["status"] == "rollback"


SCHOOL = {"expected_hours": "08:00-19:00 mon-fri; 08:00-12:00 sat", "time_zone": "America/Sao_Paulo"}


def silent(newest, measured, limit=600, **more):
    """A log whose newest message is of `newest`, measured at `measured`, both by the clock of Sao Paulo."""
    fresh = {"ok": False, "newest": f"2026-11-{newest}-03:00", "age_seconds": 9000, "rate_per_minute": 2}
    return traces(
        evidence={"fresh": {**fresh, "limit_seconds": limit}, **more},
        measured=f"2026-11-{measured}-03:00",
        window={"since": "2026-11-20T00:00:00Z", "until": None},
    )


# 2026-11-27 is a Friday.
@pytest.mark.parametrize(
    ("newest", "measured", "limit", "cause"),
    [
        ("27T14:00:00", "27T14:30:00", 600, "stale"),
        # What fell silent in the afternoon is no night: the hours are over, the silence within them counts.
        ("27T14:00:00", "27T23:00:00", 600, "stale"),
        ("27T18:55:00", "27T23:00:00", 600, "quiet"),
        ("26T18:58:00", "27T08:07:00", 600, "quiet"),
        ("26T18:58:00", "27T08:20:00", 600, "stale"),
        # At a lower rate a longer silence is none.
        ("26T18:58:00", "27T08:20:00", 3600, "quiet"),
        ("28T11:58:00", "29T20:00:00", 600, "quiet"),
    ],
)
def test_silence_counts_only_within_the_expected_hours(newest, measured, limit, cause):
    result = verdict(silent(newest, measured, limit), **SCHOOL)
    assert result["cause"] == cause
    assert result["status"] == {"stale": "blind", "quiet": "ok"}[cause]
    if cause == "quiet":
        assert result["reasons"][0].startswith("Quiet, not proven")
    # Without hours, and without the time of the measurement, nothing is excused.
    assert verdict(silent(newest, measured, limit))["cause"] == "stale"
    assert verdict({**silent(newest, measured, limit), "measured": None}, **SCHOOL)["cause"] == "stale"


def test_the_hours_hide_nothing_that_was_seen():
    night = silent("27T18:55:00", "27T23:00:00")
    assert verdict({**night, "ambiguous": 1}, **SCHOOL)["status"] == "watch"
    lost = {**night, "handoff": {**night["handoff"], "lost": 1}}
    assert verdict(lost, **SCHOOL)["status"] == "rollback"
    assert verdict(night, service_running=False, **SCHOOL)["cause"] == "service_down"


@pytest.mark.parametrize(
    ("since", "measured", "cause"),
    [
        ("2026-11-27T23:00:00-03:00", "2026-11-28T03:00:00-03:00", "quiet"),
        ("2026-11-27T14:00:00-03:00", "2026-11-27T18:00:00-03:00", "no_data"),
        ("2026-11-27T04:05:00-03:00", "2026-11-27T08:05:00-03:00", "quiet"),
        ("2026-11-27T17:00:00-03:00", "2026-11-27T21:00:00-03:00", "no_data"),
    ],
)
def test_a_window_without_any_message_is_judged_by_its_expected_part(since, measured, cause):
    seen = nothing_seen(window={"since": since, "until": None}, measured=measured)
    assert verdict(seen, **SCHOOL)["cause"] == cause


@pytest.mark.parametrize(
    ("started", "cause"),
    [("27T22:00:00", "quiet"), ("27T18:30:00", "not_covered_process"), (None, "not_covered_process")],
)
def test_a_process_that_began_in_the_night_has_had_nothing_to_trace(started, cause):
    known = {"ok": False, "process_seen": False, "process_started": started and f"2026-11-{started}-03:00"}
    result = verdict(silent("27T18:55:00", "27T23:00:00", covered=known), **SCHOOL)
    assert result["cause"] == cause


@pytest.mark.parametrize(("hours", "zone"), [("at night", "UTC"), ("08:00-19:00", "Nowhere/At_All")])
def test_hours_that_are_none_are_one_sentence(hours, zone):
    with pytest.raises(ValueError, match=r"^health_[^\n]*\.$"):
        verdict(traces(), expected_hours=hours, time_zone=zone)


def test_a_log_that_covers_less_than_was_asked_says_for_how_long():
    longer = verdict(traces(evidence={"covered": covered(3600, 14_400)}))
    assert longer["status"] == "ok"
    assert longer["reasons"][1] == "The log covers only 1 h of the 4 h asked for: it begins at 19:00."
    assert len(verdict(traces(evidence={"covered": covered(600, 610)}))["reasons"]) == 1


@pytest.mark.parametrize(
    "gap", [{"unreadable": ["app.log.2.zst"]}, {"suppressed": 9}, {"future": 3}, {"undated_guards": 1}, {}]
)
def test_a_gap_in_the_log_is_never_ok(gap):
    result = verdict(traces(evidence={"covered": covered(14_400, 14_400, **{"ok": False, **gap})}))
    assert (result["status"], result["cause"]) == ("watch", "not_covered")


def test_lines_that_begin_as_a_guard_and_were_not_understood_are_blind():
    assert verdict(traces(unparsed_guards=1))["cause"] == "not_understood"


def test_other_loggers_lines_on_a_quiet_night_are_no_unknown_grammar():
    night = {"grammars": {}, "evidence": {"understood": {"ok": None, "candidates": 0}}}
    assert verdict(nothing_seen(**night), messages_expected=False)["cause"] == "quiet"
    assert verdict(nothing_seen(**night, unparsed=5), messages_expected=False)["status"] == "blind"


def test_a_trace_that_is_no_message_is_no_health():
    seen = traces([])
    assert verdict(seen)["cause"] == "no_data"
    assert verdict(seen)["reasons"][0].startswith("No message was planned, read or delivered")


def test_more_records_without_a_time_than_with_one_are_blind():
    assert verdict(traces(undated=601, window=WINDOW))["cause"] == "no_timestamps"
    assert verdict(traces(undated=5, window=WINDOW))["status"] == "ok"


# -- the fence and the fleet -----------------------------------------------------------------------------------------


def test_results_alone_show_that_the_kill_switch_is_ignored():
    assert verdict(traces(delivery__sent=0), delivery_disabled=True)["cause"] == "kill_switch_ignored"


@pytest.mark.parametrize("fence", [True, {"present": True, "attempts": 9}])
def test_what_our_fence_holds_did_not_go_out(fence):
    tries = [row(m, 0, 2) for m in range(5)]
    result = verdict(traces(tries), delivery_disabled=True, fenced=fence)
    assert (result["status"], result["causes"]) == ("watch", ["kill_switch", "held_by_fence"])
    assert verdict(traces(), delivery_disabled=True, fenced=fence)["cause"] == "kill_switch_ignored"  # it leaks
    gone = verdict(traces(tries), delivery_disabled=True, fenced={"present": False})
    assert gone["cause"] == "kill_switch_ignored"


def test_the_worst_host_of_a_fleet_decides():
    well = traces([row(m, 20) for m in range(60)])
    mute = traces([], handoff__planned=60, handoff__read=60)
    result = verdict(merge_traces([well, well, mute]))
    assert (result["status"], result["cause"]) == ("rollback", "delivery_failing")
    assert result["reasons"][0] == "Host 3: The delivery read 60 hand-offs and sent none."
    silent = {**well, "evidence": {"fresh": {"ok": False, "age_seconds": 9000}}, "host": "assistant2"}
    assert verdict(merge_traces([well, silent]))["status"] == "blind"
    assert verdict(merge_traces([well, well]))["status"] == "ok"


# -- input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cause"),
    [("true", "kill_switch_ignored"), ("Yes", "kill_switch_ignored"), ("false", "none"), ("", "none")],
)
def test_flags_may_be_text(text, cause):
    assert verdict(traces(), delivery_disabled=text)["cause"] == cause


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("x", {}, "traces must be a mapping, not 'x'."),
        ([], {}, "traces must be a mapping, not a list."),
        (traces(delivery="x"), {}, "delivery must be a mapping, not 'x'."),
        (traces(handoff__lost="some"), {}, "lost must be a number, not 'some'."),
        (traces(handoff__lost=-1), {}, "lost must be a whole number of 0 or more, not '-1'."),
        (traces(records=True), {}, "records must be a number, not 'True'."),
        (traces(instances__invalid={"default": "x"}), {}, "invalid of default must be a number, not 'x'."),
        (traces(window="1h"), {}, "window must be a mapping, not '1h'."),
        (traces(), {"target": "high"}, "target must be a number, not 'high'."),
        (traces(), {"target": 95}, "target must lie between 0.1 and 1, such as 0.95, not 95."),
        (traces(), {"watch": 300, "rollback": 300}, "watch (300) must be more than 0 and less than rollback (300)."),
        (traces(), {"watch": 0}, "watch (0) must be more than 0 and less than rollback (10000)."),
        (traces(), {"messages_expected": "maybe"}, "messages_expected must be true or false, not 'maybe'."),
        (traces(), {"messages_expected": None}, "messages_expected must be true or false, not nothing."),
        (traces(), {"locale": "fr"}, "locale must be pt_BR or en, not 'fr'."),
        (traces(), {"service_running": 2}, "service_running must be true or false, not 2."),
    ],
)
def test_bad_input_is_one_clear_sentence(data, options, message):
    with pytest.raises(ValueError) as error:
        verdict(data, **options)
    assert str(error.value) == message


def test_a_minute_that_is_none_is_refused():
    data = traces()
    data["minutes"][3]["minute"] = "now"
    with pytest.raises(ValueError, match=r"^A minute must look like 2025-09-04T19:10Z, not 'now'\.$"):
        verdict(data)


def test_a_rate_below_the_target_that_chance_explains_is_ok_and_says_so():
    result = verdict(traces([row(0, 23, 2)]))
    assert result["status"] == "ok"
    assert result["reasons"] == [
        "92.0 % of 25 delivered (95 % interval 75.0 % to 97.8 %, M = 0.5). "
        "Below the target of 95.0 %, but it may be chance (watch begins at M = 300)."
    ]


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="^locale must be pt_BR or en, not 'fr'.$"):
        verdict(traces(), locale="fr")
