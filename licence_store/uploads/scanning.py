"""病毒扫描: a scanner asked about every upload before anything opens it: ClamAV's daemon, over TCP or a local socket.

    scanner = open_scanner("tcp://127.0.0.1:3310")     # or unix:///run/clamav/clamd.ctl; empty: none
    scanner.scan(data)

The protocol is clamd's ``INSTREAM``: the content in pieces with their lengths, an empty piece, one line of answer.
Where a scanner is named and does not answer, nothing is taken: what nobody has scanned is not let in quietly.
"""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from trust.errors import Malformed, Refused, Unavailable, printable

_PIECE: Final = 64 << 10
_SECONDS: Final = 30.0
_LONGEST_ANSWER: Final = 4096


class Scanner(Protocol):
    """病毒扫描."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to note with every file it let pass."""

    def scan(self, data: bytes) -> None:
        """Raises ``Refused("upload.infected")``, ``Unavailable("upload.scanner_away")``."""


@dataclass(frozen=True, slots=True)
class NoScanner:
    """None is set up."""

    warnings: tuple[str, ...] = ()

    def scan(self, data: bytes) -> None:
        """Nothing is known."""


@dataclass(frozen=True, slots=True)
class ClamdScanner:
    """ClamAV's daemon."""

    path: str = ""
    """Of a local socket; empty: ``host`` and ``port``."""
    host: str = ""
    port: int = 3310
    seconds: float = _SECONDS
    warnings: tuple[str, ...] = ()

    def scan(self, data: bytes) -> None:
        answer = self._ask(data)
        name = answer.removeprefix("stream: ").removesuffix(" FOUND")
        if answer.endswith(" FOUND"):
            raise Refused(
                "upload.infected", "病毒扫描发现恶意内容（{name}），文件未收取。",
                remedy="请用杀毒软件检查您的设备，并换用未受感染的文件。", name=printable(name)[:80],
            )  # fmt: skip
        if answer != "stream: OK":
            raise _away(answer)

    def _ask(self, data: bytes) -> str:
        try:
            with closing(self._connect()) as line:
                line.sendall(b"zINSTREAM\0")
                for place in range(0, len(data), _PIECE):
                    piece = data[place : place + _PIECE]
                    line.sendall(len(piece).to_bytes(4, "big") + piece)
                line.sendall(bytes(4))
                return _answer(line)
        except (OSError, ValueError) as error:
            raise _away(type(error).__name__) from error

    def _connect(self) -> socket.socket:
        if not self.path:
            return socket.create_connection((self.host, self.port), self.seconds)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(self.seconds)
        try:
            line.connect(self.path)
        except OSError:
            line.close()
            raise
        return line


def _answer(line: socket.socket) -> str:
    held = bytearray()
    while len(held) < _LONGEST_ANSWER and (some := line.recv(_LONGEST_ANSWER)):
        held += some
        if b"\0" in some:
            break
    return held.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _away(reason: str) -> Unavailable:
    return Unavailable(
        "upload.scanner_away", "病毒扫描服务暂时不可用（{reason}），文件未收取。", reason=printable(reason)[:80]
    )


def open_scanner(address: str) -> Scanner:
    """The scanner at ``tcp://host:port`` or ``unix:///path``; empty: none. Raises ``Malformed("upload.scanner")``."""
    if not address:
        return NoScanner()
    try:
        parts = urlsplit(address)
        if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
            return ClamdScanner(path=parts.path)
        if parts.scheme == "tcp" and parts.hostname and parts.path in ("", "/"):
            return ClamdScanner(host=parts.hostname, port=parts.port or 3310)
    except ValueError:
        pass
    raise Malformed("upload.scanner", "病毒扫描服务地址无效：应为 tcp://主机:端口 或 unix:///路径。")
