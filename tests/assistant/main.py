# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for the Kumon Assistant V2, for the demo and the molecule scenarios.

It behaves like the real one where an emergency procedure touches it: the webhook, the planner → outbox → delivery turn
with its trace lines, the flags that are read once at start, the health endpoints. It is started the same way, in this
directory: `python -m uvicorn main:app --host 127.0.0.1 --port 8000`. It runs on Debian 12's own packages
(FastAPI 0.92, uvicorn 0.17, httpx 0.23) and on current releases.

Environment:

    DELIVERY_DISABLE, OUTBOX_V2_ENFORCED, TEMPLATE_VARIABLE_POLICY_V2, STRICT_ENUM_STAGESTEP, ROUTER_V2_SHADOW
                        flags; true are `true 1 yes on` in any case, nothing is stripped
    EVOLUTION_API_URL, EVOLUTION_API_KEY, EVOLUTION_INSTANCE (kumon_assistant), EVOLUTION_VERSION (1 or 2, 2)
    DATABASE_URL, OPENAI_API_KEY
                        not used; the start-up dump prints them, passwords included, as the real one does
    LOG_FORMAT          basic (default), asctime, json or bare; the loggers of the messages are the same in all of them.
                        In basic and asctime the logger `kumon_receptionist` writes JSON lines in between; bare has no
                        time at all
    TRACE_HTTP          true: the result line names the HTTP status; the real one always says `unknown`
    KUMON_CONTROL_FILE  JSON object with the faults below; read again at every request, every turn, start and stop

A release may have faults of its own: those in `defects.json` beside this file, read once at start. The control file's
come on top.

Faults:

    lost_handoff           delivery gets a fresh state with an empty outbox: planner 1, delivery 0, other ids, and no
                           guard line. Like the real one, delivery then sends an emergency fallback text
    guard                  with lost_handoff: OUTBOX_GUARD is logged as well and the turn ends there, nothing is sent
    state_mismatch         delivery gets a copy of the state: same count, other state_id and outbox_id; sent
    v2_only                the two above strike only while OUTBOX_V2_ENFORCED is on, so that the flags of V1 cure them
    no_delivery            planned and never read: no delivery trace, nothing sent
    invalid_instance       name that is resolved instead of EVOLUTION_INSTANCE ("thread_123", "default", "", …): an
                           INSTANCE_TRACE, then two or three INSTANCE_GUARD lines, nothing sent
    invalid_instance_sent  with invalid_instance: handed to the gateway under that name nevertheless
    ignore_kill_switch     DELIVERY_DISABLE has no effect on delivery; health still reports it
    hang_send              seconds a send hangs between its trace and its request. A stop waits for it, as uvicorn does
    health                 normal; missing_field: no `delivery_disabled`; api_v1_only: /health is 404; hang: no answer
                           as long as it stands; html: a 200 page; error: 500
    crash_at_start         start-up fails; uvicorn ends with code 3
    slow_start             seconds before the port is opened
    ignore_term            the graceful stop never ends: the port is closed, the process stays until it is killed
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime
import hashlib
import json
import logging
import os
import random
import sys
from collections.abc import AsyncIterator
from typing import Any, Union

import control
import httpx
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

VERSION = "2.0.0"
REPLY = "Olá! Sou a Cecília do Kumon Vila A. Posso te ajudar com informações sobre o método Kumon?"
FALLBACK = "Olá! Como posso ajudar?"

FLAGS = (
    "DELIVERY_DISABLE",
    "OUTBOX_V2_ENFORCED",
    "TEMPLATE_VARIABLE_POLICY_V2",
    "STRICT_ENUM_STAGESTEP",
    "ROUTER_V2_SHADOW",
)
# The real one dumps its whole environment; this one only what is its own, for it also runs on people's machines.
DUMPED = (
    "APP_ENV",
    "DATABASE_URL",
    "OPENAI_API_KEY",
    "EVOLUTION_API_URL",
    "EVOLUTION_API_KEY",
    "EVOLUTION_INSTANCE",
    "EVOLUTION_VERSION",
    *FLAGS,
)


def truthy(value: str) -> bool:
    return value.lower() in ("true", "1", "yes", "on")


FLAG = {name: truthy(os.environ.get(name, "")) for name in FLAGS}
CONTROL_FILE = os.environ.get("KUMON_CONTROL_FILE")
GATEWAY = os.environ.get("EVOLUTION_API_URL", "http://127.0.0.1:8080").rstrip("/")
GATEWAY_VERSION = os.environ.get("EVOLUTION_VERSION", "2")
API_KEY = os.environ.get("EVOLUTION_API_KEY", "")
INSTANCE = os.environ.get("EVOLUTION_INSTANCE", "kumon_assistant")
TRACE_HTTP = truthy(os.environ.get("TRACE_HTTP", ""))

trace = logging.getLogger("app.core.observability.structured_logging")
guards = logging.getLogger("app.core.observability.handoff_guards")
metrics = logging.getLogger("app.core.observability.metrics_guard_rails")
workflow = logging.getLogger("app.core.workflow")
planner = logging.getLogger("app.core.router.response_planner")
delivery = logging.getLogger("app.core.router.delivery_io")
receptionist = logging.getLogger("kumon_receptionist")


# What an endpoint answers; FastAPI makes JSON of a dict.
Answer = Union[dict[str, Any], JSONResponse, HTMLResponse]


class HandoffViolation(Exception):
    pass


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        entry = {
            # UTC without a zone, and without a fraction on a full second: so writes the real one.
            "timestamp": moment.replace(tzinfo=None).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "module": record.module,
            "function": record.funcName,
            "line": record.lineno,
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


LOG_FORMATS = {
    "basic": logging.Formatter(logging.BASIC_FORMAT),
    "asctime": logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"),
    "json": JsonFormatter(),
    "bare": logging.Formatter("%(message)s"),
}


def set_up_logging() -> None:
    name = os.environ.get("LOG_FORMAT", "basic")
    handler = logging.StreamHandler()
    handler.setFormatter(LOG_FORMATS[name])
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if name in ("basic", "asctime"):
        own = logging.StreamHandler()
        own.setFormatter(JsonFormatter())
        receptionist.addHandler(own)
        receptionist.propagate = False
    # Before 0.18 uvicorn leaves this on, and each of its lines would stand in the log twice.
    logging.getLogger("uvicorn").propagate = False


def dump_environment() -> None:
    lines = [f"{name}={os.environ[name]}" for name in DUMPED if name in os.environ]
    print("=== Environment ===", *lines, "===================", sep="\n", flush=True)


DEFECTS_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "defects.json")
DEFECTS: dict[str, Any] = control.read(DEFECTS_FILE, control.ASSISTANT_FAULTS)


def faults() -> dict[str, Any]:
    present: dict[str, Any] = control.read(CONTROL_FILE, DEFECTS)
    return present


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    at_start = faults()
    dump_environment()
    if at_start["crash_at_start"]:
        raise RuntimeError("could not connect to the database")
    await asyncio.sleep(at_start["slow_start"])
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        app.state.gateway = client
        app.state.conversations = {}
        receptionist.info("Kumon Assistant %s started", VERSION)
        yield
        while faults()["ignore_term"]:
            await asyncio.sleep(0.1)


set_up_logging()
app = FastAPI(title="Kumon Assistant", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
# FastAPI takes lifespan= from 0.93 on and on_event only up to some later release; this works in all of them.
app.router.lifespan_context = lifespan


# ---------------------------------------------------------------- health


@app.get("/health", response_model=None)
async def health(request: Request) -> Answer:
    if faults()["health"] == "api_v1_only":
        return JSONResponse({"detail": "Not Found"}, status_code=404)
    return await health_answer(request)


@app.get("/api/v1/health", response_model=None)
async def health_api_v1(request: Request) -> Answer:
    return await health_answer(request)


async def health_answer(request: Request) -> Answer:
    while (fault := faults()["health"]) == "hang" and not await request.is_disconnected():
        await asyncio.sleep(0.1)
    if fault == "html":
        return HTMLResponse("<!DOCTYPE html>\n<html><head><title>Kumon Assistant</title></head></html>\n")
    if fault == "error":
        return JSONResponse({"detail": "Internal Server Error"}, status_code=500)
    answer = {"status": "healthy", "version": VERSION, "delivery_disabled": FLAG["DELIVERY_DISABLE"]}
    answer.update({name.lower(): FLAG[name] for name in FLAGS[1:]})
    if fault == "missing_field":
        del answer["delivery_disabled"]
    return answer


# ---------------------------------------------------------------- webhook


@app.post("/api/v1/evolution/webhook", response_model=None)
async def webhook(request: Request, background: BackgroundTasks) -> Answer:
    """Takes an Evolution `messages.upsert` event, answers at once, and runs the turn after the answer."""
    try:
        body = await request.json()
        if body["event"] != "messages.upsert" or body["data"]["key"].get("fromMe"):
            return {"status": "ignored"}
        key = body["data"]["key"]
        message = body["data"]["message"]
        phone = key["remoteJid"].partition("@")[0]
        text = message["conversation"] if "conversation" in message else message["extendedTextMessage"]["text"]
    except (AttributeError, KeyError, TypeError, ValueError):
        workflow.exception("Error in webhook")
        return JSONResponse({"status": "error", "error": "not a messages.upsert event"}, status_code=422)
    background.add_task(turn, phone, text, key.get("id"))
    return {"status": "accepted"}


# ---------------------------------------------------------------- the turn


async def turn(phone: str, text: str, message_id: str | None) -> None:
    # The customer's text goes into the log as it came: what it quotes and breaks is the trap for whoever reads the log.
    workflow.info("Processing message for %s: %s...", phone, text[:50])
    now = datetime.datetime.now()
    conv = app.state.conversations.setdefault(phone, f"conv_{phone}_{now:%Y%m%d_%H%M%S}")
    idem = hashlib.sha256(f"{conv}|{message_id}".encode()).hexdigest()[:16] if message_id else "unknown"
    try:
        fault = faults()
        state = plan(conv, idem)
        if fault["no_delivery"]:
            return
        await deliver(hand_off(state, fault), phone, conv, idem, fault)
    except HandoffViolation as error:
        workflow.exception("Error in preprocessing/workflow: %s", error)


def outbox_trace(phase: str, state: dict[str, Any], conv: str, idem: str) -> None:
    outbox = state["outbox"]
    trace.info(
        "OUTBOX_TRACE|phase=%s|conv=%s|idem=%s|state_id=%s|outbox_id=%s|count=%s",
        phase,
        conv,
        idem,
        id(state),
        id(outbox),
        len(outbox),
    )


def log_first_item(logger: logging.Logger, name: str, outbox: list[dict[str, Any]]) -> None:
    logger.info("%s_first_item_type: %s", name, type(outbox[0]).__name__)
    logger.info("%s_first_item_keys: %s", name, list(outbox[0]))


def plan(conv: str, idem: str) -> dict[str, Any]:
    state: dict[str, Any] = {"conversation": conv, "outbox": []}
    outbox = state["outbox"]
    outbox_trace("planner", state, conv, idem)
    planner.info("planner_outbox_count_before: %s", len(outbox))
    # A healthy log of the real one is full of these: the level ERROR says nothing about its health.
    receptionist.error(
        "TemplateVariableResolver: current_stage should be ConversationStage enum, got <class 'str'> = greeting"
    )
    receptionist.info("Resolved 0 template variables for: kumon:greeting:response:general")
    outbox.append({"text": REPLY, "channel": "whatsapp", "meta": {"instance": INSTANCE}, "idempotency_key": idem})
    outbox_trace("planner", state, conv, idem)
    planner.info("planner_outbox_count_after: %s", len(outbox))
    log_first_item(planner, "planner", outbox)
    return state


def hand_off(state: dict[str, Any], fault: dict[str, Any]) -> dict[str, Any]:
    if fault["v2_only"] and not FLAG["OUTBOX_V2_ENFORCED"]:
        return state
    if fault["lost_handoff"]:
        return {**state, "outbox": []}
    if fault["state_mismatch"]:
        return copy.deepcopy(state)
    return state


async def deliver(state: dict[str, Any], phone: str, conv: str, idem: str, fault: dict[str, Any]) -> None:
    outbox = state["outbox"]
    outbox_trace("delivery", state, conv, idem)
    if not outbox and fault["guard"]:
        trace.error(
            "OUTBOX_GUARD|level=CRITICAL|type=handoff_violation|planner_after=1|delivery_before=0|conv=%s|idem=%s",
            conv,
            idem,
        )
        guards.error(
            "CRITICAL OUTBOX HANDOFF VIOLATION DETECTED:\n"
            "  Planner produced: 1 messages\n"
            "  Delivery received: 0 messages\n"
            "  State outbox ID: %s\n"
            "  Conversation: %s",
            id(outbox),
            conv,
        )
        raise HandoffViolation("CRITICAL outbox handoff violation: planner_after=1, delivery_before=0")

    delivery.info("PRE-DELIVERY – Outbox contains %s message(s)", len(outbox))
    delivery.info("delivery_outbox_count_before: %s", len(outbox))
    source = "meta"
    if not outbox:
        delivery.warning("PRE-DELIVERY – EMPTY OUTBOX detected, adding emergency fallback")
        outbox.append({"text": FALLBACK, "channel": "whatsapp", "meta": {}, "idempotency_key": idem})
        delivery.info("delivery_emergency_fallback_added: 1 (count: 1)")
        source = "state"
    log_first_item(delivery, "delivery", outbox)

    if FLAG["DELIVERY_DISABLE"] and not fault["ignore_kill_switch"]:
        delivery.warning("DELIVERY_DISABLE=true: delivery is off, message to %s not sent", phone)
        sent = False
    else:
        sent = await send(outbox[0]["text"], source, phone, conv, idem, fault)
    delivery.info("delivery_sent_count: %s", int(sent))
    delivery.info("delivery_queued_count: 0")
    delivery.info("idempotency_dedup_hits: 0")
    delivery.info("Delivery completed: %s messages sent, 0 queued", int(sent))
    metrics.info("outbox_handoff_complete")


async def send(text: str, source: str, phone: str, conv: str, idem: str, fault: dict[str, Any]) -> bool:
    instance = INSTANCE if fault["invalid_instance"] is None else fault["invalid_instance"]
    trace.info("INSTANCE_TRACE|source=%s|instance=%s|conv=%s|idem=%s", source, instance, conv, idem)
    if fault["invalid_instance"] is not None:
        for _repeat in range(random.choice((2, 3))):
            trace.error(
                "INSTANCE_GUARD|level=CRITICAL|type=invalid_pattern|value=%s|conv=%s|idem=%s", instance, conv, idem
            )
        if not fault["invalid_instance_sent"]:
            delivery.error("Message to %s not sent: invalid instance %r", phone, instance)
            return False

    trace.info("DELIVERY_TRACE|action=send|instance=%s|phone=%s|conv=%s|idem=%s", instance, phone, conv, idem)
    receptionist.info("Sending text message to %s via instance %s", phone, instance)
    await asyncio.sleep(fault["hang_send"])
    error, code = await ask_gateway(instance, phone, text)
    status = "failed" if error else "success"
    http = code if TRACE_HTTP and code else "unknown"
    trace.info(
        "DELIVERY_TRACE|action=result|status=%s|http=%s|instance=%s|conv=%s|idem=%s", status, http, instance, conv, idem
    )
    if error:
        answer = {"status": "error", "error": error, "phone": phone, "instance": instance}
        delivery.error("WhatsApp message failed: %s", answer)
        delivery.warning("Message delivery failed: %s", idem)
        metrics.critical("CRITICAL ALERT: delivery_failure_rate=1.0 exceeds threshold=0.1")
        return False
    delivery.info("WhatsApp message sent successfully to %s: %s...", phone, text[:50])
    delivery.info("Message delivered successfully: %s", idem)
    return True


async def ask_gateway(instance: str, phone: str, text: str) -> tuple[str | None, int | None]:
    """Sends by the Evolution API; returns what went wrong (None: nothing did) and the HTTP status, if there was one."""
    if GATEWAY_VERSION == "1":
        body: dict[str, Any] = {"number": phone, "textMessage": {"text": text}, "options": {"delay": 0}}
    else:
        body = {"number": phone, "text": text, "delay": 0}
    try:
        response = await app.state.gateway.post(
            f"{GATEWAY}/message/sendText/{instance}", json=body, headers={"apikey": API_KEY}
        )
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        receptionist.error("HTTP error in Evolution API request: %s - %s", code, error.response.text)
        receptionist.error("send_message failed for %s: %s", phone, error)
        return str(error), code
    except httpx.HTTPError as error:
        receptionist.error("Request error in Evolution API: %r", error)
        receptionist.error("send_message failed for %s: %s", phone, error)
        return str(error) or repr(error), None
    receptionist.info("Message sent successfully to %s", phone)
    return None, response.status_code


if __name__ == "__main__":
    sys.exit("Start it with: python -m uvicorn main:app --host 127.0.0.1 --port 8000")
