"""Anchors come, follow each other and go; what is proved to be older keeps its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from keys.authority import INTERMEDIATE, SIGNER, CertificateAuthority
from keys.ocsp import ListedStandings, OCSPResponder
from keys.software import SoftwareSigner, generate_key
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from trust.algorithms import SM3
from trust.anchor_changes import AnchorState, add_anchor, forget_anchor, list_anchors, remove_anchor, roll_over
from trust.anchor_json import read_anchor, write_anchor
from trust.anchors import Purpose, TrustAnchor, TrustStore, load_bundle
from trust.certificates import Certificate
from trust.errors import CheckFailed, LicenceTrustError, Malformed
from trust.ocsp import load_ocsp
from trust.path import check_certificate

SIGNERS = frozenset({Purpose.SIGNER})


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def code(act: Callable[[], object]) -> str:
    with pytest.raises(LicenceTrustError) as met:
        act()
    return met.value.code


def verdict(
    store: TrustStore,
    certificate: Certificate,
    days: float,
    *,
    proved: bool,
    now: float,
    purpose: Purpose = Purpose.SIGNER,
) -> str:
    moment, known_at = MOMENT + days * DAY, MOMENT + now * DAY
    try:
        check_certificate(certificate, store, purpose, moment, known_at=known_at, proved=proved)
    except CheckFailed as failure:
        return failure.code
    return "ok"


def digest(authority: Authority) -> bytes:
    return authority.issuing_ca.certificate.digest


GONE = "certificate.anchor_removed"


@pytest.mark.parametrize(
    ("since", "signed", "proved", "now", "expected"),
    [
        # days from MOMENT; the anchor is removed on day 10
        (None, 5, True, 9, "ok"),
        (None, 5, True, 20, "ok"),  # proved to be older: keeps its answer
        (None, 5, False, 9, "ok"),  # before anyone knew
        (None, 5, False, 20, GONE),  # only claimed: gone at once
        (None, 15, True, 20, GONE),
        (None, 10, True, 20, GONE),  # from the very moment on
        (None, 15, False, 20, GONE),
        (7, 5, True, 20, "ok"),  # unsafe since day 7, noticed on day 10
        (7, 8, True, 20, GONE),
        (30, 15, True, 20, GONE),  # a removal never waits
    ],
)
def test_removed(
    authority: Authority, since: float | None, signed: float, proved: bool, now: float, expected: str
) -> None:
    earlier = None if since is None else MOMENT + since * DAY
    store = remove_anchor(authority.store(), digest(authority), moment=MOMENT + 10 * DAY, since=earlier)
    assert verdict(store, authority.department.certificate, signed, proved=proved, now=now) == expected


def test_removal_leaves_others_alone(authority: Authority) -> None:
    store = remove_anchor(authority.store(), digest(authority), moment=MOMENT)
    maker = authority.seal_maker.certificate
    assert verdict(store, maker, 0, proved=False, now=1, purpose=Purpose.SEAL_MAKER) == "ok"
    assert code(lambda: remove_anchor(store, digest(authority), moment=MOMENT)) == "anchor.unknown"
    assert code(lambda: remove_anchor(store, b"?", moment=MOMENT)) == "anchor.unknown"
    again = add_anchor(store, authority.issuing_ca.certificate, SIGNERS, moment=MOMENT, valid_from=MOMENT + DAY)
    assert verdict(again, authority.department.certificate, 2, proved=False, now=3) == "ok"  # taken in anew
    assert verdict(again, authority.department.certificate, 0.5, proved=True, now=3) != "ok"  # not for the gap


def test_forgotten(authority: Authority) -> None:
    """A stolen time-stamp key can stamp any past: such an anchor leaves nothing behind."""
    store = forget_anchor(authority.store(), digest(authority))
    assert verdict(store, authority.department.certificate, 0, proved=True, now=1).startswith("certificate.un")
    assert code(lambda: forget_anchor(store, digest(authority))) == "anchor.unknown"


# ---------------------------------------------------------------- rollover


def successor(authority: Authority) -> tuple[SoftwareSigner, Certificate]:
    """The next CA of the same root, and a department's certificate from it."""
    key = generate_key()
    made = CertificateAuthority(authority.root).issue(
        {"common_name": "新证书机构"}, key.public_key, INTERMEDIATE, MOMENT, MOMENT + 2 * YEAR
    )
    ca = SoftwareSigner(made, key)
    leaf_key = generate_key()
    leaf = CertificateAuthority(ca).issue({"common_name": "某局"}, leaf_key.public_key, SIGNER, MOMENT, MOMENT + YEAR)
    return ca, leaf


@pytest.mark.parametrize(
    ("signed", "old", "new"),
    [
        # the new one begins on day 10, the old one ends on day 20
        (5, "ok", "certificate.anchor_period"),
        (10, "ok", "ok"),
        (15, "ok", "ok"),
        (20, "ok", "ok"),
        (25, "certificate.anchor_period", "ok"),
    ],
)
def test_rollover_with_overlap(authority: Authority, signed: float, old: str, new: str) -> None:
    ca, leaf = successor(authority)
    store = roll_over(
        authority.store(),
        digest(authority),
        ca.certificate,
        moment=MOMENT,
        begins_at=MOMENT + 10 * DAY,
        ends_at=MOMENT + 20 * DAY,
    )
    from trust.crl import load_crl

    crl = load_crl(CertificateAuthority(ca).crl([], MOMENT, MOMENT + YEAR, 1))
    store = store.with_crls([*store.crls, crl])
    assert verdict(store, authority.department.certificate, signed, proved=True, now=40) == old
    assert verdict(store, leaf, signed, proved=True, now=40) == new


def test_no_gap(authority: Authority) -> None:
    ca, _ = successor(authority)

    def gap() -> object:
        return roll_over(
            authority.store(),
            digest(authority),
            ca.certificate,
            moment=MOMENT,
            begins_at=MOMENT + 2 * DAY,
            ends_at=MOMENT + DAY,
        )

    assert code(gap) == "anchor.gap"


# ---------------------------------------------------------------- taking in


def test_what_may_not_be_an_anchor(authority: Authority) -> None:
    store = authority.store()
    root = authority.self_signed("新根")
    forged = authority.forge("x", root).certificate
    assert code(lambda: add_anchor(store, forged, SIGNERS, moment=MOMENT)) == "profile.usage_missing"
    assert code(lambda: add_anchor(store, authority.issuing_ca.certificate, SIGNERS, moment=MOMENT)) == "anchor.exists"
    assert code(lambda: add_anchor(store, root.certificate, SIGNERS, moment=MOMENT + 3 * YEAR)) == "anchor.expired"
    assert code(lambda: add_anchor(store, root.certificate, (), moment=MOMENT)) == "anchor.no_purpose"
    other = authority.self_signed("新根")
    from keys import authority as making
    from trust.certificates import load_certificate

    extensions = making._extensions(making.ROOT, root.key.public_key, None, ())
    tbs = making._tbs({"common_name": "新根"}, root.certificate.subject_name_der, root.key.public_key,
                      (MOMENT, MOMENT + DAY), None, extensions)  # fmt: skip
    false = load_certificate(making._signed(tbs, other.sign))
    assert code(lambda: add_anchor(store, false, SIGNERS, moment=MOMENT)) == "anchor.self_signature"
    assert len(add_anchor(store, root.certificate, SIGNERS, moment=MOMENT).anchors) == len(store.anchors) + 1


def test_listed_with_their_state(authority: Authority) -> None:
    root = authority.self_signed("新根").certificate
    store = add_anchor(
        authority.store(), root, SIGNERS, moment=MOMENT, valid_from=MOMENT + DAY, valid_to=MOMENT + 3 * DAY
    )
    store = remove_anchor(store, digest(authority), moment=MOMENT + DAY)

    def states(at: datetime) -> dict[str, AnchorState]:
        return {one.anchor.certificate.common_name: one.state for one in list_anchors(store, at)}

    name = authority.issuing_ca.certificate.common_name
    assert (states(MOMENT)["新根"], states(MOMENT)[name]) == (AnchorState.COMING, AnchorState.CURRENT)
    later = states(MOMENT + 2 * DAY)
    assert (later["新根"], later[name]) == (AnchorState.CURRENT, AnchorState.REMOVED)
    assert states(MOMENT + 4 * DAY)["新根"] is AnchorState.ENDED
    [removed] = [one for one in list_anchors(store, MOMENT) if one.anchor.removed_at]
    assert removed.ends_at == MOMENT + DAY


# ---------------------------------------------------------------- on the way


def test_a_bundle_carries_removals_and_answers(authority: Authority) -> None:
    issuer = authority.issuing_ca.certificate
    serial = authority.department.certificate.serial
    responder = OCSPResponder(issuer, authority.issuing_ca, ListedStandings(frozenset({serial}), {}), lambda: MOMENT)
    answer = load_ocsp(responder.answer(serial, algorithm=SM3))
    store = remove_anchor(authority.store(), digest(authority), moment=MOMENT + 10 * DAY).with_ocsp([answer])
    data = store.to_bundle(authority.publisher.sign, [authority.publisher.certificate.der], MOMENT, MOMENT + DAY)
    read = load_bundle(data)
    assert [response.der for response in read.ocsp] == [answer.der]
    assert read.anchors == store.anchors
    assert verdict(read, authority.department.certificate, 5, proved=True, now=20) == "ok"
    assert verdict(read, authority.department.certificate, 5, proved=False, now=20) == GONE


def test_anchors_as_json(authority: Authority) -> None:
    for anchor in (
        TrustAnchor(authority.root.certificate, SIGNERS),
        TrustAnchor(authority.root.certificate, SIGNERS, MOMENT, MOMENT + DAY, MOMENT),
    ):
        assert read_anchor(write_anchor(anchor)) == anchor  # type: ignore[arg-type]
    for odd in (None, [], {}, {**write_anchor(anchor), "removed_at": "soon"}, {**write_anchor(anchor), "x": ""}):
        with pytest.raises(Malformed):
            read_anchor(odd)  # type: ignore[arg-type]
