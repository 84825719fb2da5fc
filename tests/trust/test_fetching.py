"""Fetching inside limits: every way a source can misbehave is one clear ``Unavailable``."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.trust.http_server import Answer, Server, running_server
from trust import fetching
from trust.errors import Unavailable
from trust.fetching import Exchange, HTTPFetcher


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


FETCHER = HTTPFetcher(timeout=5, allow_private=True)


def code(url: str, fetcher: HTTPFetcher = FETCHER, **options: object) -> str:
    with pytest.raises(Unavailable) as met:
        fetcher.fetch(Exchange(url, **options))  # type: ignore[arg-type]
    return met.value.code


def test_get_and_post(server: Server) -> None:
    server.answers["/list?n=1"] = Answer(body=b"abc")
    server.answers["/ask"] = lambda body: body[::-1]
    assert FETCHER.fetch(Exchange(f"{server.url}/list?n=1")) == b"abc"
    assert FETCHER.fetch(Exchange(f"{server.url}/ask", b"123", "application/ocsp-request")) == b"321"
    assert server.asked[-2:] == [("GET", "/list?n=1"), ("POST", "/ask")]
    assert server.headers[-1]["Content-Type"] == "application/ocsp-request"
    assert server.headers[-1]["Host"] == server.url.removeprefix("http://")


def test_redirects_are_followed_up_to_a_number(server: Server) -> None:
    server.answers["/one"] = Answer(302, headers={"Location": "/two"})
    server.answers["/two"] = Answer(301, headers={"Location": f"{server.url}/end"})
    server.answers["/end"] = Answer(body=b"found")
    server.answers["/round"] = Answer(307, headers={"Location": "/round"})
    server.answers["/away"] = Answer(302, headers={"Location": "file:///etc/passwd"})
    assert FETCHER.fetch(Exchange(f"{server.url}/one")) == b"found"
    assert code(f"{server.url}/round") == "fetch.redirects"
    assert code(f"{server.url}/away") == "fetch.address"


def test_what_is_meant_for_one_is_not_sent_on(server: Server) -> None:
    """Across origins: a body that goes with headers of its own (signed, keyed) stays; within one it may move."""
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    assert elsewhere != server.url
    server.answers["/moved"] = Answer(307, headers={"Location": f"{elsewhere}/taken"})
    server.answers["/within"] = Answer(307, headers={"Location": "/taken"})
    server.answers["/taken"] = lambda body: body
    for body, headers, sent_on in (
        (b"holder", (("Signature", "s=:AA==:"),), False),
        (b"", (("Signature", "s=:AA==:"),), False),
        (b"ocsp", (), True),
    ):
        asked = {"body": body, "content_type": "text/plain", "headers": headers}
        if sent_on:
            assert FETCHER.fetch(Exchange(f"{server.url}/moved", **asked)) == body  # type: ignore[arg-type]
        else:
            before = len(server.asked)
            assert code(f"{server.url}/moved", **asked) == "fetch.redirects"  # type: ignore[arg-type]
            assert server.asked[before:] == [("POST", "/moved")]
        assert FETCHER.fetch(Exchange(f"{server.url}/within", **asked)) == body  # type: ignore[arg-type]


def chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"100\r\n" + b"x" * 256 + b"\r\n")


def short(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(20):
        handler.wfile.write(b".")
        time.sleep(0.05)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    for octet in b"HTTP/1.1 200 OK and so on":
        handler.wfile.write(bytes((octet,)))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        (Answer(404), {}, "fetch.status"),
        (Answer(500), {}, "fetch.status"),
        (Answer(204), {}, "fetch.status"),
        (Answer(302), {}, "fetch.status"),  # to nowhere
        (Answer(body=b"x" * 101), {"limit": 100}, "fetch.too_large"),
        (Answer(body=b"", headers={"Content-Length": "x"}), {}, None),
        (Answer(raw=chunks), {"limit": 1000}, "fetch.unreachable"),
        (Answer(raw=short), {}, "fetch.unreachable"),
        (Answer(raw=lambda handler: handler.wfile.write(b"rubbish\r\n\r\n")), {}, "fetch.unreachable"),
        (Answer(raw=lambda handler: None), {}, "fetch.unreachable"),
        (Answer(raw=drip), {}, "fetch.timeout"),
        (Answer(raw=drip_headers), {}, "fetch.timeout"),
        (Answer(before=lambda: time.sleep(0.6)), {}, "fetch.timeout"),
    ],
)
def test_what_goes_wrong(server: Server, answer: Answer, options: dict[str, object], expected: str | None) -> None:
    server.answers["/bad"] = answer
    fetcher = HTTPFetcher(timeout=0.3, allow_private=True)
    begun = time.monotonic()
    if expected is None:
        assert fetcher.fetch(Exchange(f"{server.url}/bad")) == b""
    else:
        assert code(f"{server.url}/bad", fetcher, **options) == expected
    assert time.monotonic() - begun < 10  # a drip would last for ever


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ldap://directory.example/cn=crl",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "http://演示.例子/",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    assert code(url) == "fetch.address"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "224.0.1.1", "[::1]", "[fd00::1]",
        "[fe80::1]", "[fec0::1]", "[::ffff:127.0.0.1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "[ff0e::1]",
    ],
)  # fmt: skip
def test_neighbours_are_not_asked_unless_allowed(address: str) -> None:
    """A certificate may name any address; ours are not for its maker to reach."""
    assert code(f"http://{address}:9/", HTTPFetcher()) == "fetch.forbidden"


def test_the_open_network_may_be_asked() -> None:
    assert all(fetching.is_elsewhere(one) for one in ("8.8.8.8", "2606:4700::1111", "240e::1"))


def test_a_name_that_points_to_a_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("10.0.0.1", 80))])
    assert code("http://looks-harmless.example/", HTTPFetcher()) == "fetch.forbidden"


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert code(f"http://127.0.0.1:{port}/") == "fetch.unreachable"


def test_https_to_a_server_without_it(server: Server) -> None:
    assert code(server.url.replace("http:", "https:")) == "fetch.unreachable"
