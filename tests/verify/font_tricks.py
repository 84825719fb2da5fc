"""字形篡改: what can be done to an embedded font so that it shows other characters than it says."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from io import BytesIO

from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables.DefaultTable import DefaultTable

from seal.typesetting import add_table, load_font

Glyphs = Callable[[str], int]
"""Character → number of its glyph."""


def glyphs_of(program: bytes) -> Glyphs:
    """By the font's own cmap."""
    font = TTFont(BytesIO(program))
    named, numbers = font.getBestCmap(), font.getReverseGlyphMap()
    return lambda char: numbers[named[ord(char)]]


def _saved(font: TTFont) -> bytes:
    out = BytesIO()
    font.save(out, reorderTables=False)
    return out.getvalue()


def exchange_outlines(program: bytes, glyphs: Glyphs, one: str, other: str) -> bytes:
    """One is drawn as the other, and the other way round."""
    font = TTFont(BytesIO(program))
    table, order = font["glyf"], font.getGlyphOrder()
    a, b = order[glyphs(one)], order[glyphs(other)]
    table[a], table[b] = table[b], table[a]
    return _saved(font)


def exchange_codes(program: bytes, glyphs: Glyphs, one: str, other: str, first_only: bool = False) -> bytes:
    """The cmap leads from each of the two to the other's glyph; ``first_only``: only one of its tables does."""
    font = TTFont(BytesIO(program))
    for table in list(font["cmap"].tables)[: 1 if first_only else None]:
        table.cmap = dict(table.cmap)
        table.cmap[ord(one)], table.cmap[ord(other)] = table.cmap[ord(other)], table.cmap[ord(one)]
    return _saved(font)


def drawn_as(program: bytes, glyphs: Glyphs, one: str, other: str) -> bytes:
    """One is drawn as a character the subset has not."""
    font, ours = TTFont(BytesIO(program)), TTFont(load_font("serif").path)
    font["glyf"][font.getGlyphOrder()[glyphs(one)]] = ours["glyf"][ours.getBestCmap()[ord(other)]]
    return _saved(font)


def cut_in_lines(program: bytes, glyphs: Glyphs) -> bytes:
    """Every line in two, as another tool may write it."""
    font = TTFont(BytesIO(program))
    for name in font.getGlyphOrder():
        pen = TTGlyphPen(None)
        recording = RecordingPen()
        font.getGlyphSet()[name].draw(recording)
        here = (0, 0)
        for act, points in recording.value:
            if act == "lineTo":
                pen.lineTo(((here[0] + points[0][0]) // 2, (here[1] + points[0][1]) // 2))
            getattr(pen, act)(*points)
            here = points[-1] if points else here
        font["glyf"][name] = pen.glyph()
    return _saved(font)


def swollen(program: bytes, glyphs: Glyphs, by: int, one: str = "", other: str = "") -> bytes:
    """Every outline grown from the middle, by thousandths of an em at the most."""
    font = TTFont(BytesIO(exchange_outlines(program, glyphs, one, other) if one else program))
    for name in font.getGlyphOrder():
        glyph = font["glyf"][name]
        if glyph.numberOfContours > 0:
            glyph.coordinates.scale((1 + by / 100, 1 + by / 100))
            glyph.coordinates.toInt()
    return _saved(font)


def claiming(program: bytes, glyphs: Glyphs) -> bytes:
    """A cmap of one group over every number there is."""
    font = TTFont(BytesIO(program))
    groups = (12, 0, 28, 0, 1, 0, 0xFFFFFFFF, 1)
    data = struct.pack(">HHHHL", 0, 1, 3, 10, 12) + struct.pack(">HHLLLLLL", *groups)
    font["cmap"] = DefaultTable("cmap")
    font["cmap"].data = data
    return _saved(font)


def saved_anew(program: bytes, glyphs: Glyphs) -> bytes:
    """The same outlines, written by somebody else."""
    font = TTFont(BytesIO(program))
    font["head"].modified += 1
    return _saved(font)


def with_table(program: bytes, glyphs: Glyphs, tag: str) -> bytes:
    """One table more."""
    font = TTFont(BytesIO(program))
    font[tag] = newTable(tag)
    font[tag].data = b"\0" * 8
    return _saved(font) if tag in ("fpgm", "prep") else add_table(program, tag.encode(), b"\0" * 8)


def other_nonce(program: bytes, glyphs: Glyphs) -> bytes:
    at = program.index(b"nonc")
    start = int.from_bytes(program[at + 8 : at + 12], "big")
    return program[:start] + bytes(16) + program[start + 16 :]


def emptied(program: bytes, glyphs: Glyphs, chars: Iterable[str]) -> bytes:
    """Nothing is drawn for these."""
    font = TTFont(BytesIO(program))
    for char in chars:
        font["glyf"][font.getGlyphOrder()[glyphs(char)]] = type(font["glyf"][".notdef"])()
    return _saved(font)


def damaged(program: bytes, glyphs: Glyphs) -> bytes:
    return program[: len(program) // 2]


def no_font(program: bytes, glyphs: Glyphs) -> bytes:
    return b"<svg/>"


TRICKS: dict[str, Callable[..., bytes]] = {
    one.__name__: one
    for one in (
        exchange_outlines, exchange_codes, drawn_as, cut_in_lines, swollen, claiming, saved_anew, with_table, other_nonce, emptied, damaged, no_font,
    )
}  # fmt: skip
