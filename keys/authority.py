"""内置证书认证机构: certificates and CRLs for a region that has no outside CA (GB/T 20518, RFC 5280).

Pure acts: everything that must be remembered (serials issued, CRL numbers, who was revoked) belongs
to the caller. ``TimeStampAuthority`` is given on from ``keys.timestamping``.

    root = self_signed_root({"common_name": "…"}, key, not_before, not_after)
    ca = CertificateAuthority(SoftwareSigner(root, key))
    certificate = ca.issue({"common_name": "…"}, other.public_key, SIGNER, not_before, not_after)
    crl = ca.crl([Revocation(certificate.serial, when, "key_compromise")], now, next_week, number=2)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from asn1crypto import core, crl, x509

from keys.signer import Signer
from keys.software import SoftwareKey
from keys.timestamping import TimeStampAuthority as TimeStampAuthority  # noqa: PLC0414 - given on
from trust import der
from trust.algorithms import SM2_WITH_SM3, sm3
from trust.certificates import Certificate, load_certificate
from trust.errors import Malformed, Refused
from trust.sm2 import PublicKey


@dataclass(frozen=True, slots=True)
class Profile:
    """证书模板: what a kind of certificate may be used for."""

    name: str
    key_usage: frozenset[str]
    """Critical. asn1crypto's words."""
    is_ca: bool = False
    path_length: int | None = None
    """CAs that may still follow; ``None``: no limit is set."""
    extended_key_usage: tuple[str, ...] = ()
    """Critical where present. asn1crypto's words."""
    no_check: bool = False
    """id-pkix-ocsp-nocheck: short-lived, and not to be asked about."""


_EXPIRED_CERTIFICATES: Final = "2.5.29.60"
"""expiredCertsOnCRL (X.509, 8.6.2.10): our lists go on naming certificates after they expire."""

_CA_USAGE: Final = frozenset({"key_cert_sign", "crl_sign"})
_SIGN_USAGE: Final = frozenset({"digital_signature", "non_repudiation"})

ROOT: Final = Profile("root", _CA_USAGE, is_ca=True)
INTERMEDIATE: Final = Profile("intermediate", _CA_USAGE, is_ca=True, path_length=0)
SEAL_MAKER: Final = Profile("seal-maker", _SIGN_USAGE)
"""制章人."""
SIGNER: Final = Profile("signer", _SIGN_USAGE)
"""签章人 (a department)."""
TSA: Final = Profile("tsa", frozenset({"digital_signature"}), extended_key_usage=("time_stamping",))
"""时间戳机构: time stamping is critical and alone (RFC 3161, 2.3)."""
PUBLISHER: Final = Profile("publisher", frozenset({"digital_signature"}))
"""信任列表与状态列表发布者."""
OCSP_RESPONDER: Final = Profile(
    "ocsp-responder", frozenset({"digital_signature"}), extended_key_usage=("ocsp_signing",), no_check=True
)
"""在线证书状态服务, delegated by the CA that issues this (RFC 6960, 4.2.2.2)."""
ENCRYPTION: Final = Profile("encryption", frozenset({"key_encipherment", "data_encipherment", "key_agreement"}))
"""加密证书 of a pair: it decrypts and never signs."""
SERVER: Final = Profile(
    "server", frozenset({"digital_signature", "key_agreement"}), extended_key_usage=("server_auth",)
)
"""服务器证书."""


class Revocation(NamedTuple):
    """One revoked certificate of a CRL."""

    serial: int
    time: datetime
    reason: str = "unspecified"
    """``key_compromise``, ``ca_compromise``, ``affiliation_changed``, ``superseded``,
    ``cessation_of_operation``, ``certificate_hold``, ``privilege_withdrawn``, ``aa_compromise``."""
    invalid_from: datetime | None = None
    """Since when the key is believed to be bad, where known."""


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """认证机构: issues certificates and CRLs under ``signer``'s name."""

    signer: Signer

    def __post_init__(self) -> None:
        """Raises ``Refused("authority.not_a_ca")`` where the signer's certificate is not a CA's."""
        certificate = self.signer.certificate
        if not certificate.is_ca or "key_cert_sign" not in (certificate.key_usage or ()):
            raise Refused(
                "authority.not_a_ca", "证书“{subject}”不是 CA 证书，不能签发证书。", subject=certificate.subject
            )

    def issue(
        self,
        subject: Mapping[str, str],
        public_key: PublicKey,
        profile: Profile,
        not_before: datetime,
        not_after: datetime,
        serial: int | None = None,
        *,
        crl_urls: Sequence[str] = (),
        ocsp_urls: Sequence[str] = (),
    ) -> Certificate:
        """A certificate for ``public_key``; ``subject`` by asn1crypto's words, most general first.

        ``serial`` defaults to 126 random bits. Raises ``Refused("authority.outlives_issuer")``,
        ``Refused("authority.path_too_long")``, ``Malformed("authority.validity")``,
        ``Malformed("authority.subject")``, ``Malformed("authority.serial")``.
        """
        issuer = self.signer.certificate
        not_before, not_after = _period(not_before, not_after)
        if not_before < issuer.not_before or not_after > issuer.not_after:
            raise Refused(
                "authority.outlives_issuer", "证书有效期超出签发者“{issuer}”的有效期。", issuer=issuer.subject
            )
        if profile.is_ca and issuer.path_length == 0:
            raise Refused(
                "authority.path_too_long", "签发者“{issuer}”的路径长度限制不允许再签发 CA 证书。", issuer=issuer.subject
            )
        extensions = _extensions(profile, public_key, issuer.subject_key_id, crl_urls, ocsp_urls)
        tbs = _tbs(subject, issuer.subject_name_der, public_key, (not_before, not_after), serial, extensions)
        return load_certificate(_signed(tbs, self.signer.sign))

    def crl(
        self,
        revoked: Iterable[Revocation | tuple[int, datetime, str]],
        this_update: datetime,
        next_update: datetime,
        number: int,
    ) -> bytes:
        """废止列表: a full CRL (v2) with ``number``, which grows with each issue. DER.

        ``revoked`` lists every certificate ever revoked, expired ones too: the list says that it does
        (expiredCertsOnCRL), and old signatures are judged by it.

        Raises ``Malformed("authority.validity")`` or ``Malformed("authority.reason")``.
        """
        this_update, next_update = _period(this_update, next_update)
        entries = [_revoked(Revocation(*entry)) for entry in revoked]
        issuer = self.signer.certificate
        body: dict[str, Any] = {
            "version": "v2",
            "signature": {"algorithm": "sm2_with_sm3"},
            "issuer": x509.Name.load(issuer.subject_name_der),
            "this_update": _time(this_update),
            "next_update": _time(next_update),
            "crl_extensions": [
                _extension("authority_key_identifier", {"key_identifier": issuer.subject_key_id}),
                _extension("crl_number", number),
                _extension(_EXPIRED_CERTIFICATES, _generalized(issuer.not_before)),
            ],
        }
        if entries:
            body["revoked_certificates"] = entries
        return _signed(crl.TbsCertList(body).dump(), self.signer.sign)


def self_signed_root(
    subject: Mapping[str, str],
    key: SoftwareKey,
    not_before: datetime,
    not_after: datetime,
    *,
    profile: Profile = ROOT,
) -> Certificate:
    """根证书: a CA certificate signed by its own key. Raises as ``CertificateAuthority.issue`` does."""
    name = _name(subject).dump()
    validity = _period(not_before, not_after)
    extensions = _extensions(profile, key.public_key, key_identifier(key.public_key), ())
    tbs = _tbs(subject, name, key.public_key, validity, None, extensions)
    return load_certificate(_signed(tbs, key.sign))


def key_identifier(public_key: PublicKey) -> bytes:
    """The leftmost 160 bits of SM3 over the point (as RFC 7093, method 1, with SM3)."""
    return sm3(public_key.point)[:20]


def _signed(tbs: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    algorithm = der.tlv(der.SEQUENCE, der.oid(SM2_WITH_SM3))
    return der.tlv(der.SEQUENCE, tbs, algorithm, der.tlv(der.BIT_STRING, b"\0", sign(tbs)))


def _tbs(
    subject: Mapping[str, str],
    issuer: bytes,
    public_key: PublicKey,
    validity: tuple[datetime, datetime],
    serial: int | None,
    extensions: list[dict[str, Any]],
) -> bytes:
    body = {
        "version": "v3",
        "serial_number": _serial(serial),
        "signature": {"algorithm": "sm2_with_sm3"},
        "issuer": x509.Name.load(issuer),
        "validity": {"not_before": _time(validity[0]), "not_after": _time(validity[1])},
        "subject": _name(subject),
        "subject_public_key_info": x509.PublicKeyInfo.load(public_key.spki),
        "extensions": extensions,
    }
    return bytes(x509.TbsCertificate(body).dump())


def _serial(wanted: int | None) -> int:
    """``wanted``, or a random one; positive and at most 20 octets (RFC 5280, 4.1.2.2)."""
    if wanted is None:
        return secrets.randbits(126) | 1 << 126
    if not 0 < wanted < 1 << 159:
        raise Malformed("authority.serial", "证书序列号须为正整数，且不超过 20 字节。")
    return wanted


def encode_name(subject: Mapping[str, str]) -> bytes:
    """Name (DER) of ``subject`` by asn1crypto's words. ``Malformed("authority.subject…")``."""
    return bytes(_name(subject).dump())


def _name(subject: Mapping[str, str]) -> x509.Name:
    if not subject or not all(isinstance(value, str) and value for value in subject.values()):
        raise Malformed("authority.subject", "证书主体不能为空，各项均须为非空文字。")
    try:
        return x509.Name.build(dict(subject))
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("authority.subject_field", "证书主体的项目无效：{reason}。", reason=str(error)) from error


def _period(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Both in UTC and whole seconds; ``Malformed("authority.validity")`` unless aware and in order."""
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise Malformed("authority.validity", "有效期无效：起止时间须带时区，且止期晚于起期。")
    return _seconds(start), _seconds(end)


def _seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _time(moment: datetime) -> x509.Time:
    """UTCTime up to 2049, GeneralizedTime after (RFC 5280, 4.1.2.5)."""
    moment = _seconds(moment)
    if moment.year < 2050:
        return x509.Time(name="utc_time", value=core.UTCTime(moment))
    return x509.Time(name="general_time", value=core.GeneralizedTime(moment))


def _generalized(moment: datetime) -> core.ParsableOctetString:
    """GeneralizedTime, whole seconds, as the value of an extension asn1crypto does not know."""
    return core.ParsableOctetString(core.GeneralizedTime(moment.astimezone(UTC).replace(microsecond=0)).dump())


def _extension(name: str, value: Any, *, critical: bool = False) -> dict[str, Any]:
    return {"extn_id": name, "critical": critical, "extn_value": value}


def _extensions(
    profile: Profile,
    public_key: PublicKey,
    issuer_key_id: bytes | None,
    crl_urls: Sequence[str],
    ocsp_urls: Sequence[str] = (),
) -> list[dict[str, Any]]:
    constraints: dict[str, Any] = {"ca": profile.is_ca}
    if profile.path_length is not None:
        constraints["path_len_constraint"] = profile.path_length
    extensions = [
        _extension("basic_constraints", constraints, critical=True),
        _extension("key_usage", set(profile.key_usage), critical=True),
        _extension("key_identifier", key_identifier(public_key)),
    ]
    if issuer_key_id is not None:
        extensions.append(_extension("authority_key_identifier", {"key_identifier": issuer_key_id}))
    if profile.extended_key_usage:
        extensions.append(_extension("extended_key_usage", list(profile.extended_key_usage), critical=True))
    if crl_urls:
        extensions.append(_extension("crl_distribution_points", [_distribution_point(url) for url in crl_urls]))
    if ocsp_urls:
        extensions.append(_extension("authority_information_access", [_ocsp_access(url) for url in ocsp_urls]))
    if profile.no_check:
        extensions.append(_extension("ocsp_no_check", core.Null()))
    return extensions


def _ocsp_access(url: str) -> dict[str, Any]:
    name = x509.GeneralName(name="uniform_resource_identifier", value=url)
    return {"access_method": "ocsp", "access_location": name}


def _distribution_point(url: str) -> dict[str, Any]:
    name = x509.GeneralName(name="uniform_resource_identifier", value=url)
    return {"distribution_point": x509.DistributionPointName(name="full_name", value=[name])}


def _revoked(entry: Revocation) -> dict[str, Any]:
    extensions = []
    if entry.reason != "unspecified":
        if entry.reason not in crl.CRLReason._map.values():
            raise Malformed("authority.reason", "废止原因“{reason}”不是标准所列的原因。", reason=entry.reason)
        extensions.append(_extension("crl_reason", entry.reason))
    if entry.invalid_from is not None:
        extensions.append(_extension("invalidity_date", _seconds(entry.invalid_from)))
    answer: dict[str, Any] = {"user_certificate": entry.serial, "revocation_date": _time(entry.time)}
    if extensions:
        answer["crl_entry_extensions"] = extensions
    return answer
