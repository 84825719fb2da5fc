"""PDF 盖章: a seal as a visible signature field (EN 319 142-1; ISO 32000-1, 12.8), CMS or SES in its ``Contents``.

The first signature of a licence certifies it: later ones may sign and fill in, nothing else (DocMDP, P=2). Fields for
later seals are made, empty, before it does. A document somebody brings is certified only where that is asked for. The
seal object and the disclosure root stand in the signature dictionary (``seal.pdf.structures``) and so among the octets
that are signed. ``seal.sealing`` is the door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from seal import ses
from seal.materials import Material, SealedPDF, SealingMaterial, SigningMaterial
from seal.message import DISCLOSURE_ROOT_OID, DataMessage
from seal.pdf import structures
from seal.pdf.appearance import PICTURE_OBJECTS, appearance, empty_appearance, seal_picture
from seal.pdf.cades import LONGEST_SM2_VALUE, SignerParts
from seal.pdf.document import Additions, PDFPage, SealableDocument
from seal.pdf.metadata import pdf_date
from seal.pdf.objects import array, dictionary, hexed, name, reals, reference, text
from seal.pdf.slot import Slot, open_slot
from seal.placing import Placement, check_placement
from trust.algorithms import SM3
from trust.errors import Malformed, Refused

TIMESTAMP_ROOM = 6144
"""Octets kept for a time-stamp token."""
_WIDGET_FLAGS = b"132"
"""Print and Locked (12.5.3)."""


@dataclass(frozen=True, slots=True)
class EmptyField:
    """预置的签章域: a place for a later seal."""

    name: str
    placement: Placement
    width: float
    """Millimetres."""
    height: float


@dataclass(frozen=True, slots=True)
class PDFChoices:
    """PDF 盖章的选项."""

    form: str = structures.CADES
    """``CADES`` or ``SES``: what goes into ``Contents``."""
    reserve: tuple[EmptyField, ...] = ()
    """Fields to make for later seals; only before the first signature."""
    field: str = ""
    """Which empty field to fill; ``""``: a new one."""
    certify: bool | None = None
    """Is the first signature to certify the file? ``None``: a licence's does, any other document's does not, so that
    others may add theirs where they like."""
    reason: str = ""


USUAL = PDFChoices()


@dataclass(frozen=True, slots=True)
class PreparedPDF:
    """待签章: the document digested and bound into ``to_sign``; only the signature value is missing."""

    slot: Slot
    to_sign: bytes
    """What the signer signs: the signed attributes (DER) or, in the SES form, TBS_Sign."""
    certificate: bytes
    signed_at: datetime
    parts: SignerParts | None
    """``None``: the SES form."""


def prepare(
    document: SealableDocument,
    material: Material,
    placements: Sequence[Placement],
    moment: datetime,
    choices: PDFChoices = USUAL,
) -> PreparedPDF:
    """Everything before the key is needed.

    Raises ``Malformed``: ``sealing.placement``, ``sealing.picture``, ``sealing.field``; ``Refused``:
    ``sealing.one_place``, ``sealing.certified_fields``.
    """
    certificate = material.certificate.der
    chain = tuple(one.der for one in material.chain) if isinstance(material, SigningMaterial) else ()
    parts = _parts(certificate, chain) if choices.form == structures.CADES else None
    added = Additions()
    number = document.next_number
    entries = {
        "Type": b"/Sig",
        "Filter": name(structures.FILTER if parts else structures.SES_FILTER),
        "SubFilter": name(choices.form),
        "M": pdf_date(moment),
        "Name": text(material.certificate.common_name),
    }
    if choices.reason:
        entries["Reason"] = text(choices.reason)
    if isinstance(material, SealingMaterial):
        entries[structures.SEAL_KEY] = hexed(material.seal_der)
        _add_seal(document, added, number, material.seal, placements, choices)
    else:
        _add_invisible(document, added, number, choices.field)
    if document.message is not None:
        entries[structures.DISCLOSURE_KEY] = hexed(bytes.fromhex(document.message.disclosure_root))
    if document.signatures == 0:
        _reserve(document, added, choices.reserve)
        if choices.certify or (choices.certify is None and document.message is not None):
            _certify(added, number, entries)
    elif choices.reserve:
        raise Malformed("sealing.field", "文件已有签章，不能再预置签章域。")
    room = parts.size(LONGEST_SM2_VALUE, TIMESTAMP_ROOM) if parts else _ses_room(material)
    slot = open_slot(document, added, number, entries, room)
    digest = slot.digest(SM3)
    to_sign = parts.attributes(digest) if parts else _tbs(document.message, material, slot, digest, moment)
    return PreparedPDF(slot, to_sign, certificate, moment, parts)


def finish_pdf(prepared: PreparedPDF, signature: bytes, timestamp: bytes | None = None) -> SealedPDF:
    """The sealed file, from the signer's DER signature over ``to_sign`` and the token over its octets."""
    if prepared.parts is not None:
        value = prepared.parts.build(prepared.to_sign, signature, timestamp)
    else:
        value = ses.build_signature(prepared.to_sign, prepared.certificate, signature, timestamp)
    return SealedPDF(prepared.slot.fill(value), prepared.signed_at)


@lru_cache(maxsize=256)
def _parts(certificate: bytes, chain: tuple[bytes, ...]) -> SignerParts:
    return SignerParts.of(certificate, chain)


# ---------------------------------------------------------------- SES in Contents


def _ses_room(material: Material) -> int:
    if not isinstance(material, SealingMaterial):
        raise Malformed("sealing.form", "没有印章的数字签名不能采用 GB/T 38540 签章结构。")
    return len(material.seal_der) + len(material.certificate.der) + TIMESTAMP_ROOM + 1024


def _tbs(message: DataMessage | None, material: Material, slot: Slot, digest: bytes, moment: datetime) -> bytes:
    """TBS_Sign: ``propertyInfo`` says which octets the digest is over. UNSURE: the standard leaves its text open."""
    assert isinstance(material, SealingMaterial)
    root = (
        () if message is None else (ses.Extension(DISCLOSURE_ROOT_OID, False, bytes.fromhex(message.disclosure_root)),)
    )
    covered = f"[{' '.join(map(str, slot.byte_range))}]"
    return ses.build_tbs(material.seal_der, moment, digest, covered, root, version=material.seal.version)


# ---------------------------------------------------------------- fields


def _certify(added: Additions, number: int, entries: dict[str, bytes]) -> None:
    """认证签名 (12.8.2.2): from here on the file takes signatures and nothing else."""
    parameters = {"Type": b"/TransformParams", "P": b"%d" % structures.SM2_SEAL_LEVEL, "V": b"/1.2"}
    way = {"Type": b"/SigRef", "TransformMethod": b"/DocMDP", "TransformParams": dictionary(parameters)}
    entries["Reference"] = array([dictionary(way)])
    added.catalog["Perms"] = dictionary({"DocMDP": reference(number)})


def _add_seal(
    document: SealableDocument,
    added: Additions,
    number: int,
    seal: ses.SESeal,
    placements: Sequence[Placement],
    choices: PDFChoices,
) -> None:
    if not placements:
        raise Malformed("sealing.placement", "没有给出盖章位置。")
    if document.certification is not None and not choices.field:
        raise Refused(
            "sealing.certified_fields",
            "PDF 已经认证签名（P={level}），此后只能盖在预置的签章域中，不能另加可见的印章。",
            remedy="请指明文件中预置的签章域；没有时请向文件的制作人索取未认证的文件。",
            level=document.certification,
        )
    if len(placements) > 1 and document.signatures:  # to those before, further places would be a change of pages
        raise Refused(
            "sealing.one_place",
            "PDF 已有签章，此后每枚印章只能盖在一处。",
            remedy="骑缝章或一章多处请最先加盖。",
        )
    pages = {page.id: page for page in document.pages}
    picture, free = number + 1, number + 1 + PICTURE_OBJECTS
    added.objects |= seal_picture(seal.picture).objects(picture)
    spoken = f"电子印章：{seal.name}"
    if choices.field:
        _fill(document, added, choices.field, (number, picture, free), seal, placements)
        return
    title = _fresh_name(document, f"Seal_{document.signatures + 1}")
    common = {"FT": b"/Sig", "T": text(title), "TU": text(spoken), "V": reference(number)}
    widgets: list[dict[str, bytes]] = []
    for placement in placements:
        page = pages.get(placement.page_id)
        check_placement(page, seal, placement)
        assert page is not None
        added.objects[free] = appearance(seal, picture, page, placement.clip)
        widgets.append(_widget(page, _shown(page, seal, placement), reference(free)))
        free += 1
    if len(widgets) == 1:
        _list(added, free, {**widgets[0], **common}, placements[0].page_id, spoken)
        added.fields.append(free)
        return
    parent = free + len(widgets)
    for place, (widget, placement) in enumerate(zip(widgets, placements, strict=True), free):
        _list(added, place, {**widget, "Parent": reference(parent)}, placement.page_id, spoken)
    added.objects[parent] = dictionary({**common, "Kids": array(reference(free + n) for n in range(len(widgets)))})
    added.fields.append(parent)


def _add_invisible(document: SealableDocument, added: Additions, number: int, field: str) -> None:
    """A digital signature shows nothing; its field stands on the first page all the same (12.8.1)."""
    if field:
        place, entries = _waiting(document, field)
        added.objects[place] = dictionary({**entries, "V": reference(number)})
        return
    add_invisible_field(document, added, number, f"Signature_{document.signatures + 1}")


def add_invisible_field(document: SealableDocument, added: Additions, number: int, title: str) -> None:
    """A new field without an appearance for the signature dictionary ``number``."""
    page, place = document.pages[0], number + 1
    field = {"FT": b"/Sig", "T": text(_fresh_name(document, title)), "V": reference(number)}
    widget = _widget(page, (0.0, 0.0, 0.0, 0.0), None)
    added.objects[place] = dictionary({**widget, **field})
    added.annotations.setdefault(page.id, []).append(place)
    added.fields.append(place)


def _fill(
    document: SealableDocument,
    added: Additions,
    field: str,
    numbers: tuple[int, int, int],
    seal: ses.SESeal,
    placements: Sequence[Placement],
) -> None:
    """Seal a field that was made for it; its place is the one it was given then."""
    number, picture, free = numbers
    place, entries = _waiting(document, field)
    page = next((page for page in document.pages if page.id == placements[0].page_id), document.pages[0])
    added.objects[free] = appearance(seal, picture, page, None)
    shown = dictionary({"N": reference(free)})
    added.objects[place] = dictionary({**entries, "V": reference(number), "AP": shown})


def _waiting(document: SealableDocument, field: str) -> tuple[int, Mapping[str, bytes]]:
    found = document.empty_fields.get(field)
    if found is None:
        raise Malformed("sealing.field", "文件中没有待盖章的签章域“{field}”。", field=field[:100])
    return found


def _reserve(document: SealableDocument, added: Additions, wanted: Sequence[EmptyField]) -> None:
    free = max(added.objects) + 1 if added.objects else document.next_number + 1
    pages = {page.id: page for page in document.pages}
    for one in wanted:
        page = pages.get(one.placement.page_id)
        if page is None:
            raise Malformed("sealing.field", "没有第 {page} 页，不能预置签章域。", page=one.placement.page_id)
        added.objects[free] = empty_appearance(one.width, one.height)
        box = page.rectangle(one.placement.x, one.placement.y, one.width, one.height)
        widget = _widget(page, box, reference(free))
        title = text(_fresh_name(document, one.name))
        _list(added, free + 1, {**widget, "FT": b"/Sig", "T": title, "TU": text("待盖章")}, page.id, "待盖章")
        added.fields.append(free + 1)
        free += 2


def _list(added: Additions, number: int, entries: Mapping[str, bytes], page: int, spoken: str) -> None:
    """Put a widget on its page, and into the reading order."""
    listed = {**entries, "StructParent": b"%d" % (len(added.widgets) + 1)}
    added.objects[number] = dictionary(listed)
    added.annotations.setdefault(page, []).append(number)
    added.widgets.append((number, spoken))


def _widget(page: PDFPage, box: tuple[float, float, float, float], shown: bytes | None) -> dict[str, bytes]:
    entries = {
        "Type": b"/Annot",
        "Subtype": b"/Widget",
        "Rect": reals(box),
        "P": reference(page.number),
        "F": _WIDGET_FLAGS,
    }
    if shown is not None:
        entries["AP"] = dictionary({"N": shown})
    return entries


def _shown(page: PDFPage, seal: ses.SESeal, placement: Placement) -> tuple[float, float, float, float]:
    left, top, width, height = placement.clip or (0.0, 0.0, float(seal.width), float(seal.height))
    return page.rectangle(placement.x + left, placement.y + top, width, height)


def _fresh_name(document: SealableDocument, wanted: str) -> str:
    """``wanted``, or that with a number behind it where a field is called so already."""
    title, count = wanted, 1
    while title in document.field_names:
        count += 1
        title = f"{wanted}_{count}"
    return title
