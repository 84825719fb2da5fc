"""盖章: one door for OFD and PDF (GB/T 38540-2020, clause 7.2; GB/T 33190-2016, clause 18; EN 319 142-1).

    sealed = Sealer(timestamper, clock).seal(document, SealingMaterial(seal_der, signer), [Placement(1, 130, 200)])
    twice = sealer.seal(open_for_sealing(sealed.data), other_material, [Placement(1, 30, 200)])

``prepare`` and ``finish`` stand by themselves, so that a seal device elsewhere can sign what ``prepare`` gives as
``to_sign`` and answer later. What a seal is in a file of its format is in ``seal.ofd.sealing`` and
``seal.pdf.sealing``. With ``SigningMaterial`` in place of a seal it becomes a digital signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import overload

from keys.signer import Timestamper
from seal import ses
from seal.checking import check_seal_usable, check_signer_usable
from seal.materials import SEAL_ENTRY, Material, SealedFile, SealedOFD, SealedPDF, SealingMaterial, SigningMaterial
from seal.message import DataMessage
from seal.ofd import sealing as ofd
from seal.ofd.sealing import SIGNATURE_ENTRY, SIGNED_VALUE_ENTRY, PreparedSeal
from seal.pdf import sealing as pdf
from seal.pdf.document import SealableDocument
from seal.pdf.sealing import PDFChoices, PreparedPDF
from seal.placing import Placement, cross_page_placements
from trust.errors import Refused

__all__ = [
    "SEAL_ENTRY", "SIGNATURE_ENTRY", "SIGNED_VALUE_ENTRY", "Material", "PDFChoices", "Placement", "PreparedPDF",
    "PreparedSeal", "Sealable", "SealedFile", "SealedOFD", "SealedPDF", "Sealer", "SealingMaterial", "SigningMaterial",
    "cross_page_placements", "finish",
]  # fmt: skip

Sealable = ofd.Sealable | SealableDocument


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sealer:
    """盖章人: seals documents, all in memory."""

    timestamper: Timestamper | None = None
    """None: the signing time stays a claim."""
    clock: Callable[[], datetime] = _now

    @overload
    def seal(
        self,
        document: ofd.Sealable,
        material: Material,
        placements: Sequence[Placement] = (),
        choices: PDFChoices = ...,
    ) -> SealedOFD: ...

    @overload
    def seal(
        self,
        document: SealableDocument,
        material: Material,
        placements: Sequence[Placement] = (),
        choices: PDFChoices = ...,
    ) -> SealedPDF: ...

    def seal(
        self,
        document: Sealable,
        material: Material,
        placements: Sequence[Placement] = (),
        choices: PDFChoices = pdf.USUAL,
    ) -> SealedFile:
        """盖章: ``document`` with the material's seal at ``placements`` (several for a cross-page seal).

        A document that was opened for sealing keeps the seals it bears, and the new one covers them. A digital
        signature (``SigningMaterial``) has no place on a page. ``choices`` are a PDF's. Raises ``Refused``
        (``seal.*``, ``signer.not_valid``: it may not be used now), ``Malformed`` (``sealing.placement``,
        ``sealing.already_signed``) and ``Unavailable`` (key or time stamp not to be had).
        """
        prepared = self.prepare(document, material, placements, choices)
        signature = material.signer.sign(prepared.to_sign)
        timestamp = self.timestamper.stamp(signature) if self.timestamper is not None else None
        return finish(prepared, signature, timestamp)

    @overload
    def prepare(
        self,
        document: ofd.Sealable,
        material: Material,
        placements: Sequence[Placement] = (),
        choices: PDFChoices = ...,
    ) -> PreparedSeal: ...

    @overload
    def prepare(
        self,
        document: SealableDocument,
        material: Material,
        placements: Sequence[Placement] = (),
        choices: PDFChoices = ...,
    ) -> PreparedPDF: ...

    def prepare(
        self,
        document: Sealable,
        material: Material,
        placements: Sequence[Placement] = (),
        choices: PDFChoices = pdf.USUAL,
    ) -> PreparedSeal | PreparedPDF:
        """Everything before the key is needed; raises as ``seal`` does."""
        moment = self.clock().astimezone(UTC).replace(microsecond=0)
        _check_usable(document.message, material, moment)
        if isinstance(document, ofd.Sealable):
            return ofd.prepare(document, material, placements, moment)
        return pdf.prepare(document, material, placements, moment, choices)


@overload
def finish(prepared: PreparedSeal, signature: bytes, timestamp: bytes | None = None) -> SealedOFD: ...


@overload
def finish(prepared: PreparedPDF, signature: bytes, timestamp: bytes | None = None) -> SealedPDF: ...


@overload
def finish(
    prepared: PreparedSeal | PreparedPDF, signature: bytes, timestamp: bytes | None = None
) -> SealedOFD | SealedPDF: ...


def finish(
    prepared: PreparedSeal | PreparedPDF, signature: bytes, timestamp: bytes | None = None
) -> SealedOFD | SealedPDF:
    """The sealed file, from the signer's DER signature over ``to_sign`` and the token over its octets."""
    if isinstance(prepared, PreparedPDF):
        return pdf.finish_pdf(prepared, signature, timestamp)
    return ofd.finish_ofd(prepared, signature, timestamp)


def _check_usable(message: DataMessage | None, material: Material, moment: datetime) -> None:
    """May this seal, or this signer, be used now, and on this document?"""
    if isinstance(material, SigningMaterial):
        check_signer_usable(material.certificate, moment)
        return
    seal = material.seal
    _check_version(seal)
    check_seal_usable(seal, material.certificate, moment)
    _check_named(message, seal)


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
