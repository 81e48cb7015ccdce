# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_the_undone_rollback_leaves_no_trace_but_its_journal(assistant):
    assert assistant.flags() == assistant.V2
    assert "OUTBOX" not in assistant.host.file("/etc/kumon-assistant/runbook.env").content_string
    assert assistant.asked_within(2) > 0
    assert [entry["procedure"] for entry in assistant.journal()][-1] == "roll_forward"
