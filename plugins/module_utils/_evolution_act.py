# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an instance of the Evolution API is brought to a state: back, connected or offline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _body, _http
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._evolution import (
    Ask,
    Gateway,
    check_numbers,
    event_of,
    hook_in,
    message_of,
    rows_of,
)
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._redact import shown


class Way(NamedTuple):
    """How an instance is brought to a state: the call, and the states by which the gateway says that it is there."""

    path: str
    there: tuple[str, ...]
    done: tuple[str, ...] = ()  # where the call is needless
    alone: str = ""  # the verb, where it is the same for every version


WAYS = {
    "restarted": Way("/instance/restart", ("open",)),
    "connected": Way("/instance/connect", ("open",), ("open",), "GET"),
    # A session that still knows its phone comes back by itself; logged out it does not. Without a QR code being read
    # it may be called connecting for ever.
    "stopped": Way("/instance/logout", ("close", "refused", "connecting"), ("close", "refused"), "DELETE"),
}


def bring(
    params: dict[str, Any], host: Host, check: bool, record: Callable[..., None], ask: Ask = _http.request_json
) -> dict[str, Any]:
    """Restart, connect or stop an instance and watch it until it is there; `record` writes the journal.

    Returns `{changed, before, after, verb, samples, planned, webhook_kept, seconds}`. Raises Refused before anything
    was done, Failed with that result afterwards.
    """
    check_numbers(params, "timeout", "interval", "wait")
    begun = host.clock()
    gateway = Gateway(dict(params, timeout=params["timeout"] + params["wait"]), host, ask)
    gateway.read_version()
    first = gateway.call("GET", gateway.named("/instance/connectionState"))
    if first.kind != "ok":
        raise Refused(f"nothing was done: {_why_not(first)}")
    way = WAYS[params["state"]]
    if not way.alone and gateway.major is None:
        listed = gateway.call("GET", "/instance/fetchInstances")
        rows = rows_of(listed.json) if listed.kind == "ok" else []
        gateway.major = next((1 if isinstance(row, dict) and "instance" in row else 2 for row in rows), None)
    before = gateway.state()
    verb, path = way.alone or ("PUT" if gateway.major == 1 else "POST"), gateway.named(way.path)
    result: dict[str, Any] = {"changed": False, "before": before, "after": before, "verb": verb, "samples": []}
    result.update(planned=None if before in way.done else f"{verb} {path}", webhook_kept=None)
    if check:
        result.update(changed=result["planned"] is not None, seconds=round(host.clock() - begun, 3))
        return result
    if result["planned"] is None:
        if _is_steadily(gateway, way.done, params, host, result["samples"]):
            result.update(after=before, seconds=round(host.clock() - begun, 3))
            return result
        # It comes and goes: that it was there for a moment is no reason to leave it to itself.
        result.update(planned=f"{verb} {path}", samples=[])
    if not way.alone and gateway.major is None:
        raise Refused("nothing was done: neither GET / nor the list of instances tells the version; try again")
    webhook = _webhook_of(gateway) if way.alone else None
    record("begin", before={"state": before}, after={"state": way.there[0]})
    try:
        _call_and_watch(gateway, way, verb, path, params, host, result)
        _see_webhook(gateway, webhook, result)
    except Failed as exc:
        record("outcome", after={"state": result["after"]}, ok=False, msg=str(exc))
        raise
    record("outcome", after={"state": result["after"]}, ok=True, msg="")
    result["seconds"] = round(host.clock() - begun, 3)
    return result


def _is_steadily(
    gateway: Gateway, states: tuple[str, ...], params: dict[str, Any], host: Host, samples: list[str]
) -> bool:
    """Whether each of the samples that are asked for is one of these states; ends with the first that is not."""
    while len(samples) < params["samples"]:
        samples.append(gateway.state())
        if samples[-1] not in states:
            return False
        if len(samples) < params["samples"]:
            host.sleep(params["interval"])
    return True


def _call_and_watch(
    gateway: Gateway, way: Way, verb: str, path: str, params: dict[str, Any], host: Host, result: dict[str, Any]
) -> None:
    result["changed"] = True
    answer = gateway.call(verb, path)
    body = answer.json if isinstance(answer.json, dict) else {}
    refused = _body.refusal(body)
    # Of two that stop it the second one is refused: then the state tells.
    if (answer.kind != "ok" or refused) and not (way.done and gateway.state() in way.done):
        why = f"HTTP {answer.status} with {refused}" if answer.kind == "ok" else message_of(answer)
        raise Failed(f"{verb} {path} failed: {why}; {_advice(result['before'], way)}", result)
    _watch(gateway, way, f"after {verb} {path}", params, host, result)


def _watch(gateway: Gateway, way: Way, what: str, params: dict[str, Any], host: Host, result: dict[str, Any]) -> None:
    """Sample the state until it is steady. Raises Failed when it is not within `wait`."""
    samples, wanted = result["samples"], params["samples"]
    end = host.clock() + params["wait"]
    while True:
        samples.append(gateway.state())
        result["after"] = samples[-1]
        if len(samples) >= wanted and set(samples[-wanted:]) <= set(way.there):
            return
        if host.clock() >= end:
            break
        host.sleep(min(params["interval"], max(0.0, end - host.clock())))
    state = f"{result['after']}, but not steadily" if result["after"] in way.there else result["after"]
    raise Failed(f"the instance is {state} {params['wait']:g} s {what}; {_advice(result['after'], way)}", result)


def _webhook_of(gateway: Gateway) -> dict[str, Any] | None:
    """Where the gateway delivers messages, None where it does not tell; empty where it delivers nowhere."""
    body = hook_in(gateway.call("GET", gateway.named("/webhook/find")))
    if body is None:
        return None
    events = body.get("events")
    known = {name: body[name] for name in ("url", "enabled", "events") if name in body}
    # In which order they are told is nothing that gets lost.
    return {**known, "events": sorted(map(event_of, events))} if isinstance(events, list) else known


def _see_webhook(gateway: Gateway, before: dict[str, Any] | None, result: dict[str, Any]) -> None:
    """Whether the gateway has the webhook that it had. Raises Failed where it has lost it."""
    if not before:
        return
    after = _webhook_of(gateway)
    if after is None:
        return
    result["webhook_kept"] = after == before
    if after != before:
        raise Failed(
            f"the instance is {result['after']}, but the gateway has no longer the webhook that it had "
            f"({shown(str(before.get('url')))}): set it again in the manager of the Evolution API",
            result,
        )


def _why_not(answer: _http.Answer) -> str:
    if answer.status is None:
        return f"the Evolution API gives no answer ({answer.detail})"
    if answer.status == 503:
        return "the Evolution API has no licence or is not ready (503)"
    if answer.status == 429:
        return f"the Evolution API takes no more questions for now ({answer.detail})"
    if answer.status == 401:
        return "the API key is refused (401); set runbook_evolution_api_key to the server's global key"
    if answer.kind == "not_json":
        return f"what answers is not the Evolution API ({answer.detail}); check runbook_evolution_url"
    return f"{message_of(answer)} (HTTP {answer.status}); see evolution_instance_info for the nearest name"


def _advice(state: str, way: Way) -> str:
    if way is WAYS["stopped"]:
        return "messages may still go out: stop the service, or the Evolution API itself"
    if way is WAYS["connected"] and state == "connecting":
        return (
            "an instance that was logged out waits for its QR code: read it with the phone, in the manager of the "
            "Evolution API, and run this again"
        )
    if state in ("close", "refused", "unknown", "absent"):
        return "an instance that was logged out needs a new QR code, in the manager of the Evolution API"
    return "look again in a minute; if it stays, restart it"
