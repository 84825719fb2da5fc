"""样式: how a licence looks, read from a type's ``style`` and checked before anything is drawn.

All lengths are millimetres, the origin is the page's top left corner, angles are degrees clockwise.
A style is data: shapes (with the guilloche generators of ``licence_store.ornaments``), boxes for the
face fields, the places of the QR code and the seal. What each shape may hold stands in ``SHAPES``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from licence_store.base_image import read_pictures
from trust.errors import Malformed

FONTS = ("serif", "serif-bold", "sans")
"""思源宋体常规、思源宋体粗体、思源黑体 (``seal.typesetting``)."""
ALIGNMENTS = ("left", "center", "right", "justify")
VERTICAL = ("top", "middle", "bottom")

Colour = tuple[int, int, int]

_PAINT = {"fill": "colour", "stroke": "colour", "width": "number", "rule": "rule"}
_LINE = {"stroke": "colour", "width": "number"}
SHAPES: dict[str, dict[str, str]] = {
    "path": {"d!": "path", **_PAINT},
    "rect": {"x!": "number", "y!": "number", "w!": "number", "h!": "number", "r": "number", **_PAINT},
    "line": {"points!": "points", **_LINE},
    "circle": {"at!": "point", "r!": "number", **_PAINT},
    "text": {
        "text!": "text", "x!": "number", "y!": "number", "w": "number", "align": "align", "font": "font",
        "size!": "number", "colour": "colour", "spacing": "number", "rotate": "number", "outline": "flag",
    },
    "group": {"of!": "shapes", "at": "point", "rotate": "number", "scale": "point"},
    "row": {"of!": "shapes", "from!": "point", "to!": "point", "count!": "count", "rotate": "number", "scale": "point"},
    "ring": {"of!": "shapes", "at!": "point", "count!": "count", "start": "number", "scale": "point"},
    "rosette": {"at!": "point", "radius!": "number", "harmonics!": "harmonics", "lines!": "count", **_LINE},
    "band": {"from!": "point", "to!": "point", "harmonics!": "harmonics", "lines!": "count", **_LINE},
    "loop": {
        "x!": "number", "y!": "number", "w!": "number", "h!": "number", "r!": "number",
        "harmonics!": "harmonics", "lines!": "count", **_LINE,
    },
    "field": {
        "x!": "number", "y!": "number", "w!": "number", "h!": "number", "lines!": "count",
        "harmonics!": "harmonics", **_LINE,
    },
    "picture": {"name!": "picture", "x!": "number", "y!": "number", "w!": "number", "h!": "number"},
}  # fmt: skip
"""Shape → what it takes; ``!`` marks what it must have. ``harmonics`` are ``[cycles, amplitude, turns per line]``."""

_LIMIT = {"number": 5000.0, "count": 400}
_SHAPES_MOST = 4000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PATH_TOKEN = re.compile(r"[MLQCZ]|-?\d+(?:\.\d+)?")
_PATH_TAKES = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}


@dataclass(frozen=True, slots=True)
class FieldBox:
    """文字框: where one face field is set, and how."""

    field: str
    x: float
    y: float
    w: float
    h: float
    font: str = "serif"
    size: float = 4.0
    min_size: float = 2.2
    """The smallest size a long value may shrink to; beyond it drawing refuses."""
    align: str = "left"
    valign: str = "top"
    leading: float = 1.5
    """Baseline distance in multiples of the size."""
    spacing: float = 0.0
    """Millimetres added after each character."""
    colour: Colour = (26, 26, 26)


@dataclass(frozen=True, slots=True)
class QRPlace:
    """二维码的位置: top left corner and side."""

    x: float
    y: float
    size: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Style:
    """样式, checked. ``shapes`` are as written, names of colours and groups still unresolved."""

    width: float
    height: float
    colours: Mapping[str, Colour]
    groups: Mapping[str, tuple[Mapping[str, Any], ...]]
    background: tuple[Mapping[str, Any], ...]
    sample: tuple[Mapping[str, Any], ...]
    """Added to the background of demonstration issues: the 样本 mark."""
    statement: tuple[Mapping[str, Any], ...]
    """Drawn as the page's watermark annotation."""
    boxes: tuple[FieldBox, ...]
    qr: QRPlace
    seal: tuple[float, float]
    """Centre of the seal picture."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """底图: PNG by name, for the shape ``picture``."""

    def colour(self, name: str | None) -> Colour | None:
        """A colour by its name in the style or as ``#rrggbb``."""
        return None if name is None else self.colours[name] if name in self.colours else _hex(name)


def load_style(source: Any, fields: set[str]) -> Style:
    """Check ``source`` for a type with these face ``fields``; raises ``Malformed("type.style")``."""
    if not isinstance(source, dict):
        raise _bad("style", "JSON object")
    page = _point(source.get("page"), "style.page")
    if not all(20 <= side <= 1200 for side in page):
        raise _bad("style.page", "[20…1200, 20…1200]")
    checker = _Checker(source)
    for name, group in checker.groups.items():
        checker.shapes(group, f"style.shapes.{name}")
    checker.check_depth()
    return Style(
        width=page[0],
        height=page[1],
        colours=checker.colours,
        groups={name: tuple(group) for name, group in checker.groups.items()},
        boxes=_boxes(source.get("boxes"), fields, checker, page),
        qr=_qr(source.get("qr"), checker),
        seal=_point(source.get("seal"), "style.seal"),
        background=checker.shapes(source.get("background", []), "style.background"),
        sample=checker.shapes(source.get("sample", []), "style.sample"),
        statement=checker.shapes(source.get("statement", []), "style.statement"),
        pictures=checker.pictures,
    )


def _bad(part: str, expected: str) -> Malformed:
    return Malformed("type.style", "样式的“{part}”不正确：应为{expected}。", part=part, expected=expected)


def _hex(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _number(value: Any, part: str, *, least: float = -_LIMIT["number"], most: float = _LIMIT["number"]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _bad(part, "number")
    if not least <= value <= most:
        raise _bad(part, f"{least:g}…{most:g}")
    return float(value)


def _point(value: Any, part: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise _bad(part, "[x, y]")
    return _number(value[0], part), _number(value[1], part)


def parse_path(d: str) -> list[tuple[str, tuple[float, ...]]]:
    """Path data with absolute ``M L Q C Z`` (SVG's letters) as commands; ``ValueError`` if it is anything else."""
    commands: list[tuple[str, tuple[float, ...]]] = []
    tokens = _PATH_TOKEN.findall(d)
    if _PATH_TOKEN.sub("", d).strip(" ,\n\t") or len(d) > 20000 or not tokens or tokens[0] != "M":
        raise ValueError(d[:40])
    position = 0
    while position < len(tokens):
        letter, takes = tokens[position], _PATH_TAKES.get(tokens[position], -1)
        values = tuple(float(token) for token in tokens[position + 1 : position + 1 + takes])
        if takes < 0 or len(values) != takes:
            raise ValueError(d[:40])
        commands.append((letter, values))
        position += 1 + takes
    return commands


def is_path(d: str) -> bool:
    """Is ``d`` path data ``parse_path`` takes?"""
    try:
        return bool(parse_path(d))
    except ValueError:
        return False


class _Checker:
    """Walks the shapes once; knows the style's colours and groups."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        colours, groups = source.get("colours", {}), source.get("shapes", {})
        if not isinstance(colours, dict) or not all(_COLOUR.fullmatch(str(v)) for v in colours.values()):
            raise _bad("style.colours", '{"name": "#rrggbb"}')
        if not isinstance(groups, dict) or not all(isinstance(g, list) for g in groups.values()):
            raise _bad("style.shapes", '{"name": [shapes]}')
        self.colours = {str(name): _hex(value) for name, value in colours.items()}
        self.groups: dict[str, list[Mapping[str, Any]]] = groups
        self.pictures = read_pictures(source.get("pictures", {}))
        self.count = 0

    def shapes(self, shapes: Any, part: str, depth: int = 0) -> tuple[Mapping[str, Any], ...]:
        if not isinstance(shapes, list) or depth > 6:
            raise _bad(part, "list of shapes")
        for number, shape in enumerate(shapes):
            self._shape(shape, f"{part}[{number}]", depth)
        return tuple(shapes)

    def _shape(self, shape: Any, part: str, depth: int) -> None:
        self.count += 1
        if self.count > _SHAPES_MOST:
            raise _bad(part, f"≤ {_SHAPES_MOST} shapes")
        kind = shape.get("shape") if isinstance(shape, dict) else None
        if not isinstance(kind, str) or kind not in SHAPES:
            raise _bad(f"{part}.shape", " | ".join(SHAPES))
        known = {key.rstrip("!"): (form, key.endswith("!")) for key, form in SHAPES[kind].items()}
        for key in shape:
            if key not in known and key not in ("shape", "note"):
                raise _bad(f"{part}.{key}", f"{kind}: " + ", ".join(known))
        for key, (form, needed) in known.items():
            if key in shape:
                self._value(shape[key], form, f"{part}.{key}", depth)
            elif needed:
                raise _bad(f"{part}.{key}", form)

    def _value(self, value: Any, form: str, part: str, depth: int) -> None:
        if form in ("number", "point", "count", "points", "harmonics"):
            self._quantity(value, form, part)
        elif form == "shapes":
            if not isinstance(value, str):
                self.shapes(value, part, depth + 1)
            elif value not in self.groups:
                raise _bad(part, " | ".join(self.groups))
        elif form == "colour":
            self.colour(value, part)
        elif form == "picture":
            if depth or "background" not in part or not isinstance(value, str) or value not in self.pictures:
                raise _bad(part, "style.background: " + " | ".join(self.pictures))
        elif not self._word(value, form):
            raise _bad(part, form)

    def _quantity(self, value: Any, form: str, part: str) -> None:
        if form == "number":
            _number(value, part)
        elif form == "point":
            _point(value, part)
        elif form == "count":
            _number(value, part, least=1, most=_LIMIT["count"])
        elif not isinstance(value, list) or not 1 <= len(value) <= 64:
            raise _bad(part, form)
        elif form == "points":
            for item in value:
                _point(item, part)
        else:
            for item in value:
                if not isinstance(item, list) or len(item) != 3:
                    raise _bad(part, "[[cycles, amplitude, turns per line]]")
                _number(item[0], part, least=0, most=400)
                _number(item[1], part), _number(item[2], part)

    @staticmethod
    def _word(value: Any, form: str) -> bool:
        if form == "flag":
            return isinstance(value, bool)
        if not isinstance(value, str):
            return False
        if form == "path":
            return is_path(value)
        allowed = {"align": ALIGNMENTS, "font": FONTS, "rule": ("nonzero", "even-odd")}
        return value in allowed[form] if form in allowed else 0 < len(value) <= 400

    def colour(self, value: Any, part: str) -> Colour:
        if isinstance(value, str) and (value in self.colours or _COLOUR.fullmatch(value)):
            return self.colours[value] if value in self.colours else _hex(value)
        raise _bad(part, " | ".join(self.colours) + " | #rrggbb")

    def check_depth(self) -> None:
        """Groups may use groups, but not in a circle."""
        for name in self.groups:
            self._descend(name, (name,))

    def _descend(self, name: str, seen: tuple[str, ...]) -> None:
        for used in _used(self.groups[name]):
            if used in seen or len(seen) > 6:
                raise _bad(f"style.shapes.{name}", "no circle of groups: " + " → ".join((*seen, used)))
            self._descend(used, (*seen, used))


def _used(shapes: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for shape in shapes:
        inner = shape.get("of")
        if isinstance(inner, str):
            yield inner
        elif inner:
            yield from _used(inner)


def _boxes(source: Any, fields: set[str], checker: _Checker, page: tuple[float, float]) -> tuple[FieldBox, ...]:
    if not isinstance(source, list):
        raise _bad("style.boxes", "list of boxes")
    boxes = tuple(_box(item, f"style.boxes[{n}]", checker, page) for n, item in enumerate(source))
    if sorted(box.field for box in boxes) != sorted(fields):
        raise _bad("style.boxes", "、".join(sorted(fields)))
    return boxes


def _box(item: Any, part: str, checker: _Checker, page: tuple[float, float]) -> FieldBox:
    known = set(FieldBox.__dataclass_fields__)
    if not isinstance(item, dict) or not {"field", "x", "y", "w", "h"} <= set(item) <= known:
        raise _bad(part, ", ".join(sorted(known)))
    if not isinstance(item["field"], str):
        raise _bad(f"{part}.field", "text")
    values = dict(item)
    for key in known & set(item) - {"field", "font", "align", "valign", "colour"}:
        values[key] = _number(item[key], f"{part}.{key}", least=0)
    if "colour" in item:
        values["colour"] = checker.colour(item["colour"], f"{part}.colour")
    for key, allowed in (("font", FONTS), ("align", ALIGNMENTS), ("valign", VERTICAL)):
        if item.get(key, allowed[0]) not in allowed:
            raise _bad(f"{part}.{key}", " | ".join(allowed))
    box = FieldBox(**values)
    if box.x + box.w > page[0] or box.y + box.h > page[1] or not 0.5 <= box.min_size <= box.size:
        raise _bad(part, "box inside the page, 0.5 ≤ min_size ≤ size")
    return box


def _qr(source: Any, checker: _Checker) -> QRPlace:
    if not isinstance(source, dict):
        raise _bad("style.qr", "{x, y, size}")
    x, y, size = (_number(source.get(k), f"style.qr.{k}", least=0) for k in ("x", "y", "size"))
    return QRPlace(x, y, size, checker.colour(source.get("colour", "#000000"), "style.qr.colour"))
