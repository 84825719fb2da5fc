"""印章外观: a seal's picture as the appearance of its field (ISO 32000-1, 12.5.5), decoded once per seal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from PIL import Image as Pictures

from seal.pdf.document import PDFPage
from seal.pdf.objects import dictionary, real, reals, reference, stream
from seal.pdf.structures import POINTS_PER_MM
from seal.placing import Box
from seal.ses import SESeal
from trust.errors import Malformed

PICTURE_OBJECTS = 2
"""Objects a picture takes: colours and transparency."""
_MOST_PIXELS = 16_000_000
_TURNS = {0: b"[1 0 0 1 0 0]", 90: b"[0 1 -1 0 0 0]", 180: b"[-1 0 0 -1 0 0]", 270: b"[0 -1 1 0 0 0]"}
"""Form matrices that keep the picture upright on a page that is turned when shown."""


@dataclass(frozen=True, slots=True)
class SealPicture:
    """印章图像, ready to be put into files."""

    width: int
    height: int
    colours: bytes
    """Deflated RGB."""
    opacity: bytes
    """Deflated, one octet a pixel."""

    def objects(self, first: int) -> dict[int, bytes]:
        """The picture as objects ``first`` and ``first + 1``."""
        size = {"Width": b"%d" % self.width, "Height": b"%d" % self.height, "BitsPerComponent": b"8"}
        head = {"Type": b"/XObject", "Subtype": b"/Image", **size, "Filter": b"/FlateDecode"}
        return {
            first: stream({**head, "ColorSpace": b"/DeviceRGB", "SMask": reference(first + 1)}, self.colours),
            first + 1: stream({**head, "ColorSpace": b"/DeviceGray"}, self.opacity),
        }


@lru_cache(maxsize=64)
def seal_picture(picture: bytes) -> SealPicture:
    """Decode a seal's picture. Raises ``Malformed("sealing.picture")`` where it is none that a PDF can show."""
    import zlib

    try:
        with Pictures.open(BytesIO(picture)) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ValueError("too many pixels")
            whole = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError) as error:
        raise Malformed("sealing.picture", "印章图像无法读取，不能显示在 PDF 上。") from error
    opacity = whole.getchannel("A")
    return SealPicture(
        whole.width,
        whole.height,
        zlib.compress(whole.convert("RGB").tobytes(), 9),
        zlib.compress(opacity.tobytes(), 9),
    )


def appearance(seal: SESeal, picture: int, page: PDFPage, clip: Box | None) -> bytes:
    """The form that shows the seal, or the part of it in ``clip``; object ``picture`` is its image."""
    left, top, width, height = clip or (0.0, 0.0, float(seal.width), float(seal.height))
    scale = POINTS_PER_MM
    box = (left * scale, (seal.height - top - height) * scale, (left + width) * scale, (seal.height - top) * scale)
    content = b"q %b 0 0 %b 0 0 cm /Im Do Q" % (real(seal.width * scale), real(seal.height * scale))
    return stream(
        {
            "Type": b"/XObject",
            "Subtype": b"/Form",
            "BBox": reals(box),
            "Matrix": _TURNS[page.rotation],
            "Resources": dictionary({"XObject": dictionary({"Im": reference(picture)})}),
        },
        content,
    )


def empty_appearance(width: float, height: float) -> bytes:
    """Nothing, for a field that waits to be sealed."""
    box = reals((0, 0, width * POINTS_PER_MM, height * POINTS_PER_MM))
    return stream({"Type": b"/XObject", "Subtype": b"/Form", "BBox": box, "Resources": b"<<>>"}, b"")
