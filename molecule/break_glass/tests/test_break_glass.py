# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollbacks by hand on the host, and what the playbooks make of them."""

from __future__ import annotations

import json
import re
import time

from tests.scenario.host import DROP_INS, ENV_FILE, STATE, Assistant

PROGRAM = "/usr/local/sbin/runbook-break-glass"
KEEPER = "/etc/systemd/system/kumon-runbook-fence-kumon-assistant.service"


def left(assistant: Assistant) -> str:
    """All that level 1 leaves, but for when it was and what it has counted."""
    files = f"{ENV_FILE} {DROP_INS}/zz-runbook.conf {KEEPER}"
    seen = assistant.sh(f"nft list ruleset; stat -c '%a %U' {files} {STATE}/journal.jsonl; cat {files}")
    return re.sub(r"packets \d+ bytes \d+|since \S+ before \d+", "", seen)


def serving(assistant: Assistant) -> int:
    """The process that listens, once it does: the program ends when the process has the flags."""
    assistant.sh(
        "for i in $(seq 100); do curl -sf -m 1 http://127.0.0.1:8000/health >/dev/null && exit; sleep 0.1; done; exit 1"
    )
    return assistant.pid()


def test_it_is_installed_also_where_something_else_is_missing(assistant: Assistant) -> None:
    run = assistant.playbook("prepare_go_live", runbook_locale="en", go_live_check="none")
    assert (run.code != 0, run.status) == (True, "insufficient")
    items = {item["item"]: item["state"] for item in run.result["hosts"][assistant.name]["items"]}
    assert (items["break_glass"], items["flags"]) == ("installed", "installed")
    # The assistant is in no work tree here.
    assert [name for name, state in items.items() if state == "missing"] == ["known_good"]
    assert assistant.environ("DELIVERY_DISABLE") is None


def test_the_last_message_leaves_within_half_a_second(assistant: Assistant) -> None:
    assistant.wait_for_deliveries(3)
    count = "curl -sS -m 3 http://127.0.0.1:8080/__stand_in/counters; echo"
    call = f"{PROGRAM} level1 >/tmp/told & sleep 0.5; {count}; wait $!; sleep 1; {count}; cat /tmp/told"
    lines: list[str] = []
    # The better of two: what else this machine does is not the program's doing.
    for last in (False, True):
        early, late, *lines = assistant.sh(call).splitlines()
        if json.loads(late)["asked"] == json.loads(early)["asked"]:
            break
        assert not last, (early, late)
        assistant.sh(f"{PROGRAM} undo")
    assert "FENCE UP" in lines[0]
    serving(assistant)
    assert assistant.environ("DELIVERY_DISABLE") == "true"
    assert assistant.health()["delivery_disabled"] is True


def test_the_playbook_finds_nothing_to_do_and_proves_the_effect(assistant: Assistant) -> None:
    before, pid = assistant.fingerprint(), serving(assistant)
    run = assistant.playbook("rollback_level1")
    # Evidence is kept, as of each incident.
    assert (run.code, run.status, run.changed, assistant.pid()) == (0, "proven", 1, pid)
    # The proof is written down, and nothing else is touched.
    ours = [line for line in before.splitlines() if not re.search("journal.jsonl|total|lease| [.]$", line)]
    assert [line for line in ours if line not in assistant.fingerprint()] == []
    told = assistant.module("journal_info", fail_on_broken=True)
    assert told.code == 0


def test_the_playbook_undoes_what_it_did(assistant: Assistant) -> None:
    run = assistant.playbook("roll_forward", level=1, roll_forward_force=True)
    assert (run.code, run.status) == (0, "proven")
    assert (assistant.environ("DELIVERY_DISABLE"), assistant.fence()) == (None, "")
    assert assistant.asks()


def test_it_leaves_what_the_playbook_leaves_and_lifts_it_again(assistant: Assistant) -> None:
    run = assistant.playbook("rollback_level1")
    assert run.status == "proven"
    # The playbook begins with the program's fence, which is the run's act and not the program's to undo.
    assert f"changed: [{assistant.name}]" in run.of_task("Stop the host by the program that is installed on it")
    acts = [(entry["act"], entry["run_id"]) for entry in assistant.journal()[-4:]]
    assert acts == [(act, run.result["run_id"]) for act in ("network_fence",) * 2 + ("service_flags",) * 2]
    wanted = left(assistant)
    assert "nothing was changed" in assistant.sh(f"{PROGRAM} undo")
    assert left(assistant) == wanted
    assistant.restore()
    assistant.sh(f"{PROGRAM} level1")
    assert left(assistant) == wanted
    pid = serving(assistant)
    assistant.sh(f"{PROGRAM} level1")
    assert assistant.pid() == pid
    status = assistant.sh(f"{PROGRAM} status")
    assert "CERCA de pé desde" in status
    assert "DELIVERY_DISABLE=true" in status
    assistant.sh(f"{PROGRAM} undo")
    serving(assistant)
    assert (assistant.environ("DELIVERY_DISABLE"), assistant.fence()) == (None, "")
    assert not assistant.host.file(KEEPER).exists
    assert assistant.asks()
    assert "nothing was changed" in assistant.sh(f"{PROGRAM} undo")


def test_level2_leaves_the_flags_that_the_playbook_leaves(assistant: Assistant) -> None:
    assistant.restore()
    assistant.sh(f"{PROGRAM} level2")
    serving(assistant)
    assert assistant.flags() == assistant.V1
    run = assistant.playbook("rollback_level2")
    assert (run.code, run.status, run.changed) == (0, "proven", 1), "only evidence is kept"


def test_what_systemd_would_not_start_again_is_fenced_and_not_stopped(assistant: Assistant) -> None:
    assistant.restore()
    pid, unit = serving(assistant), assistant.sh("systemctl show -p FragmentPath --value kumon-assistant").strip()
    conf = f"{DROP_INS}/condition.conf"
    condition = f"printf '[Unit]\\nConditionPathExists=/none\\n' > {conf} && systemctl daemon-reload"
    for spoil, mend, reason in (
        (condition, f"rm {conf} && systemctl daemon-reload", "ConditionPathExists=/none is not met"),
        (f"mv {unit} /root/unit", f"mv /root/unit {unit} && systemctl daemon-reload", "no file of unit"),
    ):
        assistant.sh(spoil)
        try:
            told = assistant.sh(f"{PROGRAM} level1 || echo exit $?")
            assert (reason in told, "exit 1" in told, assistant.asked_within(1), assistant.pid()) == (
                True,
                True,
                0,
                pid,
            )
        finally:
            assistant.sh(mend)
        assistant.sh(f"{PROGRAM} undo")
    assert assistant.asks()


def test_the_fence_is_lifted_at_once_and_for_good_while_the_service_hangs_in_its_stop(assistant: Assistant) -> None:
    conf = f"{DROP_INS}/hang.conf"
    assistant.sh(f"printf '[Service]\\nExecStopPost=/bin/sleep 300\\n' > {conf} && systemctl daemon-reload")
    try:
        assistant.sh(f"{PROGRAM} fence && systemctl restart --no-block kumon-assistant && sleep 0.5")
        began = time.monotonic()
        assistant.sh(f"{PROGRAM} undo")
        assert time.monotonic() - began < 5
        keeper = KEEPER.rpartition("/")[2]
        assert (assistant.fence(), "running" in assistant.sh(f"systemctl show -p SubState {keeper}")) == ("", False)
        assert "stop-post" in assistant.sh("systemctl show -p SubState kumon-assistant")
    finally:
        assistant.sh(f"rm {conf} && systemctl daemon-reload && systemctl kill --signal=KILL kumon-assistant")
    serving(assistant)


def test_the_program_of_another_assistant_is_left_alone(assistant: Assistant) -> None:
    assistant.restore()
    assistant.sh("sed -i 's/^service=.*/service=other/' /etc/kumon-assistant/break-glass.conf")
    run = assistant.playbook("rollback_level1")
    assert run.status == "proven"
    assert f"ok: [{assistant.name}]" in run.of_task("Stop the host by the program that is installed on it")
    assert "kumon_runbook_other" not in assistant.sh("nft list tables")
