"""字形: do the glyphs of an embedded font show the characters they stand for?

    judge_program(program, "Noto Serif SC", {"演", "示"})

A subset as our own writer makes it is known octet for octet. Any other program is compared outline by outline, then by
shape, with the fonts we ship. What looks the same is sound, by whatever points it is drawn; false is only what looks
like *another* character of ours, and less like its own. A later version of our fonts, a hinted one, one of another
foundry that bears their name is at worst unknown, and only that is said: an old verifier calls no new font false.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import product
from string import ascii_letters, digits
from typing import Any, Final

import uharfbuzz as hb

from seal.typesetting import FONTS, NONCE_TABLE, FontFace, load_font, outline_of
from trust.errors import Malformed
from verify.shapes import Outline, apart, own_shape, shape_of

_PLAIN_TABLES: Final = frozenset(
    {"head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "loca", "glyf", "name", "post", "vhea", "vmtx", "nonc",
     "GlyphOrder", "CFF ", "VORG", "DSIG", "gasp"}
)  # fmt: skip
"""What draws outlines and nothing else: no instructions, substitutions, bitmaps, colours or variations."""
_PICTURES: Final = frozenset({"SVG ", "COLR", "CBDT", "EBDT", "sbix", "bitm", "bdat"})
"""What some readers draw instead of the outlines."""
_NEAR: Final = 0.004
"""Ems by which points of one outline may differ from another's."""
_LARGEST: Final = 32 << 20
_READ_ALIKE: Final = ({*"0O"}, {*"1Il|"})
"""One design's own is another's other."""
_MOST_CODES: Final = 500_000
"""Entries of all cmap tables: some octets can claim millions."""
_MOST_STEPS: Final = 300_000
"""Of all outlines of a font that are looked at."""
_MOST_STRANGE, _LONGEST, _MOST_ALIKE = 40_000, 400, 2_000
"""Steps of the outlines that are not ours, of one of them, and shapes all of them together are compared with."""
_SAME: Final = 0.01
"""Of ``apart``: below, no two characters of ours are as like each other."""
_APART: Final = 0.04
"""Ems by which the boxes of shapes may differ that are compared."""
_ALIKE, _MORE = 0.02, 0.02
"""Of ``apart``: so near is what shows another character, and so much nearer than its own."""


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
    if len(program) > _LARGEST or program[:4] == b"ttcf":
        return Judged(unknown=True)
    try:
        drawn, tables = _read(program, glyphs)
    except Exception:  # noqa: BLE001 - a stranger's font makes its readers fail in many ways
        return Judged(chars if face is not None else frozenset(), face is None)
    if face is not None and not _PICTURES.isdisjoint(tables):
        return Judged(chars)
    plain = tables <= _PLAIN_TABLES and not {"glyf", "CFF "} <= tables
    # A character without glyph is drawn by whatever font a reader has: not falsely, but not by this one.
    ours = [load_font(key) for key in FONTS]
    strange = {c: some for c in drawn if (some := [o for o in drawn[c] if not _is_exact(ours, c, o)])}
    search = _Search(ours, chars)
    false = {c for c, some in strange.items() if any(search.is_another(c, o) for o in some)}
    told = strange.keys() <= search.same | false and len(drawn) == len(chars)
    return Judged(frozenset(false), unknown=not false and not (told and plain))


_Drawn = dict[str, list[Outline]]


def _read(program: bytes, glyphs: Mapping[str, int | None]) -> tuple[_Drawn, set[str]]:
    """``(character → outlines in ems by which some reader may draw it, tables of the font)``."""
    if program[:4] not in (b"\0\1\0\0", b"true", b"OTTO"):
        raise ValueError("font program")
    from fontTools.ttLib import TTFont  # only for fonts that are not of our making

    with TTFont(BytesIO(program), lazy=True) as reader:
        tables = set(reader.keys())
        maps = _maps(reader) if None in glyphs.values() else []
    font = hb.Font(hb.Face(program))
    known: dict[int, Outline] = {}
    drawn: _Drawn = {}
    left = _MOST_STEPS
    for char, number in sorted(glyphs.items(), key=lambda one: (not one[0].isascii() or not one[0].isalnum(), one[0])):
        wanted = {number} if number is not None else _glyphs_of(font, maps, char)
        for glyph in wanted - known.keys():
            known[glyph] = outline_of(font, glyph)
            left -= len(known[glyph])
        if left < 0:
            break
        if wanted:
            drawn[char] = [known[glyph] for glyph in sorted(wanted)]
    return drawn, tables


def _maps(reader: Any) -> list[Mapping[int, str]]:
    """The cmap tables that go by Unicode. Raises ``ValueError`` where they claim more than there can be."""
    if "cmap" not in reader:
        return []
    data = reader.reader["cmap"]
    count = struct.unpack_from(">H", data, 2)[0]
    claimed = 0
    for start in {struct.unpack_from(">L", data, 8 + 8 * index)[0] for index in range(min(count, 64))}:
        form = struct.unpack_from(">H", data, start)[0]
        if form == 4:
            size = struct.unpack_from(">H", data, start + 6)[0] & ~1
            ends = struct.unpack_from(f">{size // 2}H", data, start + 14)
            firsts = struct.unpack_from(f">{size // 2}H", data, start + 16 + size)
            claimed += sum(max(0, end - first + 1) for first, end in zip(firsts, ends, strict=True))
        elif form in (8, 10, 12, 13):
            groups = struct.unpack_from(">L", data, start + 12)[0]
            if form in (8, 10) or groups > len(data):
                raise ValueError("cmap")
            claimed += sum(b - a + 1 for a, b, _ in struct.iter_unpack(">LLL", data[start + 16 :][: 12 * groups]))
        if claimed > _MOST_CODES or count > 64:
            raise ValueError("cmap")
    order = reader.getReverseGlyphMap()
    return [
        {code: order[name] for code, name in one.cmap.items()}
        for one in reader["cmap"].tables
        if one.isUnicode() and one.format != 14
    ]


def _glyphs_of(font: hb.Font, maps: Iterable[Mapping[int, Any]], char: str) -> set[int]:
    """Those that some reader takes for a character: by any of the maps, and after substitutions."""
    if len(char) != 1:
        return set()
    found = {glyph for one in maps if (glyph := one.get(ord(char))) is not None}
    nominal = font.get_nominal_glyph(ord(char))
    if nominal is not None:
        found.add(nominal)
        buffer = hb.Buffer()
        buffer.add_str(char)
        buffer.guess_segment_properties()
        hb.shape(font, buffer)
        if len(buffer.glyph_infos) == 1:
            found.add(buffer.glyph_infos[0].codepoint)
    return found


def _is_exact(faces: Iterable[FontFace], char: str, drawn: Outline) -> bool:
    """Is ``drawn`` what one of ``faces`` shows for ``char``, point by point?"""
    return any(one.covers(char) and _same(one.outline(char), drawn) for one in faces)


class _Search:
    """Which character of ours does an outline look like? No longer than for a bounded number of shapes."""

    def __init__(self, faces: list[FontFace], chars: Iterable[str]) -> None:
        self.faces = faces
        common = [*digits, *ascii_letters, *sorted(chars)]
        self.common = list(dict.fromkeys(one for one in common if len(one) == 1))
        self.left = _MOST_ALIKE
        self.steps = _MOST_STRANGE
        self.same: set[str] = set()
        """Characters that look like their own."""

    def is_another(self, char: str, drawn: Outline) -> bool:
        owners = [face for face in self.faces if face.covers(char)]
        if not owners or len(drawn) > _LONGEST or self.steps < len(drawn):
            return False
        self.steps -= len(drawn)
        shape = shape_of(drawn)
        own = min(apart(own_shape(face, char), shape) for face in owners)
        if own < _SAME:
            self.same.add(char)
            return False
        if not shape:
            return True  # drawn as a space
        most = min(_ALIKE, own - _MORE)
        return any(apart(one, shape) <= most for one in self._others(char, drawn))

    def _others(self, char: str, drawn: Outline) -> Iterable[int]:
        extent = _extent(drawn)
        mistaken = next((some for some in _READ_ALIKE if char in some), {char})
        for face in self.faces:
            for one in self.common:
                if one in mistaken or not face.covers(one) or not _near(_extent_of(face, one), extent):
                    continue
                self.left -= 1
                if self.left < 0:
                    return
                yield own_shape(face, one)
        for face in self.faces:
            for one in _of_extent(face, extent):
                self.left -= 1
                if self.left < 0:
                    return
                if one not in mistaken:
                    yield own_shape(face, one)


_Extent = tuple[float, float, float]
"""Width, top and bottom in ems."""


def _extent(outline: Outline) -> _Extent:
    xs = [value for _, flat in outline for value in flat[::2]] or [0.0]
    ys = [value for _, flat in outline for value in flat[1::2]] or [0.0]
    return max(xs) - min(xs), min(ys), max(ys)


@lru_cache(maxsize=8192)
def _extent_of(face: FontFace, char: str) -> _Extent:
    return _extent(face.outline(char))


def _of_extent(face: FontFace, extent: _Extent) -> Iterable[str]:
    """Every character of ours of just that extent."""
    found = _by_extent(face)
    for key in product(*((here - 1, here, here + 1) for here in _rounded(extent))):
        yield from found.get(key, ())


@lru_cache(maxsize=8)
def _by_extent(face: FontFace) -> dict[tuple[int, ...], list[str]]:
    own = hb.Face(hb.Blob.from_file_path(face.path))
    font, units = hb.Font(own), float(own.upem)
    answer: dict[tuple[int, ...], list[str]] = {}
    for code in own.unicodes:
        extents = font.get_glyph_extents(font.get_nominal_glyph(code))
        if extents is not None and extents.width:
            top = -extents.y_bearing / units
            key = _rounded((extents.width / units, top, top - extents.height / units))
            answer.setdefault(key, []).append(chr(code))
    return answer


def _rounded(extent: _Extent) -> tuple[int, ...]:
    return tuple(round(1000 * one) for one in extent)


def _near(one: _Extent, other: _Extent) -> bool:
    return all(abs(a - b) <= _APART for a, b in zip(one, other, strict=True))


def _same(own: Outline, drawn: Outline) -> bool:
    """Do the points of two outlines lie upon each other?"""
    return [letter for letter, _ in own] == [letter for letter, _ in drawn] and all(
        abs(x - y) <= _NEAR for (_, p), (_, q) in zip(own, drawn, strict=True) for x, y in zip(p, q, strict=True)
    )
