# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to tell: what is wrong with the contacts, and what of them nobody may read back."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import _http
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

AUDIENCES = ("technical", "business")
LOCALES = ("pt_BR", "en")
CHANNELS = ("slack", "webhook", "email", "pagerduty", "apprise")
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
PROGRAMS = ("cloudevents", "pagerduty_change")
"""How programs are told of runs, as people are of incidents by the channels."""
PAGERDUTY_CHANGE = "https://events.pagerduty.com/v2/change/enqueue"

_THROUGH_GATEWAY = (
    "its messages would go through the assistant's Evolution API, which may be what fails: name another service"
)
_REFERENCE = re.compile(r"[!-~]{1,200}")
_APPRISE = re.compile(r"[A-Za-z][A-Za-z0-9+-]*://[^\s/]\S*")
_ADDRESS = re.compile(r"[^@\s<>,;:\"\\]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+|[^@\s<>,;:\"\\]+@localhost")


def contacts_problems(contacts: Any, smtp: Any = None, gateway: str = "") -> list[str]:
    """What is wrong with `runbook_contacts` and `runbook_smtp`, a sentence each; an empty list if nothing is.

    `gateway` is the Evolution API that the assistant uses, where it is known: nobody is told by what may be failing.
    """
    if not isinstance(contacts, dict) or not contacts:
        return [
            "runbook_contacts is empty: name whom to tell, as a mapping of technical and business to lists of tiers"
        ]
    problems = [
        f"runbook_contacts has the unknown audience {_shown(name)}; known are {' and '.join(AUDIENCES)}"
        for name in contacts
        if name not in AUDIENCES
    ]
    nobody = not any(_names_tiers(contacts, audience) for audience in AUDIENCES)
    for audience in AUDIENCES:
        tiers = contacts.get(audience)
        if not isinstance(tiers, list) or not tiers:
            # One audience alone can be told, but what is no list of tiers was meant to be one.
            if nobody or tiers:
                problems.append(f"runbook_contacts.{audience} has no tiers: name at least one person or group to tell")
            continue
        for number, tier in enumerate(tiers, 1):
            problems += _tier_problems(tier, f"runbook_contacts.{audience}, tier {number}", smtp, gateway)
    return problems


def programs_problems(programs: Any) -> list[str]:
    """What is wrong with `runbook_programs`, a sentence each; an empty list if nothing is."""
    if not isinstance(programs, list):
        return [f"runbook_programs is no list: name each program with its type, {' or '.join(PROGRAMS)}"]
    problems = []
    for number, program in enumerate(programs, 1):
        problem = _channel_problem(program, None, "", PROGRAMS)
        source = program.get("source", "kumon.runbook") if isinstance(program, dict) else ""
        if not problem and not (isinstance(source, str) and _REFERENCE.fullmatch(source)):
            problem = f"source is {_shown(source)}; it must be a URI or a part of one, without blanks"
        if problem:
            problems.append(f"runbook_programs, program {number}: {problem}")
    return problems


def contacts_warnings(contacts: Any) -> list[str]:
    """What contacts that can work leave out, a sentence each: an audience that nobody stands for."""
    named = [audience for audience in AUDIENCES if isinstance(contacts, dict) and _names_tiers(contacts, audience)]
    if not named:
        return []
    return [
        f"runbook_contacts.{audience} names nobody: only the {' and '.join(named)} side is told"
        for audience in AUDIENCES
        if audience not in named
    ]


def _names_tiers(contacts: dict[str, Any], audience: str) -> bool:
    tiers = contacts.get(audience)
    return isinstance(tiers, list) and bool(tiers)


def _tier_problems(tier: Any, where: str, smtp: Any, gateway: str) -> list[str]:
    if not isinstance(tier, dict):
        return [f"{where} is no mapping: it needs name and channels"]
    problems = []
    if not isinstance(tier.get("name"), str) or not tier["name"].strip():
        problems.append(f"{where} has no name")
    minutes = _number(tier.get("acknowledge_minutes", 15))
    # By what is no number (nan) or has no end nobody behind this tier would ever be told.
    if minutes is None or not 0 < minutes < math.inf:
        problems.append(
            f"{where}: acknowledge_minutes is {_shown(tier.get('acknowledge_minutes'))}; it must be above 0"
        )
    if tier.get("locale", "pt_BR") not in LOCALES:
        problems.append(f"{where}: locale is {_shown(tier.get('locale'))}; known are {' and '.join(LOCALES)}")
    channels = tier.get("channels")
    if not isinstance(channels, list) or not channels:
        return [*problems, f"{where} has no channels: name at least one of {', '.join(CHANNELS)}"]
    for position, channel in enumerate(channels, 1):
        problem = _channel_problem(channel, smtp, gateway)
        if problem:
            problems.append(f"{where}, channel {position}: {problem}")
    return problems


def _channel_problem(channel: Any, smtp: Any, gateway: str, known: Sequence[str] = CHANNELS) -> str | None:
    if not isinstance(channel, dict) or channel.get("type") not in known:
        kind = channel.get("type") if isinstance(channel, dict) else channel
        return f"the type {_shown(kind)} is unknown; known are {', '.join(known)}"
    kind = channel["type"]
    seconds = _number(channel.get("timeout", 10))
    if seconds is None or not 0 < seconds <= 60:
        return f"timeout is {_shown(channel.get('timeout'))}; it must be above 0 and at most 60 seconds"
    if kind == "email":
        return _recipients_problem(channel.get("to")) or _smtp_problem(smtp)
    if kind == "apprise":
        return _apprise_problem(channel.get("url"), gateway)
    headers = channel.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(text, str) for pair in headers.items() for text in pair):
        return "headers must be a mapping of texts; a number needs quotes"
    problem = _http.check_headers(headers)
    if problem:
        return f"headers cannot be sent: {problem}"
    services = {"pagerduty": PAGERDUTY, "pagerduty_change": PAGERDUTY_CHANGE}
    if kind in services and not (isinstance(channel.get("routing_key"), str) and channel["routing_key"]):
        return "routing_key is empty or no text: name the integration's key, in quotes"
    url = channel.get("url", services.get(kind))
    if not isinstance(url, str) or not url:
        return "url is empty"
    problem = _http.check_url(url)
    if problem:
        return f"url cannot be used: {problem}"
    return _THROUGH_GATEWAY if gateway and _is_of(url, gateway) else None


def _is_of(url: str, gateway: str) -> bool:
    """Whether an address is the gateway's own. Others may stand beside it at a proxy, and each host has a loopback."""
    if "/message/send" in url:
        return True
    place, path = _place(url), urlsplit(gateway).path.rstrip("/")
    mine = place is not None and place == _place(gateway) and place[0] not in ("localhost", "127.0.0.1", "::1")
    return mine and f"{urlsplit(url).path}/".startswith(f"{path}/")


def _apprise_problem(url: Any, gateway: str) -> str | None:
    """Whether the library knows the service is seen where it is: on the host that sends."""
    if not isinstance(url, str) or not _APPRISE.fullmatch(url):
        return "url is no address of apprise, such as tgram://TOKEN/CHAT"
    # An Evolution API has many addresses, so that another one may be the same.
    if url.partition(":")[0].lower() in ("evolution", "evolutions"):
        return "its messages would go through an Evolution API, which may be what fails: name another service"
    return _THROUGH_GATEWAY if gateway and _place(url) == _place(gateway) else None


def _place(url: str) -> tuple[str, int] | None:
    """Host and port that an address leads to; None where it says none."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme.endswith("s") else 80)
    except ValueError:
        return None
    return ((parts.hostname or "").lower(), port)


def _recipients_problem(to: Any) -> str | None:
    addresses = [to] if isinstance(to, str) else to
    if not isinstance(addresses, list) or not addresses:
        return "to is empty: name at least one e-mail address"
    for address in addresses:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            return f"{_shown(address)} is no e-mail address"
    return None


def _smtp_problem(smtp: Any) -> str | None:
    if not isinstance(smtp, dict) or not smtp.get("host"):
        return "e-mail needs runbook_smtp with host and sender"
    if not isinstance(smtp.get("sender"), str) or not _ADDRESS.fullmatch(smtp["sender"]):
        return f"runbook_smtp.sender ({_shown(smtp.get('sender'))}) is no e-mail address"
    if smtp.get("security", "starttls") not in ("starttls", "tls", "none"):
        return f"runbook_smtp.security is {_shown(smtp.get('security'))}; known are starttls, tls, none"
    if not all(isinstance(smtp.get(name, ""), str) for name in ("host", "username", "password")):
        return "runbook_smtp.host, username and password must be texts; a number needs quotes"
    port = _number(smtp.get("port", 25))
    if port is None or not 0 < port < 65536 or port != int(port):
        return f"runbook_smtp.port is {_shown(smtp.get('port'))}; it must be between 1 and 65535"
    return None


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(redact(str(value))[:40])


def secrets_of(contacts: Any, smtp: Any) -> set[str]:
    """What nobody may read back: a webhook's address is as good as a password."""
    secrets = {smtp.get("password")} if isinstance(smtp, dict) else set()
    for tiers in contacts.values() if isinstance(contacts, dict) else []:
        for tier in tiers if isinstance(tiers, list) else []:
            secrets |= secrets_of_channels(tier.get("channels") if isinstance(tier, dict) else None)
    return _worth_hiding(secrets)


def secrets_of_channels(channels: Any) -> set[str]:
    """The same of a list of channels, or of programs."""
    secrets: set[Any] = set()
    for channel in channels if isinstance(channels, list) else []:
        if isinstance(channel, dict):
            headers = channel.get("headers")
            secrets |= {channel[name] for name in ("url", "routing_key") if isinstance(channel.get(name), str)}
            secrets |= (
                {value for value in headers.values() if isinstance(value, str)} if isinstance(headers, dict) else set()
            )
    return _worth_hiding(secrets)


def _worth_hiding(secrets: set[Any]) -> set[str]:
    return {secret for secret in secrets if isinstance(secret, str) and len(secret) > 3}
