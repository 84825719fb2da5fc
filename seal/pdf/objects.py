"""PDF 对象: writing the objects of a PDF file, and files and updates made of them (ISO 32000-1, 7.3 and 7.5).

A value is its own octets: ``name("Type")``, ``text("营业执照")``, ``dictionary({...})``. That is all a writer needs
who makes thousands of files that differ little, and nothing is built as a tree only to be flattened again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+:;@!$&*^~'`|?,=\"")


@lru_cache(maxsize=4096)
def name(value: str) -> bytes:
    """A name (7.3.5); what is not plain is written ``#xx``."""
    return b"/" + b"".join(bytes((b,)) if b in _PLAIN else b"#%02X" % b for b in value.encode())


def text(value: str) -> bytes:
    """A text string (7.9.2.2): UTF-16 with its mark, in hex; plain ASCII as it is."""
    if value.isascii() and value.isprintable():
        return b"(" + value.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode() + b")"
    return hexed(b"\xfe\xff" + value.encode("utf-16-be"))


def hexed(data: bytes) -> bytes:
    """A string of octets, in hex (7.3.4.3)."""
    return b"<" + data.hex().encode() + b">"


def reference(number: int) -> bytes:
    """An indirect reference to object ``number`` of generation 0."""
    return b"%d 0 R" % number


@lru_cache(maxsize=65536)
def real(value: float, decimals: int = 3) -> bytes:
    """A number with at most ``decimals`` decimals, none to spare."""
    written = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return b"0" if written in ("-0", "") else written.encode()


def array(parts: Iterable[bytes]) -> bytes:
    """An array."""
    return b"[" + b" ".join(parts) + b"]"


def reals(values: Iterable[float], decimals: int = 3) -> bytes:
    """An array of numbers."""
    return array(real(value, decimals) for value in values)


def dictionary(entries: Mapping[str, bytes]) -> bytes:
    """A dictionary, in the order given."""
    return b"<<" + b"".join(name(key) + b" " + value for key, value in entries.items()) + b">>"


def stream(entries: Mapping[str, bytes], data: bytes, *, level: int = 0) -> bytes:
    """A stream (7.3.8); deflated at ``level``, 0 leaves ``data`` as it is."""
    head = dict(entries)
    if level:
        data = zlib.compress(data, level)
        head["Filter"] = b"/FlateDecode"
    head["Length"] = b"%d" % len(data)
    return dictionary(head) + b"stream\n" + data + b"\nendstream"


@dataclass(frozen=True, slots=True)
class Block:
    """Objects written one after another, with the place of each: prepared once, put into many files."""

    data: bytes
    offsets: tuple[tuple[int, int], ...]
    """``(object number, offset in data)``."""

    @classmethod
    def of(cls, objects: Mapping[int, bytes]) -> Block:
        parts: list[bytes] = []
        offsets: list[tuple[int, int]] = []
        size = 0
        for number, content in objects.items():
            offsets.append((number, size))
            part = b"%d 0 obj\n%b\nendobj\n" % (number, content)
            parts.append(part)
            size += len(part)
        return cls(b"".join(parts), tuple(offsets))


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was written, and where each of its new objects begins."""

    data: bytearray
    offsets: Mapping[int, int]


def write_file(blocks: Iterable[Block], trailer: Mapping[str, bytes]) -> Written:
    """A whole file of one revision; ``trailer`` without ``Size``."""
    data = bytearray(HEADER)
    return _finish(data, blocks, trailer, 0, with_free=True)


def append_update(
    base: bytes, blocks: Iterable[Block], trailer: Mapping[str, bytes], size: int, *, as_stream: bool
) -> Written:
    """``base`` with one incremental update (7.5.6), every octet of it kept.

    ``size`` is the number of objects so far; ``as_stream`` writes the cross-references as ``base`` does (7.5.8).
    """
    data = bytearray(base)
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"
    return _finish(data, blocks, trailer, size, as_stream=as_stream)


def _finish(
    data: bytearray,
    blocks: Iterable[Block],
    trailer: Mapping[str, bytes],
    size: int,
    *,
    with_free: bool = False,
    as_stream: bool = False,
) -> Written:
    offsets: dict[int, int] = {}
    for block in blocks:
        start = len(data)
        offsets.update((number, start + offset) for number, offset in block.offsets)
        data += block.data
    size = max(size, *(number + 1 for number in offsets))
    place = len(data)
    if as_stream:
        data += _cross_reference_stream(offsets, trailer, size, place)
    else:
        data += _cross_reference_table(offsets, with_free=with_free)
        data += b"trailer\n" + dictionary({**trailer, "Size": b"%d" % size})
    data += b"\nstartxref\n%d\n%%%%EOF\n" % place
    return Written(data, offsets)


def _sections(numbers: Iterable[int]) -> list[list[int]]:
    """Runs of consecutive numbers."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _cross_reference_table(offsets: Mapping[int, int], *, with_free: bool) -> bytes:
    """7.5.4; entry 0 heads the list of free objects where the file is new."""
    parts = [b"xref\n"]
    for run in _sections((0, *offsets) if with_free else offsets):
        parts.append(b"%d %d\n" % (run[0], len(run)))
        parts += [b"%010d 00000 n \n" % offsets[n] if n else b"0000000000 65535 f \n" for n in run]
    return b"".join(parts)


def _cross_reference_stream(offsets: dict[int, int], trailer: Mapping[str, bytes], size: int, place: int) -> bytes:
    """7.5.8; the stream is an object of its own and lists itself."""
    number, offsets[size] = size, place
    runs = _sections(offsets)
    rows = b"".join(b"\x01" + offsets[n].to_bytes(8, "big") + b"\x00\x00" for run in runs for n in run)
    index = array(b"%d %d" % (run[0], len(run)) for run in runs)
    head = {**trailer, "Type": b"/XRef", "W": b"[1 8 2]", "Index": index, "Size": b"%d" % (size + 1)}
    return b"%d 0 obj\n%b\nendobj\n" % (number, stream(head, rows, level=6))
