# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest


def untouched(assistant):
    return [
        path
        for path in ("/etc/kumon-assistant/runbook.env", "/var/lib/kumon-runbook")
        if assistant.host.file(path).exists
    ]


def test_a_check_run_leaves_nothing_behind(assistant):
    assert untouched(assistant) == []
    assert assistant.asked_within(1) > 0


@pytest.mark.parametrize("locale,headline", [("pt_BR", "SAUDÁVEL"), ("en", "HEALTHY")])
def test_a_healthy_assistant_is_found_healthy_in_both_languages(assistant, locale, headline):
    run = assistant.playbook("health_check", runbook_locale=locale)
    assert (run.code, headline in run.text) == (0, True)
