"""国际算法密钥: an ECDSA P-256 or RSA key and its certificate, from a PKCS #12 file (RFC 7292).

Used for one thing: a second signature on PDFs, so that viewers without SM2 show a valid one (``seal.pdf.viewers``).

    signer = load_classical_signer(Path("viewers.p12").read_bytes(), b"passphrase")
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from trust import der
from trust.algorithms import RSA_WITH_SHA256
from trust.errors import Malformed, Refused

ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"
_LEAST_RSA_BITS = 2048
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class SoftwareClassicalSigner:
    """A ``ClassicalSigner`` whose key is in this process."""

    certificate: bytes
    chain: tuple[bytes, ...]
    _key: _Key

    def __repr__(self) -> str:
        return "<SoftwareClassicalSigner>"

    @classmethod
    def of(
        cls, certificate: x509.Certificate, key: object, chain: tuple[x509.Certificate, ...] = ()
    ) -> SoftwareClassicalSigner:
        """Raises ``Refused("keys.classical_weak")`` for a key that is not P-256 or RSA of 2048 bits, and more."""
        strong = (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)) or (
            isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS
        )
        if not strong:
            raise Refused("keys.classical_weak", "国际算法密钥应为 ECDSA P-256，或至少 2048 位的 RSA。")
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        if key.public_key() != certificate.public_key():
            raise Refused("keys.classical_mismatch", "国际算法密钥与其证书不匹配。")
        return cls(certificate.public_bytes(Encoding.DER), tuple(one.public_bytes(Encoding.DER) for one in chain), key)

    @property
    def algorithm(self) -> bytes:
        """DER AlgorithmIdentifier (RFC 5758, RFC 4055)."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return der.tlv(der.SEQUENCE, der.oid(RSA_WITH_SHA256), der.NULL)
        return der.tlv(der.SEQUENCE, der.oid(ECDSA_WITH_SHA256))

    @property
    def longest(self) -> int:
        return self._key.key_size // 8 if isinstance(self._key, rsa.RSAPrivateKey) else 72

    def sign(self, data: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))


def load_classical_signer(data: bytes, passphrase: bytes) -> SoftwareClassicalSigner:
    """The key and certificates of a PKCS #12 file.

    Raises ``Refused("keys.wrong_passphrase")``, ``Malformed("keys.classical_file")``, ``Refused("keys.classical_*")``.
    """
    try:
        held = pkcs12.load_pkcs12(data, passphrase)
    except ValueError as error:
        if "password" in str(error).lower():
            raise Refused("keys.wrong_passphrase", "无法打开密钥文件：口令不正确，或文件已损坏。") from error
        raise Malformed("keys.classical_file", "国际算法密钥文件应为 PKCS #12 格式。") from error
    if held.key is None or held.cert is None:
        raise Malformed("keys.classical_file", "国际算法密钥文件应为 PKCS #12 格式。")
    above = tuple(one.certificate for one in held.additional_certs)
    return SoftwareClassicalSigner.of(held.cert.certificate, held.key, above)
