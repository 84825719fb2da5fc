"""副本成文: terms and what the original shows, to an unsigned copy with its watermark (004 五(一)3(2), T1).

drawn = draw_copy(terms, FaceSource(prepared, message), "ofd")          # of a licence
drawn = draw_copy(terms, PagesSource((PagePicture(jpeg, 210, 297),)), "pdf")    # of a material
sealer.seal(drawn.document, copy_seal, drawn.placements(copy_seal.seal))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from licence_store.face import PreparedFace
from seal.copies import MASKED, CopyTerms, ShownField
from seal.ofd.unsigned import UnsignedOFD
from seal.pdf.document import UnsignedPDF
from seal.placing import Placement
from trust.errors import Malformed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection

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

    document: UnsignedOFD | UnsignedPDF
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
    raise Unavailable("copy.drawing", "副本暂时不能绘制。")
