# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ansible_collections.kumon.runbook.plugins.modules import incident_notification

from tests.unit.plugins.service_fakes import run_module


def tell(directory, hooks, check_mode=False, **given):
    tier = {
        "name": "ana",
        "channels": [{"type": "slack", "url": f"{hooks.url}/T0KEN", "headers": {"X-Key": "hunter22"}}],
    }
    return run_module(
        incident_notification,
        {
            "contacts": {"technical": [tier], "business": [tier]},
            "state_dir": str(directory / "state"),
            "facts": {"headline": "off"},
            "run_id": "r1",
            **given,
        },
        check_mode,
    )


def test_it_sends_once_and_says_what_it_sent(tmp_path, hooks):
    first = tell(tmp_path, hooks, event="open")
    assert (first["changed"], first["sent"], first["unsent"]) == (True, 2, 0)
    assert first["messages"][0]["name"] == "ana"
    again = tell(tmp_path, hooks)
    assert (again["changed"], again["sent"]) == (False, 0)
    assert len(hooks.got) == 2


def test_check_mode_sends_nothing(tmp_path, hooks):
    assert len(tell(tmp_path, hooks, True, event="open")["messages"]) == 2
    assert hooks.got == []


def test_neither_address_nor_header_is_given_back(tmp_path, hooks):
    hooks.answers["/T0KEN"] = (403, "text/plain", b"bad key hunter22 at /T0KEN", 0)
    text = json.dumps(tell(tmp_path, hooks, event="test"))
    assert "HTTP 403" in text
    assert "hunter22" not in text
    assert hooks.url not in text
    assert "module_args" not in text


def test_bad_input_is_one_sentence(tmp_path, hooks):
    result = tell(tmp_path, hooks, contacts={"technical": []})
    assert result["msg"] == "runbook_contacts.technical has no tiers: name at least one person or group to tell"
    assert tell(tmp_path, hooks, event="acknowledge")["msg"].startswith("notify_by is empty")
