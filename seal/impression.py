"""印模: the picture of a seal, drawn from font outlines (shape after 国发〔1999〕25号 and GB/T 33481-2016).

A round seal has a ring, a five-pointed star, the name on the upper arc read from left to right with
feet towards the centre, and its registration code on the lower arc. The ground is transparent, all
ink one red in four strengths, so that a smooth 320 dpi picture takes about ten kilobytes.

    impression = round_seal("演示省市场监督管理局", "9900000000017")
    impression.picture, impression.width_mm
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from PIL import Image as Pictures

from seal.painting import Path, bounds, fill_path
from seal.typesetting import Command, FontFace, load_font
from trust.errors import Malformed

SEAL_RED = (214, 32, 38)
MAX_NAME = 40
_SMOOTH = 4
_SHADES = 4
_FULL = 360.0


@dataclass(frozen=True, slots=True)
class Impression:
    """印模: a PNG with transparent ground and its size on paper."""

    picture: bytes
    width_mm: int
    height_mm: int
    picture_type: str = "png"


@lru_cache(maxsize=64)
def round_seal(
    name: str,
    code: str = "",
    *,
    centre_text: str = "",
    size_mm: int = 42,
    dpi: int = 320,
    colour: tuple[int, int, int] = SEAL_RED,
) -> Impression:
    """圆形印模 of ``size_mm`` across; a long name is condensed, ``centre_text`` stands below the star.

    Raises ``Malformed``: ``impression.name`` (empty or over 40 characters), ``face.missing_glyph``.
    """
    if not 1 <= len(name) <= MAX_NAME or len(code) > 20 or len(centre_text) > 16:
        raise Malformed(
            "impression.name",
            "印模文字应为1至{limit}个字符（编码不超过20个、中心文字不超过16个），实为{length}个。",
            limit=MAX_NAME,
            length=len(name),
        )
    unit = size_mm / 42
    outlines = [*_ring(21.0, 1.2), *_star(7.0, -1.2 if centre_text else 0.0), *_name(name, code, centre_text)]
    outlines += _code(code)
    if centre_text:
        outlines += straight(centre_text, load_font("serif-bold"), (0.0, 12.2), 24.0, 4.0)
    moved = [_moved(path, unit, (21.0, 21.0)) for path in outlines]
    return Impression(png(moved, size_mm, size_mm, dpi, colour), size_mm, size_mm)


@lru_cache(maxsize=64)
def rectangular_seal(
    text: str,
    *,
    width_mm: int = 45,
    height_mm: int = 16,
    dpi: int = 320,
    colour: tuple[int, int, int] = SEAL_RED,
) -> Impression:
    """长方形印模: a framed text in one line, or two where that lets it stand larger.

    Raises ``Malformed``: ``impression.name``, ``face.missing_glyph``.
    """
    if not 1 <= len(text) <= MAX_NAME:
        raise Malformed(
            "impression.name",
            "印模文字应为1至{limit}个字符（编码不超过20个、中心文字不超过16个），实为{length}个。",
            limit=MAX_NAME,
            length=len(text),
        )
    width, height = float(width_mm), float(height_mm)
    paths = frame(width, height, 0.9)
    middle = (len(text) + 1) // 2
    lines = [text] if len(text) * height * 0.62 <= width * 1.5 else [text[:middle], text[middle:]]
    cell = (height - 3.2) / len(lines)
    for index, line in enumerate(lines):
        centre = (width / 2, 1.6 + cell * (index + 0.5) + 0.36 * cell * 0.86)
        paths += straight(line, load_font("serif-bold"), centre, width - 4.4, cell * 0.86)
    return Impression(png(paths, width_mm, height_mm, dpi, colour), width_mm, height_mm)


# ---------------------------------------------------------------- parts, about the centre of a 42 mm seal


def _ring(radius: float, width: float) -> list[Path]:
    outer, inner = _circle(radius - 0.1, 1), _circle(radius - 0.1 - width, -1)
    return [Path((*outer, *inner), fill=(0, 0, 0))]


def _circle(radius: float, sense: int) -> list[Command]:
    points = [_polar(radius, sense * _FULL * i / 240) for i in range(240)]
    return [("M", points[0]), *(("L", point) for point in points[1:]), ("Z", ())]


def _polar(radius: float, degrees: float) -> tuple[float, float]:
    """0° is up, angles grow clockwise."""
    angle = math.radians(degrees)
    return radius * math.sin(angle), -radius * math.cos(angle)


def _star(radius: float, down: float) -> list[Path]:
    inner = radius * math.sin(math.radians(18)) / math.sin(math.radians(126))
    points = [_polar(inner if i % 2 else radius, 36 * i) for i in range(10)]
    moved = [(x, y + down) for x, y in points]
    return [Path((("M", moved[0]), *(("L", p) for p in moved[1:]), ("Z", ())), fill=(0, 0, 0))]


def frame(width: float, height: float, line: float) -> list[Path]:
    """A rectangle's outline of ``line`` millimetres."""

    def box(edge: float, *, reverse: bool) -> list[Command]:
        corners = [(edge, edge), (width - edge, edge), (width - edge, height - edge), (edge, height - edge)]
        corners = corners[::-1] if reverse else corners
        return [("M", corners[0]), *(("L", c) for c in corners[1:]), ("Z", ())]

    return [Path((*box(0.1, reverse=False), *box(0.1 + line, reverse=True)), fill=(0, 0, 0))]


def _name(name: str, code: str, centre_text: str) -> Iterator[Path]:
    """The name on the upper arc, evenly pitched, clear of code and wide centre text; a long one is condensed."""
    face, count = load_font("serif-bold"), len(name)
    height = 5.6 if count <= 14 else 5.2 if count <= 20 else 4.8
    middle = 18.9 - height / 2
    arc = 226.0 if len(centre_text) > 3 else 276.0 if code else 320.0
    pitch = min(math.degrees(1.42 * height / middle), arc / max(count - 0.35, 1))
    share = math.radians(pitch) * (middle - 0.25 * height)
    for index, char in enumerate(name):
        stretch = min(1.0, 0.96 * share / (height * ink_width(face, char)))
        angle = (index - (count - 1) / 2) * pitch
        yield _on_arc(face, char, (height * stretch, height), middle, angle, inward=False)


def _code(code: str) -> Iterator[Path]:
    """The registration code on the lower arc, read from left to right, feet outwards."""
    face, height, middle = load_font("sans"), 1.75, 18.35
    for index, char in enumerate(code):
        angle = 180.0 - (index - (len(code) - 1) / 2) * math.degrees(1.5 / middle)
        yield _on_arc(face, char, (height, height), middle, angle, inward=True)


def _on_arc(face: FontFace, char: str, size: tuple[float, float], middle: float, angle: float, *, inward: bool) -> Path:
    """One character with the middle of its em box at ``middle`` from the centre and ``angle`` from the top."""
    half, turn = face.advance(char) / 2, math.radians(angle + (180.0 if inward else 0.0))
    level = 0.38 if face.advance(char) > 0.8 else 0.36
    sine, cosine = math.sin(turn), math.cos(turn)
    place = _polar(middle, angle)

    def move(x: float, y: float) -> tuple[float, float]:
        u, v = (x - half) * size[0], (y + level) * size[1]
        return place[0] + u * cosine - v * sine, place[1] + u * sine + v * cosine

    return Path(tuple(mapped(face.outline(char), move)), fill=(0, 0, 0))


def straight(text: str, face: FontFace, foot: tuple[float, float], width: float, height: float) -> list[Path]:
    """``text`` centred on ``foot``, condensed to ``width`` if need be."""
    ems = face.advances(text)
    stretch = min(1.0, width / (height * sum(ems)))
    gap = min(0.25 * height, (width - height * stretch * sum(ems)) / max(len(text), 1))
    x = foot[0] - (height * stretch * sum(ems) + gap * (len(text) - 1)) / 2
    paths = []
    for char, em in zip(text, ems, strict=True):

        def move(u: float, v: float, at: float = x) -> tuple[float, float]:
            return at + u * height * stretch, foot[1] + v * height

        paths.append(Path(tuple(mapped(face.outline(char), move)), fill=(0, 0, 0)))
        x += em * height * stretch + gap
    return paths


def ink_width(face: FontFace, char: str) -> float:
    """Width of the ink of ``char`` in ems, at least half an em."""
    outline = face.outline(char)
    if not outline:
        return face.advance(char)
    left, _, right, _ = bounds(outline)
    return max(right - left, 0.5)


def mapped(commands: Iterable[Command], move: Callable[[float, float], tuple[float, float]]) -> Iterator[Command]:
    for letter, values in commands:
        points = zip(values[::2], values[1::2], strict=True)
        yield letter, tuple(v for x, y in points for v in move(x, y))


def _moved(path: Path, unit: float, centre: tuple[float, float]) -> Path:
    def move(x: float, y: float) -> tuple[float, float]:
        return (x + centre[0]) * unit, (y + centre[1]) * unit

    return Path(tuple(mapped(path.commands, move)), fill=path.fill)


# ---------------------------------------------------------------- picture


def png(paths: Sequence[Path], width: float, height: float, dpi: int, colour: tuple[int, int, int]) -> bytes:
    """Paint the ink enlarged, scale it down, and write its strength as transparencies of one colour."""
    scale = dpi / 25.4
    size = (round(width * scale), round(height * scale))
    ink = Pictures.new("L", (size[0] * _SMOOTH, size[1] * _SMOOTH))
    for path in paths:
        if path.commands:
            fill_path(ink, path, scale * _SMOOTH, 255)
    shade = ink.resize(size, Pictures.Resampling.BOX).point(lambda value: (value * (_SHADES - 1) + 127) // 255)
    picture = Pictures.frombytes("P", size, shade.tobytes())
    picture.putpalette(list(colour) * _SHADES)
    out = BytesIO()
    alphas = bytes(255 * i // (_SHADES - 1) for i in range(_SHADES))
    picture.save(out, "PNG", bits=2, transparency=alphas, dpi=(dpi, dpi), optimize=True)
    return out.getvalue()
