# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending a message: Slack-compatible and JSON webhooks, PagerDuty-style events, e-mail, and what apprise knows."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import smtplib
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from email.policy import default as mail_policy
from email.utils import formatdate
from typing import Any, NamedTuple, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils import _body, _bounded, _http
from ansible_collections.kumon.runbook.plugins.module_utils._contacts import PAGERDUTY, PAGERDUTY_CHANGE
from ansible_collections.kumon.runbook.plugins.module_utils._due import DueMessage
from ansible_collections.kumon.runbook.plugins.module_utils._message_text import Text
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

Channel = Mapping[str, Any]

_SHORTEST_PAUSE = 0.5


class Letter(NamedTuple):
    """A message with all that a channel needs to send it."""

    message: DueMessage
    text: Text
    incident_id: str
    facts: Mapping[str, Any]
    smtp: Mapping[str, Any]


class Outcome(TypedDict):
    """What became of a message: which channel has taken it, and what each one that failed answered."""

    ok: bool
    channel: str | None
    detail: str


class _Partly(str):
    """What went wrong although some have it; to send it again would flood them."""


def deliver(letters: Sequence[Letter], seconds: float) -> list[Outcome]:
    """Send all at once, in no more than `seconds`; the outcome of each."""
    end = time.monotonic() + seconds
    outcomes: list[Outcome] = [
        {"ok": False, "channel": None, "detail": f"no answer within {seconds:g} s"} for _letter in letters
    ]

    def work(position: int, letter: Letter) -> None:
        outcomes[position] = _send(letter, end)

    threads = [
        threading.Thread(target=work, args=(position, letter), daemon=True) for position, letter in enumerate(letters)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    # A thread that is late must not change what has been noted.
    return list(outcomes)


def _send(letter: Letter, end: float) -> Outcome:
    """Try a tier's channels in their order until one has taken it; those marked `always` get it in any case."""
    channels = letter.message["channels"]
    taken, failures = None, []
    for position, channel in enumerate(channels):
        if taken and not channel.get("always"):
            continue
        # What hangs leaves those behind it their share of the time.
        share = (end - time.monotonic()) / (len(channels) - position)
        seconds = min(float(channel.get("timeout", 10)), share)
        if seconds <= 0:
            failures.append(f"{channel['type']}: no time left")
            continue
        try:
            failure = _http.within(seconds, functools.partial(_attempt, channel, letter, seconds))
        except TimeoutError as error:
            failure = str(error)
        if failure is None or isinstance(failure, _Partly):
            taken = taken or channel["type"]
        if failure is not None:
            failures.append(f"{channel['type']}: {redact(failure)[:200]}")
    return {"ok": taken is not None, "channel": taken, "detail": "; ".join(failures)}


def _attempt(channel: Channel, letter: Letter, seconds: float) -> str | None:
    """Why a channel did not take the message, None if it did; whatever it does, the next one is tried."""
    try:
        return _SENDERS[channel["type"]](channel, letter, seconds)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _slack(channel: Channel, letter: Letter, seconds: float) -> str | None:
    # Without these three characters there is neither a link nor a mention in it.
    text = f"*{letter.text.subject}*\n{letter.text.body}"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    answer = _post(channel["url"], {"text": text}, seconds, channel.get("headers"))
    # Slack says ok; what takes its messages for others may say accepted. Any other word is the name of an error.
    if answer.kind == "ok" and isinstance(answer.json, str) and answer.json.lower() not in ("ok", "accepted", ""):
        return f"{answer.detail}, but it says {_quote(answer)}"
    return _refusal(answer)


def _webhook(channel: Channel, letter: Letter, seconds: float) -> str | None:
    message = letter.message
    data = {
        "id": message["id"],
        "incident": letter.incident_id,
        "kind": message["kind"],
        "audience": message["audience"],
        "tier": message["tier"],
        "subject": letter.text.subject,
        "text": letter.text.body,
        "facts": letter.facts,
    }
    headers = {"Idempotency-Key": message["id"], **(channel.get("headers") or {})}
    return _refusal(_post(channel["url"], data, seconds, headers))


def _pagerduty(channel: Channel, letter: Letter, seconds: float) -> str | None:
    message = letter.message
    test = message["kind"] == "test"
    data = {
        "routing_key": channel["routing_key"],
        "event_action": {"end": "resolve", "acknowledged": "acknowledge"}.get(message["kind"], "trigger"),
        # A test must not be taken for the incident, nor stay open beside it.
        "dedup_key": message["id"] if test else f"kumon-runbook-{letter.incident_id}",
        "payload": {
            "summary": letter.text.subject,
            "source": "kumon.runbook",
            "severity": "info" if test else "critical",
            "custom_details": {"text": letter.text.body, **letter.facts},
        },
    }
    return _taken(_post(channel.get("url", PAGERDUTY), data, seconds, channel.get("headers")))


def _taken(answer: _http.Answer) -> str | None:
    """Why PagerDuty has not taken an event, None if it has."""
    if answer.kind == "ok" and answer.status != 202:
        return f"{answer.detail} {_quote(answer)}".strip()
    return _refusal(answer)


def _cloudevents(channel: Channel, letter: Letter, seconds: float) -> str | None:
    """As CloudEvents 1.0 in structured mode: the event and what it is about in one JSON object."""
    facts = letter.facts
    data = {
        "specversion": "1.0",
        "id": letter.message["id"],
        "source": channel.get("source", "kumon.runbook"),
        "type": f"kumon.runbook.{letter.message['kind']}",
        "subject": facts["subject"],
        "time": facts["time"],
        "datacontenttype": "application/json",
        "data": facts["data"],
    }
    headers = {**(channel.get("headers") or {}), "Content-Type": "application/cloudevents+json; charset=utf-8"}
    return _refusal(_post(channel["url"], data, seconds, headers))


def _pagerduty_change(channel: Channel, letter: Letter, seconds: float) -> str | None:
    """As a change of PagerDuty, which stands beside the incidents and alarms nobody; a verdict changes nothing."""
    if letter.message["kind"] != "act":
        return None
    facts = letter.facts
    data = {
        "routing_key": channel["routing_key"],
        "payload": {
            "summary": facts["summary"],
            "source": channel.get("source", "kumon.runbook"),
            "timestamp": facts["time"],
            "custom_details": facts["data"],
        },
    }
    return _taken(_post(channel.get("url", PAGERDUTY_CHANGE), data, seconds, channel.get("headers")))


def _post(url: str, data: Any, seconds: float, headers: Mapping[str, str] | None) -> _http.Answer:
    """Post, and once more after the pause that the server asks for, as long as there is time for both."""
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        answer = _http.post_hook(url, data, left, dict(headers or {}))
        pause = answer.retry_after
        # A server that says 0 and means later is not asked without a pause.
        pause = None if pause is None else max(pause, _SHORTEST_PAUSE)
        if pause is None or pause + _SHORTEST_PAUSE > end - time.monotonic():
            return answer
        time.sleep(pause)


def _refusal(answer: _http.Answer) -> str | None:
    """Why an answer means that nobody was told, None when it does not; a good status with a bad body does."""
    if answer.kind != "ok":
        return f"{answer.detail} {_quote(answer)}".strip()
    refused = _body.refusal(answer.json)
    return f"{answer.detail}, but it says {refused}" if refused else None


def _quote(answer: _http.Answer) -> str:
    body = answer.json if isinstance(answer.json, str) else json.dumps(answer.json) if answer.json else ""
    # To redact all of a long one takes seconds, which are those of the next channel.
    return redact(body[:400])[:100]


def _email(channel: Channel, letter: Letter, seconds: float) -> str | None:
    smtp = letter.smtp
    recipients = channel["to"] if isinstance(channel["to"], list) else [channel["to"]]
    # Not every server takes more than ASCII, and who does not may make something else of it.
    mail = EmailMessage(mail_policy.clone(cte_type="7bit"))
    mail["Subject"] = letter.text.subject
    mail["From"] = smtp["sender"]
    mail["To"] = ", ".join(recipients)
    # Servers refuse mail without it, or take it for spam.
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9.-]', '-', letter.message['id'])}@kumon.runbook>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text.body or letter.text.subject)
    try:
        refused = _hand_over(mail, recipients, smtp, seconds)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        return f"the recipient is refused: {code} {reason.decode('utf-8', 'replace')}"
    except smtplib.SMTPResponseException as error:
        answer = error.smtp_error
        sentence = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
        return f"the mail server refuses: {error.smtp_code} {sentence}"
    except (socket.timeout, TimeoutError):
        return f"the mail server gives no answer within {seconds:.1f} s"
    except (OSError, smtplib.SMTPException) as error:
        return f"the mail server cannot be used: {error}"
    return _Partly(f"refused for {refused} of {len(recipients)} recipients") if refused else None


def _hand_over(mail: EmailMessage, recipients: Sequence[str], smtp: Mapping[str, Any], seconds: float) -> int:
    """Give a mail to the server; how many recipients it refused while it took others."""
    security = smtp.get("security", "starttls")
    port = int(float(smtp.get("port") or {"tls": 465, "starttls": 587}.get(security, 25)))
    context = ssl.create_default_context()
    if security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(smtp["host"], port, timeout=seconds, context=context)
    else:
        server = smtplib.SMTP(smtp["host"], port, timeout=seconds)
    try:
        if security == "starttls":
            server.starttls(context=context)
        if smtp.get("username"):
            server.login(smtp["username"], smtp.get("password", ""))
        server.ehlo_or_helo_if_needed()
        # Where it has no letters beyond ASCII in addresses, the library would send to nobody.
        foreign = [] if server.has_extn("smtputf8") else [to for to in recipients if not to.isascii()]
        if 0 < len(foreign) < len(recipients):
            mail.replace_header("To", ", ".join(to for to in recipients if to.isascii()))
        refused = len(server.send_message(mail)) + len(foreign)
        # It has the mail: what it answers to the farewell, and how late, is not waited for and takes nothing back.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.putcmd("quit")
        return refused
    finally:
        server.close()


# The library works in threads that its process waits for, so it has a process of its own, which can be ended. The
# address comes by stdin, for it is a secret. What the exits mean is below; why goes to stderr.
_BY_APPRISE = """
import json, logging, os, sys
if sys.path[0] == "":
    del sys.path[0]
url, title, body, kind = json.load(sys.stdin)
logging.basicConfig(level=logging.WARNING, format="%(message)s")
try:
    import apprise
except ImportError as error:
    print(error, file=sys.stderr, flush=True)
    os._exit(3)
services = apprise.Apprise()
if not services.add(url):
    os._exit(4)
taken = services.notify(title=title, body=body, notify_type=kind, body_format="text")
sys.stderr.flush()
os._exit(0 if taken else 5)
"""
_BY_APPRISE_FAILED = {
    3: "the library apprise is not on the host that sends, pip install apprise there",
    4: "apprise knows no service of this address",
    5: "the service did not take it",
}


def _apprise(channel: Channel, letter: Letter, seconds: float) -> str | None:
    """By the library apprise, where the host that sends has it; as text, so that it writes out a service's markup."""
    kind = {"end": "success", "test": "info", "acknowledged": "info"}.get(letter.message["kind"], "failure")
    given = [channel["url"], letter.text.subject, letter.text.body or letter.text.subject, kind]
    # Ended before nobody waits for it any more.
    run = _bounded.run([sys.executable, "-c", _BY_APPRISE], 0.95 * seconds, json.dumps(given))
    if run.rc == 124:
        return f"no answer within {seconds:.1f} s"
    if not run.rc:
        return None
    failure = _BY_APPRISE_FAILED.get(run.rc, f"apprise ended with {run.rc}")
    error = _without(channel["url"], " ".join(run.err.split()))[-150:]
    return f"{failure} ({error})" if error else failure


def _without(url: str, text: str) -> str:
    """A text without any part of an address: most of them are keys."""
    parts = re.split(r"[^A-Za-z0-9_.-]+", url.partition("://")[2])
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "***") if len(part) > 3 else text
    return text


_SENDERS: dict[str, Callable[[Channel, Letter, float], str | None]] = {
    "slack": _slack,
    "webhook": _webhook,
    "pagerduty": _pagerduty,
    "email": _email,
    "apprise": _apprise,
    "cloudevents": _cloudevents,
    "pagerduty_change": _pagerduty_change,
}
