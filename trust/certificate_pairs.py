"""双证书: a signing and an encryption certificate of one holder, as SM2 practice has them (GB/T 20518, GM/T 0015).

The signing key is made and kept by its holder; the encryption key is made by the key centre, which keeps a copy,
so that what was encrypted can be recovered. Therefore the two may never stand in for each other.
(That practice is common; the standard's own words were not at hand: UNSURE.) The encryption key itself, which key
centres send as SM2EnvelopedKey (GB/T 35276), is not read: sources disagree on its padding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trust.certificates import Certificate
from trust.errors import Refused
from trust.profiles import Role, check_profile


@dataclass(frozen=True, slots=True)
class CertificatePair:
    """签名证书与加密证书."""

    signing: Certificate
    encryption: Certificate


def check_pair(pair: CertificatePair) -> None:
    """Do the two belong together, each for its own use?

    Raises ``Refused``: ``pair.subject``, ``pair.issuer``, ``pair.same_key``, and ``profile.*`` of either.
    """
    check_profile(pair.signing, Role.SIGNER)
    check_profile(pair.encryption, Role.ENCRYPTION)
    signing, encryption = pair.signing, pair.encryption
    if signing.subject_name_der != encryption.subject_name_der:
        raise Refused(
            "pair.subject",
            "签名证书“{signing}”与加密证书“{encryption}”的主体不同。",
            signing=signing.subject,
            encryption=encryption.subject,
        )
    if signing.issuer_name_der != encryption.issuer_name_der:
        raise Refused(
            "pair.issuer",
            "签名证书与加密证书的颁发者不同：“{signing}”和“{encryption}”。",
            signing=signing.issuer,
            encryption=encryption.issuer,
        )
    if signing.point == encryption.point:
        raise Refused("pair.same_key", "签名证书与加密证书使用同一密钥，不符合双证书要求。")


def find_pair(signing: Certificate, others: Iterable[Certificate]) -> CertificatePair | None:
    """The pair of ``signing`` with the newest of ``others`` that fits it; ``None`` if none does."""
    found = []
    for other in others:
        try:
            check_pair(CertificatePair(signing, other))
        except Refused:
            continue
        found.append(other)
    newest = max(found, key=lambda c: (c.not_before, c.not_after), default=None)
    return None if newest is None else CertificatePair(signing, newest)
