"""照片与扫描图: opened, judged, and drawn anew, so that nothing but the picture is left of the file.

Run in the confined process only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from PIL import Image as Pictures
from PIL import ImageCms, ImageFilter, ImageOps, ImageStat

from licence_store.uploads.containers import Trouble, look_at_heic, look_at_jpeg, look_at_png

Picture = Pictures.Image
_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/tiff": "TIFF"}
_LOOKS: Final = {"image/jpeg": look_at_jpeg, "image/png": look_at_png, "image/heic": look_at_heic}
_JUDGED: Final = 1000
"""Dots of the longer side at which sharpness is judged."""
_SOFTEST: Final = 7.0
"""Spread of the Laplacian in the sharpest tiles, in levels of grey; below it no line is sharp."""
_SHARP: Final = 30.0
"""From here on something is sharp, however grainy the picture."""
_TILES: Final = 10
_FEW: Final = 0.0006
"""Share of dots that differ from the ground; fewer: blank."""


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A picture file made by us."""

    media: str
    data: bytes
    sizes: Sequence[tuple[int, int]]
    dpi: int
    blank: tuple[int, ...]
    """Pages on which there is nothing."""
    blurred: tuple[int, ...]
    warnings: frozenset[str]


def redraw(data: bytes, media: str, most_pixels: int, most_pages: int) -> Redrawn:
    """Check the file's structure, decode it within the limits, write it anew. Raises ``Trouble``."""
    Pictures.MAX_IMAGE_PIXELS = None  # we ask ourselves, before anything is decoded, and say so in our words
    warnings = set(_LOOKS[media](data)) if media in _LOOKS else {"metadata_removed"}
    opened = _open(data, media, most_pixels)
    dpi = _dpi(opened.info.get("dpi"))
    frames: list[Picture] = []
    blank: list[int] = []
    blurred: list[int] = []
    for number, frame in enumerate(_frames(opened, most_pages), 1):
        _check_size(frame.size, number, most_pixels)
        picture = _plain(frame)
        frames.append(picture)
        grey = in_grey(picture)
        if is_blank(grey):
            blank.append(number)
        elif is_blurred(grey):
            blurred.append(number)
        if sum(one.width * one.height for one in frames) > 4 * most_pixels:
            raise Trouble("too_costly")
    kept = "image/jpeg" if media == "image/heic" else media
    sizes = [frame.size for frame in frames]
    written = _written(frames, kept, dpi)
    return Redrawn(kept, written, sizes, dpi, tuple(blank), tuple(blurred), frozenset(warnings))


def _open(data: bytes, media: str, most_pixels: int) -> Any:
    if media == "image/heic":
        import pi_heif

        heif = pi_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=True)
        _check_size(heif.size, 1, most_pixels)
        return heif.to_pillow()
    opened = Pictures.open(BytesIO(data), formats=(_FORMATS[media],))
    _check_size(opened.size, 1, most_pixels)
    return opened


def _frames(opened: Any, most: int) -> Iterator[Picture]:
    if opened.format != "TIFF":  # of the others we take the one picture; a PNG that moves was refused before
        yield opened
        return
    for number in range(most + 1):
        try:
            opened.seek(number)
        except EOFError:
            return
        if number == most:
            raise Trouble("pages", pages=f"> {most}", limit=most)
        yield opened


def _check_size(size: tuple[int, int], page: int, most: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Trouble("damaged")
    if width * height > most:
        raise Trouble("pixels", page=page, width=width, height=height, limit=most // 10_000)


def _plain(frame: Picture) -> Picture:
    """Upright, on a white ground, in grey or sRGB, without anything beside its dots."""
    picture = _upright(frame)
    profile = picture.info.get("icc_profile")
    if picture.mode in ("1", "L"):
        plain = picture.copy()
    elif picture.mode.startswith("I") or picture.mode == "F":
        plain = _of_deep_grey(picture)
    elif picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        solid = picture.convert("RGBA")
        plain = Pictures.new("RGB", solid.size, "white")
        plain.paste(solid, mask=solid.getchannel("A"))
    else:
        plain = _srgb(picture, profile)
    plain.load()
    plain.info.clear()
    return plain


def _upright(frame: Picture) -> Picture:
    """Turned as the camera says; where what it says cannot be read, as it is."""
    try:
        return ImageOps.exif_transpose(frame) or frame
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return frame


def _of_deep_grey(picture: Picture) -> Picture:
    """16 bits a dot become 8."""
    low, high = picture.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    scale = 255 / (65535 if high > 255 else 255)
    return picture.point(lambda value: value * scale).convert("L")


def _srgb(picture: Picture, profile: bytes | None) -> Picture:
    """Colours as a screen shows them; a profile that cannot be used is left out."""
    if profile and picture.mode in ("RGB", "CMYK") and len(profile) < 4 << 20:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return picture.convert("RGB")


def _written(frames: list[Picture], media: str, dpi: int) -> bytes:
    out = BytesIO()
    first, rest = frames[0], frames[1:]
    resolution = {"dpi": (dpi, dpi)} if dpi else {}
    if media == "image/jpeg":
        first.convert("L" if first.mode in ("1", "L") else "RGB").save(
            out, "JPEG", quality=92, subsampling=0, **resolution
        )
    elif media == "image/png":
        first.save(out, "PNG", **resolution)
    else:
        compression = "group4" if all(one.mode == "1" for one in frames) else "tiff_adobe_deflate"
        first.save(out, "TIFF", save_all=True, append_images=rest, compression=compression, **resolution)
    return out.getvalue()


def _dpi(stated: object) -> int:
    """A resolution worth keeping; what phones write (72) says nothing."""
    try:
        across = float(stated[0])  # type: ignore[index]
    except (TypeError, IndexError, ValueError, ZeroDivisionError):
        return 0
    return round(across) if 90 <= across <= 2400 else 0


def in_grey(picture: Picture) -> Picture:
    """The picture in grey, small enough to be judged."""
    grey = picture.convert("L")
    factor = max(grey.size) // (2 * _JUDGED)
    if factor > 1:
        grey = grey.reduce(factor)
    grey.thumbnail((_JUDGED, _JUDGED), Pictures.Resampling.LANCZOS)
    return grey


def is_blank(grey: Picture) -> bool:
    """Next to no dot differs from the ground, the edges left out (shadows, holes)."""
    width, height = grey.size
    inner = grey.crop((width // 25, height // 25, width - width // 25, height - height // 25))
    if 0 in inner.size:
        inner = grey
    inner = inner.filter(ImageFilter.BoxBlur(1))
    counts = inner.histogram()
    ground = _median(counts)
    others = sum(number for level, number in enumerate(counts) if abs(level - ground) > 24)
    return others < _FEW * inner.width * inner.height


def _median(counts: Sequence[int]) -> int:
    half, seen = sum(counts) / 2, 0
    for level, number in enumerate(counts):
        seen += number
        if seen >= half:
            return level
    return 255


def is_blurred(grey: Picture) -> bool:
    """Not one part of it has sharp edges: the spread of the Laplacian, tile by tile, in the sharpest twentieth.

    Grain is everywhere, lines are not: what the quietest tiles show is taken off.
    """
    laplace = grey.filter(ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128))
    across, down = max(1, grey.width // _TILES), max(1, grey.height // _TILES)
    spreads = sorted(
        ImageStat.Stat(laplace.crop((x, y, min(x + across, grey.width), min(y + down, grey.height)))).stddev[0]
        for x in range(1, grey.width - across + 1, across)
        for y in range(1, grey.height - down + 1, down)
    )
    if not spreads:
        return False
    sharpest, grain = spreads[-max(1, len(spreads) // 20)], spreads[len(spreads) // 10]
    return sharpest < _SHARP and sharpest**2 - grain**2 < _SOFTEST**2
