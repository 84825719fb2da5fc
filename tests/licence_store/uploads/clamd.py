"""A clamd of our own, for tests: it speaks INSTREAM and finds what it is told to find."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MARK = b"TEST-MALWARE"


@contextmanager
def clamd(answer: bytes | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """``(address, what was streamed)``; ``answer`` instead of a verdict."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                _answer(line, seen, answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _answer(line: socket.socket, seen: list[bytes], answer: bytes | None) -> None:
    file = line.makefile("rb")
    with file:
        assert file.read(10) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(file.read(4), "big"):
            content += file.read(size)
    seen.append(content)
    verdict = b"stream: Test.Malware FOUND\0" if MARK in content else b"stream: OK\0"
    line.sendall(verdict if answer is None else answer)
