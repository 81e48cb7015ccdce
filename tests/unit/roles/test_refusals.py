# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refusal of ours is one sentence in the operator's language, and the run's result has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NO_HOST = "Nenhum host em que agir: {} não é nenhum dos hosts selecionados (sem --limit); corrija o inventário, "
NO_HOST += "--limit ou runbook_hosts"
NO_ROLLBACK = "No rollback is in the journals: name a window, for instance -e report_since=2h."


def result_of(tmp_path, playbook, variables):
    """The `runbook_result` of a run on this machine, where no assistant is."""
    settings = {"runbook_log_paths": [str(tmp_path / "none.log")], "runbook_state_dir": str(tmp_path / "state")}
    settings |= {"runbook_desk_dir": str(tmp_path / "desk"), "runbook_become": False, "runbook_contacts": {}}
    (tmp_path / "hosts.yml").write_text("assistant: {hosts: {here: {ansible_connection: local}}}\n")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.yml")]
    run = subprocess.run(
        [*command, str(ROOT / f"playbooks/{playbook}.yml"), "-e", json.dumps({**settings, **variables})],
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "matrix" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "keep_result",
            "ANSIBLE_NOCOLOR": "1",
            "KEEP_RESULT": str(tmp_path / "result.json"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode != 0
    return json.loads((tmp_path / "result.json").read_text())["runbook_result"]


@pytest.mark.parametrize("hosts", ["nobody", ["nobody", "none"]])
def test_a_run_without_a_host(tmp_path, hosts):
    result = result_of(tmp_path, "health_check", {"runbook_hosts": hosts})
    named = hosts if isinstance(hosts, str) else ",".join(hosts)
    assert (result["status"], result["hosts"]) == ("refused", {})
    assert result["message"] == result["next_step"] == NO_HOST.format(named)


def test_a_report_where_no_incident_was(tmp_path):
    result = result_of(tmp_path, "incident_report", {"runbook_locale": "en"})
    assert (result["status"], result["next_step"]) == ("refused", NO_ROLLBACK)
    assert result["message"] == f"NO report was written: {NO_ROLLBACK}"
    assert not (tmp_path / "desk" / "reports").exists()
