# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message of our own, sent to the assistant's webhook and followed through its log; what that proves.

The message is told from others by where it stands, not by any clock: the log's end is noted, the message is sent, and
what the log says of its phone from there on belongs to it. An earlier message of the same phone whose traces come late
is told apart by its key, which was planned before.
"""

from __future__ import annotations

import contextlib
import queue
import re
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _http
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, shown
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.module_utils.log.balance import Balance
from ansible_collections.kumon.runbook.plugins.module_utils.log.events import PLANNED, SENT, SETTLED, SUCCESS, Event
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.journald import JournalSource
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import Tail
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

LONGEST_WAIT = 600
POLL_SECONDS = 0.1
# After this long without another trace of the message, its turn is taken as ended once its outcome is known.
SETTLE_SECONDS = 0.5
_KEY_HEADERS = ("apikey", "x-api-key", "authorization")
_PHONE = re.compile(r"[0-9]{10,15}\Z")
_INSTANCE = re.compile(r"[^\s/?#|\x00-\x1f]{1,100}\Z")


class MessageBalance(Balance):
    """Counts what becomes of one message of ours, which is known by its phone and by its id.

    Whatever else the log says of that phone is of an older message: `strays` are the sends and deliveries among it,
    which are none of ours in a test whether messages go out, and are some too many in a test whether none does.
    """

    def __init__(self, phone: str, instance: str, message_id: str, now: float) -> None:
        # A grace of 0 seconds: whoever waits knows by himself what is still on its way.
        super().__init__(now=now, grace=0, conversation=phone, expected_instance=instance, max_samples=3)
        self._own = {message_id.encode()}
        self._phone = phone.encode()
        self.strays = 0

    def _concerns(self, event: Event, by_id: bool) -> bool:
        if by_id:
            # Some lines know the last digits alone; ids are told apart by themselves.
            return event.key in self._own if event.key else self._phone.endswith(event.conversation or b"-")
        if not super()._concerns(event, by_id):
            return False
        if event.stage == PLANNED:
            self._own.add(event.key)
        if event.key in self._own:
            return True
        self.strays += event.stage == SENT or (event.stage == SETTLED and event.outcome == SUCCESS)
        return False

    @property
    def progress(self) -> dict[str, int]:
        """How far the message came: planned, read, lost, guards, sent and settled (with a result)."""
        return {**self.observed, "lost": self._lost, "guards": len(self._incidents), "strays": self.strays}


def event(phone: str, instance: str, text: str, message_id: str, now: float) -> dict[str, Any]:
    """Return a `messages.upsert` event as the Evolution API posts it to its webhook."""
    return {
        "event": "messages.upsert",
        "instance": instance,
        "data": {
            "key": {"remoteJid": f"{phone}@s.whatsapp.net", "fromMe": False, "id": message_id},
            "pushName": "Kumon runbook",
            "message": {"conversation": text},
            "messageType": "conversation",
            "messageTimestamp": int(now),
            "instanceId": instance,
            "source": "unknown",
        },
        "date_time": datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }


def check(params: Mapping[str, Any]) -> None:
    """Raise Refused with one sentence for what cannot be sent or followed."""
    wrong = _http.check_url(params["webhook_url"])
    if wrong:
        url = shown(params["webhook_url"])
        raise Refused(f"webhook URL {url!r} is not valid ({wrong}): correct runbook_webhook_url")
    if not _PHONE.match(params["phone"]):
        raise Refused("smoke_test_phone is no phone number: give 10 to 15 digits, the country's code first")
    if not _INSTANCE.match(params["instance"]):
        raise Refused(f"{params['instance']!r} is no name of an instance: correct runbook_evolution_instance")
    if not params["text"].strip():
        raise Refused("the text of the message is empty: set smoke_test_text")
    if not 1 <= params["wait"] <= LONGEST_WAIT:
        raise Refused(f"wait must be between 1 and {LONGEST_WAIT} seconds, not {params['wait']:g}")
    if params["quiet"] is not None and not 0 < params["quiet"] <= params["wait"]:
        raise Refused(f"quiet must be above 0 and at most wait ({params['wait']:g} s), not {params['quiet']:g}")
    if _http.check_headers(params["headers"]):
        # Sending would say so too, after the log's end was noted.
        raise Refused("a header of the webhook is malformed: correct smoke_test_webhook_headers")


def keyed(headers: Mapping[str, Any]) -> bool:
    """Whether a header is there that assistants want to see; without it they drop the message, and say HTTP 200."""
    return any(str(name).lower() in _KEY_HEADERS for name, value in headers.items() if str(value))


def open_source(params: Mapping[str, Any]) -> Tail | JournalSource:
    """Return the log, to be read from its present end on. Raises Refused."""
    try:
        if params["source"] == "file":
            return Tail(params["paths"])
        journal = JournalSource(params["unit"], None)
        journal.skip_to_end()
        return journal
    except SourceError as error:
        raise Refused(str(error)) from error


def accepted(answer: _http.Answer | None) -> bool:
    """Whether the webhook took the message: HTTP 2xx, with whatever text, because releases answer differently."""
    return answer is not None and answer.status is not None and 200 <= answer.status < 300


def refuse_wrong_webhook(answer: _http.Answer) -> None:
    """Raise Refused where what answers cannot be the assistant's webhook, so that the message went nowhere."""
    correct = "correct runbook_webhook_url"
    if answer.kind == "refused":
        raise Refused(f"nothing listens at {answer.url}: start the service, or {correct}")
    if answer.detail == "HTML" and (answer.status or 0) < 500:  # above it is a proxy's page for a service that is down
        raise Refused(f"{answer.url} answers HTML, it is not the assistant's webhook: {correct}")
    if answer.status in (404, 405):
        raise Refused(f"{answer.url} answers HTTP {answer.status}, there is no webhook: {correct}")
    if answer.status is not None and 300 <= answer.status < 400:
        raise Refused(f"{answer.url} redirects (HTTP {answer.status}): set runbook_webhook_url to where the webhook is")
    if answer.status in (401, 403):
        raise Refused(
            f"{answer.url} answers HTTP {answer.status}: give what it wants to see in smoke_test_webhook_headers"
        )


def is_over(progress: Mapping[str, int], idle: float, quiet: float | None) -> bool:
    """Whether nothing more is to come of the message, `idle` seconds after the last that was seen of it.

    Without `quiet` a message that is read and not sent is waited for.
    """
    on_its_way = progress["sent"] - progress["settled"]
    if progress["sent"] and on_its_way <= 0 and progress["read"] + progress["lost"] >= progress["planned"]:
        return idle >= SETTLE_SECONDS
    if progress["guards"] and on_its_way <= 0:  # a turn ends at its guard, or sends within milliseconds of it
        return idle >= 2 * SETTLE_SECONDS
    seen = progress["read"] or progress["lost"]
    return quiet is not None and bool(seen) and not progress["sent"] and idle >= quiet


def send(params: Mapping[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Send one message and follow it until its outcome is known, for at most `wait` seconds.

    :param params: the options of ``smoke_test_message``
    :returns: ``{message: {id, phone, sent, sent_at, accepted, http, detail, keyed}, traces, strays, settled,
        quiet_seconds, seconds}``; in check mode nothing is sent and ``traces`` is None. Raises Refused.
    """
    check(params)
    began = host.clock()
    message_id = "RUNBOOK" + secrets.token_hex(10).upper()
    message: dict[str, Any] = {"id": message_id, "phone": redact(params["phone"] + "@s.whatsapp.net").partition("@")[0]}
    message.update(sent=False, sent_at=None, accepted=None, http=None, detail="not sent")
    message["keyed"] = keyed(params["headers"])
    result = {"message": message, "traces": None, "strays": 0, "settled": False, "quiet_seconds": 0.0}
    with open_source(params) as source:
        if not check_mode:
            now = time.time()
            # What came before `now + wait` is due by the end of it.
            due = now + params["wait"]
            balance = MessageBalance(params["phone"], params["instance"], message_id, due)
            reader = TraceReader(balance, StampReader(due), due)
            reader.read_live(due)  # whatever the log's clock says
            text = params["text"].replace("{id}", message_id)
            answers = _post(params, event(params["phone"], params["instance"], text, message_id, now))
            message.update(sent=True, sent_at=iso(now))
            answer, result["settled"], quiet = _follow(params, host, source, reader, balance, answers)
            message.update(
                accepted=accepted(answer),
                http=answer.status if answer else None,
                detail=_told(answer) if answer else f"no answer within {params['wait']:g} s",
            )
            result.update(strays=balance.strays, quiet_seconds=round(quiet, 2))
            result["traces"] = dict(
                balance.result(), lines=reader.lines, bytes=reader.bytes, truncated=source.notes.truncated
            )
    result["seconds"] = round(host.clock() - began, 3)
    return result


def _told(answer: _http.Answer) -> str:
    """Say what the webhook answered, in its own word for it where it has one."""
    status = answer.json.get("status")
    own = f", {redact(status)[:40]}" if isinstance(status, str) else ""
    # What is no JSON has other words for it; a pause that is asked for is worth knowing.
    pause = "" if answer.retry_after is None else f", again after {answer.retry_after:g} s"
    return (f"HTTP {answer.status}{pause}" if answer.status is not None else answer.detail) + own


def _post(params: Mapping[str, Any], data: dict[str, Any]) -> queue.Queue[_http.Answer]:
    """Post beside the reading: a webhook may answer when all is done, or never."""
    answers: queue.Queue[_http.Answer] = queue.Queue()
    headers = {str(name): str(value) for name, value in params["headers"].items()}

    def post() -> None:
        answers.put(_http.post_json(params["webhook_url"], data, params["wait"], headers))

    threading.Thread(target=post, daemon=True).start()
    return answers


def _follow(
    params: Mapping[str, Any],
    host: Host,
    source: Tail | JournalSource,
    reader: TraceReader,
    balance: MessageBalance,
    answers: queue.Queue[_http.Answer],
) -> tuple[_http.Answer | None, bool, float]:
    """Read on until the outcome is known; return the webhook's answer, whether it is known, and the last silence."""
    begun = changed = host.clock()
    answer: _http.Answer | None = None
    seen = balance.progress
    while True:
        if answer is None:
            with contextlib.suppress(queue.Empty):
                answer = answers.get_nowait()
                refuse_wrong_webhook(answer)
        try:
            source.read(reader)
        except SourceError as error:
            raise Refused(f"the message was sent and cannot be followed any more: {error}") from error
        now = host.clock()
        if balance.progress != seen:
            seen, changed = balance.progress, now
        idle = now - changed
        if answer is not None and (not accepted(answer) or is_over(seen, idle, params["quiet"])):
            return answer, accepted(answer), idle
        if now - begun >= params["wait"]:
            return answer, is_over(seen, idle, params["quiet"]), idle
        host.sleep(POLL_SECONDS)
