# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of the later releases, and what containers put around a line."""

from __future__ import annotations

import json
from datetime import datetime, timezone

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc).timestamp()
LOGGER = "app.core.structured_logging"
DELIVERY = "app.core.router.delivery_io"


def stamp(at, digits=9):
    return (
        datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").ljust(20 + digits, "0")[: 20 + digits]
    )


ENVELOPES = {
    "plain": lambda at, line, stream: line,
    "docker-json": lambda at, line, stream: json.dumps({"log": line + "\n", "stream": stream, "time": stamp(at) + "Z"}),
    "docker": lambda at, line, stream: f"{stamp(at)}Z {line}",
    "compose": lambda at, line, stream: f"\x1b[36mkumon_assistant  |\x1b[0m {line}",
    "compose-t": lambda at, line, stream: f"kumon_assistant  | {stamp(at)}Z {line}",
    "cri": lambda at, line, stream: f"{stamp(at)}Z {stream} F {line}",
    "kubectl": lambda at, line, stream: f"[pod/kumon-5/app] {stamp(at)}Z {line}",
    "journal": lambda at, line, stream: json.dumps({"MESSAGE": line, "__REALTIME_TIMESTAMP": str(int(at * 1e6))}),
}


def _railway(at, line, stream):
    row = {"level": "error" if stream == "stderr" else "info", "message": line, "timestamp": stamp(at) + "Z"}
    if line.startswith("{"):
        row = {**json.loads(line), "timestamp": stamp(at) + "Z"}
    return json.dumps(row)


ENVELOPES["railway"] = _railway


class Later:
    """Lines of one process: (time, stream, text)."""

    def __init__(self):
        self.rows = []

    def add(self, at, text, stream="stdout"):
        """One print; its text may have line breaks."""
        self.rows += [(at, stream, line) for line in text.split("\n")]
        return self

    def log(self, at, message, level="INFO", logger=LOGGER):
        """A line of logging's default."""
        return self.add(at, f"{level}:{logger}:{message}", "stderr")

    def native(self, at, message, level="INFO"):
        """A JSON line of the application."""
        record = {"timestamp": stamp(at, 6), "level": level, "logger": "kumon_receptionist", "message": message}
        return self.add(at, json.dumps({**record, "module": "evolution", "line": 312}))

    def lines(self, envelope="plain"):
        """The lines as they are stored."""
        return [ENVELOPES[envelope](at, text, stream) for at, stream, text in self.rows]


def pipeline_turn(log, at, number, end="sent", phone=None):
    """A turn of the pipeline grammar: sent, failed, exception, hanging, locked, greeted, refused or unread."""
    phone = phone or f"55119{number:08d}"
    last, message_id = phone[-4:], f"3EB0{number:08X}"
    key = f"kumon_assistant:{phone}:{message_id}"
    log.log(at, f"DEDUP|event=DEDUP|type=new_message|key={key}|timestamp={stamp(at, 6)}|phone={last}")
    if end == "locked":
        return log.native(at, f"TURNLOCK|duplicate|conv=conv_{phone}", "WARNING")
    log.native(at, f"TURNLOCK|acquired|conv=conv_{phone}")
    if end == "greeted":
        return log.native(at, f"WORKFLOW|greeting_loop_prevented|phone={last}", "WARNING")
    if end == "refused":
        return log.native(at, "\U0001f6a8 SECURITY BREACH BLOCKED: Message processing terminated", "CRITICAL")
    if end == "unread":
        return log
    log.native(at + 0.01, f"PIPELINE|plan_complete|phone={last}|outbox_count=1")
    log.log(at + 0.01, f"PIPELINE|event=plan_complete|phone={last}|outbox_count=1|message_preview=oi")
    turn = f"turn=single_{message_id}"
    log.log(at + 0.02, f"DELIVERY|turn_based_start|phone={last}|{turn}", logger=DELIVERY)
    idem = f"idem=fallback:{phone}:single_{message_id}"
    if end == "sent":
        log.log(at + 0.4, f"DELIVERY|sent|{turn}|{idem}|provider_id=None|text_len=59", logger=DELIVERY)
    elif end == "failed":
        error = "\"Server error '500 Internal Server Error' for url 'http://g/message/sendText'\""
        log.log(at + 0.4, f"DELIVERY|send_failed|{turn}|{idem}|result={{'error': {error}}}", "ERROR", DELIVERY)
    elif end == "exception":
        log.log(at + 0.4, f"DELIVERY|exception|{turn}|error='str' object has no attribute 'get'", "ERROR", DELIVERY)
    if end != "hanging":
        log.log(at + 0.5, f"PIPELINE|event=delivery_complete|phone={last}|turn_status=x|messages_sent=0")
        log.native(at + 0.5, f"PIPELINE|complete|phone={last}|pipeline_success=true")
    return log


def one_turn(log, at, number, end="sent", text="oi", message_id=None):
    """A turn of the one-turn grammar: sent, failed, error, open, or repeated (ignored by the assistant)."""
    message_id = message_id or f"3EB0{number:08X}"
    phone = f"55119{number:08d}"
    log.add(at, f"WEBHOOK|received|message_id={message_id}|phone=****{phone[-4:]}")
    if end == "repeated":
        return log.add(at, f"PIPELINE|turn_duplicate|message_id={message_id}")
    log.add(at, f"PIPELINE|turn_start|message_id={message_id}")
    log.add(at, f"DEBUG|before_langgraph|text='{text}'")
    log.add(at, f"DEBUG|before_langgraph|phone={phone}")
    log.add(at, f"PIPELINE|checkpoint_config|thread_id={phone}")
    log.add(at, f"DEBUG|run_flow_called|message_id={message_id}")
    log.add(at, f"PIPELINE|flow_start|message_id={message_id}")
    log.add(at, f"DEBUG|gemini_classifier|classify_called|text='{text}'|enabled=True")
    log.add(at, f"DEBUG|ANTES_BUILD_PROMPT|text='{text}'|context_keys=['phone', 'text']")
    if end == "open":
        return log
    if end == "failed":
        for attempt in range(1, 5):
            log.add(
                at + 1,
                f"DELIVERY|http_error|status=500|attempt={attempt}/4|url=http://g|body=<html>\n</html>",
                "stderr",
            )
    if end == "error":
        log.add(at + 1, "PIPELINE|flow_error|error='phone_number'")
    else:
        log.add(at + 1, f"PIPELINE|flow_complete|sent={'true' if end == 'sent' else 'false'}")
    log.add(at + 1, "DEBUG|after_langgraph|response='Olá!'")
    log.add(at + 1, f"DEBUG|after_langgraph|sent={'true' if end == 'sent' else 'false'}")
    if end == "sent":
        log.add(at + 1, f"PIPELINE|turn_replied|message_id={message_id}")
    return log.add(at + 1, f"PIPELINE|turn_end|message_id={message_id}")
