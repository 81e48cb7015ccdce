# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people want kept is refused, in one sentence, where the desk ends with the job of AWX.

What acts or watches goes on, and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


ENDS = "this is job 7 of AWX, and what is kept on localhost ends with it"


def told(tmp_path, playbook, asked):
    """Run it in a job of AWX whose desk is the container; its exit and its output with all white space folded."""
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
    # Whatever asks the target for something ends at once.
    target = "{ansible_connection: local, ansible_python_interpreter: /bin/false}"
    (tmp_path / "hosts.yml").write_text(f"assistant: {{hosts: {{here: {target}}}}}\n")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.yml")]
    run = subprocess.run(
        [*command, str(playbook), "-e", json.dumps(settings)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    return run.returncode, " ".join((run.stdout + run.stderr).split())


@pytest.mark.parametrize(
    ("playbook", "asked"),
    [
        ("automation", {"stop": "2h"}),
        ("go_live_gate", {"confirm": "contacts"}),
        ("drill", {}),
        ("drill", {"drill_list": True}),
    ],
)
def test_nothing_is_said_to_be_kept_that_ends_with_the_job(tmp_path, playbook, asked):
    code, text = told(tmp_path, ROOT / f"playbooks/{playbook}.yml", asked)
    assert code != 0
    assert ENDS in text, text[-3000:]
    assert not list(tmp_path.glob("desk/*"))


WATCHES = """
- hosts: assistant
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: kumon.runbook.go_live, tasks_from: watch}
      vars: {go_live_watch_for: 1m}
"""
DECIDES = """
- hosts: assistant
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: kumon.runbook.assistant}
    - ansible.builtin.include_role: {name: kumon.runbook.go_live, tasks_from: would_act}
      vars: {__go_live_acts: [{id: abc123, host: here, cause: handoff_lost, level: 1, reason: ""}]}
"""


@pytest.mark.parametrize("steps", [WATCHES, DECIDES], ids=["watch", "decide"])
def test_what_watches_or_decides_goes_on_and_says_so(tmp_path, steps):
    playbook = tmp_path / "play.yml"
    playbook.write_text(f"---{steps}")
    _code, text = told(tmp_path, playbook, {})
    assert ENDS in text, text[-3000:]
