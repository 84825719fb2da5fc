"""A clamd of our own, for tests: it speaks INSTREAM and VERSION and finds what it is told to find."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MARK = b"TEST-MALWARE"
VERSION = b"ClamAV 1.4.3/27830/Sat Nov 21 08:24:19 2026\0"


@contextmanager
def clamd(
    answer: bytes | None = None, *, longest: int = 1 << 30, version: bytes = VERSION
) -> Iterator[tuple[str, list[bytes]]]:
    """``(address, what was streamed)``; ``answer`` instead of a verdict; it hangs up on what is longer than
    ``longest``, as clamd does.
    """
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
                _answer(line, seen, answer, longest, version)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _answer(line: socket.socket, seen: list[bytes], answer: bytes | None, longest: int, version: bytes) -> None:
    file = line.makefile("rb")
    with file:
        command = file.read(9)
        if command == b"zVERSION\0":
            line.sendall(version)
            return
        assert command + file.read(1) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(file.read(4), "big"):
            content += file.read(size)
            if len(content) > longest:
                return
    seen.append(content)
    verdict = b"stream: Test.Malware FOUND\0" if MARK in content else b"stream: OK\0"
    line.sendall(verdict if answer is None else answer)
