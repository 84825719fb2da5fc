"""RSA 与 ECDSA 签名: PDF signatures of elsewhere, judged by pyHanko with our trust anchors and our rules.

SM2 is our own ground (``verify.pdf.judging``); for the algorithms of RFC 8017 and FIPS 186 the library's path building,
revocation and time stamps are used as they are. Only what the anchors of ``TrustStore`` vouch for is believed; what it
knows of revocation is what the store and the file itself carry: nothing is fetched.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asn1crypto import crl, ocsp, x509
from pyhanko.sign.diff_analysis import DiffPolicy, DiffResult, ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from trust.path import NOT_FOR_SEALS
from verify import checks
from verify.checks import Question, SigningTime
from verify.pdf.opening import BROKEN, OpenedPDF
from verify.remarks import Remark
from verify.report import Indication, Severity

if TYPE_CHECKING:
    from pyhanko.sign.validation.status import PdfSignatureStatus

    from verify.pdf.judging import Judged

FAILED, INDETERMINATE = Indication.FAILED, Indication.INDETERMINATE


class _Elsewhere(DiffPolicy):
    """What changed after the signature is asked by ``verify.pdf.changes``."""

    def apply(self, old: Any, new: Any, field_mdp_spec: Any = None, doc_mdp: Any = None) -> DiffResult:
        return DiffResult(ModificationLevel.NONE, set())

    def review_file(
        self, reader: Any, base_revision: Any, field_mdp_spec: Any = None, doc_mdp: Any = None
    ) -> DiffResult:
        return DiffResult(ModificationLevel.NONE, set())


def judge(judged: Judged, opened: OpenedPDF, trust: TrustStore, question: Question) -> None:
    """值·时间·证书 of a signature whose algorithm is not SM2; adds findings to ``judged``."""
    signature = judged.signature
    try:
        embedded = EmbeddedPdfSignature(opened.reader, signature.reference.get_object(), signature.id)
        status = asyncio.run(_validate(embedded, trust, question.latest))
        stamp = status.timestamp_validity
        if not status.trusted and stamp is not None and stamp.valid and stamp.intact and stamp.trusted:
            # a time stamp shows that it existed then: certificate and revocation are judged as of that time
            status = asyncio.run(_validate(embedded, trust, question.latest, signed_at=stamp.timestamp))
    except SignatureValidationError as error:
        judged.found.add_failures([_unreadable(signature.id, error)])
        return
    except BROKEN as error:
        judged.found.add_failures([_unreadable(signature.id, error)])
        return
    with judged.found.asking():
        judged.signer = _certificate(status)
    _establish_time(judged, status)
    judged.found.ask(_check_intact, signature.id, status)
    if judged.signer is not None:
        judged.found.ask(_check_usage, judged.signer)
        time = judged.time or SigningTime(question.latest, proved=False)
        judged.found.ask(checks.check_signed_in_period, judged.signer, time)
    if status.intact and status.valid:
        judged.found.ask(_check_trusted, status, proved=judged.time is not None and judged.time.proved)


async def _validate(
    embedded: Any, trust: TrustStore, now: datetime, *, signed_at: datetime | None = None
) -> PdfSignatureStatus:
    return await async_validate_pdf_signature(
        embedded,
        signer_validation_context=_context(trust, Purpose.SIGNER, signed_at or now, proved=signed_at is not None),
        ts_validation_context=_context(trust, Purpose.TIMESTAMP, now),
        diff_policy=_Elsewhere(),
        skip_diff=True,
    )


def _context(trust: TrustStore, purpose: Purpose, moment: datetime, *, proved: bool = False) -> ValidationContext:
    """Anchors of ``purpose`` believed at ``moment``, and the lists at hand; later lists speak of a proved time too."""
    anchors = [a.certificate.der for a in trust.anchors if purpose in a.purposes and a.covers(moment)]
    return ValidationContext(
        trust_roots=[x509.Certificate.load(der) for der in anchors],
        other_certs=[x509.Certificate.load(one.der) for one in trust.intermediates],
        crls=[crl.CertificateList.load(one.der) for one in trust.crls],
        ocsps=[ocsp.OCSPResponse.load(one.der) for one in trust.ocsp],
        moment=moment,
        retroactive_revinfo=proved,
        allow_fetching=False,
        revocation_mode="require",
        weak_hash_algos={"md2", "md5", "sha1"},
    )


def _certificate(status: PdfSignatureStatus) -> Any:
    try:
        return load_certificate(status.signing_cert.dump())
    except Malformed as error:
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "signature.certificate_malformed", "签名人证书无法解析：{detail}", detail=error
        ) from error


def _establish_time(judged: Judged, status: PdfSignatureStatus) -> None:
    stamp = status.timestamp_validity
    if stamp is not None and stamp.valid and stamp.intact and stamp.trusted:
        judged.time = SigningTime(stamp.timestamp, proved=True, authority=stamp.signing_cert.subject.human_friendly)
        return
    if stamp is not None:
        template = N_("签名所带的时间戳不能确认（时间戳机构“{tsa}”不在信任之列，或时间戳不完整），签名时间仅为自称。")
        name = stamp.signing_cert.subject.human_friendly
        judged.found.add_remarks([Remark(Severity.WARNING, "pdf.stamp_not_believed", template, {"tsa": name})])
    claimed = status.signer_reported_dt
    if isinstance(claimed, datetime) and claimed.tzinfo is not None:
        judged.time = SigningTime(claimed, proved=False)


def _check_intact(field: str, status: PdfSignatureStatus) -> None:
    """Do digest and value fit?"""
    if not status.intact:
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "pdf.digest_mismatch",
            "受签名“{field}”保护的内容在签名之后被改动：其杂凑值与签名中的不符。",
            field=field,
        )
    if not status.valid:
        raise CheckFailed(
            FAILED,
            "SIG_CRYPTO_FAILURE",
            "signature.value",
            "签名值与签名人“{signer}”的公钥不符：签名数据被改动，或并非由此人签署。",
            signer=status.signing_cert.subject.human_friendly,
        )


def _check_usage(certificate: Certificate) -> None:
    """May its key sign documents?"""
    usage, extended = certificate.key_usage, certificate.extended_key_usage
    closed = usage is not None and not usage & {"digital_signature", "non_repudiation"}
    if closed or (extended is not None and extended <= NOT_FOR_SEALS):
        raise CheckFailed(
            INDETERMINATE,
            "CHAIN_CONSTRAINTS_FAILURE",
            "certificate.extended_key_usage",
            "证书“{subject}”的扩展密钥用途不允许签署文件。",
            subject=certificate.common_name,
        )


def _check_trusted(status: PdfSignatureStatus, *, proved: bool) -> None:
    """Is the signer's certificate from an authority we believe, valid and not revoked?"""
    if status.trusted:
        return
    reason = status.trust_problem_indic
    name = reason.standard_name if reason is not None else "NO_CERTIFICATE_CHAIN_FOUND"
    if status.revocation_details is not None:
        name = "REVOKED" if proved else "REVOKED_NO_POE"
    why = _REASONS.get(name, _UNKNOWN)
    indication = FAILED if name == "REVOKED" else INDETERMINATE
    raise CheckFailed(indication, name, why.code, why.template, signer=status.signing_cert.subject.human_friendly)


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a path does not hold, in our words."""

    code: str
    template: str


_UNKNOWN = _Reason("pdf.path", N_("签名人证书“{signer}”的证书路径不能确认。"))
_MISSING = _Reason("pdf.revocation_missing", N_("签名人证书“{signer}”的废止信息缺失或过时，须由其颁发机构提供。"))
_REASONS = {
    "NO_CERTIFICATE_CHAIN_FOUND": _Reason(
        "pdf.untrusted", N_("签名人证书“{signer}”不能追溯到信任库中的任何信任锚。")
    ),
    "CHAIN_CONSTRAINTS_FAILURE": _Reason(
        "pdf.constraints", N_("签名人证书“{signer}”不能追溯到信任库中的任何信任锚，或路径上的证书用途不符。")
    ),
    "REVOKED_NO_POE": _Reason("pdf.revoked_no_poe", N_("签名人证书“{signer}”已被废止。")),
    "REVOKED": _Reason("pdf.revoked", N_("签名人证书“{signer}”在签名之前已被废止。")),
    "OUT_OF_BOUNDS_NO_POE": _Reason("pdf.expired", N_("签名人证书“{signer}”不在有效期内。")),
    "CERTIFICATE_CHAIN_GENERAL_FAILURE": _MISSING,
    "TRY_LATER": _MISSING,
}


def _unreadable(field: str, error: Exception) -> CheckFailed:
    detail = " ".join(str(error).split())[:160] or type(error).__name__
    return CheckFailed(
        FAILED,
        "FORMAT_FAILURE",
        "pdf.signature_malformed",
        "签名“{field}”无法解析：{detail}",
        field=field,
        detail=detail,
    )
