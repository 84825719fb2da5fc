"""请求签名密钥: keys with which systems sign requests and assertions: SM2, ES256 (P-256), or a shared secret.

No standard registers SM2 with SM3 for HTTP signatures (RFC 9421) or JOSE (RFC 7518). Our labels are private ones:

    x-sm2-sm3          SM2 over SM3 with the default user ID, 64 octets r ‖ s      (both)
    x-hmac-sm3         HMAC over SM3                                               (AK/SK mode)
    ecdsa-p256-sha256  as registered, 64 octets r ‖ s                              (HTTP signatures; JOSE says ES256)
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from trust.errors import Malformed
from trust.sm2 import load_public_key, raw_to_der

SM2: Final = "sm2"
ES256: Final = "es256"
SHARED_SECRET: Final = "hmac"  # noqa: S105 - the name of a kind
HTTP_LABELS: Final = {SM2: "x-sm2-sm3", ES256: "ecdsa-p256-sha256"}
JOSE_LABELS: Final = {SM2: "x-sm2-sm3", ES256: "ES256"}
_SM2_PREFIX: Final = load_public_key(
    bytes.fromhex(
        "0432C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
        "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
    )
).spki[:-65]
_LARGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A public key; ``spki`` is its SubjectPublicKeyInfo (DER)."""

    kind: str
    spki: bytes

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, base64url without padding."""
        return urlsafe_b64encode(hashlib.sha256(self.spki).digest()).decode().rstrip("=")

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Are these 64 octets r ‖ s this key's over ``data``? Never an exception."""
        if len(signature) != 64:
            return False
        if self.kind == SM2:
            return load_public_key(self.spki[-65:]).verify(raw_to_der(signature), data)
        if self.kind != ES256:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            _p256(self.spki).verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


def load_request_key(data: bytes) -> RequestKey:
    """From PEM or DER SubjectPublicKeyInfo, uncompressed. Raises ``Malformed("sharing.key_unreadable")``."""
    der = _der(data)
    if der.startswith(_SM2_PREFIX) and len(der) == len(_SM2_PREFIX) + 65:
        load_public_key(der[-65:])
        return RequestKey(SM2, der)
    _p256(der)
    return RequestKey(ES256, der)


def _der(data: bytes) -> bytes:
    if len(data) > _LARGEST:
        raise _unreadable()
    if not data.lstrip().startswith(b"-----BEGIN PUBLIC KEY-----"):
        return data
    from asn1crypto import pem

    try:
        return bytes(pem.unarmor(data)[2])
    except ValueError as error:
        raise _unreadable() from error


def _p256(der: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_der_public_key(der)
    except Exception as error:  # the library names many
        raise _unreadable() from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unreadable()
    return key


def _unreadable() -> Malformed:
    return Malformed("sharing.key_unreadable", "公钥应为 SM2 或 P-256 的 SubjectPublicKeyInfo（PEM 或 DER）。")
