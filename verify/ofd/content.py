"""OFD 页面内容: which texts and which paint does a page, a template or an annotation hold (GB/T 33190, 8 to 11)?

    layers = read_layers(root, resources)

Only what decides whether a text can be seen and read is kept: places, colours, opacity, sizes, areas. What an entry
draws depends on its octets and the resources alone, so the background that all licences of a type share is read once.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any, Final

from seal.ofd.package import children, local_name
from verify import painted
from verify.geometry import (
    IDENTITY,
    Box,
    Colour,
    Matrix,
    Point,
    alike,
    box_of,
    common,
    curve,
    is_legible,
    multiply,
    scale_of,
)
from verify.ofd.resources import PLAIN, Ink, Parameters, Resources, flag, number, numbers, opacity_of

LEAST_SIZE: Final = 0.5
"""Millimetres, in either direction."""
_THIN: Final = 1.0
"""Millimetres: a line up to this width hides no text by itself; many together may."""
_MOST_OBJECTS: Final = 60_000
_DEEPEST: Final = 32
_RANKS: Final = {"Background": 0, "Body": 1, "Foreground": 2}
_OWN: Final = frozenset(
    {"ID", "Boundary", "Name", "Font", "Size", "CTM", "Alpha", "Visible", "DrawParam", "Weight", "Italic", "Fill",
     "Stroke", "LineWidth", "HScale", "ReadDirection", "CharDirection"}
)  # fmt: skip
"""Attributes of a text whose meaning is known."""
_PLACED: Final = frozenset({"X", "Y", "DeltaX", "DeltaY"})
_USUAL: Final = (("HScale", 1.0), ("ReadDirection", 0.0), ("CharDirection", 0.0))
_SOLID: Final = 0.7
"""Opacity."""
_NARROW, _WIDE = 0.15, 0.6
"""Ems from one glyph to the next at the least; nearer, they stand upon each other."""


@dataclass(slots=True)
class Run:
    """一段文字: one text object."""

    order: int
    identity: str
    text: str
    font: str
    size: float
    matrix: Matrix
    """From the object's units, y downwards, to the page."""
    places: list[Point]
    """Origin of each glyph, in the object's units."""
    colour: Colour | None
    opacity: float
    frame: Box | None
    """The box that clips it."""
    odd: bool = False
    """Something about it cannot be told, or it is not drawn as it is read."""
    glyphs_chosen: bool = False
    """Its glyphs are named beside its characters (CGTransform)."""
    clip: tuple[painted.Paint, ...] = ()

    _reach: Box | None = None

    def at(self, index: int, x: float, y: float) -> Point:
        """A place, in ems from a glyph's origin, on the page; y upwards."""
        a, b, c, d, e, f = self.matrix
        u, v = self.places[index]
        u, v = u + x * self.size, v - y * self.size
        return a * u + c * v + e, b * u + d * v + f

    def width(self, index: int) -> float:
        """Ems a glyph takes, about."""
        return 0.9 if _is_wide(self.text[index]) else 0.4

    @property
    def height(self) -> float:
        """Of an em on the page, where it is upright."""
        return self.size * self.matrix[3]

    @property
    def upright(self) -> bool:
        """Read from left to right, not turned, not mirrored, and large enough?"""
        a, b, c, d, _, _ = self.matrix
        if (a, b, c, d) == _STRAIGHT:
            return self.size >= LEAST_SIZE
        grown = multiply((self.size, 0.0, 0.0, self.size, 0.0, 0.0), self.matrix)
        return self.size > 0 and a > abs(b) and d > abs(c) and is_legible(grown, LEAST_SIZE)

    @property
    def reach(self) -> Box:
        """The box it takes; there is a glyph."""
        found = self._reach
        if found is None:
            last = len(self.places) - 1
            if self.places[0][1] == self.places[last][1] and self.matrix[:4] == _STRAIGHT:
                ends = [self.at(0, 0.0, -0.1), self.at(last, self.width(last), 0.85)]
            else:
                ends = [self.at(n, x, y) for n in range(last + 1) for x in (0.0, self.width(n)) for y in (-0.1, 0.85)]
            found = self._reach = box_of(ends)
        return found


_STRAIGHT: Final = (1.0, 0.0, 0.0, 1.0)


@lru_cache(maxsize=8192)
def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


@dataclass(frozen=True)
class Paint(painted.Paint):
    """一处着色; the outline as AbbreviatedData (9.1)."""

    opacity: float = 1.0

    def trace(self) -> list[list[Point]]:
        return _outlines(self.outline)

    @cached_property
    def unclipped(self) -> Paint:
        """The same for a reader that does not clip at the object's box."""
        return Paint(self.order, self.outline, self.matrix, self.colour, even_odd=self.even_odd,
                     width=self.width, opacity=self.opacity)  # fmt: skip


@dataclass(slots=True)
class Layer:
    """图层: what one draws, in its order."""

    rank: int
    """Where it belongs: 0 at the back, 2 in front; -1: it cannot be told."""
    runs: list[Run] = field(default_factory=list)
    paints: list[Paint] = field(default_factory=list)
    lines: list[Paint] = field(default_factory=list)
    """Thin ones."""
    count: int = 0
    _similar: dict[Colour, list[Paint]] = field(default_factory=dict)
    _solid: list[Run] | None = None
    _shown: dict[str, frozenset[str]] | None = None

    @property
    def solid(self) -> list[Run]:
        """Texts that hide another beneath them; watermarks are fainter."""
        if self._solid is None:
            self._solid = [one for one in self.runs if one.opacity >= _SOLID and one.places]
        return self._solid

    @property
    def shown(self) -> dict[str, frozenset[str]]:
        """Font → the characters that are drawn with it."""
        if self._shown is None:
            found: dict[str, set[str]] = {}
            for run in self.runs:
                found.setdefault(run.font, set()).update(run.text)
            self._shown = {font: frozenset(chars) for font, chars in found.items()}
        return self._shown

    def similar(self, colour: Colour) -> list[Paint]:
        """Areas on which that colour could not be read, or which let through what is below."""
        found = self._similar.get(colour)
        if found is None:
            found = [one for one in self.paints if one.opacity < 1 or alike(one.colour, colour)]
            if len(self._similar) < 64:
                self._similar[colour] = found
        return found


def read_layers(root: Any, resources: Resources) -> list[Layer]:
    """The layers of a page or template, as they follow each other. Raises ``ValueError``."""
    layers = []
    for content in children(root, "Content"):
        for element in children(content, "Layer"):
            layer = Layer(_RANKS.get((element.get("Type") or "Body").strip(), -1))
            _Walk(layer, resources).read(element, resources.parameters_of(element.get("DrawParam")))
            layers.append(layer)
    return layers


def read_appearance(element: Any, resources: Resources) -> Layer:
    """What an annotation shows (15.2). Raises ``ValueError``."""
    layer = Layer(2)
    left, top, width, height = numbers(element.get("Boundary"), 4)
    _Walk(layer, resources, (left, top), (left, top, left + width, top + height)).read(element, PLAIN)
    return layer


@dataclass(slots=True)
class _Walk:
    """One pass over a layer."""

    layer: Layer
    resources: Resources
    origin: Point = (0.0, 0.0)
    frame: Box | None = None

    def read(self, element: Any, parameters: Parameters, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise ValueError("page blocks")
        for one in element:
            kind = local_name(one)
            self.layer.count += 1
            if self.layer.count > _MOST_OBJECTS:
                raise ValueError("too many objects")
            if kind == "TextObject":
                self.layer.runs.append(self._text(one, parameters))
            elif kind == "PathObject":
                self._path(one, parameters)
            elif kind in ("ImageObject", "CompositeObject"):
                self._picture(one)
            elif kind == "PageBlock":
                self.read(one, self._parameters(one, parameters), depth + 1)

    def _parameters(self, element: Any, parameters: Parameters) -> Parameters:
        named = element.get("DrawParam")
        return self.resources.parameters_of(named, parameters) if named else parameters

    def _box(self, element: Any) -> Box:
        """``Boundary`` on the page."""
        left, top, width, height = numbers(element.get("Boundary"), 4)
        left, top = left + self.origin[0], top + self.origin[1]
        return left, top, left + width, top + height

    # ---- texts

    def _text(self, element: Any, parameters: Parameters) -> Run:
        attributes = dict(element.attrib)
        own = self.resources.over(element, self._parameters(element, parameters))
        frame = self._box(element)
        size = number(attributes.get("Size", "0"))
        matrix = _matrix(attributes, frame)
        text, places, odd, chosen = _placed(element, size)
        odd = odd or not _is_usual(attributes)
        own_opacity = opacity_of(element) if "Alpha" in attributes else 1.0
        return Run(
            self.layer.count,
            (attributes.get("ID") or f"#{self.layer.count}").strip(),
            text,
            (attributes.get("Font") or "").strip(),
            size,
            matrix,
            places,
            own.fill.colour,
            own.fill.opacity * own_opacity,
            frame if self.frame is None else common(frame, self.frame),
            odd,
            chosen,
        )

    # ---- areas

    def _path(self, element: Any, parameters: Parameters) -> None:
        own = self.resources.over(element, self._parameters(element, parameters))
        frame = self._box(element)
        matrix, opacity = _matrix(element, frame), opacity_of(element)
        outline = "".join(one.text or "" for one in children(element, "AbbreviatedData")).encode()
        even_odd = (element.get("Rule") or "NonZero").strip() != "NonZero"
        if flag(element.attrib, "Fill", default=False):
            self._add(outline, matrix, own.fill, opacity, frame, even_odd=even_odd)
        if flag(element.attrib, "Stroke", default=True):
            self._add(outline, matrix, own.stroke, opacity, frame, width=own.width)

    def _add(
        self, outline: bytes, matrix: Matrix, ink: Ink, opacity: float, frame: Box, *,
        even_odd: bool = False, width: float = 0.0,
    ) -> None:  # fmt: skip
        thin = width > 0 and width * scale_of(matrix) <= _THIN
        (self.layer.lines if thin else self.layer.paints).append(
            Paint(self.layer.count, outline, matrix, ink.colour, even_odd=even_odd, width=width, frame=frame,
                  opacity=ink.opacity * opacity)
        )  # fmt: skip

    def _picture(self, element: Any) -> None:
        """A picture, or a composite: what it shows cannot be told, of a composite not even how far it reaches."""
        frame = self._box(element)
        left, top, right, bottom = frame
        places = [(right - left, 0.0, 0.0, bottom - top, left, top)]
        if element.get("CTM") is not None:
            own = _matrix(element, frame)
            places = [own] if local_name(element) == "ImageObject" else [*places, own]
        for place in places:
            self._add(b"M 0 0 L 1 0 L 1 1 L 0 1 C", place, Ink(None), opacity_of(element), frame)


def _matrix(element: Any, frame: Box) -> Matrix:
    """From the object's units to the page."""
    stated = element.get("CTM")
    a, b, c, d, e, f = numbers(stated, 6) if stated is not None else IDENTITY
    return a, b, c, d, e + frame[0], f + frame[1]


def _is_usual(attributes: Any) -> bool:
    """Is it filled, drawn, and nothing else said that would show it otherwise?"""
    return (
        set(attributes) <= _OWN
        and all(number(attributes[name]) == usual for name, usual in _USUAL if name in attributes)
        and flag(attributes, "Visible", default=True)
        and flag(attributes, "Fill", default=True)
        and not flag(attributes, "Stroke", default=False)
    )


def _placed(element: Any, size: float) -> tuple[str, list[Point], bool, bool]:
    """``(text, place of each character, whether it is read otherwise than it stands, whether glyphs are chosen)``."""
    if len(element) == 1 and local_name(element[0]) == "TextCode":  # as most are
        text, places, right = _line(element[0], (0.0, 0.0), size)
        return text, places, not right, False
    text, odd, chosen = "", False, False
    places = []
    for one in element:
        kind = local_name(one)
        if kind == "TextCode":
            last = places[-1] if places else None
            shown, found, right = _line(one, last or (0.0, 0.0), size)
            odd = odd or not right or bool(last and found and not _follows(last, found[0], size))
            text, places = text + shown, places + found
        elif kind == "CGTransform":
            chosen = True
        elif kind not in ("FillColor", "StrokeColor"):
            odd = odd or bool(kind)
    return text, places, odd, chosen


def _line(code: Any, last: Point, size: float) -> tuple[str, list[Point], bool]:
    """``(text, place of each character, whether they follow each other as one reads)`` of one TextCode (11.3)."""
    shown = "".join(code.itertext()) if len(code) else code.text or ""
    attributes = dict(code.attrib)
    x, y = (number(attributes[name]) if name in attributes else last[axis] for axis, name in enumerate("XY"))
    if not shown:
        return shown, [], True
    across = _steps(attributes.get("DeltaX"), len(shown))
    right = len(across) == len(shown) - 1 and _PLACED.issuperset(attributes)
    wide = _WIDE * size
    if "DeltaY" not in attributes:
        if across and min(across) < wide:
            narrow = _NARROW * size
            right = right and all(
                step >= (wide if _is_wide(char) else narrow) for char, step in zip(shown, across, strict=False)
            )
        return shown, [(one, y) for one in accumulate(across, initial=x)], right
    places = [(x, y)]
    falls = _steps(attributes["DeltaY"], len(shown))
    for char, step, fall in zip(shown, across, falls, strict=False):
        x, y = x + step, y + fall
        places.append((x, y))
        if fall:  # to another line
            right = right and fall >= 0.8 * size
        else:
            right = right and step >= (wide if _is_wide(char) else _NARROW * size)
    return shown, places, right and len(falls) == len(across)


def _follows(before: Point, here: Point, size: float) -> bool:
    """Does what begins ``here`` stand behind or below what ended at ``before``?"""
    return here[1] > before[1] + 0.5 * size or (abs(here[1] - before[1]) < 0.5 * size and here[0] > before[0])


def _steps(stated: str | None, count: int) -> list[float]:
    """``DeltaX`` (11.3), at most as many as there are characters."""
    answer: list[float] = []
    words = iter((stated or "").split())
    for word in words:
        if word != "g":
            answer.append(number(word))
            continue
        times, value = int(next(words)), next(words)
        if times < 0 or len(answer) + times > count:
            raise ValueError("DeltaX")
        answer += [number(value)] * times
    if len(answer) > count:
        raise ValueError("DeltaX")
    return answer


# ---------------------------------------------------------------- outlines

_STEP = re.compile(rb"([A-Za-z])([^A-Za-z]*)")
_COUNTS: Final = {b"M": 2, b"S": 2, b"L": 2, b"Q": 4, b"B": 6, b"A": 7, b"C": 0}


@lru_cache(maxsize=2048)
def _outlines(data: bytes) -> list[list[Point]]:
    """AbbreviatedData as polygons in its own units; curves by a few points."""
    done: list[list[Point]] = []
    here: list[Point] = []
    for word, rest in _STEP.findall(data):
        if word in b"eE":
            raise ValueError("path")
        values = numbers(rest.decode(), _COUNTS[word]) if word in _COUNTS else _refuse()
        points = list(zip(values[::2], values[1::2], strict=False))
        if word in (b"M", b"S"):
            if len(here) > 1:
                done.append([*here, here[0]])
            here = points
        elif word == b"C" or not here:
            here += here[:1] if word == b"C" else _refuse()
        elif word == b"L":
            here += points
        elif word == b"A":
            here += _arc(here[-1], values)
        else:
            here += curve([here[-1], *points])
    if len(here) > 1:
        done.append([*here, here[0]])
    return done


def _refuse() -> list[Any]:
    raise ValueError("path")


def _arc(start: Point, values: list[float]) -> Iterator[Point]:
    """An arc of an ellipse (9.3.2) by its ends, as points."""
    rx, ry, turn, large, sweep, x, y = values
    rx, ry = abs(rx), abs(ry)
    if not rx or not ry or start == (x, y):
        yield x, y
        return
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    dx, dy = (start[0] - x) / 2, (start[1] - y) / 2
    u, v = cosine * dx + sine * dy, -sine * dx + cosine * dy
    grown = math.sqrt(max(1.0, (u / rx) ** 2 + (v / ry) ** 2))
    rx, ry = rx * grown, ry * grown
    part = (rx * ry) ** 2 - (rx * v) ** 2 - (ry * u) ** 2
    factor = math.sqrt(max(0.0, part / ((rx * v) ** 2 + (ry * u) ** 2)))
    factor = factor if bool(large) != bool(sweep) else -factor
    cu, cv = factor * rx * v / ry, -factor * ry * u / rx
    first, last = math.atan2((v - cv) / ry, (u - cu) / rx), math.atan2((-v - cv) / ry, (-u - cu) / rx)
    span = last - first
    span += 2 * math.pi if sweep and span < 0 else -2 * math.pi if not sweep and span > 0 else 0.0
    for step in range(1, 13):
        angle = first + span * step / 12
        px, py = rx * math.cos(angle) + cu, ry * math.sin(angle) + cv
        yield cosine * px - sine * py + (start[0] + x) / 2, sine * px + cosine * py + (start[1] + y) / 2
