# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of drill.yml leaves as facts."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils._drill import rehearsal

NOW = 1_764_241_200.0


def held(**more):
    return {
        "fault": "gateway",
        "level": 1,
        "host": "staging1",
        "allowed": True,
        "injected": NOW,
        "detected": NOW + 2,
        "decided": NOW + 2.1,
        "acted": NOW + 2.1,
        "proven": NOW + 6.1,
        "restored": NOW + 11.1,
        "cause": "delivery_failing",
        "decided_level": 1,
        "effect_seconds": 1.2,
        "act": {"status": "proven"},
        "undo": {"status": "proven"},
        **more,
    }


def state(**more):
    return {"levels": [], "head": "a" * 40, "before": "a" * 40, "open": False, **more}


def drilled(**more):
    return {
        "check": False,
        "list": False,
        "rehearsals": [rehearsal(held()), rehearsal(held(fault="configuration", level=2))],
        "records": [],
        "planned": [],
        "state": state(),
        "left": [],
        "verdict": {"status": "ok", "reasons": []},
        "cleared": [],
        **more,
    }
