# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flags of a service: input, health, the proofs, the journal, and a full disk."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _files, _flags, _journal, _service
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words as tell

from tests.unit.plugins.service_fakes import FakeSystemd, free_port, journal, module_params, tree


@pytest.fixture
def act(service):
    def act(check_mode=False, **more):
        return _flags.ensure(service.params(**{"budget": 10.0, "stop_timeout": 3.0, **more}), Host(), check_mode)

    return act


@pytest.fixture
def look(service):
    def look(**more):
        return _service.inspect(service.params(**{"flags": [], **more}), Host())

    return look


def proof(result, name):
    (found,) = [entry for entry in result["proofs"] if entry["proof"] == name]
    return found["had"], tell(found["detail"], "en")


# -- input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flags": {}}, "no flag is given: set flags, e.g. DELIVERY_DISABLE: true"),
        (
            {"flags": {"delivery": True}},
            "flag name 'delivery' is not valid: use capital letters, digits and _, e.g. DELIVERY_DISABLE",
        ),
        (
            {"flags": {"A": "x\nB=1"}},
            "the value of flag A is not valid: it must hold no line break, control character, quote or backslash, "
            "and no blank at its ends",
        ),
        (
            {"keep": ["DELIVERY_DISABLE"]},
            "DELIVERY_DISABLE cannot both be set and be kept: take it out of flags or of keep",
        ),
        ({"budget": 0.5}, "budget must be between 1 and 600 seconds, not 0.5"),
        ({"budget": float("nan")}, "budget must be between 1 and 600 seconds, not nan"),
        ({"stop_timeout": 25.0}, "stop_timeout must be at least 0 and below the budget (25 s), not 25"),
        ({"stop_timeout": -1.0}, "stop_timeout must be at least 0 and below the budget (25 s), not -1"),
        ({"health_wait": 26.0}, "health_wait must be between 0 and the budget (25 s), not 26"),
        ({"health_timeout": 0.0}, "health_timeout must be above 0 and at most 60 seconds, not 0"),
        (
            {"health_urls": ["localhost:8000/health"]},
            "health URL 'localhost:8000/health' is not valid (it does not start with http:// or https://): "
            "correct runbook_health_url",
        ),
        ({"env_file": "runbook.env"}, "env_file must be an absolute path, not 'runbook.env'"),
        ({"state_dir": "state"}, "state_dir must be an absolute path, not 'state'"),
    ],
)
def test_input_is_checked_before_anything_is_asked(tmp_path, systemd, options, message):
    before = tree(tmp_path)
    with pytest.raises(Refused) as caught:
        _flags.ensure(module_params(tmp_path, **options), systemd.host())
    assert str(caught.value) == message
    assert systemd.calls == []
    assert tree(tmp_path) == before


@pytest.mark.parametrize("where", ["etc", "systemd/kumon-assistant.service.d"])
def test_a_directory_that_cannot_be_written(tmp_path, systemd, where):
    (tmp_path / where).write_text("")
    with pytest.raises(Refused) as caught:
        _flags.ensure(module_params(tmp_path), systemd.host())
    name = "runbook.env" if where == "etc" else "zz-runbook.conf"
    reason = (
        f"{tmp_path}/{where}/{name} cannot be read (Not a directory): run with become: true",
        f"{tmp_path}/{where}/{name} cannot be written: run with become: true, "
        "or see whether its file system is read-only",
    )
    assert str(caught.value) in reason
    assert systemd.calls == []


def test_a_read_only_file_system(tmp_path, systemd, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _mode, **_how: not path.startswith(str(tmp_path)))
    with pytest.raises(Refused) as caught:
        _flags.ensure(module_params(tmp_path), systemd.host())
    assert str(caught.value) == (
        f"{systemd.units}/kumon-assistant.service.d/zz-runbook.conf cannot be written: run with become: true, "
        "or see whether its file system is read-only"
    )


def test_a_broken_env_file_is_not_written_to(tmp_path, systemd):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runbook.env").write_text("A='open\n")
    with pytest.raises(Refused) as caught:
        _flags.ensure(module_params(tmp_path), systemd.host())
    assert str(caught.value) == (
        f"{tmp_path}/etc/runbook.env cannot be added to, a quoted value has no end: close the quote"
    )


# -- a health URL that is not the assistant's


def test_html_is_not_the_assistants_health(act, service, tmp_path):
    service.start("html")
    before = tree(tmp_path)
    with pytest.raises(Refused) as caught:
        act()
    assert str(caught.value) == (f"{service.url} answers HTML, not the assistant's health: correct runbook_health_url")
    assert tree(tmp_path) == before


def test_a_port_that_nobody_listens_on(act, service, tmp_path):
    service.start()
    before = tree(tmp_path)
    port = free_port()
    with pytest.raises(Refused) as caught:
        act(health_urls=[f"http://127.0.0.1:{port}/health", f"http://127.0.0.1:{port}/api/v1/health"])
    assert str(caught.value) == (
        f"nothing answers at http://127.0.0.1:{port}/health; the service listens on {service.port}: "
        "correct runbook_health_url, or set it empty to prove without health"
    )
    assert tree(tmp_path) == before


def test_a_refusing_health_of_another_host_does_not_hold_the_act_back(act, service, monkeypatch):
    service.start()
    monkeypatch.setattr(_service._http, "is_local", lambda _url: False)
    result = act(health_urls=[f"http://127.0.0.1:{free_port()}/health"], health_required=False, health_wait=0.1)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_service_that_listens_nowhere_did_not_come_back_even_if_health_is_not_required(tmp_path, systemd):
    url = f"http://127.0.0.1:{free_port()}/health"
    with pytest.raises(Failed) as caught:
        _flags.ensure(module_params(tmp_path, health_urls=[url], health_required=False), systemd.host())
    assert str(caught.value).startswith(f"kumon-assistant.service did not come back, nobody listens at {url} (")
    assert str(caught.value).endswith("The kill-switch stays declared. Next: rollback level 3.")
    assert caught.value.result["effective"] == {"DELIVERY_DISABLE": "true"}


@pytest.mark.parametrize("mode", ["hang", "degraded"])
def test_a_sick_service_does_not_hold_a_kill_switch_back(act, service, mode):
    service.start(mode)
    service.mode("")
    result = act(health_timeout=0.3)
    assert result["restarted"]
    assert proof(result, "health") == (True, service.url)


def test_the_second_url_is_asked_where_the_first_is_not_there(act, service):
    service.start("v1")
    second = f"http://127.0.0.1:{service.port}/api/v1/health"
    result = act(health_urls=[service.url, second])
    assert proof(result, "health") == (True, second)
    assert result["reported"] == {"DELIVERY_DISABLE": True}


# -- proofs


def test_a_health_that_hangs_is_a_failure_with_what_was_reached(act, service, tmp_path):
    service.start()
    service.mode("hang")
    with pytest.raises(Failed) as caught:
        act(health_timeout=0.2, health_wait=0.5)
    result = caught.value.result
    assert str(caught.value) == (
        f"health of kumon-assistant gave no answer ({service.url}: no answer within 0.2 s; its process runs), "
        "though every process has the flags. Last log lines: starting hang. "
        "The kill-switch stays declared. Next: rollback level 3."
    )
    assert proof(result, "environment")[0]
    assert proof(result, "health") == (False, f"no answer: {service.url} gave none")
    assert proof(result, "reported") == (False, "not reported")
    assert result["seconds"] < 10
    assert (journal(tmp_path)[-1]["ok"], journal(tmp_path)[-1]["after"]) == (False, {"DELIVERY_DISABLE": "true"})


def test_a_health_that_is_not_required_is_a_proof_not_had(act, service):
    service.start()
    service.mode("hang")
    result = act(health_timeout=0.2, health_wait=0.5, health_required=False)
    assert result["restarted"]
    assert not proof(result, "health")[0]


def test_a_second_run_waits_for_a_required_health_and_restarts_nothing(act, service):
    service.start("hang", DELIVERY_DISABLE="true")
    act(state="declared")
    with pytest.raises(Failed) as caught:
        act(health_timeout=0.2, health_wait=1.5)
    assert (caught.value.result["changed"], caught.value.result["restarted"]) == (False, False)
    began = caught.value.result["seconds"]
    assert act(health_timeout=0.2, health_wait=5.0, health_required=False)["seconds"] < began


def test_health_without_the_field_is_said_to_report_nothing(act, service):
    service.start("silent")
    result = act()
    assert proof(result, "health")[0]
    assert proof(result, "reported") == (False, "not reported")
    assert result["reported"] == {"DELIVERY_DISABLE": None}


def test_health_that_contradicts_is_told(act, service):
    service.start("denies")
    result = act()
    assert proof(result, "environment")[0]
    assert proof(result, "reported") == (False, "reports false")
    assert result["reported"] == {"DELIVERY_DISABLE": False}


def test_what_a_degraded_health_says_of_the_flag_counts(act, service):
    service.start("degraded")
    result = act(health_required=False, health_wait=0.2)
    assert proof(result, "health") == (False, f"no answer: {service.url}: HTTP 503")
    assert proof(result, "reported") == (True, "reports true")


def test_a_health_that_calls_the_service_ill_answers_and_proves_no_health(act, service):
    service.start("unwell")
    result = act()
    assert proof(result, "health") == (False, f"{service.url} answers unhealthy")
    assert proof(result, "reported") == (True, "reports true")


def test_an_endpoint_that_is_not_there_is_not_waited_for(act, service):
    service.start()
    result = act(health_urls=[f"http://127.0.0.1:{service.port}/nowhere"], health_required=False)
    assert proof(result, "health")[1].endswith("/nowhere: HTTP 404")
    assert result["seconds"] < 10


def test_a_slow_start_is_waited_for(act, service):
    service.start()
    service.mode("slow")
    result = act()
    assert proof(result, "health")[0]
    assert result["seconds"] > 1


def test_several_fields_are_named(act, service):
    service.start()
    flags = {"DELIVERY_DISABLE": True, "ROUTER_V2_SHADOW": True}
    result = act(
        flags=flags, health_fields={"DELIVERY_DISABLE": "delivery_disabled", "ROUTER_V2_SHADOW": "delivery_disabled"}
    )
    assert proof(result, "reported") == (True, "reports DELIVERY_DISABLE=true, ROUTER_V2_SHADOW=true")


# -- full disks and journals


def full(*_args, **_more):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_for_the_env_file_changes_nothing(tmp_path, systemd, monkeypatch):
    replace = _files.replace
    monkeypatch.setattr(
        _files, "replace", lambda path, *more: full() if path.endswith(".env") else replace(path, *more)
    )
    with pytest.raises(Refused) as caught:
        _flags.ensure(module_params(tmp_path), systemd.host())
    assert str(caught.value) == (
        f"{tmp_path}/etc/runbook.env cannot be written (No space left on device), nothing was changed: "
        "free space there and run again, or stop the messages by the network fence"
    )
    assert list(systemd.units.rglob("*.conf")) == []
    assert systemd.calls == []
    begin, outcome = journal(tmp_path)
    assert (outcome["phase"], outcome["ok"], outcome["after"]) == ("outcome", False, begin["before"])


def test_a_drop_in_that_was_there_comes_back(tmp_path, systemd, monkeypatch):
    conf = systemd.units / "kumon-assistant.service.d" / "zz-runbook.conf"
    conf.parent.mkdir()
    conf.write_text("[Service]\n")
    replace = _files.replace
    monkeypatch.setattr(
        _files, "replace", lambda path, *more: full() if path.endswith(".env") else replace(path, *more)
    )
    with pytest.raises(Refused):
        _flags.ensure(module_params(tmp_path), systemd.host())
    assert conf.read_text() == "[Service]\n"


def test_a_full_disk_for_the_journal_does_not_hold_the_kill_switch_back(tmp_path, systemd, monkeypatch):
    monkeypatch.setattr(_journal, "append", full)
    result = _flags.ensure(module_params(tmp_path), systemd.host())
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert result["warnings"] == [
        f"the {phase} of this act is not in the journal (No space left on device): note it by hand"
        for phase in ("begin", "outcome")
    ]


def test_a_journal_that_may_not_be_written_stops_before_any_change(tmp_path, systemd):
    (tmp_path / "state").write_text("")
    before = tree(tmp_path)
    with pytest.raises(Refused) as caught:
        _flags.ensure(module_params(tmp_path), systemd.host())
    assert str(caught.value) == (
        f"the journal in {tmp_path}/state cannot be written (File exists): "
        "run with become: true, or set runbook_state_dir"
    )
    assert tree(tmp_path) == before
    assert systemd.calls == []


def test_an_interrupted_act_is_in_the_journal(tmp_path, systemd, monkeypatch):
    def interrupted(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(systemd, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _flags.ensure(module_params(tmp_path), systemd.host())
    assert journal(tmp_path)[-1]["msg"] == "ended by KeyboardInterrupt"
    assert journal(tmp_path)[-1]["ok"] is False


# -- looking


def test_a_flag_to_be_kept_is_watched_across_the_restart(act, service):
    service.start(DELIVERY_DISABLE="yes")
    result = act(flags={"ROUTER_V2_SHADOW": True}, keep=["DELIVERY_DISABLE", "OTHER"])
    assert result["restarted"]
    assert result["kept"] == {
        "DELIVERY_DISABLE": {"before": "yes", "after": "yes"},
        "OTHER": {"before": None, "after": None},
    }


def test_a_kill_switch_that_a_restart_would_lose_is_a_failure(tmp_path, systemd):
    # Set for the old process alone, as by an edit of the unit that was taken back.
    systemd.override = {"DELIVERY_DISABLE": "true"}
    systemd.spawn()
    systemd.override = {}
    params = module_params(tmp_path, flags={"ROUTER_V2_SHADOW": True}, keep=["DELIVERY_DISABLE"])
    with pytest.raises(Failed, match="but DELIVERY_DISABLE did not stay what it was") as failure:
        _flags.ensure(params, systemd.host())
    assert failure.value.result["kept"] == {"DELIVERY_DISABLE": {"before": "true", "after": None}}
    assert journal(tmp_path)[-1]["ok"] is False


def test_nothing_is_kept_where_nothing_ran(tmp_path):
    unit = FakeSystemd(tmp_path)
    unit.base["DELIVERY_DISABLE"] = "false"
    params = module_params(tmp_path, flags={"ROUTER_V2_SHADOW": True}, keep=["DELIVERY_DISABLE"])
    assert _flags.ensure(params, unit.host())["restarted"]


def test_looking_changes_nothing_and_tells_everything(look, act, service, tmp_path):
    pid = service.start(DELIVERY_DISABLE="no")
    before = tree(tmp_path)
    found = look()
    assert tree(tmp_path) == before
    assert (found["pid"], found["running"], found["listening"]) == (pid, True, [service.port])
    assert found["effective"] == {"DELIVERY_DISABLE": "no"}
    assert found["declared"] == {"DELIVERY_DISABLE": None}
    assert found["reported"] == {"DELIVERY_DISABLE": False}
    assert found["health"] == {"url": service.url, "status": "ok", "http": 200, "detail": "HTTP 200", "said": ""}
    assert (found["undo"], found["last_act"]) == ({"DELIVERY_DISABLE": None}, None)


def test_undo_brings_back_what_was_declared(look, act, service):
    service.start()
    act(flags={"DELIVERY_DISABLE": False, "ROUTER_V2_SHADOW": "x"})
    act(flags={"DELIVERY_DISABLE": True})
    found = look(flags=["DELIVERY_DISABLE", "OTHER"])
    assert found["undo"] == {"DELIVERY_DISABLE": "false", "OTHER": None}
    assert (found["last_act"]["procedure"], found["last_act"]["run_id"]) == ("rollback_level1", "run-1")
    act(flags=found["undo"])
    again = look(flags=["DELIVERY_DISABLE", "OTHER"])
    assert again["declared"] == again["undo"] == {"DELIVERY_DISABLE": "false", "OTHER": None}
    assert not act(flags=again["undo"])["changed"]


def test_undo_brings_back_what_a_plain_process_was_started_with(look, act, service):
    service.start(ROUTER_V2_SHADOW="x")
    act(flags={"ROUTER_V2_SHADOW": True})
    act(flags={"DELIVERY_DISABLE": True}, keep=["ROUTER_V2_SHADOW"])
    undo = look(flags=["ROUTER_V2_SHADOW"])["undo"]
    assert undo == {"ROUTER_V2_SHADOW": "x"}
    assert act(flags=undo)["effective"] == {"ROUTER_V2_SHADOW": "x"}
    assert not act(flags=look(flags=["ROUTER_V2_SHADOW"])["undo"])["changed"]


@pytest.mark.parametrize(("value", "read_as"), [('"false"', "false"), ("'true'", "false"), ("\x1b[0mtrue", "false")])
def test_undo_brings_back_how_a_value_was_read_that_no_declaration_can_hold(look, act, service, value, read_as):
    service.start(DELIVERY_DISABLE=value)
    act(flags={"DELIVERY_DISABLE": True})
    for _turn in "once", "and once more":
        undo = look(flags=["DELIVERY_DISABLE"])["undo"]
        assert undo == act(flags=undo)["effective"] == {"DELIVERY_DISABLE": read_as}


def test_a_service_that_does_not_run_is_a_result(look, service):
    found = look()
    assert (found["running"], found["pid"], found["started"], found["listening"]) == (False, None, None, [])
    assert found["effective"] == {"DELIVERY_DISABLE": None}
    assert found["health"]["status"] == "refused"
    assert proof(found, "environment") == (False, "no process runs")


def test_without_a_url_health_is_not_set(look, service):
    service.start()
    assert look(health_urls=[])["health"] == {
        "url": None,
        "status": "not_set",
        "http": None,
        "detail": "no health URL is set",
        "said": "",
    }
