# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_undone_recovery_delivers_again(assistant):
    assert assistant.environ("DELIVERY_DISABLE") is None
    assert assistant.asked_within(2) > 0
