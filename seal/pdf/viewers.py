"""国际算法副签: a second, invisible signature with ECDSA or RSA, so that viewers without SM2 show a valid one.

It certifies nothing and carries no seal: the first signature, with SM2, stays the one that counts here.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from keys.signer import ClassicalSigner
from seal.pdf import structures
from seal.pdf.cades import SignerParts
from seal.pdf.document import Additions
from seal.pdf.metadata import pdf_date
from seal.pdf.objects import name, text
from seal.pdf.sealable import open_pdf_for_sealing
from seal.pdf.sealing import add_invisible_field
from seal.pdf.slot import open_slot
from trust.algorithms import SHA256
from trust.errors import Refused

FIELD = "Viewers"


def sign_for_viewers(data: bytes, signer: ClassicalSigner, moment: datetime) -> bytes:
    """``data``, a sealed PDF, with one more signature. Raises ``Refused("sealing.not_sealed")``."""
    document = open_pdf_for_sealing(data)
    if not document.signatures:
        raise Refused("sealing.not_sealed", "PDF 尚未盖章；国际算法副签只能加在电子印章之后。")
    parts = _parts(signer.certificate, signer.chain, signer.algorithm)
    added, number = Additions(), document.next_number
    add_invisible_field(document, added, number, FIELD)
    entries = {
        "Type": b"/Sig",
        "Filter": name(structures.FILTER),
        "SubFilter": name(structures.CADES),
        "M": pdf_date(moment),
        "Reason": text("供不支持 SM2 的阅读器核验"),
    }
    slot = open_slot(document, added, number, entries, parts.size(signer.longest, 0))
    attributes = parts.attributes(slot.digest(SHA256))
    return slot.fill(parts.build(attributes, signer.sign(attributes)))


@lru_cache(maxsize=16)
def _parts(certificate: bytes, chain: tuple[bytes, ...], algorithm: bytes) -> SignerParts:
    return SignerParts.of(certificate, chain, digest=SHA256, algorithm=algorithm)
