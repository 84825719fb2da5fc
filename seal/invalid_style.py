"""无效印章样式: how the seal of a document that was altered is shown (R074).

    invalid_style(seal.picture, seal.width, seal.height).picture

The seal loses its colour and a band with the words 无效印章 lies across it: it cannot be taken for a good one, not
in black and white and not at the size of a thumbnail. Any picture can be given, a damaged one and none included.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from io import BytesIO

from PIL import Image as Pictures

from seal.impression import SEAL_RED, Impression, mapped, straight
from seal.painting import Path, fill_path
from seal.typesetting import load_font
from trust.errors import Malformed

TEXT = "无效印章"
_DPI = 200
_SMOOTH = 3
_TILT = math.radians(-16)
_GREY = 150
_MAX_DOTS = 4 << 20
_FORMATS = ("PNG", "JPEG", "BMP", "GIF")


@lru_cache(maxsize=64)
def invalid_style(picture: bytes, width_mm: int, height_mm: int) -> Impression:
    """无效印章: ``picture`` (PNG, JPEG, BMP, GIF; anything else is left out) struck through, at the same size.

    Raises ``Malformed("impression.size")`` for a size no seal has.
    """
    if not (5 <= width_mm <= 300 and 5 <= height_mm <= 300):
        raise Malformed(
            "impression.size",
            "{kind}的尺寸应为 {expected} 毫米之一，实为 {width}×{height} 毫米。",
            kind=TEXT,
            expected="5-300",
            width=width_mm,
            height=height_mm,
        )
    size = (round(width_mm * _DPI / 25.4), round(height_mm * _DPI / 25.4))
    sheet = _faded(picture, size) or Pictures.new("RGBA", size)
    _lay(sheet, _band(width_mm, height_mm, 1.0), (255, 255, 255, 240))
    _lay(sheet, _edges(width_mm, height_mm), (*SEAL_RED, 255))
    _lay(sheet, _words(width_mm, height_mm), (*SEAL_RED, 255))
    out = BytesIO()
    sheet.quantize(32, method=Pictures.Quantize.FASTOCTREE).save(out, "PNG", dpi=(_DPI, _DPI), optimize=True)
    return Impression(out.getvalue(), width_mm, height_mm)


def _faded(picture: bytes, size: tuple[int, int]) -> Pictures.Image | None:
    """The picture in grey, its ground as clear as it was; ``None`` where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Pictures.open(BytesIO(picture), formats=_FORMATS) as opened:
                if opened.width * opened.height > _MAX_DOTS:
                    return None
                whole = opened.convert("RGBA").resize(size, Pictures.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, EOFError, Warning, Pictures.DecompressionBombError):
        return None
    ink = Pictures.new("L", size, _GREY)
    light = whole.convert("L").point(lambda value: 255 if value > 235 else _GREY)
    ink.paste(light, (0, 0))
    return Pictures.merge("RGBA", (ink, ink, ink, whole.getchannel("A")))


def _lay(sheet: Pictures.Image, paths: list[Path], colour: tuple[int, int, int, int]) -> None:
    mask = Pictures.new("L", (sheet.width * _SMOOTH, sheet.height * _SMOOTH))
    for path in paths:
        if path.commands:
            fill_path(mask, path, _DPI / 25.4 * _SMOOTH, colour[3])
    sheet.paste(Pictures.new("RGBA", sheet.size, (*colour[:3], 255)), (0, 0), mask.resize(sheet.size))


def _sizes(width: float, height: float) -> tuple[float, float]:
    """Half the band's length and half its height."""
    length = width / 2 / math.cos(_TILT) * 0.97
    return length, min(0.24 * length, 0.22 * height)


def _tilted(paths: list[Path], width: float, height: float) -> list[Path]:
    """Paths about the centre, turned and put in place."""
    sine, cosine = math.sin(_TILT), math.cos(_TILT)

    def move(x: float, y: float) -> tuple[float, float]:
        return width / 2 + x * cosine - y * sine, height / 2 + x * sine + y * cosine

    return [Path(tuple(mapped(path.commands, move)), fill=path.fill) for path in paths]


def _bar(left: float, top: float, right: float, bottom: float) -> Path:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Path((("M", corners[0]), *(("L", corner) for corner in corners[1:]), ("Z", ())), fill=(0, 0, 0))


def _band(width: float, height: float, share: float) -> list[Path]:
    length, half = _sizes(width, height)
    return _tilted([_bar(-length, -half * share, length, half * share)], width, height)


def _edges(width: float, height: float) -> list[Path]:
    length, half = _sizes(width, height)
    line = max(0.35, 0.02 * height)
    return _tilted(
        [_bar(-length, -half, length, -half + line), _bar(-length, half - line, length, half)], width, height
    )


def _words(width: float, height: float) -> list[Path]:
    length, half = _sizes(width, height)
    tall = 1.45 * half
    return _tilted(straight(TEXT, load_font("sans"), (0.0, 0.37 * tall), 1.75 * length, tall), width, height)
