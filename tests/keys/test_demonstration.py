"""The demonstration authority: complete, marked, and each branch good for its one purpose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keys.authority import Revocation
from keys.demonstration import DemonstrationAuthority, Department, make_demonstration_authority
from keys.signer import Signer
from trust.anchors import Purpose
from trust.errors import CheckFailed, Malformed, NotFound
from trust.identifiers import credit_code_check_char
from trust.path import build_path
from trust.revocation import check_revocation
from trust.timestamp import check_timestamp

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CODES = tuple(base + credit_code_check_char(base) for base in ("11990000MB0000001", "11990000MB0000002"))
NAMES = ("演示省市场监督管理局", "演示省教育厅")


@pytest.fixture(scope="module")
def demo() -> DemonstrationAuthority:
    return make_demonstration_authority("演示省", "990000", NOW, list(zip(NAMES, CODES, strict=True)))


def test_all_are_there(demo: DemonstrationAuthority) -> None:
    assert list(demo.signers()) == [
        "root", "issuing-ca", "seal-ca", "time-ca", "publisher-ca", "seal-maker",
        f"signer-{CODES[0]}", f"signer-{CODES[1]}", "tsa", "publisher",
    ]  # fmt: skip
    for name, signer in demo.signers().items():
        assert isinstance(signer, Signer) and signer.name == name
        assert signer.certificate.public_key.verify(signer.sign(b"x"), b"x")
    assert len({signer.key.point for signer in demo.signers().values()}) == 10
    assert demo.department(CODES[1]).certificate.common_name == NAMES[1]
    assert demo.department(CODES[1]).certificate.subject_field("SERIALNUMBER") == CODES[1]
    with pytest.raises(NotFound):
        demo.department("nobody")


def test_every_subject_is_marked(demo: DemonstrationAuthority) -> None:
    for signer in demo.signers().values():
        for name in ("O", "OU"):
            value = signer.certificate.subject_field(name)
            assert "演示" in value and "DEMO" in value


def test_each_branch_is_good_for_one_purpose(demo: DemonstrationAuthority) -> None:
    store = demo.trust_store()
    holders: dict[Purpose, Signer] = {
        Purpose.SIGNER: demo.departments[0],
        Purpose.SEAL_MAKER: demo.seal_maker,
        Purpose.TIMESTAMP: demo.tsa,
        Purpose.BUNDLE: demo.publisher,
    }
    for held, holder in holders.items():
        for asked in Purpose:
            if asked is held:
                path = build_path(holder.certificate, store, asked, NOW)
                check_revocation(path, store.crls, NOW, known_at=NOW, proved=True)
            else:
                with pytest.raises(CheckFailed):
                    build_path(holder.certificate, store, asked, NOW)


def test_the_root_signs_what_stands_below(demo: DemonstrationAuthority) -> None:
    for ca in demo.authorities:
        assert demo.root.certificate.public_key.verify(ca.certificate.signature, ca.certificate.tbs)
    assert [anchor.certificate for anchor in demo.anchors] == list(demo.ca_certificates[1:])


def test_a_revoked_department_is_found(demo: DemonstrationAuthority) -> None:
    signer = demo.departments[0]
    revoked = {"issuing-ca": [Revocation(signer.certificate.serial, NOW, "key_compromise")]}
    store = demo.trust_store(demo.crls_at(NOW + timedelta(hours=1), number=2, revoked=revoked))
    later = NOW + timedelta(hours=2)
    path = build_path(signer.certificate, store, Purpose.SIGNER, NOW)
    with pytest.raises(CheckFailed):
        check_revocation(path, store.crls, later, known_at=later, proved=True)
    other = build_path(demo.departments[1].certificate, store, Purpose.SIGNER, NOW)
    check_revocation(other, store.crls, later, known_at=later, proved=True)


def test_its_time_stamps_are_accepted(demo: DemonstrationAuthority) -> None:
    token = demo.timestamp_authority(lambda: NOW).stamp(b"data")
    assert check_timestamp(token, b"data", demo.trust_store(), known_at=NOW).time == NOW
    assert demo.timestamp_authority().policy


def test_a_bad_credit_code_is_refused() -> None:
    with pytest.raises(Malformed) as caught:
        make_demonstration_authority("演示省", "990000", NOW, [Department("x", "1" * 18)])
    assert caught.value.code.startswith("identifier.")
