"""印模上传: is this picture fit to become the impression of a seal?

    impression = check_upload(data, 42, 42)

Asked is what GB/T 33481 and the makers of electronic seals ask: PNG with a transparent ground, sharp at true size,
cut close to the ink, as small as a picture that is copied into every sealed file should be. What passes is written
anew, so that nothing but the picture is left of the upload.
"""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image as Pictures

from seal.impression import Impression
from trust.errors import Malformed
from trust.i18n import N_

MAX_UPLOAD = 2 << 20
"""Bytes."""
MAX_STORED = 64 << 10
"""Bytes of the picture as it goes into the seal, and with it twice into every sealed file."""
MIN_DPI, MAX_DPI = 300, 1200
_MAX_SIDE = 4096
_CLEAR, _INK = 16, 96
"""Alpha up to which a dot counts as clear, and from which it counts as ink."""
_CORNER = 0.04
_PNG = b"\x89PNG\r\n\x1a\n"


def check_upload(data: bytes, width_mm: int, height_mm: int, *, red: bool = True) -> Impression:
    """上传印模检查: the impression made of the PNG ``data`` for a seal of this size in millimetres.

    ``red``: the ink must be red, as the seals of bodies are. Raises ``Malformed``: ``impression.upload_format``,
    ``impression.upload_size`` (bytes, dots), ``impression.upload_shape``, ``impression.upload_resolution``,
    ``impression.upload_ground``, ``impression.upload_margin``, ``impression.upload_colour``.
    """
    _check_header(data)
    picture = _decode(data)
    _check_resolution(picture.size, width_mm, height_mm)
    alpha = picture.getchannel("A")
    _check_ground(alpha)
    _check_margin(alpha)
    if red:
        _check_red(picture)
    return Impression(_written(picture, round(picture.width * 25.4 / width_mm)), width_mm, height_mm)


def _no(code: str, template: str, **params: object) -> Malformed:
    return Malformed(f"impression.upload_{code}", template, remedy="", **params)


def _check_header(data: bytes) -> None:
    """PNG, and of a size we are willing to unpack: read off its first chunk before any decoder sees it."""
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or len(data) < 33:
        raise _no("format", N_("印模图片应为 PNG 格式。"))
    if len(data) > MAX_UPLOAD:
        raise _no("size", N_("印模图片过大：{size} 字节，最多 {limit} 字节。"), size=len(data), limit=MAX_UPLOAD)
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise _no("size", N_("印模图片的边长为 {width}×{height} 像素，最多 {limit} 像素。"), width=width, height=height,
                  limit=_MAX_SIDE)  # fmt: skip
    if b"acTL" in data[:4096]:
        raise _no("format", N_("印模图片不能是动画。"))


def _decode(data: bytes) -> Pictures.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Pictures.open(BytesIO(data), formats=("PNG",)) as opened:
                clear = "A" in opened.getbands() or "transparency" in opened.info
                picture = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, Warning, Pictures.DecompressionBombError) as error:
        raise _no("format", N_("印模图片已损坏，无法读取。")) from error
    if not clear:
        raise _no("ground", N_("印模图片没有透明底色；请去掉白底，存为带透明通道的 PNG。"))
    return picture


def _check_resolution(size: tuple[int, int], width_mm: int, height_mm: int) -> None:
    across, down = size[0] * 25.4 / width_mm, size[1] * 25.4 / height_mm
    if abs(across - down) > 0.02 * max(across, down):
        raise _no(
            "shape", N_("印模图片的长宽比与印章尺寸 {width}×{height} 毫米不符。"), width=width_mm, height=height_mm
        )
    if not MIN_DPI * 0.99 <= min(across, down) <= MAX_DPI * 1.01:
        raise _no(
            "resolution",
            N_("印模图片的分辨率为 {dpi} dpi，应在 {least} 至 {most} dpi 之间。"),
            dpi=round(across),
            least=MIN_DPI,
            most=MAX_DPI,
        )


def _check_ground(alpha: Pictures.Image) -> None:
    """The ground is clear, above all in the corners, and there is some ink but not a block of it."""
    dots = alpha.width * alpha.height
    histogram = alpha.histogram()
    clear, ink = sum(histogram[: _CLEAR + 1]) / dots, sum(histogram[_INK:]) / dots
    if clear < 0.25:
        raise _no("ground", N_("印模图片的底色不透明（透明部分只占 {share}%）。"), share=round(clear * 100))
    if not 0.02 <= ink <= 0.75:
        raise _no("ground", N_("印模图片的着墨部分占 {share}%，应在 2% 至 75% 之间。"), share=round(ink * 100))


def _check_margin(alpha: Pictures.Image) -> None:
    """The ink reaches the picture's edges, so that the seal stands on paper at its true size."""
    box = alpha.point(lambda value: 255 if value >= _INK else 0).getbbox()
    left, top, right, bottom = box or (0, 0, 0, 0)
    if right - left < alpha.width * (1 - 2 * _CORNER) or bottom - top < alpha.height * (1 - 2 * _CORNER):
        raise _no("margin", N_("印模图片四周留白过多，盖出的印章会小于其尺寸；请裁切到印章边缘。"))


def _check_red(picture: Pictures.Image) -> None:
    """Is the ink, weighed by its strength, red?"""
    small = picture.resize((64, 64), Pictures.Resampling.BOX)
    red, green, blue = (0, 0, 0)
    data = small.tobytes()
    for at in range(0, len(data), 4):
        alpha = data[at + 3]
        red, green, blue = red + data[at] * alpha, green + data[at + 1] * alpha, blue + data[at + 2] * alpha
    if red <= 1.5 * max(green, blue):
        raise _no("colour", N_("印模的印色应为红色。"))


def _written(picture: Pictures.Image, dpi: int) -> bytes:
    """The picture as PNG without anything else; in fewer colours where that is needed to keep it small."""
    for colours in (0, 64, 16):
        made = picture.quantize(colours, method=Pictures.Quantize.FASTOCTREE) if colours else picture
        out = BytesIO()
        made.save(out, "PNG", dpi=(dpi, dpi), optimize=True)
        if out.tell() <= MAX_STORED:
            return out.getvalue()
    raise _no(
        "size", N_("印模图片过于复杂：压缩后仍有 {size} 字节，最多 {limit} 字节。"), size=out.tell(), limit=MAX_STORED
    )
