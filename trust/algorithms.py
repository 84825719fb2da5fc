"""算法标识与准用期: digest and signature algorithms by OID (GB/T 33560, GM/T 0006), and SM3 (GB/T 32905).

Importing this module teaches asn1crypto the national OIDs; it happens here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from asn1crypto import algos, cms, core, keys
from cryptography.hazmat.primitives import hashes

SM2_CURVE: Final = "1.2.156.10197.1.301"
"""SM2 recommended curve; as an algorithm identifier also "SM2 signature" in GM/T 0010."""
SM2_SIGN: Final = "1.2.156.10197.1.301.1"
SM3: Final = "1.2.156.10197.1.401"
SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM4_CBC: Final = "1.2.156.10197.1.104.2"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
SHA1: Final = "1.3.14.3.2.26"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"
RSA_WITH_SHA256: Final = "1.2.840.113549.1.1.11"

GM_DATA: Final = "1.2.156.10197.6.1.4.2.1"
GM_SIGNED_DATA: Final = "1.2.156.10197.6.1.4.2.2"
PKCS7_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"

SM2_SIGNATURE_OIDS: Final = frozenset({SM2_WITH_SM3, SM2_CURVE, SM2_SIGN})
"""What stands in the wild where "SM2 over SM3" is meant (CMS uses 301.1 or 301 as well as 501)."""

DIGEST_SIZES: Final = {SM3: 32, SHA256: 32, SHA384: 48, SHA512: 64}
"""Octets of each digest we know, by OID."""

_SM3_ALGORITHM = hashes.SM3()


def sm3(data: bytes) -> bytes:
    """SM3 杂凑值 (GB/T 32905): 32 octets over ``data``."""
    hasher = hashes.Hash(_SM3_ALGORITHM)
    hasher.update(data)
    return hasher.finalize()


def sm3_hasher() -> hashes.Hash:
    """A running SM3: ``.update(data)``, ``.copy()``, ``.finalize() -> bytes``."""
    return hashes.Hash(_SM3_ALGORITHM)


@dataclass(frozen=True, slots=True)
class AlgorithmPolicy:
    """准用期: an algorithm and the period in which a signature made with it is believed."""

    oid: str
    name: str
    allowed_from: datetime | None
    """``None``: since ever."""
    allowed_until: datetime | None
    """``None``: no end is set."""

    def allows(self, moment: datetime) -> bool:
        """Is the algorithm believed for what was made at ``moment`` (aware)?"""
        early = self.allowed_from is not None and moment < self.allowed_from
        late = self.allowed_until is not None and moment >= self.allowed_until
        return not (early or late)


_SM2_PUBLISHED = datetime(2010, 12, 17, tzinfo=UTC)
_SHA1_END = datetime(2017, 1, 1, tzinfo=UTC)

SIGNATURE_POLICY: Final = {
    oid: AlgorithmPolicy(oid, "SM2-with-SM3", _SM2_PUBLISHED, None) for oid in SM2_SIGNATURE_OIDS
}
"""Signature algorithms we check. SM2 was published by the State Cryptography Administration on 2010-12-17."""

DIGEST_POLICY: Final = {
    SM3: AlgorithmPolicy(SM3, "SM3", _SM2_PUBLISHED, None),
    SHA256: AlgorithmPolicy(SHA256, "SHA-256", None, None),
    SHA384: AlgorithmPolicy(SHA384, "SHA-384", None, None),
    SHA512: AlgorithmPolicy(SHA512, "SHA-512", None, None),
    SHA1: AlgorithmPolicy(SHA1, "SHA-1", None, _SHA1_END),
}
"""Digest algorithms we know, those no longer believed included."""


def signature_allowed(oid: str, moment: datetime) -> bool:
    """Is signature algorithm ``oid`` one we check, and believed at ``moment``?"""
    policy = SIGNATURE_POLICY.get(oid)
    return policy is not None and policy.allows(moment)


def digest_allowed(oid: str, moment: datetime) -> bool:
    """Is digest algorithm ``oid`` one we know, and believed at ``moment``?"""
    policy = DIGEST_POLICY.get(oid)
    return policy is not None and policy.allows(moment)


def algorithm_name(oid: str) -> str:
    """A name a reader knows, or the OID itself."""
    policy = SIGNATURE_POLICY.get(oid) or DIGEST_POLICY.get(oid)
    return policy.name if policy else oid


def _teach(kind: type[core.ObjectIdentifier], names: dict[str, str]) -> None:
    """Add names to an asn1crypto identifier type (its map is filled in place; the reverse map is rebuilt)."""
    kind._map = {**(kind._map or {}), **names}
    kind._reverse_map = None


def _register() -> None:
    _teach(algos.DigestAlgorithmId, {SM3: "sm3"})
    _teach(algos.HmacAlgorithmId, {SM3 + ".2": "hmac_sm3"})
    _teach(algos.SignedDigestAlgorithmId, {SM2_WITH_SM3: "sm2_with_sm3", SM2_SIGN: "sm2_sign", SM2_CURVE: "sm2"})
    _teach(algos.EncryptionAlgorithmId, {SM4_CBC: "sm4_cbc"})
    algos.EncryptionAlgorithm._oid_specs["sm4_cbc"] = core.OctetString
    keys.NamedCurve.register("sm2p256v1", SM2_CURVE, 32)
    _teach(cms.ContentType, {GM_DATA: "gm_data", GM_SIGNED_DATA: "gm_signed_data"})
    cms.ContentInfo._oid_specs["gm_signed_data"] = cms.SignedData
    cms.EncapsulatedContentInfo._oid_specs["gm_data"] = core.OctetString


_register()
