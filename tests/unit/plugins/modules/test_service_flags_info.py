# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reading module as Ansible runs it."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import network_fence, service_flags_info

from tests.unit.plugins.service_fakes import run_module, tree


@pytest.fixture
def arguments(service):
    return service.arguments()


@pytest.mark.parametrize("check_mode", [True, False])
def test_everything_documented_is_returned_and_nothing_is_touched(service, arguments, tmp_path, check_mode):
    pid = service.start(DELIVERY_DISABLE="true")
    before = tree(tmp_path)
    result = run_module(service_flags_info, arguments, check_mode=check_mode)
    assert set(result) - {"changed", "failed"} == set(yaml.safe_load(service_flags_info.RETURN))
    assert (result["changed"], result["pid"], result["effective"]) == (False, pid, {"DELIVERY_DISABLE": "true"})
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("mode", "status", "said"), [("", "ok", ""), ("unwell", "ill", "unhealthy"), ("degraded", "error", "")]
)
def test_what_health_says_of_the_service_is_told(service, arguments, mode, status, said):
    service.start(mode)
    health = run_module(service_flags_info, arguments)["health"]
    assert (health["status"], health["said"]) == (status, said)
    assert said in health["detail"]


def test_a_refusal_is_one_sentence(arguments):
    result = run_module(service_flags_info, {**arguments, "flags": ["no flag"]})
    assert (result["failed"], result["msg"]) == (
        True,
        "flag name 'no flag' is not valid: use capital letters, digits and _, e.g. DELIVERY_DISABLE",
    )


def test_what_only_looks_and_the_fence_take_no_other_program_for_the_service(service, arguments):
    pid = service.start()
    assert run_module(service_flags_info, {**arguments, "command": service.command})["pid"] == pid
    other = {**arguments, "command": ["/usr/bin/other"]}
    looked = run_module(service_flags_info, other)
    del other["health_urls"]
    fenced = run_module(network_fence, {**other, "url": "http://127.0.0.1:1"}, check_mode=True)
    for result in (looked, fenced):
        assert "which was not started by runbook_process_command (/usr/bin/other)" in result["msg"]
