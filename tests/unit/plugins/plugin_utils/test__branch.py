# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import GRAVITY, branch
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES


def verdict(cause):
    rule = CAUSES[cause]
    return {"status": rule.status, "cause": cause, "level": rule.level}


def test_every_status_of_a_verdict_has_its_place():
    assert {rule.status for rule in CAUSES.values()} == set(GRAVITY)


@pytest.mark.parametrize(
    ("causes", "asked", "taken", "host"),
    [
        (["lost_handoff"], {"statuses": ["rollback"]}, True, "h0"),
        (["few_failed"], {"statuses": ["rollback"]}, False, "h0"),
        (["few_failed"], {"statuses": ["rollback", "watch"]}, True, "h0"),
        (["none"], {"statuses": ["ok"]}, True, "h0"),
        # A fleet is as bad as its worst host.
        (["none", "lost_handoff"], {"statuses": ["rollback"]}, True, "h1"),
        (["few_failed", "lost_handoff"], {"statuses": ["watch"]}, False, "h1"),
        (["none", "stale"], {"statuses": ["ok"]}, False, "h1"),
        (["stale", "lost_handoff"], {"statuses": ["blind"]}, False, "h1"),
        # Exactly that cause and level, on one of the worst hosts.
        (["lost_handoff"], {"statuses": ["rollback"], "causes": ["gateway_down"]}, False, "h0"),
        (["lost_handoff", "gateway_down"], {"statuses": ["rollback"], "causes": ["gateway_down"]}, True, "h1"),
        (["lost_handoff", "level2_not_stable"], {"statuses": ["rollback"], "level": "3"}, True, "h1"),
        (["lost_handoff"], {"statuses": ["rollback"], "level": "3"}, False, "h0"),
        (
            ["lost_handoff", "level2_not_stable"],
            {"statuses": ["rollback"], "causes": ["lost_handoff"], "level": "3"},
            False,
            "h0",
        ),
        (["service_down"], {"statuses": ["blind"], "level": "3"}, True, "h0"),
    ],
)
def test_the_gravest_verdict_decides(causes, asked, taken, host):
    verdicts = {f"h{n}": verdict(cause) for n, cause in enumerate(causes)}
    found = branch(verdicts, **asked)
    assert (found["taken"], found["host"]) == (taken, host)
    assert (found["status"], found["cause"]) == (verdicts[host]["status"], verdicts[host]["cause"])


def test_a_host_without_a_verdict_is_blind_and_no_host_decides_nothing():
    found = branch({"h0": None, "h1": verdict("none")}, statuses=["blind"])
    assert found == {"taken": True, "status": "blind", "cause": "not_measured", "level": 0, "host": "h0"}
    assert branch({}, statuses=list(GRAVITY)) == {"taken": False, "status": "", "cause": "", "level": 0, "host": ""}
