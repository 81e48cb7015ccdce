# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to an endpoint, or one event: JSON or a reason why not, within a hard limit of time and size."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import math
import queue
import re
import socket
import ssl
import string
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ansible_collections.kumon.runbook.plugins.module_utils._redact import shown, shown_hook

BODY_LIMIT = 1024 * 1024
# A gateway lists all its instances in one answer.
LIST_LIMIT = 8 * BODY_LIMIT
TOO_LONG = "more than"
LOOPBACK = ["127.0.0.1", "::1"]
# What a name service may take; where it is down a kill-switch must not wait for it.
RESOLVE_SECONDS = 2.0
# A cache between us and the service may be that much behind; older answers say nothing of now.
OLDEST_SECONDS = 10.0
UNTRUSTED = "its certificate is not trusted here"


class Answer(NamedTuple):
    """What a URL answered; `url` is told, so it is as `shown`, and of a webhook as `shown_hook`.

    kind: `ok` (a JSON object, HTTP 2xx), `error` (a JSON object with another status), `not_found` (a JSON object, HTTP
    404), `not_json` (something else answers), `refused` (nobody listens), `no_answer` (time-out, reset, no such host).
    Of `request_json` any JSON value is as good as an object.
    """

    url: str
    kind: str
    status: int | None
    json: Any
    detail: str
    retry_after: float | None = None
    """Seconds for which the server wants no further question, where it says so."""


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


def check_headers(headers: Mapping[Any, Any]) -> str | None:
    """Why these cannot be sent as headers, None when they can; http.client says it only when all else is done."""
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", str(name)):
            return "a name is malformed"
        if re.search(r"[^\t\x20-\x7e\x80-\xff]", str(value)):
            return "a value has a line break, or a character that no header can have"
    return None


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def proxy_of(url: str, environ: Mapping[str, str]) -> str | None:
    """The variable by which a process with this environment asks a proxy for the URL, None where it asks itself."""
    # Capitals sort first: where a name is there in both, its small letters count, as they do for urllib and httpx.
    known = {name.lower(): (name, value) for name, value in sorted(environ.items()) if name.lower().endswith("_proxy")}
    parts = urlsplit(url)
    proxies = [known[name] for name in (f"{parts.scheme}_proxy", "all_proxy") if known.get(name, ("", ""))[1]]
    if not proxies:
        return None
    spared = {"no": known.get("no_proxy", ("", ""))[1]}
    # Not in typeshed, and in every Python 3.
    if urllib.request.proxy_bypass_environment(f"{parts.hostname}:{port_of(url)}", spared):  # type: ignore[attr-defined]
        return None
    return proxies[0][0]


def addresses_of(name: str) -> list[str] | None:
    """The addresses that a name stands for here, None where that cannot be told."""
    if name == "localhost":
        return LOOPBACK
    try:
        infos = within(RESOLVE_SECONDS, lambda: socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return None
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_how, address in infos]
    # Who asks every address asks this host.
    return LOOPBACK if any(one.is_unspecified for one in addresses) else list(dict.fromkeys(map(str, addresses)))


def is_local(url: str) -> bool:
    """Whether the URL points at this host: an address is ours when a socket can be bound to it."""
    try:
        infos = socket.getaddrinfo(host_of(url), 0, type=socket.SOCK_DGRAM)
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
    limit = LIST_LIMIT if any_json else BODY_LIMIT
    if len(body) > limit:
        return Answer(url, "not_json", status, {}, f"{TOO_LONG} {limit // BODY_LIMIT} MiB")
    if 300 <= status < 400:
        return Answer(url, "not_json", status, {}, f"a redirection (HTTP {status}), which is not followed")
    try:
        value = json.loads(body)
        usable = any_json or isinstance(value, dict)
    except (ValueError, RecursionError):
        usable = False
    if usable:
        if 200 <= status < 300:
            return Answer(url, "ok", status, value, f"HTTP {status}")
        return Answer(url, "not_found" if status == 404 else "error", status, value, f"HTTP {status}")
    if _is_page(content_type, body):
        what = "HTML"
    elif not body.strip():
        what = "nothing but an empty body"
    else:
        what = "something that is not a JSON object"
    return Answer(url, "not_json", status, {}, what)


def _is_page(content_type: str, body: bytes) -> bool:
    """Whether it is a web page; many frameworks call a plain `ok`, or JSON, HTML too."""
    return body.lstrip()[:1] == b"<" or ("html" in content_type.lower() and b"<" in body)


def _parse_hook(url: str, status: int, content_type: str, body: bytes, charset: str, limit: int) -> Answer:
    """Of a webhook every answer counts that is whole and no web page; `json` is its text where it is not JSON."""
    if len(body) > limit:
        return Answer(url, "not_json", status, {}, f"HTTP {status} with {TOO_LONG} {limit // BODY_LIMIT} MiB")
    text = _decoded(body, charset).strip()
    try:
        value = json.loads(text)
    except RecursionError:
        return Answer(url, "not_json", status, {}, f"HTTP {status} with JSON that nests deeper than can be read")
    except ValueError:
        if _is_page(content_type, body):
            return Answer(url, "not_json", status, {}, f"HTTP {status} with HTML")
        value = text
    return Answer(url, "ok" if 200 <= status < 300 else "error", status, value, f"HTTP {status}")


def _unpacked(content: bytes, coding: str, limit: int) -> bytes:
    """A body as it was before a proxy packed it, which some do unasked."""
    if coding.lower() not in ("gzip", "x-gzip", "deflate"):
        return content
    try:
        # By its head it is gzip's or zlib's; no more is unpacked than is read of any body.
        return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(content, limit)
    except zlib.error:
        return content


def _decoded(body: bytes, charset: str) -> str:
    """The text of a body; some servers begin it with a mark of its byte order, or name a character set of their own."""
    try:
        return body.decode(charset, "replace").lstrip("\ufeff")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace").lstrip("\ufeff")


def _with_pause(answer: Answer, header: str | None) -> Answer:
    """The answer with the pause that a server asks for (429, 503): its header, or what some say in the body."""
    if answer.status not in (429, 503):
        return answer
    body = answer.json if isinstance(answer.json, dict) else {}
    parameters = body.get("parameters")
    inside = parameters if isinstance(parameters, dict) else {}
    for pause in (header, body.get("retry_after"), inside.get("retry_after")):
        seconds = _seconds(pause)
        if seconds is not None:
            return answer._replace(retry_after=seconds, detail=f"{answer.detail}, again after {seconds:g} s")
    return answer


def _seconds(pause: Any) -> float | None:
    if isinstance(pause, bool) or not isinstance(pause, (int, float, str)):
        return None
    try:
        seconds = float(pause)
    except (ValueError, OverflowError):
        try:
            seconds = parsedate_to_datetime(str(pause)).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError, IndexError):
            return None
    # What is no number (NaN), or longer than any run, says no more than "later".
    return round(min(max(seconds, 0.0), 86400.0), 1) if not math.isnan(seconds) else None


def _as_sent(url: str) -> tuple[str, dict[str, str]]:
    """The URL as it is sent, and the header for the user that it names. urllib takes that user for a part of the host,
    and no letter beyond ASCII."""
    parts = urlsplit(url)
    user, named, place = parts.netloc.rpartition("@")
    # What is encoded already stays as it is.
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path, parts.query))
    name, _colon, password = (unquote(part) for part in user.partition(":"))
    login = base64.b64encode(f"{name}:{password}".encode()).decode()
    return urlunsplit((parts.scheme, place, path, query, "")), {"Authorization": f"Basic {login}"} if named else {}


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: what another server says is not the service's word, and it must not get our keys."""

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
    opener = urllib.request.build_opener(_StayHere(), *handlers)
    sent = {"Accept": "application/json", "Cache-Control": "no-cache", "User-Agent": "kumon.runbook", **(headers or {})}
    asked, url = url, shown(url)
    try:
        asked, login = _as_sent(asked)
        request = urllib.request.Request(asked, body, {**login, **sent}, method=method)
        try:
            response = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as exc:
            response = exc
        with response:
            any_json = method is not None
            long = any_json and (method == "GET" or not hook)
            limit = LIST_LIMIT if long else BODY_LIMIT
            # One byte more shows that there is more.
            content = response.read(limit + 1)
            if response.length and len(content) <= limit:
                # Where only so much is asked for, the library passes over an answer that ends too early.
                raise http.client.IncompleteRead(content, response.length)
            content = _unpacked(content, response.headers.get("Content-Encoding", ""), limit + 1)
            kind = response.headers.get("Content-Type", "")
            if hook:
                charset = response.headers.get_content_charset("utf-8")
                answer = _parse_hook(url, response.status, kind, content, charset, limit)
            else:
                answer = _parse(url, response.status, kind, content, any_json)
            age = _seconds(response.headers.get("Age")) or 0
            if age > OLDEST_SECONDS and not hook:
                what = f"an answer that a cache has kept for {age:g} s"
                answer = Answer(url, "not_json", response.status, {}, what)
            return _with_pause(answer, response.headers.get("Retry-After"))
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason = getattr(exc, "reason", exc)
        if isinstance(reason, ConnectionRefusedError):
            return Answer(url, "refused", None, {}, "connection refused")
        if isinstance(reason, (TimeoutError, socket.timeout)):  # two classes until Python 3.10
            return Answer(url, "no_answer", None, {}, f"no answer within {timeout:.1f} s")
        if isinstance(reason, ssl.SSLCertVerificationError):
            return Answer(url, "no_answer", None, {}, UNTRUSTED)
        return Answer(url, "no_answer", None, {}, f"no answer ({type(reason).__name__})")


def get_json(url: str, timeout: float) -> Answer:
    """Ask once; never raises and never takes longer than `timeout` seconds, whatever the server does. A redirection is
    an answer, and not followed."""
    return _bounded(url, timeout)


def post_json(url: str, data: Any, timeout: float, headers: dict[str, str] | None = None) -> Answer:
    """Post `data` once as JSON; as `get_json`."""
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
    return _bounded(url, timeout, json.dumps(data).encode(), sent, "POST", True)._replace(url=shown_hook(url))


def get_text(url: str, timeout: float) -> Answer:
    """Ask somebody else's server once, through the environment's proxy if it names one; as `post_hook`."""
    return _bounded(url, timeout, None, {"Accept": "*/*"}, "GET", True)._replace(url=shown_hook(url))


def _bounded(url: str, timeout: float, *what: Any) -> Answer:
    wrong = check_url(url)
    if wrong:
        return Answer(shown(url), "no_answer", None, {}, wrong)
    try:
        answer: Answer = within(timeout, lambda: _ask(url, timeout, *what))
        return answer
    except TimeoutError as exc:
        return Answer(shown(url), "no_answer", None, {}, str(exc))


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
