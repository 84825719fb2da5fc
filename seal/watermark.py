"""水印: the words of ``seal.copies.watermark_lines`` across a page, laid out and written for OFD, PDF and pictures.

Each block of lines is turned and repeated over the page. Every row stands there twice: first light, a little aside,
then dark; so it can be read on white paper as on a dark photograph. Both are translucent, and what lies beneath stays
readable. Rows never leave the page, and joined in their order they are the lines again, block by block: that is how a
verifier reads them back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from xml.sax.saxutils import escape

from PIL import Image as Pictures
from PIL import ImageDraw

from seal.painting import Canvas, Colour, number, raster_font
from seal.typesetting import load_font, set_text
from trust.errors import Malformed

FONT: Final = "sans"
DARK: Final[Colour] = (150, 16, 26)
DARK_OPACITY: Final = 0.46
LIGHT: Final[Colour] = (255, 255, 255)
LIGHT_OPACITY: Final = 0.6
ANGLE: Final = 24.0
"""Degrees by which rows rise."""
_ASIDE: Final = 0.075
"""How far the light row is moved, in ems."""
_LARGEST, _SMALLEST = 6.0, 1.8
_LEADING: Final = 1.5
_MARGIN: Final = 4.0


@dataclass(frozen=True, slots=True)
class Mark:
    """水印的一行: characters on a rising baseline."""

    text: str
    x: float
    baseline: float
    deltas: tuple[float, ...]
    size: float
    colour: Colour
    opacity: float

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """The corners of the row's box on the page."""
        width = sum(self.deltas) + self.size
        return tuple(
            _turned(self.x, self.baseline, dx, dy)
            for dx in (0.0, width)
            for dy in (-0.88 * self.size, 0.22 * self.size)
        )


def _turned(x: float, y: float, dx: float, dy: float) -> tuple[float, float]:
    angle = math.radians(ANGLE)
    return x + dx * math.cos(angle) + dy * math.sin(angle), y - dx * math.sin(angle) + dy * math.cos(angle)


def lay_marks(lines: Sequence[str], width: float, height: float) -> tuple[Mark, ...]:
    """The rows of all blocks on an area of ``width`` × ``height`` millimetres from the page's top left.

    Raises ``Malformed("copy.page_small")`` where not one block fits, ``Malformed("face.missing_glyph")``.
    """
    size = min(_LARGEST, max(_SMALLEST, min(width, height) / 44))
    while True:
        marks = _filled(lines, width, height, size)
        if marks:
            return marks
        if size <= _SMALLEST:
            raise Malformed("copy.page_small", "页面过小，容纳不下信息加注。")
        size = max(_SMALLEST, size * 0.9)


def _filled(lines: Sequence[str], width: float, height: float, size: float) -> tuple[Mark, ...]:
    rows = _rows(lines, size, 0.62 * min(width, height))
    span = max(sum(deltas) + size for _, deltas in rows)
    rise = len(rows) * _LEADING * size
    angle = math.radians(ANGLE)
    box = span * math.cos(angle) + rise * math.sin(angle), span * math.sin(angle) + rise * math.cos(angle)
    spare = width - 2 * _MARGIN - box[0], height - 2 * _MARGIN - box[1]
    if min(spare) < 0:
        return ()
    # One below the other, turned blocks need less than their boxes: the corners of these are empty.
    pitch = box[0] * 1.1, max(1.35 * rise / math.cos(angle), 0.72 * box[1])
    across, down = (min((2, 3)[n], 1 + int(spare[n] / pitch[n])) for n in (0, 1))
    marks: list[Mark] = []
    for row in range(down):
        top = _MARGIN + (spare[1] * row / (down - 1) if down > 1 else spare[1] / 2)
        beside = across - 1 if row % 2 and across > 1 else across  # rows stand in the gaps of those above
        for column in range(beside):
            left = _MARGIN + (spare[0] * column / (beside - 1) if beside > 1 else spare[0] / 2)
            marks += _block(rows, size, (left, top + span * math.sin(angle)))
    return tuple(marks)


def _rows(lines: Sequence[str], size: float, width: float) -> list[tuple[str, tuple[float, ...]]]:
    """The lines broken to rows; joined they are the lines again."""
    face = load_font(FONT)
    rows = []
    for line in lines:
        whole = size * sum(face.advances(line))
        even = whole / math.ceil(whole / width) + 2 * size  # rows of about one length
        block = set_text(line, face, width=min(width, even), height=1000.0, size=size, min_size=size)
        rows += [(one.text, one.deltas) for one in block.lines]
    return rows


def _block(rows: Sequence[tuple[str, tuple[float, ...]]], size: float, corner: tuple[float, float]) -> Iterator[Mark]:
    """One block; ``corner`` is the top left corner of the turned box of its text."""
    for index, (text, deltas) in enumerate(rows):
        x, y = _turned(*corner, 0.0, (index + 0.9) * _LEADING * size)
        yield Mark(text, x + _ASIDE * size, y + _ASIDE * size, deltas, size, LIGHT, LIGHT_OPACITY)
        yield Mark(text, x, y, deltas, size, DARK, DARK_OPACITY)


def halved(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """The marks for being drawn twice, one upon the other, with about the same result."""
    return tuple(replace(mark, opacity=_TWICE[mark.opacity]) for mark in marks)


_TWICE: Final = {DARK_OPACITY: 0.34, LIGHT_OPACITY: 0.45}


# ---------------------------------------------------------------- OFD


def ofd_mark(mark: Mark, identity: int, font: int) -> str:
    """TextObject (GB/T 33190, 11.2), turned by its CTM within the box it takes on the page."""
    angle, corners = math.radians(ANGLE), mark.corners
    left, top = (min(corner[axis] for corner in corners) for axis in (0, 1))
    right, bottom = (max(corner[axis] for corner in corners) for axis in (0, 1))
    cosine, sine = f"{math.cos(angle):.5f}", f"{math.sin(angle):.5f}"
    matrix = (
        f"{cosine} -{sine} {sine} {cosine} {number(round(mark.x - left, 3))} {number(round(mark.baseline - top, 3))}"
    )
    box = " ".join(number(round(value, 3)) for value in (left, top, right - left, bottom - top))
    deltas = " ".join(number(round(delta, 3)) for delta in mark.deltas)
    delta = f' DeltaX="{deltas}"' if deltas else ""
    return (
        f'<ofd:TextObject ID="{identity}" Boundary="{box}" CTM="{matrix}" Font="{font}" Size="{number(mark.size)}">'
        f'<ofd:FillColor Value="{" ".join(map(str, mark.colour))}" Alpha="{round(mark.opacity * 255)}"/>'
        f'<ofd:TextCode X="0" Y="0"{delta}>{escape(mark.text)}</ofd:TextCode></ofd:TextObject>'
    )


# ---------------------------------------------------------------- pictures


def paint_marks(canvas: Canvas, marks: Iterable[Mark]) -> None:
    """The marks over what has been painted."""
    for mark in marks:
        layer = Pictures.new("L", canvas.image.size)
        for char, x, y in _characters(mark):
            _stamp(layer, char, (x * canvas.scale, y * canvas.scale), mark.size * canvas.scale)
        mask = layer.point(lambda value, opacity=mark.opacity: round(value * opacity))
        canvas.image.paste(mark.colour, (0, 0), mask)


def _characters(mark: Mark) -> Iterator[tuple[str, float, float]]:
    place = 0.0
    for char, delta in zip(mark.text, (*mark.deltas, 0.0), strict=True):
        yield char, *_turned(mark.x, mark.baseline, place, 0.0)
        place += delta


def _stamp(layer: Pictures.Image, char: str, place: tuple[float, float], pixels: float) -> None:
    """One turned character with its origin at ``place``."""
    side = math.ceil(pixels * 4)
    glyph = Pictures.new("L", (side, side))
    ImageDraw.Draw(glyph).text((side / 2, side / 2), char, fill=255, font=raster_font(FONT, pixels), anchor="ls")
    glyph = glyph.rotate(ANGLE, Pictures.Resampling.BICUBIC)
    layer.paste(255, (round(place[0] - side / 2), round(place[1] - side / 2)), glyph)
