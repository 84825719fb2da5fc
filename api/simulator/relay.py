"""中继: stands before a node at the address the trust list names, passes on what others ask, spoils it when told.

A fault acts where faults act in earnest: on the way. Nodes know nothing of it. Who asks is told by the name that our
nodes give themselves (``User-Agent: licence-trust (region 110000)``); nobody's rights depend on it.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

FAULTS: Final = ("silent", "slow", "broken", "stale_list", "late_status", "split")
"""What can be wrong on the way to a node; a rolled key and a moved clock are no matter of the way."""
_REPEATED: Final = {"stale_list": "/api/v1/trust-list", "late_status": "/api/v1/status-lists/"}
_SILENCE: Final = 6.0
_SLOWNESS: Final = 1.5
_MOST_BODY: Final = 32 << 20
_WHO: Final = re.compile(r"\(region (\d{6})\)")
_PASSED: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length"})
_HELD: Final = 512


@dataclass(frozen=True, slots=True)
class Message:
    """One exchange, as it was seen on the way."""

    at: datetime
    source: str
    """The region that asks; empty: somebody else (a citizen, a clerk, the simulator)."""
    target: str
    method: str
    path: str
    status: int
    """0: no answer."""
    milliseconds: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Relay:
    """The way to one node."""

    region: str
    seen: Callable[[Message], None]
    upstream: int = 0
    """The node's own port, once it runs."""
    faults: set[str] = field(default_factory=set)
    side: Callable[[str], bool] = lambda _source: True
    """Is this source on our side while the network is split?"""
    _kept: dict[str, _Answer] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on any free port of this machine."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def reaches(self) -> bool:
        """Does the node answer us?"""
        found = self._forward("GET", "/livez", [], b"")
        return found is not None and found.status == 200

    def answer(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> _Answer | None:
        """What the asker gets; ``None``: the line goes dead."""
        agent = next((value for name, value in headers if name.lower() == "user-agent"), "")
        found = _WHO.search(agent)
        source, began = found[1] if found else "", time.monotonic()
        fault, answer = self._through(source, method, path, headers, body)
        spent = int((time.monotonic() - began) * 1000)
        status = answer.status if answer else 0
        self.seen(Message(datetime.now(UTC), source, self.region, method, path[:200], status, spent, fault))
        return answer

    def _through(
        self, source: str, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[str, _Answer | None]:
        if source and "split" in self.faults and not self.side(source):
            self._ended.wait(_SILENCE)
            return "split", None
        if "silent" in self.faults:
            self._ended.wait(_SILENCE)
            return "silent", None
        if "broken" in self.faults:
            return "broken", _Answer(500, (("Content-Type", "text/plain"),), b"broken on the way")
        for fault, beginning in _REPEATED.items():
            if fault in self.faults and path.startswith(beginning) and path in self._kept:
                return fault, self._kept[path]
        slow = "slow" if "slow" in self.faults else ""
        if slow:
            self._ended.wait(_SLOWNESS)
        answer = self._forward(method, path, headers, body)
        if answer is not None and method == "GET" and answer.status == 200:
            if any(path.startswith(one) for one in _REPEATED.values()) and len(self._kept) < _HELD:
                self._kept[path] = answer
        return slow, answer

    def _forward(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> _Answer | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        passed = {name: value for name, value in headers if name.lower() not in _PASSED}
        try:
            connection.request(method, path, body or None, {**passed, "Connection": "close"})
            found = connection.getresponse()
            kept = tuple((name, value) for name, value in found.getheaders() if name.lower() not in _PASSED)
            return _Answer(found.status, kept, found.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Log:
    """往来: the newest exchanges of all relays. Safe to share between threads."""

    def __init__(self, most: int = 400) -> None:
        self._lock, self._kept = threading.Lock(), deque[Message](maxlen=most)
        self.count = 0

    def __call__(self, message: Message) -> None:
        with self._lock:
            self._kept.append(message)
            self.count += 1

    def newest(self, most: int) -> list[Message]:
        with self._lock:
            return list(self._kept)[-most:][::-1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """An asker that hung up is no news."""


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def _handle(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > _MOST_BODY:
                self.send_error(413)
                return
            body = self.rfile.read(int(length))
            answer = relay.answer(self.command, self.path, list(self.headers.items()), body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _handle  # noqa: N815 - as the library names them

        def log_message(self, format: str, *args: object) -> None:
            """The log is kept by the relay."""

    return Handler
