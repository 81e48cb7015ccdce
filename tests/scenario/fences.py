# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway, watched while a fence is put up."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.scenario.host import Assistant

LAST = """
last=$(date +%s%N); n=x
while [ $(date +%s) -lt {until} ]; do
  m=$(curl -sS --max-time 3 http://127.0.0.1:8080/__stand_in/counters | grep -o '"asked": *[0-9]*')
  [ "$m" = "$n" ] || {{ n=$m; last=$(date +%s%N); }}
  sleep 0.05
done
echo $last
"""


def assert_no_message_leaves_once_the_fence_stands(assistant: Assistant, **faults: Any) -> None:
    """Level 1 under such faults is proven, and the gateway gets its last message as the fence goes up."""
    assistant.fault(**faults)
    assistant.wait_for_deliveries()
    began = float(assistant.sh("date +%s.%N"))
    with ThreadPoolExecutor() as pool:
        watched = pool.submit(assistant.sh, LAST.format(until=int(began) + 25))
        run = assistant.playbook("rollback_level1", runbook_locale="en")
        last = int(watched.result()) / 1e9
    assert (run.code, run.status) == (0, "proven")
    assert run.observed < 30
    (stands,) = re.findall(r"Network fence: stands since (\S+?)Z", run.text)
    # How soon it stands depends on what else the machine does, and `make bench` measures it.
    assert last < datetime.fromisoformat(f"{stands}+00:00").timestamp() + 0.5
    assert "skuid" in assistant.fence()
