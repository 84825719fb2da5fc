"""底图: pictures a type's face stands on, scanned or drawn elsewhere (R021, R023).

stored = check_base_image(upload)  # PNG written anew, small enough to go into every file
pictures = read_pictures({"base": base64})  # as a type's document holds them
"""

from __future__ import annotations

import binascii
import warnings
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from PIL import Image as Pictures

from trust.errors import Malformed

MAX_UPLOAD: Final = 8 << 20
"""Bytes."""
MAX_STORED: Final = 600 << 10
"""Bytes of one picture as it goes into every file of the type."""
MAX_PICTURES: Final = 4
_MAX_SIDE, _LEAST_SIDE = 8000, 200
_STEPS = ((2400, 0), (2000, 256), (1600, 256), (1600, 64), (1200, 64), (900, 32))
"""Longest side and colours (0: all), tried until the picture is small enough."""
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def check_base_image(data: bytes) -> bytes:
    """底图上传检查: PNG or JPEG in, PNG out with nothing but the picture, on white.

    Raises ``Malformed("base_image.size", "base_image.format")``.
    """
    if len(data) > MAX_UPLOAD:
        raise _too_large(len(data), MAX_UPLOAD)
    if not data.startswith((_PNG, _JPEG)):
        raise Malformed("base_image.format", "底图应为 PNG 或 JPEG 图片。")
    picture = _decoded(data, ("PNG", "JPEG"))
    for side, colours in _STEPS:
        written = _written(picture, side, colours)
        if len(written) <= MAX_STORED:
            return written
    raise _too_large(len(written), MAX_STORED)


def _too_large(size: int, limit: int) -> Malformed:
    return Malformed("base_image.size", "底图过大：{size} 字节，最多 {limit} 字节。", size=size, limit=limit)


def read_pictures(source: Any) -> Mapping[str, bytes]:
    """The ``pictures`` of a style. Raises ``Malformed("type.style")``."""
    if not isinstance(source, dict) or len(source) > MAX_PICTURES:
        raise _bad("style.pictures", f"≤ {MAX_PICTURES} × base64 PNG")
    return {name: _read(text, f"style.pictures.{name[:40]}") for name, text in source.items()}


def _read(text: Any, part: str) -> bytes:
    if not isinstance(text, str) or len(text) > MAX_STORED * 4 // 3 + 4:
        raise _bad(part, f"base64 PNG ≤ {MAX_STORED >> 10} KB")
    return _checked(text, part)


@lru_cache(maxsize=16)
def _checked(text: str, part: str) -> bytes:
    """Decoded once for each picture: every saving of a draft reads it again."""
    try:
        data = b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise _bad(part, "base64 PNG") from None
    if not data.startswith(_PNG):
        raise _bad(part, "base64 PNG")
    try:
        _decoded(data, ("PNG",))
    except Malformed as error:
        raise _bad(part, f"base64 PNG ({error.message})") from error
    return data


def _decoded(data: bytes, formats: tuple[str, ...]) -> Pictures.Image:
    """The picture on white; its size is asked before it is unpacked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Pictures.open(BytesIO(data), formats=formats) as opened:
                if not all(_LEAST_SIDE <= side <= _MAX_SIDE for side in opened.size) or b"acTL" in data[:4096]:
                    raise Malformed(
                        "base_image.size",
                        "底图应为 {least} 至 {most} 像素见方的静态图片，实为 {width}×{height}。",
                        least=_LEAST_SIDE,
                        most=_MAX_SIDE,
                        width=opened.size[0],
                        height=opened.size[1],
                    )
                layer = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, Warning, Pictures.DecompressionBombError) as error:
        raise Malformed("base_image.format", "底图已损坏，无法读取。") from error
    ground = Pictures.new("RGB", layer.size, "white")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _written(picture: Pictures.Image, side: int, colours: int) -> bytes:
    copy = picture.copy()
    copy.thumbnail((side, side), Pictures.Resampling.LANCZOS)
    made = copy.quantize(colours) if colours else copy
    out = BytesIO()
    made.save(out, "PNG", optimize=True)
    return out.getvalue()


def _bad(part: str, expected: str) -> Malformed:
    return Malformed("type.style", "样式的“{part}”不正确：应为{expected}。", part=part, expected=expected)
