# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fence's module as Ansible runs it, on an nft that is a script."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.module_utils import _fence
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.modules import network_fence

from tests.unit.plugins.service_fakes import FakeNft, run_module


@pytest.fixture
def nft(monkeypatch):
    fake = FakeNft()
    monkeypatch.setattr(network_fence, "Host", lambda: Host(run=fake.run, uid=0, systemd_booted="/nonexistent"))
    monkeypatch.setattr(_fence, "_connects", lambda rule: False)
    return fake


@pytest.fixture
def arguments(tmp_path):
    return {
        "service": "kumon-assistant",
        "state_dir": str(tmp_path / "state"),
        "url": "http://127.0.0.1:8080",
        "user": "998",
    }


def test_the_quartet(nft, arguments):
    assert run_module(network_fence, arguments, check_mode=True)["changed"]
    assert nft.rules is None
    assert run_module(network_fence, arguments)["changed"]
    assert not run_module(network_fence, arguments, check_mode=True)["changed"]
    assert not run_module(network_fence, arguments)["changed"]
    assert len(nft.scripts) == 1


def test_everything_documented_is_returned_and_nothing_else(nft, arguments):
    result = run_module(network_fence, arguments)
    assert set(result) - {"changed", "failed"} == set(yaml.safe_load(network_fence.RETURN))
    assert "diff" in run_module(network_fence, arguments, diff=True)


def test_a_refusal_is_one_sentence(nft, arguments):
    result = run_module(network_fence, {**arguments, "url": "x"})
    assert (result["failed"], result["msg"]) == (
        True,
        "url 'x' is not valid (it does not start with http:// or https://): correct runbook_evolution_url",
    )


def test_a_late_failure_comes_with_the_state(nft, arguments):
    nft.fails["load"] = Finished(1, "", "Error: Not supported\n")
    result = run_module(network_fence, arguments)
    assert (result["failed"], result["present"], result["packets"]) == (True, False, 0)
    assert result["msg"] == "nft refused the network fence (Error: Not supported). Next: rollback level 3."
