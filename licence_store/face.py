"""照面: from a type's style and a data message to an unsigned OFD or PDF, and to preview pictures.

One display list paints them all (``seal.painting``). All that never changes for a type is prepared once:
background entries packed and digested, fonts ready to subset, the thumbnail's ground drawn.

    prepared = PreparedFace.of(definition, demonstration=True)
    document = draw_face(prepared, message, "https://example.test/v/1.2.156…")
    picture = render_png(prepared, message, "https://example.test/v/1.2.156…", dpi=150)
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image as Pictures
from PIL import ImageDraw

from licence_store.ornaments import draw_shapes
from licence_store.qr import qr_rows
from seal.ofd.pages import PAGE_ID, OFDTemplate
from seal.painting import Canvas, Grid, Item, Picture, Text
from seal.pdf.pages import PDFTemplate
from seal.typesetting import load_font, set_text
from trust.errors import Malformed

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.style import Style
    from seal.impression import Impression
    from seal.message import DataMessage
    from seal.ofd.unsigned import UnsignedOFD
    from seal.pdf.document import UnsignedPDF

_BAR = (138, 134, 130)
THUMBNAIL_SIDE = 240
"""Pixels of the longer side; the other follows the page."""


@dataclass(frozen=True)
class PreparedFace:
    """备好的照面: everything about one type's face that no document changes."""

    definition: LicenceTypeDefinition
    demonstration: bool
    background: tuple[Item, ...]
    """With the 样本 mark for demonstration issues."""
    annotation: tuple[Item, ...]
    template: OFDTemplate
    thumbnail: Pictures.Image

    @classmethod
    def of(cls, definition: LicenceTypeDefinition, demonstration: bool) -> PreparedFace:
        """Prepared once per type content and kept; raises ``Malformed("type.style")``."""
        key = (definition.digest, demonstration)
        with _LOCK:
            if key not in _PREPARED:
                while len(_PREPARED) >= _KEPT:
                    _PREPARED.pop(next(iter(_PREPARED)))
                _PREPARED[key] = cls._prepare(definition, demonstration)
            return _PREPARED[key]

    @classmethod
    def _prepare(cls, definition: LicenceTypeDefinition, demonstration: bool) -> PreparedFace:
        style = definition.style
        background = draw_shapes(style, _with_sample(style) if demonstration else style.background)
        annotation = draw_shapes(style, style.statement)
        fonts = sorted({box.font for box in style.boxes})
        template = OFDTemplate.prepare(style.width, style.height, background, annotation, value_fonts=fonts)
        ground = _ground(
            style, (*background, *annotation), THUMBNAIL_SIDE / max(style.width, style.height) * 25.4, smooth=6
        )
        return cls(definition, demonstration, background, annotation, template, ground)

    @cached_property
    def pdf(self) -> PDFTemplate:
        """The same for PDF, prepared when first asked for."""
        style = self.definition.style
        fonts = sorted({box.font for box in style.boxes})
        ground = (*self.background, *self.annotation)
        return PDFTemplate.prepare(style.width, style.height, ground, value_fonts=fonts)

    @property
    def seal_centre(self) -> tuple[int, float, float]:
        """``(page ID, x, y)``: where the type's style puts the middle of the seal, millimetres."""
        return PAGE_ID, *self.definition.style.seal

    def placement(self, width: float, height: float) -> tuple[int, float, float]:
        """``(page ID, x, y)`` of the top left corner of a seal picture of this size, millimetres."""
        page, x, y = self.seal_centre
        return page, x - width / 2, y - height / 2


def _with_sample(style: Style) -> tuple[Mapping[str, Any], ...]:
    """The background with the 样本 mark under its first label: it must never hide a word."""
    kinds = [shape["shape"] for shape in style.background]
    first = kinds.index("text") if "text" in kinds else len(kinds)
    return (*style.background[:first], *style.sample, *style.background[first:])


_PREPARED: dict[tuple[str, bool], PreparedFace] = {}
_LOCK = threading.Lock()
_KEPT = 64


def draw_face(prepared: PreparedFace, message: DataMessage, verify_url: str) -> UnsignedOFD:
    """照面成文: the unsigned OFD of ``message`` (GB/T 33190), its QR code leading to ``verify_url``.

    Raises ``Malformed``: ``face.text_too_long``, ``face.missing_glyph`` (both name what is wrong),
    ``face.url_too_long``, ``face.no_box``.
    """
    texts = tuple(field_texts(prepared.definition.style, message))
    content: tuple[Item, ...] = (qr_of(prepared.definition.style, verify_url), *texts)
    return prepared.template.compose(message, content, thumbnail(prepared, texts))


def draw_pdf(prepared: PreparedFace, message: DataMessage, verify_url: str) -> UnsignedPDF:
    """照面成文: the same face as unsigned PDF/A-3b; raises as ``draw_face`` does."""
    texts = tuple(field_texts(prepared.definition.style, message))
    content: tuple[Item, ...] = (qr_of(prepared.definition.style, verify_url), *texts)
    return prepared.pdf.compose(
        message, content, thumbnail=thumbnail(prepared, texts), code=f"二维码：核验地址 {verify_url}"
    )


def field_texts(style: Style, message: DataMessage) -> Iterator[Text]:
    """Each face value set in its box, line by line, in the order of the message."""
    return set_fields(style, ((value.name, value.title, value.text) for value in message.face))


def set_fields(style: Style, values: Iterable[tuple[str, str, str]]) -> Iterator[Text]:
    """``(name, title, text)`` of fields, each set in its box."""
    boxes = {box.field: box for box in style.boxes}
    for name, title, text in values:
        box = boxes.get(name)
        if box is None:
            raise Malformed("face.no_box", "样式中没有字段“{field}”的位置。", field=name)
        block = set_text(
            text, load_font(box.font), width=box.w, height=box.h, size=box.size, min_size=box.min_size,
            align=box.align, valign=box.valign, leading=box.leading, spacing=box.spacing, field=title,
        )  # fmt: skip
        for line in block.lines:
            yield Text(
                line.text,
                box.x + line.x,
                box.y + line.baseline,
                line.deltas,
                box.font,
                block.size,
                box.colour,
                box.field,
            )


def qr_of(style: Style, url: str) -> Grid:
    """二维码 at its place."""
    place = style.qr
    return Grid(qr_rows(url), place.x, place.y, place.size, place.colour)


def render_png(
    prepared: PreparedFace,
    message: DataMessage,
    verify_url: str,
    *,
    dpi: float = 96,
    seal: Impression | None = None,
) -> bytes:
    """预览图: the same face as PNG, with the seal's picture at its place if given."""
    style = prepared.definition.style
    canvas = Canvas(style.width, style.height, 1)
    canvas.scale, canvas.image = dpi / 25.4, _cached_ground(prepared, dpi).copy()
    items: list[Item] = [qr_of(style, verify_url), *field_texts(style, message)]
    if seal is not None:
        _, x, y = prepared.placement(seal.width_mm, seal.height_mm)
        items.append(Picture(seal.picture, x, y, seal.width_mm, seal.height_mm))
    return canvas.paint(items).png()


def paint_face(
    definition: LicenceTypeDefinition, message: DataMessage, verify_url: str, *, demonstration: bool, dpi: float
) -> bytes:
    """样本图: the face as PNG, of a type nobody issues yet perhaps; nothing is prepared and nothing kept.

    Raises ``Malformed("type.style")`` where it draws too much, and as ``draw_face``.
    """
    style = definition.style
    ground = draw_shapes(style, _with_sample(style) if demonstration else style.background)
    items = (*ground, *draw_shapes(style, style.statement), qr_of(style, verify_url), *field_texts(style, message))
    return Canvas(style.width, style.height, dpi).paint(items).png()


_GROUNDS: dict[tuple[str, bool, float], Pictures.Image] = {}


def _cached_ground(prepared: PreparedFace, dpi: float) -> Pictures.Image:
    key = (prepared.definition.digest, prepared.demonstration, dpi)
    with _LOCK:
        ground = _GROUNDS.get(key)
    if ground is None:
        ground = _ground(prepared.definition.style, (*prepared.background, *prepared.annotation), dpi)
        with _LOCK:
            while len(_GROUNDS) >= 8:
                _GROUNDS.pop(next(iter(_GROUNDS)))
            _GROUNDS[key] = ground
    return ground


def _ground(style: Style, items: Sequence[Item], dpi: float, *, smooth: int = 3) -> Pictures.Image:
    return Canvas(style.width, style.height, dpi, smooth=smooth).paint(items).image


# ---------------------------------------------------------------- thumbnail


def thumbnail(prepared: PreparedFace, texts: Sequence[Text]) -> bytes:
    """缩略图: the type's ground with a grey bar for each line of text, JPEG of a few kilobytes.

    At this size characters could not be read; bars look the same, cost a tenth, and show nobody's data.
    """
    picture = prepared.thumbnail.copy()
    draw = ImageDraw.Draw(picture)
    scale = picture.width / prepared.definition.style.width
    for text in texts:
        left, right = text.x * scale, (text.x + sum(text.deltas) + 0.9 * text.size) * scale
        foot = text.baseline * scale
        draw.rectangle((left, foot - 0.62 * text.size * scale, right, foot - 0.1 * text.size * scale), fill=_BAR)
    out = BytesIO()
    picture.save(out, "JPEG", quality=60)
    return out.getvalue()
