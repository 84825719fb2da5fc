"""形状: coarse pictures of outlines, to tell whether two of them show one character to the eye.

A font of a later version, of another foundry's make or with other points along its curves draws the same character by
other numbers; what stays is where there is ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from seal.typesetting import Command, FontFace
from verify.geometry import Point, curve

Outline = tuple[Command, ...]

_FINE: Final = 48
"""Cells of an em."""
_LEFT, _ROWS, _COLUMNS = 4, 72, 96
_TOP: Final = -1.1
"""Ems from the baseline, downwards, of the first row."""
_EVERYWHERE: Final = (1 << _ROWS * _COLUMNS) - 1
_ENDS: Final = {"M": 1, "L": 1, "Q": 2, "C": 3}


def shape_of(outline: Outline) -> int:
    """A bit for each cell with ink (winding number not zero), begun at the outline's left edge."""
    crossings: list[list[tuple[float, int]]] = [[] for _ in range(_ROWS)]
    polygons = _polygons(outline)
    left = min((x for one in polygons for x, _ in one), default=0.0)
    for one in polygons:
        for (x0, y0), (x1, y1) in pairwise([*one, one[0]]):
            turn = 1 if y1 > y0 else -1
            low, high = sorted(((y0 - _TOP) * _FINE - 0.5, (y1 - _TOP) * _FINE - 0.5))
            slope = (x1 - x0) / (y1 - y0) if y1 != y0 else 0.0
            for row in range(max(0, -int(-low // 1)), min(_ROWS, -int(-high // 1))):
                x = x0 + slope * (_TOP + (row + 0.5) / _FINE - y0)
                crossings[row].append(((x - left) * _FINE + _LEFT, turn))
    return sum(_row(found) << row * _COLUMNS for row, found in enumerate(crossings) if found)


def _row(found: list[tuple[float, int]]) -> int:
    ink, turns = 0, 0
    found.sort()
    for (x, turn), (until, _) in pairwise(found):
        turns += turn
        first, last = (min(_COLUMNS - 2, max(0, round(one))) for one in (x, until))
        if turns and last > first:
            ink |= (1 << last) - (1 << first)
    return ink


def _polygons(outline: Outline) -> list[list[Point]]:
    done: list[list[Point]] = []
    for letter, flat in outline:
        points: Sequence[Point] = list(zip(flat[::2], flat[1::2], strict=True))
        if letter == "M" or not done:
            done.append(list(points[-1:]))
        elif letter != "Z":
            done[-1] += points if _ENDS[letter] == 1 else curve([done[-1][-1], *points])
    return [one for one in done if one]


def apart(one: int, other: int) -> float:
    """Part of the ink of both that has none of the other's within a cell; 0: they look the same."""
    ink = one.bit_count() + other.bit_count()
    if not ink:
        return 0.0
    return ((one & ~_wider(other)).bit_count() + (other & ~_wider(one)).bit_count()) / ink


@lru_cache(maxsize=4096)
def _wider(ink: int) -> int:
    ink |= ink << 1 | ink >> 1
    return (ink | ink << _COLUMNS | ink >> _COLUMNS) & _EVERYWHERE


@lru_cache(maxsize=8192)
def own_shape(face: FontFace, char: str) -> int:
    """What a font we ship shows for a character it has."""
    return shape_of(face.outline(char))
