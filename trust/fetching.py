"""取数: one HTTP exchange with a source of evidence, inside limits of time, size, redirects and place.

A ``Fetcher`` is the only way this product asks another machine about trust (CRLs, OCSP, time stamps). It gives
the octets of a good answer or raises ``Unavailable``; it never raises anything else and never waits for ever.

``HTTPFetcher`` asks only ``http`` and ``https`` (LDAP, met in some certificates, is not spoken), connects to the
very address it has looked at, and keeps away from this machine and its neighbours unless allowed: addresses
in certificates are chosen by others. Only the look-up of a name keeps the resolver's own time.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

from trust.errors import Unavailable

_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_TUNNELS: Final = ipaddress.IPv6Network("2002::/16")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Exchange:
    """What to ask: GET, or POST where there is a ``body``."""

    url: str
    body: bytes | None = None
    content_type: str = ""
    """Of ``body``."""
    accept: str = "*/*"
    limit: int = 1 << 20
    """Most octets of an answer."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent to the origin asked for; where there are any beside a ``body``, another that it names gets nothing."""
    statuses: frozenset[int] = frozenset({200})
    """Which statuses are a good answer."""


class Fetcher(Protocol):
    """取数者: asks one source."""

    def fetch(self, exchange: Exchange) -> bytes:
        """The body of a good answer; ``Unavailable("fetch.…")`` for everything else."""


@dataclass(frozen=True, slots=True)
class HTTPFetcher:
    """A ``Fetcher`` over the standard library's HTTP. Safe to share between threads: it keeps no connection."""

    timeout: float = 5.0
    """Seconds for one exchange altogether, redirects included; a source that drips does not get more."""
    redirects: int = 3
    allow_private: bool = False
    """Also ask this machine and private networks: for sources the operator has named himself."""
    tls: ssl.SSLContext | None = None
    """``None``: the system's certificate authorities."""
    monotonic: Callable[[], float] = time.monotonic
    agent: str = "licence-trust"
    """What we call ourselves; nothing depends on it."""

    def fetch(self, exchange: Exchange) -> bytes:
        """Raises ``Unavailable``: ``fetch.address``, ``fetch.forbidden``, ``fetch.unreachable``, ``fetch.timeout``,
        ``fetch.status``, ``fetch.redirects``, ``fetch.too_large``.
        """
        deadline = self.monotonic() + self.timeout
        url, followed = exchange.url, 0
        while True:
            found = self._once(_split(url), exchange, deadline)
            if isinstance(found, bytes):
                return found
            followed += 1
            if followed > self.redirects:
                raise Unavailable("fetch.redirects", "信息源 {url} 的转向次数过多。", url=exchange.url[:200])
            url = urljoin(url, found)
            if exchange.body is not None and exchange.headers and _origin(_split(url)) != _origin(_split(exchange.url)):
                # signed or secret, and meant for one: neither the question nor the persons in it go elsewhere
                raise Unavailable(
                    "fetch.redirects",
                    "信息源 {url} 转向了别的地址，请求的内容只给 {origin}，不予转送。",
                    url=exchange.url[:200],
                    origin=_split(exchange.url).netloc,
                )

    def _once(self, url: SplitResult, exchange: Exchange, deadline: float) -> bytes | str:
        """The body, or where to look instead."""
        try:
            return self._exchange(url, exchange, deadline)
        except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
            if isinstance(error, TimeoutError) or self.monotonic() >= deadline:
                raise _timed_out(url) from error
            raise Unavailable(
                "fetch.unreachable",
                "信息源 {url} 无法访问（{reason}）。",
                url=_shown(url),
                reason=type(error).__name__,
            ) from error

    def _exchange(self, url: SplitResult, exchange: Exchange, deadline: float) -> bytes | str:
        connection, stream = self._connect(url, deadline)
        guard = threading.Timer(max(deadline - self.monotonic(), 0), _hang_up, (stream,))
        guard.daemon = True
        guard.start()
        try:
            headers = {"Accept": exchange.accept, "User-Agent": self.agent, "Connection": "close"}
            if _origin(url) == _origin(urlsplit(exchange.url)):
                headers |= dict(exchange.headers)
            if exchange.body is not None:
                headers["Content-Type"] = exchange.content_type
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("GET" if exchange.body is None else "POST", path, exchange.body, headers)
            found = _answer(url, connection.getresponse(), exchange)
            if self.monotonic() >= deadline:
                raise _timed_out(url)
            return found
        finally:
            guard.cancel()
            connection.close()

    def _connect(self, url: SplitResult, deadline: float) -> tuple[http.client.HTTPConnection, socket.socket]:
        """To the very address that was looked at, so that a name cannot change its mind in between."""
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        address = self._address(url, host, port)
        left = deadline - self.monotonic()
        if left <= 0:
            raise _timed_out(url)
        stream: socket.socket = socket.create_connection((address, port), timeout=left)
        try:
            if url.scheme == "https":
                context = self.tls or ssl.create_default_context()
                stream = context.wrap_socket(stream, server_hostname=host)
        except BaseException:
            stream.close()
            raise
        connection = http.client.HTTPConnection(host, port, timeout=left)
        connection.sock = stream
        return connection, stream

    def _address(self, url: SplitResult, host: str, port: int) -> str:
        for *_, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = str(where[0])
            if self.allow_private or is_elsewhere(address):
                return address
        raise Unavailable("fetch.forbidden", "信息源 {url} 指向本机或内部网络，不予访问。", url=_shown(url))


def is_elsewhere(address: str) -> bool:
    """Does the address lead to another's machine on the open network? Addresses of IPv6 that stand for one of IPv4
    (64:ff9b::/96, 2002::/16, ::/96) may lead back to us.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if not found.is_global or found.is_multicast:
        return False
    return found.version == 4 or (found in _UNICAST and found not in _TUNNELS)


def _answer(url: SplitResult, response: http.client.HTTPResponse, exchange: Exchange) -> bytes | str:
    with response:
        if response.status in _REDIRECTS and (location := response.getheader("Location")):
            return location
        if response.status not in exchange.statuses:
            raise Unavailable(
                "fetch.status", "信息源 {url} 返回状态 {status}。", url=_shown(url), status=response.status
            )
        found = response.read(exchange.limit + 1)
        if len(found) > exchange.limit:
            limit = exchange.limit
            raise Unavailable("fetch.too_large", "信息源 {url} 的应答超过 {limit} 字节。", url=_shown(url), limit=limit)
        if response.length:
            raise http.client.IncompleteRead(found, response.length)
        return found


def _hang_up(stream: socket.socket) -> None:
    """Time is over: whoever reads from ``stream`` meets its end. (Not the TLS one's own: it would wait.)"""
    with suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)


def _split(url: str) -> SplitResult:
    """``Unavailable("fetch.address")`` for anything but http and https without a password in it."""
    try:
        found = urlsplit(url)
        good = found.scheme in ("http", "https") and found.hostname and not found.username and found.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or any(c <= " " for c in url):
        raise Unavailable("fetch.address", "信息源地址 {url} 无效或不受支持（仅支持 http 和 https）。", url=url[:200])
    return found


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    return url.scheme, url.hostname or "", url.port


def _shown(url: SplitResult) -> str:
    return url.geturl()[:200]


def _timed_out(url: SplitResult) -> Unavailable:
    return Unavailable("fetch.timeout", "信息源 {url} 未在限定时间内应答。", url=_shown(url))
