"""内存中的机构: root, CAs, seal maker, departments, TSA and publisher for all tests; nothing touches a disk.

    authority = make_authority()          # one per process, made once
    store = authority.store()             # anchors, CRLs: what a verifier believes
    token = authority.stamp(b"…", at)     # a time stamp of that moment
    stranger = authority.issue("stranger", SIGNER, not_after=…)   # any other certificate with its key

The demonstration authority does the work; what it never makes (expired, revoked, wrongly used certificates,
stale lists) is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from keys import authority as making
from keys.authority import SIGNER, CertificateAuthority, Profile, Revocation, self_signed_root
from keys.demonstration import DemonstrationAuthority, make_demonstration_authority
from keys.software import SoftwareSigner, generate_key
from keys.timestamping import TimeStampAuthority
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import load_certificate
from trust.identifiers import credit_code_check_char
from trust.revocation import CertificateList, load_crl

MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
"""Now, for tests."""
DAY = timedelta(days=1)
YEAR = timedelta(days=365)

REGION_NAME, REGION_CODE = "演示省", "990000"


def credit_code(first17: str) -> str:
    """A fictitious credit code: ``first17`` with its check character."""
    return first17 + credit_code_check_char(first17)


MARKET = credit_code("11990000MB0000001")
EDUCATION = credit_code("11990000MB0000002")
ENVIRONMENT = credit_code("11990000MB0000003")
DEPARTMENTS = (
    ("演示省市场监督管理局", MARKET),
    ("演示省教育厅", EDUCATION),
    ("演示省生态环境厅", ENVIRONMENT),
)

CA_PURPOSES = {
    "issuing-ca": Purpose.SIGNER,
    "seal-ca": Purpose.SEAL_MAKER,
    "time-ca": Purpose.TIMESTAMP,
    "publisher-ca": Purpose.BUNDLE,
}


@dataclass(frozen=True, eq=False)
class Authority:
    """All keys of a region that exists in memory only."""

    demonstration: DemonstrationAuthority
    moment: datetime
    _stores: dict[object, TrustStore] = field(default_factory=dict, repr=False)

    # ------------------------------------------------------------ who is there

    @property
    def root(self) -> SoftwareSigner:
        return self.demonstration.root

    @property
    def issuing_ca(self) -> SoftwareSigner:
        return self.demonstration.issuing_ca

    @property
    def seal_maker(self) -> SoftwareSigner:
        return self.demonstration.seal_maker

    @property
    def department(self) -> SoftwareSigner:
        """演示省市场监督管理局, the signer most tests use."""
        return self.demonstration.departments[0]

    @property
    def departments(self) -> tuple[SoftwareSigner, ...]:
        return self.demonstration.departments

    @property
    def tsa(self) -> SoftwareSigner:
        return self.demonstration.tsa

    @property
    def publisher(self) -> SoftwareSigner:
        return self.demonstration.publisher

    def ca(self, name: str) -> SoftwareSigner:
        """One of ``root``, ``issuing-ca``, ``seal-ca``, ``time-ca``, ``publisher-ca``."""
        return next(ca for ca in self.demonstration.authorities if ca.name == name)

    # ------------------------------------------------------------ acts

    def timestamper(self, at: datetime | None = None) -> TimeStampAuthority:
        """The TSA with its clock stopped at ``at``."""
        stopped = at or self.moment
        return self.demonstration.timestamp_authority(lambda: stopped)

    def stamp(self, data: bytes, at: datetime | None = None) -> bytes:
        """A token over SM3 of ``data``."""
        return self.timestamper(at).stamp(data)

    def issue(
        self,
        common_name: str,
        profile: Profile = SIGNER,
        *,
        ca: str | SoftwareSigner = "issuing-ca",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> SoftwareSigner:
        """A new key with a certificate of ``profile`` from ``ca``."""
        key = generate_key()
        issuer = self.ca(ca) if isinstance(ca, str) else ca
        subject = {"country_name": "CN", "organization_name": "测试 TEST", "common_name": common_name}
        begin, end = not_before or self.moment - DAY, not_after or self.moment + YEAR
        certificate = CertificateAuthority(issuer).issue(subject, key.public_key, profile, begin, end)
        return SoftwareSigner(certificate, key, common_name)

    def forge(
        self,
        common_name: str,
        issuer: SoftwareSigner,
        profile: Profile = SIGNER,
        *,
        extensions: Sequence[dict[str, object]] = (),
        period: tuple[datetime, datetime] | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> SoftwareSigner:
        """A certificate that no honest CA issues: ``issuer`` is not asked whether it may."""
        key = generate_key()
        named = issuer.certificate
        own = making._extensions(profile, key.public_key, named.subject_key_id, ())
        begin, end = period or (self.moment - DAY, self.moment + YEAR)
        subject = {"organization_name": "测试 TEST", "common_name": common_name}
        tbs = making._tbs(subject, named.subject_name_der, key.public_key, (begin, end), None, [*own, *extensions])
        return SoftwareSigner(load_certificate(making._signed(tbs, sign or issuer.sign)), key, common_name)

    def self_signed(self, common_name: str, **options: object) -> SoftwareSigner:
        """A root of its own that nobody trusts."""
        key = generate_key()
        begin, end = self.moment - DAY, self.moment + YEAR
        certificate = self_signed_root({"common_name": common_name}, key, begin, end, **options)  # type: ignore[arg-type]
        return SoftwareSigner(certificate, key, common_name)

    # ------------------------------------------------------------ what a verifier believes

    def anchors(self) -> tuple[TrustAnchor, ...]:
        """Each issuing CA, for its one purpose."""
        return tuple(
            TrustAnchor(self.ca(name).certificate, frozenset({purpose})) for name, purpose in CA_PURPOSES.items()
        )

    def crls(
        self,
        revoked: Mapping[str, Sequence[Revocation]] | None = None,
        *,
        this_update: datetime | None = None,
        period: timedelta = 2 * YEAR,
        number: int = 2,
    ) -> tuple[CertificateList, ...]:
        """A list of every CA; ``revoked`` by CA name."""
        lists = self.demonstration.crls_at(
            this_update or self.moment - timedelta(hours=1), number=number, revoked=revoked, period=period
        )
        return tuple(load_crl(der) for der in lists)

    def store(
        self,
        *,
        revoked: Mapping[str, Sequence[Revocation]] | None = None,
        anchors: Iterable[TrustAnchor] | None = None,
        crls: Iterable[CertificateList] | None = None,
    ) -> TrustStore:
        """A store that believes this authority. The plain one is made once and shared."""
        if revoked is None and anchors is None and crls is None and "plain" in self._stores:
            return self._stores["plain"]
        store = TrustStore(
            anchors=self.anchors() if anchors is None else tuple(anchors),
            intermediates=(self.root.certificate,),
            crls=self.crls(revoked) if crls is None else tuple(crls),
            region=REGION_CODE,
        )
        if revoked is None and anchors is None and crls is None:
            self._stores["plain"] = store
        return store

    def revoking(
        self, signer: SoftwareSigner, time: datetime, reason: str = "key_compromise", ca: str = "issuing-ca"
    ) -> TrustStore:
        """A store in which ``signer``'s certificate was revoked at ``time``."""
        return self.store(revoked={ca: [Revocation(signer.certificate.serial, time, reason)]})


@lru_cache(maxsize=4)
def make_authority(moment: datetime = MOMENT) -> Authority:
    """The authority of a region that exists in memory; made once per process and moment."""
    return Authority(make_demonstration_authority(REGION_NAME, REGION_CODE, moment, DEPARTMENTS), moment)
