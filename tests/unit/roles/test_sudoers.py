# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets what from sudo, from the variables of the role to the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[3] / "roles" / "go_live"


@pytest.mark.parametrize(
    ("user", "entry", "state", "granted"),
    [
        ("runbook", [], "present", True),
        ("runbook", ["x", "1", "1", "kumon.runbook", "/home/runbook", "/bin/sh"], "present", True),
        ("deploy", ["x", "1", "1", "Deploy", "/home/deploy", "/bin/sh"], "present", False),
        ("", [], "present", False),
        ("runbook", [], "absent", False),
    ],
)
def test_only_an_account_of_our_own_becomes_roots_equal(user, entry, state, granted):
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    trusted = {name: trust_as_template(value) for name, value in variables.items() if isinstance(value, str)}
    own = {"user": user, "people": ["ana"], "state": state}
    facts = {"getent_passwd": {user: entry}} if entry else {}
    templar = Templar(DataLoader(), variables={**trusted, "__go_live": own, "ansible_facts": facts})
    text = templar.template(trust_as_template((ROLE / "templates" / "sudoers.j2").read_text()))
    assert (f"{user} ALL=(root) NOPASSWD: ALL" in text) is granted
    assert "ana ALL=(root) NOPASSWD: NOSETENV: KUMON_BREAK_GLASS" in text
