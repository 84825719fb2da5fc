"""证书废止列表: what a CRL says (RFC 5280, section 5; GB/T 20518). Reading is not believing.

``load_crl`` parses once and remembers; ``trust.revocation`` decides whether to believe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from asn1crypto import pem

from trust.algorithms import sm3
from trust.der_reader import BOOLEAN, CONTEXT_0, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, Cursor
from trust.der_reader import malformed as bad_der
from trust.errors import Malformed

MAX_SIZE: Final = 64 << 20

REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "",
    "removeFromCRL",
    "privilegeWithdrawn",
    "aACompromise",
)
"""RFC 5280, 5.3.1, by number; 7 is not used."""

_CRL_NUMBER, _AUTHORITY_KEY, _EXPIRED_FROM = "2.5.29.20", "2.5.29.35", "2.5.29.60"
_REASON, _INVALIDITY = "2.5.29.21", "2.5.29.24"


@dataclass(frozen=True, slots=True)
class Revoked:
    """一条废止记录."""

    time: datetime
    """revocationDate."""
    reason: str | None
    """A word of ``REASONS``; ``None`` where the list does not say."""
    invalid_since: datetime | None = None
    """invalidityDate: since when the key was known or thought to be unsafe."""
    critical_unknown: tuple[str, ...] = ()

    @property
    def effective(self) -> datetime:
        """From when on the certificate is not to be believed."""
        return self.time if self.invalid_since is None else min(self.time, self.invalid_since)


@dataclass(frozen=True, eq=False, repr=False)
class CertificateList:
    """证书废止列表 (CRL), parsed and not yet believed."""

    issuer_name_der: bytes
    this_update: datetime
    next_update: datetime | None
    number: int | None
    revoked: dict[int, Revoked]
    """By serial number."""
    authority_key_id: bytes | None
    expired_from: datetime | None
    """expiredCertsOnCRL (X.509): certificates that expired since then are still listed."""
    critical_unknown: tuple[str, ...]
    signature_algorithm: str
    tbs: bytes
    signature: bytes
    digest: bytes
    """SM3 of ``der``."""
    der: bytes

    def __repr__(self) -> str:
        return f"<CertificateList number={self.number} this_update={self.this_update} revoked={len(self.revoked)}>"


# ---------------------------------------------------------------- reading


def load_crl(data: bytes) -> CertificateList:
    """The CRL in ``data``, DER or PEM. Cached. Raises ``Malformed("revocation.malformed")``."""
    return _load(bytes(data))


@lru_cache(maxsize=256)
def _load(data: bytes) -> CertificateList:
    if len(data) > MAX_SIZE:
        raise Malformed("revocation.malformed", "证书废止列表无法解析（{reason}）。", reason="too large")
    try:
        return _read(_unarmour(data))
    except (Malformed, ValueError) as error:
        reason = str(error) if isinstance(error, Malformed) else "PEM"
        raise Malformed("revocation.malformed", "证书废止列表无法解析（{reason}）。", reason=reason) from error


def _unarmour(data: bytes) -> bytes:
    return bytes(pem.unarmor(data)[2]) if data.lstrip()[:11] == b"-----BEGIN " else data


def _read(der: bytes) -> CertificateList:
    outer = Cursor(der)
    whole = outer.enter(SEQUENCE)
    outer.finish()
    tbs = whole.element(SEQUENCE)
    algorithm, signature = whole.algorithm(), whole.bit_string()
    whole.finish()
    body = Cursor(tbs).enter(SEQUENCE)
    versioned = body.peek() == INTEGER
    if (versioned and body.integer() != 1) or body.algorithm() != algorithm:
        raise bad_der("version or algorithm of the list")
    issuer, this_update = body.element(SEQUENCE), body.time()
    next_update = None if body.peek() in (SEQUENCE, CONTEXT_0, -1) else body.time()
    revoked = _read_revoked(body.optional(SEQUENCE))
    extensions = _extensions(body.optional(CONTEXT_0))
    body.finish()
    return CertificateList(
        issuer_name_der=issuer,
        this_update=this_update,
        next_update=next_update,
        revoked=revoked,
        number=_number(extensions),
        authority_key_id=_authority_key(extensions),
        expired_from=time_in(extensions, _EXPIRED_FROM),
        critical_unknown=unknown_critical(extensions, {_CRL_NUMBER, _AUTHORITY_KEY, _EXPIRED_FROM}),
        signature_algorithm=algorithm,
        tbs=tbs,
        signature=signature,
        digest=sm3(der),
        der=der,
    )


Extensions = dict[str, tuple[bool, bytes]]
"""OID → (critical, octets of the value)."""


def _read_revoked(entries: Cursor | None) -> dict[int, Revoked]:
    found: dict[int, Revoked] = {}
    while entries:
        entry = entries.enter(SEQUENCE)
        serial, time = entry.integer(), entry.time()
        if serial in found:
            raise bad_der("serial number stands twice")
        found[serial] = _revoked(time, read_extensions(entry.enter(SEQUENCE))) if entry else Revoked(time, None)
        entry.finish()
    return found


def _revoked(time: datetime, extensions: Extensions) -> Revoked:
    unknown = unknown_critical(extensions, {_REASON, _INVALIDITY})
    return Revoked(time, _reason(extensions), time_in(extensions, _INVALIDITY), unknown)


def _reason(extensions: Extensions) -> str | None:
    if _REASON not in extensions:
        return None
    return read_reason(Cursor(extensions[_REASON][1]))


def read_reason(value: Cursor) -> str:
    """CRLReason: a word of ``REASONS``, and nothing behind it."""
    number = value.integer(ENUMERATED)
    value.finish()
    if not 0 <= number < len(REASONS) or not REASONS[number]:
        raise bad_der("reason code")
    return REASONS[number]


def _extensions(tagged: Cursor | None) -> Extensions:
    if tagged is None:
        return {}
    found = read_extensions(tagged.enter(SEQUENCE))
    tagged.finish()
    return found


def read_extensions(entries: Cursor) -> Extensions:
    """Extensions: each once."""
    found: Extensions = {}
    while entries:
        entry = entries.enter(SEQUENCE)
        oid = entry.oid()
        critical = entry.boolean() if entry.peek() == BOOLEAN else False
        if oid in found:
            raise bad_der("extension stands twice")
        found[oid] = (critical, entry.body(OCTET_STRING))
        entry.finish()
    return found


def unknown_critical(extensions: Extensions, known: set[str]) -> tuple[str, ...]:
    """OIDs of critical extensions that are not ``known``."""
    return tuple(oid for oid, (critical, _) in extensions.items() if critical and oid not in known)


def _number(extensions: Extensions) -> int | None:
    return Cursor(extensions[_CRL_NUMBER][1]).integer() if _CRL_NUMBER in extensions else None


def time_in(extensions: Extensions, oid: str) -> datetime | None:
    """The time in extension ``oid``; ``None`` where it is absent."""
    return Cursor(extensions[oid][1]).time() if oid in extensions else None


def _authority_key(extensions: Extensions) -> bytes | None:
    if _AUTHORITY_KEY not in extensions:
        return None
    inner = Cursor(extensions[_AUTHORITY_KEY][1]).enter(SEQUENCE)
    return inner.body(0x80) if inner.peek() == 0x80 else None
