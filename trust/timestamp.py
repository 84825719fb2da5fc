"""时间戳: does this token prove that these octets existed at its time (RFC 3161, RFC 5816; GB/T 20520)?

``load_timestamp`` reads without believing. ``check_timestamp`` believes: imprint, signed attributes, the
authority's signature, its certificate's path at the token's time, its only and critical usage, revocation.

    proved = check_timestamp(token, signature_octets, store, known_at=now)
    proved.time

The imprint of a seal signature's token is SM3 of the octets of the signature's BIT STRING. The outer
content type may be that of PKCS#7 or of GB/T 35275 (both occur); the inner one is always TSTInfo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from trust.algorithms import (
    DIGEST_SIZES,
    GM_SIGNED_DATA,
    PKCS7_SIGNED_DATA,
    SHA1,
    SHA256,
    SHA384,
    SHA512,
    SM2_SIGNATURE_OIDS,
    SM3,
    TST_INFO,
    algorithm_name,
    digest_allowed,
    sm3,
)
from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate, load_certificate
from trust.der import oid
from trust.der_reader import (
    BOOLEAN,
    CONTEXT_0,
    CONTEXT_1,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    Cursor,
    malformed,
)
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from trust.path import VerifiedPath, check_certificate
from trust.sm2 import signature_from_raw

MAX_SIZE: Final = 1 << 18
MAX_SKEW: Final = timedelta(minutes=5)
"""How far the authority's clock may be ahead of ours."""
_MAX_CERTIFICATES: Final = 16
_MAX_ATTRIBUTES: Final = 32

_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """时间戳令牌, parsed and not yet believed."""

    gen_time: datetime
    """Aware, UTC: the time the authority states."""
    imprint: bytes
    imprint_algorithm: str
    """OID."""
    serial: int
    policy: str
    """OID."""
    tsa_certificate: Certificate | None
    """The signer's certificate, if the token brings it."""
    certificates: tuple[Certificate, ...]
    """All certificates the token brings."""
    accuracy: timedelta | None
    """How far ``gen_time`` may be off by the authority's own word; ``None`` where it says nothing."""
    nonce: int | None
    """Of the request it answers."""
    critical_unknown: tuple[str, ...]
    """OIDs of critical extensions of the token; none is understood."""
    content: bytes
    """DER of TSTInfo."""
    signer: _SignerInfo
    der: bytes


@dataclass(frozen=True, slots=True)
class VerifiedTime:
    """可信时间: proved by a time stamp."""

    time: datetime
    path: VerifiedPath
    """The authority's path at that time."""
    token: Timestamp


@dataclass(frozen=True, slots=True)
class _SignerInfo:
    issuer_serial: tuple[bytes, int] | None
    key_identifier: bytes | None
    digest_algorithm: str
    signature_algorithm: str
    attributes: dict[str, bytes]
    """OID → DER of the one value."""
    signed_octets: bytes
    """DER SET OF attributes: what is signed."""
    signature: bytes

    def names(self, certificate: Certificate) -> bool:
        if self.issuer_serial is not None:
            return self.issuer_serial == (certificate.issuer_name_der, certificate.serial)
        return self.key_identifier is not None and certificate.subject_key_id == self.key_identifier


# ---------------------------------------------------------------- reading


def load_timestamp(der: bytes) -> Timestamp:
    """The token in ``der``. Raises ``Malformed("timestamp.malformed")`` for anything but one strict DER token."""
    try:
        if len(der) > MAX_SIZE:
            raise malformed("too large")
        return _read_token(bytes(der))
    except Malformed as error:
        raise Malformed("timestamp.malformed", "时间戳无法解析：{reason}", reason=error.message) from error


def _read_token(der: bytes) -> Timestamp:
    signed_data = _open_content_info(der)
    if signed_data.integer() not in (1, 3, 4, 5):
        raise malformed("version of SignedData")
    digest_algorithms = _read_algorithms(signed_data.enter(SET))
    content = _read_content(signed_data.enter(SEQUENCE))
    certificates = _read_certificates(signed_data.optional(CONTEXT_0))
    if signed_data.peek() == CONTEXT_1:
        signed_data.skip()
    signers = signed_data.enter(SET)
    signer = _read_signer(signers.enter(SEQUENCE))
    signers.finish()
    signed_data.finish()
    if signer.digest_algorithm not in digest_algorithms:
        raise malformed("digestAlgorithms without the signer's")
    named = next((c for c in certificates if signer.names(c)), None)
    return _read_info(der, content, certificates, named, signer)


def _open_content_info(der: bytes) -> Cursor:
    outer = Cursor(der)
    info = outer.enter(SEQUENCE)
    outer.finish()
    if info.oid() not in (PKCS7_SIGNED_DATA, GM_SIGNED_DATA):
        raise malformed("not SignedData")
    explicit = info.enter(CONTEXT_0)
    info.finish()
    signed_data = explicit.enter(SEQUENCE)
    explicit.finish()
    return signed_data


def _read_content(encapsulated: Cursor) -> bytes:
    if encapsulated.oid() != TST_INFO:
        raise malformed("content is not TSTInfo")
    explicit = encapsulated.enter(CONTEXT_0)
    encapsulated.finish()
    content = explicit.body(OCTET_STRING)
    explicit.finish()
    return content


def _read_algorithms(some: Cursor) -> list[str]:
    found: list[str] = []
    while some:
        found.append(some.algorithm())
    return found


def _read_certificates(some: Cursor | None) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    while some:
        if len(found) >= _MAX_CERTIFICATES:
            raise malformed("too many certificates")
        found.append(load_certificate(some.element(SEQUENCE)))
    return tuple(found)


def _read_signer(signer: Cursor) -> _SignerInfo:
    version = signer.integer()
    issuer_serial = key_identifier = None
    if version == 1:
        identifier = signer.enter(SEQUENCE)
        issuer_serial = identifier.element(SEQUENCE), identifier.integer()
        identifier.finish()
    elif version == 3:
        key_identifier = signer.body(0x80)
    else:
        raise malformed("version of SignerInfo")
    digest_algorithm = signer.algorithm()
    octets = signer.element(CONTEXT_0)
    found = _SignerInfo(
        issuer_serial=issuer_serial,
        key_identifier=key_identifier,
        digest_algorithm=digest_algorithm,
        signature_algorithm=signer.algorithm(),
        attributes=_read_attributes(Cursor(octets).enter(CONTEXT_0)),
        signed_octets=b"\x31" + octets[1:],
        signature=signer.body(OCTET_STRING),
    )
    if signer.peek() == CONTEXT_1:
        signer.skip()
    signer.finish()
    return found


def _read_attributes(attributes: Cursor) -> dict[str, bytes]:
    """Each attribute once, with one value."""
    found: dict[str, bytes] = {}
    while attributes:
        attribute = attributes.enter(SEQUENCE)
        kind, values = attribute.oid(), attribute.enter(SET)
        attribute.finish()
        if kind in found or len(found) >= _MAX_ATTRIBUTES:
            raise malformed("attribute stands twice, or too many")
        found[kind] = values.element()
        values.finish()
    return found


def _read_info(
    der: bytes,
    content: bytes,
    certificates: tuple[Certificate, ...],
    tsa_certificate: Certificate | None,
    signer: _SignerInfo,
) -> Timestamp:
    """TSTInfo (RFC 3161, 2.4.2)."""
    outer = Cursor(content)
    info = outer.enter(SEQUENCE)
    outer.finish()
    if info.integer() != 1:
        raise malformed("version of TSTInfo")
    policy = info.oid()
    imprint = info.enter(SEQUENCE)
    algorithm, digest = imprint.algorithm(), imprint.body(OCTET_STRING)
    imprint.finish()
    serial, gen_time = info.integer(), info.time()
    accuracy = _read_accuracy(info.optional(SEQUENCE))
    if info.peek() == BOOLEAN:
        info.boolean()
    nonce = info.integer() if info.peek() == INTEGER else None
    if info.peek() == CONTEXT_0:
        info.skip()
    critical = _read_critical(info.optional(CONTEXT_1))
    info.finish()
    return Timestamp(
        gen_time=gen_time,
        imprint=digest,
        imprint_algorithm=algorithm,
        serial=serial,
        policy=policy,
        tsa_certificate=tsa_certificate,
        certificates=certificates,
        accuracy=accuracy,
        nonce=nonce,
        critical_unknown=critical,
        content=content,
        signer=signer,
        der=der,
    )


def _read_accuracy(inner: Cursor | None) -> timedelta | None:
    """Accuracy ::= SEQUENCE { seconds, millis [0], micros [1] }, each optional."""
    if inner is None:
        return None
    seconds = inner.integer() if inner.peek() == INTEGER else 0
    millis = inner.integer(0x80) if inner.peek() == 0x80 else 0
    micros = inner.integer(0x81) if inner.peek() == 0x81 else 0
    inner.finish()
    if not (0 <= seconds < 1 << 31 and 0 <= millis < 1000 and 0 <= micros < 1000):
        raise malformed("accuracy")
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _read_critical(extensions: Cursor | None) -> tuple[str, ...]:
    """Critical extensions are named, all others are passed over."""
    critical = []
    while extensions:
        extension = extensions.enter(SEQUENCE)
        kind = extension.oid()
        if extension.peek() == BOOLEAN and extension.boolean():
            critical.append(kind)
        extension.body(OCTET_STRING)
        extension.finish()
    return tuple(critical)


# ---------------------------------------------------------------- checking


def check_timestamp(der: bytes, data: bytes, store: TrustStore, *, known_at: datetime) -> VerifiedTime:
    """The time at which ``data`` existed, proved by the token in ``der``.

    ``known_at`` is the time of this verification (for the freshness of revocation lists). Raises
    ``CheckFailed``: FORMAT_FAILURE, HASH_FAILURE, SIG_CRYPTO_FAILURE, SIG_CONSTRAINTS_FAILURE,
    NO_SIGNING_CERTIFICATE_FOUND, CRYPTO_CONSTRAINTS_FAILURE with codes ``timestamp.*``; and what
    ``trust.path.check_certificate`` raises about the authority's certificate.
    """
    try:
        token = load_timestamp(der)
    except Malformed as error:
        raise CheckFailed(
            "TOTAL-FAILED", "FORMAT_FAILURE", "timestamp.malformed", error.template, **error.params
        ) from error
    _check_imprint(token, data)
    certificate = _find_certificate(token, store)
    _check_attributes(token, certificate)
    _check_signature(token, certificate)
    _check_not_future(token, known_at)
    path, _ = check_certificate(
        certificate,
        store,
        Purpose.TIMESTAMP,
        token.gen_time,
        known_at=known_at,
        proved=True,
        extra=[c for c in token.certificates if c is not certificate],
    )
    return VerifiedTime(token.gen_time, path, token)


def _check_imprint(token: Timestamp, data: bytes) -> None:
    """Is the imprint the digest of ``data``, by an algorithm believed at the token's time?"""
    algorithm = token.imprint_algorithm
    if not digest_allowed(algorithm, token.gen_time) or algorithm not in _DIGESTS:
        raise CheckFailed(
            "INDETERMINATE",
            "CRYPTO_CONSTRAINTS_FAILURE",
            "timestamp.algorithm",
            "时间戳使用的算法 {algorithm} 不在准用之列。",
            algorithm=algorithm_name(algorithm),
        )
    if len(token.imprint) != DIGEST_SIZES[algorithm] or _DIGESTS[algorithm](data) != token.imprint:
        raise CheckFailed(
            "TOTAL-FAILED",
            "HASH_FAILURE",
            "timestamp.imprint_mismatch",
            "时间戳不是为本签名签发的：杂凑值不一致（应为 {expected}，令牌中为 {got}）。",
            expected=_DIGESTS[algorithm](data).hex(),
            got=token.imprint.hex(),
        )


def _find_certificate(token: Timestamp, store: TrustStore) -> Certificate:
    """The authority's certificate, from the token or, where it brings none, from the store."""
    if token.tsa_certificate is not None:
        return token.tsa_certificate
    for certificate in (*store.intermediates, *(anchor.certificate for anchor in store.anchors)):
        if token.signer.names(certificate):
            return certificate
    raise CheckFailed(
        "INDETERMINATE",
        "NO_SIGNING_CERTIFICATE_FOUND",
        "timestamp.no_certificate",
        "时间戳中没有时间戳机构的证书，信任库中也找不到。",
    )


def _check_attributes(token: Timestamp, certificate: Certificate) -> None:
    """Signed attributes: contentType, messageDigest and the certificate they bind (RFC 5652, RFC 5816)."""
    attributes = token.signer.attributes
    if token.critical_unknown:
        raise _constraint(N_("时间戳含有无法处理的关键扩展：{what}。"), ", ".join(token.critical_unknown))
    if attributes.get(_CONTENT_TYPE) != _TST_INFO_DER:
        raise _constraint(N_("时间戳的签名属性 {what} 缺失或不正确。"), "contentType")
    if not binds_certificate(attributes, certificate):
        raise _constraint(N_("时间戳的签名属性 {what} 缺失或不正确。"), "signingCertificate")
    digest = _DIGESTS.get(token.signer.digest_algorithm)
    if digest is None or not digest_allowed(token.signer.digest_algorithm, token.gen_time):
        raise _constraint(N_("时间戳的签名属性 {what} 缺失或不正确。"), "digestAlgorithm")
    if attributes.get(_MESSAGE_DIGEST) != _octet_string(digest(token.content)):
        raise CheckFailed(
            "TOTAL-FAILED",
            "HASH_FAILURE",
            "timestamp.digest_mismatch",
            "时间戳的内容与其签名属性中的杂凑值不一致，时间戳可能被篡改。",
        )


def _check_signature(token: Timestamp, certificate: Certificate) -> None:
    """Did the authority's key sign the attributes?"""
    signer = token.signer
    if signer.signature_algorithm not in SM2_SIGNATURE_OIDS or certificate.point is None:
        raise CheckFailed(
            "INDETERMINATE",
            "CRYPTO_CONSTRAINTS_FAILURE",
            "timestamp.algorithm",
            "时间戳使用的算法 {algorithm} 不在准用之列。",
            algorithm=algorithm_name(signer.signature_algorithm),
        )
    if not certificate.public_key.verify(signature_from_raw(signer.signature), signer.signed_octets):
        raise CheckFailed(
            "TOTAL-FAILED",
            "SIG_CRYPTO_FAILURE",
            "timestamp.bad_signature",
            "时间戳的签名与时间戳机构“{tsa}”的公钥不符，时间戳可能被篡改。",
            tsa=certificate.common_name,
        )


def _check_not_future(token: Timestamp, known_at: datetime) -> None:
    if token.gen_time > known_at + MAX_SKEW:
        raise CheckFailed(
            "INDETERMINATE",
            "TIMESTAMP_ORDER_FAILURE",
            "timestamp.in_future",
            "时间戳的时间 {gen_time} 晚于核验时间 {known_at}。",
            gen_time=token.gen_time.isoformat(),
            known_at=known_at.isoformat(),
        )


def _constraint(template: str, what: str) -> CheckFailed:
    return CheckFailed("INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "timestamp.attributes", template, what=what)


def binds_certificate(attributes: Mapping[str, bytes], certificate: Certificate) -> bool:
    """Do the signed attributes name ``certificate`` by its digest? Every one that is there must."""
    named = [
        _names(attributes[kind], default, certificate.der)
        for kind, default in ((_SIGNING_CERTIFICATE, SHA1), (_SIGNING_CERTIFICATE_V2, SHA256))
        if kind in attributes
    ]
    return bool(named) and all(named)


@lru_cache(maxsize=64)
def _names(value: bytes, default: str, certificate_der: bytes) -> bool:
    """Is the first ESSCertID of a SigningCertificate(V2) this certificate's?

    SHA-1 is met in the first version only; it adds to the path check and does not replace it.
    """
    try:
        identifier = Cursor(value).enter(SEQUENCE).enter(SEQUENCE).enter(SEQUENCE)
        algorithm = identifier.algorithm() if identifier.peek() == SEQUENCE else default
        expected = identifier.body(OCTET_STRING)
    except Malformed:
        return False
    if algorithm == SHA1:
        return default == SHA1 and hashlib.sha1(certificate_der, usedforsecurity=False).digest() == expected
    return algorithm in _DIGESTS and _DIGESTS[algorithm](certificate_der) == expected


def _octet_string(octets: bytes) -> bytes:
    return bytes((OCTET_STRING, len(octets))) + octets


_TST_INFO_DER: Final = oid(TST_INFO)

_DIGESTS: Final[dict[str, Callable[[bytes], bytes]]] = {
    SM3: sm3,
    SHA256: lambda data: hashlib.sha256(data).digest(),
    SHA384: lambda data: hashlib.sha384(data).digest(),
    SHA512: lambda data: hashlib.sha512(data).digest(),
}
