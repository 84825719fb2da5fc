"""证书链导入: the certificates a CA sends back, set in order and matched to the key they are for.

Accepted are PEM (any number), DER (one) and PKCS#7 certificates-only (``.p7b``), whose outer type may be that
of PKCS#7 or of GB/T 35275. Nothing here is believed: ``trust.path`` and ``trust.profiles`` come after.

    chain = open_chain(data, key.public_key)
    chain.certificate, chain.issuers
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from asn1crypto import pem

from trust.algorithms import GM_SIGNED_DATA, PKCS7_SIGNED_DATA
from trust.certificates import Certificate, load_certificate
from trust.der_reader import CONTEXT_0, CONTEXT_1, INTEGER, SEQUENCE, SET, Cursor
from trust.der_reader import malformed as bad_der
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.sm2 import PublicKey

MAX_SIZE: Final = 1 << 20
MAX_CERTIFICATES: Final = 32


@dataclass(frozen=True, slots=True)
class IssuedChain:
    """签发的证书链."""

    certificate: Certificate
    """For the key."""
    issuers: tuple[Certificate, ...]
    """Upwards, as far as they were sent; each signed the one before."""
    others: tuple[Certificate, ...]
    """What else was sent, such as the encryption certificate of a pair."""


def open_chain(data: bytes, public_key: PublicKey) -> IssuedChain:
    """The chain in ``data`` for ``public_key``.

    Raises ``Malformed("chain.malformed")``; ``Refused("chain.no_match")`` where no certificate is for that key,
    ``Refused("chain.signature")`` where an issuer was sent whose key did not sign.
    """
    return order_chain(load_certificates_any(data), public_key)


def order_chain(certificates: Sequence[Certificate], public_key: PublicKey) -> IssuedChain:
    """As ``open_chain``, for certificates already read. Of several for one key, the newest is meant."""
    unique = {certificate.digest: certificate for certificate in certificates}
    fitting = [c for c in unique.values() if c.point == public_key.point]
    if not fitting:
        raise Refused(
            "chain.no_match",
            "收到的 {count} 张证书都不是为本密钥签发的。",
            count=len(unique),
            remedy="请核对证书与证书请求是否对应。",
        )
    top = leaf = max(fitting, key=lambda c: (c.not_before, c.not_after))
    issuers: list[Certificate] = []
    while not top.is_self_issued and (named := _named(top, unique, (leaf, *issuers))):
        issuer = next((c for c in named if _signed(c, top)), None)
        if issuer is None:
            raise Refused(
                "chain.signature",
                "证书“{subject}”不是由随附的“{issuer}”签发的：签名不符。",
                subject=top.common_name,
                issuer=named[0].common_name,
            )
        issuers.append(issuer)
        top = issuer
    used = {c.digest for c in (leaf, *issuers)}
    return IssuedChain(leaf, tuple(issuers), tuple(c for c in unique.values() if c.digest not in used))


def _named(top: Certificate, sent: dict[bytes, Certificate], used: Sequence[Certificate]) -> list[Certificate]:
    met = {c.digest for c in used}
    return [c for c in sent.values() if c.subject_name_der == top.issuer_name_der and c.digest not in met]


def _signed(issuer: Certificate, certificate: Certificate) -> bool:
    return issuer.point is not None and issuer.public_key.verify(certificate.signature, certificate.tbs)


def load_certificates_any(data: bytes) -> tuple[Certificate, ...]:
    """All certificates of a PEM, DER or PKCS#7 file, in order. ``Malformed("chain.malformed")``."""
    try:
        if len(data) > MAX_SIZE:
            raise bad_der("too large")
        found = _pem(data) if b"-----BEGIN " in data else _der(data)
        if not 1 <= len(found) <= MAX_CERTIFICATES:
            raise bad_der("number of certificates")
    except LicenceTrustError as error:
        raise _malformed(error.message) from error
    except ValueError as error:
        raise _malformed("PEM") from error
    return found


def _pem(data: bytes) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    for block in re.findall(rb"-----BEGIN [A-Z0-9 ]+-----.+?-----END [A-Z0-9 ]+-----", data, re.DOTALL):
        name, _, der = pem.unarmor(block)
        if name in ("PKCS7", "CMS"):
            found.extend(_der(der))
        elif name in ("CERTIFICATE", "X509 CERTIFICATE"):
            found.append(load_certificate(der))
        else:
            raise bad_der(f"PEM {name}")
    return tuple(found)


def _der(data: bytes) -> tuple[Certificate, ...]:
    inner = Cursor(data).enter(SEQUENCE)
    if inner.peek() == SEQUENCE:
        return (load_certificate(data),)
    return _read_pkcs7(data)


def _read_pkcs7(data: bytes) -> tuple[Certificate, ...]:
    """ContentInfo { signedData } of whom only the certificates are read."""
    outer = Cursor(data)
    info = outer.enter(SEQUENCE)
    outer.finish()
    if info.oid() not in (PKCS7_SIGNED_DATA, GM_SIGNED_DATA):
        raise bad_der("not SignedData")
    signed = info.enter(CONTEXT_0).enter(SEQUENCE)
    signed.header(INTEGER)
    signed.header(SET)
    signed.header(SEQUENCE)
    some = signed.optional(CONTEXT_0)
    if signed.peek() == CONTEXT_1:
        signed.skip()
    signed.header(SET)
    signed.finish()
    found: list[Certificate] = []
    while some:
        found.append(load_certificate(some.element(SEQUENCE)))
    return tuple(found)


def _malformed(reason: str) -> Malformed:
    return Malformed("chain.malformed", "无法读取证书链：{reason}", reason=reason)
