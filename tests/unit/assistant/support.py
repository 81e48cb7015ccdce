# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the stand-in assistant share: its programs, its log read by a grammar of the tests' own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "assistant"
# The programs import each other by bare name, as uvicorn finds them in their working directory.
sys.path.insert(0, str(PROGRAMS))

import scene as scene_module  # noqa: E402
import traffic  # noqa: E402

KINDS = ("OUTBOX_TRACE", "INSTANCE_TRACE", "DELIVERY_TRACE", "OUTBOX_GUARD", "INSTANCE_GUARD")
_KEYS = r"\|conv=conv_\d+_\d{8}_\d{6}\|idem=(?:[0-9a-f]{16}|unknown)"
GRAMMAR = {
    "planner": rf"OUTBOX_TRACE\|phase=planner{_KEYS}\|state_id=\d+\|outbox_id=\d+\|count=\d+",
    "delivery": rf"OUTBOX_TRACE\|phase=delivery{_KEYS}\|state_id=\d+\|outbox_id=\d+\|count=\d+",
    "instance": rf"INSTANCE_TRACE\|source=(?:meta|state)\|instance=\w*{_KEYS}",
    "send": rf"DELIVERY_TRACE\|action=send\|instance=\w*\|phone=\d+{_KEYS}",
    "result": rf"DELIVERY_TRACE\|action=result\|status=(?:success|failed)\|http=unknown\|instance=\w*{_KEYS}",
    "outbox_guard": r"OUTBOX_GUARD\|level=CRITICAL\|type=handoff_violation\|planner_after=1\|delivery_before=0" + _KEYS,
    "instance_guard": rf"INSTANCE_GUARD\|level=CRITICAL\|type=invalid_pattern\|value=\w*{_KEYS}",
}
LOGGER = "app.core.observability.structured_logging"
HEAD = {
    "basic": rf"(INFO|ERROR):{re.escape(LOGGER)}:(.*)",
    "asctime": rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} - {re.escape(LOGGER)} - (INFO|ERROR) - (.*)",
    "bare": r"()(.*)",
}


def messages(log: str, log_format: str) -> list[tuple[str, str]]:
    """(level, message) of every record that is framed as one of the trace logger."""
    found = []
    for line in log.split("\n"):
        if log_format == "json":
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry["logger"] == LOGGER:
                    found.append((entry["level"], entry["message"]))
        elif match := re.fullmatch(HEAD[log_format], line, re.DOTALL):
            found.append((match.group(1), match.group(2)))
    return [(level, message) for level, message in found if message.startswith(KINDS)]


def fields(message: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in message.split("|")[1:])


class Assistant:
    """A running scene, and what a test does with it: one turn with some faults, and what that one left in the log."""

    def __init__(self, scene, log_format: str = "basic") -> None:
        self.scene = scene
        self.log_format = log_format
        self.number = 0

    def log(self) -> str:
        # No translation of line ends: customers' text has all of them.
        return Path(self.scene.data["assistant"]["log"]).read_bytes().decode("utf-8")

    def counters(self) -> dict:
        return self.scene.counters()

    def post(self, text: str = "Bom dia!", message_id: str | None = "made") -> None:
        self.number += 1
        event = traffic.event(traffic.FIRST_PHONE + self.number, text, f"TEST{self.number:016X}")
        if message_id is None:
            del event["data"]["key"]["id"]
        assert traffic.post(self.scene.data["assistant"]["webhook_url"], event) == "accepted"

    def turn(
        self, until: str = "Delivery completed: ", text: str = "Bom dia!", message_id: str | None = "made", **faults
    ):
        """Runs one turn under these faults alone and waits for `until`; returns its traces in order, by name."""
        self.scene.fault(clear=True, **faults)
        before = len(self.log())
        asked = self.counters()["asked"]
        self.post(text, message_id)
        wait_until(lambda: until in self.log()[before:])
        self.last = self.log()[before:]
        self.last_asked = self.counters()["asked"] - asked
        return [message for _level, message in messages(self.last, self.log_format)]


def wait_until(condition, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def kinds(traces: list[str]) -> list[str]:
    """The names in GRAMMAR; a trace that fits none of them fails the test."""
    names = []
    for message in traces:
        fitting = [name for name, pattern in GRAMMAR.items() if re.fullmatch(pattern, message)]
        assert len(fitting) == 1, message
        names += fitting
    return names


def ask(method: str, url: str, body=None, headers=None, timeout: float = 5):
    """(status, body) of any answer; the body is parsed when it is JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with traffic.OPENER.open(request, timeout=timeout) as response:
            status, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


@contextlib.contextmanager
def gateway_process(directory: Path, version: int, instance: str = ""):
    """A gateway of its own: (url, path of its control file)."""
    port = scene_module.free_ports(1)[0]
    control_file = directory / f"gateway{version}.json"
    env = {
        "PATH": os.environ["PATH"],
        **scene_module.bytecode(),
        "EVOLUTION_VERSION": str(version),
        "EVOLUTION_API_KEY": "test-global-key",
        "EVOLUTION_INSTANCE": instance,
        "KUMON_GATEWAY_CONTROL": str(control_file),
    }
    command = [sys.executable, *scene_module.arguments("gateway:app", port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=PROGRAMS, env=env) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(url), 60)
            yield url, control_file
        finally:
            # At once: it would wait for an answer that a test lets hang.
            process.kill()


def answers(url: str) -> bool:
    try:
        return ask("GET", url)[0] == 200
    except OSError:
        return False
