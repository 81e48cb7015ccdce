# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of answers: each is taken at its word."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _body, _http

from .rounds import asking, odd_text, rounds

BODIES = 100_000


def harmless(pick: random.Random, depth: int = 0) -> Any:
    kind = pick.randrange(6 if depth < 3 else 4)
    if kind == 4:
        return [harmless(pick, depth + 1) for _n in range(pick.randrange(3))]
    if kind == 5:
        return {name: harmless(pick, depth + 1) for name in pick.sample(("uptime", "version", "a", "né", "x" * 70), 2)}
    return pick.choice((None, 0, 7.5, True, "up", odd_text(pick, 9), 10**400, -1))


def bad_news(pick: random.Random) -> dict[str, Any]:
    return pick.choice(
        (
            {"ok": False},
            {"success": "false"},
            {"error": "no such team"},
            {"errcode": 40001},
            {"status": "failed"},
            {"status": 503},
            {"errors": [{"message": "x"}]},
        )
    )


def bodies(pick: random.Random) -> Iterator[tuple[bytes, bool | None]]:
    """Bodies with whether they say no; None where nothing is known of them."""
    good: Any = {f"f{n}": harmless(pick) for n in range(pick.randrange(4))}
    bad: Any = {**good, **bad_news(pick)}
    for _n in range(pick.randrange(3)):
        bad = {pick.choice(("data", "result", "response", "payload")): bad}
    yield json.dumps(good).encode(), False
    whole = json.dumps(bad).encode()
    yield whole, True
    yield whole[: pick.randrange(len(whole))] + pick.randbytes(pick.randrange(6)), None
    yield pick.choice((b"[", b'{"data":', b'[{"a":')) * pick.randrange(1, 3000), None


def some_bodies(pick: random.Random) -> int:
    asked = 0
    for body, says_no in bodies(pick):
        asked += 1
        answer = _http._parse("http://h/health", 200, "application/json", asking(body), False)
        hook = _http._parse_hook("http://h/hook", 200, "application/json", body, "utf-8", _http.BODY_LIMIT)
        assert (answer.kind in ("ok", "not_json"), hook.kind in ("ok", "not_json")) == (True, True)
        told = _body.refusal(hook.json)
        if says_no is not None:
            assert bool(told) is says_no, body
            assert (answer.kind, hook.kind) == ("ok", "ok")
    return asked


def test_a_body_is_taken_at_its_word() -> None:
    assert rounds(BODIES, some_bodies) >= BODIES
