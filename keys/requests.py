"""证书请求的生成: a PKCS#10 request for a key of ours, to be taken to an outside CA (RFC 2986).

request = build_request({"common_name": "…"}, key, SIGNER)
keyring.add_pending("signer-…", key, request)       # until the certificate comes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from asn1crypto import x509

from keys.authority import Profile, encode_name
from trust import der
from trust.algorithms import SM2_WITH_SM3
from trust.requests import CertificateRequest, load_request
from trust.sm2 import PublicKey

_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"


class SigningKey(Protocol):
    """A key that has no certificate yet: ``SoftwareKey``, or one in a device."""

    @property
    def public_key(self) -> PublicKey: ...

    def sign(self, data: bytes, /) -> bytes:
        """DER {r, s} over SM3(Z ‖ ``data``)."""


def build_request(subject: Mapping[str, str], key: SigningKey, profile: Profile | None = None) -> CertificateRequest:
    """A request for ``key``, signed by it; ``subject`` by asn1crypto's words, most general first.

    ``profile`` says which usages to ask for; the CA decides. Raises ``Malformed("authority.subject…")``,
    ``Unavailable("keys.unavailable")``.
    """
    info = der.tlv(
        der.SEQUENCE,
        der.integer(0),
        encode_name(subject),
        key.public_key.spki,
        der.tlv(der.CONTEXT_0, _extension_request(profile) if profile else b""),
    )
    algorithm = der.tlv(der.SEQUENCE, der.oid(SM2_WITH_SM3))
    signature = der.tlv(der.BIT_STRING, b"\0", key.sign(info))
    return load_request(der.tlv(der.SEQUENCE, info, algorithm, signature))


def _extension_request(profile: Profile) -> bytes:
    wanted: list[dict[str, Any]] = [
        {"extn_id": "key_usage", "critical": True, "extn_value": set(profile.key_usage)},
    ]
    if profile.extended_key_usage:
        wanted.append(
            {"extn_id": "extended_key_usage", "critical": True, "extn_value": list(profile.extended_key_usage)}
        )
    extensions = bytes(x509.Extensions(wanted).dump())
    return der.tlv(der.SEQUENCE, der.oid(_EXTENSION_REQUEST), der.tlv(der.SET, extensions))
