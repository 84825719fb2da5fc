"""证书模板: who may be a seal maker, signer, time-stamp authority, responder, server or publisher (GB/T 20518)?

``ROLES`` is one table of what each role's certificate must and must not say. It is asked when a certificate is
taken into use (import, rotation); ``trust.path`` asks again, by its own words, when a signature is checked.

    problems = profile_problems(certificate, Role.SIGNER)
    check_profile(certificate, Role.TIMESTAMP)          # raises the first
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from trust.algorithms import SIGNATURE_POLICY, algorithm_name
from trust.certificates import Certificate
from trust.errors import Refused


class Role(StrEnum):
    """证书用途."""

    AUTHORITY = "authority"
    """证书机构 (CA)."""
    SEAL_MAKER = "seal_maker"
    """制章人."""
    SIGNER = "signer"
    """签章人."""
    TIMESTAMP = "timestamp"
    """时间戳机构."""
    OCSP_RESPONDER = "ocsp_responder"
    """在线证书状态服务."""
    PUBLISHER = "publisher"
    """信任包与状态列表发布者."""
    SERVER = "server"
    """服务器 (TLS)."""
    ENCRYPTION = "encryption"
    """加密证书 of a pair."""


@dataclass(frozen=True, slots=True)
class Rule:
    """模板规则: what a role's certificate says."""

    usage_any: frozenset[str] = frozenset()
    """At least one of these key usages, where the extension is there."""
    usage_all: frozenset[str] = frozenset()
    usage_none: frozenset[str] = frozenset()
    usage_required: bool = True
    """The key usage extension must be there."""
    extended_only: frozenset[str] | None = None
    """Exactly these extended usages, critical."""
    extended_all: frozenset[str] = frozenset()
    extended_not_alone: frozenset[str] = frozenset()
    """Extended usages that exclude this role if there is no other."""
    authority: bool = False
    sm2_only: bool = True
    fields: frozenset[str] = frozenset({"CN"})
    """What the subject must name."""


_SIGNING: Final = frozenset({"digital_signature", "non_repudiation"})
_ENCRYPTING: Final = frozenset({"key_encipherment", "data_encipherment", "key_agreement"})
_ISSUING: Final = frozenset({"key_cert_sign", "crl_sign"})
_SPECIAL: Final = frozenset({"time_stamping", "ocsp_signing", "server_auth", "code_signing"})

_SIGNS: Final = Rule(usage_any=_SIGNING, usage_none=_ISSUING | _ENCRYPTING, extended_not_alone=_SPECIAL)

ROLES: Final[dict[Role, Rule]] = {
    Role.AUTHORITY: Rule(usage_all=_ISSUING, authority=True),
    Role.SEAL_MAKER: _SIGNS,
    Role.SIGNER: _SIGNS,
    Role.TIMESTAMP: Rule(
        usage_any=_SIGNING, usage_none=_ISSUING | _ENCRYPTING, extended_only=frozenset({"time_stamping"})
    ),
    Role.OCSP_RESPONDER: Rule(
        usage_all=frozenset({"digital_signature"}),
        usage_none=_ISSUING | _ENCRYPTING,
        extended_all=frozenset({"ocsp_signing"}),
    ),
    Role.PUBLISHER: _SIGNS,
    Role.SERVER: Rule(
        usage_any=frozenset({"digital_signature", "key_agreement", "key_encipherment"}),
        usage_none=_ISSUING,
        extended_all=frozenset({"server_auth"}),
        sm2_only=False,
        fields=frozenset(),
    ),
    Role.ENCRYPTION: Rule(usage_any=_ENCRYPTING, usage_none=_ISSUING | _SIGNING),
}
"""What each role's certificate must say. A signing certificate that may also encrypt is refused: its key would
have to be kept by the key centre, and then others could sign (双证书)."""


def check_profile(certificate: Certificate, role: Role, *, moment: datetime | None = None) -> None:
    """Raise the first of ``profile_problems``."""
    for problem in profile_problems(certificate, role, moment=moment):
        raise problem


def profile_problems(certificate: Certificate, role: Role, *, moment: datetime | None = None) -> tuple[Refused, ...]:
    """Everything that speaks against using ``certificate`` as ``role``; at ``moment``, where one is given.

    Each is a ``Refused`` with a code ``profile.*``, to be raised or to be shown.
    """
    rule = ROLES[role]
    found = (_key(certificate, rule), *_usages(certificate, rule), *_extended(certificate, rule))
    return tuple(p for p in (*found, *_others(certificate, rule), _period(certificate, moment)) if p is not None)


def _key(certificate: Certificate, rule: Rule) -> Refused | None:
    if not rule.sm2_only:
        return None
    if certificate.point is None:
        return Refused(
            "profile.key_not_sm2",
            "证书“{subject}”的公钥不是 SM2 公钥（算法 {algorithm}）。",
            subject=certificate.common_name,
            algorithm=certificate.key_algorithm,
        )
    if certificate.signature_algorithm not in SIGNATURE_POLICY:
        return Refused(
            "profile.algorithm",
            "证书“{subject}”的签名算法 {algorithm} 不在准用之列。",
            subject=certificate.common_name,
            algorithm=algorithm_name(certificate.signature_algorithm),
        )
    return None


def _usages(certificate: Certificate, rule: Rule) -> Iterator[Refused]:
    usage = certificate.key_usage
    if usage is None:
        if rule.usage_required:
            yield Refused("profile.usage_absent", "证书“{subject}”没有写明密钥用途。", subject=certificate.common_name)
        return
    missing = rule.usage_all - usage
    if missing or (rule.usage_any and not usage & rule.usage_any):
        yield Refused(
            "profile.usage_missing",
            "证书“{subject}”的密钥用途不符：需要 {wanted}，实为 {got}。",
            subject=certificate.common_name,
            wanted=_list(missing or rule.usage_any),
            got=_list(usage),
        )
    if usage & rule.usage_none:
        yield Refused(
            "profile.usage_excess",
            "证书“{subject}”的密钥用途过宽：不得含 {excess}。",
            subject=certificate.common_name,
            excess=_list(usage & rule.usage_none),
        )


def _extended(certificate: Certificate, rule: Rule) -> Iterator[Refused]:
    extended = certificate.extended_key_usage
    wanted = rule.extended_only if rule.extended_only is not None else rule.extended_all
    exact = rule.extended_only is not None
    if not wanted <= (extended or frozenset()) or (exact and extended != wanted):
        yield Refused(
            "profile.extended_usage",
            "证书“{subject}”的扩展密钥用途不符：需要 {wanted}，实为 {got}。",
            subject=certificate.common_name,
            wanted=_list(wanted),
            got=_list(extended or frozenset()),
        )
    elif exact and not certificate.extended_key_usage_critical:
        yield Refused(
            "profile.extended_not_critical",
            "证书“{subject}”的扩展密钥用途未标为关键。",
            subject=certificate.common_name,
        )
    if extended is not None and rule.extended_not_alone and extended <= rule.extended_not_alone:
        yield Refused(
            "profile.extended_excludes",
            "证书“{subject}”的扩展密钥用途只有 {got}，不能用于此处。",
            subject=certificate.common_name,
            got=_list(extended),
        )


def _others(certificate: Certificate, rule: Rule) -> Iterator[Refused]:
    if certificate.is_ca and not rule.authority:
        yield Refused("profile.is_ca", "证书“{subject}”是证书机构证书，不能用于此处。", subject=certificate.common_name)
    if rule.authority and not certificate.is_ca:
        yield Refused("profile.not_ca", "证书“{subject}”不是证书机构证书。", subject=certificate.common_name)
    absent = {name for name in rule.fields if not certificate.subject_field(name)}
    if absent:
        yield Refused(
            "profile.subject",
            "证书“{subject}”的主体缺少 {absent}。",
            subject=certificate.common_name,
            absent=_list(frozenset(absent)),
        )
    if certificate.critical_unknown:
        yield Refused(
            "profile.critical_extension",
            "证书“{subject}”含有无法处理的关键扩展：{oids}。",
            subject=certificate.common_name,
            oids=", ".join(certificate.critical_unknown),
        )


def _period(certificate: Certificate, moment: datetime | None) -> Refused | None:
    if moment is None or certificate.not_before <= moment <= certificate.not_after:
        return None
    return Refused(
        "profile.period",
        "证书“{subject}”的有效期为 {not_before} 至 {not_after}，此刻不能使用。",
        subject=certificate.common_name,
        not_before=certificate.not_before.isoformat(),
        not_after=certificate.not_after.isoformat(),
    )


def _list(words: frozenset[str]) -> str:
    return ", ".join(sorted(words)) or "-"
