# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the long tests; see tests/scenario."""

from __future__ import annotations

from tests.scenario.fixtures import assistant, pytest_collection_modifyitems, sound

__all__ = ["assistant", "pytest_collection_modifyitems", "sound"]
