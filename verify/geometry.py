"""几何: places, matrices, boxes, outlines and colours of what is drawn, whatever the format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""The lower of both sides first: ``x0, y0, x1, y1``."""
Colour = tuple[float, float, float]

IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
WHITE: Final[Colour] = (1.0, 1.0, 1.0)
BLACK: Final[Colour] = (0.0, 0.0, 0.0)
NOWHERE: Final[Box] = (0.0, 0.0, -1.0, -1.0)

# ---------------------------------------------------------------- matrices


def multiply(first: Matrix, then: Matrix) -> Matrix:
    """``first``, then ``then``."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def moved(matrix: Matrix, point: Point) -> Point:
    """``point`` as ``matrix`` takes it."""
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f


def scale_of(matrix: Matrix) -> float:
    """How much lengths grow, on the average of both directions."""
    return math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))


def is_legible(matrix: Matrix, least: float) -> bool:
    """Is a glyph at least ``least`` high and wide, and not squeezed to a line?"""
    sizes = math.hypot(matrix[0], matrix[1]), math.hypot(matrix[2], matrix[3])
    area = abs(matrix[0] * matrix[3] - matrix[1] * matrix[2])
    return min(sizes) >= least and area >= 0.25 * sizes[0] * sizes[1]


# ---------------------------------------------------------------- outlines


def curve(control: Sequence[Point]) -> list[Point]:
    """Points along a Bézier curve of any order, the first one left out."""
    degree = len(control) - 1
    points = []
    for step in (0.25, 0.5, 0.75, 1.0):
        weights = [math.comb(degree, k) * (1 - step) ** (degree - k) * step**k for k in range(degree + 1)]
        points.append(
            (
                sum(w * p[0] for w, p in zip(weights, control, strict=True)),
                sum(w * p[1] for w, p in zip(weights, control, strict=True)),
            )
        )
    return points


def winding(point: Point, polygon: Sequence[Point]) -> int:
    """How often ``polygon`` goes round ``point``."""
    x, y = point
    turns = 0
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:], strict=False):
        if (y0 <= y) != (y1 <= y):
            side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
            turns += 1 if y1 > y0 and side > 0 else -1 if y1 <= y0 and side < 0 else 0
    return turns


def distance(point: Point, a: Point, b: Point) -> float:
    """From ``point`` to the line between ``a`` and ``b``."""
    length = (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2
    along = ((point[0] - a[0]) * (b[0] - a[0]) + (point[1] - a[1]) * (b[1] - a[1])) / length if length else 0.0
    along = max(0.0, min(1.0, along))
    return math.dist(point, (a[0] + along * (b[0] - a[0]), a[1] + along * (b[1] - a[1])))


# ---------------------------------------------------------------- boxes


def holds(box: Box, other: Box) -> bool:
    return box[0] <= other[0] and box[1] <= other[1] and box[2] >= other[2] and box[3] >= other[3]


def within(box: Box, point: Point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def common(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def box_of(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


# ---------------------------------------------------------------- colours

LEAST_CONTRAST: Final = 0.18
"""Of the channel in which text and ground differ most, 0 to 1."""


@lru_cache(maxsize=4096)
def contrast(one: Colour, other: Colour) -> float:
    """Of the channel in which they differ most."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def alike(one: Colour | None, other: Colour | None) -> bool:
    """Are they too little apart for one to be read on the other (or can it not be told)?"""
    return one is None or other is None or contrast(one, other) < 2 * LEAST_CONTRAST


def mixed(below: Colour, above: Colour, opacity: float) -> Colour:
    red, green, blue = (b + (a - b) * opacity for b, a in zip(below, above, strict=True))
    return red, green, blue


def colour_of(parts: Sequence[float]) -> Colour:
    """Grey, RGB or CMYK, each part 0 to 1."""
    if len(parts) == 1:
        return parts[0], parts[0], parts[0]
    if len(parts) == 4:
        c, m, y, k = parts
        return (1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k)
    red, green, blue = parts
    return red, green, blue
