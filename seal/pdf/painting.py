"""绘制为 PDF: the display list as content-stream operators (ISO 32000-1, clauses 8 and 9).

The page is turned once, so that everything below speaks millimetres from the top left corner, as the display list
does; texts are turned back by their own matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import starmap

from seal.painting import Colour, Grid, Item, Path, Picture, Text, runs
from seal.pdf.fonts import PDFFont
from seal.pdf.objects import real
from seal.pdf.structures import POINTS_PER_MM
from seal.typesetting import Command


@dataclass(slots=True)
class Painter:
    """Collects operators and, for each marked piece of content, what it is."""

    fonts: Mapping[str, tuple[bytes, PDFFont]]
    """Font name → its resource name and glyphs."""
    pictures: Mapping[bytes, bytes] = field(default_factory=dict)
    """Raster → its resource name."""
    parts: list[bytes] = field(default_factory=list)
    marked: list[Tagged] = field(default_factory=list)
    first: int = 0
    """The first marked-content number to give."""

    def paint(self, items: Iterable[Item]) -> Painter:
        """Texts and codes as content with a number each; all the rest as decoration (artifact)."""
        decorating = False
        for item in items:
            if isinstance(item, Path):
                if not decorating:
                    self.parts.append(b"/Artifact BMC")
                decorating = True
                self.parts.append(path(item))
                continue
            if decorating:
                self.parts.append(b"EMC")
            decorating = False
            if isinstance(item, Text):
                self._mark(b"P", Tagged(item.baseline, item.x, item.field, text=item.text))
                self.parts.append(self._text(item))
            elif isinstance(item, Grid):
                self._mark(b"Figure", Tagged(item.y, item.x, figure="二维码"))
                self.parts.append(grid(item))
            else:
                self._mark(b"Figure", Tagged(item.y, item.x, figure="图像"))
                self.parts.append(picture(item, self.pictures[item.data]))
            self.parts.append(b"EMC")
        if decorating:
            self.parts.append(b"EMC")
        return self

    def _mark(self, tag: bytes, what: Tagged) -> None:
        self.parts.append(b"/%b <</MCID %d>> BDC" % (tag, self.first + len(self.marked)))
        self.marked.append(what)

    def _text(self, item: Text) -> bytes:
        resource, font = self.fonts[item.font]
        size = real(item.size)
        shown = font.show(item.text, item.deltas, item.size)
        return b"BT %b rg %b 1 Tf %b 0 0 -%b %b %b Tm %b TJ ET" % (
            _rgb(item.colour), resource, size, size, real(item.x), real(item.baseline), shown,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tagged:
    """A piece of marked content: where it stands in the reading order, and which face field it shows."""

    y: float
    x: float
    field: str = ""
    text: str = ""
    figure: str = ""
    """What it is, where it is no text."""


def page_matrix(height: float) -> bytes:
    """Millimetres from the top left of a page ``height`` millimetres high."""
    scale = real(POINTS_PER_MM, 6)
    return b"%b 0 0 -%b 0 %b cm" % (scale, scale, real(height * POINTS_PER_MM))


@lru_cache(maxsize=256)
def _rgb(colour: Colour) -> bytes:
    return b" ".join(real(part / 255) for part in colour)


_PAINT = {(True, False): b"f", (False, True): b"S", (True, True): b"B"}


def path(item: Path) -> bytes:
    """One path, filled or stroked or both (8.5)."""
    parts: list[bytes] = []
    if item.fill:
        parts.append(b"%b rg" % _rgb(item.fill))
    if item.stroke:
        parts.append(b"%b RG %b w" % (_rgb(item.stroke), real(item.width)))
    parts += outline(item.commands)
    operator = _PAINT.get((bool(item.fill), bool(item.stroke)), b"n")
    parts.append(operator + b"*" if item.even_odd and item.fill else operator)
    return b" ".join(parts)


def outline(commands: Iterable[Command]) -> list[bytes]:
    """Path construction; a quadratic curve is raised to the cubic one that draws the same."""
    parts: list[bytes] = []
    here = start = (0.0, 0.0)
    for letter, values in commands:
        if letter == "Z":
            parts.append(b"h")
            here = start
            continue
        if letter == "Q":
            (x0, y0), (x1, y1, x2, y2) = here, values
            first = (x0 + 2 / 3 * (x1 - x0), y0 + 2 / 3 * (y1 - y0))
            values = (*first, x2 + 2 / 3 * (x1 - x2), y2 + 2 / 3 * (y1 - y2), x2, y2)
        parts += [real(value) for value in values]
        parts.append({"M": b"m", "L": b"l", "Q": b"c", "C": b"c"}[letter])
        here = (values[-2], values[-1])
        if letter == "M":
            start = here
    return parts


@lru_cache(maxsize=1 << 14)
def _rectangle(left: int, top: int, right: int, bottom: int) -> bytes:
    return b"%d %d %d %d re" % (left, top, right - left, bottom - top)


def grid(item: Grid) -> bytes:
    """A grid in module units, enlarged by a matrix."""
    unit = real(item.size / len(item.rows), 6)
    data = b" ".join(starmap(_rectangle, runs(item.rows)))
    return b"q %b rg %b 0 0 %b %b %b cm %b f Q" % (_rgb(item.colour), unit, unit, real(item.x), real(item.y), data)


def picture(item: Picture, resource: bytes) -> bytes:
    """A raster over its box; an image's own space has y upwards."""
    x, y, w, h = item.x, item.y + item.h, item.w, -item.h
    return b"q %b 0 0 %b %b %b cm %b Do Q" % (real(w), real(h), real(x), real(y), resource)


def text_items(items: Iterable[Item]) -> Sequence[Text]:
    """The texts among ``items``."""
    return [item for item in items if isinstance(item, Text)]
