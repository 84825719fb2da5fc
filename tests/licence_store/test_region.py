"""Regions: made whole or not at all, movable, looking after their own trust material."""

from __future__ import annotations

import json
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licence_store.desk import DeskSettings, FreshTrust, now, open_desk
from licence_store.founding import DEPARTMENTS
from licence_store.region import Region
from tests.licence_store.conftest import OFFICER
from trust.anchors import Purpose, load_bundle
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Unavailable
from trust.identifiers import check_credit_code
from verify.report import Indication
from verify.verifier import Verifier


def refusal(act: object, *args: object, **kwargs: object) -> LicenceTrustError:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args, **kwargs)  # type: ignore[operator]
    return caught.value


def test_what_is_in_a_region(region_folder: Path) -> None:
    region = Region.open(region_folder)
    assert (region.code, region.name, region.demonstration) == ("990000", "演示省", True)
    assert {a.purposes for a in region.trust_store().anchors} == {frozenset({p}) for p in Purpose}
    desk = open_desk(DeskSettings(region_folder))
    assert {t.slug for t in desk.catalogue.list()} == {d.type_slug for d in DEPARTMENTS}
    assert [d.name for d in desk.catalogue.departments()] == [
        "演示省民政厅",
        "演示省电子证照库",
        "演示省教育厅",
        "演示省生态环境厅",
        "演示省卫生健康委员会",
        "演示省市场监督管理局",
    ]
    desk.close()


def test_credit_codes_of_other_regions_are_right() -> None:
    assert all(check_credit_code(d.credit_code("110105")) for d in DEPARTMENTS)


def test_secrets_are_not_for_others(region_folder: Path) -> None:
    keys = region_folder / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    secret = [*keys.glob("*.key.pem"), keys / "passphrase"]
    assert len(secret) > 8
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in secret)
    assert all(b"ENCRYPTED" in p.read_bytes() for p in keys.glob("*.key.pem"))
    assert stat.S_IMODE((region_folder / "register.sqlite3").stat().st_mode) == 0o640


def test_no_path_inside_is_absolute(region_folder: Path) -> None:
    texts = [p.read_bytes() for p in region_folder.rglob("*") if p.is_file()]
    assert not any(str(region_folder.parent.parent).encode() in text for text in texts)


def test_second_making_is_refused(region_folder: Path, tmp_path: Path) -> None:
    assert refusal(Region.create, region_folder, clock=now).code == "region.exists"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    assert refusal(Region.create, tmp_path / "other", clock=now).code == "region.not_empty"
    assert (tmp_path / "other" / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("code", "name"), [("99", "x"), ("abcdef", "x"), ("990000", ""), ("990000", "x\n"), ("990000", "名" * 41)]
)
def test_bad_names(tmp_path: Path, code: str, name: str) -> None:
    assert isinstance(refusal(Region.create, tmp_path / "r", code, name, clock=now), Malformed)
    assert not (tmp_path / "r").exists()


def test_unfinished_region_is_noticed_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "r"
    with monkeypatch.context() as patch:
        patch.setattr("licence_store.founding.make_seal", _crash)
        with pytest.raises(KeyboardInterrupt):
            Region.create(folder, clock=now)
    assert refusal(Region.open, folder).code == "region.unfinished"
    Region.create(folder, clock=now)
    desk = open_desk(DeskSettings(folder))
    record = next(desk.catalogue.get("teacher-certificate").example_records(1))
    assert desk.issuer.issue("teacher-certificate", record, officer=OFFICER).created
    desk.close()


def _crash(*_args: object, **_kwargs: object) -> bytes:
    raise KeyboardInterrupt


def test_absent_or_broken(tmp_path: Path, region_folder: Path) -> None:
    assert isinstance(refusal(Region.open, tmp_path / "none"), NotFound)
    (region_folder / "register.sqlite3").unlink()
    assert refusal(open_desk, DeskSettings(region_folder)).code == "region.register_missing"
    (region_folder / "trust" / "anchors.json").write_text("[]")
    assert refusal(Region.open(region_folder).trust_store).code == "region.trust"
    for junk in ("", "[]", "{}", '{"format": "licence-trust/region/1"}', "\udc00".encode("utf-8", "surrogatepass")):
        (region_folder / "region.json").write_bytes(junk if isinstance(junk, bytes) else junk.encode())
        assert refusal(Region.open, region_folder).code == "region.malformed"


def test_database_in_use_is_refused(settings: DeskSettings, tmp_path: Path) -> None:
    if not settings.database_url:
        pytest.skip("a region's own SQLite file is always new")
    error = refusal(Region.create, tmp_path / "third", clock=now, database_url=settings.database_url)
    assert isinstance(error, Conflict)


def test_copy_is_a_working_twin(region_folder: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(region_folder, tmp_path / "elsewhere" / "twin"))
    shutil.rmtree(region_folder)
    desk = open_desk(DeskSettings(twin, durable=False))
    record = next(desk.catalogue.get("business-licence").example_records(1))
    issued = desk.issuer.issue("business-licence", record, officer=OFFICER)
    document = desk.register.file(desk.register.find(issued.licence_id))
    assert desk.verifier().verify(document).indication is Indication.PASSED
    desk.close()


def test_bundle_is_enough_for_a_verifier_elsewhere(region_folder: Path) -> None:
    desk = open_desk(DeskSettings(region_folder, durable=False))
    record = next(desk.catalogue.get("teacher-certificate").example_records(1))
    document = desk.files.get(desk.issuer.issue("teacher-certificate", record, officer=OFFICER).file_digest)
    store = load_bundle(desk.region.bundle(now()))
    report = Verifier(store).verify(document)
    assert report.indication is Indication.PASSED
    assert {f.code for f in report.findings} == {"LICENCE_STATUS_NOT_CHECKED"}
    desk.close()


def test_crls_are_renewed_in_time_and_keep_what_was_revoked(region_folder: Path) -> None:
    from keys.authority import CertificateAuthority, Revocation

    region, start = Region.open(region_folder), now()
    assert not region.refresh_crls(start)
    ca = CertificateAuthority(region.keyring.signer("issuing-ca"))
    when = start.replace(microsecond=0)
    revoked = ca.crl([Revocation(4711, when, "key_compromise")], when, when + timedelta(days=30), 7)
    (region_folder / "trust" / "issuing-ca.crl").write_bytes(revoked)
    assert region.refresh_crls(start + timedelta(days=21))
    fresh = {crl.issuer_name_der: crl for crl in region.crls()}[ca.signer.certificate.subject_name_der]
    assert (fresh.number, fresh.revoked[4711].reason, fresh.revoked[4711].time) == (8, "keyCompromise", when)
    assert all(crl.next_update > start + timedelta(days=50) for crl in region.crls() if crl.next_update)


def test_trust_renews_itself(region_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region.open(region_folder)
    later = datetime.now(UTC) + timedelta(days=29)
    trust = FreshTrust(region, lambda: later)
    assert all(crl.next_update > later + timedelta(days=20) for crl in trust().crls if crl.next_update)
    store = trust()
    assert trust() is store
    monkeypatch.setattr("licence_store.desk._LOOK_AGAIN", -1.0)
    assert trust() is store


def test_without_the_passphrase_nothing_is_signed(region_folder: Path) -> None:
    facts = json.loads((region_folder / "region.json").read_text())
    (region_folder / "region.json").write_text(json.dumps({**facts, "demonstration": "false"}))
    passphrase = (region_folder / "keys" / "passphrase").read_text().strip()
    (region_folder / "keys" / "passphrase").unlink()
    assert refusal(lambda: open_desk(DeskSettings(region_folder)).issuer).code == "keys.locked"
    assert (
        refusal(lambda: open_desk(DeskSettings(region_folder, passphrase="x")).issuer).code == "keys.wrong_passphrase"
    )
    assert open_desk(DeskSettings(region_folder, passphrase=passphrase)).issuer
    assert isinstance(open_desk(DeskSettings(region_folder)).own_verifier(), Verifier)


def test_exchanged_seal_is_noticed(region_folder: Path) -> None:
    seals = sorted((region_folder / "seals").iterdir())
    shutil.copy(seals[0], seals[1])
    desk = open_desk(DeskSettings(region_folder))
    error = refusal(desk.material, seals[1].name.partition(".")[0])
    assert isinstance(error, Unavailable)
    assert error.code == "seal.file_damaged"
    assert refusal(desk.material, "none").code == "seal.unknown"
    desk.close()


def test_a_signers_key_is_asked_of_the_custodian_chosen(region_folder: Path) -> None:
    region = Region.open(region_folder)
    name = next(one for one in region.keyring.names() if one.startswith("signer-"))
    assert region.signer(name).certificate == region.signer(f"file:{name}").certificate
    elsewhere = Region.open(region_folder, custodian="sdf")
    assert elsewhere.signer(f"file:{name}").certificate == region.signer(name).certificate
    with pytest.raises(NotFound) as caught:
        elsewhere.signer(name)
    assert caught.value.code == "keys.no_custodian"
