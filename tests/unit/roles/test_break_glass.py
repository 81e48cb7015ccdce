# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The break-glass program leaves what the playbooks leave, byte for byte, and they understand what it did."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _envfile, _fence, _fence_keeper, _journal, _lease
from ansible_collections.kumon.runbook.plugins.module_utils._flags import ensure
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

from tests.unit.plugins.service_fakes import FakeSystemd, module_params
from tests.unit.roles.break_glass_host import TABLE, BreakGlassHost

ROOT = Path(__file__).resolve().parents[3]
SHELLS = {"sh": ["/bin/sh"], "busybox": ["busybox", "sh"]}


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    assert shutil.which(SHELLS[request.param][0]), "missing; scripts/test-tools installs it"
    return BreakGlassHost(tmp_path, SHELLS[request.param])


@pytest.fixture
def sh(tmp_path):
    return BreakGlassHost(tmp_path, SHELLS["sh"])


def rules(*uids, port=8080, addresses=("192.0.2.10", "2001:db8::10")):
    return frozenset(_fence.Rule(uid, ipaddress.ip_address(one), port) for uid in uids for one in addresses)


def since(script: str) -> str:
    return re.search(r'"since (\S+) before', script)[1]


def test_level1_leaves_what_the_module_leaves(host, tmp_path):
    run = host.run("level1")
    # The fence before everything else, and again with what the old process had tried.
    first, again = host.scripts()
    assert first == _fence.script(TABLE, rules(998), since(first))
    assert again == _fence.script(TABLE, rules(998), since(first))
    keeper = _fence_keeper.Keeper(
        Host(uid=0, systemd_units=str(host.units), systemd_booted=str(host.booted)), TABLE, "kumon-assistant"
    )
    table = _fence.script(TABLE, rules(998), since(first)).removeprefix(_fence.gone(TABLE))
    text = keeper.unit(table, "http://evolution.example.com:8080")
    assert host.keeper.read_text() == text
    assert keeper.stands(text)
    assert host.calls()[0] == "nft"
    # The same files as the module's.
    (tmp_path / "module").mkdir()
    other = FakeSystemd(tmp_path / "module")
    other.spawn()
    params = module_params(tmp_path / "module")
    ensure(params, other.host())
    assert host.env_file.read_bytes() == (tmp_path / "module/etc/runbook.env").read_bytes()
    assert host.env_file.stat().st_mode & 0o777 == 0o640
    drop_in = (other.units / "kumon-assistant.service.d/zz-runbook.conf").read_text()
    assert host.drop_in.read_text() == drop_in.replace(params["env_file"], str(host.env_file))
    assert host.drop_in.stat().st_mode & 0o777 == 0o644
    # And the process has it.
    assert host.environ()["DELIVERY_DISABLE"] == "true"
    assert "FENCE UP" in run.stdout
    assert "DELIVERY_DISABLE=true" in run.stdout
    assert len(run.stdout.splitlines()) <= 6


def test_its_journal_is_the_modules_own(host, tmp_path):
    host.run("level1")
    found = _journal.verify(str(host.journal))
    assert (found["ok"], found["entries"], found["torn"]) == (True, 4, [])
    for line in host.journal.read_text().splitlines():
        assert json.dumps(json.loads(line), sort_keys=True) == line
    host.state_dir.joinpath("module").mkdir()
    _journal.append(str(host.journal), **dict.fromkeys(("run_id", "actor", "procedure", "act", "phase")))
    assert _journal.verify(str(host.journal))["ok"]
    entries = host.entries()[:-1]
    assert [(one["act"], one["phase"], one["ok"], one["before"], one["after"]) for one in entries] == [
        ("network_fence", "begin", None, {"network_fence": "absent"}, {"network_fence": "present"}),
        ("network_fence", "outcome", True, {"network_fence": "absent"}, {"network_fence": "present"}),
        ("service_flags", "begin", None, {"DELIVERY_DISABLE": None}, {"DELIVERY_DISABLE": "true"}),
        ("service_flags", "outcome", True, {"DELIVERY_DISABLE": None}, {"DELIVERY_DISABLE": "true"}),
    ]
    assert {one["procedure"] for one in entries} == {"rollback_level1"}
    assert {one["actor"] for one in entries} == {"ana"}
    assert all(one["run_id"].startswith("break-glass-") for one in entries)
    assert (host.journal.stat().st_mode & 0o777, host.state_dir.stat().st_mode & 0o777) == (0o640, 0o750)
    # What roll_forward would put back.
    assert _journal.undo_values(str(host.journal), ["DELIVERY_DISABLE"], {"DELIVERY_DISABLE": "true"}) == {
        "DELIVERY_DISABLE": None
    }
    assert not (host.state_dir / "lease.json").exists()


def test_a_second_run_changes_nothing(host):
    host.run("level1")
    host.forget()
    before = (host.journal.read_bytes(), host.unit()["pids"], host.table())
    run = host.run("level1")
    assert (host.journal.read_bytes(), host.unit()["pids"], host.table()) == before
    assert (host.scripts(), host.calls()) == ([], [])
    assert "FENCE UP" in run.stdout


def test_the_fence_alone_touches_nothing_else_and_is_the_runs_own(host):
    before = host.unit()["pids"]
    ours = {"RUNBOOK_RUN_ID": "run-1", "RUNBOOK_ACTOR": "bia (night shift)"}
    run = host.run("fence", env=ours)
    assert "FENCE UP" in run.stdout
    assert host.scripts() == [_fence.script(TABLE, rules(998), since(host.scripts()[0]))]
    assert (host.unit()["pids"], host.env_file.exists(), host.drop_in.exists()) == (before, False, False)
    told = [(one["act"], one["ok"], one["procedure"], one["run_id"], one["actor"]) for one in host.entries()]
    entry = ("network_fence", "rollback_level1", "run-1", "bia (night shift)")
    assert told == [(entry[0], ok, *entry[1:]) for ok in (None, True)]
    assert "NOTHING TO DO" in host.run("fence", env=ours).stdout
    # What a playbook has done is the playbooks' to undo.
    assert "nothing was changed" in host.run("undo").stdout
    assert host.table()


def test_without_a_fence_the_verb_fails_and_sets_no_flag(host):
    (host.fakes / "nft.deaf").touch()
    run = host.run("fence", code=1)
    assert "NO FENCE" in run.stdout
    assert not host.env_file.exists()


def test_the_playbook_tells_a_change_where_the_program_made_one(host):
    (task,) = yaml.safe_load((ROOT / "roles/rollback/tasks/stop_all.yml").read_text(encoding="utf-8"))
    condition = jinja2.Environment().compile_expression(task["changed_when"])
    runs = [host.run(verb) for verb in ("level1", "level1", "level2", "level2")]
    told = [condition(**{task["register"]: {"rc": run.returncode, "stdout": run.stdout}}) for run in runs]
    assert told == [True, False, True, False]


@pytest.mark.parametrize(("busy", "warned"), [(1, False), (2, True)])
def test_what_keeps_the_fence_is_started_once_more_where_systemd_was_busy(host, busy, warned):
    host.unit(busy=busy)
    run = host.run("level1")
    starts = [call for call in host.calls() if call.startswith("systemctl start")]
    assert (len(starts), "could not be started" in run.stderr) == (2, warned)


def test_two_who_break_it_at_once_leave_one_fence_and_what_keeps_it(sh):
    command = sh.command("level1")
    at_once = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _n in range(4)]
    told = [one.communicate(timeout=60)[1] for one in at_once]
    assert sh.table() and sh.keeper.exists() and not list(sh.units.glob(".*runbook-new*"))
    assert not any("will not outlive" in text for text in told)


def test_the_second_of_two_restarts_nothing_that_the_first_has_restarted(sh):
    # Nothing here has its time: on a busy machine the first may take many seconds.
    sh.settings.update(level1_seconds="50", lease_wait="50")
    command = sh.command("level1")
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]}) for _n in "12"
    ]
    told = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert [call.split()[1] for call in sh.calls() if call.startswith("systemctl")].count("restart") == 1
    assert all("KILL-SWITCH in the running process" in one for one in told)


def test_the_module_has_nothing_left_to_do_after_it(sh, monkeypatch):
    sh.run("level1")
    monkeypatch.setenv("PATH", f"{sh.directory}/bin:{os.environ['PATH']}")
    found = Host(proc=Proc(str(sh.proc)), uid=0, systemd_units=str(sh.units), systemd_booted=str(sh.booted))
    params = module_params(sh.directory, state_dir=str(sh.state_dir), env_file=str(sh.env_file))
    result = ensure(params, found)
    assert (result["changed"], result["restarted"]) == (False, False)
    assert [proof["had"] for proof in result["proofs"][:2]] == [True, True]
    assert len(sh.entries()) == 4


@pytest.mark.parametrize("verb", ["level1", "level2"])
def test_undo_lifts_what_it_did_and_only_that(host, verb):
    host.env_file.parent.mkdir()
    others = '# ours\nOTHER="a b"\n' + ("DELIVERY_DISABLE=no\n" if verb == "level1" else "ROUTER_V2_SHADOW=no\n")
    host.env_file.write_text(others)
    host.run(verb)
    host.run("undo")
    assert host.env_file.read_text() == others
    assert (host.table(), host.keeper.exists()) == (None, False)
    assert host.environ().get("DELIVERY_DISABLE" if verb == "level1" else "ROUTER_V2_SHADOW") == "no"
    assert host.environ()["OUTBOX_V2_ENFORCED"] == "true"
    assert _journal.verify(str(host.journal))["ok"]
    flags = [*json.loads(json.dumps(host.entries()[-1]["after"]))]
    declared = _envfile.parse(host.env_file.read_bytes())
    undo = _journal.undo_values(str(host.journal), flags, {flag: declared.get(flag) for flag in flags})
    assert undo == {flag: declared.get(flag) for flag in flags}
    before = host.journal.read_bytes()
    host.forget()
    assert "nothing was changed" in host.run("undo").stdout
    assert (host.journal.read_bytes(), host.calls()) == (before, [])


def test_undo_leaves_a_playbooks_rollback_alone(sh):
    sh.state_dir.mkdir()
    who = {"ok": None, "msg": "", "actor": "bia", "run_id": "run-7", "procedure": "rollback_level1"}
    for act, name, before, after in (
        ("network_fence", "network_fence", "absent", "present"),
        ("service_flags", "DELIVERY_DISABLE", None, "true"),
    ):
        _journal.append(str(sh.journal), act=act, phase="begin", before={name: before}, after={name: after}, **who)
    sh.run("level1")
    # Nothing of it was in force yet: the fence was theirs by the journal, the flag was written by this program.
    sh.run("undo")
    assert sh.table() is not None
    assert "nothing was changed" in sh.run("undo").stdout


def test_undo_leaves_what_it_did_for_another_assistant_alone(host):
    host.run("level1")
    for one in host.entries():
        assert one["service"] == "kumon-assistant"
    # The same journal, as the other assistant's program has left it.
    entries = [{**one, "service": "other"} for one in host.entries()]
    host.journal.unlink()
    for one in entries:
        told = {key: value for key, value in one.items() if key not in ("seq", "time", "host", "prev", "hash")}
        _journal.append(str(host.journal), **told)
    assert "nothing was changed" in host.run("undo").stdout
    assert host.table() is not None


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("fakes/nft.log", "kumon_runbook"),
        ("state/journal.jsonl", '"phase": "begin"'),
        ("state/journal.jsonl", '"act": "service_flags"'),
        ("etc/runbook.env", "DELIVERY_DISABLE=true"),
        ("fakes/calls", "daemon-reload"),
        ("fakes/calls", "restart"),
    ],
)
def test_killed_half_way_the_next_run_finishes_and_undo_undoes(sh, mark, text):
    sh.killed_after("level1", sh.directory / mark, text)
    sh.run("level1")
    assert sh.environ()["DELIVERY_DISABLE"] == "true"
    assert sh.env_file.read_text().splitlines()[-1] == "DELIVERY_DISABLE=true"
    assert _journal.verify(str(sh.journal))["ok"]
    sh.run("undo")
    assert (sh.table(), sh.keeper.exists()) == (None, False)
    assert "DELIVERY_DISABLE" not in sh.environ()
    assert "DELIVERY_DISABLE" not in sh.env_file.read_text()


def test_level2_sets_the_flags_of_v1_and_leaves_the_kill_switch(host):
    host.run("level1")
    host.forget()
    host.run("level2")
    assert {name: host.environ()[name] for name in ("DELIVERY_DISABLE", "OUTBOX_V2_ENFORCED", "ROUTER_V2_SHADOW")} == {
        "DELIVERY_DISABLE": "true",
        "OUTBOX_V2_ENFORCED": "false",
        "ROUTER_V2_SHADOW": "true",
    }
    begin = host.entries()[4]
    assert (begin["procedure"], begin["before"]) == (
        "rollback_level2",
        {"OUTBOX_V2_ENFORCED": None, "ROUTER_V2_SHADOW": None},
    )
    # Neither lifted nor written again.
    assert host.scripts() == []


def test_a_release_without_flags_of_level2_is_refused(sh):
    sh.settings["level2_flag"] = []
    assert "no flags of level 2" in sh.run("level2", code=2).stderr
    assert (sh.calls(), sh.entries()) == ([], [])


def test_without_nft_the_flag_is_set_all_the_same_and_said_first(host):
    host.tool("nft", '#!/bin/sh\necho "nft: not found" >&2\nexit 127\n')
    run = host.run("level1")
    assert run.stdout.splitlines()[0].startswith("SEM CERCA")
    assert host.environ()["DELIVERY_DISABLE"] == "true"
    assert [one["act"] for one in host.entries()] == ["service_flags"] * 2


def test_without_an_answer_of_systemd_the_fence_stands_around_the_recorded_user(sh):
    sh.unit(deaf=True)
    run = sh.run("level1", code=1)
    assert sh.scripts()[0].count("skuid 998") == 2
    assert "FENCE UP" in run.stdout
    assert "NOT PROVEN" in run.stdout


def test_the_fence_is_put_around_the_user_who_runs_it_now(sh):
    sh.settings["uid"] = ["990"]
    sh.run("level1")
    assert (sh.table().count("skuid 998"), sh.table().count("skuid 990")) == (2, 0)


def test_the_fence_follows_a_service_that_comes_back_as_another_user(host):
    host.unit(uid=990)
    run = host.run("level1")
    assert (host.table().count("skuid 998"), host.table().count("skuid 990")) == (0, 2)
    assert "skuid 990" in host.keeper.read_text()
    assert run.stdout.count("FENCE UP") == 1
    assert [one["act"] for one in host.entries()] == [
        *["network_fence"] * 2,
        *["service_flags"] * 2,
        *["network_fence"] * 2,
    ]


def test_a_fence_that_stands_keeps_its_time_its_count_and_its_addresses(sh):
    standing = rules(998, addresses=("192.0.2.9", "192.0.2.10"))
    script = _fence.script(TABLE, standing, "2026-11-22T10:12:27.170000Z", 3, 4)
    (sh.fakes / "tables.json").write_text(json.dumps({TABLE: script.split("\n", 2)[2]}))
    sh.run("level1")
    wanted = standing | rules(998)
    assert sh.scripts()[0] == _fence.script(TABLE, wanted, "2026-11-22T10:12:27.170000Z", 3, 4)
    # The old process's attempts are told apart from the new one's.
    assert sh.scripts()[1] == _fence.script(TABLE, wanted, "2026-11-22T10:12:27.170000Z", 0, 7)


def test_a_fence_around_a_container_is_left_as_the_playbook_made_it(sh):
    inside, sources = frozenset({_fence.Rule(None, ipaddress.ip_address("192.0.2.9"), 8080)}), {"172.18.0.2", "fd00::2"}
    script = _fence.script(
        TABLE, inside, "2026-11-22T10:12:27.170000Z", 3, 4, frozenset(map(ipaddress.ip_address, sources))
    )
    (sh.fakes / "tables.json").write_text(json.dumps({TABLE: script.split("\n", 2)[2]}))
    assert "7" in sh.run("status").stdout
    run = sh.run("level1")
    assert "FENCE UP" in run.stdout
    assert sh.scripts() == []
    # One that lets IPv6 through is not the playbook's.
    damaged = "".join(line for line in script.splitlines(True) if "saddr @source6" not in line)
    (sh.fakes / "tables.json").write_text(json.dumps({TABLE: damaged.split("\n", 2)[2]}))
    assert "none of ours" in sh.run("status").stdout


def test_a_table_with_a_rule_that_is_not_ours_is_no_fence(sh):
    script = _fence.script(TABLE, rules(998), "2026-11-22T10:12:27.170000Z")
    foreign = script.replace("  chain output {\n", "  chain output {\n    accept\n")
    (sh.fakes / "tables.json").write_text(json.dumps({TABLE: foreign.split("\n", 2)[2]}))
    assert "none of ours" in sh.run("status").stdout
    sh.run("level1")
    assert "accept\n" not in sh.table().replace("policy accept", "")
    assert since(sh.table()) != "2026-11-22T10:12:27.170000Z"


def test_a_fence_that_nft_does_not_show_is_told_as_none(sh):
    (sh.fakes / "nft.deaf").touch()
    run = sh.run("level1")
    assert "FENCE UP" not in run.stdout
    assert "NO FENCE" in run.stdout
    assert [one["ok"] for one in sh.entries() if one["act"] == "network_fence"] == [None, False]


def test_a_process_that_does_not_get_the_flag_is_not_proven(sh):
    sh.settings["level1_seconds"] = "30"
    sh.unit(override={"DELIVERY_DISABLE": "false"})
    run = sh.run("level1", code=1)
    assert "was started without the declared DELIVERY_DISABLE" in run.stdout
    assert (sh.entries()[-1]["ok"], sh.env_file.read_text().splitlines()[-1]) == (False, "DELIVERY_DISABLE=true")


def test_a_service_that_does_not_come_back_is_not_proven(sh):
    sh.unit(start="crash")
    assert "did not come back" in sh.run("level1", code=1).stdout


UNFIT = [
    ({"LoadState": "masked"}, {}, "is masked: run systemctl unmask kumon-assistant.service first"),
    ({"LoadState": "not-found"}, {}, "there is no file of unit kumon-assistant.service: put it back first"),
    ({"LoadState": "bad-setting"}, {}, "cannot be loaded (bad-setting)"),
    ({"NeedDaemonReload": "yes"}, {"on_disk": "masked"}, "is masked"),
    (
        {"NeedDaemonReload": "yes"},
        {"on_disk": "Failed to get unit file state: No such file or directory"},
        "no file of unit",
    ),
    (
        {"UnsetEnvironment": "LANG DELIVERY_DISABLE"},
        {},
        "UnsetEnvironment= of kumon-assistant.service takes DELIVERY_DISABLE",
    ),
    ({"UnsetEnvironment": '"A=b c" DELIVERY_DISABLE=true'}, {}, "takes DELIVERY_DISABLE from whatever it starts"),
    (
        {"EnvironmentFiles": "/proc/uptime (ignore_errors=no)\n/none/a.env (ignore_errors=no)"},
        {},
        "/none/a.env, which kumon-assistant.service reads at its start, is not there",
    ),
]


@pytest.mark.parametrize(("shown", "unit", "sentence"), UNFIT)
def test_what_systemd_would_not_start_again_with_the_flag_is_fenced_and_not_stopped(host, shown, unit, sentence):
    host.unit(shown={**host.unit()["shown"], **shown}, **unit)
    before = host.unit()["pids"]
    run = host.run("level1", code=1)
    assert (sentence in run.stdout, "FENCE UP" in run.stdout, host.table() is not None) == (True, True, True)
    assert "processo novo" not in run.stdout, "there is none"
    assert (host.unit()["pids"], host.env_file.exists(), host.drop_in.exists()) == (before, False, False)
    assert [one["act"] for one in host.entries()] == ["network_fence"] * 2
    assert not [call for call in host.calls() if "restart" in call]
    # What needs no restart is there, whatever the unit is.
    host.run("undo")
    assert (host.table(), host.unit()["pids"]) == (None, before)


def test_files_that_the_start_needs_not_or_that_are_there_hinder_nothing(host):
    """Nor ours, which is written now."""
    files = ["/none/a.env (ignore_errors=yes)", "/none/*.env (ignore_errors=no)", f"{host.env_file} (ignore_errors=no)"]
    host.unit(
        shown={**host.unit()["shown"], "EnvironmentFiles": "\n".join([*files, "/proc/uptime (ignore_errors=no)"])}
    )
    host.run("level1")
    assert host.environ()["DELIVERY_DISABLE"] == "true"


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        ({"read": {"LoadState": "masked"}}, "is masked"),
        ({"read": {"UnsetEnvironment": "DELIVERY_DISABLE"}}, "takes DELIVERY_DISABLE"),
        ({"resets": True}, "resets EnvironmentFile="),
        (
            {"refuses": "Failed to restart: Unit kumon-db.service not found."},
            "(Failed to restart: Unit kumon-db.service not found.)",
        ),
    ],
)
def test_what_systemd_finds_once_it_has_read_the_unit_again_stops_nothing(sh, unit, sentence):
    sh.unit(**unit)
    before = sh.unit()["pids"]
    run = sh.run("level1", code=1)
    assert (sentence in run.stdout, sh.table() is not None, sh.unit()["pids"]) == (True, True, before)
    assert (sh.entries()[-1]["ok"], sh.entries()[-1]["after"]) == (False, {"DELIVERY_DISABLE": "true"})
    sh.run("undo")
    assert "DELIVERY_DISABLE" not in sh.env_file.read_text()


def test_a_path_that_systemd_shows_without_what_is_needless_in_it_is_no_reset(sh):
    sh.settings["env_file"] = sh.settings["env_file"].replace("/runbook.env", "//runbook.env")
    sh.run("level1")
    sh.run("level2")
    assert (sh.environ()["DELIVERY_DISABLE"], "OUTBOX_V2_ENFORCED" in sh.environ()) == ("true", True)


def test_what_has_the_flag_needs_no_unit_that_can_be_started(sh):
    sh.run("level1")
    sh.unit(shown={**sh.unit()["shown"], "LoadState": "masked"})
    assert "KILL-SWITCH in the running process" in sh.run("level1").stdout


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("x: ConditionPathExists=/etc/none failed.\nConditions failed.", "ConditionPathExists=/etc/none is not met"),
        (
            "x: AssertFileNotEmpty=/etc/none failed.\nAsserts failed.\nConditions succeeded.",
            "AssertFileNotEmpty=/etc/none",
        ),
        # One of several that are enough each, one that asks for an environment, and a program that is too old.
        ("x: ConditionPathExists=|/etc/none failed.\nConditions succeeded.", ""),
        ("x: ConditionEnvironment=A failed.\nConditions failed.", ""),
        # What the service makes while it runs, and takes away at its end.
        ("x: ConditionPathExists=!/run/lock failed.\nConditions failed.", ""),
        ("unrecognized option --unit", ""),
    ],
)
def test_a_condition_that_is_not_met_is_found_before_the_restart(host, said, refused):
    host.tool("systemd-analyze", f"#!/bin/sh\ncat >&2 <<SAID\n{said}\nSAID\nexit 1\n")
    before = host.unit()["pids"]
    run = host.run("level1", code=1 if refused else 0)
    assert (refused in run.stdout, host.unit()["pids"] == before, host.table() is not None) == (
        True,
        bool(refused),
        True,
    )


def test_a_command_of_the_units_stop_that_hangs_is_ended(sh):
    hanging = subprocess.Popen(["sleep", "60"])
    try:
        sh.settings["level1_seconds"] = "3"
        sh.unit(hangs=hanging.pid)
        assert "did not come back in time" in sh.run("level1", code=1).stdout
        assert hanging.wait(timeout=1) == -9
    finally:
        hanging.kill()


def test_a_unit_that_ends_without_a_job_is_not_waited_for(sh):
    sh.settings["level1_seconds"] = "30"
    sh.unit(start="crash", ends="inactive")
    begun = time.monotonic()
    assert "did not come back (inactive)" in sh.run("level1", code=1).stdout
    assert time.monotonic() - begun < 15


def test_what_keeps_the_fence_is_ended_without_waiting_for_a_service_that_hangs(sh):
    """Its stop comes after the service's, and until then it would put the table back."""
    sh.run("level1")
    sh.forget()
    sh.run("undo")
    stop, kill = [call for call in sh.calls() if sh.keeper.name in call]
    assert (stop, kill) == (
        f"systemctl stop --no-block -- {sh.keeper.name}",
        f"systemctl kill -- {sh.keeper.name}",
    )


@pytest.mark.parametrize(("value", "read"), [(b"caf\xe9", False), ("café 😀".encode(), True)])
def test_an_env_file_of_which_systemd_reads_nothing_costs_no_restart(host, value, read):
    host.env_file.parent.mkdir()
    host.env_file.write_bytes(b"# caf\xe9\nNAME=" + value + b"\n")
    before, content = host.unit()["pids"], host.env_file.read_bytes()
    run = host.run("level1", code=0 if read else 1)
    assert ("no text in UTF-8" in run.stdout, host.unit()["pids"] == before, host.env_file.read_bytes() == content) == (
        not read,
    ) * 3
    assert host.table() is not None


def test_a_unit_that_waits_for_its_health_has_the_flag(sh):
    sh.unit(comes_up={"ActiveState": "activating", "SubState": "start-post"})
    sh.run("level1")
    assert sh.environ()["DELIVERY_DISABLE"] == "true"
    sh.run("undo")
    sh.unit(comes_up={"ActiveState": "activating", "SubState": "start"})
    assert "did not come back in time" in sh.run("level1", code=1).stdout


def test_the_first_mention_of_a_flag_in_the_environment_counts(sh):
    (pid,) = sh.unit()["pids"]
    environ = b"X=a\nDELIVERY_DISABLE=true\0DELIVERY_DISABLE=no\0DELIVERY_DISABLE=true\0"
    (sh.proc / str(pid) / "environ").write_bytes(environ)
    assert "DELIVERY_DISABLE=no" in sh.run("status").stdout


def test_a_host_that_another_run_holds_gets_its_fence_and_its_owner_is_named(sh, monkeypatch):
    sh.state_dir.mkdir()
    proc = Proc(str(sh.proc))
    # Held between two calls: no process works under it now.
    claim = _lease.Claim(str(sh.state_dir), "other", "bia", "drill", 1, 60, 0.0)
    _lease.acquire(claim, Host(proc=proc), [])
    held = (sh.state_dir / "lease.json").read_bytes()
    run = sh.run("level1", code=1)
    assert "held by bia (drill, level 1, run other)" in run.stdout
    assert sh.table() is not None
    assert "DELIVERY_DISABLE" not in sh.environ()
    assert (sh.state_dir / "lease.json").read_bytes() == held
    # A lease of before a restart of the host holds nobody up; a higher level takes over from a lower one.
    sh.run("level2")
    (sh.proc / "sys/kernel/random/boot_id").write_text("boot-2\n")
    sh.run("level1")


def test_a_damaged_journal_is_gone_on_with_below(sh):
    sh.state_dir.mkdir()
    _journal.append(str(sh.journal), run_id="r", actor="x", procedure="p", act="a", phase="note", msg='é "quoted" {}')
    with open(sh.journal, "a", encoding="utf-8") as file:
        file.write('{"act": "torn')
    sh.run("level1")
    told = _journal.verify(str(sh.journal))
    assert (told["ok"], told["entries"], told["torn"]) == (True, 5, [2])


# Plain and quoted text, control characters, UTF-8, and what is none.
VALUES = [
    *(text.encode() for text in ("áé", 'q"q', "a\\b", "\x01\x1f", "\x7f", "😀")),
    *(b"\xff", b"\xe2\x82x", b"\xed\xa0\x80"),
]


def test_what_was_there_before_stands_in_the_journal_whatever_it_was(host):
    for value in VALUES:
        quoted = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        host.env_file.parent.mkdir(exist_ok=True)
        host.env_file.write_bytes(b'DELIVERY_DISABLE="' + quoted + b'"\n')
        assert host.function("declared DELIVERY_DISABLE") == b"DELIVERY_DISABLE=" + value + b"\n"
        order = "DELIVERY_DISABLE=true"
        host.function(f'procedure=rollback_level1; note service_flags begin "$(declared {order})" {order} null ""')
        assert _journal.verify(str(host.journal))["ok"]
        assert list(_journal.entries(str(host.journal)))[-1]["before"] == {"DELIVERY_DISABLE": os.fsdecode(value)}
        assert host.function("ours") == b"back DELIVERY_DISABLE=" + value + b"\nset DELIVERY_DISABLE=true\n"


@pytest.mark.parametrize("order", ["DELIVERY_DISABLE=true", "DELIVERY_DISABLE", "DELIVERY_DISABLE=a\nB=c", "A\nX=y"])
def test_the_env_file_is_edited_as_the_module_edits_it(host, order):
    pairs = [one.partition("=") for one in order.split("\n")]
    flags = {name: value if equals else None for name, equals, value in pairs}
    host.env_file.parent.mkdir()
    for content in (
        b"",
        b"# a comment \\\nDELIVERY_DISABLE=no\nB=1",
        b"A=1\r\nDELIVERY_DISABLE=false # not a comment\nA=2\n",
        b"  DELIVERY_DISABLE = no \n; x\nDELIVERY_DISABLE='of' f\n",
        b'X="a\nDELIVERY_DISABLE=no\n"\nY=a\\\n  b\n',
        b"DELIVERY_DISABLE=YES\n",
        b"A=b\\",
        b"# \\",
        b"DELIVERY_DISABLE=true \\\n\nA=a\\\n \nB=2\n",
        b'A="b\\"c\\n\\$"\nno equals\nDELIVERY_DISABLE=no\n\n\n',
        "ÇÃO=é\n".encode(),
    ):
        host.env_file.write_bytes(content)
        wanted = _envfile.edit(content, flags) or b""
        assert host.function(f"edited '{order}'") == wanted, content
        declared = _envfile.parse(content)
        told = "".join(f"{flag}={declared[flag]}\n" if flag in declared else f"{flag}\n" for flag in flags)
        assert host.function(f"declared '{order}'").decode() == told, content


def test_the_env_file_keeps_its_mode(sh):
    sh.env_file.parent.mkdir()
    sh.env_file.write_text("A=1\n")
    sh.env_file.chmod(0o604)
    sh.run("level1")
    assert (sh.env_file.read_text(), sh.env_file.stat().st_mode & 0o777) == ("A=1\nDELIVERY_DISABLE=true\n", 0o604)


def test_a_quote_without_an_end_leaves_the_files_as_they_are(sh):
    sh.env_file.parent.mkdir()
    sh.env_file.write_text('A="b\n')
    run = sh.run("level1", code=1)
    assert "close the quote" in run.stdout
    assert (sh.env_file.read_text(), sh.drop_in.exists()) == ('A="b\n', False)
    assert sh.table() is not None


def test_files_that_others_can_change_are_not_written(sh, tmp_path):
    sh.env_file.parent.mkdir()
    sh.env_file.parent.chmod(0o777)
    assert "can be changed by others than root" in sh.run("level1", code=1).stdout
    assert not sh.env_file.exists()
    sh.env_file.parent.chmod(0o755)
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o777)
    sh.env_file.symlink_to(tmp_path / "open/secret")
    assert "can be changed by others than root" in sh.run("level1", code=1).stdout
    assert not (tmp_path / "open/secret").exists()
    # Root's own link to somebody else's, which leads to a directory of root's; then both are root's alone.
    for mode, code in ((0o777, 1), (0o755, 0)):
        (tmp_path / "open").chmod(mode)
        (tmp_path / "roots").mkdir(mode=0o755, exist_ok=True)
        for link, target in ((sh.env_file, tmp_path / "open/next"), (tmp_path / "open/next", "../roots/secret")):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        told = sh.run("level1", code=code).stdout
        assert ("can be changed by others than root" in told) is bool(code)
        assert (tmp_path / "roots/secret").exists() is not bool(code)


LISTED = "#!/bin/sh\n[ \"$1\" = -cnp ] && printf 'user::rwx\\nuser:998:%s\\ngroup::r-x\\nmask::rwx\\nother::r-x\\n'\n"


@pytest.mark.parametrize(("getfacl", "code"), [(LISTED % "rwx", 1), (LISTED % "r-x", 0), ("#!/bin/sh\nexit 127\n", 1)])
def test_what_an_access_list_lets_others_change_is_not_written(sh, tmp_path, getfacl, code):
    """Its mode says no more than that somebody may write."""
    sh.env_file.parent.mkdir()
    sh.tool("getfacl", getfacl)
    # Owner, user 998 with all rights, the group and others without writing; rwx at most.
    entries = [(1, 7, 2**32 - 1), (2, 7, 998), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 5, 2**32 - 1)]
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(sh.env_file.parent, "system.posix_acl_access", listed)
    except OSError:
        pytest.skip("this file system has no access lists")
    os.chown(sh.env_file.parent, -1, 0)
    told = sh.run("level1", code=code).stdout
    assert ("can be changed by others than root" in told, sh.env_file.exists()) == (bool(code), not code)


def test_a_pipe_in_the_place_of_the_env_file_holds_nobody_up(sh):
    sh.env_file.parent.mkdir()
    sh.env_file.parent.chmod(0o777)
    os.mkfifo(sh.env_file)
    assert "not known, others than root" in sh.run("status").stdout
    assert "can be changed by others than root" in sh.run("level1", code=1).stdout
    sh.env_file.parent.chmod(0o755)
    assert "is no regular file" in sh.run("level1", code=1).stdout


@pytest.mark.parametrize("put", ["pipe", "link", "file"])
def test_what_others_can_put_into_the_state_directory_says_nothing(host, tmp_path, put):
    """A journal that says a file of theirs was this program's to set back, and a lease that holds the host for ever."""
    host.run("level1")
    forged = host.journal.read_text().replace('"DELIVERY_DISABLE": null', '"DELIVERY_DISABLE": "x", "LD_PRELOAD": "/x"')
    forged = forged.replace('"DELIVERY_DISABLE": "true"', '"DELIVERY_DISABLE": "true", "LD_PRELOAD": null')
    held = {"run_id": "r9", "actor": "eve", "procedure": "p", "level": 3, "boot": "boot-1", "pid": 0, "start": 0}
    held.update(since=0, until=2e9)
    for path, content in ((host.journal, forged), (host.state_dir / "lease.json", json.dumps(held))):
        path.unlink(missing_ok=True)
        if put == "pipe":
            os.mkfifo(path)
        elif put == "link":
            path.symlink_to("/dev/zero")
        else:
            path.write_text(content)
    host.state_dir.chmod(0o777)
    told = host.run("status").stdout
    assert "not known, others than root can change that file" in told
    assert "eve" not in told
    assert "so what this program did is not known" in host.run("undo", code=2).stderr
    assert "LD_PRELOAD" not in host.env_file.read_text()
    # The kill-switch needs neither.
    host.env_file.write_text("DELIVERY_DISABLE=false\n")
    told = host.run("level1")
    assert "KILL-SWITCH in the running process" in told.stdout
    assert "the lease of this host could not be taken" in told.stderr


@pytest.mark.parametrize(
    ("verbs", "settings", "sentence"),
    [
        ((), {}, "usage"),
        (("level3",), {}, "usage"),
        (("level1", "now"), {}, "usage"),
        (("level1",), {"service": "a b"}, "names no valid service"),
        (("level1",), {"env_file": "runbook.env"}, "absolute paths"),
        (("level1",), {"env_file": "/etc/a b"}, "holds a character"),
        (("level1",), {"state": "x"}, "not known"),
        (("level1",), {"stop_timeout": "soon"}, "whole seconds"),
    ],
)
def test_bad_input_is_refused_before_anything_changed(sh, verbs, settings, sentence):
    sh.settings.update(settings)
    assert sentence in sh.run(*verbs, code=2).stderr
    assert (sh.calls(), sh.entries(), sh.table()) == ([], [], None)


def test_settings_that_others_can_change_are_refused(sh):
    program = sh.program()
    (sh.directory / "break-glass.conf").chmod(0o666)
    text = program.read_text()
    sh.program = lambda: program
    assert "can be changed by others than root" in sh.run("level1", code=2).stderr
    assert text == program.read_text()


def test_a_terminal_obeys_nothing_of_what_processes_and_people_call_themselves(host):
    """A process writes what it likes over its environment, and an operator of AWX chooses his name."""
    obeyed = "\x1b[2J\x1b]0;x\x07\x9b1m"
    host.run("level1", env={"RUNBOOK_RUN_ID": "r1", "RUNBOOK_ACTOR": f"José{obeyed}\nlevel=0"})
    (pid,) = host.unit()["pids"]
    (host.proc / str(pid) / "environ").write_text(f"DELIVERY_DISABLE=true{obeyed}\0")
    held = {"run_id": "r9", "actor": f"Ana{obeyed}\nlevel=0", "procedure": "p", "level": 3, "boot": "boot-1", "pid": 0}
    (host.state_dir / "lease.json").write_text(json.dumps({**held, "start": 0, "since": 0, "until": _in_ten_minutes()}))
    told = host.run("status").stdout
    assert not set("\x1b\x07\x9b") & set(told)
    assert all(part in told for part in ("DELIVERY_DISABLE=true?", "José?", "Ana?", "level 3, run r9"))


def _in_ten_minutes() -> float:
    return float(Path("/proc/uptime").read_text().split()[0]) + 600


def test_status_shows_and_changes_nothing(host):
    host.run("level1")
    before = (host.journal.read_bytes(), host.unit(), host.table())
    run = host.run("status")
    assert (host.journal.read_bytes(), host.unit(), host.table()) == before
    for part in ("CERCA de pé desde", "DELIVERY_DISABLE=true", "Last entry", "rollback_level1", "active"):
        assert part in run.stdout
    assert len(run.stdout.splitlines()) <= 10
