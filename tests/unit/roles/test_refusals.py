# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refusal of ours is one sentence in the operator's language, and the run's result has it."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._lease import Claim, acquire

from tests.unit.roles.playbook_run import ROOT, run_playbook

NO_HOST = "Nenhum host em que agir: {} não é nenhum dos hosts selecionados (sem --limit); corrija o inventário, "
NO_HOST += "--limit ou runbook_hosts"
NO_ROLLBACK = "No rollback is in the journals: name a window, for instance -e report_since=2h."


@pytest.mark.parametrize("hosts", ["nobody", ["nobody", "none"]])
def test_a_run_without_a_host(tmp_path, hosts):
    code, result = run_playbook(tmp_path, "health_check", runbook_hosts=hosts)
    named = hosts if isinstance(hosts, str) else ",".join(hosts)
    assert (code != 0, result["status"], result["hosts"]) == (True, "refused", {})
    assert result["message"] == result["next_step"] == NO_HOST.format(named)


DEMO = "este é o inventário da demonstração e a cena não está no ar: rode make demo, "
DEMO += "ou informe com -i o inventário dos seus hosts"


@pytest.mark.parametrize(
    ("locale", "told"), [("", DEMO), (" en ", "this is the demo inventory and its scene is not up: ")]
)
def test_who_forgot_his_inventory_is_told_so_in_his_language(tmp_path, monkeypatch, locale, told):
    monkeypatch.setenv("RUNBOOK_DEMO_DIR", str(tmp_path / "no-scene"))
    inventory = str(ROOT / "inventory" / "demo")
    # The other inventory has none of these hosts.
    code, result = run_playbook(tmp_path, "diagnose", "-i", inventory, "--limit", "demo", runbook_locale=locale)
    assert (code != 0, result["status"]) == (True, "refused")
    assert result["next_step"].startswith(told)


def test_a_run_of_which_tags_leave_nothing(tmp_path):
    code, result = run_playbook(tmp_path, "health_check", "--tags", "measure", runbook_locale="en")
    assert (code != 0, result["status"], result["hosts"]) == (True, "refused", {})
    assert "With --tags measure nothing would be done" in result["next_step"]


def test_a_run_of_whoever_imports_a_procedure_under_a_tag(tmp_path):
    playbooks, site = ROOT / "playbooks", tmp_path / "site"
    site.with_suffix(".yml").write_text(f"- import_playbook: {playbooks}/health_check.yml\n  tags: measure\n")
    _code, result = run_playbook(tmp_path, os.path.relpath(site, playbooks), "--tags", "measure")
    assert result["status"] == "blind"


@pytest.mark.parametrize("waves", ["1, 50%", '[1, "50%"]', " "])
def test_waves_that_come_as_text(tmp_path, waves):
    code, result = run_playbook(tmp_path, "rollback_level3", "--check", rollback_serial=waves)
    assert (code, list(result["hosts"])) == (2, ["here"])


def test_waves_that_are_none(tmp_path):
    code, result = run_playbook(tmp_path, "rollback_level3", rollback_serial="one", runbook_locale="en")
    assert (code != 0, result["status"], result["hosts"]) == (True, "refused", {})
    assert "rollback_serial is a number of hosts" in result["next_step"] and "'one' is none" in result["next_step"]


def test_a_window_that_is_none(tmp_path):
    code, result = run_playbook(tmp_path, "health_check", health_window="4")
    assert (code, result["status"]) == (2, "refused")
    assert result["next_step"] == "health_window é um tempo como 4h; 4 não é"


def test_a_report_where_no_incident_was(tmp_path):
    code, result = run_playbook(tmp_path, "incident_report", runbook_locale="en")
    assert (code != 0, result["status"], result["next_step"]) == (True, "refused", NO_ROLLBACK)
    assert result["message"] == f"NO report was written: {NO_ROLLBACK}"
    assert not (tmp_path / "desk" / "reports").exists()


def test_a_drill_on_a_host_that_is_held(tmp_path):
    """Another drill would take its fault away, and undo its rollback, in the midst of it."""
    (tmp_path / "staging").touch()
    claim = Claim(str(tmp_path / "state"), "another", "ana", "drill", 1, 300, 0)
    acquire(claim, Host(), [])
    code, result = run_playbook(
        tmp_path,
        "drill",
        runbook_staging=True,
        runbook_service_manager="process",
        runbook_env_file=str(tmp_path / "assistant.env"),
        rollback_lease_wait=0,
        ansible_python_interpreter=sys.executable,
    )
    assert (code != 0, result["status"]) == (True, "refused")
    assert "ana (drill, " in result["hosts"]["here"]["message"]
    assert not (tmp_path / "desk").exists()
    # Somebody else's is not given back.
    assert (tmp_path / "state" / "lease.json").exists()
