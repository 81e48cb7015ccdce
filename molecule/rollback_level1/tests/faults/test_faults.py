# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill-switch under each fault: it holds and says by what, or the run fails and says what next."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

SPREAD = True


def level1(assistant, *options, **variables):
    run = assistant.playbook("rollback_level1", *options, runbook_locale="en", **variables)
    assert run.observed < 30
    return run


def test_an_assistant_that_ignores_the_flag_is_fenced_off_and_the_fence_can_be_lifted(sound):
    sound.fault(ignore_kill_switch=True)
    run = level1(sound)
    assert run.code == 0
    assert "KILL-SWITCH IGNORED by the process; the network fence keeps it from sending" in run.text
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert sound.asked_within(2) == 0
    assert "skuid" in sound.sh("nft list table inet kumon_runbook")
    # Others still reach the gateway: the fence is the service user's own.
    assert sound.sh("curl -sS --max-time 3 http://127.0.0.1:8080/")
    again = level1(sound)
    assert (again.code, "changed=0" in again.text) == (0, True)

    # An assistant that ignores its kill-switch passes no smoke test under it.
    assert sound.playbook("roll_forward", level=1, roll_forward_force=True).code == 0
    assert sound.host.run("nft list table inet kumon_runbook").rc != 0
    assert sound.environ("DELIVERY_DISABLE") is None
    assert sound.asked_within(2) > 0


def test_without_a_fence_an_ignored_flag_is_a_failure_that_names_level_3(sound):
    sound.fault(ignore_kill_switch=True)
    run = level1(sound, rollback_fence="never")
    assert run.code != 0
    assert "The process has the kill-switch and GOES ON SENDING" in run.text
    assert "next_step: rollback_level3.yml" in run.text
    assert "KILL-SWITCH ACTIVE" not in run.text


def test_the_fence_can_be_had_in_any_case(sound):
    run = level1(sound, rollback_fence="always")
    assert run.code == 0
    assert "[x] network fence" in run.text
    assert sound.asked_within(1) == 0


@pytest.mark.parametrize("health", ["hang", "missing_field", "error"])
def test_where_health_proves_nothing_the_log_does(sound, health):
    sound.fault(health=health)
    run = level1(sound)
    assert run.code == 0
    assert "confirmed by the process and by the log (messages planned, none sent)" in run.text
    assert "[ ] reported by health" in run.text
    assert sound.asked_within(1) == 0


def test_health_at_the_other_releases_path_counts(sound):
    sound.fault(health="api_v1_only")
    run = level1(sound)
    assert run.code == 0
    assert "[x] health answers: http://127.0.0.1:8000/api/v1/health" in run.text


def test_without_traffic_and_without_health_nothing_is_claimed(sound):
    sound.sh("systemctl stop kumon-traffic")
    sound.fault(health="missing_field")
    run = level1(sound, rollback_observe_seconds=2)
    assert run.code != 0
    assert "no message came to prove it" in run.text


def test_a_log_that_cannot_be_read_is_one_proof_less(sound):
    run = level1(sound, runbook_log_paths=["/var/log/none.log"])
    assert run.code == 0
    assert "[ ] log since the restart: the log could not be read" in run.text


def test_a_service_that_does_not_come_back_is_said_with_its_last_words_and_level_3(sound):
    sound.fault(crash_at_start=True)
    run = level1(sound, rollback_restart_seconds=6)
    assert run.code != 0
    assert "did not" in run.text
    assert "kill-switch stays declared. Next: rollback level 3" in run.text
    assert "DELIVERY_DISABLE=true" in sound.host.file("/etc/kumon-assistant/runbook.env").content_string
    assert sound.journal()[-1]["ok"] is False
    # The fault is repaired: the same command finishes the job.
    sound.fault()
    assert level1(sound).code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"


@pytest.mark.parametrize("faults", [{"ignore_term": True}, {"hang_send": 60}])
def test_a_process_that_does_not_end_by_itself_is_killed_in_time(sound, faults):
    sound.fault(**faults)
    time.sleep(1)
    run = level1(sound)
    assert run.code == 0
    assert sound.asked_within(1) == 0


def test_a_slow_start_is_waited_for(sound):
    sound.fault(slow_start=4)
    run = level1(sound)
    assert run.code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"


def test_a_run_that_was_killed_between_writing_and_restarting_is_finished_by_the_next(sound):
    sound.sh("mkdir -p /etc/kumon-assistant && echo DELIVERY_DISABLE=true > /etc/kumon-assistant/runbook.env")
    assert sound.environ("DELIVERY_DISABLE") is None
    assert level1(sound).code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"


def test_a_host_that_another_run_holds_is_left_alone_and_its_owner_named(sound):
    sound.hold("bia", seconds=60)
    sentence = "this host is held by bia (drill, level 1, run other)"
    sound.assert_refuses("rollback_level1", sentence, runbook_locale="en", rollback_lease_wait=0)
    assert sound.asked_within(1) > 0


def test_a_dead_run_is_waited_out(sound):
    sound.hold("bia", seconds=4)
    run = level1(sound)
    assert run.code == 0
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert not sound.host.file("/var/lib/kumon-runbook/lease.json").exists


def test_two_operators_at_once_both_end_with_the_kill_switch_and_one_restart(sound):
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(level1, sound) for _n in range(2)]
        codes = [run.result().code for run in runs]
    assert codes == [0, 0]
    assert [entry["phase"] for entry in sound.journal()] == ["begin", "outcome"]
    assert sound.asked_within(1) == 0


def test_a_host_that_is_not_reached_is_named_and_the_others_finish(sound, tmp_path):
    fleet = tmp_path / "fleet.yml"
    fleet.write_text("assistant: {hosts: {nowhere: {ansible_host: 127.0.0.1, ansible_port: 9}}}\n")
    run = level1(sound, f"--inventory={fleet}", f"--limit={sound.name},nowhere")
    assert run.code != 0
    assert "nowhere: level: 1 next_step:" in run.text and "status: unreachable" in run.text
    assert sound.environ("DELIVERY_DISABLE") == "true"
    assert sound.asked_within(1) == 0


def test_restarts_that_follow_each_other_do_not_trip_systemds_limit(sound):
    sound.sh("for n in 1 2 3 4 5 6; do systemctl restart kumon-assistant || true; done")
    run = level1(sound)
    assert run.code == 0


def test_foreign_lines_of_the_env_file_are_kept(sound):
    sound.sh(
        "mkdir -p /etc/kumon-assistant && "
        "printf '# ours\\nOTHER=\"a b\"\\nDELIVERY_DISABLE=no\\n' > /etc/kumon-assistant/runbook.env"
    )
    assert level1(sound).code == 0
    assert sound.sh("cat /etc/kumon-assistant/runbook.env") == '# ours\nOTHER="a b"\nDELIVERY_DISABLE=true\n'
    assert sound.playbook("roll_forward", level=1).code == 0
    assert sound.sh("cat /etc/kumon-assistant/runbook.env") == '# ours\nOTHER="a b"\nDELIVERY_DISABLE=no\n'


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"runbook_service_name": "kumon-asistant"}, "kumon-asistant"),
        ({"runbook_become": False}, "run with become: true"),
        ({"ansible_user": "guest"}, "assword"),  # sudo asks guest for one
        (
            {"runbook_health_url": "http://127.0.0.1:9/health"},
            "the service listens on 8000: correct runbook_health_url",
        ),
        ({"rollback_fence": "maybe"}, "must be one of: auto, never, always, got: maybe"),
        ({"rollback_level1_flags": {"delivery": "x"}}, "delivery"),
        ({"rollback_level1_flags": "x"}, "rollback_level1_flags"),
        ({"rollback_restart_seconds": 0}, "budget must be between 1 and 600 seconds"),
        ({"rollback_stop_timeout": "soon"}, "rollback_stop_timeout"),
        ({"runbook_service_name": ""}, "runbook_service_name is empty"),
        ({"runbook_service_manager": "process", "runbook_health_url": ""}, "port"),
    ],
)
def test_bad_input_is_refused_before_anything_changed(assistant, variables, sentence):
    assistant.assert_refuses("rollback_level1", sentence, runbook_locale="en", **variables)


def test_a_health_url_that_answers_html_is_refused_before_anything_changed(sound):
    sound.fault(health="html")
    sound.assert_refuses("rollback_level1", "answers HTML, not the assistant's health: correct runbook_health_url")
