# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule

redact = FilterModule().filters()["redact"]


def test_text_and_data():
    assert redact("conv_5511910182137_20250904_190022") == "conv_***2137_20250904_190022"
    assert redact({"apikey": "x", "lines": ["\x1b", 5]}) == {"apikey": "***", "lines": ["\\x1b", 5]}
    assert redact(None) is None
