"""着色: areas of paint, and whether something drawn can be seen among them, whatever the format.

    is_seen(point, mark, below, above)

A format's own reader tells which areas lie below a text and which above it; here stands what that means for the eye.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

from verify.geometry import (
    LEAST_CONTRAST,
    NOWHERE,
    WHITE,
    Box,
    Colour,
    Matrix,
    Point,
    box_of,
    common,
    contrast,
    distance,
    mixed,
    moved,
    scale_of,
    winding,
)

HEIGHTS: Final = (0.1, 0.35, 0.6)
"""Ems above the baseline at which a glyph is looked for."""
_MOST_COMPARED: Final = 2_000_000
"""Texts times areas."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a graphics state or an XObject's name does to what is drawn."""

    opacity: float = 1.0
    """Of what is filled."""
    lines: float = 1.0
    """Of what is drawn with lines."""
    plain: bool = True
    """Nothing but opacity: no mask, no way of mixing colours but the usual one."""


OPAQUE: Final = Look()


@dataclass(frozen=True)
class Paint:
    """一处着色: an area. A format says how its outlines are written."""

    order: int
    outline: bytes
    """As the file writes it."""
    matrix: Matrix
    colour: Colour | None
    """``None``: a picture, a shading: it cannot be told."""
    clip: tuple[Paint, ...] = ()
    even_odd: bool = False
    whole: bool = False
    """Everything within the clip."""
    width: float = 0.0
    """Of a line, in its own units; 0: it is filled."""
    frame: Box | None = None
    """A box, on the page, that clips it."""

    def trace(self) -> list[list[Point]]:
        """The outlines in their own units, curves by a few points."""
        raise NotImplementedError

    @cached_property
    def polygons(self) -> list[list[Point]]:
        return [[moved(self.matrix, point) for point in one] for one in self.trace()]

    @cached_property
    def box(self) -> Box:
        if self.frame is not None:
            found = self.frame
        elif self.whole:
            found = (-math.inf, -math.inf, math.inf, math.inf)
        else:
            points = [point for one in self.polygons for point in one]
            if not points:
                return NOWHERE
            edge = self.width * scale_of(self.matrix) / 2
            left, bottom, right, top = box_of(points)
            found = (left - edge, bottom - edge, right + edge, top + edge)
        for one in self.clip:
            found = common(found, one.box)
        return found

    def covers(self, point: Point) -> bool:
        """Does it lie over ``point``?"""
        left, bottom, right, top = self.box
        if not (left <= point[0] <= right and bottom <= point[1] <= top):
            return False
        if self.whole:
            return True
        if self.width:
            reach = self.width * scale_of(self.matrix) / 2
            return any(
                distance(point, a, b) <= reach for one in self.polygons for a, b in zip(one, one[1:], strict=False)
            )
        turns = [winding(point, one) for one in self.polygons]
        return bool(sum(map(abs, turns)) % 2) if self.even_odd else sum(turns) != 0


class Mark(Protocol):
    """一段文字, as far as paint goes."""

    @property
    def colour(self) -> Colour | None: ...

    @property
    def clip(self) -> tuple[Paint, ...]: ...


class Looks(Protocol):
    """How opaque each area is: what a format's page knows."""

    def look_of(self, paint: Paint) -> Look: ...


@dataclass(slots=True)
class Budget:
    """限额: how many areas are compared with texts before a page is given up."""

    left: int = field(default=_MOST_COMPARED)

    def spend(self, count: int) -> None:
        """Raises ``ValueError`` where too much is drawn."""
        self.left -= count
        if self.left < 0:
            raise ValueError("too much drawn")


def is_seen(
    point: Point, mark: Mark, opacity: float, looks: Looks, below: Sequence[Paint], above: Sequence[Paint]
) -> bool:
    """Does ``mark`` differ, at ``point``, from what lies below it, and is it not hidden by what lies above?"""
    if mark.clip and not all(one.covers(point) for one in mark.clip):
        return False
    ground: Colour | None = WHITE
    for one in below:
        if not one.covers(point):
            continue
        look = looks.look_of(one)
        if one.colour is None or not look.plain:
            ground = None  # a picture: it cannot be told
        elif ground is not None:
            ground = mixed(ground, one.colour, look.opacity)
        elif look.opacity > 0.98:
            ground = one.colour
    left = opacity
    for one in above:
        if one.covers(point):
            look = looks.look_of(one)
            left *= 1 - (look.lines if one.width else look.opacity)
    if ground is None or mark.colour is None:
        return left >= 2 * LEAST_CONTRAST
    return left * contrast(ground, mark.colour) >= LEAST_CONTRAST
