"""图片的结构: the segments of a JPEG, chunks of a PNG, boxes of a HEIC, from the first octet to the last.

Run in the confined process. Nothing is decoded; asked is whether the file is one picture and nothing besides, and what
is in it that is not picture. ``Trouble`` names the reason.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

_MOST_PARTS: Final = 20_000
_MOST_SCANS: Final = 100
"""A progressive JPEG has a dozen, one made to keep a decoder busy has thousands."""
_MOST_TEXT: Final = 1 << 20
"""Octets a compressed note in a PNG may become."""
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_NOTES: Final = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF})
"""Comments and application data but for JFIF and Adobe's colour mark."""


class Trouble(Exception):
    """A reason of ``uploads.refusals``, with its parameters."""

    def __init__(self, reason: str, **params: object) -> None:
        super().__init__(reason)
        self.reason, self.params = reason, params


def look_at_jpeg(data: bytes) -> set[str]:
    """Warnings a JPEG deserves: ``metadata_removed``, ``extra_pictures_removed``."""
    end, warnings = _jpeg_end(data, 0)
    rest = data[end:]
    if rest.strip(b"\0"):
        _check_extras(rest)
        warnings.add("extra_pictures_removed")
    return warnings


def _jpeg_end(data: bytes, start: int) -> tuple[int, set[str]]:
    """Where the picture that begins at ``start`` ends, by its segments."""
    place, scans, warnings = start + 2, 0, set[str]()
    for _ in range(_MOST_PARTS):
        if place + 2 > len(data) or data[place] != 0xFF:
            raise Trouble("damaged")
        kind = data[place + 1]
        if kind == 0xD9:
            return place + 2, warnings
        if kind == 0xFF or kind in _STANDALONE:
            place += 1 if kind == 0xFF else 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if length < 2:
            raise Trouble("damaged")
        if kind in _NOTES:
            warnings.add("metadata_removed")
        place += 2 + length
        if kind == 0xDA:
            scans += 1
            if scans > _MOST_SCANS:
                raise Trouble("bomb")
            place = _after_scan(data, place)
    raise Trouble("bomb")


def _after_scan(data: bytes, place: int) -> int:
    """The marker behind entropy-coded data: FF and neither 00 nor a restart."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise Trouble("damaged")
        if data[place + 1] not in (0, *range(0xD0, 0xD8)):
            return place
        place += 2


def _check_extras(rest: bytes) -> None:
    """What phones put behind a picture: further JPEGs (depth, brightness), a short film, the maker's trailer."""
    known = (b"\xff\xd8\xff", b"MotionPhoto_Data")
    film = rest[4:8] == b"ftyp"
    trailer = rest[-4:] == b"SEFT"
    if not (rest.lstrip(b"\0").startswith(known) or film or trailer):
        raise Trouble("trailing_data")


def look_at_png(data: bytes) -> set[str]:
    """Warnings a PNG deserves; ``Trouble`` for animations, notes that swell, what stands behind the end."""
    warnings, ended = set[str](), False
    for kind, body, after in _chunks(data):
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"):
            warnings.add("metadata_removed")
        if kind in (b"acTL", b"fcTL", b"fdAT"):
            raise Trouble("animated")
        if kind in (b"zTXt", b"iCCP", b"iTXt"):
            _check_note(kind, body)
        if kind == b"IEND":
            ended = True
            if data[after:].strip(b"\0"):
                raise Trouble("trailing_data")
            break
    if not ended:
        raise Trouble("damaged")
    return warnings


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    place = 8
    for _ in range(_MOST_PARTS):
        if place + 12 > len(data):
            raise Trouble("damaged")
        length, kind = struct.unpack_from(">I4s", data, place)
        after = place + 12 + length
        if after > len(data) or not kind.isalpha():
            raise Trouble("damaged")
        body = data[place + 8 : place + 8 + length]
        if zlib.crc32(kind + body) != int.from_bytes(data[after - 4 : after], "big"):
            raise Trouble("damaged")
        yield kind, body, after
        place = after
    raise Trouble("bomb")


def _check_note(kind: bytes, body: bytes) -> None:
    """A compressed note or profile stays small when unpacked."""
    _, _, rest = body.partition(b"\0")
    if kind == b"iTXt":
        if rest[:1] != b"\x01":
            return
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        rest = rest[1:]
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(rest, _MOST_TEXT)
    except zlib.error:
        raise Trouble("damaged") from None
    if unpacker.unconsumed_tail:
        raise Trouble("bomb")


def look_at_heic(data: bytes) -> set[str]:
    """The boxes of a HEIC fill it exactly, and none of them is a film."""
    place = 0
    kinds: list[bytes] = []
    while place < len(data):
        if place + 8 > len(data) or len(kinds) > _MOST_PARTS:
            raise Trouble("trailing_data" if kinds else "damaged")
        length, kind = struct.unpack_from(">I4s", data, place)
        if length == 1 and place + 16 <= len(data):
            length = int.from_bytes(data[place + 8 : place + 16], "big")
        elif length == 0:
            length = len(data) - place
        if length < 8 or place + length > len(data):
            raise Trouble("trailing_data" if b"mdat" in kinds and b"meta" in kinds else "damaged")
        kinds.append(kind)
        place += length
    if not {b"ftyp", b"meta"} <= set(kinds):
        raise Trouble("animated" if b"moov" in kinds else "damaged")
    unknown = [
        kind
        for kind in kinds
        if kind not in (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"moov", b"mpvd", b"uuid", b"idat")
    ]
    if unknown:
        raise Trouble("trailing_data")
    return {"metadata_removed", "converted"}
