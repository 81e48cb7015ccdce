# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release is tried before it is put in place: beside the one that runs, in a room that nothing leaves.

There it has to start, to answer, and to plan a reply to a message of ours. What falls short of that where its database
and the like cannot be reached says little: then the one in place is tried in the same way, and is the measure.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import queue
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import _http, _smoke
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import GitFailed
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, shown
from ansible_collections.kumon.runbook.plugins.module_utils._room import NoRoom, Room, place_of, within
from ansible_collections.kumon.runbook.plugins.module_utils._service import Health, Service
from ansible_collections.kumon.runbook.plugins.module_utils._start import NotTried, Start
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.reader import TraceReader
from ansible_collections.kumon.runbook.plugins.module_utils.log.sources import Tail
from ansible_collections.kumon.runbook.plugins.module_utils.log.stamps import StampReader

TRIAL_SPEC: dict[str, dict[str, Any]] = {
    "trial": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
    "webhook_url": {"type": "str"},
    "webhook_headers": {"type": "dict", "default": {}, "no_log": True},
    "phone": {"type": "str", "no_log": True},
    "instance": {"type": "str"},
    "gateway_url": {"type": "str"},
    "log_paths": {"type": "list", "elements": "str", "default": []},
}
# Nobody has it: there is no such area code.
NOBODYS_PHONE = "5500900000000"
TEXT = "Teste de fumaça {id}"
POLL = 0.1
# How long what was planned for the message is waited for, and then what is sent of it.
PLAN_WAIT, SEND_WAIT = 15.0, 1.0
# Less is no trial.
SHORTEST = 5.0
# What starts and is asked nothing has to live for so long.
LIVES = 3.0
LAST_LINES = 3
LINE_LIMIT = 200


class Trial:
    """Tries releases of one service. Raises NotTried where that cannot be."""

    def __init__(self, params: Mapping[str, Any], host: Host, service: Service, pids: list[int], start: Start):
        self.params = params
        self.host = host
        self.start = start
        self.place = place_of(params["app_dir"])
        self.needed = [path for path in (params["app_dir"], params["venv"], start.cwd) if path]
        health = service.health
        self.health = Health([self._inside(url, pids) for url in health.urls], health.timeout, health.fields)
        self.webhook_url = self._inside(params["webhook_url"], pids) if params["webhook_url"] else None

    def _inside(self, url: str, pids: list[int]) -> str:
        """Where in the room it is asked: by the service itself, and not by a proxy before it or another host."""
        proc = self.host.proc
        ports, parts = proc.ports(pids), urlsplit(url)
        if (_http.port_of(url) in ports or not pids) and _http.is_local(url):
            return url
        if len(ports) == 1 and proc.is_listening(ports[0], ["127.0.0.1"]):
            return f"http://127.0.0.1:{ports[0]}{parts.path}{'?' + parts.query if parts.query else ''}"
        raise NotTried(detail("trial_elsewhere", url=shown(url)))

    def run(self, place: Callable[[], None], seconds: float, start: Start | None = None) -> dict[str, Any]:
        """Put a release in place in a room, start it, by default as the present one, and ask it. Raises NotTried."""
        if seconds < SHORTEST:
            raise NotTried(detail("trial_no_time"))
        try:
            seen: dict[str, Any] = within(
                lambda room: _Attempt(self, start or self.start, room, seconds).perform(place),
                self.place,
                self.needed,
                seconds,
            )
        except NoRoom as exc:
            raise NotTried(exc.why) from exc
        if seen.get("unplaced"):
            raise NotTried(detail("room_fails", reason=seen["unplaced"]))
        if seen["full"]:
            raise NotTried(detail("room_full"))
        return seen


class _Attempt:
    """One release in its room."""

    def __init__(self, trial: Trial, start: Start, room: Room, seconds: float):
        self.params, self.start, self.health = trial.params, start, trial.health
        self.webhook_url = trial.webhook_url
        self.room = room
        self.proc = Proc()
        self.began = time.monotonic()
        self.end = self.began + seconds
        self.asked = 0
        self.output = os.memfd_create("output")
        self.child: subprocess.Popen[bytes] | None = None
        self.gateway: _Gateway | None = None
        self.seen: dict[str, Any] = {
            "answered": False,
            "ended": None,
            "started": None,
            "http": None,
            "planned": None,
            "sends": None,
        }

    def perform(self, place: Callable[[], None]) -> dict[str, Any]:
        try:
            place()
        except (GitFailed, Refused, OSError) as exc:
            return {"unplaced": str(exc)}
        for path in self.params["log_paths"]:
            self.room.empty(path)
        self.gateway = _Gateway.at(self.params["gateway_url"])
        self.room.give_up_rights()
        self._launch()
        if self._answers() and self.webhook_url:
            self._probe()
        return dict(
            self.seen,
            full=self.room.is_full,
            reached=max(0, _attempts() - self.asked - (self.gateway.connections if self.gateway else 0)),
            last=self._last_lines(),
            seconds=round(time.monotonic() - self.began, 2),
        )

    def _launch(self) -> None:
        start = self.start
        identity: dict[str, Any] = {"umask": start.umask}
        if os.geteuid() == 0 and start.uid != 0:
            identity.update(user=start.uid, group=start.gid, extra_groups=start.groups)
        try:
            self.child = subprocess.Popen(
                start.argv,
                cwd=start.cwd,
                env=start.environ,
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                start_new_session=True,
                **identity,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            self.seen["ended"] = 126
            os.write(self.output, f"{start.argv[0]} cannot be started: {exc}\n".encode("utf-8", "replace"))

    def _is_over(self) -> bool:
        """Whether it has ended; one that goes on in the background has not."""
        code = self.child.poll() if self.child else self.seen["ended"]
        if code is None or (code == 0 and len(self.proc.pids()) > 1):
            return False
        self.seen["ended"] = code
        return True

    def _answers(self) -> bool:
        """Wait until it serves; what is never asked has to live."""
        begun = time.monotonic()
        while time.monotonic() < self.end:
            if self._serves(time.monotonic() - begun):
                self.seen.update(answered=True, started=round(time.monotonic() - begun, 2))
                return True
            if self._is_over():
                return False
            time.sleep(POLL)
        return False

    def _serves(self, lived: float) -> bool:
        if self.health.urls:
            answers = self.health.ask(max(0.1, min(self.health.longest, self.end - time.monotonic())))
            self.asked += len(answers)
            return bool(answers) and answers[-1].kind == "ok"
        port = self.params["port"]
        return not self._is_over() and (self.proc.is_listening(port) if port else lived >= LIVES)

    # -- one message

    def _probe(self) -> None:
        phone = self.params["phone"] or NOBODYS_PHONE
        instance = self.params["instance"] or "kumon_assistant"
        message_id = "RUNBOOK" + secrets.token_hex(10).upper()
        now, log = time.time(), self._log()
        due = now + PLAN_WAIT
        readers = []
        for _source in (self.output, log):
            reader = TraceReader(_smoke.MessageBalance(phone, instance, message_id, due), StampReader(due), due)
            reader.read_live(due)
            readers.append(reader)
        at = os.fstat(self.output).st_size
        text = TEXT.replace("{id}", message_id)
        answers = self._post(_smoke.event(phone, instance, text, message_id, now))
        answer, changed = None, time.monotonic()
        before: dict[str, int] = {}
        end = min(self.end, changed + PLAN_WAIT)
        while True:
            with contextlib.suppress(queue.Empty):
                answer = answers.get_nowait()
            at = self._feed(readers[0], at)
            if log is not None:
                with contextlib.suppress(SourceError):
                    log.read(readers[1])
            seen = _added(*(_progress(reader) for reader in readers))
            if seen != before:
                before, changed = seen, time.monotonic()
            idle = time.monotonic() - changed
            planned = seen["planned"] or seen["read"] or seen["sent"] or seen["settled"] or self._sends()
            refused = answer is not None and not _smoke.accepted(answer)
            if (
                (planned or seen["guards"] or refused)
                and idle >= SEND_WAIT
                or time.monotonic() >= end
                or self._is_over()
            ):
                break
            time.sleep(POLL)
        self.seen.update(
            planned=max(seen["planned"], int(bool(planned))),
            http=answer.status if answer else None,
            sends=self._sends() if self.gateway else None,
        )

    def _sends(self) -> int:
        return self.gateway.sends if self.gateway else 0

    def _log(self) -> Tail | None:
        with contextlib.suppress(SourceError, OSError):
            return Tail(self.params["log_paths"]) if self.params["log_paths"] else None
        return None

    def _post(self, data: dict[str, Any]) -> queue.Queue[_http.Answer]:
        answers: queue.Queue[_http.Answer] = queue.Queue()
        headers = {str(name): str(value) for name, value in self.params["webhook_headers"].items()}
        url = self.webhook_url or ""
        self.asked += 1
        threading.Thread(
            target=lambda: answers.put(_http.post_json(url, data, PLAN_WAIT, headers)), daemon=True
        ).start()
        return answers

    def _feed(self, reader: TraceReader, at: int) -> int:
        """Read on what it has said, in whole lines."""
        content = os.pread(self.output, 1 << 20, at)
        end = content.rfind(b"\n")
        if end < 0:
            return at
        reader.feed(content[:end])
        return at + end + 1

    def _last_lines(self) -> list[str]:
        size = os.fstat(self.output).st_size
        content = os.pread(self.output, 1 << 14, max(0, size - (1 << 14))).decode("utf-8", "replace")
        lines = [line for line in content.splitlines() if line.strip()][-LAST_LINES:]
        return [redact(line)[:LINE_LIMIT] for line in lines]


def _progress(reader: TraceReader) -> dict[str, int]:
    balance = reader.balance
    return balance.progress if isinstance(balance, _smoke.MessageBalance) else {}


def _added(*each: Mapping[str, int]) -> dict[str, int]:
    names = {name for one in each for name in one}
    return {name: sum(one.get(name, 0) for one in each) for name in names}


def _attempts() -> int:
    """How often anything was to be reached from within this network."""
    counters: dict[str, int] = {}
    with contextlib.suppress(OSError), open("/proc/net/snmp", encoding="ascii") as handle:
        lines = [line.split() for line in handle]
        for names, numbers in zip(lines[::2], lines[1::2]):
            counters.update({names[0] + name: int(number) for name, number in zip(names[1:], numbers[1:])})
    with contextlib.suppress(OSError), open("/proc/net/snmp6", encoding="ascii") as handle:
        counters.update({name: int(number) for name, number in (line.split() for line in handle)})
    return sum(counters.get(name, 0) for name in ("Tcp:ActiveOpens", "Udp:OutDatagrams", "Udp6OutDatagrams"))


class _Gateway:
    """What stands in the gateway's place, and takes what is sent: nothing goes any further."""

    def __init__(self, address: str, port: int):
        gateway = self
        self.connections = self.sends = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def setup(self) -> None:
                gateway.connections += 1
                super().setup()

            def log_message(self, *_about: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._say(200, {"instance": {"state": "open"}})

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length") or "0"
                self.rfile.read(int(length) if length.isdigit() else 0)
                gateway.sends += "/message/" in self.path
                self._say(201, {"key": {"id": f"TRIAL{gateway.sends}", "fromMe": True}, "status": "PENDING"})

            def _say(self, code: int, data: Any) -> None:
                body = json.dumps(data).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = http.server.ThreadingHTTPServer((address, port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()

    @classmethod
    def at(cls, url: str | None) -> _Gateway | None:
        """One at the URL's place in this room, None where there can be none."""
        parts = urlsplit(url or "")
        if parts.scheme != "http" or not parts.hostname or _http.check_url(url or ""):
            return None  # what is encrypted is not to be understood
        name, address = parts.hostname, parts.hostname
        if ":" in name:
            return None
        if not re.fullmatch(r"[0-9.]+", name):
            address = "127.77.0.1"
            with contextlib.suppress(OSError):
                with open("/etc/hosts", encoding="utf-8", errors="surrogateescape") as handle:
                    hosts = handle.read()
                with open("/etc/hosts", "w", encoding="utf-8", errors="surrogateescape") as handle:
                    handle.write(f"{address} {name}\n{hosts}")
        with contextlib.suppress(OSError):
            return cls(address, _http.port_of(url or ""))
        return None


# -- judging


def falls_short(seen: Mapping[str, Any], probed: bool) -> Detail | None:
    """What a release did not do that was tried, None when it did all."""
    if not seen["answered"]:
        if seen["ended"] is not None:
            return detail("trial_ended", exit=seen["ended"])
        return detail("trial_silent", seconds=round(seen["seconds"]))
    if not probed or seen["planned"]:
        return None
    if seen["http"] is not None and not 200 <= seen["http"] < 300:
        return detail("trial_webhook", http=seen["http"])
    return detail("trial_no_plan", started=seen["started"])


def sentence(why: Detail, seen: Mapping[str, Any]) -> str:
    """The same for a message of the module."""
    fields = why["fields"]
    lines = f" (last log lines: {' / '.join(seen['last'])})" if seen["last"] else ""
    return {
        "trial_ended": f"its process ended at start with code {fields.get('exit')}{lines}",
        "trial_silent": f"it did not answer within {fields.get('seconds')} s{lines}",
        "trial_webhook": f"it started and answered, and its webhook answers HTTP {fields.get('http')}",
        "trial_no_plan": "it started, answered, and planned nothing for a message of ours",
    }[why["code"]]
