"""The way between two nodes: what each fault does to what passes, as a table."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from api.simulator import relay as relays
from api.simulator.relay import Log, Relay

LIST, STATUS, OTHER = "/api/v1/trust-list", "/api/v1/status-lists/x", "/api/v1/region"


class _Counting(BaseHTTPRequestHandler):
    """A node: every answer tells how often it was asked."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        body = f"{self.path} {type(self).asked}".encode()
        self.send_response(200)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))[::-1]
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def way(log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    monkeypatch.setattr(relays, "_SILENCE", 0.05)
    monkeypatch.setattr(relays, "_SLOWNESS", 0.05)
    node = HTTPServer(("127.0.0.1", 0), _Counting)
    threading.Thread(target=node.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    _Counting.asked = 0
    made = Relay("110000", log, upstream=node.server_address[1])
    made.start()
    yield made
    made.stop()
    node.shutdown()
    node.server_close()


def ask(way: Relay, path: str, source: str = "120000", body: bytes | None = None) -> str:
    """What the asker gets: the text, the status, or ``dead``."""
    agent = f"licence-trust (region {source})" if source else "curl/8"
    request = urllib.request.Request(way.url + path, body, {"User-Agent": agent})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError:
        return "dead"


FAULTS = [
    # fault, what then comes of: the list, a status list, anything else (each asked once before: answers 1, 2, 3)
    (None, f"{LIST} 4", f"{STATUS} 5", f"{OTHER} 6"),
    ("silent", "dead", "dead", "dead"),
    ("broken", "500", "500", "500"),
    ("slow", f"{LIST} 4", f"{STATUS} 5", f"{OTHER} 6"),
    ("stale_list", f"{LIST} 1", f"{STATUS} 4", f"{OTHER} 5"),
    ("late_status", f"{LIST} 4", f"{STATUS} 2", f"{OTHER} 5"),
    ("split", "dead", "dead", "dead"),
]


@pytest.mark.parametrize(("fault", "listed", "status", "other"), FAULTS)
def test_faults(way: Relay, log: Log, fault: str | None, listed: str, status: str, other: str) -> None:
    for path in (LIST, STATUS, OTHER):
        ask(way, path)
    if fault is not None:
        way.faults.add(fault)
    way.side = lambda source: source != "120000"
    assert (ask(way, LIST), ask(way, STATUS), ask(way, OTHER)) == (listed, status, other)
    way.faults.clear()
    assert ask(way, OTHER).startswith(OTHER)
    assert log.count == 7
    assert {one.source for one in log.newest(9)} == {"120000"}


def test_every_fault_is_in_the_table() -> None:
    assert {row[0] for row in FAULTS} - {None} == set(relays.FAULTS)


def test_a_split_network_lets_its_own_side_and_strangers_through(way: Relay) -> None:
    way.faults.add("split")
    way.side = lambda source: source != "120000"
    assert ask(way, OTHER, "120000") == "dead"
    assert ask(way, OTHER, "130000") == f"{OTHER} 1"
    assert ask(way, OTHER, "") == f"{OTHER} 2"


def test_bodies_pass_and_a_node_that_is_away_is_a_dead_line(way: Relay, log: Log) -> None:
    assert ask(way, "/x", body=b"abc") == "cba"
    way.upstream = 1
    assert ask(way, OTHER) == "dead"
    assert [(one.method, one.status) for one in log.newest(2)] == [("GET", 0), ("POST", 201)]
