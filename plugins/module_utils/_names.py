# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that target and controller share."""

from __future__ import annotations

import hashlib
import re

KILL_SWITCH = "DELIVERY_DISABLE"

NO_ACTS = ("decision", "proof", "release_ledger")
"""What the journal holds beside acts on the service; that a release is known to be good changes nothing of it."""
NEW = ".runbook-new"
"""What is to take the place of a virtual environment has this behind its name until it does."""


def bare(service: str) -> str:
    """A service's name, of which systemd takes both forms."""
    return service[: -len(".service")] if service.endswith(".service") else service


def plain(service: str) -> str:
    """The same as a part of a file's or a table's name: one a service, whatever stands in it."""
    name = bare(service)
    clean = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
    mark = "" if clean == name else "_" + hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    return clean + mark
