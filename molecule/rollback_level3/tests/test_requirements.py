# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements that cannot be had."""

from __future__ import annotations

from tests.scenario.host import Assistant
from tests.scenario.releases import VARIABLES

INSTALL = "releases"
__all__ = ["VARIABLES"]


def test_requirements_that_cannot_be_had_change_nothing(assistant: Assistant) -> None:
    assistant.sh("mv /srv/wheels /srv/hidden; install -d /srv/wheels")
    assistant.sh("printf '[global]\\nindex-url = http://127.0.0.1:9/simple\\n' > /etc/pip.conf")
    before = assistant.tree(), assistant.pid()
    run = assistant.playbook("rollback_level3", runbook_locale="en", rollback_install_seconds=40)
    assert run.code != 0
    assert "the requirements cannot be had (wheelhouse: " in run.text
    assert (assistant.tree(), assistant.pid()) == before
    assistant.sh("rm -rf /srv/wheels /etc/pip.conf; mv /srv/hidden /srv/wheels")
    assert assistant.playbook("rollback_level3").status == "proven"
    assert assistant.release() == ("Release 2", None)
