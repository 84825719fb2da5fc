"""副本成文: terms and what the original shows, to an unsigned copy with its watermark (004 五(一)3(2), T1).

drawn = draw_copy(terms, FaceSource(prepared, message), "ofd")          # of a licence
drawn = draw_copy(terms, PagesSource((PagePicture(jpeg, 210, 297),)), "pdf")    # of a material
sealer.seal(drawn.document, copy_seal, drawn.placements(copy_seal.seal))
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image as Pictures

from licence_store.face import PreparedFace, qr_of, set_fields
from licence_store.qr import qr_rows
from seal.copies import BAND, MASKED, CopyTerms, ShownField, band_lines, watermark_lines
from seal.ofd import copies as ofd
from seal.ofd.copies import CopyPage
from seal.ofd.unsigned import UnsignedOFD
from seal.painting import Canvas, Grid, Item, Path, Picture, Text
from seal.pdf import copies as pdf
from seal.pdf.copies import CopyPDF
from seal.placing import Placement
from seal.typesetting import Command, load_font, set_text
from seal.watermark import lay_marks, paint_marks
from trust.algorithms import sm3
from trust.errors import Malformed

if TYPE_CHECKING:
    from seal.message import DataMessage
    from seal.ses import SESeal

FORMS: Final = ("ofd", "pdf")


@dataclass(frozen=True, slots=True)
class FaceSource:
    """照面: of a licence, which is drawn anew; the original's file is not needed and never goes in."""

    prepared: PreparedFace
    message: DataMessage


@dataclass(frozen=True, slots=True)
class PagePicture:
    """页面图像: one page of a material as the confined reader has drawn it, or the photograph itself."""

    data: bytes
    """JPEG or PNG without metadata."""
    width_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True)
class PagesSource:
    """Pictures of a material's pages, in order."""

    pages: tuple[PagePicture, ...]


@dataclass(frozen=True, slots=True)
class DrawnCopy:
    """未签章的副本."""

    document: UnsignedOFD | CopyPDF
    spot: tuple[int, float, float]
    """Page id and the middle of the place for the copy seal, millimetres."""

    def placements(self, seal: SESeal) -> tuple[Placement, ...]:
        """Where the copy seal goes."""
        page, x, y = self.spot
        return (Placement(page, x - seal.width / 2, y - seal.height / 2),)


def shown_face(message: DataMessage, masked: Collection[str]) -> tuple[ShownField, ...]:
    """照面 as the copy is to show it. Raises ``Malformed("copy.mask")`` for a field the licence does not have."""
    unknown = sorted(set(masked) - {value.name for value in message.face})
    if unknown:
        raise Malformed("copy.mask", "证照没有字段“{name}”，不能遮盖。", name=unknown[0][:64])
    return tuple(
        ShownField(value.name, value.title, MASKED if value.name in masked else value.text) for value in message.face
    )


def draw_copy(terms: CopyTerms, source: FaceSource | PagesSource, form: str) -> DrawnCopy:
    """The unsigned copy as ``ofd`` or ``pdf``.

    Raises ``Malformed``: ``copy.form``, ``copy.terms``, ``copy.page`` (a picture cannot be read), ``face.*``.
    """
    if form not in FORMS:
        raise Malformed("copy.form", "副本的格式应为 ofd 或 pdf，实为“{form}”。", form=form[:40])
    terms.check()
    pages = _face_page(terms, source) if isinstance(source, FaceSource) else _picture_pages(terms, source)
    first = pages[0]
    spot = (1, first.width - 27.0, first.height - BAND / 2)
    if form == "ofd":
        return DrawnCopy(ofd.write_copy(terms, pages), spot)
    return DrawnCopy(pdf.write_copy(terms, pages), spot)


def preview_copy(terms: CopyTerms, source: FaceSource | PagesSource, *, dpi: float = 96) -> bytes:
    """预览图: the first page as PNG, before there is a copy. Raises as ``draw_copy``."""
    pages = _face_page(terms, source) if isinstance(source, FaceSource) else _picture_pages(terms, source, most=1)
    canvas = Canvas(pages[0].width, pages[0].height, dpi).paint(pages[0].items)
    paint_marks(canvas, pages[0].marks)
    return canvas.png()


# ---------------------------------------------------------------- what is shown


def _face_page(terms: CopyTerms, source: FaceSource) -> tuple[CopyPage, ...]:
    """The type's ground and the fields as the terms state them; its code leads to the copy, not to the original."""
    style = source.prepared.definition.style
    if terms.face != shown_face(source.message, terms.masked):
        raise Malformed("copy.terms", "副本条款有误：{where}。", where="face")
    width, height = max(style.width, _NARROWEST), style.height
    ground = (*source.prepared.background, *source.prepared.annotation)
    code = (qr_of(style, terms.check_url),) if terms.check_url else ()
    items = (*ground, *code, *set_fields(style, ((one.name, one.title, one.text) for one in terms.face)))
    return (_page(terms, width, height, items, first=True),)


def _picture_pages(terms: CopyTerms, source: PagesSource, most: int = 0) -> tuple[CopyPage, ...]:
    """Each picture on a page of A4, as large as fits above the band."""
    if tuple(sm3(page.data).hex() for page in source.pages) != terms.pages or not source.pages:
        raise Malformed("copy.terms", "副本条款有误：{where}。", where="pages")
    return tuple(_picture_page(terms, page, index == 0) for index, page in enumerate(source.pages[: most or None]))


def _picture_page(terms: CopyTerms, page: PagePicture, first: bool) -> CopyPage:
    if not (page.width_mm > 0 and page.height_mm > 0 and 0.05 < page.width_mm / page.height_mm < 20):
        raise _unreadable()
    _check_picture(page.data)
    width, height = (297.0, 210.0) if page.width_mm > page.height_mm else (210.0, 297.0)
    room = width, height - BAND
    scale = min(room[0] / page.width_mm, room[1] / page.height_mm)
    w, h = round(page.width_mm * scale, 2), round(page.height_mm * scale, 2)
    shown = Picture(page.data, round((room[0] - w) / 2, 2), round((room[1] - h) / 2, 2), w, h)
    return _page(terms, width, room[1], (shown,), first=first)


def _check_picture(data: bytes) -> None:
    """Is it a JPEG or PNG by its head? What it shows is decoded elsewhere, in a process of its own."""
    try:
        with Pictures.open(BytesIO(data)) as opened:
            sound = opened.format in ("JPEG", "PNG") and opened.mode in ("RGB", "L", "RGBA", "P")
    except (OSError, ValueError, SyntaxError, Pictures.DecompressionBombError) as error:
        raise _unreadable() from error
    if not sound:
        raise _unreadable()


def _unreadable() -> Malformed:
    return Malformed("copy.page", "页面图像无法读取，不能制作副本。")


def _page(terms: CopyTerms, width: float, height: float, items: Sequence[Item], *, first: bool) -> CopyPage:
    """What is shown, the band below it and the watermark over it."""
    marks = lay_marks(watermark_lines(terms), width, height)
    return CopyPage(width, height + BAND, (*items, *_band(terms, width, height, first=first)), marks)


# ---------------------------------------------------------------- the band


_INK, _RED = (38, 38, 38), (168, 24, 32)
_NARROWEST: Final = 150.0
_SEAL_ROOM: Final = 54.0


def _band(terms: CopyTerms, width: float, top: float, *, first: bool) -> Iterator[Item]:
    """用证副本, the terms in full contrast, and room for the copy seal."""
    yield Path(_box(0.0, top, width, 0.6), fill=_RED)  # no ground: some readers would draw it over the seal
    left = 6.0
    if terms.check_url:
        yield Grid(qr_rows(terms.check_url), 6.0, top + 6.0, BAND - 12.0, _INK)
        left += BAND - 12.0 + 4.0
    room = width - left - (_SEAL_ROOM if first else 6.0)
    title = set_text("用证副本", load_font("serif-bold"), width=room, height=7.0, size=4.6)
    for line in title.lines:
        yield Text(line.text, left + line.x, top + 2.2 + line.baseline, line.deltas, "serif-bold", title.size, _RED)
    if first:
        yield from _lines(terms, (left, top + 8.6), room, BAND - 10.2)


def _lines(terms: CopyTerms, corner: tuple[float, float], room: float, height: float) -> Iterator[Text]:
    """The band's lines, at the largest size at which all of them fit."""
    face, size = load_font("sans"), 3.6
    while True:
        blocks = [
            (name, set_text(words, face, width=room, height=1000.0, size=size, min_size=size))
            for name, words in band_lines(terms)
        ]
        rows = sum(len(block.lines) for _, block in blocks)
        if rows * size * _LEADING <= height:
            break
        if size < _LEAST:
            raise Malformed("copy.page_small", "页面过小，容纳不下信息加注。")
        size *= 0.96
    baseline = corner[1] + face.ASCENT * size
    for name, block in blocks:
        for line in block.lines:
            yield Text(line.text, corner[0] + line.x, baseline, line.deltas, "sans", size, _INK, name)
            baseline += size * _LEADING


_LEADING: Final = 1.36
_LEAST: Final = 1.5


def _box(x: float, y: float, w: float, h: float) -> tuple[Command, ...]:
    return (("M", (x, y)), ("L", (x + w, y)), ("L", (x + w, y + h)), ("L", (x, y + h)), ("Z", ()))
