"""权限核对 (T12): in whose name is a document judged, and may that region seal such a licence?

``peer_store(home, "120000")`` believes the anchors of 120000 and of nobody else; ``find_standing`` says what the list
lets a region seal. Each region is judged by a store of its own: a peer's time-stamp authority proves nothing for
another region, its publisher tells no other region's states, its seal makers make no other region's seals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.errors import Malformed
from trust.identifiers import check_credit_code
from trust.path import issuers_of
from trust.trust_list import Entitlement, RegionEntry, TrustList


@dataclass(frozen=True, slots=True)
class Standing:
    """资格: what the list says of a region's right to seal one licence."""

    list_number: int
    region: str
    region_name: str
    division: str
    type_code: str
    moment: datetime
    entitlement: Entitlement | None
    """``None``: it has none."""

    def to_json(self) -> dict[str, object]:
        """For a report."""
        return {
            "region": self.region,
            "region_name": self.region_name,
            "division": self.division,
            "type": self.type_code,
            "list": self.list_number,
            "entitled": self.entitlement is not None,
            "level": "A" if self.entitlement is not None else "",
        }


def find_standing(
    trust_list: TrustList, region: str, division: str, type_code: str, moment: datetime
) -> Standing | None:
    """What ``trust_list`` says; ``None``: it has no such region."""
    entry = trust_list.region(region)
    if entry is None:
        return None
    found = entry.entitlement(division, type_code, moment)
    return Standing(trust_list.number, region, entry.name, division, type_code, moment, found)


def division_of(region: str, issuer_code: str) -> str:
    """行政区划 a licence belongs to: its issuer's, from the credit code (GB 32100, places 3-8), else its region's."""
    try:
        return check_credit_code(issuer_code)[2:8]
    except Malformed:
        return region


def peer_store(home: TrustStore, code: str) -> TrustStore | None:
    """The store that judges documents of region ``code``: its anchors on the list alone, its own lists.

    ``None`` where ``home`` has no list or the list no such region. Remembered with ``home``.
    """
    key = ("peer", code)
    found = cast("TrustStore | None", home.memory.get(key))
    if found is None and home.trust_list is not None:
        entry = home.trust_list.region(code)
        if entry is not None:
            found = home.memory[key] = _scoped(home, entry)
    return found


def _scoped(home: TrustStore, entry: RegionEntry) -> TrustStore:
    assert home.trust_list is not None
    return TrustStore(
        anchors=tuple(_until_left(one, entry.left_at) for one in entry.anchors),
        intermediates=entry.intermediates,
        crls=home.crls,
        status_lists=tuple(
            one for one in home.status_lists if one.region == entry.code and entry.status_place(one.list_id)
        ),
        region=entry.code,
        issued_at=home.trust_list.issued_at,
        next_update=home.trust_list.next_update,
        fetched_at=home.fetched_at,
        ocsp=home.ocsp,
        seal_lists=tuple(one for one in home.seal_lists if one.region == entry.code),
        silent=home.silent,
        trust_list=home.trust_list,
        entry=entry,
    )


def _until_left(anchor: TrustAnchor, left_at: datetime | None) -> TrustAnchor:
    """An anchor of a region that has left is believed for what is proved to be older."""
    if left_at is None or (anchor.removed_at is not None and anchor.removed_at <= left_at):
        return anchor
    return replace(anchor, removed_at=left_at)


def regions_behind(home: TrustStore, certificate: Certificate, purpose: Purpose) -> tuple[str, ...]:
    """Listed regions below one of whose anchors for ``purpose`` the certificate stands, by its issuer's signature."""
    found = []
    for entry in home.trust_list.regions if home.trust_list is not None else ():
        store = peer_store(home, entry.code)
        assert store is not None
        if stands_below(certificate, store, purpose):
            found.append(entry.code)
    return tuple(found)


def stands_below(certificate: Certificate, store: TrustStore, purpose: Purpose) -> bool:
    """Do issuers' signatures lead from ``certificate`` to an anchor of ``store`` for ``purpose``, whenever?"""
    return any(purpose in one.purposes for one in _above(certificate, store))


def _above(certificate: Certificate, store: TrustStore) -> tuple[TrustAnchor, ...]:
    """Anchors of ``store`` reached from ``certificate`` by issuers' signatures."""
    waiting, met = [certificate], {certificate.digest}
    found: list[TrustAnchor] = []
    while waiting and len(met) < 16:
        one = waiting.pop()
        found += store.anchors_by_digest.get(one.digest, ())
        for issuer in issuers_of(one, store):
            if issuer.digest not in met:
                met.add(issuer.digest)
                waiting.append(issuer)
    return tuple(found)
