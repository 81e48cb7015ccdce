# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it; what it is told apart by is in test__smoke.py."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _http
from ansible_collections.kumon.runbook.plugins.modules import smoke_test_message

from tests.unit.plugins.service_fakes import run_module
from tests.unit.records import basic, turn

PHONE = "5511988887777"


@pytest.fixture
def posted(monkeypatch, tmp_path):
    log = tmp_path / "app.log"
    log.touch()
    found = []

    def post(url, data, timeout, headers):
        found.append(data)
        with open(log, "a") as file:
            file.write("".join(basic(line) + "\n" for line in turn(f"conv_{PHONE}_1_1")))
        return _http.Answer(url, "ok", 200, {}, "HTTP 200")

    monkeypatch.setattr(_http, "post_json", post)
    return found


@pytest.fixture
def arguments(tmp_path):
    return {
        "webhook_url": "http://127.0.0.1:9/hook",
        "phone": PHONE,
        "instance": "kumon_assistant",
        "paths": [str(tmp_path / "app.log")],
        "headers": {"apikey": "planted-header-key"},
        "wait": 3,
    }


def test_the_quartet(posted, arguments):
    assert run_module(smoke_test_message, arguments, check_mode=True)["changed"] is False
    assert posted == []
    assert run_module(smoke_test_message, arguments)["changed"] is False
    assert len(posted) == 1
    assert run_module(smoke_test_message, arguments, check_mode=True)["changed"] is False
    assert run_module(smoke_test_message, arguments)["changed"] is False
    assert len(posted) == 2


def test_everything_documented_is_returned_and_nothing_else(posted, arguments):
    result = run_module(smoke_test_message, arguments)
    documented = yaml.safe_load(smoke_test_message.RETURN)
    assert set(result) - {"changed", "failed"} == set(documented)
    assert set(result["message"]) == set(documented["message"]["contains"])


def test_neither_phone_nor_key_comes_back(posted, arguments, capsys):
    from ansible.module_utils.testing import patch_module_args

    with patch_module_args(arguments), pytest.raises(SystemExit):
        smoke_test_message.main()
    printed = capsys.readouterr().out
    assert json.loads(printed)["message"]["phone"] == "***7777"
    assert PHONE not in printed
    assert "planted-header-key" not in printed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"phone": "12"}, "smoke_test_phone is no phone number: give 10 to 15 digits, the country's code first"),
        ({"paths": []}, "no log is named; set paths (runbook_log_paths), or source: journal with unit"),
        ({"source": "journal"}, "source is journal but all of the following are missing: unit"),
        ({"wait": 1000}, "wait must be between 1 and 600 seconds, not 1000"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_sent(posted, arguments, given, message):
    result = run_module(smoke_test_message, {**arguments, **given})
    assert (result["failed"], result["msg"], posted) == (True, message, [])
