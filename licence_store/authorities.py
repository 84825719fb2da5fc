"""内置证书机构的登记: what a region's own authorities issued and revoked; their lists and answers, published.

issued/<serial in hex>.cert.pem    certificates given out on request; those of our own keys lie in ``keys/``
trust/<authority>.crl              the newest list of each authority

    authorities.certify(request, Role.SIGNER, actor)      # a certificate for somebody's key
    authorities.revoke(serial, "key_compromise", actor)   # on the list and in every answer at once
    authorities.answer(ocsp_request)                      # DER in, DER out
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final

from keys import authority
from keys.authority import CertificateAuthority, Profile, Revocation
from keys.demonstration import CRL_PERIOD
from keys.ocsp import ListedStandings, OCSPResponder
from licence_store.folder import read, unwritable, write
from licence_store.region import Region, revocations
from trust.certificates import Certificate, load_certificate
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Actor, Journal
from trust.profiles import Role, check_profile
from trust.requests import check_request, load_request
from trust.revocation import load_crl
from trust.sm2 import PublicKey

REASONS: Final = (
    "unspecified", "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
    "privilege_withdrawn",
)  # fmt: skip
"""Why a certificate is revoked (RFC 5280, 5.3.1)."""
PROFILES: Final[Mapping[Role, tuple[str, Profile]]] = {
    Role.SIGNER: ("issuing-ca", authority.SIGNER),
    Role.SERVER: ("issuing-ca", authority.SERVER),
    Role.ENCRYPTION: ("issuing-ca", authority.ENCRYPTION),
    Role.OCSP_RESPONDER: ("issuing-ca", authority.OCSP_RESPONDER),
    Role.SEAL_MAKER: ("seal-ca", authority.SEAL_MAKER),
    Role.TIMESTAMP: ("time-ca", authority.TSA),
    Role.PUBLISHER: ("publisher-ca", authority.PUBLISHER),
}
"""Which of our authorities certifies which role, and by which profile."""
_UNAUTHORISED: Final = bytes.fromhex("30030a0106")
"""OCSPResponse: not ours to speak of."""
_WORDS: Final = {
    "C": "country_name",
    "ST": "state_or_province_name",
    "L": "locality_name",
    "O": "organization_name",
    "OU": "organizational_unit_name",
    "CN": "common_name",
    "SERIALNUMBER": "serial_number",
}


@dataclass(frozen=True)
class Authorities:
    """内置证书机构 of a region. Safe to share between threads."""

    region: Region
    journal: Journal
    clock: Callable[[], datetime]
    _responders: dict[str, tuple[object, OCSPResponder]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def names(self) -> tuple[str, ...]:
        """Authorities whose lists we publish."""
        return tuple(sorted(path.name.removesuffix(".crl") for path in self._trust.glob("*-ca.crl"))) + (
            ("root",) if (self._trust / "root.crl").is_file() else ()
        )

    def crl(self, name: str) -> bytes:
        """废止列表 of one authority, DER. Raises ``NotFound("authority.unknown")``."""
        if name not in self.names():
            raise NotFound("authority.unknown", "没有名为“{name}”的证书机构。", name=name[:40])
        return read(self._trust / f"{name}.crl")

    def certificate(self, name: str) -> Certificate:
        """The authority's own certificate. Raises ``NotFound("authority.unknown")``."""
        self.crl(name)
        return load_certificate(read(self._trust / f"{name}.cert.pem"))

    # 签发

    def certify(
        self, request: bytes, role: Role, actor: Actor, *, valid: timedelta = timedelta(days=730), reason: str = ""
    ) -> Certificate:
        """受理证书请求: a certificate for the key of a PKCS#10 request, by the profile of ``role``.

        The subject is the request's. Raises ``Malformed("request.malformed")``, ``Refused("request.*")``,
        ``Refused("profile.*")``, ``Refused("authority.*")``, ``Unavailable`` where the authority's key is away.
        """
        asked = load_request(request)
        check_request(asked)
        return self._issue(role, subject_words(asked.subject_fields), asked.public_key, valid, actor, reason)

    def renew(self, old: Certificate, public_key: PublicKey, actor: Actor, *, reason: str = "") -> Certificate:
        """A certificate for another key of the same subject and for the same use, as long again.

        Raises ``Refused("authority.not_ours")`` for what no authority of ours issued to a signer, a seal maker …
        """
        valid = old.not_after - old.not_before
        return self._issue(self.role_of(old), subject_words(old.subject_fields), public_key, valid, actor, reason)

    def role_of(self, certificate: Certificate) -> Role:
        """What a certificate of ours is for. Raises ``Refused("authority.not_ours")``."""
        known = set(self.names())
        for role, (name, profile) in PROFILES.items():
            ours = name in known and self.certificate(name).subject_name_der == certificate.issuer_name_der
            if ours and frozenset(profile.extended_key_usage) == (certificate.extended_key_usage or frozenset()):
                return role
        raise Refused("authority.not_ours", "证书“{subject}”不是内置证书机构签发的。", subject=certificate.common_name)

    def _issue(
        self, role: Role, subject: dict[str, str], public_key: PublicKey, valid: timedelta, actor: Actor, reason: str
    ) -> Certificate:
        if role not in PROFILES:
            raise Refused("authority.role", "内置证书机构不签发“{role}”证书。", role=str(role))
        name, profile = PROFILES[role]
        ca = self._authority(name)
        start = self.clock().replace(microsecond=0)
        end = min(start + valid, ca.signer.certificate.not_after)
        made = ca.issue(subject, public_key, profile, start, end)
        check_profile(made, role)
        try:
            (self.region.directory / "issued").mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable("issued", error) from error
        write(self.region.directory / "issued" / f"{made.serial:x}.cert.pem", made.to_pem())
        details = {"serial": f"{made.serial:x}", "authority": name, "role": str(role)}
        self.journal.record(
            actor=actor, action="certificate.issue", subject=made.common_name[:200], reason=reason, details=details
        )
        return made

    # 废止

    def revoke(
        self, serial: int, cause: str, actor: Actor, *, since: datetime | None = None, reason: str = ""
    ) -> Certificate:
        """废止 a certificate of ours: a new list is published at once; ``since`` when the key was unsafe, if known.

        Raises ``NotFound("certificate.unknown")``, ``Conflict("certificate.revoked")``,
        ``Malformed("authority.reason")``, ``Unavailable`` where the authority's key is away.
        """
        if cause not in REASONS:
            raise Malformed("authority.reason", "废止原因“{reason}”不是标准所列的原因。", reason=cause[:40])
        name, certificate = self._find(serial)
        ca, old = self._authority(name), load_crl(self.crl(name))
        if serial in old.revoked:
            raise Conflict("certificate.revoked", "证书 {serial} 已经废止。", serial=f"{serial:x}")
        now = self.clock().replace(microsecond=0)
        revoked = [*revocations(old), Revocation(serial, now, cause, since)]
        write(self._trust / f"{name}.crl", ca.crl(revoked, now, now + CRL_PERIOD, (old.number or 0) + 1))
        details = {"serial": f"{serial:x}", "authority": name, "cause": cause}
        self.journal.record(
            actor=actor, action="certificate.revoke", subject=certificate.common_name[:200], reason=reason,
            details=details,
        )  # fmt: skip
        return certificate

    # 在线证书状态

    def answer(self, request: bytes) -> bytes:
        """OCSPResponse for an OCSPRequest about certificates of any of our authorities; bad input never raises."""
        answer = _UNAUTHORISED
        for name in self.names():
            try:
                answer = self._responder(name).respond(request)
            except LicenceTrustError:
                continue  # its key is away: another may be meant
            if answer != _UNAUTHORISED:
                return answer
        return answer

    def _responder(self, name: str) -> OCSPResponder:
        stamp = self._stamp(name)
        with self._lock:
            known = self._responders.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
        issuer = self.certificate(name)
        standings = ListedStandings.of(self._serials(issuer), load_crl(self.crl(name)))
        made = OCSPResponder(issuer, self.region.keyring.signer(name), standings, self.clock)
        with self._lock:
            self._responders[name] = stamp, made
        return made

    # What is remembered

    def issued(self) -> tuple[Certificate, ...]:
        """Every certificate of ours that lies here."""
        found: dict[bytes, Certificate] = {}
        for folder in self._folders():
            for path in sorted(folder.glob("*.cert.pem")):
                certificate = load_certificate(read(path))
                found[certificate.digest] = certificate
        return tuple(found.values())

    def _find(self, serial: int) -> tuple[str, Certificate]:
        """``(authority, certificate)``; raises ``NotFound("certificate.unknown")``."""
        issuers = {self.certificate(name).subject_name_der: name for name in self.names()}
        for certificate in self.issued():
            if certificate.serial == serial and certificate.issuer_name_der in issuers:
                return issuers[certificate.issuer_name_der], certificate
        raise NotFound("certificate.unknown", "没有签发过序列号为 {serial} 的证书。", serial=f"{serial:x}")

    def _serials(self, issuer: Certificate) -> frozenset[int]:
        return frozenset(c.serial for c in self.issued() if c.issuer_name_der == issuer.subject_name_der)

    def _authority(self, name: str) -> CertificateAuthority:
        return CertificateAuthority(self.region.keyring.signer(name))

    def _stamp(self, name: str) -> object:
        """Changes when a certificate was added or the list was renewed."""
        folders = [folder.stat().st_mtime_ns for folder in self._folders()]
        return (*folders, (self._trust / f"{name}.crl").stat().st_mtime_ns)

    def _folders(self) -> list[Path]:
        keys = self.region.directory / "keys"
        return [f for f in (keys, keys / "retired", self.region.directory / "issued") if f.is_dir()]

    @property
    def _trust(self) -> Path:
        return self.region.directory / "trust"


def subject_words(fields: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """A subject by asn1crypto's words. Raises ``Malformed("request.subject")`` for a part we do not certify."""
    unknown = sorted({name for name, _ in fields} - set(_WORDS))
    if unknown:
        raise Malformed("request.subject", "证书主体中的项目不予签发：{names}。", names="、".join(unknown))
    return {_WORDS[name]: value for name, value in fields}
