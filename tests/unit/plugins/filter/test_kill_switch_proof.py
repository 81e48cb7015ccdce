# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.judging import FilterModule

kill_switch_proof = FilterModule().filters()["kill_switch_proof"]


def test_it_judges_what_the_modules_returned():
    flags = {"proofs": [{"proof": "environment", "had": True, "detail": ""}], "reported": {}}
    assert kill_switch_proof(flags, {"handoff": {"planned": 1}, "delivery": {"sent": 0}})["status"] == "proven"
    assert kill_switch_proof(flags)["status"] == "unproven"


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^"):
        kill_switch_proof("nothing")
