# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A desk that sends messages to receivers on loopback: state directory, contacts, and a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _message_text, _notify
from ansible_collections.kumon.runbook.plugins.module_utils._contacts import AUDIENCES, LOCALES
from ansible_collections.kumon.runbook.plugins.module_utils._due import KINDS

from tests.receivers import Hooks, Mails

NOON = 1795176000.0
FACTS = {
    "procedure": "rollback_level1",
    "status": "proven",
    "level": 1,
    "headline": "KILL-SWITCH ATIVO",
    "run_id": "r1",
}
ETA = _message_text.mark_eta("given at", "no ETA")
TEXT = f"{{kind}} {_message_text.MARK_ELAPSED} by {_message_text.MARK_BY}\n\nbody {ETA}"


class Desk:
    """Three technical tiers and one business tier, each with a webhook of its name."""

    def __init__(self, directory: Path, hooks: Hooks) -> None:
        self.directory, self.hooks, self.now = directory / "state", hooks, NOON
        self.contacts: dict[str, Any] = {
            "technical": [self.tier("dev", 5), self.tier("architect", 5), self.tier("ops", 5)],
            "business": [self.tier("product")],
        }
        self.smtp: dict[str, Any] = {}
        self.warnings: list[str] = []

    def tier(self, name: str, minutes: float = 15) -> dict[str, Any]:
        return {
            "name": name,
            "acknowledge_minutes": minutes,
            "channels": [{"type": "slack", "url": f"{self.hooks.url}/{name}"}],
        }

    def mail(self, mails: Mails, **smtp: Any) -> Desk:
        """Tell the business side by mail."""
        self.smtp = {
            "host": "127.0.0.1", "port": mails.port, "sender": "runbook@example.com", "security": "none", **smtp
        }  # fmt: skip
        self.contacts["business"][0]["channels"] = [{"type": "email", "to": ["pm@example.com", "kumon@example.com"]}]
        return self

    def run(self, event: str = "tick", check: bool = False, **given: Any) -> dict[str, Any]:
        kinds = {kind: TEXT.format(kind=kind) for kind in KINDS}
        texts = {audience: dict.fromkeys(LOCALES, kinds) for audience in AUDIENCES}
        params: Any = {
            "event": event, "contacts": self.contacts, "smtp": self.smtp, "facts": FACTS if event == "open" else {},
            "texts": texts if event in ("open", "test") else {}, "locale": "pt_BR", "by": None, "eta": None,
            "every": 900.0, "seconds": 3.0, "state_dir": str(self.directory), "run_id": "r1", "dry_run": False, **given,
        }  # fmt: skip
        return _notify.run(params, check, self.warnings, lambda: self.now)

    def after(self, minutes: float, event: str = "tick", **given: Any) -> list[tuple[str, str]]:
        """Who was told what that many minutes later."""
        self.now += minutes * 60
        return [(message["name"], message["kind"]) for message in self.run(event, **given)["messages"]]
