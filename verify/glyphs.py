"""字形: do the glyphs of an embedded font show the characters they stand for?

    judge_program(program, "Noto Serif SC", {"演", "示"})

A subset as our own writer makes it is known octet for octet. Any other program is compared outline by outline with the
fonts we ship: one that bears the name of ours must show what ours shows; one of another name may look as it likes, but
not like another character of ours. Of what then remains unknown nothing is said but that it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from string import ascii_letters, digits
from typing import Final

import uharfbuzz as hb

from seal.typesetting import FONTS, NONCE_TABLE, Command, FontFace, load_font, outline_of
from trust.errors import Malformed

_PLAIN_TABLES: Final = frozenset(
    {"head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "loca", "glyf", "name", "post", "vhea", "vmtx", "nonc",
     "GlyphOrder"}
)  # fmt: skip
"""What draws outlines and nothing else: no instructions, substitutions, bitmaps, colours or variations."""
_NEAR: Final = 0.004
"""Ems by which points of one outline may differ from another's."""
_LARGEST: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Judged:
    """What the glyphs of a font show."""

    false: frozenset[str] = frozenset()
    """Characters drawn as others, or by means that can show them as others."""
    unknown: bool = False
    """It is not ours, and of some characters it cannot be told what is drawn."""


SOUND: Final = Judged()


def judge_program(program: bytes, name: str, chars: frozenset[str]) -> Judged:
    """A font that is asked by character, through its cmap (OFD); ``name`` as the file states it."""
    face = _face_called(name)
    if face is not None and _is_subset(program, face, chars):
        return SOUND
    return _compared(program, face, dict.fromkeys(chars))


def judge_glyphs(program: bytes, name: str, glyphs: Mapping[str, int]) -> Judged:
    """A font that is asked by glyph number (PDF); ``glyphs``: character → number of the glyph that is drawn."""
    face = _face_called(name)
    if face is not None and _is_glyph_subset(program, face, glyphs):
        return SOUND
    return _compared(program, face, glyphs)


@lru_cache(maxsize=256)
def _face_called(name: str) -> FontFace | None:
    """Ours of that name, however a format spells it."""
    wanted = name.rpartition("+")[2].replace(" ", "").casefold()
    found = (key for key, one in FONTS.items() if one.font_name.replace(" ", "").casefold() == wanted)
    key = next(found, None)
    return load_font(key) if key is not None else None


# ---------------------------------------------------------------- as our writer makes it


def _is_subset(program: bytes, face: FontFace, chars: Iterable[str]) -> bool:
    try:
        return face.subset(chars or {" "}, _nonce(program)) == program
    except Malformed:  # a character ours has not
        return False


def _is_glyph_subset(program: bytes, face: FontFace, glyphs: Mapping[str, int]) -> bool:
    try:
        subset = face.glyph_subset(sorted(glyphs))
    except Malformed:
        return False
    return subset.data == program and subset.glyphs == tuple(glyphs[char] for char in sorted(glyphs))


def _nonce(program: bytes) -> bytes:
    """The nonce our writer put into a table of its own, ``b""`` where there is none."""
    try:
        count = struct.unpack_from(">H", program, 4)[0]
        for index in range(min(count, 64)):
            tag, _, offset, size = struct.unpack_from(">4sLLL", program, 12 + 16 * index)
            if tag == NONCE_TABLE:
                return program[offset : offset + min(size, 64)]
    except struct.error:
        pass
    return b""


# ---------------------------------------------------------------- any other


def _compared(program: bytes, face: FontFace | None, glyphs: Mapping[str, int | None]) -> Judged:
    """Outline by outline; a program that cannot be read shows nothing that can be told."""
    chars = frozenset(glyphs)
    try:
        drawn, plain = _read(program, glyphs)
    except Exception:  # noqa: BLE001 - a stranger's font makes its readers fail in many ways
        return Judged(chars if face is not None else frozenset(), face is None)
    if face is not None:
        # A character without glyph is drawn by whatever font a reader has: not falsely, but not by this one.
        false = frozenset(c for c in chars if c in drawn and not _shows(face, c, drawn[c]))
        return Judged(false if plain else chars, unknown=len(drawn) < len(chars))
    ours = [load_font(key) for key in FONTS]
    strange = [char for char in chars if not any(_shows(one, char, drawn.get(char)) for one in ours)]
    false = frozenset(c for c in strange if drawn.get(c) and _is_another(drawn[c], c, ours, chars))
    return Judged(false, unknown=len(strange) > len(false) or not plain)


_Outline = tuple[Command, ...]
_Drawn = dict[str, _Outline]


def _read(program: bytes, glyphs: Mapping[str, int | None]) -> tuple[_Drawn, bool]:
    """``(character → outline in ems, whether nothing but outlines decides what is shown)``."""
    if len(program) > _LARGEST or program[:4] not in (b"\0\1\0\0", b"true", b"OTTO"):
        raise ValueError("font program")
    from fontTools.ttLib import TTFont  # only for fonts that are not of our making

    with TTFont(BytesIO(program), lazy=True) as tables:
        plain = set(tables.keys()) <= _PLAIN_TABLES
        maps = [one.cmap for one in tables["cmap"].tables if one.isUnicode()] if "cmap" in tables else []
    font = hb.Font(hb.Face(program))
    wanted: dict[str, int] = {}
    for char, number in glyphs.items():
        glyph = font.get_nominal_glyph(ord(char)) if number is None and len(char) == 1 else number
        if glyph is None:
            continue
        wanted[char] = glyph
        plain = plain and (number is not None or len({one.get(ord(char)) for one in maps}) == 1)
    return {char: outline_of(font, glyph) for char, glyph in wanted.items()}, plain


def _shows(face: FontFace, char: str, drawn: _Outline | None) -> bool:
    """Is ``drawn`` what ``face`` shows for ``char``?"""
    return drawn is not None and len(char) == 1 and face.covers(char) and _same(face.outline(char), drawn)


def _is_another(drawn: _Outline, char: str, faces: Iterable[FontFace], chars: Iterable[str]) -> bool:
    """Is it what one of ``faces`` shows for another character, wherever it begins?"""
    others = {*digits, *ascii_letters, *chars} - {char}
    return any(
        _same(face.outline(one), drawn, aside=True)
        for face in faces
        for one in others
        if len(one) == 1 and face.covers(one) and len(face.outline(one)) == len(drawn)
    )


def _same(own: _Outline, drawn: _Outline, *, aside: bool = False) -> bool:
    """Do the points of two outlines lie upon each other, ``aside``: once both begin at one place?"""
    if len(own) != len(drawn) or [letter for letter, _ in own] != [letter for letter, _ in drawn]:
        return False
    moved = own[0][1][0] - drawn[0][1][0] if aside and own else 0.0
    return all(
        abs(x - y - (0.0 if index % 2 else moved)) <= _NEAR
        for (_, p), (_, q) in zip(own, drawn, strict=True)
        for index, (x, y) in enumerate(zip(p, q, strict=True))
    )
