"""PDF 页面内容: which texts and which paint does a content stream put where (ISO 32000-1, clauses 8 and 9)?

    drawing = read_drawing(page)
    drawing.runs, drawing.can_be_seen(run)

Only what decides whether a text can be seen is read: places, colours, opacity, clipping, and areas painted before and
after; thin lines only where many of them could hide a text. What a stream draws depends on its octets alone, so the
background that all licences of a type share is read once. Literal strings and inline images are not of our writing and
end the reading.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from pyhanko.pdf_utils import generic

from verify import painted
from verify.geometry import (
    BLACK,
    IDENTITY,
    WHITE,
    Box,
    Colour,
    Matrix,
    Point,
    alike,
    box_of,
    colour_of,
    common,
    curve,
    holds,
    is_legible,
    meet,
    moved,
    multiply,
    scale_of,
    within,
)
from verify.painted import HEIGHTS, OPAQUE, Budget, Look, is_seen
from verify.pdf.opening import items, look

LEAST_SIZE: Final = 1.5
"""Points, in either direction."""
_THIN: Final = 3.0
"""Points: a line up to this width hides no text by itself; many together may."""
_MOST_BACK: Final = 0.3
"""Ems between two glyphs that may be taken back: more, and they could stand in another order than they are read in."""
_MOST_EVENTS: Final = 60_000
_MOST_OCTETS: Final = 8 << 20

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)"
_TOKEN = re.compile(
    rb"\s+|%[^\r\n]*"
    rb"|(?P<path>(?:(?:(?:N\s+){4}(?:re|v|y)|(?:N\s+){2}[ml]|(?:N\s+){6}c|h)\s+)+)".replace(b"N", _NUMBER)
    + rb"|(?P<hex><[0-9A-Fa-f\s]*>)|(?P<open><<|\[)|(?P<close>>>|\])"
    rb"|(?P<name>/[^\s<>\[\]()/%]*)|(?P<number>" + _NUMBER + rb")|(?P<word>[A-Za-z'\"][A-Za-z0-9*'\"]*)"
)
_Operands = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Run:
    """一段文字: what one operator shows."""

    order: int
    mark: int | None
    """MCID of the innermost marked content that has one."""
    artifact: str
    """``Subtype`` of the artifact it stands in, ``""`` where it is none."""
    shown: tuple[bytes, ...]
    """The strings, hexadecimal."""
    font: bytes
    matrix: Matrix
    """From ems to the page."""
    extent: float
    """Ems to the left edge of the last glyph, if every glyph were as wide as it is high."""
    gaps: float
    """Ems that are taken back between glyphs."""
    mode: int
    colour: Colour | None
    """``None``: it cannot be told."""
    states: tuple[bytes, ...]
    """Names of the graphics states that apply."""
    clip: tuple[Paint, ...]
    optional: bool
    """It stands in optional content."""


@dataclass(frozen=True)
class Paint(painted.Paint):
    """一处着色; the outline in path construction operators (8.5.2)."""

    states: tuple[bytes, ...] = ()
    """Names of the graphics states that apply."""
    name: bytes = b""
    """Of the XObject."""

    def trace(self) -> list[list[Point]]:
        return _outlines(self.outline)


@dataclass(slots=True)
class _State:
    """Graphics state, as far as it decides what can be seen."""

    matrix: Matrix = IDENTITY
    fill: Colour | None = BLACK
    stroke: Colour | None = BLACK
    width: float = 1.0
    clip: tuple[Paint, ...] = ()
    states: tuple[bytes, ...] = ()
    font: bytes = b""
    size: float = 0.0
    mode: int = 0
    stretch: float = 1.0
    rise: float = 0.0
    leading: float = 0.0


@dataclass(slots=True)
class _Reader:
    """One pass over a stream."""

    runs: list[Run] = field(default_factory=list)
    paints: list[Paint] = field(default_factory=list)
    lines: list[Paint] = field(default_factory=list)
    """Thin ones."""
    state: _State = field(default_factory=_State)
    saved: list[_State] = field(default_factory=list)
    marks: list[tuple[int | None, str, bool]] = field(default_factory=list)
    text: Matrix = IDENTITY
    line: Matrix = IDENTITY
    outline: list[bytes] = field(default_factory=list)
    clipping: bytes = b""
    order: int = 0

    def read(self, data: bytes) -> None:
        operands: _Operands = []
        place = 0
        while place < len(data):
            match = _TOKEN.match(data, place)
            if match is None:
                raise ValueError(f"content stream at {place}")
            place = match.end()
            kind = match.lastgroup
            if kind == "word":
                self.operate(match.group(), operands)
                operands = []
            elif kind == "path" and not operands:
                self.outline.append(match.group())
            elif kind == "path":
                raise ValueError("path operands")
            elif kind:
                operands.append((kind, match.group()))
        if operands:
            raise ValueError("operands without operator")

    @property
    def balanced(self) -> bool:
        """Does it leave everything as it was?"""
        return not self.saved and not self.marks and not self.outline and self.state == _State()

    def operate(self, word: bytes, operands: _Operands) -> None:
        self.order += 1
        if self.order > _MOST_EVENTS:
            raise ValueError("content stream too long")
        act = _ACTS.get(word)
        if act is not None:
            act(self, operands)
        elif word not in _HARMLESS:
            raise ValueError(f"operator {word[:16]!r}")

    # ---- graphics state

    def save(self, _operands: _Operands) -> None:
        self.saved.append(replace(self.state))

    def restore(self, _operands: _Operands) -> None:
        self.state = self.saved.pop() if self.saved else self.state

    def concatenate(self, operands: _Operands) -> None:
        self.state.matrix = multiply(_matrix(operands), self.state.matrix)

    def enter_state(self, operands: _Operands) -> None:
        self.state.states = (*self.state.states, operands[-1][1])

    def set_width(self, operands: _Operands) -> None:
        self.state.width = _numbers(operands)[-1]

    # ---- colour

    def set_fill(self, operands: _Operands) -> None:
        self.state.fill = colour_of(_numbers(operands))

    def set_stroke(self, operands: _Operands) -> None:
        self.state.stroke = colour_of(_numbers(operands))

    def lose_fill(self, _operands: _Operands) -> None:
        self.state.fill = None

    def lose_stroke(self, _operands: _Operands) -> None:
        self.state.stroke = None

    # ---- paths

    def paint(self, *, fill: bool, stroke: bool, even_odd: bool = False) -> None:
        outline, state = b"".join(self.outline), self.state
        if outline and fill:
            self.paints.append(
                Paint(self.order, outline, state.matrix, state.fill, state.clip, even_odd, states=state.states)
            )
        if outline and stroke:
            thick = state.width * scale_of(state.matrix) > _THIN
            line = Paint(
                self.order, outline, state.matrix, state.stroke, state.clip, width=state.width, states=state.states
            )
            (self.paints if thick else self.lines).append(line)
        self.end_path()

    def end_path(self) -> None:
        if self.clipping:
            outline, even_odd = b"".join(self.outline), self.clipping == b"W*"
            area = Paint(self.order, outline, self.state.matrix, None, even_odd=even_odd)
            self.state.clip = (*self.state.clip, area)
        self.outline, self.clipping = [], b""

    def clip(self, _operands: _Operands) -> None:
        self.clipping = b"W"

    def clip_even_odd(self, _operands: _Operands) -> None:
        self.clipping = b"W*"

    def picture(self, operands: _Operands) -> None:
        """An XObject: what it shows cannot be told."""
        state, name = self.state, operands[-1][1]
        self.paints.append(
            Paint(self.order, b"0 0 1 1 re ", state.matrix, None, state.clip, states=state.states, name=name)
        )

    def shade(self, _operands: _Operands) -> None:
        state = self.state
        self.paints.append(Paint(self.order, b"", IDENTITY, None, state.clip, whole=True, states=state.states))

    # ---- text

    def begin_text(self, _operands: _Operands) -> None:
        self.text = self.line = IDENTITY

    def set_font(self, operands: _Operands) -> None:
        self.state.font, self.state.size = operands[-2][1], float(operands[-1][1])

    def set_mode(self, operands: _Operands) -> None:
        self.state.mode = int(operands[-1][1])

    def set_stretch(self, operands: _Operands) -> None:
        self.state.stretch = _numbers(operands)[-1] / 100

    def set_rise(self, operands: _Operands) -> None:
        self.state.rise = _numbers(operands)[-1]

    def set_spacing(self, operands: _Operands) -> None:
        if any(_numbers(operands)):
            raise ValueError("spacing")  # moves every glyph; our writer states the places one by one

    def set_leading(self, operands: _Operands) -> None:
        self.state.leading = _numbers(operands)[-1]

    def place_text(self, operands: _Operands) -> None:
        self.text = self.line = _matrix(operands)

    def move_text(self, operands: _Operands) -> None:
        x, y = _numbers(operands)[-2:]
        self.text = self.line = multiply((1.0, 0.0, 0.0, 1.0, x, y), self.line)

    def move_and_lead(self, operands: _Operands) -> None:
        self.state.leading = -_numbers(operands)[-1]
        self.move_text(operands)

    def next_line(self, _operands: _Operands) -> None:
        self.text = self.line = multiply((1.0, 0.0, 0.0, 1.0, 0.0, -self.state.leading), self.line)

    def show(self, operands: _Operands) -> None:
        state = self.state
        if state.mode > 3:
            raise ValueError("text as clipping path")
        shown = tuple(token[1:-1] for kind, token in operands if kind == "hex")
        if any(kind == "number" and float(token) > 1000 * _MOST_BACK for kind, token in operands):
            raise ValueError("glyphs upon each other")
        moved = sum(float(token) for kind, token in operands if kind == "number") / 1000
        glyphs = sum(len(one) // 4 for one in shown)
        own: Matrix = (state.size * state.stretch, 0.0, 0.0, state.size, 0.0, state.rise)
        matrix = multiply(own, multiply(self.text, state.matrix))
        mark = next((one for one, _, _ in reversed(self.marks) if one is not None), None)
        artifact = next((name for _, name, _ in reversed(self.marks) if name), "")
        optional = any(hidden for _, _, hidden in self.marks)
        self.runs.append(
            Run(self.order, mark, artifact, shown, state.font, matrix, max(0.0, glyphs - 1 - moved), moved, state.mode,
                state.fill, state.states, state.clip, optional)
        )  # fmt: skip
        self.text = multiply((1.0, 0.0, 0.0, 1.0, (glyphs - moved) * state.size * state.stretch, 0.0), self.text)

    def show_next(self, operands: _Operands) -> None:
        self.next_line([])
        self.show(operands)

    # ---- marked content

    def begin_marked(self, operands: _Operands) -> None:
        names = [token for kind, token in operands if kind == "name"]
        tag = names[0] if names else b""
        mark = artifact = None
        for index, (kind, token) in enumerate(operands[:-1]):
            if kind == "name" and token == b"/MCID":
                mark = int(operands[index + 1][1])
            elif kind == "name" and token == b"/Subtype" and tag == b"/Artifact":
                artifact = operands[index + 1][1].decode("latin-1")[1:]
        self.marks.append((mark, artifact or ("-" if tag == b"/Artifact" else ""), tag == b"/OC"))

    def end_marked(self, _operands: _Operands) -> None:
        if self.marks:
            self.marks.pop()


def _painting(*, fill: bool, stroke: bool, even_odd: bool = False) -> Any:
    return lambda reader, _operands: reader.paint(fill=fill, stroke=stroke, even_odd=even_odd)


_ACTS: Final[dict[bytes, Any]] = {
    b"q": _Reader.save, b"Q": _Reader.restore, b"cm": _Reader.concatenate, b"gs": _Reader.enter_state,
    b"w": _Reader.set_width, b"rg": _Reader.set_fill, b"g": _Reader.set_fill, b"k": _Reader.set_fill,
    b"RG": _Reader.set_stroke, b"G": _Reader.set_stroke, b"K": _Reader.set_stroke,
    b"cs": _Reader.lose_fill, b"sc": _Reader.lose_fill, b"scn": _Reader.lose_fill,
    b"CS": _Reader.lose_stroke, b"SC": _Reader.lose_stroke, b"SCN": _Reader.lose_stroke,
    b"f": _painting(fill=True, stroke=False), b"F": _painting(fill=True, stroke=False),
    b"f*": _painting(fill=True, stroke=False, even_odd=True),
    b"S": _painting(fill=False, stroke=True), b"s": _painting(fill=False, stroke=True),
    b"B": _painting(fill=True, stroke=True), b"b": _painting(fill=True, stroke=True),
    b"B*": _painting(fill=True, stroke=True, even_odd=True), b"b*": _painting(fill=True, stroke=True, even_odd=True),
    b"n": _painting(fill=False, stroke=False), b"W": _Reader.clip, b"W*": _Reader.clip_even_odd,
    b"Do": _Reader.picture, b"sh": _Reader.shade,
    b"BT": _Reader.begin_text, b"Tf": _Reader.set_font, b"Tr": _Reader.set_mode, b"Tz": _Reader.set_stretch,
    b"Ts": _Reader.set_rise, b"TL": _Reader.set_leading, b"Tc": _Reader.set_spacing,
    b"Tw": _Reader.set_spacing, b"Tm": _Reader.place_text, b"Td": _Reader.move_text,
    b"TD": _Reader.move_and_lead, b"T*": _Reader.next_line, b"TJ": _Reader.show, b"Tj": _Reader.show,
    b"'": _Reader.show_next, b'"': _Reader.show_next,
    b"BDC": _Reader.begin_marked, b"BMC": _Reader.begin_marked, b"EMC": _Reader.end_marked,
}  # fmt: skip
_HARMLESS: Final = frozenset(
    {b"ET", b"J", b"j", b"M", b"d", b"i", b"ri", b"MP", b"DP", b"BX", b"EX", b"true", b"false", b"null"}
)


# ---------------------------------------------------------------- one page


_Near = tuple[list[Paint], list[Paint]]
"""What lies near a text: below it, above it."""


class Drawing:
    """一页的内容: texts and paint in their order."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.runs: list[Run] = []
        self.paints: list[Paint] = []
        self.lines: list[Paint] = []
        self.box = _page_box(page)
        self._looks: dict[bytes, Callable[[Look], Look]] = {}
        self._widths: dict[bytes, dict[int, float]] = {}
        self._budget = Budget()
        for stream in _streams(page):
            runs, paints, lines = stream
            last: list[Run | Paint] = [*self.runs[-1:], *self.paints[-1:], *self.lines[-1:]]
            first = max((one.order for one in last), default=0)
            self.runs += [replace(one, order=one.order + first) for one in runs] if first else runs
            self.paints += [replace(one, order=one.order + first) for one in paints] if first else paints
            self.lines += [replace(one, order=one.order + first) for one in lines] if first else lines
        forms = _forms(page) if any(one.name for one in self.paints) else frozenset()
        if forms:  # a form draws anywhere, whatever the place it is called at
            self.paints = [replace(one, whole=one.whole or one.name in forms) for one in self.paints]

    def can_be_seen(self, run: Run) -> bool:
        """Is it drawn, on the page, large enough, in a colour that differs from the ground, and not painted over?"""
        look = self._look(run.states)
        plain = run.mode == 0 and run.colour is not None and look.plain and not run.optional
        if not plain or not is_legible(run.matrix, LEAST_SIZE):
            return False
        self._budget.spend(len(self.paints))
        reach = box_of(_reach(run, run.extent))
        near = [one for one in self.paints if meet(one.box, reach)]
        exact = bool(run.clip) or not holds(self.box, reach)
        # What differs from the text as much as the paper does cannot hide it by lying below it.
        near = [one for one in near if one.order > run.order or one.states or alike(one.colour, run.colour)]
        if any(one.order < run.order for one in near) or alike(WHITE, run.colour):
            near = [one for one in self.paints if meet(one.box, reach)]
        exact = exact or bool(near)
        # Reading widths takes long: where nothing there could hide it, the first half of the run speaks for all of it.
        extent = max(0.0, self._width(run) - run.gaps) if exact else run.extent * 0.4
        over = [one for one in self.lines[self._later(run) :] if meet(one.box, reach)]
        parts = [one for one in near if one.order < run.order], [one for one in near if one.order > run.order]
        if not over and not parts[1]:
            places = sorted({0.0, extent / 2, extent})
            return all(self._seen_at(run, moved(run.matrix, (x + 0.3, 0.35)), look.opacity, parts) for x in places)
        return all(self._glyph_seen(run, x + 0.3, look.opacity, parts, over) for x in self._places(run))

    def _later(self, run: Run) -> int:
        """Number of the first thin line that is drawn after ``run``."""
        return bisect_right(self.lines, run.order, key=lambda one: one.order)

    def _glyph_seen(self, run: Run, x: float, opacity: float, parts: _Near, over: Sequence[Paint]) -> bool:
        """Is nothing of the glyph under paint, and not all of it under lines?"""
        self._budget.spend(len(over) + sum(map(len, parts)))
        points = [moved(run.matrix, (x, y)) for y in HEIGHTS]
        bare = any(not any(line.covers(point) for line in over) for point in points)
        return bare and all(self._seen_at(run, point, opacity, parts) for point in points)

    def _places(self, run: Run) -> Iterator[float]:
        """Ems to the left edge of each glyph."""
        count = max(1, sum(len(one) // 4 for one in run.shown))
        extent = max(0.0, self._width(run) - run.gaps)
        for number in range(2 * count - 1):
            yield extent * number / max(1, 2 * count - 2)

    def opacity_of(self, run: Run) -> float:
        """How opaque a run is drawn, 0 where that cannot be told or it is not drawn at all."""
        look = self._look(run.states)
        drawn = run.mode == 0 and run.colour is not None and look.plain and not run.optional and not run.clip
        return look.opacity if drawn else 0.0

    def is_inside(self, run: Run) -> bool:
        """Is the whole run on the page, and upright or turned but not squeezed?"""
        matrix = run.matrix
        sizes = math.hypot(matrix[0], matrix[1]), math.hypot(matrix[2], matrix[3])
        extent = max(0.0, self._width(run) - run.gaps) + 0.5
        ends = (moved(matrix, (0.0, 0.0)), moved(matrix, (extent, 0.0)))
        return all(within(self.box, end) for end in ends) and 0.9 < sizes[0] / max(sizes[1], 1e-9) < 1.1

    def _width(self, run: Run) -> float:
        """Ems to the left edge of the last glyph, by the font's own widths."""
        widths = self._widths.get(run.font)
        if widths is None:
            widths = self._widths[run.font] = _widths(self.page, run.font)
        codes = [int(one[n : n + 4], 16) for one in run.shown for n in range(0, len(one) - 3, 4)]
        return sum(widths.get(code, 1.0) for code in codes[:-1])

    def _seen_at(self, run: Run, point: Point, opacity: float, parts: _Near) -> bool:
        return within(self.box, point) and is_seen(point, run, opacity, self, *parts)

    def look_of(self, paint: painted.Paint) -> Look:
        """How opaque an area of this page is."""
        return self._look(paint.states) if isinstance(paint, Paint) else OPAQUE

    def _look(self, names: Sequence[bytes]) -> Look:
        """All graphics states in force together; a mask or mixing once entered is not taken to be left again."""
        found = OPAQUE
        for name in names:
            if name not in self._looks:
                self._looks[name] = _state_of(self.page, name)
            found = self._looks[name](found)
        return found


def read_drawing(page: Any) -> Drawing:
    """Everything a page's content draws. Raises ``ValueError`` where it cannot be read."""
    return Drawing(page)


_Parts = tuple[list[Run], list[Paint], list[Paint]]


def _streams(page: Any) -> Iterator[_Parts]:
    """Each stream by itself where it leaves everything as it was, else all of them as the one they are."""
    content = look(page, "/Contents")
    if content is None:
        return
    parts = [one.data for one in (items(content) if isinstance(content, generic.ArrayObject) else [content])]
    if sum(map(len, parts)) > _MOST_OCTETS:
        raise ValueError("content stream too long")
    read = [_read(part) for part in parts]
    if len(read) > 1 and not all(balanced for _, balanced in read):
        read = [_read(b"\n".join(parts))]
    for parts_of_page, _balanced in read:
        yield parts_of_page


@lru_cache(maxsize=64)
def _read(data: bytes) -> tuple[_Parts, bool]:
    reader = _Reader()
    reader.read(data + b"\n")
    return (reader.runs, reader.paints, reader.lines), reader.balanced


def _state_of(page: Any, name: bytes) -> Callable[[Look], Look]:
    """What entering a graphics state (8.4.5) changes."""
    resources = look(page, "/Resources")
    listed = look(resources, "/ExtGState") if isinstance(resources, generic.DictionaryObject) else None
    state = look(listed, name.decode("latin-1")) if isinstance(listed, generic.DictionaryObject) else None
    if not isinstance(state, generic.DictionaryObject):
        raise KeyError(name)
    mode, mask = look(state, "/BM", "/Normal"), look(state, "/SMask", "/None")
    plain = mode in ("/Normal", "/Compatible") and mask == "/None" and not {"/Font", "/TR", "/TR2"} & set(state)
    filled, drawn = look(state, "/ca"), look(state, "/CA")

    def enter(before: Look) -> Look:
        opacity = before.opacity if filled is None else float(filled)
        lines = before.lines if drawn is None else float(drawn)
        return Look(opacity, lines, before.plain and plain)

    return enter


def _forms(page: Any) -> frozenset[bytes]:
    """Names of XObjects that are forms, or of which it cannot be told."""
    resources = look(page, "/Resources")
    listed = look(resources, "/XObject") if isinstance(resources, generic.DictionaryObject) else None
    if not isinstance(listed, generic.DictionaryObject):
        return frozenset()
    found = (name for name in listed if look(look(listed, name), "/Subtype") != "/Image")
    return frozenset(str(name).encode("latin-1", "replace") for name in found)


def _page_box(page: Any) -> Box:
    """What of the page is shown: MediaBox and CropBox, its own or those above it (7.7.3.4)."""
    found: Box | None = None
    for key in ("/MediaBox", "/CropBox"):
        node, steps = page, 0
        while isinstance(node, generic.DictionaryObject) and steps < 32:
            corners = look(node, key)
            if isinstance(corners, generic.ArrayObject):
                x0, y0, x1, y1 = (float(one) for one in items(corners))
                box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
                found = box if found is None else common(found, box)
                break
            node, steps = look(node, "/Parent"), steps + 1
    if found is None:
        raise ValueError("MediaBox")
    return found


def _widths(page: Any, font: bytes) -> dict[int, float]:
    """Code → advance in ems, of a composite font (9.7.4.3)."""
    fonts = look(look(page, "/Resources"), "/Font")
    listed = look(look(fonts, font.decode("latin-1")), "/DescendantFonts")
    entries = list.copy(look(next(items(listed)), "/W"))
    answer: dict[int, float] = {}
    for first, widths in zip(entries[::2], entries[1::2], strict=False):
        if not isinstance(widths, generic.ArrayObject):
            return {}  # the other form: not of our writing
        for code, width in enumerate(list.__iter__(widths), int(first)):
            answer[code] = float(width) / 1000
    return answer


# ---------------------------------------------------------------- numbers


def _numbers(operands: _Operands) -> list[float]:
    return [float(token) for kind, token in operands if kind == "number"]


def _matrix(operands: _Operands) -> Matrix:
    a, b, c, d, e, f = _numbers(operands)[-6:]
    return a, b, c, d, e, f


_STEP = re.compile(rb"((?:" + _NUMBER + rb"\s+)*)(re|[mlcvyh])\s+")


@lru_cache(maxsize=2048)
def _outlines(data: bytes) -> list[list[Point]]:
    """Path construction (8.5.2) as polygons in its own units; curves by a few points."""
    done: list[list[Point]] = []
    here: list[Point] = []
    for match in _STEP.finditer(data):
        values = [float(one) for one in match[1].split()]
        word = match[2]
        if word == b"re":
            x, y, w, h = values
            done.append([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)])
        elif word == b"m":
            if len(here) > 1:
                done.append([*here, here[0]])
            here = [(values[0], values[1])]
        elif word == b"l":
            here.append((values[0], values[1]))
        elif word == b"h" and here:
            here.append(here[0])
        elif here:
            here += _curve(here[-1], word, values)
    if len(here) > 1:
        done.append([*here, here[0]])
    return done


def _curve(start: Point, word: bytes, values: list[float]) -> list[Point]:
    pairs = list(zip(values[::2], values[1::2], strict=True))
    if word == b"c":
        return curve([start, *pairs])
    return curve([start, start, *pairs] if word == b"v" else [start, *pairs, pairs[-1]])


def _reach(run: Run, extent: float) -> list[Point]:
    """The corners of the box a run takes."""
    return [moved(run.matrix, (x, y)) for x in (0.0, extent + 1) for y in (-0.1, 0.85)]
