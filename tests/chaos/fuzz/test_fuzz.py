# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A million odd inputs for what reads from outside, each with an answer that is known before it is asked.

The parser gets lines of a log, the rest gets files, texts and bodies. An input is made from what it means, so what has
to come of it is known without reading it. Nothing may crash, hang, or count wrong; KUMON_FUZZ_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _envfile, _http, _said
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

from tests.unit.counting import Counter
from tests.unit.records import NOON, as_json, asctime, basic, journal, outbox, result, send, short_iso

SEED = int(os.environ.get("KUMON_FUZZ_SEED", "20261127"))
LINES, FILES, TEXTS, BODIES = 600_000, 100_000, 200_000, 100_000
SECONDS = 280  # each; all of them together stay below ten minutes on two cores
PARTS = 2  # for each of the processes of pytest

PRINTABLE = "".join(map(chr, range(32, 127)))
ODD = (
    "\x00\x01\x07\x08\x0b\x0c\x1b[31m\x7f\x85\xa0\xad\u200b\u200e\u2028\u2029\ufeff\U0001f600\u00e9\u0301|=\\\"'{}[]:\t"
)


def rounds(part: int, inputs: int, play: Callable[[random.Random], int]) -> int:
    """Play until so many inputs were asked, and return how many were. A round that fails names its seed."""
    asked, number, begun = 0, 0, time.monotonic()
    while asked < inputs // PARTS:
        seed = f"{SEED}-{part}-{number}"
        try:
            asked += play(random.Random(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
        number += 1
        assert time.monotonic() - begun < SECONDS, f"{asked} inputs in {SECONDS} s: something takes too long"
    return asked


def odd_text(pick: random.Random, most: int) -> str:
    alphabet = pick.choice((PRINTABLE, ODD, PRINTABLE + ODD))
    return "".join(pick.choices(alphabet, k=pick.randrange(most)))


# ---------------------------------------------------------------- the parser


def noise(pick: random.Random) -> bytes:
    """One line that is no trace, whatever else it is."""
    kind = pick.randrange(6)
    if kind == 0:
        return pick.randbytes(pick.randrange(200)).replace(b"\n", b" ").replace(b"TRACE", b"TRAC")
    if kind == 1:
        return odd_text(pick, 120).encode("utf-8", "surrogatepass").replace(b"\n", b" ")
    if kind == 2:
        return b'{"a":' * pick.randrange(1, 400)
    if kind == 3:
        return (pick.choice("x|=\\\"'[{") * pick.randrange(1, 9000)).encode()
    if kind == 4:
        return b"Traceback (most recent call last):"
    return b'INFO:     10.0.0.1:1234 - "POST /api/v1/evolution/webhook HTTP/1.1" 200 OK'


def fate(pick: random.Random, conv: str, counts: dict[str, int]) -> list[str]:
    """The traces of one message, and what has to be counted of it."""
    counts["planned"] += 1
    planned = outbox("planner", conv, 1)
    kind = pick.choice(("success", "success", "success", "failed", "lost", "unread"))
    if kind == "unread":
        return [planned]
    if kind == "lost":
        counts["lost"] += 1
        return [planned, outbox("delivery", conv, 0)]
    counts["read"] += 1
    counts[kind] += 1
    http = "unknown" if kind == "success" else pick.choice(("unknown", "400", "500", "503"))
    return [planned, outbox("delivery", conv, 1), send(conv), result(conv, kind, http=http)]


def a_log(pick: random.Random) -> int:
    shape = pick.choice((basic, asctime, as_json, short_iso, journal))
    counts = dict.fromkeys(("planned", "read", "lost", "success", "failed"), 0)
    log: list[bytes] = []
    at = NOON - 3000
    for number in range(pick.randrange(5, 60)):
        for trace in fate(pick, f"conv_5511{number:09d}_20261120_120000", counts):
            at += pick.random()
            log.append(shape(trace, at).encode())
            if pick.random() < 0.4:
                log += [noise(pick) for _n in range(pick.randrange(4))]
        if pick.random() < 0.2:
            # A customer's words, which quote a trace in the middle of a line.
            log.append(shape(f"Processing message for 5511900000001: {send('c')} {odd_text(pick, 30)!a}", at).encode())
        if pick.random() < 0.1:
            log[-1] += b"\r"
    counter = Counter(now=NOON)
    counter.start_of_file()
    rest = log[:]
    while rest:
        length = pick.randrange(1, 80)
        counter.feed(rest[:length])
        rest = rest[length:]
    traces = counter.result()
    handoff, delivery = traces["handoff"], traces["delivery"]
    found = {name: handoff[name] for name in ("planned", "read", "lost")}
    found |= {name: delivery[name] for name in ("success", "failed")}
    assert found == counts, shape.__name__
    assert traces["lines"] == len(log)
    json.dumps(traces)
    return len(log)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_log_is_counted_whatever_stands_between_its_traces(part: int) -> None:
    assert rounds(part, LINES, a_log) >= LINES // PARTS


# ---------------------------------------------------------------- the environment file


def assignment(pick: random.Random, name: str) -> tuple[str, str]:
    """A line that sets `name`, and to what by systemd.exec(5)."""
    plain = "".join(pick.choices("abcXYZ019_-./:,%@é", k=pick.randrange(8)))
    kind = pick.randrange(5)
    if kind == 0:
        return f"{name}={plain}", plain
    if kind == 1:
        spaced = f"{plain} # x {plain}".strip()
        return f"{name}='{spaced}'", spaced
    if kind == 2:
        return f'{name}="{plain}\\"\\\\"', f'{plain}"\\'
    if kind == 3:
        return f"  {name} = {plain}  ", plain
    return f"{name}={plain}\\\n{plain}", plain + plain


def an_env_file(pick: random.Random) -> int:
    names = ["DELIVERY_DISABLE", "A", "B_2", "LONG_NAME", "X"]
    lines, meant = [], {}
    for _n in range(pick.randrange(12)):
        kind = pick.random()
        if kind < 0.2:
            lines.append(
                pick.choice(("#", ";")) + "".join(pick.choices(PRINTABLE.replace("\\", ""), k=pick.randrange(30)))
            )
        elif kind < 0.3:
            lines.append("")
        else:
            name = pick.choice(names)
            line, meant[name] = assignment(pick, name)
            lines.append(line)
    content = "\n".join(lines).encode() + pick.choice((b"", b"\n"))
    assert _envfile.parse(content) == meant
    wanted = {name: pick.choice(("true", "false", "v 1", None)) for name in pick.sample(names, pick.randrange(1, 4))}
    edited = _envfile.edit(content, dict(wanted))
    became = _envfile.parse(edited)
    for name, value in wanted.items():
        assert _envfile.same(became.get(name), value), name
    assert {k: v for k, v in became.items() if k not in wanted} == {k: v for k, v in meant.items() if k not in wanted}
    assert _envfile.edit(edited, dict(wanted)) is edited
    foreign = [line for line in lines if line and not re.match(rf"\s*(?:{'|'.join(wanted)})\s*=", line)]
    assert [line for line in foreign if line.encode() not in (edited or b"")] == []
    # Whatever the bytes, what can be edited has the flag then.
    garbage = pick.randbytes(pick.randrange(60)) + content[: pick.randrange(len(content) + 1)]
    try:
        changed = _envfile.edit(garbage, {"DELIVERY_DISABLE": "true"})
    except ValueError:
        return 2
    assert _envfile.truthy(_envfile.parse(changed)["DELIVERY_DISABLE"])
    return 2


@pytest.mark.parametrize("part", range(PARTS))
def test_an_environment_file_has_what_was_set_and_keeps_the_rest(part: int) -> None:
    assert rounds(part, FILES, an_env_file) >= FILES // PARTS


# ---------------------------------------------------------------- redaction


def planted(pick: random.Random) -> tuple[str, str]:
    """Something that nobody may read, as it is written somewhere, and the part that must be gone."""
    digits = "".join(pick.choices("0123456789", k=8))
    secret = "".join(pick.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", k=24))
    blank = pick.choice(" \u00a0\u2009\u202f\u200b\u2011-")
    return pick.choice(
        (
            (f"55119{digits}", f"9{digits[:4]}"),
            (f"+55{blank}11{blank}9{digits[:4]}{blank}{digits[4:]}", f"9{digits[:4]}"),
            (f"+55 11 9{digits[:4]}-{digits[4:]}", f"9{digits[:4]}"),
            (f"(11) 9{digits[:4]}-{digits[4:]}", f"9{digits[:4]}"),
            (f"55119{digits}@s.whatsapp.net", f"9{digits[:4]}"),
            (f"postgresql://kumon:{secret}@db/kumon", secret),
            (f"api_key={secret}", secret),
            (f'"password": "{secret}"', secret),
            (f"Authorization: Bearer {secret}", secret),
            (f"EVOLUTION_API_KEY={secret}", secret),
        )
    )


def a_text(pick: random.Random) -> int:
    hidden = [planted(pick) for _n in range(pick.randrange(3))]
    words = [odd_text(pick, 40) for _n in range(pick.randrange(3))] + [f" {text} " for text, _gone in hidden]
    pick.shuffle(words)
    clean = redact("\n".join(words))
    for text, gone in hidden:
        assert gone not in clean, text
    assert redact(clean) == clean
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", clean)
    return 1


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_secret_is_gone_whatever_stands_around_it(part: int) -> None:
    assert rounds(part, TEXTS, a_text) >= TEXTS // PARTS


# ---------------------------------------------------------------- bodies


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
        answer = _http._parse("http://h/health", 200, "application/json", body, False)
        hook = _http._parse_hook("http://h/hook", 200, "application/json", body)
        assert (answer.kind in ("ok", "not_json"), hook.kind in ("ok", "not_json")) == (True, True)
        told = _said.refusal(hook.json)
        if says_no is not None:
            assert bool(told) is says_no, body
            assert (answer.kind, hook.kind) == ("ok", "ok")
    return asked


@pytest.mark.parametrize("part", range(PARTS))
def test_a_body_is_taken_at_its_word(part: int) -> None:
    assert rounds(part, BODIES, some_bodies) >= BODIES // PARTS
