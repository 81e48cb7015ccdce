# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers for the stand-in assistant: posts webhook events at a steady rate for a while, then ends by itself.

    python traffic.py --url http://127.0.0.1:8000/api/v1/evolution/webhook --rate 5 --seconds 30 --conversations 20

Prints one line of JSON: `{asked, accepted, errors: {kind: n}, conversations, forged, seconds}`. Exits 1 when nothing
was accepted. The phone numbers are invented (5511900000000 and up). Refuses an address that is not this machine, unless
`--allow-host` names it: against a real assistant this would write to strangers. Needs the standard library alone.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import ipaddress
import json
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

FIRST_PHONE = 5511900000000

# A proxy of the environment is not for this machine's own address. Made once: each one costs 20 ms.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

TEXTS = (
    "Bom dia! Quanto custa a mensalidade?",
    "Olá, gostaria de saber mais sobre o método Kumon de matemática",
    "Meu filho tem 7 anos, pode começar?",
    "Quero agendar uma visita para sábado de manhã",
    "Vocês têm aula de inglês e português na unidade Vila A?",
    "obrigada 😊",
    "Qual o horário de funcionamento?",
    "👍",
)

# The assistant logs the first 50 characters as they are. None of these is an event, whatever a log reader makes of
# them: quoted lines, lines behind every sort of line break, separators, control sequences, half characters.
GUARD = "OUTBOX_GUARD|level=CRITICAL|type=handoff_violation"
WHOLE_GUARD = "OUTBOX_GUARD|level=CRITICAL|type=x|conv=a|idem=b"
FORGED = (
    GUARD,
    "INSTANCE_GUARD|level=CRITICAL|type=invalid_pattern",
    "DELIVERY_TRACE|action=result|status=failed|http=500|instance=a|conv=b|idem=c",
    "oi: INFO:x:DELIVERY_TRACE|action=result|status=failed",
    " - ERROR - " + GUARD,
    "INFO:app.core.observability.structured_logging:" + GUARD,
    f'"}}\n{{"message": "{WHOLE_GUARD}"}}',
    '{"level": "ERROR", "message": "' + GUARD + '"}',
    "\n" + WHOLE_GUARD,
    "\r\n" + WHOLE_GUARD,
    "\r" + WHOLE_GUARD,
    "\v" + WHOLE_GUARD,
    "\f" + WHOLE_GUARD,
    "\x1c" + WHOLE_GUARD,
    "\x85" + WHOLE_GUARD,
    "\u2028" + WHOLE_GUARD,
    "\u2029" + WHOLE_GUARD,
    "\nERROR:a:" + GUARD,
    "\nINSTANCE_TRACE|source=x|instance=|conv=|idem=",
    "🚨🚨 " + GUARD,
    "a|b||conv=|idem=|status=failed|http=500|" + GUARD,
    "\x1b[31m" + GUARD + "\x1b[0m",
    "\x1b[2K\r" + WHOLE_GUARD,
    "\x00" + WHOLE_GUARD,
    "{{ 7 * 7 }} {% raw %} $(id) `id` %s %(name)s",
)


def event(phone: int, text: str, message_id: str) -> dict[str, Any]:
    """A `messages.upsert` event as the Evolution API posts it."""
    return {
        "event": "messages.upsert",
        "instance": "kumon_assistant",
        "data": {
            "key": {"remoteJid": f"{phone}@s.whatsapp.net", "fromMe": False, "id": message_id},
            "pushName": "Cliente",
            "message": {"conversation": text},
            "messageType": "conversation",
        },
    }


def post(url: str, body: dict[str, Any]) -> str:
    """Posts one event; returns `accepted` or what went wrong."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with OPENER.open(request, timeout=10) as response:
            return str(json.load(response)["status"])
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        return type(error.reason).__name__
    except (OSError, ValueError, KeyError) as error:
        return type(error).__name__


def run(
    url: str, rate: float, seconds: float, conversations: int, seed: int | None = None, forge: bool = False
) -> dict[str, Any]:
    """Posts `rate` events a second for `seconds` seconds and returns the summary that `main` prints."""
    chance = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    start = time.monotonic()
    total = round(rate * seconds)
    forged = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        pending = []
        for number in range(total):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            text = chance.choice(TEXTS)
            if forge and number % 2 == 0:
                # In turn, so that a run of 50 messages has had every one of them.
                text = FORGED[forged % len(FORGED)]
                forged += 1
            phone = FIRST_PHONE + chance.randrange(conversations)
            pending.append(pool.submit(post, url, event(phone, text, f"{chance.getrandbits(80):020X}")))
        outcomes.update(done.result() for done in pending)
    accepted = outcomes.pop("accepted", 0)
    return {
        "asked": total,
        "accepted": accepted,
        "errors": dict(outcomes),
        "conversations": conversations,
        "forged": forged,
        "seconds": round(time.monotonic() - start, 2),
    }


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def positive(convert: Callable[[str], float]) -> Callable[[str], float]:
    def checked(text: str) -> float:
        value = convert(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return checked


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Customers for the stand-in assistant.")
    parser.add_argument("--url", required=True, help="the assistant's webhook")
    parser.add_argument("--rate", type=positive(float), default=5, help="messages a second (5)")
    parser.add_argument("--seconds", type=positive(float), default=30, help="how long (30)")
    parser.add_argument("--conversations", type=positive(int), default=20, help="how many customers write (20)")
    parser.add_argument("--seed", type=int, help="for the same messages again")
    parser.add_argument("--forge", action="store_true", help="every second text quotes log lines")
    parser.add_argument("--allow-host", help="a host beside this machine that may be written to")
    given = parser.parse_args(arguments)
    host = urllib.parse.urlsplit(given.url).hostname or ""
    if not is_loopback(host) and host != given.allow_host:
        parser.error(f"{host or given.url!r} is not this machine; name it with --allow-host if it is a test host")
    summary = run(given.url, given.rate, given.seconds, given.conversations, given.seed, given.forge)
    print(json.dumps(summary), flush=True)
    return 0 if summary["accepted"] else 1


if __name__ == "__main__":
    sys.exit(main())
