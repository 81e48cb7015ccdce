# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A desk on which all stands that a go-live wants, and what the inventory says of the people."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

PEOPLE: dict[str, Any] = {
    "runbook_contacts": {"technical": [{"name": "Dev", "channels": [{"type": "slack", "url": "https://x.example/y"}]}]},
    "notify_dry_run": True,
    "go_live_rota": [{"from": "2020-01-01", "to": "2099-12-31", "name": "Ana"}],
    "go_live_free_mb": 20,
}


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(desk: Path, *hosts: str) -> None:
    """What the scheduled check leaves, and the watch of these hosts."""
    (desk / "watch").mkdir(exist_ok=True)
    for name in ("health-check", *(f"watch/{host}" for host in hosts)):
        (desk / f"{name}.json").write_text(json.dumps({"at": now(), "every_seconds": 300}))


def ledger(desk: Path) -> list[dict[str, Any]]:
    """The drills on the desk."""
    file = desk / "drill.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
