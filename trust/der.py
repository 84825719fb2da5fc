"""DER by hand: the few encodings that stand on the hot path (X.690, distinguished encoding rules).

Certificates and CRLs go through asn1crypto; signatures and time-stamp tokens, made thousands of
times, are put together here from prepared parts.
"""

from __future__ import annotations

SEQUENCE = 0x30
SET = 0x31
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = b"\x05\x00"
OID = 0x06
GENERALIZED_TIME = 0x18
CONTEXT_0 = 0xA0


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: ``tag``, definite length, and ``parts`` joined."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def integer(value: int) -> bytes:
    """INTEGER, shortest two's complement form."""
    bits = (value if value >= 0 else ~value).bit_length()
    return tlv(INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from dotted text, arcs of any size."""
    arcs = [int(arc) for arc in dotted.split(".")]
    return tlv(OID, *(_base128(arc) for arc in (arcs[0] * 40 + arcs[1], *arcs[2:])))


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(0x80 | (arc & 0x7F))
    return bytes(reversed(digits))


def set_of(*elements: bytes) -> bytes:
    """SET OF: elements in ascending order of their encodings, as DER demands."""
    return tlv(SET, *sorted(elements))


def read_tlv(data: bytes, offset: int = 0) -> tuple[int, bytes, int]:
    """``(tag, body, end)`` of the element at ``offset``; one-byte tags and shortest lengths only.

    Raises ``ValueError`` for anything else, a truncated element included.
    """
    if offset + 2 > len(data):
        raise ValueError("truncated element")
    tag, first = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise ValueError("tag of more than one byte")
    start, size = offset + 2, first
    if first >= 0x80:
        start += first & 0x7F
        size = _long_length(data[offset + 2 : start], first & 0x7F)
    if start + size > len(data):
        raise ValueError("truncated element")
    return tag, data[start : start + size], start + size


def _long_length(octets: bytes, count: int) -> int:
    if not 1 <= count <= 4 or len(octets) != count or octets[0] == 0:
        raise ValueError("length is not in its shortest form")
    size = int.from_bytes(octets, "big")
    if size < 0x80:
        raise ValueError("length is not in its shortest form")
    return size
