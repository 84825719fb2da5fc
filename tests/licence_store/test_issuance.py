"""Issuing: once, whole, recorded before signing; stopped anywhere it is completed or void."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from licence_store import journal, recording, reserving
from licence_store.desk import Desk, now
from licence_store.issuance import Issuer, SelfCheckFailed
from licence_store.models import IssueIntent, Licence, LicenceVersion
from licence_store.recovery import recover
from licence_store.reserving import IssuedLicence
from seal.sealing import Sealer
from tests.licence_store.conftest import OFFICER
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused, Unavailable
from trust.identifiers import parse_licence_id
from trust.journal import Actor
from verify.report import Indication

TEACHER, BUSINESS, PERMIT = "teacher-certificate", "business-licence", "pollutant-permit"


def example(desk: Desk, slug: str = TEACHER, number: int = 0, **changes: str) -> dict[str, str]:
    return {**list(desk.catalogue.get(slug).example_records(number + 1))[number], **changes}


def intents(desk: Desk) -> list[IssueIntent]:
    with desk.sessions.read() as session:
        return list(session.execute(select(IssueIntent).order_by(IssueIntent.reserved)).scalars())


def count(desk: Desk, model: type) -> int:
    with desk.sessions.read() as session:
        return session.query(model).count()


def check_sound(desk: Desk) -> None:
    """Nothing half-done: every licence has its file, every file its licence, the journal holds."""
    assert {i.state for i in intents(desk)} <= {"done", "void"}
    with desk.sessions.read() as session:
        digests = set(session.execute(select(LicenceVersion.file_digest)).scalars())
        assert journal.check_journal(session).intact
        assert session.query(Licence).count() == len(digests)
    assert set(desk.files.digests()) == digests
    numbers = [i.number for i in intents(desk)]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("slug", [TEACHER, BUSINESS, PERMIT])
def test_issued_licence_passes_and_is_found(desk: Desk, slug: str) -> None:
    record = example(desk, slug)
    issued = desk.issuer.issue(slug, record, officer=OFFICER)
    view = desk.register.find(issued.licence_id)
    assert (view.licence_id, view.state, view.summary.licence_number) == (
        issued.licence_id, "CURRENT", issued.licence_number,
    )  # fmt: skip
    assert parse_licence_id(issued.licence_id).type_code == desk.catalogue.get(slug).code
    report = desk.verifier().verify(desk.register.file(view))
    assert (report.indication, report.findings) == (Indication.PASSED, ())
    assert {f.name: f.value for f in view.message.face if f.name in record} == record
    check_sound(desk)


def test_numbers_follow_the_type(desk: Desk) -> None:
    code = example(desk, BUSINESS)["credit_code"]
    assert desk.issuer.issue(BUSINESS, example(desk, BUSINESS), officer=OFFICER).licence_number == code
    permit = example(desk, PERMIT, credit_code=code)
    assert desk.issuer.issue(PERMIT, permit, officer=OFFICER).licence_number == f"{code}001P"
    first, second = (desk.issuer.issue(TEACHER, example(desk, number=n), officer=OFFICER) for n in (0, 1))
    assert int(second.licence_number) == int(first.licence_number) + 1


def test_same_record_is_the_same_licence(desk: Desk) -> None:
    record = example(desk)
    first = desk.issuer.issue(TEACHER, record, officer=OFFICER)
    again = desk.issuer.issue("教师资格证书", {k: f" {v} " for k, v in record.items()}, officer=OFFICER)
    assert first.created
    assert again == dataclasses.replace(first, created=False)
    named = desk.issuer.issue(TEACHER, record, officer=OFFICER, record_id="甲-1")
    assert named.created
    other = example(desk, number=1, record_id="甲-1")
    assert desk.issuer.issue(TEACHER, other, officer=OFFICER).licence_id == named.licence_id
    assert count(desk, Licence) == 2


def test_same_record_twice_in_one_chunk(desk: Desk) -> None:
    record = example(desk)
    one, two = desk.issuer.issue_many(TEACHER, [record, record], OFFICER)
    assert one == two
    check_sound(desk)


def test_same_record_at_the_same_time(desk: Desk) -> None:
    record = example(desk)
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda _: desk.issuer.issue(TEACHER, record, officer=OFFICER), range(4)))
    assert len({i.licence_id for i in issued}) == 1
    assert len({i.file_digest for i in issued}) == 1
    assert count(desk, Licence) == 1
    recover(desk.issuer, sweep_after=0)
    check_sound(desk)


def test_many_at_the_same_time(desk: Desk) -> None:
    records = list(desk.catalogue.get(TEACHER).example_records(24))
    with ThreadPoolExecutor(4) as pool:
        chunks = list(pool.map(lambda n: desk.issuer.issue_many(TEACHER, records[n : n + 12], OFFICER), (0, 6, 12, 0)))
    assert all(isinstance(o, IssuedLicence) for chunk in chunks for o in chunk)
    assert count(desk, Licence) == 24
    recover(desk.issuer, sweep_after=0)
    check_sound(desk)


def test_holder_s_number_is_given_once(desk: Desk) -> None:
    record = example(desk, BUSINESS)
    first = desk.issuer.issue(BUSINESS, record, officer=OFFICER)
    changed = {**record, "name": record["name"] + "甲"}
    with pytest.raises(Conflict) as caught:
        desk.issuer.issue(BUSINESS, changed, officer=OFFICER)
    assert caught.value.code == "licence.number_in_use"
    assert first.licence_id in caught.value.message
    both = desk.issuer.issue_many(
        BUSINESS, [changed, example(desk, BUSINESS, 1), {**changed, "name": "乙公司"}], OFFICER
    )
    assert [isinstance(o, LicenceTrustError) for o in both] == [True, False, True]
    check_sound(desk)


def test_number_clash_within_a_chunk(desk: Desk) -> None:
    record = example(desk, BUSINESS)
    outcomes = desk.issuer.issue_many(BUSINESS, [record, {**record, "name": "演示乙公司"}], OFFICER)
    assert [isinstance(o, LicenceTrustError) for o in outcomes] == [False, True]


def test_bad_records_do_not_stop_the_rest(desk: Desk) -> None:
    records: list[dict[str, object]] = [
        {},
        dict(example(desk)),
        {"name": 5},
        {**example(desk, number=1), "record_id": 7},
    ]
    outcomes = desk.issuer.issue_many(TEACHER, records, OFFICER)
    assert [isinstance(o, Malformed) for o in outcomes] == [True, False, True, True]
    with desk.sessions.read() as session:
        results = [e.result for e in journal.entries(session, limit=1000) if e.action == "licence.issue"]
    assert max(results).startswith("record.")
    assert len(results) == 4


@pytest.mark.parametrize(
    ("slug", "officer", "family", "code"),
    [
        ("none", OFFICER, NotFound, "type.unknown"),
        (TEACHER, Actor("li", "market"), Refused, "grant.missing"),
        (TEACHER, Actor("li", "nowhere"), Refused, "grant.missing"),
    ],
)
def test_who_may_not(desk: Desk, slug: str, officer: Actor, family: type, code: str) -> None:
    with pytest.raises(family) as caught:
        desk.issuer.issue(slug, {}, officer=officer)
    assert caught.value.code == code
    assert intents(desk) == []


def test_expired_before_issue(desk: Desk) -> None:
    record = example(desk, PERMIT, valid_period="2015-01-01/2019-12-31")
    with pytest.raises(Malformed) as caught:
        desk.issuer.issue(PERMIT, record, officer=OFFICER)
    assert caught.value.code == "record.expired"


def test_not_yet_in_force_may_be_issued(desk: Desk) -> None:
    record = example(desk, PERMIT, valid_period="2090-01-01/2094-12-31")
    issued = desk.issuer.issue(PERMIT, record, officer=OFFICER)
    report = desk.verifier().verify(desk.files.get(issued.file_digest))
    assert report.sub_indication == "LICENCE_NOT_YET_VALID"


# What can go wrong on the way


class Broken:
    """Something that fails as it is told."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, *_args: object, **_kwargs: object) -> Any:
        raise self.error

    stamp = __call__


def with_(issuer: Issuer, **changes: object) -> Issuer:
    return dataclasses.replace(issuer, **changes)  # type: ignore[arg-type]


def test_key_away_leaves_a_reservation_that_goes_on(desk: Desk) -> None:
    away = Unavailable("keys.unavailable", "x")
    broken = with_(desk.issuer, sealer=Sealer(Broken(away), now))
    with pytest.raises(Unavailable):
        broken.issue(TEACHER, example(desk), officer=OFFICER)
    [intent] = intents(desk)
    assert intent.state == "reserved"
    assert count(desk, Licence) == 0
    with pytest.raises(NotFound):
        desk.register.find(intent.licence_id)
    assert desk.register.status(intent.licence_id, now()) is None
    assert recover(broken).waiting == (intent.licence_id,)
    issued = desk.issuer.issue(TEACHER, example(desk), officer=OFFICER)
    assert issued.licence_id == intent.licence_id
    check_sound(desk)


def test_what_cannot_be_drawn_is_void_and_its_number_with_it(desk: Desk) -> None:
    record = example(desk, name="\U0001f600")
    with pytest.raises(Malformed) as caught:
        desk.issuer.issue(TEACHER, record, officer=OFFICER)
    assert caught.value.code == "face.missing_glyph"
    [intent] = intents(desk)
    assert (intent.state, intent.payload, intent.number_held, intent.reason) == (
        "void",
        None,
        True,
        "face.missing_glyph",
    )
    issued = desk.issuer.issue(TEACHER, example(desk), officer=OFFICER)
    assert int(issued.licence_number) == int(intent.number) + 1
    with desk.sessions.read() as session:
        assert [e.subject for e in journal.entries(session, limit=999) if e.action == "licence.void"] == [
            intent.licence_id
        ]
    check_sound(desk)


def test_void_number_of_the_holder_is_free_again(desk: Desk) -> None:
    record = example(desk, BUSINESS)
    with pytest.raises(Malformed):
        desk.issuer.issue(BUSINESS, {**record, "name": "\U0001f600"}, officer=OFFICER)
    assert desk.issuer.issue(BUSINESS, record, officer=OFFICER).created


def test_output_that_fails_our_own_check_does_not_leave(desk: Desk) -> None:
    class Careless(Sealer):
        def seal(self, *args: Any, **kwargs: Any) -> Any:
            sealed = Sealer.seal(self, *args, **kwargs)
            return dataclasses.replace(sealed, data=sealed.data[:-200] + bytes(100) + sealed.data[-100:])

    careless = Careless(desk.issuer.sealer.timestamper, now)
    with pytest.raises(SelfCheckFailed):
        with_(desk.issuer, sealer=careless).issue(TEACHER, example(desk), officer=OFFICER)
    assert [i.state for i in intents(desk)] == ["void"]
    assert list(desk.files.digests()) == []


STOPS: dict[str, Callable[[pytest.MonkeyPatch, Any], None]] = {
    "after reserving": lambda patch, stop: patch.setattr(Issuer, "produce", stop),
    "drawing": lambda patch, stop: patch.setattr("licence_store.issuance.draw_face", stop),
    "sealing": lambda patch, stop: patch.setattr(Sealer, "seal", stop),
    "checking": lambda patch, stop: patch.setattr(Issuer, "check_output", stop),
    "writing the file": lambda patch, stop: patch.setattr("licence_store.files.folder.write_whole", stop),
    "flushing the file": lambda patch, stop: patch.setattr("licence_store.files.FolderStore.put_many", _put_then(stop)),
    "recording": lambda patch, stop: patch.setattr(recording, "record", stop),
    "closing the intent": lambda patch, stop: patch.setattr("licence_store.recording.close_done", stop),
    "journalling the record": lambda patch, stop: patch.setattr(recording.journal, "append", stop),
}


def _put_then(stop: Any) -> Any:
    from licence_store.files import FolderStore

    put = FolderStore.put_many

    def put_and_stop(self: FolderStore, files: Any) -> Any:
        put(self, files)
        return stop()

    return put_and_stop


@pytest.mark.parametrize("place", STOPS)
def test_stopped_anywhere_it_is_completed_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    record = example(desk)
    reserved = desk.issuer.reserve(desk.issuer.apply(TEACHER, [record], OFFICER))
    [intent] = intents(desk)
    with monkeypatch.context() as patch:
        STOPS[place](patch, Broken(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            desk.issuer.complete(reserved[0])  # type: ignore[arg-type]
    assert count(desk, Licence) == 0
    recovery = recover(desk.issuer, sweep_after=0)
    assert [i.licence_id for i in recovery.completed] == [intent.licence_id]
    assert desk.register.find(intent.licence_id).state == "CURRENT"
    assert desk.issuer.issue(TEACHER, record, officer=OFFICER).licence_id == intent.licence_id
    check_sound(desk)


def test_stopped_while_reserving_nothing_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reserving.journal, "append", Broken(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            desk.issuer.issue(TEACHER, example(desk), officer=OFFICER)
    assert intents(desk) == []
    assert desk.issuer.issue(TEACHER, example(desk), officer=OFFICER).created


def test_recovery_voids_what_it_cannot_complete(desk: Desk) -> None:
    desk.issuer.reserve(desk.issuer.apply(TEACHER, [example(desk, name="\U0001f600")], OFFICER))
    [intent] = intents(desk)
    recovery = recover(desk.issuer)
    assert (recovery.voided, recovery.completed, recovery.waiting) == ((intent.licence_id,), (), ())
    assert recover(desk.issuer).voided == ()
    check_sound(desk)


def test_recovery_leaves_what_is_young(desk: Desk) -> None:
    desk.issuer.reserve(desk.issuer.apply(TEACHER, [example(desk)], OFFICER))
    assert recover(desk.issuer, older_than=timedelta(hours=1)).completed == ()
    assert len(recover(desk.issuer).completed) == 1


def test_recovery_sweeps_orphans(desk: Desk) -> None:
    issued = desk.issuer.issue(TEACHER, example(desk), officer=OFFICER)
    desk.files.put(b"sealed, and then the power failed")
    assert recover(desk.issuer).swept == 0
    assert recover(desk.issuer, sweep_after=0).swept == 1
    assert list(desk.files.digests()) == [issued.file_digest]


def test_voided_meanwhile_is_not_recorded(desk: Desk) -> None:
    [reservation] = desk.issuer.reserve(desk.issuer.apply(TEACHER, [example(desk)], OFFICER))
    made = desk.issuer.produce(reservation)  # type: ignore[arg-type]
    assert desk.issuer.void(reservation, "officer.withdrew")  # type: ignore[arg-type]
    [outcome] = desk.issuer.record([made])
    assert isinstance(outcome, Conflict)
    assert outcome.code == "licence.voided"
    assert count(desk, Licence) == 0


def test_finished_by_another_meanwhile(desk: Desk) -> None:
    [reservation] = desk.issuer.reserve(desk.issuer.apply(TEACHER, [example(desk)], OFFICER))
    mine, theirs = (desk.issuer.produce(reservation) for _ in range(2))  # type: ignore[arg-type]
    [first] = desk.issuer.record([theirs])
    [second] = desk.issuer.record([mine])
    assert isinstance(first, IssuedLicence)
    assert second == dataclasses.replace(first, created=False)
    check_sound(desk)


def test_no_personal_value_in_the_journal(desk: Desk) -> None:
    record = example(desk)
    desk.issuer.issue(TEACHER, record, officer=OFFICER)
    with desk.sessions.read() as session:
        written = repr([(e.subject, e.reason, e.details) for e in journal.entries(session, limit=1000)])
    assert not any(record[name] in written for name in ("name", "citizen_number"))
