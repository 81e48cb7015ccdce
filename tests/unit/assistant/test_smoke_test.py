# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smoke test against the assistant itself: it passes on a sound one, and on no other."""

from __future__ import annotations

import os
import urllib.parse

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _smoke
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.plugin_utils import _smoke_test

from tests.unit.assistant.support import Assistant, scene_module

PHONE = 5511977770000


class SmokeTest:
    """Smoke tests of one scene; each has a phone of its own, by which the gateway's own record can be asked."""

    def __init__(self, scene, mode):
        self.scene, self.mode, self.phone = scene, mode, PHONE

    def params(self, **given):
        assistant = self.scene.data["assistant"]
        return {
            "webhook_url": assistant["webhook_url"],
            "headers": {},
            "phone": str(self.phone),
            "instance": "kumon_assistant",
            "text": "Teste de fumaça {id}",
            "source": "file",
            "paths": [assistant["log"]],
            "unit": None,
            "wait": 5.0,
            "quiet": 1.0 if self.mode == "processed_only" else None,
            **given,
        }

    def run(self, wait=5.0, **faults):
        self.phone += 1
        self.scene.fault(clear=True, **faults)
        try:
            return _smoke_test.judge(_smoke.send(self.params(wait=wait), Host()), self.mode, "kumon_assistant")
        finally:
            self.scene.fault(clear=True)

    def went_out(self):
        return str(self.phone) in self.scene.counters()["numbers"]


@pytest.fixture
def full(assistant):
    yield SmokeTest(assistant.scene, "full")
    # What a fault of this test has left hanging must not turn up in another's log.
    assistant.turn()


@pytest.fixture(scope="module")
def disabled(tmp_path_factory):
    with_flag = scene_module.Scene(tmp_path_factory.mktemp("off"), env={"DELIVERY_DISABLE": "true"})
    try:
        yield SmokeTest(with_flag.up(), "processed_only")
    finally:
        with_flag.down()


def test_a_sound_assistant_passes_again_and_again(full):
    for _time in range(2):
        judged = full.run()
        assert (judged["status"], judged["reason"], full.went_out()) == ("passed", "delivered", True)


FAULTS = [
    ({"lost_handoff": True}, "lost_handoff"),
    ({"lost_handoff": True, "guard": True}, "guard"),
    ({"state_mismatch": True}, "state_mismatch"),
    ({"no_delivery": True}, "not_read"),
    ({"invalid_instance": "thread_123"}, "wrong_instance"),
    ({"invalid_instance": "default"}, "wrong_instance"),
    ({"invalid_instance": ""}, "wrong_instance"),
    ({"invalid_instance": "default", "invalid_instance_sent": True}, "wrong_instance"),
    ({"invalid_instance": "kumon_other", "invalid_instance_sent": True}, "wrong_instance"),
    ({"hang_send": 4}, "no_result"),
    ({"fail": 500}, "delivery_failed"),
    ({"fail": 401}, "delivery_failed"),
    ({"state": "close"}, "delivery_failed"),
    ({"state": "absent"}, "delivery_failed"),
    ({"unlicensed": True}, "delivery_failed"),
    ({"hang": 4}, "no_result"),
]


@pytest.mark.parametrize(("faults", "reason"), FAULTS, ids=str)
def test_each_fault_fails_the_test_by_its_cause(full, faults, reason):
    judged = full.run(wait=1.5, **faults)
    assert (judged["status"], judged["reason"]) == ("failed", reason)


@pytest.mark.parametrize("health", ["hang", "missing_field", "html", "error"])
def test_health_has_no_say_in_it(full, health):
    assert full.run(health=health)["status"] == "passed"


def test_customers_who_write_and_quote_meanwhile_change_nothing(full):
    with full.scene.traffic(rate=40, seconds=3, forge=True) as traffic:
        judged = full.run()
        traffic.communicate(timeout=20)
    assert judged["status"] == "passed"
    assert next(item for item in judged["steps"] if item["step"] == "sent")["detail"] == {
        "code": "sent",
        "fields": {"n": 1},
    }


def test_the_log_is_only_read(full):
    log = full.scene.data["assistant"]["log"]
    before = os.stat(log)
    with open(log, "rb") as file:
        content = file.read()
    full.run()
    after = os.stat(log)
    with open(log, "rb") as file:
        assert file.read(len(content)) == content
    assert (after.st_ino, after.st_size > before.st_size) == (before.st_ino, True)


def test_a_log_that_is_not_this_assistants_proves_nothing(full, tmp_path):
    (tmp_path / "app.log").write_text("INFO:     old\n")
    sent = _smoke.send(full.params(paths=[str(tmp_path / "app.log")], wait=1.0), Host())
    judged = _smoke_test.judge(sent, "full", "kumon_assistant")
    assert (judged["status"], judged["reason"]) == ("unproven", "log_silent")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/health", "answers HTTP 405, there is no webhook"), ("/no/webhook", "answers HTTP 404, there is no webhook")],
)
def test_a_url_that_is_no_webhook_is_refused(full, path, sentence):
    url = urllib.parse.urljoin(full.scene.data["assistant"]["url"], path)
    with pytest.raises(Refused, match=sentence):
        _smoke.send(full.params(webhook_url=url), Host())


def test_without_the_assistant_it_is_refused(full):
    port = scene_module.free_ports(1)[0]
    with pytest.raises(Refused, match="nothing listens at"):
        _smoke.send(full.params(webhook_url=f"http://127.0.0.1:{port}/api/v1/evolution/webhook"), Host())


def test_under_the_kill_switch_nothing_was_sent_by_the_gateways_own_record(disabled):
    judged = disabled.run()
    assert (judged["status"], judged["reason"], disabled.went_out()) == ("passed", "not_sent", False)


@pytest.mark.parametrize(
    ("faults", "reason", "went_out"),
    [
        ({"ignore_kill_switch": True}, "sent_under_kill_switch", True),
        ({"ignore_kill_switch": True, "fail": 500}, "sent_under_kill_switch", True),
        ({"ignore_kill_switch": True, "hang": 3}, "sent_under_kill_switch", None),
        ({"lost_handoff": True}, "lost_handoff", False),
        ({"lost_handoff": True, "guard": True}, "guard", False),
        ({"state_mismatch": True}, "state_mismatch", False),
        ({"no_delivery": True}, "not_read", False),
    ],
)
def test_under_the_kill_switch_each_fault_fails_it_too(disabled, faults, reason, went_out):
    judged = disabled.run(wait=1.5, **faults)
    assert (judged["status"], judged["reason"]) == ("failed", reason)
    assert went_out is None or disabled.went_out() is went_out


@pytest.mark.parametrize("log_format", ["asctime", "json", "bare"])
def test_every_format_of_the_log_serves(tmp_path, log_format):
    scene = scene_module.Scene(tmp_path, log_format=log_format)
    try:
        test = SmokeTest(Assistant(scene.up(), log_format).scene, "full")
        assert test.run()["status"] == "passed"
        assert test.run(lost_handoff=True)["reason"] == "lost_handoff"
    finally:
        scene.down()
