# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what a run gives to AWX by `set_stats`, with its types, in the file that KEEP_RESULT names."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: keep_result
type: aggregate
short_description: Keep the custom statistics of a run
description: For the tests only.
"""


class CallbackModule(CallbackBase):
    """Writes the custom statistics as JSON."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "keep_result"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write them once the run has ended."""
        with open(os.environ["KEEP_RESULT"], "w", encoding="utf-8") as kept:
            json.dump(stats.custom.get("_run", {}), kept, indent=1)
