# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_no_target_is_touched(assistant):
    assert not assistant.host.file("/var/lib/kumon-runbook").exists
    assert assistant.asked_within(1) > 0
