# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook as people start it, on this machine, where no assistant is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def run_playbook(directory: Path, name: str, *options: str, **variables: Any) -> tuple[int, dict[str, Any]]:
    """Return how it exited, and its `runbook_result`."""
    settings = {"runbook_log_paths": [str(directory / "none.log")], "runbook_state_dir": str(directory / "state")}
    settings |= {"runbook_desk_dir": str(directory / "desk"), "runbook_become": False, "runbook_contacts": {}}
    (directory / "hosts.yml").write_text("assistant: {hosts: {here: {ansible_connection: local}}}\n")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(directory / "hosts.yml")]
    run = subprocess.run(
        [*command, str(ROOT / f"playbooks/{name}.yml"), "-e", json.dumps({**settings, **variables}), *options],
        cwd=directory,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "matrix" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "keep_result",
            "ANSIBLE_NOCOLOR": "1",
            "KEEP_RESULT": str(directory / "result.json"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    kept = directory / "result.json"
    assert kept.exists(), run.stdout[-3000:] + run.stderr[-3000:]
    return run.returncode, json.loads(kept.read_text(encoding="utf-8"))["runbook_result"]
