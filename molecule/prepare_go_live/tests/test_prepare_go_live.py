# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emergency needs, from the first check run to its taking away."""

from __future__ import annotations

from tests.scenario.host import Assistant, Run
from tests.scenario.releases import VARIABLES as RELEASES

INSTALL = "releases"
VARIABLES = {
    **RELEASES,
    "runbook_log_paths": ["/var/log/kumon-assistant/app.log*"],
    "go_live_user": "runbook",
    "go_live_user_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl test"],
    "go_live_people": ["guest"],
    "go_live_check": "none",
}
INSTALLED = ("flags", "log_rotation", "break_glass", "user", "people")
PATHS = (
    "/usr/local/sbin/runbook-break-glass",
    "/etc/kumon-assistant/break-glass.conf",
    "/etc/sudoers.d/kumon-runbook",
    "/etc/logrotate.d/kumon-runbook",
    "/etc/systemd/system/kumon-assistant.service.d/zz-runbook.conf",
    "/home/runbook",
)


def states(assistant: Assistant, run: Run) -> dict[str, str]:
    return {item["item"]: item["state"] for item in run.result["hosts"][assistant.name]["items"]}


def there(assistant: Assistant) -> list[str]:
    return [path for path in PATHS if assistant.host.file(path).exists]


def listing(assistant: Assistant) -> str:
    """Every file of the places that it may write to, with its times."""
    # Ansible's own temporary files come and go in a home.
    return assistant.sh("ls -lR --full-time /etc /usr/local/sbin /var/lib/kumon-runbook | grep -v lock; ls /home")


def test_a_check_run_says_what_it_would_do_and_does_nothing(assistant: Assistant) -> None:
    before = listing(assistant)
    run = assistant.playbook("prepare_go_live", "--check", "--diff")
    assert (run.code, run.status) == (0, "planned")
    assert {name for name, state in states(assistant, run).items() if state == "planned"} == set(INSTALLED)
    assert listing(assistant) == before


def test_break_glass_can_be_left_out(assistant: Assistant) -> None:
    run = assistant.playbook("prepare_go_live", "--check", go_live_break_glass=False)
    told = states(assistant, run)
    assert (run.status, told["break_glass"]) == ("planned", "off")
    assert {name for name, state in told.items() if state == "planned"} == {*INSTALLED} - {"break_glass"}


def test_bad_names_are_refused_before_anything_changed(assistant: Assistant) -> None:
    before = listing(assistant)
    for wrong, sentence in (
        ({"go_live_people": ["guest ALL"]}, "'guest ALL'"),
        ({"go_live_user": "ALL"}, "'ALL'"),
        ({"prepare_state": "gone"}, "prepare_state"),
    ):
        run = assistant.playbook("prepare_go_live", **wrong)
        assert (run.code != 0, run.status) == (True, "refused")
        assert sentence in run.text
    assert listing(assistant) == before


def test_it_installs_all_of_it_and_leaves_the_assistant_alone(assistant: Assistant) -> None:
    pid = assistant.pid()
    run = assistant.playbook("prepare_go_live")
    assert (run.code, run.status) == (0, "ok")
    told = states(assistant, run)
    assert [told[name] for name in INSTALLED] == ["installed"] * len(INSTALLED)
    assert [told[name] for name in ("state_dir", "known_good", "wheelhouse", "log_times")] == ["present"] * 4
    # Nothing is in it yet.
    assert run.result["hosts"][assistant.name]["journal"] == {"seq": 0, "hash": "0" * 64, "ok": True, "as_seen": None}
    assert there(assistant) == list(PATHS)
    assert assistant.pid() == pid
    assistant.sh("visudo -c -f /etc/sudoers.d/kumon-runbook && logrotate -d /etc/logrotate.conf")


def test_people_may_run_break_glass_and_nothing_else(assistant: Assistant) -> None:
    program = "/usr/local/sbin/runbook-break-glass"
    assert "CERCA" in assistant.sh(f"runuser -u guest -- sudo -n {program} status")
    for command in ("id", f"{program} status now", f"/bin/sh {program} status"):
        assert assistant.host.run(f"runuser -u guest -- sudo -n {command}").rc != 0
    assert assistant.sh("runuser -u runbook -- sudo -n id -u").strip() == "0"
    assert "COMMAND=/usr/bin/id -u" in assistant.sh("cat /var/log/kumon-runbook-sudo.log")


def test_what_people_do_by_it_is_signed_by_their_own_names(assistant: Assistant) -> None:
    signed = "runuser -u guest -- env RUNBOOK_ACTOR=maria RUNBOOK_RUN_ID=hers sudo -n"
    program, site = "/usr/local/sbin/runbook-break-glass", "/etc/sudoers.d/site"
    # As a site may have it for all others.
    assistant.sh(f"echo 'Defaults !env_reset, setenv' >{site}")
    try:
        for preserved in ("--preserve-env=RUNBOOK_ACTOR", "RUNBOOK_ACTOR=maria"):
            refused = assistant.host.run(f"{signed} {preserved} {program} status")
            assert refused.rc != 0 and "not allowed to" in refused.stderr, refused
        assistant.sh(f"{signed} {program} fence && {signed} {program} undo")
    finally:
        assistant.sh(f"rm {site}")
    entries = assistant.journal()
    assert {entry["act"] for entry in entries} == {"network_fence"}
    assert {entry["actor"] for entry in entries} == {"guest"} and "hers" not in {entry["run_id"] for entry in entries}
    assistant.sh("rm /var/lib/kumon-runbook/journal.jsonl")


def test_a_rotated_log_is_read_on(assistant: Assistant) -> None:
    assistant.wait_for_deliveries()
    assistant.sh("logrotate -f /etc/logrotate.d/kumon-runbook")
    assert int(assistant.sh("ls /var/log/kumon-assistant | wc -l")) == 1
    assert assistant.playbook("health_check").result["verdict"]["delivery"]["n"] > 0


def test_a_second_run_changes_nothing(assistant: Assistant) -> None:
    before = listing(assistant)
    run = assistant.playbook("prepare_go_live")
    assert (run.code, run.status, run.changed) == (0, "ok", 0)
    assert set(states(assistant, run).values()) == {"present", "off"}
    run = assistant.playbook("prepare_go_live", "--check")
    assert (run.code, run.status, run.changed) == (0, "planned", 0)
    assert listing(assistant) == before


def test_absent_takes_away_what_it_installed_and_only_that(assistant: Assistant) -> None:
    run = assistant.playbook("prepare_go_live", "--check", prepare_state="absent")
    assert (run.code, run.status) == (0, "planned")
    assert there(assistant) == list(PATHS)
    run = assistant.playbook("prepare_go_live", prepare_state="absent")
    assert (run.code, run.status) == (0, "ok")
    assert [states(assistant, run)[name] for name in INSTALLED] == ["removed"] * len(INSTALLED)
    assert there(assistant) == []
    assert assistant.host.file("/var/lib/kumon-runbook/releases.json").exists
    assert assistant.host.file("/home/guest").exists
    again = assistant.playbook("prepare_go_live", prepare_state="absent")
    assert (again.code, again.changed) == (0, 0)
