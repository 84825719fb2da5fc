"""绘制: a small display list, and painting it to OFD objects and to pictures.

One description of a page (paths, texts, pictures; millimetres, y downwards) is painted wherever it is
needed: here as OFD page objects (GB/T 33190-2016, clauses 9 to 11) and as a raster with Pillow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import starmap
from xml.sax.saxutils import escape

from PIL import Image as Pictures
from PIL import ImageChops, ImageDraw, ImageFont

from seal.typesetting import Command, load_font

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Path:
    """图元: an outline, filled or stroked or both."""

    commands: tuple[Command, ...]
    """``M L Q C Z`` with absolute coordinates."""
    fill: Colour | None = None
    stroke: Colour | None = None
    width: float = 0.2
    even_odd: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """文字: characters at exact places on one baseline."""

    text: str
    x: float
    baseline: float
    deltas: tuple[float, ...]
    font: str
    """A name in ``seal.typesetting.FONTS``."""
    size: float
    colour: Colour
    field: str = ""
    """The face field it shows, if any."""


@dataclass(frozen=True, slots=True)
class Picture:
    """图像: an encoded raster, stretched over a box."""

    data: bytes
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Grid:
    """点阵: square modules, dark ones filled; the rows hold 1 for dark and 0 for light."""

    rows: tuple[bytes, ...]
    x: float
    y: float
    size: float
    """Side of the whole grid."""
    colour: Colour


Item = Path | Text | Picture | Grid

# ---------------------------------------------------------------- OFD


@lru_cache(maxsize=65536)
def number(value: float) -> str:
    """A length as OFD writes it: at most three decimals, none to spare."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


_OFD_LETTER = {"M": "M", "L": "L", "Q": "Q", "C": "B", "Z": "C"}


def path_data(commands: Iterable[Command], x: float = 0.0, y: float = 0.0, decimals: int = 2) -> str:
    """``AbbreviatedData`` (GB/T 33190, 9.1) relative to ``(x, y)``."""
    parts: list[str] = []
    for letter, values in commands:
        parts.append(_OFD_LETTER[letter])
        for index, value in enumerate(values):
            text = f"{value - (y if index % 2 else x):.{decimals}f}".rstrip("0").rstrip(".")
            parts.append("0" if text == "-0" else text)
    return " ".join(parts)


def bounds(commands: Iterable[Command]) -> tuple[float, float, float, float]:
    """``(left, top, right, bottom)`` of all points, control points included."""
    xs: list[float] = []
    ys: list[float] = []
    for _, values in commands:
        xs.extend(values[::2])
        ys.extend(values[1::2])
    return min(xs), min(ys), max(xs), max(ys)


def _colour(tag: str, colour: Colour | None) -> str:
    return f'<ofd:{tag} Value="{colour[0]} {colour[1]} {colour[2]}"/>' if colour else ""


def ofd_path(item: Path, identity: int) -> str:
    """PathObject (GB/T 33190, 9.1); ``Boundary`` holds the line's width too, since strict readers clip at it."""
    left, top, right, bottom = bounds(item.commands)
    edge = math.ceil((item.width if item.stroke else 0.0) * 50 + 1) / 100
    x, y = round(left - edge, 2), round(top - edge, 2)
    box = f"{number(x)} {number(y)} {number(right - x + edge)} {number(bottom - y + edge)}"
    rule = ' Rule="Even-Odd"' if item.even_odd else ""
    line = f' LineWidth="{number(item.width)}"' if item.stroke else ""
    return (
        f'<ofd:PathObject ID="{identity}" Boundary="{box}"{line} Stroke="{_flag(item.stroke)}" '
        f'Fill="{_flag(item.fill)}"{rule}>{_colour("StrokeColor", item.stroke)}{_colour("FillColor", item.fill)}'
        f"<ofd:AbbreviatedData>{path_data(item.commands, x, y)}</ofd:AbbreviatedData></ofd:PathObject>"
    )


_RUN = re.compile(rb"\x01+")


def runs(rows: Sequence[bytes]) -> Iterator[tuple[int, int, int, int]]:
    """Dark modules as rectangles ``(left, top, right, bottom)``: runs, joined with equal runs right below."""
    waiting: dict[tuple[int, int], int] = {}
    for index, row in enumerate((*rows, b"")):
        here: dict[tuple[int, int], int] = {}
        for run in _RUN.finditer(row):
            span = run.span()
            here[span] = waiting.pop(span, index)
        for (start, end), top in waiting.items():
            yield start, top, end, index
        waiting = here


@lru_cache(maxsize=1 << 14)
def _rectangle(left: int, top: int, right: int, bottom: int) -> str:
    """The outline of a run; codes of one size share most of theirs."""
    return f"M {left} {top} L {right} {top} L {right} {bottom} L {left} {bottom} C"


def ofd_grid(item: Grid, identity: int) -> str:
    """A grid as one PathObject in module units, enlarged by its CTM."""
    unit = f"{item.size / len(item.rows):.6f}"
    data = " ".join(starmap(_rectangle, runs(item.rows)))
    side = number(item.size + 0.01)
    return (
        f'<ofd:PathObject ID="{identity}" Boundary="{number(item.x)} {number(item.y)} {side} {side}" '
        f'CTM="{unit} 0 0 {unit} 0 0" Stroke="false" Fill="true">{_colour("FillColor", item.colour)}'
        f"<ofd:AbbreviatedData>{data}</ofd:AbbreviatedData></ofd:PathObject>"
    )


def _flag(colour: Colour | None) -> str:
    return "true" if colour else "false"


def ofd_text(item: Text, identity: int, font: int) -> str:
    """TextObject (GB/T 33190, 11.2) with the place of every character; ``Boundary`` is a little generous."""
    size = item.size
    edge = 0.12 * size
    box = (
        f"{number(round(item.x - edge, 3))} {number(round(item.baseline - size, 3))} "
        f"{number(round(sum(item.deltas) + 1.3 * size, 2))} {number(round(1.4 * size, 2))}"
    )
    delta = f' DeltaX="{_deltas(item.deltas)}"' if item.deltas else ""
    return (
        f'<ofd:TextObject ID="{identity}" Boundary="{box}" Font="{font}" Size="{number(size)}">'
        f"{_colour('FillColor', item.colour)}"
        f'<ofd:TextCode X="{number(round(edge, 3))}" Y="{number(round(size, 3))}"{delta}>'
        f"{escape(item.text)}</ofd:TextCode></ofd:TextObject>"
    )


def _deltas(deltas: Sequence[float]) -> str:
    """``DeltaX``: equal neighbours as ``g count value`` (GB/T 33190, 11.3)."""
    parts: list[str] = []
    run, last = 0, ""
    for text in (*map(number, deltas), ""):
        if text == last:
            run += 1
            continue
        if last:
            parts.append(f"g {run} {last}" if run > 1 else last)
        run, last = 1, text
    return " ".join(parts)


def ofd_picture(item: Picture, identity: int, resource: int) -> str:
    """ImageObject (GB/T 33190, 10): the resource stretched over its box."""
    width, height = number(item.w), number(item.h)
    return (
        f'<ofd:ImageObject ID="{identity}" Boundary="{number(item.x)} {number(item.y)} {width} {height}" '
        f'CTM="{width} 0 0 {height} 0 0" ResourceID="{resource}"/>'
    )


def ofd_objects(
    items: Iterable[Item], first: int, fonts: Mapping[str, int], pictures: Mapping[bytes, int] | None = None
) -> Iterator[tuple[int, str]]:
    """``(ID, XML)`` of each item, numbered from ``first`` on in painting order.

    ``pictures`` gives the resource of each picture's data; pictures without one are left out.
    """
    for identity, item in enumerate(items, first):
        if isinstance(item, Picture) and pictures and item.data in pictures:
            yield identity, ofd_picture(item, identity, pictures[item.data])
        if isinstance(item, Text):
            yield identity, ofd_text(item, identity, fonts[item.font])
        elif isinstance(item, Path):
            yield identity, ofd_path(item, identity)
        elif isinstance(item, Grid):
            yield identity, ofd_grid(item, identity)


# ---------------------------------------------------------------- raster


class Canvas:
    """画布: a white page of ``width`` × ``height`` millimetres, painted at ``dpi`` with smooth edges."""

    def __init__(self, width: float, height: float, dpi: float, *, smooth: int = 3) -> None:
        self.scale = dpi / 25.4
        self.smooth = smooth
        self.image = Pictures.new("RGB", (round(width * self.scale), round(height * self.scale)), "white")

    def paint(self, items: Iterable[Item]) -> Canvas:
        """Paint in order: runs of paths enlarged, then scaled down; texts and pictures at size."""
        waiting: list[Path] = []
        for item in items:
            if isinstance(item, Path):
                waiting.append(item)
                continue
            self._paths(waiting)
            waiting = []
            if isinstance(item, Text):
                self._text(item)
            elif isinstance(item, Grid):
                self._grid(item)
            else:
                self._picture(item)
        self._paths(waiting)
        return self

    def png(self) -> bytes:
        """The picture as PNG."""
        out = BytesIO()
        dots = round(self.scale * 25.4)
        self.image.save(out, "PNG", dpi=(dots, dots), compress_level=6)
        return out.getvalue()

    def _paths(self, paths: Sequence[Path]) -> None:
        if not paths:
            return
        large = self.image.resize([side * self.smooth for side in self.image.size], Pictures.Resampling.NEAREST)
        scale = self.scale * self.smooth
        for path in paths:
            if path.fill:
                fill_path(large, path, scale, path.fill)
            if path.stroke:
                _stroke(large, list(flatten(path.commands, scale)), path, scale)
        self.image = large.resize(self.image.size, Pictures.Resampling.BOX)

    def _text(self, item: Text) -> None:
        draw = ImageDraw.Draw(self.image)
        x = item.x
        for char, step in zip(item.text, (*item.deltas, 0.0), strict=True):
            place = (x * self.scale, item.baseline * self.scale)
            draw.text(place, char, fill=item.colour, font=raster_font(item.font, item.size * self.scale), anchor="ls")
            x += step

    def _grid(self, item: Grid) -> None:
        side = max(len(item.rows), round(item.size * self.scale))
        modules = Pictures.frombytes("L", (len(item.rows), len(item.rows)), b"".join(item.rows))
        enlarged = modules.point(lambda value: 255 * value).resize((side * 4, side * 4), Pictures.Resampling.NEAREST)
        mask = enlarged.resize((side, side), Pictures.Resampling.BOX)
        self.image.paste(item.colour, (round(item.x * self.scale), round(item.y * self.scale)), mask)

    def _picture(self, item: Picture) -> None:
        with Pictures.open(BytesIO(item.data)) as opened:
            size = (max(1, round(item.w * self.scale)), max(1, round(item.h * self.scale)))
            picture = opened.convert("RGBA").resize(size, Pictures.Resampling.LANCZOS)
        place = (round(item.x * self.scale), round(item.y * self.scale))
        self.image.paste(picture, place, picture)


@lru_cache(maxsize=64)
def raster_font(name: str, pixels: float) -> ImageFont.FreeTypeFont:
    """One of our fonts at ``pixels`` per em, for Pillow."""
    return ImageFont.truetype(load_font(name).path, pixels, layout_engine=ImageFont.Layout.BASIC)


def flatten(commands: Iterable[Command], scale: float) -> Iterator[tuple[list[Point], bool]]:
    """Each outline as points in pixels, and whether it is closed."""
    points: list[Point] = []
    for letter, values in commands:
        pairs = [(x * scale, y * scale) for x, y in zip(values[::2], values[1::2], strict=True)]
        if letter == "M":
            if len(points) > 1:
                yield points, False
            points = pairs
        elif letter == "L":
            points += pairs
        elif letter == "Z":
            if len(points) > 1:
                yield [*points, points[0]], True
            points = points[:1]
        else:
            points += _curve([points[-1], *pairs])
    if len(points) > 1:
        yield points, False


def _curve(control: list[Point]) -> list[Point]:
    """Points along a Bézier curve, the first one left out."""
    length = sum(math.dist(a, b) for a, b in zip(control, control[1:], strict=False))
    steps = max(2, min(64, int(length / 4) + 2))
    weights = _weights(len(control), steps)
    return [
        (
            sum(w * p[0] for w, p in zip(row, control, strict=True)),
            sum(w * p[1] for w, p in zip(row, control, strict=True)),
        )
        for row in weights
    ]


@lru_cache(maxsize=256)
def _weights(order: int, steps: int) -> tuple[tuple[float, ...], ...]:
    degree = order - 1
    return tuple(
        tuple(math.comb(degree, k) * (1 - t) ** (degree - k) * t**k for k in range(order))
        for t in (i / steps for i in range(1, steps + 1))
    )


def fill_path(image: Pictures.Image, path: Path, scale: float, ink: Colour | int) -> None:
    """Fill by the even-odd rule, or (nearly) the non-zero one: inner outlines of the other turn are holes."""
    outlines = [points for points, _ in flatten(path.commands, scale)]
    areas = [_area(points) for points in outlines]
    if path.even_odd or len({area > 0 for area in areas}) > 1:
        _fill_with_holes(image, outlines, areas, (path.even_odd, ink))
        return
    draw = ImageDraw.Draw(image)
    for points in outlines:
        draw.polygon(points, fill=ink)


def _fill_with_holes(
    image: Pictures.Image, outlines: Sequence[list[Point]], areas: list[float], how: tuple[bool, Colour | int]
) -> None:
    left, top = (int(min(p[axis] for points in outlines for p in points)) for axis in (0, 1))
    size = [int(max(p[axis] for points in outlines for p in points)) + 2 - (left, top)[axis] for axis in (0, 1)]
    mask = Pictures.new("1", (size[0], size[1]))
    outer = max(areas, key=abs) > 0
    even_odd, ink = how
    for area, points in sorted(zip(areas, outlines, strict=True), key=lambda pair: -abs(pair[0])):
        moved = [(x - left, y - top) for x, y in points]
        if even_odd:
            layer = Pictures.new("1", mask.size)
            ImageDraw.Draw(layer).polygon(moved, fill=1)
            mask = ImageChops.logical_xor(mask, layer)
        else:
            ImageDraw.Draw(mask).polygon(moved, fill=int((area > 0) == outer))
    image.paste(ink, (left, top), mask)


def _area(points: Sequence[Point]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:], strict=False))


def _stroke(image: Pictures.Image, outlines: Sequence[tuple[list[Point], bool]], path: Path, scale: float) -> None:
    draw = ImageDraw.Draw(image)
    width = max(1, round(path.width * scale))
    for points, closed in outlines:
        joined = [*points, *points[1:3]] if closed else points  # so that the corner at the start is a joint too
        draw.line(joined, fill=path.stroke, width=width, joint="curve" if width > 4 else None)
