"""副本的原件: what a copy is made of: a licence of the register, or a material the holder brought.

Whoever asks for another's is told that it is not there.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from licence_store.copying.drawing import FaceSource, PagePicture, PagesSource, shown_face
from licence_store.face import PreparedFace
from licence_store.holding.holder import NONE
from licence_store.ledger.scope import is_theirs
from licence_store.materials.views import ACTIVE
from seal.copies import Original, ShownField
from trust.algorithms import sm3
from trust.errors import Malformed, NotFound, Refused

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.holding.holder import HolderSession
    from licence_store.materials.views import MaterialView
    from licence_store.views import LicenceView

LICENCE, MATERIAL = "licence", "material"
PAGE_WIDTH: Final = 1654
"""Dots of a page picture: A4 at 200 dots per inch."""
MOST_PAGES: Final = 20
_MM_PER_DOT: Final = 25.4 / 200


@dataclass(frozen=True, slots=True)
class Opened:
    """An original, opened to be copied."""

    original: Original
    level: str
    holder_code: str
    source: FaceSource | PagesSource = field(repr=False)
    face: tuple[ShownField, ...] = ()
    pages: tuple[str, ...] = ()
    """SM3 of each page picture."""


def demand_use(who: HolderSession, type_code: str, service_item: str = "") -> None:
    """May they use it, for that item? Whoever is limited to types or items may not use what names none.

    Raises ``Refused("holder.right")``.
    """
    who.demand("use", type_code or NONE, service_item or NONE)


def is_material(item: str) -> bool:
    """Is it a material's id, not a licence's?"""
    return item.startswith("m-")


def holder_of(desk: Desk, item: str) -> str:
    """Whose it is. Raises ``NotFound("licence.unknown", "material.unknown")``, ``Malformed("identifier.*")``."""
    if is_material(item):
        return desk.materials.find(item).holder_code
    return desk.register.find(item).summary.holder_code


def open_original(desk: Desk, who: HolderSession, item: str, masked: Collection[str] = ()) -> Opened:
    """The original ``item`` (a licence's id or a material's), if it is this holder's and may be used.

    Raises ``NotFound("licence.unknown", "material.unknown")``, ``Refused("licence.not_referencable",
    "copy.material_state")``, ``Malformed("copy.mask")``, and as ``HolderSession.demand`` does.
    """
    return _material(desk, who, item, masked) if is_material(item) else _licence(desk, who, item, masked)


def own_licence(desk: Desk, who: HolderSession, licence_id: str) -> LicenceView:
    """The holder's licence, in force. Raises as ``open_original`` does."""
    view = desk.register.find(licence_id)
    if not is_theirs(who, view.summary):
        raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
    who.demand("use", view.summary.type_code)
    return desk.register.referencable(licence_id)


def _licence(desk: Desk, who: HolderSession, licence_id: str, masked: Collection[str]) -> Opened:
    view = own_licence(desk, who, licence_id)
    one, message = view.summary, view.message
    face = shown_face(message, masked)
    original = Original(
        LICENCE,
        view.licence_id,
        view.file_digest,
        desk.register.first_forms([view.licence_id]).get(view.licence_id, "ofd"),
        one.type_name,
        one.issuer_name,
        type_code=one.type_code,
        version=str(one.version),
        valid_to=one.valid_to,
        status_list=message.status_list,
        status_index=message.status_index,
    )
    return Opened(original, "A", one.holder_code, _face_of(desk, view), face)


def _face_of(desk: Desk, view: LicenceView) -> FaceSource:
    with desk.sessions.read() as session:
        definition = desk.catalogue.at(session, view.summary.type_code, view.type_version)
    return FaceSource(PreparedFace.of(definition, desk.facts.demonstration), view.message)


def _material(desk: Desk, who: HolderSession, material_id: str, masked: Collection[str]) -> Opened:
    if masked:
        raise Malformed("copy.mask_material", "材料按原样成为副本，不能遮盖字段。", field="masked")
    view = desk.materials.get(material_id, who, "content")
    who.demand("use", view.type_code or NONE)
    if view.state != ACTIVE:
        raise Refused("copy.material_state", "该材料已被替换、退回或删除，不能制作副本。")
    if view.pages > MOST_PAGES:
        raise Refused(
            "copy.material_pages", "材料有 {pages} 页，副本最多 {most} 页。", pages=view.pages, most=MOST_PAGES
        )
    original = Original(
        MATERIAL,
        view.id,
        view.digest,
        view.media_type.rpartition("/")[2],
        view.title,
        view.checked_by,
        type_code=view.type_code,
        valid_to=view.valid_until,
        check_required="yes" if view.original_check_required else "",
    )
    source = _pages_of(desk, view)
    digests = tuple(sm3(one.data).hex() for one in source.pages)
    return Opened(original, view.level, view.holder_code, source, pages=digests)


def _pages_of(desk: Desk, view: MaterialView) -> PagesSource:
    pictures = [desk.uploads.page_picture(view.upload_id, page, PAGE_WIDTH) for page in range(1, view.pages + 1)]
    return PagesSource(tuple(map(_picture, pictures)))


def source_of(desk: Desk, item: str) -> FaceSource | PagesSource:
    """What a copy of ``item`` was drawn of, for those who have that copy before them; they see what it shows.

    Raises ``NotFound("licence.unknown", "material.unknown", "upload.unknown")``.
    """
    if is_material(item):
        return _pages_of(desk, desk.materials.find(item))
    return _face_of(desk, desk.register.find(item))


def _picture(png: bytes) -> PagePicture:
    width, height = struct.unpack(">II", png[16:24])  # PNG 11.2.2: what the reader in its confinement has drawn
    return PagePicture(png, width * _MM_PER_DOT, height * _MM_PER_DOT)
