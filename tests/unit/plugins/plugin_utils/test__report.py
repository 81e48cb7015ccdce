# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report knows of one host; what it says of it is tested with the filter incident_report."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._report import report_host

SERVICE = {"running": True, "pid": 1}


def seen(**more):
    return {
        "journal": {"journal": {"acts": []}},
        "traces": {"traces": {"records": 9}},
        "service": SERVICE,
        "state": {"known": True},
        "kept": {"smoke_test": {"status": "passed"}, "notifications": None, "report": None},
        **more,
    }


def test_all_that_answered_is_known():
    measured, release, evidence = {"traces": {"records": 5}}, {"release": {"head": "a"}}, {"evidence": {"path": "/e"}}
    assert report_host(seen(), {"status": "ok"}, measured, release, evidence) == {
        "journal": {"acts": []},
        # Of the incident, and of now.
        "traces": {"records": 5},
        "present": {"records": 9},
        "service": SERVICE,
        "release": {"head": "a"},
        "evidence": {"path": "/e"},
        "verdict": {"status": "ok"},
        "smoke_test": {"status": "passed"},
        "unknown": [],
    }


@pytest.mark.parametrize("nothing", [{}, None, "", {"skipped": True}])
def test_what_was_not_asked_is_unknown_without_a_reason(nothing):
    found = report_host({"state": {"known": False}}, None, nothing, nothing, nothing)
    known = {name: value for name, value in found.items() if name != "unknown"}
    assert set(known.values()) == {None} and found["unknown"] == []


def test_why_a_part_is_unknown_is_told_with_its_source():
    down = {"failed": True, "msg": "no such unit"}
    hosts = seen(service=down, state={"known": False}, journal={"msg": "the journal\nis broken"})
    found = report_host(hosts, None, {"msg": "no log"}, {"msg": "no git"}, {"msg": "no space"})
    assert [found[name] for name in ("journal", "traces", "service", "release", "evidence")] == [None] * 5
    assert found["unknown"] == [
        {"source": "journal_info", "why": "the journal\nis broken"},
        {"source": "trace_log_info", "why": "no log"},
        {"source": "service_flags_info", "why": "no such unit"},
        {"source": "release_info", "why": "no git"},
        {"source": "evidence", "why": "no space"},
    ]


def test_what_is_known_needs_no_reason_also_when_there_is_a_message():
    found = report_host(seen(service={**SERVICE, "msg": "restarted"}), None, {}, {}, {"evidence": {}, "msg": "bounded"})
    assert found["service"]["pid"] == 1
    assert (found["evidence"], found["unknown"]) == ({}, [])


def test_a_service_that_could_not_be_looked_at_is_not_taken_for_one():
    found = report_host(seen(state={"known": False}, service={**SERVICE, "msg": "timed out"}), None, {}, {}, {})
    assert found["service"] is None
    assert found["unknown"] == [{"source": "service_flags_info", "why": "timed out"}]


def test_what_is_no_mapping_is_unknown():
    found = report_host(seen(journal={"journal": "text"}, traces={"traces": []}), None, {"traces": "x"}, [], "y")
    assert [found[name] for name in ("journal", "traces", "present", "release", "evidence")] == [None] * 5
    with pytest.raises(ValueError, match=r"^seen must be a mapping, not 'x'\.$"):
        report_host("x", None, {}, {}, {})
