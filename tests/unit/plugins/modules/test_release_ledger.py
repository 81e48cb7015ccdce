# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on a real repository and a real service."""

from __future__ import annotations

import time

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.modules import release_ledger

from tests.unit.plugins.release_fakes import RealRelease
from tests.unit.plugins.service_fakes import run_module, service_user, tree


@pytest.fixture
def real(tmp_path):
    found = RealRelease(tmp_path)
    found.repository.git("checkout", "--quiet", found.repository.commits["first"])
    time.sleep(0.05)
    found.service.start()
    yield found
    found.service.close()


@pytest.fixture
def arguments(real, tmp_path):
    return {
        "service": "kumon-assistant",
        "manager": "process",
        "process_user": str(service_user()),
        "port": real.service.port,
        "env_file": str(tmp_path / "etc" / "runbook.env"),
        "state_dir": str(tmp_path / "state"),
        "app_dir": str(real.repository.directory),
        "healthy": True,
        "seconds": 0.2,
    }


def test_the_quartet(arguments, tmp_path):
    before = tree(tmp_path)
    assert run_module(release_ledger, arguments, check_mode=True)["changed"]
    assert tree(tmp_path) == before
    first = run_module(release_ledger, arguments)
    assert (first["changed"], first["good"]) == (True, False)
    time.sleep(0.25)
    assert run_module(release_ledger, arguments)["marked"]
    before = tree(tmp_path)
    assert not run_module(release_ledger, arguments, check_mode=True)["changed"]
    assert not run_module(release_ledger, arguments)["changed"]
    assert tree(tmp_path) == before


def test_everything_documented_is_returned_and_nothing_else(arguments):
    result = run_module(release_ledger, arguments)
    assert set(result) - {"changed", "failed"} == set(yaml.safe_load(release_ledger.RETURN))
    assert "diff" in run_module(release_ledger, {**arguments, "healthy": False}, diff=True)


def test_a_refusal_is_one_sentence(arguments):
    result = run_module(release_ledger, {**arguments, "seconds": 0})
    assert (result["failed"], result["msg"]) == (True, "seconds must be above 0 and at most 86400, not 0")
