"""印章核验: is this seal sound, and may this signer use it (GB/T 38540-2020, clauses 6.3 and 7.3)?

Each function answers one question and raises ``CheckFailed`` (codes ``seal.*``); ``check_seal`` asks those about
the seal itself in order. The maker's signature is remembered per seal, the path by the trust store.

The maker is judged at the time the seal was made, not at the time it was used: real seals outlive their
maker's certificate. A revocation of the maker, in contrast, is judged at the signing moment if a time stamp
proves it, else as known now.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from seal.message import DISCLOSURE_ROOT_OID
from seal.ses import SESeal, SESSignature
from trust.algorithms import SHA256, SM2_WITH_SM3, SM3, sm3
from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, Malformed, Refused
from trust.path import VerifiedPath, build_path
from trust.revocation import RevocationAnswer, check_revocation
from trust.sm2 import signature_from_raw
from trust.timestamp import MAX_SKEW, check_timestamp

KNOWN_SEAL_EXTENSIONS: frozenset[str] = frozenset()
"""Seal extensions we understand; a critical one outside this set stops the seal."""
KNOWN_SIGNATURE_EXTENSIONS = frozenset({DISCLOSURE_ROOT_OID})
"""TBS extensions we understand."""
_HEADER_VERSIONS = {"SES-V4": (4,), "SES-V5": (5,)}


@dataclass(frozen=True, slots=True)
class VerifiedSeal:
    """核验过的印章: sound in itself and usable at the moment asked about."""

    seal: SESeal
    maker: VerifiedPath
    """From the maker's certificate to an anchor for seal makers."""
    revocation: RevocationAnswer
    """Which lists spoke for the maker's path."""


def check_seal(
    seal: SESeal, store: TrustStore, *, moment: datetime, known_at: datetime, proved: bool = False
) -> VerifiedSeal:
    """印章核验 (6.3): form, maker's signature, maker, time stamp if any, validity at ``moment``.

    ``moment`` is the time of signing, ``proved`` by a time stamp or only claimed; ``known_at`` is the time of
    this verification. Raises ``CheckFailed`` of the first check that fails; to hear all of them, call
    ``check_seal_form``, ``check_maker_signature``, ``check_maker``, ``check_seal_time`` and ``check_seal_period``
    one by one.
    """
    check_seal_form(seal)
    check_maker_signature(seal)
    verified = check_maker(seal, store, moment=moment, known_at=known_at, proved=proved)
    check_seal_time(seal, store, known_at=known_at)
    check_seal_period(seal, moment=moment, known_at=known_at, proved=proved)
    return verified


def check_seal_form(seal: SESeal) -> None:
    """Does the seal follow its standard, with nothing in it that must be understood and is not?

    Raises ``CheckFailed``: ``seal.version``, ``seal.period``, ``seal.algorithm``, ``seal.critical_extension``.
    """
    versions = _HEADER_VERSIONS.get(seal.structure)
    if versions and seal.version not in versions:
        raise CheckFailed(
            "TOTAL-FAILED",
            "FORMAT_FAILURE",
            "seal.version",
            "印章声明的版本 {version} 与其结构（{structure}）不符。",
            version=seal.version,
            structure=seal.structure,
        )
    if seal.valid_from > seal.valid_to:
        raise CheckFailed(
            "TOTAL-FAILED",
            "FORMAT_FAILURE",
            "seal.period",
            "印章“{name}”的有效期起止颠倒。",
            name=seal.name,
        )
    if seal.algorithm != SM2_WITH_SM3:
        raise CheckFailed(
            "INDETERMINATE",
            "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
            "seal.algorithm",
            "制章人签名算法 {algorithm} 不在准用之列，应为 SM2（{expected}）。",
            algorithm=seal.algorithm,
            expected=SM2_WITH_SM3,
        )
    _check_extensions(seal)


def _check_extensions(seal: SESeal) -> None:
    for extension in seal.extensions:
        if extension.critical and extension.oid not in KNOWN_SEAL_EXTENSIONS:
            raise CheckFailed(
                "INDETERMINATE",
                "SIG_CONSTRAINTS_FAILURE",
                "seal.critical_extension",
                "印章含有无法处理的关键扩展项 {oid}。",
                oid=extension.oid,
            )


def check_maker_signature(seal: SESeal) -> None:
    """Did the maker named in the seal sign exactly this seal? Remembered per seal.

    Raises ``CheckFailed``: ``seal.maker_certificate`` (unreadable, or not an SM2 key), ``seal.maker_signature``.
    """
    maker = _maker(seal)
    if not _maker_signed(seal.maker_certificate, seal.signature, seal.signed):
        raise CheckFailed(
            "TOTAL-FAILED",
            "SIG_CRYPTO_FAILURE",
            "seal.maker_signature",
            "印章“{name}”的制章人签名不正确：印章被改动过，或不是“{maker}”制作的。",
            name=seal.name,
            maker=maker.common_name,
        )


def _maker(seal: SESeal) -> Certificate:
    try:
        return load_certificate(seal.maker_certificate)
    except Malformed as error:
        raise _bad_maker(seal, error) from error


def _bad_maker(seal: SESeal, error: Malformed) -> CheckFailed:
    return CheckFailed(
        "TOTAL-FAILED",
        "FORMAT_FAILURE",
        "seal.maker_certificate",
        "印章“{name}”中的制章人证书不可用：{reason}",
        name=seal.name,
        reason=error.message,
    )


@lru_cache(maxsize=256)
def _maker_signed(certificate: bytes, signature: bytes, signed: bytes) -> bool:
    maker = load_certificate(certificate)
    try:
        return maker.point is not None and maker.public_key.verify(signature_from_raw(signature), signed)
    except Malformed:
        return False


def check_maker(
    seal: SESeal, store: TrustStore, *, moment: datetime, known_at: datetime, proved: bool = False
) -> VerifiedSeal:
    """制章人: is there a trusted path from the maker to an anchor for seal makers, and is none of it revoked?

    The path is judged at ``seal.created``. Raises ``CheckFailed`` from ``trust.path`` and ``trust.revocation``
    as they are (codes ``certificate.*``, ``revocation.*``), and ``seal.maker_certificate``.
    """
    path = build_path(_maker(seal), store, Purpose.SEAL_MAKER, seal.created)
    judged = moment if proved else seal.created
    answer = check_revocation(
        path, store.crls, judged, known_at=known_at, proved=proved, ocsp=store.ocsp, silent=store.silent
    )
    return VerifiedSeal(seal, path, answer)


def check_seal_time(seal: SESeal, store: TrustStore, *, known_at: datetime) -> None:
    """制章时间戳 (V5): where the seal brings a time stamp over its maker's signature, does it hold and fit?

    Raises ``CheckFailed``: ``timestamp.*`` and others of ``trust.timestamp``, ``seal.stamped_before_made``.
    """
    if seal.timestamp is None:
        return
    proved = check_timestamp(seal.timestamp, seal.signature, store, known_at=known_at)
    if seal.created > proved.time + MAX_SKEW:
        raise CheckFailed(
            "INDETERMINATE",
            "TIMESTAMP_ORDER_FAILURE",
            "seal.stamped_before_made",
            "印章“{name}”自称的制作时间 {created} 晚于其时间戳证明的时间 {proved}。",
            name=seal.name,
            created=seal.created.isoformat(),
            proved=proved.time.isoformat(),
        )


def check_seal_period(seal: SESeal, *, moment: datetime, known_at: datetime, proved: bool = False) -> None:
    """印章有效期: was the seal valid at ``moment``, and can we believe that it was then?

    Raises ``CheckFailed``: ``seal.not_yet_valid``, ``seal.expired`` (used outside its period by the signer's own
    word), ``seal.not_yet_made``, ``seal.expired_no_poe`` (ended since, and only the signer says it was used before).
    """
    if moment < seal.valid_from:
        raise _outside(seal, moment, "NOT_YET_VALID", "seal.not_yet_valid")
    if moment > seal.valid_to:
        raise _outside(seal, moment, "EXPIRED", "seal.expired")
    if moment < seal.created:
        raise CheckFailed(
            "TOTAL-FAILED",
            "NOT_YET_VALID",
            "seal.not_yet_made",
            "签章时间 {moment} 早于印章“{name}”的制作时间 {created}。",
            moment=moment.isoformat(),
            name=seal.name,
            created=seal.created.isoformat(),
        )
    if not proved and known_at > seal.valid_to:
        raise CheckFailed(
            "INDETERMINATE",
            "OUT_OF_BOUNDS_NO_POE",
            "seal.expired_no_poe",
            "印章“{name}”已于 {valid_to} 到期，没有可信时间证明签章在到期之前完成。",
            name=seal.name,
            valid_to=seal.valid_to.isoformat(),
        )


def _outside(seal: SESeal, moment: datetime, sub_indication: str, code: str) -> CheckFailed:
    return CheckFailed(
        "TOTAL-FAILED",
        sub_indication,
        code,
        "签章时间 {moment} 不在印章“{name}”的有效期（{valid_from} 至 {valid_to}）内。",
        moment=moment.isoformat(),
        name=seal.name,
        valid_from=seal.valid_from.isoformat(),
        valid_to=seal.valid_to.isoformat(),
    )


# ---------------------------------------------------------------- seal and signer


def check_signer_listed(seal: SESeal, certificate_der: bytes) -> None:
    """签章人在列: does the seal name this very certificate (certListType 1) or its digest (2)?

    Raises ``CheckFailed``: ``seal.signer_not_listed``; ``seal.signer_list_unknown`` where the list holds digests of
    kinds we cannot compute.
    """
    if certificate_der in seal.certificates:
        return
    kinds = {_digest_kind(kind) for kind, _ in seal.certificate_digests}
    if any(value == _digest(_digest_kind(kind), certificate_der) for kind, value in seal.certificate_digests):
        return
    if kinds == {""}:
        raise CheckFailed(
            "INDETERMINATE",
            "SIG_CONSTRAINTS_FAILURE",
            "seal.signer_list_unknown",
            "印章“{name}”以无法识别的摘要算法登记签章人，无法确认签章人是否在列。",
            name=seal.name,
        )
    raise CheckFailed(
        "TOTAL-FAILED",
        "SIGNER_NOT_IN_SEAL",
        "seal.signer_not_listed",
        "签章人的证书不在印章“{name}”登记的签章人之列，无权使用该印章。",
        name=seal.name,
    )


def _digest_kind(stated: str) -> str:
    """``sm3``, ``sha256`` or ``""``: the standard's text for CertDigestObj.type is not known; products write words."""
    plain = stated.lower().replace("-", "")
    if "sm3" in plain or stated == SM3:
        return "sm3"
    return "sha256" if "sha256" in plain or stated == SHA256 else ""


def _digest(kind: str, data: bytes) -> bytes | None:
    if kind == "sm3":
        return sm3(data)
    return hashlib.sha256(data).digest() if kind == "sha256" else None


def check_signature_form(signature: SESSignature) -> None:
    """Does the seal signature state what its structure is, with no critical extension we do not understand?

    Raises ``CheckFailed``: ``signature.version``, ``signature.algorithm``, ``signature.critical_extension``.
    """
    expected = signature.seal.version
    if signature.version != expected:
        raise CheckFailed(
            "TOTAL-FAILED",
            "FORMAT_FAILURE",
            "signature.version",
            "签章声明的版本 {version} 与其中印章的版本 {expected} 不符。",
            version=signature.version,
            expected=expected,
        )
    if signature.algorithm != SM2_WITH_SM3:
        raise CheckFailed(
            "INDETERMINATE",
            "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
            "signature.algorithm",
            "签章算法 {algorithm} 不在准用之列，应为 SM2（{expected}）。",
            algorithm=signature.algorithm,
            expected=SM2_WITH_SM3,
        )
    for extension in signature.extensions:
        if extension.critical and extension.oid not in KNOWN_SIGNATURE_EXTENSIONS:
            raise CheckFailed(
                "INDETERMINATE",
                "SIG_CONSTRAINTS_FAILURE",
                "signature.critical_extension",
                "签章含有无法处理的关键扩展项 {oid}。",
                oid=extension.oid,
            )


def disclosure_root_in(signature: SESSignature) -> bytes | None:
    """The disclosure root in the TBS extensions (32 octets), or None where there is none.

    Raises ``CheckFailed("signature.disclosure_root")`` where it is malformed or stands there twice.
    """
    values = [e.value for e in signature.extensions if e.oid == DISCLOSURE_ROOT_OID]
    if not values:
        return None
    if len(values) > 1 or len(values[0]) != 32:
        raise CheckFailed(
            "TOTAL-FAILED", "FORMAT_FAILURE", "signature.disclosure_root", "签章中的字段摘要根无效或重复。"
        )
    return values[0]


def check_seal_usable(seal: SESeal, signer: Certificate, moment: datetime) -> None:
    """可否用印: may ``signer`` put this seal on something at ``moment``?

    Raises ``Refused`` with the code of the check that says no, or ``signer.not_valid``.
    """
    try:
        check_seal_form(seal)
        check_maker_signature(seal)
        check_seal_period(seal, moment=moment, known_at=moment)
        check_signer_listed(seal, signer.der)
    except CheckFailed as failure:
        raise Refused(failure.code, failure.template, remedy="", **failure.params) from failure
    check_signer_usable(signer, moment)


def check_signer_usable(signer: Certificate, moment: datetime) -> None:
    """可否签名: is the signer's certificate valid at ``moment``, and may its key sign?

    Raises ``Refused``: ``signer.not_valid``, ``signer.usage``.
    """
    if not signer.not_before <= moment <= signer.not_after:
        raise Refused(
            "signer.not_valid",
            "签章人证书“{subject}”不在有效期（{start} 至 {end}）内，不能用印。",
            subject=signer.common_name,
            start=signer.not_before.isoformat(),
            end=signer.not_after.isoformat(),
        )
    if signer.key_usage is not None and not signer.key_usage & {"digital_signature", "non_repudiation"}:
        raise Refused("signer.usage", "签章人证书“{subject}”的密钥用法不含签名，不能用印。", subject=signer.common_name)
