# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it."""

from __future__ import annotations

import yaml
from ansible_collections.kumon.runbook.plugins.modules import release_wheels

from tests.unit.plugins.service_fakes import run_module


def test_everything_documented_is_returned_and_nothing_else(tmp_path):
    given = {"app_dir": str(tmp_path), "wheelhouse": str(tmp_path / "wheels"), "state": "absent"}
    result = run_module(release_wheels, given)
    assert set(result) - {"changed", "failed"} == set(yaml.safe_load(release_wheels.RETURN))
    assert result["changed"] is False


def test_a_release_has_to_be_named(tmp_path):
    result = run_module(release_wheels, {"app_dir": str(tmp_path), "wheelhouse": "/srv/wheels"})
    assert (result["failed"], "commit" in result["msg"]) == (True, True)
