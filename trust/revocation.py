"""废止: was a certificate of the path revoked (RFC 5280, section 5; GB/T 20518), and may the list be believed?

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
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from asn1crypto import pem

from trust.algorithms import signature_allowed, sm3
from trust.certificates import Certificate
from trust.der_reader import BOOLEAN, CONTEXT_0, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, Cursor
from trust.der_reader import malformed as bad_der
from trust.errors import CheckFailed, Malformed

if TYPE_CHECKING:
    from trust.path import VerifiedPath

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
_TSA_HARMLESS: Final = frozenset({"affiliationChanged", "superseded", "cessationOfOperation"})
"""RFC 3161, 4: after a revocation for one of these, earlier time stamps keep their worth."""


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


@dataclass(frozen=True, slots=True)
class RevocationAnswer:
    """未废止: which list spoke for which certificate of the path."""

    lists: tuple[CertificateList, ...]
    """One per certificate, leaf first; none for the anchor."""

    @property
    def next_update(self) -> datetime | None:
        """When the first of the lists used grows stale."""
        return min((crl.next_update for crl in self.lists if crl.next_update), default=None)


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
        expired_from=_time_in(extensions, _EXPIRED_FROM),
        critical_unknown=_unknown(extensions, {_CRL_NUMBER, _AUTHORITY_KEY, _EXPIRED_FROM}),
        signature_algorithm=algorithm,
        tbs=tbs,
        signature=signature,
        digest=sm3(der),
        der=der,
    )


_Extensions = dict[str, tuple[bool, bytes]]
"""OID → (critical, octets of the value)."""


def _read_revoked(entries: Cursor | None) -> dict[int, Revoked]:
    found: dict[int, Revoked] = {}
    while entries:
        entry = entries.enter(SEQUENCE)
        serial, time = entry.integer(), entry.time()
        if serial in found:
            raise bad_der("serial number stands twice")
        found[serial] = _revoked(time, _extension_list(entry.enter(SEQUENCE))) if entry else Revoked(time, None)
        entry.finish()
    return found


def _revoked(time: datetime, extensions: _Extensions) -> Revoked:
    unknown = _unknown(extensions, {_REASON, _INVALIDITY})
    return Revoked(time, _reason(extensions), _time_in(extensions, _INVALIDITY), unknown)


def _reason(extensions: _Extensions) -> str | None:
    if _REASON not in extensions:
        return None
    value = Cursor(extensions[_REASON][1])
    number = value.integer(ENUMERATED)
    value.finish()
    if not 0 <= number < len(REASONS) or not REASONS[number]:
        raise bad_der("reason code")
    return REASONS[number]


def _extensions(tagged: Cursor | None) -> _Extensions:
    if tagged is None:
        return {}
    found = _extension_list(tagged.enter(SEQUENCE))
    tagged.finish()
    return found


def _extension_list(entries: Cursor) -> _Extensions:
    found: _Extensions = {}
    while entries:
        entry = entries.enter(SEQUENCE)
        oid = entry.oid()
        critical = entry.boolean() if entry.peek() == BOOLEAN else False
        if oid in found:
            raise bad_der("extension stands twice")
        found[oid] = (critical, entry.body(OCTET_STRING))
        entry.finish()
    return found


def _unknown(extensions: _Extensions, known: set[str]) -> tuple[str, ...]:
    return tuple(oid for oid, (critical, _) in extensions.items() if critical and oid not in known)


def _number(extensions: _Extensions) -> int | None:
    return Cursor(extensions[_CRL_NUMBER][1]).integer() if _CRL_NUMBER in extensions else None


def _time_in(extensions: _Extensions, oid: str) -> datetime | None:
    return Cursor(extensions[oid][1]).time() if oid in extensions else None


def _authority_key(extensions: _Extensions) -> bytes | None:
    if _AUTHORITY_KEY not in extensions:
        return None
    inner = Cursor(extensions[_AUTHORITY_KEY][1]).enter(SEQUENCE)
    return inner.body(0x80) if inner.peek() == 0x80 else None


# ---------------------------------------------------------------- checking


def check_revocation(
    path: VerifiedPath,
    crls: Iterable[CertificateList],
    moment: datetime,
    *,
    known_at: datetime,
    proved: bool,
) -> RevocationAnswer:
    """No certificate of ``path`` is revoked, as far as ``crls`` say; the anchor is not asked about.

    ``moment`` is the time of signing, ``proved`` by a time stamp or only claimed; ``known_at`` is the time
    of this verification: a list must not be stale then, and what is revoked later is not yet revoked.

    Raises ``CheckFailed``: ``revocation.revoked`` (TOTAL-FAILED/REVOKED: signed after revocation, by its
    proved time), ``revocation.revoked_no_poe`` (INDETERMINATE/REVOKED_NO_POE or REVOKED_CA_NO_POE),
    ``revocation.missing``, ``revocation.stale``, ``revocation.critical_extension``,
    ``revocation.bad_signature``, ``revocation.expired_not_listed`` (INDETERMINATE/TRY_LATER and others).
    """
    lists = tuple(crls)
    answers = []
    for position, certificate in enumerate(path.certificates[:-1]):
        issuer = path.certificates[position + 1]
        crl = _list_for(certificate, issuer, lists, moment if proved else known_at, known_at)
        _check_entry(crl.revoked.get(certificate.serial), certificate, moment, known_at, proved, ca=position > 0)
        answers.append(crl)
    return RevocationAnswer(tuple(answers))


def check_timestamp_authority(
    path: VerifiedPath, crls: Iterable[CertificateList], moment: datetime, *, known_at: datetime
) -> RevocationAnswer:
    """As ``check_revocation`` for a time-stamp authority that says it stamped at ``moment``.

    A stolen TSA key can stamp any time: only a revocation for a harmless reason (RFC 3161, section 4:
    affiliationChanged, superseded, cessationOfOperation) spares what was stamped before it.
    """
    lists = tuple(crls)
    for certificate, issuer in zip(path.certificates, path.certificates[1:], strict=False):
        crl = _list_for(certificate, issuer, lists, moment, known_at)
        entry = _counting(crl.revoked.get(certificate.serial), known_at)
        if entry is not None and entry.reason not in _TSA_HARMLESS:
            raise _revoked_no_poe(certificate, entry, ca=certificate is not path.certificates[0])
    return check_revocation(path, lists, moment, known_at=known_at, proved=True)


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
    believed = [crl for crl in named if _signed_by(issuer, crl)]
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


def _signed_by(issuer: Certificate, crl: CertificateList) -> bool:
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
