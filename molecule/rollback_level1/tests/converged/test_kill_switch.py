# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_process_has_the_kill_switch_and_nothing_goes_out(assistant):
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True
    assert assistant.asked_within(2) == 0


def test_messages_are_still_planned(assistant):
    def planned():
        return int(assistant.sh("grep -c 'OUTBOX_TRACE|phase=planner' /var/log/kumon-assistant/app.log"))

    before = planned()
    assistant.sh("sleep 1")
    assert planned() > before


def test_what_is_declared_is_readable_for_root_and_the_services_group_only(assistant):
    env = assistant.host.file("/etc/kumon-assistant/runbook.env")
    assert (env.content_string.splitlines()[-1], env.mode) == ("DELIVERY_DISABLE=true", 0o640)
    drop_in = assistant.host.file("/etc/systemd/system/kumon-assistant.service.d/90-runbook.conf")
    assert "EnvironmentFile=-/etc/kumon-assistant/runbook.env" in drop_in.content_string


def test_the_journal_has_one_act_for_two_runs(assistant):
    entries = assistant.journal()
    assert [(entry["phase"], entry["procedure"], entry["ok"]) for entry in entries] == [
        ("begin", "rollback_level1", None),
        ("outcome", "rollback_level1", True),
    ]
    assert entries[0]["before"] == {"DELIVERY_DISABLE": None}
    assert "planted-password" not in str(entries)


def test_health_check_calls_it_safe_mode_and_not_healthy(assistant):
    run = assistant.playbook("health_check")
    assert run.code != 0
    assert "ATENÇÃO, monitorar de perto (kill_switch)" in run.text
