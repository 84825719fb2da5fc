"""DER 读取: a strict reading cursor over untrusted octets (X.690): definite, shortest lengths, exact ends.

The hot paths (time-stamp tokens, revocation lists) read with it instead of building object trees; whatever
is not exactly what they ask for raises ``Malformed("der.malformed")``.

    outer = Cursor(data)
    sequence = outer.enter(SEQUENCE)
    outer.finish()
    number = sequence.integer()
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from trust.errors import Malformed

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OID: Final = 0x06
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
SET: Final = 0x31
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1


class Cursor:
    """读取游标: stands before the next element of ``data[position:end]``."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    def __bool__(self) -> bool:
        """Is there anything left?"""
        return self.position < self.end

    def peek(self) -> int:
        """The tag octet of the next element; -1 at the end."""
        return self.data[self.position] if self.position < self.end else -1

    def header(self, tag: int | None = None) -> tuple[int, int]:
        """``(start, stop)`` of the next element's contents, moving behind it; its tag must be ``tag``."""
        data, position, end = self.data, self.position, self.end
        if position + 2 > end or (tag is not None and data[position] != tag) or data[position] & 0x1F == 0x1F:
            raise malformed("unexpected tag or end")
        size, start = data[position + 1], position + 2
        if size >= 0x80:
            count = size & 0x7F
            size, start = int.from_bytes(data[start : start + count], "big"), start + count
            if not 1 <= count <= 4 or start > end or size < 0x80 or size >> (8 * (count - 1)) == 0:
                raise malformed("length not in its shortest form")
        if start + size > end:
            raise malformed("truncated")
        self.position = start + size
        return start, start + size

    def enter(self, tag: int) -> Cursor:
        """A cursor inside the next element."""
        start, stop = self.header(tag)
        return Cursor(self.data, start, stop)

    def optional(self, tag: int) -> Cursor | None:
        """As ``enter``, if the next element has ``tag``."""
        return self.enter(tag) if self.peek() == tag else None

    def body(self, tag: int) -> bytes:
        """Contents of the next element."""
        start, stop = self.header(tag)
        return self.data[start:stop]

    def element(self, tag: int | None = None) -> bytes:
        """The next element whole, with tag and length."""
        begin = self.position
        _, stop = self.header(tag)
        return self.data[begin:stop]

    def rest(self) -> bytes:
        """Everything left, unread."""
        return self.data[self.position : self.end]

    def skip(self) -> None:
        self.header()

    def finish(self) -> None:
        """Demand that nothing is left."""
        if self.position != self.end:
            raise malformed("something follows")

    # ------------------------------------------------------------ values

    def integer(self, tag: int = INTEGER) -> int:
        body = self.body(tag)
        if not body or (len(body) > 1 and body[0] in (0, 0xFF) and (body[0] ^ body[1]) < 0x80):
            raise malformed("INTEGER not in its shortest form")
        return int.from_bytes(body, "big", signed=True)

    def boolean(self) -> bool:
        body = self.body(BOOLEAN)
        if body not in (b"\x00", b"\xff"):
            raise malformed("BOOLEAN")
        return body == b"\xff"

    def oid(self) -> str:
        return dotted(self.body(OID))

    def bit_string(self) -> bytes:
        """Octets of a BIT STRING without unused bits."""
        body = self.body(BIT_STRING)
        if body[:1] != b"\x00":
            raise malformed("BIT STRING with unused bits")
        return body[1:]

    def time(self) -> datetime:
        """UTCTime (years 1950 to 2049) or GeneralizedTime, with Z, as an aware moment."""
        tag = self.peek()
        return read_time(tag, self.body(tag if tag in (UTC_TIME, GENERALIZED_TIME) else GENERALIZED_TIME))

    def algorithm(self) -> str:
        """OID of the next AlgorithmIdentifier; parameters must be absent or NULL."""
        inner = self.enter(SEQUENCE)
        found = inner.oid()
        if inner and inner.rest() != b"\x05\x00":
            raise malformed("parameters of an algorithm")
        return found


_known_oids: dict[bytes, str] = {}


def dotted(body: bytes) -> str:
    """Dotted text of an OBJECT IDENTIFIER's contents."""
    known = _known_oids.get(body)
    if known is None:
        known = _dotted(body)
        if len(_known_oids) < 512:
            _known_oids[body] = known
    return known


def _dotted(body: bytes) -> str:
    if not body or body[-1] >= 0x80 or len(body) > 64:
        raise malformed("OBJECT IDENTIFIER")
    arcs, arc = [], 0
    for position, octet in enumerate(body):
        if octet == 0x80 and (position == 0 or body[position - 1] < 0x80):
            raise malformed("OBJECT IDENTIFIER")
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def read_time(tag: int, body: bytes) -> datetime:
    """A DER time: ``YYMMDDHHMMSSZ`` or ``YYYYMMDDHHMMSS[.f…]Z`` (fraction without trailing zeros)."""
    text = body.decode("ascii", "replace")
    if tag == UTC_TIME and len(text) == 13:
        text = ("20" if text[:2] < "50" else "19") + text
    whole, _, fraction = text[:-1].partition(".")
    good = text[-1:] == "Z" and len(whole) == 14 and whole.isascii() and whole.isdigit()
    if "." in text:
        good = good and tag == GENERALIZED_TIME and fraction.isdigit() and fraction.isascii() and fraction[-1] != "0"
    if not good:
        raise malformed("time")
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    try:
        return datetime(
            int(whole[:4]), int(whole[4:6]), int(whole[6:8]), int(whole[8:10]), int(whole[10:12]), int(whole[12:]),
            micro, UTC,
        )  # fmt: skip
    except ValueError:
        raise malformed("time") from None


def malformed(reason: str) -> Malformed:
    return Malformed("der.malformed", "数据不是规范的 DER 编码（{reason}）。", reason=reason)
