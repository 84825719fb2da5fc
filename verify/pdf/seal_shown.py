"""印章外观 in PDF: does a seal's field show the picture in its seal, whole, in its size (ISO 32000-1, 12.5.5)?

What a reader shows is the appearance of the field, which is no part of the seal. Ours draws one picture and nothing
else (``seal.pdf.appearance``). Asked of licences and copies; what another maker's form draws cannot be told.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final

from pyhanko.pdf_utils import generic

from seal.pdf.appearance import seal_picture
from seal.pdf.structures import POINTS_PER_MM
from seal.ses import SESeal
from trust.errors import Malformed
from verify.pdf.opening import OpenedPDF, PDFSignature, has_area, items, look

_DRAWN: Final = re.compile(rb"q ([\d.]+) 0 0 ([\d.]+) 0 0 cm /(\w+) Do Q\s*")
_APART: Final = 1.0
"""Points by which a picture may be larger or smaller than the seal says."""


def wrongly_shown(opened: OpenedPDF) -> list[str]:
    """Names of the seals that are shown otherwise than they were made. Raises what a broken file makes its reader
    raise.
    """
    sealed = [(one, one.seal) for one in opened.signatures if one.seal is not None and one.visible]
    return [seal.name or seal.seal_id for one, seal in sealed if not _is_as_made(one, seal)]


def _is_as_made(signature: PDFSignature, seal: SESeal) -> bool:
    node = signature.reference
    node = node.get_object() if isinstance(node, generic.IndirectObject) else node
    kids = look(node, "/Kids")
    widgets = list(items(kids)) if isinstance(kids, generic.ArrayObject) else [node]
    return all(_shows(look(look(one, "/AP"), "/N"), one, seal) for one in widgets if has_area(one))


def _shows(form: Any, widget: Any, seal: SESeal) -> bool:
    """One place: the form, its size, the part of the picture in its box, and the picture."""
    if not isinstance(form, generic.StreamObject) or len(form.data) > 200:
        return False
    drawn = _DRAWN.fullmatch(form.data)
    if drawn is None:
        return False
    width, height = seal.width * POINTS_PER_MM, seal.height * POINTS_PER_MM
    x0, y0, x1, y1 = (float(one) for one in items(look(form, "/BBox")))
    turn = [float(one) for one in items(look(form, "/Matrix", generic.ArrayObject()))] or [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    left, bottom, right, top = (float(one) for one in items(look(widget, "/Rect")))
    shown = abs(right - left), abs(top - bottom)
    box = (x1 - x0, y1 - y0) if turn[0] else (y1 - y0, x1 - x0)
    return (
        sorted(map(abs, turn)) == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
        and turn[0] * turn[3] - turn[1] * turn[2] > 0
        and abs(float(drawn[1]) - width) <= _APART
        and abs(float(drawn[2]) - height) <= _APART
        and -_APART <= x0 < x1 <= width + _APART
        and -_APART <= y0 < y1 <= height + _APART
        and abs(shown[0] - box[0]) <= _APART
        and abs(shown[1] - box[1]) <= _APART
        and _is_picture(look(look(look(form, "/Resources"), "/XObject"), "/" + drawn[3].decode()), seal)
    )


def _is_picture(image: Any, seal: SESeal) -> bool:
    """Pixel for pixel the picture of the seal?"""
    try:
        own = seal_picture(seal.picture)
    except Malformed:
        return False
    mask = look(image, "/SMask")
    if not isinstance(image, generic.StreamObject) or not isinstance(mask, generic.StreamObject):
        return False
    plain = not {"/Decode", "/Mask", "/Matte", "/ImageMask"} & {*image, *mask}
    return (
        plain
        and _same(image, own.width, own.height, "/DeviceRGB", own.colours)
        and _same(mask, own.width, own.height, "/DeviceGray", own.opacity)
    )


def _same(image: Any, width: int, height: int, space: str, packed: bytes) -> bool:
    stated = (
        look(image, "/Width"),
        look(image, "/Height"),
        look(image, "/ColorSpace"),
        look(image, "/BitsPerComponent"),
    )
    if stated != (width, height, space, 8):
        return False
    if look(image, "/Filter") != "/FlateDecode" or "/DecodeParms" in image:
        return False
    if image.encoded_data == packed:
        return True
    pixels = zlib.decompress(packed)
    return zlib.decompressobj().decompress(image.encoded_data, len(pixels) + 1) == pixels
