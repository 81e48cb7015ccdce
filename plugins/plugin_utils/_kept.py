# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs left for a later one: how the smoke test ended, who was told, which report is the newest. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any


def kept(smoke_test: Any, desk: Any) -> dict[str, Any]:
    """Return `{smoke_test, notifications, report}`, each `None` where nothing is left or it cannot be understood.

    :param smoke_test: what the task that reads ``smoke_test.json`` on the target registered
    :param desk: what the task that reads ``incident.json``, ``dry_run/incident.json`` and ``report.json`` on the desk
        registered, one result each

    Messages of a drill count only where there are no others, and have ``drill`` true.
    """
    results = (desk if isinstance(desk, Mapping) else {}).get("results") or []
    files = {str(result.get("item")): content(result) for result in results if isinstance(result, Mapping)}
    drill = files.get("dry_run/incident")
    return {
        "smoke_test": content(smoke_test),
        "notifications": files.get("incident") or (None if drill is None else {**drill, "drill": True}),
        "report": files.get("report"),
    }


def content(registered: Any) -> dict[str, Any] | None:
    """Return the mapping in a file that `slurp` read, None where there is none."""
    if not isinstance(registered, Mapping) or not registered.get("content"):
        return None
    try:
        data = json.loads(base64.b64decode(registered["content"]))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return data if isinstance(data, dict) else None
