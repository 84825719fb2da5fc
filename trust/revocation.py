"""废止: was a certificate of the path revoked (RFC 5280, section 5; RFC 6960; GB/T 20518), and who says so?

Lists (``trust.crl``) and answers of responders (``trust.ocsp``) are weighed together: the newest of each kind
that is believed and fresh. A final revocation counts from either; a hold may be lifted by newer word; a
responder that does not know the certificate leaves it in doubt, whatever a list does not say.

Which revocation counts depends on what is known of the time of signing:

* ``proved``: a time stamp shows that the signature existed at ``moment``. A revocation that takes effect
  later does not touch it.
* claimed: the signer says so himself. Any revocation known now counts: whoever holds a stolen key can
  claim any time (REVOKED_NO_POE).

A revocation takes effect at its ``invalidityDate``, if that is earlier than the date of revocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from trust.algorithms import signature_allowed
from trust.certificates import Certificate
from trust.crl import MAX_SIZE as MAX_SIZE  # noqa: PLC0414 - given on, as the next four
from trust.crl import REASONS as REASONS  # noqa: PLC0414
from trust.crl import CertificateList as CertificateList  # noqa: PLC0414
from trust.crl import Revoked as Revoked  # noqa: PLC0414
from trust.crl import load_crl as load_crl  # noqa: PLC0414
from trust.errors import CheckFailed
from trust.i18n import N_
from trust.ocsp import OCSPAnswer, OCSPResponse, Status, check_responder

if TYPE_CHECKING:
    from trust.path import VerifiedPath

_TSA_HARMLESS: Final = frozenset({"affiliationChanged", "superseded", "cessationOfOperation"})
"""RFC 3161, 4: after a revocation for one of these, earlier time stamps keep their worth."""


@dataclass(frozen=True, slots=True)
class SilentSource:
    """无应答的信息源: where revocation was asked about and nothing usable came."""

    url: str
    issuer_name_der: bytes
    """Whose certificates it speaks of."""
    code: str
    """Of the error that was met: ``fetch.…``, ``source.…``, ``revocation.malformed`` …"""
    reason: str
    """Its message, in Chinese: for logs and for operators."""


@dataclass(frozen=True, slots=True)
class RevocationAnswer:
    """未废止: which lists and answers spoke for the certificates of the path."""

    lists: tuple[CertificateList, ...]
    """At most one per certificate, leaf first; none for the anchor."""
    ocsp: tuple[OCSPResponse, ...] = ()
    """Likewise. Every certificate has a list or an answer."""
    fresh_until: datetime | None = None
    """When the first of the answers used grows stale."""

    @property
    def next_update(self) -> datetime | None:
        """When the first of the lists and answers used grows stale."""
        ends = [crl.next_update for crl in self.lists if crl.next_update]
        return min(ends if self.fresh_until is None else [*ends, self.fresh_until], default=None)


class _Spoken(NamedTuple):
    """What is said of one certificate."""

    entry: Revoked | None
    crl: CertificateList | None
    response: OCSPResponse | None = None
    fresh_until: datetime | None = None


class _Evidence(NamedTuple):
    lists: tuple[CertificateList, ...]
    ocsp: tuple[OCSPResponse, ...]
    silent: tuple[SilentSource, ...]


# ---------------------------------------------------------------- checking


def check_revocation(
    path: VerifiedPath,
    crls: Iterable[CertificateList],
    moment: datetime,
    *,
    known_at: datetime,
    proved: bool,
    ocsp: Iterable[OCSPResponse] = (),
    silent: Iterable[SilentSource] = (),
) -> RevocationAnswer:
    """No certificate of ``path`` is revoked, as far as ``crls`` and ``ocsp`` say; the anchor is not asked about.

    ``moment`` is the time of signing, ``proved`` by a time stamp or only claimed; ``known_at`` is the time
    of this verification: evidence must not be stale then, and what is revoked later is not yet revoked.
    ``silent`` are sources that gave nothing: where evidence is missing, they are named.

    Raises ``CheckFailed``: ``revocation.revoked`` (TOTAL-FAILED/REVOKED: signed after revocation, by its
    proved time), ``revocation.revoked_no_poe`` (INDETERMINATE/REVOKED_NO_POE or REVOKED_CA_NO_POE),
    ``revocation.missing``, ``revocation.stale``, ``revocation.source_silent``, ``revocation.unknown``,
    ``revocation.responder``, ``revocation.critical_extension``, ``revocation.bad_signature``,
    ``revocation.ocsp_stale``, ``revocation.expired_not_listed`` (INDETERMINATE/TRY_LATER and others).
    """
    evidence = _Evidence(tuple(crls), tuple(ocsp), tuple(silent))
    needed_at = moment if proved else known_at
    spoken = []
    for position, certificate in enumerate(path.certificates[:-1]):
        said = _ask(certificate, path.certificates[position + 1], evidence, needed_at, known_at)
        if said.entry is not None:
            _check_entry(said.entry, certificate, moment, known_at, proved, ca=position > 0)
        spoken.append(said)
    return _answer(spoken)


def _answer(spoken: Sequence[_Spoken]) -> RevocationAnswer:
    lists = tuple([said.crl for said in spoken if said.crl is not None])
    responses = tuple([said.response for said in spoken if said.response is not None])
    if not responses:
        return RevocationAnswer(lists)
    return RevocationAnswer(lists, responses, min(said.fresh_until for said in spoken if said.fresh_until is not None))


def check_timestamp_authority(
    path: VerifiedPath,
    crls: Iterable[CertificateList],
    moment: datetime,
    *,
    known_at: datetime,
    ocsp: Iterable[OCSPResponse] = (),
    silent: Iterable[SilentSource] = (),
) -> RevocationAnswer:
    """As ``check_revocation`` for a time-stamp authority that says it stamped at ``moment``.

    A stolen TSA key can stamp any time: only a revocation for a harmless reason (RFC 3161, section 4:
    affiliationChanged, superseded, cessationOfOperation) spares what was stamped before it.
    """
    evidence = _Evidence(tuple(crls), tuple(ocsp), tuple(silent))
    spoken = []
    for position, (certificate, issuer) in enumerate(zip(path.certificates, path.certificates[1:], strict=False)):
        said = _ask(certificate, issuer, evidence, moment, known_at)
        entry = _counting(said.entry, known_at)
        if entry is not None and entry.reason not in _TSA_HARMLESS:
            raise _revoked_no_poe(certificate, entry, ca=position > 0)
        _check_entry(entry, certificate, moment, known_at, proved=True, ca=position > 0)
        spoken.append(said)
    return _answer(spoken)


def _check_entry(
    entry: Revoked | None, certificate: Certificate, moment: datetime, known_at: datetime, proved: bool, *, ca: bool
) -> None:
    entry = _counting(entry, known_at)
    if entry is None or (proved and moment < entry.effective):
        return
    if proved and not ca:
        raise CheckFailed(
            "TOTAL-FAILED",
            "REVOKED",
            "revocation.revoked",
            "证书“{subject}”已于 {time} 被废止（原因 {reason}），签章时间 {moment} 在其后。",
            subject=certificate.common_name,
            time=entry.effective.isoformat(),
            reason=entry.reason or "-",
            moment=moment.isoformat(),
        )
    raise _revoked_no_poe(certificate, entry, ca=ca)


def _counting(entry: Revoked | None, known_at: datetime) -> Revoked | None:
    """The entry, if it revokes anything by what was known at ``known_at``."""
    if entry is None or entry.reason == "removeFromCRL" or min(entry.effective, entry.time) > known_at:
        return None
    return entry


def _revoked_no_poe(certificate: Certificate, entry: Revoked, *, ca: bool) -> CheckFailed:
    return CheckFailed(
        "INDETERMINATE",
        "REVOKED_CA_NO_POE" if ca else "REVOKED_NO_POE",
        "revocation.revoked_no_poe",
        "证书“{subject}”已于 {time} 被废止（原因 {reason}），没有可信时间证明签名产生于废止之前。",
        subject=certificate.common_name,
        time=entry.effective.isoformat(),
        reason=entry.reason or "-",
    )


# ---------------------------------------------------------------- lists and responders weighed together


def _ask(
    certificate: Certificate, issuer: Certificate, evidence: _Evidence, needed_at: datetime, known_at: datetime
) -> _Spoken:
    """What the newest believable list and answer say of ``certificate``."""
    try:
        if not evidence.ocsp:
            crl = _list_for(certificate, issuer, evidence.lists, needed_at, known_at)
            return _Spoken(crl.revoked.get(certificate.serial), crl)
        return _ask_both(certificate, issuer, evidence, needed_at, known_at)
    except CheckFailed as failure:
        raise _naming_the_silent(failure, issuer, evidence.silent) from None


def _ask_both(
    certificate: Certificate, issuer: Certificate, evidence: _Evidence, needed_at: datetime, known_at: datetime
) -> _Spoken:
    found, doubt = _answer_for(certificate, issuer, evidence, known_at)
    try:
        crl = _list_for(certificate, issuer, evidence.lists, needed_at, known_at)
    except CheckFailed as missing:
        if found is None:
            raise (doubt if doubt is not None and missing.code == "revocation.missing" else missing) from None
        crl = None
    listed = crl.revoked.get(certificate.serial) if crl is not None else None
    if found is None:
        return _Spoken(listed, crl)
    response, answer = found
    if answer.status is Status.UNKNOWN and listed is None:
        raise _unknown_to_responder(certificate, issuer)
    newer = crl is None or crl.this_update <= answer.this_update
    entry = _weigh(answer.revoked, listed) if newer else _weigh(listed, answer.revoked)
    return _Spoken(entry, crl, response, answer.fresh_until)


def _weigh(newer: Revoked | None, older: Revoked | None) -> Revoked | None:
    """The newer word; but what is revoked for good stays so."""
    lifted = older is None or older.reason in ("certificateHold", "removeFromCRL")
    if newer is not None and newer.reason != "removeFromCRL":
        return newer if older is None or lifted or newer.effective <= older.effective else older
    return None if lifted else older


def _answer_for(
    certificate: Certificate, issuer: Certificate, evidence: _Evidence, known_at: datetime
) -> tuple[tuple[OCSPResponse, OCSPAnswer] | None, CheckFailed | None]:
    """The newest believed answer about ``certificate``; or why the newest one is not believed."""
    about = [(r, a) for r in evidence.ocsp if (a := r.about(certificate, issuer)) is not None]
    doubt: CheckFailed | None = None
    for response, answer in sorted(about, key=lambda pair: pair[1].this_update, reverse=True):
        try:
            _check_answer(response, answer, certificate, issuer, evidence.lists, known_at)
        except CheckFailed as failure:
            doubt = doubt or failure
        else:
            return (response, answer), None
    return None, doubt


def _check_answer(
    response: OCSPResponse,
    answer: OCSPAnswer,
    certificate: Certificate,
    issuer: Certificate,
    lists: Sequence[CertificateList],
    known_at: datetime,
) -> None:
    """May the answer be used: fresh, signed by who may, still speaking of expired certificates."""
    if answer.critical_unknown:
        raise _unusable(
            "revocation.ocsp_critical", certificate, N_("关于证书“{subject}”的在线应答含有无法处理的关键内容。")
        )
    responder = check_responder(response, issuer, known_at=known_at)
    if not responder.no_check and responder is not issuer:
        _check_delegate(responder, issuer, lists, response.produced_at, known_at)
    if answer.fresh_until < known_at:
        raise _unusable("revocation.ocsp_stale", certificate, N_("证书“{subject}”的在线状态应答已过期。"))
    cutoff, ended = answer.archive_cutoff, certificate.not_after
    if answer.status is Status.GOOD and answer.this_update > ended and (cutoff is None or cutoff > ended):
        raise CheckFailed(
            "INDETERMINATE",
            "OUT_OF_BOUNDS_NO_POE",
            "revocation.expired_not_listed",
            "证书“{subject}”已于 {not_after} 到期，在线状态服务不再说明到期证书，无法确认其到期前是否曾被废止。",
            subject=certificate.common_name,
            not_after=ended.isoformat(),
        )


def _check_delegate(
    responder: Certificate,
    issuer: Certificate,
    lists: Sequence[CertificateList],
    needed_at: datetime,
    known_at: datetime,
) -> None:
    """A responder whose certificate does not say ocsp-nocheck must stand in no list of its issuer."""
    crl = _list_for(responder, issuer, lists, needed_at, known_at)
    if _counting(crl.revoked.get(responder.serial), known_at) is not None:
        raise _unusable(
            "revocation.responder", responder, N_("在线证书状态服务的证书“{subject}”已被废止，其应答不予采信。")
        )


def _unusable(code: str, certificate: Certificate, template: str) -> CheckFailed:
    return CheckFailed("INDETERMINATE", "TRY_LATER", code, template, subject=certificate.common_name)


def _unknown_to_responder(certificate: Certificate, issuer: Certificate) -> CheckFailed:
    return CheckFailed(
        "INDETERMINATE",
        "TRY_LATER",
        "revocation.unknown",
        "证书机构“{issuer}”的在线状态服务不认识证书“{subject}”，不能确认该证书由其签发且未被废止。",
        issuer=issuer.common_name,
        subject=certificate.common_name,
    )


def _naming_the_silent(failure: CheckFailed, issuer: Certificate, silent: Sequence[SilentSource]) -> CheckFailed:
    """Where evidence is missing or stale and its source was asked in vain: that is what went wrong."""
    if not silent or failure.code not in ("revocation.missing", "revocation.stale", "revocation.ocsp_stale"):
        return failure
    asked = [source for source in silent if source.issuer_name_der == issuer.subject_name_der]
    if not asked:
        return failure
    return CheckFailed(
        "INDETERMINATE",
        "TRY_LATER",
        "revocation.source_silent",
        "证书机构“{issuer}”的废止信息源 {urls} 没有可用的应答（{reason}），无法确认证书是否已被废止。",
        issuer=issuer.common_name,
        urls=", ".join(source.url for source in asked)[:400],
        reason=asked[0].code,
    )


# ---------------------------------------------------------------- which list speaks


def _list_for(
    certificate: Certificate,
    issuer: Certificate,
    lists: Sequence[CertificateList],
    needed_at: datetime,
    known_at: datetime,
) -> CertificateList:
    """The newest believable list of ``issuer``, fresh at ``known_at``, that still speaks of ``certificate``."""
    named = [crl for crl in lists if crl.issuer_name_der == certificate.issuer_name_der]
    believed = [crl for crl in named if crl_signed_by(issuer, crl)]
    if not believed:
        raise _no_list(certificate, issuer, named)
    newest = max(believed, key=lambda crl: (crl.this_update, crl.number or 0))
    _check_usable(newest, certificate, known_at)
    if newest.this_update > certificate.not_after and certificate.serial not in newest.revoked:
        return _still_speaking(believed, newest, certificate, needed_at)
    return newest


def _check_usable(crl: CertificateList, certificate: Certificate, known_at: datetime) -> None:
    entry = crl.revoked.get(certificate.serial)
    unknown = crl.critical_unknown + (entry.critical_unknown if entry else ())
    if unknown or not signature_allowed(crl.signature_algorithm, crl.this_update):
        raise CheckFailed(
            "INDETERMINATE",
            "TRY_LATER",
            "revocation.critical_extension",
            "签发证书“{subject}”的机构的废止列表含有无法处理的关键内容：{what}。",
            subject=certificate.common_name,
            what=", ".join(unknown) or crl.signature_algorithm,
        )
    if crl.next_update is None or crl.next_update < known_at:
        raise CheckFailed(
            "INDETERMINATE",
            "TRY_LATER",
            "revocation.stale",
            "证书“{subject}”的废止列表已过期（应于 {next_update} 前更新），无法确认该证书是否已被废止。",
            subject=certificate.common_name,
            next_update=crl.next_update.isoformat() if crl.next_update else "-",
        )


def _still_speaking(
    believed: Sequence[CertificateList], newest: CertificateList, certificate: Certificate, needed_at: datetime
) -> CertificateList:
    """An expired certificate may have been dropped from newer lists: find one that still had to name it."""
    ended = certificate.not_after
    if newest.expired_from is not None and newest.expired_from <= ended:
        return newest
    for crl in sorted(believed, key=lambda crl: crl.this_update, reverse=True):
        if needed_at <= crl.this_update <= ended or certificate.serial in crl.revoked:
            return crl
    raise CheckFailed(
        "INDETERMINATE",
        "OUT_OF_BOUNDS_NO_POE",
        "revocation.expired_not_listed",
        "证书“{subject}”已于 {not_after} 到期，现有废止列表不再包含到期证书，无法确认其到期前是否曾被废止。",
        subject=certificate.common_name,
        not_after=ended.isoformat(),
    )


def _no_list(certificate: Certificate, issuer: Certificate, named: Sequence[CertificateList]) -> CheckFailed:
    if named:
        return CheckFailed(
            "INDETERMINATE",
            "TRY_LATER",
            "revocation.bad_signature",
            "以“{issuer}”名义签发的废止列表签名不正确，无法确认证书“{subject}”是否已被废止。",
            issuer=issuer.common_name,
            subject=certificate.common_name,
        )
    return CheckFailed(
        "INDETERMINATE",
        "TRY_LATER",
        "revocation.missing",
        "缺少“{issuer}”签发的证书废止列表，无法确认证书“{subject}”是否已被废止。",
        issuer=issuer.common_name,
        subject=certificate.common_name,
    )


_signature_answers: dict[tuple[bytes, bytes], bool] = {}


def crl_signed_by(issuer: Certificate, crl: CertificateList) -> bool:
    """Did ``issuer`` sign ``crl``, being allowed to (cRLSign)? Remembered by both digests."""
    key = (issuer.digest, crl.digest)
    answer = _signature_answers.get(key)
    if answer is None:
        allowed = issuer.key_usage is None or "crl_sign" in issuer.key_usage
        answer = allowed and issuer.point is not None and issuer.public_key.verify(crl.signature, crl.tbs)
        if len(_signature_answers) >= 4096:
            _signature_answers.clear()
        _signature_answers[key] = answer
    return answer
