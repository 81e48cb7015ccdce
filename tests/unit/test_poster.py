# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The printed page says what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import BUDGETS, LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES

ROOT = Path(__file__).resolve().parents[2]
SHEETS = ("pt_BR", "en")


def sheet(locale):
    return (ROOT / "docs" / "guide" / f"poster.{locale}.pdf").read_bytes()


def test_the_sheets_are_those_of_this_code():
    command = [sys.executable, str(ROOT / "scripts" / "poster.py"), "--check"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("locale", SHEETS)
def test_a_sheet_is_one_small_page_of_a4(locale):
    content = sheet(locale)
    assert content.count(b"/Type /Page\n") == 1
    assert b"/MediaBox [0 0 595.28 841.89]" in content
    assert len(content) < 100_000


@pytest.mark.parametrize("locale", SHEETS)
def test_a_sheet_names_each_cause_and_each_rollback_with_its_budget(locale):
    content = sheet(locale).decode("latin-1")
    assert [cause for cause in CAUSES if f"({cause}) Tj" not in content] == []
    for procedure in LEVELS.values():
        assert f"kumon.runbook.{procedure}) Tj" in content
        assert f" {BUDGETS[procedure]:g} s) Tj" in content
