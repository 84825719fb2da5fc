"""在线证书状态: what an OCSP answer says, and how one asks (RFC 6960; SM2 with SM3 as in GB/T 20518).

``load_ocsp`` reads without believing; ``check_responder`` asks whether the one who signed may speak for an
issuer. ``trust.revocation`` weighs answers beside revocation lists.

    request = build_ocsp_request(certificate, issuer, nonce=nonce)
    answer = load_ocsp(received)
    answer.nonce == nonce and answer.about(certificate, issuer)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from trust import der
from trust.algorithms import SHA1, SHA256, SHA384, SHA512, SM3, signature_allowed, sm3
from trust.certificates import Certificate, load_certificate
from trust.crl import Extensions, Revoked, read_extensions, read_reason, time_in, unknown_critical
from trust.der_reader import CONTEXT_0, CONTEXT_1, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, Cursor
from trust.der_reader import malformed as bad_der
from trust.errors import CheckFailed, Malformed, Unavailable

MAX_SIZE: Final = 1 << 18
MAX_SKEW: Final = timedelta(minutes=5)
"""How far a responder's clock may be ahead of ours."""
UNBOUNDED_LIFE: Final = timedelta(hours=1)
"""How long an answer without nextUpdate is used: it says that newer word is always to be had."""
_MAX_ANSWERS: Final = 1024
_MAX_CERTIFICATES: Final = 8

BASIC_RESPONSE: Final = "1.3.6.1.5.5.7.48.1.1"
NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
_ARCHIVE_CUTOFF: Final = "1.3.6.1.5.5.7.48.1.6"
_INVALIDITY: Final = "2.5.29.24"

STATUSES: Final = {1: "malformedRequest", 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized"}
"""OCSPResponseStatus other than successful (RFC 6960, 4.2.1)."""

DIGESTS: Final[dict[str, Callable[[bytes], bytes]]] = {
    SM3: sm3,
    SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    SHA256: lambda data: hashlib.sha256(data).digest(),
    SHA384: lambda data: hashlib.sha384(data).digest(),
    SHA512: lambda data: hashlib.sha512(data).digest(),
}
"""By OID: what names an issuer in a CertID. SHA-1 finds, it proves nothing: the issuer's signature does."""


class Status(StrEnum):
    """证书状态 in one answer."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """The responder does not know this certificate: never a reason to believe it."""


@dataclass(frozen=True, slots=True)
class CertID:
    """What a request or an answer is about."""

    algorithm: str
    """OID of the digest."""
    name_digest: bytes
    """Of the issuer's name in DER."""
    key_digest: bytes
    """Of the issuer's public key, without tag and length."""
    serial: int

    def issued_by(self, issuer: Certificate) -> bool:
        """Is ``issuer`` the one named?"""
        return issuer_digests(issuer.subject_name_der, issuer.point or b"", self.algorithm) == (
            self.name_digest,
            self.key_digest,
        )


@dataclass(frozen=True, slots=True)
class OCSPAnswer:
    """单证书应答: one certificate's standing."""

    subject: CertID
    status: Status
    revoked: Revoked | None
    """There where ``status`` is revoked."""
    this_update: datetime
    next_update: datetime | None
    archive_cutoff: datetime | None
    """Certificates that expired since then are still answered for."""
    critical_unknown: tuple[str, ...]

    @property
    def fresh_until(self) -> datetime:
        return self.next_update or self.this_update + UNBOUNDED_LIFE


@dataclass(frozen=True, eq=False, repr=False)
class OCSPResponse:
    """在线状态应答, parsed and not yet believed."""

    produced_at: datetime
    responder_name: bytes | None
    """DER of the responder's name; or else ``responder_key``."""
    responder_key: bytes | None
    """Digest of the responder's public key (SHA-1 by RFC 6960)."""
    answers: tuple[OCSPAnswer, ...]
    nonce: bytes | None
    certificates: tuple[Certificate, ...]
    critical_unknown: tuple[str, ...]
    signature_algorithm: str
    tbs: bytes
    signature: bytes
    digest: bytes
    """SM3 of ``der``."""
    der: bytes
    serials: frozenset[int]
    """Of all ``answers``."""

    def __repr__(self) -> str:
        return f"<OCSPResponse produced_at={self.produced_at} answers={len(self.answers)}>"

    def about(self, certificate: Certificate, issuer: Certificate) -> OCSPAnswer | None:
        """The newest answer about ``certificate`` of ``issuer``; ``None`` if there is none."""
        if certificate.serial not in self.serials:
            return None
        said = [a for a in self.answers if a.subject.serial == certificate.serial and a.subject.issued_by(issuer)]
        return max(said, key=lambda answer: answer.this_update, default=None)

    def signed_under_name_of(self, certificate: Certificate) -> bool:
        """Is ``certificate`` the one whom the responder ID names?"""
        if self.responder_name is not None:
            return self.responder_name == certificate.subject_name_der
        known = {20: SHA1, 32: SM3}.get(len(self.responder_key or b""))
        point = certificate.point
        return known is not None and point is not None and DIGESTS[known](point) == self.responder_key


@lru_cache(maxsize=1024)
def issuer_digests(name: bytes, point: bytes, algorithm: str) -> tuple[bytes, bytes]:
    """``(digest of the name, digest of the key)``; empty where ``algorithm`` is not known."""
    digest = DIGESTS.get(algorithm)
    return (digest(name), digest(point)) if digest else (b"", b"")


# ---------------------------------------------------------------- asking


def build_ocsp_request(
    certificate: Certificate, issuer: Certificate, *, nonce: bytes | None = None, algorithm: str = SM3
) -> bytes:
    """OCSPRequest (DER) about one certificate, unsigned; ``nonce`` 16 to 32 octets (RFC 9654)."""
    name_digest, key_digest = issuer_digests(certificate.issuer_name_der, issuer.point or b"", algorithm)
    subject = encode_cert_id(CertID(algorithm, name_digest, key_digest, certificate.serial))
    body = der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, subject))
    extensions = b"" if nonce is None else der.tlv(0xA2, der.tlv(der.SEQUENCE, nonce_extension(nonce)))
    return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, body, extensions))


def encode_cert_id(subject: CertID) -> bytes:
    """DER; the digest's parameters are absent for SM3 and NULL for the others, as each is used to be written."""
    parameters = b"" if subject.algorithm == SM3 else der.NULL
    return der.tlv(
        der.SEQUENCE,
        der.tlv(der.SEQUENCE, der.oid(subject.algorithm), parameters),
        der.tlv(der.OCTET_STRING, subject.name_digest),
        der.tlv(der.OCTET_STRING, subject.key_digest),
        der.integer(subject.serial),
    )


def nonce_extension(nonce: bytes) -> bytes:
    """Extension with an OCTET STRING of ``nonce`` inside its value."""
    value = der.tlv(der.OCTET_STRING, der.tlv(der.OCTET_STRING, nonce))
    return der.tlv(der.SEQUENCE, der.oid(NONCE), value)


# ---------------------------------------------------------------- reading


def load_ocsp(data: bytes) -> OCSPResponse:
    """The answer in ``data`` (DER OCSPResponse). Cached.

    Raises ``Malformed("ocsp.malformed")``; ``Unavailable("ocsp.refused")`` where the responder answers that it
    does not answer (tryLater, unauthorized …).
    """
    return _load(bytes(data))


@lru_cache(maxsize=1024)
def _load(data: bytes) -> OCSPResponse:
    try:
        if len(data) > MAX_SIZE:
            raise bad_der("too large")
        return _read(data)
    except Malformed as error:
        raise Malformed("ocsp.malformed", "在线证书状态应答无法解析：{reason}", reason=error.message) from error


def _read(data: bytes) -> OCSPResponse:
    outer = Cursor(data)
    response = outer.enter(SEQUENCE)
    outer.finish()
    _check_status(response.integer(ENUMERATED))
    explicit = response.enter(CONTEXT_0)
    response.finish()
    typed = explicit.enter(SEQUENCE)
    explicit.finish()
    if typed.oid() != BASIC_RESPONSE:
        raise bad_der("not a basic response")
    basic = typed.enter(OCTET_STRING)
    typed.finish()
    return _read_basic(basic, data)


def _check_status(status: int) -> None:
    if status in STATUSES:
        raise Unavailable("ocsp.refused", "在线证书状态服务拒绝应答（{status}）。", status=STATUSES[status])
    if status != 0:
        raise bad_der("status of the response")


def _read_basic(outer: Cursor, data: bytes) -> OCSPResponse:
    basic = outer.enter(SEQUENCE)
    outer.finish()
    tbs = basic.element(SEQUENCE)
    algorithm, signature = basic.algorithm(), basic.bit_string()
    certificates = _read_certificates(basic.optional(CONTEXT_0))
    basic.finish()
    body = Cursor(tbs).enter(SEQUENCE)
    _check_version(body.optional(CONTEXT_0))
    name, key = _read_responder(body)
    produced_at = body.time()
    answers = _read_answers(body.enter(SEQUENCE))
    extensions = _read_explicit(body.optional(CONTEXT_1))
    body.finish()
    return OCSPResponse(
        produced_at=produced_at,
        responder_name=name,
        responder_key=key,
        answers=answers,
        nonce=_nonce(extensions),
        certificates=certificates,
        critical_unknown=unknown_critical(extensions, {NONCE}),
        signature_algorithm=algorithm,
        tbs=tbs,
        signature=signature,
        digest=sm3(data),
        der=data,
        serials=frozenset(answer.subject.serial for answer in answers),
    )


def _check_version(tagged: Cursor | None) -> None:
    if tagged is not None and tagged.integer() != 0:
        raise bad_der("version of the response")


def _read_responder(body: Cursor) -> tuple[bytes | None, bytes | None]:
    if body.peek() == CONTEXT_1:
        return body.enter(CONTEXT_1).element(SEQUENCE), None
    tagged = body.enter(0xA2)
    key = tagged.body(OCTET_STRING)
    tagged.finish()
    return None, key


def _read_certificates(tagged: Cursor | None) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    some = tagged.enter(SEQUENCE) if tagged else None
    while some:
        if len(found) >= _MAX_CERTIFICATES:
            raise bad_der("too many certificates")
        found.append(load_certificate(some.element(SEQUENCE)))
    return tuple(found)


def _read_answers(some: Cursor) -> tuple[OCSPAnswer, ...]:
    found: list[OCSPAnswer] = []
    while some:
        if len(found) >= _MAX_ANSWERS:
            raise bad_der("too many answers")
        found.append(_read_answer(some.enter(SEQUENCE)))
    return tuple(found)


def _read_answer(single: Cursor) -> OCSPAnswer:
    subject = read_cert_id(single.enter(SEQUENCE))
    status, revoked = _read_status(single)
    this_update = single.time()
    following = single.optional(CONTEXT_0)
    next_update = following.time() if following else None
    extensions = _read_explicit(single.optional(CONTEXT_1))
    single.finish()
    if next_update is not None and next_update < this_update:
        raise bad_der("nextUpdate before thisUpdate")
    if revoked is not None and _INVALIDITY in extensions:
        revoked = Revoked(revoked.time, revoked.reason, time_in(extensions, _INVALIDITY))
    return OCSPAnswer(
        subject,
        status,
        revoked,
        this_update,
        next_update,
        time_in(extensions, _ARCHIVE_CUTOFF),
        unknown_critical(extensions, {_ARCHIVE_CUTOFF, _INVALIDITY}),
    )


def read_cert_id(inner: Cursor) -> CertID:
    """CertID (RFC 6960, 4.1.1). The serial number has at most 20 octets."""
    algorithm, name, key = inner.algorithm(), inner.body(OCTET_STRING), inner.body(OCTET_STRING)
    if inner.peek() == INTEGER and inner.data[inner.position + 1] > 21:
        raise bad_der("serial number")
    serial = inner.integer()
    inner.finish()
    return CertID(algorithm, name, key, serial)


def _read_status(single: Cursor) -> tuple[Status, Revoked | None]:
    tag = single.peek()
    if tag in (0x80, 0x82):
        if single.body(tag):
            raise bad_der("status with contents")
        return (Status.GOOD if tag == 0x80 else Status.UNKNOWN), None
    info = single.enter(CONTEXT_1)
    time, tagged = info.time(), info.optional(CONTEXT_0)
    info.finish()
    return Status.REVOKED, Revoked(time, read_reason(tagged) if tagged else None)


def _read_explicit(tagged: Cursor | None) -> Extensions:
    if tagged is None:
        return {}
    found = read_extensions(tagged.enter(SEQUENCE))
    tagged.finish()
    return found


def _nonce(extensions: Extensions) -> bytes | None:
    if NONCE not in extensions:
        return None
    value = Cursor(extensions[NONCE][1])
    nonce = value.body(OCTET_STRING)
    value.finish()
    return nonce


# ---------------------------------------------------------------- believing


def check_responder(response: OCSPResponse, issuer: Certificate, *, known_at: datetime) -> Certificate:
    """Who signed ``response``: ``issuer`` itself, or a responder to whom it delegated (RFC 6960, 4.2.2.2).

    A delegate's certificate is signed by ``issuer`` itself, has the extended usage OCSPSigning, and is valid
    when the answer was produced and at ``known_at``, if that is later. Whether the delegate is revoked is not
    asked here. Raises ``CheckFailed``: ``revocation.responder``, ``revocation.ocsp_signature``,
    ``revocation.ocsp_critical``.
    """
    signer = _signer(response, issuer)
    if signer is None or not (
        signer is issuer or _is_delegate(signer, issuer, response.produced_at, max(response.produced_at, known_at))
    ):
        raise CheckFailed(
            "INDETERMINATE",
            "TRY_LATER",
            "revocation.responder",
            "在线证书状态应答的签发者未获证书机构“{issuer}”授权，其应答不予采信。",
            issuer=issuer.common_name,
        )
    if response.critical_unknown or not signature_allowed(response.signature_algorithm, response.produced_at):
        raise CheckFailed(
            "INDETERMINATE",
            "TRY_LATER",
            "revocation.ocsp_critical",
            "在线证书状态应答含有无法处理的关键内容：{what}。",
            what=", ".join(response.critical_unknown) or response.signature_algorithm,
        )
    if not _signed_by(signer, response):
        raise CheckFailed(
            "INDETERMINATE",
            "TRY_LATER",
            "revocation.ocsp_signature",
            "在线证书状态应答的签名与“{responder}”的公钥不符，其应答不予采信。",
            responder=signer.common_name,
        )
    return signer


def _signer(response: OCSPResponse, issuer: Certificate) -> Certificate | None:
    """By the responder ID; among several delegates of one name, the one whose key signed."""
    if response.signed_under_name_of(issuer) and _signed_by(issuer, response):
        return issuer
    named = [c for c in response.certificates if response.signed_under_name_of(c)]
    if not named:
        return issuer if response.signed_under_name_of(issuer) else None
    return next((c for c in named if _signed_by(c, response)), named[0])


def _is_delegate(certificate: Certificate, issuer: Certificate, *moments: datetime) -> bool:
    return (
        "ocsp_signing" in (certificate.extended_key_usage or ())
        and (certificate.key_usage is None or "digital_signature" in certificate.key_usage)
        and not certificate.critical_unknown
        and all(certificate.not_before <= at <= certificate.not_after for at in moments)
        and certificate.issuer_name_der == issuer.subject_name_der
        and signature_allowed(certificate.signature_algorithm, certificate.not_before)
        and _link(certificate, issuer)
    )


_signature_answers: dict[tuple[bytes, bytes], bool] = {}


def _signed_by(signer: Certificate, response: OCSPResponse) -> bool:
    """Remembered by both digests."""
    return _remembered(signer, response.digest, response.signature, response.tbs)


def _link(certificate: Certificate, issuer: Certificate) -> bool:
    return _remembered(issuer, certificate.digest, certificate.signature, certificate.tbs)


def _remembered(signer: Certificate, digest: bytes, signature: bytes, tbs: bytes) -> bool:
    key = (signer.digest, digest)
    answer = _signature_answers.get(key)
    if answer is None:
        answer = signer.point is not None and signer.public_key.verify(signature, tbs)
        if len(_signature_answers) >= 4096:
            _signature_answers.clear()
        _signature_answers[key] = answer
    return answer
