# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a large assistant log: ``make_log.py PATH LINES [FILLERS]``.

Half of the lines are traces, every five lines are one turn of a conversation of its own (5 million lines: a million
conversations), about 150 bytes a line, evenly spread over 24 hours, mostly ``logging.basicConfig`` lines with the JSON
lines in between that carry the time, as the real assistant writes them. One turn in a thousand is lost, one result in
two hundred failed. ``FILLERS`` lines of no interest stand behind each of a turn's; with five every twelfth line is a
trace, as in real logs.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone

LOGGER = "INFO:app.core.observability.structured_logging:"
FILLER = (
    "INFO:app.core.router.response_planner:planner_first_item_keys: ['text', 'channel', 'meta', 'idempotency_key'] "
)
START = datetime(2026, 11, 21, tzinfo=timezone.utc)


def turn(n: int, turns: int, fillers: int = 0) -> str:
    """The five lines of turn ``n``, and others."""
    stamp = START + timedelta(seconds=86400 * n / turns)
    key = f"conv=conv_55119{n:08d}_20261121_{stamp:%H%M%S}|idem={n * 2654435761 % 2**64:016x}"
    state = 139794033604800 + n * 16
    lost = n % 1000 == 0
    delivered = 0 if lost else 1
    lines = [
        f'{{"timestamp": "{stamp:%Y-%m-%dT%H:%M:%S.%f}", "level": "INFO", "logger": "kumon_receptionist", "message": '
        f'"Prompt manager initialized", "line": {n % 900}}}',
        f"{LOGGER}OUTBOX_TRACE|phase=planner|{key}|state_id={state}|outbox_id={state + 64}|count=1",
        f"{LOGGER}OUTBOX_TRACE|phase=delivery|{key}|state_id={state}|outbox_id={state + 64}|count={delivered}",
        FILLER + "x" * (n % 20),
    ]
    if n % 2:
        status = "failed" if n % 400 == 1 else "success"
        lines.append(
            f"{LOGGER}DELIVERY_TRACE|action=result|status={status}|http=unknown|instance=kumon_assistant|{key}"
        )
    else:
        lines.append(FILLER[:70] + "y" * (n % 20))
    more = "".join(f"{FILLER}{'z' * (n % 9 + filler)}\n" for filler in range(fillers))
    return "".join(f"{line}\n{more}" for line in lines)


def main() -> None:
    path, lines = sys.argv[1], int(sys.argv[2])
    fillers = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    turns = lines // (5 * (1 + fillers))
    with open(path, "w", encoding="utf-8") as log:
        for first in range(0, turns, 2000):
            log.write("".join(turn(n, turns, fillers) for n in range(first, min(first + 2000, turns))))


if __name__ == "__main__":
    main()
