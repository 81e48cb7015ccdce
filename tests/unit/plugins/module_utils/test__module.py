# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module does around its work: one result, or one sentence of failure with what was reached."""

from __future__ import annotations

import contextlib
import errno
import json
from types import SimpleNamespace

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._module import run

from tests.unit.plugins.service_fakes import run_module


@pytest.fixture(autouse=True)
def warned(monkeypatch):
    """What was warned of; Ansible itself keeps that for the whole process."""
    texts = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: texts.append(text))
    return texts


SPEC = {"name": {"type": "str"}, "other": {"type": "str"}}


def outcome(function, arguments=None, *, check_mode=False, diff=False, **more):
    module = SimpleNamespace(main=lambda: run(SPEC, function, **more))
    return run_module(module, arguments or {}, check_mode, diff)


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_work_gets_arguments_and_check_mode(check_mode):
    def work(call):
        return {"changed": call.check_mode, "name": call.params["name"]}

    assert outcome(work, {"name": "x"}, check_mode=check_mode) == {"changed": check_mode, "name": "x"}


@pytest.mark.parametrize("diff", [True, False])
def test_the_diff_is_shown_where_it_is_asked_for(diff):
    assert ("diff" in outcome(lambda _call: {"changed": True, "diff": {"before": "a"}}, diff=diff)) is diff


def test_warnings_of_call_and_result_are_each_told_once(warned):
    def work(call):
        call.warnings.append("one")
        return {"changed": False, "warnings": ["one", "two"]}

    outcome(work)
    assert warned == ["one", "two"]


def failing(error):
    def work(call):
        call.warnings.append("seen before")
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "message", "more"),
    [
        (Refused("the port is wrong: correct it"), "the port is wrong: correct it", {}),
        (Failed("it did not come back", {"pid": None, "warnings": []}), "it did not come back", {"pid": None}),
        (
            OSError(errno.EACCES, "Permission denied", "/etc/x"),
            "/etc/x cannot be used (Permission denied): run with become: true",
            {},
        ),
    ],
)
def test_a_failure_is_one_sentence_with_what_was_reached(warned, error, message, more):
    result = outcome(failing(error))
    result.pop("warnings", None)
    # What has changed nothing says so.
    refused = {"refused": True} if isinstance(error, Refused) else {}
    assert result == {"failed": True, "msg": message, **refused, **more}
    assert warned == ["seen before"]


def test_a_defect_of_ours_is_not_dressed_up():
    with pytest.raises(OSError, match="Bad file descriptor"):
        outcome(failing(OSError(errno.EBADF, "Bad file descriptor")))


def test_what_is_required_is_asked_for():
    answer = outcome(lambda _call: {"changed": False}, {"name": "x"}, required_if=[("name", "x", ["other"])])
    assert answer["failed"]
    assert "other" in answer["msg"]


def test_secrets_are_never_shown():
    answer = outcome(
        lambda call: {"changed": False, "text": f"sent to {call.params['name']}"},
        {"name": "hunter2secret"},
        secrets=lambda params: [params["name"]],
    )
    assert "hunter2secret" not in str(answer)


HOSTILE = "half \ud800, cursor \x1b[2J, hidden \u202e, line\nand\ttab"
CLEAN = "half \\ud800, cursor \\x1b[2J, hidden \\u202e, line\nand\ttab"


def test_texts_are_made_clean_where_they_leave():
    data = {"changed": False, "list": [{HOSTILE: (HOSTILE, 1, None, True)}]}
    assert outcome(lambda _call: data) == {"changed": False, "list": [{CLEAN: [CLEAN, 1, None, True]}]}


def test_what_is_nested_without_end_is_cut_off():
    deep: list = []
    for _n in range(900):
        deep = [deep]
    assert str(outcome(lambda _call: {"changed": False, "deep": deep})["deep"]).count("[") < 60


def test_a_failure_is_clean_and_tells_no_secret(warned):
    def work(call):
        call.warnings.append("the token=PLANTED is \x1b wrong")
        raise Failed("half \ud800 of http://h/x?token=PLANTED for 5511910182137", {"why": HOSTILE})

    answer = outcome(work)
    assert (answer["msg"], answer["why"]) == ("half \\ud800 of http://h/x?token=*** for ***2137", CLEAN)
    assert warned == ["the token=*** is \\x1b wrong"]


def test_the_targets_syslog_gets_no_arguments(monkeypatch):
    logged = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, text, log_args=None: logged.append((text, log_args)))
    outcome(lambda _call: {"changed": False}, {"name": "https://h/hook?token=PLANTED"})
    assert "PLANTED" not in str(logged)


def test_what_the_module_was_given_is_shown_without_keys(capsys):
    given = {"name": "https://u:PLANTED@h/hook?token=PLANTED", "other": "x \x1b"}
    with patch_module_args(given), contextlib.suppress(SystemExit):
        run(SPEC, lambda _call: {"changed": False})
    shown = json.loads(capsys.readouterr().out)["invocation"]
    assert shown == {"module_args": {"name": "https://***@h/hook?***", "other": "x \\x1b"}}
