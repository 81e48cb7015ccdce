# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real receivers on loopback for the messages that people get: webhooks, and a mail server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class Hooks:
    """A server of webhooks. By path: `answers[path] = (status, content type, body, seconds)`, else a Slack-like ok."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any, dict[str, str]]] = []
        self.answers: dict[str, tuple[int, str, bytes, float]] = {}
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.got.append((self.path, json.loads(body), dict(self.headers)))
                default = 202 if self.path == "/pagerduty" else 200
                status, kind, text, seconds = hooks.answers.get(self.path, (default, "text/plain", b"ok", 0))
                time.sleep(seconds)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def texts(self, path: str = "/slack") -> list[str]:
        return [body["text"] for where, body, _headers in self.got if where == path]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Server(Controller):
    def _trigger_server(self) -> None:
        # It asked for port 0; which one it got is known only now.
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mails:
    """A mail server: `mails` holds (recipients, the mail's text).

    `refuses` is what it says of every recipient, `refuses_only` the one that it refuses, and `seconds` how long each
    takes. Without `letters` it has none beyond ASCII, as many have in their addresses.
    """

    def __init__(self, letters: bool = True) -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.refuses, self.refuses_only, self.seconds = "", "", 0.0
        self.controller = _Server(self, hostname="127.0.0.1", port=0, enable_SMTPUTF8=letters)
        self.controller.start()
        self.port = self.controller.port

    async def handle_RCPT(
        self, _server: object, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        await asyncio.sleep(self.seconds)
        if self.refuses or address == self.refuses_only:
            return self.refuses or "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"

    def close(self) -> None:
        self.controller.stop(no_assert=True)
