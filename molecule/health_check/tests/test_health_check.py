# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound assistant is healthy, each fault has its cause, and nothing on the host is ever changed."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.scenario.host import LOG, Assistant


def test_a_healthy_assistant_is_found_healthy_whether_or_not_the_metrics_can_be_written(assistant: Assistant) -> None:
    assistant.wait_for_deliveries()
    assert "planted-password" in assistant.sh(f"cat {LOG}")
    metrics, nowhere = "/run/kumon.prom", "/nonexistent/kumon.prom"
    hosts = assistant.inventory({"written": {"health_textfile": metrics}, "unwritable": {"health_textfile": nowhere}})
    run = assistant.playbook("health_check", "-vvv", *hosts, "--limit=written,unwritable", runbook_locale="en")
    assert (run.code, run.status) == (0, "ok")
    assert {host["verdict"]["cause"] for host in run.result["hosts"].values()} == {"none"}
    assert "HEALTHY" in run.text
    assert f"health_textfile ({nowhere}): " in run.text
    # Customers quote incidents word for word; secrets and numbers stand in the log.
    assert assistant.lines("OUTBOX_GUARD|level=CRITICAL") > 0
    for secret in ("planted-password", "55119000000"):
        assert secret not in run.text
    assert assistant.sh(f"stat -c %a {metrics}").strip() == "644"
    text = assistant.sh(f"cat {metrics}")
    for line in (
        'kumon_assistant_verdict{host="written",status="ok"} 1.0',
        'kumon_assistant_service_up{host="written"} 1.0',
        'kumon_assistant_delivery_ratio{host="written"} 1.0',
    ):
        assert line in text


def test_what_cannot_be_measured_is_said_and_never_healthy(assistant: Assistant) -> None:
    assistant.sh(f": > /tmp/empty.log; grep -ah '^INFO:app.core.observability' {LOG} > /tmp/undated.log")
    assistant.assert_refuses_each(
        "health_check",
        [
            ({"runbook_log_paths": ["/var/log/none.log"]}, "the log /var/log/none.log does not exist"),
            ({"runbook_log_paths": ["/tmp/empty.log"]}, "blind"),
            ({"runbook_log_paths": ["/tmp/undated.log"]}, "no_timestamps"),
            ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
            ({"runbook_health_url": "ftp://x"}, "is not an http URL"),
            ({"runbook_service_manager": "upstart"}, "must be one of: systemd, process, got: upstart"),
            ({"health_window": "a while"}, "health_window is a time such as 4h; a while is not"),
            ({"health_grace": "long"}, "health_grace"),
            ({"runbook_log_paths": []}, "runbook_log_paths is empty"),
            ({"ansible_port": 9, "ansible_control_path": "none"}, "unreachable"),
        ],
        runbook_locale="en",
    )


def test_each_fault_is_called_by_its_cause_and_check_mode_measures_as_well(assistant: Assistant) -> None:
    faults = {
        "instance_guard": ({"invalid_instance": "default", "invalid_instance_sent": True}, {}),
        "lost_handoff": ({"lost_handoff": True}, {}),
        "state_mismatch": ({"state_mismatch": True}, {}),
        "delivery_failing": ({}, {"fail": 500}),
    }
    for cause, (fault, gateway) in faults.items():
        begin = assistant.sh(f"stat -c %s {LOG}").strip()
        assistant.fault(**fault)
        assistant.gateway(**gateway)
        time.sleep(4)
        assistant.sh(f"tail -c +$(({begin} + 1)) {LOG} > /tmp/{cause}.log")
        assistant.fault()
        assistant.gateway()
    assert "OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|planner_after" not in assistant.sh(
        "grep '^ERROR:app.core.observability' /tmp/lost_handoff.log || true"
    )
    logs = assistant.inventory({cause: {"runbook_log_paths": [f"/tmp/{cause}.log"]} for cause in faults})
    run = assistant.playbook("health_check", "--check", *logs, f"--limit={','.join(faults)}")
    assert run.code != 0
    told = {name: (host["status"], host["verdict"]["cause"]) for name, host in run.result["hosts"].items()}
    assert told == {cause: ("rollback", cause) for cause in faults}
    assert all("rollback_level" in host["next_step"] for host in run.result["hosts"].values())
    assert assistant.untouched()


def test_a_branch_is_taken_for_exactly_what_was_asked(assistant: Assistant) -> None:
    lost = {"runbook_log_paths": ["/tmp/lost_handoff.log"]}
    hosts = assistant.inventory({"lost": lost, "nowhere": {"ansible_port": 9, "ansible_control_path": "none"}})
    # What was seen on one host stays true whatever could not be seen on another.
    run = assistant.playbook("decide", *hosts, "--limit=lost,nowhere", runbook_locale="en", decide_level="")
    assert (run.code, run.result["decided"]) == (
        0,
        {"taken": True, "status": "rollback", "cause": "lost_handoff", "level": 1, "host": "lost"},
    )
    assert "YES, the verdict is rollback (lost_handoff, level 1) on lost; asked for: rollback" in run.text
    for asked in (
        {"decide_on": "blind,watch"},
        {"decide_cause": "gateway_down"},
        {"decide_level": "3"},
    ):
        run = assistant.playbook("decide", *hosts, "--limit=lost", **asked)
        assert (run.code != 0, run.status, run.result["decided"]["taken"]) == (True, "rollback", False), asked
    assistant.assert_refuses_each(
        "decide",
        [
            ({**lost, "decide_on": "rolback"}, "rolback"),
            ({**lost, "decide_cause": "lost"}, "lost is no cause of a verdict: correct decide_cause"),
            ({**lost, "decide_level": "4"}, "value of decide_level must be one of"),
            ({**lost, "decide_act": "4"}, "value of decide_act must be one of"),
        ],
        runbook_locale="en",
    )
    assert assistant.untouched()


def test_an_act_may_follow_where_a_person_launched_it_or_automation_may(assistant: Assistant, tmp_path: Path) -> None:
    hosts = assistant.inventory({"lost": {"runbook_log_paths": ["/tmp/lost_handoff.log"]}})
    desk = {"runbook_desk_dir": str(tmp_path), "runbook_locale": "en"}
    asked = (*hosts, "--limit=lost")

    def permitted(**more: str) -> tuple[bool, str, bool]:
        run = assistant.playbook("decide", *asked, decide_act="1", **desk, **more)
        assert run.result["decided"]["taken"] is True, run.text
        return run.result["decided"]["permitted"], run.result["decided"]["why"], run.code == 0

    launched = {"awx_job_launch_type": "workflow", "awx_workflow_job_launch_type": "scheduled"}
    assert permitted(**launched) == (False, "days", False)
    # What it would have done is kept once, for people to mark.
    assert permitted(**launched) == (False, "unmarked", False)
    (kept,) = (tmp_path / "would_act.jsonl").read_text().splitlines()
    assert (json.loads(kept)["cause"], json.loads(kept)["acted"]) == ("lost_handoff", False)
    assistant.playbook("automation", *asked, override="Maria", reason="go-live", **desk)
    assert permitted(**launched) == (True, "overridden", True)
    assistant.playbook("automation", *asked, stop="2h", **desk)
    assert permitted(**launched) == (False, "stopped", False)
    # A person's launch is that person's act.
    launched["awx_workflow_job_launch_type"] = "manual"
    assert permitted(**launched, awx_user_name="ana") == (True, "person", True)


def test_health_that_gives_no_answer_is_not_healthy(sound: Assistant) -> None:
    sound.fault(health="hang")
    run = sound.playbook("health_check")
    assert (run.code == 0, run.status == "ok") == (False, False)
    assert run.seconds < 30


def test_a_stopped_service_is_blind_calls_for_level_3_and_has_no_other_metrics(sound: Assistant) -> None:
    sound.sh("systemctl stop kumon-assistant")
    hosts = sound.inventory(
        {"stopped": {}, "unknown": {"runbook_log_paths": ["/var/log/none.log"], "health_textfile": "/tmp/kumon.prom"}}
    )
    run = sound.playbook("health_check", *hosts, "--limit=stopped,unknown")
    assert run.code != 0
    told = run.result["hosts"]
    assert (told["stopped"]["status"], told["unknown"]["status"]) == ("blind", "blind")
    assert told["stopped"]["verdict"]["cause"] == "service_down"
    assert "rollback_level3" in told["stopped"]["next_step"]
    metrics = sound.sh("cat /tmp/kumon.prom")
    assert 'kumon_assistant_verdict{host="unknown",status="blind"} 1.0' in metrics
    assert 'kumon_assistant_service_up{host="unknown"} 0.0' in metrics
    assert "deliver" not in metrics
