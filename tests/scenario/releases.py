# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose assistant stands in a git work tree with releases (molecule/resources/host/releases)."""

from __future__ import annotations

import json

from tests.scenario.host import Assistant

APP = "/opt/kumon-assistant"
WEBHOOK = "http://127.0.0.1:8000/api/v1/evolution/webhook"
VARIABLES = {
    "runbook_venv_dir": f"{APP}/.venv",
    "rollback_wheelhouse": "/srv/wheels",
    "rollback_min_free_mb": 20,
}


def make_dirty(assistant: Assistant) -> None:
    """Local changes of every kind, made by the assistant's user."""
    assistant.sh(
        f'cd {APP} && runuser -u kumon -- sh -c \'echo "# changed" >> main.py; mkdir -p notes; echo new > notes/a.txt;'
        " echo staged > b.local; git add b.local'"
    )


def put_good_in_place(assistant: Assistant) -> None:
    """Release 2 in place, which is good, with Release 1 to go back to; and the gateway's webhook where it belongs."""
    assistant.sh(
        f"cd {APP} && runuser -u kumon -- sh -eu -c 'git reset --quiet --hard main~1; "
        ".venv/bin/python -m pip install --quiet --no-index --find-links /srv/wheels -r requirements.txt'; "
        "systemctl restart kumon-assistant; truncate -s 0 /var/log/kumon-assistant/app.log; "
        "curl -sS -H 'apikey: stand-in-key' -H 'content-type: application/json' -d %s "
        "http://127.0.0.1:8080/webhook/set/kumon_assistant",
        json.dumps({"webhook": {"url": WEBHOOK, "enabled": True, "events": ["MESSAGES_UPSERT"]}}),
    )
    assistant.wait_for_deliveries()
