"""Seals in issuing: refused when they may not be used, every use in the ledger, compromised ones replaced on licences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from keys.authority import SIGNER, CertificateAuthority
from keys.software import generate_key
from licence_store import journal, migrations
from licence_store.desk import Desk, now
from licence_store.models import Account, IssueIntent, LicenceVersion
from licence_store.recovery import recover
from licence_store.reserving import IssuedLicence
from seal.database import Sessions
from seal.lifecycle import Official, Role, State
from seal.models import SealEvent, SealGrant, SealObject, SealUse
from seal.records import Basis, NewSeal, Permission
from tests.licence_store.conftest import OFFICER
from tests.seal.conftest import Drawn
from trust.errors import Conflict, LicenceTrustError, Refused, Unavailable
from trust.journal import Actor
from trust.seal_status import load_seal_status_list
from verify.report import Indication
from verify.verifier import Verifier

TEACHER = "teacher-certificate"
SEAL = "99000000000002"
USER = Official(Actor("zhang", "education"), Role.OFFICER)
KEEPER = Official(Actor("sun"), Role.SEAL_KEEPER)
APPROVER = Official(Actor("qian"), Role.SEAL_APPROVER)
BASIS = Basis("决定.pdf", b"decision")


def issue(desk: Desk, *numbers: int) -> list[IssuedLicence]:
    records = list(desk.catalogue.get(TEACHER).example_records(max(numbers) + 1))
    outcomes = desk.issuer.issue_many(TEACHER, [records[n] for n in numbers], OFFICER)
    assert all(isinstance(one, IssuedLicence) for one in outcomes)
    return outcomes  # type: ignore[return-value]


def try_issue(desk: Desk, number: int, officer: Actor = OFFICER) -> str:
    """``ok``, or the code of the refusal."""
    record = list(desk.catalogue.get(TEACHER).example_records(number + 1))[number]
    [outcome] = desk.issuer.issue_many(TEACHER, [record], officer)
    return outcome.code if isinstance(outcome, LicenceTrustError) else "ok"


def renew_key(desk: Desk) -> str:
    """A new key for the seal's department, certified by the region's CA."""
    old = desk.region.keyring.certificate(desk.seal_register.view(SEAL).summary.key_name)
    view = desk.seal_register.view(SEAL).summary
    subject = {"country_name": "CN", "common_name": view.holder_name, "serial_number": view.holder_code}
    key, start = generate_key(), datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    authority = CertificateAuthority(desk.region.keyring.signer("issuing-ca"))
    certificate = authority.issue(subject, key.public_key, SIGNER, start, old.not_after)
    desk.region.keyring.add("education-2", key, certificate)
    return "education-2"


def replace_certificate(desk: Desk) -> None:
    """From lost to in use again, with another key."""
    register = desk.seal_register
    register.request(USER, SEAL, "certificate", BASIS)
    register.approve_request(APPROVER, SEAL)
    register.change_certificate(KEEPER, SEAL, key_name=renew_key(desk))
    register.activate(USER, SEAL)


def test_region_s_seals_are_on_the_register(desk: Desk) -> None:
    seals = desk.seal_register.search()
    assert [(s.id, s.state, s.object_number) for s in seals if s.kind != "copy"] == [
        (f"9900000000000{n}", State.ACTIVE, 1) for n in range(1, 6)
    ]
    view = desk.seal_register.view(SEAL)
    assert [e.step for e in view.events] == ["enrol"]
    assert view.grants[0].types == ("*",)
    assert desk.seal_register.object(SEAL) == desk.material(SEAL).seal_der


def test_every_use_is_in_the_ledger(desk: Desk) -> None:
    issued = issue(desk, 0, 1)
    uses = desk.seal_register.uses(SEAL)
    assert [(u.subject, u.document) for u in uses] == [(i.licence_id, i.file_digest) for i in issued]
    assert {(u.officer, u.department) for u in uses} == {("zhang", "education")}
    assert {u.object_digest for u in uses} == {desk.seal_register.view(SEAL).summary.digest}
    issue(desk, 0, 1)
    assert len(desk.seal_register.uses(SEAL)) == 2


def test_frozen_seal_is_refused_and_unfrozen_goes_on(desk: Desk) -> None:
    [first] = issue(desk, 0)
    desk.seal_register.freeze(KEEPER, SEAL, reason="核查")
    assert try_issue(desk, 1) == "seal.not_active"
    assert try_issue(desk, 0) == "ok"  # what was issued before is answered as before
    assert issue(desk, 0)[0].licence_id == first.licence_id
    assert recover(desk.issuer).waiting == ()  # nothing was reserved
    desk.seal_register.unfreeze(APPROVER, SEAL, reason="核查完毕")
    assert try_issue(desk, 1) == "ok"


def test_frozen_between_reserving_and_sealing_waits(desk: Desk) -> None:
    record = next(iter(desk.catalogue.get(TEACHER).example_records(1)))
    [reserved] = desk.issuer.reserve(desk.issuer.apply(TEACHER, [record], OFFICER))
    desk.seal_register.freeze(KEEPER, SEAL, reason="核查")
    outcome = desk.issuer.complete(reserved)  # type: ignore[arg-type]
    assert isinstance(outcome, Unavailable)
    assert outcome.code == "seal.not_active"
    desk.seal_register.unfreeze(APPROVER, SEAL, reason="核查完毕")
    assert len(recover(desk.issuer).completed) == 1


def test_frozen_between_sealing_and_recording_does_not_count(desk: Desk) -> None:
    record = next(iter(desk.catalogue.get(TEACHER).example_records(1)))
    [reserved] = desk.issuer.reserve(desk.issuer.apply(TEACHER, [record], OFFICER))
    made = desk.issuer.produce(reserved)  # type: ignore[arg-type]
    desk.seal_register.freeze(KEEPER, SEAL, reason="核查")
    [outcome] = desk.issuer.record([made])
    assert isinstance(outcome, Unavailable)
    assert outcome.code == "seal.changed_meanwhile"
    assert desk.seal_register.uses(SEAL) == []
    assert list(desk.files.digests()) == []
    desk.seal_register.unfreeze(APPROVER, SEAL, reason="核查完毕")
    assert try_issue(desk, 0) == "ok"


def test_destroyed_seal_voids_what_waits(desk: Desk) -> None:
    record = next(iter(desk.catalogue.get(TEACHER).example_records(1)))
    [reserved] = desk.issuer.reserve(desk.issuer.apply(TEACHER, [record], OFFICER))
    desk.seal_register.confiscate(APPROVER, SEAL, BASIS, reason="机构撤销")
    desk.seal_register.destroy(KEEPER, SEAL, reason="机构撤销")
    outcome = desk.issuer.complete(reserved)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused)
    with desk.sessions.read() as session:
        assert session.execute(select(IssueIntent.state)).scalars().all() == ["void"]


@pytest.mark.parametrize("role", ["seal_keeper", "seal_approver", "auditor", "admin"])
def test_who_manages_or_audits_does_not_use(desk: Desk, role: str) -> None:
    row = {"name": "wang", "display_name": "王", "department_id": None, "role": role, "password_hash": "", "created": now()}
    with desk.sessions.begin() as session:
        session.execute(insert(Account), [row])
    assert try_issue(desk, 0, Actor("wang")) == "seal.role"
    assert try_issue(desk, 0, Actor("wang/接口")) == "seal.role"  # by a token of that account


def test_officer_s_day_is_bounded(desk: Desk) -> None:
    register = desk.seal_register
    register.end_grant(KEEPER, SEAL, register.view(SEAL).grants[0].id)
    assert try_issue(desk, 0) == "seal.no_grant"
    register.grant(KEEPER, SEAL, Permission(account="zhang", daily_limit=2))
    records = list(desk.catalogue.get(TEACHER).example_records(3))
    outcomes = desk.issuer.issue_many(TEACHER, records, OFFICER)
    assert [o.code if isinstance(o, LicenceTrustError) else "ok" for o in outcomes] == ["ok", "ok", "seal.daily_limit"]
    by_token = Actor("zhang/接口", OFFICER.department)
    assert try_issue(desk, 5, by_token) == "seal.daily_limit"


def test_changed_face_is_used_at_once(desk: Desk) -> None:
    issue(desk, 0)
    register = desk.seal_register
    register.request(USER, SEAL, "face", BASIS)
    register.approve_request(APPROVER, SEAL)
    register.change_face(KEEPER, SEAL, impression=Drawn(height_mm=41.0))
    [second] = issue(desk, 1)
    old, new = desk.seal_register.uses(SEAL)
    assert old.object_digest != new.object_digest
    assert desk.verifier().verify(desk.files.get(second.file_digest)).indication is Indication.PASSED
    assert desk.material(SEAL).seal.height == 41


def test_standing_decides_the_verdict(desk: Desk) -> None:
    """By the register, and offline by the published list: sealed before the loss passes, sealed after it fails."""
    [issued] = issue(desk, 0)
    file = desk.files.get(issued.file_digest)
    used = desk.seal_register.uses(SEAL)[0].used
    published = load_seal_status_list(desk.seal_status.publish())
    assert published.history(SEAL).at(used).state == "VALID"  # type: ignore[union-attr]
    desk.seal_register.report_lost(USER, SEAL, reason="被盗", since=used - timedelta(minutes=5))
    report = desk.verifier().verify(file)
    assert (report.indication, report.sub_indication) == (Indication.FAILED, "SEAL_LOST")
    again = load_seal_status_list(type(desk.seal_status)(*desk_status_parts(desk)).publish())
    offline = Verifier(desk.trust().changed(seal_lists=(again,)), desk.clock, desk.register)
    assert offline.verify(file).sub_indication == "SEAL_LOST"


def desk_status_parts(desk: Desk) -> tuple[object, ...]:
    publisher = desk.seal_status
    return publisher.sessions, publisher.signer, publisher.region, publisher.clock


def test_loss_after_a_proved_time_leaves_what_was_sealed(desk: Desk) -> None:
    [issued] = issue(desk, 0)
    desk.seal_register.report_lost(USER, SEAL, reason="遗失")
    report = desk.verifier().verify(desk.files.get(issued.file_digest))
    assert report.indication is Indication.PASSED


def test_bulk_reseal(desk: Desk) -> None:
    issued = issue(desk, *range(5))
    begin, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    resealer = desk.resealer
    wanted = sorted(i.licence_id for i in issued)
    assert resealer.affected(SEAL, begin, end) == wanted
    assert resealer.affected(SEAL, end) == []
    desk.seal_register.report_lost(USER, SEAL, reason="密钥泄露", since=datetime.now(UTC) - timedelta(minutes=30))
    lost = list(resealer.reseal(SEAL, begin, end, officer=USER.actor, reason="密钥泄露"))
    assert {one.outcome.code for one in lost if isinstance(one.outcome, LicenceTrustError)} == {"seal.not_active"}
    replace_certificate(desk)
    done = list(resealer.reseal(SEAL, begin, end, officer=USER.actor, reason="密钥泄露"))
    assert sorted(one.licence_id for one in done) == wanted
    for one in done:
        outcome = one.outcome
        assert isinstance(outcome, IssuedLicence)
        assert (outcome.version, outcome.created) == (2, True)
        view = desk.register.find(one.licence_id)
        assert (view.licence_id, view.state, view.summary.version) == (outcome.licence_id, "CURRENT", 2)
        assert desk.verifier().verify(desk.register.file(view)).indication is Indication.PASSED
        old = desk.register.find(one.licence_id, moment=None)
        assert old.licence_id == outcome.licence_id
        assert [e.kind for e in desk.register.events(one.licence_id)] == ["issue", "reseal"]
        assert desk.register.status(one.licence_id, now()).state == "SUPERSEDED"  # type: ignore[union-attr]
        assert desk.register.status(outcome.licence_id, now()).state == "CURRENT"  # type: ignore[union-attr]
    old_file = desk.files.get(issued[0].file_digest)
    assert desk.verifier().verify(old_file).indication is Indication.FAILED
    assert resealer.affected(SEAL) == []
    assert list(resealer.reseal(SEAL, begin, end, officer=USER.actor, reason="再次")) == []
    with desk.sessions.read() as session:
        assert journal.check_journal(session).intact
        assert session.query(LicenceVersion).count() == 10


def test_another_seal_takes_over(desk: Desk) -> None:
    """The old seal is destroyed; the department issues, and re-seals, with a new one."""
    [issued] = issue(desk, 0)
    register = desk.seal_register
    new = register.apply(USER, NewSeal("演示省教育厅电子证照专用章", "education"), BASIS)
    register.approve(APPROVER, new)
    register.make(KEEPER, new, key_name=register.view(SEAL).summary.key_name)
    register.issue(KEEPER, new)
    register.activate(USER, new)
    register.grant(KEEPER, new, Permission())
    register.confiscate(APPROVER, SEAL, BASIS, reason="换章")
    register.destroy(KEEPER, SEAL, reason="换章")
    for seal_id, department in ((new, "market"), ("none", "education")):
        with pytest.raises(Refused):
            desk.catalogue.change_seal(TEACHER, department, seal_id, KEEPER.actor)
    desk.catalogue.change_seal(TEACHER, "education", new, KEEPER.actor)
    [done] = desk.resealer.reseal(SEAL, officer=USER.actor, reason="换章")
    assert (done.licence_id, isinstance(done.outcome, IssuedLicence)) == (issued.licence_id, True)
    assert try_issue(desk, 1) == "ok"
    assert [u.seal_id for u in register.uses(new)] == [new, new]
    assert desk.resealer.affected(SEAL) == []


def test_reseal_stopped_half_way_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    [issued] = issue(desk, 0)

    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("licence_store.issuance.Issuer.produce", stop)
        with pytest.raises(KeyboardInterrupt):
            list(desk.resealer.reseal(SEAL, officer=USER.actor, reason="x"))
    [done] = desk.resealer.reseal(SEAL, officer=USER.actor, reason="x")
    assert isinstance(done.outcome, IssuedLicence)
    assert done.outcome.version == 2
    [late] = desk.resealer.reseal_many([issued.licence_id], USER.actor, "x")
    assert isinstance(late.outcome, Conflict)
    assert late.outcome.code == "licence.not_newest"


def test_void_second_version_leaves_the_first(desk: Desk) -> None:
    [issued] = issue(desk, 0)
    with pytest.raises(Refused):
        desk.resealer.reseal(SEAL, officer=USER.actor, reason="")
    from licence_store.resealing import _Reserving

    with desk.sessions.begin() as session:
        [reserved] = _Reserving(desk.issuer, session, USER.actor, "x").reserve([issued.licence_id]).values()
    assert desk.issuer.void(reserved, "officer.withdrew")  # type: ignore[arg-type]
    [done] = desk.resealer.reseal(SEAL, officer=USER.actor, reason="y")
    assert isinstance(done.outcome, IssuedLicence)
    assert done.outcome.version == 3
    assert try_issue(desk, 0) == "ok"
    recover(desk.issuer)


def test_seals_of_an_older_register_are_enrolled(database_url: str) -> None:
    """A database as the first revision left it: its seals are in use, their earlier uses in the ledger."""
    from seal.database import open_database

    sessions: Sessions = open_database(database_url, durable=False)
    migrations.upgrade(sessions, "0001")
    moment = "2026-11-20 08:00:00.123456" if sessions.dialect == "sqlite" else "2026-11-20 08:00:00.123456+00"
    with sessions.engine.begin() as connection:
        connection.execute(text("INSERT INTO department VALUES ('d', '119900000000000001', '局', :m)"), {"m": moment})
        connection.execute(
            text("INSERT INTO seal VALUES ('99000000000001', '章', 'd', :digest, 'key', :m)"),
            {"m": moment, "digest": "ab" * 32},
        )
    migrations.upgrade(sessions)
    with sessions.read() as session:
        assert [(o.number, o.digest, o.origin) for o in session.execute(select(SealObject)).scalars()] == [
            (1, "ab" * 32, "enrol")
        ]
        [event] = session.execute(select(SealEvent)).scalars()
        assert (event.state, event.effective) == ("ACTIVE", datetime(2026, 11, 20, 8, tzinfo=UTC))
        assert [(g.department_id, g.types) for g in session.execute(select(SealGrant)).scalars()] == [("d", '["*"]')]
        assert session.query(SealUse).count() == 0
    sessions.close()
