"""Documents of other regions (T12): what the trust list makes of them, and what their region says of their state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest

from tests.authority import DAY, MOMENT
from tests.federation import ABROAD, HOME, OTHER, authority_of, federation, region
from tests.verify import world
from trust.anchors import Purpose, TrustStore
from trust.entitlement import peer_store, regions_behind
from trust.errors import Malformed
from trust.status_list import StatusList, build_status_list, load_status_list
from trust.trust_list import Entitlement, Period, RegionEntry, StatusPlace, TrustList
from verify.policy import PeerList
from verify.report import Report
from verify.verifier import Verifier

PLACE = StatusPlace("https://example.test/api/v1/status-lists/")
TYPE = world.definition().code


def entry(**fields: Any) -> RegionEntry:
    """The document's region as the list has it."""
    return region(ABROAD, "演示省", world.authority().demonstration, status_places=(PLACE,), **fields)


def listed(abroad: RegionEntry | None, **changes: Any) -> TrustList:
    others = (region(HOME, "甲省"), region(OTHER, "乙省"))
    return federation().first(regions=(*others, *((abroad,) if abroad else ())), **changes)


def home(trust_list: TrustList | None, **fields: Any) -> TrustStore:
    """What a node of another region believes."""
    own = authority_of(HOME, "甲省")
    crls = (*own.trust_store().crls, *world.authority().store().crls)
    given: dict[str, Any] = {"anchors": own.anchors, "crls": crls, "region": HOME, "trust_list": trust_list}
    return TrustStore(**{**given, **fields})


@dataclass(frozen=True)
class ToldPeer:
    """Stands in for the document's region: a state, how old, or silence."""

    state: str = "CURRENT"
    current: bool = True
    silent: bool = False

    def status_list(self, store: TrustStore, address: str) -> PeerList:
        if self.silent:
            return PeerList(None, current=False, reason="fetch.timeout")
        return PeerList(published(self.state), current=self.current, reason="" if self.current else "fetch.timeout")


@lru_cache(maxsize=16)
def published(state: str, region_code: str = ABROAD, address: str = world.STATUS_LIST, by: str = "") -> StatusList:
    states = [state if index == world.STATUS_INDEX else "CURRENT" for index in range(16)]
    signer = authority_of(OTHER, "乙省").publisher if by else world.authority().publisher
    made = build_status_list(
        address,
        states,
        region=region_code,
        issued_at=MOMENT - timedelta(minutes=1),
        next_update=MOMENT + DAY,
        sign=signer.sign,
        signer_chain=[signer.certificate.der],
    )
    return load_status_list(made)


def judged(store: TrustStore, peer: ToldPeer | None = None, now: datetime = MOMENT, stamped: bool = True) -> Report:
    return Verifier(store, lambda: now, peers=peer or ToldPeer()).verify(world.sealed(stamped))


def codes(report: Report) -> set[str]:
    return {f.code for f in (*report.findings, *(f for s in report.signatures for f in s.findings))}


CASES: Mapping[str, tuple[RegionEntry | None, Mapping[str, Any], str, str | None, str]] = {
    # what: (the document's region on the list, changes of the list, indication, sub-indication, finding)
    "entitled": (entry(), {}, "TOTAL-PASSED", None, "entitlement.found"),
    "entitled to this type": (
        entry(entitlements=(Entitlement(ABROAD, frozenset({TYPE})),)), {}, "TOTAL-PASSED", None, "entitlement.found"),
    "entitled to another type": (
        entry(entitlements=(Entitlement(ABROAD, frozenset({"X"})),)), {},
        "INDETERMINATE", "ENTITLEMENT_MISSING", "entitlement.missing"),
    "entitled to nothing": (
        entry(entitlements=()), {}, "INDETERMINATE", "ENTITLEMENT_MISSING", "entitlement.missing"),
    "entitled to another city only": (
        entry(entitlements=(Entitlement("990100"),)), {},
        "INDETERMINATE", "ENTITLEMENT_MISSING", "entitlement.missing"),
    "entitled later": (
        entry(entitlements=(Entitlement(ABROAD, period=Period(begin=MOMENT - timedelta(hours=1))),)), {},
        "INDETERMINATE", "ENTITLEMENT_MISSING", "entitlement.missing"),
    "entitled when it was sealed, and no more": (
        entry(entitlements=(Entitlement(ABROAD, period=Period(end=MOMENT - timedelta(hours=1))),)), {},
        "TOTAL-PASSED", None, "entitlement.found"),
    "entitled no more when it was sealed": (
        entry(entitlements=(Entitlement(ABROAD, period=Period(end=MOMENT - timedelta(hours=3))),)), {},
        "INDETERMINATE", "ENTITLEMENT_MISSING", "entitlement.missing"),
    "left after it was sealed": (entry(left_at=MOMENT - timedelta(hours=1)), {}, "TOTAL-PASSED", None,
                                 "entitlement.found"),
    "not on the list": (None, {}, "INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "entitlement.region_unlisted"),
    "the list has expired since": (
        entry(), {"next_update": MOMENT - timedelta(hours=1)}, "TOTAL-PASSED", None, "published.bundle_stale"),
    "the list had expired before": (
        entry(), {"next_update": MOMENT - timedelta(hours=3)},
        "INDETERMINATE", "TRUST_LIST_EXPIRED", "entitlement.list_expired"),
    "without its anchors": (
        entry(anchors=()), {}, "INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "certificate.unknown_issuer"),
    "with another region's anchors": (
        replace(region(ABROAD, "演示省", authority_of(OTHER, "乙省")), status_places=(PLACE,)), {},
        "INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "certificate.unknown_issuer"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_foreign_original(case: str) -> None:
    abroad, changes, indication, sub, finding = CASES[case]
    report = judged(home(listed(abroad, **changes)))
    assert (str(report.indication), report.sub_indication) == (indication, sub), codes(report)
    assert finding in codes(report)
    assert report.to_json()["trust_list"]["number"] == 1  # type: ignore[index]
    entitlement = report.trust_list.get("entitlement")
    assert (entitlement is not None) is (finding in ("entitlement.found", "published.bundle_stale"))


UNPROVED = {
    "still entitled": (entry(), "TOTAL-PASSED"),
    "entitled no more": (
        entry(entitlements=(Entitlement(ABROAD, period=Period(end=MOMENT - timedelta(hours=1))),)), "INDETERMINATE"),
    "left since": (entry(left_at=MOMENT - timedelta(hours=1)), "INDETERMINATE"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNPROVED)
def test_a_time_that_is_only_claimed_does_not_protect(case: str) -> None:
    abroad, indication = UNPROVED[case]
    assert str(judged(home(listed(abroad)), stamped=False).indication) == indication


def test_sealed_by_another_region_in_this_one_s_name() -> None:
    """The seal holds, by the anchors of the region it is of; the list does not let that region speak for another."""
    forger = replace(region(OTHER, "乙省", world.authority().demonstration), status_places=(PLACE,))
    honest = region(ABROAD, "演示省", authority_of(ABROAD, "真演示省"))
    made = federation().first(regions=(region(HOME, "甲省"), forger, honest))
    report = judged(home(made))
    assert (str(report.indication), report.sub_indication) == ("INDETERMINATE", "ENTITLEMENT_MISSING")
    assert "entitlement.other_region" in codes(report)


def test_sealed_by_another_region_in_our_name() -> None:
    """A document that says it is ours, with a peer's seal."""
    made = federation().first(regions=(replace(entry(), code=OTHER, entitlements=(Entitlement(OTHER),)),))
    store = home(made, region=ABROAD)
    report = judged(store)
    assert (str(report.indication), report.sub_indication) == ("INDETERMINATE", "ENTITLEMENT_MISSING")
    assert "entitlement.other_region" in codes(report)


def test_our_own_need_no_entitlement() -> None:
    own = world.authority()
    store = own.store().changed(trust_list=listed(None))
    report = Verifier(store, lambda: MOMENT).verify(world.sealed())
    assert str(report.indication) == "TOTAL-PASSED"
    assert not {code for code in codes(report) if code.startswith("entitlement")}


def test_without_a_list_it_is_said_that_nobody_asked() -> None:
    store = world.authority().store().changed(region=HOME)
    report = Verifier(store, lambda: MOMENT).verify(world.sealed())
    assert str(report.indication) == "TOTAL-PASSED" and "entitlement.not_checked" in codes(report)
    assert "trust_list" not in report.to_json()


# ---------------------------------------------------------------- states

STATES = {
    "current": (ToldPeer(), "TOTAL-PASSED", None, ""),
    "lost": (ToldPeer("LOST"), "INDETERMINATE", "LICENCE_LOST", "licence.lost"),
    "suspended": (ToldPeer("SUSPENDED"), "INDETERMINATE", "LICENCE_SUSPENDED", "licence.suspended"),
    "overdue": (ToldPeer("INSPECTION_OVERDUE"), "INDETERMINATE", "LICENCE_INSPECTION_OVERDUE",
                "licence.inspection_overdue"),
    "revoked": (ToldPeer("REVOKED"), "TOTAL-FAILED", "LICENCE_REVOKED", "licence.revoked"),
    "transferred": (ToldPeer("TRANSFERRED"), "TOTAL-FAILED", "LICENCE_TRANSFERRED", "licence.transferred"),
    "a place nobody took": (ToldPeer("UNUSED"), "INDETERMINATE", "LICENCE_UNUSED", "licence.unused"),
    "silent, current when last heard": (
        ToldPeer(current=False), "INDETERMINATE", "LICENCE_STATUS_AS_OF", "licence.status_as_of"),
    "silent, lost when last heard": (
        ToldPeer("LOST", current=False), "INDETERMINATE", "LICENCE_STATUS_AS_OF", "licence.status_as_of"),
    "silent, revoked when last heard": (
        ToldPeer("REVOKED", current=False), "TOTAL-FAILED", "LICENCE_REVOKED", "licence.revoked"),
    "silent, never heard": (
        ToldPeer(silent=True), "INDETERMINATE", "LICENCE_STATUS_UNKNOWN", "licence.status_unreachable"),
}  # fmt: skip


@pytest.mark.parametrize("case", STATES)
def test_what_its_region_says(case: str) -> None:
    peer, indication, sub, finding = STATES[case]
    report = judged(home(listed(entry())), peer)
    assert (str(report.indication), report.sub_indication) == (indication, sub)
    assert not finding or finding in codes(report)
    assert "LICENCE_STATUS_NOT_CHECKED" not in codes(report)


def test_a_status_place_that_is_not_the_region_s() -> None:
    elsewhere = replace(entry(), status_places=(StatusPlace("https://990000.example.test/s/"),))
    report = judged(home(listed(elsewhere)))
    assert (str(report.indication), report.sub_indication) == ("INDETERMINATE", "LICENCE_STATUS_UNKNOWN")
    assert "licence.status_place" in codes(report)


OFFLINE = {
    "its own list": (published("REVOKED"), "TOTAL-FAILED"),
    "another region's publisher": (published("REVOKED", by="other"), "INDETERMINATE"),
    "another region's list": (published("REVOKED", region_code=OTHER), "TOTAL-PASSED"),
}


@pytest.mark.parametrize("case", OFFLINE)
def test_lists_at_hand_count_for_their_own_region_only(case: str) -> None:
    one, indication = OFFLINE[case]
    report = Verifier(home(listed(entry()), status_lists=(one,)), lambda: MOMENT).verify(world.sealed())
    assert str(report.indication) == indication, codes(report)


# ---------------------------------------------------------------- stores


def test_each_region_has_a_store_of_its_own() -> None:
    store = home(listed(entry()))
    abroad = peer_store(store, ABROAD)
    assert abroad is not None and abroad is peer_store(store, ABROAD)
    assert {one.certificate.digest for one in abroad.anchors}.isdisjoint(one.certificate.digest for one in store.anchors)
    assert peer_store(store, "650000") is None and peer_store(store.changed(trust_list=None), ABROAD) is None
    maker = world.person("maker").certificate
    assert regions_behind(store, maker, Purpose.SEAL_MAKER) == (ABROAD,)
    assert regions_behind(store, maker, Purpose.TIMESTAMP) == ()


def test_the_offline_bundle_carries_the_list() -> None:
    from trust.bundle import build_bundle, load_bundle

    own = authority_of(HOME, "甲省").publisher
    store = home(listed(entry()), status_lists=(published("LOST"),))
    chain = [own.certificate.der]
    data = build_bundle(store, own.sign, chain, MOMENT, MOMENT + DAY)
    loaded = load_bundle(data)
    assert loaded.trust_list is not None and store.trust_list is not None
    assert loaded.trust_list.digest == store.trust_list.digest
    report = Verifier(loaded, lambda: MOMENT).verify(world.sealed())
    assert report.sub_indication == "LICENCE_LOST"
    weak = replace(store.trust_list, signatures=store.trust_list.signatures[:1])
    with pytest.raises(Malformed):
        load_bundle(build_bundle(store.changed(trust_list=weak), own.sign, chain, MOMENT, MOMENT + DAY))
    plain = build_bundle(store.changed(trust_list=None), own.sign, chain, MOMENT, MOMENT + DAY)
    assert b"trust_list" not in plain and load_bundle(plain).trust_list is None
