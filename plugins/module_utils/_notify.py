# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling people of an incident: who is due to be told what, the sending, and the state that outlives the run.

The state is one JSON file, `incident.json`: `{id, opened, closed, facts, texts, fingerprint, acknowledged: {by, time} |
null, messages: [{id, claimed, time, kind, audience, tier, channel, ok, detail, fingerprint}]}`. A message is claimed
there (`ok` null) before it is sent. A run that is killed in between leaves the claim, and the next one sends it again
under the same id, by which a receiver can drop it: at least once, never silently not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import smtplib
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _http
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when

AUDIENCES = ("technical", "business")
EVENTS = ("open", "update", "tick", "acknowledge", "close", "test")
KINDS = ("first", "update", "escalation", "acknowledged", "end", "test")
LOCALES = ("pt_BR", "en")
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"

# What is known only when a message is sent; a text holds these marks in its place.
MARK_ELAPSED, MARK_BY, MARK_TIER = "⟦elapsed⟧", "⟦by⟧", "⟦tier⟧"

_NAME = "incident.json"
_EARLY_SECONDS = 30
_STATE_SECONDS = 10
_ADDRESS = re.compile(r"[^@\s<>,;:\"\\]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+|[^@\s<>,;:\"\\]+@localhost")
_CHANNELS = ("slack", "webhook", "email", "pagerduty")


# ---------------------------------------------------------------- contacts


def contacts_problems(contacts: Any, smtp: Any = None) -> list[str]:
    """What is wrong with `runbook_contacts` and `runbook_smtp`, a sentence each; an empty list if nothing is."""
    if not isinstance(contacts, dict) or not contacts:
        return [
            "runbook_contacts is empty: name whom to tell, as a mapping of technical and business to lists of tiers"
        ]
    problems = [
        f"runbook_contacts has the unknown audience {_shown(name)}; known are {' and '.join(AUDIENCES)}"
        for name in contacts
        if name not in AUDIENCES
    ]
    for audience in AUDIENCES:
        tiers = contacts.get(audience)
        if not isinstance(tiers, list) or not tiers:
            problems.append(f"runbook_contacts.{audience} has no tiers: name at least one person or group to tell")
            continue
        for number, tier in enumerate(tiers, 1):
            problems += _tier_problems(tier, f"runbook_contacts.{audience}, tier {number}", smtp)
    return problems


def _tier_problems(tier: Any, where: str, smtp: Any) -> list[str]:
    if not isinstance(tier, dict):
        return [f"{where} is no mapping: it needs name and channels"]
    problems = []
    if not isinstance(tier.get("name"), str) or not tier["name"].strip():
        problems.append(f"{where} has no name")
    minutes = _number(tier.get("acknowledge_minutes", 15))
    if minutes is None or minutes <= 0:
        problems.append(
            f"{where}: acknowledge_minutes is {_shown(tier.get('acknowledge_minutes'))}; it must be above 0"
        )
    if tier.get("locale", "pt_BR") not in LOCALES:
        problems.append(f"{where}: locale is {_shown(tier.get('locale'))}; known are {' and '.join(LOCALES)}")
    channels = tier.get("channels")
    if not isinstance(channels, list) or not channels:
        return [*problems, f"{where} has no channels: name at least one of {', '.join(_CHANNELS)}"]
    for position, channel in enumerate(channels, 1):
        wrong = _channel_problem(channel, smtp)
        if wrong:
            problems.append(f"{where}, channel {position}: {wrong}")
    return problems


def _channel_problem(channel: Any, smtp: Any) -> str | None:
    if not isinstance(channel, dict) or channel.get("type") not in _CHANNELS:
        kind = channel.get("type") if isinstance(channel, dict) else channel
        return f"the type {_shown(kind)} is unknown; known are {', '.join(_CHANNELS)}"
    kind = channel["type"]
    seconds = _number(channel.get("timeout", 10))
    if seconds is None or not 0 < seconds <= 60:
        return f"timeout is {_shown(channel.get('timeout'))}; it must be above 0 and at most 60 seconds"
    if kind == "email":
        to = channel.get("to")
        to = [to] if isinstance(to, str) else to
        if not isinstance(to, list) or not to:
            return "to is empty: name at least one e-mail address"
        bad = [one for one in to if not isinstance(one, str) or not _ADDRESS.fullmatch(one)]
        if bad:
            return f"{_shown(bad[0])} is no e-mail address"
        return _smtp_problem(smtp)
    headers = channel.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(text, str) for pair in headers.items() for text in pair):
        return "headers must be a mapping of texts; a number needs quotes"
    if kind == "pagerduty" and not (isinstance(channel.get("routing_key"), str) and channel["routing_key"]):
        return "routing_key is empty or no text: name the integration's key, in quotes"
    url = channel.get("url", PAGERDUTY if kind == "pagerduty" else None)
    if not isinstance(url, str) or not url:
        return "url is empty"
    wrong = _http.check_url(url)
    return f"url cannot be used: {wrong}" if wrong else None


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
    if port is None or not 0 < port < 65536:
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
    found = [smtp.get("password")] if isinstance(smtp, dict) else []
    for tiers in contacts.values() if isinstance(contacts, dict) else []:
        for tier in tiers if isinstance(tiers, list) else []:
            channels = tier.get("channels") if isinstance(tier, dict) else None
            for channel in channels if isinstance(channels, list) else []:
                if isinstance(channel, dict):
                    headers = channel.get("headers")
                    found += [channel.get("url"), channel.get("routing_key")]
                    found += list(headers.values()) if isinstance(headers, dict) else []
    return {secret for secret in found if isinstance(secret, str) and len(secret) > 3}


# ---------------------------------------------------------------- what is due


def due(incident: dict[str, Any], contacts: dict[str, Any], every: float, now: float) -> list[dict[str, Any]]:
    """Who is due to be told what: `[{id, kind, audience, tier, channels, locale}, …]`. Pure.

    :param every: seconds after which those who were told are told again, also when nothing has changed
    :param now: seconds since the epoch
    """
    found = []
    for audience in AUDIENCES:
        tiers = contacts.get(audience) or []
        for number in range(_active(incident, audience, tiers, now)):
            kind = _kind_due(incident, audience, number, every, now)
            if kind:
                tier = tiers[number]
                found.append(
                    {
                        "id": _claimed_id(incident, audience, number, kind)
                        or _new_id(incident, audience, number, kind),
                        "kind": kind,
                        "audience": audience,
                        "tier": number + 1,
                        "name": tier["name"],
                        "channels": tier["channels"],
                        "locale": tier.get("locale"),
                    }
                )
    return found


def _sent(incident: dict[str, Any], audience: str, number: int) -> list[dict[str, Any]]:
    """What a tier was told, oldest first."""
    return [
        message
        for message in incident["messages"]
        if message["audience"] == audience and message["tier"] == number + 1 and message["ok"]
    ]


def _active(incident: dict[str, Any], audience: str, tiers: list[Any], now: float) -> int:
    """How many tiers of an audience are told: the next joins when the last did not acknowledge in its time."""
    active = 1 if tiers else 0
    while active < len(tiers):
        if _sent(incident, audience, active):
            active += 1
            continue
        if incident["acknowledged"] or incident["closed"]:
            break
        # From the first attempt on: a tier that cannot be told does not hold up the next one for longer.
        told = [
            message.get("claimed") or message["time"]
            for message in incident["messages"]
            if message["audience"] == audience and message["tier"] == active
        ]
        minutes = float(tiers[active - 1].get("acknowledge_minutes", 15))
        if not told or now - parse_when(told[0], now) < minutes * 60:
            break
        active += 1
    return active


def _kind_due(incident: dict[str, Any], audience: str, number: int, every: float, now: float) -> str | None:
    sent = _sent(incident, audience, number)
    kinds = {message["kind"] for message in sent}
    if incident["closed"]:
        # Who never heard of it need not hear that it is over.
        return "end" if sent and "end" not in kinds else None
    if not sent:
        return "first" if number == 0 else "escalation"
    if incident["acknowledged"] and "acknowledged" not in kinds:
        return "acknowledged"
    if sent[-1].get("fingerprint") != incident["fingerprint"]:
        return "update"
    # Who looks each minute must not find it a second too early, or every period would be a minute longer.
    passed = now - parse_when(sent[-1]["time"], now)
    return "update" if passed >= every - min(_EARLY_SECONDS, every / 10) else None


def _claimed_id(incident: dict[str, Any], audience: str, number: int, kind: str) -> str | None:
    """The id of a message that went nowhere, or of which that is not known; other news is another message."""
    for message in reversed(incident["messages"]):
        if (message["audience"], message["tier"]) == (audience, number + 1):
            same = message["kind"] == kind and message.get("fingerprint") == incident["fingerprint"]
            return message["id"] if same and not message["ok"] else None
    return None


def _new_id(incident: dict[str, Any], audience: str, number: int, kind: str) -> str:
    count = sum(1 for message in incident["messages"] if message["audience"] == audience)
    return f"{incident['id']}-{audience}-{number + 1}-{kind}-{count}"


# ---------------------------------------------------------------- state


def _empty(run_id: str, now: float) -> dict[str, Any]:
    return {
        "id": run_id,
        "opened": iso(now),
        "closed": None,
        "facts": {},
        "texts": {},
        "fingerprint": "",
        "acknowledged": None,
        "messages": [],
    }


def load(state_dir: str, warnings: list[str]) -> dict[str, Any] | None:
    """The incident of the state file, None without one. A file that cannot be read is kept aside, and said."""
    path = os.path.join(state_dir, _NAME)
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
        if not isinstance(found, dict) or not {"id", "opened", "messages", "facts"} <= set(found):
            raise ValueError("it is no incident")
        return {**_empty(found["id"], 0), **found}
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as exc:
        aside = f"{path}.broken-{int(time.time())}"
        os.replace(path, aside)
        warnings.append(f"{path} could not be read ({exc}); it was kept as {aside}, and the incident begins anew")
        return None


def save(state_dir: str, incident: dict[str, Any]) -> None:
    """Put the state in place whole; one of an earlier incident is kept under its own name."""
    path = os.path.join(state_dir, _NAME)
    handle, draft = tempfile.mkstemp(prefix=".incident-", dir=state_dir)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(incident, out, indent=1, sort_keys=True)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


@contextlib.contextmanager
def _alone(state_dir: str, name: str, seconds: float) -> Iterator[None]:
    """One run at a time: `.lock` for the state, which takes a moment, and `.sending`, so that nothing is sent twice."""
    handle = os.open(os.path.join(state_dir, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise Refused(
                        "another run is sending its messages; this one's news is noted, and the next run tells it"
                        if name == ".sending"
                        else "another run has the state of the messages; nothing was noted"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


# ---------------------------------------------------------------- the run


def run(
    params: dict[str, Any], check: bool, warnings: list[str], wall: Callable[[], float] = time.time
) -> dict[str, Any]:
    """Do what an event asks for: `{changed, incident, messages, sent, unsent, held_back}`. Raises Refused."""
    problems = contacts_problems(params["contacts"], params["smtp"])
    if problems:
        raise Refused(problems[0])
    if params["event"] == "acknowledge" and not (params["by"] or "").strip():
        raise Refused("who acknowledges is not named: set notify_by")
    if params["dry_run"]:
        # A drill must not look like news that was told: the real incident after it would be held back.
        params = {**params, "state_dir": os.path.join(params["state_dir"], "dry_run")}
    state_dir = params["state_dir"]
    if check:
        incident, held_back = _apply(load_quietly(state_dir), params, wall())
        planned = _planned(incident, params, wall())
        return _result(incident, [dict(_public(message), ok=None) for message in planned], held_back, False)
    try:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        return _run_alone(params, warnings, wall)
    except OSError as exc:
        where = exc.filename or state_dir
        raise Refused(f"{where} cannot be written ({exc.strerror}): set runbook_desk_dir") from exc


def load_quietly(state_dir: str) -> dict[str, Any] | None:
    try:
        with open(os.path.join(state_dir, _NAME), encoding="utf-8") as handle:
            found = json.load(handle)
        return {**_empty(found["id"], 0), **found}
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _note(params: dict[str, Any], warnings: list[str], now: float) -> tuple[dict[str, Any] | None, bool, bool]:
    """Put the event into the state, whoever is sending meanwhile: the incident, held back, changed."""
    state_dir = params["state_dir"]
    with _alone(state_dir, ".lock", _STATE_SECONDS):
        earlier = load(state_dir, warnings)
        incident, held_back = _apply(earlier, params, now)
        changed = incident != earlier
        # A test is no news, and leaves the incident that is open as it is.
        if incident is None or params["event"] == "test" or not changed:
            return incident, held_back, False
        if earlier is not None and earlier["id"] != incident["id"]:
            name = re.sub(r"[^A-Za-z0-9._-]", "_", str(earlier["id"]))[:80]
            os.replace(os.path.join(state_dir, _NAME), os.path.join(state_dir, f"incident-{name}.json"))
        save(state_dir, incident)
        return incident, held_back, True


def _claim_due(
    params: dict[str, Any], noted: dict[str, Any] | None, now: float
) -> tuple[dict[str, Any] | None, list[dict[str, Any]], list[dict[str, Any]]]:
    """The incident as it stands now, what is due, and the claim on each."""
    state_dir, test = params["state_dir"], params["event"] == "test"
    with _alone(state_dir, ".lock", _STATE_SECONDS):
        incident = noted if test else load(state_dir, [])
        planned = _planned(incident, params, now)
        claims = [_claim(incident, message, now) for message in planned] if incident is not None else []
        if incident is not None and claims and not test:
            save(state_dir, incident)
    return incident, planned, claims


def _note_outcomes(params: dict[str, Any], claims: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Put what became of the messages into the state, which another event may have changed since."""
    state_dir = params["state_dir"]
    with _alone(state_dir, ".lock", _STATE_SECONDS):
        incident = load(state_dir, [])
        if incident is None:
            return None
        ended = {claim["id"]: claim for claim in claims}
        incident["messages"] = [ended.get(entry["id"], entry) for entry in incident["messages"]]
        save(state_dir, incident)
        return incident


def _run_alone(params: dict[str, Any], warnings: list[str], wall: Callable[[], float]) -> dict[str, Any]:
    noted, held_back, changed = _note(params, warnings, wall())
    # Another run may be sending for as long as this one may.
    with _alone(params["state_dir"], ".sending", params["seconds"] + 5):
        incident, planned, claims = _claim_due(params, noted, wall())
        if incident is None:
            return _result(None, [], held_back, False)
        outcomes = _deliver(planned, incident, params, wall)
        for claim, outcome in zip(claims, outcomes):
            claim.update(outcome)
        test = params["event"] == "test"
        if claims and not test:
            incident = _note_outcomes(params, claims) or incident
    told = []
    for message, claim in zip(planned, claims):
        subject, text = _text(message, incident, params, wall())
        told.append({**_public(message), **claim, "subject": subject, "text": text})
    if params["dry_run"]:
        _write_outbox(params["state_dir"], told)
    return _result(None if test else incident, told, held_back, changed or bool(claims))


def _apply(incident: dict[str, Any] | None, params: dict[str, Any], now: float) -> tuple[dict[str, Any] | None, bool]:
    """The incident after the event, and whether the event told nothing new."""
    event = params["event"]
    incident = json.loads(json.dumps(incident))
    facts, texts = redact_data(params["facts"] or {}), redact_data(params["texts"] or {})
    print_ = hashlib.sha256(json.dumps(_stable(facts), sort_keys=True).encode()).hexdigest()[:16]
    if event == "test":
        return {**_empty(params["run_id"] or "test", now), "facts": facts, "texts": texts, "fingerprint": print_}, False
    if event == "open":
        if incident is None or incident["closed"]:
            incident = _empty(str(params["run_id"] or f"incident-{int(now)}"), now)
        return _with_news(incident, facts, texts, print_)
    if incident is None or (incident["closed"] and event != "close"):
        return incident, False
    if event == "update":
        return _with_news(incident, facts, texts, print_)
    if event == "acknowledge" and not incident["acknowledged"]:
        incident["acknowledged"] = {"by": redact(params["by"])[:80], "time": iso(now)}
    if event == "close" and not incident["closed"]:
        incident["closed"] = iso(now)
        if facts:
            incident.update(facts=facts, texts=texts, fingerprint=print_)
    return incident, False


def _with_news(incident: dict[str, Any], facts: dict, texts: dict, print_: str) -> tuple[dict[str, Any], bool]:
    held_back = bool(incident["messages"]) and incident["fingerprint"] == print_
    incident.update(facts=facts, texts=texts, fingerprint=print_)
    return incident, held_back


def _stable(facts: dict[str, Any]) -> dict[str, Any]:
    """What makes two facts the same news, whichever run tells them."""
    kept = {name: value for name, value in facts.items() if name not in ("run_id", "started", "seconds", "reasons")}
    # A count that has grown since is no other news.
    return {**kept, "headline": re.sub(r"[0-9]+(?:[.,][0-9]+)*", "#", str(facts.get("headline") or ""))}


def _planned(incident: dict[str, Any] | None, params: dict[str, Any], now: float) -> list[dict[str, Any]]:
    if incident is None:
        return []
    if params["event"] != "test":
        return due(incident, params["contacts"], params["every"], now)
    return [
        {
            "id": f"{incident['id']}-test-{audience}-{number}-{position}",
            "kind": "test",
            "audience": audience,
            "tier": number,
            "name": tier["name"],
            "channels": [channel],
            "locale": tier.get("locale"),
        }
        for audience in AUDIENCES
        for number, tier in enumerate(params["contacts"][audience], 1)
        for position, channel in enumerate(tier["channels"], 1)
    ]


def _public(message: dict[str, Any]) -> dict[str, Any]:
    kept = {name: message[name] for name in ("id", "kind", "audience", "tier", "name")}
    return {**redact_data(kept), "id": message["id"]}


def _claim(incident: dict[str, Any], message: dict[str, Any], now: float) -> dict[str, Any]:
    """Note in the state that a message is about to be sent; the same one again stays one entry."""
    for entry in incident["messages"]:
        if entry["id"] == message["id"] and not entry["ok"]:
            entry["ok"] = None
            return entry
    entry = {name: message[name] for name in ("id", "kind", "audience", "tier")}
    entry.update(claimed=iso(now), time=iso(now), channel=None, ok=None, detail="", fingerprint=incident["fingerprint"])
    incident["messages"].append(entry)
    return entry


def _result(
    incident: dict[str, Any] | None, messages: list[dict[str, Any]], held_back: bool, changed: bool
) -> dict[str, Any]:
    shown = None
    if incident is not None:
        hidden = ("texts", "fingerprint")
        shown = {name: value for name, value in incident.items() if name not in hidden}
    return {
        "changed": changed,
        "incident": shown,
        "messages": messages,
        "sent": sum(1 for message in messages if message["ok"]),
        "unsent": sum(1 for message in messages if message["ok"] is False),
        "held_back": held_back and not messages,
    }


def _text(message: dict[str, Any], incident: dict[str, Any], params: dict[str, Any], now: float) -> tuple[str, str]:
    """Subject and text of a message; the template's first line is the subject."""
    locale = message["locale"] or params["locale"]
    text = incident["texts"].get(message["audience"], {}).get(locale, {}).get(message["kind"]) or (
        f"{incident['id']}: {message['kind']}"
    )
    minutes = max(0, int((now - parse_when(incident["opened"], now)) // 60))
    by = (incident["acknowledged"] or {}).get("by", "-")
    for mark, value in ((MARK_ELAPSED, f"{minutes} min"), (MARK_BY, by), (MARK_TIER, str(message["tier"]))):
        text = text.replace(mark, value)
    subject, _line, body = redact(text).strip().partition("\n")
    return " ".join(subject.split())[:200], body.strip()


# ---------------------------------------------------------------- sending


def _deliver(
    planned: list[dict[str, Any]], incident: dict[str, Any], params: dict[str, Any], wall: Callable[[], float]
) -> list[dict[str, Any]]:
    """Send all at once; the outcome of each, `{ok, channel, detail, time}`. Takes no longer than `seconds`."""
    if params["dry_run"]:
        return [{"ok": True, "channel": "dry_run", "detail": "not sent", "time": iso(wall())} for _one in planned]
    end = time.monotonic() + params["seconds"]
    outcomes: list[dict[str, Any]] = [
        {"ok": False, "channel": None, "detail": f"no answer within {params['seconds']:g} s"} for _one in planned
    ]

    def work(position: int, message: dict[str, Any]) -> None:
        outcomes[position] = _send(message, _text(message, incident, params, wall()), incident, params, end)

    threads = [
        threading.Thread(target=work, args=(position, message), daemon=True) for position, message in enumerate(planned)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [dict(outcome, time=iso(wall())) for outcome in outcomes]


def _send(
    message: dict[str, Any], text: tuple[str, str], incident: dict[str, Any], params: dict[str, Any], end: float
) -> dict[str, Any]:
    """Try a tier's channels in their order until one has taken it; those marked `always` get it in any case."""
    taken, failures = None, []
    for position, channel in enumerate(message["channels"]):
        if taken and not channel.get("always"):
            continue
        # What hangs leaves those behind it their share of the time.
        share = (end - time.monotonic()) / (len(message["channels"]) - position)
        left = min(float(channel.get("timeout", 10)), share)
        if left <= 0:
            failures.append(f"{channel['type']}: no time left")
            continue
        attempt = functools.partial(_attempt, channel, message, text, incident, params, left)
        try:
            wrong = _http.within(left, attempt)
        except TimeoutError as exc:
            wrong = str(exc)
        if wrong is None or isinstance(wrong, _Partly):
            taken = taken or channel["type"]
        if wrong is not None:
            failures.append(f"{channel['type']}: {redact(wrong)[:200]}")
    return {"ok": taken is not None, "channel": taken, "detail": "; ".join(failures)}


class _Partly(str):
    """What was wrong although some have it; to send it again would flood them."""


def _attempt(channel: dict, *what: Any) -> str | None:
    """Why a channel did not take the message, None if it did; whatever it does, the next one is tried."""
    try:
        return _SENDERS[channel["type"]](channel, *what)
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"


def _slack(channel: dict, message: dict, text: tuple, _incident: dict, _params: dict, left: float) -> str | None:
    # Without these three characters there is neither a link nor a mention in it.
    whole = f"*{text[0]}*\n{text[1]}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    answer = _http.post_hook(channel["url"], {"text": whole}, left, channel.get("headers"))
    if answer.kind != "ok":
        return f"{answer.detail} {_said(answer)}".strip()
    refused = isinstance(answer.json, dict) and (answer.json.get("ok") is False or answer.json.get("success") is False)
    if refused or (isinstance(answer.json, str) and answer.json.lower() not in ("ok", "")):
        return f"{answer.detail}, but it says {_said(answer)}"
    return None


def _webhook(channel: dict, message: dict, text: tuple, incident: dict, params: dict, left: float) -> str | None:
    data = {
        "id": message["id"],
        "incident": incident["id"],
        "kind": message["kind"],
        "audience": message["audience"],
        "tier": message["tier"],
        "subject": text[0],
        "text": text[1],
        "facts": incident["facts"],
    }
    headers = {"Idempotency-Key": message["id"], **(channel.get("headers") or {})}
    answer = _http.post_hook(channel["url"], data, left, headers)
    return None if answer.kind == "ok" else f"{answer.detail} {_said(answer)}".strip()


def _pagerduty(channel: dict, message: dict, text: tuple, incident: dict, _params: dict, left: float) -> str | None:
    action = {"end": "resolve", "acknowledged": "acknowledge"}.get(message["kind"], "trigger")
    data = {
        "routing_key": channel["routing_key"],
        "event_action": action,
        # A test must not be taken for the incident, nor stay open beside it.
        "dedup_key": message["id"] if message["kind"] == "test" else f"kumon-runbook-{incident['id']}",
        "payload": {
            "summary": text[0],
            "source": "kumon.runbook",
            "severity": "info" if message["kind"] == "test" else "critical",
            "custom_details": {"text": text[1], **incident["facts"]},
        },
    }
    answer = _http.post_hook(channel.get("url", PAGERDUTY), data, left, channel.get("headers"))
    return None if answer.kind == "ok" and answer.status == 202 else f"{answer.detail} {_said(answer)}".strip()


def _said(answer: _http.Answer) -> str:
    said = answer.json if isinstance(answer.json, str) else json.dumps(answer.json) if answer.json else ""
    return redact(said)[:100]


def _email(channel: dict, message: dict, text: tuple, incident: dict, params: dict, left: float) -> str | None:
    smtp = params["smtp"]
    mail = EmailMessage()
    mail["Subject"] = text[0]
    mail["From"] = smtp["sender"]
    to = channel["to"] if isinstance(channel["to"], list) else [channel["to"]]
    mail["To"] = ", ".join(to)
    mail["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9.-]', '-', message['id'])}@kumon.runbook>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text[1] or text[0])
    security = smtp.get("security", "starttls")
    port = int(smtp.get("port") or {"tls": 465, "starttls": 587}.get(security, 25))
    context = ssl.create_default_context()
    try:
        if security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(smtp["host"], port, timeout=left, context=context)
        else:
            server = smtplib.SMTP(smtp["host"], port, timeout=left)
        with server:
            if security == "starttls":
                server.starttls(context=context)
            if smtp.get("username"):
                server.login(smtp["username"], smtp.get("password", ""))
            refused = server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as exc:
        code, said = next(iter(exc.recipients.values()))
        return f"the recipient is refused: {code} {said.decode('utf-8', 'replace')}"
    except smtplib.SMTPResponseException as exc:
        error = exc.smtp_error
        why = error.decode("utf-8", "replace") if isinstance(error, bytes) else str(error)
        return f"the mail server refuses: {exc.smtp_code} {why}"
    except (socket.timeout, TimeoutError):
        return f"the mail server gives no answer within {left:.1f} s"
    except (OSError, smtplib.SMTPException) as exc:
        return f"the mail server cannot be used: {exc}"
    return _Partly(f"refused for {len(refused)} of {len(to)} recipients") if refused else None


_SENDERS: dict[str, Callable[[dict, dict, tuple, dict, dict, float], str | None]] = {
    "slack": _slack,
    "webhook": _webhook,
    "pagerduty": _pagerduty,
    "email": _email,
}


def _write_outbox(state_dir: str, told: list[dict[str, Any]]) -> None:
    """What would have gone out, each as a file."""
    outbox = os.path.join(state_dir, "outbox")
    os.makedirs(outbox, mode=0o700, exist_ok=True)
    for message in told:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", message["id"])[:150]
        with open(os.path.join(outbox, f"{name}.txt"), "w", encoding="utf-8") as out:
            out.write(f"{message['subject']}\n\n{message['text']}\n")
