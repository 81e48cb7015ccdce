# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the verdicts of a run ask for what a workflow does next. Pure.

A workflow of AWX knows success and failure only, so what a failure means is said here, before the exit: that a verdict
is not `ok` is no reason for a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

GRAVITY = ("rollback", "blind", "watch", "ok")
"""The statuses of a verdict, the gravest first: what was seen stays true whatever could not be seen elsewhere."""

_NOT_MEASURED: dict[str, Any] = {"status": "blind", "cause": "not_measured", "level": 0}


class Branch(TypedDict):
    """Whether the branch is taken, and the verdict by which that was decided; `host` is empty where there was none."""

    taken: bool
    status: str
    cause: str
    level: int
    host: str


def branch(
    verdicts: Mapping[str, Mapping[str, Any] | None],
    statuses: Sequence[str],
    causes: Sequence[str] = (),
    level: str = "",
) -> Branch:
    """Decide by the gravest verdict of the hosts.

    :param verdicts: of each host that was asked; None for one that could not be measured, which is blind
    :param statuses: those for which the branch is taken
    :param causes: of these causes only, of any where there are none
    :param level: of this level only, of any where it is empty
    """
    known = {host: verdict or _NOT_MEASURED for host, verdict in verdicts.items()}
    if not known:
        return {"taken": False, "status": "", "cause": "", "level": 0, "host": ""}
    status = min((str(verdict["status"]) for verdict in known.values()), key=GRAVITY.index)
    gravest = {host: verdict for host, verdict in known.items() if verdict["status"] == status}
    fitting = [
        host
        for host, verdict in gravest.items()
        if (not causes or verdict["cause"] in causes) and (not level or str(verdict["level"]) == level)
    ]
    host = next(iter(fitting or gravest))
    return {
        "taken": status in statuses and bool(fitting),
        "status": status,
        "cause": str(known[host]["cause"]),
        "level": int(known[host]["level"] or 0),
        "host": host,
    }
