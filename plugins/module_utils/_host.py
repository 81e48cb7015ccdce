# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the code touches of the machine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Callable

from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished, run, run_as
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc


@dataclass
class Host:
    """What the code touches of the machine, so that a test can put its own in place."""

    proc: Proc = field(default_factory=Proc)
    run: Callable[..., Finished] = run
    run_as: Callable[..., Finished] = run_as
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uid: int = field(default_factory=os.geteuid)
    systemd_units: str = "/etc/systemd/system"
    systemd_booted: str = "/run/systemd/system"
