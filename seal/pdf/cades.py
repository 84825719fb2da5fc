"""签名数据的书写: CMS with signed attributes as PAdES has it (RFC 5652, EN 319 122-1, EN 319 142-1).

Of one signer's signatures only the digest of the document, the signature value and the time stamp differ. All else
(certificates, algorithms, signing-certificate-v2) is encoded once, in ``SignerParts.of``. The signing time stands in
the signature dictionary, as PAdES wants it, not among the attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asn1crypto import x509
from cryptography.hazmat.primitives import hashes

from seal.pdf.structures import (
    CONTENT_TYPE,
    DATA,
    MESSAGE_DIGEST,
    SIGNATURE_TIMESTAMP,
    SIGNED_DATA,
    SIGNING_CERTIFICATE_V2,
)
from trust import der
from trust.algorithms import SHA256, SM2_WITH_SM3, SM3
from trust.der import tlv

_HASHES = {SM3: hashes.SM3, SHA256: hashes.SHA256}
LONGEST_SM2_VALUE = 72
"""Octets of DER {r, s} at most."""


@dataclass(frozen=True, slots=True)
class SignerParts:
    """备好的签名者信息: everything about a signer that no document changes."""

    digest_algorithm: str
    """OID."""
    _digest: bytes
    _algorithm: bytes
    _identity: bytes
    _certificates: bytes
    _fixed_attributes: tuple[bytes, ...]

    @classmethod
    def of(
        cls,
        certificate: bytes,
        chain: Sequence[bytes] = (),
        *,
        digest: str = SM3,
        algorithm: bytes = b"",
    ) -> SignerParts:
        """For the signer of ``certificate`` (DER); ``algorithm`` is the DER AlgorithmIdentifier of its signatures.

        Raises ``ValueError`` where the certificate cannot be read.
        """
        tbs = x509.Certificate.load(certificate)["tbs_certificate"]
        issuer, serial = tbs["issuer"].dump(), int(tbs["serial_number"].native)
        identifier = tlv(der.SEQUENCE, der.oid(digest))
        hashed = tlv(der.OCTET_STRING, digest_of(digest, certificate))
        # SHA-256 is the default of ESSCertIDv2 (RFC 5035) and must then be left out
        listed = tlv(der.SEQUENCE, hashed) if digest == SHA256 else tlv(der.SEQUENCE, identifier, hashed)
        fixed = (
            _attribute(CONTENT_TYPE, der.oid(DATA)),
            _attribute(SIGNING_CERTIFICATE_V2, tlv(der.SEQUENCE, tlv(der.SEQUENCE, listed))),
        )
        return cls(
            digest,
            identifier,
            algorithm or tlv(der.SEQUENCE, der.oid(SM2_WITH_SM3)),
            tlv(der.SEQUENCE, issuer, der.integer(serial)),
            tlv(der.CONTEXT_0, *sorted({certificate, *chain})),
            fixed,
        )

    def attributes(self, message_digest: bytes) -> bytes:
        """The signed attributes as they are signed: a SET OF, DER."""
        return der.set_of(_attribute(MESSAGE_DIGEST, tlv(der.OCTET_STRING, message_digest)), *self._fixed_attributes)

    def build(self, attributes: bytes, signature: bytes, timestamp: bytes | None = None) -> bytes:
        """ContentInfo with SignedData, detached; ``timestamp`` is the token over the octets of ``signature``."""
        stamped = b""
        if timestamp is not None:
            stamped = tlv(0xA1, _attribute(SIGNATURE_TIMESTAMP, timestamp))
        signer = tlv(
            der.SEQUENCE,
            der.integer(1),
            self._identity,
            self._digest,
            b"\xa0" + attributes[1:],
            self._algorithm,
            tlv(der.OCTET_STRING, signature),
            stamped,
        )
        body = tlv(
            der.SEQUENCE,
            der.integer(1),
            tlv(der.SET, self._digest),
            tlv(der.SEQUENCE, der.oid(DATA)),
            self._certificates,
            tlv(der.SET, signer),
        )
        return tlv(der.SEQUENCE, der.oid(SIGNED_DATA), tlv(der.CONTEXT_0, body))

    def size(self, longest_signature: int, longest_timestamp: int) -> int:
        """Octets ``build`` needs at most."""
        attributes = self.attributes(bytes(hasher(self.digest_algorithm).algorithm.digest_size))
        stamp = bytes(longest_timestamp) if longest_timestamp else None
        return len(self.build(attributes, bytes(longest_signature), stamp))


def _attribute(oid: str, value: bytes) -> bytes:
    return tlv(der.SEQUENCE, der.oid(oid), tlv(der.SET, value))


def hasher(digest: str) -> hashes.Hash:
    """A running digest of the algorithm with OID ``digest``."""
    return hashes.Hash(_HASHES[digest]())


def digest_of(digest: str, data: bytes) -> bytes:
    """The digest of ``data``."""
    running = hasher(digest)
    running.update(data)
    return running.finalize()
