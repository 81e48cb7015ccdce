# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Evolution API, versions 1 and 2: whether it can deliver.

Checks run in the order of `CHECKS` and the first that fails stops those behind it, which then are unknown. Nothing that
the server says is passed on but the few values that are named here; instances are listed with their tokens.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import _body, _http
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, shown

CHECKS = ("reachable", "api", "licence", "key", "instance", "state", "agreement", "webhook", "probe")
GATEWAY_SPEC: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "instance": {"type": "str", "required": True},
    "api_key": {"type": "str", "no_log": True, "default": ""},
    "samples": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 0.5},
    "timeout": {"type": "float", "default": 10},
}
"""What both modules take."""

STATES = ("open", "connecting", "close", "refused")
"""Those that servers are known to have; another one that a server names is told as it is."""

MESSAGE_EVENT = "MESSAGES_UPSERT"

_ROOT_SECONDS = 3.0  # from 2.3.6 on `GET /` asks WhatsApp's site first; the version is not worth waiting for
_PROBE_TEXT = "kumon.runbook: teste de entrega, por favor ignore / delivery test, please ignore"

Ask = Callable[..., _http.Answer]


class Listed(dict[str, Any]):
    """The server's instances by their names; `partial` when its list was too long to be read whole."""

    partial = False


class Gateway:
    """One server and instance, asked within one limit in seconds for all of it."""

    def __init__(self, params: dict[str, Any], host: Host, ask: Ask = _http.request_json) -> None:
        wrong = _http.check_url(params["url"])
        if wrong:
            raise Refused(f"url cannot be used: {wrong}")
        if not params["instance"]:
            raise Refused("instance is empty: name the WhatsApp instance")
        self.instance = params["instance"]
        self._base = params["url"].rstrip("/")
        self._key = params.get("api_key") or ""
        wrong = _http.check_headers({"apikey": self._key})
        if wrong:
            raise Refused(f"api_key cannot be sent: {wrong}; set runbook_evolution_api_key")
        self._host, self._ask = host, ask
        self._end: float = host.clock() + params["timeout"]
        self.version: str | None = None
        self.major: int | None = None

    def left(self) -> float:
        return self._end - self._host.clock()

    def pause(self, seconds: float) -> None:
        if seconds < self.left():
            self._host.sleep(seconds)

    def call(self, method: str, path: str, data: Any = None, limit: float | None = None) -> _http.Answer:
        left = self.left()
        if left < 0.05:
            url = shown(self._base + path)
            return _http.Answer(url, "no_answer", None, {}, "the time for this call was used up")
        headers = {"apikey": self._key} if self._key and path != "/" else {}
        answer = self._ask(method, self._base + path, min(left, limit or left), data, headers)
        pause = answer.retry_after
        if pause is None or pause + 0.5 > self.left():
            return answer
        # The server wants a pause, and there is time for it. Asked once more, so that it is not asked for ever.
        self._host.sleep(max(pause, 0.1))
        return self._ask(method, self._base + path, min(self.left(), limit or self.left()), data, headers)

    def named(self, path: str) -> str:
        return f"{path}/{quote(self.instance, safe='')}"

    def read_version(self) -> _http.Answer:
        answer = self.call("GET", "/", limit=_ROOT_SECONDS)
        version = answer.json.get("version") if answer.kind == "ok" and isinstance(answer.json, dict) else None
        if isinstance(version, str) and version[:1].isdigit():
            self.version = redact(version)[:20]
            self.major = 1 if version.startswith("1.") else 2
        return answer

    def state(self) -> str:
        """One sample of the state: one of `STATES` or what the server calls it, `absent` (the key is missing) or
        `unknown` (the server does not tell)."""
        answer = self.call("GET", self.named("/instance/connectionState"))
        present = answer.json.get("instance") if answer.kind == "ok" and isinstance(answer.json, dict) else None
        if not isinstance(present, dict):
            return "unknown"
        named = present.get("instanceName")
        if isinstance(named, str) and named != self.instance:
            return "unknown"  # it is another one's
        return named_state(present.get("state", "absent")) or "unknown"


def named_state(told: Any) -> str | None:
    """A state as a server names it, short and without surprises; None where it names none."""
    words = " ".join(told.casefold().split()) if isinstance(told, str) else ""
    return redact(words)[:40] or None


def message_of(answer: _http.Answer) -> str:
    """What an error says: its message is a text (401), a list (404) or a list in a list (400)."""
    body = answer.json if isinstance(answer.json, dict) else {}
    response = body.get("response")
    reason = response.get("message") if isinstance(response, dict) else body.get("message")
    while isinstance(reason, list) and reason:
        reason = reason[0]
    if isinstance(reason, dict) and reason.get("exists") is False:
        return "the number is not on WhatsApp"
    return redact(str(reason))[:200] if reason else answer.detail


def inspect(params: dict[str, Any], host: Host, ask: Ask = _http.request_json) -> dict[str, Any]:
    """`evolution` as the module documents it. Raises Refused for bad input."""
    check_numbers(params, "timeout", "interval")
    begun = host.clock()
    gateway = Gateway(params, host, ask)
    report: dict[str, Any] = {
        **dict.fromkeys(("reachable", "licensed", "key_valid", "exists", "near_match", "webhook", "probe")),
        "state": "unknown",
        "samples": [],
        "disconnection": None,
        "findings": [],
    }
    passed = _run_checks(gateway, report, params)
    report["version"], report["major"] = gateway.version, gateway.major
    report["unknown"] = [check for check in _asked(params) if check not in passed and not _has(report, check)]
    report["healthy"] = False if report["findings"] else None if report["unknown"] else True
    report["seconds"] = round(host.clock() - begun, 3)
    return report


def check_numbers(params: dict[str, Any], *names: str) -> None:
    if params["samples"] < 1:
        raise Refused(f"samples is {params['samples']}; it must be 1 or more")
    for name in names:
        if params[name] < 0:
            raise Refused(f"{name} is {params[name]:g}; it must not be negative")


def _asked(params: dict[str, Any]) -> list[str]:
    optional = {"webhook": params.get("webhook_url"), "probe": params.get("probe_phone")}
    return [check for check in CHECKS if optional.get(check, True)]


def _has(report: dict[str, Any], check: str) -> bool:
    return any(finding["check"] == check for finding in report["findings"])


def _finding(report: dict[str, Any], check: str, message: str, reason: Detail) -> None:
    """Note what a check found wrong, in English, and as what people are told in their language."""
    fields = {name: redact(value) if isinstance(value, str) else value for name, value in reason["fields"].items()}
    reason = {"code": reason["code"], "fields": fields}
    report["findings"].append({"check": check, "message": redact(message), "reason": reason})


def _run_checks(gateway: Gateway, report: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """Run the checks in their order; return those that passed."""
    passed = []
    listed = Listed()
    steps: dict[str, Callable[[], bool]] = {
        "reachable": lambda: _check_server(gateway, report, listed) or _has(report, "api"),
        "api": lambda: not _has(report, "api"),
        "licence": lambda: not _has(report, "licence"),
        "key": lambda: not _has(report, "key") and report["key_valid"] is True,
        "instance": lambda: _check_instance(gateway, report, listed),
        "state": lambda: _check_state(gateway, report, params),
        "agreement": lambda: _check_agreement(gateway, report, listed),
        "webhook": lambda: _check_webhook(gateway, report, params),
        "probe": lambda: _check_probe(gateway, report, params),
    }
    for check in _asked(params):
        if not steps[check]():
            # `open` in the list of an instance that is not is worth knowing; the rest needs an instance that works.
            if check == "state":
                _check_agreement(gateway, report, listed)
            # A disagreement and a wrong webhook say nothing of each other, and neither keeps a probe from being sent.
            if check not in ("agreement", "webhook"):
                break
        else:
            passed.append(check)
    return passed


def hook_in(answer: _http.Answer) -> dict[str, Any] | None:
    """The webhook in an answer, empty where there is none; None where the answer does not tell."""
    if answer.kind != "ok":
        return None
    body = answer.json
    if isinstance(body, list) and len(body) < 2:
        body = body[0] if body else None
    if isinstance(body, dict) and "webhook" in body and "url" not in body:
        body = body["webhook"]
    if body is None or body == {}:
        return {}
    return body if isinstance(body, dict) and {"url", "enabled"} & set(body) else None


def _check_server(gateway: Gateway, report: dict[str, Any], listed: Listed) -> bool:
    """Reachable, licensed, and whether the key is right: the list of instances tells all three."""
    root = gateway.read_version()
    answer = gateway.call("GET", "/instance/fetchInstances")
    if answer.detail.startswith(_http.TOO_LONG):
        # More instances than fit into one answer: it is asked for the one that counts.
        answer = gateway.call("GET", f"/instance/fetchInstances?instanceName={quote(gateway.instance, safe='')}")
        listed.partial = True
        body = answer.json if isinstance(answer.json, dict) else {}
        if answer.kind == "not_found" and isinstance(body.get("response"), dict):
            answer = answer._replace(kind="ok", json=[])
    where = urlsplit(answer.url).netloc.rpartition("@")[2]
    if answer.detail == _http.UNTRUSTED:
        # Somebody answers, and who else trusts it may well get on with it.
        message = f"What answers at {where} cannot be trusted: {answer.detail}; add its authority to this host's own."
        _finding(report, "api", message, detail("gateway_untrusted", where=where, why=answer.detail))
        return False
    if answer.status is None:
        report["reachable"] = root.status is not None
        told = f"The Evolution API at {where} gives no answer: {answer.detail}"
        message = f"{told}; if it is up, check runbook_evolution_url."
        _finding(report, "reachable", message, detail("gateway_silent", where=where, why=answer.detail))
        return False
    report["reachable"] = True
    body = answer.json if isinstance(answer.json, dict) else {}
    if answer.status == 503 and body.get("code") == "LICENSE_REQUIRED":
        report["licensed"] = False
        message = "The Evolution API has no licence (503 LICENSE_REQUIRED): activate it."
        _finding(report, "licence", message, detail("gateway_unlicensed"))
        return True
    if answer.status in (401, 403) and answer.kind == "error":
        report["licensed"] = True
        # An instance's own key may list nothing and still do all that the instance can.
        report["key_valid"] = bool(gateway._key) and gateway.state() != "unknown"
        if report["key_valid"]:
            listed[gateway.instance] = {}
            return True
        if gateway._key:
            why, reason = "The API key is refused", detail("key_refused", http=answer.status)
        else:
            why, reason = "No API key is given", detail("key_missing", http=answer.status)
        message = f"{why} ({answer.status}): set runbook_evolution_api_key to the server's global key."
        _finding(report, "key", message, reason)
        return True
    if answer.status == 429:
        # It is there and has no time for us; whether it has for the assistant nobody knows.
        message = f"The Evolution API takes no more questions for now ({answer.detail}): look again later."
        _finding(report, "api", message, detail("gateway_busy", answer=answer.detail))
        return True
    if answer.kind != "ok" or not isinstance(answer.json, (list, dict)):
        # An error of the server, or of the proxy before it, is the gateway's; anything else is a wrong address.
        down = (answer.status or 0) >= 500
        report["reachable"] = answer.kind != "not_json"
        what = answer.detail if answer.kind == "not_json" else f"HTTP {answer.status} ({message_of(answer)})"
        _finding(
            report,
            "reachable" if down else "api",
            f"What answers is not the Evolution API, or a proxy or path is wrong: {what}; check runbook_evolution_url.",
            detail("gateway_foreign", answer=what),
        )
        return False
    rows = rows_of(answer.json)
    for row in rows:
        if not isinstance(row, dict):
            continue
        inner = row.get("instance")
        one = inner if isinstance(inner, dict) else row
        name = one.get("instanceName") or one.get("name")
        if isinstance(name, str):
            listed[name] = one
            gateway.major = gateway.major or (1 if "instanceName" in one else 2)
    if rows and not listed:
        # Something was said, and it is no list of instances: it says of none that it is not there.
        why = _body.refusal(answer.json) or "it names no instance"
        message = f"What should list the instances answers {answer.detail}, but {why}; look into it."
        _finding(report, "api", message, detail("gateway_no_list", answer=answer.detail, why=why))
        return False
    report["licensed"] = report["key_valid"] = True
    return True


def rows_of(body: Any) -> list[Any]:
    """The instances in an answer: a list, or a mapping by their names, also within an object, or one instance alone."""
    if isinstance(body, dict):
        names = ("instances", "data", "response", "result")
        inside = [body[name] for name in names if isinstance(body.get(name), (list, dict))]
        if inside:
            return rows_of(inside[0])
        if body and all(isinstance(row, dict) and _status(row) in STATES for row in body.values()):
            return [{"name": name, **row} for name, row in body.items()]
        return [body]
    return body if isinstance(body, list) else []


def _check_instance(gateway: Gateway, report: dict[str, Any], listed: Listed) -> bool:
    name = gateway.instance
    report["exists"] = name in listed
    if report["exists"]:
        row = listed[name]
        code = row.get("disconnectionReasonCode")
        if code is not None:
            report["disconnection"] = {"code": code if isinstance(code, int) else None, "reason": _reason(row)}
        return True
    if gateway.call("GET", gateway.named("/instance/connectionState")).status == 401:
        # An instance's own key lists that instance alone.
        report["key_valid"], report["exists"] = False, None
        message = f"The API key is not the one for the instance {name!r} (401), and lists others: set the global key."
        _finding(report, "key", message, detail("key_of_others", instance=name))
        return False
    folded = {other.strip().casefold(): other for other in listed}
    near = folded.get(name.strip().casefold())
    if near is None:
        near = next(iter(difflib.get_close_matches(name, listed, 1, 0.75)), None)
    report["near_match"] = near if near is None else redact(near)
    if near is not None:
        hint, reason = f"the nearest that exists is {near!r}", detail("instance_misnamed", instance=name, near=near)
    elif listed.partial:
        hint, reason = "it has too many to look for a similar one", detail("instance_missing_of_many", instance=name)
    else:
        hint, reason = "the server has no similar one", detail("instance_missing", instance=name)
    _finding(report, "instance", f"The instance {name!r} does not exist; {hint}.", reason)
    return False


def _reason(row: dict[str, Any]) -> str:
    """The reason in words, out of an object that holds much else."""
    text = str(row.get("disconnectionObject") or "")
    return next((word for word in ("device_removed", "conflict", "restart_required") if word in text), "")


def _check_state(gateway: Gateway, report: dict[str, Any], params: dict[str, Any]) -> bool:
    for number in range(params["samples"]):
        if number:
            gateway.pause(params["interval"])
        report["samples"].append(gateway.state())
    samples = report["samples"]
    # A sample that could not be taken says nothing of the instance.
    states = set(samples) - {"unknown"}
    report["state"] = samples[-1]
    if not states - {"open"}:
        return "unknown" not in samples
    told = next(iter(states - {"open"}))
    times, of = samples.count(told), len(samples)
    seen = f"{times} of {of} samples"
    if len(states) > 1:
        message = f"The instance is flapping: {', '.join(samples)}; it is reconnecting again and again."
        _finding(report, "state", message, detail("instance_flapping", samples=samples))
    elif states == {"connecting"}:
        reason = detail("instance_connecting", times=times, of=of)
        _finding(report, "state", f"The instance is stuck in connecting ({seen}): restart it.", reason)
    elif states == {"refused"}:
        reason = detail("instance_refused", times=times, of=of)
        _finding(report, "state", f"WhatsApp refuses the instance ({seen}): it needs a new QR code.", reason)
    elif not states & {*STATES, "absent"}:
        reason = detail("instance_not_open", state=told, times=times, of=of)
        _finding(report, "state", f"The instance is {told!r} ({seen}), not open: look into it.", reason)
    elif states == {"absent"}:
        message = "The state is missing, as right after a server restart: look again in a minute."
        _finding(report, "state", message, detail("instance_without_state"))
    else:
        gone = report["disconnection"]
        if gone and (gone["code"] == 401 or gone["reason"] == "device_removed"):
            message = "The instance was logged out (401 device_removed): it needs a new QR code."
            _finding(report, "state", message, detail("instance_logged_out"))
        else:
            reason = detail("instance_closed", times=times, of=of)
            _finding(report, "state", f"The instance is closed ({seen}): connect it.", reason)
    return False


def _check_agreement(gateway: Gateway, report: dict[str, Any], listed: Listed) -> bool:
    """v2 lists what its database has, and that goes stale; v1 has the one source."""
    told = _status(listed[gateway.instance])
    if gateway.major == 1 and not listed[gateway.instance]:
        return True
    if told is None or report["state"] == "unknown":
        return False
    if told != report["state"]:
        message = (
            f"The two sources disagree: connectionState says {report['state']}, the list of instances says {told}."
        )
        _finding(report, "agreement", message, detail("sources_disagree", state=report["state"], listed=told))
        return False
    return True


def _status(row: dict[str, Any]) -> str | None:
    return named_state(row.get("connectionStatus", row.get("status")))


def _check_webhook(gateway: Gateway, report: dict[str, Any], params: dict[str, Any]) -> bool:
    body = hook_in(gateway.call("GET", gateway.named("/webhook/find")))
    if body is None:
        return False
    url, events = body.get("url"), body.get("events")
    enabled = None if body.get("enabled") is None else str(body["enabled"]).lower() not in ("false", "0", "")
    report["webhook"] = {"url": shown(url) if isinstance(url, str) else None, "enabled": enabled}
    if not isinstance(url, str) or not url:
        message = "No webhook is set: the assistant is told of no message."
        _finding(report, "webhook", message, detail("webhook_unset"))
    elif enabled is False:
        message = "The webhook is switched off: the assistant is told of no message."
        _finding(report, "webhook", message, detail("webhook_off"))
    elif isinstance(events, list) and MESSAGE_EVENT not in map(event_of, events):
        message = f"The webhook's events lack {MESSAGE_EVENT}: the assistant is told of no message."
        _finding(report, "webhook", message, detail("webhook_without_messages", event=MESSAGE_EVENT))
    elif not _is_at(url, params["webhook_url"], body):
        there, wanted = shown(url), shown(params["webhook_url"])
        reason = detail("webhook_elsewhere", there=there, wanted=wanted)
        _finding(report, "webhook", f"The webhook points at {there}, not at {wanted}.", reason)
    else:
        return enabled is True
    return False


def _is_at(url: str, wanted: str, webhook: dict[str, Any]) -> bool:
    """Whether messages go to the wanted place; what stands behind a question mark may be a key of the gateway's own."""
    there = _targets(url, webhook)
    return _plain(wanted) in (there if "?" in wanted else [place.partition("?")[0].rstrip("/") for place in there])


def _plain(url: str) -> str:
    """A URL as it is the same in each way to write it: its host in small letters, without a port that it has anyway."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower()
        if parts.port == {"http": 80, "https": 443}.get(parts.scheme):
            host = host.rpartition(":")[0]
    except ValueError:
        return url
    name, colon, port = host.partition(":")
    host = "127.0.0.1" + colon + port if name == "localhost" else host
    return parts._replace(netloc=host, fragment="").geturl().rstrip("/")


def event_of(name: Any) -> str:
    return str(name).upper().replace(".", "_").replace("-", "_")


def _targets(url: str, webhook: dict[str, Any]) -> tuple[str, ...]:
    """Where messages go: by events each has a path of its own below the URL."""
    base = _plain(url)
    by_events = webhook.get("webhookByEvents", webhook.get("webhook_by_events", webhook.get("byEvents")))
    return (base, f"{base}/messages-upsert") if by_events is True else (base,)


def _check_probe(gateway: Gateway, report: dict[str, Any], params: dict[str, Any]) -> bool:
    if params.get("check"):
        return False
    number = params["probe_phone"]
    old = {"number": number, "textMessage": {"text": _PROBE_TEXT}}
    data = old if gateway.major == 1 else {"number": number, "text": _PROBE_TEXT}
    if gateway.left() < 1:
        return False  # there is no time left to hear what becomes of it
    answer = gateway.call("POST", gateway.named("/message/sendText"), data)
    empty = answer.kind == "ok" and not answer.json
    # A page, or nothing at all, in a good answer; or a proxy's word that it has heard nothing of the server.
    unread = answer.kind == "not_json" and 200 <= (answer.status or 0) < 300
    if answer.kind == "no_answer" or empty or unread or answer.status in (502, 504):
        # It may have been accepted all the same.
        report["probe"] = {"accepted": None, "status": None}
        answered = f"{answer.detail} and nothing else" if empty else answer.detail
        answered = f"HTTP {answer.status} with {answered}" if answer.kind == "not_json" else answered
        message = f"Whether the test message was accepted is not known: {answered}."
        _finding(report, "probe", message, detail("probe_unknown", answer=answered))
        return False
    status = answer.json.get("status") if answer.kind == "ok" and isinstance(answer.json, dict) else None
    refused = _body.refusal(answer.json) if answer.kind == "ok" else message_of(answer)
    # 0 is the ERROR of those that number the states of a message.
    if answer.kind == "ok" and not refused and (status == 0 and status is not False):
        refused = "status: 0"
    report["probe"] = {"accepted": not refused, "status": redact(str(status))[:40] if status is not None else None}
    if not refused:
        return True
    _finding(report, "probe", f"The test message was refused: {refused}.", detail("probe_refused", answer=str(refused)))
    return False
