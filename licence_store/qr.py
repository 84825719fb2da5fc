"""二维码: a QR code (GB/T 18284-2000, ISO/IEC 18004) in a tenth of a millisecond or two.

Everything a version fixes (patterns, where each bit goes, the mask) is worked out once per version; a
code is then one pass over its bits. Level M, byte mode. The mask is fixed and not the best of eight:
any mask reads well, and trying them all is most of the work elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from qrcode import base, util
from qrcode.constants import ERROR_CORRECT_M

from trust.errors import Malformed

MASK = 2
"""Dark where column % 3 == 0 (ISO/IEC 18004, 7.8.2, pattern 010)."""
_LARGEST = 20
"""Version 20 at level M holds 666 bytes: longer addresses do not belong on a licence."""


def qr_rows(text: str) -> tuple[bytes, ...]:
    """The modules of ``text`` row by row, 1 for dark, without quiet zone. Raises ``Malformed("face.url_too_long")``."""
    content = text.encode()
    plan = _plan(_version_for(len(content), len(text)))
    bits = f"{int.from_bytes(_codewords(content, plan), 'big'):0{plan.bits}b}0".encode()
    drawn = int.from_bytes(bytes(plan.laid(bits)), "big") ^ plan.ground
    modules = drawn.to_bytes(plan.side**2, "big")
    return tuple(modules[start : start + plan.side] for start in range(0, len(modules), plan.side))


@dataclass(frozen=True, slots=True)
class _Plan:
    version: int
    side: int
    ground: int
    """All modules for codewords of "0": patterns, format and version information, mask; an octet for each module."""
    bits: int
    """How many the codeword stream has, remainder bits included."""
    laid: Callable[[bytes], Iterable[int]]
    """The digits of the stream, and a "0" behind them, laid on the modules: where no bit goes, that "0"."""
    blocks: tuple[tuple[int, int], ...]
    """``(data, error correction)`` codewords of each block."""


def _version_for(size: int, characters: int) -> int:
    for version in range(1, _LARGEST + 1):
        bits = 4 + (8 if version < 10 else 16) + 8 * size
        if bits <= 8 * sum(block.data_count for block in base.rs_blocks(version, ERROR_CORRECT_M)):
            return version
    raise Malformed("face.url_too_long", "核验地址过长（{length}个字符），放不进二维码。", length=characters)


@lru_cache(maxsize=_LARGEST)
def _plan(version: int) -> _Plan:
    side = 4 * version + 17
    grid: list[list[int | None]] = [[None] * side for _ in range(side)]
    _finders(grid)
    _alignments(grid, version)
    for i in range(8, side - 8):
        grid[6][i] = grid[i][6] = (i + 1) % 2
    _format(grid)
    if version >= 7:
        _version(grid, version)
    places = tuple(row * side + column for row, column in _walk(side) if grid[row][column] is None)
    ground = bytes((column % 3 == 0) if dark is None else dark for row in grid for column, dark in enumerate(row))
    found = base.rs_blocks(version, ERROR_CORRECT_M)
    blocks = tuple((block.data_count, block.total_count - block.data_count) for block in found)
    sources = [len(places)] * side**2
    for bit, place in enumerate(places):
        sources[place] = bit
    zero = int.from_bytes(b"0" * side**2, "big")
    return _Plan(version, side, int.from_bytes(ground, "big") ^ zero, len(places), itemgetter(*sources), blocks)


def _finders(grid: list[list[int | None]]) -> None:
    """Finder patterns with their separators (6.3.3, 6.3.4)."""
    side = len(grid)
    for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
        for row in range(max(0, top - 1), min(side, top + 8)):
            for column in range(max(0, left - 1), min(side, left + 8)):
                ring = max(abs(row - top - 3), abs(column - left - 3))
                grid[row][column] = int(ring in (0, 1, 3))


def _alignments(grid: list[list[int | None]], version: int) -> None:
    """Alignment patterns (6.3.6) wherever no finder is."""
    centres = util.pattern_position(version)
    for y in centres:
        for x in centres:
            if grid[y][x] is None:
                for row in range(-2, 3):
                    for column in range(-2, 3):
                        grid[y + row][x + column] = int(max(abs(row), abs(column)) != 1)


def _format(grid: list[list[int | None]]) -> None:
    """Format information (7.9), twice, and the dark module."""
    side, bits = len(grid), util.BCH_type_info((ERROR_CORRECT_M << 3) | MASK)
    for i in range(15):
        bit = bits >> i & 1
        grid[i if i < 6 else i + 1 if i < 8 else side - 15 + i][8] = bit
        grid[8][side - 1 - i if i < 8 else 15 - i if i < 9 else 14 - i] = bit
    grid[side - 8][8] = 1


def _version(grid: list[list[int | None]], version: int) -> None:
    """Version information (7.10), twice."""
    side, bits = len(grid), util.BCH_type_number(version)
    for i in range(18):
        long, short = i // 3, side - 11 + i % 3
        grid[long][short] = grid[short][long] = bits >> i & 1


def _walk(side: int) -> Iterator[tuple[int, int]]:
    """Two columns at a time from the right, up and down in turn, past the timing column (7.7.3)."""
    upward = True
    for right in range(side - 1, 0, -2):
        edge = right - 1 if right <= 6 else right
        for row in range(side - 1, -1, -1) if upward else range(side):
            yield row, edge
            yield row, edge - 1
        upward = not upward


def _codewords(content: bytes, plan: _Plan) -> bytes:
    """Data and error correction codewords, interleaved, then the remainder bits (7.4 to 7.6)."""
    capacity = sum(count for count, _ in plan.blocks)
    length_bits = 8 if plan.version < 10 else 16
    value = (4 << length_bits | len(content)) << 8 * len(content) | int.from_bytes(content, "big")
    used = 4 + length_bits + 8 * len(content)
    pad = min(4, 8 * capacity - used)
    pad += -(used + pad) % 8
    data = (value << pad).to_bytes((used + pad) // 8, "big")
    data += (b"\xec\x11" * capacity)[: capacity - len(data)]
    parts, checks, start = [], [], 0
    for count, check_count in plan.blocks:
        parts.append(data[start : start + count])
        checks.append(_error_correction(parts[-1], check_count))
        start += count
    stream = bytearray()
    for rows in (parts, checks):
        for index in range(max(map(len, rows))):
            stream += bytes(row[index] for row in rows if index < len(row))
    return _shifted(bytes(stream), plan.bits)


def _shifted(stream: bytes, bits: int) -> bytes:
    """``stream`` followed by the zero remainder bits, as the low ``bits`` bits of an integer."""
    return (int.from_bytes(stream, "big") << bits - 8 * len(stream)).to_bytes((bits + 7) // 8, "big")


def _error_correction(data: bytes, count: int) -> bytes:
    """Reed-Solomon check codewords over GF(256), polynomial 0x11d (7.5.2): long division with a table of rows."""
    rows, mask = _division_rows(count), (1 << 8 * count) - 1
    rest, top = 0, 8 * (count - 1)
    for byte in data:
        rest = rest << 8 & mask ^ rows[byte ^ rest >> top]
    return rest.to_bytes(count, "big")


@lru_cache(maxsize=64)
def _division_rows(count: int) -> tuple[int, ...]:
    """For each leading byte, that multiple of the generator polynomial (without its leading term) as an integer."""
    generator: Any = [1]
    root = 1
    for _ in range(count):
        generator = [a ^ _times(b, root) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
        root = _times(root, 2)
    return tuple(int.from_bytes(bytes(_times(c, factor) for c in generator[1:]), "big") for factor in range(256))


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product
