"""A web server on this machine that answers as a test says; no test asks anybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    """Called before anything is sent: to be slow."""
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Writes the whole answer itself."""


@dataclass
class Server:
    url: str
    answers: dict[str, Answer | Callable[[bytes], bytes]] = field(default_factory=dict)
    """By path: a fixed answer, or a function of the body received."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """``(method, path)`` in order."""
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def running_server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            server.asked.append((self.command, self.path))
            server.headers.append(dict(self.headers))
            answer = server.answers.get(self.path, Answer(404))
            if callable(answer):
                answer = Answer(body=answer(body))
            if answer.before:
                answer.before()
            try:
                if answer.raw:
                    answer.raw(self)
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                pass  # who asked has gone

        def log_message(self, *arguments: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
