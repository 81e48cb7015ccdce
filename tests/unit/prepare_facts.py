# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of prepare_go_live.yml leaves as facts."""

from __future__ import annotations

GOOD = {"ledger": {"good": [{"commit": "a" * 40, "subject": "old"}, {"commit": "b" * 40, "subject": "new"}]}}
OK = {"changed": False}
DID = {"changed": True}
FAILED = {"failed": True, "changed": False, "msg": "no space\nleft"}


def prepared(**more):
    names = "state_dir flags wheelhouse log_rotation break_glass user people health_check watch"
    results = {name: [OK] for name in names.split()} | more.pop("results", {})
    return {
        "check": False,
        "state": "present",
        "root": True,
        "manager": "systemd",
        "tools": ["awk", "flock", "logrotate", "nft", "sha256sum", "visudo"],
        "env_file": "/etc/kumon-assistant/runbook.env",
        "log_source": "file",
        "log_paths": ["/var/log/app.log*"],
        "break_glass": True,
        "rotate": True,
        "rotate_restart": False,
        "rotated_by": [],
        "truncated_by": [],
        "timestamps": "own",
        "release": {"release": GOOD},
        "venv_dir": "/opt/a/.venv",
        "wheelhouse": "/srv/wheels",
        "wheels": {"offline": True},
        "check_schedule": {"asked": "auto", "way": "cron", "minutes": 5},
        "watch_schedule": {"asked": "auto", "way": "systemd", "mode": "page"},
        "fence": {"addresses": ["192.0.2.1"]},
        "user": "runbook",
        "own_account": True,
        "people": ["ana"],
        "in_force": False,
        **more,
        "results": results,
    }
