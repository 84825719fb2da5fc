"""排版: fonts, and setting text in a box (line breaking after GB/T 15834 and W3C CLREQ 3.1).

A font is read once per process and kept ready for subsetting, so that embedding the characters of
one document costs a tenth of a millisecond. Lengths are millimetres; advances come from the font.

    face = load_font("serif")
    block = set_text("演示省星河科技有限公司", face, width=120, height=16, size=6, min_size=3)
    data = face.subset(set("演示省"), nonce=os.urandom(16))
"""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import uharfbuzz as hb

from trust.errors import Malformed

Command = tuple[str, tuple[float, ...]]
"""One step of an outline: ``M``, ``L``, ``Q`` (quadratic), ``C`` (cubic) or ``Z``, absolute coordinates."""

NONCE_TABLE = b"nonc"
"""The private sfnt table that carries a subset's nonce; readers pass over tables they do not know."""

_NOT_IN_PDF = tuple(int.from_bytes(tag, "big") for tag in (b"cmap", b"name", b"post", b"OS/2", b"vhea", b"vmtx"))
_NOT_AT_START = frozenset("、，。．：；！？…‥—～·’”）〕］｝〉》」』】％‰℃℉°′″,.:;!?)]}%’”々〻ー")
"""避头: never first in a line."""
_NOT_AT_END = frozenset("‘“（〔［｛〈《「『【￥＄£$([{#№")
"""避尾: never last in a line."""
_UNITS = re.compile(r"[0-9A-Za-z\u00c0-\u024f][0-9A-Za-z\u00c0-\u024f.,'’/\-+&@:_*%]*|\s+|.", re.DOTALL)
_SHRINK = 0.94
_EASE = 1e-6


@dataclass(frozen=True, slots=True)
class _Shipped:
    file: str
    font_name: str
    family: str
    """Family a reader without our font should take instead."""
    bold: bool
    serif: bool


FONTS = {
    "serif": _Shipped("NotoSerifSC-Regular.ttf", "Noto Serif SC", "宋体", bold=False, serif=True),
    "serif-bold": _Shipped("NotoSerifSC-Bold.ttf", "Noto Serif SC Bold", "宋体", bold=True, serif=True),
    "sans": _Shipped("NotoSansSC-Regular.ttf", "Noto Sans SC", "黑体", bold=False, serif=False),
}


@dataclass(frozen=True, slots=True)
class SubsetFont:
    """Outlines of some characters."""

    data: bytes
    """TrueType."""
    glyphs: tuple[int, ...]
    """Glyph number of each character asked for."""

    @property
    def bounding_box(self) -> tuple[int, ...]:
        """``head.xMin, yMin, xMax, yMax`` in font units."""
        count = struct.unpack_from(">H", self.data, 4)[0]
        tables = (struct.unpack_from(">4sLLL", self.data, 12 + 16 * i) for i in range(count))
        start = next(offset for tag, _, offset, _ in tables if tag == b"head")
        return struct.unpack_from(">4h", self.data, start + 36)


class FontFace:
    """字体: one shipped font, ready to measure, outline and subset."""

    ASCENT = 0.88
    """Of the em box of the shipped fonts (OS/2 typographic metrics), in ems."""

    def __init__(self, name: str) -> None:
        shipped = FONTS[name]
        self.name, self.font_name, self.family = name, shipped.font_name, shipped.family
        self.bold, self.serif = shipped.bold, shipped.serif
        self.path = str(resources.files("seal.fonts") / shipped.file)
        face = hb.Face(hb.Blob.from_file_path(self.path))
        self._units = float(face.upem)
        self._font = hb.Font(face)
        self._prepared = hb.subset_preprocess(face)
        self._lock = threading.Lock()
        self._advances: dict[str, float] = {}
        self._outlines: dict[str, tuple[Command, ...]] = {}

    def covers(self, char: str) -> bool:
        """Has the font a glyph for ``char``?"""
        return self._font.get_nominal_glyph(ord(char)) is not None

    def advance(self, char: str) -> float:
        """Advance of ``char`` in ems. Raises ``Malformed("face.missing_glyph")`` naming the character."""
        known = self._advances.get(char)
        if known is not None:
            return known
        glyph = self._glyph(char)
        advance: float = self._font.get_glyph_h_advance(glyph) / self._units
        self._advances[char] = advance
        return advance

    def advances(self, text: str) -> list[float]:
        """Advances of the characters of ``text`` in ems."""
        known = self._advances
        try:
            return [known[char] for char in text]
        except KeyError:
            return [self.advance(char) for char in text]

    def outline(self, char: str) -> tuple[Command, ...]:
        """Outline of ``char`` in ems, y downwards, origin on the baseline."""
        known = self._outlines.get(char)
        if known is None:
            known = self._outlines[char] = outline_of(self._font, self._glyph(char))
        return known

    def subset(self, chars: Iterable[str], nonce: bytes = b"") -> bytes:
        """A TrueType font of these characters, cmap kept; with ``nonce``, a private table holds it.

        Deterministic for equal input. Raises ``Malformed("face.missing_glyph")``.
        """
        known = set(chars)
        self.advances("".join(known))  # names the first character without a glyph
        wanted = hb.SubsetInput()
        wanted.unicode_set.update(map(ord, known))
        wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NO_PRUNE_UNICODE_RANGES
        with self._lock:
            data: bytes = hb.subset(self._prepared, wanted).blob.data
        return add_table(data, NONCE_TABLE, nonce) if nonce else data

    def glyph_subset(self, chars: Sequence[str]) -> SubsetFont:
        """The outlines of ``chars`` alone, shown by glyph number: what a PDF embeds (no cmap, no names).

        Deterministic for equal input. Raises ``Malformed("face.missing_glyph")``.
        """
        self.advances("".join(chars))
        wanted = hb.SubsetInput()
        wanted.unicode_set.update(map(ord, chars))
        wanted.flags = hb.SubsetFlags.NO_HINTING
        wanted.drop_table_tag_set.update(_NOT_IN_PDF)
        with self._lock:
            plan = hb.SubsetPlan(self._prepared, wanted)
            data: bytes = plan.execute().blob.data
        moved = plan.old_to_new_glyph_mapping
        return SubsetFont(data, tuple(moved[self._glyph(char)] for char in chars))

    def _glyph(self, char: str) -> int:
        glyph: int | None = self._font.get_nominal_glyph(ord(char))
        if glyph is None:
            raise Malformed(
                "face.missing_glyph",
                "字体中没有字符“{char}”（U+{point}），无法制作证照。",
                char=char,
                point=f"{ord(char):04X}",
                remedy="请核对该字，必要时改用规范汉字，或请管理员补充字体。",
            )
        return glyph


class _Pen:
    """Collects what HarfBuzz draws (fontTools pen protocol)."""

    def __init__(self, units: float) -> None:
        self.commands: list[Command] = []
        self._units = units

    def _add(self, letter: str, *points: tuple[float, float]) -> None:
        flat = [value for x, y in points for value in (x / self._units, -y / self._units)]
        self.commands.append((letter, tuple(flat)))

    def moveTo(self, p: tuple[float, float]) -> None:  # noqa: N802 - the protocol's name
        self._add("M", p)

    def lineTo(self, p: tuple[float, float]) -> None:  # noqa: N802
        self._add("L", p)

    def qCurveTo(self, a: tuple[float, float], p: tuple[float, float]) -> None:  # noqa: N802
        self._add("Q", a, p)

    def curveTo(self, a: tuple[float, float], b: tuple[float, float], p: tuple[float, float]) -> None:  # noqa: N802
        self._add("C", a, b, p)

    def closePath(self) -> None:  # noqa: N802
        self._add("Z")


def outline_of(font: hb.Font, glyph: int) -> tuple[Command, ...]:
    """Outline of a glyph of any font in ems, y downwards, origin on the baseline."""
    pen = _Pen(float(font.face.upem))
    font.draw_glyph_with_pen(glyph, pen)
    return tuple(pen.commands)


@cache
def load_font(name: str) -> FontFace:
    """The font called ``name`` in ``FONTS``, read once per process."""
    return FontFace(name)


def add_table(font: bytes, tag: bytes, content: bytes) -> bytes:
    """``font`` with one more sfnt table (OpenType 1.9, "Table directory").

    Only the directory moves, so the checksums of the other tables stand; ``head.checkSumAdjustment``
    is corrected by what changed instead of summing the whole file again.
    """
    count = struct.unpack_from(">H", font, 4)[0]
    records = [struct.unpack_from(">4sLLL", font, 12 + 16 * i) for i in range(count)]
    body = font[12 + 16 * count :]
    body += b"\0" * (-len(body) % 4)
    start = 28 + 16 * count
    padded = content + b"\0" * (-len(content) % 4)
    moved = [(name, total, offset + 16, size) for name, total, offset, size in records]
    moved = sorted([*moved, (tag, _sum(padded), start + len(body), len(content))])
    head = next(offset for name, _, offset, _ in moved if name == b"head")
    directory = _offset_table(font[:4], count + 1) + b"".join(struct.pack(">4sLLL", *r) for r in moved)
    changed = _sum(directory) - _sum(font[: 12 + 16 * count]) + _sum(padded)
    data = bytearray(directory + body + padded)
    adjustment = struct.unpack_from(">L", data, head + 8)[0]
    struct.pack_into(">L", data, head + 8, (adjustment - changed) & 0xFFFFFFFF)
    return bytes(data)


def _sum(data: bytes) -> int:
    """OpenType checksum: big-endian words, modulo 2³²."""
    words: tuple[int, ...] = struct.unpack(f">{len(data) // 4}L", data)
    return sum(words) & 0xFFFFFFFF


def _offset_table(version: bytes, count: int) -> bytes:
    power = count.bit_length() - 1
    return version + struct.pack(">HHHH", count, 16 << power, power, 16 * count - (16 << power))


# ---------------------------------------------------------------- setting text


@dataclass(frozen=True, slots=True)
class Line:
    """一行: its characters and where each stands."""

    text: str
    x: float
    """Left edge of the first character, relative to the box."""
    baseline: float
    """Relative to the box's top."""
    deltas: tuple[float, ...]
    """From each character's origin to the next one's; one fewer than characters."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """排好的文字: the lines and the size they were set in."""

    lines: tuple[Line, ...]
    size: float


@dataclass(frozen=True, slots=True)
class _Setting:
    width: float
    height: float
    size: float
    align: str
    valign: str
    leading: float
    spacing: float


def set_text(
    text: str,
    face: FontFace,
    *,
    width: float,
    height: float,
    size: float,
    min_size: float = 0.0,
    align: str = "left",
    valign: str = "top",
    leading: float = 1.5,
    spacing: float = 0.0,
    field: str = "",
) -> TextBlock:
    """Set ``text`` in a box, shrinking from ``size`` down to ``min_size`` until it fits.

    No line begins with closing punctuation or ends with opening punctuation; Latin words and numbers
    stay whole unless one is longer than a line. Joined, the lines' texts are ``text`` again. Raises
    ``Malformed("face.text_too_long")`` naming ``field``, and ``Malformed("face.missing_glyph")``.
    """
    if not text:
        return TextBlock((), size)
    how = _Setting(width, height, size, align, valign, leading, spacing)
    ems = face.advances(text)
    if size <= height + _EASE and _on_one_line(ems, how):
        return _place(text, ems, [len(text)], how)  # as most are: no need to look where it may break
    units = _unbreakable(text)
    found: tuple[_Setting, list[int]] | None = None
    while True:
        breaks = _fit(text, ems, units, how)
        if breaks and not _orphan(breaks):
            found = how, breaks
            break
        found = found or ((how, breaks) if breaks else None)
        if found and how.size < _ORPHAN_PRICE * found[0].size:
            break
        if how.size <= min_size + _EASE:
            break
        how = replace(how, size=max(min_size, how.size * _SHRINK))
    if found is None:
        raise _too_long(field, text)
    return _place(text, ems, found[1], found[0])


_ORPHAN_PRICE = 0.88
"""A single character alone on the last line is worth setting the text up to this much smaller."""


def _orphan(breaks: Sequence[int]) -> bool:
    return len(breaks) > 1 and breaks[-1] - breaks[-2] == 1


def _fit(text: str, ems: Sequence[float], units: Sequence[tuple[int, int]], how: _Setting) -> list[int]:
    """End index of each line at this size, or nothing if they do not fit the box."""
    if how.size > how.height + _EASE:
        return []
    most = int((how.height + _EASE - how.size) / (how.leading * how.size)) + 1
    if _on_one_line(ems, how):
        return [len(text)]
    total = how.size * sum(ems)
    if total > most * how.width * 1.02 + how.size:
        return []  # no need to try: the characters alone are too wide
    breaks = _break_lines(text, ems, units, (how.width + _EASE, how.size, how.spacing))
    return breaks if len(breaks) <= most else []


def _on_one_line(ems: Sequence[float], how: _Setting) -> bool:
    return how.size * sum(ems) + how.spacing * (len(ems) - 1) <= how.width + _EASE


def _too_long(field: str, text: str) -> Malformed:
    return Malformed(
        "face.text_too_long",
        "字段“{field}”的内容过长（{length}个字符），用最小字号也排不进照面上的位置。",
        field=field,
        length=len(text),
        remedy="请缩短该字段的内容。",
    )


def _unbreakable(text: str) -> list[tuple[int, int]]:
    """Runs ``(start, end)`` between which a line may break."""
    runs: list[list[int]] = []
    glue = False
    for match in _UNITS.finditer(text):
        first = text[match.start()]
        if runs and (glue or first in _NOT_AT_START or first.isspace()):
            runs[-1][1] = match.end()
        else:
            runs.append([match.start(), match.end()])
        glue = first in _NOT_AT_END
    return [(start, end) for start, end in runs]


def _break_lines(
    text: str, ems: Sequence[float], units: Sequence[tuple[int, int]], measure: tuple[float, float, float]
) -> list[int]:
    """End index of each line, filled greedily; a run longer than a line is cut where the line is full."""
    width, size, spacing = measure
    breaks: list[int] = []
    used = 0.0
    for start, end in units:
        run = size * sum(ems[start:end]) + spacing * (end - start)
        bare = size * sum(ems[start : start + len(text[start:end].rstrip())]) + spacing * (end - start - 1)
        if used and used + bare > width:
            breaks.append(start)
            used = 0.0
        if bare > width:
            used = _cut(ems, (start, end), measure, breaks)
        else:
            used += run
    return [*breaks, len(text)]


def _cut(ems: Sequence[float], run: tuple[int, int], measure: tuple[float, float, float], breaks: list[int]) -> float:
    """Break inside one run, character by character; what its last line has used."""
    width, size, spacing = measure
    used = 0.0
    for index in range(*run):
        step = size * ems[index]
        if used and used + step > width:
            breaks.append(index)
            used = 0.0
        used += step + spacing
    return used


def _place(text: str, ems: Sequence[float], breaks: Sequence[int], how: _Setting) -> TextBlock:
    size, pitch = how.size, how.size * how.leading
    spare = how.height - size - (len(breaks) - 1) * pitch
    top = {"top": 0.0, "middle": spare / 2, "bottom": spare}[how.valign]
    lines, start = [], 0
    for number, end in enumerate(breaks):
        steps = [size * em + how.spacing for em in ems[start:end]]
        visible = len(text[start:end].rstrip()) or 1
        used = sum(steps[:visible]) - how.spacing
        x, extra = _aligned(how, how.width - used, visible, last=number == len(breaks) - 1)
        deltas = tuple(step + extra for step in steps[:-1])
        lines.append(Line(text[start:end], x, top + FontFace.ASCENT * size + number * pitch, deltas))
        start = end
    return TextBlock(tuple(lines), size)


def _aligned(how: _Setting, spare: float, count: int, *, last: bool) -> tuple[float, float]:
    """``(x, extra space per gap)`` of a line with ``spare`` room."""
    if how.align == "center":
        return spare / 2, 0.0
    if how.align == "right":
        return spare, 0.0
    if how.align == "justify" and not last and count > 1 and spare / (count - 1) <= 0.35 * how.size:
        return 0.0, spare / (count - 1)
    return 0.0, 0.0


def spread(text: str, face: FontFace, size: float, width: float) -> Line:
    """One line spread over exactly ``width`` (标签分散对齐); a single character is centred."""
    ems: list[Any] = face.advances(text)
    spare = width - size * sum(ems)
    if len(text) == 1:
        return Line(text, spare / 2, 0.0, ())
    gap = spare / (len(text) - 1)
    return Line(text, 0.0, 0.0, tuple(size * em + gap for em in ems[:-1]))
