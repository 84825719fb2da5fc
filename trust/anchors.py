"""信任锚: whom this verifier believes, for which purpose and in which period.

``TrustStore`` is all a check needs and nothing secret: anchors, intermediate certificates, revocation
lists, published status lists. It travels as a signed bundle (``trust.bundle``): ``store.to_bundle(…)``,
``load_bundle(data)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from trust.certificates import Certificate
from trust.errors import Malformed
from trust.ocsp import OCSPResponse
from trust.revocation import CertificateList, SilentSource
from trust.seal_status import SealStatusList
from trust.status_list import StatusList

if TYPE_CHECKING:
    from trust.trust_list import RegionEntry, TrustList


class Purpose(StrEnum):
    """What an anchor is trusted for."""

    SEAL_MAKER = "seal_maker"
    """制章人: whoever makes seals."""
    SIGNER = "signer"
    """签章人: departments and persons who seal."""
    TIMESTAMP = "timestamp"
    """时间戳服务."""
    BUNDLE = "bundle"
    """发布者 of trust bundles and status lists."""


ALL_PURPOSES = frozenset(Purpose)


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """信任锚: a certificate believed without asking further."""

    certificate: Certificate
    purposes: frozenset[Purpose] = ALL_PURPOSES
    valid_from: datetime | None = None
    """First moment for which it is believed (aware); ``None``: as its certificate says."""
    valid_to: datetime | None = None
    """Last moment for which it is believed (aware); ``None``: as its certificate says."""
    removed_at: datetime | None = None
    """移出: from here on it is believed no more (aware). What is proved to be older keeps its answer."""

    def __post_init__(self) -> None:
        if not self.purposes:
            raise Malformed("anchor.no_purpose", "信任锚“{name}”没有用途。", name=self.certificate.common_name)
        begin, end = self.period
        if begin > end:
            raise Malformed("anchor.period", "信任锚“{name}”的有效期颠倒。", name=self.certificate.common_name)

    @property
    def period(self) -> tuple[datetime, datetime]:
        """First and last moment for which the anchor is believed."""
        return self.valid_from or self.certificate.not_before, self.valid_to or self.certificate.not_after

    def covers(self, moment: datetime) -> bool:
        """Is the anchor believed for what happened at ``moment``?"""
        begin, end = self.period
        return begin <= moment <= end and (self.removed_at is None or moment < self.removed_at)


@dataclass(frozen=True, eq=False)
class TrustStore:
    """信任库. Compared by identity: what was learned about paths is remembered with the store."""

    anchors: tuple[TrustAnchor, ...] = ()
    intermediates: tuple[Certificate, ...] = ()
    crls: tuple[CertificateList, ...] = ()
    status_lists: tuple[StatusList, ...] = ()
    region: str = ""
    issued_at: datetime | None = None
    """When the bundle it came from was issued; ``None`` for a store put together here."""
    next_update: datetime | None = None
    """When a newer bundle is due; a finding says so when that has passed."""
    fetched_at: datetime | None = None
    ocsp: tuple[OCSPResponse, ...] = ()
    """在线状态应答 at hand, beside ``crls``."""
    seal_lists: tuple[SealStatusList, ...] = ()
    """Published standing of seals (``trust.seal_status``), parsed and not yet believed; travels with a trust list."""
    silent: tuple[SilentSource, ...] = ()
    """Sources of revocation that gave nothing when last asked; never travels with a bundle."""
    trust_list: TrustList | None = None
    """信任列表 believed here: what lets a document of another region count (``trust.entitlement``)."""
    entry: RegionEntry | None = None
    """The region of the list that this store speaks for, where it was made by ``trust.entitlement.peer_store``."""
    issuers_by_name: dict[bytes, tuple[Certificate, ...]] = field(init=False, repr=False)
    """Anchors and intermediates by the DER of their subject."""
    anchors_by_digest: dict[bytes, tuple[TrustAnchor, ...]] = field(init=False, repr=False)
    memory: dict[object, object] = field(init=False, repr=False, default_factory=dict)
    """Remembered answers of ``trust.path``, bounded there."""

    def __post_init__(self) -> None:
        by_name: dict[bytes, dict[bytes, Certificate]] = {}
        by_digest: dict[bytes, tuple[TrustAnchor, ...]] = {}
        for anchor in self.anchors:
            digest = anchor.certificate.digest
            by_digest[digest] = (*by_digest.get(digest, ()), anchor)
        for certificate in (*(a.certificate for a in self.anchors), *self.intermediates):
            by_name.setdefault(certificate.subject_name_der, {})[certificate.digest] = certificate
        object.__setattr__(self, "anchors_by_digest", by_digest)
        object.__setattr__(self, "issuers_by_name", {name: tuple(found.values()) for name, found in by_name.items()})

    @property
    def is_empty(self) -> bool:
        return not self.anchors

    def is_fresh(self, known_at: datetime) -> bool:
        """Is no newer bundle due at ``known_at``?"""
        return self.next_update is None or known_at <= self.next_update

    def with_crls(self, crls: Iterable[CertificateList]) -> TrustStore:
        """The same store with other revocation lists."""
        return self.changed(crls=tuple(crls))

    def with_ocsp(self, ocsp: Iterable[OCSPResponse]) -> TrustStore:
        """The same store with other OCSP answers."""
        return self.changed(ocsp=tuple(ocsp))

    def with_status_lists(self, lists: Iterable[StatusList]) -> TrustStore:
        """The same store with other status lists."""
        return self.changed(status_lists=tuple(lists))

    def changed(self, **fields: object) -> TrustStore:
        """A copy with some fields replaced."""
        return replace(self, **fields)  # type: ignore[arg-type]

    def status_list(self, list_id: str) -> StatusList | None:
        """The newest published list of this address, parsed and not yet believed; ``None`` if there is none."""
        named = [published for published in self.status_lists if published.list_id == list_id]
        return max(named, key=lambda published: published.issued_at, default=None)

    def to_bundle(
        self,
        sign: Callable[[bytes], bytes],
        signer_chain: Iterable[bytes],
        issued_at: datetime,
        next_update: datetime,
    ) -> bytes:
        """信任包: everything in the store, signed by ``sign`` (DER r, s); see ``trust.bundle``."""
        from trust.bundle import build_bundle

        return build_bundle(self, sign, signer_chain, issued_at, next_update)


def load_bundle(data: bytes, *, publisher: TrustStore | None = None) -> TrustStore:
    """The store in a signed bundle; ``Malformed("bundle.*")`` on anything odd. See ``trust.bundle``."""
    from trust.bundle import load_bundle as load

    return load(data, publisher=publisher)
