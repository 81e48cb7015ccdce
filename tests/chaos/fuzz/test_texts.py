# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that people may read: what is secret is gone from them."""

from __future__ import annotations

import json
import random
import re

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

from .rounds import asking, odd_text, rounds

SECONDS = 100
TEXTS = 200_000
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"


def phone(pick: random.Random) -> tuple[str, str]:
    """A phone number as it is written somewhere, and what of it may not be told: more than its last four digits."""
    digits = "".join(pick.choices("0123456789", k=8))
    first, last = digits[:4], digits[4:]
    local = f"{pick.choice('345')}{digits[1:4]}"
    blank = pick.choice(" \u00a0\u2009\u202f\u200b\u2011-")
    text, part = pick.choice(
        (
            (f"55119{digits}", f"9{first}"),
            (f"+55{blank}11{blank}9{first}{blank}{last}", f"9{first}"),
            (f"+55 11 9{first}-{last}", f"9{first}"),
            (f"0055119{digits}", f"9{first}"),
            (f"(11) 9{first}-{last}", f"9{first}"),
            (f"011 9{first}-{last}", f"9{first}"),
            (f"11 9 {first} {last}", f"9 {first}"),
            (f"9{first}-{last}", f"9{first}"),
            (f"9{digits}", f"9{first}"),
            (f"(11) {local}-{last}", f"{local}-"),
            (f"+55 11 {local} {last}", f"{local} {last[0]}"),
            (f"{local}-{last}", f"{local}-{last[0]}"),
            (f"tel {local} {last}", f"{local} {last[0]}"),
            (f"telefone: {local}{last}", f"{local}{last[0]}"),
            (f"55119{digits}@s.whatsapp.net", f"9{first}"),
            (f"55119{digits}:12@s.whatsapp.net", f"9{first}"),
        )
    )
    return text, part


def card_end(begun: str, more: str) -> str:
    """The last four digits of a payment card that begins so, with the check digit that it then has."""
    digits = [int(char) for char in begun + more + "0"]
    total = sum(digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits))
    return f"{more}{-total % 10}"


def person(pick: random.Random) -> tuple[str, str]:
    """A document's number, a mail address, or a code that people give."""
    a, b, c = ("".join(pick.choices("0123456789", k=3)) for _n in range(3))
    name = "".join(pick.choices(LETTERS, k=12))
    return pick.choice(
        (
            (f"CPF {a}.{b}.{c}-09", f"{a}.{b}"),
            (f"{a}{b}{c}-09", f"{a}{b}"),
            (f"{a} {b} {c} 09", f"{a} {b}"),
            (f"CNPJ 12.{a}.{b}/0001-95", f"{a}.{b}"),
            (f"RG 12.{a}.{b}-9", f"{a}.{b}"),
            (f"card 4111 1111 {a}0 {card_end('41111111' + a + '0', b)}", f"1111 {a}0"),
            (f"{name}@example.com.br", name),
            (f"mail={name}.x+y%40example.org", name),
            (f"código {a}{b}", f"{a}{b}"),
            (f"your code is {a}-{b}", f"{a}-{b}"),
            (f"otp {a} {b}", f"{a} {b}"),
            (f"pin = {a[:2]} {b[:2]} {c}", f"{b[:2]} {c}"),
        )
    )


def key(pick: random.Random) -> tuple[str, str]:
    """A secret by its name, its place or its looks; an address that is one."""
    secret = "".join(pick.choices(LETTERS + "23456789", k=24))
    short = "".join(pick.choices(LETTERS, k=10))
    return pick.choice(
        (
            (f"postgresql://kumon:{secret}@db/kumon", secret),
            (f"api_key={secret}", secret),
            (f'"password": "{secret}"', secret),
            (f"Authorization: Bearer {secret}", secret),
            (f"EVOLUTION_API_KEY={secret}", secret),
            (f'"DB_PASSWORD=two {secret}"', secret),
            (json.dumps({"name": "apikey", "value": secret}), secret),
            (f"https://api.telegram.org/bot123456:{short}/sendMessage", short),
            (f"https://discord.com/api/webhooks/1234/{short}", short),
            (f"https://discordapp.com/api/v10/webhooks/1234/{short}", short),
            (f"https://x.webhook.office.com/webhookb2/{short}/IncomingWebhook/a/b", short),
            (f"https://outlook.office.com/webhook/{short}", short),
            (f"https://prod-1.westus.logic.azure.com:443/workflows/{short}/triggers/manual/paths/invoke", short),
            (f"https://hooks.slack.com/services/T0/B0/{short}", short),
            (f"https://hooks.slack.com/triggers/T0/1/{short}", short),
            (f"https://ntfy.sh/{short}", short),
            (f"https://ntfy.example.org:8443/{short}", short),
            (f"https://gotify.example/message?token={short}", short),
            (f"https://chat.example/hooks/{short}", short),
            (f"https://chat.googleapis.com/v1/spaces/A/messages?key={short}&token={secret}", short),
            (f"https://hc-ping.com/{short}", short),
            (f"tgram://123456:{short}/1", short),
            (f"https://b.s3.amazonaws.com/x?X-Amz-Date=1&X-Amz-Signature={short}", short),
            (f"https://storage.googleapis.com/b/x?X-Goog-Credential={short}&X-Goog-Signature=a", short),
            (f"https://a.blob.core.windows.net/c?sv=2020&se=2026&sig={short}%3D", short),
        )
    )


def placed(pick: random.Random, text: str) -> str:
    """The text where it may stand: in a sentence, in brackets, as a field, in JSON, in JSON within JSON."""
    kind = pick.randrange(6)
    if kind == 0:
        return f"({text})"
    if kind == 1:
        return f"phase=x|text={text}|conv=c"
    if kind == 2:
        return json.dumps({"m": text, "n": 1})
    if kind == 3:
        return json.dumps({"m": json.dumps({"x": text}, ensure_ascii=False)})
    return f" {text} " if kind == 4 else f"a {text}, b."


def a_text(pick: random.Random) -> int:
    hidden = [pick.choice((phone, person, key))(pick) for _n in range(pick.randrange(3))]
    words = [odd_text(pick, 40) for _n in range(pick.randrange(3))] + [placed(pick, text) for text, _gone in hidden]
    pick.shuffle(words)
    clean = redact(asking("\n".join(words)))
    for text, gone in hidden:
        assert gone not in clean, text
    assert redact(clean) == clean
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", clean)
    return 1


def test_what_is_secret_is_gone_whatever_stands_around_it() -> None:
    assert rounds(TEXTS, a_text) >= TEXTS
