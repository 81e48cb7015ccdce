# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to an endpoint, or one event: JSON or a reason why not, within a hard limit of time and size."""

from __future__ import annotations

import http.client
import ipaddress
import json
import queue
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

BODY_LIMIT = 1024 * 1024


class Answer(NamedTuple):
    """What a URL answered.

    kind: `ok` (a JSON object, HTTP 2xx), `error` (a JSON object with another status), `not_found` (a JSON object, HTTP
    404), `not_json` (something else answers), `refused` (nobody listens), `no_answer` (time-out, reset, no such host).
    Of `request_json` any JSON value is as good as an object.
    """

    url: str
    kind: str
    status: int | None
    json: Any
    detail: str


def check_url(url: str) -> str | None:
    """Why this is no usable http(s) URL, None when it is one."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return "it does not start with http:// or https://"
        if not parts.hostname or any(character.isspace() for character in url):
            return "it names no host"
        if parts.port == 0:
            return "its port is not between 1 and 65535"
    except ValueError:
        return "its host or port cannot be read"
    return None


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def addresses_of(url: str) -> list[str] | None:
    """The addresses that the URL's host stands for, None where only a name service knows them."""
    name = urlsplit(url).hostname or ""
    if name == "localhost":
        return ["127.0.0.1", "::1"]
    try:
        return [str(ipaddress.ip_address(name))]
    except ValueError:
        return None


def is_local(url: str) -> bool:
    """Whether the URL points at this host: an address is ours when a socket can be bound to it."""
    try:
        infos = socket.getaddrinfo(urlsplit(url).hostname, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    for family, kind, _proto, _name, address in infos:
        if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_unspecified:
            return True
        try:
            with socket.socket(family, kind) as probe:
                probe.bind(address)
            return True
        except OSError:
            continue
    return False


def _parse(url: str, status: int, content_type: str, body: bytes, any_json: bool) -> Answer:
    if len(body) > BODY_LIMIT:
        return Answer(url, "not_json", status, {}, "more than 1 MiB")
    try:
        value = json.loads(body)
        usable = any_json or isinstance(value, dict)
    except (ValueError, RecursionError):
        usable = False
    if usable:
        if 200 <= status < 300:
            return Answer(url, "ok", status, value, f"HTTP {status}")
        return Answer(url, "not_found" if status == 404 else "error", status, value, f"HTTP {status}")
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        what = "HTML"
    elif not body.strip():
        what = "nothing but an empty body"
    else:
        what = "something that is not a JSON object"
    return Answer(url, "not_json", status, {}, what)


def _parse_hook(url: str, status: int, content_type: str, body: bytes) -> Answer:
    """Of a webhook every answer counts that is not a web page; `json` is its text where it is not JSON."""
    text = body.decode("utf-8", "replace").strip()
    if "html" in content_type.lower() or text[:1] == "<":
        return Answer(url, "not_json", status, {}, f"HTTP {status} with HTML")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return Answer(url, "ok" if 200 <= status < 300 else "error", status, value, f"HTTP {status}")


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: urllib would turn what was posted into a GET without it."""

    def redirect_request(self, *_details: Any) -> None:
        return None


def _ask(
    url: str,
    timeout: float,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
    hook: bool = False,
) -> Answer:
    # A proxy of the environment would answer for the service; to other people's servers it may be the only way.
    handlers: list[urllib.request.BaseHandler] = [] if hook else [urllib.request.ProxyHandler({})]
    if body is not None or method is not None:
        handlers.append(_StayHere())
    opener = urllib.request.build_opener(*handlers)
    sent = {"Accept": "application/json", "User-Agent": "kumon.runbook", **(headers or {})}
    request = urllib.request.Request(url, body, sent, method=method)
    try:
        try:
            response = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as exc:
            response = exc
        with response:
            content = response.read(BODY_LIMIT + 1)
            kind = response.headers.get("Content-Type", "")
            if hook:
                return _parse_hook(url, response.status, kind, content)
            return _parse(url, response.status, kind, content, method is not None)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason = getattr(exc, "reason", exc)
        if isinstance(reason, ConnectionRefusedError):
            return Answer(url, "refused", None, {}, "connection refused")
        if isinstance(reason, (TimeoutError, socket.timeout)):  # two classes until Python 3.10
            return Answer(url, "no_answer", None, {}, f"no answer within {timeout:.1f} s")
        return Answer(url, "no_answer", None, {}, f"no answer ({type(reason).__name__})")


def get_json(url: str, timeout: float) -> Answer:
    """Ask once; never raises and never takes longer than `timeout` seconds, whatever the server does."""
    return _bounded(url, timeout)


def post_json(url: str, data: Any, timeout: float, headers: dict[str, str] | None = None) -> Answer:
    """Post `data` once as JSON; as `get_json`, and a redirection is an answer, not followed."""
    return _bounded(url, timeout, json.dumps(data).encode(), {"Content-Type": "application/json", **(headers or {})})


def request_json(
    method: str, url: str, timeout: float, data: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    """Ask once with any method; as `post_json`, and any JSON value is an answer: a list and `null` too."""
    body = None if data is None else json.dumps(data).encode()
    kind = {} if data is None else {"Content-Type": "application/json"}
    return _bounded(url, timeout, body, {**kind, **(headers or {})}, method)


def post_hook(url: str, data: Any, timeout: float, headers: dict[str, str] | None = None) -> Answer:
    """Post `data` to somebody else's webhook, through the environment's proxy if it names one; as `post_json`, and the
    answer may be any text but HTML.
    """
    sent = {"Content-Type": "application/json", "Accept": "*/*", **(headers or {})}
    return _bounded(url, timeout, json.dumps(data).encode(), sent, "POST", True)


def _bounded(url: str, timeout: float, *what: Any) -> Answer:
    wrong = check_url(url)
    if wrong:
        return Answer(url, "no_answer", None, {}, wrong)
    try:
        answer: Answer = within(timeout, lambda: _ask(url, timeout, *what))
        return answer
    except TimeoutError as exc:
        return Answer(url, "no_answer", None, {}, str(exc))


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work()` returns or raises; TimeoutError when that takes longer.

    A socket's time-out starts anew with every byte and knows nothing of the name's resolution; a thread that is left
    behind bounds both.
    """
    answers: queue.Queue[tuple[Any, Exception | None]] = queue.Queue()

    def answer() -> None:
        try:
            answers.put((work(), None))
        except Exception as exc:  # it is raised where it is waited for
            answers.put((None, exc))

    threading.Thread(target=answer, daemon=True).start()
    try:
        value, raised = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:.1f} s") from None
    if raised is not None:
        raise raised
    return value


def first_answer(urls: list[str], timeout: float, total: float) -> list[Answer]:
    """Ask the URLs in their order until one is `ok`, `timeout` for each and `total` for all; an answer a URL asked."""
    answers: list[Answer] = []
    end = time.monotonic() + total
    for url in urls:
        left = end - time.monotonic()
        if left <= 0:
            break
        answers.append(get_json(url, min(timeout, left)))
        if answers[-1].kind == "ok":
            break
    return answers
