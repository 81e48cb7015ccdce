# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.judging import FilterModule

service_proof = FilterModule().filters()["service_proof"]


def test_it_judges_what_the_modules_returned():
    service = {"proofs": [{"proof": "environment", "had": True, "detail": ""}]}
    assert service_proof(service, {"delivery": {"success": 1}})["status"] == "proven"
    assert service_proof(service)["status"] == "unproven"


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^"):
        service_proof("nothing")
