# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit: what is refused, what is written, and every way in which a restart can go."""

from __future__ import annotations

import os
import signal
import stat

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _flags, _http, _service
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import Systemd
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words as tell

from tests.unit.plugins.service_fakes import journal, module_params, tree

UNIT = "kumon-assistant.service"
RELOAD = "systemctl daemon-reload"
RESET = f"systemctl reset-failed -- {UNIT}"
RESTART = f"systemctl restart --no-block -- {UNIT}"
LOG = f"journalctl -u {UNIT} -n 5 -o cat --no-pager"


@pytest.fixture
def act(tmp_path, systemd):
    def act(check_mode=False, uid=0, **more):
        return _flags.ensure(module_params(tmp_path, **more), systemd.host(uid), check_mode)

    return act


@pytest.fixture
def refused(act, tmp_path, systemd):
    """The message of a refusal, after a look that nothing was touched."""

    def refused(**more):
        before = tree(tmp_path)
        with pytest.raises(Refused) as caught:
            act(**more)
        assert tree(tmp_path) == before
        assert not {RELOAD, RESET, RESTART} & set(systemd.calls)
        return str(caught.value)

    return refused


@pytest.fixture
def failed(act):
    def failed(**more):
        with pytest.raises(Failed) as caught:
            act(**more)
        return str(caught.value), caught.value.result

    return failed


def proofs(result):
    return {proof["proof"]: (proof["had"], tell(proof["detail"], "en")) for proof in result["proofs"]}


def drop_in(systemd):
    return systemd.units / f"{UNIT}.d" / "zz-runbook.conf"


def test_the_flag_is_declared_and_every_process_has_it(act, systemd, tmp_path):
    old = systemd.pid
    result = act()
    assert systemd.calls == [RELOAD, RESET, RESTART]
    assert systemd.pid != old
    assert drop_in(systemd).read_text() == f"[Service]\nEnvironmentFile=-{tmp_path}/etc/runbook.env\n"
    assert stat.S_IMODE(drop_in(systemd).stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "etc" / "runbook.env").stat().st_mode) == 0o640
    assert {key: result[key] for key in ("service", "manager", "restarted", "changed", "pid", "warnings")} == {
        "service": UNIT,
        "manager": "systemd",
        "restarted": True,
        "changed": True,
        "pid": systemd.pid,
        "warnings": [],
    }
    for key, value in (("declared", "true"), ("effective", "true"), ("previous", None), ("previous_effective", None)):
        assert result[key] == {"DELIVERY_DISABLE": value}
    assert result["reported"] == {"DELIVERY_DISABLE": None}
    assert result["started"] == "2023-11-14T22:13:30.200000Z"
    assert proofs(result) == {
        "declared": (True, f"{tmp_path}/etc/runbook.env"),
        "environment": (True, f"process {systemd.pid}"),
        "health": (False, "no health URL is set"),
        "reported": (False, "not reported"),
    }
    assert 0 < result["seconds"] < 1


def test_a_second_run_touches_nothing(act, systemd, tmp_path):
    act()
    systemd.calls.clear()
    before = tree(tmp_path)
    result = act()
    assert (result["changed"], result["restarted"], result["diff"]) == (False, False, [])
    assert systemd.calls == []
    assert tree(tmp_path) == before


def test_check_mode_tells_and_touches_nothing(act, systemd, tmp_path):
    before = tree(tmp_path)
    result = act(check_mode=True)
    assert result["changed"]
    assert not result["restarted"]
    assert tree(tmp_path) == before
    assert systemd.calls == []
    header = "# Flags that the service starts with; kumon.runbook keeps every other line as it is.\n"
    env_file, conf = f"{tmp_path}/etc/runbook.env", str(drop_in(systemd))
    assert result["diff"] == [
        {
            "before_header": conf,
            "after_header": conf,
            "before": "",
            "after": f"[Service]\nEnvironmentFile=-{env_file}\n",
        },
        {
            "before_header": env_file,
            "after_header": env_file,
            "before": "",
            "after": f"{header}DELIVERY_DISABLE=true\n",
        },
        {"prepared": f"would restart {UNIT} (process 501)\n"},
    ]


def test_the_diff_shows_no_secrets(act, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runbook.env").write_text("EVOLUTION_API_KEY=abcdefgh12345678\n")
    assert "abcdefgh12345678" not in str(act()["diff"])
    assert "abcdefgh12345678" in (tmp_path / "etc" / "runbook.env").read_text()


def test_the_journal_has_begin_and_outcome(act, tmp_path):
    act()
    begin, outcome = journal(tmp_path)
    assert (begin["phase"], begin["ok"], outcome["phase"], outcome["ok"]) == ("begin", None, "outcome", True)
    for entry in (begin, outcome):
        assert entry["before"] == {"DELIVERY_DISABLE": None}
        assert entry["after"] == {"DELIVERY_DISABLE": "true"}
        assert (entry["act"], entry["run_id"], entry["actor"], entry["procedure"]) == (
            "service_flags",
            "run-1",
            "ana",
            "rollback_level1",
        )


def test_declared_only_writes(act, systemd, tmp_path):
    result = act(state="declared")
    assert systemd.calls == [RELOAD]
    assert (result["changed"], result["restarted"]) == (True, False)
    assert list(proofs(result)) == ["declared"]
    assert not act(state="declared")["changed"]


def test_a_value_that_is_read_alike_is_no_reason_to_restart(act, systemd):
    systemd.proc.remove(systemd.pid)
    systemd.spawn({"DELIVERY_DISABLE": "YES"})
    result = act()
    assert (result["changed"], result["restarted"]) == (True, False)
    assert result["effective"] == {"DELIVERY_DISABLE": "YES"}
    assert RESTART not in systemd.calls


def test_a_service_that_does_not_run_is_started(act, systemd):
    systemd.proc.remove(systemd.pid)
    systemd.properties.update(ActiveState="inactive", SubState="dead", MainPID="0", ControlGroup="")
    result = act()
    assert result["restarted"]
    assert result["previous_effective"] == {"DELIVERY_DISABLE": None}


def test_a_drop_in_that_systemd_has_not_read_is_loaded(act, systemd):
    act()
    # as if the run had been killed before daemon-reload
    systemd.loaded.clear()
    systemd.calls.clear()
    assert act()["changed"]
    assert systemd.calls == [RELOAD]


def test_a_drop_in_that_is_read_below_a_linked_directory_is_known(act, systemd):
    elsewhere = systemd.units.parent / "elsewhere"
    elsewhere.mkdir()
    (systemd.units / f"{UNIT}.d").symlink_to(elsewhere)
    act(state="declared")
    # systemd tells it where it really lies.
    systemd.loaded = [str(elsewhere / "zz-runbook.conf")]
    systemd.calls.clear()
    assert not act(state="declared")["changed"]
    assert systemd.calls == []


def test_a_drop_in_of_an_escaped_instance_is_known(act, systemd):
    systemd.properties["Id"] = r"kumon-assistant@a\x2db.service"
    act(state="declared")
    path = systemd.units / r"kumon-assistant@a\x2db.service.d" / "zz-runbook.conf"
    assert path.exists()
    # systemd puts a path with a backslash in quotes, and doubles that.
    escaped = str(path).replace("\\", "\\\\")
    systemd.loaded = [f'"{escaped}"']
    systemd.calls.clear()
    assert not act(state="declared")["changed"]
    assert RELOAD not in systemd.calls


def test_a_drop_in_that_changes_is_loaded_again(act, systemd, tmp_path):
    act()
    systemd.calls.clear()
    act(env_file=str(tmp_path / "other.env"))
    assert systemd.calls == [RELOAD]


def test_a_unit_changed_on_disk_is_loaded_before_a_restart(act, systemd):
    act(state="declared")
    systemd.properties["NeedDaemonReload"] = "yes"
    systemd.calls.clear()
    act()
    assert systemd.calls == [RELOAD, RESET, RESTART]


def test_no_reload_without_need(act, systemd):
    act(state="declared")
    systemd.calls.clear()
    act()
    assert systemd.calls == [RESET, RESTART]


# -- taking a declaration away


def test_null_takes_our_declaration_away(act, systemd, tmp_path):
    act()
    systemd.calls.clear()
    result = act(flags={"DELIVERY_DISABLE": None})
    assert systemd.calls == [RESET, RESTART]
    assert (result["declared"], result["effective"]) == ({"DELIVERY_DISABLE": None}, {"DELIVERY_DISABLE": None})
    assert result["previous"] == {"DELIVERY_DISABLE": "true"}
    assert "DELIVERY_DISABLE" not in (tmp_path / "etc" / "runbook.env").read_text()
    assert not act(flags={"DELIVERY_DISABLE": None})["changed"]


def test_null_lets_the_units_own_value_count_again(act, systemd):
    systemd.base["OUTBOX_V2_ENFORCED"] = "true"
    act(flags={"OUTBOX_V2_ENFORCED": False})
    result = act(flags={"OUTBOX_V2_ENFORCED": None})
    assert result["restarted"]
    assert result["effective"] == {"OUTBOX_V2_ENFORCED": "true"}
    assert proofs(result)["environment"][0]


def test_a_declaration_that_is_older_than_the_process_is_taken_away_too(act, systemd, tmp_path):
    act()
    os.utime(tmp_path / "etc" / "runbook.env", (1_600_000_000, 1_600_000_000))
    assert act(flags={"DELIVERY_DISABLE": None})["restarted"]


def test_null_with_nothing_declared_is_nothing_to_do(act, systemd, tmp_path):
    before = tree(tmp_path)
    assert not act(flags={"DELIVERY_DISABLE": None})["changed"]
    assert tree(tmp_path) == before


def test_a_removal_that_was_killed_before_the_restart_is_finished(act, systemd, tmp_path):
    act()
    env_file = tmp_path / "etc" / "runbook.env"
    env_file.write_text("")
    started = systemd.proc.started(systemd.proc.stat(systemd.pid).start)
    os.utime(env_file, (started + 5, started + 5))
    assert act(flags={"DELIVERY_DISABLE": None}, check_mode=True)["changed"]
    assert act(flags={"DELIVERY_DISABLE": None})["restarted"]


def test_a_file_that_was_removed_by_hand_counts_as_a_removal(act, systemd, tmp_path):
    act()
    (tmp_path / "etc" / "runbook.env").unlink()
    assert act(flags={"DELIVERY_DISABLE": None})["restarted"]


# -- processes that do not follow


def test_a_process_that_does_not_stop_is_killed(act, systemd):
    old, systemd.stop = systemd.pid, None
    result = act(stop_timeout=3.0)
    assert systemd.proc.killed == [(old, signal.SIGKILL)]
    assert result["restarted"]
    assert 3 <= result["seconds"] < 3.6


@pytest.mark.parametrize(("state", "killed"), [("stop", True), ("stop-post", False)])
def test_a_stop_command_that_hangs_is_killed(tmp_path, systemd, state, killed):
    manager = Systemd(UNIT, str(tmp_path / "runbook.env"), systemd.host())
    systemd.proc.add(900)
    systemd.properties.update(SubState=state, ControlPID="900")
    manager.seen()
    manager.advance(2.9, 3.0)
    assert systemd.proc.killed == []
    manager.advance(3.0, 3.0)
    assert systemd.proc.killed == ([(900, signal.SIGKILL)] if killed else [])


def test_a_process_that_stops_in_time_is_not_killed(act, systemd):
    systemd.stop = 2.5
    act(stop_timeout=3.0)
    assert systemd.proc.killed == []


def test_a_worker_that_survives_is_ended(act, systemd):
    systemd.proc.add(77, systemd.GROUP + "/sub", {"PATH": "/usr/bin"}, ppid=systemd.pid)
    result = act(stop_timeout=3.0)
    assert systemd.proc.killed == [(77, signal.SIGKILL)]
    assert proofs(result)["environment"] == (True, f"process {systemd.pid}")


def test_one_old_worker_is_enough_for_a_restart(act, systemd):
    act()
    systemd.proc.add(77, systemd.GROUP, {"DELIVERY_DISABLE": "false"}, ppid=systemd.pid)
    seen = act(check_mode=True)
    assert seen["changed"]
    assert seen["effective"] == {"DELIVERY_DISABLE": "false"}
    assert proofs(seen)["environment"] == (False, "process 77 lacks DELIVERY_DISABLE")
    assert act(stop_timeout=1.0)["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_flag_that_something_else_sets_is_told(failed, systemd, tmp_path):
    systemd.override["DELIVERY_DISABLE"] = "no"
    message, result = failed()
    assert message == (
        f"process {systemd.pid} of {UNIT} was started without the declared DELIVERY_DISABLE, something else sets it. "
        "Last log lines: INFO: token=*** / RuntimeError: no database. "
        "The kill-switch stays declared. Next: rollback level 3."
    )
    assert result["effective"] == {"DELIVERY_DISABLE": "no"}
    assert result["declared"] == {"DELIVERY_DISABLE": "true"}
    assert result["restarted"]
    assert 3 <= result["seconds"] < 5
    assert journal(tmp_path)[-1]["ok"] is False
    assert journal(tmp_path)[-1]["msg"] == message


@pytest.mark.parametrize("unset", ["LANG DELIVERY_DISABLE", '"OTHER=x y" DELIVERY_DISABLE=true'])
def test_a_flag_that_the_unit_takes_away_is_refused(refused, systemd, unset):
    systemd.spawn()
    systemd.properties["UnsetEnvironment"] = unset
    assert refused() == (
        f"UnsetEnvironment= of {UNIT} takes DELIVERY_DISABLE from whatever it starts: take it out there"
    )


def test_what_the_unit_takes_away_else_hinders_nothing(act, systemd):
    systemd.spawn()
    systemd.properties["UnsetEnvironment"] = "LANG DELIVERY_DISABLE=false"
    assert act()["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_unit_that_was_mended_on_disk_and_not_read_yet_is_not_refused(act, systemd):
    systemd.spawn()
    systemd.properties.update(UnsetEnvironment="DELIVERY_DISABLE", NeedDaemonReload="yes")
    systemd.on_disk["UnsetEnvironment"] = ""
    assert act()["effective"] == {"DELIVERY_DISABLE": "true"}


@pytest.mark.parametrize(
    ("out", "err", "message"),
    [
        ("masked\n", "", f"unit {UNIT} is masked: run systemctl unmask {UNIT} first"),
        ("not-found\n", "", f"the file of unit {UNIT}, which runs, is gone: put it back first"),
        (
            "",
            f"Failed to get unit file state for {UNIT}: No such file or directory",
            f"the file of unit {UNIT}, which runs, is gone: put it back first",
        ),
    ],
)
def test_a_unit_that_is_gone_on_disk_and_not_read_yet_is_refused(refused, systemd, out, err, message):
    systemd.properties["NeedDaemonReload"] = "yes"
    systemd.looks["is-enabled"] = Finished(1, out, err)
    assert refused() == message


@pytest.mark.parametrize(
    ("on_disk", "resets", "message"),
    [
        ({"LoadState": "masked"}, False, "is masked"),
        ({"LoadState": "bad-setting"}, False, "cannot be loaded (bad-setting)"),
        ({"UnsetEnvironment": "DELIVERY_DISABLE"}, False, "takes DELIVERY_DISABLE from whatever it starts"),
        ({}, True, "resets EnvironmentFile=: take that out there"),
    ],
)
def test_what_is_found_once_the_unit_is_read_again_stops_nothing(failed, systemd, on_disk, resets, message):
    pid = systemd.pid
    systemd.on_disk, systemd.resets = on_disk, resets
    told, result = failed()
    assert message in told
    assert (systemd.calls, result["pids"], result["restarted"]) == ([RELOAD, LOG], [pid], False)


def test_a_reset_that_is_read_already_is_refused(act, refused, systemd):
    systemd.resets = True
    act(state="declared")
    systemd.calls.clear()
    assert refused() == (
        f"a drop-in of {UNIT} that is read after {drop_in(systemd)} resets EnvironmentFile=: take that out there"
    )


def test_a_path_that_systemd_shows_without_what_is_needless_in_it_is_no_reset(act, tmp_path):
    for value in ("true", "false"):
        told = act(env_file=f"{tmp_path}/etc//./runbook.env", flags={"DELIVERY_DISABLE": value})
        assert (told["restarted"], told["effective"]) == (True, {"DELIVERY_DISABLE": value})


def test_a_file_that_the_start_needs_and_that_is_gone_is_refused(act, refused, systemd, tmp_path):
    there, gone = tmp_path / "there.env", tmp_path / "gone.env"
    there.touch()
    systemd.env_files = [f"{gone} (ignore_errors=yes)", f"{tmp_path}/th*.env (ignore_errors=no)"]
    systemd.env_files.append(f"{gone} (ignore_errors=no)")
    assert refused() == f"{gone}, which {UNIT} reads at its start, is not there: put it back first"
    gone.touch()
    assert act()["effective"] == {"DELIVERY_DISABLE": "true"}


@pytest.mark.parametrize(
    ("command", "hinders"),
    [
        ("/usr/bin/env DELIVERY_DISABLE=false python3 app.py", True),
        ("/bin/sh -c 'export DELIVERY_DISABLE=0; exec python3 app.py'", True),
        ("/usr/bin/env DELIVERY_DISABLE=false DELIVERY_DISABLE=1 python3 app.py", False),
        ("/bin/sh -c 'DELIVERY_DISABLE=${DELIVERY_DISABLE:-false} exec python3 app.py'", False),
        ("/usr/bin/env NO_DELIVERY_DISABLE=false python3 app.py", False),
    ],
)
def test_a_flag_that_the_command_sets_is_refused(act, refused, systemd, command, hinders):
    systemd.looks["cat"] = Finished(0, f"# /etc/systemd/system/{UNIT}\n[Service]\nExecStart={command}\n", "")
    if hinders:
        assert refused() == f"the command of {UNIT} sets DELIVERY_DISABLE itself: take it out of ExecStart="
    else:
        assert act()["restarted"]


@pytest.mark.parametrize(
    ("said", "unmet"),
    [
        ("ConditionPathExists=/etc/none failed.\nConditions failed.", "ConditionPathExists=/etc/none"),
        ("AssertFileNotEmpty=/etc/x failed.\nAsserts failed.\nConditions succeeded.", "AssertFileNotEmpty=/etc/x"),
        # One of several that are enough each, one that asks for an environment, and a program that is too old.
        ("ConditionPathExists=|/etc/none failed.\nConditions succeeded.", ""),
        ("ConditionEnvironment=A failed.\nConditions failed.", ""),
        # What the service makes while it runs, and takes away at its end.
        ("ConditionPathExists=!/run/lock failed.\nConditions failed.", ""),
        ("unrecognized option '--unit'", ""),
    ],
)
def test_a_condition_that_is_not_met_any_more_is_refused(act, refused, systemd, said, unmet):
    systemd.looks["condition"] = Finished(1, "", f"{UNIT}: {said}\n")
    if unmet:
        assert refused() == f"systemd would not start {UNIT}, {unmet} is not met: mend that first"
    else:
        assert act()["restarted"]


@pytest.mark.parametrize(
    ("fate", "state", "seconds"),
    [
        ("crash", "did not come back (unit {} is failed (failed), result exit-code)", 1),
        ("skipped", "did not come back (unit {} is inactive (dead))", 1),
        ("loop", "did not come back within 25 s (unit {} is activating (auto-restart), result exit-code)", 26),
    ],
)
def test_a_service_that_does_not_come_back(failed, systemd, tmp_path, fate, state, seconds):
    systemd.starts = [fate]
    message, result = failed()
    assert message == (
        f"{UNIT} {state.format(UNIT)}. Last log lines: INFO: token=*** / RuntimeError: no database. "
        "The kill-switch stays declared. Next: rollback level 3."
    )
    assert seconds - 1 <= result["seconds"] <= seconds
    assert result["effective"] == {"DELIVERY_DISABLE": None}
    assert proofs(result)["environment"] == (False, "no process runs")
    assert (result["changed"], result["restarted"], result["pid"]) == (True, True, None)
    assert [entry["phase"] for entry in journal(tmp_path)] == ["begin", "outcome"]


def test_a_unit_that_waits_for_its_health_runs_with_the_flag(act, failed, systemd, monkeypatch):
    """A command of ExecStartPost= that waits for a health that hangs does not make the kill-switch fail."""

    def comes_up(state):
        spawn = type(systemd).spawn

        def spawned(environ=None):
            pid = spawn(systemd, environ)
            systemd.properties.update(ActiveState="activating", SubState=state)
            return pid

        monkeypatch.setattr(systemd, "spawn", spawned)

    comes_up("start-post")
    assert proofs(act())["environment"] == (True, f"process {systemd.pid}")
    comes_up("start")
    message, _result = failed(flags={"DELIVERY_DISABLE": False})
    assert "did not come back within 25 s" in message


def test_after_a_failure_the_next_run_finishes(act, failed, systemd):
    systemd.starts = ["crash"]
    failed()
    systemd.starts = ["up"]
    result = act()
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert result["restarted"]


def test_what_was_declared_is_named_for_other_flags(failed, systemd):
    systemd.starts = ["crash"]
    message, _result = failed(flags={"DELIVERY_DISABLE": False})
    assert message.endswith(" What was declared stays declared. Next: rollback level 3.")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (RELOAD, "systemctl daemon-reload failed: Access denied"),
        (RESTART, f"systemctl restart {UNIT} failed: Access denied"),
    ],
)
def test_a_systemctl_that_fails_is_told(failed, systemd, monkeypatch, call, message):
    run = systemd.run
    monkeypatch.setattr(
        systemd,
        "run",
        lambda argv, **more: Finished(1, "", "Access denied\n") if " ".join(argv) == call else run(argv, **more),
    )
    told, result = failed()
    assert told.startswith(f"{message}. Last log lines: ")
    assert not result["restarted"]
    assert result["declared"] == {"DELIVERY_DISABLE": "true"}


# -- refusals


def test_no_systemd(refused, systemd):
    systemd.booted.rmdir()
    assert refused() == "systemd does not run on this host: set runbook_service_manager to process"


def test_an_unknown_unit(refused, systemd):
    systemd.properties.update(LoadState="not-found", ActiveState="inactive")
    assert refused(service="kumon-asistant") == (
        "unit kumon-asistant.service does not exist on this host (near matches: kumon-assistant.service): "
        "correct runbook_service_name"
    )
    assert refused(service="zzz") == "unit zzz.service does not exist on this host: correct runbook_service_name"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("masked", f"unit {UNIT} is masked: run systemctl unmask {UNIT} first"),
        ("bad-setting", f"unit {UNIT} cannot be loaded (bad-setting): see systemctl status {UNIT}"),
    ],
)
def test_a_unit_that_cannot_be_started(refused, systemd, state, message):
    systemd.properties["LoadState"] = state
    assert refused() == message


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("masked", f"unit {UNIT} is masked: run systemctl unmask {UNIT} first"),
        ("not-found", f"the file of unit {UNIT}, which runs, is gone: put it back first"),
    ],
)
def test_a_unit_that_runs_and_cannot_be_started_again_is_looked_at_and_not_stopped(
    tmp_path, refused, systemd, state, message
):
    systemd.properties["LoadState"] = state
    seen = _service.inspect(module_params(tmp_path, flags=[]), systemd.host())
    assert (seen["pids"], seen["warnings"]) == ([systemd.pid], [message])
    assert refused() == message
    assert systemd.properties["ActiveState"] == "active" and not any("restart" in call for call in systemd.calls)


def test_without_root(refused):
    assert refused(uid=1000) == f"changing unit {UNIT} needs root: run with become: true"


@pytest.mark.parametrize(
    ("uid", "need"), [(1000, "run with become: true"), (0, "CAP_SYS_PTRACE is missing here")], ids=["user", "root"]
)
def test_an_environment_that_may_not_be_read(tmp_path, systemd, monkeypatch, uid, need):
    def denied(_pid):
        raise PermissionError

    monkeypatch.setattr(systemd.proc, "process", denied)
    with pytest.raises(Refused) as caught:
        _service.inspect(module_params(tmp_path, flags=[]), systemd.host(uid))
    assert str(caught.value) == f"the environment of {UNIT}'s processes may not be read: {need}"


def test_a_systemctl_that_cannot_ask(refused, systemd, monkeypatch):
    monkeypatch.setattr(
        systemd, "run", lambda argv, **more: Finished(1, "", "Failed to connect to bus: Host is down\n")
    )
    assert refused() == f"systemctl cannot read unit {UNIT}: Failed to connect to bus: Host is down"


@pytest.mark.parametrize("name", ["-x", "a b", "../x", "", "a;b", "*"])
def test_names_that_are_none(refused, name):
    assert refused(service=name) == f"{name!r} is no valid unit name: correct runbook_service_name"


def test_an_env_file_of_which_systemd_reads_nothing(act, refused, tmp_path):
    """It was restarted without its flag, and something else was said to set that."""
    env_file = tmp_path / "etc" / "runbook.env"
    env_file.parent.mkdir(exist_ok=True)
    env_file.write_bytes(b"# Jos\xe9\nA=1\nNAME=Jos\xe9\n")
    assert refused() == f"line 3 of {env_file} is no text in UTF-8, so that systemd reads nothing of it: correct it"
    # As a disk leaves it that lost its power.
    env_file.write_bytes(b"# Jose\nA=1\n" + bytes(16))
    assert refused() == f"line 3 of {env_file} is no text in UTF-8, so that systemd reads nothing of it: correct it"
    # In a comment it may be anything.
    env_file.write_bytes("# Jos\xe9\n".encode("latin-1") + "NAME=José\n".encode())
    assert act()["restarted"]


@pytest.mark.parametrize("unit", ["kumon-assistant.socket", "kumon.target"])
def test_what_starts_a_service_is_none(refused, systemd, unit):
    """A socket has no environment to declare, and its restart would leave the process of its service as it is."""
    systemd.properties["Id"] = unit
    assert refused(service=unit) == f"{unit} is no service: correct runbook_service_name"


def test_an_alias_gets_the_drop_in_of_the_unit_itself(act, systemd):
    result = act(service="assistant-alias")
    assert result["service"] == UNIT
    assert drop_in(systemd).exists()


@pytest.mark.parametrize("path", ["/etc/%n.env", "/etc/a b.env", "/etc/*.env"])
def test_an_env_file_that_systemd_would_read_differently(refused, path):
    assert refused(env_file=path) == (
        f"env_file {path!r} holds a character that a unit file gives a meaning: choose another path"
    )


def test_the_drop_in_of_an_earlier_release_is_moved(act, systemd, tmp_path):
    old = drop_in(systemd).with_name("90-runbook.conf")
    old.parent.mkdir()
    old.write_text(f"[Service]\nEnvironmentFile=-{tmp_path}/etc/runbook.env\n")
    shown = act(check_mode=True)["diff"]
    assert [item["after"] for item in shown if item.get("after_header") == str(old)] == [""]
    assert old.exists()
    assert act()["effective"] == {"DELIVERY_DISABLE": "true"}
    assert [path.name for path in old.parent.iterdir()] == ["zz-runbook.conf"]
    assert RELOAD in systemd.calls
    assert not act()["changed"]


def test_a_process_that_hides_its_environment_is_neither_with_nor_without_the_flag(act, systemd, monkeypatch):
    (systemd.proc.base / str(systemd.pid) / "environ").write_bytes(b"\0" * 40)
    spawn = systemd.spawn

    def titled(environ=None):
        pid = spawn(environ)
        (systemd.proc.base / str(pid) / "environ").write_bytes(b"title\0" + b"\0" * 40)
        return pid

    monkeypatch.setattr(systemd, "spawn", titled)
    result = act()
    assert result["restarted"]
    assert proofs(result)["environment"] == (
        None,
        f"process {systemd.pid} has written over its environment, which shows nothing",
    )
    # What health says is all there is; while it says nothing the next run restarts again.
    answer = _http.Answer("http://x", "ok", 200, {"delivery_disabled": True}, "")
    monkeypatch.setattr(_http, "first_answer", lambda *_more: [answer])
    assert not act(health_urls=["http://127.0.0.1:8000/health"])["changed"]


def instances(systemd, monkeypatch, *running):
    """The template's instances that run."""
    plain = systemd.run

    def run(argv, **more):
        if argv[:2] == ["systemctl", "list-units"]:
            assert argv[-1] == "kumon@*.service"
            return Finished(0, "".join(f"{unit} loaded active running Kumon\n" for unit in running), "")
        return plain(argv, **more)

    monkeypatch.setattr(systemd, "run", run)
    systemd.properties["Id"] = "kumon@1.service"


def test_a_template_is_no_unit_and_its_instances_are_named(refused, systemd, monkeypatch):
    instances(systemd, monkeypatch, "kumon@1.service", "kumon@2.service")
    said = refused(service="kumon@")
    assert said.startswith(
        "kumon@.service is a template; running are kumon@1.service, kumon@2.service: give each a name"
    )
    instances(systemd, monkeypatch)
    assert refused(service="kumon@") == "kumon@.service is a template, of which no instance runs: name one"


def test_instances_beside_the_one_that_is_named_are_said_and_left_alone(systemd, monkeypatch):
    instances(systemd, monkeypatch, "kumon@1.service", "kumon@2.service")
    manager = Systemd("kumon@1", "/etc/kumon.env", systemd.host())
    manager.preflight(change=True)
    (warning,) = manager.warnings
    assert warning.startswith("kumon@2.service run beside kumon@1.service and are left alone: give each a name")
    instances(systemd, monkeypatch, "kumon@1.service")
    manager = Systemd("kumon@1", "/etc/kumon.env", systemd.host())
    manager.preflight(change=True)
    assert manager.warnings == []
