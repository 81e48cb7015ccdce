# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_where_nothing_was_rolled_back_nothing_is_changed(assistant):
    assert not assistant.host.file("/etc/kumon-assistant/runbook.env").exists
    assert assistant.journal() == []
    assert assistant.flags() == assistant.V2
    # The message that had to pass went out.
    assert assistant.sends_to(assistant.PHONE) > 0
