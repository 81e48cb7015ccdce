# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped rulebook: what it starts and with what; that it does so is in tests/events."""

from __future__ import annotations

import runpy
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
(RULEBOOK,) = yaml.safe_load((ROOT / "extensions" / "eda" / "rulebooks" / "assistant.yml").read_text(encoding="utf-8"))


def test_it_asks_the_source_for_what_there_is():
    (source,) = RULEBOOK["sources"]
    module = runpy.run_path(str(ROOT / "extensions" / "eda" / "plugins" / "event_source" / "assistant_log.py"))
    assert set(source["kumon.runbook.assistant_log"]) <= set(module["OPTIONS"])
    documented = yaml.safe_load(module["DOCUMENTATION"])["options"]
    assert {name: spec.get("default") for name, spec in documented.items()} == module["OPTIONS"]


def test_it_starts_what_asks_whether_automation_may_act():
    """Nothing that acts is started by itself: the watch reads what the desk has of automation, and pages otherwise."""
    (rule,) = RULEBOOK["rules"]
    started = rule["action"]["run_playbook"]
    assert started["name"] == "kumon.runbook.watch_go_live"
    assert started["extra_vars"]["watch_mode"] == "{{ watch_mode | default('recover') }}"
    assert "recovery_mode" not in started["extra_vars"]
    assert rule["condition"] == 'event.type == "call"'


def test_no_two_acts_go_on_at_a_time():
    assert RULEBOOK["execution_strategy"] == "sequential"
