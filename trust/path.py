"""证书路径: from a certificate to a trust anchor, valid at a moment (RFC 5280, section 6; EN 319 102-1, 5.2.6).

Two questions, asked apart because the first has one answer for ever and the second depends on time:

1. Which chains of certificates hold by names, signatures, constraints and usages? (Remembered per store.)
2. Is one of them valid at the moment in question, and is its anchor believed then?

On time (EN 319 102-1, 5.5): ``moment`` with ``proved=True`` comes from a believed time stamp, and validity
at that moment is enough. With ``proved=False`` the moment is the signer's own claim: everything must be valid
at ``now`` as well, for a claimed time never rescues an expired signer (OUT_OF_BOUNDS_NO_POE).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from trust.algorithms import algorithm_name, signature_allowed
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.errors import CheckFailed
from trust.i18n import N_
from trust.revocation import RevocationAnswer, check_revocation, check_timestamp_authority
from trust.signed import SignedDocument

MAX_LENGTH: Final = 8
"""Most certificates in a path, anchor included."""
_MAX_TRIES: Final = 64
"""Most candidate issuers tried for one certificate."""
_MEMORY: Final = 4096

NOT_FOR_SEALS: Final = frozenset({"time_stamping", "ocsp_signing", "server_auth", "code_signing"})
"""Extended usages which, alone, exclude signing documents."""


@dataclass(frozen=True, slots=True)
class VerifiedPath:
    """已验证的证书路径: certificates from leaf to anchor, all valid at ``moment``."""

    certificates: tuple[Certificate, ...]
    anchor: TrustAnchor
    moment: datetime
    proved: bool = True

    @property
    def leaf(self) -> Certificate:
        return self.certificates[0]


@dataclass(frozen=True, slots=True)
class _Chain:
    """Holds by structure; not yet asked about time."""

    certificates: tuple[Certificate, ...]
    anchor: TrustAnchor


# ---------------------------------------------------------------- the doors


def build_path(
    certificate: Certificate,
    store: TrustStore,
    purpose: Purpose,
    moment: datetime,
    *,
    proved: bool = True,
    now: datetime | None = None,
    extra: Sequence[Certificate] = (),
) -> VerifiedPath:
    """A path for ``certificate`` to an anchor of ``store`` for ``purpose``, valid at ``moment``.

    ``proved``: is ``moment`` shown by a time stamp? If not, the path must hold at ``now`` too (default:
    ``moment``). ``extra`` are certificates that came along and may stand in between; never anchors.

    Raises ``CheckFailed``, all INDETERMINATE but the last: NO_CERTIFICATE_CHAIN_FOUND (names the missing
    issuer), CHAIN_CONSTRAINTS_FAILURE, CRYPTO_CONSTRAINTS_FAILURE, OUT_OF_BOUNDS_NO_POE,
    TOTAL-FAILED/NOT_YET_VALID (signed, by proof, before the certificate began).
    """
    chains, failure = _remembered_chains(certificate, store, purpose, tuple(extra))
    for chain in chains:
        try:
            _check_time(chain, moment, proved=proved, now=now or moment)
        except CheckFailed as late:
            failure = _worse(failure, late)
        else:
            return VerifiedPath(chain.certificates, chain.anchor, moment, proved)
    raise failure or _no_issuer(certificate, certificate)


def check_certificate(
    certificate: Certificate,
    store: TrustStore,
    purpose: Purpose,
    moment: datetime,
    *,
    known_at: datetime,
    proved: bool,
    extra: Sequence[Certificate] = (),
) -> tuple[VerifiedPath, RevocationAnswer]:
    """合法·在期·未废止: ``build_path`` and ``check_revocation`` in one; raises what they raise."""
    path = build_path(certificate, store, purpose, moment, proved=proved, now=known_at, extra=extra)
    crls, ocsp, silent = store.crls, store.ocsp, store.silent
    if purpose is Purpose.TIMESTAMP:
        return path, check_timestamp_authority(path, crls, moment, known_at=known_at, ocsp=ocsp, silent=silent)
    answer = check_revocation(path, crls, moment, known_at=known_at, proved=proved, ocsp=ocsp, silent=silent)
    return path, answer


def check_published(document: SignedDocument, store: TrustStore, issued_at: datetime, *, known_at: datetime) -> None:
    """Was ``document`` (a status list, a bundle) signed by a publisher whom ``store`` believes?

    The publisher's path must hold at ``issued_at`` and at ``known_at``, its own claim being no proof.
    """
    document.check_signature()
    publisher, *others = document.certificates
    check_certificate(publisher, store, Purpose.BUNDLE, issued_at, known_at=known_at, proved=False, extra=others)


# ---------------------------------------------------------------- 1: chains that hold by structure


def _remembered_chains(
    certificate: Certificate, store: TrustStore, purpose: Purpose, extra: tuple[Certificate, ...]
) -> tuple[tuple[_Chain, ...], CheckFailed | None]:
    key = (certificate.digest, purpose, tuple(c.digest for c in extra))
    found = cast("tuple[tuple[_Chain, ...], CheckFailed | None] | None", store.memory.get(key))
    if found is None:
        chains, failure = _find_chains(certificate, store, purpose, extra)
        found = chains, None if failure is None else _again(failure)
        if len(store.memory) >= _MEMORY:
            store.memory.clear()
        store.memory[key] = found
    chains, failure = found
    return chains, None if failure is None else _again(failure)


def _again(failure: CheckFailed) -> CheckFailed:
    """A fresh exception: a remembered one would drag along the frames of whoever met it first."""
    return CheckFailed(failure.indication, failure.sub_indication, failure.code, failure.template, **failure.params)


def _find_chains(
    certificate: Certificate, store: TrustStore, purpose: Purpose, extra: tuple[Certificate, ...]
) -> tuple[tuple[_Chain, ...], CheckFailed | None]:
    chains: list[_Chain] = []
    failure: CheckFailed | None = None
    try:
        _check_leaf(certificate, purpose)
    except CheckFailed as refused:
        return (), refused
    for result in _walk((certificate,), store, purpose, extra, [_MAX_TRIES]):
        if isinstance(result, _Chain):
            chains.append(result)
        else:
            failure = _worse(failure, result)
    return tuple(chains), failure


def _walk(
    chain: tuple[Certificate, ...],
    store: TrustStore,
    purpose: Purpose,
    extra: tuple[Certificate, ...],
    tries: list[int],
) -> Iterator[_Chain | CheckFailed]:
    """Every chain that continues ``chain`` to an anchor, and why the others end."""
    top = chain[-1]
    anchors = store.anchors_by_digest.get(top.digest, ())
    fitting = [anchor for anchor in anchors if purpose in anchor.purposes]
    yield from (_Chain(chain, anchor) for anchor in fitting)
    if fitting:
        return
    if anchors:
        yield _wrong_purpose(chain, purpose)
    candidates = [c for c in _candidates(top, store, extra) if all(c.digest != seen.digest for seen in chain)]
    if not candidates:
        yield _no_issuer(chain[0], top)
    elif len(chain) >= MAX_LENGTH:
        yield _constraint("certificate.path_too_long", chain[0], N_("证书“{subject}”的证书路径过长。"))
        return
    for issuer in candidates:
        tries[0] -= 1
        if tries[0] < 0:
            return
        try:
            _check_link(top, issuer)
            _check_authority(issuer, chain)
        except CheckFailed as failure:
            yield failure
        else:
            yield from _walk((*chain, issuer), store, purpose, extra, tries)


def _wrong_purpose(chain: tuple[Certificate, ...], purpose: Purpose) -> CheckFailed:
    return CheckFailed(
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
        "certificate.anchor_purpose",
        "信任锚“{anchor}”未被授权用于该用途（{purpose}），证书“{subject}”不能据此信任。",
        anchor=chain[-1].common_name,
        purpose=str(purpose),
        subject=chain[0].common_name,
    )


def _candidates(certificate: Certificate, store: TrustStore, extra: Iterable[Certificate]) -> list[Certificate]:
    """Certificates whose subject is the issuer's name; those whose key identifier fits come first."""
    name, hint = certificate.issuer_name_der, certificate.authority_key_id
    found = {c.digest: c for c in store.issuers_by_name.get(name, ())}
    found.update((c.digest, c) for c in extra if c.subject_name_der == name and c.digest not in found)
    return sorted(found.values(), key=lambda c: hint is not None and c.subject_key_id not in (None, hint))


def issuers_of(certificate: Certificate, store: TrustStore) -> tuple[Certificate, ...]:
    """颁发者: the certificates of ``store`` whose key signed ``certificate`` and which may issue."""
    found = []
    for issuer in _candidates(certificate, store, ())[:_MAX_TRIES]:
        try:
            _check_link(certificate, issuer)
            _check_authority(issuer, (certificate,))
        except CheckFailed:
            continue
        found.append(issuer)
    return tuple(found)


_link_answers: dict[tuple[bytes, bytes], bool] = {}


def _check_link(certificate: Certificate, issuer: Certificate) -> None:
    """Did ``issuer``'s key sign ``certificate``? Remembered by both digests."""
    key = (issuer.digest, certificate.digest)
    answer = _link_answers.get(key)
    if answer is None:
        answer = issuer.point is not None and issuer.public_key.verify(certificate.signature, certificate.tbs)
        if len(_link_answers) >= _MEMORY:
            _link_answers.clear()
        _link_answers[key] = answer
    if not answer:
        raise CheckFailed(
            "INDETERMINATE",
            "NO_CERTIFICATE_CHAIN_FOUND",
            "certificate.issuer_signature",
            "证书“{subject}”自称由“{issuer}”签发，但其签名与该颁发者的公钥不符。",
            subject=certificate.common_name,
            issuer=certificate.issuer,
        )


def check_self_signature(certificate: Certificate) -> bool:
    """Did a self-issued certificate's own key sign it?"""
    try:
        _check_link(certificate, certificate)
    except CheckFailed:
        return False
    return True


def _check_authority(issuer: Certificate, below: tuple[Certificate, ...]) -> None:
    """May ``issuer`` issue the certificates ``below`` it (basic constraints, path length, key usage)?"""
    _check_critical(issuer)
    if not issuer.is_ca:
        raise _constraint(
            "certificate.issuer_not_ca", issuer, N_("证书“{subject}”不是证书颁发机构证书，不能签发其他证书。")
        )
    if issuer.key_usage is not None and "key_cert_sign" not in issuer.key_usage:
        raise _constraint("certificate.issuer_usage", issuer, N_("证书“{subject}”的密钥用途不允许签发证书。"))
    between = sum(1 for certificate in below[1:] if not certificate.is_self_issued)
    if issuer.path_length is not None and between > issuer.path_length:
        raise _constraint("certificate.path_length", issuer, N_("证书“{subject}”规定的路径长度已被超过。"))


def _check_leaf(certificate: Certificate, purpose: Purpose) -> None:
    """May ``certificate``'s key be used for ``purpose`` (key usage, extended key usage, extensions)?"""
    _check_critical(certificate)
    if certificate.point is None:
        raise CheckFailed(
            "INDETERMINATE",
            "CRYPTO_CONSTRAINTS_FAILURE",
            "certificate.key_not_sm2",
            "证书“{subject}”的公钥不是 SM2 公钥（算法 {algorithm}），本系统不予采信。",
            subject=certificate.common_name,
            algorithm=certificate.key_algorithm,
        )
    usage = certificate.key_usage
    if usage is not None and not usage & {"digital_signature", "non_repudiation"}:
        raise _constraint("certificate.key_usage", certificate, N_("证书“{subject}”的密钥用途不允许签名。"))
    extended = certificate.extended_key_usage
    if purpose is Purpose.TIMESTAMP:
        if extended != frozenset({"time_stamping"}) or not certificate.extended_key_usage_critical:
            raise _constraint(
                "certificate.extended_key_usage",
                certificate,
                N_("证书“{subject}”不是时间戳专用证书（扩展密钥用途）。"),
            )
    elif extended is not None and extended <= NOT_FOR_SEALS:
        raise _constraint(
            "certificate.extended_key_usage", certificate, N_("证书“{subject}”的扩展密钥用途不允许签署文件。")
        )


def _check_critical(certificate: Certificate) -> None:
    if certificate.critical_unknown:
        raise CheckFailed(
            "INDETERMINATE",
            "CHAIN_CONSTRAINTS_FAILURE",
            "certificate.critical_extension",
            "证书“{subject}”含有无法处理的关键扩展：{oids}。",
            subject=certificate.common_name,
            oids=", ".join(certificate.critical_unknown),
        )


def _constraint(code: str, certificate: Certificate, template: str) -> CheckFailed:
    return CheckFailed("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", code, template, subject=certificate.common_name)


def _no_issuer(leaf: Certificate, top: Certificate) -> CheckFailed:
    if top.is_self_issued:
        return CheckFailed(
            "INDETERMINATE",
            "NO_CERTIFICATE_CHAIN_FOUND",
            "certificate.untrusted_root",
            "证书“{subject}”的根证书“{issuer}”不在信任库中。",
            subject=leaf.common_name,
            issuer=top.subject,
        )
    return CheckFailed(
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
        "certificate.unknown_issuer",
        "找不到证书“{subject}”的颁发者“{issuer}”，信任库中没有它的证书。",
        subject=top.common_name,
        issuer=top.issuer,
    )


# ---------------------------------------------------------------- 2: time


def _check_time(chain: _Chain, moment: datetime, *, proved: bool, now: datetime) -> None:
    """Every certificate valid at ``moment``, and at ``now`` unless ``moment`` is proved; anchor believed then."""
    leaf = chain.certificates[0]
    if moment < leaf.not_before:
        raise _not_yet_valid(leaf, moment, proved=proved)
    for at in (moment,) if proved else (moment, now):
        for certificate in chain.certificates[:-1]:
            _check_period(certificate, at)
        if not chain.anchor.covers(at):
            raise _anchor_period(chain, at)
    for certificate in chain.certificates[:-1]:
        if not signature_allowed(certificate.signature_algorithm, moment):
            raise _algorithm(certificate)


def _check_period(certificate: Certificate, at: datetime) -> None:
    if not certificate.not_before <= at <= certificate.not_after:
        raise CheckFailed(
            "INDETERMINATE",
            "OUT_OF_BOUNDS_NO_POE",
            "certificate.expired" if at > certificate.not_after else "certificate.not_yet_valid",
            "证书“{subject}”的有效期为 {not_before} 至 {not_after}，不包含 {at}，"
            "没有可信时间证明签名产生于有效期内。",
            subject=certificate.common_name,
            not_before=certificate.not_before.isoformat(),
            not_after=certificate.not_after.isoformat(),
            at=at.isoformat(),
        )


def _not_yet_valid(certificate: Certificate, moment: datetime, *, proved: bool) -> CheckFailed:
    """A proof that the signature existed before the certificate began is a failure; a claim is only odd."""
    return CheckFailed(
        "TOTAL-FAILED" if proved else "INDETERMINATE",
        "NOT_YET_VALID" if proved else "OUT_OF_BOUNDS_NO_POE",
        "certificate.not_yet_valid",
        "证书“{subject}”自 {not_before} 起生效，而签名时间为 {moment}。",
        subject=certificate.common_name,
        not_before=certificate.not_before.isoformat(),
        moment=moment.isoformat(),
    )


def _anchor_period(chain: _Chain, at: datetime) -> CheckFailed:
    begin, end = chain.anchor.period
    removed = chain.anchor.removed_at
    if removed is not None and begin <= at <= end:
        return CheckFailed(
            "INDETERMINATE",
            "NO_CERTIFICATE_CHAIN_FOUND",
            "certificate.anchor_removed",
            "信任锚“{anchor}”已于 {removed} 移出信任库，没有可信时间证明签名产生于移出之前。",
            anchor=chain.certificates[-1].common_name,
            removed=removed.isoformat(),
        )
    return CheckFailed(
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
        "certificate.anchor_period",
        "信任锚“{anchor}”的信任期为 {begin} 至 {end}，不包含 {at}。",
        anchor=chain.certificates[-1].common_name,
        begin=begin.isoformat(),
        end=end.isoformat(),
        at=at.isoformat(),
    )


def _algorithm(certificate: Certificate) -> CheckFailed:
    return CheckFailed(
        "INDETERMINATE",
        "CRYPTO_CONSTRAINTS_FAILURE",
        "certificate.algorithm",
        "证书“{subject}”的签名算法 {algorithm} 不在准用之列。",
        subject=certificate.common_name,
        algorithm=algorithm_name(certificate.signature_algorithm),
    )


_CLOSENESS: Final = {
    "certificate.unknown_issuer": 0,
    "certificate.untrusted_root": 0,
    "certificate.issuer_signature": 1,
    "certificate.anchor_purpose": 2,
    "certificate.anchor_period": 4,
    "certificate.anchor_removed": 4,
    "certificate.expired": 5,
    "certificate.not_yet_valid": 5,
}
"""How near a path came; constraints stand at 3."""


def _worse(old: CheckFailed | None, new: CheckFailed) -> CheckFailed:
    """Of two reasons why there is no path, the one that came nearest to one: it says most."""
    if old is None or _CLOSENESS.get(new.code, 3) > _CLOSENESS.get(old.code, 3):
        return new
    return old
