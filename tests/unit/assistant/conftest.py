# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene which the tests of the stand-in assistant share."""

from __future__ import annotations

import pytest

from tests.unit.assistant.support import Assistant, scene_module


@pytest.fixture(scope="session")
def assistant(tmp_path_factory):
    scene = scene_module.Scene(tmp_path_factory.mktemp("assistant"))
    try:
        yield Assistant(scene.up())
    finally:
        scene.down()
