# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of go_live_gate.yml leaves as facts, when all is well."""

from __future__ import annotations

import base64
import json

from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils._gate import fingerprint

NOW = 1_764_241_200.0  # 2025-11-27 11:00 UTC, 08:00 in São Paulo
CONTACTS = {"technical": [{"name": "Dev", "channels": [{"type": "slack", "url": "https://hooks.example.com/x"}]}]}
LEVEL1 = {"DELIVERY_DISABLE": True}
LEVEL2 = {"OUTBOX_V2_ENFORCED": False, "ROUTER_V2_SHADOW": True}


def ago(seconds):
    return iso(NOW - seconds)


def rehearsal(level, seconds=3600, **more):
    return {
        "what": "rehearsal",
        "procedure": f"rollback_level{level}",
        "fault": "gateway",
        "host": "staging1",
        "status": "passed",
        "act_seconds": 4.2,
        "actor": "bia",
        "at": ago(seconds),
        **more,
    }


def confirmation(item, seconds=600, **more):
    return {"item": item, "actor": "ana", "at": ago(seconds), **more}


def confirmed_contacts(seconds=600):
    return confirmation("contacts", seconds, of=fingerprint(CONTACTS))


def slurped(name, content):
    packed = base64.b64encode(json.dumps(content).encode()).decode()
    return {"item": name, "content": packed} if content is not None else {"item": name, "failed": True}


def stamps(**files):
    return {"results": [slurped(name.replace("_", "-"), content) for name, content in files.items()]}


STAMPS = {
    "health_check": {"at": ago(200), "every_seconds": 300},
    "incident": None,
}


def service(**more):
    effective = {"DELIVERY_DISABLE": None, "OUTBOX_V2_ENFORCED": "true", "ROUTER_V2_SHADOW": "false"}
    return {"running": True, "readable": True, "pid": 7, "effective": effective, "declared": {}, "fence": None, **more}


def traces(**more):
    parts = {name: {"ok": True} for name in ("fresh", "covered", "owned", "understood")}
    return {"records": 90, "timestamps": "own", "grammars": {"trace": 90}, "evidence": parts, **more}


def facts(**more):
    return {
        "now": NOW,
        "host": "prod1",
        "actor": "ana",
        "path": "/desk/go-live-gate-prod1",
        "items": {},
        "start": "",
        "hours": 8,
        "time_zone": "America/Sao_Paulo",
        "rota": [{"from": "2025-11-27 07:00", "to": "2025-11-27 20:00", "name": "Ana"}],
        "rota_ical": "",
        "calendar": {"skipped": True},
        "freeze": [{"from": "2025-12-24", "to": "2025-12-26", "reason": "Natal"}],
        "contacts": CONTACTS,
        "smtp": {},
        "staging_hosts": "staging",
        "check": "auto",
        "free_mb": 500,
        "manager": "systemd",
        "venv_dir": "/opt/a/.venv",
        "wheelhouse": "/srv/wheels",
        "level1_flags": LEVEL1,
        "level2_flags": LEVEL2,
        "flags": {"DELIVERY_DISABLE": False, "OUTBOX_V2_ENFORCED": True, "ROUTER_V2_SHADOW": False},
        "seen": {"service": service(), "state": {"known": True}, "traces": {"traces": traces()}},
        "verdict": {"status": "ok", "cause": "none", "level": 0, "reasons": ["All is well."]},
        "release": {"release": {"chosen": {"commit": "b" * 40}}},
        "wheels": {"changed": False, "offline": True, "commit": "b" * 40},
        "host_told": {
            "stdout": f"{NOW - 1} {int(NOW)} 0\n/dev/vda1 9 4 5000000 50% /\n/dev/vdb 9 1 2000000 9% /var/log",
        },
        "gateway": {
            "evolution": {"healthy": True, "state": "open", "findings": [], "webhook": {"url": "http://a/webhook"}}
        },
        "commands_problem": "",
        "playbooks": 19,
        "cwd": "/home/ana/runbook",
        "syntax": {"rc": 0},
        "dry_run": {"rc": 0},
        "commands": {},
        "drills": [rehearsal(1), rehearsal(2), rehearsal(3)],
        "confirmations": [confirmed_contacts(), confirmation("channels"), confirmation("monitoring")],
        "automation": [],
        "desk": stamps(**STAMPS),
        "watch_stamp": slurped("watch", {"at": ago(5), "every_seconds": 2}),
        **more,
    }
