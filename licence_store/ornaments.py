"""底纹与花边: the shapes of a style as outlines, guilloches (团花、花边) computed from their parameters.

A guilloche line is a base curve moved along its normal by a sum of cosines; each further line of the
same guilloche is turned a little, which makes the weave. ``harmonics`` are ``[cycles, amplitude,
turns per line]``: line ``k`` is moved by ``Σ amplitude · cos(2π (cycles · t + k · turns))``. Everything is
deterministic: the same style gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from licence_store.style import Style, parse_path
from seal.painting import Item, Path, Picture, Text
from seal.typesetting import Command, load_font, spread
from trust.errors import Malformed

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
"""``x' = a·x + c·y + e``, ``y' = b·x + d·y + f``."""
Curve = Callable[[float], Point]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
MOST_COMMANDS = 120_000
"""A style that draws more than this is refused: it would make every file of the type unwieldy."""
_CIRCLE = 0.5522847498
_INK = (26, 26, 26)


def draw_shapes(style: Style, shapes: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """The display list of ``shapes``. Raises ``Malformed("type.style")`` if they draw too much."""
    return tuple(_Drawer(style).draw(shapes, IDENTITY))


class _Drawer:
    def __init__(self, style: Style) -> None:
        self.style = style
        self._left = MOST_COMMANDS

    def _spend(self, commands: int) -> None:
        """Groups in rows in rings multiply: count while drawing, not afterwards."""
        self._left -= commands
        if self._left < 0:
            raise Malformed("type.style", "样式的“{part}”不正确：应为{expected}。", part="style", expected="更少的图元")

    def draw(self, shapes: Iterable[Mapping[str, Any]], matrix: Matrix) -> Iterator[Item]:
        for shape in shapes:
            kind = shape["shape"]
            if kind == "group":
                yield from self.draw(self._inner(shape), compose(matrix, next(_places(shape))))
            elif kind in ("row", "ring"):
                yield from self._copies(shape, matrix)
            elif kind == "text":
                yield from self._text(shape, matrix)
            elif kind == "picture":
                yield Picture(self.style.pictures[shape["name"]], *(float(shape[key]) for key in ("x", "y", "w", "h")))
            else:
                yield self._path(_OUTLINES[kind](shape), shape, matrix)

    def _copies(self, shape: Mapping[str, Any], matrix: Matrix) -> Iterator[Item]:
        """Copies side by side, shape by shape; outlines of one paint become one path, which keeps files small."""
        places = [compose(matrix, place) for place in _places(shape)]
        self._spend(len(places))
        for inner in self._inner(shape):
            items = [item for place in places for item in self.draw((inner,), place)]
            yield from _merged(items)

    def _inner(self, shape: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        inner: Any = shape["of"]
        return self.style.groups[inner] if isinstance(inner, str) else inner

    def _path(self, commands: Iterable[Command], shape: Mapping[str, Any], matrix: Matrix) -> Path:
        stroke, fill = self.style.colour(shape.get("stroke")), self.style.colour(shape.get("fill"))
        scale = math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))
        moved = tuple((letter, transform(matrix, values)) for letter, values in commands)
        self._spend(len(moved) + 1)
        width = shape.get("width", 0.2) * scale
        return Path(moved, fill, stroke or (None if fill else _INK), width, shape.get("rule") == "even-odd")

    def _text(self, shape: Mapping[str, Any], matrix: Matrix) -> Iterator[Item]:
        """A label as text; turned or ``outline`` ones as one path of glyph outlines."""
        self._spend(len(shape["text"]))
        item = _label(shape, self.style.colour(shape.get("colour")) or _INK)
        if not shape.get("outline") and "rotate" not in shape and matrix[:4] == IDENTITY[:4]:
            yield Text(item.text, item.x + matrix[4], item.baseline + matrix[5], item.deltas, item.font, item.size,
                       item.colour)  # fmt: skip
            return
        centre = (shape["x"] + shape.get("w", 0.0) / 2, shape["y"])
        turned = compose(matrix, turn(shape.get("rotate", 0.0), centre))
        commands = tuple((letter, transform(turned, values)) for letter, values in text_outline(item))
        if commands:
            yield Path(commands, fill=item.colour)


def _merged(items: Iterable[Item]) -> Iterator[Item]:
    """Neighbouring paths with the same paint as one; those both filled and stroked would show through each other."""
    waiting: Path | None = None
    for item in items:
        if isinstance(item, Path) and waiting is not None and _alike(item, waiting):
            waiting = replace(waiting, commands=waiting.commands + item.commands)
            continue
        if waiting is not None:
            yield waiting
        waiting = item if isinstance(item, Path) and not (item.fill and item.stroke) else None
        if waiting is None:
            yield item
    if waiting is not None:
        yield waiting


def _alike(a: Path, b: Path) -> bool:
    return (a.fill, a.stroke, round(a.width, 4), a.even_odd) == (b.fill, b.stroke, round(b.width, 4), b.even_odd)


def text_outline(item: Text) -> Iterator[Command]:
    """The glyph outlines of ``item`` in place."""
    face, x = load_font(item.font), item.x
    for char, step in zip(item.text, (*item.deltas, 0.0), strict=True):
        matrix = (item.size, 0.0, 0.0, item.size, x, item.baseline)
        yield from ((letter, transform(matrix, values)) for letter, values in face.outline(char))
        x += step


def _label(shape: Mapping[str, Any], colour: tuple[int, int, int]) -> Text:
    face, size = load_font(shape.get("font", "serif")), shape["size"]
    text, width, spacing = shape["text"], shape.get("w", 0.0), shape.get("spacing", 0.0)
    if shape.get("align") == "justify":
        line = spread(text, face, size, width)
        return Text(text, shape["x"] + line.x, shape["y"], line.deltas, face.name, size, colour)
    steps = [size * em + spacing for em in face.advances(text)]
    spare = width - sum(steps) + spacing
    shift = {"center": spare / 2, "right": spare}.get(shape.get("align", "left"), 0.0)
    return Text(text, shape["x"] + shift, shape["y"], tuple(steps[:-1]), face.name, size, colour)


# ---------------------------------------------------------------- places


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """``inner`` first, then ``outer``."""
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return (a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f)


def transform(matrix: Matrix, values: Sequence[float]) -> tuple[float, ...]:
    """Every point of a command's values."""
    a, b, c, d, e, f = matrix
    points = zip(values[::2], values[1::2], strict=True)
    return tuple(v for x, y in points for v in (a * x + c * y + e, b * x + d * y + f))


def turn(degrees: float, centre: Point) -> Matrix:
    """Clockwise about ``centre``."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    x, y = centre
    return (cosine, sine, -sine, cosine, x - cosine * x + sine * y, y - sine * x - cosine * y)


def _places(shape: Mapping[str, Any]) -> Iterator[Matrix]:
    """One matrix for each copy a ``group``, ``row`` or ``ring`` draws."""
    sx, sy = shape.get("scale", (1.0, 1.0))
    scale: Matrix = (sx, 0.0, 0.0, sy, 0.0, 0.0)
    if shape["shape"] == "ring":
        count = int(shape["count"])
        for index in range(count):
            yield _placed(shape["at"], shape.get("start", 0.0) + 360.0 * index / count, scale)
        return
    rotation = shape.get("rotate", 0.0)
    if shape["shape"] == "group":
        yield _placed(shape.get("at", (0.0, 0.0)), rotation, scale)
        return
    (x0, y0), (x1, y1), count = shape["from"], shape["to"], int(shape["count"])
    for index in range(count):
        t = index / (count - 1) if count > 1 else 0.5
        yield _placed((x0 + t * (x1 - x0), y0 + t * (y1 - y0)), rotation, scale)


def _placed(at: Sequence[float], degrees: float, scale: Matrix) -> Matrix:
    return compose((1.0, 0.0, 0.0, 1.0, at[0], at[1]), compose(turn(degrees, (0.0, 0.0)), scale))


# ---------------------------------------------------------------- outlines


def _path(shape: Mapping[str, Any]) -> Iterable[Command]:
    return parse_path(shape["d"])


def _line(shape: Mapping[str, Any]) -> Iterator[Command]:
    for index, (x, y) in enumerate(shape["points"]):
        yield ("L" if index else "M", (x, y))


def _circle(shape: Mapping[str, Any]) -> Iterator[Command]:
    (x, y), r = shape["at"], shape["r"]
    k = r * _CIRCLE
    yield "M", (x + r, y)
    yield "C", (x + r, y + k, x + k, y + r, x, y + r)
    yield "C", (x - k, y + r, x - r, y + k, x - r, y)
    yield "C", (x - r, y - k, x - k, y - r, x, y - r)
    yield "C", (x + k, y - r, x + r, y - k, x + r, y)
    yield "Z", ()


def _rect(shape: Mapping[str, Any]) -> Iterator[Command]:
    x, y, w, h, r = shape["x"], shape["y"], shape["w"], shape["h"], shape.get("r", 0.0)
    corners = ((x + w, y, 0, 1), (x + w, y + h, -1, 0), (x, y + h, 0, -1), (x, y, 1, 0))
    yield "M", (x + r, y)
    into = (1, 0)
    for cx, cy, ox, oy in corners:
        yield "L", (cx - into[0] * r, cy - into[1] * r)
        if r:
            k = r * (1 - _CIRCLE)
            end = (cx + ox * r, cy + oy * r)
            yield "C", (cx - into[0] * k, cy - into[1] * k, cx + ox * k, cy + oy * k, *end)
        into = (ox, oy)
    yield "Z", ()


def _rosette(shape: Mapping[str, Any]) -> Iterator[Command]:
    """团花: closed waves round a centre."""
    (cx, cy), radius = shape["at"], shape["radius"]

    def base(t: float) -> Point:
        return cx + radius * math.cos(math.tau * t), cy + radius * math.sin(math.tau * t)

    return _weave(shape, base, lambda t: (math.cos(math.tau * t), math.sin(math.tau * t)), closed=True, least=24)


def _band(shape: Mapping[str, Any]) -> Iterator[Command]:
    """花边: waves along a straight line."""
    (x0, y0), (x1, y1) = shape["from"], shape["to"]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    normal = (-(y1 - y0) / length, (x1 - x0) / length)
    return _weave(shape, lambda t: (x0 + t * (x1 - x0), y0 + t * (y1 - y0)), lambda _: normal, closed=False, least=2)


def _field(shape: Mapping[str, Any]) -> Iterator[Command]:
    """底纹: parallel waves that fill a rectangle."""
    x, y, w, h, lines = shape["x"], shape["y"], shape["w"], shape["h"], int(shape["lines"])
    for line in range(lines):
        base = _level(x, y + h * (line / (lines - 1) if lines > 1 else 0.5), w)
        yield from _wave(shape["harmonics"], line, base, lambda _: (0.0, 1.0), closed=False, least=2)


def _level(x: float, y: float, width: float) -> Curve:
    return lambda t: (x + t * width, y)


def _loop(shape: Mapping[str, Any]) -> Iterator[Command]:
    """边框: waves round a rectangle with rounded corners."""
    track = _Track(shape["x"], shape["y"], shape["w"], shape["h"], shape["r"])
    return _weave(shape, track.point, track.normal, closed=True, least=48)


class _Track:
    """A rounded rectangle run through once at even speed."""

    def __init__(self, x: float, y: float, w: float, h: float, r: float) -> None:
        self.centre, self.r = (x + w / 2, y + h / 2), r
        self.sides = (w - 2 * r, h - 2 * r)
        self.length = 2 * sum(self.sides) + math.tau * r
        arc = math.pi * r / 2
        self.parts = [length for side in (*self.sides, *self.sides) for length in (side, arc)]

    def _at(self, t: float) -> tuple[Point, float]:
        """Point on the track and the angle of its outward normal."""
        rest = (t % 1.0) * self.length
        (a, b), (cx, cy) = (self.sides[0] / 2, self.sides[1] / 2), self.centre
        corners = ((cx + a, cy - b), (cx + a, cy + b), (cx - a, cy + b), (cx - a, cy - b))
        for index, part in enumerate(self.parts):
            if rest <= part or index == 7:
                side, curved = divmod(index, 2)
                corner, angle = corners[side], -math.pi / 2 + side * math.pi / 2
                if curved:
                    angle += rest / self.r if self.r else 0.0
                    return (corner[0] + self.r * math.cos(angle), corner[1] + self.r * math.sin(angle)), angle
                back = part - rest
                foot = (corner[0] + self.r * math.cos(angle), corner[1] + self.r * math.sin(angle))
                return (foot[0] + back * math.sin(angle), foot[1] - back * math.cos(angle)), angle
            rest -= part
        raise AssertionError

    def point(self, t: float) -> Point:
        return self._at(t)[0]

    def normal(self, t: float) -> Point:
        angle = self._at(t)[1]
        return math.cos(angle), math.sin(angle)


def _weave(shape: Mapping[str, Any], base: Curve, normal: Curve, *, closed: bool, least: int) -> Iterator[Command]:
    for line in range(int(shape["lines"])):
        yield from _wave(shape["harmonics"], line, base, normal, closed=closed, least=least)


def _wave(
    harmonics: Sequence[Sequence[float]], line: int, base: Curve, normal: Curve, *, closed: bool, least: int
) -> Iterator[Command]:
    """One line as cubic curves, exact at the crests of its fastest wave: two to a wave look smooth."""

    def at(t: float) -> Point:
        offset = sum(a * math.cos(math.tau * (cycles * t + line * turns)) for cycles, a, turns in harmonics)
        (x, y), (nx, ny) = base(t), normal(t)
        return x + offset * nx, y + offset * ny

    def slope(t: float) -> Point:
        (x0, y0), (x1, y1) = at(t - 1e-5), at(t + 1e-5)
        return (x1 - x0) / 2e-5, (y1 - y0) / 2e-5

    knots = _knots(harmonics, line, closed=closed, least=least)
    point, direction = at(knots[0]), slope(knots[0])
    yield "M", point
    for before, t in zip(knots, knots[1:], strict=False):
        end, leaving, third = at(t), slope(t), (t - before) / 3
        yield "C", (
            point[0] + direction[0] * third, point[1] + direction[1] * third,
            end[0] - leaving[0] * third, end[1] - leaving[1] * third, *end,
        )  # fmt: skip
        point, direction = end, leaving
    if closed:
        yield "Z", ()


def _knots(harmonics: Sequence[Sequence[float]], line: int, *, closed: bool, least: int) -> list[float]:
    """Parameters from one end (or once round) at which the fastest harmonic has its crests and troughs."""
    cycles, _, turns = max(harmonics, key=lambda h: h[0])
    halves = max(1, math.ceil(least / (2 * cycles))) if cycles else 1
    if not cycles:
        return [i / least for i in range(least + 1)]
    pitch = 1 / (2 * cycles * halves)
    first = -(line * turns % 1.0) / cycles
    if closed:
        return [first + i * pitch for i in range(round(1 / pitch) + 1)]
    inner = (first + i * pitch for i in range(math.ceil((1 - first) / pitch) + 1))
    return [0.0, *(t for t in inner if 0.02 * pitch < t < 1 - 0.02 * pitch), 1.0]


_OUTLINES: dict[str, Callable[[Mapping[str, Any]], Iterable[Command]]] = {
    "path": _path,
    "rect": _rect,
    "line": _line,
    "circle": _circle,
    "rosette": _rosette,
    "band": _band,
    "loop": _loop,
    "field": _field,
}
