# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One question to a health endpoint, against servers that misbehave in every way."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _http

from tests.unit.plugins.service_fakes import free_port


@contextlib.contextmanager
def server(answer: bytes, drip: float = 0.0, hold: float = 0.0):
    """Answers every connection with these bytes, one at a time every `drip` seconds, and keeps it open for `hold`."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                if drip:
                    for index in range(len(answer)):
                        connection.sendall(answer[index : index + 1])
                        if over.wait(drip):
                            return
                else:
                    connection.sendall(answer)
                over.wait(hold)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/health"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def http(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("answer", "kind", "status", "detail"),
    [
        (http(b'{"delivery_disabled": true}'), "ok", 200, "HTTP 200"),
        (http(b'{"detail": "Not Found"}', "404 Not Found"), "not_found", 404, "HTTP 404"),
        (http(b'{"status": "degraded"}', "503 Unavailable"), "error", 503, "HTTP 503"),
        (http(b"<!doctype html>", kind="text/html"), "not_json", 200, "HTML"),
        (http(b"  <html>", "404 Not Found", kind="text/plain"), "not_json", 404, "HTML"),
        (http(b"OK"), "not_json", 200, "something that is not a JSON object"),
        (http(b"[1]"), "not_json", 200, "something that is not a JSON object"),
        (http(b"[" * 200_000), "not_json", 200, "something that is not a JSON object"),
        (http(b""), "not_json", 200, "nothing but an empty body"),
        (http(b'{"a": "' + b"x" * 1024 * 1024 + b'"}'), "not_json", 200, "more than 1 MiB"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no_answer", None, "no answer (BadStatusLine)"),
        (b"", "no_answer", None, "no answer (RemoteDisconnected)"),
    ],
)
def test_what_answers_is_named(answer, kind, status, detail):
    with server(answer) as url:
        found = _http.get_json(url, 2)
    assert (found.kind, found.status, found.detail) == (kind, status, detail)


def test_an_answer_tells_no_token_of_its_url():
    for url in (f"http://127.0.0.1:{free_port()}/health?token=PLANTED", "http://127.0.0.1:0/health?token=PLANTED"):
        assert "PLANTED" not in str(_http.get_json(url, 2))


@pytest.mark.parametrize("call", [lambda url: _http.post_hook(url, {}, 2), lambda url: _http.get_text(url, 2)])
def test_an_answer_tells_no_topic_of_a_webhook(call):
    port = free_port()
    assert call(f"http://127.0.0.1:{port}/PLANTED").url == f"http://127.0.0.1:{port}/***"
    assert call("http://h:x/PLANTED").url == "http://h:x/***"  # refused before anything is asked


@pytest.mark.parametrize(
    ("body", "content", "kind", "told"),
    [
        # What Flask, Express and PHP call HTML.
        (b"ok", "text/html; charset=utf-8", "ok", "ok"),
        (b"", "text/html", "ok", ""),
        (b'{"ok": false, "error": "<none>"}', "text/html", "ok", {"ok": False, "error": "<none>"}),
        (b"Sign in <a href='/login'>here</a>", "text/html", "not_json", {}),
        (b"<html>ok", "text/plain", "not_json", {}),
        # What some of .NET begin with, and letters of another character set.
        (b"\xef\xbb\xbfok", "text/plain", "ok", "ok"),
        (b'\xef\xbb\xbf{"success": true, "error": null}', "application/json", "ok", {"success": True, "error": None}),
        ("não enviada".encode("latin-1"), "text/plain; charset=ISO-8859-1", "ok", "não enviada"),
        ("não".encode("latin-1"), "text/plain; charset=nonesuch", "ok", "n\ufffdo"),
    ],
)
def test_of_a_webhook_what_is_no_page_is_an_answer(body, content, kind, told):
    with server(http(body, kind=content)) as url:
        found = _http.post_hook(url, {}, 2)
    assert (found.kind, found.json) == (kind, told)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_answer_that_was_packed_unasked_is_read(coding):
    body = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](b'{"ok": false}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server(head + body) as url:
        assert _http.get_json(url, 2).json == {"ok": False}
    with server(head + body) as url:
        assert _http.post_hook(url, {}, 2).json == {"ok": False}


def test_a_small_answer_that_unpacks_without_end_is_too_long():
    body = gzip.compress(bytes(64 * 1024 * 1024))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server(head + body) as url:
        assert _http.get_json(url, 5).detail == "more than 1 MiB"


def test_an_answer_that_ends_too_early_is_none():
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nok") as url:
        found = _http.post_hook(url, {}, 2)
    assert (found.kind, found.detail) == ("no_answer", "no answer (IncompleteRead)")


@pytest.mark.parametrize(("age", "kind"), [("3", "ok"), ("0", "ok"), ("soon", "ok"), ("3600", "not_json")])
def test_what_a_cache_has_kept_for_long_is_no_health_of_now(age, kind):
    head = f"HTTP/1.1 200 OK\r\nAge: {age}\r\nContent-Length: 2\r\n\r\n".encode()
    with server(head + b"{}") as url:
        found = _http.get_json(url, 2)
    assert found.kind == kind
    assert ("a cache has kept for 3600 s" in found.detail) is (kind == "not_json")


def test_a_long_list_is_read_whole_where_any_json_is_asked_for():
    rows = json.dumps(["x" * 1200] * 1000).encode()
    with server(http(rows)) as url:
        assert len(_http.request_json("GET", url, 5).json) == 1000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_another_server_says_is_not_taken_for_health(status):
    with recorder() as target, recorder(status, target[0]) as (url, _asked):
        found = _http.get_json(url, 2)
    assert (found.kind, found.detail) == ("not_json", f"a redirection (HTTP {status}), which is not followed")
    assert target[1] == []


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("Retry-After: 7\r\n", b"{}", 7),
        ("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", b"{}", 0),
        ("Retry-After: soon\r\n", b"{}", None),
        ("Retry-After: nan\r\n", b"{}", None),
        ("Retry-After: 1e99\r\n", b"{}", 86400),
        ("", b'{"retry_after": 1.5}', 1.5),
        ("", b'{"ok": false, "parameters": {"retry_after": 5}}', 5),
        ("", b"slow down", None),
    ],
)
def test_the_pause_that_a_server_asks_for_is_kept(header, body, seconds):
    head = f"HTTP/1.1 429 Too Many\r\n{header}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with server(head.encode() + body) as url:
        assert _http.post_hook(url, {}, 2).retry_after == seconds


def test_the_json_is_given():
    with server(http(b'{"delivery_disabled": true}')) as url:
        assert _http.get_json(url, 2).json == {"delivery_disabled": True}


def test_nobody_listens():
    found = _http.get_json(f"http://127.0.0.1:{free_port()}/health", 2)
    assert (found.kind, found.detail) == ("refused", "connection refused")


@pytest.mark.parametrize("drip", [0.05, 0])
def test_the_time_is_kept_with_a_server_that_drips_or_hangs(drip):
    answer = http(b'{"a": 1}') if drip else b""
    with server(answer, drip=drip, hold=5) as url:
        began = time.monotonic()
        found = _http.get_json(url, 0.3)
        took = time.monotonic() - began
    assert (found.kind, found.detail) == ("no_answer", "no answer within 0.3 s")
    assert took < 0.6


def test_a_proxy_is_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with server(http(b"{}")) as url:
        assert _http.get_json(url, 2).kind == "ok"


@contextlib.contextmanager
def recorder(status=200, location=None):
    """Answers every request with this status and keeps what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_an_event_is_posted_as_json_with_the_headers_that_are_wanted():
    with recorder() as (url, asked):
        found = _http.post_json(url, {"event": "é"}, 2, {"apikey": "k"})
    ((method, path, headers, body),) = asked
    assert (found.kind, method, path, json.loads(body)) == ("ok", "POST", "/hook", {"event": "é"})
    assert (headers["Content-Type"], headers["Apikey"]) == ("application/json", "k")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_was_posted_is_not_turned_into_a_get_by_a_redirection(status):
    with recorder(status, "/elsewhere") as (url, asked):
        found = _http.post_json(url, {}, 2)
    assert (found.status, [(method, path) for method, path, _headers, _body in asked]) == (status, [("POST", "/hook")])


def test_a_webhook_that_hangs_keeps_the_time():
    with server(b"", hold=5) as url:
        began = time.monotonic()
        found = _http.post_json(url, {}, 0.3)
    assert (found.kind, found.detail, time.monotonic() - began < 4) == ("no_answer", "no answer within 0.3 s", True)


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("http://127.0.0.1:8000/health", None),
        ("https://[::1]/health", None),
        ("ftp://x/health", "it does not start with http:// or https://"),
        ("127.0.0.1:8000/health", "it does not start with http:// or https://"),
        ("file:///etc/passwd", "it does not start with http:// or https://"),
        ("http:///health", "it names no host"),
        ("http://a b/health", "it names no host"),
        ("http://127.0.0.1:port/health", "its host or port cannot be read"),
        ("http://127.0.0.1:99999/health", "its host or port cannot be read"),
        ("http://[::1/health", "its host or port cannot be read"),
        ("http://127.0.0.1:0/health", "its port is not between 1 and 65535"),
    ],
)
def test_urls_are_checked(url, wrong):
    assert _http.check_url(url) == wrong
    if wrong:
        assert _http.get_json(url, 1)[:5] == (url, "no_answer", None, {}, wrong)


@pytest.mark.parametrize(("url", "port"), [("http://a/x", 80), ("https://a/x", 443), ("http://a:81/", 81)])
def test_the_port_of_a_url(url, port):
    assert _http.port_of(url) == port


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1/", True),
        ("http://0.0.0.0/", True),
        ("http://192.0.2.1/", False),
        ("http://no.invalid/", False),
    ],
)
def test_whether_a_url_is_this_host(url, local):
    assert _http.is_local(url) is local


@pytest.mark.parametrize(
    ("host", "told", "addresses"),
    [
        ("localhost", None, ["127.0.0.1", "::1"]),
        ("127.0.0.2", None, ["127.0.0.2"]),
        ("[0:0::1]", None, ["::1"]),
        # A connection to every address is one to this host.
        ("0.0.0.0", None, ["127.0.0.1", "::1"]),
        ("assistant.example", ["192.0.2.7", "192.0.2.7", "fe80::1%eth0"], ["192.0.2.7", "fe80::1"]),
        ("assistant.example", [], None),
    ],
)
def test_a_host_stands_for_its_addresses(monkeypatch, host, told, addresses):
    real = socket.getaddrinfo

    def resolve(name, *more, **kinds):
        if name != "assistant.example":
            return real(name, *more, **kinds)
        if not told:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in told]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert _http.addresses_of(_http.host_of(f"http://{host}:8000/health")) == addresses


def test_a_name_service_that_hangs_is_not_waited_for(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(_http, "RESOLVE_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_name, **_kinds: over.wait())
    assert _http.addresses_of("assistant.example") is None
    over.set()


def test_urls_are_asked_in_order_until_one_is_the_health():
    with server(http(b"{}", "404 Not Found")) as first, server(http(b'{"b": 1}')) as second:
        found = _http.first_answer([first, second, "http://never.asked.invalid/"], 2, 5)
    assert [(answer.url, answer.kind) for answer in found] == [(first, "not_found"), (second, "ok")]


def test_the_total_time_bounds_all_urls():
    with server(b"", hold=5) as url:
        began = time.monotonic()
        found = _http.first_answer([url, url + "2"], 0.3, 0.3)
    assert time.monotonic() - began < 4
    assert [answer.kind for answer in found] == ["no_answer"]


@pytest.mark.parametrize(
    ("url", "environ", "name"),
    [
        ("http://e:8080", {}, None),
        ("http://e:8080", {"http_proxy": "http://p:3128"}, "http_proxy"),
        ("http://e:8080", {"HTTP_PROXY": "http://p:3128"}, "HTTP_PROXY"),
        ("http://e:8080", {"ALL_PROXY": "socks5://p:1080"}, "ALL_PROXY"),
        # Of another scheme: what models are asked by says nothing of the gateway.
        ("http://e:8080", {"HTTPS_PROXY": "http://p:3128"}, None),
        ("https://e", {"https_proxy": "http://p:3128"}, "https_proxy"),
        # Small letters count, also where they take a proxy away.
        ("http://e:8080", {"HTTP_PROXY": "http://p:3128", "http_proxy": ""}, None),
        ("http://e:8080", {"http_proxy": "", "ALL_PROXY": "http://p:3128"}, "ALL_PROXY"),
        ("http://e:8080", {"http_proxy": "http://p:3128", "NO_PROXY": "localhost,e"}, None),
        ("http://e:8080", {"http_proxy": "http://p:3128", "no_proxy": "e:8080"}, None),
        ("http://e:8080", {"http_proxy": "http://p:3128", "no_proxy": "*"}, None),
        ("http://a.e.com:8080", {"http_proxy": "http://p:3128", "no_proxy": ".e.com"}, None),
        ("http://e:8080", {"http_proxy": "http://p:3128", "no_proxy": "localhost"}, "http_proxy"),
    ],
)
def test_by_which_variable_a_process_asks_a_proxy(url, environ, name):
    assert _http.proxy_of(url, environ) == name


@pytest.mark.parametrize("call", [_http.post_json, _http.post_hook])
def test_a_url_may_name_a_user_and_have_letters_of_any_language(call):
    with recorder() as (url, asked):
        place = url.partition("://")[2].partition("/")[0]
        found = call(f"http://runbook:p%40ss@{place}/gatilho-saúde/a%2Fb?nome=Jo%C3%A3o", {}, 5)
    ((_method, path, headers, _body),) = asked
    assert (found.kind, path) == ("ok", "/gatilho-sa%C3%BAde/a%2Fb?nome=Jo%C3%A3o")
    assert headers["Host"] == place
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"runbook:p@ss").decode()
    assert not any(secret in found.url for secret in ("runbook", "p%40ss", "nome"))


def test_a_header_that_is_given_counts_before_the_user_of_the_url():
    with recorder() as (url, asked):
        _http.post_json(url.replace("://", "://a:b@"), {}, 5, {"Authorization": "Bearer t"})
    assert asked[0][2]["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ({"apikey": "a b\té"}, False),
        ({"apikey": "k\n"}, True),
        ({"apikey": "€"}, True),
        ({"apikey": "a\x00"}, True),
        ({"a b": "c"}, True),
        ({"": "c"}, True),
    ],
)
def test_headers_that_cannot_be_sent_are_known_before(headers, wrong):
    assert bool(_http.check_headers(headers)) is wrong
