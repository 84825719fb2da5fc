"""刻制: the impression of every kind of seal, from its name and code.

    draw_impression("finance", "演示市云汐科技有限公司", "9900000000017")
    draw_impression("name", "张三")

Round seals are drawn by ``seal.impression``; here are the others: the oval, its name along the upper half, code
and purpose straight across (the invoice seal of 2011's notice No. 7 is one), and the square name seal, columns
from right to left, filled up with 印 or 之印 as custom has it. The emblem of state is not ours to draw: seals that
bear it are uploaded (``seal.uploads``).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from seal.impression import (
    MAX_NAME,
    SEAL_RED,
    Impression,
    frame,
    ink_width,
    mapped,
    png,
    rectangular_seal,
    round_seal,
    straight,
)
from seal.kinds import find_kind
from seal.painting import Path, bounds
from seal.typesetting import Command, FontFace, load_font
from trust.errors import Malformed

MAX_PERSON = 16
_SAMPLES = 720


def draw_impression(
    kind: str,
    name: str,
    code: str = "",
    *,
    text: str | None = None,
    size: tuple[int, int] | None = None,
    dpi: int = 320,
    colour: tuple[int, int, int] = SEAL_RED,
) -> Impression:
    """印模: of ``kind`` (``seal.kinds.KINDS``), in its usual size unless ``size`` (mm) says otherwise.

    ``text`` is what stands below the star or at the foot, ``None``: what the kind usually says. Raises
    ``Malformed``: ``seal.kind``, ``impression.size``, ``impression.name``, ``face.missing_glyph``.
    """
    found = find_kind(kind)
    width, height = size or found.sizes[0]
    found.check_size(width, height)
    foot = found.centre_text if text is None else text
    if found.shape == "round":
        return round_seal(name, code, centre_text=foot, size_mm=width, dpi=dpi, colour=colour)
    if found.shape == "ellipse":
        return ellipse_seal(name, code, foot, width_mm=width, height_mm=height, dpi=dpi, colour=colour)
    if found.shape == "square":
        return name_seal(name, size_mm=width, dpi=dpi, colour=colour)
    return rectangular_seal(name, width_mm=width, height_mm=height, dpi=dpi, colour=colour)


def _too_long(name: str, code: str, foot: str, limit: int) -> None:
    if not 1 <= len(name) <= limit or len(code) > 20 or len(foot) > 16:
        raise Malformed(
            "impression.name",
            "印模文字应为1至{limit}个字符（编码不超过20个、中心文字不超过16个），实为{length}个。",
            limit=limit,
            length=len(name),
        )


# ---------------------------------------------------------------- 椭圆


@lru_cache(maxsize=64)
def ellipse_seal(
    name: str,
    code: str = "",
    foot: str = "",
    *,
    width_mm: int = 40,
    height_mm: int = 30,
    dpi: int = 320,
    colour: tuple[int, int, int] = SEAL_RED,
) -> Impression:
    """椭圆印模: the name along the upper half, ``code`` across the middle, ``foot`` below it.

    Raises ``Malformed``: ``impression.name``, ``face.missing_glyph``.
    """
    _too_long(name, code, foot, MAX_NAME)
    middle = (width_mm / 2, height_mm / 2)
    paths = [_ring(*middle), *_around(name, _Ellipse.inside(*middle), middle, 1.06 if code else 1.3)]
    if code:
        across = (middle[0], middle[1] + (1.4 if foot else 2.2))
        paths += straight(code, load_font("sans"), across, width_mm * 0.59, 3.3)
    if foot:
        paths += straight(foot, load_font("serif-bold"), (middle[0], middle[1] + height_mm * 0.3), width_mm * 0.5, 4.2)
    return Impression(png(paths, width_mm, height_mm, dpi, colour), width_mm, height_mm)


def _ring(a: float, b: float) -> Path:
    """The border: one millimetre wide."""
    return Path((*_oval(a, b, 0.1, 1), *_oval(a, b, 1.1, -1)), fill=(0, 0, 0))


def _oval(a: float, b: float, inset: float, sense: int) -> list[Command]:
    turns = [sense * math.tau * i / 360 for i in range(360)]
    points = [(a + (a - inset) * math.sin(t), b - (b - inset) * math.cos(t)) for t in turns]
    return [("M", points[0]), *(("L", point) for point in points[1:]), ("Z", ())]


@dataclass(frozen=True, slots=True)
class _Ellipse:
    """The line on which the middles of the characters stand, about its centre."""

    a: float
    b: float
    height: float
    """Of a character."""
    lengths: tuple[float, ...]
    """Arc length from the top, at ``_SAMPLES`` equal steps of the parameter down to the bottom."""

    @classmethod
    def inside(cls, a: float, b: float) -> _Ellipse:
        height = 0.29 * b
        inset = 1.9 + height / 2
        a, b = a - inset, b - inset
        total, lengths = 0.0, [0.0]
        for index in range(_SAMPLES):
            t = math.pi * (index + 0.5) / _SAMPLES
            total += math.hypot(a * math.cos(t), b * math.sin(t)) * math.pi / _SAMPLES
            lengths.append(total)
        return cls(a, b, height, tuple(lengths))

    def at(self, distance: float) -> tuple[float, float, float]:
        """``(x, y, turn)`` at ``distance`` along the line from the top, clockwise; ``turn`` in radians from upright."""
        t = math.copysign(math.pi * bisect_left(self.lengths, abs(distance)) / _SAMPLES, distance)
        turn = math.atan2(math.sin(t) / self.a, math.cos(t) / self.b)
        return self.a * math.sin(t), -self.b * math.cos(t), turn


def _around(name: str, line: _Ellipse, centre: tuple[float, float], share: float) -> Iterator[Path]:
    """The name over at most ``share`` halves of the line, evenly pitched; a long one is condensed."""
    face, count = load_font("serif-bold"), len(name)
    pitch = min(1.4 * line.height, share * line.lengths[-1] / max(count - 0.35, 1))
    for index, char in enumerate(name):
        x, y, turn = line.at((index - (count - 1) / 2) * pitch)
        stretch = min(1.0, 0.94 * pitch * 0.86 / (line.height * ink_width(face, char)))
        yield _turned(face, char, (line.height * stretch, line.height), (centre[0] + x, centre[1] + y), turn)


def _turned(face: FontFace, char: str, size: tuple[float, float], place: tuple[float, float], turn: float) -> Path:
    """One character with the middle of its em box at ``place``."""
    half, sine, cosine = face.advance(char) / 2, math.sin(turn), math.cos(turn)

    def move(x: float, y: float) -> tuple[float, float]:
        u, v = (x - half) * size[0], (y + 0.38) * size[1]
        return place[0] + u * cosine - v * sine, place[1] + u * sine + v * cosine

    return Path(tuple(mapped(face.outline(char), move)), fill=(0, 0, 0))


# ---------------------------------------------------------------- 名章


@lru_cache(maxsize=64)
def name_seal(name: str, *, size_mm: int = 20, dpi: int = 320, colour: tuple[int, int, int] = SEAL_RED) -> Impression:
    """名章: a person's name in a square, columns from right to left; names in other scripts stand in lines.

    Raises ``Malformed``: ``impression.name``, ``face.missing_glyph``.
    """
    plain = " ".join(name.split())
    _too_long(plain, "", "", MAX_PERSON)
    side, line = float(size_mm), max(0.7, size_mm * 0.045)
    inner = side - 2 * (line + 0.1 + side * 0.035)
    paths = frame(side, side, line)
    paths += _columns(_filled_up(plain), side, inner) if _is_han(plain) else _lines(plain, side, inner)
    return Impression(png(paths, size_mm, size_mm, dpi, colour), size_mm, size_mm)


def _is_han(text: str) -> bool:
    return all("\u3400" <= char <= "\u9fff" or char in "·•〇" or char > "\uffff" for char in text)


def _filled_up(name: str) -> str:
    return name + {1: "印", 2: "之印", 3: "印"}.get(len(name), "")


def _columns(text: str, side: float, inner: float) -> Iterator[Path]:
    """Columns of about equal length, read from the right; every character fills its cell."""
    columns = 1 if len(text) <= 2 else 2 if len(text) <= 6 else 3 if len(text) <= 12 else 4
    width, face, edge = inner / columns, load_font("serif-bold"), (side - inner) / 2
    start = 0
    for index in range(columns):
        column = text[start : start + -(-(len(text) - start) // (columns - index))]
        start += len(column)
        height = inner / max(len(column), 1)
        for row, char in enumerate(column):
            cell = (edge + inner - width * (index + 1), edge + height * row, width, height)
            yield _filling(face, char, cell)


def _filling(face: FontFace, char: str, cell: tuple[float, float, float, float]) -> Path:
    """``char`` stretched over its cell; a dot keeps its place and proportion."""
    outline = face.outline(char)
    box = bounds(outline) if outline else (0.0, -0.88, 1.0, 0.12)
    if box[3] - box[1] < 0.4 and box[2] - box[0] < 0.4:
        box = (0.0, -0.88, 1.0, 0.12)
    box = (min(box[0], 0.18), min(box[1], -0.7), max(box[2], 0.82), max(box[3], -0.06))
    x, y, width, height = cell
    gap = 0.045 * min(width, height)

    def move(u: float, v: float) -> tuple[float, float]:
        return (
            x + gap + (u - box[0]) / (box[2] - box[0]) * (width - 2 * gap),
            y + gap + (v - box[1]) / (box[3] - box[1]) * (height - 2 * gap),
        )

    return Path(tuple(mapped(outline, move)), fill=(0, 0, 0))


def _lines(text: str, side: float, inner: float) -> Iterator[Path]:
    words = text.split(" ")
    cell = min(inner / len(words), inner * 0.5)
    top = (side - cell * len(words)) / 2
    for row, word in enumerate(words):
        foot = (side / 2, top + cell * (row + 0.5) + 0.3 * cell * 0.8)
        yield from straight(word, load_font("serif-bold"), foot, inner * 0.94, cell * 0.8)
