"""演示机构: a whole set of authorities for a demonstration region, made in memory in a moment.

Every subject says 演示 and DEMO in its O and OU, so no certificate can pass for a real one. Each
purpose has its own issuing CA, because a trust anchor speaks for everything below it: a department
that may sign must not thereby be able to make seals, tell the time or publish trust lists.

    root ─┬─ issuing CA ──── departments (签章人)
          ├─ seal CA ─────── seal maker (制章人)
          ├─ time CA ─────── TSA (时间戳)
          └─ publisher CA ── publisher (信任列表与状态列表)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from keys import authority
from keys.authority import CertificateAuthority, Profile, Revocation, self_signed_root
from keys.signer import Signer
from keys.software import SoftwareSigner, generate_key
from keys.timestamping import TimeStampAuthority
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.errors import NotFound
from trust.identifiers import check_credit_code
from trust.revocation import load_crl

MARK: Final = "演示 DEMO"
NOTICE: Final = "演示数据 DEMO ONLY 无法律效力"

_BACKDATED: Final = timedelta(days=1)
_YEAR: Final = timedelta(days=365)
CRL_PERIOD: Final = timedelta(days=30)
"""A demonstration CRL's life, from ``this_update`` to ``next_update``."""


@dataclass(frozen=True, slots=True)
class Department:
    """签章单位: who gets a signer's certificate."""

    name: str
    credit_code: str
    """统一社会信用代码 (18 characters, check character included)."""


@dataclass(frozen=True, slots=True)
class DemonstrationAuthority:
    """演示机构: the signers of a demonstration region; their certificates are in them."""

    region_name: str
    region_code: str
    moment: datetime
    root: SoftwareSigner
    issuing_ca: SoftwareSigner
    seal_ca: SoftwareSigner
    time_ca: SoftwareSigner
    publisher_ca: SoftwareSigner
    seal_maker: SoftwareSigner
    departments: tuple[SoftwareSigner, ...]
    """In the order given; named ``signer-<credit code>``."""
    tsa: SoftwareSigner
    publisher: SoftwareSigner
    crls: tuple[bytes, ...]
    """One DER CRL (number 1, nobody revoked) of each CA, in the order of ``authorities``."""

    @property
    def authorities(self) -> tuple[SoftwareSigner, ...]:
        """The CAs: root, issuing, seal, time, publisher."""
        return (self.root, self.issuing_ca, self.seal_ca, self.time_ca, self.publisher_ca)

    @property
    def anchors(self) -> tuple[TrustAnchor, ...]:
        """What a verifier is to believe: each issuing CA, for its one purpose. The root is no anchor."""
        chosen = (
            (self.issuing_ca, Purpose.SIGNER),
            (self.seal_ca, Purpose.SEAL_MAKER),
            (self.time_ca, Purpose.TIMESTAMP),
            (self.publisher_ca, Purpose.BUNDLE),
        )
        return tuple(TrustAnchor(ca.certificate, frozenset({purpose})) for ca, purpose in chosen)

    def trust_store(self, crls: Sequence[bytes] | None = None) -> TrustStore:
        """A store of ``anchors`` with ``crls`` (DER; by default the first ones)."""
        lists = tuple(load_crl(crl) for crl in (self.crls if crls is None else crls))
        return TrustStore(anchors=self.anchors, crls=lists, region=self.region_code, fetched_at=self.moment)

    @property
    def ca_certificates(self) -> tuple[Certificate, ...]:
        """Certificates of ``authorities``."""
        return tuple(ca.certificate for ca in self.authorities)

    def signers(self) -> Mapping[str, SoftwareSigner]:
        """Every signer by name, as a keyring would hold them."""
        others = (self.seal_maker, *self.departments, self.tsa, self.publisher)
        return {signer.name: signer for signer in (*self.authorities, *others)}

    def department(self, credit_code: str) -> SoftwareSigner:
        """The signer of the department with this credit code; ``NotFound("keys.unknown")``."""
        name = f"signer-{credit_code}"
        for signer in self.departments:
            if signer.name == name:
                return signer
        raise NotFound("keys.unknown", "密钥环中没有“{name}”。", name=name)

    def timestamp_authority(self, clock: Callable[[], datetime] | None = None) -> TimeStampAuthority:
        """The TSA, on ``clock`` or the machine's own."""
        return TimeStampAuthority(self.tsa) if clock is None else TimeStampAuthority(self.tsa, clock=clock)

    def crls_at(
        self,
        this_update: datetime,
        *,
        number: int,
        revoked: Mapping[str, Sequence[Revocation]] | None = None,
        period: timedelta = CRL_PERIOD,
    ) -> tuple[bytes, ...]:
        """Fresh CRLs of all ``authorities``; ``revoked`` by CA name (``issuing-ca`` …)."""
        return publish_crls(self.authorities, this_update, number=number, revoked=revoked, period=period)


def publish_crls(
    authorities: Sequence[SoftwareSigner],
    this_update: datetime,
    *,
    number: int,
    revoked: Mapping[str, Sequence[Revocation]] | None = None,
    period: timedelta = CRL_PERIOD,
) -> tuple[bytes, ...]:
    """A CRL of each CA, good from ``this_update`` for ``period``."""
    listed = revoked or {}
    end = this_update + period
    return tuple(CertificateAuthority(ca).crl(listed.get(ca.name, ()), this_update, end, number) for ca in authorities)


def make_demonstration_authority(
    region_name: str,
    region_code: str,
    moment: datetime,
    departments: Sequence[Department | tuple[str, str]],
    *,
    years: int = 10,
    crl_period: timedelta = CRL_PERIOD,
) -> DemonstrationAuthority:
    """Keys, certificates and CRLs for a demonstration region, valid from a day before ``moment``.

    Leaf certificates last half of ``years``. Raises ``Malformed("identifier.…")`` for a bad credit
    code and ``Unavailable("keys.no_sm2")`` on a machine that cannot sign.
    """
    moment = moment.astimezone(UTC).replace(microsecond=0)
    wanted = [Department(*d) if isinstance(d, tuple) else d for d in departments]
    for department in wanted:
        check_credit_code(department.credit_code)
    maker = _Maker(region_name, moment - _BACKDATED, years * _YEAR)
    root = maker.root("root", f"{region_name}根证书机构（演示 DEMO）")
    issuing = maker.ca(root, "issuing-ca", f"{region_name}签章人证书机构（演示 DEMO）")
    seal_ca = maker.ca(root, "seal-ca", f"{region_name}制章证书机构（演示 DEMO）")
    time_ca = maker.ca(root, "time-ca", f"{region_name}时间戳证书机构（演示 DEMO）")
    publisher_ca = maker.ca(root, "publisher-ca", f"{region_name}发布证书机构（演示 DEMO）")
    return DemonstrationAuthority(
        region_name=region_name,
        region_code=region_code,
        moment=moment,
        root=root,
        issuing_ca=issuing,
        seal_ca=seal_ca,
        time_ca=time_ca,
        publisher_ca=publisher_ca,
        seal_maker=maker.leaf(seal_ca, "seal-maker", f"{region_name}制章人（演示 DEMO）", authority.SEAL_MAKER),
        departments=tuple(maker.department(issuing, department) for department in wanted),
        tsa=maker.leaf(time_ca, "tsa", f"{region_name}时间戳机构（演示 DEMO）", authority.TSA),
        publisher=maker.leaf(publisher_ca, "publisher", f"{region_name}发布者（演示 DEMO）", authority.PUBLISHER),
        crls=publish_crls((root, issuing, seal_ca, time_ca, publisher_ca), moment, number=1, period=crl_period),
    )


def certify_department(
    issuing_ca: Signer, region_name: str, department: Department, moment: datetime, *, years: int = 5
) -> SoftwareSigner:
    """One more department of a demonstration region that exists already: its key and certificate."""
    start = moment.astimezone(UTC).replace(microsecond=0) - _BACKDATED
    life = min(years * _YEAR, issuing_ca.certificate.not_after - start)
    return _Maker(region_name, start, 2 * life).department(issuing_ca, department)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes keys with their certificates, all marked and all of one period."""

    region_name: str
    start: datetime
    life: timedelta

    def subject(self, common_name: str, credit_code: str = "") -> dict[str, str]:
        """C, ST, O, OU, CN and, of a department, its credit code as serialNumber."""
        fields = {
            "country_name": "CN",
            "state_or_province_name": self.region_name,
            "organization_name": f"{MARK} {self.region_name}",
            "organizational_unit_name": NOTICE,
            "common_name": common_name,
        }
        return fields | ({"serial_number": credit_code} if credit_code else {})

    def root(self, name: str, common_name: str) -> SoftwareSigner:
        key = generate_key()
        certificate = self_signed_root(self.subject(common_name), key, self.start, self.start + self.life)
        return SoftwareSigner(certificate, key, name)

    def ca(self, issuer: SoftwareSigner, name: str, common_name: str) -> SoftwareSigner:
        subject = self.subject(common_name)
        return self._issue(issuer, name, subject, authority.INTERMEDIATE, self.life)

    def leaf(self, issuer: SoftwareSigner, name: str, common_name: str, profile: Profile) -> SoftwareSigner:
        return self._issue(issuer, name, self.subject(common_name), profile, self.life / 2)

    def department(self, issuer: Signer, department: Department) -> SoftwareSigner:
        subject = self.subject(department.name, department.credit_code)
        name = f"signer-{department.credit_code}"
        return self._issue(issuer, name, subject, authority.SIGNER, self.life / 2)

    def _issue(
        self, issuer: Signer, name: str, subject: dict[str, str], profile: Profile, life: timedelta
    ) -> SoftwareSigner:
        key = generate_key()
        end = self.start + life
        certificate = CertificateAuthority(issuer).issue(subject, key.public_key, profile, self.start, end)
        return SoftwareSigner(certificate, key, name)
