"""OFD 盖章: the entries a seal adds to an OFD file (GB/T 38540-2020, clause 7.2; GB/T 33190-2016, clause 18).

Every entry of the document is referenced, with ``Seal.esl`` and the signatures that stood before; left out are only
``Signatures.xml``, to which later signatures are added, and the signature's own two files. See ``seal.sealing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from seal import cms, ses
from seal.materials import FIRST_FOLDER, Material, SealedOFD, SealingMaterial, SigningMaterial
from seal.message import DISCLOSURE_ROOT_OID, DOC, DataMessage
from seal.ofd.package import Entry, write_package
from seal.ofd.sealable import SealableOFD
from seal.ofd.signatures import (
    SIGNATURES_ENTRY,
    ListedSignature,
    StampAnnot,
    build_signature_xml,
    build_signatures_xml,
)
from seal.ofd.unsigned import PageBox, UnsignedOFD
from seal.placing import Placement, check_placement
from trust.errors import Malformed

_FOLDER = FIRST_FOLDER
SIGNATURE_ENTRY = f"{_FOLDER}/Signature.xml"
SIGNED_VALUE_ENTRY = f"{_FOLDER}/SignedValue.dat"


Sealable = UnsignedOFD | SealableOFD


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


def prepare(document: Sealable, material: Material, placements: Sequence[Placement], moment: datetime) -> PreparedSeal:
    """Everything before the key is needed. Raises ``Malformed("sealing.placement", "sealing.already_signed")``."""
    if isinstance(material, SigningMaterial):
        return _prepare_signature(document, material, moment)
    return _prepare_seal(document, material, placements, moment)


def _prepare_seal(
    document: Sealable, material: SealingMaterial, placements: Sequence[Placement], moment: datetime
) -> PreparedSeal:
    """A seal: the signer signs TBS_Sign, which binds the seal and the digest of Signature.xml."""
    place, seal = _next_place(document), material.seal
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


def _prepare_signature(document: Sealable, material: SigningMaterial, moment: datetime) -> PreparedSeal:
    """A digital signature: no seal, no appearance; the signer signs the digest of Signature.xml."""
    place = _next_place(document)
    described = _signature_entry(document.entries, (), place, moment)
    entries = (*document.entries, place.listing("Sign", 0), described)
    chain = tuple(certificate.der for certificate in material.chain)
    content = cms.digest_content(described.data)
    return PreparedSeal(entries, content, material.certificate.der, moment, place.value, digital=True, chain=chain)


def finish_ofd(prepared: PreparedSeal, signature: bytes, timestamp: bytes | None = None) -> SealedOFD:
    """The sealed file, from the signer's DER signature over ``to_sign`` and the token over its octets."""
    if prepared.digital:
        certificates = (prepared.certificate, *prepared.chain)
        value = cms.build_signed_data(prepared.to_sign, signature, certificates, timestamp)
    else:
        value = ses.build_signature(prepared.to_sign, prepared.certificate, signature, timestamp)
    # Stored: nearly all of it is the compressed picture and random numbers. Nobody asks for its digest.
    data = write_package((*prepared.entries, Entry.of(prepared.value_entry, value, level=0)))
    return SealedOFD(data, prepared.signed_at)


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
    check_placement(page, seal, placement)
    boundary = (placement.x, placement.y, seal.width, seal.height)
    return StampAnnot(f"s{number:03d}", str(placement.page_id), boundary, placement.clip)
