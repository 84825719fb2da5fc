"""用印材料: what sealing takes besides the document, and what it gives back, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from keys.signer import Signer
from seal import ses
from seal.message import DOC
from seal.ofd.package import Entry
from trust.algorithms import sm3
from trust.certificates import Certificate

FIRST_FOLDER = f"{DOC}/Signs/Sign_0"
SEAL_ENTRY = f"{FIRST_FOLDER}/Seal.esl"


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


Material = SealingMaterial | SigningMaterial


@dataclass(frozen=True)
class SealedFile:
    """已签章的文档."""

    data: bytes
    """The file."""
    signed_at: datetime
    """The claimed signing time (whole seconds, UTC)."""

    @cached_property
    def digest(self) -> bytes:
        """SM3 of ``data``, computed when first asked for."""
        return sm3(self.data)

    def remember_digest(self, digest: bytes) -> None:
        """Take ``digest``, which somebody has computed over this very ``data``, instead of computing it again."""
        self.__dict__.setdefault("digest", digest)


@dataclass(frozen=True)
class SealedOFD(SealedFile):
    """已签章的 OFD."""


@dataclass(frozen=True)
class SealedPDF(SealedFile):
    """已签章的 PDF."""
