# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fence in the act's own call: before the flag and the restart, and whatever becomes of these."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _fence, _flags, _http
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils.log import measure
from ansible_collections.kumon.runbook.plugins.plugin_utils._act_proofs import kill_switch_proof

from tests.unit.plugins.service_fakes import FakeNft, journal, module_params, tree
from tests.unit.records import as_json, outbox

URL = "http://192.0.2.10:8080"
FENCE = "systemctl start --no-block -- kumon-runbook-fence-kumon-assistant.service"


@pytest.fixture
def nft(monkeypatch):
    fake = FakeNft()
    monkeypatch.setattr(_fence, "_connects", lambda rule: fake.count(probes=1))
    return fake


@pytest.fixture
def act(tmp_path, systemd, nft):
    """Level 1 on a unit; what nft and systemctl were asked to change is noted in its order."""
    host = systemd.host()

    def run(argv, **more):
        if argv[0] == "nft":
            if argv[1] == "-f":
                systemd.calls.append("nft")
            return nft.run(argv, **more)
        if "kumon-runbook-fence" in argv[-1]:
            systemd.calls.append(" ".join(argv))
            return Finished(0, "", "")
        return systemd.run(argv, **more)

    host.run = run

    def act(check_mode=False, **more):
        return _flags.ensure(module_params(tmp_path, **{"fence_url": URL, **more}), host, check_mode)

    act.host = host
    return act


def test_the_fence_comes_before_the_flag_and_the_restart(act, systemd, nft, tmp_path):
    result = act()
    assert systemd.calls[0] == "nft"
    assert systemd.calls.index("nft") < systemd.calls.index("systemctl restart --no-block -- kumon-assistant.service")
    assert [entry["act"] for entry in journal(tmp_path)] == ["network_fence"] * 2 + ["service_flags"] * 2
    fence = result["fence"]
    assert (fence["present"], fence["attempt"], fence["survives_reboot"], fence["uid"]) == (True, "refused", True, 998)
    assert (result["changed"], result["running"], result["restarted"]) == (True, True, True)
    assert not act()["changed"]
    assert act()["fence"]["since"] == fence["since"]


def test_what_the_old_process_has_tried_is_told_apart(act, systemd, nft, monkeypatch):
    asked = []

    def first_answer(urls, timeout, total):
        # Before the restart the old process tries, after it the new one.
        if nft.tables:
            asked.append(systemd.pid)
            nft.count(packets=2 if len(asked) == 1 else 3)
        return [_http.Answer(urls[0], "ok" if len(asked) > 1 else "no_answer", 200, {}, "")]

    monkeypatch.setattr(_http, "first_answer", first_answer)
    fence = act(health_urls=["http://127.0.0.1:8000/health"])["fence"]
    assert (len(set(asked)), fence["attempts_before"], fence["attempts"]) == (2, 2, 5)


def test_whether_it_sends_through_a_proxy_is_told_of_the_process_that_runs_now(act, systemd):
    assert act()["fence"]["proxied"] is False
    systemd.override = {"http_proxy": "http://192.0.2.9:3128"}
    # The one before had none.
    result = act(flags={"OTHER": True})
    assert (result["restarted"], result["fence"]["proxied"], result["fence"]["attempt"]) == (True, True, "refused")
    assert kill_switch_proof(result, {"records": 0})["reason"] == "fence_untried"
    systemd.override = {}
    assert act(flags={"OTHER": False})["fence"]["proxied"] is False


def test_a_check_run_puts_nothing_up_and_shows_it(act, nft, tmp_path):
    before = tree(tmp_path)
    result = act(check_mode=True)
    assert tree(tmp_path) == before
    assert nft.tables == {}
    assert result["diff"][0]["after_header"] == "nftables"
    assert "table inet kumon_runbook_kumon-assistant {" in result["diff"][0]["after"]


@pytest.fixture
def asked(monkeypatch, nft):
    """What the log is asked, after the act; something runs into the fence meanwhile."""
    found = []

    def measured(params, now):
        nft.count(packets=2)
        found.append(params)
        return {"records": 3}

    monkeypatch.setattr(measure, "measure", measured)
    return found


def test_the_log_is_watched_by_the_acts_own_call_from_the_new_process_on(act, asked, systemd):
    result = act(observe=8.0, paths=["/var/log/app.log"])
    (params,) = asked
    assert (params["since"], params["since_pid"], params["pids"]) == (result["started"], systemd.pid, [systemd.pid])
    assert (params["observe"], params["paths"], params["redact"]) == (8.0, ["/var/log/app.log"], True)
    assert result["traces"] == {"records": 3}
    # What ran into the fence meanwhile is counted.
    assert result["fence"]["attempts"] == 2
    # The second call restarts nothing: what was sent before the fence stood is no matter.
    again = act(observe=8.0)
    assert (again["restarted"], asked[1]["since"], asked[1]["since_pid"]) == (False, again["fence"]["read_back"], None)
    assert act()["traces"] is None and act(check_mode=True, observe=8.0)["traces"] is None
    assert len(asked) == 2


def test_what_a_process_tried_behind_a_fence_that_was_lifted_since_is_not_looked_at(act, asked, nft, tmp_path):
    started = act()["started"]
    _fence.ensure(module_params(tmp_path, state="absent", url=None, user=None), act.host)
    again = act(fence_url=None, observe=8.0)
    lifted = [entry["time"] for entry in journal(tmp_path) if entry["act"] == "network_fence"][-1]
    assert (again["restarted"], again["started"], asked[0]["since"]) == (False, started, lifted)
    assert lifted > started


def test_behind_a_fence_a_restart_that_failed_is_watched_and_without_one_it_is_not(act, asked, systemd):
    systemd.stop = None
    systemd.proc.kill = lambda *_more: None
    with pytest.raises(Failed) as caught:
        act(budget=5.0, stop_timeout=1.0, observe=8.0)
    fence = caught.value.result["fence"]
    assert (asked[0]["since"], asked[0]["since_pid"], caught.value.result["traces"]) == (
        fence["read_back"],
        None,
        {"records": 3},
    )
    with pytest.raises(Failed) as caught:
        act(budget=5.0, stop_timeout=1.0, observe=8.0, fence_url=None, flags={"OTHER": True})
    assert (len(asked), caught.value.result["traces"]) == (1, None)


@pytest.mark.parametrize(("written_by", "planned", "status"), [("heartbeat", 0, "unproven"), ("customer", 1, "proven")])
def test_a_heartbeat_proves_nothing_of_an_act(written_by, planned, status, act, monkeypatch, tmp_path):
    log, phone = tmp_path / "app.log", {"heartbeat": "5511900000099", "customer": "5511900000001"}[written_by]
    measured = measure.measure

    def write_and_measure(params, now):
        # Planned by the process that has just come up; the fakes' clock is not the machine's.
        lines = [as_json(outbox("planner", f"conv_{phone}_1", count), now - 5) for count in (0, 1)]
        log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return measured({**params, "since": "15m", "since_pid": None, "pids": [], "observe": 0}, now)

    monkeypatch.setattr(measure, "measure", write_and_measure)
    result = act(observe=8.0, paths=[str(log)], heartbeat_conversation="5511900000099", fence_url=None)
    traces = result["traces"]
    assert (traces["handoff"]["planned"], traces["stages"]["planned"] or 0) == (planned, planned)
    assert traces["heartbeat"]["records"] == (0 if planned else 2)
    assert kill_switch_proof(result, traces)["status"] == status


def test_a_log_that_cannot_be_read_is_one_proof_less(act, tmp_path):
    result = act(observe=0.1, paths=[str(tmp_path / "no.log")])
    assert (result["traces"], result["fence"]["present"]) == (None, True)


def test_a_restart_that_hangs_leaves_the_fence(act, systemd, nft):
    systemd.stop = None
    systemd.proc.kill = lambda *_more: None
    with pytest.raises(Failed) as caught:
        act(budget=5.0, stop_timeout=1.0)
    result = caught.value.result
    assert "did not come back within 5 s" in str(caught.value)
    assert (result["fence"]["present"], result["running"]) == (True, True)
    assert nft.rules


def test_a_service_that_crashes_at_start_is_told_as_not_running(act, systemd):
    systemd.starts = ["crash"]
    with pytest.raises(Failed) as caught:
        act()
    assert (caught.value.result["fence"]["present"], caught.value.result["running"]) == (True, False)


def test_a_process_that_ends_at_each_start_does_not_run(act, systemd, monkeypatch):
    restart = systemd._start

    def loops():
        restart()
        systemd.properties["NRestarts"] = "2"

    monkeypatch.setattr(systemd, "_start", loops)
    monkeypatch.setattr(systemd, "override", {"DELIVERY_DISABLE": "false"})
    with pytest.raises(Failed, match=r"The network fence stands: no message leaves\.$") as caught:
        act()
    assert (caught.value.result["fence"]["present"], caught.value.result["running"]) == (True, False)


def test_what_is_refused_after_the_fence_stands_is_told_with_it(act, systemd, nft, tmp_path):
    (tmp_path / "etc").write_text("no directory")
    pid = systemd.pid
    with pytest.raises(Failed) as caught:
        act()
    assert "cannot be read" in str(caught.value)
    result = caught.value.result
    assert (result["fence"]["present"], result["changed"], result["pid"]) == (True, True, pid)
    assert {proof["proof"]: proof["had"] for proof in result["proofs"]}["environment"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"flags": {"delivery": "x"}},
        {"budget": 0.0},
        {"keep": ["DELIVERY_DISABLE"]},
        {"fence_url": "evolution:8080"},
        {"health_urls": ["http://127.0.0.1:9/health"]},
        {"service": "no such unit"},
    ],
)
def test_bad_input_is_refused_while_nothing_stands(act, nft, systemd, tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(systemd.proc, "ports", lambda pids: [8000])
    before = tree(tmp_path)
    with pytest.raises(Refused):
        act(**wrong)
    assert tree(tmp_path) == before
    assert nft.tables == {}


def test_a_masked_unit_that_runs_is_fenced_and_not_restarted(act, systemd, nft):
    pid = systemd.pid
    systemd.properties["LoadState"] = "masked"
    with pytest.raises(Failed, match="is masked") as caught:
        act()
    result = caught.value.result
    assert (result["fence"]["present"], result["running"], result["pid"], systemd.pid) == (True, True, pid, pid)


def test_health_that_hangs_does_not_hold_the_fence_up(act, nft, monkeypatch):
    waited = []

    def first_answer(urls, timeout, total):
        waited.append((total, bool(nft.tables)))
        return [_http.Answer(urls[0], "no_answer", None, {}, "no answer")]

    monkeypatch.setattr(_http, "first_answer", first_answer)
    act(health_urls=["http://127.0.0.1:8000/health"], health_required=False)
    assert max(total for total, stood in waited if not stood) <= 0.2
    assert any(stood for _total, stood in waited)


@pytest.mark.parametrize(
    ("answer", "url", "code"),
    [
        (Finished(127, "", "nft is not installed on this host"), URL, "fence_no_nft"),
        (Finished(1, "", "Operation not permitted (you must be root)"), URL, "fence_no_rights"),
        (Finished(0, "not json", ""), URL, "fence_fails"),
        (None, "", "fence_no_url"),
    ],
)
def test_where_there_can_be_no_fence_it_says_why_and_sets_the_flag(act, nft, systemd, answer, url, code):
    if answer is not None:
        nft.fails["list"] = answer
    result = act(fence_url=url)
    assert (result["fence"]["present"], result["fence"]["why"]["code"]) == (False, code)
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}
    assert systemd.calls.count("nft") == 0


@pytest.mark.parametrize("user", ["", "dynamic-and-gone"])
def test_a_unit_that_does_not_run_and_whose_user_is_gone_gets_its_flag(act, nft, systemd, user):
    """With DynamicUser= there is one only while it runs: it is started with the kill-switch all the same."""
    systemd.proc.remove(systemd.pid)
    systemd.pid = 0
    systemd.properties.update(MainPID="0", ControlGroup="", ActiveState="failed", SubState="failed", User=user)
    result = act()
    assert (result["fence"]["present"], result["fence"]["why"]["code"]) == (False, "fence_nobody")
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


def test_a_unit_that_comes_back_as_another_user_is_fenced_in(act, nft, systemd, monkeypatch):
    """Its User= was changed, and it was not restarted since: the fence around the old one holds nothing."""
    add = systemd.proc.add
    monkeypatch.setattr(systemd.proc, "add", lambda *given, **more: add(*given, **more, uid=777))
    fence = act()["fence"]
    assert (fence["present"], fence["uid"], fence["uids"], fence["attempt"]) == (True, 777, [777], "refused")
    assert "skuid 777" in nft.scripts[-1]
    assert not act()["changed"]


def test_rules_that_nft_refuses_do_not_hold_the_flag_back(act, nft):
    nft.fails["load"] = Finished(1, "", "Error: Not supported\n")
    result = act()
    assert result["fence"]["why"]["code"] == "fence_fails"
    assert result["effective"] == {"DELIVERY_DISABLE": "true"}


def test_without_a_url_nothing_is_asked_of_the_firewall(act, nft):
    nft.fails["list"] = Finished(1, "", "asked")
    assert act(fence_url=None)["fence"] is None


def test_flags_that_no_file_of_the_release_reads_are_told(act, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "main.py").write_text("os.environ['OUTBOX_V2_ENFORCED']")
    flags = {"DELIVERY_DISABLE": True, "OUTBOX_V2_ENFORCED": None}
    assert act(flags=flags, code_dir=str(code))["unread"] == ["DELIVERY_DISABLE"]
    assert act(flags=flags)["unread"] is None
