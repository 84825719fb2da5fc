"""The region's anchors on disk: imported, rolled over, removed; each at once, each journalled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from keys.authority import INTERMEDIATE, SIGNER, CertificateAuthority, self_signed_root
from keys.software import SoftwareSigner, generate_key
from licence_store.anchors import AnchorKeeper, parse_digest
from licence_store.authorities import Authorities, subject_words
from licence_store.desk import Desk
from licence_store.models import JournalEntry
from trust.anchor_changes import AnchorState
from trust.anchors import Purpose, load_bundle
from trust.certificates import Certificate
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Actor
from trust.path import build_path
from trust.profiles import Role

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ADMIN = Actor("admin")


@pytest.fixture
def keeper(desk: Desk) -> AnchorKeeper:
    return AnchorKeeper(desk.region, desk.journal, desk.clock)


@pytest.fixture
def authorities(desk: Desk) -> Authorities:
    return Authorities(desk.region, desk.journal, desk.clock)


def root(name: str) -> SoftwareSigner:
    key = generate_key()
    return SoftwareSigner(self_signed_root({"common_name": name}, key, NOW - DAY, NOW + 900 * DAY), key, name)


def leaf(issuer: SoftwareSigner) -> Certificate:
    ca = CertificateAuthority(issuer)
    return ca.issue({"common_name": "某签章人"}, generate_key().public_key, SIGNER, NOW - DAY, NOW + DAY)


def actions(desk: Desk) -> list[tuple[str, str]]:
    with desk.sessions.read() as session:
        rows = session.execute(select(JournalEntry.action, JournalEntry.reason).order_by(JournalEntry.seq.desc()))
        return [(row.action, row.reason) for row in rows.all()[:3]]


def test_an_anchor_counts_as_soon_as_it_is_imported_and_no_longer_when_removed(
    desk: Desk, keeper: AnchorKeeper
) -> None:
    other = root("外省根")
    signer = leaf(other)
    with pytest.raises(LicenceTrustError):
        build_path(signer, desk.trust(), Purpose.SIGNER, NOW)
    keeper.add(other.certificate, [Purpose.SIGNER], ADMIN, reason="协议")
    assert build_path(signer, desk.trust(), Purpose.SIGNER, NOW).anchor.certificate.digest == other.certificate.digest
    with pytest.raises(LicenceTrustError):
        build_path(signer, desk.trust(), Purpose.SEAL_MAKER, NOW)
    with pytest.raises(Conflict, match="已在信任库"):
        keeper.add(other.certificate, [Purpose.SIGNER], ADMIN)

    keeper.remove(other.certificate.digest, ADMIN, reason="协议终止")
    [listed] = [one for one in keeper.list() if one.anchor.certificate.digest == other.certificate.digest]
    assert listed.state is AnchorState.REMOVED
    later = datetime.now(UTC) + timedelta(seconds=2)
    with pytest.raises(LicenceTrustError):
        build_path(signer, desk.trust(), Purpose.SIGNER, later)
    assert build_path(signer, desk.trust(), Purpose.SIGNER, NOW - DAY / 2), (
        "what is proved to be older keeps its answer"
    )
    travelled = load_bundle(desk.region.bundle(desk.clock()))
    assert {a.certificate.digest: a.removed_at for a in travelled.anchors}[other.certificate.digest] is not None
    assert actions(desk)[:2] == [("trust.remove", "协议终止"), ("trust.import", "协议")]

    with pytest.raises(NotFound):
        keeper.remove(other.certificate.digest, ADMIN, reason="再次")
    with pytest.raises(Refused):
        keeper.remove(other.certificate.digest, ADMIN, reason=" ")
    keeper.remove(other.certificate.digest, ADMIN, forget=True, reason="密钥失窃")
    assert other.certificate.digest not in desk.trust().anchors_by_digest


def test_a_forgotten_anchor_is_gone_for_the_past_too(desk: Desk, keeper: AnchorKeeper) -> None:
    other = root("失窃根")
    keeper.add(other.certificate, [Purpose.TIMESTAMP], ADMIN)
    keeper.remove(other.certificate.digest, ADMIN, forget=True, reason="密钥失窃")
    assert other.certificate.digest not in desk.trust().anchors_by_digest


def test_roll_over_with_an_overlap(desk: Desk, keeper: AnchorKeeper) -> None:
    old, new = root("旧根"), root("新根")
    keeper.add(old.certificate, [Purpose.SIGNER], ADMIN)
    keeper.roll_over(
        old.certificate.digest, new.certificate, ADMIN, begins_at=NOW + DAY, ends_at=NOW + 10 * DAY, reason="换代"
    )
    store = desk.region.trust_store()
    for moment, names in ((NOW, {"旧根"}), (NOW + 5 * DAY, {"旧根", "新根"}), (NOW + 20 * DAY, {"新根"})):
        covering = {a.certificate.common_name for a in store.anchors if a.covers(moment)}
        assert covering & {"旧根", "新根"} == names


def test_intermediates_and_lists_of_others(desk: Desk, keeper: AnchorKeeper) -> None:
    top = root("外省根二")
    ca_key = generate_key()
    between = CertificateAuthority(top).issue(
        {"common_name": "外省中级"}, ca_key.public_key, INTERMEDIATE, NOW - DAY, NOW + 90 * DAY
    )
    with pytest.raises(Refused):
        keeper.add_intermediates(between.to_pem(), ADMIN)
    keeper.add(top.certificate, [Purpose.SIGNER], ADMIN)
    assert keeper.add_intermediates(between.to_pem(), ADMIN) == (between,)
    assert keeper.add_intermediates(between.to_pem(), ADMIN) == ()
    signer = leaf(SoftwareSigner(between, ca_key, "between"))
    assert len(build_path(signer, desk.trust(), Purpose.SIGNER, NOW).certificates) == 3

    authority = CertificateAuthority(SoftwareSigner(between, ca_key, "between"))
    first = authority.crl([], NOW - DAY, NOW + DAY, 1)
    second = authority.crl([(signer.serial, NOW, "superseded")], NOW, NOW + DAY, 2)
    keeper.add_crl(second, ADMIN)
    assert signer.serial in {serial for one in desk.trust().crls for serial in one.revoked}
    with pytest.raises(Conflict):
        keeper.add_crl(first, ADMIN)
    with pytest.raises(Refused):
        keeper.add_crl(CertificateAuthority(root("陌生")).crl([], NOW, NOW + DAY, 1), ADMIN)
    own = [one.number for one in desk.region.crls() if one.issuer_name_der != between.subject_name_der]
    assert not desk.region.refresh_crls(desk.clock()), "a foreign list is no reason to publish ours anew"
    assert own == [one.number for one in desk.region.crls() if one.issuer_name_der != between.subject_name_der]


def test_certify_needs_a_sound_request_and_a_role_we_serve(desk: Desk, authorities: Authorities) -> None:
    from keys import authority
    from keys.requests import build_request

    request = build_request({"country_name": "CN", "common_name": "新签章人"}, generate_key(), authority.SIGNER)
    made = authorities.certify(request.to_pem(), Role.SIGNER, ADMIN, reason="新设")
    assert made.subject_field("CN") == "新签章人"
    assert build_path(made, desk.trust(), Purpose.SIGNER, datetime.now(UTC) + timedelta(seconds=1))
    assert made.digest in {one.digest for one in authorities.issued()}
    stamp = authorities.certify(request.der, Role.TIMESTAMP, ADMIN)
    assert authorities.role_of(stamp) is Role.TIMESTAMP
    with pytest.raises(Refused):
        authorities.certify(request.der, Role.AUTHORITY, ADMIN)
    with pytest.raises(Malformed):
        authorities.certify(b"junk", Role.SIGNER, ADMIN)
    tampered = bytearray(request.der)
    tampered[-3] ^= 1
    with pytest.raises(LicenceTrustError):
        authorities.certify(bytes(tampered), Role.SIGNER, ADMIN)
    with pytest.raises(Malformed):
        subject_words((("UID", "x"),))


def test_revoking_asks_for_a_certificate_of_ours_and_a_standard_cause(authorities: Authorities) -> None:
    with pytest.raises(NotFound):
        authorities.revoke(12345, "superseded", ADMIN)
    with pytest.raises(Malformed):
        authorities.revoke(12345, "mood", ADMIN)
    with pytest.raises(NotFound):
        authorities.crl("../root")


@pytest.mark.parametrize("text", ["", "12", "zz" * 32, "é"])
def test_a_digest_is_64_hex_digits(text: str) -> None:
    with pytest.raises(Malformed):
        parse_digest(text)


def test_a_region_without_keys_still_believes(region_folder: Path) -> None:
    from licence_store.desk import DeskSettings, open_desk

    for path in (region_folder / "keys").iterdir():
        if path.is_file():
            path.unlink()
    desk = open_desk(DeskSettings(region_folder, durable=False))
    assert desk.trust().anchors
    assert not desk.region.refresh_crls(desk.clock() + 25 * DAY)
    desk.close()
