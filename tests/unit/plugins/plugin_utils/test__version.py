# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.plugin_utils._version import ROOT, version

CHECKOUT = Path(__file__).resolve().parents[4]


def test_a_checkout_has_it_in_galaxy_yml():
    assert ROOT == CHECKOUT
    assert version() == yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def test_an_installed_collection_has_it_in_its_manifest(tmp_path):
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "3.2.1"}}), encoding="utf-8")
    (tmp_path / "galaxy.yml").write_text("version: 0.0.1\n", encoding="utf-8")
    assert version(tmp_path) == "3.2.1"


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"collection_info": null}', '{"collection_info": {}}'])
def test_a_broken_manifest_leaves_galaxy_yml(tmp_path, broken):
    (tmp_path / "MANIFEST.json").write_text(broken, encoding="utf-8")
    assert version(tmp_path) == "unknown"
    (tmp_path / "galaxy.yml").write_text("version: 0.0.1\n", encoding="utf-8")
    assert version(tmp_path) == "0.0.1"


@pytest.mark.parametrize("broken", ["", "version:\n", "a: [", "- version\n"])
def test_where_no_file_tells_it_it_is_unknown(tmp_path, broken):
    (tmp_path / "galaxy.yml").write_text(broken, encoding="utf-8")
    assert version(tmp_path) == "unknown"
