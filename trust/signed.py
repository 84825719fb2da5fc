"""签名发布: a JSON document with its publisher's SM2 signature (trust bundles, status lists).

    {"certificates": [base64 DER, publisher first], "payload": {…}, "signature": base64 DER {r, s}}

The whole is canonical JSON (``trust.canonical``); the signature is over the canonical octets of
``payload``, whose ``format`` says what it is, so that one kind is never taken for another.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from trust.canonical import Value, canonical_json, parse_canonical
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, Malformed

_MAX_CHAIN = 8


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """Opened, not trusted: call ``check_signature``, and believe ``certificates[0]`` by a path."""

    payload: dict[str, Value]
    payload_octets: bytes
    certificates: tuple[Certificate, ...]
    """Publisher first, then what may help to find its path."""
    signature: bytes

    def check_signature(self) -> None:
        """Raise ``CheckFailed("published.bad_signature")`` unless the publisher signed the payload."""
        if not self.certificates[0].public_key.verify(self.signature, self.payload_octets):
            raise CheckFailed(
                "TOTAL-FAILED",
                "SIG_CRYPTO_FAILURE",
                "published.bad_signature",
                "发布数据的签名与发布者“{publisher}”的公钥不符，数据可能被篡改。",
                publisher=self.certificates[0].common_name,
            )


def sign_document(payload: dict[str, object], sign: Callable[[bytes], bytes], chain: Iterable[bytes]) -> bytes:
    """Canonical octets of ``payload`` signed by ``sign`` (DER r, s), with the DER certificates of ``chain``."""
    return canonical_json(
        {
            "certificates": [encode(der) for der in chain],
            "payload": payload,
            "signature": encode(sign(canonical_json(payload))),
        }
    )


def open_signed(data: bytes, expected_format: str, *, limit: int) -> SignedDocument:
    """Parse without trusting; anything odd raises ``Malformed``."""
    whole = members(parse_canonical(data, limit=limit), {"certificates", "payload", "signature"})
    payload = whole["payload"]
    if not isinstance(payload, dict) or payload.get("format") != expected_format:
        raise odd("format")
    chain = items(whole, "certificates")
    if not 1 <= len(chain) <= _MAX_CHAIN:
        raise odd("certificates")
    certificates = tuple(load_certificate(decode(item)) for item in chain)
    return SignedDocument(payload, canonical_json(payload), certificates, decode(whole["signature"]))


# ---------------------------------------------------------------- strict members


def members(value: Value, names: set[str]) -> dict[str, Value]:
    """``value`` as an object with exactly these names."""
    if not isinstance(value, dict) or set(value) != names:
        raise odd("/".join(sorted(names)))
    return value


def items(value: dict[str, Value], name: str) -> list[Value]:
    found = value[name]
    if not isinstance(found, list):
        raise odd(name)
    return found


def text(value: dict[str, Value], name: str, *, limit: int = 1024) -> str:
    found = value[name]
    if not isinstance(found, str) or len(found) > limit:
        raise odd(name)
    return found


def moment(value: dict[str, Value], name: str) -> datetime:
    """RFC 3339 in UTC, whole seconds, with Z."""
    try:
        return datetime.strptime(text(value, name), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise odd(name) from None


def write_moment(value: datetime) -> str:
    """``2026-11-22T08:00:00Z``; fractions of a second are dropped."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def decode(value: Value) -> bytes:
    """Octets of standard base64, the one spelling only."""
    try:
        data = b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data or encode(data) != value:
        raise odd("base64")
    return data


def odd(name: str) -> Malformed:
    return Malformed("published.malformed", "发布数据的内容不符合格式要求：{name}。", name=name)
