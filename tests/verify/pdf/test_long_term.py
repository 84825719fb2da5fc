"""长期: a licence sealed today and stamped anew on schedule is still proved when all of today's certificates are gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

import pytest

from keys.authority import PUBLISHER, TSA, CertificateAuthority, self_signed_root
from keys.software import SoftwareSigner, generate_key
from keys.timestamping import TimeStampAuthority
from seal.pdf.archive import Evidence, add_evidence, stamp_document
from seal.sealing import Sealer, SealingMaterial
from tests.authority import REGION_CODE
from tests.verify import world
from tests.verify.cases import codes
from tests.verify.pdf import making
from tests.verify.world import NOW, SIGNED, SealRecipe
from trust.algorithms import sm3
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.revocation import CertificateList, load_crl
from trust.seal_status import SealHistory, build_seal_status_list, load_seal_status_list
from verify.report import Indication, Report
from verify.verifier import Verifier

DAY = timedelta(days=1)
YEAR = 365 * DAY
LATER = NOW + 12 * YEAR
GENERATIONS = range(0, 12, 2)
"""Years in which the file is stamped: each authority is gone two years later."""


@dataclass(frozen=True)
class Generation:
    """One time-stamp authority and its own root, both good for three years."""

    begin: datetime

    @property
    def end(self) -> datetime:
        return self.begin + 3 * YEAR

    @property
    def root(self) -> SoftwareSigner:
        return _root(self)

    @property
    def tsa(self) -> SoftwareSigner:
        return _tsa(self)

    @property
    def anchor(self) -> TrustAnchor:
        return TrustAnchor(self.root.certificate, frozenset({Purpose.TIMESTAMP}))

    def stamper(self, at: datetime) -> TimeStampAuthority:
        return TimeStampAuthority(self.tsa, clock=lambda: at)

    def crl(self, at: datetime) -> CertificateList:
        return load_crl(CertificateAuthority(self.root).crl([], at, at + 30 * DAY, 1))


@lru_cache(maxsize=16)
def _root(one: Generation) -> SoftwareSigner:
    key = generate_key()
    name = {"common_name": f"TEST time root {one.begin.year}"}
    return SoftwareSigner(self_signed_root(name, key, one.begin - DAY, one.end + YEAR), key, "root")


@lru_cache(maxsize=16)
def _tsa(one: Generation) -> SoftwareSigner:
    key = generate_key()
    name = {"organization_name": "TEST", "common_name": f"TEST time stamps {one.begin.year}"}
    made = CertificateAuthority(one.root).issue(name, key.public_key, TSA, one.begin - DAY, one.end)
    return SoftwareSigner(made, key, "tsa")


def generation(year: int) -> Generation:
    return Generation(NOW + year * YEAR)


def region_lists(at: datetime) -> list[CertificateList]:
    """The region's own lists as they are at ``at``, fresh for a month."""
    return list(world.authority().crls(this_update=at - timedelta(hours=1), period=30 * DAY))


@lru_cache(maxsize=4)
def lasting(years: tuple[int, ...]) -> bytes:
    """The licence, sealed now, with evidence and a document time stamp in each of ``years``."""
    office = world.authority()
    first = generation(0)
    sealer = Sealer(first.stamper(SIGNED), lambda: SIGNED)
    data = sealer.seal(making.drawn(), SealingMaterial(world.make(SealRecipe()), office.department), making.place()).data
    for year in years:
        at = NOW + year * YEAR + timedelta(hours=1)
        known = [office.root.certificate.der, *(g.root.certificate.der for g in map(generation, range(0, year + 1, 2)))]
        lists = [one.der for one in (region_lists(at) if year == 0 else [])]
        # the stamp before this one is still good: its authority's list is put in while it can be had
        earlier = {generation(max(0, year - 2)), generation(0) if year == 0 else generation(year - 2)}
        lists += [g.crl(at).der for g in sorted(earlier, key=lambda g: g.begin)]
        data = add_evidence(data, Evidence(tuple(known), tuple(lists)))
        data = stamp_document(data, generation(year).stamper(at))
    return data


def store(at: datetime, *, newest: int | None) -> TrustStore:
    """What somebody believes at ``at`` without a network: every anchor with its period, one fresh list."""
    office = world.authority()
    anchors = [*office.anchors(), *(generation(year).anchor for year in GENERATIONS)]
    crls = [generation(newest).crl(at - timedelta(hours=1))] if newest is not None else []
    return office.store(anchors=anchors, crls=crls)


def verify(data: bytes, at: datetime, newest: int | None) -> Report:
    return Verifier(store(at, newest=newest), lambda: at).verify(data)


def test_twelve_years_on_it_is_still_proved() -> None:
    data = lasting(tuple(GENERATIONS))
    office = world.authority()
    first: list[Certificate] = [office.department.certificate, generation(0).tsa.certificate, generation(8).tsa.certificate]
    assert all(one.not_after < LATER for one in first)
    report = verify(data, LATER, 10)
    assert report.indication is Indication.PASSED, [str(f.message()) for s in report.signatures for f in s.findings]
    [signature] = report.signatures
    assert (signature.level, signature.time, signature.time_proved) == ("B-LTA", SIGNED, True)
    assert signature.evidence


def test_without_renewal_the_proof_of_existence_is_missing() -> None:
    report = verify(lasting((0,)), LATER, 10)
    assert report.indication is Indication.INDETERMINATE
    assert set(codes(report)) & {"revocation.stale", "revocation.missing", "revocation.expired_not_listed", "certificate.expired"}
    said = " ".join(f.message() for f in [*report.findings, *(f for s in report.signatures for f in s.findings)])
    assert "时间戳" in said or "证明" in said


def test_a_gap_in_the_renewals_breaks_the_chain() -> None:
    assert verify(lasting((0, 2, 8, 10)), LATER, 10).indication is Indication.INDETERMINATE


def test_nothing_at_all_was_added() -> None:
    report = verify(lasting(()), LATER, 10)
    assert report.indication is Indication.INDETERMINATE
    assert report.signatures[0].level in ("B-B", "B-T")


@pytest.mark.parametrize("year", [0, 1, 3, 5, 11])
def test_in_between_it_holds_as_well(year: int) -> None:
    done = tuple(one for one in GENERATIONS if one <= year)
    assert verify(lasting(done), NOW + year * YEAR + 2 * DAY, done[-1]).indication is Indication.PASSED


def test_a_stamp_by_a_stranger_proves_nothing() -> None:
    data = lasting(())
    stranger = replace(generation(0), begin=NOW - DAY)
    stamped = stamp_document(data, stranger.stamper(NOW + timedelta(hours=2)))
    report = verify(stamped, NOW + DAY, 0)
    assert report.indication is Indication.INDETERMINATE
    assert set(codes(report)) & {"certificate.unknown_issuer", "certificate.issuer_signature"}


def _offered(listed_at: datetime) -> bytes:
    """Sealed at ``SIGNED``, with the region's lists of ``listed_at`` put in and stamped an hour later."""
    office = world.authority()
    evidence = Evidence((office.root.certificate.der,), tuple(one.der for one in region_lists(listed_at)))
    return stamp_document(add_evidence(making.sealed(), evidence), office.timestamper(SIGNED + timedelta(hours=1)))


@pytest.mark.parametrize(("hours", "expected"), [(-5, Indication.INDETERMINATE), (1, Indication.PASSED)])
def test_a_list_from_before_the_signature_proves_nothing_once_it_is_over(hours: int, expected: Indication) -> None:
    """Whoever signs with a revoked key can offer a list from before the revocation, and have it stamped."""
    office, at = world.authority(), NOW + 60 * DAY
    issuer = office.department.certificate.issuer_name_der
    crls = [one for one in region_lists(at) if one.issuer_name_der != issuer]
    data = _offered(SIGNED + timedelta(hours=hours))
    assert Verifier(office.store(crls=crls), lambda: at).verify(data).indication is expected


def test_a_lost_seal_stays_lost_when_the_publisher_has_a_new_certificate() -> None:
    """The list that says so was published, by a certificate of later, after the time stamp over the signature."""
    office = world.authority()
    lost = SealHistory(
        ((world.MADE, "VALID"), (SIGNED - timedelta(hours=1), "LOST")),
        ((sm3(world.make(SealRecipe())).hex(), world.MADE),),
    )
    begin = SIGNED + timedelta(minutes=70)
    publisher = office.issue("新发布者", PUBLISHER, ca="publisher-ca", not_before=begin, not_after=NOW + YEAR)
    data = build_seal_status_list(
        {world.SEAL_ID: lost},
        region=REGION_CODE,
        issued_at=begin + timedelta(minutes=1),
        next_update=NOW + DAY,
        sign=publisher.sign,
        signer_chain=[publisher.certificate.der],
    )
    store = office.store().changed(seal_lists=(load_seal_status_list(data),))
    report = Verifier(store, lambda: NOW).verify(_offered(SIGNED + timedelta(minutes=30)))
    assert (report.indication, report.sub_indication) == (Indication.FAILED, "SEAL_LOST")


def test_levels_grow() -> None:
    office = world.authority()
    first = generation(0)
    sealed = lasting(())
    evidence = Evidence((office.root.certificate.der,), tuple(one.der for one in (*region_lists(NOW), first.crl(NOW))))
    stored = add_evidence(sealed, evidence)
    stamped = stamp_document(stored, first.stamper(NOW + timedelta(hours=1)))
    at = NOW + timedelta(hours=2)
    known = Verifier(office.store(anchors=[*office.anchors(), first.anchor], crls=[*office.crls(), first.crl(NOW)]), lambda: at)
    assert [known.verify(one).signatures[0].level for one in (making.sealed(False), sealed, stored, stamped)] == [
        "B-B", "B-T", "B-LT", "B-LTA",
    ]



def test_rubbish_for_evidence_raises_no_level() -> None:
    rubbish = add_evidence(lasting(()), Evidence((b"certificate",), (b"list",), (b"answer",)))
    assert verify(rubbish, NOW + DAY, 0).signatures[0].level in ("B-B", "B-T")
