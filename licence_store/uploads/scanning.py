"""病毒扫描: a scanner asked about every upload before anything opens it: ClamAV's daemon, over TCP or a local socket.

    scanner = open_scanner("tcp://127.0.0.1:3310")     # or unix:///run/clamav/clamd.ctl; empty: none
    scanner.scan(data)
    scanner.signatures()                                   # from when its signatures are

The protocol is clamd's ``INSTREAM``: the content in pieces with their lengths, an empty piece, one line of answer.
Where a scanner is named and does not answer, nothing is taken: what nobody has scanned is not let in quietly. A clamd
hangs up on what is longer than its ``StreamMaxLength``; if it lives, that is why.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Final, Protocol
from urllib.parse import urlsplit

from trust.errors import Malformed, Refused, Unavailable, printable

_PIECE: Final = 64 << 10
_SECONDS: Final = 30.0
_SECONDS_TO_SAY: Final = 3.0
"""... for what it knows without looking at a file."""
_LONGEST_ANSWER: Final = 4096
_TOO_LONG: Final = "INSTREAM size limit exceeded. ERROR"


class Scanner(Protocol):
    """病毒扫描."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to note with every file it let pass."""

    def scan(self, data: bytes) -> None:
        """Raises ``Refused("upload.infected")``, ``Malformed("upload.scanner_limit")``,
        ``Unavailable("upload.scanner_away")``.
        """

    def signatures(self) -> datetime | None:
        """From when its signatures are; ``None``: it does not say. Raises ``Unavailable("upload.scanner_away")``."""


@dataclass(frozen=True, slots=True)
class NoScanner:
    """None is set up."""

    warnings: tuple[str, ...] = ()

    def scan(self, data: bytes) -> None:
        """Nothing is known."""

    def signatures(self) -> datetime | None:
        """It has none."""
        return None


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
        answer = self._verdict(data)
        name = answer.removeprefix("stream: ").removesuffix(" FOUND")
        if answer.endswith(" FOUND"):
            raise Refused(
                "upload.infected", "病毒扫描发现恶意内容（{name}），文件未收取。",
                remedy="请用杀毒软件检查您的设备，并换用未受感染的文件。", name=printable(name)[:80],
            )  # fmt: skip
        if answer == _TOO_LONG:
            raise _too_long()
        if answer != "stream: OK":
            raise _away(answer)

    def signatures(self) -> datetime | None:
        stated = self._ask([b"zVERSION\0"], min(self.seconds, _SECONDS_TO_SAY))
        if not stated.startswith("ClamAV "):
            raise _away(stated)
        try:
            return datetime.strptime(stated.split("/")[2], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except (IndexError, ValueError):
            return None

    def _verdict(self, data: bytes) -> str:
        pieces = (data[place : place + _PIECE] for place in range(0, len(data), _PIECE))
        sent = (len(piece).to_bytes(4, "big") + piece for piece in (*pieces, b""))
        try:
            return self._ask(chain([b"zINSTREAM\0"], sent), self.seconds)
        except Unavailable as error:
            if len(data) > _PIECE and isinstance(error.__cause__, (BrokenPipeError, ConnectionResetError)):
                self.signatures()
                raise _too_long() from error
            raise

    def _ask(self, sent: Iterable[bytes], seconds: float) -> str:
        try:
            with closing(self._connect(seconds)) as line:
                for piece in sent:
                    line.sendall(piece)
                return _answer(line)
        except (OSError, ValueError) as error:
            raise _away(type(error).__name__) from error

    def _connect(self, seconds: float) -> socket.socket:
        if not self.path:
            return socket.create_connection((self.host, self.port), seconds)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(seconds)
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


def _too_long() -> Malformed:
    return Malformed(
        "upload.scanner_limit", "文件超过病毒扫描服务能检查的大小，未收取。",
        remedy="请降低分辨率或拆分后上传；管理员可调高 clamd 的 StreamMaxLength。",
    )  # fmt: skip


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
