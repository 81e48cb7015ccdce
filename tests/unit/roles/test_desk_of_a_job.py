# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people want kept is refused, in one sentence, where the desk ends with the job of AWX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("playbook", "asked"), [("automation", {"stop": "2h"}), ("go_live_gate", {"confirm": "contacts"})]
)
def test_nothing_is_said_to_be_kept_that_ends_with_the_job(tmp_path, playbook, asked):
    settings = {
        "runbook_locale": "en",
        "runbook_desk_host": "localhost",
        "runbook_desk_dir": str(tmp_path / "desk"),
        "runbook_log_paths": [str(tmp_path / "a.log")],
        "runbook_contacts": {},
        "runbook_actor": "Ana",
        "awx_job_id": 7,
        **asked,
    }
    (tmp_path / "hosts.yml").write_text("assistant: {hosts: {here: {ansible_connection: local}}}\n")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.yml")]
    run = subprocess.run(
        [*command, str(ROOT / f"playbooks/{playbook}.yml"), "-e", json.dumps(settings)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    told = " ".join((run.stdout + run.stderr).split())
    assert run.returncode != 0
    assert "this is job 7 of AWX, and what is kept on localhost ends with it" in told, told[-3000:]
    assert not list(tmp_path.glob("desk/*automation*")) and not list(tmp_path.glob("desk/*confirmation*"))
