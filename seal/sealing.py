"""盖章: putting a seal on an OFD document (GB/T 38540-2020, clause 7.2; GB/T 33190-2016, clause 18).

    sealed = Sealer(timestamper, clock).seal(document, SealingMaterial(seal_der, signer), [Placement(1, 130, 200)])

``prepare`` and ``finish`` stand by themselves, so that a seal device elsewhere can sign ``PreparedSeal.to_sign``
and answer later. Every entry of the document is referenced, with ``Seal.esl``; left out are only
``Signatures.xml``, to which later signatures are added, and the signature's own two files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from keys.signer import Signer, Timestamper
from seal import ses
from seal.checking import check_seal_usable
from seal.message import DISCLOSURE_ROOT_OID, DOC
from seal.ofd.package import Entry, write_package
from seal.ofd.signatures import (
    SIGNATURES_ENTRY,
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


@dataclass(frozen=True, slots=True)
class Placement:
    """盖章位置: the top-left corner of the seal picture on a page, in millimetres."""

    page_id: int
    x: float
    y: float


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


@dataclass(frozen=True, slots=True)
class PreparedSeal:
    """待签章: the document digested and bound into ``to_sign``; only the signature value is missing."""

    entries: tuple[Entry, ...]
    """All entries of the file but ``SignedValue.dat``."""
    to_sign: bytes
    """TBS_Sign, DER: what the signer signs with SM2 over SM3."""
    certificate: bytes
    """DER of the certificate whose key must sign."""
    signed_at: datetime


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

    def seal(self, document: UnsignedOFD, material: SealingMaterial, placements: Sequence[Placement]) -> SealedOFD:
        """盖章: ``document`` with the material's seal at ``placements`` (several for a cross-page seal).

        Raises ``Refused`` (``seal.*``, ``signer.not_valid``: the seal may not be used now), ``Malformed``
        (``sealing.placement``, ``sealing.already_signed``) and ``Unavailable`` (key or time stamp not to be had).
        """
        prepared = self.prepare(document, material, placements)
        signature = material.signer.sign(prepared.to_sign)
        timestamp = self.timestamper.stamp(signature) if self.timestamper is not None else None
        return finish(prepared, signature, timestamp)

    def prepare(
        self, document: UnsignedOFD, material: SealingMaterial, placements: Sequence[Placement]
    ) -> PreparedSeal:
        """Everything before the key is needed; raises as ``seal`` does."""
        moment = self.clock().astimezone(UTC).replace(microsecond=0)
        seal = material.seal
        check_seal_usable(seal, material.certificate, moment)
        _check_document(document, seal)
        stamps = _build_stamps(document.pages, seal, placements)
        signature_xml = _build_signature_xml(document, material, stamps, moment)
        root = ses.Extension(DISCLOSURE_ROOT_OID, False, bytes.fromhex(document.message.disclosure_root))
        to_sign = ses.build_tbs(material.seal_der, moment, signature_xml.digest, f"/{SIGNATURE_ENTRY}", (root,))
        entries = (*document.entries, _signatures_entry(len(stamps)), signature_xml, material.entry)
        return PreparedSeal(entries, to_sign, material.certificate.der, moment)


def finish(prepared: PreparedSeal, signature: bytes, timestamp: bytes | None = None) -> SealedOFD:
    """The sealed file, from the signer's DER signature over ``to_sign`` and the token over its octets."""
    value = ses.build_signature(prepared.to_sign, prepared.certificate, signature, timestamp)
    # Stored: nearly all of it is the compressed picture and random numbers. Nobody asks for its digest.
    data = write_package((*prepared.entries, Entry.of(SIGNED_VALUE_ENTRY, value, level=0)))
    return SealedOFD(data, prepared.signed_at)


def _check_document(document: UnsignedOFD, seal: ses.SESeal) -> None:
    named = [required.id for required in document.message.seals]
    if named and seal.seal_id not in named:
        raise Refused("seal.not_named", "该证照应加盖的印章中没有“{name}”（{id}）。", name=seal.name, id=seal.seal_id)
    if any(entry.name.startswith(f"{DOC}/Signs/") for entry in document.entries):
        raise Malformed("sealing.already_signed", "文档已带有签章，不能作为未签章文档再次盖章。")


def _build_stamps(
    pages: Sequence[PageBox], seal: ses.SESeal, placements: Sequence[Placement]
) -> tuple[StampAnnot, ...]:
    if not placements:
        raise Malformed("sealing.placement", "没有给出盖章位置。")
    boxes = {page.id: page for page in pages}
    return tuple(
        _build_stamp(number, boxes.get(placement.page_id), seal, placement)
        for number, placement in enumerate(placements, 2)
    )


def _build_stamp(number: int, page: PageBox | None, seal: ses.SESeal, placement: Placement) -> StampAnnot:
    if page is None or not (
        -_EDGE <= placement.x <= page.width - seal.width + _EDGE
        and -_EDGE <= placement.y <= page.height - seal.height + _EDGE
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
    return StampAnnot(f"s{number:03d}", str(page.id), (placement.x, placement.y, seal.width, seal.height))


def _build_signature_xml(
    document: UnsignedOFD, material: SealingMaterial, stamps: tuple[StampAnnot, ...], moment: datetime
) -> Entry:
    references = [(f"/{entry.name}", entry.digest) for entry in (*document.entries, material.entry)]
    xml = build_signature_xml(
        references,
        stamps,
        signed_at=moment,
        signed_value_loc=f"/{SIGNED_VALUE_ENTRY}",
        seal_loc=f"/{SEAL_ENTRY}",
    )
    return Entry.of(SIGNATURE_ENTRY, xml, level=1)


@lru_cache(maxsize=64)
def _signatures_entry(stamps: int) -> Entry:
    """Signatures.xml with one seal signature of ``stamps`` appearances."""
    listed = ListedSignature("s001", "Seal", f"/{SIGNATURE_ENTRY}")
    return Entry.of(SIGNATURES_ENTRY, build_signatures_xml((listed,), f"s{stamps + 1:03d}"))
