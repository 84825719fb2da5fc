"""盖章: putting a seal on an OFD document (GB/T 38540-2020, clause 7.2; GB/T 33190-2016, clause 18).

    sealed = Sealer(timestamper, clock).seal(document, SealingMaterial(seal_der, signer), [Placement(1, 130, 200)])
    twice = sealer.seal(open_for_sealing(sealed.data), other_material, [Placement(1, 30, 200)])

``prepare`` and ``finish`` stand by themselves, so that a seal device elsewhere can sign ``PreparedSeal.to_sign``
and answer later. Every entry of the document is referenced, with ``Seal.esl`` and the signatures that stood before;
left out are only ``Signatures.xml``, to which later signatures are added, and the signature's own two files.
With ``SigningMaterial`` in place of a seal it becomes a digital signature (GB/T 35275, GM/T 0099-2020, 7.2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from keys.signer import Signer, Timestamper
from seal import cms, ses
from seal.checking import check_seal_usable, check_signer_usable
from seal.message import DISCLOSURE_ROOT_OID, DOC, DataMessage
from seal.ofd.package import Entry, write_package
from seal.ofd.sealable import SealableOFD
from seal.ofd.signatures import (
    SIGNATURES_ENTRY,
    Box,
    ListedSignature,
    StampAnnot,
    build_signature_xml,
    build_signatures_xml,
)
from seal.ofd.unsigned import PageBox, UnsignedOFD
from trust.algorithms import sm3
from trust.certificates import Certificate
from trust.errors import Malformed, Refused

_FOLDER = f"{DOC}/Signs/Sign_0"
SIGNATURE_ENTRY = f"{_FOLDER}/Signature.xml"
SIGNED_VALUE_ENTRY = f"{_FOLDER}/SignedValue.dat"
SEAL_ENTRY = f"{_FOLDER}/Seal.esl"
_EDGE = 0.01
"""Millimetres a seal may stand over the page's edge before we call it off the page (rounding)."""
_LEAST_STRIP = 2.0
"""Millimetres of a cross-page seal that must be seen on each page."""


@dataclass(frozen=True, slots=True)
class Placement:
    """盖章位置: the top-left corner of the seal picture on a page, in millimetres."""

    page_id: int
    x: float
    y: float
    clip: Box | None = None
    """The part of the picture to show, relative to its corner (骑缝章); ``None``: all of it."""


@dataclass(frozen=True, eq=False)
class SealingMaterial:
    """用印材料: a seal and the signer who uses it. Keep it: what never changes is prepared once."""

    seal_der: bytes
    signer: Signer

    @cached_property
    def seal(self) -> ses.SESeal:
        """The seal, parsed. Raises ``Malformed("ses.seal_malformed")``."""
        return ses.parse_seal(self.seal_der)

    @cached_property
    def entry(self) -> Entry:
        """``Seal.esl``, packed and digested."""
        return Entry.of(SEAL_ENTRY, self.seal_der, level=9)

    @cached_property
    def certificate(self) -> Certificate:
        """The signer's certificate."""
        return self.signer.certificate


@dataclass(frozen=True, eq=False)
class SigningMaterial:
    """签名材料: a signer without a seal, for a digital signature after GB/T 35275 (R044)."""

    signer: Signer
    chain: tuple[Certificate, ...] = ()
    """CA certificates to attach, for readers that have no store of their own."""

    @cached_property
    def certificate(self) -> Certificate:
        """The signer's certificate."""
        return self.signer.certificate


Sealable = UnsignedOFD | SealableOFD
Material = SealingMaterial | SigningMaterial


@dataclass(frozen=True, slots=True)
class PreparedSeal:
    """待签章: the document digested and bound into ``to_sign``; only the signature value is missing."""

    entries: tuple[Entry, ...]
    """All entries of the file but ``SignedValue.dat``."""
    to_sign: bytes
    """What the signer signs with SM2 over SM3: TBS_Sign (DER) or, without a seal, the digest of Signature.xml."""
    certificate: bytes
    """DER of the certificate whose key must sign."""
    signed_at: datetime
    value_entry: str = SIGNED_VALUE_ENTRY
    """Where the signature value goes."""
    digital: bool = False
    """A digital signature (GB/T 35275), not a seal."""
    chain: tuple[bytes, ...] = ()
    """DER of further certificates a digital signature brings."""


@dataclass(frozen=True)
class SealedOFD:
    """已签章的文档."""

    data: bytes
    """The OFD file."""
    signed_at: datetime
    """The claimed signing time (whole seconds, UTC)."""

    @cached_property
    def digest(self) -> bytes:
        """SM3 of ``data``, computed when first asked for."""
        return sm3(self.data)

    def remember_digest(self, digest: bytes) -> None:
        """Take ``digest``, which somebody has computed over this very ``data``, instead of computing it again."""
        self.__dict__.setdefault("digest", digest)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sealer:
    """盖章人: seals documents, all in memory."""

    timestamper: Timestamper | None = None
    """None: the signing time stays a claim."""
    clock: Callable[[], datetime] = _now

    def seal(self, document: Sealable, material: Material, placements: Sequence[Placement] = ()) -> SealedOFD:
        """盖章: ``document`` with the material's seal at ``placements`` (several for a cross-page seal).

        A document from ``open_for_sealing`` keeps the seals it bears, and the new one covers them. A digital
        signature (``SigningMaterial``) has no place on a page. Raises ``Refused`` (``seal.*``,
        ``signer.not_valid``: it may not be used now), ``Malformed`` (``sealing.placement``,
        ``sealing.already_signed``) and ``Unavailable`` (key or time stamp not to be had).
        """
        prepared = self.prepare(document, material, placements)
        signature = material.signer.sign(prepared.to_sign)
        timestamp = self.timestamper.stamp(signature) if self.timestamper is not None else None
        return finish(prepared, signature, timestamp)

    def prepare(self, document: Sealable, material: Material, placements: Sequence[Placement] = ()) -> PreparedSeal:
        """Everything before the key is needed; raises as ``seal`` does."""
        moment = self.clock().astimezone(UTC).replace(microsecond=0)
        place = _next_place(document)
        if isinstance(material, SigningMaterial):
            return _prepare_signature(document, material, place, moment)
        seal = material.seal
        _check_version(seal)
        check_seal_usable(seal, material.certificate, moment)
        _check_named(document.message, seal)
        stamps = _build_stamps(document.pages, seal, placements, place.first_id + 1)
        seal_entry = material.entry if place.folder == _FOLDER else replace(material.entry, name=place.seal)
        signature_xml = _signature_entry((*document.entries, seal_entry), stamps, place, moment, seal_loc=place.seal)
        to_sign = ses.build_tbs(
            material.seal_der,
            moment,
            signature_xml.digest,
            f"/{signature_xml.name}",
            _extensions(document.message),
            version=seal.version,
        )
        entries = (*document.entries, place.listing("Seal", len(stamps)), signature_xml, seal_entry)
        return PreparedSeal(entries, to_sign, material.certificate.der, moment, place.value)


def finish(prepared: PreparedSeal, signature: bytes, timestamp: bytes | None = None) -> SealedOFD:
    """The sealed file, from the signer's DER signature over ``to_sign`` and the token over its octets."""
    if prepared.digital:
        certificates = (prepared.certificate, *prepared.chain)
        value = cms.build_signed_data(prepared.to_sign, signature, certificates, timestamp)
    else:
        value = ses.build_signature(prepared.to_sign, prepared.certificate, signature, timestamp)
    # Stored: nearly all of it is the compressed picture and random numbers. Nobody asks for its digest.
    data = write_package((*prepared.entries, Entry.of(prepared.value_entry, value, level=0)))
    return SealedOFD(data, prepared.signed_at)


def _prepare_signature(document: Sealable, material: SigningMaterial, place: _Place, moment: datetime) -> PreparedSeal:
    """A digital signature: no seal, no appearance; the signer signs the digest of Signature.xml."""
    check_signer_usable(material.certificate, moment)
    described = _signature_entry(document.entries, (), place, moment)
    entries = (*document.entries, place.listing("Sign", 0), described)
    chain = tuple(certificate.der for certificate in material.chain)
    content = cms.digest_content(described.data)
    return PreparedSeal(entries, content, material.certificate.der, moment, place.value, digital=True, chain=chain)


# ---------------------------------------------------------------- where the signature goes


@dataclass(frozen=True, slots=True)
class _Place:
    """Folder and ids of the signature to be made, and the signatures that stand before it."""

    folder: str
    list_entry: str
    before: tuple[ListedSignature, ...]
    first_id: int

    @property
    def seal(self) -> str:
        return f"{self.folder}/Seal.esl"

    @property
    def value(self) -> str:
        return f"{self.folder}/SignedValue.dat"

    def listing(self, kind: str, stamps: int) -> Entry:
        """``Signatures.xml`` with this signature of ``stamps`` appearances last."""
        return _signatures_entry(self, kind, stamps)


_FRESH = _Place(_FOLDER, SIGNATURES_ENTRY, (), 1)


def _next_place(document: Sealable) -> _Place:
    if isinstance(document, SealableOFD):
        return _Place(document.folder, document.list_entry, document.signatures, document.last_id + 1)
    if any(entry.name.startswith(f"{DOC}/Signs/") for entry in document.entries):
        raise Malformed("sealing.already_signed", "文档已带有签章，不能作为未签章文档再次盖章。")
    return _FRESH


@lru_cache(maxsize=64)
def _signatures_entry(place: _Place, kind: str, stamps: int) -> Entry:
    listed = ListedSignature(f"s{place.first_id:03d}", kind, f"/{place.folder}/Signature.xml")
    xml = build_signatures_xml((*place.before, listed), f"s{place.first_id + stamps:03d}")
    return Entry.of(place.list_entry, xml)


def _check_version(seal: ses.SESeal) -> None:
    if seal.structure not in ("SES-V4", "SES-V5"):
        raise Refused(
            "sealing.seal_version", "印章“{name}”是 {structure} 格式，只能核验，不能再用印。", name=seal.name,
            structure=seal.structure,
        )  # fmt: skip


def _check_named(message: DataMessage | None, seal: ses.SESeal) -> None:
    named = [required.id for required in message.seals] if message is not None else []
    if named and seal.seal_id not in named:
        raise Refused("seal.not_named", "该证照应加盖的印章中没有“{name}”（{id}）。", name=seal.name, id=seal.seal_id)


def _extensions(message: DataMessage | None) -> tuple[ses.Extension, ...]:
    """The disclosure root of a licence; any other document has none."""
    if message is None:
        return ()
    return (ses.Extension(DISCLOSURE_ROOT_OID, False, bytes.fromhex(message.disclosure_root)),)


def _signature_entry(
    entries: Sequence[Entry], stamps: tuple[StampAnnot, ...], place: _Place, moment: datetime, *, seal_loc: str = ""
) -> Entry:
    xml = build_signature_xml(
        [(f"/{entry.name}", entry.digest) for entry in entries],
        stamps,
        signed_at=moment,
        signed_value_loc=f"/{place.value}",
        seal_loc=f"/{seal_loc}" if seal_loc else "",
    )
    return Entry.of(f"{place.folder}/Signature.xml", xml, level=1)


# ---------------------------------------------------------------- where the seal is seen


def _build_stamps(
    pages: Sequence[PageBox], seal: ses.SESeal, placements: Sequence[Placement], first_id: int
) -> tuple[StampAnnot, ...]:
    if not placements:
        raise Malformed("sealing.placement", "没有给出盖章位置。")
    boxes = {page.id: page for page in pages}
    return tuple(
        _build_stamp(number, boxes.get(placement.page_id), seal, placement)
        for number, placement in enumerate(placements, first_id)
    )


def _build_stamp(number: int, page: PageBox | None, seal: ses.SESeal, placement: Placement) -> StampAnnot:
    whole = (0.0, 0.0, float(seal.width), float(seal.height))
    left, top, width, height = clip = placement.clip or whole
    if page is None or not (
        -_EDGE <= placement.x + left <= page.width - width + _EDGE
        and -_EDGE <= placement.y + top <= page.height - height + _EDGE
        and _inside(clip, whole)
    ):
        raise Malformed(
            "sealing.placement",
            "盖章位置不在页面之内：第 {page} 页 ({x}, {y}) 毫米处放不下 {width}×{height} 毫米的印章。",
            page=placement.page_id,
            x=placement.x,
            y=placement.y,
            width=seal.width,
            height=seal.height,
        )
    boundary = (placement.x, placement.y, seal.width, seal.height)
    return StampAnnot(f"s{number:03d}", str(page.id), boundary, placement.clip)


def _inside(clip: Box, whole: Box) -> bool:
    """Is the part a part: of some size, and within the picture?"""
    left, top, width, height = clip
    return (
        left >= -_EDGE
        and top >= -_EDGE
        and width > 0
        and height > 0
        and left + width <= whole[2] + _EDGE
        and top + height <= whole[3] + _EDGE
    )


def cross_page_placements(pages: Sequence[PageBox], seal: ses.SESeal, y: float) -> list[Placement]:
    """骑缝章: the seal cut into strips, one at the right edge of each page, ``y`` millimetres from the top.

    So many pages that a strip would be narrower than two millimetres share the seal in groups of about equal size.
    Raises ``Malformed("sealing.cross_page")`` for fewer than two pages; for ``y`` off a page see ``Sealer.seal``.
    """
    if len(pages) < 2:
        raise Malformed("sealing.cross_page", "骑缝章至少需要两页，文档只有 {count} 页。", count=len(pages))
    return list(_strips(pages, seal, y))


def _strips(pages: Sequence[PageBox], seal: ses.SESeal, y: float) -> Iterator[Placement]:
    groups = -(-len(pages) // max(2, int(seal.width / _LEAST_STRIP)))
    for number in range(groups):
        group = pages[len(pages) * number // groups : len(pages) * (number + 1) // groups]
        strip = seal.width / len(group)
        for index, page in enumerate(group):
            yield Placement(page.id, page.width - strip * (index + 1), y, (strip * index, 0.0, strip, seal.height))
