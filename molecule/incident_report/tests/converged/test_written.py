# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

testinfra_hosts = ["ssh://assistant1"]


def test_a_report_without_any_act_says_what_is_not_known(assistant):
    home = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "desk/reports"
    assert len(list(home.iterdir())) == 5
    (text,) = (path.read_text() for path in home.glob("*.en.md"))
    assert "No act in the window." in text
    assert "Who was told is not known" in text
    assert "assistant2: " in text


def test_the_targets_are_left_as_they_were(assistant):
    assert not assistant.host.file("/var/lib/kumon-runbook").exists
    assert assistant.asked_within(1) > 0
