"""Trust stores, and the signed bundles they travel in."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.authority import PUBLISHER
from tests.authority import DAY, MOMENT, Authority, make_authority
from trust.anchors import Purpose, TrustAnchor, TrustStore, load_bundle
from trust.canonical import canonical_json
from trust.errors import CheckFailed, Malformed
from trust.path import check_certificate, check_published
from trust.status_list import build_status_list, load_status_list


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def bundle(authority: Authority, store: TrustStore | None = None) -> bytes:
    publisher = authority.publisher
    return (store or authority.store()).to_bundle(publisher.sign, [publisher.certificate.der], MOMENT, MOMENT + DAY)


def test_a_bundle_carries_the_whole_store(authority: Authority) -> None:
    published = build_status_list(
        "https://example.test/1", ["CURRENT", "REVOKED"], region="990000", issued_at=MOMENT, next_update=MOMENT + DAY,
        sign=authority.publisher.sign, signer_chain=[authority.publisher.certificate.der],
    )  # fmt: skip
    anchor = TrustAnchor(authority.issuing_ca.certificate, frozenset({Purpose.SIGNER}), MOMENT, MOMENT + DAY)
    whole = authority.store(anchors=[*authority.anchors(), anchor]).with_status_lists([load_status_list(published)])
    read = load_bundle(bundle(authority, whole))
    assert read.anchors == whole.anchors
    assert read.intermediates == whole.intermediates
    assert [crl.der for crl in read.crls] == [crl.der for crl in whole.crls]
    assert (read.region, read.issued_at, read.next_update) == ("990000", MOMENT, MOMENT + DAY)
    found = read.status_list("https://example.test/1")
    assert found is not None
    assert found.status_at(1) == "REVOKED"
    assert read.status_list("https://example.test/2") is None
    check_published(found.document, read, found.issued_at, known_at=MOMENT)
    assert check_certificate(
        authority.department.certificate, read, Purpose.SIGNER, MOMENT, known_at=MOMENT, proved=False
    )


def test_freshness(authority: Authority) -> None:
    read = load_bundle(bundle(authority))
    assert read.is_fresh(MOMENT + DAY)
    assert not read.is_fresh(MOMENT + 2 * DAY)
    assert TrustStore().is_fresh(MOMENT)
    assert TrustStore().is_empty


def refused(data: bytes, **options: object) -> str:
    with pytest.raises(Malformed) as caught:
        load_bundle(data, **options)  # type: ignore[arg-type]
    return caught.value.code


def test_from_a_publisher_without_anchor_for_it(authority: Authority) -> None:
    department = authority.department
    data = authority.store().to_bundle(department.sign, [department.certificate.der], MOMENT, MOMENT + DAY)
    assert refused(data) == "bundle.untrusted"
    without = authority.store(anchors=[a for a in authority.anchors() if Purpose.BUNDLE not in a.purposes])
    assert refused(bundle(authority, without)) == "bundle.untrusted"


def test_later_bundles_are_judged_by_the_store_already_believed(authority: Authority) -> None:
    data = bundle(authority)
    assert load_bundle(data, publisher=authority.store())
    assert refused(data, publisher=TrustStore()) == "bundle.untrusted"


def test_from_a_revoked_publisher(authority: Authority) -> None:
    leaving = authority.issue("离任发布者", PUBLISHER, ca="publisher-ca")
    for days, expected in ((-1, "bundle.untrusted"), (None, "")):
        store = (
            authority.store() if days is None else authority.revoking(leaving, MOMENT + days * DAY, ca="publisher-ca")
        )
        data = store.to_bundle(leaving.sign, [leaving.certificate.der], MOMENT, MOMENT + DAY)
        if expected:
            assert refused(data) == expected
        else:
            assert load_bundle(data)


def changed(authority: Authority, change: Callable[[dict[str, object]], object]) -> bytes:
    """The payload changed and signed again: only its contents are wrong."""
    payload = json.loads(bundle(authority))["payload"]
    change(payload)
    from trust.signed import sign_document

    return sign_document(payload, authority.publisher.sign, [authority.publisher.certificate.der])


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.pop("region"),
        lambda p: p.update(more="x"),
        lambda p: p.update(format="licence-trust/status-list/1"),
        lambda p: p.update(issued_at="2026-11-22 08:00:00"),
        lambda p: p.update(issued_at="2026-11-22T08:00:00+08:00"),
        lambda p: p.update(next_update="2026-11-21T08:00:00Z"),
        lambda p: p.update(anchors={}),
        lambda p: p.update(anchors=["x"]),
        lambda p: p["anchors"][0].update(purposes=[]),
        lambda p: p["anchors"][0].update(purposes=["everything"]),
        lambda p: p["anchors"][0].update(purposes=["signer", "signer"]),
        lambda p: p["anchors"][0].update(valid_from="2030-01-01T00:00:00Z", valid_to="2029-01-01T00:00:00Z"),
        lambda p: p["anchors"][0].pop("valid_to"),
        lambda p: p.update(crls=["AAAA"]),
        lambda p: p.update(crls=["!"]),
        lambda p: p.update(intermediates=["MAA="]),
        lambda p: p.update(intermediates=[[]]),
        lambda p: p.update(intermediates=["QQ==\n"]),
        lambda p: p.update(status_lists=["e30="]),
        lambda p: p.update(intermediates=["AAAA"] * 5000),
    ],
)
def test_anything_odd_is_malformed(authority: Authority, change: Callable[[dict[str, object]], object]) -> None:
    assert refused(changed(authority, change)) == "bundle.malformed"


def test_a_changed_payload(authority: Authority) -> None:
    whole = json.loads(bundle(authority))
    whole["payload"]["region"] = "110000"
    assert refused(canonical_json(whole)) == "bundle.untrusted"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"certificates":[],"payload":{},"signature":""}', b"null", b"[" * 10000]
)
def test_what_is_no_bundle(data: bytes) -> None:
    assert refused(data) == "bundle.malformed"


@settings(max_examples=50)
@given(data=st.data())
def test_no_damaged_bundle_is_believed(data: st.DataObject) -> None:
    authority = make_authority()
    octets = _kept[0] if _kept else bundle(authority)
    _kept[:] = [octets]
    position = data.draw(st.integers(0, len(octets) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda octet: octet != octets[position]))
    with pytest.raises(Malformed):
        load_bundle(octets[:position] + bytes((octet,)) + octets[position + 1 :])


_kept: list[bytes] = []


def test_an_anchor_needs_a_purpose_and_a_period(authority: Authority) -> None:
    with pytest.raises(Malformed):
        TrustAnchor(authority.root.certificate, frozenset())
    with pytest.raises(Malformed):
        TrustAnchor(authority.root.certificate, valid_from=MOMENT, valid_to=MOMENT - DAY)


def test_a_store_with_other_lists_forgets_nothing_else(authority: Authority) -> None:
    store = authority.store().with_crls([])
    assert store.anchors == authority.store().anchors
    with pytest.raises(CheckFailed) as caught:
        check_certificate(authority.department.certificate, store, Purpose.SIGNER, MOMENT, known_at=MOMENT, proved=True)
    assert caught.value.code == "revocation.missing"
