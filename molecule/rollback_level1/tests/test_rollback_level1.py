# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill-switch from its check run to its undoing, on a host whose env file has lines of others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.scenario.host import DROP_INS, ENV_FILE, Assistant

OTHERS = '# ours\nOTHER="a b"\n'


def test_a_check_run_shows_each_write_and_leaves_nothing_behind(assistant: Assistant) -> None:
    before = assistant.fingerprint()
    run = assistant.playbook("rollback_level1", "--check", "--diff")
    assert (run.code, run.status) == (0, "planned")
    assert "SIMULAÇÃO: nada foi alterado" in run.text
    assert "+DELIVERY_DISABLE=true" in run.text
    assert f"+EnvironmentFile=-{ENV_FILE}" in run.text
    assert "would restart kumon-assistant" in run.text
    assert assistant.fingerprint() == before
    assert assistant.untouched()
    assert assistant.asks()


def test_bad_input_is_refused_before_anything_changed(assistant: Assistant) -> None:
    assistant.assert_refuses_each(
        "rollback_level1",
        [
            ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
            ({"runbook_become": False}, "run with become: true"),
            ({"ansible_user": "guest"}, "assword"),  # sudo asks guest for one
            ({"runbook_health_url": "http://127.0.0.1:9/health"}, "the service listens on 8000"),
            ({"rollback_fence": "maybe"}, "must be one of: first, auto, always, never, got: maybe"),
            ({"rollback_level1_flags": {"delivery": "x"}}, "delivery"),
            ({"rollback_level1_flags": "x"}, "rollback_level1_flags"),
            ({"rollback_restart_seconds": 0}, "budget must be between 1 and 600 seconds"),
            ({"rollback_stop_timeout": "soon"}, "rollback_stop_timeout"),
        ],
        runbook_locale="en",
    )
    assert assistant.untouched()


def test_on_a_host_that_another_run_holds_the_fence_stands_and_the_owner_is_named(assistant: Assistant) -> None:
    assistant.hold("bia", seconds=60)
    sentence = "this host is held by bia (drill, level 1, run other)"
    held = {"runbook_locale": "en", "rollback_lease_wait": 0}
    assistant.assert_refuses("rollback_level1", sentence, rollback_fence="never", **held)
    run = assistant.playbook("rollback_level1", **held)
    assert (run.code, run.status) == (0, "proven")
    assert sentence in run.text
    # Messages are stopped, and flags and process are the other run's.
    assert (assistant.asked_within(1), assistant.environ("DELIVERY_DISABLE")) == (0, None)
    assert {entry["act"] for entry in assistant.journal()} == {"network_fence"}
    assistant.restore()


def test_two_operators_at_once_both_end_with_the_kill_switch_and_one_restart(assistant: Assistant) -> None:
    # As it is found in an emergency: with lines of others, and after restarts that have used up systemd's limit.
    assistant.sh(f"mkdir -p /etc/kumon-assistant && printf %s > {ENV_FILE}", OTHERS + "DELIVERY_DISABLE=no\n")
    assistant.sh("for n in 1 2 3 4 5 6; do systemctl restart kumon-assistant || true; done")
    with ThreadPoolExecutor() as pool:
        runs = [run.result() for run in [pool.submit(assistant.playbook, "rollback_level1") for _n in range(2)]]
    assert [(run.code, run.status) for run in runs] == [(0, "proven")] * 2
    flags = [entry for entry in assistant.journal() if entry["act"] == "service_flags"]
    assert [(entry["phase"], entry["procedure"], entry["ok"]) for entry in flags] == [
        ("begin", "rollback_level1", None),
        ("outcome", "rollback_level1", True),
    ]
    assert flags[0]["before"] == {"DELIVERY_DISABLE": "no"}
    assert assistant.journal()[0]["act"] == "network_fence"
    assert "planted-password" not in str(assistant.journal())


def test_the_process_has_the_kill_switch_and_nothing_goes_out(assistant: Assistant) -> None:
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True
    planned = assistant.lines("OUTBOX_TRACE|phase=planner")
    assert assistant.asked_within(2) == 0
    assert assistant.lines("OUTBOX_TRACE|phase=planner") > planned


def test_what_is_declared_is_added_to_the_env_file_and_its_mode_stays(assistant: Assistant) -> None:
    env = assistant.host.file(ENV_FILE)
    assert (env.content_string, env.mode) == (OTHERS + "DELIVERY_DISABLE=true\n", 0o644)
    assert f"EnvironmentFile=-{ENV_FILE}" in assistant.sh(f"cat {DROP_INS}/*-runbook.conf")


def test_a_further_run_changes_nothing(assistant: Assistant) -> None:
    before, written = assistant.fingerprint(), assistant.journal()
    run = assistant.playbook("rollback_level1")
    assert (run.code, run.status, run.changed) == (0, "proven", 0)
    assert (assistant.pid(), assistant.journal()) == (int(before.splitlines()[-1]), written)


def test_health_check_calls_it_safe_mode_and_not_healthy(assistant: Assistant) -> None:
    run = assistant.playbook("health_check")
    assert run.code != 0
    assert (run.status, run.result["verdict"]["cause"]) == ("watch", "kill_switch")


def test_the_undone_rollback_leaves_no_trace_but_its_journal(assistant: Assistant) -> None:
    run = assistant.playbook("roll_forward", level=1)
    assert (run.code, run.status) == (0, "proven")
    assert assistant.sh(f"cat {ENV_FILE}") == OTHERS + "DELIVERY_DISABLE=no\n"
    assert assistant.health()["delivery_disabled"] is False
    assert assistant.asks()
    assert assistant.journal()[-1]["procedure"] == "roll_forward"
