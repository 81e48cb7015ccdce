# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does not call it does not import."""

from __future__ import annotations

import os
import subprocess
import sys

PLUGINS = "ansible_collections.kumon.runbook.plugins"
# What the callback imports before a rollback begins, and all filters by their names.
BEGUN = f"""
import gc
import sys
from importlib import import_module
from {PLUGINS}.callback.timeline import CallbackModule
CallbackModule().v2_playbook_on_start(None)
assert gc.get_freeze_count() > 10_000  # what workers need not look through for garbage
for topic in ("awx", "judging", "measuring", "running", "telling", "watching"):
    filters = import_module(f"{PLUGINS}.filter.{{topic}}").FilterModule().filters()
    assert filters, topic
print("\\n".join(name.rpartition(".")[2] for name in sys.modules if name.startswith("{PLUGINS}.")))
"""


def test_a_rollback_does_not_wait_for_what_other_procedures_are_made_of():
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", BEGUN], capture_output=True, text=True, check=False, env=env)
    assert run.returncode == 0, run.stderr
    imported = set(run.stdout.split())
    assert {"_outcome", "_outcome_act", "_act_proofs", "_problems"} <= imported
    others = {
        "_outcome_measured",
        "_outcome_recovery",
        "_gate",
        "_gate_look",
        "_drill",
        "_report",
        "_charts",
        "_diagnosis",
        "_awx",
    }
    assert not {*others, "_service", "_process"} & imported
