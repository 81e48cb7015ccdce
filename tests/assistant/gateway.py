# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for the Evolution API (the WhatsApp gateway), versions 1.8.2 and 2.3.7.

Start, in this directory: `python -m uvicorn gateway:app --host 127.0.0.1 --port 8080`. What it answers was recorded
from real servers; the table is in tests/unit/assistant/evolution_api.yml. What no recording shows follows the servers'
source and is marked [src]. Nothing is ever sent anywhere; everything is in memory.

Environment:

    EVOLUTION_VERSION        1 or 2 (2)
    EVOLUTION_API_KEY        the global key (stand-in-key)
    EVOLUTION_INSTANCE       an instance that exists and is `open` from the start; empty or unset: none does
    KUMON_GATEWAY_CONTROL    JSON object with the faults below; read again at every request

Faults:

    state       open, connecting, close, or absent (the key is missing, as right after a server restart): the state of
                every instance, whatever it was before
    fail        HTTP status that sendText answers instead of 201
    fail_rate   share of the sends that `fail` hits (1.0), spread evenly: 0.2 is every fifth
    hang        seconds before any answer
    unlicensed  503 LICENSE_REQUIRED before everything else, except `GET /`

`GET /__stand_in/counters` tells what it was asked to send, for everybody and at once:
`{asked, accepted, refused, last, by_instance: {name: asked}, numbers: [the last 50 asked for]}`, where `last` is the
time of the last one asked for.
"""

from __future__ import annotations

import asyncio
import collections
import datetime
import http
import os
import re
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

import control
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

VERSION = int(os.environ.get("EVOLUTION_VERSION", "2"))
API_KEY = os.environ.get("EVOLUTION_API_KEY", "stand-in-key")
CONTROL_FILE = os.environ.get("KUMON_GATEWAY_CONTROL")

# In the order in which 2.3.7 names them when it refuses another.
WEBHOOK_EVENTS = (
    "APPLICATION_STARTUP",
    "QRCODE_UPDATED",
    "MESSAGES_SET",
    "MESSAGES_UPSERT",
    "MESSAGES_EDITED",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "SEND_MESSAGE_UPDATE",
    "CONTACTS_SET",
    "CONTACTS_UPSERT",
    "CONTACTS_UPDATE",
    "PRESENCE_UPDATE",
    "CHATS_SET",
    "CHATS_UPSERT",
    "CHATS_UPDATE",
    "CHATS_DELETE",
    "GROUPS_UPSERT",
    "GROUP_UPDATE",
    "GROUP_PARTICIPANTS_UPDATE",
    "CONNECTION_UPDATE",
    "LABELS_EDIT",
    "LABELS_ASSOCIATION",
    "CALL",
    "TYPEBOT_START",
    "TYPEBOT_CHANGE_STATUS",
    "REMOVE_INSTANCE",
    "LOGOUT_INSTANCE",
    "INSTANCE_CREATE",
    "INSTANCE_DELETE",
    "STATUS_INSTANCE",
)


class Answer(JSONResponse):
    media_type = "application/json; charset=utf-8"


class Refused(Exception):
    """Ends the handling of a request with the error body that all of the API uses."""

    def __init__(self, status: int, message: str | list[Any]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def answer(self) -> Answer:
        reason = http.HTTPStatus(self.status).phrase
        return Answer({"status": self.status, "error": reason, "response": {"message": self.message}}, self.status)


class Instance:
    def __init__(self, name: str, state: str = "close", token: str = "") -> None:
        self.name = name
        self.id = str(uuid.uuid4())
        self.token = token or str(uuid.uuid4()).upper()
        self.own_state = state
        # A client exists from the first connect on; before it, a send fails in another way.
        self.client = state == "open"
        self.created = now()
        self.webhook: dict[str, Any] | None = None


def now() -> str:
    moment = datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def cuid() -> str:
    return "c" + secrets.token_hex(12)


instances: dict[str, Instance] = {}
if os.environ.get("EVOLUTION_INSTANCE"):
    instances[os.environ["EVOLUTION_INSTANCE"]] = Instance(os.environ["EVOLUTION_INSTANCE"], "open")

asked: collections.Counter[str] = collections.Counter()
outcomes: collections.Counter[str] = collections.Counter()
numbers: collections.deque[Any] = collections.deque(maxlen=50)
last = 0.0  # seconds since the epoch

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


# ---------------------------------------------------------------- dispatch


@app.get("/__stand_in/counters", response_model=None)
async def counters() -> dict[str, Any]:
    return {
        "asked": sum(asked.values()),
        "accepted": outcomes["accepted"],
        "refused": outcomes["refused"],
        "last": last,
        "by_instance": dict(asked),
        "numbers": list(numbers),
    }


@app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], response_model=None)
async def dispatch(request: Request) -> Answer:
    """Finds the handler by method and path, and runs the guards in the server's order: instance before key."""
    fault = control.read(CONTROL_FILE, control.GATEWAY_FAULTS)
    path = request.url.path
    sending = re.fullmatch(r"/message/sendText/([^/]*)", path) if request.method == "POST" else None
    try:
        body = await request.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    if sending:
        global last
        last = time.time()
        asked[sending.group(1)] += 1
        request.state.hit = hit(sum(asked.values()), fault["fail_rate"])
        numbers.append(body.get("number"))
    await asyncio.sleep(fault["hang"])
    try:
        answer = answer_to(request, path, body, fault)
    except Refused as refused:
        answer = refused.answer()
    if sending:
        outcomes["accepted" if answer.status_code == 201 else "refused"] += 1
    answer.headers["X-Powered-By"] = "Express"
    return answer


def answer_to(request: Request, path: str, body: dict[str, Any], fault: dict[str, Any]) -> Answer:
    if path == "/" and request.method == "GET":
        return root(request)
    if fault["unlicensed"]:
        return Answer({"code": "LICENSE_REQUIRED"}, 503)
    for method, pattern, handler in ROUTES:
        match = re.fullmatch(pattern, path)
        if not match or method != request.method:
            continue
        instance = None
        if match.groups():
            instance = instances.get(match.group(1))
            if instance is None:
                raise Refused(404, [f'The "{match.group(1)}" instance does not exist'])
        elif handler is create and body.get("instanceName") in instances:
            raise Refused(403, [f'This name "{body["instanceName"]}" is already in use.'])
        keys = {API_KEY, instance.token} if instance else {API_KEY}
        if request.headers.get("apikey") not in keys:
            raise Refused(401, "Unauthorized")
        return handler(request=request, body=body, instance=instance, fault=fault)
    raise Refused(404, [f"Cannot {request.method} {path}"])


def state_of(instance: Instance, fault: dict[str, Any]) -> str:
    return fault["state"] or instance.own_state


# ---------------------------------------------------------------- server


def root(request: Request) -> Answer:
    answer = {
        "status": 200,
        "message": "Welcome to the Evolution API, it is working!",
        "version": {1: "1.8.2", 2: "2.3.7"}[VERSION],
    }
    if VERSION == 2:
        answer.update(clientName="evolution_stand_in", manager=f"http://{request.headers['host']}/manager")
    answer["documentation"] = "https://doc.evolution-api.com"
    if VERSION == 2:
        answer["whatsappWebVersion"] = "2.3000.1027934701"
    return Answer(answer)


def verify_creds(**_unused: object) -> Answer:
    return Answer({"status": 200, "message": "Credentials are valid"})


# ---------------------------------------------------------------- instance


def create(body: dict[str, Any], **_unused: object) -> Answer:
    name = body.get("instanceName")
    if VERSION == 2 and body.get("integration") != "WHATSAPP-BAILEYS":
        raise Refused(400, ["Invalid integration"])
    if not name:
        message = 'TypeError [ERR_INVALID_ARG_TYPE]: The "path" argument must be of type string. Received undefined'
        raise Refused(500, [message])
    instance = instances[name] = Instance(name, token=body.get("token", ""))
    if VERSION == 1:
        answer: dict[str, Any] = {
            "instance": {
                "instanceName": name,
                "instanceId": instance.id,
                "integration": "WHATSAPP-BAILEYS",
                "webhook_wa_business": None,
                "access_token_wa_business": "",
                "status": "created",
            },
            "hash": {"apikey": instance.token},
            "webhook": {},
            "websocket": {},
            "rabbitmq": {},
            "sqs": {},
            "typebot": {"enabled": False},
            "settings": {
                "reject_call": False,
                "msg_call": "",
                "groups_ignore": True,
                "always_online": False,
                "read_messages": False,
                "read_status": False,
                "sync_full_history": False,
            },
        }
    else:
        answer = {
            "instance": {
                "instanceName": name,
                "instanceId": instance.id,
                "integration": "WHATSAPP-BAILEYS",
                "webhookWaBusiness": None,
                "accessTokenWaBusiness": "",
                "status": "close",
            },
            "hash": instance.token,
            "webhook": {},
            "websocket": {},
            "rabbitmq": {},
            "nats": {},
            "sqs": {},
            "settings": SETTINGS,
        }
    if body.get("qrcode"):
        instance.own_state, instance.client = "connecting", True
        answer["qrcode"] = {"count": 0}
    return Answer(answer, 201)


SETTINGS = {
    "rejectCall": False,
    "msgCall": "",
    "groupsIgnore": False,
    "alwaysOnline": False,
    "readMessages": False,
    "readStatus": False,
    "syncFullHistory": False,
    "wavoipToken": "",
}


def described(instance: Instance, fault: dict[str, Any]) -> dict[str, Any]:
    state = state_of(instance, fault)
    if VERSION == 1:
        return {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.id,
                "status": state,
                "serverUrl": "localhost",
                "apikey": instance.token,
                "integration": {
                    "integration": "WHATSAPP-BAILEYS",
                    "webhook_wa_business": f"localhost/webhook/whatsapp/{instance.name}",
                },
            }
        }
    dates = {"createdAt": instance.created, "updatedAt": instance.created}
    unset = ("ownerJid", "profileName", "profilePicUrl")
    services = ("Chatwoot", "Proxy", "Rabbitmq", "Nats", "Sqs", "Websocket")
    return {
        "id": instance.id,
        "name": instance.name,
        # v2 reads it from its database, which still has the last state while the live one is absent.
        "connectionStatus": instance.own_state if state == "absent" else state,
        **dict.fromkeys(unset),
        "integration": "WHATSAPP-BAILEYS",
        "number": None,
        "businessId": None,
        "token": instance.token,
        "clientName": "evolution_stand_in",
        "disconnectionReasonCode": None,
        "disconnectionObject": None,
        "disconnectionAt": None,
        **dates,
        **dict.fromkeys(services),
        "Setting": {"id": cuid(), **SETTINGS, **dates, "instanceId": instance.id},
        "_count": {"Message": 0, "Contact": 0, "Chat": 0},
    }


def fetch_instances(request: Request, fault: dict[str, Any], **_unused: object) -> Answer:
    name = request.query_params.get("instanceName")
    if name is None:
        return Answer([described(instance, fault) for instance in instances.values()])
    if name not in instances:
        raise Refused(404, [f'Instance "{name}" not found'])
    found = described(instances[name], fault)
    return Answer(found if VERSION == 1 else [found])


def connection_state(instance: Instance, fault: dict[str, Any], **_unused: object) -> Answer:
    state = state_of(instance, fault)
    shown = {} if state == "absent" else {"state": state}
    return Answer({"instance": {"instanceName": instance.name, **shown}})


def connect(instance: Instance, fault: dict[str, Any], **_unused: object) -> Answer:
    if state_of(instance, fault) == "open":  # [src]
        return connection_state(instance=instance, fault=fault)
    instance.own_state, instance.client = "connecting", True
    return Answer({"count": 0})


def restart(instance: Instance, fault: dict[str, Any], **_unused: object) -> Answer:
    state = state_of(instance, fault)
    if VERSION == 1 or state == "open":  # [src] for v2
        return connection_state(instance=instance, fault=fault)
    if state == "close":
        return Answer({"error": True, "message": "[object Object]"})
    instance.own_state = "close"
    return Answer({"count": 0})


def logout(instance: Instance, fault: dict[str, Any], **_unused: object) -> Answer:
    if state_of(instance, fault) == "close":
        raise Refused(400, [f'The "{instance.name}" instance is not connected'])
    instance.own_state = "close"
    return Answer({"status": "SUCCESS", "error": False, "response": {"message": "Instance logged out"}})  # [src]


def delete(instance: Instance, **_unused: object) -> Answer:
    del instances[instance.name]
    return Answer({"status": "SUCCESS", "error": False, "response": {"message": "Instance deleted"}})


# ---------------------------------------------------------------- webhook


def require(body: dict[str, Any], *names: str) -> None:
    missing = [f'instance requires property "{name}"' for name in names if name not in body]
    if missing:
        raise Refused(400, [missing])


def webhook_set(body: dict[str, Any], instance: Instance, **_unused: object) -> Answer:
    if VERSION == 1:
        require(body, "url")
        by_events, base64 = body.get("webhook_by_events", False), body.get("webhook_base64", False)
        given = {
            "enabled": body.get("enabled", True),
            "url": body["url"],
            "webhook_by_events": by_events,
            "webhook_base64": base64,
            "events": body.get("events", []),
        }
        instance.webhook = given
        return Answer({"webhook": {"instanceName": instance.name, "webhook": given}}, 201)
    require(body, "webhook")
    given = body["webhook"]
    if "events" not in given:
        raise Refused(500, "Cannot read properties of undefined (reading 'length')")
    for position, event in enumerate(given["events"]):
        if event not in WEBHOOK_EVENTS:
            message = f"webhook.events[{position}] is not one of enum values: {','.join(WEBHOOK_EVENTS)}"
            raise Refused(400, [[message]])
    created = instance.webhook["createdAt"] if instance.webhook else now()
    instance.webhook = {
        "id": instance.webhook["id"] if instance.webhook else cuid(),
        "url": given.get("url"),
        "headers": given.get("headers"),
        "enabled": given.get("enabled", True),
        "events": given["events"],
        "webhookByEvents": given.get("byEvents", False),
        "webhookBase64": given.get("base64", False),
        "createdAt": created,
        "updatedAt": now(),
        "instanceId": instance.id,
    }
    return Answer(instance.webhook, 201)


def webhook_find(instance: Instance, **_unused: object) -> Answer:
    if VERSION == 1 and instance.webhook is None:
        return Answer({})
    return Answer(instance.webhook)


# ---------------------------------------------------------------- send


def hit(count: int, rate: float) -> bool:
    """Whether `fail` hits the send of this number: evenly spread, so that a short run has the wanted share as well."""
    return int(count * rate) > int((count - 1) * rate)


def send_text(
    request: Request, body: dict[str, Any], instance: Instance, fault: dict[str, Any], **_unused: object
) -> Answer:
    require(body, "number", "textMessage" if VERSION == 1 else "text")
    if state_of(instance, fault) != "open":
        never_connected = "Cannot read properties of undefined (reading 'onWhatsApp')"
        raise Refused(500, "Connection Closed" if instance.client else never_connected)
    if fault["fail"] and request.state.hit:
        raise Refused(fault["fail"], "Connection Closed")
    key = {"remoteJid": f"{body['number']}@s.whatsapp.net", "fromMe": True, "id": secrets.token_hex(8).upper()}
    moment = int(datetime.datetime.now().timestamp())
    if VERSION == 1:  # [src]
        message = {"extendedTextMessage": {"text": body["textMessage"]["text"]}}
        return Answer({"key": key, "message": message, "messageTimestamp": str(moment), "status": "PENDING"}, 201)
    return Answer(  # [src]
        {
            "key": key,
            "pushName": "",
            "status": "PENDING",
            "message": {"conversation": body["text"]},
            "contextInfo": None,
            "messageType": "conversation",
            "messageTimestamp": moment,
            "instanceId": instance.id,
            "source": "unknown",
        },
        201,
    )


ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", r"/instance/fetchInstances", fetch_instances),
    ("POST", r"/instance/create", create),
    ("GET", r"/instance/connectionState/([^/]+)", connection_state),
    ("GET", r"/instance/connect/([^/]+)", connect),
    ("PUT" if VERSION == 1 else "POST", r"/instance/restart/([^/]+)", restart),
    ("DELETE", r"/instance/logout/([^/]+)", logout),
    ("DELETE", r"/instance/delete/([^/]+)", delete),
    ("POST", r"/webhook/set/([^/]+)", webhook_set),
    ("GET", r"/webhook/find/([^/]+)", webhook_find),
    ("POST", r"/message/sendText/([^/]+)", send_text),
]
if VERSION == 2:
    ROUTES.append(("POST", r"/verify-creds", verify_creds))
