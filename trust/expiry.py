"""即将到期: which certificates, lists, anchors and bundles end soon, or have ended (for ``/readyz``, metrics, a page).

Pure: what is asked about is given, and so is the moment.

    for ending in expiring(store_contents(store), now):
        ending.severity, ending.kind, ending.name, ending.ends_at
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trust.anchors import TrustStore
from trust.certificates import Certificate


class Kind(StrEnum):
    """What ends."""

    CERTIFICATE = "certificate"
    ANCHOR = "anchor"
    CRL = "crl"
    OCSP = "ocsp"
    STATUS_LIST = "status_list"
    BUNDLE = "bundle"


class Severity(StrEnum):
    """How urgent it is."""

    EXPIRED = "expired"
    URGENT = "urgent"
    SOON = "soon"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """有效期 of one thing."""

    kind: Kind
    name: str
    begins_at: datetime | None
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """到期提示."""

    kind: Kind
    name: str
    ends_at: datetime
    remaining: timedelta
    """Negative after the end."""
    severity: Severity


@dataclass(frozen=True, slots=True)
class ExpiryPolicy:
    """提示期: how long before the end a warning is given."""

    soon: timedelta = timedelta(days=60)
    """For certificates and anchors: long enough to have a new one issued."""
    urgent: timedelta = timedelta(days=14)
    short_soon: float = 1 / 3
    """For what is published again and again (lists, answers, bundles): the part of its life that is left."""
    short_urgent: float = 1 / 10


_LONG = frozenset({Kind.CERTIFICATE, Kind.ANCHOR})


def expiring(lifetimes: Iterable[Lifetime], moment: datetime, policy: ExpiryPolicy | None = None) -> tuple[Ending, ...]:
    """What has ended or ends soon at ``moment``, the first to end first."""
    chosen = policy or ExpiryPolicy()
    found = (_judge(lifetime, moment, chosen) for lifetime in lifetimes)
    return tuple(sorted((e for e in found if e is not None), key=lambda ending: (ending.ends_at, ending.name)))


def _judge(lifetime: Lifetime, moment: datetime, policy: ExpiryPolicy) -> Ending | None:
    remaining = lifetime.ends_at - moment
    soon, urgent = _thresholds(lifetime, policy)
    if remaining < timedelta(0):
        severity = Severity.EXPIRED
    elif remaining <= urgent:
        severity = Severity.URGENT
    elif remaining <= soon:
        severity = Severity.SOON
    else:
        return None
    return Ending(lifetime.kind, lifetime.name, lifetime.ends_at, remaining, severity)


def _thresholds(lifetime: Lifetime, policy: ExpiryPolicy) -> tuple[timedelta, timedelta]:
    """Of a certificate that lives shortly anyway, the same parts of its life as of a list."""
    if lifetime.begins_at is None:
        return policy.soon, policy.urgent
    life = max(lifetime.ends_at - lifetime.begins_at, timedelta(0))
    soon, urgent = life * policy.short_soon, life * policy.short_urgent
    return (min(soon, policy.soon), min(urgent, policy.urgent)) if lifetime.kind in _LONG else (soon, urgent)


def certificate_lifetimes(certificates: Iterable[Certificate]) -> Iterator[Lifetime]:
    """Of certificates in use: signers, seal makers, the TSA."""
    for certificate in certificates:
        yield Lifetime(Kind.CERTIFICATE, certificate.common_name, certificate.not_before, certificate.not_after)


def store_lifetimes(store: TrustStore) -> Iterator[Lifetime]:
    """Of everything in ``store`` that is still meant to be used: of lists and answers, the newest of each issuer."""
    for anchor in store.anchors:
        if anchor.removed_at is None:
            begin, end = anchor.period
            yield Lifetime(Kind.ANCHOR, anchor.certificate.common_name, begin, end)
    yield from certificate_lifetimes(store.intermediates)
    newest = {crl.issuer_name_der: crl for crl in sorted(store.crls, key=lambda crl: crl.this_update)}
    for crl in newest.values():
        if crl.next_update is not None:
            yield Lifetime(Kind.CRL, _issuer_name(store, crl.issuer_name_der), crl.this_update, crl.next_update)
    lists = {one.list_id: one for one in sorted(store.status_lists, key=lambda one: one.issued_at)}
    for one in lists.values():
        yield Lifetime(Kind.STATUS_LIST, one.list_id, one.issued_at, one.next_update)
    if store.next_update is not None:
        yield Lifetime(Kind.BUNDLE, store.region or "-", store.issued_at, store.next_update)


def _issuer_name(store: TrustStore, name: bytes) -> str:
    known = store.issuers_by_name.get(name, ())
    return known[0].common_name if known else name.hex()[:40]
